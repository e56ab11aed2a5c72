"""Compositions are found, named and called as NumPy's; what the records do not show of them."""

import importlib
import inspect

import numpy as np
import pytest

import pyautograd as pa
from pyautograd import compositions

NAMES = sorted(compositions.HOMES)


def test_the_table_names_what_the_modules_define():
    for module_name in set(compositions.HOMES.values()):
        module = importlib.import_module(f"pyautograd.compositions.{module_name}")
        public = {
            name
            for name, thing in vars(module).items()
            if inspect.isfunction(thing) and thing.__module__ == module.__name__
            and not name.startswith("_")
        }  # fmt: skip
        assert public - {"convolution"} == {
            n for n in NAMES if compositions.HOMES[n] == module_name
        }


def test_functions_are_imported_when_used():
    assert not set(compositions.HOMES) & set(pa._core.ops)
    assert pa.average is compositions.load("average")
    with pytest.raises(KeyError):
        compositions.load("sin")


def numpys(name):
    home = np if hasattr(np, name) else np.lib.stride_tricks
    return getattr(home, name)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_numpys(name):
    """Equal names, at equal places up to the first of NumPy's that is left out."""
    ours = list(inspect.signature(getattr(pa, name)).parameters.values())
    try:
        theirs = list(inspect.signature(numpys(name)).parameters.values())
    except ValueError:  # written in C
        return
    known = {p.name: p for p in ours}
    by_position = True
    for i, p in enumerate(theirs):
        if p.name not in known:
            by_position = False
            continue
        q = known[p.name]
        if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD):
            assert (ours.index(q) == i) if by_position else q.kind is q.KEYWORD_ONLY, p.name
        if p.default is None or isinstance(p.default, (int, float, str)):
            assert q.default == p.default, p.name
    assert {p.name for p in ours} <= {p.name for p in theirs}


X = np.array([[3.0, 1.0, 2.0], [0.5, 4.0, 2.5]])
CALLS = {
    "average": lambda x: np.average(x, 1, np.array([1.0, 2.0, 1.0])),
    "average returned": lambda x: np.average(x, axis=0, returned=True)[0],
    "cov": lambda x: np.cov(x, ddof=1),
    "corrcoef": lambda x: np.corrcoef(x),
    "convolve": lambda x: np.convolve(x[0], np.ones(2), "same"),
    "cross": lambda x: np.cross(x, X[::-1]),
    "diag": lambda x: np.diag(x[0], 1),
    "diff": lambda x: np.diff(x, axis=0),
    "diff prepend": lambda x: np.diff(x, prepend=0.0),
    "gradient": lambda x: np.gradient(x, 2.0, axis=1),
    "insert": lambda x: np.insert(x, 1, 9.0, axis=1),
    "kron": lambda x: np.kron(x, np.ones(2)),
    "nansum": lambda x: np.nansum(x, 0, None, None, True),
    "nanmax": lambda x: np.nanmax(x, axis=1, keepdims=True),
    "polyval": lambda x: np.polyval(x[0], 2.0),
    "ptp": lambda x: np.ptp(x, axis=0),
    "select": lambda x: np.select([X > 2, X > 1], [x, -x], 1.0),
    "trapezoid": lambda x: np.trapezoid(x, dx=0.5),
    "unwrap": lambda x: np.unwrap(4 * x, axis=0),
    "vander": lambda x: np.vander(x[0], increasing=True),
    "dstack": lambda x: np.dstack([x, X]),
    "block": lambda x: np.block([[x, X], [X, X]]),
    "partition": lambda x: np.partition(x, 1, axis=0)[1],
    "polyfit": lambda x: np.polyfit(x[0], x[1], 1, w=[1.0, 2.0, 1.0]),
    "poly of a matrix": lambda x: np.poly(x[:, :2]),
    "compress": lambda x: np.compress([True, False, True], x, axis=1),
    "union1d": lambda x: np.union1d(x, [2.0, 7.0]),
    "intersect1d": lambda x: np.intersect1d(x, [2.0, 7.0, 0.5]),
    "setdiff1d": lambda x: np.setdiff1d(x, [2.0, 7.0]),
    "setxor1d": lambda x: np.setxor1d(x, [2.0, 7.0]),
    "apply_along_axis": lambda x: np.apply_along_axis(lambda v: np.sum(v * v), 1, x),
}


@pytest.mark.parametrize("name", CALLS)
def test_numpy_calls_them(name):
    x = pa.tensor(X, requires_grad=True)
    got = CALLS[name](x)
    assert got.requires_grad
    np.testing.assert_allclose(got.detach().numpy(), CALLS[name](X), rtol=1e-14)


@pytest.mark.parametrize(
    "call, argument",
    [
        (lambda x: np.nansum(x, out=np.zeros(())), "out"),
        (lambda x: np.ptp(x, 0, np.zeros(3)), "out"),
        (lambda x: np.nanvar(x, mean=0.0), "mean"),
        (lambda x: np.median(x, overwrite_input=True), "overwrite_input"),
    ],
)
def test_what_numpy_has_and_they_have_not(call, argument):
    with pytest.raises(TypeError, match=f"the argument {argument}= is not supported for tensors"):
        call(pa.tensor(X, requires_grad=True))


def test_places_of_common_elements():
    x, y = np.array([3.0, 1.0, 2.0]), np.array([2.0, 5.0, 3.0])
    got = pa.intersect1d(pa.tensor(x), pa.tensor(y), True, True)
    for ours, theirs in zip(got, np.intersect1d(x, y, True, True), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)


def test_roots_leave_out_leading_zeros():
    p = pa.tensor([0.0, 0.0, 1.0, -3.0, 2.0], requires_grad=True)
    zeros = np.roots(p)
    np.testing.assert_allclose(np.sort(zeros.detach().numpy().real), [1.0, 2.0], rtol=1e-14)
    (slope,) = pa.grad(pa.sum(pa.real(zeros)), p)
    np.testing.assert_allclose(slope.numpy(), [0, 0, -3, -1, 0], atol=1e-13)
    assert pa.roots(pa.zeros(3)).shape == (0,)


def test_characteristic_polynomial_at_a_repeated_eigenvalue():
    """The last coefficient is the determinant, whose Hessian at the identity is known."""
    hessian = pa.hessian(lambda a: pa.poly(a)[-1], pa.eye(2)).numpy().reshape(4, 4)
    np.testing.assert_array_equal(hessian, np.fliplr(np.diag([1.0, -1.0, -1.0, 1.0])))


QUANTILE_WEIGHTS = [
    (None, lambda w: w),
    (1, lambda w: w),
    (1, lambda w: w[0]),
    ((0, 1), lambda w: w),
]


@pytest.mark.parametrize("name", ["quantile", "nanquantile", "percentile", "nanpercentile"])
@pytest.mark.parametrize("axis, weights_of", QUANTILE_WEIGHTS)
def test_weighted_quantiles(name, axis, weights_of):
    rng = np.random.default_rng(0)
    scale = 100 if "percentile" in name else 1
    q = [0.0, 0.3 * scale, 0.5 * scale, scale]
    weights = weights_of(np.array([[1.0, 0.0, 2.0, 1.0], [1.0, 2.0, 0.0, 0.0], [2.0, 1.0, 1.0, 1]]))
    x = rng.normal(size=(3, 4))
    x[0, 1] = np.nan
    options = {"axis": axis, "method": "inverted_cdf", "keepdims": True}
    got = getattr(np, name)(pa.tensor(x), q, weights=weights, **options)
    # NumPy's own fails with nan and weights of one axis.
    same = np.broadcast_to(weights, x.shape)
    want = getattr(np, name)(x, q, weights=same, **options)
    np.testing.assert_array_equal(got.numpy(), want)


def test_weights_of_quantiles_that_do_not_fit():
    x = pa.ones((2, 3))
    with pytest.raises(ValueError, match=r"\[quantile\] weights need the method 'inverted_cdf'"):
        pa.quantile(x, 0.5, weights=pa.ones((2, 3)))
    with pytest.raises(ValueError, match=r"weights of shape \(4,\) fit neither"):
        pa.quantile(x, 0.5, 1, method="inverted_cdf", weights=pa.ones(4))
    with pytest.raises(ValueError, match="must not be negative"):
        pa.quantile(x, 0.5, method="inverted_cdf", weights=-pa.ones((2, 3)))


def test_quantiles_move_with_the_element_that_is_chosen():
    x = pa.tensor([3.0, 1.0, 2.0], requires_grad=True)
    pa.quantile(x, 0.5, method="inverted_cdf", weights=[1.0, 1.0, 5.0]).backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0]


def test_writing_records():
    def filled(values, diagonal):
        x = values * 1.0
        pa.fill_diagonal(x, diagonal)
        pa.put_along_axis(x, np.array([[2], [0]]), diagonal[0], axis=1)
        return pa.sum(x * x)

    gradients = pa.func.grad(filled, argnums=(0, 1))(X, np.array([5.0, 6.0]))
    assert gradients[0].tolist() == [[0.0, 2.0, 0.0], [0.0, 0.0, 5.0]]
    assert gradients[1].tolist() == [30.0, 12.0]
    leaf = pa.tensor(X, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        np.fill_diagonal(leaf, 0.0)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda x: pa.put(x, 0, 1.0), "put"),
        (lambda x: pa.putmask(x, x > 0, 1.0), "putmask"),
        (lambda x: pa.place(x, x > 0, [1.0]), "place"),
        (lambda x: pa.copyto(x, 1.0), "copyto"),
        (lambda x: pa.fill_diagonal(x, 1.0), "fill_diagonal"),
        (lambda x: pa.put_along_axis(x, np.array([[0], [1]]), 1.0, 1), "put_along_axis"),
    ],
)
def test_what_is_written_into_is_a_tensor(call, name):
    with pytest.raises(TypeError, match=rf"^\[{name}\] .*tensor"):
        call(X.copy())


def test_a_perfect_correlation_has_the_curvature_of_its_formula():
    x = np.array([0.3, 1.7, -0.4, 0.9])
    v = np.array([0.2, -0.1, 0.5, 0.3])

    def r(t):
        return pa.corrcoef(pa.stack([x + t * v, pa.asarray(2 * x)]))[0, 1]

    assert r(pa.tensor(0.0)).item() <= 1.0
    second = pa.func.grad(pa.func.grad(r))(pa.tensor(0.0)).item()
    centred_v, centred_x = v - v.mean(), x - x.mean()
    along = (centred_v @ centred_x) / (centred_x @ centred_x)
    expected = -np.sum((centred_v - along * centred_x) ** 2) / np.sum(centred_x**2)
    assert abs(second - expected) < 1e-12


def test_the_spread_of_equal_numbers_has_derivative_zero():
    x = np.array([[2.0, np.nan, 2.0], [1.0, 2.0, np.nan]])
    gradient = pa.func.grad(lambda x: pa.nanstd(x, axis=1)[0])(x)
    assert gradient.tolist() == [[0.0] * 3] * 2
    second = pa.func.hessian(lambda x: pa.nanvar(x, axis=1)[0])(x)[0][:, 0].numpy()
    np.testing.assert_allclose(second, [[0.5, 0, -0.5], [0, 0, 0], [-0.5, 0, 0.5]], atol=1e-15)


def central(f, x, step=1e-6):
    return (f(x + step) - f(x - step)) / (2 * step)


def test_interp_is_differentiable_in_its_points():
    x, xp, fp = np.array([0.4, 1.2, 2.9, -1.0, 7.0]), np.array([0.0, 1.0, 2.5, 4.0]), np.arange(4.0)
    direction = np.array([0.3, -0.2, 0.5, 0.1])
    moved = lambda t: np.interp(x, xp + t * direction, fp**2)  # noqa: E731
    _, tangent = pa.func.jvp(lambda k: pa.interp(x, k, fp**2), (xp,), (direction,))
    np.testing.assert_allclose(tangent.numpy(), central(moved, 0.0), atol=1e-8)
    mapped = pa.func.vmap(lambda k: pa.interp(x, k, fp**2))(np.stack([xp, xp + 0.1]))
    np.testing.assert_allclose(mapped[1].numpy(), np.interp(x, xp + 0.1, fp**2))


def test_fractions_out_of_range_are_refused_in_forward_mode_too():
    x, q = pa.tensor([1.0, 2.0, 3.0]), pa.tensor(2.0)
    with pytest.raises(ValueError, match=r"\[quantile\] q must lie between 0 and 1"):
        pa.func.jvp(lambda q: pa.quantile(x, q), (q,), (q,))
    assert pa.func.vmap(lambda q: pa.quantile(x, q))(pa.tensor([0.5, 1.0])).tolist() == [2.0, 3.0]


def test_quantiles_are_differentiable_in_the_fraction():
    x = np.array([3.0, 1.0, 7.0, 2.0])
    for method, slope in (("linear", 3.0), ("hazen", 4.0), ("nearest", 0.0)):
        f = lambda q, m=method: pa.quantile(x, q, method=m)  # noqa: E731
        assert pa.func.grad(f)(pa.tensor(0.4)).item() == pytest.approx(slope)
    mapped = pa.func.vmap(lambda q: pa.quantile(x, q))(np.array([0.0, 0.5, 1.0]))
    assert mapped.tolist() == [1.0, 2.5, 7.0]


def test_median_of_ties_and_of_nan():
    assert pa.func.grad(pa.median)(np.array([2.0, 2.0, 1.0, 5.0])).tolist() == [0.5, 0.5, 0.0, 0.0]
    assert np.isnan(pa.median(np.array([1.0, np.nan])).item())
    assert pa.func.grad(pa.nanmedian)(np.array([1.0, np.nan, 3.0])).tolist() == [0.5, 0.0, 0.5]


def test_histogram_under_vmap_and_in_its_weights():
    x = np.array([[0.1, 0.9, 0.5], [0.2, 0.3, np.nan]])
    counts, _ = pa.func.vmap(lambda v: pa.histogram(v, [0.0, 0.5, 1.0]))(x)
    assert counts.tolist() == [[1, 2], [2, 0]]
    w = np.array([1.0, 2.0, 4.0])
    gradient = pa.func.grad(lambda w: pa.histogram(x[0], [0.0, 0.5, 1.0], weights=w)[0][1])(w)
    assert gradient.tolist() == [0.0, 1.0, 1.0]
    first, second = pa.func.vmap(lambda v: pa.histogram(v, [0.0, 0.5, 1.0], weights=w))(x)[0]
    assert (first.tolist(), second.tolist()) == ([1.0, 6.0], [3.0, 0.0])


def test_lines_whose_values_decide_are_taken_one_by_one():
    def mean_of_positive(v):
        return v[v > 0].mean() if bool(v.sum() > 0) else v[0]

    x = np.array([[1.0, -1.0, 3.0], [-1.0, -2.0, 0.5]])
    got = np.apply_along_axis(mean_of_positive, 1, pa.tensor(x))
    assert got.tolist() == np.apply_along_axis(mean_of_positive, 1, x).tolist()
    slopes = pa.func.grad(lambda x: pa.sum(pa.apply_along_axis(mean_of_positive, 1, x)))(x)
    assert slopes.tolist() == [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]]
    with pytest.raises(RuntimeError, match="vmap"):
        pa.func.vmap(lambda x: pa.apply_along_axis(mean_of_positive, 1, x))(x[None])
    with pytest.raises(RuntimeError, match="mine"):
        pa.apply_along_axis(fail, 0, x)


def fail(v):
    raise RuntimeError("mine")


def test_grids_written_as_slices():
    for key in (np.s_[0:3], np.s_[0:3, 1:2:0.25], np.s_[-1:1:5j, 0:4:2]):
        np.testing.assert_array_equal(pa.mgrid[key].numpy(), np.mgrid[key])
        ours, theirs = pa.ogrid[key], np.ogrid[key]
        parts = zip(ours, theirs, strict=True) if isinstance(theirs, tuple) else [(ours, theirs)]
        for x, y in parts:
            np.testing.assert_array_equal(x.numpy(), y)
            assert x.dtype == y.dtype


def test_numbers_that_move_what_is_made_of_them():
    """A range has as many elements, and an angle as many periods, beside a point as there."""
    cases = [
        (lambda t: pa.arange(t, 3.0), 0.7),
        (lambda t: pa.arange(0.0, 3.0, t), 0.7),
        (lambda t: pa.arange(t, 8, 2 * t, dtype="float32"), 1.25),
        (lambda t: pa.arange(5.0, 0.0, -t), 1.3),
        (lambda t: pa.arange(3.0 * t), 0.7),
        (lambda t: pa.unwrap(pa.tensor([0.0, 3.0, 6.5, -1.0]), period=t), 2.7),
        (lambda t: pa.unwrap(t * pa.tensor([0.0, 3.0, 6.5]), period=2.0 * t), 1.1),
    ]
    for f, at in cases:
        weighted = lambda t, f=f: pa.sum(f(t) ** 2 * (1 + np.arange(f(t).size)))  # noqa: E731
        plain = f(pa.tensor(at))
        step = 1e-5
        wanted = (weighted(pa.tensor(at + step)) - weighted(pa.tensor(at - step))).item() / 2 / step
        tolerance = 1e-7 if plain.dtype == "float64" else 1e-2
        value, tangent = pa.func.jvp(f, (pa.tensor(at),), (pa.tensor(1.0),))
        assert value.dtype == plain.dtype == tangent.dtype
        np.testing.assert_allclose(value, plain, rtol=1e-6)
        slopes = pa.func.grad(weighted)(at), pa.func.jvp(weighted, (at,), (1.0,))[1]
        np.testing.assert_allclose([s.item() for s in slopes], wanted, rtol=tolerance, atol=1e-6)
