"""The solvers used where the user brings none: Newton's method and plain iteration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._core import Tensor
from ._steps import Method

STEPS = 200
LEAST_DAMPING = 1e-12


def newton(op: str, method: Method, x: Tensor, theta: Sequence[Tensor]) -> Tensor:
    """Halves a step while the merit does not fall.

    Ends where the next step would be lost in rounding, as convergence is quadratic.
    """
    here = _Place(method, x, theta)
    tiny = method.eps**0.5
    for _ in range(STEPS):
        if here.singular and math.isfinite(here.merit):
            raise RuntimeError(
                f"[{op}] the Jacobian became singular on the way: start elsewhere, or pass solver="
            )
        if not math.isfinite(here.length):
            raise _not_finite(op)
        if here.length <= tiny * max(here.size, tiny):
            return here.end
        there = _Place(method, here.end, theta)
        if not there.merit < here.merit:
            end = _halved(method, here, theta)
            if end is None:
                # Nothing is left to gain in the merit but rounding, while the step is still exact:
                # a minimum's value is flat over the root of the precision. Or nothing can be.
                if here.length <= tiny**0.5 * max(1.0, here.size):
                    return here.end
                raise _stuck(op, f"cannot lower the {method.what} {here.merit:.3g}")
            there = _Place(method, end, theta)
        here = there
    raise _stuck(op, f"has not converged after {STEPS} steps, {method.what} {here.merit:.3g}")


class _Place:
    """A point, and the step from there."""

    __slots__ = ("direction", "end", "length", "merit", "singular", "size", "x")

    def __init__(self, method: Method, x: Tensor, theta: Sequence[Tensor]) -> None:
        self.x, self.singular = x, False
        try:
            self.direction, self.end, *numbers = method.step(x, *theta)
            self.merit, self.length, self.size = [number.item() for number in numbers]
        except np.linalg.LinAlgError:
            self.singular, self.length = True, math.nan
            self.merit = method.merit(x, *theta).item()


def _halved(method: Method, here: _Place, theta: Sequence[Tensor]) -> Tensor | None:
    """The end of the longest of the halved steps that lowers the merit; None if there is none."""
    damping = 0.5
    while damping >= LEAST_DAMPING:
        end = here.x + damping * here.direction
        if method.merit(end, *theta).item() < here.merit:
            return end
        damping /= 2
    return None


def iterate(op: str, method: Method, x: Tensor, theta: Sequence[Tensor]) -> Tensor:
    """x <- f(x) until it stays."""
    for _ in range(100 * STEPS):
        _, x, _, *numbers = method.step(x, *theta)
        change, size = [number.item() for number in numbers]
        if not math.isfinite(change):
            raise _not_finite(op)
        if change <= 4 * method.eps * max(1.0, size):
            return x
    raise RuntimeError(
        f"[{op}] the iteration has not settled after {100 * STEPS} steps, the last change was "
        f"{change:.3g}: it does not contract; use implicit.root, or pass solver="
    )


def _not_finite(op: str) -> RuntimeError:
    return RuntimeError(
        f"[{op}] the function became nan or infinite on the way: start elsewhere, or pass solver="
    )


def _stuck(op: str, what: str) -> RuntimeError:
    return RuntimeError(f"[{op}] Newton's method {what}: start nearer, or pass solver=")
