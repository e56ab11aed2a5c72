"""Carlson's elliptic integrals of arguments far from each other and of equal ones."""

import itertools
import math

import numpy as np
import pytest
import scipy.special as sc
from support.modes import mixed_derivative

import pyautograd as pa
from pyautograd import special

APART = [
    ("elliprf", (0.0, 1e-300, 1.0)),
    ("elliprf", (1e-300, 1.0, 1e300)),
    ("elliprd", (0.0, 1e-100, 1e100)),
    ("elliprd", (1e90, 1e-90, 1e-90)),
    ("elliprj", (1e-30, 1.0, 1e30, 1e-20)),
    ("elliprj", (1e-5, 1e-3, 1e-4, 1e12)),
    ("elliprc", (1e-300, 1e300)),
    ("elliprc", (2.0, -3.0)),
    ("elliprg", (1e-300, 1.0, 1e100)),
]


@pytest.mark.parametrize("name, at", APART)
def test_arguments_far_apart(name, at):
    got = getattr(special, name)(*at).item()
    assert got == pytest.approx(getattr(sc, name)(*at), rel=1e-13, abs=0)


def test_derivatives_where_arguments_are_equal():
    # Of R_F, R_D, R_C, R_G and R_J of numbers x they are powers: of the sum of all slopes by Euler.
    for name, count, degree in (
        *(("elliprf", 3, -0.5), ("elliprd", 3, -1.5), ("elliprc", 2, -0.5), ("elliprg", 3, 0.5)),
        ("elliprj", 4, -1.5),
    ):
        f = getattr(special, name)
        for order in (1, 2, 3):
            got = mixed_derivative(lambda t, f=f, n=count: f(*[t] * n), (order,), (2.0,))
            power = math.prod(degree - k for k in range(order))
            assert got == pytest.approx(power * 2.0 ** (degree - order), rel=1e-13, abs=0)


def test_slopes_of_the_third_kind_are_those_of_partial_fractions():
    # For a last argument within, above and far above the others; the Hessian by Euler's theorem.
    for p in (0.03, 0.9, 31.0, 33.0, 1e3, 1e15, 1e40):
        at = np.array([0.7, 0.2, 2.0, p])
        f = lambda x: special.elliprj(x[0], x[1], x[2], x[3])  # noqa: E731
        value = f(at).item()
        slope, hessian = pa.func.grad(f)(at).numpy(), pa.func.hessian(f)(at).numpy()
        for k in range(3):
            x, (y, z) = at[k], np.delete(at[:3], k)
            exact = 0.5 * (value - special.elliprd(y, z, x).item()) / (p - x)
            assert slope[k] == pytest.approx(exact, rel=1e-12, abs=0)
        assert at @ slope == pytest.approx(-1.5 * value, rel=1e-13, abs=0)
        assert hessian @ at == pytest.approx(-2.5 * slope, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    "at, value",
    [
        # With mpmath, of 300 digits
        ((4.98006181e12, 4.43259543e20, 4.65507504e10, 1.34676246e-8), 6.494298683526348e-21),
        ((7.43947044e61, 7.43947044e61, 4.84784440e37, 6.70044152e-68), 7.032092179033677e-79),
        ((6.35804884, 6.35804884, 52.4745568, 9.88904697e-6), 0.43017061251038735),
        ((0.0274749276, 5.06669861e66, 3.95153956e38, 1.737924e-21), 9.22102797625607e-51),
        ((1.11102647e-139, 1.11102647e-139, 2.71504729e-36, 1.89527579e107), 1.150106038274516e-87),
    ],
)
def test_last_arguments_far_below_and_above(at, value):
    assert special.elliprj(*at).item() == pytest.approx(value, rel=1e-14, abs=0)


def test_negative_last_arguments_are_nan():
    assert np.isnan(special.elliprj(1.0, 1.0, 1.0, -1.0).item())


def test_any_order_of_the_first_arguments():
    for p in (0.5, 40.0):
        for at in itertools.permutations((0.0, 0.3, 2.0)):
            expected = special.elliprj(0.0, 0.3, 2.0, p).item()
            assert special.elliprj(*at, p).item() == pytest.approx(expected, rel=1e-14, abs=0)
