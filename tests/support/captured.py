"""What the tests of captured calls share: comparisons, and what refusals say."""

import sys

import numpy as np
import pytest

import pyautograd as pa

THEIRS = "tensors that it did not make"


def arrays(tree):
    """A list of numbers is an array."""
    if isinstance(tree, list) and tree and not isinstance(tree[0], (list, np.ndarray, pa.Tensor)):
        tree = np.array(tree)
    if isinstance(tree, (tuple, list)):
        return [y for part in tree for y in arrays(part)]
    return [np.asarray(y) for y in pa.tree.leaves(tree)]


def same(got, want, rtol=0.0):
    """With the same bits, or about as exact."""
    for y, w in zip(arrays(got), arrays(want), strict=True):
        assert y.dtype == w.dtype and y.shape == w.shape
        scale = np.abs(w[np.isfinite(w)]).max(initial=1.0) if w.dtype.kind in "fc" else 0
        np.testing.assert_allclose(y, w, rtol=rtol, atol=rtol * scale)
        if rtol == 0 and w.dtype.kind == "f":
            zeros = w == 0
            np.testing.assert_array_equal(np.signbit(y[zeros]), np.signbit(w[zeros]))


def checked(f, *xs, ops=None):
    """The call has the bits of the function, twice, and then at other numbers."""
    call = pa.captured(f)
    for factor in (1, 1, -0.5):
        ys = [pa.asarray(x * np.asarray(factor, x.dtype)) for x in xs]
        same(call(*ys), f(*ys))
    if ops is not None:
        assert call.ops() == [ops]
    return call


def rosenbrock(x):
    return pa.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def refused(call, *xs):
    with pytest.raises(RuntimeError, match="the function asks for numbers"):
        call(*xs)


def frames(call, *args):
    """The functions of Python's that a call runs."""
    names = []
    sys.setprofile(lambda frame, event, arg: event == "call" and names.append(frame.f_code.co_name))
    try:
        call(*args)
    finally:
        sys.setprofile(None)
    return names
