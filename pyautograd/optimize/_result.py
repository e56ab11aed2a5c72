"""What the optimisers return, and what they say while they run."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._flat import Array
from .._planner._memory import free_bytes, written
from .._points import Points, warn_of_lost_derivative
from .._scipy import scipy_module
from ._sparse import sparse_derivatives

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Unknowns from which Hessians are sparse where that pays
SPARSE_FROM = 500
# Dense matrices that are alive while one is made
_COPIES = 3

try:
    OptimizeResult: Any = scipy_module("optimize", "optimize").OptimizeResult
except ImportError:
    OptimizeResult = dict


class Result(OptimizeResult):  # type: ignore[misc]
    """SciPy's ``OptimizeResult`` with ``x`` as a tree of tensors, ``x_flat`` as the flat solution.

    ``hessian`` and ``covariance`` are computed when first read, or when the result is pickled or
    copied, as a function may not be; SciPy's operators, which hold functions, are left out then.

    >>> result = pa.optimize.minimize(lambda p: (p["a"] - 1) ** 2 + p["b"] ** 2, {"a": 0., "b": 1.})
    >>> result.success, round(result.x["a"].item(), 6), result.covariance.round(6).tolist()
    (True, 1.0, [[0.5, 0.0], [0.0, 0.5]])
    """

    @property
    def hessian(self) -> Any:
        """The exact Hessian of the objective at the solution, as a matrix over ``x_flat``.

        A ``scipy.sparse.csr_array`` if sparse Hessians were asked for, or from 500 unknowns where
        few products give all of it and no dense matrix was asked for.

        Raises:
            MemoryError: it is dense and larger than the memory that is free.
        """
        if "_hessian" not in self:
            self["_hessian"] = self["_evaluate_hessian"]()
        return self["_hessian"]

    @property
    def covariance(self) -> Array:
        """The inverse of the Hessian; for least squares times the variance of the residuals.

        For a negative log-likelihood this is the usual estimate of the covariance of the maximum
        likelihood estimate. It does not know of bounds and constraints.

        Raises:
            numpy.linalg.LinAlgError: the Hessian is singular or not positive definite.
            MemoryError: the matrix is larger than the memory that is free.
        """
        given = self.hessian
        check_room("a covariance", given.shape[0])
        h = given if isinstance(given, np.ndarray) else given.toarray()
        if not np.isfinite(h).all():
            raise np.linalg.LinAlgError("[optimize] the Hessian at the solution is not finite")
        smallest, largest = np.linalg.eigvalsh(h)[[0, -1]] if h.size else (1.0, 1.0)
        if smallest <= np.finfo(float).eps * len(h) * abs(largest):
            raise np.linalg.LinAlgError(
                f"[optimize] no covariance: the Hessian at the solution is not positive definite, "
                f"its smallest eigenvalue is {smallest:.3g} and its largest {largest:.3g}"
            )
        inverse = np.linalg.inv(h) * self["_variance"]()
        covariance: Array = (inverse + inverse.T) / 2
        return covariance

    def __reduce__(self) -> tuple[Any, ...]:
        operator = scipy_module("optimize", "sparse.linalg").LinearOperator
        items = {k: v for k, v in self.items() if not isinstance(v, operator)}
        items["_evaluate_hessian"] = _Known(lambda: self.hessian)
        items["_variance"] = _Known(self["_variance"])
        return _restored, (items,)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(k for k in self if not k.startswith("_"))})

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.items() if not k.startswith("_")}
        return repr(OptimizeResult(shown))


class _Known:
    """What a function without arguments returns or raises, without the function."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._value, self._error = None, None
        try:
            self._value = call()
        except (ArithmeticError, MemoryError, ValueError) as error:
            self._error = error

    def __call__(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


def _restored(items: dict[str, Any]) -> Result:
    return Result(items)


def evaluated_hessian(
    points: Points, x: Array, kind: str = "auto"
) -> Array | csr_array[Any, tuple[int, int]]:
    """Dense for ``"matrix"``, sparse for ``"sparse"``, and else sparse where that pays."""
    derivatives = sparse_derivatives(points, bounded=kind != "sparse")
    if kind == "sparse" or (
        kind != "matrix" and points.layout.size >= SPARSE_FROM and derivatives.hessian_pays(x)
    ):
        return derivatives.hessian(x)
    check_room("a dense Hessian", points.layout.size)
    return points(x).hessian()


def check_room(what: str, size: int) -> None:
    needed, free = _COPIES * 8 * size**2, free_bytes()
    if needed > free:
        raise MemoryError(
            f"[optimize] {what} of {size} unknowns takes {written(needed)} and "
            f"{written(free)} are free: use products, pa.linop.Hessian"
        )


def make_result(
    op: str,
    found: Any,
    points: Points,
    hessian: Callable[[], Array | csr_array[Any, tuple[int, int]]],
    variance: Callable[[], float] = lambda: 1.0,
) -> Result:
    """SciPy's result with a tree. A failure and a derivative that is lost are warned of."""
    result = Result(found)
    flat = np.asarray(found["x"], dtype=np.float64)
    result.update(x=points.layout.unflatten(flat), x_flat=flat)
    result.update(_evaluate_hessian=hessian, _variance=variance)
    if not found.get("success", True):
        warning = scipy_module(op, "optimize").OptimizeWarning
        text = f"[{op}] did not converge: {found.get('message', 'no reason given')}"
        warnings.warn(text, warning, stacklevel=3)
    if points.captures:
        name = "root" if op == "optimize.root" else "argmin"
        warn_of_lost_derivative(op, f"pa.implicit.{name}", stacklevel=3)
    return result


class Progress:
    """A line on standard error for the iteration; on a terminal it is written over."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._width = 0

    def update(self, iteration: int, value: float | None, slope: float | None) -> None:
        text = f"iteration {iteration:5d}"
        if value is not None:
            text += f"   value {value:.10g}"
        if slope is not None:
            text += f"   gradient {slope:.3e}"
        self._width = max(self._width, len(text))
        line = f"\r{text:<{self._width}}" if self._terminal else f"{text}\n"
        print(line, end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._terminal and self._width:
            print(file=sys.stderr)
