"""Airy and Hankel functions against numbers that mpmath found, and their derivatives."""

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa

airy, airye = pa.special.airy, pa.special.airye
# Made with mpmath 1.3: the argument, Ai and its derivative, Bi and its derivative
VALUES = [
    (-1000.0, (0.05597189577301992, 2.6330710195241287, -0.08326457411708063, 1.769965940135989)),
    (
        -30.5,
        (-0.004333637288742865, -1.3256903303662555, 0.24003697268306096, -0.02196597479789602),
    ),
    (
        -3.0000001,
        (-0.37881432513602925, 0.3145836555723043, -0.19828955881380142, -0.6756112821721372),
    ),
    (-2.9, (-0.341905095672983, 0.42118281160364845, -0.26258499816469705, -0.6075182879710967)),
    (-0.001, (0.35528687323241714, -0.25881922619250675, 0.6144783389861965, 0.4482886646677106)),
    (0.0, (0.3550280538878172, -0.2588194037928068, 0.6149266274460007, 0.4482883573538264)),
    (1.999, (0.034977255743715956, -0.05316026832840256, 3.293997614107597, 4.094091606098642)),
    (2.001, (0.03487107495109645, -0.05302057179553756, 3.3021989820406152, 4.107283993229803)),
    (8.0, (4.6922076160992316e-08, -1.3414392979067865e-07, 1199586.00412446, 3354342.3127445388)),
    (
        60.0,
        (
            2.7831487094969354e-136,
            -2.1569758112094737e-135,
            7.382584191543099e133,
            5.715444898335451e134,
        ),
    ),
    (
        100.0,
        (
            2.6344821520881846e-291,
            -2.6351403616044097e-290,
            6.041223996670201e288,
            6.039712745310603e289,
        ),
    ),
]
# The argument, and of Ai and of Bi without their exponentials the value and two derivatives
SCALED = [
    (
        0.5,
        (
            0.29327715912994734,
            -0.0773128941040306,
            0.098041324599677,
            0.6748924111156303,
            -0.047000039007432014,
            -0.41075290787482654,
        ),
    ),
    (
        1.999,
        (
            0.23018931078828314,
            -0.024398340360322873,
            0.01241289170836333,
            0.500522793926781,
            -0.08557209864604173,
            0.06496814091341381,
        ),
    ),
    (
        2.001,
        (
            0.23014053891849418,
            -0.024373536849720413,
            0.012390628439471503,
            0.5003517796008736,
            -0.08544225972339144,
            0.06487075477449337,
        ),
    ),
    (
        50.0,
        (
            0.10605346975916805,
            -0.0005293339110324495,
            1.320080344618435e-05,
            0.21223196271406528,
            -0.0010630437077950338,
            2.664228762657717e-05,
        ),
    ),
    (
        5000.0,
        (
            0.03354690346443899,
            -1.6773422080791633e-06,
            4.193345142238518e-10,
            0.0670938464642945,
            -3.3546982535541118e-06,
            8.386766390153856e-10,
        ),
    ),
]


@pytest.mark.parametrize(("x", "expected"), VALUES)
def test_values_and_derivatives(x, expected):
    """To twelve digits of the size of both functions, and to what rounding the phase leaves."""
    slack = 1e-13 + 4e-16 * abs(x) ** 1.5
    ai, dai, bi, dbi = expected
    sizes = (np.hypot(ai, bi), np.hypot(dai, dbi)) * 2 if x < 0 else np.abs(expected)
    for got, want, size in zip(airy(x), expected, sizes, strict=True):
        np.testing.assert_allclose(got.item(), want, rtol=0, atol=slack * size)
    for k, (y, slope) in ((0, (ai, dai)), (2, (bi, dbi))):
        f = lambda t, k=k: airy(t)[k]  # noqa: E731
        for want in (slope, x * y, y + x * slope):
            f = pa.func.grad(f)
            size = max(abs(want), (1 + abs(x)) ** 1.5 * sizes[k] if x < 0 else 0.0)
            np.testing.assert_allclose(f(x).item(), want, rtol=0, atol=slack * size)


@pytest.mark.parametrize(("x", "expected"), SCALED)
def test_scaled_values_and_derivatives(x, expected):
    for k, values in ((0, expected[:3]), (2, expected[3:])):
        f = lambda t, k=k: airye(t)[k]  # noqa: E731
        for want in values:
            np.testing.assert_allclose(f(x).item(), want, rtol=2e-12)
            f = pa.func.grad(f)


def test_far_out():
    assert [y.item() for y in airy(1e3)] == [0.0, 0.0, np.inf, np.inf]
    assert pa.func.grad(lambda t: airy(t)[0])(110.0).item() == 0.0
    assert pa.func.grad(lambda t: airy(t)[0])(np.inf).item() == 0.0
    assert np.isnan([y.item() for y in airy(-2e10)]).all()
    at = 1e40
    expected = [0.5 * 1e-10, -0.5 * 1e10, 1e-10, 1e10]
    np.testing.assert_allclose([y.item() * np.sqrt(np.pi) for y in airye(at)], expected, rtol=1e-14)
    assert np.isnan(airye(-1.0).Ai.item())
    assert airye(-1.0).Bi.item() == airy(-1.0).Bi.item()
    np.testing.assert_allclose(
        [y.item() for y in airye(9.999e19)], [y.item() for y in airye(1.0001e20)], rtol=1e-3
    )


def test_through_scipy_captured_and_mapped():
    x = pa.tensor([-4.0, 0.5, 5.0], requires_grad=True)
    for f, g in ((airy, sc.airy), (airye, sc.airye)):
        for ours, theirs in zip(f(x), g(x), strict=True):
            np.testing.assert_array_equal(ours.detach(), theirs.detach())
    slope = pa.func.grad(lambda t: airy(t).Bi.sum())
    expected = sc.airy(x.detach().numpy())[3]
    for f in (slope, pa.captured(slope), pa.func.vmap(slope)):
        np.testing.assert_allclose(f(x.detach()).numpy(), expected, rtol=1e-13)


def test_hankel_functions_and_whole_orders():
    x = pa.tensor([0.5, 3.0])
    first, second = pa.special.hankel1(0.3, x), sc.hankel2(0.3, x)
    np.testing.assert_allclose(first.numpy(), sc.hankel1(0.3, x.numpy()), rtol=1e-13)
    np.testing.assert_array_equal(second.numpy(), first.numpy().conj())
    assert pa.special.hankel1(1, pa.tensor([1.0], dtype="float32")).dtype == np.complex64
    # The Wronskian of both kinds: DLMF 10.5.2
    slope = pa.func.jvp(lambda t: pa.special.hankel1(0.3, t), (x,), (pa.ones_like(x),))[1]
    product = (first.conj() * slope).imag
    np.testing.assert_allclose(product.numpy(), 2 / (np.pi * x.numpy()), rtol=1e-12)
    for name in ("yn", "kn"):
        f = getattr(pa.special, name)
        np.testing.assert_array_equal(getattr(sc, name)(2, x).numpy(), f(2.5, x).numpy())
        assert pa.func.grad(f)(2.5, 1.0).item() == 0.0
    assert pa.special.jn is pa.special.jv
