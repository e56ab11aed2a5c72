"""Products with constant sparse matrices, from ops whose sparsity is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._scipy import scipy_module
from ..func._vmap import vmap


def matmul(a: Any, x: Any, /, *, data: Any = None) -> Tensor:
    """The product of a sparse matrix with a vector or with the columns of a matrix.

    ``a @ x`` itself is SciPy's, which takes no tensors. The product records, maps and has
    derivatives of every order; :func:`hessian` and :func:`jacobian` see its pattern.

    Args:
        a: a sparse matrix or array of SciPy's, of shape ``(m, n)``: a constant.
        x: shape ``(n,)`` or ``(n, k)``.
        data: the entries, in the place and order of ``a.tocoo().data``, if they shall be
            differentiated by; ``a`` then says only where they are. Entries at one place add up.

    Returns:
        Shape ``(m,)`` or ``(m, k)``, and the promoted dtype.

    Raises:
        TypeError: ``a`` is no sparse matrix.
        ValueError: the shapes do not match.
        ImportError: SciPy is missing.

    >>> import scipy.sparse
    >>> a = scipy.sparse.csr_array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    >>> pa.sparse.matmul(a, pa.ones(3)).tolist()
    [3.0, 3.0]
    >>> pa.sparse.hessian(lambda x: pa.sum(pa.sparse.matmul(a, x) ** 2), pa.ones(3)).toarray()
    array([[ 2.,  0.,  4.],
           [ 0., 18.,  0.],
           [ 4.,  0.,  8.]])
    """
    op = "sparse.matmul"
    if not scipy_module(op, "sparse").issparse(a) or a.ndim != 2:
        raise TypeError(f"[{op}] expected a sparse matrix of SciPy's, got {type(a).__name__}")
    entries = a.tocoo()
    x = _core.asarray(x)
    values = _core.asarray(entries.data).to(x.device) if data is None else _core.asarray(data)
    if values.shape != entries.data.shape:
        raise ValueError(f"[{op}] {entries.nnz} entries need as many in data, got {values.shape}")
    if x.ndim not in (1, 2) or x.shape[0] != a.shape[1]:
        raise ValueError(
            f"[{op}] shapes {a.shape} and {x.shape} do not match: x must have shape "
            f"({a.shape[1]},) or ({a.shape[1]}, k)"
        )
    rows, columns = (
        _core.asarray(place.astype(np.int64)).to(x.device) for place in (entries.row, entries.col)
    )

    def product(vector: Tensor) -> Tensor:
        terms = values * vector[columns]
        if terms.dtype.kind == "c":
            return _core.complex(total(_core.real(terms)), total(_core.imag(terms)))
        return total(terms)

    def total(terms: Tensor) -> Tensor:
        sums = _core.bincount(rows, terms, minlength=a.shape[0])
        return _core.astype(sums, terms.dtype)

    mapped: Tensor = product(x) if x.ndim == 1 else vmap(product, in_axes=1, out_axes=1)(x)
    return mapped
