"""Functions applied along axes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..func import vmap
from ._common import normal_axis

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: TensorLike, *args: Any, **kwargs: Any
) -> Tensor:
    """``func1d`` of every line of ``arr`` along an axis; its result takes the axis's place.

    ``func1d`` is called once, under ``vmap``, and written with this library's functions, or NumPy's
    that dispatch to them. One that ``vmap`` refuses, since it looks at values in a condition or
    picks elements by a mask, is called line by line. Further arguments are passed on.

    Raises:
        ValueError: there is no line.

    >>> x = pa.tensor([[1.0, 3.0], [2.0, 2.0]])
    >>> pa.apply_along_axis(lambda v: v / pa.sum(v), 1, x).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    x = _core.asarray(arr)
    place = normal_axis("apply_along_axis", axis, x.ndim)
    lines = _core.moveaxis(x, place, -1)
    around, length = lines.shape[:-1], lines.shape[-1]
    if 0 in around:
        raise ValueError(f"[apply_along_axis] shape {x.shape} has no line along axis {axis}")
    results = _of_every_line(
        lambda line: _core.asarray(func1d(line, *args, **kwargs)),
        _core.reshape(lines, (math.prod(around), length)),
    )
    inner = tuple(range(len(around), len(around) + results.ndim - 1))
    results = _core.reshape(results, around + results.shape[1:])
    return _core.moveaxis(results, inner, tuple(range(place, place + len(inner))))


def _of_every_line(function: Callable[[Tensor], Tensor], lines: Tensor) -> Tensor:
    try:
        results: Tensor = vmap(function)(lines)
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        return _core.stack([function(line) for line in lines])
    return results


def apply_over_axes(
    func: Callable[[Any, int], Any], a: TensorLike, axes: int | Sequence[int]
) -> Tensor:
    """``func(a, axis)`` over one axis after the other; an axis that it drops stays with size 1.

    Raises:
        ValueError: ``func`` returns an array of another number of dimensions.

    >>> pa.apply_over_axes(pa.sum, pa.ones((2, 3)), (0, 1)).tolist()
    [[6.0]]
    """
    result = _core.asarray(a)
    rank = result.ndim
    for axis in axes if isinstance(axes, Sequence) else (axes,):
        place = normal_axis("apply_over_axes", axis, rank)
        after = _core.asarray(func(result, place))
        if after.ndim == rank - 1:
            after = _core.expand_dims(after, place)
        if after.ndim != rank:
            raise ValueError(
                f"[apply_over_axes] the function made shape {after.shape} of {result.shape}"
            )
        result = after
    return result


def sliding_window_view(
    x: TensorLike, window_shape: int | Sequence[int], axis: Any = None
) -> Tensor:
    """Every window of a shape, its entries along new axes at the end.

    :func:`numpy.lib.stride_tricks.sliding_window_view`, but a copy, as large as all windows.

    Raises:
        ValueError: a window that is larger than ``x`` or negative, or not one size per axis.

    >>> pa.mean(pa.sliding_window_view([1.0, 2.0, 6.0, 4.0], 2), axis=-1).tolist()
    [1.5, 4.0, 5.0]
    """
    t = _core.asarray(x)
    sizes = [operator.index(w) for w in np.atleast_1d(window_shape)]
    if axis is None:
        places = list(range(t.ndim))
    else:
        # As in NumPy an axis may be given several times.
        places = [normal_axis("sliding_window_view", a, t.ndim) for a in np.atleast_1d(axis)]
    if len(sizes) != len(places):
        raise ValueError(
            f"[sliding_window_view] {len(sizes)} window sizes for {len(places)} axes: give one each"
        )
    for place, size in zip(places, sizes, strict=True):
        count = t.shape[place] - size + 1
        if size < 0 or count < 1:
            raise ValueError(
                f"[sliding_window_view] a window of {size} does not fit axis {place} of length "
                f"{t.shape[place]}"
            )
        starts = _core.expand_dims(_core.arange(count), 1)
        windows = _core.take(t, starts + _core.arange(size), axis=place)
        t = _core.moveaxis(windows, place + 1, -1)
    return t
