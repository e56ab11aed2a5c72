"""Sparse Hessians against asdex and CasADi, in one run: `python bench/hessian.py [--quick]`.

Prints one table, as bench/engine.py does. Every matrix is compared with the others before anything
is timed. asdex returns JAX's BCOO from a compiled function, CasADi writes into memory that it was
given, and we return a csr_array.
"""

import time

import harness
from harness import Row, compare, load, seconds, timed_row
from programs import rosenbrock

OURS = "pyautograd"
LARGE, REPEATED = 100_000, 2_000


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


def our_plan(np, pa, n):
    x = pa.tensor(point(np, n))
    plan = pa.sparse.plan(lambda x: rosenbrock(pa, x), x)
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
    calls = {OURS: lambda: plan.hessian(x)}
    if asdex:
        prepared, calls["asdex"] = asdex_plan(np, jax, asdex, LARGE)
        row.peer, row.ratio = f"asdex {seconds(prepared)}", ours / prepared
    timings = compare(calls, options.rounds)
    rows.append(timed_row(f"sparse Hessian, n = {LARGE}", timings, OURS, "asdex", 1.0))
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
    calls = {OURS: lambda: plan.hessian(x)}
    if casadi := load("casadi"):
        calls["casadi"] = casadi_evaluation(np, casadi, REPEATED)
    timings = compare(calls, options.rounds)
    return timed_row(f"sparse Hessian, n = {REPEATED}, repeated", timings, OURS, "casadi", 2.0)


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


BENCHMARKS = {"plan": bench_plan, "growth": bench_growth, "repeated": bench_repeated}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {})
