"""Norms of numbers whose squares over- or underflow, and their derivatives."""

import math

import numpy as np
import pytest
from support.modes import in_all_modes

import pyautograd as pa

LARGEST = {"float32": np.float32(2.0**127), "float64": np.float64(2.0**1023)}
# Powers of two, so that scaling by them is exact; the last are subnormal.
SCALES = {
    "float32": [2.0**110, 2.0**64, 2.0**-50, 2.0**-63, 2.0**-75, 2.0**-110],
    "float64": [2.0**1000, 2.0**512, 2.0**-450, 2.0**-511, 2.0**-540, 2.0**-1000],
}
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])


def whole_numbers(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 10, shape).astype(dtype)
    return x + 1j * rng.integers(-9, 10, shape).astype(x.real.dtype) if dtype[0] == "c" else x


@dtypes
@pytest.mark.parametrize("shape, axis", [((3,), None), ((70000,), 0), ((5, 400, 3), (0, 1))])
def test_squares_out_of_range(dtype, shape, axis):
    x = whole_numbers(dtype, shape)
    real = x.real.dtype
    plain = np.sqrt(np.sum(np.abs(x).astype("float64") ** 2, axis=axis))
    for scale in SCALES[real.name]:
        got = pa.linalg.vector_norm(pa.tensor(x * real.type(scale)), axis=axis)
        assert got.dtype == real
        tolerance = 40 * np.finfo(real).eps
        np.testing.assert_allclose(got.numpy().astype("longdouble") / scale, plain, tolerance)


@dtypes
def test_results_of_every_size_side_by_side(dtype):
    real = whole_numbers(dtype, ()).real.dtype
    scales = np.array([0.0, *SCALES[real.name], 1.0], real)
    x = whole_numbers(dtype, (40, 1), 3) * scales
    for given, axis in ((x, 0), (x.T, 1), (np.asfortranarray(x), 0)):
        got = pa.linalg.vector_norm(pa.tensor(given), axis=axis).numpy()
        wanted = [
            math.hypot(*np.concatenate([column.real, column.imag]).astype(float)) for column in x.T
        ]
        np.testing.assert_allclose(got, np.array(wanted), 40 * np.finfo(real).eps)


def test_what_no_scale_can_mend():
    big = LARGEST["float64"]
    assert pa.linalg.norm(pa.tensor([big, big])).item() == math.sqrt(2) * big
    assert pa.linalg.norm(pa.tensor([big, big, big, big])).item() == math.inf
    assert pa.linalg.norm(pa.tensor([1.0, -math.inf])).item() == math.inf
    assert math.isnan(pa.linalg.norm(pa.tensor([math.inf, math.nan])).item())
    assert pa.linalg.norm(pa.tensor([5e-324])).item() == 5e-324
    assert pa.linalg.norm(pa.zeros(3)).item() == 0.0
    assert pa.linalg.norm(pa.zeros((2, 0)), axis=1).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600])
def test_derivatives_where_squares_are_out_of_range(scale):
    x, along, beside = np.random.default_rng(1).normal(size=(3, 4))
    for norm in (pa.linalg.norm, lambda x: pa.linalg.matrix_norm(pa.reshape(x, (2, 2)))):
        first = in_all_modes(norm, x, along)[0]
        np.testing.assert_allclose(in_all_modes(norm, scale * x, along), first, rtol=1e-13)
        second = in_all_modes(norm, x, along, beside)[0]
        values = in_all_modes(norm, scale * x, along, beside)
        np.testing.assert_allclose(np.array(values) * scale, second, rtol=1e-12)
