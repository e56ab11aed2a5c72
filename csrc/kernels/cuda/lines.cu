// Kernels that treat one axis line by line: softmax, logsumexp, argmax, scans.

#include <limits>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/lines.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

enum class Exponential { Softmax, LogSoftmax, LogSumExp };

template <Exponential kind, class T>
struct Exponentials {
  using Value = T;
  Line<T, T> line;

  PYAUTOGRAD_HD static T lowest() { return -std::numeric_limits<T>::infinity(); }
  PYAUTOGRAD_HD T first(int64_t number, int thread) const {
    const T* x = line.source(number);
    T top = lowest();
    for (int64_t i = thread; i < line.length; i += kThreads)
      top = Maximum()(top, x[i * line.x_step]);
    return top;
  }
  PYAUTOGRAD_HD T combine_first(T a, T b) const { return Maximum()(a, b); }
  // Where all are minus infinity, or one is infinite, differences to the largest would be nan.
  PYAUTOGRAD_HD static T shift(T top) {
    return kind == Exponential::LogSumExp && std::isinf(top) ? T(0) : top;
  }
  PYAUTOGRAD_HD T second(int64_t number, int thread, T top) const {
    const T* x = line.source(number);
    const T by = shift(top);
    T sum = 0;
    for (int64_t i = thread; i < line.length; i += kThreads)
      sum += std::exp(x[i * line.x_step] - by);
    return sum;
  }
  PYAUTOGRAD_HD T combine_second(T a, T b) const { return a + b; }
  PYAUTOGRAD_HD void write(int64_t number, int thread, T top, T sum) const {
    T* out = line.target(number);
    if constexpr (kind == Exponential::LogSumExp) {
      if (thread == 0) *out = shift(top) + std::log(sum);
    } else {
      const T* x = line.source(number);
      const T log_sum = std::log(sum);
      for (int64_t i = thread; i < line.length; i += kThreads) {
        const T difference = x[i * line.x_step] - top;
        out[i * line.out_step] =
            kind == Exponential::Softmax ? std::exp(difference) / sum : difference - log_sum;
      }
    }
  }
};

template <Exponential kind>
bool exponentials(const View& out, const View& x, int axis) {
  const Lines lines(out, x, axis);
  if (!lines.fits()) return false;
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (is_float<T>) {
      Queue(out.device)
          .lines(lines.outer.count(), Exponentials<kind, T>{Line<T, T>(out, x, lines)});
      return true;
    } else {
      return false;
    }
  });
}

bool softmax(const View& out, const View& x, int axis, bool log) {
  return log ? exponentials<Exponential::LogSoftmax>(out, x, axis)
             : exponentials<Exponential::Softmax>(out, x, axis);
}
bool logsumexp(const View& out, const View& x, int axis) {
  return exponentials<Exponential::LogSumExp>(out, x, axis);
}

// The first of equals; the first nan wins.
template <class T>
struct ArgReduce {
  struct Value {
    T number;
    int64_t place;
  };
  Line<int64_t, T> line;
  bool maximum;

  PYAUTOGRAD_HD bool wins(T a, T b) const {
    if (a != a) return b == b;
    return maximum ? a > b : a < b;
  }
  PYAUTOGRAD_HD Value better(Value a, Value b) const {
    if (b.place < 0) return a;
    if (a.place < 0) return b;
    if (wins(b.number, a.number)) return b;
    if (wins(a.number, b.number)) return a;
    return a.place < b.place ? a : b;
  }
  PYAUTOGRAD_HD Value part(int64_t number, int thread) const {
    const T* x = line.source(number);
    Value best{T(0), -1};
    for (int64_t i = thread; i < line.length; i += kThreads)
      best = better(best, Value{x[i * line.x_step], i});
    return best;
  }
  PYAUTOGRAD_HD Value combine(Value a, Value b) const { return better(a, b); }
  PYAUTOGRAD_HD void finish(int64_t number, Value best) const { *line.target(number) = best.place; }
};

bool arg_reduce(bool maximum, const View& out, const View& x, int axis) {
  const Lines lines(out, x, axis);
  if (!lines.fits()) return false;
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (is_complex_type<T>) {
      return false;
    } else {
      Queue(out.device)
          .folds(lines.outer.count(), ArgReduce<T>{Line<int64_t, T>(out, x, lines), maximum});
      return true;
    }
  });
}

// Lines are cut into parts, a thread for each. Position k counts in the direction of the scan.
template <class F, class T>
struct ScanPart {
  Line<T, T> line;
  T* totals;  // of the parts, line after line; null where a line is one part
  int64_t parts, length;
  bool reverse;

  PYAUTOGRAD_HD int64_t place(int64_t k) const { return reverse ? line.length - 1 - k : k; }
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t number = item / parts, begin = (item - number * parts) * length;
    const int64_t rest = line.length - begin, end = begin + (rest < length ? rest : length);
    const T* x = line.source(number);
    T* out = line.target(number);
    T total{};
    for (int64_t k = begin; k < end; ++k) {
      const T value = x[place(k) * line.x_step];
      total = k == begin ? value : Formula<F, T>()(total, value);
      out[place(k) * line.out_step] = total;
    }
    if (totals) totals[item] = total;
  }
};

// What came before a part joins each of its elements.
template <class F, class T>
struct CarryOn {
  ScanPart<F, T> scan;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t number = item / scan.line.length, k = item - number * scan.line.length;
    const int64_t part = k / scan.length;
    if (part == 0) return;
    T& element = scan.line.target(number)[scan.place(k) * scan.line.out_step];
    element = Formula<F, T>()(scan.totals[number * scan.parts + part - 1], element);
  }
};

template <class F, class T>
void scan_lines(Queue& queue, const Line<T, T>& line, int64_t lines, bool reverse) {
  constexpr int64_t kPart = 64, kEnoughLines = 1 << 14;
  if (line.length <= 4 * kPart || lines >= kEnoughLines) {
    queue.each(lines, ScanPart<F, T>{line, nullptr, 1, line.length, reverse});
    return;
  }
  const int64_t parts = (line.length + kPart - 1) / kPart;
  const Scratch memory(queue.device(), static_cast<size_t>(lines * parts) * sizeof(T));
  T* totals = memory.as<T>();
  const ScanPart<F, T> scan{line, totals, parts, kPart, reverse};
  queue.each(lines * parts, scan);
  const std::span<const int64_t> step(&parts, 1);
  const Places<2> starts(Nest<2>(std::span(&lines, 1), {step, step}));
  scan_lines<F>(queue, Line<T, T>(totals, totals, starts, parts), lines, false);
  queue.each(lines * line.length, CarryOn<F, T>{scan});
}

template <class F>
bool run_scan(const View& out, const View& x, int axis, bool reverse) {
  const Lines lines(out, x, axis);
  if (lines.outer.rank() > kMaxRank) return false;
  if (element_count(x.shape) == 0) return true;
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (accepts<F, T>()) {
      Queue queue(out.device);
      scan_lines<F>(queue, Line<T, T>(out, x, lines), lines.outer.count(), reverse);
      return true;
    } else {
      return false;
    }
  });
}

bool scan(Scan kind, const View& out, const View& x, int axis, bool reverse) {
  switch (kind) {
    case Scan::Sum:
      return run_scan<Add>(out, x, axis, reverse);
    case Scan::Prod:
      return run_scan<Multiply>(out, x, axis, reverse);
    case Scan::Max:
      return run_scan<Maximum>(out, x, axis, reverse);
    case Scan::Min:
      return run_scan<Minimum>(out, x, axis, reverse);
    case Scan::LogSumExp:
      return run_scan<LogAddExp>(out, x, axis, reverse);
  }
  return false;
}

// out[i] = a[i] out[i - 1] + b[i], a thread for each line.
template <class T>
struct RecurrenceLine {
  T* out;
  const T *a, *b;
  Places<3> places;  // of out, a, b
  int64_t length, out_step, a_step, b_step;

  PYAUTOGRAD_HD void operator()(int64_t number) const {
    const auto at = places(number);
    T y{};
    for (int64_t i = 0; i < length; ++i) {
      const T term = b[at.of[2] + i * b_step];
      // The first factor has nothing to multiply, and may be infinite.
      y = i == 0 ? term
                 : Formula<Add, T>()(Formula<Multiply, T>()(a[at.of[1] + i * a_step], y), term);
      out[at.of[0] + i * out_step] = y;
    }
  }
};

// Where a line begins, and the step along it, backwards if `reverse`.
template <class T>
T* line_start(const View& x, size_t axis, bool reverse, int64_t& step) {
  T* data = static_cast<T*>(x.data);
  step = x.strides[axis];
  if (!reverse) return data;
  data += (x.shape[axis] - 1) * step;
  step = -step;
  return data;
}

bool recurrence(const View& out, const View& a, const View& b, int axis, bool reverse) {
  const Dims outer = Lines::across(out.shape, axis);
  const Nest<3> nest(outer, {out.strides, a.strides, b.strides});
  if (nest.rank() > kMaxRank) return false;
  if (element_count(out.shape) == 0) return true;
  const size_t along = static_cast<size_t>(axis);
  return visit_dtype(out.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (is_float<T> || is_complex_type<T>) {
      RecurrenceLine<T> line{nullptr, nullptr, nullptr, Places<3>(nest), out.shape[along], 0, 0, 0};
      line.out = line_start<T>(out, along, reverse, line.out_step);
      line.a = line_start<const T>(a, along, reverse, line.a_step);
      line.b = line_start<const T>(b, along, reverse, line.b_step);
      Queue(out.device).each(nest.count(), line);
      return true;
    } else {
      return false;
    }
  });
}

}  // namespace

void install_lines(DeviceKernels& table) {
  table.softmax = &softmax;
  table.logsumexp = &logsumexp;
  table.arg_reduce = &arg_reduce;
  table.scan = &scan;
  table.recurrence = &recurrence;
}

}  // namespace pyautograd::kernels::cuda
