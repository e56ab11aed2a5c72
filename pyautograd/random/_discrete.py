"""Draws of integers, orders and choices: constants of a graph."""

from __future__ import annotations

import math
from collections.abc import MutableSequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from ..compositions._common import known, surely
from ._arguments import (
    Param,
    Size,
    bounds,
    check_axis,
    check_values,
    common_shape,
    fitting,
    optional_shape,
    parameters,
    size_to_shape,
    tensor_parameter,
    weights,
)
from ._stream import Stream

# Rounding moves the power of a zipf draw by less, and so many bisections then make an interval 1
_ZIPF_SLACK, _ZIPF_STEPS = 1e-8, 38


class Discrete(Stream):
    """Counts, and choices among given things."""

    def integers(
        self,
        low: Param,
        high: Param | None = None,
        size: Size = None,
        dtype: npt.DTypeLike = np.int64,
        endpoint: bool = False,
    ) -> Tensor:
        """Integers from ``low`` to below ``high`` (from 0 to below ``low`` without ``high``), or to
        ``high`` itself with ``endpoint``; each exactly as likely as the other.

        Raises ``ValueError`` for an empty range or one beyond the dtype. No derivative.

        >>> sorted(set(pa.random.default_rng(1).integers(3, size=100).tolist()))
        [0, 1, 2]
        """
        target = np.dtype(dtype)
        if target.kind not in "iub":
            raise TypeError(f"[integers] dtype must be an integer dtype, got {target.name}")
        first, last = (0, low) if high is None else (low, high)
        low, high = bounds(target, first, last, endpoint)
        drawn = self._draw_with("integers", "integers", [low, high], optional_shape(size))
        return drawn if target == np.int64 else _core.astype(drawn, target)

    def poisson(self, lam: Param = 1.0, size: Size = None) -> Tensor:
        """Poisson counts, int64 (W. Hormann, algorithm PTRS, 1993). No derivative: for the gradient
        of an expectation multiply by that of the log-probability.

        >>> pa.random.default_rng(1).poisson(4.0, size=3).dtype
        dtype('int64')
        """
        (lam,), _ = parameters("poisson", None, lam)
        return self._draw_with("poisson", "poisson", [lam], optional_shape(size))

    def binomial(self, n: Param, p: Param, size: Size = None) -> Tensor:
        """How many of ``n`` trials succeed, int64 (W. Hormann, algorithm BTRS, 1993). No
        derivative. ``binomial(1, p)`` is Bernoulli.

        >>> bool(pa.all(pa.random.default_rng(1).binomial(1, 0.5, size=9) <= 1))
        True
        """
        (n, p), _ = parameters("binomial", np.float64, n, p)
        return self._draw_with("binomial", "binomial", [n, p], optional_shape(size))

    def negative_binomial(self, n: Param, p: Param, size: Size = None) -> Tensor:
        """How many trials fail before the ``n``-th success, int64: Poisson with a gamma mean. No
        derivative.

        >>> pa.random.default_rng(1).negative_binomial(3, 0.5, size=2).shape
        (2,)
        """
        (n, p), _ = parameters("negative_binomial", np.float64, n, p)
        check_values("negative_binomial", "n", n, positive=True)
        check_values("negative_binomial", "p", p, positive=True, most=1)
        shape = common_shape("negative_binomial", size, n, p)
        drawn = _core.exp(self._log_gamma("negative_binomial", n, shape))
        return self._draw_with("negative_binomial", "poisson", [drawn * ((1.0 - p) / p)], shape)

    def geometric(self, p: Param, size: Size = None) -> Tensor:
        """The number of the first trial that succeeds, int64 from 1. No derivative.

        >>> bool(pa.all(pa.random.default_rng(1).geometric(0.5, size=9) >= 1))
        True
        """
        (p,), _ = parameters("geometric", np.float64, p)
        check_values("geometric", "p", p, positive=True, most=1)
        shape = common_shape("geometric", size, p)
        drawn = self._base("geometric", "exponential", shape, np.float64, p)
        failures = _core.astype(_core.floor(drawn / -_core.log1p(-_core.asarray(p))), np.int64)
        return failures + 1

    def logseries(self, p: Param, size: Size = None) -> Tensor:
        """Counts from 1 with chances proportional to ``p**k / k``, int64 (A. W. Kemp, Applied
        Statistics 30, 1981). No derivative.

        >>> bool(pa.all(pa.random.default_rng(1).logseries(0.6, size=9) >= 1))
        True
        """
        (p,), _ = parameters("logseries", np.float64, p)
        check_values("logseries", "p", p)
        check_values("logseries", "1 - p", 1.0 - p, positive=True)
        shape = common_shape("logseries", size, p)
        drawn = self._base("logseries", "exponential", shape, np.float64, p)
        u = self._base("logseries", "uniform", shape, np.float64, p)
        chance = -_core.expm1(u * _core.log1p(-_core.asarray(p)))
        more = _core.floor(drawn / -_core.log(chance))
        return _core.astype(_core.where(chance > 0, more, 0.0), np.int64).detach() + 1

    def zipf(self, a: Param, size: Size = None) -> Tensor:
        """Counts from 1 with chances proportional to ``k**-a``, int64, for ``a`` above 1; by
        bisection of the distribution function. No derivative; counts end at 2**62.

        >>> bool(pa.all(pa.random.default_rng(1).zipf(2.0, size=9) >= 1))
        True
        """
        (a,), _ = parameters("zipf", np.float64, a)
        check_values("zipf", "a - 1", a - 1.0, positive=True)
        shape = common_shape("zipf", size, a)
        above = 1.0 - self._base("zipf", "uniform", shape, np.float64, a)
        power = _core.asarray(a).detach()
        wanted = above * _core.special_zeta(power, 1.0)
        # The first count whose successors have less chance than that lies in (low, high]: as
        # q**(1 - a) / (a - 1) is between zeta(a, q + 1/2) and zeta(a, q), close to a power.
        near = _core.minimum(_core.exp(_core.log(wanted * (power - 1.0)) / (1.0 - power)), 2.0**62)
        low = _core.maximum(_core.floor(near * (1.0 - _ZIPF_SLACK)) - 2.0, 0.0)
        high = _core.minimum(_core.ceil(near * (1.0 + _ZIPF_SLACK)) + 2.0, 2.0**62)
        for _ in range(_ZIPF_STEPS):
            middle = _core.floor(0.5 * (low + high))
            further = _core.special_zeta(power, middle + 1.0) >= wanted
            low, high = _core.where(further, middle, low), _core.where(further, high, middle)
            if known(high) and not surely(high - low > 1.0):
                break
        return _core.astype(high, np.int64)

    def multinomial(self, n: Param, pvals: Param, size: Size = None) -> Tensor:
        """How many of ``n`` trials fall into each class, int64, classes along the last axis.

        ``size`` is the shape without that axis. No derivative.

        >>> pa.random.default_rng(1).multinomial(20, [0.2, 0.3, 0.5], size=4).sum(axis=-1).tolist()
        [20, 20, 20, 20]
        """
        pvals, _ = tensor_parameter("multinomial", np.float64, pvals)
        rest, _ = tensor_parameter("multinomial", np.float64, n)
        if pvals.ndim == 0 or pvals.shape[-1] == 0:
            raise ValueError("[multinomial] pvals must have at least one class")
        check_values("multinomial", "pvals", pvals, most=1)
        check_values(
            "multinomial", "the sum of pvals[:-1]", pvals[..., :-1].sum(axis=-1), most=1 + 1e-12
        )
        shape = np.broadcast_shapes(rest.shape, pvals.shape[:-1])
        if size is not None:
            shape = fitting("multinomial", size, shape)
        below = _core.flip(_core.cumsum(_core.flip(pvals, axis=-1), axis=-1), axis=-1)
        shares = _core.clip(pvals / _core.where(below > 0, below, 1.0), 0.0, 1.0)
        rest = _core.broadcast_to(rest, shape)
        counts = []
        for k in range(pvals.shape[-1] - 1):
            counts.append(self._draw_with("multinomial", "binomial", [rest, shares[..., k]], shape))
            rest = rest - counts[-1]
        counts.append(_core.astype(rest, np.int64))
        return _core.stack(counts, axis=-1)

    def permutation(self, x: int | Param, axis: int = 0) -> Tensor:
        """``arange(x)`` in random order, or the slices of an array along ``axis``, as a copy.
        Differentiable in the array.

        >>> sorted(pa.random.default_rng(1).permutation(4).tolist())
        [0, 1, 2, 3]
        """
        if isinstance(x, (int, np.integer)):
            return self._order("permutation", int(x))
        values = _core.asarray(x)
        if values.ndim == 0:
            raise IndexError("[permutation] x must be an int or have at least one axis")
        axis = check_axis("permutation", axis, values.ndim)
        return _core.take(values, self._order("permutation", values.shape[axis]), axis=axis)

    def shuffle(self, x: Any, axis: int = 0) -> None:
        """Puts the slices of a tensor, array or list along ``axis`` into random order, in place.

        >>> x = pa.arange(4)
        >>> pa.random.default_rng(1).shuffle(x)
        >>> sorted(x.tolist())
        [0, 1, 2, 3]
        """
        if isinstance(x, Tensor):
            x[...] = self.permutation(x, axis)
        elif isinstance(x, np.ndarray):
            axis = check_axis("shuffle", axis, x.ndim)
            x[...] = np.take(x, self._order("shuffle", x.shape[axis]).numpy(), axis=axis)
        elif isinstance(x, MutableSequence):
            x[:] = [x[i] for i in self._order("shuffle", len(x)).tolist()]
        else:
            raise TypeError(
                f"[shuffle] x must be a tensor, an array or a list, got {type(x).__name__}"
            )

    def choice(
        self,
        a: int | Param,
        size: Size = None,
        replace: bool = True,
        p: Param | None = None,
        axis: int = 0,
        shuffle: bool = True,
    ) -> Tensor:
        """Elements of ``arange(a)``, or slices of an array along ``axis``, drawn with equal
        probabilities or with ``p`` (1-D, sums to 1), with or without replacement.

        Without replacement each next one is drawn with probabilities in proportion among those left
        (P. S. Efraimidis and P. G. Spirakis, 2006); the order is always random, with or without
        ``shuffle``. Differentiable in the array.

        >>> len(set(pa.random.default_rng(1).choice(5, 5, replace=False).tolist()))
        5
        """
        whole = isinstance(a, (int, np.integer))
        values = None if whole else _core.asarray(a)
        if values is not None:
            axis = check_axis("choice", axis, values.ndim)
        population = int(a) if values is None else values.shape[axis]  # type: ignore[arg-type]
        shape = size_to_shape("choice", size)
        count = math.prod(shape)
        if population <= 0 and count > 0:
            raise ValueError("[choice] a must not be empty")
        chances = None if p is None else weights(p, population).to(self.device)
        if replace:
            index = self._with_replacement(population, chances, count)
        elif count > population:
            raise ValueError(
                f"[choice] {count} different elements out of {population}: pass replace=True"
            )
        else:
            index = self._without_replacement(population, chances, count)
        index = _core.reshape(index, shape)
        return index if values is None else _core.take(values, index, axis=axis)

    def _with_replacement(self, population: int, chances: Tensor | None, count: int) -> Tensor:
        if chances is None:
            return self.integers(0, max(population, 1), count)
        sums = _core.cumsum(chances)
        total = sums[-1]
        u = self._base("choice", "uniform", (count,), np.float64) * total
        # Rounding must not take a draw past the last one that adds anything.
        return _core.minimum(
            _core.searchsorted(sums, u, side="right"), _core.searchsorted(sums, total, side="left")
        )

    def _without_replacement(self, population: int, chances: Tensor | None, count: int) -> Tensor:
        if chances is None:
            return self._order("choice", population)[:count]
        _check_enough(chances, count)
        race = self._base("choice", "exponential", (population,), np.float64) / chances
        return _core.topk(race, count, largest=False)[1]


def _check_enough(chances: Tensor, count: int) -> None:
    if _core.depth(chances) > 0:
        return
    with _core.Aside():
        possible = int(_core.count_nonzero(chances.detach()))
    if possible < count:
        raise ValueError(
            f"[choice] {count} different elements where only {possible} have a positive p"
        )
