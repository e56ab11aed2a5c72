"""Meta-learning against PyTorch and JAX, in one run: `python bench/maml.py [--quick]`.

A meta-step is the meta-gradient and one step of Adam, on one fixed batch. The functional programs
map over tasks; the recorded ones loop over them. Before anything is timed, all systems must agree
on the meta-gradient.
"""

import time

import harness
from harness import Row, compare, in_fresh_process, mebibytes, seconds, timed_row

OURS, CAPTURED = "pyautograd", "captured"
SIZES = (1, 40, 40, 1)
INNER_RATE = 0.01
META_RATE = 1e-3


def initial(np, rng):
    """The layers of the network as NumPy arrays, float32."""
    return [
        {
            "weight": rng.normal(0.0, (inputs + outputs) ** -0.5, (inputs, outputs)).astype("f"),
            "bias": np.zeros(outputs, "f"),
        }
        for inputs, outputs in zip(SIZES[:-1], SIZES[1:], strict=True)
    ]


def sample(np, rng, count, shots):
    """Sine curves: x, y to adapt to and x, y to be judged by, each (count, shots, 1), float32."""
    amplitude = rng.uniform(0.1, 5.0, (count, 1, 1))
    phase = rng.uniform(0.0, np.pi, (count, 1, 1))
    x = rng.uniform(-5.0, 5.0, (count, 2 * shots, 1))
    y = amplitude * np.sin(x - phase)
    return [part.astype("f") for part in (x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:])]


def network(relu, params, x):
    for layer in params[:-1]:
        x = relu(x @ layer["weight"] + layer["bias"])
    return x @ params[-1]["weight"] + params[-1]["bias"]


def error(xp, relu, params, x, y):
    return xp.mean((network(relu, params, x) - y) ** 2)


def functional_loss(xp, relu, func, tree_map, steps):
    """The mean error over tasks after `steps` inner steps, mapped over tasks."""

    def inner_loss(params, x, y):
        return error(xp, relu, params, x, y)

    def task(params, x, y, x_query, y_query):
        for _ in range(steps):
            gradient = func.grad(inner_loss)(params, x, y)
            params = tree_map(lambda p, g: p - INNER_RATE * g, params, gradient)
        return inner_loss(params, x_query, y_query)

    mapped = func.vmap(task, (None, 0, 0, 0, 0))
    return lambda params, *points: xp.mean(mapped(params, *points))


def recorded_loss(xp, params, points, steps):
    """The same from recorded gradients, one task after the other."""
    total = 0.0
    for x, y, x_query, y_query in zip(*points, strict=True):
        adapted = params
        for _ in range(steps):
            leaves = [p for layer in adapted for p in layer.values()]
            loss = error(xp, xp.relu, adapted, x, y)
            found = iter(_gradients(xp, loss, leaves))
            adapted = [
                {name: p - INNER_RATE * next(found) for name, p in layer.items()}
                for layer in adapted
            ]
        total = total + error(xp, xp.relu, adapted, x_query, y_query)
    return total / len(points[0])


def _gradients(xp, loss, leaves):
    grad = xp.grad if xp.__name__ == OURS else xp.autograd.grad
    return grad(loss, leaves, create_graph=True)


def leaves_of(xp, arrays):
    return [
        {name: xp.tensor(a, requires_grad=True) for name, a in layer.items()} for layer in arrays
    ]


def flat(np, params):
    """All entries of a tree of gradients or parameters, in one array."""
    arrays = [layer[name] for layer in params for name in ("weight", "bias")]
    arrays = [a.detach() if hasattr(a, "detach") else a for a in arrays]
    return np.concatenate([np.asarray(a).ravel() for a in arrays])


def check_equal(np, gradients):
    names = list(gradients)
    scale = np.abs(gradients[names[0]]).max()
    for name in names[1:]:
        np.testing.assert_allclose(
            gradients[name], gradients[names[0]], rtol=0, atol=1e-4 * scale, err_msg=name
        )


def ours_functional(np, pa, arrays, points, steps, captured=False):
    gradient = pa.func.grad(functional_loss(pa, pa.relu, pa.func, pa.tree.map, steps))
    points = [pa.asarray(a) for a in points]
    adam = pa.optim.Adam(lr=META_RATE)
    now = {"params": pa.tree.map(pa.asarray, arrays)}
    now["state"] = adam.init(now["params"])

    def meta_step(params, state, *points):
        return adam.update(params, gradient(params, *points), state)

    update = pa.captured(meta_step) if captured else meta_step

    def step():
        now["params"], now["state"] = update(now["params"], now["state"], *points)

    return flat(np, gradient(now["params"], *points)), step


def torch_functional(np, torch, arrays, points, steps):
    from torch.utils._pytree import tree_map

    gradient = torch.func.grad(functional_loss(torch, torch.relu, torch.func, tree_map, steps))
    points = [torch.asarray(a) for a in points]
    params = tree_map(lambda a: torch.asarray(a.copy()), arrays)
    adam = torch.optim.Adam([p for layer in params for p in layer.values()], lr=META_RATE)

    def step():
        found = gradient(params, *points)
        for layer, slopes in zip(params, found, strict=True):
            for name, p in layer.items():
                p.grad = slopes[name]
        adam.step()

    return flat(np, gradient(params, *points)), step


def jax_functional(np, jax, arrays, points, steps):
    jnp, tree_map = jax.numpy, jax.tree.map
    gradient = jax.grad(functional_loss(jnp, jax.nn.relu, jax, tree_map, steps))
    points = [jnp.asarray(a) for a in points]

    @jax.jit
    def update(params, mean, square, time):
        found = gradient(params, *points)
        time = time + 1
        mean = tree_map(lambda m, g: 0.9 * m + 0.1 * g, mean, found)
        square = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, square, found)
        rate = (META_RATE * jnp.sqrt(1 - 0.999**time) / (1 - 0.9**time)).astype("f")
        params = tree_map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, mean, square)
        return params, mean, square, time

    params = tree_map(jnp.asarray, arrays)
    zeros = tree_map(jnp.zeros_like, params)
    now = [(params, zeros, zeros, jnp.zeros(()))]

    def step():
        now[0] = jax.block_until_ready(update(*now[0]))

    return flat(np, jax.jit(gradient)(params, *points)), step


def recorded(np, xp, arrays, points, steps):
    """A meta-step of loops over tasks, for PyTorch or for us."""
    params = leaves_of(xp, arrays)
    points = [xp.tensor(a) for a in points]
    adam = xp.optim.Adam([p for layer in params for p in layer.values()], lr=META_RATE)

    def step():
        adam.zero_grad()
        recorded_loss(xp, params, points, steps).backward()
        adam.step()

    recorded_loss(xp, params, points, steps).backward()
    gradient = flat(np, [{n: p.grad for n, p in layer.items()} for layer in params])
    return gradient, step


def bench_meta_step(np, pa, torch, jax, options):
    rows = []
    for steps in (1, 5):
        rng = np.random.default_rng(0)
        arrays, points = initial(np, rng), sample(np, rng, 25, 10)
        made = {}
        if pa:
            made[OURS] = ours_functional(np, pa, arrays, points, steps)
            made[CAPTURED] = ours_functional(np, pa, arrays, points, steps, captured=True)
        if torch:
            made["torch.func"] = torch_functional(np, torch, arrays, points, steps)
            made["torch loop"] = recorded(np, torch, arrays, points, steps)
        if jax:
            made["jax jit"] = jax_functional(np, jax, arrays, points, steps)
        if pa:
            made[f"{OURS} loop"] = recorded(np, pa, arrays, points, steps)
        check_equal(np, {name: gradient for name, (gradient, _) in made.items()})
        timings = compare({name: step for name, (_, step) in made.items()}, options.rounds)
        what = f"meta-step, {steps} inner step{'s' * (steps > 1)}, 25 tasks, 10 shots, float32"
        others = ("jax jit", f"{OURS} loop")
        rows.append(timed_row(what, timings, OURS, "torch.func", 0.5, others))
        rows.append(timed_row(what, timings, OURS, "torch loop", 0.25))
        rows.append(timed_row(f"{what}, captured", timings, CAPTURED, "jax jit", 1.0))
    return rows


def make_toy(np, xp, rng):
    """The imperative meta-step: backward, sub-models made of `.grad`, a second backward."""
    params = leaves_of(xp, initial(np, rng))
    points = [xp.tensor(a) for a in sample(np, rng, 10, 5)]
    adam = xp.optim.Adam([p for layer in params for p in layer.values()], lr=META_RATE)

    def accumulate():
        total = 0.0
        for x, y, x_query, y_query in zip(*points, strict=True):
            error(xp, xp.relu, params, x, y).backward(create_graph=True)
            adapted = [
                {name: p - INNER_RATE * p.grad for name, p in layer.items()} for layer in params
            ]
            adam.zero_grad()
            total = total + error(xp, xp.relu, adapted, x_query, y_query)
        total.backward()

    def step():
        accumulate()
        adam.step()
        adam.zero_grad()

    accumulate()
    gradient = flat(np, [{n: p.grad for n, p in layer.items()} for layer in params])
    adam.zero_grad()
    return gradient, step


def bench_imperative(np, pa, torch, jax, options):
    systems = {name: xp for name, xp in ((OURS, pa), ("torch", torch)) if xp}
    made = {name: make_toy(np, xp, np.random.default_rng(0)) for name, xp in systems.items()}
    check_equal(np, {name: gradient for name, (gradient, _) in made.items()})
    timings = compare({name: step for name, (_, step) in made.items()}, options.rounds)
    what = "imperative meta-step, 10 tasks, 5 + 5 points, float32"
    return timed_row(what, timings, OURS, "torch", 0.25)


def child_flat(system, iterations):
    """Live and resident bytes gained between the 100th and the last imperative meta-step."""
    import importlib
    import warnings

    import numpy as np

    warnings.simplefilter("ignore")
    xp = importlib.import_module(system)
    if system == "torch":
        xp.set_num_threads(1)
    _, step = make_toy(np, xp, np.random.default_rng(0))
    most = 0
    start = time.perf_counter()
    for i in range(iterations):
        step()
        live = xp.memory.live().bytes if system == OURS else 0
        if i < 100:
            base, resident = live, harness.resident_bytes()
        most = max(most, abs(live - base))
    elapsed = (time.perf_counter() - start) / iterations
    print(most, harness.resident_bytes() - resident, elapsed)


def bench_flat(np, pa, torch, jax, options):
    row = Row("10,000 imperative meta-steps", bound="live bytes the same after every step")
    if pa:
        ours, problem = in_fresh_process(__file__, "flat", OURS, 10_000)
        if ours is None:
            row.ours, row.met = problem, False
        else:
            row.ours = f"live +{ours[0]:.0f} B, resident +{mebibytes(ours[1])}"
            row.met = ours[0] == 0
            row.others = f"{seconds(ours[2])} a step"
    if torch:
        theirs, problem = in_fresh_process(__file__, "flat", "torch", 1000)
        row.peer = f"torch {problem}"
        if theirs is not None:
            row.peer = f"torch resident +{mebibytes(theirs[1])} in 1,000"
    return row


BENCHMARKS = {
    "meta_step": bench_meta_step,
    "imperative": bench_imperative,
    "flat": bench_flat,
}
CHILDREN = {"flat": lambda system, iterations: child_flat(system, int(iterations))}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, CHILDREN)
