"""``ufunc.at`` on tensors, with indices that repeat."""

import numpy as np
import pytest

import pyautograd as pa

rng = np.random.default_rng(0)
UFUNCS = [np.multiply, np.divide, np.maximum, np.minimum, np.fmax, np.logaddexp, np.hypot, np.power]
KINDS = {np.power: ["float64"], np.logaddexp: ["float64"], np.hypot: ["float32"]}


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape, index", [((4,), [0, 3, 0, 0]), ((2, 3), ([0, 0, 1], [1, 1, 2]))])
def test_values_are_numpys(ufunc, shape, index):
    for dtype in KINDS.get(ufunc, ["float32", "float64"]):
        want = rng.uniform(1, 2, shape).astype(dtype)
        got, amounts = pa.tensor(want), rng.uniform(1, 2, want[index].shape).astype(dtype)
        ufunc.at(want, index, amounts)
        ufunc.at(got, index, amounts)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "float64"])
def test_extremes_of_every_kind(ufunc, dtype):
    want = np.array([1, 0, 100, 7], "int64").astype(dtype)
    got, index = pa.tensor(want), [2, 2, 0, 1, 1]
    amounts = np.array([127, 3, 0, 0, 90], "int64").astype(dtype)
    ufunc.at(want, index, amounts)
    ufunc.at(got, index, amounts)
    assert got.tolist() == want.tolist()


def test_extremes_that_are_not_finite():
    got = pa.full(3, -np.inf)
    np.maximum.at(got, [0, 0, 1, 1], [np.nan, 1.0, np.inf, np.inf])
    assert np.isnan(got[0].item()) and got[1:].tolist() == [np.inf, -np.inf]
    got = pa.full(2, np.inf)
    np.minimum.at(got, [0, 0], [1.0, np.nan])
    assert np.isnan(got[0].item()) and got[1].item() == np.inf


def test_ufuncs_of_one_operand():
    got = pa.tensor([1.0, 2.0, 3.0])
    np.negative.at(got, [0, 0, 1])
    assert got.tolist() == [1.0, -2.0, 3.0]


def segments(ufunc, start):
    def f(x, index):
        y = pa.full((3,), start)
        ufunc.at(y, index, x)
        return y

    return f


def test_extremes_have_derivatives_shared_by_equal_ones():
    f, index = segments(np.maximum, -np.inf), np.array([0, 0, 0, 2])
    x = pa.tensor([1.0, 1.0, 0.5, 3.0])
    want = [[0.5, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    for jacobian in (pa.func.jacrev, pa.func.jacfwd):
        assert jacobian(f)(x, index).tolist() == want

    def square(x):
        return pa.sum(f(x, index)[::2] ** 2)

    assert (
        pa.hessian(square, pa.tensor([1.0, 2.0, 0.5, 3.0])).tolist()
        == np.diag([0, 2, 0, 2]).tolist()
    )


def test_products_have_derivatives_where_factors_are_zero():
    def f(x):
        return pa.sum(segments(np.multiply, 1.0)(x, np.array([0, 0, 1])))

    assert pa.func.grad(f)(pa.tensor([0.0, 2.0, 3.0])).tolist() == [2.0, 0.0, 1.0]
    assert pa.hessian(f, pa.tensor([0.0, 0.0, 3.0])).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("ufunc, start", [(np.add, 0.0), (np.maximum, -1.0), (np.minimum, 9.0)])
def test_indices_may_be_mapped(ufunc, start):
    x, index = rng.uniform(0, 1, (4, 5)), rng.integers(0, 3, (4, 5))
    f = segments(ufunc, start)
    want = np.full((4, 3), start)
    for row in range(4):
        ufunc.at(want[row], index[row], x[row])
    np.testing.assert_allclose(pa.func.vmap(f)(x, index).numpy(), want)
    slope = pa.func.grad(lambda x, index: pa.sum(f(x, index) ** 2))
    mapped = pa.func.vmap(slope)(x, index)
    for row in range(4):
        np.testing.assert_array_equal(mapped[row].numpy(), slope(x[row], index[row]).numpy())


def test_what_is_done_must_not_depend_on_what_vmap_maps():
    f = segments(np.multiply, 1.0)
    assert pa.func.vmap(f, in_axes=(0, None))(np.ones((2, 2)), np.array([0, 0])).shape == (2, 3)
    with pytest.raises(RuntimeError, match=r"np\.multiply\.at: under vmap the indices"):
        pa.func.vmap(f)(np.ones((2, 2)), np.array([[0, 0], [0, 1]]))


def test_captured():
    f = segments(np.maximum, -np.inf)
    slope = pa.captured(pa.func.grad(lambda x: pa.sum(f(x, [0, 0, 2])[::2] ** 2)))
    assert slope(pa.tensor([1.0, 2.0, 3.0])).tolist() == [0.0, 4.0, 6.0]
    assert slope(pa.tensor([5.0, 2.0, 3.0])).tolist() == [10.0, 0.0, 6.0]
