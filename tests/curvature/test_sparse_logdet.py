"""pa.sparse.logdet: derivatives of determinants of sparse matrices in their entries."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import pyautograd as pa

N = 6


def system(dtype=np.float64, symmetric=False, diagonal=4.0):
    """Entries in the order of no format, two of them at one place."""
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((N, N)) * (rng.uniform(size=(N, N)) < 0.35)
    if np.dtype(dtype).kind == "c":
        dense = dense * np.exp(1j * rng.uniform(size=(N, N)))
    dense = dense + dense.T if symmetric else dense
    np.fill_diagonal(dense, diagonal)
    dense += np.roll(np.eye(N), 1, 0)
    a = scipy.sparse.coo_array(dense.astype(dtype))
    order = np.append(rng.permutation(a.nnz), 0)
    return scipy.sparse.coo_array((a.data[order], (a.row[order], a.col[order])), shape=(N, N))


def dense_logdet(a, data):
    places = pa.asarray(a.row.astype(np.int64) * N + a.col)
    whole = pa.real(data), pa.imag(data)
    parts = [pa.bincount(places, x, minlength=N * N).reshape(N, N) for x in whole]
    matrix = pa.complex(*parts) if data.dtype.kind == "c" else parts[0]
    return pa.linalg.slogdet(matrix)[1]


def sparse_logdet(a, data):
    return pa.sparse.logdet(a, data=data)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("symmetric", [False, True])
def test_values(dtype, symmetric):
    wide = np.float32 if dtype is np.float16 else dtype
    a = system(wide, symmetric)
    got = pa.sparse.logdet(a, data=pa.asarray(a.data.astype(dtype)))
    assert got.shape == () and got.dtype == np.empty(0, dtype).real.dtype
    expected = np.linalg.slogdet(a.toarray().astype(np.complex128))[1]
    slack = {2: 2e-3, 4: 1e-6, 8: 1e-14}[got.dtype.itemsize]
    assert got.item() == pytest.approx(expected, rel=slack, abs=0)
    assert pa.sparse.logdet(a.tocsc()).item() == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("diagonal", [4.0, 0.0])  # without one, rows are exchanged
def test_derivatives(dtype, symmetric, diagonal):
    a = system(dtype, symmetric, diagonal)
    data = pa.asarray(a.data)

    def f(data):
        return sparse_logdet(a, data)

    expected = pa.func.grad(lambda data: dense_logdet(a, data))(data)
    np.testing.assert_allclose(pa.func.grad(f)(data).numpy(), expected.numpy(), rtol=1e-10)
    assert pa.testing.gradcheck(f, (data,)) and pa.testing.gradgradcheck(f, (data,))


def of_parameters(logdet, a):
    def f(x):
        wave = 1 + 0.1 * pa.sin(pa.arange(a.nnz) * x[0]) + 0.1 * x[1] ** 2
        return logdet(a, pa.asarray(a.data) * wave)

    return f


TRANSFORMS = {
    "hessian": pa.func.hessian,
    "forward over forward": lambda f: pa.func.jacfwd(pa.func.jacfwd(f)),
    "reverse over reverse": lambda f: pa.func.jacrev(pa.func.jacrev(f)),
    "third, forward": lambda f: pa.func.jacfwd(pa.func.hessian(f)),
    "third, reverse": lambda f: pa.func.jacrev(pa.func.hessian(f)),
    "fourth": lambda f: pa.func.hessian(pa.func.hessian(f)),
    "taylor": lambda f: lambda x: pa.stack(pa.func.taylor(f, x, pa.ones(2), 4)),
    "vmap": lambda f: lambda x: pa.func.vmap(pa.func.hessian(f))(pa.stack([x, 2 * x, x + 1])),
    "vmap twice": lambda f: (
        lambda x: pa.func.vmap(pa.func.vmap(pa.func.hessian(f)))(
            pa.stack([pa.stack([x, 2 * x]), pa.stack([x + 1, -x])])
        )
    ),
    "hessian of vmap": lambda f: pa.func.hessian(
        lambda x: pa.sum(pa.func.vmap(f)(pa.stack([x, 2 * x])))
    ),
    "captured": lambda f: pa.captured(lambda x: pa.hessian(f, x)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("symmetric", [False, True])
def test_transforms(name, symmetric):
    a, x = system(symmetric=symmetric), pa.tensor([0.7, 0.4])
    transform = TRANSFORMS[name]
    got = transform(of_parameters(sparse_logdet, a))
    expected = transform(of_parameters(dense_logdet, a))
    for point in (x, x + 0.3):
        np.testing.assert_allclose(
            got(point).numpy(), expected(point).numpy(), rtol=1e-8, atol=1e-11
        )


def test_hessian_in_the_entries():
    a = system()
    data = pa.asarray(a.data)
    got = pa.hessian(lambda d: sparse_logdet(a, d), data)
    expected = pa.hessian(lambda d: dense_logdet(a, d), data)
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


def test_orders_end_at_the_sixth():
    a = scipy.sparse.eye_array(3).tocoo()

    def f(s):
        return pa.sparse.logdet(a, data=s * pa.ones(3))

    assert pa.derivative(f, 6)(2.0).item() == pytest.approx(-3 * 120 / 64, rel=1e-12, abs=0)
    with pytest.raises(NotImplementedError, match=r"\[sparse.logdet\] .* up to order 6"):
        pa.derivative(f, 7)(2.0)


def test_one_factorization_with_solutions(monkeypatch):
    a, count = system(symmetric=True), []
    splu = scipy.sparse.linalg.splu
    monkeypatch.setattr(
        scipy.sparse.linalg, "splu", lambda *args, **how: count.append(1) or splu(*args, **how)
    )

    def f(data):
        lu = pa.sparse.splu(a, data=data)
        return lu.logdet() - pa.sum(lu.solve(pa.ones(N)))

    pa.hessian(f, pa.asarray(a.data))
    assert len(count) == 1


def test_large():
    n = 100
    line = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    eye = scipy.sparse.eye_array(n)
    a = (scipy.sparse.kron(line, eye) + scipy.sparse.kron(eye, line)).tocoo()
    waves = 2 - 2 * np.cos(np.arange(1, n + 1) * np.pi / (n + 1))
    spectrum = np.add.outer(waves, waves)

    def f(shift):  # of the sums of the spectrum
        data = pa.asarray(a.data) + pa.where(pa.asarray(a.row == a.col), shift, 0.0)
        return pa.sparse.logdet(a, data=data)

    shift = pa.tensor(0.5)
    assert f(shift).item() == pytest.approx(np.log(spectrum + 0.5).sum(), rel=1e-12, abs=0)
    for order, power in (
        (1, np.sum(1 / (spectrum + 0.5))),
        (2, -np.sum(1 / (spectrum + 0.5) ** 2)),
    ):
        assert pa.derivative(f, order)(shift).item() == pytest.approx(power, rel=1e-11, abs=0)


def test_edges():
    a = system()
    assert pa.isnan(pa.sparse.logdet(a, data=np.full(a.nnz, np.nan)))
    slope = pa.func.grad(lambda d: sparse_logdet(a, d))(pa.full(a.nnz, np.nan))
    assert pa.isnan(slope).all()
    assert pa.sparse.logdet(scipy.sparse.coo_array((0, 0))).item() == 0.0
    with pytest.raises(np.linalg.LinAlgError, match=r"\[sparse.logdet\] the matrix is singular"):
        pa.sparse.logdet(scipy.sparse.coo_array((3, 3)))
    with pytest.raises(ValueError, match=r"\[sparse.logdet\] the matrix must be square"):
        pa.sparse.logdet(a.tocsr()[:3])
