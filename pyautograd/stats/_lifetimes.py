"""Continuous families on the positive numbers, of lifetimes, sizes and ratios of variances.

Formulas are of the standard member. Source: N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous
univariate distributions (1994, 1995); parameters are those of :mod:`scipy.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import _core, special
from .._core import Tensor
from ..compositions._common import all_of, nowhere
from ..compositions.quantile_functions import Distribution, quantile
from ..special._accurate import (
    CLOSE,
    LARGE,
    gammainc_of_power,
    gammaincc_of_power,
    log_betainc,
    log_betaincc,
    log_gammainc_of_power,
    log_gammaincc_of_power,
    log_ratio,
)
from ._continuous import log1mexp
from ._families import Continuous, Formula
from ._ratios import tail_of_ratio

_POSITIVE = (0.0, np.inf)
_LOG_2 = math.log(2.0)
_HALF_LOG_HALF_PI = 0.5 * math.log(0.5 * math.pi)


def vanishing(logpdf: Formula) -> Formula:
    """The same, and -inf at infinity, where terms of opposite signs would meet."""

    def formula(z: Tensor, *shapes: Tensor) -> Tensor:
        infinite = _core.isinf(z)
        return _core.where(infinite, -np.inf, logpdf(_core.where(infinite, 1.0, z), *shapes))

    return formula


def _by_hazard(
    name: str,
    logpdf: Formula,
    hazard: Callable[[Tensor], Tensor],
    inverse: Callable[[Tensor], Tensor],
) -> Continuous:
    """The family of one shape, a factor of the cumulative hazard."""
    return Continuous(
        name,
        logpdf,
        "c",
        cdf=lambda z, c: -_core.expm1(-c * hazard(z)),
        sf=lambda z, c: _core.exp(-c * hazard(z)),
        logcdf=lambda z, c: log1mexp(c * hazard(z)),
        logsf=lambda z, c: -c * hazard(z),
        ppf=lambda q, c: inverse(-_core.log1p(-q) / c),
        isf=lambda q, c: inverse(-_core.log(q) / c),
        support=_POSITIVE,
    )


def _log_logistic(z: Tensor, c: Tensor) -> Tensor:
    return _core.log(c) + special.xlogy(c - 1.0, z) - 2.0 * _core.softplus(c * _core.log(z))


def _inverse_weibull(z: Tensor, c: Tensor) -> Tensor:
    zero = _core.equal(z, 0.0)
    z = _core.where(zero, 1.0, z)
    return _core.where(zero, -np.inf, _core.log(c) - (c + 1.0) * _core.log(z) - z**-c)


def _beta_prime_of_few(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return special.xlogy(a - 1.0, z) - (a + b) * _core.log1p(z) - special.betaln(a, b)


def _ratio(z: Tensor, a: Tensor, b: Tensor, over_means: bool, few: Formula) -> Tensor:
    """The logarithm of the density of the ratio of two gamma variables, of which either may be over
    its mean: where a shape is large and z not far from the ratio of means, elsewhere that of few.
    """
    if nowhere(_core.maximum(a, b) >= LARGE):
        return few(z, a, b)
    at = z if over_means else z * (b / a)
    # Turned so that the larger shape is below
    turned = a > b
    place = _core.where(turned, 1.0 / _core.where(turned, at, 1.0), at)
    less, more = _core.where(turned, b, a), _core.where(turned, a, b)
    close = _core.absolute(less * (place - 1.0)) < CLOSE * (less + more)
    many = all_of(more >= LARGE, more < np.inf, place > 0.0, close)
    place, less = _core.where(many, place, 1.0), _core.where(many, less, 1.0)
    value = log_ratio(place, less, _core.where(many, more, LARGE))
    value = value - 2.0 * _core.log(_core.where(_core.logical_and(many, turned), at, 1.0))
    value = value if over_means else value + _core.log(b / a)
    rest = _core.logical_not(many)
    return value if nowhere(rest) else _core.where(rest, few(z, a, b), value)


def _f_of_few(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    ratio = a / b
    return _core.log(ratio) + _beta_prime_of_few(ratio * z, a, b)


def _as_fraction(z: Tensor) -> tuple[Tensor, Tensor]:
    """z/(1 + z) and 1/(1 + z)."""
    return z / (1.0 + z), 1.0 / (1.0 + z)


def _beta_prime_tail(lower: Formula, upper: Formula) -> Formula:
    """That tail by the smaller of both fractions; ``upper`` is one less ``lower``."""

    def tail(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
        fraction, rest = _as_fraction(z)
        near = z < 1.0
        left = lower(a, b, _core.where(near, fraction, 0.5))
        return _core.where(near, left, upper(b, a, _core.where(near, 0.5, rest)))

    return tail


_beta_prime_cdf = _beta_prime_tail(special.betainc, special.betaincc)
_beta_prime_sf = _beta_prime_tail(special.betaincc, special.betainc)
_beta_prime_logcdf = _beta_prime_tail(log_betainc, log_betaincc)
_beta_prime_logsf = _beta_prime_tail(log_betaincc, log_betainc)


def _beta_prime_ppf(q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return special.betaincinv(a, b, q) / special.betainccinv(b, a, q)


def _beta_prime_isf(q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return special.betainccinv(a, b, q) / special.betaincinv(b, a, q)


def _half_square(tail: Formula) -> Formula:
    """A tail of the gamma distribution of shape 3/2 at half the square."""

    def formula(z: Tensor) -> Tensor:
        shape = _core.full_like(z, 1.5)
        return tail(shape, 0.5 * _core.square(z), z, 2.0, -_LOG_2)

    return formula


rayleigh = Continuous(
    "rayleigh",
    vanishing(lambda z: _core.log(z) - 0.5 * _core.square(z)),
    cdf=lambda z: -_core.expm1(-0.5 * _core.square(z)),
    sf=lambda z: _core.exp(-0.5 * _core.square(z)),
    logcdf=lambda z: log1mexp(0.5 * _core.square(z), 2.0 * _core.log(z) - _LOG_2),
    logsf=lambda z: -0.5 * _core.square(z),
    ppf=lambda q: _core.sqrt(-2.0 * _core.log1p(-q)),
    isf=lambda q: _core.sqrt(-2.0 * _core.log(q)),
    support=_POSITIVE,
)
maxwell = Continuous(
    "maxwell",
    lambda z: 2.0 * _core.log(z) - 0.5 * _core.square(z) - _HALF_LOG_HALF_PI,
    cdf=_half_square(gammainc_of_power),
    sf=_half_square(gammaincc_of_power),
    logcdf=_half_square(log_gammainc_of_power),
    logsf=_half_square(log_gammaincc_of_power),
    ppf=lambda q: _core.sqrt(2.0 * special.gammaincinv(1.5, q)),
    isf=lambda q: _core.sqrt(2.0 * special.gammainccinv(1.5, q)),
    support=_POSITIVE,
)
fisk = Continuous(
    "fisk",
    vanishing(_log_logistic),
    "c",
    cdf=lambda z, c: special.expit(c * _core.log(z)),
    sf=lambda z, c: special.expit(-c * _core.log(z)),
    logcdf=lambda z, c: special.log_expit(c * _core.log(z)),
    logsf=lambda z, c: special.log_expit(-c * _core.log(z)),
    ppf=lambda q, c: _core.exp(special.logit(q) / c),
    isf=lambda q, c: _core.exp(-special.logit(q) / c),
    support=_POSITIVE,
)
gompertz = _by_hazard(
    "gompertz", lambda z, c: _core.log(c) + z - c * _core.expm1(z), _core.expm1, _core.log1p
)
lomax = _by_hazard(
    "lomax", lambda z, c: _core.log(c) - (c + 1.0) * _core.log1p(z), _core.log1p, _core.expm1
)
invweibull = Continuous(
    "invweibull",
    _inverse_weibull,
    "c",
    cdf=lambda z, c: _core.exp(-(z**-c)),
    sf=lambda z, c: -_core.expm1(-(z**-c)),
    logcdf=lambda z, c: -(z**-c),
    logsf=lambda z, c: log1mexp(z**-c, -c * _core.log(z)),
    ppf=lambda q, c: (-_core.log(q)) ** (-1.0 / c),
    isf=lambda q, c: (-_core.log1p(-q)) ** (-1.0 / c),
    support=_POSITIVE,
)
betaprime = Continuous(
    "betaprime",
    vanishing(lambda z, a, b: _ratio(z, a, b, False, _beta_prime_of_few)),
    *("a", "b"),
    cdf=_beta_prime_cdf,
    sf=_beta_prime_sf,
    logcdf=_beta_prime_logcdf,
    logsf=_beta_prime_logsf,
    ppf=_beta_prime_ppf,
    isf=_beta_prime_isf,
    support=_POSITIVE,
)


def _f_tail(formula: Formula, is_upper: bool, in_log: bool = False) -> Formula:
    """That tail of the ratio over means, by the one of the ratio."""
    of_means = tail_of_ratio(lambda z, a, b: formula(a / b * z, a, b), is_upper, in_log)
    return lambda z, dfn, dfd: of_means(z, 0.5 * dfn, 0.5 * dfd)


def _f_density(z: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
    return _ratio(z, 0.5 * dfn, 0.5 * dfd, True, _f_of_few)


def _f_solve(wanted: Tensor, upper: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
    shapes = 0.5 * dfn, 0.5 * dfd
    place = _core.where(upper, _beta_prime_isf(wanted, *shapes), _beta_prime_ppf(wanted, *shapes))
    return dfd / dfn * place


_f_cdf, _f_sf = _f_tail(_beta_prime_cdf, False), _f_tail(_beta_prime_sf, True)
_F = Distribution(_f_cdf, _f_sf, lambda *args: _core.exp(_f_density(*args)), _f_solve, _POSITIVE)
f = Continuous(
    "f",
    _f_density,
    *("dfn", "dfd"),
    cdf=_f_cdf,
    sf=_f_sf,
    logcdf=_f_tail(_beta_prime_logcdf, False, True),
    logsf=_f_tail(_beta_prime_logsf, True, True),
    ppf=lambda q, dfn, dfd: quantile("stats.f", _F, False, q, dfn, dfd),
    isf=lambda q, dfn, dfd: quantile("stats.f", _F, True, q, dfn, dfd),
    support=_POSITIVE,
)
