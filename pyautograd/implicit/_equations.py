"""Equations that a vector solves, and the one rule by which all their solutions are differentiated.

An equation knows its residual ``F(x, *theta)``, how to find ``x``, and how to solve linear systems
with its Jacobian. The latter, done iteratively, are equations themselves: so the rule serves them
too, and every order is one more use of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import _core, func, linalg
from .._core import Tensor
from .._flat import Array
from .._planner._anomaly import unchecked
from .._scipy import scipy_module
from ..function import Function
from ._steps import Every

# Elements of all Jacobians together, up to which problems are solved together: 128 MB
_MOST = 1 << 24
# (start, theta) -> solution, of plain tensors
Find: TypeAlias = Callable[[Tensor, Sequence[Tensor]], Tensor]
# (starts, theta) -> rows of unknowns, and which are solutions
# The same as a loop of ops, while a call is captured: the solution, and whether it was found
Loop: TypeAlias = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, Tensor] | None]
FindRows: TypeAlias = Callable[[Tensor, Sequence[Tensor]], tuple[Array, Array]]


class Equation(ABC):
    """``residual(x, *theta) = 0`` for a flat vector x."""

    op: str

    @abstractmethod
    def residual(self, x: Tensor, *theta: Tensor) -> Tensor: ...

    @abstractmethod
    def finder(self, *, captured: bool) -> Find:
        """How the solution is found; if captured, to be called often, by captured calls."""

    def loop(self) -> Loop | None:
        """How it is found by ops alone, where there is such a way."""
        return None

    @abstractmethod
    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        """The Jacobian at a solution, or its transpose, inverted on a vector; differentiable."""


class Nonlinear(Equation):
    """The user's equation."""

    def __init__(
        self,
        op: str,
        residual: Callable[..., Tensor],
        finder: Callable[[bool], Find],
        *,
        dense: bool,
        symmetric: bool,
        together: Callable[[Mapped, bool], FindRows] | None = None,
        loop: Callable[[Every], Loop] | None = None,
    ) -> None:
        self.op, self.dense, self.symmetric = op, dense, symmetric
        self._residual, self._finder = residual, finder
        self.together, self.looped = together, loop

    def residual(self, x: Tensor, *theta: Tensor) -> Tensor:
        return self._residual(x, *theta)

    def finder(self, *, captured: bool) -> Find:
        return self._finder(captured)

    def loop(self) -> Loop | None:
        return self.looped(lambda f: f) if self.looped else None

    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        if not self.dense:
            linear = Linear(self, transposed and not self.symmetric)
            solution: Tensor = Solution.apply(linear, _core.zeros_like(b), b, x, *theta)
            return solution
        # Forward mode opens a level of its own; reverse mode would record at that of the caller.
        jacobian = func.jacfwd(self.residual)(x, *theta)
        matrix = _core.matrix_transpose(jacobian) if transposed else jacobian
        try:
            return linalg.solve(matrix, b)
        except np.linalg.LinAlgError:
            raise np.linalg.LinAlgError(
                f"[{self.op}] the Jacobian at the solution is singular: there the solution is not "
                "a differentiable function of its parameters"
            ) from None


class Mapped(Equation):
    """Many equations of the same form: x is a matrix, with a row for each."""

    def __init__(self, base: Nonlinear, dims: tuple[int | None, ...]) -> None:
        self.op, self._base, self._dims = base.op, base, dims

    def mapped(self, f: Callable[..., Tensor], rows: int) -> Callable[..., Tensor]:
        """A function of so many vectors, and of theta, for every row."""
        many: Callable[..., Tensor]
        many = func.vmap(f, in_axes=(*[0] * rows, *self._dims), randomness="same")
        return many

    def residual(self, x: Tensor, *theta: Tensor) -> Tensor:
        return self.mapped(self._base.residual, 1)(x, *theta)

    def finder(self, *, captured: bool) -> Find:
        assert self._base.together is not None
        together = self._base.together(self, captured)
        alone = self._base.finder(captured=captured)

        def find(start: Tensor, theta: Sequence[Tensor]) -> Tensor:
            x, solved = together(start, theta)
            for i in np.flatnonzero(~solved):
                row = alone(start[int(i)], entry(theta, self._dims, int(i)))
                x[i] = row.to("cpu").numpy()
            return _core.asarray(x.astype(start.dtype)).to(start.device)

        return find

    def loop(self) -> Loop | None:
        return self._base.looped(lambda f: self.mapped(f, 1)) if self._base.looped else None

    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        def solve(x: Tensor, b: Tensor, *theta: Tensor) -> Tensor:
            return self._base.solve(x, theta, b, transposed)

        return self.mapped(solve, 2)(x, b, *theta)


def entry(args: Sequence[Any], dims: Sequence[int | None], i: int) -> list[Any]:
    """Every mapped argument at one place of its mapped dimension."""
    return [
        x if d is None else x[(slice(None),) * d + (i,)] for x, d in zip(args, dims, strict=True)
    ]


class Linear(Equation):
    """``J u = b`` or ``J^T u = b``, J the Jacobian of another equation; parameters b, x, theta."""

    def __init__(self, base: Nonlinear, transposed: bool) -> None:
        self.op, self._base, self._transposed = base.op, base, transposed

    def residual(self, x: Tensor, *theta: Tensor) -> Tensor:
        b, point, *rest = theta

        def f(point: Tensor) -> Tensor:
            return self._base.residual(point, *rest)

        if self._transposed:
            return func.vjp(f, point)[1](x)[0] - b  # type: ignore[no-any-return]
        return func.jvp(f, (point,), (x,))[1] - b

    def finder(self, *, captured: bool) -> Find:
        return self._find

    def _find(self, start: Tensor, theta: Sequence[Tensor]) -> Tensor:
        b, point, *rest = theta
        from ..linop import Jacobian

        op = Jacobian(lambda x: self._base.residual(x, *rest), point)
        linalg = scipy_module(self.op, "sparse.linalg")
        rtol = 1e-11 if b.dtype.itemsize > 4 else 1e-5
        method = linalg.cg if self._base.symmetric else linalg.gmres
        x, info = method(op.T if self._transposed else op, b.to("cpu").numpy(), rtol=rtol, atol=0.0)
        if info:
            raise RuntimeError(
                f"[{self.op}] {method.__name__} did not solve the linear system of the "
                "derivative: the Jacobian is ill-conditioned or singular; try linear='dense'"
            )
        return _core.asarray(x.astype(b.dtype)).to(b.device)

    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        _, point, *rest = theta
        return self._base.solve(point, rest, b, transposed != self._transposed)


class Solution(Function):
    """``apply(equation, start, *theta)``: the solution as a function of theta."""

    @staticmethod
    def forward(equation: Equation, start: Tensor, *theta: Tensor) -> Tensor:
        if _core.capturing():
            with _core.Apart():
                _check_captured(equation, start, theta)
            find = equation.finder(captured=True)

            def step(start: Tensor, *theta: Tensor) -> Tensor:
                return find(start, theta)

            loop = equation.loop()
            found = loop(start, theta) if loop else None
            return _core.python_step(equation.op, step, (start, *theta), start, found)
        # The solver may differentiate the function without being seen by transforms that run here,
        # and come across nan.
        with _core.Apart(), unchecked():
            _check(equation, start, theta)
            return equation.finder(captured=False)(start, theta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.equation = inputs[0]
        # The solution is saved with its place in the graph: derivatives of the rules pass
        # through it, and so through these rules again.
        ctx.save_for_backward(output, *inputs[2:])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        x, *theta = ctx.saved_tensors
        u = ctx.equation.solve(x, theta, -grad_outputs[0], True)
        moving = _floating(theta)
        pulled = func.vjp(_of(ctx.equation, x, theta, moving), *[theta[i] for i in moving])[1](u)
        found = dict(zip(moving, pulled, strict=True))
        return (None, None, *[found.get(i) for i in range(len(theta))])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x, *theta = ctx.saved_tensors
        moving = [i for i in _floating(theta) if tangents[i + 2] is not None]
        primals = tuple([theta[i] for i in moving])
        directions = tuple([tangents[i + 2] for i in moving])
        pushed = func.jvp(_of(ctx.equation, x, theta, moving), primals, directions)[1]
        return ctx.equation.solve(x, theta, -pushed, False)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        equation, start, *theta = args
        _, dim, *dims = in_dims
        size = info.batch_size
        if not size:
            n = start.size if dim is None else int(np.delete(start.shape, dim).prod())
            return _core.zeros((0, n), dtype=start.dtype, device=start.device), 0
        n = start.shape[-1] if dim is None else start.size // size
        together = isinstance(equation, Nonlinear) and equation.together is not None
        if together and size * n**2 <= _MOST:
            many = Mapped(equation, tuple(dims))
            rows = _core.broadcast_to(start, (size, *start.shape)) if dim is None else start
            rows = rows if dim is None else _core.moveaxis(rows, dim, 0)
            if _maps(many, rows, theta):
                return Solution.apply(many, rows, *theta), 0
        solutions = [Solution.apply(*entry(args, in_dims, i)) for i in range(size)]
        return _core.stack(solutions), 0


def _check(equation: Equation, start: Tensor, theta: Sequence[Tensor]) -> None:
    """Raises if a residual of plain tensors is not one itself."""
    y = equation.residual(start, *theta)
    if y.requires_grad or _core.depth(y):
        raise RuntimeError(
            f"[{equation.op}] the function uses a differentiable tensor that is not among its "
            "arguments, whose derivative would be lost: pass it to the function as a parameter"
        )


def _check_captured(equation: Equation, start: Tensor, theta: Sequence[Tensor]) -> None:
    """The same for tensors without numbers."""
    capture = _core.Capture([start, *theta])
    x, *values = capture.arguments()
    with capture:
        _check(equation, x, values)


def _maps(many: Mapped, rows: Tensor, theta: Sequence[Tensor]) -> bool:
    """Whether the function can be mapped: one that looks at values cannot."""
    try:
        many.residual(rows.detach(), *[t.detach() for t in theta])
    except (RuntimeError, TypeError, ValueError, ArithmeticError):
        return False
    return True


def _floating(theta: Sequence[Tensor]) -> list[int]:
    return [i for i, t in enumerate(theta) if t.dtype.kind in "fc"]


def _of(
    equation: Equation, x: Tensor, theta: Sequence[Tensor], moving: Sequence[int]
) -> Callable[..., Tensor]:
    """The residual at x as a function of some of the parameters."""

    def residual(*values: Tensor) -> Tensor:
        changed = list(theta)
        for i, value in zip(moving, values, strict=True):
            changed[i] = value
        return equation.residual(x, *changed)

    return residual
