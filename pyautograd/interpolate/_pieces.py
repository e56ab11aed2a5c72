"""What all interpolants share: arguments, the piece of a point, and polynomials."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._places import place_of
from ..compositions._common import all_of, known, surely

__all__: list[str] = []


def together(*values: Tensor) -> list[Tensor]:
    """All on the device that one of them is on."""
    place = place_of(values)
    return list(values) if place == "cpu" else [v.to(place) for v in values]


def real(op: str, name: str, value: Any) -> Tensor:
    """In float64."""
    x = _core.asarray(value)
    if x.dtype.kind == "c":
        raise ValueError(f"[{op}] {name} must be real, got dtype {x.dtype}")
    return _core.astype(x, np.float64, copy=False)


def wide(value: Any) -> Tensor:
    """In float64 or complex128."""
    x = _core.asarray(value)
    return _core.astype(x, np.complex128 if x.dtype.kind == "c" else np.float64, copy=False)


def normal_extrapolate(extrapolate: Any) -> bool | str:
    return (
        "periodic"
        if isinstance(extrapolate, str) and extrapolate == "periodic"
        else bool(extrapolate)
    )


def check_axis(op: str, axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ValueError(f"[{op}] axis {axis} is not one of an array of {ndim} dimensions")
    return axis % ndim


def check_finite(op: str, **values: Tensor) -> None:
    for name, x in values.items():
        if surely(_core.logical_not(_core.isfinite(x))):
            raise ValueError(f"[{op}] {name} must contain only finite values")


def beside_axes(x: Tensor, count: int) -> Tensor:
    """With so many axes of length 1 behind its own."""
    return _core.reshape(x, (*x.shape, *[1] * count)) if count else x


def order_of(op: str, nu: Any) -> int:
    order = operator.index(nu)
    if order < 0:
        raise ValueError(f"[{op}] nu must not be negative, got {order}")
    return order


class Pieces:
    """The intervals between breakpoints, of which the last one is closed.

    Found from the breakpoints inside: points before the first and behind the last breakpoint are in
    the first and in the last interval, or in the outermost that are not empty.
    """

    def __init__(self, x: Tensor, *, not_empty: bool = False) -> None:
        self.x = x
        plain = x.detach()
        falls = _core.less(plain[-1], plain[0])
        # None where breakpoints rise; a tensor where nobody can look
        self._sign: Any = None
        if not known(plain):
            self._sign = _core.where(falls, -1.0, 1.0)
        elif surely(falls):
            self._sign = -1.0
        inside = self.along(plain[1:-1])
        if not_empty:
            first, last = self.along(plain[0]), self.along(plain[-1])
            inside = _core.where(_core.greater(inside, first), inside, -np.inf)
            inside = _core.where(_core.less(inside, last), inside, np.inf)
        self._inside = inside

    def along(self, points: Tensor) -> Tensor:
        """In the same order as the breakpoints if these are in ascending order."""
        return points if self._sign is None else self._sign * points

    def index(self, points: Tensor) -> Tensor:
        return _core.searchsorted(self._inside, self.along(points), side="right")

    def in_period(self, points: Tensor) -> Tensor:
        first = self.x[0]
        return first + _core.remainder(points - first, self.x[-1] - first)

    def inside(self, points: Tensor) -> Tensor:
        """Where a point is not beyond the ends, nor nan."""
        place = self.along(points)
        first, last = self.along(self.x[0]), self.along(self.x[-1])
        return all_of(_core.greater_equal(place, first), _core.less_equal(place, last))

    def finished(
        self, value: Tensor, points: Tensor, mode: bool | str, constant: bool, axis: int
    ) -> Tensor:
        """The values of pieces, constant ones or not, with nan where there is none, and with so
        many of their own axes in front of those of the points."""
        own = value.ndim - points.ndim
        if mode is not True:
            value = _core.where(beside_axes(self.inside(points), own), value, np.nan)
        elif constant:  # which knows nothing of its argument
            value = _core.where(beside_axes(_core.isnan(points), own), np.nan, value)
        if axis:
            front = range(points.ndim, points.ndim + axis)
            value = _core.moveaxis(value, [*front], [*range(axis)])
        return value

    def over_periods(
        self, between: Callable[[Tensor, Tensor], Tensor], first: Tensor, last: Tensor
    ) -> Tensor:
        """The integral of what is repeated, made of integrals within one period."""
        start, stop = self.x[0], self.x[-1]
        period = stop - start
        count = _core.floor_divide(last - first, period).detach()
        begin = self.in_period(first)
        end = begin + (last - first - count * period)
        over = _core.greater((end - start) / period, 1.0)
        found = between(begin, _core.where(over, stop, end))
        found = found + between(start, _core.where(over, end - period, start))
        return found + count * between(start, stop)


def bounds(op: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    start, end = real(op, "a", a), real(op, "b", b)
    if start.ndim or end.ndim:
        raise ValueError(
            f"[{op}] a and b must be scalars, got shapes {start.shape} and {end.shape}"
        )
    return start, end


def horner(rows: Sequence[Tensor], s: Tensor) -> Tensor:
    """The polynomial with these coefficients, from the highest power down."""
    value = rows[0]
    for row in rows[1:]:
        value = value * s + row
    return value
