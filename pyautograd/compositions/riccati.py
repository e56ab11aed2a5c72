"""Riccati's algebraic equations, as in :mod:`scipy.linalg`: regulators, filters, games."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._numbers import on_host
from .._scipy import scipy_module
from ..function import Function
from ._common import floating, named, not_bool
from .matrix_equations import adjoint, solve_continuous_lyapunov, solve_discrete_lyapunov

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def solve_continuous_are(
    a: TensorLike,
    b: TensorLike,
    q: TensorLike,
    r: TensorLike,
    e: TensorLike | None = None,
    s: TensorLike | None = None,
) -> Tensor:
    """The x of ``a^H x + x a - x b r^-1 b^H x + q = 0`` that stabilises ``a - b r^-1 b^H x``.

    The cost of the best regulator of ``dz/dt = a z + b u``, with the gain ``r^-1 b^H x``, where
    ``z^H q z + u^H r u`` is paid. SciPy finds the numbers; derivatives of every order are those of
    the equation, by Lyapunov's (T.-C. Kao, G. Hennequin, Automatic differentiation of Sylvester,
    Lyapunov, and algebraic Riccati equations, 2020).

    :param a: tensor of shape (..., n, n)
    :param b: tensor of shape (..., n, m)
    :param q: Hermitian, of shape (..., n, n)
    :param r: Hermitian and invertible, of shape (..., m, m)
    :param e: in ``a^H x e + e^H x a - (e^H x b + s) r^-1 (b^H x e + s^H) + q = 0``; by default the
        identity
    :param s: in the same place, of shape (..., n, m); by default 0
    :raises numpy.linalg.LinAlgError: there is no such x; of what is not finite it is nan
    :raises ImportError: SciPy is missing

    >>> x = pa.linalg.solve_continuous_are([[0.0]], [[1.0]], [[4.0]], [[1.0]])
    >>> x.numpy().round(12)
    array([[2.]])
    """
    return _solved("solve_continuous_are", (a, b, q, r), e, s)


def solve_discrete_are(
    a: TensorLike,
    b: TensorLike,
    q: TensorLike,
    r: TensorLike,
    e: TensorLike | None = None,
    s: TensorLike | None = None,
) -> Tensor:
    """The x of ``a^H x a - x - a^H x b (r + b^H x b)^-1 b^H x a + q = 0`` that stabilises.

    The cost of the best regulator of ``z[t+1] = a z[t] + b u[t]``, whose gain is
    ``(r + b^H x b)^-1 b^H x a``; with ``a^H``, ``c^H`` and the covariances of two noises in place
    of ``a``, ``b``, ``q`` and ``r`` the covariance of a Kalman filter that has settled. Otherwise
    as :func:`solve_continuous_are`.

    :param a: tensor of shape (..., n, n)
    :param b: tensor of shape (..., n, m)
    :param q: Hermitian, of shape (..., n, n)
    :param r: Hermitian, of shape (..., m, m), invertible if there is an ``s``
    :param e: in ``a^H x a - e^H x e - (a^H x b + s) (r + b^H x b)^-1 (b^H x a + s^H) + q = 0``; by
        default the identity
    :param s: in the same place, of shape (..., n, m); by default 0
    :raises numpy.linalg.LinAlgError: there is no such x
    :raises ImportError: SciPy is missing

    >>> pa.linalg.solve_discrete_are([[1.0]], [[1.0]], [[2.0]], [[4.0]]).numpy().round(12)
    array([[4.]])
    """
    return _solved("solve_discrete_are", (a, b, q, r), e, s)


def _solved(name: str, given: Sequence[TensorLike], e: Any, s: Any) -> Tensor:
    op = f"linalg.{name}"
    a, b, q, r = (_matrix(op, x) for x in given)
    n, m = a.shape[-1], b.shape[-1]
    for which, x, shape in zip("abqr", (a, b, q, r), ((n, n), (n, m), (n, n), (m, m)), strict=True):
        _check_shape(op, which, x, shape)
    if e is not None:
        # With a e^-1, e^-H q e^-1 and e^-H s in place of a, q and s
        scale = _matrix(op, e)
        _check_shape(op, "e", scale, (n, n))
        a = _divided(a, scale)
        q = _divided(adjoint(_divided(adjoint(q), scale)), scale)
    if s is not None:
        cross = _matrix(op, s)
        _check_shape(op, "s", cross, (n, m))
        if e is not None:
            cross = adjoint(_divided(adjoint(cross), scale))
        turned = _core.linalg_solve(r, adjoint(cross))
        a, q = a - b @ turned, q - cross @ turned
    dtype = np.result_type(*(x.dtype for x in (a, b, q, r)))
    with named(op):
        batch = np.broadcast_shapes(*(x.shape[:-2] for x in (a, b, q, r)))
    whole = [_core.broadcast_to(x.astype(dtype), (*batch, *x.shape[-2:])) for x in (a, b, q, r)]
    found: Tensor = _Riccati.apply(name, *whole)
    return found


def _divided(x: Tensor, e: Tensor) -> Tensor:
    return _core.matrix_transpose(
        _core.linalg_solve(_core.matrix_transpose(e), _core.matrix_transpose(x))
    )


def _matrix(op: str, given: TensorLike) -> Tensor:
    x = floating(not_bool(op, given))
    return x if x.ndim > 1 else _core.atleast_2d(x)


def _check_shape(op: str, name: str, x: Tensor, shape: tuple[int, ...]) -> None:
    if x.shape[-2:] != shape:
        raise ValueError(
            f"[{op}] {name} has shape {x.shape}, expected (..., {shape[0]}, {shape[1]})"
        )


class _Riccati(Function):
    """``apply(name, a, b, q, r)``, all with the same axes in front.

    With the gain k and the closed loop c = a - b k, a change of the residual m moves x by what
    solves c^H dx + dx c = -m, or dx - c^H dx c = m.
    """

    core_ndim = 2

    @staticmethod
    def forward(name: str, a: Tensor, b: Tensor, q: Tensor, r: Tensor) -> Tensor:
        def solve(*given: Tensor) -> Tensor:
            return _numbers(name, given)

        return on_host(f"linalg.{name}", solve, a, b, q, r, like=q)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.name = inputs[0]
        ctx.save_for_backward(*inputs[1:], output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        a, b, q, r, x = ctx.saved_tensors
        k, closed, weight = _gain(ctx.name, a, b, r, x)
        g = grad_outputs[0]
        if ctx.name == "solve_continuous_are":
            turned = solve_continuous_lyapunov(closed, -g)
        else:
            turned = solve_discrete_lyapunov(closed, g)
        both = weight @ (turned + adjoint(turned))
        return None, both, -(both @ adjoint(k)), turned, k @ turned @ adjoint(k)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        a, b, q, r, x = ctx.saved_tensors
        k, closed, weight = _gain(ctx.name, a, b, r, x)
        _, da, db, dq, dr = tangents
        moved = adjoint(weight) @ (da - db @ k)
        change = moved + adjoint(moved) + dq + adjoint(k) @ dr @ k
        if ctx.name == "solve_continuous_are":
            return solve_continuous_lyapunov(adjoint(closed), -change)
        return solve_discrete_lyapunov(adjoint(closed), change)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        name, *given = args
        first = [
            x[None] if dim is None else _core.moveaxis(x, dim, 0)
            for x, dim in zip(given, in_dims[1:], strict=True)
        ]
        whole = [_core.broadcast_to(x, (info.batch_size, *x.shape[1:])) for x in first]
        return _Riccati.apply(name, *whole), 0


def _gain(name: str, a: Tensor, b: Tensor, r: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gain, the closed loop, and what the residual changes by with a, from the left."""
    bx = adjoint(b) @ x
    if name == "solve_continuous_are":
        k = _core.linalg_solve(r, bx)
        return k, a - b @ k, x
    k = _core.linalg_solve(r + bx @ b, bx @ a)
    closed = a - b @ k
    return k, closed, x @ closed


def _numbers(name: str, given: Sequence[Tensor]) -> Tensor:
    solve = getattr(scipy_module(f"linalg.{name}", "linalg"), name)
    arrays = [x.to("cpu").numpy() for x in given]
    found = np.empty(arrays[2].shape, arrays[2].dtype)
    try:
        for place in np.ndindex(found.shape[:-2]):
            parts = [x[place] for x in arrays]
            finite = all(np.all(np.isfinite(part)) for part in parts)
            found[place] = solve(*parts) if finite else np.nan
    except (np.linalg.LinAlgError, ValueError) as error:
        raise type(error)(f"[linalg.{name}] {error}") from None
    return _core.tensor(found, device=given[0].device)
