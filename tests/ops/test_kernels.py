"""Kernels that choose among several ways, at the sizes and numbers where the choice changes."""

import itertools

import numpy as np
import pytest

import pyautograd as pa

SIZES = (1, 7, 8, 31, 33, 255, 257, 1000)
FLOATS = (np.float32, np.float64)


def numbers(seed, shape, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_remainders_of_every_size_and_sign(dtype):
    x, y = numbers(0, (2000,), dtype) * 100, numbers(1, (2000,), dtype)
    x[:500] = np.round(x[:500])
    y[250:500] = np.round(y[250:500]) + 3
    x[500:700] *= 1e30
    x[700:710], y[710:720], y[720:730] = np.inf, np.inf, 0
    x[730:735], x[735:740], y[740:750] = 0.0, -0.0, np.nan
    with np.errstate(all="ignore"):
        for left, right in ((x, y), (x[:600], y[7]), (x[3], y), (x[::3], y[::3])):
            for name in ("remainder", "fmod", "floor_divide"):
                expected = getattr(np, name)(left, right)
                got = np.asarray(getattr(pa, name)(pa.tensor(left), pa.tensor(right)))
                np.testing.assert_array_equal(got, expected)
                known = ~np.isnan(expected)
                np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(expected)[known])


@pytest.mark.parametrize("dtype", FLOATS)
def test_remainders_next_to_whole_quotients(dtype):
    divisor = np.abs(numbers(2, (500,), dtype)) + dtype(0.1)
    whole = (divisor * np.arange(1, 501).astype(dtype)).astype(dtype)
    for x in (whole, np.nextafter(whole, dtype(0)), -np.nextafter(whole, dtype(np.inf))):
        for name in ("remainder", "fmod", "floor_divide"):
            got = np.asarray(getattr(pa, name)(pa.tensor(x), pa.tensor(divisor)))
            np.testing.assert_array_equal(got, getattr(np, name)(x, divisor))


def quotients(x, y):
    """Rounded down, and what is left of it and of one rounded toward zero; 0 by 0."""
    divisor = np.where(y == 0, 1, y).astype(object)
    x, sign = x.astype(object), np.where((x < 0) != (y < 0), -1, 1).astype(object)
    down, toward = x // divisor, sign * (abs(x) // abs(divisor))
    return down * (y != 0), x - down * divisor, x - toward * divisor


@pytest.mark.parametrize("dtype", "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split())
def test_integer_quotients_of_every_size(dtype):
    """Up to 2**50 they are those of floating-point numbers, beyond it is divided one by one."""
    info, rng = np.iinfo(dtype), np.random.default_rng(0)
    edges = [0, 1, 2, 3, 7, 2**24, 2**50 - 1, 2**50, 2**50 + 1, 2**53 + 1, info.max - 1, info.max]
    edges += [info.max // 2, info.max // 2 + 1, info.min + 1, info.min // 2, info.min]
    edges = np.array(
        [s * e for e in edges for s in (1, -1) if info.min <= s * e <= info.max], dtype
    )
    shifts = rng.integers(0, info.bits, (2, 4000))
    drawn = rng.integers(info.min, info.max, (2, 4000), dtype, endpoint=True)
    y = np.concatenate([np.tile(edges, len(edges)), drawn[1] >> shifts[1].astype(dtype)])
    x = np.concatenate([np.repeat(edges, len(edges)), drawn[0] >> shifts[0].astype(dtype)])
    # Next to multiples of the divisor, where a quotient that is off by a rounding would show
    x[-2000:] = (x[-2000:] >> dtype_half(info)) * y[-2000:] + rng.integers(-1, 2, 2000).astype(
        dtype
    )
    cases = [(x, y), *((x, e) for e in edges), *((e, y) for e in edges)]
    for left, right in cases:
        pair = [pa.tensor(np.asarray(v, dtype)) for v in (left, right)]
        expected = quotients(*np.broadcast_arrays(left, right))
        for op, wanted in zip((pa.floor_divide, pa.remainder, pa.fmod), expected, strict=True):
            wrapped = np.array([int(v) & (2**info.bits - 1) for v in wanted], np.uint64)
            got = op(*pair).numpy()
            assert got.dtype == dtype
            np.testing.assert_array_equal(
                got.astype(np.uint64), wrapped.astype(dtype).astype(np.uint64)
            )


def dtype_half(info):
    return np.asarray(info.bits // 2, info.dtype)


def test_integer_quotients_in_place():
    for dtype in ("int32", "int64"):
        for top in (1000, 2**30):
            x = np.random.default_rng(0).integers(-top, top, 1000).astype(dtype)
            x[700:] *= np.asarray(top, dtype)
            t = pa.tensor(x.copy())
            t //= 7
            np.testing.assert_array_equal(t.numpy(), x // 7)
            t = pa.tensor(x.copy())
            t %= t
            assert not t.numpy().any()


@pytest.mark.parametrize(
    "dtype", ["int8", "uint16", "int32", "int64", "uint64", "float32", "float64"]
)
def test_places_of_extrema(dtype):
    """The first of equals, or the first nan; along rows of every length and across them."""
    rng = np.random.default_rng(0)
    for n in [*range(1, 70), 127, 128, 129, 300, 1027]:
        for top in (2, 100):
            x = rng.integers(0, top, (11, n)).astype(dtype)
            for _ in range(2):
                for name in ("argmax", "argmin"):
                    ours, theirs = getattr(pa, name), getattr(np, name)
                    expected = theirs(x, 1)
                    np.testing.assert_array_equal(ours(pa.tensor(x), axis=1).numpy(), expected)
                    np.testing.assert_array_equal(ours(pa.tensor(x.T), axis=0).numpy(), expected)
                    turned = np.ascontiguousarray(x.T)
                    np.testing.assert_array_equal(ours(pa.tensor(turned), axis=0).numpy(), expected)
                    np.testing.assert_array_equal(
                        ours(pa.tensor(turned), axis=1).numpy(), theirs(turned, 1)
                    )
                if not dtype.startswith("float"):
                    break
                x[rng.integers(0, 11, 6), rng.integers(0, n, 6)] = np.nan
    x = rng.normal(size=(3, 40, 600)).astype(dtype)
    for axis in (0, 1, 2):
        np.testing.assert_array_equal(
            pa.argmax(pa.tensor(x), axis=axis).numpy(), np.argmax(x, axis)
        )


def test_a_remainder_in_place():
    x = pa.tensor([5.5, np.inf, -7.0, 1e300])
    x %= 2.0
    np.testing.assert_array_equal(np.asarray(x), [1.5, np.nan, 1.0, 0.0])


@pytest.mark.parametrize("dtype", FLOATS)
def test_cubes(dtype):
    x = np.concatenate([numbers(3, (300,), dtype), [0, -0.0, np.inf, -np.inf, np.nan, 1e-9]])
    x = x.astype(dtype)
    got = np.asarray(pa.tensor(x) ** 3)
    np.testing.assert_allclose(got, x.astype(np.float64) ** 3, 4 * np.finfo(dtype).eps)
    assert np.signbit(got[301]) and got.dtype == dtype


@pytest.mark.parametrize("exponent", [2, 3, 0.5, 1.7])
@pytest.mark.parametrize("dtype", FLOATS)
def test_powers_have_the_same_bits_however_the_exponent_lies(dtype, exponent):
    x = np.abs(numbers(4, (300,), dtype))
    base, full = pa.tensor(x), pa.tensor(np.full(300, exponent, dtype))
    want = np.asarray(base**exponent)
    one_by_one = pa.concat([base[i : i + 1] ** full[i : i + 1] for i in range(300)])
    spread = pa.broadcast_to(full[:1], (300,))
    for got in (base**full, base**spread, one_by_one, pa.func.vmap(pa.pow)(base, full)):
        np.testing.assert_array_equal(np.asarray(got), want)
    former = pa._core.set_least_deferred(1)
    with pa.fused():
        got = pa.concat([(base[i : i + 1] * 1) ** exponent for i in range(300)])
    pa._core.set_least_deferred(former)
    np.testing.assert_array_equal(np.asarray(got), want)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"])
def test_scans_along_either_axis(name, size):
    x = numbers(size, (size, 9))
    x[size // 2, 4] = np.nan
    plain = {
        "cumsum": np.cumsum,
        "cumprod": np.cumprod,
        "cummax": np.maximum.accumulate,
        "cummin": np.minimum.accumulate,
        "logcumsumexp": np.logaddexp.accumulate,
    }[name]
    scan = getattr(pa, name)
    for given in (x, np.asfortranarray(x), x[::-1], x[:, ::2], np.stack([x, x])[1]):
        for axis in (0, 1):
            got = np.asarray(scan(pa.tensor(given), axis))
            np.testing.assert_allclose(got, plain(given, axis=axis), 1e-12, 1e-12)


@pytest.mark.parametrize("shape", [(600,), (600, 9), (9, 600)])
def test_the_first_of_equal_zeros_is_the_extremum(shape):
    x = np.where(numbers(8, shape) > 0, 0.0, -0.0)
    for axis in range(len(shape)):
        first = np.signbit(np.take(x, [0], axis))
        for scan in (pa.cummax, pa.cummin):
            got = np.signbit(np.asarray(scan(pa.tensor(x), axis)))
            np.testing.assert_array_equal(got, np.broadcast_to(first, shape))


def test_reverse_scans_are_the_derivatives_of_scans():
    x = pa.tensor(numbers(4, (40, 30)), requires_grad=True)
    weights = numbers(5, (40, 30))
    (gradient,) = pa.grad(pa.cumsum(x, 0), x, pa.tensor(weights))
    np.testing.assert_allclose(
        np.asarray(gradient), np.cumsum(weights[::-1], 0)[::-1], 1e-12, 1e-12
    )


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.float32, np.float64, np.complex128])
def test_choices_with_scalars_on_either_side(dtype):
    condition = numbers(6, (300,)) > 0
    x, y = (np.arange(300) % 100).astype(dtype), (np.arange(300) % 90 + 3).astype(dtype)
    for left, right in ((x, y), (x, y[5]), (x[5], y), (x[5], y[6])):
        got = np.asarray(pa.where(pa.tensor(condition), pa.tensor(left), pa.tensor(right)))
        np.testing.assert_array_equal(got, np.where(condition, left, right))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [*FLOATS, np.complex64, np.complex128])
def test_sums_of_squares(dtype, size):
    x = numbers(size, (size, 12), dtype)
    if np.iscomplexobj(x):
        x += 1j * numbers(7, (size, 12)).astype(x.real.dtype)
    tolerance = 40 * np.finfo(dtype).eps
    for given in (x, x.T, x[:, ::3]):
        for axis in (None, 0, 1):
            for ours, numpys in ((pa.linalg.vector_norm, np.linalg.norm), (pa.var, np.var)):
                if numpys is np.linalg.norm and axis is None:
                    expected = np.linalg.norm(given.ravel())
                else:
                    expected = numpys(given, axis=axis)
                got = np.asarray(ours(pa.tensor(given), axis=axis))
                np.testing.assert_allclose(got, expected, tolerance, tolerance)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64, np.complex128])
def test_copies_of_short_rows(dtype, count):
    x = (np.arange(700) % 120).astype(dtype)
    np.testing.assert_array_equal(np.asarray(pa.repeat(pa.tensor(x), count)), np.repeat(x, count))
    narrow = (np.arange(700 * 11) % 120).astype(dtype).reshape(700, 11)[::-1, :count]
    np.testing.assert_array_equal(np.asarray(pa.copy(pa.tensor(narrow))), narrow)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.uint64])
def test_membership_of_integers_near_and_far(dtype):
    limits = np.iinfo(dtype)
    near = np.array([3, 5, 9, 120], dtype)
    far = np.array([limits.min, 7, limits.max], dtype)
    asked = np.concatenate([np.arange(128).astype(dtype), far]).reshape(-1, 1)
    for among in (near, far, near[:1], far[:1]):
        for invert in (False, True):
            got = np.asarray(pa.isin(pa.tensor(asked), pa.tensor(among), invert=invert))
            np.testing.assert_array_equal(got, np.isin(asked, among, invert=invert))


def test_trapezoids_of_few_and_of_infinite_samples():
    for samples in ([], [3.0], [3.0, 4.0], [3.0, 4.0, 6.0], [np.inf, 1.0, 2.0], [1.0, np.nan, 2.0]):
        expected = np.trapezoid(samples, dx=0.5) if samples else 0.0
        got = pa.trapezoid(pa.tensor(np.array(samples)), dx=0.5)
        np.testing.assert_array_equal(np.asarray(got), expected)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [5, 24, 117, 118, 512])
def test_outer_products_have_the_bits_of_sums_from_zero(dtype, size):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(size, 1)).astype(dtype), rng.normal(size=(1, size)).astype(dtype)
    x[1], y[0, 2], y[0, 3] = -0.0, np.inf, 0.0
    found = (pa.asarray(x) @ pa.asarray(y)).numpy()
    with np.errstate(invalid="ignore"):
        wanted = x * y + dtype(0)
    assert np.array_equal(found, wanted, equal_nan=True)
    assert np.array_equal(np.signbit(found[wanted == 0]), np.signbit(wanted[wanted == 0]))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [1, 3, 8, 9])
def test_batches_of_tiny_products_have_the_bits_of_larger_ones(dtype, rows):
    rng = np.random.default_rng(0)
    wide = np.zeros((50, 6, 16))
    for depth, columns in itertools.product(range(1, 6), range(1, 6)):
        a = pa.asarray(rng.normal(size=(50, depth, rows)).astype(dtype)).mT
        b = rng.normal(size=(50, depth, columns))
        wide[:, :depth, :columns] = b
        found = a @ pa.asarray(b.astype(dtype))
        if (rows, columns) != (1, 1):
            larger = a @ pa.asarray(wide[:, :depth].astype(dtype))
            assert np.array_equal(found.numpy(), larger[..., :columns].numpy())
        assert np.allclose(found.numpy(), a.numpy().astype(float) @ b, rtol=1e-5, atol=1e-5)
