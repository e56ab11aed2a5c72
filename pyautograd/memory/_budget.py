"""A limit for the bytes of live tensors."""

from __future__ import annotations

from types import TracebackType

from .. import _core
from .._bytes import parse_bytes


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

    Args:
        limit: bytes, or text with a unit: ``"2GB"`` is 2 * 10**9, ``"2GiB"`` is 2 * 2**30. In
            nested blocks the least limit holds.

    Raises:
        MemoryError: by any operation that cannot fit even with everything dropped that can be; the
            message names the largest values that stay, and where they were made.
        ValueError: for a limit that is not positive or cannot be read.

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
        self.limit = parse_bytes("memory_budget", "limit", limit)
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
