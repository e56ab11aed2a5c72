#include "autograd/node.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/gil.h"
#include "python/user_frame.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

std::string describe_frame(const py::object& frame) {
  const py::object code = frame.attr("f_code");
  const py::object file = code.attr("co_filename");
  const int line = PyFrame_GetLineNumber(reinterpret_cast<PyFrameObject*>(frame.ptr()));
  const py::object source = py::module_::import("linecache").attr("getline")(file, line);
  const std::string text = py::str(source.attr("strip")());
  return concat(std::string(py::str(file)), ":", line, ", in ",
                std::string(py::str(code.attr("co_name"))), text.empty() ? "" : ": ", text);
}

std::string user_line() {
  const WithGil locked;
  const py::object frame = user_frame();
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
