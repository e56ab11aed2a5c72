#pragma once

// The kernels of devices other than the host: the doors of kernels.h as a table, which the library
// of such a device fills in (core/backend.h).

#include <algorithm>
#include <functional>
#include <utility>

#include "core/backend.h"
#include "kernels/device_linalg.h"
#include "kernels/kernels.h"
#include "kernels/random.h"
#include "kernels/special.h"
#include "kernels/windows.h"

namespace pyautograd::kernels {

// All views lie on the device of the first one; inputs of unary, binary and where may also be
// constants of the host, with strides of zero. Each gives false where this build has no kernel for
// the dtypes, and what is null has no kernel at all.
struct DeviceKernels {
  bool (*unary)(FnId fn, const View& out, const View& x);
  bool (*binary)(FnId fn, const View& out, const View& x, const View& y);
  bool (*where)(const View& out, const View& condition, const View& x, const View& y);
  bool (*copy)(const View& out, const View& x);
  bool (*fill)(const View& out, double value);
  bool (*fill_int)(const View& out, int64_t value);
  bool (*arange)(const View& out, double start, double step);
  bool (*reduce)(Reduce kind, const View& out, const View& x);
  bool (*arg_reduce)(bool maximum, const View& out, const View& x, int axis);
  bool (*scan)(Scan kind, const View& out, const View& x, int axis, bool reverse);
  bool (*softmax)(const View& out, const View& x, int axis, bool log);
  bool (*logsumexp)(const View& out, const View& x, int axis);
  bool (*matmul)(const View& out, const View& a, const View& b, bool tf32);
  // index is int64, negative numbers of it count from the end if `from_end`; `bad` is a bool that
  // becomes true if one is out of range.
  bool (*normalize_index)(const View& out, const View& index, int64_t size, bool from_end,
                          const View& bad);
  bool (*gather)(const View& out, const View& x, std::span<const View> index);
  bool (*scatter)(const View& out, const View& updates, std::span<const View> index, bool add);
  bool (*take_along_axis)(const View& out, const View& x, const View& index, int axis);
  bool (*put_along_axis)(const View& out, const View& updates, const View& index, int axis,
                         bool add);
  // As many first places as out takes.
  bool (*argsort)(const View& out, const View& x, int axis, bool descending);
  bool (*searchsorted)(const View& out, const View& lines, const View& values, bool right);
  bool (*arg_scan)(bool maximum, const View& out, const View& x, int axis);
  bool (*recurrence)(const View& out, const View& a, const View& b, int axis, bool reverse);
  // Lines of shape (L, n), complex and without gaps, in place and without a scale.
  bool (*fft)(const View& x, bool inverse);
  bool (*convolve)(const View& out, const View& x, const View& y, int64_t start);
  bool (*window_product)(WindowFactor wanted, const View& out, const View& first,
                         const View& second, const Windows& windows, bool tf32);
  bool (*products_along)(const View& out, const View& a, const View& b, int axis);
  bool (*special)(std::string_view name, const Orders& orders, const View& out,
                  std::span<const View> inputs);
  bool (*write_place)(const View& out, const RandomPlace& place);
  bool (*base_draw)(BaseDraw kind, const View& out, const RandomPlace& from, const View& found);
  bool (*parameter_draw)(ParameterDraw kind, const View& out, const RandomPlace& from,
                         const View& found, const View& index, std::span<const View> parameters);
  bool (*gamma_shape_slopes)(const View& out, const View& a, const View& y, int order);
  bool (*log_gamma_slopes)(const View& out, const View& a, int order);
  DeviceLinalg linalg;
};

inline bool on_device(const View& x) { return x.device.kind != Device::Kind::CPU; }

// Memory of a device that a kernel writes, where no view says so.
struct Written {
  const void* data;
};

// Around a kernel that works on these arguments: places it among the work of other streams. The
// first view is what it writes; further ones that it writes must be fresh, or be named so.
class KernelScope {
 public:
  template <class... Args>
  explicit KernelScope(Device device, const Args&... args)
      : backend_(backend()), device_(device.index) {
    (add(args), ...);
    if (backend_.orders_work(device_)) backend_.before(device_, written_, read_);
  }
  ~KernelScope() {
    if (backend_.orders_work(device_)) backend_.after(device_, written_, read_);
  }
  KernelScope(const KernelScope&) = delete;
  KernelScope& operator=(const KernelScope&) = delete;
  const DeviceKernels& kernels() const { return backend_.kernels(); }

 private:
  template <class T>
  void add(const T&) {}
  void add(const View& x) {
    const bool wrote = std::exchange(first_, false);
    const bool empty = std::find(x.shape.begin(), x.shape.end(), 0) != x.shape.end();
    if (!on_device(x) || empty) return;
    if (wrote)
      written_.push_back(x.data);
    else
      read_.push_back(x.data);
  }
  void add(const Written& memory) {
    if (memory.data) written_.push_back(memory.data);
  }
  void add(std::span<const View> views) {
    for (const View& x : views) add(x);
  }

  Backend& backend_;
  const int device_;
  bool first_ = true;
  SmallVector<const void*, 2> written_;
  SmallVector<const void*, 4> read_;
};

// A routine of linear algebra on this memory, any of which it may write; null is none.
class LinalgCall {
 public:
  template <class... Memory>
  explicit LinalgCall(Device device, const Memory*... memory)
      : scope_(device, Written{memory}...) {}
  const DeviceLinalg* operator->() const { return &scope_.kernels().linalg; }

 private:
  const KernelScope scope_;
};

// Whether the device has done it. For kernels that take numbers of the host, too.
template <class... Params, class... Args>
bool done_by_device(bool (*DeviceKernels::*kernel)(Params...), Device device, const Args&... args) {
  const KernelScope scope(device, args...);
  const auto run = scope.kernels().*kernel;
  return run && run(args...);
}

// As if the host's numbers had been asked for where the op has no kernel for the device.
template <class... Params, class... Args>
void run_with_numbers(bool (*DeviceKernels::*kernel)(Params...), Device device,
                      const Args&... args) {
  if (!done_by_device(kernel, device, args...)) not_on_host(device);
}

// Whether an argument of a kernel lies where the kernel runs.
template <class T>
bool is_beside(const T&, Device) {
  return true;
}
inline bool is_beside(const View& x, Device device) { return x.device == device || !x.data; }
inline bool is_beside(std::span<const View> views, Device device) {
  for (const View& x : views)
    if (!is_beside(x, device)) return false;
  return true;
}

template <class... Params, class... Args>
void run_on_device(bool (*DeviceKernels::*kernel)(Params...), Device device, const Args&... args) {
  if (!(... && is_beside(args, device))) not_on_host(device);
  run_with_numbers(kernel, device, args...);
}

// What no kernel of the device does: by the host, on copies of the inputs.
void compute_on_host(const View& out, std::span<const View> inputs,
                     const std::function<void(const View&, std::span<const View>)>& compute);

// Whether devices may round the factors of float32 products to TensorFloat-32's eleven bits, in
// this thread.
bool& tf32_allowed();

// Within a captured call of a device: true, and where it holds in a replay the graph is told what
// was at fault. False elsewhere, where the host can look.
bool reported_later(const View& truth, Backend::Fault fault);

// Between devices, or on one that is not the host.
void copy_between(const View& out, const View& x);
// From the host; where x is pinned memory, laid out as out, the device reads it later.
void copy_later(const View& out, const View& x);
// Whether the functor, or a number itself, is true anywhere.
bool any_on_device(FnId predicate, const View& x);
bool normalize_index_on_device(const View& out, const View& index, int64_t size, int64_t* bad);

void sort_on_device(const View& out, const View& x, int axis, bool descending);
// The first places of an argsort, as many as out takes.
void select_on_device(const View& out, const View& x, int axis, bool descending);

}  // namespace pyautograd::kernels
