"""The engine against PyTorch and JAX, in one run: `python bench/engine.py [--quick]`.

Prints one table: what was measured, our median, the peer's, their ratio, the spread, the bound that
the project set itself, and whether it is met. A peer that is not installed is skipped, and said so.
"""

import time
from pathlib import Path

import harness
from harness import Row, compare, in_fresh_process, mebibytes, seconds, timed_row
from programs import deep_chain, mixed_chain, rosenbrock

OURS = "pyautograd"
CHAIN = 200
RECORDED = 200_000
DEEP = 1_000_000
STACK = 8 * 2**20


def small_vector():
    import numpy as np

    return np.linspace(0.1, 1.0, 10)


def bench_add(np, pa, torch, jax, options):
    a = small_vector()
    b = a[::-1].copy()
    calls = {"numpy": lambda: a + b}
    if pa:
        x, y = pa.asarray(a), pa.asarray(b)
        calls[OURS] = lambda: x + y
    if torch:
        p, q = torch.asarray(a), torch.asarray(b)
        calls["torch"] = lambda: p + q
    if jax:
        j, k = jax.numpy.asarray(a), jax.numpy.asarray(b)
        calls["jax"] = lambda: j + k
    timings = compare(calls, options.rounds)
    return timed_row("x + y, 10 float64", timings, OURS, "numpy", 1.0, ("torch", "jax"))


def chain_calls(np, pa, torch, jax):
    """Forward and backward of the chain, once and twice, for every system."""
    start = small_vector()
    once, twice = {}, {}

    def recorded(system, leaf):
        def first():
            x = leaf()
            system.sum(mixed_chain(system, x, CHAIN)).backward()
            return x.grad

        def second():
            x = leaf()
            loss = system.sum(mixed_chain(system, x, CHAIN))
            loss.backward(create_graph=True)
            gradient, x.grad = x.grad, None
            system.sum(gradient).backward()
            return x.grad

        return first, second

    if pa:
        once[OURS], twice[OURS] = recorded(pa, lambda: pa.tensor(start, requires_grad=True))
    if torch:
        once["torch"], twice["torch"] = recorded(
            torch, lambda: torch.tensor(start, requires_grad=True)
        )
    if jax:
        jnp = jax.numpy
        x = jnp.asarray(start)

        def value(x):
            return jnp.sum(mixed_chain(jnp, x, CHAIN))

        def slope(x):
            return jnp.sum(jax.grad(value)(x))

        for calls, f in ((once, value), (twice, slope)):
            compiled = jax.jit(jax.grad(f))
            calls["jax jit"] = lambda compiled=compiled: compiled(x).block_until_ready()
            calls["jax"] = lambda f=f: jax.grad(f)(x).block_until_ready()
    return once, twice


def check_equal(np, calls):
    """All systems must compute the same numbers before their times mean anything."""
    results = {name: np.asarray(_plain(call())) for name, call in calls.items()}
    reference = next(iter(results.values()))
    for name, result in results.items():
        np.testing.assert_allclose(result, reference, rtol=1e-8, atol=1e-10, err_msg=name)


def _plain(result):
    return result.detach() if hasattr(result, "detach") else result


def bench_chain(np, pa, torch, jax, options):
    once, twice = chain_calls(np, pa, torch, jax)
    others = ("jax", "jax jit")
    rows = []
    for what, calls in (
        (f"chain of {CHAIN} small ops, forward + backward", once),
        (f"chain of {CHAIN}, create_graph and a second backward", twice),
    ):
        check_equal(np, calls)
        rows.append(timed_row(what, compare(calls, options.rounds), OURS, "torch", 0.25, others))
    return rows


def bench_hessian(np, pa, torch, jax, options):
    start = small_vector()
    calls = {}
    if pa:
        x = pa.asarray(start)
        calls[OURS] = lambda: pa.hessian(lambda x: rosenbrock(pa, x), x)
    if torch:
        p = torch.asarray(start)
        calls["torch.func"] = lambda: torch.func.hessian(lambda x: rosenbrock(torch, x))(p)
    if jax:
        jnp = jax.numpy
        j = jnp.asarray(start)
        compiled = jax.jit(jax.hessian(lambda x: rosenbrock(jnp, x)))
        calls["jax jit"] = lambda: compiled(j).block_until_ready()
        calls["jax"] = lambda: jax.hessian(lambda x: rosenbrock(jnp, x))(j).block_until_ready()
    check_equal(np, calls)
    timings = compare(calls, options.rounds)
    others = ("jax", "jax jit")
    return timed_row("hessian of Rosenbrock, n = 10", timings, OURS, "torch.func", 0.05, others)


def child_record(system):
    """Resident bytes for each recorded op of a long chain, its values included."""
    xp, x = _leaf(system, small_vector())
    warm = xp.sum(mixed_chain(xp, x, 1000))
    warm.backward()
    del warm
    before = harness.resident_bytes()
    y = mixed_chain(xp, x, RECORDED)
    after = harness.resident_bytes()
    live = xp.memory.live().bytes if system == OURS else 0
    print((after - before) / RECORDED, live / RECORDED, float(_plain(xp.sum(y))))


def bench_memory(np, pa, torch, jax, options):
    row = Row("memory per recorded small op (10 float64)", bound="≤ 0.5 × torch")
    ours, problem = in_fresh_process(__file__, "record", OURS) if pa else (None, "not installed")
    theirs, _ = in_fresh_process(__file__, "record", "torch") if torch else (None, None)
    if ours is None:
        row.others = problem
        row.met = False if pa else None
        return row
    row.ours = f"{ours[0]:.0f} B"
    row.others = f"live tensor bytes {ours[1]:.0f} B an op"
    if theirs is not None:
        row.peer = f"torch {theirs[0]:.0f} B"
        row.ratio = ours[0] / theirs[0]
        row.met = row.ratio <= 0.5
    return row


def child_deep(system, ops):
    """Seconds for a very long chain: forward, backward, second backward, destruction."""
    xp, x = _leaf(system, small_vector())
    marks = [time.perf_counter()]
    y = xp.sum(deep_chain(xp, x, int(ops)))
    marks.append(time.perf_counter())
    y.backward(create_graph=True)
    marks.append(time.perf_counter())
    gradient, x.grad = x.grad, None
    xp.sum(gradient).backward()
    marks.append(time.perf_counter())
    del y, gradient
    x.grad = None
    del x
    marks.append(time.perf_counter())
    print(*(b - a for a, b in zip(marks, marks[1:], strict=False)))


def bench_deep(np, pa, torch, jax, options):
    row = Row("chain of 1e6 ops, backward, second backward, destruction")
    row.bound = "finishes, 8 MiB stack"
    phases = ("forward", "backward", "second", "destruction")
    ours, problem = (
        in_fresh_process(__file__, "deep", OURS, DEEP, stack_bytes=STACK)
        if pa
        else (None, "not installed")
    )
    if ours is None:
        row.ours, row.met = problem, False if pa else None
    else:
        row.ours, row.met = seconds(sum(ours)), True
        row.others = ", ".join(f"{p} {seconds(t)}" for p, t in zip(phases, ours, strict=True))
    if torch:
        theirs, problem = in_fresh_process(__file__, "deep", "torch", DEEP, stack_bytes=STACK)
        row.peer = f"torch {seconds(sum(theirs)) if theirs else problem}"
        if ours and theirs:
            row.ratio = sum(ours) / sum(theirs)
    return row


def child_leak(system, iterations):
    """Live and resident bytes after `backward(create_graph=True)` on a fresh big leaf, many times.

    Prints the live bytes above the baseline, the resident bytes gained since the tenth iteration,
    and the seconds each iteration took.
    """
    import numpy as np

    values = np.full((1000, 1000), 0.5)

    def iterate():
        xp, x = _leaf(system, values)
        y = xp.sum(x * x * x)
        y.backward(create_graph=True)

    live = 0
    if system == OURS:
        import pyautograd as pa

        live = pa.memory.live().bytes
    start = time.perf_counter()
    for i in range(iterations):
        iterate()
        if i == 9:
            resident = harness.resident_bytes()
    elapsed = (time.perf_counter() - start) / iterations
    resident = harness.resident_bytes() - resident
    if system == OURS:
        live = pa.memory.live().bytes - live
    print(live, resident, elapsed)


def bench_leak(np, pa, torch, jax, options):
    row = Row("1,000 × backward(create_graph=True), 1000×1000 leaf")
    row.bound = "live bytes back to baseline, resident flat (< 16 MiB)"
    if pa:
        ours, problem = in_fresh_process(__file__, "leak", OURS, 1000)
        if ours is None:
            row.ours, row.met = problem, False
        else:
            row.ours = f"live +{ours[0]:.0f} B, resident +{mebibytes(ours[1])}"
            row.met = ours[0] == 0 and ours[1] < 16 * 2**20
            row.others = f"{seconds(ours[2])} an iteration"
    if torch:
        # Few iterations: it keeps every one of them.
        theirs, problem = in_fresh_process(__file__, "leak", "torch", 40)
        row.peer = f"torch {problem}"
        if theirs is not None:
            row.peer = f"torch resident +{mebibytes(theirs[1])} in 30 iterations"
            row.others += f"{'; ' if row.others else ''}torch {seconds(theirs[2])} an iteration"
    return row


def child_import(system):
    """Seconds that importing one more module takes once NumPy is there."""
    import importlib

    import numpy  # noqa: F401

    start = time.perf_counter()
    importlib.import_module(system)
    print(time.perf_counter() - start)


def bench_import(np, pa, torch, jax, options):
    row = Row("import beyond import numpy", bound="< 15 ms")
    names = [name for name, there in ((OURS, pa), ("torch", torch), ("jax", jax)) if there]
    timings = {name: harness.Timing() for name in names}
    for _ in range(options.rounds):
        for name in names:
            # One cold round is dropped below; the peers need only a few.
            if name == OURS or len(timings[name].samples) < 4:
                measured, problem = in_fresh_process(__file__, "import", name)
                if measured is None:
                    row.others = problem
                    return row
                timings[name].samples.append(measured[0])
    for timing in timings.values():
        timing.samples = timing.samples[1:]
    if pa:
        row.ours = seconds(timings[OURS].median)
        row.spread = f"{timings[OURS].spread:.0%}"
        row.met = timings[OURS].median < 15e-3
    peers = [f"{name} {seconds(timings[name].median)}" for name in names if name != OURS]
    row.peer = ", ".join(peers) or "-"
    return row


def bench_size(np, pa, torch, jax, options):
    row = Row("installed size, without dependencies", bound="< 15 MB")
    sizes = {}
    for name, module in ((OURS, pa), ("torch", torch), ("jax", jax)):
        if module:
            folders = [Path(module.__file__).parent]
            if name == "jax":
                import jaxlib

                folders.append(Path(jaxlib.__file__).parent)
            if name == OURS:
                # With an editable install the compiled core lies elsewhere.
                core = Path(module._core.__file__)
                if folders[0] not in core.parents:
                    folders.append(core)
            sizes[name] = sum(_size(folder) for folder in folders)
    if OURS in sizes:
        row.ours = f"{sizes[OURS] / 1e6:.1f} MB"
        row.met = sizes[OURS] < 15e6
    row.peer = ", ".join(
        f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items() if name != OURS
    )
    return row


def _size(path):
    files = [path] if path.is_file() else path.rglob("*")
    return sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc")


def _leaf(system, values):
    import importlib

    xp = importlib.import_module(system)
    if system == "torch":
        xp.set_num_threads(1)
    return xp, xp.tensor(values, requires_grad=True)


BENCHMARKS = {
    "add": bench_add,
    "chain": bench_chain,
    "memory": bench_memory,
    "hessian": bench_hessian,
    "deep": bench_deep,
    "leak": bench_leak,
    "import": bench_import,
    "size": bench_size,
}
CHILDREN = {
    "record": child_record,
    "deep": child_deep,
    "leak": lambda system, iterations: child_leak(system, int(iterations)),
    "import": child_import,
}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, CHILDREN)
