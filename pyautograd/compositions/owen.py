"""Owen's T function, under its name in :mod:`scipy.special`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import _core
from .._core import Tensor
from .._quadrature import gauss_legendre
from ._closed import closed
from ._common import in_double

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

_TAU = 2.0 * math.pi
_ROOT_HALF = math.sqrt(0.5)
_NODES, _PANELS = 48, 3
# An integrand counts no more where it has fallen by exp(-_DEPTH).
_DEPTH = 40.0
# From there on the function underflows.
_GONE = 40.0


def owens_t(h: TensorLike, a: TensorLike, /) -> Tensor:
    """Owen's T function: the probability of X > h and 0 < Y < a X for independent standard normal
    X and Y.

    Differentiable in both arguments, which broadcast, to every order; even in h, odd in a. Values
    are right to thirteen digits.

    :param h: tensor, real
    :param a: tensor, real
    :raises TypeError: if an argument is complex

    Source: D. B. Owen, Tables for computing bivariate normal probabilities (1956).

    >>> pa.special.owens_t(0.0, [1.0, -1.0]).numpy().round(6)
    array([ 0.125, -0.125])
    >>> round(pa.func.grad(pa.special.owens_t, argnums=1)(1.0, 0.0).item(), 6)
    0.096532
    """
    (h, a), dtype = in_double("special.owens_t", h, a)
    return _core.astype(closed(_value, (_by_height, _by_slope), h, a), dtype)


def _value(h: Tensor, a: Tensor) -> Tensor:
    gone = _core.absolute(h) > _GONE
    height, slope = _core.where(gone, 1.0, _core.absolute(h)), _core.absolute(a)
    steep = slope > 1.0
    flat = _below(height, _core.where(steep, 0.0, slope))
    rest = 0.5 * _core.special_ndtr(-height) - above(height, _core.where(steep, slope, 1.0))
    size = _core.where(gone, 0.0, _core.where(steep, rest, flat))
    lost = _core.logical_or(_core.isnan(h), _core.isnan(a))
    return _core.where(lost, math.nan, _core.where(a < 0.0, -size, size))


def _below(h: Tensor, a: Tensor) -> Tensor:
    """T by its integral over the slopes, for 0 <= a <= 1."""
    end = _core.minimum(a, math.sqrt(2.0 * _DEPTH) / h)
    nodes, weights = gauss_legendre(_NODES, h.device)
    square = _core.square(end[..., None] * nodes)
    part = _core.exp(-0.5 * _core.square(h)[..., None] * square) / (1.0 + square)
    part = _core.sum(part * weights, axis=-1) * end
    return _core.exp(-0.5 * _core.square(h)) * part / _TAU


def _by_height(h: Tensor, a: Tensor) -> Tensor:
    density = _core.exp(-0.5 * _core.square(h)) / math.sqrt(_TAU)
    return -0.5 * density * _core.erf(_product(h, a) * _ROOT_HALF)


def _by_slope(h: Tensor, a: Tensor) -> Tensor:
    far = _core.isinf(a)
    a = _core.where(far, 0.0, a)
    exponent = _core.square(h) + _core.square(h * a)
    slope = _core.exp(-0.5 * exponent) / (_TAU * (1.0 + _core.square(a)))
    return _core.where(far, 0.0, slope)


def _product(h: Tensor, a: Tensor) -> Tensor:
    """h a, with 0 for 0 times infinity."""
    return h * _core.where(_core.logical_and(h == 0.0, _core.isinf(a)), 0.0, a)


def beyond(h: Tensor, a: Tensor) -> Tensor:
    """``above(h, a)``, with its derivatives."""
    return closed(above, (_beyond_by_height, lambda h, a: -_by_slope(h, a)), h, a)


def _beyond_by_height(h: Tensor, a: Tensor) -> Tensor:
    density = _core.exp(-0.5 * _core.square(h)) / math.sqrt(_TAU)
    return -density * _core.special_ndtr(-_product(h, a))


def above(h: Tensor, a: Tensor) -> Tensor:
    """What T(h, a) leaves to T(h, inf), for h >= 0 and a >= 0."""
    finite = a < math.inf
    slope = _core.where(finite, a, 1.0)
    size = _core.square(h) + _core.square(h * slope)
    value = _core.exp(-0.5 * size) * above_scaled(h, slope) / _TAU
    return _core.where(finite, value, _core.where(_core.isnan(a), a, 0.0))


def above_scaled(h: Tensor, a: Tensor) -> Tensor:
    """``above(h, a)`` times 2 pi exp(h**2 (1 + a**2) / 2), by an integral over the logarithm of the
    slopes y > a: of exp(-h**2 (y**2 - a**2) / 2) / (1 + y**2), where y = sinh(asinh(a) + s)."""
    length = _length(h.detach(), a.detach())
    start = _core.asinh(a)[..., None]
    nodes, weights = gauss_legendre(_NODES, h.device)
    square, step = 0.5 * _core.square(h)[..., None], length / float(_PANELS)
    total = _core.zeros_like(h)
    for panel in range(_PANELS):
        s = step[..., None] * (nodes + float(panel))
        up = _core.sinh(start + s)
        gap = 2.0 * _core.cosh(start + 0.5 * s) * _core.sinh(0.5 * s)
        part = _core.exp(-square * gap * (up + a[..., None])) / _core.cosh(start + s)
        total = total + step * _core.sum(part * weights, axis=-1)
    return total


def _length(h: Tensor, a: Tensor) -> Tensor:
    """How far the integrand reaches in s, without a difference of two inverse functions."""
    extra = 2.0 * _DEPTH / _core.square(h)
    top = _core.sqrt(_core.square(a) + extra)
    roots = _core.sqrt(1.0 + _core.square(a)), _core.sqrt(1.0 + _core.square(top))
    reach = _core.log1p((extra / (top + a) + extra / (roots[0] + roots[1])) / (a + roots[0]))
    # Also where h is 0 or the square overflows
    return _core.where(reach < _DEPTH, reach, _DEPTH)
