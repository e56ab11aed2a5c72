"""Linear algebra: the array API's names for products and diagonals, as :mod:`numpy.linalg` has them."""

from ._core import diagonal, matmul, matrix_transpose, outer, tensordot, trace, vecdot

__all__ = ["diagonal", "matmul", "matrix_transpose", "outer", "tensordot", "trace", "vecdot"]
