"""Events: where functions of the solution are zero, and the times as functions of all else.

A root is found on numbers and differentiated as what it is, the solution of an equation between the
polynomial of its step and the parameters. What moves with it, such as a solution that begins there
again, then moves by plain ops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _core, func, tree
from .._core import Tensor
from .._flat import Array
from .._numbers import host_numbers, lifted
from .._scipy import scipy_module
from ..checkpointing._rules import converted
from ..func._arguments import check_callable
from ..grad_mode import no_grad
from ..implicit._equations import Equation, Find
from ..implicit._equations import Solution as Implicit
from ._dense import End, Piece, selected
from ._system import System, Times

_OP = "integrate.solve_ivp"
_TOLERANCE = 4 * float(np.finfo(float).eps)


class Event:
    """One of the user's functions, as one of a place and a vector."""

    def __init__(self, f: Any, args: tuple[Any, ...], system: System, times: Times) -> None:
        check_callable(_OP, f)
        self._f, self._args, self._system, self._times = f, args, system, times
        self.most = _most(f)
        self.direction = float(getattr(f, "direction", 0))

    def __call__(self, s: Tensor, y: Tensor) -> Tensor:
        value = self._f(self._times.of(s), self._system.tree(y), *self._args)
        value = _core.asarray(value)
        if value.size != 1:
            raise ValueError(f"[{_OP}] an event returns shape {value.shape}, expected one number")
        return _core.reshape(value, ()).astype(np.float64)

    def root(self, at: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
        """The place between two where it is zero; ``at`` is what gives y there.

        What is recorded holds no more than these.
        """

        def g(s: Tensor) -> Tensor:
            return self(s[0], at(s)[:, 0])[None]

        residual, captured = converted(g, high)
        start = _core.zeros((1,), dtype=np.float64, device=high.device)
        root: Tensor = Implicit.apply(Crossing(residual), start, low, high, *captured)
        return root


class Found(NamedTuple):
    """One time of an event: its place, and y there; in which step, and where, as numbers.

    These are arrays with the entries of ``vmap``; nan where an entry has no such time.
    """

    place: Tensor
    y: Tensor
    step: Array
    value: Array


class Events:
    """What is watched for: in which steps, first, and then where in them.

    Numbers decide which; each entry of ``vmap`` has its own, on the first axes.
    """

    def __init__(self, events: Any, args: tuple[Any, ...], system: System, times: Times) -> None:
        given = (events,) if callable(events) else tuple(events)
        self._system, self._times = system, times
        self._events = [Event(f, args, system, times) for f in given]
        self._most = np.array([event.most for event in self._events])
        self._directions = np.array([event.direction for event in self._events])
        # At the ends of all steps; and, when these are known, some number with all mapped axes
        self._like: Tensor = system.start
        self._values = [self._at(times.start, system.start)]

    def end_in(self, piece: Piece) -> bool:
        """Looks at the next step, and says whether the solution ends there, in every entry."""
        self._values.append(self._at(piece.taken.stop, piece.taken.step.y))
        if np.all(np.isinf(self._most)):
            return False
        pair = host_numbers(_core.stack(self._values[-2:]))
        if not self._crossed(pair).any():
            return False
        ended = self._active()[1]
        return bool(ended.size and ended.all())

    def _at(self, s: float, y: Tensor) -> Tensor:
        time = _core.tensor(s, dtype=np.float64, device=y.device)
        with no_grad():
            rows = [event(time, y) for event in self._events]
            return _core.stack(rows) if rows else _core.zeros((0,), device=y.device)

    def _crossed(self, values: Array) -> Array:
        """Between which rows there is an event: SciPy's rule."""
        before, after = values[..., :-1, :], values[..., 1:, :]
        up, down = (before <= 0) & (after >= 0), (before >= 0) & (after <= 0)
        ways = np.broadcast_to(self._directions, up.shape)
        crossed: Array = np.where(ways > 0, up, np.where(ways < 0, down, up | down))
        return crossed

    def _active(self) -> tuple[Array, Array]:
        """Which are in which steps, up to the one that ends the solution, and whether one does."""
        crossed = self._crossed(host_numbers(_core.stack(self._values)))
        last = np.any(crossed & (np.cumsum(crossed, axis=-2) >= self._most), axis=-1)
        beyond = np.cumsum(last, axis=-1) > last
        return crossed & ~beyond[..., None], last.any(axis=-1)

    def results(self, pieces: Sequence[Piece]) -> tuple[dict[str, Any], End | None]:
        """What a solution says of them, and where they have ended it."""
        if not self._events:
            return {"t_events": [], "y_events": []}, None
        active, ended = self._active()
        self._like = _core.stack(self._values)[0, 0]
        found = [
            [
                self._found(pieces, active[..., i], i, k)
                for k in range(int(np.max(active[..., i].sum(axis=-1), initial=0)))
            ]
            for i in range(len(self._events))
        ]
        end = None
        if ended.any():
            end, found = self._until_the_first(found, ended, 1.0 if pieces[0].taken.h > 0 else -1.0)
        found = [[self._padded(one) for one in each] for each in found]
        results: dict[str, Any] = {
            "t_events": [self._times.of(self._stacked([p.place for p in each])) for each in found],
            "y_events": [self._rows([one.y for one in each]) for each in found],
        }
        if end is not None:
            results |= {"status": 1, "message": "A termination event occurred."}
        return results, end

    def _stacked(self, places: Sequence[Tensor]) -> Tensor:
        device = self._system.start.device
        return _core.stack(places) if places else _core.zeros((0,), device=device)

    def _rows(self, vectors: Sequence[Tensor]) -> Any:
        """A tree whose first axis is that of the vectors."""
        columns = _core.stack(vectors, axis=1) if vectors else self._system.start[:, None][:, :0]
        return tree.map(lambda x: _core.moveaxis(x, -1, 0), self._system.columns(columns))

    def _found(self, pieces: Sequence[Piece], active: Array, i: int, k: int) -> Found:
        like = self._like
        step = np.argmax(np.cumsum(active, axis=-1) == k + 1, axis=-1)
        used, own = np.unique(step, return_inverse=True)
        some = [pieces[j].completed() for j in used.tolist()]
        ends = np.array([[p.taken.t, p.taken.stop] for p in some])[own.reshape(step.shape)]
        at = some[0].at
        if len(some) > 1:
            at = selected(some, lifted(own.reshape(step.shape), like)[None])
        low, high = (lifted(ends[..., j], like)[None] for j in (0, 1))
        place = self._events[i].root(at, low, high)[0]
        value = host_numbers(_core.stack([place, like]))[..., 0]
        there = active.sum(axis=-1) > k
        return Found(place, at(place[None])[:, 0], step, np.where(there, value, np.nan))

    def _padded(self, found: Found) -> Found:
        """With nan where an entry has no such time."""
        if not np.isnan(found.value).any():
            return found
        there = lifted(~np.isnan(found.value), self._like)
        place, y = (_core.where(there, x, np.nan) for x in (found.place, found.y))
        return found._replace(place=place, y=y)

    def _until_the_first(
        self, found: list[list[Found]], ended: Array, sign: float
    ) -> tuple[End, list[list[Found]]]:
        """Where the first of those is that end the solution, and what comes before it."""
        if not ended.all():
            raise ValueError(
                f"[{_OP}] under vmap events must end the solution in all entries or in none: solve "
                "for one after the other"
            )
        last = [
            (i, each[-1])
            for i, (each, most) in enumerate(zip(found, self._most, strict=True))
            if len(each) >= most
        ]
        values = sign * np.stack([one.value for _, one in last], axis=-1)
        first = np.nanargmin(values, axis=-1)
        value = np.nanmin(values, axis=-1)
        event = np.array([i for i, _ in last])[first]

        def before(i: int, one: Found) -> Found:
            comes = (sign * one.value < value) | ((sign * one.value == value) & (i <= event))
            return one._replace(value=np.where(comes, one.value, np.nan))

        kept = [[before(i, one) for one in each] for i, each in enumerate(found)]
        kept = [[one for one in each if not np.isnan(one.value).all()] for each in kept]
        steps = np.stack([one.step for _, one in last], axis=-1)
        least = int(np.min(np.take_along_axis(steps, first[..., None], axis=-1)))
        if np.all(first == first.flat[0]):
            chosen = last[int(first.flat[0])][1]
            return End(chosen.place, chosen.y, least), kept
        index = lifted(first, self._like)
        place, y = (
            _core.take(_core.stack(parts), index, axis=0)
            for parts in ([one.place for _, one in last], [one.y for _, one in last])
        )
        return End(place, y, least), kept


class Crossing(Equation):
    """``residual(s, *theta) = 0`` for one number s between two, the first of theta."""

    op = _OP

    def __init__(self, residual: Callable[..., Tensor]) -> None:
        self._residual = residual

    def residual(self, x: Tensor, *theta: Tensor) -> Tensor:
        return self._residual(x, *theta[2:])

    def finder(self, *, captured: bool) -> Find:
        def find(start: Tensor, theta: Sequence[Tensor]) -> Tensor:
            def g(s: float) -> float:
                return float(self.residual(_core.full_like(start, s), *theta).item())

            return _core.full_like(start, _between(g, theta[0].item(), theta[1].item()))

        return find

    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        one = _core.ones_like(x)
        slope: Tensor = func.jvp(lambda s: self.residual(s, *theta), (x,), (one,))[1]
        return b / slope


def _between(g: Callable[[float], float], first: float, last: float) -> float:
    """A root of a function, as SciPy finds it."""
    low, high = g(first), g(last)
    # The polynomial is at the ends what the steps are but for rounding.
    if not np.sign(low) * np.sign(high) < 0:
        return first if abs(low) <= abs(high) else last
    brentq = scipy_module(_OP, "optimize").brentq
    held = [g]  # what brentq makes of its function is a cycle, which shall not hold a graph
    try:
        found = brentq(lambda s: held[0](s), first, last, xtol=_TOLERANCE, rtol=_TOLERANCE)
    finally:
        held.clear()
    return float(found)


def _most(event: Any) -> float:
    """How often it may occur."""
    terminal = getattr(event, "terminal", None)
    if terminal is None or terminal == 0:
        return math.inf
    if int(terminal) != terminal or terminal < 0:
        raise ValueError(
            f"[{_OP}] the attribute terminal of an event must be a bool or how often it may occur, "
            f"got {terminal}"
        )
    return float(terminal)
