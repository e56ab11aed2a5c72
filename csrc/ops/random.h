#pragma once

#include "autograd/drawn_streams.h"
#include "ops/linear.h"

// Random draws. `op` names the caller in errors. Inside a vmap each draw asks the running levels
// what it means; see DrawSite in ops/random.cpp.
namespace pyautograd::ops {

// What generators draw from. In a captured call its place moves as each run will see it.
struct RandomStream {
  Ref<RandomSource> source;
  Device device;  // where draws are made whose parameters lie on none

  uint64_t position() const;
  void seek(uint64_t block) const;
};

// Where the parameters lie that it goes along with, if any of them lies on a device.
Tensor base_draw(std::string_view op, const RandomStream& stream, kernels::BaseDraw kind,
                 const Dims& shape, DType dtype, TensorSpan parameters);
// Of `shape`, or that of the parameters together. The log of a gamma variate is differentiable in
// its shape by implicit reparametrisation; the others are integers.
Tensor parameter_draw(std::string_view op, const RandomStream& stream, kernels::ParameterDraw kind,
                      TensorSpan parameters, const std::optional<Dims>& shape);
// 0, ..., n - 1 in random order.
Tensor permutation(std::string_view op, const RandomStream& stream, int64_t n);

// kernels/scalar/gamma_slope.h, elementwise and differentiable.
Tensor gamma_shape_slope(const Tensor& a, const Tensor& y, int64_t order);
Tensor log_gamma_slope(const Tensor& a, int64_t order);

}  // namespace pyautograd::ops
