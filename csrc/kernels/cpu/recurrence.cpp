#include "kernels/cpu/move.h"
#include "kernels/device_input.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels {

namespace {

template <class T>
void recur(T* out, int64_t out_step, const T* a, int64_t a_step, const T* b, int64_t b_step,
           int64_t n) {
  Formula<Add, T> plus;
  Formula<Multiply, T> times;
  T y = 0;
  for (int64_t i = 0; i < n; ++i) {
    // The first factor has nothing to multiply, and may be infinite.
    y = i == 0 ? b[0] : plus(times(a[i * a_step], y), b[i * b_step]);
    out[i * out_step] = y;
  }
}

// The same elements, backwards along the axis.
struct Line {
  int64_t start, step;
  Line(const View& view, int axis, bool reverse) : start(0), step(view.strides[axis]) {
    if (!reverse) return;
    start = (view.shape[axis] - 1) * step;
    step = -step;
  }
};

}  // namespace

void recurrence(const View& out, const View& a, const View& b, int axis, bool reverse) {
  if (on_device(out)) {
    const DeviceInput factor(a, out.device), term(b, out.device);
    return run_on_device(&DeviceKernels::recurrence, out.device, out, factor.view(), term.view(),
                         axis, reverse);
  }
  const int64_t length = out.shape[axis];
  Dims rest(out.shape);
  rest[axis] = length > 0 ? 1 : 0;
  const Nest<3> nest(rest, {out.strides, a.strides, b.strides});
  const Line y(out, axis, reverse), factor(a, axis, reverse), term(b, axis, reverse);
  visit_dtype(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_inexact(dtype_of<T>)) {
      T* to = static_cast<T*>(out.data) + y.start;
      const T* p = static_cast<const T*>(a.data) + factor.start;
      const T* q = static_cast<const T*>(b.data) + term.start;
      const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, length));
      parallel_for(nest.count(), grain, [&](int64_t begin, int64_t end) {
        nest.walk(begin, end, [&](const auto& o, int64_t n) {
          for (int64_t i = 0; i < n; ++i)
            recur(to + o[0] + i * nest.stride(0), y.step, p + o[1] + i * nest.stride(1),
                  factor.step, q + o[2] + i * nest.stride(2), term.step, length);
        });
      });
    }
  });
}

}  // namespace pyautograd::kernels
