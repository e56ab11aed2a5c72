"""Indices, sorts and selections on CUDA devices."""

from functools import partial

import numpy as np
import pytest

import pyautograd as pa


def test_indices_of_the_host_go_along(device):
    values = np.arange(12.0).reshape(3, 4)
    x = pa.tensor(values, device=device)
    for index in (
        [2, 0, 2],
        np.array([[0], [-1]]),
        pa.tensor([1, 1]),
        (slice(None), [3, 0]),
        ([0, 2], [1, 3]),
        values > 4,
        (values > 4).any(1),
        (..., np.array([True, False, True, False])),
        np.array(True),
    ):
        here = index.numpy() if isinstance(index, pa.Tensor) else index
        assert x[index].device == device
        np.testing.assert_array_equal(x[index].to("cpu").numpy(), values[here])
    assert pa.take(x, [5, -1]).tolist() == [5, 11]
    with pytest.raises(ValueError, match="inputs lie on"):
        pa.ones(3)[pa.tensor([0], device=device)]


def test_numbers_go_along_where_arrays_are_broadcast(device):
    x = pa.tensor([0.5, 2.0], device=device)
    number = pa.tensor(3.0, requires_grad=True)
    both = pa.broadcast_arrays([number, x])
    assert [y.device for y in both] == [device, device]
    pa.sum(both[0] * x).backward()
    assert number.grad.device == pa.device("cpu") and number.grad.item() == 2.5
    for f, args in ((pa.special.jv, (1.5,)), (pa.special.elliprj, (1.0, 2.0, 3.0))):
        assert f(*args, x).device == device
        np.testing.assert_allclose(f(*args, x).to("cpu").numpy(), f(*args, x.to("cpu")).numpy())


def test_an_index_out_of_range_is_raised_and_nothing_else_breaks(device):
    x = pa.arange(6.0, device=device)
    for index, culprit in (([0, 9, 7], 9), ([-7], -7), (np.array([2**63], np.uint64), -(2**63))):
        for where in ("cpu", device):
            with pytest.raises(
                IndexError, match=rf"index {culprit} is out of bounds for axis 0 with size 6"
            ):
                x[pa.tensor(index, device=where)]
    with pytest.raises(IndexError):
        x[[1, 6]] = 0
    with pytest.raises(IndexError):
        pa.take_along_axis(x, pa.tensor([6], device=device))
    assert x.tolist() == [0, 1, 2, 3, 4, 5]


def test_writing_at_indices(device):
    x, values = pa.zeros((3, 4), device=device), np.zeros((3, 4))
    for index in ([2, 0, 2], (slice(None), [3, 1]), values == 0, ([0, 1], [1, 1])):
        written = np.random.default_rng(1).random(values[index].shape)
        values[index] = written
        x[index] = pa.tensor(written, device=device)
        np.testing.assert_array_equal(x.to("cpu").numpy(), values)
    x[x > 0.5] = -1.0
    values[values > 0.5] = -1.0
    np.testing.assert_array_equal(x.to("cpu").numpy(), values)


def test_sums_at_equal_indices_have_the_hosts_bits(device):
    rng = np.random.default_rng(0)
    x, index = pa.tensor(rng.random((50, 3))), rng.integers(0, 50, 5000)
    weights = pa.tensor(rng.random((5000, 3)))

    def f(x):
        return pa.sum(x[index] * weights.to(x.device))

    want = pa.func.grad(f)(x)
    got = pa.func.grad(f)(x.to(device))
    assert got.device == device
    assert (got.to("cpu").numpy() == want.numpy()).all()
    # Through a second derivative and a batch, too.
    square = pa.func.hvp(lambda x: pa.sum(x[index[:99]] ** 3 * weights[:99].to(x.device)))
    one = pa.ones_like(x)
    np.testing.assert_allclose(
        square(x.to(device), one.to(device)).to("cpu").numpy(), square(x, one).numpy(), rtol=1e-13
    )
    rows = pa.tensor(rng.integers(0, 50, (4, 7)))
    batched = pa.func.vmap(lambda x, i: x[i], in_axes=(None, 0))
    np.testing.assert_array_equal(
        batched(x.to(device), rows.to(device)).to("cpu").numpy(), x.numpy()[rows.numpy()]
    )


def test_many_updates_of_one_place(device):
    rng = np.random.default_rng(0)
    index = np.sort(rng.choice([0, 3, 4, 9], 20_000, p=[0.7, 0.2, 0.05, 0.05]))
    rng.shuffle(index)
    weights = rng.integers(-9, 9, (20_000, 2)).astype(float)
    want = np.zeros((10, 2))
    np.add.at(want, index, weights)
    gathered = partial(pa.take, axis=0)
    pull = pa.func.vjp(lambda x: gathered(x, pa.tensor(index)), pa.zeros((10, 2), device=device))[1]
    np.testing.assert_array_equal(
        pull(pa.tensor(weights, device=device))[0].to("cpu").numpy(), want
    )
    counts = pa.bincount(pa.tensor(index, device=device))
    np.testing.assert_array_equal(counts.to("cpu").numpy(), np.bincount(index))


def test_ufuncs_at_places_that_repeat(device):
    index, v = [0, 0, 2], pa.tensor([1.0, 2.0, 3.0], device=device)
    for ufunc, start, want in [
        (np.add, 1.0, [4.0, 1.0, 4.0]),
        (np.maximum, -np.inf, [2.0, -np.inf, 3.0]),
        (np.minimum, 2.5, [1.0, 2.5, 2.5]),
        (np.multiply, 2.0, [4.0, 2.0, 6.0]),
    ]:
        for places in (index, pa.tensor(index, device=device)):
            x = pa.full(3, start, device=device)
            ufunc.at(x, places, v)
            assert x.device == v.device and x.to("cpu").tolist() == want

    def square(v):
        x = pa.full(3, -np.inf, device=device)
        np.maximum.at(x, index, v)
        return pa.sum(x[::2] ** 2)

    assert pa.func.grad(square)(v).to("cpu").tolist() == [0.0, 4.0, 6.0]


def test_sorts_are_stable_and_know_nan(device):
    rng = np.random.default_rng(0)
    lines = rng.integers(-3, 4, (5, 333)).astype(float)
    lines[:, ::50] = np.nan
    lines[:, 1::50] = -0.0
    x, there = pa.tensor(lines), pa.tensor(lines, device=device)
    for descending in (False, True):
        for axis in (0, 1):
            for op in (pa.sort, pa.argsort):
                want = op(x, axis=axis, descending=descending)
                got = op(there, axis=axis, descending=descending)
                assert got.device == device
                np.testing.assert_array_equal(got.to("cpu").numpy(), want.numpy())
        values, places = pa.topk(there, 7, largest=descending)
        wanted, order = pa.topk(x, 7, largest=descending)
        np.testing.assert_array_equal(values.to("cpu").numpy(), wanted.numpy())
        np.testing.assert_array_equal(places.to("cpu").numpy(), order.numpy())
    for dtype in (np.uint64, np.int8, np.float32, np.uint8, np.bool_):
        numbers = rng.integers(0, 2**63, 100).astype(dtype)
        got = pa.sort(pa.tensor(numbers, device=device))
        np.testing.assert_array_equal(got.to("cpu").numpy(), np.sort(numbers))


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "int64", "uint64", "int32", "uint8", "bool"]
)
def test_sorts_of_many_items(dtype, device):
    rng = np.random.default_rng(1)
    for shape in ((20_000,), (7, 1500), (1500, 40), (130, 33)):
        numbers = rng.integers(-(2**62), 2**62, shape)
        values = numbers.astype(dtype) if dtype != "float32" else rng.normal(size=shape).astype("f")
        values.flat[::7] = values.flat[3]
        if values.dtype.kind == "f":
            values.flat[::11] = np.nan
        x, there = pa.tensor(values), pa.tensor(values, device=device)
        for descending in (False, True):
            for op in (pa.sort, pa.argsort):
                want, got = op(x, descending=descending), op(there, descending=descending)
                np.testing.assert_array_equal(got.to("cpu").numpy(), want.numpy())
        np.testing.assert_array_equal(
            pa.topk(there, 5)[1].to("cpu").numpy(), pa.topk(x, 5)[1].numpy()
        )


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint64", "int8", "bool"])
def test_selections_from_long_lines(dtype, device):
    rng = np.random.default_rng(2)
    for shape, axis in (((70_000,), 0), ((5, 3000), 1), ((1030, 9), 0), ((40, 256), 1)):
        values = (rng.standard_normal(shape) * 100).astype(dtype)
        values.flat[::5] = values.flat[7]  # more equals than are selected
        if values.dtype.kind == "f":
            values.flat[3::41] = np.nan
            values.flat[4::41] = -0.0
        x, there = pa.tensor(values), pa.tensor(values, device=device)
        for k in (1, 2, 17, 63):
            for largest in (False, True):
                found = pa.topk(there, k, axis=axis, largest=largest)
                for got, want in zip(found, pa.topk(x, k, axis=axis, largest=largest), strict=True):
                    np.testing.assert_array_equal(got.to("cpu").numpy(), want.numpy())
            got, want = pa.kthvalue(there, k, axis=axis), pa.kthvalue(x, k, axis=axis)
            np.testing.assert_array_equal(got[0].to("cpu").numpy(), want[0].numpy())


def test_selections_of_equals_and_views(device):
    same = pa.zeros((3, 5000), device=device)
    assert pa.topk(same, 1000)[1].tolist() == [[*range(1000)]] * 3
    values = np.random.default_rng(3).permutation(20_000).reshape(4, 5000)
    views = pa.tensor(values, device=device)[::-2, 3::2], values[::-2, 3::2]
    places = pa.topk(views[0], 40, largest=False)[1].to("cpu").numpy()
    np.testing.assert_array_equal(places, np.argsort(views[1], axis=1)[:, :40])
