"""minimize: objectives and constraints with exact derivatives for scipy.optimize.minimize."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._core import Tensor
from .._flat import Array, Layout
from .._points import Points
from .._scipy import scipy_module
from ..func._arguments import check_callable
from ..tree import broadcast_prefix
from ._result import SPARSE_FROM, Progress, Result, evaluated_hessian, make_result
from ._sparse import sparse_derivatives
from ._start import bound, points_of, prepare

_OP = "optimize.minimize"
# What SciPy's methods read
_FIRST = {"cg", "bfgs", "l-bfgs-b", "tnc", "slsqp"}
_SECOND = {"newton-cg", "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "trust-constr"}
_TAKE_SPARSE = {"newton-cg", "trust-constr"}
_NEED_MATRIX = {"trust-exact", "dogleg"}
_NONE = {"nelder-mead", "powell", "cobyla", "cobyqa"}
_TAKE_CONSTRAINTS = {"trust-constr", "slsqp", "cobyla", "cobyqa"}
_TAKE_BOUNDS = _TAKE_CONSTRAINTS | {"l-bfgs-b", "tnc", "nelder-mead", "powell"}
# These begin where they are told to, others at the bounds
_CLIP = {"nelder-mead", "powell"}
# Unknowns up to which a dense matrix is cheaper than its products, and than being sparse
_DENSE = SPARSE_FROM
# The same for Jacobians of constraints where SciPy joins to them unit vectors for bounds or for the
# slacks of inequalities, and factorises what is joined
_DENSE_WHERE_JOINED = 50


def minimize(
    f: Callable[..., Any],
    x0: Any,
    *,
    args: Any = (),
    method: str | None = None,
    bounds: Any = None,
    constraints: Any = (),
    hessian: str = "auto",
    tol: float | None = None,
    options: dict[str, Any] | None = None,
    callback: Callable[[Any], Any] | None = None,
    progress: bool = False,
    captured: bool = False,
) -> Result:
    """Minimise a scalar function of tensors with :func:`scipy.optimize.minimize`.

    Value, gradient and Hessian (or its products) at a point come from one recorded evaluation. From
    500 unknowns the Hessian is handed over as a sparse array where few products give all of it, and
    ``"trust-constr"`` gets sparse Jacobians and Hessians of constraints that are sparse (Jacobians
    from 50, beside inequalities and bounds): see :mod:`pyautograd.sparse`. Patterns are detected at
    ``x0``, compared with one product at every other point, and detected anew where ``f`` has taken
    another branch.

    Args:
        f: a function of a tensor or a tree of them that returns a scalar tensor.
        x0: the start, a tensor, an array, a number or a tree of them. A list of numbers is a
            vector, and integers become float64, as in SciPy, which works in float64; otherwise
            ``f`` sees the containers and dtypes of ``x0``.
        args: a tuple of what ``f`` takes behind ``x``; it is passed on as it is.
        method: a method of SciPy's. By default ``"trust-exact"`` (``"trust-krylov"`` from 500
            unknowns, and with a sparse Hessian or products with it); with bounds ``"L-BFGS-B"``,
            with constraints ``"trust-constr"``.
        bounds: a tuple ``(lower, upper)``, each None, a number, or a tree like ``x0`` that may stop
            early; a list or tuple of pairs, one per unknown, which for two unknowns are what
            ``((0, 1), (0, None))`` is, as in SciPy; or a :class:`scipy.optimize.Bounds`.
        constraints: one or several dicts ``{"type": "eq" or "ineq", "fun": c}`` (``c(x) == 0`` or
            ``c(x) >= 0``; ``"args"`` for what ``c`` takes behind ``x``),
            :class:`scipy.optimize.NonlinearConstraint` or ``LinearConstraint``. The functions take
            ``x`` as ``f`` does and return tensors; their Jacobians and, for ``"trust-constr"``,
            their Hessians are exact.
        hessian: ``"matrix"``, ``"sparse"``, ``"products"``, or ``"auto"``: a matrix below 500
            unknowns, and beyond sparse if that pays, else products.
        tol: SciPy's tolerance. Where the method is chosen for you and there are no
            constraints, 1e-6 (1e-4 in single precision).
        options: SciPy's options of the method.
        callback: called after each iteration with a :class:`Result` that has ``x``, ``x_flat``,
            ``fun`` and ``iteration``; it may raise StopIteration to end the run.
        progress: write the iteration, value and gradient norm to standard error.
        captured: write the evaluations down once, as :func:`pyautograd.captured` does, and run them
            at every point: faster where ``f`` is many small ops. ``f`` and the constraints must not
            ask for numbers (``if x > 0``) or draw any, nor change what they do from call to call.

    Returns:
        A :class:`Result`. If SciPy reports a failure, ``success`` is False and a
        :class:`scipy.optimize.OptimizeWarning` is given. Its tensors are constants; a UserWarning
        says so if ``f`` uses a differentiable tensor beside ``x``, which is a matter for
        :func:`pyautograd.implicit.argmin`.

    Raises:
        TypeError: ``x0`` holds no real numbers, or a function does not return tensors.
        ValueError: ``x0`` is empty; ``f`` is not a scalar or not finite there; bounds do not match
            it; an unknown method, one that cannot take the constraints or the kind of Hessian, or a
            malformed constraint.
        RuntimeError: ``captured``, and a function cannot be.
        ImportError: SciPy is missing.

    >>> result = pa.optimize.minimize(
    ...     lambda x: pa.sum(x**2),
    ...     pa.tensor([3.0, 1.0]),
    ...     constraints={"type": "eq", "fun": lambda x: x[0] + x[1] - 1},
    ... )
    >>> result.x.numpy().round(6)
    array([0.5, 0.5])
    """
    optimize = scipy_module(_OP, "optimize")
    f, layout, start = prepare(_OP, f, x0, args)
    constraints = _listed(constraints)
    if method is None and tol is None and not constraints:
        tol = 1e-6 if layout.dtype.itemsize > 4 else 1e-4
    small = layout.size < _DENSE and hessian in ("auto", "matrix")
    method = _choose(method, small, bounds, constraints)
    key = method.lower()
    kind = _hessian_kind(hessian, key, layout.size)
    points = points_of(_OP, f, layout, second=key in _SECOND, captured=captured)
    value = points(start).value()
    if not np.isfinite(value):
        raise ValueError(f"[{_OP}] the function is {value} at x0: start where it is finite")
    arguments: dict[str, Any] = {"method": method, "tol": tol, "options": options}
    if key not in _NONE:
        arguments["jac"] = lambda v: points(v).gradient()
    if key in _SECOND:
        arguments |= _curvature(points, start, kind, key)
    if bounds is not None and key not in _TAKE_BOUNDS:
        warnings.warn(f"[{_OP}] {method} cannot take bounds: they are ignored", stacklevel=2)
    elif bounds is not None:
        lower, upper = flat_bounds(_OP, _pairs_or_sides(bounds, layout), layout)
        arguments["bounds"] = optimize.Bounds(lower, upper)
        inside = np.clip(start, lower, upper)
        if key in _CLIP and not np.array_equal(inside, start):
            text = (
                f"[{_OP}] x0 lies outside the bounds: {method} begins at the nearest point inside"
            )
            warnings.warn(text, optimize.OptimizeWarning, stacklevel=2)
            start = inside
    if constraints:
        joined = bounds is not None or any(map(_has_slacks, constraints))
        least = _DENSE_WHERE_JOINED if joined else _DENSE
        setting = (options or {}).get("sparse_jacobian")
        maker = _ConstraintMaker(
            layout,
            start,
            second=key == "trust-constr",
            sparse=key == "trust-constr" and setting is not False and layout.size >= least,
            kind=kind,
            captured=captured,
        )
        arguments["constraints"] = [maker.make(optimize, c) for c in constraints]
        # With bounds most rows of SciPy's Jacobian are unit vectors.
        if maker.sparse and (maker.found_sparse or bounds is not None):
            arguments["options"] = {**(options or {}), "sparse_jacobian": True}
    watcher = _Watcher(points, callback, progress) if callback or progress else None
    try:
        found = optimize.minimize(
            lambda v: points(v).value(), start, callback=watcher and watcher.report, **arguments
        )
    finally:
        if watcher is not None:
            watcher.close()
    return make_result(
        _OP, found, points, lambda: evaluated_hessian(points, np.asarray(found.x), kind)
    )


def _listed(constraints: Any) -> list[Any]:
    return list(constraints) if isinstance(constraints, (list, tuple)) else [constraints]


def _has_slacks(constraint: Any) -> bool:
    if isinstance(constraint, dict):
        return constraint.get("type") == "ineq"
    lower, upper = getattr(constraint, "lb", 0.0), getattr(constraint, "ub", 0.0)
    return not np.array_equal(lower, upper)


def _choose(method: str | None, small: bool, bounds: Any, constraints: Sequence[Any]) -> str:
    if method is None:
        if constraints:
            return "trust-constr"
        if bounds is not None:
            return "L-BFGS-B"
        return "trust-exact" if small else "trust-krylov"
    known = _FIRST | _SECOND | _NONE
    if not isinstance(method, str) or method.lower() not in known:
        raise ValueError(
            f"[{_OP}] unknown method {method!r}: expected one of {', '.join(sorted(known))}"
        )
    if constraints and method.lower() not in _TAKE_CONSTRAINTS:
        raise ValueError(
            f"[{_OP}] method {method!r} cannot take constraints: use one of "
            f"{', '.join(sorted(_TAKE_CONSTRAINTS))}"
        )
    return method


def _hessian_kind(hessian: str, method: str, size: int) -> str:
    """``"auto"`` where it depends on the function."""
    kinds = ("auto", "matrix", "products", "sparse")
    if hessian not in kinds:
        raise ValueError(f"[{_OP}] unknown hessian {hessian!r}: expected one of {', '.join(kinds)}")
    if hessian in ("products", "sparse") and method in _NEED_MATRIX:
        raise ValueError(f"[{_OP}] method {method!r} needs the Hessian as a dense matrix")
    if hessian == "auto" and (size < _DENSE or method in _NEED_MATRIX):
        return "matrix"
    return hessian


def _curvature(points: Points, start: Array, kind: str, method: str) -> dict[str, Any]:
    """The Hessian of the objective for SciPy."""
    if kind == "matrix":
        return {"hess": lambda v: points(v).hessian()}
    derivatives = sparse_derivatives(points, bounded=kind == "auto")
    if kind == "products" or (kind == "auto" and not derivatives.hessian_pays(start)):
        return {"hessp": lambda v, direction: points(v).product(direction)}
    if method in _TAKE_SPARSE:
        return {"hess": derivatives.hessian}
    return {"hessp": lambda v, direction: derivatives.hessian(v) @ direction}


def _pairs_or_sides(bounds: Any, layout: Layout) -> Any:
    """A list where pairs are meant: two unknowns have as many pairs as sides."""
    if not isinstance(bounds, tuple) or layout.structure.type is not None:
        return bounds
    if len(bounds) != layout.size or not all(_is_pair(part) for part in bounds):
        return bounds
    if layout.size == 2 and any(isinstance(part, list) for part in bounds):
        raise ValueError(
            f"[{_OP}] bounds {bounds!r} of two unknowns are (lower, upper) here and pairs in "
            "SciPy: pass a list of pairs, (lower, upper) as arrays, or scipy.optimize.Bounds"
        )
    return list(bounds)


def _is_pair(part: Any) -> bool:
    return isinstance(part, (list, tuple)) and len(part) == 2


def flat_bounds(op: str, bounds: Any, layout: Layout) -> tuple[Array, Array]:
    """Lower and upper bounds of every unknown."""
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        sides = [np.asarray(bounds.lb, dtype=np.float64), np.asarray(bounds.ub, dtype=np.float64)]
    elif isinstance(bounds, tuple) and len(bounds) == 2:
        sides = [
            _side(op, side, layout, fill) for side, fill in zip(bounds, _INFINITE, strict=True)
        ]
    elif isinstance(bounds, list) and all(len(pair) == 2 for pair in bounds):
        columns = zip(*bounds, strict=True) if bounds else ((), ())
        sides = [
            np.array([fill if v is None else v for v in column], dtype=np.float64)
            for column, fill in zip(columns, _INFINITE, strict=True)
        ]
    else:
        raise ValueError(
            f"[{op}] bounds must be a tuple (lower, upper) of numbers or trees like x0, a list of "
            f"pairs or scipy's Bounds, got {bounds!r}"
        )
    for side in sides:
        if side.ndim and side.shape not in ((1,), (layout.size,)):
            raise ValueError(
                f"[{op}] bounds have shape {side.shape}, expected ({layout.size},): one per unknown"
            )
    lower, upper = (np.broadcast_to(side, (layout.size,)) for side in sides)
    wrong = np.flatnonzero(~(lower <= upper))
    if wrong.size:
        i = wrong[0]
        raise ValueError(f"[{op}] bounds of unknown {i} are {lower[i]} and {upper[i]}")
    return lower, upper


_INFINITE = (-np.inf, np.inf)


def _side(op: str, side: Any, layout: Layout, fill: float) -> Array:
    if layout.structure.type is None and isinstance(side, (list, tuple)):
        side = np.asarray(side, dtype=np.float64)
    values = broadcast_prefix(side, layout.structure, op, "a bound")
    parts = []
    for value, (shape, _) in zip(values, layout.leaves, strict=True):
        array = np.asarray(fill if value is None else value, dtype=np.float64)
        try:
            parts.append(np.broadcast_to(array, shape).reshape(-1))
        except ValueError:
            raise ValueError(
                f"[{op}] a bound of shape {array.shape} does not fit a tensor of shape {shape}"
            ) from None
    return np.concatenate(parts) if parts else np.zeros(0)


class _ConstraintMaker:
    """Makes constraints for SciPy with exact derivatives."""

    def __init__(
        self,
        layout: Layout,
        start: Array,
        *,
        second: bool,
        sparse: bool,
        kind: str,
        captured: bool,
    ) -> None:
        self._layout, self._start, self._captured = layout, start, captured
        self._second, self._kind = second, kind
        self.sparse, self.found_sparse = sparse, False

    def make(self, optimize: Any, given: Any) -> Any:
        if isinstance(given, optimize.LinearConstraint):
            return given
        feasible: Any = False
        if isinstance(given, optimize.NonlinearConstraint):
            function, lower, upper = given.fun, given.lb, given.ub
            feasible = given.keep_feasible
        elif isinstance(given, dict) and given.get("type") in ("eq", "ineq") and "fun" in given:
            function, lower = given["fun"], 0.0
            upper = 0.0 if given["type"] == "eq" else np.inf
        else:
            raise ValueError(
                f"[{_OP}] a constraint is a dict {{'type': 'eq' or 'ineq', 'fun': function}}, a "
                f"NonlinearConstraint or a LinearConstraint, got {given!r}"
            )
        check_callable(_OP, function)
        function = bound(function, given.get("args", ()) if isinstance(given, dict) else ())
        points = points_of(
            f"{_OP}: constraint",
            function,
            self._layout,
            second=self._second,
            captured=self._captured,
        )
        arguments: dict[str, Any] = {"jac": self._jacobian(points)}
        if self._second:
            arguments["hess"] = self._curvature(points)
        return optimize.NonlinearConstraint(
            lambda v: points(v).values(), lower, upper, keep_feasible=feasible, **arguments
        )

    def _jacobian(self, points: Points) -> Callable[[Array], Any]:
        derivatives = sparse_derivatives(points, bounded=True)
        if self.sparse and derivatives.jacobian_pays(self._start):
            self.found_sparse = True
            return derivatives.jacobian
        return lambda v: points(v).jacobian()

    def _curvature(self, points: Points) -> Callable[[Array, Array], Any]:
        if self._kind == "matrix":
            return lambda v, weights: points(v).weighted_hessian(weights)
        derivatives = sparse_derivatives(points, bounded=self._kind == "auto")
        if self._kind == "sparse" or (
            self._kind == "auto" and derivatives.hessian_pays(self._start, weighted=True)
        ):
            return derivatives.weighted_hessian
        operator = scipy_module(_OP, "sparse.linalg").LinearOperator
        size = self._layout.size

        def curvature(v: Array, weights: Array) -> Any:
            multiply = points(v).weighted_product(weights)
            return operator(
                (size, size), matvec=lambda u: multiply(u.reshape(-1)), dtype=np.float64
            )

        return curvature


class _Watcher:
    """Hands every iteration to the user's callback and to the progress line."""

    def __init__(
        self, points: Points, callback: Callable[[Any], Any] | None, progress: bool
    ) -> None:
        self._points, self._callback = points, callback
        self._progress = Progress() if progress else None
        self._iteration = 0

    # SciPy looks at the parameter's name; some methods call it with the vector.
    def report(self, intermediate_result: Any) -> None:
        self._iteration += 1
        state = intermediate_result
        vector = np.array(state if isinstance(state, np.ndarray) else state.x, dtype=np.float64)
        point = self._points(vector)
        value = point.value()
        if self._progress is not None:
            slope = float(np.linalg.norm(point.gradient()))
            self._progress.update(self._iteration, value, slope)
        if self._callback is not None:
            x: Tensor | Any = self._points.layout.unflatten(vector)
            self._callback(Result(x=x, x_flat=vector, fun=value, iteration=self._iteration))

    def close(self) -> None:
        if self._progress is not None:
            self._progress.close()
