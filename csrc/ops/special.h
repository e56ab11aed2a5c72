#pragma once

#include "kernels/scalar/special.h"
#include "kernels/special.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

// Elementwise ops over kernels::map_special.
namespace pyautograd::ops {

namespace formula = kernels::special;
using kernels::Orders;
using kernels::SpecialVector;

// What partials take: a tangent or a result, the arguments, and the orders.
using T = const Tensor&;
using X = TensorSpan;
using N = const Orders&;

// t times the partial derivative for one argument, as in ops/elementwise.h, for the member of the
// family with these orders.
using SpecialPartial = Tensor (*)(T t, X x, T y, N n);

struct SpecialDerivative {
  SpecialPartial partial = nullptr;  // absent: the derivative is zero
  uint8_t reads = 0;                 // bit i: argument i
  bool reads_result = false;
};

struct SpecialRow {
  const char* name;
  kernels::SpecialFunction function;
  size_t arity;
  std::array<SpecialDerivative, 3> derivatives;
  kernels::SpecialVector vector = kernels::SpecialVector::None;
  kernels::ComplexSpecialFunction complex = nullptr;  // absent: real numbers only
};

Tensor apply_special(const SpecialRow& row, TensorSpan x, const Orders& orders = {});

inline Tensor is_value(const Tensor& x, double value) { return equal(x, scalar(value, x.dtype())); }

using kernels::complex_of_order;
using kernels::complex_on_one;
using kernels::of_order;
using kernels::on_one;
using kernels::on_two;

inline Tensor both_zero(TensorSpan x) { return logical_and(is_value(x[0], 0), is_value(x[1], 0)); }

Tensor sinc(const Tensor& x);
Tensor digamma(const Tensor& x);
Tensor polygamma(int64_t n, const Tensor& x);
Tensor gammaln(const Tensor& x);
// Of complex numbers (ops/special_gamma_complex.cpp); loggamma of real ones, too.
Tensor complex_digamma(const Tensor& z);
Tensor complex_gamma(const Tensor& z);
Tensor loggamma(const Tensor& x);
// Of order n of the Faddeeva function, complex.
Tensor wofz_derivative(int n, const Tensor& z);

// What the docstring of every special function says after its summary.
std::string special_doc(std::string_view summary, std::string_view params);

void register_gamma(Registry& registry);
void register_error_functions(Registry& registry);
void register_bessel(Registry& registry);
void register_entropies(Registry& registry);
void register_incomplete(Registry& registry);
void register_integrals(Registry& registry);
void register_lambert(Registry& registry);

}  // namespace pyautograd::ops
