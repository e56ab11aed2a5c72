"""Which entries are nan, and the operation that made the first of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .. import _core
from ..func._reverse import Recording, sweep
from ._names import element_names
from ._passes import Matrix
from ._schedule import record_gradient


@contextmanager
def unchecked() -> Iterator[bool]:
    """True under ``detect_anomaly``, whose own check is put off until the result is known."""
    enabled, checking = _core.anomaly_detection()
    if not (enabled and checking):
        yield False
        return
    _core.set_anomaly_detection(True, False)
    try:
        yield True
    finally:
        _core.set_anomaly_detection(True, True)


def raise_at_nan(op: str, recording: Recording, found: Matrix) -> None:
    """Sweeps the row of the first nan alone, with the detector on, which names the operation."""
    blocks = found.blocks()
    if any(_core.depth(block) for row in blocks for block in row):
        return
    names = [_names_of(recording, i) for i in range(len(recording.inputs))]
    count, first = 0, None
    for i, row in enumerate(blocks):
        for j, block in enumerate(row):
            shape = recording.inputs[i].size, recording.inputs[j].size
            bad = np.argwhere(np.isnan(block.detach().numpy().reshape(shape)))
            count += len(bad)
            if first is None and len(bad):
                first = i, int(bad[0, 0]), f"({names[i][bad[0, 0]]}, {names[j][bad[0, 1]]})"
    if first is None:
        return
    leaf, element, entry = first
    message = f"[{op}] nan in {count} entries, the first at {entry}"
    try:
        y = record_gradient(recording)[leaf]
        seed = np.zeros(y.size, y.dtype)
        seed[element] = 1
        unit = _core.tensor(seed.reshape(y.shape))
        sweep([y], [unit], recording.inputs, retain_graph=True, differentiable="no")
    except RuntimeError as error:
        raise RuntimeError(f"{message}: {error}") from error
    raise RuntimeError(f"{message}: no derivative made it, so the function's values hold a nan")


def _names_of(recording: Recording, leaf: int) -> list[str]:
    names = element_names(recording.in_structure, recording.inputs)
    start = sum([x.size for x in recording.inputs[:leaf]])
    return names[start : start + recording.inputs[leaf].size]
