"""Custom functions whose rules use transforms themselves, or draw random numbers."""

import numpy as np
import pytest

import pyautograd as pa

X = np.array([0.3, 1.2])


class SineByJvp(pa.Function):
    """Its jvp runs reverse mode."""

    @staticmethod
    def forward(x):
        return pa.sin(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return t * pa.func.grad(lambda x: pa.sum(pa.sin(x)))(x)


class SineByGrad(pa.Function):
    """Its forward and its backward run reverse mode: sin is the slope of -cos."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return pa.func.grad(lambda x: -pa.sum(pa.cos(x)))(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * pa.func.grad(lambda x: pa.sum(pa.sin(x)))(x)


class SineInALoop(SineByGrad):
    generate_vmap_rule = False


class SineByForwardMode(SineByGrad):
    """Every rule runs forward mode, and its context is filled by forward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return pa.func.jvp(lambda x: -pa.cos(x), (x,), (pa.ones_like(x),))[1]

    setup_context = pa.Function.setup_context

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return pa.func.jvp(pa.sin, (x,), (g,))[1]


def forward(f):
    return lambda x: pa.func.jvp(f, (x,), (pa.ones_like(x),))[1]


def reverse(f):
    return lambda x: pa.func.grad(lambda x: pa.sum(f(x)))(x)


def mapped(f):
    return lambda x: pa.func.vmap(f)(x)


pytestmark = pytest.mark.filterwarnings("ignore:.*batching rule")
every_function = pytest.mark.parametrize(
    "function", [SineByJvp, SineByGrad, SineInALoop, SineByForwardMode]
)
MODES = {"forward": forward, "reverse": reverse}


@every_function
@pytest.mark.parametrize("wrap", [lambda f: f, mapped], ids=["plain", "mapped"])
@pytest.mark.parametrize("first", MODES)
def test_first_derivatives(function, wrap, first):
    x = pa.asarray(X)
    np.testing.assert_allclose(wrap(function.apply)(x).numpy(), np.sin(X), rtol=1e-15)
    slope = wrap(MODES[first](function.apply))
    np.testing.assert_allclose(slope(x).numpy(), np.cos(X), rtol=1e-15)
    slope = MODES[first](wrap(function.apply))
    np.testing.assert_allclose(slope(x).numpy(), np.cos(X), rtol=1e-15)


@every_function
@pytest.mark.parametrize("wrap", [lambda f: f, mapped], ids=["plain", "mapped"])
@pytest.mark.parametrize("first", MODES)
@pytest.mark.parametrize("second", MODES)
def test_second_and_third_derivatives(function, wrap, first, second):
    twice = MODES[second](MODES[first](function.apply))
    np.testing.assert_allclose(wrap(twice)(pa.asarray(X)).numpy(), -np.sin(X), rtol=1e-15)
    thrice = MODES[first](twice)
    np.testing.assert_allclose(wrap(thrice)(pa.asarray(X)).numpy(), -np.cos(X), rtol=1e-15)


@every_function
def test_a_constant_of_a_running_transform_stays_one(function):
    """The function's argument takes no part in the transform around it."""
    x = pa.asarray(X)

    def scaled(y):
        value = function.apply(x)
        assert pa._core.depth(value) == 0
        return y * pa.sum(value)

    value, slope = pa.func.jvp(scaled, (pa.tensor(2.0),), (pa.tensor(1.0),))
    np.testing.assert_allclose([value.item(), slope.item()], np.sin(X).sum() * np.array([2, 1]))
    several = pa.func.vmap(scaled)(pa.asarray([1.0, 2.0]))
    np.testing.assert_allclose(several.numpy(), np.sin(X).sum() * np.array([1, 2]))


@pytest.mark.parametrize("function", [SineByGrad, SineByForwardMode])
def test_a_backward_pass_inside_another_transform(function):
    def scaled(y):
        leaf = pa.tensor(X, requires_grad=True)
        pa.sum(function.apply(leaf)).backward()
        assert pa._core.depth(leaf.grad) == 0
        return y * pa.sum(leaf.grad)

    slope = pa.func.jvp(scaled, (pa.tensor(2.0),), (pa.tensor(1.0),))[1]
    np.testing.assert_allclose(slope.item(), np.cos(X).sum())


class SineByValue(SineByGrad):
    """Its backward reads the value beside the derivative."""

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * pa.func.vjp(pa.cos, x)[0]


class SineByOtherSlope(SineByGrad):
    """Its backward takes a derivative by something else, of a function of what was saved."""

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * pa.func.grad(lambda z: pa.sum(z * pa.cos(x)))(pa.ones_like(x))


@pytest.mark.parametrize("function", [SineByValue, SineByOtherSlope])
@pytest.mark.parametrize(
    "product",
    [
        lambda f, x, v: pa.func.grad(lambda x: pa.func.grad(f)(x) @ v)(x),
        lambda f, x, v: pa.func.jvp(pa.func.grad(f), (x,), (v,))[1],
        lambda f, x, v: pa.func.linearize(pa.func.grad(f), x)[1](v),
        lambda f, x, v: pa.hvp(f, x, v),
        lambda f, x, v: pa.hessian(f, x) @ v,
        lambda f, x, v: pa.value_grad_hessian(f, x)[2] @ v,
        lambda f, x, v: pa.sparse.hessian(f, x) @ v.numpy(),
        lambda f, x, v: pa.linop.Hessian(f, x) @ v.numpy(),
        lambda f, x, v: pa.func.vmap(pa.func.hessian(f))(pa.expand_dims(x, 0))[0] @ v,
        lambda f, x, v: pa.captured(lambda x: pa.hessian(f, x))(x) @ v,
    ],
    ids="grad-of-grad jvp linearize hvp hessian value sparse linop vmap captured".split(),
)
def test_derivatives_that_a_backward_takes_are_differentiated(function, product):
    x, v = pa.tensor(X), pa.tensor([1.0, -0.5])
    found = product(lambda x: pa.sum(function.apply(x) ** 3), x, v)
    s, c = np.sin(X), np.cos(X)
    np.testing.assert_allclose(np.asarray(found), (6 * s * c**2 - 3 * s**3) * v.numpy(), rtol=1e-12)


def test_derivatives_that_the_residual_of_a_root_takes_are_differentiated():
    def residual(z, x):
        return pa.func.vjp(lambda q: q**3 - x, z)[0]

    def squares(x):
        return pa.sum(pa.implicit.root(residual, pa.ones(2), x) ** 6)  # x**2

    x, v = pa.tensor([0.7, 1.2]), pa.tensor([1.0, -0.5])
    np.testing.assert_allclose(pa.hvp(squares, x, v).numpy(), 2 * v.numpy(), rtol=1e-9)
    linear = pa.func.linearize(pa.func.grad(squares), x)[1]
    np.testing.assert_allclose(linear(v).numpy(), 2 * v.numpy(), rtol=1e-9)


class Noisy(pa.Function):
    """x * noise, whose noise backward sees again."""

    @staticmethod
    def forward(ctx, x):
        noise = pa.random.normal(size=())
        ctx.save_for_backward(noise)
        return x * noise

    @staticmethod
    def backward(ctx, g):
        (noise,) = ctx.saved_tensors
        return g * noise


class NoisyMapped(Noisy):
    generate_vmap_rule = True


@pytest.mark.parametrize("function", [Noisy, NoisyMapped])
def test_the_same_draws_for_every_entry(function):
    pa.random.seed(0)
    value = pa.func.vmap(function.apply, randomness="same")(pa.ones(3)).numpy()
    assert value[0] == value[1] == value[2]
    assert value[0] != pa.random.normal(size=()).item()


@pytest.mark.parametrize("function", [Noisy, NoisyMapped])
def test_forward_draws_the_same_when_it_runs_again_to_record(function):
    def slope_and_value(x):
        value, pull = pa.func.vjp(function.apply, x)
        return pull(pa.ones_like(value))[0], value

    pa.random.seed(0)
    slopes, values = pa.func.vmap(slope_and_value, randomness="same")(pa.ones(2))
    np.testing.assert_array_equal(slopes.numpy(), values.numpy())


@pytest.mark.parametrize("function", [Noisy, NoisyMapped])
def test_draws_for_every_entry_must_be_arguments(function):
    with pytest.raises(RuntimeError, match=r"a random draw under vmap: pass it as one"):
        pa.func.vmap(function.apply, randomness="different")(pa.ones(3))
    with pytest.raises(RuntimeError, match="ambiguous"):
        pa.func.vmap(function.apply)(pa.ones(3))
