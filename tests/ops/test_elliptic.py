"""Carlson's elliptic integrals of arguments far from each other and of equal ones."""

import math

import numpy as np
import pytest
import scipy.special as sc
from support.modes import mixed_derivative

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
    assert got == pytest.approx(getattr(sc, name)(*at), rel=1e-13)


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
            assert got == pytest.approx(power * 2.0 ** (degree - order), rel=1e-13)


def test_what_is_too_far_is_nan():
    assert np.isnan(special.elliprj(1.0, 1.0, 1.0, 1e19).item())
    assert np.isnan(special.elliprj(1.0, 1.0, 1.0, -1.0).item())
