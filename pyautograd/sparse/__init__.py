"""Sparse Jacobians and Hessians, as arrays of :mod:`scipy.sparse`.

Where a derivative is zero is read off the recorded program; the rest is computed with a few
products, each of which finds many rows or columns at once (A. R. Curtis, M. J. D. Powell,
J. K. Reid, On the estimation of sparse Jacobian matrices, IMA J. Appl. Math. 13, 1974).

The pattern holds for the recorded program: everything that ``f`` may do with the same Python
control flow and the same computed indices. Elementwise choices (``where``, ``maximum``, ``clip``)
count on both sides, as do all elements under a ``max``. But ``if`` on a value, positions computed
from data (``sort``, ``argmax``, an index array) and zeros in a constant factor of ``matmul`` are
taken as they were at the point where the plan was made: make a new plan where they change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .._captured import Captured
from .._core import Tensor
from .._fused import fused
from ._matmul import matmul
from ._plans import HessianPlan, JacobianPlan, record, record_gradient
from ._solve import SuperLU, logdet, solve, splu

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Plan", "SuperLU", "hessian", "jacobian", "logdet", "matmul", "plan", "solve", "splu"]


def jacobian(
    f: Callable[..., Any],
    x: Any,
    *args: Any,
    pattern: Any = None,
    colouring: str = "auto",
    order: str = "natural",
) -> csr_array[Any, tuple[int, int]]:
    """The Jacobian of a function at a point, as a sparse array.

    Args:
        f: a function of a tensor or a tree of them that returns a tensor or a tree.
        x: the point; arrays and floats are converted.
        *args: what else ``f`` takes, as constants.
        pattern: where the Jacobian may differ from zero, if you know better: a sparse array or a
            matrix of that shape. It is checked against the recorded program.
        colouring: ``"column"`` (pushes tangents forward), ``"row"`` (pulls cotangents back),
            ``"bidirectional"`` (both, which takes few products where a few rows and columns are
            dense), or ``"auto"``, which is bidirectional and never takes more products than one of
            the others.
        order: in which columns and rows choose their colours: ``"natural"``, ``"largest_first"``,
            ``"smallest_last"`` or ``"incidence_degree"``.

    Returns:
        A ``csr_array`` of shape ``(outputs, inputs)``, where the elements of all outputs, and of
        all inputs, are counted in row-major order, one tensor of a tree after the other. Entries of
        the pattern are stored even where they are zero at this point.

    Raises:
        ImportError: SciPy is not installed.
        TypeError: ``x`` or an output is not floating-point.
        ValueError: the pattern misses an entry or has another shape; an unknown option.

    To evaluate at several points make a :func:`plan` once. On the pattern see
    :mod:`pyautograd.sparse`.

    >>> pa.sparse.jacobian(lambda x: x[1:] * x[:-1], pa.tensor([1.0, 2.0, 3.0])).toarray().tolist()
    [[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]]
    """
    recording = record("sparse.jacobian", f, x, args)
    found = JacobianPlan("sparse.jacobian", recording, pattern, colouring, order)
    return found.of_outputs(recording, retain_graph=False)


def hessian(
    f: Callable[..., Any],
    x: Any,
    *args: Any,
    pattern: Any = None,
    colouring: str = "auto",
    order: str = "natural",
) -> csr_array[Any, tuple[int, int]]:
    """The Hessian of a scalar function at a point, as a sparse array.

    The gradient is recorded and its pattern is the Hessian's; one batched sweep through it finds
    the products with all colours (A. H. Gebremedhin, F. Manne, A. Pothen, What color is your
    Jacobian?, SIAM Review 47, 2005).

    Args:
        f: a function of a tensor or a tree of them that returns a scalar tensor.
        x: the point; arrays and floats are converted.
        *args: what else ``f`` takes, as constants.
        pattern: where the Hessian may differ from zero, if you know better: a sparse array or a
            matrix of that shape; one triangle is enough. It is checked against the recorded
            program.
        colouring: ``"star"`` (entries are read off the products), ``"acyclic"`` (fewer colours,
            entries by substitution, which adds up rounding), or ``"auto"``, which is star.
        order: in which variables choose their colours: ``"natural"``, ``"largest_first"``,
            ``"smallest_last"`` or ``"incidence_degree"``.

    Returns:
        A symmetric ``csr_array`` of shape ``(inputs, inputs)``, where the elements of ``x`` are
        counted in row-major order, one tensor of a tree after the other. Entries of the pattern are
        stored even where they are zero at this point.

    Raises:
        ImportError: SciPy is not installed.
        TypeError: ``x`` is not floating-point.
        ValueError: the result is not a scalar (use :func:`jacobian`); the pattern misses an entry
            or has another shape; an unknown option.

    >>> f = lambda x: pa.sum(x[1:] ** 2 * x[:-1])
    >>> pa.sparse.hessian(f, pa.tensor([1.0, 2.0, 3.0])).toarray().tolist()
    [[0.0, 4.0, 0.0], [4.0, 2.0, 6.0], [0.0, 6.0, 4.0]]
    """
    recording = record("sparse.hessian", f, x, args)
    gradients = record_gradient("sparse.hessian", recording)
    found = HessianPlan("sparse.hessian", recording, gradients, pattern, colouring, order)
    return found.of_gradients(gradients, recording.inputs, retain_graph=False)


def plan(
    f: Callable[..., Any],
    x: Any,
    *args: Any,
    pattern: Any = None,
    colouring: str = "auto",
    order: str = "natural",
    captured: bool = False,
) -> Plan:
    """Detects and colours once, for evaluation at many points.

    Args:
        f: a function as for :func:`hessian` if it returns a scalar, else as for :func:`jacobian`.
        x: a point of the kind to come: its structure, shapes and dtypes must be the same later.
        *args: what else ``f`` takes, such as multipliers; every evaluation has its own.
        pattern, colouring, order: as for :func:`hessian` and :func:`jacobian`.
        captured: write the first evaluation down and run it again later, as
            :func:`pyautograd.captured` does: faster for up to some thousand variables, and for
            functions that do not ask for numbers.

    Returns:
        A :class:`Plan`. It holds the function and the pattern, not the point.

    Raises:
        What :func:`hessian` and :func:`jacobian` raise.

    >>> f = lambda x: pa.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> rosenbrock = pa.sparse.plan(f, pa.zeros(1000))
    >>> rosenbrock.colours
    3
    >>> H = rosenbrock.hessian(pa.ones(1000))
    >>> H.shape, H.nnz, float(H[0, 0])
    ((1000, 1000), 2998, 802.0)

    Of a Lagrange function, with multipliers that change:

    >>> lagrangian = lambda x, multipliers: pa.sum(x**4) + multipliers @ (x[1:] * x[:-1])
    >>> plan = pa.sparse.plan(lagrangian, np.ones(3), np.ones(2))
    >>> plan.hessian(np.zeros(3), np.array([5.0, 7.0])).toarray().tolist()
    [[0.0, 5.0, 0.0], [5.0, 0.0, 7.0], [0.0, 7.0, 0.0]]
    """
    return make_plan("sparse.plan", f, x, args, pattern, colouring, order, captured=captured)


def make_plan(
    op: str,
    f: Callable[..., Any],
    x: Any,
    args: tuple[Any, ...],
    pattern: Any = None,
    colouring: str = "auto",
    order: str = "natural",
    most: int | None = None,
    *,
    captured: bool,
) -> Plan:
    """Raises TooDense beyond so many entries."""
    recording = record(op, f, x, args)
    if len(recording.outputs) != 1 or recording.outputs[0].shape:
        return Plan(f, JacobianPlan(op, recording, pattern, colouring, order, most), captured)
    gradients = record_gradient(op, recording)
    return Plan(f, HessianPlan(op, recording, gradients, pattern, colouring, order, most), captured)


class Plan:
    """What :func:`plan` found out about a function: its pattern and its colours.

    It does not change, and may be used by several threads.
    """

    def __init__(
        self, f: Callable[..., Any], found: HessianPlan | JacobianPlan, captured: bool = False
    ) -> None:
        self._plan = found
        # Functions of a point that return tensors
        whole, alone = partial(_evaluated, f, found), partial(_entries, f, found)
        self._whole = Captured(whole) if captured else whole
        self._alone = Captured(alone) if captured else alone

    @property
    def pattern(self) -> csr_array[Any, tuple[int, int]]:
        """Where the Hessian, or the Jacobian, may differ from zero: a ``csr_array`` of bool."""
        return self._plan.matrix(np.ones(self._plan.entries, dtype=bool))

    @property
    def colours(self) -> int:
        """With how many products the matrix is found."""
        return self._plan.colours

    def hessian(self, x: Any, *args: Any) -> csr_array[Any, tuple[int, int]]:
        """The Hessian at ``x``: see :func:`pyautograd.sparse.hessian`."""
        return self._of_hessian().matrix(self._alone(x, *args).numpy())

    def value_grad_hessian(
        self, x: Any, *args: Any
    ) -> tuple[Tensor, Any, csr_array[Any, tuple[int, int]]]:
        """The value, the gradient (with the structure of ``x``) and the Hessian, in one pass."""
        plan = self._of_hessian()
        value, gradient, entries = self._whole(x, *args)
        return value, gradient, plan.matrix(entries.numpy())

    def _of_hessian(self) -> HessianPlan:
        if not isinstance(self._plan, HessianPlan):
            raise ValueError(
                "[sparse.plan] this plan is for the Jacobian of a function that does not return a "
                "scalar: use plan.jacobian"
            )
        return self._plan

    def jacobian(self, x: Any, *args: Any) -> csr_array[Any, tuple[int, int]]:
        """The Jacobian at ``x``: see :func:`pyautograd.sparse.jacobian`."""
        return self.value_and_jacobian(x, *args)[1]

    def value_and_jacobian(self, x: Any, *args: Any) -> tuple[Any, csr_array[Any, tuple[int, int]]]:
        """What the function returns and its Jacobian, in one pass."""
        if not isinstance(self._plan, JacobianPlan):
            raise ValueError(
                "[sparse.plan] this plan is for the Hessian of a scalar function: its Jacobian is "
                "the gradient, plan.value_grad_hessian(x)[1]"
            )
        values, entries = self._whole(x, *args)
        return values, self._plan.matrix(entries.numpy())

    def explain(self) -> str:
        """The plan in words: the pattern, the colours and the passes they take, and which ops
        without a rule of their own made all of their outputs depend on all of their inputs.

        >>> print(pa.sparse.plan(lambda x: x[1:] * x[:-1], pa.ones(5)).explain())
        Jacobian of 4 outputs with respect to 5 inputs
        pattern: 8 of 20 entries (40%), detected
        colouring: bidirectional, natural order: 2 row colours and 0 column colours
        evaluation: 1 sweep of 2 cotangents
        dense ops: none
        """
        return self._plan.explain()

    def __repr__(self) -> str:
        return f"<{self._plan.explain().splitlines()[0]}, {self.colours} colours>"


@fused
def _evaluated(
    f: Callable[..., Any], found: HessianPlan | JacobianPlan, x: Any, *args: Any
) -> tuple[Any, ...]:
    return found.evaluate(record("sparse.plan", f, x, args))


@fused
def _entries(f: Callable[..., Any], found: HessianPlan, x: Any, *args: Any) -> Tensor:
    return found.entries_at(record("sparse.plan", f, x, args, unread=True))
