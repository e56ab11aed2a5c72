"""Records of the Airy and Hankel functions and Bessel functions of whole orders."""

import numpy as np
import scipy.special as sc

from .compositions_beside import at_zero_of, of_orders
from .record import PAIRS, REAL, SHAPES, in_float, record


def both_sides(rng):
    for shape in SHAPES:
        yield (rng.uniform(-6, 4, shape),)
    yield (np.array([0.0, -3.5, 2.5]),)


def airy(x):
    """SciPy has no limits."""
    limits = (0.0, -0.0, np.inf, np.inf)
    return [
        np.where(x == np.inf, e, y).astype(x.dtype) for e, y in zip(limits, sc.airy(x), strict=True)
    ]


def airye(x):
    limits = (0.0, -np.inf, 0.0, np.inf)
    return [
        np.where(x == np.inf, e, y).astype(x.dtype)
        for e, y in zip(limits, sc.airye(x), strict=True)
    ]


def hankel(name, sign):
    """SciPy's are nan at 0 and infinity, and right on the negative axis, too."""
    function = getattr(sc, name)

    def reference(v, x):
        v, x = np.broadcast_arrays(v, x)
        zero = np.empty(v.shape, complex)
        zero.real, zero.imag = at_zero_of("jv", v), sign * at_zero_of("yv", v)
        values = np.where(x == 0, zero, np.where(x == np.inf, 0.0, function(v, x)))
        nowhere = np.empty(v.shape, complex)
        nowhere.real = nowhere.imag = np.nan
        values = np.where((x >= 0) & np.isfinite(v), values, nowhere)
        return values.astype(np.result_type(v, x, np.complex64))

    return record(
        f"special.{name}", in_float(reference), of_orders, diff=(0, 1), dtypes=REAL, tol=512
    )


def whole_orders(rng):
    for a, b in PAIRS:
        yield np.asarray(rng.integers(-3, 4, a) + 0.5), rng.uniform(0.4, 3, b)


def of_whole_order(name):
    """SciPy cuts the order off, and has no limits."""
    function, real = getattr(sc, name), {"yn": "yv", "kn": "kv"}[name]

    def reference(n, x):
        n, x = np.broadcast_arrays(np.floor(n), x)
        finite = np.where(np.isfinite(n), n, 0)
        values = function(finite, np.where(np.isfinite(x), x, 1.0))
        values = np.where(x == 0, at_zero_of(real, finite), values)
        values = np.where(x == np.inf, 0.0, values)
        return np.where((x >= 0) & np.isfinite(n), values, np.nan).astype(np.result_type(n, x))

    return record(
        f"special.{name}", in_float(reference), whole_orders, diff=(1,), dtypes=REAL, tol=512
    )


RECORDS = [
    record("special.airy", in_float(airy), both_sides, dtypes=REAL, tol=512),
    record(
        "special.airye",
        in_float(airye),
        lambda rng: ((abs(x) + 0.1,) for (x,) in both_sides(rng)),
        dtypes=REAL,
        tol=512,
    ),
    hankel("hankel1", 1),
    hankel("hankel2", -1),
    hankel("hankel1e", 1),
    hankel("hankel2e", -1),
    *map(of_whole_order, ("kn", "yn")),
]
