"""Whom live memory belongs to, as far as tensors and graphs can tell."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
from collections import defaultdict
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor

__all__ = ["OpBytes", "Resident", "Snapshot", "by_op", "snapshot"]

_UNFOUND = "(unfound)"


class Resident(NamedTuple):
    """A block of memory that tensors share."""

    bytes: int
    """Of the whole block."""
    shape: tuple[int, ...]
    """Of the largest tensor that lies in it."""
    dtype: np.dtype[Any]
    op: str
    """The operation that made it, ``"leaf"`` for a tensor with requires_grad, or ``"constant"``."""
    saved_by: tuple[str, ...]
    """Operations that keep it for their derivative."""
    held: bool
    """Whether a tensor of the program lies in it, not only a graph."""
    made_at: str
    """The line of the program that called the operation, if it ran inside ``detect_anomaly``."""

    def __str__(self) -> str:
        kept = [*(["a tensor"] if self.held else []), *(f"[{op}]" for op in self.saved_by)]
        line = f"{self.bytes:>14,} bytes  {self.dtype}{list(self.shape)} made by {self.op}"
        return f"{line}, kept by {', '.join(kept)}" + (
            f", at {self.made_at}" if self.made_at else ""
        )


class Snapshot(NamedTuple):
    """What :func:`snapshot` found; printed, it is a table."""

    largest: tuple[Resident, ...]
    """The largest blocks, largest first."""
    live: int
    """All live bytes, as in :func:`live`."""
    found: int
    """The bytes of all blocks that were found."""

    def __str__(self) -> str:
        head = f"{self.live:>14,} bytes live, {self.found:,} of them found"
        return "\n".join([head, *map(str, self.largest)])


class OpBytes(NamedTuple):
    """Live bytes of one kind of operation."""

    made: int
    """Bytes that it made."""
    saved: int
    """Bytes that it keeps for its derivative; what two operations keep counts for both."""


def snapshot(largest: int = 20) -> Snapshot:
    """The largest live blocks of tensor memory, who made them and who keeps them.

    Looks through what Python's garbage collector knows and the frames that run, and through the
    graphs behind every tensor found; that takes milliseconds, and ordinary operations pay nothing
    for it. Memory that only other libraries, or code that is in the middle of an operation, refers
    to is live and not found. Values that saved-tensor hooks hold elsewhere are not counted.

    Args:
        largest: how many blocks to list.

    >>> x = pa.tensor(np.ones(100_000), requires_grad=True)
    >>> y = pa.exp(x)
    >>> block = max(pa.memory.snapshot(10**6).largest, key=lambda b: b.op == "exp")
    >>> block.bytes, block.shape, block.op, block.saved_by, block.held
    (800000, (100000,), 'exp', ('exp',), True)
    """
    residents = sorted(_census(), key=lambda r: r.bytes, reverse=True)
    found = sum(r.bytes for r in residents)
    return Snapshot(tuple(residents[:largest]), _core.live()["bytes"], found)


def by_op() -> dict[str, OpBytes]:
    """Live bytes by the operation that made them and by those that keep them for backward.

    Returns:
        For each name of an operation its :class:`OpBytes`, largest first. ``"leaf"`` stands for
        tensors with requires_grad, ``"constant"`` for what no recorded operation made, and
        ``"(unfound)"`` for live memory that :func:`snapshot` does not find.

    >>> x = pa.tensor(np.ones(100_000), requires_grad=True)
    >>> y = pa.sum(pa.cbrt(x) ** 2)
    >>> pa.memory.by_op()["cbrt"]
    OpBytes(made=800000, saved=800000)
    """
    made: dict[str, int] = defaultdict(int)
    saved: dict[str, int] = defaultdict(int)
    for resident in _census():
        made[resident.op] += resident.bytes
        for op in resident.saved_by:
            saved[op] += resident.bytes
    unfound = int(_core.live()["bytes"]) - sum(made.values())
    if unfound > 0:
        made[_UNFOUND] = unfound
    rows = {op: OpBytes(made[op], saved[op]) for op in {*made, *saved}}
    return dict(sorted(rows.items(), key=lambda row: (-sum(row[1]), row[0])))


def _census() -> list[Resident]:
    """Blocks of our allocator that a tensor of the program, or a graph behind one, refers to."""
    with _search:
        handles = list({id(x): x for x in (*_tracked_tensors(), *_local_tensors())}.values())
    return [
        Resident(
            entry["bytes"],
            entry["shape"],
            entry["dtype"],
            entry["op"] or "constant",
            entry["saved_by"],
            entry["held"],
            entry["trace"],
        )
        for entry in _core.census(handles)
        if entry["owned"]
    ]


# A search lists every object there is, and would find the lists of another one.
_search = threading.Lock()


def _tracked_tensors() -> list[Tensor]:
    """The collector tracks containers, and of tensors only those with a graph."""
    objects = gc.get_objects()
    held = gc.get_referents(*objects)
    return [x for candidates in (objects, held) for x in candidates if type(x) is Tensor]


def _local_tensors() -> list[Tensor]:
    """Of all functions that run, but those of this module.

    A frame that refers to itself would keep its locals, the result of the search among them.
    """
    found = []
    frames: list[FrameType | None] = list(sys._current_frames().values())
    while frames:
        frame = frames.pop()
        if frame is None:
            continue
        frames.append(frame.f_back)
        if frame.f_globals is not globals():
            found += _locals_of(frame)
    del frame
    return found


def _locals_of(frame: FrameType) -> list[Tensor]:
    values = frame.f_locals
    found = [x for x in list(values.values()) if type(x) is Tensor]
    # Until Python 3.13 a function's frame keeps this dict, and in it what the function deletes
    # later, unless somebody else has asked for it.
    unshared = type(values) is dict and sys.getrefcount(values) <= 3
    if unshared and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        values.clear()
    return found
