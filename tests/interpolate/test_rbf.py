"""Radial basis functions: SciPy's values, derivatives in everything, bad input."""

from functools import partial

import numpy as np
import pytest
from support.captured import same

import pyautograd as pa
from pyautograd.interpolate import RBFInterpolator

pytest.importorskip("scipy", minversion="1.15")  # earlier ones have fewer arguments
scipy = pytest.importorskip("scipy.interpolate")

rng = np.random.default_rng(0)
SINGULAR = ["linear", "thin_plate_spline", "cubic", "quintic"]
SMOOTH = ["multiquadric", "inverse_multiquadric", "inverse_quadratic", "gaussian"]
SITES, VALUES, POINTS = rng.uniform(-1, 2, (14, 2)), rng.standard_normal(14), rng.random((4, 2))


@pytest.mark.parametrize("kernel", SINGULAR + SMOOTH)
def test_values(kernel):
    for width, rest, dtype in [(20, (), float), (5, (2, 1), float), (3, (), complex)]:
        dimensions = {20: 1, 5: 2, 3: 3}[width]
        y = np.stack(np.meshgrid(*[np.linspace(-1.0, 3.0, width)] * dimensions), -1)
        y = y.reshape(-1, dimensions)[:25]
        y = y + rng.uniform(-1.0, 1.0, y.shape) / width
        n = len(y)
        d = rng.standard_normal((n, *rest)).astype(dtype) * (1j + 1 if dtype is complex else 1)
        x = np.concatenate([y[:2], rng.uniform(-2.0, 4.0, (5, dimensions))])
        for degree in (None, 2, -1):
            for smoothing in (0.0, rng.uniform(0.1, 1.0, n)):
                options = {"kernel": kernel, "degree": degree, "smoothing": smoothing}
                options["epsilon"] = 0.3 * width
                if degree == -1 and kernel == "thin_plate_spline":
                    continue  # next to singular
                got = RBFInterpolator(y, d, **options)(x).numpy()
                want = scipy.RBFInterpolator(y, d, **options)(x)
                assert got.shape == want.shape and got.dtype == want.dtype
                np.testing.assert_allclose(got, want, atol=1e-8 * abs(want).max())


@pytest.mark.parametrize("kernel", SINGULAR + SMOOTH)
def test_derivatives_by_everything(kernel):
    def f(y, d, x, smoothing, epsilon):
        return RBFInterpolator(y, d, None, smoothing, kernel, epsilon)(x)

    at = (SITES, VALUES, POINTS, 0.1 * np.ones(14), np.array(1.3))
    pa.testing.check_grads(f, at, 2, eps=1e-6, atol=1e-4, rtol=1e-5)
    pa.testing.check_grads(partial(f, *at[:2]), at[2:], 3, eps=1e-6, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("kernel", ["thin_plate_spline", "gaussian"])
def test_values_by_the_nearest_sites(kernel):
    y, x = rng.random((60, 2)), rng.random((40, 2))
    for rest in ((), (2, 3)):
        d = rng.standard_normal((60, *rest))
        for neighbors, smoothing in ((1, 0.0), (7, rng.uniform(0.1, 1.0, 60)), (100, 0.1)):
            degree = 0 if neighbors == 1 else None
            if degree == 0 and kernel == "thin_plate_spline":
                continue
            options = {"kernel": kernel, "epsilon": 2.0, "degree": degree, "smoothing": smoothing}
            got = RBFInterpolator(y, d, neighbors, **options)
            want = scipy.RBFInterpolator(y, d, neighbors, **options)(x)
            np.testing.assert_allclose(got(x).numpy(), want, atol=1e-8)
            assert got(x[:0]).shape == (0, *rest)


def test_many_points_are_looked_for_in_parts(monkeypatch):
    spline = RBFInterpolator(SITES, VALUES, 6)
    whole = spline(POINTS).numpy()
    monkeypatch.setattr("pyautograd.interpolate._rbf._MOST_DIFFERENCES", 40)
    np.testing.assert_array_equal(spline(POINTS).numpy(), whole)


def test_derivatives_by_the_nearest_sites():
    def f(y, d, x, smoothing, epsilon):
        return RBFInterpolator(y, d, 6, smoothing, "gaussian", epsilon)(x)

    at = (SITES, VALUES, POINTS, 0.1 * np.ones(14), np.array(1.3))
    pa.testing.check_grads(f, at, 2, eps=1e-6, atol=1e-4, rtol=1e-5)
    columns = pa.tensor(np.stack([VALUES, VALUES[::-1]]))
    mapped = pa.func.vmap(lambda d: f(SITES, d, *at[2:]))(columns)
    same(mapped[1], f(SITES, VALUES[::-1], *at[2:]), 1e-10)
    gradient = pa.func.grad(lambda d: pa.sum(f(SITES, d, *at[2:])))
    same(pa.captured(gradient)(columns[0]), gradient(columns[0]), 1e-10)


def test_complex_values():
    def f(d, x):
        return RBFInterpolator(SITES, d, kernel="cubic")(x)

    pa.testing.check_grads(f, (VALUES + 1j * VALUES[::-1], POINTS), 2)


def test_polynomials_are_reproduced_wherever_sites_move():
    def f(t):
        sites = SITES + 0.1 * t * np.cos(9 * SITES)
        values = sites[:, 0] ** 2 - 2 * sites[:, 0] * sites[:, 1]
        at = pa.stack([0.3 + t, 0.7 - t])
        return RBFInterpolator(sites, values, kernel="quintic")(at[None])[0]

    t, slope = pa.tensor(0.2), f  # (0.3 + t)^2 - 2 (0.3 + t) (0.7 - t) = 3 t^2 - 0.2 t - 0.33
    for expected in (3 * 0.04 - 0.04 - 0.33, 1.0, 6.0):
        assert slope(t).item() == pytest.approx(expected, rel=1e-8, abs=0)
        slope = pa.func.grad(slope)


@pytest.mark.parametrize("kernel", SINGULAR + SMOOTH)
def test_derivatives_at_a_site(kernel):
    """Those that the kernel has there are limits; the others are finite."""
    field = RBFInterpolator(SITES, VALUES, kernel=kernel, epsilon=1.3)

    def f(x):
        return field(x[None])[0]

    at, near = pa.tensor(SITES[3]), pa.tensor(SITES[3] + 1e-7)
    slope, curve = pa.func.grad(f), pa.func.hessian(f)
    assert np.all(np.isfinite(curve(at).numpy()))
    if kernel != "linear":
        np.testing.assert_allclose(slope(at).numpy(), slope(near).numpy(), rtol=1e-4, atol=1e-4)
    if kernel not in ("linear", "thin_plate_spline"):
        np.testing.assert_allclose(curve(at).numpy(), curve(near).numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kernel", ["thin_plate_spline", "gaussian"])
def test_transforms(kernel):
    def f(y, d, x, epsilon):
        return pa.sum(RBFInterpolator(y, d, None, 0.1, kernel, epsilon)(x) ** 2)

    shift = np.array([0.9, 1.0, 1.1])
    rows = [pa.tensor(a * shift.reshape(3, *[1] * a.ndim)) for a in (SITES, VALUES, POINTS)]
    rows.append(pa.tensor(shift))
    for g in (f, pa.func.grad(f, (0, 1, 2, 3)), pa.func.hessian(f, 2)):
        one_by_one = [g(*row) for row in zip(*rows, strict=True)]
        want = pa.tree.map(lambda *parts: pa.stack(parts), *one_by_one)
        same(pa.func.vmap(g)(*rows), want, 1e-9)
        same(pa.func.vmap(partial(pa.checkpoint, g))(*rows), want, 1e-9)
        same(pa.captured(g)(*[r[0] for r in rows]), one_by_one[0], 1e-9)


BAD = {
    "vector-of-sites": lambda of: of(VALUES, VALUES),
    "values": lambda of: of(SITES, VALUES[:5]),
    "kernel": lambda of: of(SITES, VALUES, kernel="wave"),
    "epsilon": lambda of: of(SITES, VALUES, kernel="gaussian"),
    "smoothing": lambda of: of(SITES, VALUES, smoothing=np.ones(3)),
    "few-sites": lambda of: of(SITES[:2], VALUES[:2]),
    "degree": lambda of: of(SITES, VALUES, degree=-2),
    "points": lambda of: of(SITES, VALUES)(np.ones((3, 3))),
    "point": lambda of: of(SITES, VALUES)(np.ones(2)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    for of in (RBFInterpolator, scipy.RBFInterpolator):
        with pytest.raises(ValueError):
            BAD[name](of)


def test_systems_without_one_solution():
    for neighbors in (0, 2):
        with pytest.raises(ValueError, match=f"as many sites, not {neighbors}"):
            RBFInterpolator(SITES, VALUES, neighbors)
    for of in (RBFInterpolator, scipy.RBFInterpolator):
        with pytest.raises(np.linalg.LinAlgError):  # one site twice
            of(np.ones((2, 1)), np.arange(2.0), kernel="gaussian", epsilon=1.0, degree=-1)
        with pytest.warns(UserWarning, match="degree"):
            of(SITES, VALUES, degree=0)
