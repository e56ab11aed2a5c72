#pragma once

// Derivatives of the gamma distribution function F(a, y) = P(a, exp(y)) of y = log x with respect
// to the shape a, divided by the density f = dF/dy: what implicit reparametrisation of any order
// needs (M. Figurnov, S. Mohamed and A. Mnih, Implicit reparameterization gradients, NeurIPS 2018).
// In y nothing underflows, however small a is.

#include "kernels/scalar/base.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

inline constexpr int kMaxShapeOrder = 8;

// Taylor coefficients of a function of a + t in t.
struct ShapeSeries {
  double c[kMaxShapeOrder + 1] = {};
};

// Those of lgamma(a + t), but for the constant one: recurrence up to 20, then Stirling's series
// (DLMF 5.11.1) term by term.
PYAUTOGRAD_HD inline ShapeSeries log_gamma_series(double a, int order) {
  constexpr double kBernoulli[] = {1. / 6,  -1. / 30,     1. / 42, -1. / 30,
                                   5. / 66, -691. / 2730, 7. / 6,  -3617. / 510};
  ShapeSeries out;
  for (; a < 20; a += 1) {
    double power = 1;
    for (int j = 1; j <= order; ++j) out.c[j] += (power /= -a) / j;
  }
  out.c[1] += std::log(a) - 0.5 / a;
  double power = 1 / a;
  for (int j = 2; j <= order; ++j, power /= -a)
    out.c[j] += power * (1. / (j * (j - 1)) + 0.5 / (j * a));
  double scale = 1 / a;
  for (int k = 1; k <= 8; ++k, scale /= a * a) {
    double term = scale * kBernoulli[k - 1] / (2 * k * (2 * k - 1));
    for (int j = 1; j <= order; ++j) out.c[j] += term *= (2 - 2 * k - j) / (j * a);
  }
  return out;
}

// exp(h) for a series h without a constant: from g' = h' g.
PYAUTOGRAD_HD inline ShapeSeries exp_series(const ShapeSeries& h, int order) {
  ShapeSeries g;
  g.c[0] = 1;
  for (int n = 1; n <= order; ++n) {
    for (int j = 1; j <= n; ++j) g.c[n] += j * h.c[j] * g.c[n - j];
    g.c[n] /= n;
  }
  return g;
}

// f(a + t, y) / f(a, y), up to its constant factor in y: exp((a + t) y - lgamma(a + t)).
PYAUTOGRAD_HD inline ShapeSeries density_series(double a, double y, int order) {
  ShapeSeries h = log_gamma_series(a, order);
  for (int j = 1; j <= order; ++j) h.c[j] = -h.c[j];
  h.c[1] += y;
  return exp_series(h, order);
}

PYAUTOGRAD_HD inline double factorial(int n) {
  double product = 1;
  for (int i = 2; i <= n; ++i) product *= i;
  return product;
}

// Where x is small or at most a: the series F = x**a exp(-x) / gamma(1 + a) * sum of x**n / (1 +
// a)_n (DLMF 8.7.1), all of whose terms, and those of each derivative of the sum, have one sign.
PYAUTOGRAD_HD inline double shape_slope_by_series(double a, double y, double x, int order) {
  ShapeSeries term, sum;
  term.c[0] = sum.c[0] = 1;
  for (int n = 1; n < 1000; ++n) {
    bool small = true;
    for (int j = 0; j <= order; ++j) {
      term.c[j] = (term.c[j] * x - (j > 0 ? term.c[j - 1] : 0)) / (a + n);
      sum.c[j] += term.c[j];
      small &= std::fabs(term.c[j]) <= 1e-17 * std::fabs(sum.c[j]);
    }
    if (small) break;
  }
  const ShapeSeries factor = density_series(a + 1, y, order);
  double coefficient = 0;
  for (int j = 0; j <= order; ++j) coefficient += factor.c[j] * sum.c[order - j];
  return factorial(order) * coefficient / a;
}

// exp(s) - 1 - s.
PYAUTOGRAD_HD inline double exp_rest(double s) {
  if (std::fabs(s) > 0.5) return std::expm1(s) - s;
  double sum = 1;
  for (int k = 16; k > 2; --k) sum = 1 + sum * s / k;
  return sum * s * s / 2;
}

// Elsewhere: the derivatives are integrals of those of the density over the tail that y lies in. In
// units of f(a, y), at distance s from y, the density is exp((a - x) s - x (exp(s) - 1 - s)).
PYAUTOGRAD_HD inline double shape_slope_by_quadrature(double a, double y, double x, int order) {
  constexpr double kNodes[] = {0.09501250983763744, 0.2816035507792589, 0.45801677765722737,
                               0.6178762444026438,  0.755404408355003,  0.8656312023878318,
                               0.9445750230732326,  0.9894009349916499};
  constexpr double kWeights[] = {0.18945061045506864,  0.18260341504492364, 0.16915651939500265,
                                 0.1495959888165767,   0.12462897125553407, 0.0951585116824926,
                                 0.062253523938647456, 0.027152459411754176};
  constexpr int kPanels = 4;
  constexpr double kNegligible = 42;  // of the exponent
  const ShapeSeries density = density_series(a, y, order);
  const double side = density.c[1] < 0 ? -1 : 1, slope = side * (x - a);
  // Newton's method for the end of the tail, downhill on a convex function.
  double end = side > 0 ? std::sqrt((2 * kNegligible + 20) / x) : (kNegligible + x) / a;
  if (side < 0 && x > 3 * kNegligible) end = std::fmin(end, std::sqrt(3 * kNegligible / x));
  if (slope > 0) end = std::fmin(end, kNegligible / slope);
  for (int i = 0; i < 4; ++i) {
    const double excess = slope * end + x * exp_rest(side * end) - kNegligible;
    end -= excess / (slope + side * x * std::expm1(side * end));
  }
  const double half = end / (2 * kPanels);
  double sum = 0;
  for (int i = 0; i < 16 * kPanels; ++i) {
    const double node = (i & 1 ? 1 : -1) * kNodes[(i >> 1) & 7];
    const double s = half * (2 * (i >> 4) + 1 + node);
    const double weight = kWeights[(i >> 1) & 7] * std::exp(-slope * s - x * exp_rest(side * s));
    // The density's coefficient at y + side * s.
    double moved = 0;
    for (int j = order, k = 0; j >= 0; --j, ++k) {
      double power = density.c[k];
      for (int m = 1; m <= j; ++m) power *= side * s / m;
      moved += power;
    }
    sum += weight * moved;
  }
  return -side * factorial(order) * half * sum;
}

// The derivative of that order of F in a, over f. Order 1 is minus dy/da at a fixed quantile.
PYAUTOGRAD_HD inline double gamma_shape_slope(double a, double y, int order) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!(a > 0 && a < kInfinity && y > -kInfinity && y < 700))
    return std::numeric_limits<double>::quiet_NaN();
  const double x = std::exp(y);
  return x <= 1 || (x <= a && a <= 20) ? shape_slope_by_series(a, y, x, order)
                                       : shape_slope_by_quadrature(a, y, x, order);
}

// The derivative of that order of lgamma(a + t) at t = 0, order >= 1.
PYAUTOGRAD_HD inline double log_gamma_slope(double a, int order) {
  if (!(a > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (a == std::numeric_limits<double>::infinity()) return order == 1 ? a : order % 2 ? -0. : 0.;
  return factorial(order) * log_gamma_series(a, order).c[order];
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
