"""curve_fit: least squares with SciPy's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np

from .. import _core, linalg
from .._core import Tensor
from .._flat import Array
from .._places import place_of
from ..func._arguments import check_callable
from ._solve import least_squares

_OP = "optimize.curve_fit"


@overload
def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    *,
    full_output: Literal[False] = False,
    **options: Any,
) -> tuple[Tensor, Array]: ...
@overload
def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    *,
    full_output: Literal[True],
    **options: Any,
) -> tuple[Tensor, Array, dict[str, Any], str, int]: ...
def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    *,
    check_finite: bool = True,
    nan_policy: str | None = None,
    bounds: Any = None,
    method: str | None = None,
    maxfev: int | None = None,
    full_output: bool = False,
    **options: Any,
) -> Any:
    """Fit ``ydata = f(xdata, *params)`` as :func:`scipy.optimize.curve_fit` does, with exact
    derivatives.

    Args:
        f: a function of ``xdata`` and of one tensor for each parameter.
        xdata: handed to ``f`` as it is.
        ydata: a vector.
        p0: the start, one number for each parameter; ones if it is left out. If one of both lies on
            a device, parameters and residuals do.
        sigma: standard deviations of ``ydata``, or their covariance matrix.
        absolute_sigma: whether ``sigma`` is more than relative; otherwise the covariance is
            multiplied by the variance of the weighted residuals.
        check_finite: refuse ``ydata`` that holds nan or infinities.
        nan_policy: ``"omit"`` leaves out data where ``xdata``, an array whose last axis goes along
            ``ydata``, or ``ydata`` is nan; ``"raise"`` and None do not.
        maxfev: the most evaluations of ``f``, ``max_nfev`` of :func:`least_squares`.
        full_output: return five values, as SciPy does.
        bounds, method, options: as in :func:`least_squares`; without bounds ``"lm"``, if there are
            as many data as parameters.

    Returns:
        ``(params, covariance)``, a tensor and an array. The covariance is the inverse of ``J.T J``,
        infinite where that is singular. For named parameters or the exact Hessian take
        :func:`least_squares`. With ``full_output`` a dict of ``nfev`` and ``fvec``, the weighted
        residuals, the message and a status follow.

    Raises:
        TypeError: ``f`` does not say how many parameters it takes, and there is no ``p0``.
        ValueError: ``ydata`` is empty or not finite, ``sigma`` has another shape, an unknown
            ``nan_policy``, or what :func:`least_squares` raises.
        RuntimeError: no solution was found.
        ImportError: SciPy is missing.

    >>> t = np.linspace(0.0, 2.0, 20)
    >>> p, cov = pa.optimize.curve_fit(lambda t, a, b: a * np.exp(-b * t), t, 3 * np.exp(-2 * t))
    >>> p.numpy().round(6), cov.shape
    (array([3., 2.]), (2, 2))
    """
    check_callable(_OP, f)
    device = place_of([x for x in (ydata, p0) if isinstance(x, Tensor)])
    numbers = [1.0] * _parameters(f) if p0 is None else p0
    data = _numbers(ydata).reshape(-1)
    if nan_policy not in (None, "raise", "omit"):
        raise ValueError(f"[{_OP}] unknown nan_policy {nan_policy!r}: expected 'raise' or 'omit'")
    if nan_policy == "omit":
        xdata, data, sigma = _without_nan(xdata, data, sigma)
    if not data.size:
        raise ValueError(f"[{_OP}] ydata is empty")
    if check_finite and not np.isfinite(data).all():
        raise ValueError(f"[{_OP}] ydata is not finite: nan_policy='omit' leaves out what is nan")
    y, start = _vector(data, device), _vector(numbers, device)
    weigh = _weights(sigma, y)

    def residuals(p: Tensor) -> Tensor:
        return weigh(_core.asarray(f(xdata, *_core.unstack(p))) - y)

    if method is None:
        method = "lm" if bounds is None and y.size >= start.size else "trf"
    if maxfev is not None:
        options["max_nfev"] = maxfev
    result = least_squares(residuals, start, bounds=bounds, method=method, **options)
    if not result.success:
        raise RuntimeError(f"[{_OP}] no parameters were found: {result.message}")
    covariance = _covariance(result, y.size - start.size, absolute_sigma)
    if not full_output:
        return result.x, covariance
    counts = {"nfev": result.nfev, "fvec": result.fun}
    return result.x, covariance, counts, result.message, result.status


def _covariance(result: Any, freedom: int, absolute_sigma: bool) -> Array:
    jacobian = result.jac.toarray() if hasattr(result.jac, "toarray") else np.asarray(result.jac)
    size = jacobian.shape[1]
    # By singular values, which J.T J would square
    _, values, rows = np.linalg.svd(jacobian, full_matrices=False)
    known = values > np.finfo(np.float64).eps * max(jacobian.shape) * values[:1]
    if len(values) < size or not known.all() or (freedom <= 0 and not absolute_sigma):
        return np.full((size, size), np.inf)
    covariance: Array = (rows.T / values**2) @ rows
    return covariance if absolute_sigma else covariance * (2 * result.cost / freedom)


def _without_nan(xdata: Any, y: Array, sigma: Any) -> tuple[Any, Array, Any]:
    kept = ~np.isnan(y)
    if isinstance(xdata, (list, tuple)):
        xdata = np.asarray(xdata)
    if isinstance(xdata, (Tensor, np.ndarray)):
        x = _numbers(xdata)
        kept &= ~np.isnan(x).any(axis=tuple(range(x.ndim - 1)))
        xdata = xdata[..., kept]
    if np.ndim(sigma):
        sigma = _numbers(sigma)[kept]
        sigma = sigma[:, kept] if sigma.ndim == 2 else sigma
    return xdata, y[kept], sigma


def _numbers(given: Any) -> Array:
    return np.asarray(given.to("cpu") if isinstance(given, Tensor) else given, dtype=np.float64)


def _vector(given: Any, device: str) -> Tensor:
    return _core.tensor(_numbers(given).reshape(-1), device=device)


def _parameters(f: Callable[..., Any]) -> int:
    kinds = [p.kind for p in inspect.signature(f).parameters.values()]
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(kinds) < 2 or inspect.Parameter.VAR_POSITIONAL in kinds:
        raise TypeError(f"[{_OP}] the function does not say how many parameters it takes: give p0")
    return sum([kind in plain for kind in kinds]) - 1


def _weights(sigma: Any, y: Tensor) -> Callable[[Tensor], Tensor]:
    if sigma is None:
        return lambda r: r
    spread, size = _core.tensor(_numbers(sigma), device=y.device), y.size
    if spread.shape == (size, size):
        root = linalg.cholesky(spread)
        return lambda r: linalg.solve_triangular(root, r, lower=True)
    if spread.shape not in ((), (size,)):
        raise ValueError(
            f"[{_OP}] sigma has shape {spread.shape}: expected ({size},) or ({size}, {size})"
        )
    return lambda r: r / spread
