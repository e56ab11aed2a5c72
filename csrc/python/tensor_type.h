#pragma once

#include <Python.h>

#include <memory>

#include "autograd/node.h"

namespace pyautograd::python {

// What only leaves, tensors with a retained gradient and gradients themselves carry.
struct GradState {
  std::shared_ptr<GradSlot> slot;
  // The handle that `x.grad` returned last, so that `x.grad is x.grad`.
  PyObject* object = nullptr;
  // Set on a handle that `x.grad` returned: rebinding it writes through to x.
  std::weak_ptr<GradSlot> shown_by;
  bool shown = false;  // and it is the last one: x owns a reference to it

  // Without the handle that `x.grad` returned, whose reference is the caller's now.
  PyObject* take_object() noexcept;
};

// The Python object: a handle. Several handles may show one value; only a leaf's own handle owns
// its `.grad`.
struct PyTensor {
  PyObject ob_base;
  Tensor tensor;
  std::unique_ptr<GradState> grad;
  PyObject* weakrefs;
};

extern PyTypeObject* tensor_type;

inline bool is_tensor(PyObject* object) noexcept { return Py_TYPE(object) == tensor_type; }
inline PyTensor* as_handle(PyObject* object) noexcept {
  return reinterpret_cast<PyTensor*>(object);
}
inline PyObject* as_object(PyTensor* handle) noexcept {
  return reinterpret_cast<PyObject*>(handle);
}
// Only if is_tensor. Write through rebind, never through a cast.
inline const Tensor& unwrap(PyObject* object) noexcept { return as_handle(object)->tensor; }

// A new handle (a new reference); None for an absent tensor; nullptr with MemoryError set.
PyObject* wrap(Tensor x) noexcept;
// The handle of a leaf, which owns its `.grad`.
PyObject* wrap(Leaf leaf) noexcept;

// Makes an existing handle show another value.
void rebind(PyTensor* handle, Tensor value) noexcept;
// Turns the handle into a leaf, or, with false, a leaf into a constant.
void set_requires_grad(PyTensor* handle, bool value);

// The slot of `.grad`, or null; make_grad_slot also creates it (retain_grad).
std::shared_ptr<GradSlot> grad_slot(const PyTensor* handle) noexcept;
std::shared_ptr<GradSlot> make_grad_slot(PyTensor* handle);

// Remembers the handle that `x.grad` hands out.
void show_gradient(PyTensor* handle, PyObject* gradient);
// Called with the GIL, which it gives away while it waits: who holds the slot may want it.
std::unique_lock<std::mutex> lock_slot(GradSlot& slot);

// Adds methods written in C; `methods` ends with an empty entry and must live for ever.
void add_tensor_methods(PyMethodDef* methods);

}  // namespace pyautograd::python
