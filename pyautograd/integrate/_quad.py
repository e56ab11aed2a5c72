"""quad: integrals over an interval."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import _core, func, tree
from .._core import Tensor
from .._flat import Array
from .._numbers import host_numbers
from .._places import place_of
from .._scipy_arguments import further
from ..func._arguments import check_callable
from ..grad_mode import no_grad

_OP = "integrate.quad"


# Kronrod's points of 21 on [-1, 1], those of Gauss's rule of 10 at odd places, and the weights of
# both; from the outermost to the centre (QUADPACK, qk21).
_POINTS = (
    *(0.995657163025808080735527280689003, 0.973906528517171720077964012084452),
    *(0.930157491355708226001207180059508, 0.865063366688984510732096688423493),
    *(0.780817726586416897063717578345042, 0.679409568299024406234327365114874),
    *(0.562757134668604683339000099272694, 0.433395394129247190799265943165784),
    *(0.294392862701460198131126603103866, 0.14887433898163121088482600112972, 0.0),
)
_WEIGHTS = (
    *(0.011694638867371874278064396062192, 0.03255816230796472747881897245939),
    *(0.05475589657435199603138130024458, 0.07503967481091995276704314091619),
    *(0.093125454583697605535065465083366, 0.109387158802297641899210590325805),
    *(0.123491976262065851077958109585166, 0.134709217311473325928054001771707),
    *(0.142775938577060080797094273138717, 0.147739104901338491374841515972068),
    0.149445554002916905664936468389821,
)
_GAUSS_WEIGHTS = (
    *(0.066671344308688137593568809893332, 0.149451349150580593145863397657697),
    *(0.219086362515982043995534934228163, 0.269266719309996355091226921569469),
    0.295524224714752870173815619188769,
)


def quad(
    f: Callable[..., Any],
    a: Any,
    b: Any,
    args: Any = (),
    *,
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
    limit: int = 100,
) -> tuple[Tensor, float]:
    """The integral of ``f(x, *args)`` from ``a`` to ``b``, differentiable in all of them.

    Kronrod's rule of 21 points on intervals that are halved where its error is large, as in
    :func:`scipy.integrate.quad`, with all points of a round in one call of ``f`` under ``vmap``.
    Derivatives are those of the sum that is returned, of any order and in both modes; the intervals
    are constants, chosen for the value: where a derivative has a sharper peak, ask for more digits.

    Args:
        f: a function of a scalar that returns a tensor of any shape. It may be singular at ``a``
            and ``b``, where it is not evaluated. Tensors that it captures are differentiated, too.
        a, b: the ends: numbers, which may be infinite, or scalar tensors, which may be
            differentiated.
        args: a tuple of what ``f`` takes behind ``x``.
        epsabs, epsrel: the error aimed at, and the same relative to the integral.
        limit: the most intervals.

    Returns:
        ``(integral, error)``: a tensor of the shape that ``f`` returns, and an estimate of the
        largest absolute error, also over the entries of ``vmap``, which share the intervals.

    Raises:
        ValueError: ``f`` is not finite somewhere, or both tolerances are zero.
        RuntimeError: the call is being captured, as the intervals depend on numbers.

    Warns:
        UserWarning: the error aimed at was not reached.

    See R. Piessens et al., QUADPACK, 1983.

    >>> integral = lambda rate: pa.integrate.quad(lambda x: pa.exp(-rate * x**2), 0.0, np.inf)[0]
    >>> integral(1.0).item().__round__(6), pa.func.grad(integral)(1.0).item().__round__(6)
    (0.886227, -0.443113)
    """
    check_callable(_OP, f)
    if not (epsabs > 0 or epsrel > 0):
        raise ValueError(f"[{_OP}] epsabs or epsrel must be positive")
    if _core.capturing() or _core.device_capturing():
        raise RuntimeError(f"[{_OP}] cannot be captured: the intervals depend on numbers")
    rest = further(args)
    device = place_of([x for x in tree.leaves((a, b, rest)) if isinstance(x, Tensor)])
    rows = func.vmap(_over_unit(lambda x: _core.asarray(f(x, *rest)), a, b))

    def integrand(points: Array) -> Tensor:
        values: Tensor = rows(_core.tensor(points, device=device))
        return values

    edges, error, reached = _intervals(integrand, epsabs, epsrel, limit)
    if not reached:
        warnings.warn(
            f"[{_OP}] the error may be {error:.2g}, more than was aimed at: the function "
            "oscillates or is singular within the interval, or limit is too small",
            stacklevel=2,
        )
    values = integrand(_points(edges))
    weights = np.outer(np.diff(edges).reshape(-1), _kronrod()[1]).reshape(-1)
    integral = _core.tensordot(_core.asarray(weights).to(device).astype(values.dtype), values, 1)
    return integral, error


@cache
def _kronrod() -> tuple[Array, Array, Array]:
    """Points on [0, 1], their weights, and those of Gauss's rule at the same points."""
    points, weights = np.array(_POINTS), np.array(_WEIGHTS)
    gauss = np.zeros(len(points))
    gauss[1::2] = _GAUSS_WEIGHTS
    mirrored = np.concatenate([-points, points[-2::-1]])
    both = [np.concatenate([w, w[-2::-1]]) / 2 for w in (weights, gauss)]
    return (mirrored + 1) / 2, both[0], both[1]


def _points(edges: Array) -> Array:
    """All points of intervals whose lower and upper ends are the columns."""
    low, high = edges[:, :1], edges[:, 1:]
    points: Array = (low + (high - low) * _kronrod()[0]).reshape(-1)
    return points


def _intervals(
    integrand: Callable[[Array], Tensor], epsabs: float, epsrel: float, limit: int
) -> tuple[Array, float, bool]:
    """Intervals that make up [0, 1], the error of the sum, and whether it is as small as asked."""
    new = np.array([[0.0, 1.0]])
    found: list[tuple[Array, Array, Array]] = []
    while True:
        with no_grad():
            found.append((new, *_estimates(integrand(_points(new)), np.diff(new))))
        edges, integrals, errors = (np.concatenate(parts) for parts in zip(*found, strict=True))
        total = errors.sum(axis=0)
        bound = np.maximum(epsabs, epsrel * np.abs(integrals.sum(axis=0)))
        error = float(np.max(total, initial=0.0))
        if np.all(total <= bound):
            return edges, error, True
        over = np.max(errors / bound, axis=1, initial=0.0)
        worst = np.argsort(-over)[: limit - len(edges)]
        worst = worst[over[worst] > 1 / len(edges)]
        if not len(worst):
            return edges, error, False
        middle = edges[worst].mean(axis=1)
        lower, upper = edges[worst].T
        new = np.concatenate([np.stack([lower, middle], 1), np.stack([middle, upper], 1)])
        kept = np.ones(len(edges), dtype=bool)
        kept[worst] = False
        found = [(edges[kept], integrals[kept], errors[kept])]


def _estimates(values: Tensor, lengths: Array) -> tuple[Array, Array]:
    """Integrals over intervals, and errors as QUADPACK estimates them: (intervals, outputs)."""
    plain = host_numbers(values)
    points = np.moveaxis(plain, plain.ndim - values.ndim, 0).reshape(len(lengths), 21, -1)
    if not np.isfinite(points).all():
        raise ValueError(f"[{_OP}] the function is not finite within the interval")
    _, weights, gauss = _kronrod()
    integrals = weights @ points
    difference = np.abs(integrals - gauss @ points)
    size = weights @ np.abs(points)
    spread = weights @ np.abs(points - integrals[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        sharper = spread * np.minimum(1.0, (200 * difference / spread) ** 1.5)
    errors = np.where(spread > 0, sharper, difference)
    errors = np.maximum(errors, 50 * np.finfo(float).eps * size)
    return lengths * integrals, lengths * errors


def _over_unit(f: Callable[[Any], Tensor], a: Any, b: Any) -> Callable[[Tensor], Tensor]:
    """The integrand over [0, 1] in place of [a, b]."""
    low, high = _infinite(a), _infinite(b)
    if low and high:
        sign = (high - low) / 2

        def over_line(u: Tensor) -> Tensor:
            x = (1 - u) / u
            return sign * (f(x) + f(-x)) / u**2

        return over_line
    if low or high:
        end, direction = (a, high) if high else (b, low)
        sign = high - low

        def over_half_line(u: Tensor) -> Tensor:
            return sign * f(end + direction * (1 - u) / u) / u**2

        return over_half_line
    return lambda u: (b - a) * f(a + (b - a) * u)


def _infinite(end: Any) -> int:
    """The sign of an end that is infinite, 0 of others."""
    if isinstance(end, Tensor):
        return 0
    return int(math.copysign(1, end)) if math.isinf(end) else 0
