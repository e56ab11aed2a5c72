"""Convolution and correlation of two vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor
from ._common import not_bool

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# Up to this length a table of all products is made at once, beyond it one row after the other.
_SHORT = 2**11


def convolve(a: TensorLike, v: TensorLike, mode: str = "full") -> Tensor:
    """The convolution of two vectors: the coefficients of the product of two polynomials.

    ``mode`` "full" gives all ``len(a) + len(v) - 1`` entries, "same" the ``max(len(a), len(v))``
    in the middle, "valid" those where the vectors overlap completely. The time taken is
    ``len(a) * len(v)``.

    Raises:
        ValueError: an empty vector, more dimensions, or an unknown mode.

    >>> pa.convolve(pa.tensor([1.0, 2.0]), pa.tensor([1.0, 1.0, 1.0])).tolist()
    [1.0, 3.0, 3.0, 2.0]
    """
    return convolution("convolve", a, v, mode)


def convolution(name: str, a: TensorLike, v: TensorLike, mode: str) -> Tensor:
    """``convolve`` on behalf of the function that errors shall name."""
    x, y = _vectors(name, a, v)
    longer, shorter = (y, x) if y.shape[0] > x.shape[0] else (x, y)
    return _part(name, longer, shorter, mode)


def correlate(a: TensorLike, v: TensorLike, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors: ``sum(a[n + k] * conj(v[n]))`` for every
    shift ``k``.

    ``mode`` is as in :func:`convolve`.

    Raises:
        ValueError: an empty vector, more dimensions, or an unknown mode.

    >>> pa.correlate(pa.tensor([1.0, 2.0, 3.0]), pa.tensor([0.0, 1.0])).tolist()
    [2.0, 3.0]
    """
    x, y = _vectors("correlate", a, v, fewest=1)
    y = _core.conj(y)
    if y.shape[0] > x.shape[0]:
        return _core.flip(_part("correlate", y, _core.flip(x), mode))
    return _part("correlate", x, _core.flip(y), mode)


def _vectors(name: str, a: Any, v: Any, fewest: int = 0) -> tuple[Tensor, Tensor]:
    x, y = (not_bool(name, z) for z in (a, v))
    for z in (x, y):
        if not fewest <= z.ndim <= 1 or z.size == 0:
            raise ValueError(f"[{name}] expected two vectors that are not empty, got {z.shape}")
    return _core.atleast_1d(x), _core.atleast_1d(y)


def _part(name: str, x: Tensor, y: Tensor, mode: str) -> Tensor:
    """The wanted part of the convolution, of which the second vector is not the longer one."""
    n, m = x.shape[0], y.shape[0]
    parts = {"full": (0, n + m - 1), "same": ((m - 1) - m // 2, n), "valid": (m - 1, n - m + 1)}
    if mode not in parts:
        raise ValueError(f"[{name}] unknown mode {mode!r}: use 'full', 'same' or 'valid'")
    start, size = parts[mode]
    if n > _SHORT:
        return _sum_of_rows(x, y, start, size)
    return _skewed_sum(x, y)[start : start + size]


def _skewed_sum(x: Tensor, y: Tensor) -> Tensor:
    """Row ``i`` of the outer product lies ``i`` places further right; then columns are summed."""
    n, m = x.shape[0], y.shape[0]
    table = _core.pad(_core.outer(y, x), ((0, 0), (0, m)))
    skewed = _core.reshape(_core.ravel(table)[:-m], (m, n + m - 1))
    return _core.sum(skewed, 0, skewed.dtype)


def _sum_of_rows(x: Tensor, y: Tensor, start: int, size: int) -> Tensor:
    """Every row is a view, so that recording takes no memory for it."""
    m = y.shape[0]
    padded = _core.pad(x, (m - 1, m - 1))
    first = start + m - 1
    total = padded[first : first + size] * y[0]
    for k in range(1, m):
        total = total + padded[first - k : first - k + size] * y[k]
    return total
