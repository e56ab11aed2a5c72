"""How a checkpointed function answers the engine's questions, at every level.

A checkpoint is a primitive whose evaluation runs a function without recording it. Its rules follow
from three transforms of that function, and each of them is a checkpoint again: the vjp of a
checkpoint is a checkpoint of the vjp, the jvp one of the jvp, the batching rule one of the mapped
function. So nothing that a function computes outlives a run of it, at any order and in any mode.

A *flat* function takes a list of tensors and returns a list of tensors, None where there is none.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .. import _core
from .._core import Tensor
from .._replay import Tape
from ..func._reverse import recording_on
from ..func._vmap import to_front
from ..function._derived import Maybe, Record
from ..policies import Rule
from ..tree import flatten, unflatten

Flat: TypeAlias = Callable[[list[Any]], list[Maybe]]

NAME = "checkpoint"
_SAVE_ALL = 0xFFFFFFFF
_DIVERGED = "[checkpoint] the function did not do the same again: "


class _Running(threading.local):
    """The run of a checkpoint on this thread: when it began, and whether it is recorded."""

    mark: tuple[int, int] = (0, 0)
    recorded: bool = False


_running = _Running()


class Checkpoint:
    """The rules of one checkpointed call, or of a derivative of one."""

    __slots__ = ("_fingerprint", "_function", "_known", "_pattern", "_repeats")

    def __init__(
        self, function: Flat, known: list[Tensor] | None = None, repeats: bool = True
    ) -> None:
        self._function = function
        self._repeats = repeats  # later runs must find the same values
        self._known = known  # what the first run computed, below all vmaps
        self._fingerprint: int | None = None
        self._pattern: list[bool] = []

    def apply(self, inputs: list[Tensor]) -> list[Maybe]:
        outputs = iter(_core.apply_custom(NAME, self, inputs))
        return [next(outputs) if there else None for there in self._pattern]

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        if self._known is not None:
            outputs, self._known = self._known, None
            self._pattern = [True] * len(outputs)
            if self._repeats:
                self._fingerprint = _core.fingerprint(outputs)
            return outputs
        former = _running.mark, _running.recorded
        with _core.HiddenLevels():
            _running.mark, _running.recorded = _core.closure_mark(), False
            try:
                found = self._function([_core.fresh(x) for x in inputs])
            finally:
                _running.mark, _running.recorded = former
        self._pattern = [y is not None for y in found]
        return [_core.fresh(y) for y in found if y is not None]

    def record(self, inputs: list[Tensor], outputs: list[Tensor]) -> Record:
        if _core.packs_saved():
            self._fingerprint = None  # inputs may come back rounded, or laid out otherwise
        return Record(None, _SAVE_ALL, 0, False)

    def backward(
        self,
        ctx: None,
        cotangents: list[Maybe],
        inputs: list[Tensor],
        outputs: list[Maybe],
        wants: list[bool],
        differentiable: bool,
    ) -> list[Maybe]:
        given = [u is not None for u in cotangents]
        pull = Vjp(self._function, given, wants, self._fingerprint)
        found = iter(Checkpoint(pull).apply([*inputs, *[u for u in cotangents if u is not None]]))
        return [next(found) if wanted else None for wanted in wants]

    def jvp(
        self, primals: list[Tensor], tangents: list[Maybe], outputs: list[Tensor]
    ) -> list[Maybe]:
        push = Jvp(self._function, [t is not None for t in tangents])
        return Checkpoint(push).apply([*primals, *[t for t in tangents if t is not None]])

    def batch(
        self, size: int, values: list[Tensor], dims: list[int | None], randomness: str
    ) -> tuple[list[Tensor], list[int | None]]:
        known, self._known = self._known, None
        mapped = Checkpoint(Mapped(self._function, size, dims, randomness), known, self._repeats)
        outputs = mapped.apply(values)
        self._pattern = mapped._pattern
        made = [y for y in outputs if y is not None]
        return made, [0] * len(made)


class Vjp:
    """From inputs and cotangents of a flat function to the cotangents of the inputs wanted."""

    __slots__ = ("_fingerprint", "_function", "_given", "_wants")

    def __init__(
        self, function: Flat, given: list[bool], wants: list[bool], fingerprint: int | None
    ) -> None:
        self._function = function
        self._given = given
        self._wants = wants
        self._fingerprint = fingerprint

    def __call__(self, inputs: list[Tensor]) -> list[Maybe]:
        count = len(self._wants)
        former, _running.recorded = _running.recorded, True
        try:
            with recording_on():
                xs = [
                    _core.make_vjp_input(x) if wanted else x
                    for x, wanted in zip(inputs[:count], self._wants, strict=True)
                ]
                outputs = [y for y in self._function(xs) if y is not None]
        finally:
            _running.recorded = former
        targets = [x for x, wanted in zip(xs, self._wants, strict=True) if wanted]
        for x in targets:
            _core.close_vjp_input(x)
        self._check(outputs)
        ys = [y for y, given in zip(outputs, self._given, strict=True) if given]
        del outputs
        return _core.run_backward(ys, inputs[count:], targets, differentiable="auto")

    def _check(self, outputs: list[Tensor]) -> None:
        if self._fingerprint is None or any(_core.depth(y) for y in outputs):
            return
        if _core.fingerprint(outputs) != self._fingerprint:
            raise RuntimeError(
                _DIVERGED + "its results have other values. Does it draw random numbers that are "
                "not pyautograd's, or read something that was changed since?"
            )


class Jvp:
    """From inputs of a flat function and tangents of some of them to tangents of the outputs."""

    __slots__ = ("_function", "_moving")

    def __init__(self, function: Flat, moving: list[bool]) -> None:
        self._function = function
        self._moving = moving

    def __call__(self, inputs: list[Tensor]) -> list[Maybe]:
        count = len(self._moving)
        tangents = iter(inputs[count:])
        with _core.Level("jvp") as level:
            duals = [
                _core.make_dual(level, x, next(tangents) if moving else None)
                for x, moving in zip(inputs[:count], self._moving, strict=True)
            ]
            outputs = self._function(duals)
            return [_core.unwrap_dual(level, y)[1] for y in outputs if y is not None]


class Mapped:
    """A flat function of inputs with a mapped dimension; its outputs have theirs in front."""

    __slots__ = ("_dims", "_function", "_randomness", "_size")

    def __init__(self, function: Flat, size: int, dims: list[int | None], randomness: str) -> None:
        self._function = function
        self._size = size
        self._dims = dims
        self._randomness = randomness

    def __call__(self, inputs: list[Tensor]) -> list[Maybe]:
        with _core.Level("vmap", self._size, self._randomness) as level:
            wrapped = [
                _core.make_batched(level, x, dim) for x, dim in zip(inputs, self._dims, strict=True)
            ]
            outputs = self._function(wrapped)
            return [None if y is None else to_front(level, y, self._size) for y in outputs]


class Captured:
    """A user's function of its arguments and of all that it captures, flat.

    ``again`` is what a recorded run calls in place of ``f``, where these differ: the same function
    with checkpoints of its own inside.
    """

    __slots__ = (
        "__weakref__",
        "_again",
        "_f",
        "_leaves",
        "_outside",
        "_places",
        "_replays",
        "_results",
        "_structure",
        "_trace",
        "tape",
    )

    def __init__(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        trace: Any,
        preserve_rng: bool = True,
        again: Callable[..., Any] | None = None,
    ) -> None:
        self._f = f
        self._again = f if again is None else again
        self._leaves, self._structure = flatten(args)
        self._places = [i for i, x in enumerate(self._leaves) if type(x) is Tensor]
        self._outside: list[Tensor] = []
        self._trace = trace
        self._replays = preserve_rng
        self.tape = Tape()
        self._results: Any = None

    @property
    def outside(self) -> list[Tensor]:
        """What the first run has found to be captured."""
        return self._outside

    def known_run(self, whole: Captured, tape: Tape, results: Any) -> Any:
        """Applied as a part of a whole that has run: what it returned, and drew, is known."""
        self._outside, self.tape = whole._outside, tape
        leaves, self._results = flatten(results)
        tensors = [self._leaves[i] for i in self._places]
        for i in self._places:
            self._leaves[i] = None
        made = iter(Checkpoint(self, leaves).apply([*tensors, *self._outside]))
        return unflatten(self._results, list(made))

    def first_run(self, policy: Rule | None = None) -> Any:
        """Calls the function, and applies what is found to be its closure as a checkpoint."""
        # An argument may be what a checkpoint around this one captures.
        tensors: list[Tensor] = [_core.resolved(self._leaves[i]) for i in self._places]
        for i in self._places:
            self._leaves[i] = None
        with self.tape.record(), _core.Closure(self._trace, policy=policy) as run:
            adopted = [run.adopt(x) for x in tensors]
            results, outputs = self._call(self._f, adopted, run)
            run.finish()
            self._outside = run.outside
            adopted += [run.resolve(x) for x in self._outside]
            levels, draws = self._mapped(run, adopted) if run.mirrored else (set(), [])
            known = _peeled(run, outputs, levels)
        if not known:
            return unflatten(self._results, results)
        inputs = [*tensors, *self._outside, *[_core.mapped_dummy(i) for i in draws]]
        made = iter(Checkpoint(self, known, self._replays).apply(inputs))
        del known, outputs, inputs
        full = [next(made) if type(y) is Tensor else y for y in results]
        return unflatten(self._results, full)

    def _mapped(self, run: Any, adopted: list[Tensor]) -> tuple[set[int], list[int]]:
        """The vmaps that the results are mapped by, and those of them by draws alone."""
        mapped = {level for x in adopted for level in run.mapped_levels(x)}
        undrawn = self.tape.empty
        draws = [
            i
            for i, (_, randomness) in enumerate(run.mirrored)
            if randomness == "different" and i not in mapped and not undrawn
        ]
        return mapped.union(draws), draws

    def __call__(self, inputs: list[Tensor]) -> list[Maybe]:
        """A later run, on other tensors in the place of arguments and captured ones."""
        own, rest = inputs[: len(self._places)], inputs[len(self._places) :]
        captured = rest[: len(self._outside)]
        f = self._again if _running.recorded else self._f
        with (
            self.tape.replay() if self._replays else contextlib.nullcontext(),
            _core.Closure(self._trace, _running.mark, self._outside, captured) as run,
        ):
            _, outputs = self._call(f, own, run)
            run.finish()
        return [*outputs]

    def _call(
        self, f: Callable[..., Any], tensors: Sequence[Tensor], run: Any
    ) -> tuple[list[Any], list[Tensor]]:
        leaves = list(self._leaves)
        for i, x in zip(self._places, tensors, strict=True):
            leaves[i] = x
        results, structure = flatten(f(*unflatten(self._structure, leaves)))
        if self._results is None:
            self._results = structure
        elif self._results != structure:
            raise RuntimeError(
                _DIVERGED + f"it returned the tree {structure!r}, and before {self._results!r}"
            )
        return results, [run.resolve(y) for y in results if type(y) is Tensor]


def converted(
    f: Callable[..., Tensor], *args: Tensor
) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """A function as one of its arguments and of the tensors that it captures, and these.

    What it captures is found by a run with these arguments. The function that is returned is
    differentiable in all that it takes, to every order and in every mode.
    """
    closure = Captured(f, args, _core.Trace(compares=False))
    closure.first_run()

    def function(*tensors: Tensor) -> Tensor:
        (y,) = Checkpoint(closure, repeats=False).apply([*tensors])
        assert y is not None
        return y

    return function, closure.outside


def _peeled(run: Any, outputs: list[Tensor], levels: set[int]) -> list[Tensor]:
    """Outputs of a first run as arrays, with the mapped dimensions of these levels in front."""
    for level in reversed(range(len(run.mirrored))):
        size = run.mirrored[level][0]
        for i, y in enumerate(outputs):
            value, dim = run.peel(y, level)
            outputs[i] = _in_front(value, dim, size) if level in levels else value
    return [_core.fresh(y) for y in outputs]


def _in_front(value: Tensor, dim: int | None, size: int) -> Tensor:
    if dim is None:
        return _core.broadcast_to(value, (size, *value.shape))
    return value if dim == 0 else _core.moveaxis(value, dim, 0)
