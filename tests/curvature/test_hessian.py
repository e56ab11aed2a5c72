"""pa.jacobian, pa.hessian and pa.hvp: every mode, shapes, trees, and closed forms."""

import itertools

import numpy as np
import pytest
from support.dense_hessians import rosenbrock

import pyautograd as pa

MODES = [
    "auto",
    *(f"{a}-over-{b}" for a, b in itertools.product(("forward", "reverse"), repeat=2)),
]


def rosenbrock_hessian(x):
    n = len(x)
    diagonal = np.zeros(n)
    diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    off = -400 * x[:-1]
    return np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)


def numbers(t):
    assert isinstance(t, pa.Tensor)
    return t.numpy()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [2, 10])
def test_rosenbrock(mode, n):
    x = np.linspace(-1.0, 1.5, n)
    got = numbers(pa.hessian(rosenbrock, x, mode=mode))
    np.testing.assert_allclose(got, rosenbrock_hessian(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_square_of_a_product(mode):
    y = pa.tensor([1.0, 2.0])
    got = pa.hessian(lambda x: pa.sum(x * y) ** 2, pa.tensor([3.0, 1.0]), mode=mode)
    assert got.tolist() == [[2.0, 4.0], [4.0, 8.0]]


@pytest.mark.parametrize("mode", MODES)
def test_shapes_of_hessians(mode):
    assert pa.hessian(lambda x: x**3, 2.0, mode=mode).item() == 12.0
    x = np.arange(6.0).reshape(2, 3)
    got = numbers(pa.hessian(lambda x: pa.sum(x**3), x, mode=mode))
    np.testing.assert_allclose(got.reshape(6, 6), np.diag(6 * x.reshape(-1)))
    assert got.shape == (2, 3, 2, 3)
    assert pa.hessian(lambda x: x**2, np.ones(2), mode=mode).shape == (2, 2, 2)
    assert pa.hessian(lambda x: pa.sum(x), np.ones(0), mode=mode).shape == (0, 0)
    np.testing.assert_array_equal(
        numbers(pa.hessian(lambda x: pa.sum(x), np.ones(2), mode=mode)), np.zeros((2, 2))
    )


@pytest.mark.parametrize("mode", MODES)
def test_arguments_trees_and_aux(mode):
    def f(a, p):
        return pa.sum(a * p["x"] ** 2), "aux"

    a, x = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    blocks, aux = pa.hessian(f, a, {"x": x}, argnums=(0, 1), has_aux=True, mode=mode)
    assert aux == "aux"
    np.testing.assert_array_equal(numbers(blocks[0][0]), np.zeros((2, 2)))
    np.testing.assert_allclose(numbers(blocks[0][1]["x"]), np.diag(2 * x))
    np.testing.assert_allclose(numbers(blocks[1]["x"][0]), np.diag(2 * x))
    np.testing.assert_allclose(numbers(blocks[1]["x"][1]["x"]), np.diag(2 * a))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (3, 3)])
def test_jacobian(mode, shape):
    matrix = np.arange(1.0, 11.0)[: shape[0] * shape[1]].reshape(-1)
    matrix = np.resize(matrix, shape)
    x = np.linspace(0.1, 0.9, shape[1])
    got = pa.jacobian(lambda x: pa.matmul(pa.asarray(matrix), pa.sin(x)), x, mode=mode)
    np.testing.assert_allclose(numbers(got), matrix * np.cos(x))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobian_of_trees(mode):
    def f(a, b):
        return {"sum": a + b, "parts": (a[0], pa.concat([a, b, a, b]))}, 7

    (by_b, by_a), aux = (
        pa.jacobian(f, np.ones(2), np.ones(2), argnums=(1, 0), has_aux=True, mode=mode)[0]["sum"],
        7,
    )
    np.testing.assert_array_equal(numbers(by_b), np.eye(2))
    np.testing.assert_array_equal(numbers(by_a), np.eye(2))
    blocks, aux = pa.jacobian(f, np.ones(2), np.ones(2), has_aux=True, mode=mode)
    assert aux == 7
    np.testing.assert_array_equal(numbers(blocks["parts"][0]), [1, 0])
    eye, none = np.eye(2), np.zeros((2, 2))
    np.testing.assert_array_equal(
        numbers(blocks["parts"][1]), np.concatenate([eye, none, eye, none])
    )


def test_auto_evaluates_the_function_once():
    for rows in (1, 2, 5):
        calls = []

        def f(x, rows=rows, calls=calls):
            calls.append(1)
            return pa.sum(x) * pa.ones(rows)

        pa.jacobian(f, np.ones(2))
        assert len(calls) == 1
    calls = []
    pa.hessian(lambda x: (calls.append(1), pa.sum(x**2))[1], np.ones(2))
    assert len(calls) == 1


def test_hvp():
    x, v = np.linspace(-1.0, 1.5, 10), np.cos(np.arange(10.0))
    np.testing.assert_allclose(numbers(pa.hvp(rosenbrock, x, v)), rosenbrock_hessian(x) @ v)
    tree = pa.hvp(lambda p: p["a"] ** 2 * p["b"], {"a": 3.0, "b": 2.0}, {"a": 1.0, "b": 0.0})
    assert (tree["a"].item(), tree["b"].item()) == (4.0, 6.0)


def test_float32_stays_float32():
    x = np.ones(3, np.float32)
    assert pa.hessian(rosenbrock, x).dtype == pa.float32
    assert pa.jacobian(lambda x: x**2, x).dtype == pa.float32
    assert pa.hvp(rosenbrock, x, np.ones(3)).dtype == pa.float32


def test_nested_in_transforms_and_in_the_recorded_graph():
    def trace(x):
        return pa.trace(pa.hessian(rosenbrock, x))

    x = np.linspace(-1.0, 1.5, 4)
    gradient = numbers(pa.func.grad(trace)(x))
    step = 1e-6 * np.eye(4)
    want = [
        (np.trace(rosenbrock_hessian(x + s)) - np.trace(rosenbrock_hessian(x - s))) / 2e-6
        for s in step
    ]
    np.testing.assert_allclose(gradient, want, rtol=1e-6, atol=1e-4)
    batch = numbers(pa.func.vmap(lambda x: pa.hessian(rosenbrock, x))(np.stack([x, 2 * x])))
    np.testing.assert_allclose(
        batch, np.stack([rosenbrock_hessian(x), rosenbrock_hessian(2 * x)]), atol=1e-12
    )
    leaf = pa.tensor(x, requires_grad=True)
    trace(leaf).backward()
    np.testing.assert_allclose(leaf.grad.numpy(), gradient)


@pytest.mark.parametrize("mode", MODES)
def test_under_no_grad(mode):
    x = pa.tensor(np.ones(2), requires_grad=True)
    with pa.no_grad():
        for f in (rosenbrock, lambda x: x**3):
            got = pa.hessian(f, x, mode=mode)
            np.testing.assert_allclose(got.numpy(), pa.hessian(f, np.ones(2)).numpy())
        np.testing.assert_allclose(pa.hvp(rosenbrock, x, np.ones(2)).numpy(), [402.0, -200.0])
        assert pa.jacobian(pa.sin, x).numpy().shape == (2, 2)


def test_errors():
    with pytest.raises(ValueError, match="unknown mode 'fast': expected one of auto, forward-over"):
        pa.hessian(rosenbrock, np.ones(2), mode="fast")
    with pytest.raises(ValueError, match="unknown mode 'fast': expected one of auto, forward, rev"):
        pa.jacobian(rosenbrock, np.ones(2), mode="fast")
    with pytest.raises(TypeError, match=r"\[hessian\] argument 0 has dtype int64"):
        pa.hessian(rosenbrock, np.array([1, 2]))
    with pytest.raises(TypeError, match=r"the point is missing: .* pa.func.hessian\(f\)"):
        pa.hessian(rosenbrock)
    with pytest.raises(TypeError, match=r"\[jacobian\] the point is missing"):
        pa.jacobian(rosenbrock)
    with pytest.raises(IndexError, match="argnums=1 is out of range"):
        pa.hessian(rosenbrock, np.ones(2), argnums=1)
    with pytest.raises(ValueError, match=r"\[hvp\] the vector has shape \(3,\), expected \(2,\)"):
        pa.hvp(rosenbrock, np.ones(2), np.ones(3))


def test_nothing_leaks():
    x = pa.tensor(np.ones(10))
    pa.hessian(rosenbrock, x)
    with pa.testing.assert_no_leak():
        for mode in MODES:
            pa.hessian(rosenbrock, x, mode=mode)
        pa.jacobian(pa.sin, x)
        pa.hvp(rosenbrock, x, x)
