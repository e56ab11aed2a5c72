"""One step of a solver, as a function of tensors, and the polynomial between its ends."""

from __future__ import annotations

import itertools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import _core, func, linalg
from .._core import Tensor
from .._flat import Array
from .._scipy import scipy_module

# The derivative at a time, a number or a scalar tensor, and a vector
Slope: TypeAlias = Callable[[Any, Tensor], Tensor]


class Step(NamedTuple):
    y: Tensor
    # The derivative there, if it is known
    slope: Tensor | None
    # A row for each estimate of the error
    errors: Tensor
    # Rows of which the polynomial is made
    stages: Tensor
    # Of the last stage before the end, where it is at the same time
    before: Tensor | None = None


class Method(ABC):
    """``order`` is that of the error estimate."""

    order: int
    # The product of a step and the largest rate from which on stability limits the step
    stiff_from = math.inf
    # Whether each step evaluates and factors one
    needs_jacobian = False
    # Increments by coefficients of the basis
    polynomial: Array

    def spread(self, f: Slope, stop: float, step: Step) -> Tensor:
        """How far two slopes at the end of a step differ, and the points that they are taken at."""
        raise NotImplementedError

    @abstractmethod
    def step(self, f: Slope, t: float, y: Tensor, slope: Tensor, h: float) -> Step: ...

    def error(self, squares: Sequence[Tensor]) -> Tensor:
        """One number from the mean squares of the rows of errors."""
        return _core.sqrt(squares[0])

    def increments(self, f: Slope, t: float, y: Tensor, h: float, step: Step) -> Tensor:
        """All rows that the polynomial needs."""
        return step.stages

    def between(self, y: Tensor, increments: Tensor, x: Any) -> Tensor:
        """The solution at places x of a step, from 0 to 1: one column for each."""
        weights = _core.matmul(_like(self.polynomial, y), self.basis_at(x, y))
        return y[:, None] + _core.matmul(increments.T, weights)

    def coefficients(self, increments: Tensor) -> Tensor:
        """Of the basis: a column for each."""
        return _core.matmul(increments.T, _like(self.polynomial, increments))

    def basis_at(self, x: Any, y: Tensor) -> Tensor:
        """A column for each place, where y is."""
        rows = _core.stack(self.basis(x, self.polynomial.shape[1]))
        return rows.to(y.device).astype(_real(y))

    def basis(self, x: Any, count: int) -> list[Any]:
        return [x ** (i + 1) for i in range(count)]


class RungeKutta(Method):
    """An explicit pair whose last stage is the first of the next step (tables: SciPy's)."""

    # Just below where the stability region ends on the negative axis
    stiff_from = 3.25

    def __init__(self, table: Any, y: Tensor) -> None:
        self.order = table.error_estimator_order
        self.polynomial = table.P
        self._c = table.C
        # Each stage's weights of those before; the last row leads to the end.
        rows = [table.A[i, :i] for i in range(1, table.n_stages)]
        self._a = [_like(row, y) for row in [*rows, table.B]]
        self._errors = _like(np.stack(self._estimates(table)), y)

    def _estimates(self, table: Any) -> list[Array]:
        return [table.E]

    def step(self, f: Slope, t: float, y: Tensor, slope: Tensor, h: float) -> Step:
        stages, end = [slope], y
        for a, c in zip(self._a, [*self._c[1:], 1.0], strict=True):
            before = end
            end = y + _core.matmul(h * a, _core.stack(stages))
            stages.append(f(t + float(c) * h, end))
        rows = _core.stack(stages)
        return Step(end, stages[-1], _core.matmul(h * self._errors, rows), rows, before)

    def spread(self, f: Slope, stop: float, step: Step) -> Tensor:
        """DOPRI5's rule: a stage and the end itself are at the same time."""
        assert step.before is not None
        return _core.stack([step.stages[-1] - step.stages[-2], step.y - step.before])

    def increments(self, f: Slope, t: float, y: Tensor, h: float, step: Step) -> Tensor:
        return h * step.stages


class BogackiShampine(RungeKutta):
    """Of order 3, whose last stage is before the end: the other solution takes its place."""

    stiff_from = 2.4

    def spread(self, f: Slope, stop: float, step: Step) -> Tensor:
        error = step.errors[0]
        return _core.stack([step.stages[-1] - f(stop, step.y - error), error])


class DormandPrince853(RungeKutta):
    """Of order 8, with two estimates of the error and further stages for the polynomial."""

    stiff_from = 6.1

    def __init__(self, table: Any, y: Tensor) -> None:
        super().__init__(table, y)
        self.polynomial = _polynomial_853(table)
        self._further = [
            (_like(a[:i], y), float(c))
            for i, (a, c) in enumerate(
                zip(table.A_EXTRA, table.C_EXTRA, strict=True), table.n_stages + 1
            )
        ]

    def _estimates(self, table: Any) -> list[Array]:
        return [table.E5, table.E3]

    def error(self, squares: Sequence[Tensor]) -> Tensor:
        fifth, third = squares
        return _core.where(fifth == 0.0, 0.0, fifth / _core.sqrt(fifth + 0.01 * third))

    def increments(self, f: Slope, t: float, y: Tensor, h: float, step: Step) -> Tensor:
        rows = super().increments(f, t, y, h, step)
        for a, c in self._further:
            row = h * f(t + c * h, y + _core.matmul(a, rows))
            rows = _core.concat([rows, row[None]])
        return rows

    def basis(self, x: Any, count: int) -> list[Any]:
        """x, x (1 - x), x**2 (1 - x), ...: powers would lose digits."""
        factors = itertools.islice(itertools.cycle([x, 1 - x]), count)
        return list(itertools.accumulate(factors, operator.mul))


def _polynomial_853(table: Any) -> Array:
    """Of Hairer, Norsett and Wanner."""
    stages = table.n_stages + 1 + len(table.A_EXTRA)
    first, last = np.eye(stages)[[0, table.n_stages]]
    step = np.append(table.B, np.zeros(stages - len(table.B)))
    return np.stack([step, first - step, 2 * step - first - last, *table.D], axis=1)


class Rodas4(Method):
    """A Rosenbrock method of order 4 for stiff systems: a linear system in place of each stage.

    E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, 1996, section IV.7 and its
    code RODAS.
    """

    order = 3
    needs_jacobian = True
    _GAMMA = 0.25
    _C = (0.0, 0.386, 0.21, 0.63, 1.0, 1.0)
    _OF_TIME = (0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0)
    _END = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895)
    _A = (
        (1.544,),
        (0.9466785280815826, 0.2557011698983284),
        (3.314825187068521, 2.896124015972201, 0.9986419139977817),
        _END,
        (*_END, 1.0),
    )
    _B = (
        (-5.6688,),
        (-2.430093356833875, -0.2063599157091915),
        (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
        (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.7089089320616),
        (
            *(8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136),
            -6.058818238834054,
        ),
    )
    _BETWEEN = (
        (*_END, 1.0, 1.0),
        (
            *(10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823),
            *(1.025137723295662, 0.0),
        ),
        (
            *(-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386),
            *(-6.594389125716872, 0.0),
        ),
    )

    def __init__(self, y: Tensor) -> None:
        linear, second, third = np.array(self._BETWEEN)
        self.polynomial = np.stack([linear + second, third - second, -third], axis=1)
        self._a = [_like(np.array(row), y) for row in self._A]
        self._b = [_like(np.array(row), y) for row in self._B]

    def step(self, f: Slope, t: float, y: Tensor, slope: Tensor, h: float) -> Step:
        time = _core.full((1,), t, dtype=y.dtype, device=y.device)
        point = _core.concat([time, y])
        jacobian = func.jacfwd(lambda p: f(p[0], p[1:]))(point)
        by_time = jacobian[:, 0]
        identity = _core.eye(len(y), dtype=y.dtype, device=y.device)
        matrix = linalg.lu_factor(identity / (self._GAMMA * h) - jacobian[:, 1:])

        increments = [linalg.lu_solve(matrix, slope + self._OF_TIME[0] * h * by_time)]
        rows = zip(self._a, self._b, self._C[1:], self._OF_TIME[1:], strict=True)
        for a, b, c, d in rows:
            before = _core.stack(increments)
            end = y + _core.matmul(a, before)
            right = f(t + c * h, end) + _core.matmul(b, before) / h
            increments.append(linalg.lu_solve(matrix, right + d * h * by_time if d else right))
        return Step(end + increments[-1], None, increments[-1][None], _core.stack(increments))


def method_of(op: str, name: str | type, y: Tensor) -> Method:
    """The method for vectors of the dtype and the place of y. SciPy's classes stand for names."""
    name = name.__name__ if isinstance(name, type) else name
    if name == "Rodas4":
        if y.dtype.kind == "c":
            raise TypeError(f"[{op}] Rodas4 is for real unknowns: take real and imaginary parts")
        return Rodas4(y)
    kinds = {"RK23": BogackiShampine, "RK45": RungeKutta, "DOP853": DormandPrince853}
    if name not in kinds:
        stiff = ": for stiff systems use 'Rodas4'" if name in ("Radau", "BDF", "LSODA") else ""
        raise ValueError(
            f"[{op}] unknown method {name!r}{stiff}; expected 'RK23', 'RK45', 'DOP853' or 'Rodas4'"
        )
    return kinds[name](getattr(scipy_module(op, "integrate"), name), y)


def _real(y: Tensor) -> Any:
    return y.real.dtype if y.dtype.kind == "c" else y.dtype


def _like(table: Array, y: Tensor) -> Tensor:
    return _core.tensor(table, dtype=_real(y), device=y.device)
