#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/view.h"

namespace pyautograd::kernels {

// Formulas that are too long to gain from a copy per instruction set. Some come with integer
// orders: of a derivative, or of a member of a family.
using Orders = std::array<int, 2>;
using SpecialFunction = double (*)(const double* x, const Orders& orders);

// Functions of one argument that have vector code for most arguments, in some orders
// (kernels/scalar_special_vector.h). The SpecialFunction takes the others.
enum class SpecialVector : uint8_t {
  None,
  Logit,
  Ndtr,
  LogNdtr,
  Ndtri,
  Erfinv,
  Entr,
  Polygamma,
  BesselI,
  I0e,
  I1e,
  Sinc,
};
inline constexpr int kSpecialVectors = int(SpecialVector::Sinc) + 1;
inline constexpr int kSpecialOrders = 3;

// At most three arguments, broadcast to out's shape; all of one floating dtype.
void map_special(SpecialFunction function, SpecialVector vector, const Orders& orders,
                 const View& out, std::span<const View> inputs);

}  // namespace pyautograd::kernels
