#include "python/user_frame.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

bool inside_package(const py::object& frame) {
  const py::object name = frame.attr("f_globals").attr("get")("__name__", "");
  const std::string module = py::str(name);
  return module == "pyautograd" || module.starts_with("pyautograd.");
}

py::object caller_of(const py::object& frame) {
  return py::reinterpret_steal<py::object>(
      reinterpret_cast<PyObject*>(PyFrame_GetBack(reinterpret_cast<PyFrameObject*>(frame.ptr()))));
}

}  // namespace

py::object user_frame() {
  auto frame = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  while (frame && inside_package(frame)) frame = caller_of(frame);
  return frame;
}

}  // namespace pyautograd::python
