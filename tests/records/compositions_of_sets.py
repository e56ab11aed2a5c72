"""Records of the compositions that choose elements by rank, mask or membership."""

import numpy as np

import pyautograd as pa

from .record import Sample, distinct, record


def unranked(rng):
    for shape in [(5,), (2, 3), (0,), ()]:
        yield (distinct(rng, shape),)


def keys(rng):
    first, second = np.array([[2, 1, 2], [0, 0, 1]]), np.array([[1, 1, 0], [1, 0, 1]])
    yield ([first[0], second[0]],)
    yield [first, second], 0
    yield ([rng.permutation(4) / 2.0],)
    yield ([first, second[0]],)
    yield ([],)


def masked(rng):
    mask = np.array([True, False, True])
    yield mask, rng.uniform(-2, 2, 3)
    yield mask, rng.uniform(-2, 2, (2, 3)), 1
    yield mask[:2], rng.uniform(-2, 2, (2, 3)), 0
    yield mask, rng.uniform(-2, 2, (2, 3))
    yield np.array([mask]), rng.uniform(-2, 2, (2, 3))
    yield mask, rng.uniform(-2, 2, 2)


def masks(rng):
    for shape in [(), (3,), (2, 3)]:
        yield np.asarray(rng.uniform(-1, 1, shape) > 0), rng.uniform(-2, 2, shape)


def numbers(rng):
    for shape in [(), (3,), (0, 2)]:
        yield (rng.uniform(-1, 1, shape),)


def filled_pairs(rng):
    yield rng.integers(0, 4, 5) / 2.0, rng.integers(0, 4, (2, 3)) / 2.0
    yield distinct(rng, (4,)), distinct(rng, (3,))


def counted_pairs(rng):
    """Ties are in integers, which have no derivative."""
    yield rng.integers(0, 4, 5), rng.integers(0, 4, (2, 3))
    yield from disjoint(rng)


def pairs(rng):
    yield from filled_pairs(rng)
    yield np.zeros(0), rng.integers(0, 4, 3) / 2.0
    yield np.zeros(0), np.zeros(0)


def indexed_pairs(rng):
    yield from pairs(rng)
    yield rng.integers(0, 4, 5) / 2.0, rng.integers(0, 4, 6) / 2.0, False, True


def disjoint(rng):
    values = distinct(rng, (6,))
    yield values[:4], values[4:]
    yield values[:3], values[3:].reshape(3, 1)
    yield np.zeros(0), values[:2]


def unsigned(fn):
    """Which of 0.0 and -0.0 stands for both is left open."""

    def of_numbers(x, y, *args):
        same = is_bool(x) and is_bool(y)
        return fn(x, y, *args) if same else fn(x + 0, y + 0, *args)

    return of_numbers


def is_bool(x):
    return getattr(x, "dtype", np.dtype("f8")).kind == "b"


def places(rng):
    x = np.array([[5, 0], [2, 3]])
    yield x, (2, 3)
    yield Sample((x, (2, 3)), {"order": "F"})
    yield x, (2, 3, 4)
    yield np.array(3), 5
    yield x, (2, 2)
    yield x - 1, (2, 3)


def grids(rng):
    first, second = np.array([1, 0, 4]), np.array([2, 0, -1])
    yield [first, second], (5, 3), "wrap"
    yield [first, second], (5, 3), ("raise", "clip")
    yield [np.array(1), np.array([0, 2])], (2, 3), "raise", "F"
    yield [first, second], (5, 3)
    yield [first], (5, 3)


def ravelled(index, dims, *args):
    return np.ravel_multi_index(tuple(index), dims, *args)


RECORDS = [
    record("lexsort", np.lexsort, keys, diff=()),
    record("sort_complex", np.sort_complex, unranked),
    record("compress", np.compress, masked, diff=(1,)),
    record("extract", np.extract, masks, diff=(1,)),
    record(
        "union1d",
        unsigned(np.union1d),
        disjoint,
        diff=(0, 1),
        fn=unsigned(pa.union1d),
    ),
    record(
        "intersect1d",
        unsigned(np.intersect1d),
        indexed_pairs,
        diff=(),
        fn=unsigned(pa.intersect1d),
    ),
    record("setdiff1d", np.setdiff1d, counted_pairs),
    record("setxor1d", np.setxor1d, counted_pairs, diff=(0, 1)),
    record("iscomplex", np.iscomplex, numbers, diff=()),
    record("real_if_close", np.real_if_close, numbers),
    record("isreal", np.isreal, numbers, diff=()),
    record("unravel_index", np.unravel_index, places, diff=()),
    record("ravel_multi_index", ravelled, grids, diff=()),
]
