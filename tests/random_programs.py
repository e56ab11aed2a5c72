"""Random differentiable programs, to be run by several libraries and compared.

A program is a list of steps over a growing list of arrays; its result is a weighted sum of
everything it computed, so every step matters. Steps keep to the smooth part of their domain and to
moderate values, because a comparison of two roundoff errors finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

LARGEST = 24  # elements of one array
BOUND = 1e3  # of values


class Step(NamedTuple):
    op: str
    operands: tuple[int, ...]
    params: tuple[Any, ...]


@dataclass(frozen=True)
class Program:
    shapes: tuple[tuple[int, ...], ...]  # of the inputs
    steps: tuple[Step, ...]
    seed: int

    def inputs(self) -> list[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        return [rng.uniform(-1.5, 1.5, shape) for shape in self.shapes]

    def direction(self) -> list[np.ndarray]:
        rng = np.random.default_rng(self.seed + 1)
        return [rng.uniform(-1, 1, shape) for shape in self.shapes]

    def values(self, lib: Any, *inputs: Any) -> list[Any]:
        values = list(inputs)
        for op, operands, params in self.steps:
            values.append(OPS[op].call(lib, *[values[i] for i in operands], *params))
        return values

    def __call__(self, lib: Any, *inputs: Any) -> Any:
        total = 0.0
        for k, value in enumerate(self.values(lib, *inputs)):
            total = total + lib.sum(value) * (0.3 + 0.1 * k % 0.7)
        return total


class Op(NamedTuple):
    call: Callable[..., Any]
    operands: int = 1
    # random.Random, shape of each operand -> parameters, or None where the op does not apply
    params: Callable[..., tuple[Any, ...] | None] = lambda rng, *shapes: ()


def some_axis(rng, shape):
    return (rng.randrange(-len(shape), len(shape)),) if shape else None


def axis_and_keepdims(rng, shape):
    return rng.choice([None, *range(-len(shape), len(shape))]), rng.random() < 0.5


def permutation(rng, shape):
    return (tuple(rng.sample(range(len(shape)), len(shape))),)


def new_shape(rng, shape):
    size = int(np.prod(shape))
    first = rng.choice([d for d in range(1, size + 1) if size % d == 0])
    return ((first, size // first),)


def wider_shape(rng, shape):
    return ((rng.randint(1, 3), *shape),)


def slices(rng, shape):
    """Ranges with steps of both signs, at least one element long."""
    index = []
    for size in shape:
        start = rng.randrange(size)
        stop = rng.randint(start + 1, size)
        step = rng.randint(1, 2)
        backwards = start > 0 and rng.random() < 0.5
        index.append(slice(stop - 1, start - 1, -step) if backwards else slice(start, stop, step))
    return (tuple(index),)


def some_indices(rng, shape):
    return (rng.choices(range(shape[0]), k=rng.randint(1, 4)),) if shape else None


def mask(rng, shape):
    bits = [rng.random() < 0.5 for _ in range(int(np.prod(shape)))]
    return (np.array(bits, bool).reshape(shape),)


def broadcast(rng, *shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return None
    return ()


def matrices(rng, a, b):
    return () if len(a) == len(b) == 2 and a[1] == b[0] else None


def square_matrix(rng, shape):
    return () if len(shape) == 2 and shape[0] == shape[1] else None


def vectors(rng, *shapes):
    return () if all(len(s) == 1 for s in shapes) else None


OPS: dict[str, Op] = {
    # elementwise
    "sin": Op(lambda m, x: m.sin(x)),
    "cos": Op(lambda m, x: m.cos(x)),
    "tan": Op(lambda m, x: m.tan(0.5 * m.tanh(x))),
    "asin": Op(lambda m, x: m.asin(0.9 * m.sin(x))),
    "acos": Op(lambda m, x: m.acos(0.9 * m.cos(x))),
    "atan": Op(lambda m, x: m.atan(x)),
    "sinh": Op(lambda m, x: m.sinh(m.tanh(x))),
    "cosh": Op(lambda m, x: m.cosh(m.tanh(x))),
    "tanh": Op(lambda m, x: m.tanh(x)),
    "asinh": Op(lambda m, x: m.asinh(x)),
    "acosh": Op(lambda m, x: m.acosh(2 + m.square(x))),
    "atanh": Op(lambda m, x: m.atanh(0.8 * m.tanh(x))),
    "exp": Op(lambda m, x: m.exp(m.sin(x))),
    "expm1": Op(lambda m, x: m.expm1(m.sin(x))),
    "exp2": Op(lambda m, x: m.exp2(m.cos(x))),
    "log": Op(lambda m, x: m.log(1.5 + m.sin(x))),
    "log2": Op(lambda m, x: m.log2(1.5 + m.cos(x))),
    "log1p": Op(lambda m, x: m.log1p(m.square(x))),
    "sqrt": Op(lambda m, x: m.sqrt(0.5 + m.square(x))),
    "reciprocal": Op(lambda m, x: 1 / (2 + m.sin(x))),
    "square": Op(lambda m, x: m.square(x)),
    "cube": Op(lambda m, x: m.sin(x) ** 3),
    "power": Op(lambda m, x: (1 + m.square(x)) ** 0.7),
    "absolute": Op(lambda m, x: m.abs(x)),
    "relu": Op(lambda m, x: m.relu(x)),
    "sigmoid": Op(lambda m, x: m.sigmoid(x)),
    "softplus": Op(lambda m, x: m.softplus(x)),
    "erf": Op(lambda m, x: m.erf(x)),
    "negative": Op(lambda m, x: -x),
    "affine": Op(lambda m, x: 0.7 * x - 0.2),
    "clip": Op(lambda m, x: m.clip(x, -0.81, 0.93)),
    "add": Op(lambda m, x, y: x + y, 2, broadcast),
    "subtract": Op(lambda m, x, y: x - y, 2, broadcast),
    "multiply": Op(lambda m, x, y: x * y, 2, broadcast),
    "divide": Op(lambda m, x, y: x / (2 + m.sin(y)), 2, broadcast),
    "pow2": Op(lambda m, x, y: (1.5 + m.sin(x)) ** m.tanh(y), 2, broadcast),
    "hypot": Op(lambda m, x, y: m.hypot(x, 1.2 + m.sin(y)), 2, broadcast),
    "atan2": Op(lambda m, x, y: m.atan2(x, 1.2 + m.square(y)), 2, broadcast),
    "logaddexp": Op(lambda m, x, y: m.logaddexp(x, y), 2, broadcast),
    "maximum": Op(lambda m, x, y: m.maximum(x, y), 2, broadcast),
    "minimum": Op(lambda m, x, y: m.minimum(x, y), 2, broadcast),
    "where": Op(lambda m, x, c: m.where(m.constant(c), m.sqrt(m.square(x) + 1), x), 1, mask),
    # reductions
    "sum": Op(lambda m, x, a, k: m.sum(x, axis=a, keepdims=k), 1, axis_and_keepdims),
    "mean": Op(lambda m, x, a, k: m.mean(x, axis=a, keepdims=k), 1, axis_and_keepdims),
    "var": Op(lambda m, x, a, k: m.var(x, axis=a, keepdims=k), 1, axis_and_keepdims),
    "max": Op(lambda m, x, a, k: m.max(x, axis=a, keepdims=k), 1, axis_and_keepdims),
    "min": Op(lambda m, x, a, k: m.min(x, axis=a, keepdims=k), 1, axis_and_keepdims),
    "prod": Op(lambda m, x, a: m.prod(m.sin(x), axis=a), 1, some_axis),
    "logsumexp": Op(lambda m, x, a: m.logsumexp(x, axis=a), 1, some_axis),
    "softmax": Op(lambda m, x, a: m.softmax(x, axis=a), 1, some_axis),
    "log_softmax": Op(lambda m, x, a: m.log_softmax(x, axis=a), 1, some_axis),
    "cumsum": Op(lambda m, x, a: m.cumsum(x, axis=a), 1, some_axis),
    # shapes and indices
    "reshape": Op(lambda m, x, s: m.reshape(x, s), 1, new_shape),
    "transpose": Op(lambda m, x, p: m.permute(x, p), 1, permutation),
    "broadcast_to": Op(lambda m, x, s: m.broadcast_to(x, s), 1, wider_shape),
    "expand_dims": Op(lambda m, x: x[None] if x.ndim < 3 else x),
    "flip": Op(lambda m, x, a: m.flip(x, a), 1, some_axis),
    "roll": Op(lambda m, x, a: m.roll(x, 1, a), 1, some_axis),
    "concat": Op(lambda m, x, y: m.concat([m.ravel(x), m.ravel(y)]), 2),
    "stack": Op(lambda m, x: m.stack([x, m.sin(x)]), 1),
    "slice": Op(lambda m, x, i: m.sliced(x, i), 1, slices),
    "gather": Op(lambda m, x, i: x[m.constant(i)], 1, some_indices),
    "tril": Op(lambda m, x: m.tril(x) + 2 * m.triu(x), 1, square_matrix),
    # products
    "matmul": Op(lambda m, x, y: m.matmul(x, y), 2, matrices),
    "outer": Op(lambda m, x, y: m.einsum("i,j->ij", x, y), 2, vectors),
    "trace": Op(lambda m, x: m.einsum("ii->", x), 1, square_matrix),
    "gram": Op(lambda m, x: m.matmul(m.permute(x, (1, 0)), x), 1, square_matrix),
}


@st.composite
def programs(draw, longest: int = 30) -> Program:
    # A generator of our own draws the parts: Hypothesis alone prefers the first of every list.
    rng = draw(st.randoms(use_true_random=True))
    ranks = [rng.randint(0, 3) for _ in range(rng.randint(1, 3))]
    inputs = [tuple(rng.randint(1, 3) for _ in range(rank)) for rank in ranks]
    shapes, steps = list(inputs), []
    length = rng.randint(3, longest)
    while len(steps) < length:
        op = rng.choice(sorted(OPS))
        operands = tuple(rng.randrange(len(shapes)) for _ in range(OPS[op].operands))
        chosen = [shapes[i] for i in operands]
        params = OPS[op].params(rng, *chosen)
        if params is None:
            continue
        made = OPS[op].call(NUMPY, *[np.ones(s) for s in chosen], *params)
        if np.size(made) > LARGEST or np.ndim(made) > 4:
            continue
        shapes.append(np.shape(made))
        steps.append(Step(op, operands, params))
    program = Program(tuple(inputs), tuple(steps), rng.randrange(10**6))
    values = program.values(NUMPY, *program.inputs())
    assume(all(np.all(np.abs(v) < BOUND) for v in values))
    return program


class Library:
    """One array library under the names that programs use: its own, or those given."""

    def __init__(self, module: Any, **other: Callable[..., Any]) -> None:
        self._module = module
        self.__dict__.update(other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _numpy() -> Library:
    import scipy.special as special

    return Library(
        np,
        erf=special.erf,
        relu=lambda x: np.maximum(x, 0),
        sigmoid=special.expit,
        softplus=lambda x: np.logaddexp(x, 0),
        logsumexp=special.logsumexp,
        softmax=special.softmax,
        log_softmax=special.log_softmax,
        permute=np.transpose,
        concat=np.concatenate,
        sliced=lambda x, index: x[index],
        constant=np.asarray,
        asin=np.arcsin,
        acos=np.arccos,
        atan=np.arctan,
        asinh=np.arcsinh,
        acosh=np.arccosh,
        atanh=np.arctanh,
        atan2=np.arctan2,
    )


NUMPY = _numpy()


def our_library() -> Library:
    import pyautograd as pa

    return Library(
        pa,
        permute=pa.permute_dims,
        ravel=lambda x: pa.reshape(x, (-1,)),
        sliced=lambda x, index: x[index],
        constant=np.asarray,
    )


def torch_library() -> Library:
    import torch

    def sliced(x: Any, index: tuple[slice, ...]) -> Any:
        """PyTorch has no negative steps."""
        for axis, part in enumerate(index):
            positions = list(range(x.shape[axis]))[part]
            x = torch.index_select(x, axis, torch.tensor(positions))
        return x

    def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
        def reduce(x: Any, axis: int | None, keepdims: bool) -> Any:
            axes = tuple(range(x.ndim)) if axis is None else (axis,)
            return function(x, axes, keepdims) if axes else function(x[None], (0,), False)

        return reduce

    def total(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return torch.sum(x, axis, keepdims) if x.ndim else x

    return Library(
        torch,
        sum=total,
        mean=reduction(torch.mean),
        var=reduction(lambda x, a, k: torch.var(x, a, correction=0, keepdim=k)),
        max=reduction(torch.amax),
        min=reduction(torch.amin),
        prod=lambda x, axis: torch.prod(x, axis),
        erf=torch.special.erf,
        softplus=torch.nn.functional.softplus,
        softmax=lambda x, axis: torch.softmax(x, axis),
        log_softmax=lambda x, axis: torch.log_softmax(x, axis),
        logsumexp=lambda x, axis: torch.logsumexp(x, axis),
        cumsum=lambda x, axis: torch.cumsum(x, axis),
        flip=lambda x, axis: torch.flip(x, (axis,)),
        sliced=sliced,
        constant=torch.as_tensor,
    )


def jax_library() -> Library:
    import jax
    import jax.numpy as jnp

    return Library(
        jnp,
        erf=jax.scipy.special.erf,
        relu=jax.nn.relu,
        sigmoid=jax.nn.sigmoid,
        softplus=jax.nn.softplus,
        logsumexp=jax.scipy.special.logsumexp,
        softmax=jax.nn.softmax,
        log_softmax=jax.nn.log_softmax,
        permute=jnp.transpose,
        concat=jnp.concatenate,
        sliced=lambda x, index: x[index],
        constant=np.asarray,
        asin=jnp.arcsin,
        acos=jnp.arccos,
        atan=jnp.arctan,
        asinh=jnp.arcsinh,
        acosh=jnp.arccosh,
        atanh=jnp.arctanh,
        atan2=jnp.arctan2,
    )
