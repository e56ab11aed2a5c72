"""Elementwise ops of captured calls run together: in every layout and size, with the same bits."""

import time

import numpy as np
import pytest
from support.budget_programs import peak_of
from support.captured import checked, rosenbrock, same
from support.random_dtypes import random_arguments, random_results, same_bits

import pyautograd as pa

RNG = np.random.default_rng(0)
SIZES = (1, 7, 600, 20_000)  # one number, less than a tile, more than one, put off elsewhere


def normal(*shape):
    return RNG.normal(size=shape)


class TestLayouts:
    @pytest.mark.parametrize("n", SIZES)
    def test_chains(self, n):
        checked(lambda x, y: pa.sin(x) * y + pa.where(x > y, x, -y) / 3, normal(n), normal(n))

    @pytest.mark.parametrize("n", SIZES)
    def test_slices_of_what_is_made(self, n):
        def f(x):
            y = pa.exp(x) - 1
            z = y[1:] * y[:-1] + y[-1]
            return z[::2] * 2, pa.tanh(z[::-1]), y[n // 2] * x

        checked(f, normal(n + 2))

    @pytest.mark.parametrize("n", SIZES)
    def test_writes_into_parts(self, n):
        def f(x):
            y = x * x
            y[1:-1] = y[2:] - 2 * y[1:-1] + y[:-2]
            y[::3] *= 2
            y[0] = x[-1]
            return y

        checked(f, normal(n + 2))

    @pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 50), (200, 150)])
    def test_broadcasting(self, shape):
        rows, columns = shape

        def f(x, row, column, number):
            y = pa.sin(x) + row * number
            return y * column - number, y[0] * column, (row * row)[None] * (column * column)

        checked(f, normal(*shape), normal(columns), normal(rows, 1), normal())

    @pytest.mark.parametrize("n", SIZES)
    def test_numbers_for_all_elements(self, n):
        def f(x):
            hundred = pa.ones(n) * 100.0
            sign = -(hundred * 0.0)  # -0.0
            return hundred * x, hundred[1:] + x[:-1], pa.sqrt(hundred) - x, sign, sign * x

        checked(f, normal(n))

    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "complex128"])
    def test_conversions(self, n, dtype):
        x = pa.asarray(RNG.integers(0, 3, n)).astype(dtype)

        def f(x, y):
            wide = x.real.astype(pa.float64) * y
            mask = (wide > 0).astype(pa.float32)
            return wide, mask[1:] - mask[:-1], (wide * 2).astype(pa.int32) + 1

        checked(f, x, normal(n))

    def test_transposed_arguments(self):
        def f(x, w):
            y = pa.sin(x) * 2
            return y, (y + x.T.T) @ w, pa.sum(y, axis=0), y.reshape(-1)

        call = checked(f, normal(30, 40), normal(40, 3))
        ones = np.broadcast_to(normal(40), (30, 40))
        for given in (normal(40, 30).T, normal(60, 80)[::2, ::-2], ones):
            x, w = pa.asarray(given), pa.asarray(normal(40, 3))
            same(call(x, w), f(x, w))
        assert len(call.ops()) == 1

    @pytest.mark.parametrize("shape", [(2, 3), (30, 40), (150, 200)])
    @pytest.mark.parametrize("dtype", ["float16", "float32", "complex128"])
    def test_copies_are_row_major(self, shape, dtype):
        def f(x):
            y = x.copy()
            return y + y, pa.sum(y * y), pa.sum(x * x)

        call = pa.captured(f)
        x = pa.asarray(normal(*shape)).astype(dtype)
        for given in (x, x.T[::-1].T, x[:, ::2], x.T):
            got, want = call(given), f(given)
            assert np.asarray(got[0]).strides == np.asarray(want[0]).strides
            same(got, want)

    def test_strided_lines(self):
        call = pa.captured(lambda x: (x * 2 + 1) * x[0])
        for given in (normal(9), normal(18)[::2], normal(9)[::-1], normal(9, 4)[:, 1]):
            x = pa.asarray(given)
            same(call(x), (x * 2 + 1) * x[0])
        assert len(call.ops()) == 1

    def test_transposed_on_the_way(self):
        def f(x):
            y = (x * x).T
            return y + 1, (y + 1) @ x, pa.exp(y) * x.T, y.reshape(-1) - 1

        checked(f, normal(30, 20))

    def test_constants_in_any_layout(self):
        table = pa.asarray(normal(20, 30)).T
        ones = pa.broadcast_to(pa.tensor(1.0), (30, 20))
        checked(lambda x: (x * table + ones) * table[:, ::-1], normal(30, 20))

    def test_parts_of_complex_numbers(self):
        def f(z):
            w = z * z + 1
            return w.real * z.imag - w.imag, w.imag[0] * z

        for n in SIZES:
            checked(f, normal(n) + 1j * normal(n))

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int32", "bool", "uint8"])
    def test_dtypes(self, dtype):
        x = pa.asarray(RNG.integers(0, 2, 700)).astype(dtype)
        call = pa.captured(lambda x: (x + x, pa.where(x > 0, x, x * x), x == x[0]))
        for y in (x, x[::-1]):
            same(
                [z.astype(float) for z in call(y)],
                [z.astype(float) for z in (y + y, pa.where(y > 0, y, y * y), y == y[0])],
            )

    def test_special_functions(self):
        def f(a, b, x):
            y = pa.special.gammaln(a) - pa.special.betainc(a, b, x) * pa.special.digamma(b[0])
            return y + pa.special.betainc(a[0], b, x[0]), pa.special.betainc(a[0], b[0], x[0]) * y

        for n in SIZES[:3]:
            checked(f, 2 + normal(n) ** 2, 1 + normal(n) ** 2, 1 / (1 + normal(n) ** 2))
        z = normal(700) + 1j * normal(700)
        checked(lambda z: pa.special.wofz(z) * pa.special.erf(z[0]), z)
        half = pa.asarray(normal(9)).astype("float16")
        same(pa.captured(pa.special.ndtr)(half).astype(float), pa.special.ndtr(half).astype(float))

    def test_copies_are_read_where_they_come_from(self):
        def f(x):
            y = x.copy()
            z = y * 2
            y[0] = 5.0
            return y, z.copy(), z.copy().T + pa.positive(y), pa.cumsum(z.copy())

        call = checked(f, normal(9))
        x = pa.ones(9)
        y, z, *_ = call(x)
        z += 1
        y += 1
        same(x, np.ones(9))
        same(call(x)[1], np.full(9, 2.0))

    def test_numbers_of_what_is_made(self):
        """One number of a result stands for an array before all of the result is needed."""
        for n in SIZES:
            checked(lambda x: pa.sin(x) * pa.cos(x)[-1] + (pa.sin(x) * 2)[-1] / 3, normal(n))

    def test_many_sizes_at_once(self):
        def f(x):
            y, total = pa.sin(x), 0.0
            for k in range(1, 40):
                z = pa.exp(y[k:] * 0.1) - y[:-k]
                total = total + z[0] * z[-1]
                y = y * 0.9 + pa.concat([z, y[:k]])
            return y, total

        for n in (50, 700):
            checked(f, normal(n))

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("least", [1, 600, 1 << 60])
    @pytest.mark.parametrize("seed", range(40))
    def test_random_programs_of_dtypes(self, seed, least):
        rng = np.random.default_rng(seed)
        xs = random_arguments(rng)
        others = [x[::-1] for x in xs]
        former = pa._core.set_least_deferred(1 << 60)
        try:
            wanted = [random_results(seed, *given) for given in (xs, others)]
            pa._core.set_least_deferred(least)
            with pa.fused():
                fused = random_results(seed, *xs)
            same_bits(fused, wanted[0])
            call = pa.captured(lambda *given: random_results(seed, *given))
            for given, want in zip((xs, others, xs), (*wanted, wanted[0]), strict=True):
                same_bits(call(*given), want)
        finally:
            pa._core.set_least_deferred(former)


class TestOrder:
    def test_others_run_between(self):
        def f(x, w):
            a = pa.sin(x)
            b = x @ w  # before a is needed
            c = a + b
            d = c @ w
            return a * d, b - c, pa.cumsum(a, axis=0) * b

        checked(f, normal(6, 6), normal(6, 6))

    def test_views_read_by_others_and_by_loops(self):
        def f(x):
            y = x * 2
            part = y[1:]
            return pa.cumsum(part) + part, part * 3, y[:-1], part[::2]

        checked(f, normal(9))

    def test_more_large_ones_than_wait(self):
        def f(x):
            for k in range(150):
                x = x * 0.99 + k
            return x

        call = checked(f, normal(20_000))
        assert len(call.ops()[0]) == 300

    def test_memory_of_large_ones(self):
        """Among large arrays only what is read together is there at once."""

        def f(x):
            for _ in range(100):
                x = pa.sin(x) * 0.5 + pa.cos(x)
            return x

        call, x = pa.captured(f), pa.ones(200_000) * 0.5
        call(x)
        pa.memory.reset_peak()
        before = pa.memory.live().bytes
        call(x)
        assert pa.memory.peak() - before < 5 * x.nbytes

    def test_under_a_memory_budget(self):
        call = pa.captured(pa.func.hessian(rosenbrock))
        x = pa.tensor(normal(40))
        wanted = pa.func.hessian(rosenbrock)(x)
        same(call(x), wanted)
        with pa.memory_budget(pa.memory.live().bytes + 150_000):
            same(call(x), wanted)

    def test_foreign_memory_is_read_when_it_is_run(self):
        values = np.ones(50_000)
        call = pa.captured(lambda x: x * pa.asarray(values) + 1)
        x = pa.ones(50_000)
        y = call(x)
        values[:] = 5.0
        same(y, np.full(50_000, 2.0))
        same(call(x), np.full(50_000, 6.0))


class TestWhatWaits:
    """A reduction that nothing waits for does not part what is before it from what is behind."""

    def test_sums_run_behind_the_gradient(self):
        def f(x):
            y = pa.sqrt(pa.tanh(x * x + x) / 1.5 + 2)
            return pa.sum(pa.maximum(y * y - x, 0.1)), pa.max(y)

        x = pa.asarray(normal(50_000))
        call = checked(pa.func.value_and_grad(f, has_aux=True), normal(50_000))
        _, plain = peak_of(lambda: pa.func.value_and_grad(f, has_aux=True)(x))
        _, captured = peak_of(lambda: call(x))
        assert captured < 4.5 * x.nbytes < plain  # the gradient, and what three reductions read

    def test_what_reductions_make_is_read_by_both(self):
        def f(x):
            y = pa.exp(x)
            total, most = pa.sum(y), pa.max(y)
            z = y / total
            return z, pa.sum(z * most), pa.cumsum(z)[::2] - total, pa.sum(pa.sin(z)), z[1:] * x[1:]

        for n in SIZES:
            checked(f, normal(n))


class TestRepeatedOps:
    def test_are_run_once(self):
        def f(x):
            return pa.sin(x) * 2.0 + pa.sin(x) * 2.0

        checked(f, normal(5), ops=["sin", "multiply", "add"])

    def test_results_are_arrays_of_their_own(self):
        call = pa.captured(lambda x: (pa.sin(x), pa.sin(x), pa.exp(x).T, pa.exp(x).reshape(-1)))
        first, second, third, fourth = call(pa.ones((2, 2)))
        first += 1
        third += 1
        same(second, pa.sin(pa.ones((2, 2))))
        same(fourth, pa.exp(pa.ones(4)))

    def test_one_tensor_returned_twice_is_one(self):
        def f(x):
            y = pa.sin(x)
            return y, y[1:]

        first, second = pa.captured(f)(pa.zeros(3))
        first += 1
        same(second, np.ones(2))

    def test_numbers_that_differ(self):
        checked(lambda x: (x * 0.0 + 1) / (x * -0.0 + 0.0), normal(3))
        checked(lambda x: pa.where(x > 0, 1, 2) + pa.where(x > 0, 1.0, 2.0), normal(3))
        big = pa.captured(lambda x: (x + 2**60) - (x + (2**60 + 1)))
        same(big(pa.asarray(np.array([5]))), np.array([-1]))

    def test_constants_that_others_write(self):
        one, other = pa.tensor([2.0]), pa.tensor([2.0])
        call = pa.captured(lambda x: (x * one, x * other))
        same(call(pa.ones(1)), ([2.0], [2.0]))
        other[0] = 5.0
        same(call(pa.ones(1)), ([2.0], [5.0]))


def test_scalars_by_the_thousand():
    """Series of one number: thousands of ops that are hardly more than their loops."""

    def f(x):
        def curve(x):
            for _ in range(4):
                x = pa.sin(x) * pa.exp(-x) + pa.tanh(x)
            return x

        return pa.func.taylor(curve, x, 1.0, 8)

    call = checked(f, np.asarray(0.3))
    assert len(call.ops()[0]) > 1000


def test_long_lists_are_written_down_in_linear_time():
    """Arrays of two sizes that read numbers of each other: hardly two ops are in one part."""

    def seconds(steps):
        def f(x, y):
            for _ in range(steps):
                x, y = x * 0.99 + y[0], y * 0.5 + x[1]
            return x, y

        start = time.thread_time()
        call = pa.captured(f)
        made = call(pa.ones(50), pa.ones(20))
        taken = time.thread_time() - start
        same(made, f(pa.ones(50), pa.ones(20)))
        return taken

    few = min(seconds(4_000) for _ in range(3))
    assert min(seconds(32_000) for _ in range(2)) < 20 * few  # 8 times as many
