"""The elements of a tensor along one axis, to be read and written in place: ``x.flat``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


class Flat:
    """What ``x.flat`` is: the elements of ``x`` row by row, whose writes go to ``x``.

    Values repeat until all places are written, as in NumPy.

    >>> x = pa.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> x.flat[2] = 5.0
    >>> x.flat[:2] = [7.0]
    >>> x.tolist(), x.flat[2].item(), [y.item() for y in x.flat]
    ([[7.0, 7.0], [5.0, 4.0]], 5.0, [7.0, 7.0, 5.0, 4.0])
    """

    __slots__ = ("base",)

    def __init__(self, base: Tensor) -> None:
        self.base = base

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Iterator[Tensor]:
        return iter(_core.ravel(self.base))

    def __getitem__(self, index: Any) -> Tensor:
        elements = _core.ravel(self.base)[index]
        return elements if elements.ndim == 0 else _core.copy(elements)

    def __setitem__(self, index: Any, values: TensorLike) -> None:
        places = np.arange(self.base.size)
        self.base.put(places[np.asarray(index) if type(index) is Tensor else index], values)

    def copy(self) -> Tensor:
        """The elements, as a tensor of shape (size,)."""
        return _core.copy(_core.ravel(self.base))

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return self.copy().__array__(dtype)

    def __repr__(self) -> str:
        return f"{self.base!r}.flat"


def _get(self: Tensor) -> Flat:
    return Flat(self)


def _set(self: Tensor, values: TensorLike) -> None:
    Flat(self)[:] = values


_core._set_type_attribute(
    "flat", property(_get, _set, doc="The elements along one axis, to be read and written.")
)
