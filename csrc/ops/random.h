#pragma once

#include <atomic>

#include "kernels/random.h"
#include "ops/linear.h"

// Random draws. `op` names the caller in errors. Inside a vmap each draw asks the running levels
// what it means; see DrawSite in ops/random.cpp.
namespace pyautograd::ops {

// A stream of random words, by its key, and how many blocks of four words are used up. Calls from
// several threads get different blocks.
class RandomStream {
 public:
  RandomStream(const kernels::RandomKey& key, uint64_t position, Device device = {})
      : key(key), device(device), position_(position) {}

  const kernels::RandomKey key;
  const Device device;  // where draws are made whose parameters lie on none
  uint64_t position() const noexcept { return position_; }
  void seek(uint64_t position) noexcept { position_ = position; }
  // The first of `blocks` blocks, which nobody else will get.
  uint64_t take(int64_t blocks) noexcept { return position_.fetch_add(uint64_t(blocks)); }

 private:
  std::atomic<uint64_t> position_;
};

// Where the parameters lie that it goes along with, if any of them lies on a device.
Tensor base_draw(std::string_view op, RandomStream& stream, kernels::BaseDraw kind,
                 const Dims& shape, DType dtype, TensorSpan parameters);
// Of `shape`, or that of the parameters together. The log of a gamma variate is differentiable in
// its shape by implicit reparametrisation; the others are integers.
Tensor parameter_draw(std::string_view op, RandomStream& stream, kernels::ParameterDraw kind,
                      TensorSpan parameters, const std::optional<Dims>& shape);
// 0, ..., n - 1 in random order.
Tensor permutation(std::string_view op, RandomStream& stream, int64_t n);

// kernels/scalar/gamma_slope.h, elementwise and differentiable.
Tensor gamma_shape_slope(const Tensor& a, const Tensor& y, int64_t order);
Tensor log_gamma_slope(const Tensor& a, int64_t order);

}  // namespace pyautograd::ops
