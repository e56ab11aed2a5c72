"""Continuous families. Formulas are of the standard member: location 0 and scale 1.

Source: N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous univariate distributions (1994, 1995);
parameters are those of :mod:`scipy.stats`.
"""

from __future__ import annotations

import math

import numpy as np

from .. import _core, special
from .._core import Tensor
from ..compositions._common import all_of, nowhere
from ..special._accurate import (
    CLOSE,
    LARGE,
    far_left,
    gammainc_of_power,
    gammaincc_of_power,
    log1p_square,
    log_beta,
    log_betainc,
    log_betaincc,
    log_gamma,
    log_gammainc,
    log_gammainc_of_power,
    log_gammaincc,
    log_gammaincc_of_power,
    log_of,
    log_over_gamma,
    log_poisson,
    log_tail,
)
from ._families import Continuous, Formula

_LOG_PI = math.log(math.pi)
_LOG_2 = math.log(2.0)
_ROOT_HALF = math.sqrt(0.5)
_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
# From there on 1 is nothing beside the square.
_FAR = 1e9


def _normal(z: Tensor) -> Tensor:
    return -0.5 * _core.square(z) - _HALF_LOG_TAU


def _lognormal(z: Tensor, s: Tensor) -> Tensor:
    # At zero the square of the logarithm outweighs the logarithm: the density is zero there.
    zero = _core.equal(z, 0.0)
    y = _core.log(_core.where(zero, 1.0, z))
    return _core.where(zero, -np.inf, _normal(y / s) - y - _core.log(s))


def _student(z: Tensor, df: Tensor) -> Tensor:
    large = df >= 2.0 * LARGE
    if nowhere(large):
        return _student_of_few(z, df)
    many = all_of(large, df < np.inf, _core.square(z) < CLOSE * df)
    # Of many degrees of freedom the normal density and what it lacks
    near, half = _core.where(many, z, 0.0), 0.5 * _core.where(many, df, 2.0 * LARGE)
    away = 0.5 * (_core.square(near) - 1.0)
    value = _normal(near) + log_over_gamma(away, _core.full_like(half, 0.5), half)
    few = _core.logical_not(many)
    return value if nowhere(few) else _core.where(few, _student_of_few(z, df), value)


def _student_of_few(z: Tensor, df: Tensor) -> Tensor:
    limit = _core.isinf(df)
    df = _core.where(limit, 1.0, df)
    constant = -special.betaln(_core.full_like(df, 0.5), 0.5 * df) - 0.5 * _core.log(df)
    value = constant - 0.5 * (df + 1.0) * log1p_square(z, df)
    return _core.where(limit, _normal(z), value)


def _student_logcdf(z: Tensor, df: Tensor) -> Tensor:
    def far(z: Tensor, df: Tensor) -> Tensor:
        half = _core.full_like(df, 0.5)
        # Where nothing is left of the fraction, by the first term of its logarithm
        deep = _core.absolute(z) > _FAR * _core.maximum(_core.sqrt(df), 1.0)
        share = df / (df + _core.square(_core.where(deep, 1.0, z)))
        power = -0.5 * df * log1p_square(_core.where(deep, z, _FAR), df) - _core.log(df)
        power = power - special.betaln(0.5 * df, half)
        return _core.where(deep, power, far_left(0.5 * df, half, share) - _LOG_2)

    return log_tail(special.stdtr(df, z), special.stdtr(df, -z), far, (-1e3, 1e3), z, df)


def _chi2(z: Tensor, df: Tensor) -> Tensor:
    return log_gamma(0.5 * z, 0.5 * df) - _LOG_2


def _inverse_gamma(z: Tensor, a: Tensor) -> Tensor:
    over = 1.0 / z
    zero = _core.isinf(over)
    over = _core.where(zero, 1.0, over)
    return _core.where(zero, -np.inf, log_poisson(a, over) + _core.log(a) + _core.log(over))


def _at_inverse(tail: Formula) -> Formula:
    return lambda z, a: tail(a, 1.0 / z, z, -1.0)


# A gamma quantile with a smaller logarithm is the first term of its series.
_VANISHING = -230.0


def power_of_quantile(complement: bool, q: Tensor, a: Tensor, power: Tensor | float) -> Tensor:
    """That of a gamma quantile, which may underflow by itself: beside 0 by the first term of the
    series, DLMF 8.7.1."""
    log_share = _core.log1p(-q) if complement else _core.log(q)
    log_first = (log_share + special.gammaln(a + 1.0)) / a
    tiny = log_first < _VANISHING
    inverse = special.gammainccinv if complement else special.gammaincinv
    value = inverse(_core.where(tiny, 1.0, a), _core.where(tiny, 0.5, q)) ** power
    return _core.where(tiny, _core.exp(power * _core.where(tiny, log_first, 0.0)), value)


def _weibull(z: Tensor, c: Tensor) -> Tensor:
    return _core.log(c) + special.xlogy(c - 1.0, z) - z**c


def _logistic(z: Tensor) -> Tensor:
    return special.log_expit(z) + special.log_expit(-z)


def _laplace_logcdf(z: Tensor) -> Tensor:
    left = z < 0.0
    below, above = _core.where(left, z, 0.0), _core.where(left, 0.0, z)
    return _core.where(left, below - _LOG_2, _core.log1p(-0.5 * _core.exp(-above)))


def _laplace_ppf(q: Tensor) -> Tensor:
    return _core.where(q < 0.5, _core.log(2.0 * q), -_core.log(2.0 * (1.0 - q)))


def _cot(q: Tensor) -> Tensor:
    """The cotangent of pi q for q between 0 and 1, to all digits next to 0, 1/2 and 1."""
    left, right = q < 0.25, q > 0.75
    middle = _core.logical_not(_core.logical_or(left, right))
    angle = math.pi * _core.where(left, q, _core.where(right, 1.0 - q, 0.25))
    outer = _core.cos(angle) / _core.sin(angle)
    inner = _core.tan(math.pi * (0.5 - _core.where(middle, q, 0.5)))
    return _core.where(middle, inner, _core.where(left, outer, -outer))


def _cauchy_log_tail(z: Tensor) -> Tensor:
    """The logarithm of the probability above z; far out, where slopes of that underflow, by its
    first term."""
    one, far = _core.ones_like(z), z > _FAR
    near = _core.where(far, 0.0, z)
    tail = log_of(_core.atan2(one, near) / math.pi, _core.atan2(one, -near) / math.pi)
    return _core.where(far, -_core.log(_core.where(far, z, 1.0)) - _LOG_PI, tail)


def _half_cauchy_ppf(q: Tensor) -> Tensor:
    near = q < 0.5
    inner = _core.tan(0.5 * math.pi * _core.where(near, q, 0.5))
    return _core.where(near, inner, _cot(0.5 * (1.0 - _core.where(near, 0.5, q))))


def log1mexp(y: Tensor, log_y: Tensor | None = None) -> Tensor:
    """``log(1 - exp(-y))`` for y > 0, by the form that does not cancel (M. Maechler, 2012).

    Where y may underflow, its logarithm is given, too.
    """
    small = y < _LOG_2
    inner = _core.where(small, y, 1.0)
    if log_y is None:
        near = _core.log(-_core.expm1(-inner))
    else:
        near = _core.where(small, log_y, 0.0) + _core.log(special.exprel(-inner))
    return _core.where(small, near, _core.log1p(-_core.exp(-_core.where(small, 1.0, y))))


def _halfnormal_logsf(z: Tensor) -> Tensor:
    near = z < 0.5
    inner = _core.log1p(-special.erf(_core.where(near, z, 0.0) * _ROOT_HALF))
    return _core.where(near, inner, _LOG_2 + special.log_ndtr(-z))


norm = Continuous(
    "norm",
    _normal,
    cdf=special.ndtr,
    sf=lambda z: special.ndtr(-z),
    logcdf=special.log_ndtr,
    logsf=lambda z: special.log_ndtr(-z),
    ppf=special.ndtri,
    isf=lambda q: -special.ndtri(q),
)
lognorm = Continuous(
    "lognorm",
    _lognormal,
    "s",
    cdf=lambda z, s: special.ndtr(_core.log(z) / s),
    sf=lambda z, s: special.ndtr(-_core.log(z) / s),
    logcdf=lambda z, s: special.log_ndtr(_core.log(z) / s),
    logsf=lambda z, s: special.log_ndtr(-_core.log(z) / s),
    ppf=lambda q, s: _core.exp(s * special.ndtri(q)),
    isf=lambda q, s: _core.exp(-s * special.ndtri(q)),
    support=(0.0, np.inf),
)
t = Continuous(
    "t",
    _student,
    "df",
    cdf=lambda z, df: special.stdtr(df, z),
    sf=lambda z, df: special.stdtr(df, -z),
    logcdf=_student_logcdf,
    logsf=lambda z, df: _student_logcdf(-z, df),
    ppf=lambda q, df: special.stdtrit(df, q),
    isf=lambda q, df: -special.stdtrit(df, q),
)
cauchy = Continuous(
    "cauchy",
    lambda z: -log1p_square(z) - _LOG_PI,
    cdf=lambda z: _core.atan2(_core.ones_like(z), -z) / math.pi,
    sf=lambda z: _core.atan2(_core.ones_like(z), z) / math.pi,
    logcdf=lambda z: _cauchy_log_tail(-z),
    logsf=_cauchy_log_tail,
    ppf=lambda q: -_cot(q),
    isf=_cot,
)
laplace = Continuous(
    "laplace",
    lambda z: -_core.absolute(z) - _LOG_2,
    cdf=lambda z: _core.exp(_laplace_logcdf(z)),
    sf=lambda z: _core.exp(_laplace_logcdf(-z)),
    logcdf=_laplace_logcdf,
    logsf=lambda z: _laplace_logcdf(-z),
    ppf=_laplace_ppf,
    isf=lambda q: -_laplace_ppf(q),
)
logistic = Continuous(
    "logistic",
    _logistic,
    cdf=special.expit,
    sf=lambda z: special.expit(-z),
    logcdf=special.log_expit,
    logsf=lambda z: special.log_expit(-z),
    ppf=special.logit,
    isf=lambda q: -special.logit(q),
)
gumbel_r = Continuous(
    "gumbel_r",
    lambda z: -z - _core.exp(-z),
    cdf=lambda z: _core.exp(-_core.exp(-z)),
    sf=lambda z: -_core.expm1(-_core.exp(-z)),
    logcdf=lambda z: -_core.exp(-z),
    logsf=lambda z: log1mexp(_core.exp(-z), -z),
    ppf=lambda q: -_core.log(-_core.log(q)),
    isf=lambda q: -_core.log(-_core.log1p(-q)),
)
gumbel_l = Continuous(
    "gumbel_l",
    lambda z: z - _core.exp(z),
    cdf=lambda z: -_core.expm1(-_core.exp(z)),
    sf=lambda z: _core.exp(-_core.exp(z)),
    logcdf=lambda z: log1mexp(_core.exp(z), z),
    logsf=lambda z: -_core.exp(z),
    ppf=lambda q: _core.log(-_core.log1p(-q)),
    isf=lambda q: _core.log(-_core.log(q)),
)
uniform = Continuous(
    "uniform",
    lambda z: 0.0 * z,
    cdf=lambda z: z,
    sf=lambda z: 1.0 - z,
    ppf=lambda q: q,
    isf=lambda q: 1.0 - q,
    support=(0.0, 1.0),
)
expon = Continuous(
    "expon",
    lambda z: -z,
    cdf=lambda z: -_core.expm1(-z),
    sf=lambda z: _core.exp(-z),
    logcdf=log1mexp,
    logsf=lambda z: -z,
    ppf=lambda q: -_core.log1p(-q),
    isf=lambda q: -_core.log(q),
    support=(0.0, np.inf),
)
gamma = Continuous(
    "gamma",
    log_gamma,
    "a",
    cdf=lambda z, a: special.gammainc(a, z),
    sf=lambda z, a: special.gammaincc(a, z),
    logcdf=lambda z, a: log_gammainc(a, z),
    logsf=lambda z, a: log_gammaincc(a, z),
    ppf=lambda q, a: special.gammaincinv(a, q),
    isf=lambda q, a: special.gammainccinv(a, q),
    support=(0.0, np.inf),
)
chi2 = Continuous(
    "chi2",
    _chi2,
    "df",
    cdf=lambda z, df: special.gammainc(0.5 * df, 0.5 * z),
    sf=lambda z, df: special.gammaincc(0.5 * df, 0.5 * z),
    logcdf=lambda z, df: log_gammainc(0.5 * df, 0.5 * z),
    logsf=lambda z, df: log_gammaincc(0.5 * df, 0.5 * z),
    ppf=lambda q, df: 2.0 * special.gammaincinv(0.5 * df, q),
    isf=lambda q, df: 2.0 * special.gammainccinv(0.5 * df, q),
    support=(0.0, np.inf),
)
invgamma = Continuous(
    "invgamma",
    _inverse_gamma,
    "a",
    cdf=_at_inverse(gammaincc_of_power),
    sf=_at_inverse(gammainc_of_power),
    logcdf=_at_inverse(log_gammaincc_of_power),
    logsf=_at_inverse(log_gammainc_of_power),
    ppf=lambda q, a: power_of_quantile(True, q, a, -1.0),
    isf=lambda q, a: power_of_quantile(False, q, a, -1.0),
    support=(0.0, np.inf),
)
beta = Continuous(
    "beta",
    log_beta,
    *("a", "b"),
    cdf=lambda z, a, b: special.betainc(a, b, z),
    sf=lambda z, a, b: special.betaincc(a, b, z),
    logcdf=lambda z, a, b: log_betainc(a, b, z),
    logsf=lambda z, a, b: log_betaincc(a, b, z),
    ppf=lambda q, a, b: special.betaincinv(a, b, q),
    isf=lambda q, a, b: special.betainccinv(a, b, q),
    support=(0.0, 1.0),
)
powerlaw = Continuous(
    "powerlaw",
    lambda z, a: _core.log(a) + special.xlogy(a - 1.0, z),
    "a",
    cdf=lambda z, a: z**a,
    sf=lambda z, a: -_core.expm1(a * _core.log(z)),
    logcdf=lambda z, a: a * _core.log(z),
    ppf=lambda q, a: q ** (1.0 / a),
    isf=lambda q, a: _core.exp(_core.log1p(-q) / a),
    support=(0.0, 1.0),
)
weibull_min = Continuous(
    "weibull_min",
    _weibull,
    "c",
    cdf=lambda z, c: -_core.expm1(-(z**c)),
    sf=lambda z, c: _core.exp(-(z**c)),
    logcdf=lambda z, c: log1mexp(z**c, c * _core.log(z)),
    logsf=lambda z, c: -(z**c),
    ppf=lambda q, c: (-_core.log1p(-q)) ** (1.0 / c),
    isf=lambda q, c: (-_core.log(q)) ** (1.0 / c),
    support=(0.0, np.inf),
)
pareto = Continuous(
    "pareto",
    lambda z, b: _core.log(b) - (b + 1.0) * _core.log(z),
    "b",
    cdf=lambda z, b: -_core.expm1(-b * _core.log(z)),
    sf=lambda z, b: z**-b,
    logcdf=lambda z, b: log1mexp(b * _core.log(z)),
    logsf=lambda z, b: -b * _core.log(z),
    ppf=lambda q, b: _core.exp(-_core.log1p(-q) / b),
    isf=lambda q, b: q ** (-1.0 / b),
    support=(1.0, np.inf),
)
halfnorm = Continuous(
    "halfnorm",
    lambda z: _LOG_2 + _normal(z),
    cdf=lambda z: special.erf(z * _ROOT_HALF),
    sf=lambda z: special.erfc(z * _ROOT_HALF),
    logsf=_halfnormal_logsf,
    ppf=lambda q: special.erfinv(q) / _ROOT_HALF,
    isf=lambda q: special.erfcinv(q) / _ROOT_HALF,
    support=(0.0, np.inf),
)
halfcauchy = Continuous(
    "halfcauchy",
    lambda z: _LOG_2 - _LOG_PI - log1p_square(z),
    cdf=lambda z: _core.atan(z) * (2.0 / math.pi),
    sf=lambda z: _core.atan2(_core.ones_like(z), z) * (2.0 / math.pi),
    ppf=_half_cauchy_ppf,
    isf=lambda q: _cot(0.5 * q),
    support=(0.0, np.inf),
)
