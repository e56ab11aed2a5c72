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
from ._common import floating, in_double, not_bool
from .orthogonal import degree_of, eval_chebyt, eval_chebyu, eval_legendre

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def _operands(name: str, n: Any, *given: Any) -> tuple[int, list[Tensor], Any]:
    """The degree, parameters and argument broadcast in float64, and the dtype of the result."""
    op, degree = f"special.{name}", degree_of(name, n)
    checked = [floating(not_bool(op, v)) for v in given]
    # Numbers of Python's have no dtype of their own.
    wide, dtype = in_double(
        op, *(v if isinstance(v, (int, float)) else t for v, t in zip(given, checked, strict=True))
    )
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


def _jacobi_step(k: int, a: Tensor, b: Tensor, t: Tensor, p: Tensor, q: Tensor) -> Tensor:
    both = a + b
    mid = both + 2.0 * k
    upper = (mid + 1.0) * ((mid + 2.0) * mid * t + both * (a - b)) * p
    lower = 2.0 * (a + float(k)) * (b + float(k)) * (mid + 2.0) * q
    divisor = 2.0 * (k + 1.0) * (both + (k + 1.0)) * mid
    return (upper - lower) / _core.where(divisor == 0.0, math.nan, divisor)


def eval_jacobi(n: int, alpha: TensorLike, beta: TensorLike, x: TensorLike) -> Tensor:
    """The polynomial of Jacobi, with the weight ``(1 - x)**alpha * (1 + x)**beta``.

    Differentiable in alpha, beta and x, which broadcast. Where alpha + beta is one of the integers
    -2, -3, ..., -2 n + 2, outside of what a weight may have, the recurrence may divide by 0: the
    value is nan there, and close to it digits are lost. Where a parameter is infinite it is nan.

    :param n: the degree, an int from 0
    :param alpha: tensor of any shape
    :param beta: tensor of any shape
    :param x: tensor of any shape
    :raises TypeError: if an argument is complex or bool, or n is not an int
    :raises ValueError: if n is negative

    >>> pa.special.eval_jacobi(2, 1.0, 0.0, 2.0).item()
    11.5
    """
    return _evaluated(
        "eval_jacobi",
        *(n, (alpha, beta, x), _jacobi_second, _jacobi_step),
        lambda degree, a, b: _risen(a + b + (degree + 1.0), degree),
    )


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
