#pragma once

// Folds many elements into one result each, for reductions and what is made like them. How work is
// cut depends on shapes and layouts alone and every fold has a fixed order, so the same input gives
// the same bits.
//
// A rule has: Value, what is carried along; identity(); add(total, element, j), with element number
// j of a result; combine(total, total); finish(total), which is stored; and Again with again(), the
// rule that folds values that have been folded.

#include <algorithm>
#include <bit>

#include "kernels/cuda/elementwise.h"

namespace pyautograd::kernels::cuda {

// How many loads, of W neighbours each, a thread has under way at once.
template <int W>
inline constexpr int fold_loads = W == 1   ? 8
                                  : W <= 4 ? 4
                                           : 2;

// The elements of one thread, W neighbours of every W threads: in four chains, so that no addition
// waits for the one before.
template <int W, class Rule, class T>
PYAUTOGRAD_HD typename Rule::Value fold_run(const Rule& rule, const T* base, int64_t stride,
                                            int64_t begin, int64_t end, int thread, int threads) {
  constexpr int kChains = 4, kLoads = fold_loads<W>;
  const int64_t step = int64_t{W} * threads;
  int64_t j = begin + int64_t{W} * thread;
  typename Rule::Value chain[kChains];
  for (auto& total : chain) total = rule.identity();
  for (; j + (kLoads - 1) * step + W <= end; j += kLoads * step) {
    Pack<T, W> packs[kLoads];
    for (int k = 0; k < kLoads; ++k) {
      const T* from = base + (j + k * step) * stride;
      if constexpr (W == 1)
        packs[k].item[0] = *from;
      else
        packs[k] = *reinterpret_cast<const Pack<T, W>*>(from);
    }
    for (int k = 0; k < kLoads; ++k)
      for (int w = 0; w < W; ++w) {
        auto& total = chain[(k * W + w) % kChains];
        total = rule.add(total, packs[k].item[w], j + k * step + w);
      }
  }
#ifdef __CUDA_ARCH__
#pragma unroll 1
#endif
  for (; j < end; j += step)
    for (int w = 0; w < W; ++w)
      if (j + w < end)
        chain[w % kChains] = rule.add(chain[w % kChains], base[(j + w) * stride], j + w);
  return rule.combine(rule.combine(chain[0], chain[1]), rule.combine(chain[2], chain[3]));
}

// The fold of slice s of the elements behind result r is item s * results + r.
template <class Rule, class R, class T>
struct Fold {
  using Value = typename Rule::Value;
  static constexpr int kWidth = pack_width<T>;

  Rule rule;
  R* out;
  const T* x;
  Value* partial;   // of all items; null where the only slice is finished
  Places<2> kept;   // of the results in out and in x
  Places<1> inner;  // of one result's elements in x
  Divisor results;
  int64_t elements, length;  // of one result, of a slice
  bool packed;               // loads of kWidth neighbours

  PYAUTOGRAD_HD Value part(int64_t item, int thread, int threads) const {
    const int64_t slice = results.quotient(item), begin = slice * length;
    const int64_t end = begin + length < elements ? begin + length : elements;
    const T* base = x + kept(item - slice * results.number()).of[1];
    if constexpr (kWidth > 1) {
      if (packed) return fold_run<kWidth>(rule, base, 1, begin, end, thread, threads);
    }
    if (inner.rank == 1)
      return fold_run<1>(rule, base, inner.strides[0][0], begin, end, thread, threads);
    Value total = rule.identity();
    for (int64_t j = begin + thread; j < end; j += threads)
      total = rule.add(total, base[inner(j).of[0]], j);
    return total;
  }
  PYAUTOGRAD_HD Value combine(Value a, Value b) const { return rule.combine(a, b); }
  PYAUTOGRAD_HD void finish(int64_t item, int thread, int, Value total) const {
    if (thread > 0) return;
    if (partial)
      partial[item] = total;
    else
      out[kept(item).of[0]] = rule.finish(total);
  }

  // Neighbours may be loaded at once wherever a result begins.
  bool lies_in_packs() const {
    return inner.rank == 1 && inner.strides[0][0] == 1 && begins_with_packs<kWidth>(x, kept, 1);
  }
};

// What is folded into what. Where results lie side by side in x a thread should take one each.
struct Folding {
  Places<2> kept;
  Places<1> inner;
  int64_t results, elements;
  bool side_by_side;
};

// Threads that keep a device busy, the fewest elements that are worth one, and what caches hold,
// whatever the order in which it is read.
inline constexpr int64_t kEnough = 1 << 19, kShort = 64, kCached = 1 << 16;

// Whether a thread should take all of a line, as its neighbours do of the lines beside it.
inline bool by_thread(bool side_by_side, int64_t elements) {
  return side_by_side && elements > kCached;
}

// Of a group, of which each thread has so many elements at once.
inline int threads_for(int64_t elements, int64_t at_once) {
  const int64_t wanted = std::clamp<int64_t>((elements + at_once - 1) / at_once, 1, kThreads);
  return static_cast<int>(std::bit_ceil(static_cast<uint64_t>(wanted)));
}

// The partial results of a slice lie side by side, in the order of the results.
inline Folding fold_slices(const Folding& of, int64_t slices) {
  const std::span<const int64_t> step(&of.results, 1);
  Folding again{of.kept, Places<1>(Nest<1>(std::span(&slices, 1), {step})), of.results, slices,
                of.results > 1};
  int64_t stride = 1;
  for (int d = again.kept.rank; d-- > 0; stride *= again.kept.sizes[d].number())
    again.kept.strides[d][1] = stride;
  return again;
}

template <class Rule, class R, class T>
void run_fold(Queue& queue, const Rule& rule, R* out, const T* x, const Folding& of) {
  if (of.results == 0) return;
  using Fold = cuda::Fold<Rule, R, T>;
  Fold fold{rule,        out,         x,    nullptr, of.kept, of.inner, Divisor(of.results),
            of.elements, of.elements, false};
  fold.packed = fold.lies_in_packs();
  const bool alone = by_thread(of.side_by_side, of.results * of.elements);
  const int64_t at_once = fold.packed ? fold_loads<Fold::kWidth> * Fold::kWidth : fold_loads<1>;
  const int threads = alone ? 1 : threads_for(of.elements, at_once);
  const int64_t shortest = alone ? kShort : 4 * at_once * kThreads;
  int64_t slices = std::min((kEnough - 1) / (of.results * threads) + 1, of.elements / shortest);
  if (slices < 2) {
    queue.folds(of.results, threads, fold);
    return;
  }
  // Each begins where a pack does.
  fold.length = (of.elements / slices / Fold::kWidth + 1) * Fold::kWidth;
  slices = (of.elements - 1) / fold.length + 1;
  const Scratch memory(queue.device(),
                       static_cast<size_t>(slices * of.results) * sizeof(typename Rule::Value));
  fold.partial = memory.as<typename Rule::Value>();
  queue.folds(slices * of.results, threads, fold);
  run_fold<typename Rule::Again, R>(queue, rule.again(), out, fold.partial,
                                    fold_slices(of, slices));
}

// out = the fold of x over the axes along which out has size 1. False where there are too many axes
// that do not lie end to end.
template <class Rule, class R, class T>
bool fold_axes(const Rule& rule, const View& out, const View& x) {
  Dims kept(x.shape), inner(x.shape);
  for (size_t d = 0; d < x.shape.size(); ++d) (out.shape[d] == x.shape[d] ? inner : kept)[d] = 1;
  const Nest<2> results(kept, {out.strides, x.strides});
  const Nest<1> elements(inner, {x.strides});
  if (results.rank() > kMaxRank || elements.rank() > kMaxRank) return false;
  Queue queue(out.device);
  run_fold(
      queue, rule, static_cast<R*>(out.data), static_cast<const T*>(x.data),
      Folding{Places<2>(results), Places<1>(elements), results.count(), elements.count(),
              results.count() > 1 && std::abs(results.stride(1)) < std::abs(elements.stride(0))});
  return true;
}

}  // namespace pyautograd::kernels::cuda
