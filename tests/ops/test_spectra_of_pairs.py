"""Spectra of pairs of matrices: ``a v = w b v``, ``a b v = w v`` and ``b a v = w v``."""

import numpy as np
import pytest
import scipy.linalg as sl
from support.modes import in_all_modes

import pyautograd as pa

rng = np.random.default_rng(0)


def hermitian(n, dtype=float):
    x = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if dtype is complex else 0)
    return x + x.conj().T


def definite(n, dtype=float):
    x = hermitian(n, dtype)
    return x @ x.conj().T + n * np.eye(n)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("uplo", ["L", "U"])
def test_one_triangle_is_read_of_both(uplo, dtype):
    a, b = hermitian(4, dtype), definite(4, dtype)
    w, v = sl.eigh(a, b)
    part = np.tril if uplo == "L" else np.triu
    junk = 7 * np.ones((4, 4)) - part(7 * np.ones((4, 4)))
    spoilt = [part(x) + junk for x in (a, b)]
    got = pa.linalg.eigh(*spoilt, UPLO=uplo)
    np.testing.assert_allclose(got.eigenvalues.numpy(), w, rtol=1e-13)
    np.testing.assert_allclose(pa.linalg.eigvalsh(*spoilt, UPLO=uplo).numpy(), w, rtol=1e-13)
    ours = got.eigenvectors.numpy()
    np.testing.assert_allclose(ours.conj().T @ b @ ours, np.eye(4), atol=1e-13)
    outer = np.outer(v[:, 1], v[:, 1].conj())
    for value in (
        lambda a, b: pa.linalg.eigvalsh(a, b, UPLO=uplo)[1],
        lambda a, b: pa.linalg.eigh(a, b, UPLO=uplo).eigenvalues[1],
    ):
        by_a, by_b = pa.func.grad(value, argnums=(0, 1))(*spoilt)
        np.testing.assert_allclose(by_a.numpy(), outer, atol=1e-13)
        np.testing.assert_allclose(by_b.numpy(), -w[1] * outer, atol=1e-13)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("type", [1, 2, 3])
def test_each_type_solves_and_scales_as_scipy(type, uplo, dtype):
    a, b = hermitian(4, dtype), definite(4, dtype)
    w, v = sl.eigh(a, b, type=type, lower=uplo == "L")
    part = np.tril if uplo == "L" else np.triu
    spoilt = [part(x) + 7 * (1 - part(np.ones((4, 4)))) for x in (a, b)]
    got = pa.linalg.eigh(*spoilt, UPLO=uplo, type=type)
    ours = got.eigenvectors.numpy()
    np.testing.assert_allclose(got.eigenvalues.numpy(), w, rtol=1e-12)
    values = pa.linalg.eigvalsh(*spoilt, UPLO=uplo, type=type)
    np.testing.assert_allclose(values.numpy(), w, rtol=1e-12)
    left, right = {1: (a, b), 2: (a @ b, np.eye(4)), 3: (b @ a, np.eye(4))}[type]
    np.testing.assert_allclose(left @ ours, right @ ours * w, atol=1e-11)
    outer = np.einsum("ik,jk->kij", v, v.conj())
    np.testing.assert_allclose(np.einsum("ik,jk->kij", ours, ours.conj()), outer, atol=1e-12)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("type", [1, 2, 3])
def test_derivatives_of_each_type_beside_differences(type, dtype):
    pair = hermitian(3, dtype), definite(3, dtype)

    def of_hermitian(*pair):
        a, b = ((x + x.conj().mT) / 2 for x in pair)
        w, v = pa.linalg.eigh(a, b, type=type)
        return pa.linalg.eigvalsh(a, b, type=type), w, pa.abs(v) ** 2

    pa.testing.gradcheck(of_hermitian, pair)
    pa.testing.gradgradcheck(of_hermitian, pair)


def upper_root(a, b):
    """The larger eigenvalue of a symmetric pair of two rows, from its characteristic equation."""
    second = b[0, 0] * b[1, 1] - b[0, 1] ** 2
    first = a[0, 0] * b[1, 1] + a[1, 1] * b[0, 0] - 2 * a[0, 1] * b[0, 1]
    none = a[0, 0] * a[1, 1] - a[0, 1] ** 2
    return (first + pa.sqrt(first**2 - 4 * second * none)) / (2 * second)


@pytest.mark.parametrize("type", [1, 2, 3])
def test_derivatives_to_third_order(type):
    a, b, da, db = hermitian(2), definite(2), hermitian(2), hermitian(2) / 4

    def moved(root):
        return lambda t: root(a + t[0] * da + t[1] ** 2 * db, b + t[1] * db + t[0] * t[1] * da / 9)

    def energy(a, b):
        v = pa.linalg.eigh(a, b, type=type).eigenvectors[:, 1]
        u = b @ v if type == 2 else v
        return u @ a @ u

    ways = [
        lambda a, b: upper_root(a, b if type == 1 else pa.linalg.inv(b)),
        lambda a, b: pa.linalg.eigvalsh(a, b, type=type)[1],
        lambda a, b: pa.linalg.eigh(a, b, type=type).eigenvalues[1],
        energy,
    ]
    at, first, second = np.array([0.1, -0.2]), np.array([1.0, 0.5]), np.array([-0.3, 1.0])
    for directions in ([first], [first, second], [first, first, first]):
        exact, *others = (in_all_modes(moved(root), at, *directions) for root in ways)
        for values in others:
            np.testing.assert_allclose(values, exact[0], rtol=1e-9)


@pytest.mark.parametrize("b", [np.diag([1.0, 2.0, 4.0]), definite(3)], ids=["diagonal", "full"])
@pytest.mark.parametrize("type", [1, 2, 3])
def test_symmetric_functions_where_values_repeat(b, type):
    """The Hessian of sum(w**3), the trace of a power, where all values are 2."""
    a = 2 * (b if type == 1 else np.linalg.inv(b))

    def even(x):
        return (x + x.mT) / 2

    def power(a, b):
        one = pa.linalg.solve(even(b), even(a)) if type == 1 else even(a) @ even(b)
        return pa.trace(one @ one @ one)

    def ours(a, b):
        return pa.sum(pa.linalg.eigvalsh(a, b, type=type) ** 3)

    exact = pa.hessian(power, a, b, argnums=(0, 1))
    got = pa.hessian(ours, a, b, argnums=(0, 1))
    for i in range(2):
        for j in range(2):
            np.testing.assert_allclose(got[i][j].numpy(), exact[i][j].numpy(), atol=1e-11)


def test_the_second_argument_is_a_matrix_or_the_triangle_of_numpy():
    a = np.array([[2.0, 9.0], [0.5, 3.0]])
    t = pa.tensor(a)
    for module in (np.linalg, pa.linalg):
        np.testing.assert_allclose(module.eigvalsh(t, "U").numpy(), np.linalg.eigvalsh(a, "U"))
        np.testing.assert_allclose(module.eigh(t, "U")[0].numpy(), np.linalg.eigh(a, "U")[0])
    b = pa.tensor([[2.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(pa.linalg.eigvalsh(t, b).numpy(), np.linalg.eigvalsh(a) / 2)


def test_wrong_use():
    a, b = hermitian(3), definite(3)
    for f in (pa.linalg.eigh, pa.linalg.eigvalsh):
        name = f.__name__
        with pytest.raises(np.linalg.LinAlgError, match=rf"\[linalg.{name}\] b is not positive"):
            f(a, -b)
        with pytest.raises(ValueError, match=rf"\[linalg.{name}\] shapes .* b must have as many"):
            f(a, definite(2))
        with pytest.raises(ValueError, match="UPLO must be 'L' or 'U', got 'X'"):
            f(a, b, "X")
        for second in (b, None):
            with pytest.raises(
                ValueError, match=rf"\[linalg.{name}\] type must be 1, 2 or 3, got 4"
            ):
                f(a, second, type=4)
