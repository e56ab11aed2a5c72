"""pa.sparse: patterns against the nonzeros of dense derivatives, values against them."""

import sys
import threading
import warnings

import numpy as np
import pytest
import scipy.sparse
from records import DIFFERENTIABLE
from support.properties import scalars

import pyautograd as pa
from pyautograd.sparse import _products

ORDERS = ("natural", "largest_first", "smallest_last", "incidence_degree")
RNG = np.random.default_rng(0)
MATRIX = np.where(RNG.random((5, 6)) < 0.3, RNG.normal(size=(5, 6)), 0.0)
MASK = np.array([True, False, True, True, False, True])


def rosenbrock(x):
    return pa.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrow(x):
    return pa.concat([x * x[0], pa.sum(pa.sin(x))[None]])


def assigned(x):
    out = x**2
    out[1:3] = x[4:]
    return out


def joined(blocks, rows, columns):
    """Nested blocks of dense derivatives as one matrix."""
    return np.concatenate(
        [
            np.concatenate([b.numpy().reshape(m, n) for b, n in zip(row, columns, strict=True)], 1)
            for row, m in zip(blocks, rows, strict=True)
        ]
    )


class RealParts:
    """A call as a function of real arrays, which stand for the parts of complex ones."""

    def __init__(self, f):
        self.f = f
        self.point = [part for x in f.point for part in self.split(x, np.real, np.imag)]
        self.columns = tuple(range(len(self.point)))

    @staticmethod
    def split(x, real, imag):
        return (real(x), imag(x)) if x.dtype.kind == "c" else (x,)

    def whole(self, parts):
        rest = iter(parts)
        given = [x.dtype.kind == "c" for x in self.f.point]
        return [pa.complex(next(rest), next(rest)) if pair else next(rest) for pair in given]

    def outputs(self, *parts):
        found = self.f.outputs(*self.whole(parts))
        return [part for y in found for part in self.split(y, pa.real, pa.imag)]

    def __call__(self, *parts):
        return self.f(*self.whole(parts))


def assert_found(plan, found, dense, tolerance):
    slack = tolerance * max(1, abs(dense).max(initial=0))
    np.testing.assert_allclose(found.toarray(), dense, atol=slack, rtol=tolerance)
    assert not dense[~plan.pattern.toarray()].any()
    assert "dense ops: none" in plan.explain(), plan.explain()


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.name)
def test_every_op(record):
    """The pattern holds the nonzeros of both derivatives, and no op of ours falls back to dense."""
    for f in map(RealParts, scalars(record)):
        sizes = [x.size for x in f.point]
        outputs = f.outputs(*f.point)
        if outputs[0].shape or len(outputs) > 1:
            plan = pa.sparse.plan(lambda xs, f=f: f.outputs(*xs), f.point)
            blocks = pa.func.jacrev(f.outputs, f.columns)(*f.point)
            dense = joined(blocks, [y.size for y in outputs], sizes)
            assert_found(plan, plan.jacobian(f.point), dense, 1e-12)
        dense = joined(pa.func.hessian(f, f.columns)(*f.point), sizes, sizes)
        for colouring in ("star", "acyclic"):
            plan = pa.sparse.plan(lambda xs, f=f: f(*xs), f.point, colouring=colouring)
            assert_found(plan, plan.hessian(f.point), dense, 1e-10)


EXACT = {
    "elementwise": lambda x: pa.exp(x) * pa.sin(x),
    "constant slope": lambda x: pa.sign(x) * x + pa.floor(x),
    "broadcast": lambda x: pa.reshape(x, (2, 3)) * x[:3],
    "column": lambda x: x[:2, None] * x[None, 2:],
    "slices": lambda x: x[1::2] * x[::2],
    "negative steps": lambda x: x[::-1] * x,
    "new axes": lambda x: x[None, :, None] ** 2,
    "index": lambda x: x[np.array([0, 3, 3, 1])] ** 2,
    "repeated axes": lambda x: pa.take(pa.reshape(x, (3, 2)), np.array([2, 0, 2]), axis=0),
    "mask": lambda x: x[MASK] ** 3,
    "along axis": lambda x: pa.take_along_axis(x, np.array([5, 0, 1]), axis=0),
    "roll": lambda x: pa.roll(x, 2) * x,
    "flip": lambda x: pa.flip(x) + x**2,
    "transpose": lambda x: pa.reshape(x, (2, 3)).T * pa.reshape(x, (3, 2)),
    "pad": lambda x: pa.pad(x**2, (2, 1)),
    "pad with the edge": lambda x: pa.pad(x**2, (2, 1), mode="edge"),
    "concat": lambda x: pa.concat([x[:2], x[3:] ** 2, pa.ones(2)]),
    "stack": lambda x: pa.stack([x[:3], x[3:] ** 2], axis=1),
    "split": lambda x: pa.split(x, 3)[1] * pa.split(x, 3)[2],
    "tile": lambda x: pa.tile(x, 2),
    "repeat": lambda x: pa.repeat(x, 2) ** 2,
    "diagonal": lambda x: pa.diagonal(pa.reshape(x, (2, 3))) ** 2,
    "triangle": lambda x: pa.triu(pa.reshape(x, (2, 3))),
    "assignment": assigned,
    "sum over an axis": lambda x: pa.sum(pa.reshape(x, (2, 3)), axis=0) ** 2,
    "mean over an axis": lambda x: pa.mean(pa.reshape(x, (2, 3)), axis=1, keepdims=True),
    "product": lambda x: pa.prod(pa.reshape(x, (2, 3)), axis=1),
    "variance": lambda x: pa.var(pa.reshape(x, (2, 3)), axis=1),
    "softmax": lambda x: pa.softmax(pa.reshape(x, (2, 3)), axis=0),
    "logsumexp": lambda x: pa.logsumexp(pa.reshape(x, (2, 3)), axis=0),
    "cumsum": lambda x: pa.cumsum(x),
    "cumprod": lambda x: pa.cumprod(pa.reshape(x, (2, 3)), axis=1),
    "matrix times vector": lambda x: MATRIX @ x,
    "vector times matrix": lambda x: x[:5] @ MATRIX,
    "matrix times matrix": lambda x: MATRIX @ pa.reshape(x, (6, 1)),
    "two factors": lambda x: pa.reshape(x[:4], (2, 2)) @ pa.reshape(x[2:], (2, 2)),
    "a batch of products": lambda x: pa.reshape(x, (3, 1, 2)) @ pa.reshape(x, (3, 2, 1)),
    "einsum": lambda x: pa.einsum("ij,ik->ijk", pa.reshape(x[:4], (2, 2)), pa.reshape(x, (2, 3))),
    "float32": lambda x: pa.astype(x, pa.float32) * 2,
    "root of a square": lambda x: pa.sqrt(x**2 + 1) ** 2,
    "nothing": lambda x: pa.floor(x),
    "a constant": lambda x: pa.ones(4),
    "itself": lambda x: x,
}


@pytest.mark.parametrize("name", EXACT)
def test_the_pattern_is_exact(name):
    f = EXACT[name]
    x = RNG.uniform(0.5, 2, 6)
    dense = pa.jacobian(f, x).numpy().reshape(-1, 6)
    plan = pa.sparse.plan(f, x)
    np.testing.assert_array_equal(plan.pattern.toarray(), dense != 0)
    np.testing.assert_allclose(plan.jacobian(x).toarray(), dense, rtol=1e-6)


SECOND = {
    "rosenbrock": rosenbrock,
    "separable": lambda x: pa.sum(pa.exp(x)),
    "linear": lambda x: pa.sum(3 * x) + x[0],
    "products in pairs": lambda x: pa.sum(x[::2] * x[1::2]),
    "a part": lambda x: pa.sin(x[2]) * x[4],
    "blocks": lambda x: pa.sum(pa.prod(pa.reshape(x, (3, 2)), axis=1)),
    "constant matrix": lambda x: pa.sum(pa.sin(MATRIX @ x)),
    "scatter": lambda x: pa.sum(x[np.array([0, 0, 5])] ** 3),
    "nothing": lambda x: pa.sum(pa.ones(3)),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("colouring", ["star", "acyclic"])
@pytest.mark.parametrize("name", SECOND)
def test_hessians(name, colouring, order):
    f = SECOND[name]
    x = RNG.uniform(0.5, 2, 6)
    dense = pa.hessian(f, x).numpy()
    plan = pa.sparse.plan(f, x, colouring=colouring, order=order)
    np.testing.assert_array_equal(plan.pattern.toarray(), dense != 0)
    got = plan.hessian(x)
    np.testing.assert_allclose(got.toarray(), dense, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(got.toarray(), got.toarray().T)


def test_elementwise_choices_count_on_both_sides():
    def f(x):
        return pa.sum(pa.where(x > 0, x[::-1] ** 2 * x, pa.maximum(x, pa.roll(x, 1)) ** 2))

    plan = pa.sparse.plan(f, np.ones(5))
    for x in RNG.normal(size=(20, 5)):
        np.testing.assert_allclose(plan.hessian(x).toarray(), pa.hessian(f, x).numpy(), atol=1e-12)


def test_python_control_flow_is_recorded_as_it_went():
    def f(x):
        return pa.sum(x**2) if x[0] > 0 else pa.sum(x[1:] * x[:-1])

    assert pa.sparse.plan(f, np.array([1.0, 2.0, 3.0])).pattern.nnz == 3
    assert pa.sparse.plan(f, np.array([-1.0, 2.0, 3.0])).pattern.nnz == 4


def test_transforms_inside_the_function():
    def per_row(row):
        return pa.sum(row) ** 2

    x = RNG.normal(size=6)
    for f in (
        lambda x: pa.func.vmap(per_row)(pa.reshape(x, (3, 2))),
        lambda x: pa.func.grad(rosenbrock)(x),
        lambda x: pa.func.jvp(lambda y: y[1:] * y[:-1], (x,), (x**2,))[1],
        lambda x: pa.func.vmap(pa.func.grad(per_row))(pa.reshape(x, (3, 2))),
    ):
        plan, dense = pa.sparse.plan(f, x), pa.jacobian(f, x).numpy().reshape(-1, 6)
        np.testing.assert_array_equal(plan.pattern.toarray(), dense != 0)
        np.testing.assert_allclose(plan.jacobian(x).toarray(), dense)


def test_programs_of_scalars():
    def f(x):
        parts = [x[i] for i in range(40)]
        return pa.stack([a * pa.sin(b) for a, b in zip(parts, parts[1:], strict=False)])

    x = RNG.normal(size=40)
    plan = pa.sparse.plan(f, x)
    assert plan.pattern.nnz == 78 and plan.colours == 2
    np.testing.assert_allclose(plan.jacobian(x).toarray(), pa.jacobian(f, x))


def test_deep_programs():
    def f(x):
        for _ in range(20_000):
            x = pa.sin(x)
        return x

    assert pa.sparse.plan(f, np.ones(3)).pattern.nnz == 3


def test_constants_that_are_tracked_elsewhere():
    a = pa.tensor(RNG.normal(size=(3, 3)), requires_grad=True)
    x = RNG.normal(size=3)
    with pytest.warns(UserWarning, match="has no derivative"):
        found = pa.sparse.jacobian(lambda x: a @ pa.sin(x) + a[0] * x, x)
    dense = a.detach().numpy() * np.cos(x) + np.diag(a.detach().numpy()[0])
    np.testing.assert_allclose(found.toarray(), dense)
    assert a.grad is None


def test_no_value_decides():
    x = np.array([0.0, np.nan, np.inf, 1.0])
    assert pa.sparse.plan(rosenbrock, x).pattern.nnz == 10
    found = pa.sparse.hessian(lambda x: pa.sum(x**3), np.array([1.0, np.nan, 2.0])).toarray()
    np.testing.assert_array_equal(found, np.diag([6, np.nan, 12]))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("colouring", ["auto", "column", "row", "bidirectional"])
def test_jacobians(colouring, order):
    x = RNG.normal(size=12)
    for f in (arrow, lambda x: x[1:] * x[:-1], lambda x: pa.sum(pa.reshape(x, (3, 4)), axis=0)):
        found = pa.sparse.jacobian(f, x, colouring=colouring, order=order)
        np.testing.assert_allclose(found.toarray(), pa.jacobian(f, x).numpy(), atol=1e-14)


def test_colours():
    x = np.ones(1000)
    assert pa.sparse.plan(rosenbrock, x).colours == 3
    assert pa.sparse.plan(rosenbrock, x, colouring="acyclic").colours == 2
    assert pa.sparse.plan(arrow, x).colours == 3
    assert pa.sparse.plan(arrow, x, colouring="column").colours == 1000
    assert pa.sparse.plan(lambda x: x**2, x).colours == 1


@pytest.mark.parametrize("colouring", ["star", "acyclic"])
def test_a_variable_that_meets_all_others_is_passed_quickly(colouring):
    n = 100_000
    plan = pa.sparse.plan(lambda x: pa.sum(x[0] * pa.sin(x)), np.ones(n), colouring=colouring)
    assert plan.pattern.nnz == 3 * n - 2 and plan.colours == 2


def test_a_plan_holds_at_other_points():
    for colouring in ("star", "acyclic"):
        plan = pa.sparse.plan(rosenbrock, np.zeros(8), colouring=colouring)
        for x in RNG.normal(size=(5, 8)):
            value, gradient, second = plan.value_grad_hessian(x)
            assert value.item() == rosenbrock(pa.tensor(x)).item()
            np.testing.assert_allclose(gradient, pa.func.grad(rosenbrock)(x), rtol=1e-13)
            np.testing.assert_allclose(second.toarray(), pa.hessian(rosenbrock, x), rtol=1e-12)
    plan = pa.sparse.plan(arrow, np.zeros(8))
    for x in RNG.normal(size=(5, 8)):
        value, first = plan.value_and_jacobian(x)
        np.testing.assert_array_equal(value, arrow(pa.tensor(x)))
        np.testing.assert_allclose(first.toarray(), pa.jacobian(arrow, x), rtol=1e-13)


def test_other_arguments_are_constants_that_change():
    def lagrangian(x, multipliers, scales):
        return pa.sum(scales["a"] * x**4) + multipliers @ (x[1:] * pa.sin(x[:-1]))

    x, multipliers = np.linspace(0.5, 2.0, 6), np.linspace(-1.0, 1.0, 5)
    scales = {"a": 2.0}
    expected = pa.hessian(lagrangian, x, multipliers, scales)
    got = pa.sparse.hessian(lagrangian, x, multipliers, scales)
    np.testing.assert_allclose(got.toarray(), expected, atol=1e-14)
    plan = pa.sparse.plan(lagrangian, np.ones(6), np.zeros(5), {"a": 0.0})
    assert plan.pattern.nnz == 16
    for tracked in (multipliers, pa.tensor(multipliers, requires_grad=True)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value, gradient, H = plan.value_grad_hessian(x, tracked, scales)
        np.testing.assert_allclose(H.toarray(), expected, atol=1e-14)
        assert not value.requires_grad and gradient.shape == (6,)
    np.testing.assert_array_equal(plan.hessian(x, multipliers, scales).toarray(), H.toarray())

    def residuals(x, shift):
        return (x[1:] - shift) * x[:-1]

    expected = pa.jacobian(residuals, x, 3.0)
    np.testing.assert_allclose(pa.sparse.jacobian(residuals, x, 3.0).toarray(), expected)
    plan = pa.sparse.plan(residuals, x, 0.0)
    np.testing.assert_allclose(plan.jacobian(x, 3.0).toarray(), expected)
    np.testing.assert_allclose(plan.value_and_jacobian(x, 3.0)[0], residuals(x, 3.0))


def test_results_do_not_share_memory_with_the_plan():
    plan = pa.sparse.plan(rosenbrock, np.zeros(4))
    first = plan.hessian(np.zeros(4))
    first.eliminate_zeros()
    first.data[:] = 0
    assert plan.pattern.nnz == 10
    np.testing.assert_allclose(
        plan.hessian(np.ones(4)).toarray(), pa.hessian(rosenbrock, np.ones(4))
    )


def test_shapes_and_trees_are_counted_in_order():
    def f(p):
        return pa.sum(p["w"] ** 2 * p["b"]) + p["b"][0] ** 3

    p = {"w": RNG.normal(size=(3, 2)), "b": RNG.normal(size=2)}
    found = pa.sparse.hessian(f, p)
    blocks = pa.hessian(f, p)
    names = list(p)
    sizes = [p[name].size for name in names]
    dense = joined([[blocks[a][b] for b in names] for a in names], sizes, sizes)
    np.testing.assert_allclose(found.toarray(), dense, atol=1e-14)
    _, gradient, _ = pa.sparse.plan(f, p).value_grad_hessian(p)
    assert {name: g.shape for name, g in gradient.items()} == {"w": (3, 2), "b": (2,)}

    def g(p):
        return {"y": p["w"] * p["b"], "z": p["b"] ** 2}

    for colouring in ("row", "column"):
        found = pa.sparse.jacobian(g, p, colouring=colouring)
        blocks = pa.jacobian(g, p)
        dense = joined([[blocks[k][b] for b in names] for k in ("y", "z")], [6, 2], sizes)
        np.testing.assert_allclose(found.toarray(), dense, atol=1e-14)


def test_float32_stays_float32():
    x = np.arange(5, dtype=np.float32)
    for made in (
        pa.sparse.hessian(rosenbrock, x),
        pa.sparse.hessian(rosenbrock, x, colouring="acyclic"),
        pa.sparse.jacobian(arrow, x),
    ):
        assert made.dtype == np.float32
    np.testing.assert_allclose(
        pa.sparse.hessian(rosenbrock, x).toarray(), pa.hessian(rosenbrock, x)
    )


def test_many_colours_take_several_sweeps(monkeypatch):
    monkeypatch.setattr(_products, "_CACHE", 300)
    monkeypatch.setattr(_products, "_KEPT", 0)
    x = RNG.normal(size=12)
    plan = pa.sparse.plan(lambda x: pa.sum(x) ** 3, x)
    assert "4 sweeps of at most 3 cotangents" in plan.explain()
    np.testing.assert_allclose(plan.hessian(x).toarray(), np.full((12, 12), 6 * x.sum()))
    plan = pa.sparse.plan(arrow, x, colouring="column")
    np.testing.assert_allclose(plan.jacobian(x).toarray(), pa.jacobian(arrow, x))


@pytest.mark.parametrize("count", [3, 255, 256, 300])
@pytest.mark.parametrize("cache", [1 << 20, 1])
def test_seeds_are_one_where_the_colour_is_theirs(count, cache, monkeypatch):
    monkeypatch.setattr(_products, "_CACHE", cache)
    leaves = [pa.zeros((5, 60)), pa.zeros(400, dtype=pa.float32)]
    colours = np.random.default_rng(0).integers(-1, count, 700).astype(np.int32)
    for captured in (False, True):
        seeds = _products.Seeds(colours, count, _products.Parts(leaves))

        def rows(t, seeds=seeds):
            return [[s * t for s in batch] for _, batch in seeds]

        found = (pa.captured(rows) if captured else rows)(pa.ones((), dtype=pa.float32))
        for k, leaf in enumerate(leaves):
            both = np.concatenate([np.reshape(parts[k], (-1, leaf.size)) for parts in found])
            part = colours[300 * k :][: leaf.size]
            np.testing.assert_array_equal(both, part == np.arange(count)[:, None])
            assert all(parts[k].dtype == leaf.dtype for parts in found)


@pytest.mark.parametrize("captured", [False, True])
def test_long_vectors(captured):
    x = pa.linspace(-1.0, 1.0, 70_000)
    plan = pa.sparse.plan(lambda x: pa.sum(x[1:] * x[:-1] ** 2), x, captured=captured)
    found, v = plan.hessian(x), x.numpy()
    np.testing.assert_allclose(found.diagonal(), 2 * np.append(v[1:], 0), rtol=1e-15)
    np.testing.assert_allclose(found.diagonal(1), 2 * v[:-1], rtol=1e-15)


def test_nothing_to_differentiate():
    assert pa.sparse.hessian(lambda x: pa.sum(x), np.ones(3)).nnz == 0
    assert pa.sparse.jacobian(lambda x: x, np.ones(0)).shape == (0, 0)
    assert pa.sparse.hessian(lambda x: pa.sum(x**2), np.ones((2, 0))).shape == (0, 0)
    assert pa.sparse.hessian(lambda x: x**2, 3.0).toarray().tolist() == [[2.0]]


def test_large_problems_stay_linear():
    n = 200_000
    plan = pa.sparse.plan(rosenbrock, np.zeros(n))
    assert plan.pattern.nnz == 3 * n - 2 and plan.colours == 3
    found = plan.hessian(np.ones(n))
    v = RNG.normal(size=n)
    np.testing.assert_allclose(found @ v, pa.hvp(rosenbrock, np.ones(n), v), rtol=1e-9, atol=1e-9)


def test_recording_off_and_tracked_points():
    with pa.no_grad():
        assert pa.sparse.hessian(rosenbrock, np.ones(3)).nnz == 7
    x = pa.tensor([1.0, 2.0, 3.0], requires_grad=True)
    dense = pa.hessian(rosenbrock, np.array([1.0, 2.0, 3.0]))
    for point in (x, x * 1):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value, gradient, found = pa.sparse.plan(rosenbrock, point).value_grad_hessian(point)
        np.testing.assert_allclose(found.toarray(), dense)
        assert not value.requires_grad and not gradient.requires_grad
    assert x.grad is None


@pytest.mark.usefixtures("no_leak")
def test_nothing_leaks():
    plan = pa.sparse.plan(rosenbrock, np.ones(6))
    plan.hessian(np.zeros(6))
    pa.sparse.jacobian(arrow, np.ones(6))
    with pytest.raises(ValueError):
        pa.sparse.hessian(rosenbrock, np.ones(6), pattern=np.eye(6))


def test_threads_share_a_plan():
    plan = pa.sparse.plan(rosenbrock, np.zeros(50))
    points = RNG.normal(size=(8, 50))
    found = [None] * 8

    def work(i):
        for _ in range(20):
            found[i] = plan.hessian(points[i]).toarray()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for x, h in zip(points, found, strict=True):
        np.testing.assert_array_equal(h, plan.hessian(x).toarray())


def test_a_given_pattern_is_used():
    x = np.ones(4)
    full = np.ones((4, 4))
    assert pa.sparse.hessian(rosenbrock, x, pattern=full).nnz == 16
    triangle = scipy.sparse.csr_array(np.triu(full))
    np.testing.assert_allclose(
        pa.sparse.hessian(rosenbrock, x, pattern=triangle).toarray(), pa.hessian(rosenbrock, x)
    )
    assert "given" in pa.sparse.plan(rosenbrock, x, pattern=triangle).explain()
    found = pa.sparse.jacobian(arrow, x, pattern=scipy.sparse.coo_array(np.ones((5, 4))))
    np.testing.assert_allclose(found.toarray(), pa.jacobian(arrow, x))


def test_a_given_pattern_is_checked():
    x = np.ones(4)
    with pytest.raises(ValueError, match=r"misses 6 of the 10 entries .* the first at \(0, 1\)"):
        pa.sparse.hessian(rosenbrock, x, pattern=np.eye(4))
    with pytest.raises(ValueError, match=r"shape \(3, 3\), but the Hessian has \(4, 4\)"):
        pa.sparse.plan(rosenbrock, x, pattern=np.eye(3))
    with pytest.raises(TypeError, match="must be a sparse array or a matrix, got a str"):
        pa.sparse.plan(rosenbrock, x, pattern="dense")


def test_bad_input():
    with pytest.raises(ValueError, match=r"a scalar, got shape \(3,\).*sparse.jacobian"):
        pa.sparse.hessian(lambda x: x, np.ones(3))
    with pytest.raises(ValueError, match=r"must return a scalar, got shape \[\(3,\), \(\)\]"):
        pa.sparse.hessian(lambda x: (x, pa.sum(x)), np.ones(3))
    with pytest.raises(TypeError, match="only floating-point and complex arguments"):
        pa.sparse.hessian(rosenbrock, np.arange(3))
    for f in (lambda x: pa.complex(x, x), lambda x: pa.real(x * pa.tensor(1j))):
        pa.sparse.jacobian(lambda x, f=f: pa.abs(f(x)), np.ones(3))
    with pytest.raises(TypeError, match="takes real inputs and outputs"):
        pa.sparse.jacobian(lambda x: pa.complex(x, x), np.ones(3))
    with pytest.raises(TypeError, match="takes real inputs and outputs"):
        pa.sparse.hessian(lambda z: pa.sum(pa.abs(z)), np.ones(3) * 1j)
    with pytest.raises(TypeError, match="expected a function"):
        pa.sparse.jacobian(3, np.ones(3))
    with pytest.raises(ValueError, match="unknown colouring 'column': expected one of auto, star"):
        pa.sparse.hessian(rosenbrock, np.ones(3), colouring="column")
    with pytest.raises(ValueError, match="unknown colouring 'star': expected one of"):
        pa.sparse.jacobian(arrow, np.ones(3), colouring="star")
    for derivative, f in ((pa.sparse.jacobian, arrow), (pa.sparse.hessian, rosenbrock)):
        with pytest.raises(ValueError, match="unknown order 'random'"):
            derivative(f, np.ones(3), order="random")
    with pytest.raises(RuntimeError, match="cannot run inside jvp or vmap"):
        pa.func.vmap(lambda x: pa.sparse.hessian(rosenbrock, x))(np.ones((2, 3)))


def test_plans_say_what_they_are_for():
    second, first = pa.sparse.plan(rosenbrock, np.ones(3)), pa.sparse.plan(arrow, np.ones(3))
    with pytest.raises(ValueError, match="value_grad_hessian"):
        second.jacobian(np.ones(3))
    with pytest.raises(ValueError, match="use plan.jacobian"):
        first.hessian(np.ones(3))
    with pytest.raises(ValueError, match=r"inputs of shapes \[\(3,\)\], got \[\(4,\)\]"):
        second.hessian(np.ones(4))
    sizes = iter([3, 2])
    changing = pa.sparse.plan(lambda x: x[: next(sizes)], np.ones(3))
    with pytest.raises(ValueError, match=r"outputs of shapes \[\(3,\)\].*returned \[\(2,\)\]"):
        changing.jacobian(np.ones(3))
    assert repr(second) == "<Hessian with respect to 3 inputs, 2 colours>"


def test_scipy_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match="needs SciPy: pip install"):
        pa.sparse.hessian(rosenbrock, np.ones(3))


def test_the_core_refuses_malformed_patterns():
    core = pa._core
    starts, indices = np.array([0, 1]), np.array([5], dtype=np.int32)
    for bad in (starts, np.array([0, 9]), np.array([1]), np.array([], dtype=np.int64)):
        with pytest.raises(ValueError, match="out of bounds"):
            core.Pattern(bad, indices, 3)
    with pytest.raises(ValueError, match="not sorted"):
        core.Pattern(np.array([0, 2]), np.array([1, 0]), 3)
    with pytest.raises(ValueError, match="not symmetric"):
        core.HessianRecovery(core.Pattern([0, 0, 1], [0], 2), star=True, order="natural")
    with pytest.raises(ValueError, match="not symmetric"):
        core.HessianRecovery(core.Pattern([0, 1], [0], 2), star=True, order="natural")
    with pytest.raises(ValueError, match="not square"):
        core.Pattern([0, 1], [0], 2).symmetrised()


def test_patterns_of_the_core_cannot_be_written_to():
    indices = np.array([1, 0], np.int32)
    made = pa._core.Pattern(np.array([0, 1, 2]), indices, 2)
    indices[:] = 99
    assert made.indices.tolist() == [1, 0]
    for array in (made.starts, made.indices, made.symmetrised().indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 99


@pytest.mark.parametrize("star", [True, False])
def test_the_core_refuses_products_of_other_shapes(star):
    pattern = pa._core.Pattern([0, 1, 2], [0, 1], 2)
    made = pa._core.HessianRecovery(pattern, star=star, order="natural")
    assert made.values([pa.tensor([[3.0, 4.0]])], "float64").tolist() == [3, 4]
    for bad in ([], [pa.ones((1, 3))], [pa.ones((2, 2))], [pa.ones((1, 2))] * 2):
        with pytest.raises(ValueError, match="do not belong to 1 colours"):
            made.values(bad, "float64")
    for bad in ([pa.ones(2)], [None]):
        with pytest.raises(ValueError, match="must be matrices"):
            made.values(bad, "float64")


def test_products_are_promoted():
    """Inputs and outputs of different dtypes, with products from both sides."""

    def f(p):
        return pa.concat([pa.astype(p["a"], pa.float64) * p["b"][0], pa.sum(p["b"])[None] ** 2])

    p = {"a": np.arange(1, 7, dtype=np.float32), "b": RNG.normal(size=2)}
    blocks = pa.jacobian(f, p)
    dense = np.concatenate([blocks["a"].numpy(), blocks["b"].numpy()], 1)
    for colouring in ("row", "column", "bidirectional"):
        found = pa.sparse.jacobian(f, p, colouring=colouring)
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-6)
    half = pa.sparse.jacobian(lambda x: pa.astype(x, pa.float64) ** 2, p["a"], colouring="column")
    np.testing.assert_allclose(half.toarray(), np.diag(2 * p["a"]))


def test_a_derivative_that_is_lost_is_warned_of():
    def total(t):
        found = pa.sparse.hessian(lambda x: pa.sum(t * x**3), np.ones(3))
        return t + pa.sum(pa.asarray(found.data))

    text = r"\[sparse.hessian\] .* has no derivative: use pa.hessian or pa.jacobian"
    with pytest.warns(UserWarning, match=text) as seen:
        assert pa.func.grad(total)(1.0).item() == 1.0
    assert seen[0].filename == __file__
