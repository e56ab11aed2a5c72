"""Smoothing splines: SciPy's values, what they minimise, derivatives, bad input."""

from functools import partial

import numpy as np
import pytest
from support.captured import same
from support.modes import in_all_modes

import pyautograd as pa
from pyautograd.interpolate import make_smoothing_spline

pytest.importorskip("scipy", minversion="1.15")  # earlier ones have fewer arguments
scipy_spline = pytest.importorskip("scipy.interpolate").make_smoothing_spline
brentq = pytest.importorskip("scipy.optimize").brentq

rng = np.random.default_rng(0)
X, Y, W = np.cumsum(rng.uniform(0.2, 1.0, 9)), rng.standard_normal(9), rng.uniform(0.5, 2.0, 9)


@pytest.mark.parametrize("lam", [0.0, 1e-3, 1.0, 50.0])
@pytest.mark.parametrize("n", [5, 6, 40])
def test_values(n, lam):
    x, w = np.cumsum(rng.uniform(0.1, 1.0, n)), rng.uniform(0.5, 2.0, n)
    points = np.linspace(x[0] - 1, x[-1] + 1, 20)
    for y, axis in [(rng.standard_normal(n), 0), (rng.standard_normal((2, n, 3)), 1)]:
        for weights in (None, w):
            got = make_smoothing_spline(x, y, weights, lam, axis=axis)
            values = np.moveaxis(got(points).numpy(), axis, 0).reshape(20, -1)
            for j, line in enumerate(np.moveaxis(y, axis, 0).reshape(n, -1).T):
                want = scipy_spline(x, np.ascontiguousarray(line), weights, lam)
                np.testing.assert_allclose(got.t.numpy(), want.t, rtol=1e-15)
                np.testing.assert_allclose(values[:, j], want(points), atol=1e-9)


def test_it_is_a_minimum():
    """No other spline with these knots has a lower sum, of both parts."""
    spline = make_smoothing_spline(X, Y, W, 0.7)

    def cost(c):
        f = pa.interpolate.BSpline(spline.t, c, 3)
        curvature = pa.interpolate.PPoly.from_spline(f).derivative(2)
        a, b = curvature.c  # of the integral of its square
        h = curvature.x[1:] - curvature.x[:-1]
        bending = pa.sum(a**2 * h**3 / 3 + a * b * h**2 + b**2 * h)
        return pa.sum(W * (Y - f(X)) ** 2) + 0.7 * bending

    slope, H = pa.func.grad(cost)(spline.c), pa.func.hessian(cost)(spline.c)
    np.testing.assert_allclose(slope.numpy(), 0.0, atol=1e-11)
    assert np.linalg.eigvalsh(H.numpy()).min() > 0


def test_derivatives_by_everything():
    def f(x, y, w, lam, points):
        return make_smoothing_spline(x, y, w, lam)(points)

    at = (X, Y, W, np.array(0.7), np.array([0.9, 2.3, X[-1] + 0.5]))
    pa.testing.check_grads(f, at, 2, eps=1e-6, atol=1e-4, rtol=1e-5)
    pa.testing.check_grads(partial(f, X), at[1:], 3, eps=1e-6, atol=1e-3, rtol=1e-4)


def test_a_line_is_its_own_spline_at_every_strength():
    def f(t):
        x = X + 0.1 * t * Y
        return make_smoothing_spline(x, 2 * x + t**3, W + t**2, pa.exp(t))(1.3 + t)

    one = np.array(1.0)
    for order, expected in enumerate([2 + 3 * 0.04, 6 * 0.2, 6.0], 1):
        for value in in_all_modes(f, 0.2, *[one] * order):
            assert value == pytest.approx(expected, rel=1e-9, abs=0)


def test_transforms():
    def f(x, y, lam):
        return pa.sum(make_smoothing_spline(x, y, W, lam)(np.array([0.9, 2.3])) ** 2)

    shift = np.array([0.9, 1.0, 1.1])
    rows = [pa.tensor(np.multiply.outer(shift, a)) for a in (X, Y, 0.7)]
    for g in (f, pa.func.grad(f, (0, 1, 2)), pa.func.hessian(f, 1)):
        one_by_one = [g(*row) for row in zip(*rows, strict=True)]
        want = pa.tree.map(lambda *parts: pa.stack(parts), *one_by_one)
        same(pa.func.vmap(g)(*rows), want, 1e-10)
        same(pa.func.vmap(partial(pa.checkpoint, g))(*rows), want, 1e-10)
        same(pa.captured(g)(*[r[0] for r in rows]), one_by_one[0], 1e-10)


def noisy(n, length=1.0):
    draws = np.random.default_rng(n)
    x = np.cumsum(draws.uniform(0.5, 1.5, n)) * length / n
    return x, np.sin(10 * x / x[-1]) + 0.3 * draws.standard_normal(n), draws.uniform(0.5, 2.0, n)


def test_strength_by_cross_validation_is_scipys():
    for n in (20, 40, 60):
        x, y, w = noisy(n, n)
        points = np.linspace(x[0], x[-1], 30)
        for weights in (None, w):
            got, want = make_smoothing_spline(x, y, weights), scipy_spline(x, y, weights)
            np.testing.assert_allclose(got(points).numpy(), want(points), atol=2e-5)


@pytest.mark.parametrize("length", [0.3, 200.0])
def test_strength_by_cross_validation_is_a_minimum_where_scipys_is_none(length):
    """It looks no further than n and no closer than 1e-5, whatever the unit of the sites."""
    x, y, _ = noisy(60, length)

    def rest(f):
        return np.sum((y - f(x)) ** 2)

    def score(f):
        power = brentq(lambda p: rest(scipy_spline(x, y, lam=np.exp(p))) - rest(f), -30, 30)
        A = np.stack([scipy_spline(x, e, lam=np.exp(power))(x) for e in np.eye(60)], 1)
        return np.sum((y - A @ y) ** 2) / (1 - np.trace(A) / 60) ** 2, power

    ours, power = score(lambda p: make_smoothing_spline(x, y)(p).numpy())
    assert ours < score(scipy_spline(x, y))[0]
    for other in (power - 0.1, power + 0.1):
        assert ours < score(scipy_spline(x, y, lam=np.exp(other)))[0]


def test_derivatives_by_the_data_of_cross_validation():
    def f(x, y, w):
        return make_smoothing_spline(x, y, w)(0.37)

    at = noisy(12)
    pa.testing.check_grads(f, at, 2, eps=1e-6, atol=1e-3, rtol=1e-4)


def test_columns_have_strengths_of_their_own():
    x, y, _ = noisy(30, 30)
    table = np.stack([[y, y[::-1]], [np.cos(y), 2 * y]])
    got = make_smoothing_spline(x, table, axis=-1)(11.5).numpy()
    one_by_one = [[make_smoothing_spline(x, y)(11.5).item() for y in row] for row in table]
    np.testing.assert_allclose(got, one_by_one, rtol=1e-9)
    mapped = pa.func.vmap(lambda y: make_smoothing_spline(x, y)(11.5))(table[0])
    np.testing.assert_allclose(mapped.numpy(), one_by_one[0], rtol=1e-9)


def test_few_values_are_interpolated_where_that_predicts_best():
    x, y, _ = noisy(5, 5)
    np.testing.assert_allclose(make_smoothing_spline(x, y)(x).numpy(), y, atol=1e-9)


def test_captured_calls_find_strengths_of_their_own():
    x, y, _ = noisy(20)

    def f(y):
        return make_smoothing_spline(x, y)(0.5)

    for g in (f, pa.func.grad(f)):
        call = pa.captured(g)
        for values in (y, y[::-1], np.cos(y)):
            same(call(pa.tensor(values)), g(pa.tensor(values)), 1e-12)


def test_cross_validation_of_lines_and_of_nothing():
    x = np.cumsum(rng.uniform(0.5, 1.5, 20))
    np.testing.assert_allclose(make_smoothing_spline(x, 2 * x - 1)(3.3).item(), 5.6, rtol=1e-9)
    assert make_smoothing_spline(x, 0 * x)(3.3).item() == 0.0


BAD = {
    "few-sites": lambda of: of(X[:4], Y[:4], lam=1.0),
    "values": lambda of: of(X, Y[:5], lam=1.0),
    "descending": lambda of: of(X[::-1], Y, lam=1.0),
    "weights": lambda of: of(X, Y, W - 1.0, lam=1.0),
    "strength": lambda of: of(X, Y, lam=-1.0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    for of in (make_smoothing_spline, scipy_spline):
        with pytest.raises(ValueError):
            BAD[name](of)


def test_more_bad_input():
    with pytest.raises(ValueError, match="w of shape"):
        make_smoothing_spline(X, Y, W[:3], 1.0)
