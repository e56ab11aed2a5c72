"""Airy functions, under the names of :mod:`scipy.special`.

Values near 0 are those of the Maclaurin series (DLMF 9.4), elsewhere of Bessel functions of orders
1/3 and 2/3 (9.6). Airy's equation y'' = x y is the rule of differentiation, which loses no digits;
what is scaled grows slowly and is differentiated as the integrals that the Bessel functions are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _core
from .._core import Tensor
from ..function import Function
from ._common import all_of, in_double
from .bessel import _first_kind, _second_kind
from .bessel_oscillating import _hankel

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# Ai(0) and -Ai'(0): DLMF 9.2.3 and 9.2.4
_AI, _DOWN = 0.355028053887817239, 0.258819403792806798
_ROOT3 = math.sqrt(3.0)
# Between these the series loses no more than a digit.
_LOW, _HIGH, _TERMS = -3.0, 2.0, 18
# Below it a rounding error of x is as long as a wave.
_WAVES = -1e10
# From there on the scaled functions are powers.
_PAST = 1e20


class AiryResult(NamedTuple):
    """Ai, its derivative, Bi, and its derivative."""

    Ai: Tensor
    Aip: Tensor
    Bi: Tensor
    Bip: Tensor


class _Airy(Function):
    """The four functions, elementwise in float64."""

    elementwise = True

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, ...]:
        right, left = all_of(x > _HIGH, x < _PAST), all_of(x < _LOW, x >= _WAVES)
        middle = all_of(x >= _LOW, x <= _HIGH)
        near = _series(_core.where(middle, x, 0.0))
        beyond = _core.where(right, x, _HIGH)
        growth = 2.0 / 3.0 * beyond * _core.sqrt(beyond)
        fall, rise = _core.exp(-growth), _core.exp(growth)
        scaled = [v * s for v, s in zip(_scaled(beyond), (fall, fall, rise, rise), strict=True)]
        waves = _waves(_core.where(left, -x, -_LOW))
        limits = (0.0, -0.0, math.inf, math.inf)
        return tuple(
            _core.where(
                middle,
                a,
                _core.where(
                    right,
                    b,
                    _core.where(left, c, _core.where(x >= _PAST, limit, math.nan)),
                ),
            )
            for a, b, c, limit in zip(near, scaled, waves, limits, strict=True)
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        # Where Bi overflows, zeros would spoil the derivatives of Ai.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs[0], *output)

    @staticmethod
    def _slopes(ctx: Any) -> tuple[Tensor, ...]:
        x, a, da, b, db = ctx.saved_tensors
        # Of Ai at infinity, where the product is none
        return da, _core.where(a == 0.0, a, x * _core.where(a == 0.0, 1.0, a)), db, x * b

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        pairs = zip(grad_outputs, _Airy._slopes(ctx), strict=True)
        parts = [g * slope for g, slope in pairs if g is not None]
        return sum(parts[1:], start=parts[0])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return tuple(tangents[0] * slope for slope in _Airy._slopes(ctx))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _Airy.apply(*args), (in_dims[0],) * 4


def _series(x: Tensor) -> tuple[Tensor, ...]:
    cube = x * x * x

    def summed(first: int, second: int) -> Tensor:
        value = _core.ones_like(x)
        for k in reversed(range(1, _TERMS)):
            value = 1.0 + value * cube / float((3 * k + first) * (3 * k + second))
        return value

    f, df = summed(-1, 0), 0.5 * x * x * summed(0, 2)
    g, dg = x * summed(0, 1), summed(-2, 0)
    return (
        _AI * f - _DOWN * g,
        _AI * df - _DOWN * dg,
        _ROOT3 * (_AI * f + _DOWN * g),
        _ROOT3 * (_AI * df + _DOWN * dg),
    )


def _bessel_place(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The square root of x, the argument and the order of the Bessel functions."""
    root = _core.sqrt(x)
    return root, 2.0 / 3.0 * x * root, _core.full_like(x, 1.0 / 3.0)


def _scaled(x: Tensor) -> tuple[Tensor, ...]:
    """For positive x the functions without their exponentials: DLMF 9.6.2 to 9.6.5."""
    root, at, third = _bessel_place(x)
    twice = _core.exp(-2.0 * at)
    values = []
    for order, factor in ((third, root / _ROOT3), (2.0 * third, x / _ROOT3)):
        falling = _second_kind(order, at)
        # sin(pi / 3) is that of two thirds, too.
        rising = 2.0 * _first_kind(order, at) + (_ROOT3 / math.pi) * twice * falling
        values.append((factor * falling / math.pi, factor * rising))
    (a, b), (da, db) = values
    return a, -da, b, db


def _waves(x: Tensor) -> tuple[Tensor, ...]:
    """The functions at -x, for positive x: DLMF 9.6.6 to 9.6.9, with 10.2.3."""
    root, at, third = _bessel_place(x)
    j, y = _hankel(third, at)
    mirrored = 0.5 * j - 0.5 * _ROOT3 * y
    dj, dy = _hankel(2.0 * third, at)
    d_mirrored = -0.5 * dj - 0.5 * _ROOT3 * dy
    return (
        root / 3.0 * (j + mirrored),
        x / 3.0 * (dj - d_mirrored),
        root / _ROOT3 * (mirrored - j),
        x / _ROOT3 * (d_mirrored + dj),
    )


def airy(z: TensorLike, /) -> AiryResult:
    """The Airy functions Ai and Bi, and their derivatives.

    Right to twelve digits of the larger one of Ai and Bi, and of their own where x is positive, as
    far as the rounding of ``2/3 * abs(x)**1.5`` allows; nan below -1e10. Each element takes sums
    over a thousand nodes. Source: DLMF 9.4 and 9.6.

    :param z: tensor, real
    :raises TypeError: if z is complex
    :returns: the named tuple (Ai, Aip, Bi, Bip)

    >>> [y.numpy().round(6).item() for y in pa.special.airy(1.0)]
    [0.135292, -0.159147, 1.207424, 0.932436]
    """
    (x,), dtype = in_double("special.airy", z)
    return AiryResult(*(_core.astype(y, dtype) for y in _Airy.apply(x)))


def airye(z: TensorLike, /) -> AiryResult:
    """The Airy functions without their exponential factors, so that none under- or overflows.

    Ai and its derivative times ``exp(2/3 * z**1.5)``, which are nan where z is negative, and Bi and
    its derivative times ``exp(-2/3 * z**1.5)``, or as they are where z is negative; otherwise as
    :func:`airy`.

    :param z: tensor, real
    :raises TypeError: if z is complex
    :returns: the named tuple (Ai, Aip, Bi, Bip)

    >>> [y.numpy().round(6).item() for y in pa.special.airye(1e4)]
    [0.028209, -2.820948, 0.056419, 5.641895]
    """
    (x,), dtype = in_double("special.airye", z)
    past, right, positive = x >= _PAST, all_of(x > _HIGH, x < _PAST), x >= 0.0
    middle = _core.where(x > _HIGH, 0.0, x)
    inner = _core.where(all_of(positive, middle > 0.0), middle, 0.0)
    at = 2.0 / 3.0 * inner * _core.sqrt(_core.where(inner > 0.0, inner, 1.0))
    up, down = _core.where(positive, _core.exp(at), math.nan), _core.exp(-at)
    near = [v * s for v, s in zip(_Airy.apply(middle), (up, up, down, down), strict=True)]
    far = _scaled(_core.where(right, x, _HIGH))
    grown = _core.sqrt(_core.sqrt(_core.where(past, x, 1.0))) / math.sqrt(math.pi)
    fallen = 1.0 / (math.pi * grown)
    limits = (0.5 * fallen, -0.5 * grown, fallen, grown)
    return AiryResult(
        *(
            _core.astype(_core.where(past, e, _core.where(right, f, n)), dtype)
            for e, f, n in zip(limits, far, near, strict=True)
        )
    )
