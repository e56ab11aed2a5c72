"""Solutions of sparse systems as functions of the entries and of the right-hand side."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._bfloat16 import array_dtype
from .._core import Tensor
from .._numbers import on_host
from .._places import place_of
from ..array_api import result_type
from ..function import Function
from ._entries import Entries
from ._logdet import LogDet
from ._system import System


def solve(a: Any, b: Any, /, *, data: Any = None) -> Tensor:
    """The solution ``x`` of ``a @ x = b`` with a sparse matrix, from a sparse factorization.

    SciPy's SuperLU factors the matrix once, whatever number of right-hand sides and derivatives is
    asked for; for other right-hand sides that come later see :func:`splu`. Derivatives have every
    order, in both modes; those in the entries are computed at the entries alone.

    Args:
        a: a sparse matrix or array of SciPy's, of shape ``(n, n)``: a constant.
        b: shape ``(n,)`` or ``(n, k)``.
        data: the entries, in the place and order of ``a.tocoo().data``, if they shall be
            differentiated by; ``a`` then says only where they are. Entries at one place add up.

    Returns:
        Shape ``(n,)`` or ``(n, k)``, and the promoted floating dtype. nan among the entries makes
        all of it nan.

    Raises:
        TypeError: ``a`` is no sparse matrix.
        ValueError: the shapes do not match, or ``a`` is not square.
        numpy.linalg.LinAlgError: the matrix is singular.
        ImportError: SciPy is missing.

    Under ``vmap``, right-hand sides share a factorization; entries that are mapped have one for
    each. The solution depends on everything, so :func:`hessian` and :func:`jacobian` find dense
    patterns.

    >>> import scipy.sparse
    >>> a = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(3, 3))
    >>> pa.sparse.solve(a, pa.ones(3)).numpy().round(6)
    array([1.5, 2. , 1.5])

    A stiffness for each of three springs in a row, and how the deflection depends on them:

    >>> place = scipy.sparse.coo_array(([1, 1, 1, 1, 1], ([0, 0, 1, 1, 1], [0, 1, 0, 1, 1])))
    >>> def deflection(k):
    ...     entries = pa.stack([k[0] + k[1], -k[1], -k[1], k[1], k[2]])
    ...     return pa.sparse.solve(place, [0.0, 1.0], data=entries)[1]
    >>> pa.func.grad(deflection)(pa.tensor([1.0, 1.0, 1.0])).numpy().round(6)
    array([-0.111111, -0.111111, -0.444444])
    """
    return _lu("sparse.solve", a, data).solve(b)


def logdet(a: Any, /, *, data: Any = None) -> Tensor:
    """log|det a| of a sparse matrix, from a sparse factorization.

    Its derivative by an entry is an element of the inverse. Those at the entries are computed
    without the others, by elimination within the filled pattern, which takes some times as long as
    SuperLU's factorization; along a direction the second derivatives take about as long again.

    Args:
        a, data: a matrix, and its entries where they shall be differentiated by, as for
            :func:`solve`.

    Returns:
        A number, of the real dtype. nan among the entries makes it nan.

    Raises:
        numpy.linalg.LinAlgError: the matrix is singular.
        NotImplementedError: a derivative beyond the sixth is asked for.
        TypeError, ValueError, ImportError: as for :func:`solve`.

    Where a matrix is factored for solutions, too, :func:`splu` has it done once. Elimination fills
    the pattern of the matrix and its transpose together.

    The density of a Gaussian Markov random field with the precision matrix Q needs log det Q:

    >>> import scipy.sparse
    >>> Q = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(4, 4)).tocoo()
    >>> def density(log_precision):
    ...     precision = pa.exp(log_precision)
    ...     return 0.5 * pa.sparse.logdet(Q, data=Q.data * precision) - 0.5 * precision * 3.0
    >>> pa.func.grad(density)(0.0).item().__round__(6)
    0.5
    """
    return _lu("sparse.logdet", a, data).logdet()


def splu(a: Any, /, *, data: Any = None) -> SuperLU:
    """A sparse matrix, to be factored once for several solutions, as ``scipy.sparse.linalg.splu``.

    Args:
        a, data: a matrix, and its entries where they shall be differentiated by, as for
            :func:`solve`.

    Returns:
        A :class:`SuperLU` with the methods ``solve`` and ``logdet``.

    Raises:
        What :func:`solve` raises of a matrix; for a singular one the methods do.

    Steps of an implicit method for a heat equation, with one factorization:

    >>> import scipy.sparse
    >>> second = scipy.sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(50, 50))
    >>> lu = pa.sparse.splu(scipy.sparse.eye_array(50) - second)
    >>> def later(u):
    ...     for _ in range(10):
    ...         u = lu.solve(u)
    ...     return u
    >>> pa.func.grad(lambda u: later(u)[0])(pa.ones(50)).shape
    (50,)
    """
    return _lu("sparse.splu", a, data)


class SuperLU:
    """What :func:`splu` returns: a matrix with its factors, made when they are first needed."""

    def __init__(self, system: System, values: Tensor) -> None:
        self._system, self._values = system, values

    @property
    def shape(self) -> tuple[int, int]:
        return self._system.entries.shape

    def solve(self, b: Any, /, trans: str = "N") -> Tensor:
        """The solution with the matrix (``"N"``), its transpose (``"T"``) or its conjugate
        transpose (``"H"``); see :func:`pyautograd.sparse.solve`."""
        op, n = self._system.op, self._system.n
        if trans not in ("N", "T", "H"):
            raise ValueError(f"[{op}] unknown trans {trans!r}: expected 'N', 'T' or 'H'")
        b = _core.asarray(b)
        if b.ndim not in (1, 2) or b.shape[0] != n:
            raise ValueError(
                f"[{op}] shapes {self.shape} and {b.shape} do not match: b must have shape "
                f"({n},) or ({n}, k)"
            )
        promoted, wide = _dtypes(self._values, b)
        place = place_of([self._values, b])
        # Real entries stay real beside complex b.
        own = wide if self._values.dtype.kind == "c" else wide.type(0).real.dtype
        values, rows = self._values.to(place).astype(own), b.to(place).astype(wide)
        rows = rows.T[None] if b.ndim == 2 else rows[None, None]
        rows = _core.conj(rows) if trans == "H" else rows
        x: Tensor = Solution.apply(self._system, trans != "N", values[None], rows)[0]
        x = _core.conj(x) if trans == "H" else x
        return (x.T if b.ndim == 2 else x[0]).astype(promoted)

    def logdet(self) -> Tensor:
        """The logarithm of the determinant's absolute value: see
        :func:`pyautograd.sparse.logdet`."""
        promoted, wide = _dtypes(self._values)
        found: Tensor = LogDet.apply(self._system, self._values.astype(wide)[None])[0]
        return found if promoted.kind == "c" else found.astype(promoted)


def _dtypes(*tensors: Tensor) -> tuple[Any, np.dtype[Any]]:
    """Of a result, and one that SuperLU has, which is no narrower than float32."""
    promoted = result_type(*tensors)
    if promoted.kind not in "fc":
        promoted = np.dtype(np.float64)
    return promoted, np.result_type(array_dtype(promoted), np.float32)


def _lu(op: str, a: Any, data: Any) -> SuperLU:
    entries, values = Entries.of(op, a, data)
    # The memory of a matrix is its owner's.
    return SuperLU(System(op, entries), _core.copy(values) if data is None else values)


class Solution(Function):
    """``apply(system, transposed, values, b)``: solutions of systems with vectors in rows."""

    @staticmethod
    def forward(system: System, transposed: bool, values: Tensor, b: Tensor) -> Tensor:
        return on_host(system.op, system.solve, values, b, transposed, like=b)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.system, ctx.transposed, values, _ = inputs
        ctx.save_for_backward(values, output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        values, x = ctx.saved_tensors
        entries = ctx.system.entries
        # Transposes are without a conjugate inside, as everywhere in the engine.
        u = Solution.apply(ctx.system, not ctx.transposed, values, _core.conj(grad_outputs[0]))
        if not ctx.needs_input_grad[2]:
            return None, None, None, _core.conj(u)
        left, right = (x, u) if ctx.transposed else (u, x)
        terms = left[..., entries.rows] * right[..., entries.columns]
        return None, None, _core.conj(-_core.sum(terms, axis=1)), _core.conj(u)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        values, x = ctx.saved_tensors
        *_, moving, b = tangents
        change = ctx.system.entries.product(moving[:, None], x, ctx.transposed)
        return Solution.apply(ctx.system, ctx.transposed, values, b - change)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        system, transposed, values, b = args
        size, (*_, dim, of) = info.batch_size, in_dims
        if dim is None:
            assert of is not None
            many = _core.moveaxis(b, of, 1)
            rows = _core.reshape(many, (len(values), size * many.shape[2], system.n))
            x = Solution.apply(system, transposed, values, rows)
            return _core.reshape(x, many.shape), 1
        values = _core.moveaxis(values, dim, 0)
        many = _core.moveaxis(b[None] if of is None else b, of or 0, 0)
        many = _core.broadcast_to(many, (size, *many.shape[1:]))
        flat = _core.reshape(many, (size * many.shape[1], *many.shape[2:]))
        stacked = _core.reshape(values, (len(flat), values.shape[-1]))
        x = Solution.apply(system, transposed, stacked, flat)
        return _core.reshape(x, many.shape), 0
