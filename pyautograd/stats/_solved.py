"""Families whose quantiles are solved for, and integrals of the normal density that they share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core, special
from .._core import Tensor
from .._quadrature import gauss_legendre
from ..compositions.quantile_functions import Distribution, quantile, root
from ._families import Continuous, Formula

_ROOT_HALF = math.sqrt(0.5)
_ROOT_TAU = math.sqrt(2.0 * math.pi)
_NODES = 96
# Of an integrand, what is exp(-_DEPTH) of its largest value counts no more.
_DEPTH = 40.0
# In a search, how far the variable goes; places are as far as exp and sinh of it.
_WIDEST, _FARTHEST = 745.0, 350.0
_LOST = 1e12


def solved(
    name: str,
    logpdf: Formula,
    *shapes: str,
    start: Formula,
    support: tuple[float, float] = (-np.inf, np.inf),
    valid: Formula | None = None,
    far: Callable[..., tuple[Tensor, Tensor]] | None = None,
    **tails: Any,
) -> Continuous:
    """A family without formulas for quantiles, on the line or the positive numbers.

    They are found by Newton's method in the logarithms of the tails from ``start(z, *shapes)`` on,
    where z is the quantile of the normal distribution. Where ``far``, of the logarithm of the upper
    tail and the shapes, has a formula for them, it returns that first and then the quantile.
    """
    positive = support[0] == 0.0
    place: Callable[[Tensor], Tensor] = _core.exp if positive else _core.sinh
    steepness: Callable[[Tensor], Tensor] = (lambda t: t) if positive else _log_cosh
    back: Callable[[Tensor], Tensor] = _core.log if positive else _core.asinh
    widest = _WIDEST if positive else _FARTHEST

    def solve(wanted: Tensor, upper: Tensor, *shapes: Tensor) -> Tensor:
        target, sign = _core.log(wanted), _core.where(upper, -1.0, 1.0)

        def gap(t: Tensor) -> tuple[Tensor, Tensor]:
            x = place(t)
            above, below = family._logsf(x, *shapes), family._logcdf(x, *shapes)
            tail = _core.where(upper, above, below)
            exponent = family._logpdf(x, *shapes) + steepness(t) - tail
            # A difference of two such numbers says nothing: bisection goes on from there.
            exponent = _core.where(_core.absolute(tail) < _LOST, exponent, np.nan)
            return sign * (tail - target), _core.exp(exponent)

        guess = back(start(sign * special.ndtri(wanted), *shapes))
        t, step = root(gap, _core.clip(guess, -widest, widest), widest)
        return place(t - step)

    distribution = Distribution(
        tails["cdf"],
        tails["sf"],
        lambda x, *shapes: _core.exp(logpdf(x, *shapes)),
        solve,
        support,
        valid,
    )

    def inverse(complement: bool, q: Tensor, *shapes: Tensor) -> Tensor:
        solution = quantile(f"stats.{name}", distribution, complement, q, *shapes)
        if far is None:
            return solution
        known, place = far(_core.log(q) if complement else _core.log1p(-q), *shapes)
        return _core.where(known, place, solution)

    family = Continuous(
        name,
        logpdf,
        *shapes,
        ppf=lambda q, *shapes: inverse(False, q, *shapes),
        isf=lambda q, *shapes: inverse(True, q, *shapes),
        support=support,
        valid=valid,
        **tails,
    )
    return family


def _log_cosh(t: Tensor) -> Tensor:
    size = _core.absolute(t)
    return size + _core.log1p(_core.exp(-2.0 * size)) - math.log(2.0)


def mills(x: Tensor) -> Tensor:
    """The tail of the normal distribution above x over the density there."""
    return _ROOT_TAU * 0.5 * special.erfcx(x * _ROOT_HALF)


def log_lost_tail(a: Tensor, rate: Tensor) -> Tensor:
    """The logarithm of the integral over t > 0 of the normal density at a + t times
    ``1 - exp(-rate t)``: what an exponential factor takes from a tail, for rate > 0."""
    a, rate = _core.broadcast_arrays([a, rate])
    right = a > 0.0
    quick = rate > 2.0 * _core.absolute(a) + 2.0
    # Of both integrals, where their difference is no small one
    ahead = _core.where(right, 0.5 * special.erfcx(_core.where(right, a, 0.0) * _ROOT_HALF), 0.0)
    ahead = ahead + _core.where(right, 0.0, special.ndtr(-_core.where(right, 0.0, a)))
    behind = mills(_core.where(quick, a + rate, 1.0)) / _ROOT_TAU
    behind = behind * _core.exp(-0.5 * _core.square(_core.where(right, 0.0, a)))
    apart = _core.where(quick, ahead - behind, 1.0)
    joined = _lost_tail(_core.where(quick, 0.0, a), _core.where(quick, 1.0, rate))
    fall = 0.5 * _core.square(_core.where(right, a, 0.0))
    return _core.log(_core.where(quick, apart, joined)) - fall


def _lost_tail(a: Tensor, rate: Tensor) -> Tensor:
    """That integral over the density at max(a, 0), by quadrature where it counts."""
    known = a.detach()
    size = _core.maximum(known, 0.0)
    depth = math.sqrt(2.0 * _DEPTH)
    # Far below the mode t is large and t + a is not: nodes are places of the latter.
    far = known < -depth
    low = _core.where(far, 0.0, _core.maximum(-known - depth, 0.0))
    reach = 2.0 * _DEPTH / (size + _core.sqrt(_core.square(size) + 2.0 * _DEPTH))
    high = _core.where(known > 0.0, reach, depth - known)
    length = _core.where(far, 2.0 * depth, high - low)
    nodes, weights = (_core.astype(part, a.dtype) for part in gauss_legendre(_NODES, a.device))
    far, at, step = far[..., None], a[..., None], length[..., None] * nodes
    beside = low[..., None] + step
    place = _core.where(far, step - depth, beside + at)
    t = _core.where(far, place - at, beside)
    ahead = _core.maximum(at, 0.0)
    fall = _core.where(at > 0.0, beside * (ahead + 0.5 * beside), 0.5 * _core.square(place))
    part = _core.exp(-fall) * -_core.expm1(-rate[..., None] * t)
    return length * _core.sum(part * weights, axis=-1) / _ROOT_TAU


def nearer(log_part: Tensor, log_rest: Tensor) -> Tensor:
    """The logarithm of a probability from that and the logarithm of the rest, whichever is
    smaller, so that derivatives near 1 are those of what is left."""
    near = log_rest < -math.log(2.0)
    return _core.where(near, _core.log1p(-_core.exp(_core.where(near, log_rest, -1.0))), log_part)


def from_log_tails(tails: Callable[..., tuple[Tensor, Tensor]]) -> dict[str, Any]:
    """The four distribution functions from the logarithms of the lower and the upper tail."""
    return {
        "cdf": lambda *args: _core.exp(tails(*args)[0]),
        "sf": lambda *args: _core.exp(tails(*args)[1]),
        "logcdf": lambda *args: tails(*args)[0],
        "logsf": lambda *args: tails(*args)[1],
    }
