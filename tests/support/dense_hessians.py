"""A function with a sparse Hessian, and nested blocks as one matrix."""

import numpy as np

import pyautograd as pa


def rosenbrock(x):
    return pa.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def dense(blocks, p):
    """The nested blocks of a Hessian as one matrix."""
    leaves, structure = pa.tree.flatten(p)
    rows = pa.tree.flatten(blocks)[0]
    n = len(leaves)
    assert structure.num_leaves == n and len(rows) == n * n
    sizes = [np.size(x) for x in leaves]
    return np.block(
        [[rows[i * n + j].numpy().reshape(sizes[i], sizes[j]) for j in range(n)] for i in range(n)]
    )
