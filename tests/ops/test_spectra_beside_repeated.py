"""What belongs to simple values of a spectrum is smooth, whatever repeats beside them."""

import itertools
import math

import numpy as np
import pytest
from support.modes import in_all_modes
from support.spectra import MODES, rotation, symmetric

import pyautograd as pa


def coefficient(f, matrix, directions):
    """The derivative of f along the directions, from values at roots of unity around 0: it is the
    coefficient of x_1 ... x_k in f(matrix + sum of x_j t_j), which is analytic in every x_j."""
    points, radius = 12, 0.02
    roots = radius * np.exp(2j * np.pi * np.arange(points) / points)
    total = 0
    for x in itertools.product(roots, repeat=len(directions)):
        step = sum(z * t for z, t in zip(x, directions, strict=True))
        total = total + f(matrix + step) / np.prod(x)
    return (total / points ** len(directions)).real


def simple_value(a, near):
    """The eigenvalue next to a number, of a matrix that need not be Hermitian."""
    w = np.linalg.eigvals(a)
    return w[np.argmin(abs(w - near))]


def simple_projector(a, near):
    """Onto the eigenvector of that value, along the others."""
    sides = []
    for matrix in (a, a.T):
        w, v = np.linalg.eig(matrix)
        sides.append(v[:, np.argmin(abs(w - near))])
    return np.outer(*sides) / (sides[0] @ sides[1])


SPECTRA = {
    "above three": [2.0, 2.0, 2.0, 5.0],
    "between pairs": [1.0, 1.0, 3.0, 4.5, 4.5],
    "beside zeros": [0.0, 0.0, 1.0, 2.5],
    "beside nearly equal ones": [2.0, 2.0 + 1e-9, 2.0 + 2e-13, 5.0],
}
# The place of a simple value.
SIMPLE = {"above three": 3, "between pairs": 2, "beside zeros": 2, "beside nearly equal ones": 3}
every_spectrum = pytest.mark.parametrize("name", SPECTRA)


def case(name):
    spectrum = SPECTRA[name]
    q = rotation(len(spectrum))
    rng = np.random.default_rng(3)
    directions = rng.normal(size=(3, len(spectrum), len(spectrum)))
    return (q * spectrum) @ q.T, SIMPLE[name], (directions + directions.swapaxes(1, 2)) / 2


def check(f, wanted, a, directions, tolerance=1e-7):
    values = in_all_modes(f, a, *directions)
    np.testing.assert_allclose(values, wanted, rtol=tolerance, atol=tolerance)


@every_spectrum
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("of", ["eigvalsh", "eigh"])
def test_a_simple_eigenvalue(name, order, of):
    a, i, directions = case(name)
    decompose = {
        "eigvalsh": pa.linalg.eigvalsh,
        "eigh": lambda a: pa.linalg.eigh(a).eigenvalues,
    }[of]
    wanted = coefficient(lambda x: simple_value(x, SPECTRA[name][i]), a, directions[:order])
    check(lambda a: decompose(symmetric(a))[i], wanted, a, directions[:order])


@pytest.mark.parametrize("order", [2, 3])
def test_a_function_of_a_simple_eigenvalue(order):
    a, i, directions = case("above three")

    def g(w, exp):
        return exp(w / 3) * w

    wanted = coefficient(lambda x: g(simple_value(x, 5.0), np.exp), a, directions[:order])
    check(lambda a: g(pa.linalg.eigvalsh(symmetric(a))[i], pa.exp), wanted, a, directions[:order])


@every_spectrum
@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_eigenvector_of_a_simple_eigenvalue(name, order):
    """By its projector, which does not depend on the sign."""
    a, i, directions = case(name)
    x, y = np.random.default_rng(4).normal(size=(2, len(a)))

    def f(a):
        v = pa.linalg.eigh(symmetric(a)).eigenvectors[:, i]
        return (v @ x) * (v @ y)

    near = SPECTRA[name][i]
    wanted = coefficient(lambda b: x @ simple_projector(b, near) @ y, a, directions[:order])
    check(f, wanted, a, directions[:order], 1e-6)


def test_a_simple_eigenvalue_of_a_complex_matrix():
    rng = np.random.default_rng(5)
    q = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    a = (q * [1.0, 1.0, 3.0]) @ q.conj().T
    directions = rng.normal(size=(3, 2, 3, 3))

    def hermitian(parts):
        z = pa.complex(parts[0], parts[1])
        return (z + pa.conj(z).T) / 2

    def numbers(parts):
        z = parts[0] + 1j * parts[1]
        return (z + (parts[0] - 1j * parts[1]).T) / 2

    parts = np.stack([a.real, a.imag])
    for order in (2, 3):
        along = directions[:order]
        wanted = coefficient(lambda b: simple_value(numbers(b), 3.0), parts, along)
        check(lambda b: pa.linalg.eigvalsh(hermitian(b))[2], wanted, parts, along)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 5)])
@pytest.mark.parametrize("order", [2, 3])
def test_a_simple_singular_value(shape, order):
    rng = np.random.default_rng(6)
    u, _, vh = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    a = (u * [4.0, 1.5, 1.5]) @ vh
    directions = rng.normal(size=(order, *shape))
    wanted = coefficient(lambda b: simple_value(b @ b.T, 16.0) ** 0.5, a, directions)
    check(lambda a: pa.linalg.svdvals(a)[0], wanted, a, directions)
    check(lambda a: pa.linalg.norm(a, 2), wanted, a, directions)


def test_a_simple_singular_value_beside_zeros():
    rng = np.random.default_rng(7)
    u, _, vh = np.linalg.svd(rng.normal(size=(4, 3)), full_matrices=False)
    a = (u * [4.0, 0.0, 0.0]) @ vh
    directions = rng.normal(size=(3, 4, 3))
    wanted = coefficient(lambda b: simple_value(b @ b.T, 16.0) ** 0.5, a, directions)
    check(lambda a: pa.linalg.svdvals(a)[0], wanted, a, directions)


@pytest.mark.parametrize("mode", MODES)
def test_batches(mode):
    a, i, _ = case("above three")
    other = (rotation(4) * [1.0, 2.0, 3.0, 5.0]) @ rotation(4).T
    f = lambda a: pa.linalg.eigvalsh(symmetric(a))[i] ** 2  # noqa: E731
    third = pa.func.jacfwd(lambda a: pa.hessian(f, a, mode=mode))
    mapped = pa.func.vmap(third)(pa.asarray(np.stack([a, other]))).numpy()
    for one, got in zip((a, other), mapped, strict=True):
        np.testing.assert_allclose(got, third(pa.asarray(one)).numpy(), rtol=1e-9, atol=1e-9)


def test_single_precision():
    a, i, directions = case("above three")
    along = [pa.asarray(t.astype(np.float32)) for t in directions]
    f = lambda a: pa.linalg.eigvalsh(symmetric(a))[i]  # noqa: E731
    for t in along:
        f = lambda a, f=f, t=t: pa.func.jvp(f, (a,), (t,))[1]  # noqa: E731
    got = f(pa.asarray(a.astype(np.float32)))
    wanted = coefficient(lambda x: simple_value(x, 5.0), a, directions)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got.item(), wanted, rtol=1e-4)


def test_what_repeats_has_no_derivative_but_a_masked_one_costs_nothing():
    a, _, directions = case("above three")
    pick = np.arange(4) == 3

    def f(a):
        v = pa.linalg.eigh(symmetric(a)).eigenvectors
        return pa.sum(pa.where(pick, v, 0.0) ** 2 * np.arange(4.0)[:, None])

    assert np.isfinite(in_all_modes(f, a, *directions[:2])).all()

    def g(a):
        return pa.linalg.eigh(symmetric(a)).eigenvectors[0, 0] ** 2

    assert np.isnan(in_all_modes(g, a, *directions[:1])).all()
    assert np.isnan(in_all_modes(g, a, *directions[:2])).all()


def test_derivatives_of_the_fourth_order():
    """Of the largest eigenvalue of diag(0, 0, 1) + t x, where x couples it to both others: the root
    of a quadratic equation."""
    x = np.array([[0.0, 0.0, 0.6], [0.0, 0.0, 0.8], [0.6, 0.8, 0.0]])
    f = lambda a: pa.linalg.eigvalsh(symmetric(a))[2]  # noqa: E731
    # (1 + sqrt(1 + 4 t**2)) / 2 = 1 + t**2 - t**4 + ...
    values = in_all_modes(f, np.diag([0.0, 0.0, 1.0]), *[x] * 4)
    np.testing.assert_allclose(values, -math.factorial(4), rtol=1e-12)


TELL_APART = {
    "square of a gap": lambda w: (w[0] - w[1]) ** 2,
    "cosine of a gap": lambda w: pa.cos(w[1] - w[0]),
    "differences": lambda w: pa.sum(pa.diff(w) ** 2),
    "all pairs": lambda w: pa.sum((w[:, None] - w[None, :]) ** 2),
    "function first": lambda w: ((w**3)[0] - (w**3)[1]) ** 2,
    "slice of a slice": lambda w: pa.sum((w[::-1][1:] - 2.0) ** 2),
    "one of them": lambda w: (w[0] - 2.0) ** 2,
}
MIXING = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize("name", TELL_APART)
@pytest.mark.parametrize("of", ["eigvalsh", "eigh", "svdvals"])
def test_what_tells_equal_values_apart_has_no_second_derivative(name, of):
    """The slope is exactly zero there, which must not stop what is not known."""

    def values(a):
        if of == "svdvals":
            return pa.linalg.svdvals(a)[::-1]
        return pa.linalg.eigvalsh(a) if of == "eigvalsh" else pa.linalg.eigh(a)[0]

    f = lambda a: TELL_APART[name](values(symmetric(a)))  # noqa: E731
    a = np.diag([2.0, 2.0, 5.0])
    gap = {"differences": 3.0, "all pairs": 3.0}.get(name, 0.0)
    assert np.isfinite(in_all_modes(f, a, np.diag([0.0, 0.0, 1.0]))).all()
    if not gap:
        np.testing.assert_array_equal(in_all_modes(f, a, MIXING), 0.0)
    for second in (MIXING, MIXING + np.eye(3)):
        assert np.isnan(in_all_modes(f, a, MIXING, second)).all()
    mapped = pa.func.vmap(pa.func.hessian(f))(pa.asarray(np.stack([a, np.diag([1.0, 2.0, 5.0])])))
    assert np.isnan(mapped[0].numpy()).any() and np.isfinite(mapped[1].numpy()).all()


@pytest.mark.parametrize(
    "pick",
    [lambda w: w[-1], lambda w: w[::-1][0], lambda w: w[1:][1], lambda w: w[[0, 2]][1:][0]],
    ids=["last", "first of reversed", "of a slice", "of a list"],
)
def test_picking_a_single_value_in_steps(pick):
    a = (rotation(3) * [2.0, 2.0, 5.0]) @ rotation(3).T
    rng = np.random.default_rng(8)
    directions = rng.normal(size=(2, 3, 3))
    wanted = coefficient(lambda x: simple_value((x + x.T) / 2, 5.0) ** 2, a, directions)
    check(lambda a: pick(pa.linalg.eigvalsh(symmetric(a))) ** 2, wanted, a, directions)
    exact = np.diag([2.0, 2.0, 5.0])
    wanted = coefficient(lambda x: simple_value((x + x.T) / 2, 5.0) ** 2, exact, directions)
    check(lambda a: pick(pa.linalg.eigvalsh(symmetric(a))) ** 2, wanted, exact, directions)
