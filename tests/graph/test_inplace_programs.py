"""NumPy programs that write in place, as people write them: the same numbers with tensors, whether
they record or not, and the right derivatives under every transform."""

import numpy as np
import pytest

import pyautograd as pa


def determinant(a):
    a, sign = a.copy(), 1.0
    for k in range(len(a)):
        if abs(a[k, k]) < 0.5:
            a[[k, k + 1]] = a[[k + 1, k]]
            sign = -sign
        for i in range(k + 1, len(a)):
            a[i, k:] -= a[k, k:] * (a[i, k] / a[k, k])
    return sign * np.prod(np.diag(a))


def factors(a):
    a = a.copy()
    for k in range(len(a) - 1):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a


def root(a):
    a = a @ a.T + np.eye(len(a))
    low = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            rest = a[i, j]
            for k in range(j):
                rest -= low[i, k] * low[j, k]
            low[i, j] = np.sqrt(rest) if i == j else rest / low[j, j]
    return low


def orthogonal(a):
    q = a.copy()
    for j in range(q.shape[1]):
        q[:, j] /= np.linalg.norm(q[:, j])
        for i in range(j + 1, q.shape[1]):
            q[:, i] -= (q[:, j] @ q[:, i]) * q[:, j]
    return q


def polynomial(x):
    total = x[0]
    for c in x[1:]:
        total *= x[1]
        total += c
    return total


def fibonacci(x):
    first, second = x[0], x[1]
    y = x.copy()
    for i in range(len(x)):
        y[i] = first
        first, second = second, first + second
    return y


def diffusion(x):
    u = x.copy()
    for _ in range(3):
        old = u.copy()
        u[1:-1] = old[1:-1] + 0.1 * (old[2:] - 2 * old[1:-1] + old[:-2])
        u[0], u[-1] = u[-1], u[0]
    return u


def history(x):
    seen, y = [], x.copy()
    for i in range(len(y)):
        seen.append(y[i])
        y[i] = y[i] * 2 + y[i - 1]
    y[1:] = y[:-1]
    y[::2] += y[1::2]
    y[:] = y[::-1]
    return np.stack(seen) + y


def window(x):
    last, means = x[:3].copy(), []
    for v in x:
        last[:-1] = last[1:]
        last[-1] = v
        means.append(last.mean())
    return np.stack(means)


OF_MATRICES = [factors, root, orthogonal]
OF_VECTORS = [polynomial, fibonacci, diffusion, history, window]
rng = np.random.default_rng(0)
PROGRAMS = [(f, rng.random((3, 3)) + np.eye(3)) for f in OF_MATRICES]
PROGRAMS += [(f, rng.random(6) + 0.5) for f in OF_VECTORS]
WAYS = [
    lambda f: f,
    lambda f: lambda x: f(pa.tensor(x, requires_grad=True)).detach(),
    lambda f: lambda x: pa.no_grad(f)(pa.tensor(x, requires_grad=True)),
    lambda f: pa.captured(lambda x: f(x)),
    lambda f: lambda x: pa.func.vmap(f)(pa.stack([x, 2 * x]))[0],
]
DERIVATIVES = [
    pa.func.jacrev,
    pa.func.jacfwd,
    lambda f: pa.captured(pa.func.jacrev(f)),
    lambda f: lambda x: pa.func.vmap(pa.func.jacrev(f))(pa.stack([x, 2 * x]))[0],
    lambda f: pa.func.jacrev(lambda x: pa.checkpoint(f, x)),
]


@pytest.mark.parametrize("f, x", PROGRAMS, ids=lambda p: getattr(p, "__name__", ""))
@pytest.mark.parametrize("way", WAYS)
def test_numbers_are_numpys(f, x, way):
    np.testing.assert_allclose(way(f)(pa.tensor(x)).numpy(), f(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("f, x", PROGRAMS, ids=lambda p: getattr(p, "__name__", ""))
@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_derivatives_are_those_of_the_numpy_program(f, x, derivative):
    steps = 1e-6 * np.eye(x.size).reshape(x.size, *x.shape)
    columns = [(f(x + step) - f(x - step)) / 2e-6 for step in steps]
    want = np.stack(columns, -1).reshape(np.shape(f(x)) + x.shape)
    np.testing.assert_allclose(derivative(f)(pa.tensor(x)).numpy(), want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("derivative", [pa.func.grad, pa.func.jacfwd])
def test_pivots_that_numbers_decide(derivative):
    a = np.array([[0.1, 2.0, 1.0], [3.0, 1.0, 0.5], [1.0, 0.2, 2.0]])
    want = np.linalg.det(a) * np.linalg.inv(a).T
    np.testing.assert_allclose(derivative(determinant)(pa.tensor(a)).numpy(), want, rtol=1e-12)
