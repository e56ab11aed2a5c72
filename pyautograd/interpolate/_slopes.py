"""Slopes at the sites, from which piecewise cubic polynomials are made.

All take sites of shape (n,) and values of shape (n, ...), whose slopes they return.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import _core
from .._core import Tensor
from ..compositions._common import all_of
from ._pieces import beside_axes

__all__: list[str] = []


def hermite(x: Tensor, y: Tensor, slopes: Tensor) -> Tensor:
    """The coefficients, of shape (4, n - 1, ...), of the cubics with these values and slopes."""
    steps = beside_axes(x[1:] - x[:-1], y.ndim - 1)
    mean = (y[1:] - y[:-1]) / steps
    bend = (slopes[:-1] + slopes[1:] - 2 * mean) / steps
    return _core.stack([bend / steps, (mean - slopes[:-1]) / steps - bend, slopes[:-1], y[:-1]])


class End(NamedTuple):
    """An equation at an end: of the slope there and the next one inside."""

    own: Any
    next: Any
    right: Any


class Chords(NamedTuple):
    """Widths of the intervals, the same beside the axes of values, and the slopes over them."""

    widths: Tensor
    beside: Tensor
    slopes: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> Chords:
        widths = x[1:] - x[:-1]
        beside = beside_axes(widths, y.ndim - 1)
        return cls(widths, beside, (y[1:] - y[:-1]) / beside)

    def from_end(self, sign: int) -> Chords:
        """The outermost two, the last first, at the end behind if the sign is 1."""
        outermost = slice(None, 2) if sign < 0 else slice(None, -3, -1)
        return Chords(*(part[outermost] for part in self))


def spline_end(condition: Any, chords: Chords, sign: int) -> End:
    """The equation of a condition: ``"not-a-knot"``, or an order and the derivative there."""
    widths, beside, slopes = chords.from_end(sign)
    if condition != "not-a-knot":
        order, value = condition
        if order == 1:
            return End(1.0, 0.0, value)
        curved = sign * 0.5 * value * beside[0] ** 2 + 3 * slopes[0] * beside[0]
        return End(2 * widths[0], widths[0], curved)
    if chords.widths.shape[0] == 1:
        return End(1.0, 0.0, slopes[0])
    both = beside[0] + beside[1]
    right = (beside[0] + 2 * both) * beside[1] * slopes[0] + beside[0] ** 2 * slopes[1]
    return End(widths[1], widths[0] + widths[1], right / both)


def parabola_end(chords: Chords, sign: int) -> End:
    """Of three sites, where no knot would be left."""
    return End(1.0, 1.0, 2 * chords.from_end(sign).slopes[0])


def spline_slopes(chords: Chords, start: End, end: End) -> Tensor:
    """The slopes with which second derivatives are continuous."""
    h, wide, m = chords
    ones = _core.ones_like(h[:1])
    own = _core.concat([start.own * ones, 2 * (h[:-1] + h[1:]), end.own * ones])
    above = _core.concat([0 * ones, start.next * ones, h[:-1]])
    below = _core.concat([h[1:], end.next * ones, 0 * ones])
    inner = 3 * (wide[1:] * m[:-1] + wide[:-1] * m[1:])
    first, last = (_core.broadcast_to(e.right, m.shape[1:])[None] for e in (start, end))
    return _solved(above, own, below, _core.concat([first, inner, last]))


def periodic_slopes(chords: Chords) -> Tensor:
    """The same, where the last site is the first one, a period later.

    The last unknown couples to both ends of the others, which are solved for with and without it.
    """
    if chords.widths.shape[0] == 1:
        return _core.concat([chords.slopes, chords.slopes])
    h, wide, m = chords
    before, wide_before, m_before = (_core.roll(part, 1, axis=0) for part in chords)
    own, right = 2 * (before + h), 3 * (wide * m_before + wide_before * m)
    above = _core.concat([0 * h[:1], before[:-2]])
    below = _core.concat([h[1:-1], 0 * h[:1]])
    # How the last unknown enters the first and the last of the other equations.
    edge = _core.zeros_like(h[:-2])
    coupling = _core.concat([h[:1], edge]) + _core.concat([edge, before[-2:-1]])
    alone = _solved(above, own[:-1], below, right[:-1])
    moved = beside_axes(_solved(above, own[:-1], below, -coupling), m.ndim - 1)
    low, high = wide[-1], wide_before[-1]
    rest = right[-1] - low * alone[-1] - high * alone[0]
    last = rest / (own[-1] + low * moved[-1] + high * moved[0])
    slopes = alone + last * moved
    return _core.concat([slopes, last[None], slopes[:1]])


def _solved(above: Tensor, own: Tensor, below: Tensor, right: Tensor) -> Tensor:
    bands = _core.stack([above, own, below])
    columns = _core.reshape(right, (right.shape[0], -1)) if right.ndim > 2 else right
    return _core.reshape(_core.linalg_solve_banded(bands, columns, 1, 1), right.shape)


def pchip_slopes(x: Tensor, y: Tensor) -> Tensor:
    """Harmonic means of the chords' slopes beside a site; 0 where these differ in sign.

    F. N. Fritsch, J. Butland, SIAM J. Sci. Comput. 5, 300 (1984); at the ends as in C. Moler,
    Numerical Computing with Matlab, 2004.
    """
    _, h, m = chords = Chords.of(x, y)
    if m.shape[0] == 1:
        return _core.concat([m, m])
    sign = _core.sign(m)
    same = all_of(_core.equal(sign[1:], sign[:-1]), _core.not_equal(m[1:], 0.0))
    first, second = (_core.where(same, part, 1.0) for part in (m[:-1], m[1:]))
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inner = _core.where(same, (w1 + w2) / (w1 / first + w2 / second), 0.0)
    ends = [_pchip_end(chords.from_end(sign)) for sign in (-1, 1)]
    return _core.concat([ends[0], inner, ends[1]])


def _pchip_end(chords: Chords) -> Tensor:
    (h0, h1), (m0, m1) = chords.beside, chords.slopes
    slope = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    turns = _core.not_equal(_core.sign(slope), _core.sign(m0))
    steep = all_of(
        _core.not_equal(_core.sign(m0), _core.sign(m1)),
        _core.greater(_core.absolute(slope), 3 * _core.absolute(m0)),
    )
    return _core.where(turns, 0.0, _core.where(steep, 3 * m0, slope))[None]


def akima_slopes(x: Tensor, y: Tensor, modified: bool) -> Tensor:
    """Means of the chords' slopes beside a site, weighted by how much those beyond differ.

    H. Akima, J. ACM 17, 589 (1970); the modification has weights that do not vanish on lines.
    """
    m = Chords.of(x, y).slopes
    if m.shape[0] == 1:
        return _core.concat([m, m])
    for _ in range(2):  # two more chords at each end
        m = _core.concat([2 * m[:1] - m[1:2], m, 2 * m[-1:] - m[-2:-1]])
    weights = _core.absolute(m[1:] - m[:-1])
    if modified:
        weights = weights + 0.5 * _core.absolute(m[1:] + m[:-1])
    after, before = weights[2:], weights[:-2]
    both = after + before
    # Where chords on both sides are alike, neither counts more (the bound is SciPy's).
    known = _core.greater(both, 1e-9 * _core.max(both)).detach() if both.size else both > 0
    share = _core.where(known, before, 0.5) / _core.where(known, both, 1.0)
    weighted = m[1:-2] + share * (m[2:-1] - m[1:-2])
    return _core.where(known, weighted, 0.5 * (m[3:] + m[:-3]))
