"""Lambert's W function against SciPy's, its definition, and at the edges of its branches."""

import itertools

import numpy as np
import pytest
import scipy.special as sc
from support.modes import complex_derivative

import pyautograd as pa
from pyautograd.special import lambertw

EDGE = -1 / np.e
INSIDE = {
    0: np.concatenate([-np.logspace(-300, np.log10(0.36), 40), [0.0], np.logspace(-300, 300, 60)]),
    -1: -np.logspace(-300, np.log10(0.36), 60),
}


@pytest.mark.parametrize("k", [0, -1])
def test_values(k):
    np.testing.assert_allclose(lambertw(INSIDE[k], k), sc.lambertw(INSIDE[k], k).real, rtol=1e-13)
    single = lambertw(pa.tensor(INSIDE[k][:50], dtype=pa.float32), k)
    assert single.dtype == np.float32


def test_near_the_branch_point_by_the_definition():
    # d = z + 1/e is about (1 + w)^2 / (2 e)
    for k, sign in ((0, 1.0), (-1, -1.0)):
        above = EDGE + np.array([1e-14, 1e-9, 1e-4])
        w = lambertw(above, k).numpy()
        assert np.all(sign * (w + 1.0) > 0.0)
        np.testing.assert_allclose(w * np.exp(w), above, rtol=1e-15)
        rise = np.sqrt(2.0 * np.e * (above - EDGE))
        np.testing.assert_allclose(w, -1.0 + sign * rise - rise**2 / 3.0, rtol=2e-5)


def test_edges():
    given = [0.0, -0.0, np.inf, EDGE, -1.0, -np.inf, np.nan]
    np.testing.assert_array_equal(lambertw(given), [0, 0, np.inf, -1, *[np.nan] * 3])
    np.testing.assert_array_equal(lambertw(given, -1), [*[-np.inf] * 2, np.nan, -1, *[np.nan] * 3])
    slope = pa.func.grad(lambertw)
    assert slope(EDGE).item() == np.inf
    assert slope(np.inf).item() == 0.0
    assert np.isnan(slope(-1.0).item())
    # What a mask cuts off contributes nothing.
    masked = pa.func.grad(lambda z: pa.where(z > 0.0, lambertw(z), 0.0))
    assert masked(EDGE).item() == 0.0


@pytest.mark.parametrize(("z", "k"), [(0.0, 0), (-0.2, 0), (3.0, 0), (-0.2, -1), (-1e-3, -1)])
def test_derivatives(z, k):
    f = lambda x: lambertw(x, k)  # noqa: E731
    w = lambertw(z, k).item()
    # DLMF 4.13.4, and its derivative
    first, second = np.exp(-w) / (1 + w), -np.exp(-2 * w) * (w + 2) / (1 + w) ** 3
    for outer in (pa.func.grad, pa.func.jacfwd):
        assert outer(f)(z).item() == pytest.approx(first, rel=1e-13, abs=0)
        for inner in (pa.func.grad, pa.func.jacfwd):
            assert outer(inner(f))(z).item() == pytest.approx(second, rel=1e-12, abs=0)
    mapped = pa.func.vmap(pa.func.grad(pa.func.grad(f)))(pa.tensor([z, z]))
    np.testing.assert_allclose(mapped, [second, second], rtol=1e-12)


def test_taylor_series_at_zero():
    # The coefficients are (-n)^(n - 1) / n!.
    f = lambertw
    for n in range(1, 6):
        f = pa.func.grad(f)
        assert f(0.0).item() == pytest.approx((-n) ** (n - 1), rel=1e-12, abs=0)


# Branch, argument, value, first and second derivative: by mpmath.
COMPLEX = [
    (
        0,
        1e-9 + 1e-9j,
        1e-09 + 9.99999998e-10j,
        0.999999998 - 1.999999991e-09j,
        -1.999999991 + 8.999999936000002e-09j,
    ),
    (
        0,
        -0.3 + 0.2j,
        -0.26253371243777324 + 0.3883947964243738j,
        1.0021571570558736 - 1.1954855493604724j,
        2.2155047567725843 + 4.70220615619842j,
    ),
    (
        0,
        -0.5 - 1e-3j,
        -0.7915987205010322 - 0.768766777855599j,
        -1.3381795668110832 + 2.4261512733085056j,
        -2.4273296546061895 + 13.58883509559022j,
    ),
    (
        0,
        -20 + 1e-3j,
        1.908624211687337 + 2.2698990379138175j,
        -0.039315959796710986 - 0.008339497332722347j,
        -0.0019009670725843601 - 0.0005497096877994757j,
    ),
    (
        -1,
        -0.3 + 0.01j,
        -1.782134804369699 - 0.07586509214668367j,
        -7.560699816250741 + 0.15751122598163855j,
        14.942719254059739 - 7.6552323751580476j,
    ),
    (
        -1,
        -0.3 - 0.01j,
        -3.2955632940132387 - 7.401772382444876j,
        -3.443225990982727 + 0.5256013974556316j,
        -11.583034183909916 + 2.0540185744215376j,
    ),
    (
        1,
        -0.3 - 0.01j,
        -1.782134804369699 + 0.07586509214668367j,
        -7.560699816250741 - 0.15751122598163855j,
        14.942719254059739 + 7.6552323751580476j,
    ),
    (
        -1,
        1e-30j,
        -73.37334904434444 - 1.5924969439673446j,
        -3.0388624683968718e26 - 1.013810554234103e30j,
        1.0136172848923267e60 - 2.953187179612446e56j,
    ),
    (
        1,
        5 + 1j,
        0.036288999432188114 + 4.9171644724750925j,
        0.19190517076417266 + 0.0005630995659788142j,
        -0.038380651221276124 + 0.006946039547042658j,
    ),
    (
        2,
        -1 + 0.5j,
        -2.5073402528193673 + 13.489746409468808j,
        -0.7772584396186121 - 0.4618454375679876j,
        -0.44019736527775477 - 0.6834578381685006j,
    ),
    (
        -7,
        0.2 - 3j,
        -2.6819176377276404 - 43.85465036122001j,
        0.029699333303422167 + 0.33164445876578164j,
        0.10945925468331007 - 0.017197790178927416j,
    ),
    (
        1000000,
        3 + 4j,
        -14.043949609525274 + 6283184.663676242j,
        0.12000002546483315 - 0.15999998090145773j,
        0.011199993888453543 + 0.0384000017825492j,
    ),
]


@pytest.mark.parametrize("k, z, value, slope, second", COMPLEX)
def test_complex_values_and_derivatives(k, z, value, slope, second):
    f = lambda x: lambertw(x, k)  # noqa: E731
    assert abs(f(pa.tensor(z)).item() - value) < 3e-15 * abs(value)
    assert f(pa.tensor(z, dtype="complex64")).dtype == np.complex64
    for modes in itertools.product(("forward", "reverse"), repeat=2):
        assert abs(complex_derivative(f, modes[:1])(z).item() - slope) < 2e-14 * abs(slope)
        assert abs(complex_derivative(f, modes)(z).item() - second) < 5e-14 * abs(second)


@pytest.mark.parametrize("k", [0, -1, 1, 2, -3, 50])
def test_every_branch_is_the_one_it_should_be(k):
    """w + log(w) = log(z) + 2 pi i k with principal logarithms (D. J. Jeffrey et al., 1996)."""
    rng = np.random.default_rng(0)
    size = 10.0 ** rng.uniform(-300, 300, 3000)
    size[:2000] = 10.0 ** rng.uniform(-3, 2, 2000)
    z = size * np.exp(1j * rng.uniform(-3.14, 3.14, 3000))
    z[:500] = EDGE + z[:500] * 1e-2
    w = lambertw(pa.tensor(z), k).numpy()
    rest = w + np.log(w) - np.log(z) - 2j * np.pi * k
    assert np.all(np.abs(rest) < 1e-14 * np.abs(w) + 1e-13)


def test_cuts_of_complex_numbers():
    x = np.array([-7.0, -0.5, -0.3, -1e-9, 1e-9, 4.0])
    for k in (0, -1, 1, 2, -2):
        got = lambertw(pa.tensor(x + 0j), k).numpy()
        np.testing.assert_allclose(got, sc.lambertw(x + 0j, k), rtol=1e-14)
        below = lambertw(pa.tensor(np.conj(x + 0j)), -k).numpy()
        np.testing.assert_array_equal(below, np.conj(got))
        beside = lambertw(pa.tensor(x + 1e-24j), k).numpy()
        np.testing.assert_allclose(beside, got, rtol=1e-13)
    zero, infinity = pa.tensor(0j), pa.tensor(complex(np.inf, 0))
    assert lambertw(zero).item() == 0 and lambertw(zero, 3).item() == -np.inf
    assert lambertw(infinity, 1).item() == complex(np.inf, 2 * np.pi)
    assert np.isnan(lambertw(pa.tensor(complex(1, np.nan)), 1).item())
    at_zero = complex_derivative(lambertw, ("forward", "reverse"))(0j).item()
    assert abs(complex_derivative(lambertw, ("reverse",))(0j).item() - 1) < 1e-15
    assert abs(at_zero + 2) < 1e-15
    assert not np.isfinite(complex_derivative(lambertw, ("forward",))(complex(EDGE)).item())


def test_derivatives_at_the_branch_point_are_infinite_on_the_right_side():
    for k, sign in ((0, 1), (-1, -1)):
        for mode in (pa.func.grad, pa.func.jacfwd):
            assert mode(lambda z, k=k: lambertw(z, k))(EDGE).item() == sign * np.inf
    assert pa.func.grad(lambda z: lambertw(z, -1))(-0.0).item() == -np.inf


def test_refusals():
    with pytest.raises(ValueError, match=r"\[special.lambertw\] k must be 0 or -1, got 1"):
        lambertw(1.0, 1)
    with pytest.raises(ValueError, match=r"\[special.lambertw\] k must be up to 1e9 in size"):
        lambertw(1j, 10**10)
    with pytest.raises(TypeError, match=r"\[special.lambertw\] .*k"):
        lambertw(1.0, 0.5)


def test_through_scipy():
    x = np.array([-0.2, -0.05])
    t = pa.tensor(x, requires_grad=True)
    for k in (0, -1):
        y = sc.lambertw(t, k, tol=1e-3)
        np.testing.assert_allclose(y.detach().numpy(), sc.lambertw(x, k).real, rtol=1e-14)
        (slope,) = pa.grad(y.sum(), [t])
        np.testing.assert_allclose(slope.numpy(), (y / (x * (1 + y))).detach().numpy(), rtol=1e-14)
    z = x + 0.5j
    np.testing.assert_allclose(sc.lambertw(pa.tensor(z), 2).numpy(), sc.lambertw(z, 2), rtol=1e-14)
    with pytest.raises(TypeError, match=r"\[special.lambertw\] k must be one int"):
        sc.lambertw(t, [0, -1])
