"""Distribution functions and quantiles of :mod:`scipy.special`, by the incomplete gamma and beta
functions.

Each takes that one of the two complements which keeps its digits in the tail. Limits at infinite
arguments are constants; numbers of events are rounded down, and have no derivatives.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor
from ._common import all_of, in_double
from .quantile_functions import betainccinv, betaincinv, gammainccinv, gammaincinv

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core import TensorLike

__all__: list[str] = []


def _gamma(incomplete: Callable[..., Tensor], shape: Tensor, x: Tensor, full: float) -> Tensor:
    """An incomplete gamma function, of the shape at x, which is ``full`` at infinite x."""
    valid = all_of(shape >= 0.0, x >= 0.0)
    far, flat = _core.isinf(x), _core.isinf(shape)
    ordinary = all_of(valid, _core.logical_not(_core.logical_or(far, flat)))
    value = incomplete(_core.where(ordinary, shape, 1.0), _core.where(ordinary, x, 1.0))
    edge = _core.where(far, _core.where(flat, math.nan, full), 1.0 - full)
    # Of shape 0 the op's is -0.
    return _core.where(ordinary, value + 0.0, _core.where(valid, edge, math.nan))


def _below(shape: Tensor, x: Tensor) -> Tensor:
    return _gamma(_core.special_gammainc, shape, x, 1.0)


def _above(shape: Tensor, x: Tensor) -> Tensor:
    return _gamma(_core.special_gammaincc, shape, x, 0.0)


def _share(p: Tensor) -> Tensor:
    return all_of(p >= 0.0, p <= 1.0)


def _where(inside: Tensor, *pairs: tuple[Tensor, float]) -> list[Tensor]:
    """Each tensor inside, elsewhere the number beside it."""
    return [_core.where(inside, value, safe) for value, safe in pairs]


def pdtr(k: TensorLike, m: TensorLike, /) -> Tensor:
    """The probability of at most k events under Poisson's distribution of mean m.

    The arguments broadcast, k is rounded down; nan where one is negative. Source: DLMF 8.4.10.

    >>> pa.special.pdtr([0.0, 1.5], 1.0).numpy().round(6)
    array([0.367879, 0.735759])
    """
    (k, m), dtype = in_double("special.pdtr", k, m)
    return _core.astype(_above(_core.where(k >= 0.0, _core.floor(k) + 1.0, math.nan), m), dtype)


def pdtrc(k: TensorLike, m: TensorLike, /) -> Tensor:
    """The probability of more than k events under Poisson's distribution; otherwise as
    :func:`pdtr`.

    >>> round(pa.special.pdtrc(2.0, 1e-3).item() * 1e10, 6)
    1.665417
    """
    (k, m), dtype = in_double("special.pdtrc", k, m)
    return _core.astype(_below(_core.where(k >= 0.0, _core.floor(k) + 1.0, math.nan), m), dtype)


def pdtri(k: TensorLike, y: TensorLike, /) -> Tensor:
    """The mean m with ``pdtr(k, m) = y``.

    Differentiable in y; nan where k is negative or infinite, or y lies outside of [0, 1).

    >>> round(pa.special.pdtri(0.0, 0.5).item(), 6)
    0.693147
    """
    (k, y), dtype = in_double("special.pdtri", k, y)
    valid = all_of(k >= 0.0, k < math.inf, y < 1.0)
    count, y = _where(valid, (_core.floor(k) + 1.0, 1.0), (y, math.nan))
    return _core.astype(gammainccinv(count, y), dtype)


def _binomial(name: str, *given: Any) -> tuple[list[Tensor], Tensor, Any]:
    """Events k and n rounded down and a share, and where all are valid and k < n."""
    (k, n, p), dtype = in_double(name, *given)
    k, n = _core.floor(k), _core.floor(n)
    return [k, n, p], all_of(_share(p), k >= 0.0, k < n, n < math.inf), dtype


def bdtr(k: TensorLike, n: TensorLike, p: TensorLike, /) -> Tensor:
    """The probability of at most k successes in n independent trials with probability p.

    The arguments broadcast; k and n are rounded down. Differentiable in p; nan where k is negative
    or larger than n, n infinite, or p outside of [0, 1]. Source: DLMF 8.17.5.

    >>> pa.special.bdtr([0.0, 1.0, 2.0], 2.0, 0.25).numpy().round(12)
    array([0.5625, 0.9375, 1.    ])
    """
    (k, n, p), inside, dtype = _binomial("special.bdtr", k, n, p)
    a, b, x = _where(inside, (k + 1.0, 1.0), (n - k, 1.0), (p, 0.5))
    all_ = all_of(_share(p), k >= 0.0, k == n)
    edge = _core.where(all_of(all_, n < math.inf), 1.0, math.nan)
    return _core.astype(_core.where(inside, _core.special_betaincc(a, b, x), edge), dtype)


def bdtrc(k: TensorLike, n: TensorLike, p: TensorLike, /) -> Tensor:
    """The probability of more than k successes, 1 where k is negative; otherwise as :func:`bdtr`.

    >>> pa.special.bdtrc([-1.0, 0.0, 1.0], 2.0, 0.25).numpy().round(12)
    array([1.    , 0.4375, 0.0625])
    """
    (k, n, p), inside, dtype = _binomial("special.bdtrc", k, n, p)
    a, b, x = _where(inside, (k + 1.0, 1.0), (n - k, 1.0), (p, 0.5))
    known = all_of(_share(p), k <= n, n < math.inf)
    edge = _core.where(known, _core.where(k < 0.0, 1.0, 0.0), math.nan)
    return _core.astype(_core.where(inside, _core.special_betainc(a, b, x), edge), dtype)


def bdtri(k: TensorLike, n: TensorLike, y: TensorLike, /) -> Tensor:
    """The probability p with ``bdtr(k, n, p) = y``.

    Differentiable in y; nan where k is not in [0, n), n infinite, or y outside of [0, 1].

    >>> round(pa.special.bdtri(0.0, 2.0, 0.25).item(), 12)
    0.5
    """
    (k, n, y), inside, dtype = _binomial("special.bdtri", k, n, y)
    a, b, y = _where(inside, (k + 1.0, 1.0), (n - k, 1.0), (y, math.nan))
    return _core.astype(betainccinv(a, b, y), dtype)


def _failures(name: str, *given: Any) -> tuple[list[Tensor], Any]:
    """Both shapes and the argument of the beta distribution, nan where one is not valid."""
    (k, n, p), dtype = in_double(name, *given)
    k, n = _core.floor(k), _core.floor(n)
    valid = all_of(_share(p), k >= 0.0, n >= 1.0, k < math.inf, n < math.inf)
    return [*_where(valid, (n, 1.0), (k + 1.0, 1.0), (p, math.nan))], dtype


def nbdtr(k: TensorLike, n: TensorLike, p: TensorLike, /) -> Tensor:
    """The probability of at most k failures before the n-th success, of probability p each.

    The arguments broadcast; k and n are rounded down. Differentiable in p; nan where k is negative,
    n below 1, one of them infinite, or p outside of [0, 1]. Source: DLMF 8.17.5.

    >>> pa.special.nbdtr([0.0, 1.0], 2.0, 0.5).numpy().round(12)
    array([0.25, 0.5 ])
    """
    shapes, dtype = _failures("special.nbdtr", k, n, p)
    return _core.astype(_core.special_betainc(*shapes), dtype)


def nbdtrc(k: TensorLike, n: TensorLike, p: TensorLike, /) -> Tensor:
    """The probability of more than k failures; otherwise as :func:`nbdtr`.

    >>> pa.special.nbdtrc([0.0, 1.0], 2.0, 0.5).numpy().round(12)
    array([0.75, 0.5 ])
    """
    shapes, dtype = _failures("special.nbdtrc", k, n, p)
    return _core.astype(_core.special_betaincc(*shapes), dtype)


def chdtr(v: TensorLike, x: TensorLike, /) -> Tensor:
    """The distribution function of the chi-square distribution with v degrees of freedom.

    Differentiable in both arguments, which broadcast; nan where one is negative.

    >>> round(pa.special.chdtr(2.0, 2.0).item(), 6)
    0.632121
    """
    (v, x), dtype = in_double("special.chdtr", v, x)
    return _core.astype(_below(0.5 * v, 0.5 * x), dtype)


def chdtrc(v: TensorLike, x: TensorLike, /) -> Tensor:
    """What :func:`chdtr` leaves to 1, accurate where that is little.

    >>> round(pa.special.chdtrc(2.0, 2.0).item(), 6)
    0.367879
    """
    (v, x), dtype = in_double("special.chdtrc", v, x)
    return _core.astype(_above(0.5 * v, 0.5 * x), dtype)


def chdtri(v: TensorLike, p: TensorLike, /) -> Tensor:
    """The x with ``chdtrc(v, x) = p``.

    Differentiable in both arguments, which broadcast; nan where v is not positive and finite or p
    lies outside of [0, 1].

    >>> round(pa.special.chdtri(2.0, 0.5).item(), 6)
    1.386294
    """
    (v, p), dtype = in_double("special.chdtri", v, p)
    half, p = _where(v < math.inf, (0.5 * v, 1.0), (p, math.nan))
    return _core.astype(2.0 * gammainccinv(half, p), dtype)


def _ratio(name: str, lower: bool, *given: Any) -> Tensor:
    """One of the tails of the F distribution: the incomplete beta function of the smaller share."""
    (dfn, dfd, x), dtype = in_double(name, *given)
    valid = all_of(dfn > 0.0, dfd > 0.0, dfn < math.inf, dfd < math.inf, x >= 0.0)
    inside = all_of(valid, _core.isfinite(dfn * x))
    a, b, x = _where(inside, (dfn, 1.0), (dfd, 1.0), (x, 0.5))
    near = a * x <= b
    start, rest = _where(near, (x, 0.5))[0], _core.where(near, 1.0, x)
    below, above = _core.special_betainc, _core.special_betaincc
    small = _core.where(near, a * start / (b + a * start), 0.5)
    left = (below if lower else above)(0.5 * a, 0.5 * b, small)
    right = (above if lower else below)(0.5 * b, 0.5 * a, b / (b + a * rest))
    value = _core.where(near, left, right)
    end = _core.where(valid, 1.0 if lower else 0.0, math.nan)
    return _core.astype(_core.where(inside, value, end), dtype)


def fdtr(dfn: TensorLike, dfd: TensorLike, x: TensorLike, /) -> Tensor:
    """The distribution function of the F distribution with dfn and dfd degrees of freedom.

    Differentiable in all arguments, which broadcast; nan where dfn or dfd is not positive and
    finite or x is negative. Source: DLMF 8.17.

    >>> pa.special.fdtr(2.0, 2.0, [0.0, 1.0]).tolist()
    [0.0, 0.5]
    """
    return _ratio("special.fdtr", True, dfn, dfd, x)


def fdtrc(dfn: TensorLike, dfd: TensorLike, x: TensorLike, /) -> Tensor:
    """What :func:`fdtr` leaves to 1, accurate where that is little.

    >>> pa.special.fdtrc(2.0, 2.0, [0.0, 3.0]).tolist()
    [1.0, 0.25]
    """
    return _ratio("special.fdtrc", False, dfn, dfd, x)


def fdtri(dfn: TensorLike, dfd: TensorLike, p: TensorLike, /) -> Tensor:
    """The x with ``fdtr(dfn, dfd, x) = p``.

    Differentiable in all arguments, which broadcast; nan where dfn or dfd is not positive and
    finite or p lies outside of [0, 1].

    >>> round(pa.special.fdtri(2.0, 2.0, 0.75).item(), 12)
    3.0
    """
    (dfn, dfd, p), dtype = in_double("special.fdtri", dfn, dfd, p)
    valid = all_of(dfn > 0.0, dfd > 0.0, dfn < math.inf, dfd < math.inf, _share(p))
    inside = all_of(valid, p > 0.0, p < 1.0)
    a, b, y = _where(inside, (dfn, 1.0), (dfd, 1.0), (p, 0.5))
    share, rest = (
        betaincinv(0.5 * a, 0.5 * b, y),
        betainccinv(0.5 * b, 0.5 * a, y),
    )
    gone = rest == 0.0
    value = _core.where(gone, math.inf, (b / a) * (share / _core.where(gone, 1.0, rest)))
    end = _core.where(valid, _core.where(p == 0.0, 0.0, math.inf), math.nan)
    return _core.astype(_core.where(inside, value, end), dtype)


def gdtr(a: TensorLike, b: TensorLike, x: TensorLike, /) -> Tensor:
    """The distribution function of the gamma distribution with rate a and shape b.

    Differentiable in all arguments, which broadcast; nan where b, x or ``a * x`` is negative.

    >>> round(pa.special.gdtr(2.0, 1.0, 0.5).item(), 6)
    0.632121
    """
    (a, b, x), dtype = in_double("special.gdtr", a, b, x)
    return _core.astype(_below(b, a * _core.where(x >= 0.0, x, math.nan)), dtype)


def gdtrc(a: TensorLike, b: TensorLike, x: TensorLike, /) -> Tensor:
    """What :func:`gdtr` leaves to 1, accurate where that is little.

    >>> round(pa.special.gdtrc(2.0, 1.0, 0.5).item(), 6)
    0.367879
    """
    (a, b, x), dtype = in_double("special.gdtrc", a, b, x)
    return _core.astype(_above(b, a * _core.where(x >= 0.0, x, math.nan)), dtype)


def gdtrix(a: TensorLike, b: TensorLike, p: TensorLike, /) -> Tensor:
    """The x with ``gdtr(a, b, x) = p``.

    Differentiable in all arguments, which broadcast; nan where b is not positive and finite, a
    infinite, or p outside of [0, 1].

    >>> round(pa.special.gdtrix(2.0, 1.0, 0.5).item(), 6)
    0.346574
    """
    (a, b, p), dtype = in_double("special.gdtrix", a, b, p)
    inside = all_of(b < math.inf, _core.isfinite(a))
    a, b, p = _where(inside, (a, 1.0), (b, 1.0), (p, math.nan))
    return _core.astype(gammaincinv(b, p) / a, dtype)
