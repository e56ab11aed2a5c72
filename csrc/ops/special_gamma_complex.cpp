// The gamma function, its logarithm and digamma of complex numbers, as formulas of the ops: so
// their derivatives of every order follow.

#include <array>
#include <complex>
#include <limits>
#include <numbers>

#include "kernels/scalar/jets.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

using std::numbers::pi;

// Stirling's series holds from here on the right; numbers nearer to 0 are shifted.
constexpr int kShift = 10;
constexpr std::array<double, 9> kBernoulliNumbers{
    1. / 6, -1. / 30, 1. / 42, -1. / 30, 5. / 66, -691. / 2730, 7. / 6, -3617. / 510, 43867. / 798};

Tensor wide(T z) { return cast(z, DType::Complex128); }
Tensor imaginary(T x, double factor) {
  return x * scalar(std::complex<double>(0, factor), DType::Complex128);
}
Tensor on_the_left(T z) { return less(real(z), scalar(0.5, DType::Float64)); }
// The distance to the nearest integer on the real line, for functions of period 1.
Tensor off_integer(T z) { return z - call<kernels::Round>(real(z)); }

// The sum of B[2k] / divisor(k) * x**k.
template <class Divisor>
Tensor stirling_sum(T x, Divisor divisor) {
  Tensor sum = scalar(0, DType::Complex128);
  for (int k = static_cast<int>(kBernoulliNumbers.size()); k > 0; --k)
    sum = (sum + kBernoulliNumbers[static_cast<size_t>(k) - 1] / divisor(k)) * x;
  return sum;
}

// DLMF 5.11.2 and 5.5.2, for real parts from 0.5.
Tensor digamma_on_the_right(T z) {
  const Tensor w = z + static_cast<double>(kShift), over = reciprocal(w);
  Tensor value = log(w) - 0.5 * over - stirling_sum(square(over), [](int k) { return 2.0 * k; });
  for (int j = 0; j < kShift; ++j) value = value - reciprocal(z + static_cast<double>(j));
  return value;
}

// DLMF 5.11.1 and 5.5.1.
Tensor loggamma_on_the_right(T z) {
  const Tensor w = z + static_cast<double>(kShift);
  const Tensor series =
      w * stirling_sum(square(reciprocal(w)), [](int k) { return 2.0 * k * (2.0 * k - 1); });
  Tensor value = (w - 0.5) * log(w) - w + std::log(2 * pi) / 2 + series;
  for (int j = 0; j < kShift; ++j) value = value - log(z + static_cast<double>(j));
  return value;
}

// The logarithm of gamma(2 + w) for |w| <= 1/2: DLMF 5.7.3 less log(1 + w), a multiple of w.
Tensor loggamma_near_two(T w) {
  constexpr int terms = 28;
  Tensor sum = scalar(0, DType::Complex128);
  for (int k = terms; k >= 2; --k) sum = (kernels::special::zeta_rest(k) / k - sum) * w;
  return (sum + (1 - std::numbers::egamma)) * w;
}

// Relatively exact also at the zeros 1 and 2.
Tensor loggamma_near_zeros(T z, T beyond) {
  const auto near = [&](double zero) {
    return less_equal(absolute(z - zero), scalar(0.5, DType::Float64));
  };
  const Tensor at_one = near(1), at_two = logical_and(near(2), logical_not(at_one));
  const Tensor shift = where(at_one, z - 1.0, fill_where(logical_not(at_two), 0, z - 2.0));
  const Tensor value = loggamma_near_two(shift);
  return where(at_one, value - log1p(shift), where(at_two, value, beyond));
}

// The continuation of log(sin(pi z)) from (0, 1) through the upper half plane.
Tensor log_sine_above(T z) {
  const Tensor rest = log(-call<kernels::Expm1>(imaginary(off_integer(z), 2 * pi)));
  return imaginary(0.5 - z, pi) - std::numbers::ln2 + rest;
}

// By reflection on the left, DLMF 5.5.3; in the lower half plane by symmetry.
Tensor complex_loggamma(T given) {
  const Tensor below = call<kernels::SignBit>(imag(given));
  const Tensor z = where(below, conj(wide(given)), wide(given)), left = on_the_left(z);
  const Tensor mirrored = where(left, 1.0 - z, z);
  const Tensor right = loggamma_near_zeros(mirrored, loggamma_on_the_right(mirrored));
  const Tensor sine = log_sine_above(fill_where(logical_not(left), 0.25, z));
  const Tensor value = where(left, std::log(pi) - sine - right, right);
  return cast(where(below, conj(value), value), given.dtype());
}

}  // namespace

Tensor complex_digamma(const Tensor& given) {
  const Tensor z = wide(given), left = on_the_left(z);
  const Tensor right = digamma_on_the_right(where(left, 1.0 - z, z));
  const Tensor turn = off_integer(fill_where(logical_not(left), 0.25, z)) * pi;
  return cast(where(left, right - pi / call<kernels::Tan>(turn), right), given.dtype());
}

Tensor loggamma(const Tensor& x) {
  if (is_complex(x.dtype())) return complex_loggamma(x);
  const Tensor wide = cast(x, to_floating(x.dtype())), zero = scalar(0, wide.dtype());
  const Tensor nan = scalar(std::numeric_limits<double>::quiet_NaN(), wide.dtype());
  return gammaln(wide + where(less(wide, zero), nan, zero));
}

Tensor complex_gamma(const Tensor& z) { return cast(exp(loggamma(wide(z))), z.dtype()); }

}  // namespace pyautograd::ops
