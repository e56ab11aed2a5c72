"""Laplacians and Taylor series against peers, in one run: `python bench/laplacian.py [--quick]`.

Prints one table, as bench/engine.py does. The Laplacian is that of a tanh network of three hidden
layers at a batch of points, in float64; every system's result is compared with ours before anything
is timed. PyTorch runs eagerly, JAX compiled; the times of compilation stand beside the row.
"""

import time

import harness
from harness import Row, compare, load, seconds, timed_row

OURS = "pyautograd"
INPUTS, WIDTH, HIDDEN, BATCH = 50, 256, 3, 64
ORDER = 10


def network(np):
    """Weights, biases and points."""
    rng = np.random.default_rng(0)
    sizes = [INPUTS, *[WIDTH] * HIDDEN, 1]
    layers = [
        (rng.standard_normal((m, n)) / m**0.5, 0.1 * rng.standard_normal(n))
        for m, n in zip(sizes, sizes[1:], strict=False)
    ]
    return layers, rng.standard_normal((BATCH, INPUTS))


def value(xp, layers, x):
    for w, b in layers[:-1]:
        x = xp.tanh(x @ w + b)
    w, b = layers[-1]
    return xp.sum(x @ w + b)


def our_laplacian(np, pa):
    layers, points = network(np)
    layers = [(pa.tensor(w), pa.tensor(b)) for w, b in layers]
    points = pa.tensor(points)
    each = pa.func.vmap(pa.laplacian(lambda x: value(pa, layers, x)))
    return lambda: each(points)


def torch_laplacians(np, torch):
    """Forward over forward, forward over reverse, the whole Hessian, and by hand."""
    layers, points = network(np)
    layers = [(torch.tensor(w), torch.tensor(b)) for w, b in layers]
    points, axes = torch.tensor(points), torch.eye(INPUTS, dtype=torch.float64)
    vmap, jvp, grad = torch.func.vmap, torch.func.jvp, torch.func.grad

    def f(x):
        return value(torch, layers, x)

    def twice_forward(x):
        def along(v):
            return jvp(lambda x: jvp(f, (x,), (v,))[1], (x,), (v,))[1]

        return torch.sum(vmap(along)(axes))

    def over_reverse(x):
        return torch.sum(vmap(lambda v: v @ jvp(grad(f), (x,), (v,))[1])(axes))

    def by_hand():
        x, slopes, second = points, axes.expand(BATCH, INPUTS, INPUTS), torch.zeros_like(points)
        for w, b in layers[:-1]:
            y, slopes, second = torch.tanh(x @ w + b), slopes @ w, second @ w
            d = 1 - y**2
            second = d * second - 2 * y * d * torch.sum(slopes**2, dim=1)
            x, slopes = y, slopes * d[:, None]
        return (second @ layers[-1][0])[:, 0]

    forms = {
        "torch forward over forward": twice_forward,
        "torch forward over reverse": over_reverse,
        "torch trace of hessian": lambda x: torch.trace(torch.func.hessian(f)(x)),
    }
    batched = {name: vmap(form) for name, form in forms.items()}
    calls = {name: (lambda g=g: g(points)) for name, g in batched.items()}
    return {**calls, "torch by hand": by_hand}


def jax_laplacians(np, jax, folx):
    layers, points = network(np)
    points = jax.numpy.asarray(points)

    def f(x):
        return value(jax.numpy, layers, x)

    forms = {"jax trace of hessian": lambda x: jax.numpy.trace(jax.hessian(f)(x))}
    if folx:
        forms["folx"] = lambda x: folx.forward_laplacian(f)(x).laplacian
    compiled = {name: jax.jit(jax.vmap(form)) for name, form in forms.items()}
    return {name: (lambda g=g: jax.block_until_ready(g(points))) for name, g in compiled.items()}


def bench_laplacian(np, pa, torch, jax, options):
    calls = {OURS: our_laplacian(np, pa)}
    if torch:
        calls |= torch_laplacians(np, torch)
    if jax:
        calls |= jax_laplacians(np, jax, load("folx"))
    expected, first = calls[OURS]().numpy(), {}
    for name, call in calls.items():
        start = time.perf_counter()
        got = np.asarray(call())
        first[name] = time.perf_counter() - start
        if not np.allclose(got, expected, rtol=1e-9):
            raise SystemExit(f"{name}: the Laplacian is another one; nothing is timed")
    timings = compare(calls, options.rounds)
    what = f"Laplacian, {HIDDEN}x{WIDTH} tanh network, {INPUTS} inputs, batch {BATCH}"
    rows = []
    for family, bound in (("torch", 0.5), ("folx", 1.0), ("jax", 1.0)):
        own = [name for name in calls if name.startswith(family)]
        if not own:
            rows.append(
                Row(what, seconds(timings[OURS].median), family, bound=f"≤ {bound} × {family}")
            )
            continue
        best = min(own, key=lambda name: timings[name].median)
        row = timed_row(what, timings, OURS, best, bound, [name for name in own if name != best])
        if family in ("jax", "folx"):
            row.others += f" first call {seconds(first[best])}, ours {seconds(first[OURS])}"
        rows.append(row)
    return rows


def curve(xp, x):
    """Twenty ops of one variable."""
    y = x
    for _ in range(5):
        y = xp.sin(y) * xp.exp(-y) + xp.tanh(y)
    return y


def bench_taylor(np, pa, torch, jax, options):
    """Ten coefficients of a function of twenty ops."""
    del torch
    calls = {OURS: lambda: pa.func.taylor(lambda x: curve(pa, x), 0.3, 1.0, ORDER)[-1].item()}
    captured = pa.captured(lambda x: pa.func.taylor(lambda x: curve(pa, x), x, 1.0, ORDER)[-1])
    point = pa.tensor(0.3)
    calls["captured"] = lambda: captured(point).item()
    if jax:
        from jax.experimental import jet

        scale = float(np.prod(np.arange(1.0, ORDER + 1)))
        series = [1.0] + [0.0] * (ORDER - 1)

        def top(x):
            return jet.jet(lambda x: curve(jax.numpy, x), (x,), (series,))[1][-1] / scale

        calls["jax.experimental.jet"] = lambda: top(0.3).item()
        compiled = jax.jit(top)
        calls["jax.experimental.jet compiled"] = lambda: compiled(0.3).item()
    expected, first = calls[OURS](), {}
    for name, call in calls.items():
        start = time.perf_counter()
        got = call()
        first[name] = time.perf_counter() - start
        if not np.isclose(got, expected, rtol=1e-9):
            raise SystemExit(f"{name}: another coefficient; nothing is timed")
    timings = compare(calls, options.rounds)
    others = [name for name in calls if name == "captured" or name.endswith("compiled")]
    row = timed_row(
        f"Taylor coefficient {ORDER} of 20 ops", timings, OURS, "jax.experimental.jet", 1.0, others
    )
    row.others += "".join(f" first call {seconds(first[name])}" for name in others)
    return row


BENCHMARKS = {"laplacian": bench_laplacian, "taylor": bench_taylor}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {})
