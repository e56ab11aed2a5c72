"""Whole numbers among arguments: Python's ints, NumPy's, and whatever else can be an index."""

from __future__ import annotations

import operator
from typing import Any


def whole(value: Any) -> int | None:
    """The int that a value is, None where it is none; a bool is none.

    >>> from pyautograd._whole import whole
    >>> whole(np.int64(3)), whole(3.0), whole(True), whole("3")
    (3, None, None, None)
    """
    if type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def one_or_each(given: Any) -> tuple[int, ...]:
    """The ints of a sequence, or one int alone.

    >>> from pyautograd._whole import one_or_each
    >>> one_or_each(np.int64(3)), one_or_each([2, 3])
    ((3,), (2, 3))
    """
    one = whole(given)
    return tuple([operator.index(v) for v in given]) if one is None else (one,)
