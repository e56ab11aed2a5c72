"""One step of each method, as a function of the unknowns and of what else they depend on.

A step is written in ops, so that it can be a captured call, and for one vector of unknowns or one
in each row of a matrix. What depends on the user's function goes through ``every``, which maps it
over the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from .. import _core, derivatives, linalg
from .._core import Tensor

# Of unknowns, float64 and on the host, and of theta
Function: TypeAlias = Callable[..., Any]
Every: TypeAlias = Callable[[Function], Function]
Step: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Method(NamedTuple):
    """A method's step, and its merit alone, which is to fall.

    A step returns the direction in which it goes, its end, and three numbers for each row: the
    merit, and the largest elements of the direction and of the unknowns.
    """

    step: Callable[..., Step]
    merit: Callable[..., Tensor]
    what: str
    eps: float

    def through(self, change: Every) -> Method:
        """The same by changed functions."""
        return self._replace(step=change(self.step), merit=change(self.merit))


def to_root(residual: Function, eps: float, every: Every) -> Method:
    """Newton's method."""

    def terms(x: Tensor, *theta: Tensor) -> tuple[Tensor, Tensor]:
        def twice(x: Tensor) -> tuple[Tensor, Tensor]:
            r = residual(x, *theta)
            return r, r

        jacobian, r = derivatives.jacobian(twice, x, has_aux=True)
        return r, jacobian

    terms, residuals = every(terms), every(residual)

    def step(x: Tensor, *theta: Tensor) -> Step:
        r, jacobian = terms(x, *theta)
        return _towards(x, -linalg.solve(jacobian, r[..., None])[..., 0], _norm(r))

    return Method(step, lambda x, *theta: _norm(residuals(x, *theta)), "residual norm", eps)


def to_minimum(value: Function, eps: float, every: Every) -> Method:
    """Newton's method with the absolute values of the Hessian's eigenvalues.

    Saddles repel it (Y. Dauphin et al., Identifying and attacking the saddle point problem, 2014):
    where the curvature is negative it goes some way even if there is no slope.
    """
    off = 10.0 * eps**0.25  # farther than what may be the last step

    def terms(x: Tensor, *theta: Tensor) -> Any:
        return derivatives.value_grad_hessian(lambda x: value(x, *theta), x)

    terms, values = every(terms), every(value)

    def step(x: Tensor, *theta: Tensor) -> Step:
        y, g, hessian = terms(x, *theta)
        curvatures, vectors = linalg.eigh((hessian + hessian.mT) / 2)
        largest = _largest(curvatures)[..., None]
        size = _core.maximum(_core.absolute(curvatures), eps * largest)
        # Without curvature, as of a linear function, down the gradient as it is
        size = _core.where(size > 1e-300, size, 1.0)
        along = (vectors.mT @ g[..., None])[..., 0] / size
        way = _core.maximum(_core.absolute(along), off * _core.maximum(_largest(x), 1.0)[..., None])
        along = _core.where(curvatures < -(eps**0.5) * largest, _core.copysign(way, along), along)
        return _towards(x, -(vectors @ along[..., None])[..., 0], y)

    return Method(step, values, "value", eps)


def to_fixed_point(f: Function, eps: float, every: Every) -> Method:
    """x <- f(x)."""
    values = every(f)

    def step(x: Tensor, *theta: Tensor) -> Step:
        y = values(x, *theta)
        change = y - x
        length = _largest(change)
        return change, y, length, length, _largest(y)

    return Method(step, lambda x, *theta: _largest(values(x, *theta) - x), "change", eps)


def _towards(x: Tensor, direction: Tensor, merit: Tensor) -> Step:
    return direction, x + direction, merit, _largest(direction), _largest(x)


def _norm(r: Tensor) -> Tensor:
    return linalg.vector_norm(r, axis=-1)


def _largest(x: Tensor) -> Tensor:
    return _core.max(_core.absolute(x), axis=-1, initial=0.0)
