"""pa.checkpoint is exact in every mode and lets go of what it holds."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
from support.checkpoint_functions import TRANSFORMS, F, checkpointed, close, cube, x0

import pyautograd as pa


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize(
    "inside",
    [
        lambda f: checkpointed(f),
        lambda f: checkpointed(checkpointed(f)),
        lambda f: lambda x: pa.checkpoint(lambda: f(x)),
        lambda f: lambda x: pa.checkpoint(lambda y: f(y) + 0.0 * pa.checkpoint(lambda: f(x)), x),
        lambda f: lambda x: pa.checkpoint(lambda: pa.checkpoint(f, x)),
        lambda f: lambda x: pa.checkpoint(lambda y: (pa.ones(2), f(y), y[::-1]), x)[1],
        lambda f: checkpointed(f, policy=pa.policies.everything_saveable),
    ],
    ids=[
        "argument",
        "nested",
        "captured",
        "nested and captured",
        "captured and handed on",
        "beside a constant",
        "kept",
    ],
)
def test_every_transform_is_that_of_the_plain_function(name, inside):
    transform = TRANSFORMS[name]
    close(transform(inside(cube))(x0), transform(cube)(x0))


def test_backward_reaches_arguments_and_captured_leaves():
    w = pa.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = pa.tensor(x0.numpy(), requires_grad=True)
    hidden = w * w  # captured, and no leaf

    def f(x):
        return pa.sum(pa.sin(hidden * x) * w)

    want = pa.grad(f(x), [w, x], retain_graph=True)
    got = pa.grad(pa.checkpoint(f, x), [w, x], retain_graph=True)
    close(got, want)
    pa.checkpoint(f, x).backward(create_graph=True)
    w_grad, x_grad = w.grad, x.grad
    pa.sum(w_grad * x_grad).backward(inputs=[w], retain_graph=True)
    first = pa.grad(f(x), [w, x], create_graph=True)
    (second,) = pa.grad(pa.sum(first[0] * first[1]), [w])
    close(w.grad - want[0], second)


def test_a_tensor_captured_from_an_outer_transform():
    """Taken for a constant, it would give 3 instead of 6."""

    def f(w):
        return F.grad(lambda x: pa.checkpoint(lambda x: w * w * x, x))(pa.tensor(1.0))

    assert F.grad(f)(pa.tensor(3.0)).item() == 6.0

    def per_sample(x):
        return F.grad(lambda w: pa.checkpoint(lambda: pa.sum(w**3 * x)))(x)

    close(F.vmap(per_sample)(pa.stack([x0, 2 * x0])), 3 * pa.stack([x0, 2 * x0]) ** 3)


def test_checkpoints_within_checkpoints_of_what_a_vmap_maps():
    def f(x):
        inner = lambda y: pa.checkpoint(lambda z: pa.sin(z) * y, x)  # noqa: E731
        return pa.checkpoint(lambda y: pa.func.grad(inner)(y) + inner(y), 0.5 * x)

    x = np.array([0.7, 0.2])
    value = np.sin(x) + np.sin(x) * 0.5 * x
    np.testing.assert_allclose(pa.func.vmap(f)(x).numpy(), value, rtol=1e-15)
    slope = np.cos(x) * (1 + 0.5 * x) + 0.5 * np.sin(x)
    np.testing.assert_allclose(pa.func.vmap(pa.func.grad(f))(x).numpy(), slope, rtol=1e-14)


def test_captured_tensors_that_share_a_value_but_not_a_tangent():
    def plain(pair):
        return pa.sum(pair[0] * pa.sin(pair[1]) + pair[1].detach())

    def inside(pair):
        return pa.checkpoint(lambda: plain(pair))

    at, along = (x0, x0), (x0 + 1.0, x0 * x0)
    for transform in (
        lambda f: F.jvp(f, (at,), (along,)),
        lambda f: F.taylor(f, at, along, 2),
        lambda f: F.jvp(F.grad(f), (at,), (along,)),
        lambda f: F.grad(lambda pair: F.jvp(f, (pair,), (along,))[1])(at),
    ):
        close(transform(inside), transform(plain))


def test_captured_tensors_that_share_a_value_but_not_its_mapped_axis():
    square = x0[:, None] * pa.arange(3.0) + pa.cos(x0)

    def plain(u, w):
        return pa.sum(u * pa.sin(w))

    def mapped(f):
        return lambda m: pa.sum(F.vmap(f, in_axes=(0, 1))(m, m) ** 2)

    inside = mapped(lambda u, w: pa.checkpoint(lambda: plain(u, w)))
    close(F.grad(inside)(square), F.grad(mapped(plain))(square))


def test_captured_tensors_that_are_only_written_somewhere():
    w = pa.tensor([0.5, -1.0], requires_grad=True)

    def f(x):
        y = pa.zeros(3) * 1.0
        y[:2] = w
        y[1:] += w
        return pa.sum(y * y * x)

    for g in (f, lambda x: pa.checkpoint(f, x)):
        slope, by_x = pa.grad(g(pa.tensor(2.0, requires_grad=True)), w), pa.func.grad(g)(2.0)
        np.testing.assert_allclose(slope[0].numpy(), [0.0, -6.0], atol=1e-15)
        assert by_x.item() == pytest.approx(1.5)


def test_results_of_a_mapped_checkpoint_that_are_not_mapped():
    def f(x):
        factor, turned, y = pa.checkpoint(
            lambda x: (pa.ones(2) + 1.0, pa.func.vmap(pa.sin, out_axes=0)(x), x), x
        )
        return pa.sum(factor) * pa.sum(turned * y)

    x = np.array([[0.7, 0.2], [1.0, -0.4]])
    want = 4 * (np.sin(x) + x * np.cos(x))
    for axis in (0, 1):
        got = pa.func.vmap(pa.func.grad(f), in_axes=axis, out_axes=axis)(np.moveaxis(x, 0, axis))
        np.testing.assert_allclose(got.numpy(), np.moveaxis(want, 0, axis), rtol=1e-14)


def test_a_graph_outlives_the_vmap_it_was_recorded_under():
    x = pa.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    pa.sum(F.vmap(lambda x: pa.checkpoint(lambda: pa.sum(x**3)))(x)).backward()
    close(x.grad, 3 * x.detach() ** 2)


class Pair(NamedTuple):
    first: pa.Tensor
    rest: dict


def test_trees_constants_and_several_outputs():
    def f(tree, power, label):
        assert label == "as it is"
        return Pair(tree["a"] ** power, {"b": (tree["b"] * tree["a"], 7, None)})

    tree = {"a": x0, "b": 2.0 * x0}
    out = pa.checkpoint(f, tree, 3, "as it is")
    assert type(out) is Pair and out.rest["b"][1:] == (7, None)

    def loss(run):
        return lambda t: pa.sum(run(t).first) + pa.sum(run(t).rest["b"][0] ** 2)

    plain = loss(lambda t: f(t, 3, "as it is"))
    again = loss(lambda t: pa.checkpoint(f, t, 3, "as it is"))
    close(F.grad(again)(tree), F.grad(plain)(tree))


def test_outputs_that_are_inputs_integers_or_independent():
    def f(x):
        return x, pa.argmax(x), pa.ones(2), x.detach()

    same, index, ones, constant = pa.checkpoint(f, pa.tensor([1.0, 3.0], requires_grad=True))
    assert index.item() == 1 and ones.tolist() == [1.0, 1.0] and constant.tolist() == [1.0, 3.0]
    assert pa.grad(pa.sum(same), [same])[0].tolist() == [1.0, 1.0]
    assert pa.checkpoint(lambda: "no tensor at all") == "no tensor at all"


def test_code_that_writes_in_place():
    def f(x):
        y = x * 2.0
        y[0] = 5.0 * x[1]
        y += x
        y *= y
        return pa.sum(y)

    for transform in ("grad", "hessian", "vmap of grad", "jacfwd of grad"):
        close(TRANSFORMS[transform](checkpointed(f))(x0), TRANSFORMS[transform](f)(x0))


def test_derivatives_inside_a_checkpoint():
    """One step of an inner optimisation, as in meta-learning."""

    def step(w):
        return w - 0.1 * F.grad(cube)(w)

    def loss(run):
        return lambda w: cube(run(step, run(step, w)))

    plain, again = loss(lambda f, w: f(w)), loss(pa.checkpoint)
    for name in ("grad", "hessian", "vmap of grad"):
        close(TRANSFORMS[name](again)(x0), TRANSFORMS[name](plain)(x0))


def test_draws_are_repeated():
    rng = pa.random.default_rng(3)

    def f(x):
        return pa.sum(x * rng.normal(size=3) * pa.random.uniform(size=3))

    state = rng.state
    pa.random.seed(1)
    want = F.value_and_grad(f)(x0)
    after = rng.state, pa.random.get_state()
    rng.state = state
    pa.random.seed(1)
    close(F.value_and_grad(checkpointed(f))(x0), want)
    assert (rng.state, pa.random.get_state()) == after
    drawn = F.grad(checkpointed(lambda x: pa.sum(x) + rng.normal(), preserve_rng=False))(x0)
    assert drawn.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_draws_under_vmap(randomness):
    def f(x):
        return pa.sum(pa.sin(x * pa.random.normal(size=3)))

    def derivative(g):
        pa.random.seed(5)
        xs = pa.stack([x0, x0])
        first = F.vmap(F.grad(g), randomness=randomness)(xs)
        return first, F.grad(lambda x: pa.sum(F.vmap(g, randomness=randomness)(x)))(xs)

    close(derivative(checkpointed(f)), derivative(f))

    def unmapped(x):
        return x * pa.checkpoint(lambda: pa.random.normal())

    def plain(x):
        return x * pa.random.normal()

    def captured(x):
        return pa.checkpoint(lambda: x * pa.random.normal())

    values = []
    for g in (unmapped, captured, plain):
        pa.random.seed(5)
        values.append(F.vmap(g, randomness=randomness)(pa.ones(4)))
    close(values[0], values[2])
    close(values[1], values[2])


def test_an_ambiguous_draw_under_vmap_stays_an_error():
    with pytest.raises(RuntimeError, match="ambiguous"):
        F.vmap(checkpointed(lambda x: x * pa.random.normal()))(pa.ones(2))


def test_complex_arguments():
    def f(z):
        return pa.real(pa.sum(pa.exp(z) * pa.conj(z)))

    z = pa.tensor([1.0 + 2.0j, -0.5 + 0.1j])
    close(F.grad(checkpointed(f))(z), F.grad(f)(z))
    close(F.hvp(checkpointed(f))(z, z * 1j), F.hvp(f)(z, z * 1j))


def test_custom_functions_inside():
    class Square(pa.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * ctx.saved_tensors[0] * grad

    def f(x):
        return pa.sum(Square.apply(pa.sin(x)))

    def plain(x):
        return pa.sum(pa.sin(x) ** 2)

    close(F.hessian(checkpointed(f))(x0), F.hessian(plain)(x0))


def test_no_grad_around_and_inside():
    w = pa.tensor(2.0, requires_grad=True)
    with pa.no_grad():
        assert not pa.checkpoint(lambda x: w * x, x0).requires_grad

    def f(x):
        with pa.no_grad():
            factor = w * x
        return pa.sum(factor * x)

    close(F.grad(checkpointed(f))(x0), F.grad(f)(x0))


def test_edges_that_need_to_know_where_a_value_comes_from():
    squared_norm = lambda x: pa.linalg.norm(x) ** 2  # noqa: E731
    zero = pa.zeros(2)
    for name in ("hessian", "jacfwd of grad"):
        assert TRANSFORMS[name](checkpointed(squared_norm))(zero).tolist() == [[2, 0], [0, 2]]
    masked = lambda x: pa.sum(pa.where(x > 0, pa.sqrt(x), 0.0))  # noqa: E731
    assert F.grad(checkpointed(masked))(pa.tensor([0.0, 4.0])).tolist() == [0.0, 0.25]


def test_a_long_chain_of_checkpoints_and_threads():
    x = y = pa.tensor(1.0, requires_grad=True)
    for _ in range(5_000):
        y = pa.checkpoint(pa.sin, y)
    y.backward()
    assert 0.0 < x.grad.item() < 1.0
    del y

    def work(seed):
        x = pa.tensor(np.random.default_rng(seed).normal(size=3))
        return F.hessian(checkpointed(cube))(x).tolist(), F.hessian(cube)(x).tolist()

    with ThreadPoolExecutor(4) as pool:
        for got, want in pool.map(work, range(40)):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("no_leak")
def test_nothing_leaks():
    w = pa.tensor(x0.numpy(), requires_grad=True)
    x = pa.tensor(x0.numpy(), requires_grad=True)

    def f(x):
        return pa.sum(pa.checkpoint(lambda: pa.sin(w * x)) * w)

    for _ in range(3):
        pa.checkpoint(f, x).backward(create_graph=True)
        pa.sum(x.grad * w.grad).backward()
        x.grad = w.grad = None
    F.vmap(F.hessian(checkpointed(f)))(pa.stack([x0, x0]))
    del x


def test_the_function_is_let_go_with_the_graph():
    class Layer:
        def __call__(self, x):
            return pa.sin(x)

    layer = Layer()
    watched = weakref.ref(layer)
    x = pa.tensor(x0.numpy(), requires_grad=True)
    y = pa.checkpoint(layer, x)
    del layer
    gc.collect()
    assert watched() is not None
    del y
    gc.collect()
    assert watched() is None


def test_writes_into_transposed_results():
    """Recorded or not, numbers stay where they are in memory, through which a sum goes."""

    def f(x):
        y = pa.tanh(x.T)
        y += pa.sqrt(2 + pa.cos(y))
        y[1:] *= 2.0
        return pa.sum(pa.sin(y))

    for seed in range(20):
        x = pa.tensor(np.random.default_rng(seed).normal(size=(7, 5)))
        got = pa.func.grad(lambda x: pa.checkpoint(f, x))(x)
        np.testing.assert_allclose(got, pa.func.grad(f)(x), rtol=1e-14)
