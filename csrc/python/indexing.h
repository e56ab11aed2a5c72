#pragma once

#include <Python.h>

#include "ops/ops.h"

namespace pyautograd::python {

// What stands between the brackets of x[...].
ops::Index to_index(PyObject* key);

}  // namespace pyautograd::python
