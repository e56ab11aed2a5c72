"""The von Mises distribution of angles, whose distribution function is an integral.

Source: K. V. Mardia and P. E. Jupp, Directional statistics (2000), 3.5.4.
"""

from __future__ import annotations

import math

import numpy as np

from .. import _core, special
from .._core import Tensor
from .._quadrature import gauss_legendre
from ..compositions._common import everywhere
from ..compositions.quantile_functions import Distribution, quantile
from ._families import Continuous

_PI, _TAU = math.pi, 2.0 * math.pi
_LOG_TAU = math.log(_TAU)
# The tail below an angle by quadrature; what is exp(-_DEPTH) of the density there is left out.
_NODES, _DEPTH = 64, 40.0
_STEPS = 80


def _log_density(z: Tensor, kappa: Tensor) -> Tensor:
    wide = kappa < 1.0
    small, large = _core.where(wide, kappa, 0.0), _core.where(wide, 1.0, kappa)
    near = small * _core.cos(z) - _core.log(special.i0(small))
    far = -2.0 * large * _core.square(_core.sin(0.5 * z)) - _core.log(special.i0e(large))
    return _core.where(wide, near, far) - _LOG_TAU


def _reach(z: Tensor, kappa: Tensor) -> Tensor:
    """How far below z in [-pi, 0] the density has fallen by exp(-_DEPTH), or -pi is reached."""
    depth = _DEPTH / _core.maximum(kappa, 1e-300)
    sine, cosine = _core.sin(-z), _core.cos(z)
    # Of tan(s / 2), where cos(z) - cos(z - s) is the depth
    square = sine * sine + depth * (2.0 * cosine - depth)
    falls = square > 0.0
    t = depth / (sine + _core.sqrt(_core.where(falls, square, 1.0)))
    return _core.where(falls, 2.0 * _core.atan(t), np.inf)


def _tail_over_density(z: Tensor, kappa: Tensor) -> Tensor:
    """The probability between -pi and z <= 0 over the density at z."""
    reach = _reach(z.detach(), kappa.detach())
    whole = z + _PI
    length = _core.where(reach < whole.detach(), reach, whole)
    nodes, weights = (_core.astype(part, z.dtype) for part in gauss_legendre(_NODES, z.device))
    half = 0.5 * length[..., None] * nodes
    fall = 2.0 * kappa[..., None] * _core.sin(z[..., None] - half) * _core.sin(half)
    return length * _core.sum(_core.exp(fall) * weights, axis=-1)


def _turned(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Full turns, whether what is left is positive, and its negative size."""
    turns = _core.round(z.detach() / _TAU)
    z = z - _TAU * turns
    positive = z > 0.0
    return turns, positive, _core.where(positive, -z, z)


def _cdf(z: Tensor, kappa: Tensor) -> Tensor:
    z, kappa = _core.broadcast_arrays([z, kappa])
    turns, positive, below = _turned(z)
    tail = _core.exp(_log_density(below, kappa)) * _tail_over_density(below, kappa)
    return _core.where(positive, 1.0 - tail, tail) + turns


def _logcdf(z: Tensor, kappa: Tensor) -> Tensor:
    z, kappa = _core.broadcast_arrays([z, kappa])
    turns, positive, below = _turned(z)
    log_tail = _log_density(below, kappa) + _core.log(_tail_over_density(below, kappa))
    tail = _core.exp(log_tail)
    first = _core.where(positive, _core.log1p(-tail), log_tail)
    beyond = _core.where(positive, 1.0 - tail, tail) + turns
    turned = turns != 0.0
    return _core.where(turned, _core.log(_core.where(turned, beyond, 1.0)), first)


def _solve(wanted: Tensor, upper: Tensor, kappa: Tensor) -> Tensor:
    """The angle with this tail: by Newton's method for the logarithm, in a bracket."""
    target = _core.log(wanted)
    low, high = _core.full_like(wanted, -_PI), _core.zeros_like(wanted)
    z = -_core.where(kappa < 1.0, _PI * (1.0 - 2.0 * wanted), 0.5 / _core.sqrt(kappa))
    done = z > 0.0
    for _ in range(_STEPS):
        over = _tail_over_density(z, kappa)
        gap = _log_density(z, kappa) + _core.log(over) - target
        low, high = _core.where(gap < 0.0, z, low), _core.where(gap < 0.0, high, z)
        moved = z - gap * over
        good = _core.logical_and(moved > low, moved < high)
        moved = _core.where(good, moved, 0.5 * (low + high))
        change = _core.absolute(moved - z)
        # What has settled stays: a captured call takes all steps.
        z = _core.where(done, z, moved)
        done = _core.logical_or(done, change <= 4e-16 * _core.absolute(z))
        if everywhere(done):
            break
    return _core.where(upper, -z, z)


_DISTRIBUTION = Distribution(
    _cdf,
    lambda x, kappa: _cdf(-x, kappa),
    lambda x, kappa: _core.exp(_log_density(x, kappa)),
    _solve,
    (-math.inf, math.inf),
)


def _quantile(complement: bool, q: Tensor, kappa: Tensor) -> Tensor:
    # Smooth in the concentration at 0, but a quantile takes positive shapes only.
    positive = _core.where(kappa == 0.0, kappa + 1e-30, kappa)
    return quantile("stats.vonmises", _DISTRIBUTION, complement, q, positive)


vonmises = Continuous(
    "vonmises",
    _log_density,
    "kappa",
    cdf=_cdf,
    sf=lambda z, kappa: _cdf(-z, kappa),
    logcdf=_logcdf,
    logsf=lambda z, kappa: _logcdf(-z, kappa),
    ppf=lambda q, kappa: _quantile(False, q, kappa),
    isf=lambda q, kappa: _quantile(True, q, kappa),
    valid=lambda kappa: kappa >= 0.0,
)
