"""Linear algebra, under the names of :mod:`numpy.linalg`, :mod:`scipy.linalg` and the array API.

Every function works on the matrices over the last two axes; the axes in front are a batch, and
broadcast. Results have a floating dtype. All derivatives of all orders are exact, in every mode;
where one does not exist, the function's documentation says what is returned.

>>> a = pa.tensor([[2.0, 0.0], [0.0, 3.0]], requires_grad=True)
>>> pa.linalg.det(a).backward()
>>> a.grad.tolist()
[[3.0, 0.0], [0.0, 2.0]]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from . import _core, compositions
from ._core import (
    Tensor,
    matmul,
    matrix_transpose,
    tensordot,
    vecdot,
)
from ._core import linalg_cholesky as cholesky
from ._core import linalg_cond as cond
from ._core import linalg_cross as cross
from ._core import linalg_det as det
from ._core import linalg_diagonal as diagonal
from ._core import linalg_eig as eig
from ._core import linalg_eigvals as eigvals
from ._core import linalg_expm as expm
from ._core import linalg_inv as inv
from ._core import linalg_kron as kron
from ._core import linalg_logm as logm
from ._core import linalg_lstsq as lstsq
from ._core import linalg_lu as lu
from ._core import linalg_lu_factor as lu_factor
from ._core import linalg_matrix_norm as matrix_norm
from ._core import linalg_matrix_power as matrix_power
from ._core import linalg_matrix_rank as matrix_rank
from ._core import linalg_multi_dot as multi_dot
from ._core import linalg_norm as norm
from ._core import linalg_outer as outer
from ._core import linalg_pinv as pinv
from ._core import linalg_qr as qr
from ._core import linalg_slogdet as slogdet
from ._core import linalg_solve as solve
from ._core import linalg_solve_sylvester as solve_sylvester
from ._core import linalg_solve_triangular as solve_triangular
from ._core import linalg_solveh_banded as solveh_banded
from ._core import linalg_sqrtm as sqrtm
from ._core import linalg_svd as svd
from ._core import linalg_svdvals as svdvals
from ._core import linalg_tensorinv as tensorinv
from ._core import linalg_tensorsolve as tensorsolve
from ._core import linalg_trace as trace
from ._core import linalg_vector_norm as vector_norm
from ._names import public_dir

if TYPE_CHECKING:
    from ._core import TensorLike
    from .compositions.matrix_equations import solve_continuous_lyapunov, solve_discrete_lyapunov
    from .compositions.matrix_functions import (
        coshm,
        cosm,
        fractional_matrix_power,
        funm,
        sinhm,
        sinm,
        tanhm,
        tanm,
    )
    from .compositions.riccati import solve_continuous_are, solve_discrete_are
    from .compositions.structured import block_diag, circulant, hankel, toeplitz

globals().update(compositions.functions_of("linalg"))

__all__ = [
    "EigResult",
    "EighResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "circulant",
    "cond",
    "coshm",
    "cosm",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "fractional_matrix_power",
    "funm",
    "hankel",
    "inv",
    "kron",
    "logm",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "sinhm",
    "sinm",
    "slogdet",
    "solve",
    "solve_banded",
    "solve_continuous_are",
    "solve_continuous_lyapunov",
    "solve_discrete_are",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_triangular",
    "solveh_banded",
    "sqrtm",
    "svd",
    "svdvals",
    "tanhm",
    "tanm",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "toeplitz",
    "trace",
    "vecdot",
    "vector_norm",
]

__dir__ = public_dir(__all__)


class SlogdetResult(NamedTuple):
    """What ``slogdet`` returns."""

    sign: Tensor
    logabsdet: Tensor


class EigResult(NamedTuple):
    """What ``eig`` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EighResult(NamedTuple):
    """What ``eigh`` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What ``qr`` returns."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What ``svd`` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


# SciPy passes two numbers, or the two parts of a factorization, as one argument.


def cho_factor(
    a: TensorLike, lower: bool = False, *, out: Tensor | None = None
) -> tuple[Tensor, bool]:
    """The factor of Cholesky and whether it is the lower one, as :func:`cho_solve` takes them.

    Otherwise as :func:`cholesky`: in the other triangle there are zeros. ``out`` takes the factor.

    >>> factor = pa.linalg.cho_factor([[4.0, 2.0], [2.0, 3.0]])
    >>> pa.linalg.cho_solve(factor, [2.0, -1.0]).numpy().round(12)
    array([ 1., -1.])
    """
    return cholesky(a, upper=not lower, out=out), lower


def cho_solve(
    c_and_lower: tuple[TensorLike, bool], b: TensorLike, *, out: Tensor | None = None
) -> Tensor:
    c, lower = c_and_lower
    return _core.linalg_cho_solve(c, b, lower=lower, out=out)


def lu_solve(
    lu_and_piv: tuple[TensorLike, TensorLike] | Sequence[TensorLike],
    b: TensorLike,
    trans: int | str = 0,
    *,
    out: Tensor | None = None,
) -> Tensor:
    lu, piv = lu_and_piv
    return _core.linalg_lu_solve(lu, piv, b, trans=trans, out=out)


def solve_banded(
    l_and_u: tuple[int, int] | Sequence[int],
    ab: TensorLike,
    b: TensorLike,
    *,
    out: Tensor | None = None,
) -> Tensor:
    lower, upper = l_and_u
    return _core.linalg_solve_banded(ab, b, lower, upper, out=out)


# The second argument is b in SciPy and the triangle in NumPy.


def eigh(
    a: TensorLike,
    b: TensorLike | str | None = None,
    UPLO: str = "L",
    *,
    type: int = 1,
    out: tuple[Tensor, Tensor] | None = None,
) -> EighResult:
    matrix, triangle = (None, b) if isinstance(b, str) else (b, UPLO)
    return _core.linalg_eigh(a, matrix, triangle, type=type, out=out)


def eigvalsh(
    a: TensorLike,
    b: TensorLike | str | None = None,
    UPLO: str = "L",
    *,
    type: int = 1,
    out: Tensor | None = None,
) -> Tensor:
    matrix, triangle = (None, b) if isinstance(b, str) else (b, UPLO)
    return _core.linalg_eigvalsh(a, matrix, triangle, type=type, out=out)


for _function in (cho_solve, eigh, eigvalsh, lu_solve, solve_banded):
    _function.__doc__ = getattr(_core, f"linalg_{_function.__name__}").__doc__
