"""Hypergeometric functions: values, derivatives in every argument, and where they stop."""

import math

import numpy as np
import pytest
import scipy.special as sc
from support.modes import mixed_derivative

import pyautograd as pa
from pyautograd import special

# Made with mpmath 1.3 and differences of high precision: name, arguments, orders, the derivative
VALUES = [
    ("hyp0f1", (2.5, -0.7), (2, 1), 0.07760723979764977),
    ("hyp0f1", (0.5, -80.0), (1, 0), -3.690273834461346),
    ("hyp0f1", (3.2, 60.0), (0, 2), 136.11777302461041),
    ("hyp0f1", (-2.3, 40.0), (1, 1), -4749921.818898714),
    ("hyp0f1", (200.0, -1000.0), (0, 0), 0.006318067173540032),
    ("hyp0f1", (1e-08, 1e-09), (1, 0), -10000000.005),
    ("hyp1f1", (0.5, 1.5, 2.0), (1, 2, 0), 5.8025778407244895),
    ("hyp1f1", (1.3, 2.9, -300.0), (1, 0, 1), -2.5513825022388336e-05),
    ("hyp1f1", (0.7, 2.1, 500.0), (0, 1, 1), -1.0776464995406287e214),
    ("hyp1f1", (1e-300, 1.0, 3.0), (0, 1, 0), -1.246041228123842e-299),
    ("hyp1f1", (-3.0, 1.5, 2.0), (3, 0, 0), 0.2321245966797543),
    ("hyp1f1", (4.5, -1.5, 6.0), (1, 1, 1), -123381649.17334254),
    ("hyp1f1", (2.5, 3.5, -1000000.0), (1, 0, 0), -4.7832072351759227e-14),
    ("hyp1f1", (0.0, 2.0, 700.0), (1, 0, 0), 2.075800716840125e298),
    ("hyp1f1", (2.5, 0.5, 100.0), (1, 1, 0), -9.570855709153589e48),
    ("hyp1f1", (-3.5, 0.5, 200.0), (0, 0, 1), 3.183593349845599e78),
    ("hyp1f1", (4.2, 1.7, -300.0), (1, 0, 0), 1.823224050228193e-10),
    ("hyp1f1", (1.5, -0.3, -65.0), (0, 2, 0), -0.04669990890738257),
    ("hyperu", (0.7, 1.4, 2.0), (1, 1, 1), -0.04201857970282673),
    ("hyperu", (0.0, 2.5, 3.0), (2, 0, 0), -0.7852163280509258),
    ("hyperu", (2.5, 1.0, 1e-08), (0, 1, 0), 119.3224330931012),
    ("hyperu", (1.5, -3.0, 100000000.0), (0, 0, 1), -1.4999997937500234e-20),
    ("hyperu", (-3.0, 1.5, 2.0), (1, 0, 0), -16.449551928581897),
    ("hyperu", (-12.3, 0.5, 10.0), (0, 1, 1), 3275174993.2293167),
    ("hyp2f1", (0.5, 1.5, 2.5, 0.3), (1, 1, 1, 0), -0.09181670069157546),
    ("hyp2f1", (0.5, 0.5, 1.0, 0.9999999990686774), (1, 0, 0, 0), 77.99580154686926),
    ("hyp2f1", (1.0, 2.0, 3.0, -100000000.0), (0, 0, 1, 1), 9.999989905565057e-17),
    ("hyp2f1", (-2.5, 1.2, 3.4, -40.0), (2, 0, 0, 0), 15631.21493506155),
    ("hyp2f1", (2.0, 3.0, 1.5, 0.6), (0, 0, 2, 1), 1507.8459126430268),
    ("hyp2f1", (-3.0, 2.5, 1.5, 0.7), (2, 1, 0, 0), -0.12399162468231036),
    ("hyp2f1", (3.3, 0.4, 1.9, 0.95), (0, 1, 0, 2), 464755.41289406753),
    ("hyp2f1", (1e-10, 1.0, 2.0, -0.5), (0, 0, 1, 0), 9.863968992889593e-12),
    ("hyp2f1", (-3.0, 2.5, 1.5, -70.0), (0, 1, 0, 1), -40714.0),
    ("hyp2f1", (1.0, 1.0, 1e-08, 0.01), (0, 0, 1, 0), -102030405060708.1),
]


@pytest.mark.parametrize(("name", "args", "orders", "expected"), VALUES)
def test_values_and_derivatives(name, args, orders, expected):
    got = mixed_derivative(getattr(special, name), orders, args)
    assert got == pytest.approx(expected, rel=2e-11, abs=0)


def test_elementary_cases():
    x = np.array([-30.0, -0.3, 0.2, 0.7])
    np.testing.assert_allclose(special.hyp0f1(0.5, -(x**2) / 4), np.cos(x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(special.hyp1f1(2.3, 2.3, 20 * x), np.exp(20 * x), rtol=1e-12)
    np.testing.assert_allclose(special.hyp2f1(1, 1, 2, x), -np.log1p(-x) / x, rtol=1e-12)
    np.testing.assert_allclose(special.hyp2f1(2.5, 3.0, 3.0, x), (1 - x) ** -2.5, rtol=1e-12)
    y = np.array([1e-8, 0.2, 3.0, 1e6])
    np.testing.assert_allclose(special.hyperu(0.7, 1.7, y), y**-0.7, rtol=1e-12)
    np.testing.assert_allclose(special.hyperu(-1.0, 2.5, y), y - 2.5, rtol=1e-12)
    # Polynomials, also where the series would divide by 0 after its end
    assert special.hyp1f1(-1, -2, 3.0).item() == pytest.approx(2.5, rel=1e-15, abs=0)
    assert special.hyp2f1(-2, 2, 3, 2.0).item() == pytest.approx(1 / 3, rel=1e-14, abs=0)


EQUATIONS = {
    "hyp0f1": lambda x, f, d, dd, v: x * dd + v * d - f,
    "hyp1f1": lambda x, f, d, dd, a, b: x * dd + (b - x) * d - a * f,
    "hyperu": lambda x, f, d, dd, a, b: x * dd + (b - x) * d - a * f,
    "hyp2f1": lambda x, f, d, dd, a, b, c: x * (1 - x) * dd + (c - (a + b + 1) * x) * d - a * b * f,
}
POINTS = {
    "hyp0f1": (1.7,),
    "hyp1f1": (0.8, 1.9),
    "hyperu": (0.8, 1.9),
    "hyp2f1": (0.8, 1.9, 2.6),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_differential_equations_hold_for_the_derivatives_in_parameters_too(name):
    """Differentiated once in the first parameter, so that third derivatives count."""
    f, parameters = getattr(special, name), POINTS[name]

    def residual(first, x):
        given = (first, *parameters[1:])
        at = lambda x: pa.sum(f(*given, x))  # noqa: E731
        d = pa.func.grad(at)
        dd = pa.func.grad(lambda x: pa.sum(d(x)))
        return pa.sum(EQUATIONS[name](x, f(*given, x), d(x), dd(x), *given))

    for x in (0.15, 0.6, 0.9):
        slope = pa.func.grad(residual)(parameters[0], pa.tensor([x])).item()
        assert abs(slope) < 1e-9


@pytest.mark.parametrize("name", EQUATIONS)
def test_under_every_transform(name):
    f, parameters = getattr(special, name), POINTS[name]
    point = (*parameters, 0.6)
    everything = tuple(range(len(point)))
    reverse, ahead = pa.func.jacrev(f, everything)(*point), pa.func.jacfwd(f, everything)(*point)
    np.testing.assert_allclose(reverse, ahead, rtol=1e-12)

    def total(v):
        return pa.sum(f(*[v + p for p in parameters], v))

    v = pa.tensor([0.1, 0.3, 0.7])
    hessian = pa.hessian(total, v)
    sparse = pa.sparse.hessian(total, v)
    assert sparse.nnz == 3
    np.testing.assert_allclose(sparse.toarray(), hessian.numpy(), rtol=1e-12)
    mapped = pa.func.vmap(pa.func.grad(lambda x: f(*[x + p for p in parameters], x)))(v)
    np.testing.assert_allclose(mapped, pa.func.grad(total)(v), rtol=1e-12)
    captured = pa.captured(lambda v: pa.hessian(total, v))
    np.testing.assert_allclose(captured(v), hessian, rtol=1e-12)


def test_scipys_functions_take_tensors():
    a = pa.tensor(0.7, requires_grad=True)
    for y in (sc.hyp0f1(a, 0.2), sc.hyp1f1(a, 2.0, 0.2), sc.hyperu(a, 2.0, 0.2)):
        assert isinstance(y, pa.Tensor)
        assert y.requires_grad
    assert sc.hyp2f1(a, 1.0, 2.0, 0.2).requires_grad
    single = special.hyp1f1(pa.ones(2, dtype=pa.float32), 2.0, 0.5)
    assert single.dtype == np.float32
    with pytest.raises(TypeError, match=r"\[special.hyp2f1\] is not defined for dtype complex128"):
        special.hyp2f1(1j, 1.0, 2.0, 0.5)


NOWHERE = [
    ("hyp0f1", (-2.0, 1.0)),
    ("hyp1f1", (150.5, 1.0, 300.0)),  # neither series converges
    ("hyp1f1", (-60.5, 0.5, 30.0)),  # cancels
    ("hyp1f1", (2.0, -1.0, 1.0)),
    ("hyp1f1", (1.0, 2.0, np.inf)),
    ("hyperu", (-41.0, 1.0, 2.0)),
    ("hyperu", (1.0, 1.0, 0.0)),
    ("hyperu", (1.0, 1.0, -1.0)),
    ("hyp2f1", (2.0, 3.0, 1.0, 0.95)),
    ("hyp2f1", (1.0, 2.0, 0.0, 0.3)),
    ("hyp2f1", (1.0, 2.0, 3.0, 1.5)),
]


@pytest.mark.parametrize(("name", "args"), NOWHERE)
def test_nan_where_the_methods_do_not_reach(name, args):
    assert math.isnan(getattr(special, name)(*args).item())


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("hyp1f1", (-3.0, 1.5, 200.0), sc.hyp1f1(-3.0, 1.5, 200.0)),
        ("hyp2f1", (-3.0, 2.5, 1.5, -70.0), sc.hyp2f1(-3.0, 2.5, 1.5, -70.0)),
        ("hyp2f1", (-3.0, 2.5, 1.5, 7.0), sc.hyp2f1(-3.0, 2.5, 1.5, 7.0)),
    ],
)
def test_a_polynomial_has_no_slope_in_its_degree_where_the_series_is_none(name, args, value):
    f, last = getattr(special, name), len(args) - 1
    assert f(*args).item() == pytest.approx(value, rel=1e-13, abs=0)
    assert math.isfinite(pa.func.grad(f, argnums=last)(*args).item())
    slope = pa.func.grad(f)
    assert math.isnan(slope(*args).item())
    for place in range(last + 1):
        assert math.isnan(pa.func.grad(slope, argnums=place)(*args).item())


def test_gauss_sum():
    """At 1: DLMF 15.4.20, and infinite where that diverges."""
    assert special.hyp2f1(0.5, 0.5, 2.0, 1.0).item() == pytest.approx(4 / math.pi, rel=1e-14, abs=0)
    slope = pa.func.grad(special.hyp2f1)(0.5, 0.5, 2.0, 1.0).item()
    expected = 4 / math.pi * (special.digamma(1.5) - special.digamma(1.0)).item()
    assert slope == pytest.approx(expected, rel=1e-12, abs=0)
    assert math.isnan(pa.func.grad(special.hyp2f1, argnums=3)(0.5, 0.5, 2.0, 1.0).item())
    assert special.hyp2f1([1.0, -0.5], 1.0, [2.0, 0.2], 1.0).tolist() == [np.inf, -np.inf]
