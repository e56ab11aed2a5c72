"""Random draws in captured calls of a device: each replay draws what the plain call would."""

import numpy as np
import pytest

import pyautograd as pa

DRAWS = {
    "uniform": lambda rng, x: rng.random(5) * x,
    "single": lambda rng, x: rng.random(9, dtype=np.float32) * x,
    "normal": lambda rng, x: x + rng.normal(2.0, 3.0, size=(3, 5)),
    "exponential": lambda rng, x: x * rng.exponential(size=7)[:5],
    "gamma": lambda rng, x: rng.gamma(2.5, size=5) * x,
    "poisson": lambda rng, x: rng.poisson(4.0, size=5) + x,
    "gamma of tensors": lambda rng, x: rng.gamma(x, x + 1),
    "beta of tensors": lambda rng, x: rng.beta(x, 2.0),
    "t of tensors": lambda rng, x: rng.standard_t(x),
    "zipf of tensors": lambda rng, x: rng.zipf(x + 1.0) + x,
    "normal of tensors": lambda rng, x: rng.normal(x, x),
    "dirichlet of tensors": lambda rng, x: rng.dirichlet(x),
    "poisson of tensors": lambda rng, x: rng.poisson(x * 10) + x,
    "binomial of tensors": lambda rng, x: rng.binomial(20, 1 / x) + x,
    "slopes of gamma": lambda rng, x: pa.func.grad(lambda y: pa.sum(rng.gamma(y) ** 2))(x),
    "integers": lambda rng, x: rng.integers(0, 1000, size=5) + x,
    "after other work": lambda rng, x: pa.sum(x * 2.0 + 1.0) + rng.random(5) + pa.sum(x * 3.0),
    "several": lambda rng, x: rng.random(3)[:, None] * x + rng.normal(size=5),
    "dropout": lambda rng, x: pa.nn.dropout(x, 0.5, rng),
    "mapped": lambda rng, x: pa.func.vmap(
        lambda y: y * rng.random(2), randomness="different", in_axes=0
    )(x),
    "gradient": lambda rng, x: pa.func.grad(lambda y: pa.sum(pa.nn.dropout(y**3, 0.3, rng)))(x),
}


def at(device, rng=0):
    return pa.random.default_rng(rng, device=device)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_replays_draw_what_calls_would(draw, device):
    plain, captured = at(device), at(device)
    f = pa.cuda.graph(lambda x: draw(captured, x), warmup=1)
    seen = []
    for step in range(5):
        size = 9 if draw is DRAWS["single"] else 5
        x = pa.arange(1.0, 1.0 + size, device=device) + step
        got, want = f(x), draw(plain, x)
        assert got.device == device
        np.testing.assert_array_equal(got.to("cpu").numpy(), want.to("cpu").numpy())
        assert captured.state == plain.state
        seen.append(got.tolist())
    assert seen[2] != seen[3]


def test_replays_go_on_where_the_generator_stands(device):
    rng = at(device)
    f = pa.cuda.graph(lambda x: x + rng.random(3), warmup=0)
    x = pa.zeros(3, device=device)
    first = f(x).tolist()
    rng.random(100)
    f(x)
    other = at(device)
    assert other.random(3).tolist() == first
    other.random(100)
    other.random(3)
    assert rng.random().item() == other.random().item()
    rng.state = at(device).state
    assert f(x).tolist() == first


def test_a_generator_that_the_call_makes_draws_the_same_each_time(device):
    def draw(x):
        return x * at(device, 3).random(4)

    f = pa.cuda.graph(draw, warmup=0)
    x = pa.ones(4, device=device)
    assert [f(x).tolist() for _ in range(3)] == [draw(x).tolist()] * 3


def test_checkpoints_around_a_graph_see_its_draws(device):
    rng = at(device)
    noise = pa.cuda.graph(lambda: rng.random(3), warmup=0, device=device)
    x = pa.ones(3, device=device).requires_grad_()
    y = pa.checkpoint(lambda x: pa.sum(x**2 * noise()), x)
    y.backward()
    np.testing.assert_allclose(pa.sum(x.grad).item(), 2 * y.item(), rtol=1e-14)


def test_two_streams(device):
    one, two = at(device, 1), at(device, 2)
    f = pa.cuda.graph(lambda: (one.random(2), two.normal(size=2), one.random(2)), device=device)
    plain, other = at(device, 1), at(device, 2)
    for _ in range(4):
        a, b, c = f()
        assert a.tolist() == plain.random(2).tolist()
        assert b.tolist() == other.normal(size=2).tolist()
        assert c.tolist() == plain.random(2).tolist()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda rng, host: rng.permutation(4), r"\[permutation\] is drawn on 'cpu', which replays"),
        (
            lambda rng, host: host.random(4),
            "is drawn on 'cpu', which replays of a call of 'cuda:0'",
        ),
        (lambda rng, host: pa.nn.dropout(pa.ones(3), 0.5, host), "is drawn on 'cpu'"),
        (
            lambda rng, host: pa.nn.dropout(pa.ones(3), 0.5, np.random.default_rng(0)),
            "each run of a captured call would have the numbers",
        ),
        (lambda rng, host: rng.state, "cannot look at the state of a generator that it did not"),
        (lambda rng, host: pa.random.default_rng(), "without a seed would be the same"),
    ],
    ids="permutation host dropout numpy state seedless".split(),
)
def test_what_replays_would_not_repeat_is_refused(draw, message, device):
    rng, host = at(device), pa.random.default_rng(0)
    before = rng.state
    f = pa.cuda.graph(lambda x: (draw(rng, host), x)[1], warmup=0)
    with pytest.raises(RuntimeError, match=message):
        f(pa.ones(2, device=device))
    assert rng.state == before
    assert host.state == pa.random.default_rng(0).state
    assert pa.random.default_rng(0).random() == host.random()


def test_a_replay_that_is_refused_draws_nothing(device):
    rng = at(device)
    inner = pa.cuda.graph(lambda x: x + rng.random(3), warmup=0)
    x = pa.ones(3, device=device)
    inner(x)
    before = rng.state
    with pytest.raises(RuntimeError, match="cannot replay another one"):
        pa.cuda.graph(inner, warmup=0)(x)
    assert rng.state == before


@pytest.mark.parametrize(
    ("draw", "bad"),
    [
        (lambda rng, x: rng.gamma(x), -1.0),
        (lambda rng, x: rng.poisson(x), -1e-3),
        (lambda rng, x: rng.poisson(x), np.nan),
        (lambda rng, x: rng.binomial(x, 0.5), 2.0**54),
        (lambda rng, x: rng.binomial(10, x), 1.5),
        (lambda rng, x: rng.normal(0.0, x), -1.0),
        (lambda rng, x: rng.noncentral_chisquare(x + 1, 2.0), -0.5),
    ],
)
def test_parameters_out_of_range_are_reported_after_the_replay(draw, bad, device):
    rng = at(device)
    f = pa.cuda.graph(lambda x: draw(rng, x), warmup=0)
    good, x = pa.full(3, 0.5, device=device), pa.tensor([1.0, bad, 1.0], device=device)
    f(good)
    f.check()
    f(x)
    with pytest.raises(ValueError, match="parameter out of range, in an earlier call"):
        f.check()
    f.check()
    before = rng.state
    after = at(device)
    after.state = before
    assert f(good).tolist() == draw(after, good).tolist()


def test_there_may_be_many_generators_and_not_more(device):
    def total(count):
        generators = [at(device, i) for i in range(count)]
        f = pa.cuda.graph(lambda: sum(rng.random() for rng in generators), device=device, warmup=0)
        return generators, f

    _, f = total(64)
    plain = [at(device, i) for i in range(64)]
    for _ in range(3):
        assert f().item() == sum(rng.random() for rng in plain).item()
    generators, f = total(65)
    with pytest.raises(RuntimeError, match="cannot draw from more than 64 generators"):
        f()
    assert [rng.state for rng in generators] == [at(device, i).state for i in range(65)]
