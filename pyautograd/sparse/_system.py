"""Sparse systems on the host: one factorization by SuperLU, and what is read off it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Elimination, Tensor
from .._scipy import scipy_module
from ._entries import Entries

Array = npt.NDArray[Any]


class System:
    """A square matrix whose values are others in each call, and its latest factorization.

    Factors are known by the numbers of which they are. So whatever level or order asks, whether
    values come from a graph, a hook or a captured call, equal numbers are factored once. Values
    have shape ``(systems, entries)``, vectors ``(systems, vectors, n)``.
    """

    def __init__(self, op: str, entries: Entries) -> None:
        self.op, self.entries, self.n = op, entries, entries.shape[0]
        if entries.shape[0] != entries.shape[1]:
            raise ValueError(f"[{op}] the matrix must be square, got shape {entries.shape}")
        self._linalg = scipy_module(op, "sparse.linalg")
        self._csc = scipy_module(op, "sparse").csc_array
        rows, columns = entries.rows, entries.columns
        keys = columns * self.n + rows
        # Entries at one place add up; `_starts` says where in the order a place begins.
        self._order = np.argsort(keys, kind="stable")
        places, self._starts = np.unique(keys[self._order], return_index=True)
        self._indices = (places % max(self.n, 1)).astype(np.int32)
        ends = np.searchsorted(places, np.arange(self.n + 1) * self.n)
        self._indptr = ends.astype(np.int32)
        mirrored = np.sort(self._indices * np.int64(self.n) + places // max(self.n, 1))
        symmetric = np.array_equal(mirrored, places)
        # The ordering for symmetric patterns has half the fill, and wants its pivots on the
        # diagonal where these are not small.
        self._how: dict[str, Any] = (
            {
                "permc_spec": "MMD_AT_PLUS_A",
                "diag_pivot_thresh": 0.1,
                "options": {"SymmetricMode": True},
            }
            if symmetric
            else {}
        )
        # Replaced as a whole, so that several threads may use it.
        self._latest: tuple[Array, list[Any]] | None = None
        self._filled: tuple[Array, Elimination] | None = None

    def solve(self, values: Tensor, b: Tensor, transposed: bool) -> Tensor:
        """Solutions with the matrix or its transpose, of the values' precision."""
        right, trans = b.to("cpu").numpy(), "T" if transposed else "N"
        apart = right.dtype.kind == "c" and values.dtype.kind != "c"
        out = np.empty_like(right)
        for lu, vectors, x in zip(self._factors(values), right, out, strict=True):
            if lu is None:
                x[...] = np.nan
            elif apart:
                parts = _solved(lu, np.concatenate([vectors.real, vectors.imag]), trans)
                x.real, x.imag = parts[: len(x)], parts[len(x) :]
            else:
                x[...] = _solved(lu, vectors, trans)
        return _core.asarray(out).to(b.device)

    def logdet(self, values: Tensor) -> Tensor:
        """log|det| of each of the systems, of the real dtype."""
        factors = self._factors(values)
        out = np.full(len(factors), np.nan, _numbers(values).real.dtype)
        for i, lu in enumerate(factors):
            if lu is not None:
                out[i] = np.log(np.abs(lu.U.diagonal())).sum(dtype=np.float64)
        return _core.asarray(out).to(values.device)

    def inverse_entries(self, values: Tensor, *directions: Tensor) -> Tensor:
        """The inverse where the transpose has entries, or its derivative along all directions."""
        numbers, along = _numbers(values), [_numbers(d) for d in directions]
        wide, name = (
            (np.complex128, "inverse_complex")
            if numbers.dtype.kind == "c"
            else (np.float64, "inverse")
        )
        vectors = along[0].shape[1] if along else 1
        out = np.full((len(numbers), vectors, numbers.shape[1]), np.nan, numbers.dtype)
        for i, lu in enumerate(self._factors(values)):
            if lu is None:
                continue
            inverse, own = getattr(self._elimination(lu), name), numbers[i].astype(wide)
            for j in range(vectors):
                out[i, j] = inverse(own, [d[i, j].astype(wide) for d in along])
        return _core.asarray(out).to(values.device)

    def _elimination(self, lu: Any) -> Elimination:
        """With the pivots that SuperLU has chosen."""
        rows = lu.perm_r[self.entries.rows].astype(np.int32)
        latest = self._filled
        # The columns' order is a function of the pattern.
        if latest is not None and np.array_equal(latest[0], rows):
            return latest[1]
        columns = lu.perm_c[self.entries.columns].astype(np.int32)
        made = Elimination(self.n, rows, columns)
        self._filled = rows, made
        return made

    def _factors(self, values: Tensor) -> list[Any]:
        numbers = _numbers(values)
        latest = self._latest
        if latest is not None and np.array_equal(latest[0], numbers):
            return latest[1]
        self._latest = None
        made = [self._factored(row, i, len(numbers)) for i, row in enumerate(numbers)]
        self._latest = numbers.copy(), made
        return made

    def _factored(self, values: Array, which: int, among: int) -> Any:
        """None if there is nan among the numbers, which SuperLU takes for a singular matrix."""
        data = np.add.reduceat(values[self._order], self._starts) if values.size else values
        if np.isnan(data).any():
            return None
        matrix = self._csc((data, self._indices, self._indptr), shape=(self.n, self.n))
        try:
            return self._linalg.splu(matrix, **self._how)
        except RuntimeError as error:
            if "singular" not in str(error):
                raise
            raise np.linalg.LinAlgError(self._singular(matrix, which, among)) from None

    def _singular(self, matrix: Any, which: int, among: int) -> str:
        subject = "the matrix" if among == 1 else f"matrix {which} of {among}"
        for axis, name in ((1, "row"), (0, "column")):
            empty = np.flatnonzero(abs(matrix).sum(axis=axis) == 0)
            if empty.size:
                return (
                    f"[{self.op}] {subject} is singular: {name} {empty[0]} has no entry other "
                    "than 0"
                )
        return (
            f"[{self.op}] {subject} is singular: unknowns that the equations do not determine, "
            "such as a constant that may be added to all, need an equation of their own"
        )


def _solved(lu: Any, rows: Array, trans: str) -> Array:
    """Vectors in rows are the columns of what SuperLU works on, as Fortran orders them."""
    return lu.solve(rows.T, trans).T if rows.size else rows


def _numbers(x: Tensor) -> Array:
    found: Array = x.to("cpu").numpy()
    return found
