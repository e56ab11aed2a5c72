"""Complex numbers: the convention at the boundary, NumPy's values, and what raises."""

import itertools
import operator
import pickle

import numpy as np
import pytest

import pyautograd as pa

Z = np.array([1.0 + 2.0j, -0.5 + 0.25j, 3.0 - 1.0j])


def leaf(values=Z):
    return pa.tensor(values, requires_grad=True)


def slopes(loss, z, step=1e-6):
    """dL/dx + i dL/dy by differences, element by element."""
    out = np.zeros(z.shape, complex)
    for i in np.ndindex(z.shape):
        for unit in (1, 1j):
            move = np.zeros(z.shape, complex)
            move[i] = step * unit
            difference = float(loss(pa.tensor(z + move))) - float(loss(pa.tensor(z - move)))
            out[i] += unit * difference / (2 * step)
    return out


LOSSES = {
    "modulus": lambda z: pa.sum(pa.abs(z)),
    "square": lambda z: pa.sum(pa.abs(z) ** 2),
    "real_of_holomorphic": lambda z: pa.sum(pa.real(pa.exp(z) * z**3)),
    "imag_of_product": lambda z: pa.sum(pa.imag(z * pa.conj(z) * z)),
    "angle": lambda z: pa.sum(pa.angle(z) * pa.asarray([1.0, 2.0, 3.0])),
    "sign": lambda z: pa.sum(pa.real(pa.sign(z) * (2 - 1j))),
    "variance": lambda z: pa.var(z) + pa.std(z),
    "vecdot": lambda z: pa.real(pa.vecdot(z, z * (1 + 2j))),
    "mixed": lambda z: pa.sum(pa.complex(pa.real(z), pa.abs(z)).imag * pa.real(z)),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_of_real_losses(loss):
    expected = slopes(loss, Z)
    z = leaf()
    loss(z).backward()
    np.testing.assert_allclose(z.grad.numpy(), expected, atol=1e-8)
    np.testing.assert_allclose(
        pa.grad(loss(leaf_ := leaf()), leaf_)[0].numpy(), expected, atol=1e-8
    )
    np.testing.assert_allclose(pa.func.grad(loss)(Z).numpy(), expected, atol=1e-8)
    _, pullback = pa.func.vjp(loss, Z)
    np.testing.assert_allclose(pullback(1.0)[0].numpy(), expected, atol=1e-8)


def test_descent_goes_down():
    z = leaf()
    for _ in range(200):
        z.grad = None
        pa.sum(pa.abs(z - (1 - 1j)) ** 2).backward()
        with pa.no_grad():
            z -= 0.1 * z.grad
    np.testing.assert_allclose(z.detach().numpy(), 1 - 1j, atol=1e-12)


def test_wirtinger_examples():
    """Of |z|^2 the gradient is 2z; of Re(c z) it is conj(c), of Im(c z) it is i conj(c)."""
    c = 2.0 - 3.0j
    for loss, expected in [
        (lambda z: pa.sum(pa.abs(z) ** 2), 2 * Z),
        (lambda z: pa.sum(pa.real(c * z)), np.full(3, np.conj(c))),
        (lambda z: pa.sum(pa.imag(c * z)), np.full(3, 1j * np.conj(c))),
        (lambda z: pa.sum(pa.real(pa.conj(z) * c)), np.full(3, c)),
    ]:
        np.testing.assert_allclose(pa.func.grad(loss)(Z).numpy(), expected, rtol=1e-14)


def test_the_pullback_of_a_holomorphic_function_is_the_adjoint():
    u = np.array([1j, 2.0, 1 - 1j])
    y, pullback = pa.func.vjp(pa.exp, Z)
    np.testing.assert_allclose(pullback(u)[0].numpy(), np.conj(np.exp(Z)) * u, rtol=1e-14)
    z = leaf()
    pa.exp(z).backward(pa.tensor(u))
    np.testing.assert_allclose(z.grad.numpy(), np.conj(np.exp(Z)) * u, rtol=1e-14)
    (g,) = pa.grad(pa.exp(z), z, pa.tensor(u))
    np.testing.assert_allclose(g.numpy(), np.conj(np.exp(Z)) * u, rtol=1e-14)


def test_hooks_see_the_same_gradients():
    seen = {}
    z = leaf()
    w = z * (1 + 1j)
    w.retain_grad()
    w.register_hook(lambda g: seen.__setitem__("hook", g))
    y = pa.abs(w)
    y.grad_fn.register_hook(lambda inputs, outputs: seen.__setitem__("after", inputs[0]))
    w.grad_fn.register_prehook(lambda outputs: seen.__setitem__("before", outputs[0]))
    pa.sum(y).backward()
    expected = np.sign(Z * (1 + 1j))
    for g in (*seen.values(), w.grad):
        np.testing.assert_allclose(g.numpy(), expected, rtol=1e-14)
    np.testing.assert_allclose(z.grad.numpy(), expected * (1 - 1j), rtol=1e-14)


def test_hooks_replace_gradients():
    z = leaf()
    w = z * 1.0
    w.register_hook(lambda g: g * 1j)
    pa.sum(pa.abs(w) ** 2).backward()
    np.testing.assert_allclose(z.grad.numpy(), 2j * Z, rtol=1e-14)
    z = leaf()
    w = z * 1.0
    w.grad_fn.register_hook(
        lambda inputs, outputs: tuple(g if g is None else 1j * g for g in inputs)
    )
    pa.sum(pa.abs(w) ** 2).backward()
    np.testing.assert_allclose(z.grad.numpy(), 2j * Z, rtol=1e-14)


def test_leaves_accumulate():
    z = leaf()
    for _ in range(2):
        pa.sum(pa.imag(z * (1 + 2j))).backward()
    np.testing.assert_allclose(z.grad.numpy(), np.full(3, 2j * (1 - 2j)), rtol=1e-14)


def test_second_order_through_create_graph():
    z = leaf()
    (g,) = pa.grad(pa.sum(pa.real(z**3)), z, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), np.conj(3 * Z**2), rtol=1e-14)
    (h,) = pa.grad(pa.sum(pa.abs(g) ** 2), z)  # 9 |z|^4
    np.testing.assert_allclose(h.numpy(), 36 * np.abs(Z) ** 2 * Z, rtol=1e-13)
    v = np.array([1j, 1 - 1j, 2.0])
    expected = np.conj(6 * Z * v)  # the gradient conj(3 z^2) in the direction v
    loss = lambda z: pa.sum(pa.real(z**3))  # noqa: E731
    np.testing.assert_allclose(pa.hvp(loss, Z, v).numpy(), expected, rtol=1e-13)
    moved = pa.func.jvp(pa.func.grad(loss), (Z,), (v,))[1]
    np.testing.assert_allclose(moved.numpy(), expected, rtol=1e-13)


class Cube(pa.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z**3

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        return g * pa.conj(3 * z**2)


class Modulus(pa.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return pa.abs(z) ** 2

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        return 2 * g * z


class CubeForward(pa.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_forward(z)
        return z**3

    @staticmethod
    def jvp(ctx, t):
        (z,) = ctx.saved_tensors
        return 3 * z**2 * t


class CubeMapped(Cube):
    generate_vmap_rule = True


def test_custom_functions_speak_the_users_convention():
    for custom, plain in [
        (Cube.apply, lambda z: z**3),
        (CubeForward.apply, lambda z: z**3),
        (CubeMapped.apply, lambda z: z**3),
        (Modulus.apply, lambda z: pa.abs(z) ** 2),
    ]:
        v = np.array([1j, 1 - 1j, 2.0])
        got, want = (
            pa.func.grad(lambda z, f=f: pa.sum(pa.imag(f(z) * (1 + 2j)))) for f in (custom, plain)
        )
        np.testing.assert_allclose(got(Z).numpy(), want(Z).numpy(), rtol=1e-13)
        second = pa.func.jvp(got, (Z,), (v,))[1], pa.func.jvp(want, (Z,), (v,))[1]
        np.testing.assert_allclose(second[0].numpy(), second[1].numpy(), rtol=1e-13)
        tangents = [pa.func.jvp(f, (Z,), (v,))[1].numpy() for f in (custom, plain)]
        np.testing.assert_allclose(*tangents, rtol=1e-13)
        pulled = [
            pa.func.vmap(pa.func.grad(lambda z, f=f: pa.real(f(z))))(Z) for f in (custom, plain)
        ]
        np.testing.assert_allclose(pulled[0].numpy(), pulled[1].numpy(), rtol=1e-13)


def test_mixed_graphs_cast_at_the_edge():
    x = pa.tensor([1.0, 2.0, 3.0], requires_grad=True)
    z = leaf()
    pa.sum(pa.abs(x * z) ** 2).backward()
    assert x.grad.dtype == np.float64 and z.grad.dtype == np.complex128
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy() * np.abs(Z) ** 2)
    np.testing.assert_allclose(z.grad.numpy(), 2 * x.detach().numpy() ** 2 * Z)
    a, b = (pa.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    pa.sum(pa.imag(pa.complex(a, b) ** 2)).backward()  # 2 a b
    assert a.grad.tolist() == [2, 4] and b.grad.tolist() == [2, 4]
    a.grad = None
    pa.sum(pa.real(pa.exp(1j * a))).backward()
    np.testing.assert_allclose(a.grad.numpy(), -np.sin([1.0, 2.0]))


def test_tangents_have_the_kind_of_their_primal():
    y, t = pa.func.jvp(lambda x: pa.exp(1j * x), (0.5,), (2.0,))
    np.testing.assert_allclose(t.item(), 2j * np.exp(0.5j))
    assert pa.func.jvp(pa.abs, (Z,), (Z,))[1].dtype == np.float64
    with pytest.raises(TypeError, match=r"\[jvp\].*complex128"):
        pa.func.jvp(pa.exp, (1.0,), (1j,))


def test_linearize_is_jvp():
    v = np.array([1j, 1 - 1j, 2.0])
    for f in (pa.exp, pa.abs, pa.conj, pa.real, pa.sign, lambda z: z * pa.conj(z)):
        _, push = pa.func.linearize(f, Z)
        np.testing.assert_allclose(
            push(v).numpy(), pa.func.jvp(f, (Z,), (v,))[1].numpy(), rtol=1e-13
        )


def test_derivatives_at_zero():
    for f in (pa.abs, lambda z: pa.real(pa.sign(z))):
        assert pa.func.grad(f)(0j).item() == 0
        assert pa.func.jvp(f, (0j,), (1 + 1j,))[1].item() == 0
    z = leaf(np.array([0j, 4j]))
    pa.sum(pa.abs(pa.where(z == 0, 0.0, pa.log(z)))).backward()
    assert z.grad[0].item() == 0 and np.isfinite(z.grad.numpy()).all()


def test_even_powers_of_moduli_are_exact_at_zero():
    """|z|^2 is smooth at 0: the gradient is 2z, and moves by 2v."""
    for f in (lambda z: pa.abs(z) ** 2, lambda z: pa.square(pa.abs(z))):
        assert pa.hvp(f, 0j, 1 - 2j).item() == 2 - 4j
        assert pa.func.jvp(pa.func.grad(f), (0j,), (1 - 2j,))[1].item() == 2 - 4j
    assert pa.func.grad(lambda z: pa.real(pa.sqrt(z) ** 2))(0j).item() == 1


def test_holomorphic_jacobians():
    f = lambda z: z[0] * pa.exp(z)  # noqa: E731
    expected = np.diag(Z[0] * np.exp(Z))
    expected[:, 0] += np.exp(Z)
    for jacobian in (
        pa.func.jacrev(f, holomorphic=True)(Z),
        pa.func.jacfwd(f, holomorphic=True)(Z),
        *(pa.jacobian(f, Z, holomorphic=True, mode=m) for m in ("auto", "forward", "reverse")),
        pa.jacobian(lambda z: pa.concat([f(z), z]), Z, holomorphic=True)[:3],
    ):
        np.testing.assert_allclose(jacobian.numpy(), expected, rtol=1e-13)
    second = pa.func.hessian(lambda z: pa.sum(z**3), holomorphic=True)(Z)
    np.testing.assert_allclose(second.numpy(), np.diag(6 * Z), rtol=1e-13)
    for mode in ("auto", "forward-over-reverse", "reverse-over-forward"):
        second = pa.hessian(lambda z: pa.sum(z**3), Z, holomorphic=True, mode=mode)
        np.testing.assert_allclose(second.numpy(), np.diag(6 * Z), rtol=1e-13)


def test_jacobians_of_real_arguments_and_complex_results():
    x = np.array([0.5, 1.0])
    f = lambda x: pa.exp(1j * x) * x[0]  # noqa: E731
    expected = np.diag(1j * np.exp(1j * x) * x[0])
    expected[:, 0] += np.exp(1j * x)
    for mode in ("auto", "forward", "reverse"):
        np.testing.assert_allclose(pa.jacobian(f, x, mode=mode).numpy(), expected, rtol=1e-13)
    wide = lambda x: pa.concat([f(x), f(x)])  # noqa: E731
    np.testing.assert_allclose(
        pa.jacobian(wide, x).numpy(), np.concatenate([expected] * 2), rtol=1e-13
    )
    second = pa.hessian(lambda x: pa.sum(pa.exp(1j * x)), x)
    np.testing.assert_allclose(second.numpy(), np.diag(-np.exp(1j * x)), rtol=1e-13)


def test_what_is_no_matrix_raises_with_advice():
    for call in (
        lambda: pa.func.jacrev(pa.abs)(Z),
        lambda: pa.func.jacfwd(pa.exp)(Z),
        lambda: pa.jacobian(pa.exp, Z),
        lambda: pa.hessian(lambda z: pa.sum(pa.abs(z)), Z),
    ):
        with pytest.raises(TypeError, match="holomorphic=True"):
            call()
    for transform in (pa.func.jacrev, pa.func.jacfwd):
        with pytest.raises(TypeError, match="needs complex"):
            transform(pa.exp, holomorphic=True)(np.array([1.0]))
        with pytest.raises(TypeError, match="needs complex"):
            transform(pa.abs, holomorphic=True)(Z)


def test_complex_scalars_have_no_gradient_of_their_own():
    z = leaf()
    y = pa.sum(z)
    for call in (y.backward, lambda: pa.grad(y, z)):
        with pytest.raises(RuntimeError, match="real"):
            call()
    with pytest.raises(TypeError, match="real scalar"):
        pa.func.grad(pa.sum)(Z)
    y.backward(pa.tensor(1j))
    np.testing.assert_allclose(z.grad.numpy(), np.full(3, 1j))


def test_gradcheck_and_its_relatives():
    z = pa.tensor(Z)
    for f in (pa.exp, pa.abs, pa.sign, pa.conj, lambda z: pa.imag(z) * z):
        assert pa.testing.gradcheck(f, z)
        assert pa.testing.gradgradcheck(f, z)
        pa.testing.check_grads(f, (z,), order=2, atol=1e-5, rtol=1e-5)
    assert pa.testing.gradcheck(lambda x, z: x * z, (pa.tensor([1.0, 2, 3]), z))

    class Wrong(pa.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]  # not conjugated

    with pytest.raises(AssertionError):
        pa.testing.gradcheck(Wrong.apply, z)


PARTS = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, np.inf, -np.inf, np.nan]
GRID = np.array([complex(x, y) for x, y in itertools.product(PARTS, repeat=2)])
FUNCTIONS = (
    *("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *("asin", "acos", "atan", "asinh", "acosh", "atanh", "abs", "angle", "sign", "conj"),
    *("log2", "log10", "exp2", "square", "reciprocal", "negative", "real", "imag", "round"),
    *("isnan", "isinf", "isfinite", "logical_not"),
)


def same(a, b):
    """Equal, with nan like nan; where a part is nan the sign of the other is left open by C99."""
    close = np.isclose(a, b, rtol=1e-14, atol=1e-300, equal_nan=True)
    return close | (np.isnan(a) & np.isnan(b))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values_are_numpys(name):
    got = getattr(pa, name)(pa.tensor(GRID)).numpy()
    want = getattr(np, name)(GRID)
    assert got.dtype == want.dtype
    parts = (
        [(got, want)] if want.dtype.kind != "c" else [(got.real, want.real), (got.imag, want.imag)]
    )
    if np.lib.NumpyVersion(np.__version__) < "2.3.0" and want.dtype.kind == "c":
        if name == "acosh":  # C99 and newer ones of NumPy's have an imaginary part here
            want.imag[(GRID.real == 0) & np.isnan(GRID.imag)] = np.pi / 2
        # C99 leaves the sign of an infinite part beside nan open, and the functions' differ.
        for (g, w), (_, other) in zip(parts, parts[::-1], strict=True):
            np.copysign(w, g, out=w, where=np.isinf(w) & np.isnan(other))
    wrong = sum((~same(g, w) for g, w in parts), np.zeros(len(GRID), bool)) > 0
    assert not wrong.any(), list(zip(GRID[wrong], got[wrong], want[wrong], strict=True))


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "power"])
def test_special_values_of_pairs_are_numpys(name):
    """Except that a power to -1 of a number with one infinite part is 0, where NumPy has nan."""
    x, y = np.meshgrid(GRID, GRID)
    got = getattr(pa, name)(pa.tensor(x), pa.tensor(y)).numpy()
    want = getattr(np, name)(x, y)
    if name == "power":
        one_infinite = (np.isinf(x.real) != np.isinf(x.imag)) & ~np.isnan(x)
        want = np.where((y == -1) & one_infinite, 0, want)
    assert (same(got.real, want.real) & same(got.imag, want.imag)).all()


@pytest.mark.parametrize("name", ["sqrt", "log", "asin", "acos", "atan", "asinh", "acosh", "atanh"])
def test_branch_cuts_are_c99s(name):
    cuts = [complex(x, y) for x in (-2.0, 2.0, 0.0, -0.0) for y in (0.0, -0.0, 2.0, -2.0)]
    got, want = getattr(pa, name)(pa.tensor(cuts)).numpy(), getattr(np, name)(np.array(cuts))
    np.testing.assert_allclose(got, want, rtol=1e-14)


@pytest.mark.parametrize("name", ["asin", "acos", "acosh", "sqrt", "log"])
def test_derivatives_on_branch_cuts_are_those_of_the_values_side(name):
    f = getattr(pa, name)
    on = [complex(x, y) for x in (-2.0, 2.0) for y in (0.0, -0.0)]
    for z in on:
        inside = complex(z.real, np.copysign(1e-9, z.imag))
        slope = [pa.func.jvp(f, (w,), (1 + 0j,))[1].item() for w in (z, inside)]
        np.testing.assert_allclose(slope[0], slope[1], rtol=1e-6)


def test_the_derivative_of_asinh_on_its_cuts_is_that_of_the_values_side():
    for z in [complex(x, y) for x in (0.0, -0.0) for y in (2.0, -2.0)]:
        inside = complex(np.copysign(1e-9, z.real), z.imag)
        slope = [pa.func.jvp(pa.asinh, (w,), (1 + 0j,))[1].item() for w in (z, inside)]
        np.testing.assert_allclose(slope[0], slope[1], rtol=1e-6)


def test_moduli_do_not_overflow():
    z = pa.tensor([3e200 + 4e200j, 3e-200 + 4e-200j])
    np.testing.assert_allclose(pa.abs(z).numpy(), [5e200, 5e-200], rtol=1e-15)
    np.testing.assert_allclose((z / z).numpy(), [1, 1], rtol=1e-15)
    np.testing.assert_allclose(pa.sign(z).numpy(), [0.6 + 0.8j] * 2, rtol=1e-15)


def test_log1p_and_expm1_are_accurate_near_zero():
    z = np.array([1e-12 + 1e-13j, -1e-10j])
    np.testing.assert_allclose(pa.log1p(pa.tensor(z)).numpy(), z - z**2 / 2, rtol=1e-15)
    np.testing.assert_allclose(pa.expm1(pa.tensor(z)).numpy(), z + z**2 / 2, rtol=1e-15)


def test_powers():
    for exponent in (0, 1, 2, 3, -1, -2, 17, 0.5, 1j, 0.3 - 2j):
        got = (pa.tensor(Z) ** exponent).numpy()
        np.testing.assert_allclose(got, Z**exponent, rtol=1e-13)
    assert (pa.tensor(0j) ** 2).item() == 0 and (pa.tensor(0j) ** 0).item() == 1


def test_scalars_are_weak():
    x = pa.tensor([1.0], dtype="float32")
    assert (x * 1j).dtype == np.complex64 and (1j * x).dtype == np.complex64
    assert (pa.tensor([1]) * 1j).dtype == np.complex128
    assert pa.add(pa.tensor([1j], dtype="complex64"), 2.0).dtype == np.complex64
    assert pa.tensor(1j).dtype == np.complex128
    assert pa.full((2,), 1 + 2j).tolist() == [1 + 2j, 1 + 2j]
    assert pa.asarray([pa.tensor(1.0), 2j]).dtype == np.complex128


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_round_trips(dtype):
    values = Z.astype(dtype)
    x = pa.tensor(values)
    assert x.tolist() == values.tolist() and x[0].item() == values[0].item()
    assert complex(x[0]) == complex(values[0])
    assert np.asarray(x).dtype == values.dtype
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x)).numpy(), values)
    np.testing.assert_array_equal(pa.from_dlpack(values.copy()).numpy(), values)
    np.testing.assert_array_equal(np.from_dlpack(x), values)
    np.testing.assert_array_equal(pa.from_numpy(values)[::-1].numpy(), values[::-1])
    assert eval(repr(x), {"tensor": pa.tensor, **vars(pa)}).dtype == values.dtype
    assert pa.iscomplexobj(x) and not pa.isrealobj(x) and pa.isrealobj(x.real)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_views_of_odd_alignment(dtype):
    """Complex numbers of NumPy are aligned as their parts are."""
    memory = np.zeros(2 * 100 + 1, np.empty(0, dtype).real.dtype)
    for start in (0, 1):
        z = memory[start : start + 200].view(dtype)
        z[...] = np.arange(100) + 1j
        x = pa.from_numpy(z)
        np.testing.assert_array_equal((x + x).numpy(), z + z)
        np.testing.assert_array_equal(x[::3].copy().numpy(), z[::3])
        np.testing.assert_array_equal(
            pa.where(x.real > 5, x, 0).numpy(), np.where(z.real > 5, z, 0)
        )
        np.testing.assert_array_equal(pa.take(x, pa.asarray([5, 3])).numpy(), z[[5, 3]])
        np.testing.assert_allclose((x @ x).numpy(), z @ z, rtol=1e-5)


def test_attributes():
    x = pa.tensor(Z.reshape(3, 1))
    np.testing.assert_array_equal(x.mH.numpy(), np.conj(Z.reshape(1, 3)))
    np.testing.assert_array_equal(x.H.numpy(), x.mH.numpy())
    np.testing.assert_array_equal(x.real.numpy(), Z.real.reshape(3, 1))
    np.testing.assert_array_equal(x.imag.numpy(), Z.imag.reshape(3, 1))
    np.testing.assert_array_equal(x.conj().numpy(), np.conj(Z.reshape(3, 1)))
    real = pa.tensor([1.0])
    np.testing.assert_array_equal(real.imag.numpy(), [0.0])
    assert real.real.dtype == np.float64


def test_numpy_functions():
    x = leaf()
    for f in (np.conjugate, np.real, np.imag, np.angle, np.abs, np.exp):
        got = f(x)
        assert got.requires_grad
        np.testing.assert_allclose(got.detach().numpy(), f(Z), rtol=1e-15)
    np.testing.assert_allclose(np.angle(x, deg=True).detach().numpy(), np.angle(Z, deg=True))
    assert np.iscomplexobj(x) and not np.isrealobj(x)


def test_casts_to_real_warn():
    x = pa.tensor(Z)
    warning = np.exceptions.ComplexWarning
    for call in (
        lambda: x.astype(pa.float64),
        lambda: x.to("float32"),
        lambda: pa.asarray(Z, dtype="float64"),
        lambda: pa.sum(x, dtype="float64"),
        lambda: pa.mean(x, dtype="float32"),
        lambda: operator.setitem(pa.zeros(3), slice(None), x),
    ):
        with pytest.warns(warning, match="imaginary"):
            call()
    with pytest.warns(warning):
        assert x.astype("int64").tolist() == [1, 0, 3]
    assert x.astype(bool).tolist() == [True, True, True]
    with pytest.raises(TypeError):
        pa.zeros(3)[0] = 1j
    with pytest.raises(TypeError):
        float(x[0])


def test_writing():
    x = pa.zeros(3, dtype="complex128")
    x[1:] = pa.tensor([1j, 2.0])
    x[0] = 1 - 1j
    x += pa.tensor([1.0, 1.0, 1.0])
    x *= 1j
    assert x.tolist() == [1 + 2j, -1 + 1j, 3j]
    with pytest.raises(TypeError, match="complex128"):
        y = pa.zeros(3)
        y += x
    z = leaf()
    w = z * 1.0
    w[0] = 5j
    pa.sum(pa.abs(w) ** 2).backward()
    np.testing.assert_allclose(z.grad.numpy(), [0, *(2 * Z[1:])])


@pytest.mark.parametrize(
    "name",
    [
        *("max", "min", "argmax", "argmin", "clip"),
        *("floor", "ceil", "trunc", "relu", "cbrt", "signbit"),
    ],
)
def test_what_needs_an_order_raises(name):
    with pytest.raises(TypeError, match=rf"\[{name}\].*complex128.*abs, real or imag"):
        getattr(pa, name)(pa.tensor(Z))


@pytest.mark.parametrize("op", [operator.lt, operator.ge, operator.floordiv, operator.mod])
def test_operators_that_need_an_order_raise(op):
    for pair in ((pa.tensor(Z), 1.0), (1.0, pa.tensor(Z)), (pa.tensor(Z), pa.tensor(Z))):
        with pytest.raises(TypeError, match="complex128"):
            op(*pair)


@pytest.mark.parametrize("n", [1, 3, 17, 70])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_products_of_all_sizes_and_layouts(n, dtype):
    rng = np.random.default_rng(0)
    a, b = (
        (rng.standard_normal((n, n + 1)) + 1j * rng.standard_normal((n, n + 1))).astype(dtype)
        for _ in range(2)
    )
    tol = 1e-4 if dtype == "complex64" else 1e-12
    x, y = pa.tensor(a), pa.tensor(b)
    for got, want in [
        (x @ y.T, a @ b.T),
        (x.mH @ y, a.conj().T @ b),
        (x @ y[0], a @ b[0]),
        (x[::-1] @ y.T[:, ::2], a[::-1] @ b.T[:, ::2]),
        (pa.einsum("ij,kj->ik", x, y), a @ b.T),
        (pa.vecdot(x, y), np.vecdot(a, b)),
        (pa.tensordot(x, y), np.tensordot(a, b)),
    ]:
        np.testing.assert_allclose(got.numpy(), want, rtol=tol, atol=tol)


def test_large_sums():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((1000, 301)) + 1j * rng.standard_normal((1000, 301))
    x = pa.tensor(z)
    for axis in (None, 0, 1):
        np.testing.assert_allclose(pa.sum(x, axis=axis).numpy(), z.sum(axis), rtol=1e-11)
        np.testing.assert_allclose(pa.var(x, axis=axis).numpy(), z.var(axis), rtol=1e-12)
    np.testing.assert_allclose(pa.sum(x.T[::2], axis=0).numpy(), z.T[::2].sum(0), rtol=1e-11)
