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


def beside_zero(rng):
    for shape in SHAPES:
        yield (rng.uniform(0.1, 4, shape),)
        yield (rng.uniform(-2.9, -0.4, shape),)


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


def of_choices(rng):
    """Within, outside, and at whole numbers."""
    for a, b in PAIRS:
        yield rng.uniform(4, 6, a), rng.uniform(0.1, 3.5, b)
    yield np.array([3.3, -1.2, 2.2]), np.array([4.4, 1.1, -0.4])
    yield np.array([5.25, 3.0, 4.0]), np.array([2.0, 1.5, 0.5])


def choices(ref):
    """SciPy has 0 where an argument is nan."""

    def values(n, k):
        none = (n < 0) | (k < 0) | (k > n)
        return np.where(none, 0.0, ref(n, k)).astype(np.result_type(n, k))

    return values


def special(name, ref, samples, dtypes=REAL, **kwargs):
    return record(f"special.{name}", in_float(ref), samples, dtypes=dtypes, tol=256, **kwargs)


RECORDS = [
    special("rgamma", rgamma, left_and_right, dtypes=ALL),
    unary("special.gammasgn", sc.gammasgn, kinks=(-1, 0), diff=(), dtypes=REAL),
    unary("special.zetac", lambda x: sc.zetac(x), low=1.5, high=4, tol=64, dtypes=REAL),
    special("binom", binom, of_reals, diff=(0, 1)),
    special("poch", poch, of_reals, diff=(0, 1)),
    special("comb", choices(binom), of_choices, diff=(0, 1)),
    special("perm", choices(lambda n, k: poch(n - k + 1, k)), of_choices, diff=(0, 1)),
    special("factorial", lambda x: sc.factorial(x).astype(x.dtype), beside_zero),
]
