#pragma once

// The loops that are worth one copy per instruction set. They take bare pointers to contiguous
// elements, so that no inline function of the standard library is compiled for a processor that may
// not be there.

#include <array>
#include <cstdint>
#include <type_traits>

#include "core/dtype.h"
#include "kernels/cpu/joined_formulas.h"
#include "kernels/kernels.h"
#include "kernels/random.h"
#include "kernels/special.h"

namespace pyautograd::kernels {

inline constexpr int kUnaryCount = Unary::size;
inline constexpr int kBinaryCount = Binary::size;
inline constexpr int kSlopeCount = Slopes::size;
inline constexpr int kReduceCount = int(Reduce::Norm);

struct ReduceLoops {
  // acc[0] = acc[0] op x[0] op ... op x[n-1]
  void (*row)(void* acc, const void* x, int64_t n);
  // acc[c] = acc[c] op x[0, c] op ... op x[rows-1, c]
  void (*columns)(void* acc, const void* x, int64_t rows, int64_t row_stride, int64_t columns);
};

// c[i, j] (+)= sum_k a[i, k] b[k, j]; c has unit column stride.
struct Gemm {
  int64_t m, n, k;
  const void* a;
  int64_t a_row, a_column;
  const void* b;
  int64_t b_row, b_column;
  void* c;
  int64_t c_row;
};

// Numbers that a row of an FFT has at least: one vector of the widest instruction set.
template <class T>
inline constexpr int64_t kFftLanes = 64 / sizeof(T);
inline constexpr int kFftMaxRadix = 31;

// One pass of a transform of rows: for all p < span and k < radix, with rows as elements,
//   y[p * radix + k] = w[p]^k sum_i x[p + i * span] exp(-2πi ik / radix),
//   w[p] = exp(-2πi p / (radix * span)).
template <class T>
struct FftPass {
  int radix;  // 2, 4, 8, or odd and at most kFftMaxRadix
  int64_t span, row;
  const T *x_re, *x_im;
  T *y_re, *y_im;
  const T* twiddles;  // w[p]^k for p, k > 0
  const T* roots;     // exp(-2πi k / radix)
};

// Signed keys, and places of the same width that move along with them or are absent.
template <class K>
struct SortLine {
  K* keys;
  K* places;
  // Inlined for sure, or a copy for one processor might serve all.
  [[gnu::always_inline]] SortLine from(int64_t i) const {
    return {keys + i, places ? places + i : nullptr};
  }
};

template <class K>
struct SortLoops {
  using Line = SortLine<K>;
  // Ascending and stable. A spare line has room for kSortSlack items more than n.
  void (*keys)(const Line& x, const Line& spare, int64_t n);
  void (*pairs)(const Line& x, const Line& spare, int64_t n);
  // For n > 0: puts keys that are not above any of the rest in front, both in their order, and
  // returns how many there are, at least one.
  int64_t (*split_keys)(const Line& x, const Line& spare, int64_t n);
  int64_t (*split_pairs)(const Line& x, const Line& spare, int64_t n);
};
inline constexpr int64_t kSortSlack = 16;

// Between contiguous float32 and a dtype of two bytes.
struct HalfLoops {
  void (*widen)(float* out, const void* x, int64_t n);
  void (*narrow)(void* out, const float* x, int64_t n);
};

// Elements that the loop does not cover are marked in `left`; returns how many. n is a multiple of
// LoopTable::special_block, which divides 16.
using SpecialLoop = int64_t (*)(double* out, const double* x, int64_t* left, int64_t n);

inline constexpr int64_t kArgColumns = 256;

inline constexpr int64_t kPanelDepth = 256, kPanelSlack = 64, kTiny = 4;

// Of one dtype, where y and z may be numbers; null where two loops are as fast.
struct JoinedLoops {
  static constexpr int kCount = JoinedFormulas::size;
  Loop3 pair[kCount][kCount][2];  // outer(inner(x, y), z), or with z first
  Loop2 of_negative[kCount][2];   // f(-x, y), or with y first
  Loop2 negative[kCount];         // -f(x, y)
};

struct LoopTable {
  const char* name;
  bool beats_blas;  // the loops by panels do, where b fits the second cache
  Loop1 unary[kUnaryCount][kDTypeCount];
  Loop2 binary[kBinaryCount][kDTypeCount];
  ReduceLoops reduce[kReduceCount][kDTypeCount];  // by the dtype of x
  int64_t (*arg_reduce[kDTypeCount])(bool maximum, const void* x, int64_t n);
  // The same for each of the columns, at most kArgColumns; n > 0.
  void (*arg_columns[kDTypeCount])(bool maximum, int64_t* out, const void* x, int64_t n,
                                   int64_t row_stride, int64_t columns);
  Loop3 where[5];                           // by log2 of the item size
  Loop1 convert[kDTypeCount][kDTypeCount];  // to a dtype of another; null if it gains little
  Loop3 slope[kSlopeCount][kDTypeCount];
  NearLimit near_limit[kSlopeCount][kDTypeCount];
  void (*softmax[kDTypeCount])(void* out, const void* x, int64_t n, bool log);
  void (*logsumexp[kDTypeCount])(void* out, const void* x, int64_t n);
  void (*gemm[kDTypeCount])(const Gemm& product);
  // As many products as that, whose c, a and b are `steps` apart, for floating-point numbers, n and
  // k up to kTiny: with the same bits.
  void (*tiny_gemms[kDTypeCount])(Gemm first, int64_t count, const std::array<int64_t, 3>& steps);
  // The same in two steps, for floating-point numbers and k up to kPanelDepth: b as panels one
  // after another, k * (n + kPanelSlack) elements, then some rows of the product, or added to them.
  void (*pack_panels[kDTypeCount])(const Gemm& product, void* panels);
  void (*multiply_panels[kDTypeCount])(const Gemm& rows, const void* panels, bool add);
  // out[i] = sum_j x[t - j] y[j] for t = first + i, i < count, of n and m numbers; t is at most
  // n + m - 2.
  void (*convolve[kDTypeCount])(void* out, const void* x, int64_t n, const void* y, int64_t m,
                                int64_t first, int64_t count);
  SortLoops<int32_t> sort32;
  SortLoops<int64_t> sort64;
  // Between elements and the keys of kernels/sort_key.h, by the dtype of the elements.
  void (*sort_keys[kDTypeCount])(void* keys, const void* x, int64_t n, bool descending);
  void (*sort_elements[kDTypeCount])(void* out, const void* keys, int64_t n, bool descending);
  // n elements from the start of a block on.
  void (*base_draw[kBaseDraws][kDTypeCount])(void* out, const uint64_t* key, uint64_t block,
                                             int64_t n);
  // log_gamma_variate with shapes `step` apart, a block for each of n elements.
  void (*log_gamma)(double* out, const double* shape, int64_t step, const uint64_t* key,
                    uint64_t block, int64_t n);
  SpecialLoop special[kSpecialVectors][kSpecialOrders];
  int64_t special_block;
  void (*fft_float)(const FftPass<float>& pass);
  void (*fft_double)(const FftPass<double>& pass);
  HalfLoops float16, bfloat16;
  // The code of a SmallProgram up to the first op that is no formula.
  const uint32_t* (*run_small)(char* frame, const uint32_t* code, const uint32_t* end,
                               int64_t width);
  JoinedLoops joined[JoinedTypes::size];
};

const LoopTable& loops();

// Loops that gain little from wider vectors: complex numbers wait for memory or for the C library,
// and what divides integers (isa/divide.cpp) leaves the rest to these.
template <class F, class T>
inline constexpr bool compiled_once =
    is_complex_type<T> ||
    contains<F, List<BitCount, Exponent, Gcd, Ldexp, Lcm, MakeComplex, NextAfter>> ||
    (!is_float<T> && contains<F, List<FloorDivide, Fmod, Power, Remainder>>);

// The type whose loops serve T where signs do not matter; a bool is a byte of 0 or 1.
template <class T>
using BitsOf = typename std::conditional_t<
    is_float<T>, std::type_identity<T>,
    std::make_unsigned<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>>::type;

inline int size_class(int64_t itemsize) {
  return itemsize == 1 ? 0 : itemsize == 2 ? 1 : itemsize == 4 ? 2 : itemsize == 8 ? 3 : 4;
}

// Defined once per instruction set.
inline namespace PYAUTOGRAD_ISA {
void install_unary(LoopTable& table);
void install_binary(LoopTable& table);
void install_divide(LoopTable& table);
void install_slopes(LoopTable& table);
void install_convert(LoopTable& table);
void install_reduce(LoopTable& table);
void install_softmax(LoopTable& table);
void install_gemm(LoopTable& table);
void install_convolve(LoopTable& table);
void install_random(LoopTable& table);
void install_fft(LoopTable& table);
void install_sort(LoopTable& table);
void install_special(LoopTable& table);
void install_complex_math(LoopTable& table);
void install_half(LoopTable& table);
void install_small(LoopTable& table);
void install_joined(LoopTable& table);
}  // namespace PYAUTOGRAD_ISA

// What is compiled once, before the rest. install_complex_math and install_divide put vector code
// in front of some.
void install_common(LoopTable& table);

}  // namespace pyautograd::kernels
