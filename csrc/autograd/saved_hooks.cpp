#include "autograd/saved_hooks.h"

#include <vector>

#include "autograd/node.h"
#include "core/per_thread.h"

namespace pyautograd {

namespace {

struct Hooks {
  std::vector<Ref<SavedTensorHooks>> stack;
};

std::vector<Ref<SavedTensorHooks>>& stack() noexcept { return PerThread<Hooks>::get().stack; }

// A body that nobody else has seen yet remembers what the packed one was made from.
Ref<Body> with_origin(Ref<Body> fresh, const Packed& packed) {
  fresh->origin = packed.origin;
  return fresh;
}

// The parts of a wrapper are saved tensors themselves: each with its edge at its own level.
SavedTensor packed_part(const Tensor& part, SavedTensorHooks& hooks, bool computed) {
  SavedTensor saved(part, true);
  saved.pack(hooks, computed);
  return saved;
}

class PackedDual final : public Packed {
 public:
  PackedDual(const Dual& dual, SavedTensor primal, SavedTensor tangent)
      : Packed(dual),
        level_(dual.level),
        primal_(std::move(primal)),
        tangent_(std::move(tangent)) {}
  Ref<Body> unpack(const Primitive& reader) const override {
    Tensor tangent = tangent_ ? tangent_.unpack(reader) : Tensor();
    return with_origin(make_ref<Dual>(level_, primal_.unpack(reader), std::move(tangent)), *this);
  }
  void each_array(const std::function<void(const PackedArray&)>& visit) const override {
    primal_.each_packed(visit);
    if (tangent_) tangent_.each_packed(visit);
  }

 private:
  const Ref<Level> level_;
  const SavedTensor primal_, tangent_;
};

class PackedBatched final : public Packed {
 public:
  PackedBatched(const Batched& batched, SavedTensor value)
      : Packed(batched), level_(batched.level), value_(std::move(value)), dim_(batched.dim) {}
  Ref<Body> unpack(const Primitive& reader) const override {
    return with_origin(make_ref<Batched>(level_, value_.unpack(reader), dim_), *this);
  }
  void each_array(const std::function<void(const PackedArray&)>& visit) const override {
    value_.each_packed(visit);
  }

 private:
  const Ref<Level> level_;
  const SavedTensor value_;
  const int dim_;
};

}  // namespace

Ref<Body> pack_value(const Ref<Body>& body, SavedTensorHooks& hooks, bool computed) {
  switch (body->kind) {
    case Body::Kind::Packed:
    case Body::Kind::Jet:  // the series belong to the ops that made them
      return nullptr;
    case Body::Kind::Array:
      return hooks.pack(Ref<Array>(static_cast<Array*>(body.get())), computed);
    case Body::Kind::Batched: {
      const auto& batched = static_cast<const Batched&>(*body);
      SavedTensor value = packed_part(batched.value, hooks, computed);
      if (!value.packed()) return nullptr;
      return make_ref<PackedBatched>(batched, std::move(value));
    }
    case Body::Kind::Dual:
      break;
  }
  const auto& dual = static_cast<const Dual&>(*body);
  SavedTensor primal = packed_part(dual.primal, hooks, computed);
  SavedTensor tangent = dual.tangent ? packed_part(dual.tangent, hooks, computed) : SavedTensor();
  if (!primal.packed() && !(tangent && tangent.packed())) return nullptr;
  return make_ref<PackedDual>(dual, std::move(primal), std::move(tangent));
}

Ref<Body> PackedArray::unpack(const Primitive& reader) const {
  const Tensor x = restore(reader);
  if (!x.is_array()) {
    type_error("[saved_tensors_hooks] unpack returned a tensor of a running ", x.level()->name(),
               ": it must return a plain array, as pack received one");
  }
  if (x.device() != device) {
    value_error("[saved_tensors_hooks] unpack returned a tensor on ", name_of(x.device()),
                " for a value that [", reader.name(), "] saved on ", name_of(device),
                ": move it there with .to('", name_of(device), "')");
  }
  if (!(x.shape() == shape) || x.dtype() != dtype) {
    value_error("[saved_tensors_hooks] unpack returned shape ", shape_string(x.shape()),
                " and dtype ", name_of(x.dtype()), " for a value that [", reader.name(),
                "] saved with shape ", shape_string(shape), " and dtype ", name_of(dtype));
  }
  if (!origin) return x.body();
  const Array& array = x.array();
  return with_origin(array.with_layout(array.shape, array.strides, array.offset), *this);
}

SavedTensorHooks* saved_tensor_hooks() noexcept {
  const auto& hooks = stack();
  return hooks.empty() ? nullptr : hooks.back().get();
}

void enter_saved_tensor_hooks(Ref<SavedTensorHooks> hooks) { stack().push_back(std::move(hooks)); }

void leave_saved_tensor_hooks(const SavedTensorHooks* hooks) noexcept {
  auto& entered = stack();
  for (size_t i = entered.size(); i-- > 0;) {
    if (entered[i].get() != hooks) continue;
    entered.erase(entered.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

HookScope::HookScope() { enter_saved_tensor_hooks(nullptr); }

}  // namespace pyautograd
