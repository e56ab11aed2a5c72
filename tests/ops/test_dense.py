"""Matrices large enough to be worked on by blocks and by several threads."""

import itertools

import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa

DTYPES = ("float32", "float64", "complex64", "complex128")


def tolerance(dtype):
    return 2e-3 if np.dtype(dtype).itemsize // (1 + (np.dtype(dtype).kind == "c")) == 4 else 1e-10


def random(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def close(x, y, dtype, scale=1.0):
    np.testing.assert_allclose(np.asarray(x), y, rtol=0, atol=tolerance(dtype) * scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [97, 201])
def test_solve_and_inverse(n, dtype):
    a, b = random((n, n), dtype), random((n, 70), dtype, 1)
    scale = np.linalg.cond(a.astype("complex128"))
    for matrix, sides in itertools.product((a, np.asfortranarray(a)), (b, np.asfortranarray(b))):
        close(a @ pa.linalg.solve(matrix, sides).numpy(), b, dtype, scale)
    close(a @ pa.linalg.solve(a, b[:, 0]).numpy(), b[:, 0], dtype, scale)
    close(a @ pa.linalg.inv(a).numpy(), np.eye(n), dtype, scale)
    close(pa.linalg.inv(a).numpy() @ a, np.eye(n), dtype, scale)
    sign, logarithm = pa.linalg.slogdet(a)
    expected = np.linalg.slogdet(a.astype("complex128" if "complex" in dtype else "float64"))
    close(sign, expected[0], dtype, 10)
    close(logarithm, expected[1], dtype, 10)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(230, 230), (150, 230), (230, 150)])
def test_lu(shape, dtype):
    a = random(shape, dtype)
    p, lower, upper = (x.numpy() for x in pa.linalg.lu(a))
    close(p @ lower @ upper, a, dtype)
    assert np.abs(lower).max() < 1.5  # the largest element of a column is its pivot


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1, 2])
def test_triangular_systems(dtype, lower, trans):
    n = 150
    full = random((n, n), dtype) / n + 2 * np.eye(n, dtype=dtype)
    for unit, columns in itertools.product((False, True), (1, 80)):
        a = np.tril(full) if lower else np.triu(full)
        if unit:
            np.fill_diagonal(a, 1)
        operator = (a, a.T, a.conj().T)[trans]
        b = random((n, columns), dtype, 1)
        for matrix, sides in itertools.product(
            (full, np.asfortranarray(full)), (b, np.asfortranarray(b))
        ):
            x = pa.linalg.solve_triangular(
                matrix, sides, trans=trans, lower=lower, unit_diagonal=unit
            )
            close(operator @ x.numpy(), b, dtype, 10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upper", [False, True])
def test_cholesky(dtype, upper):
    n = 210
    x = random((n, n), dtype) / np.sqrt(n)
    a = x @ x.conj().T + np.eye(n, dtype=dtype)
    spoilt = np.triu(a) if upper else np.tril(a)  # the other triangle is not read
    factor = pa.linalg.cholesky(spoilt, upper=upper).numpy()
    np.testing.assert_array_equal(factor, np.triu(factor) if upper else np.tril(factor))
    product = factor.conj().T @ factor if upper else factor @ factor.conj().T
    close(product, a, dtype, 10)
    a[170, 170] = -1
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        pa.linalg.cholesky(a, upper=upper)


def test_singular_matrices_are_found():
    a = random((200, 200), "float64")
    a[:, 150] = 0
    for call in (pa.linalg.inv, lambda a: pa.linalg.solve(a, a)):
        with pytest.raises(np.linalg.LinAlgError, match="singular"):
            call(a)
    assert pa.linalg.slogdet(a)[1].item() == -np.inf
    slope = pa.func.grad(lambda a: pa.linalg.slogdet(a)[1])(a)
    assert not np.isfinite(slope.numpy()).any()


@pytest.mark.parametrize("count", [1, 3])
def test_results_do_not_depend_on_the_number_of_threads(count):
    a = random((count, 300, 300), "float64") + 20 * np.eye(300)
    b, p = random((count, 300, 270), "float64", 1), a @ a.mT

    def results():
        def loss(a, b, p):
            x = pa.linalg.solve(a, b)
            y = pa.linalg.solve_triangular(pa.linalg.cholesky(p), x, lower=True)
            return pa.sum(y) + pa.sum(pa.linalg.inv(a)) + pa.sum(pa.linalg.slogdet(a)[1])

        return [pa.matmul(a.mT, b), *pa.func.grad(loss, argnums=(0, 1, 2))(a, b, p)]

    before, bits = pa.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            pa.set_num_threads(threads)
            bits.append([x.numpy().tobytes() for x in results()])
    finally:
        pa.set_num_threads(before)
    assert bits[0] == bits[1] == bits[2]


def test_gradients_of_large_matrices():
    n = 270
    a = random((n, n), "float64") / np.sqrt(n) + 3 * np.eye(n)
    p, b = a @ a.T, random((n, n), "float64", 1)
    direction = random((n, n), "float64", 2) / n
    weights = random((n, n), "float64", 3)
    functions = {
        "inv": (pa.linalg.inv, a),
        "solve": (lambda x: pa.linalg.solve(x, b), a),
        "cholesky": (lambda x: pa.linalg.cholesky(x @ x.mT), a),
        "triangular": (lambda x: pa.linalg.solve_triangular(x, b), a),
        "transposed": (lambda x: pa.linalg.solve_triangular(x, b, trans=1, lower=True), p),
        "slogdet": (lambda x: pa.linalg.slogdet(x)[1], a),
        "det": (lambda x: pa.linalg.det(x / 3.0), a),
    }
    for name, (function, at) in functions.items():
        like = function(pa.tensor(at))
        t = pa.tensor(weights if like.ndim else 1.0)
        loss = lambda x, f=function, t=t: pa.sum(f(x) * t)  # noqa: E731
        slope = pa.func.grad(loss)(pa.tensor(at)).numpy()
        forward = pa.func.jvp(loss, (pa.tensor(at),), (pa.tensor(direction),))[1].item()
        backward = np.sum(slope * direction)
        np.testing.assert_allclose(backward, forward, rtol=1e-8, atol=1e-10, err_msg=name)
        step = 1e-4
        ends = [loss(pa.tensor(at + s * direction)).item() for s in (step, -step)]
        slack = 1e-5 * np.linalg.norm(slope) * np.linalg.norm(direction)
        np.testing.assert_allclose(
            (ends[0] - ends[1]) / (2 * step), backward, rtol=1e-5, atol=slack, err_msg=name
        )


def test_least_squares():
    for shape, dtype in itertools.product(
        [(90, 40), (40, 90), (60, 60)], ["float64", "complex128"]
    ):
        a, b = random(shape, dtype), random((shape[0], 3), dtype, 1)
        x, residuals, rank, s = pa.linalg.lstsq(a, b)
        expected = np.linalg.lstsq(a, b, rcond=None)
        close(x, expected[0], dtype, 10)
        close(residuals, expected[1], dtype, 10)
        close(s, expected[3], dtype, 10)
        assert rank.item() == min(shape)
        # Of a batch of right sides there are as many solutions, but one list of singular values.
        many = pa.linalg.lstsq(a, np.stack([b, 2 * b]))
        close(many[0], np.stack([expected[0], 2 * expected[0]]), dtype, 20)
        assert many[3].shape == s.shape
    nearly = a.real.copy()
    nearly[:, 0] = nearly[:, 1] + 1e-15
    expected = np.linalg.lstsq(nearly, b.real, rcond=None)
    x, _, rank, _ = pa.linalg.lstsq(nearly, b.real)
    close(x, expected[0], "float64", 10)
    assert rank.item() == expected[2] == 59


def test_derivatives_of_expm_are_made_of_blocks():
    scipy_linalg = pytest.importorskip("scipy.linalg")
    a, e, f = (random((20, 20), "float64", seed) / 3 for seed in range(3))
    for scale in (0.01, 0.3, 1.0, 30.0):
        value, slope = scipy_linalg.expm_frechet(scale * a, e)
        size = np.abs(slope).max()
        found = pa.func.jvp(pa.linalg.expm, (pa.tensor(scale * a),), (pa.tensor(e),))
        np.testing.assert_allclose(
            found[0].numpy(), value, rtol=0, atol=1e-12 * np.abs(value).max()
        )
        np.testing.assert_allclose(found[1].numpy(), slope, rtol=0, atol=1e-11 * size)
    # Second derivatives are the corner of the exponential of a matrix of four blocks a side.
    zero = np.zeros_like(a)
    first, second = np.block([[a, e], [zero, a]]), np.block([[f, zero], [zero, f]])
    whole = np.block([[first, second], [np.zeros_like(first), first]])
    rng = np.random.default_rng(5)
    change = rng.permutation(80)  # a basis in which no blocks are seen
    turned = np.empty_like(whole)
    turned[np.ix_(change, change)] = whole
    expected = pa.linalg.expm(turned).numpy()[np.ix_(change, change)]
    np.testing.assert_allclose(pa.linalg.expm(whole).numpy(), expected, rtol=1e-9, atol=1e-11)
    slope_at = lambda x: pa.func.jvp(pa.linalg.expm, (x,), (pa.tensor(e),))[1]  # noqa: E731
    mixed = pa.func.jvp(slope_at, (pa.tensor(a),), (pa.tensor(f),))[1].numpy()
    np.testing.assert_allclose(mixed, expected[:20, 60:], rtol=1e-8, atol=1e-10)


def test_triangles_of_large_products():
    n = 400
    a = random((n, n), "float64") / n + np.eye(n)
    b, t = random((n, n), "float64", 1), random((n, n), "float64", 2)
    for lower, trans in itertools.product((False, True), (0, 1)):
        f = lambda a, lower=lower, trans=trans: pa.sum(  # noqa: E731
            pa.linalg.solve_triangular(a, b, lower=lower, trans=trans) * t
        )
        part = np.tril(a) if lower else np.triu(a)
        operator = part.T if trans else part
        x, y = np.linalg.solve(operator, b), np.linalg.solve(operator.T, t)
        expected = -(x @ y.T if trans else y @ x.T)
        expected = np.tril(expected) if lower else np.triu(expected)
        np.testing.assert_allclose(pa.func.grad(f)(a).numpy(), expected, rtol=1e-9, atol=1e-9)
    p = a @ a.T
    factor = np.linalg.cholesky(p)
    half = np.tril(factor.T @ np.tril(t))
    np.fill_diagonal(half, np.diag(half) / 2)
    inverse = np.linalg.inv(factor)
    expected = inverse.T @ half @ inverse
    slope = pa.func.grad(lambda p: pa.sum(pa.linalg.cholesky(p) * t))(p).numpy()
    np.testing.assert_allclose(slope, (expected + expected.T) / 2, rtol=1e-8, atol=1e-9)


def test_eigenvalues_of_real_matrices():
    a = random((30, 30), "float64")
    for dtype in ("float32", "float64"):
        w, v = (x.numpy() for x in pa.linalg.eig(a.astype(dtype)))
        close(a @ v, v * w, dtype, 10)
        close(np.linalg.norm(v, axis=0), 1, dtype)
        values = pa.linalg.eigvals(a.astype(dtype)).numpy()
        close(np.sort_complex(values), np.sort_complex(np.linalg.eigvals(a)), dtype, 10)
    assert w.dtype == "complex128" and (w.imag != 0).any()
    trace = lambda a: pa.real(pa.sum(pa.linalg.eigvals(a) ** 3))  # noqa: E731
    slope = pa.func.grad(trace)(a).numpy()
    np.testing.assert_allclose(slope, 3 * (a @ a).T, rtol=1e-8, atol=1e-8)


def test_the_environment_says_how_many_threads_there_are():
    program = """
        import os
        os.environ["PYAUTOGRAD_NUM_THREADS"] = "{}"
        import pyautograd as pa
        pa.ones((600, 600)) @ pa.ones((600, 600))
        print(pa.get_num_threads())
    """
    assert run_code(program.format(3)).stdout.strip() == "3"
    for nonsense in ("", "0", "-2", "many"):
        assert int(run_code(program.format(nonsense)).stdout) >= 1
