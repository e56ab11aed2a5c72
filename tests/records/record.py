"""What a test knows of an op: its reference, sample calls, and what can be differentiated."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

import pyautograd as pa

FLOATS = ("float32", "float64")
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
COMPLEX = ("complex64", "complex128")
REAL_NUMBERS = INTEGERS + FLOATS
NUMBERS = REAL_NUMBERS + COMPLEX
REAL = ("bool", *REAL_NUMBERS)  # what has an order
ALL = ("bool", *NUMBERS)
ORDER = 3  # derivatives are tested up to this order
REFUSALS = (TypeError, ValueError, IndexError, ArithmeticError, RuntimeError)
WRITING = (
    *("copyto", "fill_diagonal", "full_like", "insert", "place", "put", "put_along_axis"),
    "putmask",
)


class Sample(NamedTuple):
    """One call. Arrays, and lists of arrays, are tensors to the op; anything else is passed as is.

    The dtype of float64 arrays varies over the tests; arrays of other dtypes (indices, masks) are
    part of the call's meaning and stay.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = {}

    @property
    def arrays(self) -> list[np.ndarray]:
        return [a for arg in self.args for a in arrays_of(arg)]

    def with_arrays(self, arrays) -> tuple[Any, ...]:
        """The positional arguments with other values in the places of the arrays."""
        rest = iter(arrays)

        def fill(arg):
            if isinstance(arg, list):
                return [next(rest) if isinstance(a, np.ndarray) else a for a in arg]
            return next(rest) if isinstance(arg, np.ndarray) else arg

        return tuple(fill(arg) for arg in self.args)


def arrays_of(arg) -> list[np.ndarray]:
    items = arg if isinstance(arg, list) else [arg]
    return [a for a in items if isinstance(a, np.ndarray)]


@dataclass(frozen=True, eq=False)
class OpRecord:
    """One op of the registry."""

    name: str
    fn: Callable[..., Any]  # the library's
    ref: Callable[..., Any]  # NumPy's or SciPy's, same signature
    samples: Callable[[np.random.Generator], Iterator[Sample]]
    diff: tuple[int, ...]  # the arguments that have a derivative
    dtypes: tuple[str, ...]  # what the samples' float64 arrays may become; TypeError for others
    tol: float = 16  # in units of the last place

    @property
    def label(self) -> str:
        return self.name + ("-complex" if self.dtypes == COMPLEX else "")

    def complexified(self) -> OpRecord:
        """The same op on complex samples, imaginary parts beside the float64 values, and on samples
        that mix both."""

        def samples(rng):
            parts = np.random.default_rng(11)

            def turned(a):
                return np.asarray(a + 1j * parts.uniform(0.2, 0.8, a.shape))

            for sample in self.samples(rng):
                arrays = sample.arrays
                real = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
                for chosen in (real, real[:1], real[1:2]) if len(real) > 1 else (real,):
                    mixed = [turned(a) if i in chosen else a for i, a in enumerate(arrays)]
                    yield sample._replace(args=sample.with_arrays(mixed))

        return replace(self, samples=samples, dtypes=COMPLEX)

    def calls(self) -> list[Sample]:
        """The samples that the reference accepts."""
        return [s for s in self._samples if id(s) in self._values]

    def all_calls(self) -> list[Sample]:
        return list(self._samples)

    @cached_property
    def _samples(self) -> list[Sample]:
        return list(self.samples(np.random.default_rng(sum(map(ord, self.name)))))

    @cached_property
    def _values(self) -> dict[int, list[np.ndarray]]:
        """What the reference returns of the samples that it accepts: dozens of tests ask for it."""
        values = {}
        for sample in self._samples:
            with suppress(*REFUSALS):
                values[id(sample)] = self._computed(sample, sample.arrays)
        return values

    def outcome(self, sample: Sample, arrays) -> list[np.ndarray] | Exception:
        """What the reference returns or raises."""
        try:
            return self.reference(sample, arrays)
        except REFUSALS as error:
            return error

    def call(self, sample: Sample, tensors) -> list[Any]:
        with warnings.catch_warnings():
            if self.asks_for_a_cast(sample):
                warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            out = self.fn(*sample.with_arrays(tensors), **sample.kwargs)
        return list(out) if isinstance(out, (list, tuple)) else [out]

    def asks_for_a_cast(self, sample: Sample) -> bool:
        """Whether complex values may be put where real ones are: a dtype is given, or the op writes
        one array into another."""
        values = [*sample.args, *sample.kwargs.values()]
        return self.name in WRITING or any(
            isinstance(value, (np.dtype, type)) or (isinstance(value, str) and value in ALL)
            for value in values
        )

    def reference(self, sample: Sample, arrays) -> list[np.ndarray]:
        known = self._values.get(id(sample))
        if known and all(a is b for a, b in zip(arrays, sample.arrays, strict=True)):
            return list(known)
        return self._computed(sample, arrays)

    def _computed(self, sample: Sample, arrays) -> list[np.ndarray]:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of nothing
            out = self.ref(*sample.with_arrays(arrays), **sample.kwargs)
        return [np.asarray(a) for a in (out if isinstance(out, (list, tuple)) else [out])]

    def differentiable(self, sample: Sample) -> list[int]:
        """Positions among the sample's arrays."""
        positions, at = [], 0
        for i, arg in enumerate(sample.args):
            arrays = arrays_of(arg)
            if i in self.diff:
                positions += [at + k for k, a in enumerate(arrays) if a.dtype.kind in "fc"]
            at += len(arrays)
        return positions


def away_from(values: np.ndarray, *points: float, margin: float = 0.05) -> np.ndarray:
    """Moves values off the points where a function has no derivative."""
    for point in points:
        near = np.abs(values - point) < margin
        values = np.where(near, point + np.where(values < point, -2, 2) * margin, values)
    return values


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values at least 0.1 apart, in random order: no ties, even under small changes."""
    size = int(np.prod(shape))
    return (rng.permutation(size) * 0.2 - 0.1 * size + 0.05).reshape(shape)


SHAPES = [(), (3,), (2, 3), (0, 2)]
PAIRS = [
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2,)),
    ((3, 1, 2), (2, 1)),
    ((), ()),
    ((0, 2), (1,)),
]


def in_float(ref):
    """A reference that computes integers and bools in float64, as the library does in every op that
    needs floating point (NumPy chooses float16 or float32 for narrow ones)."""

    def wide(*args, **kwargs):
        wider = [
            a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind in "biu" else a
            for a in args
        ]
        if any(a is not b for a, b in zip(wider, args, strict=True)):
            common = np.result_type(*[a for a in args if isinstance(a, np.ndarray)])
            target = common if common.kind in "fc" else np.dtype(np.float64)
            wider = [a.astype(target) if isinstance(a, np.ndarray) else a for a in args]
        return ref(*wider, **kwargs)

    return wide


def op_named(name: str) -> Callable[..., Any]:
    """The library's function, in a module if there is a dot in the name."""
    module, _, short = name.rpartition(".")
    return getattr(getattr(pa, module) if module else pa, short)


def unary(
    name: str,
    ref=None,
    *,
    low: float = -2.0,
    high: float = 2.0,
    kinks: tuple[float, ...] = (),
    dtypes=ALL,
    floating: bool = True,
    diff: tuple[int, ...] = (0,),
    tol: float = 16,
) -> OpRecord:
    """An elementwise op of one argument, on values in (low, high) that keep off the kinks."""
    ref = ref or getattr(np, name)

    def samples(rng):
        for shape in SHAPES:
            yield Sample((away_from(rng.uniform(low, high, shape), *kinks),))

    fn = op_named(name)
    return OpRecord(name, fn, in_float(ref) if floating else ref, samples, diff, dtypes, tol)


def binary(
    name: str,
    ref=None,
    *,
    draw=None,
    dtypes=ALL,
    floating: bool = False,
    diff: tuple[int, ...] = (0, 1),
    tol: float = 16,
) -> OpRecord:
    """An elementwise op of two arguments; draw(rng, shape1, shape2) makes them."""
    ref = ref or getattr(np, name)
    draw = draw or (lambda rng, a, b: (rng.uniform(-2, 2, a), rng.uniform(-2, 2, b)))

    def samples(rng):
        for pair in PAIRS:
            yield Sample(draw(rng, *pair))

    fn = op_named(name)
    return OpRecord(name, fn, in_float(ref) if floating else ref, samples, diff, dtypes, tol)


def record(name, ref, samples, *, diff=(0,), dtypes=ALL, tol=16, fn=None) -> OpRecord:
    """Any other op; samples(rng) yields Sample or bare tuples of arguments."""

    def wrapped(rng):
        for sample in samples(rng):
            yield sample if isinstance(sample, Sample) else Sample(sample)

    return OpRecord(name, fn or op_named(name), ref, wrapped, diff, dtypes, tol)
