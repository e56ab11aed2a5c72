"""Random programs that write in place, under every transform, against complex steps in NumPy.

`pytest --programs 2000 tests/transforms/test_random_writes.py` runs more of them.
"""

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from support.budget_programs import everything_dropped
from support.random_writes import programs_that_write

import pyautograd as pa
from pyautograd.func import grad, hvp, jvp, vmap

# A program may write what another tensor shows while something records: that is refused.
REFUSED = "another live tensor|leaf that requires grad|must not write|that it did not make"


def fused(call):
    former = pa._core.set_least_deferred(1)
    try:
        with pa.fused():
            return np.asarray(call())
    finally:
        pa._core.set_least_deferred(former)


def dropped(call):
    with everything_dropped():
        return np.asarray(call())


def recorded(f, x):
    leaf = pa.tensor(x, requires_grad=True)
    f(leaf).backward()
    return leaf.grad


def close(got, want, tol):
    want = np.asarray(want)
    scale = 1 + np.abs(want).max(initial=0)
    np.testing.assert_allclose(np.asarray(got), want, rtol=tol, atol=tol * scale)


def outcomes(calls):
    """What each call returns; every one of them may be refused."""
    for call in calls:
        try:
            yield np.asarray(call())
        except RuntimeError as error:
            assert any(reason in str(error) for reason in REFUSED.split("|")), error


def gradients(f, x):
    batch = np.stack([0.9 * x, x])
    yield lambda: grad(f)(x)
    yield lambda: recorded(f, x)
    yield lambda: pa.captured(grad(f))(x)
    yield lambda: vmap(grad(f))(batch)[1]
    yield lambda: grad(lambda xs: pa.sum(vmap(f)(xs)))(batch)[1]
    for policy in (None, pa.policies.everything_saveable, lambda operation: operation.cost > 0):
        yield lambda policy=policy: grad(lambda x: pa.checkpoint(f, x, policy=policy))(x)
    yield lambda: fused(lambda: grad(f)(x))
    yield lambda: dropped(lambda: recorded(f, x))


def products(f, x, v):
    def along(x):
        return jvp(f, (x,), (pa.tensor(v),))[1]

    yield lambda: jvp(grad(f), (x,), (v,))[1]
    yield lambda: grad(along)(x)
    yield lambda: grad(lambda x: pa.sum(grad(f)(x) * v))(x)
    yield lambda: vmap(grad(along))(np.stack([x, x]))[0]
    yield lambda: fused(lambda: hvp(f)(x, v))  # what nobody reads is left undone


def check(program):
    x, v = program.inputs()

    def f(x):
        return program(pa, x)

    close(f(pa.tensor(x)), program.value(x), 1e-12)
    gradient = program.gradient(x)
    for value in outcomes([lambda: vmap(f)(np.stack([x, 0.9 * x]))[0]]):
        close(value, program.value(x), 1e-12)
    for slope in outcomes([lambda: jvp(f, (x,), (v,))[1]]):
        close(slope, np.sum(gradient * v), 1e-11)
    for got in outcomes(gradients(f, x)):
        close(got, gradient, 1e-11)
    step = 1e-5
    difference = (program.gradient(x + step * v) - program.gradient(x - step * v)) / (2 * step)
    curvature = 1 + np.abs(difference).max(initial=0)
    assume(curvature < 1e3)
    for got in outcomes(products(f, x, v)):
        close(got, difference, 1e-7 * curvature)


def test_programs_that_write(program_count):
    @settings(max_examples=program_count, suppress_health_check=list(HealthCheck))
    @given(programs_that_write())
    def run(program):
        check(program)

    run()
