"""Ready-made saved-tensor hooks: where and how values wait for backward."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor
from .._flat import Array
from ._hooks import saved_tensors_hooks

__all__ = ["Keep", "Layout", "keep_as", "keep_compressed", "keep_on_cpu"]


class Layout(NamedTuple):
    """What an array needs besides its numbers to be what it was, in the same order in memory."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    inverse: tuple[int, ...]

    @staticmethod
    def of(x: Tensor) -> tuple[Array, Layout]:
        """The numbers, one after the other as they lie in memory, and their layout."""
        array = x.numpy()
        order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
        dense = array.transpose(order)
        inverse = tuple(sorted(range(array.ndim), key=order.__getitem__))
        return np.ascontiguousarray(dense.reshape(-1)), Layout(dense.shape, array.dtype, inverse)

    def restore(self, numbers: Tensor) -> Tensor:
        return _core.permute_dims(_core.reshape(numbers, self.shape), self.inverse)


# A tensor left as it is, or its numbers in another form.
_Kept = Tensor | tuple[Tensor, Layout]


class Keep(saved_tensors_hooks):
    """Leaves leaves, constants, small arrays and broadcast views where they are."""

    __slots__ = ()

    def __init__(
        self, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor], min_bytes: int
    ) -> None:
        super().__init__(pack, unpack)
        if min_bytes < 0:
            raise ValueError(
                f"[{type(self).__name__}] min_bytes must not be negative, got {min_bytes}"
            )
        self._options = {"leaves": False, "smallest": min_bytes, "expanded": False}


class keep_on_cpu(Keep):
    """Keep values saved for backward in the memory of the host.

    They return to their device when the derivative needs them. What lies on the CPU stays there, so
    in a build without other devices this changes nothing. Leaves and constants are left alone.

    Args:
        min_bytes: values whose memory is smaller stay where they are.

    >>> x = pa.tensor([1.0, 2.0], requires_grad=True)
    >>> with pa.memory.keep_on_cpu():
    ...     y = pa.sum(pa.exp(x) ** 2)
    >>> y.backward()
    >>> bool(np.allclose(x.grad, 2 * np.exp([2.0, 4.0])))
    True
    """

    __slots__ = ()

    def __init__(self, *, min_bytes: int = 4096) -> None:
        super().__init__(self._to_host, self._to_device, min_bytes)

    @staticmethod
    def _to_host(x: Tensor) -> Any:
        return x if x.device == "cpu" else (x.to("cpu"), x.device)

    @staticmethod
    def _to_device(packed: Any) -> Tensor:
        return packed if type(packed) is Tensor else packed[0].to(packed[1])


class _Format(NamedTuple):
    """Floating-point numbers as unsigned integers, of which 1 is the smallest positive number."""

    bits: str
    narrow: Callable[[Array, Array], None]
    widen: Callable[[Array], Array]

    def pack(self, numbers: Array) -> Tensor | None:
        """None where a finite number would become infinite."""
        packed = _core.empty(numbers.shape, dtype=self.bits)
        bits = packed.numpy()
        with np.errstate(all="ignore"):
            self.narrow(numbers, bits)
        read = self.widen(bits)
        if np.any(np.isinf(read) & np.isfinite(numbers)):
            return None
        vanished = (read == 0) & (numbers != 0)
        if vanished.any():
            sign = np.signbit(numbers[vanished]).astype(bits.dtype)
            bits[vanished] = sign << (8 * bits.itemsize - 1) | 1
        return packed


def _write_float32(numbers: Array, bits: Array) -> None:
    bits.view(np.float32)[...] = numbers


def _write_float16(numbers: Array, bits: Array) -> None:
    bits.view(np.float16)[...] = numbers


def _write_bfloat16(numbers: Array, bits: Array) -> None:
    wide = numbers.astype(np.float32).view(np.uint32)
    bits[...] = (wide + 0x7FFF + (wide >> 16 & 1)) >> 16
    bits[np.isnan(numbers)] = 0x7FC0


_FORMATS = {
    "float32": _Format("uint32", _write_float32, lambda bits: bits.view(np.float32)),
    "float16": _Format("uint16", _write_float16, lambda bits: bits.view(np.float16)),
    "bfloat16": _Format(
        "uint16", _write_bfloat16, lambda bits: (bits.astype(np.uint32) << 16).view(np.float32)
    ),
}


class keep_as(Keep):
    """Keep floating-point values saved for backward in a narrower dtype.

    They are rounded to nearest, ties to even, and widened again when the derivative needs them:
    derivatives then carry that rounding, of relative size 2**-24, 2**-11 or 2**-8, and the forward
    pass none. No number becomes infinite or zero by it: an array with a number too large for the
    narrow dtype is kept as it is, and a number too small becomes the smallest there is. Complex
    numbers are kept as pairs. Integers, leaves, constants, and what is no wider than the dtype are
    left alone.

    Args:
        dtype: ``"float32"``, ``"float16"`` or ``"bfloat16"``, the upper half of a float32.
        min_bytes: values whose memory is smaller stay as they are.

    Raises:
        ValueError: the dtype is none of these.

    >>> x = pa.tensor(np.linspace(0.0, 1.0, 10_000), requires_grad=True)
    >>> with pa.memory.keep_as("float16"):
    ...     before = pa.memory.live().bytes
    ...     y = pa.sum(pa.tanh(x))  # tanh saves its result: 10,000 numbers of two bytes
    ...     kept = pa.memory.live().bytes - before
    >>> kept < 21_000
    True
    >>> y.backward()
    >>> bool(np.allclose(x.grad, 1 - np.tanh(x.detach()) ** 2, rtol=0, atol=1e-3))
    True
    """

    __slots__ = ("_format",)

    def __init__(self, dtype: str, *, min_bytes: int = 4096) -> None:
        if dtype not in _FORMATS:
            raise ValueError(f"[keep_as] dtype must be one of {', '.join(_FORMATS)}, got {dtype!r}")
        self._format = _FORMATS[dtype]
        super().__init__(self._narrowed, self._widened, min_bytes)

    def _narrowed(self, x: Tensor) -> _Kept:
        part = x.real.dtype if x.dtype.kind == "c" else x.dtype
        if x.dtype.kind not in "fc" or part.itemsize <= np.dtype(self._format.bits).itemsize:
            return x
        numbers, layout = Layout.of(x)
        packed = self._format.pack(numbers.view(part))
        return x if packed is None else (packed, layout)

    def _widened(self, kept: _Kept) -> Tensor:
        if isinstance(kept, Tensor):
            return kept
        packed, layout = kept
        out = _core.empty(layout.shape, dtype=layout.dtype)
        wide = self._format.widen(packed.numpy())
        out.numpy().reshape(-1).view(layout.dtype.type(0).real.dtype)[...] = wide
        return layout.restore(out)


class keep_compressed(Keep):
    """Keep values saved for backward compressed, without loss, by zlib.

    Worth its time only for values with structure: masks, one-hot rows, sparse or repeated numbers.
    An array that would not shrink is kept as it is. Leaves and constants are left alone.

    Args:
        level: zlib's, from 1, the fastest, to 9.
        min_bytes: values whose memory is smaller stay as they are.

    Raises:
        ValueError: the level is out of range.

    >>> x = pa.tensor(np.repeat([1.0, 2.0], 5000), requires_grad=True)
    >>> with pa.memory.keep_compressed():
    ...     before = pa.memory.live().bytes
    ...     y = pa.sum(pa.exp(x))
    ...     kept = pa.memory.live().bytes - before
    >>> kept < 1000
    True
    >>> y.backward()
    >>> bool(np.array_equal(x.grad, np.exp(x.detach())))
    True
    """

    __slots__ = ("_level",)

    def __init__(self, level: int = 1, *, min_bytes: int = 4096) -> None:
        if level not in range(1, 10):
            raise ValueError(f"[keep_compressed] level must be from 1 to 9, got {level!r}")
        self._level = level
        super().__init__(self._deflated, self._inflated, min_bytes)

    def _deflated(self, x: Tensor) -> _Kept:
        numbers, layout = Layout.of(x)
        # First bytes of all numbers, then second bytes: exponents are more alike than mantissas.
        planes = numbers.view(np.uint8).reshape(-1, numbers.itemsize).T
        packed = zlib.compress(planes.tobytes(), self._level)
        if len(packed) >= numbers.nbytes:
            return x
        return _core.tensor(np.frombuffer(packed, np.uint8)), layout

    def _inflated(self, kept: _Kept) -> Tensor:
        if isinstance(kept, Tensor):
            return kept
        packed, layout = kept
        planes = np.frombuffer(zlib.decompress(packed.numpy().data), np.uint8)
        out = _core.empty(layout.shape, dtype=layout.dtype)
        size = layout.dtype.itemsize
        out.numpy().reshape(-1).view(np.uint8).reshape(-1, size)[...] = planes.reshape(size, -1).T
        return layout.restore(out)
