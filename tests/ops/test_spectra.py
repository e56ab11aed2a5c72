"""Symmetric functions of a spectrum, as smooth as the function of the matrix that they are."""

import itertools

import numpy as np
import pytest
from support.modes import in_all_modes
from support.spectra import MODES, rotation, symmetric, with_spectrum

import pyautograd as pa

FUNCTIONS = {
    "exp": (lambda w: pa.sum(pa.exp(w)), lambda a: pa.trace(pa.linalg.expm(a))),
    "identity": (pa.sum, pa.trace),
    "square": (lambda w: pa.sum(w**2), lambda a: pa.trace(a @ a)),
    "product with itself": (lambda w: pa.sum(w * w * w), lambda a: pa.trace(a @ a @ a)),
    "cube": (lambda w: pa.sum(w**3), lambda a: pa.trace(a @ a @ a)),
    "mean": (lambda w: pa.mean(w**2), lambda a: pa.trace(a @ a) / a.shape[-1]),
    "log": (lambda w: pa.sum(pa.log(w)), lambda a: pa.linalg.slogdet(a)[1]),
    "inverse": (lambda w: pa.sum(1.0 / w), lambda a: pa.trace(pa.linalg.inv(a))),
    "polynomial": (
        lambda w: pa.sum(2.0 * w**3 - w + 0.5),
        lambda a: 2.0 * pa.trace(a @ a @ a) - pa.trace(a) + 0.5 * a.shape[-1],
    ),
    "prod": (pa.prod, pa.linalg.det),
    "prod of a function": (lambda w: pa.prod(1.0 + w * w), lambda a: pa.linalg.det(one_plus(a))),
    "root": (lambda w: pa.sqrt(pa.sum(w**2)), lambda a: pa.sqrt(pa.trace(a @ a))),
    "logsumexp": (pa.logsumexp, lambda a: pa.log(pa.trace(pa.linalg.expm(a)))),
    "variance": (pa.var, lambda a: variance(a)),
    "standard deviation squared": (lambda w: pa.std(w) ** 2, lambda a: variance(a)),
    "squared deviations": (lambda w: pa.sum((w - pa.mean(w)) ** 2), lambda a: variance(a) * len(a)),
    "deviations": (
        lambda w: pa.sum(pa.exp(w - pa.mean(w))),
        lambda a: pa.trace(pa.linalg.expm(a)) * pa.exp(-pa.trace(a) / a.shape[-1]),
    ),
    "norm": (pa.linalg.norm, lambda a: pa.sqrt(pa.trace(a @ a))),
    "unit length": (
        lambda w: pa.sum((w / pa.linalg.norm(w)) ** 3),
        lambda a: pa.trace(a @ a @ a) / pa.trace(a @ a) ** 1.5,
    ),
    "dot": (lambda w: w @ pa.exp(w), lambda a: pa.trace(a @ pa.linalg.expm(a))),
    "vecdot": (lambda w: pa.vecdot(w, w), lambda a: pa.trace(a @ a)),
    "softmax": (
        lambda w: pa.sum(pa.softmax(w) ** 2),
        lambda a: pa.trace(pa.linalg.expm(2.0 * a)) / pa.trace(pa.linalg.expm(a)) ** 2,
    ),
    "log_softmax": (
        lambda w: pa.sum(pa.log_softmax(w)),
        lambda a: pa.trace(a) - len(a) * pa.log(pa.trace(pa.linalg.expm(a))),
    ),
    "entropy": (
        lambda w: -pa.sum(w / pa.sum(w) * pa.log(w / pa.sum(w))),
        lambda a: pa.log(pa.trace(a)) - pa.trace(a @ pa.linalg.logm(a)) / pa.trace(a),
    ),
}


def variance(a):
    n = a.shape[-1]
    return pa.trace(a @ a) / n - (pa.trace(a) / n) ** 2


def one_plus(a):
    return pa.eye(a.shape[-1]) + a @ a


SPECTRA = {
    "identity": np.eye(3),
    "twice": np.diag([2.0, 0.5, 2.0]),
    "turned": with_spectrum(1.5, 1.5, 0.5, 1.5),
    "nearly": with_spectrum(1.0, 1.0 + 1e-9, 1.0 + 1e-5, 2.0),
    "close": with_spectrum(1.0, 1.0 + 5e-4, 2.0),
}

every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_spectrum = pytest.mark.parametrize("matrix", SPECTRA.values(), ids=SPECTRA)


def pair(name):
    """The function of the eigenvalues, and the same of the matrix."""
    f, g = FUNCTIONS[name]
    return (
        lambda a: f(pa.linalg.eigvalsh(symmetric(a))),
        lambda a: g(symmetric(a)),
    )


def agree(got, want, tolerance=1e-9):
    got, want = got.numpy(), want.numpy()
    absolute = tolerance * np.abs(want).max() + 1e-13
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=absolute)


@every_spectrum
@every_function
def test_first_and_second_derivatives(name, matrix):
    f, g = pair(name)
    a, t = pa.asarray(matrix), pa.asarray(np.random.default_rng(1).normal(size=matrix.shape))
    agree(f(a), g(a))
    slope = pa.func.grad(g)(a)
    agree(pa.func.grad(f)(a), slope)
    agree(pa.func.jvp(f, (a,), (t,))[1], pa.sum(slope * t))
    wanted = pa.func.jvp(pa.func.grad(g), (a,), (t,))[1]

    def along(f):
        return lambda a: pa.func.jvp(f, (a,), (t,))[1]

    agree(pa.func.jvp(pa.func.grad(f), (a,), (t,))[1], wanted)  # forward over reverse
    agree(pa.func.grad(along(f))(a), wanted)  # reverse over forward
    agree(pa.func.grad(lambda a: pa.sum(pa.func.grad(f)(a) * t))(a), wanted)  # reverse twice
    agree(along(along(f))(a), pa.sum(wanted * t))  # forward twice
    leaf = pa.tensor(matrix, requires_grad=True)
    (recorded,) = pa.grad(f(leaf), leaf, create_graph=True)
    agree(pa.grad(pa.sum(recorded * t), leaf)[0], wanted)


@pytest.mark.parametrize("name", ["exp", "cube", "inverse", "prod", "softmax", "norm"])
@pytest.mark.parametrize("matrix", [np.eye(3), SPECTRA["turned"]], ids=["identity", "turned"])
def test_third_derivatives(name, matrix):
    f, g = pair(name)
    a = pa.asarray(matrix)
    s, t = pa.asarray(np.random.default_rng(2).normal(size=(2, *matrix.shape)))

    def reverse(f):
        return lambda a: pa.sum(pa.func.grad(f)(a) * s)

    def forward(f):
        return lambda a: pa.func.jvp(f, (a,), (t,))[1]

    wanted = pa.func.grad(forward(reverse(g)))(a)
    for mix in (
        lambda f: forward(reverse(f)),
        lambda f: reverse(forward(f)),
    ):
        agree(pa.func.grad(mix(f))(a), wanted, 1e-7)
    agree(forward(forward(forward(f)))(a), forward(forward(forward(g)))(a), 1e-7)


@pytest.mark.parametrize("name", ["exp", "log", "prod", "logsumexp", "variance", "softmax"])
def test_hessians_in_batches(name):
    f, g = pair(name)
    batch = pa.asarray(np.stack([np.eye(3), SPECTRA["twice"], with_spectrum(1.0, 2.0, 3.0)]))
    got = pa.func.vmap(pa.func.hessian(f))(batch)
    agree(got, pa.func.vmap(pa.func.hessian(g))(batch))

    def summed(f):
        return lambda a: pa.sum(pa.func.vmap(f)(a))

    agree(pa.func.hessian(summed(f))(batch), pa.func.hessian(summed(g))(batch))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("eigvalsh", (3, 3)), ("svdvals", (3, 3)), ("svdvals", (4, 3)), ("svdvals", (2, 3))],
)
def test_along_directions_that_depend_on_a_complex_matrix(name, shape):
    rng = np.random.default_rng(5)
    a, t = rng.normal(size=(2, *shape)) + 1j * rng.normal(size=(2, *shape))
    if name == "eigvalsh":
        a, t = a + a.conj().T, t + t.conj().T
    mixed = rng.normal(size=(shape[0],) * 2) + 1j * rng.normal(size=(shape[0],) * 2)
    weights = rng.normal(size=min(shape))

    def f(x):
        return pa.sum(getattr(pa.linalg, name)(x) ** 2 * weights)

    def moved(x):
        return pa.func.jvp(f, (x,), (mixed @ x @ pa.conj(x.mT) @ x,))[1]

    step = 1e-6
    wanted = (moved(pa.asarray(a + step * t)) - moved(pa.asarray(a - step * t))) / (2 * step)
    agree(pa.func.jvp(moved, (a,), (t,))[1], wanted, 1e-6)
    gradient = pa.func.grad(moved)(a)
    agree(pa.real(pa.sum(pa.conj(gradient) * t)), wanted, 1e-6)


ALONG_AN_AXIS = {
    "sum": lambda w, axis: pa.sum(w**3, axis=axis, keepdims=True),
    "prod": lambda w, axis: pa.prod(w, axis=axis, keepdims=True),
    "var": lambda w, axis: pa.var(w, axis=axis, keepdims=True),
    "logsumexp": lambda w, axis: pa.logsumexp(w, axis=axis, keepdims=True),
    "softmax": lambda w, axis: pa.softmax(w, axis=axis),
    "log_softmax": lambda w, axis: pa.log_softmax(w, axis=axis),
    "vecdot": lambda w, axis: pa.vecdot(w, pa.exp(w), axis=axis),
}


@pytest.mark.parametrize("name", ALONG_AN_AXIS)
def test_functions_along_the_spectra_of_a_stack(name):
    f = ALONG_AN_AXIS[name]
    batch = np.stack([np.eye(3), SPECTRA["twice"], with_spectrum(1.0, 2.0, 3.0)])
    weights = np.random.default_rng(3).normal(size=3)

    def of_stack(a):
        y = f(pa.linalg.eigvalsh(a), -1)
        return pa.sum(y**2 * (weights if y.ndim == 1 else weights[:, None]))

    def one_by_one(a):
        squares = [pa.sum(f(pa.linalg.eigvalsh(x), -1) ** 2) for x in a]
        return sum(w * y for w, y in zip(weights, squares, strict=True))

    agree(pa.hessian(of_stack, batch), pa.hessian(one_by_one, batch))


@pytest.mark.parametrize("name", ALONG_AN_AXIS)
def test_functions_across_the_spectra_of_a_stack(name):
    f = ALONG_AN_AXIS[name]
    batch = np.stack([np.eye(3), SPECTRA["twice"], with_spectrum(1.0, 2.0, 3.0)])
    spectra = pa.linalg.eigvalsh(pa.tensor(batch, requires_grad=True))
    agree(f(spectra, 0).detach(), f(pa.tensor(np.linalg.eigvalsh(batch)), 0))


@every_function
def test_values_are_the_same_to_the_last_bit_whoever_differentiates(name):
    """A checkpoint computes them again, and compares."""
    f, g = pair(name)
    a = pa.asarray(SPECTRA["turned"])
    with pa.no_grad():
        value = f(a).item()
    assert f(pa.tensor(a.numpy(), requires_grad=True)).item() == value
    agree(pa.hessian(lambda a: pa.checkpoint(f, a), a), pa.hessian(g, a))


def test_reductions_that_keep_their_axis():
    batch = pa.asarray(np.stack([np.eye(2), 2 * np.eye(2), np.diag([1.0, 3.0])]))
    for reduce in (pa.logsumexp, pa.var, pa.std, pa.prod, pa.mean):

        def f(a, keepdims, reduce=reduce):
            return pa.sum(pa.exp(reduce(pa.linalg.eigvalsh(a), axis=-1, keepdims=keepdims) ** 2))

        agree(pa.hessian(lambda a: f(a, True), batch), pa.hessian(lambda a: f(a, False), batch))


def test_a_batch_is_reduced_over_all_its_axes():
    batch = pa.asarray(np.stack([np.eye(2), 2 * np.eye(2)]))

    def f(a, **options):
        return pa.sum(pa.sum(pa.linalg.eigvalsh(a) ** 3, **options))

    want = pa.hessian(lambda a: pa.sum(pa.trace(a @ a @ a, axis1=1, axis2=2)), batch)
    symmetrized = (want + pa.swapaxes(want, -1, -2)) / 2
    for options in ({}, {"axis": -1}, {"axis": (0, 1)}, {"axis": 1, "keepdims": True}):
        got = pa.hessian(lambda a, options=options: f(a, **options), batch)
        agree(got, (symmetrized + pa.swapaxes(symmetrized, 1, 2)) / 2)


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_one_triangle_is_read(uplo):
    a = pa.asarray(np.eye(2) + (np.triu(np.ones((2, 2)), 1) if uplo == "L" else np.tri(2, k=-1)))

    def f(a):
        return pa.sum(pa.exp(pa.linalg.eigh(a, uplo).eigenvalues))

    agree(pa.func.grad(f)(a), np.e * pa.eye(2))
    assert bool(pa.all(pa.isfinite(pa.hessian(f, a))))


def test_a_hermitian_matrix():
    a = pa.asarray(2 * np.eye(3, dtype=complex))
    rng = np.random.default_rng(0)
    t = pa.asarray(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))

    def hermitian(a):
        return (a + pa.conj(a.mT)) / 2

    def f(a):
        return pa.sum(pa.linalg.eigvalsh(hermitian(a)) ** 3)

    def g(a):
        h = hermitian(a)
        return pa.real(pa.trace(h @ h @ h))

    agree(pa.func.grad(f)(a), pa.func.grad(g)(a))
    wanted = pa.func.jvp(pa.func.grad(g), (a,), (t,))[1]
    agree(pa.func.jvp(pa.func.grad(f), (a,), (t,))[1], wanted)
    agree(pa.func.grad(lambda a: pa.func.jvp(f, (a,), (t,))[1])(a), wanted)


SINGULAR = {
    "square": lambda s: pa.sum(s**2),
    "fourth": lambda s: pa.sum(s**4),
    "log1p": lambda s: pa.sum(pa.log1p(s * s)),
}
RECTANGULAR = [np.eye(3), np.eye(3)[:, :2], np.eye(4)[:2], np.zeros((2, 2)), np.diag([1.0, 0, 0])]


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("matrix", RECTANGULAR, ids=str)
def test_even_functions_of_singular_values(name, matrix):
    f = SINGULAR[name]
    a = pa.asarray(matrix)
    gram = {
        "square": lambda g: pa.trace(g),
        "fourth": lambda g: pa.trace(g @ g),
        "log1p": lambda g: pa.linalg.slogdet(pa.eye(g.shape[0]) + g)[1],
    }[name]
    got = pa.hessian(lambda a: f(pa.linalg.svdvals(a)), a)
    agree(got, pa.hessian(lambda a: gram(a @ a.mT), a))
    agree(pa.hessian(lambda a: f(pa.linalg.svd(a, full_matrices=False).S), a), got)


def test_the_nuclear_norm_away_from_zero():
    """The root of the Gram matrix has the same trace."""
    q = rotation(3)
    a = pa.asarray(2.0 * q)
    got = pa.hessian(lambda a: pa.linalg.norm(a, "nuc"), a)
    agree(got, pa.hessian(lambda a: pa.trace(pa.linalg.sqrtm(a @ a.mT)), a))


OF_POLAR = {
    "prod": (pa.prod, lambda p: pa.linalg.det(p)),
    "prod of a function": (lambda s: pa.prod(s + 1.0), lambda p: pa.linalg.det(p + pa.eye(3))),
    "logsumexp": (pa.logsumexp, lambda p: pa.log(pa.trace(pa.linalg.expm(p)))),
    "variance": (pa.var, variance),
    "norm": (pa.linalg.norm, lambda p: pa.sqrt(pa.trace(p @ p))),
    "softmax": FUNCTIONS["softmax"],
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", OF_POLAR)
def test_functions_of_repeated_singular_values(name, wide):
    """Those of the root of the Gram matrix, which has no singular values but these."""
    f, g = OF_POLAR[name]
    a = 2.0 * rotation(4)[:, :3]
    x, t = pa.asarray(a.T if wide else a), pa.asarray(np.random.default_rng(4).normal(size=(4, 3)))
    t = t.T if wide else t
    gram = (lambda x: x @ x.T) if wide else (lambda x: x.T @ x)
    own = lambda x: f(pa.linalg.svdvals(x))  # noqa: E731
    other = lambda x: g(pa.linalg.sqrtm(gram(x)))  # noqa: E731
    agree(pa.func.grad(own)(x), pa.func.grad(other)(x))
    wanted = pa.func.jvp(pa.func.grad(other), (x,), (t,))[1]
    agree(pa.func.jvp(pa.func.grad(own), (x,), (t,))[1], wanted)
    agree(pa.func.grad(lambda x: pa.func.jvp(own, (x,), (t,))[1])(x), wanted)
    agree(pa.func.grad(lambda x: pa.sum(pa.func.grad(own)(x) * t))(x), wanted)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", ["nuc", 2, -2])
def test_norms_made_of_singular_values_are_flat_at_zero(order, mode):
    for zeros in (np.zeros((2, 2)), np.zeros((2, 3), complex)):
        f = lambda a: pa.linalg.norm(a, ord=order)  # noqa: E731
        np.testing.assert_array_equal(pa.func.grad(f)(zeros).numpy(), 0)
    np.testing.assert_array_equal(pa.hessian(f, np.zeros((2, 2)), mode=mode).numpy(), 0)


@pytest.mark.parametrize("mode", MODES)
def test_a_simple_eigenvalue_beside_a_repeated_one(mode):
    """The second derivative along t is twice the sum of t[0, j]**2 / (w[0] - w[j])."""
    f = lambda a: pa.linalg.eigvalsh(symmetric(a))[0]  # noqa: E731
    got = pa.hessian(f, pa.asarray(np.diag([1.0, 3.0, 3.0])), mode=mode).numpy()
    t = np.random.default_rng(5).normal(size=(3, 3))
    t = t + t.T
    wanted = -(t[0, 1] ** 2 + t[0, 2] ** 2)
    assert np.einsum("ijkl,ij,kl", got, t, t) == pytest.approx(wanted, rel=1e-12, abs=0)


@pytest.mark.parametrize("mode", MODES)
def test_the_size_of_eigenvalues_squared_at_zero(mode):
    """|w| has a kink at 0, where its square has none."""
    f = lambda a: pa.sum(pa.abs(pa.linalg.eigvalsh(symmetric(a))) ** 2)  # noqa: E731
    g = lambda a: pa.trace(symmetric(a) @ symmetric(a))  # noqa: E731
    a = pa.asarray(np.diag([1.0, 0.0, 0.0]))
    agree(pa.hessian(f, a, mode=mode), pa.hessian(g, a))


def powers(n):
    return lambda a: pa.real(pa.sum(pa.linalg.eigvals(a) ** n))


@pytest.mark.parametrize("mode", MODES)
def test_simple_eigenvalues_of_a_matrix_without_symmetry(mode):
    a = pa.asarray([[1.0, 2.0, 0.5], [-2.0, 3.0, 1.0], [0.3, 0.1, -1.0]])
    agree(pa.hessian(powers(3), a, mode=mode), pa.hessian(lambda a: pa.trace(a @ a @ a), a))


@pytest.mark.parametrize("mode", MODES)
def test_repeated_eigenvalues_without_symmetry_say_that_there_is_no_second_derivative(mode):
    repeated = pa.asarray(np.diag([2.0, 2.0, 1.0]))
    agree(pa.func.grad(powers(3))(repeated), 3 * repeated @ repeated)
    assert bool(pa.any(pa.isnan(pa.hessian(powers(3), repeated, mode=mode))))
    defective = pa.asarray([[1.0, 1.0], [0.0, 1.0]])
    assert bool(pa.all(pa.isnan(pa.func.grad(powers(3))(defective))))
    assert bool(pa.all(pa.isnan(pa.func.jacfwd(powers(3))(defective))))


def test_a_spectrum_well_apart_and_a_repeated_one_give_the_same_kind_of_result():
    """The derivative is continuous where the two ways of computing it meet."""

    def hessian(gap):
        a = pa.asarray(with_spectrum(1.0, 1.0 + gap, 3.0))
        return pa.hessian(lambda a: pa.sum(pa.log(pa.linalg.eigvalsh(a))), a)

    agree(hessian(2.9e-3), hessian(3.1e-3), 1e-3)
    assert bool(pa.all(pa.isfinite(hessian(0.0))))


def test_single_precision():
    a = pa.asarray(np.eye(3, dtype=np.float32))
    hessian = pa.hessian(lambda a: pa.sum(pa.linalg.eigvalsh(a) ** 2), a)
    assert hessian.dtype == np.float32
    expected = np.einsum("ik,jl->ijkl", np.eye(3), np.eye(3))
    np.testing.assert_allclose(
        hessian.numpy(), expected + expected.swapaxes(2, 3), rtol=1e-5, atol=1e-5
    )


SPECTRA_OF = {
    "eigvalsh": lambda a: pa.linalg.eigvalsh(symmetric(a)),
    "eigh": lambda a: pa.linalg.eigh(symmetric(a)).eigenvalues,
    "svdvals": pa.linalg.svdvals,
    "svd": lambda a: pa.linalg.svd(a).S,
    "thin svd": lambda a: pa.linalg.svd(a, full_matrices=False).S,
}
every_decomposition = pytest.mark.parametrize("spectrum", SPECTRA_OF.values(), ids=SPECTRA_OF)
ONE_OF_SEVERAL = [
    lambda w: w[0],
    lambda w: w[0] + w[1],
    lambda w: w[0] * w[1],
    lambda w: pa.sum(w * np.arange(1.0, 4.0)),
    lambda w: pa.sum(pa.outer(w, w) * np.arange(9.0).reshape(3, 3)),
    pa.max,
]


@every_decomposition
@pytest.mark.parametrize("f", ONE_OF_SEVERAL)
def test_what_is_no_function_of_the_whole_spectrum_has_no_second_derivative(f, spectrum):
    """One eigenvalue of several equal ones has a kink: nan in all modes and directions, where some
    of them could see a zero."""
    rng = np.random.default_rng(6)
    pair, single = np.zeros((2, 3, 3))
    pair[1, 2] = pair[2, 1] = single[0, 0] = 1
    choices = [rng.normal(size=(3, 3)), np.diag([1.0, 2.0, 3.0]), pair, single]
    for directions in itertools.product(choices, repeat=2):
        values = in_all_modes(lambda a: f(spectrum(a)), np.eye(3), *directions)
        assert np.isnan(values).all(), directions
    values = in_all_modes(lambda a: f(spectrum(a)), np.eye(3), *choices[:1] * 3)
    assert np.isnan(values).all()


@every_decomposition
@pytest.mark.parametrize("repeated", [[1.0, 3.0, 3.0], [1.0, 2.0, 4.0]])
def test_a_simple_value_has_its_second_derivative_in_all_modes(spectrum, repeated):
    """The second derivative of one value is a sum over the others, whatever these do."""
    q = rotation(3)
    a = (q * repeated) @ q.T
    s, t = np.random.default_rng(7).normal(size=(2, 3, 3))
    f = lambda a: pa.min(spectrum(a))  # noqa: E731
    x, y = q.T @ s @ q, q.T @ t @ q
    even, odd = ((x + x.T) / 2)[0] * ((y + y.T) / 2)[0], ((x - x.T) / 2)[0] * ((y - y.T) / 2)[0]
    w = np.array(repeated)
    wanted = 2 * np.sum(even[1:] / (1 - w[1:]))
    if spectrum not in (SPECTRA_OF["eigvalsh"], SPECTRA_OF["eigh"]):
        wanted += 2 * np.sum(odd[1:] / (1 + w[1:]))
    np.testing.assert_allclose(in_all_modes(f, a, s, t), wanted, rtol=1e-9)


@every_decomposition
def test_third_derivatives_where_a_slope_is_zero(spectrum):
    """At a minimum what is pulled back to the values is zero, but not a constant."""
    a, directions = np.diag([1.0, 2.0, 4.0]), np.random.default_rng(10).normal(size=(3, 3, 3))
    loss = lambda at: lambda a: (spectrum(a)[1] - at) ** 2  # noqa: E731
    low, high = (np.array(in_all_modes(loss(at), a, *directions)) for at in (1.99, 2.01))
    got = in_all_modes(loss(2), a, *directions)
    np.testing.assert_allclose(got, (low + high) / 2, rtol=1e-9)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
@pytest.mark.parametrize("name", ["svdvals", "svd", "thin svd"])
def test_one_singular_value_of_a_rectangular_matrix(name, shape):
    """The largest is the root of the largest eigenvalue of the Gram matrix."""
    rng = np.random.default_rng(8)
    a, *directions = rng.normal(size=(4, *shape))
    f = lambda a: SPECTRA_OF[name](a)[0]  # noqa: E731
    gram = (lambda a: a.T @ a) if shape[0] > shape[1] else (lambda a: a @ a.T)
    g = lambda a: pa.sqrt(pa.linalg.eigvalsh(gram(a))[-1])  # noqa: E731
    for order in (1, 2, 3):
        wanted = in_all_modes(g, a, *directions[:order])[0]
        np.testing.assert_allclose(in_all_modes(f, a, *directions[:order]), wanted, rtol=1e-8)


@pytest.mark.parametrize("f", [lambda a: pa.linalg.svdvals(a)[0], lambda a: pa.linalg.svd(a).S[0]])
def test_one_singular_value_of_a_complex_matrix(f):
    rng = np.random.default_rng(9)
    parts, s, t = rng.normal(size=(3, 2, 3, 2))

    def of(f):
        return lambda parts: f(pa.complex(parts[0], parts[1]))

    wanted = in_all_modes(
        of(lambda a: pa.sqrt(pa.linalg.eigvalsh(pa.conj(a.T) @ a)[-1])), parts, s, t
    )
    np.testing.assert_allclose(in_all_modes(of(f), parts, s, t), wanted[0], rtol=1e-8)


def test_one_eigenvalue_under_vmap():
    batch = np.stack([np.diag([1.0, 3.0, 3.0]), np.diag([1.0, 2.0, 4.0])])
    f = lambda a: pa.linalg.eigvalsh(symmetric(a))[0]  # noqa: E731
    for mode in MODES:
        hessians = [pa.hessian(f, pa.asarray(a), mode=mode).numpy() for a in batch]
        mapped = pa.func.vmap(lambda a, mode=mode: pa.hessian(f, a, mode=mode))(pa.asarray(batch))
        np.testing.assert_allclose(mapped.numpy(), hessians, atol=1e-12)


def test_nothing_is_brought_back_to_a_detached_spectrum():
    a = pa.tensor(np.eye(2), requires_grad=True)
    w = pa.linalg.eigvalsh(a)
    assert not pa.sum(pa.exp(w.detach())).requires_grad
    with pa.no_grad():
        assert not pa.sum(pa.exp(w)).requires_grad


def test_a_deep_function_is_as_before():
    """A graph of very many operations is not followed; first derivatives do not need it."""

    def f(a):
        w = pa.linalg.eigvalsh(a)
        for _ in range(1000):
            w = w * 1.001
        return pa.sum(w)

    agree(pa.func.grad(f)(pa.eye(2)), 1.001**1000 * pa.eye(2))


def test_shared_parts_are_computed_once():
    """As a tree this function has 2**60 leaves."""

    def f(a):
        w = pa.linalg.eigvalsh(a)
        for _ in range(60):
            w = (w + w) / 2.0
        return pa.sum(w * w)

    got = pa.hessian(f, pa.eye(2))
    agree(got, pa.hessian(lambda a: pa.sum(pa.linalg.eigvalsh(a) ** 2), pa.eye(2)))
