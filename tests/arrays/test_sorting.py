"""Sorting, selection, sets and scans where records do not look: ties, nan, indices, long lines."""

import numpy as np
import pytest
from records.sort import argsort

import pyautograd as pa

TIED = np.array([2.0, 1.0, 2.0, 0.0, -0.0, 1.0])
WITH_NAN = np.array([1.0, np.nan, -np.inf, np.nan, 3.0, np.inf, -0.0, 0.0])


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("values", [TIED, WITH_NAN], ids=["tied", "nan"])
def test_equal_elements_keep_their_order_in_both_directions(values, descending):
    places = argsort(values, descending=descending)
    assert pa.argsort(values, descending=descending).tolist() == places.tolist()
    plain = pa.sort(pa.tensor(values), descending=descending)
    recorded = pa.sort(pa.tensor(values, requires_grad=True), descending=descending).detach()
    for got in (plain, recorded):
        np.testing.assert_array_equal(got.numpy(), values[places])
        np.testing.assert_array_equal(np.signbit(got.numpy()), np.signbit(values[places]))


def test_nan_is_last_and_first_where_the_order_descends():
    assert np.isnan(pa.sort(WITH_NAN).numpy()[-2:]).all()
    assert np.isnan(pa.sort(WITH_NAN, descending=True).numpy()[:2]).all()
    assert pa.topk(WITH_NAN, 3)[1].tolist() == [1, 3, 5]
    assert pa.topk(WITH_NAN, 2, largest=False)[1].tolist() == [2, 6]


@pytest.mark.parametrize(
    "dtype", "bool int8 uint8 int16 int32 uint32 int64 uint64 float32 float64".split()
)
@pytest.mark.parametrize("n", [1, 32, 33, 65, 1100, 70_000])
@pytest.mark.parametrize("descending", [False, True])
def test_long_lines(dtype, n, descending):
    """Few are counted, more are split, and very many are split for the threads."""
    rng = np.random.default_rng(n)
    if dtype == "bool":
        x = rng.integers(0, 2, n).astype(bool)
    elif dtype.startswith("float"):
        x = rng.normal(size=n).astype(dtype)
        x[rng.integers(0, n, n // 10)] = rng.choice([0.0, -0.0, np.nan, np.inf], n // 10)
    else:
        info = np.iinfo(dtype)
        x = rng.integers(info.min, info.max, n, dtype=dtype, endpoint=True)
    places = argsort(x, descending=descending)
    np.testing.assert_array_equal(pa.argsort(x, descending=descending).numpy(), places)
    np.testing.assert_array_equal(pa.sort(x, descending=descending).numpy(), x[places])
    k = n // 3
    selected = pa.topk(x, k, largest=descending)[1]
    np.testing.assert_array_equal(selected.numpy(), places[:k])
    if k > 0:
        assert pa.kthvalue(x, k)[1].item() == argsort(x)[k - 1]


def against_the_pivots(n, sample=32, splits=40):
    """A line in which the evenly spread sample holds the least of what is left, split by split."""
    x, line, least = np.full(n, np.inf), np.arange(n), 0
    for _ in range(splits):
        spread = line[(2 * np.arange(sample) + 1) * len(line) // (2 * sample)]
        fresh = spread[np.isinf(x[spread])]
        x[fresh] = np.arange(least, least + len(fresh))
        least += len(fresh)
        line = line[x[line] >= np.sort(x[spread])[sample // 2]]
    rest = np.isinf(x)
    x[rest] = least + np.random.default_rng(0).integers(0, 500, rest.sum())
    return x


def test_lines_on_which_every_split_is_bad():
    x = against_the_pivots(8000)
    places = np.argsort(x, kind="stable")
    np.testing.assert_array_equal(pa.sort(x).numpy(), x[places])
    np.testing.assert_array_equal(pa.argsort(x).numpy(), places)
    np.testing.assert_array_equal(pa.topk(x, 3000, largest=False)[1].numpy(), places[:3000])
    np.testing.assert_array_equal(pa.sort(-x, descending=True).numpy(), -x[places])


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_a_few_of_a_long_line(dtype, descending):
    """A sample tells which elements are looked at; where it misleads, all of them are."""
    n = 40_000
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 250, n)
    misleading = np.where(np.isin(np.arange(n), np.arange(1024) * n // 1024), drawn % 2, 100)
    for values in (drawn, misleading, np.sort(drawn), np.ones(n)):
        x = values.astype(dtype)
        if dtype == "float64":
            x[rng.integers(0, n, 100)] = np.nan
        places = argsort(x, descending=descending)
        strided = pa.tensor(np.stack([x, x], 1))[:, 0]
        for k in (1, 7, n // 64, n // 32):
            chosen = pa.topk(strided, k, largest=descending)[1].numpy()
            np.testing.assert_array_equal(chosen, places[:k])
        unordered = pa.topk(x, 99, largest=descending, sorted=False)[1].numpy()
        np.testing.assert_array_equal(np.sort(unordered), np.sort(places[:99]))


def test_strided_and_broadcast_lines():
    x = np.random.default_rng(0).normal(size=(30, 1100, 2))
    t = pa.from_numpy(x)
    np.testing.assert_array_equal(pa.sort(t, 1).numpy(), np.sort(x, 1))
    np.testing.assert_array_equal(pa.sort(t[::-2, ::3], 0).numpy(), np.sort(x[::-2, ::3], 0))
    np.testing.assert_array_equal(
        pa.argsort(pa.broadcast_to(t[0, :, :1], (1100, 3)), 0).numpy()[:, 2],
        np.argsort(x[0, :, 0], kind="stable"),
    )


def test_derivative_goes_where_the_element_came_from():
    gradient = pa.func.grad(lambda x: pa.sum(pa.sort(x) * pa.arange(6.0)))(TIED)
    assert gradient.tolist() == [4.0, 2.0, 5.0, 0.0, 1.0, 3.0]


def test_topk_indices_and_ties():
    values, places = pa.topk(TIED, 4)
    assert places.tolist() == [0, 2, 1, 5]
    assert values.tolist() == [2.0, 2.0, 1.0, 1.0]
    assert pa.topk(TIED, 3, largest=False)[1].tolist() == [3, 4, 1]
    x = np.random.default_rng(1).normal(size=(4, 500))
    values, places = pa.topk(x, 7, sorted=False)
    np.testing.assert_array_equal(np.sort(values.numpy()), np.sort(x)[:, -7:])
    np.testing.assert_array_equal(np.take_along_axis(x, places.numpy(), 1), values.numpy())
    gradient = pa.func.grad(lambda x: pa.topk(x, 3)[0].sum())(TIED)
    assert gradient.tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]


def test_kthvalue_is_found_in_every_place():
    x = np.random.default_rng(2).integers(0, 40, 101)
    order = np.argsort(x, kind="stable")
    for k in (1, 2, 50, 100, 101):
        value, place = pa.kthvalue(x, k)
        assert (value.item(), place.item()) == (x[order[k - 1]], order[k - 1])


def is_partitioned(x, places, ranks, order):
    """The k-th elements are in their places, stably, and what is on a side of one stays there."""
    np.testing.assert_array_equal(places[ranks], order[ranks])
    edges = [0, *ranks, len(x)]
    for first, last in zip(edges, edges[1:], strict=False):
        assert {*places[first:last]} == {*order[first:last]}


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint64", "float32", "float64"])
@pytest.mark.parametrize("n", [1, 63, 65, 1100, 70_000])
def test_partitions_of_long_lines(dtype, n):
    rng = np.random.default_rng(n)
    for top in (2, 300, 10**6):
        x = rng.integers(0, top, n).astype(dtype)
        if dtype.startswith("float"):
            x[rng.integers(0, n, n // 9)] = rng.choice([0.0, -0.0, np.nan, -np.nan, -1.0], n // 9)
        order = np.argsort(x, kind="stable")
        for kth in (n // 2, [0, n - 1], [-1, n // 3, n // 3, n // 3 - n]):
            ranks = np.unique(np.asarray(kth) % n)
            places = pa.argpartition(pa.tensor(x), kth).numpy()
            is_partitioned(x, places, ranks, order)
            values = pa.partition(pa.tensor(x), kth).numpy()
            assert values.tobytes() == x[places].tobytes()


def test_partitions_on_which_every_split_is_bad():
    x = against_the_pivots(8000)
    for ranks in ([3000], [1, 7000]):
        places = pa.argpartition(x, ranks).numpy()
        is_partitioned(x, places, ranks, np.argsort(x, kind="stable"))
        np.testing.assert_array_equal(pa.partition(x, ranks).numpy()[ranks], np.sort(x)[ranks])


def test_partitions_along_axes():
    x = np.random.default_rng(3).normal(size=(5, 300, 4))
    for axis, k in ((0, 2), (1, 100), (-1, -1), (None, 17)):
        got = pa.partition(pa.from_numpy(x)[::-1], k, axis).numpy()
        taken = (np.take(got, k, axis or 0), np.take(np.sort(x[::-1], axis), k, axis or 0))
        np.testing.assert_array_equal(*taken)
        np.testing.assert_array_equal(np.sort(got, axis), np.sort(x[::-1], axis))
    mapped = pa.func.vmap(lambda t: pa.partition(t, 2, 0), in_axes=2)(pa.tensor(x))
    np.testing.assert_array_equal(mapped.numpy()[:, 2], np.sort(x, 0)[2].T)
    np.testing.assert_array_equal(pa.partition([2 + 1j, 1, 2, np.nan], 1).numpy()[:2], [1, 2])
    np.testing.assert_array_equal(
        np.partition(pa.tensor(x), 3, axis=1).numpy()[:, 3], np.sort(x, 1)[:, 3]
    )
    assert pa.tensor([3, 1, 2]).argpartition(0).tolist() == [1, 2, 0]


def test_the_derivative_of_a_partition_goes_where_the_element_came_from():
    x = np.random.default_rng(4).integers(0, 9, 500).astype(float)
    gradient = pa.func.grad(lambda t: pa.partition(t, [3, 200])[200])(x)
    assert np.flatnonzero(gradient.numpy()).tolist() == [np.argsort(x, kind="stable")[200]]


def test_kth_that_are_none():
    with pytest.raises(ValueError, match=r"\[partition\] kth = 3 is out of bounds for 3 elements"):
        pa.partition([1.0, 2.0, 3.0], [0, 3])
    with pytest.raises(ValueError, match=r"\[argpartition\] kth = -4"):
        pa.argpartition([1.0, 2.0, 3.0], -4)
    with pytest.raises(TypeError, match="kth"):
        pa.partition([1.0, 2.0, 3.0], 0.5)
    with pytest.raises(IndexError, match=r"\[partition\] axis 1"):
        pa.partition([1.0, 2.0, 3.0], 0, 1)


@pytest.mark.parametrize("method", ["linear", "lower", "nearest", "median_unbiased"])
def test_quantiles_of_long_lines(method):
    """A few are selected, many are looked up in a sort."""
    rng = np.random.default_rng(5)
    for shape, axis in (((2000,), None), ((3, 700), 1), ((700, 2), 0), ((30, 20), None)):
        x = rng.integers(0, 400, shape) / 8.0
        for q in (0.0, 0.3, 1.0, [0.25, 0.75], np.linspace(0, 1, 40)):
            got = pa.quantile(pa.tensor(x), q, axis, method=method).numpy()
            np.testing.assert_allclose(got, np.quantile(x, q, axis, method=method), 1e-14)
        np.testing.assert_array_equal(pa.median(pa.tensor(x), axis).numpy(), np.median(x, axis))
    x = rng.normal(size=(3, 700))
    x[1, 5] = np.nan
    for f, g in ((pa.median, np.median), (pa.nanmedian, np.nanmedian)):
        np.testing.assert_array_equal(f(pa.tensor(x), 1).numpy(), g(x, 1))


def test_the_derivative_of_a_median_of_many():
    x = np.random.default_rng(6).integers(0, 9, 1001).astype(float)
    gradient = pa.func.grad(lambda t: pa.median(t))(x).numpy()
    assert np.flatnonzero(gradient).tolist() == [np.argsort(x, kind="stable")[500]]


@pytest.mark.parametrize("k", [0, 4])
def test_k_out_of_range(k):
    with pytest.raises(ValueError, match=r"\[kthvalue\] k = .* from 1 to 3"):
        pa.kthvalue([1.0, 2.0, 3.0], k)
    with pytest.raises(ValueError, match=r"\[topk\] k = 4 .* from 0 to 3"):
        pa.topk([1.0, 2.0, 3.0], 4)
    with pytest.raises(IndexError, match=r"\[topk\] axis 0"):
        pa.topk(1.0, 1, axis=0)


def test_search():
    edges, x = np.array([1.0, 2.0, 2.0, 3.0, np.nan]), np.array([0.5, 2.0, np.nan, np.inf])
    for side in ("left", "right"):
        expected = np.searchsorted(edges, x, side)
        assert pa.searchsorted(edges, x, side=side).tolist() == expected.tolist()
    shuffled = np.array([3.0, 1.0, 2.0])
    found = pa.searchsorted(shuffled, [2.5], sorter=pa.argsort(shuffled))
    assert found.tolist() == [2]
    with pytest.raises(IndexError, match="out of"):
        pa.searchsorted(shuffled, [2.5], sorter=[0, 1, 3])
    with pytest.raises(ValueError, match="one index for each"):
        pa.searchsorted(shuffled, [2.5], sorter=[0, 1])
    with pytest.raises(ValueError, match="side must be"):
        pa.searchsorted(shuffled, [2.5], side="top")


def test_search_in_mapped_lines():
    lines = np.sort(np.random.default_rng(3).normal(size=(2, 3, 8)), -1)
    x = np.linspace(-1, 1, 5)
    found = pa.func.vmap(pa.func.vmap(pa.searchsorted, in_axes=(0, None)), in_axes=(0, None))
    expected = [[np.searchsorted(line, x) for line in lines_] for lines_ in lines]
    assert found(lines, x).tolist() == np.array(expected).tolist()


def test_digitize_with_falling_bins():
    x, bins = np.array([0.5, 2.0, 3.5]), np.array([3.0, 2.0, 1.0])
    for right in (False, True):
        expected = np.digitize(x, bins, right).tolist()
        assert pa.digitize(x, bins, right=right).tolist() == expected
        mapped = pa.func.vmap(lambda b, r=right: pa.digitize(x, b, right=r))(bins[None])
        assert mapped[0].tolist() == expected
    with pytest.raises(ValueError, match="monotonic"):
        pa.digitize(x, [1.0, 3.0, 2.0])


def test_unique_has_numpys_options():
    x = np.array([[3.0, np.nan, 1.0], [np.nan, 3.0, -0.0]])
    for equal_nan in (True, False):
        got = pa.unique(x, True, True, True, equal_nan=equal_nan)
        for part, expected in zip(
            got, np.unique(x, True, True, True, equal_nan=equal_nan), strict=True
        ):
            np.testing.assert_array_equal(part.numpy(), expected)
    rows = np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0]])
    got = pa.unique(rows, return_counts=True, axis=0)
    for part, expected in zip(got, np.unique(rows, return_counts=True, axis=0), strict=True):
        np.testing.assert_array_equal(part.numpy(), expected)
    assert pa.unique(np.zeros(0)).shape == (0,)
    named = pa.unique_all(x)
    assert named.values is named[0] and named.counts is named[3]
    with pytest.raises(RuntimeError, match=r"\[unique_values\] .* vmap maps"):
        pa.func.vmap(lambda r: pa.unique(r, axis=0))(x)


def test_derivative_of_distinct_values_goes_to_the_first():
    x = np.array([3.0, 1.0, 3.0])
    for f in (pa.unique_values, pa.unique, lambda x: pa.unique_all(x).values):
        assert pa.func.grad(lambda x, f=f: pa.sum(f(x) ** 2))(x).tolist() == [6.0, 2.0, 0.0]
    rows = np.array([[1.0, 2.0], [1.0, 2.0]])
    assert pa.func.grad(lambda x: pa.unique(x, axis=0).sum())(rows).tolist() == [[1, 1], [0, 0]]


def test_bincount_of_nothing_and_of_too_much():
    assert pa.bincount(np.zeros(0, int)).shape == (0,)
    assert pa.bincount(np.zeros(0, int), np.zeros(0), minlength=2).tolist() == [0.0, 0.0]
    with pytest.raises((MemoryError, ValueError), match="bincount"):
        pa.bincount([2**62])
    with pytest.raises(RuntimeError, match=r"\[bincount\] .* vmap maps"):
        pa.func.vmap(pa.bincount)(np.array([[0, 1]]))


def test_bincount_of_mapped_numbers_below_minlength():
    places, weights = np.array([[0, 2, 2], [1, 0, 3]]), np.array([1.0, 2.0, 4.0])
    counts = pa.func.vmap(lambda i: pa.bincount(i, minlength=4))(places)
    assert counts.tolist() == [[1, 0, 2, 0], [1, 1, 0, 1]]
    sums = pa.func.vmap(lambda i: pa.bincount(i, weights, 4))
    assert sums(places).tolist() == [[1, 0, 6, 0], [2, 1, 0, 4]]
    assert pa.captured(sums)(places).tolist() == sums(places).tolist()
    slopes = pa.func.vmap(
        lambda i: pa.func.grad(lambda w: pa.sum(pa.bincount(i, w, 4) ** 2))(pa.asarray(weights))
    )
    assert slopes(places).tolist() == [[2, 12, 12], [2, 4, 8]]
    with pytest.raises(RuntimeError, match="minlength above all"):
        pa.func.vmap(lambda i: pa.bincount(i, minlength=3))(places)


def test_cumulative_extrema_give_the_derivative_to_the_first():
    x = np.array([1.0, 3.0, 3.0, 2.0])
    assert pa.func.grad(lambda x: pa.cummax(x).sum())(x).tolist() == [1.0, 3.0, 0.0, 0.0]
    x = np.array([3.0, np.nan, 1.0])
    np.testing.assert_array_equal(pa.cummin(x).numpy(), [3.0, np.nan, np.nan])


def test_logcumsumexp_of_infinities():
    x = np.array([-np.inf, -np.inf, 0.0, np.inf, np.inf])
    np.testing.assert_array_equal(pa.logcumsumexp(x).numpy(), [-np.inf, -np.inf, 0, np.inf, np.inf])
    matrix = pa.func.jacrev(pa.logcumsumexp)(x).numpy()
    expected = np.zeros((5, 5))
    expected[2, 2] = expected[3, 3] = 1
    expected[4, 3:] = 0.5
    np.testing.assert_array_equal(matrix, expected)
    np.testing.assert_array_equal(pa.func.jacfwd(pa.logcumsumexp)(x).numpy(), expected)


def test_cumulative_ops_of_the_array_api():
    with pytest.raises(ValueError, match="give an axis"):
        pa.cumulative_sum(np.ones((2, 2)))
    assert pa.cumulative_prod(np.zeros((2, 0)), axis=1, include_initial=True).tolist() == [[1], [1]]


def test_numpy_functions_dispatch():
    t = pa.tensor(TIED, requires_grad=True)
    for f in (
        lambda x: np.sort(x, kind="stable"),
        np.unique,
        np.maximum.accumulate,
        np.logaddexp.accumulate,
        np.cumulative_sum,
        np.sinc,
        np.i0,
        np.nan_to_num,
        lambda x: np.modf(x)[0],
        lambda x: np.frexp(x)[0],
        lambda x: np.divmod(x, 2.0)[1],
        lambda x: np.fmax(x, 0.5),
    ):
        got = f(t)
        assert got.requires_grad
        np.testing.assert_allclose(got.detach().numpy(), f(TIED), rtol=1e-14, atol=1e-14)
    assert np.argsort(t).tolist() == np.argsort(TIED, kind="stable").tolist()
    assert np.searchsorted(np.array([0.5, 1.5]), t).tolist() == [2, 1, 2, 0, 0, 1]


NANS = [complex(re, im) for re in (1, -1, np.nan) for im in (0, np.nan, -2, 3)]


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_are_ordered_as_numpy_orders_them(dtype):
    x = np.random.default_rng(0).permutation(np.array([*NANS, *NANS[:5], -1j, 0], dtype))
    for array in (x, x[:18].reshape(3, 6), x[:18].reshape(3, 6).T):
        t = pa.tensor(array)
        for axis in range(array.ndim):
            order = np.argsort(array, axis=axis, kind="stable")
            np.testing.assert_array_equal(pa.argsort(t, axis).numpy(), order)
            np.testing.assert_array_equal(pa.sort(t, axis).numpy(), np.sort(array, axis=axis))
            if array.ndim == 2:
                mapped = pa.func.vmap(pa.argsort, in_axes=1 - axis)(t).numpy()
                np.testing.assert_array_equal(mapped, order if axis else order.T)


@pytest.mark.parametrize("side", ["left", "right"])
def test_search_among_complex_numbers(side):
    line = np.sort(np.array(NANS))
    values = np.array([*NANS, 0, -1 - 3j, 5, complex(np.nan, 1)])
    got = pa.searchsorted(pa.tensor(line), pa.tensor(values), side)
    np.testing.assert_array_equal(got.numpy(), np.searchsorted(line, values, side))
    real = np.array([-1.0, 0.5, 1.0])
    got = pa.searchsorted(pa.tensor(line), pa.tensor(real), side)
    np.testing.assert_array_equal(got.numpy(), np.searchsorted(line, real, side))


def test_selection_of_complex_numbers():
    x = np.array([2 + 1j, 1, 2 - 1j, 1 + 1j])
    values, places = pa.topk(pa.tensor(x), 2)
    assert (values.tolist(), places.tolist()) == ([2 + 1j, 2 - 1j], [0, 2])
    assert pa.median(pa.tensor(x)).item() == np.median(x)
    (slope,) = pa.grad(pa.real(pa.kthvalue(t := pa.tensor(x, requires_grad=True), 2)[0]), t)
    assert slope.tolist() == [0, 0, 0, 1]
