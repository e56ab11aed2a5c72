"""Arrays taken apart, put together and reordered."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import named, normal_axes, normal_axis, shape_from_values

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def append(arr: TensorLike, values: TensorLike, axis: int | None = None) -> Tensor:
    """``values`` behind ``arr`` along an axis; both flattened without one.

    >>> pa.append(pa.ones(2), 0.0).tolist()
    [1.0, 1.0, 0.0]
    """
    if axis is None:
        return _core.concat([_core.ravel(arr), _core.ravel(values)])
    return _core.concat([_core.asarray(arr), _core.asarray(values)], axis)


def _each(tup: Any) -> list[Tensor]:
    return [_core.asarray(x) for x in tup]


def dstack(tup: Any) -> Tensor:
    """The arrays one behind the other along a third axis.

    >>> pa.dstack([pa.ones(2), pa.zeros(2)]).shape
    (1, 2, 2)
    """
    return _core.concat([_core.atleast_3d(x) for x in _each(tup)], 2)


def column_stack(tup: Any) -> Tensor:
    """The arrays side by side, vectors as columns.

    >>> pa.column_stack([pa.ones(2), pa.zeros((2, 2))]).shape
    (2, 3)
    """
    columns = [x if x.ndim > 1 else _core.reshape(x, (-1, 1)) for x in _each(tup)]
    return _core.concat(columns, 1)


def hsplit(ary: TensorLike, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along axis 1, of a vector along axis 0.

    Raises:
        ValueError: a 0-d array, or a division that leaves a rest.

    >>> [part.tolist() for part in pa.hsplit(pa.arange(4), 2)]
    [[0, 1], [2, 3]]
    """
    return _split_along("hsplit", 1, ary, indices_or_sections)


def vsplit(ary: TensorLike, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along axis 0 of a matrix or an array of more dimensions.

    >>> [part.shape for part in pa.vsplit(pa.ones((4, 3)), 2)]
    [(2, 3), (2, 3)]
    """
    return _split_along("vsplit", 2, ary, indices_or_sections)


def dsplit(ary: TensorLike, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along axis 2.

    >>> [part.shape for part in pa.dsplit(pa.ones((1, 1, 4)), 2)]
    [(1, 1, 2), (1, 1, 2)]
    """
    return _split_along("dsplit", 3, ary, indices_or_sections)


def _split_along(name: str, fewest: int, ary: Any, indices_or_sections: Any) -> list[Tensor]:
    x = _core.asarray(ary)
    if x.ndim < fewest:
        raise ValueError(f"[{name}] at least {fewest} dimensions are needed, got shape {x.shape}")
    axis = {"hsplit": min(x.ndim - 1, 1), "vsplit": 0, "dsplit": 2}[name]
    return _core.split(x, indices_or_sections, axis)


def block(arrays: Any) -> Tensor:
    """An array put together from nested lists of blocks.

    The innermost lists join their blocks along the last axis, those around them along the one
    before it, and so on.

    Raises:
        ValueError: an empty list, or lists nested to different depths.
        TypeError: a tuple in place of a list.

    >>> pa.block([[pa.ones((1, 1)), pa.zeros((1, 2))], [2 * pa.ones((1, 3))]]).tolist()
    [[1.0, 0.0, 0.0], [2.0, 2.0, 2.0]]
    """
    depth, rank = _block_depth(arrays)
    joined = _joined(arrays, depth, max(depth, rank))
    return joined if depth else _core.copy(joined)


def _block_depth(arrays: Any) -> tuple[int, int]:
    """How deep the lists are nested, and the most dimensions that a block has."""
    if isinstance(arrays, tuple):
        raise TypeError("[block] blocks are given in lists, not in tuples")
    if not isinstance(arrays, list):
        return 0, _core.asarray(arrays).ndim
    if not arrays:
        raise ValueError("[block] a list is empty")
    depths, ranks = zip(*map(_block_depth, arrays), strict=True)
    if len(set(depths)) > 1:
        raise ValueError("[block] lists are nested to different depths")
    return depths[0] + 1, max(ranks)


def _joined(arrays: Any, depth: int, rank: int) -> Tensor:
    if depth > 0:
        return _core.concat([_joined(x, depth - 1, rank) for x in arrays], -depth)
    x = _core.asarray(arrays)
    return _core.reshape(x, (1,) * (rank - x.ndim) + x.shape)


def _numbers(x: Any) -> Any:
    return x.detach().to("cpu").numpy() if isinstance(x, Tensor) else x


def delete(arr: TensorLike, obj: Any, axis: int | None = None) -> Tensor:
    """``arr`` without the entries that ``obj`` names along an axis, or in the flattened array.

    ``obj`` is an integer, a slice, or a vector of integers or bools; its values decide the shape.

    Raises:
        IndexError: an entry that is not there.

    >>> pa.delete(pa.arange(4), [0, 2]).tolist()
    [1, 3]
    """
    x = _core.ravel(arr) if axis is None else _core.asarray(arr)
    place = 0 if axis is None else normal_axis("delete", axis, x.ndim)
    with named("delete"):
        kept = np.delete(np.arange(x.shape[place]), _numbers(obj))
    return _core.take(x, kept, place)


def _places(obj: Any, size: int) -> np.ndarray[Any, Any]:
    if isinstance(obj, slice):
        return np.arange(size)[obj]
    where = np.asarray(_numbers(obj))
    return np.flatnonzero(where) if where.dtype == bool else where


def insert(arr: TensorLike, obj: Any, values: TensorLike, axis: int | None = None) -> Tensor:
    """``arr`` with ``values`` put in before the entries that ``obj`` names, along an axis.

    Without an axis, into the flattened array. ``values`` take the dtype of ``arr`` and broadcast
    to the place. Differentiable in ``arr`` and in ``values``.

    Raises:
        IndexError: an entry that is not there.

    >>> pa.insert(pa.tensor([1.0, 2.0]), 1, 9.0).tolist()
    [1.0, 9.0, 2.0]
    """
    x = _core.ravel(arr) if axis is None else _core.asarray(arr)
    place = 0 if axis is None else normal_axis("insert", axis, x.ndim)
    size = x.shape[place]
    where, new = _places(obj, size), _core.astype(values, x.dtype)
    if where.size == 1:
        # As in NumPy a single place takes all that the values hold along the axis.
        new = _core.reshape(new, (1,) * (x.ndim - new.ndim) + new.shape)
        new = _core.moveaxis(new, 0, place) if where.ndim == 0 else new
        where, count = where.reshape(-1)[0], new.shape[place]
    else:
        count = where.size
    extra = max(new.ndim - x.ndim, 0)
    new = _core.reshape(new, new.shape[extra:]) if set(new.shape[:extra]) == {1} else new
    with named("insert"):
        order = np.insert(np.arange(size), where, size + np.arange(count))
    shape = [count if i == place else n for i, n in enumerate(x.shape)]
    return _core.take(_core.concat([x, _core.broadcast_to(new, shape)], place), order, place)


def resize(a: TensorLike, new_shape: int | Sequence[int]) -> Tensor:
    """The entries of ``a``, repeated as often as needed, under a new shape.

    An array without entries gives zeros.

    >>> pa.resize(pa.tensor([1, 2, 3]), (2, 2)).tolist()
    [[1, 2], [3, 1]]
    """
    sizes = new_shape if isinstance(new_shape, Sequence) else (new_shape,)
    shape = tuple(map(operator.index, sizes))
    if any(n < 0 for n in shape):
        raise ValueError(f"[resize] sizes must not be negative, got {shape}")
    x = _core.ravel(a)
    size = int(np.prod(shape))
    if x.size == 0:
        x = _core.concat([x, _core.zeros(1, x.dtype, device=x.device)])
    return _core.reshape(_core.take(x, np.arange(size) % x.size), shape)


def trim_zeros(
    filt: TensorLike, trim: str = "fb", axis: int | Sequence[int] | None = None
) -> Tensor:
    """``filt`` without the zeros at its front ("f" in ``trim``) and at its back ("b").

    Of an array with several axes, what lies before the first and behind the last number that is
    not zero is left out along each of them, or along those given. The values decide the shape, so
    this raises ``RuntimeError`` for values that ``vmap`` maps.

    >>> pa.trim_zeros(pa.tensor([0.0, 1.0, 0.0, 2.0, 0.0])).tolist()
    [1.0, 0.0, 2.0]
    """
    x = _core.asarray(filt)
    axes = normal_axes("trim_zeros", axis, x.ndim)
    if not isinstance(trim, str):
        raise TypeError(f"[trim_zeros] trim must be a string, got {type(trim).__name__}")
    ends = trim.lower()
    if set(ends) - set("fb"):
        raise ValueError(f"[trim_zeros] trim must consist of 'f' and 'b', not {trim!r}")
    with shape_from_values("trim_zeros"):
        places = _core.nonzero(x) if x.ndim else ()
    parts = [slice(None)] * x.ndim
    for i, kept in enumerate(places):
        if i in axes:
            start = int(_core.min(kept)) if kept.size and "f" in ends else 0
            stop = int(_core.max(kept)) + 1 if kept.size else 0
            parts[i] = slice(start, stop if "b" in ends or not kept.size else None)
    return x[tuple(parts)]


def rollaxis(a: TensorLike, axis: int, start: int = 0) -> Tensor:
    """``a`` with an axis moved to lie before the one at ``start``. ``moveaxis`` says it better.

    >>> pa.rollaxis(pa.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    x = _core.asarray(a)
    source = normal_axis("rollaxis", axis, x.ndim)
    target = normal_axis("rollaxis", start, x.ndim) if start != x.ndim else x.ndim
    return _core.moveaxis(x, source, target - 1 if source < target else target)


def flipud(m: TensorLike) -> Tensor:
    """``m`` upside down: reversed along axis 0.

    >>> pa.flipud(pa.tensor([[1], [2]])).tolist()
    [[2], [1]]
    """
    return _flipped("flipud", m, 0)


def fliplr(m: TensorLike) -> Tensor:
    """``m`` as in a mirror: reversed along axis 1.

    >>> pa.fliplr(pa.tensor([[1, 2]])).tolist()
    [[2, 1]]
    """
    return _flipped("fliplr", m, 1)


def _flipped(name: str, m: Any, axis: int) -> Tensor:
    x = _core.asarray(m)
    if x.ndim <= axis:
        raise ValueError(f"[{name}] at least {axis + 1} dimensions are needed, got shape {x.shape}")
    return _core.flip(x, axis)


def diag(v: TensorLike, k: int = 0) -> Tensor:
    """The ``k``-th diagonal of a matrix, or the matrix that has a vector on its ``k``-th diagonal.

    Raises:
        ValueError: neither one nor two dimensions.

    >>> pa.diag(pa.tensor([1.0, 2.0])).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    x = _core.asarray(v)
    if x.ndim == 2:
        return _core.diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"[diag] expected a vector or a matrix, got shape {x.shape}")
    n = x.shape[0]
    # Row i of n entries and n zeros starts one place further right once rows are one shorter.
    flat = _core.ravel(_core.pad(x[:, np.newaxis], ((0, 0), (0, n))))
    square = _core.reshape(flat[: n * n], (n, n))
    return _core.pad(square, ((max(-k, 0), max(k, 0)), (max(k, 0), max(-k, 0)))) if k else square


def diagflat(v: TensorLike, k: int = 0) -> Tensor:
    """The matrix that has the entries of ``v``, flattened, on its ``k``-th diagonal.

    >>> pa.diagflat(pa.tensor([[1.0, 2.0]])).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    return diag(_core.ravel(v), k)
