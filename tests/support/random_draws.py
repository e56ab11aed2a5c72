"""Draws of every kind, for the tests of random numbers."""

import pytest

import pyautograd as pa

BASE = ("random", "standard_normal", "standard_exponential")


def rng(seed=0):
    return pa.random.default_rng(seed)


DRAWS = {
    **{name: lambda g, n, name=name: getattr(g, name)(n) for name in BASE},
    "random32": lambda g, n: g.random(n, "float32"),
    "normal32": lambda g, n: g.standard_normal(n, "float32"),
    "gamma": lambda g, n: g.gamma(0.3, 2.0, n),
    "poisson": lambda g, n: g.poisson(20.0, n),
    "binomial": lambda g, n: g.binomial(100, 0.4, n),
    "integers": lambda g, n: g.integers(3 * 2**61, size=n),
}
every_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
