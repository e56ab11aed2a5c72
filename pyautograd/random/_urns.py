"""Draws from urns, without putting back: counts, which are constants of a graph."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from ..compositions._common import mapped_in_front
from ..function import Function
from ._arguments import Param, Size, Value, common_shape, parameters, size_to_shape
from ._stream import Stream

# Where a count is further than that from the most likely one, in standard deviations and in all,
# its chance is below the smallest double.
_DEVIATIONS, _FAR = 40, 60
_MOST = 10**9
# Up to so many draws the chances are kept for the next call, 32 kB of them
_FEW = 4096


class Urns(Stream):
    """Distributions of draws without replacement."""

    def hypergeometric(
        self, ngood: Param, nbad: Param, nsample: Param, size: Size = None
    ) -> Tensor:
        """How many of ``nsample`` draws without replacement are good, int64, from an urn with
        ``ngood`` good and ``nbad`` bad items; by inversion of the distribution function. No
        derivative.

        Parameters that ``vmap`` maps are looked at all together.

        Raises:
            ValueError: for negative numbers, more draws than items, or 10**9 items and more.

        >>> pa.random.default_rng(1).hypergeometric(3, 4, 7, size=4).tolist()
        [3, 3, 3, 3]
        """
        values, _ = parameters("hypergeometric", np.float64, ngood, nbad, nsample)
        shape = common_shape("hypergeometric", size, *values)
        share = self._base("hypergeometric", "uniform", shape, np.float64)
        if any(isinstance(v, Tensor) and _core.depth(v) > 0 for v in values):
            wide = [_core.broadcast_to(_core.asarray(v), shape) for v in values]
            mapped: Tensor = _Inversion.apply(share, *wide)
            return mapped
        return _inverted(share, *(_numbers("hypergeometric", value) for value in values))

    def multivariate_hypergeometric(
        self, colors: Param, nsample: int, size: Size = None, method: str = "marginals"
    ) -> Tensor:
        """How many of ``nsample`` draws without replacement have each color, int64, colors along
        the last axis; ``colors`` says how many items of each there are. No derivative.

        ``size`` is the shape without that axis. ``method`` is "marginals", one hypergeometric draw
        per color, or "count", which puts all items in random order and is fit for few of them only.

        Raises:
            ValueError: for negative numbers, more draws than items, or another method.

        >>> draws = pa.random.default_rng(1).multivariate_hypergeometric([2, 3, 4], 5, size=3)
        >>> draws.sum(axis=-1).tolist()
        [5, 5, 5]
        """
        op = "multivariate_hypergeometric"
        amounts = _numbers(op, parameters(op, np.float64, _core.asarray(colors))[0][0])
        if amounts.ndim != 1:
            raise ValueError(f"[{op}] colors must have one axis, got shape {amounts.shape}")
        if amounts.min(initial=0) < 0:
            raise ValueError(f"[{op}] colors must not be negative")
        if not 0 <= nsample <= amounts.sum():
            raise ValueError(f"[{op}] nsample must be from 0 to {int(amounts.sum())}")
        shape = size_to_shape(op, size)
        if method == "count":
            items = _core.asarray(np.repeat(np.arange(len(amounts)), amounts.astype(np.int64)))
            order = self._base(op, "uniform", (*shape, items.size), np.float64)
            drawn = _core.take(items, _core.argsort(order, axis=-1)[..., :nsample])
            each = _core.arange(len(amounts))
            return _core.sum(_core.expand_dims(drawn, -1) == each, axis=-2)
        if method != "marginals":
            raise ValueError(f"[{op}] method must be 'marginals' or 'count', got {method!r}")
        rest = _core.full(shape, nsample, dtype=np.int64)
        beyond = amounts.sum() - np.cumsum(amounts)
        counts = []
        for amount, others in zip(amounts[:-1], beyond[:-1], strict=True):
            counts.append(self.hypergeometric(float(amount), float(others), rest, size=size))
            rest = rest - counts[-1]
        if len(amounts) == 0:
            return _core.zeros((*shape, 0), np.int64)
        return _core.stack([*counts, rest], axis=-1)


class _Inversion(Function):
    """``apply(share, ngood, nbad, nsample)``, of one shape: what levels hide is seen from below."""

    @staticmethod
    def forward(share: Tensor, *parameters: Tensor) -> Tensor:
        return _inverted(share, *(np.asarray(v.detach().numpy()) for v in parameters))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Tensor) -> Any:
        return _Inversion.apply(*mapped_in_front(args, in_dims)), 0


def _inverted(
    share: Tensor,
    good: npt.NDArray[np.float64],
    bad: npt.NDArray[np.float64],
    taken: npt.NDArray[np.float64],
) -> Tensor:
    """The count at which the distribution function passes ``share``."""
    if good.ndim == bad.ndim == taken.ndim == 0 and taken <= _FEW:
        first, below = _distribution_of_few(float(good), float(bad), float(taken))
    else:
        first, below = _distribution(good, bad, taken)
    table = _core.asarray(below, device=share.device)
    if table.ndim == 1:
        counts = _core.searchsorted(table, share, side="right")
    else:
        counts = _core.sum(table <= _core.expand_dims(share, -1), axis=-1)
    return _core.astype(counts + _core.asarray(first, device=share.device), np.int64)


def _numbers(op: str, value: Value) -> npt.NDArray[np.float64]:
    if not isinstance(value, Tensor):
        return np.asarray(value)
    if _core.depth(value) > 0:
        raise ValueError(f"[{op}] parameters must not be mapped: the work depends on their values")
    return np.asarray(value.detach().numpy())


def _distribution(
    good: npt.NDArray[Any], bad: npt.NDArray[Any], taken: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The least count and, along a last axis, the chances of it and of as many more and fewer.

    From the ratios of neighbours, which lose no digits where factorials of large numbers would.
    """
    if min(x.min(initial=0) for x in (good, bad, taken)) < 0:
        raise ValueError("[hypergeometric] ngood, nbad and nsample must not be negative")
    if np.any(taken > good + bad):
        raise ValueError("[hypergeometric] nsample must be at most ngood + nbad")
    if np.any(good + bad >= _MOST):
        raise ValueError(f"[hypergeometric] ngood + nbad must be below {_MOST}")
    total = good + bad
    low, high = np.maximum(0, taken - bad), np.minimum(good, taken)
    likely = np.clip(np.floor((good + 1) * (taken + 1) / (total + 2)), low, high)
    share = good / np.maximum(total, 1)
    variance = taken * share * (1 - share) * (total - taken) / np.maximum(total - 1, 1)
    reach = np.ceil(_DEVIATIONS * np.sqrt(variance)) + _FAR
    first, last = np.maximum(low, likely - reach), np.minimum(high, likely + reach)
    width = math.ceil((last - first).max(initial=0)) + 1
    good, bad, taken, last = (x[..., None] for x in (good, bad, taken, last))
    k = np.minimum(first[..., None] + np.arange(width - 1), last)
    inside = k < last
    ratio = (good - k) * (taken - k) / ((k + 1) * np.maximum(bad - taken + k + 1, 1))
    steps = np.where(inside, np.log(np.where(inside, ratio, 1)), -np.inf)
    logs = np.concatenate([np.zeros_like(last), np.cumsum(steps, axis=-1)], axis=-1)
    below = np.cumsum(np.exp(logs - logs.max(axis=-1, keepdims=True)), axis=-1)
    return first.astype(np.int64), below / below[..., -1:]


@functools.lru_cache(maxsize=16)
def _distribution_of_few(
    good: float, bad: float, taken: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    return _distribution(np.asarray(good), np.asarray(bad), np.asarray(taken))
