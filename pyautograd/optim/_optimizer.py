"""What all optimisers share: parameters, states, and their checks."""

from __future__ import annotations

import math
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from .. import _core
from .._core import Tensor
from ..func._arguments import match_values, to_tensor
from ..grad_mode import no_grad
from ..tree import TreeDef, flatten, paths, unflatten

if TYPE_CHECKING:
    from .._typing import Tree

# A named tuple of trees, scalars and None
State = TypeVar("State", bound=Any)

_KINDS = {"integer": "iu", "floating-point number": "f"}


class OptimizerBase(Generic[State]):
    """Parameters that may be given, and a state. Subclasses say how a state begins (``_start``).

    A field of a state is a tree like the parameters, or None, or one of the scalars. Inside the
    classes the trees are lists of leaves.
    """

    _scalars: ClassVar[dict[str, str]] = {}  # field of the state: what it is

    def __init__(self, params: Any) -> None:
        self._structure: TreeDef | None = None
        if params is not None:
            self._leaves, self._structure = self._parameters(params)
            self._state: State = self._start(self._leaves)

    @property
    def state(self) -> State:
        """The state of the parameters given at the start, to be saved; setting it restores it.

        Setting raises ``ValueError`` naming the first path where the new state does not fit.
        """
        structure = self._given("state")
        return self._map_trees(lambda _, leaves: unflatten(structure, leaves), self._state)

    @state.setter
    def state(self, state: State) -> None:
        structure = self._given("state")
        self._state = self._opened("state", state, structure, self._leaves)

    def init(self, params: Any) -> State:
        """The state before the first step, for :meth:`update`.

        Args:
            params: a tree of floating-point tensors.

        >>> pa.optim.SGD(lr=0.1, momentum=0.9).init({"w": pa.ones(2)})
        SGDState(velocity={'w': tensor([0., 0.])})
        """
        leaves, structure = self._tensors("init", params)
        return self._map_trees(lambda _, tree: unflatten(structure, tree), self._start(leaves))

    def _start(self, leaves: list[Tensor]) -> State:
        raise NotImplementedError

    def _name(self) -> str:
        return type(self).__name__

    def _number(self, what: str, value: Any, low: float, high: float) -> float | Tensor:
        """A number within its range, or a scalar tensor, whose value is not looked at."""
        if type(value) is Tensor:
            if value.shape or value.dtype.kind != "f":
                raise ValueError(
                    f"[{self._name()}] {what} has shape {value.shape} and dtype {value.dtype}: "
                    "expected a floating-point scalar"
                )
            return value
        if isinstance(value, Real) and low <= float(value) < high:
            return float(value)
        raise ValueError(
            f"[{self._name()}] {what} must be a number in [{low}, {high}), got {value!r}"
        )

    def _given(self, member: str) -> TreeDef:
        if self._structure is None:
            raise RuntimeError(
                f"[{self._name()}.{member}] no parameters were given: make the optimiser as "
                f"{self._name()}(params, ...), or use init and update"
            )
        return self._structure

    def _parameters(self, params: Any) -> tuple[list[Tensor], TreeDef]:
        """The leaves of a tree that is to be moved in place."""
        leaves, structure = flatten(params)
        places = paths(structure)
        seen: dict[int, str] = {}
        for x, place in zip(leaves, places, strict=True):
            where = f"[{self._name()}] the parameter{f' at {place}' if place else ''}"
            if type(x) is not Tensor:
                raise TypeError(f"{where} is a {type(x).__name__}: expected a tensor")
            if not (x.requires_grad and x.is_leaf):
                raise ValueError(
                    f"{where} must be a leaf with requires_grad=True: call its requires_grad_()"
                )
            if id(x) in seen:
                raise ValueError(f"{where} is the one at {seen[id(x)]} again: give it once")
            seen[id(x)] = place
        return leaves, structure

    def _tensors(self, member: str, params: Any) -> tuple[list[Tensor], TreeDef]:
        """The leaves of a tree of parameters of the pure functions."""
        op = f"{self._name()}.{member}"
        leaves, structure = flatten(params)
        for i, x in enumerate(leaves):
            place = partial(_place, structure, i)
            if type(x) is not Tensor:
                x = leaves[i] = to_tensor(op, x, place)
            if x.dtype.kind not in "fc":
                raise TypeError(
                    f"[{op}] {place()} has dtype {x.dtype}: only floating-point parameters can be "
                    "moved"
                )
        return leaves, structure

    def _opened(self, member: str, state: State, structure: TreeDef, leaves: list[Tensor]) -> State:
        """A state with checked lists of leaves in place of its trees."""
        op = f"{self._name()}.{member}"
        fresh = self._start([])
        if type(state) is not type(fresh):
            raise TypeError(
                f"[{op}] the state is a {type(state).__name__}: expected the "
                f"{type(fresh).__name__} that init makes"
            )
        for name, mine, given in zip(fresh._fields, fresh, state, strict=True):
            if (mine is None) != (given is None):
                wanted = "None" if mine is None else "a tree like the parameters"
                raise ValueError(f"[{op}] state.{name} must be {wanted}: use the options of init")
        state = self._map_trees(
            lambda name, tree: match_values(op, f"state.{name}", tree, structure, leaves), state
        )
        scalars = {name: self._scalar(op, name, getattr(state, name)) for name in self._scalars}
        opened: State = state._replace(**scalars)
        return opened

    def _scalar(self, op: str, name: str, value: Any) -> Tensor:
        scalar = _core.asarray(value)
        if scalar.shape or scalar.dtype.kind not in _KINDS[self._scalars[name]]:
            raise ValueError(
                f"[{op}] state.{name} has shape {scalar.shape} and dtype {scalar.dtype}: expected "
                f"one {self._scalars[name]}"
            )
        return scalar

    def _map_trees(self, function: Any, state: State) -> State:
        """Replace the fields that belong to parameters."""
        fields = {
            name: tree if tree is None or name in self._scalars else function(name, tree)
            for name, tree in state._asdict().items()
        }
        replaced: State = state._replace(**fields)
        return replaced


class Optimizer(OptimizerBase[State]):
    """What all optimisers do that move by gradients. Subclasses say how (``_advance``)."""

    def __init__(self, params: Any, lr: float | Tensor) -> None:
        self.lr = lr
        super().__init__(params)

    @property
    def lr(self) -> float | Tensor:
        """The learning rate; it may be set between steps."""
        return self._lr

    @lr.setter
    def lr(self, value: float | Tensor) -> None:
        self._lr = self._number("lr", value, 0.0, math.inf)

    @overload
    def update(self, params: Tree, grads: Any, state: State) -> tuple[Tree, State]: ...
    @overload
    def update(self, params: Any, grads: Any, state: State) -> tuple[Any, State]: ...
    def update(self, params: Any, grads: Any, state: State) -> tuple[Any, State]:
        """One step as a pure function.

        Args:
            params: a tree of floating-point tensors.
            grads: gradients, with the structure, shapes and dtypes of ``params``.
            state: from :meth:`init` or an earlier call.

        Returns:
            ``(params, state)`` after the step. The arguments stay as they are.

        Raises:
            TypeError: a parameter is not a floating-point tensor.
            ValueError: ``grads`` or ``state`` does not match ``params``; the first differing path
                is named.

        >>> opt = pa.optim.SGD(lr=0.5)
        >>> params = {"w": pa.asarray([1.0, 2.0])}
        >>> opt.update(params, {"w": pa.asarray([2.0, 2.0])}, opt.init(params))
        ({'w': tensor([0., 1.])}, SGDState(velocity=None))
        """
        leaves, structure = self._tensors("update", params)
        op = f"{self._name()}.update"
        gradients = match_values(op, "grads", grads, structure, leaves)
        moved, after = self._advance(
            leaves, gradients, self._opened("update", state, structure, leaves)
        )
        trees = self._map_trees(lambda _, tree: unflatten(structure, tree), after)
        return unflatten(structure, moved), trees

    def step(self) -> None:
        """Move the parameters in place by their ``.grad``.

        A parameter whose ``.grad`` is None keeps its value and its part of the state. Nothing is
        recorded. A graph that saved the old value of a parameter can no longer be swept: it raises.

        Raises:
            RuntimeError: the optimiser was made without parameters.
        """
        self._given("step")
        found = [(i, p.grad) for i, p in enumerate(self._leaves)]
        chosen = [i for i, g in found if g is not None]
        gradients = [g for _, g in found if g is not None]
        if not chosen:
            return
        with no_grad():
            part = self._map_trees(lambda _, tree: [tree[i] for i in chosen], self._state)
            moved, part = self._advance([self._leaves[i] for i in chosen], gradients, part)
            for i, value in zip(chosen, moved, strict=True):
                self._leaves[i][...] = value
            if _core.device_capturing():
                self._write_state(part, chosen)
                return
        self._state = self._map_trees(
            lambda name, new: _replaced(getattr(self._state, name), chosen, new), part
        )

    def _write_state(self, part: State, chosen: list[int]) -> None:
        """Change the state in place: a replay looks for it where the captured call found it."""
        for name, new in part._asdict().items():
            old = getattr(self._state, name)
            if name in self._scalars:
                if old.device == "cpu":
                    raise RuntimeError(
                        f"[{self._name()}.step] the number of steps is counted on the host, where "
                        "a captured call does not count: make the optimiser with capturable=True"
                    )
                old[...] = new
            elif new is not None:
                for i, value in zip(chosen, new, strict=True):
                    old[i][...] = value

    def zero_grad(self) -> None:
        """Set the ``.grad`` of every parameter to None.

        Nothing is overwritten: tensors computed from the old gradients, and their graph, stay as
        they are.

        Raises:
            RuntimeError: the optimiser was made without parameters.
        """
        self._given("zero_grad")
        for p in self._leaves:
            p.grad = None

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: State
    ) -> tuple[list[Tensor], State]:
        raise NotImplementedError


def _place(structure: TreeDef, leaf: int) -> str:
    return f"params{paths(structure)[leaf]}"


def _replaced(values: list[Tensor], chosen: list[int], new: list[Tensor]) -> list[Tensor]:
    changed = list(values)
    for i, value in zip(chosen, new, strict=True):
        changed[i] = value
    return changed
