"""Promotion, weak Python scalars and dtype arguments, all as in NumPy 2."""

import itertools
import operator

import numpy as np
import pytest
from records import ALL, REAL

import pyautograd as pa

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv]
COMPARISONS = [operator.lt, operator.ge, operator.eq, operator.ne]
BITWISE = [operator.and_, operator.or_, operator.xor]
SCALARS = [True, 2, 2.5, -1, 300, 2**40, 2**63, -(2**63), 2.5 - 1j]
NUMPY_SCALARS = [
    *(np.float32(2.5), np.float64(2.5), np.int8(2), np.uint16(2), np.bool_(True)),
    *(np.complex64(2.5j), np.complex128(2.5j)),
]


def types_for(op):
    """NumPy puts complex numbers in the order of dictionaries; here they have none."""
    return REAL if op in (operator.lt, operator.ge, "maximum") else ALL


def outcome(call):
    try:
        return np.asarray(call())
    except (TypeError, OverflowError) as error:
        return type(error)


def assert_same_outcome(ours, numpys, what):
    got, want = outcome(ours), outcome(numpys)
    if isinstance(want, type) or isinstance(got, type):
        assert got is want, f"{what}: {got} instead of {want}"
        return
    assert got.dtype == want.dtype, f"{what}: {got.dtype} instead of {want.dtype}"
    np.testing.assert_allclose(got, want, rtol=1e-6, err_msg=str(what))


@pytest.mark.parametrize("op", ARITHMETIC + COMPARISONS + BITWISE, ids=lambda op: op.__name__)
def test_all_pairs_promote_as_numpy(op):
    for a, b in itertools.product(types_for(op), repeat=2):
        x, y = np.array([3, 1], a), np.array([2, 1], b)
        assert_same_outcome(
            lambda x=x, y=y: op(pa.tensor(x), pa.tensor(y)), lambda x=x, y=y: op(x, y), (a, b)
        )


@pytest.mark.parametrize("name", ["where", "concat", "stack", "maximum", "matmul"])
def test_joining_ops_promote_too(name):
    calls = {
        "where": lambda m, x, y: m.where(np.array([True, False]), x, y),
        "concat": lambda m, x, y: m.concat([x, y]),
        "stack": lambda m, x, y: m.stack([x, y]),
        "maximum": lambda m, x, y: m.maximum(x, y),
        "matmul": lambda m, x, y: m.matmul(x, y),
    }
    call = calls[name]
    for a, b in itertools.product(types_for(name), repeat=2):
        x, y = np.array([3, 1], a), np.array([2, 1], b)
        assert_same_outcome(
            lambda x=x, y=y: call(pa, pa.tensor(x), pa.tensor(y)),
            lambda x=x, y=y: call(np, x, y),
            (a, b),
        )


def both_ways(op, scalar):
    return [lambda x: op(x, scalar), lambda x: op(scalar, x)]


@pytest.mark.parametrize("op", ARITHMETIC, ids=lambda op: op.__name__)
@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
def test_python_scalars_are_weak(op, scalar):
    for dtype in ALL:
        x = np.array([3, 1], dtype)
        for call in both_ways(op, scalar):
            assert_same_outcome(
                lambda x=x, c=call: c(pa.tensor(x)), lambda x=x, c=call: c(x), dtype
            )


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("scalar", SCALARS[:-1], ids=repr)
def test_comparisons_with_python_scalars_are_pythons(op, scalar):
    """Exact for integers of any size."""
    for dtype in REAL[1:]:
        ends = [np.iinfo(dtype).min, np.iinfo(dtype).max] if "int" in dtype else [3, 1]
        x = np.array(ends, dtype)
        for call in both_ways(op, scalar):
            assert call(pa.tensor(x)).tolist() == [call(value) for value in x.tolist()], dtype


@pytest.mark.parametrize("scalar", NUMPY_SCALARS, ids=repr)
def test_numpy_scalars_are_strong(scalar):
    for dtype in ALL:
        x = np.array([3, 1], dtype)
        for call in (lambda a: a * scalar, lambda a: scalar * a, lambda a: a == scalar):
            assert_same_outcome(
                lambda x=x, c=call: c(pa.tensor(x)), lambda x=x, c=call: c(x), dtype
            )


def test_zero_dimensional_tensors_are_strong():
    assert (pa.tensor(1.0) * pa.ones(2, dtype="float32")).dtype == np.float64
    assert (pa.tensor(1.0, dtype="float32") * pa.ones(2)).dtype == np.float64


def test_power_of_integers_and_scalars():
    x = pa.tensor([1, 2, 3])
    assert (x**2).dtype == np.int64 and (x**2).tolist() == [1, 4, 9]
    assert (x**0.5).dtype == np.float64
    assert (2**x).tolist() == [2, 4, 8]
    assert (pa.tensor([1, 2], dtype="float32") ** 2).dtype == np.float32
    for negative in (-1, pa.tensor([-1, 1, 1])):
        with pytest.raises(ValueError):
            x**negative


@pytest.mark.parametrize("dtype", ALL)
def test_every_way_to_name_a_dtype(dtype):
    names = [dtype, np.dtype(dtype), np.dtype(dtype).type, getattr(pa, dtype)]
    for name in names:
        assert pa.zeros(2, dtype=name).dtype == np.dtype(dtype)
        assert pa.tensor([1, 0], dtype=name).dtype == np.dtype(dtype)
        assert pa.tensor([1, 0]).astype(name).dtype == np.dtype(dtype)
    assert pa.zeros(2, dtype=float).dtype == np.float64
    assert pa.zeros(2, dtype=int).dtype == np.int64
    assert pa.zeros(2, dtype=bool).dtype == np.bool_
    assert pa.zeros(2, dtype=complex).dtype == np.complex128


@pytest.mark.parametrize("wrong", ["complex256", "float128", "nonsense", np.str_, object, ">f8", 7])
def test_other_dtypes_are_type_errors(wrong):
    with pytest.raises(TypeError):
        pa.zeros(2, dtype=wrong)


def test_default_dtypes_are_numpys():
    for value in (
        1,
        1.0,
        True,
        1j,
        [1, 2j],
        [1, 2.0],
        [True, 2],
        [],
        [[1], [2]],
        np.float32(1),
        np.int8(3),
    ):
        assert pa.tensor(value).dtype == np.asarray(value).dtype


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_casts_between_all_dtypes():
    for a, b in itertools.product(ALL, repeat=2):
        x = np.array([0, 1, 3, 100], a)
        np.testing.assert_array_equal(pa.tensor(x).astype(b).numpy(), x.astype(b))


def test_gradients_have_the_dtype_of_their_tensor():
    x = pa.tensor([1.0, 2.0], dtype="float32", requires_grad=True)
    y = pa.tensor([3.0, 4.0], requires_grad=True)
    pa.sum(x * y).backward(create_graph=True)
    assert x.grad.dtype == np.float32 and y.grad.dtype == np.float64
    (second,) = pa.grad(pa.sum(x.grad), y)
    assert second.dtype == np.float64


@pytest.mark.parametrize("dtype", [d for d in REAL if not d.startswith("float")])
def test_only_floats_require_grad(dtype):
    with pytest.raises((TypeError, RuntimeError), match="float"):
        pa.tensor([1, 0], dtype=dtype, requires_grad=True)
    with pytest.raises(TypeError, match="float"):
        pa.func.grad(lambda x: pa.sum(x * 1.0))(pa.tensor([1, 0], dtype=dtype))


def test_integer_results_record_nothing():
    x = pa.tensor([1.5, 2.5], requires_grad=True)
    for y in (x > 2, pa.argmax(x), x.astype("int64"), pa.isnan(x)):
        assert not y.requires_grad
    y = pa.where(x > 2, x, 0.0)
    pa.sum(y).backward()
    assert x.grad.tolist() == [0, 1]
