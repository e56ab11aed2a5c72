"""vmap: one call of a function for all entries along an axis."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, overload

from .. import _core
from .._core import Tensor
from .._replay import Tape
from .._whole import whole
from ..tree import TreeDef, broadcast_prefix, flatten, paths, unflatten
from ._arguments import check_callable, not_a_tensor, to_tensor

if TYPE_CHECKING:
    from .._typing import Tree


@overload
def vmap(
    f: Callable[..., Tree],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable[..., Tree]: ...
@overload
def vmap(
    f: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    randomness: str = "error",
    chunk_size: int | None = None,
) -> Any: ...
def vmap(
    f: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that applies ``f`` to every entry along an axis of its arguments, all at once.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them. It
            sees tensors without the mapped axis.
        in_axes: the axis to map over for each positional argument: an int for all of them, or a
            tuple with one entry per argument, each an int, None (the same value for every entry) or
            a tree of these that matches the argument from the top. Keyword arguments are not
            mapped.
        out_axes: where the mapped axis goes in the outputs: an int, or a tree of ints that matches
            the output from the top. None for an output that is the same for every entry.
        randomness: what a random draw inside ``f`` means. "error" raises; "different" gives every
            entry draws of its own, those of one call with the mapped axis in front of its shape
            (for each chunk, if there are several); "same" gives all entries one draw. Each of
            nested vmaps decides for its own axis.
        chunk_size: map over at most so many entries at a time, to save memory.

    Returns:
        A function of the same arguments. Outputs that do not depend on a mapped argument are
        repeated.

    Raises:
        ValueError: nothing is mapped, mapped axes differ in size, an axis does not exist, or
            in_axes or out_axes does not match the tree it describes.
        TypeError: an axis is not an int or None, or an output is not a tensor.
        RuntimeError: ``f`` draws random numbers and ``randomness`` is "error".

    >>> pa.func.vmap(lambda x, y: x @ y, in_axes=(0, None))(pa.ones((2, 3)), pa.ones(3)).tolist()
    [3.0, 3.0]
    """
    check_callable("vmap", f)
    chunk_size = check_chunk_size("vmap", chunk_size)
    if randomness not in ("error", "different", "same"):
        raise ValueError(
            f'[vmap] randomness must be "error", "different" or "same", got {randomness!r}'
        )
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)

    @functools.wraps(f, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten(args)
        axes = _in_axes(in_axes, args, leaves, structure)
        size = _mapped_size(leaves, axes, structure)
        if chunk_size is None or size <= chunk_size:
            outputs, places = _call(f, leaves, axes, structure, kwargs, size, out_axes, randomness)
            return unflatten(places, outputs)
        parts = []
        tape = Tape()
        for start in range(0, size, chunk_size):
            stop = min(start + chunk_size, size)
            chunk = [_entries(x, a, start, stop) for x, a in zip(leaves, axes, strict=True)]
            if randomness == "same":
                tape.rewind()
            with tape.record():
                outputs, places = _call(
                    f, chunk, axes, structure, kwargs, stop - start, out_axes, randomness
                )
            parts.append(outputs)
        return unflatten(
            places, _join(parts, broadcast_prefix(out_axes, places, "vmap", "out_axes"))
        )

    return mapped


def _in_axes(
    in_axes: Any, args: tuple[Any, ...], leaves: list[Any], structure: TreeDef
) -> list[int | None]:
    """The axis of every leaf, counted from the front; mapped leaves become tensors."""
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ValueError(
            f"[vmap] in_axes has {len(in_axes)} entries, the function was called with {len(args)} "
            "positional arguments"
        )
    axes = broadcast_prefix(in_axes, structure, "vmap", "in_axes")
    for i, axis in enumerate(axes):
        if axis is None:
            continue
        axis = _axis("in_axes", axis)
        x = leaves[i]
        if type(x) is not Tensor:
            x = leaves[i] = to_tensor("vmap", x, functools.partial(_argument, structure, i))
        if not -x.ndim <= axis < x.ndim:
            advice = "" if x.ndim else ": numbers in a list are leaves of a tree, pass an array"
            raise ValueError(
                f"[vmap] in_axes={axis} is out of range for {_argument(structure, i)} of shape "
                f"{x.shape}{advice}"
            )
        axes[i] = axis % x.ndim
    return axes


def _mapped_size(leaves: list[Any], axes: list[int | None], structure: TreeDef) -> int:
    first = None
    for i, (x, axis) in enumerate(zip(leaves, axes, strict=True)):
        if axis is None:
            continue
        if first is None:
            first, size = i, x.shape[axis]
        elif x.shape[axis] != size:
            raise ValueError(
                f"[vmap] mapped axes differ in size: {size} in {_argument(structure, first)} (axis "
                f"{axes[first]} of {leaves[first].shape}), {x.shape[axis]} in "
                f"{_argument(structure, i)} (axis {axis} of {x.shape})"
            )
    if first is None:
        raise ValueError("[vmap] nothing to map over: at least one entry of in_axes must be an int")
    return int(size)


def _call(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    axes: Sequence[int | None],
    structure: TreeDef,
    kwargs: dict[str, Any],
    size: int,
    out_axes: Any,
    randomness: str,
) -> tuple[list[Tensor], TreeDef]:
    with _core.Level("vmap", size, randomness) as level:
        wrapped = [
            x if axis is None else _core.make_batched(level, x, axis)
            for x, axis in zip(leaves, axes, strict=True)
        ]
        out = f(*unflatten(structure, wrapped), **kwargs)
        if out is None:
            raise not_a_tensor("vmap", out, "")
        outputs, places = flatten(out)
        for i, y in enumerate(outputs):
            if type(y) is not Tensor:
                raise not_a_tensor("vmap", y, paths(places)[i])
        unwrapped = [_core.unwrap_batched(level, y) for y in outputs]
    targets = broadcast_prefix(out_axes, places, "vmap", "out_axes")
    return [
        _place(value, dim, target, size)
        for (value, dim), target in zip(unwrapped, targets, strict=True)
    ], places


def _place(value: Tensor, dim: int | None, target: int | None, size: int) -> Tensor:
    """A result with its mapped axis at `target`."""
    if target is None:
        if dim is not None:
            raise ValueError(
                "[vmap] out_axes=None for an output that differs between entries: give an int"
            )
        return value
    target = _axis("out_axes", target)
    ndim = value.ndim + (dim is None)
    if not -ndim <= target < ndim:
        raise ValueError(f"[vmap] out_axes={target} is out of range for a result with {ndim} axes")
    target %= ndim
    if dim is None:
        shape = value.shape
        value = _core.expand_dims(value, axis=target)
        return _core.broadcast_to(value, (*shape[:target], size, *shape[target:]))
    return value if dim == target else _core.moveaxis(value, dim, target)


def to_front(level: Any, y: Tensor, size: int) -> Tensor:
    """What a tensor is below a vmap level, mapped axis first."""
    value, dim = _core.unwrap_batched(level, y)
    return value if dim == 0 else _place(value, dim, 0, size)


def _entries(x: Any, axis: int | None, start: int, stop: int) -> Any:
    return x if axis is None else x[(slice(None),) * axis + (slice(start, stop),)]


def _join(parts: list[list[Tensor]], targets: list[int | None]) -> list[Tensor]:
    columns = zip(*parts, strict=True)
    return [
        column[0] if target is None else _core.concat(column, axis=target)
        for column, target in zip(columns, targets, strict=True)
    ]


def _axis(what: str, given: Any) -> int:
    axis = whole(given)
    if axis is None:
        raise TypeError(f"[vmap] {what} must hold ints and None, got {given!r}")
    return axis


def check_chunk_size(op: str, given: Any) -> int | None:
    if given is None:
        return None
    size = whole(given)
    if size is None or size < 1:
        raise ValueError(f"[{op}] chunk_size must be a positive int or None, got {given!r}")
    return size


def _argument(structure: TreeDef, leaf: int) -> str:
    first, rest = paths(structure)[leaf][1:].split("]", 1)
    return f"argument {first}{rest}"
