"""Every op inside a checkpoint has the values and derivatives of the op, to third order."""

import functools
import itertools

import numpy as np
import pytest
from records import CASES, DIFFERENTIABLE, ORDER
from support.modes import forward, reverse
from support.properties import assert_allclose, scalars

import pyautograd as pa

MODES = {
    1: [(forward,), (reverse,)],
    2: [(forward, forward), (forward, reverse), (reverse, forward), (reverse, reverse)],
    3: [(forward, reverse, forward), (reverse, reverse, reverse)],
}


def checkpointed(f, **options):
    return lambda *xs: pa.checkpoint(f, *xs, **options)


def derivative(f, modes, directions):
    for mode, vs in zip(modes, directions, strict=False):
        f = mode(f, vs)
    return f


def assert_same(got, want, what):
    assert_allclose(got, want, rtol=1e-11, atol=1e-11, what=what)


@pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
def test_values_have_the_same_bits(record):
    for sample in record.calls():
        given = [pa.tensor(a) for a in sample.arrays]
        got = pa.checkpoint(lambda *xs, s=sample: record.call(s, xs), *given)
        for y, want in zip(got, record.call(sample, given), strict=True):
            np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
def test_checkpointed_equals_plain(record):
    """First order on every sample, higher ones on the largest."""
    calls = list(scalars(record))
    largest = max(calls, key=lambda f: sum(x.size for x in f.point), default=None)
    for f in calls:
        xs = [pa.tensor(x) for x in f.point]
        directions = [f.direction() for _ in range(ORDER)]
        for order in range(1, ORDER + 1 if f is largest else 2):
            for modes in MODES[order]:
                want = derivative(f, modes, directions)(*xs).item()
                got = derivative(checkpointed(f), modes, directions)(*xs).item()
                assert_same(got, want, (f.sample, [m.__name__ for m in modes]))


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
def test_kept_results_stand_for_their_operations(record):
    """Whatever a policy keeps, the recomputation gives the same derivative."""
    for f in scalars(record):
        xs = [pa.tensor(x) for x in f.point]
        every = tuple(range(len(xs)))
        got = pa.func.grad(checkpointed(f, policy=pa.policies.everything_saveable), every)(*xs)
        for g, want in zip(got, pa.func.grad(f, every)(*xs), strict=True):
            assert_same(g.numpy(), want.numpy(), f.sample)


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
def test_a_run_in_which_more_is_mapped_repeats_the_first(record):
    """The rows of a Jacobian of a Jacobian are mapped together, which lifts what is not mapped: no
    op may then do what it did not do when numbers could be looked at."""
    if record.name in ("union1d", "setdiff1d", "setxor1d"):
        return  # numbers decide the shape: refused where they are lifted
    for f in itertools.islice(scalars(record), 3):
        xs, every = [pa.tensor(x) for x in f.point], tuple(range(len(f.point)))
        if sum(x.size for x in f.point) > 12 or any(x.dtype.kind == "c" for x in f.point):
            continue

        def total(call, *ys, f=f):
            outputs = zip(call(*ys), f.weights, strict=True)
            return sum((pa.sum(pa.sin(pa.real(y * w))) for y, w in outputs), pa.tensor(0.0))

        def plain(*ys, f=f):
            return tuple(f.outputs(*ys))

        hessians = [
            pa.func.jacrev(pa.func.jacfwd(functools.partial(total, call), every), every)(*xs)
            for call in (plain, checkpointed(plain))
        ]
        for got, want in zip(*(pa.tree.leaves(h) for h in reversed(hessians)), strict=True):
            assert_same(got.numpy(), want.numpy(), f.sample)
