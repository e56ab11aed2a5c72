"""Determinants of sparse systems and entries of their inverses, as functions of the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _core
from .._core import Elimination, Tensor
from .._numbers import on_host
from ..function import Function
from ._system import System


class LogDet(Function):
    """``apply(system, values)``: log|det| of each of the systems."""

    @staticmethod
    def forward(system: System, values: Tensor) -> Tensor:
        like = _core.sum(_core.real(values), axis=1)
        return on_host(system.op, system.logdet, values, like=like)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.system, values = inputs
        ctx.save_for_backward(values)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        inverse = InverseEntries.apply(ctx.system, *ctx.saved_tensors)[:, 0]
        return None, grad_outputs[0][:, None] * _core.conj(inverse)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        inverse = InverseEntries.apply(ctx.system, *ctx.saved_tensors)[:, 0]
        return _core.sum(_core.real(inverse * tangents[1]), axis=1)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        (system, values), dim = args, in_dims[1]
        assert dim is not None
        many = _core.moveaxis(values, dim, 0)
        found = LogDet.apply(system, _core.reshape(many, (-1, system.entries.count)))
        return _core.reshape(found, many.shape[:2]), 0


class InverseEntries(Function):
    """``apply(system, values, *directions)``: derivatives of log det by each of the values.

    They are entries of the inverse, differentiated along each of the directions, which have shape
    ``(systems, vectors, entries)`` as the result has. All derivatives of log det are symmetric in
    their directions, so the rules only put cotangents and tangents among these.
    """

    @staticmethod
    def forward(system: System, values: Tensor, *directions: Tensor) -> Tensor:
        most = Elimination.most_directions
        if len(directions) > most:
            raise NotImplementedError(
                f"[{system.op}] log det has derivatives up to order {most + 1}"
            )
        like = directions[0] if directions else values[:, None]
        return on_host(system.op, system.inverse_entries, values, *directions, like=like)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.system = inputs[0]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        _, by_values, *needed = ctx.needs_input_grad
        values, *along = ctx.saved_tensors
        g = _core.conj(grad_outputs[0])
        found: list[Any] = [None, None, *[None] * len(along)]
        if by_values:
            found[1] = _core.sum(InverseEntries.apply(ctx.system, values, *along, g), axis=1)
        for i in range(len(along)):
            if needed[i]:
                found[2 + i] = InverseEntries.apply(ctx.system, values, *_with(along, i, g))
        return tuple([None if x is None else _core.conj(x) for x in found])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        values, *along = ctx.saved_tensors
        _, moving, *turning = tangents
        parts = [
            InverseEntries.apply(ctx.system, values, *_with(along, i, t))
            for i, t in enumerate(turning)
            if t is not None
        ]
        if moving is not None:
            t = moving[:, None]
            t = _core.broadcast_to(t, along[0].shape) if along else t
            parts.append(InverseEntries.apply(ctx.system, values, *along, t))
        return sum(parts[1:], parts[0]) if parts else None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        (system, values, *along), (_, dim, *dims) = args, in_dims
        # Beside values of their own, directions belong to other systems, else to other vectors.
        to = 1 if dim is None else 0
        if dim is not None:
            values = _core.reshape(_core.moveaxis(values, dim, 0), (-1, system.entries.count))
        spread = [
            _core.moveaxis(d, of, to) if of is not None else _repeated(d, to, info.batch_size)
            for d, of in zip(along, dims, strict=True)
        ]
        size, vectors = len(values), along[0].shape[-2] if along else 1
        flat = [_core.reshape(d, (size, -1, system.entries.count)) for d in spread]
        found = InverseEntries.apply(system, values, *flat)
        shape = spread[0].shape if along else (info.batch_size, -1, vectors, system.entries.count)
        return _core.reshape(found, shape), to


def _with(along: Sequence[Any], i: int, x: Tensor) -> list[Any]:
    return [*along[:i], x, *along[i + 1 :]]


def _repeated(x: Tensor, axis: int, size: int) -> Tensor:
    shape = (*x.shape[:axis], size, *x.shape[axis:])
    return _core.broadcast_to(_core.expand_dims(x, axis), shape)
