#include "python/convert.h"

#include <pybind11/numpy.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/kernels.h"
#include "ops/ops.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

PyTypeObject* ndarray_type = nullptr;
PyTypeObject* matrix_type = nullptr;  // of a later NumPy there may be none
PyTypeObject* generic_type = nullptr;
PyTypeObject* integer_type = nullptr;
PyTypeObject* dtype_type = nullptr;
PyObject* dtype_objects[kDTypeCount] = {};

constexpr int kMaxNesting = 64;

PyTypeObject* type_of(py::module_& module, const char* name) {
  return reinterpret_cast<PyTypeObject*>(py::object(module.attr(name)).release().ptr());
}

// NumPy numbers its types by C name; long and long long are both int64 here and there.
std::optional<DType> dtype_of_number(int number, int64_t bytes) {
  constexpr int kBool = 0, kFirstInteger = 1, kLastInteger = 10, kFloat = 11, kDouble = 12,
                kComplexFloat = 14, kComplexDouble = 15, kHalf = 23;
  if (number == kBool) return DType::Bool;
  if (number == kFloat) return DType::Float32;
  if (number == kDouble) return DType::Float64;
  if (number == kComplexFloat) return DType::Complex64;
  if (number == kComplexDouble) return DType::Complex128;
  if (number == kHalf) return DType::Float16;
  if (number < kFirstInteger || number > kLastInteger) return std::nullopt;
  const int log2 = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
  const DType first = number % 2 == 1 ? DType::Int8 : DType::UInt8;
  return static_cast<DType>(static_cast<int>(first) + log2);
}

template <class T>
T checked_integer(PyObject* scalar) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(scalar, &overflow);
  if (value == -1 && !overflow && PyErr_Occurred()) throw_python_error();
  if (!overflow && std::in_range<T>(value)) return static_cast<T>(value);
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (overflow > 0) {
      const unsigned long long large = PyLong_AsUnsignedLongLong(scalar);
      if (!PyErr_Occurred()) return large;
      PyErr_Clear();
    }
  }
  fail(Error::Kind::Overflow, "Python integer ", std::string(py::str(scalar)),
       " out of bounds for ", name_of(dtype_of<T>));
}

template <class T>
T scalar_value(PyObject* scalar) {
  if constexpr (std::is_same_v<T, bool>) {
    const int truth = PyObject_IsTrue(scalar);
    if (truth < 0) throw_python_error();
    return truth != 0;
  } else if constexpr (std::is_floating_point_v<T>) {
    const double value =
        PyFloat_CheckExact(scalar) ? PyFloat_AS_DOUBLE(scalar) : PyFloat_AsDouble(scalar);
    if (value == -1.0 && PyErr_Occurred()) throw_python_error();
    return static_cast<T>(value);
  } else if constexpr (is_complex_type<T>) {
    const Py_complex value = PyComplex_AsCComplex(scalar);
    if (value.real == -1.0 && PyErr_Occurred()) throw_python_error();
    return T(static_cast<RealOf<T>>(value.real), static_cast<RealOf<T>>(value.imag));
  } else {
    // A float meets an integer dtype only where NumPy truncates: x[i] = 2.5.
    if (!PyFloat_Check(scalar)) return checked_integer<T>(scalar);
    py::object whole = py::reinterpret_steal<py::object>(PyNumber_Long(scalar));
    if (!whole) throw_python_error();
    return checked_integer<T>(whole.ptr());
  }
}

bool is_sequence(PyObject* object) { return PyList_Check(object) || PyTuple_Check(object); }

// Raises for lists that are nested too deep, as one that holds itself is.
bool holds_tensor(PyObject* sequence, int depth) {
  if (depth > kMaxNesting)
    value_error("[asarray] lists are nested more than ", kMaxNesting, " deep");
  PyObject** items = PySequence_Fast_ITEMS(sequence);
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
    if (is_tensor(items[i])) return true;
    if (is_sequence(items[i]) && holds_tensor(items[i], depth + 1)) return true;
  }
  return false;
}

Tensor sequence_to_tensor(PyObject* object, std::optional<DType> dtype, int depth);

// Stacks what a list holds; Python scalars among tensors are weak, as in arithmetic.
Tensor stack_sequence(PyObject* sequence, int depth) {
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(sequence);
  Tensors parts;
  std::optional<DType> dtype;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = PySequence_Fast_ITEMS(sequence)[i];
    parts.push_back(is_weak_scalar(item) ? Tensor()
                    : is_sequence(item)  ? sequence_to_tensor(item, {}, depth + 1)
                                         : to_tensor(item));
    if (parts.back()) dtype = dtype ? promote(*dtype, parts.back().dtype()) : parts.back().dtype();
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = PySequence_Fast_ITEMS(sequence)[i];
    if (!parts[i]) dtype = dtype ? weak_dtype(item, *dtype) : default_dtype(item);
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!parts[i])
      parts[i] = scalar_to_tensor(PySequence_Fast_ITEMS(sequence)[i], *dtype);
    else if (parts[i].dtype() != *dtype)
      parts[i] = ops::astype(parts[i], *dtype);
    if (parts[i].shape() != parts[0].shape()) {
      value_error("[asarray] a list of tensors needs equal shapes, got ",
                  shape_string(parts[0].shape()), " and ", shape_string(parts[i].shape()));
    }
  }
  return ops::stack(parts, 0);
}

Tensor sequence_to_tensor(PyObject* object, std::optional<DType> dtype, int depth) {
  // A tuple of our own: the conversions below may run Python code that changes a list.
  py::object items = py::reinterpret_steal<py::object>(PySequence_Tuple(object));
  if (!items) throw_python_error();
  if (holds_tensor(items.ptr(), depth)) return stack_sequence(items.ptr(), depth);
  const bool known = dtype && *dtype != DType::BFloat16;
  py::object wanted = known ? py::reinterpret_steal<py::object>(numpy_dtype(*dtype)) : py::none();
  // Into memory that nobody else can write.
  const Tensor made = from_numpy(
      py::object(py::module_::import("numpy").attr("asarray")(py::handle(object), wanted)).ptr());
  Ref<Array> own = Array::empty(made.shape(), made.dtype());
  kernels::copy(own->view(), made.view());
  return Tensor(std::move(own));
}

// Numbers of NumPy's do not change, as memory of others might.
Tensor own_number(const Tensor& x) {
  const Ref<Array> out = Array::empty(Dims(), x.dtype());
  std::memcpy(out->address(), x.array().address(), static_cast<size_t>(itemsize(x.dtype())));
  return Tensor(out);
}

}  // namespace

void bind_convert(py::module_&) {
  py::module_ numpy = py::module_::import("numpy");
  ndarray_type = type_of(numpy, "ndarray");
  if (py::hasattr(numpy, "matrix")) matrix_type = type_of(numpy, "matrix");
  generic_type = type_of(numpy, "generic");
  integer_type = type_of(numpy, "integer");
  dtype_type = type_of(numpy, "dtype");
  for (int i = 0; i < kDTypeCount; ++i) {
    const std::string name(name_of(static_cast<DType>(i)));
    // NumPy has no bfloat16 of its own.
    const py::object dtype = static_cast<DType>(i) == DType::BFloat16
                                 ? py::module_::import("pyautograd._bfloat16").attr("bfloat16")
                                 : numpy.attr("dtype")(name);
    dtype_objects[i] = Py_NewRef(dtype.ptr());
  }
}

bool is_ndarray(PyObject* object) noexcept { return PyObject_TypeCheck(object, ndarray_type); }
bool is_matrix(PyObject* object) noexcept {
  return matrix_type && PyObject_TypeCheck(object, matrix_type);
}
int array_ndim(PyObject* ndarray) noexcept {
  return static_cast<int>(py::reinterpret_borrow<py::array>(ndarray).ndim());
}
bool is_numpy_scalar(PyObject* object) noexcept { return PyObject_TypeCheck(object, generic_type); }
bool is_numpy_integer(PyObject* object) noexcept {
  return PyObject_TypeCheck(object, integer_type);
}

bool is_pandas(PyObject* object) noexcept {
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  return PyObject_HasAttrString(type, "__pandas_priority__");
}
bool is_weak_scalar(PyObject* object) noexcept {
  if (PyFloat_CheckExact(object) || PyLong_CheckExact(object)) return true;
  const bool number = PyFloat_Check(object) || PyLong_Check(object) || PyComplex_Check(object);
  return number && !is_numpy_scalar(object);
}

bool is_aligned(const void* data, DType dtype) noexcept {
  return reinterpret_cast<uintptr_t>(data) % std::min<uintptr_t>(itemsize(dtype), 8) == 0;
}

DType default_dtype(PyObject* scalar) noexcept {
  if (PyFloat_Check(scalar)) return DType::Float64;
  if (PyComplex_Check(scalar)) return DType::Complex128;
  return PyBool_Check(scalar) ? DType::Bool : DType::Int64;
}

DType weak_dtype(PyObject* scalar, DType other) noexcept {
  if (PyComplex_Check(scalar)) return complex_of(other);
  if (is_inexact(other) || PyBool_Check(scalar)) return other;
  if (PyFloat_Check(scalar)) return DType::Float64;
  return is_bool(other) ? DType::Int64 : other;
}

Tensor scalar_to_tensor(PyObject* scalar, DType dtype) {
  if (is_half(dtype)) return ops::astype(scalar_to_tensor(scalar, DType::Float64), dtype);
  Ref<Array> array = Array::empty(Dims(), dtype);
  visit_dtype(dtype, [&]<class T>(TypeTag<T>) { *array->data<T>() = scalar_value<T>(scalar); });
  return Tensor(std::move(array));
}

// The least or the largest number of an integer dtype.
static Tensor extreme_of(DType dtype, bool least) {
  Ref<Array> array = Array::empty(Dims(), dtype);
  visit_dtype(dtype, [&]<class T>(TypeTag<T>) {
    using Limits = std::numeric_limits<T>;
    if constexpr (Limits::is_integer) *array->data<T>() = least ? Limits::min() : Limits::max();
  });
  return Tensor(std::move(array));
}

Tensor weak_operand(PyObject* scalar, DType other, Ints ints) {
  int overflow = 0;
  try {
    return scalar_to_tensor(scalar, weak_dtype(scalar, other));
  } catch (const Error& error) {
    const bool fatal = ints == Ints::MustFit || (ints == Ints::Compared && is_bool(other));
    if (fatal || error.kind() != Error::Kind::Overflow) throw;
    const bool below = PyLong_AsLongLongAndOverflow(scalar, &overflow) < 0 && overflow <= 0;
    if (ints == Ints::LowerBound || ints == Ints::UpperBound) {
      if (below != (ints == Ints::LowerBound)) throw;
      return extreme_of(other, below);
    }
  }
  if (!overflow) return scalar_to_tensor(scalar, DType::Int64);
  if (ints == Ints::Divided) return scalar_to_tensor(scalar, DType::Float64);
  // Beyond every integer as infinity is, and unlike a rounded float equal to none.
  return ops::scalar(overflow * std::numeric_limits<double>::infinity(), DType::Float64);
}

Tensor to_tensor(PyObject* object, std::optional<DType> dtype) {
  if (is_tensor(object)) return unwrap(object);
  if (is_ndarray(object)) return from_numpy(object);
  if (is_weak_scalar(object))
    return scalar_to_tensor(object, dtype.value_or(default_dtype(object)));
  if (is_sequence(object)) return sequence_to_tensor(object, dtype, 0);
  if (object == Py_None || PyUnicode_Check(object) || PyBytes_Check(object)) {
    type_error("expected a tensor, an array or a number, not ", Py_TYPE(object)->tp_name);
  }
  const bool number = is_numpy_scalar(object);
  if (!number && PyObject_HasAttrString(object, "__dlpack__")) return from_dlpack(object);
  const Tensor x =
      from_numpy(py::module_::import("numpy").attr("asarray")(py::handle(object)).ptr());
  return number ? own_number(x) : x;
}

Tensor readable(const Tensor& x) {
  return x.dtype() == DType::BFloat16 ? ops::astype(x, DType::Float32) : x;
}

PyObject* numpy_dtype(DType dtype) noexcept {
  return Py_NewRef(dtype_objects[static_cast<size_t>(dtype)]);
}

DType to_dtype(PyObject* object) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (object == dtype_objects[i]) return static_cast<DType>(i);
  if (object == Py_None) type_error("expected a dtype, not None");
  if (PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, "bfloat16") == 0)
    return DType::BFloat16;
  py::dtype dtype = py::dtype::from_args(py::reinterpret_borrow<py::object>(object));
  std::optional<DType> found = dtype_of_number(dtype.num(), dtype.itemsize());
  // What the package ml_dtypes registers with NumPy.
  constexpr int kFirstRegistered = 256;
  if (dtype.num() >= kFirstRegistered && std::string(py::str(dtype)) == "bfloat16")
    found = DType::BFloat16;
  const bool native = dtype.byteorder() != '>' && dtype.byteorder() != '!';
  if (found && native) return *found;
  type_error(
      "dtype ", std::string(py::str(dtype)),
      " is not supported: use bool, int8 to int64, uint8 to uint64, float16, bfloat16, float32, "
      "float64, complex64 or complex128");
}

Device to_device(PyObject* object) {
  if (!PyUnicode_Check(object))
    type_error("expected a device such as 'cpu', not ", Py_TYPE(object)->tp_name);
  return parse_device(py::cast<std::string>(py::handle(object)));
}

std::optional<DType> to_optional_dtype(PyObject* object) {
  if (!object || object == Py_None) return std::nullopt;
  return to_dtype(object);
}

}  // namespace pyautograd::python
