// Softmax and the logarithm of sums of exponentials, which both come from one fold.

#include <limits>

#include "kernels/cuda/fold.h"
#include "kernels/cuda/lines.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

// The sum of exponentials, as a multiple of that of the largest exponent so far.
template <class T>
struct SumOfExponentials {
  T top, sum;

  PYAUTOGRAD_HD static SumOfExponentials none() {
    return {-std::numeric_limits<T>::infinity(), T(0)};
  }
  // Differences to an infinite one would be nan.
  PYAUTOGRAD_HD static T shift(T top) { return std::isinf(top) ? T(0) : top; }
  PYAUTOGRAD_HD T relative_to(T other) const {
    return sum == T(0) ? T(0) : sum * std::exp(shift(top) - shift(other));
  }
  PYAUTOGRAD_HD SumOfExponentials and_one(T x) const {
    if (!(x > top)) return {top, sum + std::exp(x - shift(top))};
    return {x, relative_to(x) + std::exp(x - shift(x))};
  }
  PYAUTOGRAD_HD SumOfExponentials and_all(const SumOfExponentials& other) const {
    const T larger = Maximum()(top, other.top);
    return {larger, relative_to(larger) + other.relative_to(larger)};
  }
  PYAUTOGRAD_HD T logarithm() const { return shift(top) + std::log(sum); }
};

// Folds of folds, which are stored as they are, or their logarithms, as type R.
template <class T, class R>
struct ExponentialsAgain {
  using Value = SumOfExponentials<T>;
  using Again = ExponentialsAgain;
  static Again again() { return {}; }
  PYAUTOGRAD_HD static Value identity() { return Value::none(); }
  PYAUTOGRAD_HD static Value combine(const Value& a, const Value& b) { return a.and_all(b); }
  PYAUTOGRAD_HD static Value add(const Value& total, const Value& x, int64_t) {
    return combine(total, x);
  }
  PYAUTOGRAD_HD static R finish(const Value& total) {
    if constexpr (std::is_same_v<R, T>)
      return total.logarithm();
    else
      return total;
  }
};

template <class T, class R>
struct Exponentials : ExponentialsAgain<T, R> {
  using Value = SumOfExponentials<T>;
  PYAUTOGRAD_HD static Value add(const Value& total, T x, int64_t) { return total.and_one(x); }
};

// An element of the result. Beside an infinite one nothing is known.
template <bool log>
struct Normalised {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, const SumOfExponentials<T>& of) const {
    const T infinity = std::numeric_limits<T>::infinity();
    const T sum = of.top == infinity ? std::numeric_limits<T>::quiet_NaN() : of.sum;
    const T difference = x - of.top;
    return log ? difference - std::log(sum) : std::exp(difference) / sum;
  }
};

template <bool log, class T>
struct SoftmaxLine {
  using Rule = Exponentials<T, SumOfExponentials<T>>;
  using Value = typename Rule::Value;
  Line<T, T> line;

  PYAUTOGRAD_HD Value part(int64_t number, int thread, int threads) const {
    return fold_run<1>(Rule(), line.source(number), line.x_step, 0, line.length, thread, threads);
  }
  PYAUTOGRAD_HD Value combine(const Value& a, const Value& b) const { return Rule::combine(a, b); }
  PYAUTOGRAD_HD void finish(int64_t number, int thread, int threads, const Value& total) const {
    const T* x = line.source(number);
    T* out = line.target(number);
    for (int64_t i = thread; i < line.length; i += threads)
      out[i * line.out_step] = Normalised<log>()(x[i * line.x_step], total);
  }
};

template <bool log, class T>
bool run_softmax(const View& out, const View& x, int axis) {
  const Lines lines(out, x, axis);
  if (!lines.fits()) return false;
  // In one pass if a line is still in a cache when it is read again, and there is a thread for it.
  constexpr int64_t kNear = 1 << 13, kManyLines = 1 << 15;
  const int64_t count = lines.outer.count();
  const bool alone = by_thread(lines.side_by_side(), count * lines.length);
  if (alone ? count >= kManyLines : lines.length <= kNear) {
    const int threads = alone ? 1 : threads_for(lines.length, fold_loads<1>);
    Queue(out.device).folds(count, threads, SoftmaxLine<log, T>{Line<T, T>(out, x, lines)});
    return true;
  }
  using Sum = SumOfExponentials<T>;
  Dims shape = Lines::across(x.shape, axis);
  Dims strides = packed_strides(shape);
  const Scratch memory(out.device.index, static_cast<size_t>(count) * sizeof(Sum));
  View sums{memory.as<void>(), x.dtype, shape, strides, out.device};
  if (!fold_axes<Exponentials<T, Sum>, Sum, T>({}, sums, x)) return false;
  // The same for all of a line.
  strides[static_cast<size_t>(axis)] = 0;
  sums.shape = x.shape;
  return run_map<Normalised<log>, T, T, Sum>(out, x, &sums);
}

template <class Run>
bool for_floats(DType dtype, const Run& run) {
  if (dtype == DType::Float64) return run(TypeTag<double>{});
  return dtype == DType::Float32 && run(TypeTag<float>{});
}

bool softmax(const View& out, const View& x, int axis, bool log) {
  return for_floats(x.dtype, [&]<class T>(TypeTag<T>) {
    return log ? run_softmax<true, T>(out, x, axis) : run_softmax<false, T>(out, x, axis);
  });
}
bool logsumexp(const View& out, const View& x, int) {
  return for_floats(x.dtype, [&]<class T>(TypeTag<T>) {
    return fold_axes<Exponentials<T, T>, T, T>({}, out, x);
  });
}

}  // namespace

void install_softmax(DeviceKernels& table) {
  table.softmax = &softmax;
  table.logsumexp = &logsumexp;
}

}  // namespace pyautograd::kernels::cuda
