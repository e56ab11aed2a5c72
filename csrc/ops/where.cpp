// where, and clip, which is two of them.

#include "autograd/layout.h"
#include "kernels/fused.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
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
    Ref<Array> out = empty_elementwise(x, specs[0]);
    const Tensor condition = broadcast_to(astype(x[0], DType::Bool), shape);
    const Tensor a = broadcast_to(astype(x[1], specs[0].dtype), shape);
    const Tensor b = broadcast_to(astype(x[2], specs[0].dtype), shape);
    kernels::where(out->device_view(), condition.device_view(), a.device_view(), b.device_view());
    return Tensors::of(Tensor(std::move(out)));
  }

  bool find_loop(TensorSpan x, kernels::ElementLoop& loop) const override {
    loop.ternary = kernels::where_loop(itemsize(x[1].dtype()));
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
  if (!min && !max) return copy(x);
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

Tensor where(const Tensor& condition, const Tensor& x1, const Tensor& x2) {
  static const Ref<const Primitive>* primitive = new Ref<const Primitive>(make_ref<Where>());
  return apply1(*primitive, Borrowed<3>(condition, x1, x2));
}

}  // namespace ops

void register_where(Registry& registry) {
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

}  // namespace pyautograd
