#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>

#ifdef __CUDACC__
#define PYAUTOGRAD_HD __host__ __device__
#else
#define PYAUTOGRAD_HD
#endif

#include "core/dtype.h"

// Loop files are compiled once per instruction set. Each gets the functors under a name of its own,
// or the linker would be free to give an old processor the copy that was compiled for a new one.
#ifndef PYAUTOGRAD_ISA
#define PYAUTOGRAD_ISA common
#endif

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
inline constexpr bool is_float = std::is_floating_point_v<T>;

// Integer arithmetic wraps like NumPy's: it goes through the unsigned type after promotion.
template <class T>
using Wrap = std::make_unsigned_t<decltype(T() + T())>;

PYAUTOGRAD_HD inline uint64_t multiply_high(uint64_t a, uint64_t b) {
#ifdef __CUDA_ARCH__
  return __umul64hi(a, b);
#else
  return uint64_t((static_cast<unsigned __int128>(a) * b) >> 64);
#endif
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
