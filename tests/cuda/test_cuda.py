"""Tensors on CUDA devices: errors where there is none, parity with the host where there is one."""

import re
from functools import partial

import numpy as np
import pytest
from records import CASES, DIFFERENTIABLE
from support.processes import run_code
from support.properties import assert_close, options_on, tensors

import pyautograd as pa


def run(code):
    """What a fresh process prints, in which no device has been asked for."""
    done = run_code(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# Without a device.


def test_unknown_devices():
    for name in ("gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CUDA", ""):
        with pytest.raises(ValueError, match=r"unknown device '.*': use 'cpu', 'cuda' or 'cuda:0'"):
            pa.device(name)
    with pytest.raises(RuntimeError, match="is not available|does not exist"):
        pa.device("cuda:99")
    assert pa.device("cpu") == pa.ones(1).device == "cpu"


def test_what_is_missing_is_named():
    found = run("""
        import pyautograd as pa
        pa._core.set_backend_library("/nowhere/libpyautograd_cuda.so")
        print(pa.cuda.is_available())
        for call in "pa.device('cuda')", "pa.ones(1).to('cuda')", "pa.zeros(1, device='cuda:0')":
            try:
                eval(call)
            except RuntimeError as error:
                print(error)
    """)
    assert found[0] == "False"
    assert len(found) == 4
    for line in found[1:]:
        assert "device 'cuda' is not available: this build has no cuda library" in line


def test_a_library_that_is_none():
    found = run("""
        import pyautograd as pa
        pa._core.set_backend_library(pa._core.__file__)
        try:
            pa.device("cuda")
        except RuntimeError as error:
            print(error)
    """)
    assert "belongs to another version of pyautograd" in found[0]


def test_on_the_host_nothing_moves():
    x = pa.ones(3)
    assert x.to("cpu") is x
    assert x.to_device("cpu") is x
    assert pa.asarray(x, device="cpu") is x


# With one.


def test_round_trip_of_every_dtype_and_layout(device):
    for name in (*pa.__array_namespace_info__().dtypes(),):
        values = np.arange(24).reshape(2, 3, 4).astype(name)
        x = pa.tensor(values).to(device)
        assert (x.device, x.shape, x.dtype) == (device, (2, 3, 4), values.dtype)
        for there, here in ((x, values), (x.T, values.T), (x[::-1, 1:], values[::-1, 1:])):
            np.testing.assert_array_equal(there.to("cpu").numpy(), here)
    assert pa.zeros((0, 3), device=device).to("cpu").shape == (0, 3)


def test_made_there(device):
    assert pa.zeros(3, device=device).tolist() == [0, 0, 0]
    assert pa.ones((2, 1), pa.int8, device=device).tolist() == [[1], [1]]
    assert pa.full(2, 7.5, device=device).tolist() == [7.5, 7.5]
    assert pa.arange(1, 7, 2, device=device).tolist() == [1, 3, 5]
    assert pa.linspace(0, 1, 3, device=device).tolist() == [0, 0.5, 1]
    assert pa.eye(2, device=device).tolist() == [[1, 0], [0, 1]]
    assert pa.tensor([1.0, 2.0], device=device).tolist() == [1, 2]
    assert pa.asarray(pa.ones(2), device=device).device == device
    x = pa.ones(2, device=device)
    for like in (pa.zeros_like(x), pa.ones_like(x), pa.full_like(x, 2), pa.empty_like(x)):
        assert like.device == device
    for other in (np.zeros_like(x, shape=3), np.full_like(x, 2, shape=3)):
        assert other.device == device and other.shape == (3,)
    assert pa.ones_like(x, device="cpu").device == "cpu"


def test_reading_one_number_copies_it(device):
    x = pa.tensor([[2.5]], device=device)
    assert (x.item(), float(x), int(x), bool(x), x.tolist()) == (2.5, 2.5, 2, True, [[2.5]])
    assert 2.5 in x
    assert repr(x) == f"tensor([[2.5]], device='{device}')"


def test_the_host_reads_no_memory_of_a_device(device):
    x = pa.ones(3, device=device)
    for call in (x.numpy, lambda: np.asarray(x)):
        with pytest.raises(TypeError, match=rf"on {device}: move them with .to\('cpu'\) first"):
            call()
    assert x.__dlpack_device__() == (2, 0)


def test_mixed_devices(device):
    x, y = pa.ones(3, device=device), pa.ones(3)
    for call in (
        lambda: x + y,
        lambda: y * x,
        lambda: pa.where(x > 0, x, y),
        lambda: pa.concat([x, y]),
        lambda: pa.matmul(x, y),
    ):
        with pytest.raises(ValueError, match=r"\[\w+\] inputs lie on \S+ and \S+: move one"):
            call()
    with pytest.raises(ValueError, match=rf"\[add\] inputs lie on {device} and cpu"):
        x += y
    # Numbers, and 0-d tensors of the host, go along.
    assert (2 * x + pa.tensor(1.0)).tolist() == [3, 3, 3]
    assert pa.where(x > 0, x, 5.0).device == device


def test_arrays_without_elements_go_along_and_are_not_looked_at(device):
    x, here = pa.ones(0, device=device), pa.zeros(0)
    for y in (x + here, here * x, pa.where(x > 0, x, here), pa.special.beta(x, here)):
        assert (y.shape, y.device) == ((0,), device)
    assert pa.matmul(pa.ones((3, 0), device=device), here).tolist() == [0, 0, 0]


def test_an_op_without_a_kernel(device):
    x = pa.ones((2,) * 14, device=device)
    y = pa.permute_dims(x, (*range(0, 14, 2), *range(1, 14, 2)))
    with pytest.raises(NotImplementedError, match=r"\[add\] has no cuda kernel in this build"):
        x + y  # more axes apart than kernels have loops
    assert pa.sin(y[..., ::-1]).shape == y.shape


def test_writing_in_place(device):
    x = pa.zeros((2, 3), device=device)
    x[0] = 1
    x[:, 1] += pa.ones(2, device=device)
    x *= 2
    assert x.tolist() == [[2, 4, 2], [0, 2, 0]]
    x[1, 2] = pa.tensor(7.0)
    assert x[1].tolist() == [0, 2, 7]


def test_gradients_live_where_their_tensors_do(device):
    x = pa.tensor([1.0, 2.0, 3.0], device=device, requires_grad=True)
    scale = pa.tensor(2.0, requires_grad=True)
    pa.sum(pa.exp(x) * scale).backward()
    assert x.grad.device == device
    assert scale.grad.device == "cpu"
    np.testing.assert_allclose(x.grad.to("cpu").numpy(), 2 * np.exp([1, 2, 3]))
    np.testing.assert_allclose(scale.grad.numpy(), np.exp([1, 2, 3]).sum())


def test_moving_is_differentiable(device):
    def f(x):
        return pa.sum(pa.sin(x.to(device)).to("cpu") ** 2)

    x = pa.tensor([0.5, 1.0])
    np.testing.assert_allclose(pa.func.grad(f)(x).numpy(), np.sin([1.0, 2.0]), rtol=1e-14)
    np.testing.assert_allclose(
        pa.func.hessian(f)(x).numpy(), np.diag(2 * np.cos([1.0, 2.0])), atol=1e-14
    )
    np.testing.assert_allclose(
        pa.func.vmap(lambda row: row.to(device) * 2)(pa.ones((2, 3))).to("cpu").numpy(), 2.0
    )


def both_devices(call, device):
    """What a call makes of the same tensor here and there."""
    values = np.random.default_rng(0).random(4) + 0.5
    return call(pa.tensor(values)), call(pa.tensor(values, device=device))


def product_of_neighbours(x):
    return pa.sum(pa.sin(x) * x[[1, 2, 3, 0]] ** 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: pa.func.hessian(product_of_neighbours)(x),
        lambda x: pa.hessian(product_of_neighbours, x),
        lambda x: pa.func.jacfwd(lambda y: y * pa.cumprod(y, 0))(x),
        lambda x: pa.jacobian(lambda y: pa.sort(y) * y, x),
        lambda x: pa.func.jvp(product_of_neighbours, (x,), (x,))[1],
        lambda x: pa.func.vmap(pa.func.grad(product_of_neighbours))(pa.stack([x, 2 * x])),
        lambda x: pa.func.taylor(product_of_neighbours, x, x, 3)[-1],
        lambda x: pa.func.grad(lambda y: pa.checkpoint(product_of_neighbours, y))(x),
        lambda x: pa.laplacian(product_of_neighbours)(x),
    ],
    ids="hessian plan jacfwd jacobian jvp vmap taylor checkpoint laplacian".split(),
)
def test_transforms_run_there(call, device):
    want, got = both_devices(call, device)
    assert got.device == device
    np.testing.assert_allclose(got.to("cpu").numpy(), want.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: pa.sparse.hessian(product_of_neighbours, x).toarray(),
        lambda x: pa.sparse.jacobian(lambda y: y * y, x).toarray(),
        lambda x: pa.linop.Hessian(product_of_neighbours, x) @ np.arange(4.0),
        lambda x: pa.optimize.minimize(lambda y: pa.sum((y - 1) ** 2), x).x.to("cpu").numpy(),
    ],
    ids="sparse-hessian sparse-jacobian linop minimize".split(),
)
def test_what_speaks_to_scipy_takes_tensors_from_there(call, device):
    want, got = both_devices(call, device)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_optimizers_and_files(device, tmp_path):
    w = pa.tensor([1.0, 2.0], device=device, requires_grad=True)
    for make in (pa.optim.SGD, pa.optim.Adam):
        optimizer = make([w], lr=0.1)
        pa.sum(w * w).backward()
        optimizer.step()
        optimizer.zero_grad()
    pa.save(tmp_path / "w.npz", {"w": w})
    loaded = pa.load(tmp_path / "w.npz", like={"w": w})["w"]
    assert loaded.device == device
    assert loaded.tolist() == w.tolist()


def test_memory_is_counted_and_comes_back(device):
    pa.cuda.synchronize(device)
    before = pa.cuda.memory(device)["live"]
    pa.cuda.reset_peak(device)
    x = pa.zeros(1 << 16, device=device)
    assert pa.cuda.memory(device)["live"] - before == 8 << 16
    del x
    after = pa.cuda.memory(device)
    assert after["live"] == before
    assert after["peak"] - before >= 8 << 16
    assert after["total"] >= after["free"] > 0
    assert pa.cuda.release_cached(device) == after["cached"]
    with pytest.raises(MemoryError, match=rf"bytes on {device}: \d+ of \d+ bytes are free"):
        pa.empty(1 << 50, device=device)
    assert pa.ones(2, device=device).tolist() == [1, 1]


def test_a_backward_pass_that_runs_out_of_memory_leaves_none_behind(device):
    x = pa.tensor(np.ones(1 << 12), device=device, requires_grad=True)
    pa.cuda.synchronize(device)
    before = pa.cuda.memory(device)["live"]
    room = pa.cuda.memory(device)["total"]

    def outer_product(x):
        # Four arrays of this size at once on the way forward, and as many again on the way back.
        wide = pa.broadcast_to(x[:, None], (x.shape[0], room // x.nbytes // 5))
        return pa.sum(pa.exp(wide) * wide * pa.sin(wide))

    y = outer_product(x)
    with pytest.raises(MemoryError, match=f"bytes on {device}"):
        y.backward()
    del y
    assert x.grad is None
    assert pa.cuda.memory(device)["live"] == before
    pa.sum(x * x).backward()
    assert x.grad[:2].tolist() == [2, 2]
    assert pa.cuda.release_cached(device) > 0


def test_memory_that_a_kernel_takes_for_itself_may_be_cached(device):
    room = pa.cuda.memory(device)["total"]
    x = pa.tensor([0.5, 2.0], device=device)
    held = []
    with pytest.raises(MemoryError):
        while True:
            held.append(pa.empty(room // 64, dtype="uint8", device=device))
    held.clear()
    assert pa.cuda.memory(device)["cached"] > room // 2
    want = pa.special.k0(x.to("cpu")).numpy()
    np.testing.assert_allclose(pa.special.k0(x).to("cpu").numpy(), want, rtol=1e-13)


def test_names(device):
    assert isinstance(pa.cuda.name(device), str)
    assert pa.cuda.device_count() > 0
    assert device in pa.__array_namespace_info__().devices()


# Random draws.


def test_the_stream_is_the_hosts(device):
    here, there = pa.random.default_rng(5), pa.random.default_rng(5, device=device)
    assert (here.device, there.device) == ("cpu", device)
    for draw in (
        lambda rng: rng.random(7),
        lambda rng: rng.random((3, 5), dtype="float32"),
        lambda rng: rng.standard_normal((2, 1001)),
        lambda rng: rng.standard_exponential(33, dtype="float32"),
        lambda rng: rng.integers(0, 10, 100),
        lambda rng: rng.integers([0, 5], [3, 9], (50, 2)),
        lambda rng: rng.poisson(3.5, 100),
        lambda rng: rng.binomial(50, 0.3, 100),
        lambda rng: rng.permutation(20),
        lambda rng: rng.standard_gamma(0.7, 50),
        lambda rng: rng.choice(9, 40, p=np.full(9, 1 / 9)),
    ):
        want, got = draw(here), draw(there)
        assert got.device == device
        np.testing.assert_allclose(got.to("cpu").numpy(), want.numpy(), rtol=1e-14)
    assert here.state == there.state
    rates = pa.tensor([1.0, 20.0], device=device)
    drawn = pa.random.default_rng(1).poisson(rates)
    assert drawn.device == device
    with pytest.raises(ValueError, match="lam must be from 0"):
        pa.random.default_rng(1).poisson(-rates)


def test_gamma_variates_are_differentiable_there(device):
    def f(shape, rng):
        return pa.sum(rng.gamma(shape, size=40))

    shape = pa.tensor(2.5)
    want = pa.func.grad(partial(f, rng=pa.random.default_rng(3)))(shape)
    got = pa.func.grad(lambda a: f(a.to(device), pa.random.default_rng(3)).to("cpu"))(shape)
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-12)


# Special functions.


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pa.special.gammainc(x[0], x[1]),
        lambda x: pa.special.gammaincc(x[0], 3 * x[1]),
        lambda x: pa.special.betainc(x[0], x[1], x[2] / 2),
        lambda x: pa.special.betaincc(x[0], x[1], x[2] / 2),
        lambda x: pa.special.zeta(x[0] + 1, x[1]),
        lambda x: pa.special.zeta(x[0] + 1),
        lambda x: pa.real(pa.special.wofz(x[0] + 1j * x[1])),
    ],
    ids="gammainc gammaincc betainc betaincc hurwitz riemann wofz".split(),
)
def test_derivatives_in_parameters_of_special_functions(f, device):
    want, got = both_devices(pa.func.hessian(lambda x: f(x) * f(2 * x)), device)
    assert got.device == device
    np.testing.assert_allclose(got.to("cpu").numpy(), want.numpy(), rtol=1e-11, atol=1e-13)


# Other libraries.


def test_dlpack_on_a_device_shares_the_memory(device):
    x = pa.arange(6.0, device=device).reshape(2, 3)
    y = pa.from_dlpack(x.T)
    assert (y.device, y.shape) == (device, (3, 2))
    x[0, 1] = 7
    assert y.tolist() == [[0, 3], [7, 4], [2, 5]]
    assert pa.from_dlpack(x, device="cpu").device == "cpu"
    assert pa.from_dlpack(x, copy=True).tolist() == x.tolist()
    del x
    assert (y * 2).tolist() == [[0, 6], [14, 8], [4, 10]]
    here = np.from_dlpack(CopyToHost(y))
    np.testing.assert_array_equal(here, y.to("cpu").numpy())
    with pytest.raises(BufferError, match="stream 0 is ambiguous"):
        y.__dlpack__(stream=0)
    with pytest.raises(BufferError, match="without a copy"):
        y.__dlpack__(dl_device=(1, 0), copy=False)


class CopyToHost:
    """What a consumer of the host asks for."""

    def __init__(self, x):
        self.x = x

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **options):
        return self.x.__dlpack__(max_version=(1, 0), dl_device=(1, 0))


def test_the_cuda_array_interface(device):
    x = pa.ones((2, 3), pa.float32, device=device)
    interface = x.T.__cuda_array_interface__
    assert interface["shape"] == (3, 2)
    assert interface["strides"] == (4, 12)
    assert interface["typestr"] == "<f4"
    assert interface["version"] == 3
    assert interface["data"][0] > 0
    assert interface["data"][1] is False
    assert not hasattr(pa.ones(2), "__cuda_array_interface__")
    with pytest.raises(RuntimeError, match="detach"):
        pa.tensor([1.0], device=device, requires_grad=True).__cuda_array_interface__  # noqa: B018


# Parity: every record gives the host's values, or says that it cannot.

# What is made here of arrays that are on the host.
UNPORTED = frozenset({"fromfunction", "fromfunction-complex"})
CANNOT = r"has no cuda kernel in this build|inputs lie on|move them with .to\('cpu'\)"


def outcome(record, sample, given):
    """The outputs of a call as arrays, or what it raised."""
    try:
        options = options_on(given[0].device, sample)
        out = record.fn(*sample.with_arrays(given), **options)
    except Exception as error:
        return error
    return [y.to("cpu") for y in (out if isinstance(out, (list, tuple)) else [out])]


@pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
def test_values_are_the_hosts(record, device):
    for sample in record.samples(np.random.default_rng(3)):
        if not sample.arrays:
            continue
        want = outcome(record, sample, tensors(sample.arrays))
        got = outcome(record, sample, [x.to(device) for x in tensors(sample.arrays)])
        if isinstance(got, Exception) and re.search(CANNOT, str(got)):
            assert record.label in UNPORTED, got
        elif isinstance(want, Exception):
            assert type(got) is type(want)
        else:
            assert not isinstance(got, Exception), got
            for y, expected in zip(got, want, strict=True):
                assert_close(y, expected, record.tol, what=record.label)


WITH_GRADIENTS = [r for r in DIFFERENTIABLE if r.label not in UNPORTED]


def sum_of_squares(record, sample, device, *inputs):
    """A number that depends on every output, computed on the device from inputs of the host."""
    given = sample.with_arrays([x.to(device) for x in inputs])
    out = record.fn(*given, **options_on(device, sample))
    outputs = [y.to("cpu") for y in (out if isinstance(out, (list, tuple)) else [out])]
    squares = [pa.sum(pa.real(y * y)) for y in outputs if y.dtype.kind in "fc"]
    return sum(squares, pa.zeros(()))


@pytest.mark.parametrize("record", WITH_GRADIENTS, ids=lambda r: r.label)
def test_gradients_are_the_hosts(record, device):
    for sample in record.samples(np.random.default_rng(3)):
        inputs = tensors(sample.arrays)
        wanted = tuple(i for i, x in enumerate(inputs) if i in record.diff and x.dtype.kind in "fc")
        if not wanted or isinstance(outcome(record, sample, inputs), Exception):
            continue
        calls = [partial(sum_of_squares, record, sample, d) for d in ("cpu", device)]
        want, got = (pa.func.grad(call, argnums=wanted)(*inputs) for call in calls)
        for y, expected in zip(got, want, strict=True):
            np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-10, atol=1e-10)
