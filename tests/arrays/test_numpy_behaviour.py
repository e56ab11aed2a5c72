"""What somebody who comes from NumPy tries: each of these once behaved otherwise."""

import numpy as np
import pytest
from numpy.exceptions import AxisError

import pyautograd as pa

X = np.array([[0.5, -1.5, 2.0], [3.0, 0.25, -0.75]])
MASK = np.array([[True, False, True], [False, True, True]])


# where= and initial= of our own reductions


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all", "mean", "std", "var"])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1, "keepdims": True}])
def test_reductions_leave_elements_out(name, options):
    if name in ("max", "min"):
        options = options | {"initial": 0.75}
    want = getattr(np, name)(X, where=MASK, **options)
    for got in (
        getattr(pa, name)(pa.tensor(X), where=MASK, **options),
        getattr(pa.tensor(X), name)(where=pa.tensor(MASK), **options),
        getattr(np, name)(pa.tensor(X), where=MASK, **options),
    ):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-14)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reductions_start_with_a_number(name):
    for array in (X, np.arange(6).reshape(2, 3), np.zeros((0, 3)), np.array(2.5)):
        for initial in (3, 2.5):
            want = getattr(np, name)(array, initial=initial)
            got = getattr(pa, name)(pa.tensor(array), initial=initial)
            assert got.dtype == want.dtype
            assert got.item() == want


def test_what_is_left_out_contributes_nothing_to_a_derivative():
    def f(x):
        return pa.sum(pa.log(x), where=x > 0) + pa.std(x, where=MASK[0]) + pa.mean(x, where=MASK[1])

    x = np.array([2.0, -1.0, 0.5])
    spread = np.std(x[[0, 2]])
    moved = 0.75 / 2 / spread  # (x - mean) / (n std)
    got = pa.func.grad(f)(x).numpy()
    np.testing.assert_allclose(got, [0.5 + moved, 0.5, 2.5 - moved], rtol=1e-14)
    np.testing.assert_allclose(pa.func.vmap(pa.func.grad(f))(np.stack([x, x])).numpy(), [got, got])
    assert pa.func.grad(lambda s: pa.max(x, initial=s))(pa.tensor(9.0)).item() == 1


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda x: pa.max(x, where=MASK), ValueError, "needs initial="),
        (lambda x: pa.sum(x, where=[1, 0, 1]), TypeError, "bools, not of dtype int64"),
        (lambda x: pa.sum(x[:1], where=MASK), ValueError, r"\(2, 3\).*\(1, 3\)"),
        (lambda x: pa.sum(x, initial=[1.0, 2.0]), ValueError, r"a number, not of shape \(2,\)"),
        (lambda x: pa.sum(x, initial=1j), TypeError, "complex128.*float64"),
        (lambda x: pa.max(pa.astype(x, "uint8"), initial=-3), OverflowError, r"\[max\].*uint8"),
        (lambda x: pa.prod(pa.astype(x, "uint32"), initial=-1), OverflowError, "uint64"),
        (lambda x: pa.min(pa.astype(x, "int16"), initial=2**15), OverflowError, "int16"),
        (lambda x: pa.sum(x, out=x), ValueError, r"\(\) and does not fit out= of shape \(2, 3\)"),
    ],
)
def test_masks_and_starts_that_do_not_fit(call, kind, message):
    with pytest.raises(kind, match=message):
        call(pa.tensor(X))


# axes, indices, layouts


def test_a_number_has_an_axis_to_reduce():
    for name in ("sum", "prod", "max", "min", "any", "all", "argmax", "argmin", "count_nonzero"):
        for axis in (0, -1):
            want = getattr(np, name)(np.array(2.5), axis=axis)
            assert getattr(pa, name)(pa.tensor(2.5), axis=axis).item() == want
        with pytest.raises(AxisError):
            getattr(pa, name)(pa.tensor(2.5), axis=1)
    assert pa.squeeze(pa.tensor(2.5), axis=-1).shape == ()
    assert pa.func.grad(lambda x: pa.sum(x, axis=0))(pa.tensor(2.0)).item() == 1


@pytest.mark.parametrize(
    "call",
    [
        np.block,
        lambda x: np.fmax.reduce(x[:1]),
        lambda x: np.subtract.reduce(x[:1]),
        lambda x: np.power.reduce(x, axis=1),
    ],
)
def test_results_have_memory_of_their_own(call):
    x = pa.tensor([[1.0], [2.0]])
    result = call(x)
    before = result.tolist()
    x[...] = 7.0
    assert result.tolist() == before


def test_a_wrong_axis_raises_numpys_error():
    for call in (
        lambda x: pa.sum(x, axis=2),
        lambda x: pa.concat([x, x], axis=5),
        lambda x: pa.sort(x, axis=-3),
        lambda x: pa.fft.fft(x, axis=2),
        lambda x: pa.linalg.norm(x, axis=4),
    ):
        with pytest.raises(AxisError, match=r"\[\S+\] axis -?\d is out of bounds"):
            call(pa.tensor(X))


def test_an_axis_is_whatever_is_an_index():
    x = pa.tensor(X)
    for axis in (np.array(1), np.int8(1), pa.tensor(1)):
        for call in (np.sum, pa.sum, pa.sort, lambda x, axis: pa.expand_dims(x, axis)):
            np.testing.assert_array_equal(call(x, axis=axis), call(x, axis=1))
    np.testing.assert_array_equal(pa.sum(x, axis=np.array([0, 1])), pa.sum(x))
    with pytest.raises(TypeError, match="integer"):
        pa.sum(x, axis=np.array(1.0))


def test_sequences_as_indices():
    x = pa.tensor(X)
    assert pa.take(x, []).shape == np.take(X, []).shape
    assert pa.take(x, [], axis=1).shape == (2, 0)
    np.testing.assert_array_equal(x[range(2)].numpy(), X[range(2)])
    np.testing.assert_array_equal(x[:, range(2, -1, -1)].numpy(), X[:, range(2, -1, -1)])


def test_orders_of_elements():
    x = pa.tensor(X)
    for got, want in (
        (pa.reshape(x, (3, 2), order="F"), np.reshape(X, (3, 2), order="F")),
        (x.reshape(3, -1, order="F"), X.reshape(3, -1, order="F")),
        (x.ravel(order="F"), X.ravel(order="F")),
        (pa.ravel(x, "C"), np.ravel(X, "C")),
    ):
        np.testing.assert_array_equal(got.numpy(), want)
    with pytest.raises(ValueError, match=r"\[ravel\] order must be 'C' or 'F', got 'K'"):
        x.ravel(order="K")
    weights = np.arange(6.0).reshape(3, 2)
    got = pa.func.grad(lambda x: pa.sum(pa.reshape(x, (3, 2), order="F") * weights))(X)
    np.testing.assert_array_equal(got.numpy(), weights.reshape(2, 3, order="F"))


def test_one_element():
    x = pa.tensor(X)
    assert (x.item(4), x.item(-1), x.item(1, 2), x.item((0, 1))) == (0.25, -0.75, -0.75, -1.5)
    for wrong in (9, (2, 0)):
        with pytest.raises(IndexError):
            x.item(wrong)
    with pytest.raises(ValueError, match="one element"):
        x.item((0,))
    assert (round(pa.tensor(2.567)), round(pa.tensor(2.567), 1).item()) == (3, 2.6)
    assert x.tobytes() == X.tobytes() and x.tobytes("F") == X.tobytes("F")


def test_names_of_sorting_algorithms():
    x = pa.tensor(X)
    for kind in (None, "stable", "quicksort", "mergesort", "heapsort"):
        np.testing.assert_array_equal(pa.sort(x, 0, kind).numpy(), np.sort(X, 0))
        np.testing.assert_array_equal(x.argsort(axis=0, kind=kind).numpy(), X.argsort(axis=0))
        y = pa.tensor(X)
        y.sort(kind=kind)
        np.testing.assert_array_equal(y.numpy(), np.sort(X))
    with pytest.raises(ValueError, match=r"\[sort\] kind must be .* got 'bogo'"):
        pa.sort(x, kind="bogo")


# dtypes and Python's numbers


def test_ints_beside_floating_tensors():
    x = pa.tensor([1.5, -2.0])
    for name in (
        "atan2",
        "hypot",
        "logaddexp",
        "copysign",
        "nextafter",
        "heaviside",
        "float_power",
    ):
        for number in (2**70, -(2**70)):
            if name == "float_power" and number < 0:
                continue
            want = getattr(np, name)(x.numpy(), float(number))
            np.testing.assert_array_equal(getattr(pa, name)(x, number).numpy(), want)
    assert pa.logical_and(pa.tensor([1, 0], dtype="int8"), 300).tolist() == [True, False]
    assert pa.logical_or(2**70, pa.tensor([0], dtype="uint8")).tolist() == [True]
    y = pa.ldexp(pa.tensor([1.5], dtype="float32"), 3)
    assert (y.tolist(), y.dtype) == ([12.0], pa.float32)


def test_bounds_beyond_the_dtype_do_not_bind():
    x = np.array([5, -3, 127], np.int8)
    for low, high in ((-300, 300), (-(2**70), 100), (None, 2**70), (0, 300)):
        got = pa.clip(pa.tensor(x), low, high)
        np.testing.assert_array_equal(got.numpy(), np.clip(x, low, high))
        assert got.dtype == np.int8
    for low, high in ((300, None), (None, -300), (2**70, None)):
        with pytest.raises(OverflowError):
            pa.clip(pa.tensor(x), low, high)


def test_results_in_integer_dtypes():
    assert pa.mean(pa.tensor([1, 2]), dtype="int64").tolist() == np.mean([1, 2], dtype=int)
    assert pa.sum(pa.tensor([1, 2]), initial=3.5).tolist() == np.sum([1, 2], initial=3.5)
    with pytest.raises(TypeError, match="positive"):
        +pa.tensor([True])


def test_i0_short_of_overflow():
    assert pa.i0(pa.tensor([1e308, -1e308])).tolist() == [np.inf, np.inf]


# weights


def test_weights_that_sum_to_zero():
    for call in (
        lambda a: pa.average(a, weights=[1.0, -1.0]),
        lambda a: np.average(pa.tensor(a), weights=[0, 0]),
        lambda a: pa.func.jvp(lambda x: pa.average(x, weights=[1, -1]), (a,), (a,)),
        lambda a: pa.cov(a, aweights=[0.0, 0.0]),
    ):
        with pytest.raises(ZeroDivisionError, match="sum to zero"):
            call(np.array([1.0, 2.0]))
    mapped = pa.func.vmap(lambda w: pa.average(np.array([1.0, 2.0]), weights=w))
    assert mapped(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist() == pytest.approx(
        [1.75, np.nan], nan_ok=True
    )


@pytest.mark.parametrize(
    "options",
    [
        {"fweights": [1.5, 2, 1]},
        {"fweights": [1, -2, 1]},
        {"aweights": [1, -2, 1]},
        {"fweights": [[1, 2, 1]]},
        {"fweights": [1, 2]},
        {"aweights": [1, 2, 3, 4]},
    ],
)
def test_weights_of_observations_raise_as_numpys(options):
    with pytest.raises(Exception) as theirs:
        np.cov(X, **options)
    with pytest.raises(theirs.type, match=r"\[cov\] .weights"):
        pa.cov(pa.tensor(X), **options)
    whole = pa.cov(pa.tensor(X), fweights=[1.0, 2.0, 1.0])
    np.testing.assert_allclose(whole.numpy(), np.cov(X, fweights=[1.0, 2.0, 1.0]), rtol=1e-14)


# linear algebra


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (1, 1), (0, 2), (2, 0)])
@pytest.mark.parametrize("dtype", ["float64", "complex128", "float32"])
def test_qr_as_reflections(shape, dtype):
    rng = np.random.default_rng(4)
    a = rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype == "complex128" else 0)
    a = a.astype(dtype)
    for got, want in zip(pa.linalg.qr(pa.tensor(a), "raw"), np.linalg.qr(a, "raw"), strict=True):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        tol = 1e-5 if dtype == "float32" else 1e-13
        np.testing.assert_allclose(got.numpy(), want, rtol=tol, atol=tol)


def test_reflections_have_derivatives():
    a = np.random.default_rng(4).normal(size=(3, 2))

    def f(x):
        h, tau = pa.linalg.qr(x, "raw")
        return pa.sum(pa.sin(h)) + pa.sum(tau**2)

    step = 1e-6 * np.cos(np.arange(6.0)).reshape(3, 2)
    slope = pa.sum(pa.func.grad(f)(a) * step).item()
    assert slope == pytest.approx((f(a + step) - f(a - step)).item() / 2, rel=1e-6, abs=0)
    hessian = pa.func.hessian(lambda v: f(pa.reshape(v, (3, 2))))(a.ravel()).numpy()
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10, atol=1e-11)
    both = pa.func.vmap(pa.func.grad(f))(np.stack([a, 2 * a])).numpy()
    np.testing.assert_allclose(both[1], pa.func.grad(f)(2 * a).numpy(), rtol=1e-12, atol=1e-13)


def test_norms_of_nothing():
    for shape in ((0, 3), (3, 0)):
        for ord in ("fro", "nuc", 1, 2, np.inf):
            assert pa.linalg.norm(pa.zeros(shape), ord).item() == 0
            assert pa.linalg.matrix_norm(pa.zeros(shape), ord=ord).item() == 0
    with pytest.raises(ValueError, match="no extremum"):
        pa.linalg.norm(pa.zeros((3, 0)), -2)
    assert pa.func.grad(lambda x: pa.linalg.norm(x, 2))(pa.zeros((0, 3))).shape == (0, 3)


def test_a_root_without_a_derivative_says_so():
    singular = pa.tensor([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(np.linalg.LinAlgError, match=r"\[linalg.sqrtm\] the root has no derivative"):
        pa.func.grad(lambda a: pa.sum(pa.linalg.sqrtm(a)))(singular)


def test_lapack_prints_nothing_for_nan(capfd):
    broken = pa.tensor([[np.nan, 1.0], [1.0, 2.0]])
    for call in (
        lambda: pa.linalg.svd(broken),
        lambda: pa.linalg.svdvals(broken),
        lambda: pa.linalg.lstsq(broken, pa.ones(2)),
        lambda: pa.linalg.pinv(broken),
        lambda: pa.linalg.eig(broken),
        lambda: pa.linalg.norm(broken, 2),
        lambda: pa.linalg.matrix_rank(broken),
    ):
        with pytest.raises(np.linalg.LinAlgError):
            call()
    assert capfd.readouterr() == ("", "")


# complex numbers


def test_sums_of_complex_exponentials_do_not_overflow():
    z = np.array([800 + 1j, -900 + 3j, 700 - 2j, 0.5j])
    shifted = pa.logaddexp(pa.tensor(z), pa.tensor(z - 1)).numpy()
    np.testing.assert_allclose(shifted, z + np.log(1 + np.exp(-1)), rtol=1e-15)
    np.testing.assert_allclose(
        pa.softplus(pa.tensor(z[:2])).numpy(), [800 + 1j, 0], rtol=1e-15, atol=1e-300
    )
    assert pa.logaddexp(-np.inf + 0j, -np.inf + 1j).item() == -np.inf
    wrapped = pa.logaddexp(pa.tensor(3.1j), pa.tensor(-3.1j - 0.1)).item()
    assert abs(wrapped - np.log(np.exp(3.1j) + np.exp(-3.1j - 0.1))) < 1e-14
    far = pa.log_softmax(pa.tensor([1000 + 1j, 999.0])).numpy()
    np.testing.assert_allclose(far, pa.log_softmax(pa.tensor([1 + 1j, 0.0])).numpy(), atol=1e-12)
    scan = pa.logcumsumexp(pa.tensor([-np.inf + 0j, 900 + 1j, 900 - 1j])).numpy()
    np.testing.assert_allclose(scan[1:], [900 + 1j, 900 + np.log(2 * np.cos(1))], rtol=1e-15)
    assert scan[0] == -np.inf


def test_a_polynomial_through_complex_points():
    x = np.exp(2j * np.pi * np.arange(5) / 5)  # whose squares sum to zero
    c = np.array([1 + 1j, -2, 0.5j])
    fit = pa.polyfit(pa.tensor(x), np.polyval(c, x), 2).numpy()
    np.testing.assert_allclose(fit, c, atol=1e-14)
    covariance = pa.polyfit(x, np.polyval(c, x) + np.arange(5), 1, cov=True)[1].numpy()
    np.testing.assert_allclose(covariance, covariance.conj().T, atol=1e-14)


# random draws


def test_ranges_of_uniform_draws():
    rng = pa.random.default_rng(0)
    with pytest.raises(ValueError, match="high must not be below low"):
        rng.uniform(1.0, 0.0)
    with pytest.raises(OverflowError, match="must be finite"):
        rng.uniform([0.0, -np.inf], 1.0)


def test_the_smallest_and_the_largest_start_fit():
    for dtype in ("int8", "int64", "uint16", "uint32"):
        info = np.iinfo(dtype)
        for start in (int(info.min), int(info.max)):
            for name in ("max", "min"):
                want = getattr(np, name)(np.array([1, 2], dtype), initial=start)
                assert getattr(pa, name)(pa.tensor([1, 2], dtype=dtype), initial=start) == want


def test_the_default_of_select_takes_the_dtype_of_the_choices():
    conditions = [np.array([True, False]), np.array([False, True])]
    choices = [np.array([1, 2], "uint8"), np.array([True, False])]
    for default in (0, np.int16(3), 1.5):
        want = np.select(conditions, choices, default)
        got = pa.select(conditions, choices, default)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got.numpy(), want)


def test_infinite_parts_of_complex_numbers_are_rounded_apart():
    z = np.array([complex(1.256, np.inf), complex(-np.inf, 15.0), complex(np.nan, 0.555)])
    for decimals in (2, 1, -1):
        np.testing.assert_array_equal(pa.round(z, decimals).numpy(), np.round(z, decimals))


@pytest.mark.parametrize("method", ["linear", "inverted_cdf", "nearest"])
@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_nan_quantiles_of_nothing(method, dtype):
    nothing = np.zeros((2, 0), dtype)
    got = pa.nanquantile(nothing, 0.5, axis=1, method=method).numpy()
    assert got.dtype == (dtype if dtype == "float32" else np.float64)
    np.testing.assert_array_equal(got, [np.nan, np.nan])


@pytest.mark.parametrize("mode", ["linear_ramp", "mean", "maximum", "constant", "edge"])
def test_nothing_is_padded_with_nothing(mode):
    assert pa.pad(pa.zeros((2, 0)), ((1, 2), (0, 0)), mode).shape == (5, 0)
