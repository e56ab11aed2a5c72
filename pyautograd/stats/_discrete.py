"""Discrete families.

Source: N. L. Johnson, A. W. Kemp, S. Kotz, Univariate discrete distributions (2005); parameters are
those of :mod:`scipy.stats`.
"""

from __future__ import annotations

from .. import _core, special
from .._core import Tensor
from ..special._accurate import (
    log_betainc,
    log_betaincc,
    log_binomial,
    log_gammainc,
    log_gammaincc,
    log_poisson,
)
from ._families import Discrete


def _fraction(p: Tensor) -> Tensor:
    return _core.logical_and(p >= 0.0, p <= 1.0)


def _negative_binomial(k: Tensor, n: Tensor, p: Tensor) -> Tensor:
    # The last trial is a success: one of n among n + k.
    return log_binomial(n, n + k, p) + _core.log(n) - _core.log(n + k)


def _failures(n: Tensor, k: Tensor) -> Tensor:
    """The parameter of the beta function for at most k of n, of which k = n is taken care of."""
    return _core.maximum(n - k, 1.0)


def _geometric(k: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """The probabilities of at most and of more than k; for a large p by a power of 1 - p, which is
    exact, as are its derivatives."""
    large = p > 0.5
    power = _core.where(large, 1.0 - p, 0.5) ** k
    exponent = special.xlog1py(k, -_core.where(large, 0.5, p))
    lower = _core.where(large, 1.0 - power, -_core.expm1(exponent))
    return lower, _core.where(large, power, _core.exp(exponent))


bernoulli = Discrete(
    "bernoulli",
    lambda k, p: special.xlogy(k, p) + special.xlog1py(1.0 - k, -p),
    "p",
    valid=_fraction,
    cdf=lambda k, p: 1.0 - p + 0.0 * k,
    sf=lambda k, p: p + 0.0 * k,
    last=_core.ones_like,
)
binom = Discrete(
    "binom",
    log_binomial,
    *("n", "p"),
    valid=lambda n, p: _core.logical_and(n >= 0.0, _fraction(p)),
    cdf=lambda k, n, p: special.betaincc(k + 1.0, _failures(n, k), p),
    sf=lambda k, n, p: special.betainc(k + 1.0, _failures(n, k), p),
    logcdf=lambda k, n, p: log_betaincc(k + 1.0, _failures(n, k), p),
    logsf=lambda k, n, p: log_betainc(k + 1.0, _failures(n, k), p),
    last=lambda n, p: n,
)
geom = Discrete(
    "geom",
    lambda k, p: special.xlog1py(k - 1.0, -p) + _core.log(p),
    "p",
    valid=lambda p: _core.logical_and(p > 0.0, p <= 1.0),
    cdf=lambda k, p: _geometric(k, p)[0],
    sf=lambda k, p: _geometric(k, p)[1],
    logsf=lambda k, p: special.xlog1py(k, -p),
    first=1,
)
nbinom = Discrete(
    "nbinom",
    _negative_binomial,
    *("n", "p"),
    valid=lambda n, p: _core.logical_and(n > 0.0, _core.logical_and(p > 0.0, p <= 1.0)),
    cdf=lambda k, n, p: special.betainc(n, k + 1.0, p),
    sf=lambda k, n, p: special.betaincc(n, k + 1.0, p),
    logcdf=lambda k, n, p: log_betainc(n, k + 1.0, p),
    logsf=lambda k, n, p: log_betaincc(n, k + 1.0, p),
)
poisson = Discrete(
    "poisson",
    log_poisson,
    "mu",
    valid=lambda mu: mu >= 0.0,
    cdf=lambda k, mu: special.gammaincc(k + 1.0, mu),
    sf=lambda k, mu: special.gammainc(k + 1.0, mu),
    logcdf=lambda k, mu: log_gammaincc(k + 1.0, mu),
    logsf=lambda k, mu: log_gammainc(k + 1.0, mu),
)
