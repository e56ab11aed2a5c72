"""solve_ivp: initial value problems."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core, tree
from .._bfloat16 import array_dtype
from .._core import Tensor
from .._flat import Array
from .._scipy_arguments import as_start, further
from ..checkpointing import checkpoint as checkpointed
from ..func._arguments import check_callable
from ._control import Control, Taken
from ._methods import Method, Slope, method_of
from ._system import System, Times

_OP = "integrate.solve_ivp"


@dataclass(frozen=True, eq=False)
class Solution:
    """What :func:`solve_ivp` returns.

    Attributes:
        t: the times, of shape (m,).
        y: the solution there: a tensor of shape ``(*y0.shape, m)``, or a tree of them.
        nfev: how often the function was evaluated.
        steps, rejected: how many steps were taken, and how many more were tried.
    """

    t: Tensor
    y: Any
    nfev: int
    steps: int
    rejected: int


def solve_ivp(
    fun: Callable[..., Any],
    t_span: tuple[Any, Any],
    y0: Any,
    method: str = "RK45",
    t_eval: Any = None,
    *,
    args: Any = (),
    rtol: float = 1e-3,
    atol: Any = 1e-6,
    first_step: float | None = None,
    max_step: float = math.inf,
    steps: Any = None,
    checkpoint: bool = False,
) -> Solution:
    """The solution of ``dy/dt = fun(t, y, *args)`` from ``y0``, differentiable in all of them.

    It takes the steps of :func:`scipy.integrate.solve_ivp`, with the same values. Derivatives are
    those of the steps taken, to rounding, of any order, in both modes and under ``vmap``. The
    lengths of the steps are constants, chosen for the values: how far derivatives are from those of
    the true solution is not estimated. Mostly that is about as far as the values are, but much
    further where an explicit method is kept from longer steps by stiffness alone: take Rodas4
    there. Other numbers take other steps, between which values jump by as little as the tolerances
    permit.

    Args:
        fun: returns the derivative of ``y`` at a time, a number or a scalar tensor, in the form of
            ``y0``; for a vector a list of numbers will do. Tensors that it captures are
            differentiated as well as those in ``args``.
        t_span: the first and the last time, which may be less than the first. An end that is a
            tensor may be differentiated.
        y0: the start: a tensor or an array of any shape, a list of numbers, or a tree of tensors.
        method: ``"RK45"``, ``"RK23"`` or ``"DOP853"``, which are SciPy's; or ``"Rodas4"`` for stiff
            systems: a Rosenbrock method of order 4, with the exact Jacobian of ``fun``, which then
            gets its time as a tensor.
        t_eval: the times to return, in order and within ``t_span``, from a polynomial between the
            ends of each step. By default the ends of the steps themselves.
        args: a tuple of what ``fun`` takes behind ``y``.
        rtol, atol: the tolerances: the error of a step is kept below ``atol + rtol * abs(y)`` in
            the mean of the unknowns. ``atol`` may have the form of ``y0``.
        first_step, max_step: lengths of steps, in units of time.
        steps: the ends of the steps to take, such as the ``t`` of another solution, whatever the
            tolerances. The values are then smooth functions of all else, and a call can be
            captured (:func:`pyautograd.captured`) if ``t_span``, ``t_eval`` and ``steps`` hold
            numbers. To an end of ``t_span`` that is a tensor they are stretched.
        checkpoint: keep only where each step begins, and run it again for a derivative.

    Returns:
        A :class:`Solution`: ``t`` of shape (m,) and ``y`` of shape ``(*y0.shape, m)``. Under
        ``vmap`` all entries take the same steps, as short as the hardest of them needs.

    Raises:
        ValueError: an unknown method, times or steps that are out of order or of range, or ``fun``
            returns another shape.
        TypeError: ``y0`` holds no numbers, or is complex where the method is Rodas4.
        RuntimeError: no step is short enough; or the call is being captured without ``steps``.
        ImportError: SciPy is missing, which has the tables of its methods.

    Warns:
        UserWarning: the system is stiff, and what RK45 or DOP853 return may be differentiated; or
            ``rtol`` is less than rounding allows.

    See E. Hairer, S. Norsett and G. Wanner, Solving Ordinary Differential Equations I, 1993, and P.
    Eberhard and C. Bischof, Automatic differentiation of numerical integration algorithms,
    Mathematics of Computation 68, 1999.

    >>> def pendulum(t, y, damping):
    ...     angle, speed = y
    ...     return [speed, -pa.sin(angle) - damping * speed]
    >>> def end(damping):
    ...     return pa.integrate.solve_ivp(pendulum, (0, 5), [1.0, 0.0], args=(damping,)).y[:, -1]
    >>> pa.jacobian(end, 0.1).numpy().round(2)
    array([-0.09, -1.83])
    """
    check_callable(_OP, fun)
    if steps is None and (_core.capturing() or _core.device_capturing()):
        raise RuntimeError(
            f"[{_OP}] which steps are taken depends on numbers: for a captured call give them, "
            "with steps=, such as the t of another solution"
        )
    system = System(_OP, fun, as_start(y0), further(args))
    times = Times(_OP, t_span, t_eval)
    solver = method_of(_OP, method, system.start)
    run = checkpointed if checkpoint else _at_once
    unit = times.unit()
    control = Control(
        _OP,
        solver,
        (_relative(rtol, system.start), _absolute(atol, system.start)),
        None if first_step is None else _length("first_step", first_step) / unit,
        _length("max_step", max_step) / unit,
        run,
    )
    slope = times.slope(system)
    if steps is None:
        taken = list(control.chosen(slope, times.start, times.end, system.start))
    else:
        taken = list(control.given(slope, times.steps(steps), system.start))
    if control.stiff:
        _doubt(taken[-1].step.y, method)
    if times.asked is None:
        ends = np.array([times.start, *[each.stop for each in taken]])
        places, columns = _core.asarray(ends), [system.start, *[each.step.y for each in taken]]
        y = _core.stack(columns, axis=1)
    else:
        places, values = times.asked
        y = _between(solver, slope, run, system.start, taken, places, values)
    counts = system.evaluations, len(taken), control.rejected
    return Solution(times.of(places), system.columns(y), *counts)


def _doubt(y: Tensor, method: str) -> None:
    if y.requires_grad or _core.depth(y):
        warnings.warn(
            f"[{_OP}] the system is stiff, so that derivatives may be much further off than values "
            f"are with method={method!r}: use 'Rodas4'",
            stacklevel=3,
        )


def _between(
    solver: Method,
    f: Slope,
    run: Callable[..., Any],
    start: Tensor,
    taken: Sequence[Taken],
    places: Tensor,
    values: Array,
) -> Tensor:
    """The solution at places, whose values run in the direction of the steps; one column each."""
    first = int(np.count_nonzero(values == (taken[0].t if taken else values)))
    columns = [_core.stack([start] * first, axis=1)] if first else []
    for t, stop, h, y, step in taken:
        last = int(np.count_nonzero(values <= stop if h > 0 else values >= stop))
        if last > first:
            increments = run(solver.increments, f, t, y, h, step)
            columns.append(solver.between(y, increments, (places[first:last] - t) / h))
            first = last
    return _core.concat(columns, axis=1) if columns else start[:, None][:, :0]


def _at_once(f: Callable[..., Any], *args: Any) -> Any:
    return f(*args)


def _relative(rtol: float, y: Tensor) -> float:
    least = 100 * float(np.finfo(array_dtype(y.dtype)).eps)
    if rtol < least:
        warnings.warn(
            f"[{_OP}] rtol={rtol} is less than rounding allows: {least:.2g} is used", stacklevel=3
        )
    return max(rtol, least)


def _absolute(atol: Any, y: Tensor) -> Any:
    """A number, or a tensor of one for each unknown."""
    values = tree.ravel(atol)[0].detach()
    if values.shape not in ((1,), y.shape):
        raise ValueError(f"[{_OP}] atol holds {values.size} numbers for {y.size} unknowns")
    if not _core.all(values >= 0):
        raise ValueError(f"[{_OP}] atol must not be negative, got {atol}")
    return values.item() if values.size == 1 else values.to(y.device)


def _length(name: str, given: float) -> float:
    if not given > 0:
        raise ValueError(f"[{_OP}] {name} must be positive, got {given}")
    return float(given)
