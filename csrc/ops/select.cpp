// where, clip, and the named elementwise functions that rules call.

#include <limits>

#include "kernels/fused.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/origin.h"
#include "ops/series.h"

namespace pyautograd {

namespace ops {

namespace {

class Where final : public Primitive {
 public:
  std::string_view name() const override { return "where"; }
  bool takes_halves(TensorSpan) const override { return true; }
  // On both branches: elsewhere the condition may decide otherwise.
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 0) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }

  Specs infer(TensorSpan x) const override {
    Specs specs;
    Spec& out = specs.emplace_back();
    out.shape = broadcast_shapes(name(), x[0].shape(),
                                 broadcast_shapes(name(), x[1].shape(), x[2].shape()));
    out.dtype = promote(x[1].dtype(), x[2].dtype());
    out.device = x[0].device();
    return specs;
  }

  Tensors eval(TensorSpan x, const Specs& specs) const override {
    const Dims& shape = specs[0].shape;
    Ref<Array> out = Array::empty(shape, specs[0].dtype, specs[0].device);
    const Tensor condition = broadcast_to(astype(x[0], DType::Bool), shape);
    const Tensor a = broadcast_to(astype(x[1], specs[0].dtype), shape);
    const Tensor b = broadcast_to(astype(x[2], specs[0].dtype), shape);
    kernels::where(out->device_view(), condition.device_view(), a.device_view(), b.device_view());
    return Tensors::of(Tensor(std::move(out)));
  }

  bool find_loop(TensorSpan x, kernels::ElementLoop& loop) const override {
    loop.where = kernels::where_loop(itemsize(x[1].dtype()));
    return is_bool(x[0].dtype()) && x[1].dtype() == x[2].dtype();
  }

  Saves saves() const override { return {.inputs = 1, .outputs = 0, .specs = false}; }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& t = args.cotangents[0];
    const Tensor zero = scalar(0, t.dtype());
    Tensors out(3);
    if (args.wants[1]) out[1] = where(args.inputs[0], t, zero);
    if (args.wants[2]) out[2] = where(args.inputs[0], zero, t);
    return out;
  }

  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    if (!t[1] && !t[2]) return {Tensor()};
    const Tensor zero = scalar(0, (t[1] ? t[1] : t[2]).dtype());
    return {where(x[0], t[1] ? t[1] : zero, t[2] ? t[2] : zero)};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return linear_series(*this, args);
  }

  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return batch_broadcasting(*this, values, dims);
  }
};

// Beyond a bound; a bound that is nan takes every element, as in NumPy.
Tensor outside(const Tensor& beyond, const Tensor& bound) {
  if (!is_floating(bound.dtype())) return beyond;
  const std::optional<double> value = constant_of(bound);
  return value && *value == *value ? beyond : logical_or(beyond, isnan(bound));
}

bool plain(const Tensor& x) { return x.is_array() && !x.tracked() && !x.body()->origin; }

Tensor clip(const Tensor& x, const std::optional<Tensor>& min, const std::optional<Tensor>& max) {
  require_real("clip", x);
  if (plain(x) && (!min || plain(*min)) && (!max || plain(*max))) {
    Tensor out = x;  // of equals, the extrema take the second as well
    if (min) out = maximum(*min, out);
    if (max) out = minimum(*max, out);
    return out;
  }
  Tensor out = x;
  if (min) out = where(outside(less(out, *min), *min), *min, out);
  if (max) out = where(outside(greater(out, *max), *max), *max, out);
  return out;
}

}  // namespace

std::optional<double> constant_of(const Tensor& x) {
  if (!x.is_array() || x.tracked() || x.ndim() != 0 || x.device() != Device()) return {};
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

Tensor where(const Tensor& condition, const Tensor& x1, const Tensor& x2) {
  static const Ref<const Primitive>* primitive = new Ref<const Primitive>(make_ref<Where>());
  return apply1(*primitive, Borrowed<3>(condition, x1, x2));
}

Tensor power(const Tensor& x1, const Tensor& x2) {
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
  if (!is_complex(x.dtype())) remember_exponential(y, x);
  return y;
}
Tensor still_at_infinity(const Tensor& x) {
  if (!is_floating(x.dtype()) || !kernels::any_infinite(innermost_array(x).device_view())) return x;
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

}  // namespace ops

void register_elementwise(Registry& registry) {
  ops::register_elementwise_rows(registry);
  ops::register_complex(registry);
  ops::register_elementwise_compositions(registry);
  registry.add(
      "where", &ops::where, "condition, x1, x2, /",
      "x1 where condition holds, else x2, with broadcasting. The branch that is not taken gets a "
      "zero gradient. ``where(condition)`` alone is ``nonzero(condition)``.\n\n"
      ":param condition: bool tensor, or one whose non-zero elements count as true\n"
      ":param x1: tensor\n:param x2: tensor\n"
      ":returns: tensor of the broadcast shape and promoted dtype\n\n"
      ">>> pa.func.grad(lambda x: pa.where(x > 0.0, pa.sqrt(x), 0.0))(0.0).item()\n0.0");
  registry.alone("nonzero");
  registry.add(
      "clip", &ops::clip, "x, /, min=None, max=None",
      "x limited to [min, max]. The derivative is 1 inside and on the bounds, 0 outside.\n\n"
      ":param x: tensor\n:param min: tensor that broadcasts with x, or None\n"
      ":param max: tensor that broadcasts with x, or None\n\n"
      ">>> pa.clip(pa.tensor([-2.0, 0.5, 2.0]), -1.0, 1.0).tolist()\n[-1.0, 0.5, 1.0]");
}

namespace algebra {

namespace {

bool sole_owner(const Tensor& x) {
  return x.is_array() && !x.tracked() && x.body()->use_count() == 1 &&
         x.array().storage->use_count() == 1 && x.array().storage->writable();
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return ops::add(a, b); }
Tensor scaled(const Tensor& x, double factor) { return ops::operator*(x, factor); }
Tensor divided(const Tensor& x, double divisor) { return ops::operator/(x, divisor); }

Tensor accumulate(Tensor&& a, const Tensor& b) {
  const bool same =
      b.is_array() && !b.tracked() && a.dtype() == b.dtype() && a.shape() == b.shape();
  const bool kernel = same && a.device() == b.device() && !is_half(a.dtype());
  if (!kernel || !sole_owner(a) || !a.array().contiguous()) return ops::add(a, b);
  if (!a.array().storage->present() || !b.array().storage->present()) return ops::add(a, b);
  a.array().storage->prepare_write();
  kernels::binary(kernels::fn_id<kernels::Add>(), a.device_view(), a.device_view(),
                  b.device_view());
  return std::move(a);
}

Tensor conj(Tensor&& x) {
  if (!x || !is_complex(x.dtype()) || !sole_owner(x) || !x.array().contiguous())
    return conj(std::as_const(x));
  x.array().storage->prepare_write();
  kernels::unary(kernels::fn_id<kernels::Conj>(), x.array().device_view(), x.array().device_view());
  return std::move(x);
}

}  // namespace algebra

}  // namespace pyautograd
