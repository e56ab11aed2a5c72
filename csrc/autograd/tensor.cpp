#include "autograd/tensor.h"

namespace pyautograd {

namespace {

Dims logical_shape(const Tensor& value, int dim) {
  Dims shape = value.shape();
  if (dim != kNotMapped) shape.erase(static_cast<size_t>(dim));
  return shape;
}

}  // namespace

Batched::Batched(Ref<Level> level, Tensor value, int dim)
    : Wrapper(Kind::Batched, std::move(level), logical_shape(value, dim), value.dtype(),
              value.device()),
      value(std::move(value)),
      dim(dim) {}

Tensor make_dual(const Ref<Level>& level, Tensor primal, Tensor tangent) {
  return Tensor(Ref<Body>(make_ref<Dual>(level, std::move(primal), std::move(tangent))));
}

Tensor make_batched(const Ref<Level>& level, Tensor value, int dim) {
  return Tensor(Ref<Body>(make_ref<Batched>(level, std::move(value), dim)));
}

Tensor lift_to_innermost(const Tensor& x) {
  Level* level = innermost_level();
  if (x.depth() >= depth_of(level)) return x;
  Ref<Level> owner(level);
  switch (level->kind) {
    case Level::Kind::Jvp:
      return make_dual(owner, x, Tensor());
    case Level::Kind::Vmap:
      return make_batched(owner, x, kNotMapped);
    case Level::Kind::Taylor:
      break;
  }
  return Tensor(Ref<Body>(make_ref<Jet>(owner, x, nullptr, 0u)));
}

const Dual& as_dual(const Tensor& x) noexcept { return static_cast<const Dual&>(*x.body()); }
const Batched& as_batched(const Tensor& x) noexcept {
  return static_cast<const Batched&>(*x.body());
}
const Jet& as_jet(const Tensor& x) noexcept { return static_cast<const Jet&>(*x.body()); }

const Tensor& inner_value(const Body& wrapper) noexcept {
  if (wrapper.kind == Body::Kind::Dual) return static_cast<const Dual&>(wrapper).primal;
  if (wrapper.kind == Body::Kind::Jet) return static_cast<const Jet&>(wrapper).primal;
  return static_cast<const Batched&>(wrapper).value;
}

Tensor detached(const Tensor& x) {
  switch (x.body()->kind) {
    case Body::Kind::Array:
    case Body::Kind::Packed:
      return x.untracked();
    case Body::Kind::Dual:
    case Body::Kind::Jet:
      return detached(inner_value(*x.body()));
    case Body::Kind::Batched:
      break;
  }
  const Batched& batched = as_batched(x);
  return make_batched(batched.level, detached(batched.value), batched.dim);
}

const Array& array_under(const Body& wrapper) noexcept {
  const Body* body = &wrapper;
  while (body->kind != Body::Kind::Array) body = inner_value(*body).body().get();
  return static_cast<const Array&>(*body);
}

uint32_t version_under(const Body& body) noexcept {
  switch (body.kind) {
    case Body::Kind::Array:
      return version_of(body);
    case Body::Kind::Batched:
    case Body::Kind::Jet:  // nobody else sees the other coefficients' memory
      return version_of(*inner_value(body).body());
    case Body::Kind::Packed:
      return 0;  // no longer reads the memory that it was made from
    case Body::Kind::Dual:
      break;
  }
  const Dual& dual = static_cast<const Dual&>(body);
  return version_of(*dual.primal.body()) + (dual.tangent ? version_of(*dual.tangent.body()) : 0);
}

}  // namespace pyautograd
