"""The programs that are measured, written once for every system.

`xp` is the system's array module: pyautograd, torch or jax.numpy.
"""

OPS_PER_CYCLE = 10


def mixed_chain(xp, x, ops):
    """A chain of `ops` mixed small ops whose values stay bounded; `ops` is a multiple of ten."""
    y = x
    for _ in range(ops // OPS_PER_CYCLE):
        y = y * x
        y = y + x
        y = xp.sin(y)
        y = xp.exp(y)
        y = y - x
        y = xp.tanh(y)
        y = y / 1.5
        y = y * y
        y = y + 1.0
        y = xp.sqrt(y)
    return y


def deep_chain(xp, x, ops):
    """A chain of `ops` ops, half of them curved, so that its gradient is a deep graph as well."""
    y = x
    for _ in range(ops // 2):
        y = xp.sin(y)
        y = y * 1.0001
    return y


def rosenbrock(xp, x):
    """The chained Rosenbrock function of a vector."""
    a, b = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    return xp.sum(100.0 * a**2 + b**2)


def network(xp, p, images, labels):
    """The cross-entropy of a network with one hidden layer, of a dict of parameters."""
    z = xp.tanh(images @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
    top = xp.max(z)
    total = xp.log(xp.sum(xp.exp(z - top), 1, keepdims=True)) + top
    return -xp.sum(labels * (z - total)) / images.shape[0]
