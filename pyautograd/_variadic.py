"""Ops on any number of tensors, called as NumPy calls them: the tensors one after the other.

A single list or tuple of tensors does as well, as in the registry.
"""

from __future__ import annotations

from typing import Any

from . import _core
from ._core import Tensor

__all__ = ["broadcast_arrays", "einsum", "meshgrid"]


def _operands(given: tuple[Any, ...]) -> Any:
    return given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given


def einsum(subscripts: str, /, *operands: Any) -> Tensor:
    return _core.einsum(subscripts, _operands(operands))


def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    return _core.broadcast_arrays(_operands(arrays))


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Tensor]:
    return _core.meshgrid(_operands(arrays), indexing=indexing)


for _function in (einsum, broadcast_arrays, meshgrid):
    _function.__doc__ = getattr(_core, _function.__name__).__doc__
