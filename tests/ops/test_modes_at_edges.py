"""At edges, kinks and poles every mode returns the same, and the docstring says what that is."""

import math

import numpy as np
import pytest
from support.modes import in_all_modes

import pyautograd as pa

INF, NAN = math.inf, math.nan


# What is returned at the point, at first and second order, and how the docstring says it.
EDGES = [
    ("absolute", pa.absolute, 0.0, (0, 0), "derivative at 0 is 0"),
    ("fabs", pa.fabs, 0.0, (0, 0), "derivative at 0 is 0"),
    ("relu", pa.relu, 0.0, (0, 0), "derivative at 0 is 0"),
    ("sign", pa.sign, 0.0, (0, 0), "derivative is 0"),
    ("floor", pa.floor, 1.0, (0, 0), "derivative is 0"),
    ("ceil", pa.ceil, 1.0, (0, 0), "derivative is 0"),
    ("trunc", pa.trunc, 1.0, (0, 0), "derivative is 0"),
    ("round", pa.round, 0.5, (0, 0), "derivative is 0"),
    ("sqrt", pa.sqrt, 0.0, (INF, -INF), "derivative at 0 is infinite"),
    ("cbrt", pa.cbrt, 0.0, (INF, -INF), "derivative at 0 is infinite"),
    ("rsqrt", pa.rsqrt, 0.0, (-INF, INF), "derivative at 0 is infinite"),
    ("reciprocal", pa.reciprocal, 0.0, (-INF, INF), "derivative at 0 is infinite"),
    ("log", pa.log, 0.0, (INF, -INF), "derivative at 0 is infinite"),
    ("log2", pa.log2, 0.0, (INF, -INF), "derivative at 0 is infinite"),
    ("log10", pa.log10, 0.0, (INF, -INF), "derivative at 0 is infinite"),
    ("log1p", pa.log1p, -1.0, (INF, -INF), "derivative at -1 is infinite"),
    ("asin", pa.asin, 1.0, (INF, INF), "derivative at -1 and 1 is infinite"),
    ("acos", pa.acos, -1.0, (-INF, INF), "derivative at -1 and 1 is infinite"),
    ("acosh", pa.acosh, 1.0, (INF, -INF), "derivative at 1 is infinite"),
    ("acosh", pa.acosh, 0.0, (NAN, NAN), "nan below"),
    ("acosh", pa.acosh, -2.0, (NAN, NAN), "nan below"),
    ("atanh", pa.atanh, 1.0, (INF, INF), "derivative at -1 and 1 is infinite"),
    ("special.logit", pa.special.logit, 0.0, (INF, -INF), "derivatives at 0 and 1 are infinite"),
    ("special.logit", pa.special.logit, 1.0, (INF, INF), "derivatives at 0 and 1 are infinite"),
    ("special.gamma", pa.special.gamma, -1.0, (NAN, NAN), "negative integers"),
    ("special.i0e", pa.special.i0e, 0.0, (0, 1.5), "first derivative at 0 is taken as 0"),
    ("special.i1e", pa.special.i1e, 0.0, (0.5, 0), "second derivative at 0 is taken as 0"),
    ("copysign", lambda x: pa.copysign(x, 1.0), 0.0, (0, 0), "derivative at x1 = 0 is 0"),
    ("hypot", lambda x: pa.hypot(x, x), 0.0, (0, 0), "derivative at (0, 0) is taken as 0"),
    ("atan2", lambda x: pa.atan2(x, x), 0.0, (0, 0), "derivatives at (0, 0) are taken as 0"),
    ("angle", lambda x: pa.angle(pa.complex(x, x)), 0.0, (0, 0), "and so is that at 0"),
    ("heaviside", lambda x: pa.heaviside(x, 0.5), 0.0, (0, 0), "with respect to x1 is 0"),
    ("remainder", lambda x: pa.remainder(x, 2.0), 4.0, (1, 0), "side of larger"),
    ("fmod", lambda x: pa.fmod(x, 2.0), 4.0, (1, 0), "side of larger"),
    ("clip", lambda x: pa.clip(x, 0.0, 1.0), 1.0, (1, 0), "1 inside and on the bounds"),
    ("maximum", lambda x: pa.maximum(x, 1.0), 1.0, (0.5, 0), "Ties share the derivative equally"),
    ("minimum", lambda x: pa.minimum(x, 1.0), 1.0, (0.5, 0), "Ties share the derivative equally"),
]


def documented(name):
    """The docstring of an op on one line."""
    value = pa
    for part in name.split("."):
        value = getattr(value, part)
    return " ".join(value.__doc__.split())


@pytest.mark.parametrize(
    ("name", "f", "x", "wanted", "says"), EDGES, ids=[f"{e[0]} at {e[2]:g}" for e in EDGES]
)
def test_where_there_is_no_derivative_the_docstring_says_what_is_returned(name, f, x, wanted, says):
    assert says in documented(name)
    for order, value in enumerate(wanted, start=1):
        if value is not None:
            one = np.ones(())
            np.testing.assert_array_equal(in_all_modes(f, x, *[one] * order), value)


# Where slopes of 0 and of infinity follow each other, in one order or the other: 0.
COMPOSED = {
    "x log(x)": (lambda x: x * pa.log(x), (-INF, INF, -INF)),
    "x**2 log(x)": (lambda x: x * x * pa.log(x), (0, -INF, INF)),
    "x**3 log(x)": (lambda x: x**3 * pa.log(x), (0, 0, -INF)),
    "x sqrt(x)": (lambda x: x * pa.sqrt(x), (0, INF, -INF)),
    "sqrt(x x)": (lambda x: pa.sqrt(x * x), (0, INF)),
    "sqrt(x**2)": (lambda x: pa.sqrt(x**2), (0, INF)),
    "sqrt(x**2 + x**2)": (lambda x: pa.sqrt(x**2 + pa.square(x)), (0, INF)),
    "sqrt(1 - cos(x))": (lambda x: pa.sqrt(1 - pa.cos(x)), (0, INF)),
    "sqrt(x) sqrt(2 x)": (lambda x: pa.sqrt(x) * pa.sqrt(2 * x), (0,)),
    "exp(log(x))": (lambda x: pa.exp(pa.log(x)), (0, 0)),
    "exp(-1 / x**2)": (lambda x: pa.exp(-1 / x**2), (0, 0)),
    "xlogy(x, x)": (lambda x: pa.xlogy(x, x), (0, 0, 0)),
    "x**x": (lambda x: x**x, (0, 0, 0)),
    "acos(1 - x)**2": (lambda x: pa.acos(1 - x) ** 2, (2, 2 / 3, 8 / 15)),
    "acosh(1 + x)**2": (lambda x: pa.acosh(1 + x) ** 2, (2, -2 / 3, 8 / 15)),
    "cos(acos(1 - x))": (lambda x: pa.cos(pa.acos(1 - x)), (-1, 0, 0)),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_compositions_at_zero(name):
    f, wanted = COMPOSED[name]
    for order, value in enumerate(wanted, start=1):
        got = in_all_modes(f, 0.0, *[np.ones(())] * order)
        np.testing.assert_allclose(got, value, rtol=1e-12, atol=1e-14)


ENTROPIES = [pa.xlogy, pa.special.rel_entr, pa.special.kl_div, pa.special.xlog1py, pa.power]


@pytest.mark.parametrize("f", ENTROPIES)
@pytest.mark.parametrize("y", [0.0, -1.0, -2.0])
def test_hessians_are_symmetric_where_terms_are_absent(f, y):
    if y != 0 and f not in (pa.xlogy, pa.special.xlog1py):
        return
    point = pa.tensor([0.0, y])
    for mode in ("reverse-over-reverse", "forward-over-reverse", "reverse-over-forward"):
        hessian = pa.hessian(lambda v: f(v[0], v[1]), point, mode=mode).numpy()
        np.testing.assert_array_equal(hessian, hessian.T)
        third = pa.func.jacfwd(lambda v: pa.hessian(lambda w: f(w[0], w[1]), v))(point).numpy()
        np.testing.assert_array_equal(third, third.transpose(1, 2, 0))


def test_a_nan_that_a_zero_slope_meets_stays():
    """It stands for a derivative that is not known."""
    x, t = pa.tensor(0.0), pa.tensor(NAN)
    assert math.isnan(pa.func.jvp(lambda x: x * x, (x,), (t,))[1].item())
    assert pa.func.jvp(lambda x: x * x, (x,), (pa.tensor(INF),))[1].item() == 0


# At infinity derivatives are their limits, at every order; so are these, from the first on.
AT_INFINITY = [
    *[(f, INF, (0, 0, 0)) for f in (pa.atan, pa.tanh, pa.asinh, pa.acosh, pa.sigmoid, pa.log)],
    *[(f, -INF, (0, 0, 0)) for f in (pa.atan, pa.tanh, pa.asinh, pa.sigmoid, pa.exp, pa.softplus)],
    *[(f, x, (0, 0, 0)) for f in (pa.erf, pa.erfc, pa.special.ndtr) for x in (INF, -INF)],
    (pa.special.log_ndtr, INF, (0, 0, 0)),
    (pa.special.log_ndtr, -INF, (INF, -1, 0)),
    (pa.special.log_expit, -INF, (1, 0, 0)),
    (pa.special.gamma, INF, (INF, INF, INF)),
    (pa.special.digamma, INF, (0, 0, 0)),
    (pa.special.gammaln, INF, (INF, 0, 0)),
    (pa.special.zeta, INF, (0, 0, 0)),
    (lambda x: pa.special.zeta(x, 2.0), INF, (0, 0, 0)),
    (lambda x: pa.hypot(x, 1.0), -INF, (-1, 0, 0)),
    (lambda x: pa.hypot(1.0, x), INF, (1, 0, 0)),
    (lambda x: pa.hypot(-INF, x), 2.0, (0, 0, 0)),
    (lambda x: pa.atan2(x, 1.0), INF, (0, 0, 0)),
    (lambda x: pa.atan2(1.0, x), -INF, (0, 0, 0)),
    (lambda x: pa.atan2(x, x), INF, (0, 0, 0)),
]


@pytest.mark.parametrize(("f", "x", "wanted"), AT_INFINITY)
def test_derivatives_at_infinity_are_limits(f, x, wanted):
    for order, value in enumerate(wanted, start=1):
        np.testing.assert_array_equal(in_all_modes(f, x, *[np.ones(())] * order), value)


TIES = [
    ("max", pa.max, [1.0, 1.0, 0.0], [0.5, 0.5, 0.0], "Elements that tie share"),
    ("min", pa.min, [1.0, 1.0, 3.0], [0.5, 0.5, 0.0], "Elements that tie share"),
    ("ptp", pa.ptp, [2.0, 2.0, 0.0], [0.5, 0.5, -1.0], "Ties share"),
    ("sort", lambda x: pa.sort(x)[1], [1.0, 1.0, 1.0], [0, 1.0, 0], "permutation that argsort"),
    ("median", pa.median, [1.0, 1.0, 1.0], [0, 1.0, 0], "stable sort"),
    ("quantile", lambda x: pa.quantile(x, 0.5), [1.0, 1.0, 1.0], [0, 1.0, 0], "stable sort"),
    ("cummax", lambda x: pa.cummax(x)[2], [1.0, 1.0, 0.0], [1.0, 0, 0], "attains it first"),
    ("linalg.norm", pa.linalg.norm, [0.0, 0.0, 0.0], [0, 0, 0], "at zero is taken as zero"),
    ("linalg.norm", lambda x: pa.linalg.norm(x, INF), [1.0, -1.0, 0.0], [0.5, -0.5, 0], "share"),
    ("std", pa.std, [1.0, 1.0, 1.0], [0, 0, 0], "zero is returned there, at every order"),
]


@pytest.mark.parametrize(
    ("name", "f", "x", "slopes", "says"), TIES, ids=[f"{t[0]} {i}" for i, t in enumerate(TIES)]
)
def test_ties_and_kinks_of_reductions(name, f, x, slopes, says):
    assert says in documented(name)
    s, t = np.random.default_rng(3).uniform(0.5, 1.5, (2, 3))
    np.testing.assert_allclose(in_all_modes(f, x, s), s @ slopes, atol=1e-14)
    np.testing.assert_allclose(in_all_modes(f, x, s, t), 0, atol=1e-14)


def test_the_condition_number_where_it_is_least():
    """Single values move with the choice of vectors there; their ratio is taken as constant."""
    assert "derivatives there are taken as zero" in documented("linalg.cond")
    rng = np.random.default_rng(4)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for a in (np.eye(3), 2 * rotation, rotation[:, :2]):
        directions = rng.normal(size=(3, *a.shape))
        for p in (None, 2, -2):
            f = lambda a, p=p: pa.linalg.cond(a, p)  # noqa: E731
            assert f(pa.asarray(a)).item() == 1
            for order in (1, 2, 3):
                np.testing.assert_array_equal(in_all_modes(f, a, *directions[:order]), 0)
    assert pa.linalg.cond(pa.zeros((2, 2))).item() == INF


def test_the_correlation_of_a_constant_is_nan_with_derivative_zero():
    assert "A constant variable gives nan, with derivative 0" in documented("corrcoef")
    rng = np.random.default_rng(5)
    for constants, x in ((True, np.ones((2, 4))), (False, rng.normal(size=(2, 4)))):
        f = lambda x: pa.corrcoef(x)[0, 1]  # noqa: E731
        s, t = rng.normal(size=(2, 2, 4))
        assert np.isnan(f(pa.asarray(x)).item()) == constants
        for directions in ((s,), (s, t), (s, t, s)):
            values = in_all_modes(f, x, *directions)
            assert not np.isnan(values).any()
            np.testing.assert_allclose(values, 0 if constants else values[0], rtol=1e-9)
    assert in_all_modes(lambda x: pa.corrcoef(x), np.ones(3), np.arange(3.0)) == [0.0] * 5


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 3)])
def test_least_squares_of_deficient_rank_agree_in_all_modes(shape):
    """Also along directions that do not keep the rank, as the inverse times the right side."""
    rng = np.random.default_rng(6)
    a, b = np.outer(rng.normal(size=shape[0]), rng.normal(size=shape[1])), rng.normal(size=shape[0])
    directions = rng.normal(size=(3, *shape))
    f = lambda a: pa.sum(pa.linalg.lstsq(a, b)[0])  # noqa: E731
    g = lambda a: pa.sum(pa.linalg.pinv(a) @ pa.asarray(b))  # noqa: E731
    for order in (1, 2, 3):
        wanted = in_all_modes(g, a, *directions[:order])[0]
        np.testing.assert_allclose(in_all_modes(f, a, *directions[:order]), wanted, rtol=1e-8)


# Formulas by hand that overflow on the way, and the same without.
OVERFLOWING = [
    (lambda x: pa.log(pa.sum(pa.exp(x))), pa.logsumexp),
    (lambda x: pa.log(pa.mean(pa.exp(x))), lambda x: pa.logsumexp(x) - math.log(2)),
    (lambda x: pa.log(1 + pa.exp(x))[0], lambda x: pa.softplus(x)[0]),
    (lambda x: pa.log1p(pa.sum(pa.exp(x))), lambda x: pa.logsumexp(pa.concat([x, pa.zeros(1)]))),
    (
        lambda x: pa.log(2 * pa.exp(x) + 3)[0],
        lambda x: pa.logaddexp(x + math.log(2), math.log(3))[0],
    ),
    (lambda x: (1 / (1 + pa.exp(x)))[0], lambda x: pa.sigmoid(-x)[0]),
    (lambda x: (1 / pa.exp(x))[0], lambda x: pa.exp(-x)[0]),
    (lambda x: pa.reciprocal(pa.exp(x) / 2)[0], lambda x: 2 * pa.exp(-x)[0]),
    (lambda x: pa.sum(pa.log(pa.sigmoid(-x))), lambda x: pa.sum(pa.special.log_expit(-x))),
    (lambda x: pa.log(pa.mean(pa.sigmoid(-x))), lambda x: pa.logsumexp(pa.special.log_expit(-x))),
]


@pytest.mark.parametrize("x", [[800.0, 799.0], [800.0, -3.0], [2.0, -3.0]], ids=str)
@pytest.mark.parametrize(("f", "same"), OVERFLOWING)
def test_exponentials_that_overflow_remember_where_they_are_from(f, same, x):
    directions = np.random.default_rng(7).uniform(0.5, 1.5, (3, 2))
    for order in (1, 2, 3):
        wanted = in_all_modes(same, x, *directions[:order])[0]
        values = in_all_modes(f, x, *directions[:order])
        np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-13)


def test_what_is_remembered_of_an_exponential_keeps_every_bit_of_the_value():
    x = np.array([800.0, 2.0])
    formulas = (
        lambda x: 1 / (3 + pa.exp(x)),
        lambda x: pa.log(pa.sum(pa.exp(x))),
        lambda x: pa.reciprocal(pa.exp(x) * 0.1),
    )
    for f in formulas:
        leaf = pa.tensor(x, requires_grad=True)
        np.testing.assert_array_equal(f(leaf).detach().numpy(), f(pa.tensor(x)).numpy())


def test_masked_exponentials_have_finite_derivatives():
    f = lambda x: pa.sum(pa.where(x < 100, 1 / (1 + pa.exp(x)), x))  # noqa: E731
    assert pa.func.grad(f)(np.array([800.0, 0.0])).tolist() == [1.0, -0.25]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zeros_cut_off_whatever_they_meet_in_arrays_too(dtype):
    """Loops over arrays choose by masks: every pair, with every length of a vector's rest."""
    edges = [0.0, -0.0, 1.5, -2.0, INF, -INF, NAN]
    pairs = np.array([(t, x) for t in edges for x in edges] * 3, dtype)
    slopes = {pa.square: lambda x: 2 * x, pa.log: lambda x: 1 / x, pa.abs: np.sign}
    for f, slope in slopes.items():
        for n in range(1, len(pairs), 5):
            t, x = pairs[:n].T.copy()
            x = np.abs(x) if f is pa.log else x
            with np.errstate(all="ignore"):
                p = slope(x)
                product = t * p
            expected = np.where((t == 0) | ((p == 0) & (t == t)), 0, product)
            found = pa.func.jvp(f, (pa.asarray(x),), (pa.asarray(t),))[1]
            pulled = pa.func.vjp(f, pa.asarray(x))[1](pa.asarray(t))[0]
            np.testing.assert_array_equal(found.numpy(), expected)
            np.testing.assert_array_equal(pulled.numpy(), expected)
