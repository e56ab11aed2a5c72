"""pa.implicit: closed forms to third order in every mix of modes, under vmap, and bad input."""

import itertools

import numpy as np
import pytest

import pyautograd as pa
from pyautograd.implicit import _equations

LINEAR = ["dense", "iterative"]


def reverse(f):
    return pa.func.grad(f)


def forward(f):
    return lambda t: pa.func.jvp(f, (t,), (pa.ones_like(t),))[1]


MIXES = [mix for order in (1, 2, 3) for mix in itertools.product([reverse, forward], repeat=order)]


def square_root(t, linear):
    return pa.implicit.root(lambda x, t: x**2 - t, 1.0, t, linear=linear)


def lambert(t, linear):
    return pa.implicit.fixed_point(lambda x, t: t * pa.exp(-x), 0.5, t, linear=linear)


def logarithm(t, linear):
    return pa.implicit.argmin(lambda x, t: pa.exp(x) - t * x, 0.0, t, linear=linear)


def lambert_derivatives(t):
    w = lambert(pa.tensor(t), "dense").item()
    # From w' = w / (t (1 + w))
    first = w / (t * (1 + w))
    second = -(w**2) * (w + 2) / (t**2 * (1 + w) ** 3)
    third = w**3 * (2 * w**2 + 8 * w + 9) / (t**3 * (1 + w) ** 5)
    return [w, first, second, third]


CLOSED = {
    square_root: lambda t: [t**0.5, 0.5 * t**-0.5, -0.25 * t**-1.5, 0.375 * t**-2.5],
    lambert: lambert_derivatives,
    logarithm: lambda t: [np.log(t), 1 / t, -1 / t**2, 2 / t**3],
}


@pytest.mark.parametrize("linear", LINEAR)
@pytest.mark.parametrize("solution", CLOSED)
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: "-".join(m.__name__ for m in mix))
def test_every_order_in_every_mix(solution, mix, linear):
    def nth(t):
        return solution(t, linear)

    for transform in mix:
        nth = transform(nth)
    t = pa.tensor(0.7)
    expected = CLOSED[solution](0.7)[len(mix)]
    assert nth(t).item() == pytest.approx(expected, rel=1e-9, abs=0)
    batch = pa.func.vmap(nth)(pa.tensor([0.7, 0.9])).tolist()
    assert batch == pytest.approx([expected, CLOSED[solution](0.9)[len(mix)]], rel=1e-9, abs=0)


def test_fourth_order_by_the_recorded_graph(no_leak):
    t = pa.tensor(2.0, requires_grad=True)
    y = square_root(t, "dense")
    for _ in range(4):
        (y,) = pa.grad(y, t, create_graph=True)
    assert y.item() == pytest.approx(-0.9375 * 2**-3.5)
    del y, t


def system(p, theta):
    a, b = theta["a"], theta["b"]
    x, y = p["x"], p["y"]
    return pa.sinh(x) + 0.1 * pa.sum(y) - a, {"r": 2 * y + 0.2 * y**3 + 0.3 * x * b - b**2}


START = {"x": pa.tensor(0.0), "y": pa.zeros(3)}
THETA = {"a": pa.tensor(0.8), "b": pa.tensor([1.0, -0.5, 0.3])}


def solve_system(theta, **options):
    p = pa.implicit.root(system, START, theta, **options)
    return pa.concat([pa.reshape(p["x"], (1,)), p["y"]])


def newton_steps(theta):
    """The same solution as recorded Newton steps: exact to the order that the tests reach."""
    v = solve_system(pa.tree.map(lambda t: t.detach(), theta))

    def residual(v):
        first, second = system({"x": v[0], "y": v[1:]}, theta)
        return pa.concat([pa.reshape(first, (1,)), second["r"]])

    for _ in range(3):
        jacobian = pa.func.jacrev(residual)(v)
        v = v - inverse(jacobian) @ residual(v)
    return v


def inverse(a):
    """By Gauss-Jordan elimination with recorded ops."""
    n = len(a)
    work = pa.concat([a, pa.eye(n)], axis=1)
    for i in range(n):
        row = work[i] / work[i, i]
        factor = work[:, i] - pa.eye(n)[i]
        work = work - factor[:, None] * row
    return work[:, n:]


@pytest.mark.parametrize("linear", LINEAR)
@pytest.mark.parametrize("outer, inner", list(itertools.product(("jacfwd", "jacrev"), repeat=2)))
def test_systems_of_trees_agree_with_differentiated_newton_steps(outer, inner, linear):
    def found(theta):
        return solve_system(theta, linear=linear)

    def check(first, second):
        for x, y in zip(pa.tree.flatten(first)[0], pa.tree.flatten(second)[0], strict=True):
            np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-8, atol=1e-10)

    outer, inner = getattr(pa.func, outer), getattr(pa.func, inner)
    check(inner(found)(THETA), inner(newton_steps)(THETA))
    check(outer(inner(found))(THETA), outer(inner(newton_steps))(THETA))
    if linear == "dense":
        check(outer(outer(inner(found)))(THETA), outer(outer(inner(newton_steps)))(THETA))


def test_gradient_per_sample_of_a_shared_parameter():
    def f(shared, t):
        return pa.implicit.root(lambda x, s, t: x**3 + s * x - t, 1.0, shared, t)

    times = pa.tensor([1.0, 2.0, 3.0])
    per_sample = pa.func.vmap(pa.func.grad(f), in_axes=(None, 0))(2.0, times)
    x = np.array([f(2.0, t).item() for t in times])
    np.testing.assert_allclose(per_sample.numpy(), -x / (3 * x**2 + 2), rtol=1e-12)
    total = pa.func.grad(lambda s: pa.sum(pa.func.vmap(lambda t: f(s, t))(times)))(2.0)
    assert total.item() == pytest.approx(per_sample.numpy().sum())
    assert pa.func.vmap(lambda t: f(2.0, t))(pa.zeros(0)).shape == (0,)


def steep(x, t):
    """Newton's method from 0 overshoots far, and must be damped."""
    return pa.atan(5.0 * (x - t))


def pair(x, t):
    return {"a": x["a"] ** 3 + x["b"] - t, "b": x["b"] + 0.5 * pa.sin(x["a"]) - 1.0}


def kepler(x, t):
    return t + 0.4 * pa.sin(x)


def wells(x, t):
    return pa.sum((x**2 - t) ** 2) + 0.1 * pa.sum(x) + x[0] * x[1]


PROBLEMS = {
    "steep": (pa.implicit.root, steep, 0.0),
    "pair": (pa.implicit.root, pair, {"a": 1.0, "b": 0.0}),
    "kepler": (pa.implicit.fixed_point, kepler, 0.0),
    "wells": (pa.implicit.argmin, wells, np.array([0.2, 0.1])),
}
PLACES = pa.asarray([0.3, 1.0, -1.5, 2.0, 0.31])


@pytest.mark.parametrize("solve, f, start", PROBLEMS.values(), ids=PROBLEMS)
def test_entries_that_are_solved_together_are_those_solved_alone(solve, f, start):
    def found(t):
        return pa.tree.ravel(solve(f, start, t))[0]

    together = pa.func.vmap(found)(PLACES)
    np.testing.assert_allclose(together, [found(t).numpy() for t in PLACES], rtol=1e-12, atol=1e-14)
    for derivative in (pa.func.jacrev, pa.func.jacfwd):
        second = derivative(derivative(found))
        alone = [second(t).numpy() for t in PLACES]
        np.testing.assert_allclose(pa.func.vmap(second)(PLACES), alone, rtol=1e-9, atol=1e-12)
    slopes = derivative(pa.func.vmap(found))(PLACES)
    for i, t in enumerate(PLACES):
        np.testing.assert_allclose(slopes[i, :, i], derivative(found)(t), rtol=1e-10, atol=1e-13)
    nested = pa.func.vmap(pa.func.vmap(found), in_axes=1)(pa.stack([PLACES, 2.0 + PLACES], axis=1))
    np.testing.assert_allclose(nested[0], together, rtol=1e-12, atol=1e-14)


def test_minima_are_exact_where_the_value_is_flat():
    """A value says where its minimum is to half of its digits, Newton's step to all of them."""
    data = np.random.default_rng(0).normal(size=(40, 30))

    def fit(sample):
        def cost(p, sample):
            return -pa.sum(pa.stats.norm.logpdf(sample, p[0], pa.exp(p[1])))

        return pa.implicit.argmin(cost, np.zeros(2), sample)

    expected = np.stack([data.mean(axis=1), np.log(data.std(axis=1))], axis=1)
    np.testing.assert_allclose(pa.func.vmap(fit)(data), expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose([fit(s).numpy() for s in data[:5]], expected[:5], rtol=0, atol=1e-13)


def test_a_batch_is_solved_in_as_many_calls_as_its_hardest_entry():
    calls = []

    def f(x, t):
        calls.append(None)
        return pa.exp(x) * x - t

    solve = pa.func.vmap(lambda t: pa.implicit.root(f, 1.0, t))
    solve(pa.full(2, 3.0))
    few = len(calls)
    many = solve(pa.linspace(2.9, 3.1, 300))
    assert len(calls) <= 3 * few
    np.testing.assert_allclose(many * pa.exp(many), np.linspace(2.9, 3.1, 300), rtol=1e-12)


def test_what_cannot_be_solved_together_is_solved_alone(monkeypatch):
    def branching(x, t):
        return x**3 - t if x > 0 else x - t

    roots = pa.func.vmap(lambda t: pa.implicit.root(branching, 1.0, t))(pa.tensor([8.0, 27.0]))
    np.testing.assert_allclose(roots, [2.0, 3.0])
    for f, t, text in (
        (lambda x, t: x**2 + t, [-1.0, 1.0], "cannot lower the residual norm|singular"),
        (lambda x, t: pa.log(x - t), [0.0, 2.0], "nan or infinite"),
    ):
        with pytest.raises(RuntimeError, match=text):
            pa.func.vmap(lambda t, f=f: pa.implicit.root(f, 1.0, t))(pa.tensor(t))
    with pytest.raises(RuntimeError, match="differentiable tensor that is not among its"):
        pa.func.vmap(lambda t: pa.implicit.root(lambda x, s: x - s * t, 1.0, t))(PLACES)
    shapes = []
    finder = _equations.Mapped.finder

    def noted(self, *, captured):
        find = finder(self, captured=captured)
        return lambda start, theta: shapes.append(start.shape) or find(start, theta)

    monkeypatch.setattr(_equations.Mapped, "finder", noted)
    for most, expected in ((5 * 4, [(5, 2)]), (5 * 4 - 1, [])):
        shapes.clear()
        monkeypatch.setattr(_equations, "_MOST", most)
        pa.func.vmap(lambda t: pa.implicit.root(pair, {"a": 1.0, "b": 0.0}, t))(PLACES)
        assert shapes == expected
    single = pa.func.vmap(lambda t: pa.implicit.root(steep, np.float32(0.5), t))
    assert single(pa.asarray([0.5, 1.5], dtype=pa.float32)).dtype == np.float32


def test_the_start_has_no_derivative_and_integers_pass():
    def f(start, n, t):
        return pa.implicit.root(lambda x, n, t, name: x**n - t, start, n, t, "name")

    assert pa.func.grad(f)(1.5, 3, 8.0).item() == 0
    n = pa.tensor(3)
    assert pa.func.grad(f, argnums=2)(1.5, n, 8.0).item() == pytest.approx(1 / 12)
    roots = pa.func.vmap(f, in_axes=(None, 0, None))(1.5, pa.tensor([2, 3]), 64.0)
    np.testing.assert_allclose(roots.numpy(), [8.0, 4.0])


def test_solvers_of_the_user():
    def by_scipy(g, x0):
        return pa.optimize.root(g, x0).x

    def f(t):
        return pa.implicit.root(lambda x, t: x**3 - t, pa.ones(2), t, solver=by_scipy)

    np.testing.assert_allclose(
        pa.func.jacrev(f)(pa.tensor([8.0, 27.0])).numpy(), np.diag([1 / 12, 1 / 27]), atol=1e-9
    )

    def by_sweeps(g, x):
        for _ in range(100):
            x = g(x)
        return x

    def h(t):
        return pa.implicit.fixed_point(lambda x, t: pa.cos(t * x), 1.0, t, solver=by_sweeps)

    x = h(1.0).item()
    slope = -x * np.sin(x) / (1 + np.sin(x))
    assert pa.func.grad(h)(1.0).item() == pytest.approx(slope, rel=1e-9, abs=0)


def test_argmin_of_hyperparameters():
    """The second derivative of a validation loss by a regularisation strength."""
    rng = np.random.default_rng(0)
    a, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    b, z = rng.standard_normal((15, 4)), rng.standard_normal(15)

    def by_argmin(s, linear):
        def loss(w, s):
            return pa.sum((a @ w - y) ** 2) + pa.exp(s) * pa.sum(w**2)

        w = pa.implicit.argmin(loss, pa.zeros(4), s, linear=linear)
        return pa.sum((b @ w - z) ** 2)

    values, vectors = np.linalg.eigh(a.T @ a)

    def closed(s):
        w = pa.asarray(vectors) @ ((vectors.T @ (a.T @ y)) / (values + pa.exp(s)))
        return pa.sum((b @ w - z) ** 2)

    for linear in LINEAR:
        for mode in ("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"):
            got = pa.hessian(lambda s, linear=linear: by_argmin(s, linear), 0.3, mode=mode)
            assert got.item() == pytest.approx(pa.hessian(closed, 0.3).item(), rel=1e-8, abs=0)


def test_argmin_leaves_saddles():
    def f(x, t):
        return (x[0] ** 2 - t) ** 2 + x[1] ** 2

    x = pa.implicit.argmin(f, pa.tensor([1e-3, 1.0]), 2.0)
    np.testing.assert_allclose(x.numpy(), [np.sqrt(2), 0], atol=1e-9)
    for start in ([0.0, 1.0], [0.0, 0.0], [1e-9, 0.0]):  # where no slope leads away
        x = pa.implicit.argmin(f, pa.tensor(start), 2.0)
        np.testing.assert_allclose(np.abs(x), [np.sqrt(2), 0], atol=1e-9)
    slope = pa.func.jacfwd(lambda t: pa.implicit.argmin(f, pa.zeros(2), t) ** 2)(2.0)
    np.testing.assert_allclose(slope, [1.0, 0.0], atol=1e-9)
    many = pa.func.vmap(lambda t: pa.implicit.argmin(f, pa.zeros(2), t))(np.array([1.0, 4.0]))
    np.testing.assert_allclose(np.abs(many), [[1.0, 0.0], [2.0, 0.0]], atol=1e-9)
    with pytest.raises(RuntimeError, match=r"\[implicit.argmin\]"):
        pa.implicit.argmin(lambda x, t: -t * x**2, pa.tensor(0.0), 1.0)


def test_single_precision():
    t = pa.tensor(2.0, dtype=pa.float32)
    found = pa.implicit.root(lambda x, t: x**2 - t, pa.ones((), dtype=pa.float32), t)
    assert found.dtype == np.float32 and found.item() == pytest.approx(2**0.5, rel=1e-6, abs=0)


def test_bad_input():
    with pytest.raises(TypeError, match=r"\[implicit.root\] expected a function"):
        pa.implicit.root(1.0, 1.0)
    with pytest.raises(TypeError, match="dtype int64"):
        pa.implicit.root(lambda x: x, 1)
    with pytest.raises(TypeError, match=r"\[implicit.root\] dtype complex128 has no place"):
        pa.implicit.root(lambda x: x, 1j)
    with pytest.raises(ValueError, match="returns 2 values for 3 unknowns"):
        pa.implicit.root(lambda x: x[:2], pa.ones(3))
    with pytest.raises(ValueError, match="unknown linear 'lu'"):
        pa.implicit.root(lambda x: x, pa.ones(3), linear="lu")
    with pytest.raises(ValueError, match="must return a scalar"):
        pa.implicit.argmin(lambda x: x, pa.ones(3))
    with pytest.raises(ValueError, match="the solver returned 2 values for 3 unknowns"):
        pa.implicit.root(lambda x: x, pa.ones(3), solver=lambda g, x: x[:2])


def test_failures_of_the_solver():
    with pytest.raises(RuntimeError, match="Newton's method cannot lower the residual norm"):
        pa.implicit.root(lambda x: x**2 + 1 + 0 * x, 0.3)
    with pytest.raises(RuntimeError, match="singular on the way"):
        pa.implicit.root(lambda x: pa.sum(x) + 0 * x - 1, pa.ones(2) / 3)
    with pytest.raises(RuntimeError, match="became nan or infinite"):
        pa.implicit.fixed_point(lambda x: 2 * x + 1, 1.0)
    with pytest.raises(RuntimeError, match="has not settled"):
        pa.implicit.fixed_point(lambda x: -x, 1.0)


def test_a_singular_jacobian_is_named():
    def f(t, linear):
        return pa.sum(
            pa.implicit.root(
                lambda x, t: x * pa.sum(x) - t, pa.zeros(2), t, solver=lambda g, x: x, linear=linear
            )
        )

    with pytest.raises(np.linalg.LinAlgError, match="Jacobian at the solution is singular"):
        pa.func.grad(f)(0.0, "dense")
    with pytest.raises(RuntimeError, match="gmres did not solve the linear system"):
        pa.func.grad(f)(0.0, "iterative")


def test_what_runs_around_the_solver_does_not_see_it():
    def f(t):
        return pa.implicit.root(lambda x, t: pa.sqrt(x) - t, 4.0, t)  # the first step leads to nan

    packed = []
    with pa.saved_tensors_hooks(lambda x: packed.append(x.shape) or x, lambda x: x):
        assert f(0.3).item() == pytest.approx(0.09, rel=1e-14, abs=0)
    assert packed == []
    with pa.detect_anomaly():
        assert pa.func.grad(f)(0.3).item() == pytest.approx(0.6, rel=1e-14, abs=0)
    with pa.no_grad():
        assert pa.func.jacfwd(pa.func.grad(f))(0.3).item() == pytest.approx(2, rel=1e-12, abs=0)
    # A rule that leaves the graph would cost the derivative.
    y = pa.func.vmap(lambda t: pa.implicit.root(lambda x, t: x**3 - t, 1.0, t, linear="iterative"))
    third = pa.func.grad(pa.func.grad(pa.func.grad(lambda t: pa.sum(y(t * pa.ones(2))))))
    assert third(8.0).item() == pytest.approx(2 * 10 / 27 * 8 ** (-8 / 3), rel=1e-9, abs=0)


def test_a_step_of_newtons_method_evaluates_the_function_once():
    places = []

    def residual(x, t):
        places.append(x.item())
        return x - 0.6 * pa.sin(x) - t

    x = pa.implicit.root(residual, 1.0, 1.0).item()
    assert x - 0.6 * np.sin(x) == pytest.approx(1, rel=1e-15, abs=0)
    # The first evaluation checks the function.
    assert 3 < len(places) == len(set(places)) + 1


def test_unknowns_may_be_none():
    for solve in (pa.implicit.root, pa.implicit.fixed_point):
        assert solve(lambda x, t: t * x, pa.zeros(0), 2.0).shape == (0,)
    assert pa.implicit.argmin(lambda x, t: pa.sum(t * x), pa.zeros(0), 2.0).shape == (0,)


def test_a_captured_parameter_is_refused():
    t = pa.tensor(2.0, requires_grad=True)
    with pytest.raises(RuntimeError, match="not among its arguments, whose derivative would be"):
        pa.implicit.root(lambda x: x**2 - t, 1.0)
    with pytest.raises(RuntimeError, match="not among its arguments"):
        pa.func.jvp(lambda t: pa.implicit.root(lambda x: x**2 - t, 1.0), (t,), (pa.ones(()),))


@pytest.mark.filterwarnings("error")
def test_a_function_without_curvature_has_no_minimum_and_warns_of_nothing():
    with pytest.raises(
        RuntimeError, match=r"\[implicit.argmin\] Newton's method has not converged"
    ):
        pa.implicit.argmin(pa.sum, pa.zeros(4))


def test_complex_parameters_have_derivatives():
    def radius(z):
        return pa.implicit.root(lambda r, z: r**2 - pa.abs(z) ** 2 - pa.real(z), 1.0, z)

    z, direction = pa.tensor(0.8 + 0.5j), pa.tensor(0.3 - 1.0j)
    root = 1.69**0.5
    slope = complex(2 * 0.8 + 1, 2 * 0.5) / (2 * root)
    assert pa.func.grad(radius)(z).item() == pytest.approx(slope, rel=1e-12, abs=0)
    along = pa.func.jvp(radius, (z,), (direction,))[1].item()
    expected = (slope.conjugate() * direction.item()).real
    assert along == pytest.approx(expected, rel=1e-12, abs=0)
