"""The normal distribution between two bounds, by integrals that neither cancel nor underflow."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .. import _core, special
from .._core import Tensor
from .._quadrature import gauss_legendre
from ..compositions._common import everywhere
from ..function import Function
from ._families import Continuous

_ROOT_HALF = math.sqrt(0.5)
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
# Where the density falls by less than exp(-_FLAT) between the bounds, its integral is taken by
# quadrature; there differences of tails would cancel.
_FLAT, _NODES = 2.0, 20
_STEPS = 60
_FAR = 30.0  # the density is a normal number


def _mills(x: Tensor) -> Tensor:
    """The tail of the normal distribution above x over the density there."""
    return _ROOT_HALF_PI * special.erfcx(x * _ROOT_HALF)


def beside(b: Tensor, width: Tensor) -> Tensor:
    """The integral of exp(b s - s**2 / 2) from 0 to the width, for b <= 0."""
    fall = width * (0.5 * width - b)
    flat = fall < _FLAT
    inner, at = _core.where(flat, width, 1.0), _core.where(flat, b, 0.0)
    nodes, weights = (_core.astype(part, b.dtype) for part in gauss_legendre(_NODES, b.device))
    s = inner[..., None] * nodes
    near = inner * _core.sum(_core.exp(s * (at[..., None] - 0.5 * s)) * weights, axis=-1)
    # Beyond an infinite width nothing is lost, in derivatives neither.
    ends = _core.logical_not(_core.logical_or(flat, width == math.inf))
    b, width = _core.where(flat, -1.0, b), _core.where(ends, width, 1.0)
    lost = _core.exp(width * (b - 0.5 * width)) * _mills(width - b)
    return _core.where(flat, near, _mills(-b) - _core.where(ends, lost, 0.0))


def _mass(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The place between a and b nearest to 0, and the integral of the normal density between a and
    b over the density there."""
    a, b = _core.broadcast_arrays([a, b])
    right, left = a > 0.0, b < 0.0
    aside = _core.logical_or(right, left)
    near = _core.where(right, a, _core.where(left, b, 0.0))
    tail = beside(
        -_core.where(aside, _core.where(right, a, -b), 0.0), _core.where(aside, b - a, 1.0)
    )
    low, high = _core.where(aside, -1.0, a), _core.where(aside, 1.0, b)
    across = _ROOT_HALF_PI * (special.erf(high * _ROOT_HALF) + special.erf(-low * _ROOT_HALF))
    return near, _core.where(aside, tail, across)


def _log_density(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    near, mass = _mass(a, b)
    return 0.5 * (near - z) * (near + z) - _core.log(mass)


class _Share(NamedTuple):
    """A probability: exp(exponent) times part / whole."""

    exponent: Tensor
    part: Tensor
    whole: Tensor

    @staticmethod
    def of(low: Tensor, high: Tensor, a: Tensor, b: Tensor) -> _Share:
        """That between low and high."""
        own, part = _mass(low, high)
        near, whole = _mass(a, b)
        return _Share(0.5 * (near - own) * (near + own), part, whole)

    def value(self) -> Tensor:
        return _core.exp(self.exponent) * self.part / self.whole

    def log(self) -> Tensor:
        return self.exponent + _core.log(self.part) - _core.log(self.whole)


def _below(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    # Near 1 derivatives are those of what is left, which are small.
    share, rest = _Share.of(a, z, a, b).value(), _Share.of(z, b, a, b).value()
    return _core.where(share < 0.5, share, 1.0 - rest)


def _log_below(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    share, rest = _Share.of(a, z, a, b), _Share.of(z, b, a, b).value()
    far = rest > 0.5
    return _core.where(far, share.log(), _core.log1p(-_core.where(far, 0.0, rest)))


class _InverseLogNdtr(Function):
    """The w with ``log_ndtr(w) = y``, for y < 0."""

    elementwise = True

    @staticmethod
    def forward(y: Tensor) -> Tensor:
        tail = _core.exp(_core.maximum(y, -600.0))
        far = -2.0 * y - 2.0 * _HALF_LOG_TAU
        start = -_core.sqrt(_core.maximum(far - _core.log(_core.maximum(far, 1.0)), 1.0))
        w = _core.where(y > -600.0, special.ndtri(tail), start)
        done = y > 0.0
        for _ in range(_STEPS):
            step = (special.log_ndtr(w) - y) * _mills(-w)
            # What has settled stays: a captured call takes all steps.
            w = _core.where(done, w, w - step)
            small = _core.absolute(step) <= 1e-15 * _core.absolute(w) + 1e-300
            done = _core.logical_or(done, small)
            if everywhere(done):
                break
        return w

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (w,) = ctx.saved_tensors
        return grad_outputs[0] * _mills(-w)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (w,) = ctx.saved_tensors
        return tangents[0] * _mills(-w)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _InverseLogNdtr.apply(args[0]), in_dims[0]


def _log_place(p: Tensor, q: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The logarithm of a mean of two probabilities of at most low and high, of these weights."""
    most = special.log_ndtr(high)
    return most + _core.log(p + q * _core.exp(special.log_ndtr(low) - most))


def _beside_ends(x: Tensor, p: Tensor, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """A step of Newton's method: next to 0, x has lost digits on its way through the probabilities
    of the whole distribution. It has the derivatives of the solution, as x has."""
    x = _core.where(x < a, a, _core.where(x > b, b, x))
    below, above = _Share.of(a, x, a, b).value(), _Share.of(x, b, a, b).value()
    density = _core.exp(_log_density(x, a, b))
    known = _core.logical_and(_core.absolute(x) < _FAR, density > 0.0)
    off = _core.where(p < q, below - p, q - above)
    return x - _core.where(known, off, 0.0) / _core.where(known, density, 1.0)


def _place(p: Tensor, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Where the probability p lies below and q above."""
    dtype = p.dtype
    p, q, a, b = _core.broadcast_arrays([_core.astype(v, np.float64) for v in (p, q, a, b)])
    below, above = _log_place(p, q, a, b), _log_place(q, p, -b, -a)
    left = below < above
    found = _InverseLogNdtr.apply(_core.where(left, below, above))
    return _core.astype(_beside_ends(_core.where(left, found, -found), p, q, a, b), dtype)


truncnorm = Continuous(
    "truncnorm",
    _log_density,
    *("a", "b"),
    cdf=_below,
    sf=lambda z, a, b: _below(-z, -b, -a),
    logcdf=_log_below,
    logsf=lambda z, a, b: _log_below(-z, -b, -a),
    ppf=lambda q, a, b: _place(q, 1.0 - q, a, b),
    isf=lambda q, a, b: _place(1.0 - q, q, a, b),
    support=lambda a, b: (a, b),
    valid=_core.less,
)
