"""Memory against time: `python bench/memory.py [--quick] [NAME ...]` prints one table per row.

Live bytes are those of our allocator, above the parameters and their gradients, which exist before
anything is measured; resident memory beside them is the growth of the high-water mark. Every run
is a process of its own. Peers have no allocator to ask: for PyTorch the table has resident memory,
for JAX what the compiler says of its temporary buffers, too. Time is the processor's, of one
thread.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import harness

WIDTH, BATCH, LAYERS = 64, 256, 1000


# One run in a process of its own


def growth_of(run):
    """By how many bytes the high-water mark of resident memory rises over what is there before."""
    Path("/proc/self/clear_refs").write_text("5")  # the mark becomes what is resident now
    before = harness.resident_bytes()
    run()
    return harness.peak_resident_bytes() - before


def parameters(np, n):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(WIDTH, WIDTH)) / math.sqrt(WIDTH) for _ in range(n)]


def timed(run, rounds):
    return harness.least_times({"run": run}, rounds)["run"]


def ours(n, kind, rounds):
    import numpy as np

    import pyautograd as pa

    pa.set_num_threads(1)
    weights = [pa.tensor(w, requires_grad=True) for w in parameters(np, n)]
    x = pa.tensor(np.random.default_rng(1).normal(size=(BATCH, WIDTH)))
    layers = [lambda x, w=w: pa.tanh(x @ w) for w in weights]

    def run():
        if kind == "plain":
            y = x
            for layer in layers:
                y = layer(y)
        else:
            y = pa.checkpoint_sequential(layers, x)
        pa.sum(y).backward()

    growth = growth_of(run)  # gradients exist from here on
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    run()
    peak = pa.memory.peak() - before
    seconds = timed(run, rounds)
    norm = math.sqrt(sum(float(pa.sum(w.grad**2)) for w in weights))
    return {"live": peak, "resident": growth, "seconds": seconds, "check": norm}


def in_pytorch(n, kind, rounds):
    import numpy as np
    import torch
    from torch.utils.checkpoint import checkpoint_sequential

    torch.set_num_threads(1)
    weights = [torch.tensor(w, requires_grad=True) for w in parameters(np, n)]
    x = torch.tensor(np.random.default_rng(1).normal(size=(BATCH, WIDTH)))
    layers = [lambda x, w=w: torch.tanh(x @ w) for w in weights]

    def run():
        y = x
        if kind == "plain":
            for layer in layers:
                y = layer(y)
        else:
            y = checkpoint_sequential(layers, math.isqrt(n), x, use_reentrant=False)
        y.sum().backward()

    growth = growth_of(run)
    seconds = timed(run, rounds)
    return {"resident": growth, "seconds": seconds}


def in_jax(n, kind, rounds):
    import jax
    import jax.numpy as jnp
    import numpy as np

    segments = max(d for d in range(1, math.isqrt(n) + 1) if n % d == 0)
    weights = jnp.array(np.stack(parameters(np, n)).reshape(segments, -1, WIDTH, WIDTH))
    x = jnp.array(np.random.default_rng(1).normal(size=(BATCH, WIDTH)))

    def segment(x, weights):
        return jax.lax.scan(lambda x, w: (jnp.tanh(x @ w), None), x, weights)[0], None

    body = segment if kind == "plain" else jax.checkpoint(segment)
    loss = lambda weights: jnp.sum(jax.lax.scan(body, x, weights)[0])  # noqa: E731
    compiled = jax.jit(jax.grad(loss)).lower(weights).compile()

    def run():
        compiled(weights).block_until_ready()

    growth = growth_of(run)
    seconds = timed(run, rounds)
    live = compiled.memory_analysis().temp_size_in_bytes
    return {"live": live, "resident": growth, "seconds": seconds}


def revolve(n, slots, rounds):
    import numpy as np

    import pyautograd as pa
    from pyautograd.checkpointing._binomial import forward_steps

    runs = 0

    def step(x, _):
        nonlocal runs
        runs += 1
        return x - 0.001 * pa.sin(x), None

    x = pa.tensor(np.linspace(0.0, 1.0, 1000))
    checkpoint = slots or None

    def run():
        nonlocal runs
        runs = 0
        pa.func.grad(lambda x: pa.sum(pa.scan(step, x, length=n, checkpoint=checkpoint)[0]))(x)

    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    start = time.process_time()
    run()
    seconds = time.process_time() - start
    optimum = n + forward_steps(n, slots) if slots else n
    peak = pa.memory.peak() - before
    return {"live": peak, "seconds": seconds, "steps": runs, "optimum": optimum}


RUNS = {"ours": ours, "pytorch": in_pytorch, "jax": in_jax, "revolve": revolve}


def measure(system, n, kind, rounds=3):
    """One run in a fresh process; None if the system is not here."""
    command = [sys.executable, __file__, "--run", json.dumps([system, n, kind, rounds])]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        print(f"{system}: {done.stderr.strip().splitlines()[-1]}")
        return None
    return json.loads(done.stdout.splitlines()[-1])


# The rows


def megabytes(size):
    return "" if size is None else f"{size / 1e6:.2f}"


def print_table(title, head, lines):
    print(f"\n{title}\n")
    widths = [max(len(str(line[i])) for line in [head, *lines]) for i in range(len(head))]
    for line in [head, ["-" * w for w in widths], *lines]:
        print("| " + " | ".join(str(v).rjust(w) for v, w in zip(line, widths, strict=True)) + " |")
    sys.stdout.flush()


def segments_row(quick):
    """checkpoint_sequential with sqrt(n) segments: at most 7% of the memory, 1.4 of the time."""
    plain, rows = (measure("ours", LAYERS, kind, 7) for kind in ("plain", "segments"))
    if plain["check"] != rows["check"]:
        raise SystemExit("the gradients differ")
    share, ratio = rows["live"] / plain["live"], rows["seconds"] / plain["seconds"]
    lines = [
        [what, megabytes(r["live"]), megabytes(r["resident"]), f"{1e3 * r['seconds']:.0f}"]
        for what, r in (("plain", plain), ("segments", rows))
    ]
    lines.append(["ratio", f"{share:.1%}", "", f"{ratio:.2f}"])
    title = f"{LAYERS} tanh layers of {WIDTH}, batch {BATCH}: bounds 7% of live bytes, 1.4 of time"
    print_table(title, ["", "live MB", "resident MB", "ms"], lines)


def growth_row(quick):
    """Memory against time for networks of growing depth, and the exponent of memory in depth."""
    depths = [100, 300, 1000] if quick else [100, 300, 1000, 3000, 10_000]
    lines, points = [], []
    for n in depths:
        plain, rows = (measure("ours", n, kind) for kind in ("plain", "segments"))
        points.append((math.log(n), math.log(rows["live"])))
        share, ratio = plain["live"] / rows["live"], rows["seconds"] / plain["seconds"]
        lines.append(
            [
                n,
                megabytes(plain["live"]),
                megabytes(rows["live"]),
                f"{share:.1f}",
                megabytes(plain["resident"]),
                megabytes(rows["resident"]),
                f"{1e3 * plain['seconds']:.0f}",
                f"{1e3 * rows['seconds']:.0f}",
                f"{ratio:.2f}",
            ]
        )
    head = ["layers", "plain MB", "segments MB", "times less", "resident", "resident"]
    print_table("Depth", [*head, "plain ms", "segments ms", "time"], lines)
    print(f"live bytes of segments grow like n^{slope(points):.3f}")


def slope(points):
    xs, ys = zip(*points, strict=True)
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x in xs)


def revolve_row(quick):
    """A loop with few slots: the steps that run are the binomial optimum."""
    n = 1000 if quick else 10_000
    lines = []
    for slots in (0, 10, 30, 100):
        found = measure("revolve", n, slots)
        lines.append(
            [
                slots or "all",
                found["steps"],
                found["optimum"],
                megabytes(found["live"]),
                f"{found['seconds']:.2f}",
            ]
        )
        if found["steps"] != found["optimum"]:
            raise SystemExit("the number of steps is not the binomial optimum")
    head = ["slots", "steps run", "optimum", "live MB", "seconds"]
    print_table(f"Revolve over {n} steps", head, lines)


def peers_row(quick):
    """The same network in the same run: PyTorch's checkpoint_sequential and jax.checkpoint."""
    lines = []
    for system in ("ours", "pytorch", "jax"):
        for kind in ("plain", "segments"):
            found = measure(system, LAYERS, kind, 5)
            if found is None:
                continue
            resident_memory = megabytes(found["resident"])
            line = [system, kind, megabytes(found.get("live")), resident_memory]
            lines.append([*line, f"{1e3 * found['seconds']:.0f}"])
    title = f"Peers on {LAYERS} layers (JAX: compiled, temporary buffers under live)"
    print_table(title, ["", "", "live MB", "resident MB", "ms"], lines)


def budget_row(quick):
    """The same network under memory budgets, and its Hessian-vector product."""
    script = Path(__file__).with_name("memory_budget.py")
    subprocess.run([sys.executable, script, *(["--quick"] if quick else [])], check=True)


ROWS = [segments_row, growth_row, revolve_row, peers_row, budget_row]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller networks and loops")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="which rows; all if none is given")
    chosen = parser.parse_args()
    if chosen.run:
        system, *arguments = json.loads(chosen.run)
        print(json.dumps(RUNS[system](*arguments)))
        return
    harness.print_environment([harness.load("pyautograd")])
    for row in ROWS:
        if not chosen.names or row.__name__.removesuffix("_row") in chosen.names:
            row(chosen.quick)


if __name__ == "__main__":
    main()
