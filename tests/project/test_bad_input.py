"""Whatever goes wrong gives the right exception, and the library goes on working afterwards."""

import gc
import re
import signal
import time

import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa
from pyautograd import _core


@pytest.fixture(autouse=True)
def goes_on_working(no_leak):
    """After each test levels are unwound, recording is on, and derivatives are what they were."""
    yield
    assert pa.is_grad_enabled()
    cube = pa.func.grad(pa.func.grad(lambda x: x**3))
    assert pa.func.vmap(cube)(pa.tensor([1.0, 2.0])).tolist() == [6, 12]


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda x: x + pa.ones(4), ValueError, r"\[add\].*\(2, 3\).*\(4,\)"),
        (lambda x: x @ pa.ones((2, 2)), ValueError, r"\[matmul\].*\(2, 3\).*\(2, 2\)"),
        (lambda x: pa.reshape(x, (4, 2)), ValueError, r"\[reshape\].*\(2, 3\).*\(4, 2\)"),
        (lambda x: pa.reshape(x, (2, -3)), ValueError, r"\[reshape\].*-3"),
        (lambda x: pa.concat([x, pa.ones((1, 2))]), ValueError, r"\[concat\].*\(2, 3\)"),
        (lambda x: pa.concat([]), ValueError, r"\[concat\]"),
        (lambda x: pa.stack([]), ValueError, r"\[stack\]"),
        (lambda x: pa.broadcast_to(x, (3, 2)), ValueError, r"\[broadcast_to\]"),
        (lambda x: pa.sum(x, axis=2), IndexError, r"\[sum\].*2"),
        (lambda x: pa.sum(x, axis=(0, 0)), ValueError, r"\[sum\]"),
        (lambda x: pa.sum(x, axis="0"), TypeError, r"\[sum\].*axis"),
        (lambda x: pa.sum(x, axes=0), TypeError, r"\[sum\].*axes"),
        (lambda x: pa.sum(), TypeError, r"\[sum\]"),
        (lambda x: pa.sum(x, 0, None, True, 7), TypeError, r"\[sum\]"),
        (lambda x: pa.sin(x, x), TypeError, r"\[sin\]"),
        (lambda x: x[2], IndexError, "2"),
        (lambda x: x[0, 0, 0], IndexError, r"\[getitem\] too many indices"),
        (lambda x: x[pa.tensor([5])], IndexError, "5"),
        (lambda x: x[pa.tensor([True, False, True])], IndexError, r"\(3,\).*\(2, 3\)"),
        (lambda x: pa.take(x, pa.tensor([9])), IndexError, r"\[take\].*9"),
        (lambda x: pa.max(pa.zeros((0,))), ValueError, r"\[max\]"),
        (lambda x: x & x, TypeError, r"\[bitwise_and\]"),
        (lambda x: pa.trim_zeros(x, 1), TypeError, r"\[trim_zeros\] trim .* int"),
        (lambda x: pa.linop.trace([[1.0]]), TypeError, r"\[linop.trace\].* list"),
        (lambda x: pa.linop.diagonal(x), TypeError, r"\[linop.diagonal\].* Tensor"),
        (lambda x: -(x > 0), TypeError, r"\[negative\]"),
        (lambda x: (x > 0) - (x > 0), TypeError, r"\[subtract\]"),
        (lambda x: pa.tensor([1, 2]) ** -1, ValueError, r"\[power\]"),
        (lambda x: pa.zeros((2, -1)), ValueError, r"\[zeros\]|negative"),
        (
            lambda x: pa.ones(3, 2),
            TypeError,
            r"\[ones\] dtype .* is a tuple, as in ones\(\(2, 3\)\)",
        ),
        (lambda x: pa.arange(0, 1, 0), (ValueError, ZeroDivisionError), r"\[arange\]"),
        (lambda x: pa.arange(np.inf), ValueError, r"\[arange\] cannot count from 0 to inf"),
        (lambda x: pa.arange(0, np.nan), ValueError, r"\[arange\] cannot count from 0 to nan"),
        (lambda x: pa.einsum("ij,jk", x, x), ValueError, r"\[einsum\]"),
        (lambda x: pa.einsum("i", x), ValueError, r"\[einsum\]"),
        (lambda x: pa.einsum(3, x), TypeError, r"\[einsum\]"),
        (lambda x: pa.inner(x, pa.ones(4)), ValueError, r"\[inner\].*\(2, 3\).*\(4,\)"),
        (lambda x: pa.dot(x, pa.ones(4)), ValueError, r"\[dot\].*\(2, 3\).*\(4,\)"),
        (lambda x: pa.vecdot(x, pa.ones(4)), ValueError, r"\[vecdot\].*\(2, 3\).*\(4,\)"),
        (lambda x: pa.vecdot(x, 1.0), ValueError, r"\[vecdot\] x2.*1 dimension"),
        (lambda x: pa.digitize(x, pa.ones(3) * 1j), TypeError, r"\[digitize\].*complex"),
        (lambda x: pa.tensordot(x, x, 1), ValueError, r"\[tensordot\].*\(2, 3\)"),
        (lambda x: pa.tensordot(x[:, :0], pa.ones((3, 0)), 2), ValueError, r"\[tensordot\]"),
        (lambda x: pa.linalg.multi_dot([x]), ValueError, "at least two arrays"),
        (lambda x: pa.linalg.multi_dot([x] * 1001), ValueError, "at most 1000 arrays"),
        (lambda x: bool(x), ValueError, "ambiguous"),
        (lambda x: x.item(), ValueError, r"\[item\]"),
        (lambda x: x.to("cuda:99"), RuntimeError, "cuda.* not"),
        (lambda x: x.unknown, AttributeError, "unknown"),
    ],
)
def test_wrong_shapes_dtypes_axes_and_indices(call, kind, message):
    x = pa.ones((2, 3))
    with pytest.raises(kind, match=message):
        call(x)
    with pytest.raises(kind):
        call(pa.ones((2, 3), dtype="float64").requires_grad_())


def test_backward_of_what_is_no_scalar_needs_a_gradient():
    x = pa.ones(3).requires_grad_()
    y = x * 2.0
    with pytest.raises(RuntimeError, match="gradient"):
        y.backward()
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        y.backward(pa.ones(2))
    with pytest.raises(TypeError):
        y.backward("ones")
    y.backward(pa.ones(3))
    assert x.grad.tolist() == [2, 2, 2]


def test_a_second_backward_needs_retain_graph():
    x = pa.ones(3).requires_grad_()
    y = pa.sum(x * x)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        pa.grad(y, x)
    assert x.grad.tolist() == [2, 2, 2]


def test_backward_of_what_records_nothing():
    for y in (pa.ones(()), pa.ones(()).requires_grad_().detach()):
        with pytest.raises(RuntimeError, match="require"):
            y.backward()
    with pytest.raises(RuntimeError, match="bool"):
        (pa.ones(()).requires_grad_() > 0).backward()


def test_gradients_of_integers():
    with pytest.raises((TypeError, RuntimeError), match="float"):
        pa.tensor([1, 2]).requires_grad = True
    for transform in (pa.func.grad, pa.func.jacrev, pa.func.jacfwd, pa.func.hessian):
        with pytest.raises(TypeError, match="int64"):
            transform(lambda x: pa.sum(x))(pa.tensor([1, 2]))
    with pytest.raises(TypeError):
        pa.func.grad(lambda x: pa.argmax(x))(pa.ones(3))


def test_mutation_of_a_saved_tensor():
    x, w = pa.ones(3).requires_grad_(), pa.ones(3)
    y = pa.sum(x * w)
    w += 1.0
    with pytest.raises(RuntimeError, match=r"\[multiply\].*version"):
        y.backward()
    assert x.grad is None


@pytest.mark.parametrize("transform", ["vmap", "jvp", "grad_of_jvp"])
def test_tensors_of_an_ended_level(transform):
    kept = []

    def f(x):
        kept.append(x)
        return pa.sum(x * x)

    x = pa.ones(3)
    calls = {
        "vmap": lambda: pa.func.vmap(lambda t: f(t))(pa.ones((2, 3))),
        "jvp": lambda: pa.func.jvp(f, (x,), (x,)),
        "grad_of_jvp": lambda: pa.func.jvp(lambda t: pa.func.grad(f)(t), (x,), (x,)),
    }
    calls[transform]()
    name = "vmap" if transform == "vmap" else "jvp"
    uses = [
        lambda t: pa.exp(t),
        lambda t: t + x,
        lambda t: t[0],
        lambda t: t.sum(),
        lambda t: t.item(),
        lambda t: pa.func.grad(lambda u: pa.sum(u * u))(t),
        lambda t: pa.func.jvp(lambda u: u * t, (x,), (x,)),
        lambda t: pa.func.vmap(lambda u: u * t)(x),
        lambda t: t.numpy(),
        lambda t: np.sin(t),
    ]
    for use in uses:
        with pytest.raises((pa.EscapedTensorError, ValueError), match=f"{name}|item"):
            use(kept[0])
    repr(kept[0])
    kept.clear()


@pytest.mark.parametrize(
    "wrong", [None, 3.0, "text", np.ones(2), {"a": 3.0}], ids=lambda w: type(w).__name__
)
@pytest.mark.parametrize("transform", ["grad", "vmap", "jvp", "vjp", "jacrev", "jacfwd", "hessian"])
def test_functions_that_return_no_tensor(transform, wrong):
    def f(x):
        return wrong

    x = pa.ones(2)
    calls = {
        "vmap": lambda: pa.func.vmap(f)(x),
        "jvp": lambda: pa.func.jvp(f, (x,), (x,)),
        "vjp": lambda: pa.func.vjp(f, x),
    }
    with pytest.raises(TypeError, match=r"\[\w+\].*return"):
        calls.get(transform, lambda: getattr(pa.func, transform)(f)(x))()


def test_functions_that_return_no_scalar():
    with pytest.raises((ValueError, RuntimeError, TypeError), match=r"\[grad\].*scalar|shape"):
        pa.func.grad(lambda x: x * x)(pa.ones(2))


class Mistake(Exception):
    pass


@pytest.mark.parametrize("depth", [1, 3])
def test_a_function_that_raises_inside_transforms_unwinds_them(depth):
    def f(x):
        raise Mistake

    transforms = [
        lambda f: pa.func.grad(f),
        lambda f: lambda x: pa.func.jvp(f, (x,), (x,))[1],
        lambda f: lambda x: pa.func.vmap(f)(pa.stack([x, x])),
    ]
    for t in transforms:
        g = f
        for _ in range(depth):
            g = t(g)
        with pytest.raises(Mistake):
            g(pa.tensor(1.0))
        assert _core.innermost_depth() == 0
    with pa.no_grad(), pytest.raises(Mistake):
        transforms[0](f)(pa.tensor(1.0))


def test_a_generator_left_in_the_middle_of_no_grad():
    @pa.no_grad()
    def half_done():
        yield pa.is_grad_enabled()
        yield None

    generator = half_done()
    assert next(generator) is False
    assert pa.is_grad_enabled()
    generator.close()


@pytest.mark.parametrize("deep", [False, True])
def test_a_hook_that_raises(deep):
    def hook(gradient):
        raise Mistake

    x = pa.ones(3).requires_grad_()
    middle = x * x
    handle = middle.register_hook(hook)
    y = pa.sum(pa.exp(middle) if deep else middle)
    with pytest.raises(Mistake):
        y.backward(retain_graph=True)
    assert x.grad is None
    handle.remove()
    y.backward()
    assert x.grad is not None


@pytest.mark.parametrize("wrong", [3.0, "text", [1], pa.ones(7)], ids=repr)
def test_a_hook_that_returns_nonsense(wrong):
    x = pa.ones(3).requires_grad_()
    middle = x * x
    middle.register_hook(lambda gradient: wrong)
    with pytest.raises((TypeError, ValueError)):
        pa.sum(middle).backward()


def test_keyboard_interrupt_during_a_long_backward(no_leak):
    """The signal comes from a timer that starts with the sweep, so it interrupts the sweep."""

    def interrupt(*_):
        raise KeyboardInterrupt

    x = pa.ones(()).requires_grad_()
    y = x
    for _ in range(400_000):
        y = y * 1.0
    former = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(KeyboardInterrupt):
            y.backward(retain_graph=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert x.grad is None
    y.backward()
    assert x.grad.item() == 1


def products(x, y):
    for _ in range(150):
        y = x @ y
    return y


def series(x, y):
    return pa.func.taylor(lambda x: pa.exp(pa.sin(x)) @ y, x, x, 24)[-1]


def solution(x, y):
    return pa.implicit.fixed_point(lambda s, x: 0.98 * s + pa.sin(x), y, x)


def places(x, y):
    pa.random.choice(4_000_000, 2_000_000, replace=False)
    return y


@pytest.mark.parametrize("f", [series, products, solution, places])
def test_keyboard_interrupt_during_a_long_call(f):
    if f in (products, solution):
        f = pa.captured(f)

    def interrupt(*_):
        raise KeyboardInterrupt

    x = pa.eye(400)
    f(x, x)
    start = time.perf_counter()
    f(x, x)
    whole = time.perf_counter() - start
    former = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, whole / 50)
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            f(x, x)
        assert time.perf_counter() - start < 0.6 * whole
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert f(x, x).shape == (400, 400)


def test_interrupting_a_process_is_no_crash():
    result = run_code(
        """
        import signal
        import pyautograd as pa
        x = pa.ones(()).requires_grad_()
        y = x
        for _ in range(400_000):
            y = y * 1.0
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        y.backward()
        """
    )
    assert result.returncode in (1, -signal.SIGINT, 130), result.stderr
    assert "KeyboardInterrupt" in result.stderr


@pytest.fixture
def data_limit():
    """Room for so many more bytes of tensors."""
    yield lambda extra: _core.set_data_limit(pa.memory.live().bytes + extra)
    _core.set_data_limit(0)


PROGRAMS = {
    "forward": lambda x: pa.exp(x) + pa.sin(x),
    "matmul": lambda x: pa.outer(x, x) @ pa.outer(x, x),
    "grad": lambda x: pa.func.grad(lambda t: pa.sum(pa.exp(t) * t))(x),
    "jvp": lambda x: pa.func.jvp(lambda t: pa.exp(t) * t, (x,), (x,)),
    "vmap": lambda x: pa.func.vmap(lambda t: t * pa.exp(x))(x),
    "hessian": lambda x: pa.func.hessian(lambda t: pa.sum(t**3))(x),
    "index": lambda x: x[np.arange(50)] * 2.0,
    "recorded write": lambda x: PROGRAMS["grad"](x) and written(x),
    "sort of everything": lambda x: pa.concat([pa.cumsum(x), pa.softmax(x), pa.flip(x) + 1.0]),
}


def written(x):
    y = x * 1.0
    y[3] = pa.sum(x)
    return y


@pytest.mark.parametrize("name", PROGRAMS)
def test_running_out_of_memory_at_every_point(name, data_limit):
    """With a little more room each time, until the program succeeds; nothing stays behind."""
    x = pa.tensor(np.linspace(0.1, 1, 200))
    run = (lambda x: written(x)) if name == "recorded write" else PROGRAMS[name]
    run(x)
    before = pa.memory.live()
    failures = 0
    for extra in [*range(0, 20_000, 700), *range(20_000, 3_000_000, 97_000)]:
        data_limit(extra)
        try:
            run(x)
        except MemoryError:
            failures += 1
        else:
            break
        finally:
            _core.set_data_limit(0)
        gc.collect()
        assert pa.memory.live() == before
    assert failures > 0
    assert pa.memory.live() == before


def test_running_out_of_memory_in_backward(data_limit):
    x = pa.tensor(np.linspace(0.1, 1, 2000), requires_grad=True)
    y = pa.sum(pa.exp(x) * pa.sin(x) / (x + 1.0))
    before = pa.memory.live()
    for extra in range(0, 100_000, 5_000):
        data_limit(extra)
        try:
            y.backward(retain_graph=True)
        except MemoryError:
            assert x.grad is None
            assert pa.memory.live() == before
        else:
            break
    assert extra > 0 and x.grad.shape == (2000,)


def test_sizes_that_no_machine_has():
    for call in (
        lambda: pa.zeros((2**40, 2**40)),
        lambda: pa.zeros(2**60),
        lambda: pa.broadcast_to(pa.ones(1), (2**60,)) * 2.0,
        lambda: pa.tile(pa.ones(2), 2**60),
        lambda: pa.repeat(pa.ones(2), 2**61),
        lambda: pa.pad(pa.ones(2), 2**61),
        lambda: pa.eye(2**40),
        lambda: pa.arange(0, 1e18),
        lambda: pa.linspace(0, 1, 2**60),
        lambda: pa.arange(-(2**62), 2**62),
        lambda: pa.arange(-(2**63), 2**63 - 1),
        lambda: pa.bincount(pa.asarray([2**63 - 1])),
    ):
        with pytest.raises((MemoryError, ValueError, OverflowError)):
            call()
    with pytest.raises((OverflowError, ValueError, MemoryError)):
        pa.zeros(2**70)


def test_differences_end_where_none_are_left():
    assert pa.diff(pa.ones((2, 3)), 2**62).shape == (2, 0)
    assert pa.diff(pa.tensor([True, False]), 2**62, append=True).shape == (0,)


def test_empty_views_of_absurd_size_are_harmless():
    x = pa.broadcast_to(pa.zeros((0, 1)), (0, 2**40))
    assert pa.sum(x).item() == 0
    huge = pa.broadcast_to(pa.ones(1), (2**40,))
    assert huge[5].item() == 1 and huge[2**39 :][:3].tolist() == [1, 1, 1]


def test_nesting_too_deep_is_an_error_not_a_crash():
    code = """
        import pyautograd as pa
        for core in (0.0, pa.tensor(0.0)):
            for deeper in (lambda x: [x], lambda x: [core, x], lambda x: (x, core)):
                deep = core
                for _ in range(100_000):
                    deep = deeper(deep)
                try:
                    pa.tensor(deep)
                except (ValueError, RecursionError, TypeError):
                    print("refused")
        def f(x):
            return pa.func.vmap(f)(x) if x.ndim else x * x
        print(f(pa.ones((1,) * 40)).shape)
        """
    result = run_code(code)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.count("refused") == 6


def test_a_list_that_holds_itself_is_refused():
    for core in (0.0, pa.tensor(0.0)):
        endless = [core]
        endless.append(endless)
        for call in (pa.tensor, pa.asarray, pa.sin, pa.ones(3).__getitem__):
            with pytest.raises((ValueError, TypeError)):
                call(endless)


def test_a_number_whose_truth_cannot_be_told():
    class Unsure(int):
        def __bool__(self):
            raise KeyError("unsure")

    x = pa.tensor([True, False])
    with pytest.raises(KeyError, match="unsure"):
        x[0] = Unsure(1)
    assert x.tolist() == [True, False]


def test_exiting_with_everything_alive():
    """Interpreter exit with hooks, graphs, levels and exported memory still referenced."""
    result = run_code(
        """
        import numpy as np
        import pyautograd as pa
        x = pa.ones(1000).requires_grad_()
        y = x * x
        y.register_hook(lambda g: g)
        pa.sum(y).backward(create_graph=True)
        array = pa.ones(5).numpy()
        capsule = pa.ones(5).__dlpack__()
        kept = []
        pa.func.vmap(lambda t: kept.append(t) or t)(x)
        pa.func.jvp(lambda t: kept.append(t) or t, (x,), (x,))
        import builtins
        builtins.keep = (x, y, array, capsule, kept, pa.func.vjp(lambda t: t * t, x))
        """
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert not re.search("Fatal|Segmentation|leak", result.stderr)


def test_the_core_refuses_absent_tensors():
    core, x = pa._core, pa.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="expected tensors, got None"):
        core.Capture([pa.ones(2), None])
    with pytest.raises(TypeError):
        core._set_type_attribute(None, 1.0)
    assert core.call_signature(pa.ones(2)) == core.call_signature([pa.ones(()), pa.ones(())])
    assert core.leads_below([None, x * 2.0], x) is False
