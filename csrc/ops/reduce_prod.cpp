// prod and cumprod. No rule divides by x, so every derivative is exact where elements are zero.

#include "autograd/jet.h"
#include "kernels/kernels.h"
#include "ops/reduce.h"
#include "ops/spectrum.h"

namespace pyautograd::ops {

Tensor shift(const Tensor& x, int64_t axis, bool reverse, double fill) {
  const int64_t n = x.shape()[axis];
  if (n == 0) return x;
  Dims edge = x.shape();
  edge[axis] = 1;
  const Tensor first = broadcast_to(scalar(fill, x.dtype()), edge);
  const Tensor rest = slice_axis(x, axis, reverse ? 1 : 0, n - 1);
  return ops::concat(reverse ? Tensors{rest, first} : Tensors{first, rest}, axis);
}

namespace {

// Absent terms are zero.
void include(Tensor& sum, Tensor term) {
  if (term) sum = sum ? sum + term : std::move(term);
}

// Of series y with y[i] = a[i] y[i - 1] + b[i] along an axis, what a's coefficients from 1 to k and
// y's below k add to b's coefficient k. The element before the first is the constant `edge`.
template <class SeriesOfA, class SeriesOfY>
Tensor carried(size_t k, const SeriesOfA& a, const SeriesOfY& y, int64_t axis, bool reverse,
               double edge) {
  Tensor sum;
  for (size_t j = 1; j <= k; ++j) {
    const Tensor factor = a(j), value = factor ? y(k - j) : Tensor();
    if (value) include(sum, factor * shift(value, axis, reverse, j == k ? edge : 0));
  }
  return sum;
}

// The derivatives of cumulative products are such recurrences, and so are its own.
class Recurrence final : public AlongAxis {
 public:
  Recurrence(int64_t axis, bool reverse) : AlongAxis(axis), reverse_(reverse) {}
  std::string_view name() const override { return "recurrence"; }
  Dependence dependence(const DependenceArgs&) const override {
    return {reverse_ ? Dependence::Kind::Backward : Dependence::Kind::Running, {axis_}};
  }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::recurrence(out->device_view(), inputs[0].device_view(), inputs[1].device_view(),
                        static_cast<int>(axis_), reverse_);
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override;
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override;
  std::optional<Tensors> taylor(const TaylorArgs& args) const override;

 protected:
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<Recurrence>(axis, reverse_);
  }

 private:
  const bool reverse_;
};

}  // namespace

Tensor recurrence(const Tensor& a, const Tensor& b, int64_t axis, bool reverse) {
  return apply1(make_ref<Recurrence>(axis, reverse), Borrowed<2>(a, b));
}

Tensor recurrence_transpose(const Tensor& a, const Tensor& t, int64_t axis, bool reverse) {
  return recurrence(shift(a, axis, !reverse, 0), t, axis, !reverse);
}

namespace {

Tensors Recurrence::vjp(const VjpArgs& args) const {
  const Tensor b = recurrence_transpose(args.inputs[0], args.cotangents[0], axis_, reverse_);
  return {args.wants[0] ? b * shift(args.outputs[0], axis_, reverse_, 0) : Tensor(), b};
}

Tensors Recurrence::jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const {
  Tensor source = tangents[1];
  if (tangents[0]) {
    const Tensor moved = tangents[0] * shift(outputs[0], axis_, reverse_, 0);
    source = source ? source + moved : moved;
  }
  return {recurrence(primals[0], source, axis_, reverse_)};
}

// Coefficient k of the outputs of an op on one line, from what `carried` and its own input give.
Tensors next_on_line(const TaylorArgs& args, Tensor source, int64_t axis, bool reverse,
                     double edge) {
  include(source, carried(
                      args.k, [&](size_t j) { return args.x(0, j); },
                      [&](size_t j) { return args.y(0, j); }, axis, reverse, edge));
  return Tensors::of(source ? recurrence(args.x(0, 0), source, axis, reverse) : source);
}

std::optional<Tensors> Recurrence::taylor(const TaylorArgs& args) const {
  return next_on_line(args, args.x(1, args.k), axis_, reverse_, 0);
}

class CumProd final : public AlongAxis {
 public:
  CumProd(int64_t axis, bool reverse) : AlongAxis(axis), reverse_(reverse) {}
  std::string_view name() const override { return "cumprod"; }
  Dependence dependence(const DependenceArgs&) const override {
    return {reverse_ ? Dependence::Kind::Backward : Dependence::Kind::Running, {axis_}};
  }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::scan(kernels::Scan::Prod, out->device_view(), inputs[0].device_view(),
                  static_cast<int>(axis_), reverse_);
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor before = shift(args.outputs[0], axis_, reverse_, 1);
    return {before * recurrence_transpose(args.inputs[0], args.cotangents[0], axis_, reverse_)};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor before = shift(outputs[0], axis_, reverse_, 1);
    return {recurrence(primals[0], tangents[0] * before, axis_, reverse_)};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return next_on_line(args, {}, axis_, reverse_, 1);
  }

 protected:
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<CumProd>(axis, reverse_);
  }

 private:
  const bool reverse_;
};

// The series of the products along an axis, which is kept: the ends of the cumulative ones.
Tensors product_series_along(const Tensors& x, int64_t axis) {
  const int64_t n = x[0].shape()[axis];
  Tensors line = {cumprod(x[0], axis)}, ends;
  for (size_t k = 1; k < x.size(); ++k) {
    const Tensor source = carried(
        k, [&](size_t j) { return x[j]; }, [&](size_t j) { return line[j]; }, axis, false, 1);
    line.push_back(source ? recurrence(x[0], source, axis, false) : source);
  }
  for (const Tensor& y : line) ends.push_back(y ? slice_axis(y, axis, n - 1, 1) : y);
  return ends;
}

class Prod final : public KernelReduction {
 public:
  using KernelReduction::KernelReduction;
  std::string_view name() const override { return "prod"; }
  Saves saves() const override { return {.inputs = 1}; }

  Tensors vjp(const VjpArgs& args) const override {
    return {over_.restore(args.cotangents[0]) * product_of_others(args.inputs[0], over_.axes)};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    const Tensor moved = tangents[0] * product_of_others(primals[0], over_.axes);
    return {sum(moved, over_.axes, {}, over_.keepdims)};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    Tensors series;
    for (size_t j = 0; j <= args.k; ++j) series.push_back(args.x(0, j));
    if (series[0].size() == 0) return Tensors();
    for (int64_t axis : over_.axes) series = product_series_along(series, axis);
    const Tensor& top = series.back();
    return Tensors::of(top && !over_.keepdims ? squeeze(top, over_.axes) : top);
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::reduce(kernels::Reduce::Prod, out, x);
  }
  Ref<const Primitive> over(ReducedAxes other) const override { return make_ref<Prod>(other); }
};

// The product of all elements on one side.
Tensor product_before(const Tensor& x, int64_t axis, bool reverse) {
  return shift(apply1(make_ref<CumProd>(axis, reverse), x), axis, reverse, 1);
}

}  // namespace

Tensor product_of_others(const Tensor& x, const Dims& axes) {
  Tensor others, remaining = x;
  for (int64_t axis : axes) {
    const Tensor line =
        product_before(remaining, axis, false) * product_before(remaining, axis, true);
    others = others ? others * line : line;
    if (axis != axes.back()) remaining = prod(remaining, Dims{axis}, {}, true);
  }
  return others ? others : ones_like(x);
}

Tensor prod(const Tensor& x, const Axes& axis, std::optional<DType> dtype, bool keepdims) {
  const DType to = dtype.value_or(accumulator_dtype(x.dtype()));
  if (is_bool(to)) return all(x, axis, keepdims);
  const ReducedAxes over = ReducedAxes::of_ufunc("prod", x, axis, keepdims);
  if (x.body()->origin && to == x.dtype()) {
    if (auto through = prod_of_spectrum(x, over.axes, keepdims)) return *through;
  }
  return apply1(make_ref<Prod>(over), cast_for("prod", x, dtype, to));
}

Tensor cumprod(const Tensor& x, std::optional<int64_t> axis, std::optional<DType> dtype) {
  const Tensor factor = cast_for("cumprod", x, dtype, accumulator_dtype(x.dtype()));
  const Tensor line = axis && x.ndim() > 0 ? factor : reshape(factor, {-1});
  const int64_t along = normalize_axis("cumprod", axis.value_or(0), line.ndim());
  return apply1(make_ref<CumProd>(along, false), line);
}

void register_products(Registry& registry) {
  registry.add("prod", &prod_where,
               "x, /, axis=None, dtype=None, *, keepdims=False, initial=None, where=None",
               "The product over the axes. Its derivatives of every order are exact where elements "
               "are zero.\n\n:param x: tensor\n"
               ":param axis: int, tuple of ints, or None for all\n"
               ":param dtype: dtype of the result; by default that of x, but at least int64 or "
               "uint64\n"
               ":param keepdims: keep the axes with size one\n"
               ":param initial: number that the product starts with\n"
               ":param where: bools that broadcast to x; elements where they do not hold are left "
               "out\n\n"
               ">>> pa.func.grad(pa.prod)(pa.tensor([0.0, 2.0, 3.0])).tolist()\n[6.0, 0.0, 0.0]");
  registry.add("cumprod", &cumprod, "x, /, axis=None, dtype=None",
               "The cumulative product along an axis. Its derivatives of every order are exact "
               "where elements are zero.\n\n:param x: tensor\n"
               ":param axis: int, or None to flatten x first\n"
               ":param dtype: dtype of the result; by default that of x, but at least int64 or "
               "uint64\n\n"
               ">>> pa.cumprod(pa.tensor([1.0, 2.0, 3.0])).tolist()\n[1.0, 2.0, 6.0]");
}

}  // namespace pyautograd::ops
