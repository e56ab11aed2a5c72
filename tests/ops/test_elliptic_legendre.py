"""Incomplete elliptic integrals and Jacobi's functions where they are elementary, and at edges."""

import math

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa
from pyautograd import special

ANGLES = np.array([-7.3, -1.5, -0.4, 0.0, 1e-9, 0.9, 1.57, 3.0, 12.0])


def by_parameter(f, t, m, order=1):
    """The derivative by m of some order, at each element of t."""
    m = pa.full(t.shape, m)
    series = pa.func.taylor(lambda m: f(t, m), m, pa.ones_like(m), order)
    return series[order].numpy() * math.factorial(order)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("f, power", [(special.ellipkinc, 0.5), (special.ellipeinc, -0.5)])
def test_series_in_the_parameter_at_zero(f, power, order):
    # Of (1 - m sin(t)**2)**-power, each term an integral of a power of the sine
    t = ANGLES
    powers = {
        1: 0.5 * (t - np.sin(t) * np.cos(t)),
        2: 3 * t / 8 - np.sin(2 * t) / 4 + np.sin(4 * t) / 32,
        3: 5 * t / 16 - 15 * np.sin(2 * t) / 64 + 3 * np.sin(4 * t) / 64 - np.sin(6 * t) / 192,
    }
    got = by_parameter(f, t, 0.0, order)
    np.testing.assert_allclose(got, sc.poch(power, order) * powers[order], rtol=1e-13, atol=1e-15)


def test_slopes_in_the_parameter_at_one():
    t = np.array([-1.5, -0.3, 0.0, 0.7, 1.4])
    line = np.arctanh(np.sin(t))
    slopes = {
        special.ellipkinc: (line, 0.25 * (np.tan(t) / np.cos(t) - line)),
        special.ellipeinc: (np.sin(t), 0.5 * (np.sin(t) - line)),
    }
    for f, (value, slope) in slopes.items():
        np.testing.assert_allclose(f(t, 1.0).numpy(), value, rtol=1e-14)
        got = by_parameter(f, t, 1.0)
        np.testing.assert_allclose(got, slope, rtol=1e-12, atol=1e-16)


def test_slopes_of_the_functions_where_they_are_elementary():
    # DLMF 22.10.4 to 22.10.9
    u = np.array([-2.0, -0.3, 0.0, 0.7, 5.0])
    s, c, t, h = np.sin(u), np.cos(u), np.tanh(u), 1 / np.cosh(u)
    past = (u - s * c) / 4
    beyond = (np.sinh(u) * np.cosh(u) - u) / 4
    outward = (np.sinh(u) * np.cosh(u) + u) / 4
    slopes = {
        0.0: (-past * c, past * s, -(s**2) / 2, -past),
        1.0: (-beyond * h**2, beyond * t * h, -outward * t * h, -beyond * h),
    }
    for m, wanted in slopes.items():
        for k, slope in enumerate(wanted):
            f = lambda u, m, k=k: special.ellipj(u, m)[k]  # noqa: E731
            got = by_parameter(f, u, m)
            np.testing.assert_allclose(got, slope, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("m", [-30.0, -0.5, 0.0, 0.5, 1 - 1e-12, 1.0])
def test_the_functions_invert_the_integral(m):
    u = np.array([-9.0, -1.0, 1e-200, 0.3, 2.0, 17.0])
    sn, cn, dn, ph = special.ellipj(u, m)
    # A rounding of the amplitude counts by the slope of the integral.
    error = np.abs(special.ellipkinc(ph, m).numpy() - u)
    assert np.all(error <= 1e-15 * (4 * np.abs(u) + 4 * np.abs(ph.numpy()) / dn.numpy()))
    np.testing.assert_allclose(sn.numpy(), np.sin(ph.numpy()), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(cn.numpy(), np.cos(ph.numpy()), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose((dn * dn + m * sn * sn).numpy(), 1.0, rtol=1e-12)


def test_functions_at_one_keep_the_digits_of_small_values():
    _, cn, dn, _ = special.ellipj([-300.0, 40.0, 700.0], 1.0)
    for found in (cn, dn):
        np.testing.assert_allclose(found.numpy(), 1 / np.cosh([-300.0, 40.0, 700.0]), rtol=1e-14)


def test_integrals_grow_by_two_complete_ones_a_half_turn():
    m = np.array([-3.0, 0.2, 0.99])
    for f, complete in (
        (special.ellipkinc, special.ellipk),
        (special.ellipeinc, special.ellipe),
    ):
        for turns in (-4, 1, 1000):
            got = f(0.4 + turns * math.pi, m) - f(0.4, m)
            np.testing.assert_allclose(got.numpy(), 2 * turns * complete(m).numpy(), rtol=1e-12)


def test_edges():
    f, e = special.ellipkinc, special.ellipeinc
    assert f(2.0, 1.0).item() == math.inf and f(-2.0, 1.0).item() == -math.inf
    assert e(2.0, 1.0).item() == pytest.approx(2 - math.sin(2), rel=1e-14, abs=0)
    assert np.isnan(f(0.1, 1.5).item()) and np.isnan(e(0.1, 1.5).item())
    for u, m in ((math.inf, 0.5), (1.0, 1.5), (1.0, -math.inf), (math.nan, 0.5)):
        assert all(np.isnan(v.item()) for v in special.ellipj(u, m))
    got = special.ellipkm1([0.0, 1e-300, 1e-20, 1.0]).numpy()
    np.testing.assert_allclose(got, sc.ellipkm1([0.0, 1e-300, 1e-20, 1.0]), rtol=1e-14)


def test_small_and_large_arguments_keep_their_digits():
    u, m = 1e-4, 0.4
    sn = special.ellipj(u, m).sn.item()
    assert sn == pytest.approx(u - (1 + m) * u**3 / 6, rel=1e-15, abs=0)
    for m in (-1e6, -40.0, 1 - 1e-9):
        at = np.array([1e-3, 0.8, 1.5, 4.0])
        for f, theirs in ((special.ellipkinc, sc.ellipkinc), (special.ellipeinc, sc.ellipeinc)):
            np.testing.assert_allclose(f(at, m).numpy(), theirs(at, m), rtol=1e-13)


def test_third_derivatives_by_both_arguments():
    # By the argument last, and by it first, where sn' = cn dn
    def later(u, m):
        return pa.func.grad(lambda u: special.ellipj(u, m).sn)(u)

    def product(u, m):
        _, cn, dn, _ = special.ellipj(u, m)
        return cn * dn

    for u, m in ((0.8, 0.3), (-5.0, -1.2), (9.0, 0.9)):
        by_m = lambda u, m=m: pa.func.taylor(lambda m: special.ellipj(u, m).sn, m, 1.0, 2)[2]  # noqa: E731
        last = pa.func.grad(by_m)(u).item()
        first = pa.func.taylor(lambda m, u=u: later(u, m), m, 1.0, 2)[2].item()
        known = pa.func.taylor(lambda m, u=u: product(u, m), m, 1.0, 2)[2].item()
        assert (last, first) == pytest.approx((known, known), rel=1e-11, abs=0)
