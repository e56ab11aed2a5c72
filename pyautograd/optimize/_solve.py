"""root and least_squares with exact Jacobians for SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._flat import Array
from .._points import Points
from .._scipy import scipy_module
from ..tree import flatten
from ._minimize import flat_bounds
from ._result import SPARSE_FROM, Result, evaluated_hessian, make_result
from ._sparse import sparse_derivatives
from ._start import points_of, prepare


def root(
    f: Callable[..., Any],
    x0: Any,
    *,
    args: Any = (),
    method: str = "hybr",
    tol: float | None = None,
    options: dict[str, Any] | None = None,
    captured: bool = False,
) -> Result:
    """Find a root of a function of tensors with :func:`scipy.optimize.root`.

    Args:
        f: a function of a tensor or a tree of them that returns tensors or a tree of them, with as
            many elements in all as ``x``.
        x0: the start, as in :func:`minimize`.
        args: a tuple of what ``f`` takes behind ``x``; it is passed on as it is.
        method: ``"hybr"`` or ``"lm"``, which use the Jacobian, or another of SciPy's.
        tol, options: SciPy's.
        captured: as in :func:`minimize`.

    Returns:
        A :class:`Result`, with ``jacobian`` at the solution. If SciPy reports a failure,
        ``success`` is False and a :class:`scipy.optimize.OptimizeWarning` is given.

    Raises:
        TypeError: ``x0`` holds no real numbers, or ``f`` does not return tensors.
        ValueError: ``f`` returns more or fewer values than there are unknowns.
        ImportError: SciPy is missing.

    >>> result = pa.optimize.root(lambda x: x**3 - pa.tensor([1.0, 8.0]), pa.ones(2))
    >>> result.x.numpy().round(6), result.jacobian.round(6).tolist()
    (array([1., 2.]), [[3.0, 0.0], [0.0, 12.0]])
    """
    op = "optimize.root"
    optimize = scipy_module(op, "optimize")
    f, layout, start = prepare(op, f, x0, args)
    points, size = points_of(op, f, layout, second=False, captured=captured), layout.size
    count = points(start).values().size
    if count != size:
        raise ValueError(
            f"[{op}] the function returns {count} values for {size} unknowns: use least_squares"
        )
    jacobian = {"jac": lambda v: points(v).jacobian()} if method in ("hybr", "lm") else {}
    found = optimize.root(
        lambda v: points(v).values(), start, method=method, tol=tol, options=options, **jacobian
    )

    def no_hessian() -> Array:
        raise ValueError(f"[{op}] a root has no Hessian: see jacobian")

    result = make_result(op, found, points, no_hessian)
    result["jacobian"] = points(result["x_flat"]).jacobian()
    return result


def least_squares(
    f: Callable[..., Any],
    x0: Any,
    *,
    args: Any = (),
    bounds: Any = None,
    method: str = "trf",
    jacobian: str = "auto",
    captured: bool = False,
    **options: Any,
) -> Result:
    """Minimise half the sum of squares of residuals with :func:`scipy.optimize.least_squares`.

    Args:
        f: a function of a tensor or a tree of them that returns the residuals, tensors or a tree.
        x0: the start, as in :func:`minimize`.
        args: a tuple of what ``f`` takes behind ``x``; it is passed on as it is.
        bounds: as in :func:`minimize`, but that two tuples, and for two unknowns two lists, are
            ``(lower, upper)``, as in SciPy.
        method: ``"trf"``, ``"dogbox"`` or ``"lm"``.
        jacobian: ``"matrix"``, ``"sparse"`` (for ``"trf"`` and ``"dogbox"``, which then solve by
            LSMR), or ``"auto"``: from 500 unknowns sparse if that pays and the method takes it.
        captured: as in :func:`minimize`.
        **options: all others of SciPy's function but ``jac``.

    Returns:
        A :class:`Result`. Its ``hessian`` is the exact one of half the sum of squares, second
        derivatives of the residuals included; its ``covariance`` is the inverse of that times the
        residual variance, ``2 cost / (residuals - unknowns)``. Both are for ``loss="linear"``.

    Raises:
        TypeError: ``x0`` holds no real numbers, or ``f`` does not return tensors.
        ValueError: bounds do not match ``x0``; an unknown ``jacobian``, or one that the method
            does not take; what SciPy refuses.
        ImportError: SciPy is missing.

    >>> t = np.arange(5.0)
    >>> result = pa.optimize.least_squares(lambda p: p["a"] * t + p["b"] - (2 * t + 1),
    ...                                    {"a": 0.0, "b": 0.0})
    >>> round(result.x["a"].item(), 6), round(result.x["b"].item(), 6)
    (2.0, 1.0)
    """
    op = "optimize.least_squares"
    optimize = scipy_module(op, "optimize")
    f, layout, start = prepare(op, f, x0, args)
    points = points_of(op, f, layout, second=False, captured=captured)
    if bounds is not None:
        # SciPy's function knows no pairs: what has two parts is the two sides.
        two = isinstance(bounds, list) and len(bounds) == 2
        options["bounds"] = flat_bounds(op, tuple(bounds) if two else bounds, points.layout)
    found = optimize.least_squares(
        lambda v: points(v).values(),
        start,
        jac=_jacobian(op, points, start, jacobian, method, options),
        method=method,
        **options,
    )

    def half_squares(x: Any) -> Any:
        return 0.5 * sum([_core.sum(r**2) for r in flatten(f(x))[0]])

    def hessian() -> Any:
        _check_linear(options)
        return evaluated_hessian(Points(op, half_squares, points.layout, second=True), found.x)

    def variance() -> float:
        freedom = len(found.fun) - points.layout.size
        if freedom <= 0:
            raise np.linalg.LinAlgError(
                f"[{op}] no covariance: {len(found.fun)} residuals for {points.layout.size} "
                "unknowns leave no degree of freedom"
            )
        return float(2 * found.cost / freedom)

    return make_result(op, found, points, hessian, variance)


def _jacobian(
    op: str, points: Points, start: Array, kind: str, method: str, options: dict[str, Any]
) -> Callable[[Array], Any]:
    if kind not in ("auto", "matrix", "sparse"):
        raise ValueError(f"[{op}] unknown jacobian {kind!r}: expected 'auto', 'matrix' or 'sparse'")
    takes_sparse = method != "lm" and options.get("tr_solver") != "exact"
    if kind == "sparse" and not takes_sparse:
        raise ValueError(f"[{op}] a sparse Jacobian needs method 'trf' or 'dogbox' with LSMR")
    derivatives = sparse_derivatives(points, bounded=kind == "auto")
    if kind == "sparse" or (
        kind == "auto"
        and takes_sparse
        and points.layout.size >= SPARSE_FROM
        and derivatives.jacobian_pays(start)
    ):
        return derivatives.jacobian
    return lambda v: points(v).jacobian()


def _check_linear(options: dict[str, Any]) -> None:
    loss = options.get("loss", "linear")
    if loss != "linear":
        raise ValueError(
            f"[optimize.least_squares] hessian and covariance are for loss='linear', not {loss!r}"
        )
