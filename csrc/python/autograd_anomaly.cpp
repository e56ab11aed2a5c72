#include "autograd/node.h"
#include "python/autograd_bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

py::object caller_of(const py::object& frame) {
  return py::reinterpret_steal<py::object>(
      reinterpret_cast<PyObject*>(PyFrame_GetBack(reinterpret_cast<PyFrameObject*>(frame.ptr()))));
}

bool inside_package(const py::object& frame) {
  const py::object module = frame.attr("f_globals").attr("get")("__name__", "");
  const std::string name = py::str(module);
  return name == "pyautograd" || name.starts_with("pyautograd.");
}

std::string describe_frame(const py::object& frame) {
  const py::object code = frame.attr("f_code");
  const py::object file = code.attr("co_filename");
  const int line = PyFrame_GetLineNumber(reinterpret_cast<PyFrameObject*>(frame.ptr()));
  const py::object source = py::module_::import("linecache").attr("getline")(file, line);
  const std::string text = py::str(source.attr("strip")());
  return concat(std::string(py::str(file)), ":", line, ", in ",
                std::string(py::str(code.attr("co_name"))), text.empty() ? "" : ": ", text);
}

// The line of the user's program that is running: the innermost frame outside this package.
std::string user_line() {
  py::gil_scoped_acquire locked;
  py::object frame =
      py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  while (frame && inside_package(frame)) frame = caller_of(frame);
  return frame ? describe_frame(frame) : "an unknown place";
}

}  // namespace

void bind_anomaly(py::module_& module) {
  set_trace_provider(user_line);
  module.def("set_anomaly_detection", &set_anomaly_detection, py::arg("enabled"),
             py::arg("check_nan") = true);
  module.def("anomaly_detection", [] { return std::pair(anomaly_detection(), checks_for_nan()); });
}

}  // namespace pyautograd::python
