"""Convolutions that are longer than those of the records."""

import numpy as np
import pytest

import pyautograd as pa

MODES = ("full", "same", "valid")


@pytest.mark.parametrize("mode", MODES)
def test_long_vectors(mode):
    rng = np.random.default_rng(0)
    for n, m in [(3000, 70), (40, 40), (17, 16), (33, 1), (64, 48)]:
        a, v = rng.uniform(-1, 1, n), rng.uniform(-1, 1, m)
        for x, y in ((a, v), (v, a)):
            for name in ("convolve", "correlate"):
                got, want = getattr(pa, name)(x, y, mode), getattr(np, name)(x, y, mode)
                np.testing.assert_allclose(got.numpy(), want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "int32"])
def test_integers_are_exact_and_wrap(dtype):
    rng = np.random.default_rng(1)
    a, v = (rng.integers(0, 2**62, n).astype(dtype) for n in (500, 90))
    for mode in MODES:
        np.testing.assert_array_equal(pa.convolve(a, v, mode).numpy(), np.convolve(a, v, mode))


def test_what_is_not_finite_reaches_its_window_only():
    a, v = np.ones(100), np.ones(7)
    a[40], v[3] = np.inf, 0
    got = pa.convolve(a, v).numpy()
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(np.convolve(a, v)))
    a[40], v[6] = 1, np.nan
    np.testing.assert_array_equal(np.isnan(pa.convolve(a, v).numpy()), np.isnan(np.convolve(a, v)))


def test_derivatives_are_those_of_the_sum():
    rng = np.random.default_rng(2)
    both = rng.uniform(-1, 1, 24)

    def by_sum(z):
        x, y = z[:19], z[19:]
        rows = [pa.pad(x * y[j], (j, 4 - j)) for j in range(5)]
        return pa.sum(pa.sin(sum(rows)) * np.arange(23.0))

    def by_op(z):
        return pa.sum(pa.sin(pa.convolve(z[:19], z[19:])) * np.arange(23.0))

    for derivative in (pa.func.grad, pa.func.hessian):
        got, want = (np.asarray(derivative(f)(both)) for f in (by_op, by_sum))
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_the_jacobian_is_banded():
    x, v = np.arange(1.0, 9.0), np.array([1.0, -2.0, 1.0])
    f = lambda x: pa.convolve(x, v, "same") ** 2  # noqa: E731
    assert pa.sparse.plan(f, x).pattern.nnz == 3 * 8 - 2
    np.testing.assert_allclose(pa.sparse.jacobian(f, x).toarray(), pa.jacobian(f, x).numpy())
