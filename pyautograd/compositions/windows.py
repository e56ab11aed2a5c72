"""Windows for signals: weights of M samples that fall off to both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import not_complex

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def bartlett(M: int) -> Tensor:
    """The triangle with zeros at its ends.

    >>> pa.bartlett(5).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return _core.asarray(np.bartlett(M))


def blackman(M: int) -> Tensor:
    """Blackman's window, ``0.42 + 0.5 cos(pi t) + 0.08 cos(2 pi t)`` for t from -1 to 1.

    >>> pa.blackman(3).round().tolist()
    [-0.0, 1.0, -0.0]
    """
    return _core.asarray(np.blackman(M))


def hamming(M: int) -> Tensor:
    """Hamming's window, ``0.54 + 0.46 cos(pi t)`` for t from -1 to 1.

    >>> pa.hamming(1).tolist()
    [1.0]
    """
    return _core.asarray(np.hamming(M))


def hanning(M: int) -> Tensor:
    """Von Hann's window, ``0.5 + 0.5 cos(pi t)`` for t from -1 to 1.

    >>> pa.hanning(3).tolist()
    [0.0, 1.0, 0.0]
    """
    return _core.asarray(np.hanning(M))


def kaiser(M: int, beta: TensorLike) -> Tensor:
    """Kaiser's window, ``i0(beta sqrt(1 - t**2)) / i0(beta)`` for t from -1 to 1.

    Differentiable in ``beta``.

    >>> pa.kaiser(3, 0.0).tolist()
    [1.0, 1.0, 1.0]
    """
    shape = _core.astype(not_complex("kaiser", beta), np.float64)
    if M <= 1:
        return _core.where(np.ones(max(M, 0), bool), 1.0, shape)
    alpha = (M - 1) / 2
    height = np.sqrt(1 - ((np.arange(M) - alpha) / alpha) ** 2)
    return _core.i0(shape * _core.asarray(height, device=shape.device)) / _core.i0(shape)
