"""Elements chosen by rank or by a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import normal_axis, shape_from_values

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def lexsort(keys: Sequence[TensorLike], axis: int = -1) -> Tensor:
    """The order of elements by several keys, of which the last counts first.

    Stable; along ``axis`` of keys of equal shape. Integers, so without a derivative.

    Raises:
        ValueError: keys of different shapes.
        TypeError: no keys.

    >>> pa.lexsort((pa.tensor([2, 1, 0]), pa.tensor([0, 1, 0]))).tolist()
    [2, 0, 1]
    """
    ranked = [_core.asarray(key) for key in keys]
    if not ranked:
        raise TypeError("[lexsort] there must be at least one key")
    shapes = {key.shape for key in ranked}
    if len(shapes) > 1:
        raise ValueError(f"[lexsort] keys must have one shape, got {sorted(shapes)}")
    if ranked[0].ndim == 0:
        return _core.asarray(0)
    order = _core.argsort(ranked[0], axis)
    for key in ranked[1:]:
        again = _core.argsort(_core.take_along_axis(key, order, axis), axis)
        order = _core.take_along_axis(order, again, axis)
    return order


def compress(condition: TensorLike, a: TensorLike, axis: int | None = None) -> Tensor:
    """The slices along an axis at which a vector of truth values holds.

    ``condition`` may be shorter than the axis. With ``axis=None`` ``a`` is flattened.

    Raises:
        ValueError: ``condition`` is no vector.
        IndexError: ``condition`` holds behind the end.
        RuntimeError: under vmap over ``condition``, which decides the shape.

    >>> pa.compress([False, True], pa.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1).tolist()
    [[2.0], [4.0]]
    """
    chosen = _core.asarray(condition)
    if chosen.ndim != 1:
        raise ValueError(f"[compress] condition must be a vector, got shape {chosen.shape}")
    x = _core.asarray(a)
    x, along = (_core.ravel(x), 0) if axis is None else (x, normal_axis("compress", axis, x.ndim))
    with shape_from_values("compress"):
        places = _core.flatnonzero(chosen)
    return _core.take(x, places, axis=along)


def extract(condition: TensorLike, arr: TensorLike) -> Tensor:
    """The elements of ``arr`` at which ``condition``, of the same size, holds: a vector.

    Raises:
        RuntimeError: under vmap over ``condition``, which decides the shape.

    >>> pa.extract([True, False, True], pa.tensor([1.0, 2.0, 3.0])).tolist()
    [1.0, 3.0]
    """
    with shape_from_values("extract"):
        places = _core.flatnonzero(condition)
    return _core.take(_core.ravel(arr), places)


def sort_complex(a: TensorLike) -> Tensor:
    """The elements along the last axis as complex numbers, by real part, then by imaginary part.

    Narrow integers become complex64, everything else that is real complex128.
    Derivatives are those of ``sort``.

    >>> pa.sort_complex(pa.tensor([2.0, 1.0 + 1j, 1.0])).tolist()
    [(1+0j), (1+1j), (2+0j)]
    """
    x = _core.asarray(a)
    if x.dtype.kind != "c":
        narrow = x.dtype.kind in "iu" and x.dtype.itemsize <= 2
        x = _core.astype(x, np.complex64 if narrow else np.complex128)
    return _core.sort(x, -1)
