"""Time under a memory budget, against the same program without: `python bench/memory_budget.py`.

A tanh network of 1,000 layers, width 64, batch 256, in float64, with weights of its own for every
layer. What a step needs is counted by our allocator beside the parameters and the results, which
live in any case: a budget of p% is those plus p% of what it needs. Results are compared with the
plain ones bit by bit before anything is timed; every row says whether the counter stayed below the
budget, and gives the resident memory of the process beside it, the allocator's cache included.

The least processor time of some runs in turn is reported: other programs of the machine only add.
"""

import gc

import harness
from harness import Row, least_times, mebibytes, resident_bytes, seconds

LAYERS, WIDTH, BATCH = 1000, 64, 256
BOUNDS = {0.5: 1.1, 0.3: 1.2, 0.2: 1.3, 0.1: 1.6}
PRODUCT_BUDGET, PRODUCT_BOUND = 0.25, 1.5


def weights_of(np, pa, seed=0, **options):
    rng = np.random.default_rng(seed)
    scale = WIDTH**-0.5
    return [pa.tensor(rng.normal(0, scale, (WIDTH, WIDTH)), **options) for _ in range(LAYERS)]


def bytes_of(weights):
    return sum(w.size * w.dtype.itemsize for w in weights)


def loss_of(np, pa):
    x = pa.tensor(np.random.default_rng(1).normal(size=(BATCH, WIDTH)))

    def loss(weights):
        y = x
        for w in weights:
            y = pa.tanh(y @ w)
        return pa.sum(y * y)

    return loss


def budget_rows(pa, what, step, forward, bounds, rounds, held):
    """Rows for `step`, which returns arrays to compare, under fractions of what it needs beside
    `held` bytes of results. `forward` makes what is dropped: where p% is kept, some 100% - p% of it
    run once more at least."""
    want = step()
    gc.collect()
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    step()
    needs = pa.memory.peak() - before - held
    plain_resident = resident_bytes()
    pa.memory.release_cached()
    calls, seen, resident = {"plain": step, "forward": forward}, {}, {}
    for fraction in bounds:
        limit = before + held + int(fraction * needs)

        def limited(limit=limit, fraction=fraction):
            pa.memory.reset_peak()
            with pa.memory_budget(limit) as budget:
                result = step()
            seen[fraction] = (budget.recomputed, pa.memory.peak() <= limit)
            return result

        if any((a != b).any() for a, b in zip(limited(), want, strict=True)):
            raise AssertionError(f"{what}: other numbers under a budget of {fraction:.0%}")
        resident[fraction] = resident_bytes()
        pa.memory.release_cached()
        calls[fraction] = limited
    times = least_times(calls, rounds)
    rows = []
    for fraction, bound in bounds.items():
        again, below = seen[fraction]
        row = Row(f"{what}, {fraction:.0%} of {mebibytes(needs)}")
        row.ours, row.peer = seconds(times[fraction]), f"plain {seconds(times['plain'])}"
        row.ratio = times[fraction] / times["plain"]
        row.bound, row.met = f"≤ {bound} × plain, below it", row.ratio <= bound and below
        least = 1 + (1 - fraction) * times["forward"] / times["plain"]
        row.others = (
            f"{'below' if below else 'ABOVE'} the budget; making what is dropped once more alone: "
            f"{least:.2f}; {again} values made again; resident "
            f"{mebibytes(resident[fraction])}, plain {mebibytes(plain_resident)}"
        )
        rows.append(row)
    return rows


def bench_gradient(np, pa, torch, jax, options):
    """The gradient by every weight, added to those of a step before."""
    del torch, jax
    weights, loss = weights_of(np, pa, requires_grad=True), loss_of(np, pa)

    def step():
        loss(weights).backward()
        gradients = [np.array(w.grad) for w in weights[:: LAYERS // 10]]
        for w in weights:
            w.grad = None
        return gradients

    what = f"gradient of {LAYERS} tanh layers"
    forward = lambda: loss(weights)  # noqa: E731
    return budget_rows(pa, what, step, forward, BOUNDS, options.rounds, bytes_of(weights))


def bench_product(np, pa, torch, jax, options):
    """A Hessian-vector product of the same network, forward over reverse."""
    del torch, jax
    weights, vector = weights_of(np, pa), weights_of(np, pa, seed=2)
    loss = loss_of(np, pa)
    gradient = pa.func.grad(loss)

    def step():
        product = pa.func.jvp(gradient, (weights,), (vector,))[1]
        return [np.array(p) for p in product[:: LAYERS // 10]]

    what = f"Hessian-vector product of {LAYERS} tanh layers"

    def forward():
        pa.func.jvp(lambda w: pa.func.vjp(loss, w)[0], (weights,), (vector,))

    held = 2 * bytes_of(weights)  # the gradient and the product
    bounds = {PRODUCT_BUDGET: PRODUCT_BOUND}
    return budget_rows(pa, what, step, forward, bounds, options.rounds, held)


BENCHMARKS = {"budget": bench_gradient, "budget_product": bench_product}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {})
