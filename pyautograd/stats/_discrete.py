"""Discrete families.

Source: N. L. Johnson, A. W. Kemp, S. Kotz, Univariate discrete distributions (2005); parameters are
those of :mod:`scipy.stats`.
"""

from __future__ import annotations

from .. import _core, special
from .._core import Tensor
from ._families import Discrete


def _fraction(p: Tensor) -> Tensor:
    return _core.logical_and(p >= 0.0, p <= 1.0)


def _log_binomial(n: Tensor, k: Tensor) -> Tensor:
    return -_core.log(n + 1.0) - special.betaln(n - k + 1.0, k + 1.0)


def _binomial(k: Tensor, n: Tensor, p: Tensor) -> Tensor:
    return _log_binomial(n, k) + special.xlogy(k, p) + special.xlog1py(n - k, -p)


def _negative_binomial(k: Tensor, n: Tensor, p: Tensor) -> Tensor:
    count = special.gammaln(n + k) - special.gammaln(k + 1.0) - special.gammaln(n)
    return count + n * _core.log(p) + special.xlog1py(k, -p)


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
    _binomial,
    *("n", "p"),
    valid=lambda n, p: _core.logical_and(n >= 0.0, _fraction(p)),
    cdf=lambda k, n, p: special.betaincc(k + 1.0, _core.maximum(n - k, 1.0), p),
    sf=lambda k, n, p: special.betainc(k + 1.0, _core.maximum(n - k, 1.0), p),
    last=lambda n, p: n,
)
geom = Discrete(
    "geom",
    lambda k, p: special.xlog1py(k - 1.0, -p) + _core.log(p),
    "p",
    valid=lambda p: _core.logical_and(p > 0.0, p <= 1.0),
    cdf=lambda k, p: -_core.expm1(special.xlog1py(k, -p)),
    sf=lambda k, p: _core.exp(special.xlog1py(k, -p)),
    first=1,
)
nbinom = Discrete(
    "nbinom",
    _negative_binomial,
    *("n", "p"),
    valid=lambda n, p: _core.logical_and(n > 0.0, _core.logical_and(p > 0.0, p <= 1.0)),
    cdf=lambda k, n, p: special.betainc(n, k + 1.0, p),
    sf=lambda k, n, p: special.betaincc(n, k + 1.0, p),
)
poisson = Discrete(
    "poisson",
    lambda k, mu: special.xlogy(k, mu) - mu - special.gammaln(k + 1.0),
    "mu",
    valid=lambda mu: mu >= 0.0,
    cdf=lambda k, mu: special.gammaincc(k + 1.0, mu),
    sf=lambda k, mu: special.gammainc(k + 1.0, mu),
)
