"""Random draws under derivatives and under vmap."""

import functools

import numpy as np
import pytest
import scipy.special as sc
from support.random_draws import every_draw, rng

import pyautograd as pa


def test_location_and_scale_are_differentiated_through_the_draw():
    for name, kind in [
        ("normal", "standard_normal"),
        ("laplace", None),
        ("gumbel", None),
        ("logistic", None),
    ]:
        z = getattr(rng(3), name)(size=5).numpy()
        loc, scale = pa.tensor(np.arange(5.0)), pa.tensor(2.0)
        draw = lambda a, b, name=name: getattr(rng(3), name)(a, b)  # noqa: E731
        value, (da, db) = pa.func.value_and_grad(
            lambda a, b, draw=draw: pa.sum(draw(a, b)), (0, 1)
        )(loc, scale)
        np.testing.assert_allclose(da.numpy(), np.ones(5))
        assert np.isclose(db.item(), z.sum())
        tangent = pa.func.jvp(draw, (loc, scale), (pa.ones(5), pa.tensor(3.0)))[1]
        np.testing.assert_allclose(tangent.numpy(), 1 + 3 * z)
        if kind:
            np.testing.assert_allclose(z, getattr(rng(3), kind)(5).numpy())
    low, high = pa.tensor(1.0), pa.tensor(4.0)
    u = rng(3).random(5).numpy().sum()
    grads = pa.func.grad(lambda a, b: pa.sum(rng(3).uniform(a, b, 5)), (0, 1))(low, high)
    np.testing.assert_allclose([g.item() for g in grads], [5 - u, u])


def test_draws_made_of_others_move_with_their_parameters():
    def normals(mean, cov):
        return pa.sum(pa.sin(rng(3).multivariate_normal(mean, cov @ cov.mT, 5)))

    def triangles(*parameters):
        return pa.sum(pa.sin(rng(3).triangular(*parameters, 9)))

    root = np.array([[1.0, 0.2], [-0.4, 1.5]])
    for f, point in (
        (normals, (np.array([0.5, -1.0]), root)),
        (triangles, tuple(np.array([-1.0, 0.3, 2.0]))),
    ):
        point = tuple(map(pa.tensor, point))
        places = tuple(range(len(point)))
        slopes = pa.func.grad(f, places)(*point)
        for k, slope in enumerate(slopes):
            step = [1e-6 * (i == k) * pa.ones_like(x) for i, x in enumerate(point)]
            ahead, back = (
                f(*[x + sign * d for x, d in zip(point, step, strict=True)]) for sign in (1, -1)
            )
            assert pa.sum(slope).item() == pytest.approx(
                (ahead - back).item() / 2e-6, rel=1e-6, abs=0
            )
    keys = rng(3).permuted(np.arange(4.0)).numpy()
    weighted = pa.func.grad(lambda x: pa.sum(rng(3).permuted(x) * np.arange(4.0)))(pa.ones(4))
    np.testing.assert_array_equal(weighted.numpy()[keys.astype(int)], np.arange(4.0))
    mapped = pa.func.vmap(
        lambda m: rng(1).multivariate_normal(m, np.eye(2)), randomness="different"
    )
    assert mapped(pa.zeros((3, 2))).shape == (3, 2)


@pytest.mark.parametrize("a", [0.15, 0.8, 1.0, 3.7, 19.0, 21.0, 90.0])
def test_gamma_derivatives_are_those_of_the_quantile(a):
    draw = lambda a: rng(5).standard_gamma(a, 12)  # noqa: E731
    x = draw(a).numpy()
    p, upper = sc.gammainc(a, x), sc.gammaincc(a, x)
    at = lambda a: np.where(p < 0.5, sc.gammaincinv(a, p), sc.gammainccinv(a, upper))  # noqa: E731
    h = 2e-3 * a
    stencil = [at(a + k * h) for k in (-3, -2, -1, 0, 1, 2, 3)]
    first = np.tensordot([-1 / 60, 3 / 20, -3 / 4, 0, 3 / 4, -3 / 20, 1 / 60], stencil, 1) / h
    second = (
        np.tensordot([1 / 90, -3 / 20, 3 / 2, -49 / 18, 3 / 2, -3 / 20, 1 / 90], stencil, 1) / h**2
    )
    one = (pa.tensor(1.0),)
    tangent = lambda a: pa.func.jvp(draw, (a,), one)[1]  # noqa: E731
    got = tangent(pa.tensor(a)).numpy()
    np.testing.assert_allclose(got, first, rtol=1e-8)
    got = pa.func.jvp(tangent, (pa.tensor(a),), one)[1].numpy()
    np.testing.assert_allclose(got, second, rtol=2e-4, atol=2e-5 * np.abs(second).max())


def test_implicit_gradients_have_the_right_expectation():
    n = 400_000
    for a in (0.4, 2.5):
        moments = lambda a: pa.mean(pa.log(rng(6).standard_gamma(a, n)))  # noqa: E731
        assert np.isclose(
            pa.func.grad(moments)(pa.tensor(a)).item(), sc.polygamma(1, a), rtol=0.02, atol=0
        )
        second = lambda a: pa.mean(rng(6).standard_gamma(a, n) ** 2)  # noqa: E731
        assert np.isclose(pa.func.grad(second)(pa.tensor(a)).item(), 2 * a + 1, rtol=0.02, atol=0)
        assert np.isclose(pa.func.hessian(second)(pa.tensor(a)).item(), 2, rtol=0.05, atol=0)
    a, b = pa.tensor(2.0), pa.tensor(3.0)
    da, db = pa.func.grad(lambda a, b: pa.mean(rng(6).beta(a, b, n)), (0, 1))(a, b)
    np.testing.assert_allclose([da.item(), db.item()], [3 / 25, -2 / 25], rtol=0.02)
    alpha = pa.tensor([1.0, 2.0, 3.0])
    jacobian = pa.func.jacrev(lambda alpha: pa.mean(rng(6).dirichlet(alpha, n), axis=0))(alpha)
    exact = np.eye(3) / 6 - np.outer([1, 2, 3], np.ones(3)) / 36
    np.testing.assert_allclose(jacobian.numpy(), exact, atol=2e-3)
    dv = pa.func.grad(lambda v: pa.mean(rng(6).standard_t(v, n) ** 2))(pa.tensor(9.0))
    assert np.isclose(dv.item(), -2 / 49, rtol=0.1, atol=0)


def test_every_mode_and_order_agrees():
    def f(theta):
        g = rng(9)
        x = g.gamma(theta[0], theta[1], 3) * g.normal(theta[1], theta[0], 3)
        return pa.sum(x * g.beta(theta[0], theta[1], 3)) + pa.sum(g.dirichlet(theta) ** 2)

    theta = pa.tensor([1.3, 2.1])
    modes = (pa.func.jacfwd, pa.func.jacrev)
    hessians = [p(q(f))(theta).numpy() for p in modes for q in modes]
    for other in [*hessians, pa.func.hessian(f)(theta).numpy()]:
        np.testing.assert_allclose(other, hessians[0], rtol=1e-9)
    third = [p(q(r(f)))(theta).numpy() for p in modes for q in modes for r in modes]
    for other in third:
        np.testing.assert_allclose(other, third[0], rtol=1e-7)


def test_no_derivative_beyond_the_eighth_is_invented():
    f = lambda a: rng(1).standard_gamma(a)  # noqa: E731
    for _ in range(8):
        f = pa.func.grad(f)
    assert np.isfinite(f(pa.tensor(1.5)).item())
    with pytest.raises(NotImplementedError, match="up to order 8"):
        pa.func.grad(f)(pa.tensor(1.5))


def test_counts_are_constants():
    lam = pa.tensor(3.0, requires_grad=True)
    x = rng(1).poisson(lam, 4)
    assert not x.requires_grad and x.dtype == np.int64
    log_probability = pa.sum(x * pa.log(lam) - lam)
    assert np.isclose(pa.grad(log_probability, lam)[0].item(), (x.numpy() / 3 - 1).sum())


def test_tiny_shapes_have_finite_derivatives():
    d = pa.func.grad(lambda a: pa.sum(rng(1).beta(a, a, 100)))(pa.tensor(1e-3))
    assert np.isfinite(d.item())
    d = pa.func.grad(lambda a: pa.sum(rng(1).gamma(a, size=100)))(pa.tensor(1e-3))
    assert np.isfinite(d.item())


# 40 digits computed, 17 kept: the derivative of the regularised incomplete gamma function in a,
# over x times the density.
SLOPES = [
    (1e-4, 0.0, 1, -5964.349721336644),
    (0.01, -300.0, 2, 8966216.210424732),
    (0.3, 1.5, 4, -3.204593383743657),
    (1.0, 6.182321556793955, 1, -0.013966939371288647),
    (50.0, 3.4877589367162174, 4, 0.001251934383525174),
    (300.0, 5.530577393899313, 3, -9.692170251046884e-05),
    (1e4, 9.210340371976184, 1, -0.00010000166668333234),
    (1e8, 18.420680743952367, 1, -1.0000000016666657e-08),
]


@pytest.mark.parametrize("a, y, order, expected", SLOPES)
def test_shape_slopes_against_values_of_high_precision(a, y, order, expected):
    got = pa.random._gamma_shape_slope(a, y, order).item()
    assert np.isclose(got, expected, rtol=1e-12 * max(1, a**0.4), atol=0)


def test_vmap_refuses_draws_unless_told_what_they_mean():
    for f in (lambda x: x + rng(1).random(), lambda x: rng(1).standard_gamma(x)):
        with pytest.raises(RuntimeError, match=r'\[\w+\].*randomness="different"'):
            pa.func.vmap(f)(pa.ones(3))
    with pytest.raises(ValueError, match=r"\[vmap\] randomness"):
        pa.func.vmap(pa.sin, randomness="maybe")


@every_draw
def test_vmap_with_different_draws_puts_the_mapped_axis_in_front(draw):
    mapped = pa.func.vmap(lambda x, g: draw(g, (4,)), in_axes=(0, None), randomness="different")
    g, alone = rng(3), rng(3)
    np.testing.assert_array_equal(mapped(pa.zeros(3), g).numpy(), draw(alone, (3, 4)).numpy())
    assert g.state == alone.state
    shared = pa.func.vmap(lambda x, g: draw(g, (4,)), in_axes=(0, None), randomness="same")
    g, alone = rng(3), rng(3)
    same = shared(pa.zeros(3), g).numpy()
    np.testing.assert_array_equal(same, np.broadcast_to(draw(alone, (4,)).numpy(), (3, 4)))
    assert g.state == alone.state


@pytest.mark.parametrize("name", ["standard_gamma", "poisson", "exponential"])
def test_vmap_over_parameters(name):
    a = np.array([0.5, 2.0, 30.0])
    draw = lambda g: pa.func.vmap(lambda a: getattr(g, name)(a, size=2), randomness=mode)(a)  # noqa: E731
    mode = "different"
    expected = getattr(rng(4), name)(a[:, None], size=(3, 2))
    np.testing.assert_array_equal(draw(rng(4)).numpy(), expected.numpy())
    mode = "same"
    for row, value in zip(draw(rng(4)).numpy(), a, strict=True):
        np.testing.assert_array_equal(row, getattr(rng(4), name)(value, size=2).numpy())


def test_nested_vmaps_choose_for_their_own_axis():
    def nested(outer, inner, g):
        f = pa.func.vmap(lambda y: y + g.random(2), randomness=inner)
        return pa.func.vmap(lambda x: f(pa.zeros(4) + x), randomness=outer)(pa.zeros(3)).numpy()

    whole = rng(5).random((3, 4, 2)).numpy()
    np.testing.assert_array_equal(nested("different", "different", rng(5)), whole)
    by_outer = np.broadcast_to(rng(5).random((3, 1, 2)).numpy(), (3, 4, 2))
    np.testing.assert_array_equal(nested("different", "same", rng(5)), by_outer)
    by_inner = np.broadcast_to(rng(5).random((4, 2)).numpy(), (3, 4, 2))
    np.testing.assert_array_equal(nested("same", "different", rng(5)), by_inner)
    with pytest.raises(RuntimeError, match="randomness"):
        nested("error", "same", rng(5))


def test_vmap_of_derivatives_and_derivatives_of_vmap():
    def f(a, g):
        return pa.sum(g.gamma(a, size=3) * g.normal(a, 2.0, 3))

    a = pa.tensor([0.7, 1.5, 25.0])
    mapped = pa.func.vmap(lambda a: pa.func.grad(f)(a, g), randomness="different")
    g = rng(6)
    per_entry = mapped(a).numpy()
    g = rng(6)
    total = pa.func.grad(
        lambda a: pa.sum(pa.func.vmap(lambda a: f(a, g), randomness="different")(a))
    )
    np.testing.assert_allclose(total(a).numpy(), per_entry, rtol=1e-13)
    assert np.unique(per_entry).size == 3


def test_choice_and_multinomial_under_vmap():
    p = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    g = rng(1)
    f = pa.func.vmap(lambda p: (g.choice(3, 4, p=p), g.multinomial(5, p)), randomness="different")
    picked, counts = f(p)
    assert picked.tolist() == [[1] * 4, [2] * 4]
    assert counts.tolist() == [[0, 5, 0], [0, 0, 5]]


def test_chunks_of_a_vmap():
    x = pa.zeros(5)
    g = rng(2)
    same = pa.func.vmap(lambda x: x + g.random(), randomness="same", chunk_size=2)(x).numpy()
    assert np.unique(same).size == 1
    different = pa.func.vmap(lambda x: x + g.random(), randomness="different", chunk_size=2)(x)
    assert np.unique(different.numpy()).size == 5


def test_jacobians_in_chunks_see_one_draw():
    x = pa.tensor([1.0, 2.0, 3.0])
    g = rng(2)
    jacobian = pa.func.jacfwd(lambda x: x * g.random(3), chunk_size=1)(x).numpy()
    np.testing.assert_array_equal(jacobian, np.diag(rng(2).random(3).numpy()))


@pytest.mark.parametrize("chunk_size", [None, 1, 3])
@pytest.mark.parametrize(
    ("operator", "power", "factor"),
    [
        (pa.hessian_diagonal, 3, 6 * np.eye(4)),
        (pa.laplacian, 3, np.full(4, 6.0)),
        (pa.divergence, 1, np.array(4.0)),
    ],
)
def test_differential_operators_in_chunks_see_one_draw(operator, power, factor, chunk_size):
    g, same = rng(2), rng(2)
    found = operator(lambda x: g.random() * x**power, chunk_size=chunk_size)(np.ones(4))
    np.testing.assert_allclose(found.numpy(), same.random().item() * factor)
    assert g.random().item() == same.random().item()


@pytest.mark.parametrize(
    "draw",
    [
        lambda g, a, size: g.gamma(a, size=size),
        lambda g, a, size: g.poisson(4 * a, size=size),
        lambda g, a, size: g.binomial(50, a / 9, size=size),
        lambda g, a, size: g.integers(0, 10**18, size=size),
    ],
    ids=["gamma", "poisson", "binomial", "integers"],
)
def test_draws_one_by_one_are_those_of_whole_blocks(draw):
    """An index that vmap gives finds the same words as counting does."""
    a = np.array([0.4, 2.0, 7.5])
    together = draw(pa.random.default_rng(9), pa.tensor(a[:, None]), (3, 1001))
    g = pa.random.default_rng(9)
    mapped = pa.func.vmap(lambda a: draw(g, a, (1001,)), randomness="different")(pa.tensor(a))
    np.testing.assert_array_equal(mapped.numpy(), together.numpy())
    few = draw(pa.random.default_rng(9), pa.tensor(a[:1, None]), (1, 5))
    np.testing.assert_array_equal(few.numpy(), together.numpy()[:1, :5])


DRAWS_THAT_MOVE = {
    "normal": lambda g, a, b: g.normal(a, b),
    "uniform": lambda g, a, b: g.uniform(a, a + b),
    "gamma": lambda g, a, b: g.gamma(a, b),
    "wald": lambda g, a, b: g.wald(a, b),
    "vonmises": lambda g, a, b: g.vonmises(a, b),
    "zipf": lambda g, a, b: b * g.zipf(1.0 + a),
}


@pytest.mark.parametrize("name", DRAWS_THAT_MOVE)
def test_draws_in_checkpoints(name):
    """What a draw looks at, and leaves out where nothing moves, later runs need not repeat."""

    def f(call, x):
        generator = rng(5)
        draw = call(lambda y: DRAWS_THAT_MOVE[name](generator, y[0], y[1]))
        return pa.sum(pa.sin(draw(x)) * draw(x[::-1]))

    x = pa.tensor([[1.3, 0.7, 2.0], [0.9, 1.6, 0.5]])
    plain = functools.partial(f, lambda draw: draw)
    kept = functools.partial(f, lambda draw: lambda y: pa.checkpoint(draw, y))
    for derivative in (
        pa.func.grad,
        lambda f: pa.func.jacrev(pa.func.jacfwd(f)),
        lambda f: pa.func.jacfwd(pa.func.jacrev(f)),
        lambda f: lambda x: pa.func.vmap(pa.func.grad(f), randomness="same")(pa.stack([x, x + 1])),
    ):
        np.testing.assert_allclose(derivative(kept)(x), derivative(plain)(x), rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="negative|positive"):
        pa.checkpoint(lambda y: rng(5).normal(0.0, y), pa.tensor(-1.0))
