"""Records of the compositions that write into a tensor."""

import numpy as np

import pyautograd as pa

from .record import Sample, record


def puts(rng):
    x = rng.uniform(-2, 2, (2, 3))
    yield x, np.array([[0], [2]]), rng.uniform(-2, 2, (2, 1)), 1
    yield x, np.array([[1, 0, 1]]), rng.uniform(-2, 2, ()), 0
    yield x, np.array([5, 0]), rng.uniform(-2, 2, 2), None
    yield x, np.array([[0], [3]]), rng.uniform(-2, 2, (2, 1)), 1
    yield x, np.array([0]), rng.uniform(-2, 2, ()), 1


def diagonals(rng):
    for shape in [(3, 3), (2, 3), (5, 2), (2, 2, 2), (0, 2)]:
        yield rng.uniform(-2, 2, shape), rng.uniform(-2, 2, ())
    yield rng.uniform(-2, 2, (3, 3)), rng.uniform(-2, 2, 3)
    yield rng.uniform(-2, 2, (3, 3)), rng.uniform(-2, 2, 2)
    yield rng.uniform(-2, 2, (5, 2)), rng.uniform(-2, 2, ()), True
    yield rng.uniform(-2, 2, 3), rng.uniform(-2, 2, ())
    yield rng.uniform(-2, 2, (2, 2, 3)), rng.uniform(-2, 2, ())


def in_place(copy, write):
    """A function that writes into its first argument, as one that returns what that became."""

    def written(x, *args, **kwargs):
        result = copy(x)
        write(result, *args, **kwargs)
        return result

    return written


def flat_puts(rng):
    x = rng.uniform(-2, 2, (2, 3))
    yield x, np.array([0, 5, -2]), rng.uniform(-2, 2, 3)
    yield x, np.array([[0, 3], [1, 4]]), rng.uniform(-2, 2, 3)
    yield x, np.array([1, 1]), rng.uniform(-2, 2, 2)
    yield x, 2, rng.uniform(-2, 2, ())
    yield x, np.array([7, -7, 2]), rng.uniform(-2, 2, 3), "wrap"
    yield x, np.array([7, -7, 2]), rng.uniform(-2, 2, 3), "clip"
    yield x, np.array([1]), rng.uniform(-2, 2, 0)
    yield rng.uniform(-2, 2, ()), np.array([0, 0]), rng.uniform(-2, 2, 3)
    yield x, np.array([6]), rng.uniform(-2, 2, 1)
    yield x, np.array([0]), rng.uniform(-2, 2, 1), "other"


MASK = np.array([[True, False, True], [False, True, True]])


def masked(rng):
    x = rng.uniform(-2, 2, (2, 3))
    for shape in [(2, 3), (), (2,), (4,), (7,)]:
        yield x, MASK, rng.uniform(-2, 2, shape)
    yield x, np.ravel(MASK), rng.uniform(-2, 2, 2)
    yield x, np.array([[0, 1, 0], [2, 0, 0]]), rng.uniform(-2, 2, 2)
    yield x, MASK[0], rng.uniform(-2, 2, 2)
    yield rng.uniform(-2, 2, ()), np.array(True), rng.uniform(-2, 2, ())
    yield rng.uniform(-2, 2, (0, 2)), np.zeros((0, 2), bool), rng.uniform(-2, 2, 1)


def placed(rng):
    yield from masked(rng)
    yield rng.uniform(-2, 2, (2, 3)), MASK, rng.uniform(-2, 2, 0)


def copies(rng):
    x = rng.uniform(-2, 2, (2, 3))
    for shape in [(2, 3), (3,), (), (2, 1), (1, 2, 3)]:
        yield x, rng.uniform(-2, 2, shape)
    yield Sample((x, rng.uniform(-2, 2, 3)), {"where": MASK})
    yield Sample((x, rng.uniform(-2, 2, ())), {"where": MASK[0]})
    yield x, rng.uniform(-2, 2, 2)
    yield x, rng.uniform(-2, 2, (2, 2, 3))
    yield Sample((x, rng.uniform(-2, 2, 3)), {"where": MASK[:, :2]})
    yield x, 2.5, "unsafe"


def put_along_axis(x, indices, values, axis):
    """Older ones of NumPy's take any number of values for all of an array."""
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
    np.put_along_axis(x, indices, values, axis)


RECORDS = [
    record(
        "put_along_axis",
        in_place(np.copy, put_along_axis),
        puts,
        diff=(0, 2),
        fn=in_place(pa.copy, pa.put_along_axis),
    ),
    record(
        "fill_diagonal",
        in_place(np.copy, np.fill_diagonal),
        diagonals,
        diff=(0, 1),
        fn=in_place(pa.copy, pa.fill_diagonal),
    ),
    record("put", in_place(np.copy, np.put), flat_puts, diff=(0, 2), fn=in_place(pa.copy, pa.put)),
    record(
        "putmask",
        in_place(np.copy, np.putmask),
        masked,
        diff=(0, 2),
        fn=in_place(pa.copy, pa.putmask),
    ),
    record(
        "place",
        in_place(np.copy, np.place),
        placed,
        diff=(0, 2),
        fn=in_place(pa.copy, pa.place),
    ),
    record(
        "copyto",
        in_place(np.copy, np.copyto),
        copies,
        diff=(0, 1),
        fn=in_place(pa.copy, pa.copyto),
    ),
]
