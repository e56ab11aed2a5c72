"""Hessians by a schedule: dense within a bound on memory, compressed, or in a mode asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import _core
from .._core import Tensor
from .._replay import Tape
from ..func._arguments import Argnums
from ..func._jacobian import hessian_of, jacfwd, jacrev, nest, reverse_blocks
from ..func._reverse import Recording
from ..tree import flatten, unflatten
from . import _compression
from ._anomaly import raise_at_nan, unchecked
from ._costs import Graph
from ._memory import allowed_bytes, written
from ._names import FlatHessian, element_names, joined
from ._passes import Matrix, counter, run_sweep
from ._schedule import Options, Start, of_hessian, record_gradient
from ._sparse import sparse_hessian

_TRANSFORMS = {"forward": jacfwd, "reverse": jacrev}


def hessian(recording: Recording, options: Options, start: Start) -> Any:
    """The Hessian of what was recorded."""
    op = options.op
    if options.sparsity is not None:
        check_scalar(recording, "sparsity")
        found = sparse_hessian(recording, options)[1]
        return _finished(found, recording, options)
    if not recording.is_real_scalar():
        if options.flatten:
            check_scalar(recording, "flatten=True")
        return _of_many(recording, options, start)
    with unchecked() as checking:
        gradients = record_gradient(recording)
        found = _dense(recording, gradients, options, start, keep=checking)
    if checking:
        raise_at_nan(op, recording, found)
    return _finished(found, recording, options)


def value_grad_hessian(
    recording: Recording, options: Options, start: Start
) -> tuple[Any, Any, Any]:
    """The value, the gradient and the Hessian of what was recorded."""
    check_scalar(recording, None)
    with unchecked() as checking:
        gradients = record_gradient(recording)
        if options.sparsity is not None:
            found = sparse_hessian(recording, options, gradients)[1]
        else:
            found = _dense(recording, gradients, options, start, keep=checking)
    if checking and options.sparsity is None:
        raise_at_nan(options.op, recording, found)
    value = recording.value()
    first = unflatten(recording.in_structure, [recording.settled(g) for g in gradients])
    second = _finished(found, recording, options._replace(has_aux=False))
    return ((value, recording.aux) if options.has_aux else value), first, second


def check_scalar(recording: Recording, what: str | None) -> None:
    """Raises where the function does not return one real scalar, and says what to use instead."""
    op, shapes = recording.op, [y.shape for y in recording.outputs]
    if len(shapes) != 1 or recording.out_structure.type is not None or shapes[0]:
        got = f"shape {shapes[0]}" if len(shapes) == 1 else f"{len(shapes)} tensors"
        needs = f"{what} needs a function that returns" if what else "the function must return"
        raise ValueError(
            f"[{op}] {needs} a scalar, got {got}: sum it, use pa.jacobian for its first "
            "derivatives, or pa.hessian without options for one Hessian per output"
        )
    for t in (*recording.outputs, *recording.inputs):
        if t.dtype.kind == "c":
            raise TypeError(
                f"[{op}] the function must be real, got dtype {t.dtype}: take its abs, real or "
                "imag, and differentiate with respect to real and imaginary parts"
            )


def _dense(
    recording: Recording, gradients: Sequence[Tensor], options: Options, start: Start, keep: bool
) -> Matrix:
    inputs = recording.inputs
    matrix = Matrix(options.op, inputs, inputs, options.flatten)
    few = _compression.of_hessian(recording, gradients, options, start)
    if few and few.into(matrix, counter(options.op, options.progress, few.columns)):
        return matrix
    if start.small and not (keep or options.planned()):
        matrix.adopt(reverse_blocks(gradients, inputs))
        return matrix
    schedule = of_hessian(recording, gradients, options, start)
    advance = counter(options.op, options.progress, schedule.columns)
    for number, step in enumerate(schedule.sweeps):
        i = step.root

        def take(start: int, j: int, rows: Tensor, i: int = i) -> None:
            matrix.add(i, j, start, rows)
            if schedule.halves and j != i:
                matrix.add(j, i, start, rows, turned=True)

        retain = keep or number < len(schedule.sweeps) - 1
        run_sweep(gradients[i], inputs, step, retain, take, advance)
    return matrix


def _finished(found: Any, recording: Recording, options: Options) -> Any:
    """A matrix as the caller wants it, and the auxiliary output."""
    names = options.flatten
    if isinstance(found, Matrix):
        inner = recording.in_structure
        found = found.flat() if names else nest(inner, inner, found.blocks())
    if names:
        found = FlatHessian(found, element_names(recording.in_structure, recording.inputs))
    return (found, recording.aux) if options.has_aux else found


def _of_many(recording: Recording, options: Options, start: Start) -> Any:
    """Of several outputs, or of complex ones, whose last sweep alone is bounded."""

    def width(first: list[Tensor]) -> int:
        graph, room = Graph(first), start.room(options)
        costs = [graph.cost([y], recording.inputs) for y in first]
        sweeps = [room.sweep(0, y.size, (), c) for y, c in zip(first, costs, strict=True)]
        return min([s.width for s in sweeps], default=1)

    found = hessian_of(recording, options.holomorphic, width if options.memory else None)
    return (found, recording.aux) if options.has_aux else found


def by_transforms(
    f: Callable[..., Any], args: tuple[Any, ...], argnums: Argnums, options: Options
) -> Any:
    """In the mode asked for; the function runs once to plan, and once more for every pass."""
    outer, _, inner = options.mode.partition("-over-")
    given: dict[str, Any] = {"has_aux": options.has_aux, "holomorphic": options.holomorphic}
    tape, before, chunk = Tape(), _core.planned_bytes(), None
    with tape.record():
        recording = Recording(options.op, f, args, {}, argnums, options.has_aux)
    tape.rewind()  # planning draws nothing that the caller sees
    if options.flatten:
        check_scalar(recording, "flatten=True")
    if options.memory is not None:
        chunk = _chunk_of_transforms(recording, options, inner, before)
    inputs, structure = recording.inputs, recording.in_structure
    del recording
    first = _TRANSFORMS[inner](f, argnums, chunk_size=chunk, **given)
    found = _TRANSFORMS[outer](first, argnums, chunk_size=chunk, **given)(*args)
    if not options.flatten:
        return found
    nested, aux = found if options.has_aux else (found, None)
    matrix = joined(flatten(nested)[0], inputs, inputs)
    named = FlatHessian(matrix, element_names(structure, inputs))
    return (named, aux) if options.has_aux else named


def _chunk_of_transforms(recording: Recording, options: Options, inner: str, before: int) -> int:
    """Tangents on top of a gradient double what it holds; on top of tangents they multiply."""
    outputs = recording.outputs
    recorded = max(_core.planned_bytes() - before, 1)
    column = Graph(outputs).cost(outputs, recording.inputs).bytes + recorded
    memory = allowed_bytes(options.op, options.memory)
    columns = memory // (4 * column)
    if columns < 1:
        raise ValueError(
            f"[{options.op}] memory: one column in mode {options.mode} needs about "
            f"{written(4 * column)}, so the least is {4 * column} bytes"
        )
    return math.isqrt(columns) if inner == "forward" else columns
