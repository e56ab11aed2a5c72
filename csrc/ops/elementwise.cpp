#include "ops/elementwise.h"

#include "autograd/layout.h"
#include "kernels/device.h"
#include "kernels/fused.h"
#include "ops/series.h"
#include "ops/slopes.h"

namespace pyautograd::ops {

namespace {

// Below this many elements one bare loop beats setting up an iteration.
constexpr int64_t kSmall = 2048;

[[gnu::noinline]] const Array& cast_to(const Tensor& x, DType dtype, Ref<Array>& cast) {
  cast = empty_elementwise(Borrowed<1>(x), {x.shape(), dtype, x.device()});
  kernels::copy(cast->device_view(), x.device_view());
  return *cast;
}

// The array of x in another dtype, which `cast` then owns; most often x's own.
inline const Array& array_as(const Tensor& x, DType dtype, Ref<Array>& cast) {
  return x.dtype() == dtype ? x.array() : cast_to(x, dtype, cast);
}

bool is_scalar(const Array& x) { return x.shape.empty(); }
bool on_host(const Array& x) { return x.device.kind == Device::Kind::CPU; }

class Elementwise final : public Primitive {
 public:
  explicit Elementwise(const ElementwiseRow& row) : row_(row), slope_(slope_of(row.fn)) {
    for (int i = 0; i < kDTypeCount; ++i) kernels_[i] = kernel_of(row, static_cast<DType>(i));
  }

  std::string_view name() const override { return row_.name; }
  // In float32 the next number would be another one: not defined.
  bool takes_halves(TensorSpan) const override {
    return row_.fn == kernels::fn_id<kernels::NextAfter>();
  }
  bool may_view() const override { return shows_part(); }
  Dependence dependence(const DependenceArgs& args) const override {
    const Derivative& derivative = row_.derivatives[args.input];
    const bool sloped = derivative.partial || derivative.transpose;
    if (!sloped || derivative.partial == flat) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }

  Specs infer(TensorSpan x) const override {
    Specs specs;
    Spec& out = specs.emplace_back();
    out.dtype = kernel_for(x).result;
    out.device = x[0].device();
    if (x.size() == 1 || x[0].shape() == x[1].shape()) {
      out.shape = x[0].shape();
    } else {
      out.shape = broadcast_shapes(row_.name, x[0].shape(), x[1].shape());
    }
    return specs;
  }

  Tensors eval(TensorSpan x, const Specs& specs) const override {
    const Kernel& kernel = kernel_for(x);
    if (row_.fn == kernels::fn_id<kernels::Real>()) return part_view(x[0].array(), 0);
    if (row_.fn == kernels::fn_id<kernels::Imag>()) return part_view(x[0].array(), 1);
    Ref<Array> out = empty_elementwise(x, specs[0]);
    Ref<Array> cast1, cast2;
    const Array& a = array_as(x[0], kernel.compute, cast1);
    if (x.size() == 1) {
      run(kernel, *out, a);
    } else {
      const Array& b = array_as(x[1], kernel.compute, cast2);
      if (row_.fn == kernels::fn_id<kernels::Power>()) check_integer_power(b);
      run(kernel, *out, a, b);
    }
    return Tensors::of(Tensor(std::move(out)));
  }

  bool find_loop(TensorSpan x, kernels::ElementLoop& loop) const override {
    const Kernel& kernel = kernel_for(x);
    for (const Tensor& argument : x) {
      if (argument.dtype() != kernel.compute) return false;
    }
    const bool checks = row_.fn == kernels::fn_id<kernels::Power>() && !is_inexact(x[1].dtype());
    loop = {kernel.unary, kernel.binary, nullptr};
    return !shows_part() && !checks;
  }

  // Far from its limits a result tells the slope, and the argument need not be kept.
  Ref<RefCounted> context(TensorSpan, TensorSpan outputs) const override {
    static const auto* by_result = new Ref<RefCounted>(make_ref<ByResult>());
    return slope_ && !near_limit(*slope_, outputs[0]) ? *by_result : Ref<RefCounted>();
  }
  Saves saves_with(const RefCounted&) const override {
    return {.inputs = 0, .outputs = 1, .specs = false};
  }
  Saves saves_for(std::span<const bool> tracked) const override {
    uint32_t reads = 0;
    for (size_t i = 0; i < tracked.size(); ++i) {
      if (tracked[i]) reads |= row_.derivatives[i].reads;
    }
    return {.inputs = reads & kBoth, .outputs = (reads & kY) ? 1u : 0u, .specs = false};
  }

  Tensors vjp(const VjpArgs& args) const override {
    Tensors out(row_.arity);
    for (size_t i = 0; i < row_.arity; ++i) {
      if (args.wants[i]) out[i] = scaled(i, args.cotangents[0], args.inputs, args.outputs[0]);
    }
    return out;
  }

  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    Tensor sum;
    for (size_t i = 0; i < row_.arity; ++i) {
      const Partial partial = row_.derivatives[i].partial;
      if (!tangents[i] || !partial || partial == flat) continue;
      Tensor term = partial(tangents[i], primals, outputs[0]);
      sum = sum ? add(sum, term) : std::move(term);
    }
    return Tensors::of(std::move(sum));
  }

  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return elementwise_series(row_, args);
  }

  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return batch_broadcasting(*this, values, dims);
  }

 private:
  bool shows_part() const {
    return row_.fn == kernels::fn_id<kernels::Real>() || row_.fn == kernels::fn_id<kernels::Imag>();
  }
  // A derivative that is zero everywhere still reaches the leaf, as zeros.
  Tensor scaled(size_t i, const Tensor& t, TensorSpan x, const Tensor& y) const {
    const Derivative& derivative = row_.derivatives[i];
    const Partial partial = derivative.transpose ? derivative.transpose : derivative.partial;
    return partial ? partial(t, x, y) : zeros_like(t);
  }

  // What to run for inputs of one dtype, looked up once per op rather than once per call.
  struct Kernel {
    DType compute = DType::Float64;
    DType result = DType::Float64;
    bool defined = false;
    kernels::Loop1 unary = nullptr;
    kernels::Loop2 binary = nullptr;
  };

  static Kernel kernel_of(const ElementwiseRow& row, DType dtype) {
    Kernel kernel;
    kernel.compute = row.floating ? to_floating(dtype) : dtype;
    if (is_bool(kernel.compute) && !kernels::supports(row.fn, DType::Bool) && !row.rejects_bool)
      kernel.compute = DType::Int8;
    kernel.defined = kernels::supports(row.fn, kernel.compute);
    if (!kernel.defined) return kernel;
    kernel.result = kernels::result_dtype(row.fn, kernel.compute);
    if (row.arity == 1) {
      kernel.unary = kernels::unary_loop(row.fn, kernel.compute);
    } else {
      kernel.binary = kernels::binary_loop(row.fn, kernel.compute);
    }
    return kernel;
  }

  const Kernel& kernel_for(TensorSpan x) const {
    DType dtype = x[0].dtype();
    if (x.size() == 2 && x[1].dtype() != dtype) dtype = promote(dtype, x[1].dtype());
    const Kernel& kernel = kernels_[static_cast<size_t>(dtype)];
    if (!kernel.defined) undefined(x);
    return kernel;
  }

  [[noreturn]] void undefined(TensorSpan x) const {
    if (x.size() == 1)
      type_error("[", row_.name, "] is not defined for dtype ", name_of(x[0].dtype()), advice(x));
    type_error("[", row_.name, "] is not defined for dtypes ", name_of(x[0].dtype()), " and ",
               name_of(x[1].dtype()), advice(x));
  }

  static const char* advice(TensorSpan x) {
    const bool complex = is_complex(x[0].dtype()) || is_complex(x[x.size() - 1].dtype());
    return complex ? ": take abs, real or imag first" : "";
  }

  static void check_integer_power(const Array& exponent) {
    if (!is_signed_integer(exponent.dtype) || exponent.size() == 0) return;
    Ref<Array> least =
        Array::empty(Dims(exponent.shape.size(), 1), exponent.dtype, exponent.device);
    kernels::reduce(kernels::Reduce::Min, least->device_view(), exponent.device_view());
    Ref<Array> wide = Array::empty(least->shape, DType::Int64);
    kernels::copy(wide->view(), least->device_view());
    if (*wide->data<int64_t>() < 0) {
      value_error(
          "[power] integers to negative integer powers are not allowed; make the base a float");
    }
  }

  // Real and imaginary parts lie side by side: every second number of the complex one's memory.
  static Tensors part_view(const Array& x, int64_t part) {
    Dims strides = x.strides;
    for (int64_t& stride : strides) stride *= 2;
    return Tensors::of(Tensor(make_ref<Array>(x.storage, x.shape, std::move(strides),
                                              2 * x.offset + part, real_of(x.dtype))));
  }

  void run(const Kernel& kernel, const Array& out, const Array& x) const {
    const int64_t n = out.size();
    if (n <= kSmall && x.contiguous() && on_host(out)) {
      kernel.unary(out.address(), x.address(), n);
    } else {
      kernels::unary(row_.fn, out.device_view(), x.device_view());
    }
  }

  void run(const Kernel& kernel, const Array& out, const Array& a, const Array& b) const {
    const int64_t n = out.size();
    const bool a_full = a.shape == out.shape, b_full = b.shape == out.shape;
    if (n <= kSmall && (a_full ? a.contiguous() : is_scalar(a)) &&
        (b_full ? b.contiguous() : is_scalar(b)) && on_host(out)) {
      kernel.binary(out.address(), a.address(), b.address(), n, !a_full, !b_full);
      return;
    }
    const Dims a_strides = broadcast_strides(a.shape, a.strides, out.shape),
               b_strides = broadcast_strides(b.shape, b.strides, out.shape);
    kernels::binary(row_.fn, out.device_view(),
                    {a.address(), a.dtype, out.shape, a_strides, a.device},
                    {b.address(), b.dtype, out.shape, b_strides, b.device});
  }

  struct ByResult final : RefCounted {};

  const ElementwiseRow& row_;
  const std::optional<kernels::FnId> slope_;
  std::array<Kernel, kDTypeCount> kernels_;
};

struct Table {
  static constexpr size_t kFunctors = kernels::Unary::size + kernels::Binary::size;
  std::array<Ref<const Primitive>, kFunctors> primitives;
  Table() {
    for (const ElementwiseRow& row : elementwise_rows())
      primitives[row.fn] = Ref<const Primitive>(make_ref<Elementwise>(row));
  }
};

}  // namespace

Tensor flat(const Tensor& t, TensorSpan, const Tensor&) { return zeros_like(t); }

const Ref<const Primitive>& elementwise_primitive(kernels::FnId fn) {
  static const Table* table = new Table;
  return table->primitives[fn];
}

}  // namespace pyautograd::ops
