#include <pybind11/numpy.h>

#include <algorithm>

#include "autograd/capture.h"
#include "ops/linear.h"
#include "python/autograd_held.h"
#include "python/caster.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// Strides in elements, if every byte stride is a multiple of the item size.
std::optional<Dims> element_strides(const py::array& array) {
  Dims strides;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    if (array.strides(i) % array.itemsize() != 0 && array.shape(i) > 1) return std::nullopt;
    strides.push_back(array.strides(i) / array.itemsize());
  }
  return strides;
}

// The storage begins at the array's first element in memory order of the view; bytes cover what
// strides reach forward, for the counters only.
Tensor share_array(const py::array& array, DType dtype, Dims strides) {
  Dims shape(array.shape(), array.shape() + array.ndim());
  PyObject* owner = array.ptr();
  Py_INCREF(owner);
  Ref<Storage> storage;
  try {
    storage = Storage::wrap(const_cast<void*>(array.data()), static_cast<size_t>(array.nbytes()),
                            {}, array.writeable(), [owner] { drop_reference(owner); });
  } catch (...) {
    Py_DECREF(owner);
    throw;
  }
  return Tensor(
      make_ref<Array>(std::move(storage), std::move(shape), std::move(strides), 0, dtype));
}

// The number of handles counts arrays that were handed out: they, too, show the memory.
void release_export(PyObject* capsule) {
  auto* tensor = static_cast<Tensor*>(PyCapsule_GetPointer(capsule, nullptr));
  tensor->array().storage->add_handle(-1);
  delete tensor;
}

// Lists and Python's numbers share memory with nobody.
bool has_memory(PyObject* data) {
  return !is_weak_scalar(data) && !PyList_Check(data) && !PyTuple_Check(data);
}

Tensor make_tensor(const py::object& data, const py::object& dtype, std::optional<bool> copy) {
  const std::optional<DType> wanted = to_optional_dtype(dtype.ptr());
  const Tensor x = to_tensor(data.ptr(), wanted);
  if (Capture* capture = Capture::current()) capture->note_made(x);
  if (wanted && *wanted != x.dtype()) {
    if (copy == false && has_memory(data.ptr())) {
      value_error("[asarray] dtype ", name_of(*wanted), " needs a copy of data of dtype ",
                  name_of(x.dtype()));
    }
    ops::warn_of_discarded_part("asarray", x.dtype(), *wanted);
    return ops::astype(x, *wanted);
  }
  return copy == true && has_memory(data.ptr()) ? ops::copy(x) : x;
}

std::optional<Device> to_optional_device(const py::object& device) {
  if (device.is_none()) return std::nullopt;
  return to_device(device.ptr());
}

// The last overload, for calls that no other takes: pybind11 would answer a misspelt keyword with
// all signatures and all values.
auto refusal(const char* op, const char* signature, std::vector<std::string> keywords) {
  return [op, signature, keywords](const py::args&, const py::kwargs& given) {
    for (const auto& item : given) {
      const auto keyword = py::cast<std::string>(item.first);
      if (std::find(keywords.begin(), keywords.end(), keyword) == keywords.end()) {
        type_error("[", op, "] unexpected keyword argument '", keyword, "': ", op, signature);
      }
    }
    type_error("[", op, "] cannot be called like this: ", op, signature);
  };
}

py::object new_tensor(const py::object& data, const py::object& dtype, bool requires_grad,
                      bool copy, const py::object& device) {
  const std::optional<Device> target = to_optional_device(device);
  Tensor x = make_tensor(data, dtype, copy ? std::optional(true) : std::nullopt);
  if (target) x = ops::to_device(x, *target);
  if (requires_grad) x = x.untracked();
  py::object handle = py::reinterpret_steal<py::object>(wrap(std::move(x)));
  if (!handle) throw_python_error();
  if (requires_grad) set_requires_grad(as_handle(handle.ptr()), true);
  return handle;
}

py::object as_array(const py::object& data, const py::object& dtype, const py::object& device,
                    std::optional<bool> copy) {
  const std::optional<Device> target = to_optional_device(device);
  if (target && is_tensor(data.ptr()) && unwrap(data.ptr()).device() != *target) {
    if (copy == false) value_error("[asarray] another device needs a copy");
    const Tensor there = ops::to_device(unwrap(data.ptr()), *target);
    return as_array(py::reinterpret_steal<py::object>(wrap(there)), dtype, py::none(), {});
  }
  if (is_tensor(data.ptr()) && copy != true &&
      (dtype.is_none() || to_dtype(dtype.ptr()) == unwrap(data.ptr()).dtype())) {
    return data;
  }
  const Tensor x = make_tensor(data, dtype, copy);
  return py::reinterpret_steal<py::object>(wrap(target ? ops::to_device(x, *target) : x));
}

}  // namespace

Tensor from_numpy(PyObject* object) {
  py::array array = py::reinterpret_borrow<py::array>(object);
  const bool subclass = Py_TYPE(object) != py::detail::npy_api::get().PyArray_Type_;
  if (subclass && PyObject_HasAttrString(object, "mask")) {
    type_error(
        "a masked array has values that must not be seen: use array.filled(value), or where "
        "with its mask");
  }
  // As in files of other machines; a copy, as of elements that are not aligned
  if (array.dtype().byteorder() == '>')
    array = array.attr("astype")(array.dtype().attr("newbyteorder")("="));
  const DType dtype = to_dtype(array.dtype().ptr());
  std::optional<Dims> strides = element_strides(array);
  if (strides && is_aligned(array.data(), dtype))
    return share_array(array, dtype, std::move(*strides));
  array = py::reinterpret_steal<py::array>(array.attr("copy")().release());
  return share_array(array, dtype, *element_strides(array));
}

PyObject* to_numpy(const Tensor& x, bool writable) {
  const Array& array = x.array();
  Capture::looked_at(array);
  py::object dtype = py::reinterpret_steal<py::object>(numpy_dtype(array.dtype));
  if (array.dtype == DType::BFloat16) dtype = dtype.attr("dtype");
  if (writable) array.storage->expose();
  auto owner = std::make_unique<Tensor>(x.untracked());
  py::object capsule =
      py::reinterpret_steal<py::object>(PyCapsule_New(owner.get(), nullptr, release_export));
  if (!capsule) throw_python_error();
  owner.release()->array().storage->add_handle(1);
  std::vector<py::ssize_t> shape(array.shape.begin(), array.shape.end()), strides;
  for (int64_t stride : array.strides) strides.push_back(stride * itemsize(array.dtype));
  py::array out(py::dtype(std::move(dtype)), std::move(shape), std::move(strides), array.data(),
                capsule);
  if (!writable)
    py::detail::array_proxy(out.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return out.release().ptr();
}

void bind_numpy(py::module_& module) {
  py::options options;
  options.disable_function_signatures();
  module.def("tensor", new_tensor, py::arg("data"), py::arg("dtype") = py::none(), py::kw_only(),
             py::arg("requires_grad") = false, py::arg("copy") = true,
             py::arg("device") = py::none(),
             "tensor(data, dtype=None, *, requires_grad=False, copy=True, device=None)\n\n"
             "A new tensor with a copy of the data.\n\n"
             "Args:\n"
             "    data: a number, nested lists of numbers, an array or a tensor. Lists may hold\n"
             "        tensors of one shape; then the result is recorded as their stack.\n"
             "    dtype: by default that of the data; a Python float is float64, as in NumPy.\n"
             "    requires_grad: record what is done with the tensor, so that it can be\n"
             "        differentiated; for floating-point and complex dtypes.\n"
             "    copy: with False the memory of an array is shared where that is possible.\n"
             "    device: where it shall be, by default where the data is.\n\n"
             "Raises:\n"
             "    TypeError: the data or the dtype is none of numbers, or gradients of integers\n"
             "        are asked for.\n"
             "    ValueError: nested lists differ in length.\n\n"
             ">>> x = pa.tensor([1.0, 2.0], requires_grad=True)\n"
             ">>> pa.sum(x**2).backward()\n"
             ">>> x.grad\n"
             "tensor([2., 4.])\n");
  module.def("tensor",
             refusal("tensor", "(data, dtype=None, *, requires_grad=False, copy=True, device=None)",
                     {"data", "dtype", "requires_grad", "copy", "device"}));
  module.def(
      "asarray", as_array, py::arg("obj"), py::arg("dtype") = py::none(), py::kw_only(),
      py::arg("device") = py::none(), py::arg("copy") = py::none(),
      "asarray(obj, dtype=None, *, device=None, copy=None)\n\n"
      "A tensor of the object's numbers, without a copy where the memory can be shared.\n\n"
      "Args:\n"
      "    obj: a number, nested lists of numbers, an array or a tensor; a tensor is returned\n"
      "        as it is, with its graph.\n"
      "    dtype: by default that of the object.\n"
      "    device: where it shall be, by default where the object is.\n"
      "    copy: True for a copy in every case, False for a ValueError where one is needed.\n\n"
      ">>> a = np.zeros(2)\n"
      ">>> x = pa.asarray(a)\n"
      ">>> a[0] = 5.0\n"
      ">>> x\n"
      "tensor([5., 0.])\n");
  module.def("asarray", refusal("asarray", "(obj, dtype=None, *, device=None, copy=None)",
                                {"obj", "dtype", "device", "copy"}));
  module.def(
      "from_numpy", [](const py::array& array) { return from_numpy(array.ptr()); },
      py::arg("array").noconvert(), py::pos_only(),
      "A tensor that shares the memory of an ndarray: what is written into one shows in the "
      "other.\n\n"
      ">>> a = np.arange(3.0)\n"
      ">>> x = pa.from_numpy(a)\n"
      ">>> x[0] = 7.0\n"
      ">>> a\n"
      "array([7., 1., 2.])\n");
  // What was pickled by 0.1 names no dtype.
  module.def(
      "_rebuild",
      [](const py::object& values, bool requires_grad, const py::object& dtype,
         const py::object& device) {
        return new_tensor(values, dtype, requires_grad, true, device);
      },
      py::arg("values"), py::arg("requires_grad"), py::arg("dtype") = py::none(),
      py::arg("device") = py::none());
}

}  // namespace pyautograd::python
