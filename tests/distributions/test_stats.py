"""pa.stats against scipy.stats, its derivatives, and wrong use."""

import functools
import pickle

import numpy as np
import pytest
import scipy.stats

import pyautograd as pa

CONTINUOUS = {
    "beta": (1.7, 2.4),
    "betaprime": (1.7, 2.4),
    "cauchy": (),
    "chi2": (3.3,),
    "expon": (),
    "f": (3.2, 5.7),
    "fisk": (2.2,),
    "gamma": (2.3,),
    "genextreme": (0.2,),
    "genpareto": (0.3,),
    "gompertz": (0.7,),
    "gumbel_l": (),
    "gumbel_r": (),
    "halfcauchy": (),
    "halfnorm": (),
    "invgamma": (1.9,),
    "invweibull": (1.6,),
    "laplace": (),
    "logistic": (),
    "lognorm": (0.8,),
    "lomax": (2.1,),
    "maxwell": (),
    "norm": (),
    "pareto": (2.6,),
    "powerlaw": (1.8,),
    "rayleigh": (),
    "t": (4.5,),
    "truncnorm": (-1.2, 2.1),
    "uniform": (),
    "vonmises": (1.7,),
    "weibull_min": (1.4,),
}
DISCRETE = {
    "bernoulli": (0.3,),
    "binom": (7.0, 0.3),
    "geom": (0.3,),
    "nbinom": (2.5, 0.3),
    "poisson": (2.5,),
}
# Where SciPy takes the logarithm of a density that underflows, and where it searches from 1 - q.
UNDERFLOWING = ("gompertz", "invweibull")
SEARCHED = ("betaprime", "f")
# The shapes that may be negative, and shapes out of range
SIGNED = {
    "genextreme": [(np.inf,), (-np.inf,)],
    "genpareto": [(np.inf,), (-np.inf,)],
    "truncnorm": [(2.0, 1.0), (0.5, 0.5)],
}
MATRICES = ("wishart", "invwishart")
PROBABILITY_LAST = ("bernoulli", "binom", "geom", "nbinom")
DENSITIES = ("logpdf", "pdf")
TAILS = ("cdf", "sf", "logcdf", "logsf")
EDGES = [0.0, -0.0, 1.0, 0.5, 1e-8, 30.0, -30.0, np.inf, -np.inf, np.nan]


def both(name, method, *args, **named):
    with np.errstate(all="ignore"):
        expected = getattr(getattr(scipy.stats, name), method)(*args, **named)
    return getattr(getattr(pa.stats, name), method)(*args, **named).numpy(), expected


def test_every_family_is_tested():
    several = {*MATRICES, "dirichlet", "multinomial", "multivariate_normal", "multivariate_t"}
    assert set(pa.stats.__all__) == {*CONTINUOUS, *DISCRETE, *several}


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("loc, scale", [(0.0, 1.0), (0.3, 1.7)])
def test_continuous_families_have_scipys_values(name, loc, scale):
    x = np.concatenate([3 * np.random.default_rng(0).standard_normal(40), EDGES])
    for method in DENSITIES + TAILS:
        got, expected = both(name, method, x, *CONTINUOUS[name], loc=loc, scale=scale)
        # SciPy takes the logarithm of what has underflowed.
        if method in ("logcdf", "logsf") or name in UNDERFLOWING:
            expected = np.where(np.isneginf(expected) & (got < -700), got, expected)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-14, err_msg=method)


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("loc", [0, 2])
def test_discrete_families_have_scipys_values(name, loc):
    k = np.array([-1, 0, 1, 2, 2.5, 3, 6, 7, 8, 9, 40, np.nan])
    for method in ("logpmf", "pmf", *TAILS):
        got, expected = both(name, method, k, *DISCRETE[name], loc=loc)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-14, err_msg=method)


@pytest.mark.parametrize("p", [0.0, 1.0])
@pytest.mark.parametrize("name", ["bernoulli", "binom"])
def test_certain_events(name, p):
    for method in ("logpmf", "pmf"):
        got, expected = both(name, method, np.arange(4.0), *DISCRETE[name][:-1], p)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-14)


def test_a_batch_of_covariances():
    root = np.random.default_rng(0).normal(size=(2, 3, 3))
    covs, x = root @ root.swapaxes(1, 2) + np.eye(3), np.array([0.3, -0.2, 0.5])
    got = pa.stats.multivariate_normal.logpdf(x, np.zeros(3), covs).numpy()
    expected = [scipy.stats.multivariate_normal.logpdf(x, np.zeros(3), cov) for cov in covs]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def positive_definite(*shape):
    root = np.random.default_rng(sum(shape)).normal(size=shape)
    return root @ root.swapaxes(-1, -2) + np.eye(shape[-1])


def test_students_t_of_several_variables():
    loc, shapes = np.array([0.3, -0.2, 0.5]), positive_definite(2, 3, 3)
    x, df = np.random.default_rng(1).normal(size=(2, 3)), 3.3
    got = pa.stats.multivariate_t.logpdf(x, loc, shapes, df).numpy()
    rows = zip(x, shapes, strict=True)
    expected = [scipy.stats.multivariate_t.logpdf(y, loc, shape, df) for y, shape in rows]
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    np.testing.assert_allclose(pa.stats.multivariate_t.pdf(x, loc, shapes, df), np.exp(got))
    one = pa.stats.multivariate_t(df=df).logpdf(x[:, :1]).numpy()
    np.testing.assert_allclose(one, scipy.stats.t.logpdf(x[:, 0], df), rtol=1e-12)

    def f(loc, root, df):
        return pa.sum(pa.stats.multivariate_t.logpdf(x, loc, root @ root.mT + np.eye(3), df))

    pa.testing.check_grads(f, (loc, shapes[0], df), order=2)
    assert np.isnan(pa.stats.multivariate_t.logpdf(x, df=-1.0)).all()
    with pytest.raises(ValueError, match=r"multivariate_t.logpdf\] shape of shape \(2, 2\)"):
        pa.stats.multivariate_t.logpdf(x, shape=np.eye(2))


@pytest.mark.parametrize("name", MATRICES)
def test_distributions_of_matrices(name):
    family, theirs = getattr(pa.stats, name), getattr(scipy.stats, name)
    x, scale, df = positive_definite(2, 3, 3), positive_definite(3, 3), 4.4
    got = family.logpdf(x, df, scale).numpy()
    np.testing.assert_allclose(got, [theirs.logpdf(m, df, scale) for m in x], rtol=1e-12)
    np.testing.assert_allclose(family(df, scale).pdf(x), np.exp(got), rtol=1e-12)
    batch = family.logpdf(x[0], df, np.stack([scale, 2 * scale])).numpy()
    expected = [theirs.logpdf(x[0], df, scale), theirs.logpdf(x[0], df, 2 * scale)]
    np.testing.assert_allclose(batch, expected, rtol=1e-12)

    def f(x, df, scale):
        return family.logpdf(x @ x.mT + np.eye(3), df, scale @ scale.mT + np.eye(3))

    pa.testing.check_grads(f, (x[0], df, scale), order=2)
    mapped = pa.func.vmap(lambda m: family.logpdf(m, df, scale))(x).numpy()
    np.testing.assert_allclose(mapped, got, rtol=1e-12)
    assert np.isnan(family.logpdf(x, 2.0, scale)).all()
    with pytest.raises(ValueError, match=rf"{name}.logpdf\] x of shape .* square matrices"):
        family.logpdf(x, df, np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        family.logpdf(-x, df, scale)


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_parameters_out_of_range_give_nan(name):
    shapes = (CONTINUOUS | DISCRETE)[name]
    bad = [(*shapes[:i], -0.5, *shapes[i + 1 :]) for i in range(len(shapes))]
    bad = SIGNED.get(name, bad)
    bad += [(*shapes[:-1], 1.5)] if name in PROBABILITY_LAST else []
    bad = [(values, {}) for values in bad]
    if name in CONTINUOUS:
        bad.append((shapes, {"scale": -1.0}))
    for values, named in bad:
        for method in (*(DENSITIES if name in CONTINUOUS else ("logpmf", "pmf")), *TAILS):
            assert np.isnan(getattr(getattr(pa.stats, name), method)(1.0, *values, **named).item())


@pytest.mark.parametrize("name", CONTINUOUS)
def test_derivatives_of_continuous_families(name):
    family, x = getattr(pa.stats, name), pa.asarray([0.35, 0.8])
    x = x + 1.5 if name == "pareto" else x
    arguments = (x, *map(pa.tensor, CONTINUOUS[name]), pa.tensor(0.1), pa.tensor(1.2))
    assert pa.testing.gradcheck(family.logpdf, arguments)
    assert pa.testing.gradgradcheck(family.logpdf, arguments)
    assert pa.testing.gradcheck(family.logcdf, arguments)
    slope = pa.func.vmap(pa.func.grad(family.cdf), (0, *[None] * (len(arguments) - 1)))
    np.testing.assert_allclose(slope(*arguments).numpy(), family.pdf(*arguments).numpy(), 1e-9)


def in_the_tail(name, method, q):
    """SciPy's quantile if its own tail says so, and ours, of which it does, if not."""
    ours, scipys = both(name, method, q, *CONTINUOUS[name])
    family = getattr(scipy.stats, name)
    tail = family.cdf if method == "ppf" else family.sf
    exactly = pytest.approx(q, rel=1e-12, abs=0)
    assert tail(ours, *CONTINUOUS[name]) == exactly
    return scipys if tail(scipys, *CONTINUOUS[name]) == exactly else ours


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("method", ["ppf", "isf"])
def test_quantiles_have_scipys_values(name, method):
    q = np.concatenate([np.linspace(0.01, 0.99, 15), [0.0, 1.0, 1e-12, 0.5, -0.1, 1.1, np.nan]])
    for loc, scale in ((0.0, 1.0), (0.3, 1.7)):
        got, expected = both(name, method, q, *CONTINUOUS[name], loc=loc, scale=scale)
        if name in SEARCHED:
            expected[17] = loc + scale * in_the_tail(name, method, q[17])
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-14)
    family = getattr(pa.stats, name)
    back = family.cdf if method == "ppf" else family.sf
    places = getattr(family, method)(q[:15], *CONTINUOUS[name])
    np.testing.assert_allclose(back(places, *CONTINUOUS[name]).numpy(), q[:15], rtol=1e-12)
    assert np.isnan(getattr(family, method)(0.5, *CONTINUOUS[name], scale=-1.0).item())


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("method", ["ppf", "isf"])
def test_derivatives_of_quantiles(name, method):
    quantile = getattr(getattr(pa.stats, name), method)
    arguments = (
        pa.asarray([0.3, 0.8]),
        *map(pa.tensor, CONTINUOUS[name]),
        pa.tensor(0.1),
        pa.tensor(1.2),
    )
    assert pa.testing.gradcheck(quantile, arguments)
    assert pa.testing.gradgradcheck(quantile, arguments)
    everything = tuple(range(len(arguments)))
    slopes = pa.func.grad(lambda *a: pa.sum(quantile(*a)), argnums=everything)
    single = quantile(pa.tensor([0.0, 0.3], dtype=pa.float32), *CONTINUOUS[name], loc=0.5)
    assert single.dtype == np.float32
    at_ends = slopes(np.array([0.0, 1.0]), *arguments[1:])
    assert all(np.isfinite(g.numpy()).all() for g in at_ends)
    assert at_ends[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("method", ["ppf", "isf"])
def test_quantiles_of_discrete_families_have_scipys_values(name, method):
    shapes = DISCRETE[name]
    q = np.concatenate([np.linspace(0.013, 0.993, 25), [1e-9, 0.0, 1.0, -0.1, 1.1, np.nan]])
    for loc in (0, 3):
        got, expected = both(name, method, q, *shapes, loc=loc)
        np.testing.assert_array_equal(got, expected)
    quantile = getattr(getattr(pa.stats, name), method)
    mapped = pa.func.vmap(lambda q: quantile(q, *shapes))(q)
    np.testing.assert_array_equal(mapped, quantile(q, *shapes))
    slope = pa.func.grad(lambda loc, *shapes: quantile(0.4, *shapes, loc=loc), argnums=(0, 1))
    assert [g.item() for g in slope(0.5, *shapes)] == [1.0, 0.0]
    assert np.isnan(quantile(0.5, *shapes[:-1], -0.5).item())
    assert quantile(np.float32(0.5) * pa.ones(1, dtype=pa.float32), *shapes).dtype == np.float32


def test_a_discrete_quantile_far_out():
    got, expected = both("poisson", "ppf", [0.3, 0.9], [1e6, 3e9])
    np.testing.assert_array_equal(got, expected)
    k = pa.stats.poisson.isf(1e-30, 4.0).item()
    assert scipy.stats.poisson.sf(k, 4.0) <= 1e-30 < scipy.stats.poisson.sf(k - 1, 4.0)


def test_frozen_families():
    gamma = pa.stats.gamma(2.0, scale=3.0)
    assert gamma.logpdf(1.5).item() == pa.stats.gamma.logpdf(1.5, 2.0, scale=3.0).item()
    assert gamma.ppf(0.3).item() == pa.stats.gamma.ppf(0.3, 2.0, scale=3.0).item()
    assert repr(gamma) == "<pyautograd.stats.gamma(2.0, scale=3.0)>"
    assert {"logpdf", "ppf", "sf"} <= set(dir(gamma))
    assert pickle.loads(pickle.dumps(gamma)).cdf(1.0).item() == gamma.cdf(1.0).item()
    assert pa.stats.poisson(3.0).pmf(2).item() == pa.stats.poisson.pmf(2, 3.0).item()
    mean, cov = np.array([1.0, -1.0]), np.array([[2.0, 0.3], [0.3, 1.0]])
    several = pa.stats.multivariate_normal(mean, cov=cov)
    expected = scipy.stats.multivariate_normal(mean, cov).logpdf(np.zeros(2))
    assert several.logpdf(np.zeros(2)).item() == pytest.approx(expected, rel=1e-12)
    assert repr(pa.stats.multinomial(3)) == "<pyautograd.stats.multinomial(3)>"
    slope = pa.func.grad(lambda a: pa.stats.gamma(a).cdf(1.0))(2.0)
    assert slope.item() == pa.func.grad(lambda a: pa.stats.gamma.cdf(1.0, a))(2.0).item()


@pytest.mark.parametrize("name", DISCRETE)
def test_derivatives_of_discrete_families(name):
    family, k = getattr(pa.stats, name), np.array([1.0, 1.0 if name == "bernoulli" else 3.0])
    shapes = tuple(map(pa.tensor, DISCRETE[name]))
    for method in (family.logpmf, family.pmf, family.logcdf):
        assert pa.testing.gradcheck(functools.partial(method, k), shapes)
        assert pa.testing.gradgradcheck(functools.partial(method, k), shapes)


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_outside_of_the_support_derivatives_are_zero(name):
    family, shapes = getattr(pa.stats, name), (CONTINUOUS | DISCRETE)[name]
    everywhere = ("norm", "t", "cauchy", "laplace", "logistic", "gumbel_l", "gumbel_r", "vonmises")
    x = 40.0 if name in (*everywhere, "genextreme") else -3.0
    f = getattr(family, "logpdf" if name in CONTINUOUS else "logpmf")
    found = [pa.func.grad(f, argnums=i)(x, *shapes).item() for i in range(len(shapes) + 1)]
    assert np.isfinite(found).all()
    assert name in everywhere or not np.any(found)


def test_arguments_broadcast_and_map():
    x, a = np.random.default_rng(0).gamma(2.0, size=(4, 1)), np.array([0.5, 2.0, 3.0])
    got, expected = both("gamma", "logpdf", x, a, 0.0, 2.0)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    mapped = pa.func.vmap(lambda x, a: pa.stats.gamma.logpdf(x, a=a, scale=2.0), (0, None))(x, a)
    np.testing.assert_allclose(mapped.numpy(), expected, rtol=1e-12)
    assert pa.stats.norm.logpdf(pa.ones(2, dtype=pa.float32), scale=2).dtype == np.float32
    assert pa.stats.poisson.logpmf(np.arange(3), 2).dtype == np.float64


def test_families_of_several_variables():
    rng = np.random.default_rng(0)
    a, x, mean = rng.standard_normal((3, 3)), rng.standard_normal((5, 3)), rng.standard_normal(3)
    for cov in (a @ a.T + np.eye(3), np.array([1.0, 2.0, 3.0]), 2.0):
        got, expected = both("multivariate_normal", "logpdf", x, mean, cov)
        np.testing.assert_allclose(got, expected, rtol=1e-10)
    got, expected = both(
        "dirichlet", "logpdf", np.array([0.2, 0.3, 0.5]), np.array([1.0, 2.0, 3.0])
    )
    assert got == pytest.approx(expected)
    for counts in ([1, 2, 3], [1, 2, 4], [-1, 2, 5], [1.5, 1.5, 3]):
        got, expected = both("multinomial", "logpmf", counts, 6, [0.2, 0.3, 0.5])
        assert got == pytest.approx(expected)
    assert pa.stats.multinomial.pmf([1, 2, 4], 6, [0.2, 0.3, 0.5]).item() == 0


def test_derivatives_of_families_of_several_variables():
    rng = np.random.default_rng(0)
    root, mean, x = pa.asarray(np.eye(3) + 0.1), pa.asarray(rng.standard_normal(3)), pa.ones(3)
    weights = pa.asarray([0.2, 0.3, 0.5])

    def normal(x, mean, root):
        return pa.stats.multivariate_normal.logpdf(x, mean, root @ root.T)

    for f, arguments in (
        (normal, (x, mean, root)),
        (functools.partial(pa.stats.dirichlet.logpdf, weights), (1 + weights,)),
        (functools.partial(pa.stats.multinomial.logpmf, [1, 2, 3], 6), (weights,)),
    ):
        assert pa.testing.gradcheck(f, arguments)
        assert pa.testing.gradgradcheck(f, arguments)


@pytest.mark.parametrize("name", pa.stats.__all__)
def test_families_can_be_pickled(name):
    family = getattr(pa.stats, name)
    copied = pickle.loads(pickle.dumps(family))
    assert copied is family or type(copied) is type(family)


def test_wrong_use():
    for call, error, text in (
        (
            lambda: pa.stats.gamma.logpdf(1.0),
            TypeError,
            "missing the parameter a: logpdf(x, a, loc=0",
        ),
        (
            lambda: pa.stats.norm.pdf(1.0, sigma=2.0),
            TypeError,
            "keyword argument 'sigma': logpdf(x, loc",
        ),
        (lambda: pa.stats.norm.pdf(1.0, 0.0, loc=2.0), TypeError, "loc was given twice"),
        (lambda: pa.stats.norm.pdf(1.0, 0.0, 1.0, 2.0), TypeError, "at most 2 parameters"),
        (lambda: pa.stats.norm.pdf(1j), TypeError, "takes real numbers, got dtype complex128"),
        (lambda: pa.stats.gamma(scale=2.0), TypeError, "[stats.gamma.cdf] missing the parameter a"),
        (lambda: pa.stats.norm.rvs, AttributeError, "'rvs': use the draws in pa.random"),
        (lambda: pa.stats.poisson.logpdf, AttributeError, "'logpdf': use logpmf"),
        (lambda: pa.stats.norm(0.0).moment, AttributeError, "there is no 'moment'"),
        (
            lambda: pa.stats.multivariate_normal.logpdf(1.0),
            ValueError,
            "needs an axis of variables",
        ),
        (
            lambda: pa.stats.multivariate_normal.logpdf(np.ones(2), cov=np.eye(3)),
            ValueError,
            "cov of shape (3, 3) does not match 2 variables",
        ),
    ):
        with pytest.raises(error) as raised:
            call()
        assert text in str(raised.value)
    assert repr(pa.stats.gamma) == "<pyautograd.stats.gamma(x, a, loc=0, scale=1)>"
