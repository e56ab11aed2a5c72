#include "ops/reduce.h"

#include "kernels/kernels.h"
#include "ops/index.h"

namespace pyautograd {

namespace ops {

ReducedAxes ReducedAxes::behind_mapped() const {
  ReducedAxes shifted = *this;
  for (int64_t& axis : shifted.axes) ++axis;
  return shifted;
}

int64_t ReducedAxes::count(std::span<const int64_t> x_shape) const noexcept {
  int64_t n = 1;
  for (int64_t axis : axes) n *= x_shape[axis];
  return n;
}

Dims ReducedAxes::kept_shape(std::span<const int64_t> x_shape) const {
  Dims shape(x_shape);
  for (int64_t axis : axes) shape[axis] = 1;
  return shape;
}

Dims ReducedAxes::shape(std::span<const int64_t> x_shape) const {
  Dims shape = kept_shape(x_shape);
  if (keepdims) return shape;
  for (size_t i = axes.size(); i-- > 0;) shape.erase(axes[i]);
  return shape;
}

Tensor ReducedAxes::restore(const Tensor& reduced) const {
  return keepdims || axes.empty() ? reduced : expand_dims(reduced, axes);
}

Specs Reduction::infer(TensorSpan inputs) const {
  const Tensor& x = inputs[0];
  return {Spec{over_.shape(x.shape()), result_dtype(x.dtype()), x.device()}};
}

Tensor sum_of_squares(const Tensor& x, const ReducedAxes& over) {
  if (is_complex(x.dtype())) {
    const Tensor squares = square(real(x)) + square(imag(x));
    return sum(squares, over.axes, {}, over.keepdims);
  }
  Ref<Array> out = Array::empty(over.shape(x.shape()), x.dtype(), x.device());
  const Dims kept = over.kept_shape(x.shape()), strides = contiguous_strides(kept);
  kernels::reduce(kernels::Reduce::SumOfSquares,
                  {out->address(), out->dtype, kept, strides, out->device}, x.device_view());
  return Tensor(std::move(out));
}

Dependence Reduction::dependence(const DependenceArgs& args) const {
  Dependence out = Dependence::over(over_.axes, args.x.shape.size());
  int64_t next = 0;
  for (int64_t& place : out.places) {
    if (place != Dependence::kAll || over_.keepdims) {
      place = place == Dependence::kAll ? place : next;
      ++next;
    }
  }
  return out;
}

BatchResult Reduction::batch(int64_t, TensorSpan values, std::span<const int> dims) const {
  return {{apply1(over(over_.behind_mapped()), mapped_to_front(values[0], dims[0]))}, {0}};
}

BatchResult AlongAxis::batch(int64_t size, TensorSpan values, std::span<const int> dims) const {
  Tensors fronted;
  for (size_t i = 0; i < values.size(); ++i)
    fronted.push_back(mapped_or_broadcast(values[i], dims[i], size));
  return {apply(along(axis_ + 1), fronted), {0}};
}

DType accumulator_dtype(DType dtype) noexcept {
  if (is_inexact(dtype)) return dtype;
  return is_bool(dtype) || is_signed_integer(dtype) ? DType::Int64 : DType::UInt64;
}

Tensor slice_axis(const Tensor& x, int64_t axis, int64_t start, int64_t size) {
  Slice range = whole(x.shape());
  range.start[axis] = start;
  range.size[axis] = size;
  return slice(x, range);
}

}  // namespace ops

void register_reduce(Registry& registry) {
  ops::register_sums(registry);
  ops::register_products(registry);
  ops::register_extrema(registry);
  ops::register_moments(registry);
  ops::register_softmax(registry);
  ops::register_scans(registry);
}

}  // namespace pyautograd
