"""Piecewise polynomials."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions._common import all_of, surely
from ._pieces import (
    Pieces,
    beside_axes,
    bounds,
    horner,
    normal_extrapolate,
    order_of,
    real,
    together,
    wide,
)

_OP = "interpolate.PPoly"


class PPoly:
    """A piecewise polynomial, in powers of the distance from the breakpoint before.

    Between ``x[i]`` and ``x[i + 1]`` it is ``sum(c[m, i] * (p - x[i]) ** (k - m))`` over m from 0
    to k, as in :class:`scipy.interpolate.PPoly`. Computed in float64, or in complex128 for complex
    coefficients. Differentiable in the coefficients, the breakpoints and the points, to every
    order; at a breakpoint the derivatives are those of the piece behind it.

    Args:
        c: the coefficients, of shape (k + 1, m, ...).
        x: the breakpoints, of shape (m + 1,), in ascending or descending order.
        extrapolate: whether the first and the last piece go on beyond the ends (the default) or nan
            is returned there; ``"periodic"`` repeats what is between them.
        axis: how many axes of ``c`` are in front of those of the powers and of the pieces; they are
            in front of the axes of the points in values.

    Attributes:
        c, x, extrapolate, axis: the same, with the axes of powers and pieces first in ``c``.

    Raises:
        ValueError: the shapes do not fit, the breakpoints are complex or not in order.

    >>> p = pa.interpolate.PPoly([[1.0, -1.0], [0.0, 1.0]], [0.0, 1.0, 2.0])
    >>> p([0.5, 1.5]).tolist(), p.derivative()(0.5).item(), p.integrate(0.0, 2.0).item()
    ([0.5, 0.5], 1.0, 1.0)
    """

    def __init__(self, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
        coefficients, breaks = together(wide(c), real(_OP, "x", x))
        if coefficients.ndim < 2:
            raise ValueError(f"[{_OP}] c must have at least 2 dimensions, got {coefficients.ndim}")
        if not 0 <= axis < coefficients.ndim - 1:
            raise ValueError(
                f"[{_OP}] axis {axis} is not between 0 and {coefficients.ndim - 2}, as for c of "
                f"shape {coefficients.shape}"
            )
        if axis:
            coefficients = _core.moveaxis(coefficients, [axis, axis + 1], [0, 1])
        if breaks.ndim != 1 or breaks.shape[0] < 2:
            raise ValueError(
                f"[{_OP}] x must be a vector of at least 2 breakpoints, got shape {breaks.shape}"
            )
        if coefficients.shape[0] == 0 or coefficients.shape[1] != breaks.shape[0] - 1:
            raise ValueError(
                f"[{_OP}] c of shape {coefficients.shape} does not hold the coefficients of the "
                f"{breaks.shape[0] - 1} intervals of x"
            )
        steps = breaks[1:].detach() - breaks[:-1].detach()
        if surely(_core.logical_and(_core.any(steps < 0), _core.any(steps > 0))):
            raise ValueError(f"[{_OP}] x must be in ascending or descending order")
        self._hold(coefficients, breaks, True if extrapolate is None else extrapolate, axis)

    def _hold(self, c: Tensor, x: Tensor, extrapolate: Any, axis: int) -> None:
        self.c, self.x, self.axis = c, x, axis
        self.extrapolate = normal_extrapolate(extrapolate)
        self._pieces = Pieces(x)

    @classmethod
    def construct_fast(cls, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> PPoly:
        """The polynomial of tensors that fit each other, without a check.

        Args:
            c, x, extrapolate, axis: the attributes.
        """
        made = object.__new__(cls)
        made._hold(wide(c), real(_OP, "x", x), True if extrapolate is None else extrapolate, axis)
        return made

    @classmethod
    def from_spline(cls, tck: Any, extrapolate: Any = None) -> PPoly:
        """A spline as a piecewise polynomial, with a piece for each interval from ``t[k]`` to
        ``t[n]``, empty ones too; SciPy's has some beyond, which repeat the first and the last.

        Args:
            tck: a :class:`BSpline`, or its knots, coefficients and degree.
            extrapolate: as of the class; by default the spline's.

        >>> bump = pa.interpolate.BSpline.basis_element([0.0, 1.0, 2.0])
        >>> pa.interpolate.PPoly.from_spline(bump).c.tolist()
        [[1.0, -1.0], [0.0, 1.0]]
        """
        from ._bspline import BSpline

        spline = tck if isinstance(tck, BSpline) else BSpline(*tck)
        breaks = spline.t[spline.k : spline.t.shape[0] - spline.k]
        whole = BSpline.construct_fast(*spline.tck)  # whose derivatives have the points first
        rows = [whole(breaks[:-1], m) / math.factorial(m) for m in range(spline.k, -1, -1)]
        beyond = spline.extrapolate if extrapolate is None else extrapolate
        return cls.construct_fast(_core.stack(rows), breaks, beyond, spline.axis)

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Tensor:
        """The value, or that of the derivative of order ``nu``, at each of the points ``x``.

        Args:
            x: points, of any shape; they may be differentiated, and differ between the entries of
                ``vmap``.
            nu: the order, from 0.
            extrapolate: in place of the attribute.

        Returns:
            A tensor whose shape has that of ``x`` in the place of the axes of powers and pieces.

        Raises:
            ValueError: complex points, or a negative order.
        """
        order = order_of(_OP, nu)
        points, c, breaks = together(real(_OP, "x", x), self.c, self.x)
        pieces = self._pieces if breaks is self.x else Pieces(breaks)
        mode = self.extrapolate if extrapolate is None else normal_extrapolate(extrapolate)
        if mode == "periodic":
            points = pieces.in_period(points)
        index = pieces.index(points)
        trailing = c.ndim - 2
        s = beside_axes(points - _core.take(breaks, index), trailing)
        degree = c.shape[0] - 1
        kept = c if order == 0 else c[: max(degree + 1 - order, 1)]
        rows: Any = _core.unstack(_core.take(kept, index, axis=1))
        if order:
            rows = [row * math.perm(degree - j, order) for j, row in enumerate(rows)]
        return pieces.finished(horner(rows, s), points, mode, len(rows) == 1, self.axis)

    def derivative(self, nu: int = 1) -> PPoly:
        """The derivative of order ``nu``, as a piecewise polynomial; of a negative one, the
        antiderivative.

        >>> pa.interpolate.PPoly([[1.0], [2.0], [3.0]], [0.0, 1.0]).derivative().c.tolist()
        [[2.0], [2.0]]
        """
        order = operator.index(nu)
        if order < 0:
            return self.antiderivative(-order)
        degree = self.c.shape[0] - 1
        factors = [math.perm(degree - j, order) for j in range(max(degree + 1 - order, 1))]
        c = self.c[: len(factors)] * _column(factors, self.c)
        return PPoly.construct_fast(c, self.x, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> PPoly:
        """The antiderivative of order ``nu`` that is 0 at the first breakpoint and continuous.

        It does not repeat itself, so that of a periodic polynomial is nan beyond the ends.

        >>> whole = pa.interpolate.PPoly([[1.0, 2.0]], [0.0, 1.0, 3.0]).antiderivative()
        >>> whole([0.0, 1.0, 3.0]).tolist()
        [0.0, 1.0, 5.0]
        """
        order = operator.index(nu)
        if order <= 0:
            return self.derivative(-order)
        c = self.c
        widths = beside_axes(self.x[1:] - self.x[:-1], c.ndim - 2)
        for _ in range(order):
            rows = _integrated(c)
            areas = horner([*_core.unstack(rows), 0.0 * rows[0]], widths)
            before = _core.cumsum(areas, axis=0)[:-1]
            constants = _core.concat([_core.zeros_like(areas[:1]), before])
            c = _core.concat([rows, constants[None]])
        beyond = False if self.extrapolate == "periodic" else self.extrapolate
        return PPoly.construct_fast(c, self.x, beyond, self.axis)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Tensor:
        """The integral from ``a`` to ``b``, differentiable in both.

        Args:
            a, b: numbers or scalar tensors.
            extrapolate: in place of the attribute.

        Returns:
            A tensor of the shape of ``c`` without its first two axes.

        Raises:
            ValueError: an end is no scalar, or complex.

        >>> bump = pa.interpolate.PPoly([[1.0, -1.0], [0.0, 1.0]], [0.0, 1.0, 2.0], "periodic")
        >>> bump.integrate(0.0, 6.0).item(), pa.func.grad(bump.integrate)(0.25, 1.0).item()
        (3.0, -0.25)
        """
        start, end, c, x = together(*bounds(_OP, a, b), self.c, self.x)
        area = _Area(c, Pieces(x))
        mode = self.extrapolate if extrapolate is None else normal_extrapolate(extrapolate)
        pieces = area.pieces
        back = _core.less(pieces.along(end), pieces.along(start))
        first, last = _core.where(back, end, start), _core.where(back, start, end)
        if mode == "periodic":
            found = pieces.over_periods(area.between, first, last)
        else:
            found = area.between(first, last)
        if mode is False:
            inside = all_of(pieces.inside(first), pieces.inside(last))
            found = _core.where(inside, found, np.nan)
        return _core.where(back, -found, found)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: degree {self.c.shape[0] - 1}, {self.c.shape[1]} pieces, "
            f"values of shape {self.c.shape[2:]}>"
        )


class _Area:
    """Integrals, as sums over the pieces: their differences are taken within each."""

    def __init__(self, c: Tensor, pieces: Pieces) -> None:
        self.pieces, self._trailing = pieces, c.ndim - 2
        rows = _integrated(c)
        self._rows = [*_core.unstack(rows), 0.0 * rows[0]]

    def between(self, first: Tensor, last: Tensor) -> Tensor:
        """Between two places in the order of the breakpoints."""
        x = self.pieces.x
        begin, stop = self.pieces.index(first), self.pieces.index(last)
        number = _core.arange(x.shape[0] - 1, device=x.device)
        starts = _core.where(_core.equal(number, begin), first - x[:-1], 0.0)
        ends = _core.where(_core.equal(number, stop), last, x[1:]) - x[:-1]
        parts = [horner(self._rows, beside_axes(s, self._trailing)) for s in (ends, starts)]
        used = all_of(_core.greater_equal(number, begin), _core.less_equal(number, stop))
        used = beside_axes(used, self._trailing)
        return _core.sum(_core.where(used, parts[0] - parts[1], 0.0), axis=0)


def _integrated(c: Tensor) -> Tensor:
    """The rows of the antiderivative, but for that of the constants."""
    return c / _column(range(c.shape[0], 0, -1), c)


def _column(numbers: Any, like: Tensor) -> Tensor:
    column = _core.tensor(np.array([*numbers], dtype=float), device=like.device)
    return beside_axes(column, like.ndim - 1)
