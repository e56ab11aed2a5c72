"""Records of the orthogonal polynomials with parameters in ``pa.special``."""

import math

import numpy as np
import scipy.special as sc

from .compositions_beside import of_degrees
from .record import REAL_NUMBERS, in_float, record


def with_parameters(*ends):
    def samples(rng):
        for shapes in [[(3,)] * 4, [(2, 1), (3,), (), ()], [(), (), (), (2,)], [(0,), (), (), ()]]:
            for n in (0, 1, 2, 4):
                drawn = zip((*ends, (-1.5, 1.5)), shapes, strict=False)
                yield n, *(rng.uniform(*e, shape) for e, shape in drawn)

    return samples


def risen(start, count):
    return math.prod((start + k for k in range(count)), start=np.ones_like(start))


def gegenbauer(n, a, x):
    """DLMF 18.5.10."""
    return sum(
        (-1) ** k * risen(a, n - k) / (math.factorial(k) * math.factorial(n - 2 * k))
        * (2 * x) ** (n - 2 * k)
        for k in range(n // 2 + 1)
    )  # fmt: skip


def genlaguerre(n, a, x):
    """DLMF 18.5.12."""
    return sum(
        risen(a + k + 1, n - k) * (-x) ** k / (math.factorial(k) * math.factorial(n - k))
        for k in range(n + 1)
    )


def jacobi(n, a, b, x):
    """DLMF 18.5.8."""
    return sum(
        risen(a + k + 1, n - k) * risen(b + n - k + 1, k)
        / (math.factorial(n - k) * math.factorial(k))
        * ((x - 1) / 2) ** k * ((x + 1) / 2) ** (n - k)
        for k in range(n + 1)
    )  # fmt: skip


def sh_jacobi(n, p, q, x):
    scale = risen(p + n, n) / math.factorial(n)
    return jacobi(n, p - q, q - 1, 2 * x - 1) / scale


LEADING = {
    gegenbauer: lambda n, a: risen(a, n),
    genlaguerre: lambda n, a: (-1.0) ** n + 0 * a,
    jacobi: lambda n, a, b: risen(a + b + n + 1, n),
    sh_jacobi: lambda n, p, q: risen(p + n, n) / risen(p + n, n),
}


def parametric(name, explicit, *ends, diff=(1, 2)):
    """By the explicit sum: SciPy has few of the parameters outside of the weights' range."""

    def reference(n, *given):
        *parameters, x = (np.asarray(v, np.float64) for v in np.broadcast_arrays(*given))
        far = np.isinf(x)
        values = explicit(n, *parameters, np.where(far, 0.5, x))
        sign = np.sign(x) ** n * LEADING[explicit](n, *parameters)
        limit = sign * np.inf if n else values
        values = np.where(far, limit, values)
        bad = np.isnan(x) | ~np.all([np.isfinite(p) for p in parameters], axis=0)
        return np.where(bad, np.nan, values + 0.0).astype(np.result_type(*given))

    samples = with_parameters(*ends)
    return record(
        f"special.{name}", in_float(reference), samples, diff=diff, dtypes=REAL_NUMBERS, tol=1024
    )


def moved(name):
    """SciPy has no limits at infinity, no nan for degree 0, and loses the sign of zero."""
    function = getattr(sc, name)

    def reference(n, x):
        limits = np.where(np.isnan(x), x, x**n) if n else np.where(np.isnan(x), x, function(0, 1.0))
        values = np.where(np.isfinite(x), function(n, x), limits)
        return np.where((n == 5) & (x == 0) & (values == 0), x, values).astype(x.dtype)

    return record(
        f"special.{name}", in_float(reference), of_degrees, diff=(1,), dtypes=REAL_NUMBERS, tol=512
    )


RECORDS = [
    parametric("eval_gegenbauer", gegenbauer, (0.3, 3)),
    parametric("eval_genlaguerre", genlaguerre, (-0.7, 3)),
    parametric("eval_jacobi", jacobi, (-0.7, 3), (-0.7, 3), diff=(1, 2, 3)),
    parametric("eval_sh_jacobi", sh_jacobi, (2.5, 4), (0.5, 2), diff=(1, 2, 3)),
    *map(
        moved,
        ("eval_chebyc", "eval_chebys", "eval_sh_chebyt", "eval_sh_chebyu", "eval_sh_legendre"),
    ),
]
