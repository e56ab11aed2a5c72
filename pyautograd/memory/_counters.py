"""What the library holds: counters, their peak and the cache."""

from __future__ import annotations

from typing import NamedTuple

from .. import _core


class Live(NamedTuple):
    """Objects that exist now, in all threads."""

    nodes: int
    """Recorded operations and leaves."""
    bodies: int
    """Values: arrays, views and what transforms wrap around them."""
    storages: int
    """Blocks of memory that values refer to, borrowed ones included."""
    bytes: int
    """Bytes of the blocks that the library allocated itself."""


def live() -> Live:
    """Count the live objects.

    >>> before = pa.memory.live()
    >>> x = pa.ones(1000)
    >>> pa.memory.live().storages - before.storages
    1
    """
    return Live(**_core.live())


def peak() -> int:
    """The most bytes of tensors that were alive at once, in all threads, since ``reset_peak``.

    Counted where memory is allocated, never sampled. Small tensors are added up in lots, so the
    peak may be off by 4096 bytes per thread; where one thread works, it is exact if a tensor of
    more than twice that set it.

    >>> pa.memory.reset_peak()
    >>> before = pa.memory.live().bytes
    >>> total = pa.sum(pa.ones(1_000_000) * 2.0)  # two arrays of eight megabytes live at once
    >>> round((pa.memory.peak() - before) / 1e6)
    16
    """
    return int(_core.peak_bytes())


def reset_peak() -> None:
    """Start ``peak`` again, from the bytes that are alive now.

    >>> pa.memory.reset_peak()
    >>> pa.memory.peak() == pa.memory.live().bytes
    True
    """
    _core.reset_peak_bytes()


def release_cached() -> int:
    """Give the memory that the allocator keeps for reuse back to the system; the number of bytes.

    >>> pa.memory.release_cached() >= 0
    True
    """
    return int(_core.release_cached_data())
