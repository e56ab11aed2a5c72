"""Every op under vmap is a stacked loop, whatever is mapped, and vmap commutes with derivatives."""

import itertools
import warnings

import numpy as np
import pytest
from records import CASES, DIFFERENTIABLE
from support.properties import assert_allclose, assert_close, scalars, subsets

import pyautograd as pa

every_op = pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
every_smooth_op = pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)


@pytest.fixture(autouse=True)
def rules_not_loops():
    """An op without a batching rule of its own falls back to a loop and warns: an error here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "(?s).*batching rule")
        yield


def variants(array, size, rng):
    """Stacked arrays with the same elements in other orders: still in the domain of the op."""
    shuffled = [rng.permutation(array.reshape(-1)).reshape(array.shape) for _ in range(size)]
    return np.stack(shuffled) if size else np.zeros((0, *array.shape), array.dtype)


def placements(arrays, chosen):
    """in_axes with the mapped axis at every position, at different ones in different arguments."""
    most = max(arrays[i].ndim for i in chosen) + 1
    for axis in range(most):
        yield tuple(
            (min(axis + k, arrays[i].ndim) if k % 2 == 0 else max(arrays[i].ndim - axis, 0))
            if i in chosen
            else None
            for k, i in enumerate(range(len(arrays)))
        )


def mapped_inputs(arrays, axes, size, rng):
    return [
        a if axis is None else np.moveaxis(variants(a, size, rng), 0, axis)
        for a, axis in zip(arrays, axes, strict=True)
    ]


def entry(arrays, axes, i):
    return [
        a if axis is None else np.take(a, i, axis) for a, axis in zip(arrays, axes, strict=True)
    ]


# Arrays whose values decide the shape or dtype of the result, which vmap cannot know.
DECIDE_SHAPES = {
    **dict.fromkeys("nonzero flatnonzero argwhere compress extract bincount".split(), {0}),
    **dict.fromkeys("unique_values unique_counts unique_inverse unique_all".split(), {0}),
    "real_if_close-complex": {0},
    **dict.fromkeys("trim_zeros union1d intersect1d setdiff1d setxor1d".split(), {0, 1}),
}


def depends_on_values(record, sample, chosen):
    minlength = sample.kwargs.get("minlength", 0)
    if record.name == "bincount" and all(x < minlength for x in sample.arrays[0]):
        return False
    places = DECIDE_SHAPES.get(record.label) or DECIDE_SHAPES.get(record.name, set())
    return not places.isdisjoint(chosen)


@every_op
def test_vmap_is_a_stacked_loop(record):
    rng = np.random.default_rng(5)
    for sample in record.calls():
        arrays = sample.arrays
        for chosen in subsets(range(len(arrays))):
            for axes in placements(arrays, chosen):
                inputs = mapped_inputs(arrays, axes, 3, rng)
                f = pa.func.vmap(lambda *xs, s=sample: record.call(s, xs), in_axes=axes)
                if depends_on_values(record, sample, chosen):
                    with pytest.raises(RuntimeError, match=rf"\[{record.name}\]"):
                        f(*inputs)
                    continue
                got = f(*inputs)
                loop = [record.reference(sample, entry(inputs, axes, i)) for i in range(3)]
                for k, y in enumerate(got):
                    want = np.stack([outputs[k] for outputs in loop])
                    assert_close(y.numpy(), want, record.tol, what=(sample, axes))


@every_op
def test_vmap_over_nothing(record):
    rng = np.random.default_rng(5)
    for sample in record.calls():
        arrays = sample.arrays
        for chosen in subsets(range(len(arrays))):
            if depends_on_values(record, sample, chosen):
                continue
            axes = tuple(0 if i in chosen else None for i in range(len(arrays)))
            inputs = mapped_inputs(arrays, axes, 0, rng)
            got = pa.func.vmap(lambda *xs, s=sample: record.call(s, xs), in_axes=axes)(*inputs)
            for y, want in zip(got, record.reference(sample, arrays), strict=True):
                assert y.shape == (0, *want.shape)
                assert y.dtype == want.dtype


@every_op
def test_vmap_of_vmap(record):
    """One array mapped by the inner vmap, another by the outer, or one array by both."""
    rng = np.random.default_rng(5)
    for sample in record.calls():
        arrays = sample.arrays
        for i, j in itertools.product(range(len(arrays)), repeat=2):
            if depends_on_values(record, sample, (i, j)):
                continue
            inner = tuple(0 if k == i else None for k in range(len(arrays)))
            outer = tuple(0 if k == j else None for k in range(len(arrays)))
            inputs = mapped_inputs(mapped_inputs(arrays, inner, 2, rng), outer, 3, rng)
            f = pa.func.vmap(lambda *xs, s=sample: record.call(s, xs), in_axes=inner)
            got = pa.func.vmap(f, in_axes=outer)(*inputs)
            for k, y in enumerate(got):
                rows = [
                    [
                        record.reference(sample, entry(entry(inputs, outer, a), inner, b))[k]
                        for b in range(2)
                    ]
                    for a in range(3)
                ]
                assert_close(y.numpy(), np.array(rows), record.tol, what=sample)


@every_smooth_op
def test_vmap_of_grad_and_grad_of_vmap(record):
    rng = np.random.default_rng(5)
    for f in scalars(record):
        if depends_on_values(record, f.sample, f.chosen):
            continue
        xs = f.point
        argnums = tuple(range(len(xs)))
        batches = [np.stack([x + 0.01 * rng.uniform(-1, 1, x.shape) for _ in range(3)]) for x in xs]
        gradient = pa.func.grad(f, argnums=argnums)
        loop = [gradient(*[b[i] for b in batches]) for i in range(3)]
        mapped = pa.func.vmap(gradient)(*batches)
        total = pa.func.grad(lambda *bs, f=f: pa.sum(pa.func.vmap(f)(*bs)), argnums=argnums)(
            *batches
        )
        for k in argnums:
            want = np.stack([gradients[k].numpy() for gradients in loop])
            assert_allclose(mapped[k].numpy(), want, rtol=1e-11, atol=1e-12, what=f.sample)
            assert_allclose(total[k].numpy(), want, rtol=1e-11, atol=1e-12, what=f.sample)


def real_parts(x):
    return [x.real, x.imag] if x.dtype.kind == "c" else [x]


@every_smooth_op
def test_hessian_in_all_strategies(record):
    """jacfwd and jacrev batch the derivative rules themselves."""
    for f in scalars(record):
        if sum(x.size for x in f.point) > 12:
            continue

        def vector(flat, f=f):
            given, start = [], 0
            for x in f.point:
                parts = []
                for _ in real_parts(x):
                    parts.append(pa.reshape(flat[start : start + x.size], x.shape))
                    start += x.size
                given.append(parts[0] if len(parts) == 1 else pa.complex(*parts))
            return f(*given)

        flat = pa.tensor(np.concatenate([r.reshape(-1) for x in f.point for r in real_parts(x)]))
        modes = (pa.func.jacfwd, pa.func.jacrev)
        matrices = [a(b(vector))(flat).numpy() for a in modes for b in modes]
        matrices.append(pa.func.hessian(vector)(flat).numpy())
        slack = 1e-11 * max(1, np.abs(matrices[0]).max(initial=0))
        for matrix in matrices:
            assert_allclose(matrix, matrices[0], rtol=1e-10, atol=slack, what=f.sample)
            assert_allclose(matrix, matrix.T, rtol=1e-10, atol=slack, what=f.sample)
