// The elementwise functions that rules call by name, with what some remember of their arguments.

#include <limits>

#include "autograd/capture.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/origin.h"

namespace pyautograd::ops {

std::optional<double> constant_of(const Tensor& x) {
  if (!x.is_array() || x.tracked() || x.ndim() != 0 || x.device() != Device()) return {};
  if (Capture::unknown(x.array())) return {};
  if (is_half(x.dtype())) return constant_of(astype(x, DType::Float64));
  return visit_dtype(x.dtype(), [&]<class T>(TypeTag<T>) -> std::optional<double> {
    const T value = *x.array().data<T>();
    if constexpr (is_complex_type<T>) {
      if (value.imag() == 0) return value.real();
    } else if constexpr (is_inexact(dtype_of<T>) || std::is_same_v<T, int64_t>) {
      return static_cast<double>(value);
    }
    return {};
  });
}

Tensor power(const Tensor& x1, const Tensor& x2) {
  // The derivative computes x2 - 1, which uint8 does not hold.
  if (is_inexact(x1.dtype()) && !is_inexact(x2.dtype()))
    return power(x1, cast(x2, promote(x1.dtype(), x2.dtype())));
  const std::optional<double> exponent = constant_of(x2);
  if (!exponent || x1.dtype() != promote(x1.dtype(), x2.dtype()))
    return call<kernels::Power>(x1, x2);
  // The most common power: a product is both faster and simpler to differentiate.
  if (*exponent == 2) return square(x1);
  if (x1.body()->origin) {
    if (auto through = power_of_root(x1, *exponent)) return *through;
  }
  Tensor y = call<kernels::Power>(x1, x2);
  if (*exponent == 0.5) remember_root(y, 0.5, x1);
  return y;
}

Tensor multiply(const Tensor& x1, const Tensor& x2) {
  if (x1.body()->origin && x2.body()->origin) {
    if (x1.body() == x2.body()) return square(x1);
    if (auto through = product_of_roots(x1, x2)) return *through;
  }
  return call<kernels::Multiply>(x1, x2);
}
Tensor square(const Tensor& x) {
  if (x.body()->origin) {
    if (auto through = power_of_root(x, 2)) return *through;
  }
  return call<kernels::Square>(x);
}
Tensor sqrt(const Tensor& x) {
  Tensor y = call<kernels::Sqrt>(x);
  remember_root(y, 0.5, x);
  return y;
}
Tensor absolute(const Tensor& x) {
  Tensor y = call<kernels::Absolute>(x);
  if (is_complex(x.dtype()))
    remember_square_root_of(
        y, [&] { return square(real(x)) + square(imag(x)); },
        [&] { return RootSource{"absolute", {x}}; });
  else
    remember_root(y, 1, x, RootOf::Size);
  return y;
}
Tensor cbrt(const Tensor& x) {
  Tensor y = call<kernels::Cbrt>(x);
  remember_root(y, 1. / 3, x, RootOf::Signed);
  return y;
}
Tensor acos(const Tensor& x) {
  Tensor y = call<kernels::Acos>(x);
  remember_inverse_cosine(y, x, kernels::fn_id<kernels::Asin>());
  return y;
}
Tensor acosh(const Tensor& x) {
  Tensor y = call<kernels::Acosh>(x);
  remember_inverse_cosine(y, x, kernels::fn_id<kernels::Asinh>());
  return y;
}
Tensor hypot(const Tensor& x1, const Tensor& x2) {
  Tensor y = call<kernels::Hypot>(x1, x2);
  remember_square_root_of(
      y, [&] { return square(x1) + square(x2); }, [&] { return RootSource{"hypot", {x1, x2}}; });
  return y;
}
Tensor exp(const Tensor& x) {
  Tensor y = call<kernels::Exp>(x);
  if (is_floating(x.dtype())) remember_exponential(y, x);
  return y;
}
Tensor cosh(const Tensor& x) {
  Tensor y = call<kernels::Cosh>(x);
  if (is_floating(x.dtype())) remember_cosh(y, x);
  return y;
}
Tensor still_at_infinity(const Tensor& x) {
  if (!is_floating(x.dtype()) || !has_infinity(x)) return x;
  const Tensor infinity = scalar(std::numeric_limits<double>::infinity(), x.dtype());
  return where(call<kernels::IsInf>(x), infinity, x);
}
Tensor sigmoid(const Tensor& x) {
  Tensor y = call<kernels::Sigmoid>(x);
  if (is_floating(x.dtype())) remember_sigmoid(y, x);
  return y;
}
Tensor log1p(const Tensor& x) {
  if (x.body()->origin) {
    if (auto through = log1p_of_exponential(x)) return *through;
  }
  return call<kernels::Log1p>(x);
}

Tensor add(const Tensor& x1, const Tensor& x2) { return call<kernels::Add>(x1, x2); }
Tensor subtract(const Tensor& x1, const Tensor& x2) { return call<kernels::Subtract>(x1, x2); }
Tensor divide(const Tensor& x1, const Tensor& x2) {
  if (x2.body()->origin) {
    if (auto through = quotient_by_exponential(x1, x2)) return *through;
  }
  return call<kernels::Divide>(x1, x2);
}
Tensor maximum(const Tensor& x1, const Tensor& x2) { return call<kernels::Maximum>(x1, x2); }
Tensor minimum(const Tensor& x1, const Tensor& x2) { return call<kernels::Minimum>(x1, x2); }
Tensor negative(const Tensor& x) { return call<kernels::Negative>(x); }
Tensor reciprocal(const Tensor& x) {
  if (x.body()->origin) {
    if (auto through = quotient_by_exponential(scalar(1, x.dtype()), x)) return *through;
  }
  return call<kernels::Reciprocal>(x);
}
Tensor log(const Tensor& x) {
  if (x.body()->origin) {
    if (auto through = log_of_exponential(x)) return *through;
  }
  return call<kernels::Log>(x);
}
Tensor sign(const Tensor& x) { return call<kernels::Sign>(x); }
Tensor isnan(const Tensor& x) { return call<kernels::IsNan>(x); }
Tensor equal(const Tensor& x1, const Tensor& x2) { return call<kernels::Equal>(x1, x2); }
Tensor not_equal(const Tensor& x1, const Tensor& x2) { return call<kernels::NotEqual>(x1, x2); }
Tensor less(const Tensor& x1, const Tensor& x2) { return call<kernels::Less>(x1, x2); }
Tensor less_equal(const Tensor& x1, const Tensor& x2) { return call<kernels::LessEqual>(x1, x2); }
Tensor greater(const Tensor& x1, const Tensor& x2) { return call<kernels::Greater>(x1, x2); }
Tensor greater_equal(const Tensor& x1, const Tensor& x2) {
  return call<kernels::GreaterEqual>(x1, x2);
}
Tensor logical_and(const Tensor& x1, const Tensor& x2) { return call<kernels::LogicalAnd>(x1, x2); }
Tensor logical_or(const Tensor& x1, const Tensor& x2) { return call<kernels::LogicalOr>(x1, x2); }
Tensor logical_not(const Tensor& x) { return call<kernels::LogicalNot>(x); }

}  // namespace pyautograd::ops
