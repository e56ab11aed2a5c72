"""Draws that are differentiated by implicit reparametrisation, against quantiles of SciPy."""

import numpy as np
import pytest
from scipy import special, stats

import pyautograd as pa


def rng(seed=3):
    return pa.random.default_rng(seed)


@pytest.mark.parametrize("kappa", [0.0, 0.3, 4.0, 80.0, 1e5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_von_mises_distribution(kappa, dtype):
    x = rng(12).vonmises(0.0, kappa, size=20_000, dtype=dtype)
    assert x.dtype == dtype and bool(pa.all(pa.abs(x) <= pa.pi + 1e-6))
    expected = stats.vonmises(kappa) if kappa else stats.uniform(-np.pi, 2 * np.pi)
    assert stats.kstest(x.numpy().astype(float), expected.cdf).pvalue > 1e-3


def test_von_mises_angles_are_wrapped():
    x = rng().vonmises(3.0, 1.0, size=1000).numpy()
    assert x.min() < -2 and x.max() > 2 and np.abs(x).max() <= np.pi
    turned = rng().vonmises(3.0 - 2 * np.pi, 1.0, size=1000).numpy()
    np.testing.assert_allclose(np.sin(x - turned), 0, atol=1e-13)
    assert np.isclose(pa.func.grad(lambda m: pa.sum(rng().vonmises(m, 1.0, size=7)))(0.1).item(), 7)


def stencil(f, x, h):
    """The first and second derivative, by differences of sixth order."""
    values = [f(x + k * h) for k in range(-3, 4)]
    first = np.tensordot([-1 / 60, 3 / 20, -3 / 4, 0, 3 / 4, -3 / 20, 1 / 60], values, 1) / h
    weights = [1 / 90, -3 / 20, 3 / 2, -49 / 18, 3 / 2, -3 / 20, 1 / 90]
    return first, np.tensordot(weights, values, 1) / h**2


DRAWS = [
    ("mean of wald", lambda m: rng().wald(m, 2.0, 6), 1.5, None),
    ("scale of wald", lambda s: rng().wald(1.5, s, 6), 0.4, None),
    ("kappa", lambda k: rng().vonmises(0.2, k, 6), 1.3, 1.3e-2),
    ("large kappa", lambda k: rng().vonmises(0.2, k, 6), 90.0, 0.9),
]


@pytest.mark.parametrize(("draw", "at", "step"), [d[1:] for d in DRAWS], ids=[d[0] for d in DRAWS])
def test_derivatives_are_those_of_the_quantile(draw, at, step):
    if step is None:  # a draw takes another root where the parameter moves far enough
        x = draw(at).numpy()
        wald = (
            (lambda p: stats.invgauss(p / 2, scale=2))
            if at == 1.5
            else (lambda p: stats.invgauss(1.5 / p, scale=p))
        )
        below = wald(at).cdf(x)
        first, second = stencil(lambda p: wald(p).ppf(below), at, 1e-2 * at)
    else:
        first, second = stencil(lambda p: draw(p).numpy(), at, step)
    point = pa.tensor(at)
    for outer, inner in ((pa.func.jacfwd, pa.func.jacrev), (pa.func.jacrev, pa.func.jacfwd)):
        np.testing.assert_allclose(inner(draw)(point).numpy(), first, rtol=2e-7)
        got = outer(inner(draw))(point).numpy()
        np.testing.assert_allclose(got, second, rtol=1e-5, atol=1e-7 * np.abs(second).max())
    assert np.array_equal(
        pa.func.value_and_grad(lambda p: pa.sum(draw(p)))(point)[0].numpy(),
        pa.sum(draw(at)).numpy(),
    )


def test_non_central_draws_move_with_their_parameters():
    z = rng().standard_normal(5).numpy()
    slope = pa.func.jacfwd(lambda c: rng().noncentral_chisquare(3.0, c, 5))(pa.tensor(4.0)).numpy()
    np.testing.assert_allclose(slope, (z + 2) / 2, rtol=1e-14)
    by_df = pa.func.grad(lambda d: pa.mean(rng().noncentral_chisquare(d, 4.0, 20000)))
    assert abs(by_df(pa.tensor(3.0)).item() - 1) < 0.05
    mixture = lambda c: pa.sum(rng().noncentral_chisquare(0.5, c, 5))  # noqa: E731
    with pytest.raises(NotImplementedError, match="df is at most 1"):
        pa.func.grad(mixture)(pa.tensor(1.0))
    ratio = pa.func.grad(lambda c: pa.mean(rng().noncentral_f(3.0, 8.0, c, 20000)))
    assert abs(ratio(pa.tensor(2.0)).item() - 8 / 6 / 3) < 0.03


def test_implicit_draws_under_vmap_and_bad_parameters():
    mapped = pa.func.vmap(lambda k: rng().vonmises(0.0, k), randomness="different")
    assert mapped(pa.tensor([0.5, 3.0, 50.0])).shape == (3,)
    mapped = pa.func.vmap(pa.func.grad(lambda m: rng().wald(m, 1.0)), randomness="different")
    assert np.isfinite(mapped(pa.tensor([0.5, 3.0, 50.0])).numpy()).all()
    calls = [
        lambda g: g.wald(0.0, 1.0),
        lambda g: g.wald(1.0, -1.0),
        lambda g: g.vonmises(0.0, -1.0),
        lambda g: g.noncentral_chisquare(0.0, 1.0),
        lambda g: g.noncentral_chisquare(2.0, -1.0),
        lambda g: g.noncentral_f(2.0, 0.0, 1.0),
        lambda g: g.logseries(1.0),
        lambda g: g.logseries(-0.1),
        lambda g: g.zipf(1.0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="must"):
            call(rng())


@pytest.mark.parametrize("kappa", [0.0, 1e-3, 1.0, 20.0, 1e3, 1e8])
def test_angles_are_those_of_the_distribution_function(kappa):
    """One concentration for all and one for each draw agree, and with SciPy as far as it goes."""
    x = rng(3).vonmises(0.0, kappa, size=500).numpy()
    np.testing.assert_allclose(rng(3).vonmises(0.0, np.full(500, kappa)).numpy(), x, 1e-13, 1e-15)
    u = rng(3).random(500).numpy()
    if kappa <= 20:
        cdf = stats.vonmises.cdf(x, kappa) if kappa else 0.5 + x / (2 * np.pi)
        np.testing.assert_allclose(cdf, u, 1e-12, 1e-12)


@pytest.mark.parametrize("a", [1.05, 1.5, 2.0, 6.0])
def test_zipf_counts_are_those_of_the_distribution_function(a):
    counts = rng(3).zipf(a, size=300).numpy()
    above = 1.0 - rng(3).random(300).numpy()
    few = counts < 1e6
    survives = lambda k: special.zeta(a, k) / special.zeta(a, 1.0)  # noqa: E731
    assert few.sum() > 100
    assert (survives(counts[few] + 1.0) < above[few] * (1 + 1e-12)).all()
    assert (survives(1.0 * counts[few]) >= above[few] * (1 - 1e-12)).all()
    mapped = pa.func.vmap(lambda a: rng(3).zipf(a, size=300), randomness="same")(
        pa.tensor([a, 3.0])
    )
    np.testing.assert_array_equal(mapped[0].numpy(), counts)
