"""pa.stats against scipy.stats, its derivatives, and wrong use."""

import functools
import pickle

import numpy as np
import pytest
import scipy.special
import scipy.stats

import pyautograd as pa

CONTINUOUS = {
    "arcsine": (),
    "beta": (1.7, 2.4),
    "betaprime": (1.7, 2.4),
    "burr12": (1.8, 2.3),
    "cauchy": (),
    "chi": (2.7,),
    "chi2": (3.3,),
    "expon": (),
    "exponnorm": (1.3,),
    "exponweib": (1.9, 1.4),
    "f": (3.2, 5.7),
    "fisk": (2.2,),
    "foldnorm": (0.9,),
    "gamma": (2.3,),
    "genextreme": (0.2,),
    "gengamma": (1.7, 1.6),
    "genlogistic": (1.7,),
    "gennorm": (1.6,),
    "genpareto": (0.3,),
    "gompertz": (0.7,),
    "gumbel_l": (),
    "gumbel_r": (),
    "halfcauchy": (),
    "halflogistic": (),
    "halfnorm": (),
    "hypsecant": (),
    "invgamma": (1.9,),
    "invgauss": (1.4,),
    "invweibull": (1.6,),
    "johnsonsb": (0.4, 1.2),
    "johnsonsu": (0.4, 1.2),
    "laplace": (),
    "laplace_asymmetric": (1.4,),
    "levy": (),
    "loggamma": (1.8,),
    "logistic": (),
    "lognorm": (0.8,),
    "loguniform": (0.2, 3.5),
    "lomax": (2.1,),
    "maxwell": (),
    "moyal": (),
    "nakagami": (1.7,),
    "norm": (),
    "norminvgauss": (1.4, 0.5),
    "pareto": (2.6,),
    "powerlaw": (1.8,),
    "rayleigh": (),
    "rice": (1.3,),
    "reciprocal": (0.2, 3.5),
    "skewnorm": (1.7,),
    "t": (4.5,),
    "triang": (0.4,),
    "truncnorm": (-1.2, 2.1),
    "uniform": (),
    "vonmises": (1.7,),
    "wald": (),
    "weibull_max": (1.6,),
    "weibull_min": (1.4,),
}
DISCRETE = {
    "betabinom": (7.0, 1.7, 2.4),
    "bernoulli": (0.3,),
    "binom": (7.0, 0.3),
    "geom": (0.3,),
    "hypergeom": (20.0, 9.0, 7.0),
    "nbinom": (2.5, 0.3),
    "poisson": (2.5,),
    "randint": (0.0, 8.0),
    "skellam": (2.5, 1.7),
    "zipf": (2.5,),
}
# Where SciPy takes the logarithm of a density that underflows, and where it searches from 1 - q.
UNDERFLOWING = ("gompertz", "invweibull", "levy", "moyal", "rice")
SEARCHED = (
    *("betaprime", "exponnorm", "f", "foldnorm", "genlogistic", "moyal", "norminvgauss", "rice"),
    *("skewnorm", "weibull_max"),
)
# What SciPy has by its general quadrature, and of several upper tails at once only one
INTEGRATED, MIRRORED = ("norminvgauss",), {"sf": "cdf", "logsf": "logcdf", "isf": "ppf"}
# The shapes that may be negative, and shapes out of range
SIGNED = {
    "gengamma": [(-1.0, 1.6), (1.7, 0.0), (1.7, np.inf)],
    "genextreme": [(np.inf,), (-np.inf,)],
    "genpareto": [(np.inf,), (-np.inf,)],
    "johnsonsb": [(0.4, -1.2), (np.inf, 1.2)],
    "johnsonsu": [(0.4, -1.2), (np.inf, 1.2)],
    "loguniform": [(-0.2, 3.5), (0.2, -3.5), (2.0, 1.0)],
    "norminvgauss": [(-1.4, 0.5), (1.4, 1.4), (1.4, -2.0)],
    "randint": [(8.0, 1.0), (2.0, 2.0)],
    "reciprocal": [(-0.2, 3.5), (0.2, -3.5), (2.0, 1.0)],
    "skewnorm": [(np.inf,), (-np.inf,)],
    "triang": [(-0.5,), (1.5,)],
    "truncnorm": [(2.0, 1.0), (0.5, 0.5)],
}
PROBABILITY_LAST = ("bernoulli", "binom", "geom", "nbinom")
DENSITIES = ("logpdf", "pdf")
TAILS = ("cdf", "sf", "logcdf", "logsf")
EDGES = [0.0, -0.0, 1.0, 0.5, 1e-8, 30.0, -30.0, np.inf, -np.inf, np.nan]


def scipys(name, method, x, *shapes, **named):
    if name in INTEGRATED and method in MIRRORED:
        *rest, skew = shapes
        lower, centre = getattr(getattr(pa.stats, name), MIRRORED[method]), 2 * named.get("loc", 0)
        if method == "isf":
            return centre - lower(x, *rest, -skew, **named).numpy()
        return lower(centre - x, *rest, -skew, **named).numpy()
    return getattr(getattr(scipy.stats, name), method)(x, *shapes, **named)


def both(name, method, *args, **named):
    with np.errstate(all="ignore"):
        expected = scipys(name, method, *args, **named)
    return getattr(getattr(pa.stats, name), method)(*args, **named).numpy(), expected


def test_every_family_is_tested():
    several = {"dirichlet", "multinomial", "multivariate_normal", "multivariate_t", "wishart"}
    several |= {"dirichlet_multinomial", "matrix_normal", "vonmises_fisher", "invwishart"}
    assert set(pa.stats.__all__) == {*CONTINUOUS, *DISCRETE, *several}


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_numbers_go_along_with_tensors_on_a_device(device, name):
    family, shapes = getattr(pa.stats, name), {**CONTINUOUS, **DISCRETE}[name]
    density = "logpdf" if name in CONTINUOUS else "logpmf"
    for method, x in ((density, 1.0), ("cdf", 1.0), ("logsf", 1.0), ("ppf", 0.3), ("isf", 0.3)):
        wanted = getattr(family, method)(x, *shapes).item()
        for place in range(len(shapes) + 1):
            given = [x, *shapes]
            given[place] = pa.tensor([given[place]], device=device)
            got = getattr(family, method)(*given)
            assert got.device == device
            assert got.item() == pytest.approx(wanted, rel=1e-12, abs=0, nan_ok=True)


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("loc, scale", [(0.0, 1.0), (0.3, 1.7)])
def test_continuous_families_have_scipys_values(name, loc, scale):
    x = np.concatenate([3 * np.random.default_rng(0).standard_normal(40), EDGES])
    for method in DENSITIES + TAILS:
        got, expected = both(name, method, x, *CONTINUOUS[name], loc=loc, scale=scale)
        if method in DENSITIES:  # where SciPy has the difference of two infinities
            limits = np.isinf(x) & (got == (-np.inf if method == "logpdf" else 0.0))
            expected = np.where(limits & np.isnan(expected), got, expected)
        # SciPy has the logarithm of the difference of 1 and a number next to it, and of -0.
        doubtful = {"arcsine": x == 0, "burr12": (0.3 < x) & (x < 0.3001) | (x == 1e-8)}
        if name in doubtful and method in ("logcdf", *DENSITIES):
            expected = np.where(doubtful[name], got, expected)
        # SciPy takes the logarithm of what has underflowed.
        if method in ("logcdf", "logsf") or name in UNDERFLOWING:
            gone = got < (-30 if name in ("norminvgauss", "rice") else -700)
            expected = np.where(np.isneginf(expected) & gone, got, expected)
        rtol, atol = (1e-6, 1e-9) if name in INTEGRATED else (1e-9, 1e-14)
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=method)


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("loc", [0, 2])
def test_discrete_families_have_scipys_values(name, loc):
    k = np.array([-1, 0, 1, 2, 2.5, 3, 6, 7, 8, 9, 40, np.nan])
    for method in ("logpmf", "pmf", *TAILS):
        got, expected = both(name, method, k, *DISCRETE[name], loc=loc)
        if name == "hypergeom":  # SciPy has numbers for counts alone.
            expected = np.where(k % 1 == 0.5, got, expected)
        if name == "skellam":  # SciPy takes the logarithm of what is left to 1.
            expected = np.where(np.isneginf(expected) & (got < -30), got, expected)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-14, err_msg=method)


@pytest.mark.parametrize("p", [0.0, 1.0])
@pytest.mark.parametrize("name", ["bernoulli", "binom"])
def test_certain_events(name, p):
    for method in ("logpmf", "pmf"):
        got, expected = both(name, method, np.arange(4.0), *DISCRETE[name][:-1], p)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-14)


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
    x = x + 1.5 if name == "pareto" else (-x if name == "weibull_max" else x)
    arguments = (x, *map(pa.tensor, CONTINUOUS[name]), pa.tensor(0.1), pa.tensor(1.2))
    assert pa.testing.gradcheck(family.logpdf, arguments)
    assert pa.testing.gradgradcheck(family.logpdf, arguments)
    assert pa.testing.gradcheck(family.logcdf, arguments)
    slope = pa.func.vmap(pa.func.grad(family.cdf), (0, *[None] * (len(arguments) - 1)))
    np.testing.assert_allclose(slope(*arguments).numpy(), family.pdf(*arguments).numpy(), 1e-9)


def in_the_tail(name, method, q):
    """SciPy's quantile if its own tail says so, and ours, of which it does, if not."""
    ours, scipys = both(name, method, q, *CONTINUOUS[name])
    # Of some families SciPy's tails have lost digits; ours are tested in test_stats_far_out.py.
    lost = name in ("foldnorm", "norminvgauss", "rice", "skewnorm")
    family = getattr(pa.stats if lost else scipy.stats, name)
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
        np.testing.assert_allclose(
            got, expected, rtol=1e-7 if name in INTEGRATED else 1e-9, atol=1e-14
        )
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


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_quantiles_in_captured_calls_are_the_same_numbers(name):
    family, shapes = getattr(pa.stats, name), (CONTINUOUS | DISCRETE)[name]
    for quantile in (family.ppf, family.isf):
        captured = pa.captured(quantile)
        for q in ([1e-6, 0.3, 0.97], [0.5, 1.0, 1e-12]):
            given = [pa.tensor(q), *map(pa.tensor, map(float, shapes))]
            np.testing.assert_array_equal(captured(*given), quantile(*given))


def test_a_discrete_quantile_far_out():
    got, expected = both("poisson", "ppf", [0.3, 0.9], [1e6, 3e9])
    np.testing.assert_array_equal(got, expected)
    k = pa.stats.poisson.isf(1e-30, 4.0).item()
    assert scipy.stats.poisson.sf(k, 4.0) <= 1e-30 < scipy.stats.poisson.sf(k - 1, 4.0)


def test_a_discrete_quantile_that_is_none():
    for quantile in (
        *(pa.stats.poisson.ppf(0.3, np.inf), pa.stats.nbinom.isf(0.3, np.inf, 0.4)),
        *(pa.stats.binom.ppf([0.3, 0.6], np.inf, 0.5), pa.stats.zipf.isf(1e-9, 1.2)),
    ):
        assert np.isnan(quantile).all()


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
    assert several.logpdf(np.zeros(2)).item() == pytest.approx(expected, rel=1e-12, abs=0)
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
    everywhere = (
        *("cauchy", "exponnorm", "genlogistic", "gennorm", "gumbel_l", "gumbel_r", "hypsecant"),
        *("johnsonsu", "laplace", "laplace_asymmetric", "loggamma", "logistic", "moyal", "norm"),
        *("norminvgauss", "skellam", "skewnorm", "t", "vonmises"),
    )
    # Beyond it the density of loggamma vanishes.
    far = 5.0 if name == "loggamma" else 40.0
    x = far if name in (*everywhere, "genextreme", "weibull_max") else -3.0
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


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_numbers_take_on_the_dtype_beside_them(name, dtype):
    shapes, family = (CONTINUOUS | DISCRETE)[name], getattr(pa.stats, name)
    methods = ("logpdf", "pdf") if name in CONTINUOUS else ("logpmf", "pmf")
    for method in (*methods, "cdf", "sf", "logcdf", "logsf", "ppf", "isf"):
        values = (0.3 if method in ("ppf", "isf") else 1.0, *shapes, 0.5)
        for i, value in enumerate(values):
            narrow = pa.asarray(value, dtype=dtype)
            found = getattr(family, method)(*values[:i], narrow, *values[i + 1 :])
            assert found.dtype == narrow.dtype, (method, i)


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


@pytest.mark.parametrize("name", CONTINUOUS)
def test_slopes_of_probabilities_are_densities(name):
    family = getattr(pa.stats, name)(*CONTINUOUS[name])
    shares = np.array([1e-100, 1e-50, 1e-30, 1e-16, 1e-10, 1e-4, 0.02, 0.2, 0.45])
    x = np.concatenate([family.ppf(shares).numpy(), family.isf(shares).numpy()])
    density = family.pdf(x).numpy()
    # Beyond the last number inside its support there is none.
    inside = (family.cdf(x).numpy() > 0) & (family.sf(x).numpy() > 0) & (density > 1e-250)
    x, density = x[inside], density[inside]

    def slope(f):
        return pa.func.grad(lambda x: pa.sum(f(x)))

    at = pa.asarray(x)
    np.testing.assert_allclose(slope(family.cdf)(at).numpy(), density, rtol=1e-11)
    np.testing.assert_allclose(slope(family.sf)(at).numpy(), -density, rtol=1e-11)
    # A sum of parts that may cancel, as at a mode
    bend, part = slope(family.pdf)(at).numpy(), density / np.abs(x - np.median(x) + 0.1)
    for tail, sign in ((family.cdf, 1), (family.sf, -1)):
        found = sign * slope(slope(tail))(at).numpy()
        np.testing.assert_array_less(np.abs(found - bend), 1e-9 * (np.abs(bend) + part) + 1e-290)
