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

from support.random_libraries import NUMPY

LARGEST = 24  # elements of one array
BOUND = 1e2  # of values: a sine of a large one has few digits


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


def system(rng, a, b):
    """A square matrix and what may stand on the right of it."""
    return () if len(a) == 2 and a[0] == a[1] and len(b) in (1, 2) and b[0] == a[0] else None


def tall_system(rng, a, b):
    return () if len(a) == 2 and a[0] > a[1] and len(b) in (1, 2) and b[0] == a[0] else None


def two_axes(rng, shape):
    return (tuple(rng.sample(range(len(shape)), 2)),) if len(shape) >= 2 else None


def axis_of_several(rng, shape):
    axes = [i for i, n in enumerate(shape) if n > 1]
    return (rng.choice(axes),) if axes else None


def fraction_and_axis(rng, shape):
    return (rng.random(), rng.randrange(len(shape))) if shape else None


def axis_and_size(rng, shape):
    return (rng.randrange(len(shape)), rng.choice([None, 1, 2, 3, 4, 5])) if shape else None


def lines_of_indices(rng, shape):
    """Indices along the last axis for every line."""
    if not shape:
        return None
    count = rng.randint(1, 4)
    lines = [rng.choices(range(shape[-1]), k=count) for _ in range(int(np.prod(shape[:-1])))]
    return (np.array(lines, np.int64).reshape(*shape[:-1], count),)


def places_for(rng, shape):
    """A place among five for every element of a vector."""
    return (np.array(rng.choices(range(5), k=shape[0])),) if len(shape) == 1 else None


def rows_and_values(rng, shape, values):
    if not shape or values != shape[1:]:
        return None
    return (rng.randrange(shape[0]),)


def counts(rng, shape):
    return (rng.randint(1, 3), rng.randrange(len(shape))) if shape else None


def widths(rng, shape):
    return ([(rng.randint(0, 2), rng.randint(0, 2)) for _ in shape],) if shape else None


def plane(m, x):
    """Complex numbers off the negative axis."""
    return m.complex(2 + m.sin(x), m.cos(2 * x))


def parts(m, z):
    return m.real(z) - 0.7 * m.imag(z)


def near_diagonal(m, x, spread):
    """A matrix whose diagonal dominates: spread * (1, 2, ...)."""
    n = x.shape[0]
    return m.tanh(x) + m.constant(np.diag(spread * (1.0 + np.arange(n))))


def positive_definite(m, x):
    a = near_diagonal(m, x, 3)
    return m.matmul(m.permute(a, (1, 0)), a)


def symmetric(m, x):
    a = near_diagonal(m, x, 7)
    return a + m.permute(a, (1, 0))


def told_apart(m, x):
    """No two elements are equal, so that every library takes the same one."""
    steps = np.sqrt(2) * (np.arange(x.size if isinstance(x, np.ndarray) else m.count(x)) % 5 + 1)
    return m.sin(x) + m.constant(steps.reshape(x.shape))


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
    "kron": Op(lambda m, x, y: m.kron(x, y), 2, matrices),
    "convolve": Op(lambda m, x, y: m.convolve(x, y), 2, vectors),
    "bilinear": Op(lambda m, x, y: m.einsum("ij,kj->ik", x, m.permute(y, (1, 0))), 2, matrices),
    # linear algebra
    "solve": Op(lambda m, a, b: m.linalg.solve(near_diagonal(m, a, 4), b), 2, system),
    "inv": Op(lambda m, x: m.linalg.inv(near_diagonal(m, x, 4)), 1, square_matrix),
    "det": Op(lambda m, x: m.linalg.det(near_diagonal(m, x, 1)), 1, square_matrix),
    "slogdet": Op(lambda m, x: m.linalg.slogdet(near_diagonal(m, x, 4))[1], 1, square_matrix),
    "cholesky": Op(lambda m, x: m.linalg.cholesky(positive_definite(m, x)), 1, square_matrix),
    "qr": Op(lambda m, x: m.linalg.qr(near_diagonal(m, x, 4))[1], 1, square_matrix),
    "svdvals": Op(lambda m, x: m.linalg.svdvals(near_diagonal(m, x, 7)), 1, square_matrix),
    "eigvalsh": Op(lambda m, x: m.linalg.eigvalsh(symmetric(m, x)), 1, square_matrix),
    "eigvecs": Op(lambda m, x: m.square(m.linalg.eigh(symmetric(m, x))[1]), 1, square_matrix),
    "expm": Op(lambda m, x: m.expm(m.sin(x)), 1, square_matrix),
    "matrix_power": Op(lambda m, x: m.linalg.matrix_power(m.sin(x), 3), 1, square_matrix),
    "pinv": Op(lambda m, x: m.linalg.pinv(near_diagonal(m, x, 4)), 1, square_matrix),
    "lstsq": Op(
        lambda m, a, b: m.lstsq(m.tanh(a) + m.constant(3 * np.eye(*a.shape)), b), 2, tall_system
    ),
    "norm": Op(lambda m, x: m.norm(2 + m.sin(x), 3)),
    # complex numbers on the way
    "complex product": Op(
        lambda m, x, y: parts(m, plane(m, x) * m.conj(plane(m, y))), 2, broadcast
    ),
    "complex quotient": Op(lambda m, x, y: parts(m, plane(m, x) / plane(m, y)), 2, broadcast),
    "complex exp": Op(lambda m, x: parts(m, m.exp(plane(m, x)))),
    "complex log": Op(lambda m, x: parts(m, m.log(plane(m, x)))),
    "complex sqrt": Op(lambda m, x: parts(m, m.sqrt(plane(m, x)))),
    "complex tanh": Op(lambda m, x: parts(m, m.tanh(0.3 * plane(m, x)))),
    "complex sin": Op(lambda m, x: parts(m, m.sin(plane(m, x)))),
    "complex power": Op(lambda m, x: parts(m, plane(m, x) ** 1.7)),
    "complex abs": Op(lambda m, x: m.abs(plane(m, x))),
    "complex angle": Op(lambda m, x: m.angle(plane(m, x))),
    "complex matmul": Op(lambda m, x, y: parts(m, m.matmul(plane(m, x), plane(m, y))), 2, matrices),
    "complex solve": Op(
        lambda m, x: parts(m, m.linalg.inv(m.complex(near_diagonal(m, x, 5), m.sin(x)))),
        1,
        square_matrix,
    ),
    "complex det": Op(
        lambda m, x: parts(m, m.linalg.det(m.complex(near_diagonal(m, x, 2), m.sin(x)))),
        1,
        square_matrix,
    ),
    "complex eigvalsh": Op(
        lambda m, x: m.linalg.eigvalsh(
            m.complex(symmetric(m, x), m.sin(x) - m.permute(m.sin(x), (1, 0)))
        ),
        1,
        square_matrix,
    ),
    "complex cumprod": Op(lambda m, x, a: parts(m, m.cumprod(plane(m, x), a)), 1, some_axis),
    # Fourier transforms
    "fft": Op(lambda m, x, a, n: parts(m, m.fft.fft(x, n, a)), 1, axis_and_size),
    "ifft": Op(lambda m, x, a, n: parts(m, m.fft.ifft(plane(m, x), n, a)), 1, axis_and_size),
    "rfft": Op(lambda m, x, a, n: parts(m, m.fft.rfft(x, n, a)), 1, axis_and_size),
    "irfft": Op(lambda m, x, a, n: m.fft.irfft(plane(m, x), n or 3, a), 1, axis_and_size),
    "spectrum": Op(lambda m, x, a: m.square(m.abs(m.fft.rfft(m.sin(x), None, a))), 1, some_axis),
    "fft2": Op(lambda m, x, a: parts(m, m.fft.fft2(x, None, a)), 1, two_axes),
    # scans, sorting, indices
    "cumprod": Op(lambda m, x, a: m.cumprod(m.sin(x), a), 1, some_axis),
    "cummax": Op(lambda m, x, a: m.cummax(told_apart(m, x), a), 1, some_axis),
    "logcumsumexp": Op(lambda m, x, a: m.logcumsumexp(x, a), 1, some_axis),
    "sort": Op(lambda m, x, a: m.sort(told_apart(m, x), a), 1, some_axis),
    "quantile": Op(lambda m, x, q, a: m.quantile(told_apart(m, x), q, a), 1, fraction_and_axis),
    "std": Op(lambda m, x, a: m.std(told_apart(m, x), a), 1, axis_of_several),
    "diff": Op(lambda m, x, a: m.diff(x, 1, a), 1, axis_of_several),
    "trapezoid": Op(lambda m, x, a: m.trapezoid(x, a), 1, some_axis),
    "repeat": Op(lambda m, x, n, a: m.repeat(x, n, a), 1, counts),
    "pad": Op(lambda m, x, w: m.padded(x, w), 1, widths),
    "take_along_axis": Op(lambda m, x, i: m.along(x, m.constant(i), -1), 1, lines_of_indices),
    "scatter": Op(lambda m, x, i: m.scatter(x, i), 1, places_for),
    "setitem": Op(lambda m, x, v, i: m.with_row(x, v, i), 2, rows_and_values),
    "diagonal": Op(lambda m, x: m.diagonal(x, 0, 0, 1), 1, square_matrix),
    # special functions
    "erfc": Op(lambda m, x: m.erfc(m.sin(x))),
    "i0": Op(lambda m, x: m.i0(1.5 + m.sin(x))),
    "ndtr": Op(lambda m, x: m.ndtr(x)),
    "log_ndtr": Op(lambda m, x: m.log_ndtr(m.sin(x))),
    "xlogy": Op(lambda m, x, y: m.xlogy(x, 2 + m.sin(y)), 2, broadcast),
    "sinc": Op(lambda m, x: m.sinc(1.5 + m.sin(x))),
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
