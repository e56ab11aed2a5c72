"""Tails of the ratio of two gamma variables over their means, one of them of a large shape.

Source: A. R. DiDonato, A. H. Morris, Significant digit computation of the incomplete beta function
ratios, ACM Trans. Math. Softw. 18 (1992), section 9, where the sum is written by recurrences. Here
it is a mixture of gamma distributions: in derivatives by the large shape, which are of order
1 / b**2 and less, nothing cancels.
"""

from __future__ import annotations

from .. import _core, special
from .._core import Tensor
from ..compositions._common import all_of, nowhere
from ..special._accurate import log_of
from ._families import Formula

# From this shape on
LEAST = 100.0
_TERMS = 5
# Of log(sinh(s / 2) / (s / 2)) in powers of s**2
_LOG_SINH = (1 / 24, -1 / 2880, 1 / 181440, -1 / 9676800, 1 / 479001600)
# Below that the logarithm of a tail is taken far out.
_TINY = 1e-290


def _reaches(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Where so many terms are all of it, for the ratio z of a variable of shape a and one of b."""
    y = z * a / b
    large = all_of(b >= LEAST, b < float("inf"), 4.0 * a * _core.square(a) < _core.square(b))
    return all_of(large, z > 0.0, y < 0.3, (a + 1.0) * _core.square(y) < 0.25)


def _tails(z: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    more = 0.5 * (a - 1.0)
    size = b + more
    place = (1.0 + more / b) * (a * z) / special.exprel(_core.log1p(a * z / b))
    lower, upper = special.gammainc(a, place), special.gammaincc(a, place)
    power, rising, whole = [_core.ones_like(place)], _core.ones_like(place), _core.ones_like(place)
    for n in range(1, _TERMS + 1):
        # A coefficient of the power a - 1 of sinh(s / 2) / (s / 2), by that of its logarithm
        parts = [k * _LOG_SINH[k - 1] * power[n - k] for k in range(1, n + 1)]
        power.append((a - 1.0) / n * sum(parts[1:], parts[0]))
        rising = rising * (a + (2.0 * n - 2.0)) * (a + (2.0 * n - 1.0)) / _core.square(size)
        weight, shape = power[n] * rising, a + 2.0 * n
        lower = lower + weight * special.gammainc(shape, place)
        upper = upper + weight * special.gammaincc(shape, place)
        whole = whole + weight
    return lower / whole, upper / whole


def tail_of_ratio(few: Formula, is_upper: bool, in_log: bool) -> Formula:
    """The tail at z, or its logarithm; elsewhere by the formula ``few``."""

    def tail(z: Tensor, a: Tensor, b: Tensor) -> Tensor:
        if nowhere(_core.maximum(a, b) >= LEAST):
            return few(z, a, b)
        # Turned so that the larger shape is below
        turned = a > b
        over = _core.where(turned, 1.0 / _core.where(z > 0.0, z, 1.0), z)
        less, more = _core.where(turned, b, a), _core.where(turned, a, b)
        many = _reaches(over, less, more)
        given = ((over, 1.0), (less, 1.0), (more, LEAST))
        lower, upper = _tails(*[_core.where(many, v, s) for v, s in given])
        other = turned if is_upper else _core.logical_not(turned)
        part, rest = _core.where(other, lower, upper), _core.where(other, upper, lower)
        if in_log:
            many = all_of(many, part > _TINY)
            part = log_of(_core.where(many, part, 0.5), _core.where(many, rest, 0.5))
        others = _core.logical_not(many)
        if nowhere(others):
            return part
        return _core.where(many, part, few(*[_core.where(many, 1.0, v) for v in (z, a, b)]))

    return tail
