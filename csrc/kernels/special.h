#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/view.h"
#include "kernels/scalar/base.h"

namespace pyautograd::kernels {

class ElementFunction;  // kernels/fused.h

// Formulas that are too long to gain from a copy per instruction set. Some come with integer
// orders: of a derivative, or of a member of a family.
using Orders = std::array<int, 2>;
using SpecialFunction = double (*)(const double* x, const Orders& orders);
using ComplexSpecialFunction = std::complex<double> (*)(const std::complex<double>* x,
                                                        const Orders& orders);

// Functions of one argument that have vector code for most arguments, in some orders
// (kernels/scalar/special_vector.h). The SpecialFunction takes the others.
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

// A function of doubles, or of complex numbers, as one of those.
template <double (*Function)(double)>
PYAUTOGRAD_HD double on_one(const double* x, const Orders&) {
  return Function(x[0]);
}
template <double (*Function)(double, double)>
PYAUTOGRAD_HD double on_two(const double* x, const Orders&) {
  return Function(x[0], x[1]);
}
template <double (*Function)(int, double)>
PYAUTOGRAD_HD double of_order(const double* x, const Orders& orders) {
  return Function(orders[0], x[0]);
}
template <std::complex<double> (*Function)(std::complex<double>)>
PYAUTOGRAD_HD std::complex<double> complex_on_one(const std::complex<double>* x, const Orders&) {
  return Function(*x);
}
template <std::complex<double> (*Function)(int, std::complex<double>)>
PYAUTOGRAD_HD std::complex<double> complex_of_order(const std::complex<double>* x,
                                                    const Orders& orders) {
  return Function(orders[0], *x);
}

// One of these functions, on doubles and on complex numbers if there is one.
struct Special {
  std::string_view name;
  SpecialFunction function;
  ComplexSpecialFunction complex;
  SpecialVector vector;
  Orders orders;
};

// At most three arguments, broadcast to out's shape; all of one floating dtype, or a complex one if
// there is a function of complex numbers. Serves every device (kernels/device.h), which know a
// function by the op's name.
void map_special(const Special& special, const View& out, std::span<const View> inputs);
// The same of rows, on the host.
std::shared_ptr<const ElementFunction> special_loop(const Special& special, DType dtype,
                                                    size_t arity);

}  // namespace pyautograd::kernels
