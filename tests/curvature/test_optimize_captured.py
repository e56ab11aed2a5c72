"""Optimisers with captured=True: the same runs, by calls that are written down once."""

import numpy as np
import pytest
import scipy.optimize

import pyautograd as pa

METHODS = [
    *("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "Nelder-Mead"),
    *("Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "trust-constr"),
]


def rosenbrock(x):
    return pa.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def same_run(solve, *args, rtol=1e-12, **options):
    plain, captured = (solve(*args, **options, captured=c) for c in (False, True))
    assert captured.success == plain.success
    assert (captured.nfev, captured.get("nit")) == (plain.nfev, plain.get("nit"))
    np.testing.assert_allclose(captured.x_flat, plain.x_flat, rtol=rtol, atol=rtol)
    return captured


@pytest.mark.parametrize("method", METHODS)
def test_methods(method):
    result = same_run(
        pa.optimize.minimize,
        lambda x: pa.sum(pa.exp(x) - x * np.array([1.0, 2.0, 3.0])) + x[0] * x[1] / 4,
        np.zeros(3),
        method=method,
        rtol=1e-6,
    )
    assert result.success


def test_nothing_is_evaluated_again():
    calls = []

    def f(x):
        calls.append(x.shape)
        return pa.sum((x - 1.0) ** 4)

    result = pa.optimize.minimize(f, np.zeros(3), captured=True)
    assert result.nfev > 5
    assert len(calls) <= 3  # for the gradient, for the Hessian


def test_trees_arguments_and_bounds():
    t = np.linspace(0.0, 1.0, 9)

    def loss(p, scale, *, extra=0.0):
        model = p["a"] * np.exp(-p["b"][0] * t) + p["b"][1]
        return pa.sum((model - (2 * np.exp(-3 * t) + 0.5)) ** 2) * scale + extra

    start = {"a": 1.5, "b": np.array([2.0, 0.3])}
    result = same_run(pa.optimize.minimize, loss, start, args=(2.0,), method="trust-exact")
    assert set(result.x) == {"a", "b"} and result.x["b"].shape == (2,)
    plain = pa.optimize.minimize(loss, start, args=(2.0,), method="trust-exact")
    np.testing.assert_allclose(result.hessian, plain.hessian, rtol=1e-12)
    same_run(pa.optimize.minimize, loss, start, args=(2.0,), bounds=({"a": 0.0, "b": 0.6}, None))


def test_single_precision():
    x0 = {"a": pa.tensor([0.5, 0.5], dtype="float32"), "b": 0.0}
    seen = set()

    def f(p):
        seen.add((p["a"].dtype, p["b"].dtype))
        return pa.sum((p["a"] - 1) ** 2) + (p["b"] - 2) ** 2

    result = pa.optimize.minimize(f, x0, captured=True)
    assert seen == {(np.dtype("float32"), np.dtype("float64"))}
    assert result.x["a"].dtype == np.float32
    np.testing.assert_allclose(result.x_flat, [1.0, 1.0, 2.0], rtol=1e-5)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
@pytest.mark.parametrize("kind", ["eq", "ineq"])
def test_constraints(method, kind):
    constraints = [
        {"type": kind, "fun": lambda x: x[0] * x[1] - 0.2},
        scipy.optimize.NonlinearConstraint(lambda x: [pa.sum(x**2), x[0]], -1.0, 2.0),
    ]
    result = same_run(
        pa.optimize.minimize,
        rosenbrock,
        np.array([0.6, 0.5, 0.3]),
        method=method,
        constraints=constraints,
        rtol=1e-6,
    )
    assert pa.sum(pa.asarray(result.x) ** 2).item() <= 2 + 1e-6


@pytest.mark.parametrize("kind", ["auto", "sparse", "products"])
@pytest.mark.parametrize("method", [None, "Newton-CG", "trust-constr"])
def test_many_unknowns(kind, method):
    result = same_run(
        pa.optimize.minimize,
        rosenbrock,
        np.full(600, 0.99),
        method=method,
        hessian=kind,
        rtol=1e-5,
    )
    assert result.hessian.shape == (600, 600)
    assert kind == "products" or not isinstance(result.hessian, np.ndarray)


def test_dense_functions_of_many_unknowns():
    def f(x):
        return pa.sum((x - 1) ** 2) + pa.sum(x) ** 4 / 600**3

    result = same_run(pa.optimize.minimize, f, np.zeros(600), rtol=1e-6)
    assert isinstance(result.hessian, np.ndarray)


def test_sparse_constraints():
    constraint = scipy.optimize.NonlinearConstraint(lambda x: x[1:] * x[:-1], -4.0, 4.0)
    same_run(
        pa.optimize.minimize,
        lambda x: pa.sum((x - 1.5) ** 4),
        np.full(60, 0.5),
        constraints=constraint,
        rtol=1e-5,
    )


def test_roots_and_least_squares():
    t = np.arange(6.0)

    def residuals(p):
        return {"r": p[0] * t + pa.sin(p[1] * t) - (2 * t + np.sin(t)), "prior": 0.01 * p}

    for method in ("trf", "lm", "dogbox"):
        same_run(pa.optimize.least_squares, residuals, np.array([1.9, 0.9]), method=method)
    found = pa.optimize.least_squares(residuals, np.array([1.9, 0.9]), captured=True)
    assert found.covariance.shape == (2, 2)
    for method in ("hybr", "lm", "krylov"):
        result = same_run(
            pa.optimize.root,
            lambda x: pa.stack([x[0] ** 2 - 2, x[0] * x[1] - 1]),
            [1.0, 1.0],
            method=method,
            rtol=1e-6,
        )
        np.testing.assert_allclose(result.x_flat, [2**0.5, 0.5**0.5], rtol=1e-5)
    products = np.full(600, 1.1)
    large = pa.optimize.least_squares(lambda x: x[1:] * x[:-1] - 1, products, captured=True)
    assert large.success and not isinstance(large.jac, np.ndarray)


def test_curves():
    t = np.linspace(0.0, 2.0, 20)
    p, cov = pa.optimize.curve_fit(
        lambda t, a, b: a * np.exp(-b * t), t, 3 * np.exp(-2 * t), captured=True
    )
    np.testing.assert_allclose(p.numpy(), [3.0, 2.0])
    assert cov.shape == (2, 2)


def test_callbacks_and_data_that_changes():
    data, seen = np.ones(3), []
    result = pa.optimize.minimize(
        lambda x: pa.sum((x - pa.asarray(data)) ** 2),
        np.zeros(3),
        callback=lambda r: seen.append((r.iteration, r.fun)),
        captured=True,
    )
    assert seen and seen[-1][1] < 1e-9
    np.testing.assert_allclose(result.x_flat, 1.0)
    data[:] = 5.0
    again = pa.optimize.minimize(
        lambda x: pa.sum((x - pa.asarray(data)) ** 2), np.zeros(3), captured=True
    )
    np.testing.assert_allclose(again.x_flat, 5.0)


def test_what_cannot_be_captured():
    def branching(x):
        return pa.sum(x**2) if x[0] > 0 else pa.sum(x**4)

    with pytest.raises(RuntimeError, match="the function asks for numbers"):
        pa.optimize.minimize(branching, np.ones(2), captured=True)
    leaf = pa.tensor(1.0, requires_grad=True)
    with pytest.raises(RuntimeError, match="can be differentiated"):
        pa.optimize.minimize(lambda x: pa.sum((x - leaf) ** 2), np.ones(2), captured=True)
    with pytest.raises(ValueError, match="nan at x0"):
        pa.optimize.minimize(lambda x: pa.sum(pa.log(x)), -np.ones(2), captured=True)
