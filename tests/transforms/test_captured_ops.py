"""Every op in a captured call: the numbers of the function, at ordinary and at extreme points."""

import re

import numpy as np
import pytest
from records import CASES, DIFFERENTIABLE
from support.captured import THEIRS, same
from support.modes import forward, reverse
from support.properties import scalars

import pyautograd as pa

# Of these the numbers of the arguments decide the shape or the dtype of the result.
DECIDED = {
    *("argwhere", "bincount", "compress", "extract", "flatnonzero", "intersect1d", "nonzero"),
    *("real_if_close", "setdiff1d", "setxor1d", "trim_zeros", "union1d", "unique_all"),
    *("unique_counts", "unique_inverse", "unique_values"),
}

EXTREME = (0.0, -0.0, 1.0, -1.0, 800.0, -800.0, 1e300, -1e300, 1e-310, np.inf, -np.inf, np.nan)


def extreme(xs, rng):
    """Tensors at which rules and checks that look at numbers have something to find."""

    def drawn(x):
        if x.dtype.kind not in "fc":
            return x
        parts = rng.choice(EXTREME, (2, *x.shape))
        return (parts[0] + 1j * parts[1] if x.dtype.kind == "c" else parts[0]).astype(x.dtype)

    return [pa.tensor(drawn(np.asarray(x))) for x in xs]


def outcome(f, xs):
    try:
        return f(*xs)
    except Exception as error:
        return error


def same_outcome(got, want, rtol=0.0):
    if isinstance(got, Exception) or isinstance(want, Exception):
        assert type(got) is type(want), (got, want)
    else:
        same(got, want, rtol)


@pytest.mark.filterwarnings("ignore")
class TestEveryOp:
    @pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
    def test_values(self, record):
        rng = np.random.default_rng(0)
        for sample in record.calls():
            call = pa.captured(lambda *xs, s=sample: record.call(s, list(xs)))
            xs = [pa.tensor(a) for a in sample.arrays]
            for _ in range(2):
                try:
                    got = call(*xs)
                except RuntimeError as error:
                    assert record.name in DECIDED and "the function asks for numbers" in str(error)
                    break
                same(got, record.call(sample, xs))
            else:
                ys = extreme(sample.arrays, rng)
                want = outcome(lambda *xs, s=sample: record.call(s, list(xs)), ys)
                same_outcome(outcome(call, ys), want)

    @pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
    def test_values_of_vmap(self, record):
        """Rules that look for infinities in what may be differentiated take them for there."""
        for number, sample in enumerate(record.calls()):
            f = pa.func.vmap(lambda *xs, s=sample: record.call(s, list(xs)))
            given = [pa.tensor(a)[None] for a in sample.arrays]
            for dtype in (None, "bool", "uint8") if number == 0 else (None,):
                xs = [x.astype(dtype) for x in given] if dtype else given
                want = outcome(f, xs)
                if not isinstance(want, Exception):
                    same(pa.captured(f)(*xs), want)

    @pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
    def test_writes_into_results(self, record):
        """What would change another tensor, of which the result is a view, is refused."""
        for sample in record.calls():

            def f(*xs, s=sample):
                mine = [x.copy() for x in xs]
                result = record.call(s, mine)[0]
                result[...] = 1
                return mine, result

            xs = [pa.tensor(a) for a in sample.arrays]
            try:
                wanted = f(*xs)
            except (ValueError, IndexError, TypeError):
                continue  # no array that can be written
            try:
                got = pa.captured(f)(*xs)
            except RuntimeError as error:
                assert re.search(f"another live tensor|asks for numbers|{THEIRS}", str(error))
            else:
                same(got, wanted)

    @pytest.mark.parametrize(
        "record", [r for r in DIFFERENTIABLE if r.name not in DECIDED], ids=lambda r: r.label
    )
    def test_derivatives(self, record):
        rng = np.random.default_rng(0)
        for f in scalars(record):
            v, w = f.direction(), f.direction()
            near = [x * (1 + 1e-3 * rng.normal(size=x.shape)) for x in f.point]
            points = [[pa.tensor(x) for x in xs] for xs in (f.point, near)]
            for derivative in (reverse(f, v), forward(f, v), reverse(reverse(f, v), w)):
                call = pa.captured(derivative)
                for xs in (*points, extreme(f.point, rng)):
                    # Rules that need not look for infinities take another way there.
                    same_outcome(outcome(call, xs), outcome(derivative, xs), rtol=1e-9)
