"""Taylor coefficients along a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _core
from .._core import Tensor
from .._whole import whole
from ..tree import unflatten
from ._arguments import Arguments, check_callable, flatten_outputs, match_values

# The factorial of the next is no float64.
HIGHEST_ORDER = 170


def taylor(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> list[Any]:
    """The Taylor coefficients of ``f(x + t v)`` in ``t``, up to an order.

    ``f`` runs once, on tensors that carry truncated power series. Products, quotients, solves and
    linear ops combine the coefficients of their inputs; every other op has the series of its
    derivative, which its forward-mode rule gives, integrated (A. Griewank, A. Walther, Evaluating
    derivatives, 2008, chapter 13). The cost grows with the square or the cube of the order. The
    conventions for derivatives at ties and edges are those of nested :func:`jvp`.

    Args:
        f: a function of a tensor or a tree of them that returns tensors or a tree of them.
        x: the point, of floating or complex dtype.
        v: the direction, with the structure and shapes of ``x``.
        order: the highest power of ``t``, from 0 to 170.

    Returns:
        The list of ``order + 1`` coefficients, entry k being the k-th derivative along ``v`` over
        ``k!``, each with the structure of the output. They are differentiable.

    Raises:
        TypeError: ``order`` is not an int, or ``x`` or an output is not floating-point.
        ValueError: ``order`` is out of range, or ``v`` does not match ``x``.

    >>> [c.item() for c in pa.func.taylor(lambda x: pa.exp(2 * x), 0.0, 1.0, 3)]
    [1.0, 2.0, 2.0, 1.3333333333333333]
    """
    check_callable("taylor", f)
    order = check_order("taylor", order)
    return coefficients("taylor", f, x, v, order)


def check_order(op: str, given: Any) -> int:
    order = whole(given)
    if order is None:
        raise TypeError(f"[{op}] the order must be an int, got {given!r}")
    if order < 0:
        raise ValueError(f"[{op}] the order must not be negative, got {order}")
    if order > HIGHEST_ORDER:
        raise ValueError(f"[{op}] the order must be at most {HIGHEST_ORDER}, got {order}")
    return order


def coefficients(op: str, f: Callable[[Any], Any], x: Any, v: Any, order: int) -> list[Any]:
    """What :func:`taylor` returns, for an order that has been checked."""
    arguments = Arguments(op, (x,), (0,))
    directions = match_values(op, "the direction", (v,), arguments.structure, arguments.leaves)
    with _core.Level("taylor", order) as level:
        jets = [
            _core.make_jet(level, x, [v]) for x, v in zip(arguments.leaves, directions, strict=True)
        ]
        outputs, structure = flatten_outputs(op, f(*arguments.replaced(jets)))
        series = [_series(level, y) for y in outputs]
    return [unflatten(structure, list(row)) for row in zip(*series, strict=True)]


def _series(level: Any, y: Tensor) -> list[Tensor]:
    value, higher = _core.unwrap_jet(level, y)
    return [value, *[_core.zeros_like(value) if c is None else c for c in higher]]
