"""Values that are dropped and made again: the same bits, below the limit, whatever happens."""

import contextlib
import gc
import signal
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from random_programs import our_library, programs

import pyautograd as pa
from pyautograd import _core, func

SIZE = (64, 40)  # of one value: 20,480 bytes
BYTES = 64 * 40 * 8


@contextlib.contextmanager
def everything_dropped():
    """Drop all that can be dropped at every allocation: what is read is read from new memory."""
    budget = _core.MemoryBudget(2**62, always=True)
    budget.enter()
    try:
        yield budget
    finally:
        budget.leave()


def assert_same(got, want):
    got, want = pa.tree.flatten(got)[0], pa.tree.flatten(want)[0]
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(np.asarray(a.detach()), np.asarray(b.detach()))


def value(seed=0, shape=SIZE):
    return pa.tensor(np.random.default_rng(seed).uniform(-1, 1, shape))


def tanh_chain(x, depth=30):
    w = value(7, (x.shape[-1],) * 2) * 0.3
    for _ in range(depth):
        x = pa.tanh(x @ w + 0.1)
    return pa.sum(x * x)


def diamonds(x):
    for _ in range(12):
        x = pa.sin(x) * 0.5 + pa.cos(x) * 0.5
    return pa.sum(x)


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


def backward(f, x):
    leaf = x.copy().detach()
    leaf.requires_grad = True
    f(leaf).backward()
    return leaf.grad


def peak_of(call):
    """Result, and the most bytes alive above what was alive before."""
    gc.collect()
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    return call(), pa.memory.peak() - before


DERIVATIVES = {
    "backward": backward,
    "grad": lambda f, x: func.grad(f)(x),
    "jvp of grad": lambda f, x: func.jvp(func.grad(f), (x,), (pa.ones_like(x),)),
    "hvp": lambda f, x: pa.hvp(f, x, pa.ones_like(x)),
    "grad of grad": lambda f, x: func.grad(lambda y: pa.sum(func.grad(f)(y) ** 2))(x),
}
# Reverse over reverse goes through one chain in both directions: it needs more room.
ROOM = dict.fromkeys(["backward", "grad", "jvp of grad"], (0.7, 0.4, 0.2)) | {
    "hvp": (0.7,),
    "grad of grad": (0.7,),
}


@pytest.mark.parametrize(
    ("name", "fraction"), [(name, room) for name, rooms in ROOM.items() for room in rooms]
)
def test_stays_below_the_budget(name, fraction):
    derivative = DERIVATIVES[name]

    def f(x):
        return tanh_chain(x, 120)

    x = value(1)
    derivative(f, x)
    want, plain = peak_of(lambda: derivative(f, x))
    gc.collect()
    limit = pa.memory.live().bytes + int(fraction * plain)
    pa.memory.reset_peak()
    with pa.memory_budget(limit) as budget:
        got = derivative(f, x)
    assert pa.memory.peak() <= limit
    assert budget.recomputed > 0
    assert_same(got, want)


def test_work_grows_as_it_should():
    """A tenth of the memory costs less than two more forward passes."""
    depth = 300
    x = value(1)
    _, plain = peak_of(lambda: func.grad(lambda y: tanh_chain(y, depth))(x))
    with pa.memory_budget(pa.memory.live().bytes + plain // 10) as budget:
        func.grad(lambda y: tanh_chain(y, depth))(x)
    assert budget.recomputed < 2.0 * 3 * depth


def test_nothing_is_made_again_where_it_fits():
    x = value(1)
    _, plain = peak_of(lambda: func.grad(tanh_chain)(x))
    with pa.memory_budget(pa.memory.live().bytes + plain + 20 * BYTES) as budget:
        func.grad(tanh_chain)(x)
    assert budget.recomputed == 0


def test_the_same_program_drops_the_same():
    x = value(1)

    def run():
        gc.collect()
        budget = _core.MemoryBudget(pa.memory.live().bytes + 20 * BYTES)
        budget.enter()
        try:
            for _ in range(2):
                func.grad(lambda y: tanh_chain(y, 150))(x)
                func.jvp(func.grad(diamonds), (x,), (x,))
        finally:
            budget.leave()
        return budget.counts()

    first = run()
    assert first[0] > 100
    assert run() == first


def test_the_error_names_what_stays_and_where_it_was_made():
    x = value(1)
    with pa.memory_budget(pa.memory.live().bytes + 12 * BYTES):
        held = pa.concat([x, x, x, x])
        kept = [pa.exp(x + 1.0)]
        with pytest.raises(MemoryError) as caught:
            for _ in range(20):
                kept.append(pa.sin(kept[-1]))
    message = str(caught.value)
    assert "the budget of" in message
    assert "float64 of shape (256, 40), made by [concat] at" in message
    assert "test_memory_budget.py:" in message
    assert "[sin]" in message
    assert held.shape == (256, 40)
    assert np.isfinite(float(func.grad(tanh_chain)(x)[0, 0]))


def test_a_budget_below_what_is_there_already():
    x = value(1)
    with pytest.raises(MemoryError, match="cannot be met"), pa.memory_budget(1000):
        func.grad(tanh_chain)(x)
    assert_same(func.grad(tanh_chain)(x), func.grad(tanh_chain)(x))


def test_nothing_leaks():
    x = value(1)
    for derivative in DERIVATIVES.values():
        _, plain = peak_of(lambda derivative=derivative: derivative(tanh_chain, x))
        gc.collect()
        before = pa.memory.live()
        with pa.memory_budget(before.bytes + plain * 7 // 10):
            result = derivative(tanh_chain, x)
        del result
        gc.collect()
        assert pa.memory.live() == before


def test_a_long_loop_forgets_its_past():
    """Momentum depends on every earlier step, but nobody will ask for those again."""
    x = value(1)
    with pa.memory_budget(pa.memory.live().bytes + 40 * BYTES):
        momentum, counts = pa.zeros_like(x), []
        for _ in range(400):
            momentum = 0.9 * momentum + func.grad(lambda y: tanh_chain(y, 4))(x - momentum)
            counts.append(pa.memory.live().storages)
    assert max(counts[200:]) < 12_000
    assert max(counts[300:]) <= 1.1 * max(counts[100:300])


def test_values_dropped_inside_are_made_again_outside():
    leaf = value(1)
    leaf.requires_grad = True
    with pa.memory_budget(pa.memory.live().bytes + 20 * BYTES) as budget:
        loss = tanh_chain(leaf, 60)
    assert budget.dropped > 60
    (twice,) = pa.grad(loss, leaf, create_graph=True)
    (third,) = pa.grad(pa.sum(twice * twice), leaf)
    other = leaf.detach().copy()
    other.requires_grad = True
    (want,) = pa.grad(tanh_chain(other, 60), other, create_graph=True)
    (want_third,) = pa.grad(pa.sum(want * want), other)
    assert_same([twice, third], [want, want_third])


def test_a_long_chain_is_made_again_without_recursion():
    n, x = 100_000, value(1, (100,))
    want = func.grad(lambda y: pa.sum(chain(y, n) ** 3))(x)
    with everything_dropped() as budget:
        got = func.grad(lambda y: pa.sum(chain(y, n) ** 3))(x)
    assert budget.counts()[1] >= n // 2
    assert_same(got, want)


def chain(x, n):
    for _ in range(n):
        x = x * 1.0000001
    return x


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


def test_nested_budgets():
    x = value(1)
    base = pa.memory.live().bytes
    with pa.memory_budget(base + 1000 * BYTES) as outer:
        with pa.memory_budget(base + 20 * BYTES):
            pa.memory.reset_peak()
            func.grad(lambda y: tanh_chain(y, 60))(x)
            assert pa.memory.peak() <= base + 20 * BYTES
        pa.memory.reset_peak()
        func.grad(lambda y: tanh_chain(y, 60))(x)
        assert pa.memory.peak() > base + 20 * BYTES
        with pa.memory_budget(base + 2000 * BYTES) as wide, pytest.raises(RuntimeError):
            wide.__enter__()
    assert outer.dropped > 0
    assert "dropped" in repr(outer)


def test_a_budget_left_by_another_thread():
    budget = pa.memory_budget("1GB")
    budget.__enter__()
    errors = []

    def leave():
        try:
            budget.__exit__(None, None, None)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    budget.__exit__(None, None, None)
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2GB", 2 * 10**9),
        ("2 GiB", 2 * 2**30),
        ("1.5kib", 1536),
        ("500 MB", 5 * 10**8),
        ("7b", 7),
        (".5k", 500),
        (1e6, 10**6),
        (12, 12),
    ],
)
def test_limits(text, number):
    assert pa.memory_budget(text).limit == number


@pytest.mark.parametrize("text", ["", "GB", "2XB", "-3MB", "2 GB!", "1e6", 0, -1, 1e30, "0GB"])
def test_limits_that_cannot_be_read(text):
    with pytest.raises(ValueError, match=r"\[memory_budget\]"):
        pa.memory_budget(text)


@pytest.mark.parametrize("value", [None, True, [1], 2j])
def test_limits_of_other_types(value):
    with pytest.raises(TypeError, match=r"\[memory_budget\]"):
        pa.memory_budget(value)
