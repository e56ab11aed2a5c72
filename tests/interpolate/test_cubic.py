"""Piecewise polynomials and cubic interpolants: SciPy's values, edges, bad input."""

import numpy as np
import pytest

import pyautograd as pa
from pyautograd import interpolate

pytest.importorskip("scipy", minversion="1.15")  # earlier ones have fewer arguments
scipy = pytest.importorskip("scipy.interpolate")

rng = np.random.default_rng(0)
BEYOND = [None, True, False, "periodic"]
ENDS = ["not-a-knot", "natural", "clamped", ("natural", "not-a-knot"), ("not-a-knot", "clamped")]


def close(got, want, bound=1e-12):
    got, want = got.numpy(), np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    scale = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    np.testing.assert_allclose(got, want, rtol=0, atol=bound * scale)


def numbers(shape, dtype):
    y = rng.standard_normal(shape)
    return y + 1j * rng.standard_normal(shape) if dtype is complex else y


def compared(make, x):
    """The polynomials of both, at the breakpoints and elsewhere, and what is made of them."""
    got, want = make(interpolate), make(scipy)
    close(got.c, want.c)
    assert got.axis == want.axis and got.extrapolate == want.extrapolate
    anywhere = rng.uniform(x[0] - 1, x[-1] + 1, 11)
    points = np.concatenate([x, anywhere[len(x) % 2 :], [np.nan]]).reshape(2, -1)
    for beyond in BEYOND:
        for nu in range(5):
            close(got(points, nu, beyond), want(points, nu, beyond), 1e-11)
        for a, b in [(x[0], x[-1]), (x[1], x[0]), (x[0] + 0.1, x[0] + 0.2), (x[0] - 1, x[-1] + 9)]:
            close(got.integrate(a, b, beyond), want.integrate(a, b, beyond), 1e-10)
    close(got(x[0]), want(x[0]))
    for nu in (1, 3, 4):
        close(got.derivative(nu)(points), want.derivative(nu)(points), 1e-11)
        close(got.antiderivative(nu)(points), want.antiderivative(nu)(points), 1e-10)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_splines(n, dtype):
    x = np.cumsum(rng.uniform(0.1, 1.0, n))
    for shape, axis in [((n,), 0), ((2, n, 3), 1), ((2, 3, n), -1)]:
        y = numbers(shape, dtype)
        slope = numbers(np.delete(shape, axis), dtype)
        for ends in [*ENDS, ((1, slope), (2, 2 * slope)), ((2, slope), "natural")]:
            compared(lambda of, y=y, axis=axis, ends=ends: of.CubicSpline(x, y, axis, ends), x)
        compared(lambda of, y=y, axis=axis: of.CubicHermiteSpline(x, y, y**2, axis), x)


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_periodic_splines(n):
    x, y = np.cumsum(rng.uniform(0.1, 1.0, n)), rng.standard_normal((n, 2))
    y[-1] = y[0]
    compared(lambda of: of.CubicSpline(x, y, bc_type="periodic"), x)
    spline = interpolate.CubicSpline(x, y, bc_type="periodic")
    for nu in range(3):
        close(spline(x[-1], nu, True), spline(x[0], nu).numpy(), 1e-11)


@pytest.mark.parametrize("n", [2, 3, 4, 9])
def test_interpolants_of_shape(n):
    """Values with flat parts, lines and turns among them."""
    x = np.cumsum(rng.uniform(0.1, 1.0, n))
    for y in (np.round(2 * rng.standard_normal((n, 5))), np.zeros(n), np.arange(n) * 2.0):
        compared(lambda of, y=y: of.PchipInterpolator(x, y), x)
        for method in ("akima", "makima"):
            if n > 2:
                compared(lambda of, y=y, m=method: of.Akima1DInterpolator(x, y, method=m), x)
    y = rng.standard_normal((2, n))
    got = interpolate.Akima1DInterpolator(x, y, 1, extrapolate=True)
    if n > 2:
        compared(lambda of: of.Akima1DInterpolator(x, y, 1, extrapolate=True), x)
    else:  # lines, which older releases of SciPy's miss
        np.testing.assert_allclose(got(x.mean()).numpy(), y.mean(1), rtol=1e-13)
        np.testing.assert_allclose(got(x, 2).numpy(), 0.0, atol=1e-9)


@pytest.mark.parametrize("x", [[0.0, 1, 1, 2, 3, 3], [4.0, 3, 1, 0.5, 0, -1], [0.0, 1, 2, 3, 4, 5]])
def test_polynomials_between_any_breakpoints(x):
    x, c = np.array(x), rng.standard_normal((3, 5, 2))
    got, want = interpolate.PPoly(c, x), scipy.PPoly(c, x)
    points = np.concatenate([x, rng.uniform(-2, 6, 9)])
    for beyond in BEYOND:
        close(got(points, 1, beyond), want(points, 1, beyond))
    close(got.antiderivative()(points), want.antiderivative()(points))
    for a, b in rng.uniform(x.min(), x.max(), (9, 2)):
        whole = want.antiderivative()
        close(got.integrate(a, b), whole(b) - whole(a))
    area = got.integrate(x[0] + 0.7, x[0] + 0.7 + 2.5 * (x[-1] - x[0]), "periodic")
    once = got.integrate(x[0], x[-1])
    rest = got.integrate(x[0] + 0.7, x[0] + 0.7 + 0.5 * (x[-1] - x[0]), "periodic")
    close(area, (2 * once + rest).numpy())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_in_front_of_the_powers(axis):
    c = rng.standard_normal((3, 2, 4, 3))
    x = np.arange(c.shape[axis + 1] + 1.0)
    got, want = interpolate.PPoly(c, x, axis=axis), scipy.PPoly(c, x, axis=axis)
    close(got.c, want.c)
    close(got([[0.3, 1.2]]), want([[0.3, 1.2]]))


def test_no_points_and_no_values():
    x = np.arange(4.0)
    assert interpolate.CubicSpline(x, x)([]).shape == (0,)
    for of in (
        interpolate.CubicSpline,
        interpolate.PchipInterpolator,
        interpolate.Akima1DInterpolator,
    ):
        assert of(x, np.zeros((4, 0)))([1.0, 2.0]).shape == (2, 0)


@pytest.mark.parametrize("dtype", ["float32", "int64", "complex64"])
def test_dtypes(dtype):
    """All is computed in double precision; gradients have the dtype of what they are of."""
    x, y = np.arange(5.0), np.arange(5) ** 2
    assert interpolate.CubicSpline(x.astype("f"), y.astype(dtype))(1.5).dtype == (
        complex if dtype == "complex64" else float
    )
    if dtype == "float32":
        slope = pa.func.grad(lambda y: interpolate.CubicSpline(x, y)(1.5))(pa.tensor(y.astype("f")))
        assert slope.dtype == np.float32


X, Y = np.arange(5.0), np.arange(5.0) ** 2
BAD = {
    "fewer-values": (lambda of: of.CubicSpline(X, Y[:4]), "5 sites"),
    "descending": (lambda of: of.CubicSpline(X[::-1], Y), "strictly increasing"),
    "repeated": (lambda of: of.PchipInterpolator(X // 2, Y), "strictly increasing"),
    "one-site": (lambda of: of.Akima1DInterpolator([1.0], [1.0]), "at least 2"),
    "nan": (lambda of: of.CubicSpline(X, Y * np.nan), "y must contain only finite"),
    "infinite-slope": (lambda of: of.CubicHermiteSpline(X, Y, Y + np.inf), "dydx must contain"),
    "complex-sites": (lambda of: of.CubicSpline(X + 0j, Y), "real"),
    "complex-pchip": (lambda of: of.PchipInterpolator(X, Y + 0j), "real"),
    "complex-akima": (lambda of: of.Akima1DInterpolator(X, Y + 0j), "real"),
    "slopes": (lambda of: of.CubicHermiteSpline(X, Y, Y[:4]), "differ"),
    "matrix-of-sites": (lambda of: of.CubicSpline(X[:, None], Y), "vector"),
    "unknown-end": (lambda of: of.CubicSpline(X, Y, bc_type="free"), "not known"),
    "three-ends": (lambda of: of.CubicSpline(X, Y, bc_type=("natural",) * 3), "2 elements"),
    "half-periodic": (lambda of: of.CubicSpline(X, Y, bc_type=("periodic", "natural")), "both"),
    "not-periodic": (lambda of: of.CubicSpline(X, Y, bc_type="periodic"), "the same"),
    "third": (lambda of: of.CubicSpline(X, Y, bc_type=((3, 0.0), (1, 0.0))), "1 or 2"),
    "numbers": (lambda of: of.CubicSpline(X, Y, bc_type=(1, 2)), r"\(order, value\)"),
    "end-shape": (lambda of: of.CubicSpline(X, Y, bc_type=((1, [0.0]), (1, 0.0))), "shape"),
    "order": (lambda of: of.CubicSpline(X, Y)(1.0, -1), "negative"),
    "vector-of-coefficients": (lambda of: of.PPoly([1.0], [0.0, 1.0]), "2 dimensions"),
    "no-coefficients": (lambda of: of.PPoly(np.zeros((0, 1)), [0.0, 1.0]), "coefficients"),
    "one-break": (lambda of: of.PPoly([[1.0]], [0.0]), "at least 2"),
    "intervals": (lambda of: of.PPoly([[1.0]], [0.0, 1.0, 2.0]), "2 intervals"),
    "disorder": (lambda of: of.PPoly([[1.0, 1.0]], [0.0, 1.0, 0.5]), "order"),
    "axis": (lambda of: of.PPoly([[1.0]], [0.0, 1.0], axis=2), "axis 2"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        call(interpolate)
    with pytest.raises(ValueError):
        call(scipy)


def test_more_bad_input():
    with pytest.raises(NotImplementedError, match="makima"):
        interpolate.Akima1DInterpolator(X, Y, method="spline")
    with pytest.raises(ValueError, match="not one of"):
        interpolate.CubicSpline(X, Y, axis=1)
    with pytest.raises(ValueError, match="real"):
        interpolate.CubicSpline(X, Y)(1j)
    with pytest.raises(ValueError, match="scalars"):
        interpolate.CubicSpline(X, Y).integrate([0.0], 1.0)
