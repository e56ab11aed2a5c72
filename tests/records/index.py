"""Records of reading at indices; `x[...]` itself has tests of its own."""

import numpy as np

from .record import record


def indices(rng, size, shape):
    return rng.integers(-size, size, shape)


def take_samples(rng):
    for shape, axis, index_shape in [
        ((4,), None, (3,)),
        ((2, 3), None, (2, 2)),
        ((2, 3), 0, (3,)),
        ((2, 3), -1, (2, 2)),
        ((2, 3, 2), 1, ()),
        ((2, 3), 1, (0,)),
    ]:
        size = int(np.prod(shape)) if axis is None else shape[axis]
        yield rng.uniform(-2, 2, shape), indices(rng, size, index_shape), axis
    x = rng.uniform(-2, 2, (2, 3))
    yield x, np.array([0, 0, 1, 0]), 0
    yield x, np.array([3]), 1
    yield x, np.array([-4]), 1
    yield x, np.array([0]), 2
    yield np.zeros((0, 2)), np.array([0]), 0


def take_along_axis_samples(rng):
    for shape, axis, length in [((4,), 0, 3), ((2, 3), 1, 2), ((2, 3), -2, 4), ((2, 3), 0, 0)]:
        index_shape = list(shape)
        index_shape[axis] = length
        yield rng.uniform(-2, 2, shape), indices(rng, shape[axis], index_shape), axis
    x = rng.uniform(-2, 2, (2, 3))
    yield x, np.array([[0, 0, 2]]), 1
    yield x, np.array([[1], [0]]), 1
    yield rng.uniform(-2, 2, (2, 1)), indices(rng, 2, (2, 3)), 0
    yield x, np.array([4, 0]), None
    yield x, np.array([[3, 0], [0, 0]]), 1
    yield x, np.array([0]), 1
    yield x, np.array([[0], [0]]), 2
    yield x, np.array([[0.0], [1.0]], np.float32), 1


def nonzero_samples(rng):
    for shape in [(4,), (2, 3), (0, 2), ()]:
        yield (rng.integers(0, 2, shape).astype(float),)


RECORDS = [
    record("take", np.take, take_samples),
    record("take_along_axis", np.take_along_axis, take_along_axis_samples),
    record("nonzero", np.nonzero, nonzero_samples, diff=()),
]
