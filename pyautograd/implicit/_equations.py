"""Equations that a vector solves, and the one rule by which all their solutions are differentiated.

An equation knows its residual ``F(x, *theta)``, how to find ``x``, and how to solve linear systems
with its Jacobian. The latter, done iteratively, are equations themselves: so the rule serves them
too, and every order is one more use of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .. import _core, func, linalg
from .._core import Tensor
from .._scipy import scipy_module
from ..function import Function


class Equation(ABC):
    """``residual(x, *theta) = 0`` for a flat vector x."""

    @abstractmethod
    def residual(self, x: Tensor, *theta: Tensor) -> Tensor: ...

    @abstractmethod
    def find(self, start: Tensor, theta: Sequence[Tensor]) -> Tensor:
        """The solution, from plain tensors."""

    @abstractmethod
    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        """The Jacobian at a solution, or its transpose, inverted on a vector; differentiable."""


class Nonlinear(Equation):
    """The user's equation."""

    def __init__(
        self,
        op: str,
        residual: Callable[..., Tensor],
        find: Callable[[Tensor, Sequence[Tensor]], Tensor],
        *,
        dense: bool,
        symmetric: bool,
    ) -> None:
        self.op, self.dense, self.symmetric = op, dense, symmetric
        self._residual, self._find = residual, find

    def residual(self, x: Tensor, *theta: Tensor) -> Tensor:
        return self._residual(x, *theta)

    def find(self, start: Tensor, theta: Sequence[Tensor]) -> Tensor:
        y = self.residual(start, *theta)
        if y.requires_grad or _core.depth(y):
            raise RuntimeError(
                f"[{self.op}] the function uses a differentiable tensor that is not among its "
                "arguments, whose derivative would be lost: pass it to the function as a parameter"
            )
        return self._find(start, theta)

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


class Linear(Equation):
    """``J u = b`` or ``J^T u = b``, J the Jacobian of another equation; parameters b, x, theta."""

    def __init__(self, base: Nonlinear, transposed: bool) -> None:
        self._base, self._transposed = base, transposed

    def residual(self, x: Tensor, *theta: Tensor) -> Tensor:
        b, point, *rest = theta

        def f(point: Tensor) -> Tensor:
            return self._base.residual(point, *rest)

        if self._transposed:
            return func.vjp(f, point)[1](x)[0] - b  # type: ignore[no-any-return]
        return func.jvp(f, (point,), (x,))[1] - b  # type: ignore[no-any-return]

    def find(self, start: Tensor, theta: Sequence[Tensor]) -> Tensor:
        b, point, *rest = theta
        from ..linop import Jacobian

        op = Jacobian(lambda x: self._base.residual(x, *rest), point)
        linalg = scipy_module(self._base.op, "sparse.linalg")
        rtol = 1e-11 if b.dtype.itemsize > 4 else 1e-5
        method = linalg.cg if self._base.symmetric else linalg.gmres
        x, info = method(op.T if self._transposed else op, b.numpy(), rtol=rtol, atol=0.0)
        if info:
            raise RuntimeError(
                f"[{self._base.op}] {method.__name__} did not solve the linear system of the "
                "derivative: the Jacobian is ill-conditioned or singular; try linear='dense'"
            )
        return _core.asarray(x.astype(b.dtype))

    def solve(self, x: Tensor, theta: Sequence[Tensor], b: Tensor, transposed: bool) -> Tensor:
        _, point, *rest = theta
        return self._base.solve(point, rest, b, transposed != self._transposed)


class Solution(Function):
    """``apply(equation, start, *theta)``: the solution as a function of theta."""

    @staticmethod
    def forward(equation: Equation, start: Tensor, *theta: Tensor) -> Tensor:
        # Transforms belong to threads: in a new one none is active, so the solver may differentiate
        # the function without being seen by those that run here.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(equation.find, start, theta).result()

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
        # Entries need not converge together, so each is solved by itself.
        def entry(i: int) -> list[Any]:
            return [
                x if d is None else x[(slice(None),) * d + (i,)]
                for x, d in zip(args, in_dims, strict=True)
            ]

        size = info.batch_size
        if not size:
            start, dim = args[1], in_dims[1]
            n = start.size if dim is None else int(np.delete(start.shape, dim).prod())
            return _core.zeros((0, n), dtype=start.dtype), 0
        return _core.stack([Solution.apply(*entry(i)) for i in range(size)]), 0


def _floating(theta: Sequence[Tensor]) -> list[int]:
    return [i for i, t in enumerate(theta) if t.dtype.kind == "f"]


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
