#pragma once

#include <Python.h>

#include <optional>

#include "autograd/tensor.h"

namespace pyautograd::python {

// Anything array-like, as asarray: tensors as they are, arrays without a copy, nested lists
// (recorded if they hold tensors). Throws TypeError for what holds no numbers.
// `dtype` is a hint for Python's own numbers, which are converted to it directly.
Tensor to_tensor(PyObject* object, std::optional<DType> dtype = {});

bool is_ndarray(PyObject* object) noexcept;
bool is_matrix(PyObject* object) noexcept;  // np.matrix
int array_ndim(PyObject* ndarray) noexcept;
bool is_numpy_scalar(PyObject* object) noexcept;
bool is_numpy_integer(PyObject* object) noexcept;
// A Series, a DataFrame or an Index of pandas, whose operators leave tensors to us: a tensor's
// `__pandas_priority__` is above theirs.
bool is_pandas(PyObject* object) noexcept;
// bool, int, float or complex, but not NumPy's scalars: takes the dtype of what it meets.
bool is_weak_scalar(PyObject* object) noexcept;
// The dtype in which NumPy 2 combines a weak scalar with `other`.
DType weak_dtype(PyObject* scalar, DType other) noexcept;
DType default_dtype(PyObject* scalar) noexcept;
// 0-d. Raises OverflowError where an int does not fit an integer dtype.
Tensor scalar_to_tensor(PyObject* scalar, DType dtype);

// Comparison and division take any int, as in NumPy (but bool compares with int64 at most), and a
// bound one beyond the dtype on its own side; elsewhere one that does not fit is an error.
enum class Ints : uint8_t { MustFit, Compared, Divided, LowerBound, UpperBound };
// A weak scalar next to a tensor of dtype `other`.
Tensor weak_operand(PyObject* scalar, DType other, Ints ints);

// Whether kernels can read elements there. They move complex64 as one word of 8 bytes; complex128
// as two.
bool is_aligned(const void* data, DType dtype) noexcept;
// Shares the memory of an ndarray and keeps it alive; what is not aligned, or strides in elements
// cannot describe, is copied.
Tensor from_numpy(PyObject* array);
// A view of x's memory as an ndarray (new reference). Throws for wrappers.
PyObject* to_numpy(const Tensor& x, bool writable);
// With a dtype that NumPy knows, without another package: bfloat16 as float32.
Tensor readable(const Tensor& x);
// Any object with __dlpack__, without a copy unless asked for.
Tensor from_dlpack(PyObject* object, std::optional<bool> copy = {});

// Python's dtype objects are NumPy's (new reference / lookup), but for bfloat16 of our own.
PyObject* numpy_dtype(DType dtype) noexcept;
// Accepts np.dtype, NumPy's scalar types, names, and complex, float, int, bool; throws TypeError
// otherwise.
DType to_dtype(PyObject* object);
// A device string such as "cpu". Throws TypeError or ValueError for what names none, RuntimeError
// for one that this build cannot use.
Device to_device(PyObject* object);
// None gives nothing.
std::optional<DType> to_optional_dtype(PyObject* object);

}  // namespace pyautograd::python
