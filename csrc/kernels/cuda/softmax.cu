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
  // With one exponential, that of the smaller exponent beside the larger one: the other would be 1.
  PYAUTOGRAD_HD SumOfExponentials and_one(T x) const {
    const bool larger = x > top;
    const T most = larger ? x : top, base = shift(most);
    const T smaller = std::exp((larger ? top : x) - base);
    return {most, larger ? sum * smaller + (x - base + 1) : sum + smaller};
  }
  PYAUTOGRAD_HD SumOfExponentials and_all(const SumOfExponentials& other) const {
    const bool mine = top > other.top;
    const T most = mine ? top : other.top;
    const T smaller = std::exp((mine ? other.top : top) - shift(most));
    return {most, mine ? sum + other.sum * smaller : other.sum + sum * smaller};
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
    return log ? difference - std::log(sum) : std::exp(difference) * (T(1) / sum);
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

// A line that a group's threads hold in registers, so that it is read once: packs of W neighbours,
// one for each thread in turn.
template <bool log, class T, int W>
struct HeldLine {
  using Value = SumOfExponentials<T>;
  static constexpr int kElements = 128 / sizeof(T), kPacks = kElements / W;
  struct Kept {
    Pack<T, W> packs[kPacks];
  };
  Line<T, T> line;

  // Each pack lies within the line, or behind its end.
  PYAUTOGRAD_HD int64_t first_of(int k, int thread, int threads) const {
    return int64_t{W} * (k * threads + thread);
  }
  PYAUTOGRAD_HD static int64_t place_of(int64_t first, int64_t step) {
    return W == 1 ? first * step : first;
  }
  PYAUTOGRAD_HD Value part(int64_t number, int thread, int threads, Kept& kept) const {
    const T* x = line.source(number);
    for (int k = 0; k < kPacks; ++k) {
      const int64_t first = first_of(k, thread, threads);
      for (T& item : kept.packs[k].item) item = Value::none().top;
      if (first < line.length)
        kept.packs[k] = *reinterpret_cast<const Pack<T, W>*>(x + place_of(first, line.x_step));
    }
    Value total = Value::none();
    for (const auto& pack : kept.packs)
      for (T item : pack.item) total.top = item > total.top ? item : total.top;
    const T base = Value::shift(total.top);
    for (int k = 0; k < kPacks; ++k)
      if (first_of(k, thread, threads) < line.length)
        for (T item : kept.packs[k].item) total.sum += std::exp(item - base);
    return total;
  }
  PYAUTOGRAD_HD Value combine(const Value& a, const Value& b) const { return a.and_all(b); }
  PYAUTOGRAD_HD void finish(int64_t number, int thread, int threads, const Value& total,
                            const Kept& kept) const {
    T* out = line.target(number);
    for (int k = 0; k < kPacks; ++k) {
      const int64_t first = first_of(k, thread, threads);
      if (first >= line.length) continue;
      Pack<T, W> pack = kept.packs[k];
      for (T& item : pack.item) item = Normalised<log>()(item, total);
      store_pack(out + place_of(first, line.out_step), pack);
    }
  }
};

template <bool log, int W, class T>
void run_held(Queue& queue, int64_t lines, const Line<T, T>& line) {
  using Held = HeldLine<log, T, W>;
  // As many threads as registers ask for, and not fewer than read neighbouring memory together.
  const int threads =
      std::max(threads_for(line.length, Held::kElements), std::min(8, threads_for(line.length, W)));
  queue.folds(lines, threads, Held{line});
}

template <bool log, class T>
bool run_softmax(const View& out, const View& x, int axis) {
  const Lines lines(out, x, axis);
  if (!lines.fits()) return false;
  // In one pass if a group can hold a line, or if there is a thread for each line.
  constexpr int kWidth = pack_width<T>;
  constexpr int64_t kMost = int64_t{kThreads} * HeldLine<log, T, 1>::kElements,
                    kManyLines = 1 << 15;
  const int64_t count = lines.outer.count();
  const bool alone = by_thread(lines.side_by_side(), count * lines.length);
  if (alone ? count >= kManyLines : lines.length <= kMost) {
    const Line<T, T> line(out, x, lines);
    Queue queue(out.device);
    if (alone)
      queue.folds(count, 1, SoftmaxLine<log, T>{line});
    else if (line.length % kWidth == 0 && lies_in_packs<kWidth>(line))
      run_held<log, kWidth>(queue, count, line);
    else
      run_held<log, 1>(queue, count, line);
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
