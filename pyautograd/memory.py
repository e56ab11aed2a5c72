"""What the library holds, for whom, in what form values wait for backward, and a budget for it."""

from __future__ import annotations

import re
from types import TracebackType
from typing import NamedTuple

from . import _core
from ._keep import keep_as, keep_compressed, keep_on_cpu
from ._keep_on_disk import keep_on_disk
from ._memory_profile import Profile, profile
from ._memory_reports import OpBytes, Resident, Snapshot, by_op, snapshot

__all__ = [
    "Live",
    "OpBytes",
    "Profile",
    "Resident",
    "Snapshot",
    "by_op",
    "keep_as",
    "keep_compressed",
    "keep_on_cpu",
    "keep_on_disk",
    "live",
    "memory_budget",
    "peak",
    "profile",
    "release_cached",
    "reset_peak",
    "snapshot",
]


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


_UNITS = {"": 1, "b": 1} | {
    f"{prefix}{ending}": base**power
    for power, prefix in enumerate("kmgt", 1)
    for ending, base in (("", 1000), ("b", 1000), ("ib", 1024))
}


def _parse_bytes(amount: int | float | str) -> int:
    """Bytes from a number or from text such as ``"2GB"`` (10**9) or ``"1.5GiB"`` (2**30)."""
    if isinstance(amount, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z]*)\s*", amount)
        if match is None or match[2].lower() not in _UNITS:
            raise ValueError(
                f"[memory_budget] cannot read {amount!r}: write a number of bytes or, for example, "
                "'2GB', '500 MB' or '1.5GiB'"
            )
        number = float(match[1]) * _UNITS[match[2].lower()]
    elif isinstance(amount, bool) or not isinstance(amount, int | float):
        raise TypeError(
            f"[memory_budget] expected a number of bytes or a string, got {type(amount).__name__}"
        )
    else:
        number = amount
    if not 1 <= number < 2**63:
        raise ValueError(f"[memory_budget] the budget must be at least one byte, got {amount!r}")
    return int(number)


class memory_budget:
    """Keep the bytes of live tensors under a limit, by dropping values and making them again.

    Inside the ``with`` block, whenever an allocation would take ``pa.memory.live().bytes`` past the
    limit, values that were saved for derivatives are dropped first. When one is wanted again, by a
    backward pass or in any other way, it is computed again from what it was made from, and from
    what that was made from. Results are the same bits as without a budget, at every order and in
    every mode, because the same kernels run on the same numbers.

    What stays: values that a tensor of the program shows, leaves, values written in place, memory
    borrowed from NumPy, values made directly from memory that NumPy can write, results of a
    ``Function`` or any other Python code, and values made where nothing records. Random draws
    are made again with the same numbers.

    Which value to drop is the one with the least cost / (bytes * staleness), where the cost
    includes that of the dropped values around it. Costs are estimated from shapes and staleness is
    counted in operations, so the same program drops the same values.

    :param limit: bytes, or text with a unit: ``"2GB"`` is 2 * 10**9, ``"2GiB"`` is 2 * 2**30. In
        nested blocks the least limit holds.
    :raises MemoryError: by any operation that cannot fit even with everything dropped that can be;
        the message names the largest values that stay, and where they were made
    :raises ValueError: for a limit that is not positive or cannot be read

    A budget belongs to the thread that enters it: it looks at the bytes of all threads, but drops
    only values that its own thread made; those that another thread reads stay. After the block
    nothing more is dropped; what was dropped is made again when wanted, without a limit.

    The rule is that of Kirisame et al., *Dynamic Tensor Rematerialization*, ICLR 2021.

    >>> def f(x):
    ...     for _ in range(50):
    ...         x = pa.tanh(x * 1.01)
    ...     return pa.sum(x)
    >>> x = pa.ones(10_000)
    >>> plain = pa.func.grad(f)(x)  # keeps 50 values of 80,000 bytes
    >>> with pa.memory_budget(pa.memory.live().bytes + 1_000_000) as budget:
    ...     g = pa.func.grad(f)(x)
    >>> bool(pa.all(g == plain)), budget.dropped > 0
    (True, True)
    """

    def __init__(self, limit: int | float | str) -> None:
        self.limit = _parse_bytes(limit)
        """Bytes."""
        self._budget = _core.MemoryBudget(self.limit)

    def __enter__(self) -> memory_budget:
        self._budget.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._budget.leave()

    @property
    def dropped(self) -> int:
        """How many values were dropped, those that nothing asked for afterwards included."""
        return self._budget.counts()[0]

    @property
    def recomputed(self) -> int:
        """How many values were made again."""
        return self._budget.counts()[1]

    def __repr__(self) -> str:
        return f"memory_budget({self.limit}): {self.dropped} dropped, {self.recomputed} made again"
