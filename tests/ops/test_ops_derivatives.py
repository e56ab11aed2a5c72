"""Every op's derivatives: against differences, each mode against the other, up to third order."""

import itertools

import numpy as np
import pytest
from records import DIFFERENTIABLE, ORDER
from records.record import WRITING
from support.modes import forward, reverse
from support.properties import (
    Scalar,
    central_difference,
    drawn,
    inner,
    raised_by,
    scalars,
    subsets,
)

import pyautograd as pa

every_op = pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)


def over_subsets(record):
    """Every sample as a function of every subset of its differentiable arguments."""
    for whole in scalars(record):
        for chosen in subsets(whole.chosen):
            yield Scalar(record, whole.sample, chosen)


@every_op
def test_jvp_against_central_differences(record):
    for f in over_subsets(record):
        xs, vs = f.point, f.direction()
        value, tangent = pa.func.jvp(f, xs, vs)
        expected = central_difference(f.reference, xs, vs)
        assert np.isclose(value.item(), f.reference(*xs), rtol=1e-12, atol=1e-12)
        assert np.isclose(tangent.item(), expected, rtol=1e-9, atol=1e-10), (f.sample, f.chosen)


@every_op
def test_vjp_is_the_transpose_of_jvp(record):
    for f in over_subsets(record):
        xs, vs = f.point, f.direction()
        outputs, tangents = pa.func.jvp(f.outputs, xs, vs)
        cotangents = [np.asarray(drawn(f.rng, -1, 1, y)) for y in outputs]
        _, pullback = pa.func.vjp(f.outputs, *xs)
        pulled = pullback([pa.tensor(u) for u in cotangents])
        for g, x in zip(pulled, xs, strict=True):
            assert g.shape == x.shape and g.dtype == x.dtype
        left, right = inner(cotangents, tangents), inner(pulled, vs)
        assert np.isclose(left, right, rtol=1e-12, atol=1e-12), (f.sample, f.chosen)


@every_op
def test_all_mixes_of_modes_agree(record):
    for f in scalars(record):
        directions = [f.direction() for _ in range(ORDER)]
        for order in range(1, ORDER + 1):
            values = []
            for modes in itertools.product((forward, reverse), repeat=order):
                g = f
                for mode, vs in zip(modes, directions, strict=False):
                    g = mode(g, vs)
                values.append(g(*map(pa.tensor, f.point)).item())
            assert np.allclose(values, values[0], rtol=1e-9, atol=1e-9), (f.sample, order, values)


@every_op
@pytest.mark.parametrize("mode", [forward, reverse])
def test_derivatives_are_derivatives_of_what_is_below(record, mode):
    """First differences of the exact derivative, a function of its own, are the next one."""
    for f in scalars(record):
        g = mode(f, f.direction())
        xs, vs = f.point, f.direction()
        expected = central_difference(lambda *ys, g=g: g(*map(pa.tensor, ys)).item(), xs, vs)
        for next_mode in (forward, reverse):
            got = next_mode(g, vs)(*map(pa.tensor, xs)).item()
            assert np.isclose(got, expected, rtol=1e-8, atol=1e-9), (f.sample, next_mode)


@every_op
def test_linearized_derivatives(record):
    """They come from a cotangent of zeros: what is linear in that has its derivative there, too."""
    for f in scalars(record):
        xs, vs = tuple(map(pa.tensor, f.point)), tuple(map(pa.tensor, f.direction()))
        for g in (f, forward(f, f.direction()), reverse(f, f.direction())):
            wanted = pa.func.jvp(g, xs, vs)[1].item()
            got = pa.func.linearize(g, *xs)[1](*vs).item()
            assert np.isclose(got, wanted, rtol=1e-9, atol=1e-9), f.sample


@every_op
def test_single_precision_derivatives_stay_single(record):
    """And are those in double precision, to within what the rounding of the arguments moves."""
    for f in scalars(record):
        arrays = [x.astype("c8" if x.dtype.kind == "c" else "f4") for x in f.point]
        outputs, pullback = pa.func.vjp(f.outputs, *arrays)
        pulled = pullback([pa.ones_like(y) for y in outputs])
        outputs, pullback = pa.func.vjp(
            f.outputs, *[x.astype("c16" if x.dtype.kind == "c" else "f8") for x in arrays]
        )
        wide = pullback([pa.ones_like(y) for y in outputs])
        for g, x, want in zip(pulled, arrays, wide, strict=True):
            assert g.dtype == x.dtype
            scale = max(1, np.abs(want.numpy()).max(initial=0))
            np.testing.assert_allclose(g.numpy(), want.numpy(), rtol=0, atol=1e-4 * scale)


def with_integers(f, place, dtype):
    """The same call with small integers in the place of one array, as they are and as floats."""
    arrays = list(f.arrays)
    small = np.random.default_rng(3).integers(0, 2, arrays[place].shape)
    for kind in (dtype, np.float64):
        arrays[place] = small.astype(kind)
        g = Scalar(f.record, f.sample, [i for i in f.chosen if i != place])
        g.arrays = list(arrays)
        yield g


@every_op
@pytest.mark.parametrize("dtype", ["uint8", "bool"])
def test_integers_beside_floats_count_as_floats(record, dtype):
    """A rule that computes n - 1 in the dtype of n has 255 for a uint8 0."""
    if record.name in WRITING or dtype not in record.dtypes or record.label.endswith("complex"):
        return
    for f in itertools.islice(scalars(record), 2):
        for place in f.chosen if len(f.chosen) > 1 else ():
            mixed, plain = with_integers(f, place, dtype)
            if any(raised_by(lambda g=g: g(*g.point)) for g in (mixed, plain)):
                continue
            kinds = [[y.dtype for y in g.outputs(*g.point)] for g in (mixed, plain)]
            if kinds[0] != kinds[1]:
                continue  # broadcast_arrays and the like
            directions = plain.direction()
            for derivative in (forward, reverse):
                slopes = [derivative(g, directions) for g in (mixed, plain)]
                for order in (slopes, [reverse(h, directions) for h in slopes]):
                    got, want = (h(*map(pa.tensor, plain.point)).item() for h in order)
                    assert np.isclose(got, want, rtol=1e-12, atol=0, equal_nan=True), (
                        f.sample,
                        place,
                    )


@every_op
def test_backward_accumulates_what_grad_returns(record):
    for f in scalars(record):
        leaves = [pa.tensor(x, requires_grad=True) for x in f.point]
        y = f(*leaves)
        expected = pa.func.grad(f, argnums=tuple(range(len(leaves))))(*f.point)
        for _ in range(2):
            y.backward(retain_graph=True)
        for leaf, g in zip(leaves, expected, strict=True):
            got = np.zeros(g.shape) if leaf.grad is None else leaf.grad.numpy()
            np.testing.assert_allclose(got, 2 * g.numpy(), rtol=1e-12, atol=1e-13)


@every_op
@pytest.mark.usefixtures("no_leak")
def test_nothing_leaks(record):
    for f in scalars(record):
        leaves = [pa.tensor(x, requires_grad=True) for x in f.point]
        f(*leaves).backward(create_graph=True)
        total = sum(
            (pa.sum(pa.abs(x.grad) ** 2) for x in leaves if x.grad is not None), pa.tensor(0.0)
        )
        if total.requires_grad:
            total.backward()
        forward(reverse(f, f.direction()), f.direction())(*map(pa.tensor, f.point))
