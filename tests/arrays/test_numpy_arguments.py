"""NumPy's optional arguments on tensors: out, where, initial, dtype, order and more."""

import inspect

import numpy as np
import pytest

import pyautograd as pa

X = np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]])
Y = np.array([[1.0, 2.0, -3.0], [0.0, 0.5, 4.0]])
MASK = np.array([[True, False, True], [True, True, False]])


def both(call):
    """What NumPy says of arrays and of tensors."""
    return call(np.asarray, X.copy(), Y.copy()), call(
        pa.tensor, pa.tensor(X, requires_grad=True), pa.tensor(Y)
    )


def agree(want, got):
    if isinstance(want, tuple):
        assert len(want) == len(got)
        for pair in zip(want, got, strict=True):
            agree(*pair)
        return
    np.testing.assert_allclose(pa.asarray(got).detach().numpy(), want, rtol=1e-13, atol=1e-15)
    assert pa.asarray(got).dtype == np.asarray(want).dtype


CALLS = {
    "sum where": lambda new, x, y: np.sum(x, where=MASK),
    "sum initial": lambda new, x, y: np.sum(x, axis=1, initial=2.5),
    "sum of bools": lambda new, x, y: np.sum(x > 0, axis=0, where=MASK),
    "sum initial of integers": lambda new, x, y: np.sum(new([1, 2]), initial=2),
    "prod where initial": lambda new, x, y: np.prod(x, axis=0, where=MASK, initial=3.0),
    "max where initial": lambda new, x, y: np.max(x, axis=0, where=MASK, initial=-1.0),
    "min initial": lambda new, x, y: np.min(x, initial=-1.0, keepdims=True),
    "max of nothing": lambda new, x, y: np.max(new(np.zeros((0, 2))), axis=0, initial=7.0),
    "amin where": lambda new, x, y: np.amin(x, where=MASK, initial=np.inf),
    "all where": lambda new, x, y: np.all(x > 0, where=MASK),
    "any where": lambda new, x, y: np.any(x > 0, axis=1, where=~MASK),
    "mean where": lambda new, x, y: np.mean(x, axis=1, where=MASK),
    "mean dtype": lambda new, x, y: np.mean(new([1, 2, 4]), dtype=np.float32),
    "std where": lambda new, x, y: np.std(x, axis=1, where=MASK, keepdims=True),
    "var where ddof": lambda new, x, y: np.var(x, where=MASK, ddof=1),
    "var of too few": lambda new, x, y: np.var(x, axis=1, where=MASK, ddof=2),
    "std dtype": lambda new, x, y: np.std(new([1, 2, 4]), dtype=np.float32),
    "nansum where": lambda new, x, y: np.nansum(x, where=MASK, initial=1.0),
    "nanprod initial": lambda new, x, y: np.nanprod(x, axis=0, initial=2.0),
    "nanmean where": lambda new, x, y: np.nanmean(x, axis=1, where=MASK),
    "nanstd where": lambda new, x, y: np.nanstd(x, where=MASK, ddof=1),
    "nanmax where": lambda new, x, y: np.nanmax(x, where=MASK, initial=-9.0),
    "nanmin initial": lambda new, x, y: np.nanmin(x, axis=0, initial=0.0),
    "add dtype": lambda new, x, y: np.add(x, 1, dtype=np.float32),
    "integers in float": lambda new, x, y: np.multiply(new([1, 2]), new([3, 4]), dtype=np.float64),
    "add.reduce where": lambda new, x, y: np.add.reduce(x, axis=None, where=MASK, initial=1.0),
    "logaddexp.reduce": lambda new, x, y: np.logaddexp.reduce(x, axis=1),
    "logaddexp.reduce where": lambda new, x, y: np.logaddexp.reduce(x, axis=1, where=MASK),
    "logaddexp.reduce initial": lambda new, x, y: np.logaddexp.reduce(
        x, axis=(0, 1), where=MASK, initial=0.5, keepdims=True
    ),
    "logaddexp.reduceat": lambda new, x, y: np.logaddexp.reduceat(x, [0, 2, 1], axis=1),
    "hypot.reduce where": lambda new, x, y: np.hypot.reduce(x, where=MASK, initial=2.0),
    "fmax.reduce where": lambda new, x, y: np.fmax.reduce(x, axis=1, where=MASK, initial=-0.5),
    "add.reduceat": lambda new, x, y: np.add.reduceat(x, [0, 2, 1], axis=1),
    "add.reduceat of nothing": lambda new, x, y: np.add.reduceat(x, np.zeros(0, int), axis=1),
    "maximum.reduceat": lambda new, x, y: np.maximum.reduceat(x, [1, 0]),
    "hypot.reduce": lambda new, x, y: np.hypot.reduce(x, axis=1, keepdims=True),
    "hypot.reduce all": lambda new, x, y: np.hypot.reduce(x, axis=None),
    "hypot.reduce of one": lambda new, x, y: np.hypot.reduce(x[:1]),
    "gcd.reduce of one": lambda new, x, y: np.gcd.reduce(new([-3])),
    "min of bools": lambda new, x, y: np.min(x > 0, axis=0, where=MASK, initial=2),
    "hypot.reduce of nothing": lambda new, x, y: np.hypot.reduce(new(np.zeros((0, 2)))),
    "subtract.reduce": lambda new, x, y: np.subtract.reduce(x, axis=1),
    "fmax.reduce": lambda new, x, y: np.fmax.reduce(x, axis=(0, 1)),
    "gcd.reduce": lambda new, x, y: np.gcd.reduce(new([12, 18, 27, 9, 6])),
    "bitwise_or.reduce": lambda new, x, y: np.bitwise_or.reduce(new([1, 4, 2])),
    "bitwise_and.reduce of nothing": lambda new, x, y: np.bitwise_and.reduce(
        new(np.zeros(0, np.uint8))
    ),
    "logical_xor.reduce": lambda new, x, y: np.logical_xor.reduce(x > 0, axis=0),
    "divide.accumulate": lambda new, x, y: np.divide.accumulate(x, axis=1),
    "subtract.accumulate": lambda new, x, y: np.subtract.accumulate(x),
    "subtract.outer": lambda new, x, y: np.subtract.outer(x, y),
    "reshape F": lambda new, x, y: np.reshape(x, (3, 2), order="F"),
    "ravel F": lambda new, x, y: np.ravel(x, order="F"),
    "copy order": lambda new, x, y: np.copy(x, order="F"),
    "zeros_like shape": lambda new, x, y: np.zeros_like(x, shape=(4,)),
    "full_like shape": lambda new, x, y: np.full_like(x, 2.0, shape=(2, 2), dtype=np.int32),
    "linspace retstep": lambda new, x, y: np.linspace(x, 1.0, 5, retstep=True),
    "linspace of one": lambda new, x, y: np.linspace(x[0, 0], 1.0, 1, retstep=True),
    "take wrap": lambda new, x, y: np.take(x, [-4, 7], axis=1, mode="wrap"),
    "take clip": lambda new, x, y: np.take(x, [-4, 7], mode="clip"),
    "concatenate dtype": lambda new, x, y: np.concatenate([x, y], dtype=np.float32),
    "vstack dtype": lambda new, x, y: np.vstack([x, y], dtype=np.complex128),
    "isin": lambda new, x, y: np.isin(x, [0.1, 0.5], assume_unique=True, kind="sort"),
    "einsum": lambda new, x, y: np.einsum("ij,kj->ik", x, y, optimize=True),
    "round to tens": lambda new, x, y: np.round(100 * x, -1),
    "round integers": lambda new, x, y: np.round(new([14, 15, 25]), -1),
    "meshgrid sparse": lambda new, x, y: tuple(np.meshgrid(x[0], y[0], x[1], sparse=True)),
    "meshgrid ij": lambda new, x, y: tuple(np.meshgrid(x[0], y[0], indexing="ij", sparse=True)),
    "atleast_2d of two": lambda new, x, y: tuple(np.atleast_2d(x[0], y)),
    "round of complex": lambda new, x, y: np.round(x + 1j * y, 1),
    "round method": lambda new, x, y: x.round(1),
    "angle in degrees": lambda new, x, y: np.angle(x + 1j * y, deg=True),
    "where of one": lambda new, x, y: np.where(x > 0),
    "einsum of axes": lambda new, x, y: np.einsum(x, [0, 1], y, [2, 1], [2, 0]),
    "einsum of axes without a result": lambda new, x, y: np.einsum(x, [..., 1], y, [..., 1]),
    "var method": lambda new, x, y: x.var(axis=0, ddof=1),
    "std method": lambda new, x, y: x.std(ddof=1),
    "cov importances": lambda new, x, y: np.cov(x, aweights=[1, 2, 1]),
    "along an empty axis": lambda new, x, y: np.apply_along_axis(np.sum, 0, x[:0]),
    "vecdot axis": lambda new, x, y: np.vecdot(x, y, axis=0),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_optional_arguments(name):
    agree(*both(CALLS[name]))


INTO = {
    "sin": ((2, 3), lambda x, y, out: np.sin(x, out=out)),
    "add": ((2, 3), lambda x, y, out: np.add(x, y, out)),
    "add to a larger one": ((4, 2, 3), lambda x, y, out: np.add(x, y, out)),
    "divide where": ((2, 3), lambda x, y, out: np.divide(x, y, out=out, where=np.asarray(MASK))),
    "matmul": ((2, 2), lambda x, y, out: np.matmul(x, y.T, out=out)),
    "sum": ((3,), lambda x, y, out: np.sum(x, 0, None, out)),
    "max": ((2, 1), lambda x, y, out: np.max(x, axis=1, keepdims=True, out=out)),
    "mean": ((), lambda x, y, out: np.mean(x, out=out)),
    "cumsum": ((6,), lambda x, y, out: np.cumsum(x, out=out)),
    "clip": ((2, 3), lambda x, y, out: np.clip(x, -0.1, 0.4, out)),
    "dot": ((2, 2), lambda x, y, out: np.dot(x, y.T, out)),
    "concatenate": ((4, 3), lambda x, y, out: np.concatenate([x, y], out=out)),
    "stack": ((2, 2, 3), lambda x, y, out: np.stack([x, y], out=out)),
    "take": ((2, 2), lambda x, y, out: np.take(x, [0, 2], axis=1, out=out)),
    "round": ((2, 3), lambda x, y, out: np.round(x, 1, out)),
    "einsum": ((2, 2), lambda x, y, out: np.einsum("ij,kj", x, y, out=out)),
    "median": ((3,), lambda x, y, out: np.median(x, 0, out)),
    "nansum": ((2,), lambda x, y, out: np.nansum(x, axis=1, out=out)),
    "ptp": ((2,), lambda x, y, out: np.ptp(x, axis=1, out=out)),
    "add.reduce": ((3,), lambda x, y, out: np.add.reduce(x, out=out)),
    "add.accumulate": ((2, 3), lambda x, y, out: np.add.accumulate(x, out=out)),
    "multiply.outer": ((2, 3, 2, 3), lambda x, y, out: np.multiply.outer(x, y, out=out)),
    "trace": ((), lambda x, y, out: np.trace(x, out=out)),
}
TRANSFORMS = "fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn"


@pytest.mark.parametrize("name", INTO)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_out_is_written_and_records(name):
    shape, call = INTO[name]
    want = call(X, Y, np.full(shape, 9.0))
    out = pa.full(shape, 9.0)
    x = pa.tensor(X, requires_grad=True)
    assert call(x, pa.tensor(Y), out) is out
    np.testing.assert_allclose(out.detach().numpy(), want, rtol=1e-14, atol=1e-15)
    assert out.requires_grad
    plain = np.full(shape, 9.0)
    assert call(pa.tensor(X), pa.tensor(Y), plain) is plain
    np.testing.assert_allclose(plain, want, rtol=1e-14, atol=1e-15)
    with pytest.raises(TypeError, match="the argument out= is not supported for tensors that rec"):
        call(x, pa.tensor(Y), np.zeros(shape))


@pytest.mark.parametrize("name", TRANSFORMS.split())
def test_transforms_into_out(name):
    transform = getattr(np.fft, name)
    want = transform(X)
    out = pa.zeros(want.shape, dtype=want.dtype)
    x = pa.tensor(X, requires_grad=True)
    assert transform(x, out=out) is out
    np.testing.assert_allclose(out.detach().numpy(), want, rtol=1e-13, atol=1e-14)
    assert out.requires_grad


def test_the_derivative_goes_through_out():
    def f(x):
        out = pa.ones((2, 3))
        np.multiply(x, x, out=out, where=MASK)
        return pa.sum(out * Y)

    np.testing.assert_allclose(pa.func.grad(f)(X).numpy(), np.where(MASK, 2 * X * Y, 0))
    np.testing.assert_allclose(
        pa.func.hessian(f)(X).numpy().reshape(6, 6), np.diag(np.where(MASK, 2 * Y, 0).ravel())
    )


def test_a_singular_element_that_is_left_out_contributes_nothing():
    x = pa.tensor([0.0, 4.0], requires_grad=True)
    np.sqrt(x, out=pa.zeros(2), where=[False, True]).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]
    assert np.sqrt(x, where=np.array([False, True])).tolist() == [0.0, 2.0]
    second = pa.func.hessian(lambda x: np.std(x, where=[True, True, False]) ** 2)(pa.ones(3))
    np.testing.assert_allclose(second.numpy(), [[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 0]])
    second = pa.func.hessian(lambda x: pa.nanstd(x) ** 2)(np.array([2.0, np.nan, 2.0]))
    np.testing.assert_allclose(second.numpy(), [[0.5, 0, -0.5], [0, 0, 0], [-0.5, 0, 0.5]])


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda x: np.sin(x, out=pa.zeros(2)), ValueError, r"\(2, 3\).*\(2,\)"),
        (lambda x: np.sum(x, out=pa.zeros(2)), ValueError, r"\(\).*\(2,\)"),
        (lambda x: np.sin(x, out=pa.zeros((2, 3), dtype="int64")), TypeError, "float64 to int64"),
        (lambda x: np.add(x, x, dtype=np.int32), TypeError, "float64 to int32"),
        (lambda x: np.sin(x, out="x"), TypeError, "."),
        (lambda x: np.max(x, where=MASK), ValueError, "initial="),
        (lambda x: np.nanmin(x, where=MASK), ValueError, "initial="),
        (lambda x: np.fmax.reduce(x, where=MASK), ValueError, "initial="),
        (lambda x: np.sum(x, where=[1, 0, 1]), TypeError, "of bools"),
        (lambda x: np.take(x, [9]), IndexError, "9"),
        (lambda x: np.take(x, [9], mode="x"), ValueError, "'x'"),
        (lambda x: np.concatenate([x, x], dtype=np.int32), TypeError, "float64 to int32"),
        (lambda x: np.std(x, ddof=1, correction=1), ValueError, "simultaneously"),
        (lambda x: x.std(ddof=1, correction=1), ValueError, r"\[std\] correction and ddof"),
        (lambda x: np.add.at(pa.zeros(2, dtype="int64"), [0], 1.5), TypeError, "to int64"),
        (lambda x: np.add.at(pa.zeros(2), [2], 1.5), IndexError, "2"),
        (lambda x: np.add.reduceat(x, [2]), IndexError, "index 2"),
        (lambda x: np.fmax.reduce(x[:0]), ValueError, "nothing along axis 0"),
        (lambda x: np.fmax.reduce(x, axis=2), IndexError, "2"),
        (lambda x: np.where(x > 0, x), ValueError, "both or neither"),
        (lambda x: np.einsum(x, [0, -1]), ValueError, r"\[einsum\]"),
        (lambda x: np.einsum(x, 0), TypeError, r"\[einsum\]"),
        (lambda x: np.pad(x, 1, "edge", reflect_type="none"), ValueError, "reflect_type"),
        (lambda x: np.nanargmax(x * np.nan), ValueError, "only nans"),
        (lambda x: np.vander(x[0], -1), ValueError, "negative"),
    ],
)
def test_arguments_that_do_not_fit(call, kind, message):
    with pytest.raises(kind, match=message):
        call(pa.tensor(X))


def test_out_is_a_leaf():
    leaf = pa.tensor(X, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        np.sin(pa.tensor(X), out=leaf)
    with pa.no_grad():
        np.sin(pa.tensor(X), out=leaf)
    np.testing.assert_allclose(leaf.detach().numpy(), np.sin(X), rtol=1e-15)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 3), (1, 3), ()])
@pytest.mark.parametrize("made", [np.zeros, pa.zeros])
def test_out_has_the_shape_of_the_result(made, shape):
    """Or one that it can be broadcast to, for a ufunc."""
    for call in (np.sin, np.hypot.reduce, np.sum, np.trace):
        want, out = np.zeros(shape), made(shape)
        try:
            call(X, out=want)
        except ValueError:
            with pytest.raises(ValueError, match=r"out=|cannot be broadcast"):
                call(pa.tensor(X), out=out)
        else:
            call(pa.tensor(X), out=out)
            np.testing.assert_allclose(np.asarray(out), want, rtol=1e-15)


def test_out_moves_the_version():
    x, factor = pa.tensor(X, requires_grad=True), pa.tensor(Y)
    y = pa.sum(x * factor)
    np.negative(factor, out=factor)
    with pytest.raises(RuntimeError, match="version"):
        y.backward()


@pytest.mark.parametrize("ufunc", [np.add, np.subtract])
@pytest.mark.parametrize("dtype", ["float64", "complex128", "int64", "float32"])
def test_ufunc_at_counts_repeated_indices(ufunc, dtype):
    for shape, index in [((4,), [0, 3, 0]), ((2, 3), ([0, 0, 1], [1, 1, 2])), ((3,), slice(1, 3))]:
        want = np.ones(shape, dtype)
        got = pa.tensor(want)
        amounts = np.array([1, 2, 3], dtype)[: want[index].size]
        ufunc.at(want, index, amounts)
        ufunc.at(got, index, pa.tensor(amounts))
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.numpy(), want)


def test_options_that_folds_have_not():
    for options in ({"initial": 1.0}, {"where": X > 0}):
        with pytest.raises(TypeError, match="subtract.reduce.*not supported"):
            np.subtract.reduce(pa.tensor(X), **options)


@pytest.mark.parametrize("ufunc", [np.logical_xor, np.logical_and, np.divide, np.hypot, np.fmax])
def test_folds_of_few_have_the_dtype_of_more(ufunc):
    for x in (np.array(-3), np.array([-3]), np.array([[0, -3, 2]]), np.zeros((2, 0))):
        if x.size or ufunc not in (np.divide, np.fmax):
            agree(ufunc.reduce(x), ufunc.reduce(pa.tensor(x)))
        if x.ndim:
            for axis in range(x.ndim):
                want = ufunc.accumulate(x, axis=axis)
                agree(want, ufunc.accumulate(pa.tensor(x), axis=axis))


def test_folds_have_derivatives():
    got = pa.func.grad(lambda x: np.hypot.reduce(x, axis=None))(X).numpy()
    np.testing.assert_allclose(got, X / np.linalg.norm(X))
    got = pa.func.grad(lambda x: np.logaddexp.reduce(x, axis=None, where=MASK, initial=0.5))(X)
    np.testing.assert_allclose(
        got.numpy(), np.exp(X) * MASK / (np.exp(X[MASK]).sum() + np.exp(0.5))
    )
    got = pa.func.grad(lambda x: np.subtract.accumulate(x, axis=1).sum())(X).numpy()
    np.testing.assert_array_equal(got, [[3, -2, -1]] * 2)


def test_ufunc_at_has_a_derivative_and_maps():
    def f(x, v):
        y = x * 1.0
        np.add.at(y, [0, 0, 2], v)
        return pa.sum(y * y)

    x, v = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    along_x, along_v = pa.func.grad(f, argnums=(0, 1))(x, v)
    assert (along_x.tolist(), along_v.tolist()) == ([20.0, 4.0, 18.0], [20.0, 20.0, 18.0])
    mapped = pa.func.vmap(pa.func.grad(f))(np.stack([x, x]), np.stack([v, v]))
    assert mapped.tolist() == [[20.0, 4.0, 18.0]] * 2
    with pytest.raises(TypeError, match="cannot hold a tensor's graph"):
        np.add.at(np.zeros(3), [0], pa.tensor([1.0]))


def test_what_later_versions_of_numpy_have():
    x = pa.tensor([2.0, 1.0, 2.0])
    if "sorted" in inspect.signature(np.unique).parameters:
        assert np.unique(x, sorted=False).tolist() == [1.0, 2.0]
    assert np.linalg.norm(pa.zeros((2, 0)), np.inf, axis=1).tolist() == [0.0, 0.0]
    assert np.pad(x, {0: (1, 0)}, "edge").tolist() == [2.0, 2.0, 1.0, 2.0]
    assert pa.pad(pa.ones((1, 1)), {-1: 1}).tolist() == [[0.0, 1.0, 0.0]]
