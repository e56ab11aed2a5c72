"""The solvers of ``_newton`` and ``_together`` as loops of captured calls, without Python.

They take the same steps, for one vector of unknowns or one in each row, and say whether they found
a solution. Where they did not, whatever the reason, those solvers go on from the start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from .. import _core
from .._core import Tensor
from ._newton import LEAST_DAMPING, STEPS
from ._steps import Method

# The solution and whether it is one; None if there is no such loop
Found: TypeAlias = tuple[Tensor, Tensor] | None


class _NoLoopError(Exception):
    """The function draws random numbers."""


def _repeat(
    body: Callable[..., Sequence[Tensor]],
    state: Sequence[Tensor],
    given: Sequence[Tensor],
    most: int,
) -> list[Tensor]:
    """``state = body(*state, *given)`` while ``state[0]`` holds, at most so often."""
    inputs = [*state, *given]
    with _core.Apart():
        capture = _core.Capture(inputs)
        arguments = capture.arguments()
        with capture:
            outputs = body(*arguments)
    del arguments
    found = capture.repeat(outputs, inputs, most)
    if found is None:
        raise _NoLoopError
    return found


def newton(method: Method, x: Tensor, theta: Sequence[Tensor]) -> Found:
    """Newton's method; see :func:`_newton.newton`."""
    tiny = method.eps**0.5

    def far(length: Tensor, size: Tensor) -> Tensor:
        return _core.greater(length, tiny * _core.maximum(size, tiny))

    def going(length: Tensor, size: Tensor) -> Tensor:
        return _core.logical_and(far(length, size), length < math.inf)

    def whole(_: Tensor, *state: Tensor) -> Sequence[Tensor]:
        """A step of every row, which is held where that would not lower the merit."""
        here, theta = state[1:7], state[7:]
        _, _, end, merit, length, size = here
        there = [end, *method.step(end, *theta)]
        needed = going(length, size)
        fallen = needed & (there[3] < merit)
        here = tuple([_where(fallen, a, b) for a, b in zip(there, here, strict=True)])
        held = needed & ~fallen
        return [_any(going(*here[4:])) & ~_any(held), held, *here]

    def halved(_: Tensor, *state: Tensor) -> Sequence[Tensor]:
        """One more halving in the rows whose merit has not fallen."""
        trial, fallen, damping, x, direction, merit, *theta = state
        trial = _where(fallen, trial, x + damping * direction)
        fallen = fallen | (method.merit(trial, *theta) < merit)
        damping = damping / 2
        return [~_all(fallen) & (damping >= LEAST_DAMPING), trial, fallen, damping]

    def steps(go: Tensor, held: Tensor, *state: Tensor) -> list[Tensor]:
        """As many as go well; the first truth value is whether a damped one is to follow."""
        endless, held, *here = _repeat(whole, [go, held, *state[:6]], state[6:], STEPS)
        return [_any(held) & ~endless, held, *here]

    def damped(_: Tensor, held: Tensor, *state: Tensor) -> Sequence[Tensor]:
        """A damped step in the rows that are held, then whole ones."""
        (x, direction, end, merit, length, size), theta = state[:6], state[6:]
        start = [_any(held), end, ~held, _core.asarray(0.5)]
        _, trial, fallen, _ = _repeat(halved, start, [x, direction, merit, *theta], STEPS)
        moved = held & fallen
        flat = ~fallen & (length <= tiny**0.5 * _core.maximum(1.0, size))
        # What follows a damped step counts whatever its merit.
        end, merit = _where(moved, trial, end), _core.where(moved, math.inf, merit)
        length = _core.where(flat, 0.0, length)
        go = _all(fallen | flat)
        place = [x, direction, end, merit, length, size]
        more, *after = steps(go, ~(fallen | flat), *place, *theta)
        return [more & go, *after]

    zero = _core.zeros(x.shape[:-1], dtype=x.dtype)
    start = [x, _core.zeros_like(x), x, zero + math.inf, zero + 1.0, zero]
    try:
        state = steps(_core.asarray(True), zero > 0.0, *start, *theta)
        state = _repeat(damped, state, theta, STEPS)
    except _NoLoopError:
        return None
    return state[4], _all(~far(*state[6:]) & (state[6] == state[6]))


def iterate(method: Method, x: Tensor, theta: Sequence[Tensor]) -> Found:
    """x <- f(x); see :func:`_newton.iterate`."""

    def step(_: Tensor, x: Tensor, solved: Tensor, *theta: Tensor) -> Sequence[Tensor]:
        _, y, _, change, size = method.step(x, *theta)
        x = _where(solved, x, y)
        finite = change < math.inf
        solved = solved | (finite & (change <= 4 * method.eps * _core.maximum(1.0, size)))
        return [~_all(solved) & _all(finite), x, solved]

    start = [_core.asarray(True), x, _core.zeros(x.shape[:-1], dtype=bool)]
    try:
        _, x, solved = _repeat(step, start, theta, 100 * STEPS)
    except _NoLoopError:
        return None
    return x, _all(solved)


def _where(rows: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return _core.where(rows[..., None] if x.ndim > rows.ndim else rows, x, y)


def _any(rows: Tensor) -> Tensor:
    return _core.any(rows) if rows.ndim else rows


def _all(rows: Tensor) -> Tensor:
    return _core.all(rows) if rows.ndim else rows
