"""Linear systems as differentiable functions of matrix and right-hand side."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..function import Function


class Solve(Function):
    """``a^-1 b`` for matrices of shape (..., n, n) and vectors of shape (..., n)."""

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        try:
            x = np.linalg.solve(a.numpy(), b.numpy()[..., None])[..., 0]
        except np.linalg.LinAlgError:
            raise np.linalg.LinAlgError(
                "[implicit] the Jacobian at the solution is singular: there the solution is not a "
                "differentiable function of its parameters"
            ) from None
        return _core.asarray(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        a, x = ctx.saved_tensors
        u = Solve.apply(_core.matrix_transpose(a), grad_outputs[0])
        return -(_core.expand_dims(u, axis=-1) * _core.expand_dims(x, axis=-2)), u

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        a, x = ctx.saved_tensors
        return Solve.apply(a, tangents[1] - _core.matvec(tangents[0], x))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        mapped = [
            _core.broadcast_to(x, (info.batch_size, *x.shape)) if d is None
            else _core.moveaxis(x, d, 0)
            for x, d in zip(args, in_dims, strict=True)
        ]  # fmt: skip
        return Solve.apply(*mapped), 0
