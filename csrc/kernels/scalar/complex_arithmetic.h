#pragma once

// Products and quotients of complex numbers, written out in parts: the operators of std::complex
// look for infinities first, which NumPy does not.

#include "kernels/scalar/complex_library.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
PYAUTOGRAD_HD inline std::complex<T> product(std::complex<T> x, std::complex<T> y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

// Smith's algorithm (Communications of the ACM 5, 1962): no overflow where the result is finite.
template <class T>
PYAUTOGRAD_HD inline std::complex<T> quotient(std::complex<T> x, std::complex<T> y) {
  T c = y.real(), d = y.imag();
  if (std::fabs(c) >= std::fabs(d)) {
    // A division by zero gives infinities or nan, part by part.
    if (c == 0 && d == 0) return {x.real() / std::fabs(c), x.imag() / std::fabs(c)};
    T ratio = d / c, scale = T(1) / (c + d * ratio);
    return {(x.real() + x.imag() * ratio) * scale, (x.imag() - x.real() * ratio) * scale};
  }
  T ratio = c / d, scale = T(1) / (d + c * ratio);
  return {(x.real() * ratio + x.imag()) * scale, (x.imag() * ratio - x.real()) * scale};
}

template <class T>
PYAUTOGRAD_HD inline std::complex<T> inverse(std::complex<T> x) {
  T c = x.real(), d = x.imag();
  if (std::fabs(d) <= std::fabs(c)) {
    T ratio = d / c, norm = c + d * ratio;
    return {T(1) / norm, -ratio / norm};
  }
  T ratio = c / d, norm = c * ratio + d;
  return {ratio / norm, T(-1) / norm};
}

template <class T>
PYAUTOGRAD_HD inline std::complex<T> times(T factor, std::complex<T> x) {
  return {factor * x.real(), factor * x.imag()};
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
