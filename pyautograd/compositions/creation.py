"""Arrays made from rules: grids, ramps, triangles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .._core import TensorLike

__all__: list[str] = []


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = float) -> Tensor:
    """Ones at and below the ``k``-th diagonal of an ``N`` by ``M`` matrix, zeros above it.

    >>> pa.tri(2, 3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    return _core.tril(_core.ones((max(N, 0), max(N if M is None else M, 0)), dtype), k)


def identity(n: int, dtype: DTypeLike | None = None) -> Tensor:
    """The ``n`` by ``n`` identity matrix.

    >>> pa.identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return _core.eye(n, dtype=dtype)


def indices(dimensions: Sequence[int], dtype: DTypeLike = int, sparse: bool = False) -> Any:
    """The index of every element of a grid: a tensor of shape ``(len(dimensions), *dimensions)``.

    With ``sparse=True`` a tuple of tensors that broadcast to the grid.

    >>> pa.indices((2, 2)).tolist()
    [[[0, 0], [1, 1]], [[0, 1], [0, 1]]]
    """
    shape = tuple(dimensions)
    rank = len(shape)
    ramps = [
        _core.reshape(_core.arange(n, dtype=dtype), (1,) * i + (n,) + (1,) * (rank - i - 1))
        for i, n in enumerate(shape)
    ]
    if sparse:
        return tuple(ramps)
    grids = [_core.broadcast_to(ramp, shape) for ramp in ramps]
    return _core.stack(grids) if grids else _core.zeros((0,), dtype)


def fromfunction(
    function: Callable[..., Any], shape: Sequence[int], *, dtype: DTypeLike = float, **kwargs: Any
) -> Any:
    """``function`` of the indices of every element of a grid, one tensor of them for each axis.

    >>> pa.fromfunction(lambda i, j: 10 * i + j, (2, 2), dtype=int).tolist()
    [[0, 1], [10, 11]]
    """
    return function(*_core.unstack(indices(shape, dtype=dtype)), **kwargs)


def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    base: TensorLike = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Powers of ``base`` with evenly spaced exponents from ``start`` to ``stop``.

    The arguments are those of ``linspace``; ``base`` broadcasts with the ends. Differentiable in
    ``start``, ``stop`` and ``base``.

    >>> pa.logspace(0, 2, 3).tolist()
    [1.0, 10.0, 100.0]
    """
    if _core.asarray(base).ndim > 0:
        start, stop, base = _core.broadcast_arrays([start, stop, base])
        base = _core.expand_dims(base, axis)
    exponents = _core.linspace(start, stop, num, endpoint=endpoint, axis=axis)
    result = _core.power(base, exponents)
    return result if dtype is None else _core.astype(result, dtype)


def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from ``start`` to ``stop``, each the same multiple of the one before it.

    The ends may be arrays, which broadcast; both are negative or both positive, else nan. Between
    complex ends the numbers lie on a spiral. Differentiable in both.

    >>> pa.round(pa.geomspace(1, 8, 4)).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    ends = _core.broadcast_arrays([start, stop])
    first, last = (_core.expand_dims(x, axis) for x in ends)
    shape = [1] * first.ndim
    shape[axis] = num
    steps = _core.linspace(0.0, 1.0, num, endpoint=endpoint, device=first.device)
    exponents = _core.reshape(_core.astype(steps, (first / last).dtype), shape)
    if first.dtype.kind == "c" or last.dtype.kind == "c":
        spiral = first * (last / first) ** exponents
        result = _core.where(_core.equal(exponents, 1), last, spiral)
        return result if dtype is None else _core.astype(result, dtype)
    # Exact at both ends, which the product of rounded factors is not.
    half = _core.less(exponents, 0.5)
    result = _core.where(
        half, first * (last / first) ** exponents, last * (first / last) ** (1 - exponents)
    )
    return result if dtype is None else _core.astype(result, dtype)


def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of the entries of a vector, one row for each: the Vandermonde matrix.

    There are ``N`` columns, as many as rows unless given, from the highest power down, or up from
    the zeroth with ``increasing=True``. The dtype is at least
    int64 or float64.

    Raises:
        ValueError: ``x`` is no vector.

    >>> pa.vander(pa.tensor([2.0, 3.0]), 3).tolist()
    [[4.0, 2.0, 1.0], [9.0, 3.0, 1.0]]
    """
    v = _core.asarray(x)
    if v.ndim != 1:
        raise ValueError(f"[vander] expected a vector, got shape {v.shape}")
    v = _core.astype(v, np.promote_types(v.dtype, np.int64))
    if N is not None and N < 0:
        raise ValueError(f"[vander] the number of columns must not be negative, got {N}")
    powers = np.arange(v.shape[0] if N is None else N, dtype=v.dtype)
    exponents = _core.asarray(powers if increasing else powers[::-1].copy(), device=v.device)
    return v[:, np.newaxis] ** exponents
