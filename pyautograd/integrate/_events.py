"""Events: where functions of the solution are zero, and the times as functions of all else.

A root is found on numbers and differentiated as what it is, the solution of an equation between the
polynomial of its step and the parameters. What moves with it, such as a solution that begins there
again, then moves by plain ops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core, func, tree
from .._core import Tensor
from .._flat import Array
from .._numbers import host_numbers
from .._scipy import scipy_module
from ..checkpointing._rules import converted
from ..func._arguments import check_callable
from ..grad_mode import no_grad
from ..implicit._equations import Equation, Find
from ..implicit._equations import Solution as Implicit
from ._dense import Piece
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

    def root(self, piece: Piece) -> Tensor:
        """The place of a step where it is zero. What is recorded holds no more than the step."""
        piece = piece.completed()

        def g(s: Tensor) -> Tensor:
            return self(s[0], piece.at(s)[:, 0])[None]

        t, stop, _, y, _ = piece.taken
        start = _core.full((1,), stop, dtype=np.float64, device=y.device)
        residual, captured = converted(g, start)
        root: Tensor = Implicit.apply(Crossing(residual, t, stop), start, *captured)[0]
        return root


class Events:
    """What is watched for, and what was found."""

    def __init__(self, events: Any, args: tuple[Any, ...], system: System, times: Times) -> None:
        given = (events,) if callable(events) else tuple(events)
        self._system, self._times = system, times
        self._events = [Event(f, args, system, times) for f in given]
        self._most = np.array([event.most for event in self._events])
        self._directions = np.array([event.direction for event in self._events])
        self._seen = np.zeros(len(self._events))
        # Places of each event, and the vectors there
        self._found: list[list[tuple[Tensor, Tensor]]] = [[] for _ in self._events]
        self.end: tuple[Tensor, Tensor] | None = None
        self._before = self._values(times.start, system.start)

    def end_in(self, piece: Piece) -> bool:
        """Looks for events in the next step, and says whether the solution ends there."""
        if not self._events:
            return False
        before, after = self._before, self._values(piece.taken.stop, piece.taken.step.y)
        self._before = after
        active = self._active(before, after)
        if not len(active):
            return False
        self._seen[active] += 1
        last = self._seen[active] >= self._most[active]
        roots = [self._events[i].root(piece) for i in active.tolist()]
        order = np.arange(len(active))
        if last.any():
            order = _in_order(roots, piece.taken.h)
            order = order[: int(np.argmax(last[order])) + 1]
        for k in order.tolist():
            found = roots[k], piece.at(roots[k][None])[:, 0]
            self._found[active[k]].append(found)
            if last[k]:
                self.end = found
        return self.end is not None

    def results(self) -> dict[str, Any]:
        """What a solution says of them."""
        y = self._system.start
        times, states = [], []
        for found in self._found:
            places = [place for place, _ in found]
            at = _core.stack(places) if found else _core.zeros((0,), device=y.device)
            columns = _core.stack([y for _, y in found], axis=1) if found else y[:, None][:, :0]
            times.append(self._times.of(at))
            rows = tree.map(lambda x: _core.moveaxis(x, -1, 0), self._system.columns(columns))
            states.append(rows)
        results = {"t_events": times, "y_events": states}
        if self.end is None:
            return results
        return results | {"status": 1, "message": "A termination event occurred."}

    def _values(self, s: float, y: Tensor) -> Array:
        """One for each event on the last axis; those of vmap come first."""
        if not self._events:
            return np.zeros(0)
        time = _core.tensor(s, dtype=np.float64, device=y.device)
        with no_grad():
            rows = [event(time, y) for event in self._events]
            return host_numbers(_core.stack(rows))

    def _active(self, before: Array, after: Array) -> Array:
        """Which have crossed zero: SciPy's rule."""
        up, down = (before <= 0) & (after >= 0), (before >= 0) & (after <= 0)
        directions = np.broadcast_to(self._directions, up.shape)
        active = np.where(directions > 0, up, np.where(directions < 0, down, up | down))
        rows = active.reshape(-1, len(self._events))
        if np.any(rows != rows[:1]):
            raise ValueError(
                f"[{_OP}] under vmap an event must occur in the same steps for all entries, and it "
                "does for some only: solve for one after the other, and pa.stack what they return"
            )
        return np.flatnonzero(rows.any(axis=0))


class Crossing(Equation):
    """``residual(s, *theta) = 0`` for one number s, between two others."""

    op = _OP

    def __init__(self, residual: Callable[..., Tensor], first: float, last: float) -> None:
        self._residual, self._ends = residual, (first, last)

    def residual(self, x: Tensor, *theta: Tensor) -> Tensor:
        return self._residual(x, *theta)

    def finder(self, *, captured: bool) -> Find:
        def find(start: Tensor, theta: Sequence[Tensor]) -> Tensor:
            def g(s: float) -> float:
                return float(self._residual(_core.full_like(start, s), *theta).item())

            return _core.full_like(start, self._found(g))

        return find

    def _found(self, g: Callable[[float], float]) -> float:
        first, last = self._ends
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

    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        one = _core.ones_like(x)
        slope: Tensor = func.jvp(lambda s: self._residual(s, *theta), (x,), (one,))[1]
        return b / slope


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


def _in_order(roots: Sequence[Tensor], h: float) -> Array:
    """Which comes first, in the direction of the step."""
    rows = host_numbers(_core.stack(roots)).reshape(-1, len(roots))
    orders = np.argsort(rows if h > 0 else -rows, axis=-1, kind="stable")
    if np.any(orders != orders[:1]):
        raise ValueError(
            f"[{_OP}] under vmap events must occur in the same order for all entries: solve for "
            "one after the other, and pa.stack what they return"
        )
    order: Array = orders[0]
    return order
