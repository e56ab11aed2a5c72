"""Densities of large parameters, and tails beyond underflow, against numbers that mpmath found."""

import math

import numpy as np
import pytest
from support.modes import by_argument, in_all_modes

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

# A value, and its first three derivatives by the argument with that number: beside the edges of
# shapes, and where the formulas of a textbook cancel.
SHAPES = [
    (
        "genpareto",
        "logpdf",
        (3.0, 1e-09),
        1,
        (-2.9999999985, 1.4999999910000001, -8.9999999325, 67.49999931960001),
    ),
    (
        "genpareto",
        "logpdf",
        (1000000.0, 0.7),
        1,
        (-32.685747103447305, 23.9976315738039, -67.69003440076713, 284.68577246892625),
    ),
    (
        "genpareto",
        "cdf",
        (1e-07, -0.4),
        1,
        (
            9.999999700000001e-08,
            -4.999999766666667e-15,
            6.666666349999996e-22,
            -1.4999999419999978e-28,
        ),
    ),
    (
        "genpareto",
        "logpdf",
        (1.25, -0.75),
        1,
        (-0.9241962407465938, 1.7376200493515, -75.36634653506266, 3431.8679471930827),
    ),
    ("genpareto", "logsf", (1e150, 0.5), 0, (-689.3892335370938, -2e-150, 2e-300, -0.0)),
    (
        "genextreme",
        "logpdf",
        (-1.5, -1e-10),
        1,
        (-2.9816890705797547, 2.4169002052559168, -11.255938143917565, 60.10305774176166),
    ),
    (
        "genextreme",
        "logpdf",
        (1.2, 0.8),
        1,
        (-0.8226075000370484, -1.8896564448377002, -144.0117433635282, -9654.711542206542),
    ),
    (
        "genextreme",
        "logsf",
        (60.0, -1e-05),
        1,
        (-59.98200719676156, -1798.5609713783085, -143805.7864685999, -19402721.808055025),
    ),
    (
        "genextreme",
        "ppf",
        (0.995, 9.094947017729282e-13),
        1,
        (5.295812142522271, -14.022813124465678, 49.50812267801003, -196.63928792419202),
    ),
    (
        "truncnorm",
        "logpdf",
        (40.5, 40.0, 41.0),
        1,
        (-16.435496519450883, 40.02496884720726, 0.9993773316214126, 3.1017440557984446e-05),
    ),
    (
        "truncnorm",
        "logpdf",
        (6.0, 5.9990234375, 6.0009765625),
        2,
        (6.238319061946594, -509.00569755337494, 262141.33140299458, -268435457.4768177),
    ),
    (
        "truncnorm",
        "cdf",
        (100.0078125, 100.0, 10000.0),
        1,
        (0.5422163671778765, -45.78294020343075, -4579.209496106881, -458058.2892820287),
    ),
    (
        "truncnorm",
        "logsf",
        (50.0, -1.0, 60.0),
        0,
        (-1254.6586073603964, -50.019984031905636, -0.999600956813196, -1.5923581891197387e-05),
    ),
    (
        "truncnorm",
        "cdf",
        (9.5367431640625e-07, -1.9073486328125e-06, 1.9073486328125e-06),
        0,
        (0.7500000000001137, 262144.00000003976, -0.2500000000000379, -262143.9999998013),
    ),
    (
        "vonmises",
        "cdf",
        (0.75, 2.0),
        1,
        (0.826501355510488, 0.0729314558112221, -0.035437518825458945, 0.01353516897630155),
    ),
    (
        "vonmises",
        "cdf",
        (-2.5, 0.125),
        1,
        (0.09052290779399372, -0.09004539295732947, 0.044895828911221035, 0.04843711575559154),
    ),
    (
        "vonmises",
        "cdf",
        (-0.5, 100.0),
        1,
        (
            3.872863943402354e-07,
            -4.9218919939780656e-08,
            6.272062493279351e-09,
            -8.017365071908822e-10,
        ),
    ),
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
    one = by_argument(getattr(getattr(pa.stats, name), method), at, i)
    np.testing.assert_allclose(one(pa.tensor(at[i])).item(), wanted[0], rtol=1e-12)
    np.testing.assert_allclose(in_all_modes(one, at[i], ONE), wanted[1], rtol=1e-11)
    second = in_all_modes(one, at[i], ONE, ONE)
    np.testing.assert_allclose(second, wanted[2], rtol=1e-4, atol=1e-300)


@pytest.mark.parametrize(
    "name, method, at, i, wanted", SHAPES, ids=[f"{case[0]}.{case[1]}" for case in SHAPES]
)
def test_derivatives_beside_edges(name, method, at, i, wanted):
    one = by_argument(getattr(getattr(pa.stats, name), method), at, i)
    np.testing.assert_allclose(one(pa.tensor(at[i])).item(), wanted[0], rtol=1e-13)
    for order in (1, 2, 3):
        got = in_all_modes(one, at[i], *[ONE] * order)
        np.testing.assert_allclose(got, wanted[order], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name, sign", [("genpareto", 1), ("genextreme", -1)])
def test_shapes_of_extremes_are_smooth_at_zero(name, sign):
    """At shape 0 there are the exponential and Gumbel's family, and series in the shape."""
    family = getattr(pa.stats, name)
    x, y = pa.tensor(2.5), 2.5
    limit = pa.stats.expon if name == "genpareto" else pa.stats.gumbel_r
    for method in ("logpdf", "cdf", "sf", "logcdf", "logsf"):
        got = getattr(family, method)(x, 0.0).item()
        assert got == pytest.approx(getattr(limit, method)(x).item(), rel=1e-15, abs=0)
    # The reduced variate is y - c y**2 / 2 + c**2 y**3 / 3 - ...
    series = [-(y**2) / 2, 2 * y**3 / 3, -6 * y**4 / 4]
    reduced = lambda c: (  # noqa: E731
        -family.logsf(x, sign * c) if sign == 1 else -pa.log(-family.logcdf(x, sign * c))
    )
    for order, wanted in enumerate(series, start=1):
        np.testing.assert_allclose(in_all_modes(reduced, 0.0, *[ONE] * order), wanted, rtol=1e-13)


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


@pytest.mark.parametrize("name", ["cauchy", "halfcauchy", "arcsine"])
@pytest.mark.parametrize("q", [1e-9, 0.2, 0.5, 0.75, 1 - 2.0**-30, 1 - 2.0**-53])
def test_quantiles_on_both_sides_have_all_digits(name, q):
    """The rest to 1 is exact, so that both quantiles meet there with their slopes."""
    family = getattr(pa.stats, name)
    rest = pa.tensor(1.0 - q)
    for one, other in ((family.ppf, family.isf), (family.isf, family.ppf)):
        rel = 4e-16 if q > 0.5 else 1e-7
        assert one(q).item() == pytest.approx(other(rest).item(), rel=rel, abs=1e-300)
        slopes = pa.func.grad(one)(q).item(), -pa.func.grad(other)(rest).item()
        assert slopes[0] == pytest.approx(slopes[1], rel=2 * rel, abs=0)
    near = {"cauchy": -1 / (np.pi * 1e-9), "halfcauchy": np.pi / 2 * 1e-9}
    if q == 1e-9 and name in near:
        assert family.ppf(q).item() == pytest.approx(near[name], rel=1e-15, abs=0)


@pytest.mark.parametrize("rest", [2.0**-30, 2.0**-53])
def test_quantiles_beside_an_end_move_with_the_other_one(rest):
    family, ends = pa.stats.loguniform, (0.5, 3.0)
    for quantile, q, end in ((family.ppf, 1.0 - rest, 0), (family.isf, 1.0 - rest, 1)):
        slope = pa.func.grad(lambda *ends, f=quantile, q=q: f(q, *ends), argnums=end)(*ends)
        place = quantile(q, *ends).item()
        assert slope.item() == pytest.approx(place * rest / ends[end], rel=1e-14, abs=0)


def test_quantiles_that_underflow_or_overflow():
    assert pa.stats.gamma.ppf([1e-300, 1e-30], 0.01).tolist() == [0.0, 0.0]
    assert pa.stats.beta.ppf(1e-300, 0.01, 3.0).item() == 0.0
    assert pa.stats.t.ppf(1e-300, 0.1).item() == -math.inf
    assert pa.stats.t.isf(1e-300, 0.1).item() == math.inf


def test_a_normal_distribution_without_bounds():
    x = np.array([-3.0, 0.0, 0.5, 40.0])
    for method in ("logpdf", "cdf", "sf", "logcdf", "logsf"):
        got = getattr(pa.stats.truncnorm, method)(x, -np.inf, np.inf).numpy()
        wanted = getattr(pa.stats.norm, method)(x).numpy()
        np.testing.assert_allclose(got, wanted, rtol=1e-13)
    slopes = pa.func.grad(pa.stats.truncnorm.logpdf, argnums=(0, 1, 2))(0.5, -np.inf, np.inf)
    assert [g.item() for g in slopes] == [-0.5, 0.0, 0.0]


def test_quantiles_far_out_between_bounds():
    for a, b, q in ((50.0, 60.0, 0.3), (-1e3, -9e2, 1e-9), (3.0, np.inf, 0.999), (-1.0, 1e-3, 0.4)):
        x = pa.stats.truncnorm.ppf(q, a, b)
        np.testing.assert_allclose(pa.stats.truncnorm.cdf(x, a, b).item(), q, rtol=1e-9)
        other = pa.stats.truncnorm.isf(q, -b, -a)
        np.testing.assert_allclose(other.item(), -x.item(), rtol=1e-12)


def test_the_angle_goes_on_beyond_a_turn():
    f = pa.stats.vonmises
    for x in (-2.0, 0.5, 3.0):
        once, twice = f.cdf(x, 1.5).item(), f.cdf(x + 4 * math.pi, 1.5).item()
        assert twice - 2 == pytest.approx(once, rel=1e-12, abs=0)
        assert f.sf(x - 2 * math.pi, 1.5).item() - 1 == pytest.approx(1 - once, rel=1e-12, abs=0)
    # Uniform at concentration 0, and smooth there
    assert f.cdf(1.0, 0.0).item() == pytest.approx(0.5 + 1 / (2 * math.pi), rel=1e-14, abs=0)
    slope = math.sin(1.0) / (2 * math.pi)
    for method, wanted in (("cdf", slope), ("ppf", -math.sin(0.6 * math.pi))):
        at = 1.0 if method == "cdf" else 0.8
        got = pa.func.grad(getattr(f, method), argnums=1)(at, 0.0).item()
        assert got == pytest.approx(wanted, rel=1e-12, abs=0)


# Families, a probability, and what its first and second derivatives are
NEAR_LIMITS = [
    ("expon", "cdf", (20.0,), math.exp(-20), -math.exp(-20)),
    ("logistic", "cdf", (40.0,), math.exp(-40), -math.exp(-40)),
    ("pareto", "cdf", (1e8, 3.0), 3e-32, -12e-40),
    ("weibull_min", "cdf", (3.0, 5.0), 405 * math.exp(-243), (540 - 405**2) * math.exp(-243)),
    ("gumbel_r", "sf", (-5.0,), *(s * math.exp(5 - math.exp(5)) for s in (-1, 1 - math.exp(5)))),
    ("powerlaw", "sf", (1e-20, 3.0), -3e-40, -6e-20),
    ("triang", "sf", (1e-20, 0.4), -5e-20, -5.0),
]


@pytest.mark.parametrize(("name", "method", "at", "first", "second"), NEAR_LIMITS)
def test_slopes_of_probabilities_near_one(name, method, at, first, second):
    f = by_argument(getattr(getattr(pa.stats, name), method), at, 0)
    for order, wanted in ((1, first), (2, second)):
        found = in_all_modes(f, at[0], *[1.0] * order)
        assert found == pytest.approx([wanted] * len(found), rel=1e-12, abs=0)


def test_second_derivatives_beside_the_ends():
    # Of a folded normal distribution the density is flat at 0.
    z, c = 1e-13, 0.9
    for tail, sign in (("cdf", 1), ("sf", -1), ("logsf", 0)):
        f = by_argument(getattr(pa.stats.foldnorm, tail), (z, c), 0)
        flat = sign * 2 * z * (c * c - 1) * math.exp(-0.5 * c * c) / math.sqrt(2 * math.pi)
        density = pa.stats.foldnorm.pdf(z, c).item()
        wanted = flat if sign else -(density**2)
        found = in_all_modes(f, z, 1.0, 1.0)
        assert found == pytest.approx([wanted] * len(found), rel=1e-12, abs=1e-15)
    # One slope from both sides
    for tail, slope in (("cdf", 0.5), ("sf", -0.5), ("logcdf", 1.0), ("logsf", -1.0)):
        f = by_argument(getattr(pa.stats.laplace, tail), (0.0,), 0)
        assert in_all_modes(f, 0.0, 1.0) == pytest.approx([slope] * 5, rel=1e-15, abs=0)
    # All of the density on that side counts.
    for x in (1.456577853391, 1.673811738391):
        f = by_argument(pa.stats.rice.cdf, (x, 1.3), 0)
        slope = pa.func.grad(pa.stats.rice.pdf)(pa.tensor(x), 1.3).item()
        found = in_all_modes(f, x, 1.0, 1.0)
        assert found == pytest.approx([slope] * len(found), rel=1e-10, abs=0)
    a, b = -1.2, 2.1
    for q in (1e-8, 1e-30, 1e-200):
        for method, sign, end in (("ppf", 1, a), ("isf", -1, b)):
            f = by_argument(getattr(pa.stats.truncnorm, method), (q, a, b), 0)
            density = pa.stats.truncnorm.pdf(end, a, b).item()
            first, second = (in_all_modes(f, q, *[1.0] * order) for order in (1, 2))
            assert first == pytest.approx([sign / density] * len(first), rel=1e-6, abs=0)
            assert second == pytest.approx([end / density**2] * len(second), rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("family", "place", "shapes", "power"),
    [
        ("cauchy", -3e99, (), 1.0),
        ("halfcauchy", 1e90, (), 1.0),
        ("t", 9e98, (0.3,), 0.3),
        ("t", -1e50, (4.0,), 4.0),
    ],
)
def test_small_densities_by_the_scale(family, place, shapes, power):
    """Far out a density is the scale to that power times a constant."""
    family = getattr(pa.stats, family)
    by_scale = pa.func.grad(lambda scale: family.pdf(place, *shapes, scale=scale))(1.0).item()
    expected = power * family.pdf(place, *shapes).item()
    assert by_scale == pytest.approx(expected, rel=1e-12, abs=0)


def test_slopes_of_the_upper_tail_of_f_near_zero():
    """With two degrees of freedom first the density at 0 is 1."""
    assert pa.func.grad(pa.stats.f.sf)(1e-250, 2.0, 7.0).item() == pytest.approx(
        -1.0, rel=1e-14, abs=0
    )
    by_b = pa.func.grad(pa.stats.betaprime.sf, argnums=2)(1e-200, 1.0, 3.0).item()
    assert by_b == pytest.approx(-1e-200, rel=1e-14, abs=0)
