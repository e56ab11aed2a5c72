"""Saved-tensor hooks: numbers go through them, derivatives do not, whatever transform records."""

import gc
import itertools

import numpy as np
import pytest
from records import DIFFERENTIABLE
from support.custom_functions import Sine
from support.modes import forward, reverse
from support.properties import scalars
from support.threads import run_in_threads

import pyautograd as pa

POINT = np.linspace(0.3, 1.2, 6)


def pack_copy(x):
    """What a hook may rely on: a plain array that nobody tracks."""
    assert not x.requires_grad and pa._core.depth(x) == 0
    return x.numpy().copy(order="K")


class Counted:
    """Hooks that copy, and count."""

    def __init__(self):
        self.packed = self.unpacked = 0

    def hooks(self):
        return pa.saved_tensors_hooks(self.pack, self.unpack)

    def pack(self, x):
        self.packed += 1
        return pack_copy(x)

    def unpack(self, array):
        self.unpacked += 1
        return pa.asarray(array)


def copying():
    return pa.saved_tensors_hooks(pack_copy, pa.asarray)


def f(x):
    """Saves inputs and outputs, views, constants and a scalar."""
    w = pa.asarray(np.linspace(-1, 1, 6))
    y = pa.tanh(x * w) * pa.exp(x[::-1])
    return pa.sum(pa.outer(y, x) @ pa.sin(y)) / pa.sum(x * x)


PROGRAMS = {
    "grad": lambda x: pa.func.grad(f)(x),
    "grad of grad": lambda x: pa.func.grad(lambda t: pa.sum(pa.func.grad(f)(t) ** 2))(x),
    "vmap of grad": lambda x: pa.func.vmap(pa.func.grad(f))(pa.stack([x, 2 * x, x - 1])),
    "grad of vmap": lambda x: pa.func.grad(
        lambda t: pa.sum(pa.func.vmap(lambda s: f(t * s))(pa.asarray(POINT[:3])))
    )(x),
    "jvp of grad": lambda x: pa.func.jvp(pa.func.grad(f), (x,), (pa.cos(x),))[1],
    "grad of jvp": lambda x: pa.func.grad(lambda t: pa.func.jvp(f, (t,), (pa.cos(t),))[1])(x),
    "hessian": lambda x: pa.hessian(f, x),
    "jacfwd of jacrev": lambda x: pa.func.jacfwd(pa.func.jacrev(f))(x),
    "jacrev of jacfwd": lambda x: pa.func.jacrev(pa.func.jacfwd(f))(x),
    "vmap of jvp of grad": lambda x: pa.func.vmap(
        lambda v: pa.func.jvp(pa.func.grad(f), (x,), (v,))[1]
    )(pa.eye(6)),
    "jvp of vmap of grad": lambda x: pa.func.jvp(
        pa.func.vmap(pa.func.grad(f)), (pa.stack([x, x + 1]),), (pa.ones((2, 6)),)
    )[1],
    "grad of vmap of grad": lambda x: pa.func.grad(
        lambda t: pa.sum(pa.func.vmap(pa.func.grad(f))(pa.stack([t, t * t])) ** 2)
    )(x),
    "third order": lambda x: pa.func.jvp(pa.func.hessian(f), (x,), (x,))[1],
    "custom function": lambda x: pa.func.grad(
        lambda t: pa.sum(pa.func.grad(lambda s: pa.sum(Sine.apply(s) * s))(t) ** 2)
    )(x),
    "create_graph": lambda x: recorded_twice(x),
}


def recorded_twice(x):
    leaf = pa.tensor(x.numpy(), requires_grad=True)
    (g,) = pa.grad(f(leaf), leaf, create_graph=True)
    return pa.grad(pa.sum(g * g), leaf)[0]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.usefixtures("no_leak")
def test_every_transform_has_the_same_bits(name):
    x = pa.tensor(POINT)
    plain = PROGRAMS[name](x).numpy()
    counted = Counted()
    with counted.hooks():
        hooked = PROGRAMS[name](x).numpy()
    np.testing.assert_array_equal(hooked, plain)
    assert counted.packed > 0 and counted.unpacked > 0


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
def test_every_op_has_the_same_bits(record):
    def derivatives(g):
        directions = [g.direction() for _ in range(2)]
        for modes in itertools.product((forward, reverse), repeat=2):
            h = g
            for mode, vs in zip(modes, directions, strict=True):
                h = mode(h, vs)
            yield h(*map(pa.tensor, g.point)).numpy()

    for g in itertools.islice(scalars(record), 2):
        g.rng = np.random.default_rng(3)
        plain = list(derivatives(g))
        g.rng = np.random.default_rng(3)
        with copying():
            hooked = list(derivatives(g))
        for a, b in zip(plain, hooked, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_derivative_reads_what_unpack_returns():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    with pa.saved_tensors_hooks(lambda t: t, lambda t: t * 10):
        y = pa.sum(x * x)
    y.backward()
    assert x.grad.tolist() == [20.0, 40.0]


def test_inside_a_vmap_the_mapped_dimension_arrives():
    seen = []
    hooks = pa.saved_tensors_hooks(lambda x: seen.append(x.shape) or x, lambda x: x)
    with hooks:
        pa.func.vmap(pa.func.grad(lambda t: pa.sum(pa.exp(t))))(pa.ones((5, 3)))
    assert (5, 3) in seen


def test_inside_a_jvp_primal_and_tangent_arrive_one_by_one():
    seen = []
    hooks = pa.saved_tensors_hooks(lambda x: seen.append(x.tolist()) or x, lambda x: x)
    with hooks:
        pa.func.jvp(pa.func.grad(lambda t: t**3), (pa.tensor(2.0),), (pa.tensor(0.5),))
    assert 2.0 in seen and 0.5 in seen


def test_an_array_that_many_operations_save_is_packed_once():
    x = pa.tensor(POINT, requires_grad=True)
    counted = Counted()
    with counted.hooks():
        y = pa.exp(x)  # saves its result,
        z = pa.sum(y * y) + pa.sum(pa.sin(y))  # and so do these
    assert counted.packed == 1
    z.backward()
    assert counted.unpacked == 4
    np.testing.assert_allclose(x.grad, np.exp(POINT) * (2 * np.exp(POINT) + np.cos(np.exp(POINT))))


def test_what_was_written_in_between_is_packed_again():
    x = pa.tensor(POINT, requires_grad=True)
    c = pa.tensor(POINT)
    counted = Counted()
    with counted.hooks():
        y = x * c
        c[0] = 7.0
        z = x * c
    assert counted.packed == 2
    pa.sum(y + z).backward()
    assert x.grad.tolist() == (POINT + np.r_[7.0, POINT[1:]]).tolist()


def test_retained_graphs_unpack_again():
    x = pa.tensor(POINT, requires_grad=True)
    counted = Counted()
    with counted.hooks():
        y = pa.sum(pa.exp(x))
    for _ in range(3):
        y.backward(retain_graph=True)
    assert counted.unpacked == 3
    np.testing.assert_allclose(x.grad, 3 * np.exp(POINT))


def test_the_innermost_block_acts():
    outer, inner = Counted(), Counted()
    x = pa.tensor(POINT, requires_grad=True)
    with outer.hooks():
        with inner.hooks():
            y = pa.exp(x)
        z = pa.sin(y)
    pa.sum(z).backward()
    assert (outer.packed, inner.packed) == (1, 1)
    assert (outer.unpacked, inner.unpacked) == (1, 1)


def test_one_context_may_be_entered_again():
    x = pa.tensor(POINT, requires_grad=True)
    counted = Counted()
    hooks = counted.hooks()
    with hooks, hooks:
        y = pa.exp(x)
    z = pa.exp(x)
    pa.sum(y + z).backward()
    assert counted.packed == 1


def test_hooks_act_on_the_thread_that_entered():
    counted = Counted()
    x = pa.tensor(POINT, requires_grad=True)
    with counted.hooks():
        (y,) = run_in_threads(lambda _: pa.exp(x), 1)
    assert counted.packed == 0
    pa.sum(y).backward()


def test_hooks_may_compute_and_nothing_of_it_is_recorded():
    def pack(x):
        y = pa.sin(x) * pa.exp(x)
        assert not y.requires_grad
        t = pa.tensor([1.0, 2.0], requires_grad=True)
        with pa.enable_grad():
            assert pa.grad(pa.sum(t * t), t)[0].tolist() == [2.0, 4.0]
        return x.numpy().copy()

    x = pa.tensor(POINT, requires_grad=True)
    with pa.saved_tensors_hooks(pack, pa.asarray):
        y = pa.sum(pa.exp(x) * x)
    y.backward()
    np.testing.assert_allclose(x.grad, np.exp(POINT) * (1 + POINT))


def test_what_unpack_tracks_is_not_followed():
    parameter = pa.tensor(POINT, requires_grad=True)
    x = pa.tensor(POINT, requires_grad=True)
    with pa.saved_tensors_hooks(lambda t: None, lambda _: parameter):
        y = pa.sum(pa.exp(x))
    y.backward()
    assert x.grad.tolist() == POINT.tolist() and parameter.grad is None


class TestVersions:
    """A packed copy is independent of later writes; anything else is checked as without hooks."""

    def program(self, pack, unpack):
        x = pa.tensor(POINT, requires_grad=True)
        c = pa.tensor(POINT)
        with pa.saved_tensors_hooks(pack, unpack):
            y = pa.sum(x * c)
        c += 1
        y.backward()
        return x.grad.tolist()

    def test_a_copy(self):
        assert self.program(pack_copy, pa.asarray) == POINT.tolist()

    @pytest.mark.parametrize(
        "pack, unpack",
        [
            (lambda x: x, lambda x: x),
            (lambda x: (x, "with something"), lambda p: p[0]),
            (lambda x: x[::-1], lambda x: x[::-1]),
            (lambda x: x.numpy(), pa.asarray),
        ],
        ids=["argument", "in a tuple", "view", "shared array"],
    )
    def test_what_shares_memory(self, pack, unpack):
        with pytest.raises(RuntimeError, match="modified in place"):
            self.program(pack, unpack)

    def test_unpack_may_still_make_another_value_of_it(self):
        got = self.program(lambda x: (x, x.numpy().copy()), lambda p: pa.asarray(p[1]))
        assert got == POINT.tolist()

    def test_a_recorded_write_does_not_meet_the_packed_value(self):
        x = pa.tensor(POINT, requires_grad=True)
        with pa.saved_tensors_hooks(lambda t: t, lambda t: t):
            y = pa.exp(x)
            y += x
            pa.sum(y * y).backward()
        want = 2 * (np.exp(POINT) + POINT) * (np.exp(POINT) + 1)
        np.testing.assert_allclose(x.grad, want)


class TestBadHooks:
    @pytest.mark.parametrize(
        "unpack, error, words",
        [
            (lambda x: x[1:], ValueError, r"\[saved_tensors_hooks\] unpack returned shape \(5,\)"),
            (lambda x: pa.astype(x, "float32"), ValueError, "dtype float32 for a value that"),
            (lambda x: x.numpy(), TypeError, "must return a tensor, not numpy.ndarray"),
            (lambda x: None, TypeError, "must return a tensor, not NoneType"),
        ],
    )
    @pytest.mark.usefixtures("no_leak")
    def test_unpack_returns_the_wrong_thing(self, unpack, error, words):
        x = pa.tensor(POINT, requires_grad=True)
        with pa.saved_tensors_hooks(lambda t: t, unpack):
            y = pa.sum(pa.exp(x))
        with pytest.raises(error, match=words):
            y.backward()
        assert x.grad is None

    def test_unpack_returns_a_tensor_of_a_transform(self):
        def program(v):
            x = pa.tensor(1.0, requires_grad=True)
            with pa.saved_tensors_hooks(lambda t: None, lambda _: v):
                y = pa.exp(x)
            y.backward()
            return v

        with pytest.raises(TypeError, match="unpack returned a tensor of a running vmap"):
            pa.func.vmap(program)(pa.ones(3))

    @pytest.mark.usefixtures("no_leak")
    def test_a_pass_that_keeps_its_graph_runs_again_after_unpack_has_raised(self):
        broken = True

        def unpack(x):
            if broken:
                raise KeyError("from the hook")
            return x

        x = pa.tensor(POINT, requires_grad=True)
        y = pa.exp(x)
        with pa.saved_tensors_hooks(lambda t: t, unpack):
            z = pa.sum(pa.sin(y) ** 2)
        with pytest.raises(KeyError, match="from the hook"):
            z.backward(retain_graph=True)
        assert x.grad is None
        broken = False
        z.backward()
        np.testing.assert_allclose(x.grad, np.sin(2 * np.exp(POINT)) * np.exp(POINT))

    @pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, MemoryError])
    @pytest.mark.usefixtures("no_leak")
    def test_hooks_that_raise(self, error):
        def fail(_):
            raise error("from the hook")

        x = pa.tensor(POINT, requires_grad=True)
        with pytest.raises(error, match="from the hook"), pa.saved_tensors_hooks(fail, fail):
            pa.exp(x)
        with pa.saved_tensors_hooks(lambda t: t, fail):
            y = pa.sum(pa.exp(x))
        with pytest.raises(error, match="from the hook"):
            y.backward(retain_graph=True)
        assert x.grad is None and pa.is_grad_enabled()
        counted = Counted()
        with counted.hooks():
            z = pa.sum(pa.exp(x))
        assert counted.packed == 1
        z.backward()
        np.testing.assert_allclose(x.grad, np.exp(POINT))

    def test_no_function(self):
        with pytest.raises(TypeError, match="must be callable, got int"):
            pa.saved_tensors_hooks(1, pa.asarray)


class Product(pa.Function):
    """Saves an intermediate result, too."""

    @staticmethod
    def forward(ctx, x):
        y = pa.exp(x)
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * (y + x * y)


def test_custom_functions():
    x = pa.tensor(POINT, requires_grad=True)
    counted = Counted()
    with counted.hooks():
        y = pa.sum(Product.apply(x))
    assert counted.packed == 2
    y.backward()
    assert counted.unpacked == 2
    np.testing.assert_allclose(x.grad, np.exp(POINT) * (1 + POINT))


def test_hooks_of_a_custom_function_keep_its_second_derivative():
    x = pa.tensor(POINT, requires_grad=True)
    with copying():
        (g,) = pa.grad(pa.sum(Sine.apply(x) * x), x, create_graph=True)
        (h,) = pa.grad(pa.sum(g), x)
    np.testing.assert_allclose(h, 2 * np.cos(POINT) - POINT * np.sin(POINT))


def test_a_singular_derivative_keeps_its_origin():
    """norm(x)**2 at 0 has the Hessian 2I."""
    square = lambda x: pa.linalg.norm(x) ** 2  # noqa: E731
    with copying():
        assert pa.hessian(square, pa.zeros(3)).tolist() == (2 * np.eye(3)).tolist()


class TestOwnership:
    """Hooks and what they packed are freed with the graph; cycles through them are collected."""

    def collected(self, program):
        program()
        gc.collect()
        gc.disable()
        try:
            before = pa.memory.live()
            program()
            gc.collect()
            assert pa.memory.live() == before
        finally:
            gc.enable()

    def test_a_packed_object_that_holds_the_result(self):
        def program():
            box = []
            x = pa.tensor(POINT, requires_grad=True)
            with pa.saved_tensors_hooks(lambda t: box, lambda b: b[0]):
                y = pa.exp(x)
            box.append(y)

        self.collected(program)

    def test_a_shared_packing_that_holds_the_result(self):
        def program():
            box = []
            x = pa.tensor(POINT, requires_grad=True)
            with pa.saved_tensors_hooks(lambda t: box, lambda b: b[0]):
                y = pa.exp(x)
                z = y * pa.sin(y)
            box.append(z)

        self.collected(program)

    def test_an_unpack_that_holds_the_result(self):
        def program():
            x = pa.tensor(POINT, requires_grad=True)
            held = {}
            with pa.saved_tensors_hooks(pack_copy, lambda a: held["y"]):
                held["y"] = pa.exp(x)

        self.collected(program)

    def test_a_custom_function_whose_intermediate_holds_the_result(self):
        def program():
            box = []
            x = pa.tensor(POINT, requires_grad=True)
            with pa.saved_tensors_hooks(lambda t: box, lambda b: b[0]):
                box.append(Product.apply(x))

        self.collected(program)

    @pytest.mark.usefixtures("no_leak")
    def test_released_off_the_gil(self):
        x = pa.tensor(np.ones(200_000), requires_grad=True)
        with copying():
            y = pa.sum(pa.exp(pa.sin(x)))
        y.backward()
        del y, x
        gc.collect()
        assert pa._core.pack_saved(pa.ones(3)) is None

    @pytest.mark.usefixtures("no_leak")
    def test_freed_as_backward_proceeds(self):
        alive = []
        x = pa.tensor(POINT, requires_grad=True)

        class Box:
            def __init__(self, t):
                self.array = t.numpy().copy()
                alive.append(1)

            def __del__(self):
                alive.pop()

        with pa.saved_tensors_hooks(Box, lambda b: pa.asarray(b.array)):
            y = pa.exp(x)
            y.register_hook(lambda g: counts.append(len(alive)))
            z = pa.sum(pa.sin(pa.sin(y)))
        counts = []
        z.backward()
        assert counts == [1] and alive == []
