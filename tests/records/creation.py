"""Records of the creation ops and casts."""

import numpy as np

import pyautograd as pa

from .record import SHAPES, Sample, in_float, record

DTYPES = [np.dtype(name) for name in ("float64", "float32", "int32", "bool")]


def shapes(rng):
    for shape in [*SHAPES, 3]:
        for dtype in (None, *DTYPES):
            yield Sample((shape,), {} if dtype is None else {"dtype": dtype})
    yield (-1,)
    yield ((2, -3),)


def likes(rng):
    for shape in SHAPES:
        x = rng.uniform(-2, 2, shape)
        yield (x,)
        yield Sample((x,), {"dtype": DTYPES[2]})


def fills(rng):
    for shape in [(), (2,), (2, 3), (0, 2)]:
        yield shape, rng.uniform(-2, 2, ())
    yield (2, 3), rng.uniform(-2, 2, (3,))
    yield (2, 3), rng.uniform(-2, 2, (2, 1))
    yield (2, 3), rng.uniform(-2, 2, (2,))
    yield Sample(((2,), np.array(1.5)), {"dtype": DTYPES[1]})


def fill_likes(rng):
    for shape in SHAPES:
        yield rng.uniform(-2, 2, shape), rng.uniform(-2, 2, ())
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, (3,))


def ranges(rng):
    yield (5,)
    yield (0,)
    yield (2.5,)
    yield 1, 7
    yield 7, 1
    yield 5, 0, -2
    yield 0, 1, 0.1
    yield 1.0, -1.0, -0.3
    yield Sample((0, 4), {"dtype": DTYPES[1]})
    yield Sample((3,), {"dtype": DTYPES[2]})


def spaces(rng):
    for num in (0, 1, 2, 5):
        yield Sample((rng.uniform(-2, 2, ()), rng.uniform(-2, 2, ())), {"num": num})
    yield Sample((np.array(0.0), np.array(1.0)), {"num": 4, "endpoint": False})
    yield Sample((rng.uniform(size=3), rng.uniform(size=(2, 1))), {"num": 3, "axis": -1})
    yield Sample((rng.uniform(size=2), rng.uniform(size=2)), {"num": 3, "axis": 1})


def eyes(rng):
    for rows, columns, k in [(3, None, 0), (2, 3, 1), (3, 2, -1), (2, 2, 5), (2, 2, -5), (0, 2, 0)]:
        yield Sample((rows, columns), {"k": k})
    yield Sample((2,), {"dtype": DTYPES[3]})


def casts(rng):
    for shape in SHAPES:
        for dtype in DTYPES:
            yield rng.uniform(-2, 2, shape), dtype


def copies(rng):
    for shape in SHAPES:
        yield (rng.uniform(-2, 2, shape),)


def without_values(fn):
    """`empty` promises a shape and a dtype, not the numbers."""
    return lambda *args, **kwargs: pa.zeros_like(fn(*args, **kwargs))


def saturating_cast(x, dtype):
    """Floats beyond an integer dtype take its nearest end and nan becomes 0; what NumPy does
    depends on the processor."""
    if x.dtype.kind == "f" and dtype.kind in "iu":
        x = np.clip(np.nan_to_num(x), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return x.astype(dtype)


def linspace_reference(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    return np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype, axis=axis)


RECORDS = [
    record("zeros", np.zeros, shapes, diff=()),
    record("ones", np.ones, shapes, diff=()),
    record("empty", np.zeros, shapes, diff=(), fn=without_values(pa.empty)),
    record("full", np.full, fills, diff=(1,)),
    record("zeros_like", np.zeros_like, likes, diff=()),
    record("ones_like", np.ones_like, likes, diff=()),
    record("empty_like", np.zeros_like, likes, diff=(), fn=without_values(pa.empty_like)),
    record("full_like", np.full_like, fill_likes, diff=(1,)),
    record("arange", np.arange, ranges, diff=()),
    record("linspace", in_float(linspace_reference), spaces, diff=(0, 1)),
    record("eye", np.eye, eyes, diff=()),
    record("astype", saturating_cast, casts),
    record("copy", np.copy, copies),
]
