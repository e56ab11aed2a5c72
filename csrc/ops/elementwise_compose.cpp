// Elementwise ops that are compositions of rows of the table, and have their derivatives from them.

#include <limits>
#include <numbers>

#include "autograd/capture.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace pyautograd {

namespace ops {

namespace {

using namespace kernels;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kDegree = std::numbers::pi / 180;

Tensor floating(const Tensor& x) { return cast(x, to_floating(x.dtype())); }
// In floating point, for ops without a meaning for complex numbers.
Tensor real(std::string_view op, const Tensor& x) {
  require_real(op, x);
  return floating(x);
}
Tensor infinity_like(const Tensor& x) { return scalar(kInfinity, x.dtype()); }

Tensor positive(const Tensor& x) {
  if (is_bool(x.dtype())) type_error("[positive] is not defined for dtype bool");
  return copy(x);
}
Tensor rint(const Tensor& x) { return call<Round>(real("rint", x)); }
Tensor fabs(const Tensor& x) { return absolute(real("fabs", x)); }
Tensor deg2rad(const Tensor& x) { return real("deg2rad", x) * kDegree; }
Tensor rad2deg(const Tensor& x) { return real("rad2deg", x) * (1 / kDegree); }

Tensor isposinf(const Tensor& x) {
  require_real("isposinf", x);
  return equal(x, scalar(kInfinity, to_floating(x.dtype())));
}
Tensor isneginf(const Tensor& x) {
  require_real("isneginf", x);
  return equal(x, scalar(-kInfinity, to_floating(x.dtype())));
}

// nan loses against a number.
Tensor without_nan(std::string_view op, const Tensor& x1, const Tensor& x2,
                   Tensor (*choose)(const Tensor&, const Tensor&)) {
  require_real(op, x1);
  require_real(op, x2);
  return where(isnan(x1), x2, where(isnan(x2), x1, choose(x1, x2)));
}
Tensor fmax(const Tensor& x1, const Tensor& x2) { return without_nan("fmax", x1, x2, &maximum); }
Tensor fmin(const Tensor& x1, const Tensor& x2) { return without_nan("fmin", x1, x2, &minimum); }

Tensor float_power(const Tensor& x1, const Tensor& x2) {
  const bool in_plane = is_complex(x1.dtype()) || is_complex(x2.dtype());
  const DType wide = in_plane ? DType::Complex128 : DType::Float64;
  return power(cast(x1, wide), cast(x2, wide));
}

Tensors divmod(const Tensor& x1, const Tensor& x2) {
  require_real("divmod", x1);
  require_real("divmod", x2);
  return {call<FloorDivide>(x1, x2), call<Remainder>(x1, x2)};
}

Tensors modf(const Tensor& x) {
  const Tensor wide = real("modf", x), one = scalar(1, wide.dtype());
  const Tensor zero = call<CopySign>(scalar(0, wide.dtype()), wide);
  return {where(call<IsInf>(wide), zero, call<Fmod>(wide, one)), call<Trunc>(wide)};
}

Tensor ldexp(const Tensor& x, const Tensor& exponent) {
  if (is_inexact(exponent.dtype()))
    type_error("[ldexp] the exponent must be an integer, got dtype ", name_of(exponent.dtype()));
  const Tensor wide = real("ldexp", x);
  return call<Ldexp>(wide, cast(exponent, wide.dtype()));
}

Tensors frexp(const Tensor& x) {
  const Tensor wide = real("frexp", x), exponent = call<Exponent>(wide);
  return {call<Ldexp>(wide, -exponent), cast(exponent, DType::Int32)};
}

Tensor spacing(const Tensor& x) {
  const Tensor wide = real("spacing", x);
  const Tensor away = call<NextAfter>(wide, call<CopySign>(infinity_like(wide), wide));
  return where(call<IsInf>(wide), scalar(std::numeric_limits<double>::quiet_NaN(), wide.dtype()),
               away - wide);
}

Tensor largest(DType dtype) {
  const double number = dtype == DType::Float16    ? 0x1.ffcp15
                        : dtype == DType::BFloat16 ? 0x1.fep127
                        : dtype == DType::Float32  ? std::numeric_limits<float>::max()
                                                   : std::numeric_limits<double>::max();
  return scalar(number, dtype);
}

Tensor nan_to_num(const Tensor& x, double nan, const std::optional<Tensor>& posinf,
                  const std::optional<Tensor>& neginf) {
  if (is_complex(x.dtype())) {
    return make_complex(nan_to_num(ops::real(x), nan, posinf, neginf),
                        nan_to_num(imag(x), nan, posinf, neginf));
  }
  if (!is_inexact(x.dtype())) return copy(x);
  const Tensor top = posinf ? cast(*posinf, x.dtype()) : largest(x.dtype());
  const Tensor bottom = neginf ? cast(*neginf, x.dtype()) : -largest(x.dtype());
  const bool plain =
      x.is_array() && is_on_host(x) && !x.tracked() && top.ndim() == 0 && bottom.ndim() == 0;
  if (plain && !Capture::unknown(x.array()) && !kernels::any_nan(x.array().view()) &&
      !kernels::any_infinite(x.array().view()))
    return copy(x);
  const Tensor numbers = where(isnan(x), scalar(nan, x.dtype()), x);
  return where(isposinf(x), top, where(isneginf(x), bottom, numbers));
}

Tensor bitwise_count(const Tensor& x) {
  if (is_inexact(x.dtype()))
    type_error("[bitwise_count] is not defined for dtype ", name_of(x.dtype()));
  return cast(call<BitCount>(x), DType::UInt8);
}

std::string one(std::string_view summary) {
  return pyautograd::concat(summary, "\n\n:param x: tensor of any shape");
}
std::string two(std::string_view summary) {
  return pyautograd::concat(summary,
                            "\n\n:param x1: tensor\n:param x2: tensor that broadcasts with x1\n"
                            ":raises ValueError: if the shapes do not broadcast");
}

}  // namespace

}  // namespace ops

void register_elementwise_compositions(Registry& registry) {
  registry.add("positive", &ops::positive, "x, /", ops::one("A copy of x; not for bool."));
  registry.add(
      "rint", &ops::rint, "x, /",
      ops::one("The nearest integer in floating point, halves to even. Its derivative is 0."));
  registry.add("fabs", &ops::fabs, "x, /",
               ops::one("|x| in floating point. The derivative at 0 is 0."));
  registry.add("deg2rad", &ops::deg2rad, "x, /", ops::one("Degrees as radians: x * pi / 180."));
  registry.add("rad2deg", &ops::rad2deg, "x, /", ops::one("Radians as degrees: x * 180 / pi."));
  registry.add("isposinf", &ops::isposinf, "x, /", ops::one("Whether x is positive infinity."));
  registry.add("isneginf", &ops::isneginf, "x, /", ops::one("Whether x is negative infinity."));
  registry.add(
      "fmax", &ops::fmax, "x1, x2, /",
      ops::two("The larger of x1 and x2, or the one that is a number if the other is nan. Ties "
               "share the derivative equally."));
  registry.add(
      "fmin", &ops::fmin, "x1, x2, /",
      ops::two("The smaller of x1 and x2, or the one that is a number if the other is nan. "
               "Ties share the derivative equally."));
  registry.add("float_power", &ops::float_power, "x1, x2, /",
               ops::two("x1**x2 in float64, or in complex128."));
  registry.add("divmod", &ops::divmod, "x1, x2, /",
               ops::two("The quotient floor_divide(x1, x2) and what remains, remainder(x1, x2)."));
  registry.add(
      "modf", &ops::modf, "x, /",
      ops::one("The fraction of x and x without it, both with the sign of x. The derivative of "
               "the fraction is 1, of the whole 0."));
  registry.add("ldexp", &ops::ldexp, "x, exponent, /",
               "x * 2**exponent, without overflow on the way.\n\n:param x: tensor\n"
               ":param exponent: integers that broadcast with x\n"
               ":raises ValueError: if the shapes do not broadcast");
  registry.add(
      "frexp", &ops::frexp, "x, /",
      ops::one("m and int32 n with x = m * 2**n and 0.5 <= |m| < 1. The derivative of m is "
               "2**-n."));
  registry.add(
      "spacing", &ops::spacing, "x, /",
      ops::one("The distance from x to the next number away from zero, with the sign of x. Its "
               "derivative is 0."));
  registry.add("nan_to_num", &ops::nan_to_num, "x, /, *, nan=0.0, posinf=None, neginf=None",
               "x with nan replaced by a number and infinities by the largest ones, or by those "
               "given. The derivative is 0 where something was replaced.\n\n"
               ":param x: tensor of any shape\n:param nan: float in the place of nan\n"
               ":param posinf: tensor or number in the place of inf\n"
               ":param neginf: tensor or number in the place of -inf");
  registry.add("bitwise_count", &ops::bitwise_count, "x, /",
               ops::one("The number of bits set in |x|, as uint8."));
}

}  // namespace pyautograd
