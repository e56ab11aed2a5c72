"""Matrices with a given spectrum."""

import numpy as np

MODES = [f"{a}-over-{b}" for a in ("forward", "reverse") for b in ("forward", "reverse")]


def rotation(n):
    return np.linalg.qr(np.random.default_rng(n).normal(size=(n, n)))[0]


def with_spectrum(*values):
    q = rotation(len(values))
    return (q * values) @ q.T


def symmetric(x):
    return (x + x.T) / 2
