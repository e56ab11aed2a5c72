// The incomplete gamma and beta functions, differentiable in the parameters of the distributions
// that they belong to.

#include "kernels/scalar/jets.h"
#include "ops/origin.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

// Members of the families below are derivatives with respect to the parameters.
Tensor member(const SpecialRow& row, X x, const Orders& orders) {
  if (std::max(orders[0], orders[1]) > formula::kMaxOrder) {
    fail(Error::Kind::NotImplemented, "[", row.name,
         "] derivatives with respect to a parameter stop at order ", formula::kMaxOrder);
  }
  return apply_special(row, x, orders);
}

// gamma(a, x): arguments a and x.

template <class F>
double with_order(const Orders& n, const F& function) {
  return formula::with_order(std::max(n[0], n[1]), function);
}

template <bool upper>
double gamma_at(const double* x, const Orders& n) {
  return with_order(n, [&](auto max) { return formula::gammainc<max()>(n[0], x[0], x[1], upper); });
}
double gamma_density_at(const double* x, const Orders& n) {
  return with_order(n, [&](auto max) { return formula::gamma_density<max()>(n[0], x[0], x[1]); });
}

extern const SpecialRow kLowerGamma, kUpperGamma, kGammaDensity;

template <const SpecialRow& row>
Tensor gamma_in_a(T t, X x, T, N n) {
  return scale(t, member(row, x, {n[0] + 1, 0}));
}
// d/dx of the density p is p ((a - 1) / x - 1); of its n-th derivative in a, by Leibniz. At x = 0
// it is taken as the density for a - 1, minus p.
Tensor gamma_density_in_x(T t, X x, T y, N n) {
  const bool at_edge = has_zero(x[1]);
  const Tensor edge = is_value(x[1], 0), inner = at_edge ? fill_where(edge, 1, x[1]) : x[1];
  Tensor slope = y * ((x[0] - 1.0) / inner - 1.0);
  if (n[0] > 0) {
    const Tensor lower = member(kGammaDensity, Borrowed<2>(x[0], inner), {n[0] - 1, 0});
    slope = slope + lower * static_cast<double>(n[0]) / inner;
  }
  if (at_edge) {
    const Tensor shape = x[0] - 1.0;
    slope = where(edge, member(kGammaDensity, Borrowed<2>(shape, x[1]), n) - y, slope);
  }
  return scale(t, slope);
}

constinit const SpecialRow kGammaDensity{
    "_gamma_density",
    gamma_density_at,
    2,
    {{{gamma_in_a<kGammaDensity>, 3}, {gamma_density_in_x, 3, true}}}};
constinit const SpecialRow kLowerGamma{
    "special.gammainc",
    gamma_at<false>,
    2,
    {{{gamma_in_a<kLowerGamma>, 3},
      {[](T t, X x, T, N n) { return scale(t, member(kGammaDensity, x, n)); }, 3}}}};
constinit const SpecialRow kUpperGamma{
    "special.gammaincc",
    gamma_at<true>,
    2,
    {{{gamma_in_a<kUpperGamma>, 3},
      {[](T t, X x, T, N n) { return -scale(t, member(kGammaDensity, x, n)); }, 3}}}};

// beta: arguments a, b and x.

template <bool upper>
double beta_at(const double* x, const Orders& n) {
  return with_order(n,
                    [&](auto max) { return formula::betainc<max()>(n, x[0], x[1], x[2], upper); });
}
double beta_density_at(const double* x, const Orders& n) {
  return with_order(n, [&](auto max) { return formula::beta_density<max()>(n, x[0], x[1], x[2]); });
}

extern const SpecialRow kLowerBeta, kUpperBeta, kBetaDensity;

template <const SpecialRow& row>
Tensor beta_in_a(T t, X x, T, N n) {
  return scale(t, member(row, x, {n[0] + 1, n[1]}));
}
template <const SpecialRow& row>
Tensor beta_in_b(T t, X x, T, N n) {
  return scale(t, member(row, x, {n[0], n[1] + 1}));
}
// At 0 and 1 the slope is (a + b - 1) times what the densities for a - 1 and for b - 1 differ by.
Tensor beta_density_slope_at_edge(X x, N n) {
  const Tensor a = x[0] - 1.0, b = x[1] - 1.0;
  const auto difference = [&](N orders) {
    return member(kBetaDensity, Borrowed<3>(a, x[1], x[2]), orders) -
           member(kBetaDensity, Borrowed<3>(x[0], b, x[2]), orders);
  };
  Tensor slope = (a + x[1]) * difference(n);
  if (n[0] > 0) slope = slope + difference({n[0] - 1, n[1]}) * static_cast<double>(n[0]);
  if (n[1] > 0) slope = slope + difference({n[0], n[1] - 1}) * static_cast<double>(n[1]);
  return slope;
}
Tensor beta_density_in_x(T t, X x, T y, N n) {
  const Tensor rest = 1.0 - x[2];
  const bool at_edge = has_zero(x[2]) || has_zero(rest);
  const Tensor edge = logical_or(is_value(x[2], 0), is_value(rest, 0));
  const Tensor inner = at_edge ? fill_where(edge, 0.5, x[2]) : x[2];
  const Tensor above = at_edge ? 1.0 - inner : rest;
  const Borrowed<3> regular(x[0], x[1], inner);
  Tensor slope = y * ((x[0] - 1.0) / inner - (x[1] - 1.0) / above);
  const auto add = [&](const Orders& orders, double weight, const Tensor& divisor) {
    slope = slope + member(kBetaDensity, regular, orders) * weight / divisor;
  };
  if (n[0] > 0) add({n[0] - 1, n[1]}, n[0], inner);
  if (n[1] > 0) add({n[0], n[1] - 1}, -n[1], above);
  return scale(t, at_edge ? where(edge, beta_density_slope_at_edge(x, n), slope) : slope);
}

constinit const SpecialRow kBetaDensity{
    "_beta_density",
    beta_density_at,
    3,
    {{{beta_in_a<kBetaDensity>, 7}, {beta_in_b<kBetaDensity>, 7}, {beta_density_in_x, 7, true}}}};
constinit const SpecialRow kLowerBeta{
    "special.betainc",
    beta_at<false>,
    3,
    {{{beta_in_a<kLowerBeta>, 7},
      {beta_in_b<kLowerBeta>, 7},
      {[](T t, X x, T, N n) { return scale(t, member(kBetaDensity, x, n)); }, 7}}}};
constinit const SpecialRow kUpperBeta{
    "special.betaincc",
    beta_at<true>,
    3,
    {{{beta_in_a<kUpperBeta>, 7},
      {beta_in_b<kUpperBeta>, 7},
      {[](T t, X x, T, N n) { return -scale(t, member(kBetaDensity, x, n)); }, 7}}}};

template <const SpecialRow& row>
Tensor of_gamma(T a, T x) {
  return apply_special(row, Borrowed<2>(a, x));
}
template <const SpecialRow& row>
Tensor of_beta(T a, T b, T x) {
  return apply_special(row, Borrowed<3>(a, b, x));
}

constexpr const char* kGammaParams =
    ":param a: tensor, not negative\n:param x: tensor that broadcasts with a, not negative";
constexpr const char* kBetaParams =
    ":param a: tensor, positive\n:param b: tensor that broadcasts with a, positive\n"
    ":param x: tensor that broadcasts with both, from 0 to 1";
constexpr const char* kOrders =
    "Derivatives with respect to the parameters come from Taylor arithmetic on the series and the "
    "continued fraction, and go up to order 24. ";

}  // namespace

void register_incomplete(Registry& registry) {
  const std::string orders = kOrders;
  registry.add("special.gammainc", &of_gamma<kLowerGamma>, "a, x, /",
               special_doc("The lower incomplete gamma function over gamma(a): the distribution "
                           "function of the gamma distribution. " +
                               orders + "Source: DLMF 8.7.1 and 8.9.2.",
                           kGammaParams));
  registry.add("special.gammaincc", &of_gamma<kUpperGamma>, "a, x, /",
               special_doc("1 - gammainc(a, x), exact where that is small. " + orders +
                               "Source: DLMF 8.7.1 and 8.9.2.",
                           kGammaParams));
  registry.add(
      "special.betainc", &of_beta<kLowerBeta>, "a, b, x, /",
      special_doc("The incomplete beta function over beta(a, b): the distribution function "
                  "of the beta distribution. " +
                      orders + "Source: DLMF 8.17.22.",
                  kBetaParams));
  registry.add("special.betaincc", &of_beta<kUpperBeta>, "a, b, x, /",
               special_doc("1 - betainc(a, b, x), exact where that is small. " + orders +
                               "Source: DLMF 8.17.22.",
                           kBetaParams));
}

}  // namespace pyautograd::ops
