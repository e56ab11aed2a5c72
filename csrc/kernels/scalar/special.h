#pragma once

// Special functions, in double precision. DLMF is the NIST Digital Library of Mathematical
// Functions, https://dlmf.nist.gov.

#include <algorithm>
#include <numbers>
#include <utility>

#include "kernels/scalar/base.h"
#include "kernels/scalar/normal.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kEps = std::numeric_limits<double>::epsilon();
inline constexpr double kPi = std::numbers::pi;
inline constexpr double kSqrtPi = 1.7724538509055160273;
inline constexpr double kSqrtHalf = std::numbers::sqrt2 / 2;

// Gamma and what comes from its logarithm.

PYAUTOGRAD_HD inline double lgamma(double x) {
  if (x == -kInf) return x;
#if defined(__GLIBC__) && !defined(__CUDA_ARCH__)
  int sign;  // std::lgamma writes a global
  return ::lgamma_r(x, &sign);
#else
  return std::lgamma(x);
#endif
}

// SciPy's choices at the poles: an infinity at zero, nan at negative integers.
PYAUTOGRAD_HD inline double gamma(double x) {
  if (x == 0) return std::copysign(kInf, x);
  return x < 0 && x == std::floor(x) ? kNan : std::tgamma(x);
}

PYAUTOGRAD_HD inline double abs_sin_pi(double x) {
  return std::sin(kPi * std::fabs(x - std::rint(x)));
}
PYAUTOGRAD_HD inline double cot_pi(double x) { return 1 / std::tan(kPi * (x - std::rint(x))); }

// The asymptotic series of log(x) - 1/(2x) - digamma(x) in r = 1/x**2, DLMF 5.11.2.
PYAUTOGRAD_HD inline double digamma_term(int k) {
  constexpr double kTerms[] = {1. / 12,  -1. / 120,     1. / 252, -1. / 240,
                               1. / 132, -691. / 32760, 1. / 12};
  return kTerms[k];
}

// digamma(b + d) - digamma(b) for b > 0, where every difference is taken with d as a factor.
PYAUTOGRAD_HD inline double digamma_step(double b, double d) {
  double sum = 0, a = b + d;
  for (; b < 10; a += 1, b += 1) sum += 1 / (a * b);
  const double r = 1 / (a * a), s = 1 / (b * b);
  double value = 0, slope = 0;
  for (int k = 6; k >= 0; --k) {
    slope = slope * s + value;
    value = value * r + digamma_term(k);
  }
  slope = slope * s + value;
  sum += (0.5 + slope * (1 / a + 1 / b)) / (a * b);
  return d * sum + std::log1p(d / b);
}

// Near its positive zero digamma is a multiple of the distance from there.
PYAUTOGRAD_HD inline double digamma_near_zero(double x) {
  constexpr double zero = 1.4616321449683622, rest = 9.549995429965697e-17;
  return digamma_step(zero, (x - zero) - rest);
}

// Reflection to positive x, recurrence up to x >= 10, then the asymptotic series.
PYAUTOGRAD_HD inline double digamma(double x) {
  if (x == 0) return -std::copysign(kInf, x);
  if (std::fabs(x - 1.46) < 0.4) return digamma_near_zero(x);
  double result = 0;
  if (x < 0) {
    if (x == std::floor(x)) return kNan;
    result = -kPi * cot_pi(x);
    x = 1 - x;
  }
  for (; x < 10; x += 1) result -= 1 / x;
  const double r = 1 / (x * x);
  double series = 0;
  for (int k = 6; k >= 0; --k) series = series * r + digamma_term(k);
  return result + std::log(x) - 0.5 / x - r * series;
}

// Bernoulli numbers B(2j) / (2j)!.
PYAUTOGRAD_HD inline double bernoulli_term(int k) {
  constexpr double kTerms[] = {1. / 12,
                               -1. / 720,
                               1. / 30240,
                               -1. / 1209600,
                               1. / 47900160,
                               -691. / 1307674368000,
                               1. / 74724249600,
                               -3617. / 10670622842880000,
                               43867. / 5109094217170944000.,
                               -174611. / 802857662698291200000.};
  return kTerms[k];
}

PYAUTOGRAD_HD inline double polygamma(int n, double x);

PYAUTOGRAD_HD inline double zeta_reflected(int s, double q) {
  return (s % 2 ? -1 : 1) * polygamma(s - 1, q) / std::tgamma(double(s));
}

// The sum of (q + k)**-s over k = 0, 1, ...: by Euler and Maclaurin, DLMF 25.11.5.
PYAUTOGRAD_HD inline double zeta(double s, double q) {
  if (s != s || q != q || s < 1) return kNan;
  if (s == 1) return kInf;
  if (q <= 0) {
    if (q == std::floor(q)) return kInf;
    if (s != std::floor(s)) return kNan;
    if (s <= 171) return zeta_reflected(static_cast<int>(s), q);
    if (q < -3) q += std::floor(-q) - 3;  // the terms left out underflow beside the others
  }
  if (q == kInf) return 0;
  if (s == kInf) return q < 1 ? kInf : q == 1 ? 1 : 0;
  if (q > 1e17 * s) return std::pow(q, 1 - s) / (s - 1);
  double sum = 0;
  for (const double enough = 12 + s / 2; q < enough; q += 1) {
    const double term = std::pow(q, -s);
    sum += term;
    if (q > 0 && term * (q + 1) <= kEps / 8 * std::fabs(sum) * (s - 1)) return sum;
  }
  const double power = std::pow(q, -s);
  sum += power * (q / (s - 1) + 0.5);
  double factor = s * power / q;
  for (int j = 0; j < 10; ++j) {
    sum += bernoulli_term(j) * factor;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
  }
  return sum;
}

// The n-th derivative of cot(pi x), a polynomial in c = cot(pi x) whose terms have one sign.
PYAUTOGRAD_HD inline double cot_pi_derivative(int n, double x) {
  double p[176] = {0, 1};
  for (int degree = 1; degree <= n; ++degree) {  // p := -pi (1 + c**2) p'
    double next[176] = {};
    for (int k = 1; k <= degree; ++k) {
      next[k - 1] -= kPi * k * p[k];
      next[k + 1] -= kPi * k * p[k];
    }
    for (int k = 0; k <= degree + 1; ++k) p[k] = next[k];
  }
  const double c = cot_pi(x);
  double value = p[n + 1];  // c may be infinite
  for (int k = n; k >= 0; --k) value = value * c + p[k];
  return value;
}

// DLMF 5.15: (-1)**(n + 1) n! zeta(n + 1, x), reflected where x is negative.
PYAUTOGRAD_HD inline double polygamma(int n, double x) {
  if (n == 0) return digamma(x);
  const double sign = n % 2 ? 1 : -1;
  if (x < 0 && x != std::floor(x) && n <= 170)
    return -kPi * cot_pi_derivative(n, x) - sign * polygamma(n, 1 - x);
  return sign * std::tgamma(n + 1.0) * zeta(n + 1.0, x);
}

// lgamma(x) without the leading terms of Stirling's formula, for x >= 10; DLMF 5.11.1.
PYAUTOGRAD_HD inline double stirling_term(int k) {
  constexpr double kTerms[] = {1. / 12,   -1. / 360,       1. / 1260, -1. / 1680,
                               1. / 1188, -691. / 360360., 1. / 156};
  return kTerms[k];
}
PYAUTOGRAD_HD inline double stirling_rest(double x) {
  const double r = 1 / (x * x);
  double sum = 0;
  for (int k = 6; k >= 0; --k) sum = sum * r + stirling_term(k);
  return sum / x;
}

// log|B(a, b)| for 0 < p <= q, where the leading terms of Stirling's formulas are subtracted by
// hand: they would cancel.
PYAUTOGRAD_HD inline double betaln_positive(double p, double q) {
  const double sum = p + q;
  if (q == kInf) return p == kInf ? kNan : -kInf;
  if (q < 10) return lgamma(p) + (lgamma(q) - lgamma(sum));
  if (p >= 10) {
    const double rest = stirling_rest(p) + stirling_rest(q) - stirling_rest(sum);
    return -0.5 * std::log(q) + 0.91893853320467274178 + rest + (p - 0.5) * std::log(p / sum) +
           q * std::log1p(-p / sum);
  }
  const double rest = stirling_rest(q) - stirling_rest(sum);
  return lgamma(p) + rest + p - p * std::log(sum) + (q - 0.5) * std::log1p(-p / sum);
}

PYAUTOGRAD_HD inline double betaln_of_positives(double a, double b) {
  return a < b ? betaln_positive(a, b) : betaln_positive(b, a);
}

// The same for a < 0 and a <= b: Euler's reflection, DLMF 5.5.3, of each gamma function of a
// negative number leaves a beta function of positive ones, where nothing cancels.
PYAUTOGRAD_HD inline double betaln_reflected(double a, double b) {
  const double sum = a + b;
  if (b < 10 && a > -10) return lgamma(a) + lgamma(b) - lgamma(sum);
  if (b > 0 && sum > 0) return std::log(kPi / b / abs_sin_pi(a)) - betaln_of_positives(1 - a, sum);
  if (b > 0) return std::log(abs_sin_pi(sum) / abs_sin_pi(a)) + betaln_of_positives(b, 1 - sum);
  return std::log(kPi / (1 - sum) / abs_sin_pi(a) * (abs_sin_pi(sum) / abs_sin_pi(b))) -
         betaln_of_positives(1 - a, 1 - b);
}

PYAUTOGRAD_HD inline bool is_pole(double x) { return x <= 0 && x == std::floor(x); }

// log|B(a, b)|, and the sign of B(a, b) in *sign. Where a is zero or a negative integer, B is
// infinite unless b is an integer below 1 - a.
PYAUTOGRAD_HD inline double betaln_signed(double a, double b, double* sign) {
  *sign = 1;
  if (a != a || b != b) return kNan;
  if (!is_pole(a) && is_pole(b)) std::swap(a, b);
  if (is_pole(a)) {
    if (b != std::floor(b) || !(1 - a - b > 0) || b == -kInf || a == -kInf) return kInf;
    const double value = betaln_signed(1 - a - b, b, sign);
    if (std::fmod(b, 2) != 0) *sign = -*sign;
    return value;
  }
  if (a > 0 && b > 0) return betaln_of_positives(a, b);
  const auto negative = [](double x) { return x < 0 && std::fmod(std::floor(x), 2) != 0; };
  if (negative(a) != negative(b)) *sign = -*sign;
  if (negative(a + b)) *sign = -*sign;
  return a < b ? betaln_reflected(a, b) : betaln_reflected(b, a);
}

PYAUTOGRAD_HD inline double betaln(double a, double b) {
  double sign;
  return betaln_signed(a, b, &sign);
}

PYAUTOGRAD_HD inline double beta(double a, double b) {
  if (a > 0 && b > 0 && a + b < 30) return gamma(a) * (gamma(b) / gamma(a + b));
  double sign;
  const double size = betaln_signed(a, b, &sign);
  return sign * std::exp(size);
}

// The error function and the normal distribution.

// exp(c x**2), with what the rounded square has lost.
PYAUTOGRAD_HD inline double exp_square(double c, double x) {
  const double square = x * x;
  const double value = std::exp(c * square);
  if (!(square < 1e300) || value == 0 || value == kInf) return value;
  return value * (1 + c * std::fma(x, x, -square));
}

PYAUTOGRAD_HD inline double erfcx(double x) {
  if (x < 0) return x < -27 ? kInf : 2 * exp_square(1, x) - erfcx(-x);
  if (x < 10) return exp_square(1, x) * std::erfc(x);
  const double r = 0.5 / (x * x);  // DLMF 7.12.1
  double sum = 0;
  for (int k = 12; k >= 0; --k) sum = 1 - (2 * k + 1) * r * sum;
  return sum / kSqrtPi / x;
}

// exp(x**2) times the n-th repeated integral of erfc, DLMF 7.18. Its derivative is -2 (n + 1) times
// the next one, so no derivative of erfcx takes a difference.
PYAUTOGRAD_HD inline double scaled_ierfc(int n, double x) {
  if (n == 0 || x != x) return erfcx(x);
  if (x < 0.5) {  // DLMF 7.18.7, upward
    double before = 2 / kSqrtPi, value = erfcx(x);
    for (int k = 1; k <= n; ++k) {
      const double next = (before - 2 * x * value) / (2 * k);
      before = value;
      value = next;
    }
    return value;
  }
  // Ratios of neighbours by their continued fraction, DLMF 7.18.7 downward.
  double ratio = 0, product = 1;
  for (int k = n + 40 + static_cast<int>(200 / (x * x)); k > 0; --k) {
    ratio = 1 / (2 * x + 2 * (k + 1) * ratio);
    if (k <= n) product *= ratio;
  }
  return product * erfcx(x);
}

PYAUTOGRAD_HD inline double ndtr(double x) {
  const double z = x * kSqrtHalf;
  if (x < -1) return 0.5 * erfcx(-z) * exp_square(-0.5, x);
  return x >= 1 ? 1 - ndtr(-x) : 0.5 + 0.5 * std::erf(z);
}

PYAUTOGRAD_HD inline double log_ndtr(double x) {
  if (x < -1) return std::log(0.5 * erfcx(-x * kSqrtHalf)) - 0.5 * x * x;
  return x < 1 ? std::log(ndtr(x)) : std::log1p(-ndtr(-x));
}

// The point that a normal variate exceeds with probability p, p <= 1/2 - kCentral.
PYAUTOGRAD_HD inline double normal_exceeded(double log_p) {
  const double r = std::sqrt(-log_p);
  if (r > 30) return kInf;
  return r <= 5 ? normal_tail(r) : normal_far_tail(r);
}

PYAUTOGRAD_HD inline double ndtri(double p) {
  if (!(p >= 0 && p <= 1)) return kNan;
  if (std::fabs(p - 0.5) <= kCentral) return normal_central(p - 0.5);
  return p < 0.5 ? -normal_exceeded(std::log(p)) : normal_exceeded(std::log(1 - p));
}

PYAUTOGRAD_HD inline double erfinv(double p) {
  const double size = std::fabs(p);
  if (!(size <= 1)) return kNan;
  if (size <= 2 * kCentral) return kSqrtHalf * normal_central(0.5 * p);
  return std::copysign(kSqrtHalf * normal_exceeded(std::log(0.5 * (1 - size))), p);
}

PYAUTOGRAD_HD inline double erfcinv(double q) {
  if (!(q >= 0 && q <= 2)) return kNan;
  if (std::fabs(1 - q) <= 2 * kCentral) return erfinv(1 - q);
  const double tail = kSqrtHalf * normal_exceeded(std::log(q < 1 ? q : 2 - q) - std::numbers::ln2);
  return q < 1 ? tail : -tail;
}

// Entropies and logarithms.

PYAUTOGRAD_HD inline double entr(double x) {
  if (x != x) return x;
  return x > 0 ? -x * std::log(x) : x == 0 ? 0 : -kInf;
}

PYAUTOGRAD_HD inline double rel_entr(double x, double y) {
  if (x != x || y != y) return kNan;
  if (x > 0 && y > 0) {
    const double ratio = x / y;
    if (ratio > 0.5 && ratio < 2) return x * std::log1p((x - y) / y);
    return ratio > 1e-300 && ratio < 1e300 ? x * std::log(ratio) : x * (std::log(x) - std::log(y));
  }
  return x == 0 && y >= 0 ? 0 : kInf;
}

PYAUTOGRAD_HD inline double kl_div(double x, double y) {
  if (x != x || y != y) return kNan;
  if (x > 0 && y > 0) {
    const double r = (x - y) / (x + y);
    if (!(std::fabs(r) < 0.3)) return rel_entr(x, y) - x + y;
    // log(x / y) = 2 atanh(r), DLMF 4.6.4, of which the first term cancels.
    double sum = 0;
    for (int k = 16; k >= 1; --k) sum = (sum + 1. / (2 * k + 1)) * (r * r);
    return r * (x - y) + 2 * x * r * sum;
  }
  return x == 0 && y >= 0 ? y : kInf;
}

PYAUTOGRAD_HD inline double xlog1py(double x, double y) {
  return x == 0 && y == y ? 0 : x * std::log1p(y);
}

PYAUTOGRAD_HD inline double logit(double p) {
  if (p < 0.25 || p > 0.75) return std::log(p / (1 - p));
  const double s = 2 * (p - 0.5);
  return std::log1p(s) - std::log1p(-s);
}

// Bessel functions of integer order.

// DLMF 10.25.2 near the origin, 10.40.1 far from it.
PYAUTOGRAD_HD inline double bessel_i(int n, double x) {
  const double size = std::fabs(x), sign = x < 0 && n % 2 ? -1 : 1;
  if (size < 30 + n * n) {
    double term = 1;
    for (int k = 1; k <= n; ++k) term *= size / (2 * k);
    double sum = term;
    for (int k = 1; term > kEps / 8 * sum; ++k) {
      term *= size * size / (4.0 * k * (k + n));
      sum += term;
    }
    return size == size ? sign * sum : x;
  }
  double term = 1, sum = 1;
  for (int k = 1; k < 60 && std::fabs(term) > kEps / 8; ++k) {
    term *= -(4.0 * n * n - (2 * k - 1) * (2 * k - 1)) / (8 * k * size);
    sum += term;
  }
  const double root = std::exp(size / 2);
  return size == kInf ? sign * size
                      : sign * root * (sum / std::sqrt(2 * kPi) / std::sqrt(size)) * root;
}

// The k-th derivative of exp(-x) I0(x) for x >= 0, which is the mean of (cos u - 1)**k
// exp(x (cos u - 1)) over a period of u (DLMF 10.32.1): a trapezoidal sum finds it to full
// precision, and every term has one sign. Far out, the derivative of DLMF 10.40.1.
PYAUTOGRAD_HD inline double scaled_i0(int k, double x) {
  if (x != x || x == kInf) return x == kInf ? 0 : x;
  if (k == 0 && x < 30) return std::exp(-x) * bessel_i(0, x);
  if (x < 40 + 4 * k) {
    const int steps = 40 + 2 * k;
    double sum = 0;
    for (int i = 0; i <= steps; ++i) {
      const double half = std::sin(i * (kPi / 2) / steps), drop = -2 * half * half;
      double term = std::exp(x * drop) * (i == 0 || i == steps ? 0.5 : 1);
      for (int j = 0; j < k; ++j) term *= drop;
      sum += term;
    }
    return sum / steps;
  }
  double term = 1 / std::sqrt(2 * kPi) / std::sqrt(x);
  for (int j = 0; j < k; ++j) term *= -(j + 0.5) / x;
  double sum = term;
  for (int m = 1; m < 60 && std::fabs(term) > kEps / 8 * std::fabs(sum); ++m) {
    term *= (2 * m - 1) * (2 * m - 1) / (8 * m * x) * (m + k - 0.5) / (m - 0.5);
    sum += term;
  }
  return sum;
}

// The k-th derivatives of exp(-|x|) I0(x) and exp(-|x|) I1(x) = its derivative + sign(x) times it.
PYAUTOGRAD_HD inline double i0e(int k, double x) {
  const double sign = x == 0 && k % 2 ? 0 : x < 0 && k % 2 ? -1 : 1;
  return sign * scaled_i0(k, std::fabs(x));
}
PYAUTOGRAD_HD inline double i1e(int k, double x) {
  const double size = std::fabs(x), sign = k % 2 ? 1 : x == 0 ? 0 : x < 0 ? -1 : 1;
  if (k == 0 && size < 30) return std::exp(-size) * bessel_i(1, x);
  return sign * (scaled_i0(k, size) + scaled_i0(k + 1, size));
}

PYAUTOGRAD_HD inline double bessel_j(int n, double x) {
  return n == 0 ? ::j0(x) : n == 1 ? ::j1(x) : ::jn(n, x);
}

// sinc.

// sin(pi x) / (pi x) and its n-th derivative pi**n g(pi x), where z g[n] + n g[n - 1] = the n-th
// derivative of sin z. The recurrence is stable upward while n < z, and downward from any start
// far above z otherwise.
PYAUTOGRAD_HD inline double sinc(int n, double x) {
  if (!(std::fabs(x) < kInf)) return kNan;
  if (x < 0) return n % 2 ? -sinc(n, -x) : sinc(n, -x);
  const double whole = std::rint(x), part = x - whole, z = kPi * x;
  const double sign = std::fmod(whole, 2) == 0 ? 1 : -1;
  const double sine = part == 0 ? 0 : sign * std::sin(kPi * part);
  const double cosine = sign * std::sin(kPi * (0.5 - std::fabs(part)));
  const auto wave = [&](int k) {
    const double value = k % 2 ? cosine : sine;
    return k % 4 < 2 ? value : -value;
  };
  double g = 0;
  if (z > n) {
    g = sine / z;
    for (int k = 1; k <= n; ++k) g = (wave(k) - k * g) / z;
  } else {
    for (int k = 3 * n + 30; k > n; --k) g = (wave(k) - z * g) / k;
  }
  for (int k = 0; k < n; ++k) g *= kPi;
  return g;
}

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
