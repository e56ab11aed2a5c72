"""Memory that runs out at every allocation in turn: MemoryError, nothing left, nothing spoiled."""

import gc

import numpy as np
import pytest

import pyautograd as pa
from pyautograd import _core

DATA = np.random.default_rng(0).normal(size=(8, 20))
SHAPES = {"w": (20, 30), "b": (30,), "v": (30, 1)}


def parameters():
    rng = np.random.default_rng(1)
    return {name: pa.tensor(rng.normal(size=shape) * 0.1) for name, shape in SHAPES.items()}


def loss(p, x):
    h = pa.tanh(x @ p["w"] + p["b"])
    return pa.mean((h @ p["v"] - 1.0) ** 2)


def recorded_step():
    p = {name: x.requires_grad_() for name, x in parameters().items()}
    value = loss(p, pa.asarray(DATA))
    value.backward()
    with pa.no_grad():
        for x in p.values():
            x -= 0.1 * x.grad
    return [value.item(), *(pa.sum(x.detach()).item() for x in p.values())]


def functional_step():
    value, grads = pa.func.value_and_grad(loss)(parameters(), pa.asarray(DATA))
    return [value.item(), *(pa.sum(g).item() for g in grads.values())]


def second_order_step():
    x = pa.tensor(DATA[0], requires_grad=True)
    (g,) = pa.grad(pa.sum(pa.exp(x) * pa.sin(x)), x, create_graph=True)
    return pa.grad(pa.sum(g * g), x)[0].tolist()


def transformed_step():
    f = lambda x: pa.sum(pa.tanh(x) ** 2)  # noqa: E731
    x = pa.asarray(DATA[0])
    per_sample = pa.func.vmap(pa.func.grad(f))(pa.asarray(DATA))
    return [pa.sum(per_sample).item(), pa.sum(pa.hessian(f, x)).item()]


def optimiser_step():
    p = parameters()
    optimiser = pa.optim.Adam(lr=0.1)
    grads = pa.func.grad(loss)(p, pa.asarray(DATA))
    p, _ = optimiser.update(p, grads, optimiser.init(p))
    return [pa.sum(x).item() for x in p.values()]


def kept_step():
    x = pa.tensor(DATA, requires_grad=True)
    with pa.memory.keep_as("float32", min_bytes=0):
        y = pa.sum(pa.exp(pa.sin(x)))
    y.backward()
    return [pa.sum(x.grad).item()]


def linear_algebra_step():
    a = pa.asarray(DATA[:, :8])
    f = lambda a: pa.sum(pa.linalg.solve(a, a @ a)) + pa.linalg.det(a)  # noqa: E731
    return pa.sum(pa.func.grad(f)(a)).item()


STEPS = [
    recorded_step,
    functional_step,
    second_order_step,
    transformed_step,
    optimiser_step,
    kept_step,
    linear_algebra_step,
]


@pytest.fixture
def failing():
    """Runs a program whose n-th allocation fails; whether it came to that."""

    def run(n, program):
        _core.fail_allocation(n)
        try:
            return program(), _core.fail_allocation(0) == 0
        except MemoryError:
            return None, True
        finally:
            _core.fail_allocation(0)

    yield run
    _core.fail_allocation(0)


def fail_in_turn(step, want, failing):
    """How many allocations failed, and in how many runs that was an error."""
    gc.collect()
    before = pa.memory.live()
    n, failed, refused = 0, True, 0
    while failed:
        n += 1
        result, failed = failing(n, step)
        refused += result is None
        assert result is None or np.allclose(result, want, rtol=1e-12, atol=0)
        if pa.memory.live() != before:
            gc.collect()
        assert pa.memory.live() == before, f"allocation {n} left something behind"
    return n - 1, refused


@pytest.mark.parametrize("step", STEPS)
def test_every_allocation_of_a_step(step, failing):
    want = step()
    failures, refused = fail_in_turn(step, want, failing)
    assert refused == failures > 20  # whatever failed was said to have failed
    assert np.allclose(step(), want, rtol=1e-12, atol=0)


@pytest.mark.parametrize("step", STEPS)
def test_every_allocation_of_a_fused_step(step, failing):
    """A scope that cannot make its numbers leaves that, and the error, to whoever reads them."""
    want = step()
    former = _core.set_least_deferred(1)
    try:
        fused = pa.fused(step)
        assert np.allclose(fused(), want, rtol=1e-12, atol=0)
        assert fail_in_turn(fused, want, failing)[1] > 20
    finally:
        _core.set_least_deferred(former)


def test_a_failed_backward_leaves_the_graph_as_it_was(failing):
    x = pa.tensor(DATA, requires_grad=True)
    y = pa.sum(pa.exp(pa.sin(x)) * x)
    want = pa.grad(y, x, retain_graph=True)[0].numpy()
    before = pa.memory.live()
    n, failed = 0, True
    while failed:
        n += 1
        result, failed = failing(n, lambda: pa.grad(y, x, retain_graph=True)[0])
        if result is None:
            assert pa.memory.live() == before
    assert n > 10
    np.testing.assert_array_equal(result, want)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_failed_backward_leaves_gradients_as_they_were(create_graph, failing):
    """`.grad` is summed in place, where nobody else has it, and as a new tensor elsewhere."""
    n, failed = 0, True
    while failed:
        n += 1
        x = pa.tensor(DATA[0], requires_grad=True)
        pa.sum(x * x).backward()
        shown = x.grad if n % 2 else None
        y = pa.sum(x * x * x)
        _, failed = failing(n, lambda y=y: y.backward(create_graph=create_graph))
        want = 2 * DATA[0] if failed else 2 * DATA[0] + 3 * DATA[0] ** 2
        np.testing.assert_allclose(x.grad.detach().numpy(), want, rtol=1e-12)
        if failed and shown is not None:
            assert x.grad is shown
    assert n > 10


def test_levels_and_modes_are_left(failing):
    f = lambda x: pa.sum(pa.sin(x) * x)  # noqa: E731
    x = pa.asarray(DATA[0])
    n, failed = 0, True
    while failed:
        n += 1
        _, failed = failing(n, lambda: pa.func.vmap(pa.func.grad(f))(pa.stack([x, x])))
        assert _core.innermost_depth() == 0 and pa.is_grad_enabled()
    assert n > 10
