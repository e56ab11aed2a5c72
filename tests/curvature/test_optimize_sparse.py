"""pa.optimize with many unknowns: sparse matrices for SciPy where they pay, products elsewhere."""

import functools

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import LinearConstraint, NonlinearConstraint
from scipy.sparse import issparse

import pyautograd as pa
from pyautograd.optimize import _minimize, _result, _solve
from pyautograd.optimize._sparse import SparseDerivatives


@pytest.mark.parametrize(
    "constraint, expected",
    [
        ({"type": "ineq", "fun": lambda x: x[1:] ** 2 + x[:-1] - 0.5}, True),
        (NonlinearConstraint(lambda x: x[1:] ** 2 + x[:-1], 0.5, 2.0), True),
        ({"type": "eq", "fun": lambda x: x[1:] ** 2 + x[:-1] - 0.5}, False),
        ({"type": "ineq", "fun": lambda x: pa.sum(x)[None] - 1.0}, False),
    ],
)
def test_constraints_with_slacks_are_sparse_from_fewer_unknowns(monkeypatch, constraint, expected):
    seen, original = [], scipy.optimize.minimize

    def spy(fun, x0, *, constraints, **kwargs):
        seen.extend(issparse(c.jac(x0)) for c in constraints)
        return original(fun, x0, constraints=constraints, **kwargs)

    monkeypatch.setattr(scipy.optimize, "minimize", spy)
    result = pa.optimize.minimize(
        lambda x: pa.sum((x - 1) ** 4) + pa.sum(x[1:] * x[:-1]),
        np.full(60, 0.8),
        constraints=constraint,
        options={"maxiter": 300},
    )
    assert seen == [expected] and result.success


@pytest.fixture
def handed_over(monkeypatch):
    """What SciPy is given at the start, and small problems treated as large ones."""
    monkeypatch.setattr(_minimize, "_DENSE", 50)
    monkeypatch.setattr(_result, "SPARSE_FROM", 50)
    monkeypatch.setattr(_solve, "SPARSE_FROM", 50)
    seen = {}

    def kind(made):
        return "sparse" if issparse(made) else type(made).__name__

    def spy(original, fun, x0, **kwargs):
        seen.clear()
        seen["jac"] = kind(kwargs["jac"](x0))
        seen["hess"] = kind(kwargs["hess"](x0)) if "hess" in kwargs else "products"
        for i, c in enumerate(kwargs.get("constraints", ())):
            if isinstance(c, NonlinearConstraint):
                seen[i] = kind(c.jac(x0)), kind(c.hess(x0, np.ones(len(c.fun(x0)))))
        return original(fun, x0, **kwargs)

    for name in ("minimize", "least_squares"):
        original = getattr(scipy.optimize, name)
        monkeypatch.setattr(scipy.optimize, name, functools.partial(spy, original))
    return seen


def chained(x):
    return pa.sum((x[1:] - x[:-1] ** 2) ** 2) + pa.sum((x - 1) ** 4)


@pytest.mark.parametrize("method", ["trust-constr", "Newton-CG", "trust-ncg", "trust-krylov"])
def test_sparse_hessians_take_the_same_path_as_products(method, handed_over):
    start, n = np.linspace(0.0, 0.8, 60), 60
    runs = {}
    for hessian in ("products", "auto", "sparse"):
        runs[hessian] = pa.optimize.minimize(chained, start, method=method, hessian=hessian)
        direct = method in ("trust-constr", "Newton-CG") and hessian != "products"
        assert handed_over["hess"] == ("sparse" if direct else "products")
    for run in runs.values():
        np.testing.assert_allclose(run.x.numpy(), runs["products"].x.numpy(), atol=1e-4)
        assert run.nit == pytest.approx(runs["products"].nit, abs=2)
        assert issparse(run.hessian) and run.hessian.nnz == 3 * n - 2
    np.testing.assert_allclose(run.covariance @ run.hessian, np.eye(n), atol=1e-9)


def test_large_problems_are_sparse_without_asking():
    start = np.linspace(0.0, 0.8, 1000)
    result = pa.optimize.minimize(chained, start, method="Newton-CG")
    assert result.hessian.nnz == 3 * 1000 - 2
    assert result.nhev == result.nit  # products would be counted one by one


def test_a_result_has_the_kind_of_hessian_that_was_asked_for(handed_over):
    start = np.linspace(0.0, 0.8, 60)
    for hessian, sparse in (("matrix", False), ("sparse", True)):
        for x0 in (start, start[:10]):
            result = pa.optimize.minimize(chained, x0, method="L-BFGS-B", hessian=hessian)
            assert issparse(result.hessian) == sparse
            assert np.isfinite(result.covariance).all()


def test_a_hessian_that_is_not_sparse_goes_as_products(handed_over):
    result = pa.optimize.minimize(
        lambda x: pa.sum((x - 1) ** 2) + pa.sum(x) ** 2 / 70, np.zeros(70), method="trust-constr"
    )
    assert handed_over["hess"] == "products"
    np.testing.assert_allclose(result.x.numpy(), 0.5, atol=1e-4)
    assert result.hessian.shape == (70, 70) and not issparse(result.hessian)


def test_sparse_constraints(handed_over):
    """A hanging chain, with sparse and with dense matrices."""
    n = 30
    x = np.linspace(-1.0, 1.0, n)

    def links(p):
        return (p["x"][1:] - p["x"][:-1]) ** 2 + (p["y"][1:] - p["y"][:-1]) ** 2 - (2.4 / n) ** 2

    def ends(p):
        return pa.stack([p["x"][0] + 1, p["x"][-1] - 1, p["y"][0], p["y"][-1]])

    def hang(hessian, options):
        return pa.optimize.minimize(
            lambda p: pa.sum(p["y"]),
            {"x": x, "y": x**2 - 1},
            constraints=[{"type": "eq", "fun": ends}, {"type": "eq", "fun": links}],
            hessian=hessian,
            options={"maxiter": 2000, **options},
        )

    sparse = hang("auto", {})
    both = ("sparse", "sparse")
    assert handed_over == {"jac": "ndarray", "hess": "sparse", 0: both, 1: both}
    dense = hang("matrix", {"sparse_jacobian": False})
    both = ("ndarray", "ndarray")
    assert handed_over == {"jac": "ndarray", "hess": "ndarray", 0: both, 1: both}
    assert sparse.success and dense.success
    np.testing.assert_allclose(sparse.x_flat, dense.x_flat, atol=1e-4)


def test_dense_and_sparse_constraints_together(handed_over):
    n = 60
    constraints = [
        {"type": "eq", "fun": lambda x: pa.sum(x)[None] - 1.0},
        {"type": "ineq", "fun": lambda x: x[:-1] - x[1:] ** 2 + 1},
        LinearConstraint(np.ones((1, n)), -2, 2),
    ]
    result = pa.optimize.minimize(lambda x: pa.sum(x**2), np.ones(n), constraints=constraints)
    np.testing.assert_allclose(result.x.numpy(), 1 / n, atol=1e-5)
    assert handed_over[0] == ("ndarray", "sparse") and handed_over[1] == ("sparse", "sparse")
    pa.optimize.minimize(
        lambda x: pa.sum(x**2),
        np.ones(n),
        constraints=constraints,
        options={"sparse_jacobian": None},
    )
    assert handed_over[1] == ("sparse", "sparse")
    options = {"sparse_jacobian": False, "gtol": 1e-4}
    pa.optimize.minimize(
        lambda x: pa.sum(x**2), np.ones(n), constraints=constraints[:2], options=options
    )
    assert handed_over[1] == ("ndarray", "sparse")


def test_a_branch_on_values_makes_a_new_plan():
    n = 520

    def f(x):
        bent = x[1:] if x[0] > 0.5 else x[::-1][1:] ** 2
        return pa.sum((x[:-1] - 0.2) ** 2 * (1 + bent**2)) + pa.sum((x - 0.2) ** 2)

    def constraint(x):
        return x[1:] * x[:-1] if x[0] > 0.5 else x[1:] * x[::-1][1:]

    points = pa._points.Points
    layout, _ = pa._flat.Layout.of("test", np.ones(n))
    scalar = SparseDerivatives(points("test", f, layout, True), bounded=True)
    vector = SparseDerivatives(points("test", constraint, layout, True), bounded=True)
    weights = np.zeros(n - 1)
    for x in (np.ones(n), np.linspace(0.1, 0.9, n), np.linspace(0.9, 0.1, n)):
        assert np.allclose(scalar.hessian(x).toarray(), pa.hessian(f, x).numpy())
        assert np.allclose(vector.jacobian(x).toarray(), pa.jacobian(constraint, x).numpy())
        weights[::3] = x[0]
        exact = pa.hessian(lambda x: pa.sum(constraint(x) * weights), x)
        assert np.allclose(vector.weighted_hessian(x, weights).toarray(), exact)
    dense = SparseDerivatives(
        points(
            "test", lambda x: chained(x) if x[0] < 1 else pa.sum(pa.cumsum(x)) ** 3, layout, True
        ),
        bounded=True,
    )
    assert dense.hessian_pays(np.zeros(n))
    dense._most = 10_000
    with pytest.raises(RuntimeError, match="the Hessian was sparse at x0 and is not at a later"):
        dense.hessian(np.ones(n))


def test_a_hessian_larger_than_memory_is_refused():
    n = 300_000
    result = pa.optimize.minimize(lambda x: pa.sum(x**2), np.zeros(n), method="L-BFGS-B")
    assert result.hessian.nnz == n
    with pytest.raises(MemoryError, match="a covariance of 300000 unknowns takes"):
        result.covariance  # noqa: B018
    result = pa.optimize.minimize(lambda x: pa.sum(x) ** 2, np.zeros(n), method="L-BFGS-B")
    with pytest.raises(MemoryError, match="a dense Hessian of 300000 unknowns takes"):
        result.hessian  # noqa: B018


@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_sparse_least_squares(method, handed_over):
    n = 60

    def residuals(x):
        return pa.concat([x[1:] - x[:-1] ** 2, pa.sin(x) - 0.3])

    runs = {}
    for jacobian, kind in (("auto", "sparse"), ("matrix", "ndarray"), ("sparse", "sparse")):
        runs[kind] = pa.optimize.least_squares(
            residuals, np.full(n, 0.5), method=method, jacobian=jacobian
        )
        assert handed_over["jac"] == kind
    np.testing.assert_allclose(runs["sparse"].x.numpy(), runs["ndarray"].x.numpy(), atol=1e-5)
    assert issparse(runs["sparse"].hessian) and issparse(runs["sparse"].jac)
