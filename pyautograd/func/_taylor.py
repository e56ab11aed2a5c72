"""Taylor coefficients along a line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..tree import map
from ._arguments import check_callable
from ._forward import jvp


def taylor(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> list[Any]:
    """The Taylor coefficients of ``f(x + t v)`` in ``t``, up to an order.

    ``f`` runs once, on tensors that carry ``order`` nested directions, so the cost doubles with
    each order (A. Griewank, A. Walther, Evaluating derivatives, 2008, chapter 13, has the faster
    recurrences).

    Args:
        f: a function of a tensor or a tree of them that returns tensors or a tree of them.
        x: the point, of floating dtype.
        v: the direction, with the structure and shapes of ``x``.
        order: the highest power of ``t``, not negative.

    Returns:
        The list of ``order + 1`` coefficients, entry k being the k-th derivative along ``v`` over
        ``k!``, each with the structure of the output. They are differentiable.

    Raises:
        TypeError: ``order`` is not an int, or ``x`` or an output is not floating-point.
        ValueError: ``order`` is negative, or ``v`` does not match ``x``.

    >>> [c.item() for c in pa.func.taylor(lambda x: pa.exp(2 * x), 0.0, 1.0, 3)]
    [1.0, 2.0, 2.0, 1.3333333333333333]
    """
    check_callable("taylor", f)
    if type(order) is not int:
        raise TypeError(f"[taylor] the order must be an int, got {order!r}")
    if order < 0:
        raise ValueError(f"[taylor] the order must not be negative, got {order}")
    derivatives = directional_derivatives(f, x, v, order)
    return [
        value if k < 2 else map(lambda y, k=k: y / math.factorial(k), value)
        for k, value in enumerate(derivatives)
    ]


def directional_derivatives(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> list[Any]:
    """``f`` and its derivatives along a direction up to an order, by one nested evaluation."""
    if not order:
        return [jvp(f, (x,), (v,))[0]]

    def lower(x: Any) -> list[Any]:
        return directional_derivatives(f, x, v, order - 1) if order > 1 else [f(x)]

    values, slopes = jvp(lower, (x,), (v,))
    return [*values, slopes[-1]]
