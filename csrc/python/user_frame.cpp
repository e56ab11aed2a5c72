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

py::object innermost_frame() {
  return py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
}

}  // namespace

py::object user_frame() {
  py::object frame = innermost_frame();
  while (frame && inside_package(frame)) frame = caller_of(frame);
  return frame;
}

int frames_to_user() {
  int level = 1;
  for (py::object frame = innermost_frame(); frame && inside_package(frame);
       frame = caller_of(frame))
    ++level;
  return level;
}

}  // namespace pyautograd::python
