"""What NumPy's functions say about arrays: shapes, dtypes, memory, and the plan of an einsum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor

if TYPE_CHECKING:
    from .._core import TensorLike

__all__ = [
    "common_type",
    "einsum_path",
    "may_share_memory",
    "min_scalar_type",
    "ndim",
    "shape",
    "shares_memory",
    "size",
]


def shape(a: TensorLike) -> tuple[int, ...]:
    """The sizes of the axes.

    >>> pa.shape([[1, 2, 3]])
    (1, 3)
    """
    return _core.asarray(a).shape


def ndim(a: TensorLike) -> int:
    """The number of axes.

    >>> pa.ndim([[1, 2, 3]])
    2
    """
    return _core.asarray(a).ndim


def size(a: TensorLike, axis: int | tuple[int, ...] | None = None) -> int:
    """The number of elements, or the size of an axis, or the product over several axes.

    >>> pa.size([[1, 2, 3]]), pa.size([[1, 2, 3]], 1)
    (3, 3)
    """
    sizes = _core.asarray(a).shape
    if axis is None:
        return math.prod(sizes)
    return math.prod(sizes[i] for i in (axis if isinstance(axis, tuple) else (axis,)))


def _stand_in(x: Any) -> Any:
    """An array of the same shape and dtype that holds no numbers of its own."""
    t = _core.asarray(x)
    return np.broadcast_to(np.zeros((), t.dtype), t.shape)


def _numbers(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, Tensor) else x


def common_type(*arrays: TensorLike) -> Any:
    """The type of floating or complex numbers that holds those of all arrays.

    >>> pa.common_type(pa.ones(2, dtype="float32"), pa.ones(2, dtype="int64")).__name__
    'float64'
    """
    return np.common_type(*map(_stand_in, arrays))


def min_scalar_type(a: TensorLike) -> np.dtype[Any]:
    """For a scalar the smallest dtype that holds its value, for an array its dtype.

    >>> pa.min_scalar_type(10)
    dtype('uint8')
    """
    return np.min_scalar_type(_numbers(a))


def shares_memory(a: Any, b: Any, /, max_work: int | None = None) -> bool:
    """Whether two tensors or arrays have an element in common.

    >>> x = pa.zeros(4)
    >>> pa.shares_memory(x[:3], x[2:]), pa.shares_memory(x[:2], x[2:])
    (True, False)
    """
    return np.shares_memory(_numbers(a), _numbers(b), max_work=max_work)  # type: ignore[arg-type]


def may_share_memory(a: Any, b: Any, /, max_work: int | None = None) -> bool:
    """Whether the ranges of memory of two tensors or arrays overlap.

    >>> x = pa.zeros(4)
    >>> pa.may_share_memory(x[::2], x[1::2])
    True
    """
    return np.may_share_memory(_numbers(a), _numbers(b), max_work=max_work)  # type: ignore[arg-type]


def einsum_path(*operands: Any, optimize: Any = "greedy", **kwargs: Any) -> tuple[list[Any], str]:
    """NumPy's plan for an einsum: the pairs of operands to contract, and a table of the costs.

    Only shapes matter. ``einsum`` chooses an order by itself.

    >>> x, y = pa.ones((2, 3)), pa.ones((3, 4))
    >>> pa.einsum_path("ij,jk->ik", x, y)[0]
    ['einsum_path', (0, 1)]
    """
    stand_ins = [_stand_in(x) if isinstance(x, Tensor) else x for x in operands]
    path, table = np.einsum_path(*stand_ins, optimize=optimize, **kwargs)
    return path, table
