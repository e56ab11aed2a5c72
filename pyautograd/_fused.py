"""Elementwise ops that run together."""

from __future__ import annotations

from . import _core
from ._switches import PlainSwitch

__all__ = ["fused"]


class fused(PlainSwitch):
    """Run elementwise ops on large arrays together, as ``with pa.fused():`` or ``@pa.fused``.

    Inside, such an op returns at once: what it makes has a shape and a dtype, and its numbers are
    computed when somebody asks for them, at the latest when the block ends. All that has been put
    off by then is done in one pass over the inputs, in tiles that fit the first cache, so that
    intermediate results are never written to memory. The numbers are the same, bit by bit, and so
    are derivatives; in-place writes, views and errors behave as outside. There is nothing to
    compile.

    What is put off: elementwise ops, :func:`where`, conversions between floats, slices that are
    written or padded, and with them most of a backward pass, on the CPU, for results of at least
    16,384 elements. All else asks for the numbers it reads. Backward passes and the functions that
    transform functions (:mod:`pyautograd.func`, :func:`hessian` and their like) work in such a
    block already. Under a :func:`memory.budget <pyautograd.memory_budget>` and on devices nothing
    is put off.

    Where memory runs out, the error names no op, and it comes when numbers are asked for.

    >>> x = pa.linspace(0.0, 1.0, 100_000)
    >>> with pa.fused():
    ...     y = pa.exp(-x * x) / (1.0 + x)  # one pass, one array is written
    >>> bool(pa.all(y == pa.exp(-x * x) / (1.0 + x)))
    True
    """

    __slots__ = ()

    def _switch(self) -> int:
        _core.begin_deferral()
        return 0

    def _back(self, former: int) -> None:
        _core.end_deferral()
