"""Optimisers with two faces over one implementation, for real and complex parameters.

As a pure function, ``update(params, grads, state)`` returns new parameters and a new state. It
works on trees, inside every transform, and is differentiable in all its arguments and in the
learning rate, so learning *through* an optimiser needs nothing special:

>>> opt = pa.optim.SGD(lr=0.1)
>>> def after_one_step(w):
...     moved, _ = opt.update(w, pa.func.grad(lambda w: w**2)(w), opt.init(w))
...     return moved
>>> pa.func.grad(after_one_step)(3.0).item()
0.8

Given parameters, the same object moves them in place, by the gradients that ``backward`` left:

>>> w = pa.tensor([3.0], requires_grad=True)
>>> opt = pa.optim.SGD(w, lr=0.1)
>>> pa.sum(w**2).backward()
>>> opt.step()
>>> opt.zero_grad()
>>> w.tolist(), w.grad
([2.4], None)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

import numpy as np

from . import _core
from ._core import Tensor
from ._names import public_dir

if TYPE_CHECKING:
    from ._typing import Tree
from .func._arguments import match_values, to_tensor
from .grad_mode import no_grad
from .tree import TreeDef, flatten, paths, unflatten

__all__ = ["SGD", "Adam", "AdamState", "AdamW", "Optimizer", "SGDState", "clip_by_norm"]

__dir__ = public_dir(__all__)


class SGDState(NamedTuple):
    """What :class:`SGD` carries from step to step."""

    velocity: Any
    """A tree like the parameters, or None without momentum."""


class AdamState(NamedTuple):
    """What :class:`Adam` carries from step to step."""

    step: Any
    """The number of steps made, a scalar int64 tensor."""
    mean: Any
    """Running mean of the gradients, a tree like the parameters."""
    mean_square: Any
    """Running mean of their squares, a tree like the parameters."""


State = TypeVar("State", SGDState, AdamState)


class Optimizer(Generic[State]):
    """What all optimisers do. Subclasses say how lists of tensors move (``_advance``).

    A field of a state is a tree like the parameters, or None, or the counter ``step``. Inside this
    class the trees are lists of leaves.
    """

    def __init__(self, params: Any, lr: float | Tensor) -> None:
        self.lr = lr
        self._structure: TreeDef | None = None
        if params is not None:
            self._leaves, self._structure = self._parameters(params)
            self._state: State = self._start(self._leaves)

    @property
    def lr(self) -> float | Tensor:
        """The learning rate; it may be set between steps."""
        return self._lr

    @lr.setter
    def lr(self, value: float | Tensor) -> None:
        self._lr = self._number("lr", value, 0.0, math.inf)

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
            if name == "step":
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

    def _start(self, leaves: list[Tensor]) -> State:
        raise NotImplementedError

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: State
    ) -> tuple[list[Tensor], State]:
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
        return self._with_step(op, state)

    def _with_step(self, op: str, state: State) -> State:
        """The state with its counter checked, if it has one."""
        return state

    @staticmethod
    def _map_trees(function: Any, state: State) -> State:
        """Replace the fields that belong to parameters."""
        fields = {
            name: tree if tree is None or name == "step" else function(name, tree)
            for name, tree in state._asdict().items()
        }
        return type(state)(**fields)


def _by_parts(function: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """The function of real numbers, applied to real and imaginary parts on their own."""
    if values[0].dtype.kind == "f":
        return function(*values)
    parts = (function(*map(part, values)) for part in (_core.real, _core.imag))
    return _core.complex(*parts)


def _over_root(eps: Tensor, mean: Tensor, square: Tensor) -> Tensor:
    # At zero the slope of the root is infinite; the mask makes it a constant there.
    root = _core.where(square > 0.0, _core.sqrt(square), 0.0)
    return mean / (root + eps.astype(mean.dtype))


def _like(value: float | Tensor, x: Tensor) -> float | Tensor:
    """A number in the dtype that it is to be multiplied with."""
    return value.astype(x.dtype) if type(value) is Tensor else value


def _used(value: float | Tensor) -> bool:
    return isinstance(value, Tensor) or value != 0.0


def _place(structure: TreeDef, leaf: int) -> str:
    return f"params{paths(structure)[leaf]}"


def _replaced(values: list[Tensor], chosen: list[int], new: list[Tensor]) -> list[Tensor]:
    changed = list(values)
    for i, value in zip(chosen, new, strict=True):
        changed[i] = value
    return changed


class SGD(Optimizer[SGDState]):
    """Gradient descent, with heavy-ball momentum and weight decay if wanted.

    ``velocity = momentum * velocity + grad + weight_decay * param`` and ``param -= lr * velocity``,
    the velocity being zero at first; this is PyTorch's form of the method of Polyak (1964).

    Args:
        params: a tree of leaves that require grad, to be moved by :meth:`step`; leave it out to use
            :meth:`init` and :meth:`update` only.
        lr: the learning rate.
        momentum: a number in [0, 1).
        weight_decay: times half the squared norm of the parameters is added to the loss.

    Each of the last three is a number or a scalar tensor; :meth:`update` is differentiable with
    respect to the tensors.

    Raises:
        TypeError, ValueError: a parameter is not a leaf that requires grad or is given twice, or an
            option is out of range.

    >>> opt = pa.optim.SGD(lr=0.1, momentum=0.5)
    >>> w, state = pa.asarray([1.0]), opt.init(pa.asarray([1.0]))
    >>> for _ in range(2):
    ...     w, state = opt.update(w, pa.asarray([1.0]), state)
    >>> w.tolist(), state.velocity.tolist()
    ([0.75], [1.5])
    """

    def __init__(
        self,
        params: Any = None,
        *,
        lr: float | Tensor,
        momentum: float | Tensor = 0.0,
        weight_decay: float | Tensor = 0.0,
    ) -> None:
        self._momentum = self._number("momentum", momentum, 0.0, 1.0)
        self._decay = self._number("weight_decay", weight_decay, 0.0, math.inf)
        super().__init__(params, lr)

    def _start(self, leaves: list[Tensor]) -> SGDState:
        return SGDState([_core.zeros_like(p) for p in leaves] if _used(self._momentum) else None)

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: SGDState
    ) -> tuple[list[Tensor], SGDState]:
        if _used(self._decay):
            pairs = zip(leaves, gradients, strict=True)
            gradients = [g + _like(self._decay, p) * p for p, g in pairs]
        if state.velocity is not None:
            pairs = zip(state.velocity, gradients, strict=True)
            gradients = [_like(self._momentum, v) * v + g for v, g in pairs]
            state = SGDState(gradients)
        moved = [p - _like(self.lr, p) * v for p, v in zip(leaves, gradients, strict=True)]
        return moved, state


class Adam(Optimizer[AdamState]):
    """Gradient descent scaled by running moments of the gradient.

    Source: Kingma, Ba (2015), Adam: a method for stochastic optimization, algorithm 1. Where no
    gradient was ever other than zero the step is zero, and so is its derivative, at every order.
    Real and imaginary part of a complex parameter count as two parameters, as in PyTorch.

    Args:
        params: a tree of leaves that require grad, to be moved by :meth:`step`; leave it out to use
            :meth:`init` and :meth:`update` only.
        lr: the learning rate.
        betas: decay of the running mean and of the running mean square, each in [0, 1).
        eps: added to the root of the mean square; positive.
        capturable: count the steps on the device of the parameters, so that a captured step counts
            them, too (:func:`pyautograd.cuda.graph`). Elsewhere that makes steps a little slower.

    Rates, decays and ``eps`` are numbers or scalar tensors; :meth:`update` is differentiable with
    respect to the tensors.

    Raises:
        TypeError, ValueError: a parameter is not a leaf that requires grad or is given twice, or an
            option is out of range.

    >>> opt = pa.optim.Adam(lr=0.5)
    >>> w, state = opt.update(pa.asarray([1.0]), pa.asarray([4.0]), opt.init(pa.asarray([1.0])))
    >>> round(w.item(), 6), state.step.item()
    (0.5, 1)
    """

    def __init__(
        self,
        params: Any = None,
        *,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float | Tensor = 1e-8,
        capturable: bool = False,
    ) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"[{self._name()}] betas must be a pair of numbers, got {betas!r}")
        first, second = betas
        self._betas = (
            self._number("betas[0]", first, 0.0, 1.0),
            self._number("betas[1]", second, 0.0, 1.0),
        )
        self._eps = self._number("eps", eps, math.ulp(0.0), math.inf)
        self._capturable = capturable
        super().__init__(params, lr)

    def _start(self, leaves: list[Tensor]) -> AdamState:
        device = leaves[0].device if self._capturable and leaves else "cpu"
        return AdamState(
            _core.zeros((), dtype=np.int64, device=device),
            [_core.zeros_like(p) for p in leaves],
            [_core.zeros_like(p) for p in leaves],
        )

    def _with_step(self, op: str, state: AdamState) -> AdamState:
        step = _core.asarray(state.step)
        if step.shape or step.dtype.kind not in "iu":
            raise ValueError(
                f"[{op}] state.step has shape {step.shape} and dtype {step.dtype}: expected an "
                "integer scalar"
            )
        return state._replace(step=step)

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: AdamState
    ) -> tuple[list[Tensor], AdamState]:
        first, second = self._betas
        step = state.step + 1
        time = step.astype(np.float64)
        # The bias corrections folded into two scalars: Kingma and Ba, end of section 2.
        unbias = _core.sqrt(1.0 - second**time)
        rate, eps = self.lr * unbias / (1.0 - first**time), self._eps * unbias
        moved, means, squares = [], [], []
        for p, g, m, v in zip(leaves, gradients, state.mean, state.mean_square, strict=True):
            m = _like(first, m) * m + _like(1.0 - first, m) * g
            v = _like(second, v) * v + _like(1.0 - second, v) * _by_parts(_core.square, g)
            scaled = _by_parts(partial(_over_root, eps), m, v)
            moved.append(p - rate.astype(p.dtype) * scaled)
            means.append(m)
            squares.append(v)
        return moved, AdamState(step, means, squares)


class AdamW(Adam):
    """:class:`Adam` with weight decay that is decoupled from the gradient's moments.

    ``param -= lr * weight_decay * param`` precedes Adam's step. Source: Loshchilov, Hutter (2019),
    Decoupled weight decay regularization, algorithm 2 with PyTorch's scaling by ``lr``.

    Args:
        params, lr, betas, eps, capturable: as for :class:`Adam`.
        weight_decay: a number that is not negative, or a scalar tensor.

    Raises:
        TypeError, ValueError: as for :class:`Adam`.

    >>> opt = pa.optim.AdamW(lr=0.5, weight_decay=0.1)
    >>> w, _ = opt.update(pa.asarray([1.0]), pa.asarray([0.0]), opt.init(pa.asarray([1.0])))
    >>> w.tolist()
    [0.95]
    """

    def __init__(
        self,
        params: Any = None,
        *,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float | Tensor = 1e-8,
        weight_decay: float | Tensor = 1e-2,
        capturable: bool = False,
    ) -> None:
        self._decay = self._number("weight_decay", weight_decay, 0.0, math.inf)
        super().__init__(params, lr=lr, betas=betas, eps=eps, capturable=capturable)

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: AdamState
    ) -> tuple[list[Tensor], AdamState]:
        kept = 1.0 - self._decay * _core.asarray(self.lr)
        return super()._advance([p * kept.astype(p.dtype) for p in leaves], gradients, state)


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
