"""Jacobians by a schedule: dense within a bound on memory, or compressed."""

from __future__ import annotations

from typing import Any

from .._core import Tensor
from ..func._jacobian import Blocks, linear_blocks, nest, reverse_blocks
from ..func._reverse import Recording
from . import _compression
from ._names import FlatJacobian, element_names, joined
from ._passes import Matrix, counter, run_sweep
from ._schedule import Options, Start, of_jacobian
from ._sparse import sparse_jacobian


def jacobian(recording: Recording, options: Options, start: Start) -> Any:
    """The Jacobian of what was recorded."""
    inputs, outputs = recording.inputs, recording.outputs
    outer, inner = recording.out_structure, recording.in_structure
    found: Any
    if options.sparsity is not None:
        found = sparse_jacobian(recording, options)
    elif any(t.dtype.kind == "c" for t in (*inputs, *outputs)):
        found = _complex(recording, options)
    else:
        matrix = _dense(recording, options, start)
        found = matrix.flat() if options.flatten else nest(outer, inner, matrix.blocks())
    if options.flatten:
        rows, columns = element_names(outer, outputs), element_names(inner, inputs)
        found = FlatJacobian(found, rows, columns)
    return (found, recording.aux) if options.has_aux else found


def _dense(recording: Recording, options: Options, start: Start) -> Matrix:
    matrix = Matrix(options.op, recording.outputs, recording.inputs, options.flatten)
    few = _compression.of_jacobian(recording, options, start)
    if few and few.into(matrix, counter(options.op, options.progress, few.columns)):
        return matrix
    if start.small and not options.planned():
        matrix.adopt(_unplanned(recording))
        return matrix
    schedule, roots, leaves, forward = of_jacobian(recording, options, start)
    advance = counter(options.op, options.progress, schedule.columns)
    for number, step in enumerate(schedule.sweeps):
        root = step.root
        y = roots[root]
        assert y is not None

        def take(start: int, j: int, rows: Tensor, i: int = root) -> None:
            if forward:
                matrix.add(j, i, start, rows, turned=True)
            else:
                matrix.add(i, j, start, rows)

        run_sweep(y, leaves, step, number < len(schedule.sweeps) - 1, take, advance)
    return matrix


def _complex(recording: Recording, options: Options) -> Any:
    """Complex numbers keep the width of the cache: their rows need two sweeps or a conjugate."""
    blocks = _unplanned(recording)
    if options.flatten:
        flat = [block for row in blocks for block in row]
        return joined(flat, recording.outputs, recording.inputs)
    return nest(recording.out_structure, recording.in_structure, blocks)


def _unplanned(recording: Recording) -> Blocks:
    inputs, outputs = recording.inputs, recording.outputs
    rows, columns = sum([y.size for y in outputs]), sum([x.size for x in inputs])
    return reverse_blocks(outputs, inputs) if rows <= columns else linear_blocks(recording)
