// sum, mean, sum_to, cumsum, and what counts truth values.

#include "kernels/kernels.h"
#include "ops/reduce.h"
#include "ops/series.h"
#include "ops/spectrum.h"

namespace pyautograd {

namespace ops {

namespace {

class Sum final : public KernelReduction {
 public:
  using KernelReduction::KernelReduction;
  std::string_view name() const override { return "sum"; }
  bool may_wait() const override { return true; }
  Saves saves() const override { return {.specs = true}; }

  Tensors vjp(const VjpArgs& args) const override {
    return Tensors::of(broadcast_to(over_.restore(args.cotangents[0]), args.input_specs[0].shape));
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan) const override {
    return {apply1(Ref<const Primitive>(this), tangents[0])};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return linear_series(*this, args);
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::reduce(kernels::Reduce::Sum, out, x);
  }
  Ref<const Primitive> over(ReducedAxes other) const override { return make_ref<Sum>(other); }
};

class Mean final : public KernelReduction {
 public:
  using KernelReduction::KernelReduction;
  std::string_view name() const override { return "mean"; }
  Saves saves() const override { return {.specs = true}; }

  Tensors vjp(const VjpArgs& args) const override {
    const Dims& shape = args.input_specs[0].shape;
    const Tensor share = args.cotangents[0] / static_cast<double>(over_.count(shape));
    return Tensors::of(broadcast_to(over_.restore(share), shape));
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan) const override {
    return {apply1(Ref<const Primitive>(this), tangents[0])};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return linear_series(*this, args);
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::reduce(kernels::Reduce::Sum, out, x);
    const Tensor n = scalar(static_cast<double>(over_.count(x.shape)), out.dtype);
    const Dims everywhere(out.shape.size(), 0);
    kernels::binary(kernels::fn_id<kernels::Divide>(), out, out,
                    {n.array().address(), out.dtype, out.shape, everywhere});
  }
  Ref<const Primitive> over(ReducedAxes other) const override { return make_ref<Mean>(other); }
};

// The transpose of broadcast_to.
class SumTo final : public ByKernel<Primitive> {
 public:
  explicit SumTo(Dims shape) : shape_(std::move(shape)) {}
  std::string_view name() const override { return "sum_to"; }
  bool may_wait() const override { return true; }
  Dependence dependence(const DependenceArgs& args) const override {
    const size_t lead = args.x.shape.size() - shape_.size();
    Dependence out{Dependence::Kind::Axes, Dims(args.x.shape.size(), Dependence::kAll)};
    for (size_t i = 0; i < shape_.size(); ++i) {
      if (shape_[i] == args.x.shape[lead + i]) out.places[lead + i] = static_cast<int64_t>(i);
    }
    return out;
  }
  Saves saves() const override { return {.specs = true}; }

  Specs infer(TensorSpan inputs) const override {
    const Dims& from = inputs[0].shape();
    const size_t lead = from.size() - shape_.size();
    bool fits = from.size() >= shape_.size();
    for (size_t i = 0; fits && i < shape_.size(); ++i)
      fits = shape_[i] == 1 || shape_[i] == from[lead + i];
    if (!fits) {
      value_error("[sum_to] shape ", shape_string(from), " cannot be summed to ",
                  shape_string(shape_), ": the target must broadcast to the shape");
    }
    return {Spec{shape_, inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors vjp(const VjpArgs& args) const override {
    return Tensors::of(broadcast_to(args.cotangents[0], args.input_specs[0].shape));
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan) const override {
    return {sum_to(tangents[0], shape_)};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return linear_series(*this, args);
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    const Tensor x = mapped_to_front(values[0], dims[0]);
    Dims aligned{size}, target{size};
    aligned.resize(x.shape().size() - shape_.size(), 1);
    for (int64_t n : shape_) {
      aligned.push_back(n);
      target.push_back(n);
    }
    const Tensor summed = sum_to(x, aligned);
    return {{aligned.size() == target.size() ? summed : reshape(summed, target)}, {0}};
  }

 protected:
  // With as many axes as x has.
  Dims shape_for_kernel(const Dims& x) const override {
    Dims kept(x.size() - shape_.size(), 1);
    for (int64_t n : shape_) kept.push_back(n);
    return kept;
  }
  void run(const View& out, const View& x) const override {
    kernels::reduce(kernels::Reduce::Sum, out, x);
  }

 private:
  const Dims shape_;
};

class Truth final : public KernelReduction {
 public:
  Truth(ReducedAxes over, bool all) : KernelReduction(std::move(over)), all_(all) {}
  std::string_view name() const override { return all_ ? "all" : "any"; }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::reduce(all_ ? kernels::Reduce::All : kernels::Reduce::Any, out, x);
  }
  Ref<const Primitive> over(ReducedAxes other) const override {
    return make_ref<Truth>(other, all_);
  }
  DType result_dtype(DType) const override { return DType::Bool; }

 private:
  const bool all_;
};

class CumSum final : public KernelAlongAxis {
 public:
  CumSum(int64_t axis, bool reverse) : KernelAlongAxis(axis), reverse_(reverse) {}
  std::string_view name() const override { return "cumsum"; }
  Dependence dependence(const DependenceArgs&) const override {
    return {reverse_ ? Dependence::Kind::Backward : Dependence::Kind::Running, {axis_}};
  }

  Tensors vjp(const VjpArgs& args) const override {
    return {apply1(make_ref<CumSum>(axis_, !reverse_), args.cotangents[0])};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan) const override {
    return {apply1(Ref<const Primitive>(this), tangents[0])};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return linear_series(*this, args);
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::scan(kernels::Scan::Sum, out, x, static_cast<int>(axis_), reverse_);
  }
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<CumSum>(axis, reverse_);
  }

 private:
  const bool reverse_;
};

Tensor mean_as(const Tensor& x, const Axes& axis, std::optional<DType> dtype, bool keepdims,
               const Masked& where) {
  const Tensor given = cast_for("mean", x, dtype, x.dtype());
  const Tensor out =
      where ? mean_where(given, axis, keepdims, *where) : mean(given, axis, keepdims);
  return dtype && !is_inexact(*dtype) ? astype(out, *dtype) : out;
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axis, std::optional<DType> dtype, bool keepdims) {
  const DType to = dtype.value_or(accumulator_dtype(x.dtype()));
  if (is_bool(to)) return any(x, axis, keepdims);
  const ReducedAxes over = ReducedAxes::of_ufunc("sum", x, axis, keepdims);
  if (x.body()->origin && to == x.dtype()) {
    if (auto through = sum_of_spectrum(x, over.axes, keepdims)) return *through;
    Tensor y = apply1(make_ref<Sum>(over), x);
    remember_exponential_sum(x, over.axes, keepdims, 1, y);
    return y;
  }
  return apply1(make_ref<Sum>(over), cast_for("sum", x, dtype, to));
}

Tensor mean(const Tensor& x, const Axes& axis, bool keepdims) {
  const ReducedAxes over = ReducedAxes::of("mean", x, axis, keepdims);
  if (x.body()->origin) {
    const auto count = static_cast<double>(over.count(x.shape()));
    if (auto through = sum_of_spectrum(x, over.axes, keepdims))
      return value_of(apply1(make_ref<Mean>(over), copy(x)), *through / count);
    Tensor y = apply1(make_ref<Mean>(over), cast(x, to_floating(x.dtype())));
    remember_exponential_sum(x, over.axes, keepdims, count, y);
    return y;
  }
  return apply1(make_ref<Mean>(over), cast(x, to_floating(x.dtype())));
}

Tensor sum_to(const Tensor& x, const Dims& shape) {
  return x.shape() == shape ? x : apply1(make_ref<SumTo>(shape), x);
}

Tensor sum_leading(const Tensor& x, int64_t count) {
  if (count == 0) return x;
  return sum_to(x, Dims(x.shape().begin() + count, x.shape().end()));
}

Tensor any(const Tensor& x, const Axes& axis, bool keepdims) {
  return apply1(make_ref<Truth>(ReducedAxes::of_ufunc("any", x, axis, keepdims), false), x);
}

Tensor all(const Tensor& x, const Axes& axis, bool keepdims) {
  return apply1(make_ref<Truth>(ReducedAxes::of_ufunc("all", x, axis, keepdims), true), x);
}

Tensor count_nonzero(const Tensor& x, const Axes& axis, bool keepdims) {
  const Axes axes = ReducedAxes::of_ufunc("count_nonzero", x, axis, keepdims).axes;
  return sum(cast(x, DType::Bool), axes, DType::Int64, keepdims);
}

Tensor cumsum_as(const Tensor& x, std::optional<int64_t> axis, std::optional<DType> dtype) {
  const Tensor summand = cast_for("cumsum", x, dtype, accumulator_dtype(x.dtype()));
  const Tensor line = axis && x.ndim() > 0 ? summand : reshape(summand, {-1});
  const int64_t along = normalize_axis("cumsum", axis.value_or(0), line.ndim());
  return apply1(make_ref<CumSum>(along, false), line);
}

Tensor cumsum(const Tensor& x, std::optional<int64_t> axis) { return cumsum_as(x, axis, {}); }

void register_sums(Registry& registry) {
  registry.add("sum", &sum_where,
               "x, /, axis=None, dtype=None, *, keepdims=False, initial=None, where=None",
               "The sum over the axes.\n\n:param x: tensor\n"
               ":param axis: int, tuple of ints, or None for all\n"
               ":param dtype: dtype of the result; by default that of x, but at least int64 or "
               "uint64\n"
               ":param keepdims: keep the axes with size one\n"
               ":param initial: number that the sum starts with\n"
               ":param where: bools that broadcast to x; elements where they do not hold are left "
               "out\n\n"
               ">>> pa.sum(pa.tensor([1.0, pa.nan]), where=[True, False]).item()\n1.0");
  registry.add("mean", &mean_as, "x, /, axis=None, dtype=None, *, keepdims=False, where=None",
               "The arithmetic mean over the axes; of integers, in float64. Nan over nothing.\n\n"
               ":param x: tensor\n:param axis: int, tuple of ints, or None for all\n"
               ":param dtype: dtype of the result; an integer one cuts the fraction off\n"
               ":param keepdims: keep the axes with size one\n"
               ":param where: bools that broadcast to x; elements where they do not hold are left "
               "out\n\n"
               ">>> pa.mean(pa.tensor([[1.0, 2.0], [3.0, 6.0]]), axis=1).tolist()\n[1.5, 4.5]");
  registry.add("cumsum", &cumsum_as, "x, /, axis=None, dtype=None",
               "The cumulative sum along an axis.\n\n:param x: tensor\n"
               ":param axis: int, or None to flatten x first\n"
               ":param dtype: dtype of the result; by default that of x, but at least int64 or "
               "uint64\n\n"
               ">>> pa.cumsum(pa.tensor([1.0, 2.0, 3.0])).tolist()\n[1.0, 3.0, 6.0]");
  registry.add("any", &any_where, "x, /, axis=None, *, keepdims=False, where=None",
               "Whether any element along the axes is non-zero; nan counts as non-zero.\n\n"
               ":param x: tensor\n:param axis: int, tuple of ints, or None for all\n"
               ":param keepdims: keep the axes with size one\n"
               ":param where: bools that broadcast to x; elements where they do not hold are left "
               "out\n:returns: bool tensor\n\n"
               ">>> pa.any(pa.tensor([[0.0, 1.0], [0.0, 0.0]]), axis=1).tolist()\n[True, False]");
  registry.add("all", &all_where, "x, /, axis=None, *, keepdims=False, where=None",
               "Whether all elements along the axes are non-zero; nan counts as non-zero.\n\n"
               ":param x: tensor\n:param axis: int, tuple of ints, or None for all\n"
               ":param keepdims: keep the axes with size one\n"
               ":param where: bools that broadcast to x; elements where they do not hold are left "
               "out\n:returns: bool tensor\n\n"
               ">>> pa.all(pa.tensor([[1.0, 1.0], [0.0, 1.0]]), axis=1).tolist()\n[True, False]");
  registry.add("count_nonzero", &count_nonzero, "x, /, axis=None, *, keepdims=False",
               "How many elements along the axes are non-zero.\n\n:param x: tensor\n"
               ":param axis: int, tuple of ints, or None for all\n"
               ":param keepdims: keep the axes with size one\n:returns: int64 tensor\n\n"
               ">>> pa.count_nonzero(pa.tensor([0.0, 2.0, 3.0])).item()\n2");
}

}  // namespace ops

Tensor algebra::mean(const Tensor& x, int axis) { return ops::mean(x, Dims{axis}); }

bool algebra::any_nan(const Tensor& x) {
  if (x.is_array()) return kernels::any_nan(x.device_view());
  if (x.body()->kind != Body::Kind::Dual) return any_nan(inner_value(*x.body()));
  const Dual& dual = as_dual(x);
  return any_nan(dual.primal) || (dual.tangent && any_nan(dual.tangent));
}

}  // namespace pyautograd
