"""Quotients of gamma functions at zeros, at poles and of large arguments."""

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa
from pyautograd import special

# Made with mpmath 1.3: name, arguments, the position of one of them, the value and its first and
# second derivatives in that argument
VALUES = [
    ("rgamma", (-3.0,), 0, (0.0, -6.0, 15.073412021181605)),
    ("rgamma", (0.0,), 0, (0.0, 1.0, 1.1544313298030657)),
    (
        "rgamma",
        (150.5,),
        0,
        (2.1454289173407216e-262, -1.074996582718775e-261, 5.384987528474868e-261),
    ),
    ("rgamma", (-20.3,), 0, (-1.5538889773435745e18, 8.262882213750307e18, -2.058124577499495e19)),
    ("zetac", (60.0,), 0, (8.673617380119933e-19, -6.01209343238152e-19, 4.1672656120232954e-19)),
    ("zetac", (-2.5,), 0, (-0.9914830712221496, -0.006265736372189758, -0.0337977180364223)),
    ("binom", (5.0, 6.0), 1, (0.0, -0.16666666666666666, 0.8166666666666667)),
    ("binom", (5.0, 6.0), 0, (0.0, 0.16666666666666666, 0.7611111111111111)),
    ("binom", (5.0, -2.0), 1, (0.0, -0.023809523809523808, -0.07585034013605442)),
    ("binom", (-2.5, 3.0), 0, (-6.5625, 5.958333333333333, -3.5)),
    ("binom", (-2.5, 3.0), 1, (-6.5625, -2.3295265884840513, 64.4967577952851)),
    ("binom", (-2.5, -3.0), 1, (0.0, 5.333333333333333, -9.453806518612167)),
    ("binom", (-2.5, -1.5), 0, (0.0, -0.6666666666666666, -1.707163074062368)),
    ("binom", (10000000000.0, 2.0), 0, (4.9999999995e19, 9999999999.5, 1.0)),
    ("binom", (30.0, 15.0), 1, (155117520.0, 0.0, -20008231.473855298)),
    ("binom", (-3.7, -9.2), 1, (37.52362048093517, -176.17310743088524, -246.73157855530675)),
    ("poch", (-3.0, 2.0), 0, (6.0, -5.0, 2.0)),
    ("poch", (-3.0, 1.5), 0, (0.0, -14.179630807244129, 15.681566449615287)),
    ("poch", (0.3, 0.0), 1, (1.0, -3.502524222200133, 24.513040473206377)),
    ("poch", (40.0, 1e-08), 0, (1.0000000367632744, 2.531510476875304e-10, -6.40820288823198e-12)),
    ("poch", (-2.3, 1e-08), 0, (1.0000000331732328, 1.4725912993036392e-07, 6.871380082192962e-07)),
    (
        "poch",
        (100000.0, -12.5),
        1,
        (3.1649470736216524e-63, 3.6437388289329223e-62, 4.194962299985638e-61),
    ),
    ("poch", (2.5, -4.2), 1, (1.891105951056409, -2.809649204914013, 31.845388578123487)),
    (
        "poch",
        (-2.5, -4.2),
        0,
        (0.0014830827795214972, -0.0020922964260067043, 0.010962631496948585),
    ),
    ("poch", (-2.5, 9.2), 1, (-437.325402598706, -798.3936590937875, -1527.9549148591284)),
]


@pytest.mark.parametrize(("name", "args", "place", "expected"), VALUES)
def test_values_and_derivatives(name, args, place, expected):
    f = getattr(special, name)
    for want in expected:
        np.testing.assert_allclose(f(*args).item(), want, rtol=2e-13, atol=0 if want else 1e-8)
        f = pa.func.grad(f, argnums=place)


def test_zeros_of_the_reciprocal_have_derivatives_of_every_order():
    f = special.rgamma
    for order, want in enumerate([0.0, -6.0, 15.073412021181605, 25.707844458230308]):
        assert f(-3.0).item() == pytest.approx(want, rel=1e-13, abs=0), order
        f = pa.func.grad(f)
    assert special.rgamma(-250.0).item() == 0.0
    assert special.rgamma(-200.5).item() == -np.inf
    assert pa.func.grad(special.rgamma)(-250.0).item() > 1e308
    assert special.rgamma(175.0).item() == pytest.approx(1.5563171e-316, rel=1e-7, abs=0)


def test_whole_numbers_are_exact():
    n, k = np.meshgrid(np.arange(41.0), np.arange(41.0))
    np.testing.assert_array_equal(special.binom(n, k).numpy(), np.rint(sc.binom(n, k)))
    z, m = np.meshgrid(np.arange(-9.0, 10.0), np.arange(9.0))
    np.testing.assert_array_equal(special.poch(z, m).numpy(), np.rint(sc.poch(z, m)))


def test_large_arguments():
    assert special.binom(1e200, 1.0).item() == pytest.approx(1e200, rel=1e-13, abs=0)
    assert special.binom(-1.5, 1e17).item() == pytest.approx(356824823.2305536, rel=1e-13, abs=0)
    assert special.binom(2.5, -1e3).item() == 0.0
    assert special.poch(1e300, 1e-3).item() == pytest.approx(1.9952623149688797, rel=1e-13, abs=0)
    assert special.poch(-1e-310, 1.0).item() == -1e-310
    assert special.poch([3.0, -np.inf, np.inf], [np.inf, 1.0, -1.0]).tolist()[::2] == [np.inf, 0.0]


def test_signs_have_no_derivative():
    x = pa.tensor([0.5, -0.5], requires_grad=True)
    assert not special.gammasgn(x).requires_grad
    assert sc.gammasgn(x).tolist() == [1.0, -1.0]
    with pytest.raises(TypeError, match=r"\[special.zetac\] is not defined for dtype complex"):
        special.zetac(1j)


def test_captured_and_through_scipy():
    x = pa.tensor([0.2, -2.7, -1.0], requires_grad=True)
    for name in ("rgamma", "zetac", "binom", "poch"):
        given = () if name in ("rgamma", "zetac") else (2.5,)
        f = getattr(special, name)
        slope = pa.captured(pa.func.grad(lambda y, f=f, given=given: f(*given, y).sum()))
        (expected,) = pa.grad(getattr(sc, name)(*given, x).sum(), [x])
        for _ in range(2):
            np.testing.assert_allclose(slope(x.detach()).numpy(), expected.numpy(), rtol=1e-14)


@pytest.mark.parametrize("point", [(0.5, -0.5), (-0.5, 0.5), (0.3, -1.3), (-2.6, 0.6)])
def test_beta_at_its_zeros(point):
    """Where a + b is 0 or a negative integer the function crosses 0; 1 / gamma(a + b) does."""
    a, b = (np.array([x, 1.2, x]) for x in point)
    a[2] = 0.7  # beside ordinary points
    assert special.beta(a, b).tolist()[0] == 0.0
    gradient = pa.func.grad(lambda a, b: pa.sum(special.beta(a, b)), argnums=(0, 1))
    for along in ((1.0, 0.0), (0.0, 1.0), (1.0, -2.0)):
        step = 1e-4

        def moved(values, by, along=along):
            return [x + by * t * np.array([1.0, 0, 0]) for x, t in zip(values, along, strict=True)]

        slope = sum(g[0].item() * t for g, t in zip(gradient(a, b), along, strict=True))
        ahead, behind = (special.beta(*moved((a, b), by)).numpy()[0] for by in (step, -step))
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5)
        tangents = [pa.tensor(t * np.array([1.0, 0, 0])) for t in along]
        seconds = pa.func.jvp(gradient, (pa.tensor(a), pa.tensor(b)), tuple(tangents))[1]
        pairs = zip(gradient(*moved((a, b), step)), gradient(*moved((a, b), -step)), strict=True)
        for second, (after, before) in zip(seconds, pairs, strict=True):
            wanted = (after.numpy() - before.numpy()) / (2 * step)
            np.testing.assert_allclose(second.numpy(), wanted, rtol=1e-4, atol=1e-6)
    assert np.isclose(pa.func.grad(special.beta)(0.5, -0.5).item(), -2 * np.pi, rtol=1e-14, atol=0)
