"""Lyapunov's equations, as in :mod:`scipy.linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .._core import Tensor
from ._common import floating, not_bool
from .matrix_functions import square_matrices

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

_LEAST_BILINEAR = 10


def solve_continuous_lyapunov(a: TensorLike, q: TensorLike) -> Tensor:
    """The x of ``a @ x + x @ a^H = q``.

    :param a: tensor of shape (..., n, n)
    :param q: tensor of shape (..., n, n)

    >>> pa.linalg.solve_continuous_lyapunov([[2.0]], [[8.0]]).tolist()
    [[2.0]]
    """
    matrix = square_matrices("solve_continuous_lyapunov", a)
    right = not_bool("linalg.solve_continuous_lyapunov", q)
    return _core.linalg_solve_sylvester(matrix, adjoint(matrix), right)


def solve_discrete_lyapunov(a: TensorLike, q: TensorLike) -> Tensor:
    """The x of ``a @ x @ a^H - x + q = 0``.

    From n = 10 on it is computed as the continuous equation of the matrix
    ``(a^H - 1) (a^H + 1)^-1``, in time of order n^3 (SciPy's "bilinear").

    :param a: tensor of shape (..., n, n)
    :param q: tensor of shape (..., n, n)

    >>> pa.linalg.solve_discrete_lyapunov([[0.5]], [[3.0]]).tolist()
    [[4.0]]
    """
    matrix = square_matrices("solve_discrete_lyapunov", a)
    right = floating(not_bool("linalg.solve_discrete_lyapunov", q))
    n = matrix.shape[-1]
    if right.ndim < 2 or right.shape[-2:] != (n, n):
        raise ValueError(
            f"[linalg.solve_discrete_lyapunov] shapes {matrix.shape} and {right.shape} do not "
            "match: q must be as a"
        )
    return _as_one_system(matrix, right) if n < _LEAST_BILINEAR else _bilinear(matrix, right)


def _as_one_system(a: Tensor, q: Tensor) -> Tensor:
    n = a.shape[-1]
    rows = _core.expand_dims(a, (-3, -1))
    columns = _core.expand_dims(_core.conj(a), (-4, -2))
    product = _core.reshape(rows * columns, (*a.shape[:-2], n * n, n * n))
    vector = _core.reshape(q, (*q.shape[:-2], n * n, 1))
    solution = _core.linalg_solve(_core.eye(n * n, device=a.device) - product, vector)
    return _core.reshape(solution, (*solution.shape[:-2], n, n))


def _bilinear(a: Tensor, q: Tensor) -> Tensor:
    one = _core.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    inverse = _core.linalg_inv(a + one)
    turned = inverse @ (a - one)
    right = 2.0 * (inverse @ q @ adjoint(inverse))
    return _core.linalg_solve_sylvester(turned, adjoint(turned), -right)


def adjoint(x: Tensor) -> Tensor:
    return _core.conj(_core.matrix_transpose(x))
