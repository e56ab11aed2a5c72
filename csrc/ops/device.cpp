#include "kernels/kernels.h"
#include "ops/linear.h"

namespace pyautograd::ops {

namespace {

class ToDevice final : public LinearElementwise {
 public:
  explicit ToDevice(Device target) : target_(target) {}
  std::string_view name() const override { return "to_device"; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{inputs[0].shape(), inputs[0].dtype(), target_}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, target_);
    kernels::copy(out->device_view(), inputs[0].device_view());
    return Tensors::of(Tensor(std::move(out)));
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    return {to_device(args.cotangents[0], args.input_specs[0].device)};
  }

 private:
  const Device target_;
};

}  // namespace

Tensor to_device(const Tensor& x, Device device) {
  return x.device() == device ? x : apply1(make_ref<ToDevice>(device), x);
}

}  // namespace pyautograd::ops
