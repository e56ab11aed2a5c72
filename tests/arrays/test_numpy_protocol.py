"""NumPy functions and operators on tensors record, or raise TypeError naming themselves."""

import numpy as np
import pytest

import pyautograd as pa

A = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
B = np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])
SQUARE = np.arange(9.0).reshape(3, 3)


@pytest.fixture
def t():
    return pa.tensor(A, requires_grad=True)


def check(got, expected):
    assert isinstance(got, pa.Tensor)
    assert got.requires_grad
    np.testing.assert_allclose(got.detach().numpy(), expected)


UNARY = """negative positive absolute fabs sign exp exp2 expm1 log log2 log10 log1p sqrt cbrt square
    reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh""".split()
PIECEWISE_CONSTANT = "isnan isinf isfinite signbit logical_not".split()
BINARY = """add subtract multiply divide true_divide power maximum minimum arctan2 hypot
    logaddexp matmul""".split()
COMPARISONS = "equal not_equal less less_equal greater greater_equal logical_and logical_or".split()


@pytest.mark.parametrize("name", UNARY)
def test_unary_ufuncs(name, t):
    check(getattr(np, name)(t), getattr(np, name)(A))


@pytest.mark.parametrize("name", PIECEWISE_CONSTANT)
def test_unary_ufuncs_without_derivative(name, t):
    got = getattr(np, name)(t)
    assert isinstance(got, pa.Tensor)
    np.testing.assert_array_equal(got.numpy(), getattr(np, name)(A))


@pytest.mark.parametrize("name", BINARY)
def test_binary_ufuncs_in_both_orders(name, t):
    f = getattr(np, name)
    other = B.T if name == "matmul" else np.abs(B)
    check(f(t, other), f(A, other))
    check(f(other, t), f(other, A))
    check(f(t, t.T if name == "matmul" else t), f(A, A.T if name == "matmul" else A))


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(name, t):
    f = getattr(np, name)
    np.testing.assert_array_equal(f(t, B).numpy(), f(A, B))
    np.testing.assert_array_equal(f(B, t).numpy(), f(B, A))


def test_operators_with_arrays_on_the_left(t):
    check(B + t, B + A)
    check(B - t, B - A)
    check(B * t, B * A)
    check(B / t, B / A)
    check(np.abs(B) ** t, np.abs(B) ** A)
    check(B.T @ t, B.T @ A)
    check(np.float64(2.0) * t, 2 * A)
    check(t @ B.T, A @ B.T)
    np.testing.assert_array_equal((B < t).numpy(), B < A)


REDUCTIONS = "sum prod mean max min amax amin std var".split()


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize(
    "kwargs", [{}, {"axis": 0}, {"axis": (0, 1)}, {"axis": -1, "keepdims": True}]
)
def test_reductions(name, kwargs, t):
    check(getattr(np, name)(t, **kwargs), getattr(np, name)(A, **kwargs))


def test_degrees_of_freedom(t):
    check(np.std(t, ddof=1), np.std(A, ddof=1))
    check(np.var(t, axis=1, ddof=1), np.var(A, axis=1, ddof=1))
    check(np.sum(t, 1), A.sum(1))
    check(np.sum(t, None, None, None, True), A.sum(keepdims=True))


def test_ufunc_methods(t):
    check(np.add.reduce(t), A.sum(0))
    check(np.multiply.reduce(t, axis=1, keepdims=True), A.prod(1, keepdims=True))
    check(np.maximum.reduce(t, axis=None), A.max())
    check(np.minimum.reduce(t, axis=(0, 1)), A.min())
    check(np.add.accumulate(t, axis=1), np.add.accumulate(A, axis=1))
    check(np.multiply.outer(t, B), np.multiply.outer(A, B))
    check(np.subtract.outer(B, t), np.subtract.outer(B, A))
    assert np.logical_and.reduce(t, axis=None).item() is True
    assert np.logical_or.reduce(t < 0, axis=None).item() is False


SHAPES = {
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "ravel": lambda x: np.ravel(x),
    "transpose": lambda x: np.transpose(x),
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 1), axis=1),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "rot90": lambda x: np.rot90(x, 1, (1, 0)),
    "linspace": lambda x: np.linspace(x, B, 3, axis=-1),
    "flip": lambda x: np.flip(x, axis=1),
    "roll": lambda x: np.roll(x, 1, axis=1),
    "tile": lambda x: np.tile(x, (2, 1)),
    "repeat": lambda x: np.repeat(x, 2, axis=0),
    "concatenate": lambda x: np.concatenate([x, B]),
    "concatenate axis": lambda x: np.concatenate((B, x), axis=1),
    "stack": lambda x: np.stack([x, B], axis=1),
    "vstack": lambda x: np.vstack([x, B]),
    "hstack": lambda x: np.hstack([x, B]),
    "split": lambda x: np.split(x, 3, axis=1)[1],
    "take": lambda x: np.take(x, [2, 0], axis=1),
    "where": lambda x: np.where(B > 0, x, B),
    "clip": lambda x: np.clip(x, 0.15, 0.45),
    "clip keywords": lambda x: np.clip(x, min=0.15, max=0.45),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "pad": lambda x: np.pad(x, ((1, 0), (0, 1))),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, B),
    "tensordot": lambda x: np.tensordot(x, B, axes=((0, 1), (0, 1))),
    "dot": lambda x: np.dot(x, B.T),
    "inner": lambda x: np.inner(x, B),
    "outer": lambda x: np.outer(x, B),
    "trace": lambda x: np.trace(x @ B.T),
    "diagonal": lambda x: np.diagonal(x, offset=1),
    "tril": lambda x: np.tril(x, k=-1),
    "linalg.matmul": lambda x: np.linalg.matmul(x, B.T),
    "linalg.outer": lambda x: np.linalg.outer(x[0], B[0]),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, B)[0],
    "round": lambda x: np.round(x, 1) + x,
}


@pytest.mark.parametrize("name", SHAPES)
def test_functions(name, t):
    check(SHAPES[name](t), SHAPES[name](A))


def test_broadcasting_beside_what_holds_no_numbers(t):
    x, row, label, nothing = np.broadcast_arrays(t, [t[0, 0], 2.0, 3.0], "a", None)
    assert x.requires_grad
    assert row.requires_grad
    check(x, A)
    check(row, [[A[0, 0], 2.0, 3.0]] * 2)
    assert label.tolist() == [["a"] * 3] * 2
    assert nothing.tolist() == [[None] * 3] * 2


def test_functions_of_the_shape_only(t):
    assert np.shape(t) == (2, 3)
    assert np.ndim(t) == 2
    assert np.size(t) == 6
    assert np.size(t, 1) == 3
    assert np.result_type(t, np.float32) == np.float64
    assert np.zeros_like(t).tolist() == [[0.0] * 3] * 2
    assert np.ones_like(t, dtype=np.int64).dtype == np.int64
    assert np.argmax(t) == 5
    assert [i.tolist() for i in np.nonzero(t > 0.45)] == [[1, 1], [1, 2]]
    assert np.allclose(t, A)
    assert np.array_equal(t, A)
    assert not np.allclose(A, t + 1)


def test_the_gradient_flows(t):
    np.sum(np.sin(t) * B).backward()
    np.testing.assert_allclose(t.grad.numpy(), np.cos(A) * B)
    got = pa.func.vmap(pa.func.grad(lambda x: np.sum(np.exp(x))))(A)
    np.testing.assert_allclose(got.numpy(), np.exp(A))


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda t: np.packbits(t), r"np\.packbits"),
        (lambda t: np.isnat(t), r"np\.isnat"),
        (lambda t: np.hypot.reduceat(t, [0, 1]), r"np\.hypot\.reduceat"),
        (lambda t: np.isnat.at(t, 0), r"np\.isnat\.at"),
    ],
)
def test_no_counterpart(call, name, t):
    with pytest.raises(
        TypeError, match=name + r" has no pyautograd counterpart: write it .* pa\.Function"
    ):
        call(t)


@pytest.mark.parametrize(
    "call, argument",
    [
        (lambda t: np.sum(t, out=np.zeros(())), "out"),
        (lambda t: np.sin(t, out=np.zeros((2, 3))), "out"),
        (lambda t: np.less(t, t, dtype=np.float64), "dtype"),
        (lambda t: np.add(t, t, signature="dd->d"), "signature"),
        (lambda t: np.sort(t, order="x"), "order"),
        (lambda t: np.ravel(t, order="K"), "order='K'"),
        (lambda t: np.std(t, mean=0.5), "mean"),
    ],
)
def test_arguments_without_counterpart(call, argument, t):
    argument = argument if "'" in argument else argument + "="
    with pytest.raises(TypeError, match=f"the argument {argument} is not supported for tensors"):
        call(t)


def test_writing_into_an_array_raises_rather_than_losing_the_graph(t):
    array = B.copy()
    with pytest.raises(TypeError, match="cannot hold a tensor's graph"):
        array += t
    np.testing.assert_array_equal(array, B)
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        array[0] = t[0]


def test_foreign_types_get_their_say(t):
    class Other:
        def __array_function__(self, func, types, args, kwargs):
            return "other"

    assert np.concatenate([t, Other()]) == "other"
