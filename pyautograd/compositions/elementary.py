"""Elementary functions of :mod:`scipy.special`: of degrees, and without cancellation near 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor
from ._common import all_of, in_double

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

_DEGREE = math.pi / 180.0


def cosm1(x: TensorLike, /) -> Tensor:
    """``cos(x) - 1``, accurate where x is small.

    :param x: tensor, real
    :raises TypeError: if x is complex

    >>> round(pa.special.cosm1(1e-10).item() * 1e21, 12)
    -5.0
    """
    (t,), dtype = in_double("special.cosm1", x)
    return _core.astype(-2.0 * _core.square(_core.sin(0.5 * t)) + 0.0, dtype)


def exp10(x: TensorLike, /) -> Tensor:
    """``10 ** x``.

    :param x: tensor, real
    :raises TypeError: if x is complex

    >>> pa.special.exp10([-1.0, 0.0, 2.0]).tolist()
    [0.1, 1.0, 100.0]
    """
    (t,), dtype = in_double("special.exp10", x)
    return _core.astype(_core.power(10.0, t), dtype)


def powm1(x: TensorLike, y: TensorLike, /) -> Tensor:
    """``x ** y - 1``, accurate where the power is close to 1.

    The arguments broadcast; nan where x is negative and y no integer. Where x is negative there is
    no derivative in y, and it is 0.

    :param x: tensor, real
    :param y: tensor, real
    :raises TypeError: if an argument is complex

    >>> round(pa.special.powm1(2.0, 1e-20).item() * 1e20, 12)
    0.69314718056
    """
    (x, y), dtype = in_double("special.powm1", x, y)
    even = _core.remainder(y, 2.0) == 0.0
    turned = all_of(x < 0.0, even, _core.isfinite(y))
    base = _core.where(turned, -x, x)
    y = _core.where(x < 0.0, y.detach(), y)
    usual = all_of(base > 0.0, base < math.inf, _core.isfinite(y))
    product = y * _core.log(_core.where(usual, base, 1.0))
    near = all_of(usual, _core.absolute(product) < 0.5)
    close = _core.expm1(_core.where(near, product, 0.0))
    far = _core.power(_core.where(near, 2.0, base), _core.where(near, 1.0, y)) - 1.0
    return _core.astype(_core.where(near, close, far) + 0.0, dtype)


def radian(d: TensorLike, m: TensorLike, s: TensorLike, /) -> Tensor:
    """The angle of d degrees, m minutes and s seconds in radians.

    :param d: tensor, real
    :param m: tensor, real
    :param s: tensor, real
    :raises TypeError: if an argument is complex

    >>> round(pa.special.radian(180.0, 0.0, 0.0).item(), 6)
    3.141593
    """
    (d, m, s), dtype = in_double("special.radian", d, m, s)
    return _core.astype(((d * 60.0 + m) * 60.0 + s) * (math.pi / 648000.0), dtype)


def _of_degrees(name: str, x: Any, quarters: Callable[[Tensor], tuple[Tensor, ...]]) -> Tensor:
    """One of the values for 0, 1, ... right angles beyond an angle of at most half of one."""
    (t,), dtype = in_double(name, x)
    rest = _core.fmod(t, 360.0)
    turns = _core.round(rest.detach() / 90.0)
    values = quarters((rest - 90.0 * turns) * _DEGREE)
    which = _core.remainder(turns, float(len(values)))
    value = values[-1]
    for k, other in enumerate(values[:-1]):
        value = _core.where(which == float(k), other, value)
    return _core.astype(value + 0.0, dtype)


def sindg(x: TensorLike, /) -> Tensor:
    """The sine of an angle in degrees, exact at multiples of a right angle.

    :param x: tensor, real; nan where it is infinite
    :raises TypeError: if x is complex

    >>> pa.special.sindg([0.0, 90.0, 180.0, -90.0]).tolist()
    [0.0, 1.0, 0.0, -1.0]
    """

    def quarters(angle: Tensor) -> tuple[Tensor, ...]:
        sine, cosine = _core.sin(angle), _core.cos(angle)
        return sine, cosine, -sine, -cosine

    return _of_degrees("special.sindg", x, quarters)


def cosdg(x: TensorLike, /) -> Tensor:
    """The cosine of an angle in degrees, exact at multiples of a right angle.

    :param x: tensor, real; nan where it is infinite
    :raises TypeError: if x is complex

    >>> pa.special.cosdg([0.0, 90.0, 180.0, -90.0]).tolist()
    [1.0, 0.0, -1.0, 0.0]
    """

    def quarters(angle: Tensor) -> tuple[Tensor, ...]:
        sine, cosine = _core.sin(angle), _core.cos(angle)
        return cosine, -sine, -cosine, sine

    return _of_degrees("special.cosdg", x, quarters)


def _tangent(angle: Tensor) -> Tensor:
    """Of at most half a right angle, and exactly 1 there."""
    wide = _core.absolute(angle) > math.pi / 8
    known = _core.where(wide, angle, 0.0)
    beside = _core.tan(math.pi / 4 - _core.absolute(known))
    from_half = _core.sign(known) * (1.0 - beside) / (1.0 + beside)
    return _core.where(wide, from_half, _core.tan(_core.where(wide, 0.0, angle)))


def tandg(x: TensorLike, /) -> Tensor:
    """The tangent of an angle in degrees; infinite at odd multiples of a right angle.

    :param x: tensor, real; nan where it is infinite
    :raises TypeError: if x is complex

    >>> pa.special.tandg([0.0, 90.0, 135.0, 180.0]).tolist()
    [0.0, inf, -1.0, 0.0]
    """

    def quarters(angle: Tensor) -> tuple[Tensor, ...]:
        # From the right angle itself it goes to plus infinity.
        return _tangent(angle), 1.0 / _tangent(-angle + 0.0)

    return _of_degrees("special.tandg", x, quarters)


def cotdg(x: TensorLike, /) -> Tensor:
    """The cotangent of an angle in degrees; infinite at multiples of two right angles.

    :param x: tensor, real; nan where it is infinite
    :raises TypeError: if x is complex

    >>> pa.special.cotdg([0.0, 90.0, 135.0, 180.0]).tolist()
    [inf, 0.0, -1.0, inf]
    """

    def quarters(angle: Tensor) -> tuple[Tensor, ...]:
        return 1.0 / _tangent(angle + 0.0), -_tangent(angle)

    return _of_degrees("special.cotdg", x, quarters)
