"""Lambert's W function against SciPy's, its definition, and at the edges of its branches."""

import numpy as np
import pytest
import scipy.special as sc

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
        assert outer(f)(z).item() == pytest.approx(first, rel=1e-13)
        for inner in (pa.func.grad, pa.func.jacfwd):
            assert outer(inner(f))(z).item() == pytest.approx(second, rel=1e-12)
    mapped = pa.func.vmap(pa.func.grad(pa.func.grad(f)))(pa.tensor([z, z]))
    np.testing.assert_allclose(mapped, [second, second], rtol=1e-12)


def test_taylor_series_at_zero():
    # The coefficients are (-n)^(n - 1) / n!.
    f = lambertw
    for n in range(1, 6):
        f = pa.func.grad(f)
        assert f(0.0).item() == pytest.approx((-n) ** (n - 1), rel=1e-12)


def test_refusals():
    with pytest.raises(ValueError, match=r"\[special.lambertw\] k must be 0 or -1, got 1"):
        lambertw(1.0, 1)
    with pytest.raises(TypeError, match=r"\[special.lambertw\] k must be an int, not float"):
        lambertw(1.0, 0.5)
    with pytest.raises(TypeError, match=r"\[special.lambertw\] takes real numbers"):
        lambertw(1j)
