"""Splines through values, and close to them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions._common import all_of, surely
from ._bspline import BSpline, Spans, basis, check_knots
from ._pieces import beside_axes, check_axis, check_finite, real, together, wide

__all__: list[str] = []


def make_interp_spline(
    x: Any,
    y: Any,
    k: int = 3,
    t: Any = None,
    bc_type: Any = None,
    axis: int = 0,
    check_finite: bool = True,
) -> BSpline:
    """The spline of degree ``k`` through values at sites, as a :class:`BSpline`.

    As :func:`scipy.interpolate.make_interp_spline`. Its coefficients solve a banded system, in time
    of order n. Differentiable to every order in the sites, the values, the knots and the
    derivatives at the ends.

    Args:
        x: the sites, of shape (n,), strictly increasing.
        y: the values, real or complex, with n entries along ``axis``.
        k: the degree.
        t: the knots; by default the sites, without the (k + 1) / 2 next to each end, or the points
            between them if the degree is even, so that no condition at the ends is needed.
        bc_type: what holds at the ends: None or ``"not-a-knot"``; ``"clamped"``, with slopes of 0;
            ``"natural"``, with second derivatives of 0; ``"periodic"``, for values whose last is
            the first. Or for each end one of the middle two, None, or pairs ``(order, value)`` of
            derivatives there.
        axis: the axis of the sites.
        check_finite: whether to look for what is not finite.

    Raises:
        ValueError: the shapes, or the numbers of knots and conditions, do not fit; sites that do
            not increase; what is not finite; another condition; or periodic values whose ends
            differ.
        NotImplementedError: knots together with ``"periodic"``.
        numpy.linalg.LinAlgError: there is no such spline, or more than one.

    >>> spline = pa.interpolate.make_interp_spline([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 8.0, 27.0])
    >>> spline([0.5, 2.5]).numpy().round(12).tolist()
    [0.125, 15.625]
    """
    degree = operator.index(k)
    sites, values, place = checked_data(_INTERP, x, y, axis, check_finite)
    if surely(_core.less_equal(sites[1:], sites[:-1])):
        raise ValueError(f"[{_INTERP}] x must be strictly increasing")
    if degree < 0:
        raise ValueError(f"[{_INTERP}] k must not be negative, got {degree}")
    periodic = isinstance(bc_type, str) and bc_type == "periodic"
    ends = _ends(bc_type, values)
    if t is not None and periodic:
        raise NotImplementedError(f"[{_INTERP}] the knots of a periodic spline are not to be given")
    if degree == 0 and t is not None:
        raise ValueError(f"[{_INTERP}] for k=0 no knots can be given")
    if degree < 2 and t is None:  # where values are coefficients
        if ends != ([], []):
            raise ValueError(f"[{_INTERP}] for k={degree} there are no conditions at the ends")
        knots = _core.concat([sites[:degree], sites, sites[-1:]])
        return BSpline.construct_fast(knots, values, degree, axis=place)
    if periodic:
        return _periodic_spline(sites, values, degree, place)
    if t is not None:
        knots, sites, values = together(real(_INTERP, "t", t), sites, values)
    elif ends == ([], []):
        knots = not_a_knot(sites, degree)
    else:
        knots = repeated_ends(sites, degree)
    c = _interpolating(knots, degree, sites, values, ends)
    return BSpline.construct_fast(knots, c, degree, axis=place)


def make_lsq_spline(
    x: Any,
    y: Any,
    t: Any,
    k: int = 3,
    w: Any = None,
    axis: int = 0,
    check_finite: bool = True,
) -> BSpline:
    """The spline of degree ``k`` with given knots that is closest to values at sites.

    As :func:`scipy.interpolate.make_lsq_spline`: it has the least sum of the squares of ``w`` times
    the differences. Its coefficients solve the banded normal equations, twice, so that they are as
    exact as from an orthogonal factorization unless the system is next to singular, in time of
    order m + n. Differentiable to every order in the sites, the values, the knots and the weights.

    Args:
        x: the sites, of shape (m,), in ascending order.
        y: the values, real or complex, with m entries along ``axis``.
        t: the knots, of shape (n + k + 1,), in ascending order.
        k: the degree.
        w: the weights, of shape (m,), 1 by default.
        axis: the axis of the sites.
        check_finite: whether to look for what is not finite.

    Raises:
        ValueError: the shapes do not fit, fewer than k + 1 sites, sites or knots that are not in
            order, sites beyond the knots, or what is not finite.
        numpy.linalg.LinAlgError: the sites do not determine the spline.

    >>> x, y, knots = [0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 1.0, 3.0], [0.0, 0.0, 3.0, 3.0]
    >>> line = pa.interpolate.make_lsq_spline(x, y, knots, k=1)
    >>> line.c.numpy().round(12).tolist()
    [0.3, 2.7]
    """
    op = "interpolate.make_lsq_spline"
    degree = operator.index(k)
    sites, values, place = checked_data(op, x, y, axis, check_finite)
    weights = _core.ones_like(sites) if w is None else real(op, "w", w)
    sites, values, weights, knots = together(sites, values, weights, real(op, "t", t))
    if weights.shape != sites.shape:
        raise ValueError(f"[{op}] w of shape {weights.shape} is not of the shape of x")
    check_knots(op, knots, degree)
    if sites.shape[0] < degree + 1:
        raise ValueError(f"[{op}] degree {degree} needs at least {degree + 1} sites")
    if surely(_core.less(sites[1:], sites[:-1])):
        raise ValueError(f"[{op}] x must be in ascending order")
    spans = _spans_around(op, sites, knots, degree)
    system = _Normal(spans, degree, knots.shape[0] - degree - 1, sites, weights)
    right = values * beside_axes(weights, values.ndim - 1)
    c = system.solved(right)
    c = c + system.solved(right - system.product(c))
    return BSpline.construct_fast(knots, c, degree, axis=place)


_INTERP = "interpolate.make_interp_spline"


def checked_data(op: str, x: Any, y: Any, axis: int, finite: bool) -> tuple[Tensor, Tensor, int]:
    """Checked, with the axis of the sites first."""
    sites, values = together(real(op, "x", x), wide(y))
    place = check_axis(op, axis, values.ndim)
    values = _core.moveaxis(values, place, 0) if place else values
    if sites.ndim != 1 or sites.shape[0] != values.shape[0]:
        raise ValueError(
            f"[{op}] x of shape {sites.shape} is not a vector of as many sites as y has values "
            f"along axis {axis}: {values.shape[0]}"
        )
    if finite:
        check_finite(op, x=sites, y=values)
    return sites, values, place


def _spans_around(op: str, sites: Tensor, t: Tensor, k: int) -> Spans:
    spans = Spans(t, k)
    if surely(_core.logical_not(spans.inside(sites))):
        raise ValueError(f"[{op}] sites are beyond the ends of the knots")
    return spans


# Knots


def repeated_ends(x: Tensor, k: int) -> Tensor:
    first, last = (_core.broadcast_to(v, (k,)) for v in (x[0], x[-1]))
    return _core.concat([first, x, last])


def not_a_knot(x: Tensor, k: int) -> Tensor:
    skipped = (k + 1) // 2
    inside = x[skipped:-skipped] if k % 2 else ((x[1:] + x[:-1]) / 2)[skipped:-skipped]
    return repeated_ends(_core.concat([x[:1], inside, x[-1:]]), k)


def periodic_knots(x: Tensor, k: int) -> Tensor:
    """The sites, or the points between them if the degree is even, and so on beyond the ends."""
    if k % 2 == 0:
        x = _core.concat([x[:1], (x[1:-1] + x[:-2]) / 2, x[-1:]])
    steps = x[1:] - x[:-1]
    turns = np.arange(k) % (x.shape[0] - 1)
    after = x[-1] + _core.cumsum(_core.take(steps, turns))
    before = x[0] - _core.cumsum(_core.take(steps, x.shape[0] - 2 - turns))
    return _core.concat([_core.flip(before), x, after])


# Conditions at the ends


def _ends(bc_type: Any, y: Tensor) -> tuple[list[Any], list[Any]]:
    """Pairs of orders and derivatives for the start and for the end."""
    if bc_type is None or (isinstance(bc_type, str) and bc_type in ("not-a-knot", "periodic")):
        return [], []
    start, end = (bc_type, bc_type) if isinstance(bc_type, str) else _pair(bc_type)
    return _derivatives(start, y), _derivatives(end, y)


def _pair(bc_type: Any) -> Any:
    try:
        start, end = bc_type
    except (TypeError, ValueError) as error:
        raise ValueError(f"[{_INTERP}] bc_type {bc_type!r} is no pair of conditions") from error
    return start, end


def _derivatives(condition: Any, y: Tensor) -> list[Any]:
    if condition is None:
        return []
    if isinstance(condition, str):
        if condition not in ("clamped", "natural"):
            raise ValueError(f"[{_INTERP}] bc_type {condition!r} is not known")
        return [(1 if condition == "clamped" else 2, _core.zeros_like(y[0]))]
    try:
        return [(operator.index(order), wide(value).to(y.device)) for order, value in condition]
    except (TypeError, ValueError) as error:
        raise ValueError(f"[{_INTERP}] derivatives are given as pairs (order, value)") from error


# Systems


def _interpolating(
    t: Tensor, k: int, x: Tensor, y: Tensor, ends: tuple[list[Any], list[Any]]
) -> Tensor:
    check_knots(_INTERP, t, k)
    if any(not 0 <= order <= k for end in ends for order, _ in end):
        raise ValueError(f"[{_INTERP}] derivatives at the ends have orders from 0 to {k}")
    size, given = t.shape[0] - k - 1, x.shape[0] + sum(map(len, ends))
    if size != given:
        raise ValueError(
            f"[{_INTERP}] {t.shape[0]} knots and degree {k} need {size} values and derivatives at "
            f"the ends, got {given}"
        )
    spans = _spans_around(_INTERP, x, t, k)
    start, end = (
        [basis(spans, k, place, order) for order, _ in given]
        for place, given in zip((x[:1], x[-1:]), ends, strict=True)
    )
    rows = [*start, basis(spans, k, x), *end]
    matrix = _Rows(_core.concat([r[0][0] for r in rows]), _core.concat([r[1] for r in rows]))
    right = [_core.broadcast_to(v, y.shape[1:])[None] for _, v in (*ends[0], *ends[1])]
    count = len(ends[0])
    return matrix.solved(_core.concat([*right[:count], y, *right[count:]]))


def _periodic_spline(x: Tensor, y: Tensor, k: int, axis: int) -> BSpline:
    gap = _core.absolute(y[0] - y[-1])
    if surely(_core.greater(gap, 1e-15 + 1e-5 * _core.absolute(y[-1]))):
        raise ValueError(f"[{_INTERP}] the first and the last y of a period must be the same")
    t = periodic_knots(x, k)
    near, values = basis(Spans(t, k), k, x[:-1])
    matrix, back = _Rows(near[0] - k // 2, values), k // 2
    solution = matrix.solved_around(y[:-1])
    turns = (np.arange(x.shape[0] + k - 1) - back) % (x.shape[0] - 1)
    c = _core.take(solution, turns, axis=0)
    return BSpline.construct_fast(t, c, k, "periodic", axis)


class _Rows:
    """A square matrix whose rows have few entries one after the other, near the diagonal.

    Args:
        first: the columns in which the rows begin, beyond the edges of a periodic matrix.
        values: the entries, of shape (n, k + 1).
    """

    def __init__(self, first: Tensor, values: Tensor) -> None:
        self._first, self._values = first, _core.reshape(values, (-1,))
        self._size, self._count = values.shape

    def entries(self, rows: Tensor, columns: Tensor) -> Tensor:
        """The elements at places, which are tensors that broadcast; rows beyond the edges are 0."""
        size, count = self._size, self._count
        used = all_of(_core.greater_equal(rows, 0), _core.less(rows, size))
        rows = _core.where(used, rows, 0)
        place = _core.remainder(columns - _core.take(self._first, rows), size)
        found = None
        for turn in range(0, count, size):  # more than one if the matrix is small
            at = place + turn
            held = _core.logical_and(_core.less(at, count), used)
            values = _core.take(self._values, rows * count + _core.minimum(at, count - 1))
            values = _core.where(held, values, 0.0)
            found = values if found is None else found + values
        assert found is not None
        return found

    def _numbers(self, start: int, stop: int) -> Tensor:
        return _core.arange(start, stop, device=self._first.device)

    def _band(self, lower: int, upper: int, size: int) -> Tensor:
        columns = self._numbers(0, size)
        rows = columns + self._numbers(-upper, lower + 1)[:, None]
        if size < self._size:  # the last rows and columns are elsewhere
            rows = _core.where(_core.less(rows, size), rows, -1)
        return self.entries(rows, columns)

    def solved(self, right: Tensor) -> Tensor:
        width, size = self._count - 1, self._size
        off = self._first - self._numbers(0, size)
        if surely(_core.logical_or(_core.greater(off, 0), _core.less(off, -width))):
            raise np.linalg.LinAlgError(f"[{_INTERP}] the sites and the knots fit no spline")
        sides = _core.reshape(right, (size, -1))
        c = _core.linalg_solve_banded(self._band(width, width, size), sides, width, width)
        return _core.reshape(c, right.shape)

    def solved_around(self, right: Tensor) -> Tensor:
        """The last unknowns, which couple to both ends, are solved for by themselves."""
        size, edge = self._size, self._count - 1
        sides = _core.reshape(right, (size, -1))
        if size <= 3 * edge:
            everything = self._numbers(0, size)
            matrix = self.entries(everything[:, None], everything)
            return _core.reshape(_core.linalg_solve(matrix, sides), right.shape)
        inner = size - edge
        near, far = self._numbers(0, inner), self._numbers(inner, size)
        coupling = self.entries(near[:, None], far)
        both = _core.concat([coupling.astype(sides.dtype), sides[:inner]], 1)
        both = _core.linalg_solve_banded(self._band(edge, edge, inner), both, edge, edge)
        moved, alone = both[:, :edge], both[:, edge:]
        back = self.entries(far[:, None], near).astype(sides.dtype)
        corner = self.entries(far[:, None], far)
        last = _core.linalg_solve(corner - back @ moved, sides[inner:] - back @ alone)
        return _core.reshape(_core.concat([alone - moved @ last, last]), right.shape)


class _Normal:
    """The normal equations of least squares."""

    def __init__(self, spans: Spans, k: int, size: int, x: Tensor, w: Tensor) -> None:
        self._near, values = basis(spans, k, x)
        self._values = _core.matrix_transpose(values) * w
        self._size = size
        pairs = [(a, a + d) for d in range(k + 1) for a in range(k + 1 - d)]
        first, second = (np.array(side) for side in zip(*pairs, strict=True))
        products = _core.take(self._values, first, axis=0) * _core.take(
            self._values, second, axis=0
        )
        rows = _core.tensor((second - first)[:, None] * size, device=x.device)
        places = _core.take(self._near, first, axis=0) + rows
        band = self._sums(places, products, (k + 1) * size)
        self._bands = _core.reshape(band, (k + 1, size))

    @staticmethod
    def _sums(places: Tensor, values: Tensor, count: int) -> Tensor:
        return _core.bincount(_core.reshape(places, (-1,)), _core.reshape(values, (-1,)), count)

    def product(self, c: Tensor) -> Tensor:
        """The weighted spline at the sites."""
        values = beside_axes(self._values, c.ndim - 1)
        return _core.sum(values * _core.take(c, self._near, axis=0), axis=0)

    def solved(self, right: Tensor) -> Tensor:
        sides = _core.reshape(right, (right.shape[0], -1))
        parts: Sequence[Tensor] = [sides]
        if sides.dtype.kind == "c":
            parts = [_core.real(sides), _core.imag(sides)]
        found = [self._solved_real(part) for part in parts]
        c = found[0] if len(found) == 1 else found[0] + 1j * found[1]
        return _core.reshape(c, (self._size, *right.shape[1:]))

    def _solved_real(self, sides: Tensor) -> Tensor:
        width = sides.shape[1]
        places = self._near[..., None] * width + _core.arange(width, device=sides.device)
        sums = self._sums(places, self._values[..., None] * sides, self._size * width)
        sums = _core.reshape(sums, (self._size, width))
        return _core.linalg_solveh_banded(self._bands, sums, lower=True)
