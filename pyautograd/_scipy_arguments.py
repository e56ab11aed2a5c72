"""What SciPy's users may pass for a start and for further arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import tree
from ._core import Tensor


def as_start(x0: Any) -> Any:
    """A tree of floating-point or complex leaves. A list of numbers is a vector."""
    return tree.map(_as_floats, _as_vector(x0))


def further(args: Any) -> tuple[Any, ...]:
    """What SciPy calls args: one that is no tuple stands for itself."""
    return args if isinstance(args, tuple) else (args,)


def _as_vector(x0: Any) -> Any:
    """A list of numbers is a vector to SciPy, where other trees keep their containers."""
    if type(x0) not in (list, tuple):
        return x0
    numbers = all(
        isinstance(leaf, (int, float, complex, np.number)) for leaf in tree.flatten(x0)[0]
    )
    try:
        return np.asarray(x0) if numbers and len(x0) else x0
    except ValueError:
        return x0


def _as_floats(leaf: Any) -> Any:
    dtype = leaf.dtype if isinstance(leaf, Tensor) else np.asarray(leaf).dtype
    if dtype.kind not in "iu":
        return leaf
    return leaf.astype(np.float64) if isinstance(leaf, Tensor) else np.asarray(leaf, np.float64)
