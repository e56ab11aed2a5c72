"""Sets of the distinct elements of arrays, in ascending order.

The derivative goes to the first occurrence of an element. How many there are depends on the values,
so that none of these functions can be mapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core
from .._arrays.sets import unique
from .._core import Tensor
from ._common import shape_from_values

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def union1d(ar1: TensorLike, ar2: TensorLike) -> Tensor:
    """The distinct elements of both arrays.

    >>> pa.union1d(pa.tensor([3.0, 1.0]), pa.tensor([1.0, 2.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    x, y = (_core.ravel(a) for a in (ar1, ar2))
    return _distinct("union1d", _core.concat([x, y]))


def intersect1d(
    ar1: TensorLike, ar2: TensorLike, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """The elements that are in both arrays, taken from the first.

    Args:
        ar1: tensor, flattened
        ar2: tensor, flattened
        assume_unique: both have distinct elements already
        return_indices: return ``(values, places in ar1, places in ar2)``

    >>> pa.intersect1d(pa.tensor([3.0, 1.0, 3.0]), pa.tensor([2.0, 3.0])).tolist()
    [3.0]
    """
    x, y = (_core.ravel(a) for a in (ar1, ar2))
    places_x, places_y = (_places(a, assume_unique) for a in (x, y))
    values = _core.concat([_core.take(x, places_x), _core.take(y, places_y)])
    order = _core.argsort(values)
    rising = _core.take(values, order)
    with shape_from_values("intersect1d"):
        first = _core.flatnonzero(_core.equal(rising[1:], rising[:-1]))
    common = _core.take(rising, first)
    if not return_indices:
        return common
    of_x = _core.take(places_x, _core.take(order, first))
    return common, of_x, _core.take(places_y, _core.take(order, first + 1) - places_x.size)


def setdiff1d(ar1: TensorLike, ar2: TensorLike, assume_unique: bool = False) -> Tensor:
    """The elements of the first array that are not in the second.

    With ``assume_unique`` they keep their order.

    >>> pa.setdiff1d(pa.tensor([3.0, 1.0, 2.0]), pa.tensor([2.0])).tolist()
    [1.0, 3.0]
    """
    x, y = (_core.ravel(a) for a in (ar1, ar2))
    values = x if assume_unique else _distinct("setdiff1d", x)
    with shape_from_values("setdiff1d"):
        missing = _core.flatnonzero(_core.isin(values, y, invert=True))
    return _core.take(values, missing)


def setxor1d(ar1: TensorLike, ar2: TensorLike, assume_unique: bool = False) -> Tensor:
    """The elements that are in exactly one of the arrays.

    >>> pa.setxor1d(pa.tensor([3.0, 1.0]), pa.tensor([1.0, 2.0])).tolist()
    [2.0, 3.0]
    """
    parts = [_core.ravel(a) for a in (ar1, ar2)]
    if not assume_unique:
        parts = [_distinct("setxor1d", a) for a in parts]
    rising = _core.sort(_core.concat(parts))
    changes = _core.not_equal(rising[1:], rising[:-1])
    end = _core.asarray([True])
    alone = _core.logical_and(_core.concat([end, changes]), _core.concat([changes, end]))
    with shape_from_values("setxor1d"):
        places = _core.flatnonzero(alone[: rising.size])
    return _core.take(rising, places)


def _distinct(name: str, x: Tensor) -> Tensor:
    with shape_from_values(name):
        values = unique(x)
    assert isinstance(values, Tensor)
    return values


def _places(x: Tensor, assume_unique: bool) -> Tensor:
    if assume_unique:
        return _core.arange(x.size, device=x.device)
    with shape_from_values("intersect1d"):
        return unique(x, return_index=True)[1]
