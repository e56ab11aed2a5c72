#pragma once

#include "autograd/capture.h"
#include "autograd/deferral.h"
#include "autograd/devices.h"
#include "autograd/recipe.h"

namespace pyautograd {

// The one way to primitive.eval: with the inputs there, and with recipes for the outputs; or to a
// note of the op, while a call is captured.
Tensors evaluate_on_budget(const Ref<const Primitive>& primitive, TensorSpan inputs,
                           const Specs& specs);
inline Tensors evaluate_on_host(const Ref<const Primitive>& primitive, TensorSpan inputs,
                                const Specs& specs) {
  if (may_rematerialise()) return evaluate_on_budget(primitive, inputs, specs);
  if (Deferral::wanted(specs)) {
    if (Tensors outputs = Deferral::mine().put_off(primitive, inputs, specs); !outputs.empty())
      return outputs;
  }
  if (Deferral::waits()) [[unlikely]] {
    if (Tensors outputs = Deferral::mine().leave_undone(primitive, inputs, specs); !outputs.empty())
      return outputs;
  }
  return primitive->eval(inputs, specs);
}
inline Tensors evaluate(const Ref<const Primitive>& primitive, TensorSpan inputs,
                        const Specs& specs) {
  if (Capture* capture = Capture::current()) [[unlikely]]
    return capture->evaluate(primitive, inputs, specs);
  return devices_in_use() ? evaluate_on_device(primitive, inputs, specs)
                          : evaluate_on_host(primitive, inputs, specs);
}

}  // namespace pyautograd
