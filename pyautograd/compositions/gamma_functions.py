"""Quotients of gamma functions, under the names of :mod:`scipy.special`.

Every factor is reflected to the right half plane (DLMF 5.5.3), where logarithms of gamma functions
and their differences keep their digits; zeros and poles are those of sines.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from .._core import Tensor
from .._quadrature import gauss_legendre
from ._common import all_of, in_double
from .bessel import _sin_pi

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# From there on gamma(x) overflows, and from a bit before on so does its derivative.
_LARGEST = 171.0
_LARGEST_LOG = math.log(sys.float_info.max)
_NODES = 20
# Whole numbers below it are exact.
_EXACT = 2.0**53


def _first(cases: list[tuple[Tensor, Tensor]], last: Tensor) -> Tensor:
    """The value of the first condition that holds."""
    for condition, value in reversed(cases):
        last = _core.where(condition, value, last)
    return last


def _whole(x: Tensor) -> Tensor:
    return x == _core.round(x)


def _cos_pi(x: Tensor) -> Tensor:
    whole = _core.round(x.detach())
    sign = 1.0 - 2.0 * _core.remainder(whole, 2.0)
    return sign * _core.cos(math.pi * (x - whole))


def _sin_pi_of_sum(x: Tensor, y: Tensor) -> Tensor:
    """sin(pi (x + y)), where the sum would lose digits."""
    whole = [_core.round(v.detach()) for v in (x, y)]
    sign = 1.0 - 2.0 * _core.remainder(sum(_core.remainder(w, 2.0) for w in whole), 2.0)
    return sign * _sin_pi((x - whole[0]) + (y - whole[1]))


def _at_integers(inside: Tensor, value: Tensor) -> Tensor:
    """The value, which is a whole number inside, without its rounding errors."""
    known = value.detach()
    exact = all_of(inside, _core.absolute(known) < _EXACT)
    return value + _core.where(exact, _core.round(known) - known, 0.0)


def _sine_times(sine: Tensor, log_size: Tensor) -> Tensor:
    """sine * exp(log_size), zero where the sine is, also beyond overflow."""
    far = log_size > _LARGEST_LOG
    beyond = _core.where(sine.detach() == 0.0, sys.float_info.max, math.inf)
    return sine * _core.where(far, beyond, _core.exp(_core.where(far, 0.0, log_size)))


def _complex_rgamma(z: Tensor) -> Tensor:
    """By reflection near the poles of the gamma function, DLMF 5.5.3."""
    wide = _core.astype(z, np.complex128)
    real, imag = _core.real(wide).detach(), _core.imag(wide).detach()
    near = all_of(real < 0.5, _core.absolute(imag) < 5.0)
    left = _core.where(near, wide, 0.25)
    turn = left - _core.round(_core.real(left).detach())
    sign = 1.0 - 2.0 * _core.remainder(_core.round(_core.real(left).detach()), 2.0)
    below = sign * _core.sin(math.pi * turn) / math.pi * _core.special_gamma(1.0 - left)
    above = _core.exp(-_core.special_loggamma(_core.where(near, 1.0, wide)))
    return _core.astype(_core.where(near, below, above), z.dtype)


def rgamma(z: TensorLike, /) -> Tensor:
    """The reciprocal of the gamma function: zero, and smooth, at its poles 0, -1, -2, ...

    :param z: tensor, real or complex

    Source: DLMF 5.5.3.

    >>> pa.special.rgamma([-1.0, 0.0, 4.0]).numpy().round(6)
    array([0.      , 0.      , 0.166667])
    >>> [pa.func.grad(pa.special.rgamma)(float(-n)).item() for n in range(4)]  # (-1)^n n!
    [1.0, -1.0, 2.0, -6.0]
    """
    if (given := _core.asarray(z)).dtype.kind == "c":
        return _complex_rgamma(given)
    (x,), dtype = in_double("special.rgamma", z)
    left, infinite = x < 0.5, _core.isinf(x)
    mirrored = _core.where(left, 1.0 - x, x)
    far = mirrored > _LARGEST
    near = _core.special_gamma(_core.where(far, 1.0, mirrored))
    log_size = _core.special_gammaln(_core.where(infinite, 1.0, mirrored))
    turns = _core.where(all_of(left, _core.logical_not(infinite)), x, 0.5)
    # The zero at -0 has a sign, those at negative integers have none.
    sine = _core.where(turns > -0.5, _core.sin(math.pi * turns), _sin_pi(turns) + 0.0)
    below = _core.where(far, _sine_times(sine, log_size), sine * near) / math.pi
    # Squares of the gamma function, which the quotient's derivatives have, overflow.
    known = log_size.detach()
    above = _core.where(far, _core.exp(-known), 1.0 / near.detach()) * _core.exp(known - log_size)
    edge = _core.where(x > 0.0, 0.0, math.nan)
    return _core.astype(_core.where(infinite, edge, _core.where(left, below, above)), dtype)


def gammasgn(x: TensorLike, /) -> Tensor:
    """The sign of the gamma function; nan at negative integers, the sign of zero at 0.

    :param x: tensor, real
    :raises TypeError: if x is complex

    >>> pa.special.gammasgn([2.5, -0.5, -1.5, -2.0]).tolist()
    [1.0, -1.0, 1.0, nan]
    """
    (t,), dtype = in_double("special.gammasgn", x)
    t = t.detach()
    lower = _core.floor(t)
    sign = 1.0 - 2.0 * _core.remainder(_core.where(_core.isinf(t), 0.0, lower), 2.0)
    sign = _core.where(lower == t, math.nan, sign)
    sign = _core.where(t > 0.0, 1.0, _core.where(t == 0.0, _core.copysign(1.0, t), sign))
    return _core.astype(_core.where(_core.isnan(t), t, sign), dtype)


def zetac(x: TensorLike, /) -> Tensor:
    """Riemann's zeta function less 1, accurate where that is little.

    :param x: tensor, real
    :raises TypeError: if x is complex

    >>> round(pa.special.zetac(100.0).item() * 2.0**100, 12)
    1.0
    """
    (t,), dtype = in_double("special.zetac", x)
    right = t > 1.0
    above = _core.special_zeta(_core.where(right, t, 2.0), 2.0)
    below = _core.special_zeta(_core.where(right, 0.5, t)) - 1.0
    return _core.astype(_core.where(right, above, below), dtype)


def binom(n: TensorLike, k: TensorLike, /) -> Tensor:
    """The binomial coefficient of real numbers.

    Differentiable in both arguments, which broadcast: also where it is zero, at negative integers k
    and n - k; nan where n is a negative integer or k infinite. Source: DLMF 1.2.6 and 5.5.3.

    :param n: tensor, real
    :param k: tensor, real
    :raises TypeError: if an argument is complex

    >>> pa.special.binom(5.0, [2.0, 2.5, 6.0]).numpy().round(6)
    array([10.      , 10.864977,  0.      ])
    >>> round(pa.func.grad(pa.special.binom, argnums=1)(3.0, 4.0).item(), 6)
    -0.25
    """
    (n, k), dtype = in_double("special.binom", n, k)
    pole = all_of(n < 0.0, _whole(n))
    inside = all_of(_core.isfinite(n), _core.isfinite(k), _core.logical_not(pole))
    n_, k_ = _core.where(inside, n, 1.0), _core.where(inside, k, 0.5)
    value = _core.where(inside, _binom(n_, k_), math.nan)
    limit = _core.where(k == 0.0, 1.0, _core.where(k > 0.0, math.inf, 0.0))
    known = all_of(n == math.inf, _core.isfinite(k))
    return _core.astype(_core.where(known, limit, value), dtype)


def comb(N: TensorLike, k: TensorLike, *, repetition: bool = False) -> Tensor:
    """How many choices there are of k out of N things, without regard to their order.

    The binomial coefficient where ``0 <= k <= N``, also of real numbers, with its derivatives, and
    0 elsewhere.

    :param N: tensor, real
    :param k: tensor, real
    :param repetition: whether a thing may be chosen again; then N + k - 1 takes the place of N
    :raises TypeError: if an argument is complex

    >>> pa.special.comb(5, [2, 6]).tolist(), pa.special.comb(5, 2, repetition=True).item()
    ([10.0, 0.0], 15.0)
    """
    (n, k), dtype = in_double("special.comb", N, k)
    if repetition:
        n = _core.where(all_of(k == 0.0, n >= 0.0), n, n + k - 1.0)
    return _core.astype(_core.where(_none(n, k), 0.0, binom(n, k)), dtype)


def perm(N: TensorLike, k: TensorLike, /) -> Tensor:
    """In how many orders k out of N things can be chosen: ``gamma(N + 1) / gamma(N - k + 1)``.

    Of real numbers, too, with their derivatives, where ``0 <= k <= N``, and 0 elsewhere.

    :param N: tensor, real
    :param k: tensor, real
    :raises TypeError: if an argument is complex

    >>> pa.special.perm(5, [2, 6]).tolist()
    [20.0, 0.0]
    """
    (n, k), dtype = in_double("special.perm", N, k)
    return _core.astype(_core.where(_none(n, k), 0.0, poch(n - k + 1.0, k)), dtype)


def factorial(n: TensorLike, /) -> Tensor:
    """``gamma(n + 1)``, and 0 for negative numbers.

    :param n: tensor, real
    :raises TypeError: if n is complex

    >>> pa.special.factorial([0, 1, 5, -1]).tolist()
    [1.0, 1.0, 120.0, 0.0]
    """
    (n,), dtype = in_double("special.factorial", n)
    none = n < 0.0
    value = _core.special_gamma(_core.where(none, 0.0, n) + 1.0)
    return _core.astype(_core.where(none, 0.0, value), dtype)


def _none(n: Tensor, k: Tensor) -> Tensor:
    """Where nothing can be chosen."""
    return _core.logical_or(_core.logical_or(n < 0.0, k < 0.0), k > n)


def _binom(n: Tensor, k: Tensor) -> Tensor:
    over, rest, less = n + 1.0, n - k + 1.0, k - n
    right, low, high = over >= 0.5, k < -0.5, rest < 0.5
    cases = [
        _core.logical_not(_core.logical_or(low, high)),
        all_of(right, low),
        all_of(right, high),
        all_of(high, _core.logical_not(low)),
        all_of(low, _core.logical_not(high)),
    ]

    def chosen(*values: Tensor) -> Tensor:
        return _first(list(zip(cases, values, strict=False)), values[-1])

    # A beta function of the reflected arguments, or the reciprocal of one times a third number
    one = _core.ones_like(n)
    p, q = chosen(rest, over, over, k + 1.0, -n, -k), chosen(k + 1.0, -k, less, -n, rest, less)
    third = _core.log(chosen(over, one, one, less, -k, one))
    log_size = -chosen(one, -one, -one, one, one, -one) * _core.special_betaln(p, q) - third

    left = _core.logical_not(_core.logical_or(right, cases[0]))
    safe = _core.where(left, n, -0.5)
    sine_n, sine_k, sine_rest = _sin_pi(safe), _sin_pi(k), _sin_pi_of_sum(n, -k)
    # Of an integer k the quotient of the sines is a sign, whatever n is.
    sign = _cos_pi(k) - _cos_pi(safe) / sine_n * sine_k
    sine = chosen(
        one,
        sine_k / -math.pi,
        sine_rest / -math.pi,
        _core.where(_whole(k), sign, sine_rest / sine_n),
        sine_k / sine_n,
        sine_k * sine_rest / (-math.pi * sine_n),
    )
    return _at_integers(all_of(_whole(n), _whole(k)), _sine_times(sine + 0.0, log_size) + 0.0)


def poch(z: TensorLike, m: TensorLike, /) -> Tensor:
    """Pochhammer's symbol, ``gamma(z + m) / gamma(z)``.

    Differentiable in both arguments, which broadcast. Infinite where z + m alone is a pole of the
    gamma function; where both are, the limit for the integer m, which has no derivative in m, that
    is 0. Source: DLMF 5.2.5 and 5.5.3.

    :param z: tensor, real
    :param m: tensor, real
    :raises TypeError: if an argument is complex

    >>> pa.special.poch([2.0, 0.5, -3.0], [3.0, 0.5, 2.0]).numpy().round(6)
    array([24.     ,  0.56419,  6.     ])
    """
    (z, m), dtype = in_double("special.poch", z, m)
    inside = _core.logical_and(_core.isfinite(z), _core.isfinite(m))
    value = _poch(_core.where(inside, z, 1.0), _core.where(inside, m, 1.0))
    limit = _core.where(m == 0.0, 1.0, _core.where(m > 0.0, math.inf, 0.0))
    known = all_of(z == math.inf, _core.isfinite(m))
    known = _core.logical_or(known, all_of(m == math.inf, z > 0.0))
    edge = _core.where(known, limit, math.nan)
    return _core.astype(_core.where(inside, value, edge), dtype)


def _poch(z: Tensor, m: Tensor) -> Tensor:
    total = z + m
    left, end_left = z < 0.5, total < 0.5
    same = left == end_left
    # Both gamma functions at the mirrored places, whose quotient is the other way round
    start, end = _core.where(left, 1.0 - z, z), _core.where(end_left, 1.0 - total, total)
    back = m < 0.0
    least = _core.where(left == back, start, end)
    length = _core.where(same, _core.where(back, -m, m), 1.0)
    quotient = _log_quotient(_core.where(same, least, 1.0), length)
    log_same = _core.where(back, -quotient, quotient)
    log_apart = _core.special_gammaln(start) + _core.special_gammaln(end)
    log_apart = _core.where(left, log_apart, -log_apart)

    sine = _core.where(left, _sin_pi(_core.where(left, z, 0.5)), 1.0)
    end_sine = _core.where(end_left, _sin_pi_of_sum(z, m), 1.0)
    whole, zero = _whole(m), sine.detach() == 0.0
    pole = all_of(end_left, end_sine.detach() == 0.0)
    safe = _core.where(pole, 1.0, end_sine)
    cotangent = _core.where(zero, 0.0, _cos_pi(_core.where(left, z, 0.5)))
    cotangent = cotangent / _core.where(zero, 1.0, sine)
    # The quotient of the sines is a sign for an integer m, and close to 1 for a small one.
    close = _core.logical_or(whole, all_of(_core.absolute(m) < 0.5, _core.logical_not(zero)))
    inverse = _core.where(close, _cos_pi(m) + cotangent * _sin_pi(m), 1.0)
    lone = all_of(pole, _core.logical_not(whole))
    both = _core.where(close, 1.0 / _core.where(lone, 1.0, inverse), sine / safe)
    apart = _core.where(left, sine / math.pi, math.pi / safe)
    sines = _core.where(same, _core.where(left, both, 1.0), apart)
    value = _sine_times(sines + 0.0, _core.where(same, log_same, log_apart))
    limit = all_of(pole, _core.logical_not(all_of(left, whole)))
    value = _core.where(limit, math.inf, value)
    return _at_integers(all_of(_whole(z), whole, m >= 0.0), value + 0.0)


def _log_quotient(z: Tensor, m: Tensor) -> Tensor:
    """log(gamma(z + m) / gamma(z)) for z >= 1/2 and m >= 0."""
    near = m < 1.0
    wide = _core.where(near, 1.0, m)
    plain = _core.special_gammaln(wide + 1.0) - _core.special_betaln(z, wide + 1.0)
    plain = plain - _core.log(z + wide)
    # Small differences as integrals
    nodes, weights = gauss_legendre(_NODES, z.device)
    short = _core.where(near, m, 0.0)
    slopes = _core.special_digamma(z[..., None] + short[..., None] * nodes)
    return _core.where(near, short * _core.sum(slopes * weights, axis=-1), plain)
