"""The methods of ufuncs on tensors: ``np.add.reduce(t)``, ``np.add.at(t, i, v)`` and their like."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._names import no_counterpart
from ..compositions._common import along, normal_axes
from .arguments import cast, reduction, refuse, stored
from .at import at

__all__: list[str] = []

# ufunc.reduce and ufunc.accumulate, by op
_REDUCTIONS = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
}
_ACCUMULATIONS = {
    "add": "cumsum",
    "logaddexp": "logcumsumexp",
    "maximum": "cummax",
    "minimum": "cummin",
    "multiply": "cumprod",
}
# Elements may be joined in any grouping.
_ASSOCIATIVE = frozenset(
    """bitwise_and bitwise_or bitwise_xor fmax fmin gcd hypot lcm logaddexp logaddexp2
    logical_xor""".split()
)


def _reduce(ufunc: np.ufunc, known: str, a: Any, axis: Any = 0, **kwargs: Any) -> Any:
    label = f"np.{ufunc.__name__}.reduce"
    if known in _REDUCTIONS:
        return reduction(_REDUCTIONS[known])(label, a, axis, **kwargs)
    out, keepdims = kwargs.pop("out", None), kwargs.pop("keepdims", False)
    grouped = known in _ASSOCIATIVE
    start, mask = (_given(kwargs.pop(k, None)) if grouped else None for k in ("initial", "where"))
    x = _folded(label, ufunc, a, kwargs)
    if mask is not None and mask is not True:
        x = _core.where(mask, x, _neutral(label, ufunc, start))
    if x.ndim == 0 and axis in (0, -1, None):
        x, axis, keepdims = _core.expand_dims(x, 0), 0, False
    axes = sorted(normal_axes(label, axis, x.ndim))
    for place in axes:
        x = _folded_axis(label, ufunc, known, x, place)
    if start is not None:
        x = getattr(_core, known)(start, x)
    return stored(label, x if keepdims else _core.squeeze(x, tuple(axes)), out)


def _given(option: Any) -> Any:
    return None if option is np._NoValue else option


def _neutral(label: str, ufunc: np.ufunc, start: Any) -> Any:
    """What makes no difference where a mask leaves an element out; of an operation without such a
    number, such as fmax, what it starts with, which may be joined again."""
    if ufunc.identity is None and start is None:
        raise ValueError(f"{label}: an operation without an identity needs initial= beside where=")
    return start if ufunc.identity is None else ufunc.identity


def _folded(label: str, ufunc: np.ufunc, a: Any, options: dict[str, Any]) -> Tensor:
    """The operand of a fold. Raises where the ufunc has none or options have no counterpart."""
    if ufunc.nin != 2 or ufunc.nout != 1 or ufunc.signature is not None:
        raise no_counterpart(label)
    dtype = options.pop("dtype", None)
    refuse(label, options)
    return cast(label, a, dtype)


def _folded_axis(label: str, ufunc: np.ufunc, known: str, x: Tensor, axis: int) -> Tensor:
    """The elements along an axis joined one after the other, or in halves where that is equal."""
    op: Callable[..., Tensor] = getattr(_core, known)
    if x.shape[axis] == 0:
        if ufunc.identity is None:
            raise ValueError(f"{label}: the operation has no value for nothing along axis {axis}")
        empty = _core.sum(x, axis, keepdims=True).shape
        value = np.asarray(ufunc.identity).astype(op(x, x).dtype)
        return _core.full(empty, value.item(), dtype=value.dtype)
    if known == "logaddexp":
        return _core.logsumexp(x, axis, keepdims=True)
    if x.shape[axis] == 1:
        # hypot of one number is its absolute value
        return op(x, _core.zeros_like(x)) if ufunc.identity == 0 else _as_results(op, x)
    if known not in _ASSOCIATIVE:
        parts = [_core.expand_dims(part, axis) for part in _core.unstack(x, axis=axis)]
        return functools.reduce(op, parts)
    while (size := x.shape[axis]) > 1:
        half = size // 2
        joined = op(along(x, axis, slice(half)), along(x, axis, slice(half, 2 * half)))
        rest = along(x, axis, slice(2 * half, size))
        x = _core.concat([joined, rest], axis=axis) if size % 2 else joined
    return x


def _accumulate(
    ufunc: np.ufunc, known: str, a: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    label = f"np.{ufunc.__name__}.accumulate"
    x = _folded(label, ufunc, a, {"dtype": dtype})
    if known in _ACCUMULATIONS:
        return stored(label, getattr(_core, _ACCUMULATIONS[known])(x, axis=axis), out)
    op: Callable[..., Tensor] = getattr(_core, known)
    parts = list(_core.unstack(x, axis=axis))
    if not parts:
        return stored(label, _as_results(op, x), out)
    parts[0] = _as_results(op, parts[0])
    return stored(label, _core.stack(list(itertools.accumulate(parts, op)), axis=axis), out)


def _as_results(op: Callable[..., Tensor], x: Tensor) -> Tensor:
    """Elements that are joined with none, in the dtype that the op returns."""
    few = _core.reshape(x, -1)[:0]
    return _core.astype(x, op(few, few).dtype)


def _outer(ufunc: np.ufunc, known: str, a: Any, b: Any, *, out: Any = None, **kwargs: Any) -> Any:
    label = f"np.{ufunc.__name__}.outer"
    if ufunc.nin != 2 or ufunc.nout != 1 or ufunc.signature is not None:
        raise no_counterpart(label)
    refuse(label, kwargs)
    x1, x2 = _core.asarray(a), _core.asarray(b)
    result = getattr(_core, known)(_core.reshape(x1, x1.shape + (1,) * x2.ndim), x2)
    return stored(label, result, out)


def _reduceat(
    ufunc: np.ufunc, known: str, a: Any, indices: Any, axis: Any = 0, **kwargs: Any
) -> Any:
    """A piece from each index up to the next, or the one element where the next is no larger."""
    label = f"np.{ufunc.__name__}.reduceat"
    if known not in _REDUCTIONS and known != "logaddexp":
        raise no_counterpart(label)
    out = kwargs.pop("out", None)
    x = _core.moveaxis(_core.asarray(a), axis, 0)
    starts = [operator.index(i) for i in np.asarray(indices)]
    for i in starts:
        if not 0 <= i < x.shape[0]:
            raise IndexError(f"{label}: index {i} is out of bounds for axis of size {x.shape[0]}")
    ends = [*starts[1:], x.shape[0]][: len(starts)]
    pieces = [
        _reduce(ufunc, known, x[i : max(j, i + 1)], 0, **kwargs)
        for i, j in zip(starts, ends, strict=True)
    ]
    if not pieces:
        return stored(label, _core.moveaxis(x[:0], 0, axis), out)
    return stored(label, _core.moveaxis(_core.stack(pieces), 0, axis), out)


METHODS: dict[str, Callable[..., Any]] = {
    "accumulate": _accumulate,
    "at": at,
    "outer": _outer,
    "reduce": _reduce,
    "reduceat": _reduceat,
}
