"""Vector code and what it leaves to scalar code: values do not depend on neighbours or places."""

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa

special = pa.special
EDGES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e-310, 1e300, -1e300]
UNIT = [0.5, 1e-320, 1e-13, 1 - 1e-13, np.nextafter(1, 0), np.nextafter(1, 2), 0.3, 0.7, -0.1]
LINE = [-40.0, -37.0, -36.9, -8.0, 7.999, 8.0, 8.001, 36.9, 37.5, 699.0, 701.0, -0.25, 1e15, 3.5]
FUNCTIONS = {
    "logit": (special.logit, sc.logit, UNIT),
    "ndtr": (special.ndtr, sc.ndtr, LINE),
    "log_ndtr": (special.log_ndtr, sc.log_ndtr, LINE),
    "ndtri": (special.ndtri, sc.ndtri, UNIT),
    "erfinv": (special.erfinv, sc.erfinv, UNIT),
    "entr": (special.entr, sc.entr, UNIT),
    "digamma": (special.digamma, sc.digamma, UNIT + [0.1, 1.4616321449683622, 2.0, 1e31]),
    "trigamma": (lambda x: special.polygamma(1, x), lambda x: sc.polygamma(1, x), UNIT + [9.0]),
    "i0": (pa.i0, sc.i0, LINE),
    "i1": (special.i1, sc.i1, LINE),
    "i0e": (special.i0e, sc.i0e, LINE),
    "i1e": (special.i1e, sc.i1e, LINE),
    "sinc": (pa.sinc, np.sinc, LINE[:-2] + [0.1, 12.5]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_functions_among_edges(name, dtype):
    f, g, points = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        x = np.array(EDGES + points + list(np.linspace(0.01, 3.2, 60)), dtype)
        np.random.default_rng(0).shuffle(x)
        got = f(pa.tensor(x)).numpy()
        alone = np.array([f(pa.tensor(v)).item() for v in x], dtype)
        if name == "trigamma":  # SciPy has no reflection
            keep = x > 0
            x, got, alone = x[keep], got[keep], alone[keep]
        expected = g(x.astype(np.float64)).astype(dtype)
    np.testing.assert_array_equal(got, alone)
    normal = np.abs(expected) > np.finfo(dtype).tiny  # SciPy flushes some subnormal results to zero
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
    rtol = 1e-12 if dtype == np.float64 else 3e-7  # SciPy loses some digits in far tails
    atol = rtol / 1e3 if name == "sinc" else 0  # and NumPy has sin(pi) for zero
    np.testing.assert_allclose(got[normal], expected[normal], rtol, atol)


@pytest.mark.parametrize("name", ["i0e", "i1e", "i0", "i1", "sinc", "digamma"])
def test_derivatives_on_both_sides_of_the_cuts(name):
    """By complex steps of SciPy, or by its own formulas."""
    x = np.array([-30.0, -8.0, -7.99, -0.3, 1e-9, 0.3, 0.32, 7.999999, 8.0, 25.0])
    wanted = {
        "i0e": lambda x: sc.i1e(x) - np.sign(x) * sc.i0e(x),
        "i1e": lambda x: (sc.ive(0, x) + sc.ive(2, x)) / 2 - np.sign(x) * sc.ive(1, x),
        "i0": sc.i1,
        "i1": lambda x: sc.ivp(1, x),
        "sinc": lambda x: np.pi * -sc.spherical_jn(1, np.pi * np.abs(x)) * np.sign(x),
        "digamma": lambda x: sc.polygamma(1, x),
    }[name]
    x = np.abs(x) if name == "digamma" else x
    f = FUNCTIONS[name][0]
    got = pa.func.grad(lambda t: pa.sum(f(t)))(pa.tensor(x)).numpy()
    np.testing.assert_allclose(got, wanted(x), 1e-11)


def test_a_strided_special_function():
    x = np.linspace(0.01, 0.99, 700).reshape(70, 10)
    for view in (x[::2, ::3], x.T, x[5], x[:0], x[3, 3]):
        expected = sc.logit(np.ascontiguousarray(view))
        np.testing.assert_allclose(special.logit(pa.tensor(x)[...]).numpy(), sc.logit(x), 1e-14)
        np.testing.assert_allclose(special.logit(pa.asarray(view)).numpy(), expected, 1e-14)


COMPLEX = "exp log sqrt sin cos tan sinh cosh tanh angle".split()


@pytest.mark.parametrize("name", COMPLEX)
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_functions_among_edges(name, dtype):
    """Where NumPy has a finite number or a zero, and wherever its parts are not numbers."""
    parts = [0.0, -0.0, 1.0, -2.5, 1e-30, 30.0, 800.0, np.inf, -np.inf, np.nan]
    edges = [complex(x, y) for x in parts for y in parts]
    rng = np.random.default_rng(1)
    inside = rng.normal(size=150) + 1j * rng.normal(size=150)
    unit = np.exp(1j * rng.uniform(-3, 3, 30))
    z = np.concatenate([edges, inside, unit]).astype(dtype)
    rng.shuffle(z)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(z)
    f = getattr(pa, name)
    got = f(pa.tensor(z)).numpy()
    np.testing.assert_array_equal(got, [f(pa.tensor(v)).numpy() for v in z])
    rtol = 1e-14 if dtype == np.complex128 else 2e-6
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(got), finite)
    close = np.abs(got - expected)[finite] <= rtol * np.abs(expected[finite])
    assert close.all(), z[finite][~close]
    zeros = finite & (expected.real == 0)
    np.testing.assert_array_equal(np.signbit(got.real[zeros]), np.signbit(expected.real[zeros]))
    zeros = finite & (expected.imag == 0)
    np.testing.assert_array_equal(np.signbit(got.imag[zeros]), np.signbit(expected.imag[zeros]))


def test_the_logarithm_on_the_unit_circle():
    """log|z| from |z|**2 - 1, whose roundings matter there."""
    z = np.array([0.6 + 0.8j, 0.28 + 0.96j, 1 + 1e-8j, -1j, np.nextafter(1, 2) + 0j])
    got = pa.log(pa.tensor(np.tile(z, 5))).numpy()[:5]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(got.real, np.log(z).real, 1e-14, 0)


def test_parts_are_views():
    z = pa.tensor(np.arange(6).reshape(2, 3) * (1 + 2j))
    for part, plain in ((pa.real(z), z.numpy().real), (pa.imag(z), z.numpy().imag)):
        np.testing.assert_array_equal(part.numpy(), plain)
        np.testing.assert_array_equal(pa.sum(part.T * 2, 0).numpy(), plain.T.sum(0) * 2)
        np.testing.assert_array_equal(part[::-1, 1:].numpy(), plain[::-1, 1:])
    pa.real(z)[0, 0] = 7.0
    assert z[0, 0].item() == 7.0
    leaf = pa.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    pa.sum(pa.real(leaf * leaf)).backward()
    np.testing.assert_array_equal(leaf.grad.numpy(), 2 * np.conj(leaf.detach().numpy()))


def test_complex_cotangents_that_are_passed_on():
    """They come back as they were given, conjugated neither here nor there."""
    x = pa.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = pa.tensor([2 - 1j, 1 + 1j], requires_grad=True)
    given = pa.tensor([1 + 1j, 2 - 3j])
    for gradient in pa.grad(x + y, (x, y), given):
        np.testing.assert_array_equal(gradient.numpy(), given.numpy())
    (gradient,) = pa.grad(pa.conj(x), (x,), given)
    np.testing.assert_array_equal(gradient.numpy(), np.conj(given.numpy()))
    first, again = pa.grad(x * y, (x, x), given)
    np.testing.assert_array_equal(first.numpy(), again.numpy())
    np.testing.assert_array_equal(first.numpy(), given.numpy() * np.conj(y.detach().numpy()))
    (gradient,) = pa.grad(pa.sum(x), (x,), pa.tensor(1 - 2j))
    np.testing.assert_array_equal(gradient.numpy(), [1 - 2j, 1 - 2j])
    (x + y).backward(given, inputs=[x])
    (x + y).backward(given, inputs=[x])
    np.testing.assert_array_equal(x.grad.numpy(), 2 * given.numpy())
    np.testing.assert_array_equal(given.numpy(), [1 + 1j, 2 - 3j])
    assert y.grad is None


def test_complex_sums_of_every_length():
    rng = np.random.default_rng(2)
    for n in (0, 1, 3, 15, 16, 17, 63, 64, 65, 1000, 20_001):
        z = rng.integers(-99, 99, n) + 1j * rng.integers(-99, 99, n)
        for dtype in (np.complex64, np.complex128):
            assert pa.sum(pa.tensor(z.astype(dtype))).item() == z.sum()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
def test_reductions_of_short_rows(dtype):
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 129):
        x = rng.integers(0, 3, (5, n)).astype(dtype)
        for name in ("max", "min", "prod"):
            got = getattr(pa, name)(pa.tensor(x), -1).numpy()
            np.testing.assert_array_equal(got, getattr(np, name)(x, -1))
        np.testing.assert_array_equal(pa.sum(pa.tensor(x), -1).numpy(), x.sum(-1))
    x = np.full((3, 9), -0.0)
    x[1, 4] = np.nan
    assert np.signbit(pa.max(pa.tensor(x), 1).numpy()[[0, 2]]).all()
    assert np.isnan(pa.min(pa.tensor(x), 1).numpy()).tolist() == [False, True, False]


def test_clip_of_what_is_not_recorded():
    x = np.array([-0.0, 0.0, np.nan, -2.0, 2.0, 0.5])
    cases = [(0.0, 1.0), (-0.0, None), (None, 0.0), (np.nan, 1.0), (0.0, np.nan), (1.0, -1.0)]
    cases.append((np.array([[-1.0], [0.25]]), x))
    for low, high in cases:
        plain = pa.clip(pa.tensor(x), low, high).numpy()
        recorded = pa.clip(pa.tensor(x, requires_grad=True), low, high).detach().numpy()
        np.testing.assert_array_equal(plain, recorded)
        np.testing.assert_array_equal(np.signbit(plain), np.signbit(recorded))
    integers = pa.clip(pa.tensor([1, 5, 9]), 2, 6)
    assert integers.tolist() == [2, 5, 6] and integers.dtype == np.int64


def test_nan_to_num_of_clean_and_unclean_numbers():
    clean = pa.tensor([1.0, -2.0])
    copied = pa.nan_to_num(clean)
    copied[0] = 5.0
    assert clean.tolist() == [1.0, -2.0]
    for dtype in (np.float64, np.float32):
        x = np.array([1.0, np.nan, np.inf, -np.inf], dtype)
        np.testing.assert_array_equal(pa.nan_to_num(pa.tensor(x)).numpy(), np.nan_to_num(x))
    assert pa.nan_to_num(clean, posinf=pa.tensor([[1.0], [2.0]])).shape == (2, 2)


@pytest.mark.parametrize("dtype", ["bool", "float64", "complex128"])
def test_triangles_of_batches(dtype):
    x = np.random.default_rng(4).integers(0, 9, (2, 3, 4, 5)).astype(dtype)
    for view in (x, x[..., :2], x.swapaxes(-1, -2), x[:, :0]):
        for k in (-9, -1, 0, 2, 9):
            np.testing.assert_array_equal(pa.tril(pa.asarray(view), k).numpy(), np.tril(view, k))
            np.testing.assert_array_equal(pa.triu(pa.asarray(view), k).numpy(), np.triu(view, k))


def test_counts_of_few_and_of_many_numbers():
    rng = np.random.default_rng(5)
    for bins, n in ((1, 10), (7, 1), (7, 15), (100, 1000), (5000, 20_000), (50, 40)):
        x = rng.integers(0, bins, n)
        np.testing.assert_array_equal(pa.bincount(pa.tensor(x)).numpy(), np.bincount(x))
        np.testing.assert_array_equal(pa.bincount(pa.tensor(x)[::-2]).numpy(), np.bincount(x[::-2]))


def test_indices_that_are_their_own_target():
    x = pa.tensor([2, 0, 1])
    x[x] = pa.tensor([7, 8, 9])
    assert x.tolist() == [8, 9, 7]


def test_indices_at_the_ends():
    x = pa.tensor([1.0, 2.0, 3.0])
    assert x[pa.tensor([0, 2, -1, -3])].tolist() == [1.0, 3.0, 3.0, 1.0]
    assert pa.take_along_axis(x, pa.tensor([2, 0]), 0).tolist() == [3.0, 1.0]
    for bad in (3, -4, 2**63 - 1, -(2**63)):
        with pytest.raises(IndexError, match="out of bounds"):
            x[pa.tensor([0, bad])]


def test_searches_in_lines_of_every_length():
    rng = np.random.default_rng(6)
    values = np.concatenate([rng.normal(size=20), [np.nan, np.inf, -np.inf, 0.0]])
    for n in range(20):
        line = np.sort(rng.choice(values, n))
        for side in ("left", "right"):
            got = pa.searchsorted(pa.tensor(line), pa.tensor(values), side=side).numpy()
            np.testing.assert_array_equal(got, np.searchsorted(line, values, side))


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
def test_sorts_of_every_short_length(dtype):
    rng = np.random.default_rng(7)
    for n in range(300):
        for top in (3, 10**6):
            x = rng.integers(-top, top, n).astype(dtype)
            np.testing.assert_array_equal(pa.sort(pa.tensor(x)).numpy(), np.sort(x))


def test_running_extrema_before_and_after_nan():
    x = np.random.default_rng(8).normal(size=700)
    for place in (None, 0, 1, 255, 256, 400, 699):
        if place is not None:
            x[place] = np.nan
        for n in (1, 2, 3, 5, 256, 259, 700):
            got = pa.cummax(pa.tensor(x[:n])).numpy()
            np.testing.assert_array_equal(got, np.maximum.accumulate(x[:n]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_in_one_pass(dtype):
    rng = np.random.default_rng(9)
    tolerance = 20 * np.finfo(dtype).eps
    for shape in ((1,), (5,), (2048,), (2049,), (70_000,), (3, 5), (2, 5000), (2, 3, 7)):
        x = (rng.normal(size=shape) + 1000).astype(dtype)
        for axis in (None, -1, tuple(range(x.ndim)), 0):
            for name in ("var", "std"):
                expected = getattr(np, name)(x.astype(np.float64), axis)
                got = getattr(pa, name)(pa.tensor(x), axis).numpy()
                assert got.shape == expected.shape and got.dtype == dtype
                np.testing.assert_allclose(got, expected, tolerance, tolerance)
    constant = np.full((3, 5001), 0.1, dtype)
    assert pa.var(pa.tensor(constant)).item() == 0.0
    assert pa.std(pa.tensor(constant), 1, keepdims=True).tolist() == [[0.0]] * 3
    constant[1, 4000] = np.inf
    np.testing.assert_array_equal(pa.var(pa.tensor(constant), 1).numpy(), [0, np.nan, 0])


@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_few_of_a_long_line(dtype):
    rng = np.random.default_rng(10)
    for top in (1, 40, 10**9):
        x = rng.integers(-top, top, 40_000).astype(dtype)
        for k in (1, 5, 300, 1250, 1251):
            for largest in (True, False):
                places = np.argsort(-x if largest else x, kind="stable")[:k]
                values, indices = pa.topk(pa.tensor(x), k, largest=largest)
                np.testing.assert_array_equal(indices.numpy(), places)
                np.testing.assert_array_equal(values.numpy(), x[places])
    rising = pa.topk(pa.arange(40_000.0), 3)[1]
    assert rising.tolist() == [39_999, 39_998, 39_997]
