"""How long the steps are: SciPy's rule, of E. Hairer, S. Norsett and G. Wanner, Solving Ordinary
Differential Equations I, 1993, sections II.4 and II.5.

Lengths are numbers, decided by the values alone; under ``vmap`` all entries take the same steps,
which are as short as the hardest of them needs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor
from .._flat import Array
from .._numbers import numbers
from ..grad_mode import no_grad
from ._methods import Method, Slope, Step

_SAFETY = 0.9
_LEAST_FACTOR = 0.2
_MOST_FACTOR = 10.0
# Of so many steps one is looked at for stiffness, until there is some
_LOOK_EVERY = 5


class Taken(NamedTuple):
    """A step of length h, positive or negative, from y at t to stop."""

    t: float
    stop: float
    h: float
    y: Tensor
    step: Step


class Control:
    """Steps from one time to another within tolerances."""

    def __init__(
        self,
        op: str,
        method: Method,
        tolerances: tuple[float, Any],
        first_step: float | None,
        max_step: float,
        run: Callable[..., Any],
    ) -> None:
        self._op, self._method, self._run = op, method, run
        self._rtol, self._atol = tolerances
        self._first_step, self._max_step = first_step, max_step
        self._exponent = -1.0 / (method.order + 1)
        self.rejected = 0
        self._looks = self._stiff_steps = self._other_steps = 0
        # Found only where the solution is differentiated
        self.stiff = False

    def given(self, f: Slope, ends: Array, y: Tensor) -> Iterator[Taken]:
        """The steps between these times."""
        slope: Tensor | None = None
        for t, stop in itertools.pairwise(ends.tolist()):
            slope = f(t, y) if slope is None else slope
            step = self._run(self._method.step, f, t, y, slope, stop - t)
            yield Taken(t, stop, stop - t, y, step)
            y, slope = step.y, step.slope

    def chosen(self, f: Slope, t: float, end: float, y: Tensor) -> Iterator[Taken]:
        """Steps from one time to another, as long as the tolerances permit."""
        first = f(t, y)
        length = self._first_step or self._initial(f, t, end, y, first)
        slope: Tensor | None = first
        while t != end:
            slope = f(t, y) if slope is None else slope
            taken, length = self._accepted(f, t, end, y, slope, length)
            self._watch(f, taken)
            yield taken
            t, y, slope = taken.stop, taken.step.y, taken.step.slope

    def _accepted(
        self, f: Slope, t: float, end: float, y: Tensor, slope: Tensor, length: float
    ) -> tuple[Taken, float]:
        """The next step, and the length to try after it."""
        direction = math.copysign(1.0, end - t)
        least = 10 * abs(np.nextafter(t, direction * math.inf) - t)
        length = min(max(length, least), self._max_step)
        most = _MOST_FACTOR
        while length >= least:
            stop = t + length * direction
            stop = end if direction * (stop - end) > 0 else stop
            h = stop - t
            step = self._run(self._method.step, f, t, y, slope, h)
            error = self._error(step, y)
            if error < 1.0:
                factor = _SAFETY * error**self._exponent if error else _MOST_FACTOR
                return Taken(t, stop, h, y, step), abs(h) * min(most, factor)
            # Where the error is nan, the shortest.
            length = abs(h) * max(_LEAST_FACTOR, _SAFETY * error**self._exponent)
            most = 1.0
            self.rejected += 1
        raise RuntimeError(
            f"[{self._op}] at t = {t:.6g} no step is short enough: the solution may end there, the "
            "function may return what is not finite, or the system is stiff, for which there is "
            "method='Rodas4'"
        )

    def _error(self, step: Step, y: Tensor) -> float:
        """Of a step, relative to the tolerances: in the mean of the unknowns."""
        sizes = _sizes(_core.concat([step.errors, _core.stack([y, step.y])]))
        scale = self._scale(_core.maximum(sizes[..., -2, :], sizes[..., -1, :]))
        squares = _core.mean((sizes[..., :-2, :] / scale[..., None, :]) ** 2, axis=-1)
        errors = self._method.error(_core.unstack(squares, axis=-1))
        return float(_core.max(errors)) if sizes.size else 0.0

    def _watch(self, f: Slope, taken: Taken) -> None:
        """Whether stability and not the error has limited the steps for a while: DOPRI5's rule."""
        if (
            self.stiff
            or self._method.stiff_from == math.inf
            or not _is_differentiated(taken.step.y)
        ):
            return
        self._looks += 1
        if not self._stiff_steps and self._looks % _LOOK_EVERY:
            return
        with no_grad(), _core.Aside():  # a checkpoint runs first where nobody differentiates
            spread = self._method.spread(f, taken.stop, taken.step)
            slopes, points = _core.unstack(_rms(_sizes(spread)), axis=-1)
            limited = _core.any(abs(taken.h) * slopes > self._method.stiff_from * points)
        if limited:
            self._stiff_steps, self._other_steps = self._stiff_steps + 1, 0
        else:
            self._other_steps += 1
            if self._other_steps == 6:
                self._stiff_steps = 0
        self.stiff = self._stiff_steps == 15

    def _initial(self, f: Slope, t: float, end: float, y: Tensor, slope: Tensor) -> float:
        """A first length, from an estimate of the second derivative."""
        span = abs(end - t)
        rows = _sizes(_core.stack([y, slope]))
        if not (rows.size and span):
            return min(span, self._max_step)
        scale = self._scale(rows[..., 0, :])
        size, speed = _rms(rows[..., 0, :] / scale), _rms(rows[..., 1, :] / scale)
        still = _core.logical_or(size < 1e-5, speed < 1e-5)
        trial = _core.minimum(_core.where(still, 1e-6, 0.01 * size / speed), span)
        ahead = math.copysign(float(_core.min(trial)), end - t)
        moved = f(t + ahead, y + ahead * slope)
        bend = _rms(_sizes(moved - slope) / scale) / trial
        fastest = _core.maximum(speed, bend)
        slow = fastest <= 1e-15
        length = _core.where(
            slow, _core.maximum(1e-6, trial * 1e-3), (0.01 / fastest) ** -self._exponent
        )
        return min(float(_core.min(_core.minimum(100 * trial, length))), span, self._max_step)

    def _scale(self, sizes: Tensor) -> Tensor:
        scale: Tensor = self._atol + self._rtol * sizes
        return scale


def _is_differentiated(y: Tensor) -> bool:
    return y.requires_grad or _core.depth(y) > 0


def _sizes(x: Tensor) -> Tensor:
    return _core.absolute(numbers(x)).astype(np.float64)


def _rms(sizes: Tensor) -> Tensor:
    return _core.sqrt(_core.mean(sizes**2, axis=-1))
