// The error function, the normal distribution, logits.

#include <numbers>

#include "kernels/scalar_special.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

namespace formula = kernels::special;
using T = const Tensor&;
using X = TensorSpan;
using N = const Orders&;

constexpr double kHalfSqrtPi = formula::kSqrtPi / 2;
constexpr double kSqrtTwoPi = std::numbers::sqrt2 * formula::kSqrtPi;

constexpr SpecialRow kErfinv{
    "special.erfinv",
    on_one<formula::erfinv>,
    1,
    {{{[](T t, X, T y, N) { return scale(t, exp(square(y)) * kHalfSqrtPi); }, 0, true}}}};
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
    {{{[](T t, X x, T, N) { return scale(t, exp(square(x[0]) * -0.5) * (1 / kSqrtTwoPi)); }, 1}}}};
constexpr SpecialRow kNdtri{
    "special.ndtri",
    on_one<formula::ndtri>,
    1,
    {{{[](T t, X, T y, N) { return scale(t, exp(square(y) * 0.5) * kSqrtTwoPi); }, 0, true}}}};
constexpr SpecialRow kLogNdtr{
    "special.log_ndtr",
    on_one<formula::log_ndtr>,
    1,
    {{{[](T t, X x, T, N) {
         return scale_over(t, scaled_ierfc(0, x[0] * -formula::kSqrtHalf) * (kSqrtTwoPi / 2));
       },
       1}}}};

constexpr SpecialRow kLogit{
    "special.logit",
    on_one<formula::logit>,
    1,
    {{{[](T t, X x, T, N) { return scale_over(t, x[0] * (1.0 - x[0])); }, 1}}}};

template <const SpecialRow& row>
Tensor one(T x) {
  return apply_special(row, Borrowed<1>(x));
}

Tensor log_expit(T x) {
  require_real("special.log_expit", x);
  return -call<kernels::Softplus>(-cast(x, to_floating(x.dtype())));
}

constexpr const char* kX = ":param x: tensor of any shape";

}  // namespace

void register_error_functions(Registry& registry) {
  registry.add("special.erfinv", &one<kErfinv>, "x, /",
               special_doc("The inverse of the error function, by the methods of Halley and, in "
                           "the tails, of Newton on the logarithm. Infinite at -1 and 1.",
                           kX));
  registry.add("special.erfcinv", &one<kErfcinv>, "x, /",
               special_doc("The inverse of erfc, exact for tiny x. Infinite at 0 and 2.", kX));
  registry.add("special.erfcx", &one<kErfcx>, "x, /",
               special_doc("exp(x**2) erfc(x), without overflow for large x. Its derivatives are "
                           "scaled repeated integrals of erfc (DLMF 7.18), free of cancellation.",
                           kX));
  registry.add("special.ndtr", &one<kNdtr>, "x, /",
               special_doc("The distribution function of the standard normal distribution.", kX));
  registry.add("special.ndtri", &one<kNdtri>, "p, /",
               special_doc("The inverse of ndtr: quantiles of the standard normal distribution. "
                           "Infinite at 0 and 1.",
                           ":param p: tensor of any shape"));
  registry.add("special.log_ndtr", &one<kLogNdtr>, "x, /",
               special_doc("The logarithm of ndtr, exact in both tails.", kX));
  registry.add("special.logit", &one<kLogit>, "x, /",
               special_doc("log(x / (1 - x)), the inverse of expit.", kX));
  registry.add("special.log_expit", &log_expit, "x, /",
               special_doc("log(1 / (1 + exp(-x))), exact in both tails.", kX));
}

}  // namespace pyautograd::ops
