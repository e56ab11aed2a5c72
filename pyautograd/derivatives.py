"""Derivatives at a point: evaluated now, with the strategy chosen for you."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .func._arguments import check_argnums, check_callable
from .func._jacobian import (
    check_holomorphic,
    evaluate_hessian,
    evaluate_hvp,
    jacfwd,
    jacrev,
    linear_blocks,
    nest,
    reverse_blocks,
)
from .func._reverse import Recording

__all__ = ["hessian", "hvp", "jacobian"]

_TRANSFORMS = {"forward": jacfwd, "reverse": jacrev}


def jacobian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    mode: str = "auto",
    holomorphic: bool = False,
) -> Any:
    """The Jacobian of a function at a point.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them.
        *args: its arguments; arrays and floats are converted.
        argnums: the argument to differentiate with respect to, or a tuple of them.
        has_aux: ``f`` returns ``(output, aux)``, and the result is ``(Jacobian, aux)``.
        mode: ``"forward"``, ``"reverse"``, or ``"auto"``: one recorded evaluation, swept with as
            many cotangents as there are outputs or pushed forward with as many tangents as there
            are inputs, whichever are fewer.
        holomorphic: the arguments and outputs are complex and ``f`` is holomorphic: see
            :func:`pyautograd.func.jacrev`.

    Returns:
        A tensor of shape ``(*output.shape, *argument.shape)``; for trees see
        :func:`pyautograd.func.jacrev`.

    Raises:
        TypeError: an argument or an output is not a floating-point or complex tensor, or
            ``holomorphic`` does not fit.
        ValueError: an unknown mode.

    >>> pa.jacobian(lambda x: x[0] * x, pa.tensor([2.0, 3.0])).tolist()
    [[4.0, 0.0], [3.0, 2.0]]
    """
    if mode in _TRANSFORMS:
        return _TRANSFORMS[mode](f, argnums, has_aux=has_aux, holomorphic=holomorphic)(*args)
    if mode != "auto":
        raise _unknown_mode("jacobian", mode, ["auto", *_TRANSFORMS])
    check_callable("jacobian", f)
    argnums = check_argnums("jacobian", argnums)
    recording = Recording("jacobian", f, args, {}, argnums, has_aux)
    inputs, outputs = recording.inputs, recording.outputs
    check_holomorphic("jacobian", inputs, outputs, holomorphic)
    if sum([y.size for y in outputs]) <= sum([x.size for x in inputs]):
        blocks = reverse_blocks(outputs, inputs)
    else:
        blocks = linear_blocks(recording)
    nested = nest(recording.out_structure, recording.in_structure, blocks)
    return (nested, recording.aux) if has_aux else nested


def hessian(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    mode: str = "auto",
    holomorphic: bool = False,
) -> Any:
    """The Hessian of a function at a point.

    Args:
        f: a function of tensors, or of trees of them; usually it returns a scalar tensor.
        *args: its arguments; arrays and floats are converted.
        argnums: the argument to differentiate with respect to, or a tuple of them.
        has_aux: ``f`` returns ``(output, aux)``, and the result is ``(Hessian, aux)``.
        mode: ``"forward-over-reverse"``, ``"reverse-over-reverse"``, ``"forward-over-forward"``,
            ``"reverse-over-forward"``, or ``"auto"``: reverse over reverse on one recorded
            evaluation.
        holomorphic: the arguments and outputs are complex and ``f`` is holomorphic. A real function
            of complex arguments has its Hessian as a function of their real and imaginary parts
            (see the example), and :func:`hvp` takes complex arguments as they are.

    Returns:
        A tensor of shape ``(*argument.shape, *argument.shape)`` for a scalar output; for trees see
        :func:`pyautograd.func.hessian`. It is symmetric up to rounding.

    Raises:
        TypeError: an argument or an output is not a floating-point or complex tensor, or
            ``holomorphic`` does not fit.
        ValueError: an unknown mode.

    >>> pa.hessian(lambda x: x[0] ** 2 * x[1], pa.tensor([1.0, 3.0])).tolist()
    [[6.0, 2.0], [2.0, 0.0]]

    Of ``Re(z**3)`` with respect to the parts of ``z``:

    >>> pa.hessian(lambda p: pa.real(pa.complex(p[0], p[1]) ** 3), pa.tensor([1.0, 0.0])).tolist()
    [[6.0, 0.0], [0.0, -6.0]]
    """
    if mode == "auto":
        check_callable("hessian", f)
        argnums = check_argnums("hessian", argnums)
        return evaluate_hessian(f, args, {}, argnums, has_aux, holomorphic)
    outer, _, inner = mode.partition("-over-")
    if outer not in _TRANSFORMS or inner not in _TRANSFORMS:
        modes = [f"{a}-over-{b}" for a in _TRANSFORMS for b in _TRANSFORMS]
        raise _unknown_mode("hessian", mode, ["auto", *modes])
    options = {"has_aux": has_aux, "holomorphic": holomorphic}
    first = _TRANSFORMS[inner](f, argnums, **options)
    return _TRANSFORMS[outer](first, argnums, **options)(*args)


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
