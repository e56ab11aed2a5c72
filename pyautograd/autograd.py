"""Derivatives of what was recorded: ``backward``, ``grad`` and the anomaly detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from . import _core
from ._core import Tensor
from ._ported import lookup
from .func._vmap import to_front

if TYPE_CHECKING:
    from ._typing import Leaf

__all__ = ["backward", "detect_anomaly", "grad", "set_detect_anomaly"]

__getattr__ = lookup(__name__)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Leaf | Sequence[Leaf | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradients of tensors to the ``.grad`` of the leaves they were computed from.

    The gradient of a real ``L`` with respect to a complex ``z = x + iy`` is ``dL/dx + i dL/dy``,
    against which ``L`` falls most steeply: PyTorch's convention; JAX has its conjugate. That holds
    for what is passed here, for ``.grad`` and for hooks.

    Args:
        tensors: a tensor or a sequence of them; each must require grad.
        grad_tensors: for each tensor the gradient of some scalar with respect to it, a tensor, an
            array or a number of its shape; the gradient of that scalar with respect to the leaves
            is accumulated. None stands for one where a tensor is real and has a single element.
        retain_graph: keep what the graph saved, so that it can be swept again. Defaults to
            ``create_graph``.
        create_graph: record the sweep too, so that the gradients can be differentiated.
        inputs: accumulate into these tensors only, into each once. Intermediate results are
            allowed.

    Raises:
        RuntimeError: a tensor does not require grad, a gradient is missing for a tensor with
            several elements, or the graph was freed by an earlier sweep.
        ValueError: a gradient has another shape than its tensor.

    >>> x = pa.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * x
    >>> pa.backward([pa.sum(y), y], [None, pa.ones(2)])
    >>> x.grad.tolist()
    [4.0, 8.0]
    """
    outputs = _tensors("backward", "tensors", tensors)
    gradients = _gradients("backward", outputs, grad_tensors)
    wanted = None if inputs is None else _tensors("backward", "inputs", inputs)
    if wanted is not None:
        if not wanted:
            raise ValueError("[backward] inputs is empty: name at least one tensor, or pass None")
        _require_grad("backward", "input", wanted)
        wanted = list({id(x): x for x in wanted}.values())
    _core.run_backward(
        outputs, gradients, wanted, True, *_sweep_options(retain_graph, create_graph)
    )


@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor] = (),
    grad_outputs: Leaf | Sequence[Leaf | None] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: Literal[False] = False,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]: ...
@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor] = (),
    grad_outputs: Leaf | Sequence[Leaf | None] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]: ...
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor] = (),
    grad_outputs: Leaf | Sequence[Leaf | None] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of recorded outputs with respect to inputs; ``.grad`` stays as it is.

    Gradients with respect to complex tensors are ``dL/dx + i dL/dy``: see :func:`backward`.

    Args:
        outputs: a tensor or a sequence of them; each must require grad.
        inputs: a tensor or a sequence of them, leaves or intermediate results.
        grad_outputs: the cotangent of each output, a tensor, an array or a number of its shape;
            None stands for one where an output is real and has a single element.
        retain_graph: keep what the graph saved, so that it can be swept again. Defaults to
            ``create_graph``.
        create_graph: record the sweep too, so that the gradients can be differentiated.
        allow_unused: return None for an input that the outputs do not depend on.
        is_grads_batched: every cotangent has one more axis in front, and so have the results: all
            vector-Jacobian products in one sweep.
        materialize_grads: return zeros instead of None for unused inputs; implies ``allow_unused``.

    Returns:
        A tuple with one gradient per input, with the input's shape and dtype.

    Raises:
        RuntimeError: an output or an input does not require grad, an input is not used, or lies
            outside a transform that is running, a cotangent is missing for an output with several
            elements, or the graph was freed by an earlier sweep.
        ValueError: a cotangent has another shape than its output.

    >>> x = pa.tensor([1.0, 2.0], requires_grad=True)
    >>> (g,) = pa.grad(pa.sum(x**3), x, create_graph=True)
    >>> g.tolist(), pa.grad(pa.sum(g), x)[0].tolist()
    ([3.0, 12.0], [6.0, 12.0])
    """
    ys = _tensors("grad", "outputs", outputs)
    xs = _tensors("grad", "inputs", inputs)
    if not xs:
        raise TypeError("[grad] inputs is empty: name the tensors to differentiate by")
    _require_grad("grad", "input", xs)
    cotangents = _gradients("grad", ys, grad_outputs, xs, batched=is_grads_batched)
    options = _sweep_options(retain_graph, create_graph)
    if is_grads_batched:
        found = _batched_sweep(ys, xs, cotangents, options)
    else:
        found = _core.run_backward(ys, cotangents, xs, False, *options, True)
    for i, g in enumerate(found):
        if g is None:
            _require_seen(ys, xs[i], i)
            if not (allow_unused or materialize_grads):
                raise RuntimeError(
                    f"[grad] the outputs do not depend on input {i}: pass allow_unused=True to get "
                    "None for it, or materialize_grads=True to get zeros"
                )
    if materialize_grads:
        lead = _batch_shape(cotangents) if is_grads_batched else ()
        found = [
            _core.zeros((*lead, *x.shape), dtype=x.dtype, device=x.device) if g is None else g
            for g, x in zip(found, xs, strict=True)
        ]
    return tuple(found)


def _sweep_options(retain_graph: bool | None, create_graph: bool) -> tuple[bool, str]:
    """``retain_graph`` and ``differentiable``, by position: each keyword would be searched for."""
    retains = create_graph if retain_graph is None else bool(retain_graph)
    return retains, "yes" if create_graph else "no"


def _batched_sweep(
    ys: list[Tensor],
    xs: list[Tensor],
    cotangents: list[Tensor | None],
    options: tuple[bool, str],
) -> list[Tensor | None]:
    (size,) = _batch_shape(cotangents)
    with _core.Level("vmap", size) as level:
        mapped = [None if u is None else _core.make_batched(level, u, 0) for u in cotangents]
        found = _core.run_backward(ys, mapped, xs, False, *options)
        return [None if g is None else to_front(level, g, size) for g in found]


def _batch_shape(cotangents: list[Tensor | None]) -> tuple[int]:
    given = [u for u in cotangents if u is not None]
    if not given or given[0].ndim == 0:
        raise ValueError("[grad] is_grads_batched=True needs grad_outputs with an axis in front")
    return (given[0].shape[0],)


def _require_seen(outputs: list[Tensor], x: Tensor, i: int) -> None:
    """Raises where outputs depend on an input at a lower level only, where no sweep sees it."""
    if _core.leads_below(outputs, x):
        raise RuntimeError(
            f"[grad] input {i} does not belong to the vmap, jvp or taylor that is running, and the "
            "outputs do: use pa.func.grad or pa.func.vjp here, which take such inputs, or pa.grad "
            "outside of the transform"
        )


def _tensors(op: str, name: str, value: Any) -> list[Tensor]:
    if type(value) is Tensor:
        return [value]
    if not isinstance(value, (tuple, list)):
        if op == "grad" and callable(value):
            raise TypeError(
                f"[grad] {name} must be recorded tensors, got a function: pa.func.grad(f) is the "
                "function that computes the gradient of f"
            )
        raise TypeError(
            f"[{op}] {name} must be a tensor or a sequence of tensors, got {type(value).__name__}"
        )
    for x in value:
        if type(x) is not Tensor:
            raise TypeError(f"[{op}] {name} must hold tensors, got {type(x).__name__}")
    return list(value)


def _gradients(
    op: str,
    outputs: list[Tensor],
    given: Any,
    inputs: Sequence[Tensor] = (),
    *,
    batched: bool = False,
) -> list[Tensor | None]:
    """One cotangent per output, each of its shape, or None for an output of one element."""
    name = "grad_tensors" if op == "backward" else "grad_outputs"
    if not outputs:
        raise ValueError(f"[{op}] there is nothing to differentiate: no outputs were given")
    _require_grad(op, "output", outputs, inputs)
    if given is None:
        values: list[Any] = [None] * len(outputs)
    else:
        values = list(given) if isinstance(given, (tuple, list)) else [given]
    if len(values) != len(outputs):
        raise ValueError(f"[{op}] {len(outputs)} outputs need as many {name}, got {len(values)}")
    for i, (y, u) in enumerate(zip(outputs, values, strict=True)):
        if u is not None and type(u) is not Tensor:
            values[i] = u = _as_gradient(op, name, u)
        _check_gradient(op, name, i, y, u, batched)
    return values


def _as_gradient(op: str, name: str, u: Any) -> Tensor:
    if not isinstance(u, (np.ndarray, np.number, int, float, complex)):
        raise TypeError(
            f"[{op}] {name} must be tensors, arrays, numbers or None, or a sequence of these, got "
            f"{type(u).__name__}"
        )
    return _core.asarray(u)


def _check_gradient(op: str, name: str, i: int, y: Tensor, u: Any, batched: bool) -> None:
    if u is None:
        if y.dtype.kind == "c":
            raise RuntimeError(
                f"[{op}] output {i} has dtype {y.dtype}: a gradient is implied only for a real "
                f"output, so pass one in {name} or differentiate its abs, real or imag"
            )
        if y.size != 1:
            raise RuntimeError(
                f"[{op}] output {i} has shape {y.shape}: a gradient is implied only for an output "
                f"of one element, so pass one in {name} or differentiate a scalar such as its sum"
            )
        return
    shape = u.shape[1:] if batched else u.shape
    if shape != y.shape:
        raise ValueError(
            f"[{op}] gradient {i} has shape {u.shape}, but its output has shape {y.shape}"
            + (" behind the batch axis" if batched else "")
        )


def _require_grad(op: str, role: str, tensors: list[Tensor], inputs: Sequence[Tensor] = ()) -> None:
    """Of outputs or inputs; the inputs of these outputs may be why one does not."""
    for i, x in enumerate(tensors):
        if x.requires_grad:
            continue
        if x.dtype.kind not in "fc":
            raise RuntimeError(
                f"[{op}] {role} {i} has dtype {x.dtype}: only floating-point and complex "
                "tensors have gradients"
            )
        for k, other in enumerate(inputs):
            _require_seen(tensors, other, k)
        if _core.depth(x) > 0:
            raise RuntimeError(
                f"[{op}] {role} {i} does not require grad inside the {_core.level_name(x)} that it "
                "was made in, where what requires grad outside is a constant: use pa.func.grad, or "
                f"call {op} outside"
            )
        raise RuntimeError(
            f"[{op}] {role} {i} does not require grad: nothing that requires grad leads to it, it "
            "was computed under no_grad, or it comes from a gradient taken without "
            "create_graph=True"
            if role == "output"
            else f"[{op}] input {i} does not require grad: set requires_grad=True before it is used"
        )


def _tensor_backward(
    self: Tensor,
    gradient: Leaf | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of this tensor to the ``.grad`` of the leaves it was computed from.

    Args:
        gradient: the gradient of some scalar with respect to this tensor, of its shape; may be left
            out for a real tensor of one element, where it is one.
        retain_graph: keep what the graph saved, so that it can be swept again. Defaults to
            ``create_graph``.
        create_graph: record the sweep too, so that the gradients can be differentiated.
        inputs: accumulate into these tensors only.

    Raises:
        RuntimeError: the tensor does not require grad, has several elements and no ``gradient`` is
            given, or the graph was freed by an earlier sweep.
        ValueError: ``gradient`` has another shape.

    >>> x = pa.tensor([1.0, 2.0], requires_grad=True)
    >>> pa.sum(x * x).backward()
    >>> x.grad.tolist()
    [2.0, 4.0]
    """
    backward(self, gradient, retain_graph, create_graph, inputs)


_tensor_backward.__name__ = "backward"
_tensor_backward.__qualname__ = "Tensor.backward"
_core._set_type_attribute("backward", _tensor_backward)


def set_detect_anomaly(mode: bool, check_nan: bool = True) -> None:
    """Switch the anomaly detector of :class:`detect_anomaly` on or off for the whole process.

    >>> pa.autograd.set_detect_anomaly(True)
    >>> x = pa.tensor(0.0, requires_grad=True)
    >>> pa.grad(x * pa.sqrt(x - 1.0), x)
    Traceback (most recent call last):
        ...
    RuntimeError: ...
    >>> pa.autograd.set_detect_anomaly(False)
    """
    _core.set_anomaly_detection(bool(mode), bool(check_nan))


class detect_anomaly:
    """Find the line that recorded the operation whose derivative is not a number.

    Inside the block every recorded operation remembers the line of your program that called it,
    and a backward pass raises as soon as a derivative is nan, naming that line. It works at every
    order: an operation that a backward pass recorded names the line of the operation it is the
    derivative of. It slows recording down a lot.

    Args:
        check_nan: with False only the lines are kept, in ``grad_fn.metadata``.

    Raises:
        RuntimeError: from the backward pass, at the first nan.

    >>> x = pa.tensor([0.0, 1.0], requires_grad=True)
    >>> with pa.detect_anomaly():
    ...     y = pa.sum(pa.sqrt(x - 1.0))
    ...     y.backward()  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    RuntimeError: [sqrt] backward produced nan in the gradient of input 0; ...
    """

    __slots__ = ("_check_nan", "_former")

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def __enter__(self) -> None:
        self._former = _core.anomaly_detection()
        _core.set_anomaly_detection(True, self._check_nan)

    def __exit__(self, *_: object) -> None:
        _core.set_anomaly_detection(*self._former)
