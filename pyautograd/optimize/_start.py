"""What SciPy's users may pass for a start and for further arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from .._captured_points import CapturedPoints
from .._core import Tensor
from .._flat import Array, Layout
from .._points import Points
from ..func._arguments import check_callable


def prepare(
    op: str, f: Callable[..., Any], x0: Any, args: Any
) -> tuple[Callable[[Any], Any], Layout, Array]:
    """f as a function of x alone, how x lies in a vector, and the vector to start from."""
    check_callable(op, f)
    layout, leaves = Layout.of(op, tree.map(_as_floats, _as_vector(x0)))
    if not layout.size:
        raise ValueError(f"[{op}] x0 holds no numbers: there is nothing to solve for")
    return bound(f, args), layout, layout.join(leaves).astype(np.float64)


def points_of(
    op: str, f: Callable[..., Any], layout: Layout, *, second: bool, captured: bool
) -> Points:
    return (CapturedPoints if captured else Points)(op, f, layout, second)


def bound(f: Callable[..., Any], args: Any) -> Callable[[Any], Any]:
    """f with what SciPy calls args behind x; one that is no tuple stands for itself."""
    rest = args if isinstance(args, tuple) else (args,)
    return (lambda x: f(x, *rest)) if rest else f


def _as_vector(x0: Any) -> Any:
    """A list of numbers is a vector to SciPy, where other trees keep their containers."""
    if type(x0) not in (list, tuple):
        return x0
    numbers = all(isinstance(leaf, (int, float, np.number)) for leaf in tree.flatten(x0)[0])
    try:
        return np.asarray(x0) if numbers and len(x0) else x0
    except ValueError:
        return x0


def _as_floats(leaf: Any) -> Any:
    dtype = leaf.dtype if isinstance(leaf, Tensor) else np.asarray(leaf).dtype
    if dtype.kind not in "iu":
        return leaf
    return leaf.astype(np.float64) if isinstance(leaf, Tensor) else np.asarray(leaf, np.float64)
