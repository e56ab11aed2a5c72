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
  return level->kind == Level::Kind::Jvp ? make_dual(owner, x, Tensor())
                                         : make_batched(owner, x, kNotMapped);
}

const Dual& as_dual(const Tensor& x) noexcept { return static_cast<const Dual&>(*x.body()); }
const Batched& as_batched(const Tensor& x) noexcept {
  return static_cast<const Batched&>(*x.body());
}

const Array& innermost_array(const Tensor& x) noexcept {
  const Body* body = x.body().get();
  while (body->kind != Body::Kind::Array) {
    body = body->kind == Body::Kind::Dual ? static_cast<const Dual*>(body)->primal.body().get()
                                          : static_cast<const Batched*>(body)->value.body().get();
  }
  return static_cast<const Array&>(*body);
}

uint32_t version_of(const Body& body) noexcept {
  switch (body.kind) {
    case Body::Kind::Array:
      return static_cast<const Array&>(body).storage->version();
    case Body::Kind::Batched:
      return version_of(*static_cast<const Batched&>(body).value.body());
    case Body::Kind::Packed:
      return 0;  // no longer reads the memory that it was made from
    case Body::Kind::Dual:
      break;
  }
  const Dual& dual = static_cast<const Dual&>(body);
  return version_of(*dual.primal.body()) + (dual.tangent ? version_of(*dual.tangent.body()) : 0);
}

}  // namespace pyautograd
