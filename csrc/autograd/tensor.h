#pragma once

#include "autograd/level.h"
#include "core/array.h"

namespace pyautograd {

class Node;

// A value and, if it is tracked, the edge to the node that made it. A Tensor is a handle of two
// pointers: copying one, dropping its edge or giving it another allocates nothing.
class Tensor {
 public:
  Tensor() noexcept = default;
  Tensor(Ref<Body> body) noexcept : body_(std::move(body)) {}
  Tensor(Ref<Array> array) noexcept : body_(std::move(array)) {}
  Tensor(Ref<Body> body, Ref<RefCounted> node, uint32_t output) noexcept
      : body_(std::move(body)), node_(std::move(node)), output_(output) {}

  // An absent tensor stands for a zero tangent or cotangent.
  explicit operator bool() const noexcept { return static_cast<bool>(body_); }

  const Ref<Body>& body() const noexcept { return body_; }
  const Dims& shape() const noexcept { return body_->shape; }
  int64_t ndim() const noexcept { return static_cast<int64_t>(body_->shape.size()); }
  int64_t size() const noexcept { return body_->size(); }
  DType dtype() const noexcept { return body_->dtype; }
  Device device() const noexcept { return body_->device; }
  Spec spec() const { return {body_->shape, body_->dtype, body_->device}; }

  Level* level() const noexcept;
  uint64_t depth() const noexcept { return depth_of(level()); }
  bool is_array() const noexcept { return body_->kind == Body::Kind::Array; }
  // Level 0 only.
  const Array& array() const noexcept { return static_cast<const Array&>(*body_); }
  View view() const { return array().view(); }
  View device_view() const { return array().device_view(); }

  // Tracked means: has an edge at its own level.
  bool tracked() const noexcept { return static_cast<bool>(node_); }
  Node* node() const noexcept;
  const Ref<RefCounted>& node_ref() const noexcept { return node_; }
  uint32_t output() const noexcept { return output_; }
  Tensor untracked() const { return Tensor(body_); }

 private:
  Ref<Body> body_;
  Ref<RefCounted> node_;  // always a Node, which is incomplete here
  uint32_t output_ = 0;
};

using Tensors = SmallVector<Tensor, 2>;
using TensorSpan = std::span<const Tensor>;

// What a transform makes of a tensor. Its parts lie at strictly lower levels.
class Wrapper : public Body {
 public:
  const Ref<Level> level;

 protected:
  Wrapper(Kind kind, Ref<Level> level, Dims shape, DType dtype, Device device) noexcept
      : Body(kind, std::move(shape), dtype, device), level(std::move(level)) {}
};

class Dual final : public Wrapper {
 public:
  Dual(Ref<Level> level, Tensor primal, Tensor tangent)
      : Wrapper(Kind::Dual, std::move(level), primal.shape(), primal.dtype(), primal.device()),
        primal(std::move(primal)),
        tangent(std::move(tangent)) {}
  const Tensor primal;
  const Tensor tangent;  // absent: zero
};

inline constexpr int kNotMapped = -1;

class Batched final : public Wrapper {
 public:
  Batched(Ref<Level> level, Tensor value, int dim);
  const Tensor value;
  const int dim;  // kNotMapped: the same value for every index
};

// A value that moves with a variable t: the constant term of a power series, whose higher
// coefficients its expansion knows (autograd/jet.h).
class Jet final : public Wrapper {
 public:
  Jet(Ref<Level> level, Tensor primal, Ref<RefCounted> expansion, uint32_t output)
      : Wrapper(Kind::Jet, std::move(level), primal.shape(), primal.dtype(), primal.device()),
        primal(std::move(primal)),
        expansion(std::move(expansion)),
        output(output) {}
  const Tensor primal;
  const Ref<RefCounted> expansion;  // always an Expansion; absent: a constant
  const uint32_t output;            // which of the op's outputs this is
};

inline Level* Tensor::level() const noexcept {
  return is_array() ? nullptr : static_cast<const Wrapper&>(*body_).level.get();
}

Tensor make_dual(const Ref<Level>& level, Tensor primal, Tensor tangent);
Tensor make_batched(const Ref<Level>& level, Tensor value, int dim);
// Wraps x at the innermost live level of this thread, with no tangent or not mapped, unless it is
// there already.
Tensor lift_to_innermost(const Tensor& x);

const Dual& as_dual(const Tensor& x) noexcept;
const Batched& as_batched(const Tensor& x) noexcept;
const Jet& as_jet(const Tensor& x) noexcept;
// What a wrapper wraps: primal or value.
const Tensor& inner_value(const Body& wrapper) noexcept;

// The same numbers as a constant of every transform around: no edge, no tangent; mapped dimensions
// stay.
Tensor detached(const Tensor& x);

// The array at the bottom of the tower of primals and values.
const Array& array_under(const Body& wrapper) noexcept;
inline const Array& innermost_array(const Tensor& x) noexcept {
  return x.is_array() ? x.array() : array_under(*x.body());
}
// The numbers of an array as a tensor of its own, with no past.
inline Tensor plain(const Array& x) { return Tensor(x.with_layout(x.shape, x.strides, x.offset)); }
// Every array at the bottom of a tower: primals, tangents, mapped values, constant terms. The ops
// that made the other terms of a series keep those; packed arrays lie with the hooks.
template <class Visit>
void for_each_array(const Body& body, const Visit& visit) {
  if (body.kind == Body::Kind::Array) return visit(static_cast<const Array&>(body));
  if (body.kind == Body::Kind::Packed) return;
  for_each_array(*inner_value(body).body(), visit);
  if (body.kind != Body::Kind::Dual) return;
  const Tensor& tangent = static_cast<const Dual&>(body).tangent;
  if (tangent) for_each_array(*tangent.body(), visit);
}
// Whether somebody can write memory that x reads without our noticing.
inline bool exposed(const Body& body) {
  bool found = false;
  for_each_array(body, [&](const Array& x) { found |= x.storage->exposed(); });
  return found;
}
// Moves whenever memory that x reads is written.
uint32_t version_under(const Body& wrapper) noexcept;
inline uint32_t version_of(const Body& body) noexcept {
  return body.kind == Body::Kind::Array ? static_cast<const Array&>(body).storage->version()
                                        : version_under(body);
}

}  // namespace pyautograd
