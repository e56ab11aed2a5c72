#pragma once

// Functions that are defined by integrals, in double precision.

#include <complex>

#include "kernels/scalar/complex_arithmetic.h"
#include "kernels/scalar/jets.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

inline constexpr double kEuler = std::numbers::egamma;
// In the place of zero in Lentz's method for continued fractions.
inline constexpr double kTiny = 1e-300;

// Exponential integrals.

// DLMF 8.19.8 up to x = 1, and the continued fraction 8.19.17 beyond.
PYAUTOGRAD_HD inline double expn(int n, double x) {
  if (x != x || x < 0) return kNan;
  if (x == 0) return n <= 1 ? kInf : 1. / (n - 1);
  if (n == 0) return std::exp(-x) / x;
  if (x == kInf) return 0;
  if (x > 1) {
    double b = x + n, c = 1 / kTiny, d = 1 / b, value = d;
    for (int i = 1; i < 10000; ++i) {
      const double a = -double(i) * (n - 1 + i);
      b += 2;
      d = 1 / (a * d + b);
      c = b + a / c;
      value *= c * d;
      if (std::fabs(c * d - 1) <= kEps / 2) break;
    }
    return value * std::exp(-x);
  }
  double psi = -kEuler;
  for (int k = 1; k < n; ++k) psi += 1. / k;
  double sum = n == 1 ? -std::log(x) - kEuler : 1. / (n - 1), power = 1;
  for (int i = 1; i < 200 + n; ++i) {
    power *= -x / i;
    const double term = i == n - 1 ? power * (psi - std::log(x)) : -power / (i - n + 1);
    sum += term;
    if (i >= n && std::fabs(term) <= kEps / 8 * std::fabs(sum)) break;
  }
  return sum;
}

// DLMF 6.6.2, and 6.12.2 far out.
PYAUTOGRAD_HD inline double expi(double x) {
  if (x < 0) return -expn(1, -x);
  if (x == 0) return -kInf;
  if (!(x < kInf)) return x;
  double sum = 0, term = 1;
  if (x < 40) {
    for (int k = 1; k < 300; ++k) {
      term *= x / k;
      sum += term / k;
      if (term / k <= kEps / 8 * sum) break;
    }
    return kEuler + std::log(x) + sum;
  }
  for (int k = 1; k < x + 1 && term > kEps / 8; ++k) {
    sum += term;
    term *= k / x;
  }
  const double half = std::exp(x / 2);
  return half * (sum / x) * half;
}

// The mean of t**n exp(x t) over t from 0 to 1: the n-th derivative of expm1(x) / x.
PYAUTOGRAD_HD inline double exprel(int n, double x) {
  if (x != x || x == kInf) return x;
  const double size = std::fabs(x);
  if (size > 40 + 4 * n) {
    const double end = std::exp(x);
    if (end == kInf) return end;
    double value = std::expm1(x) / x;
    for (int k = 1; k <= n; ++k) value = (end - k * value) / x;
    return x == -kInf ? 0 : value;
  }
  double term = 1. / (n + 1), sum = term;
  if (x < 0) {  // exp(x) times a sum of one sign
    for (int k = 1; term > kEps / 8 * sum; ++k) {
      term *= size / (n + k + 1);
      sum += term;
    }
    return sum * std::exp(x);
  }
  double power = 1;
  for (int k = 1; power / (k + n) > kEps / 8 * sum; ++k) {
    power *= x / k;
    sum += power / (k + n + 1);
  }
  return sum;
}

// The dilogarithm.

// The n-th derivative of log1p(x) / x, of real or complex numbers: by its series near 0, else from
// that of x times itself.
template <class X>
PYAUTOGRAD_HD X log1p_ratio_off_pole(int n, X x) {
  if (modulus(x) < 0.5) {
    X power = (n % 2 ? -1 : 1) * factorial(n), sum = power * (1. / (n + 1));
    for (int k = n + 1; k < 3000; ++k) {
      power = product(power, x) * (-double(k) / (k - n));
      sum += power * (1. / (k + 1));
      if (modulus(power) <= kEps / 8 * modulus(sum) && k > 3 * n) break;
    }
    return sum;
  }
  const X over = quotient(X(1), 1.0 + x);
  X value = quotient(log_one_plus(x), x), slope = 1;
  for (int k = 1; k <= n; ++k) {
    slope = product(slope, over) * (k == 1 ? 1. : -(k - 1.));
    value = quotient(slope - value * double(k), x);
  }
  return value;
}
PYAUTOGRAD_HD inline double log1p_ratio(int n, double x) {
  if (!(x >= -1)) return kNan;
  if (x == -1) return n % 2 ? -kInf : kInf;
  return x == kInf ? 0 : log1p_ratio_off_pole(n, x);
}

// Li2(w) in u = -log(1 - w), for |w| <= 1 and a real part up to 1 / 2: the sum of
// B[k] u**(k + 1) / (k + 1)!.
template <class U>
PYAUTOGRAD_HD U dilogarithm_near_zero(U u) {
  const U square = product(u, u);
  U sum = 0;
  for (int k = 9; k >= 0; --k) sum = product(sum, square) + bernoulli_term(k) / (2 * k + 3);
  return u - square * 0.25 + product(product(square, u), sum);
}

// Li2(1 - x), by DLMF 25.12.4 and 25.12.6 where 1 - x is not small.
PYAUTOGRAD_HD inline double spence(double x) {
  if (!(x >= 0)) return kNan;
  constexpr double sixth = kPi * kPi / 6;
  if (x == 0) return sixth;
  if (x == kInf) return -kInf;
  if (x < 0.5) {
    const double u = -std::log1p(-x);
    return sixth + u * std::log(x) - dilogarithm_near_zero(u);
  }
  if (x <= 2) return dilogarithm_near_zero(0 - std::log(x));
  const double log = std::log(x - 1);
  return -sixth - log * log / 2 - dilogarithm_near_zero(-std::log1p(1 / (x - 1)));
}

// Sine and cosine integrals, Fresnel integrals.

// The continued fraction b + a(1) / (b + 2 + a(2) / (b + 4 + ...)), inverted, with steps of b.
template <class Numerator>
PYAUTOGRAD_HD std::complex<double> continued_fraction(std::complex<double> b, double step,
                                                      Numerator a) {
  std::complex<double> c(1 / kTiny), d = inverse(b), value = d;
  for (int k = 1; k < 10000; ++k) {
    b = b + step;
    d = inverse(a(k) * d + b);
    c = b + a(k) * inverse(c);
    const std::complex<double> factor = product(c, d);
    value = product(value, factor);
    if (std::fabs(factor.real() - 1) + std::fabs(factor.imag()) <= kEps) break;
  }
  return value;
}

// exp(ix) times E1(ix), DLMF 6.9.1, for x > 2; E1(ix) = -Ci(x) + i (Si(x) - pi / 2).
PYAUTOGRAD_HD inline std::complex<double> exponential_integral_of_imaginary(double x) {
  const auto fraction = continued_fraction({1, x}, 2, [](int k) { return -double(k) * k; });
  return product(fraction, {std::cos(x), -std::sin(x)});
}

PYAUTOGRAD_HD inline double sine_integral(double x) {
  const double size = std::fabs(x);
  if (!(size < kInf)) return size == kInf ? std::copysign(kPi / 2, x) : x;
  if (size > 3) return std::copysign(kPi / 2 + exponential_integral_of_imaginary(size).imag(), x);
  double term = x, sum = x;
  for (int k = 1; std::fabs(term) > kEps / 8 * std::fabs(sum); ++k) {
    term *= -x * x / ((2 * k) * (2 * k + 1.));
    sum += term / (2 * k + 1);
  }
  return sum;
}

PYAUTOGRAD_HD inline double cosine_integral(double x) {
  x = std::fabs(x);
  if (x == 0) return -kInf;
  if (!(x < kInf)) return x == kInf ? 0 : x;
  if (x > 3) return -exponential_integral_of_imaginary(x).real();
  double term = 1, sum = 0;
  for (int k = 1; k < 100; ++k) {
    term *= -x * x / ((2 * k - 1.) * (2 * k));
    sum += term / (2 * k);
    if (std::fabs(term) <= kEps / 8 * std::fabs(sum)) break;
  }
  return kEuler + std::log(x) + sum;
}

// C(x) + i S(x) for x >= 0, DLMF 7.6.4 and 7.6.6, and 7.5.9 with the fraction 7.9.3 of erfc.
PYAUTOGRAD_HD inline std::complex<double> fresnel(double x) {
  const double square = x * x, z = kPi / 2 * square;
  if (x < 1.6) {
    double term = x, cosine = x, sine = 0;
    for (int k = 1; k < 100; ++k) {
      term *= (k % 2 ? 1 : -1) * z / k;
      (k % 2 ? sine : cosine) += term / (2 * k + 1);
      if (std::fabs(term) <= kEps / 8 * std::fabs(sine)) break;
    }
    return {cosine, sine};
  }
  if (x > 1e15) return {0.5, 0.5};
  const auto fraction =
      continued_fraction({1, -2 * z}, 4, [](int k) { return -double(2 * k - 1) * (2 * k); });
  const double turn = kPi / 2 * (std::fmod(square, 4) + std::fma(x, x, -square));
  const std::complex<double> wave(std::cos(turn), std::sin(turn));
  return product({0.5, 0.5}, 1. - product(wave, product(fraction, {x, -x})));
}
// The sine integral, or with a second order of 1 the cosine integral; and so for Fresnel's.
PYAUTOGRAD_HD inline double sici(const double* x, const Orders& orders) {
  return orders[1] == 0 ? sine_integral(*x) : cosine_integral(*x);
}
PYAUTOGRAD_HD inline double fresnel_integral(const double* x, const Orders& orders) {
  if (*x != *x) return *x;
  const std::complex<double> value = fresnel(std::fabs(*x));
  return std::copysign(orders[1] == 0 ? value.imag() : value.real(), *x);
}

// Dawson's integral.

// G. B. Rybicki's sum (Computers in Physics 3, 1989), whose error is exp(-(pi / 2h)**2).
PYAUTOGRAD_HD inline double dawson(double x) {
  const double size = std::fabs(x);
  if (size < 1) {
    double term = x, sum = x;
    for (int k = 1; std::fabs(term) > kEps / 8 * std::fabs(sum); ++k) {
      term *= -2 * x * x / (2 * k + 1);
      sum += term;
    }
    return sum;
  }
  constexpr double h = 0.2;
  const double even = 2 * std::rint(size / (2 * h)), rest = size - even * h;
  double sum = 0;
  for (int k = -37; k <= 37; k += 2) {
    const double distance = rest - k * h;
    sum += std::exp(-distance * distance) / (even + k);
  }
  return std::copysign(sum / kSqrtPi, x);
}

// exp(-s**2) for complex numbers close to the real axis, too.
PYAUTOGRAD_HD inline double bell(double s) { return std::exp(-s * s); }
PYAUTOGRAD_HD inline std::complex<double> bell(std::complex<double> s) {
  const double x = s.real(), y = s.imag(), size = std::exp((y - x) * (y + x));
  return {size * std::cos(2 * x * y), -size * std::sin(2 * x * y)};
}
PYAUTOGRAD_HD inline double real_part(double s) { return s; }
PYAUTOGRAD_HD inline double real_part(std::complex<double> s) { return s.real(); }

// The polynomial of Hermite, DLMF 18.9.1.
template <class X>
PYAUTOGRAD_HD X hermite(int n, X x) {
  X before = 0, value = 1;
  for (int k = 0; k < n; ++k) {
    const X next = product(x, value) * 2. - before * (2. * k);
    before = value;
    value = next;
  }
  return value;
}

// The n-th derivative of Dawson's integral, for 1 < |z| <= 7 and imaginary parts up to 1: of that
// sum term by term, whose nodes are constants. The sums of Hermite functions times lower powers
// than the n-th vanish, so a node's reciprocal may be replaced by the rest of its series in s / z;
// nothing cancels then.
template <class X>
PYAUTOGRAD_HD X dawson_derivative(int n, X z) {
  constexpr double h = 0.15;
  const double even = 2 * std::rint(real_part(z) / (2 * h));
  const X rest = z - even * h;
  X sum = 0;
  for (int k = -51 - 2 * n; k <= 51 + 2 * n; k += 2) {
    const X s = rest - k * h, along = quotient(s, z);
    X term = product(hermite(n, s), bell(s)) * (1 / (even + k));
    for (int j = 0; j < n; ++j) term = product(term, along);
    sum = sum + term;
  }
  return sum * ((n % 2 ? -1 : 1) / kSqrtPi);
}

// The n-th derivative: far out by the asymptotic series, near 0 from D' = 1 - 2 x D.
PYAUTOGRAD_HD inline double dawsn(int n, double x) {
  if (x != x) return x;
  const double size = std::fabs(x), sign = std::signbit(x) && n % 2 == 0 ? -1 : 1;
  if (size == kInf) return sign * 0.0;
  if (size > 7) {
    double term = 0.5 / size, sum = 0;
    for (int j = 1; j <= n; ++j) term *= -j / size;
    for (int k = 0; k < 60; ++k) {
      sum += term;
      const double ratio = (2 * k + 1) / (2 * size * size) * (2 * k + n + 1.) * (2 * k + n + 2.) /
                           ((2 * k + 1.) * (2 * k + 2.));
      if (ratio > 1 || std::fabs(term) <= kEps / 8 * std::fabs(sum)) break;
      term *= ratio;
    }
    return sign * sum;
  }
  if (size > 1 && n > 0) return sign * dawson_derivative(n, size);
  double before = dawson(size), value = before;
  for (int k = 1; k <= n; ++k) {
    const double next = k == 1 ? 1 - 2 * size * value : -2 * size * value - 2 * (k - 1) * before;
    before = value;
    value = next;
  }
  return sign * value;
}

// Modified Bessel functions of the second kind, and their derivatives: DLMF 10.32.9, whose
// integrand and all its derivatives have one sign. A trapezoidal sum finds it to full precision.
template <bool scaled>
PYAUTOGRAD_HD double bessel_k(const double* argument, const Orders& orders) {
  const double x = *argument, sign = orders[0] % 2 ? -1 : 1;
  if (!(x >= 0)) return kNan;
  if (x == 0) return sign * kInf;
  if (x == kInf) return 0;
  if (x < 1e-150) {  // the rise would overflow; what the leading term leaves out is below x log x
    const int power = orders[0] + orders[1];
    if (power == 0) return std::numbers::ln2 - kEuler - std::log(x);
    return sign * std::tgamma(power) * std::pow(1 / x, power);
  }
  const double h = std::min(0.2, 0.5 / std::sqrt(x));
  double sum = 0;
  for (int k = 0; k < 100000; ++k) {
    const double half = std::sinh(k * h / 2), rise = 2 * half * half;
    double term = std::exp(-x * rise) * (k == 0 ? 0.5 : 1);
    if (orders[1] == 1) term *= 1 + rise;
    for (int j = 0; j < orders[0]; ++j) term *= scaled ? rise : 1 + rise;
    sum += term;
    if (x * rise > 1 + orders[0] + orders[1] && term <= kEps / 8 * sum) break;
  }
  return sign * h * sum * (scaled ? 1 : std::exp(-x));
}

PYAUTOGRAD_HD inline double bessel_y(int n, double x) {
  if (!(x >= 0)) return kNan;
  return n == 0 ? ::y0(x) : n == 1 ? ::y1(x) : ::yn(n, x);
}

// Complete elliptic integrals.

template <int Max>
PYAUTOGRAD_HD Series<Max> sqrt(const Series<Max>& a) {
  Series<Max> out(a.rows, 0, std::sqrt(a.c[0][0]));
  for (int i = 1; i <= a.height(); ++i) {
    double rest = a.c[i][0];
    for (int j = 1; j < i; ++j) rest -= out.c[j][0] * out.c[i - j][0];
    out.c[i][0] = rest / (2 * out.c[0][0]);
  }
  return out;
}

// By the arithmetic-geometric mean of 1 and sqrt(1 - m), DLMF 19.8.5 and 19.8.6.
template <int Max>
PYAUTOGRAD_HD double elliptic(int n, double m, bool second) {
  Series<Max> a(n, 0, 1), b = sqrt(Series<Max>(n, 0, 1 - m, -1, 0)), sum(n, 0, m / 2, 0.5, 0);
  double weight = 1;
  for (int extra = 0; extra < 3; weight *= 2) {
    Series<Max> apart = a;
    apart += b * -1;
    apart = apart * 0.5;
    sum += apart * apart * weight;
    Series<Max> mean = a;
    mean += b;
    b = sqrt(a * b);
    a = mean * 0.5;
    if (!(std::fabs(apart.c[0][0]) > 1e-9 * std::fabs(a.c[0][0]))) ++extra;
  }
  Series<Max> whole = Series<Max>(n, 0, kPi / 2) / a;
  if (second) {
    Series<Max> part(n, 0, 1);
    part += sum * -1;
    whole = whole * part;
  }
  return whole.derivative();
}

PYAUTOGRAD_HD inline double ellipk(int n, double m) {
  if (m != m || m > 1) return kNan;
  if (m == 1) return kInf;
  if (m == -kInf) return 0;
  return with_order(n, [&](auto max) { return elliptic<max()>(n, m, false); });
}
PYAUTOGRAD_HD inline double ellipe(int n, double m) {
  if (m != m || m > 1) return kNan;
  if (m == 1) return n == 0 ? 1 : -kInf;
  if (m == -kInf) return n == 0 ? kInf : 0;
  return with_order(n, [&](auto max) { return elliptic<max()>(n, m, true); });
}

// (x**lambda - 1) / lambda, with its limit log(x), from the logarithm; and its inverse.
PYAUTOGRAD_HD inline double boxcox_of_log(double log, double lambda) {
  return std::fabs(lambda) < 1e-19 ? log : std::expm1(lambda * log) / lambda;
}
PYAUTOGRAD_HD inline double boxcox(double x, double lambda) {
  return boxcox_of_log(std::log(x), lambda);
}
PYAUTOGRAD_HD inline double boxcox1p(double x, double lambda) {
  return boxcox_of_log(std::log1p(x), lambda);
}
PYAUTOGRAD_HD inline double log_inv_boxcox(double y, double lambda) {
  const double product = lambda * y;
  if (lambda == 0 || std::fabs(product) < 1e-17) return y;
  if (product == kInf) return (std::log(std::fabs(lambda)) + std::log(std::fabs(y))) / lambda;
  return std::log1p(product) / lambda;
}
PYAUTOGRAD_HD inline double inv_boxcox(double y, double lambda) {
  return std::exp(log_inv_boxcox(y, lambda));
}
PYAUTOGRAD_HD inline double inv_boxcox1p(double y, double lambda) {
  return std::expm1(log_inv_boxcox(y, lambda));
}

// delta**2 (sqrt(1 + (r / delta)**2) - 1).
PYAUTOGRAD_HD inline double pseudo_huber(double delta, double r) {
  if (delta != delta || r != r) return kNan;
  if (delta < 0) return kInf;
  if (delta == 0 || r == 0) return 0;
  const double size = std::fabs(r), root = std::hypot(delta, size);
  return root == kInf ? delta * (root - delta) : delta * (size / (root + delta)) * size;
}

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
