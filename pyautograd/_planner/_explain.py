"""The plan in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from .. import _core
from .._core import Tensor
from .._unplanned import is_small
from ..func._arguments import Argnums
from ..func._reverse import Recording
from ..sparse._plans import check_recording
from . import _compression
from ._costs import Graph
from ._memory import written
from ._names import leaf_names
from ._passes import Sweep
from ._schedule import (
    Options,
    Schedule,
    Start,
    of_hessian,
    of_jacobian,
    record_gradient,
)
from ._sparse import hessian_plan, jacobian_plan

# Below this many variables a colouring has little to save; a pattern of so many entries is large
# itself if it is dense.
_WORTH_COLOURING, _DETECTED = 32, 20_000_000


@dataclass(frozen=True)
class Explanation:
    """What :func:`pyautograd.explain` found: print it, or read its fields."""

    subject: str
    strategy: str
    passes: int
    """Batched sweeps."""
    chunk: int
    """The most columns in one pass."""
    colours: int | None
    """Products of a compressed evaluation, None where it is dense."""
    flops: int
    """Estimated floating-point operations of all passes."""
    recorded_bytes: int
    """What the recorded evaluation and gradient hold."""
    peak_bytes: int
    """The estimated most that is alive at once, the result apart."""
    result_bytes: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.subject, *self.lines])

    def __repr__(self) -> str:
        return str(self)


def explain(
    f: Callable[..., Any], args: tuple[Any, ...], argnums: Argnums, options: Options
) -> Explanation:
    before = _core.planned_bytes()
    recording = Recording(options.op, f, args, {}, argnums, False)
    scalar = recording.is_real_scalar()
    columns = sum([x.size for x in recording.inputs])
    rows = columns if scalar else sum([y.size for y in recording.outputs])
    start = Start(before, is_small(rows, columns, before))
    if options.sparsity is not None:
        return _sparse(recording, options, scalar, before)
    if not scalar:
        if few := _compression.of_jacobian(recording, options, start):
            return _compressed(_subject("Jacobian", recording), recording, few, options, start)
        linear = of_jacobian(recording, options, start)
        names = leaf_names(recording.in_structure if linear.forward else recording.out_structure)
        pattern = _pattern(recording, recording.outputs)
        return _dense(_subject("Jacobian", recording), linear.schedule, names, pattern)
    gradients = record_gradient(recording)
    if few := _compression.of_hessian(recording, gradients, options, start):
        return _compressed(_subject("Hessian", recording), recording, few, options, start)
    schedule = of_hessian(recording, gradients, options, start)
    pattern = _pattern(recording, gradients)
    return _dense(
        _subject("Hessian", recording), schedule, leaf_names(recording.in_structure), pattern
    )


def _dense(subject: str, schedule: Schedule, names: list[str], pattern: list[str]) -> Explanation:
    sweeps, room = schedule.sweeps, schedule.room
    lines = [
        f"strategy: {schedule.strategy}: {schedule.why}",
        f"passes: {schedule.passes} for {schedule.columns} columns"
        + (", the smallest leaves first: other halves are transposes" if _halved(schedule) else ""),
        *[_pass(s, names) for s in sweeps],
        f"estimated: {schedule.flops:.3g} flops; {written(schedule.peak)} alive at once, "
        f"{written(room.recorded)} of them recorded; {written(schedule.result)} the result",
        f"memory: at most {written(room.memory)} beside the result",
        *pattern,
    ]
    return Explanation(
        subject=subject,
        strategy=schedule.strategy.split(",")[0],
        passes=schedule.passes,
        chunk=max([s.width for s in sweeps], default=0),
        colours=None,
        flops=schedule.flops,
        recorded_bytes=schedule.room.recorded,
        peak_bytes=schedule.peak,
        result_bytes=schedule.result,
        lines=tuple(lines),
    )


def _compressed(
    subject: str,
    recording: Recording,
    few: _compression.Compressed,
    options: Options,
    start: Start,
) -> Explanation:
    room, chunk, cost = start.room(options), few.widest, few.cost()
    flops, peak = few.colours * cost.flops, room.recorded + chunk * cost.bytes
    rows = len(few.pattern.starts) - 1
    columns = sum([x.size for x in recording.inputs])
    result = rows * sum([x.nbytes for x in recording.inputs])
    share = few.entries / (rows * columns)
    return Explanation(
        subject=subject,
        strategy="compressed",
        passes=few.passes,
        chunk=chunk,
        colours=few.colours,
        flops=flops,
        recorded_bytes=room.recorded,
        peak_bytes=peak,
        result_bytes=result,
        lines=(
            f"strategy: compressed: {few.colours} products in place of {few.columns} find every "
            "entry, and the result is dense; with sparsity='auto' it is sparse",
            f"pattern: {few.entries} of {rows * columns} entries ({100 * share:.3g}%) can differ "
            "from zero",
            f"passes: {few.passes} for {few.colours} products, at most {chunk} at a time",
            f"estimated: {flops:.3g} flops; {written(peak)} alive at once, "
            f"{written(room.recorded)} of them recorded; {written(result)} the result",
            f"memory: at most {written(room.memory)} beside the result",
        ),
    )


def _pass(s: Sweep, names: list[str]) -> str:
    reason = "the memory that is left" if s.width < s.preferred else "the cache"
    if s.width == s.size:
        reason = "all"
    columns = f"{s.size} columns, {s.width} at a time ({reason})"
    targets = (
        "" if len(s.targets) == len(names) else f", to {', '.join(names[j] for j in s.targets)}"
    )
    return f"  {names[s.root] or 'x'}: {columns}, {written(s.cost.bytes)} each{targets}"


def _halved(schedule: Schedule) -> bool:
    return schedule.halves and len(schedule.sweeps) > 1


def _pattern(recording: Recording, outputs: Sequence[Tensor]) -> list[str]:
    """How much of the matrix can differ from zero, and what made more of it dense than need be."""
    tensors = (*recording.inputs, *outputs)
    if sum([x.size for x in recording.inputs]) < _WORTH_COLOURING or find_spec("scipy") is None:
        return []
    if any(_core.depth(t) or t.dtype.kind != "f" for t in tensors):
        return []
    total = sum([y.size for y in outputs]) * sum([x.size for x in recording.inputs])
    if total > _DETECTED:
        return ["pattern: not looked for at this size; pa.sparse.plan does"]
    pattern, dense = _core.jacobian_pattern(outputs, recording.inputs)
    entries = len(pattern.indices)
    share = entries / total if total else 1.0
    ops = ", ".join(f"{name} ({count})" for name, count in sorted(dense.items())) or "none"
    advice = "; sparsity='auto' computes only these" if share < 0.5 else ""
    return [
        f"pattern: {entries} of {total} entries ({100 * share:.3g}%){advice}",
        f"dense ops: {ops}",
    ]


def _sparse(recording: Recording, options: Options, scalar: bool, before: int) -> Explanation:
    check_recording(options.op, recording)
    roots = recording.outputs
    if scalar:
        roots = record_gradient(recording)
        plan: Any = hessian_plan(recording, options, roots)
        seeds = [plan._seeds]
    else:
        plan = jacobian_plan(recording, options)
        seeds = [plan._row_seeds, plan._column_seeds]
    subject, *lines = plan.explain().splitlines()
    cost = Graph(roots).cost(roots, recording.inputs)
    recorded = max(_core.planned_bytes() - before, 0)
    chunk = max([stop - start for s in seeds for start, stop in s.ranges], default=0)
    itemsize = plan.inputs.dtype.itemsize
    return Explanation(
        subject=subject,
        strategy="compressed",
        passes=sum([len(s.ranges) for s in seeds]),
        chunk=chunk,
        colours=plan.colours,
        flops=plan.colours * cost.flops,
        recorded_bytes=recorded,
        peak_bytes=recorded + chunk * cost.bytes,
        result_bytes=plan.entries * (itemsize + 4),
        lines=(
            *lines,
            f"estimated: {plan.colours * cost.flops:.3g} flops; "
            f"{written(recorded + chunk * cost.bytes)} alive at once",
        ),
    )


def _subject(kind: str, recording: Recording) -> str:
    columns = sum([x.size for x in recording.inputs])
    if kind == "Hessian":
        return f"Hessian with respect to {columns} inputs"
    rows = sum([y.size for y in recording.outputs])
    return f"Jacobian of {rows} outputs with respect to {columns} inputs"
