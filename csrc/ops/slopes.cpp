#include "ops/slopes.h"

#include "autograd/capture.h"
#include "autograd/layout.h"
#include "kernels/fused.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace pyautograd::ops {

namespace {

enum Input : size_t { kArgument, kScale, kResult };

// The derivative of the slope by the result y; absent: 1.
using Bend = Tensor (*)(const Tensor& y);

// Of x, t and y. The argument x only says what the result y means, so no derivative goes through
// it.
class ScaleBySlope final : public Primitive {
 public:
  ScaleBySlope(const char* name, kernels::FnId fn, Bend bend) : name_(name), fn_(fn), bend_(bend) {}

  std::string_view name() const override { return name_; }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == kArgument) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }

  Specs infer(TensorSpan x) const override {
    Specs specs;
    Spec& out = specs.emplace_back();
    out.shape = broadcast_shapes(name_, x[kScale].shape(), x[kResult].shape());
    out.dtype = promote(x[kScale].dtype(), x[kResult].dtype());
    out.device = x[kResult].device();
    return specs;
  }

  Tensors eval(TensorSpan x, const Specs& specs) const override {
    const Spec& spec = specs[0];
    Ref<Array> out = empty_elementwise(x, spec);
    const auto whole = [&](size_t i) {
      return broadcast_to(cast(x[i].untracked(), spec.dtype), spec.shape);
    };
    const Tensor argument = whole(kArgument), scale = whole(kScale), result = whole(kResult);
    kernels::scale_by_slope(fn_, out->device_view(), argument.device_view(), scale.device_view(),
                            result.device_view());
    return Tensors::of(Tensor(std::move(out)));
  }

  bool find_loop(TensorSpan x, kernels::ElementLoop& loop) const override {
    const DType dtype = x[kResult].dtype();
    loop.ternary = kernels::slope_loop(fn_, dtype);
    return loop.ternary && x[kArgument].dtype() == dtype && x[kScale].dtype() == dtype;
  }

  Saves saves_for(std::span<const bool> tracked) const override {
    uint32_t inputs = 0;
    if (tracked[kScale]) inputs |= 1u << kArgument | 1u << kResult;
    if (tracked[kResult]) inputs |= 1u << kScale | (bend_ ? 1u << kResult : 0u);
    return {.inputs = inputs, .outputs = 0, .specs = false};
  }

  Tensors vjp(const VjpArgs& args) const override {
    Tensors out(3);
    for (const size_t i : {kScale, kResult})
      if (args.wants[i]) out[i] = part(i, args.cotangents[0], args.inputs);
    return out;
  }

  Tensors jvp(TensorSpan x, TensorSpan tangents, TensorSpan) const override {
    Tensor sum;
    for (const size_t i : {kScale, kResult}) {
      if (!tangents[i]) continue;
      Tensor term = part(i, tangents[i], x);
      sum = sum ? add(sum, term) : std::move(term);
    }
    return Tensors::of(std::move(sum));
  }

  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    if (dims[kArgument] != kNotMapped || dims[kResult] != kNotMapped)
      return batch_broadcasting(*this, values, dims);
    // One slope serves all of them.
    const Tensor one = scalar(1, values[kScale].dtype());
    const Borrowed<3> inputs(values[kArgument], one, values[kResult]);
    const Tensor slope = apply1(Ref<const Primitive>(this), inputs);
    const int mapped[] = {dims[kScale], kNotMapped};
    return batch_broadcasting(*elementwise_primitive(kernels::fn_id<kernels::Scale>()),
                              Borrowed<2>(values[kScale], slope), mapped);
  }

 private:
  Tensor part(size_t i, const Tensor& g, TensorSpan x) const {
    if (i == kScale) {
      const Borrowed<3> inputs(x[kArgument], g, x[kResult]);
      return apply1(Ref<const Primitive>(this), inputs);
    }
    const Tensor product = scale_both(x[kScale], g);
    return bend_ ? scale(product, bend_(x[kResult])) : product;
  }

  const char* const name_;
  const kernels::FnId fn_;
  const Bend bend_;
};

template <class Functor>
Tensor scaled_at(const char* name, Bend bend, const Tensor& t, const Tensor& x, const Tensor& y) {
  static const auto* op =
      new Ref<const Primitive>(make_ref<ScaleBySlope>(name, kernels::fn_id<Functor>(), bend));
  return apply1(*op, Borrowed<3>(x, t, y));
}

}  // namespace

std::optional<kernels::FnId> slope_of(kernels::FnId fn) {
  using namespace kernels;
  if (fn == fn_id<Expm1>()) return fn_id<ScaleExpm1At>();
  if (fn == fn_id<Tanh>()) return fn_id<ScaleTanhAt>();
  if (fn == fn_id<Sigmoid>()) return fn_id<ScaleSigmoidAt>();
  return {};
}

bool near_limit(kernels::FnId slope, const Tensor& y) {
  const Array& results = innermost_array(y);
  const bool there = !Capture::unknown(results) && results.storage->present();
  return !there || kernels::any_near_limit(slope, results.device_view());
}

Tensor scale_expm1(const Tensor& t, const Tensor& x, const Tensor& y) {
  if (!x) return scale(t, y + 1.0);
  return scaled_at<kernels::ScaleExpm1At>("_scale_expm1_at", nullptr, t, x, y);
}
Tensor scale_tanh(const Tensor& t, const Tensor& x, const Tensor& y) {
  if (!x) return call<kernels::ScaleTanh>(t, y);
  const Bend bend = [](const Tensor& r) { return r * -2.0; };
  return scaled_at<kernels::ScaleTanhAt>("_scale_tanh_at", bend, t, x, y);
}
Tensor scale_sigmoid(const Tensor& t, const Tensor& x, const Tensor& y) {
  if (!x) return call<kernels::ScaleSigmoid>(t, y);
  const Bend bend = [](const Tensor& r) { return 1.0 - r * 2.0; };
  return scaled_at<kernels::ScaleSigmoidAt>("_scale_sigmoid_at", bend, t, x, y);
}

}  // namespace pyautograd::ops
