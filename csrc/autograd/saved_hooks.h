#pragma once

#include <functional>

#include "autograd/tensor.h"

namespace pyautograd {

class PackedArray;
class Primitive;

// Saved-tensor hooks. They see arrays, the numbers at the bottom of a value, and nothing of what
// transforms and recorded graphs made of them: tangents, mapped dimensions and edges stay with the
// node. So a hook can lose precision, and never a derivative.
class SavedTensorHooks : public RefCounted {
 public:
  // What stands for the array until backward; null to keep it as it is. `computed`: the array is
  // the result of a recorded operation, neither a leaf nor a constant.
  virtual Ref<PackedArray> pack(const Ref<Array>& array, bool computed) = 0;
};

// In place of the body of a saved value in which hooks replaced arrays. Never the body of a Tensor.
class Packed : public Body {
 public:
  // The value, as it was; `reader` is named by errors.
  virtual Ref<Body> unpack(const Primitive& reader) const = 0;
  virtual void each_array(const std::function<void(const PackedArray&)>& visit) const = 0;

 protected:
  explicit Packed(const Body& value) : Body(Kind::Packed, value.shape, value.dtype, value.device) {
    origin = value.origin;
  }
};

class PackedArray : public Packed {
 public:
  Ref<Body> unpack(const Primitive& reader) const final;
  void each_array(const std::function<void(const PackedArray&)>& visit) const final {
    visit(*this);
  }

 protected:
  explicit PackedArray(const Array& array) : Packed(array) {}
  // Must be an array of the shape and dtype that it was made from; anything else is an error.
  virtual Tensor restore(const Primitive& reader) const = 0;
};

// Packs the arrays of a value; null where the hooks keep all of them.
Ref<Body> pack_value(const Ref<Body>& body, SavedTensorHooks& hooks, bool computed);

// The hooks of this thread, innermost last; null is what runs inside a hook: nothing is packed.
SavedTensorHooks* saved_tensor_hooks() noexcept;
void enter_saved_tensor_hooks(Ref<SavedTensorHooks> hooks);
void leave_saved_tensor_hooks(const SavedTensorHooks* hooks) noexcept;

// While a hook runs, nothing is recorded or packed.
class HookScope {
 public:
  HookScope();
  ~HookScope() { leave_saved_tensor_hooks(nullptr); }
  HookScope(const HookScope&) = delete;
  HookScope& operator=(const HookScope&) = delete;

 private:
  RecordingScope recording_ = RecordingScope::none();
};

}  // namespace pyautograd
