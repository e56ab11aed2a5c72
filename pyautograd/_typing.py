"""Types of trees of tensors and of functions of them, for annotations: nothing imports this module
where a program runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ._core import Tensor

# Deeper trees, named tuples and dataclasses have the type Any.
_Branch: TypeAlias = Sequence[Tensor] | Mapping[str, Tensor]
Tree = TypeVar("Tree", bound=Tensor | _Branch | Sequence[_Branch] | Mapping[str, _Branch])

# What becomes one tensor where a tree is expected.
Leaf: TypeAlias = Tensor | npt.NDArray[Any] | np.number[Any] | complex

if TYPE_CHECKING:  # Python 3.10 takes no ... here where it evaluates it
    # Functions whose first argument is a tensor. The first argument of what is made of them is not
    # declared, since it is converted: arrays and numbers will do.
    OfTensor: TypeAlias = Callable[Concatenate[Tensor, ...], Any]
    TensorOfTensor: TypeAlias = Callable[Concatenate[Tensor, ...], Tensor]
    OfTree: TypeAlias = Callable[Concatenate[Tree, ...], Any]
