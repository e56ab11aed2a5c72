"""Derivatives at a point: evaluated now, with the strategy chosen for you."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from . import _core
from ._core import Tensor
from ._unplanned import is_compressible, is_small
from .func._arguments import check_argnums, check_callable
from .func._jacobian import (
    check_holomorphic,
    evaluate_hvp,
    hessian_of,
    jacfwd,
    jacrev,
    linear_blocks,
    nest,
    reverse_blocks,
    value_grad_hessian_of,
)
from .func._reverse import Recording

if TYPE_CHECKING:
    from ._planner import Explanation
    from ._planner._schedule import Options
    from ._typing import Leaf, Tree

__all__ = ["explain", "hessian", "hvp", "jacobian", "value_grad_hessian"]

_TRANSFORMS = {"forward": jacfwd, "reverse": jacrev}
_MODES = [f"{outer}-over-{inner}" for outer in _TRANSFORMS for inner in _TRANSFORMS]


class _Planning(NamedTuple):
    """What only the planner does; it is not imported where nothing of it is asked for."""

    memory: int | str | None
    sparsity: Any
    progress: bool | Callable[[int, int], Any]
    flatten: bool

    def asked(self) -> bool:
        given = self.memory is not None or self.sparsity is not None
        return given or self.progress is not False or self.flatten

    def options(self, op: str, **others: Any) -> Options:
        from ._planner._schedule import Options

        return Options(op=op, **self._asdict(), **others)


@overload
def jacobian(
    f: Callable[..., Tensor],
    x: Leaf,
    /,
    *args: Any,
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
    mode: str = "auto",
    holomorphic: bool = False,
    memory: int | str | None = None,
    sparsity: None = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: Literal[False] = False,
) -> Tensor: ...
@overload
def jacobian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    mode: str = "auto",
    holomorphic: bool = False,
    memory: int | str | None = None,
    sparsity: Any = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: bool = False,
) -> Any: ...
def jacobian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    mode: str = "auto",
    holomorphic: bool = False,
    memory: int | str | None = None,
    sparsity: Any = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: bool = False,
) -> Any:
    """The Jacobian of a function at a point.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them.
        *args: its arguments; arrays and floats are converted.
        argnums: the argument to differentiate with respect to, or a tuple of them.
        has_aux: ``f`` returns ``(output, aux)``, and the result is ``(Jacobian, aux)``.
        mode: ``"forward"``, ``"reverse"``, or ``"auto"``: one recorded evaluation, swept with as
            many cotangents as there are outputs or pushed forward with as many tangents as there
            are inputs, whichever are fewer. As in :func:`hessian`, a large Jacobian that is mostly
            zero is found with a few of them.
        holomorphic: the arguments and outputs are complex and ``f`` is holomorphic: see
            :func:`pyautograd.func.jacrev`.
        memory, sparsity, progress, flatten: as in :func:`hessian`. With ``flatten`` the result is
            ``(matrix, rows, columns)``.

    Returns:
        A tensor of shape ``(*output.shape, *argument.shape)``; for trees see
        :func:`pyautograd.func.jacrev`.

    Raises:
        TypeError: an argument or an output is not a floating-point or complex tensor, or
            ``holomorphic`` does not fit.
        ValueError: an unknown mode, or what ``memory`` and ``sparsity`` raise in :func:`hessian`.

    >>> pa.jacobian(lambda x: x[0] * x, pa.tensor([2.0, 3.0])).tolist()
    [[4.0, 0.0], [3.0, 2.0]]
    """
    if mode != "auto" and mode not in _TRANSFORMS:
        raise _unknown_mode("jacobian", mode, ["auto", *_TRANSFORMS])
    _check_sparsity("jacobian", mode, sparsity)
    planning = _Planning(memory, sparsity, progress, flatten)
    asked = planning.asked()
    if mode != "auto" and not asked:
        return _TRANSFORMS[mode](f, argnums, has_aux=has_aux, holomorphic=holomorphic)(*args)
    check_callable("jacobian", f)
    argnums = check_argnums("jacobian", argnums)
    before = _core.planned_bytes()
    recording = Recording("jacobian", f, args, {}, argnums, has_aux)
    inputs, outputs = recording.inputs, recording.outputs
    check_holomorphic("jacobian", inputs, outputs, holomorphic)
    rows, columns = sum([y.size for y in outputs]), sum([x.size for x in inputs])
    small = is_small(rows, columns, before)
    compressible = mode == "auto" and is_compressible(rows, columns)
    if asked or compressible or not small:
        from ._planner import jacobian as planned
        from ._planner._schedule import Start

        options = planning.options("jacobian", has_aux=has_aux, mode=mode)
        return planned(recording, options, Start(before, small))
    if rows <= columns:
        blocks = reverse_blocks(outputs, inputs)
    else:
        blocks = linear_blocks(recording)
    nested = nest(recording.out_structure, recording.in_structure, blocks)
    return (nested, recording.aux) if has_aux else nested


@overload
def hessian(
    f: Callable[..., Tensor],
    x: Leaf,
    /,
    *args: Any,
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
    mode: str = "auto",
    holomorphic: bool = False,
    memory: int | str | None = None,
    symmetric: bool = True,
    sparsity: None = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: Literal[False] = False,
) -> Tensor: ...
@overload
def hessian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    mode: str = "auto",
    holomorphic: bool = False,
    memory: int | str | None = None,
    symmetric: bool = True,
    sparsity: Any = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: bool = False,
) -> Any: ...
def hessian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    mode: str = "auto",
    holomorphic: bool = False,
    memory: int | str | None = None,
    symmetric: bool = True,
    sparsity: Any = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: bool = False,
) -> Any:
    """The Hessian of a function at a point.

    Args:
        f: a function of tensors, or of trees of them; usually it returns a scalar tensor.
        *args: its arguments; arrays and floats are converted.
        argnums: the argument to differentiate with respect to, or a tuple of them.
        has_aux: ``f`` returns ``(output, aux)``, and the result is ``(Hessian, aux)``.
        mode: ``"forward-over-reverse"``, ``"reverse-over-reverse"``, ``"forward-over-forward"``,
            ``"reverse-over-forward"``, or ``"auto"``: reverse over reverse on one recorded
            evaluation, or forward over forward where that has more outputs than inputs. From 160
            variables on ``"auto"`` looks at the pattern of the recorded program. Where most entries
            are zero there, a few products find the others, and the result is the same matrix.
            ``"reverse-over-reverse"`` sweeps every column.
        holomorphic: the arguments and outputs are complex and ``f`` is holomorphic. A real function
            of complex arguments has its Hessian as a function of their real and imaginary parts
            (see the example), and :func:`hvp` takes complex arguments as they are.
        memory: how many bytes may be alive at once beside the arguments and the result, as an int
            or a string like ``"256MB"``; by default a quarter of what is free. It sets how many
            columns go through one pass. Sizes are estimated from the recorded shapes (see
            :func:`explain`); inside ``vmap`` they are those of one sample. Of a function with
            several outputs it bounds the last sweep, if they are no more than the inputs.
        symmetric: of each pair of tensors in the arguments compute one block, with the rows of the
            smaller tensor, and take its transpose for the other.
        sparsity: ``"auto"``, a pattern, or a plan of :func:`pyautograd.sparse.plan`: the result is
            a ``scipy.sparse`` array over the elements of the argument (a tree's tensors one after
            the other), found with few products. See :mod:`pyautograd.sparse`.
        progress: print a line on standard error, or call this function with the columns done and
            the columns in all. Only where one recording is swept in passes, as in mode ``"auto"``.
        flatten: return ``(matrix, names)``: one matrix, and for each of its rows a name like
            ``"layers[0].weight[3, 1]"``.

    Returns:
        A tensor of shape ``(*argument.shape, *argument.shape)`` for a scalar output; for trees see
        :func:`pyautograd.func.hessian`. It is symmetric up to rounding. Of an output that is no
        scalar it holds one Hessian for each element, ``(*output.shape, *argument.shape,
        *argument.shape)``, as ``jax.hessian`` and ``torch.func.hessian`` return it; its first
        derivatives are :func:`jacobian`.

    In mode ``"auto"`` ``f`` is evaluated once, so draws and side effects happen once, whatever the
    number of passes; other modes evaluate it for every pass, with the same draws. The result is the
    same to the last bit for every ``memory`` that leaves the passes as wide as they would be
    without a bound, which 64 MiB beside what is recorded do in most cases. :func:`explain` says
    where memory decides; then matrix products and long sums may round differently.

    Inside :class:`detect_anomaly` a nan in the Hessian of a real scalar function raises
    RuntimeError with its entries and the operation that made it.

    Raises:
        TypeError: an argument or an output is not a floating-point or complex tensor, or
            ``holomorphic`` does not fit.
        ValueError: an unknown mode; ``memory`` does not suffice for one column (the message says
            what would); ``sparsity`` or ``flatten`` for a function that does not return a scalar; a
            pattern that misses an entry.

    >>> pa.hessian(lambda x: x[0] ** 2 * x[1], pa.tensor([1.0, 3.0])).tolist()
    [[6.0, 2.0], [2.0, 0.0]]

    Of ``Re(z**3)`` with respect to the parts of ``z``:

    >>> pa.hessian(lambda p: pa.real(pa.complex(p[0], p[1]) ** 3), pa.tensor([1.0, 0.0])).tolist()
    [[6.0, 0.0], [0.0, -6.0]]

    One matrix for a tree:

    >>> f, p = lambda p: p["a"] ** 2 * p["b"][0], {"a": 1.0, "b": [3.0]}
    >>> H, names = pa.hessian(f, p, flatten=True)
    >>> H.tolist(), names
    ([[6.0, 2.0], [2.0, 0.0]], ['a', 'b[0]'])
    """
    if mode != "auto" and mode not in _MODES:
        raise _unknown_mode("hessian", mode, ["auto", *_MODES])
    _check_sparsity("hessian", mode, sparsity)
    check_callable("hessian", f)
    argnums = check_argnums("hessian", argnums)
    planning = _Planning(memory, sparsity, progress, flatten)
    asked = planning.asked()
    if mode != "auto" and not asked:
        outer, _, inner = mode.partition("-over-")
        given = {"has_aux": has_aux, "holomorphic": holomorphic}
        first = _TRANSFORMS[inner](f, argnums, **given)
        return _TRANSFORMS[outer](first, argnums, **given)(*args)
    before = _core.planned_bytes()
    if mode in ("auto", "reverse-over-reverse"):
        recording = Recording("hessian", f, args, {}, argnums, has_aux)
        columns = sum([x.size for x in recording.inputs])
        anomaly = _core.anomaly_detection()[0]
        small = is_small(columns, columns, before)
        compressible = mode == "auto" and is_compressible(columns, columns)
        if small and not (asked or anomaly or compressible):
            nested = hessian_of(recording, holomorphic)
            return (nested, recording.aux) if has_aux else nested
        check_holomorphic("hessian", recording.inputs, recording.outputs, holomorphic)
    from ._planner import _hessian as planner
    from ._planner._schedule import Start

    options = planning.options(
        "hessian", has_aux=has_aux, mode=mode, symmetric=symmetric, holomorphic=holomorphic
    )
    if mode not in ("auto", "reverse-over-reverse"):
        return planner.by_transforms(f, args, argnums, options)
    return planner.hessian(recording, options, Start(before, small))


@overload
def value_grad_hessian(
    f: Callable[..., Tensor],
    x: Leaf,
    /,
    *args: Any,
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
    memory: int | str | None = None,
    symmetric: bool = True,
    sparsity: None = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: Literal[False] = False,
) -> tuple[Tensor, Tensor, Tensor]: ...
@overload
def value_grad_hessian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    memory: int | str | None = None,
    symmetric: bool = True,
    sparsity: Any = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: bool = False,
) -> tuple[Any, Any, Any]: ...
def value_grad_hessian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    memory: int | str | None = None,
    symmetric: bool = True,
    sparsity: Any = None,
    progress: bool | Callable[[int, int], Any] = False,
    flatten: bool = False,
) -> tuple[Any, Any, Any]:
    """A real scalar function, its gradient and its Hessian at a point, from one evaluation.

    Takes what :func:`hessian` takes and raises what it raises, and ValueError if the result is not
    a scalar.

    Returns:
        ``(value, gradient, hessian)``; with ``has_aux`` the first is ``(value, aux)``.

    >>> value, gradient, H = pa.value_grad_hessian(lambda x: pa.sum(x**3), pa.tensor([1.0, 2.0]))
    >>> value.item(), gradient.tolist(), H.tolist()
    (9.0, [3.0, 12.0], [[6.0, 0.0], [0.0, 12.0]])
    """
    op = "value_grad_hessian"
    check_callable(op, f)
    argnums = check_argnums(op, argnums)
    before = _core.planned_bytes()
    recording = Recording(op, f, args, {}, argnums, has_aux)
    planning = _Planning(memory, sparsity, progress, flatten)
    columns = sum([x.size for x in recording.inputs])
    small = is_small(columns, columns, before)
    asked = planning.asked() or _core.anomaly_detection()[0]
    plain = not (asked or is_compressible(columns, columns))
    if small and plain and recording.is_real_scalar():
        value, gradient, second = value_grad_hessian_of(recording)
        return ((value, recording.aux) if has_aux else value), gradient, second
    from ._planner import value_grad_hessian as planned
    from ._planner._schedule import Start

    options = planning.options(op, has_aux=has_aux, symmetric=symmetric)
    return planned(recording, options, Start(before, small))


def explain(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    memory: int | str | None = None,
    symmetric: bool = True,
    sparsity: Any = None,
) -> Explanation:
    """How :func:`hessian` would go about a function that returns a real scalar, and
    :func:`jacobian` about another.

    The function is evaluated and recorded, its derivatives are not computed. Arguments and errors
    are those of :func:`hessian`.

    Returns:
        An object to print, with fields ``strategy``, ``passes``, ``chunk`` (columns in a pass),
        ``colours``, ``flops``, ``recorded_bytes``, ``peak_bytes`` and ``result_bytes``. Numbers of
        operations and bytes are estimates from the recorded shapes.

    >>> plan = pa.explain(lambda x: pa.sum(x[1:] * x[:-1]) ** 2, pa.ones(10), memory="1MB")
    >>> print(plan)  # doctest: +ELLIPSIS
    Hessian with respect to 10 inputs
    strategy: reverse-over-reverse: ...
    passes: 1 for 10 columns
      x: 10 columns, 10 at a time (all), ...
    estimated: ...
    memory: at most 1 MB beside the result
    """
    from ._planner import explain as explained

    check_callable("explain", f)
    argnums = check_argnums("explain", argnums)
    planning = _Planning(memory, sparsity, progress=False, flatten=False)
    options = planning.options("explain", symmetric=symmetric)
    return explained(f, args, argnums, options)


def _check_sparsity(op: str, mode: str, sparsity: Any) -> None:
    if mode != "auto" and sparsity is not None:
        raise ValueError(
            f"[{op}] sparsity chooses its products itself: leave out mode={mode!r}, or compute all"
        )


@overload
def hvp(f: Callable[..., Any], x: Leaf, v: Any) -> Tensor: ...
@overload
def hvp(f: Callable[..., Any], x: Tree, v: Any) -> Tree: ...
@overload
def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any: ...
def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """The Hessian of a scalar function at ``x`` times ``v``, without forming the Hessian.

    Args:
        f: a function of one argument, a tensor or a tree of them, that returns a scalar tensor.
        x: the point; arrays and floats are converted.
        v: the vector, with the structure and shapes of ``x``.

    Returns:
        ``H(x) v``, with the structure, shapes and dtypes of ``x``. For complex ``x`` it is the
        derivative of the gradient ``dL/dx + i dL/dy`` in the direction ``v``.

    Raises:
        TypeError: ``x`` is neither floating-point nor complex, or the result is not a real tensor.
        ValueError: the result is not a scalar, or ``v`` does not match ``x``.

    >>> pa.hvp(lambda x: pa.sum(x**3), pa.tensor([1.0, 2.0]), pa.tensor([0.0, 1.0])).tolist()
    [0.0, 12.0]
    """
    check_callable("hvp", f)
    return evaluate_hvp(f, (x,), {}, v, 0)


def _unknown_mode(op: str, mode: str, modes: list[str]) -> ValueError:
    return ValueError(f"[{op}] unknown mode {mode!r}: expected one of {', '.join(modes)}")
