#include <limits>
#include <numbers>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/slopes.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

using namespace kernels;
using std::numbers::ln10;
using std::numbers::ln2;

using T = const Tensor&;
using X = TensorSpan;

Tensor scale_square(T t, T x) { return call<ScaleSquare>(t, x); }

Tensor keep(T t, X, T) { return t; }

Tensor is_zero(T x) { return equal(x, scalar(0, x.dtype())); }

Tensor times_i(T t, double sign) {
  return t * scalar(std::complex<double>(0, sign), complex_of(t.dtype()));
}

// 1 - x**2 of real x. The product has the digits near 1; its derivative, a difference of the
// factors, has none near 0.
Tensor one_minus_square(T x) {
  const Tensor squared = call<Square>(x), near = less(squared, scalar(0.25, x.dtype()));
  return where(near, 1.0 - squared, (1.0 - x) * (x + 1.0));
}

// 1 / sqrt(1 - x**2). The complex root in two factors, which are right on both sides of the cuts;
// a difference keeps the sign of a zero imaginary part where a sum loses it.
Tensor inverse_root(T x) {
  if (!is_complex(x.dtype())) return call<Rsqrt>(one_minus_square(x));
  return call<Rsqrt>(-(x - 1.0)) * call<Rsqrt>(x - -1.0);
}

// 1 + ix and 1 - ix, made from parts: a product with i loses the sign of a zero real part, which
// says on which side of a cut of asinh x is.
Tensor one_plus_i(T x) { return make_complex(1.0 - imag(x), real(x)); }
Tensor one_minus_i(T x) { return make_complex(1.0 + imag(x), -real(x)); }

// 1 / sqrt(1 + x**2).
Tensor inverse_sine_root(T x) {
  if (!is_complex(x.dtype()))
    return reciprocal(call<Hypot>(still_at_infinity(x), scalar(1, x.dtype())));
  return call<Rsqrt>(one_plus_i(x)) * call<Rsqrt>(one_minus_i(x));
}

// t / (1 + x**2) and t / (1 - x**2), where the square of a complex number may overflow.
Tensor atan_part(T t, X x, T) {
  if (!is_complex(x[0].dtype())) return scale_over(t, square(x[0]) + 1.0);
  return scale_over(scale_over(t, one_plus_i(x[0])), one_minus_i(x[0]));
}
Tensor atanh_part(T t, X x, T) {
  if (!is_complex(x[0].dtype())) return scale_over(t, one_minus_square(x[0]));
  return scale_over(scale_over(t, 1.0 - x[0]), x[0] + 1.0);
}

// 1 / sqrt(x**2 - 1), with the cuts of acosh; neither factor is flat anywhere, so that every order
// is nan below 1.
Tensor inverse_hyperbolic_root(T x) { return call<Rsqrt>(x - 1.0) * call<Rsqrt>(x - -1.0); }

// The sign s = z / |z| turns as z moves across it: ds = (t - s**2 conj(t)) / (2 |z|), and nothing
// at 0.
Tensor half_over_modulus(T t, T x) {
  const Tensor modulus = absolute(x);
  return scale_over(where(equal(modulus, scalar(0, modulus.dtype())), zeros_like(t), t * 0.5),
                    modulus);
}
Tensor sign_moved(T t, X x, T) {
  if (!is_complex(x[0].dtype())) return zeros_like(t);
  const Tensor half = half_over_modulus(t, x[0]);
  return half - scale(conj(half), square(sign(x[0])));
}
Tensor sign_transposed(T t, X x, T) {
  if (!is_complex(x[0].dtype())) return zeros_like(t);
  const Tensor half = half_over_modulus(t, x[0]);
  return half - conj(scale(half, square(sign(x[0]))));
}

// d|x| is the part of dx along x: the real part of conj(sign(x)) dx, which the cast to the real
// result takes.
Tensor absolute_part(T t, X x, T) { return scale(t, conj(sign(x[0]))); }
// The imaginary part of dx / x.
Tensor angle_part(T t, X x, T) {
  if (!is_complex(x[0].dtype())) return zeros_like(t);
  const Tensor origin = is_zero(x[0]);
  return scale_over(where(origin, zeros_like(t), times_i(t, -1)), fill_where(origin, 1, x[0]));
}

// Ties share the gradient equally, so that max(x, x) has the derivative of x.
Tensor share(T t, T wins, T ties) { return where(ties, t * 0.5, where(wins, t, zeros_like(t))); }

// d(a**b)/da = b * a**(b - 1), and 0 rather than 0 * inf where a = b = 0.
Tensor power_base(T t, X x, T) {
  if (constant_of(x[1]).value_or(0) != 0) return scale(t, x[1] * power(x[0], x[1] - 1.0));
  const Tensor both = logical_and(is_zero(x[0]), is_zero(x[1]));
  return scale(t, fill_where(both, 0, x[1]) * power(x[0], fill_where(both, 1, x[1] - 1.0)));
}
// d(a**b)/db = a**b * log(a), with 0 * log(0) = 0.
Tensor power_exponent(T t, X x, T y) {
  return scale(t, y * log(fill_where(equal(x[0], scalar(0, x[0].dtype())), 1, x[0])));
}

// One argument of atan2 over the sum of both squares, which may overflow; 0 at the origin and at
// infinity.
Tensor atan2_part(T t, X x, T numerator) {
  const Tensor size = call<Hypot>(x[0], x[1]);
  Tensor still = logical_and(is_zero(x[0]), is_zero(x[1]));
  if (has_infinity(size)) still = logical_or(still, call<IsInf>(size));
  const Tensor whole = fill_where(still, 1, size);
  return scale(t, fill_where(still, 0, numerator) / whole / whole);
}

// One argument of hypot over the result: at infinity, where only that argument is infinite, its
// sign.
Tensor hypot_part(T t, X x, size_t i, T y) {
  const Tensor origin = is_zero(y);
  const Tensor own = fill_where(origin, 0, x[i]), whole = fill_where(origin, 1, y);
  if (!has_infinity(y)) return scale(t, own / whole);
  const Tensor far = call<IsInf>(y), both = logical_and(call<IsInf>(x[0]), call<IsInf>(x[1]));
  const Tensor limit = fill_where(both, std::numeric_limits<double>::quiet_NaN(), sign(x[i]));
  const Tensor at_infinity = where(call<IsInf>(x[i]), limit, scalar(0, y.dtype()));
  return scale(t, where(far, at_infinity, fill_where(far, 0, own) / fill_where(far, 1, whole)));
}

// exp(-x**2), for the error functions.
Tensor gaussian(T x) { return exp(-square(still_at_infinity(x))); }

// d logaddexp / dx1 = sigmoid(x1 - x2), where equal infinities count as equal numbers.
Tensor logaddexp_part(T t, T a, T b) {
  const Tensor difference = a - b;
  return scale(t, call<Sigmoid>(fill_where(isnan(difference), 0, difference)));
}

Tensor logaddexp2_part(T t, T a, T b) {
  const Tensor difference = (a - b) * ln2;
  return scale(t, call<Sigmoid>(fill_where(isnan(difference), 0, difference)));
}

// Where xlogy is 0 but not smooth: all its derivatives are taken as 0.
Tensor absent_in_xlogy(X x) {
  const Tensor zero = scalar(0, x[1].dtype());
  const Tensor singular = is_complex(x[1].dtype()) ? equal(x[1], zero) : less_equal(x[1], zero);
  return logical_and(is_zero(x[0]), singular);
}
Tensor xlogy_part1(T t, X x, T) { return scale(t, log(fill_where(absent_in_xlogy(x), 1, x[1]))); }
Tensor xlogy_part2(T t, X x, T) {
  const Tensor absent = absent_in_xlogy(x);
  return scale(t, fill_where(absent, 0, x[0]) / fill_where(absent, 1, x[1]));
}

template <class Functor>
constexpr ElementwiseRow unary(const char* name, const char* summary, Derivative d = {}) {
  return {name,
          fn_id<Functor>(),
          1,
          contains<Functor, UnaryFloat>,
          std::is_same_v<Functor, Negative> || std::is_same_v<Functor, Sign>,
          {d, {}},
          summary};
}
template <class Functor>
constexpr ElementwiseRow binary(const char* name, const char* summary, Derivative d1 = {},
                                Derivative d2 = {}) {
  return {name,
          fn_id<Functor>(),
          2,
          contains<Functor, decltype(BinaryFloat{} + BinaryParts{})>,
          contains<Functor, List<Subtract, Gcd, Lcm>>,
          {d1, d2},
          summary};
}

constexpr ElementwiseRow kRows[] = {
    // exponentials and logarithms
    unary<Exp>("exp", "e**x.", {[](T t, X, T y) { return scale(t, y); }, kY}),
    unary<Exp2>("exp2", "2**x.", {[](T t, X, T y) { return scale(t, y * ln2); }, kY}),
    unary<Expm1>("expm1", "exp(x) - 1, accurate near 0.",
                 {[](T t, X x, T y) { return scale_expm1(t, x[0], y); }, kX1 | kY}),
    unary<Log>("log", "The natural logarithm. Its derivative at 0 is infinite.",
               {[](T t, X x, T) { return scale_over(t, x[0]); }, kX1}),
    unary<Log2>("log2", "The logarithm to base 2. Its derivative at 0 is infinite.",
                {[](T t, X x, T) { return scale_over(t, x[0] * ln2); }, kX1}),
    unary<Log10>("log10", "The logarithm to base 10. Its derivative at 0 is infinite.",
                 {[](T t, X x, T) { return scale_over(t, x[0] * ln10); }, kX1}),
    unary<Log1p>("log1p", "log(1 + x), accurate near 0. Its derivative at -1 is infinite.",
                 {[](T t, X x, T) { return scale_over(t, x[0] + 1.0); }, kX1}),
    // roots and powers
    unary<Sqrt>("sqrt",
                "The square root. Its derivative at 0 is infinite; those of even functions of it, "
                "as of its even powers, are exact. Roots of two tensors, be these equal, are two: "
                "of sqrt(x * x) * sqrt(x * x) the second derivative at 0 is 0, of "
                "square(sqrt(x * x)) 2.",
                {[](T t, X, T y) { return call<ScaleSqrt>(t, y); }, kY}),
    unary<Rsqrt>("rsqrt", "1 / sqrt(x). Its derivative at 0 is infinite.",
                 {[](T t, X, T y) { return scale(t, square(y) * y * -0.5); }, kY}),
    unary<Cbrt>("cbrt", "The cube root. Its derivative at 0 is infinite.",
                {[](T t, X, T y) { return scale(t, square(reciprocal(y)) * (1.0 / 3.0)); }, kY}),
    unary<Square>("square", "x * x.", {[](T t, X x, T) { return scale_square(t, x[0]); }, kX1}),
    unary<Reciprocal>("reciprocal", "1 / x. Its derivative at 0 is infinite.",
                      {[](T t, X, T y) { return -scale(t, square(y)); }, kY}),
    binary<Power>("power",
                  "x1**x2. Derivatives at 0**x2 are limits where those exist: 0 for x2 = 0, and 0 "
                  "with respect to x2.",
                  {power_base, kBoth}, {power_exponent, kX1 | kY}),
    // trigonometric and hyperbolic
    unary<Sin>("sin", "The sine of x radians.",
               {[](T t, X x, T) { return scale(t, call<Cos>(x[0])); }, kX1}),
    unary<Cos>("cos", "The cosine of x radians.",
               {[](T t, X x, T) { return -scale(t, call<Sin>(x[0])); }, kX1}),
    unary<Tan>("tan", "The tangent of x radians.",
               {[](T t, X, T y) { return scale(t, square(y) + 1.0); }, kY}),
    unary<Asin>("asin", "The inverse sine, in radians. Its derivative at -1 and 1 is infinite.",
                {[](T t, X x, T) { return scale(t, inverse_root(x[0])); }, kX1}),
    unary<Acos>(
        "acos",
        "The inverse cosine, in radians. Its derivative at -1 and 1 is infinite; those of its "
        "square, and of other even functions of it, are exact at 1.",
        {[](T t, X x, T) { return -scale(t, inverse_root(x[0])); }, kX1}),
    unary<Atan>("atan", "The inverse tangent, in radians.", {atan_part, kX1}),
    unary<Sinh>("sinh", "The hyperbolic sine.",
                {[](T t, X x, T) { return scale(t, call<Cosh>(x[0])); }, kX1}),
    unary<Cosh>("cosh", "The hyperbolic cosine.",
                {[](T t, X x, T) { return scale(t, call<Sinh>(x[0])); }, kX1}),
    unary<Tanh>("tanh", "The hyperbolic tangent.",
                {[](T t, X x, T y) { return scale_tanh(t, x[0], y); }, kX1 | kY}),
    unary<Asinh>("asinh", "The inverse hyperbolic sine.",
                 {[](T t, X x, T) { return scale(t, inverse_sine_root(x[0])); }, kX1}),
    unary<Acosh>("acosh",
                 "The inverse hyperbolic cosine. Its derivative at 1 is infinite, and nan below; "
                 "those of its square, and of other even functions of it, are exact at 1.",
                 {[](T t, X x, T) { return scale(t, inverse_hyperbolic_root(x[0])); }, kX1}),
    unary<Atanh>("atanh", "The inverse hyperbolic tangent. Its derivative at -1 and 1 is infinite.",
                 {atanh_part, kX1}),
    binary<Atan2>(
        "atan2",
        "The angle of the point (x2, x1), in radians. The derivatives at (0, 0) are taken as 0.",
        {[](T t, X x, T) { return atan2_part(t, x, x[1]); }, kBoth},
        {[](T t, X x, T) { return -atan2_part(t, x, x[0]); }, kBoth}),
    binary<Hypot>(
        "hypot",
        "sqrt(x1**2 + x2**2). The derivative at (0, 0) is taken as 0; those of its square and "
        "of other even functions of it are exact.",
        {[](T t, X x, T y) { return hypot_part(t, x, 0, y); }, kBoth | kY},
        {[](T t, X x, T y) { return hypot_part(t, x, 1, y); }, kBoth | kY}),
    // special functions
    unary<Erf>(
        "erf",
        "The error function. Of complex x by the modified trapezoidal rule of Al Azah and "
        "Chandler-Wilde (SIAM J. Numer. Anal. 59, 2021).",
        {[](T t, X x, T) { return scale(t, gaussian(x[0]) * (2 * std::numbers::inv_sqrtpi)); },
         kX1}),
    unary<Faddeeva>("_wofz", "exp(-z**2) erfc(-i z), of complex z.",
                    {[](T t, X x, T) { return scale(t, wofz_derivative(1, x[0])); }, kX1}),
    unary<Erfc>("erfc", "1 - erf(x), accurate for large x.",
                {[](T t, X x, T) {
                   return scale(t, gaussian(x[0]) * (-2 * std::numbers::inv_sqrtpi));
                 },
                 kX1}),
    unary<Sigmoid>("sigmoid", "1 / (1 + exp(-x)), without overflow.",
                   {[](T t, X x, T y) { return scale_sigmoid(t, x[0], y); }, kX1 | kY}),
    unary<Softplus>("softplus",
                    "log(1 + exp(x)), without overflow; of complex x the principal logarithm.",
                    {[](T t, X x, T) { return scale(t, call<Sigmoid>(x[0])); }, kX1}),
    unary<Relu>("relu", "max(x, 0). The derivative at 0 is 0.",
                {[](T t, X, T y) {
                   return where(greater(y, scalar(0, y.dtype())), t, zeros_like(t));
                 },
                 kY}),
    binary<LogAddExp>("logaddexp",
                      "log(exp(x1) + exp(x2)), without overflow; of complex numbers the principal "
                      "logarithm.",
                      {[](T t, X x, T) { return logaddexp_part(t, x[0], x[1]); }, kBoth},
                      {[](T t, X x, T) { return logaddexp_part(t, x[1], x[0]); }, kBoth}),
    binary<LogAddExp2>("logaddexp2",
                       "log2(2**x1 + 2**x2), without overflow; of complex numbers the principal "
                       "logarithm.",
                       {[](T t, X x, T) { return logaddexp2_part(t, x[0], x[1]); }, kBoth},
                       {[](T t, X x, T) { return logaddexp2_part(t, x[1], x[0]); }, kBoth}),
    binary<Scale>("_scale", "t * p, and 0 wherever t is 0, or p is and t is not nan.",
                  {[](T g, X x, T) { return scale(g, x[1]); }, kX2},
                  {[](T g, X x, T) { return scale_both(x[0], g); }, kX1}),
    binary<ScaleBoth>("_scale_both", "a * b, and 0 wherever either is 0.",
                      {[](T g, X x, T) { return scale_both(g, x[1]); }, kX2},
                      {[](T g, X x, T) { return scale_both(x[0], g); }, kX1}),
    binary<ScaleOver>(
        "_scale_over", "t / p, and 0 wherever t is 0.",
        {[](T g, X x, T) { return scale_over(g, x[1]); }, kX2},
        {[](T g, X x, T y) { return -scale_over(scale_both(y, g), x[1]); }, kX2 | kY}),
    binary<ScaleTanh>("_scale_tanh", "t * (1 - y**2), and 0 wherever t is 0.",
                      {[](T g, X x, T) { return call<ScaleTanh>(g, x[1]); }, kX2},
                      {[](T g, X x, T) { return scale(scale_both(x[0], g), x[1] * -2.0); }, kBoth}),
    binary<ScaleSigmoid>(
        "_scale_sigmoid", "t * y * (1 - y), and 0 wherever t is 0.",
        {[](T g, X x, T) { return call<ScaleSigmoid>(g, x[1]); }, kX2},
        {[](T g, X x, T) { return scale(scale_both(x[0], g), 1.0 - x[1] * 2.0); }, kBoth}),
    binary<ScaleSqrt>(
        "_scale_sqrt", "t / (2 * y), and 0 wherever t is 0.",
        {[](T g, X x, T) { return call<ScaleSqrt>(g, x[1]); }, kX2},
        {[](T g, X x, T y) { return -scale_over(scale_both(y, g), x[1]); }, kX2 | kY}),
    binary<ScaleSquare>("_scale_square", "t * 2 * x, and 0 wherever t is 0.",
                        {[](T g, X x, T) { return scale_square(g, x[1]); }, kX2},
                        {[](T g, X x, T) { return scale_both(x[0], g * 2.0); }, kX1}),
    binary<Xlogy>("xlogy",
                  "x1 * log(x2), and 0 where x1 = 0. Derivatives at (0, 0) are taken as 0.",
                  {xlogy_part1, kBoth}, {xlogy_part2, kBoth}),
    // arithmetic
    binary<Add>("add", "x1 + x2; or for bool.", {keep}, {keep}),
    binary<Subtract>("subtract", "x1 - x2.", {keep}, {[](T t, X, T) { return -t; }}),
    binary<Multiply>("multiply", "x1 * x2; and for bool.",
                     {[](T t, X x, T) { return scale(t, x[1]); }, kX2},
                     {[](T t, X x, T) { return scale(t, x[0]); }, kX1}),
    binary<Divide>("divide", "x1 / x2, in floating point.",
                   {[](T t, X x, T) { return scale_over(t, x[1]); }, kX2},
                   {[](T t, X x, T y) { return -scale_over(scale(t, y), x[1]); }, kX2 | kY}),
    binary<FloorDivide>("floor_divide",
                        "The floor of x1 / x2. Its derivative is 0. Integer division by 0 gives 0.",
                        {flat}, {flat}),
    binary<Remainder>(
        "remainder",
        "x1 - x2 * floor(x1 / x2), with the sign of x2. Where it jumps, at the multiples of x2, "
        "derivatives are those from the side of larger x1 / x2.",
        {keep}, {[](T t, X x, T) { return -scale(t, call<FloorDivide>(x[0], x[1])); }, kBoth}),
    binary<Fmod>("fmod",
                 "x1 - x2 * trunc(x1 / x2), with the sign of x1. Where it jumps, at the multiples "
                 "of x2, derivatives "
                 "are those from the side of larger |x1 / x2|.",
                 {keep}, {[](T t, X x, T) { return -scale(t, call<Trunc>(x[0] / x[1])); }, kBoth}),
    unary<Negative>("negative", "-x.", {[](T t, X, T) { return -t; }}),
    unary<Absolute>("absolute", "|x|, real also for complex x. The derivative at 0 is 0.",
                    {absolute_part, kX1}),
    unary<Sign>("sign",
                "-1, 0 or 1; nan for nan. Its derivative is 0. For complex x it is x / |x|, and 0 "
                "at 0, where its derivative is taken as 0, too.",
                {sign_moved, kX1, sign_transposed}),
    unary<Angle>("angle",
                 "The angle of x in the complex plane, in radians; of real x 0 or pi, with "
                 "derivative 0. At 0 the derivative is taken as 0.",
                 {angle_part, kX1}),
    // the cast to the dtype of the result, or of the input, takes the real part
    unary<Real>("real", "The real part.", {keep}),
    unary<Imag>("imag", "The imaginary part.", {[](T t, X, T) { return times_i(t, -1); }}),
    unary<Conj>("conj", "The complex conjugate.", {[](T t, X, T) { return conj(t); }}),
    binary<MakeComplex>("complex", "x1 + i x2.", {keep}, {[](T t, X, T) { return times_i(t, 1); }}),
    binary<CopySign>(
        "copysign", "|x1| with the sign of x2. The derivative at x1 = 0 is 0.",
        {[](T t, X x, T) { return scale(t, sign(x[0]) * call<CopySign>(ones_like(x[1]), x[1])); },
         kBoth},
        {flat}),
    binary<Maximum>(
        "maximum", "The larger of x1 and x2; nan if either is. Ties share the derivative equally.",
        {[](T t, X x, T) { return share(t, greater(x[0], x[1]), equal(x[0], x[1])); }, kBoth},
        {[](T t, X x, T) { return share(t, greater(x[1], x[0]), equal(x[0], x[1])); }, kBoth}),
    binary<Minimum>(
        "minimum", "The smaller of x1 and x2; nan if either is. Ties share the derivative equally.",
        {[](T t, X x, T) { return share(t, less(x[0], x[1]), equal(x[0], x[1])); }, kBoth},
        {[](T t, X x, T) { return share(t, less(x[1], x[0]), equal(x[0], x[1])); }, kBoth}),
    binary<Heaviside>(
        "heaviside",
        "0 for negative x1, 1 for positive, x2 for zero. The derivative with respect to x1 is 0.",
        {flat},
        {[](T t, X x, T) { return where(equal(x[0], scalar(0, x[0].dtype())), t, zeros_like(t)); },
         kX1}),
    binary<NextAfter>("nextafter",
                      "The number next to x1 in the direction of x2. Its derivatives are those of "
                      "x1.",
                      {keep}, {flat}),
    binary<Ldexp>("_ldexp", "x1 * 2**x2.", {[](T t, X x, T) { return call<Ldexp>(t, x[1]); }, kX2},
                  {flat}),
    unary<Exponent>("_exponent", "The power of two above |x|.", {flat}),
    // rounding: piecewise constant, derivative 0
    unary<Floor>("floor", "The largest integer not above x. Its derivative is 0.", {flat}),
    unary<Ceil>("ceil", "The smallest integer not below x. Its derivative is 0.", {flat}),
    unary<Trunc>("trunc", "x without its fraction. Its derivative is 0.", {flat}),
    unary<Round>(
        "round",
        "The nearest integer, halves to even; of complex x for each part. Its derivative is 0.",
        {flat}),
    // comparison and logic: bool results have no derivative
    binary<Equal>("equal", "x1 == x2."),
    binary<NotEqual>("not_equal", "x1 != x2."),
    binary<Less>("less", "x1 < x2."),
    binary<LessEqual>("less_equal", "x1 <= x2."),
    binary<Greater>("greater", "x1 > x2."),
    binary<GreaterEqual>("greater_equal", "x1 >= x2."),
    binary<LogicalAnd>("logical_and", "Whether both are non-zero."),
    binary<LogicalOr>("logical_or", "Whether either is non-zero."),
    binary<LogicalXor>("logical_xor", "Whether exactly one is non-zero."),
    unary<LogicalNot>("logical_not", "Whether x is zero."),
    unary<IsNan>("isnan", "Whether x is nan."),
    unary<IsInf>("isinf", "Whether x is infinite."),
    unary<IsFinite>("isfinite", "Whether x is neither infinite nor nan."),
    unary<SignBit>("signbit", "Whether the sign bit of x is set; true for -0.0."),
    // bits
    unary<Invert>("bitwise_invert", "Every bit flipped; not for bool."),
    unary<BitCount>("_bit_count", "The number of bits set in |x|."),
    binary<BitwiseAnd>("bitwise_and", "The bits set in both."),
    binary<BitwiseOr>("bitwise_or", "The bits set in either."),
    binary<BitwiseXor>("bitwise_xor", "The bits set in exactly one."),
    binary<LeftShift>("bitwise_left_shift", "x1 * 2**x2, bit by bit."),
    binary<RightShift>("bitwise_right_shift", "x1 / 2**x2 rounded down, bit by bit."),
    binary<Gcd>("gcd", "The greatest common divisor of |x1| and |x2|."),
    binary<Lcm>("lcm", "The least common multiple of |x1| and |x2|."),
};

template <size_t I>
Tensor call_unary(const Tensor& x) {
  return apply_row(kRows[I].fn, Borrowed<1>(x));
}
template <size_t I>
Tensor call_binary(const Tensor& x1, const Tensor& x2) {
  return apply_row(kRows[I].fn, Borrowed<2>(x1, x2));
}

// The ops that are more than their primitive (ops/elementwise_calls.cpp).
using UnaryOp = Tensor (*)(const Tensor&);
UnaryOp public_unary(FnId fn, UnaryOp plain) {
  static constexpr std::pair<FnId, UnaryOp> kOps[] = {
      {fn_id<Square>(), &square},
      {fn_id<Sqrt>(), &sqrt},
      {fn_id<Absolute>(), &absolute},
      {fn_id<Cosh>(), &cosh},
      {fn_id<Exp>(), &exp},
      {fn_id<Log1p>(), &log1p},
      {fn_id<Log>(), &log},
      {fn_id<Acos>(), &acos},
      {fn_id<Acosh>(), &acosh},
      {fn_id<Cbrt>(), &cbrt},
      {fn_id<Reciprocal>(), &reciprocal},
      {fn_id<Sigmoid>(), &sigmoid},
  };
  for (const auto& [own, op] : kOps)
    if (own == fn) return op;
  return plain;
}
using BinaryOp = Tensor (*)(const Tensor&, const Tensor&);
BinaryOp public_binary(FnId fn, BinaryOp plain) {
  static constexpr std::pair<FnId, BinaryOp> kOps[] = {{fn_id<Power>(), &power},
                                                       {fn_id<Multiply>(), &multiply},
                                                       {fn_id<Divide>(), &divide},
                                                       {fn_id<Hypot>(), &hypot}};
  for (const auto& [own, op] : kOps)
    if (own == fn) return op;
  return plain;
}

std::string document(const ElementwiseRow& row) {
  const bool one = row.arity == 1;
  return pyautograd::concat(
      row.summary, "\n\nElement by element", one ? "" : ", with broadcasting",
      row.floating ? "; integers and bools are computed in float64" : "",
      is_bool(result_dtype(row.fn, DType::Float64)) ? "; the result is bool and has no derivative"
                                                    : "",
      ".\n\n:param ",
      one ? "x: tensor of any shape"
          : "x1: tensor of any shape\n:param x2: tensor that broadcasts with x1",
      "\n:returns: tensor of ", one ? "x's shape" : "the broadcast shape",
      "\n:raises TypeError: if the dtype has no such operation",
      one ? "" : "\n:raises ValueError: if the shapes do not broadcast");
}

// What has a row for its derivative, but is more than the row: ops/complex.cpp.
constexpr bool is_part(FnId fn) {
  return fn == fn_id<Conj>() || fn == fn_id<Real>() || fn == fn_id<Imag>() ||
         fn == fn_id<MakeComplex>();
}

template <size_t I>
void register_row(Registry& registry) {
  constexpr const ElementwiseRow& row = kRows[I];
  if constexpr (row.name[0] == '_' || is_part(row.fn)) {
    return;  // a name with _ is a part of derivative formulas, not an op for users
  } else if constexpr (row.arity == 1) {
    registry.add(row.name, public_unary(row.fn, &call_unary<I>), "x, /", document(row));
  } else {
    registry.add(row.name, public_binary(row.fn, &call_binary<I>), "x1, x2, /", document(row));
  }
}

}  // namespace

std::span<const ElementwiseRow> elementwise_rows() { return kRows; }

Tensor apply_op(FnId fn, TensorSpan x) {
  if (x.size() == 1)
    if (const UnaryOp op = public_unary(fn, nullptr)) return op(x[0]);
  if (x.size() == 2)
    if (const BinaryOp op = public_binary(fn, nullptr)) return op(x[0], x[1]);
  return apply_row(fn, x);
}

}  // namespace pyautograd::ops

namespace pyautograd {

void register_elementwise(Registry& registry) {
  [&]<size_t... I>(std::index_sequence<I...>) {
    (ops::register_row<I>(registry), ...);
  }(std::make_index_sequence<std::size(ops::kRows)>());
}

}  // namespace pyautograd
