// Lambert's W function, an inverse: its derivatives are those of an implicit function.

#include "kernels/scalar/lambert.h"
#include "ops/special.h"

namespace pyautograd::ops {

namespace {

// DLMF 4.13.4: exp(-w) / (1 + w), which is 1 / (z (1 + 1 / w)) where that is as good. The
// derivative of branch -1 of real numbers is infinite from below at the branch point.
Tensor lambertw_slope(T t, X x, T w, N k) {
  const Tensor size = absolute(w);
  const Tensor near = less_equal(size, scalar(1, size.dtype())), far = logical_not(near);
  const Tensor inner = fill_where(far, 0, w), outer = fill_where(near, 1, w);
  const Tensor above = k[0] == -1 ? -(-1.0 - inner) : inner + 1.0;
  const Tensor z = fill_where(near, 1, x[0]);
  return where(near, scale_over(scale(t, exp(-inner)), above),
               scale_over(t, z * (reciprocal(outer) + 1.0)));
}

constexpr SpecialRow kLambertw{
    "special.lambertw",  of_order<formula::lambertw>,        1, {{{lambertw_slope, 1, true}}},
    SpecialVector::None, complex_of_order<formula::lambertw>};

Tensor lambertw(T z, int64_t k) {
  if (!is_complex(z.dtype()) && k != 0 && k != -1)
    value_error("[special.lambertw] k must be 0 or -1, got ", k,
                ": other branches are not real, but those of a complex tensor are here");
  if (k < -1000000000 || k > 1000000000)
    value_error("[special.lambertw] k must be up to 1e9 in size, got ", k);
  return apply_special(kLambertw, Borrowed<1>(z), {static_cast<int>(k), 0});
}

}  // namespace

void register_lambert(Registry& registry) {
  registry.add("special.lambertw", &lambertw, "z, k=0",
               R"(Lambert's W function: w with w exp(w) = z.

Element by element. Of real z it is real, where SciPy's is complex; of complex z it is branch k,
whose cut runs to minus infinity, from -1 / e for k = 0 and from 0 for others. On a cut it is
continuous from above, or from below where the imaginary part is -0. The derivative
exp(-w) / (1 + w) is infinite at the branch point -1 / e of the branches 0 and -1, and for k != 0 at
0. Source: R. M. Corless et al. (Adv. Comput. Math. 5, 1996); F. N. Fritsch et al. (Communications of
the ACM 16, 1973).

:param z: tensor; real numbers from -1 / e, nan where there is no such w, or complex ones
:param k: int, the branch; of real numbers 0, where w >= -1, or -1, where w <= -1 and z < 0
:returns: tensor of the same shape; integers are computed in float64
:raises ValueError: if z is real and k another branch

>>> pa.special.lambertw([0.0, pa.e, 10.0]).numpy().round(6)
array([0.      , 1.      , 1.745528])
>>> pa.special.lambertw(pa.tensor([-1 + 0j, 1j]), 2).numpy().round(3)
array([-2.653+13.949j, -2.535+12.364j])
>>> pa.func.grad(pa.special.lambertw)(0.0).item()
1.0)");
}

}  // namespace pyautograd::ops
