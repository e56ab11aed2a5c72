"""Questions about dtypes that NumPy answers for arrays."""

from __future__ import annotations

from typing import Any

from .._core import asarray

__all__ = ["iscomplexobj", "isrealobj"]


def iscomplexobj(x: Any, /) -> bool:
    """Whether the dtype of a tensor, or of what one can be made of, is complex.

    Args:
        x: a tensor, an array, a number or nested lists of numbers.

    >>> pa.iscomplexobj(pa.tensor([1.0])), pa.iscomplexobj(1j)
    (False, True)
    """
    return asarray(x).dtype.kind == "c"


def isrealobj(x: Any, /) -> bool:
    """Whether the dtype of a tensor, or of what one can be made of, is not complex.

    >>> pa.isrealobj(pa.tensor([1.0 + 0.0j]))
    False
    """
    return not iscomplexobj(x)
