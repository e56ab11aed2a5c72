"""Reverse mode: vjp, grad, value_and_grad, and the recording they share with their relatives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from .. import _core
from .._core import Tensor
from ..tree import map, unflatten
from ._arguments import (
    Argnums,
    Arguments,
    check_argnums,
    check_callable,
    flatten_outputs,
    match_values,
    split_aux,
)

if TYPE_CHECKING:
    from .._typing import OfTensor, OfTree, Tree


class recording_on:
    """Records at the innermost level, whatever no_grad says around it; outer levels as they are.

    What happens to large arrays meanwhile is put off and fused, as in :func:`pyautograd.fused`.
    """

    __slots__ = ("former",)

    def __enter__(self) -> recording_on:
        self.former = _core.begin_recording()
        return self

    def __exit__(self, *_: object) -> None:
        _core.end_recording(self.former)


class unread:
    """Around what is evaluated for something else than its value.

    Products and sums inside wait until somebody reads them.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        _core.begin_sparing()

    def __exit__(self, *_: object) -> None:
        _core.end_sparing()


class Recording:
    """One evaluation of a function with its graph, ready to be swept as often as wanted.

    The inputs are lifted to the innermost level, so an inner function that runs inside ``vmap`` has
    a gradient per sample even for a parameter that is not mapped. They are closed when the function
    has returned: nobody but this recording can still differentiate with respect to them, so they
    make no result differentiable. Where recording was off already, results are constants. A
    function that is only differentiated is evaluated as in :class:`unread`.
    """

    __slots__ = ("_settle", "aux", "in_structure", "inputs", "op", "out_structure", "outputs")

    def __init__(
        self,
        op: str,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        argnums: Argnums,
        has_aux: bool,
        unread: bool = False,
    ) -> None:
        arguments = Arguments(op, args, argnums)
        self.op = op
        self.in_structure = arguments.structure
        former = _core.begin_recording(unread)
        try:
            self.inputs = [_core.make_vjp_input(x) for x in arguments.leaves]
            out = f(*arguments.replaced(self.inputs), **kwargs)
        finally:
            _core.end_recording(former, unread)
        off = former >= _core.innermost_depth()
        self._settle = _core.without_edge if off else _core.without_closed_edge
        out, aux = split_aux(op, out, has_aux)
        self.outputs, self.out_structure = flatten_outputs(op, out)
        for x in self.inputs:
            _core.close_vjp_input(x)
        self.aux = map(self.settled, aux) if has_aux else None

    def value(self) -> Any:
        """What the function returned, tracked only by what can still be differentiated."""
        return unflatten(self.out_structure, [self._settle(y) for y in self.outputs])

    def settled(self, leaf: Any) -> Any:
        """A result without its edges to this recording."""
        return self._settle(leaf) if type(leaf) is Tensor else leaf

    def reaches_outside(self) -> bool:
        """Whether a result can be differentiated by something other than the inputs."""
        for y in self.outputs:
            settled = self._settle(y)
            if settled.requires_grad or _core.depth(settled) > 0:
                return True
        return False

    def is_real_scalar(self) -> bool:
        """Whether the only output is a real scalar, and a function of real inputs."""
        return (
            len(self.outputs) == 1
            and self.out_structure.type is None
            and not self.outputs[0].shape
            and all(x.dtype.kind == "f" for x in (*self.outputs, *self.inputs))
        )

    def scalar(self) -> Tensor:
        """The only output, which must be a scalar."""
        if len(self.outputs) != 1 or self.out_structure.type is not None:
            raise TypeError(
                f"[{self.op}] the function must return one scalar tensor, got the tree "
                f"{self.out_structure!r}; jacrev and vjp take functions with several outputs"
            )
        y = self.outputs[0]
        if y.shape:
            raise ValueError(
                f"[{self.op}] the function must return a scalar, got shape {y.shape}: sum it, or "
                "use jacrev (all derivatives) or vjp (with a cotangent)"
            )
        if y.dtype.kind == "c":
            raise TypeError(
                f"[{self.op}] the function must return a real scalar, got dtype {y.dtype}: take "
                "its abs, real or imag, or use vjp (with a cotangent) or jacrev(holomorphic=True)"
            )
        return y


def sweep(
    outputs: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    *,
    retain_graph: bool,
    differentiable: str = "auto",
    separated: bool = False,
    unread: bool = False,
    spent: bool = False,
) -> list[Tensor]:
    """A backward pass with zeros in place of what is absent.

    Separated results share memory with nothing else: for users, who may write into them. Of unread
    ones, which are only differentiated, numbers are computed when somebody asks for them after all.
    The list of spent outputs is emptied as soon as the sweep has begun.
    """
    # By position, as each keyword would be searched for.
    found: list[Any] = _core.run_backward(
        outputs, cotangents, inputs, False, retain_graph, differentiable, separated, unread, spent
    )
    for i, gradient in enumerate(found):
        if gradient is None:
            found[i] = _core.zeros_like(inputs[i])
    return found


def gradients_of(recording: Recording, unread: bool) -> list[Tensor]:
    """The recorded gradient of a scalar.

    Unread, its numbers are computed only for who asks, and nothing is left of the recording.
    """
    return sweep(
        recording.outputs,
        [None],
        recording.inputs,
        retain_graph=True,
        differentiable="yes",
        unread=unread,
        spent=unread,
    )


@overload
def vjp(
    f: Callable[..., Tree], *primals: Any, has_aux: Literal[False] = False
) -> tuple[Tree, Callable[..., tuple[Any, ...]]]: ...
@overload
def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any: ...
def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Evaluate a function and return a function that pulls cotangents back through it.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them.
        *primals: its arguments, all of which are differentiated.
        has_aux: ``f`` returns ``(output, aux)``.

    Returns:
        ``(f(*primals), pullback)``, or with ``has_aux`` ``(output, pullback, aux)``.
        ``pullback(cotangent)`` takes the structure, shapes and dtypes of the output and returns the
        tuple of vector-Jacobian products ``cotangent^T J``, one per primal and shaped like it. It
        may be called any number of times, inside ``vmap`` too, and is differentiable.

    For complex tensors the pullback is the adjoint, as in PyTorch: ``Re(sum(conj(pullback(u)) * t))
    = Re(sum(conj(u) * J t))`` for every tangent ``t``. So of a holomorphic function it is
    ``conj(J^T) u``, where ``jax.vjp`` has ``J^T u``.

    Raises:
        TypeError: a primal or an output is not a floating-point or complex tensor.
        ValueError: a cotangent does not have the structure or shape of the output.

    >>> y, pullback = pa.func.vjp(lambda x: pa.sin(x) * x, pa.tensor([0.0, 1.0]))
    >>> pullback(pa.tensor([1.0, 0.0]))[0].tolist()
    [0.0, 0.0]
    """
    check_callable("vjp", f)
    recording = Recording("vjp", f, primals, {}, tuple(range(len(primals))), has_aux)

    def pullback(cotangents: Any) -> Any:
        values = match_values(
            "vjp", "the cotangent", cotangents, recording.out_structure, recording.outputs
        )
        found = sweep(
            recording.outputs, values, recording.inputs, retain_graph=True, separated=True
        )
        return unflatten(recording.in_structure, found)

    if has_aux:
        return recording.value(), pullback, recording.aux
    return recording.value(), pullback


@overload
def grad(
    f: OfTensor, argnums: Literal[0] = 0, *, has_aux: Literal[False] = False
) -> Callable[..., Tensor]: ...
@overload
def grad(
    f: OfTree[Tree], argnums: Literal[0] = 0, *, has_aux: Literal[False] = False
) -> Callable[..., Tree]: ...
@overload
def grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False
) -> Any: ...
def grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that computes the gradient of a scalar function.

    Args:
        f: a function that returns a scalar tensor.
        argnums: the argument to differentiate with respect to, or a tuple of them.
        has_aux: ``f`` returns ``(output, aux)``.

    Returns:
        A function of the same arguments. It returns the gradient, with the structure, shapes and
        dtypes of the argument (a tuple of gradients if ``argnums`` is a tuple), or with ``has_aux``
        the pair ``(gradient, aux)``. Where the derivative does not exist, the ops' own conventions
        hold (each says so in its docstring).

    With respect to a complex argument ``z = x + iy`` the gradient is ``dL/dx + i dL/dy``, against
    which ``L`` falls most steeply: PyTorch's convention; ``jax.grad`` returns its conjugate.

    Raises:
        TypeError: an argument is neither floating-point nor complex, or the result is not a real
            tensor.
        ValueError: the result is not a scalar.

    >>> pa.func.grad(lambda x, y: x * y**2, argnums=(0, 1))(3.0, 2.0)
    (tensor(4.), tensor(12.))
    >>> pa.func.grad(lambda z: pa.abs(z) ** 2)(3.0 + 1.0j)
    tensor(6.+2.j)
    """
    evaluate = _gradient("grad", f, argnums, has_aux)

    @functools.wraps(f, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        recording, found = evaluate(args, kwargs)
        return (found, recording.aux) if has_aux else found

    return gradient


@overload
def value_and_grad(
    f: OfTensor, argnums: Literal[0] = 0, *, has_aux: Literal[False] = False
) -> Callable[..., tuple[Tensor, Tensor]]: ...
@overload
def value_and_grad(
    f: OfTree[Tree], argnums: Literal[0] = 0, *, has_aux: Literal[False] = False
) -> Callable[..., tuple[Tensor, Tree]]: ...
@overload
def value_and_grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False
) -> Any: ...
def value_and_grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that computes a scalar function and its gradient in one pass.

    Takes what :func:`grad` takes and raises what it raises. The function made returns
    ``(value, gradient)``, or with ``has_aux`` ``((value, aux), gradient)``.

    >>> value, gradient = pa.func.value_and_grad(lambda x: pa.sum(x**2))(pa.tensor([1.0, 2.0]))
    >>> value.item(), gradient.tolist()
    (5.0, [2.0, 4.0])
    """
    evaluate = _gradient("value_and_grad", f, argnums, has_aux)

    @functools.wraps(f, updated=())
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        recording, found = evaluate(args, kwargs)
        value = recording.value()
        return ((value, recording.aux), found) if has_aux else (value, found)

    return value_and_gradient


def _gradient(
    op: str, f: Callable[..., Any], argnums: Argnums, has_aux: bool
) -> Callable[[tuple[Any, ...], dict[str, Any]], tuple[Recording, Any]]:
    check_callable(op, f)
    argnums = check_argnums(op, argnums)

    def evaluate(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Recording, Any]:
        _core.begin_deferral()  # one program of the function and its gradient
        try:
            recording = Recording(op, f, args, kwargs, argnums, has_aux)
            recording.scalar()
            found = sweep(
                recording.outputs,
                [None],
                recording.inputs,
                retain_graph=False,
                separated=True,
                spent=op == "grad",
            )
        finally:
            _core.end_deferral()
        return recording, unflatten(recording.in_structure, found)

    return evaluate
