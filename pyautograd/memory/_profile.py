"""The memory of one call, operation by operation."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._flat import Array

__all__ = ["Profile", "profile"]


class Profile:
    """What :func:`profile` measured.

    Attributes:
        result: what the function returned.
        ops: for each operation that ran, in order, its name; ``"multiply < tanh"`` is one that
            belongs to the derivative of tanh. Sums of cotangents are made in place and not listed.
        bytes: live bytes of tensors after each operation, less those before the call.
        seconds: when each operation ended, from the start of the call.
        peak: the most live bytes at any time of the call, less those before it; temporary memory
            inside an operation counts.
        final: live bytes after the call, less those before it.
    """

    __slots__ = ("bytes", "final", "ops", "peak", "result", "seconds")

    def __init__(
        self, result: Any, ops: list[str], bytes: Array, seconds: Array, peak: int, final: int
    ) -> None:
        self.result = result
        self.ops = ops
        self.bytes = bytes
        self.seconds = seconds
        self.peak = peak
        self.final = final

    def __repr__(self) -> str:
        return f"Profile({len(self.ops)} operations, peak {self.peak:,} bytes)"

    def largest_steps(self, count: int = 10) -> list[tuple[int, str, int]]:
        """The operations after which most was added: their index, name and bytes added.

        Args:
            count: how many, largest first.
        """
        added = np.diff(self.bytes, prepend=0)
        first = np.argsort(-added, kind="stable")[:count]
        return [(int(i), self.ops[i], int(added[i])) for i in first]

    def plot(self, path: str | os.PathLike[str] | None = None, *, title: str | None = None) -> Any:
        """Draw the live bytes against the operations, the backward pass shaded.

        Args:
            path: where to save the picture; its ending says the format.
            title: above the picture.

        Returns:
            A matplotlib ``Figure``.

        Raises:
            ImportError: matplotlib is missing.
        """
        try:
            figures = importlib.import_module("matplotlib.figure")
        except ImportError as error:
            raise ImportError(
                f"[memory.profile] needs matplotlib: pip install matplotlib ({error})"
            ) from error
        figure = figures.Figure(figsize=(9, 4.2), layout="constrained")
        axis = figure.subplots()
        self._draw(axis)
        axis.set_title(title or f"{len(self.ops):,} operations, peak {self.peak / 1e6:,.3g} MB")
        if path is not None:
            figure.savefig(path)
        return figure

    def _draw(self, axis: Any) -> None:
        index = np.arange(len(self.ops))
        megabytes = self.bytes / 1e6
        axis.fill_between(index, megabytes, step="mid", alpha=0.3)
        axis.plot(index, megabytes, drawstyle="steps-mid", linewidth=1)
        axis.axhline(self.peak / 1e6, color="tab:red", linewidth=0.8, linestyle="--", label="peak")
        backward = np.array([" < " in op for op in self.ops], dtype=bool)
        if backward.any():
            within = axis.get_xaxis_transform()
            axis.fill_between(
                index, 0, 1, where=backward, step="mid", transform=within, color="0.9", zorder=0,
                label="backward",
            )  # fmt: skip
        if len(self.ops):
            top = int(np.argmax(self.bytes))
            axis.annotate(self.ops[top], (top, megabytes[top]), ha="center", va="bottom")
        axis.set_xlabel("operation")
        axis.set_ylabel("live MB, less those before the call")
        bottom = min(0.0, float(megabytes.min(initial=0.0)))
        axis.set_ylim(bottom, max(self.peak / 1e6, 1e-6) * 1.12)
        axis.legend()


def profile(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Profile:
    """Call a function and note the live bytes of tensors after every operation.

    Operations of every thread are noted, those of backward passes with what they differentiate.
    Bytes are our allocator's, exact. Outside ``profile`` none of this costs anything. Inside it,
    ``pa.memory.peak`` counts from the start of the call.

    Args:
        f: a function.
        *args: its arguments.
        **kwargs: its arguments by name.

    Returns:
        A :class:`Profile`: ``result``, ``ops``, ``bytes``, ``seconds``, ``peak``, ``final``, and
        ``plot(path)`` for a picture.

    Raises:
        RuntimeError: another profile is being taken. What ``f`` raises is passed on.

    >>> x = pa.tensor(np.ones(100_000), requires_grad=True)
    >>> found = pa.memory.profile(lambda: pa.sum(pa.tanh(pa.tanh(x))).backward())
    >>> found.ops[:3], found.ops[-1]
    (['tanh', 'tanh', 'sum'], '_scale_tanh < tanh')
    >>> found.bytes[:2].tolist(), found.final
    ([800000, 1600000], 800000)
    """
    if not callable(f):
        raise TypeError(f"[memory.profile] expected a function, got {type(f).__name__}")
    if not _core.start_op_log():
        raise RuntimeError("[memory.profile] another profile is being taken: only one at a time")
    former = _core.peak_bytes()
    before = _core.live()["bytes"]
    _core.reset_peak_bytes()
    try:
        result = f(*args, **kwargs)
        final = _core.live()["bytes"] - before
    finally:
        peak = _core.peak_bytes() - before
        names, events = _core.stop_op_log()
        _core.raise_peak_bytes(former)
    ops = [names[op] + (f" < {names[part - 1]}" if part else "") for op, part, _, _ in events]
    seconds = np.array([when for _, _, when, _ in events], dtype=np.float64) * 1e-9
    bytes = np.array([live for *_, live in events], dtype=np.int64) - before
    return Profile(result, ops, bytes, seconds, peak, final)
