"""Values and derivatives at arguments where formulas cancel, underflow or overflow, against numbers
of 100 digits that mpmath has found."""

import itertools
import math
import operator

import numpy as np
import pytest
from support.modes import complex_derivative, in_all_modes

import pyautograd as pa

NEAR_ONE = 1 - 2.0**-30
# The value, and for each argument the first and the second derivative.
CASES = [
    (
        "special.kl_div",
        (1.0, 1 + 2.0**-26),
        (
            1.1102230135960819e-16,
            -1.4901161082825355e-08,
            1.0,
            1.4901160971803055e-08,
            0.9999999701976783,
        ),
    ),
    (
        "special.kl_div",
        (3e5, 3.01e5),
        (
            1.662972197599256,
            -0.0033277900926746693,
            3.3333333333333333e-06,
            0.0033222591362126247,
            3.3112217304444763e-06,
        ),
    ),
    (
        "special.kl_div",
        (1.3, 0.8),
        (0.13116016051621104, 0.48550781578170077, 0.7692307692307692, -0.625, 2.03125),
    ),
    (
        "special.betaln",
        (1e8, 0.5),
        (
            -8.637975427801482,
            -5.0000000125e-09,
            5.000000025e-17,
            -20.384190769973788,
            4.934802190544679,
        ),
    ),
    (
        "special.betaln",
        (1e5, 2e5),
        (
            -190958.88527911686,
            -1.0986156220088503,
            6.666711111271605e-06,
            -0.40546594144265513,
            1.6666736111257716e-06,
        ),
    ),
    (
        "special.betaln",
        (1e-9, 2.5),
        (
            20.723265835666037,
            -1000000001.2803723,
            9.999999999999999e17,
            -4.903577559821328e-10,
            2.362040515297745e-10,
        ),
    ),
    (
        "special.betaln",
        (12.0, 40.0),
        (
            -28.275524477980014,
            -1.498935836589335,
            0.06748500715756646,
            -0.26527014253030395,
            0.005898238127089096,
        ),
    ),
    ("special.spence", (1e-20,), (1.6449340668482264, -46.051701859880914, 1e20)),
    ("special.spence", (1e-9,), (1.6449340451249606, -20.723265857669677, 999999980.2767341)),
    ("special.spence", (0.25,), (0.9784693929303061, -1.8483924814931876, 2.86881002467575)),
    (
        "special.ellipe",
        (NEAR_ONE,),
        (1.0000000052542901, -5.391751038409215, -268435452.2686867),
    ),
    ("special.ellipe", (-1e60,), (1e30, -5e-31, -2.5e-91)),
    ("special.ellipe", (0.75,), (1.2110560275684594, -0.6303064132874558, -0.7743328190413383)),
    ("special.log_ndtr", (1.5,), (-0.06914345561223398, 0.13878975045885075, -0.2274472205207062)),
    ("special.log_ndtr", (-5.0,), (-15.064998393988725, 5.186503967125842, -0.9673035653828878)),
    (
        "special.log_ndtr",
        (30.0,),
        (-4.906713927148187e-198, 1.4736461348785476e-196, -4.420938404635642e-195),
    ),
    ("asin", (NEAR_ONE,), (1.5707531684220182, 23170.475011315586, 12439554045005.59)),
    ("acos", (NEAR_ONE,), (4.315837287850502e-05, -23170.475011315586, -12439554045005.59)),
    ("atanh", (NEAR_ONE,), (10.743781298446322, 536870912.25, 5.764607523034235e17)),
    (
        "atan2",
        (1e-160, -3e-161),
        (
            1.8622531212727638,
            -2.7522935779816513e159,
            math.inf,
            -9.174311926605505e159,
            -math.inf,
        ),
    ),
    ("atan2", (3e160, 1e160), (1.2490457723982544, 1e-161, 0.0, -3e-161, 0.0)),
    ("asinh", (1e160,), (369.10676205960726, 1e-160, 0.0)),
]


@pytest.mark.parametrize("name, at, wanted", CASES, ids=[f"{c[0]}-{c[1][0]:g}" for c in CASES])
def test_ops_at_extreme_arguments(name, at, wanted):
    op = operator.attrgetter(name)(pa)
    one = np.ones(())
    np.testing.assert_allclose(op(*map(pa.tensor, at)).item(), wanted[0], rtol=1e-14)
    for i in range(len(at)):

        def along(x, i=i):
            return op(*[x if j == i else pa.tensor(a) for j, a in enumerate(at)])

        for order in (1, 2):
            values = in_all_modes(along, at[i], *[one] * order)
            expected = wanted[2 * i + order]
            np.testing.assert_allclose(values, expected, rtol=2e-12, atol=1e-300)


@pytest.mark.parametrize(
    "z, loggamma, digamma",
    [
        (1e155 + 1e155j, 3.554618648409596e157 + 3.570326611677545e157j, 357.2472630043571),
        (-1e200 + 1e200j, -4.622197866792815e202 + 4.575073976988967e202j, 460.8635921890891),
        (1e160 - 1e160j, 3.6697479030592984e162 - 3.685455866327247e162j, 368.76018846932726),
    ],
)
def test_gamma_functions_of_huge_complex_numbers(z, loggamma, digamma):
    x = pa.tensor(z)
    np.testing.assert_allclose(pa.special.loggamma(x).item(), loggamma, rtol=1e-14)
    slope = pa.special.digamma(x).item()
    np.testing.assert_allclose(slope, complex(digamma, np.angle(z)), rtol=1e-14)
    by_z = pa.func.jacfwd(pa.special.loggamma, holomorphic=True)(x).item()
    np.testing.assert_allclose(by_z, slope, rtol=1e-14)


@pytest.mark.parametrize("z", [1e8 + 1e300j, -1e160 + 3e160j, 1e200 - 1e200j])
def test_inverse_tangents_of_huge_complex_numbers(z):
    for op in (pa.atan, pa.atanh):
        assert abs(pa.func.jacfwd(op, holomorphic=True)(pa.tensor(z)).item()) < 1e-300
    moderate = pa.tensor(1e100 + 2e100j)
    for op, sign in ((pa.atan, 1), (pa.atanh, -1)):
        slope = pa.func.jacfwd(op, holomorphic=True)(moderate).item()
        np.testing.assert_allclose(slope, sign / (1e100 + 2e100j) ** 2, rtol=1e-14)


# Near a limit: the derivatives of order n = 1, 2, ... are these, but for a part exp(-|x|) of them.
NEAR_LIMITS = [
    (pa.expm1, (-3.0, -20.0, -45.0, -700.0), lambda x, n: np.exp(x)),
    (
        pa.tanh,
        (20.0, -25.0, 350.0),
        lambda x, n: 4 * (-2 * np.sign(x)) ** (n - 1) * np.exp(-2 * abs(x)),
    ),
    (pa.sigmoid, (40.0, -40.0, 700.0), lambda x, n: (-np.sign(x)) ** (n - 1) * np.exp(-abs(x))),
    (pa.special.log_expit, (40.0, 700.0), lambda x, n: (-1) ** (n - 1) * np.exp(-x)),
]


@pytest.mark.parametrize(
    ("f", "points", "wanted"), NEAR_LIMITS, ids=[case[0].__name__ for case in NEAR_LIMITS]
)
def test_slopes_near_limits(f, points, wanted):
    for x in points:
        for order in range(1, 4):
            found = in_all_modes(f, x, *[1.0] * order)
            assert found == pytest.approx([wanted(x, order)] * len(found), rel=2e-15, abs=0)
        fourth = pa.func.jacfwd(pa.func.grad(pa.func.jacfwd(pa.func.grad(f))))(pa.tensor(x))
        assert fourth.item() == pytest.approx(wanted(x, 4), rel=2e-15, abs=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_on_the_way_to_a_limit(dtype):
    eps = np.finfo(dtype).eps
    rel = 2**7 * eps  # seven bits are lost before the argument takes over
    x = np.concatenate([np.linspace(-9, 9, 181), [1e-8, -1e-8, 30.0, -30.0]]).astype(dtype)
    wide = x.astype(np.longdouble)
    e = np.exp(-abs(wide))
    tanh, sigmoid = 1 / np.cosh(wide) ** 2, e / (1 + e) ** 2
    for f, slope, bend in (
        (pa.expm1, np.exp(wide), np.exp(wide)),
        (pa.tanh, tanh, -2 * np.tanh(wide) * tanh),
        (pa.sigmoid, sigmoid, -np.tanh(wide / 2) * sigmoid),
    ):
        first = pa.func.grad(lambda x, f=f: pa.sum(f(x)))
        second = pa.func.grad(lambda x, first=first: pa.sum(first(x)))
        at = pa.asarray(x)
        np.testing.assert_allclose(first(at).numpy(), slope.astype(dtype), rtol=rel)
        np.testing.assert_allclose(second(at).numpy(), bend.astype(dtype), rtol=rel, atol=eps)
        assert first(at).dtype == second(at).dtype == dtype
        # neighbours do not matter, nor do layouts
        alone = np.stack([first(pa.asarray(v)).numpy() for v in x])
        np.testing.assert_array_equal(first(at).numpy(), alone)
        for n in (1, 7, 40, 100):
            np.testing.assert_array_equal(first(at[:n]).numpy(), alone[:n])
        np.testing.assert_array_equal(first(at[::-3]).numpy(), alone[::-3])
        weights = pa.asarray(np.arange(1, 3, dtype=dtype)[:, None])
        rows = pa.func.grad(lambda x, f=f, w=weights: pa.sum(w * f(x)))(pa.stack([at, at]))
        np.testing.assert_array_equal(rows.numpy(), np.stack([alone, 2 * alone]))
        large = pa.tile(at, 300)
        with pa.fused():
            np.testing.assert_array_equal(first(large).numpy(), np.tile(alone, 300))
        captured = pa.captured(first)
        np.testing.assert_array_equal(captured(at[:5]).numpy(), alone[:5])
        np.testing.assert_array_equal(captured(large).numpy(), np.tile(alone, 300))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_slopes_near_limits_of_complex_numbers(order):
    z = pa.asarray([40 + 1j, -40 + 1j])
    for f, at, wanted in (
        (pa.expm1, z[1:], lambda z: np.exp(z)),
        (
            pa.tanh,
            z,
            lambda z: 4 * (-2 * np.sign(z.real)) ** (order - 1) * np.exp(-2 * np.sign(z.real) * z),
        ),
        (pa.sigmoid, z, lambda z: (-np.sign(z.real)) ** (order - 1) * np.exp(-np.sign(z.real) * z)),
    ):
        for modes in itertools.product(("forward", "reverse"), repeat=order):
            found = complex_derivative(f, modes)(at).numpy()
            np.testing.assert_allclose(found, wanted(at.numpy()), rtol=1e-14)


def test_arguments_are_kept_only_near_a_limit():
    for f, far, near in ((pa.tanh, 1.0, 4.0), (pa.sigmoid, 1.0, 6.0), (pa.expm1, 1.0, -6.0)):
        for dtype in ("float64", "float32", "float16", "complex128"):
            x = pa.full((2, 5000), far, dtype=dtype)
            for at, kept in ((x, 1), (pa.matrix_transpose(x), 1), (x * (near / far), 2)):
                at = at.detach().requires_grad_()
                before = pa.memory.live().bytes
                y = f(at * 1.0)
                held = pa.memory.live().bytes - before
                assert kept * at.nbytes <= held < (kept + 0.1) * at.nbytes, (f, dtype, kept)
                del y


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rounded_results_beside_the_limit_that_decides(dtype):
    # Rounded, they are nearer to the limit than what was looked at.
    x = pa.tensor([2.76, 2.7605, 2.761, 2.7615, 2.762], requires_grad=True)
    with pa.memory.keep_as(dtype, min_bytes=0):
        y = pa.sum(pa.tanh(x))
    y.backward()
    slope = 1 / np.cosh(x.detach().numpy()) ** 2
    np.testing.assert_allclose(x.grad, slope, rtol=0, atol=1e-2)


@pytest.mark.parametrize("f", [pa.asin, pa.acos, pa.atanh])
def test_second_derivatives_of_inverse_functions_beside_zero(f):
    sign = {pa.acos: -1, pa.atanh: 2}.get(f, 1)
    for x in (1e-300, -1e-20, 1e-9):
        found = in_all_modes(f, x, 1.0, 1.0)
        assert found == pytest.approx([sign * x] * len(found), rel=1e-15, abs=0)
