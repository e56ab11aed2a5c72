// Reductions. How work is cut depends on shapes alone and every fold has a fixed order, so the same
// input gives the same bits.

#include <limits>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

// What a reduction does with elements of type T and results of type R.
template <Reduce kind, class R>
struct Rule {
  using Value = R;
  PYAUTOGRAD_HD static R identity() {
    using Limits = std::numeric_limits<R>;
    if constexpr (kind == Reduce::Prod || kind == Reduce::All)
      return R(1);
    else if constexpr (kind == Reduce::Max)
      return is_float<R> ? R(-Limits::infinity()) : Limits::lowest();
    else if constexpr (kind == Reduce::Min)
      return is_float<R> ? Limits::infinity() : Limits::max();
    else
      return R(0);
  }
  PYAUTOGRAD_HD static R combine(R a, R b) {
    if constexpr (kind == Reduce::Sum || kind == Reduce::SumOfSquares)
      return Formula<Add, R>()(a, b);
    else if constexpr (kind == Reduce::Prod)
      return Formula<Multiply, R>()(a, b);
    else if constexpr (kind == Reduce::Max)
      return Maximum()(a, b);
    else if constexpr (kind == Reduce::Min)
      return Minimum()(a, b);
    else if constexpr (kind == Reduce::Any)
      return a || b;
    else
      return a && b;
  }
  template <class T>
  PYAUTOGRAD_HD static R element(T x) {
    if constexpr (kind == Reduce::Sum || kind == Reduce::Prod)
      return x;
    else if constexpr (kind == Reduce::SumOfSquares)
      return Multiply()(x, x);
    else if constexpr (is_complex_type<T>)
      return x.real() != 0 || x.imag() != 0;
    else if constexpr (kind == Reduce::Any || kind == Reduce::All)
      return x != T(0);
    else
      return x;
  }
};

// Slice s of the elements behind result r, one of `slices`; the output of all slices lies slice
// after slice.
template <class Rule, class T>
struct Slices {
  using Value = typename Rule::Value;
  Value* out;
  const T* x;
  Places<2> kept;   // of the results in out, if there is one slice, and in x
  Places<1> inner;  // of one result's elements in x
  int64_t results, elements, slices, length;

  // Elements first, first + step, ... of a slice; in four interleaved chains where they lie in one
  // line.
  PYAUTOGRAD_HD Value fold(const T* base, int64_t begin, int64_t end, int64_t first,
                           int64_t step) const {
    int64_t j = begin + first;
    Value total = Rule::identity();
    if (inner.rank > 1) {
      for (; j < end; j += step) total = Rule::combine(total, Rule::element(base[inner(j).of[0]]));
      return total;
    }
    const int64_t stride = inner.strides[0][0];
    constexpr int kChains = 4;
    Value chain[kChains] = {total, total, total, total};
    for (; j + (kChains - 1) * step < end; j += kChains * step)
      for (int c = 0; c < kChains; ++c)
        chain[c] = Rule::combine(chain[c], Rule::element(base[(j + c * step) * stride]));
    for (; j < end; j += step) total = Rule::combine(total, Rule::element(base[j * stride]));
    for (int c = 0; c < kChains; ++c) total = Rule::combine(total, chain[c]);
    return total;
  }
  PYAUTOGRAD_HD Value part_of(int64_t item, int64_t thread, int64_t threads) const {
    const int64_t slice = item / results, result = item - slice * results;
    const int64_t begin = slice * length, rest = elements - begin;
    const int64_t end = begin + (rest < length ? rest : length);
    return fold(x + kept(result).of[1], begin, end, thread, threads);
  }
  PYAUTOGRAD_HD void store(int64_t item, Value value) const {
    out[slices > 1 ? item : kept(item).of[0]] = value;
  }
};

// A thread for each slice: neighbours read neighbours where results lie side by side.
template <class Rule, class T>
struct ByThread {
  Slices<Rule, T> slices;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    slices.store(item, slices.part_of(item, 0, 1));
  }
};

// A block for each slice.
template <class Rule, class T>
struct ByBlock {
  using Value = typename Rule::Value;
  Slices<Rule, T> slices;
  PYAUTOGRAD_HD Value part(int64_t item, int thread) const {
    return slices.part_of(item, thread, kThreads);
  }
  PYAUTOGRAD_HD Value combine(Value a, Value b) const { return Rule::combine(a, b); }
  PYAUTOGRAD_HD void finish(int64_t item, Value total) const { slices.store(item, total); }
};

// The loops of a reduction, over what it keeps and over what it reduces.
struct Split {
  Nest<2> kept;   // out, x
  Nest<1> inner;  // x

  static Split of(const View& out, const View& x) {
    Dims kept(x.shape), inner(x.shape);
    for (size_t d = 0; d < x.shape.size(); ++d) (out.shape[d] == x.shape[d] ? inner : kept)[d] = 1;
    return {Nest<2>(kept, {out.strides, x.strides}), Nest<1>(inner, {x.strides})};
  }
  // Whether neighbours in x belong to different results.
  bool side_by_side() const {
    return kept.count() > 1 && std::abs(kept.stride(1)) < std::abs(inner.stride(0));
  }
};

// How many slices each result is cut into: enough to keep a device busy, none too short.
int64_t count_slices(int64_t items, int64_t enough, int64_t elements, int64_t shortest) {
  const int64_t wanted = std::min((enough + items - 1) / items, elements / shortest);
  return std::clamp<int64_t>(wanted, 1, 1024);
}

template <class Rule, class T>
void run_slices(Queue& queue, const Slices<Rule, T>& slices, bool by_thread) {
  const int64_t items = slices.results * slices.slices;
  if (by_thread || items > kMaxBlocks)
    queue.each(items, ByThread<Rule, T>{slices});
  else
    queue.folds(items, ByBlock<Rule, T>{slices});
}

Places<1> over_slices(int64_t slices, int64_t results) {
  return Places<1>(Nest<1>(std::span(&slices, 1), {std::span<const int64_t>(&results, 1)}));
}

template <Reduce kind, class R, class T>
bool run(const View& out, const View& x) {
  using Rule = cuda::Rule<kind, R>;
  const Split split = Split::of(out, x);
  if (split.kept.rank() > kMaxRank || split.inner.rank() > kMaxRank) return false;
  const int64_t results = split.kept.count(), elements = split.inner.count();
  if (results == 0) return true;
  constexpr int64_t kShort = 64;
  const bool by_thread = split.side_by_side() || elements < kShort;
  const int64_t slices = by_thread
                             ? count_slices(results, int64_t{1} << 17, elements, kShort)
                             : count_slices(results, int64_t{1} << 11, elements, 16 * kThreads);
  Slices<Rule, T> whole{static_cast<R*>(out.data),
                        static_cast<const T*>(x.data),
                        Places<2>(split.kept),
                        Places<1>(split.inner),
                        results,
                        elements,
                        1,
                        elements};
  Queue queue(out.device);
  if (slices == 1) {
    run_slices(queue, whole, by_thread);
    return true;
  }
  const Scratch partial(out.device.index, static_cast<size_t>(slices * results) * sizeof(R));
  Slices<Rule, T> first = whole;
  first.out = partial.as<R>();
  first.slices = slices;
  first.length = (elements + slices - 1) / slices;
  run_slices(queue, first, by_thread);
  // The partial results of a slice lie side by side, in the order of the first nest.
  using LastRule = cuda::Rule<kind == Reduce::SumOfSquares ? Reduce::Sum : kind, R>;
  Slices<LastRule, R> last{whole.out, partial.as<R>(), whole.kept, over_slices(slices, results),
                           results,   slices,          1,          slices};
  int64_t step = 1;
  for (int d = last.kept.rank - 1; d >= 0; step *= last.kept.sizes[d--])
    last.kept.strides[d][1] = step;
  run_slices(queue, last, results >= kThreads || slices < kShort);
  return true;
}

template <Reduce kind>
bool run_kind(const View& out, const View& x) {
  constexpr bool truth = kind == Reduce::Any || kind == Reduce::All;
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (truth)
      return run<kind, bool, T>(out, x);
    else if constexpr (!is_complex_type<T> || kind == Reduce::Sum || kind == Reduce::Prod)
      return run<kind, T, T>(out, x);
    else
      return false;
  });
}

bool reduce(Reduce kind, const View& out, const View& x) {
  switch (kind) {
    case Reduce::Sum:
      return run_kind<Reduce::Sum>(out, x);
    case Reduce::Prod:
      return run_kind<Reduce::Prod>(out, x);
    case Reduce::Max:
      return run_kind<Reduce::Max>(out, x);
    case Reduce::Min:
      return run_kind<Reduce::Min>(out, x);
    case Reduce::Any:
      return run_kind<Reduce::Any>(out, x);
    case Reduce::All:
      return run_kind<Reduce::All>(out, x);
    case Reduce::SumOfSquares:
      return run_kind<Reduce::SumOfSquares>(out, x);
  }
  return false;
}

}  // namespace

void install_reduce(DeviceKernels& table) { table.reduce = &reduce; }

}  // namespace pyautograd::kernels::cuda
