#pragma once

#include <memory>

#include "autograd/saved_hooks.h"
#include "python/autograd_gc.h"

namespace pyautograd::python {

// What a Python pack hook returned, with the hook that undoes it. Several saved values may share
// one: an array that many operations save is packed once.
struct Packing {
  HeldObject object;  // empty: pack returned its argument
  HeldObject unpack;
  Ref<Array> array;  // what was packed, if the object still refers to its memory
  uint32_t version = 0;
};

class PythonPacked final : public PackedArray, public HoldsPython {
 public:
  PythonPacked(const Array& array, std::shared_ptr<const Packing> packing)
      : PackedArray(array), packing_(std::move(packing)) {}
  const std::shared_ptr<const Packing>& packing() const noexcept { return packing_; }
  int traverse(visitproc visit, void* arg) const override;

 protected:
  Tensor restore(const Primitive& reader) const override;

 private:
  const std::shared_ptr<const Packing> packing_;
};

}  // namespace pyautograd::python
