"""Grids of coordinates written as slices, as NumPy has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor

__all__ = ["mgrid", "ogrid"]


class MGrid:
    """The coordinates of every point of a grid: ``mgrid[0:3, 0:2]``.

    A slice of real numbers is an ``arange``; one whose step is an imaginary number is a
    ``linspace`` of that many points, end included. The result has shape ``(number of axes,
    *sizes)``; of one slice alone, ``(size,)``. Coordinates are constants.

    >>> pa.mgrid[0:2, 0:2].tolist()
    [[[0, 0], [1, 1]], [[0, 1], [0, 1]]]
    >>> pa.mgrid[0:1:3j].tolist()
    [0.0, 0.5, 1.0]
    """

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Tensor:
        return _core.asarray(np.mgrid[key])


class OGrid:
    """Like :class:`MGrid`, as tensors that broadcast to the grid: one per axis.

    >>> [x.shape for x in pa.ogrid[0:3, 0:2]]
    [(3, 1), (1, 2)]
    """

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Any:
        grid: Any = np.ogrid[key]
        if isinstance(grid, tuple):
            return tuple(_core.asarray(x) for x in grid)
        return _core.asarray(grid)


mgrid = MGrid()
ogrid = OGrid()
