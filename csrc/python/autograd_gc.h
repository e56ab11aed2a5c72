#pragma once

#include <pybind11/pybind11.h>

#include <span>

#include "autograd/tensor.h"
#include "python/autograd_held.h"

namespace pyautograd::python {

// Implemented by what a node owns and what owns Python objects itself: hooks, contexts, primitives.
class HoldsPython {
 public:
  virtual int traverse(visitproc visit, void* arg) const = 0;

 protected:
  ~HoldsPython() = default;
};

// Visits what the object holds, if it holds something and nobody else keeps it alive.
int visit_holder(const RefCounted* object, visitproc visit, void* arg);

// For tp_traverse of an object that owns these references to nodes, or null: visits the Python
// objects of every node that no one else keeps alive. A graph that is shared is left alone, which
// costs a delayed collection and never a wrong one; so does memory that runs out. Iterative, and
// free while no graph holds a Python object.
int visit_owned(std::span<const Node* const> references, visitproc visit, void* arg) noexcept;

// A backward pass gives the GIL away and writes gradients without it. Begins and ends with the GIL.
class SweepScope {
 public:
  SweepScope() noexcept { ++running_; }
  ~SweepScope() {
    --running_;
    drop_released();
  }
  SweepScope(const SweepScope&) = delete;
  SweepScope& operator=(const SweepScope&) = delete;
  // Constant while the collector runs, which needs the same answer of every visit.
  static bool any() noexcept { return running_ > 0; }

 private:
  static inline int running_ = 0;
};

// The object of a pybind11 instance; null before its constructor has run.
template <class T>
T* constructed(PyObject* self) {
  auto* instance = reinterpret_cast<pybind11::detail::instance*>(self);
  if (!instance->get_value_and_holder().holder_constructed()) return nullptr;
  return &pybind11::cast<T&>(pybind11::handle(self));
}

// The custom_type_setup of a pybind11 class that takes part in garbage collection.
template <traverseproc traverse, inquiry clear>
void collectable(PyHeapTypeObject* type) {
  type->ht_type.tp_flags |= Py_TPFLAGS_HAVE_GC;
  type->ht_type.tp_traverse = traverse;
  type->ht_type.tp_clear = clear;
}

// `x.grad_fn`: a new reference, None for a null node.
PyObject* wrap_node(Node* node);

}  // namespace pyautograd::python
