"""Interpolation on grids of several dimensions."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import _core, func
from .._core import Tensor
from ..compositions._common import known, surely
from ._bspline import Spans, basis
from ._cubic import PchipInterpolator
from ._fit import make_interp_spline
from ._pieces import Pieces, beside_axes, real, together, wide

__all__: list[str] = []

_OP = "interpolate.RegularGridInterpolator"
_DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}
_METHODS = ("linear", "nearest", *_DEGREES, "pchip")


class _Way(NamedTuple):
    """A method, the intervals along each axis, and what is combined: values, or coefficients."""

    method: str
    pieces: list[Pieces]
    c: Tensor

    @classmethod
    def of(cls, method: str, values: Tensor, grid: Sequence[Tensor]) -> _Way:
        if method not in _METHODS:
            raise ValueError(f"[{_OP}] method {method!r} is none of {', '.join(_METHODS)}")
        if method == "pchip" and values.dtype.kind == "c":
            raise ValueError(f"[{_OP}] values must be real for the method pchip")
        degree, pieces = _DEGREES.get(method, 0), []
        least = 4 if method == "pchip" else degree + 1
        for i, x in enumerate(grid):
            if x.shape[0] < least:
                raise ValueError(
                    f"[{_OP}] method {method} needs at least {least} sites along each axis, not "
                    f"{x.shape[0]} along axis {i}"
                )
            if not degree:
                pieces.append(Pieces(x))
                continue
            made = make_interp_spline(x, values, degree, axis=i, check_finite=False)
            values = _core.moveaxis(made.c, 0, i)
            pieces.append(Spans(made.t, degree))
        return cls(method, pieces, values)

    def weights(self, pieces: Pieces, points: Tensor, order: int) -> tuple[Tensor, Tensor]:
        """Which values along an axis count at points of shape (p,), and how much: two tensors of
        shape (count, p)."""
        if isinstance(pieces, Spans):
            near, values = basis(pieces, _DEGREES[self.method], points, order)
            return near, _core.matrix_transpose(values)
        x = pieces.x
        if x.shape[0] == 1:
            only = _core.zeros((1, points.shape[0]), np.int64, device=points.device)
            return only, _core.ones_like(points)[None]
        index = pieces.index(points)
        start, end = _core.take(x, index), _core.take(x, index + 1)
        share = (points - start) / (end - start)
        if self.method == "nearest":
            nearest = index + _core.astype(_core.greater(share, 0.5), np.int64)
            return nearest[None], _core.ones_like(points)[None]
        return _core.stack([index, index + 1]), _core.stack([1 - share, share])


class RegularGridInterpolator:
    """The interpolant of values on a grid with axes of any spacing.

    As :class:`scipy.interpolate.RegularGridInterpolator`. Computed in float64, or in complex128 for
    complex values. Differentiable to every order in the points, the values and the sites of the
    grid. A spline in d dimensions combines (k + 1)^d coefficients at a point, which solve banded
    systems along one axis after the other.

    Args:
        points: for each of the first axes of ``values`` a vector of sites, strictly ascending or
            descending.
        values: the values, of shape (m1, ..., md, ...).
        method: ``"linear"``, ``"nearest"``, the splines ``"slinear"``, ``"cubic"`` and
            ``"quintic"`` of degree 1, 3 and 5, or ``"pchip"``.
        bounds_error: whether points beyond the grid raise; where nobody can look, as under
            ``vmap``, nan is returned.
        fill_value: what is returned beyond the grid otherwise; with None the pieces go on.

    Attributes:
        grid, values: in ascending order.
        method, bounds_error, fill_value: the same.

    Raises:
        ValueError: another method, sites that do not fit the values, are not in order, or are too
            few for the degree, or a complex ``fill_value`` of real values.

    >>> grid = [0.0, 1.0, 2.0], [0.0, 1.0]
    >>> table = pa.interpolate.RegularGridInterpolator(grid, [[0.0, 1.0], [2.0, 3.0], [4.0, 9.0]])
    >>> table([[0.5, 0.5], [1.5, 1.0]]).tolist()
    [1.5, 6.0]
    >>> pa.func.grad(lambda p: table(p)[0])(np.array([1.5, 0.5])).tolist()
    [4.0, 3.0]
    """

    def __init__(
        self,
        points: Sequence[Any],
        values: Any,
        method: str = "linear",
        bounds_error: bool = True,
        fill_value: Any = np.nan,
    ) -> None:
        sites = [real(_OP, "points", p) for p in points]
        table, *sites = together(wide(values), *sites)
        if len(sites) > table.ndim:
            raise ValueError(
                f"[{_OP}] {len(sites)} axes of sites for values of {table.ndim} dimensions"
            )
        self.grid: tuple[Tensor, ...] = ()
        for i, x in enumerate(sites):
            if x.ndim != 1 or x.shape[0] != table.shape[i]:
                raise ValueError(
                    f"[{_OP}] the sites of axis {i} have shape {x.shape}, not "
                    f"({table.shape[i]},) as the values ask for"
                )
            x, table = _ascending(i, x, table)
            self.grid += (x,)
        if fill_value is not None and table.dtype.kind != "c":
            if _core.asarray(fill_value).dtype.kind == "c":
                raise ValueError(f"[{_OP}] fill_value is complex, and the values are not")
        self.values, self.method = table, method
        self.bounds_error, self.fill_value = bounds_error, fill_value
        self._way = _Way.of(method, table, self.grid)

    def __call__(self, xi: Any, method: str | None = None, *, nu: Any = None) -> Tensor:
        """The values at points.

        Args:
            xi: the points, of shape (..., d), or a tuple of d arrays that broadcast. They may be
                differentiated, and differ between the entries of ``vmap``.
            method: in place of the attribute.
            nu: for splines, the orders of the derivatives along the axes: d numbers.

        Returns:
            A tensor of the shape of the points, then that of the values at each.

        Raises:
            ValueError: points of other dimensions, points beyond the grid, derivatives of what is
                no spline, or of negative orders.
        """
        name = self.method if method is None else method
        orders = self._orders(name, nu)
        points = _points(xi, len(self.grid))
        table, points, *grid = together(self.values, points, *self.grid)
        way = self._way
        if name != self.method or table is not self.values:
            way = _Way.of(name, table, grid)
        flat = _core.reshape(points, (-1, len(grid)))
        places = [flat[:, i] for i in range(len(grid))]
        if name == "pchip":
            found = _folded(grid, table, places)
        else:
            found = _combined(way.c, [*map(way.weights, way.pieces, places, orders)])
        found = self._within(found, grid, flat)
        return _core.reshape(found, (*points.shape[:-1], *table.shape[len(grid) :]))

    def _orders(self, method: str, nu: Any) -> list[int]:
        if nu is None:
            return [0] * len(self.grid)
        if method not in _DEGREES:
            raise ValueError(f"[{_OP}] nu is for the methods {', '.join(_DEGREES)}, not {method}")
        orders = [operator.index(order) for order in nu]
        if len(orders) != len(self.grid) or min(orders, default=0) < 0:
            raise ValueError(f"[{_OP}] nu must hold {len(self.grid)} orders from 0, got {nu}")
        return orders

    def _within(self, found: Tensor, grid: Sequence[Tensor], points: Tensor) -> Tensor:
        """With an error, or what stands for one, beyond the grid, and nan for nan."""
        low, high = (_core.stack([x[end] for x in grid]) for end in (0, -1))
        out = _core.logical_or(_core.less(points, low), _core.greater(points, high))
        beyond, lost = _core.any(out, axis=-1), _core.any(_core.isnan(points), axis=-1)
        trailing, fill = found.ndim - 1, self.fill_value
        if self.bounds_error:
            if surely(_core.logical_or(beyond, lost)):
                raise ValueError(f"[{_OP}] points are beyond the grid")
            fill = None if known(beyond) else np.nan
        if fill is not None:
            found = _core.where(beside_axes(beyond, trailing), fill, found)
        return _core.where(beside_axes(lost, trailing), np.nan, found)


def _ascending(i: int, x: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    if not known(x):
        falls = _core.less(x[-1], x[0])
        x = _core.where(falls, _core.flip(x), x)
        return x, _core.where(falls, _core.flip(table, axis=i), table)
    if not surely(_core.less_equal(x[1:], x[:-1])):
        return x, table
    if surely(_core.greater_equal(x[1:], x[:-1])):
        raise ValueError(f"[{_OP}] the sites of axis {i} are not in order")
    return _core.flip(x), _core.flip(table, axis=i)


def interpn(
    points: Sequence[Any],
    values: Any,
    xi: Any,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: Any = np.nan,
) -> Tensor:
    """The values at points of the interpolant on a grid: that of :class:`RegularGridInterpolator`.

    Args:
        points, values, method, bounds_error, fill_value: as of the class.
        xi: the points, of shape (..., d), or a tuple of d arrays that broadcast.

    Raises:
        ValueError: as the class and its calls.

    >>> grid, values = ([0.0, 1.0], [0.0, 2.0]), [[0.0, 2.0], [1.0, 3.0]]
    >>> pa.interpolate.interpn(grid, values, [0.5, 0.5]).tolist()
    [1.0]
    """
    return RegularGridInterpolator(points, values, method, bounds_error, fill_value)(xi)


def _points(xi: Any, count: int) -> Tensor:
    xi = xi[0] if isinstance(xi, tuple) and len(xi) == 1 else xi
    if isinstance(xi, tuple):
        parts = together(*[real(_OP, "xi", p) for p in xi])
        x = _core.stack(_core.broadcast_arrays(parts), -1)
    else:
        x = real(_OP, "xi", xi)
        x = _core.reshape(x, (-1, count)) if x.ndim == 1 and x.shape[0] % count == 0 else x
    if x.ndim == 0 or x.shape[-1] != count:
        raise ValueError(f"[{_OP}] points of shape {x.shape} in a grid of {count} dimensions")
    return x


def _combined(c: Tensor, axes: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The sums over the values that count along all axes."""
    count = len(axes)
    place: Any = 0
    for i, (near, _) in enumerate(axes):
        shape = [1] * count + [near.shape[1]]
        shape[i] = near.shape[0]
        place = place * c.shape[i] + _core.reshape(near, shape)
    flat = _core.reshape(c, (math.prod(c.shape[:count]), *c.shape[count:]))
    found = _core.take(flat, place, axis=0)
    for i, (_, weights) in enumerate(axes):
        shape = [weights.shape[0], *[1] * (count - 1 - i), weights.shape[1]]
        weights = beside_axes(_core.reshape(weights, shape), c.ndim - count)
        found = _core.sum(weights * found, axis=0)
    return found


def _folded(grid: Sequence[Tensor], values: Tensor, places: Sequence[Tensor]) -> Tensor:
    """Interpolated along the last axis at all points, and at each of them along the others."""
    last = len(grid) - 1
    found = PchipInterpolator(grid[last], values, axis=last)(places[last])
    found = _core.moveaxis(found, last, 0)
    for i in range(last - 1, -1, -1):
        found = func.vmap(partial(_along, grid[i], i))(found, places[i])
    return found


def _along(x: Tensor, axis: int, y: Tensor, point: Tensor) -> Tensor:
    return PchipInterpolator(x, y, axis=axis)(point)
