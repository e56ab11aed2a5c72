"""Random programs on arrays of every dtype and layout, whose results must not depend on how ops are
brought together: not in a bit, nor in where the elements lie."""

from __future__ import annotations

from typing import Any

import numpy as np

import pyautograd as pa

REAL = ("bool", "int8", "uint8", "int32", "uint64", "float16", "bfloat16", "float32", "float64")
DTYPES = (*REAL, "complex64", "complex128")
SIZES = (1, 2, 7, 8, 9, 30, 511, 513, 1030)
EXTREME = (0.0, -0.0, 1e-310, 1e19, -3e9, 300.0, -1.0, np.inf, -np.inf, np.nan)
UNARY = (pa.negative, pa.square, pa.exp, pa.sqrt, pa.abs, pa.floor, pa.sign, pa.isfinite)
BINARY = (pa.add, pa.subtract, pa.multiply, pa.divide, pa.maximum, pa.less, pa.not_equal)
NUMBERS = (0, 2, -1, -0.0, 0.5, 1e3)
LAYOUTS = (
    lambda x: x,
    lambda x: x[::-1, ::-1],
    lambda x: pa.concat([x, x], axis=1)[:, ::2],
    lambda x: pa.matrix_transpose(pa.matrix_transpose(x).copy()),
    lambda x: pa.broadcast_to(x[:1], x.shape),
)


def random_arguments(rng: Any, count: int = 3) -> list[Any]:
    """Matrices of one shape in some dtypes and layouts."""
    shape = tuple(rng.permutation([int(rng.choice(SIZES)), int(rng.choice([1, 2, 3, 8]))]).tolist())
    found = []
    for _ in range(count):
        numbers = rng.normal(size=shape) * 3
        if rng.random() < 0.3:
            numbers = np.where(rng.random(shape) < 0.2, rng.choice(EXTREME, shape), numbers)
        layout = LAYOUTS[rng.integers(len(LAYOUTS))]
        found.append(layout(pa.asarray(numbers).astype(str(rng.choice(DTYPES)))))
    return found


def random_step(rng: Any, values: list[Any]) -> Any:
    x, y = values[rng.integers(len(values))], values[rng.integers(len(values))]
    kind = rng.choice(
        ["unary", "binary", "plain", "number", "cast", "where", "view", "copy", "sum"]
    )
    if kind == "unary":
        return UNARY[rng.integers(len(UNARY))](x)
    if kind == "binary":
        return BINARY[rng.integers(len(BINARY))](x, y)
    if kind == "plain":
        return BINARY[rng.integers(3)](x, y)
    if kind == "number":
        pair = [x, NUMBERS[rng.integers(len(NUMBERS))]]
        return BINARY[rng.integers(len(BINARY))](*(pair if rng.random() < 0.5 else pair[::-1]))
    if kind == "cast":
        return x.astype(str(rng.choice(DTYPES)))
    if kind == "where":
        return pa.where(x.astype(bool), x, y)
    if kind == "view":
        return (x[::-1], pa.flip(x, axis=-1), x[..., :1], pa.matrix_transpose(x))[rng.integers(4)]
    if kind == "copy":
        return x.copy()
    return pa.sum(x, axis=0, keepdims=True)


def random_results(seed: int, *xs: Any, steps: int = 20) -> list[Any]:
    """What the program makes of the arguments; which ops it has depends on shapes and dtypes."""
    rng = np.random.default_rng(seed)
    values = list(xs)
    for _ in range(steps):
        try:
            values.append(random_step(rng, values))
        except (TypeError, ValueError, OverflowError):  # not for such dtypes or shapes
            continue
    return values[len(xs) :]


def host(x: Any) -> np.ndarray:
    return np.asarray(x.astype(pa.float32) if x.dtype == pa.bfloat16 else x)


def same_bits(got: list[Any], want: list[Any]) -> None:
    for x, y in zip(got, want, strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape
        a, b = host(x), host(y)
        assert a.strides == b.strides
        np.testing.assert_array_equal(a, b)
        if a.dtype.kind in "fc":  # zeros have signs
            for part in (np.real, np.imag):
                known = ~np.isnan(part(b))
                signs = [np.signbit(part(z))[known] for z in (a, b)]
                np.testing.assert_array_equal(*signs)
