"""Derivatives of interpolants in points, values and sites, at edges and under every transform."""

from functools import partial

import numpy as np
import pytest
from support.captured import same
from support.modes import in_all_modes

import pyautograd as pa
from pyautograd import interpolate

X = np.array([0.0, 0.7, 1.1, 2.3, 3.1, 4.2, 4.6])
Y = np.array([0.3, 1.2, 0.9, -0.4, -1.7, 0.5, 0.3])
POINTS = np.array([0.2, 1.3, 2.9, 4.5, 5.0])
MAKERS = {
    **{
        f"spline-{ends}": lambda x, y, ends=ends: interpolate.CubicSpline(
            x, y, bc_type=ends, extrapolate=True
        )
        for ends in ("not-a-knot", "natural", "clamped", "periodic")
    },
    "pchip": interpolate.PchipInterpolator,
    **{
        method: lambda x, y, method=method: interpolate.Akima1DInterpolator(
            x, y, method=method, extrapolate=True
        )
        for method in ("akima", "makima")
    },
    "hermite": lambda x, y: interpolate.CubicHermiteSpline(x, y, y**2),
}


def closed(y):
    """With an end that is the start, whatever moves."""
    return pa.concat([y[:-1], y[:1]])


@pytest.mark.parametrize("name", MAKERS)
def test_orders_in_all_modes(name):
    def f(x, y, points):
        return MAKERS[name](x, closed(y))(points)

    pa.testing.check_grads(f, (X, Y, POINTS), order=2, eps=1e-6, atol=1e-5, rtol=1e-5)
    pa.testing.check_grads(lambda *a: f(*a)[1:3], (X, Y, POINTS), 3, eps=1e-6, atol=1e-4, rtol=1e-5)


def test_a_cubic_is_its_own_spline():
    """Sites, values and points move along it, through the system of the slopes, too."""
    steps = np.array([0.3, -0.2, 0.5, 0.1, -0.4, 0.2, -0.1])

    def f(t):
        x = X + 0.1 * t * steps
        ends = ((1, 3 * x[0] ** 2), (2, 6 * x[-1]))
        splines = [interpolate.CubicSpline(x, x**3, bc_type=e) for e in ("not-a-knot", ends)]
        hermite = interpolate.CubicHermiteSpline(x, x**3, 3 * x**2)
        return pa.stack([spline(1.9 + t) for spline in (*splines, hermite)])

    for i in range(3):
        for order, expected in enumerate([3 * 1.9**2, 6 * 1.9, 6.0], 1):
            one = np.array(1.0)
            for value in in_all_modes(lambda t, i=i: f(t)[i], 0.0, *[one] * order):
                assert value == pytest.approx(expected, rel=1e-11, abs=0)


def test_conditions_at_the_ends():
    def f(start, end):
        spline = interpolate.CubicSpline(X, Y, bc_type=((1, start), (2, end)))
        return pa.stack([spline(X[0], 1), spline(X[-1], 2), spline(2.0)])

    start, end = pa.tensor(0.5), pa.tensor(-1.0)
    J = pa.func.jacrev(f, (0, 1))(start, end)
    np.testing.assert_allclose(J[0].numpy()[:2], [1, 0], atol=1e-14)
    np.testing.assert_allclose(J[1].numpy()[:2], [0, 1], atol=1e-14)
    # linear in both
    moved = f(start + 1.0, end + 2.0) - f(start, end)
    np.testing.assert_allclose(moved.numpy(), (J[0] + 2 * J[1]).numpy(), atol=1e-13)


def test_complex_values():
    y = Y + 1j * np.cos(Y)
    pa.testing.check_grads(lambda y, p: interpolate.CubicSpline(X, y)(p), (y, POINTS), order=2)
    pa.testing.check_grads(lambda x: interpolate.CubicSpline(x, y)(POINTS), (X,), order=2)


@pytest.mark.parametrize("name", MAKERS)
def test_derivatives_by_points_are_those_asked_for(name):
    poly = MAKERS[name](X, np.array([*Y[:-1], Y[0]]))
    points, slope = pa.tensor([*X[1:-1], *POINTS]), poly  # at the breakpoints, too
    for nu in (1, 2, 3, 4):
        slope = pa.func.grad(lambda p, f=slope: pa.sum(f(p)))
        want = poly(points, nu).numpy()
        np.testing.assert_allclose(slope(points).numpy(), want, atol=1e-12 * abs(want).max())


@pytest.mark.parametrize("beyond", [True, "periodic"])
def test_integrals(beyond):
    def f(x, y, a, b):
        return interpolate.CubicSpline(x, y).integrate(a, b, beyond)

    for a, b in [(0.3, 2.9), (4.1, 0.2), (-1.0, 12.0), (0.3, 0.4)]:
        pa.testing.check_grads(f, (X, Y, a, b), order=2, atol=1e-5)
    spline = interpolate.CubicSpline(X, Y)
    for a, b in [(0.7, 2.3), (2.3, 0.7), (1.1, 1.1)]:  # at breakpoints
        slopes = pa.func.grad(spline.integrate, (0, 1))(a, b)
        want = [-spline(a).item(), spline(b).item()]
        assert [s.item() for s in slopes] == pytest.approx(want, rel=1e-12, abs=0)


def test_antiderivatives():
    def f(x, y):
        return interpolate.CubicSpline(x, y).antiderivative(2)(POINTS)

    pa.testing.check_grads(f, (X, Y), order=2)


FLAT = {
    "constant": np.zeros(6),
    "line": np.arange(6.0),
    "steps": np.array([0.0, 0, 1, 1, 0, 0]),
    "turns": np.array([0.0, 1, 0, 1, 0, 1]),
}


@pytest.mark.parametrize("values", FLAT)
@pytest.mark.parametrize("name", ["pchip", "akima", "makima"])
def test_where_slopes_are_alike_or_zero(name, values):
    """All derivatives are finite; the values at the sites are those given, whatever they do."""
    y, x = pa.tensor(FLAT[values]), np.arange(6.0)

    def f(y):
        return MAKERS[name](x, y)(np.array([0.5, 1.0, 2.2, 3.0, 4.7]))

    J, H = pa.func.jacfwd(f)(y), pa.func.jacfwd(pa.func.jacrev(f))(y)
    np.testing.assert_allclose(pa.func.jacrev(f)(y).numpy(), J.numpy(), atol=1e-14)
    assert np.all(np.isfinite(J.numpy())) and np.all(np.isfinite(H.numpy()))
    np.testing.assert_allclose(J.numpy()[[1, 3]], np.eye(6)[[1, 3]], atol=1e-14)
    np.testing.assert_allclose(J.numpy().sum(1), 1.0, atol=1e-13)  # f(y + t) = f(y) + t


def test_slopes_of_pchip_are_harmonic_means():
    def slope(y):
        return interpolate.PchipInterpolator([0.0, 1.0, 2.0], y)(1.0, 1)

    y = np.array([0.0, 1.0, 3.0])
    one, two = 2 * 2**2 / 3**2, 2 * 1**2 / 3**2  # of 2ab / (a + b), a = 1 and b = 2
    np.testing.assert_allclose(pa.func.grad(slope)(y).numpy(), [-one, one - two, two], rtol=1e-14)
    equal = pa.func.grad(slope)(np.array([0.0, 1.0, 2.0])).numpy()
    np.testing.assert_allclose(equal, [-0.5, 0.0, 0.5], atol=1e-15)


@pytest.mark.parametrize("name", MAKERS)
def test_transforms(name):
    """vmap of everything, checkpoints and captured calls are the function, one after the other."""

    def f(x, y, points):
        poly = MAKERS[name](x, closed(y))
        return pa.sum(poly(points) ** 2) + poly.integrate(points[0], points[1])

    shift = np.linspace(0.9, 1.2, 3)[:, None]
    rows = [pa.tensor(v * shift) for v in (X, Y, POINTS)]
    for g in (f, pa.func.grad(f, (0, 1, 2)), pa.func.hessian(f, 1)):
        one_by_one = [g(*row) for row in zip(*rows, strict=True)]
        want = pa.tree.map(lambda *parts: pa.stack(parts), *one_by_one)
        same(pa.func.vmap(g)(*rows), want, 1e-11)
        same(pa.func.vmap(partial(pa.checkpoint, g))(*rows), want, 1e-11)
        for call, at in (
            (pa.captured(g), [r[0] for r in rows]),
            (pa.captured(pa.func.vmap(g)), rows),
        ):
            same(call(*at), want if at is rows else one_by_one[0], 1e-11)
            same(call(*at), want if at is rows else one_by_one[0], 1e-11)


def test_captured_calls_check_what_they_are_given():
    call = pa.captured(lambda x, y: interpolate.CubicSpline(x, y)(0.5))
    x, y = pa.tensor(X), pa.tensor(Y)
    want = interpolate.CubicSpline(X, Y)(0.5).item()
    assert call(x, y).item() == want
    with pytest.raises(ValueError, match="strictly increasing"):
        call(pa.tensor(X[::-1].copy()), y)
    assert call(x, y).item() == want


def test_breakpoints_that_fall_where_nobody_can_look():
    c = np.arange(12.0).reshape(2, 6)
    both = pa.tensor(np.stack([X, X[::-1]]))
    want = [interpolate.PPoly(c, x)(1.4).item() for x in both]
    areas = [interpolate.PPoly(c, x).integrate(0.2, 1.4).item() for x in both]
    f, area = (
        (lambda x: interpolate.PPoly(c, x)(1.4)),
        lambda x: interpolate.PPoly(c, x).integrate(0.2, 1.4),
    )
    np.testing.assert_allclose(pa.func.vmap(f)(both).numpy(), want, rtol=1e-13)
    np.testing.assert_allclose(pa.func.vmap(area)(both).numpy(), areas, rtol=1e-13)
    call = pa.captured(f)
    assert [call(x).item() for x in both] == want
