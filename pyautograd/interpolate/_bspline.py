"""Splines in the basis of B-splines."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._numbers import host_numbers
from .._scipy import scipy_module
from ..compositions._common import surely
from ._pieces import (
    Pieces,
    beside_axes,
    bounds,
    check_axis,
    check_finite,
    normal_extrapolate,
    order_of,
    real,
    together,
    wide,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_OP = "interpolate.BSpline"


class Spans(Pieces):
    """The intervals between the knots inside, and which knots count in each."""

    def __init__(self, t: Tensor, k: int) -> None:
        super().__init__(t[k : t.shape[0] - k], not_empty=k > 0)
        self._t, self._k = t, k
        self._steps = _core.arange(2 * k + 1, device=t.device)

    def near(self, first: Tensor) -> Tensor:
        """The places of the k + 1 coefficients, and then, from 1 on, of the 2 k knots."""
        return first + beside_axes(self._steps, first.ndim)

    def de_boor(self, c: Tensor, near: Tensor, points: Tensor, nu: int) -> Tensor:
        """Combines the k + 1 coefficients c that count at a point until one is left; the first
        steps are differences if it is a derivative.

        No divisor is 0: between the two knots lies the interval of the point.
        """
        k, trailing = self._k, c.ndim - near.ndim
        if nu > k:
            return _core.zeros_like(c[0])
        knots = _core.take(self._t, near[1:], axis=0)
        for r in range(1, k + 1):
            low, high = knots[r - 1 : k], knots[k : 2 * k - r + 1]
            before = c[:-1]
            slope = (c[1:] - before) / beside_axes(high - low, trailing)
            if r <= nu:
                c = (k - r + 1) * slope
            else:
                c = before + beside_axes(points - low, trailing) * slope
        return c[0]


class BSpline:
    """A spline of degree k: the sum of ``c[j]`` times the B-spline on ``t[j], ..., t[j + k + 1]``.

    As :class:`scipy.interpolate.BSpline`. Computed in float64, or in complex128 for complex
    coefficients, in time that grows with the logarithm of the number of knots. Differentiable in
    the coefficients, the knots and the points, to every order; at a knot the derivatives are those
    of the piece behind it.

    Args:
        t: the knots, of shape (n + k + 1,), in ascending order, of which some may be the same.
        c: the coefficients, real or complex, with at least n entries along ``axis``.
        k: the degree.
        extrapolate: whether the pieces that begin at ``t[k]`` and end at ``t[n]`` go on beyond
            (the default) or nan is returned there; ``"periodic"`` repeats what is between them.
        axis: the axis of the coefficients.

    Attributes:
        t, c, k, extrapolate, axis: the same, with the axis of the coefficients first in ``c``.

    Raises:
        ValueError: the shapes do not fit, a negative degree, or knots that are complex, not finite,
            not in order, or all the same.

    See C. de Boor, A Practical Guide to Splines, 1978.

    >>> bump = pa.interpolate.BSpline([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 0.0], 2)
    >>> bump([2.0, 2.5]).tolist(), bump(2.0, 1).item(), bump.integrate(2.0, 3.0).item()
    ([0.5, 0.75], 1.0, 0.6666666666666666)
    """

    def __init__(self, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> None:
        degree = operator.index(k)
        knots, coefficients = together(real(_OP, "t", t), wide(c))
        place = check_axis(_OP, axis, coefficients.ndim)
        if place:
            coefficients = _core.moveaxis(coefficients, place, 0)
        check_knots(_OP, knots, degree)
        count = knots.shape[0] - degree - 1
        if coefficients.shape[0] < count:
            raise ValueError(
                f"[{_OP}] {coefficients.shape[0]} coefficients, but {knots.shape[0]} knots and "
                f"degree {degree} need {count}"
            )
        self._hold(knots, coefficients, degree, extrapolate, place)

    def _hold(self, t: Tensor, c: Tensor, k: int, extrapolate: Any, axis: int) -> None:
        self.t, self.c, self.k, self.axis = t, c, k, axis
        self.extrapolate = normal_extrapolate(extrapolate)
        self._spans = Spans(t, k)

    @classmethod
    def construct_fast(
        cls, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0
    ) -> BSpline:
        """The spline of tensors that fit each other, without a check.

        Args:
            t, c, k, extrapolate, axis: the attributes.
        """
        made = object.__new__(cls)
        made._hold(real(_OP, "t", t), wide(c), k, extrapolate, axis)
        return made

    @property
    def tck(self) -> tuple[Tensor, Tensor, int]:
        """The knots, the coefficients and the degree."""
        return self.t, self.c, self.k

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Tensor:
        """The value, or that of the derivative of order ``nu``, at each of the points ``x``.

        Args:
            x: points, of any shape; they may be differentiated, and differ between the entries of
                ``vmap``.
            nu: the order, from 0.
            extrapolate: in place of the attribute.

        Returns:
            A tensor whose shape has that of ``x`` in the place of the axis of the coefficients.

        Raises:
            ValueError: complex points, or a negative order.
        """
        order = order_of(_OP, nu)
        points, t, c = together(real(_OP, "x", x), self.t, self.c)
        spans = self._spans if t is self.t else Spans(t, self.k)
        mode = self.extrapolate if extrapolate is None else normal_extrapolate(extrapolate)
        if mode == "periodic":
            points = spans.in_period(points)
        near = spans.near(spans.index(points))
        value = spans.de_boor(_core.take(c, near[: self.k + 1], axis=0), near, points, order)
        return spans.finished(value, points, mode, order >= self.k, self.axis)

    def derivative(self, nu: int = 1) -> BSpline:
        """The derivative of order ``nu``, as a spline; of a negative one, the antiderivative.

        Raises:
            ValueError: an order above the degree, or k + 1 knots inside that are the same.

        >>> line = pa.interpolate.BSpline([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 2.0], 2)
        >>> line.derivative().c.tolist()
        [2.0, 2.0]
        """
        order = operator.index(nu)
        if order < 0:
            return self.antiderivative(-order)
        if order > self.k:
            raise ValueError(f"[{_OP}] order {order} is above the degree {self.k}")
        t, k = self.t, self.k
        c = self.c[: t.shape[0] - k - 1]
        for _ in range(order):
            widths = t[k + 1 : -1] - t[1 : -k - 1]
            if surely(_core.equal(widths, 0.0)):
                raise ValueError(f"[{_OP}] {k + 1} knots inside are the same: no derivative there")
            c = k * (c[1:] - c[:-1]) / beside_axes(widths, c.ndim - 1)
            t, k = t[1:-1], k - 1
        return BSpline.construct_fast(t, c, k, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> BSpline:
        """The antiderivative of order ``nu``, as a spline that is 0 at the first knot.

        It does not repeat itself, so that of a periodic spline is nan beyond the ends.

        >>> line = pa.interpolate.BSpline([0.0, 0.0, 1.0, 1.0], [0.0, 2.0], 1)
        >>> line.antiderivative()(1.0).item()
        1.0
        """
        order = operator.index(nu)
        if order <= 0:
            return self.derivative(-order)
        t, k = self.t, self.k
        c = self.c[: t.shape[0] - k - 1]
        for _ in range(order):
            widths = beside_axes(t[k + 1 :] - t[: -k - 1], c.ndim - 1)
            sums = _core.cumsum(c * widths, axis=0) / (k + 1)
            c = _core.concat([_core.zeros_like(sums[:1]), sums])
            t, k = _core.concat([t[:1], t, t[-1:]]), k + 1
        beyond = False if self.extrapolate == "periodic" else self.extrapolate
        return BSpline.construct_fast(t, c, k, beyond, self.axis)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Tensor:
        """The integral from ``a`` to ``b``, differentiable in both.

        Args:
            a, b: numbers or scalar tensors.
            extrapolate: in place of the attribute. Without extrapolation the spline is 0 beyond its
                ends.

        Returns:
            A tensor of the shape of ``c`` without its first axis.

        Raises:
            ValueError: an end is no scalar, or complex.
        """
        start, end = bounds(_OP, a, b)
        start, end, spans_x = together(start, end, self._spans.x)
        mode = self.extrapolate if extrapolate is None else normal_extrapolate(extrapolate)
        whole = BSpline.construct_fast(self.t, self.c, self.k).antiderivative()

        def between(first: Tensor, last: Tensor) -> Tensor:
            return whole(last) - whole(first)

        if mode == "periodic":
            return Pieces(spans_x).over_periods(between, start, end)
        if mode is False:
            low, high = spans_x[0], spans_x[-1]
            start, end = (
                _core.where(_core.less(p, low), low, _core.where(_core.greater(p, high), high, p))
                for p in (start, end)
            )
        return between(start, end)

    @classmethod
    def basis_element(cls, t: Any, extrapolate: Any = True) -> BSpline:
        """The B-spline on the knots ``t``, of a degree that is their number less 2.

        Args:
            t: the knots, of shape (k + 2,).
            extrapolate: as of the class.

        >>> pa.interpolate.BSpline.basis_element([0.0, 1.0, 2.0])([0.5, 1.0]).tolist()
        [0.5, 1.0]
        """
        own = real(_OP, "t", t)
        k = own.shape[0] - 2
        ends = [_core.broadcast_to(v, (k,)) for v in (own[0] - 1, own[-1] + 1)]
        c = np.zeros(own.shape[0] + 2 * k - k - 1)
        c[k] = 1.0
        return cls.construct_fast(_core.concat([ends[0], own, ends[1]]), c, k, extrapolate)

    @classmethod
    def design_matrix(
        cls, x: Any, t: Any, k: int, extrapolate: Any = False
    ) -> csr_array[Any, tuple[int, int]]:
        """The values of all B-splines at points, as a sparse array of numbers without derivatives.

        To differentiate products with it, evaluate a spline with these coefficients.

        Args:
            x: the points, of shape (m,).
            t, k: the knots, of shape (n + k + 1,), and the degree.
            extrapolate: as of the class.

        Returns:
            A ``csr_array`` of shape (m, n), with k + 1 entries in each row.

        Raises:
            ValueError: points beyond the ends without extrapolation, or bad knots.

        >>> pa.interpolate.BSpline.design_matrix([0.5], [0.0, 0.0, 1.0, 1.0], 1).toarray().tolist()
        [[0.5, 0.5]]
        """
        points, knots, degree = real(_OP, "x", x), real(_OP, "t", t), operator.index(k)
        check_knots(_OP, knots, degree)
        spans = Spans(knots, degree)
        mode = normal_extrapolate(extrapolate)
        if mode == "periodic":
            points = spans.in_period(points)
        elif not mode and surely(_core.logical_not(spans.inside(points))):
            raise ValueError(f"[{_OP}] points are beyond the ends of the knots")
        near, values = basis(spans, degree, points)
        columns = host_numbers(near).T
        rows = np.arange(0, columns.size + 1, degree + 1)
        shape = (points.shape[0], knots.shape[0] - degree - 1)
        csr: Any = scipy_module(_OP, "sparse").csr_array
        made: csr_array[Any, tuple[int, int]] = csr(
            (values.to("cpu").numpy().ravel(), columns.ravel(), rows), shape=shape
        )
        return made

    def __repr__(self) -> str:
        return (
            f"<BSpline: degree {self.k}, {self.t.shape[0]} knots, values of shape "
            f"{self.c.shape[1:]}>"
        )


def check_knots(op: str, t: Tensor, k: int) -> None:
    if k < 0:
        raise ValueError(f"[{op}] the degree must not be negative, got {k}")
    if t.ndim != 1:
        raise ValueError(f"[{op}] t must be a vector of knots, got shape {t.shape}")
    if t.shape[0] < 2 * k + 2:
        raise ValueError(f"[{op}] degree {k} needs at least {2 * k + 2} knots, not {t.shape[0]}")
    check_finite(op, t=t)
    if surely(_core.less(t[1:], t[:-1])):
        raise ValueError(f"[{op}] the knots must be in ascending order")
    if surely(_core.equal(t[k], t[-k - 1])):
        raise ValueError(f"[{op}] at least two of the knots inside must differ")


def basis(spans: Spans, k: int, points: Tensor, nu: int = 0) -> tuple[Tensor, Tensor]:
    """Which B-splines are not 0 at points of shape (m,), as places of shape (k + 1, m), and their
    values, of shape (m, k + 1)."""
    near = spans.near(spans.index(points))
    unit = _core.tensor(np.eye(k + 1)[:, None], device=points.device)
    values = spans.de_boor(unit, near, points, nu)
    return near[: k + 1], _core.broadcast_to(values, (*points.shape, k + 1))
