"""Random functions that are made of derivatives of functions, which capture variables from outside.

Every derivative is taken by a transform chosen at random, and again by symbols: sums, products and
sines are all there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from hypothesis import strategies as st

import pyautograd as pa
from pyautograd import func


class Variable(NamedTuple):
    name: str


class Call(NamedTuple):
    """A sum or product of two, a sine or cosine of one."""

    op: str
    operands: tuple[Any, ...]


class Slope(NamedTuple):
    """The derivative of a body with respect to a variable, at a value of that variable."""

    name: str
    body: Any
    at: Any
    how: str


class Wrapped(NamedTuple):
    """The same value, by way of something else."""

    how: str
    body: Any


Expression: TypeAlias = float | Variable | Call | Slope | Wrapped
Scope: TypeAlias = dict[str, Any]

OPS = {
    "sin": (np.sin, pa.sin),
    "cos": (np.cos, pa.cos),
    "add": (np.add, pa.add),
    "multiply": (np.multiply, pa.multiply),
}


def add(a: Expression, b: Expression) -> Expression:
    return b if a == 0.0 else a if b == 0.0 else Call("add", (a, b))


def multiply(a: Expression, b: Expression) -> Expression:
    return 0.0 if 0.0 in (a, b) else Call("multiply", (a, b))


def slope(e: Expression, name: str) -> Expression:
    """The derivative of variables, numbers and calls."""
    if isinstance(e, float):
        return 0.0
    if isinstance(e, Variable):
        return float(e.name == name)
    if e.op in ("add", "multiply"):
        a, b = e.operands
        da, db = slope(a, name), slope(b, name)
        return add(da, db) if e.op == "add" else add(multiply(da, b), multiply(a, db))
    (a,) = e.operands
    outer = Call("cos", (a,)) if e.op == "sin" else multiply(-1.0, Call("sin", (a,)))
    return multiply(outer, slope(a, name))


def replaced(e: Expression, name: str, value: Expression) -> Expression:
    if isinstance(e, Variable):
        return value if e.name == name else e
    if isinstance(e, float):
        return e
    return Call(e.op, tuple(replaced(a, name, value) for a in e.operands))


def by_symbols(e: Expression) -> Expression:
    """Without derivatives and detours."""
    if isinstance(e, (float, Variable)):
        return e
    if isinstance(e, Wrapped):
        return by_symbols(e.body)
    if isinstance(e, Slope):
        return replaced(slope(by_symbols(e.body), e.name), e.name, by_symbols(e.at))
    return Call(e.op, tuple(map(by_symbols, e.operands)))


def size(e: Expression) -> int:
    return 1 + sum(map(size, e.operands)) if isinstance(e, Call) else 1


def value(e: Expression, scope: Scope) -> float:
    if isinstance(e, float):
        return e
    if isinstance(e, Variable):
        return scope[e.name]
    return OPS[e.op][0](*[value(a, scope) for a in e.operands])


def run(e: Expression, scope: Scope) -> Any:
    """The same by the library, with derivatives by its transforms."""
    if isinstance(e, float):
        return pa.tensor(e)
    if isinstance(e, Variable):
        return scope[e.name]
    if isinstance(e, Wrapped):
        return WRAPPERS[e.how](lambda scope: run(e.body, scope), scope)
    if isinstance(e, Slope):
        return SLOPES[e.how](lambda y: run(e.body, scope | {e.name: y}), run(e.at, scope))
    return OPS[e.op][1](*[run(a, scope) for a in e.operands])


def along(f: Callable[[Any], Any], x: Any) -> Any:
    return func.jvp(f, (x,), (pa.ones(()),))[1]


def checkpointed(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: pa.checkpoint(f, x)


SLOPES: dict[str, Callable[[Callable[[Any], Any], Any], Any]] = {
    "grad": lambda f, x: func.grad(f)(x),
    "value_and_grad": lambda f, x: func.value_and_grad(f)(x)[1],
    "one of three": lambda f, x: func.grad(lambda a, b, c: f(b), argnums=(1,))(None, x, 3)[0],
    "vjp": lambda f, x: func.vjp(f, x)[1](pa.ones(()))[0],
    "jvp": along,
    "linearize": lambda f, x: func.linearize(f, x)[1](pa.ones(())),
    "jacfwd": lambda f, x: func.jacfwd(f)(x),
    "jacrev": lambda f, x: func.jacrev(f)(x),
    "taylor": lambda f, x: func.taylor(f, x, pa.ones(()), 1)[1],
    "grad in vmap": lambda f, x: func.vmap(func.grad(f))(pa.stack([0.3 * x, x]))[1],
    "jvp in vmap": lambda f, x: func.vmap(lambda y: along(f, y))(pa.stack([x, 0.3 * x]))[0],
    "vmap in jvp": lambda f, x: along(lambda y: func.vmap(f)(pa.stack([y, y]))[1], x),
    "checkpoint in grad": lambda f, x: func.grad(checkpointed(f))(x),
    "checkpoint in jvp": lambda f, x: along(checkpointed(f), x),
    "grad in checkpoint": lambda f, x: checkpointed(func.grad(f))(x),
}


def written(body: Callable[[Scope], Any], scope: Scope) -> Any:
    y = pa.zeros(3) * 1.0
    y[1] = body(scope)
    y[1] += 1.0
    return y[1] - 1.0


def one_mapped(body: Callable[[Scope], Any], scope: Scope) -> Any:
    """Under a vmap over one of the variables."""
    name = max(scope)
    both = pa.stack([0.5 * scope[name], scope[name]])
    return func.vmap(lambda x: body(scope | {name: x}))(both)[1]


def passed_on(body: Callable[[Scope], Any], scope: Scope) -> Any:
    """A checkpoint with all variables as arguments."""
    return pa.checkpoint(lambda *xs: body(dict(zip(scope, xs, strict=True))), *scope.values())


WRAPPERS: dict[str, Callable[[Callable[[Scope], Any], Scope], Any]] = {
    "checkpoint": passed_on,
    "checkpoint that captures": lambda body, scope: pa.checkpoint(lambda: body(scope)),
    "vmap": lambda body, scope: func.vmap(lambda z: body(scope) + 0.0 * z)(pa.zeros(2))[1],
    "vmap of a variable": one_mapped,
    "write": written,
    "where": lambda body, scope: pa.where(
        pa.ones((), dtype="bool"), body(scope), pa.sqrt(-pa.ones(()))
    ),
    "scan": lambda body, scope: pa.scan(lambda y, _: (1.0 * y, None), body(scope), length=3)[0],
}


def expression(rng: Any, names: list[str], depth: int, slopes: int) -> Expression:
    kind = rng.choice(["leaf", "sin", "multiply", "multiply", "add", "wrapped"] + 3 * ["slope"])
    if depth <= 0 or kind == "leaf":
        return rng.choice([0.5, -1.5, *map(Variable, names * 4)])
    part = expression(rng, names, depth - 1, slopes)
    if kind in ("multiply", "add"):
        return Call(kind, (part, expression(rng, names, depth - 1, slopes)))
    if kind == "wrapped":
        return Wrapped(rng.choice(sorted(WRAPPERS)), part)
    if kind == "sin" or slopes == 0:
        return Call("sin", (part,))
    name = f"y{slopes}"  # may hide a variable of the same name
    body = expression(rng, [*names, name, name], depth - 1, slopes - 1)
    at = expression(rng, names, depth - 2, slopes - 1)
    return Slope(name, body, at, rng.choice(sorted(SLOPES)))


@st.composite
def nested_derivatives(draw: Any) -> tuple[Expression, Expression, Expression]:
    """A function of x, the same by symbols, and its derivative by symbols."""
    rng = draw(st.randoms(use_true_random=True))
    while True:
        name = "y0"
        depth = rng.randint(2, 6)
        body = expression(rng, ["x", name, name], depth, 2)
        e = Slope(name, body, expression(rng, ["x"], depth - 1, 1), rng.choice(sorted(SLOPES)))
        plain = by_symbols(e)
        if size(plain) < 2000:
            return e, plain, slope(plain, "x")
