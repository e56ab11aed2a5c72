#include "autograd/layout.h"

namespace pyautograd {

AxisOrder elementwise_order(TensorSpan operands, const Dims& shape) {
  if (shape.size() < 2) return {};
  SmallVector<Dims, 3> layouts;
  for (const Tensor& x : operands) {
    const Array& array = x.array();
    if (array.contiguous() && array.shape == shape) return {};
    layouts.push_back(broadcast_strides(array.shape, array.strides, shape));
  }
  return order_in_memory(shape, {layouts.begin(), layouts.size()});
}

kernels::ArrayKernel kernel_on(const Array& x, DType dtype, Dims shape,
                               std::function<void(const View& out, const View& x)> run) {
  Dims strides = contiguous_strides(shape);
  return {
      {dtype, std::move(shape), std::move(strides)},
      {{x.dtype, x.shape, x.strides}},
      [run = std::move(run)](const View& out, std::span<const View> views) { run(out, views[0]); }};
}

}  // namespace pyautograd
