"""Linear algebra where it is hard: singular, repeated, masked, empty, not finite, wrong."""

import itertools
import pickle

import numpy as np
import pytest
import scipy.linalg as sl
from records import LINALG
from support.modes import forward, reverse
from support.processes import run_code

import pyautograd as pa

LinAlgError = np.linalg.LinAlgError
MODES = list(itertools.product((pa.func.jacfwd, pa.func.jacrev), repeat=2))


def hessians(f, x):
    """As matrices, in all mixtures of modes."""
    size = x.size
    return [a(b(f))(pa.tensor(x)).numpy().reshape(size, size) for a, b in MODES]


def leibniz(a):
    """The determinant as the polynomial that it is."""
    n = a.shape[-1]
    total = pa.tensor(0.0)
    for order in itertools.permutations(range(n)):
        inversions = sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        term = pa.tensor((-1.0) ** inversions)
        for i in range(n):
            term = term * a[i, order[i]]
        total = total + term
    return total


def drawn(rng, *shape, dtype=float):
    real = rng.uniform(-1, 1, shape)
    return real + 1j * rng.uniform(-1, 1, shape) if dtype is complex else real


def of_rank(rank, n, rng, dtype=float):
    return drawn(rng, n, rank, dtype=dtype) @ drawn(rng, rank, n, dtype=dtype)


def real_number(function):
    """The real and the imaginary part in one number."""
    return lambda a: pa.real(function(a)) + 2.0 * pa.imag(function(a))


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("n, rank", [(n, rank) for n in (1, 2, 3, 4) for rank in range(n + 1)])
def test_det_is_exact_at_every_rank_to_third_order(n, rank, dtype):
    rng = np.random.default_rng(n + 10 * rank)
    a = of_rank(rank, n, rng, dtype)
    np.testing.assert_allclose(pa.linalg.det(a).item(), leibniz(pa.tensor(a)).item(), atol=1e-14)
    directions = [(drawn(rng, n, n, dtype=dtype),) for _ in range(3)]
    for order in (1, 2, 3):
        exact = real_number(leibniz)
        for vs in directions[:order]:
            exact = forward(exact, vs)
        want = exact(pa.tensor(a)).item()
        for modes in itertools.product((forward, reverse), repeat=order):
            f = real_number(pa.linalg.det)
            for mode, vs in zip(modes, directions, strict=False):
                f = mode(f, vs)
            np.testing.assert_allclose(f(pa.tensor(a)).item(), want, rtol=1e-12, atol=1e-13)


def test_fourth_derivative_of_det():
    rng = np.random.default_rng(0)
    a = of_rank(1, 4, rng)
    f, g = pa.linalg.det, leibniz
    for _ in range(4):
        vs = (rng.uniform(-1, 1, (4, 4)),)
        f, g = reverse(f, vs), forward(g, vs)
    np.testing.assert_allclose(f(pa.tensor(a)).item(), g(pa.tensor(a)).item(), rtol=1e-12)


def test_hessian_of_det_at_zero():
    want = np.array([[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]])
    for matrix in hessians(pa.linalg.det, np.zeros((2, 2))):
        np.testing.assert_allclose(matrix, want, atol=1e-15)
    np.testing.assert_array_equal(pa.func.grad(pa.linalg.det)(pa.zeros((3, 3))).numpy(), 0)


def test_minors_of_small_matrices_are_not_rounded():
    """The derivatives of the n-th order are the signs of the permutations."""
    for n in (1, 2, 3):
        f, want = pa.linalg.det, np.zeros((n,) * (2 * n))
        for rows, columns in itertools.product(itertools.permutations(range(n)), repeat=2):
            places = tuple(i for pair in zip(rows, columns, strict=True) for i in pair)
            want[places] = np.linalg.det(np.eye(n)[list(rows)] @ np.eye(n)[list(columns)].T)
        a = pa.tensor(np.arange(1.0, n * n + 1).reshape(n, n) / 3)
        for _ in range(n):
            f = pa.func.jacfwd(f)
        np.testing.assert_array_equal(f(a).numpy(), np.round(want))
        assert not pa.any(pa.func.jacfwd(f)(a))
    singular = pa.tensor([[1.0, 2.0], [2.0, 4.0]])
    assert pa.func.grad(pa.linalg.det)(singular).tolist() == [[4.0, -2.0], [-2.0, 1.0]]


def test_det_neither_overflows_nor_underflows_on_the_way():
    d = np.array([1e300, 1e300, 1e-300, 1e-300, 5e-324, 2.0**1000])
    sign, logabsdet = pa.linalg.slogdet(np.diag(d))
    assert sign.item() == 1
    np.testing.assert_allclose(logabsdet.item(), np.log(d).sum())
    np.testing.assert_allclose(pa.linalg.det(np.diag(d)).item(), 5e-324 * 2.0**1000, rtol=1e-12)


def test_slogdet_of_a_masked_singular_matrix():
    a = np.array([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 0.0], [0.0, 3.0]]])
    sign, logabsdet = pa.linalg.slogdet(a)
    assert sign.tolist() == [0, 1]
    assert logabsdet[0].item() == -np.inf

    def f(a):
        sign, logabsdet = pa.linalg.slogdet(a)
        return pa.sum(pa.where(pa.equal(sign, 0.0), 0.0, logabsdet))

    want = np.stack([np.zeros((2, 2)), np.diag([1 / 2, 1 / 3])])
    np.testing.assert_allclose(pa.func.grad(f)(a).numpy(), want)
    np.testing.assert_allclose(pa.func.jvp(f, (a,), (np.ones_like(a),))[1].item(), want.sum())


def test_first_derivatives_of_symmetric_functions_at_repeated_eigenvalues():
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    for a in (np.eye(3), q @ np.diag([1.0, 1.0, 2.0]) @ q.T, np.zeros((3, 3))):
        a = (a + a.T) / 2
        got = pa.func.grad(lambda a: pa.sum(pa.exp(pa.linalg.eigvalsh(a))))(a)
        np.testing.assert_allclose(got.numpy(), sl.expm(a), rtol=1e-13, atol=1e-13)
        moved = pa.func.jvp(lambda a: pa.sum(pa.linalg.eigvalsh(a) ** 3), (a,), (q,))[1]
        np.testing.assert_allclose(moved.item(), 3 * np.trace(a @ a @ q), atol=1e-13)
    got = pa.func.grad(lambda a: pa.sum(pa.linalg.svdvals(a) ** 2))(np.eye(3))
    np.testing.assert_allclose(got.numpy(), 2 * np.eye(3), atol=1e-14)


def symmetric_function(eigenvalues):
    def f(x):
        a = (x + x.mT) * 0.5
        return pa.sum(pa.exp(eigenvalues(a)))

    return f


def test_second_derivatives_of_spectral_sums():
    """Exact where eigenvalues differ, and where they do not."""
    a = np.array([[1.0, 0.3, 0.0], [0.3, 2.0, 0.1], [0.0, 0.1, 4.0]])
    exact = hessians(lambda x: pa.linalg.trace(pa.linalg.expm((x + x.mT) * 0.5)), a)[0]
    for eigenvalues in (pa.linalg.eigvalsh, lambda a: pa.linalg.eigh(a).eigenvalues):
        for matrix in hessians(symmetric_function(eigenvalues), a):
            np.testing.assert_allclose(matrix, exact, rtol=1e-11, atol=1e-11)
        for matrix in hessians(symmetric_function(eigenvalues), np.eye(3)):
            right = np.eye(9).reshape(3, 3, 3, 3)
            right = np.e * (right + right.transpose(1, 0, 2, 3)).reshape(9, 9) / 2
            np.testing.assert_allclose(matrix, right, rtol=1e-12, atol=1e-12)


def test_derivatives_through_vectors_of_repeated_values_are_nan():
    def projected(a):
        w, v = pa.linalg.eigh(a)
        return pa.sum(((v * pa.exp(w)) @ v.mT)[0])

    def recomposed(a):
        u, s, vh = pa.linalg.svd(a)
        return pa.sum(((u * pa.exp(s)) @ vh)[0])

    for f in (projected, recomposed):
        assert np.isnan(pa.func.grad(f)(np.eye(2)).numpy()).any()
        assert np.isfinite(pa.func.grad(f)(np.diag([1.0, 2.0])).numpy()).all()


def test_eigenvectors_of_a_masked_matrix_contribute_nothing():
    def f(a):
        w, v = pa.linalg.eigh(a)
        return pa.sum(pa.where(np.array([[[False]], [[True]]]), v, 0.0) ** 2 * w[:, None])

    a = np.stack([np.eye(2), np.diag([1.0, 2.0])])
    gradient = pa.func.grad(f)(a).numpy()
    assert np.isfinite(gradient[1]).all()
    np.testing.assert_array_equal(gradient[0], 0)


def test_gradients_are_symmetric_where_one_triangle_is_read():
    a = np.array([[2.0, 9.0], [0.5, 3.0]])
    for f in (
        lambda a: pa.linalg.cholesky(a)[1, 0],
        lambda a: pa.linalg.eigvalsh(a)[0],
        lambda a: pa.linalg.eigh(a).eigenvalues[1],
    ):
        gradient = pa.func.grad(f)(a).numpy()
        np.testing.assert_allclose(gradient, gradient.T)
    np.testing.assert_allclose(pa.linalg.eigvalsh(a).numpy(), np.linalg.eigvalsh(a))
    upper = pa.linalg.eigvalsh(a, UPLO="U").numpy()
    np.testing.assert_allclose(upper, np.linalg.eigvalsh(a, UPLO="U"))
    with pytest.raises(ValueError, match="UPLO must be 'L' or 'U', got 'X'"):
        pa.linalg.eigh(a, UPLO="X")


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


@pytest.mark.parametrize(
    "f",
    [
        pa.linalg.inv,
        lambda a: pa.linalg.solve(a, np.ones(2)),
        lambda a: pa.linalg.matrix_power(a, -1),
        lambda a: pa.linalg.cholesky(a - 5 * np.eye(2)),
        lambda a: pa.linalg.solve_triangular(a * np.array([[1.0, 1.0], [1.0, 0.0]]), np.ones(2)),
        lambda a: pa.linalg.solve_sylvester(a, -a, np.ones((2, 2))),
        lambda a: pa.linalg.pinv(a * np.nan),
        lambda a: pa.linalg.svdvals(a * np.nan),
    ],
)
def test_linalg_errors(f):
    batch = np.stack([np.eye(2) * 2, SINGULAR])
    with pytest.raises(LinAlgError, match=r"\[linalg\.\w+\]"):
        f(pa.tensor(SINGULAR))
    with pytest.raises(LinAlgError, match=r"\[linalg\.\w+\].*"):
        f(pa.tensor(batch))
    with pytest.raises(LinAlgError, match=r"\[linalg\.\w+\].*"):
        pa.func.vmap(f)(batch)


def test_errors_name_the_matrix_of_a_batch():
    with pytest.raises(LinAlgError, match=r"\[linalg.inv\] the matrix is singular \(matrix 1 of 3"):
        pa.linalg.inv(np.stack([np.eye(2), SINGULAR, np.eye(2)]))
    with pytest.raises(LinAlgError, match=r"square in its last two axes, got \(2, 3\)"):
        pa.linalg.det(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"mode must be 'reduced', 'complete', 'r' or 'raw'"):
        pa.linalg.qr(np.eye(2), mode="full")
    with pytest.raises(ValueError, match=r"ord='nuc' is for matrices"):
        pa.linalg.norm(np.ones(3), "nuc")
    with pytest.raises(ValueError, match=r"row 7 is out of range for 2 rows"):
        pa.linalg.lu_solve((np.eye(2), np.array([7, 1])), np.ones(2))
    with pytest.raises(ValueError, match=r"trans must be 0 or 'N'"):
        pa.linalg.solve_triangular(np.eye(2), np.ones(2), trans=3)


def test_sizes_beyond_those_of_lapack():
    for call in (
        lambda wide: pa.linalg.svdvals(wide),
        lambda wide: pa.linalg.solve(np.zeros((0, 0)), wide),
        lambda wide: pa.linalg.lstsq(np.zeros((0, 2)), wide),
    ):
        with pytest.raises(ValueError, match=r"too large for LAPACK: \(0, 2147483648\)"):
            call(np.zeros((0, 2**31)))


def test_without_lapack_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['scipy_openblas32'] = None; import pyautograd as pa\n"
        "print(pa.ones((2, 2)) @ pa.ones((2, 2)))\n"
        "try: pa.linalg.inv(pa.ones((2, 2)))\n"
        "except RuntimeError as error: print(error)"
    )
    done = run_code(code)
    assert "install the package scipy-openblas32" in done.stdout, done.stderr


def any_nan(arrays):
    return any(np.isnan(a).any() for a in arrays if a.dtype.kind == "f")


def results(out):
    return list(out) if isinstance(out, (list, tuple)) else [out]


@pytest.mark.parametrize("record", LINALG, ids=lambda r: r.name)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_an_error_or_not_finite(record, value):
    """Nothing hangs, and no finite number passes for a result that depends on a nan."""
    for sample in record.calls():
        for i, array in enumerate(sample.arrays):
            if array.size == 0:
                continue
            arrays = list(sample.arrays)
            arrays[i] = array.copy()
            arrays[i][...] = value
            try:
                out = record.call(sample, [pa.tensor(a) for a in arrays])
            except LinAlgError:
                continue
            if not np.isnan(value):
                continue  # SciPy's own expm hangs at infinities on ARM
            expected = record.outcome(sample, arrays)
            if isinstance(expected, Exception) or any_nan(expected):
                assert any_nan([y.numpy() for y in out]), sample


def test_empty_matrices():
    empty, none = np.zeros((0, 0)), np.zeros((0, 2, 2))
    for name in ("inv", "det", "slogdet", "cholesky", "qr", "eigh", "eigvalsh", "svd", "svdvals"):
        ours, theirs = getattr(pa.linalg, name), getattr(np.linalg, name)
        for a in (empty, none, np.zeros((0, 0, 0))):
            for y, want in zip(results(ours(a)), results(theirs(a)), strict=True):
                np.testing.assert_array_equal(y.numpy(), want)
    for a in (np.zeros((0, 2)), np.zeros((2, 0))):
        for full in (True, False):
            got = pa.linalg.svd(a, full_matrices=full)
            for y, want in zip(got, np.linalg.svd(a, full_matrices=full), strict=True):
                np.testing.assert_array_equal(y.numpy(), want)
        for mode in ("reduced", "complete"):
            got = pa.linalg.qr(a, mode=mode)
            for y, want in zip(got, np.linalg.qr(a, mode=mode), strict=True):
                np.testing.assert_array_equal(y.numpy(), want)
        assert pa.linalg.pinv(a).shape == a.shape[::-1]
        assert pa.linalg.lstsq(a, np.ones(a.shape[0]))[0].shape == (a.shape[1],)
        assert pa.linalg.matrix_rank(a).item() == 0
    for f in (pa.linalg.expm, pa.linalg.logm, pa.linalg.sqrtm):
        assert f(empty).shape == (0, 0)
        assert f(none).shape == (0, 2, 2)
    gradient = pa.func.grad(lambda a: pa.sum(pa.linalg.det(a)))(none)
    assert gradient.shape == none.shape


def test_numpy_functions_take_tensors():
    a, b = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])
    t, v = pa.tensor(a, requires_grad=True), pa.tensor(b)
    calls = [
        lambda a, b: np.linalg.solve(a, b),
        lambda a, b: np.linalg.norm(a, "fro", (0, 1), True),
        lambda a, b: np.linalg.norm(b, 1),
        lambda a, b: np.linalg.svd(a, True, False),
        lambda a, b: np.linalg.svd(a, full_matrices=False).S,
        lambda a, b: np.linalg.eigh(a, UPLO="U").eigenvalues,
        lambda a, b: np.linalg.slogdet(a).logabsdet,
        lambda a, b: np.linalg.qr(a, mode="r"),
        lambda a, b: np.linalg.qr(a).R,
        lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0],
        lambda a, b: np.linalg.pinv(a, rcond=1e-10),
        lambda a, b: np.linalg.matrix_power(a, n=3),
        lambda a, b: np.linalg.cond(a, 1),
        lambda a, b: np.linalg.multi_dot([a, a, b]),
        lambda a, b: np.linalg.cholesky(a, upper=True),
        lambda a, b: np.linalg.trace(a, offset=1),
        lambda a, b: np.linalg.diagonal(a),
        lambda a, b: np.linalg.outer(b, b),
        lambda a, b: np.linalg.vector_norm(a, axis=0, ord=3),
        lambda a, b: np.linalg.matrix_norm(a, ord="nuc"),
        lambda a, b: np.kron(a, b),
    ]
    for call in calls:
        got, want = call(t, v), call(a, b)
        assert isinstance(got, pa.Tensor)
        np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-13)


def test_named_results():
    a = pa.tensor([[2.0, 0.0], [0.0, 1.0]])
    assert pa.linalg.eigh(a)._fields == ("eigenvalues", "eigenvectors")
    assert pa.linalg.qr(a)._fields == ("Q", "R")
    assert pa.linalg.svd(a)._fields == ("U", "S", "Vh")
    assert pa.linalg.slogdet(a)._fields == ("sign", "logabsdet")
    assert isinstance(pa.linalg.slogdet(a), pa.linalg.SlogdetResult)
    outputs = pa.func.vmap(pa.linalg.eigh)(np.stack([np.eye(2)] * 3))
    assert isinstance(outputs, pa.linalg.EighResult)
    assert outputs.eigenvectors.shape == (3, 2, 2)
    assert pickle.loads(pickle.dumps(pa.linalg.EighResult)) is pa.linalg.EighResult


def test_diagonal_and_trace_take_the_last_axes():
    x = np.arange(12.0).reshape(2, 2, 3)
    np.testing.assert_array_equal(pa.linalg.trace(x).numpy(), np.linalg.trace(x))
    np.testing.assert_array_equal(pa.linalg.diagonal(x).numpy(), np.linalg.diagonal(x))
    np.testing.assert_array_equal(pa.trace(x).numpy(), np.trace(x))
    with pytest.raises(ValueError, match=r"both must be vectors"):
        pa.linalg.outer(np.eye(2), np.ones(2))


def test_integers_become_float64_and_float32_stays():
    a = np.array([[2, 1], [1, 3]])
    for name in ("inv", "det", "cholesky", "svdvals", "eigvalsh", "expm"):
        f = getattr(pa.linalg, name)
        assert f(a).dtype == np.float64
        assert f(a > 1).dtype == np.float64 if name == "det" else True
        assert f(a.astype(np.float32)).dtype == np.float32
    assert pa.linalg.solve(a, np.ones(2, np.float32)).dtype == np.float64
    assert pa.linalg.norm(np.array([3, 4])).dtype == np.float64


def test_larger_problems_agree_with_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((100, 100)), rng.standard_normal((100, 3))
    close = {"rtol": 1e-9, "atol": 1e-10}
    np.testing.assert_allclose(pa.linalg.solve(a, b).numpy(), np.linalg.solve(a, b), **close)
    np.testing.assert_allclose(pa.linalg.svdvals(a).numpy(), np.linalg.svdvals(a), **close)
    np.testing.assert_allclose(pa.linalg.qr(a).R.numpy(), np.linalg.qr(a)[1], **close)
    for scale in (1e-3, 0.01, 0.03, 0.1, 0.3, 1):
        want = sl.expm(scale * a)
        got = pa.linalg.expm(scale * a).numpy()
        assert np.abs(got - want).max() <= 1e-12 * np.abs(want).max()
    spd = a @ a.T + np.eye(100)
    root = pa.linalg.sqrtm(spd)
    np.testing.assert_allclose((root @ root).numpy(), spd, rtol=1e-9, atol=1e-8)
    power = pa.linalg.expm(pa.linalg.logm(spd))
    np.testing.assert_allclose(power.numpy(), spd, rtol=1e-7, atol=1e-6)
    x = pa.linalg.solve_sylvester(a, spd, b @ b.T)
    np.testing.assert_allclose((a @ x + x @ spd).numpy(), b @ b.T, rtol=1e-8, atol=1e-7)


def test_exponentials_of_badly_scaled_matrices():
    for a in (
        np.array([[1.0, 1e6], [0.0, -1.0]]),
        np.array([[-49.0, 24.0], [-64.0, 31.0]]),
        np.array([[0.0, 1e-8, 0.0], [-2e10 - 4e8 / 6, -3, 2e10], [200 / 3, 0, -200 / 3]]),
        np.diag([-1000.0, 1.0]),
        np.zeros((2, 2)),
    ):
        np.testing.assert_allclose(pa.linalg.expm(a).numpy(), sl.expm(a), rtol=1e-9, atol=1e-14)
    with np.errstate(all="ignore"):
        assert not np.isfinite(pa.linalg.expm(np.diag([1e5, 0.0])).numpy()).all()
        assert not np.isfinite(pa.linalg.expm(np.full((2, 2), 1e200)).numpy()).all()


def test_roots_and_logarithms_that_are_not_real_are_nan():
    for a in (np.diag([-1.0, 1.0]), np.array([[0.0, 1.0], [0.0, 0.0]])):
        assert np.isnan(pa.linalg.sqrtm(a).numpy()).any()
        assert np.isnan(pa.linalg.logm(a).numpy()).any()
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    np.testing.assert_allclose(pa.linalg.logm(turn).numpy(), np.pi / 2 * turn, atol=1e-14)
    np.testing.assert_allclose(
        pa.linalg.sqrtm(turn).numpy(), np.sqrt(0.5) * (np.eye(2) + turn), atol=1e-14
    )


def test_least_squares_of_deficient_rank():
    rng = np.random.default_rng(0)
    a, b = of_rank(2, 4, rng)[:, :3], rng.standard_normal((4, 2))
    x, residuals, rank, s = pa.linalg.lstsq(a, b)
    want = np.linalg.lstsq(a, b)
    np.testing.assert_allclose(x.numpy(), want[0], rtol=1e-11)
    assert residuals.shape == want[1].shape == (0,)
    assert rank.item() == want[2] == 2
    np.testing.assert_allclose(s.numpy(), want[3], atol=1e-14)
    np.testing.assert_allclose(pa.linalg.pinv(a).numpy(), np.linalg.pinv(a, 1e-13), rtol=1e-11)

    # Turning the rows and columns keeps the rank.
    left, right = rng.standard_normal((4, 4)), rng.standard_normal((3, 3))

    def turned(t):
        return pa.linalg.expm(t * left) @ a @ pa.linalg.expm(t * right)

    for f in (
        lambda t: pa.sum(pa.linalg.pinv(turned(t), rtol=1e-10) ** 2),
        lambda t: pa.sum(pa.linalg.lstsq(turned(t), b, rcond=1e-10)[0] ** 2),
    ):
        pa.testing.check_grads(f, (pa.tensor(0.1),), order=2, atol=1e-5, rtol=1e-5)


def test_norms_at_zero():
    zero = np.zeros(3)
    for ord in (1, 2, 3, np.inf):
        gradient = pa.func.grad(lambda x, ord=ord: pa.linalg.vector_norm(x, ord=ord))(zero)
        np.testing.assert_array_equal(gradient.numpy(), 0)
    for matrix in hessians(lambda x: pa.linalg.norm(x) ** 2, zero):
        np.testing.assert_array_equal(matrix, 2 * np.eye(3))


def test_results_do_not_depend_on_the_number_of_threads():
    a = np.random.default_rng(0).standard_normal((64, 24, 24)) + 8 * np.eye(24)
    bits = []
    before = pa.get_num_threads()
    try:
        for count in (1, 2, 3):
            pa.set_num_threads(count)
            outputs = [
                pa.linalg.inv(a),
                pa.linalg.svd(a).U,
                pa.linalg.expm(0.1 * a),
                pa.func.grad(lambda a: pa.sum(pa.linalg.det(a)))(a),
            ]
            bits.append([y.numpy().tobytes() for y in outputs])
    finally:
        pa.set_num_threads(before)
    assert bits[0] == bits[1] == bits[2]


@pytest.mark.parametrize("lower", [False, True])
def test_cho_factor_serves_cho_solve(lower):
    root = np.random.default_rng(0).standard_normal((3, 3))
    a, b = pa.asarray(root @ root.T + np.eye(3)), np.ones(3)
    factor, which = pa.linalg.cho_factor(a, lower)
    assert which is lower
    kept = np.tril if lower else np.triu
    expected = kept(sl.cho_factor(a.numpy(), lower)[0])
    np.testing.assert_allclose(factor.numpy(), expected, rtol=1e-12)

    def solution(a):
        return pa.linalg.cho_solve(pa.linalg.cho_factor((a + a.T) / 2, lower), b)

    np.testing.assert_allclose(solution(a).numpy(), np.linalg.solve(a.numpy(), b), rtol=1e-10)
    assert pa.testing.gradcheck(solution, (a,))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("n", [2, 3, 40, 150])
def test_solving_where_every_row_moves(n, dtype):
    rng = np.random.default_rng(n)
    a = n * np.flip(np.eye(n, dtype=dtype), 0) + rng.normal(size=(n, n))
    b, w = rng.normal(size=(2, n, 5)).astype(dtype)
    if dtype == "complex128":
        a, w = a + 1j * rng.normal(size=(n, n)), w * (1 + 2j)
    factors = pa.linalg.lu_factor(a)
    for columns in (slice(None), slice(1), 0):
        right, weights = b[:, columns], w[:, columns]
        for trans, matrix in enumerate((a, a.T, a.conj().T)):
            got = pa.linalg.lu_solve(factors, right, trans=trans)
            np.testing.assert_allclose(got.numpy(), np.linalg.solve(matrix, right), 1e-9, 1e-9)

        def weighted(a, b, weights=weights):
            return pa.real(pa.sum(pa.linalg.solve(a, b) * np.conj(weights)))

        by_a, by_b = pa.func.grad(weighted, argnums=(0, 1))(a, right)
        wanted = np.linalg.solve(a.conj().T, weights)
        np.testing.assert_allclose(by_b.numpy(), wanted, 1e-9, 1e-9)
        x = np.linalg.solve(a, right)
        outer = -np.reshape(wanted, (n, -1)) @ np.reshape(x, (n, -1)).conj().T
        np.testing.assert_allclose(by_a.numpy(), outer, 1e-9, 1e-9)
    np.testing.assert_allclose(pa.linalg.inv(a).numpy(), np.linalg.inv(a), 1e-9, 1e-9)


def test_derivatives_of_large_triangular_products():
    """Reverse mode multiplies triangles in strips; forward mode does not."""
    n = 400
    rng = np.random.default_rng(0)
    a, b, t, w = rng.normal(size=(4, n, n)) / np.sqrt(n)
    a, t = a @ a.T + 2 * np.eye(n), t + t.T
    for f in (
        pa.linalg.cholesky,
        lambda a: pa.linalg.cholesky(a, upper=True),
        lambda a: pa.linalg.solve_triangular(a, b, lower=True),
        lambda a: pa.linalg.solve_triangular(a, b),
        lambda a: pa.linalg.solve_triangular(a, b, trans=1),
    ):

        def weighted(a, f=f):
            return pa.sum(f(a) * w)

        slope = pa.func.jvp(weighted, (a,), (t,))[1].item()
        assert pa.sum(pa.func.grad(weighted)(a) * t).item() == pytest.approx(slope, rel=1e-9, abs=0)


@pytest.mark.parametrize("n", [1, 2, 5, 12, 13])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_small_systems_with_and_without_lapack(n, dtype):
    """Up to 12 real rows are factored by loops of our own."""
    rng = np.random.default_rng(n)
    a, b = rng.standard_normal((3, n, n)).astype(dtype), rng.standard_normal((3, n, 4))
    a += 1j * rng.standard_normal(a.shape) if dtype == np.complex128 else 0
    a[1] *= 1e-3
    b = b.astype(dtype)
    close = {"rtol": 1e-9, "atol": 1e-9} if dtype != np.float32 else {"rtol": 1e-2, "atol": 1e-2}
    solution = np.linalg.solve(a, b)
    np.testing.assert_allclose(pa.linalg.solve(a, b).numpy(), solution, **close)
    np.testing.assert_allclose(
        pa.linalg.solve(a[0], b[0, :, 0]).numpy(), solution[0, :, 0], **close
    )
    np.testing.assert_allclose(pa.linalg.inv(a[0]).numpy(), np.linalg.inv(a[0]), **close)
    np.testing.assert_allclose(pa.linalg.det(a).numpy(), np.linalg.det(a), **close)
    spd = a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(n, dtype=dtype)
    for upper in (False, True):
        got = pa.linalg.cholesky(spd, upper=upper).numpy()
        want = np.linalg.cholesky(spd)
        want = np.conj(np.swapaxes(want, -1, -2)) if upper else want
        np.testing.assert_allclose(got, want, **close)
    t = a[0] / n + 3 * np.eye(n, dtype=dtype)
    for lower, unit, trans in itertools.product((False, True), (False, True), (0, 1, 2)):
        options = {"lower": lower, "unit_diagonal": unit, "trans": trans}
        got = pa.linalg.solve_triangular(t, b[0], **options).numpy()
        np.testing.assert_allclose(got, sl.solve_triangular(t, b[0], **options), **close)
