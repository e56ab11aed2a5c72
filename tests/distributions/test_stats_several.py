"""Densities of several variables, against SciPy, and their derivatives."""

import functools
import math

import numpy as np
import pytest
import scipy.stats

import pyautograd as pa

MATRICES = ("wishart", "invwishart")


def both(name, method, *args):
    with np.errstate(all="ignore"):
        expected = getattr(getattr(scipy.stats, name), method)(*args)
    return getattr(getattr(pa.stats, name), method)(*args).numpy(), expected


def test_a_batch_of_covariances():
    root = np.random.default_rng(0).normal(size=(2, 3, 3))
    covs, x = root @ root.swapaxes(1, 2) + np.eye(3), np.array([0.3, -0.2, 0.5])
    got = pa.stats.multivariate_normal.logpdf(x, np.zeros(3), covs).numpy()
    expected = [scipy.stats.multivariate_normal.logpdf(x, np.zeros(3), cov) for cov in covs]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def positive_definite(*shape):
    root = np.random.default_rng(sum(shape)).normal(size=shape)
    return root @ root.swapaxes(-1, -2) + np.eye(shape[-1])


def test_students_t_of_several_variables():
    loc, shapes = np.array([0.3, -0.2, 0.5]), positive_definite(2, 3, 3)
    x, df = np.random.default_rng(1).normal(size=(2, 3)), 3.3
    got = pa.stats.multivariate_t.logpdf(x, loc, shapes, df).numpy()
    rows = zip(x, shapes, strict=True)
    expected = [scipy.stats.multivariate_t.logpdf(y, loc, shape, df) for y, shape in rows]
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    np.testing.assert_allclose(pa.stats.multivariate_t.pdf(x, loc, shapes, df), np.exp(got))
    one = pa.stats.multivariate_t(df=df).logpdf(x[:, :1]).numpy()
    np.testing.assert_allclose(one, scipy.stats.t.logpdf(x[:, 0], df), rtol=1e-12)

    def f(loc, root, df):
        return pa.sum(pa.stats.multivariate_t.logpdf(x, loc, root @ root.mT + np.eye(3), df))

    pa.testing.check_grads(f, (loc, shapes[0], df), order=2)
    assert np.isnan(pa.stats.multivariate_t.logpdf(x, df=-1.0)).all()
    with pytest.raises(ValueError, match=r"multivariate_t.logpdf\] shape of shape \(2, 2\)"):
        pa.stats.multivariate_t.logpdf(x, shape=np.eye(2))


def test_much_freedom_of_students_t():
    """Against the first two terms of the series around the normal distribution, n = 3."""
    x = np.array([0.5, -1.0, 2.0])
    square = x @ x
    normal = pa.stats.multivariate_normal.logpdf(x, cov=pa.eye(3)).item()
    bend = (square**2 - 2 * 3 * square + 3 * (3 - 2)) / 4
    f = lambda df: pa.stats.multivariate_t.logpdf(x, shape=pa.eye(3), df=df)  # noqa: E731
    for df in (1e7, 1e10, 1e15, 1e300, np.inf):
        assert f(df).item() == pytest.approx(normal + bend / df, rel=1e-13, abs=0)
    for df in (1e7, 1e10, 1e13):
        slope = pa.func.grad(f)(df).item()
        assert slope == pytest.approx(-bend / df / df, rel=50 / df + 1e-13, abs=0)
    assert np.isnan(f(0.0).item())


def test_many_counts_and_large_parameters():
    """Against mpmath."""
    p, x = np.array([0.25, 0.25, 0.5]), np.array([2e9, 2e9 + 3, 4e9])
    assert pa.stats.multinomial.logpmf(x, 8e9 + 3, p).item() == pytest.approx(
        -22.907716495979482, rel=1e-14, abs=0
    )
    logpdf = lambda a: pa.stats.dirichlet.logpdf(p, a)  # noqa: E731
    assert logpdf(x).item() == pytest.approx(22.697698262398013, rel=1e-14, abs=0)
    a = np.array([200.0, 300.0, 480.0])
    slope = pa.special.digamma(980.0) - pa.special.digamma(a) + np.log(p)
    np.testing.assert_allclose(pa.func.grad(logpdf)(a), slope, rtol=1e-12)
    single = pa.stats.dirichlet.logpdf(pa.asarray(p, dtype="float32"), pa.ones(3, dtype="float32"))
    assert single.dtype == np.float32


def test_outside_of_the_simplex():
    logpdf = pa.stats.dirichlet.logpdf
    at = np.array([[-0.2, 0.7, 0.5], [0.2, 0.3, 0.5]])
    assert logpdf(at, [1.0, 2.0, 3.0]).tolist()[0] == -np.inf
    assert pa.func.grad(lambda a: logpdf(at[0], a))(np.array([1.0, 2.0, 3.0])).tolist() == [0] * 3
    assert np.isnan(logpdf(at, [1.0, -2.0, 3.0])).all()


@pytest.mark.parametrize("n, kappa", [(2, 0.4), (3, 35.0), (5, 800.0), (60, 3.0), (60, 90.0)])
def test_directions(n, kappa):
    x = np.random.default_rng(n).normal(size=(4, n))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    mu, family = x[0], pa.stats.vonmises_fisher
    got = family.logpdf(x, mu, kappa).numpy()
    wanted = scipy.stats.vonmises_fisher(mu, kappa).logpdf(x)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13 * kappa)
    np.testing.assert_allclose(family(mu, kappa).pdf(x), np.exp(got))
    # The mean of the cosine is a ratio of Bessel functions (DLMF 10.29.4).
    slope = pa.func.grad(lambda k: family.logpdf(x[1], mu, k))(kappa).item()
    order = n / 2 - 1
    mean = scipy.special.ive(order + 1, kappa) / scipy.special.ive(order, kappa)
    assert slope == pytest.approx(x[1] @ mu - mean, rel=1e-11, abs=1e-13)
    pa.testing.check_grads(family.logpdf, (x, mu, min(kappa, 90.0)), order=2)


def test_all_directions_are_alike_without_concentration():
    f = lambda k: pa.stats.vonmises_fisher.logpdf([0.6, 0.0, 0.8], [0.0, 0.0, 1.0], k)  # noqa: E731
    value, slope, bend = pa.func.taylor(f, 0.0, 1.0, 2)
    assert value.item() == pytest.approx(-math.log(4 * math.pi), rel=1e-14, abs=0)
    assert (slope.item(), 2 * bend.item()) == pytest.approx((0.8, -1 / 3), rel=1e-14, abs=0)
    assert np.isnan(f(-1.0).item())
    with pytest.raises(ValueError, match="needs an axis of variables"):
        pa.stats.vonmises_fisher.logpdf(1.0, [1.0], 2.0)


@pytest.mark.parametrize("name", MATRICES)
def test_distributions_of_matrices(name):
    family, theirs = getattr(pa.stats, name), getattr(scipy.stats, name)
    x, scale, df = positive_definite(2, 3, 3), positive_definite(3, 3), 4.4
    got = family.logpdf(x, df, scale).numpy()
    np.testing.assert_allclose(got, [theirs.logpdf(m, df, scale) for m in x], rtol=1e-12)
    np.testing.assert_allclose(family(df, scale).pdf(x), np.exp(got), rtol=1e-12)
    batch = family.logpdf(x[0], df, np.stack([scale, 2 * scale])).numpy()
    expected = [theirs.logpdf(x[0], df, scale), theirs.logpdf(x[0], df, 2 * scale)]
    np.testing.assert_allclose(batch, expected, rtol=1e-12)

    def f(x, df, scale):
        return family.logpdf(x @ x.mT + np.eye(3), df, scale @ scale.mT + np.eye(3))

    pa.testing.check_grads(f, (x[0], df, scale), order=2)
    mapped = pa.func.vmap(lambda m: family.logpdf(m, df, scale))(x).numpy()
    np.testing.assert_allclose(mapped, got, rtol=1e-12)
    assert np.isnan(family.logpdf(x, 2.0, scale)).all()
    with pytest.raises(ValueError, match=rf"{name}.logpdf\] x of shape .* square matrices"):
        family.logpdf(x, df, np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        family.logpdf(-x, df, scale)


def test_a_matrix_of_normal_variables():
    rows, columns = positive_definite(2, 2), positive_definite(3, 3)
    x, mean = np.random.default_rng(0).normal(size=(2, 4, 2, 3))
    family, theirs = pa.stats.matrix_normal, scipy.stats.matrix_normal
    got = family.logpdf(x, mean, rows, columns).numpy()
    expected = [theirs.logpdf(a, b, rows, columns) for a, b in zip(x, mean, strict=True)]
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    np.testing.assert_allclose(family(mean, rows, columns).pdf(x), np.exp(got), rtol=1e-12)
    got = family.logpdf(x[0], rowcov=2.0, colcov=[1.0, 2.0, 3.0]).item()
    expected = theirs.logpdf(x[0], np.zeros((2, 3)), 2.0, [1.0, 2.0, 3.0])
    assert got == pytest.approx(expected, rel=1e-12, abs=0)

    def f(mean, row_root, column_root):
        return family.logpdf(
            x[0], mean, row_root @ row_root.mT + np.eye(2), column_root @ column_root.mT + np.eye(3)
        )

    pa.testing.check_grads(f, (mean[0], rows, columns), order=2)
    with pytest.raises(ValueError, match=r"rowcov of shape \(3, 3\) does not match 2 variables"):
        family.logpdf(x, mean, columns, columns)
    with pytest.raises(ValueError, match="X needs axes of rows and columns"):
        family.logpdf(1.0)


def test_counts_of_uncertain_probabilities():
    family, alpha = pa.stats.dirichlet_multinomial, np.array([0.7, 2.2, 5.0])
    for counts in ([1, 2, 3], [0, 6, 0], [1, 2, 4], [-1, 3, 4], [1.5, 1.5, 3]):
        got = family.pmf(counts, alpha, 6).item()
        fits = sum(counts) == 6 and counts == [int(c) for c in counts] and min(counts) >= 0
        expected = scipy.stats.dirichlet_multinomial.pmf(counts, alpha, 6) if fits else 0.0
        assert got == pytest.approx(expected, rel=1e-12, abs=0)
    pa.testing.check_grads(lambda a: family.logpmf([1, 2, 3], a, 6), (alpha,), order=2)
    # With large parameters it is the multinomial one.
    share = alpha / alpha.sum()
    got = family.logpmf([1, 2, 3], 1e14 * share, 6).item()
    assert got == pytest.approx(
        pa.stats.multinomial.logpmf([1, 2, 3], 6, share).item(), rel=1e-11, abs=0
    )
    assert np.isnan(family.logpmf([1, 2, 3], -alpha, 6).item())
    slope = pa.func.grad(lambda a: family.logpmf([1, 2, 4], a, 6))(pa.asarray(alpha))
    assert slope.tolist() == [0.0, 0.0, 0.0]


def test_families_of_several_variables():
    rng = np.random.default_rng(0)
    a, x, mean = rng.standard_normal((3, 3)), rng.standard_normal((5, 3)), rng.standard_normal(3)
    for cov in (a @ a.T + np.eye(3), np.array([1.0, 2.0, 3.0]), 2.0):
        got, expected = both("multivariate_normal", "logpdf", x, mean, cov)
        np.testing.assert_allclose(got, expected, rtol=1e-10)
    got, expected = both(
        "dirichlet", "logpdf", np.array([0.2, 0.3, 0.5]), np.array([1.0, 2.0, 3.0])
    )
    assert got == pytest.approx(expected)
    for counts in ([1, 2, 3], [1, 2, 4], [-1, 2, 5], [1.5, 1.5, 3]):
        got, expected = both("multinomial", "logpmf", counts, 6, [0.2, 0.3, 0.5])
        assert got == pytest.approx(expected)
    assert pa.stats.multinomial.pmf([1, 2, 4], 6, [0.2, 0.3, 0.5]).item() == 0


def test_derivatives_of_families_of_several_variables():
    rng = np.random.default_rng(0)
    root, mean, x = pa.asarray(np.eye(3) + 0.1), pa.asarray(rng.standard_normal(3)), pa.ones(3)
    weights = pa.asarray([0.2, 0.3, 0.5])

    def normal(x, mean, root):
        return pa.stats.multivariate_normal.logpdf(x, mean, root @ root.T)

    for f, arguments in (
        (normal, (x, mean, root)),
        (functools.partial(pa.stats.dirichlet.logpdf, weights), (1 + weights,)),
        (functools.partial(pa.stats.multinomial.logpmf, [1, 2, 3], 6), (weights,)),
    ):
        assert pa.testing.gradcheck(f, arguments)
        assert pa.testing.gradgradcheck(f, arguments)


@pytest.mark.parametrize(
    "name, place, wanted",
    [
        ("wishart", 2.0**30, (-37.48111131168139, 6.1034690664501385e-05)),
        ("invwishart", 2.0**-30, (87.28546256186706, -6.103189669677566e-05)),
    ],
)
def test_matrices_of_much_freedom(name, place, wanted):
    """Beside the mode, against numbers that mpmath found."""
    scale = np.array([[2.0, 0.5], [0.5, 1.0]])
    x = scale * place * (1 + 2.0**-14)
    f = lambda df: getattr(pa.stats, name).logpdf(x, df, scale)  # noqa: E731
    assert f(2.0**30).item() == pytest.approx(wanted[0], rel=1e-13, abs=0)
    assert pa.func.grad(f)(2.0**30).item() == pytest.approx(wanted[1], rel=1e-11, abs=0)


@pytest.mark.parametrize("x", [[np.inf, np.inf], [-np.inf, 0.0], [np.inf, -np.inf]])
def test_infinitely_far_away(x):
    cov = np.array([[2.0, 0.5], [0.5, 1.0]])
    for f in (
        lambda x, mean: pa.stats.multivariate_normal.logpdf(x, mean, cov),
        lambda x, mean: pa.stats.multivariate_t.logpdf(x, mean, cov, 3.0),
    ):
        assert f(x, [0.0, 0.0]).item() == -np.inf
        assert np.isnan(f(x, [0.0, np.nan]).item())


def test_numbers_take_on_the_dtype_of_several_variables():
    def single(x):
        return pa.asarray(x, dtype="float32")

    eye, pair = single(np.eye(2)), single([0.0, 1.0])
    stats = pa.stats
    values = [
        stats.multivariate_normal.logpdf(pair, 0.5, 2.0),
        stats.multivariate_t.logpdf(pair, 0.5, 2.0, 4.0),
        stats.matrix_normal.logpdf(eye, 0.5, 2.0, eye),
        stats.wishart.logpdf(eye, 4.0, eye),
        stats.invwishart.logpdf(eye, 4.0, eye),
        stats.vonmises_fisher.logpdf(pair, pair, 2.0),
        stats.multinomial.logpmf(single([1.0, 2.0]), 3, single([0.5, 0.5])),
        stats.dirichlet_multinomial.logpmf(single([1.0, 2.0]), single([0.5, 0.5]), 3),
    ]
    assert all(value.dtype == np.float32 for value in values)
