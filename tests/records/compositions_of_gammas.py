"""Records of the quotients of gamma functions in ``pa.special``."""

import numpy as np
import scipy.special as sc

from .record import ALL, PAIRS, REAL, SHAPES, in_float, record, unary


def of_reals(rng):
    """Right and left of the poles, and at integers."""
    for a, b in PAIRS:
        yield rng.uniform(0.6, 4, a), rng.uniform(0.1, 4, b)
    yield rng.uniform(-2.4, -2.1, 3), rng.uniform(0.6, 0.9, 3)
    yield rng.uniform(-2.4, -2.3, 3), rng.uniform(-3.3, -3.1, 3)
    yield rng.uniform(0.6, 4, 3), rng.uniform(-3.9, -3.7, 3)
    yield np.array([4.5, -1.25, 0.25, 3.25]), np.array([2.0, 3.0, -1.0, 5.0])


def left_and_right(rng):
    for shape in SHAPES:
        yield (rng.uniform(0.6, 4, shape),)
        yield (rng.uniform(-2.9, 0.4, shape),)
    yield (np.array([0.0, -1.0, -3.0]),)


def rgamma(x):
    """SciPy has a limit at minus infinity."""
    return np.where(x == -np.inf, np.nan, sc.rgamma(x)).astype(x.dtype)


def binom(n, k):
    """SciPy has few limits, and rounds some values below 1 in float32."""
    limit = np.where(k == 0, 1.0, np.where(k > 0, np.inf, 0.0))
    values = np.where((n == np.inf) & np.isfinite(k), limit, sc.binom(n, k)) + 0.0
    nowhere = np.isnan(n + k) | np.isinf(k) | (n == -np.inf)
    return np.where(nowhere, np.nan, values).astype(np.result_type(n, k))


def poch(z, m):
    """SciPy has a value for nan, and others at infinity."""
    limit = np.where(m == 0, 1.0, np.where(m > 0, np.inf, 0.0))
    far = ~(np.isfinite(z) & np.isfinite(m))
    known = ((z == np.inf) & np.isfinite(m)) | ((m == np.inf) & (z > 0))
    edge = np.where(known, limit, np.nan)
    return np.where(far, edge, sc.poch(z, m) + 0.0).astype(np.result_type(z, m))


def special(name, ref, samples, dtypes=REAL, **kwargs):
    return record(f"special.{name}", in_float(ref), samples, dtypes=dtypes, tol=256, **kwargs)


RECORDS = [
    special("rgamma", rgamma, left_and_right, dtypes=ALL),
    unary("special.gammasgn", sc.gammasgn, kinks=(-1, 0), diff=(), dtypes=REAL),
    unary("special.zetac", lambda x: sc.zetac(x), low=1.5, high=4, tol=64, dtypes=REAL),
    special("binom", binom, of_reals, diff=(0, 1)),
    special("poch", poch, of_reals, diff=(0, 1)),
]
