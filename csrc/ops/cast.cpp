#include "autograd/layout.h"
#include "kernels/fused.h"
#include "kernels/kernels.h"
#include "ops/linear.h"

namespace pyautograd::ops {

namespace {

class AsType final : public Linear {
 public:
  explicit AsType(DType dtype) : dtype_(dtype) {}
  std::string_view name() const override { return "astype"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{inputs[0].shape(), dtype_, inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = empty_elementwise(inputs, specs[0]);
    kernels::copy(out->device_view(), inputs[0].device_view());
    return Tensors::of(Tensor(std::move(out)));
  }
  bool find_loop(TensorSpan inputs, kernels::ElementLoop& loop) const override {
    loop.unary = kernels::conversion_loop(dtype_, inputs[0].dtype());
    return loop.unary != nullptr;
  }
  // Of halves.
  bool find_kernel(TensorSpan inputs, const Specs&, kernels::ArrayKernel& kernel) const override {
    const Array& x = inputs[0].array();
    if (!elementwise_order(inputs, x.shape).empty()) return false;
    kernel = kernel_on(x, dtype_, x.shape, kernels::copy);
    return true;
  }
  // The engine casts a cotangent to the dtype of its edge.
  Tensors vjp(const VjpArgs& args) const override {
    return {is_inexact(dtype_) ? args.cotangents[0] : Tensor()};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    return is_inexact(dtype_) ? Linear::jvp(primals, tangents, outputs) : Tensors{Tensor()};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return {{astype(values[0], dtype_)}, {dims[0]}};
  }

 private:
  const DType dtype_;
};

class Copy final : public LinearElementwise {
 public:
  std::string_view name() const override { return "copy"; }
  bool copies() const override { return true; }
  bool takes_halves(TensorSpan) const override { return true; }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::copy(out->device_view(), inputs[0].device_view());
    return Tensors::of(Tensor(std::move(out)));
  }
  bool find_kernel(TensorSpan inputs, const Specs&, kernels::ArrayKernel& kernel) const override {
    const Array& x = inputs[0].array();
    kernel = kernel_on(x, x.dtype, x.shape, kernels::copy);
    return true;
  }
  Tensors vjp(const VjpArgs& args) const override { return {args.cotangents[0]}; }
};

class Identity final : public LinearElementwise {
 public:
  std::string_view name() const override { return "identity"; }
  bool copies() const override { return true; }
  bool may_view() const override { return true; }
  bool takes_halves(TensorSpan) const override { return true; }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs&) const override { return {inputs[0].untracked()}; }
  Tensors vjp(const VjpArgs& args) const override { return {args.cotangents[0]}; }
};

template <class P>
const Ref<const Primitive>& shared() {
  static const Ref<const Primitive> instance = make_ref<P>();
  return instance;
}

}  // namespace

Tensor astype(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype && !x.tracked()) return x;
  return apply1(make_ref<AsType>(dtype), x);
}

Tensor copy(const Tensor& x) { return apply1(shared<Copy>(), x); }

}  // namespace pyautograd::ops

namespace pyautograd::algebra {

Tensor copy(const Tensor& x) { return ops::copy(x); }

Tensor identity(const Tensor& x) { return apply1(ops::shared<ops::Identity>(), x); }

Tensor reduce_to(const Tensor& x, const Spec& spec) {
  const bool same_shape = x.shape() == spec.shape, same_device = x.device() == spec.device;
  if (same_shape && same_device && x.dtype() == spec.dtype) return x;
  const Tensor summed = same_shape ? x : ops::sum_to(x, spec.shape);
  const Tensor cast = summed.dtype() == spec.dtype ? summed : ops::astype(summed, spec.dtype);
  return same_device ? cast : ops::to_device(cast, spec.device);
}

Tensor expand_to(const Tensor& x, const Spec& spec) {
  const bool same_dtype = x.dtype() == spec.dtype, same_device = x.device() == spec.device;
  if (same_dtype && same_device && x.shape() == spec.shape) return x;
  const Tensor there = same_device ? x : ops::to_device(x, spec.device);
  const Tensor cast = same_dtype ? there : ops::astype(there, spec.dtype);
  return cast.shape() == spec.shape ? cast : ops::broadcast_to(cast, spec.shape);
}

}  // namespace pyautograd::algebra
