"""Hessians, dense, sparse and as products, in one run: `python bench/hessian.py [--quick]`.

Prints one table, as bench/engine.py does. Every matrix is compared with the others before anything
is timed. Dense ones and products run against PyTorch and JAX, sparse ones against asdex and CasADi:
asdex returns JAX's BCOO from a compiled function, CasADi writes into memory that it was given, and
we return a csr_array. Captured calls stand beside compiled ones.
"""

import time

import harness
from harness import Row, compare, in_fresh_process, load, mebibytes, seconds, timed_row
from programs import network, rosenbrock

OURS, CAPTURED = "pyautograd", "captured"
LARGE, REPEATED = 100_000, 2_000
# Variables and bytes beside the result for the row on memory
BOUNDED, ALLOWED = 4_000, 256_000_000
# Hidden units that make about 2,000 parameters of 64 pixels and 10 digits
HIDDEN, IMAGES = 26, 256


def point(np, n):
    return np.random.default_rng(0).normal(size=n)


def exact(np, x):
    """The diagonals of the Hessian of the chained Rosenbrock function."""
    main = np.zeros_like(x)
    main[:-1] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    main[1:] += 200
    return main, -400 * x[:-1]


def check(np, what, x, main, side):
    wanted = exact(np, x)
    if not (np.allclose(main, wanted[0]) and np.allclose(side, wanted[1])):
        raise SystemExit(f"{what}: the Hessian is wrong; nothing is timed")


def best_of(count, call):
    """The best wall time of a few calls that are too long to repeat more often."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def check_close(np, what, found, wanted):
    """Compares trees of arrays that are dicts of dicts."""
    if isinstance(wanted, dict):
        for key in wanted:
            check_close(np, what, found[key], wanted[key])
    elif not np.allclose(np.asarray(found), np.asarray(wanted), rtol=1e-8, atol=1e-10):
        raise SystemExit(f"{what}: differs from {OURS}; nothing is timed")


def bench_dense(np, pa, torch, jax, options):
    """All entries of the Rosenbrock function's Hessian."""
    rows = []
    for n, bound in ((10, 0.05), (100, 0.05), (1000, 0.2)):
        start = point(np, n)
        x = pa.asarray(start)
        hessian = pa.captured(lambda x: pa.hessian(lambda x: rosenbrock(pa, x), x))
        calls = {
            OURS: lambda x=x: pa.hessian(lambda x: rosenbrock(pa, x), x),
            CAPTURED: lambda f=hessian, x=x: f(x),
        }
        main, side = exact(np, start)
        want = np.diag(main) + np.diag(side, 1) + np.diag(side, -1)
        check_close(np, "the closed form", want, calls[OURS]())
        check_close(np, "the captured call", want, calls[CAPTURED]())
        if torch:
            t = torch.asarray(start)
            f = torch.func.hessian(lambda x: rosenbrock(torch, x))
            calls["torch.func"] = lambda f=f, t=t: f(t)
            check_close(np, "torch.func", calls["torch.func"](), want)
        first = "-"
        if jax:
            j = jax.numpy.asarray(start)
            compiled = jax.jit(jax.hessian(lambda x: rosenbrock(jax.numpy, x)))
            calls["jax jit"] = lambda f=compiled, j=j: jax.block_until_ready(f(j))
            first = seconds(best_of(1, calls["jax jit"]))
            check_close(np, "jax", calls["jax jit"](), want)
        timings = compare(calls, options.rounds)
        row = timed_row(f"dense Hessian, Rosenbrock n = {n}", timings, OURS, "torch.func", bound)
        jit = f"jax jit {seconds(timings['jax jit'].median)}" if jax else "no jax"
        row.others = f"{jit}, its first call {first}"
        rows.append(row)
        what = f"the same, captured, n = {n}"
        rows.append(timed_row(what, timings, CAPTURED, "jax jit", 1.0))
    return rows


def images_and_labels(np):
    """As many numbers as images of 8 by 8 pixels have, and one-hot labels."""
    rng = np.random.default_rng(1)
    return rng.uniform(size=(IMAGES, 64)), np.eye(10)[rng.integers(10, size=IMAGES)]


def network_parameters(np):
    rng = np.random.default_rng(0)
    return {
        "w1": rng.normal(size=(64, HIDDEN)) / 8,
        "b1": np.zeros(HIDDEN),
        "w2": rng.normal(size=(HIDDEN, 10)) / 5,
        "b2": np.zeros(10),
    }


def losses(np, pa, torch, jax):
    """For each system its loss of a dict of parameters, and a maker of its arrays."""
    made = {OURS: (pa, pa.asarray)}
    if torch:
        made["torch"] = (torch, torch.asarray)
    if jax:
        made["jax"] = (jax.numpy, jax.numpy.asarray)
    images, labels = images_and_labels(np)
    for name, (xp, convert) in made.items():
        x, y = convert(images), convert(labels)
        yield name, lambda p, xp=xp, x=x, y=y: network(xp, p, x, y), convert


def bench_network(np, pa, torch, jax, options):
    """The Hessian of a small network's loss, in blocks."""
    calls, start = {}, network_parameters(np)
    for name, loss, convert in losses(np, pa, torch, jax):
        p = {key: convert(value) for key, value in start.items()}
        if name == OURS:
            calls[name] = lambda f=loss, p=p: pa.hessian(f, p)
        elif name == "torch":
            second = torch.func.hessian(loss)
            calls["torch.func"] = lambda f=second, p=p: f(p)
        else:
            compiled = jax.jit(jax.hessian(loss))
            calls["jax jit"] = lambda f=compiled, p=p: jax.block_until_ready(f(p))
    want = calls[OURS]()
    for name in calls:
        check_close(np, name, calls[name](), want)
    timings = compare(calls, max(options.rounds // 3, 3))
    what = f"dense Hessian, network of {sum(v.size for v in start.values())} parameters"
    return [
        timed_row(what, timings, OURS, "torch.func", 0.5),
        timed_row(what, timings, OURS, "jax jit", 1.0),
    ]


def bench_product(np, pa, torch, jax, options):
    """The network's Hessian times a vector, beside its gradient."""
    start, rng = network_parameters(np), np.random.default_rng(1)
    direction = {key: rng.normal(size=value.shape) for key, value in start.items()}
    calls = {}
    for name, loss, convert in losses(np, pa, torch, jax):
        p = {key: convert(value) for key, value in start.items()}
        v = {key: convert(value) for key, value in direction.items()}
        if name == OURS:
            gradient = pa.func.grad(loss)
            calls["gradient"] = lambda f=gradient, p=p: f(p)
            calls[OURS] = lambda f=loss, p=p, v=v: pa.hvp(f, p, v)
        elif name == "torch":
            gradient, product = torch_gradient(torch, loss), torch_product(torch, loss)
            calls["torch gradient"] = lambda f=gradient, p=p: f(p)
            calls["torch"] = lambda f=product, p=p, v=v: f(p, v)
            forward = torch.func.grad(loss)
            calls["torch.func.jvp"] = lambda f=forward, p=p, v=v: torch.func.jvp(f, (p,), (v,))[1]
        else:
            forward = jax.jit(lambda p, v, f=loss: jax.jvp(jax.grad(f), (p,), (v,))[1])
            calls["jax jit"] = lambda f=forward, p=p, v=v: jax.block_until_ready(f(p, v))
    for name in calls:
        check_close(
            np, name, calls[name](), calls["gradient" if name.endswith("gradient") else OURS]()
        )
    timings = compare(calls, options.rounds)
    what = "Hessian times a vector, the same network"
    others = ("torch gradient", "torch.func.jvp", "jax jit")
    return [
        timed_row(what, timings, OURS, "gradient", 2.2),
        timed_row(what, timings, OURS, "torch", 0.5, others),
    ]


def torch_gradient(torch, loss):
    def gradient(p):
        leaves = {key: value.detach().requires_grad_() for key, value in p.items()}
        found = torch.autograd.grad(loss(leaves), list(leaves.values()))
        return dict(zip(p, found, strict=True))

    return gradient


def torch_product(torch, loss):
    """Reverse over reverse, its fastest way here."""

    def product(p, v):
        leaves = {key: value.detach().requires_grad_() for key, value in p.items()}
        inputs = list(leaves.values())
        first = torch.autograd.grad(loss(leaves), inputs, create_graph=True)
        found = torch.autograd.grad(first, inputs, [v[key] for key in p])
        return dict(zip(p, found, strict=True))

    return product


def child_bounded(memory):
    """Resident bytes beside the result at the worst moment, and the seconds of one call."""
    np, pa = load("numpy"), load("pyautograd")
    allowed = int(memory) or None
    x, result = pa.asarray(point(np, BOUNDED)), 8 * BOUNDED**2

    def call():
        return pa.hessian(lambda x: rosenbrock(pa, x), x, memory=allowed)

    pa.hessian(lambda x: rosenbrock(pa, x), x[:400], memory=allowed)  # libraries and code
    before = harness.resident_bytes()
    if allowed:  # the allocator itself refuses what would pass the bound
        pa._core.set_data_limit(pa.memory.live().bytes + result + allowed)
    call()
    print(harness.peak_resident_bytes() - before - result, best_of(5, call))


def bench_memory(np, pa, torch, jax, options):
    """A large dense Hessian within a bound on what is alive beside it."""
    del np, pa, torch, jax, options
    what = f"dense Hessian, Rosenbrock n = {BOUNDED}, memory = {ALLOWED // 10**6} MB"
    row = Row(f"{what}: resident beside the result", bound=f"≤ {mebibytes(ALLOWED)}")
    time_row = Row(f"{what}: time", bound="≤ 1.3 × unbounded")
    bounded, problem = in_fresh_process(__file__, "bounded", ALLOWED)
    free, _ = in_fresh_process(__file__, "bounded", 0)
    if bounded is None:
        row.others = problem
        return [row, time_row]
    row.ours, row.met = mebibytes(bounded[0]), bounded[0] <= ALLOWED
    row.others = "the allocator refused nothing at that limit"
    time_row.ours = seconds(bounded[1])
    if free:
        time_row.peer = f"unbounded {seconds(free[1])}"
        time_row.ratio = bounded[1] / free[1]
        time_row.met = time_row.ratio <= 1.3
    return [row, time_row]


def our_plan(np, pa, n, captured=False):
    x = pa.tensor(point(np, n))
    plan = pa.sparse.plan(lambda x: rosenbrock(pa, x), x, captured=captured)
    found = plan.hessian(x)
    check(np, OURS, x.numpy(), found.diagonal(), found.diagonal(1))
    return plan, x


def asdex_plan(np, jax, asdex, n):
    """The colouring and the compiled evaluation."""

    def f(x):
        return rosenbrock(jax.numpy, x)

    x = jax.numpy.asarray(point(np, n))
    start = time.perf_counter()
    colouring = asdex.hessian_coloring(f, x)
    prepared = time.perf_counter() - start
    evaluate = jax.jit(asdex.hessian_from_coloring(f, colouring))
    found = evaluate(x)
    rows, columns = np.asarray(found.indices).T
    values = np.asarray(found.data)
    order = np.argsort(rows)
    main = values[order][rows[order] == columns[order]]
    side = values[order][rows[order] + 1 == columns[order]]
    check(np, "asdex", np.asarray(x), main, side)
    return prepared, lambda: jax.block_until_ready(evaluate(x))


def bench_plan(np, pa, torch, jax, options):
    """Detection and colouring."""
    del torch
    plan, x = our_plan(np, pa, LARGE)
    ours = best_of(5, lambda: pa.sparse.plan(lambda x: rosenbrock(pa, x), x))
    row = Row(f"sparse plan, chained Rosenbrock n = {LARGE}", seconds(ours), bound="< 100 ms")
    row.met, row.others = ours < 0.1, f"{plan.colours} colours"
    rows = [row]
    asdex = load("asdex") if jax else None
    captured, _ = our_plan(np, pa, LARGE, captured=True)
    calls = {OURS: lambda: plan.hessian(x), CAPTURED: lambda: captured.hessian(x)}
    if asdex:
        prepared, calls["asdex"] = asdex_plan(np, jax, asdex, LARGE)
        row.peer, row.ratio = f"asdex {seconds(prepared)}", ours / prepared
    timings = compare(calls, options.rounds)
    rows.append(timed_row(f"sparse Hessian, n = {LARGE}", timings, OURS, "asdex", 1.0))
    rows.append(timed_row(f"the same, captured, n = {LARGE}", timings, CAPTURED, "asdex", 1.0))
    return rows


def bench_growth(np, pa, torch, jax, options):
    """The cost of a plan and an evaluation for each variable."""
    del torch, jax, options
    costs = {}
    for n in (10_000, 100_000, 1_000_000):
        plan, x = our_plan(np, pa, n)
        planned = best_of(3, lambda x=x: pa.sparse.plan(lambda y: rosenbrock(pa, y), x))
        evaluated = best_of(3, lambda plan=plan, x=x: plan.hessian(x))
        costs[n] = (planned + evaluated) / n
    smallest, *_, largest = costs.values()
    row = Row("plan and evaluate, each variable of n = 1e6 against n = 1e4")
    row.ours, row.peer = seconds(largest), f"n = 1e4: {seconds(smallest)}"
    row.ratio, row.bound = largest / smallest, "not given: linear"
    row.others = ", ".join(f"n = {n}: {seconds(n * cost)}" for n, cost in costs.items())
    return row


def bench_repeated(np, pa, torch, jax, options):
    """Many evaluations of a middling problem."""
    del torch, jax
    plan, x = our_plan(np, pa, REPEATED)
    captured, _ = our_plan(np, pa, REPEATED, captured=True)
    calls = {OURS: lambda: plan.hessian(x), CAPTURED: lambda: captured.hessian(x)}
    if casadi := load("casadi"):
        calls["casadi"] = casadi_evaluation(np, casadi, REPEATED)
    timings = compare(calls, options.rounds)
    what = f"sparse Hessian, n = {REPEATED}, repeated"
    return [
        timed_row(what, timings, OURS, "casadi", 2.0),
        timed_row(f"the same, captured, n = {REPEATED}", timings, CAPTURED, "casadi", 1.0),
    ]


def casadi_evaluation(np, casadi, n):
    x = casadi.SX.sym("x", n)
    a, b = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    matrix, _ = casadi.hessian(casadi.sum1(100.0 * a**2 + b**2), x)
    function = casadi.Function("hessian", [x], [matrix])
    values = point(np, n)
    dense = function(values)
    full = casadi.DM(dense).sparse()
    check(np, "casadi", values, full.diagonal(), full.diagonal(1))
    buffer, run = function.buffer()
    out = np.zeros(matrix.nnz())
    buffer.set_arg(0, memoryview(values))
    buffer.set_res(0, memoryview(out))
    # The buffer and its memory must live as long as the call.
    return lambda keep=(buffer, values, out): run()


BENCHMARKS = {
    "dense": bench_dense,
    "network": bench_network,
    "product": bench_product,
    "memory": bench_memory,
    "plan": bench_plan,
    "growth": bench_growth,
    "repeated": bench_repeated,
}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {"bounded": child_bounded})
