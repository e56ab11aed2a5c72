"""Draws whose derivatives are those of a quantile: inverse Gaussian and von Mises variates."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from .._quadrature import gauss_legendre
from ._arguments import Dtype, Param, Size, Value, cast, check_values, common_shape, parameters
from ._stream import Stream

# An angle is sought in one of so many equal parts, each of which needs so few nodes.
_PARTS, _NODES, _STEPS = 32, 8, 3


class Implicit(Stream):
    """Distributions that are differentiated by implicit reparametrisation."""

    def wald(self, mean: Param, scale: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """Inverse Gaussian (J. R. Michael, W. R. Schucany and R. W. Haas, American Statistician
        30, 1976), differentiable in both parameters, to seventh order, as a quantile.

        >>> f = lambda m: pa.mean(pa.random.default_rng(0).wald(m, 2.0, size=20000))
        >>> round(pa.func.grad(f)(pa.tensor(1.5)).item(), 1)  # the mean is the mean
        1.0
        """
        (mean, scale), dtype = parameters("wald", dtype, mean, scale)
        check_values("wald", "mean", mean, positive=True)
        check_values("wald", "scale", scale, positive=True)
        shape = common_shape("wald", size, mean, scale)
        z = self._base("wald", "normal", shape, np.float64, mean, scale)
        u = self._base("wald", "uniform", shape, np.float64, mean, scale)
        m, c = _constant(mean), _constant(scale)
        w = m * z * z / (2.0 * c)
        x = m / (1.0 + w + _core.sqrt(w * (w + 2.0)))
        x = _core.where(u * (m + x) <= m, x, m * (m / x))

        def distribution(x: Tensor) -> Tensor:
            root = (scale / x) ** 0.5
            second = 2.0 * scale / mean + _core.special_log_ndtr(-root * (x / mean + 1.0))
            return _core.special_ndtr(root * (x / mean - 1.0)) + _core.exp(second)

        def density(x: Tensor) -> Tensor:
            off = (x - mean) / mean
            return (
                (scale / (2.0 * math.pi * x)) ** 0.5 / x * _core.exp(-0.5 * scale * off * off / x)
            )

        return cast(_quantile(x, distribution, density, mean, scale), dtype)

    def vonmises(self, mu: Param, kappa: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """Angles in [-pi, pi] around ``mu``, more concentrated for larger ``kappa``; by inversion
        of the distribution function, which is found by quadrature. Differentiable in both
        parameters, to seventh order, as a quantile; at ``mu`` + pi the angle jumps.

        >>> x = pa.random.default_rng(1).vonmises(0.0, 4.0, size=1000)
        >>> bool(pa.all(pa.abs(x) <= pa.pi))
        True
        """
        (mu, kappa), dtype = parameters("vonmises", dtype, mu, kappa)
        check_values("vonmises", "kappa", kappa)
        shape = common_shape("vonmises", size, mu, kappa)
        u = self._base("vonmises", "uniform", shape, np.float64, mu, kappa)
        known = _constant(kappa)
        x = _inverted(_core.absolute(2.0 * u - 1.0), known)
        end = _end(known)
        angle = _quantile(
            x,
            lambda x: _mass(x, kappa) / _mass(end, kappa),
            lambda x: _core.exp(_log_weight(x, kappa)) / _mass(end, kappa),
            kappa,
        )
        turned = mu + _core.where(u < 0.5, -angle, angle)
        return cast(_core.remainder(turned + math.pi, 2.0 * math.pi) - math.pi, dtype)


def _constant(value: Value) -> Value:
    return value.detach() if isinstance(value, Tensor) else value


def _moves(value: Value) -> bool:
    """What stands still when a checkpoint runs first may move later: the runs must be alike."""
    if not isinstance(value, Tensor):
        return False
    return value.requires_grad or _core.depth(value) > 0 or _core.in_closure()


def _quantile(
    x: Tensor,
    distribution: Callable[[Tensor], Tensor],
    density: Callable[[Tensor], Tensor],
    *given: Value,
) -> Tensor:
    """x as a function of the parameters at which its place in the distribution stays the same.

    Newton's steps from the solution leave its value, and each doubles the number of orders at
    which its derivatives are right.
    """
    if not any(map(_moves, given)):
        return x
    place = distribution(x).detach()
    for _ in range(3):
        x = x - (distribution(x) - place) / density(x)
    return x


def _log_weight(x: Tensor, kappa: Value) -> Tensor:
    return -2.0 * kappa * _core.square(_core.sin(0.5 * x))


def _mass(x: Tensor, kappa: Value) -> Tensor:
    """The integral of exp(kappa (cos(t) - 1)) from 0 to x."""
    return _integral(0.0, x, kappa, 64)


def _integral(start: Tensor | float, length: Tensor, kappa: Value, count: int) -> Tensor:
    nodes, weights = gauss_legendre(count, length.device)
    t = _core.expand_dims(length, axis=-1) * nodes + _inner(start)
    return length * _core.sum(_core.exp(_log_weight(t, _inner(kappa))) * weights, axis=-1)


def _inner(value: Value) -> Value:
    """With one more axis behind the others."""
    return _core.expand_dims(value, axis=-1) if isinstance(value, Tensor) else value


def _end(kappa: Value) -> Tensor:
    """The angle beyond which there is less than 1e-16 of the distribution."""
    return 2.0 * _core.asin(_core.minimum(1.0, _core.sqrt(19.0 / _core.asarray(kappa))))


def _sums(kappa: Value, width: Tensor) -> Tensor:
    """That integral up to the end of each part."""
    widths = _core.expand_dims(width, axis=-1)
    starts = widths * _core.arange(_PARTS, device=width.device)
    parts = _integral(starts, widths, _inner(kappa), _NODES)
    return _core.cumsum(parts, axis=-1)


@functools.lru_cache(maxsize=16)
def _known_sums(kappa: float) -> tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The width of a part, the sums with a 0 in front, and how much each part adds."""
    width = _end(kappa) / _PARTS
    sums = np.concatenate([np.zeros(1), _sums(kappa, width).numpy()])
    return width.item(), sums, np.diff(sums)


def _inverted(share: Tensor, kappa: Value) -> Tensor:
    """Where that integral is a share of the one to the end."""
    if isinstance(kappa, float):
        width, *known = _known_sums(kappa)
        sums, parts = (_core.asarray(x, device=share.device) for x in known)
        wanted = share * sums[-1]
        number = _core.searchsorted(sums[1:-1], wanted, side="right")
        start, rest = width * number, wanted - _core.take(sums, number)
        return start + _inside(rest, _core.take(parts, number), start, kappa, width)
    wide = _end(kappa) / _PARTS
    ends = _sums(kappa, wide)
    wanted = share * ends[..., -1]
    passed = ends[..., :-1] <= _core.expand_dims(wanted, axis=-1)
    number = _core.count_nonzero(passed, axis=-1)
    before = _core.max(_core.where(passed, ends[..., :-1], 0.0), axis=-1)
    after = _core.min(_core.where(passed, math.inf, ends[..., :-1]), axis=-1)
    part = _core.minimum(after, ends[..., -1]) - before
    start = wide * number
    return start + _inside(wanted - before, part, start, kappa, wide)


def _inside(
    rest: Tensor, part: Tensor, start: Tensor, kappa: Value, width: Tensor | float
) -> Tensor:
    """Where in its part: by Halley's method, from a line through the ends of the part."""
    inside = width * rest / part
    for _ in range(_STEPS):
        angle = start + inside
        missing = rest - _integral(start, inside, kappa, _NODES)
        step = missing / _core.exp(_log_weight(angle, kappa))
        bend = 0.5 * kappa * _core.sin(angle) * step
        inside = _core.clip(inside + step / (1.0 - bend), 0.0, width)
    return inside
