"""Medians, quantiles and percentiles, of all numbers or of those that are not nan.

The derivative goes to the one or two elements that the result is made of; of equal elements, to
those that a stable sort puts there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import floating, known, normal_axes, not_bool, not_complex, surely

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

Axis: TypeAlias = "int | Sequence[int] | None"
DType: TypeAlias = "np.dtype[Any]"
# From the number of elements and the quantile, the place in the sorted elements
Place: TypeAlias = Callable[[Any, Tensor], Tensor]


class _Method(NamedTuple):
    place: Place
    # The weight of the upper neighbour, from the fraction of the place; None: the place is whole
    weight: Callable[[Tensor], Tensor] | None


def _as_is(fraction: Tensor) -> Tensor:
    return fraction


def _between(alpha: float, beta: float) -> Place:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _linear(n: Any, q: Tensor) -> Tensor:
    return _core.multiply(n - 1, q)


def _cdf(n: Any, q: Tensor) -> Tensor:
    return _core.multiply(n, q) - 1


def _closest(n: Any, q: Tensor) -> Tensor:
    place = _cdf(n, q) - 0.5
    below = _core.floor(place)
    stays = _core.logical_and(_core.equal(place, below), _core.equal(_core.remainder(below, 2), 1))
    return _core.where(stays, below, below + 1)


def _jump(at_zero: float, behind: float) -> Callable[[Tensor], Tensor]:
    return lambda fraction: _core.where(
        _core.equal(fraction, 0), at_zero, _core.full_like(fraction, behind)
    )


# Hyndman and Fan (1996), doi:10.2307/2684934, and NumPy's four older methods
_METHODS = {
    "inverted_cdf": _Method(lambda n, q: _core.ceil(_cdf(n, q)), None),
    "averaged_inverted_cdf": _Method(_cdf, _jump(0.5, 1.0)),
    "closest_observation": _Method(_closest, None),
    "interpolated_inverted_cdf": _Method(_between(0, 1), _as_is),
    "hazen": _Method(_between(0.5, 0.5), _as_is),
    "weibull": _Method(_between(0, 0), _as_is),
    "linear": _Method(_linear, _as_is),
    "median_unbiased": _Method(_between(1 / 3, 1 / 3), _as_is),
    "normal_unbiased": _Method(_between(3 / 8, 3 / 8), _as_is),
    "lower": _Method(lambda n, q: _core.floor(_linear(n, q)), None),
    "higher": _Method(lambda n, q: _core.ceil(_linear(n, q)), None),
    "midpoint": _Method(_linear, _jump(0.0, 0.5)),
    "nearest": _Method(lambda n, q: _core.round(_linear(n, q)), None),
}


# Lines of fewer elements are sorted as quickly as searched, and for more ranks a sort is quicker
_LONG, _MANY_RANKS = 256, 8


class _Lines:
    """The elements along some axes, along axis 0, and those of them that a rank names: nan behind
    all numbers.
    """

    def __init__(self, name: str, x: Tensor, axis: Axis, keepdims: bool, skip_nan: bool) -> None:
        axes = normal_axes(name, axis, x.ndim)
        rest = tuple(i for i in range(x.ndim) if i not in axes)
        around = tuple(x.shape[i] for i in rest)
        self.size = math.prod(x.shape[i] for i in axes)
        self.shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        self.shape = self.shape if keepdims else around
        lines = _core.reshape(_core.permute_dims(x, axes + rest), (self.size, *around))
        self.count: Any = self.size
        if skip_nan and x.dtype.kind in "fc":
            self.count = _core.sum(_core.logical_not(_core.isnan(lines)), 0, np.float64)
        if self.size == 0:
            lines = floating(lines)
            nothing = _core.asarray(math.nan, dtype=lines.dtype)
            lines = _core.concat([lines, _core.broadcast_to(nothing, (1, *around))])
        self.lines = lines
        self._arranged = x.shape, axes, rest, skip_nan

    def at(self, *places: Tensor) -> list[Tensor]:
        """The elements of the nearest ranks that there are; a place may have several rows."""
        last = _core.maximum(self.count - 1, 0)
        ranks = [
            _core.astype(_core.minimum(_core.maximum(place, 0), last), np.int64) for place in places
        ]
        few = all(known(rank) and rank.size <= _MANY_RANKS for rank in ranks)
        ordered = self._ordered(ranks if few else [])
        return [_core.take_along_axis(ordered, rank, 0) for rank in ranks]

    def _ordered(self, ranks: Sequence[Tensor | int]) -> Tensor:
        """Sorted, or with the elements of these ranks in their places where that is quicker."""
        if not ranks or self.size < _LONG or self.lines.device != "cpu":
            return _core.sort(self.lines, 0)
        places = [k for rank in ranks for k in _core.ravel(rank).tolist()]
        return _core.partition(self.lines, places, 0)

    def middle(self) -> Tensor:
        """The middle one, or the mean of the two in the middle."""
        if isinstance(self.count, int):
            last = max(self.count - 1, 0)
            lower, upper = last // 2, (last + 1) // 2
            ordered = self._ordered([lower, upper])
            return ordered[lower] if lower == upper else (ordered[lower] + ordered[upper]) / 2
        count = _core.astype(self.count, np.float64)
        rows = _core.reshape(count, (1,) * (self.lines.ndim - count.ndim) + count.shape)
        place = (rows - 1) / 2
        below, above = self.at(_core.floor(place), _core.ceil(place))
        return (below[0] + above[0]) / 2

    def weighted(self, name: str, weights: Any, fraction: Tensor) -> Tensor:
        """The first elements up to which the sorted weights make up a fraction of all."""
        (shape, axes, rest, skip_nan), lines = self._arranged, self.lines
        w = _core.astype(not_complex(name, weights), np.float64)
        if w.shape != shape:
            if w.shape != tuple(shape[i] for i in axes):
                raise ValueError(
                    f"[{name}] weights of shape {w.shape} fit neither the array of shape {shape} "
                    f"nor its axes {axes}"
                )
            w = _core.reshape(w, [n if i in axes else 1 for i, n in enumerate(shape)])
            w = _core.broadcast_to(w, shape)
        w = _core.reshape(_core.permute_dims(w, axes + rest), lines.shape)
        if surely(_core.less(w, 0)):
            raise ValueError(f"[{name}] weights must not be negative")
        if skip_nan and lines.dtype.kind == "f":
            w = _core.where(_core.isnan(lines), 0.0, w)
        share = _core.cumsum(_core.take_along_axis(w, _core.argsort(lines, 0), 0), 0)
        share = share / share[-1:]
        rows = _core.reshape(fraction, (-1, 1) + (1,) * len(lines.shape[1:]))
        before = _core.logical_or(_core.less(share, rows), _core.equal(share, 0))
        return self.at(_core.sum(before, 1))[0]

    def with_nan(self, result: Tensor) -> Tensor:
        """nan where there is one that is not skipped."""
        if isinstance(self.count, Tensor) or result.dtype.kind not in "fc":
            return result
        return _core.where(_core.any(_core.isnan(self.lines), 0), math.nan, result)


def _middle(lines: _Lines) -> Tensor:
    return _core.reshape(lines.with_nan(lines.middle()), lines.shape)


def median(a: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The middle one of the sorted elements, or the mean of the two in the middle.

    nan where there is a nan, or nothing. The derivative goes to the elements taken, among equal
    ones to those that a stable sort puts there.

    >>> pa.median(pa.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 9.0]]), axis=1).tolist()
    [2.0, 2.0]
    """
    return _middle(_Lines("median", floating(a), axis, keepdims, False))


def nanmedian(a: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The median of the numbers; nan where there are none.

    Derivatives as those of :func:`median`.

    >>> pa.nanmedian(pa.tensor([3.0, pa.nan, 1.0])).item()
    2.0
    """
    return _middle(_Lines("nanmedian", floating(a), axis, keepdims, True))


def _quantile(
    name: str,
    a: Any,
    q: Any,
    axis: Axis,
    method: str,
    keepdims: bool,
    *,
    weights: Any = None,
    scale: float = 1.0,
    skip_nan: bool = False,
) -> Tensor:
    x = not_complex(name, not_bool(name, a))
    if method not in _METHODS:
        raise ValueError(f"[{name}] unknown method {method!r}: use one of {', '.join(_METHODS)}")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"[{name}] weights need the method 'inverted_cdf', not {method!r}")
    place, weight = _METHODS[method]
    lines = _Lines(name, floating(x) if weight else x, axis, keepdims, skip_nan)
    if lines.size == 0 and not skip_nan:
        raise IndexError(f"[{name}] axis {axis} of shape {x.shape} has no elements")
    fraction = _fraction(name, q, scale).to(x.device)
    if weights is not None:
        chosen = lines.weighted(name, weights, fraction)
        return _core.reshape(lines.with_nan(chosen), fraction.shape + lines.shape)
    rows = _core.reshape(fraction, (-1,) + (1,) * (lines.lines.ndim - 1))
    where = place(lines.count, rows)
    if weight is None:
        (result,) = lines.at(where)
    else:
        below = _core.floor(where)
        lower, upper = lines.at(below, below + 1)
        share = _core.astype(weight(where - below), _share_dtype(q, lines.lines.dtype))
        span = upper - lower
        # From the nearer end, so that the result does not leave the interval
        near = _core.less(share, 0.5)
        result = _core.where(near, lower + span * share, upper - span * (1 - share))
    return _core.reshape(lines.with_nan(result), fraction.shape + lines.shape)


def _fraction(name: str, q: Any, scale: float) -> Tensor:
    """``q / scale`` in float64: places among many elements need more digits than float32 has."""
    given = _core.astype(q, np.float64)
    outside = _core.logical_not(_core.less_equal(_core.absolute(given - scale / 2), scale / 2))
    if surely(outside):
        raise ValueError(f"[{name}] q must lie between 0 and {scale:g}, got {q}")
    return given / scale


def _share_dtype(q: Any, dtype: DType) -> DType:
    """A Python number takes the dtype of the elements."""
    given = _core.asarray(q).dtype
    weak = isinstance(q, (int, float)) or given.kind not in "fc"
    return dtype if weak else np.promote_types(dtype, given)


def quantile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: TensorLike | None = None,
) -> Tensor:
    """The values that the fractions ``q`` of the elements do not exceed.

    ``method`` says what lies between the sorted elements: "linear" goes straight from one to the
    next, and NumPy's twelve others are there, too. The axes of ``q`` come first in the result.
    Differentiable in ``a``, and in ``q`` where the method interpolates; among equal elements the
    derivative goes to those that a stable sort puts there. nan where there is a nan.
    ``weights``, of the shape of ``a`` or of its reduced axes, say how much an element counts; the
    result jumps where they do, and they need the method "inverted_cdf".

    Raises:
        ValueError: ``q`` outside [0, 1], an unknown method, or weights that are negative or do not
            fit.
        IndexError: no elements.

    >>> pa.quantile(pa.tensor([1.0, 2.0, 4.0]), pa.tensor([0.5, 0.75])).tolist()
    [2.0, 3.0]
    """
    return _quantile("quantile", a, q, axis, method, keepdims, weights=weights)


def percentile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: TensorLike | None = None,
) -> Tensor:
    """:func:`quantile` for percentages ``q``.

    >>> pa.percentile(pa.tensor([1.0, 2.0, 4.0]), 75).item()
    3.0
    """
    return _quantile("percentile", a, q, axis, method, keepdims, weights=weights, scale=100.0)


def nanquantile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: TensorLike | None = None,
) -> Tensor:
    """The :func:`quantile` of the numbers; nan where there are none.

    >>> pa.nanquantile(pa.tensor([1.0, pa.nan, 2.0]), 0.5).item()
    1.5
    """
    return _quantile("nanquantile", a, q, axis, method, keepdims, weights=weights, skip_nan=True)


def nanpercentile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: TensorLike | None = None,
) -> Tensor:
    """The :func:`percentile` of the numbers; nan where there are none.

    >>> pa.nanpercentile(pa.tensor([1.0, pa.nan, 2.0]), 50).item()
    1.5
    """
    return _quantile(
        "nanpercentile", a, q, axis, method, keepdims, weights=weights, scale=100.0, skip_nan=True
    )
