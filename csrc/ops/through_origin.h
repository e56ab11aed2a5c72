#pragma once

#include "ops/linear.h"
#include "ops/ops.h"

namespace pyautograd::ops {

// An elementwise function of y, differentiated as a function of the operand that y comes from
// (ops/origin.h).
class ThroughOrigin : public Primitive {
 public:
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 0) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  Specs infer(TensorSpan x) const override { return {x[0].spec()}; }
  Saves saves() const override { return {.inputs = 2}; }
  Tensors eval(TensorSpan x, const Specs&) const override { return {value(x[0].untracked())}; }
  Tensors vjp(const VjpArgs& args) const override {
    return {Tensor(), scaled(args.cotangents[0], args.inputs[1])};
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    return {t[1] ? scaled(t[1], x[1]) : Tensor()};
  }
  BatchResult batch(int64_t size, TensorSpan x, std::span<const int> dims) const override {
    const Tensor y = mapped_or_broadcast(x[0], dims[0], size);
    const Tensor operand = mapped_or_broadcast(x[1], dims[1], size);
    return {apply(Ref<const Primitive>(this), Borrowed<2>(y, operand)), {0}};
  }

 protected:
  virtual Tensor value(const Tensor& y) const = 0;
  // A tangent or cotangent times the slope with respect to the operand.
  virtual Tensor scaled(const Tensor& t, const Tensor& operand) const = 0;
};

}  // namespace pyautograd::ops
