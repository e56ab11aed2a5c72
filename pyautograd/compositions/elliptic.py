"""Carlson's symmetric elliptic integrals, under their names in :mod:`scipy.special`.

By duplication: each step takes the arguments to a quarter of their differences, and leaves a term
that a sum collects; then a series of the fifth order in what is left of the differences is exact.
All are ops, and the error has the factor 4**(-6 n) with its derivatives: these are exact, too.
Source: B. C. Carlson, Numerical computation of real or complex elliptic integrals (1995), and DLMF
19.26 and 19.36.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import _core
from .._core import Tensor
from ._closed import closed
from ._common import all_of, in_double

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# Arguments at the ends of the range of floating-point numbers need eleven steps to come together;
# six more make the series exact.
_STEPS = 17
# Above so many times the others, the fourth argument of R_J would come down to them by a quarter in
# each step only.
_LARGE = 16.0


def _with_edges(
    value: Tensor,
    inside: Tensor,
    valid: Tensor,
    far: Tensor,
    at_infinity: TensorLike = 0.0,
    elsewhere: TensorLike = math.inf,
) -> Tensor:
    """The value inside; of other valid arguments what holds far out and elsewhere, else nan."""
    edge = _core.where(valid, _core.where(far, at_infinity, elsewhere), math.nan)
    return _core.where(inside, value, edge)


def _root_sum(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    a, b, c = _core.sqrt(x), _core.sqrt(y), _core.sqrt(z)
    return a * b + a * c + b * c


def _largest(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _core.maximum(_core.maximum(x, y), z)


def _middle(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Of three numbers the one in the middle, which is 0 where two of them are."""
    return _core.maximum(_core.minimum(x, y), _core.minimum(_core.maximum(x, y), z))


def _of_symmetric(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """E2 and E3 of three small numbers with the sum 0."""
    return a * b - c * c, a * b * c


def _first(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """R_F of numbers of which at most one is 0."""
    for _ in range(_STEPS):
        shift = _root_sum(x, y, z)
        x, y, z = 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
    mean = (x + y + z) / 3.0
    a, b = (mean - x) / mean, (mean - y) / mean
    second, third = _of_symmetric(a, b, -a - b)
    series = 1.0 - second / 10.0 + third / 14.0
    series = series + _core.square(second) / 24.0 - 3.0 * second * third / 44.0
    return series / _core.sqrt(mean)


def _third(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """R_D of x and y, of which at most one is 0, and z > 0."""
    total, scale = _core.zeros_like(x), 1.0
    for _ in range(_STEPS):
        shift = _root_sum(x, y, z)
        total = total + scale / (_core.sqrt(z) * (z + shift))
        scale = 0.25 * scale
        x, y, z = 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
    mean = 0.2 * (x + y + 3.0 * z)
    a, b = (mean - x) / mean, (mean - y) / mean
    c = -(a + b) / 3.0
    product, square = a * b, _core.square(c)
    second, third = product - 6.0 * square, (3.0 * product - 8.0 * square) * c
    fourth, fifth = 3.0 * (product - square) * square, product * square * c
    return 3.0 * total + scale * _fifth_order(second, third, fourth, fifth) / (
        mean * _core.sqrt(mean)
    )


def _fifth_order(second: Tensor, third: Tensor, fourth: Tensor, fifth: Tensor) -> Tensor:
    """DLMF 19.36.2."""
    value = 1.0 - 3.0 / 14.0 * second + third / 6.0 + 9.0 / 88.0 * _core.square(second)
    return value - 3.0 / 22.0 * fourth - 9.0 / 52.0 * second * third + 3.0 / 26.0 * fifth


def _elementary(x: Tensor, y: Tensor, steps: int = _STEPS) -> Tensor:
    """R_C of x >= 0 and y > 0."""
    for _ in range(steps):
        shift = 2.0 * _core.sqrt(x) * _core.sqrt(y) + y
        x, y = 0.25 * (x + shift), 0.25 * (y + shift)
    mean = (x + 2.0 * y) / 3.0
    s = (y - mean) / mean
    series = 1.0 + _core.square(s) * (0.3 + s * (1.0 / 7.0 + s * (0.375 + s * 9.0 / 22.0)))
    return series / _core.sqrt(mean)


def _bounded(x: Tensor, y: Tensor, z: Tensor, p: Tensor) -> Tensor:
    """R_J for p > 0 that is not much larger than the others."""
    total, one, scale = _core.zeros_like(x), _core.ones_like(x), 1.0
    for step in range(_STEPS):
        a, b, c, d = _core.sqrt(x), _core.sqrt(y), _core.sqrt(z), _core.sqrt(p)
        shift = a * b + a * c + b * c
        spread = (d + a) * (d + b) * (d + c)
        # 1 + (d - a) (d - b) (d - c) / spread without a difference; soon near 1
        ratio = 2.0 * d * (p + shift) / spread
        total = total + scale / spread * _elementary(one, ratio, _STEPS - step)
        scale = 0.25 * scale
        x, y, z, p = (0.25 * (v + shift) for v in (x, y, z, p))
    mean = 0.2 * (x + y + z + 2.0 * p)
    u, v, w = (mean - x) / mean, (mean - y) / mean, (mean - z) / mean
    q = -0.5 * (u + v + w)
    pairs, product = u * v + u * w + v * w, u * v * w
    second = pairs - 3.0 * _core.square(q)
    third = product + 2.0 * second * q + 4.0 * q * q * q
    fourth = (2.0 * product + second * q + 3.0 * q * q * q) * q
    fifth = product * _core.square(q)
    return 6.0 * total + scale * _fifth_order(second, third, fourth, fifth) / (
        mean * _core.sqrt(mean)
    )


def _ordered(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both, the smaller first; unlike minimum and maximum a permutation for equal ones, too."""
    swapped = a > b
    return _core.where(swapped, b, a), _core.where(swapped, a, b)


def _general(x: Tensor, y: Tensor, z: Tensor, p: Tensor) -> Tensor:
    """R_J for p > 0, where it is large by that of a smaller one (DLMF 19.21.12)."""
    x, z = _ordered(x, z)
    y, z = _ordered(y, z)
    large = p > _LARGE * z
    a, b, c = (_core.where(large, v, 1.0) for v in (x, y, z))
    far = _core.where(large, p, 2.0 * _LARGE)
    less = (b - a) * ((c - a) / (far - a))
    value = _bounded(x, y, z, _core.where(large, a + less, p))
    # far (a + less) / c, in whose factors nothing overflows
    product = far * (a / c) + (b - a) * ((c - a) / c) * (far / (far - a))
    share = _core.sqrt(a / c) * _elementary(b, product)
    beyond = (3.0 * (_first(a, b, c) - share) - less * value) / (far - a)
    return _core.where(large, beyond, value)


def elliprf(x: TensorLike, y: TensorLike, z: TensorLike, /) -> Tensor:
    """Carlson's symmetric elliptic integral of the first kind: half the integral of
    ``1 / sqrt((t + x) * (t + y) * (t + z))`` over t > 0.

    Differentiable in all arguments, which broadcast, to every order; symmetric in them. Infinite
    where two of them are 0, nan where one is negative. Source: DLMF 19.16.1 and 19.36.1.

    :param x: tensor, real, not negative
    :param y: tensor, real, not negative
    :param z: tensor, real, not negative; at most one of the three is 0
    :raises TypeError: if an argument is complex

    >>> round(pa.special.elliprf(0.0, 1.0, 2.0).item(), 6)
    1.311029
    """
    (x, y, z), dtype = in_double("special.elliprf", x, y, z)
    valid = all_of(x >= 0.0, y >= 0.0, z >= 0.0)
    two = _middle(x, y, z) == 0.0
    far = _largest(x, y, z) == math.inf
    inside = all_of(valid, _core.logical_not(two), _core.logical_not(far))
    value = _first(*(_core.where(inside, v, 1.0) for v in (x, y, z)))
    return _core.astype(_with_edges(value, inside, valid, far), dtype)


def elliprd(x: TensorLike, y: TensorLike, z: TensorLike, /) -> Tensor:
    """Carlson's symmetric elliptic integral of the second kind: one and a half times the integral
    of ``1 / (sqrt((t + x) * (t + y)) * (t + z)**1.5)`` over t > 0.

    Differentiable in all arguments, which broadcast, to every order. Infinite where z or both x and
    y are 0, nan where one is negative. Source: DLMF 19.16.5 and 19.36.2.

    :param x: tensor, real, not negative
    :param y: tensor, real, not negative
    :param z: tensor, real, positive
    :raises TypeError: if an argument is complex

    >>> round(pa.special.elliprd(0.0, 2.0, 1.0).item(), 6)
    1.79721
    """
    (x, y, z), dtype = in_double("special.elliprd", x, y, z)
    valid = all_of(x >= 0.0, y >= 0.0, z >= 0.0)
    none = _core.logical_or(_core.maximum(x, y) == 0.0, z == 0.0)
    far = _largest(x, y, z) == math.inf
    inside = all_of(valid, _core.logical_not(none), _core.logical_not(far))
    value = _third(*(_core.where(inside, v, 1.0) for v in (x, y, z)))
    return _core.astype(_with_edges(value, inside, valid, far), dtype)


def elliprc(x: TensorLike, y: TensorLike, /) -> Tensor:
    """Carlson's degenerate elliptic integral ``elliprf(x, y, y)``, which is elementary; for
    negative y Cauchy's principal value.

    Differentiable in both arguments, which broadcast, to every order, also at x = y. Infinite where
    y is 0, nan where x is negative. Source: DLMF 19.2.17 and 19.2.20.

    :param x: tensor, real, not negative
    :param y: tensor, real, not 0
    :raises TypeError: if an argument is complex

    >>> round(pa.special.elliprc(0.0, 0.25).item(), 6)  # pi
    3.141593
    """
    (x, y), dtype = in_double("special.elliprc", x, y)
    valid = all_of(x >= 0.0, _core.logical_not(_core.isnan(y)))
    far = _core.logical_or(x == math.inf, _core.absolute(y) == math.inf)
    inside = all_of(valid, y != 0.0, _core.logical_not(far))
    a, b = _core.where(inside, x, 1.0), _core.where(inside, y, 1.0)
    negative = b < 0.0
    value = _elementary(_core.where(negative, a - b, a), _core.where(negative, -b, b))
    # The square root of the quotient only where it is a factor
    share = _core.where(negative, a, 1.0) / _core.where(negative, a - b, 1.0)
    value = value * _core.where(negative, _core.sqrt(share), 1.0)
    return _core.astype(_with_edges(value, inside, valid, far), dtype)


def elliprj(x: TensorLike, y: TensorLike, z: TensorLike, p: TensorLike, /) -> Tensor:
    """Carlson's symmetric elliptic integral of the third kind: one and a half times the integral of
    ``1 / (sqrt((t + x) * (t + y) * (t + z)) * (t + p))`` over t > 0.

    Differentiable in all arguments, which broadcast, to every order, also where they are equal.
    Infinite where p or two of the others are 0; nan where one is negative, also p, of which there
    is no principal value here. Source: DLMF 19.16.2, 19.21.12, 19.26.22 and 19.36.2.

    :param x: tensor, real, not negative
    :param y: tensor, real, not negative
    :param z: tensor, real, not negative; at most one of the three is 0
    :param p: tensor, real, positive
    :raises TypeError: if an argument is complex

    >>> round(pa.special.elliprj(0.0, 1.0, 2.0, 3.0).item(), 6)
    0.776886
    """
    (x, y, z, p), dtype = in_double("special.elliprj", x, y, z, p)
    valid = all_of(x >= 0.0, y >= 0.0, z >= 0.0, p >= 0.0)
    none = _core.logical_or(_middle(x, y, z) == 0.0, p == 0.0)
    far = _core.maximum(_largest(x, y, z), p) == math.inf
    inside = all_of(valid, _core.logical_not(none), _core.logical_not(far))
    value = _general(*(_core.where(inside, v, 1.0) for v in (x, y, z, p)))
    return _core.astype(_with_edges(value, inside, valid, far), dtype)


def elliprg(x: TensorLike, y: TensorLike, z: TensorLike, /) -> Tensor:
    """Carlson's completely symmetric elliptic integral of the second kind.

    Differentiable in all arguments, which broadcast, to every order; symmetric in them. nan where
    one is negative. Source: DLMF 19.16.3 and 19.21.11, a sum of positive terms.

    :param x: tensor, real, not negative
    :param y: tensor, real, not negative
    :param z: tensor, real, not negative
    :raises TypeError: if an argument is complex

    >>> round(pa.special.elliprg(0.0, 16.0, 16.0).item(), 6)  # pi
    3.141593
    """
    (x, y, z), dtype = in_double("special.elliprg", x, y, z)
    valid = all_of(x >= 0.0, y >= 0.0, z >= 0.0)
    largest = _largest(x, y, z)
    far = largest == math.inf
    two = _middle(x, y, z) == 0.0
    inside = all_of(valid, _core.logical_not(two), _core.logical_not(far))
    a, b, c = (_core.where(inside, v, 1.0) for v in (x, y, z))
    slopes = _slope, lambda a, b, c: _slope(b, c, a), lambda a, b, c: _slope(c, a, b)
    found = closed(_second, slopes, a, b, c)
    known = 0.5 * _core.sqrt(_core.where(all_of(valid, two), largest, 1.0))
    return _core.astype(_with_edges(found, inside, valid, far, math.inf, known), dtype)


def _second(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return (_part(x, y, z) + _part(y, z, x) + _part(z, x, y)) / 6.0


def _slope(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """The derivative of R_G by x, of which the sum would have small differences."""
    zero = x == 0.0
    last = _third(*(_core.where(zero, 1.0, v) for v in (y, z, x)))
    return 0.25 * (_first(x, y, z) - _core.where(zero, 0.0, x * last) / 3.0)


def _part(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """z (x + y) R_D(x, y, z), which is 0 at z = 0."""
    zero = z == 0.0
    safe = [_core.where(zero, 1.0, v) for v in (x, y, z)]
    return _core.where(zero, 0.0, z * (x + y) * _third(*safe))
