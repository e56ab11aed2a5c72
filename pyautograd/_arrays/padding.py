"""Padding beyond the op's own modes: ramps, statistics, odd reflections, values for each side."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from .. import _core
from .._core import Tensor

__all__: list[str] = []


def padded(
    t: Tensor,
    pad_width: Any,
    mode: str,
    constant_values: Any,
    end_values: Any,
    stat_length: Any,
    reflect_type: str,
) -> Tensor:
    """``pyautograd.pad`` with all of its arguments."""
    widths = _widths(t.ndim, pad_width) if isinstance(pad_width, dict) else pad_width
    if reflect_type not in ("even", "odd"):
        raise ValueError(f"[pad] reflect_type must be 'even' or 'odd', got {reflect_type!r}")
    number = isinstance(constant_values, (int, float))
    odd = reflect_type == "odd" and mode in ("reflect", "symmetric")
    if mode == "constant" and number:
        return _core.pad(t, widths, mode, constant_values=constant_values)
    if mode == "empty":
        return _core.pad(t, widths)
    side = _Sides(constant_values, end_values, stat_length)
    makers = {
        "constant": side.constants,
        "linear_ramp": side.ramp,
        **dict.fromkeys(_STATISTICS, side.statistic(mode)),
    }
    if mode in makers:
        extend = _by_sides(makers[mode])
    elif odd:
        extend = _mirrored(mode)
    else:
        return _core.pad(t, widths, mode)
    _core.pad(t, widths)  # raises where the widths do not fit
    for axis, (before, after) in enumerate(_pairs(t.ndim, widths)):
        if before or after:
            t = extend(t, axis, operator.index(before.item()), operator.index(after.item()))
    return t


Extension = Callable[[Tensor, int, int, int], Tensor]
# The new elements: of a tensor whose axis comes first, how many, the axis, and which side
Maker = Callable[[Tensor, int, int, int], Tensor]


def _widths(ndim: int, given: dict[int, Any]) -> list[tuple[int, int]]:
    pairs = [(0, 0)] * ndim
    for axis, width in given.items():
        pairs[axis] = tuple(width) if isinstance(width, (tuple, list)) else (width, width)
    return pairs


def _pairs(ndim: int, given: Any) -> Tensor:
    """One pair for each axis."""
    return _core.broadcast_to(_core.asarray(given), (ndim, 2))


def _by_sides(make: Maker) -> Extension:
    def extend(x: Tensor, axis: int, before: int, after: int) -> Tensor:
        lines = _core.moveaxis(x, axis, 0)
        parts = [make(lines, before, axis, 0), lines, make(lines, after, axis, 1)]
        return _core.moveaxis(_core.concat(parts), 0, axis)

    return extend


_STATISTICS: dict[str, Callable[..., Tensor]] = {
    "maximum": lambda x, **options: _extremum(_core.max, -1, x, **options),
    "minimum": lambda x, **options: _extremum(_core.min, 0, x, **options),
    "mean": _core.mean,
    "median": lambda x, **options: _median(x, **options),
}


def _extremum(op: Callable[..., Tensor], place: int, x: Tensor, **options: Any) -> Tensor:
    """Complex numbers in the order of ``sort``."""
    if x.dtype.kind != "c":
        return op(x, **options)
    return _core.take(_core.sort(x, 0), [place], axis=0)


def _median(x: Tensor, **options: Any) -> Tensor:
    from ..compositions.quantiles import median

    return median(x, **options)


class _Sides:
    """New elements that depend on the axis and the side."""

    def __init__(self, constant_values: Any, end_values: Any, stat_length: Any) -> None:
        self.constant_values = constant_values
        self.end_values = end_values
        self.stat_length = stat_length

    def constants(self, x: Tensor, count: int, axis: int, side: int) -> Tensor:
        value = _pairs(x.ndim, self.constant_values)[axis, side]
        return _core.broadcast_to(_core.astype(value, x.dtype), (count, *x.shape[1:]))

    def ramp(self, x: Tensor, count: int, axis: int, side: int) -> Tensor:
        end = _pairs(x.ndim, self.end_values)[axis, side]
        edge = x[-1 if side else 0]
        values = _core.linspace(end, edge, count, endpoint=False)
        values = _core.floor(values) if x.dtype.kind in "iu" else values
        values = _core.astype(values, x.dtype)
        return _core.flip(values, axis=0) if side else values

    def statistic(self, mode: str) -> Maker:
        def make(x: Tensor, count: int, axis: int, side: int) -> Tensor:
            length = x.shape[0]
            if self.stat_length is not None:
                length = min(length, int(_pairs(x.ndim, self.stat_length)[axis, side].item()))
            if length == 0:
                raise ValueError(f"[pad] mode {mode!r} needs an element along axis {axis}")
            part = x[x.shape[0] - length :] if side else x[:length]
            value = _STATISTICS[mode](part, axis=0, keepdims=True)
            if x.dtype.kind in "iu":
                value = _core.round(value)
            value = _core.astype(value, x.dtype)
            return _core.broadcast_to(value, (count, *x.shape[1:]))

        return make


def _mirrored(mode: str) -> Extension:
    """Mirrored at the edge and at its value, again and again if there is little to mirror."""
    skip = 1 if mode == "reflect" else 0

    def extend(x: Tensor, axis: int, before: int, after: int) -> Tensor:
        x = _core.moveaxis(x, axis, 0)
        if x.shape[0] == 0 and before + after > 0:
            raise ValueError(f"[pad] mode {mode!r} needs an element along axis {axis}")
        while before + after > 0:
            room = x.shape[0] - skip
            left, right = min(before, max(room, 1)), min(after, max(room, 1))
            first, last = x[:1], x[-1:]
            if room > 0:
                head = 2 * first - _core.flip(x[skip : skip + left], axis=0)
                tail = 2 * last - _core.flip(x[room - right : room], axis=0)
            else:
                head, tail = first[:left], last[:right]
            x = _core.concat([_core.astype(head, x.dtype), x, _core.astype(tail, x.dtype)])
            before, after = before - left, after - right
        return _core.moveaxis(x, 0, axis)

    return extend
