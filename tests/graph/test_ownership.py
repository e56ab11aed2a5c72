"""Nothing leaks: dropping the last handle frees a graph, even where gradients hold it.

Where Python objects close a cycle that reference counts cannot see through, the collector must.
"""

import gc
import threading
import weakref

import numpy as np
import pytest

import pyautograd as pa


@pytest.fixture
def counted():
    """Calls `counted(f)`: runs f and asserts that it left nothing, without the collector's help."""

    def check(program, *, collect=False):
        program()
        gc.collect()
        gc.disable()
        try:
            before = pa.memory.live()
            program()
            if collect:
                assert gc.collect() > 0
            assert pa.memory.live() == before
        finally:
            gc.enable()

    return check


def leaf(n=4):
    return pa.tensor(np.linspace(0.5, 1.0, n), requires_grad=True)


def test_a_graph_dies_with_its_last_handle(counted):
    def program():
        x = leaf()
        y = pa.sum(pa.exp(pa.sin(x)) * x)
        assert pa.memory.live().nodes > 0
        del x
        y.backward()

    counted(program)


def test_a_gradient_that_holds_its_own_graph(counted):
    def program():
        x = leaf()
        y = pa.sum(pa.exp(x) * pa.tanh(x) * pa.sqrt(x))
        y.backward(create_graph=True)
        assert x.grad.requires_grad

    counted(program)


def test_a_gradient_of_a_gradient_in_grad(counted):
    def program():
        x = leaf()
        pa.sum(x**3).backward(create_graph=True)
        pa.sum(x.grad * x).backward(create_graph=True)
        pa.sum(x.grad * x.grad).backward()

    counted(program)


def test_values_saved_from_the_op_s_own_output(counted):
    def program():
        x = leaf()
        for op in (pa.exp, pa.tanh, pa.sqrt, pa.sigmoid):
            y = op(x)
            pa.sum(pa.grad(pa.sum(y), x, create_graph=True)[0]).backward()

    counted(program)


def test_functional_transforms(counted):
    def program():
        x = pa.tensor([0.3, 0.7])
        f = lambda x: pa.sum(pa.sin(x) * pa.exp(x[::-1]))  # noqa: E731
        pa.hessian(f, x)
        pa.func.vmap(pa.func.grad(lambda v: pa.sin(v) * v))(x)
        pa.func.jvp(pa.func.grad(f), (x,), (x,))

    counted(program)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_transforms_that_raise(counted, error):
    def program():
        def f(x):
            y = x * x
            raise error(y)

        for transform in (pa.func.grad, pa.func.vmap, pa.func.hessian, pa.func.jacfwd):
            try:
                transform(f)(pa.ones(3))
            except error:
                pass

    counted(program)


def test_a_backward_that_raises(counted):
    def program():
        x = leaf()
        y = pa.sum(pa.exp(x) * x)
        handle = x.register_hook(lambda g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            y.backward()
        handle.remove()

    program()
    gc.collect()
    before = pa.memory.live()
    program()
    gc.collect()
    assert pa.memory.live() == before


def test_hooks_without_cycles_need_no_collector(counted):
    def program():
        x = leaf()
        y = x * x
        y.register_hook(lambda g: g * 2)
        y.grad_fn.register_hook(lambda i, o: None)
        x.register_post_accumulate_grad_hook(lambda t: None)
        pa.sum(y).backward()

    counted(program)


def test_a_hook_that_holds_its_own_leaf(counted):
    def program():
        x = leaf()
        x.register_hook(lambda g: g * x)

    counted(program, collect=True)


def test_a_hook_that_holds_its_own_result(counted):
    def program():
        x = leaf()
        y = x * x
        y.register_hook(lambda g: print(y))
        y.grad_fn.register_prehook(lambda g: print(y))

    counted(program, collect=True)


def test_a_hook_far_down_a_graph_that_no_one_else_holds(counted):
    def program():
        x = leaf()
        box = []
        y = pa.exp(x)
        y.register_hook(lambda g: print(box))
        z = pa.tanh(y * y) + y
        box.append(pa.sum(z * z))

    counted(program, collect=True)


def test_a_hook_with_a_stored_handle(counted):
    class Watch:
        def __init__(self):
            self.x = leaf()
            self.handle = self.x.register_hook(self.seen)

        def seen(self, g):
            pass

    counted(Watch, collect=True)


def test_a_hook_that_holds_a_node(counted):
    def program():
        y = leaf() * 2.0
        node = y.grad_fn
        y.register_hook(lambda g: print(node))

    counted(program, collect=True)


class Holding(pa.Function):
    """Its context holds a tensor for ever."""

    @staticmethod
    def forward(ctx, x, held):
        ctx.held = held
        ctx.save_for_backward(x)
        return pa.exp(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * Holding.apply(x, ctx.held), None


def hooked(x):
    y = pa.exp(x * 2.0)
    y.register_hook(lambda g: g * x.detach())
    return y * y


HOLD_THE_LEAF = {
    "hook": hooked,
    "context": lambda x: Holding.apply(x * 2.0, [x]),
    "checkpoint": lambda x: pa.checkpoint(lambda y: pa.exp(y) * x, x * 2.0),
}


def read(x):
    assert x.grad.requires_grad


def read_in_a_cycle(x):
    box = [x, x.grad]
    box.append(box)


def set_again(x):
    g, x.grad = x.grad, None
    x.grad = g * x


USES_OF_GRADIENTS = {
    "unread": lambda x: None,
    "read": read,
    "read in a cycle": read_in_a_cycle,
    "added to": lambda x: pa.sum(x.grad * x.grad).backward(create_graph=True),
    "added to without a graph": lambda x: pa.sum(x.grad * x.grad).backward(),
    "set again": set_again,
}


@pytest.mark.parametrize("use", USES_OF_GRADIENTS.values(), ids=USES_OF_GRADIENTS)
@pytest.mark.parametrize("f", HOLD_THE_LEAF.values(), ids=HOLD_THE_LEAF)
def test_a_gradient_whose_graph_holds_the_leaf(counted, f, use):
    """By way of Python: `.grad` holds a graph, that an object, and that the leaf."""

    def program():
        x = leaf()
        pa.sum(f(x)).backward(create_graph=True)
        use(x)

    counted(program, collect=True)


@pytest.mark.parametrize("kept", ["leaf", "gradient"])
@pytest.mark.parametrize("f", HOLD_THE_LEAF.values(), ids=HOLD_THE_LEAF)
def test_a_gradient_that_is_still_wanted_is_not_collected(f, kept):
    def second(collections):
        x = leaf()
        pa.sum(f(x)).backward(create_graph=True)
        seen = weakref.ref(x)
        held = x.grad if kept == "gradient" else x
        del x
        for _ in range(collections):
            gc.collect()
        total = pa.sum(held if kept == "gradient" else held.grad)
        return pa.grad(total, seen())[0].tolist()

    gc.collect()
    assert second(3) == second(0)


def test_a_hook_that_is_still_wanted_is_not_collected():
    x = leaf()
    box = [pa.exp(x)]
    box[0].register_hook(lambda g, held=tuple(box): g * held[0])
    z = pa.sum(box.pop())
    for _ in range(3):
        gc.collect()
    z.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(2 * x.detach().numpy()))


def test_shared_graphs_are_left_alone():
    """Two handles hold one graph with hooks: collecting one must not touch the other's."""
    x = leaf()
    y = pa.exp(x)
    calls = []
    y.register_hook(lambda g, held=(y,): calls.append((g, held)))
    a, b = pa.sum(y), pa.sum(y * 2)
    cycle = [a]
    cycle.append(cycle)
    del y, a, cycle
    gc.collect()
    b.backward()
    assert len(calls) == 1


class Exp(pa.Function):
    @staticmethod
    def forward(ctx, x):
        y = pa.exp(x)
        ctx.save_for_backward(y)
        ctx.y = y
        return y

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


def test_custom_functions_that_save_their_output(counted):
    def program():
        x = leaf()
        y = Exp.apply(x)
        (g,) = pa.grad(pa.sum(y * y), x, create_graph=True)
        pa.sum(g).backward(create_graph=True)
        Exp.apply(x)

    counted(program)


def test_custom_functions_whose_context_holds_what_holds_them(counted):
    class Holds(Exp):
        @staticmethod
        def forward(ctx, x, box):
            ctx.box = box
            return x * 1.0

    def program():
        box = []
        box.append(Holds.apply(leaf(), box))

    counted(program, collect=True)


def test_custom_functions_that_save_something_made_of_the_output(counted):
    class Holds(pa.Function):
        forward = staticmethod(lambda x: pa.exp(x))

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output * 2)

        backward = staticmethod(lambda ctx, g: g * ctx.saved_tensors[0] / 2)

    counted(lambda: Holds.apply(leaf()), collect=True)
    counted(lambda: pa.sum(Holds.apply(leaf())).backward())


def test_contexts_die_with_backward():
    class Big:
        pass

    class Keeps(Exp):
        @staticmethod
        def forward(ctx, x, big):
            ctx.big = big
            return x * 1.0

        backward = staticmethod(lambda ctx, g: (g, None))

    big = Big()
    seen = weakref.ref(big)
    y = Keeps.apply(leaf(), big)
    del big
    assert seen() is not None
    pa.sum(y).backward()
    # The node stays, what it saved does not; the call's own arguments go with the node.
    del y
    assert seen() is None


def test_python_objects_released_by_other_threads():
    """A thread without the interpreter drops the last reference to a hook; nothing may deadlock."""
    dropped = []

    class Hook:
        def __call__(self, g):
            return None

        def __del__(self):
            dropped.append(threading.get_ident())

    def work():
        for _ in range(20):
            x = leaf(100)
            y = Exp.apply(x)
            y.register_hook(Hook())
            z = pa.sum(pa.sin(y))
            del y
            z.backward(create_graph=True)
            x.grad = None

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert len(dropped) == 80


def test_a_tensor_reaches_the_collector_only_when_it_must():
    assert not gc.is_tracked(pa.ones(3))
    assert gc.is_tracked(leaf() * 2)


def test_a_gradient_that_nobody_else_has_is_not_copied():
    x = leaf(1000)
    found = pa.memory.profile(lambda: pa.sum(pa.tanh(x) ** 2).backward())
    assert "copy" not in found.ops and found.final == 8000
    found = pa.memory.profile(lambda: pa.sum(pa.tanh(x) ** 2).backward())
    assert found.final == 0


def test_gradients_share_no_memory():
    """Not with each other, nor with what a rule gave, nor with a larger array around them."""
    x, y = leaf(), leaf()
    given = pa.ones(4)
    (x + y).backward(given)
    parts = leaf(6)
    pa.sum(pa.concat([x[:2], parts[2:]]) * pa.asarray(np.arange(1.0, 7.0))).backward()
    assert x.grad.tolist() == [2.0, 3.0, 1.0, 1.0]
    x.grad *= 0.0
    y.grad += 1.0
    assert given.tolist() == [1.0] * 4 and y.grad.tolist() == [2.0] * 4
    assert parts.grad.tolist() == [0.0, 0.0, 3.0, 4.0, 5.0, 6.0]
    buffer = np.ones(4)

    class Fixed(pa.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

        @staticmethod
        def backward(ctx, grad):
            return pa.asarray(buffer)

    z = leaf()
    pa.sum(Fixed.apply(z)).backward()
    buffer[:] = 7.0
    assert z.grad.tolist() == [1.0] * 4


def test_the_last_part_of_a_large_cotangent_does_not_keep_it_all():
    x = pa.tensor(np.ones(10), requires_grad=True)
    rest = pa.ones(100_000)
    before = pa.memory.live().bytes
    pa.sum(pa.concat([x, rest]) ** 2).backward()
    gc.collect()
    assert pa.memory.live().bytes - before < 1000


def test_many_sweeps_of_a_large_leaf_keep_memory_flat():
    x = pa.tensor(np.ones((300, 300)), requires_grad=True)
    for step in range(60):
        x.grad = None
        pa.sum(x * x * x).backward(create_graph=True)
        if step == 5:
            before = pa.memory.live()
    assert pa.memory.live() == before
