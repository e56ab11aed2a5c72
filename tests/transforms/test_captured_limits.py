"""What a captured call notices: other tensors and conditions, what it refuses, and writes."""

import numpy as np
import pytest
from support.captured import THEIRS, refused, same

import pyautograd as pa


def _generator(x):
    yield x


async def _coroutine(x):
    return x


async def _asynchronous_generator(x):
    yield x


class TestWhatItReads:
    """Tensors beside the arguments."""

    def test_numbers_are_those_of_the_run(self):
        w = pa.ones(2)
        call = pa.captured(lambda x: x * w)
        same(call(pa.ones(2)), [1.0, 1.0])
        w[...] = 3.0
        same(call(pa.ones(2)), [3.0, 3.0])

    def test_exponents(self):
        p = pa.tensor(2.0)
        call = pa.captured(lambda x: x**p)
        assert call(pa.tensor(3.0)).item() == 9.0
        p[...] = 3.0
        assert call(pa.tensor(3.0)).item() == 27.0

    def test_numbers_that_decide(self):
        """Are looked at again: another call is written down where they changed."""
        k = pa.tensor(1)
        values = np.array([2.0])
        scale = pa.asarray(values)

        def f(x):
            return x * scale.item() if int(k) == 1 else -x

        call = pa.captured(f)
        assert call(pa.tensor(3.0)).item() == 6.0
        k[...] = 0
        assert call(pa.tensor(3.0)).item() == -3.0
        k[...] = 1
        assert call(pa.tensor(3.0)).item() == 6.0
        values[0] = 5.0
        assert call(pa.tensor(3.0)).item() == 15.0

    def test_patterns(self):
        """So are indices and zeros in constants, which decide where a derivative is zero."""
        index = pa.tensor(np.arange(1, 41) % 40)
        call = pa.captured(lambda x: pa.hessian(lambda y: pa.sum(y * y[index] ** 2), x))
        x = pa.tensor(np.random.default_rng(0).normal(size=40))
        for shift in (1, 7):
            index[...] = (np.arange(40) + shift) % 40
            wanted = pa.func.hessian(lambda y: pa.sum(y * y[index] ** 2))(x)
            same(call(x), wanted, rtol=1e-13)

    @pytest.mark.parametrize(
        "f",
        [
            lambda x, values: x * values,
            lambda x, values: x + pa.square(values),
            lambda x, values: x + pa.asarray(values) * 2,
            lambda x, values: x + pa.tensor(values) * 2,
        ],
    )
    def test_memory_of_others(self, f):
        values, x = np.ones(3), pa.ones(3)
        call = pa.captured(lambda x: f(x, values))
        same(call(x), f(x, values))
        values[:] = 4.0
        same(call(x), f(x, values))

    def test_tensors_that_ops_return_as_they_are(self):
        w = pa.ones(2)
        call = pa.captured(lambda x: x + pa.real(w) * 2)
        same(call(pa.ones(2)), [3.0, 3.0])
        w[...] = 5.0
        same(call(pa.ones(2)), [11.0, 11.0])


class TestGuards:
    """What a function takes for granted is asked in each run; else it is called as it is."""

    def test_within_transforms(self):
        def f(x, w):
            return pa.func.jvp(lambda w: pa.average(x, weights=w), (w,), (pa.ones(2),))[1]

        call, x = pa.captured(f), pa.tensor([1.0, 3.0])
        same(call(x, pa.tensor([1.0, 3.0])), f(x, pa.tensor([1.0, 3.0])))
        with pytest.raises(ZeroDivisionError, match="sum to zero"):
            call(x, pa.tensor([1.0, -1.0]))

    def test_leading_zeros(self):
        call = pa.captured(pa.roots)
        for p in ([1.0, -3.0, 2.0], [0.0, 1.0, -3.0], [0.0, 0.0, 0.0]):
            same(call(pa.tensor(p)), pa.roots(pa.tensor(p)))

    def test_counts_beyond_what_is_expected(self):
        call = pa.captured(lambda x: pa.bincount(x, minlength=4))
        for x in ([0, 1, 1], [3, 3, 3], [9, 0, 0]):
            same(call(pa.tensor(x)), pa.bincount(pa.tensor(x), minlength=4))

    def test_errors_of_arguments(self):
        call = pa.captured(lambda x: pa.nanargmax(x))
        assert call(pa.tensor([1.0, 3.0, np.nan])).item() == 1
        with pytest.raises(ValueError, match="only nans"):
            call(pa.tensor([np.nan, np.nan, np.nan]))
        assert call(pa.tensor([1.0, 3.0, 4.0])).item() == 2

    def test_bins_that_fall(self):
        call = pa.captured(pa.digitize)
        x, bins = pa.tensor([0.5, 1.5]), np.array([0.0, 1.0, 2.0])
        same(call(x, bins), [1, 2])
        same(call(x, bins[::-1]), np.digitize(x.numpy(), bins[::-1]))
        with pytest.raises(ValueError, match="monotonic"):
            call(x, np.array([0.0, 2.0, 1.0]))

    def test_repeated_eigenvalues(self):
        def f(a):
            return pa.func.grad(lambda a: pa.sum(pa.exp(pa.linalg.eigvalsh(a))))(a)

        call = pa.captured(f)
        apart = np.diag([1.0, 2.0, 3.0])
        for a in (apart, np.eye(3), apart + 0.1):
            same(call(pa.tensor(a)), f(pa.tensor(a)), rtol=1e-12)

    def test_infinite_logarithms(self):
        """A list is prepared for lines of -inf, and is left where an element is +inf."""
        runs = []

        def slope(x):
            runs.append(1)
            return pa.func.hessian(lambda x: pa.sum(pa.logsumexp(x, axis=1) ** 3))(x)

        call = pa.captured(slope)
        usual, masked = np.arange(6.0).reshape(2, 3), np.array([[-np.inf] * 3, [0.0, -np.inf, 1.0]])
        for x in (usual, masked, np.where(masked == 1, -np.inf, usual)):
            want = pa.func.hessian(lambda x: pa.sum(pa.logsumexp(x, axis=1) ** 3))(x)
            np.testing.assert_array_equal(call(pa.tensor(x)).numpy(), want.numpy())
        assert len(runs) == 1
        weights = pa.captured(pa.func.grad(pa.logsumexp))
        same(weights(pa.tensor([0.0, 0.0])), [0.5, 0.5])
        same(weights(pa.tensor([np.inf, np.inf])), [0.5, 0.5])
        same(weights(pa.tensor([np.inf, 0.0])), [1.0, 0.0])
        assert "sum" not in weights.ops()[0]

    @pytest.mark.parametrize(
        "f",
        [
            lambda a: pa.sum(pa.linalg.eigh(a + a.T)[1][:, 0] ** 3),
            lambda a: pa.sum(pa.linalg.funm(a @ a.T, lambda w: w**-0.25)),
            lambda a: pa.sum(pa.linalg.eigvals(a @ a.T).real ** 3),
        ],
        ids=["eigh", "funm", "eigvals"],
    )
    @pytest.mark.parametrize("mode", [pa.func.jacfwd, pa.func.jacrev])
    def test_spectra_well_apart_never_leave_the_list(self, f, mode):
        """Zeros among what is only compared, such as a - a.T, say nothing about derivatives."""
        runs = []

        def curvature(a):
            runs.append(1)
            return mode(pa.func.grad(f))(a)

        a = pa.tensor(np.random.default_rng(0).normal(size=(3, 3)) + np.diag([1.0, 3.0, 6.0]))
        want = mode(pa.func.grad(f))(a)
        call = pa.captured(curvature)
        for _ in range(3):
            same(call(a), want, rtol=1e-9)
        assert len(runs) == 1

    def test_roots_of_functions_of_roots(self):
        """Conventions at a kink are those of the function, whichever op has it."""

        def f(x):
            return pa.func.hessian(lambda x: pa.linalg.norm(2 + pa.sin(pa.abs(x)), 3))(x)

        call = pa.captured(f)
        for x in (np.zeros(2), np.array([0.0, 0.5]), np.array([-1.0, 2.0])):
            same(call(pa.tensor(x)), f(pa.tensor(x)), rtol=1e-12)

    def test_ranks(self):
        call = pa.captured(lambda a, b: pa.linalg.lstsq(a, b)[:2])
        rng = np.random.default_rng(0)
        full, b = rng.normal(size=(5, 2)), rng.normal(size=5)
        low = np.ones((5, 2))
        for a in (full, low):
            same(call(pa.tensor(a), pa.tensor(b)), pa.linalg.lstsq(a, b)[:2], rtol=1e-10)


class TestRefusals:
    @pytest.mark.parametrize(
        "f",
        [
            lambda x: x if x[0] > 0 else -x,
            lambda x: x * float(x[0]),
            lambda x: x * int(pa.sum(x)),
            lambda x: x[x > 0],
            lambda x: pa.asarray(np.asarray(x)),
            lambda x: x * len(str(x)),
            lambda x: pa.func.grad(lambda y: pa.sum(y) if y[0] > 0 else y[1])(x),
            lambda x: pa.sum(x[: int(x[0])]),
        ],
    )
    def test_numbers_of_the_arguments(self, f):
        refused(pa.captured(f), pa.tensor([1.0, 2.0]))
        f(pa.tensor([1.0, 2.0]))

    def test_derivatives_that_are_checked_for_nan(self):
        """The function is called as it is, whether it was written down before or not."""

        def f(x):
            return pa.func.grad(lambda x: pa.sum(pa.sqrt(x - 1)))(x)

        written = pa.captured(f)
        written(pa.tensor([2.0, 5.0]))
        for call in (written, pa.captured(f)):
            with pa.detect_anomaly():
                same(call(pa.tensor([2.0, 5.0])), [0.5, 0.25])
                with pytest.raises(RuntimeError, match=r"\[sqrt\] backward produced nan"):
                    call(pa.tensor([0.0, 5.0]))
            same(call(pa.tensor([0.0, 5.0])), [np.nan, 0.25])

    def test_errors_that_are_caught(self):
        def f(x):
            try:
                return x * float(x[0])
            except RuntimeError:
                return x

        refused(pa.captured(f), pa.ones(2))

    def test_writes_outside(self):
        w = pa.ones(2)

        def add(x):
            nonlocal w
            w += x

        def put(x):
            w[0] = x[0]

        for f in (add, put):
            with pytest.raises(RuntimeError, match=THEIRS):
                pa.captured(f)(pa.ones(2))
        same(w, np.ones(2))

    def test_gradients_outside(self):
        w = pa.tensor([1.0, 1.0], requires_grad=True)
        with pytest.raises(RuntimeError, match="into `.grad` of a tensor"):
            pa.captured(lambda x: pa.sum(x * w).backward())(pa.ones(2))
        assert w.grad is None

    def test_kept_tensors(self):
        kept = []
        with pytest.raises(RuntimeError, match="keeps tensors that it made"):
            pa.captured(lambda x: kept.append(x * 2))(pa.ones(2))
        with pytest.raises(RuntimeError, match="made while a call was captured"):
            kept[0].tolist()
        assert kept[0].shape == (2,)
        with pytest.raises(RuntimeError, match="made while a call was captured"):
            kept[0] + 1

    def test_results_that_can_be_differentiated(self):
        w = pa.tensor([1.0, 1.0], requires_grad=True)
        with pytest.raises(RuntimeError, match=r"the result\['y'\] can be differentiated"):
            pa.captured(lambda x: {"y": x * w})(pa.ones(2))
        same(pa.captured(lambda x: (x * w).detach())(pa.ones(2)), np.ones(2))

    def test_arguments(self):
        class Odd:
            __hash__ = None

        with pytest.raises(TypeError, match="of type Odd is neither an array nor hashable"):
            pa.captured(lambda x, o: x)(pa.ones(2), Odd())
        Odd.__array__ = lambda self: np.ones(2)
        with pytest.raises(TypeError, match=r"the next call: pass np\.asarray\(it\)"):
            pa.captured(lambda o: o)(Odd())
        for later in (_generator, _coroutine, _asynchronous_generator):
            with pytest.raises(TypeError, match=f"{later.__name__} is an? .* whose ops run after"):
                pa.captured(later)
        with pytest.raises(TypeError, match="expected a function, got a int"):
            pa.captured(3)

    def test_devices(self, device):
        x = pa.ones(2).to(device)
        with pytest.raises(ValueError, match=r"capture the call with pa\.cuda\.graph"):
            pa.captured(lambda x: x)(x)
        with pytest.raises(RuntimeError, match=r"runs on a device"):
            pa.captured(lambda x: x.to(device))(pa.ones(2))

    def test_one_call_at_a_time(self):
        with pa._core.Capture([]), pytest.raises(RuntimeError, match="captured already"):
            pa._core.Capture([]).__enter__()

    def test_after_an_error_all_is_as_before(self):
        def f(x):
            if x.size == 2:
                raise KeyError("mine")
            return x * 2

        call = pa.captured(f)
        with pytest.raises(KeyError, match="mine"):
            call(pa.ones(2))
        same(call(pa.ones(3)), np.full(3, 2.0))
        same(pa.ones(2) * 2, np.full(2, 2.0))


class TestWrites:
    """Into what the function made, or was given, as NumPy would."""

    def test_of_a_function(self):
        def f(x):
            out = pa.zeros(4)
            out[1:3] = x
            before = out * 1
            out += 1
            x *= 2
            out[0] = x[1]
            return before, out, x

        call = pa.captured(f)
        for values in ([1.0, 2.0], [5.0, 6.0]):
            x = pa.tensor(values)
            a, b = values
            same(call(x), ([0.0, a, b, 0.0], [2 * b, a + 1, b + 1, 1], [2 * a, 2 * b]))
            same(x, values)

    def test_through_views(self):
        """As where a write is recorded: a view must not keep an old value, nor its base."""
        w = pa.zeros(3)

        def of_view(x):
            y = x.copy()
            y.T[...] = 0.0
            return y

        def of_base(x):
            y = x.copy()
            z = y[1:]
            y += 1
            return z

        def of_foreign(x):
            v = w[1:]
            v += x[0, 0]
            return v

        for f in (of_view, of_base):
            with pytest.raises(RuntimeError, match="another live tensor"):
                pa.captured(f)(pa.ones((2, 2)))
        with pytest.raises(RuntimeError, match=THEIRS):
            pa.captured(of_foreign)(pa.ones((2, 2)))

        def alone(x):
            y = x.copy()
            y[0] += y[1]
            y[1] = y[0]
            z = (y * 2)[1:]
            z += 1
            return y, z

        same(pa.captured(alone)(pa.ones((2, 2))), (np.full((2, 2), 2.0), np.full((1, 2), 5.0)))

    def test_into_constants_that_were_read(self):
        def f(x):
            t = pa.zeros(2)
            before = x + t
            t[0] = 5.0
            return before, x + t

        call = pa.captured(f)
        for _ in range(2):
            same(call(pa.ones(2)), ([1.0, 1.0], [6.0, 1.0]))
