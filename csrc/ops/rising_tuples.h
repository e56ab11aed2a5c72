#pragma once

#include "autograd/tensor.h"

namespace pyautograd::ops {

// The tuples i0 <= ... <= ik of k + 1 places among n. What is symmetric in its places is computed
// for these alone: of all tuples they are nearly one in (k + 1)!.
class RisingTuples {
 public:
  RisingTuples(int64_t n, size_t k, Device device);

  // For j from 0 to k, the j-th place of each.
  const Tensors& places() const noexcept { return places_; }
  // From one number for each, along the last axis, to x[..., i0, ..., ik] for all tuples.
  Tensor for_all(const Tensor& values) const;
  // The transposed map: sums over all orders of each.
  Tensor over_orders(const Tensor& x) const;

 private:
  Tensors places_;
  Tensor numbers_;  // of all tuples, as many axes
};

}  // namespace pyautograd::ops
