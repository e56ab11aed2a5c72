"""Sparse matrices of SciPy's whose entries may be tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from .._scipy import scipy_module
from ..func._vmap import vmap

Places = npt.NDArray[np.int64]


class Entries:
    """Where a matrix has entries, in the order of their values; those at one place add up."""

    def __init__(self, shape: tuple[int, int], rows: Places, columns: Places) -> None:
        self.shape, self.rows, self.columns = shape, rows, columns
        self.count = len(rows)

    @classmethod
    def of(cls, op: str, a: Any, data: Any) -> tuple[Entries, Tensor]:
        """The places in a matrix, and its values: those given, or else its own."""
        if not scipy_module(op, "sparse").issparse(a) or a.ndim != 2:
            raise TypeError(f"[{op}] expected a sparse matrix of SciPy's, got {type(a).__name__}")
        found = a.tocoo()
        values = _core.asarray(found.data if data is None else data)
        if values.shape != found.data.shape:
            raise ValueError(f"[{op}] {found.nnz} entries need as many in data, got {values.shape}")
        return cls(a.shape, found.row.astype(np.int64), found.col.astype(np.int64)), values

    def product(self, values: Tensor, x: Tensor, transposed: bool = False) -> Tensor:
        """Of the matrix, with values of shape ``(..., entries)``, and vectors along the last axis.

        Leading axes broadcast.
        """
        to, count, of = self.rows, self.shape[0], self.columns
        if transposed:
            to, count, of = self.columns, self.shape[1], self.rows
        places = _core.asarray(to).to(x.device)

        def total(terms: Tensor) -> Tensor:
            sums = _core.bincount(places, terms, minlength=count)
            return _core.astype(sums, terms.dtype)

        def totals(terms: Tensor) -> Tensor:
            if terms.dtype.kind == "c":
                return _core.complex(totals(_core.real(terms)), totals(_core.imag(terms)))
            lead = terms.shape[:-1]
            if not lead:
                return total(terms)
            rows = _core.reshape(terms, (int(np.prod(lead)), terms.shape[-1]))
            mapped: Tensor = vmap(total)(rows)
            return _core.reshape(mapped, (*lead, count))

        return totals(values * x[..., _core.asarray(of).to(x.device)])
