"""Ops under NumPy's names that take more of NumPy's arguments than the ops they are made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor

if TYPE_CHECKING:
    from .._core import TensorLike

__all__ = ["angle", "pad", "round"]


def angle(z: TensorLike, /, deg: bool = False) -> Tensor:
    """The argument of complex numbers, from -pi to pi; of real ones 0 or pi.

    The derivative of a real number's is 0, and so is that at 0.

    :param z: tensor of any shape
    :param deg: whether the result is in degrees

    >>> pa.angle(pa.tensor([1j, -1.0]), deg=True).tolist()
    [90.0, 180.0]
    """
    result = _core.angle(z)
    return _core.multiply(result, 180 / math.pi) if deg else result


def round(x: TensorLike, /, decimals: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The nearest number with so many decimals, halves to even. Its derivative is 0.

    :param x: tensor of any shape
    :param decimals: how many; negative ones stand before the point
    :param out: where to write the result, as ``out[...] = result`` does

    >>> pa.round(pa.tensor([2.5, 1.25]), 1).tolist()
    [2.5, 1.2]
    """
    if out is not None:
        from .._numpy.arguments import stored_in

        return stored_in("round", round(x, decimals), out)  # type: ignore[no-any-return]
    t = _core.asarray(x)
    if decimals == 0 or (t.dtype.kind in "biu" and decimals > 0):
        return _core.round(t)
    if t.dtype.kind == "c":  # a product with the scale would mix an infinite part into the other
        return _core.complex(round(_core.real(t), decimals), round(_core.imag(t), decimals))
    scale = 10.0 ** abs(decimals)
    apply, undo = (_core.multiply, _core.divide)
    if decimals < 0:
        apply, undo = undo, apply
    return _core.astype(undo(_core.round(apply(t, scale)), scale), t.dtype, copy=False)


def pad(
    x: TensorLike,
    pad_width: Any,
    /,
    mode: str = "constant",
    *,
    constant_values: Any = 0.0,
    end_values: Any = 0.0,
    stat_length: Any = None,
    reflect_type: str = "even",
) -> Tensor:
    """``x`` with more elements before and after each axis, one axis after the other.

    A number stands for all sides, a pair for (before, after) on every axis, else there is one pair
    for each axis; ``pad_width`` may be a dictionary of axes. The derivative is that of the elements
    the new ones are made from.

    :param x: tensor of any shape
    :param pad_width: how many elements to add
    :param mode: 'constant'; 'edge', the nearest element; 'wrap', the other end; 'reflect' and
        'symmetric', the mirror image without and with the edge repeated; 'linear_ramp', from
        ``end_values`` to the edge; 'maximum', 'minimum', 'mean' or 'median' of the
        ``stat_length`` elements at that side; 'empty', zeros
    :param constant_values: the new elements of 'constant'
    :param end_values: where 'linear_ramp' begins
    :param stat_length: how many elements count for a statistic, all by default
    :param reflect_type: 'odd' to mirror at the value of the edge, too
    :raises ValueError: if widths are negative, the mode is unknown, or an empty axis has nothing to
        pad with

    >>> pa.pad(pa.tensor([1, 2]), (1, 2)).tolist()
    [0, 1, 2, 0, 0]
    >>> pa.pad(pa.tensor([2.0, 3.0, 5.0]), 1, "reflect", reflect_type="odd").tolist()
    [1.0, 2.0, 3.0, 5.0, 7.0]
    """
    if isinstance(constant_values, (int, float)) and reflect_type == "even":
        if mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
            if not isinstance(pad_width, dict):
                return _core.pad(x, pad_width, mode, constant_values=constant_values)
    from ..compositions._in_single import in_single
    from .padding import padded

    sides = constant_values, end_values, stat_length
    result: Tensor = in_single(padded)(_core.asarray(x), pad_width, mode, *sides, reflect_type)
    return result
