"""Random programs here, in NumPy, and in PyTorch and JAX where those are installed.

`pytest --programs 2000 tests/transforms/test_random_programs.py` runs more of them.
"""

import importlib.util

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from support.properties import central_difference, inner
from support.random_libraries import NUMPY, jax_library, our_library, torch_library
from support.random_programs import programs

import pyautograd as pa

OURS = our_library()


def close(got, want, scale, tol=1e-10):
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=tol, atol=tol * scale)


def arguments(program):
    return tuple(range(len(program.shapes)))


def our_gradient(program):
    return pa.func.grad(lambda *xs: program(OURS, *xs), argnums=arguments(program))


def our_products(program, xs, vs):
    """The Hessian-vector product in every mix of modes."""
    gradient = our_gradient(program)

    def slope(*ys):
        return pa.func.jvp(lambda *zs: program(OURS, *zs), ys, tuple(map(pa.tensor, vs)))[1]

    def along(*ys):
        return sum(pa.sum(g * v) for g, v in zip(gradient(*ys), vs, strict=True))

    xs = tuple(map(pa.tensor, xs))
    yield pa.func.jvp(gradient, xs, tuple(map(pa.tensor, vs)))[1]
    yield pa.func.grad(along, argnums=arguments(program))(*xs)
    yield pa.func.grad(slope, argnums=arguments(program))(*xs)


def torch_derivatives(program, xs, vs):
    import torch

    leaves = [torch.tensor(x, requires_grad=True) for x in xs]
    lib = torch_library()
    value = program(lib, *leaves)
    first = torch.autograd.grad(value, leaves, create_graph=True)
    along = sum((g * torch.tensor(v)).sum() for g, v in zip(first, vs, strict=True))
    options = {"allow_unused": True, "materialize_grads": True}
    second = torch.autograd.grad(along, leaves, **options) if along.requires_grad else None
    second = [torch.zeros(x.shape) for x in xs] if second is None else second
    return value.item(), [g.numpy(force=True) for g in first], [h.numpy(force=True) for h in second]


def jax_derivatives(program, xs, vs):
    import jax

    with jax.enable_x64(True):
        lib = jax_library()
        gradient = jax.grad(lambda *ys: program(lib, *ys), argnums=arguments(program))
        first, second = jax.jvp(gradient, tuple(xs), tuple(vs))
        value = program(lib, *map(jax.numpy.asarray, xs))
    return float(value), list(map(np.asarray, first)), list(map(np.asarray, second))


PEERS = {"torch": torch_derivatives, "jax": jax_derivatives}


def check_alone(program):
    """The value against NumPy, the gradient against differences, the modes against each other."""
    xs, vs = program.inputs(), program.direction()
    ours, theirs = program.values(OURS, *map(pa.tensor, xs)), program.values(NUMPY, *xs)
    for got, want in zip(ours, theirs, strict=True):
        assert got.shape == np.shape(want)
        close(got, want, 1, 1e-12)
    gradients = our_gradient(program)(*xs)
    slope = inner(gradients, vs)
    scale = 1 + sum(np.abs(g.numpy()).sum() for g in gradients)
    wide, narrow = (
        central_difference(lambda *ys: program(NUMPY, *ys), xs, vs, step) for step in (3e-4, 1e-4)
    )
    # Where the differences contradict each other there is a kink within the step.
    assume(abs(wide - narrow) < 1e-8 * scale)
    close(slope, narrow, scale, 1e-8)
    first, *others = our_products(program, xs, vs)
    scale = 1 + max(np.abs(p.numpy()).max() for p in first)
    for products in others:
        for got, want in zip(products, first, strict=True):
            close(got, want, scale)


def check_against(peer, program):
    xs, vs = program.inputs(), program.direction()
    value, gradients, products = PEERS[peer](program, xs, vs)
    close(program(OURS, *map(pa.tensor, xs)), value, 1)
    for got, want in zip(our_gradient(program)(*xs), gradients, strict=True):
        close(got, want, 1 + np.abs(want).max(initial=0))
    scale = 1 + max(np.abs(p).max(initial=0) for p in products)
    for mix in our_products(program, xs, vs):
        for got, want in zip(mix, products, strict=True):
            close(got, want, scale)


def run_many(count, check):
    @settings(max_examples=count, suppress_health_check=list(HealthCheck))
    @given(programs())
    def run(program):
        check(program)

    run()


def test_programs_alone(program_count):
    run_many(program_count, check_alone)


@pytest.mark.parametrize("peer", PEERS)
def test_programs_against(peer, program_count):
    if importlib.util.find_spec(peer) is None:
        pytest.skip(f"{peer} is not installed")
    run_many(program_count, lambda program: check_against(peer, program))
