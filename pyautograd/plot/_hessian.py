"""Hessians as pictures, with matplotlib."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from .._flat import Array
from ..tree import flatten, paths

_OP = "plot.hessian"


def hessian(h: Any, *, title: str | None = None) -> Any:
    """Draw a Hessian: its entries with the blocks of its arguments, its pattern and its spectrum.

    Args:
        h: what :func:`pyautograd.hessian` returns: a tensor or array of shape ``(*s, *s)``, or a
            tree of such blocks; or a sparse matrix or linear operator of SciPy's, made dense here.
        title: above the picture.

    Returns:
        A matplotlib ``Figure`` of three parts, which can be saved or shown.

    Raises:
        ValueError: the matrix is not square, or empty.
        ImportError: matplotlib is missing.

    >>> f = lambda p: pa.sum(p["a"] ** 2) * p["b"]
    >>> figure = pa.plot.hessian(pa.hessian(f, {"a": pa.ones(3), "b": 2.0}))
    >>> len(figure.axes) >= 3
    True
    """
    try:
        figures = importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise ImportError(f"[{_OP}] needs matplotlib: pip install matplotlib ({error})") from error
    matrix, names, ends = _matrix(h)
    n = len(matrix)
    if matrix.shape != (n, n) or not n:
        raise ValueError(f"[{_OP}] expected a square matrix, got shape {matrix.shape}")
    figure = figures.Figure(figsize=(13, 4.2), layout="constrained")
    entries, pattern, spectrum = figure.subplots(1, 3)
    figure.suptitle(title or f"Hessian, {n} x {n}")
    _draw_entries(figure, entries, matrix)
    _draw_pattern(pattern, matrix)
    for axis in (entries, pattern):
        _draw_blocks(axis, names, ends, n)
    _draw_spectrum(spectrum, matrix)
    return figure


def _matrix(h: Any) -> tuple[Array, list[str], list[int]]:
    """The matrix, and the names and ends of its blocks."""
    if hasattr(h, "toarray"):
        h = h.toarray()
    elif hasattr(h, "matmat") and hasattr(h, "shape"):
        h = h.matmat(np.eye(h.shape[1]))
    leaves, structure = flatten(h)
    blocks = [np.asarray(leaf) for leaf in leaves]
    k = math.isqrt(len(blocks))
    if k * k != len(blocks):
        raise ValueError(f"[{_OP}] {len(blocks)} blocks do not make a square")
    sizes = [math.isqrt(blocks[i * k + i].size) for i in range(k)]
    try:
        rows = [
            np.hstack([blocks[i * k + j].reshape(sizes[i], sizes[j]) for j in range(k)])
            for i in range(k)
        ]
    except ValueError:
        shapes = [block.shape for block in blocks]
        raise ValueError(f"[{_OP}] blocks of shapes {shapes} do not make a square") from None
    # The way to a block on the diagonal is the way to its argument, twice.
    ways = paths(structure)
    names = [ways[i * k + i][: len(ways[i * k + i]) // 2] for i in range(k)]
    return np.vstack(rows) if rows else np.zeros((0, 0)), names, np.cumsum(sizes).tolist()


def _draw_entries(figure: Any, axis: Any, matrix: Array) -> None:
    colors = importlib.import_module("matplotlib.colors")
    limit = float(np.nanmax(np.abs(np.where(np.isfinite(matrix), matrix, 0.0)))) or 1.0
    norm = colors.SymLogNorm(limit * 1e-4, vmin=-limit, vmax=limit)
    image = axis.imshow(matrix, cmap="RdBu_r", norm=norm, interpolation="nearest")
    figure.colorbar(image, ax=axis, shrink=0.8)
    axis.set_title("entries")


def _draw_pattern(axis: Any, matrix: Array) -> None:
    axis.imshow(matrix != 0, cmap="Blues", vmin=0, vmax=1.4, interpolation="nearest")
    density = np.count_nonzero(matrix) / matrix.size
    axis.set_title(f"pattern: {density:.1%} nonzero")


def _draw_blocks(axis: Any, names: list[str], ends: list[int], n: int) -> None:
    for end in ends[:-1]:
        axis.axhline(end - 0.5, color="black", linewidth=0.6)
        axis.axvline(end - 0.5, color="black", linewidth=0.6)
    if any(names):
        starts = [0, *ends[:-1]]
        middles = [(a + b - 1) / 2 for a, b in zip(starts, ends, strict=True)]
        axis.set_yticks(middles, names)
        axis.set_xticks(middles, names, rotation=90)
    axis.set_xlim(-0.5, n - 0.5)
    axis.set_ylim(n - 0.5, -0.5)


def _draw_spectrum(axis: Any, matrix: Array) -> None:
    if not np.isfinite(matrix).all():
        axis.set_title("spectrum: entries are not finite")
        return
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2)[::-1]
    negative = values < 0
    index = np.arange(1, len(values) + 1)
    axis.plot(index[~negative], values[~negative], ".", color="tab:red", label="not negative")
    if negative.any():
        axis.plot(index[negative], values[negative], ".", color="tab:blue", label="negative")
        axis.legend()
    axis.set_yscale("symlog", linthresh=max(float(np.abs(values).max()) * 1e-6, 1e-300))
    axis.axhline(0, color="black", linewidth=0.6)
    axis.set_title(f"spectrum: {values[-1]:.3g} to {values[0]:.3g}")
    axis.set_xlabel("eigenvalue number")
