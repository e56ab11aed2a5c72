"""Bessel functions of real order, under the names of :mod:`scipy.special`.

With E(t) = x sinh(t) - v t, the integral of exp(E) over a path from minus infinity to infinity +
pi i is pi i (J + i Y), and that over a path that comes from infinity - pi i twice pi i J (DLMF
10.9.17 and 10.9.18). Paths are legs of straight lines from the saddle point on, along which the
integrand falls, so that nothing cancels: also where the two saddle points meet, at x = v. As in
:mod:`~pyautograd.compositions.bessel`, the nodes are constants to the derivatives; in E, which is
linear in v and x, only the value is computed with care.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .. import _core
from .._core import Tensor
from .._fused import fused
from .._quadrature import gauss_legendre
from .bessel import (
    _DEPTH,
    _NODES,
    _asinh_of_ratio,
    _by_series,
    _far,
    _flat_end,
    _modified,
    _sin_pi,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core import TensorLike

__all__: list[str] = []

# Directions in which the integrand falls from the saddle point, be it of second or third order
_UP, _DOWN = 0.375 * math.pi, 0.125 * math.pi
# Of power series, for arguments up to 1
_TERMS = 10


class _Saddle(NamedTuple):
    """Order and argument, constants, and what belongs to the saddle point a + i b above them."""

    v: Tensor
    x: Tensor
    a: Tensor
    b: Tensor
    oscillates: Tensor
    # x sinh(a + i b) and E there, both real or both imaginary
    slope: Tensor
    height: Tensor


class _Leg(NamedTuple):
    """Places t = a + i b along a last axis, E there, and the weights times dt."""

    a: Tensor
    b: Tensor
    real: Tensor
    imag: Tensor
    da: Tensor
    db: Tensor


def _saddle(v: Tensor, x: Tensor) -> _Saddle:
    oscillates = v <= x
    root = _core.sqrt(_core.absolute(x - v)) * _core.sqrt(x + v)
    b = _core.where(oscillates, _core.atan2(root, v), 0.0)
    a = _core.where(oscillates, 0.0, _asinh_of_ratio(root, x))
    # sin(b) - b cos(b) and a cosh(a) - sinh(a), by their series where they cancel
    size = a + b
    near = size < 0.5
    square = _core.square(_core.where(near, size, 0.0))
    square = _core.where(oscillates, -square, square)
    series = _core.zeros_like(x)
    for k in reversed(range(1, _TERMS)):
        series = series * square + 2.0 * k / math.factorial(2 * k + 1)
    gap = _core.where(near, x * series * size**3, _core.absolute(v * size - root))
    height = _core.where(oscillates, gap, -gap)
    return _Saddle(v, x, a, b, oscillates, root, height)


def _sinh_less(s: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    """sinh(t) - t at a distance s from 0 in a direction."""
    near = _core.absolute(s) < 1.0
    inner = _core.where(near, s, 0.0)
    square = inner * inner
    real, imag = _core.zeros_like(s), _core.zeros_like(s)
    for k in reversed(range(1, _TERMS)):
        over = 1.0 / math.factorial(2 * k + 1)
        real = real * square + over * math.cos((2 * k + 1) * angle)
        imag = imag * square + over * math.sin((2 * k + 1) * angle)
    cube = square * inner
    p, q = math.cos(angle) * s, math.sin(angle) * s
    far_real = _core.sinh(p) * _core.cos(q) - p
    far_imag = _core.cosh(p) * _core.sin(q) - q
    return _core.where(near, real * cube, far_real), _core.where(near, imag * cube, far_imag)


def _from_saddle(at: _Saddle, s: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    """E at a distance s from the saddle point in a direction, less E there."""
    less_real, less_imag = _sinh_less(s, angle)
    p, q = 0.5 * math.cos(angle) * s, 0.5 * math.sin(angle) * s
    s_real, s_imag = _core.sinh(p) * _core.cos(q), _core.cosh(p) * _core.sin(q)
    real = 2.0 * (s_real * s_real - s_imag * s_imag) * at.slope
    imag = 4.0 * s_real * s_imag * at.slope
    return (
        at.v * less_real + _core.where(at.oscillates, -imag, real),
        at.v * less_imag + _core.where(at.oscillates, real, imag),
    )


def _along(at: _Saddle) -> _Saddle:
    return _Saddle(*(part[..., None] for part in at))


def _slanted(at: _Saddle, angle: float, back: bool, longest: Tensor) -> tuple[_Leg, Tensor]:
    """From the saddle point on in a direction, or towards it from the opposite one; and whether the
    integrand falls before the end."""
    sign = -1.0 if back else 1.0
    end = _far(lambda s: -_from_saddle(at, sign * s, angle)[0], longest)
    nodes, weights = gauss_legendre(_NODES, end.device)
    s = sign * end[..., None] * nodes
    near = _along(at)
    real, imag = _from_saddle(near, s, angle)
    weight = end[..., None] * weights
    leg = _Leg(
        near.a + math.cos(angle) * s,
        near.b + math.sin(angle) * s,
        real + _core.where(near.oscillates, 0.0, near.height),
        imag + _core.where(near.oscillates, near.height, 0.0),
        math.cos(angle) * weight,
        math.sin(angle) * weight,
    )
    return leg, end < longest


def _sums(leg: _Leg, v: Tensor, x: Tensor, at: _Saddle) -> tuple[Tensor, Tensor]:
    """The real and the imaginary part of the integral over a leg."""
    moved_v, moved_x = (v - at.v)[..., None], (x - at.x)[..., None]
    sinh_real = _core.sinh(leg.a) * _core.cos(leg.b)
    sinh_imag = _core.cosh(leg.a) * _core.sin(leg.b)
    size = _core.exp(leg.real + moved_x * sinh_real - moved_v * leg.a)
    phase = leg.imag + moved_x * sinh_imag - moved_v * leg.b
    cosine, sine = size * _core.cos(phase), size * _core.sin(phase)
    real = _core.sum(cosine * leg.da - sine * leg.db, axis=-1)
    return real, _core.sum(sine * leg.da + cosine * leg.db, axis=-1)


def _times_sinh(x: Tensor, u: Tensor) -> Tensor:
    """x sinh(u), which may be moderate where sinh(u) overflows."""
    far = u > 50.0
    half = _core.exp(0.5 * _core.where(far, u, 0.0))
    return _core.where(far, 0.5 * (x * half) * half, x * _core.sinh(_core.where(far, 0.0, u)))


def _straight(
    v: Tensor, x: Tensor, start: Tensor, falls: Callable[[Tensor], Tensor], longest: Tensor
) -> Tensor:
    """The integral of exp(v u - x sinh(u)) from the start on, to where it has fallen from there."""
    flat = _core.maximum(_flat_end(x.detach()), start)
    level = flat - start
    before = level * _core.exp(v * flat) * _core.special_exprel(-v * level)
    before = _core.where(level > 0.0, before, 0.0)
    end = _core.maximum(start + _far(falls, longest), flat)
    return before + _real_part(v, x, flat, end)


def _real_part(v: Tensor, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    nodes, weights = gauss_legendre(_NODES, low.device)
    length = (high - low)[..., None]
    u = low[..., None] + length * nodes
    integrand = _core.exp(v[..., None] * u - _times_sinh(x[..., None], u))
    return _core.sum(integrand * (length * weights), axis=-1)


def _hankel(v: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """J_v(x) and Y_v(x), for v >= 0 and x > 0."""
    with fused():
        return _legs(v, x)


def _legs(v: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    at = _saddle(v.detach(), x.detach())
    longest = (math.pi - at.b) / math.sin(_UP)
    up, fallen = _slanted(at, _UP, False, longest)
    real, imag = _sums(up, v, x, at)
    bound = _asinh_of_ratio(_core.full_like(at.x, 2.0 * _DEPTH), at.x)
    bound = bound + _core.minimum((6.0 * _DEPTH / at.x) ** (1.0 / 3.0), 10.0)

    def rises(start: Tensor, s: Tensor) -> Tensor:
        return _times_sinh(at.x, start + s) - _times_sinh(at.x, start)

    # At height pi, where sinh(t) is negative
    corner = at.a + longest * math.cos(_UP)
    rest = _straight(-v, x, corner, lambda s: at.v * s + rises(corner, s), bound)
    rest = _core.where(fallen, 0.0, rest)
    real = real + _cos_pi(v) * rest
    imag = imag - _sin_pi(v) * rest

    # From minus infinity, at height 0, and in the oscillating case up to the saddle point
    slope = at.b / math.sin(_DOWN)
    down, low = _slanted(at, _DOWN, True, slope)
    down_real, down_imag = _sums(down, v, x, at)
    peak = at.a + slope * math.cos(_DOWN)

    straight = _straight(v, x, peak, lambda s: rises(peak, s) - at.v * s, bound)
    line = _core.where(_core.logical_and(at.oscillates, low), 0.0, straight)
    height = _far(lambda s: at.v * s + rises(at.a, -s), 2.0 * at.a)
    line = line + _core.where(at.oscillates, 0.0, _real_part(v, x, at.a - height, at.a))
    first = imag + _core.where(at.oscillates, down_imag, 0.0)
    second = real + _core.where(at.oscillates, down_real, 0.0) + line
    return first / math.pi, -second / math.pi


def _cos_pi(v: Tensor) -> Tensor:
    return _sin_pi(v + 0.5)


def _times(sine: Tensor, value: Tensor) -> Tensor:
    """Their product; 0 where the sine is and the value has overflowed."""
    none = _core.logical_and(sine == 0.0, _core.isinf(value))
    return sine * _core.where(none, 0.0, value)


def _first(order: Tensor, size: Tensor, x: Tensor) -> Tensor:
    """J_v(x): DLMF 10.2.3 for negative orders."""
    near = x < 1.0
    # The second kind is wanted of negative orders only, and may overflow close to 0.
    j, y = _hankel(size, _core.where(_core.logical_and(near, order >= 0.0), 1.0, x))
    j = _core.where(near, _by_series(size, _core.where(near, x, 0.5), -1.0), j)
    turned = _cos_pi(size) * j - _times(_sin_pi(size), y)
    return _core.where(order < 0.0, turned, j)


def _second(order: Tensor, size: Tensor, x: Tensor) -> Tensor:
    j, y = _hankel(size, x)
    turned = _sin_pi(size) * j + _times(_cos_pi(size), y)
    return _core.where(order < 0.0, turned, y)


def _first_at_zero(v: Tensor) -> Tensor:
    zero = _core.logical_or(v > 0.0, v == _core.round(v))
    sign = 1.0 - 2.0 * _core.remainder(_core.floor(-v), 2.0)
    return _core.where(v == 0.0, 1.0, _core.where(zero, 0.0, sign * math.inf))


def _second_at_zero(v: Tensor) -> Tensor:
    sign = _core.sign(_cos_pi(v))
    half = _core.logical_and(v < 0.0, sign == 0.0)
    infinite = _core.where(_core.logical_and(v < 0.0, sign < 0.0), math.inf, -math.inf)
    return _core.where(half, 0.0, infinite)


def jv(v: TensorLike, z: TensorLike, /) -> Tensor:
    """The Bessel function of the first kind and real order.

    The arguments broadcast. Values are right to thirteen digits of the larger one of both kinds, or
    to 1e-16 z of it where that is more, and where z < abs(v) to thirteen digits of their own.
    Derivatives of every order are exact in both arguments; at z = 0 they are those at 1e-100.
    Each element is a sum over six times 96 nodes, in memory and time. Source: DLMF 10.9.17.

    :param v: tensor, the real order
    :param z: tensor, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> pa.special.jv([0.0, 0.5], 1.0).numpy().round(6)
    array([0.765198, 0.671397])
    >>> slope = pa.func.grad(pa.special.jv)(0.0, 1.0)  # in the order: half pi times y0
    >>> round((slope / pa.special.y0(1.0)).item(), 6)
    1.570796
    """
    return _modified("jv", v, z, _first, _first_at_zero, 0.0)


def yv(v: TensorLike, z: TensorLike, /) -> Tensor:
    """The Bessel function of the second kind and real order; otherwise as :func:`jv`.

    :param v: tensor, the real order
    :param z: tensor; infinite where it is 0, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> pa.special.yv([0.0, 0.5], 1.0).numpy().round(6)
    array([ 0.088257, -0.431099])
    """
    return _modified("yv", v, z, _second, _second_at_zero, 0.0)
