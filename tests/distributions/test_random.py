"""The stream is NumPy's, every distribution is what it says, and draws are the same however they
are cut, mapped or run again."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
import scipy.special as sc
from scipy import stats
from support.random_draws import DRAWS, every_draw, rng
from support.threads import run_in_threads

import pyautograd as pa
from pyautograd import _core
from pyautograd._replay import Tape


@pytest.mark.parametrize("position", [0, 1, 12345, 2**62])
@pytest.mark.parametrize("key", [(0, 0), (1, 2**64 - 1), (0x1234567890ABCDEF, 42)])
def test_words_are_numpys_philox(key, position):
    reference = np.random.Philox(key=np.array(key, np.uint64), counter=[position, 0, 0, 0])
    stream = _core.RandomStream(*key, position)
    for n in (1, 3, 4, 5, 4099):
        words = stream.draw("words", "words", (n,), None, ()).numpy()
        blocks = -(-n // 4)
        np.testing.assert_array_equal(words, reference.random_raw(4 * blocks)[:n])
        position += blocks
        assert stream.position == position


@pytest.mark.parametrize("seed", [0, 7, 2**70, [1, 2, 3]])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_random_is_numpys_with_philox(seed, dtype):
    ours, numpys = rng(seed), np.random.Generator(np.random.Philox(seed))
    for n in (8, 4096, 100_000):
        np.testing.assert_array_equal(ours.random(n, dtype).numpy(), numpys.random(n, dtype))


def test_spawned_streams_are_numpys():
    numpys = np.random.Generator(np.random.Philox(5)).spawn(2)
    for ours, reference in zip(rng(5).spawn(2), numpys, strict=True):
        np.testing.assert_array_equal(ours.random(4).numpy(), reference.random(4))


def test_consecutive_calls_go_on():
    g = rng(3)
    parts = [g.random(4 * k).numpy() for k in (1, 2, 5)]
    np.testing.assert_array_equal(np.concatenate(parts), rng(3).random(32).numpy())
    assert not np.intersect1d(g.random(1000).numpy(), rng(3).random(32).numpy()).size


def test_consecutive_calls_and_neighbours_are_independent():
    x = np.array(
        [g.numpy() for g in (lambda r: [r.standard_normal(50_000) for _ in range(4)])(rng(1))]
    )
    correlation = np.corrcoef(x)[np.triu_indices(4, 1)]
    lagged = [np.corrcoef(x[0, k:], x[0, : x.shape[1] - k])[0, 1] for k in range(1, 9)]
    assert np.abs([*correlation, *lagged]).max() < 4.5 / np.sqrt(x.shape[1])


@every_draw
def test_same_bits_for_any_number_of_threads(draw):
    threads = pa.get_num_threads()
    try:
        results = []
        for count in (1, 2, 5):
            pa.set_num_threads(count)
            results.append(draw(rng(2), 200_003).numpy().tobytes())
    finally:
        pa.set_num_threads(threads)
    assert len(set(results)) == 1


@every_draw
def test_an_element_depends_on_its_index_only(draw):
    whole = draw(rng(2), 70_001).numpy()
    for n in (1, 2, 7, 513, 4100, 40_000):
        np.testing.assert_array_equal(draw(rng(2), n).numpy(), whole[:n])
    np.testing.assert_array_equal(draw(rng(2), (7, 100)).numpy(), whole[:700].reshape(7, 100))


@every_draw
def test_draws_from_several_threads_do_not_overlap(draw):
    g = rng(2)
    parts = run_in_threads(lambda _: draw(g, 64).numpy(), 4)
    alone = rng(2)
    expected = {draw(alone, 64).numpy().tobytes() for _ in range(4)}
    assert {part.tobytes() for part in parts} == expected and len(expected) == 4


def test_strided_parameters_give_the_same_draws():
    a = np.linspace(0.5, 9, 12).reshape(3, 4)
    for name in ("standard_gamma", "poisson"):
        straight = getattr(rng(1), name)(a).numpy()
        other = getattr(rng(1), name)(pa.tensor(np.ascontiguousarray(a.T)).T).numpy()
        np.testing.assert_array_equal(straight, other)


def words_and(kind, n, dtype="float64"):
    key = rng(11)._stream.key
    words = _core.RandomStream(*key).draw("words", "words", (n,), None, ()).numpy()
    return words, _core.RandomStream(*key).draw(kind, kind, (n,), dtype, ()).numpy()


def test_normal_and_exponential_are_inverse_distribution_functions():
    n = 2_000_000
    words, z = words_and("normal", n)
    upper = words >> 63 == 1
    p = (np.where(upper, ~words, words) + 0.5) * 2.0**-64
    np.testing.assert_allclose(np.where(upper, -z, z), sc.ndtri(p), rtol=4e-15, atol=2e-16)
    words, e = words_and("exponential", n)
    np.testing.assert_allclose(e, np.where(upper, -np.log(p), -np.log1p(-p)), rtol=4e-15)
    np.testing.assert_array_equal(words_and("normal", n, "float32")[1], z.astype(np.float32))


def test_random_stays_below_one():
    x = rng(1).random(1 << 25, "float32")
    assert pa.max(x).item() == 1 - 2**-24


# Each case: method, parameters, SciPy's distribution.
CONTINUOUS = [
    ("random", (), stats.uniform()),
    ("uniform", (-3.0, 2.0), stats.uniform(-3, 5)),
    ("normal", (1.0, 2.0), stats.norm(1, 2)),
    ("standard_normal", (), stats.norm()),
    ("lognormal", (0.5, 0.7), stats.lognorm(0.7, scale=np.exp(0.5))),
    ("exponential", (3.0,), stats.expon(scale=3)),
    ("standard_exponential", (), stats.expon()),
    ("laplace", (1.0, 2.0), stats.laplace(1, 2)),
    ("logistic", (1.0, 2.0), stats.logistic(1, 2)),
    ("gumbel", (1.0, 2.0), stats.gumbel_r(1, 2)),
    ("standard_cauchy", (), stats.cauchy()),
    ("rayleigh", (2.0,), stats.rayleigh(scale=2)),
    ("weibull", (1.7,), stats.weibull_min(1.7)),
    ("pareto", (2.5,), stats.lomax(2.5)),
    ("power", (1.5,), stats.powerlaw(1.5)),
    *[("standard_gamma", (a,), stats.gamma(a)) for a in (0.05, 0.5, 1.0, 3.3, 250.0, 1e6)],
    ("gamma", (2.0, 3.0), stats.gamma(2, scale=3)),
    *[("beta", ab, stats.beta(*ab)) for ab in [(0.3, 0.4), (1.0, 1.0), (2.0, 5.0), (80.0, 30.0)]],
    ("chisquare", (3.0,), stats.chi2(3)),
    ("f", (3.0, 7.0), stats.f(3, 7)),
    ("standard_t", (2.5,), stats.t(2.5)),
    ("triangular", (-1.0, 0.5, 2.0), stats.triang(0.5, -1, 3)),
    ("triangular", (1.0, 1.0, 2.0), stats.triang(0, 1, 1)),
    ("noncentral_chisquare", (3.5, 2.0), stats.ncx2(3.5, 2)),
    ("noncentral_chisquare", (0.7, 2.0), stats.ncx2(0.7, 2)),
    ("noncentral_f", (3.0, 7.0, 1.5), stats.ncf(3, 7, 1.5)),
    ("wald", (1.5, 2.0), stats.invgauss(0.75, scale=2)),
    ("wald", (5.0, 0.1), stats.invgauss(50, scale=0.1)),
]


# In float32 half a percent of the first of these underflows to 0.
CASES = [
    (case, dtype)
    for case in CONTINUOUS
    for dtype in ("float64", "float32")
    if dtype == "float64" or case[1] != (0.05,)
]


def label(case):
    return f"{case[0]}{case[1]}"


@pytest.mark.parametrize("case, dtype", CASES, ids=lambda v: v if isinstance(v, str) else label(v))
def test_continuous_distributions(case, dtype):
    name, parameters, expected = case
    x = getattr(rng(12), name)(*parameters, size=200_000, dtype=dtype)
    assert x.shape == (200_000,) and x.dtype == dtype
    assert stats.kstest(x.numpy().astype(float), expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "name, reference", [("standard_normal", stats.norm()), ("standard_exponential", stats.expon())]
)
def test_tails(name, reference):
    n = 20_000_000
    x = getattr(rng(4), name)(n).numpy()
    for p in (1e-4, 1e-5, 1e-6):
        for count in ((x > reference.isf(p)).sum(), (x < reference.ppf(p)).sum()):
            assert stats.poisson(n * p).cdf(count) > 1e-4
            assert stats.poisson(n * p).sf(count - 1) > 1e-4


DISCRETE = [
    *[("poisson", (lam,), stats.poisson(lam)) for lam in (0.01, 0.7, 4.0, 9.9, 10.1, 37.0, 4000.0)],
    *[
        ("binomial", (n, p), stats.binom(n, p))
        for n, p in [
            (1, 0.3),
            (9, 0.5),
            (40, 0.1),
            (40, 0.97),
            (100, 0.4),
            (1000, 0.6),
            (10**6, 0.3),
        ]
    ],
    ("negative_binomial", (3.5, 0.3), stats.nbinom(3.5, 0.3)),
    ("geometric", (0.2,), stats.geom(0.2)),
    ("logseries", (0.8,), stats.logser(0.8)),
    ("zipf", (2.7,), stats.zipf(2.7)),
    *[
        ("hypergeometric", (good, bad, taken), stats.hypergeom(good + bad, good, taken))
        for good, bad, taken in [(7, 9, 5), (40, 3, 20), (3000, 50_000, 700), (10**5, 9, 10**5)]
    ],
    ("integers", (-3, 9), stats.randint(-3, 9)),
]


@pytest.mark.parametrize("case", DISCRETE, ids=label)
def test_discrete_distributions(case):
    name, parameters, expected = case
    n = 400_000
    x = getattr(rng(5), name)(*parameters, size=n)
    assert x.dtype == np.int64
    # Classes of at least 20 expected draws, the ends together.
    low, high = expected.ppf(50 / n), expected.isf(50 / n)
    step = max(1, int((high - low) / 60))
    edges = np.arange(low, high + step, step)
    chances = np.diff(expected.cdf(edges), prepend=0, append=1)
    counts = np.bincount(np.searchsorted(edges, x.numpy()), minlength=len(chances))
    kept = chances * n > 20
    rest = 1 - chances[kept].sum()
    observed, wanted = counts[kept], chances[kept] * n
    if rest * n > 5:
        observed, wanted = np.append(observed, n - observed.sum()), np.append(wanted, rest * n)
    wanted *= observed.sum() / wanted.sum()
    assert stats.chisquare(observed, wanted).pvalue > 1e-3


def test_edges_of_discrete_distributions():
    g = rng(1)
    assert g.poisson(0.0, 9).tolist() == [0] * 9
    assert g.binomial(0, 0.5, 9).tolist() == [0] * 9
    assert g.binomial(7, [0.0, 1.0]).tolist() == [0, 7]
    assert g.geometric(1.0, 5).tolist() == [1] * 5
    assert pa.isnan(g.gamma(np.nan)).item() and g.gamma(0.0).item() == 0.0
    assert g.gamma(1e-3, size=200).numpy().min() == 0  # underflow, not an error
    assert g.dirichlet([1e-4, 1e-4], 100).sum(axis=-1).numpy().tolist() == [1.0] * 100


@pytest.mark.parametrize("mean", [1e9, 1e13, 1e15, 1e17])
def test_counts_of_huge_mean_are_normal(mean):
    n = 200_000
    for x, variance in [
        (rng(7).poisson(mean, n), mean),
        (rng(7).binomial(min(mean, 2.0**53), 0.3, n), min(mean, 2.0**53) * 0.21),
        (rng(7).standard_gamma(mean, n), mean),
    ]:
        center = mean if variance == mean else variance / 0.7
        z = (x.numpy().astype(float) - center) / np.sqrt(variance)
        assert stats.kstest(z, stats.norm.cdf).pvalue > 1e-3


def test_dirichlet_moments():
    alpha = np.array([0.2, 1.0, 4.0])
    x = rng(2).dirichlet(alpha, 200_000).numpy()
    np.testing.assert_allclose(x.sum(axis=-1), 1)
    for k in range(3):
        marginal = stats.beta(alpha[k], alpha.sum() - alpha[k])
        assert stats.kstest(x[:, k], marginal.cdf).pvalue > 1e-3
    batch = rng(2).dirichlet(np.ones((2, 3)), (5, 2))
    assert batch.shape == (5, 2, 3)


def test_multinomial():
    p = [0.1, 0.0, 0.25, 0.65]
    x = rng(2).multinomial(30, p, 100_000).numpy()
    assert (x.sum(axis=-1) == 30).all() and (x[:, 1] == 0).all()
    for k in (0, 2, 3):
        counts = np.bincount(x[:, k], minlength=31)
        chances = stats.binom(30, p[k]).pmf(np.arange(31))
        kept = chances * 1e5 > 10
        wanted = chances[kept] / chances[kept].sum() * counts[kept].sum()
        assert stats.chisquare(counts[kept], wanted).pvalue > 1e-3
    covariance = np.cov(x[:, 0], x[:, 2])[0, 1]
    assert abs(covariance + 30 * 0.1 * 0.25) < 0.05
    assert rng(2).multinomial([3, 8], p).sum(axis=-1).tolist() == [3, 8]


@pytest.mark.parametrize("span", [3 * 2**62, 2**64 - 1, 10, 2**32])
def test_integers_are_exactly_uniform_on_any_range(span):
    x = rng(6).integers(0, span, size=300_000, dtype=np.uint64).numpy()
    assert (x < span).all()
    counts = np.bincount((x.astype(object) * 5 // span).astype(int), minlength=5)
    share = np.diff([-(-span * k // 5) for k in range(6)])
    assert stats.chisquare(counts, share / span * 300_000).pvalue > 1e-3


def test_ranges_and_dtypes_of_integers():
    for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        info = np.iinfo(dtype)
        x = rng(1).integers(info.min, info.max, 2000, dtype, endpoint=True)
        assert x.dtype == dtype
        quarters = np.floor((x.numpy().astype(float) - info.min) / (info.max - info.min + 1) * 4)
        assert np.bincount(np.minimum(quarters, 3).astype(int)).min() > 400
        with pytest.raises(ValueError, match="out of bounds"):
            rng(1).integers(info.min, int(info.max) + 2, 3, dtype)
    assert rng(1).integers(2, size=50, dtype=bool).numpy().mean() not in (0, 1)
    low, high = np.array([0, 10]), np.array([[1], [11]]) + 10
    x = rng(1).integers(low, high, (1000, 2, 2)).numpy()
    assert (x >= low).all() and (x < high).all() and x.max(axis=0).tolist() == [[10, 10], [20, 20]]


def test_permutations_are_equally_likely():
    order = pa.func.vmap(lambda _: rng_of_test.permutation(4), randomness="different")
    rng_of_test = rng(8)
    x = order(pa.zeros(48_000)).numpy()
    assert (np.sort(x) == np.arange(4)).all()
    counts = np.unique(x @ [64, 16, 4, 1], return_counts=True)[1]
    assert len(counts) == 24 and stats.chisquare(counts).pvalue > 1e-3
    assert sorted(rng(1).permutation(100_000).tolist()) == list(range(100_000))


def test_permutation_and_shuffle_move_slices_along_an_axis():
    x = np.arange(12.0).reshape(3, 4)
    for axis in (0, 1, -1):
        order = rng(3).permutation(x.shape[axis]).numpy()
        expected = np.take(x, order, axis)
        np.testing.assert_array_equal(rng(3).permutation(x, axis).numpy(), expected)
        for given in (pa.tensor(x), x.copy()):
            assert rng(3).shuffle(given, axis) is None
            np.testing.assert_array_equal(np.asarray(given), expected)
    items = list("abc")
    rng(3).shuffle(items)
    assert items == [list("abc")[i] for i in rng(3).permutation(3).tolist()]


@pytest.mark.parametrize("method", ["cholesky", "eigh", "svd"])
def test_multivariate_normal(method):
    mean, cov = (
        np.array([1.0, -2.0, 0.5]),
        np.array([[2.0, 0.6, 0], [0.6, 1, -0.3], [0, -0.3, 0.5]]),
    )
    x = rng(8).multivariate_normal(mean, cov, size=(400, 500), method=method).numpy()
    assert x.shape == (400, 500, 3)
    lines = x.reshape(-1, 3)
    for k, direction in enumerate([[1, 0, 0], [1, -1, 2.0], [0.3, 0.5, -1]]):
        along = stats.norm(mean @ direction, np.sqrt(direction @ cov @ np.array(direction)))
        assert stats.kstest(lines @ direction, along.cdf).pvalue > 1e-3, k
    singular = rng(8).multivariate_normal([0.0, 0.0], np.ones((2, 2)), size=4, method="eigh")
    np.testing.assert_allclose(singular[:, 0].numpy(), singular[:, 1].numpy(), atol=1e-7)


def test_permuted_lines_are_shuffled_one_by_one():
    x = np.arange(60_000).reshape(10_000, 6) % 6
    y = rng(2).permuted(x, axis=1).numpy()
    np.testing.assert_array_equal(np.sort(y, 1), x)
    counts = np.array([np.bincount(column, minlength=6) for column in y.T])
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3
    assert sorted(rng(2).permuted(x[:2]).numpy().ravel()) == sorted(x[:2].ravel())
    assert rng(2).permuted(pa.ones((3, 0)), axis=0).shape == (3, 0)


def test_choice_with_probabilities():
    p = np.array([0.1, 0.0, 0.6, 0.3])
    x = rng(3).choice(4, 100_000, p=p).numpy()
    assert stats.chisquare(np.bincount(x)[p > 0], p[p > 0] * 1e5).pvalue > 1e-3
    g = rng(3)
    pairs = [tuple(g.choice(4, 2, replace=False, p=p).tolist()) for _ in range(4000)]
    for i, j in itertools.permutations((0, 2, 3), 2):
        chance = p[i] * p[j] / (1 - p[i])
        assert abs(pairs.count((i, j)) - 4000 * chance) < 4 * math.sqrt(4000 * chance)
    ramp = np.arange(20_000.0)
    many = g.choice(20_000, 10_000, replace=False, p=ramp / ramp.sum()).numpy()
    assert len(set(many.tolist())) == 10_000
    assert 11_500 < many[:1000].mean() < 14_500  # 2/3 of 20,000, less as large ones are gone
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    picked = rng(4).choice(values, (2, 5), axis=0)
    assert picked.shape == (2, 5, 2)
    assert set(map(tuple, picked.numpy().reshape(-1, 2))) <= set(map(tuple, values))
    assert sorted(rng(4).choice([7, 8, 9], 3, replace=False).tolist()) == [7, 8, 9]
    assert rng(4).choice(5).shape == ()


def test_state_is_saved_and_restored_midway():
    g = rng(3)
    g.normal(size=5)
    state = g.state
    assert all(type(v) in (str, int, tuple) for v in state.values())
    first = [g.random(3).tolist(), g.gamma(0.5, size=3).tolist(), g.poisson(30, 3).tolist()]
    others = [copy.copy(g), copy.deepcopy(g), pickle.loads(pickle.dumps(g)), rng(99)]
    for other in [g, *others]:
        other.state = state
        again = [other.random(3).tolist(), other.gamma(0.5, size=3).tolist()]
        assert [*again, other.poisson(30, 3).tolist()] == first
    assert pickle.loads(pickle.dumps(g)).spawn(1)[0].state == g.spawn(1)[0].state
    for wrong in (
        {},
        {**state, "counter": -1},
        {**state, "key": (1,)},
        {**state, "bit_generator": "PCG64"},
        3,
    ):
        with pytest.raises(ValueError, match=r"\[random\] state"):
            g.state = wrong


def test_the_module_has_a_generator_of_its_own():
    before = pa.random.get_state()
    try:
        pa.random.seed(12)
        first = pa.random.normal(size=3).tolist(), pa.random.choice(10, 3).tolist()
        g = rng(12)
        assert first == (g.normal(size=3).tolist(), g.choice(10, 3).tolist())
        assert pa.random.get_state() == g.state
    finally:
        pa.random.set_state(before)
    assert rng(g) is g


def test_a_tape_replays_draws_of_every_generator():
    first, second, tape = rng(1), rng(2), Tape()

    def f():
        return (
            first.random(2).tolist(),
            second.gamma(0.3, size=2).tolist(),
            first.permutation(4).tolist(),
        )

    with tape.record():
        drawn = f()
    went_on = first.random(3).tolist()
    with tape.replay():
        assert f() == drawn
    first.state = {**first.state, "counter": first.state["counter"] - 1}
    assert first.random(3).tolist() == went_on


def test_unseeded_generators_differ():
    assert pa.random.default_rng().state["key"] != pa.random.default_rng().state["key"]


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda g: g.random(-1), ValueError),
        (lambda g: g.random((2, "a")), TypeError),
        (lambda g: g.random(2.5), TypeError),
        (lambda g: g.random(2, "int64"), TypeError),
        (lambda g: g.random((2**40, 2**40)), (ValueError, MemoryError)),
        (lambda g: g.normal(0.0, -1.0), ValueError),
        (lambda g: g.normal(pa.zeros(3), 1.0, size=2), ValueError),
        (lambda g: g.normal(pa.zeros(3), pa.ones(2)), ValueError),
        (lambda g: g.gamma(-1.0), ValueError),
        (lambda g: g.beta(0.0, 1.0), ValueError),
        (lambda g: g.dirichlet(1.0), ValueError),
        (lambda g: g.dirichlet([1.0, 2.0], (3, 2))[0] and g.dirichlet([1.0, -2.0]), ValueError),
        (lambda g: g.poisson(-1.0), ValueError),
        (lambda g: g.poisson(np.nan), ValueError),
        (lambda g: g.poisson(1e300), ValueError),
        (lambda g: g.poisson([1.0, 2.0], 3), ValueError),
        (lambda g: g.binomial(-1, 0.5), ValueError),
        (lambda g: g.binomial(3, 1.5), ValueError),
        (lambda g: g.binomial(3, np.nan), ValueError),
        (lambda g: g.geometric(0.0), ValueError),
        (lambda g: g.multinomial(3, [0.7, 0.7, 0.1]), ValueError),
        (lambda g: g.multinomial(3, 0.5), ValueError),
        (lambda g: g.integers(3, 3), ValueError),
        (lambda g: g.integers(0, 300, dtype="int8"), ValueError),
        (lambda g: g.integers(2.5), TypeError),
        (lambda g: g.integers(3, dtype="float64"), TypeError),
        (lambda g: g.choice(0, 1), ValueError),
        (lambda g: g.choice(3, 4, replace=False), ValueError),
        (lambda g: g.choice(3, 2, replace=False, p=[0.0, 1.0, 0.0]), ValueError),
        (lambda g: g.choice(3, p=[0.5, 0.5]), ValueError),
        (lambda g: g.choice(2, p=[0.5, 0.6]), ValueError),
        (lambda g: g.choice(2, p=[1.5, -0.5]), ValueError),
        (lambda g: g.permutation(pa.zeros(3), axis=1), IndexError),
        (lambda g: g.permutation(-1), ValueError),
        (lambda g: g.shuffle((1, 2)), TypeError),
        (lambda g: g.triangular(0.0, 3.0, 2.0), ValueError),
        (lambda g: g.triangular(1.0, 1.0, 1.0), ValueError),
        (lambda g: g.multivariate_normal([0.0], np.eye(2)), ValueError),
        (lambda g: g.multivariate_normal([0.0, 0.0], np.zeros((2, 2))), np.linalg.LinAlgError),
        (lambda g: g.multivariate_normal([0.0], [[1.0]], method="qr"), ValueError),
        (lambda g: g.permuted(pa.zeros(3), axis=1), IndexError),
        (lambda g: pa.random.Generator("seed"), (TypeError, ValueError)),
        (lambda g: pa.random.Generator(-1), ValueError),
    ],
)
def test_bad_input(call, error):
    with pytest.raises(error):
        call(rng(1))


@pytest.mark.parametrize(
    "name, parameters, message",
    [
        ("pareto", (0.0,), "a must be positive"),
        ("power", (0.0,), "a must be positive"),
        ("weibull", (-1.0,), "a must"),
        ("laplace", (0.0, -1.0), "scale must not be negative"),
        ("gamma", (1.0, -1.0), "scale must not be negative"),
        ("gamma", (1.0, np.array([1.0, -1.0])), "scale must not be negative"),
        ("beta", (1.0, 0.0), "b must be positive"),
        ("chisquare", (0.0,), "df must be positive"),
        ("f", (0.0, 1.0), "dfnum must be positive"),
        ("f", (1.0, 0.0), "dfden must be positive"),
        ("noncentral_chisquare", (0.0, 1.0), "df must be positive"),
        ("noncentral_chisquare", (1.0, -1.0), "nonc must not be negative"),
        ("noncentral_f", (0.0, 1.0, 1.0), "dfnum must be positive"),
        ("noncentral_f", (1.0, 0.0, 1.0), "dfden must be positive"),
        ("noncentral_f", (1.0, 1.0, -1.0), "nonc must not be negative"),
        ("standard_t", (0.0,), "df must be positive"),
        ("negative_binomial", (0.0, 0.5), "n must be positive"),
        ("negative_binomial", (1.0, 0.0), "p must be positive"),
        ("negative_binomial", (1.0, 1.5), "p must be at most 1"),
        ("geometric", (1.5,), "p must be at most 1"),
        ("logseries", (-0.5,), "p must not be negative"),
        ("logseries", (1.0,), "1 - p must be positive"),
        ("zipf", (1.0,), "a - 1 must be positive"),
        ("multinomial", (3, [-0.5, 0.5, 1.0]), "pvals must not be negative"),
        ("multinomial", (3, [1.5, 0.5]), "pvals must be at most 1"),
        ("multinomial", (3, 0.5), "pvals must have at least one class"),
        ("wald", (0.0, 1.0), "mean must be positive"),
        ("wald", (1.0, 0.0), "scale must be positive"),
        ("vonmises", (0.0, -1.0), "kappa must not be negative"),
    ],
)
def test_parameters_out_of_range(name, parameters, message):
    with pytest.raises(ValueError, match=rf"^\[{name}\] {message}"):
        getattr(rng(1), name)(*parameters)


def test_empty_draws():
    for draw in DRAWS.values():
        assert draw(rng(1), (0, 3)).shape == (0, 3)
    assert rng(1).permutation(0).shape == (0,)
    assert rng(1).choice(0, 0).shape == (0,)
    assert rng(1).gamma(pa.zeros((0, 2))).shape == (0, 2)
    mapped = pa.func.vmap(lambda x: x + rng(1).normal(size=2), randomness="different")
    assert mapped(pa.zeros((0, 2))).shape == (0, 2)


@pytest.mark.usefixtures("no_leak")
def test_draws_leave_nothing_behind():
    a = pa.tensor(1.5, requires_grad=True)
    x = rng(1).gamma(a, size=3) + rng(1).normal(a, 1.0, 3)
    pa.sum(x).backward(create_graph=True)
    a.grad.backward()
