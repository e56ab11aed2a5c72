"""Where results lie that are made of tensors on a device and of numbers of the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from . import _core
from ._core import Tensor

if TYPE_CHECKING:
    from ._core import TensorLike

__all__: list[str] = []


def place_of(tensors: Iterable[Tensor]) -> str:
    """The first device among them that is not the host: numbers of the host go along with any."""
    return next((x.device for x in tensors if x.device != "cpu"), "cpu")


def beside(values: Sequence[TensorLike]) -> list[Tensor]:
    """The operands of a composition that changes their shapes: its numbers would no longer go along
    with a device as arrays, so they are moved there first."""
    tensors = [_core.asarray(v) for v in values]
    place = place_of(tensors)
    if place == "cpu":
        return tensors
    return [x.to(place) if x.ndim == 0 else x for x in tensors]
