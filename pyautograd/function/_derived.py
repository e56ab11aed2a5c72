"""What stands in for a custom function's own rules: mapping, transposition, refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor
from ..func._vmap import to_front

Maybe = Tensor | None
_SAVE_ALL = 0xFFFFFFFF
_NOTHING_SAVED = (None, 0, 0, False)


class Record(NamedTuple):
    """A context, bit masks of the inputs and outputs it needs, and whether zeros stand for None."""

    context: Any
    inputs: int
    outputs: int
    materialize: bool


class Mapped:
    """A custom function mapped over its arguments by mapping its own rules."""

    __slots__ = ("_base", "_dims", "_size", "name")

    def __init__(self, base: Any, size: int, dims: list[int | None]) -> None:
        self.name: str = base.name
        self._base = base
        self._size = size
        self._dims = dims

    def apply(self, values: list[Tensor]) -> tuple[list[Tensor], list[int | None]]:
        outputs = _core.apply_custom(self.name, self, values)
        return outputs, [0] * len(outputs)

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        with _core.Level("vmap", self._size) as level:
            outputs = self._base.forward(self._wrap(level, inputs))
            plain = [to_front(level, y, self._size) for y in outputs]
        highest = max([_core.depth(x) for x in inputs], default=0)
        if any(_core.depth(y) > highest for y in plain):
            raise RuntimeError(
                f"[{self.name}] forward used a tensor of a running transform that is not among its "
                "arguments, or a random draw under vmap: pass it as one"
            )
        return plain

    def record(self, inputs: list[Tensor], outputs: list[Tensor]) -> Record:
        return Record(None, _SAVE_ALL, _SAVE_ALL, True)

    def backward(
        self,
        ctx: None,
        cotangents: list[Tensor],
        inputs: list[Tensor],
        outputs: list[Tensor],
        wants: list[bool],
        differentiable: bool,
    ) -> list[Maybe]:
        with _core.Level("vmap", self._size) as level:
            xs = self._wrap(level, inputs)
            ys = [_core.make_batched(level, y, 0) for y in outputs]
            us = [_core.make_batched(level, u, 0) for u in cotangents]
            context = self._base.record(xs, ys).context
            grads = self._base.backward(context, us, xs, ys, wants, differentiable)
            return [
                None if g is None else self._pulled(to_front(level, g, self._size), dim)
                for g, dim in zip(grads, self._dims, strict=True)
            ]

    def jvp(
        self, primals: list[Tensor], tangents: list[Maybe], outputs: list[Tensor]
    ) -> list[Maybe]:
        with _core.Level("vmap", self._size) as level:
            found = self._base.jvp(
                self._wrap(level, primals),
                self._wrap(level, tangents),
                [_core.make_batched(level, y, 0) for y in outputs],
            )
            return [None if t is None else to_front(level, t, self._size) for t in found]

    def batch(
        self, size: int, values: list[Tensor], dims: list[int | None], randomness: str
    ) -> tuple[list[Tensor], list[int | None]]:
        return Mapped(self, size, dims).apply(values)

    def _wrap(self, level: Any, values: Sequence[Maybe]) -> list[Any]:
        return [
            None if x is None else _core.make_batched(level, x, dim)
            for x, dim in zip(values, self._dims, strict=True)
        ]

    def _pulled(self, g: Tensor, dim: int | None) -> Tensor:
        """Every entry contributes to an argument that is the same for all."""
        return _core.sum(g, axis=0) if dim is None else _core.moveaxis(g, 0, dim)


class Refusal:
    """The identity, whose derivative raises: stands where a rule has left the graph."""

    __slots__ = ("_message", "name")

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        self._message = message

    def wrap(self, y: Tensor, sources: Sequence[Tensor]) -> Tensor:
        return _core.apply_custom(self.name, self, [y, *sources])[0]

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs[:1]

    def record(self, *_: Any) -> Any:
        return _NOTHING_SAVED

    def backward(self, *_: Any) -> Any:
        raise RuntimeError(self._message)

    jvp = backward

    def batch(
        self, size: int, values: list[Tensor], dims: list[int | None], randomness: str
    ) -> tuple[list[Tensor], list[int | None]]:
        return [self.wrap(values[0], values[1:])], dims[:1]


def transposed(
    linear: Callable[[list[Maybe]], list[Maybe]], seeds: list[Maybe], weights: list[Maybe]
) -> list[Maybe]:
    """The transpose of a linear map, applied to weights: the gradient of <linear(u), weights> by u.

    It runs at a level of its own, so that lower levels see and record every step of it.
    """
    with _core.Level("jvp") as level:
        leaves = [None if u is None else _core.make_vjp_input(u) for u in seeds]
        pairs = [
            (y, w)
            for y, w in zip(linear(leaves), weights, strict=True)
            if y is not None and w is not None
        ]
        shapes = [np.broadcast_shapes(y.shape, w.shape) for y, w in pairs]
        found = iter(
            _core.run_backward(
                [_core.broadcast_to(y, n) for (y, _), n in zip(pairs, shapes, strict=True)],
                [_core.broadcast_to(w, n) for (_, w), n in zip(pairs, shapes, strict=True)],
                [u for u in leaves if u is not None],
            )
        )
        pulled = [None if u is None else next(found) for u in leaves]
        return [None if x is None else _core.unwrap_dual(level, x)[0] for x in pulled]


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The transpose of broadcasting `shape` to x's shape."""
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1)
    return _core.reshape(_core.sum(x, axis=axes), shape)
