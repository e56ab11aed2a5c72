"""pa.laplacian, hessian_diagonal, divergence, derivative and pa.func.taylor."""

import math

import numpy as np
import pytest

import pyautograd as pa

RNG = np.random.default_rng(0)
WEIGHTS = [RNG.standard_normal((4, 6)), RNG.standard_normal((6, 6)), RNG.standard_normal(6)]


def network(x, weights=WEIGHTS):
    return pa.tanh(pa.tanh(x @ weights[0]) @ weights[1]) @ weights[2]


def field(x):
    return pa.sin(x) * pa.sum(x**2) + x[::-1]


def outputs(x):
    return pa.stack([network(x), pa.sum(x**3), pa.prod(x)])


POINT = RNG.standard_normal(4)


@pytest.mark.parametrize("chunk_size", [None, 1, 3, 100])
def test_second_derivatives_of_scalars_and_of_vectors(chunk_size):
    dense = pa.hessian(network, POINT).numpy()
    got = pa.hessian_diagonal(network, chunk_size=chunk_size)(POINT)
    np.testing.assert_allclose(got.numpy(), np.diag(dense), rtol=1e-12)
    got = pa.laplacian(network, chunk_size=chunk_size)(POINT)
    assert got.shape == () and got.item() == pytest.approx(np.trace(dense))
    dense = pa.hessian(outputs, POINT).numpy()
    got = pa.hessian_diagonal(outputs, chunk_size=chunk_size)(POINT)
    np.testing.assert_allclose(got.numpy(), np.einsum("oii->oi", dense), rtol=1e-12)
    got = pa.laplacian(outputs, chunk_size=chunk_size)(POINT)
    np.testing.assert_allclose(got.numpy(), np.einsum("oii->o", dense), rtol=1e-12)


@pytest.mark.parametrize("chunk_size", [None, 1, 3])
def test_divergence(chunk_size):
    got = pa.divergence(field, chunk_size=chunk_size)(POINT)
    assert got.item() == pytest.approx(np.trace(pa.jacobian(field, POINT).numpy()))
    matrix = RNG.standard_normal((2, 3))
    got = pa.divergence(lambda x: x**2, chunk_size=chunk_size)(matrix)
    assert got.item() == pytest.approx(2 * matrix.sum())
    both = pa.laplacian(lambda x: pa.sum(x**3))(matrix).item()
    got = pa.divergence(pa.func.grad(lambda x: pa.sum(x**3)))(matrix).item()
    assert got == pytest.approx(both)


def test_shapes_and_empty_arguments():
    matrix = RNG.standard_normal((2, 3))
    assert pa.hessian_diagonal(lambda x: pa.sum(x**2))(matrix).tolist() == [[2.0] * 3] * 2
    assert pa.hessian_diagonal(lambda x: x @ x.T)(matrix).shape == (2, 2, 2, 3)
    assert pa.laplacian(lambda x: x**3)(2.0).item() == 12.0
    empty = np.zeros(0)
    assert pa.laplacian(lambda x: pa.sum(x))(empty).item() == 0.0
    assert pa.hessian_diagonal(lambda x: pa.sum(x))(empty).shape == (0,)
    for shape in ((0,), (2, 0)):
        trace = pa.divergence(lambda x: x * x)(np.zeros(shape))
        assert trace.shape == () and trace.item() == 0.0
    with pytest.raises(ValueError, match=r"returns shape \(3,\) for an argument of shape \(0,\)"):
        pa.divergence(lambda x: pa.zeros(3))(empty)


def test_nesting():
    """The gradient of a Laplacian by parameters, and batches of points."""
    points = RNG.standard_normal((5, 4))

    def residual(weights, trace):
        def total(x):
            return pa.trace(pa.hessian(lambda x: network(x, weights), x))

        def fast(x):
            return pa.laplacian(lambda w, x: network(x, w), argnums=1)(weights, x)

        values = pa.func.vmap(total if trace else fast)(points)
        return pa.mean(values**2)

    weights = [pa.asarray(w) for w in WEIGHTS]
    expected = pa.func.grad(lambda w: residual(w, True))(weights)
    for got, want in zip(pa.func.grad(lambda w: residual(w, False))(weights), expected,
                         strict=True):  # fmt: skip
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-9, atol=1e-12)
    tangents = [pa.ones_like(w) for w in weights]
    slope = pa.func.jvp(lambda w: residual(w, False), (weights,), (tangents,))[1].item()
    dot = sum(float(pa.sum(g).item()) for g in expected)
    assert slope == pytest.approx(dot)
    for transform in (pa.laplacian, pa.hessian_diagonal):
        many = pa.func.vmap(transform(outputs))(points).numpy()
        each = np.stack([transform(outputs)(p).numpy() for p in points])
        np.testing.assert_allclose(many, each, rtol=1e-10)
    biharmonic = pa.laplacian(pa.laplacian(lambda x: pa.sum(x**2) ** 3))(POINT).item()
    r2 = float(POINT @ POINT)
    # Laplacian of r^p is p (p + n - 2) r^(p-2), here for n = 4
    assert biharmonic == pytest.approx(6 * 8 * 4 * 6 * r2)


@pytest.mark.parametrize("n", range(8))
def test_derivatives_of_one_variable(n):
    got = pa.derivative(pa.sin, n)(0.3).item()
    assert got == pytest.approx(math.sin(0.3 + n * math.pi / 2), rel=1e-12, abs=0)
    x = np.array([0.5, 2.0])
    got = pa.func.vmap(pa.derivative(pa.log, n))(x).numpy()
    want = np.log(x) if n == 0 else (-1.0) ** (n - 1) * math.factorial(n - 1) / x**n
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_derivative_of_a_curve_and_by_the_reverse_mode():
    first, second = pa.derivative(lambda t: (pa.cos(t), {"y": t**3}), 2)(1.0)
    assert first.item() == pytest.approx(-math.cos(1.0)) and second["y"].item() == 6.0
    assert pa.func.grad(pa.derivative(lambda t: t**4, 2))(2.0).item() == pytest.approx(48)
    assert pa.derivative(pa.func.grad(lambda t: t**4), 2)(2.0).item() == pytest.approx(48)


def test_taylor_coefficients_sum_to_the_function():
    direction = 0.2 * RNG.standard_normal(4)
    coefficients = pa.func.taylor(network, POINT, direction, 6)
    assert len(coefficients) == 7
    for t in (0.05, 0.1):
        series = sum(c.item() * t**k for k, c in enumerate(coefficients))
        exact = network(POINT + t * direction).item()
        assert series == pytest.approx(exact, abs=2 * t**7)
    assert [c.item() for c in pa.func.taylor(lambda x: x**3, 2.0, 1.0, 4)] == [8, 12, 6, 1, 0]


def test_taylor_of_trees_and_its_derivative():
    x, v = {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": -1.0}
    found = pa.func.taylor(lambda p: (p["a"] * p["b"], p["a"]), x, v, 2)
    assert [[y.item() for y in row] for row in found] == [[2, 1], [1, 1], [-1, 0]]
    slope = pa.func.grad(lambda x: pa.func.taylor(pa.exp, x, 1.0, 3)[3])(0.0)
    assert slope.item() == pytest.approx(1 / 6)


BAD = [
    (lambda: pa.laplacian(3), TypeError, r"\[laplacian\] expected a function"),
    (lambda: pa.laplacian(lambda x: (x, x))(1.0), TypeError, "must return one tensor, got a tuple"),
    (lambda: pa.laplacian(lambda x: x)((1.0,)), TypeError, "argument must be one tensor"),
    (lambda: pa.laplacian(lambda x: x)(1j), TypeError, "the argument is complex"),
    (lambda: pa.laplacian(lambda x: x)(1), TypeError, "dtype int64"),
    (lambda: pa.laplacian(lambda x: x, argnums=(0,)), TypeError, "argnums must be an int"),
    (lambda: pa.laplacian(lambda x: x, chunk_size=0), ValueError, "chunk_size must be a positive"),
    (lambda: pa.divergence(pa.sum)(np.ones(2)), ValueError, r"returns shape \(\) for an argument"),
    (lambda: pa.derivative(pa.sin, -1), ValueError, "must not be negative, got -1"),
    (lambda: pa.derivative(pa.sin, 1.0), TypeError, "must be an int, got a float"),
    (lambda: pa.derivative(pa.sin)(np.ones(2)), ValueError, "must be a scalar, got shape"),
    (lambda: pa.func.taylor(pa.sin, 1.0, 1.0, -2), ValueError, "must not be negative, got -2"),
    (lambda: pa.func.taylor(pa.sin, 1.0, 1.0, 171), ValueError, "at most 170, got 171"),
    (lambda: pa.derivative(pa.sin, 10**12), ValueError, "at most 170"),
    (lambda: pa.func.taylor(pa.sin, 1, 1.0, 2), TypeError, "dtype int64"),
    (lambda: pa.func.taylor(lambda x: x > 0, 1.0, 1.0, 2), TypeError, "returned dtype bool"),
    (lambda: pa.func.taylor(lambda x: None, 1.0, 1.0, 2), TypeError, "must return tensors"),
    (lambda: pa.func.taylor(pa.sin, {"a": 1.0}, {"b": 1.0}, 2), ValueError, "direction"),
    (lambda: pa.func.taylor(pa.sin, 1.0, 1.0, "2"), TypeError, "must be an int, got '2'"),
    (lambda: pa.func.taylor(pa.sin, 1.0, np.ones(2), 1), ValueError, "shape"),
    (lambda: pa.laplacian(pa.sum, np.ones(2)), TypeError, r"second call, laplacian\(f\)\(x\)"),
    (lambda: pa.derivative(pa.sin, 0.3), TypeError, r"got a float: .* derivative\(f\)\(x\)"),
]


@pytest.mark.parametrize("call, error, message", BAD)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
