"""Integrals by Gauss and Legendre's rule."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from . import _core
from ._core import Tensor

__all__ = ["gauss_legendre"]


def gauss_legendre(count: int, device: str) -> tuple[Tensor, Tensor]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = _rule(count)
    return _core.tensor(nodes, device=device), _core.tensor(weights, device=device)


# NumPy's: tensors may be part of a captured call.
@functools.cache
def _rule(count: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (nodes + 1.0), 0.5 * weights
