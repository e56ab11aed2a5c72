"""Records of products and of the ops on matrices."""

import numpy as np

import pyautograd as pa

from .older import without_deprecated
from .record import NUMBERS, Sample, record


def pairs(*cases):
    """Samples from (shape, shape, further arguments, keywords)."""

    def samples(rng):
        for a, b, *rest in cases:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            yield Sample((rng.uniform(-2, 2, a), rng.uniform(-2, 2, b), *rest), kwargs)

    return samples


def matrices(*cases):
    def samples(rng):
        for shape, *rest in cases:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            yield Sample((rng.uniform(-2, 2, shape), *rest), kwargs)

    return samples


def einsum_samples(rng):
    for subscripts, *shapes in [
        ("ij,jk->ik", (2, 3), (3, 2)),
        ("ij,ij->", (2, 3), (2, 3)),
        ("ij->ji", (2, 3)),
        ("ij->j", (2, 3)),
        ("ii->i", (2, 2)),
        ("ii", (2, 2)),
        ("i,j", (2,), (3,)),
        ("bij,bjk", (2, 2, 3), (2, 3, 1)),
        ("...ij,...jk->...ik", (2, 2, 1), (1, 2)),
        ("ij,j,i->", (2, 3), (3,), (2,)),
        ("bi,bj->jbi", (2, 3), (2, 2)),
        ("iij,kjk->ki", (2, 2, 3), (2, 3, 2)),
        ("ij,jk->ik", (0, 2), (2, 1)),
        ("ij,jk->ik", (2, 3), (2, 3)),
        ("ij->k", (2, 3)),
        ("ij", (2,)),
        ("i,i", (2,)),
        ("ij->ijj", (2, 3)),
        ("i$->i", (2,)),
    ]:
        yield (subscripts, [rng.uniform(-2, 2, shape) for shape in shapes])


def einsum(subscripts, operands):
    """Whether the sum starts from 0, and so the sign of zero, is left open."""
    return pa.einsum(subscripts, *operands) + 0


def einsum_reference(subscripts, operands):
    return np.einsum(subscripts, *operands) + 0


def product_with_numbers(function):
    """BLAS adds a product with a number to zero, which loses the sign of zero."""
    return lambda a, b: np.multiply(a, b) if 0 in (a.ndim, b.ndim) else function(a, b)


def tensordot_reference(x1, x2, axes=2):
    """NumPy raises for a wrong shape or a wrong axis, whichever comes first; here axes do."""
    if isinstance(axes, int):
        wrong = axes > min(x1.ndim, x2.ndim)
    else:
        wrong = any(a >= x.ndim for x, several in zip((x1, x2), axes, strict=True) for a in several)
    if wrong:
        raise IndexError("no such axis")
    return np.tensordot(x1, x2, axes)


DIAGONALS = matrices(
    ((2, 3),),
    ((3, 2), 1),
    ((3, 2), -1),
    ((2, 3), 5),
    ((2, 3, 2), 0, 0, 2),
    ((2, 3, 3), {"offset": 1, "axis1": -2, "axis2": -1}),
    ((0, 2),),
    ((2,),),
    ((2, 2), 0, 0, 0),
    ((2, 2), 0, 0, 2),
)
TRIANGLES = matrices(((2, 3),), ((3, 2), 1), ((3, 3), -1), ((2, 3, 2),), ((2, 2), 9), ((0, 2),))


def pairs_of_vectors(rng):
    for mode in ("full", "same", "valid"):
        for m, n in [(5, 3), (5, 2), (2, 5), (3, 5), (4, 4), (1, 3)]:
            yield Sample((rng.uniform(-2, 2, m), rng.uniform(-2, 2, n)), {"mode": mode})
    yield rng.uniform(-2, 2, ()), rng.uniform(-2, 2, 3)
    yield rng.uniform(-2, 2, 0), rng.uniform(-2, 2, 3)
    yield rng.uniform(-2, 2, (2, 2)), rng.uniform(-2, 2, 2)
    yield Sample((rng.uniform(-2, 2, 3), rng.uniform(-2, 2, 3)), {"mode": "sideways"})


def conv_samples(rng):
    for x, weight, *places in [
        ((2, 4, 1, 2), (3, 2, 1, 2), (1,), (1,), (0,), (0,)),
        ((1, 3, 4, 2, 1), (2, 3, 1, 2, 1), (2, 1), (1, 2), (1, 2), (0, 1)),
        ((2, 3, 1, 2), (1, 2, 1, 3), (1,), (1,), (0,), (0,)),
        ((1, 3, 2, 1), (1, 1, 2, 2), (2,), (1,), (0,), (0,)),
        ((1, 2, 1, 2), (1, 2, 1, 1), (1,), (1,), (0,), (1,)),
        ((0, 3, 1, 1), (2, 1, 1, 2), (1,), (1,), (0,), (0,)),
        ((1, 3, 1, 0), (2, 0, 1, 2), (1,), (1,), (0,), (0,)),
    ]:
        yield (rng.uniform(-2, 2, x), rng.uniform(-2, 2, weight), *places)


def conv_reference(x, weight, stride, dilation, before, after):
    if (x.shape[-2], x.shape[-1]) != (weight.shape[-2], weight.shape[-3]):
        raise ValueError("axes")  # which einsum would broadcast
    axes = tuple(range(1, x.ndim - 2))
    padded = np.pad(x, [(0, 0), *zip(before, after, strict=True), (0, 0), (0, 0)])
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape, strict=False)]
    views = np.lib.stride_tricks.sliding_window_view(padded, spans, axes)
    every, within = ([slice(None, None, s) for s in steps] for steps in (stride, dilation))
    views = views[(slice(None), *every, ..., *within)]
    letters = "hwd"[: len(axes)]
    return np.einsum(f"n...gi{letters},{letters}igo->n...go", views, weight)


def conv_transpose_samples(rng):
    for y, weight, *places in [
        ((2, 2, 1, 2), (3, 2, 1, 2), (4,), (1,), (1,), (0,), (0,)),
        ((1, 2, 3, 2, 1), (2, 3, 1, 2, 1), (3, 4), (2, 1), (1, 2), (1, 2), (0, 1)),
        ((1, 2, 2, 2), (1, 1, 2, 2), (3,), (2,), (1,), (0,), (0,)),
        ((0, 2, 1, 2), (2, 1, 1, 2), (3,), (1,), (1,), (0,), (0,)),
    ]:
        yield (rng.uniform(-2, 2, y), rng.uniform(-2, 2, weight), *places)


def conv_transpose_reference(y, weight, lengths, stride, dilation, before, after):
    inputs, groups, outputs = weight.shape[-3:]
    if y.ndim != weight.ndim or y.shape[-2:] != (groups, outputs):
        raise ValueError("axes")  # which einsum would broadcast
    padded = [b + n + a for b, n, a in zip(before, lengths, after, strict=True)]
    out = np.zeros((len(y), *padded, groups, inputs), np.result_type(y, weight))
    for tap in np.ndindex(*weight.shape[:-3]):
        starts = [t * d for t, d in zip(tap, dilation, strict=True)]
        ends = [a + (n - 1) * s + 1 for a, n, s in zip(starts, y.shape[1:], stride, strict=False)]
        places = map(slice, starts, ends, stride)
        out[(slice(None), *places)] += np.einsum("n...go,igo->n...gi", y, weight[tap])
    return out[(slice(None), *(slice(b, b + n) for b, n in zip(before, lengths, strict=True)))]


RECORDS = [
    record(
        "matmul",
        np.matmul,
        pairs(
            ((2, 3), (3, 2)),
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((2, 2, 3), (2, 3, 1)),
            ((2, 1, 2, 3), (2, 3, 1)),
            ((3,), (2, 3, 2)),
            ((2, 2, 3), (3,)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 3)),
            ((1, 1), (1, 1)),
            ((2, 3), (2, 3)),
            ((), (2,)),
            ((2, 2), ()),
            ((2, 2, 3), (3, 3, 1)),
        ),
        diff=(0, 1),
        tol=64,
    ),
    record(
        "vecdot",
        np.vecdot,
        pairs(
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((2, 1, 3), (2, 3)),
            ((2, 3), (2, 3), {"axis": 0}),
            ((0,), (0,)),
            ((3,), (2,)),
            ((), (2,)),
        ),
        diff=(0, 1),
        tol=64,
    ),
    *[
        record(
            name,
            product_with_numbers(getattr(np, name)),
            pairs(
                ((3,), (3,)),
                ((), (2, 2)),
                ((2, 2), ()),
                ((2, 3), (2, 3) if name == "inner" else (3, 2)),
                ((2, 1, 3), (2, 3) if name == "inner" else (2, 3, 2)),
                ((0,), (0,)),
                ((2,), (3,)),
                ((2, 3), (2, 2)),
            ),
            diff=(0, 1),
            tol=64,
        )
        for name in ("dot", "inner")
    ],
    record(
        "matvec",
        np.matvec,
        pairs(
            ((2, 3), (3,)),
            ((2, 2, 3), (3,)),
            ((2, 3), (2, 3)),
            ((2, 1, 2, 3), (2, 3)),
            ((0, 3), (3,)),
            ((2, 3), (2,)),
            ((3,), (3,)),
            ((2, 3), ()),
        ),
        diff=(0, 1),
        tol=64,
    ),
    record(
        "vecmat",
        np.vecmat,
        pairs(
            ((3,), (3, 2)),
            ((2, 3), (3, 2)),
            ((2, 3), (2, 3, 1)),
            ((3,), (2, 3, 2)),
            ((0,), (0, 2)),
            ((2,), (3, 2)),
            ((3,), (3,)),
            ((), (3, 2)),
        ),
        diff=(0, 1),
        tol=64,
    ),
    record(
        "tensordot",
        tensordot_reference,
        pairs(
            ((2, 3), (3, 2), 1),
            ((2, 3), (2, 3)),
            ((2, 3), (2,), 0),
            ((2, 3, 2), (2, 3), ((0, 1), (0, 1))),
            ((2, 3), (2, 3), ((1,), (1,))),
            ((2, 0), (0, 2), 1),
            ((2, 3), (2, 3), 1),
            ((2, 3), (2, 3), ((0,), (0, 1))),
            ((2,), (2,), 2),
        ),
        diff=(0, 1),
        tol=64,
    ),
    record(
        "outer",
        np.outer,
        pairs(((2,), (3,)), ((0,), (2,)), ((1,), (1,))),
        diff=(0, 1),
    ),
    record("einsum", einsum_reference, einsum_samples, diff=(1,), tol=64, fn=einsum),
    record("trace", np.trace, DIAGONALS),
    record("diagonal", np.diagonal, DIAGONALS),
    record("tril", np.tril, TRIANGLES),
    record("triu", np.triu, TRIANGLES),
    record("nn._conv", conv_reference, conv_samples, diff=(0, 1), dtypes=NUMBERS, fn=pa.nn._conv),
    record(
        "nn._conv_transpose",
        conv_transpose_reference,
        conv_transpose_samples,
        diff=(0, 1),
        dtypes=NUMBERS,
        fn=pa.nn._conv_transpose,
    ),
    record(
        "convolve", without_deprecated(np.convolve), pairs_of_vectors, diff=(0, 1), dtypes=NUMBERS
    ),
    record(
        "correlate", without_deprecated(np.correlate), pairs_of_vectors, diff=(0, 1), dtypes=NUMBERS
    ),
]
