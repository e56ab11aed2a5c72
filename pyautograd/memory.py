"""What the library holds: live objects and the allocator's cache."""

from __future__ import annotations

from typing import NamedTuple

from . import _core

__all__ = ["Live", "live", "release_cached"]


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


def release_cached() -> int:
    """Give the memory that the allocator keeps for reuse back to the system; the number of bytes.

    >>> pa.memory.release_cached() >= 0
    True
    """
    return int(_core.release_cached_data())
