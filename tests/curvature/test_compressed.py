"""Derivatives that are mostly zero are found by a few products: as dense results or sparse ones."""

import numpy as np
import pytest
from support.dense_hessians import dense, rosenbrock

import pyautograd as pa

RNG = np.random.default_rng(0)


def coupled(p):
    """Of several tensors, with an arrow, a band, and a column that is empty."""
    x, y = p["x"], p["y"][0]
    near = pa.sum((x[1:] - x[:-1] ** 2) ** 2) + pa.sum(x * pa.ravel(y))
    return near + pa.exp(p["t"]) * pa.sum(pa.sin(y)) + 3.0 * pa.sum(p["linear"])


def tree(n=90, dtype=np.float64):
    rng = np.random.default_rng(2)
    named = {"x": rng.normal(size=2 * n), "y": [rng.normal(size=(2, n))]}
    named |= {"t": np.array(0.3), "linear": np.ones(2)}
    return {key: pa.tree.map(lambda v: np.asarray(v, dtype), value) for key, value in named.items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"memory": "3MB"}, {"progress": lambda *_: None}])
def test_compressed_blocks_are_those_of_full_sweeps(dtype, options):
    p = tree(dtype=dtype)
    plan = pa.explain(coupled, p, memory=options.get("memory"))
    assert plan.strategy == "compressed" and plan.colours * 4 <= 363 and "363" in str(plan)
    found = pa.hessian(coupled, p, **options)
    want = pa.hessian(coupled, p, mode="reverse-over-reverse")
    for a, b in zip(pa.tree.flatten(found)[0], pa.tree.flatten(want)[0], strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=10 * np.finfo(dtype).eps)
    matrix, names = pa.hessian(coupled, p, flatten=True, **options)
    np.testing.assert_array_equal(matrix.numpy(), dense(found, p))
    assert len(names) == 363 and names[0] == "x[0]"
    value, gradient, second = pa.value_grad_hessian(coupled, p, **options)
    np.testing.assert_array_equal(dense(second, p), dense(found, p))
    assert value.item() == coupled(p).item() and gradient["x"].shape == (180,)


@pytest.mark.parametrize("n", [200, 700])
def test_compressed_jacobians_are_those_of_full_sweeps(n):
    x = RNG.normal(size=n)

    def f(x):
        return {"band": x[1:] * x[:-1], "row": [pa.sum(pa.sin(x)), x[:3] ** 2 * x[3]]}

    plan = pa.explain(f, x)
    assert plan.strategy == "compressed" and plan.colours < 10
    found, want = pa.jacobian(f, x), pa.jacobian(f, x, mode="reverse")
    for a, b in zip(pa.tree.flatten(found)[0], pa.tree.flatten(want)[0], strict=True):
        assert a.shape == b.shape
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    matrix, rows, columns = pa.jacobian(f, x, flatten=True)
    assert matrix.shape == (n + 3, n) and rows[-1] == "row[1][2]" and columns[0] == "[0]"
    np.testing.assert_array_equal(matrix.numpy()[: n - 1], want["band"].numpy())


def test_compressed_is_of_the_branch_that_was_taken():
    def f(x):
        return pa.sum(x**3) if x[0] > 0 else pa.sum(x) ** 3

    x = np.ones(300)
    np.testing.assert_array_equal(pa.hessian(f, x).numpy(), 6 * np.eye(300))
    np.testing.assert_array_equal(pa.hessian(f, -x).numpy(), np.full((300, 300), -1800.0))


def test_compressed_keeps_zeros_and_nan_apart():
    x = np.linspace(-1.0, 1.0, 201)

    def masked(x):
        return pa.sum(pa.where(x > 0, pa.sqrt(x) ** 3, 0.0)) + pa.sum(x[1:] * x[:-1])

    H = pa.hessian(masked, x).numpy()
    assert np.isfinite(H).all()
    np.testing.assert_allclose(np.diag(H)[101:], 0.75 / np.sqrt(x[101:]))
    x[5] = np.nan

    def band(x):
        return pa.sum(x**3) + pa.sum(x[1:] * x[:-1])

    assert np.argwhere(np.isnan(pa.hessian(band, x).numpy())).tolist() == [[5, 5]]
    with pa.detect_anomaly(), pytest.raises(RuntimeError, match=r"1 entries.*\(\[5\], \[5\]\)"):
        pa.hessian(band, x)


def test_compressed_leaves_what_others_differentiate_to_full_sweeps():
    x, c = RNG.normal(size=200), pa.tensor(RNG.normal(size=200), requires_grad=True)
    H = pa.hessian(lambda x: pa.sum(c * x**3), x)
    pa.sum(H).backward()
    np.testing.assert_allclose(c.grad.numpy(), 6 * x)
    third = pa.func.grad(lambda x: pa.trace(pa.hessian(lambda x: pa.sum(x**4), x)))(x)
    np.testing.assert_allclose(third.numpy(), 24 * x)
    rows = pa.func.vmap(lambda x: pa.hessian(lambda x: pa.sum(x**4), x))(np.stack([x, 2 * x]))
    np.testing.assert_allclose(rows.numpy()[1], np.diag(48 * x**2))


@pytest.mark.parametrize("sparsity", ["auto", "pattern", "plan"])
def test_compressed(sparsity):
    x = RNG.normal(size=30)
    given = {
        "auto": "auto",
        "pattern": np.abs(np.subtract.outer(np.arange(30), np.arange(30))) <= 1,
        "plan": pa.sparse.plan(rosenbrock, x),
    }[sparsity]
    want = pa.hessian(rosenbrock, x).numpy()
    H = pa.hessian(rosenbrock, x, sparsity=given)
    assert H.nnz == 88
    np.testing.assert_allclose(H.toarray(), want, rtol=1e-13, atol=1e-10)
    value, gradient, again = pa.value_grad_hessian(rosenbrock, x, sparsity=given)
    assert value.item() == rosenbrock(pa.asarray(x)).item() and gradient.shape == (30,)
    np.testing.assert_array_equal(again.toarray(), H.toarray())
    plan = pa.explain(rosenbrock, x, sparsity=given)
    assert plan.colours == 3 and plan.strategy == "compressed" and "3 colours" in str(plan)


def test_compressed_jacobian_and_names():
    def f(p):
        return {"d": p["x"][1:] * p["x"][:-1], "y": p["y"] ** 2}

    p = {"x": RNG.normal(size=6), "y": np.ones(2)}
    J, rows, columns = pa.jacobian(f, p, sparsity="auto", flatten=True)
    want = pa.jacobian(f, p, flatten=True)
    np.testing.assert_allclose(J.toarray(), want.matrix.numpy())
    assert (rows, columns) == (want.rows, want.columns)
    assert rows[0] == "d[0]" and columns[-1] == "y[1]"
    assert pa.explain(f, p, sparsity="auto").colours == 2


def test_on_a_device_they_are_compressed_too(device):
    x = pa.tensor(RNG.normal(size=200))
    for call in (
        lambda x: pa.hessian(rosenbrock, x),
        lambda x: pa.jacobian(lambda x: x[1:] * x[:-1], x),
        lambda x: pa.hessian(lambda p: rosenbrock(p["x"]), {"x": x}, flatten=True)[0],
    ):
        want, got = call(x), call(x.to(device))
        assert got.device == device
        np.testing.assert_allclose(got.to("cpu").numpy(), want.numpy(), rtol=1e-12)
