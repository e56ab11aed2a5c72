#pragma once

// The Faddeeva function w(z) = exp(-z**2) erfc(-iz) and the error function of complex z.

#include <complex>

#include "kernels/scalar/special.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

using Complex = std::complex<double>;

// exp(c z**2) for c = 1 or -1, with what the rounded squares have lost.
inline Complex exp_complex_square(double c, Complex z) {
  const double x = z.real(), y = z.imag();
  const double square = (x - y) * (x + y), product = x * y;
  const double xx = x * x, yy = y * y, lost = std::fma(x, x, -xx) - std::fma(y, y, -yy);
  const double rest = std::fabs(xx - yy) < 1e300 ? (xx - yy - square) + lost : 0;
  const double size = std::exp(c * square);
  if (size == 0) return 0;
  const double turn = 2 * c * product, twist = 2 * c * std::fma(x, y, -product);
  const double cosine = std::cos(turn), sine = std::sin(turn);
  const double grown = size == kInf ? size : size * (1 + c * rest);
  return {grown * (cosine - twist * sine), grown * (sine + twist * cosine)};
}

// For z in the first quadrant: M. Al Azah and S. N. Chandler-Wilde, Computation of the complex
// error function using modified trapezoidal rules, SIAM J. Numer. Anal. 59 (2021). The integral
// over the line is a midpoint or trapezoidal sum, whichever has its nodes farther from z, plus the
// residue that its error has at z.
inline Complex faddeeva_first_quadrant(Complex z) {
  constexpr int kNodes = 11;
  constexpr double kStep = 0.51166335397324424;  // sqrt(pi / (kNodes + 1))
  const double x = z.real(), y = z.imag();
  if (x > 1e8 || y > 1e8) return Complex(0, 1 / kSqrtPi) / z;
  const double place = x / kStep, part = place - std::floor(place);
  const bool high = y >= std::max(x, kPi / kStep);
  const bool midpoints = high || part < 0.25 || part > 0.75;
  const Complex square = z * z;
  Complex sum = 0;
  for (int k = midpoints ? 0 : 1; k <= kNodes; ++k) {
    const double t = (midpoints ? k + 0.5 : k) * kStep;
    sum += std::exp(-t * t) / (square - t * t);
  }
  sum *= Complex(0, 2 * kStep / kPi) * z;
  if (high) return sum;
  if (!midpoints) sum += Complex(0, kStep / kPi) / z;
  const double grown = std::exp(2 * kPi * y / kStep), turn = 2 * kPi * part;
  if (grown == kInf) return sum;
  const Complex wave(grown * std::cos(turn), -grown * std::sin(turn));
  return sum + 2.0 * exp_complex_square(-1, z) / (midpoints ? 1.0 + wave : 1.0 - wave);
}

inline Complex faddeeva(Complex z) {
  const double x = z.real(), y = z.imag();
  if (x != x || y != y) return {kNan, kNan};
  Complex w = faddeeva_first_quadrant({std::fabs(x), std::fabs(y)});
  if (y < 0) w = 2.0 * exp_complex_square(-1, {std::fabs(x), std::fabs(y)}) - w;
  // Of the reflections z -> -z and z -> -conj(z) an odd number of the latter conjugates.
  return (x < 0) != (y < 0) ? std::conj(w) : w;
}

inline Complex complex_erfc(Complex z);

// DLMF 7.6.2 near the origin.
inline Complex complex_erf(Complex z) {
  if (std::norm(z) > 1) return z.real() < 0 ? complex_erfc(-z) - 1.0 : 1.0 - complex_erfc(z);
  const Complex square = 2.0 * z * z;
  Complex term = z * (2 / kSqrtPi), sum = term;
  for (int n = 1; n < 40 && std::norm(term) > 1e-36 * std::norm(sum); ++n) {
    term *= square / (2.0 * n + 1);
    sum += term;
  }
  return sum * exp_complex_square(-1, z);
}

inline Complex complex_erfc(Complex z) {
  if (z.real() < 0) return 2.0 - complex_erfc(-z);
  const Complex turned(-z.imag(), z.real());
  return exp_complex_square(-1, z) * faddeeva(turned);
}

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
