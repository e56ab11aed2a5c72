// var and std.

#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/kernels.h"
#include "ops/origin.h"
#include "ops/reduce.h"
#include "ops/spectrum.h"

namespace pyautograd::ops {

namespace {

// x minus its mean over the axes: linear, and its own transpose. Exactly zero where x is constant.
class Center final : public Linear {
 public:
  explicit Center(Dims axes) : axes_(std::move(axes)) {}
  std::string_view name() const override { return "center"; }
  bool may_view() const override { return true; }
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::over(axes_, args.x.shape.size());
  }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }

  Tensors eval(TensorSpan inputs, const Specs&) const override {
    const Tensor x = inputs[0].untracked();
    if (x.size() == 0) return {x};
    Tensor first = x;
    for (int64_t axis : axes_) first = slice_axis(first, axis, 0, 1);
    // The mean of a constant may round to something else; that of zeros cannot.
    const Tensor shifted = x - first;
    return {shifted - mean(shifted, axes_, true)};
  }
  Tensors vjp(const VjpArgs& args) const override {
    return {apply1(Ref<const Primitive>(this), args.cotangents[0])};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    const Dims shifted = ReducedAxes{axes_}.behind_mapped().axes;
    return {{apply1(make_ref<Center>(shifted), mapped_to_front(values[0], dims[0]))}, {0}};
  }

 private:
  const Dims axes_;
};

double divisor_of(const Tensor& x, const ReducedAxes& over, double correction) {
  return std::max(static_cast<double>(over.count(x.shape())) - correction, 0.0);
}

// The sum of squared deviations over n - correction, or its root.
class Moment : public Reduction {
 public:
  Moment(ReducedAxes over, double correction)
      : Reduction(std::move(over)), correction_(correction) {}

  Tensors eval(TensorSpan inputs, const Specs&) const override {
    const Tensor x = inputs[0].untracked();
    const Tensor squares = rows_lie_together(x.array()) ? squares_of_rows(x.array())
                                                        : sum_of_squares(centered(x), over_);
    return {finish(squares / divisor(x))};
  }

 protected:
  // Whether what goes into one result lies side by side, in order.
  bool rows_lie_together(const Array& x) const {
    const size_t first = x.shape.size() - over_.axes.size();
    for (size_t i = 0; i < over_.axes.size(); ++i)
      if (over_.axes[i] != static_cast<int64_t>(first + i)) return false;
    return is_floating(x.dtype) && x.contiguous() && x.device == Device() && x.size() > 0;
  }
  Tensor squares_of_rows(const Array& x) const {
    const int64_t n = over_.count(x.shape);
    const Dims matrix{x.size() / n, n}, steps{n, 1}, step{1};
    Ref<Array> out = Array::empty(over_.shape(x.shape), x.dtype);
    kernels::squared_deviations({out->data(), x.dtype, std::span(matrix).first(1), step},
                                {x.data(), x.dtype, matrix, steps});
    return Tensor(std::move(out));
  }
  virtual Tensor finish(const Tensor& variance) const = 0;
  DType result_dtype(DType dtype) const override { return real_of(dtype); }
  Tensor centered(const Tensor& x) const { return apply1(make_ref<Center>(over_.axes), x); }
  double divisor(const Tensor& x) const { return divisor_of(x, over_, correction_); }
  // Without a positive divisor there is no derivative.
  double slope_divisor(const Tensor& x) const {
    const double value = divisor(x);
    return value > 0 ? value : std::numeric_limits<double>::quiet_NaN();
  }
  // t . conj(x - mean) over the axes; of complex numbers the real part is wanted.
  Tensor project(const Tensor& t, const Tensor& x) const {
    return sum(t * conj(centered(x)), over_.axes, {}, over_.keepdims);
  }

  const double correction_;
};

class Var final : public Moment {
 public:
  using Moment::Moment;
  std::string_view name() const override { return "var"; }
  Saves saves() const override { return {.inputs = 1}; }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& x = args.inputs[0];
    return {conj(centered(x)) * over_.restore(args.cotangents[0] * (2 / slope_divisor(x)))};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    return {project(tangents[0], primals[0]) * (2 / slope_divisor(primals[0]))};
  }

 protected:
  Tensor finish(const Tensor& variance) const override { return variance; }
  Ref<const Primitive> over(ReducedAxes other) const override {
    return make_ref<Var>(other, correction_);
  }
};

class Std final : public Moment {
 public:
  using Moment::Moment;
  std::string_view name() const override { return "std"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& x = args.inputs[0];
    const Tensor scaled = args.cotangents[0] / scale(x, args.outputs[0]);
    return {conj(centered(x)) * over_.restore(scaled)};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    return {project(tangents[0], primals[0]) / scale(primals[0], outputs[0])};
  }

 protected:
  Tensor finish(const Tensor& variance) const override { return sqrt(variance); }
  Ref<const Primitive> over(ReducedAxes other) const override {
    return make_ref<Std>(other, correction_);
  }

 private:
  // Infinite where x is constant, so that every derivative there is zero.
  Tensor scale(const Tensor& x, const Tensor& y) const {
    const Tensor infinity = scalar(std::numeric_limits<double>::infinity(), y.dtype());
    return where(equal(y, scalar(0, y.dtype())), infinity, y) * slope_divisor(x);
  }
};

template <class P>
Tensor moment(std::string_view name, const Tensor& x, const Axes& axis, double correction,
              bool keepdims) {
  return apply1(make_ref<P>(ReducedAxes::of(name, x, axis, keepdims), correction),
                cast(x, to_floating(x.dtype())));
}

double divisor_less(std::string_view op, double correction, std::optional<double> ddof) {
  if (ddof && correction != 0)
    value_error("[", op, "] correction and ddof are two names for one number: give one");
  return ddof.value_or(correction);
}

Tensor var_as(const Tensor& x, const Axes& axis, std::optional<DType> dtype, double correction,
              bool keepdims, std::optional<double> ddof, const Masked& where) {
  const double less = divisor_less("var", correction, ddof);
  const Tensor given = cast_for("var", x, dtype, x.dtype());
  return where ? spread_where("var", given, axis, less, keepdims, *where)
               : var(given, axis, less, keepdims);
}

Tensor std_as(const Tensor& x, const Axes& axis, std::optional<DType> dtype, double correction,
              bool keepdims, std::optional<double> ddof, const Masked& where) {
  const double less = divisor_less("std", correction, ddof);
  const Tensor given = cast_for("std", x, dtype, x.dtype());
  return where ? spread_where("std", given, axis, less, keepdims, *where)
               : std(given, axis, less, keepdims);
}

}  // namespace

Tensor var(const Tensor& x, const Axes& axis, double correction, bool keepdims) {
  Tensor y = moment<Var>("var", x, axis, correction, keepdims);
  if (!x.body()->origin) return y;
  const ReducedAxes over = ReducedAxes::of("var", x, axis, keepdims);
  if (!is_spectrum(x, over.axes)) return y;
  const Tensor squares = sum(square(x - mean(x, over.axes, true)), over.axes, {}, keepdims);
  return value_of(y, squares / divisor_of(x, over, correction));
}

Tensor std(const Tensor& x, const Axes& axis, double correction, bool keepdims) {
  const bool spectrum =
      x.body()->origin && is_spectrum(x, ReducedAxes::of("std", x, axis, keepdims).axes);
  Tensor y = moment<Std>("std", x, axis, correction, keepdims);
  if (spectrum) y = value_of(y, root(var(x, axis, correction, keepdims), 0.5));
  remember_square_root_of(
      y, [&] { return var(x, axis, correction, keepdims); },
      [&] {
        Dims options = ReducedAxes::of("std", x, axis, keepdims).axes;
        options.push_back(keepdims);
        options.push_back(std::bit_cast<int64_t>(correction));
        return RootSource{"std", {x}, std::move(options)};
      });
  return y;
}

void register_moments(Registry& registry) {
  const std::string params =
      "\n\n:param x: tensor\n:param axis: int, tuple of ints, or None for all\n"
      ":param dtype: dtype in which to compute; integers are computed in float64\n"
      ":param correction: the divisor is n - correction\n"
      ":param keepdims: keep the axes with size one\n"
      ":param ddof: NumPy's name of correction\n"
      ":param where: bools that broadcast to x; elements where they do not hold are left out\n"
      ":raises ValueError: if both names are given\n\n";
  const std::string_view signature =
      "x, /, axis=None, dtype=None, *, correction=0.0, keepdims=False, ddof=None, where=None";
  registry.add("var", &var_as, signature,
               "The variance over the axes: the mean of |x - mean|**2, real also for complex x." +
                   params + ">>> pa.var(pa.tensor([1.0, 3.0]), correction=1).item()\n2.0");
  registry.add("std", &std_as, signature,
               "The standard deviation over the axes. It has no derivative where x is constant; "
               "zero is returned there, at every order. Its square and other even functions of "
               "it do, and are differentiated as functions of the variance." +
                   params +
                   ">>> pa.func.grad(lambda x: pa.std(x) ** 2)(pa.tensor([1.0, 1.0])).tolist()\n"
                   "[0.0, 0.0]");
}

}  // namespace pyautograd::ops
