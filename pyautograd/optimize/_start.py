"""A function, a start and further arguments as SciPy's users pass them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._captured_points import CapturedPoints
from .._flat import Array, Layout
from .._points import Points
from .._scipy_arguments import as_start, further
from ..func._arguments import check_callable


def prepare(
    op: str, f: Callable[..., Any], x0: Any, args: Any
) -> tuple[Callable[[Any], Any], Layout, Array]:
    """f as a function of x alone, how x lies in a vector, and the vector to start from."""
    check_callable(op, f)
    layout, leaves = Layout.of(op, as_start(x0))
    if not layout.size:
        raise ValueError(f"[{op}] x0 holds no numbers: there is nothing to solve for")
    return bound(f, args), layout, layout.join(leaves).astype(np.float64)


def points_of(
    op: str, f: Callable[..., Any], layout: Layout, *, second: bool, captured: bool
) -> Points:
    return (CapturedPoints if captured else Points)(op, f, layout, second)


def bound(f: Callable[..., Any], args: Any) -> Callable[[Any], Any]:
    """f with what SciPy calls args behind x."""
    rest = further(args)
    return (lambda x: f(x, *rest)) if rest else f
