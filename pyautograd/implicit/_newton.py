"""The solvers used where the user brings none: Newton's method and plain iteration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._flat import Array
from .._points import Points

_STEPS = 200


def newton_root(op: str, points: Points, x: Array, eps: float) -> Array:
    """Newton's method with halved steps while the residual's norm does not fall."""

    def direction(x: Array) -> tuple[Array, float]:
        point = points(x)
        r = point.values()
        _check_finite(op, r)
        try:
            return -np.linalg.solve(point.jacobian(), r), float(np.linalg.norm(r))
        except np.linalg.LinAlgError:
            raise RuntimeError(
                f"[{op}] the Jacobian became singular on the way: start elsewhere, or pass solver="
            ) from None

    return _damped(
        op, x, eps, direction, lambda x: float(np.linalg.norm(points(x).values())), "residual norm"
    )


def newton_minimum(op: str, points: Points, x: Array, eps: float) -> Array:
    """Newton's method with the absolute values of the Hessian's eigenvalues, and halved steps.

    Saddles repel it (Y. Dauphin et al., Identifying and attacking the saddle point problem, 2014).
    """

    def direction(x: Array) -> tuple[Array, float]:
        point = points(x)
        g = point.gradient()
        _check_finite(op, g)
        values, vectors = np.linalg.eigh(point.hessian())
        size = np.maximum(np.abs(values), eps * np.abs(values).max(initial=0.0))
        # Without curvature, as of a linear function, down the gradient as it is
        size = np.where(size > 1e-300, size, 1.0)
        return -vectors @ ((vectors.T @ g) / size), point.value()

    return _damped(op, x, eps, direction, lambda x: points(x).value(), "value")


def _damped(
    op: str,
    x: Array,
    eps: float,
    direction: Callable[[Array], tuple[Array, float]],
    merit: Callable[[Array], float],
    what: str,
) -> Array:
    """Steps until the next would be lost in rounding, as convergence is quadratic."""
    for _ in range(_STEPS):
        step, value = direction(x)
        length = float(np.abs(step).max(initial=0.0))
        small = eps**0.5 * max(float(np.abs(x).max(initial=0.0)), eps**0.5)
        if length <= small or value == 0 == length:
            return x + step
        damping = 1.0
        while not merit(x + damping * step) < value:
            damping /= 2
            if damping < 1e-12:
                # Nothing is left to gain in the merit but rounding, while the step is still exact:
                # a minimum's value is flat over the root of the precision. Or nothing can be.
                if length <= eps**0.25 * max(1.0, float(np.abs(x).max())):
                    return x + step
                raise _stuck(op, f"cannot lower the {what} {value:.3g}")
        x = x + damping * step
    raise _stuck(op, f"has not converged after {_STEPS} steps, {what} {merit(x):.3g}")


def iterate(op: str, points: Points, x: Array, eps: float) -> Array:
    """x <- f(x) until it stays."""
    for _ in range(100 * _STEPS):
        y = points(x).values()
        _check_finite(op, y)
        change = float(np.abs(y - x).max(initial=0.0))
        x = y
        if change <= 4 * eps * max(1.0, float(np.abs(x).max(initial=0.0))):
            return x
    raise RuntimeError(
        f"[{op}] the iteration has not settled after {100 * _STEPS} steps, the last change was "
        f"{change:.3g}: it does not contract; use implicit.root, or pass solver="
    )


def _check_finite(op: str, values: Array) -> None:
    if not np.isfinite(values).all():
        raise RuntimeError(
            f"[{op}] the function became nan or infinite on the way: start elsewhere, or pass "
            "solver="
        )


def _stuck(op: str, what: str) -> RuntimeError:
    return RuntimeError(f"[{op}] Newton's method {what}: start nearer, or pass solver=")
