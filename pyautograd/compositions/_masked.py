"""Moments of the elements at which a mask holds. The others contribute nothing to a derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import _core
from .._core import Tensor

__all__: list[str] = []

Axis: TypeAlias = "int | Sequence[int] | None"


def mask_of(name: str, where: Any) -> Tensor:
    """The truth values of a ``where=``."""
    mask = _core.asarray(where)
    if mask.dtype.kind != "b":
        raise TypeError(f"{name}: where= must be of bools, not of dtype {mask.dtype}")
    return mask


def count(x: Tensor, present: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """How many elements there are, in the dtype of their real parts."""
    every = _core.broadcast_to(present, x.shape)
    return _core.sum(every, axis, np.finfo(x.dtype).dtype, keepdims=keepdims)


def mean(x: Tensor, present: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """The mean of a floating tensor; nan where there is nothing."""
    total = _core.sum(_core.where(present, x, 0.0), axis, keepdims=keepdims)
    return total / count(x, present, axis, keepdims)


def spread(
    op: Callable[..., Tensor],
    x: Tensor,
    present: Tensor,
    axis: Axis,
    ddof: float,
    keepdims: bool,
    *,
    none: float = math.nan,
) -> Tensor:
    """``var`` or ``std`` of the elements, with the divisor ``count - ddof``.

    It is multiplied by ``none`` where the count does not exceed ``ddof``.
    """
    numbers = count(x, present, axis, True)
    enough = _core.greater(numbers, ddof)
    per_line = x.size / max(numbers.size, 1)
    ratio = per_line / _core.where(enough, numbers - ddof, per_line)
    deviations = _core.where(present, x - mean(x, present, axis, True), 0.0)
    if op is _core.std:
        # Stretched inside, so that the square of the result has its derivatives where that is 0.
        result = op(deviations * _core.sqrt(ratio), axis, keepdims=keepdims)
    else:
        result = op(deviations, axis, keepdims=keepdims)
        result = result * _core.reshape(ratio, result.shape)
    if _core.depth(enough) == 0 and bool(_core.all(enough)):
        return result
    return _core.where(_core.reshape(enough, result.shape), result, result * none)
