"""Records of the ops that move elements about: views, joins, splits, repetitions."""

import numpy as np

from .record import Sample, record


def calls(*cases):
    """Samples from (shape of x, further arguments, keywords)."""

    def samples(rng):
        for shape, *rest in cases:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            yield Sample((rng.uniform(-2, 2, shape), *rest), kwargs)

    return samples


def lists(*cases):
    """Samples from (shapes of the tensors in a list, further arguments, keywords)."""

    def samples(rng):
        for shapes, *rest in cases:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            yield Sample(([rng.uniform(-2, 2, shape) for shape in shapes], *rest), kwargs)

    return samples


EVERY_SHAPE = calls(((),), ((3,),), ((2, 3),), ((2, 1, 3),), ((0, 2),))


def unstack_reference(x, axis=0):
    return list(np.moveaxis(x, axis, 0))


RECORDS = [
    record(
        "reshape",
        np.reshape,
        calls(
            ((2, 3), (3, 2)),
            ((2, 3), (-1,)),
            ((2, 3), (1, -1, 2)),
            ((1,), ()),
            ((), (1, 1)),
            ((0, 2), (0, 5)),
            ((0, 2), (3, -1)),
            ((2, 3), 6),
            ((2, 3), (4, 2)),
            ((2, 3), (-1, -1)),
            ((2, 3), (-1, 4)),
            ((0, 2), (0, -1)),
        ),
    ),
    record("ravel", np.ravel, EVERY_SHAPE),
    record(
        "permute_dims",
        np.transpose,
        calls(
            ((2, 3), (1, 0)),
            ((2, 1, 3), (2, 0, 1)),
            ((2, 3, 1), (-1, 0, 1)),
            ((0, 2), (1, 0)),
            ((2, 3), (0, 0)),
            ((2, 3), (0,)),
            ((2, 3), (0, 2)),
        ),
    ),
    record(
        "transpose",
        np.transpose,
        calls(((2, 3),), ((2, 1, 3), (2, 0, 1)), ((3,),), ((),), ((0, 2),)),
    ),
    record(
        "matrix_transpose",
        np.matrix_transpose,
        calls(((2, 3),), ((2, 3, 1),), ((0, 2),), ((3,),), ((),)),
    ),
    record(
        "moveaxis",
        np.moveaxis,
        calls(
            ((2, 1, 3), 0, -1),
            ((2, 1, 3), 2, 0),
            ((2, 1, 3), (0, 1), (1, 2)),
            ((2, 3), 0, 2),
            ((2, 3), (0, 0), (0, 1)),
            ((2, 3), (0, 1), (0,)),
        ),
    ),
    record("swapaxes", np.swapaxes, calls(((2, 1, 3), 0, 2), ((2, 3), -1, 0), ((2, 3), 0, 2))),
    record(
        "broadcast_to",
        np.broadcast_to,
        calls(
            ((3,), (2, 3)),
            ((2, 1), (2, 3)),
            ((), (2, 2)),
            ((1, 2), (0, 2)),
            ((2, 3), (2, 3)),
            ((2,), (3,)),
            ((2, 3), (3,)),
        ),
    ),
    record(
        "broadcast_arrays",
        lambda arrays: np.broadcast_arrays(*arrays),
        lists(
            ([(3,), (2, 1)],), ([(), (2,), (1, 1)],), ([(2,)],), ([(0, 1), (2,)],), ([(2,), (3,)],)
        ),
        diff=(0,),
    ),
    record(
        "expand_dims",
        np.expand_dims,
        calls(
            ((3,), 0),
            ((3,), -1),
            ((2, 3), 1),
            ((2, 3), (0, -1)),
            ((), 0),
            ((0, 2), 1),
            ((3,), 2),
            ((3,), (0, 0)),
        ),
    ),
    record(
        "squeeze",
        np.squeeze,
        calls(
            ((1, 3, 1),),
            ((1, 3, 1), 0),
            ((1, 3, 1), (0, -1)),
            ((),),
            ((2, 3),),
            ((0, 1), 1),
            ((2, 3), 0),
            ((1, 3), 2),
        ),
    ),
    record(
        "flip",
        np.flip,
        calls(((3,),), ((2, 3),), ((2, 3), 0), ((2, 1, 3), (0, -1)), ((),), ((0, 2), 1), ((2,), 1)),
    ),
    record(
        "rot90",
        np.rot90,
        calls(
            ((2, 3),),
            ((2, 3), 2),
            ((2, 3), -1),
            ((2, 1, 3), 3, (1, 2)),
            ((2, 3), 4),
            ((3,),),
            ((2, 3), 1, (0, 0)),
        ),
    ),
    record("atleast_1d", np.atleast_1d, EVERY_SHAPE),
    record("atleast_2d", np.atleast_2d, EVERY_SHAPE),
    record("atleast_3d", np.atleast_3d, EVERY_SHAPE),
    record(
        "concat",
        np.concatenate,
        lists(
            ([(2, 3), (1, 3)],),
            ([(2, 3), (2, 1), (2, 2)], 1),
            ([(2,), (0,), (1,)], -1),
            ([(2, 1), (3,)], None),
            ([(2, 2)],),
            ([(), (2,)],),
            ([(2, 3), (2, 2)],),
            ([(2,), (2, 2)],),
            ([(2,), (2,)], 1),
        ),
    ),
    record(
        "stack",
        np.stack,
        lists(
            ([(3,), (3,)],),
            ([(2, 3), (2, 3)], -1),
            ([(2, 1), (2, 1), (2, 1)], 1),
            ([(), ()],),
            ([(0, 2), (0, 2)],),
            ([(3,), (2,)],),
            ([(3,), (3,)], 2),
        ),
    ),
    record(
        "hstack",
        np.hstack,
        lists(([(2, 1), (2, 2)],), ([(2,), (1,)],), ([(), ()],), ([(2, 1), (1, 1)],)),
    ),
    record(
        "vstack", np.vstack, lists(([(2,), (2,)],), ([(2,), (1, 2)],), ([(), ()],), ([(2,), (3,)],))
    ),
    record(
        "split",
        np.split,
        calls(
            ((4,), 2),
            ((4, 2), [1, 3]),
            ((2, 3), 3, 1),
            ((2, 3), [1], -1),
            ((4,), [3, 1]),
            ((4,), [2, 9]),
            ((4,), 3),
            ((4,), 2, 1),
        ),
    ),
    record("array_split", np.array_split, calls(((5,), 3), ((5, 2), 2, 1), ((2,), 3), ((4,), [1]))),
    record(
        "unstack",
        unstack_reference,
        calls(((2, 3),), ((2, 3), {"axis": 1}), ((2, 1, 2), {"axis": -1}), ((2,), {"axis": 1})),
    ),
    record(
        "meshgrid",
        lambda arrays, indexing="xy": np.meshgrid(*arrays, indexing=indexing),
        lists(
            ([(2,), (3,)],),
            ([(2,), (3,)], {"indexing": "ij"}),
            ([(2,)],),
            ([(2,), (1,), (2,)],),
            ([(2,), (3,)], {"indexing": "ji"}),
        ),
    ),
    record(
        "roll",
        np.roll,
        calls(
            ((4,), 1),
            ((2, 3), -2),
            ((2, 3), 1, 0),
            ((2, 3), (1, -1), (0, 1)),
            ((2, 3), 7, 1),
            ((0, 2), 1, 0),
            ((2, 3), 1, 2),
            ((2, 3), (1, 2, 3), (0, 1)),
        ),
    ),
    record(
        "tile",
        np.tile,
        calls(((2,), 2), ((2,), (2, 2)), ((2, 3), (2, 1)), ((2, 1), (2, 1, 2)), ((2,), 0), ((), 3)),
    ),
    record(
        "repeat",
        np.repeat,
        calls(
            ((3,), 2),
            ((2, 3), 2),
            ((2, 3), 2, 0),
            ((2, 3), [1, 0, 2], 1),
            ((3,), [2, 0, 1]),
            ((2, 3), 0, 1),
            ((2, 3), [1, 2], 1),
            ((2, 3), -1, 1),
            ((2, 3), 2, 2),
        ),
    ),
    record(
        "pad",
        np.pad,
        calls(
            ((3,), 1),
            ((3,), (1, 2)),
            ((2, 3), ((1, 0), (0, 2))),
            ((2, 3), ((1, 2),), {"constant_values": 1.5}),
            ((2, 3), 1, {"mode": "edge"}),
            ((2, 3), (1, 1), {"mode": "reflect"}),
            ((2, 3), (2, 1), {"mode": "symmetric"}),
            ((2, 3), 1, {"mode": "wrap"}),
            ((3,), 5, {"mode": "reflect"}),
            ((2, 3), (2, 1), {"constant_values": (1.5, 2.5)}),
            ((2, 3), 1, {"constant_values": ((1.0, 2.0), (3.0, 4.0))}),
            ((2, 3), (3, 2), {"mode": "linear_ramp"}),
            ((2, 3), ((1, 0), (2, 3)), {"mode": "linear_ramp", "end_values": (4.0, 0.5)}),
            ((2, 3), (2, 1), {"mode": "maximum"}),
            ((2, 3), (0, 1), {"mode": "minimum", "stat_length": 2}),
            ((2, 3), 1, {"mode": "mean"}),
            ((2, 4), 1, {"mode": "mean", "stat_length": ((1, 2), (3, 9))}),
            ((2, 4), 1, {"mode": "median"}),
            ((3,), (1, 2), {"mode": "reflect", "reflect_type": "odd"}),
            ((2, 4), (3, 7), {"mode": "reflect", "reflect_type": "odd"}),
            ((2, 3), (2, 8), {"mode": "symmetric", "reflect_type": "odd"}),
            ((1, 2), 2, {"mode": "reflect", "reflect_type": "odd"}),
            ((0, 2), 1),
            ((3,), -1),
            ((3,), 1, {"mode": "sideways"}),
            ((0,), 1, {"mode": "mean"}),
            ((0,), 1, {"mode": "reflect", "reflect_type": "odd"}),
            ((0,), 1, {"mode": "edge"}),
            ((2, 3), ((1, 1), (1, 1), (1, 1))),
        ),
    ),
]
