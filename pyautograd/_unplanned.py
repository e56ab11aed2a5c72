"""Which derivatives are so small that planning their passes would take longer than they do."""

from __future__ import annotations

from . import _core

# Results, and passes of all columns at once, that need no planning
_SMALL_RESULT, _SMALL_PASS = 1 << 20, 1 << 26
# From so many rows and columns on it pays to look for a pattern; of a captured call, whose runs all
# use it
_COMPRESSED, _COMPRESSED_ONCE = 160, 24


def is_compressible(rows: int, columns: int) -> bool:
    """Whether it pays to look for zeros in a matrix of that shape."""
    return min(rows, columns) >= (_COMPRESSED_ONCE if _core.capturing() else _COMPRESSED)


def is_small(rows: int, columns: int, before: int) -> bool:
    """Whether all vectors can go at once and nothing has to be estimated: of a matrix of that
    shape, with what was recorded since `before` bytes were alive."""
    small = 8 * rows * columns <= _SMALL_RESULT
    return small and fits_unplanned(min(rows, columns), before)


def fits_unplanned(vectors: int, before: int) -> bool:
    """Whether a pass of so many vectors takes too little to be estimated first."""
    recorded: int = _core.planned_bytes() - before
    return recorded * vectors <= _SMALL_PASS
