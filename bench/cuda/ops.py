"""Further ops on a CUDA device beside PyTorch and JAX: indexing, sorts, transforms, layers, linalg.

    python bench/cuda/ops.py [--out FOLDER] [--rounds 20] [--minutes 8]

As bounds.py, without bounds.
"""

from functools import partial

import numpy as np
from measure import (
    THEIRS,
    Case,
    calls,
    jax,
    jax_call,
    normals,
    ours,
    run,
    same_calls,
    theirs,
    torch,
)

import pyautograd as pa


def whole_numbers(high, size):
    return np.random.default_rng(0).integers(0, high, size)


def beside(name, made, **more):
    return Case(name, made, [("PyTorch", None)], **more)


def gather_case(n):
    index = whole_numbers(n, n)
    x, places = ours(n), pa.tensor(index, device="cuda")

    def peer():
        y, there = theirs(n), torch.tensor(index, device=THEIRS)
        return lambda: y[there]

    return beside(f"gather, {n} of {n}", calls(lambda: x[places], peer), bytes=16.0 * n)


def embedding(xp, table, index):
    """Rows by number, and the sum of their cotangents."""
    table.grad = None
    xp.sum(table[index]).backward()
    return table.grad


def embedding_case(count):
    index = whole_numbers(count, 16_384)
    made = calls(
        partial(embedding, pa, ours(count, 256, grad=True), pa.tensor(index, device="cuda")),
        lambda: partial(
            embedding, torch, theirs(count, 256, grad=True), torch.tensor(index, device=THEIRS)
        ),
    )
    return beside(f"embedding of {count}, fwd + bwd", made)


def line_case(name, op, *shape):
    what = f"{name}, {' x '.join(map(str, shape))}"
    return beside(what, same_calls(op, [shape]), tolerance=1e-3)


def largest_case(*shape):
    made = calls(
        partial(pa.topk, ours(*shape), 100),
        lambda: partial(torch.topk, theirs(*shape), 100),
        lambda: jax_call(lambda x: jax.lax.top_k(x, 100)[0], normals(*shape)),
    )
    return beside(f"topk of 100, {' x '.join(map(str, shape))}", made)


def draws_case(n):
    generator = pa.random.default_rng(0, device="cuda")
    made = calls(
        lambda: generator.standard_normal(n, dtype="float32"),
        lambda: partial(torch.randn, n, device=THEIRS),
        lambda: jax_call(lambda key: jax.random.normal(key, (n,)), jax.random.key(0)),
    )
    return beside(f"normal draws, {n}", made, bytes=4.0 * n, tolerance=None)


def convolution_case(images, side, channels, dtype):
    """The gradients by the weight and the input; PyTorch has its channels in front."""
    x, w = (
        ours(*shape).astype(dtype).requires_grad_()
        for shape in ((images, side, side, channels), (3, 3, channels, channels))
    )

    def slopes():
        return pa.grad(pa.sum(pa.nn.conv({"weight": w}, x, padding=1) ** 2), (w, x))

    def peer():
        kind = getattr(torch, dtype)
        y = torch.tensor(normals(*x.shape), device=THEIRS).to(kind).moveaxis(-1, 1).contiguous()
        v = torch.tensor(normals(*w.shape), device=THEIRS).to(kind).permute(3, 2, 0, 1).contiguous()
        both = [v.requires_grad_(), y.requires_grad_()]
        conv = torch.nn.functional.conv2d
        return lambda: torch.autograd.grad((conv(y, v, padding=1) ** 2).sum(), both)

    def comparable(slopes):
        return slopes[0] if isinstance(slopes[0], pa.Tensor) else slopes[0].permute(2, 3, 1, 0)

    what = f"gradients of a 3 x 3 convolution, {images} x {side} x {side} x {channels} {dtype}"
    tolerance = 2e-2 if dtype == "bfloat16" else 1e-3
    return beside(what, calls(slopes, peer), tolerance=tolerance, part=comparable)


def first(x):
    return x[0]


def singular_values(x):
    return x[1]


def linalg_case(name, *shape):
    n = shape[-1]
    x = normals(*shape)
    a = x @ x.mT / n + np.eye(n, dtype=np.float32)
    arrays = [a, normals(*shape[:-1], 8)] if name == "solve" else [a]

    def op(xp, *arrays):
        return getattr(xp.linalg, name)(*arrays)

    made = calls(
        partial(op, pa, *(pa.tensor(x, device="cuda") for x in arrays)),
        lambda: partial(op, torch, *(torch.tensor(x, device=THEIRS) for x in arrays)),
        lambda: jax_call(partial(op, jax.numpy), *map(jax.numpy.asarray, arrays)),
    )
    part = {"eigh": first, "svd": singular_values}.get(name, lambda x: x)
    return beside(f"{name}, {' x '.join(map(str, shape))}", made, tolerance=1e-3, part=part)


def makers(table, trial):
    scale = 10_000 if trial else 1
    n = 10**7 // scale
    yield partial(gather_case, n)
    yield partial(embedding_case, 50_000 // scale)
    lines = (10_000 // scale, 1000)
    for name, op in {
        "sort": lambda xp, x: xp.sort(x),
        "cumsum": lambda xp, x: xp.cumsum(x, axis=0),
        "max": lambda xp, x: xp.max(x),
    }.items():
        yield partial(line_case, name, op, n)
    yield partial(line_case, "sort", lambda xp, x: xp.sort(x), *lines)
    yield partial(largest_case, *lines)
    yield partial(largest_case, n)
    yield partial(line_case, "fft", lambda xp, x: xp.fft.fft(x), 1000 // min(scale, 100), 4096)
    yield partial(draws_case, n)
    for dtype in ("float32", "bfloat16"):
        yield partial(convolution_case, *((2, 8, 4) if trial else (64, 56, 64)), dtype)
    shapes = ((256, 256), (1024, 1024), (2048, 2048), (1000, 16, 16), (100, 64, 64))
    for shape in ((8, 8), (3, 6, 6)) if trial else shapes:
        for name in ("solve", "cholesky", "eigh", *(("svd",) if shape[-1] < 2048 else ())):
            yield partial(linalg_case, name, *shape)


if __name__ == "__main__":
    run(__doc__, makers)
