#include "ops/reduce.h"

#include "autograd/layout.h"
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

Tensors KernelReduction::eval(TensorSpan inputs, const Specs& specs) const {
  const Array& x = inputs[0].array();
  const Spec& spec = specs[0];
  Ref<Array> out = Array::empty(spec.shape, spec.dtype, spec.device);
  const Dims kept = over_.kept_shape(x.shape), strides = contiguous_strides(kept);
  run({out->address(), out->dtype, kept, strides, out->device}, x.device_view());
  return Tensors::of(Tensor(std::move(out)));
}

bool KernelReduction::find_kernel(TensorSpan inputs, const Specs& specs,
                                  kernels::ArrayKernel& kernel) const {
  const Array& x = inputs[0].array();
  kernel = kernel_on(x, specs[0].dtype, over_.kept_shape(x.shape),
                     [self = Ref<const KernelReduction>(this)](const View& out, const View& given) {
                       self->run(out, given);
                     });
  return true;
}

Tensors KernelAlongAxis::eval(TensorSpan inputs, const Specs& specs) const {
  Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
  run(out->device_view(), inputs[0].device_view());
  return Tensors::of(Tensor(std::move(out)));
}

bool KernelAlongAxis::find_kernel(TensorSpan inputs, const Specs& specs,
                                  kernels::ArrayKernel& kernel) const {
  kernel = kernel_on(inputs[0].array(), specs[0].dtype, specs[0].shape,
                     [self = Ref<const KernelAlongAxis>(this)](const View& out, const View& given) {
                       self->run(out, given);
                     });
  return true;
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
