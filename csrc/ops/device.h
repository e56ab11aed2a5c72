#pragma once

#include "autograd/tensor.h"

namespace pyautograd::ops {

// As to_device (ops.h), but pinned memory of the host is read while this thread goes on.
Tensor to_device_later(const Tensor& x, Device device);

}  // namespace pyautograd::ops
