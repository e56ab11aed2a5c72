"""Counts of numbers in bins."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import floating, line_shape, not_bool, not_complex, surely

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def histogram_bin_edges(
    a: TensorLike, bins: Any = 10, range: Any = None, weights: TensorLike | None = None
) -> Tensor:
    """The edges of the bins into which :func:`histogram` sorts numbers.

    ``bins`` is a number of bins of equal width, between the ends in ``range`` or else the smallest
    and the largest number, and then differentiable in these; or the edges themselves; or the name
    of one of NumPy's estimators, whose result is a constant.

    Raises:
        TypeError: a number of bins that is no integer.
        ValueError: no bins, edges that decrease, or numbers that are not finite and no ``range``.

    >>> pa.histogram_bin_edges(pa.tensor([1.0, 3.0, 2.0]), 2).tolist()
    [1.0, 2.0, 3.0]
    """
    x = _core.ravel(floating(not_complex("histogram_bin_edges", a)))
    if isinstance(bins, str):
        return _core.asarray(
            np.histogram_bin_edges(x.detach().to("cpu").numpy(), bins, range, weights),
            device=x.device,
        )
    if _core.asarray(bins).ndim > 0:
        return _given_edges(bins).to(x.device)
    if operator.index(bins) < 1:
        raise ValueError(f"[histogram_bin_edges] at least one bin is needed, not {bins}")
    low, high = (_core.asarray(end) for end in _ends(x, range))
    equal = _core.equal(low, high)
    low, high = _core.where(equal, low - 0.5, low), _core.where(equal, high + 0.5, high)
    low, high = _core.astype(low, x.dtype), _core.astype(high, x.dtype)
    return _core.linspace(low, high, bins + 1, device=x.device)


def _given_edges(bins: Any) -> Tensor:
    edges = _core.asarray(bins)
    if edges.ndim != 1:
        raise ValueError(f"[histogram_bin_edges] edges must be a vector, not {edges.shape}")
    if surely(_core.greater(edges[:-1], edges[1:])):
        raise ValueError("[histogram_bin_edges] edges must not decrease")
    return edges


def _ends(x: Tensor, range: Any) -> tuple[Any, Any]:
    if range is not None:
        low, high = range
        if not (low <= high and np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"[histogram_bin_edges] range {range} must be finite and not decrease")
        return low, high
    if x.size == 0:
        return 0.0, 1.0
    low, high = _core.min(x), _core.max(x)
    if surely(_core.logical_not(_core.isfinite(high - low))):
        raise ValueError(f"[histogram_bin_edges] numbers from {low} to {high} need a range")
    return low, high


def histogram(
    a: TensorLike,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """How many numbers lie in each bin, and the edges of the bins.

    A bin holds its lower edge, and the last one its upper edge as well. With ``weights``, the sums
    of the weights of the numbers; with ``density``, divided so that the area under the histogram
    is 1. Counts are integers and have no derivative in ``a``; sums are differentiable in
    ``weights``. The arguments are those of :func:`histogram_bin_edges`.

    Raises:
        ValueError: ``weights`` of another shape than ``a``.

    >>> counts, edges = pa.histogram(pa.tensor([1.0, 2.0, 4.0]), 3)
    >>> counts.tolist(), edges.tolist()
    ([1, 1, 1], [1.0, 2.0, 3.0, 4.0])
    """
    x = _core.ravel(floating(not_complex("histogram", not_bool("histogram", a))))
    edges = histogram_bin_edges(x, bins, range, weights)
    w = None if weights is None else not_bool("histogram", weights)
    if w is not None and w.shape != _core.asarray(a).shape:
        raise ValueError(f"[histogram] weights of shape {w.shape} must be shaped like a")
    counts = _sums(_bins(x, edges), w, edges.shape[0] - 1)
    if density:
        widths = _core.astype(edges[1:] - edges[:-1], np.float64)
        counts = counts / widths / _core.sum(counts)
    return counts, edges


def _bins(x: Tensor, edges: Tensor) -> Tensor:
    """The number of the bin of each element; the number of bins for those in none."""
    count = edges.shape[0] - 1
    index = _core.searchsorted(edges, x, side="right") - 1
    index = _core.where(_core.less(index, 0), count, index)
    return _core.where(_core.equal(x, edges[-1]), count - 1, index)


def _sums(index: Tensor, weights: Tensor | None, count: int) -> Tensor:
    if weights is not None and weights.dtype.kind == "c":
        parts = (_sums(index, part, count) for part in (_core.real(weights), _core.imag(weights)))
        return _core.astype(_core.complex(*parts), weights.dtype)
    w = None if weights is None else _core.ravel(weights)
    if _core.depth(index) == 0:
        sums = _core.bincount(index, w, minlength=count + 1)[:count]
    else:
        # The length of a bincount depends on values that vmap maps; a table has one length.
        mine = _core.equal(index[:, np.newaxis], _core.arange(count, device=index.device))
        sums = _core.sum(_core.where(mine, 1 if w is None else w[:, np.newaxis], 0), 0)
    return sums if w is None else _core.astype(sums, w.dtype)


def histogramdd(
    sample: Any,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: TensorLike | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """How many points lie in each box of a grid, and the edges of the grid along every dimension.

    Args:
        sample: tensor of shape (points, dimensions), or a sequence with one vector per dimension
        bins: the number of bins, or one entry per dimension, each a number of bins or their edges
        range: one ``(low, high)`` or None per dimension
        density: divide so that the integral over the grid is 1
        weights: a vector with the weight of each point

    Counts are float64 and have no derivative in the points. Differentiable in ``weights``.

    Raises:
        ValueError: as many bins, ranges or weights are needed as dimensions or points; no bins, or
            edges that decrease.
        TypeError: complex points.

    >>> counts, edges = pa.histogramdd(pa.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 0.9]]), bins=2)
    >>> counts.tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    return _box_counts("histogramdd", _coordinates(sample), bins, range, density, weights)


def _real(name: str, x: Any) -> Tensor:
    return floating(not_complex(name, not_bool(name, x)))


def _edges(x: Tensor, bins: Any, range: Any) -> Tensor:
    """Ends that are given are in double precision."""
    wide = x if range is None else _core.astype(x, np.float64)
    return histogram_bin_edges(wide, bins, range)


def _coordinates(sample: Any) -> list[Tensor]:
    if isinstance(sample, (list, tuple)):
        vectors = [_real("histogramdd", x) for x in sample]
        if all(x.ndim == 1 for x in vectors):
            return vectors
    points = _real("histogramdd", sample)
    if points.ndim < 2:
        points = _core.reshape(points, (-1, 1))
    if points.ndim != 2:
        raise ValueError(f"[histogramdd] expected points by dimensions, got shape {points.shape}")
    return list(_core.unstack(points, axis=1))


def _box_counts(
    name: str, vectors: list[Tensor], bins: Any, range: Any, density: Any, weights: Any
) -> tuple[Tensor, tuple[Tensor, ...]]:
    coordinates = [_core.ravel(x) for x in vectors]
    rank = len(coordinates)
    of_bins = _per_dimension(name, "bins", bins, rank)
    of_range = _per_dimension(name, "ranges", (None,) * rank if range is None else range, rank)
    edges = tuple(map(_edges, coordinates, of_bins, of_range))
    shape = tuple(e.shape[0] - 1 for e in edges)
    size = math.prod(shape)
    box, outside = _core.asarray(0), _core.asarray(False)
    for x, e, n in zip(coordinates, edges, shape, strict=True):
        index = _bins(x, e)
        box = box * n + index
        outside = _core.logical_or(outside, _core.equal(index, n))
    w = None if weights is None else _core.astype(_real(name, weights), np.float64)
    if w is not None and w.shape != coordinates[0].shape:
        raise ValueError(f"[{name}] {w.size} weights for {coordinates[0].size} points")
    box = _core.broadcast_to(_core.where(outside, size, box), coordinates[0].shape)
    counts = _core.reshape(_core.astype(_sums(box, w, size), np.float64), shape)
    if density:
        total = _core.sum(counts)
        for axis, e in enumerate(edges):
            widths = _core.reshape(e[1:] - e[:-1], line_shape(rank, axis))
            counts = counts / widths
        counts = counts / total
    return counts, edges


def _per_dimension(name: str, what: str, given: Any, rank: int) -> list[Any]:
    if isinstance(given, (int, np.integer)):
        return [given] * rank
    entries = list(given)
    if len(entries) != rank:
        raise ValueError(f"[{name}] {len(entries)} {what} for {rank} dimensions")
    return entries


def histogram2d(
    x: TensorLike,
    y: TensorLike,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: TensorLike | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """How many points lie in each cell of a grid, and the edges of the cells along ``x`` and ``y``.

    Args:
        x: vector of first coordinates, along axis 0 of the counts
        y: vector of second coordinates
        bins: the number of bins or their edges for both, or a pair of such
        range: a pair of ``(low, high)``
        density: divide so that the integral over the grid is 1
        weights: a vector with the weight of each point

    Counts are float64 and have no derivative in the points. Differentiable in ``weights``.

    Raises:
        ValueError: coordinates of different lengths, and as :func:`histogramdd`.

    >>> counts, _, _ = pa.histogram2d([0.0, 1.0, 1.0], [0.0, 1.0, 0.9], bins=2)
    >>> counts.tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    vectors = [_real("histogram2d", x), _real("histogram2d", y)]
    if any(v.ndim == 0 for v in vectors):
        raise TypeError("[histogram2d] coordinates must be vectors, not numbers")
    if vectors[0].shape != vectors[1].shape:
        raise ValueError(f"[histogram2d] {vectors[0].size} and {vectors[1].size} coordinates")
    if not isinstance(bins, (int, np.integer)) and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, (along_x, along_y) = _box_counts("histogram2d", vectors, bins, range, density, weights)
    return counts, along_x, along_y
