"""pyautograd.optim: both faces against a reference and against each other, and wrong use."""

import copy

import numpy as np
import pytest

import pyautograd as pa
from pyautograd import optim

OPTIMIZERS = {
    "sgd": lambda *params, **options: optim.SGD(*params, lr=0.1, **options),
    "momentum": lambda *params, **options: optim.SGD(*params, lr=0.1, momentum=0.9, **options),
    "nesterov": lambda *params: optim.SGD(*params, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda *params, **options: optim.Adam(*params, lr=0.1, **options),
    "decayed": lambda *params: optim.SGD(*params, lr=0.1, momentum=0.9, weight_decay=0.2),
    "adamw": lambda *params, **options: optim.AdamW(*params, lr=0.1, weight_decay=0.2, **options),
}
all_optimizers = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def start(dtype=np.float64):
    w = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
    return {"w": pa.tensor(w, dtype=dtype), "b": [pa.tensor([1.0, -2.0], dtype=dtype)]}


def loss(params):
    return pa.sum(params["w"] ** 4) + pa.sum(pa.sin(params["b"][0])) * pa.sum(params["w"])


def descend(opt, params, steps, state=None):
    """Parameters after some functional steps, and the state."""
    state = opt.init(params) if state is None else state
    for _ in range(steps):
        params, state = opt.update(params, pa.func.grad(loss)(params), state)
    return params, state


def arrays(tree):
    leaves = pa.tree.flatten(tree)[0]
    return [np.asarray(x.detach() if isinstance(x, pa.Tensor) else x) for x in leaves]


def assert_same_bits(one, other):
    assert [a.tobytes() for a in arrays(one)] == [a.tobytes() for a in arrays(other)]


def reference_sgd(params, gradient, steps, lr, momentum, decay=0.0, nesterov=False):
    velocity = [np.zeros_like(p) for p in params]
    for _ in range(steps):
        slopes = [g + decay * p for g, p in zip(gradient(params), params, strict=True)]
        velocity = [momentum * v + g for v, g in zip(velocity, slopes, strict=True)]
        ahead = [g + momentum * v for v, g in zip(velocity, slopes, strict=True)]
        moving = zip(params, ahead if nesterov else velocity, strict=True)
        params = [p - lr * v for p, v in moving]
    return params


def reference_adam(params, gradient, steps, lr, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0):
    """Kingma and Ba, algorithm 1, line by line; Loshchilov and Hutter's decay in front."""
    m, v = ([np.zeros_like(p) for p in params] for _ in range(2))
    for t in range(1, steps + 1):
        g = gradient(params)
        m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g, strict=True)]
        v = [beta2 * a + (1 - beta2) * b**2 for a, b in zip(v, g, strict=True)]
        params = [p - lr * decay * p for p in params]
        unbiased = [(a / (1 - beta1**t), b / (1 - beta2**t)) for a, b in zip(m, v, strict=True)]
        params = [
            p - lr * a / (np.sqrt(b) + eps) for p, (a, b) in zip(params, unbiased, strict=True)
        ]
    return params


def test_values_of_the_algorithms():
    def gradient(params):
        w, b = params
        return [4 * w**3 + np.sin(b).sum(), np.cos(b) * w.sum()]

    first = arrays(start())
    for opt, expected in (
        (optim.SGD(lr=0.02), reference_sgd(first, gradient, 7, 0.02, 0.0)),
        (optim.SGD(lr=0.02, momentum=0.8), reference_sgd(first, gradient, 7, 0.02, 0.8)),
        (optim.Adam(lr=0.1), reference_adam(first, gradient, 7, 0.1)),
        (optim.Adam(lr=0.1, betas=(0.5, 0.9)), reference_adam(first, gradient, 7, 0.1, 0.5, 0.9)),
        (
            optim.SGD(lr=0.02, momentum=0.8, weight_decay=0.3),
            reference_sgd(first, gradient, 7, 0.02, 0.8, 0.3),
        ),
        (
            optim.SGD(lr=0.02, momentum=0.8, weight_decay=0.3, nesterov=True),
            reference_sgd(first, gradient, 7, 0.02, 0.8, 0.3, nesterov=True),
        ),
        (
            optim.AdamW(lr=0.1, weight_decay=0.3),
            reference_adam(first, gradient, 7, 0.1, decay=0.3),
        ),
    ):
        for got, wanted in zip(arrays(descend(opt, start(), 7)[0]), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-12)


@all_optimizers
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_faces_make_the_same_steps(make, dtype):
    params = start(dtype)
    expected, state = descend(make(), params, 5)
    leaves = pa.tree.map(lambda p: pa.tensor(p, requires_grad=True), params)
    opt = make(leaves)
    for _ in range(5):
        opt.zero_grad()
        loss(leaves).backward()
        opt.step()
    assert_same_bits(leaves, expected)
    assert_same_bits(opt.state, state)
    assert pa.tree.flatten(opt.state)[1] == pa.tree.flatten(state)[1]
    for leaf in arrays(leaves):
        assert leaf.dtype == dtype


@all_optimizers
def test_update_leaves_its_arguments_alone(make):
    params = start()
    opt = make()
    state = opt.init(params)
    before = copy.deepcopy(arrays((params, state)))
    opt.update(params, params, state)
    assert_same_bits(before, (params, state))


@all_optimizers
def test_differentiable_in_parameters_gradients_state_and_rate(make):
    w = pa.asarray([0.5, -1.0, 2.0])
    opt = make()
    if isinstance(opt, optim.SGD):
        state = opt.init(w)
    else:
        state = optim.AdamState(3, pa.asarray([0.1, -0.2, 0.3]), pa.asarray([0.4, 0.2, 0.3]))

    def through(w, g, lr, *moments):
        opt.lr = lr
        here = state._replace(**dict(zip(names, moments, strict=True)))
        for _ in range(2):
            w, here = opt.update(w, g * w, here)
        return w

    names = [name for name in state._fields if name != "step" and getattr(state, name) is not None]
    moments = [getattr(state, name) for name in names]
    inputs = (w, pa.asarray([1.0, 2.0, -0.5]), pa.tensor(0.1), *moments)
    assert pa.testing.gradcheck(through, inputs)
    assert pa.testing.gradgradcheck(through, inputs)


HYPER = {
    "sgd": lambda c: optim.SGD(lr=c[0], momentum=c[1], weight_decay=c[2]),
    "adam": lambda c: optim.Adam(lr=c[0], betas=(c[1], c[2]), eps=c[3]),
    "adamw": lambda c: optim.AdamW(lr=c[0], betas=(0.9, c[1]), weight_decay=c[2]),
}


@pytest.mark.parametrize("make", HYPER.values(), ids=HYPER)
def test_every_option_may_be_a_tensor(make):
    values = [0.05, 0.8, 0.3, 1e-2]
    plain = descend(make(values), start(), 3)[0]
    single = descend(make(list(map(pa.tensor, values))), start(np.float32), 3)[0]
    assert single["w"].dtype == np.float32

    def after(options):
        return loss(descend(make([*options]), start(), 3)[0])

    assert_same_bits(descend(make(list(pa.asarray(values))), start(), 3)[0], plain)
    assert pa.testing.gradcheck(after, (pa.asarray(values),))
    assert pa.testing.gradgradcheck(after, (pa.asarray(values),))
    each = pa.func.vmap(pa.func.grad(after))(pa.asarray([values, values]))
    np.testing.assert_allclose(each[1].numpy(), pa.func.grad(after)(pa.asarray(values)).numpy())
    with pytest.raises(ValueError, match=r"momentum has shape \(2,\) and dtype float64"):
        optim.SGD(lr=0.1, momentum=pa.ones(2))


@all_optimizers
def test_a_mapped_descent_is_a_stack_of_descents(make):
    opt = make()
    points = pa.asarray(np.linspace(-1.0, 1.0, 12).reshape(4, 3))

    def run(w):
        state = opt.init(w)
        for _ in range(3):
            w, state = opt.update(w, pa.func.grad(lambda w: pa.sum(w**4 + w))(w), state)
        return w, state

    mapped = pa.func.vmap(run)(points)
    for i in range(4):
        for got, expected in zip(arrays(mapped), arrays(run(points[i])), strict=True):
            np.testing.assert_allclose(got[i], expected, rtol=1e-14)


def test_adam_has_finite_derivatives_where_the_gradient_is_zero():
    opt = optim.Adam(lr=0.1)
    dead = pa.asarray([0.0, 0.5])

    def moved(w):
        state = opt.init(w)
        for _ in range(3):
            w, state = opt.update(
                w, pa.func.grad(lambda w: pa.sum(pa.relu(w - 0.25) ** 2))(w), state
            )
        return pa.sum(w)

    np.testing.assert_allclose(pa.func.grad(moved)(dead).numpy()[0], 1.0)
    assert np.isfinite(pa.hessian(moved, dead).numpy()).all()


def test_dtypes_stay_even_with_a_rate_of_another_dtype():
    opt = optim.Adam(lr=pa.tensor(0.1))
    w = pa.asarray([1.0, 2.0], dtype=pa.float32)
    moved, state = opt.update(w, w, opt.init(w))
    assert moved.dtype == state.mean.dtype == state.mean_square.dtype == pa.float32
    assert state.step.dtype == pa.int64
    moved, _ = optim.SGD(lr=pa.tensor(0.1)).update(w, w, optim.SGDState(None))
    assert moved.dtype == pa.float32


def test_a_step_skips_what_has_no_gradient():
    used, unused = (pa.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    opt = optim.Adam({"used": used, "unused": unused}, lr=0.5)
    pa.sum(used**2).backward()
    opt.step()
    assert unused.tolist() == [1.0, 2.0]
    assert used.tolist() != [1.0, 2.0]
    assert opt.state.mean["unused"].tolist() == [0.0, 0.0]
    opt.zero_grad()
    opt.step()
    assert opt.state.step.item() == 1


def test_zero_grad_leaves_the_graph_of_the_gradients_alone():
    w = pa.tensor([3.0], requires_grad=True)
    opt = optim.SGD([w], lr=0.1)
    pa.sum(w**3).backward(create_graph=True)
    adapted = w - 0.1 * w.grad
    opt.zero_grad()
    assert w.grad is None
    pa.sum(adapted**2).backward()
    # d/dw (w - 0.3 w^2)^2 = 2 (w - 0.3 w^2) (1 - 0.6 w)
    np.testing.assert_allclose(w.grad.numpy(), 2 * (3 - 2.7) * (1 - 1.8))


def test_a_graph_that_saved_an_old_value_cannot_be_swept_after_a_step():
    w = pa.tensor([3.0], requires_grad=True)
    opt = optim.SGD([w], lr=0.1)
    y = pa.sum(w**3)
    y.backward(retain_graph=True)
    opt.step()
    with pytest.raises(RuntimeError, match="version"):
        y.backward()


@all_optimizers
def test_nothing_leaks_or_records(make, no_leak):
    w = pa.tensor(np.ones(5), requires_grad=True)
    opt = make([w])
    for _ in range(3):
        pa.sum(w**3).backward(create_graph=True)
        opt.step()
        opt.zero_grad()
    assert w.is_leaf and w.requires_grad
    assert not any(leaf.requires_grad for leaf in pa.tree.flatten(opt.state)[0])


@all_optimizers
def test_a_state_can_be_taken_over(make):
    first = pa.tensor([1.0, 2.0], requires_grad=True)
    opt = make([first])
    for _ in range(2):
        opt.zero_grad()
        pa.sum(first**2).backward()
        opt.step()
    second = pa.tensor(first.detach(), requires_grad=True)
    other = make([second])
    other.state = opt.state
    for w, o in ((first, opt), (second, other)):
        o.zero_grad()
        pa.sum(w**2).backward()
        o.step()
    assert_same_bits(first, second)


def test_mismatched_trees_name_the_first_differing_path():
    params = {"a": [pa.ones(2), pa.ones(3)], "b": pa.ones(1)}
    opt = optim.SGD(lr=0.1, momentum=0.5)
    state = opt.init(params)

    def expect(message, grads=params, state=state):
        with pytest.raises(ValueError, match=message):
            opt.update(params, grads, state)

    expect(r"\[SGD\.update\] grads does not match at \['a'\]: expected 2 entries, got 1",
           grads={"a": [pa.ones(2)], "b": pa.ones(1)})  # fmt: skip
    expect(r"\[SGD\.update\] grads at \['a'\]\[1\] has shape \(4,\), expected \(3,\)",
           grads={"a": [pa.ones(2), pa.ones(4)], "b": pa.ones(2)})  # fmt: skip
    expect(r"state\.velocity at \['b'\] has shape \(2,\)",
           state=optim.SGDState({"a": [pa.ones(2), pa.ones(3)], "b": pa.ones(2)}))  # fmt: skip
    expect(r"state\.velocity must be a tree like the parameters", state=optim.SGDState(None))
    with pytest.raises(ValueError, match=r"state\.velocity must be None"):
        optim.SGD(lr=0.1).update(params, params, state)
    with pytest.raises(TypeError, match="the state is a tuple: expected the SGDState"):
        opt.update(params, params, ())
    w = pa.tensor([1.0], requires_grad=True)
    adam = optim.Adam({"w": w})
    with pytest.raises(ValueError, match=r"\[Adam\.state\] state\.mean does not match"):
        adam.state = optim.AdamState(0, {"v": pa.ones(1)}, {"w": pa.ones(1)})
    with pytest.raises(ValueError, match=r"\[Adam\.state\] state\.step has shape \(2,\)"):
        adam.state = optim.AdamState(pa.zeros(2), {"w": pa.ones(1)}, {"w": pa.ones(1)})
    assert adam.state.mean["w"].tolist() == [0.0]


def test_options_out_of_range():
    for make in (
        lambda: optim.SGD(lr=-1.0),
        lambda: optim.SGD(lr=float("nan")),
        lambda: optim.SGD(lr="fast"),
        lambda: optim.SGD(lr=0.1, momentum=1.0),
        lambda: optim.Adam(betas=(0.9, -0.1)),
        lambda: optim.Adam(betas=(0.9, 1.0)),
        lambda: optim.Adam(betas=(-0.1, 0.9)),
        lambda: optim.Adam(betas=(1.0, 0.9)),
        lambda: optim.SGD(lr=0.1, weight_decay=-0.1),
        lambda: optim.AdamW(weight_decay=-0.1),
        lambda: optim.Adam(eps=0.0),
    ):
        with pytest.raises(ValueError, match=r"must be a number in \["):
            make()
    assert optim.SGD(lr=np.float32(0.5)).lr == 0.5
    optim.SGD(lr=0.0, momentum=0.0, weight_decay=0.0)
    optim.AdamW(betas=(0.0, 0.0), weight_decay=0.0)
    with pytest.raises(TypeError, match="betas must be a pair of numbers, got 0.9"):
        optim.Adam(betas=0.9)
    with pytest.raises(ValueError, match="nesterov=True needs a momentum"):
        optim.SGD(lr=0.1, nesterov=True)
    with pytest.raises(ValueError, match=r"lr has shape \(2,\) and dtype float64"):
        optim.SGD(lr=pa.ones(2))


def test_wrong_parameters():
    w = pa.tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"at \['w'\] must be a leaf with requires_grad=True"):
        optim.SGD({"w": pa.ones(1)}, lr=0.1)
    with pytest.raises(ValueError, match="must be a leaf"):
        optim.SGD([w * 2.0], lr=0.1)
    with pytest.raises(ValueError, match=r"at \[1\] is the one at \[0\] again"):
        optim.SGD([w, w], lr=0.1)
    with pytest.raises(TypeError, match=r"the parameter at \[0\] is a float: expected a tensor"):
        optim.SGD([1.0], lr=0.1)
    with pytest.raises(TypeError, match=r"params\[0\] has dtype int64"):
        optim.SGD(lr=0.1).init([pa.asarray([1, 2])])
    for use in (lambda o: o.step(), lambda o: o.zero_grad(), lambda o: o.state):
        with pytest.raises(RuntimeError, match=r"no parameters were given: make the optimiser as"):
            use(optim.Adam())


def complex_loss(z):
    return pa.sum(pa.abs(z) ** 2 * pa.real(z)) + pa.sum(pa.imag(z * z))


@all_optimizers
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_a_complex_parameter_is_two_real_ones(make, dtype):
    z = pa.asarray([1.0 - 0.5j, 0.25 + 2j], dtype=dtype)
    opt = make()
    pair, state = (pa.real(z), pa.imag(z)), opt.init((pa.real(z), pa.imag(z)))
    ours, own = z, opt.init(z)
    leaf = pa.tensor(z.numpy(), requires_grad=True)
    in_place = make(leaf)
    for _ in range(3):
        gradient = pa.func.grad(lambda p: complex_loss(pa.complex(*p)))(pair)
        pair, state = opt.update(pair, gradient, state)
        ours, own = opt.update(ours, pa.func.grad(complex_loss)(ours), own)
        complex_loss(leaf).backward()
        in_place.step()
        in_place.zero_grad()
    expected = pa.complex(*pair).numpy()
    assert ours.dtype == leaf.dtype == np.dtype(dtype)
    tolerance = 1e-5 if dtype == "complex64" else 1e-13
    np.testing.assert_allclose(ours.numpy(), expected, rtol=tolerance)
    np.testing.assert_allclose(leaf.detach().numpy(), expected, rtol=tolerance)


def test_integers_do_not_move():
    with pytest.raises(TypeError, match="only floating-point parameters can be moved"):
        optim.SGD(lr=0.1).init(pa.asarray([1, 2]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_gradients_are_clipped_by_their_norm(dtype):
    grads = {"a": pa.tensor([3.0, 4.0], dtype=dtype), "b": [pa.tensor(12.0, dtype=dtype), None]}
    clipped, norm = optim.clip_by_norm(grads, 1.0)
    assert norm.item() == 13 and clipped["b"][1] is None and clipped["a"].dtype == dtype
    np.testing.assert_allclose(clipped["a"].numpy(), np.array([3, 4]) / 13, rtol=1e-6)
    same, norm = optim.clip_by_norm(grads, 13.0)
    assert_same_bits(same, grads)
    assert optim.clip_by_norm([], 1.0)[1].item() == 0


def test_derivatives_of_clipping():
    x = pa.asarray([3.0, -4.0])
    for limit in (1.0, 10.0):
        assert pa.testing.gradcheck(lambda x, m=limit: optim.clip_by_norm([x], m)[0], (x,))
        assert pa.testing.gradgradcheck(lambda x, m=limit: optim.clip_by_norm([x], m)[0], (x,))
    zero = pa.zeros(2)
    assert pa.func.jacrev(lambda x: optim.clip_by_norm(x, 1.0)[0])(zero).tolist() == [
        [1, 0],
        [0, 1],
    ]
    assert pa.func.grad(lambda x: optim.clip_by_norm(x, 1.0)[1])(zero).tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match=r"grads\['w'\] is a int64: expected a floating-point"):
        optim.clip_by_norm({"w": pa.arange(3)}, 1.0)
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="max_norm must be a positive number"):
            optim.clip_by_norm([pa.ones(3)], wrong)
