"""The numbers of a tensor, whatever transforms are at work on it, and functions of numbers."""

from __future__ import annotations

from typing import Any

from . import _core
from ._core import Tensor
from ._flat import Array
from .function import Function

__all__ = ["host_numbers", "lifted", "numbers", "on_host"]


def numbers(x: Tensor) -> Tensor:
    """A plain tensor that records nothing; the mapped axes of ``vmap`` come first.

    For what decides how a computation goes on without being differentiated itself.
    """
    if not _core.depth(x):
        return x.detach()
    found: list[Tensor] = []
    _Plain.apply(found, x)
    return found[-1]


def host_numbers(x: Tensor) -> Array:
    """The same as an array."""
    found: Array = numbers(x).to("cpu").numpy()
    return found


def lifted(values: Array, like: Tensor) -> Tensor:
    """The inverse of ``host_numbers``: a constant with the mapped axes of ``like``.

    These are the first of the values, which have all or none of them.
    """
    mapped = host_numbers(like).ndim - like.ndim
    if not mapped or not values.ndim:
        return _core.tensor(values, device=like.device)
    found: Tensor = _Lifted.apply(values, like)
    return found


def on_host(op: str, function: Any, *args: Any, like: Tensor) -> Tensor:
    """A function of plain tensors, and of constants behind them, or a step of a captured call."""
    if not _core.capturing():
        found: Tensor = function(*args)
        return found
    tensors = [x for x in args if isinstance(x, Tensor)]
    constants = args[len(tensors) :]
    return _core.python_step(op, lambda *given: function(*given, *constants), tensors, like)


class _Constant(Function):
    """Without derivatives, of something that is no tensor and one that is."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return None


class _Lifted(_Constant):
    @staticmethod
    def forward(values: Array, x: Tensor) -> Tensor:
        return _core.tensor(values, device=x.device)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        values, x = args
        assert in_dims[1] is not None
        return _Lifted.apply(values, _core.moveaxis(x, in_dims[1], 0)), 0


class _Plain(_Constant):
    @staticmethod
    def forward(found: list[Tensor], x: Tensor) -> Tensor:
        found.append(x)
        return x

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        found, x = args
        assert in_dims[1] is not None
        return _Plain.apply(found, _core.moveaxis(x, in_dims[1], 0)), None
