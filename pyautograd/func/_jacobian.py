"""All derivatives at once: jacrev, jacfwd, hessian, hvp, and the block computations behind them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from .. import _core
from .._core import Tensor
from .._replay import Tape
from ..tree import TreeDef, map, unflatten
from ._arguments import (
    Argnums,
    Arguments,
    check_argnums,
    check_callable,
    flatten_outputs,
    match_values,
    split_aux,
)
from ._forward import Recorded, primal_of, transpose
from ._reverse import Recording, gradients_of, recording_on, sweep
from ._vmap import check_chunk_size, to_front

if TYPE_CHECKING:
    from .._typing import OfTensor, OfTree, TensorOfTensor, Tree

# Bytes of a batch of cotangents beyond which several smaller batches are faster.
_CACHE = 1 << 20

# blocks[i][j]: derivatives of output i with respect to input j, shape (*output.shape, *input.shape)
Blocks: TypeAlias = list[list[Tensor]]


@overload
def jacrev(
    f: TensorOfTensor,
    argnums: Literal[0] = 0,
    *,
    has_aux: Literal[False] = False,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., Tensor]: ...
@overload
def jacrev(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Any: ...
def jacrev(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The function that computes the Jacobian in reverse mode.

    It evaluates ``f`` once and sweeps the recorded graph with all cotangents in one batch. Best
    when outputs have fewer elements than inputs.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them.
        argnums: the argument to differentiate with respect to, or a tuple of them.
        has_aux: ``f`` returns ``(output, aux)``.
        chunk_size: sweep for at most so many output elements at a time. By default, as many as
            the processor's cache can hold.
        holomorphic: the arguments and outputs are complex and ``f`` is holomorphic, so that its
            derivative is a complex matrix. Without it the arguments must be real; outputs may be
            complex.

    Returns:
        A function of the same arguments that returns the Jacobian, or ``(Jacobian, aux)``. For an
        output and an argument that are tensors it is a tensor of shape ``(*output.shape,
        *argument.shape)``; for trees it has the structure of the output, and in the place of each
        output tensor the structure of the arguments (a tuple if ``argnums`` is one) of such blocks.

    Raises:
        TypeError: an argument or an output is not a floating-point or complex tensor; an argument
            is complex without ``holomorphic``, or one of them is real with it.

    >>> pa.func.jacrev(lambda x: x**2)(pa.tensor([1.0, 3.0])).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    >>> pa.func.jacrev(lambda z: z**2, holomorphic=True)(pa.tensor([1.0j])).tolist()
    [[2j]]

    A function that is not holomorphic is one of the real and imaginary parts:

    >>> f = lambda x, y: pa.abs(pa.complex(x, y))
    >>> [j.item() for j in pa.func.jacrev(f, argnums=(0, 1))(3.0, 4.0)]
    [0.6, 0.8]
    """
    check_callable("jacrev", f)
    argnums = check_argnums("jacrev", argnums)
    chunk_size = check_chunk_size("jacrev", chunk_size)

    @functools.wraps(f, updated=())
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        recording = Recording("jacrev", f, args, kwargs, argnums, has_aux)
        check_holomorphic("jacrev", recording.inputs, recording.outputs, holomorphic)
        blocks = reverse_blocks(recording.outputs, recording.inputs, chunk_size=chunk_size)
        nested = nest(recording.out_structure, recording.in_structure, blocks)
        return (nested, recording.aux) if has_aux else nested

    return jacobian


@overload
def jacfwd(
    f: TensorOfTensor,
    argnums: Literal[0] = 0,
    *,
    has_aux: Literal[False] = False,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., Tensor]: ...
@overload
def jacfwd(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Any: ...
def jacfwd(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The function that computes the Jacobian in forward mode.

    It evaluates ``f`` once, with all tangents in one batch, and records no graph. Best when inputs
    have fewer elements than outputs. Arguments, result and errors are those of :func:`jacrev`;
    ``chunk_size`` counts input elements, and ``f`` runs once per chunk.

    >>> pa.func.jacfwd(lambda x: x**2)(pa.tensor([1.0, 3.0])).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    """
    check_callable("jacfwd", f)
    argnums = check_argnums("jacfwd", argnums)
    chunk_size = check_chunk_size("jacfwd", chunk_size)

    @functools.wraps(f, updated=())
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        arguments = Arguments("jacfwd", args, argnums)
        check_holomorphic("jacfwd", arguments.leaves, (), holomorphic)
        evaluate = _DualEvaluation(f, kwargs, arguments, has_aux)
        blocks = _forward_blocks(evaluate, chunk_size)
        check_holomorphic("jacfwd", (), [block for row in blocks for block in row], holomorphic)
        nested = nest(evaluate.structure, arguments.structure, blocks)
        return (nested, evaluate.aux) if has_aux else nested

    return jacobian


@overload
def hessian(
    f: TensorOfTensor,
    argnums: Literal[0] = 0,
    *,
    has_aux: Literal[False] = False,
    holomorphic: bool = False,
) -> Callable[..., Tensor]: ...
@overload
def hessian(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Any: ...
def hessian(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The function that computes all second derivatives.

    One recorded evaluation, one differentiable sweep for the gradient and one batched sweep through
    that: reverse over reverse; where the output has more elements than the argument, forward over
    forward on the same recording. ``pa.hessian`` offers the other strategies and bounds memory.

    Args:
        f: a function of tensors, or of trees of them; usually it returns a scalar tensor.
        argnums: the argument to differentiate with respect to, or a tuple of them.
        has_aux: ``f`` returns ``(output, aux)``.
        holomorphic: as in :func:`jacrev`. A real function of complex arguments has its Hessian as a
            function of their real and imaginary parts (see the example); :func:`hvp` takes complex
            arguments as they are.

    Returns:
        A function of the same arguments that returns the Hessian, or ``(Hessian, aux)``. For a
        scalar output and a tensor argument it is a tensor of shape ``(*argument.shape,
        *argument.shape)``; for trees, the structure of the output, in it the structure of the
        arguments, and in each place that structure again.

    Raises:
        TypeError: as in :func:`jacrev`.

    >>> pa.func.hessian(lambda x: pa.sum(x**3))(pa.tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    >>> f = lambda p: pa.real(pa.complex(p[0], p[1]) ** 3)
    >>> pa.func.hessian(f)(pa.tensor([1.0, 0.0])).tolist()
    [[6.0, 0.0], [0.0, -6.0]]
    """
    check_callable("hessian", f)
    argnums = check_argnums("hessian", argnums)

    @functools.wraps(f, updated=())
    def second_derivatives(*args: Any, **kwargs: Any) -> Any:
        return evaluate_hessian(f, args, kwargs, argnums, has_aux, holomorphic)

    return second_derivatives


def evaluate_hessian(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    has_aux: bool,
    holomorphic: bool,
) -> Any:
    """The Hessian at a point, reverse over reverse; `f` runs once."""
    recording = Recording("hessian", f, args, kwargs, argnums, has_aux)
    nested = hessian_of(recording, holomorphic)
    return (nested, recording.aux) if has_aux else nested


def hessian_of(
    recording: Recording,
    holomorphic: bool,
    chunk_size: Callable[[list[Tensor]], int | None] | None = None,
) -> Any:
    """The Hessian of what was recorded; `chunk_size` is asked with the first derivatives.

    By rows of the outputs' Jacobian, or by its columns where the outputs have more elements than
    the inputs.
    """
    check_holomorphic("hessian", recording.inputs, recording.outputs, holomorphic)
    inputs, inner = recording.inputs, recording.in_structure
    forward = not holomorphic and _is_tall(recording)
    with recording_on():
        if forward:
            first = linear_blocks(recording, "yes")
        else:
            first = reverse_blocks(recording.outputs, inputs, differentiable="yes")
    gradients = [g for row in first for g in row]
    if forward:
        second = linear_blocks(Recorded(inputs, gradients))
    else:
        chunk = chunk_size(gradients) if chunk_size else None
        second = reverse_blocks(gradients, inputs, chunk_size=chunk)
    if inner.type is None and recording.out_structure.type is None:
        return second[0][0]
    rows = iter([unflatten(inner, row) for row in second])
    per_output = [unflatten(inner, [next(rows) for _ in inputs]) for _ in recording.outputs]
    return unflatten(recording.out_structure, per_output)


def value_grad_hessian_of(recording: Recording) -> tuple[Any, Any, Any]:
    """Of a real scalar function that was recorded."""
    inputs, inner = recording.inputs, recording.in_structure
    with recording_on():
        (first,) = reverse_blocks(recording.outputs, inputs, differentiable="yes")
    second = reverse_blocks(first, inputs)
    gradient = unflatten(inner, [recording.settled(g) for g in first])
    return recording.value(), gradient, nest(inner, inner, second)


def _is_tall(recording: Recording) -> bool:
    """Whether columns are fewer than rows; of complex outputs rows are the simpler ones."""
    inputs, outputs = recording.inputs, recording.outputs
    if any(y.dtype.kind == "c" for y in outputs):
        return False
    return sum([y.size for y in outputs]) > max(sum([x.size for x in inputs]), 1)


@overload
def hvp(f: OfTensor, argnums: Literal[0] = 0) -> Callable[..., Tensor]: ...
@overload
def hvp(f: OfTree[Tree], argnums: Literal[0] = 0) -> Callable[..., Tree]: ...
@overload
def hvp(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Any: ...
def hvp(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that multiplies a scalar function's Hessian with a vector, without forming it.

    ``H v`` is the derivative of the gradient in the direction ``v``; here, because ``H`` is
    symmetric, the gradient of ``gradient . v`` (B. A. Pearlmutter, Fast exact multiplication by the
    Hessian, Neural Computation 6, 1994), at the cost of a few evaluations of ``f`` whatever the
    number of variables.

    Args:
        f: a function that returns a scalar tensor.
        argnums: the argument to differentiate with respect to, or a tuple of them.

    Returns:
        A function of the same arguments followed by ``v``, which has the structure, shapes and
        dtypes of the chosen argument (a tuple if ``argnums`` is one), and so has the result. For a
        complex argument it is the derivative of the gradient ``dL/dx + i dL/dy`` in the direction
        ``v``, which is linear over the real numbers only.

    Raises:
        TypeError: an argument is neither floating-point nor complex, or the result is not a real
            tensor.
        ValueError: the result is not a scalar, or ``v`` does not match the argument.

    >>> x, v = pa.tensor([1.0, 2.0]), pa.tensor([1.0, 0.0])
    >>> pa.func.hvp(lambda x: pa.sum(x**3))(x, v).tolist()
    [6.0, 0.0]
    """
    check_callable("hvp", f)
    argnums = check_argnums("hvp", argnums)

    @functools.wraps(f, updated=())
    def product(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise TypeError("[hvp] expected the arguments of the function and a vector after them")
        return evaluate_hvp(f, args[:-1], kwargs, args[-1], argnums)

    return product


def evaluate_hvp(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], v: Any, argnums: Argnums
) -> Any:
    """The Hessian at a point times `v`; `f` runs once."""
    _core.begin_deferral()
    try:
        recording = Recording("hvp", f, args, kwargs, argnums, False, unread=True)
        inputs = recording.inputs
        vector = match_values("hvp", "the vector", v, recording.in_structure, inputs)
        recording.scalar()
        gradients = gradients_of(recording, unread=True)
        products = sweep(gradients, vector, inputs, retain_graph=False, spent=True)
    finally:
        _core.end_deferral()
    return unflatten(recording.in_structure, products)


def nest(outer: TreeDef, inner: TreeDef, blocks: Blocks) -> Any:
    """Blocks in the structure of the outputs, and in each place the structure of the inputs."""
    if outer.type is None and inner.type is None:
        return blocks[0][0]
    return unflatten(outer, [unflatten(inner, row) for row in blocks])


def reverse_blocks(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    *,
    chunk_size: int | None = None,
    differentiable: str = "auto",
) -> Blocks:
    """The Jacobian of a recorded graph by batched sweeps, one per output tensor."""
    blocks = []
    last = len(outputs) - 1
    for i, y in enumerate(outputs):
        # The last sweep may release the graph as it goes, unless its result needs it.
        retain = i < last or differentiable == "yes"
        if y.dtype.kind == "c":
            blocks.append(_complex_row(y, inputs, chunk_size, retain, differentiable))
        else:
            blocks.append(_row(y, inputs, chunk_size, retain, differentiable))
    return blocks


def _row(
    y: Tensor,
    inputs: Sequence[Tensor],
    chunk_size: int | None,
    retain_graph: bool,
    differentiable: str,
    unit: complex = 1.0,
) -> list[Tensor]:
    """The pullback of every basis vector of one output, times `unit`."""
    if y.shape:
        return _sweep_elements(y, inputs, chunk_size, retain_graph, differentiable, unit)
    seed = None if y.dtype.kind == "f" else _core.full((), unit, dtype=y.dtype, device=y.device)
    return sweep([y], [seed], inputs, retain_graph=retain_graph, differentiable=differentiable)


def _complex_row(
    y: Tensor,
    inputs: Sequence[Tensor],
    chunk_size: int | None,
    retain_graph: bool,
    differentiable: str,
) -> list[Tensor]:
    """The Jacobian of a complex output: the pullback is its adjoint, which has the conjugate rows.

    Pulled back to a real input, 1 gives the real part of a row and i the imaginary part.
    """
    any_real = any(x.dtype.kind != "c" for x in inputs)
    row = _row(y, inputs, chunk_size, retain_graph or any_real, differentiable)
    if not any_real:
        return [_core.conj(g) for g in row]
    turned = _row(y, inputs, chunk_size, retain_graph, differentiable, 1j)
    return [
        _core.conj(g) if x.dtype.kind == "c" else _core.complex(g, h)
        for x, g, h in zip(inputs, row, turned, strict=True)
    ]


def check_holomorphic(
    op: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], holomorphic: bool
) -> None:
    """A matrix of derivatives needs real inputs, or a derivative that is linear over C."""
    if not holomorphic:
        for x in inputs:
            if x.dtype.kind == "c":
                raise TypeError(
                    f"[{op}] an argument has dtype {x.dtype}, and a function of complex numbers "
                    "has a derivative that is a matrix only if it is holomorphic: pass "
                    "holomorphic=True if this one is; otherwise differentiate it as a function of "
                    "real and imaginary parts, through pyautograd.complex(x, y)"
                )
        return
    for kind, tensors in (("argument", inputs), ("output", outputs)):
        for x in tensors:
            if x.dtype.kind != "c":
                raise TypeError(
                    f"[{op}] holomorphic=True needs complex arguments and outputs, but an {kind} "
                    f"has dtype {x.dtype}: convert it with astype(pyautograd.complex128)"
                )


def _sweep_elements(
    y: Tensor,
    inputs: Sequence[Tensor],
    chunk_size: int | None,
    retain_graph: bool,
    differentiable: str,
    unit: complex,
) -> list[Tensor]:
    """A sweep with the identity, times `unit`, as a batch of cotangents."""

    def sweep_rows(start: int, stop: int) -> list[Tensor]:
        retain = retain_graph or stop < y.size
        with _core.Level("vmap", stop - start) as level:
            rows = basis(y, start, stop)
            seeds = _core.make_batched(level, rows if unit == 1.0 else rows * unit, 0)
            found = sweep([y], [seeds], inputs, retain_graph=retain, differentiable=differentiable)
            return [to_front(level, g, stop - start) for g in found]

    ranges = chunks(y.size, chunk_size or _default_chunk(y, inputs))
    rows = sweep_rows(*ranges[0])
    if len(ranges) > 1:
        joined = [_Rows(y.size, part) for part in rows]
        for start, stop in ranges[1:]:
            for whole, part in zip(joined, sweep_rows(start, stop), strict=True):
                whole.add(start, stop, part)
        rows = [whole.result() for whole in joined]
    if len(y.shape) == 1:
        return rows
    return [_core.reshape(r, (*y.shape, *x.shape)) for r, x in zip(rows, inputs, strict=True)]


class _Rows:
    """Parts put together along the first axis; numbers are copied at once, so that parts can go."""

    def __init__(self, size: int, first: Tensor) -> None:
        self._plain = not first.requires_grad and _core.depth(first) == 0
        if self._plain:
            shape = size, *first.shape[1:]
            self._whole = _core.empty(shape, dtype=first.dtype, device=first.device)
            self._whole[: first.shape[0]] = first
        else:
            self._parts = [first]

    def add(self, start: int, stop: int, part: Tensor) -> None:
        if self._plain:
            self._whole[start:stop] = part
        else:
            self._parts.append(part)

    def result(self) -> Tensor:
        return self._whole if self._plain else _core.concat(self._parts)


def _default_chunk(y: Tensor, inputs: Sequence[Tensor]) -> int:
    """As many cotangents as fit the cache together, if not all do."""
    row = sum([x.nbytes for x in inputs])
    return y.size if row * y.size <= _CACHE else max(_CACHE // (4 * row), 16)


def linear_blocks(recording: Recording | Recorded, differentiable: str = "auto") -> Blocks:
    """The Jacobian of a recording by batched push-forwards, one per input tensor; `f` ran once."""
    push_forward = transpose(recording, differentiable)
    outputs, inputs = recording.outputs, recording.inputs
    columns = []
    for j, x in enumerate(inputs):
        with _core.Level("vmap", x.size) as level:
            tangents: list[Tensor | None] = [None] * len(inputs)
            tangents[j] = _core.make_batched(level, basis(x, 0, x.size), 0)
            moved = [to_front(level, t, x.size) for t in push_forward(tangents)]
        columns.append(
            [_basis_last(t, y.shape, x.shape) for t, y in zip(moved, outputs, strict=True)]
        )
    return [list(row) for row in zip(*columns, strict=True)]


class _DualEvaluation:
    """Evaluations of a function on dual numbers whose tangents are a batch of basis vectors."""

    def __init__(
        self, f: Callable[..., Any], kwargs: dict[str, Any], arguments: Arguments, has_aux: bool
    ) -> None:
        self.f, self.kwargs, self.arguments, self.has_aux = f, kwargs, arguments, has_aux

    def __call__(self, start: int, stop: int) -> list[Tensor]:
        """One tangent per output, batch first, for the inputs' elements start..stop in a row."""
        with _core.Level("vmap", stop - start) as batch:
            seeds = _seeds(batch, self.arguments.leaves, start, stop)
            with _core.Level("jvp", 0) as level:
                duals = [
                    _core.make_dual(level, x, v)
                    for x, v in zip(self.arguments.leaves, seeds, strict=True)
                ]
                result = self.f(*self.arguments.replaced(duals), **self.kwargs)
                out, aux = split_aux("jacfwd", result, self.has_aux)
                leaves, self.structure = flatten_outputs("jacfwd", out)
                pairs = [_core.unwrap_dual(level, y) for y in leaves]
                if self.has_aux:
                    aux = map(lambda leaf: primal_of(level, leaf), aux)
            # Primals are not mapped: every entry of the batch has the same.
            self.aux = map(lambda leaf: _unmapped(batch, leaf), aux) if self.has_aux else None
            self.shapes = [y.shape for y, _ in pairs]
            tangents = [_core.zeros_like(y) if t is None else t for y, t in pairs]
            return [to_front(batch, t, stop - start) for t in tangents]


def _forward_blocks(evaluate: _DualEvaluation, chunk_size: int | None) -> Blocks:
    inputs = evaluate.arguments.leaves
    total = sum([x.size for x in inputs])
    parts, tape = [], Tape()
    for start, stop in chunks(total, chunk_size):
        with tape.take():
            parts.append(evaluate(start, stop))
    blocks = []
    for tangents, shape in zip(zip(*parts, strict=True), evaluate.shapes, strict=True):
        rows = tangents[0] if len(parts) == 1 else _core.concat(tangents)
        row, start = [], 0
        for x in inputs:
            stop = start + x.size
            own = rows if x.size == total else rows[start:stop]
            row.append(_basis_last(own, shape, x.shape))
            start = stop
        blocks.append(row)
    return blocks


def _seeds(batch: Any, inputs: Sequence[Tensor], start: int, stop: int) -> Iterator[Tensor | None]:
    """Unit tangents for elements start..stop of all inputs laid end to end."""
    offset = 0
    for x in inputs:
        first, last = max(start, offset), min(stop, offset + x.size)
        if first >= last:
            yield None
        else:
            unit = basis(x, start - offset, stop - offset)
            yield _core.make_batched(batch, unit, 0)
        offset += x.size


def basis(x: Tensor, start: int, stop: int) -> Tensor:
    """Rows start..stop of the identity, each in the shape of x; zero outside it."""
    eye = _core.eye(stop - start, x.size, k=start, dtype=x.dtype, device=x.device)
    return eye if len(x.shape) == 1 else _core.reshape(eye, (stop - start, *x.shape))


def _basis_last(rows: Tensor, out_shape: tuple[int, ...], in_shape: tuple[int, ...]) -> Tensor:
    """From (inputs, *out_shape) to (*out_shape, *in_shape)."""
    columns = _core.moveaxis(rows, 0, -1) if out_shape else rows
    return columns if len(in_shape) == 1 else _core.reshape(columns, (*out_shape, *in_shape))


def chunks(size: int, chunk_size: int | None) -> list[tuple[int, int]]:
    if chunk_size is None or size <= chunk_size:
        return [(0, size)]
    return [(i, min(i + chunk_size, size)) for i in range(0, size, chunk_size)]


def _unmapped(batch: Any, leaf: Any) -> Any:
    return _core.unwrap_batched(batch, leaf)[0] if type(leaf) is Tensor else leaf
