#pragma once

#include <Python.h>

#include <cstdint>
#include <utility>

namespace pyautograd::python {

// A Python object that the graph owns. Nodes die on any thread, with or without the GIL and while
// locks are held, so letting go never waits for the GIL: the reference is queued and dropped by the
// next holder of the GIL.
class HeldObject {
 public:
  HeldObject() noexcept = default;
  // Takes a new reference; needs the GIL.
  explicit HeldObject(PyObject* object) noexcept;
  HeldObject(HeldObject&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  HeldObject& operator=(HeldObject&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~HeldObject() { reset(); }

  PyObject* get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  void reset() noexcept;

 private:
  PyObject* object_ = nullptr;
};

// Lets go of one reference, now or, without the GIL, soon.
void drop_reference(PyObject* object) noexcept;
// How many HeldObjects hold something: while none does, garbage collection need not look at graphs.
int64_t held_objects() noexcept;
// Drops what was queued; needs the GIL.
void drop_released() noexcept;

}  // namespace pyautograd::python
