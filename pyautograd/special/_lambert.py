"""Lambert's W function, an inverse that is differentiated by the implicit function theorem."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..function import Function

if TYPE_CHECKING:
    from .._core import TensorLike

__all__ = ["lambertw"]

# 1 / e in two parts: near -1 / e the sum is exact. The first, which is above, counts as it.
_HIGH, _LOW = 0.36787944117144233, -1.2428753672788363e-17
# W at the branch point in powers of sqrt(2 (e z + 1)): R. M. Corless et al. (1996), 4.22
_BRANCH = (
    *(-1.0, 1.0, -1 / 3, 11 / 72, -43 / 540, 769 / 17280, -221 / 8505, 680863 / 43545600),
    *(-1963 / 204120, 226287557 / 37623398400),
)
_STEPS = 4


def _solved(k: int, z: Tensor) -> Tensor:
    """W_k inside of its domain, in float64."""
    root = _core.sqrt(2.0 * math.e * _core.maximum((z + _HIGH) + _LOW, 0.0))
    root = root if k == 0 else -root
    series = _core.full_like(z, _BRANCH[-1])
    for coefficient in reversed(_BRANCH[:-1]):
        series = series * root + coefficient
    if k == 0:
        # R. Iacono and J. P. Boyd (2017)
        log = _core.log1p(_core.maximum(z, -0.5))
        start = log * (1.0 - _core.log1p(log) / (2.0 + log))
        start = _core.where(z > 1e300, _core.log(z) - _core.log(_core.log(z)), start)
    else:
        log = _core.log(-z)
        start = log - _core.log(-log)
    near = _core.absolute(root) < 0.8
    w = _core.where(near, series, start)
    for _ in range(_STEPS):
        # F. N. Fritsch, R. E. Shafer and W. P. Crowley (1973): of order four
        rest = (_core.log(z / w) if k == 0 else log - _core.log(-w)) - w
        turn = 2.0 * (1.0 + w) * (1.0 + w + rest * (2.0 / 3.0))
        step = rest / (1.0 + w) * (turn - rest) / (turn - 2.0 * rest)
        w = _core.where(_core.isfinite(step), w * (1.0 + step), w)
    # Where the logarithm's rounding errors are larger than what the series leaves out
    return _core.where(_core.absolute(root) < 0.03, series, w)


class _Lambert(Function):
    """``apply(k, z)``, in float64."""

    @staticmethod
    def forward(k: int, z: Tensor) -> Tensor:
        low = z < -_HIGH
        outside = _core.logical_or(low, z >= 0.0) if k else low
        ends = _core.logical_or(z == 0.0, z == math.inf)
        plain = _core.logical_and(_core.logical_not(_core.logical_or(outside, ends)), z == z)
        w = _solved(k, _core.where(plain, z, -0.2))
        end = z if k == 0 else _core.where(z == 0.0, -math.inf, math.nan)
        end = _core.where(ends, end, math.nan)
        return _core.where(plain, w, end)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        # The output is saved with its place in the graph: its derivatives are these rules again.
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return None, _Lambert._scaled(ctx, grad_outputs[0])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return _Lambert._scaled(ctx, tangents[1])

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _Lambert.apply(*args), in_dims[1]

    @staticmethod
    def _scaled(ctx: Any, g: Tensor) -> Tensor:
        (w,) = ctx.saved_tensors
        inside = _core.logical_and(_core.isfinite(w), w != -1.0)
        safe = _core.where(inside, w, 0.0)
        slope = _core.exp(-safe) / (1.0 + safe)
        # At infinity the slope is 0, at the branch point and for branch -1 at 0 it is infinite.
        known = w.detach()
        edge = _core.where(known == math.inf, 0.0, _core.where(known == known, math.inf, known))
        cut = _core.where(g == 0.0, 0.0, g * edge)
        return _core.where(inside, g * slope, cut)


def lambertw(z: TensorLike, k: int = 0) -> Tensor:
    """Lambert's W function: the real w with ``w * exp(w) = z``.

    :param z: tensor of real numbers from -1 / e; nan where there is no such w
    :param k: the branch: 0, where w >= -1, or -1, where w <= -1 and z < 0
    :raises ValueError: if k is another branch
    :raises TypeError: if z is complex

    The result is real, where SciPy's is complex. The derivative ``exp(-w) / (1 + w)`` is infinite
    at -1 / e, and for branch -1 at 0. Source: DLMF 4.13.

    >>> pa.special.lambertw([0.0, pa.e, 10.0]).numpy().round(6)
    array([0.      , 1.      , 1.745528])
    >>> round(pa.special.lambertw(-0.1, -1).item(), 6)
    -3.577152
    >>> pa.func.grad(pa.special.lambertw)(0.0).item()
    1.0
    """
    try:
        branch = operator.index(k)
    except TypeError:
        raise TypeError(f"[special.lambertw] k must be an int, not {type(k).__name__}") from None
    if branch not in (0, -1):
        raise ValueError(f"[special.lambertw] k must be 0 or -1, got {k}: others are not real")
    given = _core.asarray(z)
    if given.dtype.kind == "c":
        raise TypeError(f"[special.lambertw] takes real numbers, got dtype {given.dtype}")
    dtype = given.dtype if given.dtype.kind == "f" else np.dtype(np.float64)
    return _core.astype(_Lambert.apply(branch, _core.astype(given, np.float64)), dtype)
