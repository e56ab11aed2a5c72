"""Solutions of equations in captured calls: the same numbers as without, for new parameters."""

import gc
import threading
import weakref

import numpy as np
import pytest
from support.captured import frames, refused, same

import pyautograd as pa

SOLVERS = [pa.implicit.root, pa.implicit.fixed_point, pa.implicit.argmin]


def equation(solve):
    """A system of three unknowns in the form that the solver wants."""
    a = pa.asarray([[0.3, 0.1, 0.0], [0.1, 0.2, 0.1], [0.0, 0.1, 0.4]])
    if solve is pa.implicit.argmin:
        return lambda x, t: pa.sum(x**4 + (x - t) ** 2) + 0.1 * x @ a @ x
    if solve is pa.implicit.fixed_point:
        return lambda x, t: pa.tanh(a @ x) * 0.5 + t
    return lambda x, t: x + x**3 / 3 - pa.tanh(a @ x) - t


def solution(solve, linear="dense"):
    return lambda t: solve(equation(solve), pa.zeros(3), t, linear=linear)


POINTS = [[0.5, -1.0, 0.25], [1.5, 0.0, -2.0]]
DERIVATIVES = {
    "value": lambda f: f,
    "gradient": lambda f: pa.func.grad(lambda t: pa.sum(f(t) ** 2)),
    "jacfwd": pa.func.jacfwd,
    "hessian": lambda f: lambda t: pa.hessian(lambda t: pa.sum(f(t) ** 2), t),
    "vmap": lambda f: lambda t: pa.func.vmap(f)(pa.stack([t, 2 * t])),
    "vmap of jacrev": lambda f: lambda t: pa.func.vmap(pa.func.jacrev(f))(pa.stack([t, -t])),
}


@pytest.mark.parametrize("linear", ["dense", "iterative"])
@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("solve", SOLVERS)
def test_derivatives(solve, derivative, linear):
    f = DERIVATIVES[derivative](solution(solve, linear))
    call = pa.captured(f)
    for point in POINTS:
        np.testing.assert_allclose(call(pa.asarray(point)), f(pa.asarray(point)), rtol=1e-9)
    assert f"implicit.{solve.__name__}" in call.ops()[0]
    assert len(call.ops()) == 1


def test_trees_and_float32():
    def f(x, t):
        return {"a": x["a"] ** 2 - t, "b": x["b"] * x["a"] - 1}

    call = pa.captured(lambda t: pa.implicit.root(f, {"a": 1.0, "b": 1.0}, t))
    for t in (4.0, 9.0):
        found = call(pa.tensor(t))
        same(found["a"], t**0.5)
        assert found["b"].item() == pytest.approx(t**-0.5, rel=1e-15, abs=0)

    def cube_root(t):
        return pa.implicit.root(lambda x, t: x**3 - t, np.float32(1.0), t)

    single = pa.captured(cube_root)
    for t in (8.0, 27.0):
        same(single(pa.tensor(t, dtype=pa.float32)), cube_root(pa.tensor(t, dtype=pa.float32)))


@pytest.mark.parametrize("captured", [False, True])
def test_a_solver_of_the_user_is_called_by_each_call(captured):
    starts = []

    def solver(g, x0):
        starts.append(float(g(x0).item()))
        return pa.optimize.root(g, x0).x

    def f(t):
        return pa.implicit.root(lambda x, t: x**3 - t, 2.0, t, solver=solver)

    slope = pa.func.grad(f)
    call = pa.captured(slope) if captured else slope
    for t in (8.0, 27.0):
        assert call(pa.tensor(t)).item() == pytest.approx(t ** (-2 / 3) / 3, rel=1e-9, abs=0)
    assert starts == [0.0, -19.0]


def test_implicit_steps_in_a_scan():
    def step(y, h):  # the backward Euler method for a pendulum
        def residual(new, y, h):
            return new - y - h * pa.stack([new[1], -pa.sin(new[0])])

        y = pa.implicit.root(residual, y, y, h)
        return y, y[0]

    def last(y, steps):
        return pa.scan(step, y, steps)[0]

    y, steps = pa.tensor([1.0, 0.0]), pa.full((6,), 0.1)
    call = pa.captured(pa.func.jacrev(last))
    for k in (1.0, 0.5):
        expected = pa.func.jacrev(last)(y * k, steps)
        np.testing.assert_allclose(call(y * k, steps), expected, rtol=1e-12, atol=1e-15)
    checked = pa.captured(pa.func.jacrev(lambda y: pa.checkpoint(lambda y: last(y, steps), y)))
    np.testing.assert_allclose(checked(y), pa.func.jacrev(last)(y, steps), rtol=1e-12)


def test_what_does_not_depend_on_the_arguments_is_solved_once():
    calls = []

    def solver(g, x0):
        calls.append(1)
        return pa.asarray(3.0)

    def f(a):
        return a * pa.implicit.root(lambda x, t: x - t, pa.zeros(()) + 1, 3.0, solver=solver)

    call = pa.captured(f)
    assert [call(pa.tensor(a)).item() for a in (1.0, 2.0, 3.0)] == [3.0, 6.0, 9.0]
    assert len(calls) == 1


def steep(x, t):
    """Newton's method from 0 overshoots far, and must be damped."""
    return pa.atan(5.0 * (x - t))


def wells(x, t):
    return pa.sum((x**2 - t) ** 2) + 0.1 * pa.sum(x) + x[0] * x[1]


def flat(x, t):
    """The value is flat over the root of the precision around the minimum."""
    return 1e4 + pa.sum((x - t) ** 2)


LOOPS = {
    "root": (pa.implicit.root, lambda x, t: x + x**3 / 3 - t, 0.0),
    "damped": (pa.implicit.root, steep, 0.0),
    "single": (pa.implicit.root, lambda x, t: x**3 - 2 - t, np.float32(1.0)),
    "fixed point": (pa.implicit.fixed_point, lambda x, t: 0.4 * pa.sin(x) + t, 0.0),
    "minimum": (pa.implicit.argmin, wells, np.array([0.2, 0.1])),
    "flat": (pa.implicit.argmin, flat, np.array([0.3, -0.1])),
}
PLACES = np.array([0.3, 1.0, -1.5, 2.0, 0.31])


@pytest.mark.parametrize("solve, f, start", LOOPS.values(), ids=LOOPS)
class TestLoops:
    """The same steps without Python, whatever they are."""

    def test_alone(self, solve, f, start):
        def found(t):
            return solve(f, start, t)

        call = pa.captured(found)
        for t in PLACES:
            same(call(pa.tensor(t)), found(pa.tensor(t)))
            assert frames(call, pa.tensor(t)) == []

    def test_together(self, solve, f, start):
        found = pa.func.vmap(lambda t: solve(f, start, t))
        call = pa.captured(found)
        for t in (pa.asarray(PLACES), pa.asarray(np.repeat(PLACES[::-1], 2)[::2]), pa.zeros(5)):
            same(call(t), found(t))
            assert frames(call, t) == []


class TestWhereLoopsEnd:
    """The solvers in Python see to all else."""

    def test_entries_without_a_solution(self):
        def f(t):
            return pa.func.vmap(lambda t: pa.implicit.root(lambda x, t: x**2 - t, 1.0, t))(t)

        call = pa.captured(f)
        for t in ([4.0, 9.0, 2.0], [1.0, 16.0, 3.0]):
            same(call(pa.tensor(t)), f(pa.tensor(t)))
            with pytest.raises(RuntimeError, match="cannot lower the residual norm|singular"):
                call(pa.tensor([4.0, -1.0, 9.0]))

    def test_a_singular_jacobian_on_the_way(self):
        def f(t):  # singular at the start of one entry, and solved alone
            root = pa.implicit.root
            return pa.func.vmap(lambda t: root(lambda x, t: x * (x - 1) - t, 0.5 * t, t))(t)

        call = pa.captured(f)
        same(call(pa.tensor([2.0, 6.0])), f(pa.tensor([2.0, 6.0])))
        for calls in (f, call):
            with pytest.raises(RuntimeError, match="singular"):
                calls(pa.tensor([1.0, 6.0]))

    def test_a_function_that_becomes_infinite(self):
        call = pa.captured(lambda t: pa.implicit.root(lambda x, t: pa.log(x) - t, 1.0, t))
        assert call(pa.tensor(0.0)).item() == 1.0
        with pytest.raises(RuntimeError, match="nan or infinite|cannot lower"):
            call(pa.tensor(np.nan))
        with pytest.raises(RuntimeError, match="has not settled|nan or infinite"):
            pa.captured(lambda t: pa.implicit.fixed_point(lambda x, t: 2 * x + t, 1.0, t))(
                pa.tensor(1.0)
            )

    def test_a_function_that_draws(self):
        rng = pa.random.Generator(0)

        def f(t):
            return pa.implicit.root(lambda x, t: x**3 - t + 0 * rng.normal(), 1.0, t)

        call = pa.captured(f)
        for t in (8.0, 27.0):
            assert call(pa.tensor(t)).item() == pytest.approx(t ** (1 / 3), rel=1e-14, abs=0)

    def test_numbers_that_the_function_looked_at(self):
        scale = pa.tensor(2.0)
        call = pa.captured(lambda t: pa.implicit.root(lambda x, t: x**3 - t * scale.item(), 1.0, t))
        assert call(pa.tensor(4.0)).item() == pytest.approx(2.0, rel=1e-15, abs=0)
        scale[...] = 16.0
        assert call(pa.tensor(4.0)).item() == pytest.approx(4.0, rel=1e-15, abs=0)


class TestErrors:
    def test_what_the_solver_raises(self):
        f = pa.captured(lambda t: pa.implicit.root(lambda x, t: x**2 - t, 1.0, t))
        assert f(pa.tensor(4.0)).item() == 2.0
        for _ in range(2):
            with pytest.raises(RuntimeError, match="cannot lower the residual norm|singular"):
                f(pa.tensor(-1.0))
            assert f(pa.tensor(9.0)).item() == 3.0

    def test_a_singular_jacobian(self):
        def square_root(t):
            return pa.implicit.root(lambda x, t: x**2 - t, 1.0, t, solver=lambda g, x0: t_now**0.5)

        f = pa.captured(pa.func.grad(square_root))
        t_now = 4.0
        assert f(pa.tensor(t_now)).item() == 0.25
        t_now = 0.0
        with pytest.raises(np.linalg.LinAlgError, match="Jacobian at the solution is singular"):
            f(pa.tensor(t_now))

    def test_a_function_that_looks_at_numbers(self):
        f = pa.captured(lambda t: pa.implicit.root(lambda x, t: x - t if x > 0 else x, 1.0, t))
        refused(f, pa.tensor(1.0))

    def test_a_tensor_that_is_no_parameter(self):
        f = pa.captured(lambda t: pa.implicit.root(lambda x: x**2 - 2 * t, 1.0))
        with pytest.raises(RuntimeError, match="pass it to the function as an argument"):
            f(pa.tensor(2.0))
        w = pa.tensor(3.0, requires_grad=True)
        f = pa.captured(lambda t: pa.implicit.root(lambda x, t: x - w * t, 1.0, t))
        with pytest.raises(RuntimeError, match="not among its arguments, whose derivative would"):
            f(pa.tensor(2.0))

    def test_a_solver_that_returns_something_else(self):
        found = [pa.asarray(1.0), pa.asarray([1.0, 2.0])]
        f = pa.captured(
            lambda t: pa.implicit.root(lambda x, t: x - t, 1.0, t, solver=lambda g, x: found.pop(0))
        )
        assert f(pa.tensor(1.0)).item() == 1.0
        with pytest.raises(ValueError, match="the solver returned 2 values for 1 unknowns"):
            f(pa.tensor(1.0))


def test_while_transforms_are_active():
    call = pa.captured(lambda t: pa.implicit.root(lambda x, t: x**2 - t, 1.0, t))
    assert call(pa.tensor(4.0)).item() == 2.0
    found = pa.func.grad(lambda x: x * call(pa.tensor(9.0)))(2.0)
    assert found.item() == 3.0
    many = pa.func.vmap(lambda x: x + call(pa.tensor(16.0)))(pa.tensor([1.0, 2.0]))
    assert many.tolist() == [5.0, 6.0]
    assert pa.func.grad(call)(4.0).item() == 0.25
    with pa.no_grad():
        assert pa.captured(pa.func.grad(call))(pa.tensor(4.0)).item() == 0.25


def test_several_threads():
    call = pa.captured(pa.func.grad(lambda t: pa.implicit.root(lambda x, t: x**3 - t, 1.0, t)))
    call(pa.tensor(1.0))
    wrong = []

    def work(first):
        for t in np.arange(first, first + 40.0):
            if abs(call(pa.tensor(t)).item() - t ** (-2 / 3) / 3) > 1e-12:
                wrong.append(t)

    threads = [threading.Thread(target=work, args=(10.0 * i + 1,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_captured_method_is_collected():
    class Model:
        def __init__(self):
            self.solve = pa.captured(self._solve)

        def _residual(self, x, t):
            return x**2 - t

        def _solve(self, t):
            return pa.implicit.root(self._residual, 1.0, t)

    model = Model()
    assert model.solve(pa.tensor(4.0)).item() == 2.0
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_on_a_budget():
    call = pa.captured(pa.func.grad(lambda t: pa.sum(solution(pa.implicit.root)(t))))
    expected = call(pa.asarray(POINTS[0]))
    with pa.memory_budget(pa.memory.live().bytes + 1_000_000):
        same(call(pa.asarray(POINTS[0])), expected)


def test_in_captured_optimisation():
    def outer(t):
        return pa.sum((solution(pa.implicit.argmin)(t) - 0.5) ** 2)

    found = pa.optimize.minimize(outer, pa.zeros(3), captured=True)
    np.testing.assert_allclose(solution(pa.implicit.argmin)(found.x), 0.5, rtol=1e-6)
