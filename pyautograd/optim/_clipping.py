"""Bounds on gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..tree import flatten, paths, unflatten


def clip_by_norm(grads: Any, max_norm: float | Tensor) -> tuple[Any, Tensor]:
    """Gradients scaled down so that their norm over all leaves together is at most `max_norm`.

    Args:
        grads: a tree of floating-point tensors.
        max_norm: a positive number, or a scalar tensor.

    Returns:
        ``(clipped, norm)``: the tree, and the norm that it had. Both are differentiable; where the
        norm is at most `max_norm` the tree is multiplied by the constant one.

    Raises:
        TypeError: a leaf is not a floating-point or complex tensor.
        ValueError: the number is not positive.

    >>> clipped, norm = pa.optim.clip_by_norm({"w": pa.asarray([3.0, 4.0])}, 1.0)
    >>> norm.item(), clipped["w"].numpy().round(12)
    (5.0, array([0.6, 0.8]))
    """
    op = "optim.clip_by_norm"
    leaves, structure = flatten(grads)
    for i, x in enumerate(leaves):
        place = f"grads{paths(structure)[i]}"
        if type(x) is not Tensor or x.dtype.kind not in "fc":
            kind = x.dtype if type(x) is Tensor else type(x).__name__
            raise TypeError(f"[{op}] {place} is a {kind}: expected a floating-point tensor")
    if type(max_norm) is not Tensor and not max_norm > 0.0:
        raise ValueError(f"[{op}] max_norm must be a positive number, got {max_norm!r}")
    if not leaves:
        return grads, _core.zeros(())
    # Norms of norms, since a norm has a derivative at zero where the root of a sum has none.
    norm = _core.linalg_norm(_core.stack([_core.linalg_norm(_core.ravel(x)) for x in leaves]))
    scale = _core.where(norm > max_norm, max_norm / norm, 1.0)
    real = {np.dtype(np.complex64): np.float32, np.dtype(np.complex128): np.float64}
    scaled = [x * scale.astype(real.get(x.dtype, x.dtype)) for x in leaves]
    return unflatten(structure, scaled), norm
