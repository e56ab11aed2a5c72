#pragma once

#include <pybind11/pybind11.h>

namespace pyautograd::python {

// The innermost running frame outside this package: the line of the user's program that a message
// is about. Null if there is none. Needs the GIL.
pybind11::object user_frame();

// Where that frame is for warnings.warn: 1 for the innermost one.
int frames_to_user();

}  // namespace pyautograd::python
