"""Records of polynomials: ``pyautograd.compositions.polynomials``."""

from itertools import combinations

import numpy as np

import pyautograd as pa

from .compositions import kept_complex
from .record import (
    NUMBERS,
    Sample,
    distinct,
    in_float,
    record,
)
from .shape import calls


def coefficients(rng):
    for m, n in [(3, 3), (2, 4), (3, 1)]:
        yield rng.uniform(0.5, 2, m), rng.uniform(0.5, 2, n)


def evaluations(rng):
    yield rng.uniform(-2, 2, 3), rng.uniform(-2, 2, ())
    yield rng.uniform(-2, 2, 4), rng.uniform(-2, 2, (2, 3))
    yield rng.uniform(-2, 2, 1), rng.uniform(-2, 2, 2)


def antiderivatives(rng):
    yield (rng.uniform(-2, 2, 3),)
    yield rng.uniform(-2, 2, 3), 2
    yield rng.uniform(-2, 2, 3), 2, rng.uniform(-2, 2, 2)
    yield rng.uniform(-2, 2, 3), 2, rng.uniform(-2, 2, 1)
    yield rng.uniform(-2, 2, 3), 3, rng.uniform(-2, 2, 2)
    yield rng.uniform(-2, 2, 3), -1


def divisions(rng):
    for m, n in [(4, 2), (3, 3), (2, 3), (3, 1), (5, 3)]:
        yield rng.uniform(0.5, 2, m), rng.uniform(0.5, 2, n)


def polydiv_reference(u, v):
    """Long division; NumPy drops the leading zeros of the remainder."""
    u, v = np.atleast_1d(u), np.atleast_1d(v)
    if u.ndim > 1 or v.ndim > 1 or 0 in (u.size, v.size):
        raise ValueError
    u, degree, quotient = u.astype(np.result_type(u, v)), v.size - 1, []
    while u.size > degree:
        quotient.append(u[0] / v[0])
        u = np.append(u[1 : degree + 1] - quotient[-1] * v[1:], u[degree + 1 :])
    rest = np.append(np.zeros(max(max(degree, 1) - u.size, 0), u.dtype), u)
    return np.array(quotient or [0.0], u.dtype), rest


def poly_reference(x):
    """For matrices by minors: the eigenvalues that NumPy takes must be finite."""
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        return kept_complex(np.poly(x), x)
    n = len(x)
    minors = [
        sum(determinant(x[np.ix_(chosen, chosen)]) for chosen in combinations(range(n), k))
        for k in range(n + 1)
    ]
    return np.array([(-1) ** k * m for k, m in enumerate(minors)]).astype(x.dtype)


def determinant(x):
    if len(x) == 0:
        return 1.0
    rest = [np.delete(x[1:], i, 1) for i in range(len(x))]
    return sum((-1) ** i * x[0, i] * determinant(minor) for i, minor in enumerate(rest))


def simple_roots(rng):
    """Three zeros well apart, and what has none."""
    yield (np.array([1.0, -2.5, 0.25, 1.5]) + rng.uniform(0, 0.1, 4),)
    yield (rng.uniform(0.5, 2, 2),)
    yield (rng.uniform(0.5, 2, 1),)
    yield (rng.uniform(0.5, 2, (2, 2)),)


def power_sums(roots, xp):
    """Zeros are in no particular order."""

    def sums(p):
        x = roots(p)
        return xp.stack([xp.sum(x**k) for k in (1, 2, 3)])

    return sums


def complex_roots(p):
    dtype = np.result_type(p, np.complex64)
    return np.roots(p.astype(dtype)).astype(dtype)


def complex_fit(x, y, deg, w=None, cov=None):
    """NumPy scales the powers by the roots of sums of their squares, which for complex points may
    be zero, and its covariance is not Hermitian."""
    powers = np.vander(x, deg + 1)
    if w is not None:
        powers, y = powers * w[:, None], (y.T * w).T
    scale = np.linalg.norm(powers, axis=0)
    rcond = len(x) * np.finfo(x.dtype).eps
    fit = (np.linalg.lstsq(powers / scale, y, rcond)[0].T / scale).T
    if cov is None:
        return fit
    residuals = y - powers @ fit
    factor = np.sum(np.abs(residuals) ** 2, axis=0) / (len(x) - deg - 1)
    base = np.linalg.inv(powers.conj().T @ powers)
    return fit, (base if y.ndim == 1 else base[:, :, None]) * (1 if cov == "unscaled" else factor)


@in_float
def fit_reference(x, y, deg, w=None, **options):
    """NumPy makes float64 of float32; weights are real numbers."""
    if np.iscomplexobj(w):
        raise TypeError
    out = np.polyfit(x, y, deg, w=w, **options)
    if x.dtype.kind == "c":
        out = complex_fit(x, y, deg, w, **options)
    if not isinstance(out, tuple):
        return out.astype(np.result_type(x, y))
    fit, covariance = out
    return fit.astype(np.result_type(x, y)), covariance.astype(np.result_type(x, y.real))


def weighted_fit(x, y, deg, w=None, **options):
    return pa.polyfit(x, y, deg, w=w, **options)


def scattered(rng):
    x = distinct(rng, (6,))
    yield x, rng.uniform(-2, 2, 6), 2
    yield x, rng.uniform(-2, 2, (6, 2)), 1
    yield x[:3], rng.uniform(-2, 2, 3), 2
    yield Sample((x, rng.uniform(-2, 2, 6), 1), {"cov": True})
    yield Sample((x, rng.uniform(-2, 2, (6, 2)), 0), {"cov": "unscaled"})
    yield x, rng.uniform(-2, 2, 5), 1
    yield x, rng.uniform(-2, 2, 6), -1
    for shape in ((6,), (6, 2)):
        yield x, rng.uniform(-2, 2, shape), 1, rng.uniform(0.5, 2, 6)


RECORDS = [
    record(
        "poly",
        in_float(poly_reference),
        calls(((3,),), ((2,),), ((2, 2, 2),), ((3, 3),), ((1, 1),), ((2, 3),)),
        tol=64,
    ),
    record(
        "roots",
        in_float(power_sums(complex_roots, np)),
        simple_roots,
        fn=power_sums(pa.roots, pa),
        tol=256,
    ),
    record("polyfit", fit_reference, scattered, diff=(0, 1, 3), tol=1024, fn=weighted_fit),
    record("polyval", np.polyval, evaluations, diff=(0, 1)),
    record("polyadd", np.polyadd, coefficients, diff=(0, 1)),
    record("polysub", np.polysub, coefficients, diff=(0, 1), dtypes=NUMBERS),
    record("polymul", np.convolve, coefficients, diff=(0, 1), dtypes=NUMBERS),
    record("polydiv", in_float(polydiv_reference), divisions, diff=(0, 1), tol=256),
    record("polyder", np.polyder, calls(((4,),), ((4,), 2), ((2,), 3), ((3,), 0), ((3,), -1))),
    record("polyint", np.polyint, antiderivatives, diff=(0, 2)),
]
