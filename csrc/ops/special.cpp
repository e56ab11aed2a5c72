#include "ops/special.h"

#include <algorithm>

#include "autograd/layout.h"
#include "kernels/fused.h"

namespace pyautograd {

namespace ops {

namespace {

class SpecialOp final : public Primitive {
 public:
  SpecialOp(const SpecialRow& row, const Orders& orders) : row_(row), orders_(orders) {}
  std::string_view name() const override { return row_.name; }
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::elementwise(args.x, args.outputs[0]);
  }

  Specs infer(TensorSpan x) const override {
    Spec out = x[0].spec();
    for (size_t i = 1; i < x.size(); ++i) {
      out.shape = broadcast_shapes(name(), out.shape, x[i].shape());
      out.dtype = promote(out.dtype, x[i].dtype());
    }
    out.dtype = to_floating(out.dtype);
    if (!is_floating(out.dtype) && !(row_.complex && is_complex(out.dtype)))
      type_error("[", name(), "] is not defined for dtype ", name_of(out.dtype));
    return {out};
  }

  Tensors eval(TensorSpan x, const Specs& specs) const override {
    const Spec& spec = specs[0];
    Ref<Array> out = empty_elementwise(x, spec);
    Tensors inputs;
    SmallVector<Dims, 3> strides;
    SmallVector<View, 3> views;
    for (const Tensor& input : x) {
      inputs.push_back(cast(input.untracked(), spec.dtype));
      const Array& array = inputs.back().array();
      strides.push_back(broadcast_strides(array.shape, array.strides, spec.shape));
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      views.push_back(
          {inputs[i].array().address(), spec.dtype, spec.shape, strides[i], inputs[i].device()});
    kernels::map_special(special(), out->device_view(), {views.begin(), views.size()});
    return Tensors::of(Tensor(std::move(out)));
  }

  bool find_loop(TensorSpan x, kernels::ElementLoop& loop) const override {
    const DType dtype = x[0].dtype();
    for (const Tensor& input : x) {
      if (input.dtype() != dtype || !is_inexact(dtype)) return false;
    }
    loop.function = kernels::special_loop(special(), dtype, x.size());
    return loop.function != nullptr;
  }

  Saves saves_for(std::span<const bool> tracked) const override {
    Saves saves;
    for (size_t i = 0; i < tracked.size(); ++i) {
      if (!tracked[i]) continue;
      saves.inputs |= row_.derivatives[i].reads;
      saves.outputs |= row_.derivatives[i].reads_result ? 1 : 0;
    }
    return saves;
  }

  Tensors vjp(const VjpArgs& args) const override {
    Tensors out(row_.arity);
    for (size_t i = 0; i < row_.arity; ++i)
      if (args.wants[i]) out[i] = term(i, args.cotangents[0], args.inputs, args.outputs[0]);
    return out;
  }

  Tensors jvp(TensorSpan x, TensorSpan tangents, TensorSpan outputs) const override {
    Tensor sum;
    for (size_t i = 0; i < row_.arity; ++i) {
      if (!tangents[i]) continue;
      Tensor moved = term(i, tangents[i], x, outputs[0]);
      sum = sum ? add(sum, moved) : std::move(moved);
    }
    return Tensors::of(std::move(sum));
  }

  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return batch_broadcasting(*this, values, dims);
  }

 private:
  kernels::Special special() const {
    return {row_.name, row_.function, row_.complex, row_.vector, orders_};
  }
  Tensor term(size_t i, const Tensor& t, TensorSpan x, const Tensor& y) const {
    const SpecialPartial partial = row_.derivatives[i].partial;
    return partial ? partial(t, x, y, orders_) : zeros_like(t);
  }

  const SpecialRow& row_;
  const Orders orders_;
};

// In the dtype of the result: what a rule computes of integers, n - 1 of a uint8 0 say, would not
// be what it means.
Tensors in_floating(TensorSpan x) {
  DType dtype = x[0].dtype();
  for (const Tensor& argument : x) dtype = promote(dtype, argument.dtype());
  Tensors out;
  for (const Tensor& argument : x) out.push_back(cast(argument, to_floating(dtype)));
  return out;
}

}  // namespace

Tensor apply_special(const SpecialRow& row, TensorSpan x, const Orders& orders) {
  if (x.size() > 1 && std::any_of(x.begin(), x.end(), [](T a) { return !is_inexact(a.dtype()); }))
    return apply_special(row, in_floating(x), orders);
  const Ref<const Primitive> op = make_ref<SpecialOp>(row, orders);
  Tensor y = apply1(op, x);
  return any_origin(x) ? through_root(op, x, std::move(y)) : y;
}

std::string special_doc(std::string_view summary, std::string_view params) {
  return pyautograd::concat(summary,
                            "\n\nElement by element, with broadcasting; integers and bools are "
                            "computed in float64, and nan outside the domain.\n\n",
                            params,
                            "\n:returns: floating tensor of the broadcast shape"
                            "\n:raises ValueError: if the shapes do not broadcast");
}

}  // namespace ops

void register_special(Registry& registry) {
  ops::register_gamma(registry);
  ops::register_error_functions(registry);
  ops::register_bessel(registry);
  ops::register_entropies(registry);
  ops::register_incomplete(registry);
  ops::register_integrals(registry);
  ops::register_lambert(registry);
}

}  // namespace pyautograd
