#include "autograd/devices.h"

#include "autograd/evaluate.h"
#include "core/backend.h"
#include "core/strides.h"

namespace pyautograd {

namespace {

bool on_host(const Tensor& x) { return x.device().kind == Device::Kind::CPU; }

// One number, however often it is repeated: what kernels of any device take from the host.
bool is_number(const Tensor& x) {
  if (!x.is_array()) return x.ndim() == 0;
  return shows_one_number(x.array().shape, x.array().strides);
}

// Where the op runs.
Device common_device(const Primitive& primitive, TensorSpan inputs) {
  const Tensor* first = nullptr;
  const Tensor* on_other = nullptr;
  for (const Tensor& x : inputs) {
    if (on_host(x) && is_number(x)) continue;
    if (!first) first = &x;
    if (x.device() != first->device()) on_other = &x;
  }
  if (on_other) {
    value_error("[", primitive.name(), "] inputs lie on ", name_of(first->device()), " and ",
                name_of(on_other->device()), ": move one of them with .to('",
                name_of(first->device()), "')");
  }
  return first ? first->device() : Device();
}

}  // namespace

Tensors evaluate_on_device(const Ref<const Primitive>& primitive, TensorSpan inputs,
                           const Specs& specs) {
  const Device device = common_device(*primitive, inputs);
  if (device.kind == Device::Kind::CPU) return evaluate_on_host(primitive, inputs, specs);
  // infer knows the device of the first input, which may be a number of the host.
  Specs placed = specs;
  for (Spec& spec : placed) {
    if (spec.device.kind == Device::Kind::CPU) spec.device = device;
  }
  try {
    return primitive->eval(inputs, placed);
  } catch (const NotOnHost&) {
    fail(Error::Kind::NotImplemented, "[", primitive->name(),
         "] has no cuda kernel in this build: move its inputs with .to('cpu')");
  } catch (const MissingLibrary& missing) {
    runtime_error("[", primitive->name(), "] ", missing.what());
  } catch (const DeviceFailure& failure) {
    runtime_error("[", primitive->name(), "] ", failure.what(),
                  ": the cause may be an earlier op, which PYAUTOGRAD_CUDA_SYNC=1 finds");
  }
}

}  // namespace pyautograd
