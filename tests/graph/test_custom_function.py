"""Custom functions have rules of their own at every level: every mix of transforms."""

import itertools

import numpy as np
import pytest
from support.custom_functions import SINES, Affine, Odd, dfdx, nth

import pyautograd as pa

pytestmark = pytest.mark.filterwarnings("ignore:.*no batching rule")


ORDERS = ["".join(m) for n in (1, 2, 3) for m in itertools.product("RF", repeat=n)]


@pytest.mark.parametrize("function", SINES)
@pytest.mark.parametrize("modes", ORDERS)
def test_every_mix_of_modes(function, modes):
    def f(x):
        return function.apply(x * x) * x

    def reference(x):
        return pa.sin(x * x) * x

    x = pa.tensor(0.7)
    expected = nth(reference, modes)(x).item()
    assert nth(f, modes)(x).item() == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("function", SINES)
@pytest.mark.parametrize("modes", ["", *ORDERS[:6], "RFR", "FRF"])
def test_every_mix_of_modes_under_vmap(function, modes):
    def f(x):
        return function.apply(x * x) * x

    def reference(x):
        return pa.sin(x * x) * x

    x = pa.tensor([0.3, 0.7, 1.1])
    expected = pa.func.vmap(nth(reference, modes))(x)
    np.testing.assert_allclose(pa.func.vmap(nth(f, modes))(x).numpy(), expected.numpy(), rtol=1e-12)


@pytest.mark.parametrize("function", SINES)
@pytest.mark.parametrize("modes", ["R", "F", "RR", "RF"])
def test_vmap_inside_of_derivatives(function, modes):
    xs = pa.tensor([0.3, 0.7, 1.1])

    def f(w):
        return pa.sum(pa.func.vmap(lambda x: function.apply(w * x) * w)(xs))

    def reference(w):
        return pa.sum(pa.sin(w * xs) * w)

    w = pa.tensor(0.4)
    expected = nth(reference, modes)(w).item()
    assert nth(f, modes)(w).item() == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("function", SINES)
def test_nested_vmap(function):
    x = pa.tensor(np.linspace(0, 1, 6).reshape(2, 3))
    y = pa.func.vmap(pa.func.vmap(pa.func.grad(function.apply), in_axes=0), in_axes=1)(x)
    np.testing.assert_allclose(y.numpy(), np.cos(x.numpy()).T)


@pytest.mark.parametrize("function", SINES)
def test_vmap_over_nothing(function):
    assert pa.func.vmap(function.apply)(pa.zeros((0, 4))).shape == (0, 4)
    g = pa.func.vmap(pa.func.grad(function.apply))(pa.zeros(0))
    assert g.shape == (0,)


@pytest.mark.parametrize("function", SINES)
def test_recorded_graph_to_third_order(function):
    x = pa.tensor(0.7, requires_grad=True)
    y = function.apply(x)
    for expected in (np.cos(0.7), -np.sin(0.7), -np.cos(0.7)):
        (y,) = pa.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected)


@pytest.mark.parametrize("function", SINES)
def test_hessian(function):
    x = pa.tensor([0.3, 0.7])
    h = pa.hessian(lambda x: pa.sum(function.apply(x) * function.apply(x[::-1])), x)
    expected = pa.hessian(lambda x: pa.sum(pa.sin(x) * pa.sin(x[::-1])), x)
    np.testing.assert_allclose(h.numpy(), expected.numpy())


@pytest.mark.parametrize("generate", [False, True])
def test_the_rule_is_never_run_inline(generate):
    class Claim(Odd):
        generate_vmap_rule = generate

    xs = pa.tensor([0.1, 0.2])
    summed = pa.func.grad(lambda w: pa.sum(pa.func.vmap(lambda x: Claim.apply(w * x))(xs)))
    assert summed(pa.tensor(1.0)).item() == pytest.approx(7 * 0.3)
    assert pa.func.vmap(pa.func.grad(Claim.apply))(xs).tolist() == [7.0, 7.0]
    assert dfdx(Claim.apply)(pa.tensor(0.3)).item() == 7.0
    assert pa.func.grad(pa.func.grad(Claim.apply))(pa.tensor(0.3)).item() == 0.0


def test_several_arguments_and_outputs():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    w = pa.tensor([3.0, 4.0], requires_grad=True)
    product, total = Affine.apply(x, w, 10, "anything")
    assert product.tolist() == [30.0, 80.0] and total.tolist() == [4.0, 6.0]
    assert repr(product.grad_fn) == "<AffineBackward>"
    pa.sum(product).backward(retain_graph=True)
    assert x.grad.tolist() == [30.0, 40.0]
    x.grad = None
    pa.sum(product + total).backward()
    assert x.grad.tolist() == [31.0, 41.0]


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0), (1, 0)])
@pytest.mark.parametrize("generate", [False, True])
def test_mapped_with_unmapped_arguments(axes, generate):
    class F(Affine):
        generate_vmap_rule = generate

    rng = np.random.default_rng(0)
    args = [pa.tensor(rng.normal(size=(3, 3) if axis is not None else 3)) for axis in axes]

    def custom(x, w):
        a, b = F.apply(x, w, 2.0)
        return pa.sum(a * b)

    def plain(x, w):
        return pa.sum(x * w * 2.0 * (x + w))

    for transform in (
        lambda f: f,
        lambda f: pa.func.grad(f, argnums=(0, 1)),
        lambda f: pa.func.hessian(f, argnums=1),
        lambda f: pa.func.jacfwd(f, argnums=0),
    ):
        found = pa.func.vmap(transform(custom), in_axes=axes)(*args)
        expected = pa.func.vmap(transform(plain), in_axes=axes)(*args)
        for a, b in zip(pa.tree.flatten(found)[0], pa.tree.flatten(expected)[0], strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


@pytest.mark.parametrize("generate", [False, True])
@pytest.mark.parametrize("transform", [pa.func.grad, pa.func.hessian, pa.func.jacfwd])
def test_derivatives_by_a_parameter_shared_by_all_entries(generate, transform):
    class F(Affine):
        generate_vmap_rule = generate

    xs = pa.tensor(np.arange(6.0).reshape(3, 2))

    def loss(function):
        return lambda w: pa.sum(pa.func.vmap(lambda x: pa.sum(function(x, w)))(xs))

    w = pa.tensor([0.3, 0.4])
    found = transform(loss(lambda x, w: F.apply(x, w, 2.0)[0] * F.apply(x, w, 1.0)[1]))(w)
    expected = transform(loss(lambda x, w: x * w * 2.0 * (x + w)))(w)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_rules_that_are_no_static_methods():
    with pytest.raises(
        TypeError, match=r"\[Legacy\] backward must be a static method, without self"
    ):

        class Legacy(pa.Function):
            def backward(self, grad):
                return grad

    class Empty(pa.Function):
        pass

    with pytest.raises(NotImplementedError, match=r"\[Empty\] forward is not defined: write it"):
        Empty.apply(pa.ones(2))
