"""Families whose densities have Bessel functions, with tails by integrals of these.

Formulas are of the standard member. Sources: S. O. Rice, Mathematical analysis of random noise
(1945); O. E. Barndorff-Nielsen, Normal inverse Gaussian distributions (1997); parameters are those
of :mod:`scipy.stats`.
"""

from __future__ import annotations

import math

import numpy as np

from .. import _core, special
from .._core import Tensor
from .._quadrature import gauss_legendre
from ._families import Formula
from ._lifetimes import vanishing
from ._solved import from_log_tails, nearer, solved

_LOG_PI = math.log(math.pi)
_NODES = 96
# Of an integrand, what is exp(-_DEPTH) of its largest value counts no more.
_DEPTH = 40.0
_HALVINGS = 20
# A search that ends so close to its bound has not found anything nearer, but for rounding.
_ALL = 1e-6
# No flank is as wide as that: normal ones in units of the deviation, others in the logarithm.
_FARTHEST = 1e3


def _integral(f: Formula, length: Tensor) -> Tensor:
    """Of f, elementwise in a last axis, from 0 to the length."""
    nodes, weights = (
        _core.astype(part, length.dtype) for part in gauss_legendre(_NODES, length.device)
    )
    span = length[..., None]
    return _core.sum(f(span * nodes) * (span * weights), axis=-1)


def _reach(falls: Formula, bound: Tensor) -> Tensor:
    """How far from 0, up to the bound, a function falls by _DEPTH: by halving the logarithm."""
    near, far = _core.log(bound) - 100.0, _core.log(bound)
    for _ in range(_HALVINGS):
        middle = 0.5 * (near + far)
        within = falls(_core.exp(middle)) < _DEPTH
        near, far = _core.where(within, middle, near), _core.where(within, far, middle)
    return _core.minimum(_core.exp(far), bound)


def _tails(
    logpdf: Formula, z: Tensor, mode: Tensor, low: float, shapes: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """The logarithms of both tails of a density that falls on both sides of about the mode."""
    z, mode, *shapes = _core.broadcast_arrays([z, mode, *shapes])
    mode, known = mode.detach(), [s.detach() for s in shapes]
    left = z < mode
    one = _core.ones_like(mode)
    side = _core.where(left, -one, one)
    wide = [s[..., None] for s in shapes]

    def reach(at: Tensor, side: Tensor) -> Tensor:
        top = logpdf(at, *known)
        bound = _core.where(side < 0.0, _core.minimum(at - low, _FARTHEST), _FARTHEST)
        return _reach(lambda s: top - logpdf(at + side * s, *known), bound)

    def over(at: Tensor, side: Tensor, length: Tensor, top: Tensor) -> Tensor:
        return _integral(
            lambda s: _core.exp(
                logpdf(at[..., None] + side[..., None] * s, *wide) - top[..., None]
            ),
            length,
        )

    # From z away from the mode, between them, and beyond the mode
    top, here = logpdf(mode, *known), logpdf(z, *shapes)
    beyond = reach(z.detach(), side)
    ends = _core.logical_and(left, beyond > (1.0 - _ALL) * (z - low).detach())
    own = over(z, side, _core.where(ends, z - low, beyond), here)
    gap, across = _core.where(left, mode - z, z - mode), reach(mode, side)
    between = over(mode, side, _core.where(gap < across, gap, across), top)
    behind = over(mode, -side, reach(mode, -side), top)
    tail = here + _core.log(own)
    rest = nearer(top + _core.log(between + behind), tail)
    rest = _core.where(_core.isnan(z), np.nan, rest)
    return _core.where(left, tail, rest), _core.where(left, rest, tail)


def _envelope(z: Tensor, b: Tensor) -> Tensor:
    # Smooth in b at 0, where the scaled Bessel function has a kink
    x = b * z
    near = x < 1.0
    joined = _core.log(special.i0(_core.where(near, x, 0.0)))
    joined = joined - 0.5 * (_core.square(z) + _core.square(b))
    apart = _core.log(special.i0e(_core.where(near, 1.0, x))) - 0.5 * _core.square(z - b)
    return _core.log(z) + _core.where(near, joined, apart)


def _envelope_tails(z: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    mode = 0.5 * (b + _core.sqrt(_core.square(b) + 4.0))
    return _tails(_envelope, z, mode, 0.0, [b])


rice = solved(
    "rice",
    vanishing(_envelope),
    "b",
    **from_log_tails(_envelope_tails),
    start=lambda z, b: _core.maximum(_core.sqrt(1.5 + _core.square(b)) + z, 0.3),
    support=(0.0, np.inf),
    valid=lambda b: _core.logical_and(b >= 0.0, b < np.inf),
)


def _rate(a: Tensor, b: Tensor) -> Tensor:
    return _core.sqrt((a - b) * (a + b))


def _inverse_gaussian_mixture(u: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The density of asinh(z)."""
    rate = _rate(a, b)
    fall = _core.square(_core.sinh(0.5 * (u - _core.asinh(b / rate))))
    kernel = _core.log(special.k1e(a * _core.cosh(u)))
    return _core.log(a) - _LOG_PI + kernel - 2.0 * rate * fall


def _mixture(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    u = _core.asinh(z)
    return _inverse_gaussian_mixture(u, a, b) - _core.log(_core.cosh(u))


def _mixture_tails(z: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    rate = _rate(a, b).detach()
    skew = _core.asinh(b.detach() / rate)
    # About where the density is largest, between 0 and the skewness
    near, far = _core.zeros_like(skew), _core.ones_like(skew)
    for _ in range(2 * _HALVINGS):
        middle = 0.5 * (near + far)
        at = _core.absolute(skew) * middle
        falls = 0.75 * _core.tanh(at) > rate * _core.sinh(_core.absolute(skew) - at)
        near, far = _core.where(falls, near, middle), _core.where(falls, middle, far)
    return _tails(_inverse_gaussian_mixture, _core.asinh(z), skew * near, -np.inf, [a, b])


norminvgauss = solved(
    "norminvgauss",
    vanishing(_mixture),
    *("a", "b"),
    **from_log_tails(_mixture_tails),
    start=lambda z, a, b: b / _rate(a, b) + z,
    valid=lambda a, b: _core.logical_and(a < np.inf, _core.absolute(b) < a),
)
