"""Draws made of others: triangular and multivariate normal, and permutations line by line."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions._common import surely
from ._arguments import Dtype, Param, Size, check_axis, common_shape, parameters, size_to_shape
from ._stream import Stream


class Several(Stream):
    """Distributions that are formulas of base draws."""

    def triangular(
        self, left: Param, mode: Param, right: Param, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """Between ``left`` and ``right``, most often near ``mode``; by inversion, differentiable in
        all three.

        Raises:
            ValueError: unless ``left <= mode <= right`` and ``left < right``.

        >>> x = pa.random.default_rng(1).triangular(0.0, 1.0, 4.0, size=100)
        >>> bool(pa.all((x >= 0) & (x <= 4)))
        True
        """
        (left, mode, right), dtype = parameters("triangular", dtype, left, mode, right)
        shape = common_shape("triangular", size, left, mode, right)
        a, c, b = left, mode, right
        if dtype != np.float64 or any(isinstance(x, Tensor) for x in (a, c, b)):
            a, c, b = (_core.asarray(x, dtype=dtype) for x in (a, c, b))
        if surely(a > c) or surely(c > b):
            raise ValueError("[triangular] left <= mode <= right must hold")
        if surely(a == b):
            raise ValueError("[triangular] left must be below right")
        u = self._base("triangular", "uniform", shape, dtype, a, b, c)
        rises = u * (b - a) <= c - a
        below, above = u * (b - a) * (c - a), (1 - u) * (b - a) * (b - c)
        ascent = a + _core.sqrt(_core.where(rises, below, 1))
        return _core.where(rises, ascent, b - _core.sqrt(_core.where(rises, 1, above)))

    def multivariate_normal(
        self, mean: Param, cov: Param, size: Size = None, *, method: str = "cholesky"
    ) -> Tensor:
        """Vectors with a mean of shape (n,) and a covariance of shape (n, n), along a last axis.

        They are ``mean + root @ z`` with standard normal z, where the root of the covariance is its
        Cholesky factor, or by its eigenvectors with ``method="eigh"`` (or "svd", the same), which
        takes singular matrices, too. Differentiable in both; only the symmetric part of ``cov``
        counts.

        Raises:
            ValueError: shapes that do not fit, or another method.
            LinAlgError: ``cov`` is not positive definite, which "cholesky" needs.

        >>> pa.random.default_rng(1).multivariate_normal([0.0, 1.0], pa.eye(2), size=3).shape
        (3, 2)
        """
        (given, spread), dtype = parameters(
            "multivariate_normal", None, _core.asarray(mean), _core.asarray(cov)
        )
        m, c = _core.asarray(given), _core.asarray(spread)
        if m.ndim != 1 or c.shape != (m.shape[0], m.shape[0]):
            raise ValueError(
                f"[multivariate_normal] mean of shape {m.shape} and cov of shape {c.shape} do not "
                "fit: they must be (n,) and (n, n)"
            )
        shape = (*size_to_shape("multivariate_normal", size), m.shape[0])
        z = self._base("multivariate_normal", "normal", shape, dtype, m, c)
        return m + _core.matmul(z, _core.matrix_transpose(_root(method, (c + c.mT) / 2)))

    def permuted(self, x: Any, *, axis: int | None = None) -> Tensor:
        """The elements along ``axis`` in random order, in another one for every line; those of the
        whole array without an axis. A copy, differentiable in ``x``.

        >>> pa.random.default_rng(1).permuted(pa.ones((2, 3)), axis=1).shape
        (2, 3)
        """
        values = _core.asarray(x)
        lines = _core.ravel(values) if axis is None else values
        along = 0 if axis is None else check_axis("permuted", axis, values.ndim)
        keys = self._base("permuted", "uniform", lines.shape, np.float64, lines)
        mixed = _core.take_along_axis(lines, _core.argsort(keys, along), along)
        return _core.reshape(mixed, values.shape)


def _root(method: str, covariance: Tensor) -> Tensor:
    if method == "cholesky":
        return _core.linalg_cholesky(covariance)
    if method not in ("eigh", "svd"):
        raise ValueError(
            f"[multivariate_normal] method must be 'cholesky', 'eigh' or 'svd', got {method!r}"
        )
    values, vectors = _core.linalg_eigh(covariance)
    return vectors * _core.sqrt(_core.maximum(values, 0))
