#pragma once

// Roots of sums of squares that may over- or underflow: three sums, of x**2, (x up)**2 and
// (x down)**2, of which one is right to rounding. J. L. Blue, A portable Fortran program to find
// the Euclidean norm of a vector (ACM TOMS 4, 1978) has one for each range of x.

#include "kernels/scalar/base.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
struct NormScales {
  static constexpr bool single = sizeof(T) == 4;
  // Squares that are lost from a sum that is not below this do not count.
  static constexpr T least = single ? T(0x1p-100) : T(0x1p-900);
  static constexpr T most = std::numeric_limits<T>::max();
  static constexpr T up = single ? T(0x1p100) : T(0x1p600), down = 1 / up;

  PYAUTOGRAD_HD static bool is_tiny(T sum) { return sum < least; }
  PYAUTOGRAD_HD static bool is_huge(T sum) { return sum > most; }
};

template <class T>
PYAUTOGRAD_HD T norm_of_sums(T sum, T tiny, T huge) {
  using Scales = NormScales<T>;
  if (Scales::is_tiny(sum)) return std::sqrt(tiny) * Scales::down;
  if (Scales::is_huge(sum)) return std::sqrt(huge) * Scales::up;
  return std::sqrt(sum);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
