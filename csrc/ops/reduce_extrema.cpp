// max, min, argmax, argmin.

#include "kernels/kernels.h"
#include "ops/reduce.h"

namespace pyautograd::ops {

namespace {

// Elements that attain the extremum share its derivative equally; if there are nans, they do.
class Extremum final : public KernelReduction {
 public:
  Extremum(ReducedAxes over, bool maximum) : KernelReduction(std::move(over)), maximum_(maximum) {}
  std::string_view name() const override { return maximum_ ? "max" : "min"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    const Dims& shape = inputs[0].shape();
    for (int64_t axis : over_.axes) {
      if (shape[axis] == 0) {
        value_error("[", name(), "] zero-size array of shape ", shape_string(shape),
                    " has no extremum along axis ", axis);
      }
    }
    return Reduction::infer(inputs);
  }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& t = args.cotangents[0];
    const Tensor attained = where_attained(args.inputs[0], args.outputs[0]);
    const Tensor share = t / count(attained, t.dtype());
    return {where(attained, over_.restore(share), scalar(0, t.dtype()))};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor& t = tangents[0];
    const Tensor attained = where_attained(primals[0], outputs[0]);
    const Tensor moved = where(attained, t, scalar(0, t.dtype()));
    return {sum(moved, over_.axes, {}, over_.keepdims) / count(attained, t.dtype())};
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::reduce(maximum_ ? kernels::Reduce::Max : kernels::Reduce::Min, out, x);
  }
  Ref<const Primitive> over(ReducedAxes other) const override {
    return make_ref<Extremum>(other, maximum_);
  }

 private:
  Tensor where_attained(const Tensor& x, const Tensor& extremum) const {
    return logical_or(equal(x, over_.restore(extremum)), isnan(x));
  }
  Tensor count(const Tensor& attained, DType dtype) const {
    return sum(attained, over_.axes, dtype, over_.keepdims);
  }

  const bool maximum_;
};

class ArgExtremum final : public KernelReduction {
 public:
  ArgExtremum(ReducedAxes over, bool maximum)
      : KernelReduction(std::move(over)), maximum_(maximum) {}
  std::string_view name() const override { return maximum_ ? "argmax" : "argmin"; }

  Specs infer(TensorSpan inputs) const override {
    if (inputs[0].shape()[axis()] == 0) {
      value_error("[", name(), "] zero-size array of shape ", shape_string(inputs[0].shape()),
                  " has no extremum along axis ", axis());
    }
    return Reduction::infer(inputs);
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::arg_reduce(maximum_, out, x, static_cast<int>(axis()));
  }
  Ref<const Primitive> over(ReducedAxes other) const override {
    return make_ref<ArgExtremum>(other, maximum_);
  }
  DType result_dtype(DType) const override { return DType::Int64; }

 private:
  int64_t axis() const { return over_.axes[0]; }

  const bool maximum_;
};

Tensor extremum(const Tensor& x, const Axes& axis, bool keepdims, bool maximum) {
  require_real(maximum ? "max" : "min", x);
  auto axes = ReducedAxes::of_ufunc(maximum ? "max" : "min", x, axis, keepdims);
  return apply1(make_ref<Extremum>(std::move(axes), maximum), x);
}

Tensor arg_extremum(const Tensor& x, std::optional<int64_t> axis, bool keepdims, bool maximum) {
  if (!axis) {
    const Tensor index = arg_extremum(reshape(x, {-1}), 0, false, maximum);
    return keepdims ? reshape(index, Dims(x.ndim(), 1)) : index;
  }
  require_real(maximum ? "argmax" : "argmin", x);
  if (x.ndim() == 0 && (*axis == 0 || *axis == -1)) return arg_extremum(x, {}, keepdims, maximum);
  auto over = ReducedAxes::of(maximum ? "argmax" : "argmin", x, Dims{*axis}, keepdims);
  return apply1(make_ref<ArgExtremum>(std::move(over), maximum), x);
}

}  // namespace

Tensor max(const Tensor& x, const Axes& axis, bool keepdims) {
  return extremum(x, axis, keepdims, true);
}
Tensor min(const Tensor& x, const Axes& axis, bool keepdims) {
  return extremum(x, axis, keepdims, false);
}
Tensor argmax(const Tensor& x, std::optional<int64_t> axis, bool keepdims) {
  return arg_extremum(x, axis, keepdims, true);
}
Tensor argmin(const Tensor& x, std::optional<int64_t> axis, bool keepdims) {
  return arg_extremum(x, axis, keepdims, false);
}

void register_extrema(Registry& registry) {
  const std::string extremum_doc =
      " element along the axes; nan if there is one. Elements that tie share the derivative "
      "equally. Over nothing a ValueError.\n\n"
      ":param x: tensor\n:param axis: int, tuple of ints, or None for all\n"
      ":param keepdims: keep the axes with size one\n"
      ":param initial: number that takes part like an element; the result over nothing\n"
      ":param where: bools that broadcast to x; elements where they do not hold are left out. "
      "Needs initial\n\n";
  const std::string_view extremum_signature =
      "x, /, axis=None, *, keepdims=False, initial=None, where=None";
  const std::string index_doc =
      " element along the axis, the first of equals; the first nan, if there is one.\n\n"
      ":param x: tensor\n:param axis: int, or None to search the flattened tensor\n"
      ":param keepdims: keep the axis with size one\n:returns: int64 tensor\n\n";
  registry.add("max", &max_where, extremum_signature,
               "The largest" + extremum_doc +
                   ">>> pa.func.grad(pa.max)(pa.tensor([2.0, 2.0, 1.0])).tolist()\n"
                   "[0.5, 0.5, 0.0]");
  registry.add("min", &min_where, extremum_signature,
               "The smallest" + extremum_doc +
                   ">>> pa.min(pa.tensor([[3.0, 1.0], [2.0, 5.0]]), axis=0).tolist()\n"
                   "[2.0, 1.0]");
  registry.add("argmax", &argmax, "x, /, axis=None, *, keepdims=False",
               "The index of the largest" + index_doc +
                   ">>> pa.argmax(pa.tensor([[1.0, 3.0], [4.0, 2.0]]), axis=1).tolist()\n[1, 0]");
  registry.add("argmin", &argmin, "x, /, axis=None, *, keepdims=False",
               "The index of the smallest" + index_doc +
                   ">>> pa.argmin(pa.tensor([[1.0, 3.0], [4.0, 2.0]])).item()\n0");
}

}  // namespace pyautograd::ops
