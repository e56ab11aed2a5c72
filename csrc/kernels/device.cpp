#include "kernels/device.h"

#include <algorithm>

#include "core/strides.h"
#include "kernels/device_input.h"

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

void compute_on_host(const View& out, std::span<const View> inputs,
                     const std::function<void(const View&, std::span<const View>)>& compute) {
  SmallVector<Ref<Array>, 3> copies;
  SmallVector<View, 3> views;
  for (const View& x : inputs) {
    copies.push_back(Array::empty(Dims(x.shape), x.dtype));
    copy(copies.back()->view(), x);
  }
  for (const Ref<Array>& x : copies) views.push_back(x->view());
  const Ref<Array> result = Array::empty(Dims(out.shape), out.dtype);
  compute(result->view(), {views.begin(), views.size()});
  copy(out, result->view());
}

bool& tf32_allowed() {
  thread_local bool allowed = false;
  return allowed;
}

void copy_between(const View& out, const View& x) {
  const int64_t count = count_elements(out.shape);
  if (count == 0) return;
  if (out.device == x.device) return run_with_numbers(&DeviceKernels::copy, out.device, out, x);
  const bool constant =
      std::all_of(x.strides.begin(), x.strides.end(), [](int64_t s) { return s == 0; });
  // A number of the host goes as an argument of the kernel, for which nobody waits.
  if (constant && !on_device(x)) return run_with_numbers(&DeviceKernels::copy, out.device, out, x);
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

void copy_later(const View& out, const View& x) {
  const int64_t count = count_elements(out.shape);
  if (count == 0 || !is_plain(x, out.dtype) || !is_plain(out, out.dtype) ||
      !backend().is_pinned(x.data))
    return copy_between(out, x);
  backend().to_device_later(out.device.index, out.data, x.data,
                            static_cast<size_t>(count * itemsize(out.dtype)));
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

bool normalize_index_on_device(const View& out, const View& index, int64_t size, int64_t* bad) {
  const Device device = out.device;
  Ref<Array> integers;
  if (index.dtype != DType::Int64) integers = packed(index, DType::Int64);
  const View numbers = integers ? integers->device_view() : index;
  const bool from_end = is_signed_integer(index.dtype);
  if (void* flag = backend().captured_flag(device.index, Backend::Fault::Index)) {
    const Dims none;
    run_on_device(&DeviceKernels::normalize_index, device, out, numbers, size, from_end,
                  View{flag, DType::Bool, none, none, device});
    return true;
  }
  const Ref<Array> mark = Array::empty({}, DType::Bool, device);
  fill(mark->device_view(), 0);
  run_on_device(&DeviceKernels::normalize_index, device, out, numbers, size, from_end,
                mark->device_view());
  bool found = false;
  backend().to_host(device.index, &found, mark->address(), sizeof found);
  if (!found) return true;
  // The host finds out which.
  const Ref<Array> here = Array::empty(Dims(index.shape), index.dtype);
  copy(here->view(), index);
  return normalize_index(Array::empty(here->shape, DType::Int64)->view(), here->view(), size, bad);
}

bool reported_later(const View& truth, Backend::Fault fault) {
  if (!on_device(truth) || !backend().capturing()) return false;
  const Dims none;
  void* flag = backend().captured_flag(truth.device.index, fault);
  const View place{flag, DType::Bool, none, none, truth.device};
  run_on_device(&DeviceKernels::binary, truth.device, fn_id<LogicalOr>(), place, place, truth);
  return true;
}

void sort_on_device(const View& out, const View& x, int axis, bool descending) {
  const Ref<Array> places = Array::empty(Dims(x.shape), DType::Int64, out.device);
  run_on_device(&DeviceKernels::argsort, out.device, places->device_view(), x, axis, descending);
  take_along_axis(out, x, places->device_view(), axis);
}

void select_on_device(const View& out, const View& x, int axis, bool descending) {
  run_on_device(&DeviceKernels::argsort, out.device, out, x, axis, descending);
}

DeviceInput::DeviceInput(const View& x, Device device) : view_(x) {
  if (on_device(x)) return;
  if (!shows_one_number(x.shape, x.strides)) not_on_host(device);
  const Dims none;
  moved_ = Array::empty(none, x.dtype, device);
  if (count_elements(x.shape) > 0) copy(moved_->device_view(), {x.data, x.dtype, none, none});
  view_.data = moved_->address();
  view_.device = device;
}

}  // namespace pyautograd::kernels
