"""Even functions of a norm are smooth where the norm is not: at 0 every mode finds their
derivatives, of every order, and those by what else they depend on."""

import math

import numpy as np
import pytest
from support.modes import in_all_modes

import pyautograd as pa

ROOT5 = math.sqrt(5)


def norm(x):
    return pa.linalg.norm(x)


def hand_made(x):
    return pa.sqrt(pa.sum(x * x))


def squares(x):
    return pa.sum(x * x)


def series(*coefficients):
    """As a polynomial in the square of the norm."""
    return lambda x: sum(c * squares(x) ** k for k, c in enumerate(coefficients))


COSINE = series(1, -1 / 2, 1 / 24)
# Each with its power series in the sum of squares, through fourth derivatives.
EVEN = {
    "cos": (lambda r: pa.cos(r), COSINE),
    "cosh": (lambda r: pa.cosh(r), series(1, 1 / 2, 1 / 24)),
    "sinc": (lambda r: pa.sinc(r / math.pi), series(1, -1 / 6, 1 / 120)),
    "j0": (lambda r: pa.special.j0(r), series(1, -1 / 4, 1 / 64)),
    "i0": (lambda r: pa.i0(r), series(1, 1 / 4, 1 / 64)),
    "a Gaussian of some width": (lambda r: pa.exp(-((r / 2) ** 2) / 2), series(1, -1 / 8, 1 / 128)),
    "a Cauchy": (lambda r: 1 / (1 + (3 * r) ** 2), series(1, -9, 81)),
    "sqrt(1 + r**2)": (lambda r: pa.sqrt(1 + r * r), series(1, 1 / 2, -1 / 8)),
    "r sin(r)": (lambda r: r * pa.sin(r), series(0, 1, -1 / 6)),
    "tanh(r)**2": (lambda r: pa.tanh(r) ** 2, series(0, 1, -2 / 3)),
    "log(cosh(r))": (lambda r: pa.log(pa.cosh(r)), series(0, 1 / 2, -1 / 12)),
    "logaddexp": (
        lambda r: pa.logaddexp(r, -r),
        lambda x: math.log(2) + EVEN["log(cosh(r))"][1](x),
    ),
    "hypot": (lambda r: pa.hypot(r, 1.0), series(1, 1 / 2, -1 / 8)),
    "a power by a tensor": (lambda r: r ** pa.tensor(4.0), series(0, 0, 1)),
    "two of the same": (lambda r: pa.exp(r) * pa.exp(-r), series(1)),
    "Matern 5/2": (
        lambda r: (1 + ROOT5 * r + 5 / 3 * r**2) * pa.exp(-ROOT5 * r),
        series(1, -5 / 6, 25 / 24),
    ),
}
ALONG = np.random.default_rng(1).uniform(0.5, 1.5, (4, 3))


@pytest.mark.parametrize("root", [norm, hand_made], ids=["norm", "by hand"])
@pytest.mark.parametrize("name", EVEN)
def test_functions_of_a_norm_at_zero(name, root):
    function, polynomial = EVEN[name]
    # By hand the sum of squares has the slope 0 before those of the root, which must be finite: of
    # r**5 only two are.
    orders = 2 if root is hand_made and name == "Matern 5/2" else 4
    for order in range(1, orders + 1):
        wanted = in_all_modes(polynomial, np.zeros(3), *ALONG[:order])[0]
        values = in_all_modes(lambda x: function(root(x)), np.zeros(3), *ALONG[:order])
        np.testing.assert_allclose(values, wanted, rtol=1e-12, atol=1e-12)


ROOTS = {
    "std": (lambda x: pa.std(x + 2.5), lambda x: pa.var(x + 2.5)),
    "hypot": (lambda x: pa.hypot(x[0], x[1]), lambda x: x[0] ** 2 + x[1] ** 2),
    "abs": (lambda x: pa.abs(x[0]), lambda x: x[0] ** 2),
    "complex abs": (lambda x: pa.abs(pa.complex(x[0], x[1])), lambda x: x[0] ** 2 + x[1] ** 2),
    "frobenius": (lambda x: pa.linalg.matrix_norm(pa.diag(x)), squares),
    "scaled by a function": (
        lambda x: norm(x) * pa.exp(x[0]),
        lambda x: squares(x) * pa.exp(2 * x[0]),
    ),
}


@pytest.mark.parametrize("name", ROOTS)
def test_every_kind_of_root(name):
    root, square = ROOTS[name]
    for order in (1, 2, 3):
        for f, g in (
            (lambda x: pa.cos(root(x)), lambda x: 1 - square(x) / 2),
            (lambda x: (3 * root(x)) ** 2, lambda x: 9 * square(x)),
        ):
            wanted = in_all_modes(g, np.zeros(3), *ALONG[:order])[0]
            values = in_all_modes(f, np.zeros(3), *ALONG[:order])
            np.testing.assert_allclose(values, wanted, rtol=1e-12, atol=1e-12)


def test_a_root_that_is_made_twice():
    wanted = in_all_modes(pa.var, np.full(3, 1.7), *ALONG[:2])[0]
    for f in (
        lambda z: pa.std(z) * pa.std(z),
        lambda z: pa.exp(pa.std(z)) * pa.exp(-pa.std(z)) + pa.std(z) * pa.std(z),
    ):
        values = in_all_modes(f, np.full(3, 1.7), *ALONG[:2])
        np.testing.assert_allclose(values, wanted, rtol=1e-12)
    norms = in_all_modes(lambda x: norm(x) * norm(x), np.zeros(3), *ALONG[:2])
    np.testing.assert_allclose(norms, 2 * ALONG[0] @ ALONG[1], rtol=1e-12)


def test_norms_along_different_axes_are_different_roots():
    def product(norm):
        return lambda x: pa.sum((norm(x, 0) * norm(x, 1))[1:])

    point = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 2.0], [0.0, 3.0, 4.0]])
    along = np.diag([0.0, 1.0, 1.0])
    made = product(lambda x, axis: pa.linalg.norm(x, axis=axis))

    def wanted(x):
        squares = x[1:, 1:] ** 2
        return pa.sum(pa.sum(squares, axis=0) ** 0.5 * pa.sum(squares, axis=1) ** 0.5)

    for directions in ((along,), (along, along)):
        values = in_all_modes(made, point, *directions)
        np.testing.assert_allclose(values, in_all_modes(wanted, point, *directions), rtol=1e-12)


def test_one_sided_derivatives_of_functions_of_a_square_root():
    """cos(sqrt(x)) has them all; exp(sqrt(x)) none; (1 + sqrt(x)) exp(-sqrt(x)) one."""
    one = np.ones(())
    cosine = [-1 / 2, 1 / 12, -1 / 120, 1 / 1680]
    for order, wanted in enumerate(cosine, start=1):
        f = lambda x: pa.cos(pa.sqrt(x))  # noqa: E731
        np.testing.assert_allclose(in_all_modes(f, 0.0, *[one] * order), wanted, rtol=1e-12)
    matern = lambda x: (1 + pa.sqrt(x)) * pa.exp(-pa.sqrt(x))  # noqa: E731
    np.testing.assert_allclose(in_all_modes(matern, 0.0, one), -1 / 2, rtol=1e-12)
    np.testing.assert_array_equal(in_all_modes(matern, 0.0, one, one), np.inf)
    np.testing.assert_array_equal(in_all_modes(lambda x: pa.exp(pa.sqrt(x)), 0.0, one), np.inf)
    by_weight = pa.func.grad(pa.func.grad(lambda x, w: w * pa.sin(pa.sqrt(x))), argnums=1)
    assert by_weight(pa.tensor(0.0), pa.tensor(0.0)).item() == np.inf
    cubes = in_all_modes(lambda x: pa.exp(pa.cbrt(x) ** 3), 0.0, one, one, one)
    np.testing.assert_allclose(cubes, 1, rtol=1e-12)


@pytest.mark.parametrize(
    "f, limits",
    [
        (lambda x: pa.exp(pa.sqrt(x)), (np.inf, -np.inf, np.inf)),
        (lambda x: pa.exp(-pa.sqrt(x)), (-np.inf, np.inf, -np.inf)),
        (lambda x: pa.exp(x**0.5), (np.inf, -np.inf, np.inf)),
        (lambda x: pa.exp(pa.acos(1 - x)), (np.inf, -np.inf, np.inf)),
        (lambda x: pa.exp(pa.sqrt(x) ** 3), (0, np.inf, -np.inf)),
        (lambda x: x * pa.exp(pa.sqrt(x)), (1, np.inf)),
        (lambda x: pa.cos(pa.sqrt(x)) + pa.sin(pa.sqrt(x)), (np.inf, -np.inf, np.inf)),
        (lambda x: pa.log(pa.sqrt(x)), (np.inf, -np.inf, np.inf)),
        (lambda x: 1 / pa.sqrt(x), (-np.inf, np.inf, -np.inf)),
    ],
)
def test_infinite_derivatives_are_limits(f, limits):
    """Of x**(1/2) and x**(3/2), both infinite in the second derivative, the lower power decides."""
    one = np.ones(())
    for order, limit in enumerate(limits, start=1):
        np.testing.assert_array_equal(in_all_modes(f, 0.0, *[one] * order), limit)


def test_infinite_derivatives_by_what_else_there_is():
    f = lambda x, w: pa.exp(-w * pa.sqrt(x))  # noqa: E731
    by_weight = pa.func.grad(pa.func.grad(f), argnums=1)
    assert by_weight(pa.tensor(0.0), pa.tensor(2.0)).item() == -np.inf
    assert by_weight(pa.tensor(0.0), pa.tensor(-2.0)).item() == -np.inf
    twice = pa.func.grad(pa.func.grad(pa.func.grad(f)), argnums=1)
    assert twice(pa.tensor(0.0), pa.tensor(2.0)).item() == np.inf


def kernel(points, length):
    """The Matern 5/2 kernel between points, of which some are equal."""
    distance = pa.linalg.norm(points[:, None] - points[None, :], axis=-1) / length
    return (1 + ROOT5 * distance + 5 / 3 * distance**2) * pa.exp(-ROOT5 * distance)


def test_a_kernel_and_its_derivatives_by_points_and_length():
    points = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, -1.0]])
    first = lambda x, y, length: kernel(pa.stack([x, y]), length)[0, 1]  # noqa: E731
    x, length = pa.tensor(points[0]), pa.tensor(1.3)
    mixed = pa.func.jacfwd(pa.func.grad(first, argnums=0), argnums=1)
    np.testing.assert_allclose(mixed(x, x, length).numpy(), np.eye(2) * 5 / 3 / 1.3**2, rtol=1e-12)
    by_length = pa.func.jacrev(mixed, argnums=2)
    wanted = np.eye(2) * -10 / 3 / 1.3**3
    np.testing.assert_allclose(by_length(x, x, length).numpy(), wanted, rtol=1e-12)
    whole = lambda x, length: pa.sum(pa.sin(kernel(x, length)))  # noqa: E731
    hessian = pa.func.hessian(whole)(pa.tensor(points), length)
    assert np.isfinite(hessian.numpy()).all()
    for mode in ("forward-over-reverse", "reverse-over-forward", "forward-over-forward"):
        other = pa.hessian(lambda x: whole(x, length), pa.tensor(points), mode=mode)
        np.testing.assert_allclose(other.numpy(), hessian.numpy(), rtol=1e-10, atol=1e-12)


def test_values_do_not_depend_on_whether_anybody_differentiates():
    x = np.random.default_rng(2).normal(size=(50, 3))
    x[::7] = 0
    f = lambda x: pa.exp(-ROOT5 * pa.linalg.norm(x, axis=1)) * pa.cos(pa.linalg.norm(x, axis=1))  # noqa: E731
    leaf = pa.tensor(x, requires_grad=True)
    np.testing.assert_array_equal(f(leaf).detach().numpy(), f(pa.tensor(x)).numpy())


def test_functions_that_are_not_smooth_keep_the_derivatives_of_the_chain_rule():
    for f in (
        lambda x: norm(x) ** 3,
        lambda x: norm(x) ** 1.5,
        lambda x: pa.xlogy(norm(x) ** 2, norm(x)),
        lambda x: pa.where(norm(x) > 0, 1 / norm(x), 0.0),
        lambda x: norm(x),
        lambda x: 2 - 3 * norm(x) / 4,
    ):
        np.testing.assert_array_equal(in_all_modes(f, np.zeros(3), ALONG[0]), 0)


@pytest.mark.parametrize("part", [pa.real, pa.imag])
def test_parts_of_complex_roots_at_zero(part):
    """They have no series in the root; elsewhere nothing is different."""

    def f(x):
        return pa.sum(part(pa.sqrt(pa.complex(x, 0.5 * x))))

    at_zero, alone = pa.func.grad(f)(pa.tensor([0.0, 2.0])), pa.func.grad(f)(pa.tensor([2.0]))
    assert not np.isfinite(at_zero[0].item())
    assert at_zero[1].item() == alone[0].item()
