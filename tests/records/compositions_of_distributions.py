"""Records of the distribution functions and quantiles in ``pa.special``."""

import math

import numpy as np
import scipy.special as sc

from .record import REAL, in_float, record


def of_three(a, b, c):
    """Draws from three intervals, in shapes that broadcast."""

    def samples(rng):
        for shapes in [((3,), (3,), (3,)), ((2, 1), (3,), ()), ((), (), (2,)), ((0,), (), ())]:
            drawn = zip((a, b, c), shapes, strict=True)
            yield tuple(rng.uniform(*ends, shape) for ends, shape in drawn)

    return samples


def of_two(a, b):
    def samples(rng):
        for shapes in [((3,), (3,)), ((2, 1), (3,)), ((), (2,)), ((), ()), ((0,), ())]:
            yield tuple(rng.uniform(*e, shape) for e, shape in zip((a, b), shapes, strict=True))

    return samples


def trials(rng):
    """Numbers of events apart from the integers, at which the functions jump."""
    for shapes in [((3,), (3,), (3,)), ((2, 1), (3,), ()), ((), (), (2,)), ((0,), (), ())]:
        k, n, p = shapes
        few, many = rng.integers(0, 4, k) + 0.5, rng.integers(4, 9, n) + 0.5
        yield np.asarray(few), np.asarray(many), rng.uniform(0.1, 0.9, p)


def counts(low, high):
    def samples(rng):
        for a, b in [((3,), (3,)), ((2, 1), (3,)), ((), (2,)), ((), ()), ((0,), ())]:
            yield np.asarray(rng.integers(0, 5, a) + 0.5), rng.uniform(low, high, b)

    return samples


def whole(function):
    """Of numbers of events, which SciPy cuts off after the point, and not always."""

    def reference(*given):
        *events, p = given
        values = function(*map(np.floor, events), p) + 0.0
        for number in events:
            values = np.where(np.isposinf(number), np.nan, values)
        return values.astype(np.result_type(*given))

    return reference


def poisson(function):
    """SciPy's of m = 0 are those of every k, be it nan."""
    return lambda k, m: np.where(np.isnan(k + m), np.nan, function(k, m)).astype(
        np.result_type(k, m)
    )


def narrow(function):
    """In the dtype of the arguments: SciPy's are in float64 for a float32 number."""
    return lambda *given: np.asarray(function(*given)).astype(np.result_type(*given))


def chdtri(v, p):
    values = np.asarray(sc.chdtri(v, p))
    return np.where((v > 0) & (v < np.inf), values, np.nan).astype(np.result_type(v, p))


def gdtrix(a, b, p):
    values = np.asarray(sc.gdtrix(a, b, p))
    outside = ~((p >= 0) & (p <= 1) & (b > 0) & (b < np.inf) & np.isfinite(a))
    return np.where(outside, np.nan, values).astype(np.result_type(a, b, p))


def within_shares(function):
    """An inverse of SciPy's, of which positive, finite shapes and shares have values; Student's is
    normal for an infinite one."""

    def reference(*given):
        *shapes, y = given
        values = np.asarray(function(*given))
        largest = np.inf if function is student_quantile else np.finfo(np.float64).max
        inside = math.prod([(s > 0) & (s <= largest) for s in shapes], start=(y >= 0) & (y <= 1))
        return np.where(inside, values, np.nan).astype(np.result_type(*given))

    return reference


def student_quantile(df, p):
    """SciPy has plus infinity for 0."""
    return np.where(p == 0, -np.inf, sc.stdtrit(df, p))


SHARE = (0.1, 0.9)


def special(name, samples, ref, diff, tol=512):
    return record(f"special.{name}", in_float(ref), samples, diff=diff, dtypes=REAL, tol=tol)


RECORDS = [
    *(
        special(name, counts(0.4, 5), poisson(getattr(sc, name)), (1,))
        for name in ("pdtr", "pdtrc")
    ),
    special("pdtri", counts(*SHARE), whole(sc.pdtri), (1,)),
    *(
        special(name, trials, whole(getattr(sc, name)), (2,))
        for name in ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc")
    ),
    *(
        special(name, of_two((0.5, 5), (0.4, 5)), narrow(getattr(sc, name)), (0, 1))
        for name in ("chdtr", "chdtrc")
    ),
    special("chdtri", of_two((0.5, 5), SHARE), chdtri, (0, 1)),
    *(
        special(name, of_three((0.8, 5), (0.8, 5), (0.2, 4)), narrow(getattr(sc, name)), (0, 1, 2))
        for name in ("fdtr", "fdtrc")
    ),
    special("fdtri", of_three((0.8, 5), (0.8, 5), SHARE), narrow(sc.fdtri), (0, 1, 2)),
    *(
        special(name, of_three((0.5, 2), (0.5, 4), (0.3, 3)), narrow(getattr(sc, name)), (0, 1, 2))
        for name in ("gdtr", "gdtrc")
    ),
    special("gdtrix", of_three((0.5, 2), (0.5, 4), SHARE), gdtrix, (0, 1, 2)),
    *(
        special(name, of_two((0.5, 5), SHARE), within_shares(getattr(sc, name)), (0, 1))
        for name in ("gammaincinv", "gammainccinv")
    ),
    special("stdtrit", of_two((0.5, 5), SHARE), within_shares(student_quantile), (0, 1)),
    *(
        special(
            name, of_three((0.5, 5), (0.5, 5), SHARE), within_shares(getattr(sc, name)), (0, 1, 2)
        )
        for name in ("betaincinv", "betainccinv")
    ),
    special("stdtr", of_two((0.5, 5), (-3, 3)), narrow(sc.stdtr), (0, 1)),
    special("owens_t", of_two((-2, 2), (-2, 2)), narrow(sc.owens_t), (0, 1)),
]
