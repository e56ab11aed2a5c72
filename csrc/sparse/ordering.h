#pragma once

#include <algorithm>
#include <numeric>

#include "sparse/colouring.h"

namespace pyautograd::sparse {

// Vertices with equal keys in lists that are linked both ways, so that one can move to another key
// in constant time.
class Buckets {
 public:
  Buckets(int64_t vertices, int64_t keys)
      : heads_(keys + 1, kNone), next_(vertices, kNone), before_(vertices, kNone) {}

  void add(int32_t v, int64_t key) {
    before_[v] = kNone;
    next_[v] = heads_[key];
    if (heads_[key] != kNone) before_[heads_[key]] = v;
    heads_[key] = v;
  }
  void remove(int32_t v, int64_t key) {
    if (before_[v] == kNone) {
      heads_[key] = next_[v];
    } else {
      next_[before_[v]] = next_[v];
    }
    if (next_[v] != kNone) before_[next_[v]] = before_[v];
  }
  int32_t head(int64_t key) const { return heads_[key]; }
  int64_t largest() const { return static_cast<int64_t>(heads_.size()) - 1; }

 private:
  CachedVector<int32_t> heads_, next_, before_;
};

// The order in which vertices are coloured, other than the natural one. `neighbours(v, visit)`
// visits each neighbour of v once.
template <class Neighbours>
CachedVector<int32_t> ordered(int64_t vertices, Order order, Neighbours&& neighbours) {
  CachedVector<int32_t> sequence(vertices);
  std::iota(sequence.begin(), sequence.end(), 0);
  CachedVector<int32_t> degree(vertices, 0);
  int32_t largest = 0;
  for (int32_t v = 0; v < vertices; ++v) {
    neighbours(v, [&](int32_t) { ++degree[v]; });
    largest = std::max(largest, degree[v]);
  }
  if (order == Order::LargestFirst) {
    std::stable_sort(sequence.begin(), sequence.end(),
                     [&](int32_t a, int32_t b) { return degree[a] > degree[b]; });
    return sequence;
  }
  // Smallest last fills the sequence from its end with what has the fewest neighbours left;
  // incidence degree fills it from its front with what has the most neighbours in it.
  const bool backward = order == Order::SmallestLast;
  CachedVector<int32_t> key = backward ? degree : CachedVector<int32_t>(vertices, 0);
  CachedVector<uint8_t> placed(vertices, 0);
  Buckets buckets(vertices, largest);
  for (int32_t v = static_cast<int32_t>(vertices) - 1; v >= 0; --v) buckets.add(v, key[v]);
  int64_t at = 0;
  for (int64_t i = 0; i < vertices; ++i) {
    // A key moves by one at a time, so the search goes on near where it ended.
    if (backward) {
      at = std::max<int64_t>(at - 1, 0);
      while (buckets.head(at) == kNone) ++at;
    } else {
      at = std::min(at + 1, buckets.largest());
      while (buckets.head(at) == kNone) --at;
    }
    const int32_t v = buckets.head(at);
    buckets.remove(v, at);
    placed[v] = 1;
    sequence[backward ? vertices - 1 - i : i] = v;
    neighbours(v, [&](int32_t w) {
      if (placed[w]) return;
      buckets.remove(w, key[w]);
      key[w] += backward ? -1 : 1;
      buckets.add(w, key[w]);
    });
  }
  return sequence;
}

// Visits all vertices, each once.
template <class Neighbours, class Visit>
void in_order(int64_t vertices, Order order, Neighbours&& neighbours, Visit&& visit) {
  if (order == Order::Natural) {
    for (int32_t v = 0; v < vertices; ++v) visit(v);
  } else {
    for (int32_t v : ordered(vertices, order, neighbours)) visit(v);
  }
}

}  // namespace pyautograd::sparse
