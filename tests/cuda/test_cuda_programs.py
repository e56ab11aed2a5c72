"""Programs as users write them: on a device they give the host's numbers, and give them there."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from scipy.sparse import eye_array

import pyautograd as pa

RNG = np.random.default_rng(0)
A, X, CLASSES = RNG.normal(size=(4, 3)), RNG.uniform(0.5, 2.0, 5), RNG.integers(0, 3, 4)


def leaves(result):
    if isinstance(result, (list, tuple)):
        return [y for part in result for y in leaves(part)]
    if isinstance(result, dict):
        return leaves(list(result.values()))
    return [result]


def assert_the_same_there(program, device):
    """`program` is given a function that makes tensors, on the host or on a device."""
    wanted = leaves(program(pa.tensor))
    found = leaves(program(lambda values: pa.tensor(values, device=device)))
    for got, want in zip(found, wanted, strict=True):
        assert got.device == device
        np.testing.assert_allclose(got.to("cpu").numpy(), want.numpy(), rtol=1e-9, atol=1e-12)


def fourth_powers(x):
    return pa.sum(x**4)


def training(to):
    rng = pa.random.default_rng(0, device=to(0.0).device)
    params, x, classes = pa.nn.init_mlp(rng, [3, 5, 3]), to(A), to(CLASSES)

    def loss(params):
        return pa.nn.cross_entropy(pa.nn.mlp(params, x), classes)

    value, slopes = pa.func.value_and_grad(loss)(params)
    flat, unravel = pa.tree.ravel(params)
    return value, slopes, pa.func.jvp(pa.func.grad(lambda p: loss(unravel(p))), (flat,), (flat,))


def training_by_curvature(to):
    x, classes = to(A), to(CLASSES)
    params = pa.nn.init_mlp(pa.random.default_rng(0, device=to(0.0).device), [3, 5, 3])
    descent = pa.optim.HessianFree(damping=0.1, products=5)
    state = descent.init(params)
    for _ in range(3):
        params, state = descent.update(
            params, lambda p: pa.nn.mlp(p, x), lambda z: pa.nn.cross_entropy(z, classes), state
        )
    return params, state.direction


PROGRAMS = {
    "training": training,
    "training-by-curvature": training_by_curvature,
    "dropout-of-the-host": lambda to: pa.nn.dropout(to(A), 0.5, np.random.default_rng(0)),
    "curve_fit": lambda to: pa.optimize.curve_fit(
        lambda x, a, b: a * pa.exp(-b * x), to(X), to(3 * np.exp(-X)), sigma=0.1 + X
    )[0],
    "sparse-matmul": lambda to: pa.hessian(
        lambda x: pa.sum(pa.sparse.matmul(pa.sparse.hessian(fourth_powers, to(X)), x) ** 3), to(X)
    ),
    "sparse-solve": lambda to: pa.hessian(
        lambda x: pa.sum(pa.sparse.solve(eye_array(5), x**2, data=x) ** 2), to(X)
    ),
    "hessian-diagonal-of-a-line": lambda to: pa.hessian_diagonal(pa.sum)(to(X)),
    "laplacian-of-a-line": lambda to: pa.laplacian(pa.sum)(to(X)),
    "hessian-in-blocks": lambda to: pa.hessian(fourth_powers, to(X), memory="5KB"),
    "jacobian-in-blocks": lambda to: pa.jacobian(lambda x: pa.outer(x, x), to(X), memory="5KB"),
    "chunks-of-rows": lambda to: pa.func.jacrev(lambda x: pa.sin(x) * x, chunk_size=2)(to(X)),
    "hessian-of-a-tree": lambda to: pa.hessian(
        lambda p: fourth_powers(p["a"]) + p["b"], {"a": to(X), "b": 2.0}, flatten=True
    )[0],
    "jacobian-of-a-tree": lambda to: pa.jacobian(
        lambda p: [p["a"] * 2, p["b"]], {"a": to(X), "b": to(1.0)}, flatten=True
    )[0],
    "edges-by-name": lambda to: pa.histogram(to(X), "sturges"),
    "edges-of-the-host": lambda to: (
        pa.digitize(to(X), [0.7, 1.0]),
        pa.histogram(to(X), bins=[0.5, 1.0, 2.0]),
        pa.searchsorted([0.7, 1.0], to(X)),
        pa.quantile(to(X), [0.1, 0.5]),
        pa.isin(to(X), X[:2]),
        pa.isin(to(CLASSES), [0, 2]),
    ),
    "places-on-the-device": lambda to: (
        pa.delete(to(A), to(CLASSES), axis=1),
        pa.delete(to(A), to(A[:, 0]) > 0, axis=0),
        pa.insert(to(X), to(CLASSES), 2.0),
    ),
    "sets": lambda to: pa.intersect1d(to(X), to(X[:3]), assume_unique=True, return_indices=True),
    "numbers-in-polynomials": lambda to: (
        pa.polyadd(to(X), 1.0),
        pa.polysub(pa.tensor(2.0), to(X)),
        pa.polydiv(2.0, to(X)),
    ),
    "numbers-among-blocks": lambda to: pa.linalg.block_diag(1.0, to(A), pa.tensor(2.0)),
    "numbers-in-grids": lambda to: pa.meshgrid(to(X), 1.0, pa.tensor(2.0)),
    "numbers-looked-up": lambda to: (
        pa.isin(2.0, to(X)),
        pa.isin(pa.tensor(2), to(CLASSES)),
        pa.setdiff1d(3.0, to(X)),
        pa.setdiff1d(3, to(CLASSES)),
    ),
    "numbers-chosen-from": lambda to: (
        pa.choose(to(CLASSES), [1.0, pa.tensor(2.0), 3.0]),
        pa.choose(1, [2.0, to(X)]),
    ),
    "equality": lambda to: (
        pa.array_equal(to(X), 1.0),
        pa.array_equiv(to(X), to(A)),
    ),
    "indices-from": lambda to: (
        pa.triu_indices_from(to(A)),
        pa.tril_indices_from(to(A)),
        pa.diag_indices_from(to(A[:3])),
    ),
    "copies": lambda to: (
        copy.deepcopy(to(X)),
        copy.copy(to(X)),
        pickle.loads(pickle.dumps(to(X))),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name, device):
    assert_the_same_there(PROGRAMS[name], device)


def test_derivatives_by_what_is_written_lie_on_the_host(device):
    x, values = pa.zeros(4, device=device), pa.tensor([1.0, 2.0], requires_grad=True)
    x[[3, 0]] = values
    fourth_powers(x).backward()
    assert values.grad.device == "cpu" and values.grad.tolist() == [4.0, 32.0]


@pytest.mark.parametrize("transform", [pa.func.grad, pa.func.jacfwd, pa.func.hessian, pa.laplacian])
def test_numbers_of_the_host_that_are_differentiated_are_written(device, transform):
    def f(x, place):
        y = x * 2
        y[0] = (x * x).to(place)[1]
        return fourth_powers(y)

    x = pa.tensor([1.0, 2.0, 3.0])
    for way in (transform, lambda f: pa.func.vmap(transform(f), in_axes=(0, None))):
        points = x if way is transform else pa.stack([x, -x])
        got = way(f)(points.to(device), "cpu")
        assert got.device == device
        np.testing.assert_allclose(got.to("cpu").numpy(), way(f)(points, "cpu").numpy())


def test_what_lies_on_a_device_is_written_to_the_host(device):
    two = pa.tensor([1.0, 2.0], device=device)
    for write in (
        lambda x: x.__setitem__([0, 1], two),
        lambda x: x.__setitem__(slice(2), two),
        lambda x: x.__setitem__(np.array([True, True, False]), two),
        lambda x: x.__setitem__([0, 1], two[1]),
        lambda x: pa.put(x, [0, 1], two),
        lambda x: pa.copyto(x, two[1]),
    ):
        x = pa.zeros(3)
        write(x)
        assert x.device == "cpu" and x[1].item() == 2.0
    for index in (pa.tensor([0, 1], device=device), pa.tensor([True, True, False], device=device)):
        for value in (two, pa.ones(2), 1.0):
            with pytest.raises(ValueError, match="inputs lie on"):
                pa.zeros(3)[index] = value


def test_pickles_of_the_host_name_no_device(device):
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    assert len(x.__reduce__()[1]) == 3
    there = pickle.loads(pickle.dumps(x.detach().to(device).requires_grad_()))
    assert there.requires_grad and there.device == device


# Writing is copying: what is written may be of the host.
@pytest.mark.parametrize(
    "write",
    [
        lambda x, to: x.__setitem__(0, [1.0, 2.0, 3.0]),
        lambda x, to: x.__setitem__([0, 2], [1.0, 2.0, 3.0]),
        lambda x, to: x.__setitem__(A > 0, pa.tensor(A[A > 0]) * 2),
        lambda x, to: x.__setitem__((slice(None), to(CLASSES)[:2]), np.ones((4, 2))),
        lambda x, to: pa.put(x, [0, 3], [1.0, 2.0]),
        lambda x, to: pa.putmask(x, A > 0, -A),
        lambda x, to: pa.copyto(x, -A, where=A > 0),
        lambda x, to: pa.fill_diagonal(x, 1.0),
        lambda x, to: pa.fill_diagonal(x, pa.tensor(1.0)),
        lambda x, to: pa.put(x, [0, 3], 2.0),
        lambda x, to: pa.put(x, pa.tensor([1, 1]), pa.tensor(2.0)),
        lambda x, to: pa.putmask(x, x > 0, 5.0),
        lambda x, to: pa.putmask(x, A > 0, pa.tensor(5.0)),
        lambda x, to: pa.place(x, A > 0, 5.0),
        lambda x, to: pa.copyto(x, 2.0, where=A > 0),
    ],
)
def test_what_is_of_the_host_is_written(write, device):
    def f(x, to):
        y = x * 2
        write(y, to)
        return y

    def program(to):
        x = pa.copy(to(A))
        write(x, to)
        return x, f(x, to), pa.func.grad(lambda x: fourth_powers(f(x, to)))(x)

    assert_the_same_there(program, device)


# What solves an equation decides on the host, and is differentiated on the device.


def squares(x, a):
    return x**2 - a


def logistic(method, a):
    def growth(t, y):
        return a * y * (1.0 - y) + pa.sin(t)

    return pa.integrate.solve_ivp(growth, (0.0, 1.0), a / 4, method, t_eval=[0.4, 1.0]).y


def between(a):
    options = {"dense_output": True, "steps": [0.0, 0.5, 1.0]}
    return pa.integrate.solve_ivp(lambda t, y: a * y, (0.0, 1.0), a / 4, **options).sol([0.9, 0.3])


def first_event(a):
    def late(t, y):
        return t - 0.75 + 0.1 * pa.sin(y[0])

    late.terminal = True
    options = {"events": late, "steps": [0.0, 0.5, 1.0], "dense_output": True}
    found = pa.integrate.solve_ivp(lambda t, y: a * y, (0.0, 1.0), a / 4, **options)
    return pa.stack([found.t[-1], found.y[0, -1], found.sol(0.5 * found.t_events[0][0])[1]])


def spline_through(a):
    """Sites of the host, values of the device, and points of both."""
    y = pa.concat([a, a[::-1] ** 2, a / 2])
    made = [
        pa.interpolate.CubicSpline(np.arange(6.0), y),
        pa.interpolate.CubicSpline(np.arange(6.0), pa.concat([y[:5], y[:1]]), bc_type="periodic"),
        pa.interpolate.PchipInterpolator(pa.cumsum(y**2), y),
        pa.interpolate.Akima1DInterpolator(np.arange(6.0), y),
        pa.interpolate.BSpline(np.arange(9.0) - 1, y, 2),
        pa.interpolate.make_interp_spline(np.arange(6.0), y, bc_type=([(1, 0.5)], [(1, a[0])])),
        pa.interpolate.make_smoothing_spline(np.arange(6.0), y, lam=0.3),
        pa.interpolate.make_interp_spline(
            np.arange(7.0), pa.concat([y, y[:1]]), 2, None, "periodic"
        ),
        pa.interpolate.make_lsq_spline(np.arange(6.0), y, [0.0, 0.0, 0.0, 2.5, 5.0, 5.0, 5.0], 2),
    ]
    values = [poly(place)[0] for poly in made for place in (a, [0.3, 2.0])]
    grid = pa.interpolate.RegularGridInterpolator(
        (np.arange(2.0), a * 2), pa.reshape(y[:4], (2, 2)), bounds_error=False
    )
    cubic = pa.interpolate.interpn((np.arange(6.0),), y, a[:, None], "cubic")
    values += [*pa.interpolate.RBFInterpolator(np.arange(6.0)[:, None], y)(a[:, None])]
    values += [*grid(([0.3, 0.5], pa.stack([a[1], 1.5 * a[1]]))), *cubic]
    return pa.stack([*values, *[poly.integrate(0.5, a[1]) for poly in made]])


SOLUTIONS = {
    "splines": spline_through,
    "between-steps": between,
    "event": first_event,
    "root": lambda a: pa.implicit.root(squares, pa.ones_like(a), a),
    "iterative": lambda a: pa.implicit.root(squares, pa.ones_like(a), a, linear="iterative"),
    "solver": lambda a: pa.implicit.root(
        squares, pa.ones_like(a), a, solver=lambda f, x: pa.optimize.root(f, x).x
    ),
    "fixed_point": lambda a: pa.implicit.fixed_point(
        lambda x, a: pa.cos(x) * a / 4, pa.ones_like(a), a
    ),
    "argmin": lambda a: pa.implicit.argmin(
        lambda x, a: pa.sum((x - a) ** 2) + fourth_powers(x), pa.ones_like(a), a
    ),
    "start-of-the-host": lambda a: pa.implicit.root(
        lambda x, a: pa.sum(pa.exp(x * a)) - 10.0, 0.3, a
    ),
    "tree": lambda a: pa.implicit.argmin(
        lambda p, a: pa.sum((p["u"] * a + p["v"] - a**2) ** 2), {"u": 0.0, "v": 0.0}, a
    )["u"],
    **{method: partial(logistic, method) for method in ("RK45", "DOP853", "Rodas4")},
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_and_their_derivatives(name, device):
    def f(a):
        return pa.sum(SOLUTIONS[name](a) ** 3)

    def program(to):
        a = to([1.0, 2.0])
        return (
            SOLUTIONS[name](a),
            pa.func.grad(f)(a),
            pa.func.hessian(f)(a),
            pa.func.jvp(f, (a,), (a,)),
            pa.func.vmap(pa.func.grad(f))(pa.stack([a, 2 * a])),
        )

    assert_the_same_there(program, device)


def test_an_equation_of_a_number_with_data_on_a_device(device):
    data, number = pa.tensor([1.0, 2.0], device=device), pa.tensor(1.5)

    def solved(b):
        return pa.implicit.root(lambda x, b: pa.sum(data * x) - b - x**3 / 9, 0.3, b)

    def there(b):
        return pa.implicit.root(lambda x, b: x**2 - b * data, pa.ones_like(data), b)

    x = solved(number)
    assert x.device == "cpu"
    np.testing.assert_allclose(pa.func.grad(solved)(number).item(), 1 / (3 - x.item() ** 2 / 3))
    np.testing.assert_allclose(
        pa.func.jacfwd(there)(number).to("cpu").numpy(), np.sqrt([1.0, 2.0]) / 2 / 1.5**0.5
    )
    assert there(number).device == device


class Affine(pa.Function):
    """Rules that leave things out."""

    @staticmethod
    def forward(x, y):
        return x * 2.0, y * 3.0

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def jvp(ctx, s, t):
        return s * 2.0 + 0.0 * t, t * 3.0


class Once(pa.Function):
    @staticmethod
    def forward(ctx, x, y):
        return x * 2.0

    @staticmethod
    @pa.once_differentiable
    def backward(ctx, g):
        return g * 2.0, None


def test_functions_whose_rules_leave_things_out(device):
    def program(to):
        x, y = to(X), to(X + 1)
        return (
            pa.func.grad(lambda x: pa.sum(Affine.apply(x, y)[0] ** 2))(x),
            pa.func.jvp(lambda x: Affine.apply(x, y), (x,), (x,)),
            pa.func.grad(lambda x, y: pa.sum(Once.apply(x, y)), argnums=(0, 1))(x, y),
        )

    assert_the_same_there(program, device)


def test_a_training_step_with_classes_is_captured(device):
    params = pa.nn.init_mlp(pa.random.default_rng(0, device=device), [3, 5, 3])
    x, classes = pa.tensor(A, device=device), pa.tensor(CLASSES, device=device)

    def step(x, classes):
        return pa.func.grad(lambda p: pa.nn.cross_entropy(pa.nn.mlp(p, x), classes))(params)

    want, captured = step(x, classes), pa.cuda.graph(step)
    for _ in range(3):
        got = captured(x, classes)
    for y, expected in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_allclose(y.to("cpu").numpy(), expected.to("cpu").numpy(), rtol=1e-12)


def test_what_stays_on_the_host(device):
    x = pa.tensor(X, device=device)
    operator = pa.linop.Hessian(fourth_powers, x)
    np.testing.assert_allclose(operator @ np.ones(5), 12 * X**2)
    with pytest.raises(TypeError, match=r"move them with .to\('cpu'\)"):
        operator @ x
    assert type(pa.sparse.hessian(fourth_powers, x).data) is np.ndarray
    for made in (pa.fromfunction(pa.add, (2, 2)), pa.mgrid[0:2, 0:2], pa.hanning(3)):
        assert made.device == "cpu"


def test_saved_values_come_back_where_they_were(device):
    x = pa.tensor([1.0, 2.0], device=device, requires_grad=True)
    with pa.saved_tensors_hooks(lambda t: t.to("cpu"), lambda t: t.to(device)):
        y = pa.sum(pa.exp(x) * x)
    y.backward()
    np.testing.assert_allclose(x.grad.to("cpu").numpy(), [2 * np.e, 3 * np.e**2])
    with pa.saved_tensors_hooks(lambda t: t.to("cpu"), lambda t: t):
        y = pa.sum(pa.exp(x))
    with pytest.raises(ValueError, match=rf"unpack returned a tensor on cpu .* on {device}: move"):
        y.backward()


def test_checks_of_gradients_run_there(device):
    x, scale = pa.tensor(X, device=device), pa.tensor(A[0, :1], device=device)

    def f(x):
        assert x.device == device
        return pa.sin(x) * scale, pa.sum(x * 1j)

    pa.testing.gradcheck(f, (x,))
    pa.testing.gradgradcheck(f, (x,))
    pa.testing.check_grads(f, (x,), order=2)
