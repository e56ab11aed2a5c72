"""Ops on a CUDA device beside PyTorch's, where that is installed: medians of wall time.

    python bench/cuda/ops.py [--rounds 20]

Captured steps are replays of `pa.cuda.graph` beside those of `torch.cuda.graph`. Systems are timed
in turn, round by round, and waited for. Bytes a second count what an op must read and write.
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np

import pyautograd as pa

try:
    import torch
except ImportError:
    torch = None

LARGE, CHAIN, SMALL, SQUARE = 10**8, 10**7, 10, 8192


def normals(shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def whole_numbers(high, size):
    return np.random.default_rng(0).integers(0, high, size)


class Ours:
    name = "pyautograd"
    sin, exp, sum, matmul, tanh, mean = pa.sin, pa.exp, pa.sum, pa.matmul, pa.tanh, pa.mean
    sort, cumsum, fft = pa.sort, partial(pa.cumsum, axis=0), pa.fft.fft
    largest = staticmethod(lambda x: pa.topk(x, 100)[0])
    hessian, no_grad = staticmethod(pa.func.hessian), pa.no_grad
    linalg = pa.linalg

    @staticmethod
    def integers(high, size):
        return pa.tensor(whole_numbers(high, size), device="cuda")

    @staticmethod
    def normal(size):
        return pa.random.default_rng(0, device="cuda").standard_normal(size, dtype="float32")

    @staticmethod
    def array(shape, grad=False):
        return pa.tensor(normals(shape), device="cuda", requires_grad=grad)

    @staticmethod
    def captured(step):
        replay = pa.cuda.graph(step, device="cuda")
        replay()
        return replay

    @staticmethod
    def of(values):
        return pa.tensor(values, device="cuda")

    @staticmethod
    def on_host(x):
        return x.to("cpu").numpy()

    wait = staticmethod(pa.cuda.synchronize)


class Theirs:
    name = "PyTorch"

    @staticmethod
    def array(shape, grad=False):
        return torch.tensor(normals(shape), device="cuda", requires_grad=grad)

    @staticmethod
    def of(values):
        return torch.tensor(values, device="cuda")

    @staticmethod
    def on_host(x):
        return x.cpu().numpy()

    @staticmethod
    def wait():
        torch.cuda.synchronize()

    def __init__(self):
        self.sin, self.exp, self.sum = torch.sin, torch.exp, torch.sum
        self.matmul = torch.matmul
        self.sort, self.cumsum = lambda x: torch.sort(x).values, partial(torch.cumsum, dim=0)
        self.fft = torch.fft.fft
        self.tanh, self.mean, self.no_grad = torch.tanh, torch.mean, torch.no_grad
        self.largest = lambda x: torch.topk(x, 100).values
        self.hessian = torch.func.hessian
        self.linalg = torch.linalg

    @staticmethod
    def captured(step):
        # As PyTorch's documentation has it: warmed up on another stream first.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        return graph.replay

    @staticmethod
    def integers(high, size):
        return torch.tensor(whole_numbers(high, size), device="cuda")

    @staticmethod
    def normal(size):
        return torch.randn(size, device="cuda")


def chain(xp, x):
    """Eight ops and their derivatives."""
    x.grad = None
    y = x
    for _ in range(4):
        y = xp.sin(y) * 0.5
    xp.sum(y).backward()


def bandwidth_cases(xp):
    """Name, repetitions in one timing, call, gigabytes moved."""
    x, y = xp.array(LARGE), xp.array(LARGE)
    rows, columns = x.reshape((-1, 1000)), x.reshape((1000, -1))
    size = 4e-9 * LARGE
    yield "add, 1e8 float32", 1, lambda: x + y, 3 * size
    yield "exp, 1e8 float32", 1, lambda: xp.exp(x), 2 * size
    yield "sum, 1e8 float32", 1, lambda: xp.sum(x), size
    yield "sum of rows of 1000", 1, lambda: xp.sum(rows, axis=1), size
    yield "sum of columns of 1000", 1, lambda: xp.sum(columns, axis=0), size
    yield "add of a transpose", 1, lambda: rows.T + rows.T, 3 * size


def embedding(xp, table, index):
    """Rows by number, and the sum of their cotangents."""
    table.grad = None
    xp.sum(table[index]).backward()


def moving_cases(xp):
    x, small = xp.array(CHAIN), xp.array((1000, 4096))
    index = xp.integers(CHAIN, CHAIN)
    table, rows = xp.array((50_000, 256), grad=True), xp.integers(50_000, 16_384)
    yield "gather, 1e7 of 1e7 float32", 1, lambda: x[index], 16e-9 * CHAIN
    yield "embedding forward and backward", 1, lambda: embedding(xp, table, rows), None
    yield "sort, 1e7 float32", 1, lambda: xp.sort(x), None
    lines = x.reshape((10_000, 1000))
    yield "sort, 10000 lines of 1000", 1, lambda: xp.sort(lines), None
    yield "topk, 100 of 1000, 10000 lines", 1, lambda: xp.largest(lines), None
    yield "cumsum, 1e7 float32", 1, lambda: xp.cumsum(x), 8e-9 * CHAIN
    yield "fft, 1000 lines of 4096", 1, lambda: xp.fft(small), None
    yield "normal draws, 1e7 float32", 1, lambda: xp.normal(CHAIN), 4e-9 * CHAIN


def launch_cases(xp):
    """Ops whose kernels take no time: what counts is how soon the next one can be asked for."""
    s, t, w = xp.array(SMALL), xp.array(SMALL), xp.array(SMALL, grad=True)
    square = xp.array((16, 16))
    yield "add, 10 elements", 1000, lambda: s + t, None
    yield "sum, 10 elements", 1000, lambda: xp.sum(s), None
    yield "slice and square, 10 elements", 1000, lambda: s[2:7] ** 2, None
    yield "matmul 16^3 float32", 1000, lambda: xp.matmul(square, square), None
    yield "8 ops forward and backward, 10", 100, lambda: chain(xp, w), None


def training_step(xp):
    """One step of gradient descent of a perceptron with two hidden layers, in place."""
    sizes = (64, 256, 256, 10)
    weights = [xp.array(pair, grad=True) for pair in zip(sizes, sizes[1:], strict=False)]
    x, y = xp.array((128, sizes[0])), xp.array((128, sizes[-1]))

    def step():
        for w in weights:
            w.grad = None
        h = x
        for w in weights[:-1]:
            h = xp.tanh(xp.matmul(h, w) * 0.1)
        xp.mean((xp.matmul(h, weights[-1]) - y) ** 2).backward()
        with xp.no_grad():
            for w in weights:
                w -= 0.01 * w.grad

    return step


def perceptron_cases(xp):
    yield "MLP training step, eager", 20, training_step(xp), None
    yield "MLP training step, captured", 20, xp.captured(training_step(xp)), None
    x, parameters = xp.array((32, 20)), xp.array(2000)

    def loss(v):
        hidden = xp.tanh(xp.matmul(x, v[:1000].reshape((20, 50))))
        return xp.mean(xp.matmul(hidden, v[1000:].reshape((50, 20))) ** 2)

    yield "Hessian of 2000 parameters", 1, lambda: xp.hessian(loss)(parameters), None


def spectrum(found):
    """What of a decomposition does not depend on signs: the values."""
    return found[1] if found[0].ndim == found[-1].ndim else found[0]


def linalg_cases(xp):
    """As above, with what of the result both systems must agree on in the place of gigabytes."""
    for shape in ((256, 256), (1024, 1024), (2048, 2048), (1000, 16, 16), (100, 64, 64)):
        n, what = shape[-1], "x".join(map(str, shape)) + " float32"
        x = normals(shape)
        positive = x @ x.mT / n + np.eye(n, dtype=np.float32)
        a, b = xp.of(positive), xp.of(normals((*shape[:-1], 8)))
        yield f"solve, {what}", 1, partial(xp.linalg.solve, a, b), lambda y: y
        yield f"cholesky, {what}", 1, partial(xp.linalg.cholesky, a), lambda y: y
        yield f"eigh, {what}", 1, partial(xp.linalg.eigh, a), spectrum
        if n < 2048:
            yield f"svd, {what}", 1, partial(xp.linalg.svd, a), spectrum


def check_agreement(systems):
    """Raise where the systems' linear algebra gives different numbers."""
    for entries in zip(*(linalg_cases(xp) for xp in systems), strict=True):
        found = [
            xp.on_host(part(call()))
            for xp, (_, _, call, part) in zip(systems, entries, strict=True)
        ]
        for other in found[1:]:
            scale = np.abs(found[0]).max()
            np.testing.assert_allclose(
                other / scale, found[0] / scale, atol=1e-4, err_msg=entries[0][0]
            )


def cases(xp):
    yield from bandwidth_cases(xp)
    z = xp.array(CHAIN, grad=True)
    yield "8 ops forward and backward, 1e7", 1, lambda: chain(xp, z), None
    yield from moving_cases(xp)
    a = xp.array((SQUARE, SQUARE))
    yield f"matmul {SQUARE}^3 float32", 1, lambda: xp.matmul(a, a), None
    yield from launch_cases(xp)
    yield from perceptron_cases(xp)
    yield from ((name, 1, call, None) for name, _, call, _ in linalg_cases(xp))


def seconds(xp, call, repetitions):
    xp.wait()
    start = time.perf_counter()
    for _ in range(repetitions):
        call()
    xp.wait()
    return (time.perf_counter() - start) / repetitions


def measure(systems, entries, rounds):
    """Median seconds of each system."""
    times = [[] for _ in systems]
    for turn in range(rounds + 2):  # the first two warm up
        for xp, entry, found in zip(systems, entries, times, strict=True):
            elapsed = seconds(xp, entry[2], entry[1])
            if turn >= 2:
                found.append(elapsed)
    return [statistics.median(found) for found in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    systems = [Ours(), *([Theirs()] if torch and torch.cuda.is_available() else [])]
    print(pa.cuda.name(), "|", pa.__version__, "|", torch.__version__ if torch else "no PyTorch")
    check_agreement(systems)
    print(f"{'':34}" + "".join(f"{xp.name + ', us':>18}{'GB/s':>8}" for xp in systems))
    for entries in zip(*(cases(xp) for xp in systems), strict=True):
        row = f"{entries[0][0]:34}"
        for entry, median in zip(entries, measure(systems, entries, rounds), strict=True):
            rate = f"{entry[3] / median:8.0f}" if entry[3] else f"{'':8}"
            row += f"{1e6 * median:18.2f}{rate}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
