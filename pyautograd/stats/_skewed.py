"""Families made of the normal distribution: skewed, convolved, folded, first passages.

Formulas are of the standard member. Sources: A. Azzalini, A class of distributions which includes
the normal ones (1985); N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous univariate distributions
(1994, 1995); parameters are those of :mod:`scipy.stats`.
"""

from __future__ import annotations

import math

import numpy as np

from .. import _core, special
from .._core import Tensor
from ..compositions.owen import above_scaled, beyond
from ..special._accurate import log1p_square
from ._families import Continuous
from ._lifetimes import vanishing
from ._solved import from_log_tails, log_lost_tail, mills, nearer, solved
from ._truncated import beside

_LOG_2 = math.log(2.0)
_LOG_PI = math.log(math.pi)
_ROOT_HALF = math.sqrt(0.5)
_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
# Where exp(-_DEEP) would be beside a tail, it is computed as a logarithm.
_DEEP = 100.0
# Where the normal tail is nothing, in derivatives neither
_NO_TAIL = 12.0


def _log_normal(z: Tensor) -> Tensor:
    return -0.5 * _core.square(z) - _HALF_LOG_TAU


def _skew_normal(z: Tensor, a: Tensor) -> Tensor:
    return _LOG_2 + _log_normal(z) + special.log_ndtr(a * z)


def _skew_tails(z: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of both tails: sums of what is positive, for the side away from the skewness by
    the integral that Owen's function leaves out."""
    dtype = z.dtype
    z, a = _core.broadcast_arrays([_core.astype(v, np.float64) for v in (z, a)])
    turned = a < 0.0
    a, z = _core.where(turned, -a, a), _core.where(turned, -z, z)
    left = z < 0.0
    h = _core.where(left, -z, z)
    size = _core.square(h) * (1.0 + _core.square(a))
    deep = size > _DEEP
    plain = beyond(_core.where(deep, 0.0, h), _core.where(deep, 0.0, a))
    scaled = above_scaled(_core.where(deep, h, 1.0), _core.where(deep, a, 1.0))
    log_small = _core.where(
        deep, _core.log(scaled) - _LOG_PI - 0.5 * size, _LOG_2 + _core.log(plain)
    )
    # Left of 0 this is the lower tail; right of 0 the upper one is twice the normal one less it.
    log_wide = _LOG_2 + special.log_ndtr(-h)
    log_upper = log_wide + _core.log1p(-_core.exp(_core.where(left, -1.0, log_small - log_wide)))
    lower = special.erf(h * _ROOT_HALF) + _core.exp(log_small)
    log_lower = nearer(_core.log(_core.where(left, 1.0, lower)), _core.where(left, -1.0, log_upper))
    log_rest = _core.log1p(-_core.exp(_core.where(left, log_small, -1.0)))
    below = _core.where(left, log_small, log_lower)
    above = _core.where(left, log_rest, log_upper)
    lower, upper = _core.where(turned, above, below), _core.where(turned, below, above)
    return _core.astype(lower, dtype), _core.astype(upper, dtype)


skewnorm = solved(
    "skewnorm",
    vanishing(_skew_normal),
    "a",
    **from_log_tails(_skew_tails),
    start=lambda z, a: z,
    valid=_core.isfinite,
)


def _excess(z: Tensor, mu: Tensor) -> Tensor:
    """``z / mu - 1``, in the form that does not cancel, nor does its derivative."""
    near = _core.absolute(z - mu) < 0.5 * mu
    return _core.where(near, (z - mu) / mu, z / mu - 1.0)


def _first_passage(z: Tensor, mu: Tensor) -> Tensor:
    zero = z == 0.0
    y = _core.where(zero, 1.0, z)
    off = _excess(y, mu)
    value = -_HALF_LOG_TAU - 1.5 * _core.log(y) - 0.5 * off * (off / y)
    return _core.where(zero, -np.inf, value)


def _passage_tails(z: Tensor, mu: Tensor) -> tuple[Tensor, Tensor]:
    root = _core.sqrt(z)
    a, rate = _excess(z, mu) / root, 2.0 / root
    early = a < 0.0
    size = _core.where(early, -a, 0.0)
    # exp(2 / mu) times the normal tail above a + rate, by the quotient of tail and density
    turned = mills(_core.where(early, a + rate, 1.0))
    log_early = _log_normal(size) + _core.log(mills(size) + turned)
    late = _core.where(early, 0.0, a)
    sum_of_both = special.ndtr(late) + _core.exp(_log_normal(late)) * mills(late + rate)
    log_lower = _core.where(early, log_early, _core.log(sum_of_both))
    log_upper = log_lost_tail(_core.maximum(a, -2.0), rate)
    return nearer(log_lower, log_upper), nearer(log_upper, log_lower)


def _start(z: Tensor, mu: Tensor) -> Tensor:
    """Where the first of the two normal probabilities is that of z."""
    size = _core.sqrt(_core.square(z) + 4.0 / mu)
    late = z > 0.0
    up, down = _core.where(late, size + z, 1.0), _core.where(late, 1.0, size - z)
    return _core.square(_core.where(late, 0.5 * mu * up, 2.0 / down))


def _passage(name: str, *shapes: str) -> Continuous:
    def tails(z: Tensor, *mu: Tensor) -> tuple[Tensor, Tensor]:
        return _passage_tails(z, *(mu or (_core.ones_like(z),)))

    return solved(
        name,
        vanishing(lambda z, *mu: _first_passage(z, *(mu or (_core.ones_like(z),)))),
        *shapes,
        **from_log_tails(tails),
        start=lambda z, *mu: _start(z, *(mu or (_core.ones_like(z),))),
        support=(0.0, np.inf),
    )


invgauss = _passage("invgauss", "mu")
wald = _passage("wald")


def _log_share(z: Tensor, rate: Tensor) -> Tensor:
    """Of an exponential variable added to a normal one: ``exp(rate**2 / 2 - rate z)`` times the
    normal probability of less than z - rate."""
    at = z - rate
    above = at > 0.0
    over, under = _core.where(above, at, 1.0), _core.where(above, -1.0, at)
    right = -rate * (over + 0.5 * rate) + special.log_ndtr(over)
    left = _log_normal(z) + _core.log(mills(-under))
    return _core.where(above, right, left)


def _convolved(z: Tensor, K: Tensor) -> Tensor:
    return _log_share(z, 1.0 / K) - _core.log(K)


def _convolved_tails(z: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    log_upper = _core.logaddexp(special.log_ndtr(-z), _log_share(z, 1.0 / K))
    log_lower = log_lost_tail(-z, 1.0 / K)
    return nearer(log_lower, log_upper), nearer(log_upper, log_lower)


def _exponential_quantile(log_upper: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    """Where nothing is left of the normal variable's tail but what it adds to the other one's:
    there second derivatives by the implicit function theorem would cancel."""
    x = 0.5 / K - K * log_upper
    return x - 1.0 / K > _NO_TAIL, x


exponnorm = solved(
    "exponnorm",
    vanishing(_convolved),
    "K",
    **from_log_tails(_convolved_tails),
    start=lambda z, K: z + K,
    far=_exponential_quantile,
)


def _folded_tails(z: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The lower and the upper tail, and the logarithm of the lower one, which may underflow."""
    z, c = _core.broadcast_arrays([z, c])
    aside = z < c
    mass = beside(_core.where(aside, z - c, -1.0), _core.where(aside, 2.0 * z, 1.0))
    low, high = _core.where(aside, 1.0, z - c), _core.where(aside, 1.0, z + c)
    across = 0.5 * (special.erf(low * _ROOT_HALF) + special.erf(high * _ROOT_HALF))
    density = _log_normal(_core.where(aside, z - c, 0.0))
    lower = _core.where(aside, _core.exp(density) * mass, across)
    log_lower = _core.where(aside, density + _core.log(mass), _core.log(across))
    return lower, special.ndtr(c - z) + special.ndtr(-c - z), log_lower


def _folded_cdf(z: Tensor, c: Tensor) -> Tensor:
    lower, upper, _ = _folded_tails(z, c)
    return _core.where(lower < 0.5, lower, 1.0 - upper)


def _folded_sf(z: Tensor, c: Tensor) -> Tensor:
    lower, upper, _ = _folded_tails(z, c)
    return _core.where(lower < 0.5, 1.0 - lower, upper)


def _folded_logcdf(z: Tensor, c: Tensor) -> Tensor:
    lower, upper, log_lower = _folded_tails(z, c)
    near = lower < 0.5
    return _core.where(near, log_lower, _core.log1p(-_core.where(near, 0.0, upper)))


def _folded_logsf(z: Tensor, c: Tensor) -> Tensor:
    lower, _, _ = _folded_tails(z, c)
    near = lower < 0.5
    log_upper = _core.logaddexp(special.log_ndtr(c - z), special.log_ndtr(-c - z))
    return _core.where(near, _core.log1p(-_core.where(near, lower, 0.0)), log_upper)


foldnorm = solved(
    "foldnorm",
    vanishing(lambda z, c: _log_normal(z - c) + _core.softplus(-2.0 * c * z)),
    "c",
    cdf=_folded_cdf,
    sf=_folded_sf,
    logcdf=_folded_logcdf,
    logsf=_folded_logsf,
    start=lambda z, c: _core.maximum(c + z, 0.5),
    support=(0.0, np.inf),
    valid=lambda c: _core.logical_and(c >= 0.0, c < np.inf),
)
johnsonsu = Continuous(
    "johnsonsu",
    vanishing(
        lambda z, a, b: _core.log(b) - 0.5 * log1p_square(z) + _log_normal(a + b * _core.asinh(z))
    ),
    *("a", "b"),
    cdf=lambda z, a, b: special.ndtr(a + b * _core.asinh(z)),
    sf=lambda z, a, b: special.ndtr(-a - b * _core.asinh(z)),
    logcdf=lambda z, a, b: special.log_ndtr(a + b * _core.asinh(z)),
    logsf=lambda z, a, b: special.log_ndtr(-a - b * _core.asinh(z)),
    ppf=lambda q, a, b: _core.sinh((special.ndtri(q) - a) / b),
    isf=lambda q, a, b: _core.sinh((-special.ndtri(q) - a) / b),
    valid=lambda a, b: _core.logical_and(_core.isfinite(a), b > 0.0),
)


def _bounded(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    edge = _core.logical_or(z == 0.0, z == 1.0)
    z = _core.where(edge, 0.5, z)
    value = _core.log(b) - _core.log(z) - _core.log1p(-z) + _log_normal(a + b * special.logit(z))
    return _core.where(edge, -np.inf, value)


johnsonsb = Continuous(
    "johnsonsb",
    _bounded,
    *("a", "b"),
    cdf=lambda z, a, b: special.ndtr(a + b * special.logit(z)),
    sf=lambda z, a, b: special.ndtr(-a - b * special.logit(z)),
    logcdf=lambda z, a, b: special.log_ndtr(a + b * special.logit(z)),
    logsf=lambda z, a, b: special.log_ndtr(-a - b * special.logit(z)),
    ppf=lambda q, a, b: special.expit((special.ndtri(q) - a) / b),
    isf=lambda q, a, b: special.expit((-special.ndtri(q) - a) / b),
    support=(0.0, 1.0),
    valid=lambda a, b: _core.logical_and(_core.isfinite(a), b > 0.0),
)
