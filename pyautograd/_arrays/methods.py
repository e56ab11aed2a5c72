"""Methods of tensors that NumPy's arrays have and that are no ops: bound to the type on import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import _core, compositions
from .._core import Tensor
from . import extended

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def argpartition(self: Tensor, kth: int | Sequence[int], axis: int | None = -1) -> Tensor:
    """The places of the elements in the order of :func:`pyautograd.partition`."""
    return _core.argpartition(self, kth, axis)


def choose(self: Tensor, choices: Any, mode: str = "raise") -> Tensor:
    """The elements of the arrays that the integers name: :func:`pyautograd.choose`."""
    result: Tensor = compositions.load("choose")(self, choices, mode=mode)
    return result


def compress(self: Tensor, condition: TensorLike, axis: int | None = None) -> Tensor:
    """The slices at which a vector of truth values holds: :func:`pyautograd.compress`."""
    result: Tensor = compositions.load("compress")(condition, self, axis)
    return result


def fill(self: Tensor, value: TensorLike) -> None:
    """Writes a number to every element, as ``x[...] = value`` does."""
    self[...] = value


def flatten(self: Tensor, order: str = "C") -> Tensor:
    """A copy with one axis; ``order="F"`` runs through the first index fastest."""
    if order not in ("C", "F"):
        raise ValueError(f"[flatten] order must be 'C' or 'F', got {order!r}")
    return _core.copy(_core.ravel(_core.transpose(self) if order == "F" else self))


def partition(self: Tensor, kth: int | Sequence[int], axis: int = -1) -> None:
    """Puts the elements along an axis in the order of :func:`pyautograd.partition`, in place."""
    self[...] = _core.partition(self, kth, axis)


def pin_memory(self: Tensor) -> Tensor:
    """A copy in memory that devices can read on their own: ``pa.cuda.pin_memory``."""
    return _core.pin_memory(self)


def is_pinned(self: Tensor) -> bool:
    """Whether the numbers lie in such memory."""
    return _core.is_pinned(self)


def put(self: Tensor, indices: TensorLike, values: TensorLike, mode: str = "raise") -> None:
    """Writes values to places of the flattened tensor: :func:`pyautograd.put`."""
    compositions.load("put")(self, indices, values, mode)


def round(self: Tensor, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals: :func:`pyautograd.round`."""
    return extended.round(self, decimals)


def sort(
    self: Tensor,
    axis: int = -1,
    kind: str | None = None,
    *,
    descending: bool = False,
    stable: bool | None = None,
) -> None:
    """Sorts the elements along an axis in place; :func:`pyautograd.sort` makes a new tensor."""
    self[...] = _core.sort(self, axis, kind, descending=descending)


def tobytes(self: Tensor, order: str = "C") -> bytes:
    """The numbers' bytes, row by row, or column by column with ``order="F"``."""
    return self.numpy().tobytes(order)  # type: ignore[arg-type]


def rounded(self: Tensor, ndigits: int | None = None) -> Any:
    """``round(x)`` with Python's function: an int without digits, else :func:`pyautograd.round`.

    The derivative of a rounded tensor is 0. Only a tensor of one element becomes an int.
    """
    return int(_core.round(self)) if ndigits is None else extended.round(self, ndigits)


for _function in (
    argpartition,
    choose,
    compress,
    fill,
    flatten,
    is_pinned,
    partition,
    pin_memory,
    put,
    round,
    sort,
    tobytes,
):
    _core._set_type_attribute(_function.__name__, _function)
_core._set_type_attribute("__round__", rounded)
# Above a DataFrame's 4000: column * tensor is a tensor.
_core._set_type_attribute("__pandas_priority__", 5000)
