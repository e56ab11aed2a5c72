#include "python/indexing.h"

#include <pybind11/pybind11.h>

#include "autograd/capture.h"
#include "ops/ops.h"
#include "python/assign.h"
#include "python/closure.h"
#include "python/convert.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/scalars.h"
#include "python/tensor_slots.h"
#include "python/tensor_type.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

int64_t to_integer(PyObject* object) {
  const Py_ssize_t value = PyNumber_AsSsize_t(object, PyExc_IndexError);
  if (value == -1 && PyErr_Occurred()) throw_python_error();
  return value;
}

std::optional<int64_t> slice_bound(PyObject* bound) {
  if (bound == Py_None) return std::nullopt;
  if (!PyIndex_Check(bound))
    type_error("[getitem] slice bounds must be integers or None, not ", Py_TYPE(bound)->tp_name);
  const Py_ssize_t value = PyNumber_AsSsize_t(bound, nullptr);  // saturates, as slices do
  if (value == -1 && PyErr_Occurred()) throw_python_error();
  return value;
}

ops::SliceRange to_slice(PyObject* object) {
  const auto* slice = reinterpret_cast<PySliceObject*>(object);
  ops::SliceRange range{slice_bound(slice->start), slice_bound(slice->stop),
                        slice_bound(slice->step)};
  if (range.step == 0) value_error("[getitem] slice step cannot be zero");
  return range;
}

[[noreturn]] void invalid_index(const std::string& what) {
  index_error(
      "[getitem] only integers, slices, ..., None and integer or boolean arrays are valid indices, "
      "not ",
      what);
}

// An array index. A 0-d integer that records nothing is as good as a Python int.
ops::IndexItem to_array_index(PyObject* object) {
  Tensor index = to_tensor(object);
  // NumPy reads [] as no positions rather than as floats.
  const bool empty_list = !is_tensor(object) && !is_ndarray(object) && index.size() == 0;
  if (empty_list) index = ops::astype(index, DType::Int64);
  if (is_inexact(index.dtype()))
    invalid_index(concat("an array of dtype ", name_of(index.dtype())));
  if (index.ndim() == 0 && is_integer(index.dtype()) && index.is_array() &&
      !Capture::unknown(index.array())) {
    py::object number = py::reinterpret_steal<py::object>(scalar_object(index, "index"));
    return to_integer(number.ptr());
  }
  return index;
}

ops::IndexItem to_item(PyObject* object) {
  if (PyLong_CheckExact(object)) return to_integer(object);
  if (PySlice_Check(object)) return to_slice(object);
  if (object == Py_None) return ops::NewAxis{};
  if (object == Py_Ellipsis) return ops::Ellipsis{};
  if (PyBool_Check(object)) return scalar_to_tensor(object, DType::Bool);
  if (is_tensor(object) || is_ndarray(object) || PyList_Check(object) || PyTuple_Check(object)) {
    return to_array_index(object);
  }
  if (is_numpy_integer(object)) return to_integer(object);
  if (is_numpy_scalar(object)) return to_array_index(object);
  if (PyIndex_Check(object)) return to_integer(object);
  if (PyRange_Check(object) || is_pandas(object)) return to_array_index(object);
  invalid_index(Py_TYPE(object)->tp_name);
}

PyObject* subscript(PyObject* self, PyObject* key) noexcept {
  return guarded([&] {
    const Tensor x = unwrap(self);
    const ops::Index index = to_index(key);
    return noted("getitem", wrap(run_op(x.size(), [&] { return ops::getitem(x, index); })));
  });
}

int assign_subscript(PyObject* self, PyObject* key, PyObject* value) noexcept {
  return guarded([&] {
    if (!value) type_error("[delitem] elements of a tensor cannot be deleted");
    const DType dtype = unwrap(self).dtype();
    const Tensor source = is_weak_scalar(value) ? scalar_to_tensor(value, dtype) : to_tensor(value);
    assign_items(as_handle(self), to_index(key), source, value);
    return 0;
  });
}

Py_ssize_t length(PyObject* self) noexcept {
  const Dims& shape = unwrap(self).shape();
  if (!shape.empty()) return shape[0];
  PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
  return -1;
}

PyObject* item_at(PyObject* self, Py_ssize_t position) noexcept {
  return guarded([&] {
    const Tensor x = unwrap(self);
    if (x.ndim() == 0) type_error("a 0-d tensor cannot be indexed");
    if (position < 0 || position >= x.shape()[0])
      index_error("position ", position, " is out of range");
    return wrap(ops::item_at(x, position));
  });
}

PyObject* iterate(PyObject* self) noexcept {
  if (!unwrap(self).shape().empty()) return PySeqIter_New(self);
  PyErr_SetString(PyExc_TypeError, "iteration over a 0-d tensor");
  return nullptr;
}

int contains(PyObject* self, PyObject* value) noexcept {
  py::object equal = py::reinterpret_steal<py::object>(PyObject_RichCompare(self, value, Py_EQ));
  if (!equal) return -1;
  if (!is_tensor(equal.ptr())) return PyObject_IsTrue(equal.ptr());
  return guarded([&] {
    const Tensor any = ops::to_device(ops::any(unwrap(equal.ptr())), {});
    return *concrete_array(any, "in").data<bool>() ? 1 : 0;
  });
}

}  // namespace

ops::Index to_index(PyObject* key) {
  ops::Index index;
  if (!PyTuple_Check(key)) {
    index.push_back(to_item(key));
    return index;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); ++i)
    index.push_back(to_item(PyTuple_GET_ITEM(key, i)));
  return index;
}

std::span<const PyType_Slot> container_slots() {
  static const PyType_Slot slots[] = {
      {Py_mp_length, reinterpret_cast<void*>(length)},
      {Py_mp_subscript, reinterpret_cast<void*>(subscript)},
      {Py_mp_ass_subscript, reinterpret_cast<void*>(assign_subscript)},
      {Py_sq_length, reinterpret_cast<void*>(length)},
      {Py_sq_item, reinterpret_cast<void*>(item_at)},
      {Py_sq_contains, reinterpret_cast<void*>(contains)},
      {Py_tp_iter, reinterpret_cast<void*>(iterate)},
  };
  return slots;
}

}  // namespace pyautograd::python
