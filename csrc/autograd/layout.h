#pragma once

#include <functional>

#include "autograd/tensor.h"
#include "kernels/array_kernel.h"

namespace pyautograd {

// How the result of an elementwise op lies in memory: its axes in the order of its operands' where
// these agree, as in NumPy (order "K"). So a chain of ops on transposed arrays reads and writes
// forward. It depends on layouts alone, so that every way to evaluate an op agrees on what reshape
// can show without a copy.
AxisOrder elementwise_order(TensorSpan operands, const Dims& shape);

inline Ref<Array> empty_elementwise(TensorSpan operands, const Spec& spec) {
  for (const Tensor& x : operands) {
    if (!x.array().contiguous()) [[unlikely]]
      return Array::empty(spec.shape, elementwise_order(operands, spec.shape), spec.dtype,
                          spec.device);
  }
  return Array::empty(spec.shape, spec.dtype, spec.device);
}

// The call of a kernel that makes a row-major array of an array that lies like x.
kernels::ArrayKernel kernel_on(const Array& x, DType dtype, Dims shape,
                               std::function<void(const View& out, const View& x)> run);

}  // namespace pyautograd
