"""Integrals by Gauss and Legendre's rule."""

from __future__ import annotations

import functools

import numpy as np

from . import _core
from ._core import Tensor

__all__ = ["gauss_legendre"]


def gauss_legendre(count: int, device: str) -> tuple[Tensor, Tensor]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = _rule(count)
    return nodes.to(device), weights.to(device)


# On the host: what is made on a device may be part of a captured call.
@functools.cache
def _rule(count: int) -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return _core.tensor(0.5 * (nodes + 1.0)), _core.tensor(0.5 * weights)
