"""What every transform does at its door: choose, convert and check arguments and results."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from .. import _core
from .._core import Tensor
from ..tree import TreeDef, flatten, flatten_like, paths, unflatten

Argnums: TypeAlias = int | tuple[int, ...]


def check_argnums(op: str, argnums: Any) -> Argnums:
    """An int or a tuple of ints; anything else is a TypeError."""
    if type(argnums) is int:
        return argnums
    try:
        if isinstance(argnums, bool):
            raise TypeError
        if isinstance(argnums, (tuple, list)):
            chosen = tuple([operator.index(i) for i in argnums])
        else:
            return operator.index(argnums)
    except TypeError:
        raise TypeError(
            f"[{op}] argnums must be an int or a tuple of ints, got {as_choice(op, argnums)}"
        ) from None
    if not chosen:
        raise ValueError(f"[{op}] argnums is empty: name at least one argument")
    return chosen


def as_choice(op: str, given: Any) -> str:
    """What stands where arguments are chosen; if it is a point, with advice."""
    if not isinstance(given, (Tensor, np.ndarray, float, dict)):
        return repr(given)
    return f"a {type(given).__name__}: the point comes in a second call, {op}(f)(x)"


def check_callable(op: str, f: Any) -> None:
    if not callable(f):
        raise TypeError(f"[{op}] expected a function, got a {type(f).__name__}")


class Arguments:
    """A call's positional arguments, the chosen ones taken apart into tensors."""

    __slots__ = ("_argnums", "_args", "leaves", "structure")

    def __init__(self, op: str, args: tuple[Any, ...], argnums: Argnums) -> None:
        self._args = args
        if type(argnums) is int:
            self._argnums: Argnums = self._position(op, argnums)
            self.leaves, self.structure = flatten(args[self._argnums])
        else:
            assert isinstance(argnums, tuple)
            chosen = tuple([self._position(op, i) for i in argnums])
            if len(set(chosen)) != len(chosen):
                raise ValueError(f"[{op}] argnums={argnums} names an argument twice")
            self._argnums = chosen
            self.leaves, self.structure = flatten(tuple([args[i] for i in chosen]))
        self._check_leaves(op)

    def replaced(self, leaves: Sequence[Tensor]) -> tuple[Any, ...]:
        """The arguments with other tensors in the chosen places."""
        value = unflatten(self.structure, leaves)
        args = self._args
        if type(self._argnums) is int:
            if len(args) == 1:
                return (value,)
            return (*args[: self._argnums], value, *args[self._argnums + 1 :])
        assert isinstance(self._argnums, tuple)
        changed = list(args)
        for i, part in zip(self._argnums, value, strict=True):
            changed[i] = part
        return tuple(changed)

    def _position(self, op: str, i: int) -> int:
        count = len(self._args)
        if not -count <= i < count:
            if count == 0 and op in ("hessian", "jacobian", "value_grad_hessian"):
                raise TypeError(
                    f"[{op}] the point is missing: {op}(f, x) is evaluated there; "
                    "pa.func.hessian(f) and pa.func.jacrev(f) make functions"
                )
            raise IndexError(
                f"[{op}] argnums={i} is out of range: the function was called with {count} "
                "positional arguments"
            )
        return i % count

    def _check_leaves(self, op: str) -> None:
        for i, x in enumerate(self.leaves):
            if type(x) is not Tensor:
                x = self.leaves[i] = to_tensor(op, x, partial(self._place, i))
            if x.dtype.kind not in "fc":
                raise TypeError(
                    f"[{op}] {self._place(i)} has dtype {x.dtype}: only floating-point and complex "
                    "arguments can be differentiated; convert it with astype(pa.float64)"
                )

    def _place(self, leaf: int) -> str:
        path = paths(self.structure)[leaf]
        if type(self._argnums) is int:
            return f"argument {self._argnums}{path}"
        assert isinstance(self._argnums, tuple)
        first, rest = path[1:].split("]", 1)
        return f"argument {self._argnums[int(first)]}{rest}"


def to_tensor(op: str, value: Any, place: Callable[[], str]) -> Tensor:
    """A copy of a number or an array as a tensor: later writes to the array must not be seen."""
    try:
        return _core.tensor(value)
    except (TypeError, ValueError):
        found = type(value).__name__
        raise TypeError(
            f"[{op}] {place()} is a {found}: expected a tensor, an array or a number, in tuples, "
            "lists, dicts, named tuples, dataclasses or what pa.tree.register_node names; what is "
            "no number goes into static fields of dataclasses (pa.tree), or outside"
        ) from None


def split_aux(op: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    """The output and the auxiliary output."""
    if not has_aux:
        return result, None
    if type(result) is not tuple or len(result) != 2:
        raise TypeError(
            f"[{op}] with has_aux=True the function must return a pair (output, aux), "
            f"got {_kind(result)}"
        )
    return result


def flatten_outputs(op: str, out: Any) -> tuple[list[Tensor], TreeDef]:
    """The tensors that a function under differentiation returned."""
    if out is None:  # an empty tree, but above all a forgotten return
        raise not_a_tensor(op, out, "")
    leaves, structure = flatten(out)
    for i, y in enumerate(leaves):
        if type(y) is not Tensor:
            raise not_a_tensor(op, y, paths(structure)[i])
        if y.dtype.kind not in "fc":
            place = _at(paths(structure)[i])
            raise TypeError(
                f"[{op}] the function returned dtype {y.dtype}{place}: only floating-point and "
                "complex outputs can be differentiated; return the others as aux with has_aux=True"
            )
    return leaves, structure


def not_a_tensor(op: str, value: Any, path: str) -> TypeError:
    return TypeError(
        f"[{op}] the function returned {_kind(value)}{_at(path)}: it must return tensors "
        "(or trees of them), computed with pyautograd or NumPy functions"
    )


def match_values(
    op: str, what: str, values: Any, structure: TreeDef, like: Sequence[Tensor]
) -> list[Tensor]:
    """Tangents or cotangents: the structure, shapes and dtypes of the tensors they belong to."""
    leaves = flatten_like(structure, values, op, what)
    for i, (v, x) in enumerate(zip(leaves, like, strict=True)):
        if type(v) is not Tensor:
            v = leaves[i] = to_tensor(op, v, partial(_entry, what, structure, i))
        if v.shape != x.shape:
            raise ValueError(
                f"[{op}] {_entry(what, structure, i)} has shape {v.shape}, expected {x.shape}"
            )
        if v.dtype is x.dtype:
            continue
        if v.dtype.kind == "c" and x.dtype.kind != "c":
            raise TypeError(
                f"[{op}] {_entry(what, structure, i)} has dtype {v.dtype}, expected the real "
                f"dtype {x.dtype}"
            )
        if v.dtype != x.dtype:
            leaves[i] = v.astype(x.dtype)
    return leaves


def _entry(what: str, structure: TreeDef, leaf: int) -> str:
    return what + _at(paths(structure)[leaf])


def _at(path: str) -> str:
    return f" at {path}" if path else ""


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple):
        return f"a tuple of length {len(value)}"
    return f"a {type(value).__name__}"
