"""Choosing by condition or index, and the indices of diagonals and triangles."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._places import beside
from .._whole import one_or_each
from ..array_api import broadcast_shapes, result_type
from ._common import surely

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: TensorLike = 0) -> Tensor:
    """For every element the first choice whose condition holds, or ``default``.

    Conditions, choices and default broadcast. Differentiable in the choices and in the default.

    Raises:
        ValueError: no conditions, or not as many choices.
        TypeError: a condition that is not bool.

    >>> x = pa.tensor([-2.0, 0.5, 3.0])
    >>> pa.select([x < 0, x > 1], [-x, x**2]).tolist()
    [2.0, 0.0, 9.0]
    """
    if len(condlist) != len(choicelist) or len(condlist) == 0:
        raise ValueError(
            f"[select] {len(condlist)} conditions for {len(choicelist)} choices: as many are "
            "needed, and at least one"
        )
    dtype = result_type(*choicelist, default)
    result = _core.astype(default, dtype)
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        test = _core.asarray(condition)
        if test.dtype.kind != "b":
            raise TypeError(f"[select] conditions must be bool, not {test.dtype}")
        result = _core.where(test, choice, result)
    return _core.asarray(result)


def piecewise(
    x: TensorLike,
    condlist: Any,
    funclist: Sequence[Any],
    *args: Any,
    **kw: Any,
) -> Tensor:
    """A function defined piece by piece: where a condition holds, its function of ``x``.

    Functions are called as ``f(x, *args, **kw)`` on all of ``x``, numbers stand for themselves,
    and of several conditions that hold the last one counts. One function more than conditions is
    for where none holds, else the value is 0 there. What is not chosen contributes nothing to a
    derivative, whatever it is. The result has the dtype of ``x``.

    Raises:
        ValueError: neither as many functions as conditions nor one more.

    >>> x = pa.tensor([-1.0, 4.0])
    >>> pa.piecewise(x, [x > 0], [pa.sqrt, lambda x: -x]).tolist()
    [1.0, 2.0]
    """
    point = _core.asarray(x)
    given = condlist if isinstance(condlist, (list, tuple)) else [condlist]
    conditions = [_core.astype(condition, np.bool_) for condition in given]
    functions = list(funclist)
    if len(functions) not in (len(conditions), len(conditions) + 1):
        raise ValueError(
            f"[piecewise] {len(functions)} functions for {len(conditions)} conditions: as many "
            "are needed, or one more"
        )

    def piece(function: Any) -> Tensor:
        value = function(point, *args, **kw) if callable(function) else function
        return _core.astype(value, point.dtype)

    result = _core.zeros_like(point)
    if len(functions) > len(conditions):
        result = _core.broadcast_to(piece(functions[-1]), point.shape)
    for condition, function in zip(conditions, functions, strict=False):
        result = _core.where(condition, piece(function), result)
    return result


def choose(a: TensorLike, choices: Any, *, mode: str = "raise") -> Tensor:
    """From the array of ``choices`` that an integer names, the element at the integer's place.

    The integers and the choices broadcast. An integer out of range raises, or is taken modulo the
    number of choices (``mode="wrap"``), or is replaced by the nearest that is in range ("clip").
    Differentiable in the choices.

    Raises:
        ValueError: an integer out of range, or an unknown mode.
        TypeError: ``a`` is not of integers.

    >>> pa.choose(pa.tensor([1, 0]), [pa.tensor([1.0, 2.0]), pa.tensor([10.0, 20.0])]).tolist()
    [10.0, 2.0]
    """
    index = _core.asarray(a)
    if index.dtype.kind not in "biu":
        raise TypeError(f"[choose] expected integers to choose by, not {index.dtype}")
    index = _core.astype(index, np.int64)
    given = choices if isinstance(choices, (list, tuple)) else _core.unstack(choices)
    options = list(given)
    if not options:
        raise ValueError("[choose] there is nothing to choose from")
    count = len(options)
    if mode == "wrap":
        index = _core.remainder(index, count)
    elif mode == "clip":
        index = _core.clip(index, 0, count - 1)
    elif mode != "raise":
        raise ValueError(f"[choose] unknown mode {mode!r}: use 'raise', 'wrap' or 'clip'")
    else:
        index = _core.where(_core.less(index, 0), count, index)
    index, *options = beside((index, *options))
    table = _core.stack(_core.broadcast_arrays(_promoted(options)))
    shape = broadcast_shapes(index.shape, table.shape[1:])
    table = _core.reshape(table, (count, *(1,) * (len(shape) + 1 - table.ndim), *table.shape[1:]))
    table = _core.broadcast_to(table, (count, *shape))
    place = _core.broadcast_to(index, shape)[np.newaxis]
    try:
        return _core.take_along_axis(table, place, 0)[0]
    except IndexError:
        raise ValueError(f"[choose] an index does not name one of {count} choices") from None


def _promoted(options: list[Any]) -> list[Tensor]:
    """All in their common dtype, numbers as tensors."""
    flat = [_core.atleast_1d(_core.asarray(x)) for x in options]
    dtype = _core.concat([_core.ravel(x)[:0] for x in flat]).dtype
    return [_core.astype(x, dtype, copy=False) for x in map(_core.asarray, options)]


def ix_(*args: Any) -> tuple[Tensor, ...]:
    """Vectors of indices shaped so that they select the grid of their combinations.

    A vector of bools stands for the positions where it holds.

    Raises:
        ValueError: an argument that is no vector.

    >>> pa.arange(6).reshape(2, 3)[pa.ix_([0, 1], [0, 2])].tolist()
    [[0, 2], [3, 5]]
    """
    result = []
    for i, given in enumerate(args):
        v = _core.asarray(given)
        if v.ndim != 1:
            raise ValueError(f"[ix_] expected vectors, got shape {v.shape}")
        v = _core.nonzero(v)[0] if v.dtype.kind == "b" else v
        v = _core.astype(v, np.int64) if v.size == 0 else v
        result.append(_core.reshape(v, (1,) * i + (-1,) + (1,) * (len(args) - i - 1)))
    return tuple(result)


def _tensors(arrays: Sequence[Any]) -> tuple[Tensor, ...]:
    return tuple(map(_core.asarray, arrays))


def _moved(indices: Sequence[Tensor], x: Tensor) -> tuple[Tensor, ...]:
    return tuple(i.to(x.device) for i in indices)


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, ...]:
    """The row and column indices at and below the ``k``-th diagonal of an ``n`` by ``m`` matrix.

    >>> [i.tolist() for i in pa.tril_indices(2)]
    [[0, 1, 1], [0, 0, 1]]
    """
    return _tensors(np.tril_indices(n, k, m))


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, ...]:
    """The row and column indices at and above the ``k``-th diagonal of an ``n`` by ``m`` matrix.

    >>> [i.tolist() for i in pa.triu_indices(2)]
    [[0, 0, 1], [0, 1, 1]]
    """
    return _tensors(np.triu_indices(n, k, m))


def mask_indices(n: int, mask_func: Callable[..., Any], k: TensorLike = 0) -> tuple[Tensor, ...]:
    """The indices at which ``mask_func(matrix, k)`` of an ``n`` by ``n`` matrix is not zero.

    >>> [i.tolist() for i in pa.mask_indices(2, pa.triu)]
    [[0, 0, 1], [0, 1, 1]]
    """
    kept = mask_func(_core.ones((n, n), np.int64), k)
    return tuple(_core.nonzero(_core.not_equal(kept, 0)))


def _matrix(name: str, arr: Any) -> Tensor:
    x = _core.asarray(arr)
    if x.ndim != 2:
        raise ValueError(f"[{name}] expected a matrix, got shape {x.shape}")
    return x


def tril_indices_from(arr: TensorLike, k: int = 0) -> tuple[Tensor, ...]:
    """:func:`tril_indices` for the shape of a matrix.

    >>> [i.tolist() for i in pa.tril_indices_from(pa.ones((2, 2)))]
    [[0, 1, 1], [0, 0, 1]]
    """
    x = _matrix("tril_indices_from", arr)
    return _moved(tril_indices(x.shape[0], k, x.shape[1]), x)


def triu_indices_from(arr: TensorLike, k: int = 0) -> tuple[Tensor, ...]:
    """:func:`triu_indices` for the shape of a matrix.

    >>> [i.tolist() for i in pa.triu_indices_from(pa.ones((2, 2)))]
    [[0, 0, 1], [0, 1, 1]]
    """
    x = _matrix("triu_indices_from", arr)
    return _moved(triu_indices(x.shape[0], k, x.shape[1]), x)


def diag_indices(n: int, ndim: int = 2) -> tuple[Tensor, ...]:
    """The indices of the main diagonal of an array with ``ndim`` dimensions of size ``n``.

    >>> [i.tolist() for i in pa.diag_indices(2)]
    [[0, 1], [0, 1]]
    """
    return (_core.arange(n),) * ndim


def diag_indices_from(arr: TensorLike) -> tuple[Tensor, ...]:
    """:func:`diag_indices` for an array whose dimensions are all of one size.

    Raises:
        ValueError: fewer than two dimensions, or different sizes.

    >>> [i.tolist() for i in pa.diag_indices_from(pa.ones((2, 2)))]
    [[0, 1], [0, 1]]
    """
    x = _core.asarray(arr)
    if x.ndim < 2 or len(set(x.shape)) > 1:
        raise ValueError(f"[diag_indices_from] expected dimensions of equal size, got {x.shape}")
    return _moved(diag_indices(x.shape[0], x.ndim), x)


def ravel_multi_index(
    multi_index: Sequence[TensorLike],
    dims: Sequence[int],
    mode: str | tuple[str, ...] = "raise",
    order: str = "C",
) -> Tensor:
    """The places in the flattened array of elements given by one index per axis.

    Args:
        multi_index: one tensor of integers per axis
        dims: the shape of the array
        mode: what happens to an index out of bounds, for all axes or for each: "raise", "wrap" or
            "clip"; under vmap "raise" looks at nothing
        order: "C" or "F", which axis moves slowest

    Raises:
        ValueError: an index out of bounds, or not as many as axes.

    >>> pa.ravel_multi_index((pa.tensor([0, 1]), pa.tensor([2, 0])), (2, 3)).tolist()
    [2, 3]
    """
    index = [_core.asarray(i) for i in multi_index]
    shape = tuple(operator.index(n) for n in dims)
    if len(index) != len(shape):
        raise ValueError(
            f"[ravel_multi_index] {len(index)} indices do not fit {len(shape)} dimensions"
        )
    modes = (mode,) * len(shape) if isinstance(mode, str) else tuple(mode)
    result: Any = 0
    for axis, stride in enumerate(_strides("ravel_multi_index", shape, order)):
        if index[axis].dtype.kind not in "iu":
            raise TypeError(f"[ravel_multi_index] an index has dtype {index[axis].dtype}")
        inside = _within(index[axis], shape[axis], modes[axis])
        result = _core.add(result, _core.multiply(_core.astype(inside, np.int64), stride))
    return _core.asarray(result)


def _within(index: Tensor, size: int, mode: str) -> Tensor:
    if mode == "wrap":
        return _core.remainder(index, size)
    if mode == "clip":
        return _core.clip(index, 0, size - 1)
    if mode != "raise":
        raise ValueError(f"[ravel_multi_index] mode must be raise, wrap or clip, got {mode!r}")
    outside = _core.logical_or(_core.less(index, 0), _core.greater_equal(index, size))
    if surely(outside):
        raise ValueError(
            f"[ravel_multi_index] an index is out of bounds for an axis of size {size}"
        )
    return index


def unravel_index(
    indices: TensorLike, shape: Sequence[int] | int, order: str = "C"
) -> tuple[Tensor, ...]:
    """The index along every axis of elements given by their places in the flattened array.

    Raises:
        ValueError: a place outside the array. Under vmap nothing is looked at.

    >>> [i.tolist() for i in pa.unravel_index(pa.tensor([2, 3]), (2, 3))]
    [[0, 1], [2, 0]]
    """
    flat = _core.asarray(indices)
    if flat.dtype.kind not in "iu":
        raise TypeError(f"[unravel_index] indices have dtype {flat.dtype}")
    lengths = one_or_each(shape)
    size = math.prod(lengths)
    outside = _core.logical_or(_core.less(flat, 0), _core.greater_equal(flat, size))
    if surely(outside):
        raise ValueError(f"[unravel_index] an index is out of bounds for shape {lengths}")
    strides = _strides("unravel_index", lengths, order)
    flat = _core.astype(flat, np.int64)
    return tuple(
        _core.remainder(_core.floor_divide(flat, stride), n)
        for stride, n in zip(strides, lengths, strict=True)
    )


def _strides(name: str, shape: tuple[int, ...], order: str) -> list[int]:
    if order not in ("C", "F"):
        raise ValueError(f"[{name}] order must be 'C' or 'F', got {order!r}")
    if math.prod(shape) > np.iinfo(np.int64).max:
        raise ValueError(f"[{name}] shape {shape} has more elements than can be counted")
    if order == "C":
        return [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return [math.prod(shape[:i]) for i in range(len(shape))]
