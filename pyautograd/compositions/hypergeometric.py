"""Hypergeometric functions of real arguments, under the names of :mod:`scipy.special`.

Euler's and Laplace's integrals (DLMF 13.4.1, 13.4.4 and 15.6.1) are taken over the logarithm of
u = (1 - t) / t, or of t itself: in between by Gauss and Legendre's rule, at both ends, where the
integrand is a power times a series, term by term. So they hold for parameters from 0 on, and in the
parameters and the argument the nodes are constants: derivatives of every order are exact. What
they do not reach is summed as a power series, if that converges and does not cancel, and is nan
otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._quadrature import gauss_legendre
from ..function import Function
from ._common import all_of, in_double, mapped_in_front, nowhere
from .bessel import _DEPTH, ive
from .bessel_oscillating import jv
from .gamma_functions import _whole, gammasgn, rgamma

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core import TensorLike

__all__: list[str] = []

# Of the integrals: terms of the series at the ends, which reach up to this part of their radii
_ENDS, _PART = 14, 0.05
_NODES, _PANELS, _LOOKS = 96, 2, 96
# Of power series: so many terms, and how much of the larger one of the value and 1 may be lost
_TERMS, _LOST, _LAST = 256, 1e-11, 1e-17
# Of the asymptotic one of Kummer's function, from there on
_FEW, _FAR = 48, 60.0


def _steps(count: int, like: Tensor) -> Tensor:
    return _core.tensor(np.arange(float(count)), device=like.device)


def _between(f: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """The integral of exp(f), elementwise in a last axis, where it is not negligible."""
    share = _steps(_LOOKS + 1, low) / float(_LOOKS)
    places = low[..., None] + (high - low)[..., None] * share
    height = f(places).detach()
    counts = height >= _core.max(height, axis=-1, keepdims=True) - _DEPTH
    step = (high - low) / float(_LOOKS)
    first = _core.min(_core.where(counts, places, high[..., None]), axis=-1) - step
    last = _core.max(_core.where(counts, places, low[..., None]), axis=-1) + step
    first, last = _core.maximum(first, low), _core.minimum(last, high)
    nodes, weights = gauss_legendre(_NODES, low.device)
    width = ((last - first) / float(_PANELS))[..., None]
    total = _core.zeros_like(low)
    for panel in range(_PANELS):
        at = first[..., None] + width * (nodes + float(panel))
        total = total + _core.sum(_core.exp(f(at)) * (width * weights), axis=-1)
    return total


def _end(power: Tensor, terms: list[Tensor]) -> Tensor:
    """``power`` times the integral over u from 0 to 1 of u**(power - 1) times a series."""
    value = terms[0]
    for k, term in enumerate(terms[1:], 1):
        value = value + term * (power / (power + float(k)))
    return value


def _two_powers(first: Tensor, p: Tensor, second: Tensor, q: Tensor) -> list[Tensor]:
    """The terms at 1 of (1 + p u)**first (1 + q u)**second, for small p and q."""
    both, slope, bend = p + q, first * p + second * q, (first + second) * p * q
    before, terms = _core.zeros_like(p), [_core.ones_like(p)]
    for k in range(_ENDS):
        at = (slope - float(k) * both) * terms[-1] + (bend - (k - 1.0) * p * q) * before
        before = terms[-1]
        terms.append(at / (k + 1.0))
    return terms


def _power_and_wave(b: Tensor, x: Tensor, p: Tensor) -> list[Tensor]:
    """The terms at 1 of (1 + p u)**-b exp(-x p u / (1 + p u)), for small p."""
    before, terms = _core.zeros_like(p), [_core.ones_like(p)]
    for k in range(_ENDS):
        at = (b + x + 2.0 * k) * terms[-1] + (b + (k - 1.0)) * p * before
        before = terms[-1]
        terms.append(at * p / -(k + 1.0))
    return terms


def _power_and_fall(c: Tensor, x: Tensor, p: Tensor) -> list[Tensor]:
    """The terms at 1 of (1 + p u)**c exp(-x p u), for small p."""
    before, terms = _core.zeros_like(p), [_core.ones_like(p)]
    for k in range(_ENDS):
        at = (c - x - float(k)) * terms[-1] - x * p * before
        before = terms[-1]
        terms.append(at * p / (k + 1.0))
    return terms


class _NoSlope(Function):
    """``apply(where, x)``, elementwise: 0, whose derivatives are nan where that holds."""

    elementwise = True

    @staticmethod
    def forward(where: Tensor, x: Tensor) -> Tensor:
        return _core.zeros_like(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def _slope(ctx: Any) -> Tensor:
        where, x = ctx.saved_tensors
        further: Tensor = _NoSlope.apply(where, x)
        return _core.where(where, math.nan, 0.0) + further

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return None, grad_outputs[0] * _NoSlope._slope(ctx)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return tangents[1] * _NoSlope._slope(ctx)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _NoSlope.apply(*mapped_in_front(args, in_dims)), 0


def _products(
    numerators: list[Tensor], denominator: Tensor | None, x: Tensor, count: int = _TERMS
) -> Tensor:
    """The sum of the products of x times shifted numerators over the shifted denominator and k!;
    nan where digits are lost or terms are left."""
    k = _steps(count, x)
    tops = [top[..., None] + k for top in numerators]
    bottom = k + 1.0 if denominator is None else denominator[..., None] + k
    # Where a numerator is zero before
    closed = bottom.detach() == 0.0
    bottom = _core.where(closed, 1.0, bottom)
    ratio = x[..., None] / (bottom if denominator is None else (k + 1.0) * bottom)
    sizes = _core.absolute(ratio.detach())
    ends = []
    for top in tops:
        known = top.detach()
        ratio, sizes = ratio * top, sizes * _core.where(known == 0.0, 1.0, _core.absolute(known))
        ends.append(_core.any(known == 0.0, axis=-1))
    terms = _core.cumulative_prod(ratio, axis=-1)
    value = 1.0 + _core.sum(terms, axis=-1)
    known, parts = value.detach(), _core.absolute(terms.detach())
    scale = _core.maximum(_core.absolute(known), 1.0)
    kept = np.finfo(np.float64).eps * _core.sum(parts, axis=-1) <= _LOST * scale
    # As a factor: derivatives are nan, too.
    value = value * _core.where(all_of(kept, parts[..., -1] <= _LAST * scale), 1.0, math.nan)
    # The series of a polynomial ends, but not those of its derivatives in the parameters.
    open_end = _core.logical_not(_core.prod(sizes, axis=-1) <= _LAST * scale)
    open_end = _core.logical_or(open_end, _core.any(closed, axis=-1))
    for top, end in zip(numerators, ends, strict=True):
        value = value * (1.0 + _NoSlope.apply(_core.logical_and(open_end, end), top))
        # Those in another parameter end with it.
        open_end = _core.logical_and(open_end, _core.logical_not(end))
    return value


def _ends(a: Tensor) -> Tensor:
    """Whether the series with that numerator is a polynomial."""
    return all_of(a <= 0.0, _whole(a))


def _open(denominator: Tensor, *numerators: Tensor) -> Tensor:
    """The denominator, or nan where it has a zero before every numerator."""
    closed = _ends(denominator)
    for a in numerators:
        closed = all_of(closed, _core.logical_not(all_of(_ends(a), a >= denominator)))
    return _core.where(closed, math.nan, denominator)


def _first_integral(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """exp(-x) M(a, b, x) for 0 <= a <= b and x >= 0."""
    p, q = b - a, a
    size = 1.0 + b.detach() + x.detach()
    part = _PART / size
    low, high = _core.log(part), -_core.log(part)
    scale = _core.special_betaln(1.0 + p, 1.0 + q)
    p_, q_, b_, x_, scale_ = (v[..., None] for v in (p, q, b, x, scale))

    def logarithm(s: Tensor) -> Tensor:
        u = _core.exp(s)
        return p_ * s - b_ * _core.log1p(u) - x_ * (u / (1.0 + u)) - scale_

    near = q * _core.exp(p * low - scale) * _end(p, _power_and_wave(b, x, part))
    far = p * _core.exp(-q * high - x - scale) * _end(q, _power_and_wave(b, -x, part))
    return (p * q * _between(logarithm, low, high) + near + far) / (b * (b + 1.0))


def hyp1f1(a: TensorLike, b: TensorLike, x: TensorLike, /) -> Tensor:
    """Kummer's confluent hypergeometric function M(a, b, x).

    Differentiable in all arguments, which broadcast, to every order. Where 0 <= a <= b values are
    right to twelve digits for every x up to 1e8 in size. For other parameters the power series has
    256 terms, after Kummer's transformation where x is negative, and where x is beyond 60 an
    asymptotic series is taken if it converges: the value is nan where neither does, as for
    parameters beyond the root of a large x, or where the power series cancels by more than five
    digits, as for a below about -10; and for b = 0, -1, ... Where a polynomial's series is not one
    for a parameter close to a negative integer, there is no slope in it, that is nan. Each element
    is a sum over some hundred nodes or terms, in memory and time. Source: DLMF 13.2.2, 13.2.39,
    13.4.1 and 13.7.2.

    :param a: tensor, real
    :param b: tensor, real
    :param x: tensor, real
    :raises TypeError: if an argument is complex

    >>> pa.special.hyp1f1(1.0, 2.0, [-1.0, 0.0, 1.0]).numpy().round(6)
    array([0.632121, 1.      , 1.718282])
    """
    (a, b, x), dtype = in_double("special.hyp1f1", a, b, x)
    back = all_of(x < 0.0, _core.logical_not(_ends(b)))
    at = _core.where(back, -x, x)
    first = _core.where(back, b - a, a)
    finite = all_of(_core.isfinite(first), _core.isfinite(b), _core.absolute(x) < 1e8)
    inside = all_of(finite, first >= 0.0, first <= b, b > 0.0, at > _NEAR)
    pair = [_core.where(inside, v, e) for v, e in ((first, 0.5), (b, 1.0), (at, 1.0))]
    integral = _first_integral(*pair)
    outside = all_of(finite, _core.logical_not(inside))
    pair = [_core.where(outside, v, e) for v, e in ((first, 0.5), (b, 1.5), (at, 0.5))]
    series = _products([pair[0]], _open(pair[1], pair[0]), pair[2])
    value = _core.where(outside, series, _core.where(inside, integral, math.nan))

    closed = _core.logical_or(_ends(first), _ends(b))
    far = all_of(outside, at > _FAR, _core.logical_not(closed))
    p, q, r = (_core.where(far, v, e) for v, e in ((first, 0.5), (b, 1.5), (at, 100.0)))
    tail = _products([1.0 - p, q - p], None, 1.0 / r, _FEW)
    tail = tail * (rgamma(p) / rgamma(q)) * _core.exp((p - q) * _core.log(r))
    far = all_of(far, _core.isfinite(tail.detach()))
    value = _core.where(far, tail, value)
    # The integral and the asymptotic series are scaled.
    grown, fallen = _core.where(back, 0.0, x), _core.where(back, x, 0.0)
    rest = _core.where(_core.logical_or(inside, far), grown, fallen)
    return _core.astype(value * _core.exp(rest), dtype)


def hyp0f1(v: TensorLike, x: TensorLike, /) -> Tensor:
    """The confluent hypergeometric limit function 0F1(; v; x).

    Differentiable in both arguments, which broadcast, to every order: near 0 by the power series,
    elsewhere by Bessel functions, and as right as these. Where v is one of 0, -1, ... it is nan,
    and where the Bessel functions under- or overflow, as for large v and x far beyond v.
    Source: DLMF 16.2.1, 10.16.9 and 10.39.9.

    :param v: tensor, real
    :param x: tensor, real
    :raises TypeError: if an argument is complex

    >>> round(pa.special.hyp0f1(0.5, -1.0).item(), 6)  # cos(2)
    -0.416147
    """
    (v, x), dtype = in_double("special.hyp0f1", v, x)
    poles = all_of(v <= 0.0, _whole(v))
    valid = all_of(_core.isfinite(v), _core.isfinite(x), _core.logical_not(poles))
    v, x = _core.where(valid, v, 1.0), _core.where(valid, x, 0.0)
    up = x <= _core.maximum(v, 25.0)
    near = all_of(up, x >= _core.where(v > 0.0, -_core.maximum(3.0 * v, 1.0), -1.0))
    series = _products([], v, _core.where(near, x, 0.0))
    right, left = x > 25.0, x < -1.0
    right, left = all_of(right, _core.logical_not(near)), all_of(left, _core.logical_not(near))
    values = []
    for inside, sign, function in ((right, 1.0, ive), (left, -1.0, jv)):
        order, root = _core.where(inside, v, 1.0), _core.sqrt(_core.where(inside, sign * x, 1.0))
        size = _core.special_gammaln(order) + (1.0 - order) * _core.log(root)
        size = size + (2.0 * root if function is ive else 0.0)
        factor = gammasgn(order) * _core.exp(size)
        values.append(factor * function(order - 1.0, 2.0 * root))
    value = _core.where(near, series, _core.where(right, *values))
    return _core.astype(_core.where(valid, value, math.nan), dtype)


def _second_integral(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """U(a, b, x) for a >= 0 and x > 0."""
    c = b - a - 1.0
    top = a.detach() + _core.absolute(c.detach())
    part = _PART / (1.0 + x.detach() + _core.absolute(c.detach()))
    low, high = _core.log(part), _core.log((100.0 + 10.0 * top) / x.detach())
    high = _core.maximum(high, low)
    scale = _core.special_gammaln(1.0 + a)
    a_, c_, x_, scale_ = (v[..., None] for v in (a, c, x, scale))

    def logarithm(s: Tensor) -> Tensor:
        u = _core.exp(s)
        return a_ * s + c_ * _core.log1p(u) - x_ * u - scale_

    near = _core.exp(a * low - scale) * _end(a, _power_and_fall(c, x, part))
    return a * _between(logarithm, low, high) + near


# Up to there the series of Kummer's function has enough terms, and no cancellation where both
# parameters are positive.
_NEAR = 30.0
# How far hyperu goes to negative parameters
_DOWN = 40


def hyperu(a: TensorLike, b: TensorLike, x: TensorLike, /) -> Tensor:
    """Tricomi's confluent hypergeometric function U(a, b, x).

    Differentiable in all arguments, which broadcast, to every order. Values are right to twelve
    digits for x from 1e-10 to 1e10 where a >= 0; down to a = -40 by the recurrence in a, to as many
    of the largest of three neighbours. Beyond, and where x is not positive, it is nan. Each element
    is a sum over some hundred nodes, in memory and time. Source: DLMF 13.4.4 and 13.3.7.

    :param a: tensor, real
    :param b: tensor, real
    :param x: tensor, real
    :raises TypeError: if an argument is complex

    >>> pa.special.hyperu([0.0, 1.0, -1.0], 2.0, 4.0).numpy().round(6)
    array([1.  , 0.25, 2.  ])
    """
    (a, b, x), dtype = in_double("special.hyperu", a, b, x)
    valid = all_of(a >= -_DOWN, a < 1e8, _core.absolute(b) < 1e8, x >= 1e-10, x <= 1e10)
    a, b, x = (_core.where(valid, v, e) for v, e in ((a, 1.0), (b, 1.0), (x, 1.0)))
    below = _core.maximum(_core.ceil(-a.detach()), 0.0)
    start = a + below
    value, above = _second_integral(start, b, x), _second_integral(start + 1.0, b, x)
    if not nowhere(below > 0.0):
        for k in range(_DOWN):
            at = start - float(k)
            # U(at - 1) from U(at) and U(at + 1)
            under = (x - b + 2.0 * at) * value - at * (at - b + 1.0) * above
            wanted = below > float(k)
            value, above = _core.where(wanted, under, value), _core.where(wanted, value, above)
    return _core.astype(_core.where(valid, value, math.nan), dtype)


def _euler_integral(a: Tensor, b: Tensor, c: Tensor, z: Tensor) -> Tensor:
    """F(a, b; c; 1 - z) for 0 <= b <= c and z > 0."""
    p, q = c - b, b
    known = z.detach()
    size = 1.0 + _core.absolute(a.detach()) + c.detach()
    small = _PART * _core.minimum(known, 1.0) / size
    large = _PART / (_core.maximum(known, 1.0) * size)
    low, high = _core.log(small), -_core.log(large)
    scale = _core.special_betaln(1.0 + p, 1.0 + q)
    a_, p_, c_, z_, scale_ = (v[..., None] for v in (a, p, c, z, scale))

    def logarithm(s: Tensor) -> Tensor:
        u = _core.exp(s)
        return p_ * s + (a_ - c_) * _core.log1p(u) - a_ * _core.log(z_ + u) - scale_

    near = _core.exp(p * low - a * _core.log(z) - scale)
    near = q * near * _end(p, _two_powers(a - c, small, -a, small / z))
    far = p * _core.exp(-q * high - scale)
    far = far * _end(q, _two_powers(a - c, large, -a, large * z))
    return (p * q * _between(logarithm, low, high) + near + far) / (c * (c + 1.0))


def hyp2f1(a: TensorLike, b: TensorLike, c: TensorLike, z: TensorLike, /) -> Tensor:
    """Gauss's hypergeometric function F(a, b; c; z).

    Differentiable in all arguments, which broadcast, to every order. Where 0 <= a <= c or
    0 <= b <= c values are right to twelve digits for z from -1e10 to 1 - 1e-10. For other
    parameters the power series has 256 terms, after Pfaff's transformation where z is negative: the
    value is nan where it does not converge, as for z beyond 0.85 and below -5, but of polynomials,
    or cancels by more than five digits; and for c = 0, -1, ... Where a polynomial's series is not
    one for a parameter close to a negative integer, there is no slope in it, that is nan. At z = 1
    it is Gauss's sum, or infinite, with slopes of nan in z. Each element is a sum over some hundred
    nodes or terms, in memory and time. Source: DLMF 15.2.1, 15.4.20, 15.6.1 and 15.8.1.

    :param a: tensor, real
    :param b: tensor, real
    :param c: tensor, real
    :param z: tensor, real; nan beyond 1, but for polynomials
    :raises TypeError: if an argument is complex

    >>> pa.special.hyp2f1(1.0, 1.0, 2.0, [-1.0, 0.5]).numpy().round(6)  # -log(1 - z) / z
    array([0.693147, 1.386294])
    """
    (a, b, c, x), dtype = in_double("special.hyp2f1", a, b, c, z)
    swap = _core.logical_not(all_of(b >= 0.0, b <= c))
    a, b = _core.where(swap, b, a), _core.where(swap, a, b)
    finite = all_of(*[_core.isfinite(v) for v in (a, b, c, x)])
    rest = 1.0 - x
    one = all_of(x == 1.0, _core.logical_not(_core.logical_or(_ends(a), _ends(b))))

    summable = all_of(finite, _core.logical_not(one))
    safe = ((a, 1.0), (b, 0.5), (c, 1.5), (x, 0.25))
    a_, b_, c_, x_ = (_core.where(summable, v, e) for v, e in safe)
    left = all_of(x_ < -0.25, _core.logical_not(_ends(c_)))
    # That parameter stays which is a negative integer.
    turn = _ends(b_)
    kept, other = _core.where(turn, b_, a_), _core.where(turn, a_, b_)
    above = _core.where(left, 1.0 - x_, 1.0)
    at = _core.where(left, x_ / -above, x_)
    at = _core.where(all_of(at > 1.0, _core.logical_not(_ends(kept))), math.nan, at)
    others = _core.where(left, c_ - other, other)
    series = _products([kept, others], _open(c_, kept, others), at)
    series = series * _core.exp(-kept * _core.log(above))

    inside = all_of(b >= 0.0, b <= c, c > 0.0, rest >= 1e-10, rest <= 1e10, finite)
    slow = _core.logical_or(at.detach() > 0.8, _core.isnan(series.detach()))
    inside = all_of(inside, slow)
    given = [_core.where(inside, v, e) for v, e in ((a, 1.0), (b, 0.5), (c, 1.0), (rest, 1.0))]
    integral = _euler_integral(*given)

    summed = all_of(finite, one, c - a - b > 0.0)
    a_, b_, c_ = (_core.where(summed, v, e) for v, e in ((a, 0.5), (b, 0.5), (c, 1.5)))
    gauss = rgamma(c_ - a_) * rgamma(c_ - b_) / (rgamma(c_) * rgamma(c_ - a_ - b_))
    value = gauss * (1.0 + _NoSlope.apply(one, x))
    grows = [rgamma(_core.where(one, v.detach(), 1.0)) for v in (a, b, c)]
    edge = _core.where(one, _core.sign(grows[0] * grows[1] * grows[2]) * math.inf, math.nan)
    value = _core.where(summed, value, edge)
    value = _core.where(summable, _core.where(inside, integral, series), value)
    return _core.astype(value, dtype)
