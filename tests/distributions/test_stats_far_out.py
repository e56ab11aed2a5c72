"""Densities and tails of further families far out, against numbers that mpmath found."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from support.modes import by_argument, in_all_modes

import pyautograd as pa

# Family, method, arguments, the number of one of them, and a value with its first and second
# derivatives by that one
FAR = [
    (
        "skewnorm",
        "logpdf",
        (-30.0, 5.0),
        1,
        (-11706.155409619452, -4500.199982226171, -899.9600106627179),
    ),
    (
        "skewnorm",
        "logcdf",
        (-3.0, 5.0),
        0,
        (-125.22228881458466, 78.65825763930275, -25.786025595661922),
    ),
    (
        "skewnorm",
        "logcdf",
        (-8.0, 60.0),
        1,
        (-115249.5869374133, -3840.0499903094583, -63.999167151102284),
    ),
    (
        "skewnorm",
        "cdf",
        (0.001, 60.0),
        1,
        (0.0057131622769754946, -8.823584695160657e-05, 2.9456722775021255e-06),
    ),
    (
        "skewnorm",
        "logsf",
        (20.0, -3.0),
        1,
        (-2010.5381688868115, 1200.9328490290175, -399.72933271438376),
    ),
    (
        "invgauss",
        "logpdf",
        (0.001, 10000.0),
        1,
        (-490.55720561473646, -9.999999e-09, 1.9999997e-12),
    ),
    (
        "invgauss",
        "logcdf",
        (0.001, 0.7),
        1,
        (-502.2531134532844, -2.0379066766102376, 5.818433861890683),
    ),
    (
        "invgauss",
        "logsf",
        (1000.0, 1.5),
        0,
        (-231.3392450090321, -0.22371508063639894, 1.4858229080093192e-06),
    ),
    (
        "invgauss",
        "sf",
        (3.0, 0.7),
        1,
        (0.009103885960610469, 0.08085531984124009, 0.39104408998602896),
    ),
    (
        "wald",
        "logsf",
        (200.0,),
        0,
        (-107.19048898758662, -0.507415240686495, 3.666547695396193e-05),
    ),
    (
        "exponnorm",
        "logpdf",
        (-30.0, 30.0),
        1,
        (-457.72354938083095, -0.03329641898264851, 0.0011086515140764034),
    ),
    (
        "exponnorm",
        "logcdf",
        (-30.0, 1.5),
        0,
        (-458.152026381525, 30.065728551492494, -0.9978465771881447),
    ),
    (
        "exponnorm",
        "cdf",
        (6.0, 2000.0),
        1,
        (0.0029953798711354817, -1.4953823046549933e-06, 1.4930771053321025e-09),
    ),
    (
        "exponnorm",
        "logsf",
        (50.0, 0.02),
        1,
        (-1250.6773217500872, 1963.3927049623355, 2100619.401182992),
    ),
    (
        "foldnorm",
        "logcdf",
        (0.01, 15.0),
        1,
        (-117.32723106357015, -14.999500755034624, -0.9999668165713951),
    ),
    (
        "foldnorm",
        "logsf",
        (30.0, 2.0),
        0,
        (-396.25241451163106, -28.035623753469082, -0.9987341489455646),
    ),
    (
        "foldnorm",
        "cdf",
        (3.0, 2.0),
        0,
        (0.8413444594169711, 0.24197221123865809, -0.24197815811671702),
    ),
    (
        "johnsonsu",
        "logsf",
        (100000.0, 2.0, 1.5),
        2,
        (-210.16237153568764, -248.49259452965916, -148.63214180810004),
    ),
    (
        "johnsonsb",
        "logpdf",
        (1e-06, 0.3, 1.2),
        0,
        (-119.41770110683463, 18534354.297822133, -19974336643451.62),
    ),
    (
        "gengamma",
        "logpdf",
        (1.001, 200.0, 2.5),
        1,
        (-857.5211303030871, -5.293316532387203, -0.005012520833229168),
    ),
    (
        "gengamma",
        "logcdf",
        (0.4, 2.5, -0.8),
        0,
        (-0.6420212504554497, 2.2292919097438806, -12.409411093467048),
    ),
    (
        "gengamma",
        "logsf",
        (3.0, 1.5, 0.1),
        0,
        (-0.643167617821531, -0.027637579481681364, 0.008095043151327082),
    ),
    (
        "chi",
        "logpdf",
        (40.0, 300.0),
        1,
        (-400.31344367869235, 0.8386567352961241, -0.0016722345677914986),
    ),
    (
        "nakagami",
        "logpdf",
        (1.1, 80.0),
        1,
        (0.3184988923383017, -0.013116619761452366, -7.845051066194238e-05),
    ),
    (
        "gennorm",
        "logsf",
        (20.0, 1.7),
        1,
        (-166.04549580725165, -491.3522027635961, -1461.1712210301423),
    ),
    (
        "gennorm",
        "logcdf",
        (-0.01, 0.4),
        0,
        (-0.6958392894236733, 0.25749092229335185, 1.5660808643895867),
    ),
    (
        "loggamma",
        "logcdf",
        (-800.0, 0.3),
        1,
        (-239.89182519049214, -799.8308091111332, -1.1342534349966193),
    ),
    (
        "loggamma",
        "logpdf",
        (4.5, 90.0),
        1,
        (1.3300387495991246, 0.005756173164128417, -0.011173068124213722),
    ),
    (
        "exponweib",
        "logsf",
        (9.0, 0.3, 1.7),
        0,
        (-43.103803300040646, -7.914412426968333, -0.6155654109864259),
    ),
    (
        "exponweib",
        "logcdf",
        (0.0001, 4.0, 0.6),
        2,
        (-22.1127763946656, -36.76807609500462, -0.6745352563406186),
    ),
    (
        "burr12",
        "logsf",
        (10000.0, 4.0, 0.6),
        1,
        (-22.10481689274284, -5.526204223185709, -5.089822186059261e-15),
    ),
    (
        "burr12",
        "cdf",
        (10000.0, 4.0, 0.6),
        1,
        (0.9999999997488114, 1.3881197405971132e-09, -7.671033172775217e-09),
    ),
    ("genlogistic", "logsf", (200.0, 5.0), 1, (-198.3905620875659, 0.2, -0.04)),
    (
        "weibull_max",
        "logsf",
        (-1e-05, 2.5),
        1,
        (-28.78231366242573, -11.512925464968408, -2.095759243906627e-11),
    ),
    (
        "levy",
        "logcdf",
        (1000000.0,),
        0,
        (-0.0007982029070198694, 3.992606447814557e-10, -5.990501766043325e-16),
    ),
    (
        "loguniform",
        "logpdf",
        (1.5, 1.49999, 1.50001),
        1,
        (10.819778284388917, 50000.333334487266, 2499999999.782057),
    ),
    ("arcsine", "sf", (1e-06,), 0, (0.999363380121529, -318.3100453388531, 159154863.51424477)),
    ("halflogistic", "cdf", (50.0,), 0, (1.0, 3.8574996959278356e-22, -3.8574996959278356e-22)),
    ("hypsecant", "logcdf", (-25.0,), 0, (-25.451582705289454, 1.0, -2.5716664639518906e-22)),
    ("laplace_asymmetric", "logsf", (200.0, 3.0), 1, (-602.302585092994, -200.6, 0.16)),
    (
        "moyal",
        "logcdf",
        (200.0,),
        0,
        (-2.9681911862806754e-44, 1.4840955931403377e-44, -7.420477965701688e-45),
    ),
    (
        "rice",
        "logpdf",
        (30.0, 12.0),
        1,
        (-162.4604454613908, 17.958304317421753, -0.9965229350359038),
    ),
    (
        "rice",
        "logcdf",
        (0.01, 3.0),
        1,
        (-14.403400055478704, -2.9999250034372715, -0.9999750030204994),
    ),
    ("rice", "cdf", (2.0, 1.5), 0, (0.5763207195219995, 0.4288941197495412, -0.12224428513198923)),
    (
        "rice",
        "logcdf",
        (4.0, 20.0),
        0,
        (-132.50636213102194, 16.188110238559585, -1.028039608545839),
    ),
    (
        "norminvgauss",
        "logpdf",
        (-20.0, 1.5, 0.5),
        1,
        (-43.82265767990113, -18.639048203252944, -0.30003732567297653),
    ),
    (
        "skellam",
        "logpmf",
        (40.0, 2.5, 1.75),
        1,
        (-77.81243822923898, 15.042575019390881, -6.400042950286582),
    ),
    (
        "skellam",
        "logpmf",
        (-3.0, 1000.0, 990.0),
        2,
        (-4.75927754204492, 0.006301552443371452, -0.0005088719197508358),
    ),
    (
        "skellam",
        "logcdf",
        (-30.0, 2.5, 1.75),
        2,
        (-61.92120620481535, 16.25690052409519, -9.795223298946915),
    ),
    (
        "skellam",
        "cdf",
        (1.0, 2.5, 1.75),
        1,
        (0.652801873116115, -0.19655884267048412, 0.0075798233148094305),
    ),
    (
        "skellam",
        "logsf",
        (25.0, 2.5, 1.75),
        1,
        (-41.43034926894187, 9.504462131285061, -4.158857461036243),
    ),
    ("betabinom", "cdf", (0.0, 1.0, 0.1, 0.15), 2, (0.6, -2.4, 19.2)),
    ("betabinom", "sf", (0.0, 1.0, 0.003, 0.002), 3, (0.6, -120.0, 48000.0)),
    (
        "betabinom",
        "logcdf",
        (20.0, 40.0, 2.0, 300.0),
        2,
        (-1.6934510955801827e-21, -4.3506521531431388e-21, -1.0161035163322272e-20),
    ),
    (
        "hypergeom",
        "logcdf",
        (18.0, 100.0, 20.0, 30.0),
        1,
        (-7.1904395319397442e-12, 1.4936261010032131e-12, -3.2659219429115316e-13),
    ),
    (
        "betabinom",
        "logpmf",
        (3.0, 7.0, 1000000.0, 2000000.0),
        2,
        (-1.3623502369467673, 6.666660000016296e-07, -2.2222177777894074e-12),
    ),
    (
        "betabinom",
        "logpmf",
        (0.0, 50.0, 0.01, 3.0),
        2,
        (-0.030361670731525712, -3.0342927482483035, 0.37435543699880397),
    ),
    (
        "betabinom",
        "cdf",
        (30.0, 60.0, 40.0, 30.0),
        2,
        (0.23294803754076954, -0.022441258124152555, 0.001657482889025683),
    ),
    (
        "betabinom",
        "logcdf",
        (2.0, 60.0, 90.0, 3.0),
        3,
        (-83.42882447589152, 2.6802899732155896, -0.3741521693779582),
    ),
    (
        "betabinom",
        "logsf",
        (55.0, 60.0, 0.5, 9.0),
        2,
        (-19.772657288894518, 3.959474011662768, -4.820424023902954),
    ),
    (
        "hypergeom",
        "logpmf",
        (30.0, 1000.0, 300.0, 100.0),
        1,
        (-2.391689139115336, -2.378917864824107e-05, -4.7497095243979685e-05),
    ),
    (
        "hypergeom",
        "logcdf",
        (5.0, 1000.0, 300.0, 100.0),
        2,
        (-23.254789396237392, -0.1295291303034053, -0.00027628217327329164),
    ),
    (
        "zipf",
        "logpmf",
        (3.0, 40.0),
        1,
        (-43.944491546725295, -1.0986122886674792, -4.3696956988496466e-13),
    ),
    (
        "zipf",
        "logsf",
        (10.0, 2.5),
        1,
        (-4.227719260908179, -2.730805874273918, 0.09324293743984899),
    ),
    (
        "zipf",
        "logsf",
        (1000.0, 200.0),
        1,
        (-1380.0377365644762, -6.9132968764642844, 2.5168808549816731e-5),
    ),
    (
        "zipf",
        "sf",
        (10.0, 1.0001),
        1,
        (0.99970714699836217, -2.928091823568437, 8.7629606853991771),
    ),
    (
        "loguniform",
        "cdf",
        (3.49999999965, 0.2, 3.5),
        1,
        (0.99999999996506185, -6.1033716797812456e-11, 9.1928076642169046e-11),
    ),
    (
        "loguniform",
        "sf",
        (1.0 + 2.0**-33, 1.0, 1e6),
        2,
        (0.99999999999157358, 6.0992476129592423e-19, -6.9822041403158355e-25),
    ),
]
ONE = np.ones(())


@pytest.mark.parametrize(
    "name, method, at, i, wanted", FAR, ids=[f"{case[0]}.{case[1]}" for case in FAR]
)
def test_values_and_derivatives(name, method, at, i, wanted):
    one = by_argument(getattr(getattr(pa.stats, name), method), at, i)
    np.testing.assert_allclose(one(pa.tensor(at[i])).item(), wanted[0], rtol=5e-13)
    np.testing.assert_allclose(in_all_modes(one, at[i], ONE), wanted[1], rtol=1e-10)
    second = in_all_modes(one, at[i], ONE, ONE)
    # Of two terms of opposite signs, nothing smaller than their rounding
    np.testing.assert_allclose(second, wanted[2], rtol=1e-9, atol=2e-17 * abs(wanted[1]))


@pytest.mark.parametrize("a", [-2.5, 0.0, 4.0])
def test_skewed_probabilities_meet_at_zero(a):
    family = pa.stats.skewnorm
    steps = np.array([-1e-9, 0.0, 1e-9])
    below = np.arctan2(1.0, a) / np.pi
    expected = below + steps / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(family.cdf(steps, a).numpy(), expected, rtol=1e-13)
    slopes = pa.func.vmap(pa.func.grad(lambda x: family.cdf(x, a)))(steps)
    np.testing.assert_allclose(slopes.numpy(), family.pdf(steps, a).numpy(), rtol=1e-12)


@pytest.mark.parametrize("mu", [(2.0, 3.0), (0.1, 5.0), (30.0, 40.0), (1e-3, 1e-3)])
def test_differences_of_counts_on_the_whole_line(mu):
    k, ours, scipys = np.arange(-1200.0, 1200.0), pa.stats.skellam, scipy.stats.skellam
    np.testing.assert_allclose(ours.cdf(k, *mu).numpy(), scipys.cdf(k, *mu), rtol=0, atol=1e-13)
    np.testing.assert_allclose(ours.sf(k, *mu).numpy(), 1 - ours.cdf(k, *mu).numpy(), atol=1e-13)
    p = np.array([0.1, 0.5, 0.9])
    assert np.array_equal(ours.ppf(p, *mu), scipys.ppf(p, *mu))
    assert np.array_equal(ours.isf(p, *mu), scipys.isf(p, *mu))


NAMES = "skewnorm invgauss exponnorm foldnorm rice norminvgauss"
SHAPES = {"norminvgauss": (3.0, -2.0)}


@pytest.mark.parametrize("name", NAMES.split())
@pytest.mark.parametrize("q", [1e-200, 1e-12, 0.4])
def test_quantiles_that_are_solved_for(name, q):
    family, shapes = getattr(pa.stats, name), SHAPES.get(name, (0.7,))
    for quantile, tail in ((family.ppf, family.cdf), (family.isf, family.sf)):
        np.testing.assert_allclose(tail(quantile(q, *shapes), *shapes).item(), q, rtol=1e-11)


def test_single_precision():
    for name, shapes in [
        *(("skewnorm", (2.0,)), ("invgauss", (0.7,)), ("rice", (1.5,))),
        *(("exponnorm", (0.7,)), ("foldnorm", (0.7,)), ("norminvgauss", (2.0, 0.5))),
    ]:
        family, x = getattr(pa.stats, name), np.array([0.3, 1.2, 4.0])
        for method in ("logpdf", "logcdf", "logsf"):
            single = getattr(family, method)(pa.asarray(x, dtype="float32"), *shapes)
            assert single.dtype == np.float32
            wanted = getattr(family, method)(x, *shapes).numpy()
            np.testing.assert_allclose(single.numpy(), wanted, rtol=2e-5)
    half = pa.stats.gennorm.logpdf(pa.asarray([0.5], dtype="float16"), 1.5)
    assert half.dtype == np.float16


def test_a_captured_family():
    f = pa.captured(lambda x, a: pa.sum(pa.stats.skewnorm.logcdf(x, a)))
    for a in (0.5, -1.5):
        x = pa.asarray([-3.0, 0.2, 2.0])
        wanted = pa.sum(pa.stats.skewnorm.logcdf(x, a)).item()
        assert f(x, pa.tensor(a)).item() == pytest.approx(wanted, rel=1e-14, abs=0)


def test_probabilities_with_too_many_terms_are_nan():
    assert np.isnan(pa.stats.hypergeom.cdf(5e6, 4e7, 2e7, 1e7).item())
    assert pa.stats.hypergeom.cdf(5000.0, 40000.0, 20000.0, 10000.0).item() == pytest.approx(
        0.504606, abs=1e-5
    )


@pytest.mark.parametrize("beta", [0.5, 1.5, 2.0, 8.0])
@pytest.mark.parametrize("z", [0.0, 1e-60, -1e-9, 1e-3])
def test_general_normal_probabilities_at_the_centre(z, beta):
    family, slope = pa.stats.gennorm, pa.func.grad
    density = beta / 2 / math.gamma(1 / beta) * math.exp(-(abs(z) ** beta))
    for method, sign in (("cdf", 1), ("sf", -1)):
        tail = getattr(family, method)
        log_tail = getattr(family, "log" + method)
        assert slope(tail)(z, beta).item() == pytest.approx(sign * density, rel=1e-14, abs=0)
        by_loc = slope(tail, argnums=2)(z, beta, 0.0).item()
        assert by_loc == pytest.approx(-sign * density, rel=1e-14, abs=0)
        ratio = sign * density / tail(z, beta).item()
        assert slope(log_tail)(z, beta).item() == pytest.approx(ratio, rel=1e-14, abs=0)
        if z != 0.0:
            second = -sign * math.copysign(density * beta * abs(z) ** (beta - 1), z)
            found = slope(slope(tail))(z, beta).item()
            assert found == pytest.approx(second, rel=1e-12, abs=0)


@pytest.mark.parametrize("low, high", [(0.0, np.inf), (0.5, np.inf), (-np.inf, 1.0)])
def test_derivatives_of_a_normal_distribution_with_one_bound(low, high):
    x = pa.tensor(0.7)
    density = pa.stats.truncnorm.pdf(x, low, high).item()
    want = [density, -0.7 * density, (0.49 - 1) * density]
    for order in (1, 2, 3):
        below = pa.derivative(lambda x: pa.stats.truncnorm.cdf(x, low, high), order)(x)
        above = pa.derivative(lambda x: pa.stats.truncnorm.sf(x, low, high), order)(x)
        assert below.item() == pytest.approx(want[order - 1], rel=1e-12, abs=0)
        assert above.item() == pytest.approx(-want[order - 1], rel=1e-12, abs=0)


@pytest.mark.parametrize("high", [1e-3, 1.0, np.inf])
def test_quantiles_beside_a_bound_at_zero(high):
    q = np.array([1e-300, 1e-12, 1e-10, 1e-5])
    mass = scipy.special.erf(high / np.sqrt(2)) / 2
    want = scipy.special.erfinv(2 * q * mass) * np.sqrt(2)
    got = pa.stats.truncnorm.ppf(pa.tensor(q), 0.0, high)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-14)
    other = pa.stats.truncnorm.isf(pa.tensor(q), -high, 0.0)
    np.testing.assert_allclose(other.numpy(), -want, rtol=1e-14)
