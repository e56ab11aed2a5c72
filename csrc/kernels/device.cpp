#include "kernels/device.h"

#include <algorithm>

#include "core/array.h"

namespace pyautograd::kernels {

namespace {

// The numbers of x, row-major and without gaps, where x lies.
Ref<Array> packed(const View& x, DType dtype) {
  Ref<Array> out = Array::empty(Dims(x.shape), dtype, x.device);
  copy(out->device_view(), x);
  return out;
}

bool is_plain(const View& x, DType dtype) {
  return x.dtype == dtype && is_contiguous(x.shape, x.strides);
}

void move_bytes(const View& out, const View& x, size_t bytes) {
  if (!on_device(x)) {
    backend().to_device(out.device.index, out.data, x.data, bytes);
  } else if (!on_device(out)) {
    backend().to_host(x.device.index, out.data, x.data, bytes);
  } else {
    backend().between(out.device.index, out.data, x.device.index, x.data, bytes);
  }
}

// One number seen through strides of zero travels as one.
void copy_constant(const View& out, const View& x) {
  const Dims none;
  const Ref<Array> there = Array::empty({}, x.dtype, out.device);
  move_bytes(there->device_view(), x, static_cast<size_t>(itemsize(x.dtype)));
  copy(out, {there->address(), x.dtype, out.shape, x.strides, out.device});
}

}  // namespace

void copy_between(const View& out, const View& x) {
  const int64_t count = count_elements(out.shape);
  if (count == 0) return;
  if (out.device == x.device) return run_on_device(&DeviceKernels::copy, out.device, out, x);
  const bool constant =
      std::all_of(x.strides.begin(), x.strides.end(), [](int64_t s) { return s == 0; });
  if (constant && count > 1) return copy_constant(out, x);
  // Converted on the host, if the host is one of the two, and gathered where each lies.
  const DType travels = on_device(x) && !on_device(out) ? x.dtype : out.dtype;
  Ref<Array> from, to;
  View source = x, target = out;
  if (!is_plain(x, travels)) source = (from = packed(x, travels))->device_view();
  if (!is_plain(out, travels)) {
    to = Array::empty(Dims(out.shape), travels, out.device);
    target = to->device_view();
  }
  move_bytes(target, source, static_cast<size_t>(count * itemsize(travels)));
  if (to) copy(out, target);
}

bool any_on_device(FnId predicate, const View& x) {
  const Ref<Array> marks = Array::empty(Dims(x.shape), DType::Bool, x.device);
  run_on_device(&DeviceKernels::unary, x.device, predicate, marks->device_view(), x);
  const Ref<Array> any = Array::empty(Dims(x.shape.size(), 1), DType::Bool, x.device);
  run_on_device(&DeviceKernels::reduce, x.device, Reduce::Any, any->device_view(),
                marks->device_view());
  bool result = false;
  backend().to_host(x.device.index, &result, any->address(), sizeof result);
  return result;
}

}  // namespace pyautograd::kernels
