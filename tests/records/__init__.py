"""One record per op; the property tests run over all of them."""

from . import creation, elementwise, index, matmul, reduce, shape
from .record import ALL, FLOATS, OpRecord, Sample

RECORDS: list[OpRecord] = [
    *creation.RECORDS,
    *elementwise.RECORDS,
    *reduce.RECORDS,
    *shape.RECORDS,
    *index.RECORDS,
    *matmul.RECORDS,
]
ELEMENTWISE = elementwise.RECORDS
DIFFERENTIABLE = [r for r in RECORDS if r.diff]

__all__ = ["ALL", "DIFFERENTIABLE", "ELEMENTWISE", "FLOATS", "OpRecord", "RECORDS", "Sample"]
