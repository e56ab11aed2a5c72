"""Captured programs of thousands of small ops against CasADi and JAX: `python bench/small.py`.

pendulum: ten steps of Runge and Kutta's method of fourth order through a double pendulum, written
with Python floats in mind, and the gradient and the Hessian of a number of its last state with
respect to its first. CasADi's functions are called through buffers, without making arrays. JAX is
left out of the Hessian, which its compiler works on for many minutes.

filter: the log-likelihood of ten observations under a local linear trend by Kalman's filter,
matrices of two rows and columns, and its gradient and Hessian in three parameters, against JAX.

What every system returns is compared with ours before anything is timed; the time of the first call
stands beside the row.
"""

import time

import harness
from harness import compare, load, seconds, timed_row

OURS = "captured"
STEPS, STEP = 10, 0.01
START = (0.5, 0.3, 0.1, -0.2)
SEEN = (0.1, 0.3, 0.2, 0.5, 0.9, 1.2, 1.0, 1.4, 1.6, 2.0)
PARAMETERS = (0.5, -1.0, -0.5)


def slopes(xp, a, b, p, q):
    """Of two angles and their momenta, for unit masses and lengths."""
    between = a - b
    common = 16 - 9 * xp.cos(between) ** 2
    da = 6 * (2 * p - 3 * xp.cos(between) * q) / common
    db = 6 * (8 * q - 3 * xp.cos(between) * p) / common
    pull = da * db * xp.sin(between)
    return da, db, -(pull + 29.4 * xp.sin(a)) / 2, -(9.8 * xp.sin(b) - pull) / 2


def outcome(xp, x):
    """A number of the state after all steps from the state x."""
    state = [x[0], x[1], x[2], x[3]]
    for _ in range(STEPS):
        first = slopes(xp, *state)
        second = slopes(xp, *[s + STEP / 2 * k for s, k in zip(state, first, strict=True)])
        third = slopes(xp, *[s + STEP / 2 * k for s, k in zip(state, second, strict=True)])
        fourth = slopes(xp, *[s + STEP * k for s, k in zip(state, third, strict=True)])
        together = zip(state, first, second, third, fourth, strict=True)
        state = [s + STEP / 6 * (a + 2 * b + 2 * c + d) for s, a, b, c, d in together]
    return state[0] ** 2 + state[1] * state[2] + xp.sin(state[3])


def likelihood(xp, p):
    """Of a step, the logarithms of the noise of level and trend, and of that of observations."""
    step = xp.stack([xp.stack([1 + 0 * p[0], p[0]]), xp.asarray([0.0, 1.0])])
    noise, scale = xp.exp(p[1]) * xp.eye(2), xp.exp(p[2])
    mean, covariance, total = xp.zeros(2), xp.eye(2), 0.0
    for y in SEEN:
        mean, covariance = step @ mean, step @ covariance @ step.T + noise
        spread, rest = covariance[0, 0] + scale, y - mean[0]
        gain = covariance[:, 0] / spread
        total = total - 0.5 * (xp.log(spread) + rest * rest / spread)
        mean = mean + gain * rest
        covariance = covariance - spread * xp.outer(gain, gain)
    return total


def our_calls(pa, f, point):
    x = pa.tensor(point)
    for what, g in (("value", f), ("gradient", pa.func.grad(f)), ("Hessian", pa.func.hessian(f))):
        call = pa.captured(g)
        yield what, lambda call=call: call(x).numpy(), lambda call=call: len(call.ops()[0])


def casadi_calls(np, casadi):
    x = casadi.SX.sym("x", 4)
    y = outcome(casadi, x)
    matrix, slope = casadi.hessian(y, x)
    for what, expression in (("value", y), ("gradient", slope), ("Hessian", matrix)):
        function = casadi.Function(what, [x], [casadi.densify(expression)])
        buffer, run = function.buffer()
        given, out = np.array(START), np.zeros(expression.shape, order="F")
        buffer.set_arg(0, memoryview(given))
        buffer.set_res(0, memoryview(out.reshape(-1, order="F")))

        def call(run=run, out=out, keep=(buffer, given)):
            run()
            return out

        yield what, call


def jax_calls(np, jax, f, point, hessian=True):
    x = jax.numpy.asarray(point)
    transforms = {"value": f, "gradient": jax.grad(f)} | (
        {"Hessian": jax.hessian(f)} if hessian else {}
    )
    for what, g in transforms.items():
        compiled = jax.jit(g)
        yield what, lambda compiled=compiled: np.asarray(compiled(x))


def rows_of(np, title, ours, peers, options):
    """Of the value, the gradient and the Hessian: a row for each peer that has it."""
    rows = []
    for what, call, count in ours:
        calls = {OURS: call} | {name: own[what] for name, own in peers.items() if what in own}
        first, want = {}, None
        for name, each in calls.items():
            start = time.perf_counter()
            got = each().reshape(-1)
            first[name] = time.perf_counter() - start
            want = got if want is None else want
            if not np.allclose(got, want, rtol=1e-9):
                raise SystemExit(f"{name}: the {what} is another one; nothing is timed")
        timings = compare(calls, options.rounds)
        for name in list(calls)[1:]:
            row = timed_row(f"{what} of {title}, {count()} ops", timings, OURS, name, 1.0)
            row.others = ", ".join(f"first call of {n} {seconds(t)}" for n, t in first.items())
            rows.append(row)
    return rows


def bench_pendulum(np, pa, torch, jax, options):
    """A program of scalars, its gradient and its Hessian."""
    del torch
    casadi = load("casadi")
    peers = {}
    if casadi:
        peers["casadi"] = dict(casadi_calls(np, casadi))
    if jax:
        peers["jax jit"] = dict(jax_calls(np, jax, lambda x: outcome(jax.numpy, x), START, False))
    ours = our_calls(pa, lambda x: outcome(pa, x), START)
    return rows_of(np, f"{STEPS} steps of a double pendulum", ours, peers, options)


def bench_filter(np, pa, torch, jax, options):
    """A program of small matrices, its gradient and its Hessian."""
    del torch
    peers = {}
    if jax:
        peers["jax jit"] = dict(jax_calls(np, jax, lambda p: likelihood(jax.numpy, p), PARAMETERS))
    ours = our_calls(pa, lambda p: likelihood(pa, p), PARAMETERS)
    return rows_of(np, f"Kalman's filter, {len(SEEN)} steps", ours, peers, options)


BENCHMARKS = {"pendulum": bench_pendulum, "filter": bench_filter}
CHILDREN = {}

if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, CHILDREN)
