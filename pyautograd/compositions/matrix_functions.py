"""Functions of square matrices, as in :mod:`scipy.linalg`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import floating, not_bool

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def funm(A: TensorLike, func: Callable[[Tensor], Any]) -> Tensor:
    """A function of symmetric (Hermitian) matrices: ``V @ diag(func(w)) @ V^H`` of ``eigh(A)``.

    Made of elementwise functions of the eigenvalues, and of numbers and tensors that are the same
    for all of them, it is differentiable in ``A`` and in these at every order, where eigenvalues
    repeat, too (Higham 2008, "Functions of Matrices", section 3.2): inverse roots, projections and
    densities of states that are written with the eigenvectors of ``eigh`` are nan there. Of other
    functions, such as a sorted or boolean choice, the derivatives are those of the eigenvectors. As
    for ``eigh``, gradients are symmetric.

    :param A: tensor of shape (..., n, n)
    :param func: takes the eigenvalues, of shape (..., n), rising, and returns as many real numbers
    :raises ValueError: ``A`` is not symmetric, or ``func`` returns another shape
    :raises TypeError: ``func`` returns complex numbers; real and imaginary parts have functions
    :raises LinAlgError: no convergence

    >>> root = pa.linalg.funm([[4.0, 0.0], [0.0, 4.0]], lambda w: w**-0.5)
    >>> root.tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    matrix = square_matrices("funm", A)
    w, v = _core.eigh_for_function("linalg.funm", matrix)
    y = _core.asarray(func(w))
    if y.shape != w.shape:
        raise ValueError(
            f"[linalg.funm] func returns shape {y.shape} for eigenvalues of shape {w.shape}"
        )
    if y.dtype.kind != "f":
        raise TypeError(f"[linalg.funm] func must return real numbers, not dtype {y.dtype}")
    return _core.function_from_eigen(y, v)


def fractional_matrix_power(A: TensorLike, t: float | Tensor) -> Tensor:
    """The principal power of square matrices, ``expm(t * logm(A))``, or a product for an int.

    Of a symmetric matrix whose eigenvalues may be zero, ``funm(A, lambda w: w**t)`` is the power.

    :param A: tensor of shape (..., n, n)
    :param t: a number, or a 0-d tensor, which may be differentiated, too
    :raises LinAlgError: ``A`` has no logarithm, as if it is singular

    >>> power = pa.linalg.fractional_matrix_power([[4.0, 0.0], [0.0, 9.0]], 0.5)
    >>> power.numpy().round(12).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    matrix = square_matrices("fractional_matrix_power", A)
    try:
        return _core.linalg_matrix_power(matrix, operator.index(t))  # type: ignore[arg-type]
    except TypeError:
        pass
    if np.ndim(t):
        raise ValueError(
            f"[linalg.fractional_matrix_power] t must be one number, got shape {np.shape(t)}"
        )
    return _core.linalg_expm(t * _core.linalg_logm(matrix))


def cosm(A: TensorLike) -> Tensor:
    """The cosine of square matrices, from exponentials.

    :param A: tensor of shape (..., n, n)

    >>> pa.linalg.cosm(pa.zeros((2, 2))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    matrix = square_matrices("cosm", A)
    turned = _core.linalg_expm(matrix * 1j)
    if matrix.dtype.kind != "c":
        return _core.real(turned)
    return (turned + _core.linalg_expm(matrix * -1j)) * 0.5


def sinm(A: TensorLike) -> Tensor:
    """The sine of square matrices, from exponentials.

    :param A: tensor of shape (..., n, n)

    >>> pa.linalg.sinm(pa.zeros((2, 2))).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    matrix = square_matrices("sinm", A)
    turned = _core.linalg_expm(matrix * 1j)
    if matrix.dtype.kind != "c":
        return _core.imag(turned) + _core.real(turned) * 0.0  # nan where that is
    return (turned - _core.linalg_expm(matrix * -1j)) * -0.5j


def tanm(A: TensorLike) -> Tensor:
    """The tangent of square matrices: ``X`` with ``cosm(A) @ X = sinm(A)``.

    :param A: tensor of shape (..., n, n)
    :raises LinAlgError: the cosine is singular

    >>> pa.linalg.tanm(pa.zeros((2, 2))).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    matrix = square_matrices("tanm", A)
    return _core.linalg_solve(cosm(matrix), sinm(matrix))


def coshm(A: TensorLike) -> Tensor:
    """The hyperbolic cosine of square matrices, from exponentials.

    :param A: tensor of shape (..., n, n)

    >>> pa.linalg.coshm(pa.zeros((2, 2))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    matrix = square_matrices("coshm", A)
    return (_core.linalg_expm(matrix) + _core.linalg_expm(-matrix)) * 0.5


def sinhm(A: TensorLike) -> Tensor:
    """The hyperbolic sine of square matrices, from exponentials.

    :param A: tensor of shape (..., n, n)

    >>> pa.linalg.sinhm(pa.zeros((2, 2))).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    matrix = square_matrices("sinhm", A)
    return (_core.linalg_expm(matrix) - _core.linalg_expm(-matrix)) * 0.5


def tanhm(A: TensorLike) -> Tensor:
    """The hyperbolic tangent of square matrices: ``X`` with ``coshm(A) @ X = sinhm(A)``.

    :param A: tensor of shape (..., n, n)
    :raises LinAlgError: the hyperbolic cosine is singular

    >>> pa.linalg.tanhm(pa.zeros((2, 2))).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    matrix = square_matrices("tanhm", A)
    return _core.linalg_solve(coshm(matrix), sinhm(matrix))


def square_matrices(name: str, a: TensorLike) -> Tensor:
    x = floating(not_bool(f"linalg.{name}", a))
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"[linalg.{name}] expected square matrices, got shape {x.shape}")
    return x
