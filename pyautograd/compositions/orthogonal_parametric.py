"""Orthogonal polynomials with parameters and on other intervals, under the names of
:mod:`scipy.special`.

The recurrences are differentiated in the parameters, too. Sources: DLMF 18.9.1 and 18.9.2, tables
18.9.1, 18.6.1 and 18.1.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor
from ._common import all_of, in_double, not_bool, nowhere
from .orthogonal import degree_of, eval_chebyt, eval_chebyu, eval_legendre

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# Where the sum of Jacobi's parameters is closer to some integers, a recurrence loses digits.
_BESIDE = 0.05


def _operands(name: str, n: Any, *given: Any) -> tuple[int, list[Tensor], Any]:
    """The degree, parameters and argument broadcast in float64, and the dtype of the result."""
    op, degree = f"special.{name}", degree_of(name, n)
    for v in given:
        not_bool(op, v)
    wide, dtype = in_double(op, *given)
    return degree, wide, dtype


def _evaluated(
    name: str,
    n: Any,
    given: tuple[Any, ...],
    second: Callable[..., Tensor],
    step: Callable[..., Tensor],
    leading: Callable[..., Tensor] | None = None,
) -> Tensor:
    """p_n at the last of the operands from p_0 = 1, p_1 and p_(k+1) = step(k, ..., p_k, p_(k-1)).

    At infinity the power alone counts, with the sign of ``leading``.
    """
    degree, [*parameters, x], dtype = _operands(name, n, *given)
    far = _core.isinf(x)
    t = _core.where(far, 0.5, x)
    spoiled = 0.0 * sum(parameters, start=0.0 * t)
    before = _core.ones_like(t)
    value = before if degree == 0 else second(*parameters, t)
    for k in range(1, degree):
        before, value = value, step(k, *parameters, t, value, before)
    if degree:
        sign = _core.sign(x.detach()) ** degree
        if leading is not None:
            sign = sign * leading(degree, *[p.detach() for p in parameters])
        value = _core.where(far, _core.where(sign == 0.0, math.nan, sign * math.inf), value)
    return _core.astype(value + spoiled + 0.0, dtype)


def _risen(start: Tensor, count: int) -> Tensor:
    """start (start + 1) ... (start + count - 1)."""
    value = _core.ones_like(start)
    for k in range(count):
        value = value * (start + float(k))
    return value


def eval_gegenbauer(n: int, alpha: TensorLike, x: TensorLike) -> Tensor:
    """The ultraspherical polynomial of Gegenbauer, with the weight ``(1 - x**2)**(alpha - 1/2)``.

    Differentiable in alpha and x, which broadcast.

    :param n: the degree, an int from 0
    :param alpha: tensor of any shape
    :param x: tensor of any shape
    :raises TypeError: if an argument is complex or bool, or n is not an int
    :raises ValueError: if n is negative

    >>> pa.special.eval_gegenbauer(2, 1.0, 2.0).item()
    15.0
    """
    return _evaluated(
        "eval_gegenbauer",
        *(n, (alpha, x), lambda a, t: 2.0 * a * t),
        lambda k, a, t, p, q: (2.0 * (a + float(k)) * t * p - (2.0 * a + (k - 1.0)) * q) / (k + 1),
        lambda degree, a: _risen(a, degree),
    )


def eval_genlaguerre(n: int, alpha: TensorLike, x: TensorLike) -> Tensor:
    """The associated polynomial of Laguerre, with the weight ``x**alpha * exp(-x)``.

    Differentiable in alpha and x, which broadcast.

    :param n: the degree, an int from 0
    :param alpha: tensor of any shape
    :param x: tensor of any shape
    :raises TypeError: if an argument is complex or bool, or n is not an int
    :raises ValueError: if n is negative

    >>> pa.special.eval_genlaguerre(2, 1.0, 2.0).item()
    -1.0
    """
    return _evaluated(
        "eval_genlaguerre",
        *(n, (alpha, x), lambda a, t: 1.0 + a - t),
        lambda k, a, t, p, q: ((a - t + (2.0 * k + 1.0)) * p - (a + float(k)) * q) / (k + 1),
        lambda degree, a: _core.full_like(a, (-1.0) ** degree),
    )


def _jacobi_second(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return (a + 1.0) + 0.5 * (a + b + 2.0) * (t - 1.0)


def _jacobi_sum(degree: int, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """DLMF 18.5.8, which divides by nothing and cancels where the degree is high."""
    low, high = 0.5 * (t - 1.0), 0.5 * (t + 1.0)
    total = _core.zeros_like(t)
    for k in range(degree + 1):
        weight = _risen(a + (k + 1.0), degree - k) * _risen(b + (degree - k + 1.0), k)
        divisor = float(math.factorial(k) * math.factorial(degree - k))
        total = total + weight * low**k * high ** (degree - k) / divisor
    return total


def _jacobi_step(k: int, a: Tensor, b: Tensor, t: Tensor, p: Tensor, q: Tensor) -> Tensor:
    if k == 1:  # close to alpha + beta = -2 the step divides by a square of nearly 0
        return _jacobi_sum(2, a, b, t)
    both = a + b
    mid = both + 2.0 * k
    upper = (mid + 1.0) * ((mid + 2.0) * mid * t + both * (a - b)) * p
    lower = 2.0 * (a + float(k)) * (b + float(k)) * (mid + 2.0) * q
    return (upper - lower) / (2.0 * (k + 1.0) * (both + (k + 1.0)) * mid)


def eval_jacobi(n: int, alpha: TensorLike, beta: TensorLike, x: TensorLike) -> Tensor:
    """The polynomial of Jacobi, with the weight ``(1 - x)**alpha * (1 + x)**beta``.

    Differentiable in alpha, beta and x, which broadcast. Within 0.05 of integers from -3 to
    2 - 2 n, outside of what a weight may have, alpha + beta makes the recurrence divide by numbers
    close to 0: there an explicit sum is taken, which loses about n / 2 digits inside of (-1, 1).
    Where a parameter is infinite the value is nan.

    :param n: the degree, an int from 0
    :param alpha: tensor of any shape
    :param beta: tensor of any shape
    :param x: tensor of any shape
    :raises TypeError: if an argument is complex or bool, or n is not an int
    :raises ValueError: if n is negative

    >>> pa.special.eval_jacobi(2, 1.0, 0.0, 2.0).item()
    11.5
    """
    degree, [a, b, t], dtype = _operands("eval_jacobi", n, alpha, beta, x)
    both = a.detach() + b.detach()
    beside = _core.absolute(both - _core.round(both)) < _BESIDE
    singular = all_of(beside, both < -2.5, both > 1.5 - 2.0 * degree)
    lone = degree < 3 or nowhere(singular)
    value = _evaluated(
        "eval_jacobi",
        *(degree, (a if lone else _core.where(singular, 0.0, a), b, t)),
        *(_jacobi_second, _jacobi_step),
        lambda degree, a, b: _risen(a + b + (degree + 1.0), degree),
    )
    if not lone:
        finite = _core.isfinite(t)
        explicit = _jacobi_sum(degree, a, b, _core.where(finite, t, 0.5))
        far = _core.sign(_risen(both + (degree + 1.0), degree)) * t**degree
        explicit = _core.where(finite, explicit, far)
        value = _core.where(singular, explicit, value)
    return _core.astype(value, dtype)


def eval_sh_jacobi(n: int, p: TensorLike, q: TensorLike, x: TensorLike) -> Tensor:
    """The polynomial of Jacobi on [0, 1], with the weight ``(1 - x)**(p - q) * x**(q - 1)``, and 1
    before its highest power.

    Differentiable in p, q and x, which broadcast; as in :func:`eval_jacobi` with alpha = p - q and
    beta = q - 1.

    :param n: the degree, an int from 0
    :param p: tensor of any shape
    :param q: tensor of any shape
    :param x: tensor of any shape
    :raises TypeError: if an argument is complex or bool, or n is not an int
    :raises ValueError: if n is negative

    >>> round(pa.special.eval_sh_jacobi(2, 2.0, 1.0, 0.5).item(), 6)
    -0.05
    """
    degree, (p, q, x), dtype = _operands("eval_sh_jacobi", n, p, q, x)
    value = eval_jacobi(degree, p - q, q - 1.0, 2.0 * x - 1.0)
    count = _risen(p + float(degree), degree) / float(math.factorial(degree))
    return _core.astype(value / count, dtype)


def eval_chebyc(n: int, x: TensorLike) -> Tensor:
    """The Chebyshev polynomial C_n on [-2, 2], ``2 * eval_chebyt(n, x / 2)``.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_chebyc(2, 3.0).item()
    7.0
    """
    return _moved("eval_chebyc", n, x, lambda t: 2.0 * eval_chebyt(n, 0.5 * t))


def eval_chebys(n: int, x: TensorLike) -> Tensor:
    """The Chebyshev polynomial S_n on [-2, 2], ``eval_chebyu(n, x / 2)``.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_chebys(2, 3.0).item()
    8.0
    """
    return _moved("eval_chebys", n, x, lambda t: eval_chebyu(n, 0.5 * t))


def eval_sh_chebyt(n: int, x: TensorLike) -> Tensor:
    """The Chebyshev polynomial of the first kind on [0, 1], ``eval_chebyt(n, 2 * x - 1)``.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_sh_chebyt(2, 0.0).item()
    1.0
    """
    return _moved("eval_sh_chebyt", n, x, lambda t: eval_chebyt(n, 2.0 * t - 1.0))


def eval_sh_chebyu(n: int, x: TensorLike) -> Tensor:
    """The Chebyshev polynomial of the second kind on [0, 1], ``eval_chebyu(n, 2 * x - 1)``.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_sh_chebyu(2, 0.0).item()
    3.0
    """
    return _moved("eval_sh_chebyu", n, x, lambda t: eval_chebyu(n, 2.0 * t - 1.0))


def eval_sh_legendre(n: int, x: TensorLike) -> Tensor:
    """The Legendre polynomial on [0, 1], ``eval_legendre(n, 2 * x - 1)``.

    :param n: the degree, an int from 0
    :param x: tensor of any shape

    >>> pa.special.eval_sh_legendre(1, 0.75).item()
    0.5
    """
    return _moved("eval_sh_legendre", n, x, lambda t: eval_legendre(n, 2.0 * t - 1.0))


def _moved(name: str, n: Any, x: Any, evaluate: Callable[[Tensor], Tensor]) -> Tensor:
    _, (t,), dtype = _operands(name, n, x)
    return _core.astype(evaluate(t), dtype)
