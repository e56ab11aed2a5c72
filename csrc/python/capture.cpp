// What pyautograd/_captured.py is made of.

#include "autograd/capture.h"

#include <pybind11/pybind11.h>

#include <functional>
#include <unordered_map>

#include "autograd/closure.h"
#include "kernels/device.h"
#include "python/autograd_bind.h"
#include "python/autograd_gc.h"
#include "python/caster.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/loop_step.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

Tensors to_present_tensors(const py::object& sequence, const char* what) {
  Tensors out = to_tensors(sequence, what);
  for (const Tensor& x : out) {
    if (!x) type_error(what, " expected tensors, got None");
  }
  return out;
}

// The ops of the call that is captured in a `with` block.
class PyCapture {
 public:
  explicit PyCapture(const py::object& arguments) : capture_(make_ref<Capture>()) {
    for (const Tensor& x : to_present_tensors(arguments, "[captured] arguments:"))
      arguments_.push_back(capture_->argument(x.spec()));
  }
  py::list arguments() { return to_list(std::exchange(arguments_, {})); }
  void enter() { capture_->begin(); }
  void exit() { capture_->end(); }
  Ref<CapturedCall> finish(const py::object& outputs) {
    return capture_->finish(to_present_tensors(outputs, "[captured] results:"));
  }
  // Runs the call on the state, the first of these tensors, and what it makes of it.
  py::object repeat(const py::object& outputs, const py::object& inputs, int64_t most) {
    const Ref<CapturedCall> body = finish(outputs);
    if (body->draws()) return py::none();
    if (Capture* const outer = Capture::current()) outer->look_at_those_of(*body);
    const size_t states = py::len(outputs);
    return to_list(apply(make_ref<LoopStep>(body, states, most),
                         to_present_tensors(inputs, "[captured] inputs:")));
  }
  size_t held() const { return capture_->held(); }

 private:
  const Ref<Capture> capture_;
  Tensors arguments_;
};

// Alone in owning its call, and so the functions of Python's among the steps.
class PyCapturedCall {
 public:
  explicit PyCapturedCall(Ref<CapturedCall> call) : call_(std::move(call)) {}
  int traverse(visitproc visit, void* arg) const {
    if (!call_) return 0;
    for (const StepList::Step& step : call_->list().steps) {
      if (int stop = visit_holder(step.primitive.get(), visit, arg)) return stop;
    }
    return 0;
  }
  void clear() { call_ = nullptr; }
  py::list ops() const {
    py::list names;
    if (!call_) return names;
    for (const std::string_view name : call_->list().names())
      names.append(py::str(std::string(name)));
    return names;
  }
  // Null if garbage collection has taken it apart.
  const Ref<CapturedCall>& call() const noexcept { return call_; }
  py::object run(const py::sequence& arguments) const {
    const Ref<CapturedCall> call = call_;
    if (!call) throw py::value_error("[captured] the call was taken apart by garbage collection");
    Tensors given;
    for (const py::object x : arguments) {
      if (!is_tensor(x.ptr())) throw py::type_error("[captured] expected tensors");
      given.push_back(unwrap(x.ptr()));
    }
    if (call->stale()) return py::bool_(false);
    const std::optional<Tensors> results = results_of(*call, given);
    return results ? py::object(to_list(*results)) : py::none();
  }
  static std::optional<Tensors> results_of(const CapturedCall& call, const Tensors& given) {
    return run_op(call.elements(), [&] { return call.run(given); });
  }

 private:
  Ref<CapturedCall> call_;
};

int traverse_call(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const auto* call = constructed<PyCapturedCall>(self);
  return call ? call->traverse(visit, arg) : 0;
}

int clear_call(PyObject* self) {
  if (auto* call = constructed<PyCapturedCall>(self)) call->clear();
  return 0;
}

// Shapes and dtypes of tensors, as a key; false where something else is among them, or a call with
// them is no list of ops on arrays: they are recorded, wrapped or on a device.
bool write_tensor(PyObject* handle, std::string& key) {
  const Tensor& x = unwrap(handle);
  if (!x.is_array() || x.tracked() || x.device() != Device() || x.body()->origin) return false;
  key.push_back(static_cast<char>(x.dtype()));
  key.push_back(static_cast<char>(x.ndim()));
  for (int64_t n : x.shape()) key.append(reinterpret_cast<const char*>(&n), sizeof n);
  return true;
}

bool write_signature(PyObject* tuple, std::string& key) {
  key.clear();
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* const handle = PyTuple_GET_ITEM(tuple, i);
    if (!is_tensor(handle) || !write_tensor(handle, key)) return false;
  }
  return true;
}

// Calls each(child) for the children of a tuple, a list or a dict, until one is refused; false for
// anything else.
template <class Each>
bool for_children(PyObject* container, const Each& each) {
  if (PyTuple_CheckExact(container)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(container); ++i)
      if (!each(PyTuple_GET_ITEM(container, i))) return false;
    return true;
  }
  if (PyList_CheckExact(container)) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(container); ++i)
      if (!each(PyList_GET_ITEM(container, i))) return false;
    return true;
  }
  if (!PyDict_CheckExact(container)) return false;
  PyObject *name = nullptr, *child = nullptr;
  for (Py_ssize_t place = 0; PyDict_Next(container, &place, &name, &child);)
    if (!each(child)) return false;
  return true;
}

void write_number(std::string& key, Py_ssize_t n) {
  key.append(reinterpret_cast<const char*>(&n), sizeof n);
}

// The names in a dict, which must be strings.
bool write_names(PyObject* dict, std::string& key) {
  PyObject *name = nullptr, *child = nullptr;
  for (Py_ssize_t place = 0; PyDict_Next(dict, &place, &name, &child);) {
    if (!PyUnicode_CheckExact(name)) return false;
    Py_ssize_t length = 0;
    const char* const text = PyUnicode_AsUTF8AndSize(name, &length);
    if (!text) {  // surrogates
      PyErr_Clear();
      return false;
    }
    write_number(key, length);
    key.append(text, static_cast<size_t>(length));
  }
  return true;
}

constexpr char kTuple = '\xfd', kList = '\xfe', kDict = '\xff';  // no dtype
constexpr int kDeepest = 8;

// The same of trees of tuples, lists and dicts with tensors as leaves.
bool write_tree(PyObject* x, std::string& key, int depth) {
  if (is_tensor(x)) return write_tensor(x, key);
  if (depth == kDeepest) return false;
  const bool dict = PyDict_CheckExact(x), list = PyList_CheckExact(x);
  if (!dict && !list && !PyTuple_CheckExact(x)) return false;
  key.push_back(dict ? kDict : list ? kList : kTuple);
  write_number(key, dict ? PyDict_GET_SIZE(x) : Py_SIZE(x));
  if (dict && !write_names(x, key)) return false;
  return for_children(x, [&](PyObject* child) { return write_tree(child, key, depth + 1); });
}

bool write_call(PyObject* tuple, std::string& key) {
  key.clear();
  return for_children(tuple, [&](PyObject* x) { return write_tree(x, key, 0); });
}

void collect_leaves(PyObject* x, Tensors& leaves) {
  if (is_tensor(x)) {
    leaves.push_back(unwrap(x));
  } else {
    for_children(x, [&](PyObject* child) { return collect_leaves(child, leaves), true; });
  }
}

py::object signature(const py::sequence& tensors) {
  std::string key;
  return write_signature(py::tuple(tensors).ptr(), key) ? py::object(py::bytes(key)) : py::none();
}

py::object signature_of_call(const py::tuple& arguments) {
  std::string key;
  return write_call(arguments.ptr(), key) ? py::object(py::bytes(key)) : py::none();
}

// Whether a call may be written down and run.
bool may_capture() { return !Capture::current() && !Closure::current() && !checks_for_nan(); }

// A call that was written down, and what makes the function's result of a list of tensors; null
// where that is its only one.
struct Known {
  py::object owner, finish;
  const PyCapturedCall* call;  // the owner's
};
struct KeyHash : std::hash<std::string_view> {
  using is_transparent = void;
};
using Calls = std::unordered_map<std::string, Known, KeyHash, std::equal_to<>>;

// What Python's class of captured functions derives from: calls whose arguments are trees of
// tensors that are known are run without Python, all others by its method `_call`.
struct PyKnownCalls {
  PyObject ob_base;
  Calls* calls;  // null as long as there are none
};
PyKnownCalls* as_known(PyObject* self) { return reinterpret_cast<PyKnownCalls*>(self); }

const Known* find_known(PyObject* self, PyObject* arguments) {
  static thread_local std::string key;
  const Calls* calls = as_known(self)->calls;
  if (!calls || !write_call(arguments, key)) return nullptr;
  const auto found = calls->find(std::string_view(key));
  return found == calls->end() ? nullptr : &found->second;
}

// Empty where Python has to see to it.
py::object run_known(PyObject* self, PyObject* arguments) {
  const Known* const found = find_known(self, arguments);
  if (!found) return {};
  const Known known = *found;  // another thread may forget it meanwhile
  const Ref<CapturedCall> call = known.call->call();
  if (!call || call->stale()) return {};
  Tensors given;
  collect_leaves(arguments, given);
  const std::optional<Tensors> results = PyCapturedCall::results_of(*call, given);
  if (!results) {
    const py::object f = py::handle(self).attr("_f");
    return py::reinterpret_steal<py::object>(
        waiting_at_exit([&] { return PyObject_CallObject(f.ptr(), arguments); }));
  }
  if (known.finish) return known.finish(to_list(*results));
  return py::reinterpret_steal<py::object>(wrap((*results)[0]));
}

PyObject* call_known(PyObject* self, PyObject* arguments, PyObject* keywords) noexcept {
  return guarded([&] {
    const bool named = keywords && PyDict_GET_SIZE(keywords) > 0;
    if (!named && may_capture()) {
      py::object result = run_known(self, arguments);
      if (result || PyErr_Occurred()) return result.release().ptr();
    }
    const py::object rest = py::handle(self).attr("_call");
    return waiting_at_exit([&] { return PyObject_Call(rest.ptr(), arguments, keywords); });
  });
}

PyObject* know(PyObject* self, PyObject* arguments) noexcept {
  return guarded([&] {
    const auto given = py::reinterpret_borrow<py::tuple>(arguments);
    const auto key = given[0].cast<py::bytes>();
    Known known{given[1], given[2], &given[1].cast<const PyCapturedCall&>()};
    if (known.finish.is_none()) known.finish = {};
    if (!as_known(self)->calls) as_known(self)->calls = new Calls;
    std::swap((*as_known(self)->calls)[std::string(std::string_view(key))], known);
    return Py_NewRef(Py_None);
  });
}

PyObject* forget(PyObject* self, PyObject*) noexcept {
  const std::unique_ptr<Calls> former(std::exchange(as_known(self)->calls, nullptr));
  return Py_NewRef(Py_None);
}

int traverse_known(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!as_known(self)->calls) return 0;
  for (const auto& [key, known] : *as_known(self)->calls) {
    Py_VISIT(known.owner.ptr());
    Py_VISIT(known.finish.ptr());
  }
  return 0;
}

int clear_known(PyObject* self) {
  Py_DECREF(forget(self, nullptr));
  return 0;
}

void release_known(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear_known(self);
  type->tp_free(self);
  Py_DECREF(type);
}

py::object make_known_calls() {
  static PyMethodDef methods[] = {
      {"know", know, METH_VARARGS,
       "Run this call for arguments of this signature. What it returns goes through finish, as a "
       "list, or, if that is None, is one tensor."},
      {"forget", forget, METH_NOARGS, "Know no calls."},
      {}};
  static PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                                {Py_tp_call, reinterpret_cast<void*>(call_known)},
                                {Py_tp_traverse, reinterpret_cast<void*>(traverse_known)},
                                {Py_tp_clear, reinterpret_cast<void*>(clear_known)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(release_known)},
                                {Py_tp_methods, methods},
                                {}};
  static PyType_Spec spec{"pyautograd._core.KnownCalls", sizeof(PyKnownCalls), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  py::object type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw_python_error();
  return type;
}

}  // namespace

void bind_captures(py::module_& module) {
  py::class_<PyCapture>(module, "Capture", "The ops of a call, noted instead of done.")
      .def(py::init<py::object>(), py::arg("arguments"), py::pos_only())
      .def("arguments", &PyCapture::arguments, "Tensors without numbers to call with, once.")
      .def("__enter__",
           [](PyCapture& self) -> PyCapture& {
             self.enter();
             return self;
           })
      .def("__exit__", [](PyCapture& self, const py::object&, const py::object&,
                          const py::object&) { self.exit(); })
      .def(
          "finish",
          [](PyCapture& self, const py::object& outputs) {
            return PyCapturedCall(self.finish(outputs));
          },
          py::arg("outputs"), py::pos_only())
      .def("repeat", &PyCapture::repeat, py::arg("outputs"), py::arg("inputs"), py::arg("most"),
           py::pos_only(),
           "The state after the call was run on it as long as its first tensor, a truth value, "
           "holds, at most so often; None for a call that draws random numbers. The inputs are the "
           "state, then what stays; the outputs are the state's successors. A state that was given "
           "may "
           "come back as it is, memory and all.")
      .def_property_readonly("held", &PyCapture::held,
                             "How many tensors without numbers somebody holds.");
  py::class_<PyCapturedCall>(module, "CapturedCall",
                             py::custom_type_setup(collectable<traverse_call, clear_call>),
                             "Ops to be run again on other arrays.")
      .def("ops", &PyCapturedCall::ops)
      .def("run", &PyCapturedCall::run, py::arg("arguments"), py::pos_only(),
           "None where a guard holds, False where what the function looked at has changed.");
  module.def(
      "guard",
      [](const Tensor& truth) {
        if (Capture::current()) return Capture::current()->guard(truth);
        return truth.is_array() &&
               kernels::reported_later(truth.array().device_view(), Backend::Fault::Value);
      },
      py::arg("truth"), py::pos_only(),
      "Has a call that is captured run only where this does not hold, or on a device report where "
      "it does; false if it can be asked.");
  module.def("call_signature", &signature, py::arg("tensors"), py::pos_only());
  module.def("tree_signature", &signature_of_call, py::arg("arguments"), py::pos_only(),
             "The same of arguments that are trees of tuples, lists and dicts with names, all of "
             "whose leaves are tensors; None for others.");
  module.def(
      "capturing", [] { return Capture::current() != nullptr; },
      "Whether this thread writes a call down.");
  module.attr("KnownCalls") = make_known_calls();
  module.def(
      "may_capture", &may_capture,
      "Whether it writes none down, and runs no checkpointed function, which compares ops, and no "
      "backward pass is to look for nan.");
}

}  // namespace pyautograd::python
