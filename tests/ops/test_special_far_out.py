"""Special functions and their derivatives where formulas that are right elsewhere lose digits."""

import math

import numpy as np
import pytest
from support.modes import mixed_derivative

import pyautograd as pa
from pyautograd import special

# Made with mpmath 1.3 and differences of high precision: name, arguments, orders, the derivative
VALUES = [
    ("betaincc", (1e-300, 2.5, 0.2), (0, 0, 0), 6.213887331578338e-301),
    ("betaincc", (1e-20, 0.4, 0.9), (0, 0, 0), 1.0254898763037508e-20),
    ("betaincc", (1e-08, 3.5, 0.001), (0, 0, 0), 5.229881905829126e-08),
    ("betaincc", (1e-08, 3.5, 0.001), (2, 0, 0), -26.042081415215268),
    ("betainc", (40.0, 1e-30, 0.999), (0, 0, 0), 2.6928447659309535e-30),
    ("betainc", (0.4, 1e-30, 0.8), (0, 0, 0), 3.4627215595936234e-30),
    ("betainc", (1e-10, 1e-09, 0.3), (0, 0, 0), 0.909090909013882),
    ("betainc", (1e-10, 1e-09, 0.3), (1, 0, 0), -826446281.6919817),
    ("betainc", (1e-10, 1e-09, 0.3), (0, 2, 0), -1.5026296016758378e17),
    ("dawsn", (6.0,), (1,), -0.014512267694526227),
    ("dawsn", (6.0,), (4,), 0.001944295824069587),
    ("dawsn", (-3.5,), (3,), -0.03609951730770191),
    ("dawsn", (6.9,), (6,), 0.0006694745176691709),
    ("jv", (0.0, 1e-10), (0, 1), -5e-11),
    ("jv", (2.0, 1e-300), (0, 1), 2.5e-301),
    ("jv", (1.0, 1e-100), (0, 2), -3.75e-101),
    ("jv", (0.0, 1e-300), (1, 0), math.log(5e-301) + np.euler_gamma),
    ("jv", (0.3, 1e-10), (1, 1), -54890525.43741636),
    ("iv", (0.0, 1e-10), (0, 1), 5e-11),
    ("iv", (2.0, 1e-300), (0, 1), 2.5e-301),
    ("iv", (1e-10, 1e-10), (0, 1), 0.9999999977358217),
    ("kv", (1e-10, 29.0), (1, 0), 1.9989355659860304e-25),
    ("kv", (1e-10, 10.0), (1, 1), -1.942793576716096e-16),
    ("kv", (1e-10, 0.001), (1, 0), 1.2625009688358039e-08),
    ("betaincc", (1e-12, 40.0, 0.001), (0, 1, 0), -2.4334115409932888e-14),
    ("betainc", (1e-30, 3.5, 0.001), (0, 1, 0), 3.2935875578078e-31),
    ("betainc", (1.0, 1e-300, 1e-20), (0, 0, 1), 1e-300),
    ("betainc", (30.0, 1e6, 39e-6), (0, 0, 0), 0.9409066715543232),
    ("betainc", (30.0, 1e8, 39e-8), (0, 0, 0), 0.9408829598246409),
    ("betainc", (30.0, 1e12, 39e-12), (0, 0, 0), 0.9408827203004215),
    ("stdtr", (1e9, 1.0), (0, 0), 0.8413447459475576),
    ("stdtr", (1e18, 1.0), (0, 0), 0.8413447460685429),
    ("stdtr", (1e18, -3.0), (0, 0), 0.0013498980316300946),
    ("stdtr", (1e9, 1.0), (1, 0), 1.20985362199079e-19),
    ("stdtr", (1e9, -0.6), (1, 0), -6.797781896673789e-20),
    ("stdtr", (1e6, -3.0), (1, 0), -3.323929851838475e-14),
    ("stdtr", (1e4, 1.0), (2, 0), -2.4195257610990035e-13),
    ("stdtr", (0.3, -1e160), (0, 0), 3.495007233838574e-49),
    ("kv", (0.0, 1e-307), (0, 0), 707.0095550648305),
    ("kv", (0.3, 1e-307), (0, 0), 2.318344788288859e92),
    ("inv_boxcox1p", (1e-300, 1e-300), (0, 0), 1e-300),
    ("inv_boxcox1p", (1e-300, 1e-300), (1, 0), 1.0),
    ("boxcox1p", (1e-9, 0.5), (1, 1), 9.99999999e-10),
    ("boxcox1p", (1e-300, -2.0), (1, 1), 1e-300),
    ("boxcox1p", (-0.75, 3.0), (1, 1), -0.08664339756999316),
    ("rel_entr", (1e-8, 1e-200), (1, 1), -1e200),
    ("rel_entr", (1e-200, 1e200), (2, 0), 1e200),
    ("kl_div", (1e-200, 1e200), (1, 0), -921.0340371976183),
    ("pseudo_huber", (1e-8, 1e200), (1, 0), 1e200),
    ("pseudo_huber", (0.3, 1e200), (2, 0), -2.0),
]


@pytest.mark.parametrize(("name", "args", "orders", "expected"), VALUES)
def test_values_and_derivatives(name, args, orders, expected):
    got = mixed_derivative(getattr(special, name), orders, args)
    assert got == pytest.approx(expected, rel=2e-12, abs=0)


OF_COMPLEX = [
    ("wofz", 6 + 0.05j, 1, -0.00028553772298582983 - 0.016371542734810306j),
    ("wofz", 3 - 0.9j, 3, 0.08562783920210754 + 0.11833874679450164j),
    ("wofz", 0.1 + 5j, 2, -0.008064818852796236 - 0.0004512393380837962j),
    ("wofz", -6.5 + 2j, 4, 0.0010679527909170665 + 2.670819899561423e-05j),
    ("dawsn", 6 + 0.05j, 1, -0.014508901982790753 + 0.0002530512183404607j),
    ("dawsn", 3 - 0.9j, 3, 0.054018586120558605 - 0.06109935011821919j),
    ("dawsn", 0.1 + 5j, 2, -5556961257394.272 - 3267763351947.76j),
    ("dawsn", -6.5 + 2j, 4, 2.3669525330901853e-05 - 0.0009464485177670165j),
]


@pytest.mark.parametrize(("name", "z", "order", "expected"), OF_COMPLEX)
def test_derivatives_of_complex_functions(name, z, order, expected):
    f, z = getattr(special, name), pa.tensor(z)
    for _ in range(order):

        def f(z, f=f):
            return pa.func.jvp(f, (z,), (pa.ones_like(z),))[1]

    assert abs(f(z).item() - expected) <= 1e-13 * abs(expected)


@pytest.mark.parametrize("n", [-262.0, -300.0, -1e5, -1e17])
def test_slopes_of_zeta_overflow_at_its_far_zeros(n):
    """The sign is that of (-1)**(n / 2), DLMF 25.6.13."""
    sign = 1.0 if n % 4 == 0 else -1.0
    assert special.zeta(n).item() == 0
    assert mixed_derivative(special.zeta, (1,), (n,)) == sign * math.inf
    assert mixed_derivative(special.zeta, (2,), (n,)) == -sign * math.inf


JACOBI = [
    ((-1.5, -2.5, 0.3), (0, 0, 0), 0.06594),
    ((-1.5, -2.5, 0.3), (1, 0, 0), 0.021774458333333337),
    ((-1.5, -2.5, 0.3), (0, 2, 0), -0.03478234375),
    ((-0.999999, -0.999999, 0.3), (0, 0, 0), 0.16175265114791004),
    ((-0.999999, -0.999999, 0.3), (1, 1, 0), 0.1256511702895391),
    ((-2.0, -3.0001, 2.5), (0, 1, 1), 12.843598742745762),
]


@pytest.mark.parametrize(("args", "orders", "expected"), JACOBI)
def test_jacobi_polynomials_where_a_recurrence_divides_by_zero(args, orders, expected):
    def f(alpha, beta, x):
        return special.eval_jacobi(5, alpha, beta, x)

    assert mixed_derivative(f, orders, args) == pytest.approx(expected, rel=1e-12, abs=0)
    points = [pa.tensor([v, v + 0.25]) for v in args]  # beside one where the recurrence is used
    mapped = pa.func.vmap(f)(*points)
    np.testing.assert_allclose(mapped, f(*points), rtol=1e-14)
    np.testing.assert_allclose(pa.captured(f)(*points), f(*points), rtol=1e-14)


def test_jacobi_polynomials_at_infinity_for_every_sum_of_parameters():
    x = pa.tensor([-np.inf, np.inf])
    assert special.eval_jacobi(5, -1.5, -2.5, x).tolist() == [-np.inf, np.inf]
    assert np.isnan(special.eval_jacobi(4, -3.0, -3.0, x).numpy()).all()


def test_inverse_boxcox_where_the_product_overflows():
    assert special.inv_boxcox(1e300, 1e30).item() == pytest.approx(1.0, rel=1e-14, abs=0)


def test_quantiles_of_infinite_shapes_are_none():
    for name in ("gammaincinv", "gammainccinv"):
        assert math.isnan(getattr(special, name)(math.inf, 0.5).item())
    for shapes in ((math.inf, 2.0), (2.0, math.inf)):
        assert math.isnan(special.betaincinv(*shapes, 0.5).item())
