"""Linear algebra on CUDA devices: every way to the libraries, errors, libraries that are missing.

That values and gradients of the records are those of the host is tested in test_cuda.py.
"""

import os

import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa

DTYPES = ["float32", "float64", "complex64", "complex128"]


def numbers(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def dominant(shape, dtype):
    """Square matrices far from singular."""
    n = shape[-1]
    return numbers(shape, dtype) + 3 * n**0.5 * np.eye(n, dtype=dtype)


def hermitian(shape, dtype):
    x = dominant(shape, dtype)
    return x + x.conj().mT


def close(x, wanted):
    wanted = np.asarray(wanted)
    tolerance = 2e-4 if wanted.dtype in ("float32", "complex64") else 1e-10
    scale = np.abs(wanted).max(initial=1)
    np.testing.assert_allclose(x.to("cpu").numpy(), wanted, rtol=tolerance, atol=tolerance * scale)


# Small matrices of a batch go together, large or single ones one by one.
SHAPES = [(5, 5), (3, 4, 4), (2, 40, 40), (2, 0, 4, 4)]
SQUARE = [*((shape, dtype) for shape in SHAPES for dtype in DTYPES), ((2, 520, 520), "float64")]


@pytest.mark.parametrize(("shape", "dtype"), SQUARE, ids=str)
def test_factorizations_and_solvers(shape, dtype, device):
    values, b = dominant(shape, dtype), numbers((*shape[:-1], 3), dtype, 1)
    a, sides = pa.tensor(values, device=device), pa.tensor(b, device=device)
    close(pa.linalg.solve(a, sides), np.linalg.solve(values, b))
    close(pa.linalg.inv(a), np.linalg.inv(values))
    sign, logabsdet = pa.linalg.slogdet(a)
    wanted = np.linalg.slogdet(values)
    close(sign, wanted.sign)
    close(logabsdet, wanted.logabsdet)
    lu, pivots = pa.linalg.lu_factor(a)
    assert pivots.dtype == "int32"
    there = pa.linalg.lu_factor(pa.tensor(values))
    close(lu, there[0].numpy())
    np.testing.assert_array_equal(pivots.to("cpu").numpy(), there[1].numpy())
    for trans, matrix in ((0, values), (1, values.mT), (2, values.conj().mT)):
        close(pa.linalg.lu_solve((lu, pivots), sides, trans=trans), np.linalg.solve(matrix, b))
    positive = hermitian(shape, dtype)
    for upper in (False, True):
        factor = pa.linalg.cholesky(pa.tensor(positive, device=device), upper=upper)
        close(factor, np.linalg.cholesky(positive, upper=upper))
    x = pa.linalg.solve_triangular(a, sides, lower=True, trans=1)
    close(x, np.linalg.solve(np.tril(values).mT, b))


@pytest.mark.parametrize("shape", [(4, 3), (3, 4, 2), (2, 40, 35), (2, 3, 3), (3, 2, 5), (4, 0)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_orthogonal_factorizations(shape, dtype, device):
    values = numbers(shape, dtype)
    a = pa.tensor(values, device=device)
    for mode in ("reduced", "complete"):
        q, r = pa.linalg.qr(a, mode=mode)
        close(q @ r, values)
        wanted = np.linalg.qr(values, mode=mode)
        assert (q.shape, r.shape) == (wanted.Q.shape, wanted.R.shape)
        close(q.conj().mT @ q, np.broadcast_to(np.eye(q.shape[-1], dtype=dtype), (q.mT @ q).shape))
    for full in (False, True):
        u, s, vh = pa.linalg.svd(a, full_matrices=full)
        wanted = np.linalg.svd(values, full_matrices=full)
        assert (u.shape, vh.shape) == (wanted.U.shape, wanted.Vh.shape)
        k = s.shape[-1]
        close((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], values)
        close(s, wanted.S)
        for vectors in (u.conj().mT @ u, vh @ vh.conj().mT):
            close(vectors, np.broadcast_to(np.eye(vectors.shape[-1], dtype=dtype), vectors.shape))
    close(pa.linalg.svdvals(a), np.linalg.svdvals(values))


@pytest.mark.parametrize("shape", [(6, 6), (3, 4, 4), (2, 40, 40), (2, 0, 0)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_eigenvalues(shape, dtype, device):
    values = hermitian(shape, dtype)
    for uplo in "LU":
        # The other triangle is not read.
        half = np.tril(values) if uplo == "L" else np.triu(values)
        a = pa.tensor(half, device=device)
        w, v = pa.linalg.eigh(a, UPLO=uplo)
        close(w, np.linalg.eigvalsh(values))
        close((v * w[..., None, :]) @ v.conj().mT, values)
        close(pa.linalg.eigvalsh(a, UPLO=uplo), np.linalg.eigvalsh(values))
    general = numbers(shape, dtype)
    w, v = pa.linalg.eig(pa.tensor(general, device=device))
    close(pa.tensor(general, device=device) @ v, (v * w[..., None, :]).to("cpu").numpy())
    found = pa.linalg.eigvals(pa.tensor(general, device=device)).to("cpu").numpy()
    close(w, found)
    close(pa.prod(w, axis=-1), np.linalg.det(general.astype(found.dtype)))


@pytest.mark.parametrize(
    "lead", [((3, 1), (2,)), ((), (3,)), ((2, 3), (3,)), ((1,), (4,))], ids=str
)
def test_matrices_and_sides_broadcast(lead, device):
    values, b = dominant((*lead[0], 3, 3), float), numbers((*lead[1], 3, 2), float, 1)
    a, sides = pa.tensor(values, device=device), pa.tensor(b, device=device)
    close(pa.linalg.solve(a, sides), np.linalg.solve(values, b))
    x = pa.linalg.solve_triangular(a, sides, lower=True)
    close(x, np.linalg.solve(np.tril(values), b))
    close(pa.linalg.lstsq(a, sides)[0], np.linalg.solve(values, b))


def test_errors_are_the_hosts(device):
    bad = np.stack([np.eye(3), np.zeros((3, 3)), np.eye(3)])
    for batch, where in ((bad, r" \(matrix 1 of 3\)"), (bad[1], "$")):
        a = pa.tensor(batch, device=device)
        for call in (pa.linalg.inv, lambda a: pa.linalg.solve(a, a)):
            with pytest.raises(np.linalg.LinAlgError, match="the matrix is singular" + where):
                call(a)
        with pytest.raises(np.linalg.LinAlgError, match="is not positive definite" + where):
            pa.linalg.cholesky(a)
    with pytest.raises(np.linalg.LinAlgError, match="a zero on its diagonal"):
        pa.linalg.solve_triangular(a, a)
    assert pa.linalg.det(pa.tensor(bad, device=device)).tolist() == [1, 0, 1]
    assert pa.linalg.slogdet(a).logabsdet.item() == -np.inf


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_not_finite_harms_no_other_matrix(count, device):
    values = np.broadcast_to(np.diag([1.0, 2.0]), (count, 2, 2)).copy()
    values[0, 1, 0] = np.inf
    a = pa.tensor(values, device=device)
    for found in (pa.linalg.eigh(a), pa.linalg.svd(a), [pa.linalg.svdvals(a)]):
        for x in found:
            assert np.isnan(x[0].to("cpu").numpy()).any()
            assert not np.isnan(x[1:].to("cpu").numpy()).any()
    assert pa.linalg.eigvalsh(a, UPLO="U")[0].tolist() == [1, 2]
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        pa.linalg.eig(a)
    values[0, 1, 0] = np.nan
    with pytest.raises(np.linalg.LinAlgError, match="the SVD did not converge"):
        pa.linalg.svd(pa.tensor(values, device=device))


def test_determinants_neither_overflow_nor_underflow_on_the_way(device):
    for dtype in DTYPES:
        scales = np.array([1e30, 1e-30, 1e30, 1e-30, 2.0], dtype)
        values = np.diag(scales)[[1, 0, 2, 4, 3]]
        a = pa.tensor(values, device=device)
        close(pa.linalg.det(a), pa.linalg.det(pa.tensor(values)).numpy())
        close(pa.linalg.slogdet(a).sign, np.linalg.slogdet(values).sign)


LOG_LIKELIHOOD = {
    "cholesky": lambda x: pa.sum(pa.log(pa.linalg.diagonal(pa.linalg.cholesky(x)))),
    "slogdet": lambda x: pa.linalg.slogdet(x).logabsdet,
    "det": pa.linalg.det,
    "solve": lambda x: pa.sum(pa.linalg.solve(x, pa.sin(x)) ** 2),
    "eigvalsh": lambda x: pa.sum(pa.linalg.eigvalsh(x)[1:] ** 3),
    "svdvals": lambda x: pa.linalg.svdvals(x)[0],
    "expm": lambda x: pa.sum(pa.linalg.expm(x * 0.1)),
    "logm": lambda x: pa.sum(pa.linalg.logm(x) ** 3),
    "sqrtm": lambda x: pa.sum(pa.linalg.sqrtm(x) ** 3),
    "sylvester": lambda x: pa.sum(pa.linalg.solve_sylvester(x, x @ x, pa.sin(x)) ** 2),
    "banded": lambda x: pa.sum(pa.linalg.solve_banded((1, 1), x, pa.sin(x)) ** 2),
    "definite band": lambda x: pa.sum(
        pa.linalg.solveh_banded(pa.stack([pa.sin(x[0]), 4.0 + x[1] ** 2]), x) ** 2
    ),
    "lstsq": lambda x: pa.sum(pa.linalg.lstsq(x[:, :2], x[:, 2:])[0] ** 2),
    "qr": lambda x: pa.sum(pa.abs(pa.linalg.qr(x).R)),
    "raw": lambda x: pa.sum(pa.linalg.qr(x, mode="raw")[1] ** 2),
}


@pytest.mark.parametrize("f", LOG_LIKELIHOOD.values(), ids=LOG_LIKELIHOOD)
def test_second_derivatives_in_every_mode(f, device):
    values = hermitian((3, 3), float)
    here, there = pa.tensor(values), pa.tensor(values, device=device)
    wanted = pa.func.hessian(f)(here).numpy()
    for transform in (
        pa.func.hessian,
        lambda f: pa.func.jacfwd(pa.func.jacfwd(f)),
        lambda f: pa.func.jacrev(pa.func.grad(f)),
    ):
        found = transform(f)(there)
        assert found.device == device
        close(found, wanted)
    batch = pa.stack([there, 2 * there])
    close(pa.func.vmap(pa.func.grad(f))(batch)[0], pa.func.grad(f)(here).numpy())


@pytest.mark.parametrize(
    ("shape", "dtype"), [pair for pair in SQUARE if 520 not in pair[0]], ids=str
)
def test_roots_and_logarithms_need_no_schur_form(shape, dtype, device):
    values = dominant(shape, dtype)
    q = numbers((*shape[:-1], 3), dtype, 1)
    b = np.broadcast_to(dominant((3, 3), dtype), (*shape[:-2], 3, 3))
    calls = [
        (pa.linalg.sqrtm, (values,)),
        (pa.linalg.logm, (values,)),
        (pa.linalg.solve_sylvester, (values, b, q)),
        (pa.linalg.solve_sylvester, (-values, -b, q)),
    ]
    for function, given in calls:
        here = function(*map(pa.tensor, given)).numpy()
        there = function(*(pa.tensor(x, device=device) for x in given))
        assert there.device == device and there.dtype == here.dtype
        close(there, here)
        # What the host computes has its bits.
        if dtype == "float64" and shape[-1] == 40:
            assert not np.array_equal(there.to("cpu").numpy(), here)


BEYOND_NEWTON = {
    "zero": np.zeros((2, 2)),
    "singular": np.diag([1.0, 0.0]),
    "nilpotent": np.array([[0.0, 1.0], [0.0, 0.0]]),
    "negative": np.diag([-1.0, 2.0]),
    "nan": np.array([[np.nan, 1.0], [1.0, 1.0]]),
    "inf": np.array([[np.inf, 1.0], [1.0, 1.0]]),
    "ill-conditioned": np.array([[1.0, 1e6], [0.0, 1e-6]]),
    "one of two": np.stack([np.eye(2), np.diag([1.0, 0.0])]),
}


@pytest.mark.parametrize("values", BEYOND_NEWTON.values(), ids=BEYOND_NEWTON)
def test_the_host_finds_roots_and_logarithms_that_newtons_iteration_does_not(values, device):
    a = pa.tensor(values, device=device)
    for function in (pa.linalg.sqrtm, pa.linalg.logm):
        here = function(pa.tensor(values)).numpy()
        np.testing.assert_array_equal(function(a).to("cpu").numpy(), here)
    mixed = pa.tensor(np.diag([1.0, -3.0]), device=device)
    x = pa.linalg.solve_sylvester(mixed, mixed + pa.tensor(np.eye(2), device=device), mixed)
    np.testing.assert_allclose(x.to("cpu").numpy(), np.diag([1 / 3, 0.6]), rtol=1e-15)
    with pytest.raises(np.linalg.LinAlgError, match="a and -b have a common eigenvalue"):
        pa.linalg.solve_sylvester(mixed, -mixed, mixed)


@pytest.mark.parametrize("size", [1e-12, 1e5])
def test_derivatives_of_logarithms_are_as_good_along_small_and_large_directions(size, device):
    values, e = hermitian((6, 6), float) / 9, numbers((6, 6), float, 1)
    wanted = pa.func.jvp(pa.linalg.logm, (pa.tensor(values),), (pa.tensor(e),))[1].numpy()
    there = [pa.tensor(x, device=device) for x in (values, size * e)]
    found = pa.func.jvp(pa.linalg.logm, (there[0],), (there[1],))[1].to("cpu").numpy()
    np.testing.assert_allclose(found / size, wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 4, 4), (2, 40, 33)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_least_squares_of_any_rank(shape, dtype, device):
    *lead, m, n = shape
    values = numbers((*lead, m, 2), dtype) @ numbers((*lead, 2, n), dtype, 1)
    b = numbers((*lead, m, 2), dtype, 2)
    rcond = 1e-4
    here = pa.linalg.lstsq(pa.tensor(values), pa.tensor(b), rcond=rcond)
    there = pa.linalg.lstsq(
        pa.tensor(values, device=device), pa.tensor(b, device=device), rcond=rcond
    )
    close(there[0], here[0].numpy())
    np.testing.assert_array_equal(there[2].to("cpu").numpy(), 2)
    assert there[2].dtype == here[2].dtype and there[1].shape == here[1].shape
    close(there[3], here[3].numpy())

    def f(a, b):
        return pa.sum(pa.abs(pa.linalg.lstsq(a, b, rcond=rcond)[0]) ** 2)

    wanted = pa.func.grad(f)(pa.tensor(values), pa.tensor(b)).numpy()
    close(
        pa.func.grad(f)(pa.tensor(values, device=device), pa.tensor(b, device=device)),
        wanted,
    )


def test_solvers_come_after_what_other_streams_write(device):
    values, b = hermitian((2, 40, 40), float), numbers((2, 40, 3), float, 1)
    a, sides = pa.tensor(values, device=device), pa.tensor(b, device=device)
    side = pa.cuda.Stream(device)
    for _ in range(3):
        with pa.cuda.stream(side):
            factors = pa.linalg.lu_factor(a + 1.0 - 1.0)
            factor = pa.linalg.cholesky(a + 1.0 - 1.0)
        close(pa.linalg.lu_solve(factors, sides), np.linalg.solve(values, b))
        close(pa.linalg.cho_solve((factor, True), sides), np.linalg.solve(values, b))


def run_without(functions):
    """What programs say in a process where the libraries lack functions of that beginning."""
    library = os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY")
    if not library:
        pytest.skip("needs the emulated device")
    done = run_code(f"""
        import os
        os.environ["PYAUTOGRAD_EMULATION_LACKS"] = {functions!r}
        import numpy as np
        import pyautograd as pa
        pa._core.set_backend_library({library!r})
        a = pa.tensor([[0.0, 2.0], [-2.0, 0.0]], device="cuda")
        logarithm = lambda a: pa.linalg.logm(a.mT @ a)
        for call in (pa.linalg.eig, pa.linalg.svd, pa.linalg.inv, logarithm):
            try:
                out = call(a)
                print(*np.round([*(out if isinstance(out, tuple) else [out])][0].tolist(), 2).flat)
            except RuntimeError as error:
                print(error)
    """)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("functions", ["cusolver", "cublas", "cusolverDnDgesvdjBatched"])
def test_missing_libraries_are_named(functions, device):
    found = run_without(functions)
    name = "cuBLAS" if functions == "cublas" else "cuSOLVER"
    for line, op in zip(found, ("eig", "svd", "inv"), strict=False):
        assert line.startswith(f"[linalg.{op}] needs NVIDIA's {name}: ")
        assert f"pip install nvidia-{name.lower()}" in line
    assert found[3] == "1.39 0.0 0.0 1.39"  # by the host


def test_eigenvalues_come_from_the_host_where_cusolver_has_none(device):
    found = run_without("cusolverDnXgeev")
    assert found[0] == "2j -2j"
    assert found[2] == "0.0 -0.5 0.5 0.0"
