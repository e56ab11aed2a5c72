"""Records of the compositions that choose, join and compare."""

import numpy as np

import pyautograd as pa

from .record import Sample, in_float, record
from .shape import calls, lists

MASKS = [np.array([True, False, False]), np.array([[False], [True]])]


def selections(rng):
    choices = [rng.uniform(-2, 2, 3), rng.uniform(-2, 2, (2, 3))]
    yield MASKS, choices
    yield MASKS, choices, rng.uniform(-2, 2, ())
    yield MASKS[:1], [rng.uniform(-2, 2, ())], rng.uniform(-2, 2, 3)
    yield MASKS, choices[:1]
    yield [], []
    yield [np.array([1, 0, 1])], choices[:1]


def choices(rng):
    index = np.array([[0], [2]])
    options = [rng.uniform(-2, 2, 3), rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, ())]
    yield index, options
    yield np.array(1), options[:2]
    yield index, [rng.uniform(-2, 2, 2), rng.uniform(-2, 2, 3)]
    for mode in ("raise", "wrap", "clip"):
        yield Sample((np.array([-1, 4, 1]), options[:2]), {"mode": mode})


TRIANGLES = [(3,), (3, 1), (2, -1, 3), (0,)]


def pieced(rng):
    for count in (1, 2, 3, 0):
        yield rng.uniform(-2, 2, (2, 3)), count
    yield rng.uniform(-2, 2, 4), 2


def pieces(xp):
    def piecewise(x, count):
        functions = [lambda x: xp.exp(x) + 1, lambda x: x * x, 0.5][:count]
        return xp.piecewise(x, [xp.abs(x) > 1.2, xp.abs(x) < 0.5], functions)

    return piecewise


INDEXING = [
    record("piecewise", pieces(np), pieced, fn=pieces(pa)),
    record("select", np.select, selections, diff=(1, 2)),
    record("choose", np.choose, choices, diff=(1,)),
    record(
        "ix_",
        np.ix_,
        lambda rng: [
            (np.array([0, 2]), np.array([1])),
            (np.array([1]),),
            (np.array([2, 0]), []),
        ],
        diff=(),
    ),
    record("tril_indices", np.tril_indices, lambda rng: TRIANGLES, diff=()),
    record("triu_indices", np.triu_indices, lambda rng: TRIANGLES, diff=()),
    record(
        "tril_indices_from", np.tril_indices_from, calls(((3, 2),), ((2, 2), 1), ((3,),)), diff=()
    ),
    record(
        "triu_indices_from", np.triu_indices_from, calls(((3, 2),), ((2, 2), 1), ((3,),)), diff=()
    ),
    record("diag_indices", np.diag_indices, lambda rng: [(3,), (2, 3), (0,)], diff=()),
    record(
        "diag_indices_from",
        np.diag_indices_from,
        calls(((3, 3),), ((2, 2, 2),), ((2, 3),), ((3,),)),
        diff=(),
    ),
]


def appended(rng):
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, (1, 3)), 0
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, ())
    yield rng.uniform(-2, 2, (2, 3)), rng.uniform(-2, 2, 3), 0
    yield rng.uniform(-2, 2, 0), rng.uniform(-2, 2, 2), -1


def blocks(rng):
    def array(*shape):
        return rng.uniform(-2, 2, shape)

    yield [array(2), array(3), array()], 1
    yield [array(2, 2), array(2, 1), array(1, 3)], 2
    yield [array(2, 2), array(2, 1), array(1, 2)], 2


def as_blocks(fn):
    """One row of blocks, or all but the last above the last."""

    def flat(parts, depth):
        return fn(list(parts) if depth == 1 else [list(parts[:-1]), list(parts[-1:])])

    return flat


def insertions(rng):
    x = rng.uniform(-2, 2, (2, 3))
    yield x, 1, rng.uniform(-2, 2, ())
    yield x, 1, rng.uniform(-2, 2, 2), 1
    yield x, -1, rng.uniform(-2, 2, 3), 0
    yield x, [0, 2, 2], rng.uniform(-2, 2, (2, 3)), 1
    yield x, [3, 1], rng.uniform(-2, 2, ()), 1
    yield x, slice(0, 2), rng.uniform(-2, 2, (2, 2)), 1
    yield x, [1], rng.uniform(-2, 2, (2, 1)), 1
    yield x, 4, rng.uniform(-2, 2, ()), 1
    yield x, 0, rng.uniform(-2, 2, 4), 0


DELETIONS = calls(
    ((2, 3), 1),
    ((2, 3), 1, 1),
    ((2, 3), [0, -1], 1),
    ((2, 3), slice(1, None), 1),
    ((4,), [True, False, True, False]),
    ((3,), []),
    ((2, 3), 3, 1),
    ((2, 3), [0, 5], 1),
)


def trimmed(rng):
    mask = np.array([False, False, True, False, True, False])
    for more in ((), ("f",), ("B",), ("x",)):
        yield (mask, rng.uniform(0.5, 2, 6), *more)
    yield ~np.eye(3, dtype=bool) & (np.arange(3) > 0), rng.uniform(0.5, 2, (3, 3))
    yield np.zeros(3, bool), rng.uniform(0.5, 2, 3)
    yield np.ones((2, 2), bool), rng.uniform(0.5, 2, (2, 2)), "fb", 1


def masked(where, trim):
    """The zeros stay where they are while the other numbers vary."""
    return lambda mask, x, *args: trim(where(mask, x, 0.0), *args)


JOINING = [
    record("append", np.append, appended, diff=(0, 1)),
    record(
        "dstack",
        np.dstack,
        lists(
            ([(2,), (2,)],),
            ([(2, 3), (2, 3)],),
            ([(1, 2, 1), (1, 2, 3)],),
            ([(), ()],),
            ([(2,), (3,)],),
        ),
    ),
    record(
        "column_stack", np.column_stack, lists(([(2,), (2, 3)],), ([(2,), (2,)],), ([(2,), (3,)],))
    ),
    record("hsplit", np.hsplit, calls(((4,), 2), ((2, 4), [1, 3]), ((2, 3), 2), ((), 1))),
    record("vsplit", np.vsplit, calls(((4, 2), 2), ((3, 2), [1]), ((3, 2), 2), ((4,), 2))),
    record("dsplit", np.dsplit, calls(((1, 2, 4), 2), ((1, 1, 3), [1]), ((2, 4), 2))),
    record("block", as_blocks(np.block), blocks, fn=as_blocks(pa.block)),
    record("delete", np.delete, DELETIONS),
    record("insert", np.insert, insertions, diff=(0, 2)),
    record(
        "resize", np.resize, calls(((3,), 5), ((2, 3), (2, 2)), ((0,), (2,)), ((3,), -1), ((3,), 0))
    ),
    record(
        "trim_zeros",
        masked(np.where, np.trim_zeros),
        trimmed,
        diff=(1,),
        fn=masked(pa.where, pa.trim_zeros),
    ),
    record(
        "rollaxis",
        np.rollaxis,
        calls(
            ((2, 1, 3), 2),
            ((2, 1, 3), 0, 2),
            ((2, 1, 3), 1, 3),
            ((2, 1, 3), 1, 1),
            ((2, 3), -1, -1),
            ((2, 1, 3), 0, -1),
            ((2, 1, 3), 1, -3),
            ((2, 1, 3), 1, -4),
            ((2, 3), 2),
            ((2, 3), 0, 4),
        ),
    ),
    record("flipud", np.flipud, calls(((3,),), ((2, 3),), ((0, 2),), ((),))),
    record("fliplr", np.fliplr, calls(((2, 3),), ((2, 3, 2),), ((3,),))),
    record(
        "diag",
        np.diag,
        calls(((3,),), ((2,), 1), ((2,), -2), ((0,),), ((2, 3),), ((3, 2), 1), ((2, 2, 2),), ((),)),
    ),
    record("diagflat", np.diagflat, calls(((3,),), ((2, 2), 1), ((),), ((2,), -1))),
]


def near_pairs(rng):
    x = rng.uniform(-2, 2, (2, 3))
    yield x, x + rng.choice([0, 1e-10, 1e-3], x.shape)
    yield x, x[0]
    yield Sample((x, np.where(x > 0, np.nan, x)), {"equal_nan": True})
    yield Sample((np.where(x > 0, np.nan, x),) * 2, {"equal_nan": True})
    yield Sample((x, x + 0.1), {"rtol": 0.0, "atol": 0.2})


def whole_pairs(rng):
    x = rng.uniform(-2, 2, (2, 3))
    yield x, x.copy()
    yield x, x + 1
    yield x, rng.uniform(-2, 2, (3, 2))
    yield np.zeros((0, 2)), np.zeros((0, 2))


def pairs_with_gaps(rng):
    yield from whole_pairs(rng)
    x = np.array([1.0, np.nan, 2.0])
    for y in (x, np.array([np.nan, 1.0, 2.0])):
        yield Sample((x, y), {"equal_nan": True})
        yield x, y
    yield Sample((np.array([1, 2]), np.array([1, 2])), {"equal_nan": True})


def rows_of_pairs(rng):
    yield from whole_pairs(rng)
    row = rng.uniform(-2, 2, 3)
    yield np.stack([row, row]), row


COMPARISON = [
    record("isclose", np.isclose, near_pairs, diff=()),
    record("allclose", np.allclose, near_pairs, diff=()),
    record("array_equal", np.array_equal, pairs_with_gaps, diff=()),
    record("array_equiv", np.array_equiv, rows_of_pairs, diff=()),
]


def lines(rng):
    for shape, axis in [
        ((3,), 0),
        ((2, 3), 0),
        ((2, 1, 3), -2),
        ((2, 3), 1),
        ((2, 3), 2),
        ((0, 2), 1),
    ]:
        yield rng.uniform(-2, 2, shape), axis


def sums_over_axes(rng):
    for axes in (0, (0, 2), [-1]):
        yield rng.uniform(-2, 2, (2, 1, 3)), axes
    yield rng.uniform(-2, 2, (2, 3)), 2


def windows(rng):
    for shape, window, axis in [
        ((5,), 2, None),
        ((3, 4), (2, 3), None),
        ((3, 4), (4, 1), (1, 0)),
        ((2, 4), (2, 2), (-1, 1)),
        ((3,), 0, None),
        ((3,), 4, None),
        ((3, 2), 2, None),
        ((3,), -1, None),
    ]:
        yield rng.uniform(-2, 2, shape), window, axis


def outer_sine(v):
    return np.multiply.outer(np.sin(v), v[:2])


TRANSFORMS = [
    record(
        "apply_along_axis",
        in_float(lambda x, axis: np.apply_along_axis(outer_sine, axis, x)),
        lines,
        fn=lambda x, axis: pa.apply_along_axis(outer_sine, axis, x),
    ),
    record(
        "apply_over_axes",
        lambda x, axes: np.apply_over_axes(np.sum, x, axes),
        sums_over_axes,
        fn=lambda x, axes: pa.apply_over_axes(pa.sum, x, axes),
    ),
    record("sliding_window_view", np.lib.stride_tricks.sliding_window_view, windows),
]

RECORDS = [*INDEXING, *JOINING, *COMPARISON, *TRANSFORMS]
