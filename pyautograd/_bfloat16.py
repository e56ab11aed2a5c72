"""The dtype bfloat16, which NumPy does not have."""

from __future__ import annotations

import importlib
from typing import Any, Final, Literal

import numpy as np

__all__ = ["BFloat16", "array_dtype", "bfloat16"]


class BFloat16:
    """What :data:`pyautograd.bfloat16` is: as much of NumPy's dtype interface as it can have.

    It equals the name ``"bfloat16"`` and the dtype of the package ``ml_dtypes``, and NumPy takes it
    for that dtype if the package is installed.

    >>> x = pa.ones(3, dtype="bfloat16")
    >>> x.dtype == pa.bfloat16, x.dtype.itemsize, x.nbytes
    (True, 2, 6)
    """

    __slots__ = ()

    name: Final = "bfloat16"
    kind: Final[Literal["f"]] = "f"
    itemsize: Final = 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype of that name.

        Raises:
            TypeError: the package ``ml_dtypes`` is not installed.
        """
        try:
            scalar_type = importlib.import_module("ml_dtypes").bfloat16
        except ImportError:
            raise TypeError(
                "NumPy has no bfloat16 without the package ml_dtypes: install it, or use "
                "x.astype(pa.float32)"
            ) from None
        found: np.dtype[Any] = np.dtype(scalar_type)
        return found

    def __eq__(self, other: object) -> bool:
        if isinstance(other, type):
            return other.__name__ == self.name
        return other == self.name if isinstance(other, str) else _name_of(other) == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return "dtype(bfloat16)"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return "bfloat16"


def _name_of(dtype: object) -> str | None:
    return dtype.name if isinstance(dtype, (BFloat16, np.dtype)) else None


bfloat16 = BFloat16()

_SINGLE = np.dtype(np.float32)
_WHOLE = frozenset((_SINGLE, np.dtype(np.float64)))


def array_dtype(*dtypes: Any) -> np.dtype[Any]:
    """The dtype of a NumPy array for numbers of these dtypes: float16 and bfloat16 as float32."""
    kinds = {*dtypes}
    if len(kinds) == 1 and kinds <= _WHOLE:
        return dtypes[0]  # type: ignore[no-any-return]
    halves = (np.dtype(np.float16), bfloat16)
    return np.result_type(*[_SINGLE if dtype in halves else dtype for dtype in dtypes])
