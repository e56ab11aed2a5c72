"""Sparse derivatives through custom functions: dense, unless they say that they are elementwise."""

import numpy as np
import pytest

import pyautograd as pa

RNG = np.random.default_rng(0)


def test_they_are_dense_and_named():
    class Cube(pa.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.saved_tensors[0] ** 2

    x = np.array([1.0, 2.0])
    plan = pa.sparse.plan(Cube.apply, x)
    assert plan.pattern.nnz == 4 and "dense ops: Cube (1)" in plan.explain()
    # Here the user may know better; a product tells.
    plan = pa.sparse.plan(Cube.apply, x, pattern=np.eye(2))
    assert plan.jacobian(x).toarray().tolist() == [[3, 0], [0, 12]]
    with pytest.raises(ValueError, match="misses entries in 1 columns, the first in column 1"):
        pa.sparse.jacobian(Cube.apply, x, pattern=[[1, 0], [0, 0]])
    second = pa.sparse.hessian(lambda x: pa.sum(Cube.apply(x)), x, pattern=np.eye(2))
    assert second.toarray().tolist() == [[6, 0], [0, 12]]


def test_those_that_are_elementwise():
    class Product(pa.Function):
        elementwise = True

        @staticmethod
        def forward(ctx, x, row, power):
            ctx.save_for_backward(x, row)
            ctx.power = power
            return x**power * row, row * x

        @staticmethod
        def backward(ctx, g, h):
            (x, row), k = ctx.saved_tensors, ctx.power
            slope = g * row * k * x ** (k - 1) + h * row
            return slope, pa.sum(g * x**k + h * x, axis=0), None

    def f(x, row):
        return pa.concat([y.reshape(-1) for y in Product.apply(x.reshape(3, 2), row, 3)])

    x, row = RNG.normal(size=6), RNG.normal(size=2)
    plan = pa.sparse.plan(lambda p: f(*p), (x, row))
    assert plan.pattern.nnz == 24 and "dense ops: none" in plan.explain()
    blocks = pa.func.jacrev(f, (0, 1))(pa.tensor(x), pa.tensor(row))
    np.testing.assert_allclose(plan.jacobian((x, row)).toarray(), np.hstack(blocks))
    total = pa.sparse.plan(lambda x: pa.sum(f(x, pa.tensor(row))), x)
    assert total.pattern.nnz == 6
    wanted = pa.hessian(lambda x: pa.sum(f(x, pa.tensor(row))), x)
    np.testing.assert_allclose(total.hessian(x).toarray(), wanted, atol=1e-12)


def test_those_of_matrices():
    class Outer(pa.Function):
        core_ndim = 1

        @staticmethod
        def forward(ctx, x, row):
            ctx.save_for_backward(x, row)
            return x * pa.sum(row * x, axis=-1, keepdims=True)

        @staticmethod
        def backward(ctx, g):
            x, row = ctx.saved_tensors
            along = pa.sum(g * x, axis=-1, keepdims=True)
            by_row = pa.sum(along * x, axis=0)
            return g * pa.sum(row * x, axis=-1, keepdims=True) + along * row, by_row

    def f(x, row):
        return Outer.apply(x.reshape(3, 2), row).reshape(-1)

    x, row = RNG.normal(size=6), RNG.normal(size=2)
    plan = pa.sparse.plan(lambda p: f(*p), (x, row))
    assert plan.pattern.nnz == 3 * 4 + 6 * 2 and "dense ops: none" in plan.explain()
    blocks = pa.func.jacrev(f, (0, 1))(pa.tensor(x), pa.tensor(row))
    np.testing.assert_allclose(plan.jacobian((x, row)).toarray(), np.hstack(blocks))
    Outer.core_ndim = 3
    with pytest.raises(ValueError, match=r"\[Outer\] core_ndim is set, and an output has shape"):
        pa.sparse.jacobian(lambda x: f(x, pa.tensor(row)), x)


def test_those_that_say_so_and_are_not():
    class Total(pa.Function):
        elementwise = True

        @staticmethod
        def forward(ctx, x):
            return pa.sum(x)

        @staticmethod
        def backward(ctx, g):
            return g * np.ones(3)

    with pytest.raises(ValueError, match=r"\[Total\] elementwise is set, and an output has shape"):
        pa.sparse.jacobian(Total.apply, np.ones(3))
