"""The plans behind pa.hessian and pa.jacobian: every option, bounds on memory, and bad input."""

import math

import numpy as np
import pytest
from support.dense_hessians import dense, rosenbrock

import pyautograd as pa
from pyautograd import _core

RNG = np.random.default_rng(0)
DATA, LABELS = RNG.normal(size=(12, 5)), RNG.normal(size=(12, 3))
BOUNDS = ["1GB", 10**7, "600kB", "250kB"]


def network(p):
    hidden = pa.tanh(pa.asarray(DATA) @ p["w"] + p["b"])
    return pa.mean((hidden @ p["out"][0] - LABELS) ** 2) + pa.sum(p["free"])


def parameters(hidden=4):
    """With 4 units so few that all columns go at once, with 60 enough to be planned."""
    rng = np.random.default_rng(1)
    return {
        "w": rng.normal(size=(5, hidden)),
        "b": rng.normal(size=hidden),
        "out": [rng.normal(size=(hidden, 3))],
        "free": np.ones(2),
    }


def by_products(f, p):
    """The Hessian by one product with each unit vector."""
    leaves, structure = pa.tree.flatten(p)
    ends = np.cumsum([np.size(x) for x in leaves])
    rows = []
    for unit in np.eye(ends[-1]):
        parts = [
            v.reshape(np.shape(x)) for v, x in zip(np.split(unit, ends[:-1]), leaves, strict=True)
        ]
        product = pa.hvp(f, p, pa.tree.unflatten(structure, parts))
        rows.append(np.concatenate([t.numpy().ravel() for t in pa.tree.flatten(product)[0]]))
    return np.array(rows)


# Dense Hessians


def test_blocks_of_a_tree_whatever_the_memory():
    p = parameters(60)
    want = by_products(network, p)
    for memory in (None, *BOUNDS):
        blocks = pa.hessian(network, p, memory=memory, progress=lambda *_: None)
        assert list(blocks) == list(p) and list(blocks["w"]) == list(p)
        assert blocks["w"]["out"][0].shape == (5, 60, 60, 3)
        np.testing.assert_allclose(dense(blocks, p), want, rtol=1e-10, atol=1e-13)


def test_transposed_blocks_are_equal_to_the_bit_and_their_own():
    p = parameters(60)
    H = pa.hessian(network, p, memory="1GB")
    np.testing.assert_array_equal(H["w"]["b"].numpy(), np.moveaxis(H["b"]["w"].numpy(), 0, -1))
    H["w"]["b"][...] = 0.0
    assert (H["b"]["w"].numpy() != 0).any()


def test_symmetric_off_sweeps_every_block():
    p = parameters(60)
    full = pa.explain(network, p, symmetric=False)
    assert full.flops > pa.explain(network, p).flops
    got = pa.hessian(network, p, symmetric=False, memory="1GB")
    np.testing.assert_allclose(dense(got, p), by_products(network, p), rtol=1e-10, atol=1e-13)


def test_leaves_of_two_dtypes():
    p = {"x": np.ones(3, np.float32), "y": np.ones(2)}

    def f(p):
        return pa.sum(p["x"]) ** 2 * pa.sum(p["y"] ** 2)

    H = pa.hessian(f, p, memory="1MB")
    assert H["x"]["x"].dtype == pa.float32 and H["x"]["y"].dtype == pa.float64
    np.testing.assert_allclose(dense(H, p), by_products(f, p), rtol=1e-6)
    assert pa.hessian(f, p, flatten=True).matrix.dtype == pa.float64


@pytest.mark.parametrize("f", [rosenbrock, lambda x: pa.logsumexp(x) + pa.prod(pa.sin(x))])
def test_the_same_bits_in_passes_of_any_width(f):
    x = RNG.normal(size=60)
    whole = pa.hessian(f, x, memory="1GB").numpy()
    widths = set()
    for memory in ("20kB", "40kB", "60kB", "100kB", "250kB"):
        widths.add(pa.explain(f, x, memory=memory).chunk)
        np.testing.assert_array_equal(pa.hessian(f, x, memory=memory).numpy(), whole)
    assert len(widths) >= 4 and min(widths) < 8


@pytest.mark.parametrize("hidden", [4, 60])
def test_options_leave_the_bits(hidden):
    p = parameters(hidden)
    plain = dense(pa.hessian(network, p), p)
    for options in ({"memory": "1GB"}, {"flatten": True}, {"progress": lambda *_: None}):
        found = pa.hessian(network, p, **options)
        got = found.matrix.numpy() if "flatten" in options else dense(found, p)
        np.testing.assert_array_equal(got, plain)
    np.testing.assert_array_equal(dense(pa.value_grad_hessian(network, p)[2], p), plain)


def test_bounds_that_leave_the_width_leave_the_bits():
    p = parameters(60)
    chunk = pa.explain(network, p).chunk
    whole = pa.hessian(network, p, memory="1GB", flatten=True).matrix.numpy()
    for memory in ("17MB", "20MB"):
        assert pa.explain(network, p, memory=memory).chunk == chunk
        got = pa.hessian(network, p, memory=memory, flatten=True).matrix.numpy()
        np.testing.assert_array_equal(got, whole)


@pytest.mark.parametrize("memory", [3_000_000, 10_000_000])
def test_the_bound_holds_by_the_counter_of_the_allocator(memory):
    n = 700
    x = pa.tensor(RNG.normal(size=n))
    p = {"w": pa.ones((30, 20)), "b": pa.ones(20)}

    def wide(p):
        return pa.sum(pa.tanh(pa.ones((200, 30)) @ p["w"] + p["b"]) ** 2)

    for f, at, count in ((rosenbrock, x, n), (wide, p, 620)):
        pa.hessian(f, at, memory=memory)
        _core.set_data_limit(_core.live()["bytes"] + 8 * count**2 + memory)
        try:
            pa.hessian(f, at, memory=memory)
        finally:
            _core.set_data_limit(0)


def test_what_nothing_depends_on_is_not_swept():
    def f(p):
        return pa.sum(p["a"]) ** 3 + pa.sum(p["b"]) + 0.0 * pa.sum(p["a"])

    p = {"a": np.ones(3), "b": np.ones(1000), "c": np.ones(2000, np.float32)}
    plan = pa.explain(f, p)  # leaves of two dtypes are never compressed
    assert plan.passes == 1 and "a: 3 columns" in str(plan)
    H = pa.hessian(f, p)
    assert H["b"]["b"].shape == (1000, 1000) and not H["b"]["b"].numpy().any()
    np.testing.assert_array_equal(H["a"]["a"].numpy(), np.full((3, 3), 18.0))


@pytest.mark.parametrize(
    "mode",
    ["auto", *(f"{a}-over-{b}" for a in ("forward", "reverse") for b in ("forward", "reverse"))],
)
@pytest.mark.parametrize("memory", [None, "400kB"])
def test_every_mode_with_options(mode, memory):
    p = parameters()
    found = pa.hessian(network, p, mode=mode, memory=memory, flatten=True)
    np.testing.assert_allclose(found.matrix.numpy(), by_products(network, p), atol=1e-12)
    assert found.names[0] == "w[0, 0]" and found.names[-1] == "free[1]"
    x = RNG.normal(size=3)
    cubes = pa.hessian(lambda x: x**3, x, mode=mode, memory=memory)
    np.testing.assert_allclose(cubes.numpy(), pa.hessian(lambda x: x**3, x).numpy())


def test_more_outputs_than_inputs_go_forward_twice():
    weights = RNG.normal(size=(50, 2))
    calls = []

    def f(x):
        calls.append(1)
        return pa.sin(pa.asarray(weights) @ x)

    x = np.array([0.3, -0.2])
    small = pa.hessian(f, x).numpy()
    calls.clear()
    got = pa.hessian(f, x, memory="1MB").numpy()
    assert len(calls) == 1
    want = -np.sin(weights @ x)[:, None, None] * weights[:, :, None] * weights[:, None, :]
    np.testing.assert_allclose(got, want, atol=1e-13)
    np.testing.assert_allclose(small, want, atol=1e-13)


def test_aux_progress_and_argnums(capsys):
    steps = []
    (H, names), aux = pa.hessian(
        lambda a, b: (pa.sum(a * b**2), "aux"),
        *(np.ones(2), np.ones(2)),
        argnums=(0, 1),
        has_aux=True,
        flatten=True,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert aux == "aux" and names == ["[0][0]", "[0][1]", "[1][0]", "[1][1]"]
    np.testing.assert_array_equal(H.numpy()[:2, 2:], 2 * np.eye(2))
    assert steps == [(2, 4), (4, 4)]
    pa.hessian(rosenbrock, np.ones(3), progress=True)
    assert capsys.readouterr().err == "\rhessian: 3 of 3 columns\n"


def test_inside_transforms_and_differentiable():
    x = RNG.normal(size=(3, 4))
    options = {"memory": "10MB", "flatten": True}
    batch = pa.func.vmap(lambda x: pa.hessian(rosenbrock, x, **options).matrix)(x)
    for row, want in zip(batch, x, strict=True):
        np.testing.assert_allclose(row.numpy(), pa.hessian(rosenbrock, want).numpy())

    def trace(x):
        parts = {"a": x[:1], "b": x[1:]}
        f = lambda p: rosenbrock(pa.concat([p["a"], p["b"]]))  # noqa: E731
        return pa.trace(pa.hessian(f, parts, **options).matrix)

    plain = lambda x: pa.trace(pa.hessian(rosenbrock, x))  # noqa: E731
    np.testing.assert_allclose(pa.func.grad(trace)(x[0]).numpy(), pa.func.grad(plain)(x[0]).numpy())
    leaf = pa.tensor(x[0], requires_grad=True)
    trace(leaf).backward()
    np.testing.assert_allclose(leaf.grad.numpy(), pa.func.grad(plain)(x[0]).numpy())


# Draws and side effects


@pytest.mark.parametrize("mode", ["auto", "forward-over-reverse", "forward-over-forward"])
def test_draws_are_those_of_one_evaluation(mode):
    def f(x):
        return pa.sum(pa.random.normal(size=x.shape) * x**3)

    x = np.ones(40)
    pa.random.seed(3)
    want = 6 * pa.random.normal(size=40).numpy()
    after = pa.random.normal().item()
    for options in ({}, {"memory": "40kB"}, {"flatten": True}):
        pa.random.seed(3)
        got = pa.hessian(f, x, mode=mode, **options)
        got = (got.matrix if "flatten" in options else got).numpy()
        np.testing.assert_allclose(got, np.diag(want), atol=1e-13)
        assert pa.random.normal().item() == after


def test_side_effects_happen_once():
    calls = []

    def f(x):
        calls.append(1)
        return rosenbrock(x)

    pa.hessian(f, np.ones(50), memory="60kB")
    pa.value_grad_hessian(f, np.ones(50), memory="60kB")
    pa.jacobian(lambda x: (calls.append(1), x[:3] ** 2)[1], np.ones(50), memory="60kB")
    assert len(calls) == 3


# value_grad_hessian


def test_value_gradient_and_hessian():
    p = parameters()
    value, gradient, H = pa.value_grad_hessian(network, p)
    assert value.item() == network(pa.tree.map(pa.asarray, p)).item()
    assert not value.requires_grad and not gradient["w"].requires_grad
    pa.tree.map(
        lambda g, w: np.testing.assert_array_equal(g.numpy(), w.numpy()),
        gradient,
        pa.func.grad(network)(p),
    )
    np.testing.assert_allclose(dense(H, p), by_products(network, p), atol=1e-12)
    (value, aux), _, (matrix, names) = pa.value_grad_hessian(
        lambda x: (pa.sum(x**2), 7), 3.0, has_aux=True, flatten=True
    )
    assert (value.item(), aux, matrix.tolist(), names) == (9.0, 7, [[2.0]], [""])


def test_value_gradient_and_hessian_record_for_others():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    value, gradient, H = pa.value_grad_hessian(lambda x: pa.sum(x**4), x)
    (value + pa.sum(gradient) + pa.sum(H)).backward()
    numbers = np.array([1.0, 2.0])
    np.testing.assert_allclose(x.grad.numpy(), 4 * numbers**3 + 12 * numbers**2 + 24 * numbers)


# Jacobians


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("memory", [None, "1GB", "12kB"])
@pytest.mark.parametrize("shape", [(7, 30), (30, 7)])
def test_jacobians(mode, memory, shape):
    matrix = RNG.normal(size=shape)

    def f(p):
        y = pa.sin(pa.concat([p["a"], p["b"]]))
        return pa.sum(matrix * y, axis=1), p["a"][0] * p["unused"][0]

    x = RNG.normal(size=shape[1])
    p = {"a": x[:3], "b": x[3:], "unused": np.zeros(1)}
    (by_a, by_b), (corner, none) = (
        [row[k].numpy() for k in ("a", "b")] for row in pa.jacobian(f, p, mode=mode, memory=memory)
    )
    np.testing.assert_allclose(np.concatenate([by_a, by_b], 1), matrix * np.cos(x), atol=1e-14)
    assert not corner.any() and not none.any()
    flat = pa.jacobian(f, p, mode=mode, memory=memory, flatten=True)
    assert flat.matrix.shape == (shape[0] + 1, shape[1] + 1)
    np.testing.assert_allclose(flat.matrix.numpy()[:-1, :-1], matrix * np.cos(x), atol=1e-14)
    assert flat.rows[-1] == "[1]" and flat.columns[-1] == "unused[0]"


def test_large_jacobians_are_planned_and_the_bits_stay():
    x = RNG.normal(size=500)
    tall = pa.jacobian(lambda x: pa.concat([x**2, pa.sin(x)]), x)
    np.testing.assert_array_equal(tall.numpy()[:500], np.diag(2 * x))
    np.testing.assert_allclose(tall.numpy()[500:], np.diag(np.cos(x)), atol=1e-15)
    narrow = pa.jacobian(lambda x: pa.concat([x**2, pa.sin(x)]), x, memory="300kB")
    np.testing.assert_array_equal(narrow.numpy(), tall.numpy())


def test_complex_jacobians_take_the_options():
    z = np.array([1.0 + 2.0j, 0.5])
    flat = pa.jacobian(lambda z: z**2, z, holomorphic=True, flatten=True, memory="1MB")
    np.testing.assert_allclose(flat.matrix.numpy(), np.diag(2 * z))
    second = pa.hessian(lambda x: pa.sum(pa.exp(1j * x)), np.zeros(2), memory="1MB")
    np.testing.assert_allclose(second.numpy(), -np.eye(2), atol=1e-15)


# explain


def test_explain_says_what_will_be_done():
    x = RNG.normal(size=400)

    def banded(x):
        return rosenbrock(x) + sum([pa.sum(x[k:] * x[:-k]) ** 2 for k in (1, 2)]) / 9 + pa.prod(x)

    plan = pa.explain(banded, x, memory="3MB")
    text = str(plan)
    assert repr(plan) == text
    assert text.startswith("Hessian with respect to 400 inputs\nstrategy: reverse-over-reverse")
    assert f"400 columns, {plan.chunk} at a time" in text
    assert plan.passes == math.ceil(400 / plan.chunk) > 1 and plan.peak_bytes <= 3 * 10**6
    assert "pattern: 160000 of 160000 entries" in text and "dense ops: none" in text
    steps = []
    pa.hessian(banded, x, memory="3MB", progress=lambda *step: steps.append(step))
    assert len(steps) == plan.passes
    assert "sparsity='auto' computes only these" in str(pa.explain(rosenbrock, x[:50]))
    tall = pa.explain(lambda x: pa.concat([pa.softmax(x), pa.sum(x) * x]), x)
    assert tall.strategy == "forward" and "400 inputs are fewer than 800 outputs" in str(tall)


def test_explain_names_ops_without_a_rule():
    class Opaque(pa.Function):
        @staticmethod
        def forward(x):
            return x**2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    assert "dense ops: Opaque (1)" in str(pa.explain(Opaque.apply, np.ones(40)))


# Bad input


def test_functions_that_return_no_scalar():
    for what in ({"flatten": True}, {"sparsity": "auto"}):
        with pytest.raises(
            ValueError, match=r"a scalar, got shape \(2,\): sum it, use pa.jacobian"
        ):
            pa.hessian(lambda x: x**2, np.ones(2), **what)
    with pytest.raises(ValueError, match=r"\[value_grad_hessian\] the function must return a sc"):
        pa.value_grad_hessian(lambda x: x**2, np.ones(2))
    with pytest.raises(ValueError, match="a scalar, got 2 tensors"):
        pa.value_grad_hessian(lambda x: (pa.sum(x), pa.sum(x)), np.ones(2))


def test_complex_output_and_integer_input():
    with pytest.raises(TypeError, match="the function must be real, got dtype complex128"):
        pa.value_grad_hessian(lambda x: pa.sum(pa.exp(1j * x)), np.ones(2))
    with pytest.raises(TypeError, match="the function must be real, got dtype complex128"):
        pa.hessian(lambda x: pa.sum(pa.exp(1j * x)), np.ones(2), sparsity="auto")
    for f in (pa.hessian, pa.jacobian, pa.value_grad_hessian, pa.explain):
        with pytest.raises(TypeError, match="argument 0 has dtype int64: only floating-point"):
            f(rosenbrock, np.array([1, 2]))
        with pytest.raises(TypeError, match="expected a function, got a float"):
            f(3.0, np.ones(2))


def test_patterns_and_plans_that_do_not_fit():
    x = np.ones(5)
    with pytest.raises(
        ValueError, match=r"pattern misses 8 of the 13 entries .* first at \(0, 1\)"
    ):
        pa.hessian(rosenbrock, x, sparsity=np.eye(5))
    with pytest.raises(ValueError, match=r"pattern has shape \(4, 4\)"):
        pa.hessian(rosenbrock, x, sparsity=np.eye(4))
    with pytest.raises(ValueError, match="unknown sparsity 'all': expected 'auto'"):
        pa.hessian(rosenbrock, x, sparsity="all")
    for f, mode in ((pa.hessian, "forward-over-reverse"), (pa.jacobian, "forward")):
        with pytest.raises(ValueError, match="sparsity chooses its products itself"):
            f(rosenbrock, x, mode=mode, sparsity="auto")
    jacobians = pa.sparse.plan(lambda x: x**2, x)
    with pytest.raises(ValueError, match="the plan in sparsity is for the Jacobian"):
        pa.hessian(rosenbrock, x, sparsity=jacobians)
    with pytest.raises(ValueError, match="the plan in sparsity is for the Hessian"):
        pa.jacobian(lambda x: x**2, x, sparsity=pa.sparse.plan(rosenbrock, x))
    for point, difference in (
        (np.ones(6), r"shapes \[\(5,\)\], got \[\(6,\)\]"),
        (np.ones(5, "f"), r"dtypes \[float64\], got \[float32\]"),
    ):
        with pytest.raises(ValueError, match=f"the plan is for inputs of {difference}"):
            pa.jacobian(lambda x: x**2, point, sparsity=jacobians)
    with pytest.raises(ValueError, match=r"the plan is for inputs of the structure .*\[\*\]"):
        pa.jacobian(lambda x: x[0] ** 2, [np.ones(5)], sparsity=jacobians)


def test_too_little_memory_says_the_least():
    x = pa.tensor(RNG.normal(size=1000))
    with pytest.raises(ValueError, match="one column needs .* so the least is") as caught:
        pa.hessian(rosenbrock, x, memory=1000)
    least = int(str(caught.value).split("the least is ")[1].split()[0])
    assert 10_000 < least < 300_000
    assert pa.explain(rosenbrock, x, memory=least).chunk == 1
    with pytest.raises(ValueError, match="the least is"):
        pa.hessian(rosenbrock, x, memory=least - 100)
    for mode in ("forward-over-reverse", "forward-over-forward"):
        with pytest.raises(ValueError, match="one column in mode .* so the least is"):
            pa.hessian(rosenbrock, x, memory=1000, mode=mode)
    with pytest.raises(ValueError, match="the least is"):
        pa.jacobian(lambda x: x**2, x, memory=1000)


def test_a_machine_that_is_full_still_goes_column_by_column(monkeypatch):
    monkeypatch.setattr("pyautograd._planner._memory.free_bytes", lambda: 1000)
    p = parameters(60)
    plan = pa.explain(network, p)
    assert plan.chunk == 1 and "1 at a time (the memory that is left)" in str(plan)
    H = pa.hessian(network, p, flatten=True).matrix.numpy()
    np.testing.assert_allclose(H, by_products(network, p), rtol=1e-10, atol=1e-13)


def test_nothing_to_differentiate():
    H, names = pa.hessian(lambda x: pa.sum(x), np.ones(0), flatten=True)
    assert H.shape == (0, 0) and names == []
    J = pa.jacobian(lambda x: x[:0], np.ones(3), flatten=True)
    assert J.matrix.shape == (0, 3) and J.rows == []
    assert pa.hessian(lambda p: pa.asarray(1.0), {}, flatten=True).matrix.shape == (0, 0)
    assert str(pa.explain(lambda x: pa.sum(x), np.ones(0))).startswith("Hessian with respect to 0")
    seen = []
    H = pa.hessian(lambda x: pa.sum(x), np.ones(3), progress=lambda *step: seen.append(step))
    assert not H.numpy().any() and seen == []


def test_memory_and_progress_must_make_sense():
    for memory, error in (
        ("lots", ValueError),
        ("12XB", ValueError),
        (0, ValueError),
        (-5, ValueError),
        (1.5, TypeError),
        (True, TypeError),
    ):
        with pytest.raises(error, match=r"\[hessian\] memory"):
            pa.hessian(rosenbrock, np.ones(3), memory=memory)
    for memory in ("1.5GiB", "300 kb", "2000", 2000):
        pa.hessian(pa.sum, np.ones(3), memory=memory)
    with pytest.raises(TypeError, match="progress must be a bool or a function"):
        pa.hessian(rosenbrock, np.ones(3), progress=3)


# nan


def test_nan_names_entries_and_the_op_under_the_detector():
    def f(p):
        return pa.sum(pa.sqrt(p["x"]) ** 3) + pa.sum(p["y"] ** 2) * pa.inf * 0.0

    def masked(p):
        return pa.sum(p["w"] * pa.inf * pa.sin(p["w"])) + pa.sum(p["v"] ** 2)

    p = {"v": np.ones(2), "w": np.array([1.0, 0.0])}
    assert np.isnan(pa.hessian(masked, p)["w"]["w"].numpy()).any()
    with pa.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        pa.hessian(masked, p)
    message = str(caught.value)
    assert message.startswith("[hessian] nan in ") and "(w[" in message
    assert "backward produced nan" in message and "test_planner.py" in message
    with pa.detect_anomaly():
        assert _core.anomaly_detection() == (True, True)
        pa.hessian(rosenbrock, np.ones(3))
        with pytest.raises(RuntimeError, match=r"\[value_grad_hessian\] nan in"):
            pa.value_grad_hessian(masked, p)
    with pa.detect_anomaly(check_nan=False):
        pa.hessian(masked, p)


def test_nothing_leaks():
    p = parameters(60)

    def run():
        pa.hessian(network, p, memory="600kB")
        pa.hessian(network, p, flatten=True, sparsity="auto")
        pa.jacobian(lambda x: x**2, np.ones(3), memory="1MB")
        pa.value_grad_hessian(network, p)
        pa.explain(network, p)

    run()
    with pa.testing.assert_no_leak():
        run()


@pytest.mark.parametrize(
    "call, f, options",
    [
        (pa.hessian, lambda x: pa.sum(x**3), {}),
        (pa.jacobian, lambda x: x * pa.sum(x), {}),
        (pa.jacobian, lambda x: x * pa.sum(x), {"flatten": True}),
    ],
)
def test_a_matrix_that_does_not_fit_says_what_to_call_instead(call, f, options):
    x = np.ones(5_000_000)  # whose matrix no process has addresses for
    with pytest.raises(MemoryError, match="5000000 by 5000000 does not fit") as raised:
        call(f, x, **options)
    for advice in ("sparsity='auto'", f"pa.linop.{call.__name__.title()}"):
        assert advice in str(raised.value)
