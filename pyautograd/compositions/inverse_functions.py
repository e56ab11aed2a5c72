"""Functions of :mod:`scipy.special` that solve an equation.

They are solved for without derivatives, and differentiated by the implicit function theorem: the
slope is a function of the solution, written with the public ops, so that there is every order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..function import Function
from ._common import in_double

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

# Of Newton's method, which starts within a few percent
_STEPS = 6


class _Solution(Function):
    """``apply(solve, slope, x)``, elementwise: y = solve(x) has the derivative slope(y)."""

    elementwise = True

    @staticmethod
    def forward(
        solve: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor], x: Tensor
    ) -> Tensor:
        return solve(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.slope = inputs[1]
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        slope = ctx.slope(ctx.saved_tensors[0])
        if slope.dtype.kind == "c":
            slope = _core.conj(slope)
        return None, None, grad_outputs[0] * slope

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return tangents[2] * ctx.slope(ctx.saved_tensors[0])

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _Solution.apply(*args), in_dims[2]


def ndtri_exp(y: TensorLike, /) -> Tensor:
    """The x with ``log_ndtr(x) = y``: the normal quantile of a logarithm of a probability.

    :param y: tensor, real; nan where it is positive
    :raises TypeError: if y is complex

    >>> pa.special.ndtri_exp([-1e6, -0.6931471805599453]).numpy().round(6)
    array([-1414.207783,     0.      ])
    """
    (t,), dtype = in_double("special.ndtri_exp", y)
    return _core.astype(_Solution.apply(_solve_ndtri_exp, _hazard, t), dtype)


def _solve_ndtri_exp(y: Tensor) -> Tensor:
    upper, far = y > -0.1, _core.logical_and(y < -600.0, y > -math.inf)
    above = -_core.special_ndtri(-_core.expm1(_core.where(upper, y, -1.0)))
    below = _core.special_ndtri(_core.exp(_core.where(_core.logical_or(upper, far), -1.0, y)))
    deep = _core.where(far, y, -600.0)
    x = -_core.sqrt(-2.0 * deep)
    for _ in range(_STEPS):
        x = x - (_core.special_log_ndtr(x) - deep) * _hazard(x)
    return _core.where(upper, above, _core.where(far, x, below))


def _hazard(x: Tensor) -> Tensor:
    """The distribution function over the density of the normal distribution; 0 at the ends."""
    inside = _core.isfinite(x)
    scaled = _core.special_erfcx(_core.where(inside, x, 0.0) * -math.sqrt(0.5))
    value = math.sqrt(0.5 * math.pi) * scaled
    return _core.where(_core.isnan(x), x, _core.where(inside, value, 0.0))


def wrightomega(z: TensorLike, /) -> Tensor:
    """Wright's omega function: the w with ``w + log(w) = z``, which is ``lambertw(exp(z))``.

    Of complex z it is ``lambertw(exp(z), k)`` of the branch k nearest to ``imag(z) / (2 * pi)``,
    without overflow, and jumps from z = x + iy, x <= -1, to the side where abs(y) > pi. Its
    derivatives are infinite at -1 +- i pi, close to which digits are lost as in a square root.

    :param z: tensor, real or complex

    Source: R. M. Corless and D. J. Jeffrey, The Wright omega function (2002), and P. W. Lawrence,
    R. M. Corless and D. J. Jeffrey, Algorithm 917 (2012), for the steps of complex numbers.

    >>> pa.special.wrightomega([1.0, 1000.0]).numpy().round(6)
    array([  1.      , 993.099169])
    >>> pa.special.wrightomega(1.0 + 4.0j).numpy().round(6)
    np.complex128(0.095833+2.468014j)
    """
    if (given := _core.asarray(z)).dtype.kind == "c":
        wide = _core.astype(given, np.complex128)
        value = _Solution.apply(_solve_complex_omega, _complex_omega_slope, wide)
        return _core.astype(value, given.dtype)
    (t,), dtype = in_double("special.wrightomega", z)
    return _core.astype(_Solution.apply(_solve_wrightomega, _omega_slope, t), dtype)


def _solve_complex_omega(z: Tensor) -> Tensor:
    finite = _core.isfinite(z)
    z = _core.where(finite, z, 1.0)
    x, y = _core.real(z), _core.absolute(_core.imag(z))
    above = _core.complex(x, y)
    # Around the branch point -1 + i pi the cut is left of it, and belongs to what is below.
    down = y - math.pi
    apart = _core.complex(x + 1.0, _core.where(down == 0.0, -0.0, down))
    near = _core.absolute(apart) < 1.5
    root = 1j * _core.sqrt(2.0 * _core.where(near, apart, 1.0))
    small = _core.logical_and(y <= math.pi, x < 0.0)
    wide = _core.where(_core.absolute(above) < 0.5, 1.0, above)
    w = _core.where(small, _core.exp(_core.where(small, above, 0.0)), wide - _core.log(wide))
    w = _core.where(near, -1.0 + root - root * root / 3.0, w)
    for _ in range(_STEPS):
        # The solution lies in the upper half plane, as does the logarithm's side of the cut.
        w = _core.complex(_core.real(w), _core.absolute(_core.imag(w)))
        rest, over = above - w - _core.log(w), 1.0 + w
        full = 2.0 * over * (over + 2.0 / 3.0 * rest)
        step = rest / over * (full - rest) / (full - 2.0 * rest)
        w = _core.where(rest == 0.0, w, w * (1.0 + step))
    w = _core.where(_core.signbit(_core.imag(z)), _core.conj(w), w)
    return _core.where(finite, w, math.nan)


def _complex_omega_slope(w: Tensor) -> Tensor:
    small = _core.absolute(w) < 1.0
    low, high = _core.where(small, w, 1.0), _core.where(small, 1.0, w)
    return _core.where(small, low / (1.0 + low), 1.0 - 1.0 / (1.0 + high))


def _solve_wrightomega(z: Tensor) -> Tensor:
    left, far = z < 1.0, z == math.inf
    near = _core.special_lambertw(_core.exp(_core.where(left, z, 0.0)))
    start = _core.where(_core.logical_or(left, far), 2.0, z)
    w = start - _core.log(start)
    for _ in range(_STEPS):
        w = w / (1.0 + w) * (1.0 + start - _core.log(w))
    return _core.where(left, near, _core.where(far, z, w))


def _omega_slope(w: Tensor) -> Tensor:
    # Of which form the derivatives do not cancel
    small = w < 1.0
    low, high = _core.where(small, w, 1.0), _core.where(small, 1.0, w)
    return _core.where(small, low / (1.0 + low), 1.0 - 1.0 / (1.0 + high))
