#pragma once

// float16 and bfloat16 to and from float32: rounded to nearest, ties to even. What is too large
// becomes infinite; nan keeps its sign and the upper bits of its payload, and is quiet.

#include <bit>

#include "kernels/scalar/base.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
inline constexpr bool is_half_type = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

inline constexpr uint32_t kFloatInfinity = 0x7f800000;
// By how much the exponents of float32 and float16 differ, in place.
inline constexpr uint32_t kHalfBias = (127 - 15) << 23;

PYAUTOGRAD_HD inline float to_float(Float16 x) {
  const uint32_t sign = (x.bits & 0x8000u) << 16, size = x.bits & 0x7fffu;
  const uint32_t tiny = std::bit_cast<uint32_t>(float(int32_t(size)) * 0x1p-24f);
  const uint32_t normal = (size << 13) + kHalfBias;
  const uint32_t special = kFloatInfinity | size << 13 | (size > 0x7c00 ? 0x400000 : 0);
  return std::bit_cast<float>(sign | (size < 0x400 ? tiny : size < 0x7c00 ? normal : special));
}

PYAUTOGRAD_HD inline float to_float(BFloat16 x) {
  const uint32_t quiet = (x.bits & 0x7fffu) > 0x7f80 ? 0x400000 : 0;
  return std::bit_cast<float>(uint32_t(x.bits) << 16 | quiet);
}

template <class Half>
PYAUTOGRAD_HD inline Half from_float(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if constexpr (std::is_same_v<Half, BFloat16>) {
    const uint32_t nan = size >> 16 | 0x40, rounded = (size + 0x7fff + (size >> 16 & 1)) >> 16;
    return {uint16_t(sign | (size > kFloatInfinity ? nan : rounded))};
  } else {
    const uint32_t nan = 0x7e00 | (size >> 13 & 0x3ff);
    // The numbers from 0.5 to 1 are as far apart as float16's smallest ones.
    const float shifted = std::bit_cast<float>(size) + 0.5f;
    const uint32_t tiny = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f);
    const uint32_t rounded = (size + 0xfff + (size >> 13 & 1) - kHalfBias) >> 13;
    const uint32_t finite = size < kHalfBias + (1u << 23) ? tiny : rounded;
    const uint32_t number = size < kHalfBias + (31u << 23) && finite < 0x7c00 ? finite : 0x7c00;
    return {uint16_t(sign | (size > kFloatInfinity ? nan : number))};
  }
}

// Rounded such that rounding again, to fewer bits, is as rounding once: of the two neighbours of x
// the odd one.
PYAUTOGRAD_HD inline float to_odd_float(double x) {
  const float nearest = float(x);
  const uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (!(double(nearest) < x || double(nearest) > x) || (bits & 1)) return nearest;
  const bool outwards = (double(nearest) < x) == (bits >> 31 == 0);
  return std::bit_cast<float>(outwards ? bits + 1 : bits - 1);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
