"""Systems with matrices of which only some diagonals are kept."""

import numpy as np
import pytest
import scipy.linalg as sl
from support.modes import in_all_modes

import pyautograd as pa

rng = np.random.default_rng(0)
BANDS = [(0, 0), (1, 1), (2, 1), (0, 2), (3, 0), (4, 4)]


def diagonals(rows, n, dtype=float):
    x = rng.standard_normal((rows, n))
    return x + 1j * rng.standard_normal((rows, n)) if dtype is complex else x


def dense(ab, lower, upper):
    """The matrix, of which every element outside has been left out."""
    i, j = np.indices((ab.shape[1], ab.shape[1]))
    row = upper + i - j
    kept = (row >= 0) & (row <= lower + upper)
    return pa.where(kept, pa.asarray(ab)[np.clip(row, 0, lower + upper), j], 0.0)


def definite(n, side, lower, dtype):
    ab = diagonals(side + 1, n, dtype) / 4
    ab[0 if lower else side] += 2 * side + 2
    return ab


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("band", BANDS)
def test_values_with_exchanges_of_rows(band, dtype):
    ab = diagonals(sum(band) + 1, 5, dtype)
    ab[band[1]] *= 1e-3 if all(band) else 3
    for b in (diagonals(5, 2), diagonals(5, 1)[:, 0]):
        expected = sl.solve(dense(ab, *band).numpy(), b)
        got = pa.linalg.solve_banded(band, ab, b).numpy()
        np.testing.assert_allclose(got, expected, atol=1e-12 * abs(expected).max())


@pytest.mark.parametrize("dtype", [np.float32, float, complex])
@pytest.mark.parametrize("band", BANDS)
def test_columns_side_by_side_have_the_bits_of_single_ones(band, dtype):
    ab, b = (diagonals(rows, n, dtype).astype(dtype) for rows, n in ((sum(band) + 1, 6), (6, 19)))
    for shift in (0, 20):
        ab[band[1]] += shift  # exchanges of rows, and none
        solved, transposed = pa.func.vjp(lambda b: pa.linalg.solve_banded(band, ab, b), b)
        for j in range(19):
            one, back = pa.func.vjp(lambda b: pa.linalg.solve_banded(band, ab, b), b[:, j])
            np.testing.assert_array_equal(solved.numpy()[:, j], one.numpy())
            got = transposed(pa.asarray(b))[0].numpy()[:, j]
            np.testing.assert_array_equal(got, back(pa.asarray(b[:, j]))[0].numpy())


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("band", BANDS)
def test_derivatives_beside_differences(band, dtype):
    at = diagonals(sum(band) + 1, 5, dtype), diagonals(5, 2, dtype)
    at[0][band[1]] += 4

    def solve(ab, b):
        return pa.linalg.solve_banded(band, ab, b)

    pa.testing.gradcheck(solve, at)
    pa.testing.gradgradcheck(solve, at)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("side", [0, 1, 3])
def test_definite_matrices(side, lower, dtype):
    at = definite(5, side, lower, dtype), diagonals(5, 2, dtype)

    def solve(ab, b):
        return pa.linalg.solveh_banded(ab, b, lower=lower)

    np.testing.assert_allclose(solve(*at).numpy(), sl.solveh_banded(*at, lower=lower), rtol=1e-12)
    pa.testing.gradcheck(solve, at)
    pa.testing.gradgradcheck(solve, at)


def test_third_derivatives_in_all_modes_are_those_of_the_dense_matrix():
    ab, b, dab, db = diagonals(4, 5), diagonals(5, 1), diagonals(4, 5) / 3, diagonals(5, 1)
    ab[1] += 5

    def moved(solve):
        return lambda t: pa.sum(solve(ab + t[0] * dab + t[0] * t[1] * ab / 9, b + t[1] * db) ** 2)

    at, first, second = np.array([0.1, -0.2]), np.array([1.0, 0.5]), np.array([-0.3, 1.0])
    for directions in ([first], [first, second], [first, first, first]):
        exact = in_all_modes(
            moved(lambda ab, b: pa.linalg.solve(dense(ab, 2, 1), b)), at, *directions
        )
        got = in_all_modes(
            moved(lambda ab, b: pa.linalg.solve_banded((2, 1), ab, b)), at, *directions
        )
        np.testing.assert_allclose(got, exact[0], rtol=1e-11)


@pytest.mark.parametrize("lower", [False, True])
def test_what_lies_outside_the_matrix_is_not_read(lower):
    ab, b = definite(4, 2, lower, float), diagonals(4, 1)[:, 0]
    spoilt = ab.copy()
    for d in (1, 2):
        spoilt[d if lower else 2 - d, slice(-d, None) if lower else slice(d)] = np.nan

    def value(ab):
        return pa.sum(pa.linalg.solveh_banded(ab, b, lower=lower) ** 2)

    assert value(spoilt).item() == value(ab).item()
    gradient = pa.func.grad(value)(spoilt).numpy()
    np.testing.assert_array_equal(gradient, pa.func.grad(value)(ab).numpy())
    assert (gradient[np.isnan(spoilt)] == 0).all()
    general = np.array([[np.nan, 1.0], [3.0, 4.0], [1.0, np.nan]])
    whole = pa.func.grad(lambda ab: pa.sum(pa.linalg.solve_banded((1, 1), ab, b[:2])))(general)
    assert whole[0, 0].item() == whole[2, 1].item() == 0


def test_batches_broadcast_and_map():
    ab, b = diagonals(3, 18).reshape(3, 6, 3).transpose(1, 0, 2), diagonals(2, 3)
    ab[:, 1] += 5
    one = np.stack([[sl.solve_banded((1, 1), a, row) for row in b] for a in ab])
    sides = np.broadcast_to(b[:, :, None], (2, 3, 1))
    got = pa.linalg.solve_banded((1, 1), ab[:, None], sides)
    np.testing.assert_allclose(got.numpy()[..., 0], one, rtol=1e-12)

    def solve(a, row):
        return pa.linalg.solve_banded((1, 1), a, row)

    by_rows = pa.func.vmap(pa.func.vmap(solve, in_axes=(None, 0)), in_axes=(0, None))
    np.testing.assert_allclose(by_rows(ab, b).numpy(), one, rtol=1e-12)


def test_time_and_memory_do_not_grow_with_the_square():
    """A dense matrix would have 80 GB. The solution of -x'' = 2 is a parabola."""
    n = 100_001
    h = 1 / (n + 1)
    ab = np.repeat([[-1.0], [2.0], [-1.0]], n, axis=1)
    x = pa.linalg.solve_banded((1, 1), ab, np.full(n, 2 * h * h))
    place = h * np.arange(1, n + 1)
    np.testing.assert_allclose(x.numpy(), place * (1 - place), rtol=1e-6)
    gradient = pa.func.grad(lambda b: pa.linalg.solveh_banded(ab[:2], b)[n // 2])(np.ones(n))
    assert gradient[n // 2].item() == pytest.approx((n + 1) / 4, rel=1e-6, abs=0)


def test_wrong_use():
    ab, b = np.ones((3, 4)), np.ones(4)
    with pytest.raises(ValueError, match=r"\[linalg.solve_banded\] 1 lower and 2 upper diagonals"):
        pa.linalg.solve_banded((1, 2), ab, b)
    with pytest.raises(ValueError, match=r"-1 lower and 3 upper"):
        pa.linalg.solve_banded((-1, 3), ab, b)
    with pytest.raises(ValueError, match=r"b must have as many rows as ab has columns"):
        pa.linalg.solve_banded((1, 1), ab, np.ones(3))
    with pytest.raises(np.linalg.LinAlgError, match=r"\[linalg.solve_banded\] .*singular"):
        pa.linalg.solve_banded((1, 1), np.zeros((3, 4)), b)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[linalg.solveh_banded\] .*not positive"):
        pa.linalg.solveh_banded(-ab, b)
    with pytest.raises(ValueError, match="ab has no diagonals"):
        pa.linalg.solveh_banded(np.ones((0, 4)), b)
