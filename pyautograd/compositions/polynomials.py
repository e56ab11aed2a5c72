"""Polynomials as vectors of coefficients, from the highest power down."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import floating, not_bool

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def poly(seq_of_zeros: TensorLike) -> Tensor:
    """The coefficients of the polynomial with leading coefficient 1 and the given zeros.

    Raises:
        ValueError: more than one dimension. (The characteristic polynomial of a matrix is ``poly``
            of its eigenvalues.)

    >>> pa.poly(pa.tensor([1.0, 2.0])).tolist()
    [1.0, -3.0, 2.0]
    """
    zeros = _vector("poly", floating(seq_of_zeros))
    result = _core.ones((1,), zeros.dtype)
    for zero in zeros:
        shifted = _core.pad(result * zero, (1, 0))
        result = _core.pad(result, (0, 1)) - shifted
    return result


def polyval(p: TensorLike, x: TensorLike) -> Tensor:
    """The value of the polynomial at ``x``, by Horner's rule: a tensor of the shape of ``x``.

    Differentiable in the coefficients and in ``x``.

    >>> pa.polyval(pa.tensor([1.0, 0.0, 2.0]), pa.tensor([0.0, 3.0])).tolist()
    [2.0, 11.0]
    """
    point = _core.asarray(x)
    result = _core.zeros_like(point)
    for coefficient in _core.asarray(p):
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
    x, y = (_core.atleast_1d(a) for a in (a1, a2))
    missing = x.shape[0] - y.shape[0]
    if missing < 0:
        x = _core.concat([_core.zeros(-missing, x.dtype), x])
    elif missing > 0:
        y = _core.concat([_core.zeros(missing, y.dtype), y])
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
    rest, divisor = (_core.atleast_1d(floating(a)) for a in (u, v))
    if rest.ndim > 1 or divisor.ndim > 1 or 0 in (rest.size, divisor.size):
        raise ValueError(
            f"[polydiv] expected two vectors that are not empty, got shapes {rest.shape} and "
            f"{divisor.shape}"
        )
    rest = _core.astype(rest, np.promote_types(rest.dtype, divisor.dtype))
    zero = _core.zeros(1, rest.dtype)
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
    for _ in range(order):
        degree = max(result.shape[0] - 1, 0)
        result = result[:-1] * np.arange(degree, 0, -1)
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
    constants = _core.zeros((order,)) if k is None else _core.ravel(k)
    if constants.shape[0] == 1:
        constants = _core.broadcast_to(constants, (order,))
    if constants.shape[0] < order:
        raise ValueError(f"[polyint] {m} constants are needed, got shape {constants.shape}")
    if order == 0:
        return _core.asarray(p)
    result = _vector("polyint", p)
    for i in range(order):
        divided = result / np.arange(result.shape[0], 0, -1)
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
