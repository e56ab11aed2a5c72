"""Matrices made of few numbers, under the names of :mod:`scipy.linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from .._core import Tensor
from .._places import beside
from ..array_api import broadcast_shapes, result_type

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def block_diag(*arrs: TensorLike) -> Tensor:
    """Matrices along the diagonal of one that is zero elsewhere; of a batch each, if they have more
    than two axes. A vector is one row.

    :param arrs: tensors of shape (..., m, n)
    :returns: tensor of shape (..., sum of m, sum of n), of the promoted dtype

    >>> pa.linalg.block_diag(2.0, [[1.0, 3.0]]).tolist()
    [[2.0, 0.0, 0.0], [0.0, 1.0, 3.0]]
    """
    blocks = [_core.atleast_2d(x) for x in beside(arrs)]
    if not blocks:
        return _core.zeros((1, 0))
    dtype = result_type(*blocks)
    batch = broadcast_shapes(*(x.shape[:-2] for x in blocks))
    width, before, rows = sum(x.shape[-1] for x in blocks), 0, []
    for x in blocks:
        height, own = x.shape[-2:]
        sides = (before, width - before - own)
        left, right = (_core.zeros((*batch, height, n), dtype, device=x.device) for n in sides)
        block = _core.astype(_core.broadcast_to(x, (*batch, height, own)), dtype)
        rows.append(_core.concat([left, block, right], -1))
        before += own
    return _core.concat(rows, -2)


def toeplitz(c: TensorLike, r: TensorLike | None = None) -> Tensor:
    """The matrix with constant diagonals, from its first column and first row.

    :param c: tensor of shape (..., m), the column
    :param r: tensor of shape (..., n), the row, whose first element is not read; conj(c) by default
    :returns: tensor of shape (..., m, n)

    >>> pa.linalg.toeplitz([1, 2], [0, 3, 4]).tolist()
    [[1, 3, 4], [2, 1, 3]]
    """
    column = _core.atleast_1d(c)
    row = _core.conj(column) if r is None else _core.atleast_1d(r)
    m, n = column.shape[-1], row.shape[-1]
    values = _joined(_core.flip(column, axis=-1), row[..., 1:])
    return _core.take(values, (m - 1) - np.arange(m)[:, None] + np.arange(n), axis=-1)


def hankel(c: TensorLike, r: TensorLike | None = None) -> Tensor:
    """The matrix with constant antidiagonals, from its first column and last row.

    :param c: tensor of shape (..., m), the column
    :param r: tensor of shape (..., n), the row, whose first element is not read; zeros by default
    :returns: tensor of shape (..., m, n)

    >>> pa.linalg.hankel([1, 2], [0, 3, 4]).tolist()
    [[1, 2, 3], [2, 3, 4]]
    """
    column = _core.atleast_1d(c)
    row = _core.zeros_like(column) if r is None else _core.atleast_1d(r)
    values = _joined(column, row[..., 1:])
    places = np.arange(column.shape[-1])[:, None] + np.arange(row.shape[-1])
    return _core.take(values, places, axis=-1)


def circulant(c: TensorLike) -> Tensor:
    """The matrix whose every column is the one before, moved down by one place.

    :param c: tensor of shape (..., n), the first column
    :returns: tensor of shape (..., n, n)

    >>> pa.linalg.circulant([1, 2, 3]).tolist()
    [[1, 3, 2], [2, 1, 3], [3, 2, 1]]
    """
    column = _core.atleast_1d(c)
    n = column.shape[-1]
    places = (np.arange(n)[:, None] - np.arange(n)) % max(n, 1)
    return _core.take(column, places, axis=-1)


def _joined(first: Tensor, second: Tensor) -> Tensor:
    batch = broadcast_shapes(first.shape[:-1], second.shape[:-1])
    parts = [_core.broadcast_to(x, (*batch, x.shape[-1])) for x in (first, second)]
    return _core.concat(parts, -1)
