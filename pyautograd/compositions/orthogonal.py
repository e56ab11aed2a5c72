"""Orthogonal polynomials by their recurrences, under the names of :mod:`scipy.special`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor
from ._common import floating, not_bool, not_complex

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def degree_of(name: str, n: Any) -> int:
    try:
        degree = operator.index(n)
    except TypeError:
        raise TypeError(f"[special.{name}] n must be an int, not {type(n).__name__}") from None
    if degree < 0:
        raise ValueError(f"[special.{name}] n must not be negative, got {degree}")
    return degree


def _by_recurrence(
    name: str, n: Any, x: Any, second: Callable[[Tensor], Tensor], step: Callable[..., Tensor]
) -> Tensor:
    """p_n from p_0 = 1, p_1 and p_(k+1) = step(k, x, p_k, p_(k-1))."""
    degree = degree_of(name, n)
    t = floating(not_complex(f"special.{name}", not_bool(f"special.{name}", x)))
    before = _core.where(_core.isnan(t), t, _core.ones_like(t))
    if degree == 0:
        return before
    value = second(t)
    for k in range(1, degree):
        before, value = value, step(k, t, value, before)
    if degree == 1:
        return _core.copy(t) if value is t else value
    # At infinity the power alone counts, of which p_1 has the sign.
    return _core.where(_core.isinf(t), second(t) ** degree, value)


def eval_legendre(n: int, x: TensorLike) -> Tensor:
    """The Legendre polynomial P_n.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_legendre(2, 2.0).item()
    5.5
    """
    return _by_recurrence(
        "eval_legendre",
        *(n, x, lambda t: t),
        lambda k, t, p, q: ((2 * k + 1) * t * p - k * q) / (k + 1),
    )


def eval_chebyt(n: int, x: TensorLike) -> Tensor:
    """The Chebyshev polynomial of the first kind, T_n.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_chebyt(2, 2.0).item()
    7.0
    """
    return _by_recurrence("eval_chebyt", n, x, lambda t: t, lambda k, t, p, q: 2 * t * p - q)


def eval_chebyu(n: int, x: TensorLike) -> Tensor:
    """The Chebyshev polynomial of the second kind, U_n.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_chebyu(2, 2.0).item()
    15.0
    """
    return _by_recurrence("eval_chebyu", n, x, lambda t: 2 * t, lambda k, t, p, q: 2 * t * p - q)


def eval_hermite(n: int, x: TensorLike) -> Tensor:
    """The physicist's Hermite polynomial H_n, orthogonal with the weight exp(-x**2).

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_hermite(2, 2.0).item()
    14.0
    """
    return _by_recurrence(
        "eval_hermite", n, x, lambda t: 2 * t, lambda k, t, p, q: 2 * (t * p - k * q)
    )


def eval_hermitenorm(n: int, x: TensorLike) -> Tensor:
    """The probabilist's Hermite polynomial He_n, orthogonal with the weight exp(-x**2 / 2).

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_hermitenorm(2, 2.0).item()
    3.0
    """
    return _by_recurrence("eval_hermitenorm", n, x, lambda t: t, lambda k, t, p, q: t * p - k * q)


def eval_laguerre(n: int, x: TensorLike) -> Tensor:
    """The Laguerre polynomial L_n.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_laguerre(2, 2.0).item()
    -1.0
    """
    return _by_recurrence(
        "eval_laguerre",
        *(n, x, lambda t: 1 - t),
        lambda k, t, p, q: ((2 * k + 1 - t) * p - k * q) / (k + 1),
    )
