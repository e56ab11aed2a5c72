"""Which derivatives every op has: ``pa.coverage()``."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import NamedTuple

__all__ = ["Coverage", "coverage"]


class Coverage(NamedTuple):
    """What was found to hold for one op by running it.

    True: it holds. False: it does not. None: there is nothing to hold, because mathematics has no
    such thing; the index of a maximum has no derivative.
    """

    value: bool
    """Equal to NumPy's or SciPy's."""
    vjp: bool | None
    """Reverse mode equals central differences."""
    jvp: bool | None
    """Forward mode equals central differences."""
    reverse_over_reverse: bool | None
    """Differences of the gradient."""
    forward_over_reverse: bool | None
    reverse_over_forward: bool | None
    forward_over_forward: bool | None
    third_order: bool | None
    """All eight mixes of modes agree."""
    vmap: bool | None
    """Equal to a loop, by a batching rule; None where the shape depends on the values."""
    complex: bool | None
    """All of the above with complex arguments; None where the op is not defined for them."""
    checkpoint: bool
    """Inside a checkpoint the values and the derivatives, to third order, are the same."""
    cuda: bool
    """On a CUDA device the values and first derivatives of real arguments are the host's. Where
    that does not hold, the op or a rule of it has no kernel, or makes arrays on the host."""


@functools.cache
def coverage() -> dict[str, Coverage]:
    """Per op, which of value, derivatives and batching hold.

    The table was computed by running the records of the test suite, and a test keeps it current;
    docs/coverage.md shows it whole.

    Returns:
        The ops by name, those of modules with the module in front: ``"linalg.solve"``.

    >>> pa.coverage()["tanh"].forward_over_reverse
    True
    >>> [name for name, row in pa.coverage().items() if False in row[:-1]]
    []
    >>> pa.coverage()["linalg.svd"].cuda, pa.coverage()["fromfunction"].cuda
    (True, False)
    """
    table = json.loads((Path(__file__).parent / "_coverage.json").read_text())
    return {name: Coverage(*row) for name, row in table.items()}
