"""Compositions compute with float16 and bfloat16 as ops do: in float32, rounding at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from .. import _core
from .._bfloat16 import bfloat16
from .._core import Tensor

__all__ = ["in_single"]

_HALVES = (np.dtype(np.float16), bfloat16)
_NUMBERS = frozenset((bool, int, float, complex, str, type(None)))
_Function = TypeVar("_Function", bound=Callable[..., Any])


def in_single(function: _Function) -> _Function:
    """The function with float32 in the place of float16 and bfloat16.

    What it makes in float32 has the dtype of the arguments, if the inexact ones agree and no
    ``dtype`` is asked for.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _surely_wide(args) and _surely_wide(kwargs.values()):
            return function(*args, **kwargs)
        given = list(_tensors((args, tuple(kwargs.values()))))
        if not any(_is_half(x) for x in given):
            return function(*args, **kwargs)
        results = function(*_cast(args, _widened), **_cast(kwargs, _widened))
        dtypes = [x.dtype for x in given if x.dtype.kind in "fc"]
        agree = all(dtype == dtypes[0] for dtype in dtypes)
        if not agree or kwargs.get("dtype") is not None:
            return results
        return _cast(results, lambda x: _narrowed(x, dtypes[0]))

    return cast(_Function, call)


def _surely_wide(values: Iterable[Any]) -> bool:
    """What a quick look can tell: most calls have nothing but a tensor and numbers."""
    for value in values:
        kind = type(value)
        if kind is Tensor:
            if value.dtype.itemsize == 2:
                return False
        elif kind not in _NUMBERS:
            return False
    return True


def _is_half(x: Any) -> bool:
    return bool(x.dtype.itemsize == 2 and x.dtype.kind == "f")


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fc":
            yield _core.asarray(value)
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)


def _widened(x: Any) -> Any:
    return _core.astype(x, np.float32) if _is_half(x) else x


def _narrowed(x: Any, dtype: Any) -> Any:
    return _core.astype(x, dtype) if x.dtype == np.float32 else x


def _cast(value: Any, convert: Callable[[Any], Any]) -> Any:
    if isinstance(value, (Tensor, np.ndarray)):
        return convert(value)
    if isinstance(value, dict):
        return {name: _cast(item, convert) for name, item in value.items()}
    if not isinstance(value, (tuple, list)):
        return value
    items = [_cast(item, convert) for item in value]
    if isinstance(value, list):
        return items
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
