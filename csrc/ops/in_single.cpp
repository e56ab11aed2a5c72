#include "ops/in_single.h"

#include "autograd/layout.h"
#include "kernels/kernels.h"
#include "ops/linear.h"

namespace pyautograd {

namespace ops {

namespace {

DType widened(DType dtype) noexcept { return is_half(dtype) ? DType::Float32 : dtype; }

// The dtype of the results: that of the inputs, if their inexact ones agree.
std::optional<DType> common_half(TensorSpan inputs) {
  std::optional<DType> found;
  for (const Tensor& x : inputs) {
    if (!is_inexact(x.dtype())) continue;
    if (!is_half(x.dtype()) || (found && *found != x.dtype())) return std::nullopt;
    found = x.dtype();
  }
  return found;
}

Tensor converted(const Tensor& x, DType dtype) {
  Ref<Array> out = empty_elementwise(Borrowed<1>(x), {x.shape(), dtype, x.device()});
  kernels::copy(out->device_view(), x.array().device_view());
  return Tensor(std::move(out));
}

// Shape, dtype and device of x; its numbers are not there.
Tensor stand_in(const Tensor& x) {
  const Ref<Array> number = Array::empty({}, DType::Float32, x.device());
  return Tensor(number->with_layout(x.shape(), Dims(x.shape().size(), 0), 0));
}

template <class Convert>
Tensors with_halves(TensorSpan tensors, const Convert& convert) {
  Tensors out;
  for (const Tensor& x : tensors) out.push_back(x && is_half(x.dtype()) ? convert(x) : x);
  return out;
}

Tensors arrays_in_single(TensorSpan inputs) {
  return with_halves(inputs, [](const Tensor& x) { return converted(x, DType::Float32); });
}

// Recorded, unlike the above.
Tensors cast_to_single(TensorSpan tensors) {
  return with_halves(tensors, [](const Tensor& x) { return astype(x, DType::Float32); });
}

Specs in_single_specs(std::span<const Spec> specs) {
  Specs wide;
  for (const Spec& spec : specs) wide.push_back({spec.shape, widened(spec.dtype), spec.device});
  return wide;
}

// Nodes of it save what the op would save, as it is in memory: at half the size.
class InSingle final : public Primitive {
 public:
  explicit InSingle(const Ref<const Primitive>& primitive) : primitive_(primitive) {}

  std::string_view name() const override { return primitive_->name(); }
  bool takes_halves(TensorSpan) const override { return true; }
  bool recomputable() const override { return primitive_->recomputable(); }
  bool repeatable() const override { return primitive_->repeatable(); }

  Specs infer(TensorSpan inputs) const override {
    Specs specs = primitive_->infer(with_halves(inputs, stand_in));
    const std::optional<DType> half = common_half(inputs);
    for (Spec& spec : specs)
      if (half && is_floating(spec.dtype)) spec.dtype = *half;
    return specs;
  }

  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Tensors wide = arrays_in_single(inputs);
    Specs wide_specs = primitive_->infer(wide);
    for (size_t i = 0; i < wide_specs.size(); ++i) wide_specs[i].device = specs[i].device;
    Tensors outputs = primitive_->eval(wide, wide_specs);
    const std::optional<DType> half = common_half(inputs);
    for (Tensor& y : outputs)
      if (half && is_floating(y.dtype())) y = converted(y, *half);
    return outputs;
  }

  Saves saves() const override { return primitive_->saves(); }
  Saves saves_for(std::span<const bool> tracked) const override {
    return primitive_->saves_for(tracked);
  }

  Ref<RefCounted> context(TensorSpan inputs, TensorSpan outputs) const override {
    return primitive_->context(inputs, outputs);
  }
  Saves saves_with(const RefCounted& context) const override {
    return primitive_->saves_with(context);
  }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensors cotangents = cast_to_single(args.cotangents),
                  inputs = cast_to_single(args.inputs), outputs = cast_to_single(args.outputs);
    const Specs specs = in_single_specs(args.input_specs);
    VjpArgs wide = args;
    wide.cotangents = cotangents;
    wide.inputs = inputs;
    wide.outputs = outputs;
    wide.input_specs = specs;
    return primitive_->vjp(wide);
  }

  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    return primitive_->jvp(cast_to_single(primals), cast_to_single(tangents),
                           cast_to_single(outputs));
  }

  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    return primitive_->batch(size, values, dims);
  }

  Dependence dependence(const DependenceArgs& args) const override {
    const Spec x{args.x.shape, widened(args.x.dtype), args.x.device};
    const Specs outputs = in_single_specs(args.outputs);
    const Tensors constants = arrays_in_single(args.constants);
    return primitive_->dependence({args.input, x, outputs, constants});
  }

 private:
  const Ref<const Primitive> primitive_;
};

Tensors tensors_of(std::span<const Arg> args) {
  Tensors found;
  for (const Arg& arg : args) {
    if (const Tensor* x = std::get_if<Tensor>(&arg)) found.push_back(*x);
    if (const Tensors* list = std::get_if<Tensors>(&arg))
      for (const Tensor& x : *list) found.push_back(x);
  }
  return found;
}

}  // namespace

Tensors invoke_in_single(void* plain_call, std::span<const Arg> args) {
  const auto& call = *static_cast<const PlainCall*>(plain_call);
  const Tensors given = tensors_of(args);
  const auto any_half = [](const Tensor& x) { return is_half(x.dtype()); };
  if (std::none_of(given.begin(), given.end(), any_half)) return call.invoke(call.function, args);
  SmallVector<Arg, 8> wide;
  bool asked = false;
  for (const Arg& arg : args) {
    asked |= std::holds_alternative<DType>(arg);
    wide.push_back(arg);
    if (const Tensor* x = std::get_if<Tensor>(&arg)) wide.back() = cast(*x, widened(x->dtype()));
    if (const Tensors* list = std::get_if<Tensors>(&arg)) wide.back() = cast_to_single(*list);
  }
  Tensors results = call.invoke(call.function, wide);
  const std::optional<DType> half = asked ? std::nullopt : common_half(given);
  for (Tensor& y : results)
    if (half && is_floating(y.dtype())) y = cast(y, *half);
  return results;
}

}  // namespace ops

namespace algebra {

Ref<const Primitive> in_single(const Ref<const Primitive>& primitive) {
  return make_ref<ops::InSingle>(primitive);
}

}  // namespace algebra

}  // namespace pyautograd
