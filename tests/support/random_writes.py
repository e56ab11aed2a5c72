"""Random programs that write into arrays, which they also see through views, in NumPy and here.

NumPy runs them with complex numbers, too: the imaginary part of a result is its derivative in the
direction of a tiny imaginary step (Squire and Trapp 1998, doi:10.1137/S003614459631241X), exact to
roundoff whatever was written where.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

LARGEST = 24  # elements of one array
TINY = 1e-30


class Step(NamedTuple):
    do: str
    array: int
    other: int  # what is read beside it
    params: tuple[Any, ...]


@dataclass(frozen=True)
class Writes:
    shape: tuple[int, ...]
    steps: tuple[Step, ...]
    seed: int

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """A point and a direction."""
        rng = np.random.default_rng(self.seed)
        return rng.uniform(-1.2, 1.2, self.shape), rng.uniform(-1, 1, self.shape)

    def arrays(self, lib: Any, x: Any) -> dict[int, Any]:
        arrays = {0: x}
        for number, step in enumerate(self.steps, 1):
            do_step(lib, arrays, number, step)
        return arrays

    def __call__(self, lib: Any, x: Any) -> Any:
        total = 0.0
        for number, y in self.arrays(lib, x).items():
            total = total + lib.sum(lib.sin(y)) * (0.3 + 0.1 * (number % 5))
        return total

    def value(self, x: np.ndarray) -> float:
        return self(np, x.copy())

    def slope(self, x: np.ndarray, v: np.ndarray) -> float:
        return np.imag(self(np, x + 1j * TINY * v)) / TINY

    def gradient(self, x: np.ndarray) -> np.ndarray:
        basis = np.eye(x.size).reshape(x.size, *x.shape)
        return np.reshape([self.slope(x, v) for v in basis], x.shape)


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "sin": lambda m, x: m.sin(x),
    "tanh": lambda m, x: m.tanh(x),
    "square": lambda m, x: x * x,
    "affine": lambda m, x: 0.7 * x - 0.2,
    "quotient": lambda m, x: 1 / (2 + m.sin(x)),
    "root": lambda m, x: m.sqrt(2 + m.cos(x)),
}
UPDATES = (operator.iadd, operator.isub, operator.imul, operator.itruediv)
SHAPES: dict[str, Callable[[Any, Any], Any]] = {
    "flat": lambda m, x: m.reshape(x, (-1,)),
    "turned": lambda m, x: x.T if x.ndim == 2 else x[None],
    "flipped": lambda m, x: m.flip(x),
}


def row_major(x: Any) -> Any:
    """Results have this layout here, and in NumPy unless their operands have another one."""
    return np.ascontiguousarray(x) if isinstance(x, np.ndarray) else x


def do_step(lib: Any, arrays: dict[int, Any], number: int, step: Step) -> None:
    """One line of the program; what it makes gets the line's number."""
    x, y = arrays[step.array], arrays[step.other]
    if step.do == "function":
        arrays[number] = row_major(FUNCTIONS[step.params[0]](lib, x))
    elif step.do == "product":
        arrays[number] = row_major(x * lib.sin(y))
    elif step.do == "view":
        arrays[number] = x[step.params[0]]
    elif step.do == "shape":
        arrays[number] = SHAPES[step.params[0]](lib, x)
    elif step.do == "set":
        x[step.params[0]] = FUNCTIONS[step.params[1]](lib, y)
    elif step.do == "set number":
        x[step.params[0]] = 0.75
    elif step.do == "update":  # x[index] += y
        index, update, function = step.params
        x[index] = update(x[index], 2 + FUNCTIONS[function](lib, y))
    elif step.do == "update all":
        update, function = step.params
        arrays[step.array] = update(x, 2 + FUNCTIONS[function](lib, y))
    elif step.do == "forget":
        del arrays[step.array]


def some_range(rng: Any, size: int) -> slice:
    start = rng.randrange(size)
    stop = rng.randint(start + 1, size)
    if rng.random() < 0.3:
        return slice(stop - 1, start - 1 if start else None, -1)
    return slice(start, stop, rng.choice([None, 1, 2]))


def ranges(rng: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index of a view that keeps an axis."""
    index = tuple(some_range(rng, n) for n in shape[: rng.randint(1, len(shape))])
    if len(shape) > 1 and rng.random() < 0.3:
        return (*index[:1], rng.randrange(shape[1]))
    return (Ellipsis, *index) if len(index) == len(shape) and rng.random() < 0.2 else index


def places(rng: Any, shape: tuple[int, ...]) -> Any:
    """Any index that names no element twice."""
    kind = rng.choice(["ranges", "number", "list", "inner list", "mask", "row mask"])
    if kind == "number":
        return rng.randrange(-shape[0], shape[0])
    if kind in ("list", "inner list"):
        axis = 0 if kind == "list" else len(shape) - 1
        chosen = rng.sample(range(shape[axis]), rng.randint(1, shape[axis]))
        return (slice(None),) * axis + (np.array(chosen),)
    if kind in ("mask", "row mask"):
        shape = shape if kind == "mask" else shape[:1]
        return np.array([rng.random() < 0.6 for _ in range(int(np.prod(shape)))]).reshape(shape)
    return ranges(rng, shape)


def fits(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, into) == into
    except ValueError:
        return False


def some_step(rng: Any, arrays: dict[int, np.ndarray]) -> Step | None:
    """A step that NumPy can do, or None."""
    do = rng.choice(
        ["function", "product", "view", "shape", "forget", "set number"]
        + 2 * ["set", "update", "update all"]
    )
    made = [number for number in arrays if number]
    writes = do in ("set", "set number", "update", "update all")
    if (writes or do == "forget") and not made:
        return None
    array = rng.choice(made if writes or do == "forget" else list(arrays))
    other = rng.choice(list(arrays))
    if writes and rng.random() < 0.6:  # most writes under another living view are refused
        sharing = [i for i in arrays if i != array and np.shares_memory(arrays[i], arrays[array])]
        if sharing:
            return Step("forget", sharing[-1], sharing[-1], ()) if sharing[-1] else None
    shape, beside = arrays[array].shape, arrays[other].shape
    function, update = rng.choice(sorted(FUNCTIONS)), rng.choice(UPDATES)
    if do == "product":
        return Step(do, array, other, ()) if fits(beside, shape) else None
    if do in ("set", "set number", "update"):
        index = places(rng, shape)
        if do != "set number" and not fits(beside, np.shape(arrays[array][index])):
            return None
        params = {"set": (index, function), "update": (index, update, function)}
        return Step(do, array, other, params.get(do, (index,)))
    params = {
        "function": (function,),
        "view": (ranges(rng, shape),),
        "shape": (rng.choice(sorted(SHAPES)),),
        "update all": (update, function),
        "forget": (),
    }
    if do == "update all" and not fits(beside, shape):
        return None
    return Step(do, array, array if do in ("forget", "view", "shape") else other, params[do])


@st.composite
def programs_that_write(draw: Any, longest: int = 10) -> Writes:
    rng = draw(st.randoms(use_true_random=True))
    shape = tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 2)))
    program = Writes(shape, (), rng.randrange(10**6))
    arrays = {0: program.inputs()[0]}
    steps: list[Step] = []
    length = rng.randint(3, longest)
    while len(steps) < length:
        step = some_step(rng, arrays)
        if step is None:
            continue
        do_step(np, arrays, len(steps) + 1, step)
        steps.append(step)
        if any(y.size > LARGEST or np.abs(y).max(initial=0) > 50 for y in arrays.values()):
            return draw(programs_that_write(longest))
    return Writes(shape, tuple(steps), program.seed)
