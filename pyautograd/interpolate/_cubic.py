"""Piecewise cubic interpolants."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions._common import surely
from . import _slopes
from ._pieces import check_axis, check_finite, real, together, wide
from ._ppoly import PPoly


def _sites(
    op: str, x: Any, y: Any, axis: int, dydx: Any = None
) -> tuple[Tensor, Tensor, int, Tensor]:
    """Checked, with the axis of the sites first; the slopes are the values if none are given."""
    sites, values = real(op, "x", x), wide(y)
    slopes = values if dydx is None else wide(dydx)
    sites, values, slopes = together(sites, values, slopes)
    if slopes.shape != values.shape:
        raise ValueError(
            f"[{op}] y of shape {values.shape} and dydx of shape {slopes.shape} differ"
        )
    place = check_axis(op, axis, values.ndim)
    if sites.ndim != 1 or sites.shape[0] < 2:
        raise ValueError(f"[{op}] x must be a vector of at least 2 sites, got shape {sites.shape}")
    if sites.shape[0] != values.shape[place]:
        raise ValueError(
            f"[{op}] x has {sites.shape[0]} sites, y of shape {values.shape} has "
            f"{values.shape[place]} along axis {axis}"
        )
    check_finite(op, x=sites, y=values)
    if dydx is not None:
        check_finite(op, dydx=slopes)
    if surely(_core.less_equal(sites[1:], sites[:-1])):
        raise ValueError(f"[{op}] x must be strictly increasing")
    if place:
        values, slopes = (_core.moveaxis(part, place, 0) for part in (values, slopes))
    return sites, values, place, slopes


class CubicHermiteSpline(PPoly):
    """The piecewise cubic polynomial with given values and slopes at sites.

    A :class:`PPoly`, with all of its methods, and :class:`scipy.interpolate.CubicHermiteSpline`.
    Differentiable in everything to every order, and so are its values.

    Args:
        x: the sites, of shape (n,), strictly increasing.
        y: the values, real or complex, with n entries along ``axis``.
        dydx: the slopes, of the shape of ``y``.
        axis: the axis of the sites.
        extrapolate: what is beyond the ends, as in :class:`PPoly`; by default the pieces go on.

    Raises:
        ValueError: the shapes do not fit, fewer than 2 sites, sites that do not increase, or what
            is not finite.

    >>> pa.interpolate.CubicHermiteSpline([0.0, 1.0], [0.0, 1.0], [0.0, 3.0])(0.5).item()
    0.125
    """

    def __init__(self, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> None:
        sites, values, place, slopes = _sites("interpolate.CubicHermiteSpline", x, y, axis, dydx)
        self._through(sites, values, slopes, place, extrapolate)

    def _through(self, x: Tensor, y: Tensor, slopes: Tensor, axis: int, extrapolate: Any) -> None:
        beyond = True if extrapolate is None else extrapolate
        self._hold(_slopes.hermite(x, y, slopes), x, beyond, axis)


class PchipInterpolator(CubicHermiteSpline):
    """The cubic interpolant that rises and falls only where the values do.

    A :class:`PPoly`, with all of its methods, and :class:`scipy.interpolate.PchipInterpolator`.
    Differentiable in everything to every order; where a slope is 0 because the values turn or stop,
    so is its derivative.

    Args:
        x: the sites, of shape (n,), strictly increasing.
        y: the values, real, with n entries along ``axis``.
        axis: the axis of the sites.
        extrapolate: what is beyond the ends, as in :class:`PPoly`; by default the pieces go on.

    Raises:
        ValueError: the shapes do not fit, fewer than 2 sites, sites that do not increase, values
            that are complex, or not finite.

    >>> step = pa.interpolate.PchipInterpolator([0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 1.0, 1.0])
    >>> step([0.5, 1.5, 2.5]).tolist()
    [0.0, 0.5, 1.0]
    """

    def __init__(self, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
        op = "interpolate.PchipInterpolator"
        sites, values, place, _ = _sites(op, x, real(op, "y", y), axis)
        slopes = _slopes.pchip_slopes(sites, values)
        self._through(sites, values, slopes, place, extrapolate)


class Akima1DInterpolator(CubicHermiteSpline):
    """The cubic interpolant whose slopes depend on five sites each, so that it hardly overshoots.

    A :class:`PPoly`, with all of its methods, and :class:`scipy.interpolate.Akima1DInterpolator`.
    Differentiable in everything to every order, but for values where neighbouring chords have the
    same slope: the weights have a kink there, whose derivative is taken to be 0.

    Args:
        x: the sites, of shape (n,), strictly increasing.
        y: the values, real, with n entries along ``axis``.
        axis: the axis of the sites.
        method: ``"akima"``, or ``"makima"``, which overshoots less beside flat parts.
        extrapolate: what is beyond the ends, as in :class:`PPoly`; by default nan.

    Raises:
        ValueError: the shapes do not fit, fewer than 2 sites, sites that do not increase, values
            that are complex, or not finite.
        NotImplementedError: another method.

    >>> curve = pa.interpolate.Akima1DInterpolator([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 4.0, 9.0])
    >>> curve([0.5, 1.5, 4.0]).tolist()
    [0.25, 2.25, nan]
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        axis: int = 0,
        *,
        method: str = "akima",
        extrapolate: Any = None,
    ) -> None:
        op = "interpolate.Akima1DInterpolator"
        if method not in ("akima", "makima"):
            raise NotImplementedError(f"[{op}] method must be 'akima' or 'makima', not {method!r}")
        sites, values, place, _ = _sites(op, x, real(op, "y", y), axis)
        slopes = _slopes.akima_slopes(sites, values, method == "makima")
        self._through(sites, values, slopes, place, extrapolate or False)


class CubicSpline(CubicHermiteSpline):
    """The cubic interpolant whose second derivative is continuous.

    A :class:`PPoly`, with all of its methods, and :class:`scipy.interpolate.CubicSpline`. Its
    slopes solve a system with three diagonals, in time of order n. Differentiable in everything to
    every order: in the sites, the values and the derivatives at the ends, and then in the points.

    Args:
        x: the sites, of shape (n,), strictly increasing.
        y: the values, real or complex, with n entries along ``axis``.
        axis: the axis of the sites.
        bc_type: what holds at the ends: ``"not-a-knot"``, where the outermost two pieces are one
            polynomial; ``"natural"``, with second derivatives of 0; ``"clamped"``, with slopes of
            0; ``"periodic"``, for values whose last is the first. Or one for each end, of these
            but the last, or ``(order, value)`` with an order of 1 or 2 and the derivative, of the
            shape of ``y`` without ``axis``, which may be differentiated, too.
        extrapolate: what is beyond the ends, as in :class:`PPoly`; by default the pieces go on, or
            are repeated if ``bc_type`` is ``"periodic"``.

    Raises:
        ValueError: the shapes do not fit, fewer than 2 sites, sites that do not increase, what is
            not finite, another condition, or periodic values whose ends differ.

    >>> spline = pa.interpolate.CubicSpline([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 8.0, 27.0])
    >>> spline([0.5, 4.0]).numpy().round(12).tolist(), spline(2.0, 1).item().__round__(12)
    ([0.125, 64.0], 12.0)
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        axis: int = 0,
        bc_type: Any = "not-a-knot",
        extrapolate: Any = None,
    ) -> None:
        sites, values, place, _ = _sites(_SPLINE, x, y, axis)
        conditions = _conditions(bc_type, values)
        if any(isinstance(c, tuple) and c[1].dtype.kind == "c" for c in conditions):
            values = _core.astype(values, np.complex128, copy=False)
        chords = _slopes.Chords.of(sites, values)
        if conditions[0] == "periodic":
            slopes = _slopes.periodic_slopes(chords)
            extrapolate = "periodic" if extrapolate is None else extrapolate
        else:
            parabola = sites.shape[0] == 3 and conditions == ["not-a-knot", "not-a-knot"]
            ends = [
                _slopes.parabola_end(chords, sign)
                if parabola
                else _slopes.spline_end(condition, chords, sign)
                for condition, sign in zip(conditions, (-1, 1), strict=True)
            ]
            slopes = _slopes.spline_slopes(chords, *ends)
        self._through(sites, values, slopes, place, extrapolate)


_SPLINE = "interpolate.CubicSpline"


def _conditions(bc_type: Any, y: Tensor) -> list[Any]:
    """For each end ``"not-a-knot"``, ``"periodic"``, or an order and the derivative."""
    if isinstance(bc_type, str):
        if bc_type == "periodic":
            gap = _core.absolute(y[0] - y[-1])
            if surely(_core.greater(gap, 1e-15 * (1 + _core.absolute(y[-1])))):
                raise ValueError(
                    f"[{_SPLINE}] the first and the last y of a period must be the same"
                )
        bc_type = (bc_type, bc_type)
    elif len(bc_type) != 2:
        raise ValueError(f"[{_SPLINE}] bc_type must have 2 elements, not {len(bc_type)}")
    elif any(isinstance(bc, str) and bc == "periodic" for bc in bc_type):
        raise ValueError(f"[{_SPLINE}] 'periodic' is for both ends, not for one of them")
    return [_condition(bc, y) for bc in bc_type]


def _condition(bc: Any, y: Tensor) -> Any:
    if isinstance(bc, str):
        if bc in ("not-a-knot", "periodic"):
            return bc
        if bc not in ("clamped", "natural"):
            raise ValueError(f"[{_SPLINE}] bc_type {bc!r} is not known")
        return (1 if bc == "clamped" else 2), _core.zeros_like(y[0])
    try:
        order, value = bc
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"[{_SPLINE}] a derivative at an end is given as (order, value)"
        ) from error
    if order not in (1, 2):
        raise ValueError(
            f"[{_SPLINE}] the order of the derivative at an end is 1 or 2, not {order}"
        )
    derivative = wide(value).to(y.device)
    if derivative.shape != y.shape[1:]:
        raise ValueError(
            f"[{_SPLINE}] the derivative at an end has shape {derivative.shape}, not "
            f"{y.shape[1:]} as y without its axis"
        )
    return order, derivative
