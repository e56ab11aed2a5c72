"""Ops on any number of tensors, called as NumPy calls them: the tensors one after the other.

A single list or tuple of tensors does as well, as in the registry.
"""

from __future__ import annotations

import operator
import string
from typing import Any

from .. import _core
from .._core import Tensor

__all__ = ["broadcast_arrays", "einsum", "meshgrid"]


def _operands(given: tuple[Any, ...]) -> Any:
    return given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given


def einsum(subscripts: Any, /, *operands: Any) -> Tensor:
    if not isinstance(subscripts, str):
        return einsum(*_with_string(subscripts, *operands))
    return _core.einsum(subscripts, _operands(operands))


def _with_string(*given: Any) -> tuple[Any, ...]:
    """``einsum(x, [0, 1], y, [1, 2], [0, 2])`` as ``einsum("ab,bc->ac", x, y)``."""
    pairs = len(given) // 2
    terms = [_letters(given[2 * i + 1]) for i in range(pairs)]
    result = f"->{_letters(given[-1])}" if len(given) % 2 else ""
    return ",".join(terms) + result, *given[0 : 2 * pairs : 2]


def _letters(axes: Any) -> str:
    alphabet = string.ascii_letters
    if not isinstance(axes, (list, tuple)):
        raise TypeError(f"[einsum] expected a string or lists of axes, not {type(axes).__name__}")
    for axis in axes:
        if axis is not Ellipsis and not 0 <= operator.index(axis) < len(alphabet):
            raise ValueError(f"[einsum] an axis must be from 0 to {len(alphabet) - 1}, got {axis}")
    return "".join("..." if axis is Ellipsis else alphabet[axis] for axis in axes)


def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    return _core.broadcast_arrays(_operands(arrays))


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Tensor]:
    return _core.meshgrid(_operands(arrays), indexing=indexing)


for _function in (einsum, broadcast_arrays, meshgrid):
    _function.__doc__ = getattr(_core, _function.__name__).__doc__
einsum.__doc__ = f"""{einsum.__doc__}

Instead of letters, lists of axes may follow the operands, and that of the result comes last.

>>> pa.einsum(pa.ones((2, 3)), [0, 1], pa.ones(3), [1], [0]).tolist()
[3.0, 3.0]
"""
