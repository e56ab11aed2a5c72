"""Products with constant sparse matrices, from ops whose sparsity is known."""

from __future__ import annotations

from typing import Any

from .. import _core
from .._core import Tensor
from ._entries import Entries


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
    entries, values = Entries.of(op, a, data)
    x = _core.asarray(x)
    if x.ndim not in (1, 2) or x.shape[0] != a.shape[1]:
        raise ValueError(
            f"[{op}] shapes {a.shape} and {x.shape} do not match: x must have shape "
            f"({a.shape[1]},) or ({a.shape[1]}, k)"
        )
    if data is None:
        values = values.to(x.device)
    return entries.product(values, x.T).T if x.ndim == 2 else entries.product(values, x)
