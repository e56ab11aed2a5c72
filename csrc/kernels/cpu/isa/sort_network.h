#pragma once

// Sorting networks on whole registers, for a few vectors of keys. The columns of a matrix whose
// rows are registers are sorted first, which moves nothing between lanes; neighbouring columns are
// then merged, two by two, four by four, ..., by bitonic merges (K. E. Batcher, Sorting networks
// and their applications, AFIPS 1968); and the matrix is transposed.

#include <cstring>
#include <limits>
#include <utility>

#include "kernels/cpu/isa/vector.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace network {

struct Pair {
  int low = 0, high = 0;
};

// Batcher's odd-even merge sort of kRows items.
template <int kRows>
struct SortPairs {
  Pair pairs[kRows * 4] = {};  // enough up to 16
  int count = 0;
  constexpr SortPairs() {
    for (int p = 1; p < kRows; p *= 2)
      for (int k = p; k > 0; k /= 2)
        for (int j = k % p; j + k < kRows; j += 2 * k)
          for (int i = 0; i < k && i + j + k < kRows; ++i)
            if ((i + j) / (2 * p) == (i + j + k) / (2 * p)) pairs[count++] = {i + j, i + j + k};
  }
};

// The steps of a bitonic merge of kRows items.
template <int kRows>
struct MergePairs {
  Pair pairs[kRows * 2] = {};
  int count = 0;
  constexpr MergePairs() {
    for (int step = kRows / 2; step > 0; step /= 2)
      for (int i = 0; i < kRows; ++i)
        if ((i & step) == 0) pairs[count++] = {i, i + step};
  }
};

template <class Pairs>
inline constexpr Pairs kPairs{};

template <class V>
[[gnu::always_inline]] inline V smaller(V a, V b) {
  return a < b ? a : b;
}
template <class V>
[[gnu::always_inline]] inline V larger(V a, V b) {
  return a < b ? b : a;
}

template <class Pairs, class V, size_t... I>
[[gnu::always_inline]] inline void exchange_all(V* v, std::index_sequence<I...>) {
  constexpr const auto& list = kPairs<Pairs>.pairs;
  const auto exchange = [&](V& a, V& b) __attribute__((always_inline)) {
    const V low = smaller(a, b);
    b = larger(a, b);
    a = low;
  };
  (exchange(v[list[I].low], v[list[I].high]), ...);
}
template <class Pairs, class V>
[[gnu::always_inline]] inline void exchange_all(V* v) {
  exchange_all<Pairs>(v, std::make_index_sequence<kPairs<Pairs>.count>());
}

// Lane l of the result is lane l ^ kFlip.
template <int kFlip, class V, size_t... L>
[[gnu::always_inline]] inline V flipped(V v, std::index_sequence<L...>) {
  return __builtin_shufflevector(v, v, (int(L) ^ kFlip)...);
}
// The larger one in lanes with the bit, the smaller one in the others.
template <int kBit, class K, class V, size_t... L>
[[gnu::always_inline]] inline V sorted_lanes(V a, V b, std::index_sequence<L...>) {
  return V{(int(L) & kBit ? K(-1) : K(0))...} ? larger(a, b) : smaller(a, b);
}

// Compares lane l of a row with lane l ^ kFlip of the same row, or of the row at the other end.
template <int kRows, int kFlip, bool kReversed, class K, class V>
[[gnu::always_inline]] inline void exchange_lanes(V* v) {
  constexpr auto lanes = std::make_index_sequence<kVectorLanes<K>>();
  constexpr int kBit = kReversed ? (kFlip + 1) / 2 : kFlip;
  const auto step = [&](int r) __attribute__((always_inline)) {
    const int s = kReversed ? kRows - 1 - r : r;
    const V a = v[r], b = v[s];
    v[r] = sorted_lanes<kBit, K>(a, flipped<kFlip>(b, lanes), lanes);
    if (r != s) v[s] = sorted_lanes<kBit, K>(b, flipped<kFlip>(a, lanes), lanes);
  };
  [&]<int... R>(std::integer_sequence<int, R...>) __attribute__((always_inline)) {
    (step(R), ...);
  }(std::make_integer_sequence<int, kReversed ? kRows / 2 : kRows>());
}

template <int kRows, int kFlip, class K, class V>
[[gnu::always_inline]] inline void exchange_down(V* v) {
  if constexpr (kFlip > 0) {
    exchange_lanes<kRows, kFlip, false, K>(v);
    exchange_down<kRows, kFlip / 2, K>(v);
  }
}

// Groups of kWidth / 2 sorted columns become groups of kWidth.
template <int kRows, int kWidth, class K, class V>
[[gnu::always_inline]] inline void merge_columns(V* v) {
  if constexpr (kWidth <= kVectorLanes<K>) {
    exchange_lanes<kRows, kWidth - 1, true, K>(v);
    exchange_down<kRows, kWidth / 4, K>(v);
    exchange_all<MergePairs<kRows>>(v);
    merge_columns<kRows, 2 * kWidth, K>(v);
  }
}

// Exchanges the blocks of kBit lanes on one diagonal of two rows.
template <int kBit, class K, class V, size_t... L>
[[gnu::always_inline]] inline void swap_blocks(V& a, V& b, std::index_sequence<L...>) {
  constexpr int kLanes = kVectorLanes<K>;
  const V low =
      __builtin_shufflevector(a, b, (int(L) & kBit ? kLanes + (int(L) ^ kBit) : int(L))...);
  b = __builtin_shufflevector(a, b, (int(L) & kBit ? kLanes + int(L) : (int(L) ^ kBit))...);
  a = low;
}

// Transposes the squares of kLanes rows.
template <int kRows, int kBit, class K, class V>
[[gnu::always_inline]] inline void transpose(V* v) {
  if constexpr (kBit > 0) {
    constexpr auto lanes = std::make_index_sequence<kVectorLanes<K>>();
    [&]<int... R>(std::integer_sequence<int, R...>) __attribute__((always_inline)) {
      ((R & kBit ? void() : swap_blocks<kBit, K>(v[R], v[R + kBit], lanes)), ...);
    }(std::make_integer_sequence<int, kRows - kBit>());
    transpose<kRows, kBit / 2, K>(v);
  }
}

// Sorts kRows vectors of keys; kRows is a power of two.
template <int kRows, class K>
[[gnu::noinline]] void sort_rows(K* keys) {
  using V = Vector<K>;
  constexpr int kLanes = kVectorLanes<K>;
  V v[kRows];
  std::memcpy(v, keys, sizeof(v));
  exchange_all<SortPairs<kRows>>(v);
  merge_columns<kRows, 2, K>(v);
  if constexpr (kRows >= kLanes) {
    // Row r of square q holds kLanes neighbours of column r.
    transpose<kRows, kLanes / 2, K>(v);
    constexpr int kSquares = kRows / kLanes;
    for (int r = 0; r < kLanes; ++r)
      for (int q = 0; q < kSquares; ++q)
        std::memcpy(keys + (r * kSquares + q) * kLanes, &v[q * kLanes + r], sizeof(V));
  } else {
    K matrix[kRows][kLanes];
    std::memcpy(matrix, v, sizeof(v));
    for (int l = 0; l < kLanes; ++l)
      for (int r = 0; r < kRows; ++r) keys[l * kRows + r] = matrix[r][l];
  }
}

}  // namespace network

// The most keys that sort_keys takes.
template <class K>
inline constexpr int kNetworkKeys = 16 * kVectorLanes<K>;

// Sorts up to kNetworkKeys keys, in a buffer of that many, which it may fill up.
template <class K>
void sort_keys(K* keys, int n) {
  constexpr int kLanes = kVectorLanes<K>;
  const auto fill = [&](int room) {
    for (int i = n; i < room; ++i) keys[i] = std::numeric_limits<K>::max();
  };
  if (n <= 2 * kLanes) return fill(2 * kLanes), network::sort_rows<2>(keys);
  if (n <= 4 * kLanes) return fill(4 * kLanes), network::sort_rows<4>(keys);
  if (n <= 8 * kLanes) return fill(8 * kLanes), network::sort_rows<8>(keys);
  fill(16 * kLanes), network::sort_rows<16>(keys);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
