#include "ops/origin.h"

#include <cmath>
#include <numbers>

#include "autograd/capture.h"
#include "core/backend.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/through_origin.h"

namespace pyautograd::ops {

namespace {

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

// Beyond these the slope of e**x is lost.
bool is_extreme(const Tensor& y) { return has_infinity(y) || has_zero(y); }

void be_exponential(const Tensor& y, const Tensor& operand) {
  y.body()->origin = make_ref<Origin>(y, Origin::Kind::Exponential, operand);
}

// In a captured call of the host's ops, or of a device's kernels, nobody can look.
bool unknown(const Array& array) {
  const bool there = array.storage->device().kind != Device::Kind::CPU;
  return Capture::unknown(array) || (there && backend().capturing());
}

}  // namespace

// Not if memory was written since, and not where the edge of x was dropped (detach, or a backward
// pass that nobody differentiates): the operand must not bring it back.
const Origin* origin_of(const Tensor& x, Origin::Kind kind) {
  const auto* origin = static_cast<const Origin*>(x.body()->origin.get());
  if (!origin || origin->kind != kind || x.tracked() != origin->tracked) return nullptr;
  const bool current = version_of(*origin->operand.body()) == origin->operand_version &&
                       version_of(*x.body()) == origin->own_version;
  return current ? origin : nullptr;
}

bool vanishes(const Tensor& y) {
  if (!Capture::unknown(innermost_array(y))) return has_zero(y);
  return surely(equal(y, scalar(0, y.dtype())));
}

bool holds_everywhere(const Tensor& truth) {
  const Array& array = innermost_array(truth);
  return !unknown(array) && holds(all(plain(array)));
}
bool holds_anywhere(const Tensor& truth) {
  const Array& array = innermost_array(truth);
  return unknown(array) || holds(any(plain(array)));
}

bool may_hold(const Tensor& truth) {
  return Capture::unknown(innermost_array(truth)) ? surely(truth) : holds_anywhere(truth);
}

void remember_exponential(const Tensor& y, const Tensor& operand) {
  if (differentiable(y) && !operand.body()->origin && has_infinity(y)) be_exponential(y, operand);
}

void remember_cosh(const Tensor& y, const Tensor& operand) {
  if (differentiable(y) && !operand.body()->origin && has_infinity(y))
    be_exponential(y, call<kernels::LogAddExp>(operand, -operand) - std::numbers::ln2);
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

}  // namespace pyautograd::ops
