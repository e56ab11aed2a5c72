"""Which sweeps run, in which order, and why: decided before any of them, printed on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import _core
from .._core import Tensor
from ..func._forward import transposed_graph
from ..func._reverse import Recording, recording_on, sweep
from ._costs import Graph
from ._memory import allowed_bytes
from ._passes import Progress, Room, Sweep


class Options(NamedTuple):
    """What the caller of `hessian` or `jacobian` asks for."""

    op: str
    has_aux: bool = False
    mode: str = "auto"
    memory: int | str | None = None
    symmetric: bool = True
    sparsity: Any = None
    progress: Progress = False
    flatten: bool = False
    holomorphic: bool = False

    def planned(self) -> bool:
        """Whether something was asked for that needs passes of a known width."""
        asked = self.memory is not None or self.progress is not False
        return asked or self.flatten or self.mode != "auto"


class Schedule(NamedTuple):
    """Sweeps in the order in which they run."""

    strategy: str
    why: str
    sweeps: list[Sweep]
    room: Room
    result: int
    """Bytes of the result, which the bound does not count."""
    halves: bool = False
    """Each sweep goes to the inputs that come after it; the other blocks are transposes."""

    @property
    def columns(self) -> int:
        return sum([s.size for s in self.sweeps])

    @property
    def passes(self) -> int:
        return sum([s.passes for s in self.sweeps])

    @property
    def flops(self) -> int:
        return sum([s.size * s.cost.flops for s in self.sweeps])

    @property
    def peak(self) -> int:
        return self.room.recorded + max([s.width * s.cost.bytes for s in self.sweeps], default=0)


class Start(NamedTuple):
    """What is known when the function has been recorded."""

    before: int
    """Bytes that were alive before that."""
    small: bool
    """Whether without options all columns would go at once: then they do with options as well,
    where they fit, so that these do not change the result."""

    def room(self, options: Options) -> Room:
        memory = allowed_bytes(options.op, options.memory)
        recorded = max(_core.planned_bytes() - self.before, 0)
        return Room(options.op, memory, recorded, options.memory is not None, self.small)


def record_gradient(recording: Recording) -> list[Tensor]:
    with recording_on():
        return sweep(
            recording.outputs, [None], recording.inputs, retain_graph=True, differentiable="yes"
        )


def of_hessian(
    recording: Recording, gradients: Sequence[Tensor], options: Options, start: Start
) -> Schedule:
    """Reverse over reverse, leaf by leaf: the rows of the smallest come first, so that of each pair
    of leaves it is the smaller that is swept, and the other block is its transpose."""
    inputs = recording.inputs
    order = list(range(len(inputs)))
    halves = options.symmetric and not start.small and len({x.dtype for x in inputs}) <= 1
    if halves:
        order.sort(key=lambda i: inputs[i].size)
    room = start.room(options)
    graph = Graph(gradients)
    sweeps = []
    for k, i in enumerate(order):
        if gradients[i].requires_grad and gradients[i].size:
            targets = order[k:] if halves else order
            cost = graph.cost([gradients[i]], [inputs[j] for j in targets])
            sweeps.append(room.sweep(i, gradients[i].size, targets, cost))
    why = (
        "the function and its gradient are recorded once and swept again; forward over reverse "
        "would evaluate the function once more for every pass"
    )
    size = sum([x.size for x in inputs])
    result = size * sum([x.nbytes for x in inputs])
    return Schedule("reverse-over-reverse", why, sweeps, room, result, halves)


class Linear(NamedTuple):
    """A graph to sweep for a Jacobian: its roots, and what they are swept to."""

    schedule: Schedule
    roots: Sequence[Tensor | None]
    leaves: Sequence[Tensor]
    forward: bool


def of_jacobian(recording: Recording, options: Options, start: Start) -> Linear:
    inputs, outputs = recording.inputs, recording.outputs
    rows, columns = sum([y.size for y in outputs]), sum([x.size for x in inputs])
    forward = rows > columns if options.mode == "auto" else options.mode == "forward"
    roots: Sequence[Tensor | None] = outputs
    leaves: Sequence[Tensor] = inputs
    if forward:
        leaves, roots = transposed_graph(recording)
    room = start.room(options)
    graph = Graph([y for y in roots if y is not None])
    sweeps = [
        room.sweep(i, y.size, range(len(leaves)), graph.cost([y], leaves))
        for i, y in enumerate(roots)
        if y is not None and y.requires_grad and y.size
    ]
    fewer = "fewer" if rows != columns else "as many"
    if forward:
        strategy = "forward, by the transpose of the recorded pullback"
        why = f"{columns} inputs are {fewer} than {rows} outputs"
    else:
        strategy, why = "reverse", f"{rows} outputs are no more than {columns} inputs"
    if options.mode != "auto":
        why = f"mode={options.mode!r} was asked for"
    result = rows * sum([x.nbytes for x in inputs])
    schedule = Schedule(strategy, why, sweeps, room, result)
    return Linear(schedule, roots, leaves, forward)
