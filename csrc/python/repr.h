#pragma once

#include <Python.h>

#include "autograd/tensor.h"

namespace pyautograd::python {

// tensor([1., 2.], requires_grad=True); towers as Dual(level 3, primal=..., tangent=...). A new
// str.
PyObject* describe(const Tensor& x);

}  // namespace pyautograd::python
