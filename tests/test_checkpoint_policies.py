"""What the policies of pa.checkpoint keep, and names."""

import numpy as np
import pytest
from checkpoint_functions import TRANSFORMS, checkpointed, close, x0

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
