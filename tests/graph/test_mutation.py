"""Writing into tensors: NumPy's semantics where nothing records, rebinding where something does."""

import copy
import operator

import numpy as np
import pytest

import pyautograd as pa

INPLACE = [
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.itruediv,
    operator.ifloordiv,
    operator.imod,
    operator.ipow,
]


@pytest.mark.parametrize("op", INPLACE, ids=lambda op: op.__name__)
def test_inplace_operators_write_through_views(op):
    x = pa.tensor([[1.0, 2.0], [3.0, 4.0]])
    row, expected = x[0], np.array([[1.0, 2.0], [3.0, 4.0]])
    same = x
    x = op(x, 2.0)
    expected = op(expected, 2.0)
    assert x is same
    np.testing.assert_array_equal(x.numpy(), expected)
    np.testing.assert_array_equal(row.numpy(), expected[0])


@pytest.mark.parametrize("op", INPLACE, ids=lambda op: op.__name__)
@pytest.mark.parametrize("dtype", ["int32", "float32", "uint8"])
def test_inplace_operators_keep_or_refuse_the_dtype_as_numpy(op, dtype):
    values = np.array([4, 9], dtype)
    for other in (2, 2.0, *(np.array([1, 2], kind) for kind in (dtype, "int8", "float64"))):
        expected = values.copy()
        try:
            if op is operator.ipow:  # NumPy's before 2.3 squares integers for 2.0
                np.power(expected, other, out=expected)
            else:
                expected = op(expected, other)
        except TypeError:
            with pytest.raises(TypeError):
                op(pa.tensor(values), other)
            continue
        got = op(pa.tensor(values), other)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6)


def test_inplace_with_overlapping_views_is_as_if_copied():
    x, expected = pa.tensor(np.arange(6.0)), np.arange(6.0)
    x[1:] += x[:-1]
    expected[1:] += expected[:-1].copy()
    np.testing.assert_array_equal(x.numpy(), expected)
    x[::-1] -= x
    expected[::-1] -= expected.copy()
    np.testing.assert_array_equal(x.numpy(), expected)
    x[1:] = x[:-1]
    expected[1:] = expected[:-1].copy()
    np.testing.assert_array_equal(x.numpy(), expected)


def test_inplace_needs_the_shape_to_hold_the_result():
    x = pa.ones(3)
    with pytest.raises(ValueError):
        x += pa.ones((2, 3))
    with pytest.raises(ValueError):
        x += pa.ones(2)
    assert x.tolist() == [1, 1, 1]


def test_broadcast_views_are_read_only():
    x = pa.broadcast_to(pa.tensor([1.0, 2.0]), (3, 2))
    with pytest.raises(ValueError):
        x += 1.0
    with pytest.raises(ValueError):
        x[0] = 1.0


def test_overwriting_a_saved_value_raises_in_backward_naming_op_and_versions():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    factor = pa.tensor([3.0, 4.0])
    y = pa.sum(x * factor)
    factor += 1.0
    with pytest.raises(RuntimeError, match=r"\[multiply\].*version 0.*version 1"):
        y.backward()


def test_overwriting_through_a_view_is_noticed_too():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    factor = pa.tensor([3.0, 4.0])
    view = factor[1:]
    y = pa.sum(x * factor)
    view[0] = 9.0
    with pytest.raises(RuntimeError, match="version"):
        y.backward()


def test_overwriting_what_backward_does_not_read_is_fine():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    constant = pa.tensor([3.0, 4.0])
    y = pa.sum(x + constant)
    constant += 1.0
    y.backward()
    assert x.grad.tolist() == [1, 1]


def test_recorded_setitem_rebinds_the_handle():
    x = pa.tensor([1.0, 2.0, 3.0], requires_grad=True)
    out = pa.zeros(3)
    alias = out
    out[1] = x[0] * x[2]
    assert alias is out and out.requires_grad
    pa.sum(out * pa.tensor([5.0, 7.0, 9.0])).backward()
    assert x.grad.tolist() == [21, 0, 7]


def test_recorded_inplace_operator():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    y *= x
    y += 5.0
    y **= 2
    pa.sum(y).backward()
    np.testing.assert_allclose(x.grad.numpy(), [2 * 6 * 2, 2 * 9 * 4])


def test_a_loop_of_recorded_writes():
    def cumulative(x):
        out = pa.zeros(4)
        out[0] = x[0]
        for i in range(1, 4):
            out[i] = out[i - 1] * x[i]
        return out

    x = pa.tensor([1.0, 2.0, 3.0, 4.0])
    got = pa.func.jacrev(cumulative)(x).numpy()
    np.testing.assert_allclose(got, pa.func.jacrev(pa.cumprod)(x).numpy())
    np.testing.assert_allclose(got, pa.func.jacfwd(cumulative)(x).numpy())


def test_a_recorded_write_under_another_live_view_raises():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    base = pa.zeros(3)
    view = base[:2]
    with pytest.raises(RuntimeError, match="shares its memory"):
        view += x
    with pytest.raises(RuntimeError, match="shares its memory"):
        base[:2] = x
    assert base.tolist() == [0, 0, 0]
    del view
    base[:2] = x
    assert base.tolist() == [1, 2, 0]


WRITES = [np.s_[:, [0, 2]], np.s_[[2, 0]], np.s_[1, [2, 0]], np.s_[np.eye(3) > 0]]
WRITES += [np.s_[np.array([True, False, True])], np.s_[:, 1], np.s_[::-1, None]]


@pytest.mark.parametrize("index", WRITES, ids=str)
@pytest.mark.parametrize("mapped", [False, True])
def test_a_write_leaves_elements_in_order(index, mapped):
    """So that a reshape is the view that it is in NumPy, and no later write passes it by."""

    def f(x):
        y = pa.sin(x)
        y[index] *= 2.0
        flat = pa.reshape(y, (-1,))
        with pytest.raises(RuntimeError, match="another live tensor shares its memory"):
            y[0, 0] = 7.0
        return pa.sum(flat)

    if mapped:
        pa.func.vmap(f)(np.ones((2, 3, 3)))
    else:
        pa.func.grad(f)(np.ones((3, 3)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_an_index_picks_under_vmap_lies_in_order(axis):
    """So that a reshape of it is a view there, too."""

    def f(x, index):
        picked = x[index]
        flat = picked.reshape(-1)
        with pytest.raises(RuntimeError, match="another live tensor shares its memory"):
            picked[0] = 7.0
        return flat

    x = np.random.default_rng(0).normal(size=(2, 3, 3, 3))
    index = np.array([2, 0])
    want = np.moveaxis(x, axis + 1, 1)[:, :, index].reshape(2, 3, -1)
    once = pa.func.vmap(f, in_axes=(axis, None))
    twice = pa.func.vmap(once, in_axes=(0, None))
    np.testing.assert_array_equal(once(x[0], index).numpy(), want[0])
    np.testing.assert_array_equal(twice(x, index).numpy(), want)


def test_a_part_may_be_written_over_another_part():
    """The view that is read is gone when the statement ends."""

    def f(x):
        y = pa.exp(x)
        y[0] = y[1]
        y[1:] *= y[:-1]
        y /= y[-1]
        return pa.sum(y * np.arange(1.0, 4.0))

    def same(x):
        a, b, c = (pa.exp(x[i]) for i in range(3))
        p, q, r = b, b * b, b * c
        return p / r + 2 * q / r + 3 * r / r

    x = np.array([0.3, -0.2, 0.7])
    for derivative in (pa.func.grad, pa.func.jacfwd, pa.func.hessian):
        np.testing.assert_allclose(
            derivative(f)(x).numpy(), derivative(same)(x).numpy(), rtol=1e-13, atol=1e-14
        )
    y = pa.exp(pa.tensor(x, requires_grad=True))
    kept = y[1:2]
    with pytest.raises(RuntimeError, match="another live tensor"):
        y[0] = kept
    with pytest.raises(RuntimeError, match="another live tensor"):
        y *= kept


@pytest.mark.parametrize("recorded", [False, True])
def test_an_element_is_a_number_of_its_own(recorded):
    """As in NumPy: only with slices or an ellipsis it is a view."""
    x = pa.asarray(np.arange(1.0, 7.0).reshape(2, 3)).requires_grad_(recorded)
    y = x * 1.0
    y[0, 0], y[1, 1] = y[1, 1], y[0, 0]
    first, whole, empty = y[0, 0], y[0].sum()[()], list(y[1])
    y[0, 0] = 10.0
    assert (first.item(), (y[0, 0] - first).item(), whole.item()) == (5.0, 5.0, 10.0)
    y *= 0.0
    assert [z.item() for z in empty] == [4.0, 1.0, 6.0]
    if recorded:
        (slope,) = pa.grad(first + 2 * empty[1], x)
        assert slope.tolist() == [[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    else:
        view = y[0, 0, ...]
        y[0, 0] = 3.0
        assert view.item() == 3.0


def swapped(x):
    y = x**2
    for i in range(2):
        y[i], y[i + 1] = y[i + 1], y[i]
    last = y[2]
    y[2] = last * y[0]
    return y + last


@pytest.mark.parametrize("wrap", [lambda f: f, pa.captured])
def test_elements_change_places(wrap):
    x = pa.tensor([[2.0, 3.0, 5.0], [1.0, 4.0, 2.0]])
    want = pa.stack([x[:, 1] ** 2 + x[:, 0] ** 2, x[:, 2] ** 2 + x[:, 0] ** 2], axis=1)
    want = pa.concat([want, (x[:, 0] * x[:, 1])[:, None] ** 2 + x[:, :1] ** 2], axis=1)
    for derivative in (lambda f: f, pa.func.jacrev, pa.func.jacfwd):
        mapped = pa.func.vmap(derivative(swapped))
        assert pa.allclose(mapped(x), pa.stack([wrap(derivative(swapped))(row) for row in x]))
    assert pa.allclose(pa.func.vmap(swapped)(x), want)


def test_what_a_captured_call_returns_of_an_element_stays():
    x = pa.tensor([2.0, 3.0])
    pick = pa.captured(lambda x: x[0])
    pick(x)
    picked = pick(x)
    x[0] = 7.0
    assert picked.item() == 2.0


def test_views_that_are_gone_or_copied_do_not_hinder():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    base = pa.zeros(2)
    kept = pa.copy(base[:1])
    base += x
    assert base.requires_grad and kept.tolist() == [0]


def test_a_leaf_is_written_only_without_recording():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    for write in (lambda: operator.iadd(x, 1.0), lambda: x.__setitem__(0, 5.0)):
        with pytest.raises(RuntimeError, match="leaf"):
            write()
    with pa.no_grad():
        x -= 0.5
        x[1] = 7.0
    assert x.tolist() == [0.5, 7] and x.requires_grad and x.is_leaf
    pa.sum(x * x).backward()
    assert x.grad.tolist() == [1, 14]


def test_gradient_descent_in_place():
    x = pa.tensor([3.0, -2.0], requires_grad=True)
    for _ in range(60):
        x.grad = None
        pa.sum(x * x).backward()
        with pa.no_grad():
            x -= 0.3 * x.grad
    np.testing.assert_allclose(x.detach().numpy(), 0, atol=1e-12)


def test_writing_a_gradient_does_not_write_a_saved_value():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    seed = pa.tensor([5.0, 6.0])
    y.backward(seed, retain_graph=True)
    x.grad += 1.0
    assert seed.tolist() == [5, 6] and x.grad.tolist() == [6, 7]
    y.backward(seed)
    assert x.grad.tolist() == [11, 13]


def test_adding_to_an_element():
    """Python reads the element, adds, and writes it back: nobody else sees what it read."""
    x, out = pa.tensor(3.0, requires_grad=True), pa.zeros(2)
    out[1] += x
    out[1] *= x
    assert out.tolist() == [0, 9] and out.requires_grad
    pa.sum(out).backward()
    assert x.grad.item() == 6


def test_writes_into_views_that_have_no_name():
    x, out = pa.tensor(3.0, requires_grad=True), pa.zeros((2, 2))
    with pytest.raises(RuntimeError, match="shares its memory"):
        out[0][1] = x
    for row in out:
        with pytest.raises(RuntimeError, match="shares its memory"):
            row += x
    del row
    out[0][1] = 5.0
    out[1] += 1.0
    assert out.tolist() == [[0, 5], [1, 1]]


def test_writes_inside_transforms():
    def f(x):
        out = pa.zeros(2)
        out[0] = x * x
        out[1] += x
        return pa.sum(out)

    assert pa.func.grad(f)(3.0).item() == 7
    assert pa.func.jvp(f, (3.0,), (1.0,))[1].item() == 7
    assert pa.func.vmap(pa.func.grad(f))(pa.tensor([1.0, 2.0])).tolist() == [3, 5]
    assert pa.func.grad(pa.func.grad(f))(3.0).item() == 2


def test_a_batched_write_into_an_outer_tensor_is_seen_or_refused():
    """A handle from outside that a transform wrote shows a tensor of the ended level."""
    outside = pa.zeros(2)

    def f(x):
        outside[0] = x
        return x

    pa.func.vmap(f)(pa.tensor([1.0, 2.0]))
    with pytest.raises(pa.EscapedTensorError):
        pa.exp(outside)


def test_integers_and_python_numbers_in_setitem():
    x = pa.tensor([1, 2, 3])
    x[0] = 7
    x[1] = 2.9
    assert x.tolist() == [7, 2, 3] and x.dtype == np.int64
    with pytest.raises(OverflowError):
        pa.tensor([1], dtype="int8")[0] = 300


def test_copies_are_independent():
    x = pa.tensor([1.0, 2.0])
    for y in (pa.copy(x), x.copy(), copy.deepcopy(x), pa.tensor(x)):
        y += 1.0
        assert x.tolist() == [1, 2]


def gradients_of_a_sum(u):
    a, b = (pa.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    return pa.grad(a + b, [a, b], u)


def pulled_back_through_a_sum(u):
    return pa.func.vjp(lambda a, b: a + b, pa.ones(2), pa.ones(2))[1](u)


def functional_gradients_of_a_sum(u):
    return pa.func.grad(lambda a, b: pa.sum((a + b) * u), (0, 1))(pa.ones(2), pa.ones(2))


@pytest.mark.parametrize(
    "gradients",
    [gradients_of_a_sum, pulled_back_through_a_sum, functional_gradients_of_a_sum],
)
def test_gradients_can_be_scaled_in_place_one_by_one(gradients):
    """The rule of a sum hands the cotangent on to both: yet clipping must not reach it twice."""
    u = pa.tensor([3.0, 4.0])
    for g in gradients(u):
        g *= 10.0
        assert g.tolist() == [30.0, 40.0]
    assert u.tolist() == [3.0, 4.0]


BUFFER_SHAPES = [
    ((3,), np.float64),
    ((5, 4), np.float32),
    ((40, 40), np.complex128),
    ((7,), np.float16),
]


@pytest.mark.parametrize("shape, dtype", BUFFER_SHAPES)
@pytest.mark.parametrize("view", [lambda x: x, lambda x: x.T, lambda x: x[::2]])
def test_a_numpy_buffer_that_is_used_again_is_noticed(shape, dtype, view):
    """Its memory is written without a word to us, so the numbers tell."""
    w = pa.asarray(np.ones(view(np.ones(shape)).shape, dtype)).requires_grad_()
    buffer = np.zeros(shape, dtype)
    total = pa.tensor(0.0)
    for i in range(2):
        buffer[...] = i + 1
        total = total + pa.sum(pa.real(w * view(buffer)))
    with pytest.raises(RuntimeError, match=r"\[multiply\].*shares with a NumPy array.*x\.copy\(\)"):
        total.backward()


@pytest.mark.parametrize("place", range(5))
def test_one_element_of_a_numpy_buffer_is_noticed(place):
    x, data = pa.tensor(np.ones(5), requires_grad=True), np.arange(5.0)
    loss = pa.sum(x * data)
    data[[place, place - 1]] = data[[place - 1, place]]
    with pytest.raises(RuntimeError, match="modified in place"):
        loss.backward()


def test_arrays_that_are_only_read_or_written_elsewhere_do_not_hinder():
    data = np.arange(12.0).reshape(3, 4)
    x = pa.asarray(data[:, 0]).requires_grad_()
    kept = pa.tensor([1.0, 2.0, 3.0])
    kept.numpy()
    loss = pa.sum(x**2 * data[:, 1] * kept)
    kept.numpy()
    data[:, 2:] = 7.0
    (slope,) = pa.grad(loss, x, create_graph=True)
    assert slope.tolist() == [0.0, 80.0, 432.0]
    assert pa.grad(pa.sum(slope), x)[0].tolist() == [2.0, 20.0, 54.0]
    (again,) = pa.func.vjp(lambda x: x * data[:, 1], pa.ones(3))[1](pa.ones(3))
    data[:, 1] = 0.0
    assert again.tolist() == [1.0, 5.0, 9.0]


@pytest.mark.parametrize("transform", [pa.func.grad, pa.func.hessian, pa.captured])
def test_a_numpy_buffer_inside_a_function(transform):
    def f(x):
        buffer, total = np.zeros(3), 0.0
        for i in range(2):
            buffer[:] = i + 1
            total = total + pa.sum(x**2 * buffer)
        return total

    with pytest.raises(RuntimeError, match="in place"):
        transform(f)(pa.ones(3))
    assert pa.func.jvp(f, (pa.ones(3),), (pa.ones(3),))[1].item() == 18.0


@pytest.mark.parametrize("wrap", [lambda f: f, pa.captured])
def test_gradients_of_sums_can_be_scaled_in_place(wrap):
    x, ones = pa.tensor([1.0, 2.0], requires_grad=True), pa.ones(2)
    found = [pa.grad(pa.sum(x), x)[0], pa.func.vjp(pa.sum, ones)[1](1.0)[0]]
    found += [wrap(pa.func.grad(pa.mean))(ones), wrap(pa.func.value_and_grad(pa.sum))(ones)[1]]
    for g in found:
        before = g.tolist()
        g *= 2.0
        g[0] = 5.0
        assert g.tolist() == [5.0, 2 * before[1]]


def test_retained_gradients_are_apart():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    y = pa.reshape(x, (2, 1))
    z = pa.reshape(y, (1, 2))
    for kept in (y, z):
        kept.retain_grad()
    z.backward(pa.tensor([[3.0, 4.0]]))
    for grad in (x.grad, y.grad, z.grad):
        grad *= 10.0
        assert grad.reshape(-1).tolist() == [30.0, 40.0]


OVERLAPS = {
    "forward": lambda a: (a[1:], a[:-1]),
    "backward": lambda a: (a[:-1], a[1:]),
    "reversed": lambda a: (a, a[::-1]),
    "stretched": lambda a: (a[1:7], a[::2]),
    "the same": lambda a: (a, a),
    "apart": lambda a: (a[:6], a[6:]),
    "columns": lambda a: (a.reshape(3, 4)[:, 1:], a.reshape(3, 4)[:, :-1]),
}
WRITES = {
    "operator": operator.iadd,
    "slice": lambda x, y: operator.setitem(x, ..., y),
    "indices": lambda x, y: operator.setitem(x, [2, 0, 1], y[:3]),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("overlap", OVERLAPS)
def test_memory_that_two_tensors_wrap_is_written_as_if_copied(overlap, write):
    """No storage is shared here: the array is foreign memory to both."""
    got, want = np.arange(12.0), np.arange(12.0)
    WRITES[write](*[pa.asarray(part, copy=False) for part in OVERLAPS[overlap](got)])
    target, value = OVERLAPS[overlap](want)
    WRITES[write](target, value.copy())  # NumPy itself copies most overlaps, but not all
    np.testing.assert_array_equal(got, want)


def test_memory_that_a_tensor_owns_and_another_wraps_is_written_as_if_copied():
    x = pa.tensor(np.arange(12.0))
    x[1:] += pa.from_dlpack(x[:-1])
    want = np.arange(12.0)
    want[1:] += np.arange(11.0)
    assert x.tolist() == want.tolist()


@pytest.mark.parametrize("shape", [(2, 0), (4, 1, 0), (0, 3)])
def test_arrays_of_numpy_without_elements(shape):
    """Their strides are zero, as those of broadcast views, which refuse writes."""
    x = pa.asarray(np.zeros(shape))
    x += 1.0
    x[...] = 2.0
    assert x.tolist() == np.zeros(shape).tolist()
