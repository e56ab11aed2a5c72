"""Bessel functions of real order, against numbers that mpmath found."""

import math

import numpy as np
import pytest

import pyautograd as pa

jv, yv = pa.special.jv, pa.special.yv
# Order and argument; of both kinds, the value and its derivatives by the order, by the argument,
# twice by the order, and by both.
CASES = [
    (
        (0.3, 1.7),
        (
            0.5575784034520822,
            0.35558141233149787,
            -0.40008018591793926,
            -1.1392466124345308,
            0.6924456396296839,
        ),
        (
            0.23658404548525758,
            -0.7789316673614697,
            0.5018659768820154,
            -0.2077099903686658,
            0.53266500692625,
        ),
    ),
    (
        (2.0, 2.0),
        (
            0.35283402861563773,
            -0.2811521848686339,
            0.22389077914123567,
            0.05167430881292832,
            0.04855440981900197,
        ),
        (
            -0.6174081041906827,
            -0.40607499133375413,
            0.5103756726497451,
            0.05664884475071947,
            0.06404967015797844,
        ),
    ),
    (
        (60.0, 60.25),
        (
            0.12083476084317198,
            -0.02690003598338325,
            0.02619370497627964,
            -0.0008521287864831026,
            0.0011518176033469404,
        ),
        (
            -0.18614763685996644,
            -0.04612503975544073,
            0.04709246705303865,
            0.0017980992474001152,
            -0.001289403388310688,
        ),
    ),
    (
        (12.5, 3.0),
        (
            7.856018419312775e-08,
            -1.686822186078545e-07,
            3.1850264466668445e-07,
            3.5600101315506006e-07,
            -6.570240301516432e-07,
        ),
        (
            -333978.23190366325,
            -688730.6027012378,
            1347166.4018327475,
            -1449168.8130906285,
            2893478.7426330172,
        ),
    ),
    (
        (1.0, 40.0),
        (
            0.126038318037585,
            -0.008916245399149082,
            0.004215932633297665,
            -0.30099044452341356,
            0.19489240950886552,
        ),
        (
            -0.005793505821549633,
            -0.19483211658238897,
            0.12608125470379966,
            0.016870956520753773,
            -0.00655624410952138,
        ),
    ),
    (
        (-2.5, 1.5),
        (
            1.3150372048051937,
            -0.6429263258020956,
            -1.5111684893261772,
            -10.500309863721897,
            2.6838978330177636,
        ),
        (
            0.1244463597983876,
            -3.9642430158403488,
            0.1797316176120881,
            5.4474420266640475,
            4.897347854470012,
        ),
    ),
    (
        (0.25, 1e-08),
        (
            0.009277296085790008,
            -0.17521448721365107,
            231932.40214475017,
            3.2980584271894227,
            -3452632.5717622754,
        ),
        (
            -137.23324821577944,
            -2043.2771226123361,
            3431295070.1987762,
            -32767.850946028924,
            64795433073.22001,
        ),
    ),
    (
        (700.0, 650.0),
        (
            5.4297227620983295e-08,
            -2.143639394259019e-08,
            2.1955984950804717e-08,
            8.259088603110899e-09,
            -8.448124837417904e-09,
        ),
        (
            -22573.555304372207,
            -8677.316823719702,
            8910.038597914481,
            -3424.929491574986,
            3521.0687809672677,
        ),
    ),
]


def by(f, v, x):
    first, second = pa.func.grad(f, argnums=0), pa.func.grad(f, argnums=1)
    twice, mixed = pa.func.grad(first, argnums=0), pa.func.grad(second, argnums=0)
    return [g(v, x).item() for g in (f, first, second, twice, mixed)]


@pytest.mark.parametrize("at, first, second", CASES, ids=[str(case[0]) for case in CASES])
def test_values_and_derivatives(at, first, second):
    j, y = by(jv, *map(pa.tensor, at)), by(yv, *map(pa.tensor, at))
    if at[1] > abs(at[0]):
        # Either has zeros, where rounding is that of both.
        scale = np.hypot(first, second)
        np.testing.assert_allclose(j / scale, first / scale, rtol=0, atol=1e-13)
        np.testing.assert_allclose(y / scale, second / scale, rtol=0, atol=1e-13)
    else:
        np.testing.assert_allclose(j, first, rtol=3e-13)
        np.testing.assert_allclose(y, second, rtol=3e-13)


def test_modes_agree():
    f = lambda p: jv(p[0], p[1]) * yv(p[1], p[0])  # noqa: E731
    for point in ([1.3, 2.0], [4.0, 1.0], [2.0, 2.0]):
        p = pa.tensor(point)
        modes = ("forward-over-reverse", "reverse-over-forward", "forward-over-forward")
        first, *others = [pa.hessian(f, p, mode=mode).numpy() for mode in modes]
        for other in others:
            np.testing.assert_allclose(other, first, rtol=1e-12, atol=1e-13)


def test_identities_of_orders():
    v, x = np.meshgrid(np.linspace(-6.3, 9.1, 9), np.geomspace(0.3, 80.0, 9))
    size = np.hypot(jv(v, x).numpy(), yv(v, x).numpy())
    for f in (jv, yv):  # DLMF 10.6.1
        left = (f(v - 1, x) + f(v + 1, x)).numpy() * x / (2 * np.abs(v) + x)
        right = f(v, x).numpy() * 2 * v / (2 * np.abs(v) + x)
        near = np.hypot(jv(v + 1, x).numpy(), yv(v + 1, x).numpy()) + size
        near += np.hypot(jv(v - 1, x).numpy(), yv(v - 1, x).numpy())
        np.testing.assert_allclose(left / near, right / near, rtol=0, atol=1e-13)
    wronskian = jv(v + 1, x) * yv(v, x) - jv(v, x) * yv(v + 1, x)  # DLMF 10.5.2
    inside = (v > 0) & (v < x)
    wanted = 2 / (math.pi * x)
    np.testing.assert_allclose(wronskian.numpy()[inside], wanted[inside], rtol=1e-12)


def test_where_they_over_and_underflow():
    assert jv(1e4, 1.0).item() == 0.0
    assert yv(1e4, 1.0).item() == -math.inf
    assert jv(-1e4, 1.0).item() == 0.0
    assert yv(0.0, 5e-324).item() == pytest.approx(-473.99907342300435, rel=1e-13, abs=0)
    assert jv(0.0, 1e-320).item() == 1.0
    assert jv(pa.tensor([0.5], dtype="float32"), pa.tensor([1.0], dtype="float32")).dtype == (
        np.float32
    )
