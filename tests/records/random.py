"""Records of what implicit reparametrisation rests on; the draws have tests of their own."""

import math

import numpy as np
import scipy.special as sc
from scipy.integrate import quad

import pyautograd as pa

from .record import PAIRS, REAL, SHAPES, Sample, in_float, record


def density_ratio(a, at, order):
    """The derivative of that order in a of exp(a y - lgamma(a)) over itself, at = y - psi(a)."""
    cumulants = [at, *[-sc.polygamma(m, a) for m in range(1, order)]]
    moments = [1.0]
    for n in range(order):
        moments.append(sum(math.comb(n, j) * cumulants[j] * moments[n - j] for j in range(n + 1)))
    return moments[-1]


def shape_slope(a, y, order):
    """By quadrature of the density's derivative over the tail that y lies in."""
    if not (0 < a < np.inf and np.isfinite(y) and y < 700):
        return np.nan
    x, at = np.exp(y), y - sc.digamma(a)
    side = 1 if at >= 0 else -1

    def moved(s):
        log_density = a * side * s - x * np.expm1(side * s)
        return density_ratio(a, at + side * s, order) * np.exp(log_density)

    return -side * quad(moved, 0, np.inf, epsabs=0, epsrel=1e-13, limit=200)[0]


def shape_slope_reference(a, y, order=1):
    if a.dtype == bool and y.dtype == bool:
        a, y = a.astype(float), y.astype(float)
    out = np.vectorize(shape_slope, otypes=[float])(a, y, order)
    return out.astype(np.result_type(a, y, np.float32))


def log_gamma_slope_reference(a, order=1):
    known = sc.digamma(a) if order == 1 else sc.polygamma(order - 1, np.asarray(a, float))
    return np.where(a > 0, known, np.nan).astype(a.dtype)


def shapes_and_logs(rng):
    for a, y in PAIRS:
        yield Sample((rng.uniform(0.2, 4, a), rng.uniform(-2, 2, y)), {})
    yield Sample((rng.uniform(22, 40, 3), rng.uniform(2.8, 3.8, 3)), {})
    yield Sample((rng.uniform(0.5, 3, 2), rng.uniform(-1, 1, 2)), {"order": 2})


def shapes(rng):
    for shape in SHAPES:
        yield (rng.uniform(1.8, 4, shape),)  # right of the root, near which digits are lost
    yield (rng.uniform(0.2, 1.2, 3),)
    yield Sample((rng.uniform(0.5, 30, 3),), {"order": 3})


RECORDS = [
    record(
        "random._gamma_shape_slope",
        in_float(shape_slope_reference),
        shapes_and_logs,
        diff=(0, 1),
        dtypes=REAL,
        tol=2e5,
        fn=pa.random._gamma_shape_slope,
    ),
    record(
        "random._log_gamma_slope",
        in_float(log_gamma_slope_reference),
        shapes,
        dtypes=REAL,
        tol=64,
        fn=pa.random._log_gamma_slope,
    ),
]
