#include <algorithm>

#include "autograd/algebra.h"
#include "autograd/capture.h"
#include "autograd/engine.h"
#include "core/strides.h"
#include "kernels/kernels.h"
#include "python/autograd_bind.h"
#include "python/autograd_gc.h"
#include "python/caster.h"
#include "python/gil.h"
#include "python/user_frame.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

Differentiable parse_differentiable(std::string_view text) {
  if (text == "no") return Differentiable::No;
  if (text == "yes") return Differentiable::Yes;
  if (text == "auto") return Differentiable::Auto;
  value_error("[backward] differentiable must be 'no', 'yes' or 'auto', got '", text, "'");
}

// The tracked inputs as targets, and where each came from. Kept by handle, so that a result that is
// no leaf can receive its gradient.
struct Targets {
  SmallVector<Edge, 4> edges;
  std::vector<size_t> places;
  std::vector<py::object> handles;

  explicit Targets(const py::object& inputs) {
    if (inputs.is_none()) return;
    for (py::object input : py::reinterpret_borrow<py::sequence>(inputs)) {
      if (!is_tensor(input.ptr()))
        type_error("[backward] inputs must be tensors, got ", Py_TYPE(input.ptr())->tp_name);
      handles.push_back(input);
      const Tensor& x = unwrap(input.ptr());
      if (!x.tracked()) continue;
      edges.push_back(edge_of(x));
      places.push_back(handles.size() - 1);
    }
  }
};

// What backward(inputs=...) does for a result that is no leaf: the engine accumulates into leaves.
void add_to_grad(py::handle handle, const Tensor& cotangent) {
  const std::shared_ptr<GradSlot> slot = make_grad_slot(as_handle(handle.ptr()));
  const std::unique_lock lock = lock_slot(*slot);
  slot->value = slot->value ? algebra::add(slot->value, cotangent) : cotangent;
}

// A request for a differentiable result is louder than a surrounding no_grad.
Tensors sweep_recording(const BackwardRequest& request) {
  if (request.differentiable != Differentiable::Yes) return run_backward(request);
  const RecordingScope scope = RecordingScope::at_innermost();
  return run_backward(request);
}

// Rules hand a cotangent on as it is, so two gradients, or one and the cotangent that a user gave,
// may be one array, and that of a sum is one number at many places; who gets them to keep may write
// into them. No op makes the copy: it is no part of what the program computes, which a checkpoint
// around compares.
void separate(Tensor& x) {
  if (!x || !x.is_array() || x.tracked()) return;
  const Array& array = x.array();
  const bool sole = array.use_count() == 1 && array.storage->use_count() == 1;
  if (sole && !shows_numbers_twice(array.shape, array.strides)) return;
  if (Capture::current()) {
    x = algebra::copy(x);
    return;
  }
  Ref<Array> own = Array::empty(array.shape, array.dtype, array.device);
  kernels::copy(own->device_view(), array.device_view());
  x = Tensor(std::move(own));
}

Tensors sweep(const BackwardRequest& request, bool separated) {
  const SweepScope scope;
  const WithoutGil unlocked;
  Tensors results = sweep_recording(request);
  if (separated) std::for_each(results.begin(), results.end(), separate);
  return results;
}

py::list bind_run_backward(const py::object& outputs, const py::object& cotangents,
                           const py::object& inputs, bool accumulate, bool retain_graph,
                           std::string_view differentiable, bool separated, bool unread,
                           bool spent) {
  Tensors ys = to_tensors(outputs, "[backward] outputs:");
  const Tensors us = to_tensors(cotangents, "[backward] gradients:");
  if (us.size() != ys.size())
    value_error("[backward] ", ys.size(), " outputs need as many gradients, got ", us.size());
  const Targets targets(inputs);
  Tensors found(targets.handles.size());
  if (inputs.is_none() || !targets.edges.empty()) {
    BackwardRequest request{ys,         us,           targets.edges,
                            accumulate, retain_graph, parse_differentiable(differentiable)};
    request.unread = unread;
    if (spent) {
      outputs.attr("clear")();
      request.spent = &ys;
    }
    Tensors results = sweep(request, separated || accumulate);
    for (size_t i = 0; i < targets.places.size(); ++i)
      found[targets.places[i]] = std::move(results[i]);
  }
  if (!accumulate) return to_list(found);
  // Leaves have theirs. What a handle shows now does not tell: hooks have run.
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]) add_to_grad(targets.handles[i], found[i]);
  }
  return py::list();
}

void check_signals() {
  const WithGil locked;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

py::object category_of(Warning kind) {
  if (kind == Warning::General) return py::reinterpret_borrow<py::object>(PyExc_UserWarning);
  return py::module_::import("numpy.exceptions").attr("ComplexWarning");
}

void warn_python(Warning kind, const char* message) {
  const WithGil locked;
  if (PyErr_WarnEx(category_of(kind).ptr(), message, frames_to_user()) != 0)
    throw py::error_already_set();
}

}  // namespace

void bind_backward(py::module_& module) {
  module.def("run_backward", &bind_run_backward, py::arg("outputs"), py::arg("cotangents"),
             py::arg("inputs"), py::arg("accumulate") = false, py::arg("retain_graph") = false,
             py::arg("differentiable") = "no", py::arg("separated") = false,
             py::arg("unread") = false, py::arg("spent") = false);
  module.def(
      "leads_below",
      [](const py::object& outputs, const Tensor& x) {
        return leads_below(to_tensors(outputs, "[backward] outputs:"), x);
      },
      py::arg("outputs"), py::arg("x"));
  module.def("make_vjp_input", &make_vjp_input, py::arg("x"));
  module.def("close_vjp_input", &close_vjp_input, py::arg("x"));
  module.def("without_edge", [](const Tensor& x) { return x.untracked(); }, py::arg("x"));
  module.def(
      "guarded",
      [](const Tensor& x) {
        return x.is_array() && x.array().storage->exposed() ? algebra::copy(x) : x;
      },
      py::arg("x"), "x, or a copy where others could write its memory unnoticed.");
  module.def("version", [](const Tensor& x) { return version_of(*x.body()); }, py::arg("x"));
  module.def("without_closed_edge", &without_closed_edge, py::arg("x"));
  set_interrupt_check(check_signals);
  set_warning_sink(warn_python);
}

}  // namespace pyautograd::python
