"""One matrix in place of nested blocks, and what its rows and columns are called."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import _core
from .._core import Tensor
from .._places import place_of
from ..tree import TreeDef, paths

_KEY = re.compile(r"\['([A-Za-z_][A-Za-z_0-9]*)'\]")


class FlatHessian(NamedTuple):
    """A Hessian as one matrix."""

    matrix: Any
    """A tensor of shape (n, n), or a ``scipy.sparse`` array."""
    names: list[str]
    """What each row, and each column, belongs to: ``layers[0].weight[3, 1]``."""


class FlatJacobian(NamedTuple):
    """A Jacobian as one matrix."""

    matrix: Any
    """A tensor of shape (m, n), or a ``scipy.sparse`` array."""
    rows: list[str]
    """The elements of the outputs."""
    columns: list[str]
    """The elements of the arguments."""


def leaf_names(structure: TreeDef) -> list[str]:
    """The paths of a tree's tensors, with keys of dicts that are words after a dot."""
    return [_KEY.sub(r".\1", path).removeprefix(".") for path in paths(structure)]


def element_names(structure: TreeDef, leaves: Sequence[Tensor]) -> list[str]:
    """The name of each element of a tree's tensors."""
    names = []
    for path, x in zip(leaf_names(structure), leaves, strict=True):
        if not x.shape:
            names.append(path)
            continue
        places = itertools.product(*[range(n) for n in x.shape])
        names += [f"{path}[{', '.join(map(str, place))}]" for place in places]
    return names


def joined(blocks: Sequence[Tensor], rows: Sequence[Tensor], columns: Sequence[Tensor]) -> Tensor:
    """One matrix from blocks, given row by row, of any shape."""
    if not columns or not rows:
        return _core.zeros((sum([y.size for y in rows]), sum([x.size for x in columns])))
    place = place_of(blocks)
    left = iter(blocks if place == "cpu" else [x.to(place) for x in blocks])
    strips = [
        _core.concat([_core.reshape(next(left), (y.size, x.size)) for x in columns], axis=1)
        for y in rows
    ]
    return _core.concat(strips)
