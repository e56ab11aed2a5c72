#include "python/tensor_type.h"

#include <pybind11/pybind11.h>
#include <structmember.h>

#include <array>
#include <vector>

#include "python/autograd_gc.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/memory_budget.h"
#include "python/module.h"
#include "python/tensor_slots.h"

namespace pyautograd::python {

PyTypeObject* tensor_type = nullptr;

namespace {

// Handles come and go with every op; the last few hundred are kept, with their type reference and
// GC header.
constexpr size_t kFreeHandles = 256;
std::array<PyTensor*, kFreeHandles> free_handles;
size_t free_count = 0;

PyTensor* new_handle() noexcept {
  if (free_count == 0) return PyObject_GC_New(PyTensor, tensor_type);
  PyTensor* handle = free_handles[--free_count];
  PyObject_Init(as_object(handle), tensor_type);
  return handle;
}

void free_handle(PyTensor* handle) noexcept {
  if (free_count < kFreeHandles) {
    free_handles[free_count++] = handle;
  } else {
    PyObject_GC_Del(handle);
  }
}

void count_handle(const Tensor& x, int32_t amount) noexcept {
  innermost_array(x).storage->add_handle(amount);
}

// Only a handle with an edge or a gradient can be part of a reference cycle.
void track(PyTensor* handle) noexcept {
  if (!PyObject_GC_IsTracked(as_object(handle))) PyObject_GC_Track(handle);
}

// x.grad.grad.grad...: a chain of handles, each the sole owner of the next, must not be freed
// recursively.
void release_grad(std::unique_ptr<GradState> state) noexcept {
  PyObject* object = state ? state->take_object() : nullptr;
  state.reset();
  while (object && Py_REFCNT(object) == 1 && as_handle(object)->grad) {
    PyObject* next = as_handle(object)->grad->take_object();
    Py_DECREF(object);
    object = next;
  }
  Py_XDECREF(object);
}

void dealloc(PyObject* self) noexcept {
  PyObject_GC_UnTrack(self);
  PyTensor* handle = as_handle(self);
  if (handle->weakrefs) PyObject_ClearWeakRefs(self);
  PyTypeObject* type = Py_TYPE(self);
  count_handle(handle->tensor, -1);
  if (handle->grad) release_grad(std::move(handle->grad));
  handle->grad.~unique_ptr();
  handle->tensor.~Tensor();
  free_handle(handle);
  Py_DECREF(type);
}

// The slot whose reference to a graph counts as this handle's: its own, or, once `x.grad` was read,
// x's as that of the handle that it returned, which shares the graph and lives as long as x does.
const GradSlot* counted_slot(const GradState& grad) noexcept {
  if (SweepScope::any()) return nullptr;
  if (grad.shown) {
    const std::shared_ptr<GradSlot> slot = grad.shown_by.lock();
    return slot.use_count() == 2 ? slot.get() : nullptr;
  }
  const PyTensor* reader = grad.object ? as_handle(grad.object) : nullptr;
  if (reader && reader->grad && reader->grad->shown) return nullptr;
  return grad.slot.use_count() == 1 ? grad.slot.get() : nullptr;
}

int traverse(PyObject* self, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(self));
  const PyTensor* handle = as_handle(self);
  const GradSlot* slot = nullptr;
  if (handle->grad) {
    Py_VISIT(handle->grad->object);
    slot = counted_slot(*handle->grad);
  }
  const Node* roots[] = {handle->tensor.node(), slot ? slot->value.node() : nullptr};
  return visit_owned(roots, visit, arg);
}

int clear(PyObject* self) noexcept {
  PyTensor* handle = as_handle(self);
  release_grad(std::move(handle->grad));
  // The value stays: a finalizer may still look at this handle.
  Tensor former = std::exchange(handle->tensor, handle->tensor.untracked());
  return 0;
}

PyObject* refuse_construction(PyTypeObject*, PyObject*, PyObject*) noexcept {
  PyErr_SetString(PyExc_TypeError, "make tensors with pyautograd.tensor, asarray, zeros, ...");
  return nullptr;
}

constexpr const char* kDoc =
    "An array that can be differentiated.\n\n"
    "Made by ``tensor``, ``asarray``, ``zeros`` and the like, and by every operation on "
    "tensors.\n\n"
    ">>> x = pa.tensor([1.0, 2.0], requires_grad=True)\n"
    ">>> pa.sum(x**2).backward()\n"
    ">>> x.grad.tolist()\n"
    "[2.0, 4.0]";

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr}, {}};

const PyType_Slot own_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_new, reinterpret_cast<void*>(refuse_construction)},
    {Py_tp_doc, const_cast<char*>(kDoc)},
    {Py_tp_members, members},
};

void append(std::vector<PyType_Slot>& slots, std::span<const PyType_Slot> more) {
  slots.insert(slots.end(), more.begin(), more.end());
}

}  // namespace

PyObject* wrap(Tensor x) noexcept {
  if (!x) Py_RETURN_NONE;
  PyTensor* handle = new_handle();
  if (!handle) return nullptr;
  new (&handle->tensor) Tensor(std::move(x));
  new (&handle->grad) std::unique_ptr<GradState>();
  handle->weakrefs = nullptr;
  count_handle(handle->tensor, 1);
  if (may_rematerialise()) note_handle(handle->tensor);
  if (handle->tensor.tracked()) PyObject_GC_Track(handle);
  return as_object(handle);
}

PyObject* wrap(Leaf leaf) noexcept {
  PyObject* object = wrap(std::move(leaf.tensor));
  if (!object || object == Py_None) return object;
  try {
    as_handle(object)->grad.reset(new GradState{std::move(leaf.grad), nullptr, {}});
  } catch (const std::bad_alloc&) {
    Py_DECREF(object);
    return PyErr_NoMemory();
  }
  return object;
}

void rebind(PyTensor* handle, Tensor value) noexcept {
  count_handle(handle->tensor, -1);
  count_handle(value, 1);
  if (value.tracked()) track(handle);
  if (handle->grad) {
    if (std::shared_ptr<GradSlot> slot = handle->grad->shown_by.lock()) {
      std::unique_lock lock = lock_slot(*slot);
      if (slot->value && slot->value.body() == handle->tensor.body()) slot->value = value;
    }
  }
  std::swap(handle->tensor, value);
}

void set_requires_grad(PyTensor* handle, bool value) {
  Tensor& x = handle->tensor;
  if (value == x.tracked()) return;
  if (!value) {
    if (!x.node()->is_leaf()) {
      runtime_error("requires_grad of a recorded result cannot be switched off: use x.detach()");
    }
    release_grad(std::move(handle->grad));
    x = x.untracked();
    return;
  }
  Leaf leaf = make_leaf(x);
  std::shared_ptr<GradSlot>& slot =
      (handle->grad ? handle->grad : handle->grad = std::make_unique<GradState>())->slot;
  if (slot && slot->value) leaf.grad->value = slot->value;
  slot = std::move(leaf.grad);
  x = std::move(leaf.tensor);
  track(handle);
}

PyObject* GradState::take_object() noexcept {
  PyObject* taken = std::exchange(object, nullptr);
  if (taken && as_handle(taken)->grad) as_handle(taken)->grad->shown = false;
  return taken;
}

std::shared_ptr<GradSlot> grad_slot(const PyTensor* handle) noexcept {
  return handle->grad ? handle->grad->slot : nullptr;
}

std::shared_ptr<GradSlot> make_grad_slot(PyTensor* handle) {
  if (!handle->grad) handle->grad = std::make_unique<GradState>();
  if (!handle->grad->slot) handle->grad->slot = std::make_shared<GradSlot>();
  track(handle);
  return handle->grad->slot;
}

void show_gradient(PyTensor* handle, PyObject* gradient) {
  if (!handle->grad) return;  // a finalizer, run by an allocation, made a constant of it
  PyTensor* shown = as_handle(gradient);
  if (!shown->grad) shown->grad = std::make_unique<GradState>();
  PyObject* former = handle->grad->take_object();
  handle->grad->object = Py_NewRef(gradient);
  shown->grad->shown_by = handle->grad->slot;
  shown->grad->shown = true;
  track(handle);
  Py_XDECREF(former);
}

std::unique_lock<std::mutex> lock_slot(GradSlot& slot) {
  std::unique_lock lock(slot.mutex, std::try_to_lock);
  if (!lock) {
    const WithoutGil unlocked;
    lock.lock();
  }
  return lock;
}

void add_tensor_methods(PyMethodDef* methods) {
  for (PyMethodDef* method = methods; method->ml_name; ++method) {
    PyObject* descriptor = PyDescr_NewMethod(tensor_type, method);
    if (!descriptor) throw_python_error();
    const int failed = PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type),
                                              method->ml_name, descriptor);
    Py_DECREF(descriptor);
    if (failed) throw_python_error();
  }
}

void bind_tensor_type(pybind11::module_& module) {
  std::vector<PyType_Slot> slots(std::begin(own_slots), std::end(own_slots));
  append(slots, number_slots());
  append(slots, container_slots());
  append(slots, attribute_slots());
  append(slots, method_slots());
  slots.push_back({0, nullptr});
  PyType_Spec spec{"pyautograd.Tensor", sizeof(PyTensor), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots.data()};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!tensor_type) throw_python_error();
  module.attr("Tensor") = pybind11::handle(reinterpret_cast<PyObject*>(tensor_type));
  module.def("_set_type_attribute", [](const std::string& name, pybind11::object value) {
    pybind11::setattr(reinterpret_cast<PyObject*>(tensor_type), name.c_str(), value);
  });
  add_op_methods();
}

}  // namespace pyautograd::python
