"""Calls that are written down and run again: derivatives, arguments, results, memory, threads."""

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import hypothesis
import numpy as np
import pytest
from support.captured import frames, rosenbrock, same
from support.custom_functions import SineMapped
from support.processes import run_code
from support.random_libraries import our_library
from support.random_programs import programs

import pyautograd as pa


class TestDerivatives:
    @hypothesis.settings(max_examples=100)
    @hypothesis.given(programs())
    def test_random_programs(self, program):
        xs = [pa.tensor(x) for x in program.inputs()]
        f = pa.func.value_and_grad(
            lambda *xs: program(our_library(), *xs), argnums=tuple(range(len(xs)))
        )
        call = pa.captured(f)
        for scale in (1.0, -0.5, 0.0):
            points = [x * scale for x in xs]
            same(call(*points), f(*points), rtol=1e-8)

    @pytest.mark.parametrize("n", [2, 10, 30, 200, 700])
    def test_hessians(self, n):
        call = pa.captured(lambda x: pa.hessian(rosenbrock, x))
        for seed in range(3):
            x = pa.tensor(np.random.default_rng(seed).normal(size=n))
            same(call(x), pa.hessian(rosenbrock, x), rtol=1e-12)

    def test_blocks_in_passes(self):
        def loss(p):
            return pa.sum(pa.tanh(p["w"] @ p["v"] + p["b"]) ** 2)

        rng = np.random.default_rng(0)
        p = {name: pa.tensor(rng.normal(size=s)) for name, s in [("w", (9, 7)), ("v", 7), ("b", 9)]}
        bounded = {"memory": "40kB"}
        call = pa.captured(lambda p: pa.hessian(loss, p, **bounded))
        same(call(p), pa.hessian(loss, p, **bounded), rtol=1e-12)

    @pytest.mark.parametrize("transform", [pa.func.jacrev, pa.func.jacfwd, pa.func.hessian])
    def test_transforms(self, transform):
        def f(x):
            return pa.cumsum(pa.sin(x) * x[::-1])

        call = pa.captured(transform(f))
        for seed in range(2):
            x = pa.tensor(np.random.default_rng(seed).normal(size=5))
            same(call(x), transform(f)(x), rtol=1e-12)

    def test_per_sample_gradients(self):
        def loss(w, x):
            return pa.sum(pa.tanh(x @ w)) ** 2

        rng = np.random.default_rng(0)
        w, xs = pa.tensor(rng.normal(size=(3, 2))), pa.tensor(rng.normal(size=(6, 3)))
        f = pa.func.vmap(pa.func.grad(loss), in_axes=(None, 0))
        same(pa.captured(f)(w, xs), f(w, xs), rtol=1e-12)

    def test_backward_of_tensors_that_it_made(self):
        def f(x):
            y = x.detach().requires_grad_()
            pa.sum(y**3).backward()
            return y.grad

        call = pa.captured(f)
        for values in ([1.0, 2.0], [3.0, 4.0]):
            same(call(pa.tensor(values)), 3 * np.square(values))

    def test_custom_functions_and_checkpoints(self):
        def f(x):
            return pa.sum(pa.checkpoint(lambda y: SineMapped.apply(y * y), x))

        call = pa.captured(pa.func.grad(f))
        for seed in range(2):
            x = pa.tensor(np.random.default_rng(seed).normal(size=4))
            same(call(x), pa.func.grad(f)(x), rtol=1e-12)

    def test_sparse_plans(self):
        for n in (5, 100, 20_000):
            x = pa.tensor(np.random.default_rng(0).normal(size=n))
            plan = pa.sparse.plan(rosenbrock, x)
            fast = pa.sparse.plan(rosenbrock, x, captured=True)
            for y in (x, 2 * x, pa.asarray(x.numpy().copy())):
                same(fast.hessian(y).data, plan.hessian(y).data, rtol=1e-13)
                value, gradient, matrix = fast.value_grad_hessian(y)
                wanted = plan.value_grad_hessian(y)
                same((value, gradient, matrix.data), (*wanted[:2], wanted[2].data), rtol=1e-13)
            assert abs(fast.hessian(x) - plan.hessian(x)).max() == 0

    def test_sparse_plans_with_arguments(self):
        def lagrangian(x, multipliers):
            return pa.sum(x**4) + multipliers @ (x[1:] * x[:-1])

        plan = pa.sparse.plan(lagrangian, np.ones(3), np.ones(2), captured=True)
        for seed in range(2):
            x, m = np.random.default_rng(seed).normal(size=(2, 3))
            wanted = np.diag(12 * x**2) + np.diag(m[:2], 1) + np.diag(m[:2], -1)
            np.testing.assert_allclose(plan.hessian(x, m[:2]).toarray(), wanted)

    def test_sparse_jacobians(self):
        plan = pa.sparse.plan(lambda x: x[1:] * pa.sin(x[:-1]), pa.ones(6), captured=True)
        x = pa.tensor(np.random.default_rng(0).normal(size=6))
        values, matrix = plan.value_and_jacobian(x)
        same(values, x[1:] * pa.sin(x[:-1]))
        same(matrix.toarray(), pa.jacobian(lambda x: x[1:] * pa.sin(x[:-1]), x))


class TestCalls:
    """What decides which call is run, and what it takes and returns."""

    def test_nothing_is_run_again(self):
        runs = []

        def f(x):
            runs.append(x.shape)
            return x * 2

        call = pa.captured(f)
        for size in (1, 2, 1, 2, 1):
            same(call(pa.ones(size)), np.full(size, 2.0))
        assert runs == [(1,), (2,)]
        call.reset()
        call(pa.ones(1))
        assert runs == [(1,), (2,), (1,)]

    def test_trees_of_tensors_are_known_by_their_names_and_kinds(self):
        def f(p, rest):
            return {"sum": sum(pa.sum(x) for x in p["w"]) * rest[0], "first": p["w"][0] - p["b"]}

        call = pa.captured(f)
        x, y, b = pa.asarray([1.0, 2.0]), pa.asarray([3.0, 4.0]), pa.tensor(0.5)
        given = {"w": [x, y], "b": b}
        same(list(call(given, (b,)).values()), list(f(given, (b,)).values()))
        assert not {"_call", "flatten"} & {*frames(call, given, (b,))}
        others = [
            {"b": b, "w": [x, y]},
            {"w": (x, y), "b": b},
            {"w": [x, y, y], "b": b},
            {"w": [x, y], "b": 0.5},
            {"w": [x, y.numpy()], "b": b},
            {"w": [y, x], "b": y},
        ]
        for p in others:
            for _ in range(2):
                got, want = call(p, (b,)), f(p, (b,))
                assert [*got] == [*want]
                same([np.asarray(v) for v in got.values()], [np.asarray(v) for v in want.values()])

    def test_known_calls_go_without_python(self, monkeypatch):
        results = (pa.sin, lambda x: (pa.sin(x), 2 * x), lambda x: {"a": [pa.sin(x)], "b": 3})
        calls = [pa.captured(f) for f in results]
        x, other = pa.tensor([1.0, 2.0]), pa.tensor([1.0, 2.0, 3.0])
        expected = [(call(x), call(other)) for call in calls]
        asked = []
        slow = pa._captured.Captured._call
        monkeypatch.setattr(
            pa._captured.Captured,
            "_call",
            lambda self, *args, **kwargs: asked.append(1) or slow(self, *args, **kwargs),
        )
        for call, (first, second) in zip(calls, expected, strict=True):
            for _ in range(2):
                pa.tree.map(same, (call(x), call(other)), (first, second))
        assert not asked
        call(x=x)
        call(x.numpy())
        pa.func.grad(lambda t: pa.sum(calls[0](t * x)))(2.0)
        with pa.detect_anomaly():
            calls[0](x)
        assert asked == [1] * 4
        call.reset()
        assert call.ops() == []
        pa.tree.map(same, call(x), expected[-1][0])
        assert len(asked) == 5 and len(call.ops()) == 1

    def test_where_a_guard_holds_the_function_is_called(self):
        ran = []

        def norm(x):
            ran.append(1)
            return pa.func.grad(lambda x: pa.linalg.vector_norm(x) ** 2)(x)

        call = pa.captured(norm)
        for x in ([3.0, 4.0], [0.0, 0.0], [1.0, 0.0]):
            same(call(pa.tensor(x)), 2 * np.array(x))
        assert len(ran) == 2

    def test_copies_write_calls_down_for_themselves(self):
        call = pa.captured(pa.sin)
        same(call(pa.ones(2)), np.sin(np.ones(2)))
        other = copy.copy(call)
        assert other.ops() == []
        same(other(pa.ones(2)), call(pa.ones(2)))

    def test_dtypes(self):
        call = pa.captured(lambda x: x * 2)
        for dtype in ("int64", "float32", "complex128", "bfloat16"):
            x = pa.ones(3, dtype=dtype)
            assert call(x).dtype == x.dtype
        assert len(call.ops()) == 4

    def test_trees_arrays_and_keywords(self):
        def f(p, *, scale, power=2):
            return {"y": p["a"] ** power * scale, "n": power, "pair": (p["b"][0], None)}

        call = pa.captured(f)
        for k in (1.0, 2.0):
            p = {"a": np.full(2, k), "b": [pa.tensor(k)]}
            got = call(p, scale=np.float64(3.0))
            same(got["y"], np.full(2, 3 * k**2))
            assert got["n"] == 2 and got["pair"][1] is None
            same(got["pair"][0], k)
        same(call(p, scale=np.float64(3.0), power=3)["y"], np.full(2, 24.0))
        assert len(call.ops()) == 2

    def test_numbers_are_fixed(self):
        call = pa.captured(lambda x, k: x / k)
        assert call(pa.tensor(1.0), 0.0).item() == np.inf
        assert call(pa.tensor(1.0), -0.0).item() == -np.inf
        assert call(pa.tensor(1.0), 2).item() == 0.5
        assert len(call.ops()) == 3

    def test_methods_and_names(self):
        class Model:
            def __init__(self, k):
                self.k = k

            @pa.captured
            def scaled(self, x):
                """Times k."""
                return x * self.k

        assert Model.scaled.__doc__ == "Times k."
        assert Model(2.0).scaled(pa.tensor(3.0)).item() == 6.0
        assert Model(5.0).scaled(pa.tensor(3.0)).item() == 15.0
        call = pa.captured(abs)
        call(pa.tensor(-1.0))
        assert repr(call) == "<captured abs: 1 call of 1 ops>"

    def test_many_calls_are_warned_of(self):
        call = pa.captured(lambda x, k: x * k)
        with pytest.warns(UserWarning, match="pass numbers that change as arrays"):
            for k in range(20):
                call(pa.ones(2), k)

    def test_layouts(self):
        call = pa.captured(lambda x: pa.sum(x * x, axis=0) + x[0])
        rng = np.random.default_rng(0)
        whole, tall, wide = (rng.normal(size=shape) for shape in ((3, 4), (4, 3), (6, 8)))
        for x in (whole, tall.T, wide[::2, ::-2]):
            np.testing.assert_allclose(call(pa.asarray(x)).numpy(), (x * x).sum(0) + x[0])
        assert len(call.ops()) == 1

    def test_results_are_the_callers(self):
        call = pa.captured(lambda x: (x, pa.zeros(2), x.T, np.zeros(2)))
        x = pa.ones((2, 2))
        for _ in range(2):
            same_one, zeros, turned, numpys = call(x)
            same([zeros, numpys], [np.zeros(2), np.zeros(2)])
            zeros += 1
            numpys += 1
        x[0, 1] = 5.0  # views of the argument, as when it is called as it is
        assert same_one[0, 1] == 5.0 and turned[1, 0] == 5.0

    def test_large_arguments_are_returned_as_they_are(self):
        values = np.ones(100_000)
        (y,) = pa.captured(lambda x: (x,))(values)
        values[7] = 3.0
        assert y[7].item() == 3.0

    def test_gradients_share_no_memory(self):
        call = pa.captured(lambda x, y: pa.func.grad(lambda x, y: pa.sum(x + y), (0, 1))(x, y))
        gx, gy = call(pa.ones(3), pa.ones(3))
        gx += 1
        same(gy, np.ones(3))

    def test_what_nobody_reads_is_left_out(self):
        def f(x):
            pa.sin(x)
            return pa.func.grad(lambda y: pa.sum(pa.exp(y)))(x)

        call = pa.captured(f)
        call(pa.ones(2))
        assert "sin" not in call.ops()[0] and "sum" not in call.ops()[0]

    def test_a_list_of_tensors_is_stacked_without_casts(self):
        slope = pa.func.grad(lambda x: pa.sum(pa.asarray([x[0] * x[1], x[1]])))
        call = pa.captured(slope)
        assert call(pa.tensor([2.0, 3.0])).tolist() == [3.0, 3.0]
        assert "astype" not in call.ops()[0]

    def test_what_has_no_argument_is_done_once(self):
        call = pa.captured(lambda x: x + pa.cumsum(pa.arange(3.0)) * 2)
        same(call(pa.zeros(3)), [0.0, 2.0, 6.0])
        assert call.ops() == [["add"]]
        large = pa.captured(lambda x: x + pa.sum(pa.exp(pa.zeros(100_000))))
        assert large(pa.tensor(1.0)).item() == 100_001
        assert large.ops() == [["exp", "sum", "add"]]

    def test_index_arguments_are_checked(self):
        call = pa.captured(lambda x, i: x[i])
        x = pa.arange(5.0)
        same(call(x, pa.tensor([4, 0])), [4.0, 0.0])
        same(call(x, pa.tensor([1, 2])), [1.0, 2.0])
        with pytest.raises(IndexError, match="9 is out of bounds"):
            call(x, pa.tensor([9, 2]))
        one = pa.captured(lambda x, i: x[i])
        assert [one(x, pa.tensor(i)).item() for i in (0, 3, -1)] == [0.0, 3.0, 4.0]


class TestDifferentiated:
    """Derivatives of a captured function are those of the function."""

    def test_of_arguments(self):
        call = pa.captured(lambda x: pa.sum(x**3))
        x = pa.tensor([1.0, 2.0])
        call(x)
        same(pa.func.grad(call)(x), [3.0, 12.0])
        same(pa.hessian(call, x), np.diag([6.0, 12.0]))
        same(pa.func.vmap(call)(pa.ones((2, 3))), [3.0, 3.0])
        leaf = pa.tensor([1.0, 2.0], requires_grad=True)
        call(leaf).backward()
        same(leaf.grad, [3.0, 12.0])

    def test_within_each_other(self):
        inner = pa.captured(lambda x: x * x)
        outer = pa.captured(lambda x: pa.func.grad(lambda y: pa.sum(inner(y)))(x))
        same(outer(pa.tensor([3.0])), [6.0])
        assert inner.ops() == []

    def test_within_transforms_of_something_else(self):
        x = pa.tensor([0.3, 0.7])

        def of_constants(v):
            return pa.sum(pa.captured(pa.sin)(x) * v)

        slope = np.sum(np.sin(x.numpy()))
        same(pa.func.grad(of_constants)(pa.tensor(2.0)), slope, rtol=1e-14)
        same(pa.func.vmap(pa.func.grad(of_constants))(pa.ones(2)), [slope] * 2, rtol=1e-14)

        def of_both(v):
            return pa.sum(pa.captured(lambda y: y * v)(x))

        same(pa.func.jvp(of_both, (pa.tensor(2.0),), (pa.tensor(1.0),))[1], pa.sum(x), rtol=1e-14)
        same(pa.func.vmap(of_both)(pa.ones(2)), [pa.sum(x).item()] * 2, rtol=1e-14)
        with pytest.raises(RuntimeError, match="can be differentiated"):
            pa.func.grad(of_both)(pa.tensor(2.0))

    def test_under_a_memory_budget(self):
        x = pa.tensor(np.random.default_rng(0).normal(size=300))
        wanted = pa.func.hessian(rosenbrock)(x)
        call = pa.captured(pa.func.hessian(rosenbrock))
        with pa.memory_budget(pa.memory.live().bytes + 8_000_000):
            same(call(x), wanted)
        same(call(x), wanted)

        def within(x):
            with pa.memory_budget(pa.memory.live().bytes + 8_000_000):
                return pa.func.hessian(rosenbrock)(x)

        same(pa.captured(within)(x), wanted)

    def test_large_arguments_under_a_memory_budget(self):
        """The budget remembers where arrays were made that could be dropped: not those without
        numbers. (What would be overwritten shows to the sanitizers.)"""
        x = pa.tensor(np.random.default_rng(0).normal(size=50_000))
        kept = []

        def f(x):
            kept.append(pa.sin(x))
            return pa.sum(kept[-1] * x)

        with pa.memory_budget("100MB"):
            call = pa.captured(pa.func.value_and_grad(lambda x: pa.sum(pa.sin(x) * x)))
            same(call(x), (pa.sum(pa.sin(x) * x), pa.cos(x) * x + pa.sin(x)), rtol=1e-14)
            with pytest.raises(RuntimeError, match="keeps tensors"):
                pa.captured(f)(x)
            shape_only = pa.zeros_like(kept[0]) + 1.0
            assert pa.sum(shape_only).item() == 50_000

    def test_within_checkpoints(self):
        call = pa.captured(lambda x: pa.sin(x) * x)
        x = pa.tensor([0.3, 0.7])
        same(
            pa.func.grad(lambda x: pa.sum(pa.checkpoint(call, x)))(x),
            pa.func.grad(lambda x: pa.sum(pa.sin(x) * x))(x),
        )


class TestMemory:
    def test_nothing_is_left(self):
        x = pa.ones(10)
        call = pa.captured(lambda x: pa.hessian(rosenbrock, x))
        call(x)
        gc.collect()
        before = pa.memory.live()
        for _ in range(3):
            call(x)
        assert pa.memory.live() == before
        other = pa.captured(lambda x: pa.hessian(rosenbrock, x))
        other(x)
        del other
        gc.collect()
        assert pa.memory.live() == before

    def test_nothing_is_left_of_the_first_call_of_a_process(self):
        done = run_code("""
            import pyautograd as pa
            x = pa.ones(6)
            with pa.testing.assert_no_leak():
                pa.captured(lambda x: pa.sum(pa.sin(x[::2]) * x[1::2]))(x)
            """)
        assert done.returncode == 0, done.stderr

    def test_what_is_not_needed_is_not_kept(self):
        def f(x):
            pa.sum(pa.zeros(100_000) * x[0])
            return x + 1

        x = pa.ones(2)
        call = pa.captured(f)
        before = pa.memory.live().bytes
        call(x)
        gc.collect()
        assert pa.memory.live().bytes - before < 10_000

    def test_what_a_run_will_take_is_known(self):
        def f(x):
            before = pa._core.planned_bytes()
            y = x + x
            assert pa._core.planned_bytes() - before == x.nbytes
            del y
            assert pa._core.planned_bytes() == before
            return x

        pa.captured(f)(pa.ones(1000))

    def test_profiles_see_the_ops(self):
        call, x = pa.captured(lambda x: pa.sin(x) + pa.cos(x)), pa.ones(10)
        call(x)
        assert "3 operations" in repr(pa.memory.profile(lambda: call(x)))

    def test_functions_go(self):
        class Held:
            pass

        held = Held()
        call = pa.captured(lambda x, held=held: x + 1)
        call(pa.ones(1))
        gone = weakref.ref(held)
        del held, call
        gc.collect()
        assert gone() is None

    def test_numbers_go_as_soon_as_nobody_reads_them(self):
        def chain(x):
            for _ in range(50):
                x = pa.cumsum(x) * 0.5
            return x

        call = pa.captured(chain)
        x = pa.ones(100_000)
        call(x)
        pa.memory.reset_peak()
        before = pa.memory.live().bytes
        call(x)
        assert pa.memory.peak() - before < 6 * x.nbytes


def test_threads():
    call = pa.captured(lambda x: pa.hessian(rosenbrock, x))
    points = [pa.tensor(np.random.default_rng(s).normal(size=12)) for s in range(8)]
    wanted = [pa.hessian(rosenbrock, x) for x in points]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for got, want in zip(pool.map(call, points), wanted, strict=True):
                same(got, want, rtol=1e-13)
    assert len(call.ops()) == 1


def test_arguments_that_change_while_the_call_is_written_down():
    """Another thread may do so at any time, and a constant's hash in the middle."""
    given = {"x": pa.ones(1000)}

    class Meddler:
        def __hash__(self):
            given["x"] = pa.ones(3)
            return 0

    call = pa.captured(lambda given, meddler: pa.sum(given["x"] ** 2))
    assert call(given, Meddler()).item() == 1000.0


@pytest.mark.parametrize("index", [np.int64(1), np.int32(-1), np.uint8(1)])
def test_integers_of_numpy_are_integers(index):
    """They index views, as those of Python do, and not what a list would have to gather."""

    def slope(at):
        return lambda x: pa.func.grad(lambda x: pa.sum(x[:, at] * x[at] * x[0, at]))(x)

    x = pa.tensor(np.arange(4.0).reshape(2, 2))
    numpys, pythons = pa.captured(slope(index)), pa.captured(slope(int(index)))
    assert numpys(x).tolist() == pythons(x).tolist() == slope(index)(x).tolist()
    assert numpys.ops() == pythons.ops()
    with pytest.raises(IndexError, match="5 is out of bounds"):
        x[type(index)(5)]


@pytest.mark.parametrize("number", [np.float64(2), np.int64(3), np.float64(0.5)])
def test_numbers_of_numpy_are_constants(number):
    def slope(exponent):
        return lambda x: pa.func.grad(lambda x: pa.sum(exponent * x**exponent))(x)

    x = pa.tensor([0.5, 2.0])
    numpys, pythons = pa.captured(slope(number)), pa.captured(slope(number.item()))
    assert numpys(x).tolist() == pythons(x).tolist() == slope(number)(x).tolist()
    assert numpys.ops() == pythons.ops()


@pa.captured
def doubled(x):
    return 2 * x


class Model:
    def __init__(self):
        self.energy = pa.captured(rosenbrock)

    @pa.captured
    def scaled(self, x):
        return 3 * x


def test_pickles_and_deep_copies():
    """A decorated function goes by its name, another one is made again."""
    x = pa.ones(3)
    assert pickle.loads(pickle.dumps(doubled)) is doubled is copy.deepcopy(doubled)
    assert pickle.loads(pickle.dumps(Model.scaled)) is Model.scaled
    model = Model()
    same(model.energy(x), rosenbrock(x))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.energy is not model.energy
        same(other.energy(x), rosenbrock(x))
        same(other.scaled(x), 3 * x)
        same(copy.deepcopy(other.scaled)(x), 3 * x)
    with pytest.raises((pickle.PicklingError, AttributeError), match="[Cc]an't (pickle|get local)"):
        pickle.dumps(pa.captured(lambda x: x))
