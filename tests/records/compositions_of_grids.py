"""Records of windows, grids made by a function, and counts on grids."""

import numpy as np

import pyautograd as pa

from .record import REAL, REAL_NUMBERS, Sample, record

LENGTHS = [(5,), (4,), (1,), (0,), (-2,)]


def shapes_of_kaiser(rng):
    for length, beta in [(5, 3.5), (4, -1.0), (1, 2.0), (0, 2.0)]:
        yield length, np.array(beta)


def from_lattice(xp):
    def fromfunction(x, shape, **kwargs):
        return xp.fromfunction(lambda i, j: x * i + j, shape, **kwargs)

    return fromfunction


def lattices(rng):
    x = rng.uniform(-2, 2, ())
    yield x, (2, 3)
    yield x, (0, 3)
    yield Sample((rng.uniform(-2, 2, (2, 2)), (2, 2)), {"dtype": int})


def triangles(xp):
    def mask_indices(n, k):
        return xp.mask_indices(n, xp.triu, k)

    return mask_indices


def points(rng):
    """The edges of a grid between the extremes of the points have derivatives; counts have not."""
    x = rng.uniform(-2, 2, (7, 2))
    yield list(x), 3, ((-2.0, 2.0), (-1.0, 1.5))
    yield x, [2, 3], ((-2.0, 2.0), (-1.0, 1.5))
    yield x, [[-2.0, 0.0, 2.0], 3], (None, (-2.0, 2.0)), True
    yield x, 2, ((-2.0, 2.0), (-2.0, 2.0)), None, rng.uniform(0.5, 2, 7)
    yield x, 2, ((-2.0, 2.0), (-2.0, 2.0)), True, rng.uniform(0.5, 2, 7)
    yield x, [2, 3, 4]
    yield x, [2, 3], ((-2.0, 2.0),)
    yield x, 0
    yield x, 2, ((-2.0, 2.0), (-2.0, 2.0)), None, rng.uniform(0.5, 2, 6)


def coordinates(rng):
    for points_, *rest in points(rng):
        if isinstance(points_, np.ndarray):
            yield points_[:, 0], points_[:, 1], *rest
    x, y = rng.uniform(-2, 2, (2, 7))
    yield x, y, [-2.0, -0.5, 0.0, 2.0]
    yield x, y, 3, ((-2.0, 2.0), (-2.0, 2.0))
    yield x, y[:6], 3


def flattened(fn):
    """The counts, and the edges one after the other."""

    def call(*args, **kwargs):
        counts, *edges = fn(*args, **kwargs)
        return [counts, *(edges[0] if isinstance(edges[0], (list, tuple)) else edges)]

    return call


RECORDS = [
    record("bartlett", np.bartlett, lambda rng: LENGTHS, diff=()),
    record("blackman", np.blackman, lambda rng: LENGTHS, diff=()),
    record("hamming", np.hamming, lambda rng: LENGTHS, diff=()),
    record("hanning", np.hanning, lambda rng: LENGTHS, diff=()),
    record("kaiser", np.kaiser, shapes_of_kaiser, diff=(1,), dtypes=REAL),
    record("fromfunction", from_lattice(np), lattices, fn=from_lattice(pa)),
    record(
        "mask_indices",
        triangles(np),
        lambda rng: [(3, 0), (3, 1), (0, 0)],
        diff=(),
        fn=triangles(pa),
    ),
    record(
        "histogramdd",
        flattened(np.histogramdd),
        points,
        diff=(4,),
        dtypes=REAL_NUMBERS,
        fn=flattened(pa.histogramdd),
    ),
    record(
        "histogram2d",
        flattened(np.histogram2d),
        coordinates,
        diff=(5,),
        dtypes=REAL_NUMBERS,
        fn=flattened(pa.histogram2d),
    ),
]
