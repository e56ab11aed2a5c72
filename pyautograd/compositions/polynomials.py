"""Polynomials as vectors of coefficients, from the highest power down."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._places import beside
from ._common import floating, not_bool, not_complex

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def poly(seq_of_zeros: TensorLike) -> Tensor:
    """The coefficients of the polynomial with leading coefficient 1 and the given zeros.

    Of a square matrix, the characteristic polynomial: exact derivatives, where eigenvalues repeat
    too, and roundoff that grows with the size (Faddeev and LeVerrier's recurrence).

    Raises:
        ValueError: more dimensions, or a matrix that is not square.

    >>> pa.poly(pa.tensor([1.0, 2.0])).tolist()
    [1.0, -3.0, 2.0]
    >>> pa.poly(pa.tensor([[2.0, 1.0], [1.0, 2.0]])).tolist()
    [1.0, -4.0, 3.0]
    """
    given = floating(seq_of_zeros)
    if given.ndim == 2 and given.shape[0] == given.shape[1] > 0:
        return _characteristic(given)
    zeros = _vector("poly", given)
    result = _core.ones((1,), zeros.dtype, device=zeros.device)
    for zero in zeros:
        shifted = _core.pad(result * zero, (1, 0))
        result = _core.pad(result, (0, 1)) - shifted
    return result


def _characteristic(a: Tensor) -> Tensor:
    identity = _core.eye(a.shape[0], dtype=a.dtype, device=a.device)
    coefficients = [_core.ones((), a.dtype, device=a.device)]
    product = a
    for k in range(1, a.shape[0] + 1):
        coefficients.append(_core.trace(product) / -k)
        if k < a.shape[0]:
            product = _core.matmul(a, product + coefficients[-1] * identity)
    return _core.stack(coefficients)


def roots(p: TensorLike) -> Tensor:
    """The zeros of the polynomial with coefficients ``p``, in no particular order.

    They are the eigenvalues of the companion matrix, complex like those: NumPy returns real numbers
    where all zeros happen to be real. Leading zeros of ``p`` are left out, except under vmap, where
    they give nan. Simple zeros have derivatives of every order; multiple ones have none, and there
    the result is inf or nan.

    Raises:
        ValueError: ``p`` is no vector.

    >>> np.sort(pa.roots(pa.tensor([1.0, -3.0, 2.0])).numpy().real).tolist()
    [1.0, 2.0]
    """
    x = _vector("roots", floating(p))
    x = x[_leading_zeros(x) :]
    degree = x.shape[0] - 1
    if degree < 1:
        return _core.astype(x[:0], np.result_type(x.dtype, np.complex64))
    below = _core.eye(degree - 1, degree, dtype=x.dtype, device=x.device)
    companion = _core.concat([_core.expand_dims(x[1:] / -x[0], 0), below])
    return _core.linalg_eigvals(companion)


def _leading_zeros(x: Tensor) -> int:
    if x.size and _core.guard(_core.equal(x[0], 0)):  # in a captured call there are none
        return 0
    try:
        (places,) = _core.nonzero(x)
    except RuntimeError:  # under vmap there is no one number to look at
        return 0
    return int(places[0]) if places.size else x.shape[0]


def polyfit(
    x: TensorLike,
    y: TensorLike,
    deg: int,
    rcond: float | None = None,
    *,
    w: TensorLike | None = None,
    cov: bool | str = False,
) -> Any:
    """The polynomial of degree ``deg`` through points, by least squares.

    Args:
        x: tensor of shape (M,)
        y: tensor of shape (M,) or (M, K), one polynomial per column
        deg: the degree
        rcond: singular values below ``rcond`` times the largest count as zero; M times the
            machine epsilon by default
        w: weights of the points, of shape (M,)
        cov: also return the covariance of the coefficients, scaled by the residuals unless it is
            "unscaled"

    Returns:
        Coefficients of shape (deg + 1,) or (deg + 1, K), the highest power first; with ``cov`` a
        pair. Differentiable in ``x``, ``y`` and ``w``. Of complex points the sum of squared
        absolute values is least, and the covariance is Hermitian.

    Raises:
        ValueError: a negative ``deg``, or too few points for ``cov``.
        TypeError: shapes that do not fit, or no points.

    >>> line = pa.polyfit(pa.tensor([0.0, 1.0, 2.0]), pa.tensor([1.0, 3.0, 5.0]), 1)
    >>> np.round(line.numpy(), 12).tolist()
    [2.0, 1.0]
    """
    count = operator.index(deg) + 1
    points, values = floating(x), floating(y)
    if count < 1:
        raise ValueError(f"[polyfit] deg must not be negative, got {deg}")
    if points.ndim != 1 or points.size == 0 or values.ndim not in (1, 2):
        raise TypeError(
            f"[polyfit] expected vectors of points, got shapes {points.shape} and {values.shape}"
        )
    if points.shape[0] != values.shape[0]:
        raise TypeError(f"[polyfit] {points.shape[0]} points have {values.shape[0]} values")
    powers = [points**k for k in range(count - 1, 0, -1)]
    matrix = _core.stack([*powers, _core.ones_like(points)], axis=1)
    if w is not None:
        weights = floating(not_complex("polyfit", w))
        if weights.shape != points.shape:
            raise TypeError(f"[polyfit] w must have shape {points.shape}, got {weights.shape}")
        matrix = matrix * _core.expand_dims(weights, 1)
        values = values * (_core.expand_dims(weights, 1) if values.ndim == 2 else weights)
    if rcond is None:
        rcond = points.size * float(np.finfo(points.dtype).eps)
    scale = _core.sqrt(_core.sum(_core.square(_core.absolute(matrix)), axis=0))
    scaled = matrix / scale
    solution = _core.linalg_lstsq(scaled, values, rcond)[0]
    fit = solution / (_core.expand_dims(scale, 1) if values.ndim == 2 else scale)
    if not cov:
        return fit
    return fit, _covariance(scaled, scale, values - _core.matmul(matrix, fit), cov)


def _covariance(scaled: Tensor, scale: Tensor, residuals: Tensor, cov: bool | str) -> Tensor:
    base = _core.linalg_inv(_core.matmul(_core.conj(_core.matrix_transpose(scaled)), scaled))
    base = base / (_core.expand_dims(scale, 0) * _core.expand_dims(scale, 1))
    if cov == "unscaled":
        return base if residuals.ndim == 1 else _core.expand_dims(base, 2)
    freedom = scaled.shape[0] - scaled.shape[1]
    if freedom <= 0:
        raise ValueError(
            f"[polyfit] {scaled.shape[0]} points are too few to scale a covariance of "
            f"{scaled.shape[1]} coefficients"
        )
    factor = _core.sum(_core.square(_core.absolute(residuals)), axis=0) / freedom
    if residuals.ndim == 1:
        return base * factor
    return _core.expand_dims(base, 2) * factor


def polyval(p: TensorLike, x: TensorLike) -> Tensor:
    """The value of the polynomial at ``x``, by Horner's rule: a tensor of the shape of ``x``.

    Differentiable in the coefficients and in ``x``.

    >>> pa.polyval(pa.tensor([1.0, 0.0, 2.0]), pa.tensor([0.0, 3.0])).tolist()
    [2.0, 11.0]
    """
    point, coefficients = _core.asarray(x), _core.asarray(p)
    if coefficients.ndim == 0:
        raise TypeError("[polyval] expected a vector of coefficients, got a number")
    result = _core.zeros_like(point)
    for coefficient in coefficients:
        result = result * point + coefficient
    return result


def polyadd(a1: TensorLike, a2: TensorLike) -> Tensor:
    """The sum of two polynomials.

    >>> pa.polyadd(pa.tensor([1.0, 2.0]), pa.tensor([1.0, 0.0, 0.0])).tolist()
    [1.0, 1.0, 2.0]
    """
    return _aligned(_core.add, a1, a2)


def polysub(a1: TensorLike, a2: TensorLike) -> Tensor:
    """The difference of two polynomials.

    >>> pa.polysub(pa.tensor([1.0, 2.0]), pa.tensor([1.0])).tolist()
    [1.0, 1.0]
    """
    return _aligned(_core.subtract, not_bool("polysub", a1), not_bool("polysub", a2))


def _aligned(op: Callable[[Any, Any], Tensor], a1: Any, a2: Any) -> Tensor:
    x, y = map(_core.atleast_1d, beside((a1, a2)))
    missing = x.shape[0] - y.shape[0]
    if missing < 0:
        x = _core.concat([_core.zeros(-missing, x.dtype, device=x.device), x])
    elif missing > 0:
        y = _core.concat([_core.zeros(missing, y.dtype, device=y.device), y])
    return op(x, y)


def polymul(a1: TensorLike, a2: TensorLike) -> Tensor:
    """The product of two polynomials. Leading zeros stay.

    >>> pa.polymul(pa.tensor([1.0, 1.0]), pa.tensor([1.0, -1.0])).tolist()
    [1.0, 0.0, -1.0]
    """
    return _core.convolve(not_bool("polymul", a1), not_bool("polymul", a2))


def polydiv(u: TensorLike, v: TensorLike) -> tuple[Tensor, Tensor]:
    """The quotient and the remainder of two polynomials.

    The remainder has one coefficient less than the divisor, at least one; leading zeros stay.
    Differentiable in both; a divisor with leading coefficient zero gives infinities.

    Raises:
        ValueError: an empty vector, or more dimensions.

    >>> quotient, remainder = pa.polydiv(pa.tensor([1.0, -3.0, 4.0]), pa.tensor([1.0, -1.0]))
    >>> quotient.tolist(), remainder.tolist()
    ([1.0, -2.0], [2.0])
    """
    rest, divisor = (_core.atleast_1d(floating(a)) for a in beside((u, v)))
    if rest.ndim > 1 or divisor.ndim > 1 or 0 in (rest.size, divisor.size):
        raise ValueError(
            f"[polydiv] expected two vectors that are not empty, got shapes {rest.shape} and "
            f"{divisor.shape}"
        )
    rest = _core.astype(rest, np.promote_types(rest.dtype, divisor.dtype))
    zero = _core.zeros(1, rest.dtype, device=rest.device)
    degree = divisor.shape[0] - 1
    quotient = []
    while rest.shape[0] > degree:
        quotient.append(rest[:1] / divisor[:1])
        reduced = rest[1 : degree + 1] - quotient[-1] * divisor[1:]
        rest = _core.concat([reduced, rest[degree + 1 :]])
    rest = _core.concat([*[zero] * (max(degree, 1) - rest.shape[0]), rest])
    return _core.concat(quotient or [zero]), rest


def polyder(p: TensorLike, m: int = 1) -> Tensor:
    """The ``m``-th derivative of a polynomial.

    Raises:
        ValueError: a negative ``m``.

    >>> pa.polyder(pa.tensor([1.0, 2.0, 3.0])).tolist()
    [2.0, 2.0]
    """
    order = _order("polyder", m)
    result = _vector("polyder", p)
    for _ in range(min(order, result.shape[0])):
        result = result[:-1] * _core.arange(result.shape[0] - 1, 0, -1, device=result.device)
    return result


def polyint(p: TensorLike, m: int = 1, k: TensorLike | None = None) -> Tensor:
    """The ``m``-th antiderivative of a polynomial; ``k`` holds the constants, the first one first.

    Differentiable in the coefficients and in the constants.

    Raises:
        ValueError: a negative ``m``, or neither one constant nor ``m``.

    >>> pa.polyint(pa.tensor([2.0, 2.0]), k=3.0).tolist()
    [1.0, 2.0, 3.0]
    """
    order = _order("polyint", m)
    constants = _core.broadcast_to(0.0, (order,)) if k is None else _core.ravel(k)
    if constants.shape[0] == 1:
        constants = _core.broadcast_to(constants, (order,))
    if constants.shape[0] < order:
        raise ValueError(f"[polyint] {m} constants are needed, got shape {constants.shape}")
    if order == 0:
        return _core.asarray(p)
    result = _vector("polyint", p)
    for i in range(order):
        divided = result / _core.arange(result.shape[0], 0, -1, device=result.device)
        result = _core.concat([divided, constants[i : i + 1]])
    return result


def _vector(name: str, p: Any) -> Tensor:
    x = _core.asarray(p)
    if x.ndim == 0:
        raise TypeError(f"[{name}] expected a vector, got a 0-d array")
    if x.ndim > 1:
        raise ValueError(f"[{name}] expected a vector, got shape {x.shape}")
    return x


def _order(name: str, m: Any) -> int:
    order = operator.index(m)
    if order < 0:
        raise ValueError(f"[{name}] m must not be negative, got {m}")
    return order
