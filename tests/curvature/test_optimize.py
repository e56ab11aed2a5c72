"""pa.optimize: SciPy's optimisers with exact derivatives, trees, progress and bad input."""

import copy
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import (
    Bounds,
    LinearConstraint,
    NonlinearConstraint,
    OptimizeWarning,
    least_squares,
    minimize,
)
from support.dense_hessians import rosenbrock
from support.processes import run_code

import pyautograd as pa

MATRIX = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.0], [0.5, 0.0, 2.0]])
SHIFT = np.array([1.0, -2.0, 0.5])
WITH_GRADIENT = ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"]
WITH_HESSIAN = ["Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "trust-constr"]
WITHOUT = ["Nelder-Mead", "Powell", "COBYLA", "COBYQA"]


def bowl(x):
    z = x - SHIFT
    return pa.sum(z * (MATRIX @ z)) / 2 + pa.sum(z**4)


@pytest.mark.parametrize("method", [None, *WITH_GRADIENT, *WITH_HESSIAN, *WITHOUT])
def test_every_method_finds_the_minimum(method):
    result = pa.optimize.minimize(bowl, np.zeros(3), method=method)
    assert result.success and isinstance(result.x, pa.Tensor)
    np.testing.assert_allclose(result.x.numpy(), SHIFT, atol=2e-3)
    np.testing.assert_allclose(result.hessian, MATRIX, atol=1e-3)
    np.testing.assert_allclose(result.covariance, np.linalg.inv(MATRIX), atol=1e-3)
    assert "_hessian" not in repr(result) and "hessian" in dir(result) and "fun" in dir(result)


@pytest.mark.parametrize("method", ["trust-ncg", "Newton-CG", "trust-constr"])
def test_products_take_the_same_path_as_the_matrix(method):
    runs = [
        pa.optimize.minimize(rosenbrock, np.full(6, -1.0), method=method, hessian=kind)
        for kind in ("matrix", "products")
    ]
    for run in runs:
        np.testing.assert_allclose(run.x.numpy(), 1.0, atol=1e-3)
    assert runs[0].nit == pytest.approx(runs[1].nit, abs=2)


@pytest.mark.parametrize("start", [[-1, 2, 0], (-1.0, 2, 0.0), np.array([-1, 2, 0])])
def test_a_list_of_numbers_is_a_vector_as_in_scipy(start):
    result = pa.optimize.minimize(rosenbrock, start)
    assert result.x.dtype == np.float64
    np.testing.assert_allclose(result.x.numpy(), 1.0, atol=1e-5)
    assert pa.optimize.root(lambda x: x**2 - 2.0, [1, 3]).x.tolist() == pytest.approx([2**0.5] * 2)
    ragged = pa.optimize.minimize(
        lambda x: x[0][0] ** 2 + x[0][1] ** 2 + (x[1] - 1) ** 2, [[1, 2], 5]
    )
    assert len(ragged.x[0]) == 2 and ragged.x[1].item() == pytest.approx(1)


def test_further_arguments_are_passed_on_behind_the_unknowns():
    times = np.linspace(0.0, 3.0, 20)
    counts = 2.0 * np.exp(-0.7 * times)

    def residuals(p, t, y):
        return p[0] * pa.exp(-p[1] * t) - y

    found = pa.optimize.least_squares(residuals, [1, 1], args=(times, counts))
    np.testing.assert_allclose(found.x.numpy(), [2.0, 0.7], rtol=1e-6)
    assert pa.optimize.root(lambda x, a: x - a, [0.0], args=3.0).x.tolist() == [3.0]
    circle = {"type": "ineq", "fun": lambda x, r: r**2 - pa.sum(x**2), "args": (2.0,)}
    far = pa.optimize.minimize(lambda x, a: -a * x[0], [0.1, 0.1], args=3, constraints=circle)
    np.testing.assert_allclose(far.x.numpy(), [2.0, 0.0], atol=1e-4)


def test_many_unknowns_use_products():
    n = 600
    result = pa.optimize.minimize(lambda x: pa.sum(pa.cosh(x - 0.5)) + pa.sum(x[1:] * x[:-1]) / 8,
                                  np.zeros(n))  # fmt: skip
    assert result.success and result.nhev > 0
    assert np.abs(result.jac).max() < 1e-6


def test_one_evaluation_for_each_point():
    seen = []

    def f(x):
        seen.append(x.detach().numpy().tobytes())
        return rosenbrock(x)

    pa.optimize.minimize(f, np.array([-1.2, 1.0]), method="trust-exact")
    assert len(seen) == len(set(seen))
    seen.clear()
    pa.optimize.minimize(f, np.array([-1.2, 1.0]), method="L-BFGS-B")
    assert len(seen) == len(set(seen))


def test_trees_and_bounds():
    def f(p):
        return (p["a"] - 3) ** 2 + pa.sum((p["b"][0] + 1) ** 2)

    start = {"a": 0.0, "b": [np.zeros((2, 2))]}
    result = pa.optimize.minimize(f, start)
    assert result.x["a"].item() == pytest.approx(3) and result.x["b"][0].shape == (2, 2)
    for bounds in (
        ({"a": None, "b": 0.0}, {"a": 2.0, "b": None}),
        ({"a": -np.inf, "b": [np.zeros(2)]}, {"a": 2.0, "b": [[[9.0] * 2] * 2][0:1] and None}),
        Bounds([-np.inf, 0, 0, 0, 0], [2.0] * 5),
        [(None, 2.0), *[(0.0, None)] * 4],
    ):
        result = pa.optimize.minimize(f, start, bounds=bounds)
        assert result.x["a"].item() == pytest.approx(2)
        np.testing.assert_allclose(result.x["b"][0].numpy(), 0, atol=1e-8)
    result = pa.optimize.minimize(bowl, np.zeros(3), bounds=([0, 0, 0], 0.25))
    np.testing.assert_allclose(result.x.numpy(), [0.25, 0.0, 0.25], atol=1e-6)


@pytest.mark.parametrize(
    "bounds",
    [
        ((0, 1), (0, 2)),
        ((0, 1), (None, 2)),
        [(0, 1), (0, 2)],
        [[0, 1], [0, 2]],
        (np.array([0, 0]), np.array([1, 2])),
        Bounds([0, 0], [1, 2]),
    ],
)
def test_pairs_of_two_unknowns_are_scipys(bounds):
    def far(x):
        return pa.sum((x - 5) ** 2)

    if isinstance(bounds, Bounds) or not isinstance(bounds[0], np.ndarray):
        scipys = minimize(lambda x: np.sum((x - 5) ** 2), np.ones(2), bounds=bounds)
        np.testing.assert_allclose(scipys.x, [1, 2], atol=1e-6)
    found = pa.optimize.minimize(far, np.ones(2), bounds=bounds)
    np.testing.assert_allclose(found.x.numpy(), [1, 2], atol=1e-6)


def test_pairs_in_a_tuple():
    found = pa.optimize.minimize(lambda x: pa.sum((x - 5) ** 2), np.ones(3), bounds=((0, 1),) * 3)
    np.testing.assert_allclose(found.x.numpy(), 1, atol=1e-6)


@pytest.mark.parametrize("bounds", [((0, 1), (2, 3)), ([0, 1], [2, 3]), [(0, 1), (2, 3)]])
def test_bounds_of_two_unknowns_of_least_squares_are_scipys(bounds):
    inside = least_squares(lambda x: x - 9, np.array([1.0, 2.0]), bounds=bounds)
    found = pa.optimize.least_squares(lambda x: x - 9, np.array([1.0, 2.0]), bounds=bounds)
    np.testing.assert_allclose(found.x.numpy(), inside.x, atol=1e-6)
    np.testing.assert_allclose(inside.x, [2, 3], atol=1e-6)


def test_single_precision_and_scalars():
    result = pa.optimize.minimize(lambda x: pa.sum((x - 1) ** 2), np.zeros(3, np.float32))
    assert result.success and result.x.dtype == np.float32
    result = pa.optimize.minimize(lambda x: (x - 1) ** 2, 0.0)
    assert result.x.shape == () and result.x.item() == pytest.approx(1)


CONSTRAINTS = {
    "dict": {"type": "eq", "fun": lambda x: pa.sum(x**2) - 1.0},
    "nonlinear": NonlinearConstraint(lambda x: pa.sum(x**2), 1.0, 1.0),
    "two": [
        {"type": "eq", "fun": lambda x: pa.sum(x**2) - 1.0},
        {"type": "ineq", "fun": lambda x: pa.stack([x[0] + 5, 5 - x[1]])},
    ],
    "linear too": [
        {"type": "eq", "fun": lambda x: pa.sum(x**2) - 1.0},
        LinearConstraint(np.eye(3), -5, 5),
    ],
}


@pytest.mark.parametrize("hessian", ["matrix", "products"])
@pytest.mark.parametrize("method", ["trust-constr", "SLSQP"])
@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_constraints(kind, method, hessian):
    """The smallest eigenvector as a minimum on the sphere."""
    result = pa.optimize.minimize(
        lambda x: pa.sum(x * (MATRIX @ x)),
        np.array([0.3, 0.2, -0.9]),
        method=method,
        constraints=CONSTRAINTS[kind],
        hessian=hessian,
    )
    values, vectors = np.linalg.eigh(MATRIX)
    assert result.fun == pytest.approx(values[0], rel=1e-5, abs=0)
    assert abs(vectors[:, 0] @ result.x.numpy()) == pytest.approx(1, rel=1e-5, abs=0)


def test_constraints_beside_many_bounds():
    """The nearest point of the simplex: all but the largest entries are zero."""
    target = np.random.default_rng(0).standard_normal(60)
    result = pa.optimize.minimize(
        lambda p: pa.sum((p - target) ** 2),
        pa.ones(60) / 60,
        bounds=(0.0, None),
        constraints={"type": "eq", "fun": lambda p: pa.sum(p) - 1},
    )
    sums = (np.cumsum(np.sort(target)[::-1]) - 1) / np.arange(1, 61)
    level = sums[np.sum(np.sort(target)[::-1] > sums) - 1]
    np.testing.assert_allclose(result.x.numpy(), np.maximum(target - level, 0), atol=1e-4)


def test_callback_sees_trees_and_may_stop():
    states = []

    def callback(state):
        states.append((state.iteration, state.x["a"].item(), state.fun))
        if state.iteration == 3:
            raise StopIteration

    with pytest.warns(OptimizeWarning, match="StopIteration"):
        pa.optimize.minimize(
            lambda p: (p["a"] - 2) ** 4, {"a": 0.0}, method="trust-exact", callback=callback
        )
    assert [s[0] for s in states] == [1, 2, 3]
    assert states[0][2] == pytest.approx((states[0][1] - 2) ** 4)


@pytest.mark.parametrize("method", ["trust-exact", "trust-constr", "L-BFGS-B", "SLSQP", "COBYLA"])
def test_progress(method, capsys):
    pa.optimize.minimize(bowl, np.zeros(3), method=method, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 2 and lines[0].startswith("iteration     1   value ")
    assert "gradient" in lines[0]


@pytest.mark.parametrize(
    ("method", "start", "text"),
    [
        ("BFGS", 0.5, "BFGS cannot take bounds: they are ignored"),
        ("trust-exact", 0.5, "trust-exact cannot take bounds"),
        ("Nelder-Mead", 5.0, "x0 lies outside the bounds: Nelder-Mead begins at the nearest"),
        ("Powell", 5.0, "x0 lies outside the bounds"),
    ],
)
def test_warnings_of_bounds_are_about_the_callers_line(method, start, text):
    with pytest.warns(UserWarning, match=text) as found:
        result = pa.optimize.minimize(
            lambda x: pa.sum((x - 0.3) ** 2), np.full(2, start), bounds=(0.0, 1.0), method=method
        )
    assert [Path(w.filename).name for w in found] == [Path(__file__).name]
    np.testing.assert_allclose(result.x, [0.3, 0.3], atol=1e-4)


def test_failure_is_reported_and_warned_of():
    with pytest.warns(OptimizeWarning, match=r"\[optimize.minimize\] did not converge: Maximum"):
        result = pa.optimize.minimize(rosenbrock, np.full(4, -2.0), method="BFGS",
                                      options={"maxiter": 2})  # fmt: skip
    assert not result.success and result.nit == 2
    with pytest.warns(OptimizeWarning, match=r"\[optimize.root\] did not converge"):
        assert not pa.optimize.root(lambda x: x**2 + 1, np.ones(1)).success
    with pytest.warns(OptimizeWarning, match=r"least_squares\] did not converge: The maximum"):
        pa.optimize.least_squares(lambda x: pa.exp(x) - 3, np.ones(1), max_nfev=1)


def test_no_covariance_where_the_hessian_is_not_positive_definite():
    result = pa.optimize.minimize(lambda x: x[0] ** 2 + 0 * x[1], np.ones(2), method="BFGS")
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite, its smallest eig"):
        result.covariance  # noqa: B018
    assert result.hessian.tolist() == [[2, 0], [0, 0]]
    exact = pa.optimize.least_squares(lambda x: x - 1, np.zeros(2))
    with pytest.raises(np.linalg.LinAlgError, match="2 residuals for 2 unknowns"):
        exact.covariance  # noqa: B018
    robust = pa.optimize.least_squares(lambda x: x - 1, np.zeros(2), loss="huber")
    with pytest.raises(ValueError, match="are for loss='linear', not 'huber'"):
        robust.hessian  # noqa: B018


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov"])
def test_root_of_a_tree(method):
    def f(p):
        return p["x"] ** 2 + pa.sum(p["y"]) - 3, {"z": p["y"] - p["x"]}

    result = pa.optimize.root(f, {"x": 0.8, "y": np.ones(2)}, method=method)
    assert result.success
    np.testing.assert_allclose(result.x_flat, 1.0, rtol=1e-5)
    np.testing.assert_allclose(result.jacobian, [[2, 1, 1], [-1, 1, 0], [-1, 0, 1]], rtol=1e-4)
    with pytest.raises(ValueError, match="a root has no Hessian"):
        result.hessian  # noqa: B018


def test_jacobian_with_a_leaf_that_is_not_used():
    def f(p):
        return pa.concat([p["x"] * 2, pa.reshape(p["y"], (1,)), p["x"][:1]])

    points = pa._points.Points
    layout, leaves = pa._flat.Layout.of("test", {"x": np.ones(1), "u": np.ones(2), "y": 1.0})
    found = points("test", f, layout, False)(layout.join(leaves)).jacobian()
    assert found.tolist() == [[2, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    layout, leaves = pa._flat.Layout.of("test", {"x": np.ones(1), "u": np.ones(0), "y": 1.0})
    found = points("test", f, layout, False)(layout.join(leaves)).jacobian()
    assert found.tolist() == [[2, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("hessian", ["matrix", "sparse", "products"])
def test_every_kind_of_hessian_has_a_default_method(hessian):
    found = pa.optimize.minimize(
        lambda x: pa.sum((x[1:] - x[:-1] ** 2) ** 2) + pa.sum((x - 1) ** 2),
        np.ones(5) * 0.9,
        hessian=hessian,
    )
    assert found.success and abs(found.x - 1).max() < 1e-2


BAD = [
    (lambda: pa.optimize.minimize(3, np.ones(2)), TypeError, "expected a function"),
    (lambda: pa.optimize.minimize(bowl, np.ones(3, bool)), TypeError, "dtype bool"),
    (
        lambda: pa.optimize.minimize(lambda z: pa.sum(pa.abs(z)), np.ones(2, complex)),
        TypeError,
        "complex128 has no place in a real matrix",
    ),
    (
        lambda: pa.optimize.root(lambda x: x * 1j, np.ones(2)),
        TypeError,
        r"\[optimize.root\] dtype complex128 has no place",
    ),
    (lambda: pa.optimize.minimize(lambda x: x, np.ones(2)), ValueError, "must return a scalar"),
    (lambda: pa.optimize.minimize(lambda x: None, np.ones(2)), TypeError, "returned None"),
    (lambda: pa.optimize.minimize(lambda x: pa.log(x), -1.0), ValueError, "is nan at x0"),
    (lambda: pa.optimize.minimize(bowl, np.ones(0)), ValueError, "minimize] x0 holds no numbers"),
    (lambda: pa.optimize.minimize(bowl, {}), ValueError, "minimize] x0 holds no numbers"),
    (lambda: pa.optimize.root(bowl, np.ones(0)), ValueError, "root] x0 holds no numbers"),
    (lambda: pa.optimize.least_squares(bowl, []), ValueError, "squares] x0 holds no numbers"),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), method="magic"),
        ValueError,
        "unknown method 'magic': expected one of bfgs",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), method="BFGS", constraints=[{}]),
        ValueError,
        "'BFGS' cannot take constraints: use one of",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), constraints={"type": "le"}),
        ValueError,
        "a constraint is a dict",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), bounds=(1.0, 0.0)),
        ValueError,
        "bounds of unknown 0 are 1.0 and 0.0",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), bounds=Bounds([0, 0], [1, 1])),
        ValueError,
        r"bounds have shape \(2,\), expected \(3,\)",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), bounds=([0, 0], None)),
        ValueError,
        r"a bound of shape \(2,\) does not fit a tensor of shape \(3,\)",
    ),
    (
        lambda: pa.optimize.minimize(pa.sum, np.ones(2), bounds=([0, 1], [2, 3])),
        ValueError,
        r"of two unknowns are \(lower, upper\) here and pairs in SciPy",
    ),
    *(
        (
            lambda bounds=bounds: pa.optimize.minimize(bowl, np.ones(3), bounds=bounds),
            ValueError,
            "bounds must be a tuple",
        )
        for bounds in (3, (0.0, 1.0, 2.0), [(0.0, 1.0, 2.0)] * 3, (0.0,))
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), constraints={"type": "eq", "fun": 3}),
        TypeError,
        "expected a function",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), hessian="dense"),
        ValueError,
        "unknown hessian 'dense': expected one of auto, matrix, products, sparse",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), method="trust-exact", hessian="sparse"),
        ValueError,
        "'trust-exact' needs the Hessian as a dense matrix",
    ),
    (
        lambda: pa.optimize.least_squares(lambda x: x, np.ones(3), jacobian="dense"),
        ValueError,
        "unknown jacobian 'dense'",
    ),
    (
        lambda: pa.optimize.least_squares(lambda x: x, np.ones(3), method="lm", jacobian="sparse"),
        ValueError,
        "a sparse Jacobian needs method 'trf' or 'dogbox'",
    ),
    (
        lambda: pa.optimize.minimize(bowl, np.ones(3), method="dogleg", hessian="products"),
        ValueError,
        "'dogleg' needs the Hessian as a dense matrix",
    ),
    (lambda: pa.optimize.root(lambda x: x[:2], np.ones(3)), ValueError, "2 values for 3 unknowns"),
]


@pytest.mark.parametrize("call, error, message", BAD)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_without_scipy_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['scipy'] = None; import pyautograd as pa; "
        "pa.optimize.minimize(lambda x: pa.sum(x), pa.ones(2))"
    )
    done = run_code(code)
    assert done.returncode == 1 and "pip install 'pyautograd[scipy]'" in done.stderr


@pytest.mark.parametrize(
    "solve, instead",
    [
        (lambda t: pa.optimize.minimize(lambda x: pa.sum((x - t) ** 2), np.zeros(2)), "argmin"),
        (lambda t: pa.optimize.root(lambda x: x - t, np.zeros(2)), "root"),
        (lambda t: pa.optimize.least_squares(lambda x: x - t, np.zeros(2)), "argmin"),
    ],
)
def test_a_derivative_that_is_lost_is_warned_of(solve, instead):
    text = rf"has no derivative: use pa.implicit.{instead}, or x.detach\(\)"
    for make in (pa.func.grad, pa.func.jacfwd):
        with pytest.warns(UserWarning, match=text) as found:
            make(lambda t: pa.sum(solve(t).x))(1.0)
        assert found[0].filename == __file__
    leaf = pa.tensor(1.0, requires_grad=True)
    with pytest.warns(UserWarning, match=text):
        solve(leaf)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert solve(pa.tensor(1.0)).success and solve(leaf.detach()).success
        with pa.no_grad():
            solve(leaf)
        pa.func.grad(lambda t: pa.sum(solve(2.0).x) * t)(1.0)


@pytest.mark.parametrize("method", [None, *WITH_GRADIENT, *WITH_HESSIAN, *WITHOUT])
def test_results_can_be_pickled(method):
    result = pa.optimize.minimize(bowl, np.zeros(3), method=method)
    copied = pickle.loads(pickle.dumps(result))
    assert copied.x.tolist() == result.x.tolist() and copied.success is result.success
    np.testing.assert_array_equal(copied.covariance, result.covariance)
    again = copy.deepcopy(pickle.loads(pickle.dumps(copied)))
    np.testing.assert_array_equal(again.hessian, result.hessian)


def test_pickled_results_of_the_other_solvers():
    root = pickle.loads(pickle.dumps(pa.optimize.root(lambda x: x**2 - 2, [1.0])))
    assert root.jacobian.shape == (1, 1)
    with pytest.raises(ValueError, match="a root has no Hessian"):
        root.hessian  # noqa: B018
    fit = pa.optimize.least_squares(lambda p: p - np.array([1.0, 2.0, 4.0]), 0.0)
    copied = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(copied.covariance, fit.covariance)
    constrained = pa.optimize.minimize(
        bowl, np.zeros(3), constraints={"type": "ineq", "fun": lambda x: 1 - pa.sum(x**2)}
    )
    assert pickle.loads(pickle.dumps(constrained)).fun == constrained.fun
