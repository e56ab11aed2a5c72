"""Functions for callers that want NumPy arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import tree
from .._core import Tensor
from ._arguments import check_callable


def as_numpy(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function with NumPy arrays, and NumPy scalars, for the tensors in its result.

    Compiled code looks for arrays: SciPy's ``L-BFGS-B``, ``SLSQP``, ``TNC`` and ``solve_ivp``, and
    the solvers of other packages. What else the result holds, and the arguments, stay as they are.

    Raises:
        TypeError: ``f`` is no function.
        RuntimeError: a result is part of a recorded graph, whose derivative would be lost.

    >>> from scipy.optimize import minimize
    >>> f = lambda x: pa.sum((x - 1.0) ** 4)
    >>> slope = pa.func.as_numpy(pa.func.value_and_grad(f))
    >>> bool(minimize(slope, np.zeros(3), jac=True, method="L-BFGS-B").fun < 1e-6)
    True
    """
    check_callable("as_numpy", f)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        return tree.map(_array, f(*args, **kwargs))

    return call


def _array(x: Any) -> Any:
    return x.numpy()[()] if isinstance(x, Tensor) else x
