"""Threads: levels and grad mode belong to one, graphs may be shared."""

import numpy as np
import pytest
from support.processes import run_code
from support.threads import run_in_threads

import pyautograd as pa


def test_hessian_and_jvp_at_once():
    def f(x):
        return pa.sum(pa.sin(x) ** 2 * x)

    def hessian_diagonal(x):
        return 4 * np.sin(x) * np.cos(x) + 2 * x * np.cos(2 * x)

    def work(k):
        x = np.linspace(0.1, 1.0, 5) + k
        for _ in range(30):
            h = pa.hessian(f, x).numpy()
            np.testing.assert_allclose(h, np.diag(hessian_diagonal(x)), atol=1e-12)
            mixed = pa.hessian(f, x, mode="forward-over-forward").numpy()
            np.testing.assert_allclose(mixed, h, atol=1e-12)
            _, tangent = pa.func.jvp(f, (x,), (np.ones(5),))
            slope = np.sum(np.sin(2 * x) * x + np.sin(x) ** 2)
            np.testing.assert_allclose(tangent.item(), slope)
            batch = pa.func.vmap(pa.func.grad(lambda s: s**3))(x).numpy()
            np.testing.assert_allclose(batch, 3 * x**2)

    with pa.testing.assert_no_leak():
        run_in_threads(work)


def test_grad_mode_belongs_to_a_thread():
    def work(k):
        x = pa.tensor(1.0, requires_grad=True)
        for _ in range(100):
            if k % 2:
                with pa.no_grad():
                    assert not (x * 2).requires_grad
            assert (x * 2).requires_grad

    run_in_threads(work)


def test_a_shared_graph_is_swept_by_all():
    x = pa.tensor(np.linspace(0.0, 1.0, 50), requires_grad=True)
    y = pa.sum(pa.sin(x) * x)
    want = np.cos(x.detach().numpy()) * x.detach().numpy() + np.sin(x.detach().numpy())

    def work(k):
        for _ in range(20):
            (g,) = pa.grad(y, x, retain_graph=True)
            np.testing.assert_allclose(g.numpy(), want)

    run_in_threads(work)


def test_a_tensor_of_a_level_is_useless_elsewhere_but_harmless():
    kept = []

    def f(x):
        kept.append(x)
        return x

    pa.func.vmap(f)(np.ones(3))
    with pytest.raises(pa.EscapedTensorError):
        run_in_threads(lambda k: kept[0] + 1.0)


def test_a_system_that_gives_no_more_threads():
    """Work that threads would share is done by those there are."""
    done = run_code(
        """
        import resource
        import pyautograd as pa
        pa.set_num_threads(1)
        x = pa.zeros(2_000_000)
        x += 1.0
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**22,) * 2)  # no room for a stack
        pa.set_num_threads(10**6)
        x += 1.0
        print(pa.get_num_threads(), x[0].item(), x[-1].item())
        """
    )
    assert done.stdout.split() == ["1024", "2.0", "2.0"], done.stderr[-2000:]


WORK = {
    "a large op": "pa.exp(pa.ones(300_000))",
    "a sweep": "pa.sum(pa.exp(leaf) * leaf).backward()",
    "a hook": "y = leaf * 2; y.register_hook(lambda g: busy(g)); pa.sum(y).backward()",
    "a custom function": "pa.sum(Twice.apply(leaf)).backward()",
    "a checkpoint": "pa.sum(pa.checkpoint(busy, leaf)).backward()",
    "a captured call": "call(pa.ones(100_000))",
}


@pytest.mark.parametrize("work", WORK)
def test_a_process_ends_while_threads_are_at_work(work):
    """Python up to 3.13 unwinds the stacks of threads that ask for the GIL then."""
    program = f"""
        import threading, time
        import pyautograd as pa
        leaf = pa.ones(1000).requires_grad_()
        call = pa.captured(pa.func.grad(lambda x: pa.sum(pa.sin(x))))
        def busy(x):
            for _ in range(1000):
                pass
            return x * 2
        class Twice(pa.Function):
            @staticmethod
            def forward(ctx, x):
                return busy(x)
            @staticmethod
            def backward(ctx, gradient):
                return busy(gradient)
        def run():
            while True:
                {WORK[work]}
        for _ in range(3):
            threading.Thread(target=run, daemon=True).start()
        time.sleep(0.2)
    """
    result = run_code(program)
    assert result.returncode == 0, result.stderr


def test_a_sub_interpreter_is_refused():
    inside = "try: import pyautograd\nexcept ImportError as error: print(error, flush=True)"
    result = run_code(
        f"""
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        number = interpreters.create()
        print(interpreters.run_string(number, {inside!r}))
        interpreters.destroy(number)
        """
    )
    assert result.returncode == 0, result.stderr
    assert "interpreter" in result.stdout, result.stdout
