"""root, fixed_point and argmin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from .. import _core, func
from .._captured import Captured
from .._core import Tensor
from .._flat import Array, Layout
from .._places import place_of
from ..func._arguments import check_callable
from ..tree import TreeDef, flatten, flatten_like, unflatten
from . import _loops, _newton, _together
from ._equations import Find, FindRows, Loop, Mapped, Nonlinear, Solution
from ._steps import Every, Method, to_fixed_point, to_minimum, to_root

if TYPE_CHECKING:
    from .._typing import Leaf, Tree

# In the place of the tensors among other parameters
_TENSOR = object()
# (function of x alone, start) -> solution
Solver = Callable[[Callable[[Any], Any], Any], Any]


@overload
def root(
    f: Callable[..., Any],
    x0: Leaf,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Tensor: ...
@overload
def root(
    f: Callable[..., Any],
    x0: Tree,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Tree: ...
@overload
def root(
    f: Callable[..., Any],
    x0: Any,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Any: ...
def root(
    f: Callable[..., Any],
    x0: Any,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Any:
    """The root ``x`` of ``f(x, *theta)`` as a differentiable function of ``theta``.

    Args:
        f: a function of a tensor or a tree ``x`` and the parameters that returns a tensor or a tree
            with as many elements in all as ``x``. A tensor to differentiate by must come in as a
            parameter.
        x0: the start, of floating dtype; the result has its structure and does not depend on it.
        *theta: the parameters, trees of tensors, or anything else, which is passed on.
        solver: a function ``solver(g, x0)`` that returns a root of ``g(x) = f(x, *theta)``, for
            example ``lambda g, x0: pa.optimize.root(g, x0).x``. By default a damped Newton method.
        linear: how derivatives solve with the Jacobian: ``"dense"``, or ``"iterative"``: GMRES on
            products (needs SciPy), for many unknowns.

    Returns:
        The root. Under ``vmap`` Newton's method takes the steps of all entries together; with a
        ``solver``, or if ``f`` looks at values, every entry is solved by itself.

    Raises:
        TypeError: ``x0`` is not floating-point.
        ValueError: ``f`` returns another number of values, or an unknown ``linear``.
        RuntimeError: the solver did not converge, or ``f`` uses a differentiable tensor that is not
            one of its arguments.
        numpy.linalg.LinAlgError: the Jacobian at the root is singular, when differentiated.

    >>> def intersection(r):
    ...     circle_and_line = lambda p, r: (p[0]**2 + p[1]**2 - r**2, p[0] - p[1])
    ...     return pa.implicit.root(circle_and_line, pa.ones(2), r)
    >>> pa.func.jacrev(intersection)(2.0).numpy().round(6)
    array([0.707107, 0.707107])
    """
    problem, given = _Problem.of("implicit.root", f, x0, theta, solver)

    method = partial(to_root, problem.on_host(problem.flat), problem.eps)
    return problem.solution(given, problem.flat, _NEWTON, method, linear)


@overload
def fixed_point(
    f: Callable[..., Any],
    x0: Leaf,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Tensor: ...
@overload
def fixed_point(
    f: Callable[..., Any],
    x0: Tree,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Tree: ...
@overload
def fixed_point(
    f: Callable[..., Any],
    x0: Any,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Any: ...
def fixed_point(
    f: Callable[..., Any],
    x0: Any,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Any:
    """The fixed point ``x = f(x, *theta)`` as a differentiable function of ``theta``.

    Arguments, result and errors are those of :func:`root`; ``f`` returns the structure of ``x``,
    and a solver gets ``f`` itself. By default ``f`` is iterated until ``x`` stays.

    >>> def kepler(eccentricity, anomaly):
    ...     orbit = lambda x, e, m: m + e * pa.sin(x)
    ...     return pa.implicit.fixed_point(orbit, 0.0, eccentricity, anomaly)
    >>> pa.func.grad(kepler)(0.1, 1.0).item().__round__(6)
    0.929061
    """
    problem, given = _Problem.of("implicit.fixed_point", f, x0, theta, solver)

    def residual(x: Tensor, *values: Tensor) -> Tensor:
        return x - problem.flat(x, *values)

    method = partial(to_fixed_point, problem.on_host(problem.flat), problem.eps)
    return problem.solution(given, residual, _ITERATION, method, linear)


@overload
def argmin(
    f: Callable[..., Any],
    x0: Leaf,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Tensor: ...
@overload
def argmin(
    f: Callable[..., Any],
    x0: Tree,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Tree: ...
@overload
def argmin(
    f: Callable[..., Any],
    x0: Any,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Any: ...
def argmin(
    f: Callable[..., Any],
    x0: Any,
    *theta: Any,
    solver: Solver | None = None,
    linear: str = "dense",
) -> Any:
    """The minimiser of a scalar ``f(x, *theta)`` over ``x`` as a differentiable function of theta.

    Arguments, result and errors are those of :func:`root`; ``f`` returns a scalar tensor. By
    default a damped Newton method finds a local minimum; ``"iterative"`` solves with the Hessian by
    conjugate gradients. The minimum must be strict, with a Hessian of full rank.

    >>> def ridge(strength):
    ...     loss = lambda w, s: pa.sum((w - pa.tensor([1.0, 3.0])) ** 2) + s * pa.sum(w**2)
    ...     return pa.implicit.argmin(loss, pa.zeros(2), strength)
    >>> ridge(1.0).tolist(), pa.func.jacfwd(ridge)(1.0).tolist()
    ([0.5, 1.5], [-0.25, -0.75])
    """
    problem, given = _Problem.of("implicit.argmin", f, x0, theta, solver)
    method = partial(to_minimum, problem.on_host(problem.scalar), problem.eps)
    gradient = func.grad(problem.scalar)
    return problem.solution(given, gradient, _NEWTON, method, linear, symmetric=True)


class _Solvers(NamedTuple):
    alone: Callable[[str, Method, Tensor, Sequence[Tensor]], Tensor]
    # Rows of unknowns, and which are solutions
    together: Callable[[Method, Array, Sequence[Tensor]], tuple[Array, Array]]
    # Both of these, among the ops of a captured call
    looped: Callable[[Method, Tensor, Sequence[Tensor]], _loops.Found]


_NEWTON = _Solvers(_newton.newton, _together.newton, _loops.newton)
_ITERATION = _Solvers(_newton.iterate, _together.iterate, _loops.iterate)


class Given(NamedTuple):
    """The tensors of one call: a captured one has others each time."""

    start: list[Tensor]
    tensors: list[Tensor]


class _Problem:
    """The user's function of trees as a function of a flat vector and the tensors among theta."""

    def __init__(
        self,
        op: str,
        f: Callable[..., Any],
        layout: Layout,
        theta: tuple[TreeDef, list[Any]],
        solver: Solver | None,
        device: str,
    ) -> None:
        self.op, self.layout = op, layout
        self._f, self._solver, self._device = f, solver, device
        self._structure, self._others = theta
        self._places = [i for i, t in enumerate(self._others) if t is _TENSOR]
        self.layout.devices = [device] * len(self.layout.leaves)
        self.eps = float(np.finfo(self.layout.dtype).eps)

    @classmethod
    def of(
        cls,
        op: str,
        f: Callable[..., Any],
        x0: Any,
        theta: tuple[Any, ...],
        solver: Solver | None,
    ) -> tuple[_Problem, Given]:
        check_callable(op, f)
        layout, start = Layout.of(op, x0)
        leaves, structure = flatten(theta)
        tensors = [t for t in leaves if type(t) is Tensor]
        others = [_TENSOR if type(t) is Tensor else t for t in leaves]
        # Numbers to start with go along with parameters on a device; the solvers run on the host.
        device = place_of([*start, *tensors])
        problem = cls(op, f, layout, (structure, others), solver, device)
        return problem, Given(start, tensors)

    def at(self, x: Any, *values: Tensor) -> Any:
        """The function of a tree and the tensors among theta."""
        return self._f(x, *self._theta(values))

    def _theta(self, values: Sequence[Tensor]) -> tuple[Any, ...]:
        leaves = list(self._others)
        for i, value in zip(self._places, values, strict=True):
            leaves[i] = value
        theta: tuple[Any, ...] = unflatten(self._structure, leaves)
        return theta

    def _tree(self, x: Tensor) -> Any:
        parts = zip(self.layout.slices, self.layout.leaves, strict=True)
        leaves = [_core.reshape(x[part], shape).astype(dtype) for part, (shape, dtype) in parts]
        return unflatten(self.layout.structure, leaves)

    def _vector(self, leaves: Sequence[Tensor]) -> Tensor:
        if not leaves:
            return _core.zeros((0,), dtype=self.layout.dtype, device=self._device)
        flat = [_core.reshape(_core.asarray(y).to(self._device), (-1,)) for y in leaves]
        joined = flat[0] if len(flat) == 1 else _core.concat(flat)
        return joined.astype(self.layout.dtype)

    def flat(self, x: Tensor, *values: Tensor) -> Tensor:
        y = self._vector(flatten(self.at(self._tree(x), *values))[0])
        if y.shape != x.shape:
            raise ValueError(
                f"[{self.op}] the function returns {y.size} values for {x.size} unknowns"
            )
        return y

    def scalar(self, x: Tensor, *values: Tensor) -> Tensor:
        y: Tensor = self.at(self._tree(x), *values)
        return y

    def on_host(self, f: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """A function of a float64 vector on the host, which the solvers compute with."""

        def moved(x: Tensor, *values: Tensor) -> Tensor:
            y = f(x.astype(self.layout.dtype).to(self._device), *values)
            return y.to("cpu").astype(np.float64)

        return moved

    def _users(self, start: Tensor, theta: Sequence[Tensor]) -> Tensor:
        """What the solver that was passed finds."""
        assert self._solver is not None
        structure = self.layout.structure
        x0 = unflatten(structure, self.layout.split(start.to("cpu").numpy()))
        found = self._solver(lambda x: self.at(x, *theta), x0)
        leaves = flatten_like(structure, found, self.op, "what the solver returned")
        x = self._vector([_core.asarray(y).detach() for y in leaves])
        if x.shape != start.shape:
            raise ValueError(
                f"[{self.op}] the solver returned {x.size} values for {start.size} unknowns"
            )
        return x

    def solution(
        self,
        given: Given,
        residual: Callable[..., Tensor],
        solvers: _Solvers,
        method: Callable[[Every], Method],
        linear: str,
        symmetric: bool = False,
    ) -> Any:
        if linear not in ("dense", "iterative"):
            raise ValueError(
                f"[{self.op}] unknown linear {linear!r}: expected 'dense' or 'iterative'"
            )

        def prepared(every: Every, captured: bool) -> Method:
            return method(every).through(Captured) if captured else method(every)

        def finder(captured: bool) -> Find:
            if self._solver is not None:
                return self._users
            used = prepared(lambda f: f, captured)

            def find(start: Tensor, theta: Sequence[Tensor]) -> Tensor:
                x = solvers.alone(self.op, used, start.to("cpu").astype(np.float64), theta)
                return x.astype(start.dtype).to(start.device)

            return find

        def rows_finder(many: Mapped, captured: bool) -> FindRows:
            used = prepared(lambda f: many.mapped(f, 1), captured)

            def find(start: Tensor, theta: Sequence[Tensor]) -> tuple[Array, Array]:
                return solvers.together(used, start.to("cpu").numpy().astype(np.float64), theta)

            return find

        def loop(every: Every) -> Loop:
            used = method(every)

            def find(start: Tensor, theta: Sequence[Tensor]) -> _loops.Found:
                found = solvers.looped(used, start.astype(np.float64), theta)
                return found and (found[0].astype(start.dtype), found[1])

            return find

        equation = Nonlinear(
            self.op,
            residual,
            finder,
            dense=linear == "dense",
            symmetric=symmetric,
            together=rows_finder if self._solver is None else None,
            loop=loop if self._solver is None else None,
        )
        x = Solution.apply(equation, self._vector(given.start), *given.tensors)
        return self._tree(x)
