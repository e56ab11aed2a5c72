"""Chains of elementwise ops on large arrays, in one run: `python bench/fused.py [--quick]`.

Prints one table, as bench/engine.py does. A chain of eleven ops and a sum are bound by memory where
every op is a pass. PyTorch and NumPy run eagerly, JAX compiled; results are compared first.
"""

import harness
from harness import compare, timed_row

OURS, PLAIN = "pyautograd fused", "pyautograd"
SIZES = (100_000, 1_000_000, 10_000_000)


def chain(xp, x):
    y = xp.tanh(x * x + x) / 1.5
    y = xp.maximum(y * y - x, xp.asarray(0.1, dtype=y.dtype))
    return xp.sqrt(y * y + 1.0)


def check_equal(np, calls):
    expected = np.asarray(calls[OURS]())
    for name, call in calls.items():
        if not np.allclose(np.asarray(call()), expected, rtol=1e-9):
            raise SystemExit(f"{name}: another result; nothing is timed")


def measured(np, what, calls, peers, options):
    check_equal(np, calls)
    timings = compare(calls, options.rounds)
    present = [name for name in peers if name in calls]
    best = min(present, key=lambda name: timings[name].median)
    others = [name for name in calls if name not in (OURS, best)]
    return timed_row(what, timings, OURS, best, 1.0, others)


def compiled(jax, f, start):
    f, x = jax.jit(f), jax.numpy.asarray(start)
    return lambda: jax.block_until_ready(f(x))


def forward_calls(np, pa, torch, jax, start):
    x = pa.tensor(start)
    calls = {PLAIN: lambda: chain(pa, x), "numpy": lambda: chain(np, start)}
    calls[OURS] = pa.fused(calls[PLAIN])
    if torch:
        t = torch.asarray(start)
        calls["torch"] = lambda: chain(torch, t)
    if jax:
        calls["jax jit"] = compiled(jax, lambda x: chain(jax.numpy, x), start)
    return calls


def gradient_calls(np, pa, torch, jax, start):
    x, leaf = pa.tensor(start), pa.tensor(start, requires_grad=True)
    gradient = pa.func.grad(lambda x: pa.sum(chain(pa, x)))
    calls = {OURS: lambda: gradient(x), PLAIN: lambda: pa.grad(pa.sum(chain(pa, leaf)), leaf)[0]}
    if torch:
        t = torch.tensor(start, requires_grad=True)
        calls["torch"] = lambda: torch.autograd.grad(torch.sum(chain(torch, t)), t)[0]
    if jax:
        gradient_of = jax.grad(lambda x: jax.numpy.sum(chain(jax.numpy, x)))
        calls["jax jit"] = compiled(jax, gradient_of, start)
    return calls


def bench(np, what, make_calls, systems, peers, options):
    rows = []
    for n in SIZES:
        calls = make_calls(np, *systems, np.random.default_rng(0).normal(size=n))
        rows.append(measured(np, f"{what}, n = {n}", calls, peers, options))
    return rows


def bench_forward(np, pa, torch, jax, options):
    """The chain alone."""
    peers = ("numpy", "torch")
    return bench(np, "chain of 11 ops", forward_calls, (pa, torch, jax), peers, options)


def bench_gradient(np, pa, torch, jax, options):
    """The gradient of the chain's sum; `pyautograd` is a recorded graph, with a fused sweep."""
    peers = ("torch", PLAIN)
    return bench(np, "its gradient", gradient_calls, (pa, torch, jax), peers, options)


BENCHMARKS = {"forward": bench_forward, "gradient": bench_gradient}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {})
