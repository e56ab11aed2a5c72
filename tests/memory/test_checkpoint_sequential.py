"""pa.checkpoint_sequential: small in memory, the bits of the plain chain, the best plan."""

import gc
import weakref

import numpy as np
import pytest
from support.budget_programs import peak_of
from support.checkpoint_functions import F, close, x0

import pyautograd as pa
from pyautograd.checkpointing import _sequential


def deep(x, n=64):
    for _ in range(n):
        x = pa.tanh(x)
    return x


@pytest.mark.parametrize("order", [1, 2])
def test_memory_grows_with_the_root(order):
    x = pa.tensor(np.linspace(-1, 1, 4096))
    layers = [pa.tanh] * 64

    def run(chain):
        def f(x):
            return pa.sum(chain(x))

        return F.grad(f)(x) if order == 1 else F.grad(lambda x: pa.sum(F.grad(f)(x) ** 2))(x)

    _, plain = peak_of(lambda: run(deep))
    _, rows = peak_of(lambda: run(lambda x: pa.checkpoint_sequential(layers, x)))
    assert rows < (0.35 if order == 1 else 0.5) * plain
    close(run(deep), run(lambda x: pa.checkpoint_sequential(layers, x)))


def network(n, width=8):
    rng = np.random.default_rng(0)
    weights = [pa.tensor(rng.normal(size=(width, width)) / 3, requires_grad=True) for _ in range(n)]
    return weights, [lambda x, w=w: pa.tanh(x @ w) for w in weights]


@pytest.mark.parametrize(
    "options", [{}, {"segments": 1}, {"segments": 3}, {"segments": 20}, {"memory": 3000}]
)
def test_segments_give_the_bits_of_the_plain_chain(options):
    weights, layers = network(20)
    x = pa.ones((4, 8))
    y = x
    for layer in layers:
        y = layer(y)
    want = pa.grad(pa.sum(y), weights)
    got = pa.grad(pa.sum(pa.checkpoint_sequential(layers, x, **options)), weights)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("budget", [2600, 3000, 4000, 6000])
def test_a_budget_is_met(budget):
    _, layers = network(20)
    x = pa.ones((4, 8))
    costs = _sequential.measured(layers, x)
    placed = _sequential.plan(costs, budget)
    assert [s.start for s in placed] == [0, *[s.stop for s in placed[:-1]]]
    assert placed[-1].stop == 20
    in_use = 0
    for start, stop, kept in placed:
        recorded = sum(c.recorded for c in costs[start:stop])
        assert in_use + (recorded if kept else costs[start].entering + recorded) <= budget
        in_use += recorded if kept else costs[start].entering
    assert in_use <= budget
    if budget == 6000:
        assert all(s.kept for s in placed)


def test_the_plan_is_the_best_of_all():
    """Against every placement of a short chain of uneven layers."""
    rng = np.random.default_rng(1)
    costs = [
        _sequential.Cost(int(e), int(r), float(t))
        for e, r, t in zip(
            rng.integers(1, 20, 7) * 256,
            rng.integers(1, 60, 7) * 256,
            rng.uniform(1, 9, 7),
            strict=False,
        )
    ]

    def placements(start):
        if start == 7:
            yield []
        for stop in range(start + 1, 8):
            for rest in placements(stop):
                for kept in (True, False):
                    yield [_sequential.Segment(start, stop, kept), *rest]

    def evaluate(placed):
        in_use = peak = time = 0
        for start, stop, kept in placed:
            recorded = sum(c.recorded for c in costs[start:stop])
            left = recorded if kept else costs[start].entering
            peak = max(peak, in_use + (recorded if kept else left + recorded))
            in_use += left
            time += 0 if kept else sum(c.seconds for c in costs[start:stop])
        return max(peak, in_use), time

    for budget in (64 * 256, 100 * 256, 128 * 256, 256 * 256):
        least = min((t for p, t in map(evaluate, placements(0)) if p <= budget), default=None)
        if least is None:
            with pytest.raises(ValueError, match="no placement of checkpoints fits in"):
                _sequential.plan(costs, budget)
            continue
        peak, time = evaluate(_sequential.plan(costs, budget))
        assert peak <= budget
        assert time <= least * (1 + 1e-9) or budget % 256 != 0


def test_segments_measure_without_drawing():
    layers = [lambda x: x * pa.random.uniform(size=3)] * 4
    pa.random.seed(0)
    want = x0
    for layer in layers:
        want = layer(want)
    pa.random.seed(0)
    close(pa.checkpoint_sequential(layers, x0, memory=10**6), want)


class Layer:
    __slots__ = ("__weakref__",)

    def __call__(self, x):
        return pa.sin(x)


class Unwatched:
    __slots__ = ()

    def __call__(self, x):
        return pa.sin(x)


@pytest.mark.parametrize("kind", [Layer, Unwatched])
def test_a_plan_is_for_the_layers_that_were_measured(kind, monkeypatch):
    """Objects of a new list may lie where those of the last one lay, and have their ids."""
    measured, costs_of = [], _sequential.measured

    def measure(layers, x):
        measured.append(layers)
        return costs_of(layers, x)

    monkeypatch.setattr(_sequential, "measured", measure)
    monkeypatch.setattr(_sequential, "id", lambda layer: 7, raising=False)
    monkeypatch.setattr(_sequential, "_plans", type(_sequential._plans)())
    layers = [kind() for _ in range(4)]
    for _ in range(2):
        pa.checkpoint_sequential(layers, x0, memory=10**6)
    assert len(measured) == 1
    watched = [weakref.ref(layer) for layer in layers] if kind is Layer else []
    measured.clear()
    del layers
    gc.collect()
    assert all(layer() is None for layer in watched)
    pa.checkpoint_sequential([kind() for _ in range(4)], x0, memory=10**6)
    assert len(measured) == 1


def test_bad_segments():
    for options in ({"segments": 0}, {"segments": 5}, {"segments": "some"}, {"segments": 1.5}):
        with pytest.raises(ValueError, match=r"\[checkpoint_sequential\] segments must be"):
            pa.checkpoint_sequential([pa.sin] * 4, x0, **options)
    with pytest.raises(ValueError, match="there are no layers"):
        pa.checkpoint_sequential([], x0)
    with pytest.raises(ValueError, match="no placement"):
        pa.checkpoint_sequential([pa.sin] * 4, x0, memory=10)
