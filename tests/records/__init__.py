"""One record per op; the property tests run over all of them."""

from . import (
    compositions,
    compositions_beside,
    compositions_of_distributions,
    compositions_of_elementary,
    compositions_of_elliptic,
    compositions_of_gammas,
    compositions_of_grids,
    compositions_of_parameters,
    compositions_of_polynomials,
    compositions_of_series,
    compositions_of_sets,
    compositions_of_shape,
    compositions_of_spheres,
    compositions_of_waves,
    compositions_of_writing,
    creation,
    elementwise,
    fft,
    index,
    linalg,
    matmul,
    random,
    reduce,
    shape,
    sort,
    special,
)
from .record import ALL, COMPLEX, FLOATS, ORDER, REAL, OpRecord, Sample

RECORDS: list[OpRecord] = [
    *creation.RECORDS,
    *elementwise.RECORDS,
    *reduce.RECORDS,
    *shape.RECORDS,
    *index.RECORDS,
    *matmul.RECORDS,
    *linalg.RECORDS,
    *fft.RECORDS,
    *random.RECORDS,
    *sort.RECORDS,
    *special.RECORDS,
    *compositions.RECORDS,
    *compositions_of_polynomials.RECORDS,
    *compositions_of_shape.RECORDS,
    *compositions_of_sets.RECORDS,
    *compositions_of_grids.RECORDS,
    *compositions_of_writing.RECORDS,
    *compositions_beside.RECORDS,
    *compositions_of_distributions.RECORDS,
    *compositions_of_elementary.RECORDS,
    *compositions_of_elliptic.RECORDS,
    *compositions_of_waves.RECORDS,
    *compositions_of_parameters.RECORDS,
    *compositions_of_gammas.RECORDS,
    *compositions_of_series.RECORDS,
    *compositions_of_spheres.RECORDS,
]
ELEMENTWISE = elementwise.RECORDS
# Exact relative to the largest element only; special values have tests of their own.
_SOLVED = (
    "polyfit",
    "linalg.funm",
    "linalg.fractional_matrix_power",
    *(f"linalg.{name}" for name in compositions_beside.MATRIX_FUNCTIONS),
)
LINALG = [
    *linalg.RECORDS,
    *(r for r in compositions_of_polynomials.RECORDS if r.name in _SOLVED),
    *(r for r in compositions_beside.RECORDS if r.name in _SOLVED or "linalg.solve_" in r.name),
]
FFT = fft.RECORDS
# Every op on real samples, and on complex ones if it takes them.
CASES = RECORDS + [r.complexified() for r in RECORDS if "complex128" in r.dtypes]
DIFFERENTIABLE = [r for r in CASES if r.diff]

__all__ = [
    "ALL",
    "CASES",
    "COMPLEX",
    "DIFFERENTIABLE",
    "ELEMENTWISE",
    "FFT",
    "FLOATS",
    "LINALG",
    "ORDER",
    "REAL",
    "RECORDS",
    "OpRecord",
    "Sample",
]
