#include <pybind11/pybind11.h>

#include "ops/ops.h"
#include "python/autograd_gc.h"
#include "python/convert.h"
#include "python/errors.h"
#include "python/tensor_slots.h"
#include "python/tensor_type.h"

namespace py = pybind11;

namespace pyautograd::python {

PyObject* shape_tuple(std::span<const int64_t> shape) {
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(shape.size()));
  if (!tuple) throw_python_error();
  for (size_t i = 0; i < shape.size(); ++i) {
    PyObject* item = PyLong_FromLongLong(shape[i]);
    if (!item) {
      Py_DECREF(tuple);
      throw_python_error();
    }
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), item);
  }
  return tuple;
}

namespace {

// A getter from a function of the tensor that returns a new reference.
template <PyObject* (*Get)(const Tensor&)>
PyObject* get(PyObject* self, void*) noexcept {
  return guarded([&] { return Get(unwrap(self)); });
}

PyObject* get_shape(const Tensor& x) { return shape_tuple(x.shape()); }
PyObject* get_ndim(const Tensor& x) { return PyLong_FromLongLong(x.ndim()); }
PyObject* get_size(const Tensor& x) { return PyLong_FromLongLong(x.size()); }
PyObject* get_dtype(const Tensor& x) { return numpy_dtype(x.dtype()); }
PyObject* get_itemsize(const Tensor& x) { return PyLong_FromLongLong(itemsize(x.dtype())); }
PyObject* get_nbytes(const Tensor& x) {
  return PyLong_FromLongLong(x.size() * itemsize(x.dtype()));
}
PyObject* get_device(const Tensor& x) { return PyUnicode_FromString(name_of(x.device()).c_str()); }
PyObject* get_requires_grad(const Tensor& x) { return PyBool_FromLong(x.tracked()); }
PyObject* get_is_leaf(const Tensor& x) {
  return PyBool_FromLong(!x.tracked() || x.node()->is_leaf());
}
PyObject* get_grad_fn(const Tensor& x) {
  if (!x.tracked() || x.node()->is_leaf()) Py_RETURN_NONE;
  return wrap_node(x.node());
}
PyObject* get_t(const Tensor& x) {
  Dims axes;
  for (int64_t i = x.ndim(); i-- > 0;) axes.push_back(i);
  return wrap(ops::permute_dims(x, axes));
}
PyObject* get_mt(const Tensor& x) { return wrap(ops::matrix_transpose(x)); }
PyObject* get_mh(const Tensor& x) { return wrap(ops::matrix_transpose(ops::conj(x))); }
PyObject* get_real(const Tensor& x) { return wrap(ops::real(x)); }
PyObject* get_imag(const Tensor& x) { return wrap(ops::imag(x)); }

int set_requires_grad_attribute(PyObject* self, PyObject* value, void*) noexcept {
  return guarded([&] {
    if (!value || !PyBool_Check(value)) type_error("requires_grad must be True or False");
    set_requires_grad(as_handle(self), value == Py_True);
    return 0;
  });
}

bool same_value(const Tensor& a, const Tensor& b) {
  return a.body() == b.body() && a.node_ref() == b.node_ref() && a.output() == b.output();
}

PyObject* get_grad(PyObject* self, void*) noexcept {
  return guarded([&]() -> PyObject* {
    PyTensor* handle = as_handle(self);
    const std::shared_ptr<GradSlot> slot = grad_slot(handle);
    if (!slot) Py_RETURN_NONE;
    Tensor value;
    {
      std::unique_lock lock = lock_slot(*slot);
      value = slot->value;
    }
    // Another thread, while this one waited for the slot, may have made a constant of x.
    if (!value || !handle->grad) Py_RETURN_NONE;
    PyObject* shown = handle->grad->object;
    if (shown && same_value(unwrap(shown), value)) return Py_NewRef(shown);
    PyObject* fresh = wrap(std::move(value));
    if (!fresh) return nullptr;
    show_gradient(handle, fresh);
    return fresh;
  });
}

int set_grad(PyObject* self, PyObject* value, void*) noexcept {
  return guarded([&] {
    PyTensor* handle = as_handle(self);
    Tensor gradient;
    if (value && value != Py_None) {
      if (!is_tensor(value))
        type_error("grad must be a tensor or None, not ", Py_TYPE(value)->tp_name);
      gradient = unwrap(value);
      const Tensor& x = handle->tensor;
      if (gradient.shape() != x.shape() || gradient.dtype() != x.dtype()) {
        value_error("grad must have the shape and dtype of its tensor, ", shape_string(x.shape()),
                    " ", name_of(x.dtype()), ", got ", shape_string(gradient.shape()), " ",
                    name_of(gradient.dtype()));
      }
    } else if (!grad_slot(handle)) {
      return 0;
    }
    const std::shared_ptr<GradSlot> slot = make_grad_slot(handle);
    {
      std::unique_lock lock = lock_slot(*slot);
      std::swap(slot->value, gradient);
    }
    if (handle->grad && handle->grad->object != value) Py_XDECREF(handle->grad->take_object());
    return 0;
  });
}

PyGetSetDef getset[] = {
    {"shape", get<get_shape>, nullptr, "The size of each axis.", nullptr},
    {"ndim", get<get_ndim>, nullptr, "The number of axes.", nullptr},
    {"size", get<get_size>, nullptr, "The number of elements.", nullptr},
    {"dtype", get<get_dtype>, nullptr, "The NumPy dtype of the elements.", nullptr},
    {"itemsize", get<get_itemsize>, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", get<get_nbytes>, nullptr, "Bytes of all elements.", nullptr},
    {"device", get<get_device>, nullptr, "Where the elements are: 'cpu' or 'cuda:0'.", nullptr},
    {"T", get<get_t>, nullptr, "The tensor with its axes reversed.", nullptr},
    {"mT", get<get_mt>, nullptr, "The tensor with its last two axes swapped.", nullptr},
    {"mH", get<get_mh>, nullptr, "The conjugate of the tensor with its last two axes swapped.",
     nullptr},
    {"H", get<get_mh>, nullptr, "The conjugate of the tensor with its last two axes swapped: mH.",
     nullptr},
    {"real", get<get_real>, nullptr, "The real part, a view; a real tensor itself.", nullptr},
    {"imag", get<get_imag>, nullptr, "The imaginary part, a view; zeros for a real tensor.",
     nullptr},
    {"requires_grad", get<get_requires_grad>, set_requires_grad_attribute,
     "Whether derivatives with respect to this tensor are recorded.\n\n"
     "True if the tensor has an edge to the recorded graph at its own level: a leaf whose "
     "``.grad``\n"
     "is wanted, or a result computed from one. Setting it makes a leaf of a constant, or a "
     "constant\n"
     "of a leaf; only floating-point tensors can be leaves.",
     nullptr},
    {"is_leaf", get<get_is_leaf>, nullptr, "Whether no recorded operation made this tensor.",
     nullptr},
    {"grad", get_grad, set_grad, "The gradient that ``backward`` accumulated, or None.", nullptr},
    {"grad_fn", get<get_grad_fn>, nullptr, "The graph node that made this tensor, or None.",
     nullptr},
    {}};

}  // namespace

std::span<const PyType_Slot> attribute_slots() {
  static const PyType_Slot slots[] = {{Py_tp_getset, getset}};
  return slots;
}

}  // namespace pyautograd::python
