"""Discrete families beyond those of independent trials.

Source: N. L. Johnson, A. W. Kemp, S. Kotz, Univariate discrete distributions (2005); parameters are
those of :mod:`scipy.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .. import _core, special
from .._core import Tensor
from .._quadrature import gauss_legendre
from ..compositions._common import all_of, nowhere
from ..special._accurate import (
    log_beta,
    log_betainc,
    log_betaincc,
    log_binomial,
    log_of,
    log_poisson,
)
from ._families import Discrete, Formula
from ._solved import from_log_tails

_NODES = 96
# Of an integrand, what is exp(-_DEPTH) of its largest value counts no more.
_DEPTH = 40.0
_HALVINGS = 24
# How far an integrand reaches in units of the slower of its two exponential falls
_WIDE = 90.0
# Terms of the series of a Bessel function of an argument of at most 2
_FEW = 13
# Terms of the sum over a tail of the hypergeometric family, and when the last one is negligible
_TERMS, _LAST = 1024, 1e-15
# Terms of Hurwitz's zeta function before Euler and Maclaurin's formula for the others, and the
# factors of that, Bernoulli's numbers over factorials
_FIRST = 16.0
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_EULER_MACLAURIN = tuple(b / math.factorial(2 * m) for m, b in enumerate(_BERNOULLI, start=1))


def _beta_binomial(k: Tensor, n: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """By Bayes' theorem at any probability of success, in terms that lose no digits."""
    x = ((a + k) / (a + b + n)).detach()
    x = _core.where(_core.logical_and(x > 0.0, x < 1.0), x, 0.5)
    value = log_binomial(k, n, x)
    # Of small shapes the next ones: what is large at 0 is apart, and is 0 at the ends.
    shapes = [a, b]
    for i, count in enumerate((k, n - k)):
        small = shapes[i] < 1.0
        ends = _core.log1p(n / (shapes[0] + shapes[1]))
        ends = ends - _core.log1p(count / _core.where(small, shapes[i], 1.0))
        value = value + _core.where(small, ends, 0.0)
        shapes[i] = _core.where(small, shapes[i] + 1.0, shapes[i])
    a, b = shapes
    return value + log_beta(x, a, b) - log_beta(x, a + k, b + n - k)


def _log_density(t: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """That of the logarithm of the odds of a beta variable."""
    left = t < 0.0
    near, far = _core.where(left, p, q), _core.where(left, q, p)
    size = _core.where(left, t, -t)
    return log_beta(special.expit(size), near, far) + special.log_expit(t) + special.log_expit(-t)


def _log_share(t: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the distribution function of such a variable."""
    left = t < 0.0
    below = log_betainc(a, b, special.expit(_core.where(left, t, -1.0)))
    above = log_betaincc(b, a, special.expit(_core.where(left, -1.0, -t)))
    return _core.where(left, below, above)


def _log_less(p: Tensor, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the probability that a beta variable of shapes a and b is less than an
    independent one of shapes p and q, by an integral over the logarithm of its odds."""
    fixed = [v.detach() for v in (p, q, a, b)]

    def height(t: Tensor) -> Tensor:
        return _log_density(t, *fixed[:2]) + _log_share(t, *fixed[2:])

    mode = _core.log(fixed[0]) - _core.log(fixed[1])
    other = _core.log(fixed[2]) - _core.log(fixed[3])
    # A logarithm of a distribution function rises: the integrand is largest beyond the mode.
    low, high = mode, _core.maximum(mode, other) + _WIDE
    for _ in range(_HALVINGS):
        t = 0.5 * (low + high)
        slope = _core.exp(_log_density(t, *fixed[2:]) - _log_share(t, *fixed[2:]))
        slope = slope + fixed[0] * special.expit(-t) - fixed[1] * special.expit(t)
        low, high = _core.where(slope > 0.0, t, low), _core.where(slope > 0.0, high, t)
    top = height(low)
    below = _reach(lambda s: top - height(low - s), _core.full_like(low, _WIDE))
    above = _reach(lambda s: top - height(low + s), _core.full_like(low, _WIDE))
    # Both sides of the top apart: nodes are densest at ends, and the function is least smooth there
    nodes, weights = (_core.astype(v, p.dtype) for v in gauss_legendre(_NODES // 2, p.device))
    steps = _core.concat([-below[..., None] * nodes, above[..., None] * nodes], axis=-1)
    shares = _core.concat([below[..., None] * weights, above[..., None] * weights], axis=-1)
    t = low[..., None] + steps
    p, q, a, b = (v[..., None] for v in (p, q, a, b))
    part = _core.exp(_log_density(t, p, q) + _log_share(t, a, b) - top[..., None])
    return top + _core.log(_core.sum(part * shares, axis=-1))


def _reach(falls: Formula, bound: Tensor) -> Tensor:
    """How far from 0, up to the bound, a function falls by _DEPTH: by halving the logarithm."""
    near, far = _core.log(bound) - 30.0, _core.log(bound)
    for _ in range(_HALVINGS // 2):
        middle = 0.5 * (near + far)
        within = falls(_core.exp(middle)) < _DEPTH
        near, far = _core.where(within, middle, near), _core.where(within, far, middle)
    return _core.exp(far)


def _beta_binomial_tails(k: Tensor, n: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """At most k successes: the probability of success is less than the number of order k + 1 of n
    uniform numbers, which is a beta variable."""
    k, n, a, b = _core.broadcast_arrays([k, n, a, b])
    p, q = k + 1.0, _core.maximum(n - k, 1.0)
    # Of both tails about the smaller one, with the integral over the narrower one of both variables
    left = p * b < q * a
    first, second = (
        _chosen(left, (p, q, a, b), (q, p, b, a)),
        _chosen(left, (b, a, q, p), (a, b, p, q)),
    )
    wide = 1.0 / a + 1.0 / b > 1.0 / p + 1.0 / q
    tail = _log_less(*_chosen(wide, first, second))
    rest = log_of(-_core.expm1(tail), _core.exp(tail))
    return _core.where(left, tail, rest), _core.where(left, rest, tail)


def _chosen(condition: Tensor, first: Sequence[Tensor], second: Sequence[Tensor]) -> list[Tensor]:
    return [_core.where(condition, u, v) for u, v in zip(first, second, strict=True)]


betabinom = Discrete(
    "betabinom",
    _beta_binomial,
    *("n", "a", "b"),
    valid=lambda n, a, b: all_of(n >= 0.0, a > 0.0, b > 0.0),
    **from_log_tails(_beta_binomial_tails),
    last=lambda n, a, b: n,
)


def _on_circle(k: Tensor, m: Tensor, n: Tensor, log_radius: Tensor, pole: bool) -> Tensor:
    """The logarithm of an integral around a circle, over 2 pi i: that of
    exp(m (z - 1) + n (1 / z - 1)) z**(-k - 1), over 1 - z with a pole. The radius decides nothing.
    """
    radius, rest = _core.exp(log_radius), -_core.expm1(log_radius)
    fixed = m.detach(), n.detach()
    out, back = fixed[0] * radius, fixed[1] / radius
    nodes, weights = gauss_legendre(_NODES, k.device)
    share = _core.sqrt(0.5 * _DEPTH / (out + back))
    end = 2.0 * _core.asin(_core.minimum(share, 1.0))[..., None]
    angle = end * _core.astype(nodes, k.dtype)
    square = 2.0 * _core.square(_core.sin(0.5 * angle))
    along, across = m * radius, n / radius
    size = _core.exp(-(along + across)[..., None] * square)
    turn = (along - across)[..., None] * _core.sin(angle) - k[..., None] * angle
    value = _core.cos(turn)
    if pole:
        r, gap = radius[..., None], rest[..., None]
        apart = _core.square(gap) + 2.0 * r * square
        value = value * (gap + r * square) - _core.sin(turn) * r * _core.sin(angle)
        value = value * (gap / apart)
    total = _core.sum(size * value * (end * _core.astype(weights, k.dtype)), axis=-1)
    # m (radius - 1) + n (1 / radius - 1) - k log_radius, without the differences of large numbers
    exponent = (out - back - k) * log_radius
    exponent = exponent - special.kl_div(out, fixed[0]) - special.kl_div(back, fixed[1])
    exponent = exponent - (m - fixed[0]) * rest + (n - fixed[1]) * _core.expm1(-log_radius)
    less = _core.log(rest) if pole else 0.0
    return exponent - less + _core.log(total / math.pi)


def _difference(k: Tensor, mu1: Tensor, mu2: Tensor) -> Tensor:
    k, mu1, mu2 = _core.broadcast_arrays([k.detach(), mu1, mu2])
    rare = (mu1 * mu2).detach() <= 1.0
    if nowhere(rare):
        return _difference_of_many(k, mu1, mu2)
    value = _difference_of_few(*[_core.where(rare, v, 1.0) for v in (k, mu1, mu2)])
    often = _core.logical_not(rare)
    if nowhere(often):
        return value
    many = _difference_of_many(*[_core.where(rare, 1.0, v) for v in (k, mu1, mu2)])
    return _core.where(rare, value, many)


def _difference_of_few(k: Tensor, mu1: Tensor, mu2: Tensor) -> Tensor:
    """By the series of the Bessel function, DLMF 10.25.2, for rates of a product of at most 1."""
    size = _core.absolute(k)
    more, less = _chosen(k >= 0.0, (mu1, mu2), (mu2, mu1))
    product, rest = more * less, _core.zeros_like(size)
    for j in reversed(range(1, _FEW + 1)):
        rest = product / (j * (size + float(j))) * (1.0 + rest)
    return log_poisson(size, more) - less + _core.log1p(rest)


def _difference_of_many(k: Tensor, mu1: Tensor, mu2: Tensor) -> Tensor:
    m, n = mu1.detach(), mu2.detach()
    root = _core.hypot(k, 2.0 * _core.sqrt(m) * _core.sqrt(n))
    ahead = k > 0.0
    wide = 0.5 * (root + _core.where(ahead, k, -k))
    # Through the saddle point
    log_radius = _core.where(ahead, _core.log(wide) - _core.log(m), _core.log(n) - _core.log(wide))
    return _on_circle(k, mu1, mu2, log_radius, False)


def _difference_logcdf(k: Tensor, mu1: Tensor, mu2: Tensor) -> Tensor:
    m, n = mu1.detach(), mu2.detach()
    # The saddle point on (0, 1), with the pole: in the logarithm of minus the logarithm
    low, high = _core.full_like(m, -36.0), _core.full_like(m, 6.6)
    for _ in range(2 * _HALVINGS):
        middle = 0.5 * (low + high)
        x = -_core.exp(middle)
        slope = m * _core.exp(x) - n * _core.exp(-x) - k - _core.exp(x) / _core.expm1(x)
        low, high = _core.where(slope > 0.0, middle, low), _core.where(slope > 0.0, high, middle)
    return _on_circle(k, mu1, mu2, -_core.exp(high), True)


def _difference_tails(k: Tensor, mu1: Tensor, mu2: Tensor) -> tuple[Tensor, Tensor]:
    """Of both tails the one that does not hold the mean: the integral of the other one turns too
    often for its nodes."""
    k, mu1, mu2 = _core.broadcast_arrays([k.detach(), mu1, mu2])
    left = k + 0.5 < (mu1 - mu2).detach()
    at = _core.where(left, k, -k - 1.0)
    tail = _difference_logcdf(at, *_chosen(left, (mu1, mu2), (mu2, mu1)))
    rest = log_of(-_core.expm1(tail), _core.exp(tail))
    return _core.where(left, tail, rest), _core.where(left, rest, tail)


skellam = Discrete(
    "skellam",
    _difference,
    *("mu1", "mu2"),
    valid=lambda mu1, mu2: all_of(mu1 > 0.0, mu2 > 0.0, mu1 < np.inf, mu2 < np.inf),
    **from_log_tails(_difference_tails),
    first=-np.inf,
    # P(X <= -j) is at most that of j or more of the second kind.
    lowest=lambda mu1, mu2: -_core.floor(8.0 * mu2 + 800.0),
)
randint = Discrete(
    "randint",
    lambda k, low, high: -_core.log(high - low) + 0.0 * k,
    *("low", "high"),
    valid=lambda low, high: all_of(low < high, low > -np.inf, high < np.inf),
    cdf=lambda k, low, high: (k - low + 1.0) / (high - low),
    sf=lambda k, low, high: (high - k - 1.0) / (high - low),
    first=lambda low, high: low,
    last=lambda low, high: high - 1.0,
)


def _urn(k: Tensor, M: Tensor, n: Tensor, N: Tensor) -> Tensor:
    """As three numbers of successes of any one probability."""
    p = (N / M).detach()
    return log_binomial(k, n, p) + log_binomial(N - k, M - n, p) - log_binomial(N, M, p)


def _urn_logcdf(k: Tensor, M: Tensor, n: Tensor, N: Tensor) -> Tensor:
    """The sum of the probabilities from k downwards, by their ratios; nan where terms are left."""
    steps = _core.tensor(np.arange(float(_TERMS)), dtype=k.dtype, device=k.device)
    first = _core.maximum(N - M + n, 0.0)
    j = k[..., None] - steps
    # What is between two integers belongs to the nearer one, also for derivatives.
    inside = j > first[..., None].detach() + 0.5
    j = _core.where(inside, j, first[..., None] + 1.0)
    M, n, N = (v[..., None] for v in (M, n, N))
    ratio = j * (M - n - N + j) / ((n - j + 1.0) * (N - j + 1.0))
    terms = _core.cumulative_prod(_core.where(inside, ratio, 0.0), axis=-1)
    left = terms[..., -1].detach() > _LAST
    value = _core.log1p(_core.sum(terms, axis=-1)) + _urn(k, M[..., 0], n[..., 0], N[..., 0])
    return _core.where(left, np.nan, value)


def _urn_tails(k: Tensor, M: Tensor, n: Tensor, N: Tensor) -> tuple[Tensor, Tensor]:
    """Up to the mode the lower sum, beyond it the upper one, in which the other kind is counted."""
    k, M, n, N = _core.broadcast_arrays([k, M, n, N])
    below = k < _core.floor((n + 1.0) * (N + 1.0) / (M + 2.0))
    last = _core.minimum(n, N) - 1.0
    # Of the N - k - 1 at most of the other kind, whose number is M - n
    at = _core.where(below, k, _core.maximum(N - _core.minimum(k, last) - 1.0, 0.0))
    tail = _urn_logcdf(at, M, _core.where(below, n, M - n), N)
    rest = log_of(-_core.expm1(tail), _core.exp(tail))
    return _core.where(below, tail, rest), _core.where(below, rest, tail)


hypergeom = Discrete(
    "hypergeom",
    _urn,
    *("M", "n", "N"),
    valid=lambda M, n, N: all_of(M > 0.0, n >= 0.0, N >= 0.0, n <= M, N <= M, M < np.inf),
    **from_log_tails(_urn_tails),
    first=lambda M, n, N: _core.maximum(N - M + n, 0.0),
    last=lambda M, n, N: _core.minimum(n, N),
)


def _log_zeta(a: Tensor) -> Tensor:
    return _core.log1p(special.zetac(a))


def _log_rest_of_zeta(a: Tensor, q: Tensor) -> Tensor:
    """The logarithm of ``(a - 1) q**a zeta(a, q)`` for q >= 1, which is smooth at a = 1 and does
    not underflow: the first terms, and Euler and Maclaurin's formula for the others."""
    steps = _core.tensor(np.arange(float(_FIRST)), dtype=a.dtype, device=a.device)
    ratios = _core.log1p(steps / q[..., None])
    first = _core.sum(_core.exp(-a[..., None] * ratios), axis=-1)
    x = q + _FIRST
    # There the others are nothing beside the first, and their powers may overflow.
    gone = a > 30.0 * x
    s, square = _core.where(gone, 1.0, a), _core.square(1.0 / x)
    others = _core.zeros_like(x)
    for m in reversed(range(1, len(_EULER_MACLAURIN))):
        others = (others + _EULER_MACLAURIN[m]) * (s + (2.0 * m - 1.0)) * (s + 2.0 * m) * square
    others = 0.5 + (others + _EULER_MACLAURIN[0]) * s / x
    beyond = _core.exp(-s * _core.log1p(_FIRST / q)) * (x + (s - 1.0) * others)
    return _core.log((a - 1.0) * first + _core.where(gone, 0.0, beyond))


def _zipf_logsf(k: Tensor, a: Tensor) -> Tensor:
    dtype = k.dtype
    k, a = _core.astype(k, np.float64), _core.astype(a, np.float64)
    # Once for all counts
    whole = _log_rest_of_zeta(a, _core.ones_like(a))
    k, a = _core.broadcast_arrays([k, a])
    rest = _log_rest_of_zeta(a, k + 1.0) - whole
    return _core.astype(rest - a * _core.log(k + 1.0), dtype)


zipf = Discrete(
    "zipf",
    lambda k, a: -a * _core.log(k) - _log_zeta(a),
    "a",
    valid=lambda a: _core.logical_and(a > 1.0, a < np.inf),
    cdf=lambda k, a: -_core.expm1(_zipf_logsf(k, a)),
    sf=lambda k, a: _core.exp(_zipf_logsf(k, a)),
    logsf=_zipf_logsf,
    first=1.0,
)
