"""pyautograd.nn: layers, losses and initialisers against NumPy."""

import numpy as np
import pytest
import scipy.special

import pyautograd as pa
from pyautograd import nn


def test_a_network_is_what_numpy_computes():
    params = nn.init_mlp(np.random.default_rng(0), [3, 7, 5, 2])
    x = np.random.default_rng(1).normal(size=(4, 6, 3))
    h = x
    for i, layer in enumerate(params):
        h = h @ layer["weight"].numpy() + layer["bias"].numpy()
        h = np.maximum(h, 0.0) if i < 2 else h
    np.testing.assert_allclose(nn.mlp(params, pa.asarray(x)).numpy(), h, rtol=1e-13, atol=1e-15)
    h = np.tanh(x @ params[0]["weight"].numpy() + params[0]["bias"].numpy())
    tanh = nn.mlp([params[0], params[1]], pa.asarray(x), activation=pa.tanh)
    second = h @ params[1]["weight"].numpy() + params[1]["bias"].numpy()
    np.testing.assert_allclose(tanh.numpy(), second, rtol=1e-13, atol=1e-15)


def test_derivatives_of_a_network():
    params = nn.init_mlp(np.random.default_rng(0), [2, 4, 1])
    x, y = pa.asarray([[0.3, -1.0], [2.0, 0.7]]), pa.asarray([[1.0], [-1.0]])
    leaves, structure = pa.tree.flatten(params)

    def loss(*leaves):
        prediction = nn.mlp(pa.tree.unflatten(structure, leaves), x, activation=pa.tanh)
        return nn.mean_squared_error(prediction, y)

    assert pa.testing.gradcheck(loss, tuple(leaves))
    assert pa.testing.gradgradcheck(loss, tuple(leaves))


def test_mean_squared_error():
    a, b = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    assert nn.mean_squared_error(pa.asarray(a), b).item() == ((a - b) ** 2).mean()
    with pytest.raises(ValueError, match=r"prediction has shape \(3, 1\), the target \(3,\)"):
        nn.mean_squared_error(pa.ones((3, 1)), np.ones(3))


@pytest.mark.parametrize(
    "ours, reference",
    [
        (nn.gelu, lambda x: x * scipy.special.ndtr(x)),
        (nn.silu, lambda x: x * scipy.special.expit(x)),
        (nn.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
        (nn.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
        (nn.layer_norm, lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var() + 1e-5)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations(ours, reference, dtype):
    x = np.array([-3.0, -0.5, 0.2, 1.5, 4.0], dtype)
    y = ours(pa.asarray(x))
    assert y.dtype == dtype
    np.testing.assert_allclose(y.numpy(), reference(x), rtol=1e-6 if dtype == np.float32 else 1e-13)
    point = pa.asarray(x.astype(np.float64))
    assert pa.testing.gradcheck(ours, (point,))
    assert pa.testing.gradgradcheck(ours, (point,))


def test_activations_at_their_edges():
    for f, slope in ((nn.elu, 1.0), (nn.leaky_relu, 0.01), (nn.gelu, 0.5), (nn.silu, 0.5)):
        assert pa.func.grad(f)(0.0).item() == slope
        assert np.isfinite(pa.func.grad(pa.func.grad(f))(800.0).item())
    assert nn.layer_norm(np.ones((2, 3)), axis=(0, 1)).tolist() == [[0.0] * 3] * 2
    with pytest.raises(IndexError):
        nn.layer_norm(np.ones(3), axis=1)


def test_dropout_in_a_captured_training_step():
    x = pa.asarray(np.random.default_rng(0).normal(size=(20, 3)))
    start = nn.init_mlp(np.random.default_rng(1), [3, 8, 1])

    def step(params, rng):
        def loss(params):
            hidden = nn.dropout(pa.tanh(nn.linear(params[0], x)), 0.5, rng)
            return pa.mean((nn.linear(params[1], hidden)[:, 0] - x[:, 0]) ** 2)

        slopes = pa.func.grad(loss)(params)
        return pa.tree.map(lambda p, g: p - 0.1 * g, params, slopes)

    rngs = [pa.random.default_rng(2), pa.random.default_rng(2)]
    call = pa.captured(lambda params: step(params, rngs[0]))
    captured = plain = start
    for _ in range(5):
        captured, plain = call(captured), step(plain, rngs[1])
        for p, q in zip(pa.tree.leaves(captured), pa.tree.leaves(plain), strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-13, atol=1e-15)
    with pytest.raises(RuntimeError, match=r"\[nn.dropout\] each run of a captured call"):
        pa.captured(lambda params: step(params, np.random.default_rng(0)))(start)


def test_dropout():
    x = pa.asarray(np.arange(1.0, 2001.0))
    for rng in (pa.random.default_rng(0), np.random.default_rng(0)):
        y = nn.dropout(x, 0.25, rng).numpy()
        dropped = y == 0
        assert abs(dropped.mean() - 0.25) < 0.05
        np.testing.assert_allclose(y[~dropped], x.numpy()[~dropped] / 0.75)
    rows = pa.func.vmap(lambda x: nn.dropout(x, 0.5, pa.random), randomness="different")
    mapped = rows(pa.ones((2, 50)))
    assert mapped[0].tolist() != mapped[1].tolist()
    assert nn.dropout(x, 0.0, pa.random).tolist() == x.tolist()
    with pytest.raises(ValueError, match=r"\[nn.dropout\] rate must be in \[0, 1\), got 1"):
        nn.dropout(x, 1.0, pa.random)
    for make in (lambda: nn.dropout(x, 0.5, 0), lambda: nn.init_mlp(0, [2, 1])):
        with pytest.raises(TypeError, match="rng must be a generator such as .* got 0"):
            make()


def test_cross_entropy():
    rng = np.random.default_rng(0)
    logits, classes = 3 * rng.standard_normal((2, 5, 4)), rng.integers(0, 4, (2, 5))
    logarithms = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -np.take_along_axis(logarithms, classes[..., None], -1).mean()
    assert nn.cross_entropy(pa.asarray(logits), classes).item() == pytest.approx(expected)
    weights = rng.dirichlet(np.ones(4), (2, 5))
    soft = nn.cross_entropy(pa.asarray(logits), weights).item()
    assert soft == pytest.approx(-(weights * logarithms).sum(-1).mean())
    assert nn.cross_entropy(pa.asarray([1e4, -1e4, 0.0]), 0).item() == 0.0
    x = pa.asarray(logits)
    assert pa.testing.gradcheck(lambda x: nn.cross_entropy(x, classes), (x,))
    assert pa.testing.gradgradcheck(nn.cross_entropy, (x, pa.asarray(weights)))
    samples = pa.func.vmap(pa.func.grad(nn.cross_entropy))(x[0], classes[0])
    whole = 5 * pa.func.grad(nn.cross_entropy)(x[0], classes[0])
    np.testing.assert_allclose(samples.numpy(), whole.numpy(), rtol=1e-12, atol=1e-15)


def test_losses_of_lists():
    assert nn.cross_entropy([[2, 0]], [0]).item() == pytest.approx(np.log1p(np.exp(-2)))
    assert nn.binary_cross_entropy([2, 0], [0.25, 1.0]).item() == pytest.approx(
        (np.log1p(np.exp(2)) - 0.5 + np.log(2)) / 2
    )
    assert nn.mean_squared_error([1, 3], [0.5, 3]).item() == 0.125


def test_cross_entropy_of_what_is_impossible():
    logits = np.array([[1.0, -np.inf, 2.0], [0.0, 0.5, -np.inf]])
    target = np.array([[0.3, 0.0, 0.7], [1.0, 0.0, 0.0]])
    kept = [np.array([1.0, 2.0]), np.array([0.0, 0.5])]
    parts = [np.array([0.3, 0.7]), np.array([1.0, 0.0])]
    x, y = pa.asarray(logits), pa.asarray(target)
    expected = np.mean([nn.cross_entropy(k, p).item() for k, p in zip(kept, parts, strict=True)])
    assert nn.cross_entropy(x, y).item() == pytest.approx(expected, rel=1e-15, abs=0)
    by_logits, by_target = pa.func.grad(nn.cross_entropy, argnums=(0, 1))(x, y)
    gradient = (np.exp(pa.log_softmax(x).numpy()) - target) / 2
    np.testing.assert_allclose(by_logits.numpy(), gradient, rtol=0, atol=1e-16)
    assert by_target[0, 1].item() == by_target[1, 2].item() == 0.0
    assert by_target[1, 1].item() == pytest.approx(-pa.log_softmax(x)[1, 1].item() / 2)
    f = lambda x: nn.cross_entropy(x, y)  # noqa: E731
    row = pa.hessian(lambda x: nn.cross_entropy(x, parts[0]), pa.asarray(kept[0])).numpy() / 2
    for curvature in (pa.hessian(f, x), pa.func.jacrev(pa.func.jacfwd(f))(x)):
        found = curvature.numpy()
        np.testing.assert_allclose(found[0, ::2, 0, ::2], row, rtol=1e-14)
        assert np.all(np.isfinite(found)) and not found[0, 1].any()
    mapped = pa.func.vmap(pa.func.grad(nn.cross_entropy))(x, y)
    np.testing.assert_allclose(mapped.numpy(), 2 * gradient, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(pa.captured(f)(x), f(x))
    assert nn.cross_entropy(x, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]).item() == np.inf


def test_binary_cross_entropy_of_what_is_sure():
    logits = pa.asarray([np.inf, -np.inf, np.inf, -np.inf, -np.inf, 1.0])
    target = pa.asarray([1.0, 0.0, 0.0, 1.0, 0.5, 0.5])
    one = pa.func.vmap(nn.binary_cross_entropy)
    last = np.log1p(np.exp(1.0)) - 0.5
    np.testing.assert_allclose(one(logits, target), [0, 0, np.inf, np.inf, np.inf, last], 1e-15)
    slope = 1 / (1 + np.exp(-1.0)) - 0.5
    assert nn.binary_cross_entropy(logits[[0, 1, 5]], target[[0, 1, 5]]).item() == last / 3
    found = pa.func.grad(nn.binary_cross_entropy)(logits[[0, 1, 5]], target[[0, 1, 5]])
    np.testing.assert_allclose(found, [0, 0, slope / 3], 1e-15)


def test_wrong_targets_of_cross_entropy():
    logits = pa.zeros((3, 2))
    for classes in ([0, 1, 2], [0, -1, 0]):
        with pytest.raises(ValueError, match="outside the classes 0 to 1"):
            nn.cross_entropy(logits, classes)
    for target in ([0, 1], [0.0, 1.0, 0.0], [[0, 1]] * 3):
        with pytest.raises(ValueError, match=r"logits of shape \(3, 2\) need a target of shape"):
            nn.cross_entropy(logits, target)
    with pytest.raises(TypeError, match="dtype bool: expected integers or floats"):
        nn.cross_entropy(logits, [True, False, True])
    with pytest.raises(ValueError, match=r"the logits have shape \(3, 2\), the target \(2,\)"):
        nn.binary_cross_entropy(logits, [0, 1])


def test_binary_cross_entropy():
    rng = np.random.default_rng(0)
    logits, target = 3 * rng.standard_normal(6), rng.uniform(size=6)
    p = 1 / (1 + np.exp(-logits))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    x, t = pa.asarray(logits), pa.asarray(target)
    assert nn.binary_cross_entropy(x, t).item() == pytest.approx(expected)
    assert nn.binary_cross_entropy(pa.asarray([1e4, -1e4]), [True, False]).item() == 0.0
    assert nn.binary_cross_entropy(pa.asarray([1e4], dtype="float32"), [0]).dtype == np.float32
    assert pa.testing.gradcheck(nn.binary_cross_entropy, (x, t))
    assert pa.testing.gradgradcheck(nn.binary_cross_entropy, (x, t))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "initializer, std, limit",
    [
        (nn.he_normal, np.sqrt(2 / 300), np.inf),
        (nn.glorot_uniform, np.sqrt(2 / 500), np.sqrt(6 / 500)),
        (nn.uniform, 1 / np.sqrt(3), 1.0),
    ],
)
def test_initializers(initializer, std, limit, dtype):
    w = initializer(np.random.default_rng(0), (300, 200), dtype)
    values = w.numpy()
    assert w.shape == (300, 200) and w.dtype == dtype and not w.requires_grad
    assert abs(values.mean()) < 4 * std / np.sqrt(values.size)
    np.testing.assert_allclose(values.std(), std, rtol=0.02)
    assert np.abs(values).max() <= limit * (1 + 1e-6)
    again = initializer(np.random.default_rng(0), (300, 200), dtype)
    assert again.numpy().tobytes() == values.tobytes()
    exact = initializer(np.random.default_rng(0), (300, 200))
    np.testing.assert_allclose(values, exact.numpy(), rtol=1e-6)


def test_parameters():
    params = nn.init_mlp(np.random.default_rng(0), [3, 4, 2], dtype=np.float32)
    assert [p["weight"].shape for p in params] == [(3, 4), (4, 2)]
    assert [p["bias"].shape for p in params] == [(4,), (2,)]
    for inputs, layer in zip((3, 4), params, strict=True):
        for leaf in layer.values():
            assert 0.0 < np.abs(leaf.numpy()).max() <= 1 / np.sqrt(inputs)
    assert all(leaf.dtype == pa.float32 for leaf in pa.tree.flatten(params)[0])
    chosen = nn.init_mlp(np.random.default_rng(0), [3, 4], weight=nn.glorot_uniform, bias=nn.zeros)[
        0
    ]
    expected = nn.glorot_uniform(np.random.default_rng(0), (3, 4))
    assert chosen["weight"].tolist() == expected.tolist()
    assert chosen["bias"].tolist() == [0.0] * 4


def test_wrong_use():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"\[nn.init_mlp\] sizes=\[3\]"):
        nn.init_mlp(rng, [3])
    with pytest.raises(ValueError, match=r"\[nn.mlp\] params is empty"):
        nn.mlp([], pa.ones(3))
    with pytest.raises(ValueError, match=r"\[nn.he_normal\] shape \(3,\): expected"):
        nn.he_normal(rng, (3,))
    with pytest.raises(ValueError, match="do not match"):
        nn.linear(nn.init_linear(rng, 3, 2), pa.ones((5, 4)))


@pytest.mark.parametrize("dtype", ["float16", pa.bfloat16], ids=["float16", "bfloat16"])
def test_layers_and_losses_of_two_byte_numbers_are_rounded_once(dtype):
    x = pa.tensor([60000.0, -60000.0, 999.0, -3.0, 0.25], dtype=dtype)
    y = pa.tensor([59000.0, -60000.0, 998.0, -2.5, 1.0], dtype=dtype)
    small = pa.tensor([0.3, -1.25, 2.0, -3.0, 0.25], dtype=dtype)
    calls = {
        "layer_norm": lambda f: nn.layer_norm(f(x)),
        "mean_squared_error": lambda f: nn.mean_squared_error(f(y / 1000), f(x / 1000)),
        "gelu": lambda f: nn.gelu(f(small)),
        "silu": lambda f: nn.silu(f(small)),
        "elu": lambda f: nn.elu(f(small)),
        "cross_entropy": lambda f: nn.cross_entropy(f(small), 3),
        "binary_cross_entropy": lambda f: nn.binary_cross_entropy(f(small), f(small) > 0),
    }
    for name, call in calls.items():
        want = call(lambda x: x.astype("float32"))
        got = call(lambda x: x)
        assert got.dtype == x.dtype, name
        assert got.tolist() == want.astype(dtype).tolist(), name
        assert np.isfinite(want.numpy()).all(), name


def test_arrays_of_two_byte_numbers_are_rounded_once():
    x = np.array([60000.0, -60000.0, 999.0], np.float16)
    assert nn.layer_norm(x).tolist() == nn.layer_norm(pa.tensor(x)).tolist()
    assert abs(nn.layer_norm(x)[0].item() - 1.22) < 0.01
    assert pa.average(x).tolist() == pa.average(pa.tensor(x)).tolist() == 333.0
