"""Products of a recorded Jacobian with many vectors at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._bfloat16 import array_dtype
from .._core import Tensor
from ..func._forward import transpose
from ..func._reverse import Recording, sweep
from ..func._vmap import to_front

# Bytes of a batch of seeds beyond which several smaller batches are faster.
_CACHE = 1 << 20
# Bytes of seeds that a plan keeps; beyond that they are made when needed.
_KEPT = 1 << 27

Rows = npt.NDArray[np.floating[Any]]


class Parts:
    """Tensors laid end to end: how many elements each has, and where they begin."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.shapes = [x.shape for x in tensors]
        self.dtypes = [x.dtype for x in tensors]
        self._specs = list(zip(self.shapes, self.dtypes, strict=True))
        self.dtype = array_dtype(*self.dtypes) if tensors else np.dtype(np.float64)
        ends = list(accumulate([x.size for x in tensors], initial=0))
        self.ranges = list(zip(ends, ends[1:], strict=False))
        self.size: int = ends[-1]

    def fits(self, tensors: Sequence[Tensor]) -> bool:
        return [(x.shape, x.dtype) for x in tensors] == self._specs

    def difference(self, tensors: Sequence[Tensor], link: str) -> str:
        """Of tensors that do not fit, what they should be, the link, and what they are."""
        shapes, dtypes = [x.shape for x in tensors], [x.dtype for x in tensors]
        alike = shapes == self.shapes
        was, now = (self.dtypes, dtypes) if alike else (self.shapes, shapes)
        name = "dtypes" if alike else "shapes"
        return f"{name} [{', '.join(map(str, was))}], {link} [{', '.join(map(str, now))}]"

    def split(self, flat: Rows) -> list[Tensor]:
        """Tensors from vectors along the last axis."""
        cuts = zip(self.ranges, self.shapes, self.dtypes, strict=True)
        return [
            _core.tensor(flat[..., start:stop].reshape((*flat.shape[:-1], *shape)), dtype=dtype)
            for (start, stop), shape, dtype in cuts
        ]

    def join(self, parts: Sequence[Tensor], count: int) -> Tensor:
        """Batches of tensors as rows of one matrix."""
        flat = [_core.reshape(x, (count, x.size // count)) for x in parts]
        return flat[0] if len(flat) == 1 else _core.concat(flat, axis=1)


class Seeds:
    """Sums of unit vectors, one for each colour, in batches that fit the processor's cache.

    What has no colour, -1, is in none.
    """

    def __init__(
        self,
        colours: npt.NDArray[np.int32],
        count: int,
        parts: Parts,
        widest: int | None = None,
    ) -> None:
        self.count, self._colours, self._parts = count, colours, parts
        row = max(parts.size * parts.dtype.itemsize, 1)
        chunk = max(_CACHE // row, 1)
        if widest is not None:
            chunk = min(chunk, widest)
        self.ranges = [(i, min(i + chunk, count)) for i in range(0, count, chunk)]
        # Ones and zeros of a long vector take longer to read than to make from its colours.
        self._long = chunk == 1
        keep = not self._long and count * row <= _KEPT
        self._kept = [self._make(*r) for r in self.ranges] if keep else None
        if self._long:
            narrow = _core.tensor(colours.astype(np.min_scalar_type(count)))
            self._narrow = [narrow[i:j] for i, j in parts.ranges]

    def __iter__(self) -> Iterator[tuple[int, list[Tensor]]]:
        """Sizes and seeds of each batch; of a single vector, without the axis of the batch."""
        for i, (start, stop) in enumerate(self.ranges):
            yield stop - start, self._kept[i] if self._kept else self._make(start, stop)

    def _make(self, start: int, stop: int) -> list[Tensor]:
        parts, count = self._parts, stop - start
        if self._long:
            return [
                _core.reshape(_core.equal(colours, start).astype(dtype), shape)
                for colours, shape, dtype in zip(
                    self._narrow, parts.shapes, parts.dtypes, strict=True
                )
            ]
        lead = (count,) if count > 1 else ()
        return [
            _core.reshape(_core.seeds(self._colours[i:j], start, stop, dtype), (*lead, *shape))
            for (i, j), shape, dtype in zip(parts.ranges, parts.shapes, parts.dtypes, strict=True)
        ]


def pull_back(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Seeds,
    parts: Parts,
    retain_graph: bool,
    differentiable: str = "no",
    spent: bool = False,
) -> list[Tensor]:
    """Products of the seeds with the recorded Jacobian, shape (seeds, inputs), in batches.

    The last batch empties the list of spent outputs.
    """
    left = len(seeds.ranges)

    def pull(cotangents: Sequence[Tensor]) -> list[Tensor]:
        nonlocal left
        left -= 1
        keep = retain_graph or left > 0
        return sweep(
            outputs,
            cotangents,
            inputs,
            retain_graph=keep,
            differentiable=differentiable,
            spent=spent and left == 0,
        )

    return _moved(pull, seeds, parts)


def push_forward(recording: Recording, seeds: Seeds, parts: Parts) -> list[Tensor]:
    """Products of the recorded Jacobian with the seeds, shape (seeds, outputs), in batches."""
    return _moved(transpose(recording), seeds, parts)


def _moved(
    move: Callable[[Sequence[Tensor]], list[Tensor]], seeds: Seeds, parts: Parts
) -> list[Tensor]:
    rows = []
    for count, batch in seeds:
        if count == 1:
            rows.append(parts.join(move(batch), 1))
            continue
        with _core.Level("vmap", count) as level:
            moved = move([_core.make_batched(level, seed, 0) for seed in batch])
            rows.append(parts.join([to_front(level, t, count) for t in moved], count))
    return rows
