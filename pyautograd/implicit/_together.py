"""The solvers of ``_newton`` for a batch of problems at once.

Each entry takes the steps that it would take by itself, and is left when it has converged. What is
not solved here, for whatever reason, is left to the solvers of single problems and their messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._flat import Array

_STEPS = 100


class Batch(NamedTuple):
    """Functions of a matrix of unknowns, one row for each problem."""

    residual: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]
    # None where the residual's norm is to fall
    value: Callable[[Array], Array] | None = None


def newton(batch: Batch, x: Array, eps: float) -> tuple[Array, Array]:
    """The unknowns, and which rows are solutions: roots, or minima where there is a value."""
    step = _root_step if batch.value is None else _minimum_step
    merit = batch.value or (lambda x: np.linalg.norm(batch.residual(x), axis=1))
    solved = np.zeros(len(x), dtype=bool)
    going = ~solved
    for _ in range(_STEPS):
        r = batch.residual(x)
        going &= np.isfinite(r).all(axis=1)
        s = np.zeros_like(x)
        s[going] = step(r[going], batch.jacobian(x)[going], eps)
        going &= np.isfinite(s).all(axis=1)
        length = _largest(s)
        close = going & (length <= eps**0.5 * np.maximum(_largest(x), eps**0.5))
        x = np.where(close[:, None], x + s, x)
        solved |= close
        going &= ~close
        if not going.any():
            break
        x, moved = _lowered(x, s, going, merit)
        # As for single problems, nothing is left to gain here but in the step.
        flat = going & ~moved & (length <= eps**0.25 * np.maximum(1.0, _largest(x)))
        x = np.where(flat[:, None], x + s, x)
        solved |= flat
        going &= moved
    return x, solved


def iterate(batch: Batch, x: Array, eps: float) -> tuple[Array, Array]:
    """x <- x - residual(x), row by row until it stays."""
    solved = np.zeros(len(x), dtype=bool)
    for _ in range(100 * _STEPS):
        y = x - batch.residual(x)
        change = _largest(y - x)
        x = np.where(solved[:, None], x, y)
        solved |= change <= 4 * eps * np.maximum(1.0, _largest(x))
        if solved.all() or not np.isfinite(change).all():
            break
    return x, solved


def _root_step(r: Array, jacobian: Array, eps: float) -> Array:
    try:
        return -np.linalg.solve(jacobian, r[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return np.full_like(r, np.nan)


def _minimum_step(g: Array, hessian: Array, eps: float) -> Array:
    values, vectors = np.linalg.eigh(np.nan_to_num((hessian + hessian.transpose(0, 2, 1)) / 2))
    size = np.abs(values)
    size = np.maximum(size, eps * size.max(axis=1, initial=0.0, keepdims=True))
    size = np.where(size > 1e-300, size, 1.0)
    along = np.einsum("bij,bi->bj", vectors, g) / size
    step: Array = -np.einsum("bij,bj->bi", vectors, along)
    return step


def _lowered(
    x: Array, step: Array, going: Array, merit: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Each row moved by its step, halved until the merit falls, and whether it ever did."""
    value, damping = merit(x), np.ones(len(x))
    fallen = ~going
    while not fallen.all() and damping[~fallen].max() > 1e-12:
        fallen |= merit(x + damping[:, None] * step) < value
        damping = np.where(fallen, damping, damping / 2)
    taken = (going & fallen)[:, None]
    return np.where(taken, x + damping[:, None] * step, x), fallen


def _largest(x: Array) -> Any:
    return np.abs(x).max(axis=1, initial=0.0)
