"""Ops on a CUDA device beside PyTorch's, where that is installed: medians of wall time.

    python bench/cuda/ops.py [--rounds 20]

Systems are timed in turn, round by round, and waited for. Bytes a second count what an op must
read and write.
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
    sin, exp, sum, matmul = pa.sin, pa.exp, pa.sum, pa.matmul
    sort, cumsum, fft = pa.sort, partial(pa.cumsum, axis=0), pa.fft.fft

    @staticmethod
    def integers(high, size):
        return pa.tensor(whole_numbers(high, size), device="cuda")

    @staticmethod
    def normal(size):
        return pa.random.default_rng(0, device="cuda").standard_normal(size, dtype="float32")

    @staticmethod
    def array(shape, grad=False):
        return pa.tensor(normals(shape), device="cuda", requires_grad=grad)

    wait = staticmethod(pa.cuda.synchronize)


class Theirs:
    name = "PyTorch"

    @staticmethod
    def array(shape, grad=False):
        return torch.tensor(normals(shape), device="cuda", requires_grad=grad)

    @staticmethod
    def wait():
        torch.cuda.synchronize()

    def __init__(self):
        self.sin, self.exp, self.sum = torch.sin, torch.exp, torch.sum
        self.matmul = torch.matmul
        self.sort, self.cumsum = lambda x: torch.sort(x).values, partial(torch.cumsum, dim=0)
        self.fft = torch.fft.fft

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
    yield "cumsum, 1e7 float32", 1, lambda: xp.cumsum(x), 8e-9 * CHAIN
    yield "fft, 1000 lines of 4096", 1, lambda: xp.fft(small), None
    yield "normal draws, 1e7 float32", 1, lambda: xp.normal(CHAIN), 4e-9 * CHAIN


def cases(xp):
    yield from bandwidth_cases(xp)
    z = xp.array(CHAIN, grad=True)
    yield "8 ops forward and backward, 1e7", 1, lambda: chain(xp, z), None
    yield from moving_cases(xp)
    a = xp.array((SQUARE, SQUARE))
    yield f"matmul {SQUARE}^3 float32", 1, lambda: xp.matmul(a, a), None
    s, t = xp.array(SMALL), xp.array(SMALL)
    yield "add, 10 elements", 1000, lambda: s + t, None


def seconds(xp, call, repetitions):
    xp.wait()
    start = time.perf_counter()
    for _ in range(repetitions):
        call()
    xp.wait()
    return (time.perf_counter() - start) / repetitions


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    systems = [Ours(), *([Theirs()] if torch and torch.cuda.is_available() else [])]
    print(pa.cuda.name(), "|", pa.__version__, "|", torch.__version__ if torch else "no PyTorch")
    print(f"{'':34}" + "".join(f"{xp.name + ', us':>18}{'GB/s':>8}" for xp in systems))
    for entries in zip(*(cases(xp) for xp in systems), strict=True):
        times = [[] for _ in systems]
        for turn in range(rounds + 2):  # the first two warm up
            for xp, entry, found in zip(systems, entries, times, strict=True):
                elapsed = seconds(xp, entry[2], entry[1])
                if turn >= 2:
                    found.append(elapsed)
        row = f"{entries[0][0]:34}"
        for entry, found in zip(entries, times, strict=True):
            median = statistics.median(found)
            rate = f"{entry[3] / median:8.0f}" if entry[3] else f"{'':8}"
            row += f"{1e6 * median:18.2f}{rate}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
