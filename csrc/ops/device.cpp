#include "ops/device.h"

#include "kernels/device.h"
#include "ops/linear.h"

namespace pyautograd::ops {

namespace {

class ToDevice final : public LinearElementwise {
 public:
  ToDevice(Device target, bool later) : target_(target), later_(later) {}
  std::string_view name() const override { return "to_device"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{inputs[0].shape(), inputs[0].dtype(), target_}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, target_);
    if (later_ && !kernels::on_device(inputs[0].device_view()))
      kernels::copy_later(out->device_view(), inputs[0].device_view());
    else
      kernels::copy(out->device_view(), inputs[0].device_view());
    return Tensors::of(Tensor(std::move(out)));
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    return {to_device(args.cotangents[0], args.input_specs[0].device)};
  }

 private:
  const Device target_;
  const bool later_;
};

}  // namespace

Tensor to_device(const Tensor& x, Device device) {
  return x.device() == device ? x : apply1(make_ref<ToDevice>(device, false), x);
}

Tensor to_device_later(const Tensor& x, Device device) {
  return x.device() == device ? x : apply1(make_ref<ToDevice>(device, true), x);
}

}  // namespace pyautograd::ops
