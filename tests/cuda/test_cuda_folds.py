"""Reductions, softmax and scans on CUDA devices, at sizes that cut their work differently."""

import numpy as np
import pytest

import pyautograd as pa

# In packs and one by one, whole and in slices, by groups of threads and by threads; and empty.
SIZES = [
    ((), ()),
    ((7,), 0),
    ((1023,), 0),
    ((70001,), 0),
    ((4, 40000), 1),
    ((3, 40001), 1),
    ((70, 1000), 1),
    ((2, 8192), 1),
    ((2100, 33), 0),
    ((40, 33), 0),
    ((35000, 2), 0),
    ((5, 3000, 7), 1),
    ((2, 3, 4), (0, 2)),
    ((40, 50, 60), (0, 2)),
    ((0, 3), 0),
    ((3, 0), 0),
]
LAYOUTS = {
    "dense": lambda x: x,
    "flipped": lambda x: x[(slice(None, None, -1),) * x.ndim],
    "columns": lambda x: x[..., 1:] if x.ndim else x,
    "transposed": lambda x: x.swapaxes(0, -1) if x.ndim else x,
}


def whole_numbers(shape, dtype):
    """Of which every sum is exact."""
    rng = np.random.default_rng(7)
    x = rng.integers(-3, 4, shape).astype(dtype)
    return x + 1j * rng.integers(-3, 4, shape) if x.dtype.kind == "c" else x


def both(shape, dtype, layout, device):
    """The same numbers here and on the device."""
    x = whole_numbers(shape, dtype).astype(dtype)
    return LAYOUTS[layout](x), LAYOUTS[layout](pa.tensor(x, device=device))


def here(x):
    return x.to("cpu").numpy()


sizes = pytest.mark.parametrize(("shape", "axis"), SIZES, ids=str)
layouts = pytest.mark.parametrize("layout", LAYOUTS)


@sizes
@layouts
@pytest.mark.parametrize("dtype", ["float32", "int16", "complex64", "complex128"])
def test_reductions(shape, axis, dtype, layout, device):
    x, there = both(shape, dtype, layout, device)
    np.testing.assert_array_equal(here(pa.sum(there, axis=axis)), np.sum(x, axis=axis))
    np.testing.assert_array_equal(here(pa.any(there == 3, axis=axis)), np.any(x == 3, axis=axis))
    np.testing.assert_array_equal(here(pa.all(there != 3, axis=axis)), np.all(x != 3, axis=axis))
    squares = np.sum(np.abs(x.astype("complex128")) ** 2, axis=axis)
    np.testing.assert_allclose(here(pa.sum(abs(there) ** 2, axis=axis)), squares, rtol=1e-6)
    if x.dtype.kind != "c" and x.size:
        np.testing.assert_array_equal(here(pa.max(there, axis=axis)), np.max(x, axis=axis))
        np.testing.assert_array_equal(here(pa.min(there, axis=axis)), np.min(x, axis=axis))


@sizes
@layouts
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_norms(shape, axis, dtype, layout, device):
    x, there = both(shape, dtype, layout, device)
    wanted = np.sqrt(np.sum(np.abs(x.astype("complex128")) ** 2, axis=axis))
    single = x.real.dtype == "float32"
    close = {"rtol": 1e-6 if single else 1e-14}
    # The squares of the scaled numbers would over- or underflow.
    for scale in (1.0, 2.0 ** (100 if single else 900), 2.0 ** -(100 if single else 900)):
        norms = here(pa.linalg.vector_norm(there * scale, axis=axis))
        np.testing.assert_allclose(norms.astype("float64") / scale, wanted, **close)


along_one = pytest.mark.parametrize(
    ("shape", "axis"), [(s, a) for s, a in SIZES if isinstance(a, int) and s[a] > 0], ids=str
)


@along_one
@layouts
@pytest.mark.parametrize("dtype", ["float64", "int8"])
def test_the_first_of_equals(shape, axis, dtype, layout, device):
    x, there = both(shape, dtype, layout, device)
    if x.shape[axis] > 0:
        np.testing.assert_array_equal(here(pa.argmax(there, axis=axis)), np.argmax(x, axis=axis))
        np.testing.assert_array_equal(here(pa.argmin(there, axis=axis)), np.argmin(x, axis=axis))


@along_one
@layouts
@pytest.mark.parametrize("dtype", ["float32", "int32", "complex128"])
def test_scans(shape, axis, dtype, layout, device):
    x, there = both(shape, dtype, layout, device)
    np.testing.assert_array_equal(here(pa.cumsum(there, axis=axis)), np.cumsum(x, axis=axis))
    back = pa.flip(pa.cumsum(pa.flip(there, axis), axis=axis), axis)
    np.testing.assert_array_equal(here(back), np.flip(np.cumsum(np.flip(x, axis), axis), axis))
    if x.dtype.kind != "c":
        most = np.maximum.accumulate(x, axis=axis)
        np.testing.assert_array_equal(here(pa.cummax(there, axis=axis)), most)


@along_one
@layouts
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exponentials(shape, axis, dtype, layout, device):
    x, there = both(shape, dtype, layout, device)
    if x.shape[axis] == 0:
        return
    top = np.max(x, axis=axis, keepdims=True)
    power = np.exp((x - top).astype("float64"))
    total = np.sum(power, axis=axis, keepdims=True)
    close = {"rtol": 1e-5 if dtype == "float32" else 1e-12}
    np.testing.assert_allclose(here(pa.softmax(there, axis=axis)), power / total, **close)
    logs = x - top - np.log(total)
    # Where the logarithm is near 0, its summands are not.
    near = {"atol": close["rtol"], **close}
    np.testing.assert_allclose(here(pa.log_softmax(there, axis=axis)), logs, **near)
    sums = np.squeeze(top + np.log(total), axis)
    np.testing.assert_allclose(here(pa.logsumexp(there, axis=axis)), sums, **close)


@pytest.mark.parametrize("times", [1, 20000])
@pytest.mark.parametrize(
    "values",
    [[np.inf], [-np.inf], [np.inf, 1.0], [-np.inf, 1.0], [np.nan, 1.0], [1.0, np.nan, np.inf]],
)
def test_exponentials_of_what_is_not_finite(values, times, device):
    x = pa.tensor(values * times)
    for op in (pa.softmax, pa.log_softmax, pa.logsumexp):
        np.testing.assert_array_equal(
            np.isnan(here(op(x.to(device), axis=0))), np.isnan(op(x, axis=0).numpy())
        )
        close = {"rtol": 1e-12, "atol": 1e-300, "equal_nan": True}
        np.testing.assert_allclose(here(op(x.to(device), axis=0)), op(x, axis=0).numpy(), **close)
