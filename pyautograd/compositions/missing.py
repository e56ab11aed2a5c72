"""Reductions that leave nan out.

A nan contributes nothing to a derivative either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import floating, not_complex

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .._core import TensorLike

__all__: list[str] = []

Axis: TypeAlias = "int | Sequence[int] | None"


def _filled(a: Any, value: float) -> Tensor:
    x = _core.asarray(a)
    return _core.where(_core.isnan(x), value, x) if x.dtype.kind in "fc" else x


def _count(x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """How many entries are not nan, in the dtype of their real parts."""
    present = _core.logical_not(_core.isnan(x))
    return _core.sum(present, axis, np.finfo(x.dtype).dtype, keepdims=keepdims)


def nansum(
    a: TensorLike, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False
) -> Tensor:
    """The sum of the numbers; 0 where there are none.

    >>> pa.nansum(pa.tensor([1.0, pa.nan, 2.0])).item()
    3.0
    """
    return _core.sum(_filled(a, 0.0), axis, dtype, keepdims=keepdims)


def nanprod(
    a: TensorLike, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False
) -> Tensor:
    """The product of the numbers; 1 where there are none.

    >>> pa.nanprod(pa.tensor([3.0, pa.nan, 2.0])).item()
    6.0
    """
    return _core.prod(_filled(a, 1.0), axis, dtype, keepdims=keepdims)


def nancumsum(a: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """The running sums of the numbers, where nan adds nothing.

    >>> pa.nancumsum(pa.tensor([1.0, pa.nan, 2.0])).tolist()
    [1.0, 1.0, 3.0]
    """
    return _core.cumsum(_filled(a, 0.0), axis, dtype)


def nancumprod(a: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """The running products of the numbers, where nan changes nothing.

    >>> pa.nancumprod(pa.tensor([3.0, pa.nan, 2.0])).tolist()
    [3.0, 3.0, 6.0]
    """
    return _core.cumprod(_filled(a, 1.0), axis, dtype)


def nanmean(
    a: TensorLike, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False
) -> Tensor:
    """The mean of the numbers; nan where there are none.

    >>> pa.nanmean(pa.tensor([1.0, pa.nan, 2.0])).item()
    1.5
    """
    x = floating(a) if dtype is None else _core.astype(a, dtype)
    return nansum(x, axis, keepdims=keepdims) / _count(x, axis, keepdims)


def nanvar(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    correction: float | None = None,
) -> Tensor:
    """The variance of the numbers: squared deviations over their count less ``ddof``.

    nan where the count does not exceed ``ddof``. ``correction`` is another name for ``ddof``.

    >>> pa.nanvar(pa.tensor([1.0, pa.nan, 3.0])).item()
    1.0
    """
    return _spread(_core.var, 1.0, a, axis, dtype, ddof, keepdims, correction)


def nanstd(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation of the numbers, the square root of :func:`nanvar`.

    Its derivative is 0 where all numbers are equal, as that of ``std``.

    >>> round(pa.nanstd(pa.tensor([1.0, pa.nan, 3.0])).item(), 12)
    1.0
    """
    return _spread(_core.std, 0.5, a, axis, dtype, ddof, keepdims, correction)


def _spread(
    op: Callable[..., Tensor],
    power: float,
    a: Any,
    axis: Axis,
    dtype: Any,
    ddof: float,
    keepdims: bool,
    correction: float | None,
) -> Tensor:
    """``op`` is taken with the mean, which deviates by nothing, in the places of nan."""
    x = floating(a) if dtype is None else _core.astype(a, dtype)
    filled = _core.where(_core.isnan(x), nanmean(x, axis, keepdims=True), x)
    spread = op(filled, axis, keepdims=keepdims)
    excess = _count(x, axis, keepdims) - (ddof if correction is None else correction)
    per_result = x.size / spread.size if spread.size else math.nan
    factor = per_result / _core.where(_core.greater(excess, 0), excess, math.nan)
    return spread * (factor if power == 1.0 else _core.sqrt(factor))


def nanmax(a: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The largest of the numbers; nan where there are none. Ties share the derivative equally.

    Raises:
        ValueError: an axis of size 0.

    >>> pa.nanmax(pa.tensor([1.0, pa.nan, 2.0])).item()
    2.0
    """
    return _extremum("nanmax", _core.max, -math.inf, a, axis, keepdims)


def nanmin(a: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The smallest of the numbers; nan where there are none. Ties share the derivative equally.

    Raises:
        ValueError: an axis of size 0.

    >>> pa.nanmin(pa.tensor([1.0, pa.nan, 2.0])).item()
    1.0
    """
    return _extremum("nanmin", _core.min, math.inf, a, axis, keepdims)


def _extremum(
    name: str, op: Callable[..., Tensor], last: float, a: Any, axis: Axis, keepdims: bool
) -> Tensor:
    x = not_complex(name, a)
    if x.dtype.kind != "f":
        return op(x, axis, keepdims=keepdims)
    result = op(_filled(x, last), axis, keepdims=keepdims)
    nothing = _core.all(_core.isnan(x), axis, keepdims=keepdims)
    return _core.where(nothing, np.nan, result)


def nanargmax(a: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the largest of the numbers is, the first of equal ones; 0 where there are none.

    An index has no derivative.

    >>> pa.nanargmax(pa.tensor([1.0, pa.nan, 2.0])).item()
    2
    """
    return _core.argmax(_filled(not_complex("nanargmax", a), -math.inf), axis, keepdims=keepdims)


def nanargmin(a: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the smallest of the numbers is, the first of equal ones; 0 where there are none.

    An index has no derivative.

    >>> pa.nanargmin(pa.tensor([pa.nan, 1.0, 2.0])).item()
    1
    """
    return _core.argmin(_filled(not_complex("nanargmin", a), math.inf), axis, keepdims=keepdims)
