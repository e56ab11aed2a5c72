#include <pybind11/pybind11.h>

#include "autograd/recipe.h"
#include "ops/device.h"
#include "ops/linear.h"
#include "python/convert.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/graph_exit.h"
#include "python/indexing.h"
#include "python/repr.h"
#include "python/scalars.h"
#include "python/tensor_slots.h"
#include "python/tensor_type.h"
#include "python/user_frame.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// Where somebody else's function asked for the numbers.
std::string advice_for_caller() {
  py::object frame = user_frame();
  std::string module;
  for (; frame && !frame.is_none(); frame = frame.attr("f_back")) {
    module = py::str(frame.attr("f_globals").attr("get")("__name__", ""));
    if (!module.starts_with("numpy")) break;
  }
  if (module.starts_with("scipy.sparse"))
    return ". A scipy.sparse matrix times a tensor is pa.sparse.matmul(a, x)";
  if (!module.starts_with("scipy.")) return "";
  return ". What SciPy computes with NumPy is in pa.special, pa.stats, pa.linalg, pa.fft and "
         "pa.optimize; and many of its functions take tensors where SCIPY_ARRAY_API=1 is set in "
         "the environment before SciPy is imported";
}

// numpy() and __array__ leave the graph, so they insist that there is none.
const Tensor& graph_free(const Tensor& x, const char* what) {
  if (!x.is_array()) {
    concrete_array(x, what);
    runtime_error(
        "[", what, "] a tensor inside ", x.level()->name(),
        " has a tangent that an array cannot carry: use pyautograd's functions or "
        "NumPy's, pa.stack in place of np.array([x, y]), pa.zeros in place of np.zeros for "
        "what is written into; or x.detach() if a constant is meant",
        advice_for_caller());
  }
  if (x.tracked()) {
    runtime_error(
        "[", what,
        "] the tensor is part of a recorded graph, and an array carries no derivative: use "
        "pyautograd's functions or NumPy's, pa.stack in place of np.array([x, y]), pa.zeros in "
        "place of np.zeros for what is written into; or x.detach().",
        what, "(...) if a constant is meant", advice_for_caller());
  }
  return x;
}

// Writable only where nobody else can need the value.
PyObject* share(const Tensor& x) {
  if (x.body()->use_count() == 1) separate_from_recipes(x.array());
  const bool sole = x.body()->use_count() == 1 && x.array().storage->use_count() == 1;
  return to_numpy(x, sole && x.array().storage->writable());
}

PyObject* detach(PyObject* self, PyObject*) noexcept {
  return guarded([&] {
    note_graph_exit();
    return wrap(detached(unwrap(self)));
  });
}

// The element at a place of the flattened tensor, or at one index for every axis.
Tensor element(PyObject* self, PyObject* const* places, Py_ssize_t count) {
  const Tensor& x = unwrap(self);
  const bool flat = count == 1 && PyIndex_Check(places[0]);
  py::object key = py::reinterpret_borrow<py::object>(places[0]);
  if (count > 1) {
    key = py::tuple(count);
    for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(key.ptr(), i, Py_NewRef(places[i]));
  }
  return ops::getitem(flat ? ops::reshape(x, {x.size()}) : x, to_index(key.ptr()));
}

PyObject* item(PyObject* self, PyObject* const* places, Py_ssize_t count) noexcept {
  return guarded([&] {
    const Tensor x = count == 0 ? unwrap(self) : element(self, places, count);
    if (x.size() != 1)
      value_error("[item] only a tensor of one element has an item, not shape ",
                  shape_string(x.shape()));
    return scalar_object(x, "item");
  });
}

PyObject* tolist(PyObject* self, PyObject*) noexcept {
  return guarded([&] {
    note_graph_exit();
    const Tensor& x = unwrap(self);
    const Tensor plain = x.is_array() ? x.untracked() : graph_free(x, "tolist");
    py::object array =
        py::reinterpret_steal<py::object>(to_numpy(readable(ops::to_device(plain, {})), false));
    return array.attr("tolist")().release().ptr();
  });
}

PyObject* numpy(PyObject* self, PyObject*) noexcept {
  return guarded([&] { return share(graph_free(unwrap(self), "numpy")); });
}

// __array__(dtype=None, *, copy=None), NumPy's protocol.
PyObject* array(PyObject* self, PyObject* args, PyObject* kwargs) noexcept {
  return guarded([&]() -> PyObject* {
    PyObject* dtype = Py_None;
    PyObject* copy = Py_None;
    static const char* names[] = {"dtype", "copy", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$O", const_cast<char**>(names), &dtype,
                                     &copy))
      return nullptr;
    const Tensor& x = graph_free(unwrap(self), "numpy");
    const py::object own = py::reinterpret_steal<py::object>(numpy_dtype(x.dtype()));
    const bool converts = dtype != Py_None && !own.equal(py::handle(dtype));
    py::object view = py::reinterpret_steal<py::object>(share(converts ? readable(x) : x));
    if (dtype != Py_None &&
        !py::object(view.attr("dtype")).equal(py::reinterpret_borrow<py::object>(dtype))) {
      if (copy == Py_False) value_error("[__array__] another dtype needs a copy");
      return view.attr("astype")(py::handle(dtype)).release().ptr();
    }
    if (copy == Py_True) return view.attr("copy")().release().ptr();
    return view.release().ptr();
  });
}

PyObject* to_complex(PyObject* self, PyObject*) noexcept {
  return guarded([&]() -> PyObject* {
    const Tensor& x = unwrap(self);
    if (x.size() != 1) {
      type_error("only tensors of one element can be converted to a Python complex, not shape ",
                 shape_string(x.shape()));
    }
    warn_of_lost_derivative(x, "complex");
    return scalar_object(ops::astype(x, DType::Complex128), "complex");
  });
}

bool names_device(PyObject* target) {
  if (!PyUnicode_Check(target)) return false;
  const std::string name = py::cast<std::string>(py::handle(target));
  return name == "cpu" || name.rfind("cuda", 0) == 0;
}

// The tensor on the device, itself if it is there.
PyObject* moved(PyObject* self, Device device, bool later = false) {
  const Tensor x = unwrap(self);
  if (x.device() == device) return Py_NewRef(self);
  return wrap(run_op(x.size(), [&] {
    return later ? ops::to_device_later(x, device) : ops::to_device(x, device);
  }));
}

// x.to("cpu") or x.to(dtype)
PyObject* to(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) noexcept {
  return guarded([&]() -> PyObject* {
    const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
    const bool known =
        named == 0 || (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0),
                                                                      "non_blocking") == 0);
    if (count != 1 || !known)
      type_error("[to] expected a device or a dtype, and non_blocking= if anything");
    PyObject* target = args[0];
    const int later = named ? PyObject_IsTrue(args[1]) : 0;
    if (later < 0) throw_python_error();
    if (names_device(target)) return moved(self, to_device(target), later != 0);
    const DType dtype = to_dtype(target);
    if (dtype == unwrap(self).dtype()) return Py_NewRef(self);
    ops::warn_of_discarded_part("to", unwrap(self).dtype(), dtype);
    return wrap(ops::astype(unwrap(self), dtype));
  });
}

// to_device(device, /, *, stream=None), the array API's
PyObject* move_to_device(PyObject* self, PyObject* args, PyObject* kwargs) noexcept {
  return guarded([&]() -> PyObject* {
    PyObject* device = nullptr;
    PyObject* stream = Py_None;
    static const char* names[] = {"", "stream", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O", const_cast<char**>(names), &device,
                                     &stream))
      return nullptr;
    if (stream != Py_None)
      value_error("[to_device] copies are in the order of the calls: pass stream=None");
    return moved(self, to_device(device));
  });
}

PyObject* requires_grad_(PyObject* self, PyObject* args, PyObject* kwargs) noexcept {
  return guarded([&]() -> PyObject* {
    int value = 1;
    static const char* names[] = {"requires_grad", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", const_cast<char**>(names), &value))
      return nullptr;
    set_requires_grad(as_handle(self), value != 0);
    return Py_NewRef(self);
  });
}

PyObject* shallow_copy(PyObject* self, PyObject*) noexcept {
  return guarded([&]() -> PyObject* {
    const std::shared_ptr<GradSlot> slot = grad_slot(as_handle(self));
    return slot ? wrap(Leaf{unwrap(self), slot}) : wrap(unwrap(self));
  });
}

void check_no_graph(const Tensor& x, const char* what) {
  if (!x.is_array()) graph_free(x, what);
  // Nor can what grad or vjp differentiates by, a leaf that is nobody's: the copy would be
  // constant.
  if (x.tracked() && !dynamic_cast<const AccumulateGrad*>(x.node())) {
    runtime_error("[", what,
                  "] a recorded result cannot be copied with its graph: use x.copy() "
                  "for another recorded one, or x.detach() if a constant is meant");
  }
}

PyObject* leaf_like(PyObject* self, Tensor value) {
  PyObject* object = wrap(std::move(value));
  if (!object || !unwrap(self).tracked()) return object;
  py::object owner = py::reinterpret_steal<py::object>(object);
  set_requires_grad(as_handle(object), true);
  if (const std::shared_ptr<GradSlot> slot = grad_slot(as_handle(self))) {
    Tensor gradient;
    {
      std::unique_lock lock = lock_slot(*slot);
      gradient = slot->value;
    }
    if (gradient) grad_slot(as_handle(object))->value = ops::copy(detached(gradient));
  }
  return owner.release().ptr();
}

PyObject* deep_copy(PyObject* self, PyObject* memo) noexcept {
  return guarded([&]() -> PyObject* {
    check_no_graph(unwrap(self), "deepcopy");
    PyObject* copy = leaf_like(self, ops::copy(unwrap(self).untracked()));
    if (!copy) return nullptr;
    py::object owner = py::reinterpret_steal<py::object>(copy);
    py::object key = py::reinterpret_steal<py::object>(PyLong_FromVoidPtr(self));
    if (PyDict_Check(memo) && PyDict_SetItem(memo, key.ptr(), copy) < 0) return nullptr;
    return owner.release().ptr();
  });
}

PyObject* reduce(PyObject* self, PyObject*) noexcept {
  return guarded([&]() -> PyObject* {
    const Tensor& x = unwrap(self);
    check_no_graph(x, "pickle");
    const Tensor here = readable(ops::to_device(x.untracked(), {}));
    py::object values = py::reinterpret_steal<py::object>(to_numpy(here, false));
    py::object rebuild = py::module_::import("pyautograd._core").attr("_rebuild");
    py::object dtype = py::reinterpret_steal<py::object>(numpy_dtype(x.dtype()));
    py::tuple arguments = py::make_tuple(values, x.tracked(), dtype);
    if (x.device().kind != Device::Kind::CPU)
      arguments = py::make_tuple(values, x.tracked(), dtype, name_of(x.device()));
    return py::make_tuple(rebuild, arguments).release().ptr();
  });
}

PyObject* format(PyObject* self, PyObject* spec) noexcept {
  return guarded([&]() -> PyObject* {
    if (!PyUnicode_Check(spec)) type_error("[format] the format must be a string");
    const Tensor& x = unwrap(self);
    if (PyUnicode_GET_LENGTH(spec) == 0) return describe(x);
    if (x.size() != 1) {
      type_error("[format] only a tensor of one element takes a format, not shape ",
                 shape_string(x.shape()));
    }
    py::object value = py::reinterpret_steal<py::object>(scalar_object(x, "format"));
    return PyObject_Format(value.ptr(), spec);
  });
}

PyObject* representation(PyObject* self) noexcept {
  return guarded([&] { return describe(unwrap(self)); });
}

template <class F>
PyCFunction method(F* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"detach", detach, METH_NOARGS,
     "detach($self, /)\n--\n\nThe same memory as a constant: no derivative flows through it, in "
     "any transform."},
    {"item", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(item)), METH_FASTCALL,
     "item($self, /, *args)\n--\n\nThe only element as a Python number, or the one at an index: a "
     "place in the flattened tensor, or one for every axis."},
    {"tolist", tolist, METH_NOARGS,
     "tolist($self, /)\n--\n\nThe elements as nested lists of Python numbers."},
    {"numpy", numpy, METH_NOARGS,
     "numpy($self, /)\n--\n\nThe tensor's memory as a NumPy array, without a copy.\n\n"
     "Writable only if no other tensor and no recorded graph can need the value.\n\n"
     ":raises RuntimeError: if the tensor is recorded or inside a transform; use ``x.detach()`` "
     "first"},
    {"__array__", method(array), METH_VARARGS | METH_KEYWORDS, "NumPy's array protocol."},
    {"__complex__", to_complex, METH_NOARGS, nullptr},
    {"to", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(to)),
     METH_FASTCALL | METH_KEYWORDS,
     "to($self, target, /, *, non_blocking=False)\n--\n\nThe tensor on another device, such as "
     "'cpu' or 'cuda:0', or with another dtype; itself if nothing changes.\n\nWith "
     "``non_blocking``, a copy from pinned memory (``x.pin_memory()``) to a device goes on by "
     "itself: the pinned numbers must not be overwritten before, and may be freed at any time. "
     "Other copies are done when this returns."},
    {"to_device", method(move_to_device), METH_VARARGS | METH_KEYWORDS,
     "to_device($self, device, /, *, stream=None)\n--\n\nThe tensor on another device, such as "
     "'cpu' "
     "or 'cuda:0'; itself if it is there."},
    {"requires_grad_", method(requires_grad_), METH_VARARGS | METH_KEYWORDS,
     "requires_grad_($self, requires_grad=True)\n--\n\nSets ``requires_grad`` and returns the "
     "tensor."},
    {"__copy__", shallow_copy, METH_NOARGS, nullptr},
    {"__deepcopy__", deep_copy, METH_O, nullptr},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__format__", format, METH_O, nullptr},
    {}};

}  // namespace

std::span<const PyType_Slot> method_slots() {
  static const PyType_Slot slots[] = {{Py_tp_methods, methods},
                                      {Py_tp_repr, reinterpret_cast<void*>(representation)}};
  return slots;
}

}  // namespace pyautograd::python
