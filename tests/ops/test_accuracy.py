"""Values and derivatives at arguments where formulas cancel, underflow or overflow, against numbers
of 100 digits that mpmath has found."""

import math
import operator

import numpy as np
import pytest
from support.modes import in_all_modes

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
