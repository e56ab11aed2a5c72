#pragma once

// Complex functions without branches, in parts and in double precision, for most arguments: loops
// over them become vector code. scalar/complex.h has the rest.

#include "kernels/functors.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

struct Parts {
  double re, im;
};

// A functor's formula: covers(z), and its value there.
template <class Functor>
struct ComplexVector;

// The range in which squares of the parts neither overflow nor vanish.
struct SafeSquares {
  PYAUTOGRAD_HD static bool covers(Parts z) {
    const double x = std::fabs(z.re), y = std::fabs(z.im), larger = x > y ? x : y;
    return (larger > 1e-140) & (larger < 1e140) & (x + y < 1e141);
  }
};
template <bool kReal>
struct SafeExponential {
  PYAUTOGRAD_HD static bool covers(Parts z) {
    const double grows = kReal ? z.re : z.im, turns = kReal ? z.im : z.re;
    return (std::fabs(grows) < 700) & (std::fabs(turns) < 1e6);
  }
};

template <>
struct ComplexVector<Exp> : SafeExponential<true> {
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    const double size = std::exp(z.re);
    return {size * std::cos(z.im), size * std::sin(z.im)};
  }
};

// Near |z| = 1 from |z|**2 - 1, without what squares and sums have lost.
template <>
struct ComplexVector<Log> : SafeSquares {
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    const double x = std::fabs(z.re), y = std::fabs(z.im);
    const double a = x > y ? x : y, b = x > y ? y : x;
    const double aa = a * a, bb = b * b;
    const double lost = std::fma(a, a, -aa) + std::fma(b, b, -bb);
    const double off = ((aa - 1) + bb) + lost;
    const double near = std::log1p(off), far = std::log(aa + bb);
    return {0.5 * (std::fabs(off) < 0.4 ? near : far), std::atan2(z.im, z.re)};
  }
};

template <>
struct ComplexVector<Sqrt> : SafeSquares {
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    const double x = std::fabs(z.re), y = std::fabs(z.im);
    const double larger = std::sqrt(0.5 * (x + std::sqrt(x * x + y * y)));
    const double smaller = 0.5 * y / larger;
    return {z.re < 0 ? smaller : larger, std::copysign(z.re < 0 ? larger : smaller, z.im)};
  }
};

template <>
struct ComplexVector<Sin> : SafeExponential<false> {
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    return {std::sin(z.re) * std::cosh(z.im), std::cos(z.re) * std::sinh(z.im)};
  }
};
template <>
struct ComplexVector<Cos> : SafeExponential<false> {
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    return {std::cos(z.re) * std::cosh(z.im), -(std::sin(z.re) * std::sinh(z.im))};
  }
};
template <>
struct ComplexVector<Sinh> : SafeExponential<true> {
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    return {std::sinh(z.re) * std::cos(z.im), std::cosh(z.re) * std::sin(z.im)};
  }
};
template <>
struct ComplexVector<Cosh> : SafeExponential<true> {
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    return {std::cosh(z.re) * std::cos(z.im), std::sinh(z.re) * std::sin(z.im)};
  }
};

// tanh(x + iy), and what tan(y - ix) is made of.
PYAUTOGRAD_HD inline Parts tanh_parts(double x, double y) {
  const double sinh = std::sinh(x), cosh = std::cosh(x), sin = std::sin(y), cos = std::cos(y);
  const double scale = 1 / (sinh * sinh + cos * cos);
  return {sinh * cosh * scale, sin * cos * scale};
}
template <>
struct ComplexVector<Tanh> {
  PYAUTOGRAD_HD static bool covers(Parts z) {
    return (std::fabs(z.re) < 20) & (std::fabs(z.im) < 1e6);
  }
  PYAUTOGRAD_HD Parts operator()(Parts z) const { return tanh_parts(z.re, z.im); }
};
template <>
struct ComplexVector<Tan> {
  PYAUTOGRAD_HD static bool covers(Parts z) {
    return (std::fabs(z.im) < 20) & (std::fabs(z.re) < 1e6);
  }
  PYAUTOGRAD_HD Parts operator()(Parts z) const {
    const Parts turned = tanh_parts(z.im, z.re);
    return {turned.im, turned.re};
  }
};

template <>
struct ComplexVector<Angle> {
  PYAUTOGRAD_HD static bool covers(Parts) { return true; }
  PYAUTOGRAD_HD Parts operator()(Parts z) const { return {std::atan2(z.im, z.re), 0}; }
};

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
