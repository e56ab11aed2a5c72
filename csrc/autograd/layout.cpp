#include "autograd/layout.h"

#include "kernels/kernels.h"

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

Ref<Array> packed(const Array& x) {
  Ref<Array> out = Array::empty(x.shape, x.dtype);
  kernels::copy(out->view(), x.view());
  return out;
}

kernels::ArrayKernel packing_kernel(const Array& x) {
  return {{x.dtype, x.shape, contiguous_strides(x.shape)},
          {{x.dtype, x.shape, x.strides}},
          [](const View& out, std::span<const View> views) { kernels::copy(out, views[0]); }};
}

}  // namespace pyautograd
