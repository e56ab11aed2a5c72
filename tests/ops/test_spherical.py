"""Spherical Bessel functions and harmonics: far orders, 0, infinity, poles, arrays of orders."""

import math

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa

KINDS = ["spherical_in", "spherical_jn", "spherical_kn", "spherical_yn"]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n", [0, 1, 3, 30, 170])
def test_values_from_small_to_large_arguments(name, n):
    z = np.array([-40.0, -2.0, 1e-3, 0.3, 2.0, 40.0, 160.0, 500.0])
    for derivative in (False, True):
        found = getattr(pa.special, name)(n, z, derivative).numpy()
        expected = getattr(sc, name)(n, z, derivative)
        known = np.isfinite(expected)
        assert known.sum() >= 2
        scale = np.maximum(np.abs(expected), 1 / np.abs(z) if name[-2] in "jy" else 0.0)
        np.testing.assert_array_less(np.abs(found - expected)[known], 1e-11 * scale[known] + 1e-300)


def test_limits():
    ends = np.array([0.0, -0.0, math.inf, -math.inf, math.nan])
    for n in (0, 1, 2):
        odd = n % 2 == 1
        zero = float(n == 0)
        expected = {
            "spherical_jn": [zero, zero, 0.0, 0.0],
            "spherical_yn": [-math.inf, -math.inf, 0.0, 0.0],
            "spherical_in": [zero, zero, math.inf, -math.inf if odd else math.inf],
            "spherical_kn": [math.inf, math.inf, 0.0, -math.inf],
        }
        for name, values in expected.items():
            found = getattr(pa.special, name)(n, ends).numpy()
            assert found[:4].tolist() == values and math.isnan(found[4])
    assert pa.special.spherical_yn(2, 0.0, derivative=True).item() == math.inf
    assert pa.special.spherical_kn(2, 0.0, derivative=True).item() == -math.inf
    assert pa.special.spherical_in(2, 1e4, derivative=True).item() == math.inf


def test_derivatives_at_zero_are_those_of_the_power_series():
    for name, sign in (("spherical_jn", -1), ("spherical_in", 1)):
        for n, order, expected in (
            (0, 2, sign / 3),
            (0, 4, 1 / 5),
            (1, 1, 1 / 3),
            (1, 3, sign / 5),
            (2, 2, 2 / 15),
        ):

            def f(z, name=name, n=n):
                return getattr(pa.special, name)(n, z)

            found = pa.derivative(f, order)(0.0).item()
            assert found == pytest.approx(expected, rel=1e-13, abs=0)


@pytest.mark.parametrize("name", KINDS)
def test_the_derivative_that_is_asked_for_is_that_of_the_function(name):
    def f(z):
        return getattr(pa.special, name)(3, z)

    z = pa.tensor([0.4, 2.0, 9.0])
    slopes = pa.func.vmap(pa.func.grad(f))(z)
    asked = getattr(pa.special, name)(3, z, derivative=True)
    np.testing.assert_allclose(asked.numpy(), slopes.numpy(), rtol=1e-11)


@pytest.mark.parametrize("name", KINDS)
def test_orders_may_be_arrays(name):
    n, z = np.array([[0], [7], [2]]), np.array([0.5, 3.0])
    found = getattr(pa.special, name)(n, z)
    np.testing.assert_allclose(found.numpy(), getattr(sc, name)(n, z), rtol=1e-12)
    assert getattr(pa.special, name)([], 1.0).shape == (0,)
    assert getattr(pa.special, name)(2, pa.tensor(1.0, dtype=pa.float32)).dtype == np.float32


def test_harmonics_solve_their_equation_and_are_orthonormal():
    for n, m in ((3, 2), (40, 7), (90, -20)):

        def real(t, p, n=n, m=m):
            return pa.special.sph_harm_y(n, m, t, p).real

        t, p = 0.8, 0.4
        second = pa.func.hessian(real, argnums=(0, 1))(t, p)
        slope = pa.func.grad(real)(t, p).item()
        laplacian = second[0][0].item() + slope / math.tan(t)
        laplacian += second[1][1].item() / math.sin(t) ** 2
        assert laplacian == pytest.approx(-n * (n + 1) * real(t, p).item(), rel=1e-9, abs=0)

    nodes, weights = np.polynomial.legendre.leggauss(20)
    theta = pa.asarray(np.arccos(nodes))
    for m in (0, 3):
        table = np.stack([pa.special.sph_harm_y(n, m, theta, 0.0).numpy() for n in range(m, 9)])
        overlaps = 2 * math.pi * (table * weights) @ table.conj().T
        np.testing.assert_allclose(overlaps, np.eye(9 - m), atol=1e-13)


def test_harmonics_at_the_poles():
    def polar(m):
        return lambda t: pa.special.sph_harm_y(2, m, t, 0.0).real

    assert pa.func.grad(polar(1))(0.0).item() == pytest.approx(
        -math.sqrt(15 / (8 * math.pi)), rel=1e-13, abs=0
    )
    second = pa.derivative(polar(2), 2)(0.0).item()
    assert second == pytest.approx(math.sqrt(15 / (8 * math.pi)), rel=1e-13, abs=0)
    assert pa.func.grad(polar(0))(math.pi).item() == pytest.approx(0.0, abs=1e-14)
    assert pa.special.sph_harm_y(1, 2, 0.3, 0.4).item() == 0.0
    both = pa.special.sph_harm_y(3, 1, -0.4, 0.2), pa.special.sph_harm_y(3, 1, 0.4, 0.2 + math.pi)
    np.testing.assert_allclose(both[0].numpy(), both[1].numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "n must be a whole number", lambda: pa.special.spherical_jn(1.5, 1.0)),
        (ValueError, "n must not be negative", lambda: pa.special.spherical_kn([0, -1], 1.0)),
        (TypeError, "not defined for dtype complex", lambda: pa.special.spherical_yn(1, 1j)),
        (TypeError, "n and m must be whole", lambda: pa.special.sph_harm_y(2, 0.5, 1.0, 1.0)),
        (ValueError, "n must not be negative", lambda: pa.special.sph_harm_y(-1, 0, 1.0, 1.0)),
    ],
)
def test_bad_input(error, message, call):
    with pytest.raises(error, match=message):
        call()
