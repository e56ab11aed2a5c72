#pragma once

// The functions of kernels/scalar/integrals.h of complex numbers. Cuts lie where SciPy has them, on
// the negative real axis, and a zero imaginary part has the sign of its side.

#include "kernels/scalar/faddeeva.h"
#include "kernels/scalar/integrals.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {
namespace special {

PYAUTOGRAD_HD inline bool has_nan(Complex z) {
  return z.real() != z.real() || z.imag() != z.imag();
}
PYAUTOGRAD_HD inline Complex times_i(Complex z) { return {-z.imag(), z.real()}; }

// Exponential integrals, and the sine and cosine integrals that they are made of.

// From here on asymptotic series have full precision.
inline constexpr double kFarOut = 50;

// Whether neither of those nor a continued fraction has exp(z) E1(z): beside the negative axis and
// near 0. There no more than a digit cancels in power series.
PYAUTOGRAD_HD inline bool needs_series(double along, Complex z) {
  const double size = modulus(z);
  return size < kFarOut && size + along < 2;
}

// The sum of z**k / (k k!): Ei(z) less log(z) and Euler's constant.
PYAUTOGRAD_HD inline Complex exponential_series(Complex z) {
  Complex term = 1, sum = 0;
  for (int k = 1; k < 400; ++k) {
    term = times(1. / k, product(term, z));
    sum = sum + times(1. / k, term);
    if (modulus(term) <= k * kEps / 8 * modulus(sum)) break;
  }
  return sum;
}

// E1(z) where no series is needed: DLMF 6.9.1, and 6.12.1.
PYAUTOGRAD_HD inline Complex exponential_integral(Complex z) {
  const double size = modulus(z);
  if (size == kInf) {
    if (z.real() > -kInf) return 0;
    return {-std::cos(z.imag()) * kInf, std::sin(z.imag()) * kInf};
  }
  const Complex half = library::exp(times(-0.5, z));
  if (size < kFarOut) {
    const Complex fraction = continued_fraction(1.0 + z, 2, [](int k) { return -double(k) * k; });
    return product(product(half, fraction), half);
  }
  const Complex step = -inverse(z);
  Complex term = 1, sum = 0;
  for (int k = 1; k < size && modulus(term) > kEps / 8; ++k) {
    sum = sum + term;
    term = times(double(k), product(term, step));
  }
  return product(product(half, quotient(sum, z)), half);
}

PYAUTOGRAD_HD inline Complex exp1(Complex z) {
  const double x = z.real(), y = z.imag();
  if (has_nan(z)) return {kNan, kNan};
  if (y == 0) return {x > 0 ? expn(1, x) : -expi(-x), x < 0 ? -std::copysign(kPi, y) : -y};
  if (needs_series(x, z)) return -kEuler - library::log(z) - exponential_series(-z);
  return exponential_integral(z);
}

// As SciPy's it is real on the cut, the mean of both sides.
PYAUTOGRAD_HD inline Complex expi(Complex z) {
  const double x = z.real(), y = z.imag(), size = modulus(z);
  if (has_nan(z)) return {kNan, kNan};
  if (y == 0) return {expi(x), x < 0 ? -y : y};
  if (needs_series(-x, z)) return kEuler + library::log(z) + exponential_series(z);
  // The turn is lost in rounding on the right, where the asymptotic series is on both sides.
  const double turn = size >= kFarOut && x > size / 2 ? 0 : std::copysign(kPi, y);
  return Complex(0, turn) - exponential_integral(-z);
}

// Si, or with a second order of 1 Ci, for a real part that is not negative: DLMF 6.6.5, 6.6.6 and,
// from exponential integrals, 6.5.5 and 6.5.6.
PYAUTOGRAD_HD inline Complex sine_integral_right(Complex z, bool cosine) {
  if (needs_series(-std::fabs(z.imag()), z)) {
    const Complex square = -product(z, z);
    Complex term = cosine ? 1 : z, sum = cosine ? 0 : z;
    for (int k = 1; k < 200; ++k) {
      const double count = 2 * k + !cosine;
      term = times(1 / (count * (count - 1)), product(term, square));
      sum = sum + times(1 / count, term);
      if (modulus(term) <= kEps / 8 * modulus(sum)) break;
    }
    return cosine ? kEuler + library::log(z) + sum : sum;
  }
  const Complex a = exponential_integral(times_i(z)), b = exponential_integral(-times_i(z));
  return cosine ? times(-0.5, a + b) : kPi / 2 + times_i(times(0.5, b - a));
}

PYAUTOGRAD_HD inline Complex sici(const Complex* argument, const Orders& orders) {
  const Complex z = *argument;
  const double x = z.real(), y = z.imag();
  const bool cosine = orders[1] != 0;
  if (has_nan(z)) return {kNan, kNan};
  if (y == 0) {
    if (!cosine) return {sine_integral(x), y};
    return {cosine_integral(x), x < 0 ? std::copysign(kPi, y) : y};
  }
  if (!std::signbit(x)) return sine_integral_right(z, cosine);
  const Complex mirrored = sine_integral_right(-z, cosine);
  return cosine ? mirrored + Complex(0, std::copysign(kPi, y)) : -mirrored;
}

// Shi and Chi from Si and Ci of i z, on the right; of a real number one of the parts vanishes.
PYAUTOGRAD_HD inline Complex shichi(const Complex* argument, const Orders& orders) {
  const Complex z = *argument;
  const double x = z.real(), y = z.imag();
  const bool cosine = orders[1] != 0, left = std::signbit(x);
  if (has_nan(z)) return {kNan, kNan};
  const Complex right = left ? -z : z;
  const double infinite = std::fabs(x);
  if (infinite == kInf && y == 0)
    return {cosine ? infinite : x, cosine && left ? std::copysign(kPi, y) : y};
  if (cosine && x == 0 && y == 0) return {-kInf, left ? std::copysign(kPi, y) : y};
  const Complex turned = times_i(right);
  const Orders member{0, orders[1]};
  // The sign of a zero real part is that of y, which the turn has made of it.
  const Complex value = sici(&turned, member);
  if (cosine) {
    const double imag = y == 0 ? right.imag() : value.imag() - kPi / 2;
    return {value.real(), imag + (left ? std::copysign(kPi, y) : 0)};
  }
  const Complex sine(value.imag(), y == 0 ? right.imag() : -value.real());
  return left ? -sine : sine;
}
PYAUTOGRAD_HD inline double shichi(const double* x, const Orders& orders) {
  if (*x != *x) return *x;
  const Complex z(orders[1] == 0 ? *x : std::fabs(*x), 0);
  return shichi(&z, orders).real();
}

// S, or with a second order of 1 C: DLMF 7.6.4 and 7.6.6, and 7.5.10 of both signs.
PYAUTOGRAD_HD inline Complex fresnel_integral(const Complex* argument, const Orders& orders) {
  const Complex z = *argument;
  const double x = z.real(), y = z.imag();
  const bool cosine = orders[1] != 0;
  if (has_nan(z)) return {kNan, kNan};
  if (y == 0) return {fresnel_integral(&x, orders), y};
  if (modulus(z) < 1.6) {
    const Complex turn = times(kPi / 2, product(z, z)), square = -product(turn, turn);
    Complex term = cosine ? z : product(z, turn), sum = 0;
    for (int k = cosine ? 0 : 1; k < 60; k += 2) {
      sum = sum + times(1 / (2 * k + 1.), term);
      term = times(1 / ((k + 1.) * (k + 2.)), product(term, square));
      if (modulus(term) <= kEps / 8 * modulus(sum)) break;
    }
    return sum;
  }
  const Complex half = times(kSqrtPi / 2, z);
  const Complex above = product({0.5, 0.5}, complex_erf(product({1, -1}, half)));
  const Complex below = product({0.5, -0.5}, complex_erf(product({1, 1}, half)));
  return cosine ? times(0.5, above + below) : -times_i(times(0.5, above - below));
}

// Dawson's integral.

PYAUTOGRAD_HD inline Complex dawson(Complex z) {
  if (modulus(z) < 1) {
    const Complex square = times(-2., product(z, z));
    Complex term = z, sum = z;
    for (int k = 1; k < 60 && modulus(term) > kEps / 8 * modulus(sum); ++k) {
      term = times(1. / (2 * k + 1), product(term, square));
      sum = sum + term;
    }
    return sum;
  }
  const Complex above(z.real(), std::fabs(z.imag()));
  const Complex gap = times_exp_square(1, -1, above) - faddeeva(above);  // DLMF 7.5.1
  const Complex value = times(kSqrtPi / 2, times_i(gap));
  return std::signbit(z.imag()) ? std::conj(value) : value;
}

// The n-th derivative of exp(-z**2) times a factor.
PYAUTOGRAD_HD inline Complex bell_derivative(int n, Complex z, Complex factor) {
  return times_exp_square(times(n % 2 ? -1. : 1., product(factor, hermite(n, z))), -1, z);
}

// The n-th derivative of Dawson's integral where the real line is not far.
PYAUTOGRAD_HD inline Complex dawsn_near_line(int n, Complex z) {
  if (modulus(z) > 1) return dawson_derivative(n, z);
  Complex before = dawson(z), value = before;
  for (int k = 1; k <= n; ++k) {
    const Complex rest = times(-2., product(z, value));
    const Complex next = k > 1 ? rest - times(2. * (k - 1), before) : 1.0 + rest;
    before = value;
    value = next;
  }
  return value;
}

// Far out the n-th derivative of Dawson's integral less a Gaussian: the asymptotic series.
PYAUTOGRAD_HD inline Complex dawsn_series(int n, Complex z) {
  const Complex over = inverse(z), square = product(over, over);
  Complex term = times(0.5, over), sum = 0;
  for (int j = 1; j <= n; ++j) term = times(-double(j), product(term, over));
  for (int k = 0; k < 60; ++k) {
    sum = sum + term;
    const Complex next =
        times((2 * k + n + 1.) * (2 * k + n + 2.) / (4. * k + 4), product(term, square));
    const double size = modulus(next);
    if (size > modulus(term) || size <= kEps / 8 * modulus(sum)) break;
    term = next;
  }
  return sum;
}

// The n-th derivative of the Faddeeva function, n! (2i)**n times the n-th repeated integral of erfc
// at -i z, scaled: ratios of neighbours by their continued fraction where the imaginary part is not
// small, as in kernels/scalar/special.h.
PYAUTOGRAD_HD inline Complex faddeeva_derivative(int n, Complex z) {
  if (has_nan(z)) return {kNan, kNan};
  const double y = z.imag();
  if (n == 0) return faddeeva(z);
  if (y < 0) {
    const Complex above = faddeeva_derivative(n, -z);
    return bell_derivative(n, z, 2) - times(n % 2 ? -1. : 1., above);
  }
  if (!(modulus(z) < kInf)) return 0;
  const Complex turn(0, 2 / kSqrtPi);
  if (y == 0) {
    const Complex real = std::fabs(z.real()) < 1e3 ? bell_derivative(n, z, 1) : Complex(0);
    return {real.real(), 2 / kSqrtPi * dawsn(n, z.real())};
  }
  if (modulus(z) > 7) return product(turn, dawsn_series(n, z));
  if (y <= 1) return bell_derivative(n, z, 1) + product(turn, dawsn_near_line(n, z));
  const Complex turned(z.imag(), -z.real());
  Complex ratio = 0, value = faddeeva(z);
  for (int k = n + 40 + static_cast<int>(200 / (y * y)); k > 0; --k) {
    ratio = inverse(times(2., turned) + times(2. * (k + 1), ratio));
    if (k <= n) value = product(value, times(2. * k, times_i(ratio)));
  }
  return value;
}

// The n-th derivative of Dawson's integral, off the real line from DLMF 7.5.1; a Gaussian belongs
// to the asymptotic series there.
PYAUTOGRAD_HD inline Complex dawsn(int n, Complex z) {
  if (has_nan(z)) return {kNan, kNan};
  if (z.imag() == 0) return {dawsn(n, z.real()), dawsn(n + 1, z.real()) * z.imag()};
  const bool far = modulus(z) > 7;
  if (!far && (n == 0 || std::fabs(z.imag()) <= 1))
    return n == 0 ? dawson(z) : dawsn_near_line(n, z);
  const Complex wave = bell_derivative(n, z, Complex(0, std::copysign(kSqrtPi / 2, z.imag())));
  Complex value;
  if (far) {
    value = wave + dawsn_series(n, z);
  } else {
    const Complex above(z.real(), std::fabs(z.imag()));
    const Complex rest = times_i(times(kSqrtPi / -2, faddeeva_derivative(n, above)));
    value = wave + (z.imag() < 0 ? std::conj(rest) : rest);
  }
  if (z.real() != 0) return value;
  return n % 2 ? Complex(value.real(), 0) : Complex(0, value.imag());
}

// The dilogarithm.

PYAUTOGRAD_HD inline Complex log1p_ratio(int n, Complex x) {
  if (has_nan(x)) return {kNan, kNan};
  if (x.imag() == 0 && x.real() >= -1)
    return {log1p_ratio(n, x.real()), log1p_ratio(n + 1, x.real()) * x.imag()};
  return modulus(x) < kInf ? log1p_ratio_off_pole(n, x) : Complex();
}

// Li2(1 - z), as of real numbers: the argument is brought to |w| <= 1, Re(w) <= 1 / 2.
PYAUTOGRAD_HD inline Complex spence(Complex z) {
  if (has_nan(z)) return {kNan, kNan};
  const double x = z.real(), y = z.imag();
  if (y == 0 && x >= 0) return {spence(x), -y};
  constexpr double sixth = kPi * kPi / 6;
  const Complex moved = z - 1.0;
  if (x >= 0.5 && modulus(moved) <= 1) return dilogarithm_near_zero(-log_one_plus(moved));
  if (x < 0.5 && modulus(z) <= 1) {
    const Complex u = -log_one_plus(-z);
    return sixth + product(u, library::log(z)) - dilogarithm_near_zero(u);
  }
  const Complex log = library::log(moved);
  return -sixth - times(0.5, product(log, log)) -
         dilogarithm_near_zero(-log_one_plus(inverse(moved)));
}

// sinc: the recurrences of kernels/scalar/special.h.
PYAUTOGRAD_HD inline Complex sinc(int n, Complex x) {
  if (x.imag() == 0) return {sinc(n, x.real()), sinc(n + 1, x.real()) * x.imag()};
  if (!(modulus(x) < kInf)) return {kNan, kNan};
  const double whole = std::rint(x.real());
  const Complex z = times(kPi, x), turn = times(kPi, x - whole);
  const double sign = std::fmod(whole, 2) == 0 ? 1 : -1;
  const Complex sine = times(sign, library::sin(turn)), cosine = times(sign, library::cos(turn));
  const auto wave = [&](int k) {
    const Complex value = k % 2 ? cosine : sine;
    return k % 4 < 2 ? value : -value;
  };
  Complex g = 0;
  if (modulus(z) > n + 1) {
    g = quotient(sine, z);
    for (int k = 1; k <= n; ++k) g = quotient(wave(k) - times(double(k), g), z);
  } else {
    for (int k = 3 * n + 36; k > n; --k) g = times(1. / k, wave(k) - product(z, g));
  }
  for (int k = 0; k < n; ++k) g = times(kPi, g);
  return g;
}

}  // namespace special
}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
