"""Integrals of functions that are known at some places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions._common import floating, named, normal_axis

if TYPE_CHECKING:
    from .._core import TensorLike


def simpson(y: TensorLike, x: TensorLike | None = None, *, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The integral of samples by Simpson's rule: of the parabolas through three of them each.

    As :func:`scipy.integrate.simpson`. An even number of samples leaves an interval at the end,
    which takes the parabola through the last three (K. V. Cartwright, Simpson's rule cumulative
    integration with MS Excel and irregularly-spaced data, Journal of Mathematical Sciences and
    Mathematics Education 12, 2017, equation 8). Differentiable in samples and places.

    Args:
        y: the samples, real or complex, with n of them along ``axis``, n >= 1.
        x: their places, of shape (n,) or that of ``y``, no two neighbours the same; by default they
            lie ``dx`` apart.
        dx: a number or a tensor, which may have an entry for each integral.
        axis: the axis to integrate along.

    Returns:
        A tensor of the shape of ``y`` without the axis.

    Raises:
        ValueError: no samples, or shapes that do not fit.

    >>> x = np.array([0.0, 1.0, 3.0, 4.0])
    >>> round(pa.integrate.simpson(x**2, x).item(), 12) == round(64 / 3, 12)
    True
    """
    return _core.sum(_intervals("simpson", y, x, dx, axis, least=3), axis=-1)


def cumulative_trapezoid(
    y: TensorLike,
    x: TensorLike | None = None,
    dx: Any = 1.0,
    axis: int = -1,
    initial: float | None = None,
) -> Tensor:
    """The integrals of samples from the first to each of the others, by the trapezoidal rule.

    As :func:`scipy.integrate.cumulative_trapezoid`. Differentiable in samples and places.

    Args:
        y, x, dx, axis: as for :func:`simpson`; neighbours in ``x`` may be the same.
        initial: None, or 0 to put the integral up to the first sample in front.

    Returns:
        A tensor of the shape of ``y``, with one entry less along the axis without ``initial``.

    Raises:
        ValueError: no samples, shapes that do not fit, or another ``initial``.

    >>> pa.integrate.cumulative_trapezoid([1.0, 2.0, 4.0], initial=0).tolist()
    [0.0, 1.5, 4.5]
    """
    if initial is not None and initial != 0:
        raise ValueError(f"[integrate.cumulative_trapezoid] initial must be None or 0: {initial!r}")
    parts = _intervals("cumulative_trapezoid", y, x, dx, axis, least=None)
    return _summed(parts, axis, initial)


def cumulative_simpson(
    y: TensorLike,
    *,
    x: TensorLike | None = None,
    dx: Any = 1.0,
    axis: int = -1,
    initial: TensorLike | None = None,
) -> Tensor:
    """The integrals of samples from the first to each of the others, by Simpson's rule.

    As :func:`scipy.integrate.cumulative_simpson`: of each parabola, see :func:`simpson`, both
    halves.

    Args:
        y, x, dx, axis: as for :func:`simpson`.
        initial: what is added to all of them, and put in front: a number, or a tensor of the shape
            of ``y`` with one entry along the axis.

    Returns:
        A tensor of the shape of ``y``, with one entry less along the axis without ``initial``.

    Raises:
        ValueError: no samples, or shapes that do not fit.

    >>> x = np.array([0.0, 1.0, 3.0])
    >>> pa.integrate.cumulative_simpson(x**2, x=x, initial=0.0).numpy().round(6)
    array([0.      , 0.333333, 9.      ])
    """
    return _summed(_intervals("cumulative_simpson", y, x, dx, axis, least=3), axis, initial)


def _summed(parts: Tensor, axis: int, initial: TensorLike | None) -> Tensor:
    """From the integrals over each interval, along the last axis."""
    sums = _core.cumsum(parts, axis=-1)
    if initial is not None:
        first = floating(initial)
        first = _core.moveaxis(first, axis, -1) if first.ndim else first
        first = _core.broadcast_to(first.astype(sums.dtype), (*sums.shape[:-1], 1))
        sums = _core.concat([first, sums + first], axis=-1)
    return _core.moveaxis(sums, -1, axis)


def _intervals(
    name: str, y: TensorLike, x: TensorLike | None, dx: Any, axis: int, least: int | None
) -> Tensor:
    """The integrals between neighbours, along the last axis; of parabolas from `least` on."""
    op = f"integrate.{name}"
    samples = floating(y)
    place = normal_axis(op, axis, samples.ndim)
    samples = _core.moveaxis(samples, place, -1)
    count = samples.shape[-1]
    if count == 0:
        raise ValueError(f"[{op}] there are no samples along axis {axis}")
    if x is None:
        step = _beside(samples, dx)
        step = _core.moveaxis(step, place, -1) if step.ndim == samples.ndim else step[..., None]
        with named(op):
            h = _core.broadcast_to(step, (*samples.shape[:-1], count - 1))
    else:
        places = _beside(samples, x)
        if places.ndim > 1:
            places = _core.moveaxis(places, place, -1)
        if places.shape not in ((count,), samples.shape):
            raise ValueError(
                f"[{op}] x of shape {np.shape(x)} is neither a vector of {count} places nor of the "
                "shape of y"
            )
        h = places[..., 1:] - places[..., :-1]
        h = _core.broadcast_to(h, (*samples.shape[:-1], count - 1))
    if least is None or count < least:
        return h * (samples[..., 1:] + samples[..., :-1]) / 2
    forward = _first_halves(samples, h)
    backward = _core.flip(
        _first_halves(_core.flip(samples, axis=-1), _core.flip(h, axis=-1)), axis=-1
    )
    # Intervals 0, 2, ... begin a parabola, 1, 3, ... and the last one end one.
    ends = np.arange(count - 1) % 2 == 1
    ends[-1] = True
    from_start = _core.concat([forward, forward[..., -1:]], axis=-1)
    from_end = _core.concat([backward[..., :1], backward], axis=-1)
    return _core.where(ends, from_end, from_start)


def _beside(samples: Tensor, given: Any) -> Tensor:
    """A tensor; what is none goes where the samples are."""
    x = floating(given)
    return x if isinstance(given, Tensor) else x.to(samples.device)


def _first_halves(y: Tensor, h: Tensor) -> Tensor:
    """Of the parabolas through every three neighbours, the integral over the first interval."""
    first, second = h[..., :-1], h[..., 1:]
    both = first + second
    share, bend = first / both, first * first / (second * both)
    middle = (3 + bend + share) * y[..., 1:-1]
    return first / 6 * ((3 - share) * y[..., :-2] + middle - bend * y[..., 2:])
