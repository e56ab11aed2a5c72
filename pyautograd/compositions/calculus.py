"""Differences, slopes and areas of sampled functions."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import along, floating, line_shape, normal_axes, normal_axis, not_bool, not_complex

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def diff(
    a: TensorLike,
    n: int = 1,
    axis: int = -1,
    prepend: TensorLike | None = None,
    append: TensorLike | None = None,
) -> Tensor:
    """The ``n``-th differences of neighbours along an axis: ``a[1:] - a[:-1]``, ``n`` times.

    ``prepend`` and ``append`` are put before and behind ``a`` first; numbers stand for one entry.
    Bools give whether neighbours differ.

    Raises:
        ValueError: a negative ``n``, or no axis.

    >>> pa.diff(pa.tensor([1.0, 4.0, 9.0])).tolist()
    [3.0, 5.0]
    """
    x = _core.asarray(a)
    order = operator.index(n)
    if order < 0:
        raise ValueError(f"[diff] n must not be negative, got {n}")
    if order == 0:
        return x
    if x.ndim == 0:
        raise ValueError("[diff] a 0-d array has no neighbours: at least one dimension is needed")
    place = normal_axis("diff", axis, x.ndim)
    if prepend is not None or append is not None:
        parts = [_beside(x, prepend, place), x, _beside(x, append, place)]
        x = _core.concat([part for part in parts if part is not None], place)
    for _ in range(min(order, x.shape[place])):  # then there are none left
        after, before = along(x, place, slice(1, None)), along(x, place, slice(None, -1))
        x = _core.not_equal(after, before) if x.dtype.kind == "b" else after - before
    return x


def _beside(x: Tensor, edge: Any, axis: int) -> Any:
    if edge is None:
        return None
    edge = _core.asarray(edge)
    if edge.ndim > 0:
        return edge
    return _core.broadcast_to(edge, [1 if i == axis else size for i, size in enumerate(x.shape)])


def ediff1d(
    ary: TensorLike, to_end: TensorLike | None = None, to_begin: TensorLike | None = None
) -> Tensor:
    """The differences of neighbours in the flattened array, between ``to_begin`` and ``to_end``.

    Raises:
        TypeError: the ends cannot be cast to the dtype of ``ary``.

    >>> pa.ediff1d(pa.tensor([1.0, 4.0, 9.0]), to_begin=0.0).tolist()
    [0.0, 3.0, 5.0]
    """
    x = _core.ravel(not_bool("ediff1d", ary))
    ends = [_end(name, value, x) for name, value in (("to_begin", to_begin), ("to_end", to_end))]
    return _core.concat([ends[0], x[1:] - x[:-1], ends[1]])


def _end(name: str, value: Any, x: Tensor) -> Tensor:
    if value is None:
        return x[:0]
    end = _core.ravel(value)
    if not np.can_cast(end.dtype, x.dtype, "same_kind"):
        raise TypeError(f"[ediff1d] {name} of dtype {end.dtype} does not fit dtype {x.dtype}")
    return _core.astype(end, x.dtype)


def gradient(
    f: TensorLike, *varargs: Any, axis: int | Sequence[int] | None = None, edge_order: int = 1
) -> Any:
    """The slopes of a sampled function, by central differences and one-sided ones at the edges.

    ``varargs`` are the distances of the samples: one number for all axes, or for each axis a
    number or the vector of the coordinates. ``edge_order`` is 1 or 2. One axis gives a tensor of
    the shape of ``f``, several a tuple. Differentiable in ``f`` and in the distances. For the
    derivative of a Python function use :func:`pyautograd.grad`.

    Raises:
        TypeError: the number of distances is neither 1 nor that of the axes.
        ValueError: too few samples, or coordinates that do not fit.

    >>> pa.gradient(pa.tensor([1.0, 2.0, 4.0, 7.0])).tolist()
    [1.0, 1.5, 2.5, 3.0]
    """
    x = floating(f)
    axes = normal_axes("gradient", axis, x.ndim)
    if edge_order not in (1, 2):
        raise ValueError(f"[gradient] edge_order must be 1 or 2, not {edge_order}")
    distances = varargs or (1.0,)
    if len(distances) == 1 and _core.asarray(distances[0]).ndim == 0:
        distances *= len(axes)
    if len(distances) != len(axes):
        raise TypeError(f"[gradient] {len(varargs)} distances for {len(axes)} axes")
    slopes = tuple(
        _slopes(x, i, _spacing(x, i, h), edge_order) for i, h in zip(axes, distances, strict=True)
    )
    return slopes[0] if len(axes) == 1 else slopes


def _spacing(x: Tensor, axis: int, given: Any) -> Any:
    """The distance of neighbours: a number, or the vector of all of them."""
    h = not_complex("gradient", given)
    if h.ndim == 0:
        return given
    if h.ndim > 1 or h.shape[0] != x.shape[axis]:
        raise ValueError(
            f"[gradient] coordinates of shape {h.shape} for axis {axis} of shape {x.shape}"
        )
    return diff(floating(h))


def _slopes(x: Tensor, axis: int, h: Any, edge_order: int) -> Tensor:
    size = x.shape[axis]
    if size < edge_order + 1:
        raise ValueError(
            f"[gradient] axis {axis} has {size} samples, at least {edge_order + 1} are needed"
        )
    even = not isinstance(h, Tensor) or h.ndim == 0
    steps = (
        [h, h] if even else [_core.reshape(v, line_shape(x.ndim, axis)) for v in (h[:-1], h[1:])]
    )
    points = [along(x, axis, slice(i, size - 2 + i)) for i in range(3)]
    if even:
        middle = (points[2] - points[0]) / (2 * h)
    else:
        middle = _parabola_slope(points, *steps, at=1)
    ends = []
    for first, at in ((0, 0), (size - edge_order - 1, edge_order)):
        near = [along(x, axis, slice(i, i + 1)) for i in range(first, first + edge_order + 1)]
        gaps = [h if even else h[i] for i in range(first, first + edge_order)]
        ends.append(
            (near[1] - near[0]) / gaps[0]
            if edge_order == 1
            else _parabola_slope(near, *gaps, at=at)
        )
    return _core.concat([ends[0], middle, ends[1]], axis)


def _parabola_slope(points: list[Tensor], left: Any, right: Any, *, at: int) -> Any:
    """The slope, at one of three points, of the parabola through them (Lagrange's form)."""
    both = left + right
    first, middle, last = (
        (-(left + both) / (left * both), both / (left * right), -left / (right * both)),
        (-right / (left * both), (right - left) / (left * right), left / (right * both)),
        (right / (left * both), -both / (left * right), (right + both) / (right * both)),
    )[at]
    return first * points[0] + middle * points[1] + last * points[2]


def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The area under samples by the trapezoidal rule, along an axis.

    ``x`` holds the coordinates of the samples, in a vector or an array like ``y``; without it they
    lie ``dx`` apart. Differentiable in the samples and in the coordinates.

    >>> pa.trapezoid(pa.tensor([1.0, 2.0, 4.0]), dx=2.0).item()
    9.0
    """
    samples = floating(y)
    place = normal_axis("trapezoid", axis, samples.ndim)
    count = samples.shape[place]
    if x is None and np.ndim(dx) == 0 and count > 1:
        inner = _core.sum(along(samples, place, slice(1, -1)), axis)
        ends = _core.sum(along(samples, place, slice(None, None, count - 1)), axis)
        return _core.multiply(inner + ends / 2, dx)
    if x is None:
        widths = dx
    else:
        coordinates = floating(x)
        if coordinates.ndim == 1:
            widths = _core.reshape(diff(coordinates), line_shape(samples.ndim, place))
        else:
            widths = diff(coordinates, axis=axis)
    sums = along(samples, place, slice(1, None)) + along(samples, place, slice(None, -1))
    return _core.sum(widths * sums / 2, axis)


def _beside_tensors(given: Sequence[Any], operands: Sequence[Tensor]) -> list[Tensor]:
    """Operands whose arguments were no tensors go to the device of those that were."""
    device = next((x.device for x in given if isinstance(x, Tensor)), "cpu")
    return [
        y if isinstance(x, Tensor) else y.to(device) for x, y in zip(given, operands, strict=True)
    ]


def interp(
    x: TensorLike,
    xp: TensorLike,
    fp: TensorLike,
    left: TensorLike | None = None,
    right: TensorLike | None = None,
    period: Any = None,
) -> Tensor:
    """The piecewise linear function through the points ``(xp, fp)``, at ``x``.

    ``xp`` increases. Before it the value is ``left``, behind it ``right``: unless given, those of
    the first and of the last point. With ``period`` the function is periodic instead, and ``xp``
    in any order. Computed in float64, for complex ``fp`` in complex128. Differentiable in ``x``,
    ``xp`` and ``fp``; at a point the derivative is that from the right.

    Raises:
        ValueError: no points, not as many values, or a period of zero.

    >>> pa.interp(pa.tensor([0.5, 3.0]), [0.0, 1.0, 2.0], [0.0, 10.0, 20.0]).tolist()
    [5.0, 20.0]
    """
    at, knots = (_core.astype(not_complex("interp", v), np.float64) for v in (x, xp))
    values = _core.asarray(fp)
    at, knots, values = _beside_tensors((x, xp, fp), (at, knots, values))
    values = _core.astype(values, np.complex128 if values.dtype.kind == "c" else np.float64)
    if knots.ndim != 1 or knots.shape != values.shape or knots.size == 0:
        raise ValueError(
            f"[interp] xp of shape {knots.shape} and fp of shape {values.shape} must be equally "
            "long vectors, and not empty"
        )
    if period is not None:
        if period == 0:
            raise ValueError("[interp] period must not be zero")
        at, knots, values = _one_period(at, knots, values, abs(period))
        left = right = None
    before = _core.searchsorted(knots, at, side="right") - 1
    # A single point is its own neighbour.
    index = _core.clip(before, 0, max(knots.shape[0] - 2, 0))
    following = _core.minimum(index + 1, knots.shape[0] - 1)
    start, end = _core.take(knots, index), _core.take(knots, following)
    low, high = _core.take(values, index), _core.take(values, following)
    slope = (high - low) / (end - start)
    inside = low + slope * (at - start)
    # Beside an infinite value the other end may still have a number.
    inside = _core.where(_core.isnan(inside), high + slope * (at - end), inside)
    level = _core.logical_and(_core.isnan(inside), _core.equal(low, high))
    inside = _core.where(level, low, inside)
    inside = _core.where(_core.equal(at, start), low, inside)
    first = values[0] if left is None else left
    last = values[-1] if right is None else right
    result = _core.where(_core.less(at, knots[0]), first, inside)
    result = _core.where(_core.equal(at, knots[-1]), values[-1], result)
    result = _core.where(_core.greater(at, knots[-1]), last, result)
    return _core.where(_core.isnan(at), at, result)


def _one_period(
    at: Tensor, knots: Tensor, values: Tensor, period: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """The points in one period, in ascending order, between the neighbours of its ends."""
    knots = _core.remainder(knots, period)
    order = _core.argsort(knots)
    knots, values = _core.take(knots, order), _core.take(values, order)
    knots = _core.concat([knots[-1:] - period, knots, knots[:1] + period])
    return _core.remainder(at, period), knots, _core.concat([values[-1:], values, values[:1]])


def unwrap(
    p: TensorLike, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi
) -> Tensor:
    """Angles made continuous: whole periods undo the jumps of more than half a period.

    Jumps up to ``discont`` are left as they are. Piecewise the identity plus whole periods, so its
    derivative by ``p`` is the identity, and that by ``period``, which may be a tensor, how many
    there are. Integers with an integer ``period`` stay integers.

    >>> pa.unwrap(pa.tensor([0.0, 3.0, 6.5, 0.0]), period=7.0).tolist()
    [0.0, 3.0, 6.5, 7.0]
    """
    x = not_complex("unwrap", p)
    if x.dtype.kind in "bu":
        raise TypeError(f"[unwrap] differences of dtype {x.dtype} have no sign: use astype first")
    place = normal_axis("unwrap", axis, x.ndim)
    steps = diff(x, axis=place)
    whole = steps.dtype.kind in "iu" and isinstance(period, int)
    half = period // 2 if whole else period / 2
    wrapped = _core.remainder(steps + half, period) - half
    if not whole or period % 2 == 0:
        # A jump of half a period keeps its direction.
        upwards = _core.logical_and(_core.equal(wrapped, -half), _core.greater(steps, 0))
        wrapped = _core.where(upwards, half, wrapped)
    left = _core.less(_core.absolute(steps), half if discont is None else discont)
    jumps = _core.where(left, 0, wrapped - steps).detach()
    if isinstance(period, Tensor):  # so many periods, which move with it
        jumps = _core.round(jumps / period.detach()) * period
    moved = along(x, place, slice(1, None)) + _core.cumsum(jumps, place, jumps.dtype)
    return _core.concat([along(x, place, slice(None, 1)), moved], place)


def cross(
    a: TensorLike,
    b: TensorLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """The vector product of vectors of three components.

    They lie along ``axisa`` and ``axisb``, the product along ``axisc``, or all along ``axis``.
    The other axes broadcast.

    Raises:
        ValueError: vectors of another length.

    >>> pa.cross(pa.tensor([1.0, 0.0, 0.0]), pa.tensor([0.0, 1.0, 0.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    u, v = _components(a, axisa), _components(b, axisb)
    product = [u[i - 2] * v[i - 1] - u[i - 1] * v[i - 2] for i in range(3)]
    return _core.stack(product, normal_axis("cross", axisc, product[0].ndim + 1))


def _components(x: Any, axis: int) -> list[Tensor]:
    x = not_bool("cross", x)
    place = normal_axis("cross", axis, x.ndim)
    if x.shape[place] != 3:
        raise ValueError(f"[cross] vectors must have 3 components, not {x.shape[place]}")
    return [along(x, place, i) for i in range(3)]
