"""pa.linop: products against dense matrices, estimators against their distributions."""

import warnings

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, eigsh, gmres, svds
from support.processes import run_code

import pyautograd as pa

RNG = np.random.default_rng(0)
POINT = {"w": RNG.standard_normal((3, 4)), "b": (RNG.standard_normal(4), np.float64(0.3))}
DATA = RNG.standard_normal((5, 3))
NAMES = ["Hessian", "Jacobian", "GaussNewton", "Fisher"]


def model(p):
    return pa.tanh(DATA @ p["w"] + p["b"][0]) * p["b"][1]


def loss(z):
    return pa.sum(pa.logsumexp(z, axis=-1)) + 0.1 * pa.sum(z**3)


def scalar(p):
    return loss(model(p))


def dense(f, derivative):
    """A derivative of f as a matrix, by way of functions of a flat vector."""
    leaves, structure = pa.tree.flatten(POINT)
    sizes = np.cumsum([np.size(x) for x in leaves])[:-1]
    flat = np.concatenate([np.ravel(x) for x in leaves])

    def of_flat(v):
        parts = pa.split(v, sizes.tolist())
        shaped = [p.reshape(np.shape(x)) for p, x in zip(parts, leaves, strict=True)]
        return f(pa.tree.unflatten(structure, shaped))

    return np.asarray(derivative(of_flat, flat))


def operators():
    jacobian = dense(lambda p: pa.ravel(model(p)), pa.jacobian)
    z = model(POINT)
    inner = np.asarray(pa.hessian(lambda z: loss(z.reshape(5, 4)), z.reshape(-1)))
    p = np.asarray(pa.softmax(z, axis=-1))
    fisher = np.zeros((20, 20))
    for i, q in enumerate(p):
        fisher[4 * i : 4 * i + 4, 4 * i : 4 * i + 4] = np.diag(q) - np.outer(q, q)
    return {
        "Hessian": (pa.linop.Hessian(scalar, POINT), dense(scalar, pa.hessian)),
        "Jacobian": (pa.linop.Jacobian(model, POINT), jacobian),
        "GaussNewton": (pa.linop.GaussNewton(model, loss, POINT), jacobian.T @ inner @ jacobian),
        "Fisher": (
            pa.linop.Fisher(model, POINT, "categorical"),
            jacobian.T @ fisher @ jacobian,
        ),
    }


@pytest.mark.parametrize("name", NAMES)
def test_products_are_those_of_the_dense_matrix(name):
    op, matrix = operators()[name]
    m, n = matrix.shape
    assert isinstance(op, LinearOperator) and op.shape == (m, n) and op.dtype == np.float64
    close = {"rtol": 1e-11, "atol": 1e-12}
    v, u = RNG.standard_normal((n, 6)), RNG.standard_normal((m, 6))
    np.testing.assert_allclose(op.matvec(v[:, 0]), matrix @ v[:, 0], **close)
    np.testing.assert_allclose(op.rmatvec(u[:, 0]), matrix.T @ u[:, 0], **close)
    np.testing.assert_allclose(op @ v, matrix @ v, **close)
    np.testing.assert_allclose(op.rmatmat(u), matrix.T @ u, **close)
    np.testing.assert_allclose(op.T @ u, matrix.T @ u, **close)
    np.testing.assert_allclose(op.H @ u, matrix.T @ u, **close)
    np.testing.assert_allclose((2 * op) @ v[:, :1], 2 * matrix @ v[:, :1], **close)
    np.testing.assert_allclose(op @ (v - 1j), matrix @ (v - 1j), **close)
    np.testing.assert_allclose(op.H @ (u[:, 0] * 1j), matrix.T @ (u[:, 0] * 1j), **close)
    assert op.matmat(np.zeros((n, 0))).shape == (m, 0)
    assert op.rmatmat(np.zeros((m, 0))).shape == (n, 0)


@pytest.mark.parametrize("name", NAMES)
def test_more_axes_of_vectors(name):
    """As SciPy 1.18 hands them on; earlier releases hand on columns instead."""
    op, matrix = operators()[name]
    m, n = matrix.shape
    close = {"rtol": 1e-11, "atol": 1e-12}
    v, u = RNG.standard_normal((2, 3, n, 4)), RNG.standard_normal((2, 3, m, 4))
    np.testing.assert_allclose(op._matmat(v), matrix @ v, **close)
    np.testing.assert_allclose(op._rmatmat(u), matrix.T @ u, **close)
    np.testing.assert_allclose(op._matvec(v.swapaxes(-1, -2)), (matrix @ v).mT, **close)
    np.testing.assert_allclose(op._rmatvec(u.swapaxes(-1, -2)), (matrix.T @ u).mT, **close)
    np.testing.assert_allclose(op._matvec(v[0, 0, :, :1]), matrix @ v[0, 0, :, 0], **close)
    assert op._matmat(v[:0]).shape == (0, 3, m, 4) and op._rmatmat(u[:0]).shape == (0, 3, n, 4)


def test_fisher_of_logits_that_overflow():
    z = np.array([[800.0, 799.0, -800.0], [-800.0, -801.0, 0.0]])
    p = np.asarray(pa.softmax(z, axis=-1))
    want = np.zeros((6, 6))
    for i, q in enumerate(p):
        want[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] = np.diag(q) - np.outer(q, q)
    found = pa.linop.Fisher(lambda z: z * 1.0, z, "categorical") @ np.eye(6)
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-15)


def test_the_function_runs_once(no_leak):
    calls = []

    def f(x):
        calls.append(1)
        return pa.sum(pa.sin(x) * x[::-1])

    op = pa.linop.Hessian(f, np.arange(5.0))
    first = op @ np.eye(5)
    for i in range(5):
        np.testing.assert_allclose(op @ np.eye(5)[i], first[i])
    assert len(calls) == 1
    assert op.value == pytest.approx(float(f(pa.arange(5.0)).item()))
    np.testing.assert_allclose(op.gradient, pa.func.grad(f)(np.arange(5.0)).numpy())


def test_a_derivative_that_is_lost_is_warned_of():
    def product(t):
        return pa.sum(pa.linop.Hessian(lambda x: pa.sum(t * x**3), np.ones(2)) @ np.ones(2))

    def slope(t):
        return pa.sum(pa.linop.Jacobian(lambda x: t * x**3, np.ones(2)) @ np.ones(2))

    for f, instead in ((product, "pa.hvp"), (slope, "pa.func.jvp")):
        with pytest.warns(UserWarning, match=f"has no derivative: use {instead}") as found:
            pa.func.grad(f)(1.0)
        assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        point = pa.ones(2).requires_grad_()
        pa.linop.Hessian(lambda x: pa.sum(x**3), point)
        pa.linop.Jacobian(lambda x: x**3, point * 1.0)


def test_flatten_is_the_inverse_of_unflatten():
    op = pa.linop.Hessian(scalar, POINT)
    v = np.random.default_rng(0).standard_normal(op.shape[0])
    np.testing.assert_array_equal(op.flatten(op.unflatten(v)), v)
    single = pa.linop.Hessian(lambda x: pa.sum(x**3), np.ones((2, 2)))
    np.testing.assert_array_equal(single.flatten(np.eye(2)), [1.0, 0.0, 0.0, 1.0])
    with pytest.raises(
        ValueError, match=r"Hessian.flatten\] the tree has shape \(3,\) where x has"
    ):
        single.flatten(np.ones(3))
    with pytest.raises(ValueError, match=r"\[linop.Hessian.flatten\] the tree does not match"):
        op.flatten({"other": v})


def test_the_order_of_a_tree_and_unflatten():
    op = pa.linop.Hessian(scalar, POINT)
    v = np.arange(17.0)
    tree = op.unflatten(v)
    assert list(tree) == ["w", "b"]
    assert tree["w"].tolist() == v[:12].reshape(3, 4).tolist()
    assert tree["b"][0].tolist() == v[12:16].tolist() and tree["b"][1].item() == 16.0
    with pytest.raises(ValueError, match=r"expected shape \(17,\), got \(3,\)"):
        op.unflatten(np.ones(3))


def test_scipy_solvers_take_the_operators():
    matrix = RNG.standard_normal((20, 20))
    matrix = matrix @ matrix.T + np.eye(20)
    op = pa.linop.Hessian(lambda x: 0.5 * pa.sum(x * (matrix @ x)), np.zeros(20))
    values, vectors = eigsh(op, k=3)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[-3:], rtol=1e-10)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-8)
    b = RNG.standard_normal(20)
    solution, info = cg(op, b, rtol=1e-12)
    assert info == 0
    np.testing.assert_allclose(solution, np.linalg.solve(matrix, b), rtol=1e-8)
    solution, info = gmres(pa.linop.Jacobian(lambda x: matrix @ x, np.zeros(20)), b, rtol=1e-12)
    np.testing.assert_allclose(solution, np.linalg.solve(matrix, b), rtol=1e-8)
    top = svds(pa.linop.Jacobian(lambda x: matrix[:8] @ x, np.zeros(20)), k=2)[1]
    np.testing.assert_allclose(np.sort(top), np.linalg.svd(matrix[:8])[1][1::-1], rtol=1e-8)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "poisson", "empirical"])
def test_fisher_is_the_expected_curvature(likelihood):
    """For natural parameters it is the Hessian of the log-partition function."""
    z = np.array([-800.0, -1.0, 0.0, 2.0])
    weight = {
        "bernoulli": [0.0, *(1 / (2 + 2 * np.cosh(z[1:])))],
        "gaussian": np.ones(4),
        "poisson": np.exp(z),
        "empirical": np.ones(4),
    }[likelihood]
    got = pa.linop.Fisher(lambda x: x, z, likelihood) @ np.eye(4)
    np.testing.assert_allclose(got, np.diag(weight), rtol=1e-12)


def test_operators_of_functions_without_dependence_and_of_single_precision():
    assert (pa.linop.Hessian(lambda x: pa.sum(x), np.ones(3)) @ np.ones(3)).tolist() == [0, 0, 0]
    constant = pa.linop.Jacobian(lambda x: pa.ones(2), np.ones(3))
    assert (constant @ np.ones(3)).tolist() == [0, 0] and (constant.T @ np.ones(2)).tolist() == [
        0, 0, 0]  # fmt: skip
    op = pa.linop.Hessian(lambda x: pa.sum(x**3), np.ones(3, np.float32))
    assert op.dtype == np.float32 and (op @ np.eye(3)).dtype == np.float32
    parameter = pa.tensor(2.0, requires_grad=True)
    with pytest.warns(UserWarning, match="has no derivative"):
        op = pa.linop.Hessian(lambda x: parameter * pa.sum(x**2), np.ones(2))
    assert (op @ np.ones(2)).tolist() == [4.0, 4.0]


def test_bad_operators():
    with pytest.raises(ValueError, match=r"\[linop.Hessian\] the function must return a scalar"):
        pa.linop.Hessian(lambda x: x, np.ones(3))
    with pytest.raises(TypeError, match="dtype int64: only floating-point"):
        pa.linop.Hessian(lambda x: pa.sum(x), np.ones(3, int))
    with pytest.raises(TypeError, match=r"\[linop.Jacobian\] expected a function"):
        pa.linop.Jacobian(3, np.ones(3))
    with pytest.raises(ValueError, match="unknown likelihood 'cauchy': one of categorical"):
        pa.linop.Fisher(lambda x: x, np.ones(3), "cauchy")
    with pytest.raises(TypeError, match="must return one tensor, got a tree"):
        pa.linop.Fisher(lambda x: (x, x), np.ones(3), "gaussian")
    with pytest.raises(ValueError, match="must return an axis of logits"):
        pa.linop.Fisher(lambda x: pa.sum(x), np.ones(3), "categorical")
    with pytest.raises(TypeError, match="complex128 has no place in a real matrix"):
        pa.linop.Hessian(lambda z: pa.sum(pa.abs(z)), np.ones(3, complex))
    with pytest.raises(TypeError, match=r"\[linop.Jacobian\] dtype complex128"):
        pa.linop.Jacobian(lambda x: x * 1j, np.ones(3))
    with pytest.raises(ValueError, match="[Dd]imension mismatch"):
        pa.linop.Hessian(lambda x: pa.sum(x), np.ones(3)) @ np.ones(4)


def test_without_scipy_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['scipy'] = None; import pyautograd as pa; "
        "pa.linop.Hessian(lambda x: pa.sum(x), pa.ones(2))"
    )
    done = run_code(code)
    assert done.returncode == 1 and "pip install 'pyautograd[scipy]'" in done.stderr


def orthogonal(eigenvalues):
    q = np.linalg.qr(np.random.default_rng(3).standard_normal((len(eigenvalues),) * 2))[0]
    return (q * eigenvalues) @ q.T


SPECTRA = {
    "decay": 1 / np.arange(1.0, 61.0) ** 2,
    "flat": np.linspace(1.0, 3.0, 60),
    "indefinite": np.concatenate([np.linspace(-2.0, 2.0, 55), [30.0] * 5]),
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(
    "estimate, method",
    [
        *((pa.linop.trace, m) for m in ("hutchinson", "hutch++", "xtrace")),
        *((pa.linop.diagonal, m) for m in ("hutchinson", "xdiag")),
    ],
)
def test_estimators_are_unbiased_and_know_their_error(estimate, method, spectrum):
    matrix = orthogonal(SPECTRA[spectrum])
    exact = np.trace(matrix) if estimate is pa.linop.trace else np.diag(matrix)
    op = aslinearoperator(matrix)
    found = [estimate(op, method=method, products=24, seed=s) for s in range(300)]
    values, errors = np.array([e.value for e in found]), np.array([e.error for e in found])
    spread = values.std(axis=0)
    assert np.abs((values.mean(axis=0) - exact) / spread * np.sqrt(300)).max() < 4.5
    ratio = np.sqrt((errors**2).mean(axis=0)) / spread
    assert 0.5 < np.median(ratio) < 1.5


def test_better_methods_are_better():
    op = aslinearoperator(orthogonal(SPECTRA["decay"]))

    def spread(estimate, method):
        return np.std([estimate(op, method=method, seed=s).value for s in range(40)], axis=0).max()

    plain, plus, x = (spread(pa.linop.trace, m) for m in ("hutchinson", "hutch++", "xtrace"))
    assert x < plus < plain / 20
    assert spread(pa.linop.diagonal, "xdiag") < spread(pa.linop.diagonal, "hutchinson") / 10


@pytest.mark.parametrize("eigenvalues", [np.zeros(12), np.r_[np.ones(3), np.zeros(9)]])
def test_low_rank_is_exact(eigenvalues):
    matrix = orthogonal(eigenvalues)
    op = aslinearoperator(matrix)
    for method in ("hutch++", "xtrace"):
        found = pa.linop.trace(op, method=method, products=18)
        assert found.value == pytest.approx(eigenvalues.sum(), abs=1e-12) and found.error < 1e-12
    found = pa.linop.diagonal(op, products=18)
    np.testing.assert_allclose(found.value, np.diag(matrix), atol=1e-12)


def test_enough_products_are_exact():
    matrix = RNG.standard_normal((7, 7))
    matrix += matrix.T
    op = aslinearoperator(matrix)
    for method, products in (("hutch++", 21), ("xtrace", 14), ("xtrace", 100)):
        found = pa.linop.trace(op, method=method, products=products)
        assert found.value == pytest.approx(np.trace(matrix), rel=1e-8, abs=0), method
    found = pa.linop.diagonal(op, products=14)
    np.testing.assert_allclose(found.value, np.diag(matrix), rtol=1e-12)
    assert not found.error.any()
    one = pa.linop.trace(aslinearoperator(np.array([[3]])))
    assert one.value == pytest.approx(3.0, rel=1e-15, abs=0) and one.error == 0.0


def test_seeds_and_empty_operators():
    op, _ = operators()["Hessian"]
    for estimate in (pa.linop.trace, pa.linop.diagonal):
        first, second = estimate(op, products=8, seed=5), estimate(op, products=8, seed=5)
        other = estimate(op, products=8, seed=6)
        np.testing.assert_array_equal(first.value, second.value)
        assert np.any(first.value != other.value)
    empty = pa.linop.Hessian(lambda x: pa.sum(x), np.ones(0))
    assert pa.linop.trace(empty).value == 0.0 and pa.linop.diagonal(empty).value.shape == (0,)


def test_bad_estimates():
    op = aslinearoperator(np.ones((2, 3)))
    for estimate in (pa.linop.trace, pa.linop.diagonal, pa.linop.spectral_density):
        with pytest.raises(ValueError, match=r"must be square.* \(2, 3\)"):
            estimate(op)
        with pytest.raises(TypeError, match="operators of real numbers, got dtype complex128"):
            estimate(aslinearoperator(1j * np.eye(2)))
    op = aslinearoperator(np.eye(3))
    with pytest.raises(ValueError, match="unknown method 'lucky': one of hutchinson"):
        pa.linop.trace(op, method="lucky")
    with pytest.raises(ValueError, match="xtrace needs 4 products, got 3"):
        pa.linop.trace(op, products=3)
    with pytest.raises(ValueError, match="must be positive, got 0, 10"):
        pa.linop.spectral_density(op, steps=0)
    with pytest.raises(ValueError, match="width must be positive, got -1.0"):
        pa.linop.spectral_density(op).curve([0.0], width=-1.0)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_spectral_density_integrates_functions(spectrum):
    eigenvalues = SPECTRA[spectrum]
    op = aslinearoperator(orthogonal(eigenvalues))
    density = pa.linop.spectral_density(op, steps=30, samples=40, seed=1)
    np.testing.assert_allclose(density.weights.sum(axis=1), 1.0, rtol=1e-10)
    for function in (np.ones_like, lambda x: x, lambda x: x**2, np.exp, lambda x: x > 1.5):
        found = density.mean(function)
        assert abs(found.value - np.mean(function(eigenvalues))) < 4 * found.error + 0.02
    complete = pa.linop.spectral_density(op, steps=60, samples=2)
    ends = np.array([eigenvalues.min(), eigenvalues.max()])
    live = complete.weights > 1e-12
    got = [complete.points[live].min(), complete.points[live].max()]
    np.testing.assert_allclose(got, ends, rtol=1e-7, atol=1e-9)


def test_spectral_density_curve_has_area_one():
    op = aslinearoperator(orthogonal(SPECTRA["flat"]))
    grid = np.linspace(0.0, 4.0, 4001)
    curve = pa.linop.spectral_density(op).curve(grid)
    assert np.sum(curve) * (grid[1] - grid[0]) == pytest.approx(1.0, rel=1e-4, abs=0)
    assert curve[grid < 0.9].max() < 0.01 * curve.max()
