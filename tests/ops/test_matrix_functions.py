"""Functions of symmetric matrices: ``pa.linalg.funm``, above all where eigenvalues repeat."""

import numpy as np
import pytest

import pyautograd as pa

rng = np.random.default_rng(0)
WEIGHTS = rng.uniform(-1, 1, (4, 4))
MATRICES = {
    "one": np.eye(4),
    "pairs": np.diag([2.0, 2.0, 0.5, 0.5]),
    "nearly": np.diag([1.0, 1.0 + 1e-9, 1.0 - 1e-9, 3.0]),
    "turned": (lambda q: q @ np.diag([1.0, 1.0, 1.0, 4.0]) @ q.T)(np.linalg.qr(WEIGHTS)[0]),
    "single": WEIGHTS @ WEIGHTS.T + np.eye(4),
}
OTHERS = {
    "sqrt": (pa.sqrt, pa.linalg.sqrtm),
    "exp": (pa.exp, pa.linalg.expm),
    "log": (pa.log, pa.linalg.logm),
    "reciprocal": (lambda w: 1 / w, pa.linalg.inv),
    "inverse root": (lambda w: w**-0.5, lambda a: pa.linalg.inv(pa.linalg.sqrtm(a))),
}


def symmetric(a):
    return (a + a.mT) / 2


def losses(name):
    f, other = OTHERS[name]
    through = lambda g: lambda a: pa.sum(g(symmetric(a)) * WEIGHTS) ** 2  # noqa: E731
    return through(lambda a: pa.linalg.funm(a, f)), through(other)


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("name", OTHERS)
def test_derivatives_are_those_of_other_formulas(name, matrix):
    ours, other = losses(name)
    a = pa.tensor(matrix)
    for of in (pa.func.grad, pa.func.hessian, lambda f: pa.func.jacfwd(pa.func.jacfwd(f))):
        want = of(other)(a).numpy()
        np.testing.assert_allclose(
            of(ours)(a).numpy(), want, rtol=1e-8, atol=1e-8 * abs(want).max()
        )
    along = pa.tensor(rng.uniform(-1, 1, (4, 4)))
    third = [c.numpy() for c in pa.func.taylor(ours, a, along, 3)]
    np.testing.assert_allclose(third, pa.func.taylor(other, a, along, 3), rtol=1e-7, atol=1e-7)


def test_of_batches_under_vmap_and_recorded():
    ours, other = losses("sqrt")
    stack = pa.tensor(np.stack(list(MATRICES.values())))
    want = np.stack([pa.func.grad(other)(a).numpy() for a in stack])
    np.testing.assert_allclose(pa.func.vmap(pa.func.grad(ours))(stack).numpy(), want, rtol=1e-9)
    stack = stack.requires_grad_()
    roots = pa.linalg.funm(symmetric(stack), pa.sqrt)
    pa.sum(pa.sum(roots * WEIGHTS, axis=(1, 2)) ** 2).backward()
    np.testing.assert_allclose(stack.grad.numpy(), want, rtol=1e-9)


def test_functions_with_parameters():
    def occupied(energy, temperature):
        energy = symmetric(energy)
        level = pa.trace(energy) / 4
        return pa.linalg.funm(energy, lambda w: 1 / (1 + pa.exp((w - level) / temperature)))

    f = lambda e, t: pa.sum(occupied(e, t) * WEIGHTS)  # noqa: E731
    for matrix in MATRICES.values():
        pa.testing.check_grads(f, (pa.tensor(matrix), pa.tensor(0.7)), order=2)
    power = lambda t: pa.linalg.funm(2.0 * np.eye(3), lambda w: w**t)  # noqa: E731
    slope = pa.func.jacfwd(power)(0.5).numpy()
    np.testing.assert_allclose(slope, np.sqrt(2) * np.log(2) * np.eye(3), atol=1e-15)


def test_hermitian_matrices():
    z = rng.uniform(-1, 1, (3, 3)) + 1j * rng.uniform(-1, 1, (3, 3))
    a = z @ z.conj().T + np.eye(3)
    through = lambda g: lambda z: pa.sum(pa.abs(g((z + pa.conj(z).mT) / 2)) ** 3)  # noqa: E731
    got = pa.func.grad(through(lambda a: pa.linalg.funm(a, pa.log)))(pa.tensor(a)).numpy()
    np.testing.assert_allclose(got, pa.func.grad(through(pa.linalg.logm))(pa.tensor(a)), rtol=1e-10)


def test_values_do_not_depend_on_whether_anybody_differentiates():
    a = MATRICES["turned"]
    plain = pa.linalg.funm(symmetric(pa.tensor(a)), pa.exp)
    recorded = pa.linalg.funm(symmetric(pa.tensor(a, requires_grad=True)), pa.exp)
    assert plain.tolist() == recorded.tolist()


def test_captured_calls_look_at_the_matrix_again():
    ours, _ = losses("sqrt")
    slope = pa.captured(pa.func.grad(ours))
    for matrix in MATRICES.values():
        a = pa.tensor(matrix)
        np.testing.assert_array_equal(slope(a).numpy(), pa.func.grad(ours)(a).numpy())
    root = pa.captured(lambda a: pa.linalg.funm(a, pa.sqrt))
    assert root(pa.eye(2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(ValueError, match=r"\[linalg\.funm\] the matrix must be symmetric"):
        root(pa.tensor([[1.0, 1.0], [0.0, 1.0]]))


def test_errors_and_edges():
    a = np.array([[1.0, 2.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"\[linalg\.funm\] the matrix must be symmetric"):
        pa.linalg.funm(a, pa.exp)
    with pytest.raises(ValueError, match="symmetric"):
        pa.func.vmap(lambda a: pa.linalg.funm(a, pa.exp))(np.stack([np.eye(2), a]))
    with pytest.raises(
        ValueError, match=r"func returns shape \(\) for eigenvalues of shape \(2,\)"
    ):
        pa.linalg.funm(np.eye(2), pa.sum)
    with pytest.raises(TypeError, match="func must return real numbers"):
        pa.linalg.funm(np.eye(2), lambda w: w * 1j)
    assert pa.linalg.funm(np.zeros((0, 0)), pa.exp).shape == (0, 0)
    one = pa.func.grad(lambda a: pa.sum(pa.linalg.funm(a, pa.exp)))(pa.ones((1, 1)))
    np.testing.assert_allclose(one.numpy(), [[np.e]])
    constant = pa.linalg.funm(np.diag([1.0, 2.0]), pa.ones_like)
    np.testing.assert_allclose(constant.numpy(), np.eye(2), atol=1e-15)


def test_fractional_powers():
    a = MATRICES["single"]
    power = pa.linalg.fractional_matrix_power
    root = power(a, 0.25).numpy()
    np.testing.assert_allclose(root @ root @ root @ root, a, rtol=1e-12)
    np.testing.assert_array_equal(power(a, -2).numpy(), pa.linalg.matrix_power(a, -2).numpy())
    pa.testing.check_grads(lambda a, t: pa.sum(power(a, t) * WEIGHTS), (a, 0.3), order=2)
    with pytest.raises(ValueError, match="t must be one number"):
        power(a, np.ones(2))
