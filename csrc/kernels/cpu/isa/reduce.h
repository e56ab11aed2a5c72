#pragma once

// Row reductions on the compiler's vector types: four independent accumulators hide the latency,
// and the order of operations depends on the length only.

#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/functors.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(64)));
};

template <class T>
inline constexpr T kInfinity =
    is_float<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
template <class T>
inline constexpr T kLowest = is_float<T> ? T(-kInfinity<T>) : std::numeric_limits<T>::lowest();

// Each fold works on elements and on vectors of them.
struct SumFold {
  template <class T>
  static constexpr T identity() {
    return T(0);
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = acc + x;
  }
};
struct ProdFold {
  template <class T>
  static constexpr T identity() {
    return T(1);
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = acc * x;
  }
};
struct MaxFold {
  template <class T>
  static constexpr T identity() {
    return kLowest<T>;
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = ((acc != acc) | (acc > x)) ? acc : x;
  }
};
struct MinFold {
  template <class T>
  static constexpr T identity() {
    return kInfinity<T>;
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = ((acc != acc) | (acc < x)) ? acc : x;
  }
};

template <class Fold, class T>
inline T fold_block(const T* x, int64_t n) {
  using V = typename VectorOf<T>::type;
  constexpr int64_t lanes = 64 / sizeof(T);
  T result = Fold::template identity<T>();
  int64_t i = 0;
  if (n >= 4 * lanes) {
    V acc[4];
    std::memcpy(acc, x, sizeof(acc));
    for (i = 4 * lanes; i + 4 * lanes <= n; i += 4 * lanes)
      for (int j = 0; j < 4; ++j) {
        V value;
        std::memcpy(&value, x + i + j * lanes, sizeof(V));
        Fold::fold(acc[j], value);
      }
    Fold::fold(acc[0], acc[1]);
    Fold::fold(acc[2], acc[3]);
    Fold::fold(acc[0], acc[2]);
    T lane[lanes];
    std::memcpy(lane, acc, sizeof(lane));
    for (int64_t width = lanes / 2; width > 0; width /= 2)
      for (int64_t j = 0; j < width; ++j) Fold::fold(lane[j], lane[j + width]);
    result = lane[0];
  }
  for (; i < n; ++i) Fold::fold(result, x[i]);
  return result;
}

// Pairwise over blocks: the error of a sum grows with the logarithm of the number of blocks.
template <class Fold, class T>
inline T fold_row(const T* x, int64_t n) {
  constexpr int64_t kFoldBlock = 8192 / sizeof(T);
  if (n <= kFoldBlock) return fold_block<Fold>(x, n);
  T partial[64];  // partial[i] covers a run of 2^i blocks when bit i of `full` is set
  uint64_t full = 0;
  for (int64_t begin = 0; begin < n; begin += kFoldBlock) {
    T value = fold_block<Fold>(x + begin, n - begin < kFoldBlock ? n - begin : kFoldBlock);
    int level = 0;
    for (; full >> level & 1; ++level) {
      Fold::fold(partial[level], value);
      value = partial[level];
      full &= ~(uint64_t{1} << level);
    }
    partial[level] = value;
    full |= uint64_t{1} << level;
  }
  T result = Fold::template identity<T>();
  for (int level = 0; level < 64; ++level)
    if (full >> level & 1) Fold::fold(result, partial[level]);
  return result;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
