"""Reductions that leave nan out.

A nan contributes nothing to a derivative either.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import floating, not_complex, surely
from ._masked import Axis, mask_of, spread

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .._core import TensorLike

__all__: list[str] = []


def _present(x: Tensor, where: Any = True) -> Tensor:
    numbers = _core.logical_not(_core.isnan(x))
    return numbers if where is True else _core.logical_and(numbers, mask_of("where", where))


def _filled(a: Any, value: Any, where: Any = True) -> Tensor:
    x = _core.asarray(a)
    if x.dtype.kind not in "fc" and where is True:
        return x
    return _core.where(_present(x, where), x, value)


def nansum(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: TensorLike = 0,
    where: TensorLike = True,
) -> Tensor:
    """The sum of the numbers, from ``initial`` on, at which ``where`` holds.

    >>> pa.nansum(pa.tensor([1.0, pa.nan, 2.0])).item()
    3.0
    """
    total = _core.sum(_filled(a, 0, where), axis, dtype, keepdims=keepdims)
    return total if _is_number(initial, 0) else _core.add(total, initial)


def nanprod(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: TensorLike = 1,
    where: TensorLike = True,
) -> Tensor:
    """The product of the numbers, from ``initial`` on, at which ``where`` holds.

    >>> pa.nanprod(pa.tensor([3.0, pa.nan, 2.0])).item()
    6.0
    """
    product = _core.prod(_filled(a, 1, where), axis, dtype, keepdims=keepdims)
    return product if _is_number(initial, 1) else _core.multiply(product, initial)


def _is_number(value: Any, number: int) -> bool:
    return isinstance(value, (int, float)) and value == number


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
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    keepdims: bool = False,
    where: TensorLike = True,
) -> Tensor:
    """The mean of the numbers at which ``where`` holds; nan where there are none.

    >>> pa.nanmean(pa.tensor([1.0, pa.nan, 2.0])).item()
    1.5
    """
    x = floating(a) if dtype is None else _core.astype(a, dtype)
    return _core.mean(x, axis, keepdims=keepdims, where=_present(x, where))


def nanvar(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: TensorLike = True,
    correction: float | None = None,
) -> Tensor:
    """The variance of the numbers: squared deviations over their count less ``ddof``.

    nan where the count does not exceed ``ddof``. ``correction`` is another name for ``ddof``.

    >>> pa.nanvar(pa.tensor([1.0, pa.nan, 3.0])).item()
    1.0
    """
    x = floating(a) if dtype is None else _core.astype(a, dtype)
    less = ddof if correction is None else correction
    return spread(_core.var, x, _present(x, where), axis, less, keepdims)


def nanstd(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: TensorLike = True,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation of the numbers, the square root of :func:`nanvar`.

    Its derivative is 0 where all numbers are equal, as that of ``std``.

    >>> round(pa.nanstd(pa.tensor([1.0, pa.nan, 3.0])).item(), 12)
    1.0
    """
    x = floating(a) if dtype is None else _core.astype(a, dtype)
    less = ddof if correction is None else correction
    return spread(_core.std, x, _present(x, where), axis, less, keepdims)


def nanmax(
    a: TensorLike,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike = True,
) -> Tensor:
    """The largest of the numbers; nan where there are none. Ties share the derivative equally.

    ``initial`` is one of the numbers, too, and needed with ``where``.

    Raises:
        ValueError: an axis of size 0, or ``where`` without ``initial``.

    >>> pa.nanmax(pa.tensor([1.0, pa.nan, 2.0])).item()
    2.0
    """
    return _extremum("nanmax", -math.inf, a, axis, keepdims, initial, where)


def nanmin(
    a: TensorLike,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike = True,
) -> Tensor:
    """The smallest of the numbers; nan where there are none. Ties share the derivative equally.

    ``initial`` is one of the numbers, too, and needed with ``where``.

    Raises:
        ValueError: an axis of size 0, or ``where`` without ``initial``.

    >>> pa.nanmin(pa.tensor([1.0, pa.nan, 2.0])).item()
    1.0
    """
    return _extremum("nanmin", math.inf, a, axis, keepdims, initial, where)


def _extremum(
    name: str, last: float, a: Any, axis: Axis, keepdims: bool, initial: Any, where: Any
) -> Tensor:
    op, larger = (_core.max, _core.maximum) if last < 0 else (_core.min, _core.minimum)
    x = not_complex(name, a)
    if initial is not None:
        start = _core.astype(initial, x.dtype)
        if x.size == 0:
            shape = _core.sum(x, axis, keepdims=keepdims).shape
            return _core.broadcast_to(start, shape)
        numbers = _core.where(_present(x, where), x, start)
        return larger(op(numbers, axis, keepdims=keepdims), start)
    if where is not True:
        raise ValueError(f"[{name}] where= needs initial=, the value where nothing is left")
    if x.dtype.kind != "f":
        return op(x, axis, keepdims=keepdims)
    result = op(_filled(x, last), axis, keepdims=keepdims)
    nothing = _core.all(_core.isnan(x), axis, keepdims=keepdims)
    return _core.where(nothing, np.nan, result)


def _with_numbers(name: str, a: Any, axis: int | None) -> Tensor:
    x = not_complex(name, a)
    if x.dtype.kind == "f" and x.size and surely(_core.all(_core.isnan(x), axis)):
        raise ValueError(f"[{name}] there are only nans along axis {axis}")
    return x


def nanargmax(a: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the largest of the numbers is, the first of equal ones.

    An index has no derivative.

    Raises:
        ValueError: there are none; under vmap nothing is looked at, and the index is 0.

    >>> pa.nanargmax(pa.tensor([1.0, pa.nan, 2.0])).item()
    2
    """
    x = _with_numbers("nanargmax", a, axis)
    return _core.argmax(_filled(x, -math.inf), axis, keepdims=keepdims)


def nanargmin(a: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the smallest of the numbers is, the first of equal ones.

    An index has no derivative.

    Raises:
        ValueError: there are none; under vmap nothing is looked at, and the index is 0.

    >>> pa.nanargmin(pa.tensor([pa.nan, 1.0, 2.0])).item()
    1
    """
    x = _with_numbers("nanargmin", a, axis)
    return _core.argmin(_filled(x, math.inf), axis, keepdims=keepdims)
