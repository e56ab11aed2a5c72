#pragma once

// The C++ library's functions of complex numbers exist for the host alone. CUDA has the same ones
// for both, for numbers of its own type. So it is with the operators, but nobody says so: those of
// libstdc++ compute with __complex__, for which nvcc writes no code at all, so that x + y is x.

#include "kernels/scalar/base.h"

#ifdef __CUDACC__
#include <cuda/std/complex>
#endif

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

#ifdef __CUDACC__

// No templates: so they come before those of the library.
#define PYAUTOGRAD_OPERATORS(T)                                                             \
  PYAUTOGRAD_HD inline std::complex<T> operator+(std::complex<T> x, std::complex<T> y) {    \
    return {x.real() + y.real(), x.imag() + y.imag()};                                      \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T> operator-(std::complex<T> x, std::complex<T> y) {    \
    return {x.real() - y.real(), x.imag() - y.imag()};                                      \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T> operator+(std::complex<T> x, T y) {                  \
    return {x.real() + y, x.imag()};                                                        \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T> operator-(std::complex<T> x, T y) {                  \
    return {x.real() - y, x.imag()};                                                        \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T> operator+(T x, std::complex<T> y) {                  \
    return {x + y.real(), y.imag()};                                                        \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T> operator-(T x, std::complex<T> y) {                  \
    return {x - y.real(), -y.imag()};                                                       \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T> operator*(std::complex<T> x, T y) {                  \
    return {x.real() * y, x.imag() * y};                                                    \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T> operator*(T x, std::complex<T> y) { return y * x; }  \
  PYAUTOGRAD_HD inline std::complex<T> operator/(std::complex<T> x, T y) {                  \
    return {x.real() / y, x.imag() / y};                                                    \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T>& operator+=(std::complex<T>& x, std::complex<T> y) { \
    return x = x + y;                                                                       \
  }                                                                                         \
  PYAUTOGRAD_HD inline std::complex<T>& operator-=(std::complex<T>& x, std::complex<T> y) { \
    return x = x - y;                                                                       \
  }                                                                                         \
  std::complex<T> operator*(std::complex<T> x, std::complex<T> y) = delete;                 \
  std::complex<T> operator/(std::complex<T> x, std::complex<T> y) = delete;                 \
  std::complex<T> operator/(T x, std::complex<T> y) = delete;                               \
  std::complex<T>& operator*=(std::complex<T>& x, std::complex<T> y) = delete;              \
  std::complex<T>& operator/=(std::complex<T>& x, std::complex<T> y) = delete;              \
  std::complex<T>& operator*=(std::complex<T>& x, T y) = delete;                            \
  std::complex<T>& operator/=(std::complex<T>& x, T y) = delete;                            \
  std::complex<T>& operator+=(std::complex<T>& x, T y) = delete;                            \
  std::complex<T>& operator-=(std::complex<T>& x, T y) = delete;
PYAUTOGRAD_OPERATORS(float)
PYAUTOGRAD_OPERATORS(double)
#undef PYAUTOGRAD_OPERATORS

// There, operators of series would hide these, so that those of libstdc++ were all that is found.
namespace special {
using kernels::operator+, kernels::operator-, kernels::operator*, kernels::operator/;
using kernels::operator+=, kernels::operator-=, kernels::operator*=, kernels::operator/=;
}  // namespace special

#endif

namespace library {

#ifdef __CUDACC__

template <class T>
PYAUTOGRAD_HD ::cuda::std::complex<T> to_cuda(std::complex<T> z) {
  return {z.real(), z.imag()};
}

#define PYAUTOGRAD_LIBRARY(function)                                     \
  template <class T>                                                     \
  PYAUTOGRAD_HD std::complex<T> function(std::complex<T> z) {            \
    const ::cuda::std::complex<T> w = ::cuda::std::function(to_cuda(z)); \
    return {w.real(), w.imag()};                                         \
  }
PYAUTOGRAD_LIBRARY(exp)
PYAUTOGRAD_LIBRARY(log)
PYAUTOGRAD_LIBRARY(sqrt)
PYAUTOGRAD_LIBRARY(sin)
PYAUTOGRAD_LIBRARY(cos)
PYAUTOGRAD_LIBRARY(tan)
PYAUTOGRAD_LIBRARY(asin)
PYAUTOGRAD_LIBRARY(acos)
PYAUTOGRAD_LIBRARY(atan)
PYAUTOGRAD_LIBRARY(sinh)
PYAUTOGRAD_LIBRARY(cosh)
PYAUTOGRAD_LIBRARY(tanh)
PYAUTOGRAD_LIBRARY(asinh)
PYAUTOGRAD_LIBRARY(acosh)
PYAUTOGRAD_LIBRARY(atanh)
#undef PYAUTOGRAD_LIBRARY

template <class T>
PYAUTOGRAD_HD std::complex<T> pow(std::complex<T> x, std::complex<T> y) {
  const ::cuda::std::complex<T> w = ::cuda::std::pow(to_cuda(x), to_cuda(y));
  return {w.real(), w.imag()};
}

#else

using std::acos;
using std::acosh;
using std::asin;
using std::asinh;
using std::atan;
using std::atanh;
using std::cos;
using std::cosh;
using std::exp;
using std::log;
using std::pow;
using std::sin;
using std::sinh;
using std::sqrt;
using std::tan;
using std::tanh;

#endif

}  // namespace library
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
