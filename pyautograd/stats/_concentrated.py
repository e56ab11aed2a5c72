"""Tails of gamma variables of a large shape at a multiple of their mean.

Source: N. M. Temme's uniform expansion, DLMF 8.12.3, 8.12.4, 8.12.7 and 8.12.8. The shape is apart
from the place: in derivatives by it, which are of order a**-0.5 and less, nothing cancels.
"""

from __future__ import annotations

import math

from .. import _core
from .._core import Tensor
from ..compositions._common import all_of, nowhere
from ..special._accurate import CLOSE, log1p_rest_over_square
from ._families import Formula
from ._solved import mills

# From this shape on, and closer to the mean than CLOSE
LEAST = 1000.0
_ROOT_TAU = math.sqrt(2.0 * math.pi)
# The coefficients c of DLMF 8.12.7 by their powers of eta, in powers of 1 / a
_SHIFTS = (
    (
        -0.3333333333333333,
        0.08333333333333333,
        -0.014814814814814815,
        0.0011574074074074073,
        0.0003527336860670194,
        -0.0001787551440329218,
        3.919263178522438e-05,
        -2.185448510679992e-06,
        -1.85406221071516e-06,
        8.296711340953087e-07,
        -1.7665952736826078e-07,
    ),
    (
        -0.001851851851851852,
        -0.003472222222222222,
        0.0026455026455026454,
        -0.0009902263374485596,
        0.00020576131687242798,
        -4.018775720164609e-07,
        -1.8098550334489977e-05,
        7.64916091608111e-06,
        -1.6120900894563446e-06,
    ),
    (
        0.004133597883597883,
        -0.0026813271604938273,
        0.0007716049382716049,
        2.0093878600823047e-06,
        -0.0001073665322636516,
        5.2923448829120125e-05,
        -1.2760635188618728e-05,
    ),
    (
        0.0006494341563786008,
        0.00022947209362139917,
        -0.0004691894943952557,
        0.00026772063206283885,
        -7.561801671883977e-05,
    ),
    (
        -0.0008618882909167117,
        0.0007840392217200666,
        -0.0002990724803031902,
    ),
)


def _series(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    value = _core.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * x + c
    return value


def _smaller(off: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithm of the smaller tail at the mean times 1 + off, and whether it is the upper."""
    eta = off * _core.sqrt(-2.0 * log1p_rest_over_square(off))
    place, right = eta * _core.sqrt(a), eta > 0.0
    shift = _series(_SHIFTS[-1], eta)
    for coefficients in reversed(_SHIFTS[:-1]):
        shift = shift / a + _series(coefficients, eta)
    size = _core.where(right, place, -place)
    shift = _core.where(right, shift, -shift) / _core.sqrt(a)
    ratio = (mills(size) + shift) / _ROOT_TAU
    return _core.log(ratio) - 0.5 * _core.square(place), right


def beside_the_mean(few: Formula, is_upper: bool, in_log: bool) -> Formula:
    """A tail of the root of a gamma variable of shape a over its mean, or its logarithm: by this
    expansion where that holds, and elsewhere by the formula ``few``."""

    def tail(z: Tensor, a: Tensor) -> Tensor:
        off = (z - 1.0) * (z + 1.0)
        many = all_of(a >= LEAST, a < math.inf, _core.absolute(off) < CLOSE)
        if nowhere(many):
            return few(z, a)
        log_tail, right = _smaller(_core.where(many, off, 0.0), _core.where(many, a, LEAST))
        own = right if is_upper else _core.logical_not(right)
        if in_log:
            value = _core.where(own, log_tail, _core.log1p(-_core.exp(log_tail)))
        else:
            value = _core.where(own, _core.exp(log_tail), -_core.expm1(log_tail))
        others = _core.logical_not(many)
        if nowhere(others):
            return value
        return _core.where(many, value, few(*[_core.where(many, 1.0, v) for v in (z, a)]))

    return tail
