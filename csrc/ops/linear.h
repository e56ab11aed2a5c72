#pragma once

#include "ops/ops.h"

namespace pyautograd::ops {

// Zeros that take no memory: one element seen through strides of zero. For rules to read, never to
// write.
Tensor zeros_view(const Dims& shape, DType dtype, Device device = {});

// An op that is linear in its first inputs (in all, unless it says otherwise; the others are
// integers). Its tangent is the op itself, applied to the tangents.
class Linear : public Primitive {
 public:
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override;
  std::optional<Tensors> taylor(const TaylorArgs& args) const override;

 protected:
  virtual size_t linear_inputs(size_t count) const { return count; }
};

// A linear op with one input that treats every element alike: batching changes nothing.
class LinearElementwise : public Linear {
 public:
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override;
};

// astype, without a node where nothing changes.
inline Tensor cast(const Tensor& x, DType dtype) {
  return x.dtype() == dtype ? x : astype(x, dtype);
}

inline bool is_on_host(const Tensor& x) { return x.device().kind == Device::Kind::CPU; }

// x as a value of its own: what is tracked gets a node of its own, so that hooks on one do not
// reach the other.
Tensor alias(const Tensor& x);

// For ops that need an order: raises where x is complex.
void require_real(std::string_view op, const Tensor& x);

// NumPy's warning, for casts that a user asks for.
void warn_of_discarded_part(std::string_view op, DType from, DType to);
// x in the dtype that the user asked for, else in the other.
Tensor cast_for(std::string_view op, const Tensor& x, std::optional<DType> asked, DType otherwise);

// Raises where a size is negative or the whole too large to address.
void check_shape(std::string_view op, const Dims& shape, DType dtype);

// The array behind x, when it is the same for every index of every vmap; otherwise an error with
// `advice`.
const Array& concrete_array(std::string_view op, const Tensor& x, std::string_view advice);
// The integers in a concrete x, in row-major order.
Dims concrete_integers(std::string_view op, const Tensor& x);
// Whether an element is 0, or infinite; yes where nobody can tell, in a call that is captured.
bool has_zero(const Tensor& x);
bool has_infinity(const Tensor& x);
// Whether it holds anywhere, at any index of a vmap. A call that is captured takes it not to hold,
// and is not run where it does.
bool surely(const Tensor& truth);
// Whether a truth value of any device holds, which waits for that device.
bool holds(const Tensor& truth);

// The value broadcast to a place that it is assigned to. As in NumPy, it may have axes of size one
// too many in front.
Tensor fitted(std::string_view op, const Tensor& value, const Dims& shape);

int64_t checked_product(std::string_view op, int64_t a, int64_t b);

}  // namespace pyautograd::ops
