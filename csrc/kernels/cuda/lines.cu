// Kernels that treat one axis line by line: softmax, logsumexp, argmax, scans.

#include <limits>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

// The lines of out and x along an axis. A 0-d array is one line of one element.
struct Lines {
  Nest<2> outer;
  int64_t length = 1, out_step = 0, x_step = 0;

  Lines(const View& out, const View& x, int axis)
      : outer(across(x.shape, axis), {out.strides, x.strides}) {
    if (x.shape.empty()) return;
    length = x.shape[static_cast<size_t>(axis)];
    out_step = out.strides[static_cast<size_t>(axis)];
    x_step = x.strides[static_cast<size_t>(axis)];
  }
  bool fits() const { return outer.rank() <= kMaxRank && outer.count() <= kMaxBlocks; }

  static Dims across(std::span<const int64_t> shape, int axis) {
    Dims out(shape);
    if (!out.empty()) out[static_cast<size_t>(axis)] = 1;
    return out;
  }
};

// Where a line's elements lie, for kernels.
template <class R, class T>
struct Line {
  R* out;
  const T* x;
  Places<2> places;
  int64_t length, out_step, x_step;

  Line(const View& to, const View& from, const Lines& lines)
      : out(static_cast<R*>(to.data)),
        x(static_cast<const T*>(from.data)),
        places(lines.outer),
        length(lines.length),
        out_step(lines.out_step),
        x_step(lines.x_step) {}
  PYAUTOGRAD_HD const T* source(int64_t line) const { return x + places(line).of[1]; }
  PYAUTOGRAD_HD R* target(int64_t line) const { return out + places(line).of[0]; }
};

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

// A thread for each line.
template <class F, class T>
struct ScanLine {
  Line<T, T> line;
  bool reverse;

  PYAUTOGRAD_HD void operator()(int64_t number) const {
    const T* x = line.source(number);
    T* out = line.target(number);
    T total{};
    for (int64_t k = 0; k < line.length; ++k) {
      const int64_t i = reverse ? line.length - 1 - k : k;
      total = k == 0 ? x[i * line.x_step] : F()(total, x[i * line.x_step]);
      out[i * line.out_step] = total;
    }
  }
};

template <class F>
bool run_scan(const View& out, const View& x, int axis, bool reverse) {
  const Lines lines(out, x, axis);
  if (lines.outer.rank() > kMaxRank) return false;
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (accepts<F, T>() && !is_complex_type<T>) {
      Queue(out.device)
          .each(lines.outer.count(), ScanLine<F, T>{Line<T, T>(out, x, lines), reverse});
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

}  // namespace

void install_lines(DeviceKernels& table) {
  table.softmax = &softmax;
  table.logsumexp = &logsumexp;
  table.arg_reduce = &arg_reduce;
  table.scan = &scan;
}

}  // namespace pyautograd::kernels::cuda
