"""Records of functions of degrees, those near 1, of error functions and of inverses in
``pa.special``."""

import numpy as np
import scipy.special as sc

from .compositions_of_distributions import of_three
from .record import ALL, PAIRS, REAL, in_float, record, unary


def degrees(name):
    """SciPy has 0 for infinity."""
    function = getattr(sc, name)

    def reference(x):
        return np.where(np.isinf(x), np.nan, function(x) + 0.0).astype(x.dtype)

    return unary(f"special.{name}", reference, low=5, high=40, dtypes=REAL, tol=64)


def radian_samples(rng):
    yield from of_three((-180, 180), (-60, 60), (-60, 60))(rng)


def powm1_samples(rng):
    for a, b in PAIRS:
        yield rng.uniform(0.3, 3, a), rng.uniform(-2, 2, b)
    yield rng.uniform(0.99, 1.01, 3), rng.uniform(-2, 2, 3)


def powm1(x, y):
    """SciPy has no infinite powers of negative numbers, and no sign of powers of -0."""
    unlike = ((x < 0) & np.isinf(y)) | ((x == 0) & (y < 0)) | np.isinf(x)
    values = np.where(unlike, np.power(x, y) - 1, sc.powm1(x, y))
    values = np.where(np.isnan(x) & (y != 0) | np.isnan(y) & (x != 1), np.nan, values)
    return (values + 0.0).astype(np.result_type(x, y))


def voigt_profile(x, sigma, gamma):
    """SciPy has values for negative widths, and fewer limits."""
    values = sc.voigt_profile(x, sigma, gamma)
    far = np.isinf(x) | np.isinf(sigma) | np.isinf(gamma)
    values = np.where(far, 0.0, values)
    bad = ~((sigma >= 0) & (gamma >= 0)) | np.isnan(x)
    return np.where(bad, np.nan, values).astype(np.result_type(x, sigma, gamma))


def voigt_samples(rng):
    yield from of_three((-2, 2), (0.5, 2), (0.3, 2))(rng)
    yield from of_three((9, 12), (0.3, 0.5), (0.3, 2))(rng)


def special(name, samples, ref, diff, tol=256):
    return record(f"special.{name}", in_float(ref), samples, diff=diff, dtypes=REAL, tol=tol)


RECORDS = [
    *map(degrees, ("cosdg", "cotdg", "sindg", "tandg")),
    unary("special.cosm1", sc.cosm1, dtypes=REAL, tol=32),
    unary("special.exp10", sc.exp10, dtypes=REAL),
    special("radian", radian_samples, sc.radian, (0, 1, 2)),
    special("powm1", powm1_samples, powm1, (0, 1)),
    unary("special.erfi", sc.erfi, low=-1.2, high=1.2, dtypes=ALL, tol=64),
    special("voigt_profile", voigt_samples, voigt_profile, (0, 1, 2)),
    unary("special.ndtri_exp", sc.ndtri_exp, low=-4, high=-0.05, dtypes=REAL, tol=64),
    unary("special.wrightomega", sc.wrightomega, low=-3, high=5, tol=64),
]
