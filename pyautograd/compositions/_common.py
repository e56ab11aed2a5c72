"""What the compositions share: operands, axes and slices along one axis."""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..array_api import is_weak, result_type

__all__: list[str] = []


def mapped_in_front(args: Sequence[Tensor], in_dims: Sequence[int | None]) -> list[Tensor]:
    """The arguments of a function's ``vmap``, broadcast, with the mapped axis in front."""
    wide = [
        _core.expand_dims(x, 0) if d is None else _core.moveaxis(x, d, 0)
        for x, d in zip(args, in_dims, strict=True)
    ]
    return _core.broadcast_arrays(wide)


def floating(x: Any) -> Tensor:
    """The tensor, in float64 if it is one of integers or bools."""
    t = _core.asarray(x)
    return t if t.dtype.kind in "fc" else _core.astype(t, np.float64)


def not_bool(name: str, x: Any) -> Tensor:
    """The tensor, unless its dtype is bool."""
    t = _core.asarray(x)
    if t.dtype.kind == "b":
        raise TypeError(f"[{name}] is not defined for dtype bool: use astype first")
    return t


def not_complex(name: str, x: Any) -> Tensor:
    """The tensor, unless its dtype is complex."""
    t = _core.asarray(x)
    if t.dtype.kind == "c":
        raise TypeError(
            f"[{name}] is not defined for dtype {t.dtype}: complex numbers have no order"
        )
    return t


def in_double(name: str, *values: Any) -> tuple[list[Tensor], Any]:
    """Real tensors broadcast to one shape in float64, and the dtype that the result is to have.

    As in the ops, numbers of Python's have no dtype of their own.
    """
    given = [not_complex(name, v) for v in values]
    dtype = result_type(*[v if is_weak(v) else t for t, v in zip(given, values, strict=True)])
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
    return _core.broadcast_arrays([_core.astype(t, np.float64) for t in given]), dtype


def all_of(*conditions: Tensor) -> Tensor:
    """Where all of them hold."""
    return functools.reduce(_core.logical_and, conditions)


def surely(condition: Tensor | bool) -> bool:
    """Whether it holds anywhere; False under vmap, where nothing can be looked at.

    A captured call takes it not to hold, and is not run where it does; one of a device reports it
    later.
    """
    if isinstance(condition, bool):
        return condition
    try:
        found = _core.any(condition)
        return not _core.guard(found) and bool(found)
    except (RuntimeError, ValueError):
        return False


def known(x: Tensor) -> bool:
    """Whether its numbers may decide which ops follow: not where vmap maps them, nor in a captured
    call of a device, and not in a checkpoint, as the vmap of a derivative may map them in a later
    run."""
    if _core.depth(x) > 0 or _core.in_closure():
        return False
    return x.device == "cpu" or not _core.device_capturing()


def everywhere(condition: Tensor) -> bool:
    """Whether it holds everywhere; not in a captured call, where nobody can look."""
    if _core.capturing() or (condition.device != "cpu" and _core.device_capturing()):
        return False
    return bool(_core.all(condition))


def looking(name: str, search: Callable[..., Tensor], *x: Tensor) -> Tensor:
    """search(*x), which may look at numbers and has the shape and dtype of the first: in a captured
    call a step by itself, where it may look, too."""
    if _core.capturing() and all(map(known, x)):
        return _core.python_step(name, search, x, x[0])
    return search(*x)


def nowhere(condition: Tensor) -> bool:
    """Whether it surely holds nowhere; where nobody can look, as under vmap and in a captured call,
    and in a checkpoint (see `known`), it is not sure."""
    if _core.capturing() or _core.in_closure():
        return False
    try:
        return not bool(_core.any(condition))
    except (RuntimeError, ValueError):
        return False


@contextlib.contextmanager
def shape_from_values(name: str) -> Iterator[None]:
    """Lets the error about values that vmap maps name the composition."""
    try:
        yield
    except NotImplementedError:  # a kernel is missing
        raise
    except RuntimeError as error:
        raise RuntimeError(f"[{name}]{str(error).partition(']')[2]}") from None


def normal_axis(name: str, axis: Any, ndim: int) -> int:
    """The axis counted from the front."""
    try:
        number = operator.index(axis)
    except TypeError:
        raise TypeError(f"[{name}] axis must be an integer, not {axis!r}") from None
    if not -ndim <= number < ndim:
        raise np.exceptions.AxisError(
            f"[{name}] axis {number} is out of bounds for array of dimension {ndim}"
        )
    return number % ndim


def normal_axes(name: str, axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """One axis, several, or all of them for None, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(normal_axis(name, a, ndim) for a in given)
    if len(set(axes)) != len(axes):
        raise ValueError(f"[{name}] axis {axis} names an axis twice")
    return axes


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """What NumPy refuses inside is refused by the function of this name."""
    try:
        yield
    except (IndexError, TypeError, ValueError) as error:
        raise type(error)(f"[{name}] {error}") from None


def along(x: Tensor, axis: int, part: slice | int) -> Tensor:
    """``x[..., part, ...]`` at an axis counted from the front."""
    return x[(slice(None),) * axis + (part,)]


def line_shape(ndim: int, axis: int, size: int = -1) -> list[int]:
    """The shape of a vector that lies along an axis and broadcasts along the others."""
    shape = [1] * ndim
    shape[axis] = size
    return shape
