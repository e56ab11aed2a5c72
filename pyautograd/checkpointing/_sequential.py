"""Layers in a row, checkpointed in segments."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import memory
from .._bytes import parse_bytes
from .._core import Tensor
from .._replay import Tape
from .._whole import whole
from ..func._reverse import Recording
from ..grad_mode import no_grad
from ..tree import flatten
from . import checkpoint

__all__ = ["checkpoint_sequential"]

Layer: TypeAlias = Callable[[Any], Any]

# So many layers at most are placed one by one; more are placed in groups.
_PLACED = 200
# The memory axis of the plan: a budget is cut into so many parts.
_PARTS = 256


class Segment(NamedTuple):
    """Layers start..stop, kept as they are recorded, or checkpointed."""

    start: int
    stop: int
    kept: bool


class Cost(NamedTuple):
    """What a layer takes: bytes of its input, bytes it adds when recorded, seconds."""

    entering: int
    recorded: int
    seconds: float


def checkpoint_sequential(
    layers: Sequence[Layer],
    x: Any,
    segments: int | str = "auto",
    *,
    memory: int | str | None = None,
) -> Any:
    """``layers[-1](... layers[0](x))``, keeping what enters each segment of layers only.

    A backward pass runs the segments again, one at a time, each but the last once. Derivatives are
    those of the plain chain, of any order and in every mode, as with :func:`pyautograd.checkpoint`.

    Args:
        layers: functions of one argument, a tensor or a tree of them.
        x: what enters the first.
        segments: how many, of as many layers each as may be. "auto" takes the square root of the
            number of layers, so that memory grows with it too.
        memory: bytes, or text such as ``"256MB"``, that the chain may hold for the derivative, in
            place of ``segments``. What each layer takes is measured by running it, when layers and
            shapes are met first; the segments, of any length, and layers that are kept are then
            those of the least recomputation, found by dynamic programming.

    Returns:
        What the last layer returns.

    Raises:
        ValueError: there are no layers, ``segments`` is not from 1 to their number, or no
            placement fits in ``memory``; the error names the least bound that can be met.

    >>> layers = [pa.tanh] * 9
    >>> g = pa.func.grad(lambda x: pa.checkpoint_sequential(layers, x))(pa.tensor(0.5))
    >>> round(g.item(), 4)
    0.2456
    """
    layers = list(layers)
    if not layers:
        raise ValueError("[checkpoint_sequential] there are no layers")
    if memory is not None:
        placed = _placed(layers, x, parse_bytes("checkpoint_sequential", "memory", memory))
    else:
        count = math.isqrt(len(layers)) if segments == "auto" else whole(segments)
        if count is None or not 1 <= count <= len(layers):
            raise ValueError(
                f"[checkpoint_sequential] segments must be 'auto' or from 1 to {len(layers)}, "
                f"got {segments!r}"
            )
        placed = even_segments(len(layers), count)
    for start, stop, kept in placed:
        run = partial(_chain, layers[start:stop])
        x = run(x) if kept else checkpoint(run, x)
    return x


def _chain(layers: Sequence[Layer], x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x


def even_segments(length: int, count: int) -> list[Segment]:
    """The last one is kept: its turn comes first, so running it again would save nothing."""
    bounds = [length * i // count for i in range(count + 1)]
    pairs = zip(bounds, bounds[1:], strict=False)
    return [Segment(start, stop, stop == length) for start, stop in pairs]


class _Planned(NamedTuple):
    layers: list[Callable[[], Layer | None]]
    segments: list[Segment]

    def fits(self, layers: list[Layer]) -> bool:
        """Whether these are the layers that were measured, and not others in their memory."""
        return all(mine() is given for mine, given in zip(self.layers, layers, strict=True))


# The last few, the latest last; under the lock.
_plans: OrderedDict[Any, _Planned] = OrderedDict()
_plans_lock = threading.Lock()


def _placed(layers: list[Layer], x: Any, budget: int) -> list[Segment]:
    """The plan for these layers, from the last few that were made."""
    leaves, structure = flatten(x)
    shapes = tuple([(v.shape, v.dtype) if type(v) is Tensor else None for v in leaves])
    key = (tuple([id(layer) for layer in layers]), shapes, hash(structure), budget)
    with _plans_lock:
        found = _plans.pop(key, None)
    if found is None or not found.fits(layers):
        tape = Tape()
        with tape.record():
            costs = measured(layers, x)
        tape.rewind()  # measuring draws nothing
        found = _Planned([_watched(layer) for layer in layers], plan(costs, budget))
    with _plans_lock:
        _plans[key] = found
        if len(_plans) > 8:
            _plans.popitem(last=False)
    return found.segments


def _watched(layer: Layer) -> Callable[[], Layer | None]:
    """Gives the layer as long as it lives; what cannot be watched lives as long as the plan."""
    try:
        return weakref.ref(layer)
    except TypeError:
        return lambda: layer


def measured(layers: Sequence[Layer], x: Any) -> list[Cost]:
    """Runs every layer twice: for its time, and recorded, for its bytes."""
    costs = []
    for layer in layers:
        entering = sum([v.nbytes for v in flatten(x)[0] if type(v) is Tensor])
        with no_grad():
            begin = time.perf_counter()
            y = layer(x)
            seconds = time.perf_counter() - begin
        before = memory.live().bytes
        recording = Recording("checkpoint_sequential", layer, (x,), {}, (0,), False)
        costs.append(Cost(entering, memory.live().bytes - before, seconds))
        del recording
        x = y
    return costs


def plan(costs: Sequence[Cost], budget: int) -> list[Segment]:
    """The placement of the least recomputation whose memory stays within the budget.

    ``best[i][m]`` is the least time for layers before i that leaves m parts of the budget in use.
    A segment keeps what enters it and, while it is run again, needs the memory of all its layers.
    """
    groups = _groups(len(costs))
    merged = [_merged(costs[start:stop]) for start, stop in groups]
    unit = max(budget / _PARTS, 1e-9)
    best = np.full((len(merged) + 1, _PARTS + 1), np.inf)
    best[0, 0] = 0.0
    origin: dict[tuple[int, int], tuple[int, int, bool]] = {}

    def relax(start: int, stop: int, needed: float, left: float, time: float, kept: bool) -> None:
        after = math.ceil(left / unit)
        room = _PARTS - math.ceil(max(needed, left) / unit)
        if room < 0:
            return
        offered = best[start, : room + 1] + time
        target = best[stop, after : after + room + 1]
        for m in np.flatnonzero(offered < target):
            origin[stop, int(m) + after] = (start, int(m), kept)
        np.minimum(target, offered, out=target)

    for start in range(len(merged)):
        if np.isinf(best[start]).all():
            continue
        layer = merged[start]
        relax(start, start + 1, layer.recorded, layer.recorded, 0.0, True)
        recorded = seconds = 0.0
        for stop in range(start + 1, len(merged) + 1):
            recorded += merged[stop - 1].recorded
            seconds += merged[stop - 1].seconds
            if layer.entering + recorded > budget:
                break
            relax(start, stop, layer.entering + recorded, layer.entering, seconds, False)
    if np.isinf(best[-1]).all():
        raise ValueError(
            f"[checkpoint_sequential] no placement of checkpoints fits in {budget} "
            f"bytes: about {_least(merged)} are needed"
        )
    return _traced(best, origin, groups)


def _traced(
    best: Any, origin: dict[tuple[int, int], tuple[int, int, bool]], groups: list[tuple[int, int]]
) -> list[Segment]:
    at = (len(groups), int(np.argmin(best[-1])))
    found: list[Segment] = []
    while at[0] > 0:
        start, parts, kept = origin[at]
        found.append(Segment(groups[start][0], groups[at[0] - 1][1], kept))
        at = (start, parts)
    return found[::-1]


def _groups(length: int) -> list[tuple[int, int]]:
    count = min(length, _PLACED)
    bounds = [length * i // count for i in range(count + 1)]
    return list(zip(bounds, bounds[1:], strict=False))


def _merged(costs: Sequence[Cost]) -> Cost:
    return Cost(
        costs[0].entering, sum([c.recorded for c in costs]), sum([c.seconds for c in costs])
    )


def _least(costs: Sequence[Cost]) -> int:
    """By even segments."""
    total = sum([c.recorded for c in costs])
    largest = max([c.entering for c in costs])
    return min([count * largest + total // count for count in range(1, len(costs) + 1)])
