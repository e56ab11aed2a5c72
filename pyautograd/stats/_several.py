"""Families of several variables, which lie along the last axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _core, special
from .._core import Tensor
from ._families import Frozen


class _Several:
    name: str

    def __call__(self, *args: Any, **named: Any) -> Frozen:
        """The distribution with these parameters, whose methods take the place alone."""
        return Frozen(self, args, named)


class MultivariateNormal(_Several):
    """The normal distribution of several variables."""

    name = "multivariate_normal"

    def logpdf(self, x: Any, mean: Any = 0.0, cov: Any = 1.0) -> Tensor:
        """The logarithm of the density.

        Args:
            x: shape ``(..., n)``.
            mean: shape ``(..., n)``, or a number.
            cov: a positive-definite matrix, shape ``(..., n, n)``, whose lower triangle is read; a
                number or a vector of variances stands for a diagonal one.

        Raises:
            ValueError: the shapes do not match.
            LinAlgError: the matrix is not positive definite.

        >>> pa.stats.multivariate_normal.logpdf([0.0, 0.0], cov=pa.eye(2)).item().__round__(6)
        -1.837877
        """
        difference = _core.asarray(x) - _core.asarray(mean)
        if difference.dtype.kind != "f":
            difference = _core.astype(difference, np.float64)
        if not difference.ndim:
            raise ValueError("[stats.multivariate_normal.logpdf] x needs an axis of variables")
        n = difference.shape[-1]
        matrix = _core.asarray(cov)
        if matrix.ndim < 2:
            matrix = _core.eye(n) * matrix
        if matrix.shape[-2:] != (n, n):
            raise ValueError(
                f"[stats.multivariate_normal.logpdf] cov of shape {matrix.shape} does not match "
                f"{n} variables"
            )
        root = _core.linalg_cholesky(matrix)
        white = _core.linalg_solve_triangular(root, difference[..., None], lower=True)[..., 0]
        determinant = _core.sum(_core.log(_core.diagonal(root, axis1=-2, axis2=-1)), axis=-1)
        squares = _core.sum(_core.square(white), axis=-1)
        return -0.5 * squares - determinant - 0.5 * n * math.log(2.0 * math.pi)

    def pdf(self, x: Any, mean: Any = 0.0, cov: Any = 1.0) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, mean, cov))


class Dirichlet(_Several):
    """The Dirichlet distribution of probabilities that add up to one."""

    name = "dirichlet"

    def logpdf(self, x: Any, alpha: Any) -> Tensor:
        """The logarithm of the density.

        Args:
            x: probabilities, shape ``(..., n)``. That they add up to one is not checked, since
                small moves of a derivative would leave it.
            alpha: positive, shape ``(..., n)``.

        >>> round(pa.stats.dirichlet.pdf([0.25, 0.75], [1.0, 2.0]).item(), 6)
        1.5
        """
        x, alpha = _floats(x), _floats(alpha)
        density = _core.sum(special.xlogy(alpha - 1.0, x) - special.gammaln(alpha), axis=-1)
        return density + special.gammaln(_core.sum(alpha, axis=-1))

    def pdf(self, x: Any, alpha: Any) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, alpha))


class Multinomial(_Several):
    """Counts of outcomes in a number of draws."""

    name = "multinomial"

    def logpmf(self, x: Any, n: Any, p: Any) -> Tensor:
        """The logarithm of the probability of counts, -inf where they do not add up to n.

        Args:
            x: counts, shape ``(..., k)``.
            n: the number of draws.
            p: probabilities, shape ``(..., k)``. They are taken as they are.

        >>> round(pa.stats.multinomial.pmf([1, 1], 2, [0.5, 0.5]).item(), 6)
        0.5
        """
        x, n, p = _floats(x), _floats(n), _floats(p)
        value = special.gammaln(n + 1.0) + _core.sum(
            special.xlogy(x, p) - special.gammaln(x + 1.0), axis=-1
        )
        counts = _core.all(_core.logical_and(x >= 0.0, _core.equal(x, _core.floor(x))), axis=-1)
        matches = _core.logical_and(counts, _core.equal(_core.sum(x, axis=-1), n))
        return _core.where(matches, value, -np.inf)

    def pmf(self, x: Any, n: Any, p: Any) -> Tensor:
        """The probability of counts; see :meth:`logpmf`."""
        return _core.exp(self.logpmf(x, n, p))


multivariate_normal = MultivariateNormal()
dirichlet = Dirichlet()
multinomial = Multinomial()


def _floats(x: Any) -> Tensor:
    t = _core.asarray(x)
    return t if t.dtype.kind == "f" else _core.astype(t, np.float64)
