"""Calls that a device replays as a whole: what `cuda.graph` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._replay import Tape, note
from ..grad_mode import no_grad
from ..tree import TreeDef, flatten, paths, unflatten

__all__ = ["Graph"]


class Graph:
    """A function whose calls are captured and replayed; see :func:`pyautograd.cuda.graph`."""

    def __init__(
        self, f: Callable[..., Any], *, warmup: int = 1, device: str | None = None
    ) -> None:
        if not callable(f):
            raise TypeError(f"[cuda.graph] expected a function, got a {type(f).__name__}")
        if warmup < 0:
            raise ValueError(f"[cuda.graph] warmup must not be negative, got {warmup}")
        self._f = f
        self._left = warmup
        self._device = device
        self._call: _Call | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._left > 0:
            result = self._f(*args, **kwargs)
            self._left -= 1
            return result
        leaves, structure = flatten((args, kwargs))
        if self._call is None:
            self._call = _Call(self._f, leaves, structure, self._device)
        else:
            self._call.check()
            self._call.fill(leaves, structure)
        return self._call.replay()

    def check(self) -> None:
        """Wait for the replays so far, and raise what went wrong in them.

        Index tensors that lie on the device are looked at by the replay, which reads the first
        element where one is out of range: the numbers of that call are wrong then. So are
        those that come from a matrix that has no inverse or no Cholesky factor. The next call
        raises ``IndexError`` or ``LinAlgError`` for it if the replay is done by then; this one
        waits.
        """
        if self._call is not None:
            self._call.check(wait=True)

    def reset(self) -> None:
        """Forget the captured call and give its memory back; the next call captures again."""
        self._call = None

    def __repr__(self) -> str:
        state = "not captured yet" if self._call is None else "captured"
        return f"Graph({getattr(self._f, '__qualname__', self._f)}, {state})"


class _Call:
    """The captured call: its inputs and outputs, which replays read and write."""

    def __init__(
        self, f: Callable[..., Any], leaves: list[Any], structure: TreeDef, device: str | None
    ) -> None:
        self._structure = structure
        device = _device_of(leaves, device)
        self._inputs = [
            _core.copy(x.detach()) if isinstance(x, Tensor) else x
            for x in _checked(leaves, structure, device)
        ]
        self._graph = _core.DeviceGraph(device)
        args, kwargs = unflatten(structure, self._inputs)
        self._graph.begin()
        try:
            with Tape().record() as drawn:
                outputs, self._out_structure = flatten(f(*args, **kwargs))
            self._outputs = [x.detach() if isinstance(x, Tensor) else x for x in outputs]
        except BaseException:
            self._graph.abandon()
            raise
        self._graph.end()
        self._generators = drawn.generators()

    def fill(self, leaves: list[Any], structure: TreeDef) -> None:
        """Copy the arguments into those of the captured call."""
        if structure != self._structure:
            raise ValueError(
                f"[cuda.graph] the captured call has arguments of structure {self._structure!r}, "
                f"this one {structure!r}: capture another graph for it"
            )
        for i, (mine, given) in enumerate(zip(self._inputs, leaves, strict=True)):
            if not _fits(mine, given):
                raise ValueError(
                    f"[cuda.graph] the captured call has {_described(mine)} at "
                    f"{_place(structure, i)}, this one {_described(given)}: capture another graph "
                    "for it"
                )
            if isinstance(given, Tensor):
                _check_plain(given, structure, i)
        with no_grad():
            for mine, given in zip(self._inputs, leaves, strict=True):
                if isinstance(given, Tensor):
                    mine[...] = given.detach()

    def replay(self) -> Any:
        for generator in self._generators:
            note(generator)
        self._graph.replay()
        copies = [_core.copy(x) if isinstance(x, Tensor) else x for x in self._outputs]
        return unflatten(self._out_structure, copies)

    def check(self, wait: bool = False) -> None:
        fault = self._graph.check(wait)
        if fault == "index":
            raise IndexError(
                "[cuda.graph] an index tensor on the device was out of range in an earlier call, "
                "whose numbers are wrong"
            )
        if fault == "matrix":
            raise np.linalg.LinAlgError(
                "[cuda.graph] a matrix was singular, or not positive definite, in an earlier "
                "call, whose numbers are wrong"
            )
        if fault == "value":
            raise ValueError(
                "[cuda.graph] an op was given a value that it refuses, such as a parameter out of "
                "range, in an earlier call, whose numbers are wrong"
            )


def _place(structure: TreeDef, leaf: int) -> str:
    path = paths(structure)[leaf]
    return f"args{path[3:]}" if path.startswith("[0]") else f"kwargs{path[3:]}"


def _device_of(leaves: Sequence[Any], device: str | None) -> str:
    """Where a call runs: its tensors say."""
    for x in leaves:
        if device is None and isinstance(x, Tensor):
            device = x.device
    return _core.device(device or "cuda")


def _checked(leaves: list[Any], structure: TreeDef, device: str) -> list[Any]:
    for i, x in enumerate(leaves):
        if not isinstance(x, (Tensor, np.ndarray)):
            continue
        lies = x.device if isinstance(x, Tensor) else "cpu"
        if lies != device or device == "cpu":
            wanted = "a cuda device" if device == "cpu" else device
            raise ValueError(
                f"[cuda.graph] {_place(structure, i)} lies on {lies}, expected {wanted}: move it "
                "there first, with .to('cuda') or pa.tensor(x, device='cuda')"
            )
        if isinstance(x, Tensor):
            _check_plain(x, structure, i)
    return leaves


def _check_plain(x: Tensor, structure: TreeDef, leaf: int) -> None:
    if not x.is_leaf or x.requires_grad:
        raise RuntimeError(
            f"[cuda.graph] {_place(structure, leaf)} requires grad, but no derivative goes through "
            "a replay: take the gradient inside of the function, or pass x.detach()"
        )


def _fits(mine: Any, given: Any) -> bool:
    if not isinstance(mine, Tensor) or not isinstance(given, Tensor):
        return type(mine) is type(given) and bool(mine is given or mine == given)
    return (mine.shape, mine.dtype, mine.device) == (given.shape, given.dtype, given.device)


def _described(x: Any) -> str:
    if isinstance(x, Tensor):
        return f"a tensor of shape {x.shape} and dtype {x.dtype} on {x.device}"
    return f"the {type(x).__name__} {x!r}"
