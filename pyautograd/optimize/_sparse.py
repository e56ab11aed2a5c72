"""Sparse derivatives at the points of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._captured_points import CapturedPoints
from .._core import Tensor
from .._flat import Array
from .._points import Point, Points
from ..sparse import Plan, make_plan
from ..sparse._plans import HessianPlan, JacobianPlan, TooDense

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Products up to which the whole Hessian is cheaper than what iterative solvers ask for
_COLOURS = 64
# A Jacobian with more than one entry in so many is handed over as a dense matrix.
_SPARSE_SHARE = 4


class CapturedSparseDerivatives:
    """The Hessian and the Jacobian of one function as sparse arrays, by captured calls.

    These go through the same ops at every point, so a pattern holds.
    """

    def __init__(self, points: CapturedPoints, *, bounded: bool) -> None:
        self._points = points
        self._most = _most_entries(points, bounded)
        self._plans: dict[str, Plan] = {}

    def hessian_pays(self, vector: Array, *, weighted: bool = False) -> bool:
        """Whether few products give all of the Hessian, of the values' weighted sum if asked."""
        try:
            plan = self._weighted(vector) if weighted else self._scalar(vector)
        except TooDense:
            return False
        return plan.colours <= _COLOURS

    def jacobian_pays(self, vector: Array) -> bool:
        try:
            plan = self._values(vector)
        except TooDense:
            return False
        return _is_sparse(plan.pattern.nnz, plan.pattern.shape)

    def hessian(self, vector: Array) -> csr_array[Any, tuple[int, int]]:
        point = self._points(vector)
        plan = self._scalar(vector)
        return _once(point, "hessian", lambda: plan.hessian(point.vector))

    def weighted_hessian(self, vector: Array, weights: Array) -> csr_array[Any, tuple[int, int]]:
        point = self._points(vector)
        return self._weighted(vector).hessian(point.vector, np.asarray(weights))

    def jacobian(self, vector: Array) -> csr_array[Any, tuple[int, int]]:
        point = self._points(vector)
        plan = self._values(vector)
        return _once(point, "jacobian", lambda: plan.jacobian(point.vector))

    def _scalar(self, vector: Array) -> Plan:
        return self._plan("scalar", vector, self._points.scalar)

    def _weighted(self, vector: Array) -> Plan:
        # Of weights none of which is zero: those of inactive constraints are.
        weights = np.random.default_rng(0).uniform(1.0, 2.0, self._points(vector).values().size)
        return self._plan("weighted", vector, self._points.weighted, weights)

    def _values(self, vector: Array) -> Plan:
        return self._plan("values", vector, self._points.values_of)

    def _plan(self, kind: str, vector: Array, f: Callable[..., Any], *args: Array) -> Plan:
        if kind not in self._plans:
            self._plans[kind] = make_plan(
                self._points.op, f, _core.tensor(vector), args, most=self._most, captured=True
            )
        return self._plans[kind]


def sparse_derivatives(
    points: Points, *, bounded: bool
) -> SparseDerivatives | CapturedSparseDerivatives:
    if isinstance(points, CapturedPoints):
        return CapturedSparseDerivatives(points, bounded=bounded)
    return SparseDerivatives(points, bounded=bounded)


class SparseDerivatives:
    """The Hessian and the Jacobian of one function as sparse arrays, at changing points.

    A plan is made at the first point. Since Python code may branch on values, one product with a
    random vector is compared at every other point; where it differs, a new plan is made there.
    """

    def __init__(self, points: Points, *, bounded: bool) -> None:
        self._points = points
        self._most = _most_entries(points, bounded)
        self._hessian: HessianPlan | None = None
        self._jacobian: JacobianPlan | None = None

    def hessian_pays(self, vector: Array, *, weighted: bool = False) -> bool:
        """Whether few products give all of the Hessian, of the values' weighted sum if asked."""
        point = self._points(vector)
        try:
            if not _plain(point):
                return False
            if weighted:
                self._plan_weighted(point)
            else:
                self._hessian_plan(point, point.recorded_gradient())
        except TooDense:
            return False
        return self._hessian is not None and self._hessian.colours <= _COLOURS

    def jacobian_pays(self, vector: Array) -> bool:
        point = self._points(vector)
        try:
            if not _plain(point):
                return False
            plan = self._jacobian_plan(point)
        except TooDense:
            return False
        return _is_sparse(plan.entries, plan.shape)

    def hessian(self, vector: Array) -> csr_array[Any, tuple[int, int]]:
        point = self._points(vector)
        return _once(
            point, "hessian", lambda: self._curvature(point, point.recorded_gradient(), None)
        )

    def weighted_hessian(self, vector: Array, weights: Array) -> csr_array[Any, tuple[int, int]]:
        point = self._points(vector)
        return self._curvature(point, point.weighted_gradient(weights), self._plan_weighted)

    def jacobian(self, vector: Array) -> csr_array[Any, tuple[int, int]]:
        point = self._points(vector)
        return _once(point, "jacobian", lambda: self._slopes(point))

    def _curvature(
        self,
        point: Point,
        gradients: Sequence[Tensor],
        replan: Callable[[Point], HessianPlan] | None,
    ) -> csr_array[Any, tuple[int, int]]:
        inputs, plan = point.recording.inputs, self._hessian
        if plan is not None:
            found = plan.of_gradients(gradients, inputs, retain_graph=True)
            if not plan.missed(found, gradients, inputs, plan.inputs).size:
                return _double(found)
        try:
            plan = replan(point) if replan else self._hessian_plan(point, gradients)
        except TooDense:
            raise self._changed("Hessian") from None
        return _double(plan.of_gradients(gradients, inputs, retain_graph=True))

    def _slopes(self, point: Point) -> csr_array[Any, tuple[int, int]]:
        recording, plan = point.recording, self._jacobian
        if plan is not None and plan.outputs.fits(recording.outputs):
            found = plan.of_outputs(recording, retain_graph=True)
            missed = plan.missed(found, recording.outputs, recording.inputs, plan.outputs)
            if not missed.size:
                return _double(found)
        try:
            plan = self._jacobian_plan(point)
        except TooDense:
            raise self._changed("Jacobian") from None
        return _double(plan.of_outputs(recording, retain_graph=True))

    def _hessian_plan(self, point: Point, gradients: Sequence[Tensor]) -> HessianPlan:
        self._hessian = HessianPlan(
            self._points.op, point.recording, gradients, None, "auto", "natural", self._most
        )
        return self._hessian

    def _plan_weighted(self, point: Point) -> HessianPlan:
        # Of weights none of which is zero: those of inactive constraints are.
        weights = np.random.default_rng(0).uniform(1.0, 2.0, point.values().size)
        return self._hessian_plan(point, point.weighted_gradient(weights))

    def _jacobian_plan(self, point: Point) -> JacobianPlan:
        self._jacobian = JacobianPlan(
            self._points.op, point.recording, None, "auto", "natural", self._most
        )
        return self._jacobian

    def _changed(self, what: str) -> RuntimeError:
        return RuntimeError(
            f"[{self._points.op}] the {what} was sparse at x0 and is not at a later point: choose "
            "hessian='products', or make the function the same program everywhere"
        )


def _most_entries(points: Points, bounded: bool) -> int | None:
    return max(1 << 20, 2 * _COLOURS * points.layout.size) if bounded else None


def _is_sparse(entries: int, shape: tuple[int, ...]) -> bool:
    return entries * _SPARSE_SHARE <= shape[0] * shape[1]


def _plain(point: Point) -> bool:
    tensors = (*point.recording.inputs, *point.recording.outputs)
    return not any(_core.depth(t) for t in tensors)


def _once(point: Any, what: str, make: Callable[[], Any]) -> Any:
    if what not in point.kept:
        point.kept[what] = make()
    return point.kept[what]


def _double(found: csr_array[Any, tuple[int, int]]) -> csr_array[Any, tuple[int, int]]:
    return found.astype(np.float64, copy=False)
