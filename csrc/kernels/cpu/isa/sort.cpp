#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cstring>
#include <limits>

#include "kernels/cpu/isa/sort_network.h"
#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/sort_key.h"

// A stable quicksort of signed keys, alone or with places that move along. Its step, which is also
// that of a selection, reads a line once and compresses each vector of keys to both sides; lines of
// a few keys are put in order by counting, for each, how many come before it. Both are free of
// branches that depend on the keys.
namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// Writes the lanes of `mask` to `left` and the others to `right`, each in order and followed by
// anything up to a whole vector.
#if defined(__AVX512F__)
template <class K>
void part(uint32_t mask, const K* x, K* left, K* right) {
  const __m512i v = _mm512_loadu_si512(x);
  if constexpr (sizeof(K) == 8) {
    _mm512_storeu_si512(left, _mm512_maskz_compress_epi64(__mmask8(mask), v));
    _mm512_storeu_si512(right, _mm512_maskz_compress_epi64(__mmask8(~mask), v));
  } else {
    _mm512_storeu_si512(left, _mm512_maskz_compress_epi32(__mmask16(mask), v));
    _mm512_storeu_si512(right, _mm512_maskz_compress_epi32(__mmask16(~mask), v));
  }
}

template <bool kOrEqual, class K>
uint32_t mask_of(const K* x, K pivot) {
  const __m512i v = _mm512_loadu_si512(x);
  constexpr int kCompare = kOrEqual ? _MM_CMPINT_LE : _MM_CMPINT_LT;
  if constexpr (sizeof(K) == 8)
    return _mm512_cmp_epi64_mask(v, _mm512_set1_epi64(pivot), kCompare);
  else
    return _mm512_cmp_epi32_mask(v, _mm512_set1_epi32(pivot), kCompare);
}
#elif defined(__AVX2__)
// For every mask of eight 32-bit lanes, or of four 64-bit ones: the lanes of the mask, then the
// rest.
template <class K>
struct Order {
  alignas(32) int32_t lanes[1 << kVectorLanes<K>][8];
  constexpr Order() : lanes() {
    constexpr int kWords = 8 / kVectorLanes<K>;
    for (int mask = 0; mask < 1 << kVectorLanes<K>; ++mask) {
      int next = 0;
      for (int wanted : {1, 0})
        for (int lane = 0; lane < kVectorLanes<K>; ++lane)
          if ((mask >> lane & 1) == wanted)
            for (int word = 0; word < kWords; ++word) lanes[mask][next++] = lane * kWords + word;
    }
  }
};
template <class K>
constexpr Order<K> kOrder;

template <class K>
void part(uint32_t mask, const K* x, K* left, K* right) {
  const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  const uint32_t rest = ~mask & ((1u << kVectorLanes<K>)-1);
  const auto* to_left = reinterpret_cast<const __m256i*>(kOrder<K>.lanes[mask]);
  const auto* to_right = reinterpret_cast<const __m256i*>(kOrder<K>.lanes[rest]);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(left),
                      _mm256_permutevar8x32_epi32(v, _mm256_load_si256(to_left)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(right),
                      _mm256_permutevar8x32_epi32(v, _mm256_load_si256(to_right)));
}

template <bool kOrEqual, class K>
uint32_t mask_of(const K* x, K pivot) {
  const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  uint32_t greater;
  if constexpr (sizeof(K) == 8) {
    const __m256i p = _mm256_set1_epi64x(pivot);
    const __m256i lanes = kOrEqual ? _mm256_cmpgt_epi64(v, p) : _mm256_cmpgt_epi64(p, v);
    greater = uint32_t(_mm256_movemask_pd(_mm256_castsi256_pd(lanes)));
  } else {
    const __m256i p = _mm256_set1_epi32(pivot);
    const __m256i lanes = kOrEqual ? _mm256_cmpgt_epi32(v, p) : _mm256_cmpgt_epi32(p, v);
    greater = uint32_t(_mm256_movemask_ps(_mm256_castsi256_ps(lanes)));
  }
  return kOrEqual ? ~greater & ((1u << kVectorLanes<K>)-1) : greater;
}
#endif

// Keys below the pivot (or not above it) come to the front, in order; the rest follow, in order.
// The spare lines have room for n items and a vector. Returns how many are in front.
template <bool kPlaces, bool kOrEqual, class K>
int64_t partition(const SortLine<K>& x, const SortLine<K>& spare, int64_t n, K pivot) {
  int64_t left = 0, right = 0, i = 0;
#if defined(__AVX2__)
  for (; i + kVectorLanes<K> <= n; i += kVectorLanes<K>) {
    const uint32_t mask = mask_of<kOrEqual>(x.keys + i, pivot);
    part(mask, x.keys + i, x.keys + left, spare.keys + right);
    if (kPlaces) part(mask, x.places + i, x.places + left, spare.places + right);
    const int count = __builtin_popcount(mask);
    left += count;
    right += kVectorLanes<K> - count;
  }
#endif
  for (; i < n; ++i) {
    const K key = x.keys[i];
    const bool front = kOrEqual ? key <= pivot : key < pivot;
    x.keys[left] = spare.keys[right] = key;
    if (kPlaces) x.places[left] = spare.places[right] = x.places[i];
    left += front;
    right += !front;
  }
  std::memcpy(x.keys + left, spare.keys, size_t(right) * sizeof(K));
  if (kPlaces) std::memcpy(x.places + left, spare.places, size_t(right) * sizeof(K));
  return left;
}

// Lines up to here are sorted by counting.
constexpr int kBlocks = kVectorBytes == 64 ? 4 : 8;
template <class K>
constexpr int kFew = kBlocks * kVectorLanes<K>;

// ranks[i] = how many of the keys come before key i: the smaller ones, and of equals the earlier.
// There are as many keys as in kCount vectors.
template <int kCount, class K>
void count_ranks(K* ranks, const K* keys) {
  using V = Vector<K>;
  constexpr int kStep = kVectorLanes<K>;
  V lane, mine[kCount], rank[kCount];
  std::memcpy(mine, keys, sizeof(mine));
  for (int l = 0; l < kStep; ++l) lane[l] = l;
  // All of the blocks before come first, until a key among them is found to be greater.
  for (int m = 0; m < kCount; ++m) rank[m] = V{} + m * kStep;
#pragma GCC unroll 8
  for (int block = 0; block < kCount; ++block) {
    for (int l = 0; l < kStep; ++l) {
      const V key = V{} + keys[block * kStep + l];
#pragma GCC unroll 8
      for (int m = 0; m < kCount; ++m) {
        if (m < block)
          rank[m] -= V(key < mine[m]);
        else if (m > block)
          rank[m] += V(key > mine[m]);
        else
          rank[m] -= V(key < mine[m]) | (V(key == mine[m]) & V(l < lane));
      }
    }
  }
  std::memcpy(ranks, rank, sizeof(rank));
}

// The same for any number of keys up to kFew, in a buffer of that length.
template <class K>
void count_ranks(K* ranks, K* keys, int n) {
  for (int i = n; i < kFew<K>; ++i) keys[i] = std::numeric_limits<K>::max();
  constexpr int kQuarter = kBlocks / 4;
  switch ((n - 1) / (kQuarter * kVectorLanes<K>)) {
    case 0:
      return count_ranks<kQuarter>(ranks, keys);
    case 1:
      return count_ranks<2 * kQuarter>(ranks, keys);
    case 2:
      return count_ranks<3 * kQuarter>(ranks, keys);
    default:
      return count_ranks<4 * kQuarter>(ranks, keys);
  }
}

// Keys alone go through a network, which takes more of them.
template <bool kPlaces, class K>
constexpr int kShort = kPlaces ? kFew<K> : kNetworkKeys<K>;

template <bool kPlaces, class K>
void sort_few(const SortLine<K>& x, int64_t n) {
  if (n < 2) return;
  if constexpr (!kPlaces) {
    K keys[kNetworkKeys<K>];
    std::memcpy(keys, x.keys, size_t(n) * sizeof(K));
    sort_keys(keys, int(n));
    std::memcpy(x.keys, keys, size_t(n) * sizeof(K));
    return;
  }
  K keys[kFew<K>], places[kFew<K>], ranks[kFew<K>];
  std::memcpy(keys, x.keys, size_t(n) * sizeof(K));
  if (kPlaces) std::memcpy(places, x.places, size_t(n) * sizeof(K));
  count_ranks(ranks, keys, int(n));
  for (int64_t i = 0; i < n; ++i) {
    x.keys[ranks[i]] = keys[i];
    if (kPlaces) x.places[ranks[i]] = places[i];
  }
}

// About the middle of a sample.
template <class K>
K choose_pivot(const K* keys, int64_t n) {
  const int count = (n < 1024 ? 2 : n < (1 << 16) ? 4 : 8) * kVectorLanes<K>;
  K sample[kNetworkKeys<K>];
  for (int i = 0; i < count; ++i) sample[i] = keys[(2 * i + 1) * n / (2 * count)];
  sort_keys(sample, count);
  return sample[count / 2];
}

// Cuts a line in two: [0, result) holds no key above any of the rest, and the order of equals is
// kept. If nothing is below the pivot, the first part holds keys equal to it.
template <bool kPlaces, class K>
int64_t split(const SortLine<K>& x, const SortLine<K>& spare, int64_t n, bool& equal) {
  const K pivot = choose_pivot(x.keys, n);
  const int64_t left = partition<kPlaces, false>(x, spare, n, pivot);
  equal = left == 0;
  return equal ? partition<kPlaces, true>(x, spare, n, pivot) : left;
}

// Heapsort, by key and then by place, for lines that make the pivots of a quicksort bad.
template <bool kPlaces, class K>
void heap_sort(const SortLine<K>& x, int64_t n) {
  const auto below = [&](int64_t a, int64_t b) {
    if (!kPlaces || x.keys[a] != x.keys[b]) return x.keys[a] < x.keys[b];
    return x.places[a] < x.places[b];
  };
  const auto exchange = [&](int64_t a, int64_t b) {
    const K key = x.keys[a];
    x.keys[a] = x.keys[b], x.keys[b] = key;
    if (!kPlaces) return;
    const K place = x.places[a];
    x.places[a] = x.places[b], x.places[b] = place;
  };
  const auto sink = [&](int64_t at, int64_t end) {
    for (int64_t child; (child = 2 * at + 1) < end; at = child) {
      if (child + 1 < end && below(child, child + 1)) ++child;
      if (!below(at, child)) return;
      exchange(at, child);
    }
  };
  for (int64_t i = n / 2; i-- > 0;) sink(i, n);
  for (int64_t end = n; end-- > 1;) exchange(0, end), sink(0, end);
}

template <bool kPlaces, class K>
void quicksort(SortLine<K> x, const SortLine<K>& spare, int64_t n, int budget) {
  while (n > kShort<kPlaces, K>) {
    if (budget-- == 0) return heap_sort<kPlaces>(x, n);
    bool equal;
    const int64_t left = split<kPlaces>(x, spare, n, equal);
    if (!equal) quicksort<kPlaces>(x, spare, left, budget);
    x = x.from(left);
    n -= left;
  }
  sort_few<kPlaces>(x, n);
}

template <bool kPlaces, class K>
void sort_loop(const SortLine<K>& x, const SortLine<K>& spare, int64_t n) {
  quicksort<kPlaces>(x, spare, n, 2 * (64 - __builtin_clzll(uint64_t(n | 1))));
}

template <bool kPlaces, class K>
int64_t split_loop(const SortLine<K>& x, const SortLine<K>& spare, int64_t n) {
  bool equal;
  return split<kPlaces>(x, spare, n, equal);
}

template <class K>
void install_loops(SortLoops<K>& loops) {
  loops = {sort_loop<false, K>, sort_loop<true, K>, split_loop<false, K>, split_loop<true, K>};
}

template <class T>
void keys_loop(void* keys, const void* x, int64_t n, bool descending) {
  auto* to = static_cast<Key<T>*>(keys);
  const T* from = static_cast<const T*>(x);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = key_of(from[i], descending);
}
template <class T>
void elements_loop(void* out, const void* keys, int64_t n, bool descending) {
  T* to = static_cast<T*>(out);
  const auto* from = static_cast<const Key<T>*>(keys);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = element_of<T>(from[i], descending);
}

template <class... T>
void install_keys(LoopTable& table, List<T...>) {
  ((table.sort_keys[int(dtype_of<T>)] = keys_loop<T>), ...);
  ((table.sort_elements[int(dtype_of<T>)] = elements_loop<T>), ...);
}

}  // namespace

void install_sort(LoopTable& table) {
  install_loops(table.sort32);
  install_loops(table.sort64);
  install_keys(table, RealTypes{});
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
