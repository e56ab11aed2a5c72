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

// Of real numbers, for formulas over both.
template <class T>
  requires is_float<T>
PYAUTOGRAD_HD inline T product(T x, T y) {
  return x * y;
}
template <class T>
  requires is_float<T>
PYAUTOGRAD_HD inline T quotient(T x, T y) {
  return x / y;
}
template <class T>
  requires is_float<T>
PYAUTOGRAD_HD inline T modulus(T x) {
  return std::fabs(x);
}
template <class T>
  requires is_float<T>
PYAUTOGRAD_HD inline T log_one_plus(T x) {
  return std::log1p(x);
}

// |x| without overflow, in a form that has vector code where std::hypot has none.
template <class T>
PYAUTOGRAD_HD inline T modulus(std::complex<T> x) {
  T a = std::fabs(x.real()), b = std::fabs(x.imag());
  T larger = a > b ? a : b, smaller = a > b ? b : a;  // a nan ends up in one of them
  T ratio = smaller / larger;
  T length = larger * std::sqrt(T(1) + ratio * ratio);
  constexpr T infinity = std::numeric_limits<T>::infinity();
  T finite = a + b == 0 ? T(0) : length;
  return (a == infinity) | (b == infinity) ? infinity : finite;
}

template <class T>
PYAUTOGRAD_HD inline std::complex<T> log_one_plus(std::complex<T> z) {
  T x = z.real(), y = z.imag();
  // log|1 + z| = log1p(x (2 + x) + y^2) / 2 keeps what 1 + x would round away.
  bool small = std::fabs(x) < T(0.5) && std::fabs(y) < T(0.5);
  T log_modulus = small ? T(0.5) * std::log1p(x * (2 + x) + y * y) : std::log(std::hypot(x + 1, y));
  return {log_modulus, std::atan2(y, x + 1)};
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
