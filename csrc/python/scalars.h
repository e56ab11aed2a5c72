#pragma once

#include <Python.h>

#include "autograd/tensor.h"

namespace pyautograd::python {

// The array whose numbers a tensor shows to control flow: the primal of a Dual. Throws, naming
// `what`, for a Batched, which has no single value, and for tensors of an ended transform.
const Array& concrete_array(const Tensor& x, const char* what);

// math.sin(x) and writing into a NumPy array ask for a number without saying so, and what is
// computed from it would silently count as a constant. Warns where x carries a derivative.
void warn_of_lost_derivative(const Tensor& x, const char* what);

// x's only element as a Python bool, int or float (new reference).
PyObject* scalar_object(const Tensor& x, const char* what);

}  // namespace pyautograd::python
