"""Tensors and the rest of Python: NumPy memory, DLPack, pickle, copy, repr, conversions."""

import copy
import gc
import math
import operator
import pickle
import warnings
import weakref

import numpy as np
import pytest
from records import ALL

import pyautograd as pa


def layouts():
    x = np.arange(24.0).reshape(2, 3, 4)
    yield from (x, x.T, x[:, ::-1], x[1, :, 2], x[..., ::2], x[:0], np.array(5.0), x[:, None])
    yield np.broadcast_to(np.arange(3.0), (2, 3))


def test_arrays_of_objects():
    array = np.asarray(pa.tensor([1.5, 2.5]), dtype=object)
    assert array.dtype == object
    assert array.tolist() == [1.5, 2.5]


@pytest.mark.parametrize("x", list(layouts()), ids=lambda x: f"{x.shape}{x.strides}")
def test_from_numpy_shares_memory_and_back(x):
    t = pa.from_numpy(x)
    np.testing.assert_array_equal(t.numpy(), x)
    assert x.size == 0 or np.shares_memory(np.from_dlpack(t) if x.flags.writeable else t.numpy(), x)


@pytest.mark.parametrize("dtype", ALL)
def test_every_dtype_survives_the_ways_in_and_out(dtype):
    x = np.array([[0, 1], [2, 3]]).astype(dtype)
    for t in (pa.tensor(x), pa.asarray(x), pa.from_numpy(x), pa.from_dlpack(x.copy())):
        assert t.dtype == x.dtype
        np.testing.assert_array_equal(t.numpy(), x)
        np.testing.assert_array_equal(np.asarray(t), x)
        np.testing.assert_array_equal(np.from_dlpack(t), x)
        assert t.tolist() == x.tolist()


def test_what_is_shared_and_what_is_copied():
    x = np.zeros(3)
    shared, copied = pa.asarray(x), pa.tensor(x)
    x[0] = 1
    assert shared.tolist() == [1, 0, 0] and copied.tolist() == [0, 0, 0]
    shared[1] = 2.0
    assert x.tolist() == [1, 2, 0]
    assert pa.asarray(shared) is shared
    assert pa.asarray(x, copy=True).tolist() == x.tolist()
    with pytest.raises(ValueError):
        pa.asarray(x, dtype="float32", copy=False)


def test_read_only_arrays_stay_read_only():
    x = np.zeros(3)
    x.flags.writeable = False
    t = pa.from_numpy(x)
    with pytest.raises(ValueError, match="read-only"):
        t[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        t += 1.0
    assert not t.numpy().flags.writeable


def test_exported_memory_is_writable_only_where_nobody_needs_the_value():
    alone = pa.tensor([1.0, 2.0])
    assert alone.numpy().flags.writeable
    viewed = pa.tensor([1.0, 2.0])
    view = viewed[:1]
    assert not viewed.numpy().flags.writeable and not view.numpy().flags.writeable
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    saved = pa.tensor([3.0, 4.0])
    y = pa.sum(x * saved)
    assert not saved.numpy().flags.writeable
    assert not x.detach().numpy().flags.writeable
    y.backward()


def test_memory_lives_as_long_as_somebody_reads_it():
    x = np.arange(3.0)
    t = pa.from_numpy(x)
    del x
    gc.collect()
    assert t.tolist() == [0, 1, 2]
    array = t.numpy()
    del t
    gc.collect()
    assert array.tolist() == [0, 1, 2]


@pytest.mark.usefixtures("no_leak")
def test_shared_memory_is_released():
    released = []

    class Owner(np.ndarray):
        pass

    x = np.zeros(1000).view(Owner)
    weakref.finalize(x, released.append, 1)
    t = pa.from_numpy(x)
    u = t[1:] * 1.0
    del x, t
    gc.collect()
    assert released == [1]
    del u


def test_arrays_that_cannot_be_shared_are_copied():
    odd = np.zeros(3, dtype="i1,f8")["f1"]
    assert not odd.flags.aligned
    assert pa.from_numpy(odd).tolist() == [0, 0, 0]
    assert pa.from_numpy(np.ones(3, dtype=">f8")).tolist() == [1, 1, 1]
    with pytest.raises(TypeError):
        pa.from_numpy([1.0])


@pytest.mark.parametrize(
    "wrong",
    [object(), "text", None, np.array(["a"]), {1: 2}],
    ids=lambda w: type(w).__name__,
)
def test_things_that_are_no_tensor(wrong):
    with pytest.raises(TypeError):
        pa.tensor(wrong)


@pytest.mark.parametrize("ragged", [[[1.0], [1.0, 2.0]], [1, [2]]], ids=lambda w: type(w).__name__)
def test_ragged_lists(ragged):
    with pytest.raises(ValueError):
        pa.tensor(ragged)


def test_lists_that_contain_themselves():
    endless = []
    endless.append(endless)
    with pytest.raises((ValueError, TypeError, RecursionError)):
        pa.tensor(endless)


def test_lists_of_tensors_record():
    x = pa.tensor(2.0, requires_grad=True)
    y = pa.asarray([x, x * x, 1.0])
    pa.sum(y).backward()
    assert x.grad.item() == 5


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    for x in (np.arange(6.0).reshape(2, 3).T, np.array(True), np.zeros((0, 2), np.int8)):
        t = pickle.loads(pickle.dumps(pa.tensor(x), protocol))
        assert t.dtype == x.dtype and t.shape == x.shape
        np.testing.assert_array_equal(t.numpy(), x)
    leaf = pickle.loads(pickle.dumps(pa.tensor([1.0], requires_grad=True), protocol))
    assert leaf.requires_grad and leaf.is_leaf


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_functions_pickle_by_name(protocol):
    for function in (pa.sin, pa.matmul, pa.arctan2, pa.einsum, pa.special.expit):
        assert pickle.loads(pickle.dumps(function, protocol)) is function
    assert copy.deepcopy(pa.sin) is pa.sin


def test_recorded_results_and_wrappers_do_not_pickle():
    x = pa.tensor([1.0], requires_grad=True)
    for call in (pickle.dumps, copy.deepcopy):
        with pytest.raises(RuntimeError, match="detach"):
            call(x * 2.0)
        with pytest.raises(RuntimeError):
            pa.func.vmap(call)(pa.ones(2))


def test_copies_of_what_is_differentiated():
    """A copy in memory would be a constant, and its derivative silently lost."""
    for call in (copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))):
        for derivative in (pa.func.grad, pa.hessian, pa.func.linearize):
            with pytest.raises(RuntimeError, match="copied with its graph|inside jvp"):
                at = (pa.ones(2),) if derivative is not pa.func.grad else ()
                made = derivative(lambda v, call=call: pa.sum(v * call(v)), *at)
                made(pa.ones(2))
    square = lambda v: pa.sum(v * copy.copy(v))  # noqa: E731
    assert pa.func.grad(square)(pa.ones(2)).tolist() == [2.0, 2.0]


def test_copy_and_deepcopy():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    pa.sum(x * x).backward()
    shallow, deep = copy.copy(x), copy.deepcopy(x)
    assert deep.requires_grad and deep.grad.tolist() == [2, 4]
    assert shallow.requires_grad and shallow.grad is not None
    with pa.no_grad():
        deep += 1.0
    assert x.tolist() == [1, 2]
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]


def test_dlpack_without_copies_both_ways():
    x = np.arange(6.0).reshape(2, 3)
    t = pa.from_dlpack(x)
    assert np.shares_memory(np.from_dlpack(t), x)
    assert t.__dlpack_device__() == (1, 0)
    np.testing.assert_array_equal(np.from_dlpack(t.T), x.T)
    again = pa.from_dlpack(t)
    again[0, 0] = 9.0
    assert x[0, 0] == 9
    for wrong in (3.0, "text", object()):
        with pytest.raises((TypeError, AttributeError)):
            pa.from_dlpack(wrong)


@pytest.mark.parametrize("take", [pa.asarray, pa.from_numpy, pa.from_dlpack])
def test_memory_that_is_read_only_stays_so_in_other_hands(take):
    x = np.arange(3.0)
    x.flags.writeable = False
    view = np.from_dlpack(take(x))
    assert np.shares_memory(view, x) and not view.flags.writeable


@pytest.mark.usefixtures("no_leak")
def test_dlpack_capsules_that_nobody_takes_are_freed():
    for _ in range(3):
        pa.ones(1000).__dlpack__()
    gc.collect()


def test_dlpack_of_recorded_tensors_is_refused():
    with pytest.raises((RuntimeError, BufferError)):
        pa.tensor([1.0], requires_grad=True).__dlpack__()
    with pytest.raises((RuntimeError, BufferError)):
        pa.func.vmap(lambda x: x.__dlpack__())(pa.ones(2))


def test_leaving_the_graph_needs_detach():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    for call in (lambda: x.numpy(), lambda: np.asarray(x), lambda: np.array(x * 2.0)):
        with pytest.raises(RuntimeError, match="detach"):
            call()
    assert x.detach().numpy().tolist() == [1, 2]
    assert x.tolist() == [1, 2] and x[0].item() == 1


def test_what_scipy_asks_for_names_the_counterparts():
    special, sparse = pytest.importorskip("scipy.special"), pytest.importorskip("scipy.sparse")
    linalg = pytest.importorskip("scipy.linalg")
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    for call in (lambda: special.factorial(x), lambda: linalg.solve(np.eye(2), x)):
        with pytest.raises(RuntimeError, match=r"detach.*pa\.special.*SCIPY_ARRAY_API=1"):
            call()
    with pytest.raises(RuntimeError, match=r"detach.*pa\.special"):
        pa.func.jvp(special.factorial, (pa.ones(2),), (pa.ones(2),))
    with pytest.raises(RuntimeError, match=r"detach.*pa\.sparse\.matmul\(a, x\)"):
        sparse.csr_matrix(np.eye(2)) @ x
    with pytest.raises(RuntimeError, match=r"is meant$"):
        np.asarray(x)


def test_conversions_inside_transforms():
    for call in (bool, float, int, np.asarray, lambda x: x.item(), lambda x: x.tolist()):
        with pytest.raises(RuntimeError, match="vmap"):
            pa.func.vmap(lambda x, c=call: c(x) and x)(pa.ones(2))

    def branches(x):
        return x * x if x > 0 and x.item() < 10 else -x

    assert pa.func.jvp(branches, (3.0,), (1.0,))[1].item() == 6
    with pytest.raises(RuntimeError):
        pa.func.jvp(lambda x: np.asarray(x) + x, (3.0,), (1.0,))


def filled(x):
    out = np.zeros(2)
    out[0] = x * x
    return x * np.sum(out)


@pytest.mark.parametrize("f", [lambda x: x * math.sin(x), lambda x: x * complex(x).real, filled])
def test_a_number_that_loses_a_derivative_is_a_warning(f):
    with pytest.warns(UserWarning, match=r"the derivative of the tensor is lost.*pa\.stack"):
        pa.func.grad(f)(0.5)
    with pytest.warns(UserWarning, match="the derivative of the tensor is lost"):
        pa.func.jvp(f, (0.5,), (1.0,))
    with pytest.warns(UserWarning, match="the derivative of the tensor is lost"):
        pa.func.taylor(f, 0.5, 1.0, 2)
    # NumPy makes one of its own of an error inside an assignment.
    with pytest.raises((UserWarning, ValueError)), warnings.catch_warnings():
        warnings.simplefilter("error")
        f(pa.tensor(0.5, requires_grad=True))


@pytest.mark.filterwarnings("error")
def test_numbers_that_lose_nothing_are_no_warning():
    x = pa.tensor(0.5, requires_grad=True)
    assert x.item() == float(x.detach()) == 0.5 and f"{x:.2f}" == "0.50" and int(x) == 0
    with pa.no_grad():
        assert math.sin(x) == math.sin(0.5)
    assert pa.func.jvp(lambda v: v * float(pa.tensor(2.0)), (x,), (1.0,))[1].item() == 2.0
    assert pa.func.grad(lambda v: v * v if v > 0 else -v)(x).item() == 1.0


def test_scalars():
    assert float(pa.tensor(2.5)) == 2.5 and int(pa.tensor(2.9)) == 2 and bool(pa.tensor([1.0]))
    assert complex(pa.tensor(2.0)) == 2 and [10, 20][pa.tensor(1)] == 20
    assert f"{pa.tensor(2.0):.2f}" == "2.00"
    for call in (float, int, bool, lambda x: x.item()):
        with pytest.raises((ValueError, TypeError)):
            call(pa.ones(2))
    with pytest.raises(TypeError):
        [1, 2][pa.tensor(1.0)]


def test_repr_shows_values_dtype_and_graph():
    assert repr(pa.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert "int32" in repr(pa.tensor([1], dtype="int32"))
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    assert "requires_grad=True" in repr(x)
    assert "grad_fn=<MultiplyBackward>" in repr(x * x)
    assert len(repr(pa.zeros((1000, 1000)))) < 2000
    shown = []
    pa.func.vmap(lambda t: shown.append(repr(t)) or t)(x)
    pa.func.jvp(lambda t: shown.append(repr(t)) or t, (x,), (x,))
    assert "vmap" in shown[0].lower() or "batched" in shown[0].lower()
    assert "jvp" in shown[1].lower() or "dual" in shown[1].lower()


def test_identity_of_handles():
    x = pa.tensor([1.0], requires_grad=True)
    pa.sum(x).backward()
    assert x.grad is x.grad
    assert hash(x) == hash(x) and x in {x: 1}
    assert weakref.ref(x)() is x


def test_comparison_with_strangers():
    assert (pa.tensor([1.0]) == "text") is False or isinstance(
        pa.tensor([1.0]) == "text", pa.Tensor
    )
    assert pa.tensor(1.0) != object()
    with pytest.raises(TypeError):
        _ = pa.tensor(1.0) < "text"
    with pytest.raises(TypeError):
        pa.tensor(1.0) + "text"
    with pytest.raises(TypeError):
        object() * pa.tensor(1.0)


def test_tensors_cannot_be_made_from_outside_or_subclassed():
    with pytest.raises(TypeError):
        type("Mine", (pa.Tensor,), {})
    with pytest.raises(TypeError):
        pa.Tensor(3)
    with pytest.raises(AttributeError):
        pa.tensor(1.0).unknown = 1


def test_names_of_nodes_of_modules():
    y = pa.linalg.norm(pa.tensor([3.0, 4.0], requires_grad=True))
    assert "." not in y.grad_fn.name() and "grad_fn=<Linalg" in repr(y)


def test_arrays_of_other_machines_are_converted():
    for dtype in (">f8", ">f4", ">i2", ">c16"):
        x = np.arange(3).astype(dtype)
        assert pa.asarray(x).tolist() == x.tolist()
        assert pa.asarray(x).dtype == np.dtype(dtype).newbyteorder("=")
    assert (pa.ones(3) * np.arange(3).astype(">f8")).tolist() == [0, 1, 2]


def test_a_mask_is_not_lost():
    x = np.ma.array([1.0, 2.0], mask=[False, True])
    for call in (pa.asarray, pa.tensor, pa.from_numpy, lambda x: pa.ones(2) * x, pa.sum):
        with pytest.raises(TypeError, match=r"array\.filled"):
            call(x)

    class Named(np.ndarray):
        pass

    assert pa.asarray(np.ones(2).view(Named)).tolist() == [1, 1]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_products_with_matrices_of_numpy():
    x, matrix = pa.tensor([[1.0, 2.0], [3.0, 4.0]]), np.matrix([[1.0, 2.0], [0.0, 1.0]])

    def in_place(a, b):
        a *= b

    def power_in_place(a, b):
        a **= b

    for call in (operator.mul, in_place, operator.pow, power_in_place):
        kept = x.numpy().copy()
        with pytest.raises(
            TypeError, match=r"product of matrices in NumPy: take @ for that, or np\."
        ):
            call(x, matrix)
        np.testing.assert_array_equal(x, kept)
    for call in (operator.mul, in_place):
        with pytest.raises(TypeError, match="take @ for that"):
            call(matrix, x)
    assert (x @ matrix).tolist() == (x.numpy() @ matrix).tolist()
    assert (matrix @ x).tolist() == (matrix @ x.numpy()).tolist()
    assert (x * np.asarray(matrix)).tolist() == [[1.0, 4.0], [0.0, 4.0]]
    for call in (operator.add, operator.sub, operator.truediv, operator.eq, np.multiply):
        with np.errstate(divide="ignore"):
            assert call(x, matrix).tolist() == call(x.numpy(), matrix).tolist()


def test_lists_and_tuples_are_operands_as_for_arrays():
    x, w = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 5.0]])
    t = pa.tensor(x)
    for other in ([3, 4], (3.0, 5.0), w.tolist()):
        for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
            assert op(t, other).tolist() == op(x, other).tolist()
            assert op(other, t).tolist() == op(other, x).tolist()
        for op in (operator.matmul, operator.eq, operator.ne, operator.lt, operator.ge):
            assert op(t, other).tolist() == op(x, other).tolist()
            assert op(other, t).tolist() == op(other, x).tolist()
    t += [1, 1]
    assert t.tolist() == [2.0, 3.0]
    assert pa.func.grad(lambda t: pa.sum(([1.0, 2.0] - t) * [t[1], 3.0]))(x).tolist() == [
        -2.0,
        -3.0,
    ]
    for other in ([1, 2, 3], [[1], [1, 2]]):
        with pytest.raises(ValueError):
            t == other  # noqa: B015


class Column:
    """What a column of pandas is to a tensor: an array that defers to a higher priority."""

    __pandas_priority__ = 3000

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def __mul__(self, other):
        return NotImplemented if other.__pandas_priority__ > 3000 else self.values * other

    __rmul__ = __add__ = __mul__


def test_columns_of_tables():
    column, flags = Column([1.0, 2.0, 3.0]), Column([True, False, True])
    x = pa.tensor([1.0, 1.0, 2.0], requires_grad=True)
    for y in (column * x, x * column):
        assert type(y) is pa.Tensor
        (g,) = pa.grad(pa.sum(y), x)
        assert g.tolist() == [1.0, 2.0, 3.0]
    assert (x > column).tolist() == [False, False, False]
    assert (x @ column).item() == 9.0
    assert x[flags].tolist() == [1.0, 2.0]
    assert x[Column([2, 0])].tolist() == [2.0, 1.0]
    slope = pa.func.grad(lambda b: pa.sum(pa.exp(b * column)))(0.0)
    assert slope.item() == 6.0
    y = x.detach().copy()
    y += column
    assert y.tolist() == [2.0, 3.0, 5.0]
