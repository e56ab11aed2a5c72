#pragma once

// The kernels of devices other than the host: the doors of kernels.h as a table, which the library
// of such a device fills in (core/backend.h).

#include "core/backend.h"
#include "kernels/kernels.h"

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
  bool (*matmul)(const View& out, const View& a, const View& b);
  bool (*gather)(const View& out, const View& x, std::span<const View> index);
  bool (*scatter)(const View& out, const View& updates, std::span<const View> index, bool add);
};

inline bool on_device(const View& x) { return x.device.kind != Device::Kind::CPU; }

// As if the host's numbers had been asked for: the op has no kernel for the device.
template <class... Params, class... Args>
void run_on_device(bool (*DeviceKernels::*kernel)(Params...), Device device, const Args&... args) {
  const auto run = backend().kernels().*kernel;
  if (!run || !run(args...)) not_on_host(device);
}

// Between devices, or on one that is not the host.
void copy_between(const View& out, const View& x);
// Whether the functor, or a number itself, is true anywhere.
bool any_on_device(FnId predicate, const View& x);

}  // namespace pyautograd::kernels
