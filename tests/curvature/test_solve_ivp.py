"""pa.integrate.solve_ivp: SciPy's steps, closed forms, derivatives of the steps, bad input."""

import math
import warnings

import numpy as np
import pytest

import pyautograd as pa
from pyautograd.integrate import solve_ivp

scipy_integrate = pytest.importorskip("scipy.integrate")
scipy_solve = scipy_integrate.solve_ivp
EXPLICIT = ["RK23", "RK45", "DOP853"]
METHODS = [*EXPLICIT, "Rodas4"]
FINE = {"rtol": 1e-9, "atol": 1e-11}
TIMES = [0.0, 0.3, 1.0, 2.5, 3.0]


def predators(t, y, p):
    """Lotka and Volterra's equations with seasons."""
    growth = p[0] + 0.1 * np.sin(2 * t)
    return [growth * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]]


RATES = np.array([1.5, 1.0, 0.75, 3.0])


def oscillator(t, y):
    return [y[1], -y[0]]


def cosine(end, method="DOP853", start=0.0, **options):
    return solve_ivp(oscillator, (start, end), [1.0, 0.0], method, **FINE, **options).y[0, -1]


def fixed_steps(method, step=0.125):
    """Steps of one length, whatever the numbers: as smooth a function as each of them."""
    return {"method": method, "rtol": 1e6, "first_step": step, "max_step": step}


@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("t_eval", [None, TIMES])
@pytest.mark.parametrize("span", [(0.0, 3.0), (3.0, 0.0)])
def test_the_steps_are_scipys(method, t_eval, span):
    t_eval = t_eval and t_eval[:: 1 if span[0] == 0.0 else -1]
    options = {"t_eval": t_eval, "method": method, "rtol": 1e-4}
    ours = solve_ivp(predators, span, [1.0, 2.0], args=(pa.tensor(RATES),), **options)
    theirs = scipy_solve(predators, span, [1.0, 2.0], args=(RATES,), **options)
    np.testing.assert_allclose(ours.t.numpy(), theirs.t, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.y.numpy(), theirs.y, rtol=1e-8)
    if method != "DOP853" or t_eval is None:  # SciPy adds stages where nobody asks
        assert ours.nfev == theirs.nfev
    assert ours.steps + ours.rejected >= ours.y.shape[-1] - 1 or t_eval


@pytest.mark.parametrize("method", METHODS)
def test_derivatives_of_steps_of_fixed_length_are_exact(method):
    def end(p, y0):
        options = fixed_steps(method)
        return solve_ivp(predators, (0.0, 0.5), y0, args=(p,), t_eval=[0.2, 0.5], **options).y

    pa.testing.check_grads(end, (pa.tensor(RATES), pa.tensor([1.0, 2.0])), order=2)


@pytest.mark.parametrize("method", METHODS)
def test_linear_systems_are_exponentials(method):
    a = pa.tensor([[-0.5, 1.0], [-1.0, -0.2]])
    y0 = pa.tensor([1.0, 0.5])
    options = {"rtol": 1e-6, "atol": 1e-8} if method == "RK23" else FINE

    def stepped(a, y0):
        return solve_ivp(lambda t, y: a @ y, (0.0, 1.5), y0, method, **options).y[:, -1]

    def exact(a, y0):
        return pa.linalg.expm(1.5 * a) @ y0

    for derivative in (pa.func.jacfwd, pa.func.jacrev, pa.func.hessian):
        for i in (0, 1):
            found, expected = derivative(stepped, i)(a, y0), derivative(exact, i)(a, y0)
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_modes_agree_to_rounding(method):
    def loss(p):
        ends = solve_ivp(predators, (0.0, 2.0), [1.0, 2.0], method, args=(p,), t_eval=[0.7, 2.0])
        return pa.sum(ends.y**2)

    p = pa.tensor(RATES)
    reverse = pa.func.grad(loss)
    np.testing.assert_allclose(reverse(p).numpy(), pa.func.jacfwd(loss)(p).numpy(), rtol=1e-11)
    hessian = pa.func.jacrev(reverse)(p).numpy()
    np.testing.assert_allclose(hessian, pa.func.hessian(loss)(p).numpy(), rtol=1e-11)
    np.testing.assert_allclose(hessian, pa.hessian(loss, p).numpy(), rtol=1e-11)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10)
    q = p.detach().requires_grad_()
    loss(q).backward()
    np.testing.assert_allclose(q.grad.numpy(), reverse(p).numpy(), rtol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_by_the_ends(order):
    expected = [math.cos, lambda t: -math.sin(t), lambda t: -math.cos(t), math.sin][order]
    assert pa.derivative(cosine, order)(2.0).item() == pytest.approx(expected(2.0), abs=1e-7)
    backward = pa.derivative(lambda t: cosine(2.0, start=t), order)(0.5).item()
    assert backward == pytest.approx((-1) ** order * expected(1.5), abs=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_derivatives_by_the_times_asked_for(method):
    def at(times):
        return solve_ivp(oscillator, (0.0, 3.0), [1.0, 0.0], method, times, rtol=1e-7, atol=1e-9).y

    times = pa.tensor(TIMES)
    slopes = np.diagonal(pa.func.jacfwd(at)(times).numpy()[0])
    np.testing.assert_allclose(slopes, -np.sin(TIMES), atol=1e-4)

    def scaled(end):
        return solve_ivp(
            oscillator, (0.0, end), [1.0, 0.0], method, end * np.array([0.25, 0.5]), **FINE
        ).y[0]

    np.testing.assert_allclose(
        pa.func.jacfwd(scaled)(3.0).numpy(), -np.sin([0.75, 1.5]) * [0.25, 0.5], atol=1e-4
    )


@pytest.mark.parametrize("method", METHODS)
def test_vmap_takes_the_steps_of_the_hardest(method):
    options = {"rtol": 1e-5, "atol": 1e-7, "method": method}
    frequencies = pa.tensor([0.5, 8.0, 2.0])

    def swing(w):
        return solve_ivp(lambda t, y: [y[1], -(w**2) * y[0]], (0.0, 2.0), [1.0, 0.0], **options)

    found = pa.func.vmap(lambda w: swing(w).y[0, -1])(frequencies)
    np.testing.assert_allclose(found.numpy(), np.cos(2 * frequencies.numpy()), atol=2e-3)
    assert swing(pa.tensor(8.0)).steps > 2 * swing(pa.tensor(0.5)).steps
    slopes = pa.func.vmap(pa.func.grad(lambda w: swing(w).y[0, -1]))(frequencies)
    np.testing.assert_allclose(slopes.numpy(), -2 * np.sin(2 * frequencies.numpy()), atol=2e-2)
    ends = pa.func.vmap(lambda t: cosine(t, method))(pa.tensor([1.0, 2.0]))
    np.testing.assert_allclose(ends.numpy(), np.cos([1.0, 2.0]), atol=1e-6)


def test_rodas4_is_of_order_4_and_its_polynomial_of_order_3():
    """A wrong coefficient lowers the order."""

    def error(step, at):
        def f(t, y):
            return -(y**2) * pa.cos(t)  # y = 1 / (1 + sin t)

        options = fixed_steps("Rodas4", step)
        y = solve_ivp(f, (0.0, 1.0), [1.0], t_eval=[at], **options).y
        return abs(y.item() - 1 / (1 + math.sin(at)))

    steps = (1 / 64, 1 / 128)
    ends = [error(h, 1.0) for h in steps]
    assert ends[0] / ends[1] > 2**3.8
    between = [max(error(h, 0.5 + part * h) for part in (0.3, 0.5, 0.7)) for h in steps]
    assert between[0] / between[1] > 2**3.5


def test_a_stiff_system_takes_few_steps():
    def reactions(t, y, k):  # Robertson's
        first, second, third = k * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return [second - first, first - second - third, third]

    options = {"rtol": 1e-6, "atol": 1e-10}

    def end(k):
        return solve_ivp(reactions, (0.0, 1e4), [1.0, 0.0, 0.0], "Rodas4", args=(k,), **options)

    def reference(k):
        tight = {"method": "Radau", "rtol": 1e-12, "atol": 1e-15}
        return scipy_solve(reactions, (0.0, 1e4), [1.0, 0.0, 0.0], args=(k,), **tight).y[:, -1]

    assert end(0.04).steps < 300
    np.testing.assert_allclose(end(0.04).y[:, -1].numpy(), reference(0.04), rtol=1e-6)
    expected = (reference(0.04 + 1e-5) - reference(0.04 - 1e-5)) / 2e-5
    for jacobian in (pa.func.jacfwd, pa.func.jacrev):
        found = jacobian(lambda k: end(k).y[:, -1])(0.04).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("method", EXPLICIT)
def test_derivatives_of_an_explicit_method_on_a_stiff_system_are_doubted(method):
    """Stability limits the steps, and values are right for another reason than slopes would be."""
    cells = 40
    start = np.exp(-(((np.arange(cells) + 0.5) / cells - 0.5) ** 2) / 0.01)

    def heat(t, y, k):
        flow = cells**2 * k * (y[1:] - y[:-1])
        return pa.concat([flow, pa.zeros(1)]) - pa.concat([pa.zeros(1), flow])

    def centre(k, method):
        options = {"args": (k,), "rtol": 1e-5 if method == "RK23" else 1e-4, "atol": 1e-6}
        return solve_ivp(heat, (0.0, 0.2), start, method, **options).y[cells // 2, -1]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert centre(1.0, method).item() == pytest.approx(
            centre(1.0, "Rodas4").item(), rel=1e-4, abs=0
        )
        pa.func.grad(centre)(1.0, "Rodas4")
        pa.func.grad(cosine)(40.0)
        for tolerances in ({}, {"rtol": 1e-2, "atol": 1e-3}):
            options = {"method": method, "args": (pa.tensor(RATES, requires_grad=True),)}
            solve_ivp(predators, (0.0, 20.0), [1.0, 2.0], **options, **tolerances)
    for derivative in (pa.func.grad, pa.func.jacfwd):
        with pytest.warns(UserWarning, match="the system is stiff"):
            derivative(centre)(1.0, method)


@pytest.mark.parametrize("method", METHODS)
def test_checkpoints_change_nothing_but_memory(method):
    def loss(p, checkpoint):
        options = {"args": (p,), "t_eval": [1.0, 2.0], "checkpoint": checkpoint}
        return pa.sum(solve_ivp(predators, (0.0, 2.0), [1.0, 2.0], method, **options).y ** 2)

    p = pa.tensor(RATES)
    for derivative in (lambda f: f, pa.func.grad, pa.func.hessian):
        plain = derivative(lambda p: loss(p, False))(p).numpy()
        kept = derivative(lambda p: loss(p, True))(p).numpy()
        np.testing.assert_allclose(kept, plain, rtol=1e-12)


def test_checkpoints_keep_the_ends_of_steps_only():
    y0 = pa.ones(20_000)

    def kept(checkpoint):
        rate = pa.tensor(1.0, requires_grad=True)

        def decay(t, y):
            return -rate * pa.sin(pa.tanh(y))

        before = pa.memory.live().bytes
        solution = solve_ivp(decay, (0.0, 1.0), y0, max_step=0.1, checkpoint=checkpoint)
        held = pa.memory.live().bytes - before
        assert solution.y.requires_grad
        return held

    assert kept(True) < kept(False) / 4


@pytest.mark.parametrize("method", METHODS)
def test_steps_that_are_given_again(method):
    options = {"method": method, "t_eval": [0.5, 2.0], "args": (pa.tensor(RATES),)}
    chosen = solve_ivp(predators, (0.0, 2.0), [1.0, 2.0], **options | {"t_eval": None})
    steps = chosen.t

    def stepped(p, y0):
        return solve_ivp(predators, (0.0, 2.0), y0, steps=steps, **options | {"args": (p,)}).y

    p, y0 = pa.tensor(RATES), pa.tensor([1.0, 2.0])
    adaptive = solve_ivp(predators, (0.0, 2.0), [1.0, 2.0], **options)
    assert stepped(p, y0).tolist() == adaptive.y.tolist()
    pa.testing.check_grads(stepped, (p, y0), order=2)

    def loss(p):
        return pa.sum(stepped(p, y0) ** 2)

    for f in (loss, pa.func.grad(loss), lambda p: pa.hessian(loss, p)):
        captured = pa.captured(f)
        for numbers in (RATES, 1.1 * RATES):
            found, expected = captured(pa.tensor(numbers)).numpy(), f(pa.tensor(numbers)).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-12)

    def stretched(end):
        return solve_ivp(
            oscillator, (0.0, end), [1.0, 0.0], "DOP853", steps=np.linspace(0.0, 1.0, 9)
        ).y[0, -1]

    assert pa.func.grad(stretched)(2.0).item() == pytest.approx(-math.sin(2.0), abs=1e-8)
    ends = pa.func.vmap(stretched)(pa.tensor([1.0, 2.0]))
    np.testing.assert_allclose(ends.numpy(), np.cos([1.0, 2.0]), atol=1e-8)


def test_what_a_function_captures_is_differentiated():
    w = pa.tensor(2.0, requires_grad=True)
    end = solve_ivp(lambda t, y: -w * y, (0.0, 1.0), [1.0], **FINE).y[0, -1]
    (slope,) = pa.grad(end, w, create_graph=True)
    assert slope.item() == pytest.approx(-math.exp(-2.0), rel=1e-7, abs=0)
    assert pa.grad(slope, w)[0].item() == pytest.approx(math.exp(-2.0), rel=1e-7, abs=0)


def test_power_series_and_products():
    def end(w):
        return solve_ivp(lambda t, y: -w * y, (0.0, 1.0), [1.0], **FINE).y[0, -1]

    w, v = pa.tensor(2.0), pa.tensor(1.0)
    series = pa.func.taylor(end, w, v, 3)
    expected = math.exp(-2.0) * np.array([1.0, -1.0, 1 / 2, -1 / 6])
    np.testing.assert_allclose([c.item() for c in series], expected, rtol=1e-6)
    assert pa.hvp(end, w, v).item() == pytest.approx(math.exp(-2.0), rel=1e-7, abs=0)


def test_forms_of_the_start():
    state = {"x": pa.ones((2, 3)), "v": pa.zeros((2, 3))}

    def motion(t, s):
        return {"x": s["v"], "v": -s["x"]}

    solution = solve_ivp(motion, (0.0, 1.0), state, t_eval=[0.0, 1.0], **FINE)
    assert solution.y["x"].shape == (2, 3, 2)
    np.testing.assert_allclose(solution.y["x"][..., 1].numpy(), math.cos(1.0), rtol=1e-7)
    matrix = solve_ivp(lambda t, y: -y, (0.0, 1.0), np.ones((2, 2)), **FINE)
    assert matrix.y.shape == (2, 2, matrix.steps + 1) and matrix.t.shape == (matrix.steps + 1,)

    single = solve_ivp(lambda t, y: -y, (0, 1), pa.ones(3, dtype=pa.float32))
    assert single.y.dtype == np.float32
    moved = solve_ivp(lambda t, y: -y, (0, pa.tensor(1.0)), pa.ones(3, dtype=pa.float32))
    assert moved.y.dtype == np.float32
    turning = solve_ivp(lambda t, y: 1j * y, (0.0, 1.0), [1.0 + 0.0j], **FINE).y[0, -1]
    assert turning.item() == pytest.approx(np.exp(1j), rel=1e-7, abs=0)
    angle = pa.tensor(0.3)

    def swing(a):
        return solve_ivp(oscillator, (0.0, 1.0), [a, 0.0], **FINE).y[:, -1]

    expected = [math.cos(1.0), -math.sin(1.0)]
    np.testing.assert_allclose(pa.func.jacfwd(swing)(angle).numpy(), expected, rtol=1e-6)


def test_nothing_to_do():
    still = solve_ivp(oscillator, (1.0, 1.0), [1.0, 2.0])
    assert still.t.tolist() == [1.0] and still.y.tolist() == [[1.0], [2.0]]
    assert (
        solve_ivp(oscillator, (1.0, 1.0), [1.0, 2.0], t_eval=[1.0]).y.tolist() == still.y.tolist()
    )
    assert solve_ivp(oscillator, (0.0, 1.0), [1.0, 2.0], t_eval=[]).y.shape == (2, 0)
    assert solve_ivp(lambda t, y: y, (0.0, 1.0), pa.ones(0), t_eval=[0.5]).y.shape == (0, 1)
    none = pa.func.vmap(lambda y0: solve_ivp(oscillator, (0.0, 1.0), y0, t_eval=[0.5]).y)
    assert none(pa.ones((0, 2))).shape == (0, 2, 1)


def test_tolerances_of_each_unknown():
    def steps(atol):
        def decay(t, y):
            return -pa.tensor([1.0, 50.0]) * y

        return solve_ivp(decay, (0.0, 1.0), [1.0, 1e-9], rtol=1e-9, atol=atol).steps

    assert steps([1e-9, 1e-15]) > steps([1e-9, 1e-6])
    with pytest.warns(UserWarning, match="rtol=0.0 is less than rounding allows"):
        solve_ivp(oscillator, (0.0, 1.0), [1.0, 0.0], rtol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve_ivp(oscillator, (0.0, 1.0), [1.0, 0.0], rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_scipys_further_arguments(method):
    def matrix(t, y):
        assert y.shape == (2, 1)
        return np.stack([y[1], -y[0]])

    plain = solve_ivp(oscillator, (0.0, 1.0), [1.0, 0.0], method)
    found = solve_ivp(matrix, (0.0, 1.0), [1.0, 0.0], method, vectorized=True, args=None)
    np.testing.assert_allclose(found.y.numpy(), plain.y.numpy(), rtol=1e-13)
    assert (found.nfev, found.success, found.status) == (plain.nfev, True, 0)
    tried = found.steps + found.rejected if method == "Rodas4" else 0
    assert found.njev == found.nlu == tried
    if method != "Rodas4":
        again = solve_ivp(oscillator, (0.0, 1.0), [1.0, 0.0], getattr(scipy_integrate, method))
        assert again.y.tolist() == plain.y.tolist()
    with pytest.warns(UserWarning, match="jac, lband: not used, as 'Rodas4' differentiates"):
        warned = solve_ivp(oscillator, (0.0, 1.0), [1.0, 0.0], method, jac=None, lband=1)
    assert warned.y.tolist() == plain.y.tolist()
    for rtol in ([1e-3, 1e-6], [1e-6, 1e-3]):
        options = {"method": method, "rtol": rtol, "atol": [1e-4, 1e-8]}
        ours = solve_ivp(oscillator, (0.0, 9.0), [1.0, 0.5], **options)
        if method != "Rodas4":
            theirs = scipy_solve(oscillator, (0.0, 9.0), [1.0, 0.5], **options)
            np.testing.assert_allclose(ours.t.numpy(), theirs.t, rtol=1e-8)


def test_relative_tolerances_of_each_unknown_have_a_least():
    with pytest.warns(UserWarning, match="is less than rounding allows"):
        found = solve_ivp(oscillator, (0.0, 1.0), [1.0, 0.0], rtol=[1e-3, 0.0])
    assert found.steps > solve_ivp(oscillator, (0.0, 1.0), [1.0, 0.0]).steps


@pytest.mark.parametrize(
    ("error", "message", "change"),
    [
        (ValueError, "for stiff systems use 'Rodas4'", {"method": "Radau"}),
        (ValueError, "unknown method 'Euler'", {"method": "Euler"}),
        (ValueError, "for stiff systems use 'Rodas4'", {"method": scipy_integrate.BDF}),
        (ValueError, "t_span must be a pair", {"t_span": 3.0}),
        (ValueError, "t_eval has values outside of t_span", {"t_eval": [0.5, 3.0]}),
        (ValueError, "t_eval has values outside of t_span", {"t_eval": [math.nan]}),
        (ValueError, "t_eval must run from the start", {"t_eval": [0.5, 0.2]}),
        (ValueError, "t_eval must have one dimension", {"t_eval": [[0.5]]}),
        (ValueError, r"shape \(1,\) for y of shape \(2,\)", {"fun": lambda t, y: [y[0]]}),
        (
            ValueError,
            r"shape \(\) for a part of y of shape \(2,\)",
            {"fun": lambda t, y: {"b": y["b"][0]}, "y0": {"b": np.ones(2)}},
        ),
        (ValueError, "max_step must be positive", {"max_step": 0.0}),
        (ValueError, "first_step must be positive", {"first_step": -1.0}),
        (ValueError, "atol holds 3 numbers for 2 unknowns", {"atol": [1.0, 1.0, 1.0]}),
        (ValueError, "atol must not be negative", {"atol": -1.0}),
        (ValueError, "rtol holds 3 numbers for 2 unknowns", {"rtol": [1.0, 1.0, 1.0]}),
        (TypeError, "unexpected keyword argument 'dense'", {"dense": True}),
        (ValueError, "steps must be a vector", {"steps": 0.5}),
        (ValueError, "steps must be a vector", {"steps": [0.0, math.nan, 2.0]}),
        (ValueError, "not from 0 to 1", {"steps": [0.0, 1.0]}),
        (ValueError, "steps must be in order", {"steps": [0.0, 1.0, 0.5, 2.0]}),
        (TypeError, "expected a function", {"fun": 3}),
        (TypeError, "Rodas4 is for real unknowns", {"method": "Rodas4", "y0": [1j, 0.0]}),
        (RuntimeError, "at t = 0.99", {"fun": lambda t, y: y**2, "y0": [1.0, 1.0]}),
        (RuntimeError, "at t = 0 no step is short enough", {"fun": lambda t, y: y * math.nan}),
    ],
)
def test_bad_input(error, message, change):
    given = {"fun": oscillator, "t_span": (0.0, 2.0), "y0": [1.0, 0.0]} | change
    with pytest.raises(error, match=message):
        solve_ivp(**given)


def test_what_cannot_be_captured_says_so():
    def end(y0):
        return solve_ivp(lambda t, y: -y, (0.0, 1.0), y0).y[:, -1]

    with pytest.raises(RuntimeError, match="with steps=, such as the t of another solution"):
        pa.captured(end)(pa.ones(2))

    with pytest.raises(AttributeError, match="use pa.integrate.solve_ivp"):
        pa.integrate.odeint  # noqa: B018
