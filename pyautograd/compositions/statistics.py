"""Averages, quantiles and covariances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import floating, normal_axes, not_bool, not_complex, surely

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .._core import TensorLike

__all__: list[str] = []


def average(
    a: TensorLike,
    axis: int | Sequence[int] | None = None,
    weights: TensorLike | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """The mean, weighted: ``sum(a * weights) / sum(weights)``.

    ``weights`` has the shape of ``a``, or that of its axes ``axis``. With ``returned=True`` the sum
    of the weights comes as well, in the shape of the average. Differentiable in both arguments.

    Raises:
        ZeroDivisionError: weights sum to zero; under vmap, where they cannot be looked at, the
            result is nan or infinite.
        TypeError: the shapes differ and there is no ``axis``.
        ValueError: the shape of ``weights`` does not fit.

    >>> pa.average(pa.tensor([1.0, 2.0, 4.0]), weights=[2.0, 1.0, 1.0]).item()
    2.0
    """
    x = floating(a)
    if weights is None:
        result = _core.mean(x, axis, keepdims=keepdims)
        count = x.size / result.size if result.size else math.nan
        return (result, _core.full_like(result, count)) if returned else result
    w = _weights_along(x, axis, _core.asarray(weights))
    products = _core.sum(x * w, axis, keepdims=keepdims)
    total = _core.sum(w, axis, products.dtype, keepdims=keepdims)
    if surely(_core.equal(total, 0)):
        raise ZeroDivisionError("[average] the weights sum to zero: they cannot be normalized")
    result = products / total
    return (result, _core.broadcast_to(total, result.shape)) if returned else result


def _weights_along(x: Tensor, axis: int | Sequence[int] | None, weights: Tensor) -> Tensor:
    if weights.shape == x.shape:
        return weights
    if axis is None:
        raise TypeError(
            f"[average] weights of shape {weights.shape} for an array of shape {x.shape}: "
            "say along which axis"
        )
    axes = normal_axes("average", axis, x.ndim)
    expected = tuple(x.shape[i] for i in axes)
    if weights.shape != expected:
        raise ValueError(
            f"[average] weights of shape {weights.shape} do not fit axis {axis} of an array of "
            f"shape {x.shape}"
        )
    ordered = _core.permute_dims(weights, sorted(range(len(axes)), key=axes.__getitem__))
    return _core.reshape(ordered, [n if i in axes else 1 for i, n in enumerate(x.shape)])


def ptp(
    a: TensorLike, axis: int | Sequence[int] | None = None, *, keepdims: bool = False
) -> Tensor:
    """The range of the values, "peak to peak": the maximum less the minimum.

    Ties share the derivative equally, as in ``max`` and ``min``.

    >>> pa.ptp(pa.tensor([[1.0, 5.0], [2.0, 2.0]]), axis=1).tolist()
    [4.0, 0.0]
    """
    x = not_complex("ptp", not_bool("ptp", a))
    return _core.max(x, axis, keepdims=keepdims) - _core.min(x, axis, keepdims=keepdims)


def cov(
    m: TensorLike,
    y: TensorLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: TensorLike | None = None,
    aweights: TensorLike | None = None,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The covariance matrix of variables: the rows of ``m``, or its columns unless ``rowvar``.

    ``y`` holds further variables. The sum of products is divided by the number of observations
    less ``ddof``, which is 1 unless ``bias``. ``fweights`` are numbers of repetitions, ``aweights``
    importances of the observations. A single variable gives a 0-d variance. The dtype is float64
    unless given. Differentiable in the variables and in ``aweights``, which must not be negative.

    Raises:
        ValueError: more than two dimensions, or negative weights.
        RuntimeError: weights that are no vector, or too few or too many, as in NumPy.
        TypeError: ``fweights`` that are not whole numbers.
        ZeroDivisionError: weights that sum to zero.

    >>> pa.cov(pa.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = _variables("m", m, not rowvar, dtype)
    if y is not None and x.shape[0] > 0:
        columns = not rowvar and _core.atleast_2d(y).shape[0] != 1
        x = _core.concat([x, _variables("y", y, columns, dtype)])
    if ddof is None:
        ddof = 0 if bias else 1
    if ddof != int(ddof):
        raise ValueError(f"[cov] ddof must be an integer, not {ddof}")
    weights = _observation_weights(x.shape[1], fweights, aweights)
    if weights is None:
        centred = x - _core.mean(x, 1, keepdims=True)
        count: Any = max(x.shape[1] - ddof, 0)
        products = _core.matmul(centred, _core.conj(centred).mT)
    else:
        centred = x - average(x, 1, weights, keepdims=True)
        total = _core.sum(weights)
        excess = 1 if aweights is None else _core.sum(_core.multiply(weights, aweights)) / total
        count = _core.maximum(total - ddof * excess, 0)
        products = _core.matmul(centred, _core.conj(centred * weights).mT)
    return _core.squeeze(products / count)


def _variables(name: str, given: Any, columns: bool, dtype: Any) -> Tensor:
    x = _core.asarray(given)
    if x.ndim > 2:
        raise ValueError(f"[cov] {name} has more than 2 dimensions: shape {x.shape}")
    x = _core.astype(x, np.promote_types(x.dtype, np.float64) if dtype is None else dtype)
    return x.mT if x.ndim == 2 and columns else _core.atleast_2d(x)


def _observation_weights(count: int, fweights: Any, aweights: Any) -> Tensor | None:
    result = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        w = not_complex("cov", given)
        if name == "fweights" and surely(_core.not_equal(w, _core.trunc(w))):
            raise TypeError("[cov] fweights must be whole numbers")
        if w.ndim != 1 or w.shape[0] != count:
            raise RuntimeError(f"[cov] {name} of shape {w.shape} do not fit {count} observations")
        if surely(_core.less(w, 0)):
            raise ValueError(f"[cov] {name} must not be negative")
        w = _core.astype(w, np.float64, copy=False)
        result = w if result is None else result * w
    return result


def corrcoef(
    x: TensorLike,
    y: TensorLike | None = None,
    rowvar: bool = True,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The correlation coefficients of variables: their covariances in units of their deviations.

    The arguments are those of :func:`cov`. Values are clipped to [-1, 1], derivatives are not: a
    perfect correlation has the curvature of its formula. A constant variable gives nan, with
    derivative 0.

    >>> pa.corrcoef(pa.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    covariance = cov(x, y, rowvar, dtype=dtype)
    if covariance.ndim == 0:
        constant = _core.equal(covariance, 0.0)
        variance = _core.where(constant, 1.0, covariance)
        return _core.where(constant, np.nan, variance / variance)
    variance = _core.real(_core.diagonal(covariance))
    constant = _core.equal(variance, 0.0)
    deviation = _core.where(constant, 1.0, _core.sqrt(variance))
    result = covariance / deviation[:, np.newaxis] / deviation
    result = result + (_within_one(result) - result).detach()
    return _core.where(_core.logical_or(constant[:, np.newaxis], constant), np.nan, result)


def _within_one(x: Tensor) -> Tensor:
    if x.dtype.kind != "c":
        return _core.clip(x, -1, 1)
    return _core.clip(_core.real(x), -1, 1) + 1j * _core.clip(_core.imag(x), -1, 1)
