"""Values that are dropped at every allocation and made again: the same bits, whatever happens."""

import contextlib
import gc
import signal
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from support.budget_programs import (
    BYTES,
    SIZE,
    assert_same,
    diamonds,
    everything_dropped,
    tanh_chain,
    value,
)
from support.random_libraries import our_library
from support.random_programs import programs

import pyautograd as pa
from pyautograd import _core, func


def linear_diamonds(x):
    """Nothing here is saved, yet the last value needs all the others."""
    for _ in range(40):
        x = x * 0.5 + x * 0.49
    return pa.sum(x**3)


def masks(x):
    for k in range(10):
        x = pa.where(x > 0, x * 0.9, pa.exp(x) - 1.0) + pa.maximum(x, 0.01 * k)
    return pa.sum(pa.logsumexp(x, axis=1))


def indexing(x):
    order = pa.argsort(x[:, 0])
    for _ in range(8):
        x = pa.tanh(x[order]) + pa.cumsum(x, axis=1) / x.shape[1]
        x = pa.concat([x[:, 1:], x[:, :1]], axis=1)
    return pa.sum(pa.sort(x, axis=0)[::2] ** 2)


def writes(x):
    total = 0.0
    for k in range(8):
        x = x * 1.01
        x[k] = pa.sin(x[k + 1])
        x += pa.tanh(x)
        total = total + pa.sum(x * x)
    return total


def several_outputs(x):
    square = x.mT @ x + 40.0 * pa.eye(x.shape[1])
    for _ in range(3):
        values, vectors = pa.linalg.eigh(square)
        square = (vectors * pa.sqrt(values)[None]) @ vectors.mT + pa.linalg.inv(square) + square
    return pa.sum(square)


def draws(x):
    rng = pa.random.Generator(3)
    for _ in range(6):
        x = pa.tanh(x + rng.normal(size=x.shape)) * rng.uniform(size=x.shape)
    return pa.sum(x * x)


class Cube(pa.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


def custom(x):
    for _ in range(6):
        x = pa.sin(Cube.apply(x))
    return pa.sum(x)


PROGRAMS = [tanh_chain, diamonds, linear_diamonds, masks, indexing, writes, several_outputs, draws]
MODES = {
    "grad": lambda f, x, v: func.grad(f)(x),
    "jvp": lambda f, x, v: func.jvp(f, (x,), (v,)),
    "jvp of grad": lambda f, x, v: func.jvp(func.grad(f), (x,), (v,)),
    "grad of grad": lambda f, x, v: func.grad(lambda y: pa.sum(func.grad(f)(y) * v))(x),
    "grad of jvp": lambda f, x, v: func.grad(lambda y: func.jvp(f, (y,), (v,))[1])(x),
    "third": lambda f, x, v: func.jvp(func.grad(lambda y: pa.sum(func.grad(f)(y) * v)), (x,), (v,)),
    "vmap of grad": lambda f, x, v: func.vmap(func.grad(f), randomness="same")(
        pa.stack([x, 0.5 * x])
    ),
    "grad of vmap": lambda f, x, v: func.grad(
        lambda y: pa.sum(func.vmap(f, randomness="same")(pa.stack([y, 0.5 * y])) ** 2)
    )(x),
    "taylor": lambda f, x, v: func.taylor(f, x, v, 2),
    "grad of taylor": lambda f, x, v: func.grad(lambda y: func.taylor(f, y, v, 2)[2])(x),
}


def check_with_everything_dropped(mode, program):
    x, v = value(1), value(2)
    want = MODES[mode](program, x, v)
    with everything_dropped() as budget:
        got = MODES[mode](program, x, v)
    assert_same(got, want)
    return budget.counts()[1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_same_bits_with_everything_dropped(program, mode):
    again = check_with_everything_dropped(mode, program)
    assert again > 0 or "grad" not in mode


@pytest.mark.filterwarnings("ignore:.*has no batching rule")
@pytest.mark.parametrize("mode", ["grad", "grad of grad", "vmap of grad", "grad of vmap"])
def test_custom_functions_are_not_run_again(mode):
    assert check_with_everything_dropped(mode, custom) > 0
    runs = []

    class Counted(pa.Function):
        @staticmethod
        def forward(x):
            runs.append(1)
            return pa.tensor(np.asarray(x) ** 2)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2.0 * x * g

    def f(x):
        for _ in range(5):
            x = pa.sin(Counted.apply(x))
        return pa.sum(x)

    with everything_dropped():
        func.grad(f)(value(1))
    assert len(runs) == 5


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs())
def test_random_programs(program):
    lib, rng = our_library(), np.random.default_rng(program.seed)
    inputs = [
        pa.tensor(x + 0.01 * rng.normal(size=(32, *x.shape)))
        for x in map(np.asarray, program.inputs())
    ]
    argnums = tuple(range(len(inputs)))

    def gradient(*xs):
        return func.grad(lambda *ys: program(lib, *ys), argnums=argnums)(*xs)

    def product(*xs):
        return func.jvp(gradient, xs, tuple(map(pa.ones_like, xs)))

    def twice(*xs):
        return func.grad(lambda *ys: sum(pa.sum(g * g) for g in gradient(*ys)), argnums=argnums)(
            *xs
        )

    for f in (gradient, product, twice):
        want = func.vmap(f)(*inputs)
        with everything_dropped():
            got = func.vmap(f)(*inputs)
        for a, b in zip(pa.tree.flatten(got)[0], pa.tree.flatten(want)[0], strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def chain(x, n):
    for _ in range(n):
        x = x * 1.0000001
    return x


def test_a_long_chain_is_made_again_without_recursion():
    n, x, cubes = 100_000, value(1, (100,)), pa.full(100, 3.0)
    want = func.grad(lambda y: pa.sum(chain(y, n) ** cubes))(x)
    with everything_dropped() as budget:
        got = func.grad(lambda y: pa.sum(chain(y, n) ** cubes))(x)
    assert budget.counts()[1] >= n // 2
    assert_same(got, want)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_while_values_are_made_again(error):
    x = value(1)
    want = func.grad(lambda y: tanh_chain(y, 2000))(x)
    leaf = x.copy()
    leaf.requires_grad = True
    with pa.memory_budget(pa.memory.live().bytes + 30 * BYTES):
        loss = tanh_chain(leaf, 2000)

        def stop(*_):
            raise error("stopped")

        former = signal.signal(signal.SIGALRM, stop)
        stops = 0
        try:
            for delay in (0.005, 0.01, 0.02, 0.03):
                try:
                    signal.setitimer(signal.ITIMER_REAL, delay)
                    pa.grad(loss, leaf, retain_graph=True)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except error:
                    stops += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, former)
        assert stops > 0
        (got,) = pa.grad(loss, leaf)
    assert_same(got, want)


def test_no_memory_while_values_are_made_again():
    """Every allocation of a backward pass in turn finds no room; the next pass is right."""
    x = value(1)
    want = func.grad(lambda y: tanh_chain(y, 12))(x)
    leaf = x.copy()
    leaf.requires_grad = True
    gc.collect()
    failures = 0
    with everything_dropped():
        loss = tanh_chain(leaf, 12)
        base = pa.memory.live().bytes
        for room in range(0, 8 * BYTES, BYTES // 2):
            _core.set_data_limit(base + room)
            try:
                pa.grad(loss, leaf, retain_graph=True)
            except MemoryError:
                failures += 1
            finally:
                _core.set_data_limit(0)
        (got,) = pa.grad(loss, leaf)
    assert failures > 2
    assert_same(got, want)


def test_writes_do_not_reach_what_was_made_before():
    x = value(1)
    leaf = value(2)
    leaf.requires_grad = True

    def run():
        y = x.copy()
        z = pa.sin(leaf * pa.exp(y))
        total = pa.sum(z * z)
        y[3] = 7.0  # exp(y) was saved and may have to be made again
        y += 1.0
        total = total + pa.sum(pa.cos(leaf * pa.exp(y)))
        y *= 0.0
        return pa.grad(total, leaf)[0], y

    want = run()
    with everything_dropped():
        got = run()
    assert_same(got, want)


def test_a_write_to_what_backward_needs_is_still_an_error():
    leaf = value(2)
    leaf.requires_grad = True
    with everything_dropped():
        y = value(1)
        total = pa.sum(leaf * y)
        y += 1.0
        with pytest.raises(RuntimeError, match="modified in place"):
            total.backward()


def test_memory_that_numpy_writes():
    """What is made directly from it is never made again: it would not be the same."""
    data = np.random.default_rng(0).uniform(-1, 1, SIZE)
    leaf = value(2)
    leaf.requires_grad = True

    def run(change):
        buffer = data.copy()
        z = leaf * pa.exp(pa.asarray(buffer))
        view = pa.exp(value(5)).numpy()
        z = z * pa.sin(pa.asarray(view))
        total = pa.sum(z * z)
        if change:
            buffer[:] = -3.0
            view[:] = 4.0
        return pa.grad(total, leaf)[0]

    want = run(False)
    with everything_dropped():
        got = run(True)
    assert_same(got, want)


def test_exported_memory_is_writable_as_without_a_budget():
    with everything_dropped():
        x = value(1)
        y = pa.sin(x)
        z = pa.exp(y)
        want = z.tolist()
        view = y.numpy()
        assert view.flags.writeable
        view[:] = 0.0
        np.testing.assert_array_equal(y.numpy(), 0.0)
        assert z.tolist() == want


def test_hooks_retained_graphs_and_detach():
    def run():
        leaf = value(2)
        leaf.requires_grad = True
        seen = []
        y = leaf
        for k in range(12):
            y = pa.tanh(y * 1.1)
            if k % 4 == 0:
                y.register_hook(lambda g: seen.append(g) or g * 2.0)
            if k == 5:
                y = y + y.detach()
            with pa.no_grad():
                y.detach() * 3.0
        total = pa.sum(y * y)
        total.backward(retain_graph=True)
        total.backward()
        return [leaf.grad, *seen]

    want = run()
    with everything_dropped():
        got = run()
    assert_same(got, want)


def test_threads_with_budgets_and_a_shared_graph():
    x = value(1)
    want = func.grad(lambda y: tanh_chain(y, 60))(x)
    leaf = x.copy()
    leaf.requires_grad = True
    results, errors = [], []
    with everything_dropped():
        loss = tanh_chain(leaf, 60)

        def work(own):
            try:
                with everything_dropped() if own else contextlib.nullcontext():
                    for _ in range(3):
                        results.append(pa.grad(loss, leaf, retain_graph=True)[0])
                        results.append(func.grad(lambda y: tanh_chain(y, 60))(x))
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(k % 2 == 0,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            results.append(pa.grad(loss, leaf, retain_graph=True)[0])
        for thread in threads:
            thread.join()
    assert not errors
    for got in results:
        assert_same(got, want)
