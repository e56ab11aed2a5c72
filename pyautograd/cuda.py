"""Tensors on a CUDA device: which there are, and what they hold.

A tensor is on one device. ``x.to("cuda")`` copies it there, ``device="cuda"`` makes it there, and
ops run where their tensors are; 0-d tensors of the host go along with any. The kernels lie in a
library of their own that is opened when a device is first asked for (docs/cuda.md).

>>> from pyautograd import cuda
>>> cuda.device_count() if cuda.is_available() else 0  # doctest: +SKIP
1
"""

from __future__ import annotations

from . import _core

__all__ = [
    "device_count",
    "is_available",
    "memory",
    "name",
    "release_cached",
    "reset_peak",
    "stream_handle",
    "synchronize",
]


def is_available() -> bool:
    """Whether a tensor can be made on ``"cuda"``: the library, a driver and a device are there.

    >>> pa.cuda.is_available() in (True, False)
    True
    """
    try:
        return _core.device_count() > 0
    except RuntimeError:
        return False


def device_count() -> int:
    """How many CUDA devices there are.

    Raises ``RuntimeError`` that says what is missing where there can be none: the library of this
    build or the driver.
    """
    return _core.device_count()


def name(device: str = "cuda:0") -> str:
    """What the device calls itself, such as ``'NVIDIA H100 80GB HBM3'``."""
    return _core.device_name(device)


def memory(device: str = "cuda:0") -> dict[str, int]:
    """Bytes on a device: ``live`` in tensors, their ``peak``, ``cached``, ``free`` and ``total``.

    ``cached`` is what the allocator keeps for the next tensors; ``free`` and ``total`` are the
    device's own numbers, which count other programs, too.
    """
    return _core.device_memory(device)


def reset_peak(device: str = "cuda:0") -> None:
    """Start ``memory()["peak"]`` again from what is alive."""
    _core.device_reset_peak(device)


def release_cached(device: str = "cuda:0") -> int:
    """Give cached memory back to the device; returns the number of bytes."""
    return _core.device_release_cached(device)


def stream_handle(device: str = "cuda:0") -> int:
    """The ``cudaStream_t`` that work on the device goes to, for libraries that order theirs by it.

    PyTorch takes it as ``torch.cuda.ExternalStream(handle)``, CuPy as ``cupy.cuda.ExternalStream``.
    There is one for each device and it does not wait for the default stream.
    """
    return _core.device_stream(device)


def synchronize(device: str = "cuda:0") -> None:
    """Wait until everything asked of the device is done. Errors of earlier ops are raised here."""
    _core.device_synchronize(device)
