"""What checkpoints are compared on: a function, transforms of it, and closeness."""

import numpy as np

import pyautograd as pa

F = pa.func
x0 = pa.tensor([0.3, -0.7, 1.2])


def cube(x):
    return pa.sum(pa.tanh(x) * x**2)


def checkpointed(f, **options):
    return lambda *args: pa.checkpoint(f, *args, **options)


def close(got, want):
    got, want = pa.tree.flatten(got)[0], pa.tree.flatten(want)[0]
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        a, b = a.detach().numpy(), b.detach().numpy()
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


TRANSFORMS = {
    "grad": F.grad,
    "jvp": lambda f: lambda x: F.jvp(f, (x,), (x + 1.0,)),
    "hessian": F.hessian,
    "jacfwd of grad": lambda f: F.jacfwd(F.grad(f)),
    "jacrev of grad": lambda f: F.jacrev(F.grad(f)),
    "grad of jvp": lambda f: F.grad(lambda x: F.jvp(f, (x,), (x0,))[1]),
    "third order": lambda f: F.jacfwd(F.jacrev(F.jacrev(f))),
    "hvp": lambda f: lambda x: F.hvp(f)(x, x0),
    "linearize": lambda f: lambda x: F.linearize(f, x)[1](x0),
    "vmap of grad": lambda f: lambda x: F.vmap(F.grad(f))(pa.stack([x, 2.0 * x])),
    "vmap of hessian": lambda f: lambda x: F.vmap(F.hessian(f))(pa.stack([x, 2.0 * x])),
    "grad of vmap": lambda f: F.grad(lambda x: pa.sum(F.vmap(f)(pa.stack([x, x * x])))),
    "grad of vmap of grad": lambda f: F.grad(
        lambda x: pa.sum(F.vmap(F.grad(f))(pa.stack([x, x * x])))
    ),
    "jvp of vmap": lambda f: lambda x: F.jvp(F.vmap(f), (pa.stack([x, x]),), (pa.stack([x, x0]),)),
}
