"""Second derivatives where the chain rule meets 0 * inf though the composite is smooth.

Every mode pair must give the true value, alone and under vmap.
"""

import numpy as np
import pytest

import pyautograd as pa

PAIRS = [f"{a}-over-{b}" for a in ("forward", "reverse") for b in ("forward", "reverse")]
EYE = np.eye(3)
CENTERED = EYE - 1 / 3


def norm(x):
    return pa.sqrt(pa.sum(x * x))


# name: function, point, value, gradient, Hessian
SMOOTH = {
    "norm squared at 0": (lambda x: norm(x) ** 2, np.zeros(3), np.zeros(3), 2 * EYE),
    "norm times itself": (lambda x: (lambda r: r * r)(norm(x)), np.zeros(3), np.zeros(3), 2 * EYE),
    "norm to the fourth": (lambda x: norm(x) ** 4, np.zeros(3), np.zeros(3), 0 * EYE),
    "square root twice, to the fourth": (
        lambda x: pa.sqrt(norm(x)) ** 4,
        np.zeros(3),
        np.zeros(3),
        2 * EYE,
    ),
    "std squared of a constant": (
        lambda x: pa.std(x, correction=1) ** 2,
        np.full(3, 1.7),
        np.zeros(3),
        CENTERED,
    ),
    "std squared along an axis": (
        lambda x: pa.sum(pa.square(pa.std(x + pa.zeros((2, 3)), axis=1))),
        np.full(3, 0.3),
        np.zeros(3),
        4 / 3 * CENTERED,
    ),
    "hypot squared at the origin": (
        lambda x: pa.sum(pa.hypot(x, 0 * x + pa.tensor([0.0, 0.0, 3.0])) ** 2),
        np.array([0.0, 2.0, 0.0]),
        np.array([0.0, 4.0, 0.0]),
        2 * EYE,
    ),
    "abs squared": (lambda x: pa.sum(pa.abs(x) ** 2), EYE[0], 2 * EYE[0], 2 * EYE),
    "abs to the fourth": (
        lambda x: pa.sum(pa.abs(x) ** 4),
        EYE[0],
        4 * EYE[0],
        12 * np.diag(EYE[0]),
    ),
    "abs to the third": (
        lambda x: pa.sum(pa.abs(x) ** 3),
        -EYE[0],
        -3 * EYE[0],
        6 * np.diag(EYE[0]),
    ),
    "abs to the 2.5": (
        lambda x: pa.sum(pa.abs(x) ** 2.5),
        EYE[0],
        2.5 * EYE[0],
        3.75 * np.diag(EYE[0]),
    ),
    "half power squared": (lambda x: pa.sum((x**0.5) ** 2), EYE[0], np.ones(3), 0 * EYE),
    "root of abs, to the fourth": (
        lambda x: pa.sum(pa.sqrt(pa.abs(x)) ** 4),
        -EYE[0],
        -2 * EYE[0],
        2 * EYE,
    ),
    "log1p of exp beyond overflow": (
        lambda x: pa.sum(pa.log1p(pa.exp(x))),
        np.array([1000.0, 800.0, 900.0]),
        np.ones(3),
        0 * EYE,
    ),
    "where over a singular branch": (
        lambda x: pa.sum(pa.where(x > 0, pa.sqrt(x), x)),
        -EYE[0],
        np.ones(3),
        0 * EYE,
    ),
    "abs times abs": (lambda x: pa.sum(pa.abs(x) * pa.abs(x)), EYE[0], 2 * EYE[0], 2 * EYE),
    "abs dot abs": (lambda x: pa.abs(x) @ pa.abs(x), -EYE[0], -2 * EYE[0], 2 * EYE),
    "powers of abs by an array": (
        lambda x: pa.sum(pa.abs(x) ** pa.tensor([3.0, 2.0, 4.0])),
        -EYE[0],
        -3 * EYE[0],
        np.diag([6.0, 2.0, 0.0]),
    ),
    "powers of a root by an array": (
        lambda x: pa.sum(pa.sqrt(x) ** pa.tensor([2.0, 4.0, 6.0])),
        2 * EYE[0],
        EYE[0],
        np.diag([0.0, 2.0, 0.0]),
    ),
    "cube root cubed": (lambda x: pa.sum(pa.cbrt(x) ** 3), -EYE[0], np.ones(3), 0 * EYE),
    "size of a cube root, to the sixth": (
        lambda x: pa.sum(pa.abs(pa.cbrt(x)) ** 6),
        -EYE[0],
        -2 * EYE[0],
        2 * EYE,
    ),
    "log of exp beyond overflow": (
        lambda x: pa.sum(pa.log(pa.exp(x))),
        np.array([1000.0, 1.0, -1.0]),
        np.ones(3),
        0 * EYE,
    ),
    "log of cosh beyond overflow": (
        lambda x: pa.sum(pa.log(pa.cosh(x)) + pa.log(3 * pa.cosh(x) + 2)),
        np.array([-800.0, 900.0, 1000.0]),
        np.array([-2.0, 2.0, 2.0]),
        0 * EYE,
    ),
    "log of the mean of cosh beyond overflow": (
        lambda x: pa.log(pa.mean(pa.cosh(x))),
        np.array([-800.0, 1.0, 800.0]),
        np.array([-0.5, 0.0, 0.5]),
        np.array([[0.25, 0, 0.25], [0, 0, 0], [0.25, 0, 0.25]]),
    ),
    "a root of small order": (
        lambda x: pa.linalg.norm(x, ord=0.5),
        np.array([0.0, 1.0, 1.0]),
        np.array([0.0, 2.0, 2.0]),
        np.array([[0.0, 0, 0], [0, -0.5, 0.5], [0, 0.5, -0.5]]),
    ),
    "a norm of order three at zero": (
        lambda x: pa.linalg.norm(x, ord=3) + pa.linalg.norm(x, ord=1.5),
        np.zeros(3),
        np.zeros(3),
        0 * EYE,
    ),
    "an angle at the origin": (
        lambda x: pa.atan2(x[0], x[1]) + pa.angle(pa.complex(x[1], x[0])),
        np.zeros(3),
        np.zeros(3),
        0 * EYE,
    ),
    "softmax of what is masked": (
        lambda x: pa.sum(pa.where(x > 9, pa.softmax(pa.where(x > 9, x, -np.inf)), x) ** 2),
        EYE[0],
        2 * EYE[0],
        2 * EYE,
    ),
    "a norm that is squared among others": (
        lambda x: norm(x) ** 2 * pa.exp(x[0]) + pa.cos(norm(x) ** 2),
        np.zeros(3),
        np.zeros(3),
        2 * EYE,
    ),
}


@pytest.mark.parametrize("mode", PAIRS)
@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivatives_are_the_true_ones(name, mode):
    f, point, gradient, hessian = SMOOTH[name]
    x = pa.tensor(point)
    for first in (pa.func.grad(f), pa.func.jacfwd(f)):
        np.testing.assert_allclose(first(x).numpy(), gradient, atol=1e-14)
    np.testing.assert_allclose(pa.hessian(f, x, mode=mode).numpy(), hessian, atol=1e-13)


@pytest.mark.parametrize("name", SMOOTH)
def test_they_are_under_vmap_and_with_backward_too(name):
    f, point, gradient, hessian = SMOOTH[name]
    batch = pa.tensor(np.stack([point, point]))
    got = pa.func.vmap(pa.func.hessian(f))(batch).numpy()
    np.testing.assert_allclose(got, np.stack([hessian, hessian]), atol=1e-13)

    x = pa.tensor(point, requires_grad=True)
    (g,) = pa.grad(f(x), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), gradient, atol=1e-14)
    if not g.requires_grad:  # the gradient is a constant
        np.testing.assert_array_equal(hessian, 0 * EYE)
        return
    rows = [pa.grad(g[i], x, retain_graph=True)[0].numpy() for i in range(3)]
    np.testing.assert_allclose(np.stack(rows), hessian, atol=1e-13)


def test_fourth_derivative_of_the_fourth_power_of_abs():
    f = lambda x: pa.abs(x) ** 4  # noqa: E731
    for _ in range(4):
        f = pa.func.grad(f)
    assert f(pa.tensor(0.0)).item() == 24


def test_an_origin_does_not_bring_a_dropped_edge_back():
    x = pa.zeros(3).requires_grad_()
    r = norm(x)
    assert not (r.detach() ** 2).requires_grad
    with pa.no_grad():
        assert not (norm(x) ** 2).requires_grad
        assert not (r**2).requires_grad
    (g,) = pa.grad(pa.abs(x[0]) ** pa.tensor(3.0) * r.detach(), x)
    assert not g.requires_grad


def test_a_function_of_a_root_without_a_value_at_zero_has_no_slope_there():
    def f(x):
        return pa.sum(pa.sin(1 / (pa.sqrt(x) * x)))

    gradient = pa.func.grad(f)(pa.asarray([0.0, 2.0]))
    assert np.isnan(gradient[0].item())
    assert gradient[1].item() == pytest.approx(-1.5 * 2**-2.5 * np.cos(2**-1.5), rel=1e-14, abs=0)


def test_an_origin_that_was_overwritten_is_forgotten():
    x = pa.zeros(3).requires_grad_()
    s = x * 1
    r = pa.sqrt(s)
    with pa.no_grad():
        s.detach()[...] = 4.0
    np.testing.assert_array_equal((r**2).detach().numpy(), np.zeros(3))


def test_a_root_of_a_root_of_a_root_is_released_without_recursion():
    before = pa.memory.live()
    x = pa.zeros(1).requires_grad_()
    y = x
    for _ in range(200_000):
        y = pa.sqrt(pa.abs(y))
    del x, y
    assert pa.memory.live() == before


def test_softmax_of_nothing_is_constant():
    """A row of -inf has no softmax, but what is masked has no derivative."""
    for f in (pa.softmax, pa.log_softmax):
        masked = lambda x, f=f: f(pa.where(x > 9, x, -np.inf))  # noqa: E731
        for jacobian in (pa.func.jacfwd, pa.func.jacrev):
            np.testing.assert_array_equal(jacobian(masked)(pa.zeros(3)).numpy(), 0)


@pytest.mark.parametrize("mode", PAIRS)
@pytest.mark.parametrize("f", [pa.var, pa.std])
def test_moments_without_a_divisor_have_no_derivative(f, mode):
    hessian = pa.hessian(lambda x: f(x, correction=3), pa.tensor([1.0, 2.0, 4.0]), mode=mode)
    assert np.isnan(hessian.numpy()).all()


@pytest.mark.parametrize("mode", PAIRS)
def test_relative_entropy_where_the_first_argument_is_zero(mode):
    f = lambda x: pa.special.rel_entr(x[0], x[1])  # noqa: E731
    hessian = pa.hessian(f, pa.tensor([0.0, 2.0]), mode=mode).numpy()
    np.testing.assert_array_equal(hessian, [[np.inf, -0.5], [-0.5, 0.0]])


def test_sinc_of_complex_numbers_at_zero_and_around_it():
    def f(z):
        return pa.sinc(z)

    for order, expected in ((1, 0), (2, -(np.pi**2) / 3), (3, 0), (4, np.pi**4 / 5)):
        derivative = f
        for _ in range(order):
            derivative = along_one(derivative)
        assert abs(derivative(pa.tensor(0j)).item() - expected) < 1e-12 * max(1, abs(expected))
    # The series and the quotient meet where |pi z| is 1.
    for z in (np.exp(0.4j) / np.pi * s for s in (1 - 1e-9, 1 + 1e-9)):
        second = along_one(along_one(f))(pa.tensor(z)).item()
        t = np.pi * z
        exact = np.pi**2 * (-np.sin(t) / t - 2 * np.cos(t) / t**2 + 2 * np.sin(t) / t**3)
        assert abs(second - exact) < 1e-13 * np.pi**2


def along_one(f):
    return lambda z: pa.func.jvp(f, (z,), (pa.ones_like(z),))[1]
