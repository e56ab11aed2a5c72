#pragma once

#include "autograd/recipe.h"

namespace pyautograd::python {

// For a new handle while a memory budget may be set: remembers which line of the user's program
// made the value. Needs the GIL.
void note_handle(const Tensor& x) noexcept;

}  // namespace pyautograd::python
