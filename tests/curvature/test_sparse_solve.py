"""pa.sparse.solve and splu: derivatives of sparse systems in entries and right-hand sides."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import pyautograd as pa

N = 6


def system(dtype=np.float64, symmetric=False, seed=0):
    """A well-conditioned matrix, entries in the order of no format, two of them at one place."""
    rng = np.random.default_rng(seed)
    dense = rng.standard_normal((N, N)) * (rng.uniform(size=(N, N)) < 0.35)
    if np.dtype(dtype).kind == "c":
        dense = dense * np.exp(1j * rng.uniform(size=(N, N)))
    dense = dense + dense.T if symmetric else dense
    np.fill_diagonal(dense, 4.0)
    a = scipy.sparse.coo_array(dense.astype(dtype))
    order = rng.permutation(a.nnz)
    rows, columns = a.row[order], a.col[order]
    data = np.concatenate([a.data[order], a.data[:1] * 0.25]).astype(dtype)
    places = np.concatenate([rows, a.row[:1]]), np.concatenate([columns, a.col[:1]])
    return scipy.sparse.coo_array((data, places), shape=(N, N))


def right(shape, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    b = rng.standard_normal(shape)
    return pa.asarray((b + 1j * b[::-1] if np.dtype(dtype).kind == "c" else b).astype(dtype))


def dense_solve(a, b, data):
    """By the dense op."""
    return pa.linalg.solve(filled(a, data), b)


def filled(a, data):
    places = pa.asarray(a.row.astype(np.int64) * N + a.col)

    def total(x):
        return pa.bincount(places, x, minlength=N * N).astype(x.dtype)

    if data.dtype.kind == "c":
        return pa.complex(total(pa.real(data)), total(pa.imag(data))).reshape(N, N)
    return total(data).reshape(N, N)


def sparse_solve(a, b, data):
    return pa.sparse.solve(a, b, data=data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(N,), (N, 3), (N, 0)])
@pytest.mark.parametrize("symmetric", [False, True])
def test_values(dtype, shape, symmetric):
    a, b = system(dtype, symmetric), right(shape, dtype)
    got = pa.sparse.solve(a, b)
    assert got.shape == shape and got.dtype == np.dtype(dtype)
    slack = 1e-5 if np.dtype(dtype).char in "fF" else 1e-12
    np.testing.assert_allclose(a @ got.numpy(), b.numpy(), rtol=slack, atol=slack)


@pytest.mark.parametrize(
    ("of", "by", "expected"),
    [
        (np.float64, np.complex64, "complex128"),
        (np.complex64, np.float64, "complex128"),
        (np.float32, np.float64, "float64"),
        (np.float64, np.int64, "float64"),
        (np.float16, np.float16, "float16"),
    ],
)
def test_promotion(of, by, expected):
    a = system(np.complex64 if of is np.complex64 else np.float32)
    b = pa.asarray((right((N, 2)) * 4).numpy().astype(by))
    got = pa.sparse.solve(a, b, data=pa.asarray(a.data.astype(of)))
    assert str(got.dtype) == expected
    assert np.abs(a.toarray() @ got.numpy() - b.numpy()).max() < 0.02


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("shape", [(N,), (N, 2)])
def test_derivatives(dtype, symmetric, shape):
    a, b = system(dtype, symmetric), right(shape, dtype)

    def f(b, data):
        return pa.sparse.solve(a, b, data=data)

    assert pa.testing.gradcheck(f, (b, pa.asarray(a.data)))
    assert pa.testing.gradgradcheck(f, (b, pa.asarray(a.data)))


@pytest.mark.parametrize("real", ["matrix", "right"])
def test_derivatives_of_real_and_complex_together(real):
    a = system(np.float64 if real == "matrix" else np.complex128)
    b = right((N,), np.complex128 if real == "matrix" else np.float64)

    def f(b, data):
        return pa.sparse.solve(a, b, data=data)

    assert pa.testing.gradcheck(f, (b, pa.asarray(a.data)))
    assert pa.testing.gradgradcheck(f, (b, pa.asarray(a.data)))


def energy(solve, a):
    """Of a solution whose entries and right-hand side both depend on the argument."""

    def f(x):
        data = pa.asarray(a.data) * (1 + 0.1 * pa.sin(pa.arange(a.nnz) * x[0]))
        return pa.sum(solve(a, pa.cos(pa.arange(float(N)) * x[1]), data) ** 3)

    return f


TRANSFORMS = {
    "grad": pa.func.grad,
    "hessian": pa.func.hessian,
    "forward over forward": lambda f: pa.func.jacfwd(pa.func.jacfwd(f)),
    "reverse over reverse": lambda f: pa.func.jacrev(pa.func.jacrev(f)),
    "reverse over forward": lambda f: pa.func.jacrev(pa.func.jacfwd(f)),
    "third": lambda f: pa.func.jacfwd(pa.func.hessian(f)),
    "taylor": lambda f: lambda x: pa.stack(pa.func.taylor(f, x, pa.ones(2), 4)),
    "vmap": lambda f: lambda x: pa.func.vmap(pa.func.hessian(f))(pa.stack([x, 2 * x, x + 1])),
    "vmap twice": lambda f: (
        lambda x: pa.func.vmap(pa.func.vmap(pa.func.grad(f)))(
            pa.stack([pa.stack([x, 2 * x]), pa.stack([x + 1, -x])])
        )
    ),
    "grad of vmap": lambda f: pa.func.hessian(
        lambda x: pa.sum(pa.func.vmap(f)(pa.stack([x, 2 * x])))
    ),
    "checkpoint": lambda f: pa.func.hessian(lambda x: pa.checkpoint(f, x)),
    "captured": lambda f: pa.captured(lambda x: pa.hessian(f, x)),
    "captured vmap": lambda f: pa.captured(
        lambda x: pa.func.vmap(pa.func.grad(f))(pa.stack([x, 2 * x]))
    ),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("symmetric", [False, True])
def test_transforms(name, symmetric):
    a, x = system(symmetric=symmetric), pa.tensor([0.7, 0.4])
    transform = TRANSFORMS[name]
    got, expected = transform(energy(sparse_solve, a)), transform(energy(dense_solve, a))
    for point in (x, x + 0.3):  # other numbers, for the same captured call
        np.testing.assert_allclose(
            got(point).numpy(), expected(point).numpy(), rtol=1e-9, atol=1e-12
        )


def test_maps_one_of_the_arguments():
    a = system()
    many = right((N, 4, 2))
    mapped = pa.func.vmap(lambda b: pa.sparse.solve(a, b), in_axes=1)(many)
    for i in range(4):
        np.testing.assert_allclose(
            mapped[i].numpy(), pa.sparse.solve(a, many[:, i]).numpy(), rtol=1e-13
        )
    data = pa.asarray(a.data) * pa.asarray([1.0, 2.0, 4.0])[:, None]
    mapped = pa.func.vmap(lambda d: pa.sparse.solve(a, many[:, 0], data=d))(data)
    for i, scale in enumerate([1.0, 2.0, 4.0]):
        np.testing.assert_allclose(mapped[i].numpy() * scale, mapped[0].numpy(), rtol=1e-12)


def test_one_factorization_for_all_derivatives(monkeypatch):
    a, count = system(), []
    splu = scipy.sparse.linalg.splu
    monkeypatch.setattr(
        scipy.sparse.linalg, "splu", lambda *args, **how: count.append(1) or splu(*args, **how)
    )

    def f(data):
        return pa.sum(pa.sparse.solve(a, pa.ones(N), data=data) ** 2)

    pa.func.jacfwd(pa.func.hessian(f))(pa.asarray(a.data))
    assert len(count) == 1
    with pa.saved_tensors_hooks(lambda x: x.numpy() * 2.0, lambda x: pa.asarray(x / 2.0)):
        pa.func.grad(f)(pa.asarray(a.data))
    assert len(count) == 2
    lu = pa.sparse.splu(a)
    for _ in range(3):
        lu.solve(lu.solve(pa.ones(N)), trans="T")
    assert len(count) == 3


@pytest.mark.parametrize("trans", ["N", "T", "H"])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_transposed(trans, dtype):
    a, b = system(dtype), right((N, 2), dtype)
    ops = {"N": lambda m: m, "T": lambda m: m.T, "H": lambda m: pa.conj(m).T}

    def got(b, data):
        return pa.sparse.splu(a, data=data).solve(b, trans)

    def dense(b, data):
        return pa.linalg.solve(ops[trans](filled(a, data)), b)

    data = pa.asarray(a.data)
    np.testing.assert_allclose(got(b, data).numpy(), dense(b, data).numpy(), rtol=1e-11)
    assert pa.testing.gradcheck(got, (b, data)) and pa.testing.gradgradcheck(got, (b, data))


def test_derivatives_in_entries_stay_on_the_pattern():
    n = 20_000
    a = scipy.sparse.diags_array([-1.0, 2.5, -1.0], offsets=[-1, 0, 1], shape=(n, n)).tocoo()

    def f(data):
        return pa.sum(pa.sparse.solve(a, pa.ones(n), data=data) ** 2)

    data = pa.asarray(a.data)
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    value, slope = pa.func.value_and_grad(f)(data)
    curved = pa.hvp(f, data, data)
    assert pa.memory.peak() - before < 50 * data.nbytes
    # solve is homogeneous of degree -1 in the entries: f of degree -2
    assert pa.vecdot(slope, data).item() == pytest.approx(-2 * value.item(), rel=1e-12, abs=0)
    np.testing.assert_allclose(curved.numpy(), -3 * slope.numpy(), rtol=1e-10)


def test_nan_comes_through_and_inf_like_dense():
    a = system()
    assert pa.isnan(pa.sparse.solve(a, pa.ones(N), data=np.full(a.nnz, np.nan))).all()
    data = np.stack([a.data, np.where(np.arange(a.nnz) == 2, np.nan, a.data)])
    x = pa.func.vmap(lambda d: pa.sparse.solve(a, pa.ones(N), data=d))(data)
    assert pa.isfinite(x[0]).all() and pa.isnan(x[1]).all()


def test_empty():
    a = scipy.sparse.coo_array((0, 0))
    assert pa.sparse.solve(a, pa.zeros(0)).shape == (0,)
    assert pa.sparse.solve(a, pa.zeros((0, 2))).shape == (0, 2)


def test_errors():
    a, b = system(), pa.ones(N)
    with pytest.raises(TypeError, match=r"\[sparse.solve\] expected a sparse matrix .* ndarray"):
        pa.sparse.solve(a.toarray(), b)
    with pytest.raises(ValueError, match=r"\[sparse.solve\] the matrix must be square, got"):
        pa.sparse.solve(a.tocsr()[:3], b)
    with pytest.raises(ValueError, match=r"shapes \(6, 6\) and \(5,\) do not match: b must have"):
        pa.sparse.solve(a, pa.ones(5))
    with pytest.raises(ValueError, match=r"19 entries need as many in data|entries need as many"):
        pa.sparse.solve(a, b, data=np.ones(2))
    with pytest.raises(ValueError, match=r"\[sparse.splu\] unknown trans 'C'"):
        pa.sparse.splu(a).solve(b, "C")
    hole = a.toarray()
    hole[3] = 0.0
    with pytest.raises(np.linalg.LinAlgError, match="the matrix is singular: row 3 has no entry"):
        pa.sparse.solve(scipy.sparse.csr_array(hole), b)
    path = scipy.sparse.csr_array([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.raises(np.linalg.LinAlgError, match="singular: unknowns that the equations"):
        pa.sparse.solve(path, pa.ones(2))
    scales = pa.asarray([1.0, 0.0])
    with pytest.raises(np.linalg.LinAlgError, match="matrix 1 of 2 is singular"):
        pa.func.vmap(lambda s: pa.sparse.solve(a, b, data=s * pa.asarray(a.data)))(scales)
