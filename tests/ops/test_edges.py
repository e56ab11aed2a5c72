"""Values and derivatives where formulas break: finite and right where the mathematics allows."""

import numpy as np
import pytest
import scipy.special

import pyautograd as pa

INF = np.inf


def derivatives(f, *xs):
    """Gradient and Hessian of a scalar function, by both modes, which must agree."""
    xs = [np.asarray(x, float) for x in xs]
    argnums = tuple(range(len(xs)))
    gradient = pa.func.grad(f, argnums=argnums)(*xs)
    hessians = [
        a(b(f, argnums=argnums), argnums=argnums)(*xs)
        for a in (pa.func.jacfwd, pa.func.jacrev)
        for b in (pa.func.jacfwd, pa.func.jacrev)
    ]
    for h in hessians[1:]:
        for row, other in zip(h, hessians[0], strict=True):
            for block, same in zip(row, other, strict=True):
                np.testing.assert_allclose(block.numpy(), same.numpy(), atol=1e-13)
    return [g.numpy() for g in gradient], [[b.numpy() for b in row] for row in hessians[0]]


def check(f, xs, gradient, hessian):
    got, second = derivatives(f, *xs)
    for g, want in zip(got, gradient, strict=True):
        np.testing.assert_allclose(g, want, rtol=1e-12, atol=1e-13)
    for row, wants in zip(second, hessian, strict=True):
        for block, want in zip(row, wants, strict=True):
            np.testing.assert_allclose(block, want, rtol=1e-12, atol=1e-13)


def product_hessian(x):
    n = len(x)
    others = [
        [np.prod([x[k] for k in range(n) if k not in (i, j)]) for j in range(n)] for i in range(n)
    ]
    return np.where(np.eye(n), 0, others)


@pytest.mark.parametrize("x", [[2.0, 0, 3], [0.0, 0, 3], [0.0, 0, 0, 5], [0.0], [2.0, 3]])
def test_prod_with_zeros(x):
    gradient = [np.prod(np.delete(x, i)) for i in range(len(x))]
    check(pa.prod, [x], [gradient], [[product_hessian(x)]])


@pytest.mark.parametrize("x", [[2.0, 0, 3], [0.0, 0, 3]])
def test_cumprod_with_zeros(x):
    gradient = np.zeros(3)
    hessian = np.zeros((3, 3))
    for k in (1, 2, 3):
        gradient[:k] += [np.prod(np.delete(x[:k], i)) for i in range(k)]
        hessian[:k, :k] += product_hessian(x[:k])
    check(lambda t: pa.sum(pa.cumprod(t)), [x], [gradient], [[hessian]])


def softmax_hessian(p):
    return np.diag(p) - np.outer(p, p)


@pytest.mark.parametrize(
    "x, p",
    [
        ([0.0, -INF], [1, 0]),
        ([-INF, 2.0, 2.0], [0, 0.5, 0.5]),
        ([1000.0, 1000.0], [0.5, 0.5]),
        ([-1000.0, 0.0], [0, 1]),
        ([3.0], [1]),
    ],
)
def test_logsumexp_with_infinities(x, p):
    check(pa.logsumexp, [x], [p], [[softmax_hessian(np.array(p, float))]])


def test_logsumexp_with_weights():
    x, b = np.array([[0.5, 800.0, -1.0], [900.0, 901.0, -np.inf]]), np.array([2.0, 0.0, 0.5])
    got = pa.logsumexp(pa.tensor(x), axis=1, b=b).numpy()
    np.testing.assert_allclose(got, scipy.special.logsumexp(x, axis=1, b=b), rtol=1e-15)
    assert pa.logsumexp(pa.tensor([1.0, np.nan, INF]), b=[1.0, 0.0, 0.0]).item() == 1
    signed = pa.logsumexp(pa.tensor([0.0, 1.0]), b=pa.tensor([1.0, -1.0]))
    assert np.isnan(signed.item())
    signed = pa.logsumexp(pa.tensor([0.0, 1.0]), b=pa.tensor([1.0, -1.0 + 0.0j]))
    np.testing.assert_allclose(signed.item(), np.log(np.e - 1) + np.pi * 1j)


def test_derivatives_of_logsumexp_by_weights():
    x, b = pa.tensor([0.3, -0.2, 1.1]), pa.tensor([0.0, 0.7, -0.1])
    terms = np.exp(x.numpy())
    total = terms @ b.numpy()
    slopes, curvature = terms / total, -np.outer(terms, terms) / total**2

    def of_b(b):
        return pa.logsumexp(x, b=b)

    np.testing.assert_allclose(pa.func.grad(of_b)(b).numpy(), slopes, rtol=1e-14)
    np.testing.assert_allclose(pa.hessian(of_b, b).numpy(), curvature, rtol=1e-13)
    by_x = pa.func.grad(lambda x: pa.logsumexp(x, b=b))(x).numpy()
    np.testing.assert_allclose(by_x, slopes * b.numpy(), rtol=1e-14)
    pa.testing.check_grads(lambda x, b: pa.logsumexp(x, b=b), (x, b), order=3)


@pytest.mark.parametrize("x, b", [([1.0, 2.0], [0.0, 0.0]), ([-np.inf, -np.inf], [1.0, 2.0])])
def test_logsumexp_of_nothing_that_counts(x, b):
    def f(x):
        return pa.logsumexp(x, b=b)

    assert f(pa.tensor(x)).item() == -np.inf
    for derivative in (pa.func.grad(f), pa.func.hessian(f), pa.func.jacfwd(f)):
        assert not derivative(pa.tensor(x)).numpy().any()


@pytest.mark.parametrize("x, p", [([INF, 0.0], [1, 0]), ([INF, INF], [0.5, 0.5])])
def test_logsumexp_with_plus_infinity(x, p):
    """The infinite elements share the gradient, as equal elements do."""
    for mode in (pa.func.jacfwd, pa.func.jacrev):
        assert mode(pa.logsumexp)(pa.tensor(x)).tolist() == p


def test_logsumexp_of_nothing_but_minus_infinity():
    assert pa.logsumexp(pa.tensor([-INF, -INF])).item() == -INF
    gradient = pa.func.grad(pa.logsumexp)(pa.tensor([-INF, -INF])).numpy()
    assert np.isfinite(gradient).all()
    rows = pa.tensor([[-INF, -INF], [0.0, 0.0]])
    gradient = pa.func.grad(lambda x: pa.logsumexp(x, axis=1)[1])(rows)
    assert gradient.tolist() == [[0, 0], [0.5, 0.5]]


@pytest.mark.parametrize(
    "f",
    [
        pa.sqrt,
        pa.log,
        pa.reciprocal,
        pa.rsqrt,
        lambda x: x**0.5,
        lambda x: 1.0 / x,
        pa.cbrt,
    ],
    ids=["sqrt", "log", "reciprocal", "rsqrt", "power", "divide", "cbrt"],
)
def test_where_over_a_singular_branch(f):
    """The branch that is not taken has a zero cotangent, and zero times infinity must stay zero."""
    x = np.array([0.0, 4.0])
    gradient, hessian = derivatives(lambda t: pa.sum(pa.where(t > 0, f(t), 3.0)), x)
    first = pa.func.grad(f)(4.0).item()
    second = pa.func.grad(pa.func.grad(f))(4.0).item()
    np.testing.assert_allclose(gradient[0], [0, first], rtol=1e-12)
    np.testing.assert_allclose(hessian[0][0], np.diag([0, second]), rtol=1e-12)


def test_norm_like_compositions():
    x = np.array([3.0, 4.0])
    u = x / 5
    check(lambda t: pa.sqrt(pa.sum(t * t)), [x], [u], [[(np.eye(2) - np.outer(u, u)) / 5]])
    assert pa.sqrt(pa.sum(pa.zeros(2) ** 2)).item() == 0


@pytest.mark.parametrize(
    "a, b, gradient, hessian",
    [
        (0.0, 2.0, (0, 0), ((2, 0), (0, 0))),
        (0.0, 3.0, (0, 0), ((0, 0), (0, 0))),
        (0.0, 1.0, (1, 0), ((0, None), (None, 0))),
        (0.0, 0.0, (0, 0), None),
        (-2.0, 3.0, (12, np.nan), None),
        (1.0, 0.0, (0, 0), ((0, 1), (1, 0))),
    ],
)
def test_power(a, b, gradient, hessian):
    got = pa.func.grad(lambda x, y: x**y, argnums=(0, 1))(a, b)
    np.testing.assert_allclose([g.item() for g in got], gradient, atol=1e-14)
    if hessian is None:
        return
    modes = (pa.func.grad, lambda f: lambda x: pa.func.jvp(f, (x,), (1.0,))[1])
    for outer in modes:
        for inner in modes:
            assert outer(inner(lambda x: x**b))(a).item() == hessian[0][0]
            assert outer(inner(lambda y: a**y))(b).item() == hessian[1][1]


@pytest.mark.parametrize("n", [0, 1, 2, 3, -1, 0.5])
def test_power_with_constant_exponent_at_zero_and_below(n):
    values = [2.0, 1.0] if n in (-1, 0.5) else [-2.0, 0.0, 2.0]
    for x in values:
        expected = 0.0 if n == 0 else n * x ** (n - 1)
        assert np.isclose(pa.func.grad(lambda t: t**n)(x).item(), expected)
        expected = 0.0 if n in (0, 1) else n * (n - 1) * x ** (n - 2)
        assert np.isclose(pa.func.grad(pa.func.grad(lambda t: t**n))(x).item(), expected)


def test_power_of_negative_base_keeps_nan_out_of_the_other_gradient():
    gradient = pa.func.grad(lambda x: x ** pa.tensor(3.0))(-2.0)
    assert gradient.item() == 12


@pytest.mark.parametrize(
    "x, y, gradient",
    [(0.0, 0.0, (0, 0)), (0.0, 2.0, (np.log(2), 0)), (2.0, 1.0, (0, 2)), (0.0, -1.0, (0, 0))],
)
def test_xlogy(x, y, gradient):
    got = pa.func.grad(pa.xlogy, argnums=(0, 1))(x, y)
    np.testing.assert_allclose([g.item() for g in got], gradient, atol=1e-15)
    assert pa.func.grad(pa.func.grad(lambda t: pa.xlogy(t, y)))(x).item() == 0


@pytest.mark.parametrize("x", [-800.0, -40.0, 0.0, 40.0, 800.0])
def test_sigmoid_and_softplus_far_out(x):
    if x > 0:
        s, ds = 1 / (1 + np.exp(-x)), np.exp(-x) / (1 + np.exp(-x)) ** 2
    else:
        s, ds = np.exp(x) / (1 + np.exp(x)), np.exp(x) / (1 + np.exp(x)) ** 2
    assert np.isclose(pa.softplus(pa.tensor(x)).item(), np.logaddexp(0, x), rtol=1e-14, atol=0)
    check(pa.softplus, [x], [s], [[ds]])
    assert np.isclose(pa.func.grad(pa.sigmoid)(x).item(), ds, rtol=1e-9, atol=1e-16)
    assert np.isfinite(pa.func.grad(pa.func.grad(pa.sigmoid))(x).item())


@pytest.mark.parametrize("x, y", [(-INF, -INF), (0.0, -INF), (INF, 0.0), (1000.0, 1000.0)])
def test_logaddexp_with_infinities(x, y):
    got = [g.item() for g in pa.func.grad(pa.logaddexp, argnums=(0, 1))(x, y)]
    assert np.isfinite(got).all() and np.isclose(sum(got), 1)


@pytest.mark.parametrize("op", [pa.maximum, pa.minimum])
def test_ties_of_two(op):
    check(op, [1.0, 1.0], [0.5, 0.5], [[0, 0], [0, 0]])
    assert pa.func.grad(lambda x: op(x, x))(2.0).item() == 1


@pytest.mark.parametrize("op", [pa.max, pa.min])
def test_ties_in_a_reduction_share_the_gradient(op):
    x = np.array([1.0, 1, 1])
    gradient, hessian = derivatives(op, x)
    np.testing.assert_allclose(gradient[0], np.ones(3) / 3)
    np.testing.assert_allclose(hessian[0][0], 0)


def test_nan_and_infinity_in_extrema():
    assert np.isnan(pa.max(pa.tensor([1.0, np.nan])).item())
    assert pa.func.grad(pa.max)(pa.tensor([1.0, INF])).tolist() == [0, 1]
    assert pa.func.grad(pa.max)(pa.tensor([-INF, -INF])).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("f", [pa.absolute, pa.relu, pa.sign], ids=["absolute", "relu", "sign"])
def test_kinks_have_derivative_zero(f):
    check(f, [0.0], [0], [[0]])


def test_clip_on_and_beyond_the_bounds():
    x = np.array([-2.0, -1, 0, 1, 2])
    check(lambda t: pa.sum(pa.clip(t, -1.0, 1.0)), [x], [[0, 1, 1, 1, 0]], [[np.zeros((5, 5))]])


def test_hypot_at_the_origin_and_far_out():
    check(pa.hypot, [0.0, 0.0], [0, 0], [[0, 0], [0, 0]])
    got = [g.item() for g in pa.func.grad(pa.hypot, argnums=(0, 1))(3e200, 4e200)]
    np.testing.assert_allclose(got, [0.6, 0.8])
    got = [g.item() for g in pa.func.grad(pa.hypot, argnums=(0, 1))(INF, 1.0)]
    assert not np.isnan(got[1])


def test_atan2_on_the_axes_and_far_out():
    check(pa.atan2, [0.0, 2.0], [0.5, 0], [[0, -0.25], [-0.25, 0]])
    check(pa.atan2, [2.0, 0.0], [0, -0.5], [[0, 0.25], [0.25, 0]])


@pytest.mark.parametrize("n", [1, 3])
def test_std_and_var_of_a_constant_vector(n):
    x = np.full(n, 0.1)
    gradient, _ = derivatives(pa.var, x)
    np.testing.assert_allclose(gradient[0], 0, atol=1e-15)
    gradient, hessian = derivatives(pa.std, np.full(n, 2.0))
    assert np.isfinite(gradient[0]).all() and np.isfinite(hessian[0][0]).all()


def test_std_squared_and_norm_squared_of_a_constant_vector():
    """std**2 is var, smooth everywhere; the singular factor must not leave nan behind."""
    x = np.full(3, 2.0)
    hessian = derivatives(lambda t: pa.var(t) * 1.0, x)[1][0][0]
    np.testing.assert_allclose(hessian, (2 / 3) * (np.eye(3) - 1 / 3), atol=1e-14)


def test_acos_asin_near_one_and_expm1_near_zero():
    assert np.isclose(pa.expm1(pa.tensor(1e-12)).item(), 1e-12, rtol=1e-12, atol=0)
    assert np.isclose(pa.log1p(pa.tensor(1e-12)).item(), 1e-12, rtol=1e-12, atol=0)
    x = 1 - 1e-9
    expected = 1 / np.sqrt((1 - x) * (1 + x))
    assert np.isclose(pa.func.grad(pa.asin)(x).item(), expected, rtol=1e-9, atol=0)
    assert np.isclose(pa.func.grad(pa.acos)(x).item(), -expected, rtol=1e-9, atol=0)
    assert np.isclose(pa.func.grad(pa.atanh)(x).item(), 1 / ((1 - x) * (1 + x)), rtol=1e-9, atol=0)
    # From 1 - tanh**2: to a rounding of 1
    assert np.isclose(pa.func.grad(pa.tanh)(20.0).item(), 1 / np.cosh(20) ** 2, rtol=0, atol=2e-16)
    for f, x in ((pa.asinh, 1e200), (pa.acosh, 1e200)):
        assert np.isclose(pa.func.grad(f)(x).item(), 1e-200, rtol=1e-9, atol=0)


def test_softmax_of_extremes():
    x = pa.tensor([[1e4, -1e4, 0.0], [-INF, 0.0, 0.0]])
    np.testing.assert_allclose(pa.softmax(x).numpy(), [[1, 0, 0], [0, 0.5, 0.5]])
    for f in (pa.softmax, pa.log_softmax):
        picked = pa.func.grad(lambda t, f=f: f(t)[1, 1])(x).numpy()
        assert np.isfinite(picked).all()


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,ij->j", [(1, 3), (2, 3)]),
        ("ij,jk->ki", [(2, 1), (3, 2)]),
        ("ijk,kjl->kil", [(2, 1, 3), (3, 4, 2)]),
        ("...ij,...jk->...ik", [(4, 1, 2, 1), (3, 3, 2)]),
    ],
)
def test_einsum_over_axes_of_size_one_that_broadcast(subscripts, shapes):
    rng = np.random.default_rng(0)
    xs, vs = ([rng.normal(size=shape) for shape in shapes] for _ in range(2))
    want = np.einsum(subscripts, *xs)
    slope = sum(
        np.einsum(subscripts, *[v if k == i else x for k, x in enumerate(xs)])
        for i, v in enumerate(vs)
    )
    got = pa.func.jvp(lambda *ys: pa.einsum(subscripts, *ys), tuple(xs), tuple(vs))
    for mine, numpys in zip(got, (want, slope), strict=True):
        np.testing.assert_allclose(mine.numpy(), numpys, rtol=1e-12, atol=1e-12)


def test_einsum_that_sums_before_it_multiplies():
    a, b = np.arange(4.0).reshape(2, 2), np.array([[1.0, 5.0]])
    check(
        lambda x, y: pa.einsum("ij,kl->", x, y),
        [a, b],
        [np.full((2, 2), 6.0), np.full((1, 2), 6.0)],
        [
            [np.zeros((2, 2) * 2), np.ones((2, 2, 1, 2))],
            [np.ones((1, 2, 2, 2)), np.zeros((1, 2) * 2)],
        ],
    )


def test_remainder_and_floor_divide_by_zero_in_integers():
    x, zero = pa.tensor([1, -1]), pa.tensor([0, 0])
    assert (x // zero).tolist() == [0, 0] and (x % zero).tolist() == [0, 0]
    least = pa.tensor([-(2**63)])
    assert (least // -1).tolist() == [-(2**63)] and (least % -1).tolist() == [0]


def test_empty_reductions():
    empty = pa.zeros((0,))
    assert pa.sum(empty).item() == 0 and pa.prod(empty).item() == 1
    assert np.isnan(pa.mean(empty).item()) and pa.logsumexp(empty).item() == -INF
    for f in (pa.sum, pa.prod, pa.mean, pa.logsumexp, lambda x: pa.sum(pa.cumsum(x))):
        assert pa.func.grad(f)(empty).shape == (0,)
    for f in (pa.max, pa.min, pa.argmax, pa.argmin):
        with pytest.raises(ValueError):
            f(empty)
