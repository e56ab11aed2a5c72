"""Comparisons of whole arrays. Their results are bools, which have no derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from .._core import Tensor
from .._places import place_of
from ._common import floating, shape_from_values

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def isclose(
    a: TensorLike,
    b: TensorLike,
    rtol: TensorLike = 1e-05,
    atol: TensorLike = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Whether numbers agree: ``abs(a - b) <= atol + rtol * abs(b)``, element by element.

    Infinities agree with themselves, nan with nan if ``equal_nan``.

    >>> pa.isclose(pa.tensor([1.0, pa.nan]), pa.tensor([1.0 + 1e-9, pa.nan])).tolist()
    [True, False]
    """
    x, y = floating(a), floating(b)
    near = _core.less_equal(
        _core.absolute(x - y), _core.add(atol, _core.multiply(rtol, _core.absolute(y)))
    )
    near = _core.logical_or(_core.logical_and(near, _core.isfinite(y)), _core.equal(x, y))
    if not equal_nan:
        return near
    return _core.logical_or(near, _core.logical_and(_core.isnan(x), _core.isnan(y)))


def allclose(
    a: TensorLike,
    b: TensorLike,
    rtol: TensorLike = 1e-05,
    atol: TensorLike = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Whether all numbers agree, as :func:`isclose` says: a 0-d tensor, so that it can be mapped.

    >>> bool(pa.allclose(pa.ones(2), 1.0 + 1e-9))
    True
    """
    return _core.all(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1: TensorLike, a2: TensorLike, equal_nan: bool = False) -> Tensor:
    """Whether two arrays have one shape and equal elements: a 0-d tensor.

    >>> bool(pa.array_equal(pa.ones(2), pa.ones(3)))
    False
    """
    x, y = _core.asarray(a1), _core.asarray(a2)
    if x.shape != y.shape:
        return _core.asarray(False, device=place_of((x, y)))
    same = _core.equal(x, y)
    if equal_nan and x.dtype.kind in "fc" and y.dtype.kind in "fc":
        same = _core.logical_or(same, _core.logical_and(_core.isnan(x), _core.isnan(y)))
    return _core.all(same)


def array_equiv(a1: TensorLike, a2: TensorLike) -> Tensor:
    """Whether two arrays broadcast and their elements are equal: a 0-d tensor.

    >>> bool(pa.array_equiv(pa.ones(2), pa.ones((3, 2))))
    True
    """
    x, y = _core.asarray(a1), _core.asarray(a2)
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return _core.asarray(False, device=place_of((x, y)))
    return _core.all(_core.equal(x, y))


def iscomplex(x: TensorLike) -> Tensor:
    """Which elements have an imaginary part that is not zero.

    >>> pa.iscomplex(pa.tensor([1.0, 1j])).tolist()
    [False, True]
    """
    return _core.not_equal(_imaginary(x), 0)


def isreal(x: TensorLike) -> Tensor:
    """Which elements have no imaginary part, or one that is zero.

    >>> pa.isreal(pa.tensor([1.0, 1j])).tolist()
    [True, False]
    """
    return _core.equal(_imaginary(x), 0)


def real_if_close(a: TensorLike, tol: float = 100) -> Tensor:
    """The real parts, if all imaginary parts are close to zero; else the numbers as they are.

    A ``tol`` above 1 is in units of the last place of 1.

    Raises:
        RuntimeError: under vmap, since the dtype depends on the elements.

    >>> pa.real_if_close(pa.tensor([1.0, 2.0 + 1e-15j])).tolist()
    [1.0, 2.0]
    """
    x = _core.asarray(a)
    if x.dtype.kind != "c":
        return x
    limit = tol * np.finfo(x.dtype).eps if tol > 1 else tol
    small = _core.less(_core.absolute(_core.imag(x)), limit)
    with shape_from_values("real_if_close"):
        others = _core.flatnonzero(_core.logical_not(small))
    return x if others.size else _core.real(x)


def _imaginary(x: TensorLike) -> Tensor:
    t = _core.asarray(x)
    return _core.imag(t) if t.dtype.kind == "c" else _core.zeros_like(t)
