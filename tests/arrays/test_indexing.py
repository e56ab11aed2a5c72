"""x[...] and x[...] = v against NumPy, for any mixture of index kinds, and their derivatives."""

import warnings

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.properties import raised_by, same_kind

import pyautograd as pa

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def entries(draw, size):
    """One entry for an axis of that size; now and then out of range."""
    kind = draw(st.sampled_from(["integer", "slice", "array", "list", "bad"]))
    if kind == "bad":
        return draw(st.sampled_from([size, -size - 1, [size], 99]))
    if kind == "slice" or size == 0:
        return draw(st.slices(size))
    if kind == "integer":
        return draw(st.integers(-size, size - 1))
    index_shape = draw(st.sampled_from([(2,), (1,), (2, 1), (3, 2), (0,), ()]))
    index = draw(hnp.arrays(np.int64, index_shape, elements=st.integers(-size, size - 1)))
    return index.tolist() if kind == "list" and index.ndim else index


@st.composite
def indices(draw, shape):
    """A tuple of entries for some of the axes, with None, ... and boolean masks among them."""
    items, axis = [], 0
    ellipsis_at = draw(st.integers(-3, len(shape)))
    while axis < len(shape) and draw(st.integers(0, 5)):
        if draw(st.integers(0, 7)) == 0:
            items.append(None)
        if axis == ellipsis_at:
            items.append(Ellipsis)
            axis += draw(st.integers(0, len(shape) - axis))
            continue
        if draw(st.integers(0, 5)) == 0:
            width = draw(st.integers(1, min(2, len(shape) - axis)))
            items.append(draw(hnp.arrays(bool, shape[axis : axis + width])))
            axis += width
            continue
        items.append(draw(entries(shape[axis])))
        axis += 1
    return items[0] if len(items) == 1 and draw(st.booleans()) else tuple(items)


@st.composite
def arrays_and_indices(draw):
    shape = draw(shapes)
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    return x, draw(indices(shape))


def strictly(call):
    """With the errors that NumPy before 2.3 only warns of: indices into nothing are not checked."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return call()
        except DeprecationWarning as warning:
            raise IndexError(str(warning)) from warning


def numpy_outcome(call):
    try:
        return np.asarray(strictly(call))
    except (IndexError, ValueError, TypeError) as error:
        return error


@settings(max_examples=600)
@given(arrays_and_indices())
def test_getitem(case):
    x, index = case
    expected = numpy_outcome(lambda: x[index])
    if isinstance(expected, Exception):
        error = raised_by(lambda: pa.tensor(x)[index])
        assert same_kind(error, expected), f"{index}: {error!r} instead of {expected!r}"
        return
    got = pa.tensor(x)[index]
    np.testing.assert_array_equal(got.numpy(), expected)


@settings(max_examples=300)
@given(arrays_and_indices(), st.data())
def test_getitem_derivative_is_the_transpose(case, data):
    x, index = case
    picked = numpy_outcome(lambda: x[index])
    assume(not isinstance(picked, Exception))
    cotangent = np.arange(1.0, picked.size + 1).reshape(picked.shape)
    expected = np.zeros_like(x)
    np.add.at(expected, index, cotangent)
    _, pullback = pa.func.vjp(lambda t: t[index], x)
    np.testing.assert_array_equal(pullback(cotangent)[0].numpy(), expected)
    np.testing.assert_array_equal(pa.func.jvp(lambda t: t[index], (x,), (x,))[1].numpy(), picked)


@st.composite
def values_for(draw, shape):
    """Something that broadcasts to the shape, or now and then does not."""
    if draw(st.integers(0, 6)) == 0:
        return np.ones((*shape, 2)) if draw(st.booleans()) else np.ones(5)
    keep = draw(st.integers(0, len(shape)))
    sizes = [n if draw(st.booleans()) else 1 for n in shape[keep:]]
    return -1.0 - np.arange(np.prod(sizes)).reshape(sizes)


@settings(max_examples=600)
@given(arrays_and_indices(), st.data())
def test_setitem(case, data):
    x, index = case
    picked = numpy_outcome(lambda: x[index])
    value = data.draw(values_for(() if isinstance(picked, Exception) else picked.shape))
    expected = x.copy()
    failure = raised_by(lambda: strictly(lambda: expected.__setitem__(index, value)))
    t = pa.tensor(x)
    error = raised_by(lambda: t.__setitem__(index, value))
    if failure is not None:
        assert same_kind(error, failure), f"{index}: {error!r} instead of {failure!r}"
        np.testing.assert_array_equal(t.numpy(), x)
        return
    assert error is None, f"{index} {value.shape}: {error!r}"
    np.testing.assert_array_equal(t.numpy(), expected)


def set_and_weigh(x, value, index):
    """The last write wins, in NumPy and here: what was overwritten has no derivative."""
    y = x * 1.0
    y[index] = value
    return y


@settings(max_examples=300)
@given(arrays_and_indices(), st.data())
def test_recorded_setitem_and_its_derivatives(case, data):
    x, index = case
    picked = numpy_outcome(lambda: x[index])
    assume(not isinstance(picked, Exception))
    value = data.draw(values_for(picked.shape))
    expected = x.copy()
    assume(raised_by(lambda: strictly(lambda: expected.__setitem__(index, value))) is None)
    rng = np.random.default_rng(0)
    cotangent = rng.uniform(1, 2, x.shape)
    vx, vv = rng.uniform(1, 2, x.shape), rng.uniform(1, 2, value.shape)
    y, pullback = pa.func.vjp(lambda a, b: set_and_weigh(a, b, index), x, value)
    np.testing.assert_array_equal(y.numpy(), expected)
    gx, gv = pullback(cotangent)
    assert gx.shape == x.shape and gv.shape == value.shape
    moved = vx.copy()
    moved[index] = vv  # the derivative in the direction (vx, vv) is the same assignment
    got = pa.func.jvp(lambda a, b: set_and_weigh(a, b, index), (x, value), (vx, vv))[1]
    np.testing.assert_array_equal(got.numpy(), moved)
    left = np.sum(cotangent * moved)
    right = np.sum(gx.numpy() * vx) + np.sum(gv.numpy() * vv)
    assert np.isclose(left, right, rtol=1e-12, atol=1e-12)


def test_basic_indexing_is_a_view():
    x = pa.tensor(np.arange(6.0).reshape(2, 3))
    row = x[1]
    x[1, 2] = 50.0
    assert row[2].item() == 50
    assert x[..., ::-1][1, 0].item() == 50


def test_second_derivative_through_indices_that_repeat():
    index = np.array([0, 2, 0])
    hessian = pa.func.hessian(lambda x: pa.sum(x[index] ** 3))(pa.tensor([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(hessian.numpy(), np.diag([12.0, 0, 18]))


@pytest.mark.parametrize("mapped", ["x", "index", "both"])
def test_vmap_over_values_and_over_indices(mapped):
    x, index = np.arange(12.0).reshape(3, 4), np.array([[0, 1], [3, -1], [2, 2]])
    axes = {"x": (0, None), "index": (None, 0), "both": (0, 0)}[mapped]
    inputs = (pa.tensor(x if axes[0] == 0 else x[0]), index if axes[1] == 0 else index[0])
    got = pa.func.vmap(lambda a, i: a[i], in_axes=axes)(*inputs)
    loop = [
        (x[k] if axes[0] == 0 else x[0])[index[k] if axes[1] == 0 else index[0]] for k in range(3)
    ]
    np.testing.assert_array_equal(got.numpy(), loop)

    def scatter(a, i):
        y = a * 1.0
        y[i] = a[0] * 10 + 1
        return y

    got = pa.func.vmap(scatter, in_axes=axes)(*inputs)
    for k in range(3):
        a, i = entry = (x[k] if axes[0] == 0 else x[0], index[k] if axes[1] == 0 else index[0])
        expected = entry[0].copy()
        expected[i] = a[0] * 10 + 1
        np.testing.assert_array_equal(got.numpy()[k], expected)


def test_a_mapped_mask_cannot_decide_a_shape():
    with pytest.raises(RuntimeError, match="vmap"):
        pa.func.vmap(lambda x: x[x > 1])(pa.tensor([[0.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(
    "index", ["a", 1.5, [1.5], {}, object(), 1j, np.array(["a"])], ids=lambda w: type(w).__name__
)
def test_things_that_are_no_index(index):
    with pytest.raises((IndexError, TypeError)):
        pa.ones(3)[index]
    with pytest.raises((IndexError, TypeError)):
        pa.ones(3)[index] = 1.0


def test_deleting_and_too_many_entries():
    with pytest.raises(TypeError):
        del pa.ones(3)[0]
    with pytest.raises(IndexError):
        pa.ones(3)[0, 0]
    with pytest.raises(IndexError):
        pa.ones(3)[..., ...]


def test_iteration_length_and_membership():
    x = pa.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert len(x) == 2 and 3.0 in x and 7.0 not in x
    for call in (lambda: len(pa.tensor(1.0)), lambda: list(pa.tensor(1.0))):
        with pytest.raises(TypeError):
            call()


def test_nonzero_is_an_index():
    x = np.array([[0.0, 1.0], [2.0, 0.0]])
    assert pa.tensor(x)[pa.nonzero(x)].tolist() == x[np.nonzero(x)].tolist() == [1.0, 2.0]
    assert isinstance(pa.nonzero(x), tuple)
    assert isinstance(pa.unstack(x), tuple)


def test_unstacked_numbers_are_numbers_of_their_own():
    x = pa.tensor([1.0, 2.0, 3.0])
    first, second, _ = pa.unstack(x)
    x[0], x[1] = second, first
    assert (x.tolist(), first.item()) == ([2.0, 1.0, 3.0], 1.0)
    rows = pa.tensor([[1.0, 2.0], [3.0, 4.0]])
    pa.unstack(rows)[1][0] = 7.0
    assert rows.tolist() == [[1.0, 2.0], [7.0, 4.0]]


@pytest.mark.parametrize(
    "index",
    [
        np.s_[:],
        np.s_[1:-1, 1:-1, 1:-1],
        np.s_[:, 2],
        np.s_[..., 1:3],
        np.s_[0, :, 3:],
        np.s_[::2, 1:],
        np.s_[::-1, 1:, 0:1],
        np.s_[3:1, 1:2],
        np.s_[:, -9::-1],
        np.s_[9:, 9:1:-1],
        np.s_[1:, None, :, -1],
    ],
)
def test_what_a_slice_leaves_keeps_its_value(index):
    """The derivative of a slice is zero around it, that of an assignment is one there."""
    x = pa.asarray(np.arange(60.0).reshape(3, 4, 5))
    value = np.random.default_rng(0).normal(size=x.numpy()[index].shape)
    want = np.zeros(x.shape)
    want[index] = value
    (padded,) = pa.func.vjp(lambda x: x[index], x)[1](pa.asarray(value))
    np.testing.assert_array_equal(padded, want)

    def assigned(x):
        y = pa.sin(x)
        y[index] = value
        return y

    want = np.cos(x)
    want[index] = 0.0
    np.testing.assert_array_equal(pa.func.grad(lambda x: pa.sum(assigned(x)))(x), want)
    mapped = pa.func.vmap(assigned, in_axes=1, out_axes=2)(pa.stack([x, -x], axis=1))
    np.testing.assert_array_equal(mapped[:, :, 1], assigned(-x))
