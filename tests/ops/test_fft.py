"""Fourier transforms: values at every length, identities, errors, and derivatives through them.

Rules and shapes are tested with the records; here is what they do not cover.
"""

import itertools

import numpy as np
import pytest
import scipy.fft

import pyautograd as pa

# Powers, products and squares of small primes, primes on both sides of what passes can do, and
# lengths that are split into columns and rows.
LENGTHS = [*range(1, 34), 37, 49, 64, 74, 97, 121, 128, 210, 251, 512, 841, 1000, 1021, 2048, 4097]


def signal(shape, dtype="complex128", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if dtype.startswith("complex"):
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def assert_near(got, want, single=False, tol=8.0):
    """Within a few roundings of the largest number; an FFT's error grows with the logarithm."""
    assert got.shape == want.shape and got.dtype == want.dtype
    eps = 2.0 ** (-23 if single else -52)
    scale = np.abs(want).max(initial=1e-300)
    digits = np.log2(max(want.size, 4))
    np.testing.assert_allclose(got.numpy(), want, rtol=0, atol=tol * digits * eps * scale)


@pytest.mark.parametrize("n", LENGTHS)
def test_every_length(n):
    for single, lines in itertools.product((False, True), (1, 3, 19)):
        x = signal((lines, n), "complex64" if single else "complex128")
        real = np.ascontiguousarray(x.real)
        for name in ("fft", "ifft"):
            assert_near(getattr(pa.fft, name)(x), getattr(scipy.fft, name)(x), single)
        for name in ("rfft", "ihfft"):
            assert_near(getattr(pa.fft, name)(real), getattr(scipy.fft, name)(real), single)
        half = x[:, : n // 2 + 1]
        for name in ("irfft", "hfft"):
            want = getattr(np.fft, name)(half.astype("complex128"), n)
            assert_near(getattr(pa.fft, name)(half, n), want.astype(real.dtype), single)


@pytest.mark.parametrize("n", [1, 2, 7, 12, 37, 100])
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_inverses(n, norm):
    x = signal((2, n))
    real = x.real.copy()
    assert_near(pa.fft.ifft(pa.fft.fft(x, norm=norm), norm=norm), x)
    assert_near(pa.fft.irfft(pa.fft.rfft(real, norm=norm), n, norm=norm), real)
    assert_near(pa.fft.hfft(pa.fft.ihfft(real, norm=norm), n, norm=norm), real)
    assert_near(pa.fft.ifftn(pa.fft.fftn(x, norm=norm), norm=norm), x)
    assert_near(pa.fft.irfftn(pa.fft.rfftn(real, norm=norm), s=(2, n), norm=norm), real)


@pytest.mark.parametrize("n", [1, 8, 15, 53])
def test_parseval(n):
    x = signal(n)
    power = pa.sum(pa.absolute(pa.fft.fft(x, norm="ortho")) ** 2).item()
    assert power == pytest.approx(np.sum(np.abs(x) ** 2), rel=1e-13, abs=0)


@pytest.mark.parametrize("n", [16, 41, 4096])
def test_lines_anywhere_in_memory(n):
    """Strided, reversed, transposed and broadcast lines, of a batch that threads share."""
    x = signal((5, n, 3))
    arrays = [x, x[::-2, ::-1], x.transpose(1, 2, 0), np.broadcast_to(x[:, :, :1], (5, n, 3))]
    for a in arrays:
        axis = a.shape.index(n)
        assert_near(pa.fft.fft(pa.from_numpy(a), axis=axis), np.fft.fft(a, axis=axis))
        real = a.real
        assert_near(pa.fft.rfft(pa.from_numpy(real), axis=axis), np.fft.rfft(real, axis=axis))
        half = np.fft.rfft(real, axis=axis)
        assert_near(pa.fft.irfft(half, n, axis), np.fft.irfft(half, n, axis))


def test_a_line_does_not_depend_on_threads():
    x = signal((100, 96))
    threads = pa.get_num_threads()
    try:
        results = []
        for count in (1, 3):
            pa.set_num_threads(count)
            results.append(pa.fft.fft(x).numpy())
            results.append(pa.fft.fft(signal(2**16)).numpy())
    finally:
        pa.set_num_threads(threads)
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[1], results[3])


@pytest.mark.parametrize("n", [6, 7, 37, 64])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_line(n, bad):
    x = signal((9, n), "float64")
    x[4, 1] = bad
    for name in ("fft", "rfft", "irfft", "ihfft", "hfft"):
        got = getattr(pa.fft, name)(x).numpy()
        assert not np.isfinite(got[4]).any()
        assert np.isfinite(np.delete(got, 4, 0)).all()


def test_large_and_small_numbers():
    x = signal(20)
    for scale in (1e-300, 1e300):
        assert_near(pa.fft.fft(x * scale), np.fft.fft(x) * scale)


def test_zeros_of_a_spectrum():
    """Numbers that are real by symmetry are so exactly."""
    for n in (1, 2, 5, 8):
        x = signal(n, "float64")
        for f in (pa.fft.rfft, pa.fft.ihfft):
            half = f(x).numpy()
            assert half[0].imag == 0 and (n % 2 or half[-1].imag == 0)


def test_imaginary_parts_that_are_ignored():
    half = signal(5)
    changed = half + 1j * np.array([3.0, 0, 0, 0, 5.0])
    np.testing.assert_array_equal(pa.fft.irfft(half).numpy(), pa.fft.irfft(changed).numpy())
    slope = pa.func.grad(lambda x: pa.sum(pa.fft.irfft(x) ** 3))(half).numpy()
    assert slope[0].imag == slope[4].imag == 0 and (slope[1:4].imag != 0).all()
    odd = pa.func.grad(lambda x: pa.sum(pa.fft.irfft(x, 9) ** 3))(half).numpy()
    assert odd[0].imag == 0 and (odd[1:].imag != 0).all()


def test_axes_by_default_and_repeated():
    x = signal((3, 4, 5), "float64")
    for name in ("fft", "ifft", "rfft", "irfft"):
        for kwargs in ({"s": (4, 6), "axes": (1, 2)}, {"s": (2, 7), "axes": (1, 1)}):
            assert_near(
                getattr(pa.fft, name + "n")(x, **kwargs), getattr(np.fft, name + "n")(x, **kwargs)
            )
    assert_near(pa.fft.fftn(x, s=(4, 6)), np.fft.fftn(x, s=(4, 6), axes=(1, 2)))
    assert_near(pa.fft.fftn(x, axes=()), x.astype(complex))
    assert_near(pa.fft.fftn(pa.tensor(2.0)), np.array(2 + 0j))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda x: pa.fft.fft(x, n=0), ValueError, r"\[fft.fft\] cannot transform 0 points"),
        (lambda x: pa.fft.irfft(x[:1]), ValueError, r"\[fft.irfft\] cannot transform 0 points"),
        (lambda x: pa.fft.hfft(x, -3), ValueError, r"\[fft.hfft\] cannot transform -3 points"),
        (lambda x: pa.fft.fft(x, norm="otho"), ValueError, r"\[fft.fft\] unknown norm 'otho': use"),
        (lambda x: pa.fft.fft(x, axis=1), IndexError, r"\[fft.fft\] axis 1 is out of bounds"),
        (lambda x: pa.fft.fft2(x), IndexError, r"\[fft.fft2\] axis -2 is out of bounds"),
        (lambda x: pa.fft.fftn(x, s=(2, 2)), IndexError, r"\[fft.fftn\] axis -2 is out of bounds"),
        (lambda x: pa.fft.fftn(x, s=(2, 2), axes=0), ValueError, "must have as many entries"),
        (lambda x: pa.fft.rfftn(x, axes=()), ValueError, "at least one axis is needed"),
        (lambda x: pa.fft.irfftn(x, axes=()), ValueError, "at least one axis is needed"),
        (lambda x: pa.fft.rfft(x + 1j), TypeError, r"\[fft.rfft\] is not defined for dtype comp"),
        (lambda x: pa.fft.fft(x, n=2.5), TypeError, r"\[fft.fft\] n"),
        (lambda x: pa.fft.fft(x, norm=1), TypeError, r"\[fft.fft\] norm"),
        (lambda x: pa.fft.fft(x, n=2**62), (MemoryError, ValueError), "fft|element|bytes"),
        (lambda x: pa.fft.irfft(x, n=2**62), (MemoryError, ValueError), "fft|element|bytes"),
        (lambda x: pa.fft.fftfreq(0), ValueError, r"\[fft.fftfreq\] n = 0"),
        (lambda x: pa.fft.rfftfreq(4, 0.0), ValueError, r"\[fft.rfftfreq\] n = 4 and d = 0"),
        (lambda x: pa.fft.fftfreq(4, dtype=pa.int64), TypeError, "not real and floating"),
        (lambda x: pa.fft.fftshift(x, 1), IndexError, r"\[fft.fftshift\] axis 1 is out of bounds"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(pa.ones(4))


def test_frequencies():
    for n, d in itertools.product(range(1, 10), (1.0, 0.1, -3)):
        np.testing.assert_array_equal(pa.fft.fftfreq(n, d).numpy(), np.fft.fftfreq(n, d))
        np.testing.assert_array_equal(pa.fft.rfftfreq(n, d).numpy(), np.fft.rfftfreq(n, d))
    assert pa.fft.fftfreq(3, dtype=pa.float32).dtype == np.float32


def circular(x, y):
    """The circular convolution of two real vectors, term by term."""
    n = x.shape[0]
    index = (np.arange(n)[:, None] - np.arange(n)) % n
    return pa.sum(x * y[index], axis=1)


def by_fft(x, y):
    return pa.real(pa.fft.ifft(pa.fft.fft(x) * pa.fft.fft(y)))


def by_rfft(x, y):
    return pa.fft.irfft(pa.fft.rfft(x) * pa.fft.rfft(y), x.shape[0])


def by_hfft(x, y):
    n = x.shape[0]
    return pa.fft.hfft(pa.fft.ihfft(x) * pa.fft.ihfft(y), n) * n


@pytest.mark.parametrize("n", [5, 6])
@pytest.mark.parametrize("convolve", [by_fft, by_rfft, by_hfft])
def test_hessian_of_a_convolution(n, convolve):
    """Orders two and three of a function of both factors, against the sum of products."""
    both = signal((2, n), "float64", seed=n)

    def energy(f):
        return lambda z: pa.sum(pa.sin(f(z[0], z[1])) * np.arange(1.0, n + 1))

    np.testing.assert_allclose(
        pa.hessian(energy(convolve), both).numpy(),
        pa.hessian(energy(circular), both).numpy(),
        atol=1e-12,
    )
    v, w = signal((2, 2, n), "float64", seed=1)

    def third(f):
        return pa.func.jvp(lambda z: pa.hvp(f, z, v), (both,), (w,))[1]

    got, want = third(energy(convolve)), third(energy(circular))
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), atol=1e-11)


def test_gradient_is_the_adjoint():
    """By PyTorch's convention the gradient of Re <w, F z> is F's adjoint of w."""
    for n in (4, 5):
        z, w = signal((2, n))
        adjoint = np.fft.fft(np.eye(n)).conj().T @ w
        slope = pa.func.grad(lambda z, w=w: pa.sum(pa.real(np.conj(w) * pa.fft.fft(z))))(z)
        np.testing.assert_allclose(slope.numpy(), adjoint, atol=1e-13)
        slope = pa.func.grad(lambda x, w=w: pa.sum(pa.real(np.conj(w) * pa.fft.fft(x))))(z.real)
        np.testing.assert_allclose(slope.numpy(), adjoint.real, atol=1e-13)


def test_numpy_dispatch():
    t = pa.tensor(signal((4, 6), "float64"), requires_grad=True)
    calls = [
        lambda x: np.fft.fft(x, 5, 0, norm="ortho"),
        lambda x: np.fft.rfft(a=x, n=7, axis=-1),
        lambda x: np.fft.irfft(x, norm=None, out=None),
        lambda x: np.fft.hfft(x),
        lambda x: np.fft.ihfft(x),
        lambda x: np.fft.fft2(x, s=(3, 3)),
        lambda x: np.fft.irfftn(x, (3, 4), (0, 1)),
        lambda x: np.fft.fftshift(x, axes=1),
        lambda x: np.fft.ifftshift(x),
    ]
    for call in calls:
        got = call(t)
        assert got.requires_grad
        assert_near(got.detach(), call(t.detach().numpy()))
    with pytest.raises(TypeError, match="out= is not supported"):
        np.fft.fft(t, out=np.empty((4, 6), complex))


def test_the_jacobian_of_rows_is_sparse():
    """A block for each row: 4 numbers of the spectrum times 6 of the input."""
    x = signal((3, 6), "float64")
    plan = pa.sparse.plan(lambda x: pa.absolute(pa.fft.rfft(x)) ** 2, x)
    assert plan.pattern.nnz == 3 * 4 * 6


@pytest.mark.parametrize("name", ["dct", "idct", "dst", "idst"])
@pytest.mark.parametrize("type", [1, 2, 3, 4])
def test_cosine_and_sine_transforms_are_scipys(name, type):
    rng = np.random.default_rng(0)
    options = itertools.product(
        (None, "backward", "ortho", "forward"), (None, True, False), (2, 3, 5, 8), (None, 4, 7)
    )
    for norm, orthogonalize, size, n in options:
        x = rng.standard_normal((2, size))
        for values in (x, x.astype(np.float32), x * (1 + 2j)):
            if values.dtype.kind == "c" and orthogonalize is not None:
                continue  # which SciPy forgets for complex numbers
            wanted = getattr(scipy.fft, name)(values, type, n, 1, norm, orthogonalize=orthogonalize)
            found = getattr(pa.fft, name)(values, type, n, 1, norm, orthogonalize=orthogonalize)
            assert found.dtype == wanted.dtype
            atol = 32 * np.finfo(wanted.dtype).eps * np.abs(wanted).max()
            np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("name", ["dct", "dst", "dctn", "dstn"])
@pytest.mark.parametrize("type", [1, 2, 3, 4])
def test_cosine_and_sine_transforms_and_their_inverses(name, type):
    forward, back = getattr(pa.fft, name), getattr(pa.fft, f"i{name}")
    x = pa.asarray(np.random.default_rng(1).standard_normal((3, 4)))
    for norm in (None, "ortho", "forward"):
        y = forward(x, type, norm=norm)
        np.testing.assert_allclose(back(y, type, norm=norm).numpy(), x, rtol=0, atol=1e-14)
    square = pa.jacobian(lambda x: pa.ravel(forward(x, type, norm="ortho")), x).numpy()
    square = square.reshape(12, 12)
    np.testing.assert_allclose(square @ square.T, np.eye(12), rtol=0, atol=1e-14)
    pa.testing.check_grads(lambda x: forward(x, type) ** 2, (x,), order=3)
    mapped = pa.func.vmap(lambda x: forward(x, type))(pa.stack([x, 2 * x]))
    np.testing.assert_array_equal(mapped[1].numpy(), forward(2 * x, type).numpy())
    np.testing.assert_array_equal(pa.captured(forward)(x).numpy(), forward(x).numpy())


def test_wrong_cosine_transforms():
    x = pa.ones(3)
    for call, text in (
        (lambda: pa.fft.dct(x, 5), r"\[fft.dct\] type must be 1, 2, 3 or 4, got 5"),
        (lambda: pa.fft.idct(x[:1], 1), "no transform of type 1 of 1 numbers"),
        (lambda: pa.fft.dst(x, norm="x"), "norm must be None"),
        (lambda: pa.fft.dstn(x, s=(2, 3), axes=0), r"\[fft.dstn\] s has 2 sizes for 1 axes"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
