"""Linear algebra: products and diagonals, under the names of :mod:`numpy.linalg`."""

from ._core import diagonal, matmul, matrix_transpose, outer, tensordot, trace, vecdot

__all__ = ["diagonal", "matmul", "matrix_transpose", "outer", "tensordot", "trace", "vecdot"]
