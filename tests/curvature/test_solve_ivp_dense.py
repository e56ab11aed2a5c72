"""pa.integrate.solve_ivp between its steps, and events: SciPy's numbers, and derivatives."""

import gc
import math

import numpy as np
import pytest

import pyautograd as pa
from pyautograd.integrate import solve_ivp

scipy_solve = pytest.importorskip("scipy.integrate").solve_ivp
EXPLICIT = ["RK23", "RK45", "DOP853"]
METHODS = [*EXPLICIT, "Rodas4"]
FINE = {"rtol": 1e-9, "atol": 1e-11}
GRAVITY = 9.81


def fixed_steps(method, step=0.125):
    """Steps of one length, whatever the numbers: as smooth a function as each of them."""
    return {"method": method, "rtol": 1e6, "atol": 1e6, "first_step": step, "max_step": step}


def event(f, terminal=False, direction=0):
    def g(*args):
        return f(*args)

    g.terminal, g.direction = terminal, direction
    return g


class Random:
    """A system and events as SciPy and pyautograd take them, the same for a seed."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.n = int(rng.integers(1, 5))
        self.matrix = rng.standard_normal((self.n, self.n)) - 0.3 * np.eye(self.n)
        self.rates, self.start = rng.standard_normal((2, self.n))
        self.length = float(rng.uniform(2.0, 6.0))
        self.forward = bool(rng.integers(2))
        self.span = (0.0, self.length) if self.forward else (self.length, 0.0)
        self.events = [self._event(rng) for _ in range(rng.integers(1, 4))]
        times = np.sort(rng.uniform(0.0, self.length, 7))
        self.times = times if self.forward else times[::-1]
        self.anywhere = rng.uniform(-1.0, self.length + 1.0, 20)

    def slope(self, t, y, scale=1.0):
        growth = -0.1 * y**3 if self.forward else 0.1 * y**3
        return scale * (self.matrix @ y) + np.sin(self.rates * t) + growth

    def _event(self, rng):
        row, level = rng.standard_normal(self.n), 0.3 * rng.standard_normal()
        terminal = int(rng.integers(1, 4)) if rng.random() < 0.4 else False
        return event(
            lambda t, y, scale=1.0: row @ y - scale * level + 0.1 * np.sin(3 * t),
            terminal,
            int(rng.integers(-1, 2)),
        )


@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("seed", range(12))
def test_random_systems_are_as_in_scipy(method, seed):
    given = Random(seed)
    for t_eval in (None, given.times):
        options = {**fixed_steps(method, 0.2), "events": given.events, "t_eval": t_eval}
        options["dense_output"] = t_eval is None or seed % 2 == 0
        ours = solve_ivp(given.slope, given.span, given.start, **options)
        theirs = scipy_solve(given.slope, given.span, given.start, **options)
        assert (ours.status, ours.message, ours.success) == (theirs.status, theirs.message, True)
        close = {"rtol": 1e-10, "atol": 1e-11}
        np.testing.assert_allclose(ours.t.numpy(), theirs.t, **close)
        np.testing.assert_allclose(ours.y.numpy(), np.reshape(theirs.y, ours.y.shape), **close)
        assert len(ours.t_events) == len(given.events)
        for i, times in enumerate(theirs.t_events):
            np.testing.assert_allclose(ours.t_events[i].numpy(), times, **close)
            states = np.reshape(theirs.y_events[i], (-1, given.n))
            np.testing.assert_allclose(ours.y_events[i].numpy(), states, **close)
        if options["dense_output"]:
            np.testing.assert_allclose(ours.sol.ts.numpy(), theirs.sol.ts, **close)
            within = np.clip(given.anywhere, theirs.sol.t_min, theirs.sol.t_max)
            for t in (within, within[0], theirs.sol.ts, []):
                expected = theirs.sol(t) if np.size(t) else np.zeros((given.n, 0))
                np.testing.assert_allclose(ours.sol(t).numpy(), expected, **close)
            assert ours.nfev == theirs.nfev
            assert ours.sol.t_max.item() == pytest.approx(theirs.sol.t_max, rel=1e-11, abs=0)


@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
def test_the_end_pieces_go_on_as_in_scipy(method, span):
    options = {**fixed_steps(method), "dense_output": True}
    ours, theirs = (
        solve(lambda t, y: [y[1], np.cos(t) - y[0]], span, [1.0, 0.3], **options).sol
        for solve in (solve_ivp, scipy_solve)
    )
    for t in ([1.2, 0.3, -0.1, 1.0, 0.0], 1.1, -0.2):
        np.testing.assert_allclose(ours(t).numpy(), theirs(t), rtol=1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_the_solution_between_steps_is_differentiated(method):
    def motion(t, y, p):
        return [y[1], -p[0] * y[0] + pa.sin(p[1] * t)]

    def at(t, p, y0):
        options = fixed_steps(method)
        return solve_ivp(motion, (0.0, 1.0), y0, args=(p,), dense_output=True, **options).sol(t)

    p, y0 = pa.tensor([1.5, 0.4]), pa.tensor([1.0, 0.3])
    for t in (pa.tensor(0.55), pa.tensor([0.7, 0.1, 0.55, 1.05])):
        pa.testing.check_grads(at, (t, p, y0), order=2)
    mapped = pa.tensor([[0.7, 0.1], [0.3, 1.0]])
    each = np.stack([at(row, p, y0).numpy() for row in mapped])
    many = pa.func.vmap(at, in_axes=(0, None, None))
    np.testing.assert_allclose(many(mapped, p, y0).numpy(), each, rtol=1e-12)
    slopes = pa.func.vmap(pa.func.jacrev(at), in_axes=(0, None, None))(mapped, p, y0).numpy()
    for row, found in zip(mapped, slopes, strict=True):
        expected = pa.func.jacfwd(at)(row, p, y0).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_the_solution_has_the_form_of_the_start_and_outlives_the_call():
    state = {"x": pa.ones((2, 3)), "v": pa.zeros((2, 3))}

    def motion(t, s):
        return {"x": s["v"], "v": -s["x"]}

    found = solve_ivp(motion, (0.0, 2.0), state, dense_output=True, **FINE)
    assert found.sol(1.0)["x"].shape == (2, 3) and found.sol([0.5, 1.0])["x"].shape == (2, 3, 2)
    np.testing.assert_allclose(found.sol(1.0)["x"].numpy(), math.cos(1.0), rtol=1e-5)
    with pytest.raises(ValueError, match="t has 2 dimensions"):
        found.sol([[1.0]])

    rate = pa.tensor(0.5, requires_grad=True)
    decay = solve_ivp(lambda t, y: -rate * y, (0.0, 1.0), [1.0], "DOP853", dense_output=True)
    with pa.no_grad():
        decay.sol(0.3)
    (slope,) = pa.grad(decay.sol(0.4)[0], rate)
    assert slope.item() == pytest.approx(-0.4 * math.exp(-0.2), rel=1e-4, abs=0)
    assert solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0]).sol is None
    still = solve_ivp(lambda t, y: -y, (1.0, 1.0), [3.0], dense_output=True)
    assert still.sol(1.0).tolist() == [3.0] and still.sol([0.0, 2.0]).tolist() == [[3.0, 3.0]]


def test_the_times_asked_for_may_differ_between_entries():
    def at(times, w):
        motion = [(lambda t, y: [y[1], -(w**2) * y[0]]), (0.0, 2.0), [1.0, 0.0]]
        return solve_ivp(*motion, t_eval=times, **fixed_steps("RK45", 0.1)).y

    times, w = pa.tensor([[0.5, 0.9], [0.2, 1.7], [0.0, 2.0]]), pa.tensor(1.2)
    found = pa.func.vmap(at, in_axes=(0, None))(times, w).numpy()
    each = np.stack([at(row, w).numpy() for row in times])
    np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-14)
    assert pa.func.jacfwd(at)(times[2], w)[1, 0, 0].item() == pytest.approx(-1.44, rel=1e-9, abs=0)
    with pytest.raises(ValueError, match="t_eval has values outside of t_span"):
        pa.func.vmap(at, in_axes=(0, None))(times + 0.5, w)


def test_the_solution_between_given_steps_can_be_captured():
    steps = np.linspace(0.0, 1.0, 9)

    def at(w, t):
        options = {"steps": steps, "dense_output": True}
        return solve_ivp(lambda t, y: [y[1], -w * y[0]], (0.0, 1.0), [1.0, 0.0], **options).sol(t)

    captured = pa.captured(pa.func.jacfwd(at, (0, 1)))
    for times in ([0.3, 0.2, 0.9], [0.1, 0.8, 0.12]):
        w, t = pa.tensor(1.5), pa.tensor(times)
        for found, expected in zip(captured(w, t), pa.func.jacfwd(at, (0, 1))(w, t), strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, atol=1e-14)


# Events


def fall(t, y, *args):
    return [y[1], -GRAVITY + 0 * y[0]]


LANDING = event(lambda t, y, *args: y[0], terminal=True, direction=-1)


def bounced(height, loss, end, **options):
    """Where a ball is that keeps a part of its speed at the floor."""
    t, y, bounces = 0.0, [height, 0.0], 0
    while True:
        found = solve_ivp(fall, (t, end), y, events=LANDING, **FINE, **options)
        if found.status == 0:
            return found.y[0, -1], bounces
        t, y = found.t[-1], pa.stack([found.y[0, -1], -loss * found.y[1, -1]])
        bounces += 1


def bounced_exactly(height, loss, end):
    t, speed = pa.sqrt(2 * height / GRAVITY), loss * pa.sqrt(2 * GRAVITY * height)
    while (t + 2 * speed / GRAVITY).item() < end:
        t, speed = t + 2 * speed / GRAVITY, loss * speed
    return speed * (end - t) - GRAVITY / 2 * (end - t) ** 2


@pytest.mark.parametrize("method", METHODS)
def test_a_bouncing_ball_has_the_derivatives_of_the_closed_form(method):
    def ball(p):
        position, bounces = bounced(p[0], p[1], 3.0, method=method)
        assert bounces == 3
        return position

    def exact(p):
        return bounced_exactly(p[0], p[1], 3.0)

    p, v = pa.tensor([2.0, 0.8]), pa.tensor([0.5, 0.2])
    assert ball(p).item() == pytest.approx(exact(p).item(), rel=1e-9, abs=0)
    for derivative in (
        pa.func.grad,
        pa.func.jacfwd,
        pa.func.hessian,
        lambda f: pa.func.jacrev(pa.func.grad(f)),
        lambda f: pa.func.jacrev(pa.func.jacfwd(f)),
        lambda f: pa.func.jacfwd(pa.func.jacfwd(pa.func.grad(f))),
    ):
        found, expected = derivative(ball)(p).numpy(), derivative(exact)(p).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-7)
    series, expected = pa.func.taylor(ball, p, v, 5), pa.func.taylor(exact, p, v, 5)
    np.testing.assert_allclose([c.item() for c in series], [c.item() for c in expected], rtol=1e-7)
    step = 1e-5
    slope = (ball(p + step * v) - ball(p - step * v)) / (2 * step)
    assert (pa.func.grad(ball)(p) @ v).item() == pytest.approx(slope.item(), rel=1e-8, abs=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("checkpoint", [False, True])
def test_events_are_differentiated_as_they_were_computed(method, checkpoint):
    """Of steps far too long, whose events are not those of the true solution."""
    crossing = event(lambda t, y, w: y[0] - 0.1 * w + 0.05 * np.cos(t), terminal=2)

    def found(w, y0):
        solution = solve_ivp(
            lambda t, y, w: [y[1], -(w**2) * y[0] + 0.1 * np.sin(t)],
            (0.0, 20.0),
            y0,
            args=(w,),
            events=crossing,
            dense_output=True,
            checkpoint=checkpoint,
            **fixed_steps(method, 0.4),
        )
        assert solution.status == 1 and solution.y_events[0].shape == (2, 2)
        between = solution.sol(0.7 * solution.t[-1])
        return pa.concat([solution.t[-1:], solution.y[:, -1], solution.t_events[0], between])

    w, y0 = pa.tensor(1.3), pa.tensor([1.0, 0.2])
    pa.testing.check_grads(found, (w, y0), order=2)
    second = pa.func.jacfwd(pa.func.jacrev(found))(w, y0).numpy()
    for outer in (pa.func.jacfwd, pa.func.jacrev):
        nested = outer(pa.func.jacfwd(found))(w, y0).numpy()
        np.testing.assert_allclose(nested, second, rtol=1e-8, atol=1e-10)
    third = pa.func.jacfwd(pa.func.jacfwd(pa.func.jacfwd(found)))(w, y0).numpy()
    series = pa.func.taylor(lambda w: found(w, y0), w, pa.tensor(1.0), 3)
    np.testing.assert_allclose(6 * series[3].numpy(), third, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_solution_may_be_a_checkpoint(method):
    def end(p):
        found = swings(p[0], p[1], method)
        return found.t[-1] * found.sol(0.4)[1] + found.y_events[1][0, 1]

    p = pa.tensor([1.3, 1.0])
    many = pa.stack([p, pa.tensor([2.5, 0.9])])
    for derivative in (lambda f: f, pa.func.grad, pa.func.hessian):
        plain, kept = derivative(end), derivative(lambda p: pa.checkpoint(end, p))
        np.testing.assert_allclose(kept(p).numpy(), plain(p).numpy(), rtol=1e-12)
        np.testing.assert_allclose(
            pa.func.vmap(kept)(many).numpy(), pa.func.vmap(plain)(many).numpy(), rtol=1e-12
        )


@pytest.mark.parametrize("seed", range(12))
def test_random_systems_are_differentiated_in_all_nests(seed):
    given = Random(seed)

    def found(scale, start):
        solution = solve_ivp(
            given.slope,
            given.span,
            start,
            args=(scale,),
            events=given.events,
            dense_output=True,
            **fixed_steps(METHODS[seed % 4], 0.3),
        )
        times = [t for times in solution.t_events for t in times]
        end = solution.t[-1]
        values = pa.concat([solution.y[:, -1], solution.sol(0.3 * end + 0.7 * given.span[0])])
        return pa.sin(pa.concat([pa.stack([end, *times]), values]))

    scale, start = pa.tensor(1.1), pa.tensor(given.start)
    pa.testing.check_grads(found, (scale, start), order=1)

    def loss(scale, start):
        return pa.sum(found(scale, start))

    hessian = pa.func.hessian(loss, (0, 1))(scale, start)
    nests = [
        pa.func.jacrev(pa.func.grad(loss, (0, 1)), (0, 1)),
        pa.func.jacfwd(pa.func.jacfwd(loss, (0, 1)), (0, 1)),
        pa.func.jacrev(pa.func.jacfwd(loss, (0, 1)), (0, 1)),
    ]
    expected = [x.numpy() for x in pa.tree.flatten(hessian)[0]]
    bound = 1e-9 * max(1.0, *[float(np.abs(x).max()) for x in expected])
    for nest in nests:
        for x, y in zip(pa.tree.flatten(nest(scale, start))[0], expected, strict=True):
            np.testing.assert_allclose(x.numpy(), y, rtol=1e-8, atol=bound)
    many = pa.func.vmap(pa.func.grad(loss))(pa.stack([scale, scale]), pa.stack([start, start]))
    one = pa.func.grad(loss)(scale, start).item()
    np.testing.assert_allclose(many.numpy(), [one, one], rtol=1e-9, atol=bound)


@pytest.mark.parametrize("span", [(0.0, 4.0), (4.0, 0.0)])
def test_events_with_captured_tensors_in_trees_and_moving_spans(span):
    w = pa.tensor(1.3, requires_grad=True)
    start = {"x": pa.tensor(1.0), "v": pa.tensor(0.0)}
    crossing = event(lambda t, s: s["x"] - 0.1 * w, terminal=True)
    options = {"events": crossing, **FINE}
    first, last = span

    def motion(t, s):
        return {"x": s["v"], "v": -(w**2) * s["x"]}

    expected = abs(first - math.acos(0.13) / 1.3)
    slope = -math.acos(0.13) / 1.69 - 0.1 / 1.3 / math.sqrt(1 - 0.13**2)
    for end in (last, pa.tensor(last), pa.tensor(last, requires_grad=True)):
        found = solve_ivp(motion, (first, end), start, **options)
        assert found.t[-1].item() == pytest.approx(expected, rel=1e-8, abs=0)
        assert found.y_events[0]["x"].shape == (1,)
        (by_w,) = pa.grad(found.t[-1], w, create_graph=True)
        sign = 1.0 if first == 0.0 else -1.0
        assert by_w.item() == pytest.approx(sign * slope, rel=1e-6, abs=0)
        step = 1e-5
        second = (
            math.acos(0.1 * (1.3 + step)) / (1.3 + step)
            - 2 * math.acos(0.13) / 1.3
            + math.acos(0.1 * (1.3 - step)) / (1.3 - step)
        ) / step**2
        assert pa.grad(by_w, w)[0].item() == pytest.approx(sign * second, rel=1e-4, abs=0)


def test_events_of_complex_unknowns():
    crossing = event(lambda t, y, p: pa.real(y[0]))

    def time(p):
        options = {"args": (p,), "events": crossing, **FINE}
        return solve_ivp(lambda t, y, p: 1j * p * y, (0.0, 2.0), [1.0 + 0.3j], **options).t_events[
            0
        ][0]

    p, step = pa.tensor(1.1 + 0.05j), 1e-6
    slope = pa.func.grad(time)(p).item()
    for direction in (1.0, 1j):
        change = (time(p + step * direction) - time(p - step * direction)).item() / (2 * step)
        along = pa.func.jvp(time, (p,), (pa.tensor(direction + 0j),))[1].item()
        assert along == pytest.approx(change, rel=1e-6, abs=1e-7)
        assert (slope.conjugate() * direction).real == pytest.approx(change, rel=1e-6, abs=1e-7)


def swings(w, x, method="RK45", terminal=True, span=(0.0, 6.0), t_eval=None):
    """A crossing of a level or a return, whichever comes first, is the end; turns are counted."""
    returns = event(lambda t, y, w: y[1] + 0.1 * y[0], terminal, 1)
    crossing = event(lambda t, y, w: y[0] - 0.1 * w - 0.5 * np.sin(t), terminal, -1)
    return solve_ivp(
        lambda t, y, w: [y[1], -(w**2) * y[0]],
        span,
        pa.stack([x, 0.1]),
        args=(w,),
        events=[returns, crossing],
        dense_output=True,
        t_eval=t_eval,
        **fixed_steps(method, 0.25),
    )


def the_end(w, x, method="RK45"):
    found = swings(w, x, method)
    return pa.concat([found.t[-1:], found.y[:, -1], found.sol(0.5 * found.t[-1])])


@pytest.mark.parametrize("method", METHODS)
def test_vmap_of_events_in_different_steps(method):
    w, x = pa.tensor([1.3, 1.3, 2.5, 1.5]), pa.tensor([1.0, -0.4, 0.9, -0.4])
    for f in (
        lambda w, x: the_end(w, x, method),
        pa.func.jacrev(lambda w, x: the_end(w, x, method), (0, 1)),
        pa.func.jacfwd(pa.func.jacrev(lambda w, x: the_end(w, x, method), 1)),
    ):
        found = pa.tree.flatten(pa.func.vmap(f)(w, x))[0]
        each = [pa.tree.flatten(f(*one))[0] for one in zip(w, x, strict=True)]
        for many, ones in zip(found, zip(*each, strict=True), strict=True):
            expected = np.stack([one.numpy() for one in ones])
            np.testing.assert_allclose(many.numpy(), expected, rtol=1e-10, atol=1e-9)
    many = pa.func.vmap(lambda w, x: the_end(w, x, method))
    ones = pa.func.jacfwd(lambda w: pa.stack([the_end(*p, method) for p in zip(w, x, strict=True)]))
    for derivative in (pa.func.jacfwd, pa.func.jacrev):
        slopes = derivative(lambda w: many(w, x))(w).numpy()
        np.testing.assert_allclose(slopes, ones(w).numpy(), rtol=1e-10, atol=1e-11)


def test_vmap_of_vmap_of_events():
    w, x = pa.tensor([1.3, 1.5, 2.5]), pa.tensor([1.0, -0.4])
    each = np.array([[the_end(a, b).numpy() for b in x] for a in w])
    inner_x = pa.func.vmap(lambda a: pa.func.vmap(lambda b: the_end(a, b))(x))(w)
    np.testing.assert_allclose(inner_x.numpy(), each, rtol=1e-11)
    inner_w = pa.func.vmap(lambda b: pa.func.vmap(lambda a: the_end(a, b))(w))(x)
    np.testing.assert_allclose(inner_w.numpy().swapaxes(0, 1), each, rtol=1e-11)
    assert pa.func.vmap(the_end)(pa.ones(0), pa.ones(0)).shape[0] == 0


def test_vmap_of_events_is_right_or_raises():
    def times(w, x):
        return swings(w, x, terminal=False, span=(4.0, 0.0)).t_events[0]

    w, x = pa.tensor([1.3, 1.5, 1.4]), pa.tensor([-0.9, -0.9, -0.8])
    each = np.stack([times(*one).numpy() for one in zip(w, x, strict=True)])
    np.testing.assert_allclose(pa.func.vmap(times)(w, x).numpy(), each, rtol=1e-12)
    many = pa.func.vmap(times)(pa.tensor([1.3, 9.0]), x[:2]).numpy()
    np.testing.assert_allclose(many[0], [each[0, 0], *[np.nan] * (many.shape[1] - 1)], rtol=1e-12)
    np.testing.assert_allclose(many[1], times(pa.tensor(9.0), x[0]).numpy(), rtol=1e-12)
    slopes = pa.func.jacrev(lambda w: pa.func.vmap(times)(w, x[:2])[:, 0])(pa.tensor([1.3, 9.0]))
    expected = [pa.func.grad(lambda w: times(w, x[0])[0])(w).item() for w in (1.3, 9.0)]
    np.testing.assert_allclose(slopes.numpy(), np.diag(expected), rtol=1e-10)
    with pytest.raises(ValueError, match="end the solution in all entries or in none"):
        pa.func.vmap(lambda w: swings(w, 1.0, span=(0.0, 1.5)).t[-1])(pa.tensor([0.6, 1.3]))

    def asked(w):
        return swings(w, 1.0, t_eval=[0.1, 0.2, 0.9]).y

    assert pa.func.vmap(asked)(pa.tensor([1.3, 1.4])).shape == (2, 2, 2)
    with pytest.raises(ValueError, match="must leave equally many values of t_eval"):
        pa.func.vmap(asked)(pa.tensor([1.3, 9.0]))


def test_what_is_recorded_of_events_is_let_go():
    def once():
        w = pa.tensor(1.3, requires_grad=True)
        crossing = event(lambda t, y: y[0] - 0.1 * w, terminal=2)
        options = {"events": crossing, "dense_output": True}
        found = solve_ivp(lambda t, y: [y[1], -w * y[0]], (0.0, 20.0), [1.0, 0.2], **options)
        pa.grad(found.t[-1], w, create_graph=True)

    once()
    gc.collect()
    gc.disable()
    try:
        before = pa.memory.live()
        once()
        after = pa.memory.live()
    finally:
        gc.enable()
    assert (after.nodes, after.bodies) == (before.nodes, before.bodies)


def test_events_at_edges():
    none = solve_ivp(fall, (0.0, 1.0), [100.0, 0.0], events=LANDING, dense_output=True)
    assert (none.status, none.success, none.t_events[0].shape) == (0, True, (0,))
    assert none.y_events[0].shape == (0, 2)
    assert solve_ivp(fall, (0.0, 1.0), [1.0, 0.0], events=[]).t_events == []
    plain = solve_ivp(fall, (0.0, 1.0), [1.0, 0.0])
    assert plain.t_events is plain.y_events is None and "end of the integration" in plain.message

    either = event(lambda t, y: y[0])  # zero at the start
    options = {"events": [either, LANDING], "t_eval": [0.0, 0.5, 1.9, 2.5]}
    ours = solve_ivp(fall, (0.0, 3.0), [0.0, 10.0], **options)
    theirs = scipy_solve(fall, (0.0, 3.0), [0.0, 10.0], **options)
    assert ours.t.tolist() == theirs.t.tolist() == [0.0, 0.5, 1.9]
    for found, expected in zip(ours.t_events, theirs.t_events, strict=True):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)

    single = solve_ivp(fall, (0.0, 3.0), pa.tensor([1.0, 0.0], dtype=pa.float32), events=LANDING)
    assert single.y.dtype == np.float32 and single.t.dtype == np.float64
    assert single.t[-1].item() == pytest.approx(math.sqrt(2 / GRAVITY), rel=1e-6, abs=0)
    switch = event(lambda t, y: -1.0 if t < 0.4 else 1.0, terminal=True)  # a function that jumps
    assert solve_ivp(fall, (0.0, 3.0), [9.0, 0.0], events=switch).t[-1].item() == pytest.approx(
        0.4, rel=1e-12, abs=0
    )


@pytest.mark.parametrize(
    ("error", "message", "events"),
    [
        (TypeError, "expected a function", [3]),
        (ValueError, r"an event returns shape \(2,\)", lambda t, y: y),
        (ValueError, "terminal of an event must be", event(LANDING, terminal=-1)),
        (ValueError, "terminal of an event must be", event(LANDING, terminal=1.5)),
    ],
)
def test_bad_events(error, message, events):
    with pytest.raises(error, match=message):
        solve_ivp(fall, (0.0, 1.0), [1.0, 0.0], events=events)


def test_events_cannot_be_captured():
    def time(height):
        options = {"events": LANDING, "steps": [0.0, 1.0]}
        return solve_ivp(fall, (0.0, 1.0), pa.stack([height, 0.0]), **options).t[-1]

    with pytest.raises(RuntimeError, match="with events it cannot be captured"):
        pa.captured(time)(pa.tensor(2.0))
