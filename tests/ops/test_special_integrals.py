"""Functions defined by integrals, and what is exact where formulas for derivatives are 0 / 0."""

import numpy as np
import pytest
import scipy.special as sc
from support.modes import in_all_modes

import pyautograd as pa


def along_one(f):
    return lambda z: pa.func.jvp(f, (z,), (pa.ones_like(z),))[1]


def test_loggamma_of_complex_numbers_is_relatively_exact_at_its_zeros():
    """Against the power series at 1, and the recurrence from there to 2."""
    zeta3, zeta4 = 1.2020569031595942, np.pi**4 / 90
    for w in (1e-12, 1e-6j, 1e-5 * (1 - 2j), -5e-5 + 2e-5j):
        series = w * (
            -np.euler_gamma + w * (np.pi**2 / 12 + w * (-zeta3 / 3 + w * (zeta4 / 4 - w * 0.2074)))
        )
        # 1 + w is rounded; the function sees what is left of w.
        at_one, at_two = complex(pa.special.loggamma(pa.tensor(1 + w)).item()), 2 + w
        lost = (1 + w) - 1 - w
        assert abs(at_one - series + np.euler_gamma * lost) < 1e-15 * abs(w)
        there = pa.special.loggamma(pa.tensor(at_two)).item()
        moved = (
            series
            + w * (1 - w * (1 / 2 - w * (1 / 3 - w / 4)))
            + (at_two - 2 - w) * (1 - np.euler_gamma)
        )
        assert abs(there - moved) < 1e-15 * abs(w)
    second = along_one(along_one(pa.special.loggamma))
    assert abs(second(pa.tensor(1 + 0j)).item() - np.pi**2 / 6) < 1e-14
    for edge in (0.5 + 0.5j, 1.5 + 0j, 2.3 + 0.4j, 1.5 + 0.499j):
        assert abs(pa.special.loggamma(pa.tensor(edge)).item() - sc.loggamma(edge)) < 1e-14


def test_removable_singularities_of_integrals():
    """Every derivative is exact where a formula for it would be 0 / 0."""
    one = np.ones(())
    harmonic = [1, -1 / 2, 2 / 3, -6 / 4]  # of log(x) / (x - 1) at 1, k! / (k + 1)
    for order in (1, 2, 3, 4):
        values = in_all_modes(pa.special.spence, 1.0, *[one] * order)
        np.testing.assert_allclose(values, -harmonic[order - 1], rtol=1e-14)
        values = in_all_modes(pa.special.exprel, 0.0, *[one] * order)
        np.testing.assert_allclose(values, 1 / (order + 1), rtol=1e-14)
    quarter = in_all_modes(pa.special.ellipk, 0.0, one)
    np.testing.assert_allclose(quarter, np.pi / 8, rtol=1e-15)
    np.testing.assert_allclose(in_all_modes(pa.special.ellipe, 0.0, one), -np.pi / 8, rtol=1e-15)
    log = np.log(3.0)
    for order in (1, 2, 3):
        by_lambda = in_all_modes(lambda p: pa.special.boxcox(3.0, p), 0.0, *[one] * order)
        np.testing.assert_allclose(by_lambda, log ** (order + 1) / (order + 1), rtol=1e-14)
    by_lambda = in_all_modes(lambda p: pa.special.inv_boxcox(0.5, p), 0.0, one)
    np.testing.assert_allclose(by_lambda, -np.exp(0.5) / 8, rtol=1e-14)
    # (1 + p y)**(1 / p) = exp(y - p y**2 / 2 + p**2 y**3 / 3 - ...)
    by_lambda = in_all_modes(lambda p: pa.special.inv_boxcox(0.5, p), 0.0, one, one)
    np.testing.assert_allclose(by_lambda, np.exp(0.5) * (1 / 64 + 2 / 24), rtol=1e-14)
    at_zero = in_all_modes(lambda p: pa.special.boxcox(0.0, p), 2.0, one)
    np.testing.assert_allclose(at_zero, 1 / 4, rtol=1e-15)


@pytest.mark.parametrize(
    ("f", "ref", "x"),
    [
        (pa.special.expi, sc.expi, [-3.0, -1e-9, 1e-9, 0.4, 39.0, 41.0, 300.0]),
        (pa.special.exp1, sc.exp1, [1e-9, 0.99, 1.01, 50.0, 700.0]),
        (pa.special.spence, sc.spence, [1e-9, 0.49, 0.51, 1.0 + 1e-9, 1.99, 2.01, 1e9]),
        (pa.special.k0, sc.k0, [1e-300, 1e-9, 1.0, 50.0, 600.0]),
        (pa.special.k1e, sc.k1e, [1e-9, 1.0, 50.0, 1e6, 1e12]),
        (pa.special.ellipk, sc.ellipk, [-1e9, -1.0, 0.5, 1 - 1e-9]),
        (pa.special.ellipe, sc.ellipe, [-1e9, -1.0, 0.5, 1 - 1e-9]),
        (pa.special.dawsn, sc.dawsn, [-20.0, -0.99, 1.01, 6.9, 7.1, 1e9]),
        (lambda x: pa.special.sici(x)[0], lambda x: sc.sici(x)[0], [-4.0, 2.99, 3.01, 1e9]),
        (lambda x: pa.special.fresnel(x)[1], lambda x: sc.fresnel(x)[1], [-1.59, 1.61, 30.0, 1e4]),
    ],
    ids=["expi", "exp1", "spence", "k0", "k1e", "ellipk", "ellipe", "dawsn", "si", "fresnel"],
)
def test_values_of_integrals_where_methods_meet_and_far_out(f, ref, x):
    np.testing.assert_allclose(f(pa.tensor(x)).numpy(), ref(np.array(x)), rtol=2e-14)


def test_derivatives_of_bessel_functions_of_the_second_kind():
    """DLMF 10.29.2 to second order, and the scaled ones by their differential equation."""
    x = pa.tensor([0.01, 1.0, 30.0])
    first, second = along_one(pa.special.k0), along_one(along_one(pa.special.k0))
    np.testing.assert_allclose(first(x).numpy(), -sc.k1(x.numpy()), rtol=1e-14)
    np.testing.assert_allclose(
        second(x).numpy(), sc.k0(x.numpy()) + sc.k1(x.numpy()) / x.numpy(), rtol=1e-14
    )
    scaled = along_one(pa.special.k0e)(pa.tensor([1.0, 1e6]))
    np.testing.assert_allclose(
        scaled.numpy(), [sc.k0e(1.0) - sc.k1e(1.0), -np.sqrt(np.pi / 8) * 1e-9], rtol=2e-6
    )


def test_complex_log_ndtr_and_xlog1py():
    z = np.array([-40 + 3j, -3.0 + 0.5j, -0.99 + 2j, 4 - 1j, 9 + 0.2j])
    np.testing.assert_allclose(
        pa.special.log_ndtr(pa.tensor(z)).numpy(), sc.log_ndtr(z), rtol=1e-12, atol=1e-14
    )
    x, y = np.array([0, 0, 2j, 1.0]), np.array([-1, np.inf, 0.5 + 1j, -0.5])
    got = pa.special.xlog1py(pa.tensor(x), pa.tensor(y)).numpy()
    np.testing.assert_allclose(got, sc.xlog1py(x, y), rtol=1e-14)
    slope = pa.func.jvp(lambda x: pa.special.xlog1py(x, 1j), (pa.tensor(0j),), (pa.tensor(1 + 0j),))
    assert abs(slope[1].item() - np.log(1 + 1j)) < 1e-15
