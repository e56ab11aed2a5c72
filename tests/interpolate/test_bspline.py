"""Splines in the basis of B-splines, and what makes them: values, derivatives, bad input."""

from functools import partial

import numpy as np
import pytest
from support.captured import same
from support.modes import in_all_modes

import pyautograd as pa
from pyautograd import interpolate

pytest.importorskip("scipy", minversion="1.15")  # earlier ones have fewer arguments
scipy = pytest.importorskip("scipy.interpolate")

rng = np.random.default_rng(0)


def close(got, want, bound=1e-12):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    scale = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    np.testing.assert_allclose(got, want, rtol=0, atol=bound * scale)


def numbers(shape, dtype=float):
    y = rng.standard_normal(shape)
    return y + 1j * rng.standard_normal(shape) if dtype is complex else y


def knots(k, repeated):
    """Of which the outermost are the same, and two inside are."""
    t = np.sort(rng.uniform(0.0, 4.0, 2 * k + 6))
    if repeated:
        t[: k + 1], t[-k - 1 :], t[k + 2] = t[0], t[-1], t[k + 1]
    return t


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("k", range(6))
def test_values_and_what_is_made_of_them(k, repeated):
    t = knots(k, repeated)
    n = len(t) - k - 1
    points = np.concatenate([t, rng.uniform(t[0] - 1, t[-1] + 1, 9)])
    for shape, axis, dtype in [((n,), 0, complex), ((2, n, 3), 1, float), ((n,), 0, float)]:
        c = numbers(shape, dtype)
        got, want = (of.BSpline(t, c, k, axis=axis) for of in (interpolate, scipy))
        for beyond in (None, False, "periodic"):
            for nu in range(k + 1):
                close(got(points, nu, beyond), want(points, nu, beyond), 1e-9)
            if dtype is float:
                for a, b in [(t[k], t[-k - 1]), (t[-k - 1], t[k] + 0.1), (t[k] - 1, t[-k - 1] + 9)]:
                    close(got.integrate(a, b, beyond), want.integrate(a, b, beyond), 1e-9)
        assert np.isnan(got(np.nan).numpy()).all()
        close(got.antiderivative(2)(points), want.antiderivative(2)(points), 1e-9)
        if k > 1:
            close(got.derivative(k - 1)(points), want.derivative(k - 1)(points), 1e-9)
        inside = points[(points >= t[k]) & (points <= t[-k - 1])]
        close(interpolate.PPoly.from_spline(got)(inside), want(inside), 1e-9)
    inside = np.sort(rng.uniform(t[k], t[-k - 1], 5))
    matrix = interpolate.BSpline.design_matrix(inside, t, k)
    close(matrix.toarray(), scipy.BSpline.design_matrix(inside, t, k).toarray())
    close(matrix @ c, got(inside))


def test_further_coefficients_do_not_count():
    t, c = knots(3, True), numbers(12)
    want = interpolate.BSpline(t, c[: len(t) - 4], 3)
    got = interpolate.BSpline(t, c, 3)
    for f in (lambda s: s(1.5), lambda s: s.derivative()(1.5), lambda s: s.integrate(1.0, 2.0)):
        assert f(got).item() == f(want).item()


@pytest.mark.parametrize("k", range(1, 5))
def test_derivatives_by_knots_coefficients_and_points(k):
    t = np.cumsum(rng.uniform(0.2, 1.0, 2 * k + 4))
    c, points = numbers(k + 3), rng.uniform(t[k], t[-k - 1], 4)

    def f(t, c, points):
        spline = interpolate.BSpline(t, c, k)
        area = spline.integrate(points[0], points[1]) + spline.integrate(0.0, points[2], "periodic")
        return pa.concat([spline(points), spline(points, k - 1), area[None]])

    pa.testing.check_grads(f, (t, c, points), 2, eps=1e-6, atol=1e-4, rtol=1e-5)
    pa.testing.check_grads(
        lambda t, c, p: interpolate.BSpline(t, c, k)(p),
        (t, c, points),
        3,
        eps=1e-6,
        atol=1e-3,
        rtol=1e-5,
    )


@pytest.mark.parametrize("k", [2, 3])
def test_derivatives_at_repeated_knots(k):
    """They are those of the pieces, which have no empty intervals."""
    t = knots(k, True)
    spline = interpolate.BSpline(t, numbers(len(t) - k - 1), k)
    points, slope = pa.tensor(t), spline
    for nu in range(1, k + 2):
        slope = pa.func.grad(lambda p, f=slope: pa.sum(f(p)))
        close(slope(points), spline(points, nu).numpy(), 1e-9)


FITS = {
    "not-a-knot": lambda of, x, y, k, axis: of.make_interp_spline(x, y, k, axis=axis),
    "periodic": lambda of, x, y, k, axis: of.make_interp_spline(
        x, y, k, axis=axis, bc_type="periodic"
    ),
    "least-squares": lambda of, x, y, k, axis: of.make_lsq_spline(x, y, around(x, k), k, axis=axis),
    "weighted": lambda of, x, y, k, axis: of.make_lsq_spline(
        x, y, around(x, k), k, w=1 + x**2, axis=axis
    ),
}


def around(x, k):
    ends = [x[0]] * (k + 1), [x[-1]] * (k + 1)
    return np.array([*ends[0], *np.linspace(x[0], x[-1], len(x) // 2)[1:-1], *ends[1]])


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize("name", FITS)
def test_fits(name, k):
    for n in (2 * k + 4, 2 * k + 5, 30):
        x = np.linspace(0.0, 3.0, n) + rng.uniform(0.0, 1.5 / n, n)
        for shape, axis, dtype in [((n,), 0, float), ((2, n, 3), 1, float), ((n, 2), 0, complex)]:
            if name == "periodic" and (dtype is complex or k == 0):
                continue
            y = numbers(shape, dtype)
            if name == "periodic":
                y = np.moveaxis(y, axis, 0)
                y[-1] = y[0]
                y = np.moveaxis(y, 0, axis)
            got, want = (FITS[name](of, x, y, k, axis) for of in (interpolate, scipy))
            points = rng.uniform(x[0], x[-1], 9)
            close(got.t, want.t)
            close(got(points), want(points), 1e-9)
            assert got.extrapolate == want.extrapolate
            if name in ("not-a-knot", "periodic"):
                close(got(x), y, 1e-9)


def test_few_sites_of_a_period():
    for k in (2, 3, 4, 5):
        for n in (3, 4, 5):
            x, y = np.cumsum(rng.uniform(0.2, 1.0, n)), numbers(n)
            y[-1] = y[0]
            got, want = (
                of.make_interp_spline(x, y, k, bc_type="periodic") for of in (interpolate, scipy)
            )
            points = np.linspace(x[0], x[-1], 9)
            close(got(points), want(points), 1e-9)


def test_conditions_at_the_ends():
    x, y = np.cumsum(rng.uniform(0.2, 1.0, 9)), numbers((9, 2))
    values = numbers((4, 2))
    pairs = ([(1, values[0]), (2, values[1])], [(3, values[2]), (1, values[3])])
    points = np.linspace(x[0], x[-1], 9)
    for k, ends in [(3, "natural"), (3, "clamped"), (3, ("natural", "clamped")), (5, pairs)]:
        got, want = (of.make_interp_spline(x, y, k, bc_type=ends) for of in (interpolate, scipy))
        close(got(points), want(points), 1e-9)

    def at_the_start(v):
        ends = ([(1, v), (2, v)], pairs[1])
        return interpolate.make_interp_spline(x, y, 5, bc_type=ends)(x[0], 2)

    close(pa.func.jacfwd(at_the_start)(pa.tensor(values[0])), np.eye(2), 1e-9)
    cubic = interpolate.make_interp_spline(x, y, bc_type="natural")
    close(cubic(points), interpolate.CubicSpline(x, y, bc_type="natural")(points).numpy(), 1e-10)


X = np.array([0.0, 0.7, 1.1, 2.3, 3.1, 4.2, 4.6, 5.5, 6.1])
STEPS = np.array([0.3, -0.2, 0.5, 0.1, -0.4, 0.2, -0.1, 0.4, 0.0])


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("name", ["interpolating", "least-squares"])
def test_a_polynomial_is_its_own_spline(name, k):
    """Sites, values, knots, weights and points move along it, through the systems, too."""

    def f(t):
        x = X + 0.1 * t * STEPS
        if name == "interpolating":
            return interpolate.make_interp_spline(x, x**k, k)(1.9 + t)
        inside = pa.stack([1.0 + t, 2.0 - t, 4.0 + t**2])
        knots = pa.concat([pa.broadcast_to(x[0], k + 1), inside, pa.broadcast_to(x[-1], k + 1)])
        return interpolate.make_lsq_spline(x, x**k, knots, k, w=2 + pa.sin(x))(1.9 + t)

    one, power, expected = np.array(1.0), k, 1.0
    for order in range(1, 4):
        expected, power = expected * power, power - 1
        for value in in_all_modes(f, 0.0, *[one] * order):
            wanted = expected * 1.9**power if power >= 0 else 0.0
            assert value == pytest.approx(wanted, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", FITS)
def test_derivatives_and_transforms_of_fits(name):
    def f(x, y, points):
        y = pa.concat([y[:-1], y[:1]])
        return FITS[name](interpolate, x, y, 3, 0)(points)

    moving = f if name in ("not-a-knot", "periodic") else partial(f, X)
    y, points = numbers(9), np.array([0.3, 2.2, 5.9])
    args = (X, y, points)[-3 if moving is f else -2 :]
    pa.testing.check_grads(moving, args, 2, eps=1e-6, atol=1e-4, rtol=1e-5)

    def total(*a):
        return pa.sum(moving(*a) ** 2)

    rows = [pa.tensor(a * np.linspace(0.9, 1.0, 3)[:, None]) for a in args]
    for g in (total, pa.func.hessian(total, 0)):
        one_by_one = [g(*row) for row in zip(*rows, strict=True)]
        want = pa.stack(one_by_one)
        same(pa.func.vmap(g)(*rows), want, 1e-9)
        same(pa.func.vmap(partial(pa.checkpoint, g))(*rows), want, 1e-9)
        same(pa.captured(g)(*[r[0] for r in rows]), one_by_one[0], 1e-9)
        same(pa.captured(pa.func.vmap(g))(*rows), want, 1e-9)


T, C = np.arange(8.0), np.arange(4.0)
BAD = {
    "degree": lambda of: of.BSpline(T, C, -1),
    "matrix": lambda of: of.BSpline(T[:, None], C, 3),
    "few-knots": lambda of: of.BSpline(T[:6], C, 3),
    "few-coefficients": lambda of: of.BSpline(T, C[:3], 3),
    "disorder": lambda of: of.BSpline(T[::-1], C, 3),
    "all-the-same": lambda of: of.BSpline(T * 0, C, 3),
    "nan": lambda of: of.BSpline([*T[:-1], np.nan], C, 3),
    "order": lambda of: of.BSpline(T, C, 3).derivative(4),
    "no-derivative": lambda of: of.BSpline([0, 0, 1, 1, 2, 2], [1.0, 2, 3, 4], 1).derivative(),
    "beyond": lambda of: of.BSpline.design_matrix([9.0], T, 3),
    "sites": lambda of: of.make_interp_spline(T, C),
    "equal-sites": lambda of: of.make_interp_spline(T // 2, T),
    "descending": lambda of: of.make_interp_spline(-T, T),
    "infinite": lambda of: of.make_interp_spline(T, np.log(T)),
    "unknown-end": lambda of: of.make_interp_spline(T, T, bc_type="free"),
    "no-pair": lambda of: of.make_interp_spline(T, T, bc_type=3),
    "no-pairs": lambda of: of.make_interp_spline(T, T, bc_type=(3, 3)),
    "orders": lambda of: of.make_interp_spline(T, T, bc_type=([(4, 0.0)], [(1, 0.0)])),
    "count": lambda of: of.make_interp_spline(T, T, bc_type=([(1, 0.0)], None)),
    "not-periodic": lambda of: of.make_interp_spline(T, T, bc_type="periodic"),
    "k=0": lambda of: of.make_interp_spline(T, T, 0, t=T),
    "k=1": lambda of: of.make_interp_spline(T, T, 1, bc_type="natural"),
    "sites-beyond": lambda of: of.make_interp_spline(T, T, t=np.arange(12.0)),
    "weights": lambda of: of.make_lsq_spline(T, T, around(T, 3), w=C),
    "lsq-few-sites": lambda of: of.make_lsq_spline(T[:3], T[:3], around(T, 3)),
    "lsq-descending": lambda of: of.make_lsq_spline(T[::-1], T, around(T, 3)),
    "lsq-beyond": lambda of: of.make_lsq_spline(T, T, around(T / 2, 3)),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    for of in (interpolate, scipy):
        with pytest.raises(ValueError):
            BAD[name](of)


def test_systems_without_a_solution():
    sparse = np.array([*[0.0] * 4, 1.0, 2.0, 3.0, *[11.0] * 4])
    for of in (interpolate, scipy):
        with pytest.raises(NotImplementedError):
            of.make_interp_spline(T, T * 0, t=T, bc_type="periodic")
        with pytest.raises(np.linalg.LinAlgError):  # no site within the first B-spline
            of.make_interp_spline(T + 4, T, t=np.array([*np.linspace(0, 5, 8), *[11.0] * 4]))
    with pytest.raises(np.linalg.LinAlgError):
        interpolate.make_lsq_spline(T + 4, T, sparse)
