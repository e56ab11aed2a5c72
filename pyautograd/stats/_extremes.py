"""Families of extreme values and of what exceeds a threshold, whose shape may have any sign.

Formulas are of the standard member, in a reduced variate that is smooth in the shape at 0. Source:
S. Coles, An introduction to statistical modeling of extreme values (2001); parameters are those of
:mod:`scipy.stats`, where the shape of genextreme has the other sign.
"""

from __future__ import annotations

import numpy as np

from .. import _core, special
from .._core import Tensor
from ._continuous import log1mexp
from ._families import Continuous, Value

# From here on log1p(c z) / c does not cancel, and c z may overflow.
_FAR = 1e100
# Beside 0 by functions that are smooth there, elsewhere by those that do not cancel near -1
_SMALL = 0.5


def _reduced(z: Tensor, c: Tensor) -> Tensor:
    """log(1 + c z) / c, which is z at c = 0: log1p(u) / u is 1 / exprel(log1p(u))."""
    u = c * z
    small, far = _core.absolute(u) < _SMALL, u > _FAR
    near = _core.where(small, z, 0.0) / special.exprel(_core.log1p(_core.where(small, u, 0.0)))
    apart = _core.logical_or(small, far)
    outer = _core.log(_core.where(far, c, 1.0)) + _core.log(_core.where(far, z, 1.0))
    outer = _core.where(far, outer, _core.log1p(_core.where(apart, 1.0, u)))
    return _core.where(small, near, outer / _core.where(small, 1.0, c))


def _restored(y: Tensor, c: Tensor) -> Tensor:
    """The z of which y is the reduced variate: (exp(c y) - 1) / c."""
    u = c * y
    small = _core.absolute(u) < 1.0
    near = _core.where(small, y, 0.0) * special.exprel(_core.where(small, u, 0.0))
    return _core.where(small, near, _core.expm1(u) / _core.where(small, 1.0, c))


def _log_slope(z: Tensor, c: Tensor, y: Tensor) -> Tensor:
    """-(1 + c) y, where y may be infinite and 1 + c zero."""
    steep = _core.logical_and(c < -0.5, c * z < -0.5)
    inner = _core.where(steep, c, -1.0)
    at_edge = special.xlog1py(1.0 + inner, inner * _core.where(steep, z, 0.0)) / inner
    return -_core.where(steep, at_edge, (1.0 + c) * _core.where(steep, 0.0, y))


def _pareto(z: Tensor, c: Tensor) -> Tensor:
    infinite = _core.isinf(z)
    z = _core.where(infinite, 0.0, z)
    return _core.where(infinite, -np.inf, _log_slope(z, c, _reduced(z, c)))


def _pareto_support(c: Tensor) -> tuple[Value, Value]:
    bounded = c < 0.0
    return 0.0, _core.where(bounded, -1.0 / _core.where(bounded, c, -1.0), np.inf)


def _extreme(z: Tensor, c: Tensor) -> Tensor:
    y = _reduced(_core.where(_core.isinf(z), 0.0, z), -c)
    # Where exp(-y) is infinite, so may be -y.
    none = _core.logical_or(_core.isinf(z), y == -np.inf)
    z, y = _core.where(none, 0.0, z), _core.where(none, 0.0, y)
    return _core.where(none, -np.inf, _log_slope(z, -c, y) - _core.exp(-y))


def _extreme_support(c: Tensor) -> tuple[Value, Value]:
    above, below = c > 0.0, c < 0.0
    low = _core.where(below, 1.0 / _core.where(below, c, -1.0), -np.inf)
    return low, _core.where(above, 1.0 / _core.where(above, c, 1.0), np.inf)


genpareto = Continuous(
    "genpareto",
    _pareto,
    "c",
    cdf=lambda z, c: -_core.expm1(-_reduced(z, c)),
    sf=lambda z, c: _core.exp(-_reduced(z, c)),
    logcdf=lambda z, c: log1mexp(_reduced(z, c)),
    logsf=lambda z, c: -_reduced(z, c),
    ppf=lambda q, c: _restored(-_core.log1p(-q), c),
    isf=lambda q, c: _restored(-_core.log(q), c),
    support=_pareto_support,
    valid=_core.isfinite,
)
genextreme = Continuous(
    "genextreme",
    _extreme,
    "c",
    cdf=lambda z, c: _core.exp(-_core.exp(-_reduced(z, -c))),
    sf=lambda z, c: -_core.expm1(-_core.exp(-_reduced(z, -c))),
    logcdf=lambda z, c: -_core.exp(-_reduced(z, -c)),
    logsf=lambda z, c: log1mexp(_core.exp(-_reduced(z, -c)), -_reduced(z, -c)),
    ppf=lambda q, c: _restored(-_core.log(-_core.log(q)), -c),
    isf=lambda q, c: _restored(-_core.log(-_core.log1p(-q)), -c),
    support=_extreme_support,
    valid=_core.isfinite,
)
