"""What nobody reads is not computed, and whoever reads it after all gets the same numbers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from records import DIFFERENTIABLE
from support.properties import scalars

import pyautograd as pa
from pyautograd import _core
from pyautograd.func._reverse import Recording, gradients_of, recording_on, unread

N = 1500  # so that a matrix of N by N weighs more than all else


@pytest.fixture
def everything():
    """However small it is."""
    former = _core.set_least_deferred(1)
    yield
    _core.set_least_deferred(former)


def at_once(compute):
    """Without putting anything off."""
    former = _core.set_least_deferred(1 << 60)
    try:
        return compute()
    finally:
        _core.set_least_deferred(former)


def same(got, want):
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


def network(p, x):
    hidden = pa.tanh(x @ p["w"] + p["b"])
    return pa.sum(pa.exp(hidden @ p["v"]) ** 2)


def parameters(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"w": (5, 7), "b": (7,), "v": (7, 3)}
    return {name: pa.tensor(0.3 * rng.normal(size=shape)) for name, shape in shapes.items()}


def points():
    return pa.tensor(np.random.default_rng(2).normal(size=(4, 5)))


def bytes_beside(call):
    """The most bytes that were alive at once beside what was before."""
    call()
    before = _core.live()["bytes"]
    _core.reset_peak_bytes()
    call()
    return _core.peak_bytes() - before


def unread_gradient(f, x):
    recording = Recording("test", f, (x,), {}, 0, False, unread=True)
    return gradients_of(recording, unread=True)


class TestWork:
    def test_a_product_does_not_compute_the_gradient(self):
        rng = np.random.default_rng(0)
        a, b = (pa.tensor(rng.normal(size=N)) for _ in range(2))
        w, v = pa.zeros((N, N)), pa.ones((N, N))

        def f(w):
            return (a @ w @ b + 1.0) ** 2

        def product():
            return pa.hvp(f, w, v)

        assert bytes_beside(product) < 1.5 * w.nbytes  # the result, and no gradient
        want = 2 * (a @ v @ b) * pa.tensor(np.outer(a, b))
        np.testing.assert_allclose(product(), want, rtol=1e-12)

    def test_a_plan_computes_neither_value_nor_gradient(self):
        def f(x):
            return pa.sum((x[1:] - x[:-1] ** 2) ** 2)

        x = pa.tensor(np.random.default_rng(0).normal(size=400_000))
        plan = pa.sparse.plan(f, x)
        alone = bytes_beside(lambda: plan.hessian(x))
        assert alone < bytes_beside(lambda: plan.value_grad_hessian(x)) - 0.9 * x.nbytes
        same(plan.hessian(x).data, plan.value_grad_hessian(x)[2].data)

    def test_nothing_is_kept(self):
        p = parameters()
        v, x = parameters(1), points()
        pa.hvp(lambda p: network(p, x), p, v)
        before = pa.memory.live()
        pa.hvp(lambda p: network(p, x), p, v)
        assert pa.memory.live() == before


@pytest.mark.usefixtures("everything")
class TestReadAfterAll:
    @pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
    def test_gradients_of_every_op(self, record):
        for f in scalars(record):
            xs = tuple(pa.tensor(x) for x in f.point)
            numbers = tuple(range(len(xs)))
            recording = Recording("test", f, xs, {}, numbers, False, unread=True)
            if recording.outputs[0].dtype.kind == "c":
                continue
            got = gradients_of(recording, unread=True)
            want = at_once(lambda f=f, n=numbers, xs=xs: pa.func.grad(f, n)(*xs))
            for g, w in zip(got, want, strict=True):
                same(g.detach(), w)

    @pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
    def test_products_of_every_op(self, record):
        for f in scalars(record):
            xs = [pa.tensor(x) for x in f.point]
            product = pa.func.hvp(f, tuple(range(len(xs))))
            v = tuple(pa.asarray(u) for u in f.direction())
            want = at_once(lambda p=product, xs=xs, v=v: p(*xs, v))
            for g, w in zip(product(*xs, v), want, strict=True):
                same(g, w)

    def test_written_inputs(self):
        x = pa.tensor(np.random.default_rng(0).normal(size=(6, 6)))
        w = pa.ones((6, 6))
        (g,) = unread_gradient(lambda w: pa.sum(pa.sin(x @ w)), w)
        want = x.numpy().T @ np.cos(x.numpy() @ np.ones((6, 6)))
        x[...] = 0.0
        np.testing.assert_allclose(g.detach(), want, rtol=1e-12)

    def test_written_inputs_of_what_is_left(self):
        rng = np.random.default_rng(0)
        x, v, w = (pa.tensor(rng.normal(size=(6, 6))) for _ in range(3))

        def f(v, w):
            return pa.sum(pa.sin(x @ v)) + pa.sum(pa.cos(x @ w))

        want = at_once(lambda: pa.func.grad(f, (0, 1))(v, w))
        recording = Recording("test", f, (v, w), {}, (0, 1), False, unread=True)
        found = gradients_of(recording, unread=True)
        same(found[0].detach(), want[0])
        x[...] = 0.0
        same(found[1].detach(), want[1])

    def test_a_written_result(self):
        x = pa.tensor(np.random.default_rng(0).normal(size=(6, 6)))
        (g,) = unread_gradient(lambda w: pa.sum(pa.sin(x @ w)), pa.ones((6, 6)))
        want = at_once(lambda: pa.func.grad(lambda w: pa.sum(pa.sin(x @ w)))(pa.ones((6, 6))))
        g = g.detach()
        g[0] = 0.0
        same(g[1:], want[1:])
        same(g[0], np.zeros(6))

    def test_from_other_threads(self):
        p, x = parameters(), points()
        want = at_once(lambda: pa.func.grad(lambda p: network(p, x))(p))
        found = unread_gradient(lambda p: network(p, x), p)
        with ThreadPoolExecutor(4) as pool:
            read = list(pool.map(lambda g: g.detach().numpy(), found * 3))
        for g, w in zip(read, pa.tree.leaves(want) * 3, strict=True):
            same(g, w)

    def test_more_than_are_noted(self):
        x = pa.tensor(np.random.default_rng(0).normal(size=(3, 3)))
        ws = [pa.ones((3, 3)) * i for i in range(300)]

        def f(ws):
            return sum(pa.sum((x @ w) ** 3) for w in ws)

        found = unread_gradient(f, ws)
        for g, w in zip(found, at_once(lambda: pa.func.grad(f)(ws)), strict=True):
            same(g.detach(), w)

    def test_what_a_function_keeps(self):
        kept = []

        def f(x):
            kept.append(pa.sum(x * x))
            return pa.sum(kept[-1] * x)

        x = pa.tensor([1.0, 2.0])
        pa.hvp(f, x, x)
        assert kept[0].item() == 5.0

    def test_memory_that_others_write_meanwhile(self):
        data = np.ones((3, 3))
        shared = pa.asarray(data)

        def f(w):
            y = shared @ w
            data[...] = 7.0  # NumPy tells nobody
            return pa.sum(y.detach() * w)

        with recording_on(), unread():
            y = f(pa.ones((3, 3)))
        assert y.item() == 27.0

    def test_memory_that_a_rule_of_a_users_writes(self):
        data = np.empty((3, 3))

        class Scaled(pa.Function):
            forward = staticmethod(lambda x: x * 9.0)
            setup_context = staticmethod(lambda ctx, inputs, output: None)

            @staticmethod
            def backward(ctx, g):
                data[...] = 1.0
                factor = pa.sum(pa.asarray(data))
                data[...] = 7.0
                return g * factor

        x = pa.ones(3)
        same(pa.hvp(lambda x: pa.sum(Scaled.apply(x) ** 2), x, x), np.full(3, 162.0))

    def test_memory_that_a_hook_writes(self):
        data = np.empty((3, 3))

        def hook(g):
            data[...] = 1.0
            factor = pa.sum(pa.asarray(data))
            data[...] = 7.0
            return g * factor

        def f(x):
            y = x * 1.0
            y.register_hook(hook)
            return pa.sum(y**2)

        x = pa.ones(3)
        same(pa.hvp(f, x, x), at_once(lambda: pa.hvp(f, x, x)))

    def test_memory_into_which_saved_values_are_unpacked(self):
        room = np.empty((4, 4))

        def unpack(packed):
            room[...] = packed
            return pa.asarray(room)

        hooks = pa.saved_tensors_hooks(lambda x: np.array(x), unpack)
        rng = np.random.default_rng(0)
        a, b, w, v = (pa.tensor(rng.normal(size=(4, 4))) for _ in range(4))

        def f(w):
            with hooks:
                return pa.sum((a @ (b @ w)) ** 2)

        def products(w):
            (g,) = unread_gradient(f, w)
            return g.detach()

        np.testing.assert_allclose(products(w), at_once(lambda: products(w)))

    def test_an_error_ends_it(self):
        def f(x):
            raise KeyError

        with pytest.raises(KeyError):
            pa.hvp(f, pa.ones(3), pa.ones(3))
        a = pa.ones((N, N))
        before = _core.live()["bytes"]
        product = a @ a
        assert _core.live()["bytes"] >= before + product.nbytes


@pytest.mark.usefixtures("everything")
class TestNested:
    """The same bits as without, in every transform of a product."""

    @staticmethod
    def product(p, v):
        x = points()
        return pa.func.hvp(lambda p: network(p, x))(p, v)

    def compare(self, transformed):
        p, v = parameters(), parameters(1)
        got, want = transformed(p, v), at_once(lambda: transformed(p, v))
        for g, w in zip(pa.tree.leaves(got), pa.tree.leaves(want), strict=True):
            same(g, w)

    def total(self, p, v):
        return sum(pa.sum(g**2) for g in pa.tree.leaves(self.product(p, v)))

    def test_plain(self):
        self.compare(self.product)

    def test_grad(self):
        self.compare(pa.func.grad(self.total))

    def test_jvp(self):
        self.compare(lambda p, v: pa.func.jvp(self.product, (p, v), (v, p)))

    def test_vmap(self):
        def batched(p, v):
            stacked = pa.tree.map(lambda a, b: pa.stack([a, b, a - b]), p, v)
            return pa.func.vmap(self.product, (None, 0))(p, stacked), pa.func.vmap(self.product)(
                stacked, stacked
            )

        self.compare(batched)

    def test_products_of_products(self):
        self.compare(lambda p, v: pa.func.hvp(self.total)(p, v, v))

    def test_hessians_of_products(self):
        self.compare(lambda p, v: pa.func.hessian(lambda b: self.total({**p, "b": b}, v))(p["b"]))

    def test_taylor(self):
        self.compare(lambda p, v: pa.func.taylor(lambda p: self.product(p, v), p, v, 3))

    def test_recorded(self):
        def recorded(p, v):
            leaves = pa.tree.map(lambda a: a.detach().requires_grad_(), p)
            y = self.total(leaves, v)
            return pa.grad(y, pa.tree.leaves(leaves))

        self.compare(recorded)

    def test_checkpoint(self):
        x = points()
        self.compare(pa.func.hvp(lambda p: pa.checkpoint(network, p, x)))

    def test_within_the_function(self):
        """An inner gradient is read by the function itself."""
        x = points()

        def f(p):
            inner = pa.func.grad(lambda q: network(q, x))(p)
            return sum(pa.sum(g * g) for g in pa.tree.leaves(inner))

        self.compare(pa.func.hvp(f))


class TestSharedPoints:
    """A plan copies a point that others can write, so that ops on it are put off, too."""

    def test_the_same_bits(self):
        def f(x):
            return pa.sum(pa.sin(x[1:] * x[:-1]))

        data = np.random.default_rng(0).normal(size=50_000)
        shared, own = pa.asarray(data), pa.tensor(data)
        plan = pa.sparse.plan(f, own)
        before = data.copy()
        same(plan.hessian(shared).data, plan.hessian(own).data)
        same(data, before)
        data[:] = 1.0  # what comes later is seen
        same(plan.hessian(shared).data, plan.hessian(pa.ones(50_000)).data)
