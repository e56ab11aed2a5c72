"""Moments of the elements at which a mask holds. The others contribute nothing to a derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import known, surely

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


def spread(
    op: Callable[..., Tensor], x: Tensor, present: Tensor, axis: Axis, ddof: float, keepdims: bool
) -> Tensor:
    """``var`` or ``std`` of the elements; nan where their number does not exceed ``ddof``."""
    result = op(x, axis, keepdims=keepdims, ddof=ddof, where=present)
    enough = _core.greater(count(x, present, axis, keepdims), ddof)
    if known(enough) and not surely(_core.logical_not(enough)):
        return result
    return _core.where(enough, result, math.nan)
