"""Hankel functions, and Bessel functions of whole orders, under the names of
:mod:`scipy.special`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import in_double
from .bessel import kv
from .bessel_oscillating import jv, yv

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def _hankel(name: str, v: Any, z: Any, sign: float) -> Tensor:
    (order, x), dtype = in_double(f"special.{name}", v, z)
    value = _core.complex(jv(order, x), sign * yv(order, x))
    return _core.astype(value, np.result_type(dtype, np.complex64))


def hankel1(v: TensorLike, z: TensorLike, /) -> Tensor:
    """The Hankel function of the first kind, ``jv(v, z) + 1j * yv(v, z)``, of a real argument.

    The arguments broadcast; derivatives of every order are exact in both, and values as right as
    those of :func:`jv`. Source: DLMF 10.4.3.

    :param v: tensor, the real order
    :param z: tensor, nan where it is negative
    :raises TypeError: if an argument is complex
    :returns: a complex tensor

    >>> pa.special.hankel1(0.0, 1.0).numpy().round(6)
    np.complex128(0.765198+0.088257j)
    """
    return _hankel("hankel1", v, z, 1.0)


def hankel2(v: TensorLike, z: TensorLike, /) -> Tensor:
    """The Hankel function of the second kind, ``jv(v, z) - 1j * yv(v, z)``, of a real argument;
    otherwise as :func:`hankel1`.

    :param v: tensor, the real order
    :param z: tensor, nan where it is negative
    :raises TypeError: if an argument is complex
    :returns: a complex tensor

    >>> pa.special.hankel2(0.0, 1.0).numpy().round(6)
    np.complex128(0.765198-0.088257j)
    """
    return _hankel("hankel2", v, z, -1.0)


def _hankel_scaled(name: str, v: Any, z: Any, sign: float) -> Tensor:
    (order, x), dtype = in_double(f"special.{name}", v, z)
    j, y = jv(order, x), yv(order, x)
    inside = _core.logical_and(x > 0.0, _core.isfinite(x))
    angle, a, b = (_core.where(inside, u, 1.0) for u in (x, j, y))
    cosine, sine = _core.cos(angle), _core.sin(angle)
    real = _core.where(inside, a * cosine + b * sine, j)
    imag = sign * _core.where(inside, b * cosine - a * sine, y)
    return _core.astype(_core.complex(real, imag), np.result_type(dtype, np.complex64))


def hankel1e(v: TensorLike, z: TensorLike, /) -> Tensor:
    """``exp(-1j * z) * hankel1(v, z)``, which no longer oscillates; otherwise as :func:`hankel1`.

    :param v: tensor, the real order
    :param z: tensor, nan where it is negative
    :raises TypeError: if an argument is complex
    :returns: a complex tensor

    >>> pa.special.hankel1e(0.0, 1.0).numpy().round(6)
    np.complex128(0.487704-0.596206j)
    """
    return _hankel_scaled("hankel1e", v, z, 1.0)


def hankel2e(v: TensorLike, z: TensorLike, /) -> Tensor:
    """``exp(1j * z) * hankel2(v, z)``, which no longer oscillates; otherwise as :func:`hankel2`.

    :param v: tensor, the real order
    :param z: tensor, nan where it is negative
    :raises TypeError: if an argument is complex
    :returns: a complex tensor

    >>> pa.special.hankel2e(0.0, 1.0).numpy().round(6)
    np.complex128(0.487704+0.596206j)
    """
    return _hankel_scaled("hankel2e", v, z, -1.0)


def yn(n: TensorLike, x: TensorLike, /) -> Tensor:
    """The Bessel function of the second kind and whole order; otherwise as :func:`yv`.

    :param n: tensor, the order, rounded down
    :param x: tensor; infinite where it is 0, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> round(pa.special.yn(1, 1.0).item(), 6)
    -0.781213
    """
    (order, at), dtype = in_double("special.yn", n, x)
    return _core.astype(yv(_core.floor(order), at), dtype)


def kn(n: TensorLike, x: TensorLike, /) -> Tensor:
    """The modified Bessel function of the second kind and whole order; otherwise as :func:`kv`.

    :param n: tensor, the order, rounded down
    :param x: tensor; infinite where it is 0, nan where it is negative
    :raises TypeError: if an argument is complex

    >>> round(pa.special.kn(1, 1.0).item(), 6)
    0.601907
    """
    (order, at), dtype = in_double("special.kn", n, x)
    return _core.astype(kv(_core.floor(order), at), dtype)
