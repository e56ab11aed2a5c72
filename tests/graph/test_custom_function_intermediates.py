"""Custom functions whose ``forward(ctx, ...)`` keeps results that are no outputs: second
derivatives go through them, in every mode, or raise."""

import numpy as np
import pytest

import pyautograd as pa


class Attribute(pa.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.slope = pa.exp(x)
        return ctx.slope - 1.0

    @staticmethod
    def backward(ctx, g):
        return g * ctx.slope


class Saved(pa.Function):
    @staticmethod
    def forward(ctx, x):
        slope = pa.exp(x)
        ctx.save_for_backward(slope)
        return slope - 1.0

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class InATuple(pa.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.kept = (pa.exp(x), {"of": "x"})
        return ctx.kept[0] - 1.0

    @staticmethod
    def backward(ctx, g):
        return g * ctx.kept[0]


class ByJvp(pa.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.slope = pa.exp(x)
        return ctx.slope - 1.0

    @staticmethod
    def jvp(ctx, t):
        return t * ctx.slope


class ByNumPy(pa.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.slope = np.exp(x.numpy())
        return pa.asarray(ctx.slope - 1.0)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.slope


class TensorByNumPy(pa.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.slope = pa.asarray(np.exp(x.numpy()))
        return ctx.slope - 1.0

    @staticmethod
    def backward(ctx, g):
        return g * ctx.slope


def recorded(f):
    def slopes(x):
        x = pa.tensor(x.numpy(), requires_grad=True)
        (g,) = pa.grad(pa.sum(f(x)), x, create_graph=True)
        return pa.grad(pa.sum(g), x)[0]

    return slopes


def scalar(f):
    return lambda x: pa.sum(f(x))


SECOND = {
    "reverse over reverse": lambda f: pa.func.jacrev(pa.func.grad(scalar(f))),
    "forward over reverse": lambda f: pa.func.jacfwd(pa.func.grad(scalar(f))),
    "reverse over forward": lambda f: pa.func.jacrev(pa.func.jacfwd(scalar(f))),
    "forward over forward": lambda f: pa.func.jacfwd(pa.func.jacfwd(scalar(f))),
    "at a point": lambda f: lambda x: pa.hessian(scalar(f), x),
    "captured": lambda f: pa.captured(pa.func.hessian(scalar(f))),
    "checkpointed": lambda f: pa.func.hessian(lambda x: pa.checkpoint(scalar(f), x)),
    "operator": lambda f: lambda x: pa.asarray(pa.linop.Hessian(scalar(f), x) @ np.eye(2)),
    "recorded": lambda f: lambda x: pa.diag(recorded(f)(x)),
    "mapped": lambda f: lambda x: pa.func.vmap(pa.func.hessian(scalar(f)))(x[None])[0],
}
X = pa.tensor([0.0, 1.0])


@pytest.mark.filterwarnings("ignore:.*no batching rule")
@pytest.mark.parametrize("mode", SECOND)
@pytest.mark.parametrize("function", [Attribute, Saved, InATuple, ByJvp], ids=lambda f: f.__name__)
def test_second_derivatives(function, mode):
    got = SECOND[mode](function.apply)(X).numpy()
    np.testing.assert_allclose(got, np.diag(np.exp(X.numpy())), rtol=1e-14)


@pytest.mark.parametrize("function", [Attribute, Saved, ByJvp], ids=lambda f: f.__name__)
def test_third_derivatives(function):
    f = scalar(function.apply)
    got = pa.func.jacrev(pa.func.jacrev(pa.func.grad(f)))(X).numpy()
    assert got[1, 1, 1] == pytest.approx(np.e) and got.sum() == pytest.approx(1 + np.e)


@pytest.mark.parametrize("function", [ByNumPy, TensorByNumPy], ids=lambda f: f.__name__)
def test_numpy_has_first_derivatives_only(function):
    f = scalar(function.apply)
    for first in (pa.func.grad(f), pa.func.jacfwd(f)):
        np.testing.assert_allclose(first(X).numpy(), np.exp(X.numpy()))
    x = pa.tensor([0.0, 1.0], requires_grad=True)
    (g,) = pa.grad(f(x), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), np.exp(X.numpy()))
    for mode in ("reverse over reverse", "reverse over forward", "at a point", "recorded"):
        with pytest.raises(RuntimeError, match=rf"\[{function.__name__}\] .* no output"):
            SECOND[mode](function.apply)(X)


def test_constants_stay_constant():
    weights, start = pa.tensor([2.0, 3.0]), np.array([1.0, 5.0])

    class Weighted(pa.Function):
        @staticmethod
        def forward(ctx, x, given):
            ctx.weights, ctx.given, ctx.x = weights * 1.0, given, x
            return weights * x**2 + given

        @staticmethod
        def backward(ctx, g):
            return g * ctx.weights * 2 * ctx.x, None

    f = scalar(lambda x: Weighted.apply(x, start))
    assert pa.hessian(f, X).tolist() == [[4.0, 0.0], [0.0, 6.0]]


def test_draws_are_repeated_and_those_of_numpy_raise():
    class Dropout(pa.Function):
        @staticmethod
        def forward(ctx, x, draw):
            ctx.mask, ctx.x = draw(x.shape) * 1.0, x
            return ctx.mask * x**2

        @staticmethod
        def backward(ctx, g):
            return g * ctx.mask * 2 * ctx.x, None

    x = pa.ones(50)
    repeated = lambda x: pa.sum(Dropout.apply(x, lambda s: pa.random.random(s) < 0.5))  # noqa: E731
    value, gradient, H = pa.value_grad_hessian(repeated, x)
    assert np.diag(H).tolist() == gradient.tolist() and gradient.sum() == 2 * value
    rng = np.random.default_rng(0)
    drawn = lambda x: pa.sum(Dropout.apply(x, lambda s: pa.asarray(rng.random(s) < 0.5)))  # noqa: E731
    assert set(pa.func.grad(drawn)(x).tolist()) == {0.0, 2.0}
    with pytest.raises(RuntimeError, match=r"\[Dropout\] .* drawn by others than pa\.random"):
        pa.hessian(drawn, x)


def test_forward_runs_once_more_only_where_the_rule_is_differentiated():
    runs = []

    class Counted(Attribute):
        @staticmethod
        def forward(ctx, x):
            runs.append(x)
            return Attribute.forward(ctx, x)

        backward = Attribute.backward

    f = scalar(Counted.apply)
    pa.func.grad(f)(X)
    assert len(runs) == 1
    pa.hessian(f, X)
    assert len(runs) == 3


def test_saved_tensor_hooks_may_round():
    for function in (Attribute, Saved):
        x = pa.tensor([0.0, 1.1], requires_grad=True)
        with pa.memory.keep_as("float16", min_bytes=0):
            (g,) = pa.grad(pa.sum(function.apply(x * 1.0)), x, create_graph=True)
            (h,) = pa.grad(pa.sum(g), x)
        np.testing.assert_allclose(h.numpy(), np.exp([0.0, 1.1]), rtol=1e-2)
