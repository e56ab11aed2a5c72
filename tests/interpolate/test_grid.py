"""Interpolation on grids: SciPy's values, derivatives in everything, bad input."""

from functools import partial

import numpy as np
import pytest
from support.captured import same

import pyautograd as pa
from pyautograd import interpolate

pytest.importorskip("scipy", minversion="1.15")  # earlier ones have fewer arguments
scipy = pytest.importorskip("scipy.interpolate")
spsolve = pytest.importorskip("scipy.sparse.linalg").spsolve

rng = np.random.default_rng(0)
SPLINES = ["slinear", "cubic", "quintic"]
METHODS = ["linear", "nearest", *SPLINES, "pchip"]


def close(got, want, bound=1e-10):
    got, want = got.numpy(), np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    scale = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    np.testing.assert_allclose(got, want, rtol=0, atol=bound * scale)


def grid_of(count):
    """The second axis falls."""
    grid = [np.cumsum(rng.uniform(0.1, 1.0, n)) for n in (7, 6, 8)[:count]]
    return [x[::-1] if i == 1 else x for i, x in enumerate(grid)]


def inside(grid, count):
    """Some points, of which the first are on the grid."""
    points = np.stack([rng.uniform(x.min(), x.max(), count) for x in grid], -1)
    points[0], points[1] = [x[-1] for x in grid], [x[2] for x in grid]
    return points


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_values(count, method, dtype):
    if method == "pchip" and dtype is complex:
        return
    exact = {"solver": spsolve} if method in SPLINES else {}
    grid = grid_of(count)
    for rest in ((), (2,)):
        values = rng.standard_normal((*map(len, grid), *rest))
        if dtype is complex:
            values = values + 1j * rng.standard_normal(values.shape)
        points = inside(grid, 10)
        beyond = 1.5 * points - 0.3
        if method != "pchip":
            beyond[3] = np.nan
        got = interpolate.RegularGridInterpolator(grid, values, method)
        want = scipy.RegularGridInterpolator(grid, values, method, **exact)
        close(got(points), want(points))
        close(got(points[0]), want(points[0]))
        if exact:
            close(got(points, nu=[1] * count), want(points, nu=[1] * count), 1e-9)
        for fill in (None, 0.5, np.nan):
            got = interpolate.RegularGridInterpolator(grid, values, method, False, fill)
            want = scipy.RegularGridInterpolator(grid, values, method, False, fill, **exact)
            close(got(beyond), want(beyond), 1e-9)
            if count > 1:
                apart = tuple(beyond.T.reshape(count, 2, 5))
                close(got(apart), want(apart), 1e-9)


def test_other_methods_of_a_call_and_interpn():
    grid = grid_of(2)
    values, points = rng.standard_normal((7, 6)), inside(grid, 5)
    table = interpolate.RegularGridInterpolator(grid, values)
    for method in METHODS:
        exact = f"{method}_legacy" if method in SPLINES else method  # SciPy's new ones iterate
        want = scipy.interpn(grid, values, points, exact)
        close(interpolate.interpn(grid, values, points, method), want)
        close(table(points, method), want)


def test_axes_of_one_site():
    for method in ("linear", "nearest"):
        tables = [
            of.RegularGridInterpolator(([1.0], [0.0, 2.0]), [[3.0, 5.0]], method, False, None)
            for of in (interpolate, scipy)
        ]
        close(tables[0]([[1.0, 0.5], [4.0, 1.5]]), tables[1]([[1.0, 0.5], [4.0, 1.5]]))


@pytest.mark.parametrize("method", METHODS)
def test_derivatives_by_everything(method):
    grid = [np.cumsum(rng.uniform(0.3, 1.0, n)) for n in (6, 7)]
    values, points = rng.standard_normal((6, 7)), inside(grid, 4)[2:]

    def f(x, y, values, points):
        table = interpolate.RegularGridInterpolator((x, y), values, method)
        return table(points)

    pa.testing.check_grads(f, (*grid, values, points), 2, eps=1e-6, atol=1e-4, rtol=1e-5)
    pa.testing.check_grads(f, (*grid, values, points), 3, eps=1e-6, atol=1e-2, rtol=1e-4)


def test_derivatives_by_points_are_those_asked_for():
    grid = [np.cumsum(rng.uniform(0.3, 1.0, n)) for n in (6, 7)]
    values, points = rng.standard_normal((6, 7)), pa.tensor(inside(grid, 5))
    for method in SPLINES:
        table = interpolate.RegularGridInterpolator(grid, values, method)
        slopes = pa.func.grad(lambda p, table=table: pa.sum(table(p)))(points)
        close(slopes, np.stack([table(points, nu=nu) for nu in ((1, 0), (0, 1))], -1), 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_transforms(method):
    grid = [np.cumsum(rng.uniform(0.3, 1.0, n)) for n in (6, 7)]
    values, points = rng.standard_normal((3, 6, 7)), np.stack([inside(grid, 4)] * 3)
    rows = [pa.tensor(grid[0] * np.array([[1.0], [1.01], [1.02]])), pa.tensor(values)]
    rows.append(pa.tensor(points * 0.9))

    def f(x, values, points):
        return pa.sum(interpolate.interpn((x, grid[1]), values, points, method, False, None) ** 2)

    for g in (f, pa.func.grad(f, (0, 1, 2)), pa.func.hessian(f, 2)):
        one_by_one = [g(*row) for row in zip(*rows, strict=True)]
        want = pa.tree.map(lambda *parts: pa.stack(parts), *one_by_one)
        same(pa.func.vmap(g)(*rows), want, 1e-10)
        same(pa.func.vmap(partial(pa.checkpoint, g))(*rows), want, 1e-10)
        same(pa.captured(g)(*[r[0] for r in rows]), one_by_one[0], 1e-10)
        same(pa.captured(pa.func.vmap(g))(*rows), want, 1e-10)


def test_beyond_the_grid_where_nobody_can_look():
    table = interpolate.RegularGridInterpolator(([0.0, 1.0],), [2.0, 3.0])
    points = np.array([[0.5], [1.5]])
    with pytest.raises(ValueError, match="beyond the grid"):
        table(points)
    np.testing.assert_array_equal(pa.func.vmap(table)(points).numpy(), [[2.5], [np.nan]])
    call = pa.captured(table)
    assert call(pa.tensor([0.5])).tolist() == [2.5]
    with pytest.raises(ValueError, match="beyond the grid"):
        call(pa.tensor([1.5]))


def test_axes_that_fall_where_nobody_can_look():
    x, values = np.array([0.0, 1.0, 3.0]), np.array([5.0, 2.0, 7.0])
    rows = np.stack([x, x[::-1]]), np.stack([values, values[::-1]])
    f = partial(interpolate.interpn, xi=np.array([[0.3], [2.0]]), method="linear")
    got = pa.func.vmap(lambda x, values: f((x,), values))(*rows)
    np.testing.assert_allclose(got.numpy(), [[4.1, 4.5]] * 2, rtol=1e-14)


X, V = [0.0, 1.0, 2.0, 3.0], np.arange(16.0).reshape(4, 4)
BAD = {
    "method": lambda of: of.RegularGridInterpolator((X, X), V, "spline"),
    "axes": lambda of: of.RegularGridInterpolator((X, X, X), V),
    "sites": lambda of: of.RegularGridInterpolator((X, X[:3]), V),
    "matrix": lambda of: of.RegularGridInterpolator((X, [X]), V),
    "disorder": lambda of: of.RegularGridInterpolator((X, [0.0, 2.0, 1.0, 3.0]), V),
    "few-sites": lambda of: of.RegularGridInterpolator((X, X), V, "quintic"),
    "complex-fill": lambda of: of.RegularGridInterpolator((X, X), V, fill_value=1j),
    "complex-pchip": lambda of: of.RegularGridInterpolator((X, X), V + 0j, "pchip"),
    "nan": lambda of: of.RegularGridInterpolator((X, X), V)([np.nan, 1.0]),
    "dimensions": lambda of: of.RegularGridInterpolator((X, X), V)([[1.0, 2.0, 3.0]]),
    "vector": lambda of: of.interpn((X, X), V, [1.0, 2.0, 3.0]),
    "derivative": lambda of: of.RegularGridInterpolator((X, X), V)([1.0, 2.0], nu=[1, 0]),
    "orders": lambda of: of.RegularGridInterpolator((X, X), V, "cubic")([1.0, 2.0], nu=[1]),
    "negative": lambda of: of.RegularGridInterpolator((X, X), V, "cubic")([1.0, 2.0], nu=[-1, 0]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    for of in (interpolate, scipy):
        with pytest.raises(ValueError):
            BAD[name](of)
