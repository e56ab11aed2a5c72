// Functions defined by integrals: exponential, sine, Fresnel and elliptic integrals, the
// dilogarithm, Dawson's integral, Bessel functions of the second kind.

#include "kernels/kernels.h"
#include "kernels/scalar/complex_integrals.h"
#include "ops/origin.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

// Rows whose first order is that of the derivative.
template <const SpecialRow& row>
Tensor next_derivative(T t, X x, T, N n) {
  return scale(t, apply_special(row, Borrowed<1>(x[0]), {n[0] + 1, n[1]}));
}
template <const SpecialRow& row>
Tensor next_up_to_limit(T t, X x, T y, N n) {
  if (n[0] >= formula::kMaxOrder)
    fail(Error::Kind::NotImplemented, "[", row.name, "] derivatives stop at order ",
         formula::kMaxOrder);
  return next_derivative<row>(t, x, y, n);
}

Tensor ellipe_slope(T t, X x, T y, N n);
extern const SpecialRow kExprel, kLog1pRatio, kDawsn, kK0, kK1, kK0e, kK1e, kEllipk, kEllipe;
constinit const SpecialRow kExprel{
    "special.exprel", of_order<formula::exprel>, 1, {{{next_derivative<kExprel>, 1}}}};
constinit const SpecialRow kLog1pRatio{"_log1p_ratio",
                                       of_order<formula::log1p_ratio>,
                                       1,
                                       {{{next_derivative<kLog1pRatio>, 1}}},
                                       SpecialVector::None,
                                       complex_of_order<formula::log1p_ratio>};
constinit const SpecialRow kDawsn{
    "special.dawsn",     of_order<formula::dawsn>,        1, {{{next_derivative<kDawsn>, 1}}},
    SpecialVector::None, complex_of_order<formula::dawsn>};
constinit const SpecialRow kK0{
    "special.k0", formula::bessel_k<false>, 1, {{{next_derivative<kK0>, 1}}}};
constinit const SpecialRow kK1{
    "special.k1", formula::bessel_k<false>, 1, {{{next_derivative<kK1>, 1}}}};
constinit const SpecialRow kK0e{
    "special.k0e", formula::bessel_k<true>, 1, {{{next_derivative<kK0e>, 1}}}};
constinit const SpecialRow kK1e{
    "special.k1e", formula::bessel_k<true>, 1, {{{next_derivative<kK1e>, 1}}}};
constinit const SpecialRow kEllipk{
    "special.ellipk", of_order<formula::ellipk>, 1, {{{next_up_to_limit<kEllipk>, 1}}}};
constinit const SpecialRow kEllipe{
    "special.ellipe", of_order<formula::ellipe>, 1, {{{ellipe_slope, 1, true}}}};

// DLMF 19.4.2, whose difference is small near 0 only; elsewhere the series of E cancels.
Tensor ellipe_slope(T t, X x, T y, N n) {
  const Tensor size = absolute(x[0]), half = scalar(0.5, size.dtype());
  const Tensor far = logical_and(greater(size, half), call<kernels::IsFinite>(size));
  if (n[0] > 0 || holds_everywhere(logical_not(far))) return next_up_to_limit<kEllipe>(t, x, y, n);
  const Tensor outer = where(far, x[0], half), inner = fill_where(far, 0, x[0]);
  const Tensor slope = (y - apply_special(kEllipk, Borrowed<1>(outer))) / (outer * 2.0);
  return where(far, scale(t, slope), next_up_to_limit<kEllipe>(t, Borrowed<1>(inner), y, n));
}

Tensor exprel(int n, T x) { return apply_special(kExprel, Borrowed<1>(x), {n, 0}); }
Tensor log1p_ratio(int n, T x) { return apply_special(kLog1pRatio, Borrowed<1>(x), {n, 0}); }

// For a divisor of what vanishes or overflows at infinity: 1 there.
Tensor finite(T x) {
  if (!has_infinity(x)) return x;
  return fill_where(call<kernels::IsInf>(x), 1, x);
}

constexpr SpecialRow kExpi{
    "special.expi",
    on_one<formula::expi>,
    1,
    {{{[](T t, X x, T, N) { return scale(t, exp(x[0]) / finite(x[0])); }, 1}}},
    SpecialVector::None,
    complex_on_one<formula::expi>};
Tensor expn_of(int n, T x);
// DLMF 8.19.13.
constexpr SpecialRow kExpn{"special.expn",
                           of_order<formula::expn>,
                           1,
                           {{{[](T t, X x, T y, N n) {
                                if (n[0] > 0) return -scale(t, expn_of(n[0] - 1, x[0]));
                                return -scale(t, y + y / finite(x[0]));
                              },
                              1, true}}}};
Tensor exp1_slope(T t, X x, T, N) {
  if (is_complex(x[0].dtype())) return -scale(t, exp(-x[0]) / finite(x[0]));
  return -scale(t, expn_of(0, x[0]));
}
constexpr SpecialRow kExp1{
    "special.exp1",      of_order<formula::expn>, 1,
    {{{exp1_slope, 1}}}, SpecialVector::None,     complex_on_one<formula::exp1>};
Tensor expn_of(int n, T x) { return apply_special(kExpn, Borrowed<1>(x), {n, 0}); }

// log(x) / (x - 1), near 0 with all of x's digits.
Tensor spence_slope(T t, X x, T, N) {
  const Tensor along = is_complex(x[0].dtype()) ? absolute(x[0]) : x[0];
  const Tensor left = less(along, scalar(0.5, along.dtype())), right = logical_not(left);
  const Tensor near = fill_where(right, 0.25, x[0]);
  return -where(left, scale(t, log(near)) / (near - 1.0),
                scale(t, log1p_ratio(0, fill_where(left, 1, x[0]) - 1.0)));
}
constexpr SpecialRow kSpence{
    "special.spence",      on_one<formula::spence>, 1,
    {{{spence_slope, 1}}}, SpecialVector::None,     complex_on_one<formula::spence>};

// sin(x) / x or sinh(x) / x, with all derivatives at 0.
Tensor sine_ratio(T x, bool hyperbolic) {
  if (!hyperbolic && !is_complex(x.dtype())) return sinc(x * (1 / formula::kPi));
  const Tensor size = absolute(x), near = less(size, scalar(1, size.dtype()));
  const Tensor inner = fill_where(logical_not(near), 0, x), outer = fill_where(near, 1, x);
  const std::complex<double> turn(hyperbolic ? 0 : 1, hyperbolic ? 1 : 0);
  const Tensor inside =
      cast(sinc(inner * scalar(turn / formula::kPi, complex_of(x.dtype()))), x.dtype());
  const Tensor wave = hyperbolic ? call<kernels::Sinh>(outer) : call<kernels::Sin>(outer);
  return where(near, inside, wave / finite(outer));
}

// Members of the families of sines and of cosines: the second order tells.
constexpr int kSines = 0, kCosines = 1;
constexpr SpecialRow kSici{"special.sici",
                           formula::sici,
                           1,
                           {{{[](T t, X x, T, N n) {
                                if (n[1] == kCosines)
                                  return scale_over(scale(t, call<kernels::Cos>(x[0])), x[0]);
                                return scale(t, sine_ratio(x[0], false));
                              },
                              1}}},
                           SpecialVector::None,
                           formula::sici};
constexpr SpecialRow kShichi{"special.shichi",
                             formula::shichi,
                             1,
                             {{{[](T t, X x, T, N n) {
                                  if (n[1] == kCosines)
                                    return scale(t, call<kernels::Cosh>(x[0]) / finite(x[0]));
                                  return scale(t, sine_ratio(x[0], true));
                                },
                                1}}},
                             SpecialVector::None,
                             formula::shichi};
constexpr SpecialRow kFresnel{
    "special.fresnel",
    formula::fresnel_integral,
    1,
    {{{[](T t, X x, T, N n) {
         const Tensor turns = square(x[0]) * (formula::kPi / 2);
         return scale(t, n[1] == kCosines ? call<kernels::Cos>(turns) : call<kernels::Sin>(turns));
       },
       1}}},
    SpecialVector::None,
    formula::fresnel_integral};

// DLMF 10.6.1, as for the Bessel functions of the first kind.
Tensor next_bessel_y(T t, X x, T, N n);
constexpr SpecialRow kY0{"special.y0", of_order<formula::bessel_y>, 1, {{{next_bessel_y, 1}}}};
constexpr SpecialRow kY1{"special.y1", of_order<formula::bessel_y>, 1, {{{next_bessel_y, 1}}}};
Tensor bessel_y(int n, T x) { return apply_special(n == 0 ? kY0 : kY1, Borrowed<1>(x), {n, 0}); }
Tensor next_bessel_y(T t, X x, T, N n) {
  if (n[0] == 0) return -scale(t, bessel_y(1, x[0]));
  return scale(t, (bessel_y(n[0] - 1, x[0]) - bessel_y(n[0] + 1, x[0])) * 0.5);
}

// Box and Cox's transformation of u, from log(u): by lambda it is log(u)**2 times the mean of
// s exp(s lambda log(u)) over s from 0 to 1; at u = 0 it is -1 / lambda.
Tensor boxcox_by_lambda(T t, T u, T log_u, T lambda) {
  if (!has_zero(u)) return scale(t, square(log_u) * exprel(1, lambda * log_u));
  const Tensor edge = is_value(u, 0), log = fill_where(edge, 0, log_u);
  const Tensor slope = square(log) * exprel(1, lambda * log);
  return scale(t, where(edge, reciprocal(square(lambda)), slope));
}
constexpr SpecialRow kBoxcox{
    "special.boxcox",
    on_two<formula::boxcox>,
    2,
    {{{[](T t, X x, T, N) { return scale(t, power(x[0], x[1] - 1.0)); }, 3},
      {[](T t, X x, T, N) { return boxcox_by_lambda(t, x[0], log(x[0]), x[1]); }, 3}}}};
// (1 + x)**p, close to x = 0 without the sum, whose rounding is as large as slopes by p are.
Tensor power_beside_one(T x, T p) {
  const Tensor near = less(absolute(x), scalar(0.5, x.dtype()));
  const Tensor inner = fill_where(logical_not(near), 0, x), outer = fill_where(near, 0, x);
  return where(near, exp(p * log1p(inner)), power(outer + 1.0, p));
}
constexpr SpecialRow kBoxcox1p{
    "special.boxcox1p",
    on_two<formula::boxcox1p>,
    2,
    {{{[](T t, X x, T, N) { return scale(t, power_beside_one(x[0], x[1] - 1.0)); }, 3},
      {[](T t, X x, T, N) { return boxcox_by_lambda(t, x[0] + 1.0, log1p(x[0]), x[1]); }, 3}}}};

// u = (1 + lambda y)**(1 / lambda).
Tensor unboxed_by_y(T t, T u, X x) { return scale(t, u / (x[0] * x[1] + 1.0)); }
Tensor unboxed_by_lambda(T t, T u, X x) {
  return scale(t, u * square(x[0]) * log1p_ratio(1, x[0] * x[1]));
}
constexpr SpecialRow kInvBoxcox{
    "special.inv_boxcox",
    on_two<formula::inv_boxcox>,
    2,
    {{{[](T t, X x, T u, N) { return unboxed_by_y(t, u, x); }, 3, true},
      {[](T t, X x, T u, N) { return unboxed_by_lambda(t, u, x); }, 3, true}}}};
constexpr SpecialRow kInvBoxcox1p{
    "special.inv_boxcox1p",
    on_two<formula::inv_boxcox1p>,
    2,
    {{{[](T t, X x, T y, N) { return unboxed_by_y(t, y + 1.0, x); }, 3, true},
      {[](T t, X x, T y, N) { return unboxed_by_lambda(t, y + 1.0, x); }, 3, true}}}};

// With the hypotenuse h of delta and r: delta r / h, and (h - delta)**2 / h.
Tensor hypotenuse(X x) { return fill_where(both_zero(x), 1, hypot(x[0], x[1])); }
constexpr SpecialRow kPseudoHuber{
    "special.pseudo_huber",
    on_two<formula::pseudo_huber>,
    2,
    {{{[](T t, X x, T, N) {
         const Tensor h = hypotenuse(x);
         const Tensor rise = x[1] * (x[1] / (h + x[0]));  // h - delta
         return scale(t, rise * (rise / h));
       },
       3},
      {[](T t, X x, T, N) { return scale(t, x[0] * (x[1] / hypotenuse(x))); }, 3}}}};

template <const SpecialRow& row, int order = 0, int member = 0>
Tensor one(T x) {
  return apply_special(row, Borrowed<1>(x), {order, member});
}
template <const SpecialRow& row>
Tensor two(T x1, T x2) {
  return apply_special(row, Borrowed<2>(x1, x2));
}

Tensor expn(int64_t n, T x) {
  if (n < 0 || n > 1000) value_error("[special.expn] the order must be from 0 to 1000, got ", n);
  return expn_of(static_cast<int>(n), x);
}
Tensors sici(T x) { return {one<kSici, 0, kSines>(x), one<kSici, 0, kCosines>(x)}; }
Tensors shichi(T x) { return {one<kShichi, 0, kSines>(x), one<kShichi, 0, kCosines>(x)}; }
Tensors fresnel(T x) { return {one<kFresnel, 0, kSines>(x), one<kFresnel, 0, kCosines>(x)}; }

Tensor huber(T delta, T r) {
  require_real("special.huber", delta);
  require_real("special.huber", r);
  const DType dtype = to_floating(promote(delta.dtype(), r.dtype()));
  const Tensor limit = cast(delta, dtype), size = absolute(cast(r, dtype));
  const Tensor value =
      where(less_equal(size, limit), square(size) * 0.5, limit * (size - limit * 0.5));
  return fill_where(less(limit, scalar(0, dtype)), formula::kInf, value);
}

constexpr const char* kX = ":param x: tensor of any shape";
constexpr const char* kComplexX = ":param x: tensor of any shape, real or complex";

}  // namespace

void register_integrals(Registry& registry) {
  const std::string cut =
      " It has a cut on the negative real axis, where the sign of the imaginary part, of -0, too, "
      "says which side is meant.";
  registry.add(
      "special.exp1", &one<kExp1, 1>, "x, /",
      special_doc("The exponential integral E1, of exp(-t) / t from x to infinity; "
                  "infinite at 0. Source: DLMF 8.19.8 and 8.19.17; of complex x DLMF 6.6.2, 6.9.1 "
                  "and 6.12.1." +
                      cut,
                  kComplexX));
  registry.add(
      "special.expi", &one<kExpi>, "x, /",
      special_doc("The exponential integral Ei, of exp(t) / t from minus infinity to x; "
                  "infinite at 0. Exact to about 1e-16 absolutely near its zero 0.3725. "
                  "Source: DLMF 6.6.2 and 6.12.2. Of complex x it has a cut on the negative real "
                  "axis, where it is the mean of both sides, which is real.",
                  kComplexX));
  registry.add("special.expn", &expn, "n, x, /",
               special_doc("The exponential integral of order n, of exp(-x t) / t**n over t from 1 "
                           "to infinity. Source: DLMF 8.19.",
                           ":param n: int, from 0 to 1000\n:param x: tensor of any shape"));
  registry.add("special.exprel", &one<kExprel>, "x, /",
               special_doc("(exp(x) - 1) / x, and 1 at 0. Its derivatives of every order are sums "
                           "of one sign, exact at 0 and near it.",
                           kX));
  registry.add("special.spence", &one<kSpence>, "x, /",
               special_doc("Spence's function, the dilogarithm of 1 - x: the integral of "
                           "log(t) / (1 - t) from 1 to x. Derivatives are exact at 1 and near it. "
                           "Source: DLMF 25.12." +
                               cut,
                           kComplexX));
  registry.add(
      "special.sici", &sici, "x, /",
      special_doc(
          "The sine integral, of sin(t) / t from 0 to x, and the cosine integral, of "
          "cos(t) / t from infinity to |x|. Source: DLMF 6.6 "
          "and 6.9.1. Returns both. Of complex x the cosine integral, log(x) plus an even "
          "function, has a cut on the negative real axis and the sign of the imaginary part "
          "there, of -0, too.",
          kComplexX),
      Returns::Tuple);
  registry.add(
      "special.shichi", &shichi, "x, /",
      special_doc("The hyperbolic sine integral, of sinh(t) / t from 0 to x, and the hyperbolic "
                  "cosine integral, Euler's constant plus log|x| plus the integral of (cosh(t) - "
                  "1) / t from 0 to x. Source: DLMF 6.2.15, 6.2.16 and, as for the sine and cosine "
                  "integrals, 6.6 and 6.9.1. Returns both. Complex numbers have a cut as there.",
                  kComplexX),
      Returns::Tuple);
  registry.add(
      "special.fresnel", &fresnel, "x, /",
      special_doc("The Fresnel integrals, of sin(pi t**2 / 2) and cos(pi t**2 / 2) from 0 "
                  "to x; of complex x from the error function. Source: DLMF 7.5.10, 7.6 and "
                  "7.9.3. Returns both.",
                  kComplexX),
      Returns::Tuple);
  registry.add(
      "special.dawsn", &one<kDawsn>, "x, /",
      special_doc("Dawson's integral, exp(-x**2) times the integral of exp(t**2) from 0 to "
                  "x, by G. B. Rybicki's sum (Computers in Physics 3, 1989), which is "
                  "differentiated term by term. Of complex x from the Faddeeva function, "
                  "DLMF 7.5.1.",
                  kComplexX));
  const std::string integral = " Source: DLMF 10.32.9, summed to full precision at every order.";
  registry.add("special.k0", &one<kK0>, "x, /",
               special_doc("The modified Bessel function of the second kind and order 0; infinite "
                           "at 0." +
                               integral,
                           kX));
  registry.add("special.k1", &one<kK1, 0, 1>, "x, /",
               special_doc("The modified Bessel function of the second kind and order 1; infinite "
                           "at 0." +
                               integral,
                           kX));
  registry.add("special.k0e", &one<kK0e>, "x, /",
               special_doc("exp(x) k0(x), without underflow." + integral, kX));
  registry.add("special.k1e", &one<kK1e, 0, 1>, "x, /",
               special_doc("exp(x) k1(x), without underflow." + integral, kX));
  registry.add(
      "special.y0", &one<kY0>, "x, /",
      special_doc("The Bessel function of the second kind and order 0; infinite at 0.", kX));
  registry.add(
      "special.y1", &one<kY1, 1>, "x, /",
      special_doc("The Bessel function of the second kind and order 1; infinite at 0.", kX));
  const std::string mean =
      " By the arithmetic-geometric mean (DLMF 19.8), in Taylor arithmetic up to order 24.";
  registry.add("special.ellipk", &one<kEllipk>, "m, /",
               special_doc("The complete elliptic integral of the first kind, of the parameter m: "
                           "the integral of (1 - m sin(t)**2)**-0.5 over t from 0 to pi / 2; "
                           "infinite at 1." +
                               mean,
                           ":param m: tensor of any shape, at most 1"));
  registry.add("special.ellipe", &one<kEllipe>, "m, /",
               special_doc("The complete elliptic integral of the second kind, of the parameter m: "
                           "the integral of (1 - m sin(t)**2)**0.5 over t from 0 to pi / 2. Its "
                           "derivative at 1 is infinite." +
                               mean,
                           ":param m: tensor of any shape, at most 1"));
  registry.add("special.boxcox", &two<kBoxcox>, "x, lmbda, /",
               special_doc("Box and Cox's transformation (x**lmbda - 1) / lmbda, and log(x) for "
                           "lmbda = 0, differentiable there, too.",
                           ":param x: tensor, not negative\n"
                           ":param lmbda: tensor that broadcasts with x"));
  registry.add("special.boxcox1p", &two<kBoxcox1p>, "x, lmbda, /",
               special_doc("``boxcox(1 + x, lmbda)``, accurate near x = 0.",
                           ":param x: tensor, at least -1\n"
                           ":param lmbda: tensor that broadcasts with x"));
  registry.add(
      "special.inv_boxcox", &two<kInvBoxcox>, "y, lmbda, /",
      special_doc("The inverse of boxcox: (1 + lmbda y)**(1 / lmbda), and exp(y) for lmbda "
                  "= 0, differentiable there, too.",
                  ":param y: tensor\n:param lmbda: tensor that broadcasts with y"));
  registry.add(
      "special.inv_boxcox1p", &two<kInvBoxcox1p>, "y, lmbda, /",
      special_doc("The inverse of boxcox1p: inv_boxcox(y, lmbda) - 1, accurate near y = 0.",
                  ":param y: tensor\n:param lmbda: tensor that broadcasts with y"));
  registry.add("special.huber", &huber, "delta, r, /",
               special_doc("Huber's loss: r**2 / 2 up to |r| = delta, and delta (|r| - delta / 2) "
                           "beyond; inf for negative delta. Where both meet the second derivative "
                           "is that of the square.",
                           ":param delta: tensor\n:param r: tensor that broadcasts with delta"));
  registry.add("special.pseudo_huber", &two<kPseudoHuber>, "delta, r, /",
               special_doc("delta**2 (sqrt(1 + (r / delta)**2) - 1), without cancellation; inf for "
                           "negative delta. Derivatives at (0, 0) are taken as 0.",
                           ":param delta: tensor\n:param r: tensor that broadcasts with delta"));
}

}  // namespace pyautograd::ops
