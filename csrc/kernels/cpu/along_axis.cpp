// Kernels that treat one axis line by line: softmax, logsumexp, argmax, scans.

#include "kernels/cpu/lines.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {

namespace {

// A 0-d array is one line of one element.
struct OneLine {
  explicit OneLine(const View& view) : view(view) {
    if (view.shape.empty()) this->view.shape = this->view.strides = kOne;
  }
  View view;
  static constexpr std::array<int64_t, 1> kOne{1};
};

template <class F, class T>
void scan_line(T* out, const T* x, int64_t n, bool reverse) {
  if (n == 0) return;
  int64_t step = reverse ? -1 : 1;
  if (reverse) out += n - 1, x += n - 1;
  T total = *x;
  *out = total;
  for (int64_t i = 1; i < n; ++i) {
    total = Formula<F, T>()(total, x[i * step]);
    out[i * step] = total;
  }
}

template <class T>
void scan_line(Scan kind, T* out, const T* x, int64_t n, bool reverse) {
  switch (kind) {
    case Scan::Sum:
      return scan_line<Add>(out, x, n, reverse);
    case Scan::Prod:
      return scan_line<Multiply>(out, x, n, reverse);
    case Scan::Max:
      if constexpr (accepts<Maximum, T>()) scan_line<Maximum>(out, x, n, reverse);
      return;
    case Scan::Min:
      if constexpr (accepts<Minimum, T>()) scan_line<Minimum>(out, x, n, reverse);
      return;
    case Scan::LogSumExp:
      if constexpr (is_float<T>) scan_line<LogAddExp>(out, x, n, reverse);
      return;
  }
}

}  // namespace

void softmax(const View& out, const View& x, int axis, bool log) {
  OneLine o(out), a(x);
  auto row = loops().softmax[int(x.dtype)];
  int64_t n = a.view.shape[axis];
  Lines(o.view, a.view, axis, true).run([&](void* to, const void* from) { row(to, from, n, log); });
}

void logsumexp(const View& out, const View& x, int axis) {
  OneLine o(out), a(x);
  auto row = loops().logsumexp[int(x.dtype)];
  int64_t n = a.view.shape[axis];
  Lines(o.view, a.view, axis, false).run([&](void* to, const void* from) { row(to, from, n); });
}

void arg_reduce(bool maximum, const View& out, const View& x, int axis) {
  OneLine o(out), a(x);
  auto row = loops().arg_reduce[int(x.dtype)];
  int64_t n = a.view.shape[axis];
  Lines(o.view, a.view, axis, false).run([&](void* to, const void* from) {
    *static_cast<int64_t*>(to) = row(maximum, from, n);
  });
}

void scan(Scan kind, const View& out, const View& x, int axis, bool reverse) {
  OneLine o(out), a(x);
  int64_t n = a.view.shape[axis];
  visit_dtype(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    Lines(o.view, a.view, axis, true).run([&](void* to, const void* from) {
      scan_line(kind, static_cast<T*>(to), static_cast<const T*>(from), n, reverse);
    });
  });
}

}  // namespace pyautograd::kernels
