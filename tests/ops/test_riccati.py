"""Riccati's and Lyapunov's equations: SciPy's numbers, derivatives, bad input."""

import numpy as np
import pytest
from support.captured import same

import pyautograd as pa

sl = pytest.importorskip("scipy.linalg")
NAMES = ["solve_continuous_are", "solve_discrete_are"]


def system(seed, n=4, m=2, complex_=False):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        x = rng.standard_normal(shape)
        return x + 1j * rng.standard_normal(shape) if complex_ else x

    def weight(size):
        x = draw(size, size)
        return x @ x.conj().T + np.eye(size)

    return draw(n, n), draw(n, m), weight(n), weight(m), draw(n, n) + 4 * np.eye(n), draw(n, m) / 50


def adjoint(x):
    return x.conj().T


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_values_with_every_argument(name, complex_):
    """SciPy refuses some matrices e, so those are held to the equation and what it stabilises."""
    ours, theirs = getattr(pa.linalg, name), getattr(sl, name)
    for seed in range(5):
        a, b, q, r, e, s = system(seed, complex_=complex_)
        for options in ({}, {"e": e}, {"s": s}, {"e": e, "s": s}):
            x = ours(a, b, q, r, **options).numpy()
            if "e" not in options:
                np.testing.assert_allclose(x, theirs(a, b, q, r, **options), rtol=1e-9)
            by, cross = options.get("e", np.eye(4)), options.get("s", 0 * s)
            if name == "solve_continuous_are":
                gain = np.linalg.solve(r, adjoint(b) @ x @ by + adjoint(cross))
                rest = adjoint(a) @ x @ by + adjoint(by) @ x @ a + q
                rest -= (adjoint(by) @ x @ b + cross) @ gain
            else:
                gain = np.linalg.solve(r + adjoint(b) @ x @ b, adjoint(b) @ x @ a + adjoint(cross))
                rest = adjoint(a) @ x @ a - adjoint(by) @ x @ by + q
                rest -= (adjoint(a) @ x @ b + cross) @ gain
            np.testing.assert_allclose(rest, 0, atol=1e-9 * abs(x).max())
            closed = np.linalg.eigvals(np.linalg.solve(by, a - b @ gain))
            assert max(closed.real) < 0 if "continuous" in name else max(abs(closed)) < 1


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_by_every_argument(name):
    def f(a, b, q, r, e, s):
        q, r = (x @ x.mT + np.eye(len(x)) for x in (q, r))
        return getattr(pa.linalg, name)(a, b, q, r, e, s)

    at = system(3, n=3)
    pa.testing.check_grads(f, (0.3 * at[0], *at[1:]), 2, eps=1e-6, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_transforms(name):
    given = system(1)[:4]
    rows = [pa.tensor(np.stack([x, 2 * x])) for x in given]

    def f(a, b, q, r):
        return pa.sum(getattr(pa.linalg, name)(a, b, q, r) ** 2)

    for g in (f, pa.func.grad(f, (0, 1, 2, 3)), pa.func.hessian(f, 3)):
        one_by_one = [g(*row) for row in zip(*rows, strict=True)]
        want = pa.tree.map(lambda *parts: pa.stack(parts), *one_by_one)
        same(pa.func.vmap(g)(*rows), want, 1e-9)
        call = pa.captured(g)
        for k in (0, 1):
            same(call(*[r[k] for r in rows]), one_by_one[k], 1e-9)
    mapped = pa.func.vmap(f, in_axes=(None, 0, None, None))(rows[0][0], rows[1], *given[2:])
    assert mapped[1].item() == pytest.approx(
        f(given[0], 2 * given[1], *given[2:]).item(), rel=1e-9, abs=0
    )


def test_the_cost_of_a_regulator_is_what_a_simulation_pays():
    a, b, q, r, *_ = system(2, n=3, m=1)
    a, start = 0.5 * a, np.array([1.0, -1.0, 0.5])

    def cost(a, q, r):
        return start @ pa.linalg.solve_discrete_are(a, b, q, r) @ start

    def paid(a, q, r):
        x = pa.linalg.solve_discrete_are(a, b, q, r).detach()
        gain = pa.linalg.solve(r + b.T @ x @ b, b.T @ x @ a).detach()  # best: its slope is 0
        z, total = pa.asarray(start), 0.0
        for _ in range(200):
            u = -gain @ z
            total = total + z @ q @ z + u @ r @ u
            z = a @ z + b @ u
        return total

    assert cost(a, q, r).item() == pytest.approx(paid(a, q, r).item(), rel=1e-10, abs=0)
    for got, want in zip(
        pa.func.grad(cost, (0, 1, 2))(a, q, r), pa.func.grad(paid, (0, 1, 2))(a, q, r), strict=True
    ):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("n", [9, 10, 40])
def test_large_discrete_lyapunov_equations(n):
    rng = np.random.default_rng(n)
    a, q = rng.standard_normal((2, n, n)) / np.sqrt(n)
    x = pa.linalg.solve_discrete_lyapunov(a, q).numpy()
    np.testing.assert_allclose(a @ x @ a.T - x + q, 0, atol=1e-10 * abs(x).max())
    along = rng.standard_normal((n, n))
    moved = pa.func.jvp(pa.linalg.solve_discrete_lyapunov, (a, q), (along, 0 * q))[1].numpy()
    rest = a @ moved @ a.T - moved + along @ x @ a.T + a @ x @ along.T
    np.testing.assert_allclose(rest, 0, atol=1e-9 * abs(moved).max())


def test_bad_input():
    a, b, q, r, *_ = system(0)
    for name in NAMES:
        solve = getattr(pa.linalg, name)
        with pytest.raises(ValueError, match=rf"\[linalg.{name}\] b has shape \(3, 2\), expected"):
            solve(a, b[:3], q, r)
        with pytest.raises(ValueError, match=r"s has shape \(2, 2\), expected \(..., 4, 2\)"):
            solve(a, b, q, r, s=b[:2])
        with pytest.raises(ValueError, match=rf"\[linalg.{name}\].*symmetric"):
            solve(a, b, q + np.eye(4, k=1), r)
        assert np.isnan(solve(a, b, np.nan * q, r).numpy()).all()
    with pytest.raises(np.linalg.LinAlgError, match=r"\[linalg.solve_continuous_are\]"):
        pa.linalg.solve_continuous_are(np.eye(2), np.zeros((2, 1)), np.eye(2), np.eye(1))
