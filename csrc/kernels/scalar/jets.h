#pragma once

// Functions of two parameters as truncated Taylor series, so that one evaluation gives a derivative
// of any order with respect to the parameters, without a formula of its own.

#include "kernels/scalar/special.h"
#include "kernels/special.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

inline constexpr int kMaxOrder = 24;

// Calls function(size), the bound on orders of the shortest arithmetic that holds `order`: values
// and first derivatives are what nearly all calls want.
template <class F>
PYAUTOGRAD_HD double with_order(int order, const F& function) {
  if (order == 0) return function(std::integral_constant<int, 0>());
  if (order == 1) return function(std::integral_constant<int, 1>());
  if (order <= 6) return function(std::integral_constant<int, 6>());
  return function(std::integral_constant<int, kMaxOrder>());
}

// The sum of c[i][j] u**i v**j over i <= rows, j <= columns, which are at most Max and Wide: with
// zeros it costs no more than a number.
template <int Max, int Wide = Max>
struct Jet {
  PYAUTOGRAD_HD Jet(int rows, int columns, double constant)
      : rows(rows), columns(columns), c{{constant}} {}
  // The parameter u itself (or v), or a multiple of it.
  PYAUTOGRAD_HD Jet(int rows, int columns, double constant, double along_u, double along_v)
      : Jet(rows, columns, constant) {
    if constexpr (Max > 0)
      if (rows > 0) c[1][0] = along_u;
    if constexpr (Wide > 0)
      if (columns > 0) c[0][1] = along_v;
  }

  PYAUTOGRAD_HD Jet& operator+=(const Jet& other) {
    for (int i = 0; i <= height(); ++i)
      for (int j = 0; j <= width(); ++j) c[i][j] += other.c[i][j];
    return *this;
  }
  // rows and columns, known where there are none, and never beyond the array for the compiler.
  PYAUTOGRAD_HD int height() const { return Max == 0 ? 0 : rows < Max ? rows : Max; }
  PYAUTOGRAD_HD int width() const { return Wide == 0 ? 0 : columns < Wide ? columns : Wide; }
  // The derivative of that order in each parameter.
  PYAUTOGRAD_HD double derivative() const {
    double value = c[height()][width()];
    for (int i = 2; i <= height(); ++i) value *= i;
    for (int j = 2; j <= width(); ++j) value *= j;
    return value;
  }

  int rows, columns;
  double c[Max + 1][Wide + 1];
};

// In one parameter.
template <int Max>
using Series = Jet<Max, 0>;

template <int Max, int Wide>
PYAUTOGRAD_HD Jet<Max, Wide> operator*(const Jet<Max, Wide>& a, const Jet<Max, Wide>& b) {
  Jet<Max, Wide> out(a.rows, a.columns, 0);
  for (int i = 0; i <= a.height(); ++i)
    for (int j = 0; j <= a.width(); ++j)
      for (int p = 0; p <= i; ++p)
        for (int q = 0; q <= j; ++q) out.c[i][j] += a.c[p][q] * b.c[i - p][j - q];
  return out;
}

template <int Max, int Wide>
PYAUTOGRAD_HD Jet<Max, Wide> operator*(Jet<Max, Wide> a, double b) {
  for (int i = 0; i <= a.height(); ++i)
    for (int j = 0; j <= a.width(); ++j) a.c[i][j] *= b;
  return a;
}

template <int Max, int Wide>
PYAUTOGRAD_HD Jet<Max, Wide> operator/(Jet<Max, Wide> a, const Jet<Max, Wide>& b) {
  // In the place of a: nvcc has put a numerator that is a temporary and a result into one place.
  for (int i = 0; i <= a.height(); ++i)
    for (int j = 0; j <= a.width(); ++j) {
      double rest = a.c[i][j];
      for (int p = 0; p <= i; ++p)
        for (int q = 0; q <= j; ++q)
          if (p + q > 0) rest -= b.c[p][q] * a.c[i - p][j - q];
      a.c[i][j] = rest / b.c[0][0];
    }
  return a;
}

// exp(a) where the value exp(a.c[0][0]) is known better: from e' = a' e.
template <int Max, int Wide>
PYAUTOGRAD_HD Jet<Max, Wide> exp(const Jet<Max, Wide>& a, double value) {
  Jet<Max, Wide> out(a.rows, a.columns, value);
  for (int i = 0; i <= a.height(); ++i)
    for (int j = 0; j <= a.width(); ++j) {
      if (i + j == 0) continue;
      double sum = 0;
      for (int p = 0; p <= i; ++p)
        for (int q = 0; q <= j; ++q) sum += (i > 0 ? p : q) * a.c[p][q] * out.c[i - p][j - q];
      out.c[i][j] = sum / (i > 0 ? i : j);
    }
  return out;
}

PYAUTOGRAD_HD inline double factorial(int n) {
  double value = 1;
  for (int k = 2; k <= n; ++k) value *= k;
  return value;
}

// a += weight * lgamma(x + u + v), u or v only where asked for; the constant term is left alone.
template <int Max, int Wide>
PYAUTOGRAD_HD void add_lgamma(Jet<Max, Wide>& a, double weight, double x, bool in_u, bool in_v) {
  for (int i = 0; i <= (in_u ? a.height() : 0); ++i)
    for (int j = 0; j <= (in_v ? a.width() : 0); ++j)
      if (i + j > 0) a.c[i][j] += weight * polygamma(i + j - 1, x) / (factorial(i) * factorial(j));
}

// The zeta function of Hurwitz and its derivatives of order k in s.

template <int Max>
PYAUTOGRAD_HD Series<Max> power_of(int k, double s, double q) {  // q**-(s + u)
  return exp(Series<Max>(k, 0, 0, -std::log(q), 0), std::pow(q, -s));
}

// The sum of (q + j)**-(s + u), by Euler and Maclaurin (DLMF 25.11.5), for s > 1 or, at q = 1, as
// far as its terms do not cancel below.
template <int Max>
PYAUTOGRAD_HD Series<Max> zeta_jet(int k, double s, double q) {
  Series<Max> sum(k, 0, 0);
  for (const double enough = 12 + s / 2; q < enough; q += 1) sum += power_of<Max>(k, s, q);
  const Series<Max> power = power_of<Max>(k, s, q);
  sum += power * q / Series<Max>(k, 0, s - 1, 1, 0);
  sum += power * 0.5;
  Series<Max> factor = power * (1 / q) * Series<Max>(k, 0, s, 1, 0);
  for (int j = 0; j < 10; ++j) {
    sum += factor * bernoulli_term(j);
    factor = factor * Series<Max>(k, 0, s + 2 * j + 1, 1, 0) *
             Series<Max>(k, 0, s + 2 * j + 2, 1, 0) * (1 / (q * q));
  }
  return sum;
}

template <int Max>
PYAUTOGRAD_HD double zeta_derivative_within(int k, double s, double q) {
  if (k == 0) return zeta(s, q);
  if (!(s > 1) || !(q > 0)) return kNan;
  if (q == kInf) return 0;
  if (s >= 1e5) return std::pow(-std::log(q), k) * std::pow(q, -s);  // the first term
  return zeta_jet<Max>(k, s, q).derivative();
}

PYAUTOGRAD_HD inline double zeta_derivative(int k, double s, double q) {
  return with_order(k, [&](auto max) { return zeta_derivative_within<max()>(k, s, q); });
}

// The zeta function of Riemann, which goes on to all of the line: for negative s by reflection,
// zeta(s) = 2 (2 pi)**(s - 1) sin(pi s / 2) gamma(1 - s) zeta(1 - s), DLMF 25.4.2.
template <int Max>
PYAUTOGRAD_HD double reflected_zeta(int k, double s) {
  Series<Max> log(k, 0, 0, std::log(2 * kPi), 0), gammas(k, 0, 0), sine(k, 0, 0);
  add_lgamma(gammas, 1, 1 - s, true, false);
  Series<Max> other = zeta_jet<Max>(k, std::fmin(1 - s, 1e3), 1);  // 1 from far below that on
  const double turn = std::fmod(s, 4) / 2;  // sin(pi turn), in exact quarters
  double scale = 1;
  for (int i = 0; i <= sine.height(); ++i, scale *= kPi / 2 / i) {
    const double quarters = std::fmod(2 * turn + i + 8, 4), part = quarters - std::rint(quarters);
    const int whole = static_cast<int>(std::rint(quarters)) % 4;
    const double near = whole % 2 == 0 ? std::sin(kPi / 2 * part) : std::cos(kPi / 2 * part);
    sine.c[i][0] = scale * (whole < 2 ? near : -near);
    if (i % 2 == 1) {
      gammas.c[i][0] = -gammas.c[i][0];
      other.c[i][0] = -other.c[i][0];
    }
  }
  const double power = std::pow(2 * kPi, s - 1), size = std::tgamma(1 - s);
  if (k == 0 && sine.c[0][0] == 0) return 0;
  log += gammas;
  if (size < kInf) return (exp(log, 2 * power * size) * sine * other).derivative();
  // The size alone may overflow, and times a sine of 0 would be nan.
  const double half = std::exp(((s - 1) * std::log(2 * kPi) + lgamma(1 - s)) / 2);
  return (exp(log, 2) * sine * other).derivative() * half * half;
}

template <int Max>
PYAUTOGRAD_HD double riemann_derivative_within(int k, double s) {
  if (s == 1) return k % 2 ? kNan : kInf;
  if (s >= 1 && k == 0) return zeta(s, 1);
  if (s != s || s == -kInf) return kNan;
  if (s > 1e3) return k == 0 ? 1 : (k % 2 ? -1 : 1) * std::pow(std::log(2), k) * std::exp2(-s);
  // The reflected pole, at 0, must not be near.
  return s < -0.5 ? reflected_zeta<Max>(k, s) : zeta_jet<Max>(k, s, 1).derivative();
}

PYAUTOGRAD_HD inline double riemann_derivative(int k, double s) {
  return with_order(k, [&](auto max) { return riemann_derivative_within<max()>(k, s); });
}

// The incomplete gamma function.

// m - log(1 + m).
PYAUTOGRAD_HD inline double minus_log1p(double m) {
  if (std::fabs(m) > 0.4) return m - std::log1p(m);
  const double s = m / (2 + m), r = s * s;
  double sum = 0;
  for (int k = 18; k >= 1; --k) sum = sum * r + 1. / (2 * k + 1);
  return m * s - 2 * s * r * sum;
}

// x**a exp(-x) / gamma(a + 1), DLMF 8.7.1, by Stirling's formula where a is large.
PYAUTOGRAD_HD inline double gamma_factor(double a, double x) {
  if (a < 10 && x < 600) return std::pow(x, a) * std::exp(-x) / std::tgamma(a + 1);
  if (a < 10) return std::exp(a * std::log(x) - x - lgamma(a + 1));
  const double off = (x - a) / a;
  const double exponent =
      std::fabs(off) < 0.4 ? -a * minus_log1p(off) : a * std::log(x / a) + (a - x);
  return std::exp(exponent - stirling_rest(a)) / std::sqrt(2 * kPi * a);
}

// The same as a series in a + u.
template <int Max>
PYAUTOGRAD_HD Series<Max> gamma_factor(int k, double a, double x) {
  Series<Max> log(k, 0, 0, std::log(x), 0);
  add_lgamma(log, -1, a + 1, true, false);
  return exp(log, gamma_factor(a, x));
}

// DLMF 8.7.1.
template <int Max>
PYAUTOGRAD_HD Series<Max> gamma_by_series(int k, double a, double x) {
  Series<Max> term = gamma_factor<Max>(k, a, x), sum = term;
  if (!(term.c[0][0] > 0)) return Series<Max>(k, 0, term.c[0][0]);  // underflow, or nan
  for (double n = 1; n < 1e7; ++n) {
    term = term * x / Series<Max>(k, 0, a + n, 1, 0);
    sum += term;
    if (std::fabs(term.c[k][0]) <= kEps / 16 * std::fabs(sum.c[k][0])) break;
  }
  return sum;
}

// Integers end a continued fraction early, but not its derivatives.
PYAUTOGRAD_HD inline double off_integers(int order, double a) {
  return order == 0 ? a : std::floor(a) + 0.5;
}

// How many levels of the continued fraction below it takes, by Lentz's method.
PYAUTOGRAD_HD inline int gamma_levels(int k, double a, double x) {
  double c = 1e300, d = 1 / (x + 1 - a);
  int levels = 1;
  for (; levels < 1000000; ++levels) {
    const double b = x + 1 - a + 2 * levels, numerator = -levels * (levels - a);
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    if (!(std::fabs(c * d - 1) >= kEps / 2)) break;  // or nan
  }
  return levels + 10 + levels * k / 2;
}

// DLMF 8.9.2.
template <int Max>
PYAUTOGRAD_HD Series<Max> gamma_by_fraction(int k, double a, double x) {
  const Series<Max> factor = gamma_factor<Max>(k, a, x);
  if (!(factor.c[0][0] > 0)) return Series<Max>(k, 0, factor.c[0][0]);
  const int levels = gamma_levels(k, off_integers(k, a), x);
  Series<Max> f(k, 0, x + 1 - a + 2 * levels, -1, 0);
  for (int n = levels; n > 0; --n) {
    const Series<Max> step = Series<Max>(k, 0, -n * (n - a), n, 0) / f;
    f = Series<Max>(k, 0, x - 1 - a + 2 * n, -1, 0);
    f += step;
  }
  return factor * Series<Max>(k, 0, a, 1, 0) / f;
}

// zeta(k) - 1 for k = 2, 3, ...
PYAUTOGRAD_HD inline double zeta_rest(int k) {
  constexpr double kRest[] = {
      0.6449340668482264,     0.2020569031595943,     0.08232323371113819,   0.03692775514336993,
      0.01734306198444914,    0.008349277381922827,   0.00407735619794434,   0.0020083928260822143,
      0.0009945751278180853,  0.0004941886041194645,  0.0002460865533080483, 0.00012271334757848915,
      6.124813505870483e-05,  3.058823630702049e-05,  1.528225940865187e-05, 7.637197637899763e-06,
      3.81729326499984e-06,   1.908212716553939e-06,  9.539620338727962e-07, 4.769329867878064e-07,
      2.38450502727733e-07,   1.1921992596531106e-07, 5.960818905125948e-08, 2.980350351465228e-08,
      1.4901554828365043e-08, 7.45071178983543e-09,   3.725334024788457e-09, 1.862659723513049e-09,
      9.313274324196682e-10};
  return kRest[k - 2];
}

// log(gamma(1 + a)) for small a, where lgamma(1 + a) has lost a's digits: DLMF 5.7.3.
PYAUTOGRAD_HD inline double lgamma1p(double a) {
  if (std::fabs(a) > 0.3) return lgamma(1 + a);
  double sum = 0;
  for (int k = 30; k >= 2; --k) sum = sum * -a + zeta_rest(k) / k;
  return minus_log1p(a) - std::numbers::egamma * a + sum * a * a;
}

// 1 - P(a, x) for a and x up to about 1, from DLMF 8.7.1 in its other form, where it would cancel.
PYAUTOGRAD_HD inline double gammaincc_small(double a, double x) {
  double term = 1, sum = 0;
  for (int n = 1; n < 60 && std::fabs(term) > 1e-18; ++n) {
    term *= -x / n;
    sum += a * term / (a + n);
  }
  const double head = std::expm1(a * std::log(x) - lgamma1p(a));
  return -head - (1 + head) * sum;
}

// P(a, x) or 1 - P(a, x) for huge a, where the first terms of Temme's expansion leave an error
// below a unit in the last place of 1: DLMF 8.12.3, 8.12.4 and 8.12.9.
PYAUTOGRAD_HD inline double gammainc_huge(double a, double x, bool upper) {
  const double off = (x - a) / a, half_square = minus_log1p(off);
  if (a * half_square > 800) return (off > 0) == upper ? 0 : 1;
  const double eta = std::copysign(std::sqrt(2 * half_square), off);
  const double rest = std::exp(-a * half_square) / std::sqrt(2 * kPi * a) *
                      (-1. / 3 + eta * (1. / 12 - eta * (2. / 135 - eta / 864)));
  const double z = eta * std::sqrt(a / 2);
  return upper ? 0.5 * std::erfc(z) + rest : 0.5 * std::erfc(-z) - rest;
}

// The k-th derivative with respect to a of P(a, x), or with `upper` of 1 - P(a, x); k <= Max.
template <int Max>
PYAUTOGRAD_HD double gammainc(int k, double a, double x, bool upper) {
  if (!(a >= 0) || !(x >= 0) || (a == 0 && x == 0)) return kNan;
  const double whole = k == 0 ? 1 : 0;
  if (x == 0 || a == kInf) return x == kInf ? kNan : upper ? whole : 0;
  if (x == kInf) return upper ? 0 : whole;
  if (k == 0 && a > 1e8) return gammainc_huge(a, x, upper);
  // A bit beyond a + 1 both converge, and the series costs less.
  const double past = k == 0 && !upper ? 6 : 1;
  if (x > a + past && x > 1.1) {
    const double above = gamma_by_fraction<Max>(k, a, x).derivative();
    return upper ? above : whole - above;
  }
  if (upper && k == 0 && a < 1) return gammaincc_small(a, x);
  const double below = gamma_by_series<Max>(k, a, x).derivative();
  return upper ? whole - below : below;
}

// The k-th derivative with respect to a of the density x**(a - 1) exp(-x) / gamma(a). At x = 0 it
// goes on to negative a, where derivatives with respect to x lead.
template <int Max>
PYAUTOGRAD_HD double gamma_density(int k, double a, double x) {
  if (x == 0 && a > 1) return 0;
  if (x == 0 && a <= 1 && k == 0)
    return a == 1 ? 1 : is_pole(a) ? 0 : std::copysign(kInf, std::tgamma(a));
  if (!(a >= 0) || !(x > 0)) return kNan;
  if (x == kInf) return 0;
  return (gamma_factor<Max>(k, a, x) * Series<Max>(k, 0, a, 1, 0)).derivative() / x;
}

// The incomplete beta function.

// ratio - 1 - log(ratio), where off is ratio - 1 to more digits near 0, and to fewer near -1.
PYAUTOGRAD_HD inline double minus_log(double ratio, double off) {
  return ratio < 0.5 ? ratio - 1 - std::log(ratio) : minus_log1p(off);
}

// log(gamma(b + a) / gamma(b)), a multiple of a also where that is small.
PYAUTOGRAD_HD inline double log_gamma_step(double b, double a) {
  double product = 0;  // of 1 + a / (b + j), less 1
  for (; b < 10; b += 1) product += a / b * (1 + product);
  const double over = 1 / (b + a), base = 1 / b;
  double value = 0, slope = 0;
  for (int k = 6; k >= 0; --k) {
    slope = slope * base * base + value;
    value = value * over * over + stirling_term(k);
  }
  const double rest = -a * over * base * (value + base * (over + base) * slope);
  return (b - 0.5) * std::log1p(a * base) + a * (std::log(b + a) - 1) + rest - std::log1p(product);
}

// log += lgamma(1 + a + u + b + v) - lgamma(1 + a + u) - lgamma(1 + b + v), but for the constant
// term: slopes do not come from a difference, of which little is left beside a large shape.
template <int Max>
PYAUTOGRAD_HD void add_lgamma_steps(Jet<Max>& log, double a, double b) {
  for (int i = 0; i <= log.height(); ++i)
    for (int j = 0; j <= log.width(); ++j) {
      const int n = i + j - 1;
      if (n < 0) continue;
      const double from = j == 0 ? a : b, over = j == 0 ? b : a;
      double step = n == 0 ? digamma_step(1 + from, over) : polygamma(n, 1 + a + b);
      if (n > 0 && i * j == 0) step -= polygamma(n, 1 + from);
      log.c[i][j] += step / (factorial(i) * factorial(j));
    }
}

// x**a y**b gamma(1 + a + b) / (gamma(1 + a) gamma(1 + b)) in a + u and b + v, where y is 1 - x and
// the smaller one of both is exact: what is left is smooth where the parameters are tiny.
template <int Max>
PYAUTOGRAD_HD Jet<Max> beta_factor(const Orders& k, double a, double b, double x, double y) {
  const double log_x = x < 0.5 ? std::log(x) : std::log1p(-y);
  const double log_y = y < 0.5 ? std::log(y) : std::log1p(-x), sum = a + b;
  Jet<Max> log(k[0], k[1], 0, log_x, log_y);
  add_lgamma_steps(log, a, b);
  double value;
  if (a > 10 && b > 10) {  // by Stirling's formula, whose leading terms would cancel
    const double off_a = x < y ? x * sum - a : b - y * sum,
                 rest = stirling_rest(sum) - stirling_rest(a) - stirling_rest(b);
    const double spread =
        a * minus_log(x * sum / a, off_a / a) + b * minus_log(y * sum / b, -off_a / b);
    value = std::exp(rest - spread) * std::sqrt((1 / a + 1 / b) / (2 * kPi));
  } else if (a < 10 && b < 10) {
    const double gammas = std::tgamma(1 + sum) / (std::tgamma(1 + a) * std::tgamma(1 + b));
    const double first = x < 0.5 ? std::pow(x, a) : std::exp(a * log_x);
    value = first * (y < 0.5 ? std::pow(y, b) : std::exp(b * log_y)) * gammas;
  } else {
    const double less = std::fmin(a, b), more = std::fmax(a, b);
    value = std::exp(a * log_x + b * log_y + log_gamma_step(1 + more, less) - lgamma1p(less));
  }
  return exp(log, value);
}

// (b + v) / (a + b + u + v), whose derivatives in v have a as a factor.
template <int Max>
PYAUTOGRAD_HD Jet<Max> beta_share(const Orders& k, double a, double b) {
  const double sum = a + b;
  Jet<Max> out(k[0], k[1], b / sum);
  double column = 1 / sum;  // (-1)**(n - 1) C(n - 1, i) / sum**n, at i = 0
  for (int j = 0; j <= out.width(); ++j) {
    double term = column;
    for (int i = 0; i <= out.height(); ++i) {
      const int n = i + j;
      if (n == 0) continue;
      if (j == 0) {
        out.c[i][0] = (i % 2 ? -1 : 1) * b / sum * std::pow(sum, -i);
        continue;
      }
      if (i > 0) term *= -(n - 1.) / i / sum;
      out.c[i][j] = term * (a / sum - b / sum * i / j);
    }
    if (j > 0) column *= -1 / sum;
  }
  return out;
}

// a - (a + b) x, without cancellation in y = 1 - x.
PYAUTOGRAD_HD inline double beta_lead(double a, double b, double x, double y) {
  return x < y ? a - (a + b) * x : (a + b) * y - b;
}

// How many levels of the continued fraction below it takes, by Lentz's method.
PYAUTOGRAD_HD inline int beta_levels(int order, double a, double b, double x, double y) {
  const double lead = beta_lead(a, b, x, y) + 1;
  double c = lead / (a + 1), d = 0;
  int levels = 1;
  for (; levels < 1000000; ++levels) {
    const double n = levels, root = x / (a + 2 * n - 1);
    const double top = (n == 1 ? 1 : a + n - 1) * (a + b + n - 1) * n * (b - n) * root * root;
    const double next = n + n * (b - n) * root + (a + n) * (lead + n * (1 + y)) / (a + 2 * n + 1);
    d = 1 / (next + top * d);
    c = next + top / c;
    if (!(std::fabs(c * d - 1) >= kEps / 2)) break;  // or nan
  }
  return levels + 10 + levels * order / 2;
}

// The even part of DLMF 8.17.22, for x < (a + 1) / (a + b + 2), whose terms have one sign up to b:
// A. R. DiDonato and A. H. Morris, Significant digit computation of the incomplete beta function
// ratios, ACM Trans. Math. Softw. 18 (1992), equation 9.
template <int Max>
PYAUTOGRAD_HD Jet<Max> beta_by_fraction(const Orders& k, double a, double b, double x, double y) {
  const auto series = [&](double value, double along_a, double along_b) {
    return Jet<Max>(k[0], k[1], value, along_a, along_b);
  };
  const Jet<Max> factor = beta_factor<Max>(k, a, b, x, y);
  if (!(factor.c[0][0] > 0)) return Jet<Max>(k[0], k[1], factor.c[0][0]);
  const double lead = beta_lead(a, b, x, y) + 1;
  const int order = k[0] + k[1];
  Jet<Max> rest = series(0, 0, 0);
  for (int n = beta_levels(order, a, off_integers(order, b), x, y); n > 0; --n) {
    const Jet<Max> below = series(a + 2 * n - 1, 1, 0);
    const Jet<Max> step = series(b - n, 0, 1) * (n * x) / below;
    Jet<Max> bottom = series(a + n, 1, 0) * series(lead + n * (1 + y), y, -x);
    bottom = bottom / series(a + 2 * n + 1, 1, 0);
    bottom += step;
    bottom += rest;
    bottom.c[0][0] += n;
    rest = series(a + b + n - 1, 1, 1) * step * x;
    if (n > 1) rest = rest * series(a + n - 1, 1, 0);
    rest = rest / (below * bottom);
  }
  Jet<Max> whole = series(lead, y, -x) / series(a + 1, 1, 0);
  whole += rest;
  return factor * beta_share<Max>(k, a, b) / whole;
}

// 1 - I(x; a, b) for a below 1 and x < (a + 1) / (a + b + 2), where it is a multiple of a: the
// series DLMF 8.17.7.
PYAUTOGRAD_HD inline double betaincc_small(double a, double b, double x) {
  double term = 1, sum = 0;
  for (int n = 1; n < 200 && std::fabs(term) > 1e-18; ++n) {
    term *= (n - b) * x / n;
    sum += a * term / (a + n);
  }
  const double head = std::expm1(a * std::log(x) + log_gamma_step(b, a) - lgamma1p(a));
  return -head - (1 + head) * sum;
}

// The same as a series in a + u and b + v, for a that is small beside 1 and b: of the derivatives
// in b, too, each part is a multiple of a.
template <int Max>
PYAUTOGRAD_HD Jet<Max> betaincc_by_series(const Orders& k, double a, double b, double x) {
  Jet<Max> log(k[0], k[1], 0, std::log(x), 0);
  add_lgamma(log, 1, a + b, true, true);
  add_lgamma(log, -1, 1 + a, true, false);
  for (int j = 1; j <= log.width(); ++j) {
    double sum = 0, power = 1 / factorial(j);
    for (int m = 1; m <= 12; ++m) sum += (power *= a / m) * polygamma(j - 1 + m, b);
    log.c[0][j] = sum;
  }
  Jet<Max> term(k[0], k[1], 1), sum(k[0], k[1], 1);
  bool small = false;
  for (int n = 1; n < 200 && !small; ++n) {
    term = term * Jet<Max>(k[0], k[1], (n - b) * x / n, 0, -x / n);
    sum += term * Jet<Max>(k[0], k[1], a, 1, 0) / Jet<Max>(k[0], k[1], a + n, 1, 0);
    small = true;
    for (int j = 0; j <= term.width(); ++j) small = small && std::fabs(term.c[0][j]) <= 1e-18;
  }
  const double value = std::exp(a * std::log(x) + log_gamma_step(b, a) - lgamma1p(a));
  return exp(log, value) * sum * -1;
}

// The derivative of that order in a and b of I(x; a, b), or with `upper` of 1 - I(x; a, b).
template <int Max>
PYAUTOGRAD_HD double betainc(const Orders& k, double a, double b, double x, bool upper) {
  if (!(a >= 0) || !(b >= 0) || !(x >= 0 && x <= 1)) return kNan;
  const double whole = k[0] + k[1] == 0 ? 1 : 0;
  const bool all_at_one = a == kInf || b == 0, all_at_zero = b == kInf || a == 0;
  if (all_at_one && all_at_zero) return kNan;
  if ((all_at_one || all_at_zero) && x > 0 && x < 1)
    return whole == 0 ? kNan : all_at_zero != upper;
  if (x == 0 || x == 1) return (x == 0) == upper ? whole : 0;
  const bool near = x < (a + 1) / (a + b + 2);
  const double first = near ? a : b, second = near ? b : a, place = near ? x : 1 - x;
  if constexpr (Max == 0) {
    // Beside a huge shape the other one's gamma distribution, to second order.
    constexpr double huge = 1e9;
    if (b > huge * std::fmax(a, 1))
      return gammainc<0>(0, a, (b + (a - 1) / 2) * -std::log1p(-x), upper);
    if (a > huge * std::fmax(b, 1))
      return gammainc<0>(0, b, (a + (b - 1) / 2) * -std::log(x), !upper);
    if (near == upper && first < 0.5) return betaincc_small(first, second, place);
  } else if (first < 0.05 * std::fmin(1, second)) {
    const Orders turned = near ? k : Orders{k[1], k[0]};
    const double rest = betaincc_by_series<Max>(turned, first, second, place).derivative();
    return near == upper ? rest : -rest;
  }
  const double part = near ? beta_by_fraction<Max>(k, a, b, x, 1 - x).derivative()
                           : beta_by_fraction<Max>({k[1], k[0]}, b, a, 1 - x, x).derivative();
  return near == upper ? whole - part : part;
}

// Where the density is a power of a distance of zero: that to the power shape - 1, times
// gamma(shape + other) / (gamma(shape) gamma(other)). As above it goes on to a negative shape.
PYAUTOGRAD_HD inline double beta_density_at_edge(int k_shape, int k_other, double shape,
                                                 double other) {
  if (shape != shape || other != other) return kNan;
  if (shape > 1) return 0;
  if (k_shape > 0) return kNan;
  if (shape == 1) return k_other == 0 ? other : k_other == 1 ? 1 : 0;
  if (is_pole(shape)) return 0;
  if (k_other > 0) return kNan;
  double sign;
  betaln_signed(shape, other, &sign);
  return std::copysign(kInf, sign);
}

// The derivative of that order in a and b of the density x**(a - 1) (1 - x)**(b - 1) / B(a, b).
template <int Max>
PYAUTOGRAD_HD double beta_density(const Orders& k, double a, double b, double x) {
  if (x == 0) return beta_density_at_edge(k[0], k[1], a, b);
  if (x == 1) return beta_density_at_edge(k[1], k[0], b, a);
  if (!(a > 0) || !(b > 0) || !(x > 0 && x < 1)) return kNan;
  // Products that could underflow last
  const Jet<Max> share = Jet<Max>(k[0], k[1], a, 1, 0) * beta_share<Max>(k, a, b);
  return (share * (1 / (x * (1 - x))) * beta_factor<Max>(k, a, b, x, 1 - x)).derivative();
}

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
