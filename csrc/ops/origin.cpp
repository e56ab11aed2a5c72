#include "ops/origin.h"

#include <cmath>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"

namespace pyautograd::ops {

namespace {

// y = |operand|**exponent, but for signs.
struct Root final : Origin {
  Root(const Tensor& y, const Tensor& operand, double exponent, RootOf of)
      : Origin(y, Kind::Root, operand), exponent(exponent), of(of) {}
  const double exponent;
  const RootOf of;

  bool same_as(const Root& other) const {
    return of == other.of && operand.body() == other.operand.body() &&
           operand.node_ref() == other.operand.node_ref() &&
           operand.output() == other.operand.output();
  }
};

const Root* root_of(const Tensor& x) {
  return static_cast<const Root*>(origin_of(x, Origin::Kind::Root));
}

// An elementwise function of y, differentiated as a function of the operand that y comes from.
class ThroughOrigin : public Primitive {
 public:
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 0) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  Specs infer(TensorSpan x) const override { return {x[0].spec()}; }
  Saves saves() const override { return {.inputs = 2}; }
  Tensors eval(TensorSpan x, const Specs&) const override { return {value(x[0].untracked())}; }
  Tensors vjp(const VjpArgs& args) const override {
    return {Tensor(), scaled(args.cotangents[0], args.inputs[1])};
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    return {t[1] ? scaled(t[1], x[1]) : Tensor()};
  }
  BatchResult batch(int64_t size, TensorSpan x, std::span<const int> dims) const override {
    const Tensor y = mapped_or_broadcast(x[0], dims[0], size);
    const Tensor operand = mapped_or_broadcast(x[1], dims[1], size);
    return {apply(Ref<const Primitive>(this), Borrowed<2>(y, operand)), {0}};
  }

 protected:
  virtual Tensor value(const Tensor& y) const = 0;
  // A tangent or cotangent times the slope with respect to the operand.
  virtual Tensor scaled(const Tensor& t, const Tensor& operand) const = 0;
};

// y**exponent = operand**power, a whole number.
class PowerOfRoot final : public ThroughOrigin {
 public:
  PowerOfRoot(double exponent, double power) : exponent_(exponent), power_(power) {}
  std::string_view name() const override { return "power"; }
  Saves saves() const override { return {.inputs = power_ == 1 ? 0u : 2u}; }

 protected:
  Tensor value(const Tensor& y) const override {
    if (exponent_ == 1) return copy(y);
    return exponent_ == 2 ? call<kernels::Square>(y)
                          : call<kernels::Power>(y, scalar(exponent_, y.dtype()));
  }
  Tensor scaled(const Tensor& t, const Tensor& operand) const override {
    if (power_ == 1) return t;
    const Tensor slope = power(operand, scalar(power_ - 1, operand.dtype())) * power_;
    return call<kernels::Scale>(t, slope);
  }

 private:
  const double exponent_, power_;
};

class LogOfExponential final : public ThroughOrigin {
 public:
  std::string_view name() const override { return "log"; }
  Saves saves() const override { return {}; }

 protected:
  Tensor value(const Tensor& y) const override { return call<kernels::Log>(y); }
  Tensor scaled(const Tensor& t, const Tensor&) const override { return t; }
};

class Log1pOfExponential final : public ThroughOrigin {
 public:
  std::string_view name() const override { return "log1p"; }

 protected:
  Tensor value(const Tensor& y) const override { return call<kernels::Log1p>(y); }
  Tensor scaled(const Tensor& t, const Tensor& operand) const override {
    return call<kernels::Scale>(t, call<kernels::Sigmoid>(operand));
  }
};

// c / e**operand.
class QuotientByExponential final : public ThroughOrigin {
 public:
  explicit QuotientByExponential(double numerator) : numerator_(numerator) {}
  std::string_view name() const override { return "divide"; }

 protected:
  Tensor value(const Tensor& y) const override {
    return call<kernels::Divide>(scalar(numerator_, y.dtype()), y);
  }
  Tensor scaled(const Tensor& t, const Tensor& operand) const override {
    return call<kernels::Scale>(t, call<kernels::Exp>(-operand) * -numerator_);
  }

 private:
  const double numerator_;
};

bool has_infinity(const Tensor& x) {
  return kernels::any_infinite(innermost_array(x).device_view());
}
// Beyond these the slope of e**x is lost.
bool is_extreme(const Tensor& y) { return has_infinity(y) || has_zero(y); }

void be_exponential(const Tensor& y, const Tensor& operand) {
  y.body()->origin = make_ref<Origin>(y, Origin::Kind::Exponential, operand);
}

}  // namespace

// Not if memory was written since, and not where the edge of x was dropped (detach, or a backward
// pass that nobody differentiates): the operand must not bring it back.
const Origin* origin_of(const Tensor& x, Origin::Kind kind) {
  const auto* origin = static_cast<const Origin*>(x.body()->origin.get());
  if (!origin || origin->kind != kind || x.tracked() != origin->operand.tracked()) return nullptr;
  const bool current = version_of(*origin->operand.body()) == origin->operand_version &&
                       version_of(*x.body()) == origin->own_version;
  return current ? origin : nullptr;
}

bool has_zero(const Tensor& x) { return kernels::any_zero(innermost_array(x).device_view()); }

void remember_root(const Tensor& y, double exponent, const Tensor& operand, RootOf of) {
  if (!differentiable(y) || !has_zero(y)) return;
  // The root of a root comes from the same operand: origins form no chain.
  if (const Root* inner = root_of(operand)) {
    const RootOf both = inner->of == RootOf::Signed ? of : inner->of;
    y.body()->origin = make_ref<Root>(y, inner->operand, exponent * inner->exponent, both);
  } else if (!operand.body()->origin) {
    y.body()->origin = make_ref<Root>(y, operand, exponent, of);
  }
}

void remember_exponential(const Tensor& y, const Tensor& operand) {
  if (differentiable(y) && !operand.body()->origin && has_infinity(y)) be_exponential(y, operand);
}

void remember_sigmoid(const Tensor& y, const Tensor& operand) {
  if (differentiable(y) && !operand.body()->origin && has_zero(y))
    be_exponential(y, -call<kernels::Softplus>(-operand));
}

void remember_exponential_of(kernels::FnId op, TensorSpan x, const Tensor& y) {
  if (x.size() != 2 || !differentiable(y)) return;
  const bool first = constant_of(x[1]).has_value();
  const Origin* from = origin_of(x[first ? 0 : 1], Origin::Kind::Exponential);
  const std::optional<double> constant = constant_of(x[first ? 1 : 0]);
  if (!from || !constant || !(*constant > 0) || std::isinf(*constant)) return;
  if (y.dtype() != from->operand.dtype() || !is_extreme(y)) return;
  const double shift = std::log(*constant);
  if (op == kernels::fn_id<kernels::Add>()) {
    const Tensor level = scalar(shift, y.dtype());
    be_exponential(y, call<kernels::LogAddExp>(from->operand, level));
  } else if (op == kernels::fn_id<kernels::Multiply>()) {
    be_exponential(y, from->operand + shift);
  } else if (op == kernels::fn_id<kernels::Divide>() && first) {
    be_exponential(y, from->operand - shift);
  }
}

void remember_exponential_sum(const Tensor& x, const Dims& axes, bool keepdims, double count,
                              const Tensor& y) {
  const Origin* from = origin_of(x, Origin::Kind::Exponential);
  if (!from || y.dtype() != x.dtype() || !differentiable(y) || !is_extreme(y)) return;
  const Tensor operand = logsumexp(from->operand, axes, keepdims);
  be_exponential(y, count == 1 ? operand : operand - std::log(count));
}

std::optional<Tensor> power_of_root(const Tensor& y, double exponent) {
  const Root* origin = root_of(y);
  if (!origin) return {};
  const double whole = exponent * origin->exponent;
  if (whole < 1 || std::fmod(whole, origin->of == RootOf::Size ? 2 : 1) != 0) return {};
  if (origin->of == RootOf::Signed && std::fmod(exponent - whole, 2) != 0) return {};
  return apply1(make_ref<PowerOfRoot>(exponent, whole), Borrowed<2>(y, origin->operand));
}

std::optional<Tensor> powers_of_root(const Tensor& y, const Tensor& exponents) {
  const Root* origin = root_of(y);
  if (!origin || origin->of == RootOf::Signed || differentiable(exponents)) return {};
  const auto constant = [&](double value) { return scalar(value, y.dtype()); };
  const Tensor whole = astype(exponents, y.dtype()) * origin->exponent;
  const Tensor step = constant(origin->of == RootOf::Size ? 2 : 1);
  const Tensor smooth = logical_and(greater_equal(whole, constant(1)),
                                    equal(call<kernels::Remainder>(whole, step), constant(0)));
  const Tensor through = call<kernels::Power>(origin->operand, where(smooth, whole, constant(1)));
  const Tensor value = call<kernels::Power>(y, exponents);
  const Tensor known = logical_and(smooth, greater_equal(y, constant(0)));
  return value_of(value, where(known, through, value));
}

std::optional<Tensor> product_of_roots(const Tensor& x, const Tensor& y) {
  const Root *first = root_of(x), *second = root_of(y);
  if (!first || !second || !first->same_as(*second) || first->of == RootOf::Signed) return {};
  const double whole = first->exponent + second->exponent;
  if (whole < 1 || std::fmod(whole, first->of == RootOf::Size ? 2 : 1) != 0) return {};
  const Tensor product = call<kernels::Multiply>(x, y);
  return apply1(make_ref<PowerOfRoot>(1, whole), Borrowed<2>(product, first->operand));
}

std::optional<Tensor> log1p_of_exponential(const Tensor& y) {
  const Origin* origin = origin_of(y, Origin::Kind::Exponential);
  if (!origin) return {};
  return apply1(make_ref<Log1pOfExponential>(), Borrowed<2>(y, origin->operand));
}

std::optional<Tensor> log_of_exponential(const Tensor& y) {
  const Origin* origin = origin_of(y, Origin::Kind::Exponential);
  if (!origin) return {};
  return apply1(make_ref<LogOfExponential>(), Borrowed<2>(y, origin->operand));
}

std::optional<Tensor> quotient_by_exponential(const Tensor& numerator, const Tensor& y) {
  const Origin* origin = origin_of(y, Origin::Kind::Exponential);
  const std::optional<double> constant = constant_of(numerator);
  if (!origin || !constant || promote(numerator.dtype(), y.dtype()) != y.dtype()) return {};
  return apply1(make_ref<QuotientByExponential>(*constant), Borrowed<2>(y, origin->operand));
}

Tensor root(const Tensor& x, double exponent) {
  const auto constant = [&](double value) { return scalar(value, x.dtype()); };
  const Tensor nothing = equal(x, constant(0));
  const Tensor positive = where(nothing, constant(1), x);
  return where(nothing, constant(0), power(positive, constant(exponent)));
}

}  // namespace pyautograd::ops
