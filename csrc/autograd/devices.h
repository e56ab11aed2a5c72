#pragma once

#include "autograd/primitive.h"

namespace pyautograd {

// primitive.eval where some arrays may lie on devices other than the host. All of them lie on one;
// 0-d arrays of the host go along with any. Raises ValueError that names two devices otherwise, and
// NotImplementedError where the op has no kernel for the device.
Tensors evaluate_on_device(const Ref<const Primitive>& primitive, TensorSpan inputs,
                           const Specs& specs);

}  // namespace pyautograd
