"""pa.sparse.matmul: products with constant sparse matrices."""

import numpy as np
import pytest
import scipy.sparse

import pyautograd as pa


def matrix(dtype=np.float64, kind=scipy.sparse.csr_array):
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((5, 4)) * (rng.uniform(size=(5, 4)) < 0.4)
    dense[2] = 0.0  # a row without entries, the last column too
    dense[:, 3] = 0.0
    return kind((dense * (1 + 2j) if np.dtype(dtype).kind == "c" else dense).astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 0)])
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_values(dtype, shape, kind):
    a, x = matrix(dtype, kind), np.random.default_rng(1).standard_normal(shape).astype(dtype)
    got, expected = pa.sparse.matmul(a, x), a @ x
    assert got.shape == expected.shape and got.dtype == expected.dtype
    np.testing.assert_allclose(
        got.numpy(), expected, rtol=1e-6 if np.dtype(dtype).char in "fF" else 1e-13
    )


def test_entries_at_one_place_add_up():
    a = scipy.sparse.coo_array(([1.0, 2.0, 4.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    assert pa.sparse.matmul(a, [1.0, 10.0]).tolist() == [30.0, 4.0]


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("shape", [(4,), (4, 2)])
def test_derivatives_in_vector_and_entries(dtype, shape):
    a = matrix(dtype).tocoo()
    x = pa.asarray(np.random.default_rng(1).standard_normal(shape).astype(dtype))

    def product(x, data):
        return pa.sparse.matmul(a, x, data=data)

    assert pa.testing.gradcheck(product, (x, pa.asarray(a.data)))
    assert pa.testing.gradgradcheck(product, (x, pa.asarray(a.data)))


def test_maps_and_patterns():
    a = matrix()
    xs = np.random.default_rng(1).standard_normal((3, 4))
    mapped = pa.func.vmap(lambda x: pa.sparse.matmul(a, x))(xs)
    np.testing.assert_allclose(mapped.numpy(), xs @ a.toarray().T, rtol=1e-13, atol=1e-15)
    jacobian = pa.sparse.jacobian(lambda x: pa.sparse.matmul(a, x), xs[0])
    assert jacobian.nnz == a.nnz
    np.testing.assert_allclose(jacobian.toarray(), a.toarray(), rtol=1e-13)
    n = 1000
    second = scipy.sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n))
    hessian = pa.sparse.hessian(lambda x: pa.sum(pa.sparse.matmul(second, x) ** 4), np.ones(n))
    assert hessian.nnz <= 5 * n


def test_wrong_use():
    a = matrix()
    with pytest.raises(TypeError, match=r"\[sparse.matmul\] expected a sparse matrix .* ndarray"):
        pa.sparse.matmul(a.toarray(), np.ones(4))
    with pytest.raises(ValueError, match=r"shapes \(5, 4\) and \(5,\) do not match: x must have"):
        pa.sparse.matmul(a, np.ones(5))
    with pytest.raises(ValueError, match="entries need as many in data"):
        pa.sparse.matmul(a, np.ones(4), data=np.ones(2))
