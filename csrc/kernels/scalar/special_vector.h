#pragma once

// Special functions without branches, for most arguments: loops over them become vector code.
// `covers` says where a formula holds; scalar/special.h has the others. `kInside` is an argument
// that it does hold for. DLMF is the NIST Digital Library of Mathematical Functions.

#include <numbers>
#include <utility>

#include "kernels/scalar/normal.h"
#include "kernels/scalar/special_fits.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

// Without the loop of polynomial(): a compiler that keeps it makes no vector code around it.
template <int N, size_t... I>
PYAUTOGRAD_HD inline double horner(const double (&c)[N], double x, std::index_sequence<I...>) {
  double sum = c[N - 1];
  ((sum = sum * x + c[N - 2 - I]), ...);
  return sum;
}
template <int N>
PYAUTOGRAD_HD inline double unrolled(const double (&c)[N], double x) {
  return horner(c, x, std::make_index_sequence<N - 1>());
}

template <int Order>
struct LogitVector {
  static constexpr double kInside = 0.5;
  PYAUTOGRAD_HD static bool covers(double p) { return (p > 1e-300) & (p < 1); }
  // p / (1 - p) minus 1 is exact in its numerator where the quotient is near 1.
  PYAUTOGRAD_HD double operator()(double p) const {
    const double near = std::log1p((2 * (p - 0.5)) / (1 - p)), far = std::log(p / (1 - p));
    return (p > 0.3) & (p < 0.7) ? near : far;
  }
};

// The smaller of the normal distribution's two tails beyond x, |x| < 37. With z = |x| / sqrt(2) and
// what its rounding lost: the logarithmic slope of erfc is about -(z + sqrt(z**2 + 2)), DLMF 7.8.2.
PYAUTOGRAD_HD inline double normal_smaller_tail(double x) {
  constexpr double kHalfRoot = std::numbers::sqrt2 / 2, kLost = -4.833646656726457e-17;
  const double size = std::fabs(x), z = size * kHalfRoot;
  const double lost = std::fma(size, kHalfRoot, -z) + size * kLost;
  return 0.5 * std::erfc(z) * (1 - lost * (z + std::sqrt(z * z + 2)));
}

template <int Order>
struct NdtrVector {
  static constexpr double kInside = 0;
  PYAUTOGRAD_HD static bool covers(double x) { return std::fabs(x) < 37; }
  PYAUTOGRAD_HD double operator()(double x) const {
    const double tail = normal_smaller_tail(x);
    return x < 0 ? tail : 1 - tail;
  }
};

template <int Order>
struct LogNdtrVector : NdtrVector<Order> {
  PYAUTOGRAD_HD double operator()(double x) const {
    const double tail = normal_smaller_tail(x);
    const double below = std::log(tail), above = std::log1p(-tail);
    return x < 0 ? below : above;
  }
};

// normal_tail serves probabilities from exp(-25) on.
inline constexpr double kNormalTail = 1.4e-11;

template <int Order>
struct NdtriVector {
  static constexpr double kInside = 0.5;
  PYAUTOGRAD_HD static bool covers(double p) { return (p > kNormalTail) & (p < 1 - kNormalTail); }
  PYAUTOGRAD_HD double operator()(double p) const {
    const double q = p - 0.5, center = normal_central(q);
    const double tail = normal_tail(std::sqrt(-std::log(p < 0.5 ? p : 1 - p)));
    return std::fabs(q) <= kCentral ? center : std::copysign(tail, q);
  }
};

template <int Order>
struct ErfinvVector {
  static constexpr double kInside = 0;
  PYAUTOGRAD_HD static bool covers(double p) { return std::fabs(p) < 1 - 2 * kNormalTail; }
  PYAUTOGRAD_HD double operator()(double p) const {
    const double size = std::fabs(p), center = normal_central(0.5 * p);
    const double tail = normal_tail(std::sqrt(-std::log(0.5 * (1 - size))));
    return std::numbers::sqrt2 / 2 * (size <= 2 * kCentral ? center : std::copysign(tail, p));
  }
};

template <int Order>
struct EntrVector {
  static constexpr double kInside = 1;
  PYAUTOGRAD_HD static bool covers(double x) { return (x > 0) & (x < 1e300); }
  PYAUTOGRAD_HD double operator()(double x) const { return -x * std::log(x); }
};

// Beyond 2 by the recurrence DLMF 5.5.2 to x + 8, whose eight reciprocals are one quotient in
// u = x (x + 7), and the asymptotic series there; below 2 by a fit with the zero as a factor.
struct DigammaVector {
  static constexpr double kInside = 1;
  PYAUTOGRAD_HD static bool covers(double x) { return (x > 1e-300) & (x < 1e30); }
  PYAUTOGRAD_HD double operator()(double x) const {
    constexpr double kZero = 1.4616321449683622, kRest = 9.549995429965697e-17;
    constexpr double kSeries[] = {1. / 12,  -1. / 120,     1. / 252, -1. / 240,
                                  1. / 132, -691. / 32760, 1. / 12};
    const double y = x < 1 ? x + 1 : x, t = y - 1.5;
    const double fit = ((y - kZero) - kRest) * unrolled(kDigammaOver, t);
    const double near = fit / unrolled(kDigammaUnder, t) - (x < 1 ? 1 / x : 0);
    const double u = x * (x + 7), a = u * (u + 6), b = (u + 10) * (u + 12);
    const double sum = (2 * x + 7) * ((2 * u + 6) * b + (2 * u + 22) * a) / (a * b);
    const double z = x + 8, r = 1 / (z * z);
    const double far = std::log(z) - 0.5 / z - r * unrolled(kSeries, r) - sum;
    return x < 2 ? near : far;
  }
};

// The same for its derivative, DLMF 5.15.8, with the eight squared reciprocals two by two.
struct TrigammaVector {
  static constexpr double kInside = 1;
  PYAUTOGRAD_HD static bool covers(double x) { return (x > 1e-30) & (x < 1e300); }
  PYAUTOGRAD_HD double operator()(double x) const {
    constexpr double kSeries[] = {
        1. / 6, -1. / 30,     1. / 42,      -1. / 30,        5. / 66,        -691. / 2730,
        7. / 6, -3617. / 510, 43867. / 798, -174611. / 330., 854513. / 138., -236364091. / 2730};
    const double u = x * (x + 7);
    const auto pairs = [&](double c, double d) {
      const double left = (u + c) * (u + c), right = (u + d) * (u + d);
      return ((2 * u + (49 - 2 * c)) * right + (2 * u + (49 - 2 * d)) * left) / (left * right);
    };
    const bool far = x > 1e6;
    const double q = 1 / (far ? x : x + 8), r = q * q;
    const double series = q + 0.5 * r + q * r * unrolled(kSeries, r);
    return series + (far ? 0 : pairs(0, 6) + pairs(10, 12));
  }
};

template <int Order>
struct PolygammaVector {};
template <>
struct PolygammaVector<0> : DigammaVector {};
template <>
struct PolygammaVector<1> : TrigammaVector {};

// Fits below 8, and polynomials in 1 / x over sqrt(x) beyond.
template <int N, int M, int L>
PYAUTOGRAD_HD inline double bessel_fit(const double (&over)[N], const double (&under)[M],
                                       const double (&far)[L], double x, double near_factor,
                                       double far_factor) {
  const double near = unrolled(over, x) / unrolled(under, x) * near_factor;
  const double beyond = unrolled(far, 16 / x - 1) * far_factor / std::sqrt(x);
  return x < 8 ? near : beyond;
}

// exp(-x) times the modified Bessel function of order n, for x >= 0.
template <int N>
PYAUTOGRAD_HD inline double scaled_bessel_i(double x) {
  if constexpr (N == 0) return bessel_fit(kI0Over, kI0Under, kI0Far, x, 1, 1);
  if constexpr (N == 1) return bessel_fit(kI1Over, kI1Under, kI1Far, x, x, 1);
  if constexpr (N == 2) return bessel_fit(kI2Over, kI2Under, kI2Far, x, x * x, 1);
}
// The size of the first and the second derivative of exp(-x) I0(x), for x >= 0.
PYAUTOGRAD_HD inline double scaled_i0_slope(double x) {
  return bessel_fit(kI0SlopeOver, kI0SlopeUnder, kI0SlopeFar, x, 1, 1 / x);
}
PYAUTOGRAD_HD inline double scaled_i0_curve(double x) {
  const double r = 1 / x, near = 1 / (1 + x);
  return bessel_fit(kI0CurveOver, kI0CurveUnder, kI0CurveFar, x, near * near, r * r);
}
PYAUTOGRAD_HD inline double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

struct OnTheLine {
  static constexpr double kInside = 1;
  PYAUTOGRAD_HD static bool covers(double x) { return std::fabs(x) < 1e100; }
};

template <int Order>
struct BesselIVector {
  static constexpr double kInside = 1;
  PYAUTOGRAD_HD static bool covers(double x) { return std::fabs(x) < 700; }
  PYAUTOGRAD_HD double operator()(double x) const {
    const double size = std::fabs(x), root = std::exp(0.5 * size);
    const double value = root * scaled_bessel_i<Order>(size) * root;
    return (Order == 1) & (x < 0) ? -value : value;
  }
};

template <int Order>
struct I0eVector : OnTheLine {
  PYAUTOGRAD_HD double operator()(double x) const {
    const double size = std::fabs(x);
    if constexpr (Order == 0) return scaled_bessel_i<0>(size);
    if constexpr (Order == 1) return -sign_of(x) * scaled_i0_slope(size);
    if constexpr (Order == 2) return scaled_i0_curve(size);
  }
};

template <int Order>
struct I1eVector {};
template <>
struct I1eVector<0> : OnTheLine {
  PYAUTOGRAD_HD double operator()(double x) const {
    const double value = scaled_bessel_i<1>(std::fabs(x));
    return x < 0 ? -value : value;
  }
};
template <>
struct I1eVector<1> : OnTheLine {
  PYAUTOGRAD_HD double operator()(double x) const {
    const double size = std::fabs(x);
    return scaled_i0_curve(size) - scaled_i0_slope(size);
  }
};

// sin(pi x) / (pi x) and its derivative, by its power series up to pi x = 1.
template <int Order>
struct SincVector {};
template <>
struct SincVector<0> {
  static constexpr double kInside = 0.5;
  PYAUTOGRAD_HD static bool covers(double x) { return std::fabs(x) < 1e15; }
  PYAUTOGRAD_HD static double sign(double whole) {
    const double half = 0.5 * whole;
    return half == std::trunc(half) ? 1 : -1;
  }
  PYAUTOGRAD_HD double operator()(double x) const {
    const double whole = std::rint(x), z = std::numbers::pi * x;
    const double quotient = sign(whole) * std::sin(std::numbers::pi * (x - whole)) / z;
    return x == 0 ? 1 : x == whole ? 0 : quotient;
  }
};
template <>
struct SincVector<1> : SincVector<0> {
  PYAUTOGRAD_HD double operator()(double x) const {
    constexpr double kSeries[] = {-1. / 3,
                                  1. / 30,
                                  -1. / 840,
                                  1. / 45360,
                                  -1. / 3991680,
                                  1. / 518918400,
                                  -1. / 93405312000,
                                  1. / 22230464256000,
                                  -1. / 6758061133824000};
    const double whole = std::rint(x), part = x - whole, z = std::numbers::pi * x;
    const double sine = part == 0 ? 0 : std::sin(std::numbers::pi * part);
    const double cosine = std::sin(std::numbers::pi * (0.5 - std::fabs(part)));
    const double far = sign(whole) * (cosine - sine / z) / z;
    const double near = z * unrolled(kSeries, z * z);
    return std::numbers::pi * (std::fabs(z) < 1 ? near : far);
  }
};

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
