"""solve_ivp: initial value problems."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core, tree
from .._bfloat16 import array_dtype
from .._core import Tensor
from .._scipy_arguments import as_start, further
from ..checkpointing import checkpoint as checkpointed
from ..func._arguments import check_callable
from ._control import Control
from ._dense import OdeSolution, Piece, Pieces
from ._events import Events
from ._methods import method_of
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
        sol: with ``dense_output`` the solution as a function of time, an :class:`OdeSolution`.
        t_events, y_events: with ``events`` a list with the times of each event, of shape (k,), and
            one with the solution there, of shape ``(k, *y0.shape)``. Under ``vmap`` an entry in
            which an event occurs less often than in others has nan in place of the rest.
        njev, nlu: how many Jacobians were evaluated, and factored.
        status: 1 if an event has ended the solution, else 0.
        message: the same in words.
        success: true, as a solution that fails raises.
    """

    t: Tensor
    y: Any
    nfev: int
    steps: int
    rejected: int
    sol: OdeSolution | None = None
    t_events: list[Tensor] | None = None
    y_events: list[Any] | None = None
    njev: int = 0
    nlu: int = 0
    status: int = 0
    message: str = "The solver successfully reached the end of the integration interval."
    success: bool = True


def solve_ivp(
    fun: Callable[..., Any],
    t_span: tuple[Any, Any],
    y0: Any,
    method: str | type = "RK45",
    t_eval: Any = None,
    *,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = (),
    rtol: Any = 1e-3,
    atol: Any = 1e-6,
    first_step: float | None = None,
    max_step: float = math.inf,
    steps: Any = None,
    checkpoint: bool = False,
    **unused: Any,
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
            ends of each step. By default the ends of the steps themselves. Under ``vmap`` entries
            may ask for different times.
        dense_output: return that polynomial, as ``Solution.sol``.
        events: a function ``event(t, y, *args)`` of one number, or a list of them: where one is
            zero is found between the ends of each step that it changes its sign in. As in SciPy it
            may have the attributes ``terminal``, true or the count at which the solution ends
            there, and ``direction``, the sign of the change. It gets its time as a tensor. The
            times, and the solution there, are differentiated as what solves the equation, to
            every order, tensors that the event captures included.
        vectorized: ``fun`` takes and returns a matrix with a column for each state, as in SciPy.
        args: a tuple of what ``fun`` takes behind ``y``.
        rtol, atol: the tolerances: the error of a step is kept below ``atol + rtol * abs(y)`` in
            the mean of the unknowns. Both may have the form of ``y0``.
        first_step, max_step: lengths of steps, in units of time.
        steps: the ends of the steps to take, such as the ``t`` of another solution, whatever the
            tolerances. The values are then smooth functions of all else, and a call can be
            captured (:func:`pyautograd.captured`) if ``t_span``, ``t_eval`` and ``steps`` hold
            numbers. To an end of ``t_span`` that is a tensor they are stretched.
        checkpoint: keep only where each step begins, and run it again for a derivative.
        **unused: ``jac`` and other options of SciPy's implicit methods, which no method needs.

    Returns:
        A :class:`Solution`: ``t`` of shape (m,) and ``y`` of shape ``(*y0.shape, m)``. Under
        ``vmap`` all entries take the same steps, as short as the hardest of them needs. Where
        events end the solution it goes on until they have in all entries; then ``t`` and ``y`` have
        the steps that are before the end in all, and behind them the end of each.

    Raises:
        ValueError: an unknown method, times or steps that are out of order or of range, ``fun``
            returns another shape, or under ``vmap`` events end the solution in some entries only.
        TypeError: ``y0`` holds no numbers, or is complex where the method is Rodas4.
        RuntimeError: no step is short enough, where SciPy returns what it has; or the call is being
            captured without ``steps``, or with ``events``.
        ImportError: SciPy is missing, which has the tables of its methods.

    Warns:
        UserWarning: the system is stiff, and what an explicit method returns may be differentiated
            (RK23 evaluates ``fun`` once more in every fifth step to see it); ``rtol`` is less than
            rounding allows; or an option is not used.

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

    How long the first swing takes, and how that depends on the damping:

    >>> def turns(t, y, damping): return y[1]
    >>> turns.terminal, turns.direction = True, 1
    >>> def swing(damping):
    ...     options = {"args": (damping,), "events": turns, "rtol": 1e-8, "atol": 1e-10}
    ...     return pa.integrate.solve_ivp(pendulum, (0, 10), [1.0, 0.0], **options).t[-1]
    >>> swing(0.1).item().__round__(4), pa.func.grad(swing)(0.1).item().__round__(4)
    (3.324, -0.1438)
    """
    check_callable(_OP, fun)
    _check_unused(unused)
    if _core.capturing() or _core.device_capturing():
        _check_captured(steps, events)
    further_args = () if args is None else further(args)
    system = System(_OP, fun, as_start(y0), further_args, vectorized)
    times = Times(_OP, t_span, t_eval)
    solver = method_of(_OP, method, system.start)
    run = checkpointed if checkpoint else _at_once
    unit = times.unit()
    control = Control(
        _OP,
        solver,
        (_relative(rtol, system.start), _tolerance("atol", atol, system.start)),
        None if first_step is None else _length("first_step", first_step) / unit,
        _length("max_step", max_step) / unit,
        run,
    )
    slope = times.slope(system)
    watched = None if events is None else Events(events, further_args, system, times)
    if steps is None:
        taken = control.chosen(slope, times.start, times.end, system.start)
    else:
        taken = control.given(slope, times.steps(steps), system.start)
    pieces: list[Piece] = []
    for each in taken:
        pieces.append(Piece(each, solver, slope, run))
        if watched and watched.end_in(pieces[-1]):
            break
    if control.stiff:
        _doubt(method)
    seen, end = watched.results(pieces) if watched else ({}, None)
    found = Pieces(times.start, system.start, pieces, end)
    places, y = found.ends() if times.asked is None else found.reached(*times.asked)
    sol = OdeSolution(found, times, system) if dense_output else None
    jacobians = len(pieces) + control.rejected if solver.needs_jacobian else 0
    evaluations = system.evaluations - jacobians
    return Solution(
        times.of(places),
        system.columns(y),
        evaluations,
        len(pieces),
        control.rejected,
        sol,
        njev=jacobians,
        nlu=jacobians,
        **seen,
    )


def _check_unused(unused: dict[str, Any]) -> None:
    """What SciPy's implicit methods take."""
    for name in unused:
        if name not in ("jac", "jac_sparsity", "lband", "uband", "min_step"):
            raise TypeError(f"solve_ivp() got an unexpected keyword argument {name!r}")
    if unused:
        warnings.warn(
            f"[{_OP}] {', '.join(unused)}: not used, as 'Rodas4' differentiates the function "
            "itself and the other methods need no Jacobian",
            stacklevel=3,
        )


def _check_captured(steps: Any, events: Any) -> None:
    if steps is None:
        raise RuntimeError(
            f"[{_OP}] which steps are taken depends on numbers: for a captured call give them, "
            "with steps=, such as the t of another solution"
        )
    if events is not None:
        raise RuntimeError(
            f"[{_OP}] which events occur depends on numbers: with events it cannot be captured"
        )


def _doubt(method: str | type) -> None:
    warnings.warn(
        f"[{_OP}] the system is stiff, so that derivatives may be much further off than values are "
        f"with method={method!r}: use 'Rodas4'",
        stacklevel=3,
    )


def _at_once(f: Callable[..., Any], *args: Any) -> Any:
    return f(*args)


def _relative(rtol: Any, y: Tensor) -> Any:
    values = _tolerance("rtol", rtol, y)
    least = 100 * float(np.finfo(array_dtype(y.dtype)).eps)
    if _core.any(_core.asarray(values) < least):
        warnings.warn(
            f"[{_OP}] rtol={rtol} is less than rounding allows: {least:.2g} is used", stacklevel=3
        )
        return _core.maximum(values, least) if isinstance(values, Tensor) else least
    return values


def _tolerance(name: str, given: Any, y: Tensor) -> Any:
    """A number, or a tensor of one for each unknown."""
    values = tree.ravel(given)[0].detach()
    if values.shape not in ((1,), y.shape):
        raise ValueError(f"[{_OP}] {name} holds {values.size} numbers for {y.size} unknowns")
    if not _core.all(values >= 0):
        raise ValueError(f"[{_OP}] {name} must not be negative, got {given}")
    return values.item() if values.size == 1 else values.to(y.device)


def _length(name: str, given: float) -> float:
    if not given > 0:
        raise ValueError(f"[{_OP}] {name} must be positive, got {given}")
    return float(given)
