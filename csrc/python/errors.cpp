#include "python/errors.h"

#include <pybind11/pybind11.h>

#include "core/error.h"
#include "python/module.h"

namespace pyautograd::python {

PyObject* escaped_tensor_error = nullptr;

namespace {

// NumPy's own, so that one except clause serves both.
PyObject* linalg_error = nullptr;
PyObject* axis_error = nullptr;

// `instead` where it cannot be had.
PyObject* numpy_error(const char* module_name, const char* name, PyObject* instead) noexcept {
  PyObject* module = PyImport_ImportModule(module_name);
  PyObject* found = module ? PyObject_GetAttrString(module, name) : nullptr;
  Py_XDECREF(module);
  if (!found) PyErr_Clear();
  return found ? found : instead;
}

PyObject* exception_type(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::Value:
      return PyExc_ValueError;
    case Error::Kind::Type:
      return PyExc_TypeError;
    case Error::Kind::Index:
      return PyExc_IndexError;
    case Error::Kind::Axis:
      return axis_error;
    case Error::Kind::Runtime:
      return PyExc_RuntimeError;
    case Error::Kind::Memory:
      return PyExc_MemoryError;
    case Error::Kind::Overflow:
      return PyExc_OverflowError;
    case Error::Kind::LinAlg:
      return linalg_error;
    case Error::Kind::Escaped:
      return escaped_tensor_error;
    case Error::Kind::NotImplemented:
      break;
  }
  return PyExc_NotImplementedError;
}

}  // namespace

void set_python_error() noexcept {
  try {
    throw;
  } catch (pybind11::error_already_set& error) {
    error.restore();
  } catch (const pybind11::builtin_exception& error) {
    error.set_error();
  } catch (const Error& error) {
    PyErr_SetString(exception_type(error.kind()), error.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "an exception of an unknown type reached Python");
  }
}

void throw_python_error() { throw pybind11::error_already_set(); }

void bind_errors(pybind11::module_& module) {
  linalg_error = numpy_error("numpy.linalg", "LinAlgError", PyExc_ValueError);
  axis_error = numpy_error("numpy.exceptions", "AxisError", PyExc_IndexError);
  escaped_tensor_error = PyErr_NewExceptionWithDoc(
      "pyautograd.EscapedTensorError",
      "A tensor made inside a transform was used after the transform returned.", PyExc_RuntimeError,
      nullptr);
  if (!escaped_tensor_error) throw_python_error();
  module.attr("EscapedTensorError") = pybind11::handle(escaped_tensor_error);
  pybind11::register_local_exception_translator([](std::exception_ptr failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const Error& error) {
      PyErr_SetString(exception_type(error.kind()), error.what());
    }
  });
}

}  // namespace pyautograd::python
