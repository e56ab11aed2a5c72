"""Compressed derivatives of what was recorded, by the plans of :mod:`pyautograd.sparse`."""

from __future__ import annotations

from typing import Any

from .._core import Tensor
from ..func._reverse import Recording
from ..sparse import Plan
from ..sparse._plans import HessianPlan, JacobianPlan, check_recording
from ._schedule import Options, record_gradient


def hessian_plan(recording: Recording, options: Options, gradients: list[Tensor]) -> HessianPlan:
    """A plan that was given, or one for the pattern that was given or is detected."""
    sparsity = options.sparsity
    if isinstance(sparsity, Plan):
        if not isinstance(sparsity._plan, HessianPlan):
            raise _wrong_plan(options.op, "the Jacobian of a function")
        sparsity._plan.check_point(recording)
        return sparsity._plan
    pattern = _pattern(options)
    return HessianPlan(options.op, recording, gradients, pattern, "auto", "natural")


def jacobian_plan(recording: Recording, options: Options) -> JacobianPlan:
    sparsity = options.sparsity
    if isinstance(sparsity, Plan):
        if not isinstance(sparsity._plan, JacobianPlan):
            raise _wrong_plan(options.op, "the Hessian of a scalar function")
        return sparsity._plan
    return JacobianPlan(options.op, recording, _pattern(options), "auto", "natural")


def sparse_hessian(
    recording: Recording, options: Options, gradients: list[Tensor] | None = None
) -> tuple[HessianPlan, Any]:
    check_recording(options.op, recording)
    if gradients is None:
        gradients = record_gradient(recording)
    plan = hessian_plan(recording, options, gradients)
    return plan, plan.of_gradients(gradients, recording.inputs, retain_graph=False)


def sparse_jacobian(recording: Recording, options: Options) -> Any:
    check_recording(options.op, recording)
    plan = jacobian_plan(recording, options)
    return plan.matrix(plan.evaluate(recording)[1].numpy())


def _pattern(options: Options) -> Any:
    if not isinstance(options.sparsity, str):
        return options.sparsity
    if options.sparsity != "auto":
        raise ValueError(
            f"[{options.op}] unknown sparsity {options.sparsity!r}: expected 'auto', a pattern or "
            "a plan of pa.sparse.plan"
        )
    return None


def _wrong_plan(op: str, what: str) -> ValueError:
    return ValueError(f"[{op}] the plan in sparsity is for {what}")
