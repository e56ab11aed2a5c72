"""Functions beside the error function, under the names of :mod:`scipy.special`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import _core
from .._core import Tensor
from ._common import all_of, in_double

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# From this distance on, in units of sqrt(2) sigma, that many terms of the asymptotic series of the
# Faddeeva function are exact.
_FAR, _TERMS = 7.0, 26
# And beyond this one exp(-z**2) is 0.
_GONE = 28.0


def erfi(z: TensorLike, /) -> Tensor:
    """The imaginary error function, ``-1j * erf(1j * z)``.

    :param z: tensor, real or complex

    Source: DLMF 7.5.1.

    >>> round(pa.special.erfi(1.0).item(), 6)
    1.650426
    """
    if _core.asarray(z).dtype.kind == "c":
        return -1j * _core.erf(1j * _core.asarray(z))
    (x,), dtype = in_double("special.erfi", z)
    inside = _core.absolute(x) < 30.0
    safe = _core.where(inside, x, 0.0)
    half = _core.exp(0.5 * _core.square(safe))
    value = (half * (2.0 / math.sqrt(math.pi) * _core.special_dawsn(safe))) * half
    return _core.astype(_core.where(inside, value, _core.copysign(math.inf, x.detach()) + x), dtype)


def voigt_profile(x: TensorLike, sigma: TensorLike, gamma: TensorLike, /) -> Tensor:
    """Voigt's profile: a normal density of deviation sigma convolved with a Cauchy density of half
    width gamma.

    Differentiable in all arguments, which broadcast, to every order, and where one of sigma and
    gamma is 0, too; nan where sigma or gamma is negative. Source: DLMF 7.19.1, and far out 7.12.1.

    :param x: tensor, real
    :param sigma: tensor, real
    :param gamma: tensor, real
    :raises TypeError: if an argument is complex

    >>> pa.special.voigt_profile(0.0, [1.0, 0.0], [0.0, 1.0]).numpy().round(6)
    array([0.398942, 0.31831 ])
    """
    (x, sigma, gamma), dtype = in_double("special.voigt_profile", x, sigma, gamma)
    valid = all_of(sigma >= 0.0, gamma >= 0.0, _core.logical_not(_core.isnan(x)))
    finite = all_of(valid, _core.isfinite(x), sigma < math.inf, gamma < math.inf)
    point = all_of(x == 0.0, sigma == 0.0, gamma == 0.0)
    inside = all_of(finite, _core.logical_not(point))
    x_, s, g = (_core.where(inside, v, 1.0) for v in (x, sigma, gamma))
    distance = _core.hypot(x_.detach(), g.detach())
    width = math.sqrt(2.0) * s.detach()
    far = distance >= _FAR * width

    near_s = _core.where(far, 1.0, math.sqrt(2.0) * s)
    real, imag = _core.where(far, 1.0, x_) / near_s, _core.where(far, 1.0, g) / near_s
    near = _core.real(_core.special_wofz(_core.complex(real, imag))) / (near_s * math.sqrt(math.pi))

    outer = [_core.where(far, v, e) for v, e in ((x_, 1.0), (s, 0.0), (g, 1.0))]
    tail = _asymptotic(*outer)
    # Close to the real axis the exponential counts beside the series.
    beside = all_of(far, g < width, distance < _GONE * width)
    core_s = _core.where(beside, math.sqrt(2.0) * s, 1.0)
    u, v = _core.where(beside, x_, 1.0) / core_s, _core.where(beside, g, 0.0) / core_s
    core = _core.exp((v - u) * (v + u)) * _core.cos(2.0 * u * v) / (core_s * math.sqrt(math.pi))
    value = _core.where(far, tail + _core.where(beside, core, 0.0), near)
    edge = _core.where(point, math.inf, 0.0)
    return _core.astype(_core.where(inside, value, _core.where(valid, edge, math.nan)), dtype)


def _asymptotic(x: Tensor, sigma: Tensor, gamma: Tensor) -> Tensor:
    """The real part of i / (pi z) times the sum of (2k - 1)!! (sigma / z)^(2k), z = x + i gamma."""
    size = _core.hypot(x, gamma)
    c, s = x / size, gamma / size
    ratio = _core.square(sigma / size)
    along, across = ratio * (c - s) * (c + s), ratio * (2.0 * s * c)
    real, imag = _core.ones_like(x), _core.zeros_like(x)
    # Of the complex conjugate, whose imaginary part is positive with c and s
    for k in reversed(range(1, _TERMS)):
        real, imag = (
            1.0 + (2.0 * k - 1.0) * (along * real - across * imag),
            (2.0 * k - 1.0) * (across * real + along * imag),
        )
    return (s * real + c * imag) / (math.pi * size)
