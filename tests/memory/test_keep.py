"""Where and how values wait for backward: on the CPU, on disk, rounded, compressed."""

import gc
import os
import resource
import signal

import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa

N = 2000
LOSSLESS = ["keep_on_cpu", "keep_on_disk", "keep_compressed"]
ROUNDING = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


@pytest.fixture
def keep(tmp_path):
    """Makes a context by name, without a threshold."""

    def make(name, **options):
        options = {"min_bytes": 0} | options
        if name == "keep_on_disk":
            return pa.memory.keep_on_disk(tmp_path, **options)
        if name in ROUNDING:
            return pa.memory.keep_as(name, **options)
        return getattr(pa.memory, name)(**options)

    yield make
    gc.collect()
    assert os.listdir(tmp_path) == []


def network(x):
    """Transposed, strided, broadcast, scalar, boolean, integer and complex values."""
    y = pa.tanh(pa.reshape(x, (40, 50)))
    z = pa.sin(pa.permute_dims(pa.reshape(y, (4, 10, 50)), (2, 0, 1)))
    s = pa.exp(pa.mean(z)) * pa.broadcast_to(pa.sum(y, axis=0), (40, 50)) * y
    c = pa.exp(pa.complex(s, y)[::2, ::-3])
    chosen = pa.where(y > 0.1, s * y, pa.exp(-y)) + pa.sort(s * y, axis=1)
    return pa.sum(pa.abs(c) ** 2) + pa.sum(chosen) + pa.sum(z * z)


POINT = np.random.default_rng(0).normal(size=N)
USES = {
    "grad": lambda x: pa.func.grad(network)(x),
    "vmap of grad": lambda x: pa.func.vmap(pa.func.grad(network))(pa.stack([x, 1 - x])),
    "hvp": lambda x: pa.hvp(network, x, pa.cos(x)),
    "hvp in reverse": lambda x: pa.func.grad(
        lambda t: pa.sum(pa.func.grad(network)(t) * pa.cos(x))
    )(x),
    "checkpoint": lambda x: pa.func.grad(lambda t: pa.checkpoint(network, t))(x),
    "checkpoint of a gradient": lambda x: pa.func.grad(
        lambda t: pa.checkpoint(lambda s: pa.sum(pa.func.grad(network)(s) * pa.cos(s)), t)
    )(x),
    "vmap of hvp of checkpoint": lambda x: pa.func.vmap(
        lambda t: pa.hvp(lambda s: pa.checkpoint(network, s), t, pa.cos(t))
    )(pa.stack([x, 1 - x])),
}


STRIDED = {
    "column": lambda y: pa.reshape(y, (40, 50))[:, 3],
    "every other": lambda y: y[1::2],
    "backwards": lambda y: y[::-1],
    "complex column": lambda y: pa.reshape(pa.complex(y, y), (40, 50))[:, 3],
    "number": lambda y: y[7],
}


@pytest.mark.parametrize("part", STRIDED)
@pytest.mark.parametrize("name", [*LOSSLESS, "float32"])
def test_numbers_that_lie_apart(keep, name, part):
    def f(x):
        z = STRIDED[part](pa.sin(x))
        return pa.sum(pa.abs(z * z * z))

    want = pa.func.grad(f)(pa.tensor(POINT)).numpy()
    with keep(name):
        got = pa.func.grad(f)(pa.tensor(POINT)).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-14 if name in LOSSLESS else 1e-6, atol=1e-30)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_ones_change_no_bit(keep, name, use):
    x = pa.tensor(POINT)
    plain = USES[use](x).numpy()
    with keep(name):
        kept = USES[use](x).numpy()
    np.testing.assert_array_equal(kept, plain)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("dtype", ROUNDING)
def test_rounding_ones_round_a_little(keep, dtype, use):
    x = pa.tensor(POINT)
    plain = USES[use](x).numpy()
    with keep(dtype):
        kept = USES[use](x).numpy()
    error = np.abs(kept - plain).max() / np.abs(plain).max()
    assert 0 < error < 50 * ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ROUNDING)
def test_rounding_is_to_the_nearest(keep, dtype):
    values = np.concatenate([POINT, [0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 1 + 2.0**-9]])
    x = pa.tensor(values, requires_grad=True)
    with keep(dtype):
        y = pa.sum(pa.cumsum(x + 0.0) * 0 + (x + 0.0) ** 2)
    y.backward()
    got = x.grad.numpy() / 2
    assert np.array_equal(np.isnan(got), np.isnan(values))
    finite = np.isfinite(values)
    np.testing.assert_allclose(got[finite], values[finite], rtol=ROUNDING[dtype], atol=0)
    assert np.array_equal(got[values == np.inf], [np.inf])
    if dtype == "float16":
        np.testing.assert_array_equal(got[finite], values[finite].astype("f2"))
    if dtype == "bfloat16":  # ties to even: half a unit above 1 goes down
        assert got[-1] == 1 + 2.0**-9 - 2.0**-9


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_number_too_large_keeps_its_array(keep, dtype):
    values = np.concatenate([POINT, [1e300 if dtype == "float32" else 7e4]])
    x = pa.tensor(values, requires_grad=True)
    with keep(dtype):
        y = pa.sum((x + 0.0) * (x + 0.0))
    y.backward()
    assert x.grad.tolist() == (2 * values).tolist()


@pytest.mark.parametrize("dtype", ROUNDING)
def test_no_number_becomes_zero(keep, dtype):
    """The derivative of log would be infinite."""
    values = np.concatenate([np.abs(POINT), [1e-300, 5e-324], [0.0]])
    x = pa.tensor(values, requires_grad=True)
    with keep(dtype):
        y = pa.sum(pa.where(x > 0, pa.log(x + 0.0), 0.0))
    y.backward()
    assert np.isfinite(x.grad).all()


def test_integers_and_narrow_floats_stay(keep):
    x = pa.tensor(POINT.astype("f4"), requires_grad=True)
    with keep("float32"):
        y = pa.sum(pa.exp(x))
    y.backward()
    np.testing.assert_array_equal(x.grad, pa.exp(x.detach()))


def kept_bytes(context, program):
    """Live bytes that a recorded program leaves behind."""
    gc.collect()
    before = pa.memory.live().bytes
    with context:
        y = program()
    found = pa.memory.live().bytes - before
    y.backward()
    return found


def test_memory_goes_where_it_should(keep):
    """Fifteen layers, of which exp saves its result, and sin the same as its input."""
    x = pa.tensor(np.linspace(0.1, 1.0, 10_000), requires_grad=True)

    def layers():
        y = x
        for _ in range(15):
            y = pa.exp(pa.sin(y))
        return pa.sum(y)

    plain = kept_bytes(pa.memory.keep_on_cpu(), layers)
    assert 15 * 80_000 <= plain < 16 * 80_000
    for dtype, share in {"float32": 2, "float16": 4, "bfloat16": 4}.items():
        assert kept_bytes(keep(dtype), layers) <= plain / share + 1000
    assert kept_bytes(keep("keep_on_disk"), layers) < 1000


def test_leaves_constants_and_small_arrays_stay(keep, tmp_path):
    w = pa.tensor(np.ones((100, 100)), requires_grad=True)
    data = pa.tensor(np.ones((5, 100)))
    with keep("keep_on_disk", min_bytes=4001):
        y = data @ w  # saves a leaf and a constant
        z = pa.tanh(y[:, :50])  # 2,000 bytes
        big = pa.broadcast_to(pa.sum(z), (1000, 1000))
        total = pa.sum(big * big)
        (folder,) = tmp_path.iterdir()
        assert os.listdir(folder) == []
    total.backward()
    assert w.grad.shape == (100, 100)


def test_a_negative_threshold_is_refused():
    for make in (pa.memory.keep_on_cpu, pa.memory.keep_compressed):
        with pytest.raises(ValueError, match="min_bytes must not be negative, got -1"):
            make(min_bytes=-1)
    with pytest.raises(ValueError, match=r"\[keep_as\] dtype must be one of float32, float16"):
        pa.memory.keep_as("float8")
    with pytest.raises(ValueError, match=r"\[keep_compressed\] level must be from 1 to 9, got 0"):
        pa.memory.keep_compressed(0)


def test_compression_compresses(keep):
    x = pa.tensor(np.repeat([0.5, 0.25], 50_000), requires_grad=True)
    assert kept_bytes(keep("keep_compressed"), lambda: pa.sum(pa.exp(x))) < 10_000
    noise = pa.tensor(np.random.default_rng(0).normal(size=1000), requires_grad=True)
    assert kept_bytes(keep("keep_compressed"), lambda: pa.sum(pa.exp(noise))) <= 8100


class TestDisk:
    def program(self, directory, x):
        with pa.memory.keep_on_disk(directory, min_bytes=0):
            return pa.sum(pa.exp(pa.sin(x)))

    def files(self, directory):
        return [name for _, _, names in os.walk(directory) for name in names]

    def test_files_go_as_backward_proceeds(self, tmp_path):
        x = pa.tensor(POINT, requires_grad=True)
        y = self.program(tmp_path, x)
        assert len(self.files(tmp_path)) == 1
        y.backward(retain_graph=True)
        assert len(self.files(tmp_path)) == 1
        y.backward()
        assert os.listdir(tmp_path) == []
        np.testing.assert_allclose(x.grad, 2 * np.cos(POINT) * np.exp(np.sin(POINT)))

    def test_files_go_with_the_graph(self, tmp_path):
        y = self.program(tmp_path, pa.tensor(POINT, requires_grad=True))
        assert len(self.files(tmp_path)) == 1
        del y
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_files_go_after_an_exception(self, tmp_path, error):
        x = pa.tensor(POINT, requires_grad=True)

        def program():
            with pa.memory.keep_on_disk(tmp_path, min_bytes=0):
                y = pa.exp(pa.sin(x))
                raise error(y)

        with pytest.raises(error):
            program()
        gc.collect()
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "1 / 0"])
    def test_files_go_with_the_program(self, tmp_path, end):
        done = run_code(
            f"""
            import os
            import pyautograd as pa
            x = pa.ones(1000).requires_grad_()
            with pa.memory.keep_on_disk({str(tmp_path)!r}, min_bytes=0):
                y = pa.exp(pa.exp(x))
            print(len(os.listdir({str(tmp_path)!r})))
            {end}
            """
        )
        assert done.stdout.strip() == "1", done.stderr
        assert os.listdir(tmp_path) == []

    def test_a_fork_leaves_the_files(self, tmp_path):
        x = pa.tensor(POINT, requires_grad=True)
        y = self.program(tmp_path, x)
        done = run_code(
            f"""
            import os
            import pyautograd as pa
            x = pa.ones(1000).requires_grad_()
            with pa.memory.keep_on_disk({str(tmp_path)!r}, min_bytes=0):
                y = pa.sum(pa.exp(pa.exp(x)))
            if os.fork() == 0:
                raise SystemExit(0)
            os.wait()
            y.backward()
            print(x.grad.shape)
            """
        )
        assert done.stdout.strip() == "(1000,)", done.stderr
        y.backward()

    def test_a_missing_directory(self, tmp_path):
        missing = tmp_path / "nowhere"
        with pytest.raises(FileNotFoundError, match=r"\[keep_on_disk\] cannot make a directory in"):
            self.program(missing, pa.tensor(POINT, requires_grad=True))
        file = tmp_path / "file"
        file.touch()
        with pytest.raises(NotADirectoryError, match="cannot make a directory in"):
            self.program(file, pa.tensor(POINT, requires_grad=True))
        x = pa.tensor(POINT, requires_grad=True)
        pa.sum(pa.exp(x)).backward()

    def test_a_read_only_directory(self, tmp_path, monkeypatch):
        """For the superuser no directory is read-only, so the system call is made to fail."""

        def refuse(path, *_):
            raise PermissionError(13, "Permission denied", path)

        monkeypatch.setattr(os, "mkdir", refuse)
        with pytest.raises(PermissionError, match=r"cannot make a directory in .*denied"):
            self.program(tmp_path, pa.tensor(POINT, requires_grad=True))

    @pytest.fixture
    def small_disk(self):
        """No file may grow past this size, as if the disk were full; the signal is ignored."""
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        def limit(size):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))

        try:
            yield limit
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
            signal.signal(signal.SIGXFSZ, handler)

    def test_a_full_disk(self, tmp_path, small_disk):
        x = pa.tensor(POINT, requires_grad=True)
        pa.sum(pa.exp(pa.sin(x))).backward()
        want = x.grad.numpy().copy()
        x.grad = None
        before = pa.memory.live()
        with pa.memory.keep_on_disk(tmp_path, min_bytes=0):
            y = pa.sin(x)
            z = pa.exp(y)
            small_disk(100)
            with pytest.raises(OSError, match=r"\[keep_on_disk\] cannot write 16000 bytes to"):
                pa.exp(z)
            assert len(self.files(tmp_path)) == 1  # nothing half written
            small_disk(10**6)
            total = pa.sum(z)
        total.backward()
        np.testing.assert_array_equal(x.grad, want)
        x.grad = None
        del y, z, total
        assert pa.memory.live() == before and os.listdir(tmp_path) == []

    @pytest.mark.parametrize("damage", ["cut", "gone"])
    def test_files_that_somebody_spoiled(self, tmp_path, damage):
        x = pa.tensor(POINT, requires_grad=True)
        y = self.program(tmp_path, x)
        (folder,) = tmp_path.iterdir()
        (file,) = folder.iterdir()
        content = file.read_bytes()
        if damage == "cut":
            file.write_bytes(content[:100])
        else:
            file.unlink()
        with pytest.raises(OSError, match=r"\[keep_on_disk\] cannot read '.*' back"):
            y.backward(retain_graph=True)
        assert x.grad is None
        file.write_bytes(content)
        y.backward()
        assert x.grad.shape == (N,) and os.listdir(tmp_path) == []

    def test_one_context_twice(self, tmp_path):
        x = pa.tensor(POINT, requires_grad=True)
        context = pa.memory.keep_on_disk(tmp_path, min_bytes=0)
        with context:
            y = pa.exp(x)
        with context:
            z = pa.exp(x)
        assert len(os.listdir(tmp_path)) == 2
        del y
        assert len(os.listdir(tmp_path)) == 1
        pa.sum(z).backward()
        del z
        assert os.listdir(tmp_path) == []
