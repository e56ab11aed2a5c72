"""pa.testing: right derivatives pass, wrong ones do not, leaks are seen."""

import numpy as np
import pytest

import pyautograd as pa
from pyautograd.testing import assert_no_leak, check_grads, gradcheck, gradgradcheck

X = pa.tensor([0.3, 0.7, 1.1])


class WrongFirst(pa.Function):
    """Cube with a gradient that is off by one part in a hundred."""

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * 3.03 * x**2


class WrongSecond(WrongFirst):
    """Cube with the right gradient, whose own derivative is lost."""

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * 3.0 * x.detach() ** 2


def f(x):
    return pa.sin(x) * pa.exp(x)


def test_right_derivatives_pass():
    assert gradcheck(f, X)
    assert gradcheck(lambda x, y: (x @ y, {"z": x * 2}), (X, X))
    assert gradgradcheck(f, X)
    check_grads(f, (X,), order=3)
    check_grads(lambda p: {"y": f(p["x"]), "z": p["x"][0]}, ({"x": X},), order=2)
    check_grads(f, (X,), order=2, modes=["rev"])


def test_wrong_first_derivatives_fail():
    with pytest.raises(AssertionError, match="reverse mode disagrees .* output 0 and input 0"):
        gradcheck(WrongFirst.apply, X)
    assert not gradcheck(WrongFirst.apply, X, raise_exception=False)
    with pytest.raises(AssertionError, match="order 1"):
        check_grads(WrongFirst.apply, (X,), order=1, modes=["rev"])


def test_wrong_second_derivatives_fail():
    assert gradcheck(lambda x: WrongSecond.apply(x), X)
    with pytest.raises((AssertionError, RuntimeError)):
        gradgradcheck(WrongSecond.apply, X)
    with pytest.raises((AssertionError, RuntimeError)):
        check_grads(WrongSecond.apply, (X,), order=2, modes=["rev"])


def test_arrays_and_numbers_are_checked():
    x = np.array([0.3, 0.7])
    assert gradcheck(lambda x, y: x * y, (x, 2.0))
    with pytest.raises(AssertionError, match="input 1"):
        gradcheck(lambda x, y: x * WrongFirst.apply(y), (x, x))
    check_grads(lambda x, y: x * y, (x, 2.0))


def test_only_inputs_that_require_grad_are_checked():
    x = pa.tensor([0.3, 0.7], requires_grad=True)
    assert gradcheck(lambda x, y: x * WrongFirst.apply(y), (x, pa.tensor([1.0, 2.0])))
    with pytest.raises(AssertionError, match="input 1"):
        gradcheck(lambda x, y: x * WrongFirst.apply(y), (x.detach(), pa.tensor([1.0, 2.0])))


def test_trees_are_checked():
    def bowl(p, weight):
        return {"y": [pa.sum(p["a"] ** 3) * weight, p["b"][0] * p["a"]]}

    tree = {"a": np.ones(2), "b": (pa.tensor(0.5), 3)}
    assert gradcheck(bowl, (tree, 2.0)) and gradgradcheck(bowl, (tree, 2.0))
    assert gradcheck(lambda p: p["a"] ** 2, tree)

    class Wrong(pa.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            return g * 3.0

    with pytest.raises(AssertionError, match=r"input \[0\]\['a'\]"):
        gradcheck(lambda p: Wrong.apply(p["a"]) + p["b"][0], tree)
    with pytest.raises(ValueError, match=r"input \[0\]\['a'\] has dtype float32"):
        gradcheck(lambda p: p["a"], {"a": pa.ones(2, dtype="float32").requires_grad_()})


def test_wrong_use():
    with pytest.raises(ValueError, match="nothing to check"):
        gradcheck(f, (1,))
    with pytest.raises(ValueError, match="input 0 has dtype float32"):
        gradcheck(f, pa.tensor(np.ones(2, np.float32), requires_grad=True))
    with pytest.raises(ValueError, match="arguments must be float64 or complex128, got int64"):
        check_grads(f, (3,), order=1)
    with pytest.raises(TypeError, match=r"got a ndarray: check_grads\(f, \(x,\)\)"):
        check_grads(f, np.ones(2))
    with pytest.raises(ValueError, match="order must be at least 1"):
        check_grads(f, (X,), order=0)
    with pytest.raises(ValueError, match="modes must be among 'fwd' and 'rev'"):
        check_grads(f, (X,), order=1, modes=["forward"])
    for check in (gradcheck, gradgradcheck, check_grads):
        for nothing in (lambda x: None, lambda x: pa.argsort(x), lambda x: ()):
            with pytest.raises(TypeError, match="returns no floating-point tensor to check"):
                check(nothing, (X,))


def test_assert_no_leak_sees_what_is_kept():
    kept = []
    with pytest.raises(AssertionError, match="before .* after"):
        with assert_no_leak():
            kept.append(pa.tensor([1.0]) * 2)
    with assert_no_leak():
        x = pa.tensor([1.0], requires_grad=True)
        pa.sum(x**2).backward(create_graph=True)
        del x


def test_assert_no_leak_lets_exceptions_through():
    with pytest.raises(KeyError):
        with assert_no_leak():
            raise KeyError("mine")
