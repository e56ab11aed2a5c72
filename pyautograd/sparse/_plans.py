"""What is found out about a function once, and how its derivatives follow at a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Pattern, Tensor
from .._points import constant, warn_of_lost_derivative
from .._scipy import scipy_module
from ..func._arguments import check_callable
from ..func._reverse import Recording, gradients_of, sweep
from ..tree import TreeDef, unflatten
from ..tree import map as map_leaves
from ._products import Parts, Seeds, pull_back, push_forward

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_HESSIAN_COLOURINGS = ("star", "acyclic")
_JACOBIAN_COLOURINGS = ("bidirectional", "column", "row")
_ORDERS = ("natural", "largest_first", "smallest_last", "incidence_degree")


def record(
    op: str,
    f: Callable[..., Any],
    x: Any,
    args: tuple[Any, ...],
    unread: bool = False,
) -> Recording:
    check_callable(op, f)
    others = constant(args) if args else ()
    recording = Recording(op, f, (map_leaves(_guarded, x), *others), {}, 0, False, unread)
    check_recording(op, recording)
    if recording.reaches_outside():
        warn_of_lost_derivative(op, "pa.hessian or pa.jacobian", stacklevel=3)
    return recording


def _guarded(leaf: Any) -> Any:
    """A constant; ops on memory that others can write are not put off."""
    return _core.guarded(leaf.detach()) if isinstance(leaf, Tensor) else leaf


def check_recording(op: str, recording: Recording) -> None:
    """Patterns are of real functions at a point."""
    for t in (*recording.inputs, *recording.outputs):
        if _core.depth(t):
            raise RuntimeError(
                f"[{op}] evaluates at a point and cannot run inside jvp or vmap; use "
                "pa.func.hessian or pa.func.jacrev there"
            )
        if t.dtype.kind == "c":
            raise TypeError(
                f"[{op}] takes real inputs and outputs: differentiate with respect to the real "
                "and imaginary parts, and return the parts of complex results"
            )


def record_gradient(op: str, recording: Recording, unread: bool = False) -> list[Tensor]:
    shapes = [y.shape for y in recording.outputs]
    if shapes != [()]:
        raise ValueError(
            f"[{op}] the function must return a scalar, got shape "
            f"{shapes[0] if len(shapes) == 1 else shapes}: sum it, or use pa.sparse.jacobian"
        )
    return gradients_of(recording, unread)


class TooDense(Exception):
    """The pattern has more entries than were asked for."""


class Planned:
    """What Hessians and Jacobians have in common: shapes, the pattern, and its matrix."""

    kind: str
    colours: int

    def __init__(self, op: str, recording: Recording) -> None:
        self.op = op
        self._structure: TreeDef = recording.in_structure
        self.inputs = Parts(recording.inputs)
        self.shape = (0, self.inputs.size)
        self._direction: npt.NDArray[Any] | None = None

    @property
    def entries(self) -> int:
        return len(self._pattern.indices)

    def matrix(self, data: npt.NDArray[Any]) -> csr_array[Any, tuple[int, int]]:
        # A copy of a checked array is cheaper than another check, and this way than copy.copy.
        # Index arrays are copied, since methods like eliminate_zeros write to them: into memory of
        # our allocator, whose pages are there already.
        made = object.__new__(type(self._template))
        made.__dict__.update(self._template.__dict__)
        made.data = data
        made.indices = _core.tensor(self._pattern.indices).numpy()
        made.indptr = _core.tensor(self._pattern.starts).numpy()
        return made

    def _recovered(
        self,
        products: Sequence[Tensor],
        recovery: _core.HessianRecovery | _core.JacobianRecovery,
    ) -> Tensor:
        return recovery.values([p.to("cpu") for p in products], self.inputs.dtype)

    def _adopt(
        self, outputs: Sequence[Tensor], inputs: Sequence[Tensor], given: Any, most: int | None
    ) -> None:
        """Finds the pattern, or checks the one that was given."""
        detected = _core.jacobian_pattern(outputs, inputs, most=most)
        if detected is None:
            raise TooDense
        found, self.dense_ops = detected
        found = self._completed(found)
        self.given, self._unproven = given is not None, False
        if given is not None:
            own = self._converted(given)
            missing = np.setdiff1d(self._flat(found), self._flat(own), assume_unique=True)
            # Where an op has no rule the user may well know better: then a product decides.
            self._unproven = missing.size > 0 and bool(self.dense_ops)
            if missing.size and not self._unproven:
                i, j = divmod(int(missing[0]), self.shape[1])
                raise ValueError(
                    f"[{self.op}] pattern misses {missing.size} of the {len(found.indices)} "
                    f"entries that the recorded program has, the first at ({i}, {j}): add them, or "
                    "leave the pattern to be detected"
                )
            found = own
        self._pattern = found
        parts = (np.zeros(self.entries, bool), found.indices, found.starts)
        self._template = scipy_module(self.op, "sparse").csr_array(parts, shape=self.shape)
        self._template.has_canonical_format = True

    def _completed(self, found: Pattern) -> Pattern:
        return found

    def _flat(self, pattern: Pattern) -> npt.NDArray[np.int64]:
        """The entries by their row-major numbers."""
        rows = np.repeat(np.arange(self.shape[0]), np.diff(pattern.starts))
        return np.asarray(rows * self.shape[1] + pattern.indices)

    def _converted(self, given: Any) -> Pattern:
        try:
            own = scipy_module(self.op, "sparse").csr_array(given, dtype=bool)
        except (TypeError, ValueError):
            raise TypeError(
                f"[{self.op}] pattern must be a sparse array or a matrix, got a "
                f"{type(given).__name__}"
            ) from None
        if own.shape != self.shape:
            raise ValueError(
                f"[{self.op}] pattern has shape {own.shape}, but the {self.kind} has {self.shape}"
            )
        own = own.copy()
        own.sum_duplicates()
        own.eliminate_zeros()
        return self._completed(Pattern(own.indptr, own.indices, self.shape[1]))

    def missed(
        self,
        found: csr_array[Any, tuple[int, int]],
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        parts: Parts,
    ) -> npt.NDArray[np.int64]:
        """Columns in which a product with a random vector differs: entries were left out there."""
        if self._direction is None or len(self._direction) != parts.size:
            normal = np.random.default_rng(0).standard_normal(parts.size)
            self._direction = normal.astype(parts.dtype)
        direction = self._direction
        cotangents = parts.split(direction)
        pulled = sweep(outputs, cotangents, inputs, retain_graph=True, differentiable="no")
        exact = self.inputs.join(pulled, 1).to("cpu").numpy()[0]
        scale = self.matrix(np.abs(found.data)).T @ np.abs(direction) + np.abs(exact)
        slack = np.sqrt(np.finfo(self.inputs.dtype).eps)
        (wrong,) = np.nonzero(abs(found.T @ direction - exact) > slack * scale)
        return wrong

    def _prove(
        self,
        found: csr_array[Any, tuple[int, int]],
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        parts: Parts,
    ) -> None:
        """Of a pattern that was given beyond what is known of the ops."""
        self._unproven = False
        wrong = self.missed(found, outputs, inputs, parts)
        if wrong.size:
            raise ValueError(
                f"[{self.op}] pattern misses entries in {wrong.size} columns, the first in column "
                f"{wrong[0]}: a product with a random vector differs"
            )

    def check_point(self, recording: Recording) -> None:
        if not self.inputs.fits(recording.inputs):
            difference = self.inputs.difference(recording.inputs, "got")
        elif recording.in_structure != self._structure:
            difference = f"the structure {self._structure!r}, got {recording.in_structure!r}"
        else:
            return
        raise ValueError(
            f"[{self.op}] the plan is for inputs of {difference}: make a plan for these"
        )

    def _explain(self, subject: str, colouring: str, evaluation: str) -> str:
        total = self.shape[0] * self.shape[1]
        share = self.entries / total if total else 0
        source = "given" if self.given else "detected"
        dense = [f"{name} ({count})" for name, count in sorted(self.dense_ops.items())]
        return "\n".join(
            [
                subject,
                f"pattern: {self.entries} of {total} entries ({100 * share:.3g}%), {source}",
                f"colouring: {colouring}",
                f"evaluation: {evaluation}",
                f"dense ops: {', '.join(dense) or 'none'}",
            ]
        )


class HessianPlan(Planned):
    kind = "Hessian"

    def __init__(
        self,
        op: str,
        recording: Recording,
        gradients: Sequence[Tensor],
        pattern: Any,
        colouring: str,
        order: str,
        most: int | None = None,
    ) -> None:
        _check_options(op, colouring, order, _HESSIAN_COLOURINGS)
        super().__init__(op, recording)
        self.shape = (self.inputs.size, self.inputs.size)
        self._colouring, self._order = "star" if colouring == "auto" else colouring, order
        self._adopt(gradients, recording.inputs, pattern, most)
        self._recovery = _core.HessianRecovery(
            self._pattern, star=self._colouring == "star", order=order
        )
        self.colours = self._recovery.count
        self._seeds = Seeds(self._recovery.colours, self.colours, self.inputs)
        if self._unproven:
            found = self.of_gradients(gradients, recording.inputs, retain_graph=True)
            self._prove(found, gradients, recording.inputs, self.inputs)

    def evaluate(self, recording: Recording) -> tuple[Tensor, Any, Tensor]:
        """Value, gradient, and the entries of the Hessian."""
        self.check_point(recording)
        gradients = record_gradient(self.op, recording)
        entries = self._entries_of(gradients, recording.inputs, retain_graph=False)
        value = recording.outputs[0].detach()
        return value, unflatten(self._structure, [g.detach() for g in gradients]), entries

    def entries_at(self, recording: Recording) -> Tensor:
        """Of the Hessian alone: what only the value and the gradient need is not computed."""
        self.check_point(recording)
        gradients = record_gradient(self.op, recording, unread=True)
        return self._entries_of(gradients, recording.inputs, retain_graph=False, spent=True)

    def of_gradients(
        self, gradients: Sequence[Tensor], inputs: Sequence[Tensor], *, retain_graph: bool
    ) -> csr_array[Any, tuple[int, int]]:
        return self.matrix(self._entries_of(gradients, inputs, retain_graph=retain_graph).numpy())

    def _entries_of(
        self,
        gradients: Sequence[Tensor],
        inputs: Sequence[Tensor],
        *,
        retain_graph: bool,
        spent: bool = False,
    ) -> Tensor:
        products = pull_back(gradients, inputs, self._seeds, self.inputs, retain_graph, spent=spent)
        return self._recovered(products, self._recovery)

    def explain(self) -> str:
        return self._explain(
            f"Hessian with respect to {self.inputs.size} inputs",
            f"{self._colouring}, {self._order} order: {self.colours} colours",
            _described(self._seeds, "cotangents through the recorded gradient"),
        )

    def _completed(self, found: Pattern) -> Pattern:
        return found.symmetrised()


class JacobianPlan(Planned):
    kind = "Jacobian"

    def __init__(
        self,
        op: str,
        recording: Recording,
        pattern: Any,
        colouring: str,
        order: str,
        most: int | None = None,
    ) -> None:
        _check_options(op, colouring, order, _JACOBIAN_COLOURINGS)
        super().__init__(op, recording)
        self.outputs = Parts(recording.outputs)
        self.shape = (self.outputs.size, self.inputs.size)
        self._colouring = "bidirectional" if colouring == "auto" else colouring
        self._order = order
        self._adopt(recording.outputs, recording.inputs, pattern, most)
        found = self._recovery = _core.JacobianRecovery(
            self._pattern, colouring=self._colouring, order=order
        )
        self._row_seeds = Seeds(found.row_colours, found.row_count, self.outputs)
        self._column_seeds = Seeds(found.column_colours, found.column_count, self.inputs)
        self.colours = found.row_count + found.column_count
        if self._unproven:
            matrix = self.of_outputs(recording, retain_graph=True)
            self._prove(matrix, recording.outputs, recording.inputs, self.outputs)

    def evaluate(self, recording: Recording) -> tuple[Any, Tensor]:
        """What the function returned, and the entries of its Jacobian."""
        self.check_point(recording)
        if not self.outputs.fits(recording.outputs):
            difference = self.outputs.difference(recording.outputs, "but the function returned")
            raise ValueError(
                f"[{self.op}] the plan is for outputs of {difference}: make a plan for these"
            )
        entries = self._entries_of(recording, retain_graph=False)
        values = [y.detach() for y in recording.outputs]
        return unflatten(recording.out_structure, values), entries

    def of_outputs(
        self, recording: Recording, *, retain_graph: bool
    ) -> csr_array[Any, tuple[int, int]]:
        return self.matrix(self._entries_of(recording, retain_graph=retain_graph).numpy())

    def _entries_of(self, recording: Recording, *, retain_graph: bool) -> Tensor:
        products: list[Tensor] = []
        if self._row_seeds.count:
            retain = retain_graph or self._column_seeds.count > 0
            products += pull_back(
                recording.outputs, recording.inputs, self._row_seeds, self.inputs, retain
            )
        if self._column_seeds.count:
            products += push_forward(recording, self._column_seeds, self.outputs)
        return self._recovered(products, self._recovery)

    def explain(self) -> str:
        rows, columns = self._row_seeds, self._column_seeds
        passes = [
            _described(seeds, what)
            for seeds, what in ((rows, "cotangents"), (columns, "tangents"))
            if seeds.count
        ]
        return self._explain(
            f"Jacobian of {self.outputs.size} outputs with respect to {self.inputs.size} inputs",
            f"{self._colouring}, {self._order} order: {rows.count} row colours and "
            f"{columns.count} column colours",
            " and ".join(passes) or "nothing to do",
        )


def _described(seeds: Seeds, what: str) -> str:
    sizes = [stop - start for start, stop in seeds.ranges]
    if not sizes:
        return "nothing to do"
    if len(sizes) == 1:
        return f"1 sweep of {sizes[0]} {what}"
    return f"{len(sizes)} sweeps of at most {sizes[0]} {what}"


def _check_options(op: str, colouring: str, order: str, colourings: tuple[str, ...]) -> None:
    if colouring not in ("auto", *colourings):
        raise ValueError(
            f"[{op}] unknown colouring {colouring!r}: expected one of auto, {', '.join(colourings)}"
        )
    if order not in _ORDERS:
        raise ValueError(f"[{op}] unknown order {order!r}: expected one of {', '.join(_ORDERS)}")
