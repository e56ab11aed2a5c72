"""Batched sweeps of a chosen width, and the matrix that is put together from them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor
from .._places import place_of
from ..array_api import result_type
from ..func._jacobian import basis
from ..func._vmap import to_front
from ._costs import Cost
from ._memory import written
from ._names import joined

# Bytes beyond which the vectors of a pass leave the cache, so that narrower passes are faster, and
# the size of one from which on a pass of several gains nothing.
_CACHE, _HEAVY = 1 << 21, 1 << 21
_FEWEST = 8

Progress = bool | Callable[[int, int], Any]


class Sweep(NamedTuple):
    """All unit vectors of one tensor, pulled back to some of the inputs."""

    root: int
    targets: tuple[int, ...]
    size: int
    width: int
    preferred: int
    """The width without a bound on memory."""
    cost: Cost

    @property
    def passes(self) -> int:
        return -(-self.size // self.width)


class Room(NamedTuple):
    """What a bound on memory leaves for the passes."""

    op: str
    memory: int
    recorded: int
    """Bytes that what was recorded holds."""
    binding: bool
    """Whether the bound was asked for; one that was guessed never refuses a single column."""
    whole: bool
    """The problem is so small that all vectors go at once where they fit."""

    def sweep(self, root: int, size: int, targets: Sequence[int], cost: Cost) -> Sweep:
        """A sweep in passes of as many vectors as are best for the cache and fit."""
        room = self.memory - self.recorded
        if cost.bytes > room and self.binding:
            raise ValueError(
                f"[{self.op}] memory: one column needs {written(cost.bytes)} beside the "
                f"{written(self.recorded)} of the recorded evaluation, so the least is "
                f"{cost.bytes + self.recorded} bytes"
            )
        column = max(cost.bytes, 1)
        least = _FEWEST if column <= _HEAVY else 1
        preferred = size if self.whole else max(min(size, max(_CACHE // column, least)), 1)
        width = max(min(preferred, room // column), 1)
        return Sweep(root, tuple(targets), size, width, preferred, cost)


def run_sweep(
    y: Tensor,
    inputs: Sequence[Tensor],
    sweep: Sweep,
    retain_graph: bool,
    take: Callable[[int, int, Tensor], None],
    advance: Callable[[int], None],
) -> None:
    """Gives `take` the rows for each target, (start, target, rows), as they are found.

    What y does not depend on is never heard of: it costs nothing and stays absent.
    """
    targets = list(sweep.targets)
    for start in range(0, sweep.size, sweep.width):
        stop = min(start + sweep.width, sweep.size)
        with _core.Level("vmap", stop - start) as level:
            seeds = _core.make_batched(level, basis(y, start, stop), 0)
            found = _core.run_backward(
                [y],
                [seeds],
                [inputs[j] for j in targets],
                accumulate=False,
                retain_graph=retain_graph or stop < sweep.size,
                differentiable="auto",
            )
            rows = [None if g is None else to_front(level, g, stop - start) for g in found]
        del seeds, found
        for j, part in zip(targets, rows, strict=True):
            if part is not None:
                take(start, j, _core.reshape(part, (stop - start, inputs[j].size)))
        targets = [j for j, part in zip(targets, rows, strict=True) if part is not None]
        advance(stop - start)
        if not targets and stop < sweep.size:
            advance(sweep.size - stop)
            return


class Matrix:
    """Blocks of derivatives, filled in row by row; what nobody writes is zero.

    Numbers are copied into place at once, so that the rows of a pass can go. What is recorded,
    captured or wrapped by a transform is joined in the end.
    """

    def __init__(
        self, op: str, rows: Sequence[Tensor], columns: Sequence[Tensor], flat: bool
    ) -> None:
        self._op = op
        self.rows, self.columns, self._flat = rows, columns, flat
        self._row_ends = list(accumulate([x.size for x in rows], initial=0))
        self._column_ends = list(accumulate([x.size for x in columns], initial=0))
        self._whole: Tensor | None = None
        self._blocks: dict[tuple[int, int], Tensor] = {}
        # With the axis along which they follow each other
        self._parts: dict[tuple[int, int], tuple[int, list[Tensor]]] = {}

    def add(self, i: int, j: int, start: int, part: Tensor, turned: bool = False) -> None:
        """Rows of block (i, j) from `start` on, or with `turned` columns, each given as a row."""
        if part.requires_grad or _core.depth(part) or _core.capturing():
            _, parts = self._parts.setdefault((i, j), (int(turned), []))
            parts.append(_core.matrix_transpose(part) if turned else part)
            return
        whole, row, column = self._place(i, j, part.device)
        part = part.to(whole.device)
        stop = start + part.shape[0]
        if turned:
            height = self.rows[i].size
            whole[row : row + height, column + start : column + stop] = _core.matrix_transpose(part)
        else:
            width = self.columns[j].size
            whole[row + start : row + stop, column : column + width] = part

    def fill(self, pattern: _core.Pattern, values: Tensor) -> None:
        """The whole from its entries by rows: numbers, of the dtype that all tensors have."""
        pairs = [(i, j) for i in range(len(self.rows)) for j in range(len(self.columns))]
        ends = self._row_ends[-1:], self._column_ends[-1:]
        if not self._flat:
            ends = self._row_ends[1:], self._column_ends[1:]
        devices = (
            [self._device] if self._flat else [x.device for x in self.columns] * len(self.rows)
        )
        try:
            entries = _core.scatter_entries(pattern, values, *ends)
            blocks = [x.to(device) for x, device in zip(entries, devices, strict=True)]
        except MemoryError as error:
            raise self._too_large(error) from None
        if self._flat:
            self._whole = blocks[0]
            blocks *= len(pairs)
        self._blocks = dict(zip(pairs, blocks, strict=True))

    def adopt(self, blocks: list[list[Tensor]]) -> None:
        """Blocks that somebody else computed."""
        for i, row in enumerate(blocks):
            for j, block in enumerate(row):
                shape = self.rows[i].size, self.columns[j].size
                self._parts[i, j] = 0, [_core.reshape(block, shape)]

    @property
    def _device(self) -> str:
        return place_of((*self.rows, *self.columns))

    def _place(self, i: int, j: int, device: str) -> tuple[Tensor, int, int]:
        """Where a block lies: in which array, and from which row and column on."""
        if self._flat:
            if self._whole is None:
                dtype = result_type(*[x.dtype for x in (*self.rows, *self.columns)])
                shape = self._row_ends[-1], self._column_ends[-1]
                self._whole = self._new(shape, dtype, self._device)
            self._blocks[i, j] = self._whole
            return self._whole, self._row_ends[i], self._column_ends[j]
        block = self._blocks.get((i, j))
        if block is None:
            shape = self.rows[i].size, self.columns[j].size
            block = self._blocks[i, j] = self._new(shape, self.columns[j].dtype, device)
        return block, 0, 0

    def _new(self, shape: tuple[int, int], dtype: np.dtype[Any], device: str) -> Tensor:
        try:
            return _core.empty(shape, dtype=dtype, device=device)
        except MemoryError as error:
            raise self._too_large(error) from None

    def _too_large(self, error: MemoryError) -> MemoryError:
        rows, columns = self._row_ends[-1], self._column_ends[-1]
        operator = "Jacobian" if self._op == "jacobian" else "Hessian"
        return MemoryError(
            f"[{self._op}] a matrix of {rows} by {columns} does not fit: {error}. Pass "
            "sparsity='auto' for a scipy.sparse array, or multiply by it without making it: "
            f"pa.linop.{operator}"
        )

    def flat(self) -> Tensor:
        """One matrix."""
        pairs = [(i, j) for i in range(len(self.rows)) for j in range(len(self.columns))]
        if not self._parts:
            for i, j in pairs:
                if (i, j) not in self._blocks and self.rows[i].size and self.columns[j].size:
                    whole, row, column = self._place(i, j, self._device)
                    height, width = self.rows[i].size, self.columns[j].size
                    whole[row : row + height, column : column + width] = 0
            if self._whole is not None:
                return self._whole
            dtype = result_type(*[x.dtype for x in self.columns] or [np.dtype(float)])
            shape = self._row_ends[-1], self._column_ends[-1]
            return _core.zeros(shape, dtype=dtype, device=self._device)
        blocks = [self._joined(i, j) for i, j in pairs]
        return joined(blocks, self.rows, self.columns)

    def blocks(self) -> list[list[Tensor]]:
        """Block (i, j) in the shape (*rows[i].shape, *columns[j].shape)."""
        return [
            [
                _core.reshape(self._joined(i, j), (*y.shape, *x.shape))
                for j, x in enumerate(self.columns)
            ]
            for i, y in enumerate(self.rows)
        ]

    def _joined(self, i: int, j: int) -> Tensor:
        height, width = self.rows[i].size, self.columns[j].size
        if (i, j) in self._parts:
            axis, parts = self._parts[i, j]
            return parts[0] if len(parts) == 1 else _core.concat(parts, axis=axis)
        if (i, j) not in self._blocks:
            like = self.columns[j]
            return _core.zeros((height, width), dtype=like.dtype, device=like.device)
        block, row, column = self._place(i, j, self.columns[j].device)
        return block[row : row + height, column : column + width] if self._flat else block


def counter(op: str, progress: Progress, total: int) -> Callable[[int], None]:
    """What to call after so many more columns: a callback, or a line on standard error."""
    if progress is False or progress is None:
        return lambda _: None
    if progress is not True and not callable(progress):
        raise TypeError(
            f"[{op}] progress must be a bool or a function of (done, total), got {progress!r}"
        )
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if callable(progress):
            progress(done, total)
        else:
            end = "\n" if done == total else ""
            print(f"\r{op}: {done} of {total} columns", end=end, file=sys.stderr, flush=True)

    return advance
