#pragma once

// Reductions. Rows of real numbers go through the compiler's vector types: four independent
// accumulators hide the latency, and the order of operations depends on the length only.

#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/scalar/norm.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
inline constexpr T kInfinity =
    is_float<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
template <class T>
inline constexpr T kLowest = is_float<T> ? T(-kInfinity<T>) : std::numeric_limits<T>::lowest();

// Each fold works on elements and on vectors of them. What it folds is `of` each element.
struct PlainFold {
  template <class V>
  static const V& of(const V& x) {
    return x;
  }
};
struct SumFold : PlainFold {
  template <class T>
  static constexpr T identity() {
    return T(0);
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = acc + x;
  }
};
struct SumOfSquaresFold : SumFold {
  template <class V>
  static V of(const V& x) {
    return x * x;
  }
};
template <class T, bool kTiny>
struct ScaledSquaresFold : SumFold {
  template <class V>
  static V of(const V& x) {
    const V scaled = x * (kTiny ? NormScales<T>::up : NormScales<T>::down);
    return scaled * scaled;
  }
};
struct ProdFold : PlainFold {
  template <class T>
  static constexpr T identity() {
    return T(1);
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = acc * x;
  }
};
struct MaxFold : PlainFold {
  template <class T>
  static constexpr T identity() {
    return kLowest<T>;
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = ((acc != acc) | (acc > x)) ? acc : x;
  }
};
struct MinFold : PlainFold {
  template <class T>
  static constexpr T identity() {
    return kInfinity<T>;
  }
  template <class V>
  static void fold(V& acc, const V& x) {
    acc = ((acc != acc) | (acc < x)) ? acc : x;
  }
};

// result[j] of kWidth results folds the elements j, j + kWidth, ..., and n is a multiple of that.
// Not inlined: unrolled code as long as this need not be in every caller.
template <int kWidth, class Fold, class T>
[[gnu::noinline]] void fold_lanes(T* result, const T* x, int64_t n) {
  using V = Vector<T>;
  constexpr int64_t lanes = 64 / sizeof(T);  // of an accumulator, whatever the registers
  constexpr int kParts = 64 / kVectorBytes;
  const auto fold_at = [x](V& acc, int64_t i) {
    V value;
    std::memcpy(&value, x + i, sizeof(V));
    Fold::fold(acc, Fold::of(value));
  };
  T total[kWidth];
  for (T& value : total) value = Fold::template identity<T>();
  int64_t i = 0;
  if (n >= 4 * lanes) {
    V acc[4 * kParts];
    std::memcpy(acc, x, sizeof(acc));
    for (V& value : acc) value = Fold::of(value);
    for (i = 4 * lanes; i + 4 * lanes <= n; i += 4 * lanes) {
#pragma GCC unroll 16
      for (int j = 0; j < 4 * kParts; ++j) fold_at(acc[j], i + j * lanes / kParts);
    }
    for (; i + lanes <= n; i += lanes) {
#pragma GCC unroll 4
      for (int p = 0; p < kParts; ++p) fold_at(acc[p], i + p * lanes / kParts);
    }
    for (int p = 0; p < kParts; ++p) {
      Fold::fold(acc[p], acc[kParts + p]);
      Fold::fold(acc[2 * kParts + p], acc[3 * kParts + p]);
      Fold::fold(acc[p], acc[2 * kParts + p]);
    }
    T lane[lanes];
    std::memcpy(lane, acc, sizeof(lane));
    for (int64_t width = lanes / 2; width >= kWidth; width /= 2)
      for (int64_t j = 0; j < width; ++j) Fold::fold(lane[j], lane[j + width]);
    for (int j = 0; j < kWidth; ++j) total[j] = lane[j];
  }
  for (; i + kWidth <= n; i += kWidth)
    for (int j = 0; j < kWidth; ++j) Fold::fold(total[j], Fold::of(x[i + j]));
  for (int j = 0; j < kWidth; ++j) result[j] = total[j];
}

template <class Fold, class T>
  requires(!is_complex_type<T>)
inline T fold_block(const T* x, int64_t n) {
  T result;
  fold_lanes<1, Fold>(&result, x, n);
  return result;
}

// A sum is one of real numbers; for the rest four running results, as there is no vector type.
template <class Fold, class T>
  requires is_complex_type<T>
inline T fold_block(const T* x, int64_t n) {
  if constexpr (std::is_same_v<Fold, SumFold>) {
    RealOf<T> parts[2];
    fold_lanes<2, SumFold>(parts, reinterpret_cast<const RealOf<T>*>(x), 2 * n);
    return {parts[0], parts[1]};
  }
  T acc[4];
  for (T& value : acc) value = Fold::template identity<T>();
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) Fold::fold(acc[j], Fold::of(x[i + j]));
  }
  for (; i < n; ++i) Fold::fold(acc[0], Fold::of(x[i]));
  Fold::fold(acc[0], acc[1]);
  Fold::fold(acc[2], acc[3]);
  Fold::fold(acc[0], acc[2]);
  return acc[0];
}

// Pairwise over blocks: the error of a sum grows with the logarithm of the number of blocks.
template <class Fold, class T>
[[gnu::noinline]] T fold_row(const T* x, int64_t n) {
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

template <class Fold, class T>
void fold_row_loop(void* acc, const void* x, int64_t n) {
  T* a = static_cast<T*>(acc);
  Fold::fold(*a, fold_row<Fold>(static_cast<const T*>(x), n));
}

template <class Fold, class T>
inline void fold_rows(T* __restrict acc, const T* x, int64_t rows, int64_t row_stride,
                      int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = x + r * row_stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < columns; ++c) Fold::fold(acc[c], Fold::of(row[c]));
  }
}

// Tiles of columns stay in the first cache; groups of rows are summed apart, to bound the error of
// long sums.
template <class Fold, class T>
void fold_columns_loop(void* acc, const void* x, int64_t rows, int64_t row_stride,
                       int64_t columns) {
  constexpr int64_t kTile = 4096 / sizeof(T), kGroup = 128;
  for (int64_t c = 0; c < columns; c += kTile) {
    int64_t width = columns - c < kTile ? columns - c : kTile;
    T* a = static_cast<T*>(acc) + c;
    const T* begin = static_cast<const T*>(x) + c;
    const bool grouped = rows > kGroup;
    for (int64_t r = 0; r < rows; r += kGroup) {
      T group[kTile];
      for (int64_t i = 0; grouped && i < width; ++i) group[i] = Fold::template identity<T>();
      fold_rows<Fold>(grouped ? group : a, begin + r * row_stride,
                      rows - r < kGroup ? rows - r : kGroup, row_stride, width);
      for (int64_t i = 0; grouped && i < width; ++i) Fold::fold(a[i], group[i]);
    }
  }
}

template <class T>
bool any_nonzero(const T* x, int64_t n, bool wanted) {
  constexpr int64_t kStep = 256;
  for (int64_t i = 0; i < n; i += kStep) {
    int64_t end = n - i < kStep ? n : i + kStep;
    unsigned found = 0;
    for (int64_t j = i; j < end; ++j) found |= (x[j] != T(0)) == wanted;
    if (found) return true;
  }
  return false;
}

template <bool All, class T>
void truth_row_loop(void* acc, const void* x, int64_t n) {
  bool* a = static_cast<bool*>(acc);
  if (*a != All) return;  // already decided
  *a = any_nonzero(static_cast<const T*>(x), n, !All) != All;
}

template <bool All, class T>
void truth_columns_loop(void* acc, const void* x, int64_t rows, int64_t row_stride,
                        int64_t columns) {
  uint8_t* a = static_cast<uint8_t*>(acc);
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = static_cast<const T*>(x) + r * row_stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < columns; ++c) {
      uint8_t truth = row[c] != T(0);
      a[c] = All ? a[c] & truth : a[c] | truth;
    }
  }
}

template <class Fold, class T>
constexpr ReduceLoops fold_loops() {
  return {fold_row_loop<Fold, T>, fold_columns_loop<Fold, T>};
}
template <bool All, class T>
constexpr ReduceLoops truth_loops() {
  return {truth_row_loop<All, T>, truth_columns_loop<All, T>};
}

// What install_reduce leaves to a file of its own.
void install_extrema(LoopTable& table);

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
