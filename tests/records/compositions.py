"""Records of the compositions that compute: ``pyautograd.compositions``."""

import numpy as np

import pyautograd as pa

from .record import (
    ALL,
    FLOATS,
    NUMBERS,
    REAL,
    REAL_NUMBERS,
    SIGNED,
    Sample,
    away_from,
    distinct,
    in_float,
    record,
)
from .shape import EVERY_SHAPE, calls


def averages(rng):
    for shape in [(), (3,), (2, 3), (0, 2)]:
        yield (rng.uniform(-2, 2, shape),)
    for axis in (0, -1, (0, 1)):
        yield rng.uniform(-2, 2, (2, 3)), axis
    yield rng.uniform(-2, 2, (2, 3)), None, rng.uniform(0.5, 2, (2, 3))
    yield Sample((rng.uniform(-2, 2, (2, 3)), 1, rng.uniform(0.5, 2, (3,))), {"keepdims": True})
    yield rng.uniform(-2, 2, (2, 1, 3)), (2, 0), rng.uniform(0.5, 2, (3, 2)), True
    yield rng.uniform(-2, 2, (2, 3)), 0, rng.uniform(0.5, 2, (2, 3)), True
    yield rng.uniform(-2, 2, (2, 3)), None, rng.uniform(0.5, 2, (3,))
    yield rng.uniform(-2, 2, (2, 3)), 0, rng.uniform(0.5, 2, (3,))
    yield rng.uniform(-2, 2, (2, 3)), 1, None, True


def average_reference(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """NumPy raises for an empty array, too, where the mean is nan."""
    if weights is None and a.size == 0:
        return np.mean(a, axis, keepdims=keepdims)
    return np.average(a, axis, weights, returned, keepdims=keepdims)


def extrema(rng):
    for shape in [(), (3,), (2, 3)]:
        yield (distinct(rng, shape),)
    yield distinct(rng, (2, 3)), 1
    yield Sample((distinct(rng, (2, 1, 3)), (0, 2)), {"keepdims": True})


def variables(rng):
    for shape in [(), (4,), (2, 4), (1, 3), (3, 1), (0, 3), (2, 2, 2)]:
        yield (rng.uniform(-2, 2, shape),)
    yield rng.uniform(-2, 2, (2, 4)), rng.uniform(-2, 2, (1, 4))
    yield rng.uniform(-2, 2, (4, 2)), rng.uniform(-2, 2, (4,)), False
    yield rng.uniform(-2, 2, (2, 4)), rng.uniform(-2, 2, (3,))


def kept_complex(result, *arrays):
    """NumPy forgets that numbers are complex where there are none, or where no part is left."""
    return result + 0 * np.zeros(0).sum(dtype=np.result_type(result, *arrays))


def corrcoef_reference(x, *args):
    return kept_complex(np.corrcoef(x, *args), x)


def cov_reference(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None):
    if aweights is not None and aweights.dtype.kind == "c":
        raise TypeError
    try:
        result = np.cov(m, y, rowvar, bias, ddof, fweights, aweights)
    except IndexError as error:  # of weights that are a number
        raise RuntimeError from error
    return kept_complex(result, m)


def covariances(rng):
    yield from variables(rng)
    x, counts = rng.uniform(-2, 2, (2, 4)), np.array([1, 2, 1, 3])
    yield Sample((x,), {"bias": True})
    yield Sample((x,), {"ddof": 2})
    yield x, None, True, False, None, counts
    yield x, None, True, False, None, None, rng.uniform(0.5, 2, 4)
    yield x, None, True, False, 0, counts, rng.uniform(0.5, 2, 4)


STATISTICS = [
    record("average", in_float(average_reference), averages, diff=(0, 2)),
    record("ptp", np.ptp, extrema, dtypes=REAL_NUMBERS),
    record("cov", cov_reference, covariances, diff=(0, 1, 6)),
    record("corrcoef", corrcoef_reference, variables, diff=(0, 1), tol=64),
]


def differences(rng):
    yield from calls(
        ((3,),),
        ((2, 3),),
        ((2, 3), 2),
        ((2, 3), 1, 0),
        ((2, 3), 0),
        ((2, 3), 5),
        ((0, 2),),
        ((),),
        ((3,), -1),
        ((2, 3), 1, 2),
    )(rng)
    x = rng.uniform(-2, 2, (2, 3))
    yield x, 1, 1, rng.uniform(-2, 2, (2, 1)), rng.uniform(-2, 2, (2, 2))
    yield x, 2, 0, rng.uniform(-2, 2, ()), None
    yield x, 1, 0, None, rng.uniform(-2, 2, (2, 1))


def diff_reference(a, n=1, axis=-1, prepend=None, append=None):
    edges = {"prepend": prepend, "append": append}
    return np.diff(a, n, axis, **{k: v for k, v in edges.items() if v is not None})


def flat_differences(rng):
    yield from EVERY_SHAPE(rng)
    yield rng.uniform(-2, 2, 3), rng.uniform(-2, 2, ()), rng.uniform(-2, 2, 2)


COORDINATES = np.array([0.0, 1.0, 1.5, 3.0])


def slopes(rng):
    for shape in [(2,), (4,), (3, 4), (2, 0), (1,)]:
        yield (rng.uniform(-2, 2, shape),)
    yield rng.uniform(-2, 2, 4), rng.uniform(0.5, 2, ())
    yield rng.uniform(-2, 2, 4), rng.permutation(COORDINATES)
    for order in (1, 2, 3):
        x = rng.uniform(-2, 2, (3, 4))
        yield Sample((x, 2.0, rng.permutation(COORDINATES)), {"edge_order": order})
    yield Sample((rng.uniform(-2, 2, (3, 4)), rng.permutation(COORDINATES)), {"axis": 1})
    yield Sample((rng.uniform(-2, 2, (3, 4)), 2.0), {"axis": (1, 0), "edge_order": 2})
    yield Sample((rng.uniform(-2, 2, (3, 4)), 2.0), {"axis": (0, 0)})
    yield rng.uniform(-2, 2, (3, 4)), 1.0, 2.0, 3.0
    yield rng.uniform(-2, 2, (4, 4)), COORDINATES
    yield rng.uniform(-2, 2, 4), COORDINATES[:3]
    yield rng.uniform(-2, 2, 4), COORDINATES.reshape(4, 1)


def uneven_gradient(f, *distances, axis=None, edge_order=1):
    """The distances of samples are real numbers."""
    if edge_order < 3 and any(np.iscomplexobj(h) for h in distances):
        raise TypeError
    return np.gradient(f, *distances, axis=axis, edge_order=edge_order)


def areas(rng):
    yield from calls(((3,),), ((2, 3),), ((2, 3), None, 0.5, 0), ((1,),), ((0, 2),), ((),))(rng)
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, 3)
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, 2), 1.0, 0
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, (2, 3))
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, 2)


def points(rng):
    """The coordinates are a list: NumPy looks nothing up in a vector that does not increase."""
    x = away_from(rng.uniform(-1, 4, (2, 3)), *COORDINATES)
    for fixed in ((), (5.0,), (None, -5.0)):
        yield (x, list(COORDINATES), rng.uniform(-2, 2, 4), *fixed)
    yield rng.uniform(0.1, 0.9, ()), [0.0, 1.0], rng.uniform(-2, 2, 2)
    yield [0.5, 1.0, 2.0], [1.0], rng.uniform(-2, 2, 1)
    for period in (3.0, -3.0):
        yield Sample((x, [2.1, -0.6, 0.55, 4.2], rng.uniform(-2, 2, 4)), {"period": period})
    yield x, list(COORDINATES), rng.uniform(-2, 2, 3)
    yield x, [], np.zeros(0)
    yield Sample((x, [0.0, 1.0], rng.uniform(-2, 2, 2)), {"period": 0})


def interp_reference(x, xp, *args, **kwargs):
    """NumPy drops the imaginary part of a place with a warning."""
    if np.iscomplexobj(x) or np.iscomplexobj(xp):
        raise TypeError
    return np.interp(x, xp, *args, **kwargs)


def angles(rng):
    yield from calls(((5,),), ((2, 3),), ((2, 3), None, 0), ((0, 2),), ((2, 3), 4.0))(rng)
    yield Sample((rng.uniform(-9, 9, 5),), {"period": 5.0})
    yield Sample((rng.uniform(-9, 9, (2, 3)), 3.0), {"axis": 0, "period": 4})
    # Jumps of half a period, up and down, in integers, which do not move
    for period in (4, 5):
        yield Sample((np.array([0, 2, 0, 3, 1, 6, 3, 8, 4]),), {"period": period})


def vectors(rng):
    yield rng.uniform(-2, 2, 3), rng.uniform(-2, 2, 3)
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, 3)
    yield rng.uniform(-2, 2, (2, 1, 3)), rng.uniform(-2, 2, (4, 3))
    yield rng.uniform(-2, 2, (3, 2)), rng.uniform(-2, 2, (2, 3)), 0, 1, 0
    yield Sample((rng.uniform(-2, 2, (3, 2)), rng.uniform(-2, 2, (3, 2))), {"axis": 0})
    yield rng.uniform(-2, 2, 4), rng.uniform(-2, 2, 4)


def cross_reference(a, b, *args, **kwargs):
    result = np.cross(a, b, *args, **kwargs)
    axes = kwargs.get("axis", None), (args + (-1, -1))[:2]
    places = (axes[0], axes[0]) if axes[0] is not None else axes[1]
    if {a.shape[places[0]], b.shape[places[1]]} != {3}:
        raise ValueError("vectors in the plane are NumPy's past")
    return result


CALCULUS = [
    record("diff", diff_reference, differences, diff=(0, 3, 4)),
    record("ediff1d", np.ediff1d, flat_differences, diff=(0, 1, 2), dtypes=NUMBERS),
    record("gradient", in_float(uneven_gradient), slopes, diff=(0, 1, 2), tol=64),
    record("interp", interp_reference, points, diff=(0, 2)),
    record("trapezoid", in_float(np.trapezoid), areas, diff=(0, 1)),
    record("unwrap", np.unwrap, angles, dtypes=(*SIGNED, *FLOATS), tol=64),
    record("cross", cross_reference, vectors, diff=(0, 1), dtypes=NUMBERS),
]


def ends(rng):
    for num in (0, 1, 2, 5):
        yield Sample((rng.uniform(0.5, 2, ()), rng.uniform(0.5, 2, ())), {"num": num})
    yield Sample((rng.uniform(0.5, 2, ()), rng.uniform(0.5, 2, ()), 3), {"endpoint": False})
    yield Sample((-rng.uniform(0.5, 2, 3), -rng.uniform(0.5, 2, (2, 1)), 3), {"axis": -1})


def powers(rng):
    yield from ends(rng)
    yield rng.uniform(-1, 1, ()), rng.uniform(-1, 1, ()), 3, True, rng.uniform(0.5, 2, ())
    yield rng.uniform(-1, 1, 2), rng.uniform(-1, 1, ()), 3, True, rng.uniform(0.5, 2, 2)


def geomspace_reference(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """NumPy raises for zeros and gives complex numbers between numbers of opposite signs."""
    start, stop = np.broadcast_arrays(start, stop)
    steps = np.linspace(0.0, 1.0, num, endpoint=endpoint)
    shape = np.insert(np.ones(start.ndim, int), axis if axis >= 0 else start.ndim, num)
    steps = steps.astype((start / stop).dtype).reshape(shape)
    if np.iscomplexobj(start) or np.iscomplexobj(stop):
        return np.geomspace(start, stop, num, endpoint, axis=axis).astype((start / stop).dtype)
    start, stop = np.expand_dims(start, axis), np.expand_dims(stop, axis)
    near = start * (stop / start) ** steps
    return np.where(steps < 0.5, near, stop * (start / stop) ** (1 - steps))


def bases(rng):
    yield from calls(((3,),), ((3,), 5), ((3,), 2, True), ((0,),), ((2, 2),), ((3,), 0))(rng)


CREATION = [
    record("tri", np.tri, lambda rng: [(3,), (2, 3), (3, 2, -1), (2, 2, 1), (0,)], diff=()),
    record("identity", np.identity, lambda rng: [(3,), (0,), (2, np.dtype("int32"))], diff=()),
    record(
        "indices",
        np.indices,
        lambda rng: [((2, 3),), ((0, 2),), ((3,), float), ((2, 3), int, True)],
        diff=(),
    ),
    record("logspace", in_float(np.logspace), powers, diff=(0, 1, 4), tol=64),
    record("geomspace", in_float(geomspace_reference), ends, diff=(0, 1), tol=64),
    record("vander", np.vander, bases),
]


def with_gaps(rng, shape):
    x = distinct(rng, shape)
    x.reshape(-1)[1::3] = np.nan
    return x


def gaps(rng):
    for shape in [(), (4,), (2, 3)]:
        yield (with_gaps(rng, shape),)
    yield with_gaps(rng, (2, 3)), 1
    yield Sample((with_gaps(rng, (2, 2, 3)), (0, 2)), {"keepdims": True})
    yield Sample((distinct(rng, (2, 3)),), {"axis": 0})


def gaps_and_empty(rng):
    yield from gaps(rng)
    yield (np.zeros((0, 2)),)
    yield np.zeros((0, 2)), 0


def scans_with_gaps(rng):
    for shape in [(), (4,), (2, 3)]:
        yield (with_gaps(rng, shape),)
    yield with_gaps(rng, (2, 3)), 1
    yield with_gaps(rng, (3, 2)), 0


def spreads(rng):
    yield from gaps_and_empty(rng)
    yield Sample((with_gaps(rng, (2, 4)), 1), {"ddof": 1})
    yield Sample((with_gaps(rng, (2, 3)), 0), {"ddof": 2})
    yield Sample((with_gaps(rng, (2, 4)), 1), {"correction": 1.5})


def extremum_of_numbers(ref, last):
    """Which of 0.0 and -0.0 np.nanmax finds depends on the order of its comparisons."""

    def extremum(x, *args, **kwargs):
        if x.dtype.kind != "f":
            return ref(x, *args, **kwargs)
        nothing = np.all(np.isnan(x), *args, **kwargs)
        return np.where(nothing, np.nan, ref(np.where(np.isnan(x), last, x), *args, **kwargs))

    return extremum


def single_axis(samples):
    def kept(rng):
        for sample in samples(rng):
            args = sample.args if isinstance(sample, Sample) else sample
            if not any(isinstance(arg, tuple) for arg in args):
                yield sample

    return kept


MISSING = [
    record("nansum", np.nansum, gaps_and_empty),
    record("nanprod", np.nanprod, gaps_and_empty),
    record("nanmean", in_float(np.nanmean), gaps_and_empty),
    record("nanvar", in_float(np.nanvar), spreads, tol=64),
    record("nanstd", in_float(np.nanstd), spreads, tol=64),
    record("nanmax", extremum_of_numbers(np.max, -np.inf), gaps, dtypes=REAL),
    record("nanmin", extremum_of_numbers(np.min, np.inf), gaps, dtypes=REAL),
    record("nanargmax", np.nanargmax, single_axis(gaps), diff=(), dtypes=REAL),
    record("nanargmin", np.nanargmin, single_axis(gaps), diff=(), dtypes=REAL),
    record("nancumsum", np.nancumsum, scans_with_gaps),
    record("nancumprod", np.nancumprod, scans_with_gaps),
]


PRODUCTS = [
    record(
        "kron",
        np.kron,
        lambda rng: [
            (rng.uniform(-2, 2, a), rng.uniform(-2, 2, b))
            for a, b in [
                ((2,), (3,)),
                ((2, 2), (1, 3)),
                ((2,), (2, 2)),
                ((), (2,)),
                ((0,), (2,)),
                ((2, 1, 2), (2,)),
            ]
        ],
        diff=(0, 1),
    ),
    record(
        "vdot",
        np.vdot,
        lambda rng: [
            (rng.uniform(-2, 2, a), rng.uniform(-2, 2, b))
            for a, b in [((3,), (3,)), ((2, 3), (3, 2)), ((), ()), ((2,), (3,)), ((0,), (0,))]
        ],
        diff=(0, 1),
    ),
]


def medians(rng):
    for shape in [(), (3,), (4,), (2, 3)]:
        yield (distinct(rng, shape),)
    yield distinct(rng, (2, 4)), 1
    yield Sample((distinct(rng, (3, 2, 2)), (0, -1)), {"keepdims": True})


def medians_with_gaps(rng):
    yield from gaps(rng)
    yield with_gaps(rng, (3, 4)), (1, 0)
    yield np.full((2, 3), np.nan), 0


METHODS = """inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen
    weibull linear median_unbiased normal_unbiased lower higher midpoint nearest""".split()


def fractions(scale, draw):
    """NumPy's argument q is a fraction or a percentage."""

    def samples(rng):
        for method in METHODS:
            q = [0.0, 0.3 * scale, 0.5 * scale, scale]
            yield Sample((draw(rng, (5,)), q), {"method": method})
        yield draw(rng, (2, 3)), 0.3 * scale
        yield draw(rng, (2, 4)), 0.25 * scale, 1
        yield Sample((draw(rng, (2, 2, 3)), [0.1 * scale], (2, 0)), {"keepdims": True})
        yield draw(rng, (3,)), 1.5 * scale
        yield draw(rng, (3,)), -0.5
        yield Sample((draw(rng, (3,)), 0.5), {"method": "guess"})

    return samples


def unsigned(fn):
    """Which of 0.0 and -0.0 comes first when they are sorted is left open."""
    return lambda x, *args, **kwargs: fn(x if is_bool(x) else x + 0, *args, **kwargs)


def is_bool(x):
    return getattr(x, "dtype", np.dtype("f8")).kind == "b"


def without_overflow(ref):
    """NumPy subtracts integers in their own dtype, and nan is the smallest of them."""

    def wide(x, q, axis=None, *, method="linear", keepdims=False):
        exact = method in ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")
        wider = x if x.dtype.kind in "bf" or exact else x.astype(np.float64)
        return ref(wider, q, axis, method=method, keepdims=keepdims)

    return wide


def ordered(name, samples, wrap, dtypes):
    ref, fn = wrap(getattr(np, name)), getattr(pa, name)
    return record(name, unsigned(ref), samples, dtypes=dtypes, fn=unsigned(fn))


QUANTILES = [
    ordered("median", medians, in_float, ALL),
    ordered("nanmedian", medians_with_gaps, in_float, ALL),
    ordered("quantile", fractions(1, distinct), without_overflow, REAL_NUMBERS),
    ordered("percentile", fractions(100, distinct), without_overflow, REAL_NUMBERS),
    ordered("nanquantile", fractions(1, with_gaps), without_overflow, REAL_NUMBERS),
    ordered("nanpercentile", fractions(100, with_gaps), without_overflow, REAL_NUMBERS),
]


def spanned(rng):
    x = rng.uniform(-2, 2, 7)
    yield x, 3
    yield x, 1
    yield (x.reshape(7, 1),)
    yield x, 0
    yield x, 2, (1.0, -1.0)
    # What does not depend on the numbers has no derivative in them.
    yield list(x), 4, (-1.0, 1.5)
    yield list(x), [-2.0, -0.5, 0.0, 2.0]
    yield list(x), [0.0, -1.0]
    yield [0.0, 0.0], 2
    yield list(x), "sturges"


def counted(rng):
    yield from spanned(rng)
    x = rng.uniform(-2, 2, 7)
    yield x, 4, (-1.0, 1.5)
    yield x, [-2.0, -0.5, 0.0, 2.0]
    yield x, 4, None, True
    yield x, 4, None, None, rng.uniform(0.5, 2, 7)
    yield x, 4, (-2.0, 2.0), True, rng.uniform(0.5, 2, 7)
    yield x, 4, None, None, rng.uniform(0.5, 2, 6)


HISTOGRAMS = [
    record("histogram", np.histogram, counted, diff=(4,), dtypes=REAL_NUMBERS),
    record("histogram_bin_edges", np.histogram_bin_edges, spanned, dtypes=REAL),
]

RECORDS = [
    *STATISTICS,
    *CALCULUS,
    *CREATION,
    *MISSING,
    *PRODUCTS,
    *QUANTILES,
    *HISTOGRAMS,
]
