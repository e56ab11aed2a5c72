"""Taylor series through every op: against nested forward mode, closed forms, and under nesting."""

import math

import numpy as np
import pytest
from records import DIFFERENTIABLE, ORDER
from support.modes import forward
from support.properties import scalars

import pyautograd as pa
from pyautograd import _core

RNG = np.random.default_rng(3)


def nested(f, x, v, order):
    """Coefficients by forward mode within forward mode."""
    out, g = [], f
    for k in range(order + 1):
        out.append(g(x).numpy() / math.factorial(k))
        g = lambda x, g=g: pa.func.jvp(g, (x,), (v,))[1]  # noqa: E731
    return out


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
def test_every_op_against_nested_forward_mode(record):
    for f in scalars(record):
        xs, vs = tuple(map(pa.tensor, f.point)), tuple(map(pa.tensor, f.direction()))
        got = pa.func.taylor(lambda xs, f=f: f(*xs), xs, vs, ORDER)
        g = f
        for k in range(ORDER + 1):
            want = g(*xs).item() / math.factorial(k)
            assert np.isclose(got[k].item(), want, rtol=1e-9, atol=1e-9), (f.sample, k)
            g = forward(g, vs)


@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.label)
def test_every_op_with_second_derivatives_summed(record):
    for f in scalars(record):
        directions = [f.direction(), f.direction()]

        def plane(e, f=f, directions=directions):
            moves = zip(f.point, *directions, strict=True)
            return f(*[pa.tensor(x) + e[0] * v + e[1] * w for x, v, w in moves])

        xs = tuple(map(pa.tensor, f.point))
        want = sum(forward(forward(f, vs), vs)(*xs).item() for vs in directions)
        got = pa.laplacian(plane)(np.zeros(2)).item()
        assert np.isclose(got, want, rtol=1e-9, atol=1e-9), f.sample


def geometric(sign):
    return lambda k: float(sign) ** k


CLOSED = {
    "exp": (pa.exp, 0.0, lambda k: 1 / math.factorial(k)),
    "log1p": (pa.log1p, 0.0, lambda k: -((-1.0) ** k) / k if k else 0.0),
    "reciprocal": (lambda x: 1 / (1 - x), 0.0, geometric(1)),
    "power": (lambda x: (1 + x) ** -1.0, 0.0, geometric(-1)),
    "sin": (pa.sin, 0.0, lambda k: (0, 1, 0, -1)[k % 4] / math.factorial(k)),
    "cosh": (pa.cosh, 0.0, lambda k: (k + 1) % 2 / math.factorial(k)),
    "atanh": (pa.atanh, 0.0, lambda k: k % 2 / max(k, 1)),
    "sqrt": (lambda x: pa.sqrt(1 + x) ** 2, 0.0, lambda k: float(k < 2)),
    "polynomial at 0": (lambda x: x**5, 0.0, lambda k: float(k == 5)),
    "moving exponent": (lambda x: (1 + x) ** (1 + x) / (1 + x) ** x, 0.0, lambda k: float(k < 2)),
    "tan": (lambda x: pa.tan(pa.atan(x)), 0.3, lambda k: (0.3, 1.0)[k] if k < 2 else 0.0),
    "tanh": (lambda x: pa.tanh(pa.atanh(x)), 0.3, lambda k: (0.3, 1.0)[k] if k < 2 else 0.0),
    "sigmoid": (
        lambda x: pa.log(pa.special.expit(x) / pa.special.expit(-x)),
        0.3,
        lambda k: (0.3, 1.0)[k] if k < 2 else 0.0,
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_of_high_order(name):
    f, x, wanted = CLOSED[name]
    got = [c.item() for c in pa.func.taylor(f, x, 1.0, 12)]
    np.testing.assert_allclose(got, [wanted(k) for k in range(13)], rtol=1e-11, atol=1e-10)


def test_the_cost_is_polynomial():
    """Order 24, where nested forward mode would take a hundred years."""

    def f(x):
        for _ in range(3):
            x = pa.tanh(x) + pa.sin(x) / (1 + x**2) + (1 + x**2) ** (0.5 * x) - pa.sqrt(pa.exp(x))
        return x

    got = [c.item() for c in pa.func.taylor(f, 0.1, 1.0, 24)]
    short = [c.item() for c in pa.func.taylor(f, 0.1, 1.0, 5)]
    np.testing.assert_allclose(got[:6], short, rtol=1e-13)
    assert np.isfinite(got).all()


def test_the_cost_of_products_and_determinants_is_polynomial():
    rng = np.random.default_rng(0)
    a, b, x = rng.standard_normal((4, 4)), rng.standard_normal((4, 4)), rng.standard_normal((3, 4))
    a[3] = a[2]  # singular where t is zero

    def det(t):
        return pa.linalg.det(a + t * b + t**2 * a)

    def products(t):
        line = pa.prod(pa.sin(x * t), axis=0, keepdims=True)
        return pa.stack([pa.sum(line), pa.prod(pa.sin(x * t + x)), pa.sum(pa.cumprod(x + t))])

    for f, x0 in ((det, 0.0), (products, 0.0), (products, 0.3)):
        series = np.stack([c.numpy() for c in pa.func.taylor(f, x0, 1.0, 24)])
        powers = 0.125 ** np.arange(25).reshape(-1, *[1] * (series.ndim - 1))
        expected = f(pa.tensor(x0 + 0.125)).numpy()
        np.testing.assert_allclose(
            np.sum(series * powers, axis=0), expected, rtol=1e-11, atol=1e-13
        )


def solution(t):
    a = pa.stack([pa.stack([2 + t, pa.sin(t)]), pa.stack([t**2, 3 - t])])
    return pa.linalg.solve(a, pa.stack([pa.exp(t), t]))


CURVES = {
    "solve": solution,
    "matmul": lambda t: pa.matmul(pa.stack([t, t**2]), pa.stack([pa.exp(t), pa.cos(t)])),
    "einsum": lambda t: pa.einsum("i,j->ij", pa.stack([t, t**2]), pa.stack([pa.exp(t), t])),
    "inverse": lambda t: pa.linalg.inv(pa.stack([pa.stack([1 + t, t]), pa.stack([t**2, 1 - t])])),
    "where": lambda t: pa.where(t > 0, pa.sqrt(t), t) * pa.maximum(t, 0.1),
    "norm squared": lambda t: pa.linalg.norm(pa.stack([t - 0.4, 2 * t - 0.8])) ** 2,
    "detach": lambda t: t.detach() * t**2,
}


@pytest.mark.parametrize("name", CURVES)
def test_curves_of_arrays(name):
    x, v = pa.tensor(0.4), pa.tensor(1.0)
    got = pa.func.taylor(CURVES[name], x, v, 5)
    for k, want in enumerate(nested(CURVES[name], x, v, 5)):
        np.testing.assert_allclose(got[k].numpy(), want, rtol=1e-10, atol=1e-12)


def test_masked_singular_branches_stay_finite():
    got = pa.func.taylor(lambda x: pa.where(x > 0, pa.sqrt(x), 0.0), np.zeros(2), np.ones(2), 3)
    assert [c.tolist() for c in got] == [[0.0, 0.0]] * 4
    x = pa.func.taylor(
        lambda x: pa.sum(pa.where(x > 0, pa.log(x) / x, x)), np.zeros(1), np.ones(1), 3
    )
    assert [c.item() for c in x] == [0.0, 1.0, 0.0, 0.0]


def test_nesting_with_every_transform():
    def f(x):
        return pa.exp(pa.sin(x)) * x

    def third(x):
        return pa.func.taylor(f, x, 1.0, 3)[3]

    x, fourth = 0.7, pa.derivative(f, 4)(0.7).item()
    for slope in (
        pa.func.grad(third)(x),
        pa.func.jvp(third, (x,), (1.0,))[1],
        pa.derivative(third)(x),
    ):
        assert slope.item() * 6 == pytest.approx(fourth, rel=1e-12, abs=0)
    inner = pa.func.taylor(lambda x: pa.func.grad(f)(x), x, 1.0, 3)[3]
    assert inner.item() * 6 == pytest.approx(fourth, rel=1e-12, abs=0)
    inner = pa.func.taylor(lambda x: pa.func.jvp(f, (x,), (1.0,))[1], x, 1.0, 3)[3]
    assert inner.item() * 6 == pytest.approx(fourth, rel=1e-12, abs=0)
    xs = np.linspace(0.1, 0.9, 4)
    many = pa.func.vmap(third)(xs).numpy()
    np.testing.assert_allclose(many, [third(x).item() for x in xs], rtol=1e-12)
    inside = pa.func.taylor(pa.func.vmap(f), xs, np.ones(4), 3)[3].numpy()
    np.testing.assert_allclose(inside, many, rtol=1e-12)
    mixed = pa.func.taylor(lambda x: pa.func.taylor(f, x, 1.0, 2)[2], x, 1.0, 2)[2].item()
    assert mixed * 4 == pytest.approx(fourth, rel=1e-12, abs=0)


def test_recording_outside_and_inside():
    w = pa.tensor(0.5, requires_grad=True)
    top = pa.func.taylor(lambda x: pa.exp(w * x), 0.0, 1.0, 3)[3]  # w**3 / 6
    (first,) = pa.grad(top, w, create_graph=True)
    (second,) = pa.grad(first, w)
    assert (first.item(), second.item()) == pytest.approx((0.125, 0.5))

    def inside(x):
        y = x * 1
        y.requires_grad_()
        (g,) = pa.grad(pa.sum(y**4), y, create_graph=True)
        return g

    got = [c.item() for c in pa.func.taylor(inside, 1.0, 1.0, 3)]
    assert got == [4, 12, 12, 4]


class Cube(pa.Function):
    """Custom rules, reverse only: forward mode is derived from them."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x**2


def test_custom_functions():
    got = [c.item() for c in pa.func.taylor(lambda x: Cube.apply(pa.exp(x)), 0.0, 1.0, 5)]
    np.testing.assert_allclose(got, [3.0**k / math.factorial(k) for k in range(6)], rtol=1e-13)


def test_control_flow_follows_the_value():
    def f(x):
        y = x if x > 0 else -x
        for _ in range(int(x.shape == ())):
            y = y * x
        return y

    assert [c.item() for c in pa.func.taylor(f, -2.0, 1.0, 2)] == [-4.0, 4.0, -1.0]


def test_constants_trees_dtypes_and_order_zero():
    found = pa.func.taylor(lambda p: {"y": p["a"] * 2, "c": pa.ones(2)}, {"a": 1.0}, {"a": 3.0}, 2)
    assert [row["y"].item() for row in found] == [2.0, 6.0, 0.0]
    assert [row["c"].tolist() for row in found] == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    single = pa.func.taylor(pa.exp, np.float32(0), np.float32(1), 3)
    assert {c.dtype for c in single} == {np.dtype("float32")}
    assert [c.item() for c in pa.func.taylor(pa.exp, 0.0, 1.0, 0)] == [1.0]
    z = pa.func.taylor(pa.exp, np.array(1j), np.array(1.0 + 0j), 3)[3].item()
    assert z == pytest.approx(np.exp(1j) / 6)
    assert pa.func.taylor(lambda x: pa.sum(x), np.zeros(0), np.zeros(0), 2)[1].item() == 0.0


def test_nothing_leaks():
    def run():
        return pa.func.taylor(
            lambda x: pa.exp(pa.tanh(x)) / pa.linalg.norm(x), np.ones(3), np.ones(3), 5
        )

    run()
    before = pa.memory.live()
    for _ in range(3):
        run()
    assert pa.memory.live() == before
    with pytest.raises(ZeroDivisionError):
        pa.func.taylor(lambda x: pa.exp(x) * (1 // 0), 1.0, 1.0, 3)
    assert pa.memory.live() == before


def test_escaped_jets():
    kept = []
    pa.func.taylor(lambda x: kept.append(x) or x, 1.0, 1.0, 2)
    assert "Jet(level" in repr(kept[0]) and "ended" in repr(kept[0])
    with pytest.raises(pa.EscapedTensorError, match="taylor that has already returned"):
        kept[0] + 1


def test_tensors_kept_by_a_rule():
    """What a derivative rule made is unfinished once the op's coefficients are known."""
    kept = []

    class Keeping(pa.Function):
        forward = staticmethod(lambda x: x * 2)
        setup_context = staticmethod(lambda ctx, inputs, output: None)

        @staticmethod
        def jvp(ctx, t):
            kept.append(pa.exp(t))
            return t * 2

    def f(x):
        y = Keeping.apply(x)
        return y + kept[0]

    with pytest.raises(RuntimeError, match="kept beyond its call"):
        pa.func.taylor(f, 1.0, 1.0, 3)


def test_long_rules_run_and_deep_ones_raise():
    class Looped(pa.Function):
        forward = staticmethod(lambda x: x * 1)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_forward(*inputs, output)

        @staticmethod
        def jvp(ctx, t):
            x, y = ctx.saved_tensors
            chosen = y if deep else x
            for _ in range(5000):
                chosen = chosen * 1.0
            return t * chosen / chosen

    deep = False
    got = [c.item() for c in pa.func.taylor(lambda x: Looped.apply(x), 2.0, 1.0, 3)]
    assert got == [2.0, 1.0, 0.0, 0.0]
    deep = True
    with pytest.raises(RuntimeError, match="wait for each other"):
        pa.func.taylor(lambda x: Looped.apply(x), 2.0, 1.0, 3)


def test_arrays_cannot_carry_series():
    with pytest.raises(RuntimeError, match="inside taylor"):
        pa.func.taylor(lambda x: pa.tensor(np.asarray(x)), 1.0, 1.0, 2)


def test_levels_of_series():
    with _core.Level("vmap", 2) as batch, pytest.raises(ValueError, match="only a taylor level"):
        _core.Level("jvp", 0, directions=batch)
    with _core.Level("taylor", 2) as level:
        with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
            _core.make_jet(level, pa.ones(2), [pa.ones(3)])
        with pytest.raises(TypeError, match="floating-point"):
            _core.make_jet(level, pa.tensor([1]), [pa.ones(1)])
        x = _core.make_jet(level, pa.ones(2), [pa.ones(2)])
        with pytest.raises(ValueError, match="below its level"):
            _core.make_jet(level, x, [])
        value, (first, second) = _core.unwrap_jet(level, x * x)
        assert (value.tolist(), first.tolist(), second.tolist()) == ([1, 1], [2, 2], [1, 1])
        assert _core.unwrap_jet(level, pa.ones(1))[1] == [None, None]
    with pytest.raises(ValueError, match="kind must be"):
        _core.Level("series")
