// The gamma function and its relatives.

#include "kernels/scalar/jets.h"
#include "ops/origin.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

constexpr SpecialRow kGammaln{"special.gammaln",
                              on_one<formula::lgamma>,
                              1,
                              {{{[](T t, X x, T, N) { return scale(t, digamma(x[0])); }, 1}}}};

constexpr SpecialRow kGamma{
    "special.gamma",
    on_one<formula::gamma>,
    1,
    {{{[](T t, X x, T y, N) { return scale(t, y * digamma(still_at_infinity(x[0]))); }, 1, true}}}};

constexpr SpecialRow kDigamma{"special.digamma",
                              on_one<formula::digamma>,
                              1,
                              {{{[](T t, X x, T, N) { return scale(t, polygamma(1, x[0])); }, 1}}},
                              SpecialVector::Polygamma};

constexpr SpecialRow kPolygamma{
    "special.polygamma",
    of_order<formula::polygamma>,
    1,
    {{{[](T t, X x, T, N n) { return scale(t, polygamma(n[0] + 1, x[0])); }, 1}}},
    SpecialVector::Polygamma};

double hurwitz(const double* x, const Orders& orders) {
  return formula::zeta_derivative(orders[0], x[0], x[1]);
}
Tensor zeta_of(int order, T s, T q);
Tensor zeta_in_s(T t, X x, T, N n) { return scale(t, zeta_of(n[0] + 1, x[0], x[1])); }
// The derivative in q of zeta(s, q) is -s zeta(s + 1, q); of its k-th derivative in s, by Leibniz.
Tensor zeta_in_q(T t, X x, T, N n) {
  const Tensor next = x[0] + 1.0;
  Tensor slope = x[0] * zeta_of(n[0], next, x[1]);
  if (n[0] > 0) slope = slope + zeta_of(n[0] - 1, next, x[1]) * static_cast<double>(n[0]);
  return -scale(t, slope);
}
constexpr SpecialRow kZeta{"special.zeta", hurwitz, 2, {{{zeta_in_s, 3}, {zeta_in_q, 3}}}};

void require_order(int order) {
  if (order > formula::kMaxOrder) {
    fail(Error::Kind::NotImplemented, "[special.zeta] derivatives with respect to x stop at order ",
         formula::kMaxOrder);
  }
}

Tensor zeta_of(int order, T s, T q) {
  require_order(order);
  return apply_special(kZeta, Borrowed<2>(s, q), {order, 0});
}

double riemann(const double* x, const Orders& orders) {
  return formula::riemann_derivative(orders[0], x[0]);
}
Tensor riemann_of(int order, T s);
constexpr SpecialRow kRiemann{
    "special.zeta",
    riemann,
    1,
    {{{[](T t, X x, T, N n) { return scale(t, riemann_of(n[0] + 1, x[0])); }, 1}}}};

Tensor riemann_of(int order, T s) {
  require_order(order);
  return apply_special(kRiemann, Borrowed<1>(s), {order, 0});
}

// digamma(x) - digamma(x + y), whose digits cancel where x is large or y small: there by the terms
// of DLMF 5.5.2 and 5.11.2, of which every difference is a multiple of y.
Tensor digamma_difference(T x, T y) {
  constexpr double kLarge = 10, kSmall = 0.1;
  const Tensor sum = x + y, edge = scalar(kLarge, x.dtype()), zero = scalar(0, x.dtype());
  const Tensor large = logical_and(greater_equal(x, edge), greater_equal(sum, edge));
  const Tensor beside = logical_and(greater(x, zero), less_equal(absolute(y), x * kSmall));
  const Tensor by_terms = logical_and(logical_or(large, beside), call<kernels::IsFinite>(sum));
  const Tensor plain = digamma(x) - digamma(sum), others = logical_not(by_terms);
  if (holds_everywhere(others)) return plain;
  const Tensor step = fill_where(others, 0, y);
  Tensor a = fill_where(others, kLarge, x), b = a + step, total = zero;
  if (!holds_everywhere(large)) {
    for (int k = 0; k < static_cast<int>(kLarge); ++k, a = a + 1.0, b = b + 1.0)
      total = total + step / a / b;
  }
  const Tensor over_a = reciprocal(a), over_b = reciprocal(b);
  const Tensor square_a = square(over_a), square_b = square(over_b);
  Tensor value = zero, slope = zero;
  for (int k = 6; k >= 0; --k) {
    slope = slope * square_b + value;
    value = value * square_a + formula::digamma_term(k);
  }
  slope = slope * square_b + value;
  const Tensor rest = step * over_a * over_b * (0.5 + slope * (over_a + over_b));
  return where(by_terms, -(total + call<kernels::Log1p>(step * over_a) + rest), plain);
}

Tensor betaln_in(T t, T x, T other) { return scale(t, digamma_difference(x, other)); }
constexpr SpecialRow kBetaln{"special.betaln",
                             on_two<formula::betaln>,
                             2,
                             {{{[](T t, X x, T, N) { return betaln_in(t, x[0], x[1]); }, 3},
                               {[](T t, X x, T, N) { return betaln_in(t, x[1], x[0]); }, 3}}}};
// At its zeros, where a + b is 0 or a negative integer, the slope is that of the factor that
// vanishes: 1 / gamma(s) is gamma(1 - s) sin(pi s) / pi (DLMF 5.5.3).
Tensor beta_in(T t, T x, T other, T y) {
  if (!has_zero(y)) return scale(betaln_in(t, x, other), y);
  const Tensor zero = logical_and(is_value(y, 0), less_equal(x + other, scalar(0, x.dtype())));
  const Tensor elsewhere = logical_not(zero);
  const Tensor a = fill_where(elsewhere, 0.5, x), b = fill_where(elsewhere, -0.5, other);
  const Tensor below = 1.0 - (a + b), turn = (a + b) * formula::kPi;
  const Tensor moved = (digamma(a) - digamma(below)) * call<kernels::Sin>(turn) / formula::kPi;
  const Tensor factors = apply_special(kGamma, Borrowed<1>(a)) *
                         apply_special(kGamma, Borrowed<1>(b)) *
                         apply_special(kGamma, Borrowed<1>(below));
  const Tensor regular = scale(betaln_in(t, fill_where(zero, 1, x), fill_where(zero, 1, other)), y);
  return where(zero, scale(t, factors * (call<kernels::Cos>(turn) + moved)), regular);
}
constexpr SpecialRow kBeta{
    "special.beta",
    on_two<formula::beta>,
    2,
    {{{[](T t, X x, T y, N) { return beta_in(t, x[0], x[1], y); }, 3, true},
      {[](T t, X x, T y, N) { return beta_in(t, x[1], x[0], y); }, 3, true}}}};

Tensor gamma(T x) { return apply_special(kGamma, Borrowed<1>(x)); }
Tensor betaln(T a, T b) { return apply_special(kBetaln, Borrowed<2>(a, b)); }
Tensor beta(T a, T b) { return apply_special(kBeta, Borrowed<2>(a, b)); }
Tensor zeta(T x, const std::optional<Tensor>& q) {
  return q ? zeta_of(0, x, *q) : riemann_of(0, x);
}

Tensor multigammaln(T a, int64_t d) {
  if (d < 1) value_error("[special.multigammaln] the dimension must be at least 1, got ", d);
  require_real("special.multigammaln", a);
  const Tensor wide = cast(a, to_floating(a.dtype()));
  Tensor sum = gammaln(wide) + static_cast<double>(d * (d - 1)) / 4 * std::log(formula::kPi);
  for (int64_t j = 1; j < d; ++j) sum = sum + gammaln(wide - 0.5 * static_cast<double>(j));
  return sum;
}

Tensor gamma_of_any(T x) { return is_complex(x.dtype()) ? complex_gamma(x) : gamma(x); }
Tensor digamma_of_any(T x) { return is_complex(x.dtype()) ? complex_digamma(x) : digamma(x); }

constexpr const char* kX = ":param x: tensor of any shape";

}  // namespace

Tensor gammaln(T x) { return apply_special(kGammaln, Borrowed<1>(x)); }
Tensor digamma(T x) { return apply_special(kDigamma, Borrowed<1>(x)); }
Tensor polygamma(int64_t n, T x) {
  if (n < 0 || n > 1000)
    value_error("[special.polygamma] the order must be from 0 to 1000, got ", n);
  return apply_special(kPolygamma, Borrowed<1>(x), {static_cast<int>(n), 0});
}

void register_gamma(Registry& registry) {
  registry.add("special.gammaln", &gammaln, "x, /",
               special_doc("The logarithm of the absolute value of the gamma function.", kX));
  registry.add("special.loggamma", &loggamma, "x, /",
               R"(The logarithm of the gamma function, analytic off the negative real axis.

Element by element. Of real x it is gammaln(x), and nan for negative x. Of complex x the imaginary
part is that of a continuous branch, not of log(gamma(x)), and jumps across the negative real axis.
At the poles 0, -1, ... it is infinite or nan, and so are its derivatives. Near its zeros 1 and 2 it is
relatively exact; near others, on the negative real axis, to about 1e-14 absolutely. Source: DLMF 5.5.1
(recurrence), 5.5.3 (reflection), 5.11.1 (series).

:param x: tensor of any shape; integers and bools are computed in float64
:returns: floating or complex tensor of the same shape

>>> pa.special.loggamma(pa.tensor([3.0, 4.0])).numpy().round(6).tolist()
[0.693147, 1.791759])");
  registry.add("special.gamma", &gamma_of_any, "x, /",
               special_doc("The gamma function, of real and complex numbers; nan, as are its "
                           "derivatives, at the negative integers.",
                           kX));
  registry.add("special.digamma", &digamma_of_any, "x, /",
               special_doc("The derivative of the logarithm of the gamma function, of real and "
                           "complex numbers. Source: DLMF 5.5.4 (reflection), 5.5.2 (recurrence), "
                           "5.11.2 (series).",
                           kX));
  registry.add("special.polygamma", &polygamma, "n, x, /",
               special_doc("The n-th derivative of digamma. Source: DLMF 5.15.",
                           ":param n: int, from 0 to 1000\n:param x: tensor of any shape"));
  registry.add(
      "special.zeta", &zeta, "x, q=None, /",
      special_doc("The zeta function of Hurwitz, the sum of (q + k)**-x over k = 0, 1, ...; nan "
                  "for x < 1. Without q, that of Riemann, for every x. Derivatives with respect to "
                  "x go up to order 24, and need q > 0. Source: DLMF 25.11.5 and 25.4.2.",
                  ":param x: tensor of any shape\n:param q: tensor that broadcasts with x"));
  registry.add("special.betaln", &betaln, "a, b, /",
               special_doc("The logarithm of the absolute value of the beta function.",
                           ":param a: tensor\n:param b: tensor that broadcasts with a"));
  registry.add("special.beta", &beta, "a, b, /",
               special_doc("The beta function, gamma(a) gamma(b) / gamma(a + b).",
                           ":param a: tensor\n:param b: tensor that broadcasts with a"));
  registry.add("special.multigammaln", &multigammaln, "a, d, /",
               special_doc("The logarithm of the gamma function of d variates: the constant d (d - "
                           "1) / 4 log(pi), and gammaln(a - j / 2) for j = 0 to d - 1.",
                           ":param a: tensor of any shape\n:param d: int, at least 1"));
}

}  // namespace pyautograd::ops
