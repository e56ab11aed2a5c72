"""Time under a memory budget, against the same program without: `python bench/memory_budget.py`.

A tanh network of 1,000 layers, width 64, batch 256, in float64, with weights of its own for every
layer. The parameters and their gradients live in any case, so a budget of p% is those plus p% of
what the plain program needs beside them, by our allocator's counter; every row says whether the
counter stayed below, and the resident memory beside it. Gradients are compared with the plain ones
bit by bit before anything is timed.
"""

import gc

import harness
from harness import Row, compare, mebibytes, resident_bytes, seconds

LAYERS, WIDTH, BATCH = 1000, 64, 256
BOUNDS = {0.5: 1.1, 0.3: 1.2, 0.2: 1.3, 0.1: 1.6}
PRODUCT_BUDGET, PRODUCT_BOUND = 0.25, 1.5


def network(np, pa, layers=LAYERS):
    rng = np.random.default_rng(0)
    weights = [pa.tensor(rng.normal(0, WIDTH**-0.5, (WIDTH, WIDTH))) for _ in range(layers)]
    biases = [pa.tensor(rng.normal(0, 0.1, WIDTH)) for _ in range(layers)]
    return [*weights, *biases], pa.tensor(rng.normal(size=(BATCH, WIDTH)))


def loss_of(pa, x):
    def loss(parameters):
        layers = len(parameters) // 2
        y = x
        for k in range(layers):
            y = pa.tanh(y @ parameters[k] + parameters[layers + k])
        return pa.mean(y * y)

    return loss


def peak_of(pa, call):
    gc.collect()
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    result = call()
    return result, pa.memory.peak() - before


def same_bits(np, pa, got, want):
    pairs = zip(pa.tree.flatten(got)[0], pa.tree.flatten(want)[0], strict=True)
    return all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)


def budget_rows(np, pa, what, call, held, bounds, rounds):
    """Rows for one program under budgets of fractions of what it needs beside `held` bytes."""
    pa.memory.release_cached()
    want, peak = peak_of(pa, call)
    plain_resident = resident_bytes()
    rows, calls, seen = [], {"plain": call}, {}
    gc.collect()
    before = pa.memory.live().bytes
    for fraction in bounds:
        limit = before + held + int(fraction * (peak - held))

        def limited(limit=limit, fraction=fraction):
            pa.memory.reset_peak()
            with pa.memory_budget(limit) as budget:
                result = call()
            seen[fraction] = (budget.recomputed, pa.memory.peak() <= limit)
            return result

        pa.memory.release_cached()
        if not same_bits(np, pa, limited(), want):
            raise AssertionError(f"{what}: other numbers under a budget of {fraction:.0%}")
        seen[fraction, "resident"] = resident_bytes()
        calls[f"{fraction:.0%}"] = limited
    del want
    timings = compare(calls, rounds)
    for fraction, bound in bounds.items():
        timing = timings[f"{fraction:.0%}"]
        row = Row(f"{what}, {fraction:.0%} of {mebibytes(peak - held)}")
        row.ours, row.peer = seconds(timing.median), f"plain {seconds(timings['plain'].median)}"
        row.ratio = timing.median / timings["plain"].median
        row.spread = f"{timing.spread:.0%} / {timings['plain'].spread:.0%}"
        again, below = seen[fraction]
        row.bound, row.met = f"≤ {bound} × plain, below it", row.ratio <= bound and below
        row.others = (
            f"{'below' if below else 'ABOVE'} the budget; {again} values made again; resident "
            f"{mebibytes(seen[fraction, 'resident'])}, plain {mebibytes(plain_resident)}"
        )
        rows.append(row)
    return rows


def bytes_of(pa, values):
    return sum(v.size * v.dtype.itemsize for v in pa.tree.flatten(values)[0])


def bench_gradient(np, pa, torch, jax, options):
    """The gradient by every parameter."""
    del torch, jax
    parameters, x = network(np, pa)
    gradient = pa.func.grad(loss_of(pa, x))
    what = f"gradient of {LAYERS} tanh layers"
    held = bytes_of(pa, parameters)  # the gradients
    return budget_rows(np, pa, what, lambda: gradient(parameters), held, BOUNDS, options.rounds)


def bench_product(np, pa, torch, jax, options):
    """A Hessian-vector product of the same network."""
    del torch, jax
    parameters, x = network(np, pa)
    vector = network(np, pa)[0]
    gradient = pa.func.grad(loss_of(pa, x))

    def product():
        return pa.func.jvp(gradient, (parameters,), (vector,))[1]

    what = f"Hessian-vector product of {LAYERS} tanh layers"
    held = 2 * bytes_of(pa, parameters)  # the gradients and the product
    bounds = {PRODUCT_BUDGET: PRODUCT_BOUND}
    return budget_rows(np, pa, what, product, held, bounds, options.rounds)


BENCHMARKS = {"budget": bench_gradient, "budget_product": bench_product}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {})
