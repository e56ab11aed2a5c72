"""Modified Bessel functions of real order, under the names of :mod:`scipy.special`.

They are integrals over a line through the saddle point of the integrand, which has no sign there
that could cancel. Gauss and Legendre's rule takes them over the part that counts, which moves with
the arguments but decides nothing: the nodes are constants to the derivatives, those in the order
among them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor
from .._quadrature import gauss_legendre
from ._common import in_double, not_bool

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core import TensorLike

__all__: list[str] = []

_NODES = 96
# Of the integrand, exp(-_DEPTH) of its largest value counts no more.
_DEPTH = 40.0
_HALVINGS = 12
# Of power series up to 1
_TERMS = 11
# cosh(_STEEP) is exp(_STEEP) / 2 to all digits.
_STEEP = 20.0
# Derivatives at 0 are those here.
_TINY = 1e-100


def _integral(f: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Of f, elementwise in a last axis, between two constants."""
    nodes, weights = gauss_legendre(_NODES, low.device)
    low, length = low[..., None], (high - low)[..., None]
    return _core.sum(f(low + length * nodes) * (length * weights), axis=-1)


def _operands(name: str, v: Any, x: Any) -> tuple[Tensor, Tensor, Any]:
    op = f"special.{name}"
    for given in (v, x):
        not_bool(op, given)
    (order, at), dtype = in_double(op, v, x)
    return order, at, dtype


def _far(falls: Callable[[Tensor], Tensor], bound: Tensor) -> Tensor:
    """How far from 0 to the bound a function falls by _DEPTH."""
    near, far = _core.zeros_like(bound), bound
    for _ in range(_HALVINGS):
        middle = 0.5 * (near + far)
        within = falls(middle) < _DEPTH
        near, far = _core.where(within, middle, near), _core.where(within, far, middle)
    return far


def _sin_pi(v: Tensor) -> Tensor:
    whole = _core.round(v.detach())
    sign = 1.0 - 2.0 * _core.remainder(whole, 2.0)
    return sign * _core.sin(math.pi * (v - whole))


def _flat_end(x: Tensor) -> Tensor:
    """Up to there exp(-x cosh(t)) is 1 to all digits."""
    return _core.maximum(math.log(2e-17) - _core.log(x), 0.0)


def _asinh_of_ratio(y: Tensor, x: Tensor) -> Tensor:
    """asinh(y / x) for y >= 0 and x > 0, where the quotient may overflow."""
    ratio = y / x
    far = ratio > 1e100
    return _core.where(far, _core.log(2.0 * y) - _core.log(x), _core.asinh(ratio))


def _sinh_ratio(y: Tensor) -> Tensor:
    """sinh(y) / y for y >= 0, whose derivatives at 0 would be differences."""
    near = y < 0.3
    square, series = _core.square(_core.where(near, y, 0.0)), _core.ones_like(y)
    for k in reversed(range(1, _TERMS)):
        series = 1.0 + series * square / float(2 * k * (2 * k + 1))
    outer = _core.where(near, 1.0, y)
    return _core.where(near, series, _core.exp(outer) * _core.special_exprel(-2.0 * outer))


def _second_kind(v: Tensor, x: Tensor) -> Tensor:
    """exp(x) K_v(x) for v >= 0 and x > 0: DLMF 10.32.9."""
    order, at = v.detach(), x.detach()
    peak, size = _asinh_of_ratio(order, at), _core.hypot(order, at)
    flat = _flat_end(at)

    def falls(s: Tensor) -> Tensor:
        # Of factors, as the sine of s could overflow
        half = _core.sinh(0.5 * s)
        return 2.0 * (size * half) * half + (2.0 * (order * half) * _core.cosh(0.5 * s) - order * s)

    above = _far(falls, 2.0 * _core.asinh(math.sqrt(0.5 * _DEPTH) / _core.sqrt(size)))
    below = _far(lambda s: falls(-s), _core.maximum(peak - flat, 0.0))
    low = _core.maximum(peak - below, flat)
    v_, x_ = v[..., None], x[..., None]

    def integrand(t: Tensor) -> Tensor:
        half = _core.sinh(0.5 * t)
        lift, fall = v_ * t, 2.0 * (x_ * half) * half
        steep = lift > _STEEP
        inner = _core.cosh(_core.where(steep, 0.0, lift)) * _core.exp(-fall)
        return _core.where(steep, 0.5 * _core.exp(lift - fall), inner)

    # What the nodes leave out below
    before = flat * _sinh_ratio(v * flat)
    return before + _integral(integrand, low, _core.maximum(peak + above, low))


def _first_kind(v: Tensor, x: Tensor) -> Tensor:
    """exp(-x) I_v(x) for v >= 0 and x > 0: DLMF 10.32.4, moved to the saddle point."""
    order, at = v.detach(), x.detach()
    saddle, size = _core.asinh(order / at), _core.hypot(order, at)
    v_, x_, start = v[..., None], x[..., None], saddle[..., None]

    def across(angle: Tensor) -> Tensor:
        lift = _core.sinh(0.5 * start) ** 2 - _core.cosh(start) * _core.sin(0.5 * angle) ** 2
        phase = x_ * _core.sinh(start) * _core.sin(angle) - v_ * angle
        return _core.exp(2.0 * x_ * lift - v_ * start) * _core.cos(phase)

    widest = _core.asin(_core.minimum(_core.sqrt(0.5 * _DEPTH / size), 1.0))
    first = _integral(across, _core.zeros_like(at), 2.0 * widest)

    def along(t: Tensor) -> Tensor:
        return _core.exp(-x_ * (_core.cosh(t) + 1.0) - v_ * t)

    flat = _core.maximum(_flat_end(at), saddle)
    cosh_flat, sinh_flat = _core.cosh(flat), _core.sinh(flat)

    def falls(s: Tensor) -> Tensor:
        rise = 2.0 * cosh_flat * _core.sinh(0.5 * s) ** 2 + sinh_flat * _core.sinh(s)
        return at * rise + order * s

    beyond = flat + _far(falls, 2.0 * _core.asinh(_core.sqrt(0.5 * _DEPTH / (at * cosh_flat))))
    level = flat - saddle
    before = level * _core.exp(-v * saddle - 2.0 * x) * _core.special_exprel(-v * level)
    second = before + _integral(along, flat, beyond)
    return (first - _sin_pi(v) * second) / math.pi


def _by_series(v: Tensor, x: Tensor, sign: float) -> Tensor:
    """The function of the first kind for v >= 0 and x < 1, by its power series (DLMF 10.2.2 and
    10.25.2): close to 0 the derivatives of an integral would be differences."""
    square, value = 0.25 * sign * _core.square(x), _core.ones_like(x)
    for k in reversed(range(1, _TERMS)):
        value = 1.0 + value * square / (float(k) * (v + float(k)))
    return _core.power(0.5 * x, v) * _core.exp(-_core.special_gammaln(v + 1.0)) * value


def _modified(
    name: str,
    v: Any,
    z: Any,
    value: Callable[[Tensor, Tensor, Tensor], Tensor],
    at_zero: Callable[[Tensor], Any],
    at_infinity: float,
) -> Tensor:
    """value(v, |v|, z) where z is positive and finite, and the limits."""
    order, at, dtype = _operands(name, v, z)
    finite = _core.logical_and(_core.isfinite(order), at < math.inf)
    inside = _core.logical_and(finite, at >= 0.0)
    order, x = _core.where(inside, order, 1.0), _core.where(inside, at, 1.0)
    zero = x == 0.0
    size = _core.where(order < 0.0, -order, order)
    found = value(order, size, x + _core.where(zero, _TINY, 0.0))
    known = found.detach()
    exact = found + _core.where(_core.isfinite(known), at_zero(order.detach()) - known, 0.0)
    found = _core.where(zero, exact, found)
    edge = _core.where(_core.logical_and(at == math.inf, _core.isfinite(v)), at_infinity, math.nan)
    return _core.astype(_core.where(inside, found, edge), dtype)


def _first_at_zero(v: Tensor) -> Tensor:
    whole = _core.logical_or(v > 0.0, v == _core.round(v))
    return _core.where(v == 0.0, 1.0, _core.where(whole, 0.0, math.inf))


def _infinite(v: Tensor) -> float:
    return math.inf


def _first_of(order: Tensor, size: Tensor, x: Tensor, scaled: bool) -> Tensor:
    """I_v(x), or exp(-x) times it: DLMF 10.27.2 for negative orders."""
    near = x < 1.0
    inner, outer = _core.where(near, x, 0.5), _core.where(near, 1.0, x)
    series, integral = _by_series(size, inner, 1.0), _first_kind(size, outer)
    if scaled:
        series = _core.exp(-inner) * series
    else:
        integral = _core.exp(outer) * integral
    fall = _core.exp((-2.0 if scaled else -1.0) * x)
    turned = (2.0 / math.pi) * _sin_pi(size) * fall * _second_kind(size, x)
    return _core.where(near, series, integral) + _core.where(order < 0.0, turned, 0.0)


def iv(v: TensorLike, z: TensorLike, /) -> Tensor:
    """The modified Bessel function of the first kind and real order.

    The arguments broadcast. Values are right to thirteen digits, and derivatives of every order
    are exact in both arguments; at z = 0 they are those at 1e-100.
    Each element is the sum over two times 96 nodes, in memory and time. Source: DLMF 10.32.4.

    :param v: tensor, the real order
    :param z: tensor, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> pa.special.iv([0.0, 0.5], 1.0).numpy().round(6)
    array([1.266066, 0.937675])
    """

    def value(order: Tensor, size: Tensor, x: Tensor) -> Tensor:
        return _first_of(order, size, x, False)

    return _modified("iv", v, z, value, _first_at_zero, math.inf)


def ive(v: TensorLike, z: TensorLike, /) -> Tensor:
    """``exp(-z) iv(v, z)``, without overflow; otherwise as :func:`iv`.

    :param v: tensor, the real order
    :param z: tensor, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> round(pa.special.ive(2.0, 1e4).item(), 9)  # the logarithm of iv has its slope in z
    0.003988675
    """

    def value(order: Tensor, size: Tensor, x: Tensor) -> Tensor:
        return _first_of(order, size, x, True)

    return _modified("ive", v, z, value, _first_at_zero, 0.0)


def kv(v: TensorLike, z: TensorLike, /) -> Tensor:
    """The modified Bessel function of the second kind and real order.

    The arguments broadcast. Values are right to thirteen digits, and derivatives of every order
    are exact in both arguments; at z = 0 they are those at 1e-100.
    Each element is the sum over 96 nodes, in memory and time. Source: DLMF 10.32.9.

    :param v: tensor, the real order
    :param z: tensor; infinite where it is 0, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> pa.special.kv(1.5, [1.0, 2.0]).numpy().round(6)
    array([0.922137, 0.179907])
    >>> pa.func.grad(pa.special.kv)(0.0, 1.0).item()  # even in the order
    0.0
    """

    def value(v: Tensor, size: Tensor, x: Tensor) -> Tensor:
        return _core.exp(-x) * _second_kind(size, x)

    return _modified("kv", v, z, value, _infinite, 0.0)


def kve(v: TensorLike, z: TensorLike, /) -> Tensor:
    """``exp(z) kv(v, z)``, without underflow; otherwise as :func:`kv`.

    :param v: tensor, the real order
    :param z: tensor; infinite where it is 0, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> round(pa.special.kve(0.5, 1e4).item(), 9)
    0.012533141
    """
    return _modified("kve", v, z, lambda v, s, x: _second_kind(s, x), _infinite, 0.0)
