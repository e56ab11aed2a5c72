#pragma once

#include <optional>
#include <string_view>

#include "autograd/dependence.h"
#include "autograd/tensor.h"

namespace pyautograd {

namespace kernels {
class ArrayKernel;
struct ElementLoop;
}  // namespace kernels

// Which values a vjp rule reads. What is not saved is kept as edge (and shape) only.
struct Saves {
  static constexpr uint32_t kAll = ~uint32_t{0};
  uint32_t inputs = 0;   // bit i: input i (bit 31: input 31 and all after it)
  uint32_t outputs = 0;  // likewise
  bool specs = false;    // the rule reads VjpArgs::input_specs
  static constexpr bool has(uint32_t mask, size_t i) { return mask >> (i < 31 ? i : 31) & 1; }
};

struct VjpArgs {
  TensorSpan cotangents;              // one per output; absent: zero
  TensorSpan inputs;                  // absent where saves() does not name them
  TensorSpan outputs;                 // likewise
  std::span<const Spec> input_specs;  // only if saves().specs
  std::span<const bool> wants;        // which inputs need a cotangent
  RefCounted* context;                // what Primitive::context returned
  bool differentiable = true;         // somebody may differentiate the result
};

struct DependenceArgs {
  size_t input;          // asked for
  const Spec& x;         // of that input
  const Specs& outputs;  // of the op
  TensorSpan constants;  // inputs that vjp reads and that are not tracked; absent otherwise
};

class TaylorArgs;  // autograd/jet.h

struct BatchResult {
  Tensors outputs;
  SmallVector<int, 2> dims;  // kNotMapped or the mapped dimension of each output
};

// One op call: immutable, its parameters are its fields. Rules are written with the public ops, so
// they can be differentiated themselves.
class Primitive : public RefCounted {
 public:
  virtual std::string_view name() const = 0;
  // Shapes and dtypes of the outputs, and every argument error. Called at each level with logical
  // shapes. Empty where only eval can tell.
  virtual Specs infer(TensorSpan inputs) const = 0;
  // Level 0: inputs are arrays.
  virtual Tensors eval(TensorSpan inputs, const Specs& specs) const = 0;
  // Finds the loop that eval would run over these inputs, where that is all it does: such an op may
  // be put off (autograd/deferral.h).
  virtual bool find_loop(TensorSpan inputs, kernels::ElementLoop& loop) const;
  // The same for a kernel on whole arrays, whose output is row-major.
  virtual bool find_kernel(TensorSpan inputs, const Specs& specs,
                           kernels::ArrayKernel& kernel) const;
  // One cotangent per input, absent where zero or not wanted. Shape and dtype may still be the
  // broadcast, promoted ones: the engine reduces each to those of its edge.
  virtual Tensors vjp(const VjpArgs& args) const;
  // One tangent per output, absent where zero; broadcast and cast to the output by the caller.
  virtual Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const;
  // Coefficients of the outputs' Taylor series, absent where zero; nothing: derived from jvp. For
  // ops whose jvp contains the op itself, and where it saves time.
  virtual std::optional<Tensors> taylor(const TaylorArgs& args) const;
  // At least one dim is mapped. Without a rule of its own a primitive, which is then a user's
  // function, is applied slice by slice, with a warning once.
  virtual BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const;
  virtual Saves saves() const { return {}; }
  // Whether it takes float16 and bfloat16 as they are, as it moves numbers or has kernels for them.
  // The others compute with float32 in their place (ops/in_single.cpp).
  virtual bool takes_halves([[maybe_unused]] TensorSpan inputs) const { return false; }
  // Whether eval gives the same bits from the same numbers whenever and however often it is called:
  // what runs Python does not.
  virtual bool recomputable() const { return true; }
  // Whether a captured call notes it, to run it again; else the ops are noted that eval asks for.
  virtual bool repeatable() const { return recomputable(); }
  // Whether eval takes long, runs nobody's code and fails for want of memory only: it may be left
  // undone until somebody asks for the numbers.
  virtual bool may_wait() const { return false; }
  // Whether the output is the first input, element by element.
  virtual bool copies() const { return false; }
  // Whether eval may return memory of its first input.
  virtual bool may_view() const { return false; }
  // Where eval copies a part of its first input, so that later writes do not show: that part as a
  // view, for readers that come before any write.
  virtual Tensors shown([[maybe_unused]] TensorSpan inputs) const { return {}; }
  // What vjp reads when only these inputs are tracked: a product with a constant need not keep the
  // other factor.
  virtual Saves saves_for([[maybe_unused]] std::span<const bool> tracked) const { return saves(); }
  // For a captured call in which nobody else reads what `maker` makes, one of them an input of this
  // op: the op that does the work of both, and which inputs of this one are its own.
  struct Combined {
    Ref<const Primitive> primitive;
    SmallVector<uint8_t, 2> inputs;
  };
  virtual Combined with_maker([[maybe_unused]] const Primitive& maker,
                              [[maybe_unused]] const Specs& outputs) const {
    return {};
  }
  // What the pattern of a Jacobian needs to know. Level 0.
  virtual Dependence dependence([[maybe_unused]] const DependenceArgs& args) const { return {}; }
  // Extra state for the vjp of this very call, made when a node is recorded.
  virtual Ref<RefCounted> context(TensorSpan inputs, TensorSpan outputs) const;
  // What vjp reads, where that is known only per call; takes the place of saves_for.
  virtual Saves saves_with([[maybe_unused]] const RefCounted& context) const { return saves(); }
};

// A few tensors side by side without touching their reference counts. The originals must outlive
// it.
template <size_t N>
class Borrowed {
 public:
  template <class... Args>
    requires(sizeof...(Args) == N)
  explicit Borrowed(const Args&... tensors) noexcept {
    std::byte* place = bytes_;
    ((std::memcpy(place, &tensors, sizeof(Tensor)), place += sizeof(Tensor)), ...);
  }
  operator TensorSpan() const noexcept {
    return {std::launder(reinterpret_cast<const Tensor*>(bytes_)), N};
  }

 private:
  alignas(Tensor) std::byte bytes_[N * sizeof(Tensor)];
};

// The one door: every op, at every level, goes through here.
Tensors apply(const Ref<const Primitive>& primitive, TensorSpan inputs);
inline Tensor apply1(const Ref<const Primitive>& primitive, TensorSpan inputs) {
  return std::move(apply(primitive, inputs)[0]);
}
inline Tensor apply1(const Ref<const Primitive>& primitive, const Tensor& x) {
  return apply1(primitive, TensorSpan(&x, 1));
}

// Slice by slice along the mapped dimensions, then stack: right for every primitive, slow.
BatchResult batch_by_loop(const Primitive& primitive, int64_t size, TensorSpan values,
                          std::span<const int> dims);

// Where warnings go ("[name] has no batching rule"); the Python layer installs warnings.warn.
enum class Warning : uint8_t { General, DiscardsImaginary };
void set_warning_sink(void (*sink)(Warning kind, const char* message)) noexcept;
void warn(const std::string& message, Warning kind = Warning::General);

}  // namespace pyautograd
