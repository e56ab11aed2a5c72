"""Records of the hypergeometric functions in ``pa.special``."""

import math

import numpy as np
import scipy.special as sc

from .record import REAL, in_float, record


def drawn(*ends):
    def samples(rng):
        for shapes in [[(3,)] * 4, [(2, 1), (3,), (), ()], [(), (), (2,), ()], [(0,), (), (), ()]]:
            yield tuple(rng.uniform(*e, shape) for e, shape in zip(ends, shapes, strict=False))

    return samples


def polynomial(numerators, b, x):
    """The series up to the first zero among its numerators."""
    value = term = np.ones_like(x)
    for k in range(4):
        tops = math.prod([a + k for a in numerators], start=np.ones_like(x))
        term = term * x * tops / (np.where(term * tops == 0, 1, b + k) * (k + 1))
        value = value + term
    return value


def bounded(function, reach):
    """SciPy's, where the library's reaches, else nan; polynomials of SciPy's stop at poles."""

    def reference(*given):
        wide = [np.asarray(v, np.float64) for v in np.broadcast_arrays(*given)]
        known = np.all([np.isfinite(v) for v in wide], axis=0) & reach(*wide)
        safe = [np.where(known, v, 0.5) for v in wide]
        values = function(*safe)
        if function in (sc.hyp1f1, sc.hyp2f1):
            *tops, b, x = safe
            values = np.where((b <= 0) & (b == np.round(b)), polynomial(tops, b, x), values)
        return np.where(known, values, np.nan).astype(np.result_type(*given))

    return reference


def open_at(b, *numerators):
    """Whether the series divides by no zero before it ends."""
    closed = (b <= 0) & (b == np.round(b))
    for a in numerators:
        closed &= ~((a <= 0) & (a == np.round(a)) & (a >= b))
    return ~closed


def hyperu_at(a, b, x):
    """DLMF 13.4.4 by a trapezoidal sum in log(t): SciPy's has nine digits."""
    if a <= 0:
        return sc.hyperu(a, b, x)
    step = 0.05
    s = np.arange(-40 / a, np.log(60 / x) + 2, step)
    return (
        sc.rgamma(a)
        * step
        * np.sum(np.exp(a * s + (b - a - 1) * np.log1p(np.exp(s)) - x * np.exp(s)))
    )


hyperu = np.vectorize(hyperu_at, otypes=[np.float64])


def gauss_reach(a, b, c, x):
    ends = [(v <= 0) & (v == np.round(v)) for v in (a, b)]
    return open_at(c, a, b) & ((x <= 1) | ends[0] | ends[1])


def special(name, samples, reach, diff, tol=2048, ref=None):
    ref = in_float(bounded(ref or getattr(sc, name), reach))
    return record(f"special.{name}", ref, samples, diff=diff, dtypes=REAL, tol=tol)


RECORDS = [
    special("hyp0f1", drawn((0.5, 4), (-4, 9)), lambda v, x: open_at(v), (0, 1)),
    special("hyp1f1", drawn((-2, 4), (0.5, 4), (-4, 9)), lambda a, b, x: open_at(b, a), (0, 1, 2)),
    special(
        "hyperu",
        drawn((0.3, 4), (-3, 4), (2, 9)),
        lambda a, b, x: x > 0,
        (0, 1, 2),
        ref=hyperu,
    ),
    special(
        "hyp2f1",
        drawn((-2, 4), (-2, 4), (0.5, 4), (-3, 0.8)),
        gauss_reach,
        (0, 1, 2, 3),
    ),
]
