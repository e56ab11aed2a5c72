#pragma once

#include "core/view.h"

namespace pyautograd::kernels {

// Sums of a * b along the axis, which has size 1 in out; a zero factor absorbs what it meets. All
// of one inexact dtype.
void products_along(const View& out, const View& a, const View& b, int axis);

}  // namespace pyautograd::kernels
