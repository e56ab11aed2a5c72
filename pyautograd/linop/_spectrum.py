"""Spectral densities by stochastic Lanczos quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._flat import Array
from ._estimators import Estimate, check_real, precision, signs


class SpectralDensity(NamedTuple):
    """A spectrum as weighted points, one row for each random vector; each row of weights sums to 1.

    ``n * weights`` counts eigenvalues: ``density.mean(f)`` estimates the mean of ``f`` over all.
    """

    points: Array
    weights: Array

    def mean(self, function: Callable[[Array], Array]) -> Estimate:
        """The mean of a function over the eigenvalues, ``trace(f(A)) / n``, and its standard error.

        The error is nan where there was only one random vector.

        >>> H = pa.linop.Hessian(lambda x: pa.sum(x**2) / 2, pa.ones(10))
        >>> round(pa.linop.spectral_density(H).mean(np.exp).value, 6)
        2.718282
        """
        rows = (self.weights * function(self.points)).sum(axis=1)
        k = len(rows)
        error = rows.std(ddof=1) / np.sqrt(k) if k > 1 else np.nan
        return Estimate(float(rows.mean()), float(error))

    def curve(self, grid: Any, width: float | None = None) -> Array:
        """The density on a grid, each point smeared to a Gaussian; it integrates to 1.

        ``width`` is the Gaussian's standard deviation; by default 1/100 of the spectrum's extent.

        >>> H = pa.linop.Hessian(lambda x: pa.sum(x**2) / 2, pa.ones(10))
        >>> grid = np.linspace(0.0, 2.0, 201)
        >>> density = pa.linop.spectral_density(H).curve(grid, width=0.1)
        >>> round(float(density.sum() * 0.01), 6), float(grid[density.argmax()])
        (1.0, 1.0)
        """
        grid = np.asarray(grid, dtype=np.float64)
        if width is None:
            width = float(np.ptp(self.points)) / 100 or 1e-3 * max(1.0, np.abs(self.points).max())
        if not width > 0:
            raise ValueError(f"[linop.spectral_density] width must be positive, got {width}")
        points, weights = self.points.reshape(-1), self.weights.reshape(-1)
        kernel = np.exp(-0.5 * ((grid[..., None] - points) / width) ** 2)
        curve: Array = kernel @ weights / (width * np.sqrt(2 * np.pi) * len(self.points))
        return curve


def spectral_density(
    op: Any, *, steps: int = 80, samples: int = 10, seed: int = 0
) -> SpectralDensity:
    """Estimate the distribution of the eigenvalues of a symmetric linear operator.

    Stochastic Lanczos quadrature: ``steps`` steps of Lanczos from each of ``samples`` random
    vectors, with full reorthogonalisation; the vectors advance together, one batched product for
    all of them a step. The eigenvalues of each tridiagonal matrix are the points of a Gauss
    quadrature of the spectral measure (G. H. Golub, G. Meurant, Matrices, moments and quadrature
    with applications, 2010; S. Ubaru, J. Chen, Y. Saad, Fast estimation of tr(f(A)) via stochastic
    Lanczos quadrature, SIAM J. Matrix Anal. Appl. 38, 2017). Moments up to degree ``2 steps - 1``
    are those of the random vector exactly.

    Args:
        op: a symmetric operator with ``shape`` and ``matmat``.
        steps: Lanczos steps, at most the operator's size are made. Memory is ``steps * samples``
            vectors.
        samples: random vectors.
        seed: of the random vectors; the same seed gives the same numbers.

    Returns:
        A :class:`SpectralDensity`, with arrays of shape ``(samples, steps)``.

    Raises:
        TypeError: the operator is one of complex numbers.
        ValueError: the operator is not square or empty, or steps or samples is not positive.

    >>> H = pa.linop.Hessian(lambda x: pa.sum(x**2) / 2, pa.ones(10))
    >>> density = pa.linop.spectral_density(H, samples=2)
    >>> density.points[:, 0], density.weights[:, 0].round(6)
    (array([1., 1.]), array([1., 1.]))
    """
    if len(op.shape) != 2 or op.shape[0] != op.shape[1] or not op.shape[0]:
        raise ValueError(
            f"[linop.spectral_density] the operator must be square and not empty, got {op.shape}"
        )
    check_real("spectral_density", op)
    if steps < 1 or samples < 1:
        raise ValueError(
            f"[linop.spectral_density] steps and samples must be positive, got {steps}, {samples}"
        )
    n = op.shape[0]
    start = signs(np.random.default_rng(seed), n, samples) / np.sqrt(n)
    diagonal, off = _lanczos(op, start, min(steps, n))
    points, weights = [], []
    for alpha, beta in zip(diagonal, off, strict=True):
        values, vectors = np.linalg.eigh(np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1))
        points.append(values)
        weights.append(vectors[0] ** 2)
    return SpectralDensity(np.array(points), np.array(weights))


def _lanczos(op: Any, start: Array, steps: int) -> tuple[Array, Array]:
    """Diagonals (samples, steps) and off-diagonals (samples, steps - 1) for columns of `start`."""
    n, samples = start.shape
    basis = np.zeros((samples, steps, n))
    alpha, beta = np.zeros((samples, steps)), np.zeros((samples, steps - 1))
    tolerance = precision(op) * n
    largest, ended = np.zeros(samples), np.full(samples, steps)
    v = start.T.copy()
    for j in range(steps):
        basis[:, j] = v
        w = np.array(op.matmat(v.T).T, dtype=np.float64)
        alpha[:, j] = np.einsum("sn,sn->s", v, w)
        for _ in range(2):  # twice is enough (Kahan and Parlett)
            w -= np.einsum("sj,sjn->sn", np.einsum("sjn,sn->sj", basis[:, : j + 1], w),
                           basis[:, : j + 1])  # fmt: skip
        norm = np.linalg.norm(w, axis=1)
        largest = np.maximum(largest, np.abs(alpha[:, j]) + norm)
        if j == steps - 1:
            break
        # Otherwise an invariant subspace: what follows is decoupled and has no weight.
        live = norm > tolerance * largest
        beta[:, j] = np.where(live, norm, 0.0)
        v = np.where(live[:, None], w / np.where(live, norm, 1.0)[:, None], 0.0)
        ended[~live] = np.minimum(ended[~live], j + 1)
    # Points without weight lie inside the spectrum.
    return np.where(np.arange(steps) < ended[:, None], alpha, alpha[:, :1]), beta
