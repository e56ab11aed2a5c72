"""Splines that are smooth rather than close to values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core, func, implicit
from .._core import Tensor
from .._flat import Array
from .._scipy import scipy_module
from ..compositions._common import surely
from ..sparse import logdet
from ._bspline import BSpline
from ._fit import checked_data, make_interp_spline
from ._pieces import beside_axes, real, together

__all__: list[str] = []

_OP = "interpolate.make_smoothing_spline"
# Logarithms of strengths beside that at which both parts weigh the same: from where the spline next
# to interpolates to where it is a line
_WEAKEST, _STRONGEST = -30.0, 20.0


def make_smoothing_spline(
    x: Any, y: Any, w: Any = None, lam: Any = None, *, axis: int = 0
) -> BSpline:
    """The function with the least sum of ``w (y - f(x))^2`` and ``lam`` times the integral of
    ``f''^2``: a natural cubic spline.

    As :func:`scipy.interpolate.make_smoothing_spline`. Its second derivatives at the sites solve a
    system of five diagonals, in time of order n. Differentiable to every order in the sites, the
    values, the weights and ``lam``, which may so be chosen by gradients, for what it predicts.

    Without ``lam`` each column of values has the one with the least generalised cross-validation
    score, ``sum((y - f(x))^2) / (1 - trace(A) / n)^2`` where ``A y`` are the smoothed values, and
    derivatives take into account that it depends on the data (up to the fourth order). It is the
    lowest minimum there is between interpolation and a line, to rounding; SciPy looks between 0 and
    n only, and stops 1e-5 from it.

    Args:
        x: the sites, of shape (n,), strictly increasing.
        y: the values, real or complex, with n entries along ``axis``.
        w: the weights, of shape (n,), positive, 1 by default.
        lam: a number or a scalar tensor, not negative: 0 interpolates, and infinitely much is a
            line. By default it is found by cross-validation, which needs SciPy.
        axis: the axis of the sites.

    Raises:
        ValueError: the shapes do not fit, fewer than 5 sites, sites that do not increase, weights
            that are not positive, a negative ``lam``, or what is not finite.

    See C. Reinsch, Smoothing by spline functions, Numerische Mathematik 10, 1967, and G. Wahba,
    Spline models for observational data, 1990, chapter 4.

    >>> x, y = np.arange(6.0), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    >>> pa.interpolate.make_smoothing_spline(x, y, lam=1e9)(2.5).item().__round__(6)
    0.5
    >>> curve = pa.interpolate.make_smoothing_spline(np.arange(50.0), np.sin(np.arange(50.0) / 8))
    >>> abs(curve(20.5) - np.sin(20.5 / 8)).item() < 1e-4
    True
    """
    sites, values, place = checked_data(_OP, x, y, axis, True)
    weights = _core.ones_like(sites) if w is None else real(_OP, "w", w)
    given = real(_OP, "lam", 1.0 if lam is None else lam)
    sites, values, weights, strength = together(sites, values, weights, given)
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
    fit = _Reinsch(sites, 1 / weights)
    rough = _unpredicted(fit, values) if lam is None else fit.rest(values, strength)
    made = make_interp_spline(sites, values - rough, bc_type="natural", check_finite=False)
    return BSpline.construct_fast(made.t, made.c, 3, axis=place)


class _Reinsch:
    """What a spline leaves of values at its sites, from its second derivatives m at those inside.

    (R + lam K) m = Q' y with K = Q' V Q, and lam V Q m is left, where Q' takes differences of
    slopes, R m is what these are for a spline, and V has the variances.
    """

    def __init__(self, x: Tensor, variances: Tensor) -> None:
        self.x, self.variances = x, variances
        self._h = h = x[1:] - x[:-1]
        before, after = 1 / h[:-1], 1 / h[1:]
        middle, v = -(before + after), variances
        zero = 0 * h[:1]
        # Rows of diagonals: the main one, and those below it
        self._smooth = _core.stack(
            [(h[:-1] + h[1:]) / 3, _core.concat([h[1:-1] / 6, zero]), _core.zeros_like(middle)]
        )
        own = before**2 * v[:-2] + middle**2 * v[1:-1] + after**2 * v[2:]
        next_ = middle[:-1] * before[1:] * v[1:-2] + after[:-1] * middle[1:] * v[2:-1]
        second = after[:-2] * before[2:] * v[2:-2]
        self._rough = _core.stack(
            [own, _core.concat([next_, zero]), _core.concat([second, zero, zero])]
        )

    def bands(self, strength: Tensor) -> Tensor:
        return self._smooth + strength * self._rough

    def even(self) -> Tensor:
        """The strength at which both parts weigh the same."""
        ratio: Tensor = _core.sum(self._smooth[0]) / _core.sum(self._rough[0])
        return ratio

    def rest(self, y: Tensor, strength: Tensor) -> Tensor:
        wide = beside_axes(self._h, y.ndim - 1)
        slopes = (y[1:] - y[:-1]) / wide
        right = slopes[1:] - slopes[:-1]
        sides = _core.reshape(right, (right.shape[0], -1))
        m = _core.linalg_solveh_banded(self.bands(strength), sides, lower=True)
        m = _core.reshape(m, right.shape)
        none = _core.zeros_like(m[:1])
        padded = _core.concat([none, m, none])
        bends = (padded[1:] - padded[:-1]) / wide
        forces = _core.concat([bends, none]) - _core.concat([none, bends])
        return strength * beside_axes(self.variances, y.ndim - 1) * forces


# Cross-validation


def _unpredicted(fit: _Reinsch, values: Tensor) -> Tensor:
    """What is left of each column at the strength that suits it."""
    score, even = _score(_pattern(values.shape[0] - 2)), _core.log(fit.even()).detach()

    def rest(y: Tensor) -> Tensor:
        best = implicit.argmin(score, even, fit.x, y, fit.variances, solver=_lowest)
        return fit.rest(y, _core.exp(best))

    if values.ndim == 1:
        return rest(values)
    columns = _core.reshape(values, (values.shape[0], -1))
    return _core.reshape(func.vmap(rest, in_axes=1, out_axes=1)(columns), values.shape)


def _pattern(size: int) -> Any:
    """Where the elements of five diagonals are, each side after the other."""
    places = [np.arange(size - d) for d in (0, 1, 1, 2, 2)]
    rows = np.concatenate([p + d for p, d in zip(places, (0, 1, 0, 2, 0), strict=True)])
    columns = np.concatenate([p + d for p, d in zip(places, (0, 0, 1, 0, 2), strict=True)])
    sparse = scipy_module(_OP, "sparse")
    return sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))


def _score(pattern: Any) -> Callable[..., Tensor]:
    """The logarithm of the score, of the logarithm of the strength and the data."""

    def score(power: Tensor, x: Tensor, y: Tensor, variances: Tensor) -> Tensor:
        fit = _Reinsch(x, variances)

        def log_det(power: Tensor) -> Tensor:
            own, near, far = fit.bands(_core.exp(power))
            near, far = near[:-1], far[:-2]
            return logdet(pattern, data=_core.concat([own, near, near, far, far]))

        # n - trace(A) is lam trace((R + lam K)^-1 K)
        _, free = func.jvp(log_det, (power,), (_core.ones_like(power),))
        rest = _core.absolute(fit.rest(y, _core.exp(power)))
        return _core.log(_core.sum(rest**2)) - 2 * _core.log(free)

    return score


def _lowest(score: Callable[[Tensor], Tensor], even: Tensor) -> Tensor:
    """The place of the lowest value: by a grid, one around its best, and Newton's steps."""
    at: Array = even.numpy() + np.linspace(_WEAKEST, _STRONGEST, 51)
    scores = func.vmap(score)
    for _ in range(2):
        best = _lowest_inside(scores(_core.asarray(at)).numpy())
        low, high = float(at[max(best - 1, 0)]), float(at[min(best + 1, len(at) - 1)])
        at = np.linspace(low, high, 21)
    place = float(at[10])
    for _ in range(8):
        slope, bend = func.grad(score)(place).item(), func.hessian(score)(place).item()
        step = slope / bend if bend > 0.0 else np.inf
        if not low <= place - step <= high:
            break
        place -= step
        if abs(step) < 1e-9:
            break
    return _core.asarray(place)


def _lowest_inside(heights: Array) -> int:
    """Of the minima between the ends, if there are any: few values are often predicted best by not
    smoothing at all."""
    heights = np.where(np.isfinite(heights), heights, np.inf)
    inside = (heights[1:-1] < heights[:-2]) & (heights[1:-1] <= heights[2:])
    minima = np.flatnonzero(inside) + 1
    return int(minima[np.argmin(heights[minima])] if len(minima) else np.argmin(heights))
