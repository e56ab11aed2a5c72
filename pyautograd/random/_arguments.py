"""Sizes and parameters of random draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _core
from .._bfloat16 import array_dtype
from .._core import Tensor
from ..compositions._common import surely

Size: TypeAlias = int | Sequence[int] | None
Param: TypeAlias = Tensor | npt.ArrayLike
Dtype: TypeAlias = npt.DTypeLike | None
# A parameter that was looked at: a number, or a tensor of floats.
Value: TypeAlias = float | Tensor

_NUMBERS = frozenset((bool, int, float))
_FLOAT64: np.dtype[Any] = np.dtype(np.float64)


def size_to_shape(op: str, size: Size) -> tuple[int, ...]:
    if size is None:
        return ()
    if type(size) is int and size >= 0:
        return (size,)
    try:
        sizes = (int(size.__index__()),) if hasattr(size, "__index__") else tuple(size)
        shape = tuple(int(n.__index__()) for n in sizes)
    except (TypeError, AttributeError):
        raise TypeError(f"[{op}] size must be an int or a tuple of ints, got {size!r}") from None
    if any(n < 0 for n in shape):
        raise ValueError(f"[{op}] size {shape} has a negative entry")
    return shape


def optional_shape(size: Size) -> tuple[int, ...] | None:
    return None if size is None else size_to_shape("random", size)


def fitting(op: str, size: Size, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that size asks for, to which that of the parameters must broadcast."""
    wanted = size_to_shape(op, size)
    try:
        fits = np.broadcast_shapes(wanted, shape) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"[{op}] size {wanted} does not fit parameters of shape {shape}")
    return wanted


def common_shape(op: str, size: Size, *values: Value) -> tuple[int, ...]:
    """The shape of a draw with these parameters."""
    for x in values:
        if type(x) is Tensor:
            break
    else:
        return (size,) if type(size) is int and size >= 0 else size_to_shape(op, size)
    shapes = [x.shape for x in values if type(x) is Tensor]
    if size is None and len(shapes) == 1:
        return shapes[0]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        text = " and ".join(map(str, shapes))
        raise ValueError(f"[{op}] parameters of shapes {text} do not broadcast") from None
    return shape if size is None else fitting(op, size, shape)


def parameters(op: str, dtype: Dtype, *given: Param) -> tuple[Sequence[Value], np.dtype[Any]]:
    """Parameters as floats and floating tensors, and the dtype of the result."""
    if dtype is None or dtype is np.float64:
        for v in given:
            if type(v) is not float:
                break
        else:
            return given, _FLOAT64  # type: ignore[return-value]
        if {*map(type, given)} <= _NUMBERS:
            return [float(v) for v in given], _FLOAT64  # type: ignore[arg-type]
    values: list[Value] = [
        float(v) if isinstance(v, (bool, int, float)) else _core.asarray(v) for v in given
    ]
    tensors = [x for x in values if isinstance(x, Tensor)]
    for x in tensors:
        if x.dtype.kind not in "biuf":
            raise TypeError(f"[{op}] parameters must be real numbers, got {x.dtype.name}")
    if dtype is None:
        floating = [x.dtype for x in tensors if x.dtype.kind == "f"]
        target = array_dtype(*floating) if floating else _FLOAT64
    else:
        target = np.dtype(dtype)
        if target not in (np.float32, np.float64):
            raise TypeError(f"[{op}] dtype must be float32 or float64, got {target.name}")
    place = next((x.device for x in tensors if x.device != "cpu"), None)
    if place is not None:
        # What is drawn with a number is to lie where the others do.
        values = [_core.asarray(x).to(place) if np.ndim(x) == 0 else x for x in values]
    return [cast(x, target) if isinstance(x, Tensor) else x for x in values], target


def tensor_parameter(op: str, dtype: Dtype, given: Param) -> tuple[Tensor, np.dtype[Any]]:
    """The same for one parameter that has axes of its own."""
    (value,), target = parameters(op, dtype, _core.asarray(given))
    return _core.asarray(value), target


def check_values(
    op: str, name: str, x: Value, *, positive: bool = False, most: float | None = None
) -> None:
    """Raises for negative values (or zeros), where the values are known."""
    if type(x) is float and x > 0 and most is None:
        return
    if isinstance(x, Tensor) and _core.depth(x) > 0:
        return
    with _core.Aside():
        values: Any = x.detach() if isinstance(x, Tensor) else x
        if surely(values <= 0 if positive else values < 0):
            kind = "be positive" if positive else "not be negative"
            raise ValueError(f"[{op}] {name} must {kind}")
        if most is not None and surely(values > most):
            raise ValueError(f"[{op}] {name} must be at most {most:g}")


def check_range(op: str, low: Value, high: Value) -> None:
    """Raises for a range that is empty or infinite, where the values are known."""
    if type(low) is float and type(high) is float and 0.0 <= high - low < math.inf:
        return
    given = [x for x in (low, high) if isinstance(x, Tensor)]
    if any(_core.depth(x) > 0 for x in given):
        return
    with _core.Aside():
        first, last = (x.detach() if isinstance(x, Tensor) else x for x in (low, high))
        width: Any = last - first
        if surely(width < 0):
            raise ValueError(f"[{op}] high must not be below low")
        if surely(abs(width) == math.inf):
            raise OverflowError(f"[{op}] the range from low to high must be finite")


def bounds(
    dtype: np.dtype[Any], low: Any, high: Any, endpoint: bool
) -> tuple[Tensor | int, Tensor | int]:
    """The smallest and the largest integer to draw, as int64 (of uint64, its bits)."""
    if type(low) is int and type(high) is int and dtype == np.int64:
        last = high if endpoint else high - 1
        if -(1 << 63) <= low <= last < 1 << 63:
            return low, last
    first, past = _exact("low", low), _exact("high", high)
    if first is None or past is None:  # inside vmap the values are not known
        top = _core.asarray(high)
        top = top if endpoint else top - 1
        return _core.astype(_core.asarray(low), np.int64), _core.astype(top, np.int64)
    final = past if endpoint else past - 1
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if np.any(first < least) or np.any(final > most):
        raise ValueError(f"[integers] low or high is out of bounds for {dtype.name}")
    if np.any(first > final):
        raise ValueError("[integers] there is nothing to draw: low must be below high")
    return _bits(first), _bits(final)


def _exact(name: str, value: Any) -> npt.NDArray[Any] | None:
    """Python's ints, which overflow nowhere."""
    if isinstance(value, Tensor):
        if _core.depth(value) > 0:
            return None
        value = value.detach().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "biufO" or np.any(array != np.floor(array)):
        raise TypeError(f"[integers] {name} must be integers, got {value!r}")
    return np.array([int(v) for v in array.reshape(-1)], dtype=object).reshape(array.shape)


def _bits(values: npt.NDArray[Any]) -> Tensor:
    wrapped = [v - (1 << 64) if v >= 1 << 63 else v for v in np.asarray(values, object).flat]
    return _core.asarray(np.array(wrapped, np.int64).reshape(np.shape(values)))


def check_axis(op: str, axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise IndexError(f"[{op}] axis {axis} is out of bounds for an array of dimension {ndim}")
    return axis % ndim


def weights(p: Param, population: int) -> Tensor:
    weights, _ = tensor_parameter("choice", np.float64, p)
    if weights.shape != (population,):
        raise ValueError(f"[choice] p of shape {weights.shape} for {population} elements")
    check_values("choice", "p", weights)
    with _core.Aside():
        if _core.depth(weights) == 0 and surely(abs(_core.sum(weights.detach()) - 1) > 1e-8):
            raise ValueError("[choice] p must sum to 1")
    return weights


def cast(x: Tensor, dtype: np.dtype[Any]) -> Tensor:
    return x if x.dtype == dtype else _core.astype(x, dtype)
