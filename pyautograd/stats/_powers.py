"""Families that are powers or logarithms of gamma, exponential and logistic variables.

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
    LARGE,
    gammainc_of_power,
    gammaincc_of_power,
    log_gammainc,
    log_gammainc_of_power,
    log_gammaincc,
    log_gammaincc_of_power,
    log_poisson,
    underflows,
)
from ._concentrated import beside_the_mean
from ._continuous import log1mexp, power_of_quantile
from ._families import Continuous, Formula
from ._lifetimes import vanishing

_LOG_2 = math.log(2.0)
_POSITIVE = (0.0, np.inf)
# Where exp(-_GONE) is nothing beside 1
_GONE = 37.0
# Up to there so many terms of the series of exp(-x) are all of it
_CLOSE, _TERMS = 0.01, 8


def _power_of_gamma(z: Tensor, a: Tensor, c: Tensor, y: Tensor, log_rate: Tensor | float) -> Tensor:
    """The logarithm of the density at z where y = rate * z**c is a gamma variable of shape a."""
    size = _core.log(_core.absolute(c))
    large = all_of(a >= LARGE, z > 0.0, y < np.inf, _core.logical_not(underflows(y)))
    # At 0 a power times a constant, and nothing where y is infinite
    gone = _core.isinf(y)
    plain = special.xlogy(c * a - 1.0, _core.where(gone, 1.0, z)) + size + a * log_rate
    plain = plain - special.gammaln(a) - _core.where(gone, np.inf, y)
    if nowhere(large):
        return plain
    count, inner, at = (_core.where(large, v, LARGE) for v in (a, y, z))
    inside = log_poisson(count, inner) + _core.log(count) + size - _core.log(at)
    return _core.where(large, inside, plain)


def _general(z: Tensor, a: Tensor, c: Tensor) -> Tensor:
    return _power_of_gamma(z, a, c, z**c, 0.0)


def _either(lower: Formula, upper: Formula) -> Formula:
    """A tail of the power c of a gamma variable: the other one where c is negative."""
    return lambda z, a, c: _core.where(c > 0.0, lower(z, a, c), upper(z, a, c))


def _at_power(tail: Formula) -> Formula:
    return lambda z, a, c: tail(a, z**c, z, c)


_lower, _upper = _at_power(gammainc_of_power), _at_power(gammaincc_of_power)
_log_lower, _log_upper = _at_power(log_gammainc_of_power), _at_power(log_gammaincc_of_power)


def _general_place(complement: bool, q: Tensor, a: Tensor, c: Tensor) -> Tensor:
    own, other = (power_of_quantile(side, q, a, 1.0 / c) for side in (complement, not complement))
    return _core.where(c > 0.0, own, other)


gengamma = Continuous(
    "gengamma",
    vanishing(_general),
    *("a", "c"),
    cdf=_either(_lower, _upper),
    sf=_either(_upper, _lower),
    logcdf=_either(_log_lower, _log_upper),
    logsf=_either(_log_upper, _log_lower),
    ppf=lambda q, a, c: _general_place(False, q, a, c),
    isf=lambda q, a, c: _general_place(True, q, a, c),
    support=_POSITIVE,
    valid=lambda a, c: _core.logical_and(a > 0.0, _core.logical_and(c != 0.0, _core.isfinite(c))),
)


def _root_of_gamma(
    name: str,
    shape: str,
    of_square: Callable[[Tensor, Tensor], Tensor],
    rate: Callable[[Tensor], Tensor | float],
    half: float,
    large: Callable[[Formula, bool, bool], Formula] = lambda few, is_upper, in_log: few,
) -> Continuous:
    """The family of the root of a gamma variable of shape ``half`` times that of the family.

    ``large(tail, is_upper, in_log)`` is that tail for large shapes, too.
    """

    def logpdf(z: Tensor, s: Tensor) -> Tensor:
        two = _core.full_like(z, 2.0)
        return _power_of_gamma(z, half * s, two, square(z, s), log_rate(s))

    def log_rate(s: Tensor) -> Tensor:
        return _core.log(rate(s) + 0.0 * s)

    def at_square(tail: Formula, is_upper: bool, in_log: bool) -> Formula:
        def formula(z: Tensor, s: Tensor) -> Tensor:
            return tail(half * s, square(z, s), z, 2.0, log_rate(s))

        return large(formula, is_upper, in_log)

    def square(z: Tensor, s: Tensor) -> Tensor:
        return of_square(_core.square(z), s)

    return Continuous(
        name,
        vanishing(logpdf),
        shape,
        cdf=at_square(gammainc_of_power, False, False),
        sf=at_square(gammaincc_of_power, True, False),
        logcdf=at_square(log_gammainc_of_power, False, True),
        logsf=at_square(log_gammaincc_of_power, True, True),
        ppf=lambda q, s: power_of_quantile(False, q, half * s, 0.5) / rate(s) ** 0.5,
        isf=lambda q, s: power_of_quantile(True, q, half * s, 0.5) / rate(s) ** 0.5,
        support=_POSITIVE,
    )


chi = _root_of_gamma("chi", "df", lambda y, df: 0.5 * y, lambda df: 0.5, 0.5)
nakagami = _root_of_gamma(
    "nakagami", "nu", lambda y, nu: nu * y, lambda nu: nu, 1.0, beside_the_mean
)


def _size_power(z: Tensor, beta: Tensor) -> Tensor:
    return _core.absolute(z) ** beta


def _general_normal(z: Tensor, beta: Tensor) -> Tensor:
    return -_LOG_2 - special.gammaln(1.0 + 1.0 / beta) - _size_power(z, beta)


def _from_centre(z: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Whether z is close to 0, how far the distribution function is from 1/2 there, and the power
    of its size elsewhere: by that power slopes cancel or are lost at 0."""
    zero = _core.equal(z, 0.0)
    power = _size_power(_core.where(zero, 1.0, z), beta)
    close = _core.logical_or(zero, power < _CLOSE)
    beside = _core.logical_and(close, _core.logical_not(zero))
    inner, share = _core.where(beside, power, 0.0), _core.zeros_like(power)
    for k in reversed(range(_TERMS)):
        share = 1.0 / (k * beta + 1.0) - inner / (k + 1.0) * share
    density = 0.5 * _core.exp(-special.gammaln(1.0 + 1.0 / beta))
    return close, density * _core.where(close, z, 0.0) * share, _core.where(close, 1.0, power)


def _general_cdf(z: Tensor, beta: Tensor) -> Tensor:
    close, step, power = _from_centre(z, beta)
    far = 0.5 * special.gammaincc(1.0 / beta, power)
    return _core.where(close, 0.5 + step, _core.where(z > 0.0, 1.0 - far, far))


def _general_logcdf(z: Tensor, beta: Tensor) -> Tensor:
    close, step, power = _from_centre(z, beta)
    right = z > 0.0
    far = log_gammaincc(1.0 / beta, power) - _LOG_2
    above = _core.log1p(-_core.exp(_core.where(right, far, -1.0)))
    return _core.where(close, _core.log1p(2.0 * step) - _LOG_2, _core.where(right, above, far))


def _general_solve(wanted: Tensor, upper: Tensor, beta: Tensor) -> Tensor:
    middle, over = wanted > 0.25, 1.0 / beta
    far = power_of_quantile(True, _core.where(middle, 0.5, 2.0 * wanted), over, over)
    near = power_of_quantile(False, _core.where(middle, 1.0 - 2.0 * wanted, 0.5), over, over)
    size = _core.where(middle, near, far)
    return _core.where(upper, size, -size)


_GENERAL_NORMAL = Distribution(
    _general_cdf,
    lambda z, beta: _general_cdf(-z, beta),
    lambda z, beta: _core.exp(_general_normal(z, beta)),
    _general_solve,
    (-math.inf, math.inf),
)
gennorm = Continuous(
    "gennorm",
    _general_normal,
    "beta",
    cdf=_general_cdf,
    sf=lambda z, beta: _general_cdf(-z, beta),
    logcdf=_general_logcdf,
    logsf=lambda z, beta: _general_logcdf(-z, beta),
    ppf=lambda q, beta: quantile("stats.gennorm", _GENERAL_NORMAL, False, q, beta),
    isf=lambda q, beta: quantile("stats.gennorm", _GENERAL_NORMAL, True, q, beta),
)


def _lost(x: Tensor) -> Tensor:
    """``1 - exp(-x)``, near 1 with the derivatives of what is left."""
    near = x < _LOG_2
    small, large = _core.where(near, x, 0.0), _core.where(near, 1.0, x)
    return _core.where(near, -_core.expm1(-small), 1.0 - _core.exp(-large))


def _log_gamma_variable(z: Tensor, c: Tensor) -> Tensor:
    plain = c * z - _core.exp(z) - special.gammaln(c)
    large = _core.logical_and(c >= LARGE, _core.absolute(z) < 600.0)
    k, at = _core.where(large, c, LARGE), _core.where(large, z, 1.0)
    return _core.where(large, log_poisson(k, _core.exp(at)) + _core.log(k), plain)


def _log_gamma_logcdf(z: Tensor, c: Tensor) -> Tensor:
    far = z < -500.0
    near = log_gammainc(c, _core.exp(_core.where(far, 0.0, z)))
    return _core.where(far, c * z - special.gammaln(c + 1.0), near)


def _log_gamma_logsf(z: Tensor, c: Tensor) -> Tensor:
    far = z < -500.0
    near = log_gammaincc(c, _core.exp(_core.where(far, 0.0, z)))
    return _core.where(far, _core.log1p(-_core.exp(_log_gamma_logcdf(z, c))), near)


def _log_of_quantile(x: Tensor, q: Tensor, c: Tensor, lower: Callable[[Tensor], Tensor]) -> Tensor:
    """The logarithm of a gamma quantile; of one that underflows by the first term of its series."""
    tiny = x < 1e-290
    first = (lower(q) + special.gammaln(c + 1.0)) / c
    return _core.where(tiny, first, _core.log(_core.where(tiny, 1.0, x)))


loggamma = Continuous(
    "loggamma",
    vanishing(_log_gamma_variable),
    "c",
    cdf=lambda z, c: _core.exp(_log_gamma_logcdf(z, c)),
    sf=lambda z, c: _core.exp(_log_gamma_logsf(z, c)),
    logcdf=_log_gamma_logcdf,
    logsf=_log_gamma_logsf,
    ppf=lambda q, c: _log_of_quantile(special.gammaincinv(c, q), q, c, _core.log),
    isf=lambda q, c: _log_of_quantile(special.gammainccinv(c, q), q, c, lambda q: _core.log1p(-q)),
)
weibull_max = Continuous(
    "weibull_max",
    lambda z, c: _core.log(c) + special.xlogy(c - 1.0, -z) - (-z) ** c,
    "c",
    cdf=lambda z, c: _core.exp(-((-z) ** c)),
    sf=lambda z, c: _lost((-z) ** c),
    logcdf=lambda z, c: -((-z) ** c),
    logsf=lambda z, c: log1mexp((-z) ** c, c * _core.log(-z)),
    ppf=lambda q, c: -((-_core.log(q)) ** (1.0 / c)),
    isf=lambda q, c: -((-_core.log1p(-q)) ** (1.0 / c)),
    support=(-np.inf, 0.0),
)


def _powered_weibull(z: Tensor, a: Tensor, c: Tensor) -> Tensor:
    y = z**c
    gone = _core.isinf(y)
    y = _core.where(gone, 1.0, y)
    near = y < _LOG_2
    # Of the power of the distribution function near 0 the leading power of z is taken out.
    inner, outer = _core.where(near, y, 0.0), _core.where(near, 1.0, y)
    power = _core.where(near, a * c, c) - 1.0
    share = (a - 1.0) * _core.where(near, _core.log(special.exprel(-inner)), log1mexp(outer))
    value = _core.log(a) + _core.log(c) + special.xlogy(power, z) + share - y
    return _core.where(gone, -np.inf, value)


def _log_failed(z: Tensor, a: Tensor, c: Tensor) -> Tensor:
    return a * log1mexp(z**c, c * _core.log(z))


def _log_left(z: Tensor, a: Tensor, c: Tensor) -> Tensor:
    y = z**c
    far = y > _GONE
    failed = -_log_failed(_core.where(far, 1.0, z), a, c)
    log_failed = _core.where(far, _core.log(a) - y, _core.log(failed))
    return log1mexp(
        _core.where(far, _core.exp(_core.where(far, log_failed, 0.0)), failed), log_failed
    )


def _of_failed(log_q: Tensor, a: Tensor, c: Tensor) -> Tensor:
    return (-log1mexp(-log_q / a)) ** (1.0 / c)


exponweib = Continuous(
    "exponweib",
    vanishing(_powered_weibull),
    *("a", "c"),
    cdf=lambda z, a, c: _core.exp(_log_failed(z, a, c)),
    sf=lambda z, a, c: _core.exp(_log_left(z, a, c)),
    logcdf=_log_failed,
    logsf=_log_left,
    ppf=lambda q, a, c: _of_failed(_core.log(q), a, c),
    isf=lambda q, a, c: _of_failed(_core.log1p(-q), a, c),
    support=_POSITIVE,
)


def _log1p_power(z: Tensor, c: Tensor) -> Tensor:
    """``log(1 + z**c)``, where the power may overflow."""
    below = z < 1.0
    inner, outer = _core.where(below, z, 0.5), _core.where(below, 1.0, z)
    return _core.where(below, _core.log1p(inner**c), c * _core.log(outer) + _core.log1p(outer**-c))


def _log_hazard(z: Tensor, c: Tensor) -> Tensor:
    """The logarithm of that, where the power may underflow."""
    tiny = _core.logical_and(z < 1.0, z**c < 1e-20)
    near = c * _core.log(z)
    return _core.where(tiny, near, _core.log(_log1p_power(_core.where(tiny, 1.0, z), c)))


def _hazard_place(y: Tensor, c: Tensor) -> Tensor:
    """Where that is y: ``expm1(y)**(1 / c)``, where the former may overflow."""
    near = y < 1.0
    inner, outer = _core.where(near, y, 1.0), _core.where(near, 1.0, y)
    far = _core.exp((outer + log1mexp(outer)) / c)
    return _core.where(near, _core.expm1(inner) ** (1.0 / c), far)


burr12 = Continuous(
    "burr12",
    vanishing(
        lambda z, c, d: (
            _core.log(c) + _core.log(d) + special.xlogy(c - 1.0, z) - (d + 1.0) * _log1p_power(z, c)
        )
    ),
    *("c", "d"),
    cdf=lambda z, c, d: _lost(d * _log1p_power(z, c)),
    sf=lambda z, c, d: _core.exp(-d * _log1p_power(z, c)),
    logcdf=lambda z, c, d: log1mexp(d * _log1p_power(z, c), _core.log(d) + _log_hazard(z, c)),
    logsf=lambda z, c, d: -d * _log1p_power(z, c),
    ppf=lambda q, c, d: _hazard_place(-_core.log1p(-q) / d, c),
    isf=lambda q, c, d: _hazard_place(-_core.log(q) / d, c),
    support=_POSITIVE,
)


def _general_logistic_logsf(z: Tensor, c: Tensor) -> Tensor:
    far = z > _GONE
    fall = _core.softplus(-z)
    log_fall = _core.where(far, -z, _core.log(_core.where(far, 1.0, fall)))
    return log1mexp(c * fall, _core.log(c) + log_fall)


def _general_logistic_ppf(log_q: Tensor, c: Tensor) -> Tensor:
    y = -log_q / c
    return -y - log1mexp(y)


genlogistic = Continuous(
    "genlogistic",
    vanishing(lambda z, c: _core.log(c) + special.log_expit(-z) + c * special.log_expit(z)),
    "c",
    cdf=lambda z, c: _core.exp(c * special.log_expit(z)),
    sf=lambda z, c: _lost(c * _core.softplus(-z)),
    logcdf=lambda z, c: c * special.log_expit(z),
    logsf=_general_logistic_logsf,
    ppf=lambda q, c: _general_logistic_ppf(_core.log(q), c),
    isf=lambda q, c: _general_logistic_ppf(_core.log1p(-q), c),
)
