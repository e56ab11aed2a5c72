"""Products of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .._core import Tensor

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def vdot(a: TensorLike, b: TensorLike, /) -> Tensor:
    """The scalar product of two flattened arrays, the first of them conjugated.

    Raises:
        ValueError: different numbers of elements.

    >>> pa.vdot(pa.tensor([[1.0, 2.0]]), pa.tensor([3.0, 4.0])).item()
    11.0
    """
    x, y = _core.ravel(a), _core.ravel(b)
    if x.shape != y.shape:
        raise ValueError(f"[vdot] {x.size} elements cannot be paired with {y.size}")
    return _core.vecdot(x, y)


def kron(a: TensorLike, b: TensorLike) -> Tensor:
    """The Kronecker product: a block ``a[i, j] * b`` for every element of ``a``.

    The shorter shape is filled up with ones in front.

    >>> pa.kron(pa.tensor([1.0, 10.0]), pa.tensor([1.0, 2.0])).tolist()
    [1.0, 2.0, 10.0, 20.0]
    """
    x, y = _core.asarray(a), _core.asarray(b)
    rank = max(x.ndim, y.ndim)
    shapes = [(1,) * (rank - z.ndim) + z.shape for z in (x, y)]
    outer = [n for size in shapes[0] for n in (size, 1)]
    inner = [n for size in shapes[1] for n in (1, size)]
    product = _core.reshape(x, outer) * _core.reshape(y, inner)
    return _core.reshape(product, [m * n for m, n in zip(*shapes, strict=True)])
