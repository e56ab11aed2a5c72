"""What the rules of a custom function see and may return, and an error for everything else."""

import warnings

import numpy as np
import pytest
from support.custom_functions import Affine, Odd, SineBackward, dfdx, nth

import pyautograd as pa

pytestmark = pytest.mark.filterwarnings("ignore:.*no batching rule")


def test_absent_gradients_are_zeros_unless_declared():
    seen = []

    class Pair(pa.Function):
        forward = staticmethod(lambda x, materialize: (x * 1.0, x * 2.0))

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.set_materialize_grads(inputs[1])

        @staticmethod
        def backward(ctx, g, h):
            seen.append((g, h))
            return (g if h is None else g + 2 * h), None

    x = pa.tensor([1.0], requires_grad=True)
    for materialize in (True, False):
        assert pa.grad(Pair.apply(x, materialize)[0], x)[0].item() == 1.0
    assert seen[0][1].tolist() == [0.0]
    assert seen[1][1] is None


def test_outputs_that_are_not_differentiable():
    class TopAndWhere(pa.Function):
        @staticmethod
        def forward(x):
            return pa.max(x), pa.argmax(x), x * 0.0 + 1.0

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.where, constant = output[1], output[2]
            ctx.size = inputs[0].shape[0]
            ctx.mark_non_differentiable(output[1], constant)

        @staticmethod
        def backward(ctx, g, _, constant):
            assert constant.tolist() == [0.0] * ctx.size
            return pa.where(pa.arange(ctx.size) == ctx.where, g, 0.0)

    x = pa.tensor([1.0, 5.0, 2.0], requires_grad=True)
    top, where, constant = TopAndWhere.apply(x)
    assert top.requires_grad and not where.requires_grad and not constant.requires_grad
    top.backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]
    tangents = pa.func.jvp(
        lambda x: TopAndWhere.apply(x)[::2], (x.detach(),), (pa.tensor([1.0, 2.0, 3.0]),)
    )[1]
    assert tangents[0].item() == 2.0 and tangents[1].tolist() == [0.0] * 3


@pytest.mark.parametrize("old_style", [False, True])
@pytest.mark.parametrize("attribute", [False, True])
def test_a_saved_output_keeps_its_place_in_the_graph(old_style, attribute):
    def save(ctx, y):
        if attribute:
            ctx.y = y
        else:
            ctx.save_for_backward(y)

    class Exp(pa.Function):
        @staticmethod
        def backward(ctx, g):
            return g * (ctx.y if attribute else ctx.saved_tensors[0])

    if old_style:

        class Exp(Exp):
            @staticmethod
            def forward(ctx, x):
                y = pa.exp(x)
                save(ctx, y)
                return y

    else:

        class Exp(Exp):
            forward = staticmethod(lambda x: pa.exp(x))
            setup_context = staticmethod(lambda ctx, inputs, output: save(ctx, output))

    x = pa.tensor(0.5, requires_grad=True)
    y = Exp.apply(x)
    for _ in range(3):
        (y,) = pa.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(np.exp(0.5))
    assert nth(Exp.apply, "FRF")(pa.tensor(0.5)).item() == pytest.approx(np.exp(0.5))
    found = pa.func.vmap(nth(Exp.apply, "RR"))(pa.tensor([0.5, 1.0]))
    np.testing.assert_allclose(found.numpy(), np.exp([0.5, 1.0]))


@pytest.mark.parametrize("from_output", [False, True])
def test_intermediates_made_in_setup_context_are_differentiable(from_output):
    class Square(pa.Function):
        forward = staticmethod(lambda x: x * x * x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            (x,) = inputs
            ctx.save_for_backward(3 * output / x if from_output else 3 * x * x)

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = pa.tensor(2.0, requires_grad=True)
    (g,) = pa.grad(Square.apply(x), x, create_graph=True)
    assert g.item() == pytest.approx(12.0)
    (h,) = pa.grad(g, x)
    assert h.item() == pytest.approx(12.0)


def test_the_same_value_tracked_and_not():
    """What is saved is found by identity, not by value."""

    class Product(pa.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g * b, g * a

    x = pa.tensor(3.0, requires_grad=True)
    (g,) = pa.grad(Product.apply(x, x.detach()), x, create_graph=True)
    assert g.item() == 3.0
    assert not g.requires_grad or pa.grad(g, x, allow_unused=True)[0] in (None, 0.0)


def test_saved_values_are_guarded_against_writing():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    c = pa.tensor([3.0, 4.0])
    y = Affine.apply(x, c, 1.0)[0]
    c += 1
    with pytest.raises(RuntimeError, match=r"\[Affine\].*version"):
        pa.sum(y).backward()


def test_a_freed_graph():
    x = pa.tensor(1.0, requires_grad=True)
    y = SineBackward.apply(x)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_gradients_of_broadcast_shape_are_summed():
    class Shift(pa.Function):
        forward = staticmethod(lambda x, b: x + b)
        setup_context = staticmethod(lambda ctx, inputs, output: None)
        backward = staticmethod(lambda ctx, g: (g, g))

    x, b = pa.tensor(np.ones((3, 2)), requires_grad=True), pa.tensor([[1.0]], requires_grad=True)
    pa.sum(Shift.apply(x, b)).backward()
    assert b.grad.tolist() == [[6.0]]


@pytest.mark.parametrize(
    "result, error, text",
    [
        (lambda g: (g, g), RuntimeError, "2 gradients, expected 1|gradient"),
        (lambda g: (), RuntimeError, "0 gradients, expected 1"),
        (lambda g: 3.0, TypeError, "must return tensors or None, not float"),
        (lambda g: g.numpy(), TypeError, "ndarray"),
        (lambda g: pa.ones(5), RuntimeError, r"shape \(5,\).*shape \(2,\)"),
        (lambda g: pa.ones(()), RuntimeError, r"shape \(\)"),
    ],
)
def test_wrong_results_of_backward(result, error, text):
    class Wrong(pa.Function):
        forward = staticmethod(lambda x: x * 1.0)
        setup_context = staticmethod(lambda ctx, inputs, output: None)
        backward = staticmethod(lambda ctx, g: result(g))

    x = pa.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(error, match=rf"\[Wrong\].*({text})"):
        pa.sum(Wrong.apply(x)).backward()


def test_a_gradient_for_what_is_no_tensor():
    class Wrong(pa.Function):
        forward = staticmethod(lambda x, n: x * n)
        setup_context = staticmethod(lambda ctx, inputs, output: None)
        backward = staticmethod(lambda ctx, g: (g, g))

    x = pa.tensor(1.0, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"\[Wrong\] .*argument 1, which is no tensor"):
        Wrong.apply(x, 3).backward()


@pytest.mark.parametrize("result", [3.0, None, (), [1.0], np.ones(2)])
@pytest.mark.parametrize("transform", [lambda f: f, pa.func.vmap, dfdx])
def test_forward_must_return_tensors(result, transform):
    class Wrong(Odd):
        forward = staticmethod(lambda x: result)

    with pytest.raises(TypeError, match=r"\[Wrong\] forward must return"):
        transform(Wrong.apply)(pa.tensor([1.0, 2.0]))
    assert pa.func.vmap(pa.sin)(pa.ones(2)).shape == (2,)


def test_forward_that_raises_unwinds():
    class Fails(Odd):
        @staticmethod
        def forward(x):
            raise KeyError("inside")

    def mapped_hessian(f):
        return pa.func.vmap(pa.func.hessian(f))

    for transform in (pa.func.grad, dfdx, pa.func.vmap, mapped_hessian):
        x = pa.tensor(1.0) if transform in (pa.func.grad, dfdx) else pa.ones(2)
        with pytest.raises(KeyError, match="inside"):
            transform(Fails.apply)(x)
    assert pa.func.grad(lambda x: x * x)(pa.tensor(3.0)).item() == 6.0
    assert pa.is_grad_enabled()


class NoRules(pa.Function):
    forward = staticmethod(lambda x: x * 2.0)
    setup_context = staticmethod(lambda ctx, inputs, output: None)


def test_neither_backward_nor_jvp():
    assert NoRules.apply(pa.tensor(1.0)).item() == 2.0
    assert pa.func.vmap(NoRules.apply)(pa.ones(2)).tolist() == [2.0, 2.0]
    text = r"\[NoRules\] has neither backward nor jvp"
    for derivative in (pa.func.grad, dfdx):
        with pytest.raises(NotImplementedError, match=text):
            derivative(NoRules.apply)(pa.tensor(1.0))


def once(backward):
    return staticmethod(pa.once_differentiable(backward))


class NumpyBackward(pa.Function):
    forward = staticmethod(lambda x: pa.asarray(np.sin(x.numpy())))
    setup_context = staticmethod(lambda ctx, inputs, output: ctx.save_for_backward(*inputs))
    backward = once(lambda ctx, g: pa.asarray(g.numpy() * np.cos(ctx.saved_tensors[0].numpy())))


def test_once_differentiable_works_under_every_transform_once():
    x = pa.tensor([0.3, 0.7])
    cos = np.cos(x.numpy())
    apply = NumpyBackward.apply
    np.testing.assert_allclose(pa.func.vmap(pa.func.grad(apply))(x).numpy(), cos)
    np.testing.assert_allclose(pa.func.grad(lambda x: pa.sum(apply(x)))(x).numpy(), cos)
    mapped = pa.func.grad(lambda x: pa.sum(pa.func.vmap(apply)(x)))
    np.testing.assert_allclose(mapped(x).numpy(), cos)
    np.testing.assert_allclose(pa.func.jacrev(apply)(x).numpy(), np.diag(cos))


@pytest.mark.parametrize("modes", ["F", "RR", "FR", "RF"])
def test_once_differentiable_refuses_more(modes):
    with pytest.raises(RuntimeError, match=r"\[NumpyBackward\] .*once_differentiable"):
        nth(NumpyBackward.apply, modes)(pa.tensor(0.3))


def test_once_differentiable_refuses_on_the_recorded_graph():
    x = pa.tensor(0.3, requires_grad=True)
    (g,) = pa.grad(NumpyBackward.apply(x), x, create_graph=True)
    assert g.item() == pytest.approx(np.cos(0.3))
    with pytest.raises(RuntimeError, match="once_differentiable"):
        pa.grad(g, x)


@pytest.mark.parametrize(
    "leave",
    [
        lambda g, x: pa.asarray(g.detach().numpy() * np.cos(x.detach().numpy())),
        lambda g, x: g.detach() * pa.cos(x.detach()),
        lambda g, x: pa.tensor(g.item() * np.cos(x.item())),
    ],
)
def test_a_backward_that_leaves_the_graph_says_so(leave):
    class Leaves(SineBackward):
        backward = staticmethod(lambda ctx, g: leave(g, ctx.saved_tensors[0]))

    x = pa.tensor(0.3, requires_grad=True)
    y = Leaves.apply(x)
    assert pa.grad(y, x, retain_graph=True)[0].item() == pytest.approx(np.cos(0.3))
    (g,) = pa.grad(y, x, create_graph=True)
    assert g.item() == pytest.approx(np.cos(0.3))
    with pytest.raises(RuntimeError, match=r"\[Leaves\] backward left the graph"):
        pa.grad(g, x)


def test_a_backward_under_no_grad_says_so():
    class Leaves(SineBackward):
        @staticmethod
        def backward(ctx, g):
            with pa.no_grad():
                return g * pa.cos(ctx.saved_tensors[0])

    with pytest.raises(RuntimeError, match=r"\[Leaves\] backward left the graph"):
        pa.func.hessian(Leaves.apply)(pa.tensor(0.3))
    with pytest.raises(RuntimeError, match=r"\[Leaves\] backward left the graph"):
        dfdx(Leaves.apply)(pa.tensor(0.3))


def test_a_constant_gradient_is_no_error():
    class Linear(pa.Function):
        forward = staticmethod(lambda x: x * 3.0)
        setup_context = staticmethod(lambda ctx, inputs, output: ctx.save_for_backward(*inputs))
        backward = staticmethod(lambda ctx, g: g * 3.0)

    assert pa.func.hessian(Linear.apply)(pa.tensor(2.0)).item() == 0.0
    assert pa.func.hessian(lambda x: Linear.apply(x) ** 2)(pa.tensor(2.0)).item() == 18.0


def test_the_loop_warns_once():
    class Looped(Odd):
        pass

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            pa.func.vmap(Looped.apply)(pa.ones(3))
    (warning,) = [w for w in caught if "Looped" in str(w.message)]
    assert "no batching rule; vmap runs it in a loop" in str(warning.message)
    assert "generate_vmap_rule = True" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize(
    "result, error",
    [
        (lambda x, d: x, TypeError),
        (lambda x, d: (x, 5), ValueError),
        (lambda x, d: (x, (0, 0)), ValueError),
        (lambda x, d: (3.0, 0), TypeError),
    ],
)
def test_wrong_results_of_vmap(result, error):
    class Wrong(Odd):
        vmap = staticmethod(lambda info, in_dims, x: result(x, in_dims[0]))

    with pytest.raises(error, match=r"\[Wrong\]"):
        pa.func.vmap(Wrong.apply)(pa.ones(3))


def test_vmap_rule_with_an_unmapped_output():
    class Constant(Odd):
        forward = staticmethod(lambda x: pa.ones(()))
        vmap = staticmethod(lambda info, in_dims, x: (pa.ones(()), None))

    assert pa.func.vmap(Constant.apply)(pa.zeros(3)).tolist() == [1.0, 1.0, 1.0]


def test_the_context_explains_itself():
    messages = []

    class Curious(pa.Function):
        @staticmethod
        def forward(ctx, x):
            for misuse in (
                lambda: ctx.mark_dirty(x),
                lambda: ctx.saved_tensors,
                lambda: ctx.missing,
                lambda: ctx.save_for_backward(3.0),
            ):
                with pytest.raises((RuntimeError, AttributeError, TypeError)) as caught:
                    misuse()
                messages.append(str(caught.value))
            return x * 1.0

    Curious.apply(pa.tensor(1.0))
    assert all(m.startswith("[Curious]") for m in messages)
    assert "in place" in messages[0] and "'missing'" in messages[2]


def test_attributes_written_in_backward_stay():
    class Counts(pa.Function):
        @staticmethod
        def forward(ctx, x, log):
            ctx.log, ctx.calls = log, 0
            return x * 1.0

        @staticmethod
        def backward(ctx, g):
            ctx.calls += 1
            ctx.log.append(ctx.calls)
            return g, None

    log = []
    x = pa.tensor(1.0, requires_grad=True)
    y = Counts.apply(x, log)
    y.backward(retain_graph=True)
    y.backward()
    assert log == [1, 2]


def test_a_captured_tensor_of_a_transform_is_an_error():
    def f(x):
        class Captures(Odd):
            forward = staticmethod(lambda y: x * y)

        return Captures.apply(pa.tensor(2.0))

    for transform in (pa.func.vmap, dfdx):
        with pytest.raises(RuntimeError, match=r"\[Captures\].*among its arguments"):
            transform(f)(pa.ones(2))


def test_a_captured_leaf_is_a_constant():
    w = pa.tensor(3.0, requires_grad=True)

    class Captures(Odd):
        forward = staticmethod(lambda x: x * w)

    class Returns(Odd):
        forward = staticmethod(lambda x: w)

    assert not Captures.apply(pa.tensor(2.0)).requires_grad
    assert not Returns.apply(pa.tensor(2.0)).requires_grad


def test_forward_that_returns_its_argument():
    class Same(pa.Function):
        forward = staticmethod(lambda x: x)
        setup_context = staticmethod(lambda ctx, inputs, output: None)
        backward = staticmethod(lambda ctx, g: g * 5.0)

    x = pa.tensor(2.0, requires_grad=True)
    y = Same.apply(x)
    assert y is not x and y.item() == 2.0
    assert pa.grad(y * y, x)[0].item() == 20.0
    assert dfdx(Same.apply)(pa.tensor(1.0)).item() == 5.0


def test_without_tensors():
    class Make(Odd):
        forward = staticmethod(lambda n: pa.ones(n))

    assert Make.apply(3).tolist() == [1.0, 1.0, 1.0]


def test_numpy_arguments_pass_unchanged():
    seen = []

    class Look(Odd):
        @staticmethod
        def forward(x, a):
            seen.append(type(a))
            return x * 1.0

        backward = staticmethod(lambda ctx, g: (g, None))

    Look.apply(pa.tensor(1.0), np.ones(2))
    assert seen == [np.ndarray]


def test_many_arguments():
    """More inputs and outputs than a bit mask has bits."""

    class Many(pa.Function):
        forward = staticmethod(lambda *xs: tuple(x * x for x in xs))
        setup_context = staticmethod(
            lambda ctx, inputs, output: ctx.save_for_backward(inputs[40], inputs[0], output[41])
        )

        @staticmethod
        def backward(ctx, *gs):
            last, first, square = ctx.saved_tensors
            grads = [None] * 50
            grads[40], grads[0] = 2 * last * gs[40], 2 * first * gs[0]
            grads[41] = 2 * pa.sqrt(square) * gs[41]
            return tuple(grads)

    xs = [pa.tensor(float(i), requires_grad=True) for i in range(50)]
    ys = Many.apply(*xs)
    pa.backward([ys[40], ys[0], ys[1], ys[41]])
    assert xs[40].grad.item() == 80.0 and xs[0].grad.item() == 0.0 and xs[1].grad is None
    assert xs[41].grad.item() == 82.0


@pytest.mark.parametrize(
    "outputs, dims", [([pa.ones(3)], [7]), ([pa.ones(3)] * 2, [0]), ([None], [0]), (3, [0])]
)
def test_malformed_answers_to_the_engine(outputs, dims):
    """The compiled side trusts no answer, whoever gives it."""

    class Rules:
        forward = staticmethod(lambda inputs: [None])
        batch = staticmethod(lambda size, values, in_dims: (outputs, dims))

    with pytest.raises(TypeError, match="not None"):
        pa._core.apply_custom("Rules", Rules(), [pa.ones(3)])
    with pytest.raises((TypeError, ValueError)):
        pa.func.vmap(lambda x: pa._core.apply_custom("Rules", Rules(), [x])[0])(pa.ones(3))
