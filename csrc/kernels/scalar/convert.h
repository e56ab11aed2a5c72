#pragma once

// Conversion between any two dtypes. NumPy leaves open what a float out of an integer's range
// becomes; here it saturates, and nan becomes 0. Complex to real drops the imaginary part.

#include "kernels/scalar/half.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class To, class From>
PYAUTOGRAD_HD inline To convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (is_half_type<From>) {
    return convert<To>(to_float(x));
  } else if constexpr (is_half_type<To> && std::is_same_v<From, float>) {
    return from_float<To>(x);
  } else if constexpr (is_half_type<To>) {
    return from_float<To>(to_odd_float(convert<double>(x)));
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (is_complex_type<To> && is_complex_type<From>) {
    return To(RealOf<To>(x.real()), RealOf<To>(x.imag()));
  } else if constexpr (is_complex_type<To>) {
    return To(RealOf<To>(x));
  } else if constexpr (is_complex_type<From>) {
    return convert<To>(x.real());
  } else if constexpr (is_float<From> && !is_float<To>) {
    // Powers of two, so that both bounds are exact.
    constexpr From low = From(std::numeric_limits<To>::min());
    constexpr From high = From(std::numeric_limits<To>::max() / 2 + 1) * 2;
    if (!(x > low)) return x == x ? std::numeric_limits<To>::min() : To(0);
    return x < high ? To(x) : std::numeric_limits<To>::max();
  } else {
    return To(x);
  }
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
