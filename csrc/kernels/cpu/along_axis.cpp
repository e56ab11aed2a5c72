// Kernels that treat one axis line by line: softmax, logsumexp, argmax, scans.

#include "kernels/cpu/lines.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/device.h"

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

// Extrema of numbers without nan, which one instruction finds; what comes after a nan is nan. The
// first of equals stays, which tells zeros apart.
template <class F, class T>
  requires is_float<T>
void scan_extrema(T* out, const T* x, int64_t n, bool reverse) {
  constexpr int64_t kBlock = 256;
  const int64_t step = reverse ? -1 : 1;
  if (reverse) out += n - 1, x += n - 1;
  T total = n > 0 ? *x : T();
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = std::min(n, begin + kBlock);
    const T before = total;
    bool ordered = before == before;
    const auto later = [](T first, T second) {
      if constexpr (std::is_same_v<F, Maximum>)
        return second > first ? second : first;
      else
        return second < first ? second : first;
    };
    int64_t i = begin;
    for (; i + 4 <= end; i += 4) {  // one step of the chain for four elements
      const T a = x[i * step], b = x[(i + 1) * step], c = x[(i + 2) * step], d = x[(i + 3) * step];
      ordered &= (a == a) & (b == b) & (c == c) & (d == d);
      const T ab = later(a, b), cd = later(c, d), abc = later(ab, c), all = later(ab, cd);
      out[i * step] = later(total, a);
      out[(i + 1) * step] = later(total, ab);
      out[(i + 2) * step] = later(total, abc);
      out[(i + 3) * step] = total = later(total, all);
    }
    for (; i < end; ++i) {
      const T value = x[i * step];
      ordered &= value == value;
      out[i * step] = total = later(total, value);
    }
    if (ordered) continue;
    total = before;
    for (i = begin; i < end; ++i) out[i * step] = total = F()(x[i * step], total);
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
      if constexpr (is_float<T>)
        scan_extrema<Maximum>(out, x, n, reverse);
      else if constexpr (accepts<Maximum, T>())
        scan_line<Maximum>(out, x, n, reverse);
      return;
    case Scan::Min:
      if constexpr (is_float<T>)
        scan_extrema<Minimum>(out, x, n, reverse);
      else if constexpr (accepts<Minimum, T>())
        scan_line<Minimum>(out, x, n, reverse);
      return;
    case Scan::LogSumExp:
      if constexpr (accepts<LogAddExp, T>()) scan_line<LogAddExp>(out, x, n, reverse);
      return;
  }
}

FnId step_of(Scan kind) {
  switch (kind) {
    case Scan::Sum:
      return fn_id<Add>();
    case Scan::Prod:
      return fn_id<Multiply>();
    case Scan::Max:
      return fn_id<Maximum>();
    case Scan::Min:
      return fn_id<Minimum>();
    case Scan::LogSumExp:
      break;
  }
  return fn_id<LogAddExp>();
}

// An axis along which lines lie one beside the other in both, or -1.
int axis_of_neighbours(const View& out, const View& x, int axis) {
  constexpr int64_t kFew = 8;
  for (size_t d = 0; d < x.shape.size(); ++d)
    if (int(d) != axis && x.shape[d] >= kFew && out.strides[d] == 1 && x.strides[d] == 1)
      return int(d);
  return -1;
}

// Lines that lie side by side advance together: row after row, each from the one before.
void scan_rows(Scan kind, const View& out, const View& x, int axis, int across, bool reverse) {
  constexpr int64_t kWidth = 1024;
  const Loop2 step = binary_loop(step_of(kind), x.dtype);
  const int64_t size = itemsize(x.dtype), n = x.shape[axis], width = x.shape[across];
  const int64_t sign = reverse ? -size : size;
  const int64_t out_step = sign * out.strides[axis], x_step = sign * x.strides[axis];
  Dims rest(x.shape);
  rest[axis] = rest[across] = 1;
  const Nest<2> nest(rest, {out.strides, x.strides});
  const auto run = [&](char* to, const char* from, int64_t count) {
    if (reverse) to -= (n - 1) * out_step, from -= (n - 1) * x_step;
    std::memcpy(to, from, size_t(count * size));
    for (int64_t i = 1; i < n; ++i) {
      char* before = to;
      to += out_step, from += x_step;
      step(to, from, before, count, false, false);  // the second of equals is the extremum
    }
  };
  const int64_t pieces = (width + kWidth - 1) / kWidth;
  const int64_t grain = std::max<int64_t>(1, kGrain / (n * std::min(width, kWidth)));
  parallel_for(nest.count() * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p % pieces * kWidth;
      nest.walk(p / pieces, p / pieces + 1, [&](const auto& offsets, int64_t) {
        run(bytes_at(out.data, (offsets[0] + first) * size),
            bytes_at(x.data, (offsets[1] + first) * size), std::min(kWidth, width - first));
      });
    }
  });
}

// Lines that lie side by side: as many at a time as keep their best elements in registers' reach.
void arg_reduce_columns(bool maximum, const View& out, const View& x, int axis, int across) {
  const auto loop = loops().arg_columns[int(x.dtype)];
  const int64_t size = itemsize(x.dtype), n = x.shape[axis], width = x.shape[across];
  Dims rest(x.shape);
  rest[axis] = rest[across] = 1;
  const Nest<2> nest(rest, {out.strides, x.strides});
  const int64_t pieces = (width + kArgColumns - 1) / kArgColumns;
  const int64_t grain = std::max<int64_t>(1, kGrain / (n * std::min(width, kArgColumns)));
  parallel_for(nest.count() * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p % pieces * kArgColumns;
      nest.walk(p / pieces, p / pieces + 1, [&](const auto& offsets, int64_t) {
        loop(maximum, static_cast<int64_t*>(out.data) + offsets[0] + first,
             bytes_at(x.data, (offsets[1] + first) * size), n, x.strides[axis],
             std::min(kArgColumns, width - first));
      });
    }
  });
}

}  // namespace

void softmax(const View& out, const View& x, int axis, bool log) {
  if (on_device(out)) return run_on_device(&DeviceKernels::softmax, out.device, out, x, axis, log);
  OneLine o(out), a(x);
  auto row = loops().softmax[int(x.dtype)];
  int64_t n = a.view.shape[axis];
  Lines(o.view, a.view, axis).run([&](void* to, const void* from) { row(to, from, n, log); });
}

void logsumexp(const View& out, const View& x, int axis) {
  if (on_device(out)) return run_on_device(&DeviceKernels::logsumexp, out.device, out, x, axis);
  OneLine o(out), a(x);
  auto row = loops().logsumexp[int(x.dtype)];
  int64_t n = a.view.shape[axis];
  Lines(o.view, a.view, axis).run([&](void* to, const void* from) { row(to, from, n); });
}

void arg_reduce(bool maximum, const View& out, const View& x, int axis) {
  if (on_device(out))
    return run_on_device(&DeviceKernels::arg_reduce, out.device, maximum, out, x, axis);
  OneLine o(out), a(x);
  auto row = loops().arg_reduce[int(x.dtype)];
  int64_t n = a.view.shape[axis];
  const int across = axis_of_neighbours(o.view, a.view, axis);
  if (across >= 0 && n > 0) return arg_reduce_columns(maximum, o.view, a.view, axis, across);
  Lines(o.view, a.view, axis).run([&](void* to, const void* from) {
    *static_cast<int64_t*>(to) = row(maximum, from, n);
  });
}

void scan(Scan kind, const View& out, const View& x, int axis, bool reverse) {
  if (on_device(out))
    return run_on_device(&DeviceKernels::scan, out.device, kind, out, x, axis, reverse);
  OneLine o(out), a(x);
  int64_t n = a.view.shape[axis];
  const int across = axis_of_neighbours(o.view, a.view, axis);
  if (across >= 0 && n > 0 && binary_loop(step_of(kind), x.dtype))
    return scan_rows(kind, o.view, a.view, axis, across, reverse);
  visit_dtype(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    Lines(o.view, a.view, axis).run([&](void* to, const void* from) {
      scan_line(kind, static_cast<T*>(to), static_cast<const T*>(from), n, reverse);
    });
  });
}

}  // namespace pyautograd::kernels
