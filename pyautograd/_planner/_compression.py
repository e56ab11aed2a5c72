"""Dense derivatives from a few products, where the recorded program leaves most entries zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .. import _core
from .._core import Pattern, Tensor
from .._unplanned import fits_unplanned, is_compressible
from ..func._reverse import Recording
from ..sparse._products import Parts, Seeds, pull_back, push_forward
from ._costs import Cost, Graph
from ._passes import Matrix
from ._schedule import Options, Start

# The search for a pattern stops when it has met more than one entry of so many, and so many columns
# must go into one product.
_SHARE, _SAVED = 16, 4
# Bytes that detection and colouring take for an entry
_PER_ENTRY = 64


class Compressed(NamedTuple):
    """A pattern that pays: where entries may differ from zero, and how they are found."""

    pattern: Pattern
    seeds: list[Seeds]
    columns: int
    """Products without compression."""
    cost: Callable[[], Cost]
    """Of one product."""
    values: Callable[[], Tensor | None]
    """Sweeps; the graph is kept. None where others can still differentiate the result."""

    @property
    def passes(self) -> int:
        return sum([len(s.ranges) for s in self.seeds])

    @property
    def widest(self) -> int:
        return max([stop - start for s in self.seeds for start, stop in s.ranges], default=0)

    @property
    def colours(self) -> int:
        return sum([s.count for s in self.seeds])

    @property
    def entries(self) -> int:
        return len(self.pattern.indices)

    def into(self, matrix: Matrix, advance: Callable[[int], None]) -> bool:
        """Fills a matrix with numbers; what others can still differentiate must be swept whole."""
        values = self.values()
        if values is None:
            return False
        matrix.fill(self.pattern, values)
        advance(self.columns)
        return True


def of_hessian(
    recording: Recording, gradients: Sequence[Tensor], options: Options, start: Start
) -> Compressed | None:
    """Of a real scalar function: the pattern and a star colouring, if they save products."""
    inputs = recording.inputs
    found = _pattern(gradients, inputs, options, start)
    if found is None:
        return None
    parts, pattern = Parts(inputs), found.symmetrised()
    if not _soon_coloured(pattern, parts.size):
        return None
    recovery = _core.HessianRecovery(pattern, star=True, order="natural")
    if recovery.count * _SAVED > parts.size:
        return None

    def cost() -> Cost:
        return Graph(gradients).cost(gradients, inputs)

    widest = _widest(cost, recovery.count, parts, options, start)
    if not widest:
        return None
    seeds = Seeds(recovery.colours, recovery.count, parts, widest)

    def values() -> Tensor | None:
        return _recovered(pull_back(gradients, inputs, seeds, parts, True, "auto"), recovery, parts)

    return Compressed(pattern, [seeds], parts.size, cost, values)


def of_jacobian(recording: Recording, options: Options, start: Start) -> Compressed | None:
    """Rows and columns coloured together, if that saves products."""
    inputs, outputs = recording.inputs, recording.outputs
    pattern = _pattern(outputs, inputs, options, start)
    if pattern is None:
        return None
    into, out_of = Parts(inputs), Parts(outputs)
    if not _soon_coloured(pattern, into.size):
        return None
    recovery = _core.JacobianRecovery(pattern, colouring="bidirectional", order="natural")
    count, fewest = recovery.row_count + recovery.column_count, min(into.size, out_of.size)
    if count * _SAVED > fewest:
        return None

    def cost() -> Cost:
        return Graph(outputs).cost(outputs, inputs)

    widest = _widest(cost, count, into if into.size > out_of.size else out_of, options, start)
    if not widest:
        return None
    pulled = Seeds(recovery.row_colours, recovery.row_count, out_of, widest)
    pushed = Seeds(recovery.column_colours, recovery.column_count, into, widest)

    def values() -> Tensor | None:
        products: list[Tensor] = []
        if pulled.count:
            products += pull_back(outputs, inputs, pulled, into, True, "auto")
        if pushed.count:
            products += push_forward(recording, pushed, out_of)
        return _recovered(products, recovery, into)

    return Compressed(pattern, [pulled, pushed], fewest, cost, values)


def _recovered(
    products: Sequence[Tensor],
    recovery: _core.HessianRecovery | _core.JacobianRecovery,
    inputs: Parts,
) -> Tensor | None:
    if any(p.requires_grad for p in products):
        return None
    return recovery.values([p.to("cpu") for p in products], inputs.dtype)


def _pattern(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], options: Options, start: Start
) -> Pattern | None:
    """The pattern, if it is worth a look and has few entries; to find out takes little time."""
    rows, columns = sum([y.size for y in outputs]), sum([x.size for x in inputs])
    tensors = (*outputs, *inputs)
    if options.mode != "auto" or options.sparsity is not None:
        return None
    if not is_compressible(rows, columns):
        return None
    if any(_core.depth(t) or t.dtype != inputs[0].dtype for t in tensors):
        return None
    if inputs[0].dtype.kind != "f":
        return None
    most = rows * columns // _SHARE
    if options.memory is not None:
        room = start.room(options)
        if 4 * room.recorded > room.memory:  # detection numbers every element
            return None
        most = min(most, (room.memory - room.recorded) // _PER_ENTRY)
    found = _core.jacobian_pattern(outputs, inputs, most=most)
    return None if found is None else found[0]


def _soon_coloured(pattern: Pattern, columns: int) -> bool:
    """Colouring visits pairs of entries in a row: at most about as many as the matrix has."""
    by_row = np.diff(pattern.starts).astype(np.int64)
    by_column = np.bincount(pattern.indices, minlength=1)
    pairs = max(np.dot(by_row, by_row), np.dot(by_column, by_column))
    return bool(pairs <= 2 * len(by_row) * columns)


def _widest(
    cost: Callable[[], Cost], count: int, parts: Parts, options: Options, start: Start
) -> int:
    """How many products go through one pass within the bound on memory, 0 if none does."""
    if options.memory is None and fits_unplanned(count, start.before):
        return max(count, 1)
    room = start.room(options)
    # Seeds and products lie there whole, the latter twice where parts of a batch are joined
    left = room.memory - room.recorded - 3 * count * parts.size * parts.dtype.itemsize
    return max(min(left // max(cost().bytes, 1), max(count, 1)), 0)
