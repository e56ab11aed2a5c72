"""What the rules of a custom function are given: ``ctx``, and the vmap that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import _core
from .._core import Tensor

# Shape, dtype and device of each tensor argument.
Signature: TypeAlias = list[tuple[tuple[int, ...], Any, str]]


class VmapInfo(NamedTuple):
    """What ``Function.vmap`` is told about the vmap that runs it."""

    batch_size: int
    randomness: str


class _Kept:
    """A saved tensor that is neither input nor output, with the version of its memory."""

    __slots__ = ("_packed", "_tensor", "_version")

    def __init__(self, tensor: Tensor) -> None:
        self._packed = _core.pack_saved(tensor)
        self._tensor = tensor if self._packed is None else None
        self._version = _core.version(tensor)

    def value(self, name: str) -> Tensor:
        if self._packed is not None:
            return self._packed.unpack(name)
        x = self._tensor
        assert x is not None
        if _core.version(x) != self._version:
            raise RuntimeError(
                f"[{name}] a saved tensor of shape {x.shape} was modified in place: it was saved "
                f"at version {self._version} and is at version {_core.version(x)}; copy it before "
                "writing"
            )
        return x


# Where a saved value comes from: input i is i, output j is ~j.
_Place = int | _Kept | None


class FunctionContext:
    """Carries values from a custom function to its derivative rules.

    Tensors go through :meth:`save_for_backward`; anything else may be stored as an attribute.
    Saved inputs and outputs keep their place in the graph, so that derivatives of the rules are
    right, and a saved tensor that was overwritten meanwhile is an error. An attribute that holds
    an input or an output is treated as if it had been saved.

    Attributes:
        saved_tensors: what was saved, inside ``backward`` and ``jvp``.
        needs_input_grad: for each argument of ``forward``, whether a derivative by it is wanted.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_attributes",
        "_constants",
        "_for_backward",
        "_for_jvp",
        "_name",
        "_own",
        "_saved",
        "constant_outputs",
        "exact",
        "intermediate",
        "materialize",
        "needs_input_grad",
        "signature",
    )

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]) -> None:
        self._name = name
        self.needs_input_grad = needs_input_grad
        self.materialize = True
        self.signature: Signature = []
        self.constant_outputs: list[int] = []
        # Whether it keeps results of a forward that recorded nothing, which are no outputs.
        self.intermediate = False
        # Whether what was saved comes back as it was, and not from hooks, which may round.
        self.exact = not _core.packs_saved()
        self._constants: tuple[Any, ...] = ()
        self._for_backward: Sequence[Any] = ()
        self._for_jvp: Sequence[Any] | None = None
        self._attributes: dict[str, _Place] | None = None
        self._saved: tuple[Tensor | None, ...] | None = None
        self._own: dict[str, Tensor] = {}

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors, or None, for ``backward``. Call it once, with everything."""
        self._for_backward = self._check(tensors)

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for ``jvp``; without it ``jvp`` sees what was saved for ``backward``."""
        self._for_jvp = self._check(tensors)

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Declare outputs through which no derivative flows; they will not require grad."""
        self._constants = outputs

    def set_materialize_grads(self, value: bool) -> None:
        """With False, absent gradients and tangents reach the rules as None instead of zeros."""
        self.materialize = bool(value)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Not supported: a custom function must not write into its arguments."""
        raise RuntimeError(
            f"[{self._name}] mark_dirty: a custom function must not change its arguments in place; "
            "return a new tensor"
        )

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        if self._saved is None:
            raise RuntimeError(
                f"[{self._name}] saved_tensors is available inside backward and jvp only"
            )
        return self._saved

    def __getattr__(self, name: str) -> Any:
        try:
            return self._own[name]
        except KeyError:
            raise AttributeError(f"[{self._name}] ctx has no attribute {name!r}") from None

    def keeps_others(self, known: Sequence[Any]) -> bool:
        """Whether it keeps floating-point arrays or tensors that are none of these."""
        ids = set(map(id, known))
        return any(id(x) not in ids for x in self._floats())

    def keeps_the_same(self, other: FunctionContext) -> bool:
        """Whether another view, of the same rule, has the same floating-point numbers."""
        pairs = list(zip(self._floats(), other._floats(), strict=False))
        return all(x.shape == y.shape and _same_numbers(x, y) for x, y in pairs)

    def _floats(self) -> list[Tensor | np.ndarray[Any, Any]]:
        """What it keeps besides inputs and outputs, or before these are known."""
        kept: list[Any] = [*(self._saved or self._for_backward), *(self._for_jvp or ())]
        kept += self.__dict__.values()
        for value in kept:
            if isinstance(value, (list, tuple, dict)):
                kept += value.values() if isinstance(value, dict) else value
        return [x for x in kept if isinstance(x, (Tensor, np.ndarray)) and x.dtype.kind in "fc"]

    def settle(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """Replaces saved inputs and outputs by their places, so that nothing owns them twice."""
        if self._attributes is not None:
            return
        places = {id(y): ~j for j, y in enumerate(outputs)}
        places.update({id(x): i for i, x in enumerate(inputs)})
        self.constant_outputs = [
            j for j, y in enumerate(outputs) if any(y is c for c in self._constants)
        ]
        self._constants = ()
        self._for_backward = [_place(x, places) for x in self._for_backward]
        if self._for_jvp is not None:
            self._for_jvp = [_place(x, places) for x in self._for_jvp]
        self._attributes = {
            name: places[id(value)]
            for name, value in self.__dict__.items()
            if type(value) is Tensor and id(value) in places
        }
        for name in self._attributes:
            del self.__dict__[name]

    def masks(self, forward_mode: bool) -> tuple[int, int]:
        """Which inputs and outputs the rule reads: bit i, bit 31 for all from there on."""
        assert self._attributes is not None
        inputs = outputs = 0
        for place in (*self._places(forward_mode), *self._attributes.values()):
            if isinstance(place, int) and place >= 0:
                inputs |= 1 << min(place, 31)
            elif isinstance(place, int):
                outputs |= 1 << min(~place, 31)
        return inputs, outputs

    def view(
        self,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[Tensor | None],
        needs_input_grad: tuple[bool, ...],
        forward_mode: bool,
    ) -> FunctionContext:
        """This context with its saved tensors, for one call of a rule; attributes are shared."""
        assert self._attributes is not None
        return self._copy(
            needs_input_grad,
            tuple([self._value(p, inputs, outputs) for p in self._places(forward_mode)]),
            {name: self._value(place, inputs, outputs) for name, place in self._attributes.items()},
        )

    def tensors(self) -> list[Tensor]:
        """All saved tensors of a view."""
        assert self._saved is not None
        return [x for x in self._saved if x is not None] + list(self._own.values())

    def with_tensors(self, tensors: list[Tensor]) -> FunctionContext:
        """This view with other tensors in the same places."""
        assert self._saved is not None
        rest = iter(tensors)
        saved = tuple([None if x is None else next(rest) for x in self._saved])
        return self._copy(self.needs_input_grad, saved, {name: next(rest) for name in self._own})

    def _copy(
        self,
        needs_input_grad: tuple[bool, ...],
        saved: tuple[Tensor | None, ...],
        own: dict[str, Any],
    ) -> FunctionContext:
        view = FunctionContext(self._name, needs_input_grad)
        view.__dict__ = self.__dict__
        view.materialize = self.materialize
        view._saved = saved
        view._own = own
        return view

    def _places(self, forward_mode: bool) -> Sequence[_Place]:
        chosen = self._for_jvp if forward_mode and self._for_jvp is not None else self._for_backward
        return chosen

    def _value(
        self, place: _Place, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor | None]
    ) -> Tensor | None:
        if place is None:
            return None
        if isinstance(place, int):
            return inputs[place] if place >= 0 else outputs[~place]
        return place.value(self._name)

    def _check(self, tensors: tuple[Any, ...]) -> tuple[Tensor | None, ...]:
        for x in tensors:
            if x is not None and type(x) is not Tensor:
                raise TypeError(
                    f"[{self._name}] only tensors can be saved, not {type(x).__name__}: store "
                    "other values as attributes of ctx"
                )
        return tensors


def _place(x: Tensor | None, places: dict[int, int]) -> _Place:
    if x is None:
        return None
    place = places.get(id(x))
    return _Kept(x) if place is None else place


def _same_numbers(x: Any, y: Any) -> bool:
    if any(type(z) is Tensor and _core.depth(z) for z in (x, y)):
        return True  # of each entry of a vmap
    a, b = (z.detach() if type(z) is Tensor else _core.asarray(z) for z in (x, y))
    return bool(_core.all(_core.equal(a, b) | ((a != a) & (b != b))))
