#pragma once

// The Faddeeva function w(z) = exp(-z**2) erfc(-iz) and the error function of complex z.

#include "kernels/scalar/complex_arithmetic.h"
#include "kernels/scalar/special.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

using Complex = std::complex<double>;

// w exp(c z**2) for c = 1 or -1, with what the rounded squares have lost.
PYAUTOGRAD_HD inline Complex times_exp_square(Complex w, double c, Complex z) {
  const double x = z.real(), y = z.imag();
  const double along = x * y;
#ifdef __CUDA_ARCH__
  // Rounded, though sums follow: a contracted product would have lost nothing.
  const double square = __dmul_rn(x - y, x + y), xx = __dmul_rn(x, x), yy = __dmul_rn(y, y);
#else
  const double square = (x - y) * (x + y), xx = x * x, yy = y * y;
#endif
  const double lost = std::fma(x, x, -xx) - std::fma(y, y, -yy);
  const double rest = std::fabs(xx - yy) < 1e300 ? (xx - yy - square) + lost : 0;
  const double size = std::exp(c * square);
  if (size == 0) return 0;
  const double turn = 2 * c * along, twist = 2 * c * std::fma(x, y, -along);
  const double cosine = std::cos(turn), sine = std::sin(turn);
  const double grown = size == kInf ? size : size * (1 + c * rest);
  // The direction first: it has a sign where the size overflows.
  return times(grown, product(w, {cosine - twist * sine, sine + twist * cosine}));
}

// For z in the first quadrant: M. Al Azah and S. N. Chandler-Wilde, Computation of the complex
// error function using modified trapezoidal rules, SIAM J. Numer. Anal. 59 (2021). The integral
// over the line is a midpoint or trapezoidal sum, whichever has its nodes farther from z, plus the
// residue that its error has at z.
PYAUTOGRAD_HD inline Complex faddeeva_first_quadrant(Complex z) {
  constexpr int kNodes = 11;
  constexpr double kStep = 0.51166335397324424;  // sqrt(pi / (kNodes + 1))
  const double x = z.real(), y = z.imag();
  if (x == kInf || y == kInf) return 0;
  if (x > 1e8 || y > 1e8) return quotient(Complex(0, 1 / kSqrtPi), z);
  const double place = x / kStep, part = place - std::floor(place);
  const double highest = kPi / kStep;
  const bool high = y >= (x > highest ? x : highest);
  const bool midpoints = high || part < 0.25 || part > 0.75;
  const Complex square = product(z, z);
  Complex sum = 0;
  for (int k = midpoints ? 0 : 1; k <= kNodes; ++k) {
    const double t = (midpoints ? k + 0.5 : k) * kStep;
    sum += std::exp(-t * t) * inverse(square - t * t);
  }
  sum = product(sum, product(Complex(0, 2 * kStep / kPi), z));
  if (high) return sum;
  if (!midpoints) sum += quotient(Complex(0, kStep / kPi), z);
  const double grown = std::exp(2 * kPi * y / kStep), turn = 2 * kPi * part;
  if (grown == kInf) return sum;
  const Complex wave(grown * std::cos(turn), -grown * std::sin(turn));
  return sum + times_exp_square(2.0 * inverse(midpoints ? 1.0 + wave : 1.0 - wave), -1, z);
}

PYAUTOGRAD_HD inline Complex faddeeva(Complex z) {
  const double x = z.real(), y = z.imag();
  if (x != x || y != y) return {kNan, kNan};
  const Complex first(std::fabs(x), std::fabs(y));
  Complex w = faddeeva_first_quadrant(first);
  if (y < 0) w = times_exp_square(2, -1, first) - w;
  // Of the reflections z -> -z and z -> -conj(z) an odd number of the latter conjugates.
  return (x < 0) != (y < 0) ? std::conj(w) : w;
}

// erfc, for a real part that is not negative.
PYAUTOGRAD_HD inline Complex complex_erfc_right(Complex z) {
  return times_exp_square(faddeeva({-z.imag(), z.real()}), -1, z);
}

// DLMF 7.6.2 near the origin.
PYAUTOGRAD_HD inline Complex complex_erf(Complex z) {
  const double x = z.real(), y = z.imag();
  if (x * x + y * y > 1) return x < 0 ? complex_erfc_right(-z) - 1.0 : 1.0 - complex_erfc_right(z);
  const auto norm = [](Complex w) { return w.real() * w.real() + w.imag() * w.imag(); };
  const Complex square = 2.0 * product(z, z);
  Complex term = z * (2 / kSqrtPi), sum = term;
  for (int n = 1; n < 40 && norm(term) > 1e-36 * norm(sum); ++n) {
    term = product(term, square / (2.0 * n + 1));
    sum += term;
  }
  return times_exp_square(sum, -1, z);
}

PYAUTOGRAD_HD inline Complex complex_erfc(Complex z) {
  return z.real() < 0 ? 2.0 - complex_erfc_right(-z) : complex_erfc_right(z);
}

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
