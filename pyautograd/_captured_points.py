"""Functions of flat vectors whose derivatives are captured calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from . import _core
from ._captured import Captured
from ._core import Tensor
from ._flat import Array, Layout
from ._points import Points, make_symmetric
from .derivatives import hessian, hvp, jacobian
from .func import value_and_grad
from .tree import flatten, unflatten


class CapturedPoints(Points):
    """Like :class:`Points`, but what is asked for at a point is written down once and run again.

    All is a function of one vector, from which the leaves are taken by ops.
    """

    def __init__(self, op: str, f: Callable[..., Any], layout: Layout, second: bool) -> None:
        super().__init__(op, f, layout, second)
        scalar, values, weighted = self.scalar, self.values_of, self.weighted
        self.slope = Captured(value_and_grad(scalar))
        self.hessian = Captured(lambda v: hessian(scalar, v))
        self.product = Captured(lambda v, u: hvp(scalar, v, u))
        self.values = Captured(values)
        self.jacobian = Captured(lambda v: jacobian(values, v))
        self.weighted_hessian = Captured(lambda v, w: hessian(lambda v: weighted(v, w), v))
        self.weighted_product = Captured(lambda v, w, u: hvp(lambda v: weighted(v, w), v, u))

    def _at(self, vector: Array) -> CapturedPoint:
        return CapturedPoint(self, _core.tensor(vector))

    def tree(self, v: Tensor) -> Any:
        """The argument of the function from a vector."""
        parts = zip(self.layout.slices, self.layout.leaves, strict=True)
        leaves = [v[part].reshape(shape).astype(dtype) for part, (shape, dtype) in parts]
        return unflatten(self.layout.structure, leaves)

    def scalar(self, v: Tensor) -> Any:
        return self.f(self.tree(v))

    def values_of(self, v: Tensor) -> Tensor:
        """All values of the function in one vector."""
        leaves = flatten(self.f(self.tree(v)))[0]
        values = [_core.asarray(y).reshape(-1) for y in leaves]
        return values[0] if len(values) == 1 else _core.concat(values)

    def weighted(self, v: Tensor, weights: Tensor) -> Tensor:
        return _core.sum(self.values_of(v) * weights)


class CapturedPoint:
    """What :class:`Point` gives, from captured calls."""

    def __init__(self, points: CapturedPoints, vector: Tensor) -> None:
        self._points, self.vector = points, vector
        # What others have derived at this point
        self.kept: dict[str, Any] = {}

    # A scalar function

    @cached_property
    def _slope(self) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self._points.slope(self.vector)
        return found

    def value(self) -> float:
        return float(self._slope[0].item())

    def gradient(self) -> Array:
        return _double(self._slope[1])

    def hessian(self) -> Array:
        return make_symmetric(_double(self._points.hessian(self.vector)))

    def product(self, v: Array) -> Array:
        """The Hessian times a vector."""
        return _double(self._points.product(self.vector, np.asarray(v)))

    # A function of several values

    @cached_property
    def _values(self) -> Array:
        return _double(self._points.values(self.vector))

    def values(self) -> Array:
        return self._values

    @cached_property
    def _jacobian(self) -> Array:
        return _double(self._points.jacobian(self.vector))

    def jacobian(self) -> Array:
        return self._jacobian

    def weighted_hessian(self, weights: Array) -> Array:
        """The Hessian of the values' weighted sum."""
        found = self._points.weighted_hessian(self.vector, np.asarray(weights))
        return make_symmetric(_double(found))

    def weighted_product(self, weights: Array) -> Callable[[Array], Array]:
        w = np.asarray(weights)
        multiply = self._points.weighted_product
        return lambda v: _double(multiply(self.vector, w, np.asarray(v)))


def _double(x: Tensor) -> Array:
    return x.numpy().astype(np.float64, copy=False)
