"""Differential operators: functions made from functions, evaluated without full Hessians."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from . import _core
from ._core import Tensor
from ._replay import Tape
from ._whole import whole
from .func._arguments import Arguments, as_choice, check_callable, flatten_outputs
from .func._forward import jvp
from .func._jacobian import basis, chunks
from .func._reverse import unread
from .func._taylor import check_order, coefficients
from .func._vmap import check_chunk_size, to_front
from .tree import map

__all__ = ["derivative", "divergence", "hessian_diagonal", "laplacian"]

# Bytes of the directions that are carried together
_BYTES = 1 << 22


def laplacian(
    f: Callable[..., Any], argnums: int = 0, *, chunk_size: int | None = None
) -> Callable[..., Tensor]:
    """The function that computes the sum of the second derivatives by each element of an argument.

    One evaluation that carries with every value its derivatives along the axes, as a batch, and one
    sum of second derivatives: the forward Laplacian (R. Li et al., A computational framework for
    neural network-based variational Monte Carlo with Forward Laplacian, Nature Machine Intelligence
    6, 2024), which is collapsed Taylor mode (F. Dangel et al., Collapsing Taylor mode automatic
    differentiation, 2025). Nothing is recorded for it, so it can itself be differentiated, in any
    mode, at the cost of any other function.

    Args:
        f: a function that returns one tensor.
        argnums: the argument, one tensor of any shape.
        chunk_size: directions that are carried together; by default as many as take 4 MiB.

    Returns:
        A function of the same arguments that returns a tensor of the shape of the output.

    Raises:
        TypeError: the argument or the output is not one floating-point tensor.

    >>> pa.laplacian(lambda x: x[0] ** 2 * x[1])(pa.tensor([1.0, 3.0])).item()
    6.0
    >>> u = lambda k, p: pa.sin(k * p[0]) * pa.sin(p[1])
    >>> points = pa.tensor([[0.5, 0.5], [1.0, 2.0]])
    >>> sources = pa.func.vmap(pa.laplacian(u, argnums=1), in_axes=(None, 0))(2.0, points)
    >>> bool(np.allclose(sources, [-5 * u(2.0, p).item() for p in points]))
    True
    """
    return _second_derivatives("laplacian", f, argnums, chunk_size, summed=True)


def hessian_diagonal(
    f: Callable[..., Any], argnums: int = 0, *, chunk_size: int | None = None
) -> Callable[..., Tensor]:
    """The function that computes the second derivative by each element of an argument.

    Arguments and errors are those of :func:`laplacian`. The function made returns a tensor of shape
    ``(*output.shape, *argument.shape)``.

    >>> pa.hessian_diagonal(lambda x: x[0] ** 2 * x[1] ** 3)(pa.tensor([1.0, 2.0])).tolist()
    [16.0, 12.0]
    """
    return _second_derivatives("hessian_diagonal", f, argnums, chunk_size, summed=False)


def divergence(
    f: Callable[..., Any], argnums: int = 0, *, chunk_size: int | None = None
) -> Callable[..., Tensor]:
    """The function that computes the trace of the Jacobian of a vector field.

    One evaluation with a batch of tangents, from which only the diagonal is read.

    Args:
        f: a function that returns one tensor of the shape of the argument.
        argnums, chunk_size: as in :func:`laplacian`.

    Returns:
        A function of the same arguments that returns a scalar tensor.

    Raises:
        TypeError: the argument or the output is not one floating-point tensor.
        ValueError: the output has another shape than the argument.

    >>> pa.divergence(lambda x: x**2)(pa.tensor([1.0, 3.0])).item()
    8.0
    """
    check_callable("divergence", f)
    chunk_size = check_chunk_size("divergence", chunk_size)

    @functools.wraps(f, updated=())
    def trace(*args: Any, **kwargs: Any) -> Tensor:
        x, at = _argument("divergence", f, args, kwargs, argnums)
        if not x.size:
            y = at(x)
            _check_field(y.shape, x.shape)
            return _core.sum(y)
        parts, tape = [], Tape()
        for start, stop in _chunks(x, chunk_size):
            with tape.take(), _core.Level("vmap", stop - start) as level:
                direction = _core.make_batched(level, basis(x, start, stop), 0)
                moved = to_front(level, jvp(at, (x,), (direction,))[1], stop - start)
            _check_field(moved.shape[1:], x.shape)
            parts.append(_core.sum(_diagonal(moved, x, start, stop)))
        return _total(parts)

    return trace


def derivative(f: Callable[[Any], Any], n: int = 1) -> Callable[[Any], Any]:
    """The n-th derivative of a function of one number.

    From the Taylor coefficients of one call of ``f``: see :func:`pyautograd.func.taylor`.

    Args:
        f: a function of a scalar tensor that returns a tensor or a tree of them.
        n: the order, from 0 to 170.

    Returns:
        A function of a number that returns the structure of the output. With ``vmap`` it takes
        arrays.

    Raises:
        TypeError: ``n`` is not an int, or the argument or an output is not floating-point.
        ValueError: ``n`` is out of range, or the argument is not a scalar.

    >>> pa.derivative(pa.sin, 3)(0.0).item(), pa.derivative(lambda x: x**5, 4)(2.0).item()
    (-1.0, 240.0)
    """
    check_callable("derivative", f)
    if whole(n) is None:
        raise TypeError(f"[derivative] the order must be an int, got {as_choice('derivative', n)}")
    n = check_order("derivative", n)

    @functools.wraps(f, updated=())
    def nth(x: Any) -> Any:
        (x,) = Arguments("derivative", (x,), 0).leaves
        if x.shape:
            raise ValueError(
                f"[derivative] the argument must be a scalar, got shape {x.shape}: use vmap"
            )
        scale = float(math.factorial(n))
        top = coefficients("derivative", f, x, _core.ones_like(x), n)[-1]
        return map(lambda y: y * scale, top) if n > 1 else top

    return nth


def _second_derivatives(
    op: str, f: Callable[..., Any], argnums: int, chunk_size: int | None, summed: bool
) -> Callable[..., Tensor]:
    check_callable(op, f)
    chunk_size = check_chunk_size(op, chunk_size)
    argnum = whole(argnums)
    if argnum is None:
        raise TypeError(f"[{op}] argnums must be an int, got {as_choice(op, argnums)}")

    @functools.wraps(f, updated=())
    def evaluate(*args: Any, **kwargs: Any) -> Tensor:
        x, at = _argument(op, f, args, kwargs, argnum)
        if not x.size:
            y = at(x)
            return (
                _core.zeros_like(y)
                if summed
                else _core.zeros((*y.shape, *x.shape), y.dtype, device=y.device)
            )
        parts, tape = [], Tape()
        for start, stop in _chunks(x, chunk_size):
            with tape.take():  # every evaluation is of one function, whatever it draws
                parts.append(_along_axes(op, at, x, start, stop, summed))
        if summed:
            return _total(parts)
        rows = _core.concat(parts)
        return _core.reshape(_core.moveaxis(rows, 0, -1), (*rows.shape[1:], *x.shape))

    return evaluate


def _along_axes(
    op: str, at: Callable[[Any], Tensor], x: Tensor, start: int, stop: int, summed: bool
) -> Tensor:
    """Second derivatives along unit vectors, in front of the output's shape, or their sum.

    The first coefficients are a batch over the directions. Of the second, every op needs only the
    sum if that is what is wanted, for what follows is linear in them.
    """
    size = stop - start
    with _core.Level("vmap", size) as directions:
        direction = _core.make_batched(directions, basis(x, start, stop), 0)
        collapsed = directions if summed else None
        with _core.Level("taylor", 2, directions=collapsed) as level:
            with unread():  # the value and, behind the last curved op, first derivatives
                (y,), _ = flatten_outputs(op, at(_core.make_jet(level, x, [direction])))
            value, (_, second) = _core.unwrap_jet(level, y)
        if second is None:
            shape = value.shape if summed else (size, *value.shape)
            return _core.zeros(shape, dtype=value.dtype, device=value.device)
        return second * (2 * size) if summed else 2 * to_front(directions, second, size)


def _diagonal(rows: Tensor, x: Tensor, start: int, stop: int) -> Tensor:
    """From row i, which belongs to element start + i of x, the entry at that element."""
    flat = _core.reshape(rows, (stop - start, x.size))
    return _core.diagonal(flat[:, start:stop])


def _argument(
    op: str, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], argnums: int
) -> tuple[Tensor, Callable[[Any], Tensor]]:
    """The chosen argument, and f as a function of it alone that must return one tensor."""
    arguments = Arguments(op, args, argnums)
    if arguments.structure.type is not None:
        raise TypeError(
            f"[{op}] the argument must be one tensor, got the tree {arguments.structure!r}"
        )
    x = arguments.leaves[0]
    if x.dtype.kind == "c":
        raise TypeError(
            f"[{op}] the argument is complex: write the function with real and imaginary parts"
        )

    def at(x: Any) -> Tensor:
        y = f(*arguments.replaced([x]), **kwargs)
        if type(y) is not Tensor:
            raise TypeError(f"[{op}] the function must return one tensor, got a {type(y).__name__}")
        return y

    return x, at


def _chunks(x: Tensor, chunk_size: int | None) -> list[tuple[int, int]]:
    return chunks(x.size, chunk_size or max(16, _BYTES // x.nbytes))


def _check_field(shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        raise ValueError(
            f"[divergence] the function returns shape {shape} for an argument of shape {wanted}: "
            "a vector field keeps it"
        )


def _total(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
