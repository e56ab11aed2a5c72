"""Draws without replacement: counts, edges and mapped parameters."""

import numpy as np
import pytest
from scipy import stats
from support.random_draws import rng

import pyautograd as pa


@pytest.mark.parametrize("method", ["marginals", "count"])
def test_colors_drawn_without_replacement(method):
    colors, n, taken = np.array([5, 0, 9, 6]), 20_000, 11
    x = rng(3).multivariate_hypergeometric(colors, taken, size=n, method=method).numpy()
    assert x.shape == (n, 4) and x.min() >= 0 and (x <= colors).all()
    np.testing.assert_array_equal(x.sum(axis=1), taken)
    expected = stats.multivariate_hypergeom(colors, taken)
    np.testing.assert_allclose(x.mean(axis=0), expected.mean(), atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), expected.cov(), atol=0.08)


def test_edges_of_urns():
    g = rng(1)
    assert g.hypergeometric(0, 3, 2, 4).tolist() == [0] * 4
    assert g.hypergeometric([3, 0, 5], [0, 3, 5], [2, 2, 0]).tolist() == [2, 0, 0]
    assert g.hypergeometric(0, 0, 0).item() == 0
    assert 0.49e9 < g.hypergeometric(5e8 - 1, 5e8 - 1, 9.9e8).item() < 0.5e9
    assert g.multivariate_hypergeometric([], 0, size=3).shape == (3, 0)
    wrong = [(-1, 3, 2), (3, -1, 2), (3, 3, -1), (3, 3, 7), (10**9, 1, 1)]
    for case in wrong:
        with pytest.raises(ValueError, match="hypergeometric"):
            g.hypergeometric(*case)
    with pytest.raises(ValueError, match="do not broadcast"):
        g.hypergeometric([1, 2], [1, 2, 3], 1)
    for arguments in [([1, -2], 1), ([1, 2], 4), ([[1, 2]], 1), ([1, 2], 1, None, "urn")]:
        with pytest.raises(ValueError, match="multivariate_hypergeometric"):
            g.multivariate_hypergeometric(*arguments)
    draws = pa.func.vmap(lambda x: x + g.hypergeometric(9, 9, 9), randomness="different")
    assert len(set(draws(pa.zeros(30)).tolist())) > 1


def test_mapped_parameters_of_urns():
    g, n = rng(5), 20_000
    good = np.repeat([[6.0], [9.0]], n, axis=1)
    draw = lambda k, bad: g.hypergeometric(k, bad, 5)  # noqa: E731
    inner = pa.func.vmap(draw, (0, None), randomness="different")
    counts = pa.func.vmap(inner, (0, None), randomness="different")(pa.asarray(good), 7.0)
    assert counts.dtype == np.int64 and counts.shape == (2, n)
    for row, total in zip(counts.numpy(), (6, 9), strict=True):
        expected = stats.hypergeom(total + 7, total, 5)
        np.testing.assert_allclose(row.mean(), expected.mean(), atol=0.05)
        np.testing.assert_allclose(row.var(), expected.var(), atol=0.05)
    same = pa.func.vmap(lambda k: g.hypergeometric(k, 3, 2), randomness="same")
    assert same(pa.full((4,), 8)).tolist() in [[k] * 4 for k in range(3)]
    with pytest.raises(ValueError, match="must not be negative"):
        same(pa.tensor([1, -1]))
    colors = lambda _: g.multivariate_hypergeometric([2, 3, 4], 5)  # noqa: E731
    draws = pa.func.vmap(colors, randomness="different")(pa.arange(30)).numpy()
    assert (draws.sum(axis=-1) == 5).all() and len(np.unique(draws, axis=0)) > 3
    slope = pa.func.grad(lambda x: x * g.hypergeometric(x, 0, 2))
    mapped = pa.func.vmap(slope, randomness="different")(pa.tensor([4.0, 5.0]))
    assert mapped.tolist() == [2.0, 2.0]
