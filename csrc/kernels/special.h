#pragma once

#include <array>
#include <span>

#include "core/view.h"

namespace pyautograd::kernels {

// Formulas that are too long to gain from a copy per instruction set. Some come with integer
// orders: of a derivative, or of a member of a family.
using Orders = std::array<int, 2>;
using SpecialFunction = double (*)(const double* x, const Orders& orders);

// At most three arguments, broadcast to out's shape; all of one floating dtype.
void map_special(SpecialFunction function, const Orders& orders, const View& out,
                 std::span<const View> inputs);

}  // namespace pyautograd::kernels
