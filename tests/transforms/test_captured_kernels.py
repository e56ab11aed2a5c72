"""Products, reductions and copies of small arrays are part of a captured call's plan."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.captured import checked, same

import pyautograd as pa

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def kalman(p):
    """The log-likelihood of a local linear trend."""
    step = np.stack([np.stack([1 + 0 * p[0], p[0]]), np.array([0.0, 1.0])])
    noise, scale = np.exp(p[1]) * np.eye(2), np.exp(p[2])
    mean, covariance, total = pa.zeros(2), pa.eye(2), 0.0
    for y in (0.1, 0.3, 0.2, 0.5):
        mean, covariance = step @ mean, step @ covariance @ step.T + noise
        spread, rest = covariance[0, 0] + scale, y - mean[0]
        gain = covariance[:, 0] / spread
        total = total - 0.5 * (np.log(spread) + rest * rest / spread)
        mean = mean + gain * rest
        covariance = covariance - spread * np.outer(gain, gain)
    return total


@pytest.mark.parametrize("transform", [lambda f: f, pa.func.grad, pa.func.hessian])
def test_filters(transform):
    checked(transform(kalman), np.array([0.5, -1.0, -0.5]))


@pytest.mark.parametrize("columns", [(), (1,), (3,)])
@pytest.mark.parametrize("lead, others", [((), ()), ((2,), (2,)), ((2, 1), (2, 3)), ((), (3,))])
def test_systems_whose_factors_nobody_else_reads(lead, others, columns):
    n = 4
    a, b = normal(*lead, n, n) + 4 * np.eye(n), normal(*others, n, *(columns or (1,)))
    if not columns and not others:
        b = b[:, 0]

    def f(a, b):
        return pa.linalg.solve(a * 2.0, b + 1.0) * 3.0

    assert checked(f, a, b).ops()[0].count("linalg.solve") == 1
    # Its derivative by b reads them as well
    slopes = pa.func.grad(lambda b: pa.sum(f(pa.asarray(a), b) ** 2))
    checked(slopes, b)
    turned = checked(lambda a, b: pa.linalg.solve(a.mT, b), a, b)
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        turned(pa.zeros(a.shape), pa.asarray(b))


def many(x, w):
    y = pa.tanh(x) @ w
    z = pa.permute_dims(y, (1, 0)).reshape(-1)
    top = pa.max(y, axis=0, keepdims=True)
    return pa.sum(y - top, axis=1), pa.logsumexp(y, axis=0) * pa.mean(z), z.reshape(2, -1), y.T @ y


def test_every_order_in_memory():
    """More of them than have plans of their own, and none of the first call's."""
    call = pa.captured(many)
    w = pa.asarray(normal(6, 4))
    whole = normal(40, 60)
    for rows in (1, -1, 2, -3):
        for columns in (1, -1, 2, -4):
            part = whole[::rows, ::columns][:5, :6]
            for given in (part, np.asfortranarray(part), part.copy()):
                x = pa.asarray(given)
                same(call(x, w), many(x, w))
    assert len(call.ops()) == 1


@pytest.mark.parametrize("n", [3, 300])
def test_many_and_few(n):
    checked(many, normal(n, n), normal(n, 4))


def test_batches_and_vectors():
    def f(a, v, stack):
        y = stack @ (a * 2) @ v
        return y, v @ (a + 1), (v * v) @ v, pa.sum(stack @ a, axis=(0, 2)), (stack - 1) @ stack.mT

    checked(f, normal(3, 3), normal(3), normal(4, 2, 3))


def test_elementwise_results_lie_as_they_would():
    """So that sums of them, and what else follows their order in memory, have the same bits."""

    def f(x):
        y = pa.exp(x) / 3
        return pa.sum(y), y, pa.sum(y[::2] * x[1::2])

    call = pa.captured(f)
    for given in (normal(30, 44), normal(44, 30).T, normal(60, 44)[::-2], np.ones((30, 1)) * 0.1):
        x = pa.asarray(given)
        got, wanted = call(x), f(x)
        same(got, wanted)
        assert got[1].numpy().strides == wanted[1].numpy().strides


def test_writes_into_parts_in_another_order():
    def f(x):
        y = x * 2
        y[1:-1, ::2] = y[2:, ::2] - y[:-2, ::2]
        y[0] += 1
        return y @ y.T

    call = pa.captured(f)
    for given in (normal(4, 6), normal(6, 4).T, normal(8, 6)[::-2], normal(4, 6)[:, ::-1]):
        x = pa.asarray(given)
        same(call(x), f(x))


def test_joins_and_splits():
    def f(x, y):
        a, b, c = x * 2
        joined = pa.stack([a * b, c, y[0]], axis=1)
        halves = pa.split(pa.concat([joined, joined.T[:, ::-1]]) + 1, 2)
        return joined, halves[1], halves[0] * a, pa.sum(pa.stack([a[0], b[1], c[2]]))

    checked(f, normal(3, 3), normal(2, 3))
    checked(pa.func.jacrev(lambda x: f(x, x[1:])[3] * f(x, x[1:])[0]), normal(3, 3))


def test_along_axes_and_casts():
    def f(x):
        y = (x > 0) * x + pa.astype(x, np.float32)
        return (
            pa.softmax(y, axis=0) * 2,
            pa.log_softmax(y.T, axis=0) + 1,
            pa.cumulative_sum(pa.flip(y, axis=1), axis=1) - y,
            pa.astype(pa.round(y * 3), np.int64) + pa.sum(x > 0),
        )

    call = checked(f, normal(4, 3))
    for given in (normal(3, 4).T, normal(8, 3)[::2], normal(4, 6)[:, ::-2]):
        x = pa.asarray(given)
        same(call(x), f(x))
    checked(
        pa.func.hessian(lambda x: pa.sum(f(x)[0] * f(x)[2]) + pa.sum(f(x)[1] ** 2)), normal(4, 3)
    )


def test_copies_that_are_results():
    """Of what lies row-major in some calls only: so they are views there, but for the caller."""

    def f(a):
        part = pa.linalg.svd(a)[0][:, :2] * 1.0
        kept = pa.copy(part)
        return kept, pa.copy(part.T), kept + 1

    for shape in ((3, 3), (3, 2), (2, 3)):
        call = pa.captured(f)
        for given in (normal(*shape), np.asfortranarray(normal(*shape)), normal(*shape)):
            x = pa.asarray(given)
            same(call(x), f(x))
            results = call(x)
            results[0][0, 0] = 7.0
            same(results[2], f(x)[2])


def test_threads_with_their_own_order():
    call = pa.captured(many)
    x, w = normal(5, 6), pa.asarray(normal(6, 4))
    given = [x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x[::-1].copy()[::-1]]
    expected = [many(pa.asarray(a), w) for a in given]

    def run(i):
        for k in range(50):
            same(call(pa.asarray(given[(i + k) % 4]), w), expected[(i + k) % 4])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))
