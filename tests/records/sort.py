"""Records of sorting, selection, search, sets and counting."""

import numpy as np

import pyautograd as pa

from .record import REAL, Sample, distinct, record


def argsort(x, axis=-1, descending=False):
    """Stable in both directions, as the array API has it; NumPy sorts upward only."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    if x.ndim == 0:
        raise IndexError("no axis")
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(backwards, axis)


def sort(x, axis=-1, descending=False):
    places = argsort(x, axis, descending)
    return np.take_along_axis(x.reshape(-1) if axis is None else x, places, axis or 0)


def sort_samples(rng):
    for shape, axis in [((4,), -1), ((2, 3), 0), ((2, 3), 1), ((2, 3, 2), 1), ((2, 2), None)]:
        yield Sample((distinct(rng, shape),), {"axis": axis})
        yield Sample((distinct(rng, shape),), {"axis": axis, "descending": True})
    yield Sample((np.zeros((2, 0)),), {"axis": 1})
    yield Sample((np.array(1.0),), {"axis": 0})
    yield Sample((distinct(rng, (3,)),))


def tied_samples(rng):
    yield from sort_samples(rng)
    for descending in (False, True):
        x = rng.integers(-1, 2, (3, 5)).astype(float)
        yield Sample((x,), {"axis": 1, "descending": descending})


def topk(x, k, axis=-1, largest=True):
    if x.ndim > 0 and not 0 <= k <= x.shape[axis]:
        raise ValueError("k")
    return np.take(sort(x, axis, largest), np.arange(k), axis)


def topk_samples(rng):
    for shape, axis, k in [((4,), -1, 2), ((2, 3), 0, 1), ((2, 3), 1, 3), ((2, 3, 2), 1, 0)]:
        yield Sample((distinct(rng, shape), k), {"axis": axis})
        yield Sample((distinct(rng, shape), k), {"axis": axis, "largest": False})
    yield Sample((distinct(rng, (3,)), 4), {"axis": 0})
    yield Sample((distinct(rng, (3,)), -1), {"axis": 0})


def kthvalue(x, k, axis=-1, keepdims=False):
    if x.ndim > 0 and not 1 <= k <= x.shape[axis]:
        raise ValueError("k")
    found = np.take(sort(x, axis), [k - 1], axis)
    return found if keepdims else np.squeeze(found, axis)


def kthvalue_samples(rng):
    for shape, axis, k in [((4,), -1, 2), ((2, 3), 0, 1), ((2, 3), 1, 3), ((2, 3, 2), 1, 2)]:
        yield Sample((distinct(rng, shape), k), {"axis": axis, "keepdims": k == 2})
    yield Sample((distinct(rng, (3,)), 0), {"axis": 0})
    yield Sample((distinct(rng, (3,)), 4), {"axis": 0})


def ranked(rng):
    yield distinct(rng, (5,)), 2
    yield distinct(rng, (2, 4)), -1, 1
    yield distinct(rng, (3, 2)), [0, 2], 0
    yield distinct(rng, (2, 3)), 4, None
    yield distinct(rng, (3,)), 3
    yield distinct(rng, (3,)), -4


def sorted_if_valid(order, partition):
    """The order around the k-th elements is left open: such short lines are sorted."""

    def reference(a, kth, axis=-1):
        partition(a, kth, axis)
        return order(a, axis, kind="stable")

    return reference


def search_samples(rng):
    for n, shape in [(4, (3,)), (3, (2, 2)), (1, ()), (0, (2,)), (3, (0,))]:
        for option in ("left", "right"):
            yield Sample((distinct(rng, (n,)), rng.uniform(-1, 1, shape)), {"side": option})
    x = rng.integers(-2, 3, 6).astype(float)
    yield Sample((x, np.arange(-3.0, 4)), {"side": "left"})
    yield Sample((x, np.arange(-3.0, 4)), {"side": "right"})


def digitize_samples(rng):
    """The bins stay float32, so that no test puts nan among them."""
    for n, shape in [(4, (3,)), (3, (2, 2)), (1, ()), (0, (2,))]:
        for right in (False, True):
            bins = distinct(rng, (n,)).astype(np.float32)
            yield Sample((rng.uniform(-1, 1, shape), bins), {"right": right})
    yield Sample((np.arange(5.0), np.array([1, 2, 2], np.float32)), {"right": True})


def sets(rng):
    for shape in [(5,), (2, 3), (), (0, 2)]:
        yield (rng.integers(-1, 2, shape).astype(float),)


def distinct_values(rng):
    """Ties are in integers, which have no derivative, and in what the tests of values draw."""
    for shape in [(5,), (2, 3), (), (0, 2)]:
        yield (distinct(rng, shape),)
        yield (rng.integers(-1, 2, shape),)


def unique(*wanted):
    """The distinct values, and the parts of NumPy's answer with these numbers."""

    def reference(x):
        parts = np.unique(x, True, True, True, equal_nan=False)
        parts = [parts[0], parts[1], parts[2].reshape(x.shape), parts[3]]
        chosen = [parts[i] for i in (0, *wanted)]
        return chosen if wanted else chosen[0]

    return reference


def bincount_samples(rng):
    for n in (5, 1, 0):
        x = rng.integers(0, 4, n)
        yield Sample((x,))
        yield Sample((x.astype(np.uint8),), {"minlength": 6})
        if n > 0:  # of no weights, NumPy makes integers
            yield Sample((x, rng.uniform(-1, 1, n)))
            yield Sample((x, rng.uniform(-1, 1, n)), {"minlength": 5})
    yield Sample((np.array([1, -1]),))
    yield Sample((np.array([1, 0]),), {"minlength": -1})
    yield Sample((np.array([[1, 0]]),))
    yield Sample((np.array(1),))
    yield Sample((np.array([1.5], np.float32),))
    yield Sample((np.array([1, 0]), np.array([1.0])))


def isin_samples(rng):
    for a, b in [((3,), (2,)), ((2, 2), (2, 3)), ((), ()), ((2,), (0,)), ((0,), (2,))]:
        for invert in (False, True):
            draws = (rng.integers(-1, 2, shape).astype(float) for shape in (a, b))
            yield Sample(tuple(draws), {"invert": invert})


def values_only(op):
    """The indices have no derivative; tests of their own compare them."""
    return lambda *args, **kwargs: op(*args, **kwargs)[0]


RECORDS = [
    record("sort", sort, sort_samples),
    record("argsort", argsort, tied_samples, diff=()),
    record("topk", topk, topk_samples, fn=values_only(pa.topk)),
    record("kthvalue", kthvalue, kthvalue_samples, fn=values_only(pa.kthvalue)),
    record("partition", sorted_if_valid(np.sort, np.partition), ranked),
    record("argpartition", sorted_if_valid(np.argsort, np.argpartition), ranked, diff=()),
    record(
        "searchsorted",
        lambda x1, x2, **kwargs: np.searchsorted(np.sort(x1), x2, **kwargs),
        search_samples,
        fn=lambda x1, x2, **kwargs: pa.searchsorted(pa.sort(x1), x2, **kwargs),
        diff=(),
    ),
    record(
        "digitize",
        lambda x, bins, **kwargs: np.digitize(x, np.sort(bins), **kwargs),
        digitize_samples,
        fn=lambda x, bins, **kwargs: pa.digitize(x, pa.sort(bins), **kwargs),
        diff=(),
        dtypes=REAL,
    ),
    record("unique_values", unique(), distinct_values),
    record("unique_counts", unique(3), distinct_values),
    record("unique_inverse", unique(2), distinct_values),
    record("unique_all", unique(1, 2, 3), distinct_values),
    record("bincount", np.bincount, bincount_samples, diff=(1,), dtypes=REAL),
    record("isin", np.isin, isin_samples, diff=()),
    record("flatnonzero", np.flatnonzero, sets, diff=()),
    record("argwhere", np.argwhere, sets, diff=()),
]
