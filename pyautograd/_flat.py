"""Trees of tensors as flat NumPy vectors, for everything that speaks to SciPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._bfloat16 import array_dtype
from ._core import Tensor
from .func._arguments import Arguments
from .func._reverse import sweep
from .func._vmap import to_front
from .tree import TreeDef, unflatten

Array = npt.NDArray[Any]

_FLOAT64 = np.dtype(np.float64)

# Bytes of the vectors that one batched pass carries for a dense matrix.
_CHUNK_BYTES = 1 << 22


class Layout:
    """How the leaves of a tree lie in one vector: one after another, each in row-major order."""

    __slots__ = ("devices", "dtype", "leaves", "size", "slices", "structure")

    def __init__(self, op: str, structure: TreeDef, leaves: Sequence[Tensor]) -> None:
        for x in leaves:
            if x.dtype.kind == "c":
                raise TypeError(
                    f"[{op}] dtype {x.dtype} has no place in a real matrix: write the function "
                    "with real and imaginary parts"
                )
        self.structure = structure
        self.leaves = [(x.shape, x.dtype) for x in leaves]
        self.devices = [x.device for x in leaves]
        ends = [0, *itertools.accumulate([x.size for x in leaves])]
        self.slices = [slice(a, b) for a, b in itertools.pairwise(ends)]
        self.size: int = ends[-1]
        self.dtype: np.dtype[Any] = array_dtype(*[x.dtype for x in leaves] or [_FLOAT64])

    @classmethod
    def of(cls, op: str, tree: Any) -> tuple[Layout, list[Tensor]]:
        """The layout of a tree of floating-point tensors, arrays or numbers, and its leaves."""
        arguments = Arguments(op, (tree,), 0)
        return cls(op, arguments.structure, arguments.leaves), arguments.leaves

    def split(self, vector: Array) -> list[Tensor]:
        """The leaves from a vector of shape (size,), or from the rows of a (k, size) matrix."""
        batch = vector.shape[:-1]
        return [
            _core.tensor(
                np.reshape(vector[..., part], (*batch, *shape)), dtype=dtype, device=device
            )
            for part, (shape, dtype), device in zip(
                self.slices, self.leaves, self.devices, strict=True
            )
        ]

    def unflatten(self, vector: Any) -> Any:
        """The tree from a vector."""
        vector = np.asarray(vector)
        if vector.shape != (self.size,):
            raise ValueError(f"[unflatten] expected shape ({self.size},), got {vector.shape}")
        return unflatten(self.structure, self.split(vector))

    def join(self, leaves: Sequence[Tensor], batch: tuple[int, ...] = ()) -> Array:
        """One vector, or with a batch shape of (k,) one row for each entry, from the leaves."""
        here = [x.detach().to("cpu").numpy() for x in leaves]
        if len(here) == 1:
            return np.array(here[0].reshape(*batch, self.size), dtype=self.dtype)
        parts = [x.reshape(*batch, -1) for x in here if x.size]
        if not parts:
            return np.zeros((*batch, self.size), self.dtype)
        return np.concatenate(parts, axis=-1).astype(self.dtype, copy=False)


def sweep_flat(
    outputs: Sequence[Tensor], rows: Layout, columns: Layout, inputs: Sequence[Tensor], v: Array
) -> Array:
    """``v^T J`` of a recorded graph for a vector, or for every row of a matrix in one pass.

    The outputs lie in `rows`, the inputs in `columns`; the graph is kept for the next sweep.
    """
    seeds = rows.split(v)
    if v.ndim == 1:
        return columns.join(sweep(outputs, seeds, inputs, retain_graph=True))
    with _core.Level("vmap", len(v)) as level:
        batched = [_core.make_batched(level, seed, 0) for seed in seeds]
        found = sweep(outputs, batched, inputs, retain_graph=True)
        return columns.join([to_front(level, g, len(v)) for g in found], (len(v),))


def dense(multiply: Callable[[Array], Array], size: int, dtype: np.dtype[Any]) -> Array:
    """The matrix whose rows are what `multiply` makes of the rows of the identity, in chunks."""
    step = max(16, _CHUNK_BYTES // max(size * dtype.itemsize, 1))
    parts = [
        multiply(np.eye(min(step, size - start), size, k=start, dtype=dtype))
        for start in range(0, size, step)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype)
