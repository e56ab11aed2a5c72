"""Densities of large parameters, and tails beyond underflow, by formulas that lose no digits.

Sources: C. Loader, Fast and accurate computation of binomial probabilities (2000), and the
continued fractions of the incomplete gamma and beta functions, DLMF 8.9.1, 8.9.2 and 8.17.22.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions._common import nowhere

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
# From here on Stirling's series is exact, and what it replaces begins to cancel.
LARGE = 30.0
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)
# Below these a probability may have lost digits, and ten levels of the fractions are enough.
_TINY, _TINY_SINGLE = 1e-290, 1e-30
_LEVELS = 16
# Below that, 1 plus it is 1, as is its exponential in slopes of every order.
_NEGLIGIBLE = 1e-100
_FAR = 1e8
# Closer to 0 than that a series is exact with so many terms.
CLOSE, _TERMS = 0.1, 7


def _both(a: Tensor, b: Tensor) -> Tensor:
    return _core.logical_and(a, b)


def _stirling_rest(x: Tensor) -> Tensor:
    """``log gamma(x)`` without the leading terms of Stirling's formula, DLMF 5.11.1."""
    over = 1.0 / x
    square = _core.square(over)
    value = _STIRLING[-1] * square
    for term in reversed(_STIRLING[1:-1]):
        value = (value + term) * square
    return (value + _STIRLING[0]) * over


def underflows(x: Tensor) -> Tensor:
    return x <= (_TINY if x.dtype == np.float64 else _TINY_SINGLE)


def log1p_square(z: Tensor, df: Tensor | None = None) -> Tensor:
    """``log(1 + z**2 / df)``, where the square may overflow; df is 1 if left out.

    Where the 1 is nothing beside the square, slopes do not go by way of its inverse, which may
    underflow times the density.
    """
    size = _core.absolute(z)
    width = 1.0 if df is None else _core.sqrt(df)
    far = size > _FAR * width
    inner = _core.square(_core.where(far, 0.0, z))
    near = _core.log1p(inner if df is None else inner / df)
    if nowhere(far):
        return near
    outer = _core.log(_core.where(far, size, 1.0))
    outer = outer if df is None else outer - 0.5 * _core.log(df)
    return _core.where(far, 2.0 * outer, near)


def _log1p_series(x: Tensor) -> tuple[Tensor, Tensor]:
    """s and what is missing in log1p(x) = 2 atanh(s) = 2 s + ... over s**3, for x closer to 0 than
    CLOSE."""
    s = x / (2.0 + x)
    square, series = _core.square(s), _core.zeros_like(s)
    for k in reversed(range(_TERMS)):
        series = series * square + 2.0 / (2.0 * k + 3.0)
    return s, series


def _log1p_rest(x: Tensor) -> Tensor:
    """``log1p(x) - x`` for x closer to 0 than CLOSE."""
    s, series = _log1p_series(x)
    return s * _core.square(s) * series - x * s


def log1p_rest_over_square(x: Tensor) -> Tensor:
    """That over x**2, which is smooth at 0."""
    s, series = _log1p_series(x)
    return (s * series / (2.0 + x) - 1.0) / (2.0 + x)


def log_over_gamma(e: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the ratio of two densities at a + e: of b times a beta-prime variable of
    shapes a and b, and of a gamma variable of shape a, which it is where b is infinite.

    For b from LARGE on and e / (a + b) closer to 0 than CLOSE. Derivatives in b, which are of order
    1 / b**2, do not cancel.
    """
    n = a + b
    rest = _stirling_rest(n) - _stirling_rest(b) - 0.5 * _core.log1p(a / b)
    return rest - n * _log1p_rest(e / n)


def log_ratio(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the density at z > 0 of the ratio of two gamma variables of shapes a and b
    over their means; otherwise as that one."""
    e = z - 1.0
    large = a >= LARGE
    close = _both(large, _core.absolute(e) < CLOSE)
    inner, outer = _core.where(close, e, 0.0), _core.where(close, 1.0, z)
    beside = a * _log1p_rest(inner) - _core.log1p(inner)
    fall = _core.where(close, beside, (a - 1.0) * _core.log(outer) - a * e)
    # log(a**a exp(-a) / gamma(a))
    many, few = _core.where(large, a, LARGE), _core.where(large, 1.0, a)
    series = 0.5 * _core.log(many) - _HALF_LOG_TAU - _stirling_rest(many)
    peak = _core.where(large, series, _core.xlogy(few, few) - few - _core.special_gammaln(few))
    return fall + peak + log_over_gamma(a * e, a, b)


def log_poisson(k: Tensor, mu: Tensor) -> Tensor:
    """``k log(mu) - mu - log(gamma(k + 1))``."""
    plain = _core.xlogy(k, mu) - mu - _core.special_gammaln(k + 1.0)
    large = _both(k >= LARGE, mu > 0.0)
    if nowhere(large):
        return plain
    k, mu = _core.where(large, k, LARGE), _core.where(large, mu, LARGE)
    rest = 0.5 * _core.log(k) + _HALF_LOG_TAU + _stirling_rest(k)
    return _core.where(large, -_core.special_kl_div(k, mu) - rest, plain)


def log_gamma(z: Tensor, a: Tensor) -> Tensor:
    """The logarithm of the density of the gamma distribution."""
    plain = _core.xlogy(a - 1.0, z) - z - _core.special_gammaln(a)
    large = _both(a >= LARGE, z > 0.0)
    if nowhere(large):
        return plain
    a, z = _core.where(large, a, LARGE), _core.where(large, z, LARGE)
    return _core.where(large, log_poisson(a, z) + _core.log(a) - _core.log(z), plain)


def log_binomial(k: Tensor, n: Tensor, p: Tensor) -> Tensor:
    """The logarithm of the probability of k successes among n, for other numbers than integers,
    too."""
    rest = n - k
    count = -_core.log(n + 1.0) - _core.special_betaln(rest + 1.0, k + 1.0)
    plain = count + _core.xlogy(k, p) + _core.special_xlog1py(rest, -p)
    large = _both(_both(k >= LARGE, rest >= LARGE), _both(p > 0.0, p < 1.0))
    if nowhere(large):
        return plain
    k, rest = _core.where(large, k, LARGE), _core.where(large, rest, LARGE)
    n, p = _core.where(large, n, 2.0 * LARGE), _core.where(large, p, 0.5)
    spread = 0.5 * (_core.log(k) + _core.log(rest) - _core.log(n)) + _HALF_LOG_TAU
    series = _stirling_rest(n) - _stirling_rest(k) - _stirling_rest(rest)
    divergence = _core.special_kl_div(k, n * p) + _core.special_kl_div(rest, n * (1.0 - p))
    return _core.where(large, series - divergence - spread, plain)


def log_beta(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the density of the beta distribution."""
    plain = (
        _core.xlogy(a - 1.0, z) + _core.special_xlog1py(b - 1.0, -z) - _core.special_betaln(a, b)
    )
    large = _both(_both(a >= LARGE, b >= LARGE), _both(z > 0.0, z < 1.0))
    if nowhere(large):
        return plain
    a, b = _core.where(large, a, LARGE), _core.where(large, b, LARGE)
    z = _core.where(large, z, 0.5)
    n = a + b
    outer = _core.log(a) + _core.log(b) - _core.log(n) - _core.log(z) - _core.log1p(-z)
    return _core.where(large, log_binomial(a, n, z) + outer, plain)


def log_of(probability: Tensor, rest: Tensor) -> Tensor:
    """The logarithm of a probability, near one from what is left of it."""
    near = probability > 0.5
    small = _core.log(_core.where(near, 1.0, probability))
    return _core.where(near, _core.log1p(-_core.where(near, rest, 0.0)), small)


def log_tail(
    probability: Tensor,
    rest: Tensor,
    far: Callable[..., Tensor],
    safe: tuple[float, ...],
    *x: Tensor,
) -> Tensor:
    """That, and where the probability underflows the function ``far`` of x, elsewhere of safe
    numbers."""
    value = log_of(probability, rest)
    tiny = underflows(probability)
    if nowhere(tiny):
        return value
    for v in x:
        tiny = _both(tiny, _core.isfinite(v))
    beyond = far(*[_core.where(tiny, v, s) for v, s in zip(x, safe, strict=True)])
    return _core.where(tiny, beyond, value)


def log_gammainc(a: Tensor, x: Tensor) -> Tensor:
    lower, upper = _core.special_gammainc(a, x), _core.special_gammaincc(a, x)
    return log_tail(lower, upper, _far_below, (1e3, 1.0), a, x)


def log_gammaincc(a: Tensor, x: Tensor) -> Tensor:
    lower, upper = _core.special_gammainc(a, x), _core.special_gammaincc(a, x)
    return log_tail(upper, lower, _far_above, (1.0, 1e3), a, x)


def _of_power(
    tail: Callable[..., Tensor], of_first: Callable[[Tensor, Tensor], Tensor]
) -> Callable[..., Tensor]:
    """That tail of the gamma distribution at x, which is z**power times a rate.

    Where x, or its power in the density, may underflow, so that slopes overflow or are 0, it is
    what ``of_first`` makes of the first term of the lower tail's series, DLMF 8.7.1, and of its
    logarithm.
    """

    def formula(
        a: Tensor, x: Tensor, z: Tensor, power: Tensor | float, log_rate: Tensor | float = 0.0
    ) -> Tensor:
        tiny = x <= (_NEGLIGIBLE if x.dtype == np.float64 else _TINY_SINGLE)
        value = tail(a, _core.where(tiny, 1.0, x))
        if nowhere(tiny):
            return value
        exponent, base = _core.where(tiny, a * power, 1.0), _core.where(tiny, z, 0.5)
        constant = a * log_rate - _core.special_gammaln(a + 1.0)
        constant = _core.where(tiny, constant, 0.0)
        log_first = exponent * _core.log(base) + constant
        first = base**exponent * _core.exp(constant)
        return _core.where(tiny, of_first(first, log_first), value)

    return formula


def _rest_of_first(first: Tensor, log_first: Tensor) -> Tensor:
    near = first > 0.5
    small = -_core.expm1(_core.where(near, log_first, -1.0))
    return _core.where(near, small, 1.0 - first)


gammainc_of_power = _of_power(_core.special_gammainc, lambda first, log_first: first)
gammaincc_of_power = _of_power(_core.special_gammaincc, _rest_of_first)
log_gammainc_of_power = _of_power(log_gammainc, lambda first, log_first: log_first)
log_gammaincc_of_power = _of_power(
    log_gammaincc, lambda first, log_first: log_of(_rest_of_first(first, log_first), first)
)


def log_betainc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    lower, upper = _core.special_betainc(a, b, x), _core.special_betaincc(a, b, x)
    return log_tail(lower, upper, far_left, (1e3, 1.0, 1e-3), a, b, x)


def log_betaincc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    lower, upper = _core.special_betainc(a, b, x), _core.special_betaincc(a, b, x)
    return log_tail(upper, lower, _far_right, (1.0, 1e3, 1.0 - 1e-3), a, b, x)


def _far_below(a: Tensor, x: Tensor) -> Tensor:
    """``log gammainc(a, x)`` far below a: DLMF 8.9.1."""
    f = a + 2.0 * _LEVELS + 0.0 * x
    for m in reversed(range(_LEVELS)):
        f = (a + 2.0 * m + 1.0) + (m + 1.0) * x / f
        f = (a + 2.0 * m) - (a + float(m)) * x / f
    return log_poisson(a, x) + _core.log(a / f)


def _far_above(a: Tensor, x: Tensor) -> Tensor:
    """``log gammaincc(a, x)`` far above a: DLMF 8.9.2."""
    f = x + 1.0 - a + 2.0 * _LEVELS
    for n in reversed(range(1, _LEVELS + 1)):
        f = (x - 1.0 - a + 2.0 * n) - n * (n - a) / f
    return log_poisson(a, x) + _core.log(a) - _core.log(f)


def far_left(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """``log betainc(a, b, x)`` far to the left of the mean: DLMF 8.17.22."""
    return log_beta(x, a, b) + _core.log(x) + _core.log1p(-x) - _log_fraction(a, b, x)


def _far_right(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """``log betaincc(a, b, x)`` far to the right, mirrored."""
    return log_beta(x, a, b) + _core.log(x) + _core.log1p(-x) - _log_fraction(b, a, 1.0 - x)


def _log_fraction(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    f = _core.ones_like(a * b * x)
    for m in reversed(range(1, _LEVELS + 1)):
        even = m * (b - float(m)) * x / ((a + (2.0 * m - 1.0)) * (a + 2.0 * m))
        odd = -(a + (m - 1.0)) * (a + b + (m - 1.0)) * x
        odd = odd / ((a + (2.0 * m - 2.0)) * (a + (2.0 * m - 1.0)))
        f = 1.0 + odd / (1.0 + even / f)
    return _core.log(a * f)
