"""Distinct values: NumPy's ``unique``, and the array API's functions with their named results."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor

__all__ = ["unique", "unique_all", "unique_counts", "unique_inverse"]


class UniqueAllResult(NamedTuple):
    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCountsResult(NamedTuple):
    values: Tensor
    counts: Tensor


class UniqueInverseResult(NamedTuple):
    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Any, /) -> UniqueAllResult:
    return UniqueAllResult(*_core.unique_all(x))


def unique_counts(x: Any, /) -> UniqueCountsResult:
    return UniqueCountsResult(*_core.unique_counts(x))


def unique_inverse(x: Any, /) -> UniqueInverseResult:
    return UniqueInverseResult(*_core.unique_inverse(x))


for _function in (unique_all, unique_counts, unique_inverse):
    _function.__doc__ = getattr(_core, _function.__name__).__doc__


def unique(
    x: Any,
    /,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
) -> Tensor | tuple[Tensor, ...]:
    """The distinct values in ascending order, or the distinct slices along an axis.

    The derivative goes to the first occurrence of each value.

    :param x: tensor of any shape
    :param return_index: whether to return where each value occurs first
    :param return_inverse: whether to return which of the values each element is
    :param return_counts: whether to return how often each value occurs
    :param axis: int, or None for the elements of the flattened tensor
    :param equal_nan: whether all nans are one value
    :returns: the values; with any of the others, a tuple of them in the order above
    :raises RuntimeError: under vmap, since the number of values depends on the elements

    >>> pa.unique(pa.tensor([3.0, 1.0, 3.0])).tolist()
    [1.0, 3.0]
    """
    x = _core.asarray(x)
    if axis is None:
        parts = _of_elements(x, equal_nan)
    else:
        parts = _of_slices(x, axis, equal_nan)
    wanted = (True, return_index, return_inverse, return_counts)
    kept = tuple(part for part, keep in zip(parts, wanted, strict=True) if keep)
    return kept if len(kept) > 1 else kept[0]


def _of_elements(x: Tensor, equal_nan: bool) -> list[Tensor]:
    values, index, inverse, counts = _core.unique_all(x)
    numbers = int(_core.count_nonzero(_core.equal(values, values)))
    if not equal_nan or numbers >= values.size - 1:
        return [values, index, inverse, counts]
    nans = _core.sum(counts[numbers:], keepdims=True)
    first = numbers + 1
    return [
        values[:first],
        index[:first],
        _core.minimum(inverse, numbers),
        _core.concat([counts[:numbers], nans]),
    ]


def _of_slices(x: Tensor, axis: int, equal_nan: bool) -> list[Tensor]:
    _core.unique_values(x)  # raises where the slices cannot be compared
    numbers: Any = x.detach().numpy()
    _, *parts = np.unique(numbers, True, True, True, axis=axis, equal_nan=equal_nan)
    index, inverse, counts = map(_core.asarray, parts)
    return [_core.take(x, index, axis=axis), index, inverse, counts]
