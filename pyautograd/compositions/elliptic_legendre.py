"""Legendre's incomplete elliptic integrals and Jacobi's elliptic functions, under their names in
:mod:`scipy.special`.

Values of the integrals and of their derivatives by the parameter are Carlson's integrals; by the
angle the derivatives are elementary. Jacobi's functions are found by the arithmetic-geometric mean
(R. Bulirsch, Numerical calculation of elliptic integrals and elliptic functions, 1965), and their
derivatives are products of the functions and of such integrals.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _core, func
from .._core import Tensor
from ..function import Function
from ._closed import Formula, closed
from ._common import all_of, in_double, mapped_in_front
from .elliptic import elliprd, elliprf

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# Of 1 - m, between the smallest and the largest float64, the means of Bulirsch need no more.
_MEANS = 16
# Below it sn(u) is u, and squares of cn(u) / sn(u) would overflow.
_SMALL = 1e-100
_FIRST, _SECOND = 0.5, -0.5


class JacobiResult(NamedTuple):
    """sn, cn and dn of u, and the amplitude."""

    sn: Tensor
    cn: Tensor
    dn: Tensor
    ph: Tensor


def ellipkinc(phi: TensorLike, m: TensorLike, /) -> Tensor:
    """Legendre's incomplete elliptic integral of the first kind: the integral of
    ``1 / sqrt(1 - m * sin(t)**2)`` from 0 to phi.

    Differentiable in both arguments, which broadcast, to every order, also at m = 0. nan where m is
    above 1. Source: DLMF 19.2.4 and 19.25.5.

    :param phi: tensor, real, the amplitude in radians
    :param m: tensor, real, the parameter, the square of the modulus, at most 1
    :raises TypeError: if an argument is complex

    >>> round(pa.special.ellipkinc(1.0, 0.5).item(), 6)
    1.083217
    >>> round(pa.func.grad(pa.special.ellipkinc, argnums=1)(1.0, 0.0).item(), 6)
    0.136338
    """
    return _integral("special.ellipkinc", _FIRST, phi, m)


def ellipeinc(phi: TensorLike, m: TensorLike, /) -> Tensor:
    """Legendre's incomplete elliptic integral of the second kind: the integral of
    ``sqrt(1 - m * sin(t)**2)`` from 0 to phi.

    Differentiable in both arguments, which broadcast, to every order, also at m = 0. nan where m is
    above 1. Source: DLMF 19.2.5, 19.25.9 and 19.25.10.

    :param phi: tensor, real, the amplitude in radians
    :param m: tensor, real, the parameter, the square of the modulus, at most 1
    :raises TypeError: if an argument is complex

    >>> round(pa.special.ellipeinc(1.0, 0.5).item(), 6)
    0.92733
    """
    return _integral("special.ellipeinc", _SECOND, phi, m)


def ellipkm1(p: TensorLike, /) -> Tensor:
    """The complete elliptic integral of the first kind at ``m = 1 - p``, where ``ellipk`` would
    lose the digits of a small p.

    Differentiable to every order. Infinite at 0, nan below. Source: DLMF 19.25.1.

    :param p: tensor, real, not negative
    :raises TypeError: if the argument is complex

    >>> round(pa.special.ellipkm1(1e-30).item(), 6)
    35.925071
    """
    (p,), dtype = in_double("special.ellipkm1", p)
    return _core.astype(elliprf(0.0, p, 1.0), dtype)


def ellipj(u: TensorLike, m: TensorLike, /) -> JacobiResult:
    """Jacobi's elliptic functions sn, cn and dn, and the amplitude ph, the inverse function of
    ``u = ellipkinc(ph, m)``, of which sn and cn are the sine and the cosine.

    Differentiable in both arguments, which broadcast, to every order, also at m = 0 and 1. nan
    where u is infinite or m is above 1. Source: DLMF 22.13 and 22.16; R. Bulirsch (1965).

    :param u: tensor, real
    :param m: tensor, real, the parameter, the square of the modulus, at most 1
    :return: the named tuple ``(sn, cn, dn, ph)``
    :raises TypeError: if an argument is complex

    >>> pa.special.ellipj([0.0, 1.0], 0.5).sn.numpy().round(6)
    array([0.      , 0.803002])
    >>> pa.func.grad(lambda u: pa.special.ellipj(u, 0.5).sn)(0.0).item()
    1.0
    """
    (u, m), dtype = in_double("special.ellipj", u, m)
    valid = all_of(_core.isfinite(u), m <= 1.0)
    found = _Jacobi.apply(_core.where(valid, u, 0.0), _core.where(valid, m, 0.0))
    return JacobiResult(*(_core.astype(_core.where(valid, v, math.nan), dtype) for v in found))


def _integral(name: str, power: float, phi: TensorLike, m: TensorLike) -> Tensor:
    (phi, m), dtype = in_double(name, phi, m)
    valid = all_of(m <= 1.0, _core.logical_not(_core.isnan(phi)))
    endless, steep = _core.isinf(phi), m == -math.inf
    inside = all_of(valid, _core.logical_not(endless), _core.logical_not(steep))
    value = _incomplete(power, 0)(_core.where(inside, phi, 0.0), _core.where(inside, m, 0.0))
    edge = _core.copysign(math.inf, phi)
    if power == _FIRST:
        edge = _core.where(steep, _core.where(endless, math.nan, 0.0), edge)
    edge = _core.where(valid, edge, math.nan)
    return _core.astype(_core.where(inside, value, edge), dtype)


def _rising(power: float, order: int) -> float:
    """Pochhammer's symbol."""
    return math.prod(power + k for k in range(order))


def _incomplete(power: float, order: int) -> Formula:
    """The derivative of some order by m of the integral of (1 - m sin(t)**2)**-power up to phi."""

    def value(phi: Tensor, m: Tensor) -> Tensor:
        half_turns = _core.round(phi / math.pi)
        s, square = _signs(half_turns) * _core.sin(phi), _core.square(_core.cos(phi))
        return _whole(power, order, s, square, square + (1.0 - m) * _core.square(s), half_turns, m)

    def by_angle(phi: Tensor, m: Tensor) -> Tensor:
        square = _core.square(_core.sin(phi))
        left = _core.square(_core.cos(phi)) + (1.0 - m) * square
        return _rising(power, order) * square**order * left ** -(power + order)

    def by_parameter(phi: Tensor, m: Tensor) -> Tensor:
        return _incomplete(power, order + 1)(phi, m)

    return lambda phi, m: closed(value, (by_angle, by_parameter), phi, m)


def _signs(half_turns: Tensor) -> Tensor:
    """Of the cosines where there are so many half turns."""
    return 1.0 - 2.0 * _core.remainder(half_turns, 2.0)


def _whole(
    power: float, order: int, s: Tensor, c2: Tensor, d2: Tensor, half_turns: Tensor, m: Tensor
) -> Tensor:
    """That derivative for the angle with the sine s and half_turns times pi besides, where c2 is
    the square of the cosine and d2 that of Delta."""
    part = _part(power, order, s, c2, d2, m)
    within = half_turns == 0.0
    full = _part(power, order, _core.ones_like(s), _core.zeros_like(s), 1.0 - m, m)
    return _core.where(within, part, part + 2.0 * half_turns * full)


def _part(power: float, order: int, s: Tensor, c2: Tensor, d2: Tensor, m: Tensor) -> Tensor:
    if order == 0:
        return s * elliprf(c2, d2, 1.0) if power == _FIRST else _second(s, c2, d2, m)
    # By d2, the derivative of R_F is -R_D / 6; that of d2 by m is -s**2.
    ends = (lambda y: elliprd(c2, 1.0, y)) if power == _FIRST else (lambda y: elliprd(c2, y, 1.0))
    further = order - 1
    slope: Tensor = func.taylor(ends, d2, _core.ones_like(d2), further)[further]
    factor = math.copysign(math.factorial(further) / 6.0, -power)
    return factor * s * (-_core.square(s)) ** order * slope


def _second(s: Tensor, c2: Tensor, d2: Tensor, m: Tensor) -> Tensor:
    """By sums of positive terms, for negative m (DLMF 19.25.9) and others (19.25.10)."""
    below, ended = m < 0.0, d2 == 0.0
    d2 = _core.where(ended, 1.0, d2)
    third = elliprd(c2, _core.where(below, d2, 1.0), _core.where(below, 1.0, d2))
    scale = _core.where(below, 1.0, 1.0 - m)
    cube = s * _core.square(s) * _core.where(below, -m, m * (1.0 - m)) / 3.0
    rest = _core.where(below, 0.0, m * s * _core.sqrt(c2 / d2))
    value = scale * s * elliprf(c2, d2, 1.0) + cube * third + rest
    return _core.where(ended, s, value)


class _Jacobi(Function):
    """sn, cn, dn and the amplitude, elementwise in float64, for finite u and m <= 1."""

    elementwise = True

    @staticmethod
    def forward(u: Tensor, m: Tensor) -> tuple[Tensor, ...]:
        return _functions(u, m)[:4]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs, *output[:3])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        u, m, sn, cn, dn = ctx.saved_tensors
        by_sn, by_cn, by_dn, by_ph = (0.0 if g is None else g for g in grad_outputs)
        by_angle = cn * by_sn - sn * by_cn + by_ph
        by_u = dn * by_angle - m * sn * cn * by_dn
        if not ctx.needs_input_grad[1]:
            return by_u, None
        return by_u, -_turned(1, u, m) * by_u - 0.5 * _core.square(sn) / dn * by_dn

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        u, m, sn, cn, dn = ctx.saved_tensors
        t, by_m = tangents
        t = _core.zeros_like(u) if t is None else t
        if by_m is not None:
            t = t - _turned(1, u, m) * by_m
        angle = dn * t
        along = -m * sn * cn * t
        if by_m is not None:
            along = along - 0.5 * _core.square(sn) / dn * by_m
        return cn * angle, -sn * angle, along, angle

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _Jacobi.apply(*mapped_in_front(args, in_dims)), (0, 0, 0, 0)


def _turned(order: int, u: Tensor, m: Tensor) -> Tensor:
    """The derivative of some order by m of ellipkinc(phi, m), at the amplitude phi of u and m."""

    def value(u: Tensor, m: Tensor) -> Tensor:
        sn, cn, dn, _, half_turns = _functions(u, m)
        s = sn * _signs(half_turns)
        return _whole(_FIRST, order, s, _core.square(cn), _core.square(dn), half_turns, m)

    def by_u(u: Tensor, m: Tensor) -> Tensor:
        sn, _, dn, _ = _Jacobi.apply(u, m)
        return _rising(_FIRST, order) * _core.square(sn / dn) ** order

    def by_m(u: Tensor, m: Tensor) -> Tensor:
        return _turned(order + 1, u, m) - by_u(u, m) * _turned(1, u, m)

    return closed(value, (by_u, by_m), u, m)


def _functions(u: Tensor, m: Tensor) -> tuple[Tensor, ...]:
    """sn, cn, dn, the amplitude, and how many half turns are in it."""
    last = m == 1.0
    mean, root = _core.ones_like(u), _core.sqrt(1.0 - _core.where(last, 0.0, m))
    means = []
    for _ in range(_MEANS):
        means.append((mean, root))
        mean, root = 0.5 * (mean + root), _core.sqrt(mean * root)
    angle = mean * u
    s, c = _core.sin(angle), _core.cos(angle)
    small = _core.absolute(s) < _SMALL
    cotangent = c / _core.where(small, 1.0, s)
    scaled, dn = mean * cotangent, _core.ones_like(u)
    for mean, root in reversed(means):
        product = cotangent * scaled
        scaled = scaled * dn
        dn = (root + product) / (mean + product)
        cotangent = scaled / mean
    sn = _core.copysign(1.0 / _core.sqrt(1.0 + _core.square(scaled)), s)
    hyperbolic = 1.0 / _core.cosh(u)
    cn = _core.where(last, hyperbolic, _core.where(small, 1.0, scaled * sn))
    sn = _core.where(last, _core.tanh(u), _core.where(small, u, sn))
    dn = _core.where(last, hyperbolic, _core.where(small, 1.0, dn))
    half_turns = _core.where(last, 0.0, _core.round(angle / math.pi))
    sign = _signs(half_turns)
    amplitude = math.pi * half_turns + _core.atan2(sign * sn, sign * cn)
    return sn, cn, dn, amplitude, half_turns
