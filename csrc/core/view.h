#pragma once

#include <span>

#include "core/dtype.h"
#include "core/small_vector.h"

namespace pyautograd {

// What a kernel sees of an array: no ownership, no derivative. Strides count elements, not bytes,
// and may be zero (broadcast) or negative (flip). Only the doors of kernels.h that say so take a
// view whose numbers lie on a device.
struct View {
  void* data = nullptr;
  DType dtype = DType::Float64;
  std::span<const int64_t> shape;
  std::span<const int64_t> strides;
  Device device = {};
};

}  // namespace pyautograd
