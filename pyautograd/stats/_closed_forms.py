"""Continuous families whose distribution functions are elementary, and some of the error function.

Formulas are of the standard member. Source: N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous
univariate distributions (1994, 1995); parameters are those of :mod:`scipy.stats`.
"""

from __future__ import annotations

import math

import numpy as np

from .. import _core, special
from .._core import Tensor
from ._continuous import log1mexp
from ._families import Continuous
from ._lifetimes import vanishing

_LOG_2 = math.log(2.0)
_LOG_PI = math.log(math.pi)
_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
_HALF_PI = 0.5 * math.pi


def _log_erfc(x: Tensor) -> Tensor:
    """``log(erfc(x / sqrt(2)))`` for x > 0."""
    near = x < 0.5
    inner = _core.log1p(-special.erf(_core.where(near, x, 0.0) * _ROOT_HALF))
    return _core.where(near, inner, _LOG_2 + special.log_ndtr(-_core.where(near, 1.0, x)))


def _levy(z: Tensor) -> Tensor:
    zero = z == 0.0
    y = _core.where(zero, 1.0, z)
    return _core.where(zero, -np.inf, -_HALF_LOG_TAU - 1.5 * _core.log(y) - 0.5 / y)


levy = Continuous(
    "levy",
    _levy,
    cdf=lambda z: special.erfc(_ROOT_HALF / _core.sqrt(z)),
    sf=lambda z: special.erf(_ROOT_HALF / _core.sqrt(z)),
    logcdf=lambda z: _log_erfc(1.0 / _core.sqrt(z)),
    ppf=lambda q: 0.5 / _core.square(special.erfcinv(q)),
    isf=lambda q: 0.5 / _core.square(special.erfinv(q)),
    support=(0.0, np.inf),
)


def _log_ratio(low: Tensor, high: Tensor) -> Tensor:
    """``log(high / low)``, also of numbers close to each other."""
    near = _core.logical_and(high < 2.0 * low, high > 0.5 * low)
    share = _core.where(near, (high - low) / low, 0.0)
    return _core.where(near, _core.log1p(share), _core.log(high) - _core.log(low))


def _share(part: Tensor, rest: Tensor, whole: Tensor) -> Tensor:
    """A part of the whole, near 1 with the slopes of the rest, which are small."""
    return _core.where(part < rest, part / whole, 1.0 - rest / whole)


def _from_nearer_end(below: Tensor, above: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The place between a and b with these probabilities, whose slope by the farther end, which is
    small, does not come from a difference."""
    near = below < 0.5
    way = _core.where(near, below, -above) * _log_ratio(a, b)
    return _core.where(near, a, b) * _core.exp(way)


def _log_uniform(name: str) -> Continuous:
    return Continuous(
        name,
        lambda z, a, b: -_core.log(z) - _core.log(_log_ratio(a, b)),
        *("a", "b"),
        cdf=lambda z, a, b: _share(_log_ratio(a, z), _log_ratio(z, b), _log_ratio(a, b)),
        sf=lambda z, a, b: _share(_log_ratio(z, b), _log_ratio(a, z), _log_ratio(a, b)),
        ppf=lambda q, a, b: _from_nearer_end(q, 1.0 - q, a, b),
        isf=lambda q, a, b: _from_nearer_end(1.0 - q, q, a, b),
        support=lambda a, b: (a, b),
        valid=lambda a, b: _core.logical_and(a > 0.0, _core.logical_and(b > a, b < np.inf)),
    )


loguniform, reciprocal = _log_uniform("loguniform"), _log_uniform("reciprocal")


def _triangle(z: Tensor, c: Tensor) -> Tensor:
    # z and the mode as seen from the end on the side of the mode where z lies
    before = _core.logical_or(z < c, c == 1.0)
    at, mode = _core.where(before, z, 1.0 - z), _core.where(before, c, 1.0 - c)
    return _LOG_2 + _core.log(at) - _core.log(mode)


def _triangle_below(z: Tensor, rest: Tensor, c: Tensor, other: Tensor) -> Tensor:
    """The probability of less than z = 1 - rest with the mode at c = 1 - other."""
    before = _core.logical_or(z < c, c == 1.0)
    ahead, behind = _core.where(before, c, 1.0), _core.where(before, 1.0, other)
    above = _core.square(rest) / behind
    # Where little is left below, one less that cancels.
    little = ((z - c) + z * rest) / behind
    beyond = _core.where(above > 0.5, little, 1.0 - above)
    return _core.where(before, _core.square(z) / ahead, beyond)


def _triangle_place(below: Tensor, above: Tensor, c: Tensor) -> Tensor:
    other = 1.0 - c
    before = below < c
    root = _core.sqrt(_core.where(before, c, other) * _core.where(before, below, above))
    # One less the root, by the square of both where that is small
    beyond = _core.where(root > 0.5, (c + below * other) / (1.0 + root), 1.0 - root)
    return _core.where(before, root, beyond)


triang = Continuous(
    "triang",
    _triangle,
    "c",
    cdf=lambda z, c: _triangle_below(z, 1.0 - z, c, 1.0 - c),
    sf=lambda z, c: _triangle_below(1.0 - z, z, 1.0 - c, c),
    ppf=lambda q, c: _triangle_place(q, 1.0 - q, c),
    isf=lambda q, c: _triangle_place(1.0 - q, q, c),
    support=(0.0, 1.0),
    valid=lambda c: _core.logical_and(c >= 0.0, c <= 1.0),
)


def _arcsine_cdf(z: Tensor, rest: Tensor) -> Tensor:
    near = z < rest
    tail = _core.asin(_core.sqrt(_core.where(near, z, rest))) / _HALF_PI
    return _core.where(near, tail, 1.0 - tail)


def _arcsine_ppf(q: Tensor) -> Tensor:
    near = q < 0.5
    part = _core.square(_core.sin(_HALF_PI * _core.where(near, q, 1.0 - q)))
    return _core.where(near, part, 1.0 - part)


arcsine = Continuous(
    "arcsine",
    lambda z: -_LOG_PI - 0.5 * (_core.log(z) + _core.log1p(-z)),
    cdf=lambda z: _arcsine_cdf(z, 1.0 - z),
    sf=lambda z: _arcsine_cdf(1.0 - z, z),
    ppf=_arcsine_ppf,
    isf=lambda q: _core.where(q < 0.5, 1.0 - _arcsine_ppf(q), _arcsine_ppf(1.0 - q)),
    support=(0.0, 1.0),
)


def _half_logistic_cdf(z: Tensor) -> Tensor:
    near = z < 1.0
    far = 1.0 - 2.0 * special.expit(-z)
    return _core.where(near, _core.tanh(0.5 * _core.where(near, z, 0.0)), far)


def _half_logistic_logsf(z: Tensor) -> Tensor:
    near = z < 1.0
    inner = -_core.log1p(0.5 * _core.expm1(_core.where(near, z, 0.0)))
    return _core.where(near, inner, _LOG_2 - z - _core.softplus(-z))


halflogistic = Continuous(
    "halflogistic",
    lambda z: _LOG_2 - z - 2.0 * _core.softplus(-z),
    cdf=_half_logistic_cdf,
    sf=lambda z: 2.0 * special.expit(-z),
    logsf=_half_logistic_logsf,
    ppf=lambda q: 2.0 * _core.atanh(q),
    isf=lambda q: _core.log1p(-q + 1.0) - _core.log(q),
    support=(0.0, np.inf),
)
# From there on two terms of the series of log(atan(x) / x) at x = exp(z) are enough.
_STEEP = -10.0


def _secant(z: Tensor) -> Tensor:
    size = _core.where(z < 0.0, -z, z)
    return _LOG_2 - _LOG_PI - size - _core.softplus(-2.0 * size)


def _secant_logcdf(z: Tensor) -> Tensor:
    steep, right = z < _STEEP, z > 0.0
    inner = _core.where(_core.logical_or(steep, right), 0.0, z)
    near = _core.log(_core.atan(_core.exp(inner)) / _HALF_PI)
    outer = _core.atan(_core.exp(-_core.where(right, z, 0.0))) / _HALF_PI
    square = _core.exp(2.0 * _core.where(steep, z, _STEEP))
    far = _core.where(steep, z, 0.0) - math.log(_HALF_PI)
    far = far - square * (1.0 / 3.0 - 13.0 / 90.0 * square)
    return _core.where(right, _core.log1p(-outer), _core.where(steep, far, near))


def _secant_cdf(z: Tensor) -> Tensor:
    right = z > 0.0
    tail = _core.atan(_core.exp(_core.where(right, -z, z))) / _HALF_PI
    return _core.where(right, 1.0 - tail, tail)


def _secant_ppf(q: Tensor) -> Tensor:
    upper = q > 0.5
    size = _core.log(_core.tan(_HALF_PI * _core.where(upper, 1.0 - q, q)))
    return _core.where(upper, -size, size)


hypsecant = Continuous(
    "hypsecant",
    _secant,
    cdf=_secant_cdf,
    sf=lambda z: _secant_cdf(-z),
    logcdf=_secant_logcdf,
    logsf=lambda z: _secant_logcdf(-z),
    ppf=_secant_ppf,
    isf=lambda q: -_secant_ppf(q),
)


def _log_below(kappa: Tensor) -> Tensor:
    """The logarithm of the share below 0, ``kappa**2 / (1 + kappa**2)``."""
    return special.log_expit(2.0 * _core.log(kappa))


def _two_sided(z: Tensor, kappa: Tensor) -> Tensor:
    return _core.where(z < 0.0, z / kappa, -z * kappa)


def _two_sided_logcdf(z: Tensor, kappa: Tensor) -> Tensor:
    left = z < 0.0
    below = _log_below(kappa) + _core.where(left, z, 0.0) / kappa
    above = _log_below(1.0 / kappa) - _core.where(left, 0.0, z) * kappa
    return _core.where(left, below, log1mexp(_core.where(left, 1.0, -above)))


def _two_sided_ppf(q: Tensor, kappa: Tensor) -> Tensor:
    log_below = _log_below(kappa)
    left = q < _core.exp(log_below)
    below = kappa * (_core.log(q) - log_below)
    above = (_log_below(1.0 / kappa) - _core.log1p(-q)) / kappa
    return _core.where(left, below, above)


laplace_asymmetric = Continuous(
    "laplace_asymmetric",
    vanishing(lambda z, kappa: _two_sided(z, kappa) + _core.log(kappa) + _log_below(1.0 / kappa)),
    "kappa",
    cdf=lambda z, kappa: _core.exp(_two_sided_logcdf(z, kappa)),
    sf=lambda z, kappa: _core.exp(_two_sided_logcdf(-z, 1.0 / kappa)),
    logcdf=_two_sided_logcdf,
    logsf=lambda z, kappa: _two_sided_logcdf(-z, 1.0 / kappa),
    ppf=_two_sided_ppf,
    isf=lambda q, kappa: -_two_sided_ppf(q, 1.0 / kappa),
)


def _moyal_logsf(z: Tensor) -> Tensor:
    far = z > 80.0
    root = _core.exp(-0.5 * _core.where(far, 0.0, z)) * _ROOT_HALF
    tail, rest = special.erf(root), special.erfc(root)
    # Where the upper tail is near 1, by the lower one
    most = tail > 0.5
    near = _core.where(
        most,
        _core.log1p(-_core.where(most, rest, 0.0)),
        _core.log(_core.where(most, 1.0, tail)),
    )
    return _core.where(far, -0.5 * z - 0.5 * math.log(_HALF_PI), near)


moyal = Continuous(
    "moyal",
    vanishing(lambda z: -0.5 * (z + _core.exp(-z)) - _HALF_LOG_TAU),
    cdf=lambda z: special.erfc(_core.exp(-0.5 * z) * _ROOT_HALF),
    sf=lambda z: special.erf(_core.exp(-0.5 * z) * _ROOT_HALF),
    logcdf=lambda z: _log_erfc(_core.exp(-0.5 * z)),
    logsf=_moyal_logsf,
    ppf=lambda q: -2.0 * _core.log(special.erfcinv(q) / _ROOT_HALF),
    isf=lambda q: -2.0 * _core.log(special.erfinv(q) / _ROOT_HALF),
)
