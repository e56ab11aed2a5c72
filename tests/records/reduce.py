"""Records of the reductions, cumulative ops and softmax family."""

import numpy as np

from .record import REAL, Sample, distinct, in_float, record

AXES = [
    ((), None),
    ((3,), None),
    ((2, 3), None),
    ((2, 3), 0),
    ((2, 3), -1),
    ((2, 1, 3), (0, 2)),
    ((2, 3), ()),
    ((0, 2), 0),
    ((2, 0), 0),
]


def uniform(rng, shape):
    return rng.uniform(-2, 2, shape)


def nonzero(rng, shape):
    return rng.uniform(0.4, 1.6, shape) * rng.choice([-1.0, 1.0], shape)


def booleans(rng, shape):
    return rng.integers(0, 2, shape).astype(float)


def over_axes(draw=uniform, **kwargs):
    """Every way to name the axes, keepdims on and off; some of them empty, where extrema raise."""

    def samples(rng):
        for i, (shape, axis) in enumerate(AXES):
            yield Sample((draw(rng, shape),), {"axis": axis, "keepdims": i % 2 == 1, **kwargs})
        yield Sample((draw(rng, (2, 3)),), kwargs)
        yield Sample((draw(rng, (2, 2, 2)),), {"axis": (-1, 0), **kwargs})

    return samples


MASK = np.array([[True, False, True], [False, True, True]])


def masked(samples, neutral=True):
    """The same, with where and initial; extrema need both."""

    def more(rng):
        yield from samples(rng)
        for axis in (None, 0, 1):
            x = distinct(rng, (2, 3))
            yield Sample(
                (x,), {"axis": axis, "where": MASK, **({} if neutral else {"initial": 0.3})}
            )
        yield Sample((distinct(rng, (2, 3)),), {"keepdims": True, "where": MASK[0]})
        yield Sample((distinct(rng, (2, 3)),), {"where": MASK.astype(float)})

    return more


def integers(rng, shape):
    return rng.integers(-3, 4, shape)


def started(samples, draw=distinct):
    """The same, with initial."""

    def more(rng):
        yield from samples(rng)
        for shape, axis in [((2, 3), None), ((2, 3), -1), ((0, 2), 0), ((), None)]:
            yield Sample((np.asarray(draw(rng, shape)),), {"axis": axis, "initial": 1.7})

    return more


def typed(samples, *dtypes):
    """The same, and with a dtype asked for."""

    def more(rng):
        yield from samples(rng)
        for dtype in dtypes:
            yield Sample((uniform(rng, (2, 3)),), {"axis": 0, "dtype": np.dtype(dtype)})

    return more


def along_axis(draw=uniform):
    def samples(rng):
        for shape, axis in [((3,), None), ((2, 3), 0), ((2, 3), -1), ((2, 2, 2), 1), ((0, 2), 0)]:
            yield Sample((draw(rng, shape),), {"axis": axis})
        yield Sample((draw(rng, (2, 3)),))

    return samples


def over_one_axis(rng):
    for shape, axis in [((), None), ((3,), 0), ((2, 3), None), ((2, 3), 1), ((2, 2, 2), -2)]:
        yield Sample((distinct(rng, shape),), {"axis": axis, "keepdims": shape == (2, 3)})
    yield Sample((np.array([1.0, 3, 3, 0, 0]),))
    yield Sample((np.zeros((2, 0)),), {"axis": 1})


def corrections(rng):
    yield from over_axes()(rng)
    for correction in (1, 0.5):
        yield Sample((uniform(rng, (3, 2)),), {"axis": 0, "correction": correction})


def softmax_axes(rng):
    for shape, axis in [((3,), -1), ((2, 3), 0), ((2, 3), 1), ((2, 2, 2), -2), ((2, 0), 1)]:
        yield Sample((uniform(rng, shape),), {"axis": axis})


def moment(function):
    """NumPy's var and std, computed in the result's dtype."""

    def reference(x, axis=None, correction=0, keepdims=False, where=True):
        return function(x, axis=axis, ddof=correction, keepdims=keepdims, where=where)

    return reference


def weighted(samples):
    """The same, with weights, of which some are 0."""

    def more(rng):
        yield from samples(rng)
        for shape, of_b, axis in [((2, 3), (2, 3), 1), ((2, 3), (3,), None), ((3,), (2, 1), -1)]:
            b = np.exp(2 + uniform(rng, of_b))
            b.flat[1] = 0
            yield Sample((uniform(rng, shape),), {"axis": axis, "keepdims": axis == 1, "b": b})

    return more


def logsumexp_reference(x, axis=None, keepdims=False, b=None):
    if axis == ():
        return x
    b = np.ones((), x.dtype) if b is None else b
    x, b = np.broadcast_arrays(x.astype(np.result_type(x, b)), b)
    top = np.max(np.where(b == 0, -np.inf, x.real), axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(x.real.dtype)
    terms = np.where(b == 0, 0, b * np.exp(x - top))
    total = np.log(np.sum(terms, axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def shifted(x, axis):
    """SciPy's formula, except that a line of no elements has a softmax, which is empty, and that
    infinity makes nan of its whole line in log_softmax too."""
    if x.ndim == 0:
        raise IndexError("no axis")
    return x - np.max(x.real, axis=axis, keepdims=True, initial=-np.inf)


def softmax_reference(x, axis=-1):
    e = np.exp(shifted(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax_reference(x, axis=-1):
    if x.dtype.kind == "c" and x.ndim > 0:
        return x - logsumexp_reference(x, axis, keepdims=True)
    z = shifted(x, axis)
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


def accumulated(ufunc):
    def reference(x, axis=None):
        if x.ndim == 0 or axis is None:
            np.cumsum(x, axis=axis)  # raises for a wrong axis
            x, axis = x.reshape(-1), 0
        return ufunc.accumulate(x, axis=axis)

    return reference


def logcumsumexp_reference(x, axis=None):
    if x.dtype.kind != "c":
        return accumulated(np.logaddexp)(x, axis)
    return np.log(np.cumsum(np.exp(x), axis=axis)).astype(x.dtype)


def first_extremum(argextremum):
    """NumPy's may be 0 or -0, whichever it meets."""

    def reference(x, axis=None):
        np.cumsum(x, axis=axis)  # raises for a wrong axis
        x, axis = (x.reshape(-1), 0) if x.ndim == 0 or axis is None else (x, axis)
        lines = np.moveaxis(x, axis, -1)
        out = np.empty_like(lines)
        for i in range(lines.shape[-1]):
            place = argextremum(lines[..., : i + 1], axis=-1)
            out[..., i] = np.take_along_axis(lines, place[..., None], -1)[..., 0]
        return np.moveaxis(out, -1, axis)

    return reference


def cumulative(draw):
    def samples(rng):
        for shape, axis in [((3,), None), ((2, 3), 0), ((2, 3), -1), ((2, 2, 2), 1), ((0, 2), 0)]:
            yield Sample((draw(rng, shape),), {"axis": axis})
            yield Sample((draw(rng, shape),), {"axis": axis, "include_initial": True})
        yield Sample((draw(rng, (2, 3)),))
        yield Sample((draw(rng, (2, 3)),), {"axis": 0, "dtype": np.dtype("float32")})

    return samples


RECORDS = [
    record("sum", np.sum, started(masked(typed(over_axes(), "float32")), integers)),
    record("mean", np.mean, masked(typed(over_axes(), "float32"))),
    record("prod", np.prod, started(masked(typed(over_axes(nonzero), "float32")), integers)),
    record("max", np.max, started(masked(over_axes(distinct), False)), dtypes=REAL),
    record("min", np.min, started(masked(over_axes(distinct), False)), dtypes=REAL),
    record("argmax", np.argmax, over_one_axis, diff=(), dtypes=REAL),
    record("argmin", np.argmin, over_one_axis, diff=(), dtypes=REAL),
    record("var", moment(np.var), masked(corrections), tol=64),
    record("std", moment(np.std), masked(corrections), tol=64),
    record("any", np.any, masked(over_axes(booleans)), diff=()),
    record("all", np.all, masked(over_axes(booleans)), diff=()),
    record("count_nonzero", np.count_nonzero, over_axes(booleans), diff=()),
    record("logsumexp", in_float(logsumexp_reference), weighted(over_axes())),
    record("softmax", in_float(softmax_reference), softmax_axes),
    record("log_softmax", in_float(log_softmax_reference), softmax_axes, tol=64),
    record("cumsum", np.cumsum, along_axis()),
    record("cumprod", np.cumprod, along_axis(nonzero)),
    record("cummax", first_extremum(np.argmax), along_axis(distinct), dtypes=REAL),
    record("cummin", first_extremum(np.argmin), along_axis(distinct), dtypes=REAL),
    record("logcumsumexp", in_float(logcumsumexp_reference), along_axis(), tol=64),
    record("cumulative_sum", np.cumulative_sum, cumulative(uniform)),
    record("cumulative_prod", np.cumulative_prod, cumulative(nonzero)),
]
