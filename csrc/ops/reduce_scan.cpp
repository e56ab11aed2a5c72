// Cumulative extrema and logsumexp, and the array API's cumulative sum and product.

#include <limits>

#include "kernels/kernels.h"
#include "kernels/sort.h"
#include "ops/reduce.h"

namespace pyautograd::ops {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Where the extremum so far stands.
class ArgScan final : public AlongAxis {
 public:
  ArgScan(int64_t axis, bool maximum) : AlongAxis(axis), maximum_(maximum) {}
  std::string_view name() const override { return maximum_ ? "cummax" : "cummin"; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{inputs[0].shape(), DType::Int64, inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, DType::Int64, specs[0].device);
    kernels::arg_scan(maximum_, out->device_view(), inputs[0].device_view(),
                      static_cast<int>(axis_));
    return Tensors::of(Tensor(std::move(out)));
  }

 protected:
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<ArgScan>(axis, maximum_);
  }

 private:
  const bool maximum_;
};

// The extremum so far of numbers that nobody differentiates.
class ExtremumScan final : public AlongAxis {
 public:
  ExtremumScan(int64_t axis, bool maximum) : AlongAxis(axis), maximum_(maximum) {}
  std::string_view name() const override { return maximum_ ? "cummax" : "cummin"; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::scan(maximum_ ? kernels::Scan::Max : kernels::Scan::Min, out->device_view(),
                  inputs[0].device_view(), static_cast<int>(axis_), false);
    return Tensors::of(Tensor(std::move(out)));
  }

 protected:
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<ExtremumScan>(axis, maximum_);
  }

 private:
  const bool maximum_;
};

// y[i] = log(exp(y[i - 1]) + exp(x[i])). Its tangent obeys t_y[i] = exp(y[i - 1] - y[i]) t_y[i - 1]
// + exp(x[i] - y[i]) t_x[i], where no factor exceeds 1.
class LogCumSumExp final : public AlongAxis {
 public:
  using AlongAxis::AlongAxis;
  std::string_view name() const override { return "logcumsumexp"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::scan(kernels::Scan::LogSumExp, out->device_view(), inputs[0].device_view(),
                  static_cast<int>(axis_), false);
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Weights w(args.inputs[0], args.outputs[0], axis_);
    return {recurrence_transpose(w.carried, args.cotangents[0], axis_, false) * w.own};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Weights w(primals[0], outputs[0], axis_);
    return {recurrence(w.carried, tangents[0] * w.own, axis_, false)};
  }

 protected:
  Ref<const Primitive> along(int64_t axis) const override { return make_ref<LogCumSumExp>(axis); }

 private:
  // The shares of what came before and of the element itself: zero as long as all elements are
  // -inf, and equal shares for those that are +inf.
  struct Weights {
    Weights(const Tensor& x, const Tensor& y, int64_t axis) {
      const Tensor infinity = scalar(kInfinity, real_of(x.dtype())), zero = scalar(0, x.dtype());
      const Tensor infinite = astype(equal(real(x), infinity), x.dtype());
      const Tensor count = cumsum(infinite, axis);
      const Tensor regular = equal(count, zero);  // at complex numbers real parts decide
      const Tensor sharers = where(regular, scalar(1, x.dtype()), count);
      const Tensor base = where(logical_and(regular, not_equal(real(y), -infinity)), y, zero);
      const Tensor before = shift(y, axis, false, -kInfinity);
      carried = where(regular, exp(where(regular, before, zero) - base),
                      shift(count, axis, false, 0) / sharers);
      own = where(regular, exp(where(regular, x, zero) - base), infinite / sharers);
    }
    Tensor carried, own;
  };
};

// NumPy's axis of a cumulative op: None flattens.
struct Scanned {
  Scanned(std::string_view op, const Tensor& x, std::optional<int64_t> given)
      : line(given && x.ndim() > 0 ? x : reshape(x, {x.size()})),
        axis(normalize_axis(op, given.value_or(0), line.ndim())) {}
  Tensor line;
  int64_t axis;
};

Tensor cumulative_extremum(const Tensor& x, std::optional<int64_t> axis, bool maximum) {
  require_real(maximum ? "cummax" : "cummin", x);
  const Scanned over(maximum ? "cummax" : "cummin", x, axis);
  if (over.line.is_array() && !over.line.tracked())
    return apply1(make_ref<ExtremumScan>(over.axis, maximum), over.line);
  const Tensor places = apply1(make_ref<ArgScan>(over.axis, maximum), over.line);
  return take_along_axis(over.line, places, over.axis);
}
Tensor cummax(const Tensor& x, std::optional<int64_t> axis) {
  return cumulative_extremum(x, axis, true);
}
Tensor cummin(const Tensor& x, std::optional<int64_t> axis) {
  return cumulative_extremum(x, axis, false);
}

Tensor logcumsumexp(const Tensor& x, std::optional<int64_t> axis) {
  const Scanned over("logcumsumexp", x, axis);
  return apply1(make_ref<LogCumSumExp>(over.axis), cast(over.line, to_floating(x.dtype())));
}

using Cumulative = Tensor (*)(const Tensor&, std::optional<int64_t>, std::optional<DType>);

Tensor cumulative(std::string_view op, Cumulative function, double initial, const Tensor& x,
                  std::optional<int64_t> axis, std::optional<DType> dtype, bool include_initial) {
  if (!axis && x.ndim() > 1) {
    value_error("[", op, "] x has shape ", shape_string(x.shape()),
                ": give an axis, as it has more than one");
  }
  const Scanned over(op, x, axis);
  const Tensor out = function(over.line, over.axis, dtype);
  if (!include_initial) return out;
  Dims edge = out.shape();
  edge[over.axis] = 1;
  return ops::concat(Tensors{broadcast_to(scalar(initial, out.dtype()), edge), out}, over.axis);
}
Tensor cumulative_sum(const Tensor& x, std::optional<int64_t> axis, std::optional<DType> dtype,
                      bool include_initial) {
  return cumulative("cumulative_sum", &cumsum_as, 0, x, axis, dtype, include_initial);
}
Tensor cumulative_prod(const Tensor& x, std::optional<int64_t> axis, std::optional<DType> dtype,
                       bool include_initial) {
  return cumulative("cumulative_prod", &cumprod, 1, x, axis, dtype, include_initial);
}

}  // namespace

void register_scans(Registry& registry) {
  const std::string extremum =
      " element so far along an axis; nan from the first nan on. The derivative goes to the "
      "element that attains it first.\n\n"
      ":param x: tensor\n:param axis: int, or None to flatten x first\n"
      ":raises IndexError: if the axis is out of range\n\n";
  registry.add("cummax", &cummax, "x, /, axis=None",
               "The largest" + extremum +
                   ">>> pa.cummax(pa.tensor([1.0, 3.0, 2.0])).tolist()\n[1.0, 3.0, 3.0]");
  registry.add("cummin", &cummin, "x, /, axis=None",
               "The smallest" + extremum +
                   ">>> pa.cummin(pa.tensor([3.0, 1.0, 2.0])).tolist()\n[3.0, 1.0, 1.0]");
  registry.add(
      "logcumsumexp", &logcumsumexp, "x, /, axis=None",
      "log(cumsum(exp(x))) along an axis, without overflow. Its derivative is zero where "
      "all elements so far are -inf; elements that are +inf share it equally. Of complex x "
      "it is the principal logarithm.\n\n"
      ":param x: tensor\n:param axis: int, or None to flatten x first\n"
      ":raises IndexError: if the axis is out of range\n\n"
      ">>> pa.logcumsumexp(pa.tensor([-pa.inf, 0.0])).tolist()\n[-inf, 0.0]");
  const std::string params =
      ":param x: tensor\n:param axis: int; may be left out where x has one axis only\n"
      ":param dtype: dtype of the result; by default that of x, but at least int64 or uint64\n"
      ":param include_initial: whether the result starts with the value of no elements\n"
      ":raises ValueError: if the axis is missing\n\n";
  registry.add("cumulative_sum", &cumulative_sum,
               "x, /, *, axis=None, dtype=None, include_initial=False",
               "The cumulative sum along an axis, as the array API has it.\n\n" + params +
                   ">>> pa.cumulative_sum(pa.tensor([1, 2, 3]), include_initial=True).tolist()\n"
                   "[0, 1, 3, 6]");
  registry.add("cumulative_prod", &cumulative_prod,
               "x, /, *, axis=None, dtype=None, include_initial=False",
               "The cumulative product along an axis, as the array API has it. Its derivatives of "
               "every order are exact where elements are zero.\n\n" +
                   params +
                   ">>> pa.cumulative_prod(pa.tensor([1, 2, 3]), include_initial=True).tolist()\n"
                   "[1, 1, 2, 6]");
}

}  // namespace pyautograd::ops
