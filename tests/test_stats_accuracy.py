"""Densities of large parameters, and tails beyond underflow, against numbers that mpmath found."""

import math

import numpy as np
import pytest
from test_modes_at_edges import in_all_modes

import pyautograd as pa

# The logarithm of the density, and its derivatives by all arguments.
LARGE = [
    ("gamma", (1e8, 1e8), (-10.12927890601419, -1e-08, 5.0000000083333336e-09)),
    (
        "chi2",
        (1.001e10, 1e10),
        (-2511.1140194229706, -0.0004995005994005994, 0.0004997502165417666),
    ),
    (
        "invgamma",
        (2.0**-30, 2.0**30),
        (30.272684591915255, -1073741824.0, 4.656612873800194e-10),
    ),
    (
        "beta",
        (0.25, 2.5e9, 7.5e9),
        (11.43097514851528, -2.6666666666666665, 1.500000000125e-10, 1.6666666667314815e-11),
    ),
    ("t", (1.5, 1e9), (-2.043938533314048, -1.499999998125, 1.09375001265625e-19)),
    (
        "poisson",
        (1e10, 1.00001e10),
        (-12.9318606648749, 9.999900000333332e-06, -9.99990000099999e-06),
    ),
    (
        "binom",
        (2.0**31, 2.0**33, 0.25),
        (-11.518878795699974, -1.552204290865175e-10, -1.9402553636944064e-11, 0.0),
    ),
    (
        "nbinom",
        (3e9, 1e9, 0.25),
        (-12.523024776662156, -2.9166666666261573e-10, 3.75000000078125e-10, 0.0),
    ),
]
# A value, and its first and second derivatives by the argument with that number.
FAR = [
    ("gamma", "logsf", (1000.0, 2.5), 0, (-989.9215503273734, -0.9985014992488801, -1.497e-06)),
    ("gamma", "logcdf", (30.0, 400.0), 0, (-669.9440022055311, 12.336027580571693, -0.4444372)),
    ("chi2", "logsf", (3000.0, 7.0), 0, (-1482.9162556908557, -0.4991672224067287, -2.77407e-07)),
    (
        "invgamma",
        "logcdf",
        (2.0**-10, 0.75),
        0,
        (-1025.9363927758202, 1048831.750547521, -2147745791.441169),
    ),
    (
        "beta",
        "logcdf",
        (0.001, 150.0, 3.0),
        0,
        (-1026.8172664125957, 149998.0112695598, -150000001.97743747),
    ),
    (
        "beta",
        "logsf",
        (1 - 2.0**-10, 2.0, 120.0),
        0,
        (-826.9817950873643, -122879.00730304401, -125829120.98544724),
    ),
    ("t", "logcdf", (-1000.0, 200.0), 0, (-855.3085653532561, 0.19996020597821998, 1.998806e-4)),
    ("poisson", "logsf", (900.0, 20.0), 1, (-2554.101820390107, 44.05113372862348, -2.2524987)),
    (
        "poisson",
        "logcdf",
        (5.0, 900.0),
        1,
        (-870.7699531091148, -0.994450637867457, -6.159053e-06),
    ),
    (
        "binom",
        "logsf",
        (500.0, 1000.0, 2.0**-7),
        2,
        (-1745.3077867084523, 63626.08850659978, -8208887.810696512),
    ),
    (
        "nbinom",
        "logcdf",
        (4.0, 1000.0, 2.0**-7),
        2,
        (-4827.598652845791, 127995.97256318163, -16384004.055049498),
    ),
    (
        "nbinom",
        "logsf",
        (500.0, 5.0, 0.9375),
        2,
        (-1367.6163014912727, -8011.742401684992, -128260.53172445467),
    ),
    (
        "geom",
        "logsf",
        (1e6, 0.25),
        1,
        (-287682.0724517809, -1333333.3333333333, -1777777.7777777778),
    ),
    ("gumbel_r", "logsf", (800.0,), 0, (-800.0, -1.0, 0.0)),
    (
        "halfnorm",
        "logsf",
        (1e-09,),
        0,
        (-7.978845611211753e-10, -0.7978845614394852, -0.6366197725856112),
    ),
    ("weibull_min", "logcdf", (1e-200, 3.0), 0, (-1381.5510557964274, 3e200, -math.inf)),
    ("cauchy", "logpdf", (1e200,), 0, (-922.1787670834676, -2e-200, 0.0)),
]


ONE = np.ones(())


@pytest.mark.parametrize("name, at, wanted", LARGE, ids=[case[0] for case in LARGE])
def test_densities_of_large_parameters(name, at, wanted):
    family = getattr(pa.stats, name)
    density = family.logpmf if hasattr(family, "_logpmf") else family.logpdf
    points = [pa.tensor(x) for x in at]
    value = density(*points).item()
    np.testing.assert_allclose(value, wanted[0], rtol=3e-12)
    for i, expected in enumerate(wanted[1:]):

        def one(x, i=i):
            return density(*[x if j == i else p for j, p in enumerate(points)])

        first = in_all_modes(one, at[i], ONE)
        # What is left after the terms have cancelled is no smaller than their rounding.
        np.testing.assert_allclose(first, expected, rtol=1e-9, atol=1e-14 * abs(value / at[i]))


@pytest.mark.parametrize(
    "name, method, at, i, wanted", FAR, ids=[f"{case[0]}.{case[1]}" for case in FAR]
)
def test_tails_beyond_underflow(name, method, at, i, wanted):
    points = [pa.tensor(x) for x in at]

    def one(x):
        place = [x if j == i else p for j, p in enumerate(points)]
        return getattr(getattr(pa.stats, name), method)(*place)

    np.testing.assert_allclose(one(points[i]).item(), wanted[0], rtol=1e-12)
    np.testing.assert_allclose(in_all_modes(one, at[i], ONE), wanted[1], rtol=1e-11)
    second = in_all_modes(one, at[i], ONE, ONE)
    np.testing.assert_allclose(second, wanted[2], rtol=1e-4, atol=1e-300)


@pytest.mark.parametrize("method", ["logcdf", "logsf"])
@pytest.mark.parametrize("name, shapes", [("gamma", (2.5,)), ("beta", (1.5, 40.0)), ("t", (60.0,))])
def test_tails_go_on_where_they_underflow(name, shapes, method):
    """The formula of the far tail is the logarithm of the near one, where both hold."""
    sign = 1 if method == "logsf" else -1
    near = {"gamma": (640.0, 1e-100), "beta": (1 - 1e-7, 1e-150), "t": (3e5, -3e5)}
    x = pa.tensor(near[name][0 if sign == 1 else 1])
    family = getattr(pa.stats, name)
    tail = getattr(family, method)(x, *shapes).item()
    density = math.exp(family.logpdf(x, *shapes).item() - tail)
    slope = pa.func.grad(lambda x: getattr(family, method)(x, *shapes))(x).item()
    assert -680 < tail < -200
    np.testing.assert_allclose(slope, -sign * density, rtol=1e-10)


def test_tails_in_single_precision():
    x = pa.tensor([30.0, 120.0, 400.0], dtype="float32")
    single = pa.stats.gamma.logsf(x, 2.5)
    assert single.dtype == np.float32
    wanted = pa.stats.gamma.logsf(x.astype("float64"), 2.5)
    np.testing.assert_allclose(single.numpy(), wanted.numpy(), rtol=1e-6)


@pytest.mark.parametrize("a, x", [(1e6, 978876.8023126166), (1e4, 9500.0), (1e5, 101387.0)])
def test_quantiles_of_large_shapes(a, x):
    lower = x < a
    tail = pa.special.gammainc if lower else pa.special.gammaincc
    inverse = pa.special.gammaincinv if lower else pa.special.gammainccinv
    share = tail(a, x)
    np.testing.assert_allclose(inverse(a, share).item(), x, rtol=1e-14)
    slope = pa.func.grad(inverse, argnums=1)(pa.tensor(a), share).item()
    density = pa.stats.gamma.pdf(x, a).item()
    np.testing.assert_allclose(slope, (1 if lower else -1) / density, rtol=1e-11)


def test_quantiles_that_underflow_or_overflow():
    assert pa.stats.gamma.ppf([1e-300, 1e-30], 0.01).tolist() == [0.0, 0.0]
    assert pa.stats.beta.ppf(1e-300, 0.01, 3.0).item() == 0.0
    assert pa.stats.t.ppf(1e-300, 0.1).item() == -math.inf
    assert pa.stats.t.isf(1e-300, 0.1).item() == math.inf
