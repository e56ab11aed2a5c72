"""Forward mode: jvp, and linearize, which keeps the linear map for many tangents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from .. import _core
from .._core import Tensor
from ..tree import map, unflatten
from ._arguments import (
    Arguments,
    check_callable,
    flatten_outputs,
    match_values,
    split_aux,
)
from ._reverse import Recording, recording_on, sweep

if TYPE_CHECKING:
    from .._typing import Tree


@overload
def jvp(
    f: Callable[..., Tree],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: Literal[False] = False,
) -> tuple[Tree, Tree]: ...
@overload
def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: bool = False,
) -> Any: ...
def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: bool = False,
) -> Any:
    """Evaluate a function and its directional derivative together, without recording a graph.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them.
        primals: the tuple of its arguments.
        tangents: the tuple of directions, with the structure, shapes and dtypes of the primals.
        has_aux: ``f`` returns ``(output, aux)``.

    Returns:
        ``(output, tangent)``, or with ``has_aux`` ``(output, tangent, aux)``. The tangent is the
        Jacobian-vector product ``J v``, with the structure and shapes of the output; it is zeros,
        not None, where the output does not depend on the primals. The tangent of a complex primal
        is complex, of a real one real, and ``J`` is linear over the real numbers; where ``f`` is
        holomorphic, over the complex ones.

    Raises:
        TypeError: a primal or an output is not a floating-point or complex tensor.
        ValueError: the tangents do not have the structure or shapes of the primals.

    >>> pa.func.jvp(lambda x: x**2, (3.0,), (1.0,))
    (tensor(9.), tensor(6.))
    """
    check_callable("jvp", f)
    for name, given in (("primals", primals), ("tangents", tangents)):
        if type(given) not in (tuple, list):
            raise TypeError(
                f"[jvp] {name} must be a tuple with one entry per argument, "
                f"got a {type(given).__name__}"
            )
    primals = tuple(primals)
    arguments = Arguments("jvp", primals, tuple(range(len(primals))))
    directions = match_values(
        "jvp", "the tangent", tuple(tangents), arguments.structure, arguments.leaves
    )
    with _core.Level("jvp", 0) as level:
        duals = [
            _core.make_dual(level, x, v) for x, v in zip(arguments.leaves, directions, strict=True)
        ]
        out, aux = split_aux("jvp", f(*arguments.replaced(duals)), has_aux)
        outputs, structure = flatten_outputs("jvp", out)
        pairs = [_core.unwrap_dual(level, y) for y in outputs]
        if has_aux:
            aux = map(lambda leaf: primal_of(level, leaf), aux)
    value = unflatten(structure, [y for y, _ in pairs])
    tangent = unflatten(structure, [_core.zeros_like(y) if t is None else t for y, t in pairs])
    return (value, tangent, aux) if has_aux else (value, tangent)


def primal_of(level: Any, leaf: Any) -> Any:
    """A leaf of an auxiliary output, without what a jvp wrapped around it."""
    return _core.unwrap_dual(level, leaf)[0] if type(leaf) is Tensor else leaf


@overload
def linearize(
    f: Callable[..., Tree], *primals: Any, has_aux: Literal[False] = False
) -> tuple[Tree, Callable[..., Tree]]: ...
@overload
def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any: ...
def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Evaluate a function once and return its derivative at that point as a linear function.

    The derivative is taken from the recorded graph: the pullback ``u -> u^T J`` is linear in ``u``,
    so pulling a tangent back through *it* gives ``J v``. A call of the linear function costs a
    sweep over the nodes that depend on ``u``, never another evaluation of ``f``; for one or two
    tangents :func:`jvp` is cheaper.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them.
        *primals: its arguments, all of which are differentiated.
        has_aux: ``f`` returns ``(output, aux)``.

    Returns:
        ``(f(*primals), jvp_fn)``, or with ``has_aux`` ``(output, jvp_fn, aux)``.
        ``jvp_fn(*tangents)`` returns ``J v``; it may be called any number of times, inside ``vmap``
        too, and is differentiable.

    Raises:
        TypeError: a primal or an output is not a floating-point or complex tensor.
        ValueError: the tangents do not have the structure or shapes of the primals.

    >>> y, jvp_fn = pa.func.linearize(lambda x: pa.sum(x**2), pa.tensor([1.0, 2.0]))
    >>> y.item(), jvp_fn(pa.tensor([1.0, 0.0])).item()
    (5.0, 2.0)
    """
    check_callable("linearize", f)
    recording = Recording("linearize", f, primals, {}, tuple(range(len(primals))), has_aux)
    push_forward = transpose(recording)

    def jvp_fn(*tangents: Any) -> Any:
        directions = match_values(
            "linearize", "the tangent", tangents, recording.in_structure, recording.inputs
        )
        return unflatten(recording.out_structure, push_forward(directions))

    if has_aux:
        return recording.value(), jvp_fn, recording.aux
    return recording.value(), jvp_fn


class Recorded(NamedTuple):
    """The ends of a graph that something else recorded."""

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]


def transpose(
    recording: Recording | Recorded, differentiable: str = "auto"
) -> Callable[[Sequence[Tensor | None]], list[Tensor]]:
    """From the pullback of a recording the push-forward: tangents of the inputs to the outputs.

    A tangent of None is zero.
    """
    cotangents, pulled = transposed_graph(recording)

    def push_forward(tangents: Sequence[Tensor | None]) -> list[Tensor]:
        moving = [
            (g, v) for g, v in zip(pulled, tangents, strict=True) if not (g is None or v is None)
        ]
        return sweep(
            [g for g, _ in moving],
            [v for _, v in moving],
            cotangents,
            retain_graph=True,
            differentiable=differentiable,
        )

    return push_forward


def transposed_graph(
    recording: Recording | Recorded,
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Cotangents of the outputs and what is pulled back from them, recorded: a linear graph."""
    with recording_on():
        cotangents = [_core.make_vjp_input(_core.zeros_like(y)) for y in recording.outputs]
        pulled = _core.run_backward(
            recording.outputs,
            cotangents,
            recording.inputs,
            accumulate=False,
            retain_graph=True,
            differentiable="yes",
        )
    for u in cotangents:
        _core.close_vjp_input(u)
    return cotangents, pulled
