#include "python/autograd_hooks.h"

#include "autograd/node.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/gil.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

class PythonTensorHook final : public TensorHook, public PythonHook {
 public:
  using PythonHook::PythonHook;
  Tensor call(const Tensor& cotangent) override {
    const CallOfUsers scope;
    const py::object function = this->function();
    if (!function) return {};
    const py::object result = call_python(function, cotangent);
    if (result.is_none()) return {};
    if (!is_tensor(result.ptr()))
      type_error("[register_hook] a hook must return a tensor or None, not ",
                 Py_TYPE(result.ptr())->tp_name);
    return unwrap(result.ptr());
  }
};

Tensors replacement(py::handle result, const char* op, size_t count) {
  if (!py::isinstance<py::sequence>(result)) {
    type_error("[", op, "] a hook must return a tuple of gradients or None, not ",
               Py_TYPE(result.ptr())->tp_name);
  }
  Tensors replaced = to_tensors(result, "[register_hook] a hook's result:");
  if (replaced.size() != count) {
    value_error("[", op, "] a hook returned ", replaced.size(), " gradients where ", count,
                " are expected");
  }
  return replaced;
}

class PythonAfterHook final : public NodeHook, public PythonHook {
 public:
  using PythonHook::PythonHook;
  void call(Tensors& inputs, Tensors& outputs) override {
    const CallOfUsers scope;
    const py::object function = this->function();
    if (!function) return;
    const py::object result = call_python(function, to_tuple(inputs), to_tuple(outputs));
    if (!result.is_none()) inputs = replacement(result, "register_hook", inputs.size());
  }
};

class PythonBeforeHook final : public NodeHook, public PythonHook {
 public:
  using PythonHook::PythonHook;
  void call(Tensors&, Tensors& outputs) override {
    const CallOfUsers scope;
    const py::object function = this->function();
    if (!function) return;
    const py::object result = call_python(function, to_tuple(outputs));
    if (!result.is_none()) outputs = replacement(result, "register_prehook", outputs.size());
  }
};

// The leaf is known weakly: its node must not keep alive the handle that owns `.grad`.
class PythonLeafHook final : public LeafHook, public PythonHook {
 public:
  PythonLeafHook(py::handle function, py::handle tensor)
      : PythonHook(function), tensor_(py::weakref(tensor).ptr()) {}
  void call() override {
    const CallOfUsers scope;
    const py::object function = this->function();
    const py::object tensor = py::reinterpret_borrow<py::object>(tensor_.get())();
    if (function && !tensor.is_none()) call_python(function, tensor);
  }

 private:
  HeldObject tensor_;
};

void require_callable(const char* op, py::handle function) {
  if (!PyCallable_Check(function.ptr())) {
    type_error("[", op, "] a hook must be callable, got ", Py_TYPE(function.ptr())->tp_name);
  }
}

// Removed hooks stay on their node, empty, until the next one is added.
template <class Entries>
void forget_removed(Entries& entries) {
  std::erase_if(entries, [](const auto& entry) {
    const auto* hook = dynamic_cast<const PythonHook*>(entry.hook.get());
    return hook && hook->removed();
  });
}

template <class Hook, class Entry, class... Place>
RemovableHandle add(Node& node, std::vector<Entry> NodeExtras::* list, Ref<Hook> hook,
                    Place... place) {
  NodeExtras& extras = node.extras();
  std::lock_guard lock(extras.mutex);
  std::vector<Entry>& entries = extras.*list;
  forget_removed(entries);
  const std::weak_ptr<HeldObject> reference = hook->reference();
  entries.push_back({place..., NodeExtras::next_id(), std::move(hook)});
  return RemovableHandle(reference);
}

Node& require_node(const char* op, const Tensor& x) {
  if (!x.tracked())
    runtime_error("[", op, "] the tensor does not require grad: no gradient will reach it");
  return *x.node();
}

RemovableHandle register_hook(py::handle self, py::object function) {
  require_callable("register_hook", function);
  const Tensor& x = unwrap(self.ptr());
  Node& node = require_node("register_hook", x);
  return add(node, &NodeExtras::tensor_hooks, make_ref<PythonTensorHook>(function), x.output());
}

RemovableHandle register_post_accumulate_grad_hook(py::handle self, py::object function) {
  constexpr const char* op = "register_post_accumulate_grad_hook";
  require_callable(op, function);
  Node& node = require_node(op, unwrap(self.ptr()));
  if (!dynamic_cast<AccumulateGrad*>(&node))
    runtime_error("[", op, "] only leaf tensors accumulate gradients");
  return add(node, &NodeExtras::after_accumulation, make_ref<PythonLeafHook>(function, self));
}

void retain_grad(py::handle self) {
  const Tensor& x = unwrap(self.ptr());
  Node& node = require_node("retain_grad", x);
  if (node.is_leaf()) return;
  const std::shared_ptr<GradSlot> slot = make_grad_slot(as_handle(self.ptr()));
  NodeExtras& extras = node.extras();
  std::lock_guard lock(extras.mutex);
  for (const auto& retained : extras.retained) {
    if (retained.slot.lock() == slot) return;
  }
  extras.retained.push_back({x.output(), slot});
}

// Makes a C method of a function that takes the tensor and one argument.
template <RemovableHandle (*Register)(py::handle, py::object)>
PyObject* method(PyObject* self, PyObject* argument) noexcept {
  return guarded([&] {
    return py::cast(Register(self, py::reinterpret_borrow<py::object>(argument))).release().ptr();
  });
}

PyObject* retain_grad_method(PyObject* self, PyObject*) noexcept {
  return guarded([&] {
    retain_grad(self);
    return py::none().release().ptr();
  });
}

PyMethodDef tensor_methods[] = {
    {"register_hook", method<register_hook>, METH_O,
     "register_hook(hook)\n--\n\n"
     "Call ``hook(grad)`` with this tensor's gradient whenever one is computed.\n\n"
     "The gradient is complete when the hook sees it: contributions of all uses are summed. A "
     "hook\n"
     "may return a tensor of the same shape, which replaces the gradient, or None. Hooks run in\n"
     "order of registration and live on the graph, so they outlast this handle.\n\n"
     "Returns a handle with ``remove()``, also usable in ``with``. Raises RuntimeError for a "
     "tensor\n"
     "that does not require grad.\n\n"
     ">>> x = pa.tensor([1.0, 2.0], requires_grad=True)\n"
     ">>> handle = x.register_hook(lambda grad: grad * 10)\n"
     ">>> pa.sum(x * x).backward()\n"
     ">>> x.grad.tolist()\n"
     "[20.0, 40.0]\n"},
    {"register_post_accumulate_grad_hook", method<register_post_accumulate_grad_hook>, METH_O,
     "register_post_accumulate_grad_hook(hook)\n--\n\n"
     "Call ``hook(tensor)`` after a gradient was added to this leaf's ``.grad``.\n\n"
     "Returns a handle with ``remove()``. Raises RuntimeError unless the tensor is a leaf.\n\n"
     ">>> x = pa.tensor([1.0, 2.0], requires_grad=True)\n"
     ">>> handle = x.register_post_accumulate_grad_hook(lambda t: print(t.grad.tolist()))\n"
     ">>> pa.sum(x * x).backward()\n"
     "[2.0, 4.0]\n"},
    {"retain_grad", retain_grad_method, METH_NOARGS,
     "retain_grad()\n--\n\n"
     "Keep the gradient of this intermediate result in ``.grad`` too.\n\n"
     "Leaves do so anyway. Raises RuntimeError for a tensor that does not require grad.\n\n"
     ">>> x = pa.tensor([1.0, 2.0], requires_grad=True)\n"
     ">>> y = x * x\n"
     ">>> y.retain_grad()\n"
     ">>> pa.sum(y * y).backward()\n"
     ">>> y.grad.tolist()\n"
     "[2.0, 8.0]\n"},
    {}};

}  // namespace

int PythonHook::traverse(visitproc visit, void* arg) const {
  PyObject* function = function_.use_count() == 1 ? function_->get() : nullptr;
  return function ? visit(function, arg) : 0;
}

py::object PythonHook::function() const {
  return py::reinterpret_borrow<py::object>(function_->get());
}

RemovableHandle add_after_hook(Node& node, py::object function) {
  require_callable("register_hook", function);
  return add(node, &NodeExtras::after, make_ref<PythonAfterHook>(function));
}

RemovableHandle add_before_hook(Node& node, py::object function) {
  require_callable("register_prehook", function);
  return add(node, &NodeExtras::before, make_ref<PythonBeforeHook>(function));
}

void bind_hooks(py::module_& module) {
  py::class_<RemovableHandle>(module, "RemovableHandle",
                              "What registering a hook returns.\n\n"
                              "``remove()`` takes the hook away; leaving a ``with`` does too.")
      .def("remove", &RemovableHandle::remove, "Take the hook away; twice is harmless.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__", [](RemovableHandle& self, const py::args&) { self.remove(); });
  add_tensor_methods(tensor_methods);
}

}  // namespace pyautograd::python
