"""Ops that are put off and run together: the same numbers, less memory, and nobody notices."""

from concurrent.futures import ThreadPoolExecutor

import hypothesis
import numpy as np
import pytest
from records import CASES, DIFFERENTIABLE
from support.modes import forward, reverse
from support.properties import scalars
from support.random_libraries import our_library
from support.random_programs import programs
from support.threads import run_in_threads

import pyautograd as pa

N = 40_000  # more than the least that is put off


@pytest.fixture
def everything():
    """However small it is."""
    former = pa._core.set_least_deferred(1)
    yield
    pa._core.set_least_deferred(former)


def one_by_one(compute):
    """Without putting anything off."""
    former = pa._core.set_least_deferred(1 << 60)
    try:
        return compute()
    finally:
        pa._core.set_least_deferred(former)


def same(got, want):
    got, want = np.asarray(got), np.asarray(want)
    np.testing.assert_array_equal(got, want)
    if want.dtype.kind == "f" and got.dtype == want.dtype:
        zeros = want == 0
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(want[zeros]))


def formula(x):
    y = pa.tanh(x * x + 1.0) - x
    return pa.where(y > 0.5, y, pa.exp(y)) / (1.0 + x * x)


def factors(rng, n):
    """A shape of n elements."""
    shape = []
    while n > 1 and len(shape) < 3:
        shape.append(int(rng.choice([d for d in range(1, 200) if n % d == 0])))
        n //= shape[-1]
    return (*shape, n)


def random_views(rng, steps=25):
    """What a program makes that reads its results in other shapes, orders and parts, and writes."""
    n = int(rng.choice([384 * 16, 5040, 3**7]))
    xs = [pa.tensor(rng.normal(size=factors(rng, n)))]
    for _ in range(steps):
        x = xs[rng.integers(len(xs))]
        kind = rng.integers(8)
        if kind == 0:
            y = x.reshape(factors(rng, x.size))
        elif kind == 1:
            y = pa.permute_dims(x, tuple(rng.permutation(x.ndim).tolist()))
        elif kind == 2:
            lengths = [k if rng.random() < 0.5 else 1 for k in x.shape]
            y = x * pa.tensor(rng.normal(size=lengths[rng.integers(x.ndim) :]))
        elif kind == 3:
            others = [z for z in xs if z.size == x.size]
            y = x + others[rng.integers(len(others))].reshape(x.shape)
        elif kind == 4:
            y = pa.flip(x, axis=int(rng.integers(x.ndim))) * 0.5
        elif kind == 5:
            y = x[tuple(slice(int(rng.integers(2)), None, 1 + rng.integers(2)) for _ in x.shape)]
        elif kind == 6:
            y = pa.where(x > 0.0, x, -x)
        else:
            x += 1.0
            y = pa.stack([x, x * x]) if x.size <= n else x * x
        if y.size:
            xs.append(y)
    return xs


@pytest.mark.usefixtures("everything")
class TestEveryOp:
    @pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
    def test_values_have_the_same_bits(self, record):
        def scaled(xs):  # an op in front and one behind
            return [x * 1 if x.dtype.kind in "fc" else x for x in xs]

        for sample in record.calls():
            xs = [pa.tensor(a) for a in sample.arrays]

            def compute(sample=sample, xs=xs):
                return scaled(record.call(sample, scaled(xs)))

            with pa.fused():
                got = compute()
            for y, want in zip(got, one_by_one(compute), strict=True):
                same(y, want)

    @pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
    def test_derivatives_have_the_same_bits(self, record):
        for f in scalars(record):
            xs = [pa.tensor(x) for x in f.point]
            v, w = f.direction(), f.direction()
            for derivative in (reverse(f, v), forward(f, v), reverse(reverse(f, v), w)):
                with pa.fused():
                    got = derivative(*xs)
                same(got, one_by_one(lambda d=derivative, xs=xs: d(*xs)))

    @hypothesis.settings(max_examples=100)
    @hypothesis.given(programs())
    def test_random_programs(self, program):
        xs = [pa.tensor(x) for x in program.inputs()]
        numbers = tuple(range(len(xs)))
        f = pa.func.value_and_grad(lambda *xs: program(our_library(), *xs), argnums=numbers)
        with pa.fused():
            value, gradients = f(*xs)
        wanted_value, wanted = one_by_one(lambda: f(*xs))
        same(value, wanted_value)
        for g, w in zip(gradients, wanted, strict=True):
            same(g, w)


class TestLayouts:
    """What a program reads need not lie row by row."""

    @pytest.mark.parametrize("shape", [(N,), (200, 300), (20, 30, 70), (3, 20_000), (20_000, 3)])
    def test_views_and_broadcasting(self, shape):
        rng = np.random.default_rng(0)
        a = pa.tensor(rng.normal(size=shape))
        double = pa.tensor(rng.normal(size=tuple(2 * n for n in shape)))
        others = [
            pa.tensor(rng.normal(size=shape[-1:])),
            pa.tensor(rng.normal(size=(*shape[:-1], 1))),
            pa.transpose(pa.tensor(rng.normal(size=shape[::-1]))),
            pa.flip(pa.tensor(rng.normal(size=shape))),
            double[(slice(None, None, 2),) * len(shape)],
            double[tuple(slice(1, n + 1) for n in shape)],
            pa.broadcast_to(pa.tensor(rng.normal(size=1)), shape),
            0.25,
        ]
        for b in others:

            def compute(b=b):
                return pa.exp(-a * a) + b * a

            with pa.fused():
                got = compute()
            same(got, one_by_one(compute))

    @pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int64", "int8", "bool"])
    def test_dtypes(self, dtype):
        x = pa.tensor(np.arange(N) % 5, dtype=dtype)

        def compute():
            y = x + x
            return y, y * x, pa.equal(y, x), pa.where(x == 2, y, x)

        with pa.fused():
            got = compute()
        for y, want in zip(got, one_by_one(compute), strict=True):
            assert y.dtype == want.dtype
            same(y, want)

    @pytest.mark.parametrize("n", [600_001, 1 << 20])
    def test_more_than_a_cache_holds(self, n):
        rng = np.random.default_rng(4)
        x, y = (pa.tensor(rng.normal(size=n)) for _ in range(2))

        def compute():
            u = x * y - x
            return u, pa.where(u > 0, u * y, x + 1.0)

        with pa.fused():
            got = compute()
        for z, want in zip(got, one_by_one(compute), strict=True):
            same(z, want)

    @pytest.mark.parametrize("lengths", [(128, 3), (3, 128), (128, 64), (5, 3), (16, 6, 96)])
    def test_rows_of_several_lengths_that_repeat(self, lengths):
        rng = np.random.default_rng(3)
        x = pa.tensor(rng.normal(size=15 * 128 * 26))
        rows = [pa.tensor(rng.normal(size=n)) for n in lengths]

        def compute():
            y = x
            for row in rows:
                y = (y.reshape(-1, row.size) * row).reshape(-1)
            return y

        with pa.fused():
            got = compute()
        same(got, one_by_one(compute))

    def test_views_of_what_is_not_computed_yet(self):
        x = pa.tensor(np.random.default_rng(1).normal(size=(300, 200)))

        def compute():
            y = x * x
            return (y.T + 1.0, y[1:] - y[:-1], y.reshape(-1) * 2.0, y[:, ::-1] * y, y[0] + 1.0)

        with pa.fused():
            got = compute()
        for y, want in zip(got, one_by_one(compute), strict=True):
            same(y, want)

    @pytest.mark.parametrize(
        "index",
        [
            np.s_[1:],
            np.s_[:-1],
            np.s_[10:20],
            np.s_[::3],
            np.s_[:, 1:-1],
            np.s_[2:-2, 3:-4],
            np.s_[5],
            np.s_[:, 7],
            np.s_[5::7, 2::5],
            np.s_[::-1],
            np.s_[0:0],
            np.s_[-1:, -1:],
        ],
        ids=str,
    )
    def test_slices_that_are_padded_and_written(self, index):
        rng = np.random.default_rng(2)
        x, y = pa.tensor(rng.normal(size=(300, 200))), pa.tensor(rng.normal(size=(300, 200)))

        def loss(x):
            z = pa.sin(x)
            written = z * 2.0
            written[index] = pa.cos(y[index]) * z[index]
            return pa.sum(written * y)

        with pa.fused():
            got = pa.func.grad(loss)(x)
        same(got, one_by_one(lambda: pa.func.grad(loss)(x)))

    @pytest.mark.parametrize("columns", [2, 100, 1000])
    def test_views_that_are_padded_and_written(self, columns):
        rng = np.random.default_rng(4)
        rows = 40_000 // columns
        x = pa.tensor(rng.normal(size=(rows + 5, columns)))
        wide = pa.tensor(rng.normal(size=(2 * rows, columns + 3)))
        views = [
            wide[:rows, 2:-1],
            wide[::2, 3:],
            pa.broadcast_to(wide[0, 1:-2], (rows, columns)),
            pa.broadcast_to(wide[:rows, :1], (rows, columns)),
            pa.tensor(rng.normal(size=(columns, rows))).T,
        ]
        for view in views:
            for span in (np.s_[2:-3], np.s_[5:]):

                def padded(x, view=view, span=span):
                    y, pull = pa.func.vjp(lambda x: x[span], x)
                    return pull(view)[0] * x + 1.0

                def written(x, view=view, span=span):
                    y = x * 2.0
                    y[span] = view
                    return pa.sum((y + x) ** 2)

                for f in (padded, pa.func.grad(written)):
                    with pa.fused():
                        got = f(x)
                    same(got, one_by_one(lambda f=f: f(x)))

    def test_a_chain_of_views(self):
        x = pa.tensor(np.random.default_rng(6).normal(size=N))

        def compute():
            y = x * 2.0
            for _ in range(6):
                y = pa.flip(y) * 2.0
            return y

        with pa.fused():
            got = compute()
        same(got, one_by_one(compute))

    def test_numbers_in_the_place_of_arrays(self):
        x = pa.tensor(np.random.default_rng(5).normal(size=(200, 300)))
        for condition in (True, False):
            whole = pa.broadcast_to(pa.tensor(condition), x.shape)
            two, three = pa.broadcast_to(pa.tensor(2.0), x.shape), pa.tensor(3.0)

            def compute(whole=whole, two=two, three=three):
                y = x * 2.0
                return [
                    pa.where(whole, y, x),
                    pa.where(whole, two, y),
                    pa.where(y > 0.0, two, three),
                    pa.where(whole, three, two) + y,
                    pa.exp(two) * y,
                ]

            with pa.fused():
                got = compute()
            for y, want in zip(got, one_by_one(compute), strict=True):
                same(y, want)

    @pytest.mark.parametrize("least", [1, 100])
    def test_gradients_of_transposed_arrays(self, least):
        """Cotangents are added where the first one lies, if their sum would lie there, too."""
        x = pa.tensor(np.random.default_rng(0).normal(size=(200, 14))).T

        def loss(x):
            rows = pa.min(x, axis=1, keepdims=True)
            apart = rows.astype(pa.float32) - x + rows
            return pa.sum(pa.sin(apart)) + pa.sum(pa.sin(apart.copy())) + pa.sum(pa.cos(x) * apart)

        wanted = one_by_one(lambda: pa.func.grad(loss)(x))
        former = pa._core.set_least_deferred(least)
        try:
            got = pa.func.grad(loss)(x)
        finally:
            pa._core.set_least_deferred(former)
        assert got.__array__().strides == wanted.__array__().strides
        same(got, wanted)

    @pytest.mark.parametrize("seed", range(40))
    @pytest.mark.usefixtures("everything")
    def test_random_programs_of_views(self, seed):
        def compute():
            return random_views(np.random.default_rng(seed))

        with pa.fused():
            got = compute()
        for y, want in zip(got, one_by_one(compute), strict=True):
            same(y, want)


class TestWriting:
    """Nothing reads memory that was written in the meantime."""

    def setup_method(self):
        self.x = pa.tensor(np.linspace(-1.0, 1.0, N))
        self.want = self.x.numpy() * 3.0

    def teardown_method(self):
        del self.x  # which would live as long as the collected tests

    def test_an_input(self):
        with pa.fused():
            y = self.x * 3.0
            self.x[:100] = 7.0
            z = self.x * 1.0
        same(y, self.want)
        assert z[0].item() == 7.0

    def test_an_input_through_a_view(self):
        view = self.x[10:]
        with pa.fused():
            y = self.x * 3.0
            view += 1.0
        same(y, self.want)

    def test_a_result(self):
        with pa.fused():
            y = self.x * 3.0
            z = y + 1.0
            y[0] = 5.0
        same(z, self.want + 1.0)
        assert y[0].item() == 5.0
        same(y[1:], self.want[1:])

    def test_memory_of_numpy(self):
        array = np.linspace(-1.0, 1.0, N)
        x = pa.from_numpy(array)
        with pa.fused():
            y = x * 3.0
            array[:] = 0.0
        same(y, self.want)

    @pytest.mark.parametrize("export", [np.asarray, np.from_dlpack, lambda x: x.numpy()])
    def test_memory_handed_to_numpy(self, export):
        with pa.fused():
            y = self.x * 3.0
            array = export(self.x)
            if array.flags.writeable:
                array[:] = 0.0
        same(y, self.want)

    def test_versions_are_still_checked(self):
        x = pa.tensor(np.ones(N), requires_grad=True)
        with pa.fused():
            y = x * 2.0
            z = pa.sum(y * y)
            with pa.no_grad():
                y += 1.0
            with pytest.raises(RuntimeError, match="modified in place"):
                z.backward()


class TestScope:
    def test_memory(self):
        """A chain needs its input and its result."""
        x = pa.ones(1_000_000)
        pa.memory.reset_peak()
        before = pa.memory.live().bytes
        with pa.fused():
            y = formula(x)
        assert pa.memory.peak() - before == 8_000_000
        same(y[:10], formula(x[:10]))

    def test_memory_of_conversions(self):
        x = pa.ones(1_000_000)
        pa.memory.reset_peak()
        before = pa.memory.live().bytes
        with pa.fused():
            y = (x.astype(pa.float32) * 2.0).astype(pa.float64) + x
        assert pa.memory.peak() - before == 8_000_000
        same(y, np.full(1_000_000, 3.0))

    def test_what_nobody_asks_for_is_not_computed(self):
        x = pa.ones(1_000_000)
        pa.memory.reset_peak()
        before = pa.memory.live().bytes
        with pa.fused():
            formula(x)
        assert pa.memory.peak() == before

    def test_a_sum_waits_with_what_it_reads(self):
        x = pa.ones(1_000_000)
        pa.memory.reset_peak()
        before = pa.memory.live().bytes
        with pa.fused():
            pa.sum(formula(x))
        assert pa.memory.peak() - before < 1000
        with pa.fused():
            sums = pa.sum(x * x), pa.sum(x + x)
            first = sums[0].item()  # all that waits is done with it
            assert pa.memory.live().bytes - before < 1000
        assert (first, sums[1].item()) == (1e6, 2e6)

    def test_a_gradient_is_one_program_with_its_function(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, 1_000_000))

        def f(x):
            return pa.sum(pa.sin(x * x) * x)

        for derivative in (pa.func.grad(f), pa.func.value_and_grad(f)):
            pa.memory.reset_peak()
            before = pa.memory.live().bytes
            derivative(x)
            assert pa.memory.peak() - before < 2 * 8_000_000 + 1000

    def test_a_backward_pass_alone(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N), requires_grad=True)
        loss = pa.sum(formula(x))
        loss.backward(retain_graph=True)
        got, x.grad = x.grad, None
        one_by_one(lambda: loss.backward())
        same(got, x.grad)

    def test_values_are_there_when_asked_for(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N))
        with pa.fused():
            y = x * x
            assert y[0].item() == 4.0
            assert pa.max(y).item() == 4.0
            assert "4." in repr(y)
            assert float(pa.sum(y * y)) > 0
            assert y.tolist()[-1] == 4.0

    def test_branches_on_values(self):
        def f(x):
            y = x * 2.0
            return pa.sum(y * y) if pa.sum(y) > 0 else pa.sum(pa.sin(y))

        for sign in (1.0, -1.0):
            x = pa.full((N,), sign)
            same(pa.func.grad(f)(x), one_by_one(lambda x=x: pa.func.grad(f)(x)))

    def test_more_than_is_put_off_at_once(self):
        x = pa.tensor(np.linspace(0.5, 1.5, N))

        def compute():
            y = x
            for _ in range(1000):
                y = pa.sqrt(y * 1.5)
            return y

        with pa.fused():
            got = compute()
        same(got, one_by_one(compute))

    def test_nested_and_decorated(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N))

        @pa.fused
        def inner(x):
            with pa.fused():
                return formula(x)

        with pa.fused():
            got = inner(x)
        same(got, one_by_one(lambda: formula(x)))
        same(inner(x), got)

    def test_an_exception_leaves_the_block(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N))
        kept = []
        with pytest.raises(KeyError), pa.fused():
            kept.append(x * 2.0)
            raise KeyError
        same(kept[0], x.numpy() * 2.0)
        before = pa.memory.live().bytes
        y = x * 2.0
        assert pa.memory.live().bytes > before
        del y

    def test_other_threads_read_what_is_not_computed_yet(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N))
        want = one_by_one(lambda: pa.sum(formula(x)).item())
        with pa.fused(), ThreadPoolExecutor(8) as pool:
            ys = [formula(x) for _ in range(8)]
            reading = pool.map(lambda y: pa.sum(y).item(), ys)
            more = [formula(x) for _ in range(8)]
            found = list(reading)
        assert found == [want] * 8
        assert all(pa.sum(y).item() == want for y in more)

    def test_scopes_in_many_threads(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N))
        want = one_by_one(lambda: pa.func.grad(lambda x: pa.sum(formula(x)))(x)).numpy()

        def work(_):
            for _ in range(20):
                with pa.fused():
                    got = pa.func.grad(lambda x: pa.sum(formula(x)))(x)
                np.testing.assert_array_equal(got, want)

        run_in_threads(work, 4)

    def test_under_a_budget_nothing_is_put_off(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N))
        want = one_by_one(lambda: formula(x))
        with pa.fused():
            before = x * 1.0
            with pa.memory_budget("100MB"):
                got = formula(before)
        same(got, want)

    def test_lack_of_memory(self):
        """Whoever asks for the numbers gets the error, and may ask again."""
        x = pa.ones(1_000_000)
        pa._core.set_data_limit(pa.memory.live().bytes + 1_000_000)
        try:
            with pa.fused():
                y = formula(x)
                with pytest.raises(MemoryError):
                    y.numpy()
        finally:
            pa._core.set_data_limit(0)
        same(y, formula(x))

    @pytest.mark.usefixtures("no_leak")
    def test_nothing_stays(self):
        x = pa.tensor(np.linspace(-2.0, 2.0, N), requires_grad=True)
        with pa.fused():
            loss = pa.sum(formula(x))
            loss.backward()
            formula(x)

    def test_profiles_see_every_op(self):
        x = pa.ones(N)
        with pa.fused():
            profile = pa.memory.profile(formula, x)
        assert "tanh" in profile.ops
        assert profile.peak > 2 * 8 * N
