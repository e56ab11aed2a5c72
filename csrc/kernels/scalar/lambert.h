#pragma once

// Lambert's W function, of real and of complex numbers.

#include "kernels/scalar/complex_arithmetic.h"
#include "kernels/scalar/special.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

// 1 / e in two parts: near -1 / e the sum of all is exact. The first, which is above, counts as it.
inline constexpr double kInverseE = 0.36787944117144233, kInverseERest = -1.2428753672788363e-17;

// W at the branch point in powers of sqrt(2 (e z + 1)): R. M. Corless, G. H. Gonnet, D. E. G. Hare,
// D. J. Jeffrey and D. E. Knuth, On the Lambert W function, Adv. Comput. Math. 5 (1996), 4.22-4.24.
template <class N>
PYAUTOGRAD_HD N lambertw_at_branch_point(N root) {
  constexpr double kCoefficients[] = {-1,
                                      1,
                                      -1. / 3,
                                      11. / 72,
                                      -0.079629629629629630,
                                      0.044502314814814815,
                                      -0.025984714873603762,
                                      0.015635632532333921,
                                      -0.0096168920242994317,
                                      0.0060145432529561179,
                                      -0.0038112980348919992,
                                      0.0024408779911439827,
                                      -0.0015769303446867843,
                                      0.0010262633205076072,
                                      -0.00067206163115613620,
                                      0.00044247306181462091,
                                      -0.00029267722472962744,
                                      0.00019438727605453932,
                                      -0.00012957426685274882};
  constexpr int kTerms = sizeof(kCoefficients) / sizeof(double);
  N sum = kCoefficients[kTerms - 1];
  for (int i = kTerms - 2; i >= 0; --i) sum = product(sum, root) + kCoefficients[i];
  return sum;
}
// How far the series is a start, and how far it is the result.
inline constexpr double kNearBranchPoint = 1.2, kAtBranchPoint = 0.2;

// log(z / w) - w, of the branch: zero at W.
PYAUTOGRAD_HD inline double lambertw_rest(int k, double z, double w) {
  return (k == 0 ? std::log(z / w) : std::log(-z) - std::log(-w)) - w;
}
PYAUTOGRAD_HD inline std::complex<double> lambertw_rest(int k, std::complex<double> z,
                                                        std::complex<double> w) {
  const std::complex<double> ratio =
      k == 0 ? library::log(quotient(z, w)) : library::log(z) - library::log(w);
  const std::complex<double> rest = ratio - w;
  return {rest.real(), std::remainder(rest.imag(), 2 * kPi)};
}

// From a start, by the iteration of order four of F. N. Fritsch, R. E. Shafer and W. P. Crowley
// (Communications of the ACM 16, 1973), which is Halley's on the logarithm of the equation.
template <class N>
PYAUTOGRAD_HD N lambertw_from(int k, N z, N w) {
  for (int i = 0; i < 16; ++i) {
    const N rest = lambertw_rest(k, z, w), above = w + 1.0;
    const N turn = 2.0 * product(above, above + rest * (2. / 3));
    const N step = product(quotient(rest, above), quotient(turn - rest, turn - 2.0 * rest));
    const double size = modulus(step);
    if (!(size < kInf)) break;
    w = w + product(w, step);
    if (size < 1e-5) break;
  }
  return w;
}

// The real branches 0 and -1.
PYAUTOGRAD_HD inline double lambertw(int k, double z) {
  if (!(z >= -kInverseE) || (k != 0 && z > 0)) return kNan;
  if (z == 0) return k == 0 ? z : -kInf;
  if (z == kInf) return z;
  const double above = (z + kInverseE) + kInverseERest;
  const double root = std::sqrt(2 * std::numbers::e * (above > 0 ? above : 0));
  if (root < kNearBranchPoint) {
    const double start = lambertw_at_branch_point(k == 0 ? root : -root);
    return root < kAtBranchPoint ? start : lambertw_from(k, z, start);
  }
  if (k != 0) {
    const double log = std::log(-z);
    return lambertw_from(k, z, log - std::log(-log));
  }
  // R. Iacono and J. P. Boyd, Adv. Comput. Math. 43 (2017).
  const double log = std::log1p(z);
  return lambertw_from(k, z, log * (1 - std::log1p(log) / (2 + log)));
}

// Every branch, with cuts that go to minus infinity and are parts of what is above them: from
// -1 / e for branch 0, and from 0 for the others. A zero imaginary part has the sign of its side.
PYAUTOGRAD_HD inline std::complex<double> lambertw(int k, std::complex<double> z) {
  using Complex = std::complex<double>;
  const double x = z.real(), y = z.imag();
  if (x != x || y != y) return {kNan, kNan};
  if (x == 0 && y == 0) return k == 0 ? z : Complex(-kInf, 0);
  const Complex log = library::log(z) + Complex(0, 2 * kPi * k);
  if (log.real() == kInf) return log;
  const bool below = std::signbit(y);
  const bool at_branch_point = k == 0 || k == (below ? 1 : -1);
  if (at_branch_point) {
    if (y == 0 && x >= -kInverseE && (k == 0 || x < 0))
      return {lambertw(k == 0 ? 0 : -1, x), k == 0 ? y : -y};
    const Complex above((x + kInverseE) + kInverseERest, y);
    const Complex root = library::sqrt(times(2 * std::numbers::e, above));
    const double size = modulus(root);
    if (size < kNearBranchPoint) {
      const Complex start = lambertw_at_branch_point(k == 0 ? root : -root);
      return size < kAtBranchPoint ? start : lambertw_from(k, z, start);
    }
  }
  if (k == 0 && modulus(1.0 + z) > 0.6 && modulus(z) < 3) {
    const Complex one = log_one_plus(z);
    return lambertw_from(k, z, product(one, 1.0 - quotient(log_one_plus(one), 2.0 + one)));
  }
  return lambertw_from(k, z, log - library::log(log));
}

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
