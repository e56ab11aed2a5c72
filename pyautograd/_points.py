"""Functions of flat vectors whose derivatives at a point all come from one recorded evaluation."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._core import Tensor
from ._flat import Array, Layout, dense, sweep_flat
from .func._forward import transposed_graph
from .func._reverse import Recording, recording_on, sweep
from .tree import map as map_leaves
from .tree import unflatten

# A trust region that rejects a step comes back to the point before.
_KEPT_POINTS = 2


class Points:
    """A function and its recordings at the last points, found by the bytes of the vector."""

    def __init__(self, op: str, f: Callable[..., Any], layout: Layout, second: bool) -> None:
        self.op, self.f, self.layout, self.second = op, f, layout, second
        self.evaluations = 0
        # Whether f uses a differentiable tensor beside its argument
        self.captures = False
        self._kept: OrderedDict[bytes, Any] = OrderedDict()

    def __call__(self, vector: Array) -> Any:
        vector = np.asarray(vector, dtype=np.float64)
        key = vector.tobytes()
        point = self._kept.get(key)
        if point is None:
            self.evaluations += 1
            point = self._kept[key] = self._at(vector)
            if len(self._kept) > _KEPT_POINTS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return point

    def _at(self, vector: Array) -> Any:
        point = Point(self, vector)
        if self.evaluations == 1:
            self.captures = point.recording.reaches_outside()
        return point


def constant(x: Any) -> Any:
    """A point without its graph, so that what remains of a graph comes from the function."""
    return map_leaves(lambda t: t.detach() if isinstance(t, Tensor) else t, x)


def warn_of_lost_derivative(op: str, instead: str, stacklevel: int) -> None:
    warnings.warn(
        f"[{op}] the function uses a differentiable tensor beside its argument, by which the "
        f"result has no derivative: use {instead}, or x.detach() if a constant is meant",
        stacklevel=stacklevel + 1,
    )


class Point:
    """One recorded evaluation; derivatives are swept from it when asked for, as float64."""

    def __init__(self, points: Points, vector: Array) -> None:
        self._columns = points.layout
        x = unflatten(self._columns.structure, self._columns.split(vector))
        self.recording = Recording(points.op, points.f, (x,), {}, 0, False)
        self._inputs, self._outputs = self.recording.inputs, self.recording.outputs
        self._rows = Layout(points.op, self.recording.out_structure, self._outputs)
        self._second = points.second
        self._recorded: list[Tensor] | None = None
        self._gradient: Array | None = None
        self._jacobian: Array | None = None
        # What others have derived from this recording
        self.kept: dict[str, Any] = {}

    # A scalar function

    def value(self) -> float:
        return float(self.recording.scalar().item())

    def gradient(self) -> Array:
        if self._gradient is None:
            if self._second:
                found: Sequence[Tensor] = self.recorded_gradient()
            else:
                y = self.recording.scalar()
                found = sweep([y], [None], self._inputs, retain_graph=True)
            self._gradient = _double(self._columns.join(found))
        return self._gradient

    def hessian(self) -> Array:
        return self._curvature(self.recorded_gradient())

    def product(self, v: Array) -> Array:
        """The Hessian times a vector."""
        return self._sweep(self.recorded_gradient(), v)

    # A function of several values

    def values(self) -> Array:
        return _double(self._rows.join(self._outputs))

    def jacobian(self) -> Array:
        """By as many vectors in one batch as there are rows or columns, whichever are fewer."""
        if self._jacobian is None:
            rows, columns = self._rows, self._columns
            if rows.size <= columns.size:
                found = dense(
                    lambda u: sweep_flat(self._outputs, rows, columns, self._inputs, u),
                    *(rows.size, rows.dtype),
                ).reshape(rows.size, columns.size)
            else:
                found = self._forward_jacobian().T
            self._jacobian = _double(found)
        return self._jacobian

    def _forward_jacobian(self) -> Array:
        cotangents, pulled = transposed_graph(self.recording)
        reached = [i for i, g in enumerate(pulled) if g is not None]
        graph = [g for g in pulled if g is not None]
        inner = Layout(self.recording.op, self._columns.structure, graph)
        rows = dense(
            lambda v: sweep_flat(graph, inner, self._rows, cotangents, v),
            *(inner.size, inner.dtype),
        )
        if len(graph) == len(pulled):
            return rows
        # Leaves that the outputs do not depend on have rows of zeros.
        found = np.zeros((self._columns.size, self._rows.size))
        if graph:
            found[np.r_[tuple([self._columns.slices[i] for i in reached])]] = rows
        return found

    def weighted_hessian(self, weights: Array) -> Array:
        """The Hessian of the values' weighted sum."""
        return self._curvature(self.weighted_gradient(weights))

    def weighted_product(self, weights: Array) -> Callable[[Array], Array]:
        gradient = self.weighted_gradient(weights)
        return lambda v: self._sweep(gradient, v)

    def weighted_gradient(self, weights: Array) -> list[Tensor]:
        seeds = self._rows.split(np.asarray(weights))
        with recording_on():
            return sweep(
                self._outputs, seeds, self._inputs, retain_graph=True, differentiable="yes"
            )

    def recorded_gradient(self) -> list[Tensor]:
        if self._recorded is None:
            y = self.recording.scalar()
            with recording_on():
                self._recorded = sweep(
                    [y], [None], self._inputs, retain_graph=True, differentiable="yes"
                )
        return self._recorded

    def _sweep(self, gradient: list[Tensor], v: Array) -> Array:
        v = np.asarray(v)
        return _double(sweep_flat(gradient, self._columns, self._columns, self._inputs, v))

    def _curvature(self, gradient: list[Tensor]) -> Array:
        return make_symmetric(
            dense(lambda v: self._sweep(gradient, v), self._columns.size, self._columns.dtype)
        )


def make_symmetric(matrix: Array) -> Array:
    """To the last bit, as factorisations expect."""
    symmetric: Array = (matrix + matrix.T) / 2
    return symmetric


def _double(array: Array) -> Array:
    return array.astype(np.float64, copy=False)
