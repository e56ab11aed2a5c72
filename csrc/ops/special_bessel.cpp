// Bessel functions of integer order, and sinc, which is one of order zero on the sphere.

#include "kernels/scalar/complex_integrals.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

Tensor next_bessel_i(T t, X x, T, N n);
Tensor next_bessel_j(T t, X x, T, N n);

constexpr SpecialRow kI0{
    "i0", of_order<formula::bessel_i>, 1, {{{next_bessel_i, 1}}}, SpecialVector::BesselI};
constexpr SpecialRow kI1{
    "special.i1", of_order<formula::bessel_i>, 1, {{{next_bessel_i, 1}}}, SpecialVector::BesselI};
constexpr SpecialRow kJ0{"special.j0", of_order<formula::bessel_j>, 1, {{{next_bessel_j, 1}}}};
constexpr SpecialRow kJ1{"special.j1", of_order<formula::bessel_j>, 1, {{{next_bessel_j, 1}}}};

Tensor bessel_i(int n, T x) { return apply_special(n == 0 ? kI0 : kI1, Borrowed<1>(x), {n, 0}); }
Tensor bessel_j(int n, T x) { return apply_special(n == 0 ? kJ0 : kJ1, Borrowed<1>(x), {n, 0}); }

// DLMF 10.29.1 and 10.6.1.
Tensor next_bessel_i(T t, X x, T, N n) {
  if (n[0] == 0) return scale(t, bessel_i(1, x[0]));
  return scale(t, (bessel_i(n[0] - 1, x[0]) + bessel_i(n[0] + 1, x[0])) * 0.5);
}
Tensor next_bessel_j(T t, X x, T, N n) {
  if (n[0] == 0) return -scale(t, bessel_j(1, x[0]));
  return scale(t, (bessel_j(n[0] - 1, x[0]) - bessel_j(n[0] + 1, x[0])) * 0.5);
}

// Rows whose order is that of the derivative.
template <const SpecialRow& row>
Tensor next_derivative(T t, X x, T, N n) {
  return scale(t, apply_special(row, Borrowed<1>(x[0]), {n[0] + 1, 0}));
}
extern const SpecialRow kI0e, kI1e, kSinc;
constinit const SpecialRow kI0e{
    "special.i0e", of_order<formula::i0e>, 1, {{{next_derivative<kI0e>, 1}}}, SpecialVector::I0e};
constinit const SpecialRow kI1e{
    "special.i1e", of_order<formula::i1e>, 1, {{{next_derivative<kI1e>, 1}}}, SpecialVector::I1e};
constinit const SpecialRow kSinc{"sinc",
                                 of_order<formula::sinc>,
                                 1,
                                 {{{next_derivative<kSinc>, 1}}},
                                 SpecialVector::Sinc,
                                 complex_of_order<formula::sinc>};

template <const SpecialRow& row, int order>
Tensor one(T x) {
  return apply_special(row, Borrowed<1>(x), {order, 0});
}

constexpr const char* kX = ":param x: tensor of any shape";

}  // namespace

Tensor sinc(const Tensor& x) { return one<kSinc, 0>(x); }

void register_bessel(Registry& registry) {
  registry.add("sinc", &sinc, "x, /",
               special_doc("sin(pi x) / (pi x), and 1 at 0. Derivatives of every order are exact "
                           "at 0 and near it: the second at 0 is -pi**2 / 3. They come from the "
                           "recurrence of the derivatives of z sinc(z / pi) = sin(z).",
                           ":param x: tensor of any shape, real or complex"));
  registry.add("i0", &one<kI0, 0>, "x, /",
               special_doc("The modified Bessel function of the first kind and order 0. Source: "
                           "DLMF 10.25.2 and 10.40.1.",
                           kX));
  registry.add("special.i1", &one<kI1, 1>, "x, /",
               special_doc("The modified Bessel function of the first kind and order 1. Source: "
                           "DLMF 10.25.2 and 10.40.1.",
                           kX));
  registry.add("special.i0e", &one<kI0e, 0>, "x, /",
               special_doc("exp(-|x|) i0(x), without overflow. Its first derivative at 0 is taken "
                           "as 0. Source: DLMF 10.32.1 and 10.40.1.",
                           kX));
  registry.add("special.i1e", &one<kI1e, 0>, "x, /",
               special_doc("exp(-|x|) i1(x), without overflow. Its second derivative at 0 is taken "
                           "as 0. Source: DLMF "
                           "10.32.1 and 10.40.1.",
                           kX));
  registry.add("special.j0", &one<kJ0, 0>, "x, /",
               special_doc("The Bessel function of the first kind and order 0.", kX));
  registry.add("special.j1", &one<kJ1, 1>, "x, /",
               special_doc("The Bessel function of the first kind and order 1.", kX));
}

}  // namespace pyautograd::ops
