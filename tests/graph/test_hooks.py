"""Hooks on tensors, leaves and nodes, and retained gradients."""

import pytest

import pyautograd as pa


@pytest.fixture
def x():
    return pa.tensor([1.0, 2.0], requires_grad=True)


def test_a_hook_sees_the_whole_gradient_once(x):
    seen = []
    y = x * x
    y.register_hook(lambda g: seen.append(g.tolist()))
    pa.sum(y * 2 + y * 3).backward()
    assert seen == [[5.0, 5.0]]
    assert x.grad.tolist() == [10.0, 20.0]


def test_a_hook_replaces_the_gradient(x):
    y = x * x
    y.register_hook(lambda g: g * 10)
    pa.sum(y).backward()
    assert x.grad.tolist() == [20.0, 40.0]


def test_hooks_on_a_leaf_run_before_accumulation(x):
    x.register_hook(lambda g: g * 0)
    pa.sum(x * x).backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_hooks_run_in_order(x):
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 2)
    pa.sum(x).backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_removal(x):
    seen = []
    handle = x.register_hook(lambda g: seen.append(1))
    handle.remove()
    handle.remove()
    pa.sum(x * x).backward()
    with x.register_hook(lambda g: seen.append(2)):
        pa.sum(x * x).backward()
    pa.sum(x * x).backward()
    assert seen == [2]


def test_a_hook_may_remove_itself(x):
    seen = []

    def once(g):
        seen.append(g)
        handle.remove()

    handle = x.register_hook(once)
    pa.sum(x).backward()
    pa.sum(x).backward()
    assert len(seen) == 1


def test_hooks_outlive_the_handle(x):
    seen = []

    def build():
        y = x * x
        y.register_hook(lambda g: seen.append(g.tolist()))
        return pa.sum(y)

    build().backward()
    assert seen == [[1.0, 1.0]]


def test_hooks_of_intermediate_targets_act_on_grad(x):
    y = x * x
    y.register_hook(lambda g: g * 3)
    (g,) = pa.grad(pa.sum(y), y)
    assert g.tolist() == [3.0, 3.0]


def test_hooks_see_differentiable_gradients(x):
    x.register_hook(lambda g: g * x)
    (g,) = pa.grad(pa.sum(x**3), x, create_graph=True)
    assert g.tolist() == [3.0, 24.0]
    assert pa.grad(pa.sum(g), x)[0].tolist() == [9.0, 72.0]


def test_a_hook_that_raises_leaves_everything_usable(no_leak):
    def fail(g):
        raise KeyError("from the hook")

    x = pa.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    handle = y.register_hook(fail)
    loss = pa.sum(y)
    with pytest.raises(KeyError, match="from the hook"):
        loss.backward(retain_graph=True)
    assert x.grad is None
    handle.remove()
    loss.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_results_of_a_wrong_kind(x):
    for result, kind in ((3.0, TypeError), (pa.ones(3), ValueError)):
        with x.register_hook(lambda g, result=result: result):
            with pytest.raises(kind, match="register_hook"):
                pa.sum(x * x).backward()
    with pytest.raises(TypeError, match="callable"):
        x.register_hook(3)
    with pytest.raises(RuntimeError, match="does not require grad"):
        pa.ones(2).register_hook(print)


def test_post_accumulate_hook(x):
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.tolist())))
    pa.sum(x * x).backward()
    assert seen == [(True, [2.0, 4.0])]
    handle.remove()
    pa.sum(x * x).backward()
    assert len(seen) == 1
    pa.grad(pa.sum(x * x), x)
    assert len(seen) == 1


def test_post_accumulate_hook_may_clear_the_gradient(x):
    def step(t):
        with pa.no_grad():
            t -= 0.5 * t.grad
        t.grad = None

    x.register_post_accumulate_grad_hook(step)
    pa.sum(x * x).backward()
    assert x.grad is None
    assert x.tolist() == [0.0, 0.0]


def test_post_accumulate_hooks_are_for_leaves(x):
    with pytest.raises(RuntimeError, match="leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="does not require grad"):
        pa.ones(1).register_post_accumulate_grad_hook(print)


def test_retain_grad(x):
    y = x * x
    y.retain_grad()
    y.retain_grad()
    pa.sum(y * y).backward()
    assert y.grad.tolist() == [2.0, 8.0]
    x.retain_grad()
    with pytest.raises(RuntimeError, match="does not require grad"):
        pa.ones(1).retain_grad()


def test_retained_gradients_accumulate_and_see_hooks(x):
    y = x * 1.0
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    loss = pa.sum(y)
    loss.backward(retain_graph=True)
    loss.backward()
    assert y.grad.tolist() == [4.0, 4.0]


def test_node_hooks(x):
    calls = []
    y = x * 3.0
    node = y.grad_fn

    def after(inputs, outputs):
        calls.append(("after", [None if g is None else g.tolist() for g in inputs]))
        return tuple(None if g is None else g * 2 for g in inputs)

    def before(outputs):
        calls.append(("before", [g.tolist() for g in outputs]))
        return tuple(g + 1 for g in outputs)

    first, second = node.register_hook(after), node.register_prehook(before)
    pa.sum(y).backward()
    assert calls == [("before", [[1.0, 1.0]]), ("after", [[6.0, 6.0], None])]
    assert x.grad.tolist() == [12.0, 12.0]
    first.remove()
    second.remove()
    x.grad = None
    pa.sum(x * 3.0).backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_node_hooks_of_a_wrong_kind(x):
    for result, kind in ((3.0, TypeError), ((None,) * 5, ValueError)):
        y = x * 3.0
        y.grad_fn.register_hook(lambda i, o, result=result: result)
        with pytest.raises(kind):
            pa.sum(y).backward()
    leaf = (x * 3.0).grad_fn.next_functions[0][0]
    with pytest.raises(RuntimeError, match="leaf"):
        leaf.register_hook(print)


def test_a_hook_that_runs_backward(x):
    """A sweep within a sweep."""
    z = pa.tensor([5.0, 6.0], requires_grad=True)

    def inner(g):
        pa.sum(z * z).backward()

    y = x * x
    y.register_hook(inner)
    pa.sum(y).backward()
    assert z.grad.tolist() == [10.0, 12.0]
    assert x.grad.tolist() == [2.0, 4.0]


def test_hooks_under_vmap():
    seen = []

    def f(t):
        y = t * t
        y.register_hook(lambda g: seen.append(g.shape) or g * 10)
        return y

    g = pa.func.vmap(pa.func.grad(f))(pa.tensor([1.0, 2.0]))
    assert g.tolist() == [20.0, 40.0]
    assert seen == [()]


@pytest.mark.parametrize("leaf", [True, False])
def test_a_hook_may_untrack_what_backward_was_asked_for(x, leaf):
    """The sweep goes by the nodes it was given, whatever the handles show when it ends."""
    y = x * x
    asked = x if leaf else y

    def untrack(g):
        x.requires_grad = False

    z = y * 2.0
    z.register_hook(untrack)
    pa.sum(z).backward(inputs=[asked])
    assert not x.requires_grad
    assert (x.grad is None) if leaf else (y.grad.tolist() == [2.0, 2.0])


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3)])
@pytest.mark.parametrize("kind", ["register_prehook", "register_hook"])
def test_a_node_hook_must_return_gradients_of_the_shapes_it_was_given(kind, shape):
    """A gather's rule trusts them as it trusts memory."""
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    y = x[pa.tensor([0, 1, 1])]
    getattr(y.grad_fn, kind)(lambda *grads: tuple(pa.ones(shape) for _ in grads[0]))
    with pytest.raises(ValueError, match=rf"\[{kind}\] the hook returned shape"):
        pa.sum(y).backward()
    assert x.grad is None


def test_a_node_hook_may_stop_the_gradient(x):
    z = pa.tensor([5.0, 6.0], requires_grad=True)
    y = x * x
    y.grad_fn.register_prehook(lambda grads: (None,))
    w = z * 2.0
    w.grad_fn.register_hook(lambda inputs, outputs: (None, None))
    pa.sum(y + w).backward()
    assert x.grad is None and z.grad is None


@pytest.mark.parametrize("dtype", ["int64", "float32", "complex128"])
def test_a_node_hook_may_return_another_dtype(x, dtype):
    y = x * x
    y.grad_fn.register_prehook(lambda grads: [pa.ones(2, dtype=dtype)])
    y.grad_fn.register_hook(lambda inputs, outputs: [g.astype(dtype) for g in inputs])
    pa.sum(y).backward()
    assert x.grad.dtype == "float64" and x.grad.tolist() == [2.0, 4.0]


def test_a_node_hook_sees_gradients_in_the_shapes_of_the_inputs(x):
    seen = []
    y = x * pa.ones((3, 2))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs[0].shape, inputs[1])))
    pa.sum(y).backward()
    assert seen == [((2,), None)] and x.grad.tolist() == [3.0, 3.0]
