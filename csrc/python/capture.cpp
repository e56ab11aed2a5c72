// What pyautograd/_captured.py is made of.

#include "autograd/capture.h"

#include <pybind11/pybind11.h>

#include "autograd/closure.h"
#include "python/autograd_bind.h"
#include "python/autograd_gc.h"
#include "python/caster.h"
#include "python/gil.h"

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
  py::object run(const py::sequence& arguments) const {
    const Ref<CapturedCall> call = call_;
    if (!call) throw py::value_error("[captured] the call was taken apart by garbage collection");
    Tensors given;
    for (const py::object x : arguments) {
      if (!is_tensor(x.ptr())) throw py::type_error("[captured] expected tensors");
      given.push_back(unwrap(x.ptr()));
    }
    if (call->stale()) return py::bool_(false);
    const std::optional<Tensors> results =
        run_op(call->elements(), [&] { return call->run(given); });
    return results ? py::object(to_list(*results)) : py::none();
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

// Shapes and dtypes of tensors, as a key; None where something else is among them, or a call with
// them is no list of ops on arrays: they are recorded, wrapped or on a device.
py::object signature(const py::sequence& tensors) {
  std::string key;
  for (const py::object handle : tensors) {
    if (!is_tensor(handle.ptr())) return py::none();
    const Tensor& x = unwrap(handle.ptr());
    if (!x.is_array() || x.tracked() || x.device() != Device() || x.body()->origin)
      return py::none();
    key.push_back(static_cast<char>(x.dtype()));
    key.push_back(static_cast<char>(x.ndim()));
    for (int64_t n : x.shape()) key.append(reinterpret_cast<const char*>(&n), sizeof n);
  }
  return py::bytes(key);
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
      [](const Tensor& truth) { return Capture::current() && Capture::current()->guard(truth); },
      py::arg("truth"), py::pos_only(),
      "Has a call that is captured run only where this does not hold; false if it can be asked.");
  module.def("call_signature", &signature, py::arg("tensors"), py::pos_only());
  module.def(
      "capturing", [] { return Capture::current() != nullptr; },
      "Whether this thread writes a call down.");
  module.def(
      "may_capture", [] { return !Capture::current() && !Closure::current() && !checks_for_nan(); },
      "Whether it writes none down, and runs no checkpointed function, which compares ops, and no "
      "backward pass is to look for nan.");
}

}  // namespace pyautograd::python
