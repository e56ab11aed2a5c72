"""Checks of derivatives against finite differences and against each other, and of leaks.

Finite differences are taken in float64 and only of first order. Derivatives of higher order are
checked as first derivatives of exact lower ones, and every mixture of forward and reverse mode must
agree. Complex tensors are checked as pairs of real ones: along real and imaginary directions.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import _core
from ._core import Tensor
from ._names import public_dir
from .func import grad, jacfwd, jacrev, jvp
from .memory import live
from .tree import flatten, paths, unflatten

__all__ = ["assert_no_leak", "check_grads", "gradcheck", "gradgradcheck"]

__dir__ = public_dir(__all__)

_CHECKED = (np.dtype(np.float64), np.dtype(np.complex128))


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Compare Jacobians in both modes with central differences, element by element.

    Args:
        f: a function of tensors, or of trees of them, that returns the same.
        inputs: its argument, or the tuple of them; arrays and floats are converted. Those that
            require grad are checked, or, if none does, all of dtype float64 or complex128.
        eps: the step of the differences ``(f(x + eps) - f(x - eps)) / (2 eps)``.
        atol, rtol: accepted if ``|exact - difference| <= atol + rtol |difference|``.
        raise_exception: raise instead of returning False.

    Returns:
        Whether all elements agree.

    Raises:
        AssertionError: they do not; the message shows mode, input, output and both matrices.
        ValueError: there is nothing to check, or an input to check is neither float64 nor
            complex128.

    >>> pa.testing.gradcheck(pa.sin, pa.tensor([0.1, 0.2]))
    True
    """
    f, args, names = _as_arguments(f, inputs)
    chosen = _checked_arguments(args, names)
    args, flat = _on_real_parts(f, args)

    exact = {"reverse": jacrev(flat, chosen)(*args), "forward": jacfwd(flat, chosen)(*args)}
    for place, i in enumerate(chosen):
        for k, expected in enumerate(_difference_jacobian(flat, args, i, eps)):
            for mode, jacobian in exact.items():
                got = _values(jacobian[k][place]).reshape(expected.shape)
                if np.allclose(got, expected, rtol, atol, equal_nan=True):
                    continue
                if not raise_exception:
                    return False
                raise AssertionError(
                    f"[gradcheck] {mode} mode disagrees with finite differences for output {k} and "
                    f"input {names[i]}:\nexact\n{got}\nfinite differences\n{expected}"
                )
    return True


def gradgradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Compare second derivatives with central differences of exact first ones.

    Checks the map from inputs and random cotangents to gradients with :func:`gradcheck`; arguments,
    result and errors are the same.

    >>> pa.testing.gradgradcheck(pa.sin, pa.tensor([0.1, 0.2]))
    True
    """
    f, args, names = _as_arguments(f, inputs)
    chosen = _checked_arguments(args, names)
    args, flat = _on_real_parts(f, args)
    generator = np.random.default_rng(0)
    like = flat(*args)
    cotangents = [_random_like(generator, y) for y in like]
    plain = [x.detach() if isinstance(x, Tensor) else x for x in args]

    def gradients(*moving: Any) -> Any:
        """Of <cotangents, outputs> with respect to the checked inputs."""
        cotangents = moving[len(chosen) :]

        def projected(*checked: Any) -> Tensor:
            call = list(plain)
            for i, x in zip(chosen, checked, strict=True):
                call[i] = x
            return _dot(cotangents, flat(*call))

        return grad(projected, tuple(range(len(chosen))))(*moving[: len(chosen)])

    moving = (*[plain[i] for i in chosen], *cotangents)
    return gradcheck(
        gradients, moving, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception
    )


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    atol: float = 1e-6,
    rtol: float = 1e-6,
    eps: float = 1e-5,
) -> None:
    """Check derivatives up to an order, in every mixture of modes.

    ``f`` is reduced to a scalar by a random projection. Its derivatives along random directions
    v1, ..., vk are then numbers, which every one of the ``len(modes)**k`` mixtures of forward and
    reverse mode must give alike; and each must be the central difference along vk of the exact
    derivative of order k - 1.

    Args:
        f: a function of float64 or complex128 tensors, or of trees of them, that returns the same.
        args: the sequence of its arguments.
        order: the highest order to check, at least 1.
        modes: ``"fwd"``, ``"rev"`` or both.
        atol, rtol: tolerances of the comparison with differences.
        eps: their step.

    Raises:
        AssertionError: two values disagree; the message names the mixture, outermost mode first.
        ValueError: an unknown mode, an order below 1, or arguments of another dtype.

    >>> pa.testing.check_grads(lambda x: pa.sin(x) * x, (pa.tensor([0.1, 0.2]),), order=3)
    """
    if order < 1:
        raise ValueError(f"[check_grads] order must be at least 1, got {order}")
    unknown = [mode for mode in modes if mode not in _DIRECTIONAL]
    if unknown or not modes:
        raise ValueError(f"[check_grads] modes must be among 'fwd' and 'rev', got {modes!r}")
    if isinstance(args, (Tensor, np.ndarray, dict)):
        raise TypeError(
            f"[check_grads] args must be the sequence of arguments, got a {type(args).__name__}: "
            "check_grads(f, (x,))"
        )
    given, structure = flatten(tuple(args))
    given = [x if isinstance(x, Tensor) else _core.tensor(x) for x in given]
    for x in given:
        if x.dtype not in _CHECKED:
            raise ValueError(
                f"[check_grads] arguments must be float64 or complex128, got {x.dtype}"
            )
    leaves, flat = _on_real_parts(lambda *given: f(*unflatten(structure, given)), given)
    generator = np.random.default_rng(0)
    weights = [_random_like(generator, y) for y in flat(*leaves)]

    def scalar(*leaves: Tensor) -> Tensor:
        return _dot(weights, flat(*leaves))

    mixtures: dict[tuple[str, ...], Callable[..., Tensor]] = {(): scalar}
    for k in range(1, order + 1):
        direction = [_random_like(generator, x) for x in leaves]
        lower = next(iter(mixtures.values()))
        expected = _difference(lower, leaves, direction, eps)
        mixtures = {
            (mode, *mixture): _DIRECTIONAL[mode](g, direction)
            for mode, (mixture, g) in itertools.product(modes, mixtures.items())
        }
        values = {mixture: float(g(*leaves)) for mixture, g in mixtures.items()}
        _compare(k, values, expected, atol, rtol)


@contextmanager
def assert_no_leak() -> Iterator[None]:
    """Assert that the library holds no more objects after the block than before it.

    Counts nodes, values, storages and bytes of all threads, after a garbage collection.

    Raises:
        AssertionError: the counts differ.

    >>> with pa.testing.assert_no_leak():
    ...     x = pa.tensor([1.0, 2.0], requires_grad=True)
    ...     pa.sum(x**2).backward(create_graph=True)
    ...     del x
    """
    gc.collect()
    before = live()
    yield
    gc.collect()
    after = live()
    if after != before:
        raise AssertionError(f"[assert_no_leak] before {before}, after {after}")


def _forward_derivative(
    g: Callable[..., Tensor], direction: Sequence[Tensor]
) -> Callable[..., Tensor]:
    def derivative(*x: Tensor) -> Tensor:
        tangent: Tensor = jvp(g, x, direction)[1]
        return tangent

    return derivative


def _reverse_derivative(
    g: Callable[..., Tensor], direction: Sequence[Tensor]
) -> Callable[..., Tensor]:
    def derivative(*x: Tensor) -> Tensor:
        return _dot(direction, grad(g, tuple(range(len(x))))(*x))

    return derivative


_DIRECTIONAL = {"fwd": _forward_derivative, "rev": _reverse_derivative}


def _compare(
    order: int, values: dict[tuple[str, ...], float], expected: float, atol: float, rtol: float
) -> None:
    reference = next(iter(values.values()))
    scale = max(1.0, abs(reference))
    for mixture, got in values.items():
        name = " of ".join(mixture)
        if not np.isclose(got, expected, rtol=rtol, atol=atol * scale, equal_nan=True):
            raise AssertionError(
                f"[check_grads] order {order}: {name} gives {got!r}, the central difference of the "
                f"derivative of order {order - 1} is {expected!r}"
            )
        # Two exact values differ by rounding only.
        if not np.isclose(got, reference, rtol=1e-8, atol=1e-10 * scale, equal_nan=True):
            other = " of ".join(next(iter(values)))
            raise AssertionError(
                f"[check_grads] order {order}: {name} gives {got!r}, but {other} {reference!r}"
            )


def _difference(
    g: Callable[..., Tensor], x: Sequence[Tensor], v: Sequence[Tensor], eps: float
) -> float:
    above = g(*[a + eps * b for a, b in zip(x, v, strict=True)])
    below = g(*[a - eps * b for a, b in zip(x, v, strict=True)])
    return float((above - below) / (2 * eps))


def _difference_jacobian(
    f: Callable[..., list[Tensor]], args: tuple[Any, ...], i: int, eps: float
) -> list[np.ndarray[Any, Any]]:
    """One matrix (output elements, input elements) per output of f."""
    x = _values(args[i])

    def at(j: int, step: float) -> list[np.ndarray[Any, Any]]:
        moved = x.copy()
        moved.reshape(-1)[j] += step
        there = _core.tensor(moved, device=args[i].device)
        outputs = f(*args[:i], there, *args[i + 1 :])
        return [_values(y).reshape(-1) for y in outputs]

    columns = [
        [(a - b) / (2 * eps) for a, b in zip(at(j, eps), at(j, -eps), strict=True)]
        for j in range(x.size)
    ]
    outputs = f(*args)
    return [
        np.array([column[k] for column in columns]).reshape(x.size, y.size).T
        for k, y in enumerate(outputs)
    ]


def _as_arguments(
    f: Callable[..., Any], inputs: Any
) -> tuple[Callable[..., Any], tuple[Any, ...], list[str]]:
    """f as a function of all leaves of its arguments, these, and what messages call them."""
    leaves, structure = flatten(inputs if isinstance(inputs, tuple) else (inputs,))
    args = tuple([_core.tensor(x) if _is_checked_array(x) else x for x in leaves])
    if all(child.type is None for child in structure.children):
        return f, args, [str(i) for i in range(len(args))]
    return (lambda *given: f(*unflatten(structure, given))), args, paths(structure)


def _is_checked_array(x: Any) -> bool:
    return isinstance(x, (float, complex)) or (isinstance(x, np.ndarray) and x.dtype in _CHECKED)


def _checked_arguments(args: tuple[Any, ...], names: Sequence[str]) -> tuple[int, ...]:
    tensors = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
    chosen = [i for i in tensors if args[i].requires_grad]
    chosen = chosen or [i for i in tensors if args[i].dtype in _CHECKED]
    if not chosen:
        raise ValueError(
            "[gradcheck] no input is a float64 or complex128 tensor: there is nothing to check"
        )
    for i in chosen:
        if args[i].dtype not in _CHECKED:
            raise ValueError(
                f"[gradcheck] input {names[i]} has dtype {args[i].dtype}: finite differences need "
                "float64 or complex128"
            )
    return tuple(chosen)


def _on_real_parts(
    f: Callable[..., Any], args: Sequence[Any]
) -> tuple[tuple[Any, ...], Callable[..., list[Tensor]]]:
    """The arguments with complex tensors as pairs of real ones, and f from such to such."""
    pairs = {i for i, x in enumerate(args) if isinstance(x, Tensor) and x.dtype.kind == "c"}

    def flat(*given: Any) -> list[Tensor]:
        joined = [_core.complex(x[0], x[1]) if i in pairs else x for i, x in enumerate(given)]
        results = [_core.asarray(y) for y in flatten(f(*joined))[0] if y is not None]
        outputs = [_parts(y) for y in results if y.dtype.kind in "fc"]
        if not outputs:
            raise TypeError("[testing] the function returns no floating-point tensor to check")
        return outputs

    return tuple([_parts(x.detach()) if i in pairs else x for i, x in enumerate(args)]), flat


def _parts(x: Tensor) -> Tensor:
    return _core.stack([_core.real(x), _core.imag(x)]) if x.dtype.kind == "c" else x


def _values(x: Any) -> np.ndarray[Any, Any]:
    """A copy of the numbers."""
    return np.array(x.detach().to("cpu").numpy() if isinstance(x, Tensor) else x)


def _random_like(generator: np.random.Generator, x: Tensor) -> Tensor:
    return _core.tensor(generator.standard_normal(x.shape), device=x.device)


def _dot(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> Tensor:
    total = _core.tensor(0.0)
    for x, y in zip(xs, ys, strict=True):
        total = total + _core.sum(x * y)
    return total
