"""Programs that nest transforms, checked against closed forms and finite differences.

A nesting bug shows up as a silently wrong number, not as an error; every rule about levels in
docs/design.md is here because some program gave a wrong number without it.
"""

import itertools

import numpy as np
import pytest

import pyautograd as pa
from pyautograd.func import grad, jacfwd, jacrev, jvp, vjp, vmap

X = np.array([0.3, 0.7, 1.1])
W = np.array([0.5, -0.2])


def dfdx(f):
    """The forward-mode derivative of an elementwise function, the twin of grad."""

    def derivative(x):
        x = pa.asarray(x)
        return jvp(f, (x,), (np.ones(x.shape),))[1]

    return derivative


MODES = {"R": grad, "F": dfdx}


def val(t):
    """The numbers of a result, which must have left every transform behind."""
    assert not t.requires_grad, "a finished transform still tracks its result"
    return t.numpy()


def central(f, x, e=1e-6):
    return (f(x + e) - f(x - e)) / (2 * e)


def f(x):
    return pa.sin(x * x) * pa.exp(x)


def nth(k, x):
    """The k-th derivative of f, the imaginary part of h = exp(x + i x^2): h' = (1 + 2 i x) h."""
    slope = np.polynomial.Polynomial([1, 2j])
    factor = np.polynomial.Polynomial([1])
    for _ in range(k):
        factor = factor.deriv() + factor * slope
    return (factor(x) * np.exp(x + 1j * x * x)).imag


@pytest.mark.parametrize("a,b", list(itertools.product("RF", repeat=2)))
def test_second_order_and_confusion(a, b):
    A, B = MODES[a], MODES[b]
    assert np.isclose(val(A(B(f))(0.6)), nth(2, 0.6))
    assert np.isclose(val(A(lambda x: x * B(lambda y: x + y)(1.0))(1.0)), 1.0)
    assert np.isclose(val(A(lambda x: x * B(lambda y: x * 1.0)(0.0))(3.0)), 0.0)
    np.testing.assert_allclose(val(vmap(A(B(f)))(X)), nth(2, X))

    def inner(w):
        return pa.sum(vmap(lambda x: B(lambda y: pa.sin(w * y) * y)(x))(X))

    want = central(lambda w: np.sum(np.sin(w * X) + w * X * np.cos(w * X)), 0.4)
    assert np.isclose(val(A(inner)(0.4)), want)


@pytest.mark.parametrize("modes", ["".join(m) for m in itertools.product("RF", repeat=4)])
def test_fourth_order_every_mix_agrees(modes):
    g = f
    for m in modes:
        g = MODES[m](g)
    np.testing.assert_allclose(val(g(0.6)), nth(4, 0.6), rtol=1e-12)
    np.testing.assert_allclose(val(vmap(g)(np.array([0.6, 0.6]))), np.full(2, nth(4, 0.6)))


def sum_over_scales(g):
    """x -> g(x) + g(2 x), through vmap."""
    return lambda x: pa.sum(vmap(lambda s: g(x * s))(np.array([1.0, 2.0])))


CHAINS = ["".join(c) for c in itertools.product("RFV", repeat=4) if "V" in c]


@pytest.mark.parametrize("chain", CHAINS)
def test_chains_with_vmap_inside(chain):
    g, terms, order = f, [(1.0, 1.0)], 0  # the sum of c f^(order)(s x) over terms (c, s)
    for c in chain:
        if c == "V":
            g = sum_over_scales(g)
            terms = terms + [(c, 2 * s) for c, s in terms]
        else:
            g, order = MODES[c](g), order + 1
            terms = [(c * s, s) for c, s in terms]
    want = sum(c * nth(order, 0.6 * s) for c, s in terms)
    np.testing.assert_allclose(val(g(0.6)), want, rtol=1e-10)


def test_per_sample_gradient_of_captured_and_unmapped_parameter():
    want = X[:, None] * np.cos(W[None] * X[:, None])
    captured = vmap(lambda x: grad(lambda w: pa.sum(pa.sin(w * x)))(W))(X)
    np.testing.assert_allclose(val(captured), want)
    passed = vmap(lambda w, x: grad(lambda v: pa.sum(pa.sin(v * x)))(w), (None, 0))(W, X)
    np.testing.assert_allclose(val(passed), want)


def test_outer_gradient_through_inner_transforms_of_closures():
    g = grad(lambda w: pa.sum(vmap(lambda x: grad(lambda y: w * y * y)(x))(X)))
    assert np.isclose(val(g(0.4)), np.sum(2 * X))

    def slope_of_gradient(w):
        return lambda x: jvp(grad(lambda y: pa.sin(w * y)), (x,), (1.0,))[1]

    g = grad(lambda w: pa.sum(vmap(slope_of_gradient(w))(X)))
    assert np.isclose(val(g(0.4)), central(lambda w: np.sum(-w * w * np.sin(w * X)), 0.4))
    g = grad(lambda w: pa.sum(vmap(lambda x: jvp(lambda y: pa.exp(w * y), (x,), (1.0,))[1])(X)))
    assert np.isclose(val(g(0.4)), central(lambda w: np.sum(w * np.exp(w * X)), 0.4))


@pytest.mark.parametrize("outer,inner", list(itertools.product([jacfwd, jacrev], repeat=2)))
def test_hessians(outer, inner):
    want = np.diag(2 * np.cos(W**2) - 4 * W**2 * np.sin(W**2))
    hessian = outer(inner(lambda x: pa.sum(pa.sin(x * x))))
    assert val(hessian(W)).shape == (2, 2)
    np.testing.assert_allclose(val(hessian(W)), want, atol=1e-12)
    batch = val(vmap(hessian)(np.stack([W, W])))
    np.testing.assert_allclose(batch, np.stack([want, want]), atol=1e-12)


def test_gradient_through_a_jacobian_of_a_closure():
    def total(w):
        return pa.sum(jacrev(lambda x: pa.sin(x * w))(X))

    assert np.isclose(val(grad(total)(0.7)), central(lambda w: np.sum(w * np.cos(X * w)), 0.7))


def test_batched_operands_of_different_rank_align_after_the_mapped_dimension():
    b = np.arange(40.0).reshape(4, 5, 2, 1)
    got = val(vmap(lambda x, y: x + y)(np.ones((4, 3)), b))
    np.testing.assert_allclose(got, np.stack([np.ones(3) + b[i] for i in range(4)]))
    nested = vmap(lambda a: vmap(lambda c: a * c)(W))(X)
    np.testing.assert_allclose(val(nested), np.outer(X, W))


def test_escaped_tensors_raise():
    kept = []
    vmap(lambda x: (kept.append(x * 1.0), x)[1])(X)
    with pytest.raises(pa.EscapedTensorError, match="vmap"):
        kept[0] * 2.0
    vmap(lambda x: (kept.append(vjp(pa.sin, x)[1]), x)[1])(X)
    with pytest.raises(pa.EscapedTensorError, match="vmap"):
        kept[1](1.0)


# Beyond the model's programs: what leaves a transform, and what the ambient grad mode does.


def test_closed_leaves_make_nothing_differentiable():
    value, gradient = pa.func.value_and_grad(f)(0.6)
    assert np.isclose(val(value), np.sin(0.36) * np.exp(0.6))
    assert np.isclose(val(gradient), nth(1, 0.6))
    inner_value = grad(lambda w: pa.func.value_and_grad(lambda x: x * x * w)(2.0)[0])
    assert val(inner_value(3.0)) == 4.0
    inner_gradient = grad(lambda w: grad(lambda x: x * x * w)(2.0))
    assert val(inner_gradient(3.0)) == 4.0


def test_pullback_is_differentiable_in_its_cotangent():
    _, pullback = vjp(pa.sin, X)
    got = grad(lambda u: pa.sum(pullback(u)[0] ** 2))(W[0] * np.ones(3))
    np.testing.assert_allclose(val(got), 2 * W[0] * np.cos(X) ** 2)


def test_recorded_graph_reaches_through_transforms():
    w = pa.tensor(0.4, requires_grad=True)
    slope = grad(lambda x: pa.sin(w * x))(0.7)
    assert slope.requires_grad
    (got,) = pa.grad(slope, w)
    assert np.isclose(val(got), np.cos(0.28) - 0.28 * np.sin(0.28))


def test_no_grad_outside_detaches_results_but_not_the_transform():
    w = pa.tensor(0.4, requires_grad=True)
    with pa.no_grad():
        value, slope = pa.func.value_and_grad(lambda x: pa.sin(w * x))(0.7)
        _, pullback = vjp(lambda x: w * x, 0.7)
        (pulled,) = pullback(1.0)
        second = grad(grad(f))(0.6)
    assert np.isclose(val(value), np.sin(0.28))
    assert np.isclose(val(slope), 0.4 * np.cos(0.28))
    assert np.isclose(val(second), nth(2, 0.6))
    assert val(pulled) == 0.4


def test_no_grad_inside_stops_the_gradient():
    def stopped(x):
        with pa.no_grad():
            constant = x * x
        return constant * x

    assert np.isclose(val(grad(stopped)(3.0)), 9.0)
    assert np.isclose(val(grad(lambda x: x * x * x)(3.0)), 27.0)
