"""Randomised estimates of the trace and the diagonal of a matrix known by its products."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._flat import Array


class Estimate(NamedTuple):
    """A randomised estimate with its standard error; both floats, or both arrays."""

    value: Any
    error: Any


def trace(op: Any, *, method: str = "xtrace", products: int = 60, seed: int = 0) -> Estimate:
    """Estimate the trace of a square linear operator from a number of products.

    Args:
        op: an operator with ``shape`` and ``matmat``: one of this module, or any other of SciPy.
        method: ``"hutchinson"``, the mean of ``z^T A z`` over random signs ``z`` (M. F. Hutchinson,
            1990), whose error falls like one over the root of the number of products;
            ``"hutch++"``, which treats the dominant part exactly (R. A. Meyer, C. Musco, C. Musco,
            D. P. Woodruff, Hutch++: optimal stochastic trace estimation, SOSA 2021); ``"xtrace"``,
            which in addition uses every test vector for both purposes (E. N. Epperly, J. A. Tropp,
            R. J. Webber, XTrace: making the most of every sample in stochastic trace estimation,
            SIAM J. Matrix Anal. Appl. 45, 2024). With as many products as exhaust the space
            (``3 n`` or ``2 n``) the last two are exact up to rounding.
        products: how many products with ``A`` may be spent; at least 2, 6 or 4.
        seed: of the random vectors; the same seed gives the same numbers.

    Returns:
        An :class:`Estimate`: the trace, and the standard error estimated from the same products.

    Raises:
        TypeError: no operator, or one of complex numbers.
        ValueError: an operator that is not square, an unknown method, or too few products.

    >>> A = np.diag(2.0 ** -np.arange(50.0))
    >>> from scipy.sparse.linalg import aslinearoperator
    >>> estimate = pa.linop.trace(aslinearoperator(A), products=40)
    >>> abs(estimate.value - 2.0) < 1e-4, estimate.error < 1e-4
    (True, True)
    """
    n, rng = _prepare("trace", op, _TRACES, method, products, seed)
    return _TRACES[method][1](op, n, products, rng) if n else Estimate(0.0, 0.0)


def diagonal(op: Any, *, method: str = "xdiag", products: int = 60, seed: int = 0) -> Estimate:
    """Estimate the diagonal of a square linear operator from a number of products.

    Args:
        op: an operator with ``shape``, ``matmat`` and, for ``"xdiag"``, ``rmatmat``.
        method: ``"hutchinson"``, the mean of ``z * (A z)`` over random signs ``z`` (C. Bekas,
            E. Kokiopoulou, Y. Saad, An estimator for the diagonal of a matrix, Applied Numerical
            Mathematics 57, 2007), or ``"xdiag"`` (E. N. Epperly, J. A. Tropp, R. J. Webber, 2024),
            which is exact up to rounding with ``2 n`` products.
        products: how many products with ``A`` and its transpose may be spent; at least 2 or 4.
        seed: of the random vectors; the same seed gives the same numbers.

    Returns:
        An :class:`Estimate` of two arrays: the entries, and their standard errors.

    Raises:
        TypeError: no operator, or one of complex numbers.
        ValueError: an operator that is not square, an unknown method, or too few products.

    >>> H = pa.linop.Hessian(lambda x: pa.sum(x**2) ** 2, pa.tensor([1.0, 0.0, 0.0, 0.0]))
    >>> pa.linop.diagonal(H, method="hutchinson", products=4).value
    array([12.,  4.,  4.,  4.])
    """
    n, rng = _prepare("diagonal", op, _DIAGONALS, method, products, seed)
    if not n:
        return Estimate(np.zeros(0), np.zeros(0))
    return _DIAGONALS[method][1](op, n, products, rng)


def _prepare(
    name: str, op: Any, methods: dict[str, Any], method: str, products: int, seed: int
) -> tuple[int, np.random.Generator]:
    if not (hasattr(op, "shape") and hasattr(op, "matmat")):
        raise TypeError(
            f"[linop.{name}] needs an operator with shape and matmat, got {type(op).__name__}: "
            "SciPy's aslinearoperator makes one of a matrix"
        )
    if len(op.shape) != 2 or op.shape[0] != op.shape[1]:
        raise ValueError(f"[linop.{name}] the operator must be square, got shape {op.shape}")
    check_real(name, op)
    if method not in methods:
        known = ", ".join(methods)
        raise ValueError(f"[linop.{name}] unknown method {method!r}: one of {known}")
    least = methods[method][0]
    if products < least:
        raise ValueError(f"[linop.{name}] {method} needs {least} products, got {products}")
    return op.shape[0], np.random.default_rng(seed)


def check_real(name: str, op: Any) -> None:
    if np.dtype(op.dtype or float).kind == "c":
        raise TypeError(
            f"[linop.{name}] takes operators of real numbers, got dtype {op.dtype}: estimate its "
            "real and its imaginary part"
        )


def precision(op: Any) -> float:
    """The relative rounding of an operator's products."""
    return float(np.finfo(np.result_type(op.dtype or float, np.float16)).eps)


def signs(rng: np.random.Generator, n: int, k: int) -> Array:
    return rng.integers(0, 2, (n, k)) * 2.0 - 1.0


def _mean(samples: Array) -> Estimate:
    """The mean over the last axis and its standard error."""
    k = samples.shape[-1]
    value, error = samples.mean(axis=-1), samples.std(axis=-1, ddof=1) / np.sqrt(k)
    return Estimate(float(value), float(error)) if samples.ndim == 1 else Estimate(value, error)


def _hutchinson_trace(op: Any, n: int, products: int, rng: np.random.Generator) -> Estimate:
    z = signs(rng, n, products)
    return _mean((z * op.matmat(z)).sum(axis=0))


def _hutch_plus_plus(op: Any, n: int, products: int, rng: np.random.Generator) -> Estimate:
    k = products // 3
    q = np.linalg.qr(op.matmat(rng.standard_normal((n, min(k, n)))))[0]
    z = signs(rng, n, k)
    z -= q @ (q.T @ z)
    rest = _mean((z * op.matmat(z)).sum(axis=0))
    return Estimate(float((q * op.matmat(q)).sum()) + rest.value, rest.error)


class _Exchange:
    """A test matrix and the range it finds, with what each single vector adds to that range.

    Without test vector i the projector on the range is ``Q (I - s s^T) Q^T`` where ``s`` is
    column i of ``s``: row i of the inverse of R, normalised.
    """

    def __init__(self, op: Any, omega: Array) -> None:
        self.omega, self.k = omega, omega.shape[1]
        self.y = np.asarray(op.matmat(self.omega), dtype=np.float64)
        self.q, self.r = np.linalg.qr(self.y)
        r = self.r.copy()
        pivots = np.abs(np.diag(r))
        # A matrix of low rank: a vector that adds nothing to the range leaves any direction free.
        tiny = precision(op) * max(pivots.max(), np.finfo(float).tiny)
        r[np.diag_indices(self.k)] = np.where(pivots > tiny, np.diag(r), tiny)
        s = np.linalg.inv(r / np.abs(r).max()).T
        self.s = s / np.linalg.norm(s, axis=0)


def _xtrace(op: Any, n: int, products: int, rng: np.random.Generator) -> Estimate:
    # The scaling below holds for vectors of uniform direction, not for signs.
    x = _Exchange(op, rng.standard_normal((n, min(products // 2, n))))
    z = op.matmat(x.q)
    h = x.q.T @ z
    if x.k == n:
        return Estimate(float(np.trace(h)), 0.0)
    w = x.q.T @ x.omega
    # The projection of each test vector on the range that the others found
    u = w - x.s * (x.s * w).sum(axis=0)
    residual = (x.omega * x.y).sum(axis=0) - (u * x.r).sum(axis=0)
    residual += ((h @ u - z.T @ x.omega) * u).sum(axis=0)
    # The residual test vector is scaled to the length that it has on average.
    length = (x.omega**2).sum(axis=0) - (u**2).sum(axis=0)
    scale = np.divide(n - x.k + 1, length, out=np.zeros(x.k), where=length > 1e-12 * n)
    return _mean(np.trace(h) - (x.s * (h @ x.s)).sum(axis=0) + scale * residual)


def _hutchinson_diagonal(op: Any, n: int, products: int, rng: np.random.Generator) -> Estimate:
    z = signs(rng, n, products)
    return _mean(z * op.matmat(z))


def _xdiag(op: Any, n: int, products: int, rng: np.random.Generator) -> Estimate:
    x = _Exchange(op, signs(rng, n, min(products // 2, n)))
    z = op.rmatmat(x.q)
    known = (x.q * z).sum(axis=1)
    if x.k == n:
        return Estimate(known, np.zeros(n))
    found = x.q @ x.s
    rest = x.omega * found * (x.s * x.r).sum(axis=0)
    return _mean(known[:, None] - found * (z @ x.s) + rest)


_TRACES = {
    "hutchinson": (2, _hutchinson_trace),
    "hutch++": (6, _hutch_plus_plus),
    "xtrace": (4, _xtrace),
}
_DIAGONALS = {"hutchinson": (2, _hutchinson_diagonal), "xdiag": (4, _xdiag)}
