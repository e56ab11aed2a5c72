"""Functions whose derivatives are formulas in their arguments, however their values are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core import Tensor
from ..function import Function
from ._common import mapped_in_front

__all__: list[str] = []

Formula = Callable[..., Tensor]


class _Closed(Function):
    """``apply(evaluate, slopes, *x)``, elementwise for x of one shape: the value is evaluate(*x),
    the derivative by x[i] slopes[i](*x).

    The slopes are written with the public ops, and may be such functions again.
    """

    elementwise = True

    @staticmethod
    def forward(evaluate: Formula, slopes: tuple[Formula, ...], *x: Tensor) -> Tensor:
        return evaluate(*x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.slopes = inputs[1]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs[2:])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        x = ctx.saved_tensors
        return (
            None,
            None,
            *[
                grad_outputs[0] * slope(*x) if wanted else None
                for slope, wanted in zip(ctx.slopes, ctx.needs_input_grad[2:], strict=True)
            ],
        )

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x = ctx.saved_tensors
        moved = [
            t * slope(*x)
            for t, slope in zip(tangents[2:], ctx.slopes, strict=True)
            if t is not None
        ]
        return sum(moved[1:], start=moved[0]) if moved else None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        evaluate, slopes, *given = args
        return _Closed.apply(evaluate, slopes, *mapped_in_front(given, in_dims[2:])), 0


def closed(evaluate: Formula, slopes: tuple[Formula, ...], *x: Tensor) -> Tensor:
    """evaluate(*x), whose derivative by x[i] is slopes[i](*x)."""
    value: Tensor = _Closed.apply(evaluate, slopes, *x)
    return value
