"""Splines that are smooth rather than close to values."""

from __future__ import annotations

from typing import Any

from .. import _core
from .._core import Tensor
from ..compositions._common import surely
from ._bspline import BSpline
from ._fit import checked_data, make_interp_spline
from ._pieces import beside_axes, real, together

__all__: list[str] = []

_OP = "interpolate.make_smoothing_spline"


def make_smoothing_spline(
    x: Any, y: Any, w: Any = None, lam: Any = None, *, axis: int = 0
) -> BSpline:
    """The function with the least sum of ``w (y - f(x))^2`` and ``lam`` times the integral of
    ``f''^2``: a natural cubic spline.

    As :func:`scipy.interpolate.make_smoothing_spline` with a given ``lam``. Its second derivatives
    at the sites solve a system of five diagonals, in time of order n. Differentiable to every order
    in the sites, the values, the weights and ``lam``, which may so be chosen by gradients, for what
    it predicts.

    Args:
        x: the sites, of shape (n,), strictly increasing.
        y: the values, real or complex, with n entries along ``axis``.
        w: the weights, of shape (n,), positive, 1 by default.
        lam: a number or a scalar tensor, not negative: 0 interpolates, and infinitely much is a
            line.
        axis: the axis of the sites.

    Raises:
        ValueError: the shapes do not fit, fewer than 5 sites, sites that do not increase, weights
            that are not positive, a negative ``lam``, or what is not finite.
        NotImplementedError: no ``lam``.

    See C. Reinsch, Smoothing by spline functions, Numerische Mathematik 10, 1967.

    >>> x, y = np.arange(6.0), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    >>> pa.interpolate.make_smoothing_spline(x, y, lam=1e9)(2.5).item().__round__(6)
    0.5
    """
    if lam is None:
        raise NotImplementedError(f"[{_OP}] lam must be given: choose it by what it predicts")
    sites, values, place = checked_data(_OP, x, y, axis, True)
    weights = _core.ones_like(sites) if w is None else real(_OP, "w", w)
    sites, values, weights, strength = together(sites, values, weights, real(_OP, "lam", lam))
    if weights.shape != sites.shape or strength.ndim:
        raise ValueError(
            f"[{_OP}] w of shape {weights.shape} is not of the shape {sites.shape} of x, or lam of "
            f"shape {strength.shape} no scalar"
        )
    if sites.shape[0] < 5:
        raise ValueError(f"[{_OP}] x must hold at least 5 sites, not {sites.shape[0]}")
    if surely(_core.less_equal(sites[1:], sites[:-1])):
        raise ValueError(f"[{_OP}] x must be strictly increasing")
    if surely(_core.less_equal(weights, 0.0)) or surely(_core.less(strength, 0.0)):
        raise ValueError(f"[{_OP}] weights must be positive, and lam not negative")
    smooth = _smoothed(sites, values, 1 / weights, strength)
    made = make_interp_spline(sites, smooth, bc_type="natural", check_finite=False)
    return BSpline.construct_fast(made.t, made.c, 3, axis=place)


def _smoothed(x: Tensor, y: Tensor, variances: Tensor, strength: Tensor) -> Tensor:
    """The values at the sites, from the second derivatives m at those inside.

    (R + lam Q' V Q) m = Q' y, and the values are y - lam V Q m, where Q' takes differences of
    slopes and R m is what these are for a spline.
    """
    h = x[1:] - x[:-1]
    wide = beside_axes(h, y.ndim - 1)
    slopes = (y[1:] - y[:-1]) / wide
    before, after = 1 / h[:-1], 1 / h[1:]
    middle, v = -(before + after), variances
    own = before**2 * v[:-2] + middle**2 * v[1:-1] + after**2 * v[2:]
    next_ = middle[:-1] * before[1:] * v[1:-2] + after[:-1] * middle[1:] * v[2:-1]
    second = after[:-2] * before[2:] * v[2:-2]
    zero = 0 * h[:1]
    bands = [
        (h[:-1] + h[1:]) / 3 + strength * own,
        _core.concat([h[1:-1] / 6 + strength * next_, zero]),
        _core.concat([strength * second, zero, zero]),
    ]
    right = slopes[1:] - slopes[:-1]
    sides = _core.reshape(right, (right.shape[0], -1))
    m = _core.reshape(
        _core.linalg_solveh_banded(_core.stack(bands), sides, lower=True), right.shape
    )
    none = _core.zeros_like(m[:1])
    padded = _core.concat([none, m, none])
    bends = (padded[1:] - padded[:-1]) / wide
    forces = _core.concat([bends, none]) - _core.concat([none, bends])
    return y - strength * beside_axes(v, y.ndim - 1) * forces
