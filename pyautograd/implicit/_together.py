"""The solvers of ``_newton`` for a batch of problems at once.

Each entry takes the steps that it would take by itself, and is left when it has converged. What is
not solved here, for whatever reason, is left to the solvers of single problems and their messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._flat import Array
from ._newton import LEAST_DAMPING
from ._steps import Method

_STEPS = 100


def newton(method: Method, x: Array, theta: Sequence[Tensor]) -> tuple[Array, Array]:
    """Rows of unknowns, and which of them are solutions."""
    solved = np.zeros(len(x), dtype=bool)
    going = ~solved
    tiny = method.eps**0.5
    try:
        step, end, (merit, length, size) = _evaluate(method, x, theta)
        for _ in range(_STEPS):
            going &= np.isfinite(length)
            close = going & (length <= tiny * np.maximum(size, tiny))
            x = np.where(close[:, None], end, x)
            solved |= close
            going &= ~close
            if not going.any():
                break
            trial = np.where(going[:, None], end, x)
            ahead = _evaluate(method, trial, theta)
            fallen = ~going | (ahead[2][0] < merit)
            if not fallen.all():
                trial, fallen = _lowered(method, x, step, trial, fallen, merit, theta)
                ahead = _evaluate(method, trial, theta)
            # As for single problems, nothing is left to gain here but in the step.
            flat = ~fallen & (length <= tiny**0.5 * np.maximum(1.0, size))
            x = np.where(flat[:, None], end, trial)
            solved |= flat
            going &= fallen
            step, end, (merit, length, size) = ahead
    except np.linalg.LinAlgError:  # of one, and none of the others is known
        pass
    return x, solved


def iterate(method: Method, x: Array, theta: Sequence[Tensor]) -> tuple[Array, Array]:
    """x <- f(x), row by row until it stays."""
    solved = np.zeros(len(x), dtype=bool)
    for _ in range(100 * _STEPS):
        _, y, (change, _, size) = _evaluate(method, x, theta)
        x = np.where(solved[:, None], x, y)
        finite = np.isfinite(change)
        solved |= finite & (change <= 4 * method.eps * np.maximum(1.0, size))
        if solved.all() or not finite.all():
            break
    return x, solved


def _evaluate(method: Method, x: Array, theta: Sequence[Tensor]) -> tuple[Array, Array, Any]:
    direction, end, *numbers = [y.numpy() for y in method.step(_core.asarray(x), *theta)]
    return direction, end, numbers


def _lowered(
    method: Method,
    x: Array,
    step: Array,
    trial: Array,
    fallen: Array,
    merit: Array,
    theta: Sequence[Tensor],
) -> tuple[Array, Array]:
    """The rows whose merit has not fallen moved by halved steps until it does; which ever did."""
    damping = 0.5
    while not fallen.all() and damping >= LEAST_DAMPING:
        halved = np.where(fallen[:, None], trial, x + damping * step)
        lower = ~fallen & (method.merit(_core.asarray(halved), *theta).numpy() < merit)
        trial = np.where(lower[:, None], halved, trial)
        fallen = fallen | lower
        damping /= 2
    return np.where(fallen[:, None], trial, x), fallen
