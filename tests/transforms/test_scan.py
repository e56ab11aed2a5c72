"""pa.scan: a loop like any other, with as few steps repeated as can be."""

import functools
import gc
import itertools

import numpy as np
import pytest

import pyautograd as pa
from pyautograd.checkpointing._binomial import (
    OnlineStates,
    default_slots,
    forward_steps,
    reach,
    repeats_of,
    split,
)

F = pa.func


@functools.cache
def least_steps(length, slots):
    """By trying every place for the second state."""
    if length <= 1:
        return 0
    if slots == 1:
        return length * (length - 1) // 2
    return min(
        first + least_steps(first, slots) + least_steps(length - first, slots - 1)
        for first in range(1, length)
    )


@pytest.mark.parametrize("slots", range(1, 8))
def test_the_schedule_is_the_best_of_all(slots):
    for length in range(1, 60):
        assert forward_steps(length, slots) == least_steps(length, slots)
        if length > 1:
            first = split(length, slots)
            after = 0 if slots == 1 else forward_steps(length - first, slots - 1)
            assert slots > 1 or length - first == 1
            assert first + forward_steps(first, slots) + after == forward_steps(length, slots)


def test_reach_and_default():
    assert [reach(3, r) for r in range(-1, 4)] == [0, 1, 4, 10, 20]
    assert repeats_of(10, 3) == 2 and repeats_of(11, 3) == 3
    assert default_slots(1) == 1
    for length in (10, 1000, 10_000):
        assert repeats_of(length, default_slots(length)) <= 2


@pytest.mark.parametrize("slots", range(1, 9))
def test_states_of_a_loop_that_ends_at_any_time(slots):
    """At most so many, the first among them, and no more repeats than need be, one to find out."""
    for length in range(1, 200):
        states = OnlineStates(slots, "0")
        for step in range(1, length + 1):
            states.add(step, str(step))
        kept = states.before(length)
        assert len(kept) <= slots and kept[0] == (0, "0")
        assert all(str(step) == state for step, state in kept)
        starts = [step for step, _ in kept]
        gaps = [stop - start for start, stop in itertools.pairwise([*starts, length])]
        repeats = [repeats_of(gap, slots - i) for i, gap in enumerate(gaps)]
        assert max(repeats) <= repeats_of(length, slots)
        total = length + sum(forward_steps(gap, slots - i) for i, gap in enumerate(gaps))
        assert total <= length + repeats_of(length, slots) * length


class Counted:
    """A step that counts its evaluations and captures a parameter."""

    def __init__(self, w=None):
        self.w = pa.tensor(0.3) if w is None else w
        self.runs = 0

    def __call__(self, carry, x):
        self.runs += 1
        return carry - 0.1 * pa.sin(self.w * carry) * x, carry * x


def loss(step, xs, checkpoint=None, as_iterator=False):
    def f(x):
        rows = iter(list(xs)) if as_iterator else xs
        last, ys = pa.scan(step, x, rows, checkpoint=checkpoint)
        return pa.sum(last**2) + pa.sum(ys)

    return f


@pytest.mark.parametrize("length, slots", [(1, 1), (2, 1), (12, 1), (10, 10), (37, 3), (200, 5)])
def test_the_number_of_steps_is_the_binomial_optimum(length, slots):
    step = Counted()
    xs = pa.asarray(np.linspace(0.5, 1.5, length))
    F.grad(loss(step, xs, slots))(pa.tensor(1.0))
    assert step.runs == length + forward_steps(length, slots)


@pytest.mark.parametrize("length, slots", [(1, 1), (12, 1), (10, 10), (37, 3), (200, 5)])
def test_the_number_of_steps_of_a_loop_of_unknown_length(length, slots):
    step = Counted()
    xs = pa.asarray(np.linspace(0.5, 1.5, length))
    F.grad(loss(step, xs, slots, as_iterator=True))(pa.tensor(1.0))
    assert step.runs <= 2 * length + repeats_of(length, slots) * length
    optimum = length + forward_steps(length, slots)
    assert optimum <= step.runs <= 1.25 * optimum + 1


MODES = {
    "grad": F.grad,
    "jvp": lambda f: lambda x: F.jvp(f, (x,), (pa.ones_like(x),)),
    "hessian": F.hessian,
    "jacfwd of grad": lambda f: F.jacfwd(F.grad(f)),
    "third order": lambda f: F.jacfwd(F.jacrev(F.jacrev(f))),
    "vmap of grad": lambda f: lambda x: F.vmap(F.grad(f))(pa.stack([x, 2.0 * x])),
    "grad of vmap": lambda f: F.grad(lambda x: pa.sum(F.vmap(f)(pa.stack([x, x * x])))),
}


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("checkpoint", [1, 3, "auto", "iterator"])
def test_every_mode_is_that_of_the_plain_loop(name, checkpoint):
    xs = pa.asarray(np.linspace(0.5, 1.5, 11))
    online = checkpoint == "iterator"
    x = pa.tensor([0.4, -1.3])
    got = MODES[name](loss(Counted(), xs, 3 if online else checkpoint, online))(x)
    want = MODES[name](loss(Counted(), xs))(x)
    for a, b in zip(pa.tree.flatten(got)[0], pa.tree.flatten(want)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("as_iterator", [False, True])
def test_captured_parameters_inputs_and_the_carry_all_have_gradients(as_iterator):
    def gradients(checkpoint):
        w = pa.tensor(0.7, requires_grad=True)
        xs = pa.tensor(np.linspace(0.5, 1.5, 9), requires_grad=True)
        x = pa.tensor(1.1, requires_grad=True)
        y = loss(Counted(w), xs, checkpoint, as_iterator)(x)
        first = pa.grad(y, [w, xs, x], create_graph=True)
        total = sum((pa.sum(g**2) for g in first), pa.tensor(0.0))
        return [*first, *pa.grad(total, [w, xs, x])]

    for a, b in zip(gradients(2), gradients(None), strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("as_iterator", [False, True])
def test_a_graph_that_is_retained_serves_twice(as_iterator):
    x = pa.tensor(1.0, requires_grad=True)
    y = loss(Counted(), pa.ones(20), 3, as_iterator)(x)
    (first,) = pa.grad(y, [x], retain_graph=True)
    (second,) = pa.grad(y, [x])
    assert first.item() == second.item()


def test_trees_and_none():
    def step(carry, row):
        position, velocity = carry["x"], carry["v"]
        velocity = velocity - 0.1 * position * row[0]
        return {"x": position + 0.1 * velocity, "v": velocity}, (position, None)

    init = {"x": pa.tensor(1.0), "v": pa.tensor(0.0)}
    xs = (pa.ones(6), pa.zeros((6, 2)))
    last, (path, nothing) = pa.scan(step, init, xs, checkpoint=2)
    plain, (want, _) = pa.scan(step, init, xs)
    assert nothing is None and path.tolist() == want.tolist()
    assert last["v"].item() == plain["v"].item()
    count, ys = pa.scan(lambda c, x: (c + 1.0, x), pa.tensor(0.0), length=5, checkpoint=2)
    assert count.item() == 5.0 and ys is None
    total, _ = pa.scan(lambda c, x: (c + x, None), pa.tensor(0.0), np.arange(4.0))
    assert total.item() == 6.0


@pytest.mark.parametrize("checkpoint", [None, 3])
def test_in_reverse(checkpoint):
    def step(carry, x):
        return {"c": pa.sin(carry["c"]) * x}, (carry["c"], x)

    def loop(start, xs, **options):
        return pa.scan(step, {"c": start}, xs, checkpoint=checkpoint, **options)

    xs = pa.linspace(0.5, 1.5, 7)
    last, (carries, seen) = loop(pa.tensor(1.0), xs, reverse=True)
    expected, (there, _) = loop(pa.tensor(1.0), pa.flip(xs))
    assert last["c"].item() == expected["c"].item()
    assert carries.tolist() == pa.flip(there).tolist() and seen.tolist() == xs.tolist()
    by_rows = F.grad(lambda xs: loop(pa.tensor(1.0), xs, reverse=True)[0]["c"])(xs)
    by_flipped = F.grad(lambda xs: loop(pa.tensor(1.0), pa.flip(xs))[0]["c"])(xs)
    np.testing.assert_allclose(by_rows, by_flipped, rtol=1e-14)
    count, ys = pa.scan(lambda c, _: (c + 1.0, None), 0.0, length=5, reverse=True)
    assert count == 5.0 and ys is None
    with pytest.raises(ValueError, match="an iterator has no last entry"):
        pa.scan(lambda c, x: (c, x), 0.0, iter([pa.ones(())]), reverse=True)


@pytest.mark.parametrize("as_iterator", [False, True])
def test_random_draws_are_repeated(as_iterator):
    rng = pa.random.default_rng(0)

    def step(c, x):
        return (c * (1.0 + 0.1 * rng.normal()), None)

    def derivative(checkpoint):
        rng.state = pa.random.default_rng(0).state
        xs = iter(range(15)) if as_iterator else pa.arange(15.0)
        f = functools.partial(pa.scan, step, xs=xs, checkpoint=checkpoint)
        return F.value_and_grad(lambda x: f(x)[0])(pa.tensor(1.0)), rng.state

    (value, slope), after = derivative(3)
    (plain_value, plain_slope), plain_after = derivative(None)
    assert value.item() == plain_value.item() and after == plain_after
    assert abs(slope.item() - plain_slope.item()) < 1e-14


@pytest.mark.usefixtures("no_leak")
def test_nothing_leaks():
    for as_iterator in (False, True):
        x = pa.tensor(1.0, requires_grad=True)
        y = loss(Counted(), pa.ones(20), 3, as_iterator)(x)
        (g,) = pa.grad(y, [x], create_graph=True)
        g.backward()
    del x, y, g


@pytest.mark.parametrize("steps", [1, 8])
def test_what_an_iterator_gave_goes_with_the_last_reference(steps):
    """At once: a garbage collector that counts objects does not see how large they are."""

    def call(recorded):
        rows = (pa.ones(100) * i for i in range(steps))
        start = pa.tensor(np.ones(100), requires_grad=recorded)
        y = pa.scan(lambda c, x: (pa.sin(c * x), None), start, rows, checkpoint=3)[0]
        if recorded:
            pa.sum(y).backward()

    gc.collect()
    gc.disable()
    try:
        before = pa.memory.live()
        call(recorded=True)
        call(recorded=False)
        assert pa.memory.live() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("checkpoint", [None, 2])
def test_bad_calls(checkpoint):
    scan = functools.partial(pa.scan, checkpoint=checkpoint)

    def step(c, x):
        return (c, x)

    x = pa.tensor(1.0)
    with pytest.raises(TypeError, match=r"\[scan\] expected a function"):
        scan(3, x, pa.ones(3))
    with pytest.raises(TypeError, match=r"\[scan\] the step must return a pair"):
        scan(lambda c, x: c, x, pa.ones(3))
    with pytest.raises(TypeError, match=r"\[scan\] the carry had the structure"):
        scan(lambda c, x: ((c, c), x), x, pa.ones(3))
    with pytest.raises(ValueError, match="length must be a number of steps"):
        scan(step, x)
    with pytest.raises(ValueError, match="tensors of one length"):
        scan(step, x, (pa.ones(3), pa.ones(4)))
    with pytest.raises(ValueError, match="tensors of one length"):
        scan(step, x, pa.ones(3), length=4)
    with pytest.raises(ValueError, match="there is no step"):
        scan(step, x, pa.ones(0))


def test_bad_slots():
    def step(c, x):
        return (c, x)

    for checkpoint in (0, -1, 2.5, "some", True):
        with pytest.raises(ValueError, match=r"\[scan\] checkpoint must be"):
            pa.scan(step, pa.tensor(1.0), pa.ones(3), checkpoint=checkpoint)
    with pytest.raises(ValueError, match="needs a known length"):
        pa.scan(step, pa.tensor(1.0), iter([1.0]), checkpoint="auto")
