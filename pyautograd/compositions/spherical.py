"""Spherical Bessel functions and harmonics, under the names of :mod:`scipy.special`.

The orders are whole numbers and constants. What is regular at 0 is a power times a function of
z**2, whose derivatives of every order are right at 0, too; the other functions grow with the order,
so that the recurrence upward is stable.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from .._whole import whole
from ._common import in_double, nowhere
from .hypergeometric import hyp0f1

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

Orders = npt.NDArray[np.int64]


def _orders(op: str, n: Any) -> Orders:
    orders = np.asarray(n)
    if orders.dtype.kind not in "iu" and orders.size:
        raise TypeError(f"[{op}] n must be a whole number, or an array of them, got {n!r}")
    if np.any(orders < 0):
        raise ValueError(f"[{op}] n must not be negative, got {n!r}")
    return orders.astype(np.int64)


def _function(
    name: str,
    n: Any,
    z: Any,
    derivative: bool,
    of: Callable[[Orders, Tensor], Tensor],
    signs: tuple[int, int],
) -> Tensor:
    """A function, or its derivative by its neighbours."""
    op = f"special.{name}"
    orders = _orders(op, n)
    (at,), dtype = in_double(op, z)
    if derivative:
        below, above = of(np.maximum(orders - 1, 0), at), of(orders + 1, at)
        # Where both are infinite, the one above is more so.
        counts = _core.isfinite(below) & _beside(orders > 0, at)
        share = orders / (2 * orders + 1)
        lower = _core.where(counts, signs[0] * share * below, 0.0)
        value = lower + signs[1] * (1 - share) * above
    else:
        value = of(orders, at)
    return _core.astype(value, dtype)


def _beside(values: npt.NDArray[Any], z: Tensor) -> Tensor:
    return _core.asarray(values).to(z.device)


def _root_of_factorial(n: int) -> float:
    """The n-th root of (2n + 1)!!."""
    if n > 150:
        logarithm = (n + 1) * math.log(2) + math.lgamma(n + 1.5) - 0.5 * math.log(math.pi)
        return math.exp(logarithm / n)
    return math.pow(math.prod(range(1, 2 * n + 2, 2)), 1 / max(n, 1))


def _regular(orders: Orders, z: Tensor, sign: float) -> Tensor:
    """DLMF 10.53.1, 10.53.3."""
    roots = np.vectorize(_root_of_factorial, otypes=[np.float64])(orders)
    power = (z / _beside(roots, z)) ** _beside(orders, z)
    return power * hyp0f1(_beside(orders + 1.5, z), sign * z * z / 4)


def _chosen(orders: Orders, rows: Iterator[Tensor]) -> Tensor:
    """The row of each order."""
    wanted = sorted({int(n) for n in orders.reshape(-1)}) or [0]
    table = list(itertools.islice(rows, wanted[-1] + 1))
    value = table[wanted[-1]]
    for n in wanted[:-1]:
        value = _core.where(_beside(orders == n, value), table[n], value)
    return _core.broadcast_to(value, np.broadcast_shapes(orders.shape, value.shape))


def spherical_jn(n: Any, z: TensorLike, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the first kind, sqrt(pi / 2z) J[n + 1/2](z).

    Derivatives of every order are exact in ``z``, at 0, too. Source: DLMF 10.53.1.

    :param n: whole number or an array of them, the order, from 0
    :param z: tensor, real
    :param derivative: return the first derivative
    :raises TypeError: if z is complex or n not whole
    :raises ValueError: if n is negative

    >>> pa.special.spherical_jn([0, 1], 2.0).numpy().round(6)
    array([0.454649, 0.435398])
    """

    def of(orders: Orders, z: Tensor) -> Tensor:
        finite = _core.isfinite(z) | _core.isnan(z)
        value = _regular(orders, _core.where(finite, z, 0.0), -1.0)
        return _core.where(finite, value, 0.0)

    return _function("spherical_jn", n, z, derivative, of, (1, -1))


def _growing(orders: Orders, z: Tensor) -> Tensor:
    infinite = _core.isinf(z)
    value = _regular(orders, _core.where(infinite, 0.0, z), 1.0)
    odd = _beside(orders % 2 == 1, z)
    return _core.where(infinite, _core.where(odd, z, _core.absolute(z)), value)


def spherical_in(n: Any, z: TensorLike, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the first kind, sqrt(pi / 2z) I[n + 1/2](z);
    otherwise as :func:`spherical_jn`. Source: DLMF 10.53.3.

    :param n: whole number or an array of them, the order, from 0
    :param z: tensor, real
    :param derivative: return the first derivative

    >>> pa.special.spherical_in([0, 1], 2.0).numpy().round(6)
    array([1.81343 , 0.974383])
    """
    return _function("spherical_in", n, z, derivative, _growing, (1, 1))


def _upward(
    z: Tensor, before: Tensor, first: Tensor, sign: float, at_zero: float
) -> Iterator[Tensor]:
    """DLMF 10.51.1 and 10.51.4: f[n+1] = (2n+1) / z f[n] + sign f[n-1], 0 at infinity."""
    inside = _inside(z)
    outside = _core.where(z == 0.0, at_zero, 0.0)
    at = _core.where(inside, z, 1.0)
    last, value = before, first
    for order in itertools.count():
        yield _core.where(inside, value, outside)
        # Beyond the largest number there is no difference to take.
        huge = _core.isinf(value)
        ahead = (2 * order + 1) / at * _core.where(huge, 0.0, value) + sign * last
        last, value = value, _core.where(huge, value, ahead)


def _inside(z: Tensor) -> Tensor:
    return _core.isfinite(z) & (z != 0.0) | _core.isnan(z)


def _second_kind(z: Tensor) -> Iterator[Tensor]:
    at = _core.where(_inside(z), z, 1.0)
    return _upward(z, _core.sin(at) / at, -_core.cos(at) / at, -1.0, -math.inf)


def spherical_yn(n: Any, z: TensorLike, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the second kind, sqrt(pi / 2z) Y[n + 1/2](z); otherwise as
    :func:`spherical_jn`, with -inf at 0.

    :param n: whole number or an array of them, the order, from 0
    :param z: tensor, real
    :param derivative: return the first derivative

    >>> pa.special.spherical_yn([0, 1], 2.0).numpy().round(6)
    array([ 0.208073, -0.350612])
    """

    def of(orders: Orders, z: Tensor) -> Tensor:
        return _chosen(orders, _second_kind(z))

    return _function("spherical_yn", n, z, derivative, of, (1, -1))


def _decaying(z: Tensor) -> Iterator[Tensor]:
    """For z >= 0."""
    at = _core.where(_inside(z), z, 1.0)
    first = math.pi / 2 * _core.exp(-at) / at
    return _upward(z, first, first, 1.0, math.inf)


def spherical_kn(n: Any, z: TensorLike, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the second kind, sqrt(pi / 2z) K[n + 1/2](z);
    otherwise as :func:`spherical_jn`, with inf at 0.

    :param n: whole number or an array of them, the order, from 0
    :param z: tensor, real
    :param derivative: return the first derivative

    >>> pa.special.spherical_kn([0, 1], 2.0).numpy().round(6)
    array([0.106292, 0.159438])
    """

    def of(orders: Orders, z: Tensor) -> Tensor:
        value = _chosen(orders, _decaying(_core.absolute(z)))
        if nowhere(z < 0.0):
            return value
        # DLMF 10.47.16: what grows there is no longer small beside it.
        odd = _beside(orders % 2 == 1, z)
        grown = -math.pi * _growing(orders, _core.absolute(z))
        return _core.where(z < 0.0, _core.where(odd, value, -value) + grown, value)

    return _function("spherical_kn", n, z, derivative, of, (-1, -1))


def sph_harm_y(n: int, m: int, theta: TensorLike, phi: TensorLike) -> Tensor:
    """The spherical harmonic of degree n and order m, with Condon and Shortley's phase.

    The angles broadcast; derivatives of every order are exact in both, at the poles, too. Source:
    DLMF 14.30.1; the recurrence for normalised functions is that of W. Press et al., Numerical
    Recipes, 2007, section 6.7.

    :param n: whole number, from 0
    :param m: whole number; the harmonic is 0 if it is above n or below -n
    :param theta: tensor, the polar angle, from 0 to pi; beyond, the point of the sphere there
    :param phi: tensor, the azimuth
    :raises TypeError: if n or m is not whole, or an angle complex
    :raises ValueError: if n is negative
    :returns: a complex tensor

    >>> pa.special.sph_harm_y(2, 1, 0.5, 0.3).numpy().round(6)
    np.complex128(-0.310521-0.096055j)
    """
    op = "special.sph_harm_y"
    degree, order = whole(n), whole(m)
    if degree is None or order is None:
        raise TypeError(f"[{op}] n and m must be whole numbers, got {n!r} and {m!r}")
    if degree < 0:
        raise ValueError(f"[{op}] n must not be negative, got {n}")
    (polar, azimuth), dtype = in_double(op, theta, phi)
    size = _legendre(degree, abs(order), polar)
    size = size if order >= 0 or order % 2 == 0 else -size
    value = _core.complex(size * _core.cos(order * azimuth), size * _core.sin(order * azimuth))
    return _core.astype(value, np.result_type(dtype, np.complex64))


def _legendre(n: int, m: int, theta: Tensor) -> Tensor:
    """The normalised associated Legendre function of cos(theta)."""
    if m > n:
        return _core.zeros_like(theta)
    x = _core.cos(theta)
    square = math.prod((2 * k + 1) / (2 * k) for k in range(1, m + 1)) / (4 * math.pi)
    value: Tensor = (-1) ** m * math.sqrt(square) * _core.sin(theta) ** m
    last = _core.zeros_like(value)
    for k in range(m + 1, n + 1):
        factor = math.sqrt((4 * k**2 - 1) / (k**2 - m**2))
        before = math.sqrt(((k - 1) ** 2 - m**2) / (4 * (k - 1) ** 2 - 1)) if k > 1 else 0.0
        last, value = value, factor * (x * value - before * last)
    return value
