"""Random draws in captured calls: each call draws anew, what the function itself would draw."""

import threading

import numpy as np
import pytest
from support.captured import refused, same

import pyautograd as pa

X = pa.tensor([1.0, 2.0, 1.5])


def alike(f, *xs, calls=3, seed=5):
    """f(generator, ...) draws the same with and without pa.captured, and ends at the same place."""
    plain, other = pa.random.default_rng(seed), pa.random.default_rng(seed)
    call = pa.captured(lambda *xs: f(other, *xs))
    found = []
    for k in range(calls):
        ys = [x * (1 + 0.1 * k) for x in xs]
        found.append(call(*ys))
        same(found[-1], f(plain, *ys))
        assert other.state == plain.state
    return found


DRAWS = {
    "random": lambda rng, x: rng.random(3) * x,
    "float32": lambda rng, x: rng.random(3, dtype=np.float32) + x.astype(pa.float32),
    "normal": lambda rng, x: rng.normal(x, 2.0),
    "exponential": lambda rng, x: rng.exponential(x, size=(2, 3)),
    "uniform": lambda rng, x: rng.uniform(-x, x),
    "gamma": lambda rng, x: rng.gamma(x),
    "beta": lambda rng, x: rng.beta(x, 2.0),
    "dirichlet": lambda rng, x: rng.dirichlet(x),
    "student": lambda rng, x: rng.standard_t(x),
    "wald": lambda rng, x: rng.wald(x, 1.0),
    "vonmises": lambda rng, x: rng.vonmises(0.0, x),
    "multivariate_normal": lambda rng, x: rng.multivariate_normal(x, pa.eye(3)),
    "poisson": lambda rng, x: rng.poisson(x),
    "binomial": lambda rng, x: rng.binomial(10, x / 4),
    "negative_binomial": lambda rng, x: rng.negative_binomial(x, 0.5),
    "multinomial": lambda rng, x: rng.multinomial(10, x / pa.sum(x)),
    "integers": lambda rng, x: rng.integers(0, 10, size=3) + x,
    "permutation": lambda rng, x: x[rng.permutation(3)],
    "permuted": lambda rng, x: rng.permuted(pa.stack([x, x]), axis=1),
    "choice": lambda rng, x: rng.choice(x, 2, replace=False),
    "weighted choice": lambda rng, x: x[rng.choice(3, 4, p=x / pa.sum(x))],
    "several": lambda rng, x: (rng.normal(size=2), rng.gamma(x), rng.normal(size=2)),
    "one that nobody reads": lambda rng, x: (rng.gamma(x), x + rng.random(3))[1],
}


@pytest.mark.parametrize("draw", DRAWS)
def test_what_the_function_would_draw(draw):
    first, second, _ = alike(DRAWS[draw], X)
    flat = [np.concatenate([np.ravel(y) for y in pa.tree.leaves(t)]) for t in (first, second)]
    if draw not in ("permutation", "permuted", "choice"):  # of which there are few
        assert not np.array_equal(*flat)


DERIVATIVES = {
    "gradient": lambda rng, x: pa.func.grad(lambda x: pa.sum(rng.gamma(x) ** 2))(x),
    "hessian": lambda rng, x: pa.hessian(lambda x: pa.sum(rng.normal(x, x) ** 3), x),
    "jacobian": lambda rng, x: pa.jacobian(lambda x: x * rng.normal(size=3), x),
    "jvp": lambda rng, x: pa.func.jvp(lambda x: rng.beta(x, x), (x,), (x,)),
    "vmap, different": lambda rng, x: pa.func.vmap(
        lambda x: rng.normal(x) + rng.gamma(x), randomness="different"
    )(x),
    "vmap, the same": lambda rng, x: pa.func.vmap(
        lambda x: rng.normal(x) + rng.poisson(2.0), randomness="same"
    )(x),
    "per sample": lambda rng, x: pa.func.vmap(
        pa.func.grad(lambda x: rng.gamma(x) ** 2), randomness="different"
    )(x),
    "checkpoint": lambda rng, x: pa.func.grad(
        lambda x: pa.sum(pa.checkpoint(lambda x: pa.sin(x * rng.normal(size=3)) ** 2, x))
    )(x),
    "scan": lambda rng, x: pa.func.grad(
        lambda x: pa.sum(
            pa.scan(lambda c, z: (c * z + rng.normal(size=3), c[0]), x, pa.ones(4), checkpoint=2)[0]
            ** 2
        )
    )(x),
    "divergence": lambda rng, x: pa.divergence(lambda x: x * rng.random(3) ** 2)(x),
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_derivatives(derivative):
    alike(DERIVATIVES[derivative], X)


def test_the_functions_of_the_module_and_their_seed():
    call = pa.captured(lambda x: pa.random.normal(x))
    call(X)
    for seed in (1, 2):
        pa.random.seed(seed)
        found = [call(X), call(X)]
        pa.random.seed(seed)
        same(found, [pa.random.normal(X), pa.random.normal(X)])


def test_a_sampler():
    """Hamiltonian Monte Carlo: a step is one captured call, accepted or not."""

    def energy(x):
        return pa.sum(x**2 / pa.tensor([1.0, 4.0])) / 2

    def step(rng, x):
        p0 = p = rng.normal(size=2)
        y, slope = x, pa.func.grad(energy)
        for _ in range(6):
            p = p - 0.15 * slope(y)
            y = y + 0.3 * p
            p = p - 0.15 * slope(y)
        change = energy(x) - energy(y) + (pa.sum(p0**2) - pa.sum(p**2)) / 2
        return pa.where(pa.log(rng.random()) < change, y, x)

    alike(step, pa.zeros(2))
    rng = pa.random.default_rng(0)
    call, x, chain = pa.captured(lambda x: step(rng, x)), pa.zeros(2), []
    for _ in range(4000):
        x = call(x)
        chain.append(x.numpy())
    np.testing.assert_allclose(np.var(chain, axis=0), [1.0, 4.0], rtol=0.2)


def test_errors_of_parameters_and_what_was_drawn_before_them():
    def f(rng, x):
        return rng.normal(size=3) + rng.gamma(x) + rng.poisson(x)

    plain, other = pa.random.default_rng(1), pa.random.default_rng(1)
    call = pa.captured(lambda x: f(other, x))
    same(call(X), f(plain, X))
    for x in (X, -X, X):
        if x is X:
            same(call(x), f(plain, x))
        else:
            for g in (call, lambda x: f(plain, x)):
                with pytest.raises(ValueError, match=r"\[gamma\] shape must not be negative"):
                    g(x)
        assert other.state == plain.state


class TestGeneratorsOfTheFunction:
    def test_seeded_ones_draw_the_same_each_time(self):
        call = pa.captured(lambda x: x + pa.random.default_rng(3).normal(size=3))
        expected = X + pa.random.default_rng(3).normal(size=3)
        same(call(X), expected)
        same(call(X), expected)

    def test_their_state(self):
        def f(x):
            rng = pa.random.default_rng(3)
            state = rng.state
            first = rng.random(3)
            rng.state = state
            return x * (rng.random(3) == first)

        same(pa.captured(f)(X), X)

    def test_unseeded_ones_raise(self):
        with pytest.raises(RuntimeError, match="a generator without a seed"):
            pa.captured(lambda x: x + pa.random.default_rng().normal(size=3))(X)


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda rng: rng.state, "look at the state of"),
        (lambda rng: rng.spawn(2), "spawn from"),
        (lambda rng: setattr(rng, "state", pa.random.default_rng(0).state), "move"),
        (lambda rng: pa.random.seed(3), "seed"),
    ],
)
def test_the_places_of_others(act, text):
    rng = pa.random.default_rng(1)
    call = pa.captured(lambda x: (act(rng), x)[1])
    with pytest.raises(RuntimeError, match=f"cannot {text} a generator that it did not make"):
        call(X)


def test_numbers_that_decide():
    refused(pa.captured(lambda x: x if pa.random.random() > 0.5 else -x), X)


def test_a_failed_capture_draws_nothing():
    rng = pa.random.default_rng(1)
    state = rng.state
    refused(pa.captured(lambda x: x * float(rng.random(3)[0])), X)
    assert rng.state == state


def test_in_functions_that_are_evaluated_again():
    rng = pa.random.default_rng(1)
    noisy = pa.captured(lambda x: x * rng.normal(size=3))
    noisy(X)
    # The slope is the noise itself, if what is evaluated again draws the same.
    x = pa.tensor(2.0, requires_grad=True)
    y = pa.checkpoint(lambda x: x**2 * pa.sum(noisy(X)), x)
    y.backward()
    assert x.grad.item() == y.item()


def test_several_threads_draw_different_numbers():
    rng = pa.random.default_rng(1)
    call = pa.captured(lambda x: x + rng.random(2))
    drawn, start = [], threading.Barrier(4)

    def work(captured):
        start.wait()
        for _ in range(200):
            found = call(pa.zeros(2)) if captured else rng.random(2)
            drawn.append(tuple(found.tolist()))

    threads = [threading.Thread(target=work, args=(i % 2 == 0,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 800
    again = pa.random.default_rng(1)
    assert set(drawn) == {tuple(again.random(2).tolist()) for _ in range(800)}
