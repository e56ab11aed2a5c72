"""Loops that carry a state, with checkpoints placed for the least recomputation."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from .. import _core
from .._core import Tensor
from .._whole import whole
from ..func._arguments import check_callable
from ..tree import flatten, unflatten
from ._binomial import OnlineStates, default_slots, split
from ._rules import Captured

if TYPE_CHECKING:
    from .._typing import Tree

__all__ = ["scan"]

Step: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]


@overload
def scan(
    f: Callable[[Tree, Any], tuple[Tree, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    reverse: bool = False,
    checkpoint: int | str | None = None,
) -> tuple[Tree, Any]: ...
@overload
def scan(
    f: Step,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    reverse: bool = False,
    checkpoint: int | str | None = None,
) -> tuple[Any, Any]: ...
def scan(
    f: Step,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    reverse: bool = False,
    checkpoint: int | str | None = None,
) -> tuple[Any, Any]:
    """Run ``carry, y = f(carry, x)`` for every ``x`` in turn.

    Args:
        f: the step. The carry and ``y`` may be trees of tensors; the structure of the carry stays
            the same. What it captures is differentiated as in :func:`pyautograd.checkpoint`, whose
            conditions hold for it where there are checkpoints.
        init: the first carry.
        xs: a tensor, or a tree of them, whose entries along the first axis are the steps'
            arguments; an iterator, for a loop whose length shows when it ends; or None.
        length: the number of steps, needed if ``xs`` is None.
        reverse: begin with the last entry of ``xs``. The ``y`` of an entry stays in its place.
        checkpoint: None records every step. A number of slots: a derivative keeps that many
            carries at a time, ``init`` among them, and runs steps again between them. For a known
            length the slots are placed so that as few steps are repeated as possible (Revolve);
            for an iterator they are placed while the loop runs. "auto" takes about ``sqrt(2 n)``
            slots, which makes two repeats of a step enough; iterators need a number.

    Returns:
        ``(carry, ys)``: the last carry, and the ``y`` of all steps stacked along a new first axis;
        None where ``f`` returns None. With n steps and s slots a backward pass evaluates ``f``
        ``n + t`` times in all, forward pass included, with the binomial optimum ``t = r n -
        C(s + r, s + 1)``, where r is the least number with ``C(s + r, s) >= n``.

    Raises:
        ValueError: lengths differ or are missing, there is no step to stack, ``checkpoint`` is less
            than 1, or an iterator is to be run in reverse.
        TypeError: the carry changes its structure, or ``f`` returns no pair.

    >>> decay = lambda x, dt: (x - dt * x**2, x)
    >>> last, path = pa.scan(decay, pa.tensor(1.0), pa.tensor([0.5, 0.5]), checkpoint=2)
    >>> last.item(), path.tolist()
    (0.375, [1.0, 0.5])
    >>> loss = lambda x: pa.scan(decay, x, pa.full(100, 0.01), checkpoint=5)[0]
    >>> round(pa.func.grad(loss)(pa.tensor(1.0)).item(), 4)
    0.247

    >>> discounted = lambda later, reward: (reward + 0.5 * later,) * 2
    >>> pa.scan(discounted, 0.0, pa.tensor([1.0, 2.0, 4.0]), reverse=True)[1].tolist()
    [3.0, 4.0, 4.0]

    See A. Griewank and A. Walther, Algorithm 799: revolve, 2000; for iterators Q. Wang, P. Moin and
    G. Iaccarino, Minimal repetition dynamic checkpointing, 2009.
    """
    check_callable("scan", f)
    step = _checked(f)
    if isinstance(xs, Iterator):
        if checkpoint == "auto":
            raise ValueError(
                "[scan] checkpoint='auto' needs a known length: give a number of slots"
            )
        if reverse:
            raise ValueError("[scan] an iterator has no last entry to begin with: pass tensors")
        slots = _slots(checkpoint, 1)
        carry, ys = (
            _straight(step, init, xs) if slots is None else _Online(step, slots).run(init, xs)
        )
        return carry, _stacked(ys)
    rows = _rows(xs, length)[:: -1 if reverse else 1]
    if type(rows) is range:
        step = _without_argument(step)
    slots = _slots(checkpoint, len(rows))
    carry, ys = (
        _straight(step, init, rows) if slots is None else _reversible(step, slots, init, rows)
    )
    return carry, _stacked(_unpacked(ys)[:: -1 if reverse else 1])


def _slots(checkpoint: int | str | None, length: int) -> int | None:
    if checkpoint is None:
        return None
    if checkpoint == "auto":
        return default_slots(length)
    slots = whole(checkpoint)
    if slots is None or slots < 1:
        raise ValueError(
            "[scan] checkpoint must be None, 'auto' or a number of slots from 1, "
            f"got {checkpoint!r}"
        )
    return slots


def _straight(step: Step, carry: Any, xs: Any) -> tuple[Any, Any]:
    ys = []
    for x in xs:
        carry, y = step(carry, x)
        ys.append(y)
    return carry, _packed(xs, ys)


# Where the steps take and return nothing, a range stands for the list of Nones: to a tree it is one
# leaf, however long.


def _packed(xs: Any, ys: list[Any]) -> Any:
    return range(len(ys)) if type(xs) is range and all(y is None for y in ys) else ys


def _unpacked(ys: Any) -> list[Any]:
    return [None] * len(ys) if type(ys) is range else ys


def _reversible(step: Step, slots: int, carry: Any, xs: Any) -> tuple[Any, Any]:
    """The loop as it is recorded: its parts are checkpoints, whose recomputation splits them again.

    Each part keeps its first carry, so one slot less is left for the parts after it.
    """
    ys: list[Any] = []
    while len(xs) > 1:
        part = split(len(xs), slots)
        carry, made = _part(step, slots, carry, xs[:part]).first_run()
        ys += _unpacked(made)
        xs = xs[part:]
        slots -= 1
    carry, made = _straight(step, carry, xs)
    return carry, _packed(xs, ys + _unpacked(made))


def _part(step: Step, slots: int, carry: Any, xs: Any) -> Captured:
    trace = _core.Trace(compares=False)
    again = partial(_reversible, step, slots)
    return Captured(partial(_straight, step), (carry, xs), trace, again=again)


class _Online:
    """A loop of unknown length: the first run keeps states, a recorded run starts from them."""

    def __init__(self, step: Step, slots: int) -> None:
        self._step = step
        self._slots = slots
        self._rows: list[Any] = []
        self._ys: list[Any] = []
        # Step, carry and where the generators stood.
        self._states: list[tuple[int, tuple[Any, dict[int, int]]]] = []

    def run(self, init: Any, xs: Iterator[Any]) -> tuple[Any, list[Any]]:
        trace = _core.Trace(compares=False)
        whole = Captured(partial(self._first, xs), (init,), trace, again=self._again)
        # What runs this loop owns it: a cycle would keep its states until garbage is collected.
        self._whole = weakref.ref(whole)
        result: tuple[Any, list[Any]] = whole.first_run()
        return result

    def _runs(self) -> Captured:
        whole = self._whole()
        assert whole is not None
        return whole

    def _first(self, xs: Iterator[Any], carry: Any) -> tuple[Any, list[Any]]:
        if self._rows:  # not the first run, but not recorded either
            return _straight(self._step, carry, self._rows)
        tape = self._runs().tape
        states = OnlineStates(self._slots, (carry, tape.positions()))
        for i, x in enumerate(xs):
            carry, y = self._step(carry, x)
            self._rows.append(x)
            self._ys.append(y)
            states.add(i + 1, (carry, tape.positions()))
        if all(type(x) is not Tensor or _core.depth(x) == 0 for x in flatten(carry)[0]):
            self._states = states.before(len(self._rows))
        return carry, list(self._ys)

    def _again(self, carry: Any) -> tuple[Any, list[Any]]:
        states, self._states = self._states, []
        if len(states) < 2 or any(_core.depth(x) for x in flatten(carry)[0] if type(x) is Tensor):
            return _reversible(self._step, self._slots, carry, self._rows)
        ys: list[Any] = []
        slots = self._slots
        whole = self._runs()
        tape = whole.tape
        for (start, (_, before)), (stop, (state, _)) in itertools.pairwise(states):
            part = _part(self._step, slots, carry, self._rows[start:stop])
            drawn = tape.starting_at(before)
            carry, made = part.known_run(whole, drawn, (state, self._ys[start:stop]))
            ys += made
            slots -= 1
        stop, (_, before) = states[-1]
        tape.starting_at(before).rewind()
        carry, made = _reversible(self._step, slots, carry, self._rows[stop:])
        return carry, ys + made


def _checked(f: Step) -> Step:
    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        result = f(carry, x)
        if type(result) is not tuple or len(result) != 2:
            raise TypeError(
                f"[scan] the step must return a pair (carry, y), not {type(result).__name__}"
            )
        if type(carry) is Tensor and type(result[0]) is Tensor:
            return result
        before, after = flatten(carry)[1], flatten(result[0])[1]
        if before != after:
            raise TypeError(f"[scan] the carry had the structure {before!r} and now has {after!r}")
        return result

    return step


def _without_argument(step: Step) -> Step:
    return lambda carry, _: step(carry, None)


def _rows(xs: Any, length: int | None) -> list[Any] | range:
    """What every step gets; a range where that is nothing."""
    if xs is None:
        steps = whole(length)
        if steps is None or steps < 0:
            raise ValueError(f"[scan] without xs, length must be a number of steps, got {length!r}")
        return range(steps)
    leaves, structure = flatten(xs)
    tensors = [x if type(x) is Tensor else _core.asarray(x) for x in leaves]
    sizes = {x.shape[0] if x.ndim else None for x in tensors}
    if length is not None:
        sizes.add(length)
    if len(sizes) != 1 or None in sizes:
        raise ValueError(
            "[scan] xs must hold tensors of one length along their first axis, and length must be "
            f"that or None; got shapes {[x.shape for x in tensors]} and length={length!r}"
        )
    columns = [_core.unstack(x) for x in tensors]
    return [unflatten(structure, row) for row in zip(*columns, strict=True)]


def _stacked(ys: list[Any]) -> Any:
    if not ys:
        raise ValueError("[scan] there is no step: the outputs of none cannot be stacked")
    columns = [flatten(y) for y in ys]
    structure = columns[0][1]
    if any(other != structure for _, other in columns):
        raise TypeError("[scan] the step returned y of different structures")
    stacked = [_core.stack(list(column)) for column in zip(*[c for c, _ in columns], strict=True)]
    return unflatten(structure, stacked)
