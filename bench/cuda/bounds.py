"""The bounds that the CUDA kernels are to keep, beside PyTorch, JAX and cuBLAS, in one run.

    python bench/cuda/bounds.py [--out FOLDER] [--rounds 20] [--minutes 8]
    python bench/cuda/bounds.py --emulated LIBRARY --rounds 1     # does it run? tiny sizes

Medians of device events, and how far apart the quartiles lie. JAX has no events: for it, the host's
clock around calls of compiled functions. GB/s counts what an op must read and write.
"""

import statistics
from functools import partial

from measure import (
    ON_DEVICE,
    THEIRS,
    Case,
    calls,
    jax,
    jax_call,
    normals,
    of_jax,
    ours,
    run,
    same_calls,
    theirs,
    torch,
)

import pyautograd as pa


class Sizes:
    large, chain, few, square, parameters, rounds = 10**8, 10**7, 10, 8192, (20, 50, 20), 1000


class TinySizes(Sizes):
    large, chain, square, parameters, rounds = 4000, 1000, 16, (4, 5, 4), 2


def rows(x, length=1000):
    return x.reshape((-1, length))


def softmax(xp, x, axis):
    return (xp if hasattr(xp, "softmax") else jax.nn).softmax(x, axis=axis)


# How often an op on large arrays must access every element, reading or writing.
LARGE_OPS = {
    "add": (3, lambda xp, x, y: x + y),
    "exp": (2, lambda xp, x, y: xp.exp(x)),
    "tanh": (2, lambda xp, x, y: xp.tanh(x)),
    "multiply by a number": (2, lambda xp, x, y: x * 2.5),
    "sum": (1, lambda xp, x, y: xp.sum(x)),
    "max": (1, lambda xp, x, y: xp.max(x)),
    "sum of rows of 1000": (1, lambda xp, x, y: xp.sum(rows(x), axis=1)),
    "sum of columns of 1000": (1, lambda xp, x, y: xp.sum(x.reshape((1000, -1)), axis=0)),
    "softmax of rows of 1000": (2, lambda xp, x, y: softmax(xp, rows(x), 1)),
    "add of transposes": (3, lambda xp, x, y: rows(x).T + rows(y).T),
}


def copy_case(n):
    x = ours(n)
    out = pa.empty_like(x)

    def mine():
        out[...] = x
        return out

    def peer():
        y = theirs(n)
        return partial(torch.empty_like(y).copy_, y)

    return Case(f"copy, {n}", calls(mine, peer), bytes=8 * n)


def large_cases(table, n):
    """Elementwise ops and reductions, beside what a copy of the same memory moves a second."""
    copied = table.run(partial(copy_case, n))
    per_second = 8 * n / min(map(statistics.median, copied.values())) if copied else None

    def case(name, accesses, op):
        moved, bounds = 4.0 * accesses * n, [("PyTorch", 1.0)]
        if per_second:
            bounds.append((moved / per_second, 1 / 0.85))
        return Case(name, same_calls(op, [(n,), (n,)]), bounds, bytes=moved)

    for name, (accesses, op) in LARGE_OPS.items():
        yield partial(case, name, accesses, op)


def chain(xp, x):
    """Eight ops and their derivatives."""
    x.grad = None
    y = x
    for _ in range(4):
        y = xp.sin(y) * 0.5
    xp.sum(y).backward()
    return x.grad


def chain_of_jax(x):
    for _ in range(4):
        x = jax.numpy.sin(x) * 0.5
    return jax.numpy.sum(x)


def chain_case(n, repetitions, factor):
    x = ours(n, grad=True)
    made = calls(
        partial(chain, pa, x),
        lambda: partial(chain, torch, theirs(n, grad=True)),
        lambda: jax_call(jax.grad(chain_of_jax), of_jax(n)),
    )
    return Case(f"8 ops fwd + bwd, {n}", made, [("PyTorch", factor)], repetitions)


def product_case(n, dtype):
    """The product of two square matrices, beside cuBLAS on the same stream and memory."""
    a, b = (ours(n, n).astype(dtype) * factor for factor in (1.0, 0.5))
    values = [normals(n, n), normals(n, n) * 0.5]

    def peer():
        kind = getattr(torch, dtype)
        return partial(torch.matmul, *(torch.tensor(x, device=THEIRS).to(kind) for x in values))

    def compiled():
        return jax_call(jax.numpy.matmul, *(jax.numpy.asarray(x, dtype=dtype) for x in values))

    made = calls(lambda: pa.matmul(a, b), peer, compiled)
    if ON_DEVICE:
        made["cuBLAS"] = direct_product(a, b, n, dtype)
    tolerance = 2e-2 if dtype == "bfloat16" else 1e-4
    return Case(f"matmul {n}^3 {dtype}", made, [("cuBLAS", 1.03)], tolerance=tolerance)


def direct_product(a, b, n, dtype):
    from cublas import BFLOAT16, FLOAT32, Handle

    # DLPack has an address for every dtype.
    views = [torch.from_dlpack(x) for x in (pa.zeros_like(a), a, b)]
    kind = FLOAT32 if dtype == "float32" else BFLOAT16
    call = Handle().product(*(view.data_ptr() for view in views), n, kind)

    def keeping():
        call()
        return views[0]

    return keeping


# On ten elements s and a square q: what counts is how soon the next op can be asked for.
SMALL_OPS = {
    "add": lambda xp, s, q: s + s,
    "multiply by a number": lambda xp, s, q: s * 2.5,
    "exp": lambda xp, s, q: xp.exp(s),
    "sum": lambda xp, s, q: xp.sum(s),
    "slice and square": lambda xp, s, q: s[2:7] ** 2,
    "matmul 16^3": lambda xp, s, q: xp.matmul(q, q),
}


def small_cases(sizes):
    n, rounds = sizes.few, sizes.rounds

    def case(name, op):
        made = same_calls(op, [(n,), (16, 16)])
        return Case(f"{name}, {n} elements", made, [("PyTorch", 0.5)], rounds)

    for name, op in SMALL_OPS.items():
        yield partial(case, name, op)
    yield partial(chain_case, n, max(1, rounds // 10), 0.5)


def layers(xp, x, weights):
    for w in weights[:-1]:
        x = xp.tanh(xp.matmul(x, w) * 0.1)
    return xp.matmul(x, weights[-1])


def training_step(xp, array):
    """One step of gradient descent of a perceptron with two hidden layers, in place."""
    shapes = ((64, 256), (256, 256), (256, 10))
    weights = [array(*shape, grad=True) for shape in shapes]
    x, y = array(128, 64), array(128, 10)

    def step():
        for w in weights:
            w.grad = None
        loss = xp.mean((layers(xp, x, weights) - y) ** 2)
        loss.backward()
        with xp.no_grad():
            for w in weights:
                w -= 0.01 * w.grad
        return loss

    return step


def jax_step():
    weights = [of_jax(*shape) for shape in ((64, 256), (256, 256), (256, 10))]
    x, y = of_jax(128, 64), of_jax(128, 10)

    def loss(weights):
        return jax.numpy.mean((layers(jax.numpy, x, weights) - y) ** 2)

    @jax.jit
    def step(weights):
        gradients = jax.grad(loss)(weights)
        return [w - 0.01 * g for w, g in zip(weights, gradients, strict=True)]

    state = [weights]

    def run():
        state[0] = step(state[0])
        return state[0]

    return run


def step_case(repetitions):
    made = calls(training_step(pa, ours), lambda: training_step(torch, theirs), jax_step)
    return Case("MLP step, eager", made, [("PyTorch", 1.0)], repetitions)


def captured_step_case(repetitions):
    step = pa.cuda.graph(training_step(pa, ours), device="cuda")
    step()
    made = calls(step, lambda: replay_of_torch(training_step(torch, theirs)), jax_step)
    # The replays have gone on from different steps.
    return Case("MLP step, captured", made, [("PyTorch", 1.0)], repetitions, tolerance=None)


def replay_of_torch(step):
    if not ON_DEVICE:
        return step
    # As PyTorch's documentation has it: warmed up on another stream first.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def hessian_case(sizes):
    """Of a perceptron with one hidden layer, with respect to all its parameters at once."""
    inputs, hidden, outputs = sizes.parameters
    cut, count = inputs * hidden, inputs * hidden + hidden * outputs

    def loss(xp, x, v):
        between = xp.tanh(xp.matmul(x, v[:cut].reshape((inputs, hidden))))
        return xp.mean(xp.matmul(between, v[cut:].reshape((hidden, outputs))) ** 2)

    mine = pa.func.hessian(partial(loss, pa, ours(32, inputs)))
    v = ours(count)

    def peer():
        return partial(torch.func.hessian(partial(loss, torch, theirs(32, inputs))), theirs(count))

    def compiled():
        function = partial(loss, jax.numpy, of_jax(32, inputs))
        return jax_call(jax.hessian(function), of_jax(count))

    made = calls(lambda: mine(v), peer, compiled)
    return Case(f"Hessian of {count} parameters", made, [("PyTorch", 1 / 3)])


def makers(table, sizes, trial):
    """What tells most comes first."""
    few = 2 if trial else 50
    yield partial(step_case, few)
    yield partial(captured_step_case, few)
    yield partial(hessian_case, sizes)
    yield from small_cases(sizes)
    yield partial(product_case, sizes.square, "float32")
    yield partial(product_case, sizes.square, "bfloat16")
    yield partial(chain_case, sizes.chain, 1, 1.0)
    yield from large_cases(table, sizes.large)


if __name__ == "__main__":
    run(__doc__, lambda table, trial: makers(table, TinySizes if trial else Sizes, trial))
