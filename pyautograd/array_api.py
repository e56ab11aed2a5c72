"""The Python array API standard: the namespace, its dtypes, and what it can say about itself.

>>> xp = pa.ones(2).__array_namespace__(api_version="2024.12")
>>> xp is pa
True
"""

from __future__ import annotations

import builtins
import sys
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ._bfloat16 import BFloat16, bfloat16
from ._core import Tensor
from ._whole import one_or_each

__all__ = [
    "broadcast_shapes",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "result_type",
]

__array_api_version__ = "2024.12"
_VERSIONS = ("2021.12", "2022.12", "2023.12", __array_api_version__)
# No limit of ours, but NumPy shows no more axes than these.
_MAX_DIMENSIONS = 64
# np.dtype.kind in ascending order of what it holds
_RANKS = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}
_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}
DType = np.dtype[Any]
_HALVES = (np.dtype(np.float16), bfloat16)


def check_version(api_version: str | None) -> None:
    """Raises ``ValueError`` for a version of the standard that is not the namespace's."""
    if api_version is not None and api_version not in _VERSIONS:
        raise ValueError(
            f"[__array_namespace__] version {api_version!r} of the array API standard is not "
            f"supported: use one of {', '.join(_VERSIONS)}"
        )


def _dtypes() -> dict[str, DType]:
    found: dict[str, DType] = sys.modules[__package__]._DTYPES
    return {name: dtype for name, dtype in found.items() if dtype not in _HALVES}


def _check_device(device: str | None) -> None:
    if device is not None and device.split(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"[__array_namespace_info__] unknown device {device!r}: use 'cpu'")


class __array_namespace_info__:
    """What the namespace offers: devices, dtypes and capabilities.

    >>> info = pa.__array_namespace_info__()
    >>> info.default_device()
    'cpu'
    >>> sorted(info.dtypes(kind="real floating"))
    ['float32', 'float64']
    """

    def capabilities(self) -> dict[str, Any]:
        """Which optional parts of the standard are there."""
        return {
            "boolean indexing": True,
            "data-dependent shapes": True,
            "max dimensions": _MAX_DIMENSIONS,
        }

    def default_device(self) -> str:
        """Where tensors are made unless ``device`` says otherwise."""
        return "cpu"

    def devices(self) -> list[str]:
        """The devices that ``device=`` accepts."""
        from . import cuda

        return [
            "cpu",
            *(f"cuda:{i}" for i in range(cuda.device_count() if cuda.is_available() else 0)),
        ]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        """The dtypes of results made from Python's numbers."""
        _check_device(device)
        names = {
            "real floating": "float64",
            "complex floating": "complex128",
            "integral": "int64",
            "indexing": "int64",
        }
        return {kind: np.dtype(name) for kind, name in names.items()}

    def dtypes(
        self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """The standard's dtypes by name, all or those of a kind as in :func:`isdtype`."""
        _check_device(device)
        every = _dtypes()
        return every if kind is None else {n: d for n, d in every.items() if isdtype(d, kind)}


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether a dtype is of a kind.

    ``kind`` is a dtype, one of 'bool', 'signed integer', 'unsigned integer', 'integral', 'real
    floating', 'complex floating' and 'numeric', or a tuple of these, of which any will do.

    Raises:
        ValueError: an unknown name of a kind.
        TypeError: ``dtype`` is no dtype.

    >>> pa.isdtype(pa.float32, ("integral", "real floating"))
    True
    """
    if not isinstance(dtype, (np.dtype, type, BFloat16)):
        raise TypeError(f"[isdtype] expected a dtype, not {type(dtype).__name__}")
    given = _dtype_of("isdtype", dtype)
    for one in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(one, str):
            if one not in _KINDS:
                raise ValueError(f"[isdtype] unknown kind {one!r}: use one of {', '.join(_KINDS)}")
            if given.kind in _KINDS[one]:
                return True
        elif isinstance(one, (np.dtype, type, BFloat16)):
            if given == _dtype_of("isdtype", one):
                return True
        else:
            raise TypeError(f"[isdtype] kind must be a dtype or a string, not {one!r}")
    return False


@dataclass(frozen=True)
class _FloatInfo:
    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True)
class _IntegerInfo:
    bits: int
    max: int
    min: int
    dtype: DType


def _dtype_of(name: str, thing: Any) -> DType:
    if isinstance(thing, (Tensor, np.ndarray, np.generic)):
        thing = thing.dtype
    if bfloat16 == thing:
        return cast(DType, bfloat16)
    try:
        dtype: DType = np.dtype(thing)
    except TypeError:
        raise TypeError(f"[{name}] expected a tensor or a dtype, not {thing!r}") from None
    return dtype


_BFLOAT16_MAX = (2.0 - 2.0**-7) * 2.0**127


def finfo(type: Any, /) -> _FloatInfo:
    """The limits of a floating-point dtype, or of the dtype of a tensor, as Python's numbers.

    The attributes are ``bits``, ``eps``, ``max``, ``min``, ``smallest_normal`` and ``dtype``. A
    complex dtype has the limits of its parts.

    Raises:
        ValueError: the dtype is not floating.

    >>> pa.finfo(pa.float32).eps == 2.0**-23
    True
    """
    dtype = _dtype_of("finfo", type)
    if dtype.kind not in "fc":
        raise ValueError(f"[finfo] {dtype} is not a floating-point dtype: use iinfo for integers")
    if bfloat16 == dtype:
        return _FloatInfo(16, 2.0**-7, _BFLOAT16_MAX, -_BFLOAT16_MAX, 2.0**-126, dtype)
    info = np.finfo(dtype)
    return _FloatInfo(
        info.bits,
        float(info.eps),
        float(info.max),
        float(info.min),
        float(info.smallest_normal),
        info.dtype,
    )


def iinfo(type: Any, /) -> _IntegerInfo:
    """The limits of an integer dtype, or of the dtype of a tensor.

    The attributes are ``bits``, ``max``, ``min`` and ``dtype``.

    Raises:
        ValueError: the dtype is no integer.

    >>> pa.iinfo(pa.int8).min
    -128
    """
    dtype = _dtype_of("iinfo", type)
    if dtype.kind not in "iu":
        raise ValueError(f"[iinfo] {dtype} is not an integer dtype: use finfo for floating ones")
    info = np.iinfo(dtype)
    return _IntegerInfo(info.bits, info.max, info.min, dtype)


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    """Whether every value of a dtype, or of the dtype of a tensor, has its place in another.

    >>> pa.can_cast(pa.int32, pa.float64), pa.can_cast(pa.float64, pa.float32)
    (True, False)
    """
    source, target = _dtype_of("can_cast", from_), _dtype_of("can_cast", to)
    if bfloat16 == source:
        return bfloat16 == target or builtins.bool(np.can_cast(np.float32, target))
    if bfloat16 == target:  # its 8 bits hold the integers that int8 and uint8 do
        return builtins.bool(np.can_cast(source, np.float16)) and source.kind != "f"
    return builtins.bool(np.can_cast(source, target))


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype in which tensors, dtypes and Python's numbers meet.

    Dtypes are promoted as in NumPy 2, except that float16 and bfloat16 stay what they are beside
    integers; together they make float32. A Python number takes the dtype of what it meets, unless
    its kind is a higher one.

    Raises:
        ValueError: nothing is given.

    >>> pa.result_type(pa.ones(2, dtype=pa.float32), 1.5), pa.result_type(pa.int64, 1.5)
    (dtype('float32'), dtype('float64'))
    """
    if not arrays_and_dtypes:
        raise ValueError("[result_type] at least one tensor or dtype is needed")
    numbers = [x for x in arrays_and_dtypes if is_weak(x)]
    strong = [_dtype_of("result_type", x) for x in arrays_and_dtypes if not is_weak(x)]
    kinds = [np.dtype(type(x)) for x in numbers]
    result = _promote_all(strong or kinds)
    for kind in kinds:
        if _RANKS[kind.kind] > _RANKS[result.kind]:
            # A complex number beside float32 makes complex64.
            narrow = kind.kind == "c" and result.kind == "f"
            result = promote_types(result, np.dtype(np.complex64) if narrow else kind)
    return result


def is_weak(thing: Any) -> builtins.bool:
    """Whether it is a number of Python's, which has no dtype of its own."""
    return isinstance(thing, (int, float, complex)) and not isinstance(thing, np.generic)


def _promote_all(dtypes: list[DType]) -> DType:
    result = dtypes[0]
    for dtype in dtypes[1:]:
        result = promote_types(result, dtype)
    return result


def promote_types(a: DType, b: DType) -> DType:
    """The dtype in which two meet."""
    for one, other in ((a, b), (b, a)):
        if one in _HALVES and (other.kind in "biu" or one == other):
            return one
    single = np.dtype(np.float32)
    wide = [single if bfloat16 == dtype else dtype for dtype in (a, b)]
    return np.promote_types(*wide)


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of the given shapes broadcast to.

    Raises:
        ValueError: they do not.

    >>> pa.broadcast_shapes((3, 1), (2,), ())
    (3, 2)
    """
    tuples = [one_or_each(s) for s in shapes]
    result: list[int] = [1] * max(map(len, tuples), default=0)
    for shape in tuples:
        for i, size in enumerate(reversed(shape), 1):
            if size != 1 and result[-i] not in (1, size):
                raise ValueError(
                    f"[broadcast_shapes] shapes {', '.join(map(str, tuples))} do not broadcast"
                )
            result[-i] = size if size != 1 else result[-i]
    return tuple(result)
