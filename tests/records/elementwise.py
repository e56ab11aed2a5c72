"""Records of the elementwise ops."""

from dataclasses import replace

import numpy as np
import scipy.special as sc

import pyautograd as pa

from .record import (
    ALL,
    INTEGERS,
    NUMBERS,
    PAIRS,
    REAL,
    SHAPES,
    Sample,
    away_from,
    binary,
    in_float,
    record,
    unary,
)

NO_BOOL = NUMBERS
BITS = ("bool", *INTEGERS)
HALVES = (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2)


def positive(rng, a, b):
    return rng.uniform(0.3, 2, a), rng.uniform(-2, 2, b)


def apart(rng, a, b):
    """Second argument off zero, and the quotient off the integers."""
    y = away_from(rng.uniform(-2, 2, b), 0, margin=0.4)
    quotient = rng.integers(-3, 4, np.broadcast_shapes(a, b)) + rng.uniform(0.2, 0.8)
    x = quotient * y
    return (x, y) if x.shape == a else (away_from(rng.uniform(0.1, 0.3, a), 0), y)


def no_zero_divisor(rng, a, b):
    return rng.uniform(-2, 2, a), away_from(rng.uniform(-2, 2, b), 0, margin=0.3)


def unequal(rng, a, b):
    """Broadcast pairs that never come close to a tie."""
    return rng.choice([-1.5, -0.5, 0.5, 1.5], a), rng.choice([-1.0, 0.0, 1.0], b)


def with_ties(rng, a, b):
    return rng.integers(-1, 2, a).astype(float), rng.integers(-1, 2, b).astype(float)


def shifts(rng, a, b):
    return rng.integers(-9, 9, a).astype(float), rng.integers(0, 7, b).astype(float)


def signed_off_zero(rng, a, b):
    return (
        away_from(rng.uniform(-2, 2, a), 0, margin=0.2),
        away_from(rng.uniform(-2, 2, b), 0, margin=0.2),
    )


def sigmoid_reference(x):
    return 1 / (1 + np.exp(-x)) if x.dtype.kind == "c" else sc.expit(x)


def complex_reference(x, y):
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), np.result_type(x, y, np.complex64))
    out.real, out.imag = x, y
    return out


def logaddexp_reference(real, base):
    """NumPy's, which refuses complex numbers, and their principal logarithm."""

    def reference(x, y):
        if x.dtype.kind != "c" and y.dtype.kind != "c":
            return real(x, y)
        top = np.maximum(x.real, y.real)
        return (np.log(base ** (x - top) + base ** (y - top)) / np.log(base) + top).astype(
            np.result_type(x, y)
        )

    return reference


def softplus_reference(x):
    return logaddexp_reference(np.logaddexp, np.e)(np.zeros_like(x), x)


def round_reference(x):
    """NumPy makes float16 of bools."""
    return x if x.dtype == bool else np.round(x)


def with_integers(record):
    """The same with samples that need no cast, for ops that take no floats."""

    def samples(rng):
        for sample in record.samples(rng):
            yield sample
            yield sample._replace(args=tuple(a.astype(np.int64) for a in sample.args))

    return replace(record, samples=samples)


def where_samples(rng):
    for a, b in [((2, 3), (2, 3)), ((3,), (2, 1)), ((), (2,)), ((0, 3), (3,))]:
        mask = rng.uniform(size=np.broadcast_shapes(a, b)) < 0.5
        yield mask, rng.uniform(-1, 1, a), rng.uniform(-1, 1, b)
    yield np.array([True, False]), rng.uniform(size=(3, 2)), rng.uniform(size=(1, 2))


def clip_samples(rng):
    for shape in SHAPES:
        x = away_from(rng.uniform(-2, 2, shape), -1, 1)
        yield x, np.array(-1.0), np.array(1.0)
        yield x, None, np.array(1.0)
        yield x, np.array(-1.0), None
    x = away_from(rng.uniform(-2, 2, (2, 3)), -1, 0, 1)
    yield x, np.array([-1.0, 0, -1]), np.array([[1.0], [1.0]])
    yield Sample((x,), {"min": -1.0, "max": 1.0})


def clip_reference(x, min=None, max=None):
    """On a bound x itself, where it is NumPy's choice whether 0 or -0 is the larger."""
    out = np.clip(x, min, max)
    return np.where(out == x, x, out)


def number_wins(ref):
    """Of two zeros NumPy's fmax takes either."""

    def reference(x, y):
        return np.where(np.isnan(x), y, np.where(np.isnan(y), x, ref(x, y)))

    return reference


def pairs(draw):
    return lambda rng: (draw(rng, *shapes) for shapes in PAIRS)


def float_power_samples(rng):
    """Powers that are exact in float32, too: the result is float64 even there."""
    for shapes in PAIRS:
        yield rng.integers(1, 9, shapes[0]) / 4, rng.integers(-2, 3, shapes[1]) / 1.0


def frexp_samples(rng):
    for shape in SHAPES:
        yield (rng.uniform(0.6, 0.9, shape) * rng.choice([-4.0, 1.0, 0.125], shape),)


def ldexp_reference(x, n):
    wide = in_float(lambda x: x)(x)
    return np.ldexp(wide, n.astype(np.int64) if n.dtype.kind in "bu" else n)


def ldexp_samples(rng):
    for a, b in PAIRS:
        yield rng.uniform(-2, 2, a), rng.integers(-3, 4, b)
    yield rng.uniform(-2, 2, 2), np.array([2000, -2000])
    yield rng.uniform(-2, 2, 2), np.array([1.0, 2.0], np.float32)


def nan_to_num_samples(rng):
    for shape in SHAPES:
        yield Sample((rng.uniform(-2, 2, shape),))
    yield Sample((rng.uniform(-2, 2, 3),), {"nan": 2.0, "posinf": 5.0, "neginf": -3.0})


def nan_to_num_reference(x, **kwargs):
    return np.nan_to_num(x, **kwargs)


RECORDS = [
    # exponentials and logarithms
    unary("exp"),
    unary("exp2"),
    unary("expm1"),
    unary("log", low=0.3, high=3),
    unary("log2", low=0.3, high=3),
    unary("log10", low=0.3, high=3),
    unary("log1p", low=-0.7, high=3),
    # roots and powers
    unary("sqrt", low=0.3, high=3),
    unary("rsqrt", lambda x: 1 / np.sqrt(x), low=0.3, high=3),
    unary("cbrt", low=0.3, high=3, dtypes=REAL),
    unary("square", floating=False),
    unary("reciprocal", low=0.3, high=3),
    binary("power", draw=positive, tol=64),
    # trigonometric and hyperbolic
    unary("sin"),
    unary("cos"),
    unary("tan", low=-1, high=1),
    unary("asin", low=-0.7, high=0.7),
    unary("acos", low=-0.7, high=0.7),
    unary("atan"),
    unary("sinh"),
    unary("cosh"),
    unary("tanh"),
    unary("asinh"),
    unary("acosh", low=1.3, high=3),
    unary("atanh", low=-0.7, high=0.7),
    binary("atan2", draw=signed_off_zero, floating=True, dtypes=REAL),
    binary("hypot", draw=signed_off_zero, floating=True, dtypes=REAL),
    # special functions
    unary("erf", sc.erf),
    unary("erfc", sc.erfc, tol=64),
    unary("sigmoid", sigmoid_reference),
    unary("softplus", softplus_reference),
    unary(
        "relu", lambda x: np.maximum(x, np.zeros_like(x)), kinks=(0,), floating=False, dtypes=REAL
    ),
    binary("logaddexp", logaddexp_reference(np.logaddexp, np.e), floating=True),
    binary("logaddexp2", logaddexp_reference(np.logaddexp2, 2), floating=True),
    binary("xlogy", sc.xlogy, draw=lambda rng, a, b: positive(rng, b, a)[::-1], floating=True),
    # arithmetic
    binary("add"),
    binary("subtract", dtypes=NO_BOOL),
    binary("multiply"),
    binary("divide", draw=no_zero_divisor),
    binary("floor_divide", draw=apart, dtypes=REAL),
    binary("remainder", draw=apart, tol=64, dtypes=REAL),
    binary("fmod", draw=apart, tol=64, dtypes=REAL),
    unary("negative", floating=False, dtypes=NO_BOOL),
    unary("absolute", kinks=(0,), floating=False),
    unary("sign", kinks=(0,), floating=False, dtypes=NO_BOOL),
    binary("copysign", draw=signed_off_zero, floating=True, dtypes=REAL),
    binary("maximum", draw=unequal, dtypes=REAL),
    binary("minimum", draw=unequal, dtypes=REAL),
    # complex numbers and their parts
    unary("angle", np.angle, kinks=(0,)),
    unary("conj", lambda x: np.conj(x) if x.dtype.kind == "c" else x, floating=False),
    unary("real", np.real, floating=False),
    unary("imag", np.imag, floating=False),
    binary("complex", complex_reference, floating=True, dtypes=REAL),
    binary("heaviside", draw=signed_off_zero, floating=True, dtypes=REAL),
    binary("nextafter", draw=signed_off_zero, floating=True, dtypes=REAL),
    binary("fmax", number_wins(np.maximum), draw=unequal, dtypes=REAL),
    binary("fmin", number_wins(np.minimum), draw=unequal, dtypes=REAL),
    record("float_power", np.float_power, float_power_samples, diff=(0, 1), tol=64),
    record("divmod", np.divmod, pairs(apart), diff=(0, 1), tol=64, dtypes=REAL),
    unary("positive", floating=False, dtypes=NO_BOOL),
    unary("rint", kinks=HALVES, dtypes=REAL),
    unary("fabs", kinks=(0,), dtypes=REAL),
    unary("deg2rad", dtypes=REAL),
    unary("rad2deg", dtypes=REAL),
    unary("spacing", low=0.6, high=0.9, dtypes=REAL),
    unary("modf", kinks=HALVES, dtypes=REAL),
    record(
        "frexp",
        in_float(lambda x: np.frexp(x)[0]),
        frexp_samples,
        fn=lambda x: pa.frexp(x)[0],
        dtypes=REAL,
    ),
    record("ldexp", ldexp_reference, ldexp_samples, dtypes=REAL),
    record("nan_to_num", nan_to_num_reference, nan_to_num_samples),
    # rounding
    *[
        unary(name, ref, kinks=HALVES, floating=False, dtypes=dtypes)
        for name, ref, dtypes in [
            ("floor", None, REAL),
            ("ceil", None, REAL),
            ("trunc", None, REAL),
            ("round", round_reference, ALL),
        ]
    ],
    # comparison and logic
    *[
        binary(name, draw=with_ties, diff=(), dtypes=dtypes)
        for dtypes, names in (
            (ALL, ("equal", "not_equal", "logical_and", "logical_or", "logical_xor")),
            (REAL, ("less", "less_equal", "greater", "greater_equal")),
        )
        for name in names
    ],
    unary("logical_not", diff=(), floating=False),
    unary("isnan", diff=(), floating=False),
    unary("isinf", diff=(), floating=False),
    unary("isfinite", diff=(), floating=False),
    unary("signbit", diff=(), dtypes=REAL),
    unary("isposinf", diff=(), floating=False, dtypes=REAL),
    unary("isneginf", diff=(), floating=False, dtypes=REAL),
    # bits
    *map(
        with_integers,
        [
            unary("bitwise_invert", low=-9, high=9, diff=(), floating=False, dtypes=BITS),
            binary("bitwise_and", draw=shifts, diff=(), dtypes=BITS),
            binary("bitwise_or", draw=shifts, diff=(), dtypes=BITS),
            binary("bitwise_xor", draw=shifts, diff=(), dtypes=BITS),
            binary("bitwise_left_shift", draw=shifts, diff=(), dtypes=BITS),
            binary("bitwise_right_shift", draw=shifts, diff=(), dtypes=BITS),
            unary("bitwise_count", low=-9, high=9, diff=(), floating=False, dtypes=BITS),
            binary("gcd", draw=shifts, diff=(), dtypes=BITS),
            binary("lcm", draw=shifts, diff=(), dtypes=BITS),
        ],
    ),
    record("where", np.where, where_samples, diff=(1, 2)),
    record("clip", clip_reference, clip_samples, diff=(0, 1, 2), dtypes=REAL),
]
