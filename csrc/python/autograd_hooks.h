#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "autograd/hooks.h"
#include "python/autograd_gc.h"

namespace pyautograd::python {

// A Python callable on a node. A handle refers to it weakly and switches it off.
class PythonHook : public HoldsPython {
 public:
  explicit PythonHook(pybind11::handle function)
      : function_(std::make_shared<HeldObject>(function.ptr())) {}
  bool removed() const noexcept { return !*function_; }
  std::weak_ptr<HeldObject> reference() const noexcept { return function_; }
  int traverse(visitproc visit, void* arg) const override;

 protected:
  ~PythonHook() = default;
  // A new reference under the GIL, null if removed meanwhile.
  pybind11::object function() const;

 private:
  std::shared_ptr<HeldObject> function_;
};

// What registering returns: `remove()`, or `with`.
class RemovableHandle {
 public:
  explicit RemovableHandle(std::weak_ptr<HeldObject> hook) noexcept : hook_(std::move(hook)) {}
  void remove() {
    if (std::shared_ptr<HeldObject> hook = hook_.lock()) hook->reset();
  }

 private:
  std::weak_ptr<HeldObject> hook_;
};

// Hooks of `node.register_hook` and `node.register_prehook`.
RemovableHandle add_after_hook(Node& node, pybind11::object function);
RemovableHandle add_before_hook(Node& node, pybind11::object function);

}  // namespace pyautograd::python
