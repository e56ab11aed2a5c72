"""What is done every day with derivatives, against peers in one run: `python bench/daily.py`.

Whole small programs: Newton's method, fits by SciPy, gradients of many small problems, per-sample
gradients, a physics-informed loss, a Gauss-Newton product, tall Jacobians, a Gaussian process, a
Kalman filter, a differential equation. Each is written once for every system; results are compared
before anything is timed. PyTorch runs eagerly, JAX compiled, which is what the two are used for. Of
JAX, which compiles away what small operations cost us, no bound is asked.
"""

import harness
from harness import compare, load, timed_row

OURS = "pyautograd"


class System:
    """The array module and the transforms of one system."""

    def __init__(self, xp, func, convert, finish):
        self.xp, self.func, self.convert, self.finish = xp, func, convert, finish


def systems(pa, torch, jax):
    found = {OURS: System(pa, pa.func, pa.asarray, lambda f: f)}
    if torch:
        torch.set_default_dtype(torch.float64)
        found["torch"] = System(torch, torch.func, torch.asarray, lambda f: f)
    if jax:
        found["jax jit"] = System(jax.numpy, jax, jax.numpy.asarray, jax.jit)
    return found


def flat(np, result):
    """The numbers of a tensor, or of a list of them."""
    if isinstance(result, (list, tuple)):
        return np.concatenate([flat(np, part) for part in result])
    return np.asarray(result).reshape(-1)


def measure(what, program, arrays, bound, np, pa, torch, jax, options):
    """`program(system)` returns a function of the arrays."""
    calls = {}
    for name, system in systems(pa, torch, jax).items():
        given = [system.convert(array) for array in arrays]
        call = system.finish(program(system))
        wait = jax.block_until_ready if name == "jax jit" else lambda result: result
        calls[name] = lambda call=call, given=given, wait=wait: wait(call(*given))
    wanted = flat(np, calls[OURS]())
    for name, call in calls.items():
        if not np.allclose(flat(np, call()), wanted, rtol=1e-7, atol=1e-8):
            raise SystemExit(f"{what}: {name} differs from {OURS}; nothing is timed")
    timings = compare(calls, options.rounds)
    return timed_row(what, timings, OURS, "torch", bound, ["jax jit"])


def rosenbrock(xp, x):
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def newton_step(s):
    def loss(x):
        return rosenbrock(s.xp, x)

    gradient, hessian = s.func.grad(loss), s.func.hessian(loss)
    return lambda x: x - s.xp.linalg.solve(hessian(x), gradient(x))


def small_problem(s):
    return lambda p, x, y: (s.xp.tanh(x @ p[:4]) + p[4] - y) ** 2


def network(s):
    def value(w1, w2, x):
        return (s.xp.tanh(x @ w1) @ w2)[0]

    # The second parameter is called in_axes, or in_dims.
    return s.func.vmap(s.func.grad(value, argnums=(0, 1)), (None, None, 0))


def physics_informed(s):
    """Reverse mode over a Laplacian, each system's in its own way."""

    def laplacian(u):
        if hasattr(s.xp, "laplacian"):
            return s.xp.laplacian(u)
        return lambda z: s.xp.trace(s.func.hessian(u)(z))

    def loss(w1, w2, points):
        def u(z):
            return (s.xp.tanh(s.xp.tanh(z @ w1) @ w2) @ w2)[0]

        return s.xp.mean((s.func.vmap(laplacian(u))(points) - 1.0) ** 2)

    return s.func.grad(loss, argnums=(0, 1))


def gauss_newton(s):
    def product(w1, w2, v1, v2, x):
        def predict(w1, w2):
            return s.xp.tanh(s.xp.tanh(x @ w1) @ w2)

        moved = s.func.jvp(predict, (w1, w2), (v1, v2))[1]
        return s.func.vjp(predict, w1, w2)[1](moved)

    return product


def tall_jacobian(s):
    def curve(p, t):
        return p[0] * s.xp.exp(-p[1] * t) + p[2] * s.xp.cos(p[3] * t) + p[4]

    return s.func.jacfwd(curve)


def gaussian_process(s):
    xp = s.xp

    def evidence(p, x, y):
        squares = xp.sum((x[:, None, :] - x[None, :, :]) ** 2, -1)
        k = xp.exp(p[0] - 0.5 * squares * xp.exp(-2.0 * p[1])) + xp.exp(p[2]) * xp.eye(len(x))
        root = xp.linalg.cholesky(k)
        solved = xp.linalg.solve(k, y[:, None])[:, 0]
        return 0.5 * xp.sum(y * solved) + xp.sum(xp.log(xp.diagonal(root)))

    return s.func.grad(evidence)


def kalman_filter(s):
    xp = s.xp

    def evidence(noise, a, seen):
        x, p, total = xp.zeros(4), xp.eye(4), 0.0
        for i in range(20):
            x, p = a @ x, a @ p @ a.T + noise * xp.eye(4)
            spread, missed = p[:2, :2] + 0.1 * xp.eye(2), seen[i] - x[:2]
            gain = xp.linalg.solve(spread, p[:2, :]).T
            solved = xp.linalg.solve(spread, missed[:, None])[:, 0]
            total = total + missed @ solved + xp.linalg.slogdet(spread)[1]
            x, p = x + gain @ missed, p - gain @ p[:2, :]
        return total

    return s.func.grad(evidence)


def programs(np):
    """Names, programs, arrays, and the share of PyTorch's time that is asked for."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.normal(size=shape)

    weights = normal(2, 32) / 2**0.5, normal(32, 32) / 32**0.5
    many = normal(10_000, 5), normal(10_000, 4), normal(10_000)
    return {
        "newton": ("Newton's step, Rosenbrock n = 5", newton_step, [normal(5)], 0.5),
        "gradients": (
            "gradients of 1e4 problems in 5 variables",
            lambda s: s.func.vmap(s.func.grad(small_problem(s))),
            many,
            1.0,
        ),
        "hessians": (
            "Hessians of 1e4 problems in 5 variables",
            lambda s: s.func.vmap(s.func.hessian(small_problem(s))),
            many,
            1.0,
        ),
        "samples": (
            "gradients per sample, 20x32x1 network, 256 samples",
            network,
            [normal(20, 32) / 5, normal(32, 1), normal(256, 20)],
            0.5,
        ),
        "physics": (
            "gradient of a Laplacian's loss, 2x32x32 network, 256 points",
            physics_informed,
            [*weights, normal(256, 2)],
            0.5,
        ),
        "products": (
            "Gauss-Newton product, 2x32x32 network, 256 points",
            gauss_newton,
            [*weights, normal(2, 32), normal(32, 32), normal(256, 2)],
            0.5,
        ),
        "jacobian": (
            "Jacobian of 500 values by 5 variables",
            tall_jacobian,
            [normal(5), np.linspace(0.0, 1.0, 500)],
            0.5,
        ),
        "process": (
            "gradient of a Gaussian process' evidence, n = 150",
            gaussian_process,
            [np.array([0.0, 0.0, -2.0]), normal(150, 2), normal(150)],
            1.0,
        ),
        "filter": (
            "gradient of a Kalman filter's evidence, 20 steps",
            kalman_filter,
            [np.array(0.3), np.eye(4) + 0.05 * normal(4, 4), normal(20, 2)],
            0.5,
        ),
    }


def bench_program(name):
    def bench(np, pa, torch, jax, options):
        return measure(*programs(np)[name], np, pa, torch, jax, options)

    return bench


def bench_fit(np, pa, torch, jax, options):
    """SciPy's minimisation of a likelihood by exact Hessians, with the time around them."""
    del torch
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    y = x @ np.array([1.0, -2.0, 0.5, 0.3]) + 0.5 * rng.normal(size=200)

    def likelihood(xp, x, y):
        return lambda p: xp.sum(0.5 * ((y - x @ p[:4]) * xp.exp(-p[4])) ** 2) + y.shape[0] * p[4]

    start, method = np.zeros(5), "trust-exact"
    ours = likelihood(pa, pa.asarray(x), pa.asarray(y))
    calls = {OURS: lambda: pa.optimize.minimize(ours, start, method=method)}
    optimize = load("scipy.optimize")
    if jax:
        theirs = likelihood(jax.numpy, jax.numpy.asarray(x), jax.numpy.asarray(y))
        slope = jax.jit(jax.value_and_grad(theirs))
        curvature = jax.jit(jax.hessian(theirs))

        def value_and_gradient(p):
            value, gradient = slope(p)
            return float(value), np.asarray(gradient)

        calls["jax jit"] = lambda: optimize.minimize(
            value_and_gradient,
            start,
            jac=True,
            hess=lambda p: np.asarray(curvature(p)),
            method=method,
        )
        if not np.allclose(calls["jax jit"]().x, calls[OURS]().x.numpy(), rtol=1e-6):
            raise SystemExit("fit: another minimum; nothing is timed")
    timings = compare(calls, options.rounds)
    return timed_row("maximum likelihood in 5 parameters, SciPy", timings, OURS, "jax jit", 1.2)


def bench_trajectory(np, pa, torch, jax, options):
    """The gradient of a sum over the solution of Lotka and Volterra's equations.

    JAX takes steps and an adjoint of its own, so that the two agree as the tolerances permit.
    """
    del torch
    rates, times = np.array([1.5, 1.0, 0.75, 3.0]), np.linspace(0.0, 10.0, 11)
    fine = {"rtol": 1e-8, "atol": 1e-10}

    def slopes(t, y, p):
        return [p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]]

    def ours(p, steps=None):
        given = {"args": (p,), "t_eval": times, "method": "DOP853", "steps": steps, **fine}
        return pa.sum(pa.integrate.solve_ivp(slopes, (0, 10), [1.0, 1.0], **given).y ** 2)

    point = pa.asarray(rates)
    free = {"args": (point,), "method": "DOP853", **fine}
    steps = pa.integrate.solve_ivp(slopes, (0, 10), [1.0, 1.0], **free).t
    captured = pa.captured(pa.func.grad(lambda p: ours(p, steps)))
    forms = {OURS: pa.func.grad(ours), f"{OURS} captured": captured}
    calls = {name: (lambda form=form: form(point)) for name, form in forms.items()}
    if jax:
        odeint = load("jax.experimental.ode").odeint

        def theirs(p):
            start = jax.numpy.ones(2)
            y = odeint(lambda y, t, p: jax.numpy.stack(slopes(t, y, p)), start, times, p, **fine)
            return jax.numpy.sum(y**2)

        gradient = jax.jit(jax.grad(theirs))
        calls["jax jit"] = lambda: jax.block_until_ready(gradient(rates))
    wanted = calls[OURS]().numpy()
    for name, call in calls.items():
        if not np.allclose(np.asarray(call()), wanted, rtol=1e-4):
            raise SystemExit(f"trajectory: {name} differs from {OURS}; nothing is timed")
    timings = compare(calls, options.rounds)
    best = f"{OURS} captured"
    return timed_row("gradient through an ODE, captured", timings, best, OURS, 0.1, ["jax jit"])


NAMES = (
    "newton",
    "gradients",
    "hessians",
    "samples",
    "physics",
    "products",
    "jacobian",
    "process",
    "filter",
)
BENCHMARKS = {name: bench_program(name) for name in NAMES} | {
    "fit": bench_fit,
    "trajectory": bench_trajectory,
}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {})
