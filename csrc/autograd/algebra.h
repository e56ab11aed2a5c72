#pragma once

#include "autograd/tensor.h"

namespace pyautograd {
class Primitive;
}

// The few linear ops that the engine itself needs. They are declared here and defined in ops/, so
// that autograd depends on no op family; every one records and batches like any other op.
namespace pyautograd::algebra {

Tensor add(const Tensor& a, const Tensor& b);
// a += b in place when nobody else can see a and nothing records; otherwise add. Where it raises, a
// is as it was.
Tensor accumulate(Tensor&& a, const Tensor& b);
// Sums broadcast axes away and casts: what brings a cotangent to the shape and dtype of its edge.
Tensor reduce_to(const Tensor& x, const Spec& spec);
// Broadcasts and casts: what brings a tangent to the shape and dtype of its output.
Tensor expand_to(const Tensor& x, const Spec& spec);
Tensor zeros(const Spec& spec);
Tensor ones(const Spec& spec);
// A fresh array with the same numbers; wrappers and edges are kept.
Tensor copy(const Tensor& x);
Tensor identity(const Tensor& x);
// Real tensors and null handles are returned as they are. Between the cotangents of the engine and
// those that users see, both ways: see engine.h.
Tensor conj(const Tensor& x);
Tensor conj(Tensor&& x);  // in place when nobody else can see x and nothing records
Tensor scaled(const Tensor& x, double factor);
Tensor divided(const Tensor& x, double divisor);
Tensor mean(const Tensor& x, int axis);
Tensor select(const Tensor& x, int axis, int64_t index);
Tensor stack(TensorSpan tensors, int axis);
bool any_nan(const Tensor& x);
// The op with float32 in the place of float16 and bfloat16: one rounding at the end.
Ref<const Primitive> in_single(const Ref<const Primitive>& primitive);

}  // namespace pyautograd::algebra
