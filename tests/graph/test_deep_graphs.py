"""Chains of a million operations: nothing recurses, from recording to destruction.

They run in a process of their own whose stack is limited to 8 MiB, where recursion would end it.
"""

import textwrap

import pytest
from support.processes import run_code

PRELUDE = """
import gc, resource, threading
soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, hard))
threading.stack_size(8 << 20)
import numpy as np
import pyautograd as pa

def run():
{body}

thread = threading.Thread(target=run)
thread.start()
thread.join()
print("finished")
"""


def in_a_small_stack(body):
    program = PRELUDE.format(body=textwrap.indent(textwrap.dedent(body), "    "))
    done = run_code(program)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.endswith("finished\n"), done.stderr[-2000:]
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    return done.stdout


def test_backward_second_backward_and_destruction():
    in_a_small_stack("""
        before = pa.memory.live().nodes
        x = pa.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(1_000_000):
            y = y * 1.000001
        (g,) = pa.grad(y, x, retain_graph=True)
        y.backward()
        assert abs(x.grad.item() - 1.000001**1_000_000) < 1e-6
        assert g.item() == x.grad.item()
        del y, g
        x = None
        assert pa.memory.live().nodes == before
    """)


def test_the_second_derivative():
    in_a_small_stack("""
        x = pa.tensor(0.5, requires_grad=True)
        y = x
        for _ in range(300_000):
            y = pa.sin(y)
        (g,) = pa.grad(y, x, create_graph=True)
        (h,) = pa.grad(g, x)
        assert np.isfinite(h.item())
        del y, g, h
    """)


@pytest.mark.parametrize("how", ["vmap(grad)", "jvp"])
def test_under_transforms(how):
    in_a_small_stack(f"""
        def f(x):
            y = x
            for _ in range(200_000):
                y = y * 1.00001
            return y
        x = pa.tensor([0.5, 1.0])
        if "{how}" == "jvp":
            t = pa.func.jvp(f, (x,), (pa.ones(2),))[1]
        else:
            t = pa.func.vmap(pa.func.grad(f))(x)
        assert np.allclose(t.numpy(), 1.00001**200_000)
    """)


def test_the_collector_walks_a_deep_graph_without_recursion():
    in_a_small_stack("""
        x = pa.tensor(1.0, requires_grad=True)
        y = x * 1.0
        y.register_hook(lambda g: print(x, y))
        for _ in range(300_000):
            y = y * 1.0
        gc.collect()
        y = None
        x = None
        gc.collect()
        assert pa.memory.live().nodes == 0
    """)


def test_gradients_of_gradients_of_gradients():
    """x.grad.grad.grad...: every handle owns the next."""
    in_a_small_stack("""
        x = first = pa.tensor(1.0, requires_grad=True)
        for _ in range(100_000):
            x.grad = pa.tensor(1.0, requires_grad=True)
            x = x.grad
        x = first = None
    """)


def test_custom_functions_in_a_deep_graph():
    in_a_small_stack("""
        class Double(pa.Function):
            forward = staticmethod(lambda x: x * 1.0)
            setup_context = staticmethod(lambda ctx, inputs, output: ctx.save_for_backward(output))
            backward = staticmethod(lambda ctx, g: g)
        x = pa.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(30_000):
            y = Double.apply(y)
        y.backward(retain_graph=True)
        assert x.grad.item() == 1.0
        y = None
    """)
