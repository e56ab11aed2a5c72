"""Convolutions and pooling against SciPy, NumPy and, where it is installed, PyTorch."""

import itertools

import numpy as np
import pytest
import scipy.signal

import pyautograd as pa
from pyautograd import nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 9, 8, 4))


def correlated(x, weight):
    """With SciPy, channel by channel, where windows lie inside of x."""
    out = [
        sum(
            scipy.signal.correlate(x[b, ..., i], weight[..., i, o], mode="valid")
            for i in range(x.shape[-1])
        )
        for b, o in itertools.product(range(len(x)), range(weight.shape[-1]))
    ]
    shape = (len(x), weight.shape[-1], *out[0].shape)
    return np.moveaxis(np.reshape(out, shape), 1, -1)


@pytest.mark.parametrize("spatial, size", [((9,), (4,)), ((6, 5), (3, 2)), ((4, 5, 3), (2, 2, 3))])
def test_any_number_of_axes(spatial, size):
    x, weight = RNG.normal(size=(2, *spatial, 3)), RNG.normal(size=(*size, 3, 5))
    got = nn.conv({"weight": pa.asarray(weight)}, x)
    np.testing.assert_allclose(got.numpy(), correlated(x, weight), rtol=1e-12, atol=1e-13)
    alone = nn.conv({"weight": pa.asarray(weight), "bias": pa.ones(5)}, x[0])
    np.testing.assert_allclose(alone.numpy(), got.numpy()[0] + 1, rtol=1e-12)


def spread(weight, dilation):
    """With zeros between its elements."""
    size = [d * (k - 1) + 1 for k, d in zip(weight.shape[:2], dilation, strict=True)]
    wide = np.zeros((*size, *weight.shape[2:]))
    wide[:: dilation[0], :: dilation[1]] = weight
    return wide


@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("padding", [0, 2, (0, 1), ((1, 0), (2, 3)), "same"])
@pytest.mark.parametrize("dilation", [1, (2, 1)])
def test_strides_padding_and_dilation(stride, padding, dilation):
    weight = RNG.normal(size=(3, 2, 4, 3))
    got = nn.conv(
        {"weight": pa.asarray(weight)}, X, stride=stride, padding=padding, dilation=dilation
    ).numpy()
    steps = (stride, stride) if isinstance(stride, int) else stride
    apart = (dilation, dilation) if isinstance(dilation, int) else dilation
    wide = spread(weight, apart)
    if padding == "same":
        pads = []
        for n, step, span in zip(X.shape[1:3], steps, wide.shape[:2], strict=True):
            missing = max((int(np.ceil(n / step)) - 1) * step + span - n, 0)
            pads.append((missing // 2, missing - missing // 2))
        assert got.shape[1:3] == tuple(
            int(np.ceil(n / s)) for n, s in zip(X.shape[1:3], steps, strict=True)
        )
    else:
        pads = np.broadcast_to(
            np.reshape(padding, (-1, 1)) if np.ndim(padding) == 1 else padding, (2, 2)
        )
    padded = np.pad(X, [(0, 0), *map(tuple, pads), (0, 0)])
    want = correlated(padded, wide)[:, :: steps[0], :: steps[1]]
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def test_groups_do_not_see_each_other():
    weight = RNG.normal(size=(3, 3, 2, 6))
    got = nn.conv({"weight": pa.asarray(weight)}, X, groups=2).numpy()
    for g in range(2):
        part = correlated(X[..., 2 * g : 2 * g + 2], weight[..., 3 * g : 3 * g + 3])
        np.testing.assert_allclose(got[..., 3 * g : 3 * g + 3], part, rtol=1e-12, atol=1e-13)
    params = nn.init_conv(np.random.default_rng(0), (3, 3), 4, 6, groups=2)
    assert params["weight"].shape == (3, 3, 2, 6) and params["bias"].shape == (6,)
    assert nn.conv(params, X, groups=2).shape == (2, 7, 6, 6)


def windows(x, size, stride):
    views = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))
    return views[:, :: stride[0], :: stride[1]]


@pytest.mark.parametrize("size, stride", [((2, 2), None), ((3, 2), (2, 1)), ((2, 3), 2)])
def test_pooling(size, stride):
    steps = size if stride is None else (stride, stride) if isinstance(stride, int) else stride
    views = windows(X, size, steps)
    got = nn.max_pool(X, size, stride=stride).numpy()
    np.testing.assert_array_equal(got, views.max(axis=(-2, -1)))
    got = nn.avg_pool(X, size, stride=stride).numpy()
    np.testing.assert_allclose(got, views.mean(axis=(-2, -1)), rtol=1e-13, atol=1e-15)
    below = nn.max_pool(-abs(X) - 1, size, padding=1)
    assert below.numpy().max() < -1
    zeros = np.pad(X, [(0, 0), (1, 1), (1, 1), (0, 0)])
    got = nn.avg_pool(X, size, padding=1, stride=stride).numpy()
    np.testing.assert_allclose(got, windows(zeros, size, steps).mean(axis=(-2, -1)), atol=1e-14)


def test_derivatives():
    weight, x = pa.asarray(RNG.normal(size=(2, 2, 2, 3))), pa.asarray(RNG.normal(size=(2, 4, 3, 2)))

    def f(weight, x):
        y = nn.conv({"weight": weight, "bias": pa.ones(3)}, x, padding=1, stride=(1, 2))
        return pa.sum(
            pa.tanh(nn.max_pool(y, (2, 2), stride=1)) + nn.avg_pool(y, (2, 1), stride=1)[:, :, 1:]
        )

    assert pa.testing.gradcheck(f, (weight, x))
    assert pa.testing.gradgradcheck(f, (weight, x))
    groups = lambda w: pa.sum(nn.conv({"weight": w}, x, groups=2) ** 2)  # noqa: E731
    assert pa.testing.gradgradcheck(groups, (pa.asarray(RNG.normal(size=(2, 2, 1, 4))),))
    each = pa.func.vmap(pa.func.grad(f), in_axes=(None, 0))(weight, x[:, None])
    for i in range(2):
        alone = pa.func.grad(f)(weight, x[i : i + 1])
        np.testing.assert_allclose(each[i].numpy(), alone.numpy(), rtol=1e-12, atol=1e-14)
    call = pa.captured(pa.func.hessian(f))
    np.testing.assert_array_equal(call(weight, x).numpy(), pa.func.hessian(f)(weight, x).numpy())


# More windows than are copied at a time, of one image or of several, with many neighbours or few.
@pytest.mark.parametrize("shape", [(2, 60, 52, 6), (9, 30, 20, 6), (3, 130, 90, 1)])
@pytest.mark.parametrize("padding, stride", [(0, 1), (2, 1), (1, 2)])
def test_more_windows_than_fit(shape, padding, stride):
    n, rows, columns, channels = shape
    x = pa.asarray(RNG.normal(size=(n, rows * stride, columns * stride, channels)))
    weight = pa.asarray(RNG.normal(size=(3, 3, channels, 4)))
    y, pull = pa.func.vjp(
        lambda x, w: nn.conv({"weight": w}, x, padding=padding, stride=stride), x, weight
    )
    zeros = np.pad(x.numpy(), [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    want = correlated(zeros, weight.numpy())
    places = (slice(None), slice(None, None, stride), slice(None, None, stride))
    np.testing.assert_allclose(y.numpy(), want[places], rtol=1e-11, atol=1e-12)
    g = np.zeros(want.shape)
    g[places] = RNG.normal(size=y.shape)
    for_x, for_weight = pull(pa.asarray(g[places]))
    views = windows(zeros, (3, 3), (1, 1))
    np.testing.assert_allclose(
        for_weight.numpy(), np.einsum("npqihw,npqo->hwio", views, g), rtol=1e-9, atol=1e-9
    )
    around = np.pad(g, [(0, 0), (2, 2), (2, 2), (0, 0)])
    want = correlated(around, weight.numpy()[::-1, ::-1].swapaxes(-1, -2))
    inside = slice(padding, -padding or None)
    np.testing.assert_allclose(for_x.numpy(), want[:, inside, inside], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("padding, extra", [(0, 0), (((1, 0), (0, 2)), (1, 0)), ("same", 0)])
@pytest.mark.parametrize("stride, dilation", [(1, 1), ((2, 3), 1), (2, (1, 2))])
def test_the_transpose(padding, extra, stride, dilation):
    steps = np.broadcast_to(stride, 2)
    extra = tuple(np.minimum(extra, steps - 1).tolist())
    how = {"padding": padding, "stride": stride, "dilation": dilation, "groups": 2}
    params = {"weight": pa.asarray(RNG.normal(size=(3, 2, 2, 6)))}
    y = pa.asarray(RNG.normal(size=(2, 5, 4, 6)))
    x = nn.conv_transpose(params, y, **how, extra=extra)
    assert x.shape == (2, *x.shape[1:3], 4)
    if padding == "same":
        assert x.shape[1:3] == tuple(steps * (5, 4))
    _, pull = pa.func.vjp(lambda x: nn.conv(params, x, **how), pa.zeros(x.shape))
    np.testing.assert_allclose(x.numpy(), pull(y)[0].numpy(), rtol=1e-13, atol=1e-14)
    f = lambda w, y: pa.sum(nn.conv_transpose({"weight": w}, y, **how, extra=extra) ** 3)  # noqa: E731
    small = pa.asarray(RNG.normal(size=(2, 2, 1, 2))), pa.asarray(RNG.normal(size=(1, 2, 2, 2)))
    assert pa.testing.gradgradcheck(f, small)
    each = nn.conv_transpose(params | {"bias": pa.asarray([0.0, 1.0, 2.0, 3.0])}, y[0], **how)
    alone = nn.conv_transpose(params, y, **how)
    np.testing.assert_allclose((each - alone[0]).numpy()[0, 0], [0, 1, 2, 3], atol=1e-13)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("axes", [(0, None), (None, 2), (3, 1)])
def test_every_kind_of_batch(groups, axes):
    def f(x, weight):
        y = nn.conv({"weight": weight}, x, stride=(2, 1), padding=(1, 0), groups=groups)
        return pa.sum(pa.sin(y))

    shapes = [(3, 5, 4, 4), (2, 3, 4 // groups, 6)]
    x, weight = (
        pa.asarray(RNG.normal(size=shape if a is None else (*shape[:a], 3, *shape[a:])))
        for shape, a in zip(shapes, axes, strict=True)
    )

    def at(i):
        return [
            t if a is None else pa.take(t, i, axis=a)
            for t, a in zip((x, weight), axes, strict=True)
        ]

    def along(t):
        return lambda x, w: pa.func.jvp(pa.func.grad(f, argnums=(0, 1)), (x, w), (x * t, w + t))[1]

    for g in (f, pa.func.grad(f), pa.func.grad(f, argnums=1), along(0.5)):
        got = pa.func.vmap(g, in_axes=axes)(x, weight)
        for i in range(3):
            one = g(*at(i))
            for a, b in zip(pa.tree.leaves(got), pa.tree.leaves(one), strict=True):
                np.testing.assert_allclose(a[i].numpy(), b.numpy(), rtol=1e-11, atol=1e-12)
    none = pa.func.vmap(f, in_axes=axes)(*at(pa.zeros(0, dtype=int)))
    assert none.shape == (0,)


def test_patterns_are_those_of_the_windows():
    weight = RNG.normal(size=(3, 2, 2, 2))
    weight[1, 0] = 0
    x = pa.asarray(RNG.normal(size=80))

    def f(x):
        params = {"weight": pa.asarray(weight)}
        y = nn.conv(params, x.reshape(5, 4, 4), stride=(1, 2), padding=1, groups=2)
        return y.reshape(-1)

    dense, found = pa.func.jacfwd(f)(x).numpy(), pa.sparse.jacobian(f, x)
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12, atol=1e-14)
    assert found.nnz == np.count_nonzero(dense)
    energy = lambda x: pa.sum(f(x) ** 4)  # noqa: E731
    dense, found = pa.func.hessian(energy)(x).numpy(), pa.sparse.hessian(energy, x)
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-11, atol=1e-11)
    assert found.nnz == np.count_nonzero(dense) < dense.size / 4


def test_memory_is_that_of_arguments_and_results():
    x, weight = (
        pa.asarray(RNG.normal(size=(8, 64, 64, 8))),
        pa.asarray(RNG.normal(size=(5, 5, 8, 8))),
    )
    pa.memory.reset_peak()
    before = pa.memory.peak()
    grad = pa.func.grad(lambda w: pa.sum(nn.conv({"weight": w}, x, padding="same")))(weight)
    assert grad.shape == weight.shape
    assert pa.memory.peak() - before < 4 * x.nbytes  # all windows side by side are 25 times as many


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes(dtype):
    params = nn.init_conv(np.random.default_rng(0), (3,), 2, 4, dtype=dtype)
    x = RNG.normal(size=(6, 2)).astype(dtype)
    assert nn.conv(params, x).dtype == dtype
    assert nn.max_pool(x, (2,), padding=1).dtype == dtype == nn.avg_pool(x, (2,)).dtype


def test_numpys_integers():
    one, two = np.int64(1), np.int64(2)
    params = nn.init_conv(np.random.default_rng(0), (3, 3), 4, 6)
    found = nn.conv(params, X, stride=two, padding=one, dilation=np.array([1, 2]))
    wanted = nn.conv(params, X, stride=2, padding=1, dilation=(1, 2))
    np.testing.assert_array_equal(found, wanted)
    pads = np.array([[1, 0], [0, 1]])
    found = nn.avg_pool(X, np.array([2, 2]), padding=pads, stride=one)
    np.testing.assert_array_equal(found, nn.avg_pool(X, (2, 2), padding=[(1, 0), (0, 1)], stride=1))
    np.testing.assert_array_equal(nn.layer_norm(X, axis=one), nn.layer_norm(X, axis=1))


def test_errors():
    params = nn.init_conv(np.random.default_rng(0), (3, 3), 4, 6)
    with pytest.raises(ValueError, match=r"\[nn.conv\] .* has 3 channels, and the weight is for 4"):
        nn.conv(params, X[..., :3])
    with pytest.raises(ValueError, match="a window of 13 elements does not fit into an axis of 9"):
        nn.conv(params, X, dilation=6)
    with pytest.raises(ValueError, match="6 channels do not make groups=4"):
        nn.conv(params, X, groups=4)
    with pytest.raises(ValueError, match="stride=0: expected one positive number, or 2"):
        nn.conv(params, X, stride=0)
    with pytest.raises(ValueError, match="padding='valid': expected 'same', a number"):
        nn.conv(params, X, padding="valid")
    for padding in (-1, 1.5, [(1.5, 2), 0], [(1, 2, 3), 0], None):
        with pytest.raises(ValueError, match=r"padding=.*: expected 'same', a number, or one or"):
            nn.conv(params, X, padding=padding)
    for stride in (1.5, (1.5, 1)):
        with pytest.raises(ValueError, match=r"stride=.*: expected one positive number, or 2"):
            nn.conv(params, X, stride=stride)
    back = {"weight": pa.ones((3, 3, 6, 4))}
    with pytest.raises(ValueError, match=r"\[nn.conv_transpose\] .* has 3 channels, .* for 4"):
        nn.conv_transpose(back, X[..., :3])
    with pytest.raises(ValueError, match="extra < stride, and something to remain"):
        nn.conv_transpose(back, X, extra=1)
    with pytest.raises(ValueError, match="extra=1 has no place where padding='same'"):
        nn.conv_transpose(back, X, padding="same", stride=2, extra=1)
    with pytest.raises(ValueError, match=r"leave axes of \[-1, -2\]"):
        nn.conv_transpose(back, X, padding=6)
    with pytest.raises(ValueError, match="extra=-1: expected one number, not negative, or 2"):
        nn.conv_transpose(back, X, extra=-1)
    with pytest.raises(ValueError, match="has no 2 spatial axes in front of its channels"):
        nn.conv(params, X[0, 0])
    with pytest.raises(ValueError, match=r"weight of shape \(4, 6\): expected"):
        nn.conv({"weight": pa.ones((4, 6))}, X)
    with pytest.raises(ValueError, match=r"size=2: give one number for each spatial axis, \(2,\)"):
        nn.max_pool(X, 2)
    with pytest.raises(ValueError, match="4 inputs and 6 outputs do not make groups=3"):
        nn.init_conv(np.random.default_rng(0), (3,), 4, 6, groups=3)


def test_against_torch():
    torch = pytest.importorskip("torch")
    weight, bias = RNG.normal(size=(3, 3, 2, 6)), RNG.normal(size=6)
    got = nn.conv(
        {"weight": pa.asarray(weight), "bias": pa.asarray(bias)},
        X,
        stride=(2, 1),
        padding=(1, 2),
        dilation=(1, 2),
        groups=2,
    )
    want = torch.nn.functional.conv2d(
        torch.tensor(np.moveaxis(X, -1, 1)),
        torch.tensor(weight.transpose(3, 2, 0, 1)),
        torch.tensor(bias),
        stride=(2, 1),
        padding=(1, 2),
        dilation=(1, 2),
        groups=2,
    )
    np.testing.assert_allclose(
        np.moveaxis(got.numpy(), -1, 1), want.numpy(), rtol=1e-12, atol=1e-13
    )
    got = nn.conv_transpose(
        {"weight": pa.asarray(weight[..., :4])}, X, stride=2, padding=1, extra=(1, 0), groups=2
    )
    want = torch.nn.functional.conv_transpose2d(
        torch.tensor(np.moveaxis(X, -1, 1)),
        torch.tensor(weight[..., :4].transpose(3, 2, 0, 1)),
        stride=2,
        padding=1,
        output_padding=(1, 0),
        groups=2,
    )
    np.testing.assert_allclose(
        np.moveaxis(got.numpy(), -1, 1), want.numpy(), rtol=1e-12, atol=1e-13
    )
