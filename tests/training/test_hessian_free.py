"""pyautograd.optim.HessianFree: its steps against dense algebra, its training, and wrong use."""

import numpy as np
import pytest

import pyautograd as pa
from pyautograd import optim

X = np.linspace(-1.0, 1.0, 40)[:, None]
Y = np.sin(4 * X) * np.exp(-(X**2))


def network(params):
    return pa.nn.mlp(params, X, activation=pa.tanh)


def misfit(outputs):
    return pa.nn.mean_squared_error(outputs, Y)


def start(dtype=np.float64):
    params = pa.nn.init_mlp(np.random.default_rng(0), [1, 12, 12, 1])
    return pa.tree.map(lambda p: p.astype(dtype), params)


def flat(tree):
    return np.concatenate([np.ravel(x.detach()) for x in pa.tree.flatten(tree)[0]])


def run(opt, params, steps, model=network, loss=misfit):
    state = opt.init(params)
    for _ in range(steps):
        params, state = opt.update(params, model, loss, state)
    return params, state


def test_a_step_solves_the_damped_system():
    params = start()
    opt = optim.HessianFree(damping=0.3, tolerance=0.0, products=2000)
    moved, state = run(opt, params, 1)
    matrix = pa.linop.GaussNewton(network, misfit, params)
    G = matrix @ np.eye(matrix.shape[0])
    gradient = pa.linop.Hessian(lambda p: misfit(network(p)), params).gradient
    step = -np.linalg.solve(G + 0.3 * np.eye(len(G)), gradient)
    np.testing.assert_allclose(flat(state.direction), step, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(flat(moved) - flat(params), step, rtol=1e-6, atol=1e-9)
    assert state.loss.item() == pytest.approx(misfit(network(moved)).item(), rel=1e-12, abs=0)
    assert state.products.item() <= 2000


def test_a_linear_model_is_fitted_in_one_step():
    rng = np.random.default_rng(1)
    A, b = rng.normal(size=(30, 6)), rng.normal(size=30)
    opt = optim.HessianFree(damping=1e-12, tolerance=0.0)
    w, _ = run(opt, pa.zeros(6), 1, lambda w: A @ w, lambda y: pa.sum((y - b) ** 2))
    np.testing.assert_allclose(w.numpy(), np.linalg.lstsq(A, b, rcond=None)[0], rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_the_same_data_never_grows_and_becomes_small(dtype):
    params, opt = start(dtype), optim.HessianFree()
    state, losses = opt.init(params), [misfit(network(params)).item()]
    for _ in range(80):
        params, state = opt.update(params, network, misfit, state)
        losses.append(state.loss.item())
    assert all(later <= earlier for earlier, later in zip(losses, losses[1:], strict=False))
    assert losses[-1] < (1e-5 if dtype == np.float64 else 1e-4)
    assert state.step.item() == 80
    assert {x.dtype for x in pa.tree.flatten(params)[0]} == {np.dtype(dtype)}


def test_batches_of_a_classification():
    rng = np.random.default_rng(2)
    angle, kind = rng.uniform(0, 2 * np.pi, 400), rng.integers(0, 2, 400)
    points = (1 + kind)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    params = pa.nn.init_mlp(rng, [2, 16, 2])
    opt = optim.HessianFree(decay=0.8)
    state = opt.init(params)
    for i in range(30):
        batch = slice(i % 4 * 100, i % 4 * 100 + 100)
        params, state = opt.update(
            params,
            lambda p, x=points[batch]: pa.nn.mlp(p, x),
            lambda z, k=kind[batch]: pa.nn.cross_entropy(z, k),
            state,
        )
    right = pa.argmax(pa.nn.mlp(params, points), axis=1).numpy() == kind
    assert right.mean() > 0.99


def test_both_faces_make_the_same_steps():
    expected, state = run(optim.HessianFree(damping=0.1), start(), 4)
    leaves = pa.tree.map(lambda p: pa.tensor(p, requires_grad=True), start())
    opt = optim.HessianFree(leaves, damping=0.1)
    losses = [opt.step(network, misfit).item() for _ in range(4)]
    assert flat(leaves).tobytes() == flat(expected).tobytes()
    assert flat(opt.state.direction).tobytes() == flat(state.direction).tobytes()
    assert losses[-1] == state.loss.item()
    assert all(p.is_leaf and p.requires_grad and p.grad is None for p in pa.tree.flatten(leaves)[0])


def test_a_state_can_be_kept_in_a_file(tmp_path):
    opt = optim.HessianFree()
    params, state = run(opt, start(), 2)
    pa.save(tmp_path / "state", state)
    again = pa.load(tmp_path / "state", like=state)
    one, other = (opt.update(params, network, misfit, s)[0] for s in (state, again))
    assert flat(one).tobytes() == flat(other).tobytes()


def test_damping_grows_where_the_quadratic_model_is_wrong_and_shrinks_where_it_is_right():
    def damping_after(model, loss, w, first):
        return run(optim.HessianFree(damping=first), pa.asarray(w), 1, model, loss)[1].damping

    def valley(w):
        return pa.stack([10 * (w[1] - w[0] ** 2), 1 - w[0]])

    def squares(r):
        return pa.sum(r**2)

    grown = damping_after(valley, squares, [-1.2, 1.0], 1e-9)
    shrunk = damping_after(lambda w: w, squares, [-1.2, 1.0], 0.3)
    assert grown.item() == pytest.approx(1.5e-9, rel=1e-12, abs=0)
    assert shrunk.item() == pytest.approx(0.2, rel=1e-12, abs=0)
    fixed = optim.HessianFree(damping=0.3, adapt=False)
    assert run(fixed, pa.asarray([-1.2, 1.0]), 3, valley, squares)[1].damping.item() == 0.3


def test_damping_that_nobody_can_see_shrinks_no_further():
    scale = np.array([1.0, 100.0])
    opt = optim.HessianFree(damping=1.0, products=1, decay=0.0)
    state = run(opt, pa.asarray([100.0, 1.0]), 200, lambda w: scale * w, lambda y: pa.sum(y**2))[1]
    assert 1e-12 < state.damping.item() < 1e-3


def test_a_loss_that_is_not_convex_is_no_obstacle():
    opt = optim.HessianFree(damping=0.01)
    w, state = run(opt, pa.asarray([0.4, -2.0]), 60, lambda w: w, lambda w: -pa.sum(pa.cos(w)))
    assert state.loss.item() <= -pa.sum(pa.cos(pa.asarray([0.4, -2.0]))).item()
    np.testing.assert_allclose(np.sin(w.numpy()), 0, atol=1e-4)


def test_penalties_belong_to_the_loss():
    opt = optim.HessianFree(damping=1e-9, tolerance=0.0)
    w, _ = run(
        opt,
        pa.asarray([1.0, 2.0]),
        2,
        lambda w: {"residual": w - 3.0, "w": w},
        lambda y: pa.sum(y["residual"] ** 2) + 2.0 * pa.sum(y["w"] ** 2),
    )
    np.testing.assert_allclose(w.numpy(), [1.0, 1.0], rtol=1e-7)


def test_at_a_minimum_nothing_moves():
    w, state = run(
        optim.HessianFree(), pa.asarray([0.0, 0.0]), 3, lambda w: w, lambda w: pa.sum(w**2)
    )
    assert w.tolist() == [0.0, 0.0]
    assert state.loss.item() == 0.0


def test_parameters_without_influence_stay():
    opt = optim.HessianFree()
    params = {"used": pa.asarray([2.0]), "unused": pa.asarray([5.0])}
    moved, _ = run(opt, params, 2, lambda p: p["used"], lambda y: pa.sum(y**2))
    assert moved["unused"].tolist() == [5.0]
    assert abs(moved["used"].item()) < 2.0


def test_steps_too_long_for_the_loss_are_shortened():
    opt = optim.HessianFree(damping=1e-12, adapt=False)
    start = pa.asarray([-1.0])
    w, state = run(opt, start, 1, lambda w: w, lambda w: pa.sum(pa.logaddexp(-w, 4.0 * w)))
    assert np.isfinite(w.item())
    assert state.loss.item() < pa.logaddexp(-start, 4.0 * start).item()


def test_nothing_leaks_or_records(no_leak):
    leaves = pa.tree.map(lambda p: pa.tensor(p, requires_grad=True), start())
    opt = optim.HessianFree(leaves)
    for _ in range(2):
        opt.step(network, misfit)
    assert all(not x.requires_grad for x in pa.tree.flatten(opt.state)[0])


def test_wrong_use():
    opt, w = optim.HessianFree(), pa.asarray([1.0, 2.0])

    def update(model=lambda w: w, loss=pa.sum, w=w, state=None):
        return opt.update(w, model, loss, opt.init(w) if state is None else state)

    with pytest.raises(FloatingPointError, match=r"\[HessianFree.update\] the loss is nan"):
        update(loss=lambda y: pa.sum(pa.log(-y)))
    with pytest.raises(ValueError, match="must return a scalar, got shape"):
        update(loss=lambda y: y)
    with pytest.raises(TypeError, match="takes real parameters, got dtype complex128"):
        update(w=pa.asarray([1.0 + 1j]))
    with pytest.raises(TypeError, match="the state is a tuple"):
        update(state=())
    with pytest.raises(ValueError, match=r"state.damping has shape \(2,\)"):
        update(state=opt.init(w)._replace(damping=pa.ones(2)))
    with pytest.raises(RuntimeError, match="cannot run inside a transform"):
        pa.func.vmap(lambda w: update(w=w, state=opt.init(pa.zeros(())))[0])(w)
    with pytest.raises(RuntimeError, match=r"\[HessianFree.step\] no parameters were given"):
        opt.step(lambda w: w, pa.sum)
    scale = pa.tensor(2.0, requires_grad=True)
    with pytest.warns(UserWarning, match="a differentiable tensor beside its argument"):
        update(lambda w: scale * w, lambda y: pa.sum(y**2))
    for options in ({"damping": 0.0}, {"tolerance": 1.0}, {"decay": 1.5}, {"damping": np.nan}):
        with pytest.raises(ValueError, match=r"must be a number in \["):
            optim.HessianFree(**options)
    with pytest.raises(ValueError, match="products must be a positive int, got 0"):
        optim.HessianFree(products=0)
