"""Deep programs to differentiate while values are dropped, and how to see that nothing changes."""

import contextlib
import gc

import numpy as np

import pyautograd as pa
from pyautograd import _core

SIZE = (64, 40)  # of one value: 20,480 bytes
BYTES = 64 * 40 * 8


@contextlib.contextmanager
def everything_dropped():
    """Drop all that can be dropped at every allocation: what is read is read from new memory."""
    budget = _core.MemoryBudget(2**62, always=True)
    budget.enter()
    try:
        yield budget
    finally:
        budget.leave()


def assert_same(got, want):
    got, want = pa.tree.flatten(got)[0], pa.tree.flatten(want)[0]
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(np.asarray(a.detach()), np.asarray(b.detach()))


def value(seed=0, shape=SIZE):
    return pa.tensor(np.random.default_rng(seed).uniform(-1, 1, shape))


def peak_of(call):
    """Result, and the most bytes alive above what was alive before."""
    gc.collect()
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    return call(), pa.memory.peak() - before


def tanh_chain(x, depth=30):
    w = value(7, (x.shape[-1],) * 2) * 0.3
    for _ in range(depth):
        x = pa.tanh(x @ w + 0.1)
    return pa.sum(x * x)


def diamonds(x):
    for _ in range(12):
        x = pa.sin(x) * 0.5 + pa.cos(x) * 0.5
    return pa.sum(x)
