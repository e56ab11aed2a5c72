"""Interpolation by radial basis functions."""

from __future__ import annotations

import itertools
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core, func
from .._core import Tensor
from ._pieces import real, together, wide

__all__: list[str] = []

_OP = "interpolate.RBFInterpolator"

# Of the square of the distance; those that have no derivatives of some order at 0 are 0 there.
_SMOOTH: dict[str, Callable[[Tensor], Tensor]] = {
    "multiquadric": lambda s: -_core.sqrt(s + 1.0),
    "inverse_multiquadric": lambda s: 1.0 / _core.sqrt(s + 1.0),
    "inverse_quadratic": lambda s: 1.0 / (s + 1.0),
    "gaussian": lambda s: _core.exp(-s),
}
_SINGULAR: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda s: -_core.sqrt(s),
    "thin_plate_spline": lambda s: 0.5 * s * _core.log(s),
    "cubic": lambda s: s * _core.sqrt(s),
    "quintic": lambda s: -(s**2) * _core.sqrt(s),
}
# Differences of coordinates that are held while the nearest sites are looked for
_MOST_DIFFERENCES = 1 << 20
_LEAST_DEGREES = {"multiquadric": 0, "linear": 0, "thin_plate_spline": 1, "cubic": 1, "quintic": 2}


class RBFInterpolator:
    """The interpolant of values at scattered sites: a sum of functions of the distances from them.

    As :class:`scipy.interpolate.RBFInterpolator`. With
    ``degree=-1``, and the variances of noise as smoothing, that of ``"gaussian"`` is the mean of a
    Gaussian process. Computed in float64, or in complex128 for complex values, in time of order
    n^3, and n for each point. Differentiable to every order in the points, the sites, the values,
    ``smoothing`` and ``epsilon``. Where a point is a site, derivatives that its kernel does not
    have, as the first of ``"linear"`` and the second of ``"thin_plate_spline"``, count as 0.

    Args:
        y: the sites, of shape (n, d).
        d: the values, real or complex, of shape (n, ...).
        neighbors: how many sites, the nearest, each point takes, all by default. Where other sites
            become the nearest the function jumps; which ones they are counts as a constant. Then
            there is one system for each point, and no n^3.
        smoothing: a number, or one for each site, of shape (n,): 0 for an interpolant.
        kernel: of r, ``epsilon`` times a distance: ``"linear"``: -r, ``"thin_plate_spline"``:
            r^2 log r, ``"cubic"``: r^3, ``"quintic"``: -r^5, ``"multiquadric"``: -sqrt(1 + r^2),
            ``"inverse_multiquadric"``: 1 / sqrt(1 + r^2), ``"inverse_quadratic"``: 1 / (1 + r^2),
            ``"gaussian"``: exp(-r^2).
        epsilon: a number or a scalar tensor, to be given for the last four.
        degree: of the polynomial that is added; -1 for none. By default the least with which
            there is one interpolant, at least 0.

    Raises:
        ValueError: the shapes do not fit, too few sites for the degree, another kernel, or no
            ``epsilon``.
        numpy.linalg.LinAlgError: there is no such interpolant, or more than one.

    Warns:
        UserWarning: the degree is below the one that the kernel asks for.

    See G. Fasshauer, Meshfree Approximation Methods with Matlab, 2007.

    >>> sites = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> plane = pa.interpolate.RBFInterpolator(sites, [0.0, 1.0, 2.0, 3.0])
    >>> plane([[0.5, 0.25]]).numpy().round(12).tolist()
    [1.0]
    """

    def __init__(
        self,
        y: Any,
        d: Any,
        neighbors: int | None = None,
        smoothing: Any = 0.0,
        kernel: str = "thin_plate_spline",
        epsilon: Any = None,
        degree: int | None = None,
    ) -> None:
        name = kernel.lower()
        if name not in _SMOOTH and name not in _SINGULAR:
            kernels = ", ".join((*_SINGULAR, *_SMOOTH))
            raise ValueError(f"[{_OP}] kernel {kernel!r} is none of {kernels}")
        if epsilon is None and name in _SMOOTH:
            raise ValueError(f"[{_OP}] kernel {name} needs epsilon")
        scale = real(_OP, "epsilon", 1.0 if epsilon is None else epsilon)
        sites, values, noise, scale = together(
            real(_OP, "y", y), wide(d), real(_OP, "smoothing", smoothing), scale
        )
        if sites.ndim != 2:
            raise ValueError(f"[{_OP}] y must have 2 dimensions, got shape {sites.shape}")
        count, dimensions = sites.shape
        if values.ndim == 0 or values.shape[0] != count:
            raise ValueError(f"[{_OP}] d of shape {values.shape} does not hold {count} values")
        if noise.shape not in ((), (count,)) or scale.ndim:
            raise ValueError(
                f"[{_OP}] smoothing of shape {noise.shape} and epsilon of shape {scale.shape} are "
                f"no scalars, nor is smoothing of shape ({count},)"
            )
        self.y, self.d, self.epsilon = sites, values, scale
        self.smoothing = _core.broadcast_to(noise, (count,))
        self.kernel = name
        self.powers = _powers(dimensions, _degree(name, degree))
        self.neighbors = None if neighbors is None else min(operator.index(neighbors), count)
        used = count if self.neighbors is None else self.neighbors
        if len(self.powers) > used or used < 1:
            raise ValueError(
                f"[{_OP}] a polynomial of {len(self.powers)} terms needs as many sites, not {used}"
            )
        if self.neighbors is None:
            self._coefficients = self._solved(sites, values, self.smoothing, scale)

    def _solved(self, y: Tensor, d: Tensor, noise: Tensor, epsilon: Tensor) -> Tensor:
        count, terms = y.shape[0], len(self.powers)
        left = self._columns(y, y, epsilon)
        eye = _core.eye(count, device=noise.device) * noise
        left = left + _core.concat([eye, _core.zeros((count, terms), device=noise.device)], 1)
        below = _core.zeros((terms, terms), device=noise.device)
        below = _core.concat([_core.matrix_transpose(left[:, count:]), below], 1)
        right = _core.reshape(d, (count, -1))
        zeros = _core.zeros((terms, right.shape[1]), right.dtype, device=right.device)
        return _core.linalg_solve(_core.concat([left, below]), _core.concat([right, zeros]))

    def _columns(self, points: Tensor, sites: Tensor, epsilon: Tensor) -> Tensor:
        """The kernel between points and sites, then the terms of the polynomial."""
        apart = points[:, None] - sites
        square = _core.sum(apart**2, axis=-1) * epsilon**2
        if self.kernel in _SMOOTH:
            kernel = _SMOOTH[self.kernel](square)
        else:
            none = _core.equal(square, 0.0)
            kernel = _SINGULAR[self.kernel](_core.where(none, 1.0, square))
            kernel = _core.where(none, 0.0, kernel)
        if not self.powers:
            return kernel
        # Whatever these are, the polynomials are the same: constants for derivatives.
        plain = sites.detach()
        low, high = _core.min(plain, axis=0), _core.max(plain, axis=0)
        half = (high - low) / 2
        near = (points - (low + high) / 2) / _core.where(_core.equal(half, 0.0), 1.0, half)
        terms = [self._term(near, power) for power in self.powers]
        return _core.concat([kernel, _core.stack(terms, -1)], 1)

    @staticmethod
    def _term(x: Tensor, powers: tuple[int, ...]) -> Tensor:
        term = _core.ones_like(x[:, 0])
        for i, power in enumerate(powers):
            if power:
                term = term * x[:, i] ** power
        return term

    def __call__(self, x: Any) -> Tensor:
        """The values at points.

        Args:
            x: the points, of shape (m, d).

        Returns:
            A tensor of shape (m, ...).

        Raises:
            ValueError: points of another shape, or complex ones.
        """
        (points,) = together(real(_OP, "x", x), self.y)[:1]
        if points.ndim != 2 or points.shape[1] != self.y.shape[1]:
            raise ValueError(
                f"[{_OP}] points of shape {points.shape}, expected (m, {self.y.shape[1]})"
            )
        found = self._of_all(points) if self.neighbors is None else self._of_nearest(points)
        return _core.reshape(found, (points.shape[0], *self.d.shape[1:]))

    def _of_all(self, points: Tensor) -> Tensor:
        return self._sum(*together(points, self.y, self.epsilon, self._coefficients))

    def _sum(self, points: Tensor, sites: Tensor, epsilon: Tensor, c: Tensor) -> Tensor:
        columns = _core.astype(self._columns(points, sites, epsilon), c.dtype, copy=False)
        return _core.matmul(columns, c)

    def _of_nearest(self, points: Tensor) -> Tensor:
        given = together(points, self.y, self.d, self.smoothing, self.epsilon)
        points, (sites, values, noise, epsilon) = given[0], given[1:]

        def of_one(point: Tensor, near: Tensor) -> Tensor:
            y, d, s = (_core.take(x, near, axis=0) for x in (sites, values, noise))
            return self._sum(point[None], y, epsilon, self._solved(y, d, s, epsilon))[0]

        assert self.neighbors is not None
        step = max(_MOST_DIFFERENCES // max(sites.size, 1), 1)
        parts = []
        for start in range(0, max(points.shape[0], 1), step):
            part = points[start : start + step]
            square = _core.sum((part[:, None] - sites).detach() ** 2, axis=-1)
            near = _core.topk(square, self.neighbors, largest=False)[1]
            parts.append(func.vmap(of_one)(part, near))
        return parts[0] if len(parts) == 1 else _core.concat(parts)


def _degree(kernel: str, degree: int | None) -> int:
    least = _LEAST_DEGREES.get(kernel, -1)
    if degree is None:
        return max(least, 0)
    if degree < -1:
        raise ValueError(f"[{_OP}] degree must be at least -1, got {degree}")
    if -1 < degree < least:
        warnings.warn(
            f"[{_OP}] kernel {kernel} asks for a degree of at least {least}, or of -1: the "
            "interpolant may not be the only one",
            stacklevel=3,
        )
    return degree


def _powers(dimensions: int, degree: int) -> list[tuple[int, ...]]:
    """The exponents of each term of a polynomial."""
    chosen = (
        variables
        for total in range(degree + 1)
        for variables in itertools.combinations_with_replacement(range(dimensions), total)
    )
    return [
        tuple(np.bincount(v, minlength=dimensions).tolist()) if v else (0,) * dimensions
        for v in chosen
    ]
