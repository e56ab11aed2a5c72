"""Records of the compositions in ``pa.linalg`` and ``pa.special``."""

import numpy as np
import scipy.linalg as sl
import scipy.special as sc

import pyautograd as pa

from .older import over_stacks
from .record import ALL, NUMBERS, REAL_NUMBERS, SHAPES, in_float, record


def blocks(rng):
    for shapes in [
        [(2, 3), (1, 2)],
        [(2, 1)],
        [(3,), (2, 2), ()],
        [(2, 1, 2), (2, 2, 1)],
        [(0, 2), (1, 1)],
    ]:
        yield tuple(rng.uniform(-2, 2, shape) for shape in shapes)


def columns(rng):
    for shape in [(3,), (1,), (2, 3), (0,)]:
        yield (rng.uniform(-2, 2, shape),)


def columns_and_rows(rng):
    for m, n in [(3, 2), (2, 4), (3, 3), (1, 1)]:
        yield rng.uniform(-2, 2, m), rng.uniform(-2, 2, n)
    yield (rng.uniform(-2, 2, 3),)


def batched(function):
    """SciPy's to come, of the last axis."""

    def reference(*args):
        return function(*args) if args[0].ndim < 2 else np.stack([function(a) for a in args[0]])

    return reference


def hankel(c, r=None):
    """SciPy takes no number for the column, and no batch yet."""
    column = np.atleast_1d(c)
    row = np.zeros_like(column) if r is None else np.atleast_1d(r)
    return np.vectorize(sl.hankel, signature="(m),(n)->(m,n)")(column, row)


def matrices(rng):
    for shape in [(2, 2), (3, 3), (2, 2, 2), (1, 1)]:
        yield (rng.uniform(-1, 1, shape),)


def hermitian(a):
    return a + np.conj(np.swapaxes(a, -1, -2))


def with_a_logarithm(a):
    if not hasattr(a, "shape"):
        return a
    n = a.shape[-1]
    own = isinstance(a, pa.Tensor)
    one = pa.eye(n, dtype="bool", device=a.device) if own else np.eye(n, dtype=bool)
    return a + one + one + one + one


def power(a):
    """Of matrices with distinct eigenvalues, SciPy's is right to 1e-8 only."""
    w, v = np.linalg.eig(a)
    found = (v * w.astype(complex)[..., np.newaxis, :] ** 0.4) @ np.linalg.inv(v)
    return found.astype(a.dtype) if a.dtype.kind == "c" else found.real.astype(a.dtype)


def lyapunov(rng):
    """With matrices for which there is a solution, as integers, too."""
    for n in (2, 3):
        yield rng.uniform(0.1, 0.4, (n, n)) + 2.2 * np.eye(n), rng.uniform(-2, 2, (n, n))


def regulators(rest):
    """Of systems that come to rest by themselves: the solution changes slowly."""

    def samples(rng):
        for n, m, batch in ((1, 1, ()), (3, 2, ()), (2, 1, (2,))):
            a, b = rng.uniform(-0.3, 0.3, (*batch, n, n)), rng.uniform(1.0, 1.6, (n, m))
            q, r = rng.uniform(-1, 1, (n, n)), rng.uniform(-1, 1, (*batch, m, m))
            yield a + rest * np.eye(n), b, q, r

    return samples


def with_weights(function):
    """Of matrices q and r, from which it makes weights."""

    def weights(x):
        if not hasattr(x, "shape"):
            return x
        n, array = x.shape[-1], isinstance(x, np.ndarray)
        one = np.eye(n, dtype=x.dtype) if array else pa.eye(n, dtype=x.dtype, device=x.device)
        return x @ np.conj(np.swapaxes(x, -1, -2)) + one + one

    return lambda a, b, q, r: function(a, b, weights(q), weights(r))


def of_their_dtype(function):
    """SciPy's are always double."""
    return lambda *args: function(*args).astype(np.result_type(*args))


def of_one_dtype(function):
    """SciPy's are wrong for a real and a complex matrix, and take vectors for matrices."""

    def reference(a, q):
        if a.ndim < 2 or q.ndim < 2:
            raise ValueError
        common = np.result_type(a, q)
        return function(a.astype(common), q.astype(common))

    return reference


def of_degrees(rng):
    for shape in SHAPES:
        for n in (0, 1, 2, 5):
            yield n, rng.uniform(-1.5, 1.5, shape)


def polynomial(name):
    """SciPy has no limits at infinity, takes no nan for degree 0, and loses the sign of zero."""
    function = getattr(sc, name)

    def reference(n, x):
        turned = -x if name == "eval_laguerre" else x
        limits = np.where(np.isnan(x), x, turned**n)
        values = np.where(np.isfinite(x), function(n, x), limits)
        return np.where((n == 5) & (x == 0) & (values == 0), x, values).astype(x.dtype)

    return record(
        f"special.{name}", in_float(reference), of_degrees, diff=(1,), dtypes=REAL_NUMBERS, tol=256
    )


def of_orders(rng):
    for shape in SHAPES:
        yield rng.uniform(-2.5, 2.5, shape), rng.uniform(0.4, 3, shape)
    yield np.array([[0.0], [1.0], [4.0]]), np.array([0.8, 9.0])


def at_zero_of(name, v):
    if name in ("kv", "kve"):
        return np.inf
    if name == "yv":
        turned = np.where(v % 1 == 0.5, 0.0, -np.inf * np.cos(np.pi * v))
        return np.where(v >= 0, -np.inf, turned)
    whole = np.where((v > 0) | (v == np.round(v)), 0.0, np.inf)
    sign = (-1.0) ** np.floor(-v) if name == "jv" else 1.0
    return np.where(v == 0, 1.0, whole * np.where(whole == 0, 1.0, sign))


def bessel(name):
    """SciPy's takes negative numbers for integer orders, and has some limits wrong."""
    function = getattr(sc, name)

    def reference(v, x):
        v, x = np.broadcast_arrays(v, x)
        at_infinity = {"iv": np.inf}.get(name, 0.0)
        at_zero = at_zero_of(name, v)
        values = np.where(x == 0, at_zero, np.where(x == np.inf, at_infinity, function(v, x)))
        values = np.where((x >= 0) & np.isfinite(v), values, np.nan)
        return values.astype(np.result_type(v, x))

    return record(
        f"special.{name}", in_float(reference), of_orders, dtypes=REAL_NUMBERS, diff=(0, 1), tol=512
    )


MATRIX_FUNCTIONS = ("cosm", "coshm", "sinhm", "sinm", "tanhm", "tanm")
RECORDS = [
    *map(bessel, ("iv", "ive", "jv", "kv", "kve", "yv")),
    record(
        "linalg.block_diag", over_stacks(sl.block_diag, 2, 2, 2), blocks, diff=(0, 1, 2), dtypes=ALL
    ),
    record(
        "linalg.toeplitz", over_stacks(sl.toeplitz, 1, 1), columns_and_rows, diff=(0, 1), dtypes=ALL
    ),
    record("linalg.hankel", hankel, columns_and_rows, diff=(0, 1), dtypes=ALL),
    record("linalg.circulant", batched(sl.circulant), columns, dtypes=ALL),
    *(
        record(
            f"linalg.{name}",
            in_float(over_stacks(getattr(sl, name), 2)),
            matrices,
            dtypes=NUMBERS,
            tol=512,
        )
        for name in MATRIX_FUNCTIONS
    ),
    record(
        "linalg.funm",
        in_float(over_stacks(lambda a: sl.cosm(hermitian(a)), 2)),
        matrices,
        dtypes=NUMBERS,
        tol=512,
        fn=lambda a: pa.linalg.funm(hermitian(a), np.cos),
    ),
    record(
        "linalg.fractional_matrix_power",
        in_float(lambda a: power(with_a_logarithm(a))),
        matrices,
        dtypes=NUMBERS,
        tol=1024,
        fn=lambda a: pa.linalg.fractional_matrix_power(with_a_logarithm(a), 0.4),
    ),
    *(
        record(
            f"linalg.solve_{kind}_lyapunov",
            in_float(of_one_dtype(over_stacks(getattr(sl, f"solve_{kind}_lyapunov"), 2, 2))),
            lyapunov,
            diff=(0, 1),
            dtypes=NUMBERS,
            tol=1024,
        )
        for kind in ("continuous", "discrete")
    ),
    *(
        record(
            f"linalg.{name}",
            in_float(with_weights(of_their_dtype(over_stacks(getattr(sl, name), 2, 2, 2, 2)))),
            regulators(rest),
            diff=(0, 1, 2, 3),
            dtypes=NUMBERS,
            tol=4096,
            fn=with_weights(getattr(pa.linalg, name)),
        )
        for name, rest in (("solve_continuous_are", -2.0), ("solve_discrete_are", 0.0))
    ),
    *map(
        polynomial,
        (
            *("eval_chebyt", "eval_chebyu", "eval_hermite", "eval_hermitenorm", "eval_laguerre"),
            "eval_legendre",
        ),
    ),
]
