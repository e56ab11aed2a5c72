"""pa.integrate.quad: exact rules, SciPy's values, derivatives by everything, bad input."""

import math

import numpy as np
import pytest

import pyautograd as pa
from pyautograd.integrate import _quad, quad

special = pytest.importorskip("scipy.special")


def test_the_rules_are_exact_for_polynomials():
    """A wrong digit in a point or a weight spoils these."""
    points, weights, gauss = _quad._kronrod()
    for degree in range(32):
        assert weights @ points**degree == pytest.approx(1 / (degree + 1), rel=1e-14, abs=0)
        if degree < 20:
            assert gauss @ points**degree == pytest.approx(1 / (degree + 1), rel=1e-14, abs=0)
    assert len(points) == 21 and (gauss > 0).sum() == 10


@pytest.mark.parametrize(
    ("f", "a", "b", "expected"),
    [
        (lambda x: pa.exp(-(x**2)), -math.inf, math.inf, math.sqrt(math.pi)),
        (lambda x: 1 / (1 + x**2), math.inf, -math.inf, -math.pi),
        (lambda x: pa.exp(-x), 1.0, math.inf, math.exp(-1.0)),
        (lambda x: pa.exp(-x), math.inf, 1.0, -math.exp(-1.0)),
        (lambda x: pa.exp(x), -math.inf, 1.0, math.e),
        (lambda x: pa.exp(x), 1.0, -math.inf, -math.e),
        (pa.log, 0.0, 1.0, -1.0),
        (lambda x: 1 / pa.sqrt(x), 0.0, 4.0, 4.0),
        (lambda x: pa.absolute(x - 0.3), 0.0, 1.0, 0.29),
        (lambda x: pa.sin(20 * x) ** 2, 0.0, 10.0, 5 - math.sin(400) / 80),
        (lambda x: 1e-4 / (1e-8 + (x - 0.37) ** 2), 0.0, 1.0, math.atan(6300) + math.atan(3700)),
        (pa.cos, 3.0, 1.0, math.sin(1.0) - math.sin(3.0)),
        (pa.cos, 2.0, 2.0, 0.0),
        (lambda x: 2.0, 0.0, 3.0, 6.0),
        (lambda x: pa.exp(1j * x), 0.0, math.pi, 2j),
    ],
)
def test_values_and_errors(f, a, b, expected):
    value, error = quad(f, a, b)
    assert abs(value.item() - expected) <= min(error, 1.5e-8 * max(1.0, abs(expected))) + 1e-15


def gamma(p):
    return quad(lambda x, p: x ** (p - 1) * pa.exp(-x), 0.0, math.inf, (p,), epsabs=1e-11)[0]


def test_derivatives_by_a_parameter():
    p = pa.tensor(3.5)
    value, digamma = special.gamma(3.5), special.digamma(3.5)
    second = value * (digamma**2 + special.polygamma(1, 3.5))
    assert gamma(p).item() == pytest.approx(value, rel=1e-11, abs=0)
    for derivative in (pa.func.grad, pa.func.jacfwd):
        assert derivative(gamma)(p).item() == pytest.approx(value * digamma, rel=1e-9, abs=0)
    for both in (pa.func.hessian, lambda f: pa.func.grad(pa.func.grad(f))):
        assert both(gamma)(p).item() == pytest.approx(second, rel=1e-9, abs=0)
    many = pa.tensor([2.5, 3.5, 5.0])
    slopes = pa.func.vmap(pa.func.grad(gamma))(many).numpy()
    expected = special.gamma(many.numpy()) * special.digamma(many.numpy())
    np.testing.assert_allclose(slopes, expected, rtol=1e-8)


def test_derivatives_by_the_ends_are_the_function_there():
    def over(a, b):
        return quad(lambda x: pa.exp(-x) * pa.sin(3 * x), a, b)[0]

    def f(x):
        return math.exp(-x) * math.sin(3 * x)

    def slope(x):
        return math.exp(-x) * (3 * math.cos(3 * x) - math.sin(3 * x))

    by_start, by_end = pa.func.grad(over, argnums=(0, 1))(0.5, 2.0)
    assert by_start.item() == pytest.approx(-f(0.5), rel=1e-10, abs=0)
    assert by_end.item() == pytest.approx(f(2.0), rel=1e-10, abs=0)
    assert pa.func.hessian(over)(0.5, 2.0).item() == pytest.approx(-slope(0.5), rel=1e-10, abs=0)
    tail = pa.func.grad(lambda a: quad(lambda x: pa.exp(-x), a, math.inf)[0])
    assert tail(1.0).item() == pytest.approx(-math.exp(-1.0), rel=1e-9, abs=0)
    head = pa.func.grad(lambda b: quad(lambda x: pa.exp(x), -math.inf, b)[0])
    assert head(1.0).item() == pytest.approx(math.e, rel=1e-9, abs=0)
    ends = pa.func.vmap(lambda b: quad(pa.cos, 0.0, b)[0])(pa.tensor([1.0, 2.0]))
    np.testing.assert_allclose(ends.numpy(), np.sin([1.0, 2.0]), rtol=1e-12)


def test_functions_of_any_shape_and_what_they_capture():
    w = pa.tensor([1.0, 2.0], requires_grad=True)
    value, _ = quad(lambda x: pa.stack([pa.sin(w * x), pa.cos(w * x)]), 0.0, 1.0)
    assert value.shape == (2, 2)
    expected = [(1 - np.cos([1.0, 2.0])) / [1, 2], np.sin([1.0, 2.0]) / [1, 2]]
    np.testing.assert_allclose(value.detach().numpy(), expected, rtol=1e-13)
    (slope,) = pa.grad(value[1, 1], w)
    np.testing.assert_allclose(
        slope.numpy(), [0, math.cos(2.0) / 2 - math.sin(2.0) / 4], rtol=1e-12
    )


def test_integrals_within_integrals():
    def volume(r):
        def chord(x):
            return quad(lambda y: pa.sqrt(r**2 - x**2) + 0 * y, 0.0, pa.sqrt(r**2 - x**2))[0]

        return quad(chord, 0.0, r)[0]  # a part of two cylinders' intersection: 2 r**3 / 3

    assert volume(pa.tensor(1.5)).item() == pytest.approx(2 * 1.5**3 / 3, rel=1e-9, abs=0)
    assert pa.func.grad(volume)(1.5).item() == pytest.approx(2 * 1.5**2, rel=1e-7, abs=0)


def test_what_is_not_reached_is_said():
    with pytest.warns(UserWarning, match="more than was aimed at"):
        value, error = quad(lambda x: pa.sin(1 / x), 0.0, 1.0)
    assert abs(value.item() - 0.504067061906928) < error
    with pytest.warns(UserWarning, match="more than was aimed at"):
        quad(lambda x: pa.absolute(x - 0.3), 0.0, 1.0, limit=3)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "expected a function", lambda: quad(3, 0.0, 1.0)),
        (ValueError, "must be positive", lambda: quad(pa.sin, 0.0, 1.0, epsabs=0.0, epsrel=0.0)),
        (ValueError, "not finite", lambda: quad(lambda x: 1 / x, -1.0, 1.0)),
        (ValueError, "not finite", lambda: quad(pa.sin, 0.0, pa.tensor(math.inf))),
        (ValueError, "not finite", lambda: quad(pa.sin, 0.0, math.nan)),
        (RuntimeError, "cannot be captured", lambda: pa.captured(gamma)(pa.tensor(2.0))),
        (RuntimeError, "use where", lambda: quad(math.sin, 0.0, 1.0)),
    ],
)
def test_bad_input(error, message, call):
    with pytest.raises(error, match=message):
        call()
