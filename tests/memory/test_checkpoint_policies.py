"""What the policies of pa.checkpoint keep, and names."""

import numpy as np
import pytest
from support.checkpoint_functions import TRANSFORMS, checkpointed, close, x0

import pyautograd as pa


def is_kept(policy):
    """Whether a sum is: if so, its recomputation does not see that a summand has changed."""
    summand = pa.ones(3)

    def f(x):
        return pa.sin(pa.name(x + summand, "here")) ** 2

    x = pa.tensor(x0.numpy(), requires_grad=True)
    y = pa.checkpoint(f, x, policy=policy)
    (want,) = pa.grad(pa.sum(f(x)), [x])
    summand[0] = 5.0
    try:
        pa.sum(y).backward()
    except RuntimeError as error:
        assert "results have other values" in str(error)
        return False
    close(x.grad, want)
    return True


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (None, False),
        (pa.policies.nothing_saveable, False),
        (pa.policies.everything_saveable, True),
        (pa.policies.save_ops("add"), True),
        (pa.policies.save_ops("cos"), False),
        (pa.policies.save_names("here"), True),
        (pa.policies.save_names("there"), False),
        (pa.policies.save_smaller_than(25), True),
        (pa.policies.save_smaller_than(24), False),
        (pa.policies.save_costly(0.125), True),
        (pa.policies.save_costly(0.126), False),
        (pa.policies.any_of(pa.policies.dots_saveable, pa.policies.save_ops("add")), True),
        (pa.policies.dots_saveable, False),
        (lambda operation: operation.name == "here", True),
    ],
)
def test_what_a_policy_keeps_is_not_computed_again(policy, kept):
    assert is_kept(policy) == kept


def test_kept_products_serve_higher_orders():
    w = pa.tensor(np.random.default_rng(0).normal(size=(3, 3)))

    def f(x):
        return pa.sum(pa.tanh(w @ pa.tanh(w @ x)))

    kept = checkpointed(f, policy=pa.policies.dots_saveable)
    for name in ("grad", "hessian", "third order", "vmap of grad", "vmap of hessian"):
        close(TRANSFORMS[name](kept)(x0), TRANSFORMS[name](f)(x0))


EVERYTHING = pa.policies.everything_saveable


def writes_a_row(x):
    out = pa.sin(x)
    out[0] = out[0] * x[1]
    return pa.exp(out)


def writes_through_a_view(x):
    out = pa.ones(3)
    row = out[:2]
    row *= 3.0
    return pa.exp(out * x) * out


def names_what_it_wrote(x):
    out = pa.sin(x)
    out[0] = out[0] * x[1]
    return pa.exp(pa.name(out, "here"))


def writes_by_an_operator(x):
    out = pa.sin(x)
    out *= x  # to a later run that records this is a product, and not the next one
    return out + x * 3.0


@pytest.mark.parametrize(
    "f", [writes_a_row, writes_through_a_view, names_what_it_wrote, writes_by_an_operator]
)
@pytest.mark.parametrize("policy", [EVERYTHING, pa.policies.save_names("here")])
def test_what_is_written_after_it_was_kept_is_computed_again(f, policy):
    results = []

    def g(x):
        y = pa.checkpoint(f, x, policy=policy)
        results.append(y)  # a live tensor may show the memory that was kept
        return pa.sum(y**2)

    for name in ("grad", "hessian", "vmap of grad"):
        close(TRANSFORMS[name](g)(x0), TRANSFORMS[name](lambda x: pa.sum(f(x) ** 2))(x0))


def test_what_somebody_else_writes_after_it_was_kept_is_computed_again():
    x = pa.tensor(x0.numpy(), requires_grad=True)
    shown = []

    def f(x):
        scale = pa.exp(pa.zeros(x.shape))
        shown.append(scale)
        return pa.sin(x) * scale

    y = pa.sum(pa.checkpoint(f, x, policy=EVERYTHING))
    shown[0][:] = 9.0
    y.backward()
    close(x.grad, pa.cos(x0))


def test_a_name_does_not_go_to_what_lay_there_before():
    def f(x):
        gone = pa.cos(x)
        left = gone * 2.0
        del gone
        return pa.sum(pa.exp(pa.name(pa.flip(left), "here")) * x)

    named = checkpointed(f, policy=pa.policies.save_names("here"))
    close(pa.func.grad(named)(x0), pa.func.grad(f)(x0))


def test_name_is_the_value_itself():
    x = pa.tensor(1.0, requires_grad=True)
    assert pa.name(x, "x") is x and pa.name("text", "x") == "text"
    with pytest.raises(TypeError, match=r"\[name\]"):
        pa.name(x, 3)


def test_a_policy_that_knows_the_result_is_collected():
    """A graph must not hold its policy, which may hold the graph: no collector would see that."""

    class Model:
        def keeps(self, operation):
            return operation.op == "tanh"

        def run(self, x):
            self.loss = pa.sum(pa.checkpoint(lambda x: pa.tanh(x) ** 2, x, policy=self.keeps))

    x = pa.tensor(x0.numpy(), requires_grad=True)
    with pa.testing.assert_no_leak():
        Model().run(x)
