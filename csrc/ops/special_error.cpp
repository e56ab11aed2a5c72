// The error function, the normal distribution, logits.

#include <limits>
#include <numbers>

#include "kernels/kernels.h"
#include "kernels/scalar/complex_integrals.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

constexpr double kHalfSqrtPi = formula::kSqrtPi / 2;
constexpr double kSqrtTwoPi = std::numbers::sqrt2 * formula::kSqrtPi;

constexpr SpecialRow kErfinv{
    "special.erfinv",
    on_one<formula::erfinv>,
    1,
    {{{[](T t, X, T y, N) { return scale(t, exp(square(y)) * kHalfSqrtPi); }, 0, true}}},
    SpecialVector::Erfinv};
constexpr SpecialRow kErfcinv{
    "special.erfcinv",
    on_one<formula::erfcinv>,
    1,
    {{{[](T t, X, T y, N) { return scale(t, exp(square(y)) * -kHalfSqrtPi); }, 0, true}}}};

// Member n is exp(x**2) times the n-th repeated integral of erfc; erfcx is member 0.
Tensor scaled_ierfc(int n, T x);
constexpr SpecialRow kErfcx{"special.erfcx",
                            of_order<formula::scaled_ierfc>,
                            1,
                            {{{[](T t, X x, T, N n) {
                                 return scale(t, scaled_ierfc(n[0] + 1, x[0])) *
                                        (-2.0 * (n[0] + 1));
                               },
                               1}}}};
Tensor scaled_ierfc(int n, T x) { return apply_special(kErfcx, Borrowed<1>(x), {n, 0}); }

constexpr SpecialRow kNdtr{
    "special.ndtr",
    on_one<formula::ndtr>,
    1,
    {{{[](T t, X x, T, N) {
         return scale(t, exp(square(still_at_infinity(x[0])) * -0.5) * (1 / kSqrtTwoPi));
       },
       1}}},
    SpecialVector::Ndtr};
constexpr SpecialRow kNdtri{
    "special.ndtri",
    on_one<formula::ndtri>,
    1,
    {{{[](T t, X, T y, N) { return scale(t, exp(square(y) * 0.5) * kSqrtTwoPi); }, 0, true}}},
    SpecialVector::Ndtri};
Tensor ndtr(T x);
// The density over the distribution function: on the right as a quotient, on the left by erfcx, and
// far out -x.
Tensor log_ndtr_slope(T t, X x, T, N) {
  const auto constant = [&](double value) { return scalar(value, x[0].dtype()); };
  const Tensor right = greater(x[0], constant(1)), far = less(x[0], constant(-1e8));
  const Tensor above = fill_where(logical_not(right), 1, still_at_infinity(x[0]));
  const Tensor below = fill_where(logical_or(right, far), 0, x[0]);
  const Tensor density = exp(square(above) * -0.5) * (1 / kSqrtTwoPi);
  const Tensor inverse = scaled_ierfc(0, below * -formula::kSqrtHalf) * (kSqrtTwoPi / 2);
  return where(right, scale_over(scale(t, density), ndtr(above)),
               where(far, -scale(t, x[0]), scale_over(t, inverse)));
}
constexpr SpecialRow kLogNdtr{"special.log_ndtr",
                              on_one<formula::log_ndtr>,
                              1,
                              {{{log_ndtr_slope, 1}}},
                              SpecialVector::LogNdtr};

constexpr SpecialRow kLogit{
    "special.logit",
    on_one<formula::logit>,
    1,
    {{{[](T t, X x, T, N) { return scale_over(t, x[0]) + scale_over(t, 1.0 - x[0]); }, 1}}},
    SpecialVector::Logit};

template <const SpecialRow& row>
Tensor one(T x) {
  return apply_special(row, Borrowed<1>(x));
}

constexpr SpecialRow kWofz{
    "_wofz_derivative",
    nullptr,
    1,
    {{{[](T t, X x, T, N n) { return scale(t, wofz_derivative(n[0] + 1, x[0])); }, 1}}},
    SpecialVector::None,
    complex_of_order<formula::faddeeva_derivative>};

Tensor wofz(T z) { return call<kernels::Faddeeva>(cast(z, complex_of(to_floating(z.dtype())))); }

Tensor erfcx(T x) {
  if (!is_complex(x.dtype())) return one<kErfcx>(x);
  return wofz(x * scalar(std::complex<double>(0, 1), x.dtype()));
}

Tensor ndtr(T x) {
  if (!is_complex(x.dtype())) return one<kNdtr>(x);
  return call<kernels::Erfc>(x * -formula::kSqrtHalf) * 0.5;
}

// In the left half plane, where ndtr underflows, from the scaled function; its imaginary part is
// brought to that of a principal logarithm.
Tensor log_ndtr(T x) {
  if (!is_complex(x.dtype())) return one<kLogNdtr>(x);
  const Tensor left = less(real(x), scalar(-1, real_of(x.dtype())));
  const Tensor z = fill_where(logical_not(left), -1, x);
  const Tensor tail = log(erfcx(z * -formula::kSqrtHalf) * 0.5) - square(z) * 0.5;
  const Tensor turns = call<kernels::Round>(imag(tail) * (1 / (2 * formula::kPi)));
  const Tensor whole = turns * scalar(std::complex<double>(0, 2 * formula::kPi), x.dtype());
  const Tensor right = greater(real(x), scalar(0, real_of(x.dtype())));
  const Tensor inner = ndtr(fill_where(left, 0, where(right, -x, x)));
  return where(left, tail - whole, where(right, log1p(-inner), log(inner)));
}

Tensor log_expit(T x) {
  require_real("special.log_expit", x);
  return -call<kernels::Softplus>(-cast(x, to_floating(x.dtype())));
}

constexpr const char* kX = ":param x: tensor of any shape";

}  // namespace

Tensor wofz_derivative(int n, T z) { return apply_special(kWofz, Borrowed<1>(z), {n, 0}); }

void register_error_functions(Registry& registry) {
  registry.add("special.erfinv", &one<kErfinv>, "x, /",
               special_doc("The inverse of the error function, by the methods of Halley and, in "
                           "the tails, of Newton on the logarithm. Infinite at -1 and 1.",
                           kX));
  registry.add("special.erfcinv", &one<kErfcinv>, "x, /",
               special_doc("The inverse of erfc, exact for tiny x. Infinite at 0 and 2.", kX));
  registry.add("special.erfcx", &erfcx, "x, /",
               special_doc("exp(x**2) erfc(x), without overflow for large x. Its derivatives are "
                           "scaled repeated integrals of erfc (DLMF 7.18), free of cancellation. "
                           "Of complex x it is wofz(i x).",
                           kX));
  registry.add("special.wofz", &wofz, "z, /",
               R"(The Faddeeva function exp(-z**2) erfc(-i z), complex.

Element by element. The modified trapezoidal rule of M. Al Azah and S. N. Chandler-Wilde (SIAM J.
Numer. Anal. 59, 2021), to about 1e-13. Its derivatives are repeated integrals of erfc (DLMF 7.18),
free of cancellation.

:param z: tensor of any shape; real numbers are taken as complex ones, integers in complex128
:returns: complex tensor of the same shape

>>> pa.special.wofz(0.0).item()
(1+0j))");
  registry.add("special.ndtr", &ndtr, "x, /",
               special_doc("The distribution function of the standard normal distribution; of "
                           "complex x its continuation.",
                           kX));
  registry.add("special.ndtri", &one<kNdtri>, "p, /",
               special_doc("The inverse of ndtr: quantiles of the standard normal distribution. "
                           "Infinite at 0 and 1.",
                           ":param p: tensor of any shape"));
  registry.add("special.log_ndtr", &log_ndtr, "x, /",
               special_doc("The logarithm of ndtr, exact in both tails; of complex x the principal "
                           "one, to about 1e-14 absolutely.",
                           kX));
  registry.add(
      "special.logit", &one<kLogit>, "x, /",
      special_doc(
          "log(x / (1 - x)), the inverse of expit. Its derivatives at 0 and 1 are infinite.", kX));
  registry.add("special.log_expit", &log_expit, "x, /",
               special_doc("log(1 / (1 + exp(-x))), exact in both tails.", kX));
}

}  // namespace pyautograd::ops
