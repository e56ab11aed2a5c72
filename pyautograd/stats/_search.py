"""Integers found by bisection, for quantiles of discrete families."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions._common import known

# Beyond them float64 skips integers.
_BITS = 53


def least_integer(reached: Callable[[Tensor], Tensor], first: Tensor) -> Tensor:
    """The least integer from ``first`` on where a condition holds that holds ever after.

    Where it never does, or beyond the integers that float64 holds, nan. Under ``vmap`` and in
    checkpoints, where nobody can see that all entries are done, every step is made.
    """
    low, high = first - 1.0, first
    for _ in range(_BITS):
        there = reached(high)
        if _all(there):
            break
        low = _core.where(there, low, high)
        high = _core.where(there, high, first + 2.0 * (high - first) + 1.0)
    for _ in range(_BITS):
        if _all(high - low <= 1.0):
            break
        middle = _core.floor(0.5 * (low + high))
        there = reached(middle)
        low, high = _core.where(there, low, middle), _core.where(there, middle, high)
    return _core.where(high - first < 2.0**_BITS - 1.0, high, np.nan)


def _all(condition: Tensor) -> bool:
    return known(condition) and bool(_core.all(condition))
