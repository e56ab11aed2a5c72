"""Hooks on the values that recorded operations save for their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _core
from .._core import Tensor

__all__ = ["saved_tensors_hooks"]


class saved_tensors_hooks:
    """Keep what operations save for backward in a form of your own.

    Every operation recorded inside the block hands the values that its derivative will read to
    ``pack`` and keeps what that returns; when the derivative is computed, inside the block or
    later, ``unpack`` turns it back. It is a context manager, reentrant, for the thread that enters
    it; of nested blocks the innermost acts.

    Both hooks deal in numbers only. ``pack`` sees a plain array, detached, under every transform:
    what ``vmap`` saves arrives with its mapped dimension in place, of what ``jvp`` saves the primal
    and the tangent arrive one by one, and edges, tangents and mapped dimensions stay with the
    graph. So hooks may round numbers and never lose a derivative, of any order. An array that
    several operations save is packed once, and unpacked for each of them. Nothing is recorded or
    packed while a hook runs.

    A packed copy is independent of later writes to the tensor. If ``pack`` returns its argument, or
    something that refers to its memory, a write in between is an error of the backward pass, as it
    is without hooks.

    Args:
        pack: takes a tensor, returns anything.
        unpack: takes what ``pack`` returned, and returns a tensor of the shape and dtype that
            ``pack`` was given.

    Raises:
        TypeError: a hook is not callable; from the backward pass, ``unpack`` returned something
            other than a plain tensor.
        ValueError: from the backward pass, ``unpack`` returned another shape or dtype.

        What a hook raises reaches the caller of the operation, or of the backward pass.

    >>> import zlib
    >>> pack = lambda x: (zlib.compress(x.numpy().tobytes()), x.shape)
    >>> unpack = lambda p: pa.asarray(np.frombuffer(zlib.decompress(p[0])).reshape(p[1]))
    >>> x = pa.tensor([1.0, 2.0], requires_grad=True)
    >>> with pa.saved_tensors_hooks(pack, unpack):
    ...     y = pa.sum(x**3)
    >>> y.backward()
    >>> x.grad.tolist()
    [3.0, 12.0]
    """

    __slots__ = ("_entered", "_options", "_pack", "_unpack")

    def __init__(self, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]) -> None:
        _core.SavedTensorsHooks(pack, unpack)
        self._pack = pack
        self._unpack = unpack
        self._options: dict[str, Any] = {}
        self._entered: list[_core.SavedTensorsHooks] = []

    def __enter__(self) -> None:
        hooks = _core.SavedTensorsHooks(self._pack, self._unpack, **self._options)
        hooks.enter()
        self._entered.append(hooks)

    def __exit__(self, *_: object) -> None:
        self._entered.pop().exit()
