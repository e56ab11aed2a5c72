"""The two modes of differentiation in every mixture, to be compared with each other."""

import itertools
import math

import numpy as np

import pyautograd as pa


def forward(f, vs):
    """The derivative of f in a direction, by forward mode."""
    return lambda *xs: pa.func.jvp(f, xs, vs)[1]


def reverse(f, vs):
    """The same by reverse mode."""

    def derivative(*xs):
        gradients = pa.func.grad(f, argnums=tuple(range(len(xs))))(*xs)
        pairs = zip(gradients, vs, strict=True)
        return sum((pa.real(pa.sum(pa.conj(g) * v)) for g, v in pairs), pa.tensor(0.0))

    return derivative


def in_all_modes(f, x, *directions):
    """The derivative of f along all directions, in every mix of modes, and by Taylor series."""
    x = pa.asarray(np.asarray(x, float))
    directions = [pa.asarray(np.asarray(t, float)) for t in directions]
    values = []
    for modes in itertools.product((forward, reverse), repeat=len(directions)):
        g = f
        for mode, t in zip(modes, directions, strict=True):
            g = mode(g, (t,))
        values.append(g(x).item())
        values.append(pa.func.vmap(g)(pa.stack([x, x]))[1].item())
    if all(t is directions[0] for t in directions) or len(directions) == 1:
        n = len(directions)
        values.append(pa.func.taylor(f, x, directions[0], n)[n].item() * math.factorial(n))
    return values


def by_argument(f, at, i):
    """f as a function of its argument number i, with the others at their places."""
    points = [pa.tensor(x) for x in at]
    return lambda x: f(*[x if j == i else p for j, p in enumerate(points)])


def mixed_derivative(f, orders, args):
    """A number: of some order in each argument."""
    for place, order in enumerate(orders):
        for _ in range(order):
            f = pa.func.grad(f, argnums=place)
    return f(*map(pa.tensor, args)).item()


def complex_derivative(f, modes):
    """The derivative of a holomorphic f, element by element, of the order of how many modes there
    are, the first mode innermost."""

    def along_one(f, mode):
        if mode == "forward":
            return lambda z: pa.func.jvp(f, (z,), (pa.ones_like(z),))[1]

        def derivative(z):
            value, pullback = pa.func.vjp(f, z)
            return pa.conj(pullback(pa.ones_like(value))[0])

        return derivative

    for mode in modes:
        f = along_one(f, mode)
    return lambda z: f(pa.asarray(z))
