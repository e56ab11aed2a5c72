"""Values and derivatives beside ends of supports, of ranges of parameters and beside limits, where
terms would cancel, against numbers that mpmath found."""

import numpy as np
import pytest
from support.modes import by_argument, in_all_modes

import pyautograd as pa

# Family, method, arguments, the number of one of them, and a value with its first and second
# derivatives by that one
AT_ENDS = [
    ("rice", "logpdf", (1.5, 0.0), 1, (-0.7195348918918356, 0.0, 0.125)),
    ("rice", "cdf", (1.5, 0.0), 1, (0.6753475326416503, 0.0, -0.36523402577814335)),
    ("triang", "ppf", (1e-10, 0.0), 0, (5.000000000125e-11, 0.500000000025, 0.2500000000375)),
    (
        "triang",
        "isf",
        (1e-10, 2.0**-40),
        1,
        (0.99999, 5.000000000002274e-06, 2.5000000000034095e-06),
    ),
    (
        "triang",
        "cdf",
        (1.5 * 2.0**-40, 2.0**-40),
        1,
        (1.8189894035456497e-12, -0.9999999999990905, -2.0),
    ),
    (
        "triang",
        "logsf",
        (1.0 - 1.5 * 2.0**-40, 1.0 - 2.0**-40),
        0,
        (-27.032740041837982, -1099511627776.068, -1.2089258196156347e24),
    ),
    ("genpareto", "isf", (1e-10, -1.0), 0, (0.9999999999, -1.0, 0.0)),
    (
        "genpareto",
        "isf",
        (1e-10, -0.75),
        1,
        (1.3333332911696312, 1.7777767507043882, 4.740715647113101),
    ),
    (
        "genpareto",
        "logpdf",
        (1.0 - 2.0**-30, -1.0),
        1,
        (0.0, -20.79441541679836, 2147483604.411169),
    ),
    (
        "genextreme",
        "isf",
        (2.0**-14, 1.0),
        0,
        (0.999938962981029, -1.0000610388817677, -1.0001220814892804),
    ),
    (
        "exponnorm",
        "cdf",
        (5000.0, 8192.0),
        0,
        (0.4568401150944383, 6.630369688788595e-05, -8.093712999009515e-09),
    ),
    (
        "exponnorm",
        "logsf",
        (1e20, 1024.0),
        1,
        (-9.765625e16, 95367431640625.0, -186264514923.0957),
    ),
    (
        "exponnorm",
        "isf",
        (1e-25, 8192.0),
        0,
        (471569.42710621573, -8.191999999999999e28, 8.191999999999999e53),
    ),
    (
        "beta",
        "isf",
        (1e-30, 1e4, 3.0),
        0,
        (0.9999999999999818, -6056463017208480.0, 4.0376420112889343e45),
    ),
    (
        "beta",
        "isf",
        (1e-30, 1e4, 3.0),
        2,
        (0.9999999999999818, -1.4344469481394226e-13, -1.0385636495786333e-12),
    ),
    (
        "beta",
        "ppf",
        (1.0 - 2.0**-20, 2.0, 0.5),
        1,
        (0.9999999999995958, 2.266641123721496e-13, -2.52066311225298e-13),
    ),
]
# Of large parameters, beside the limit without them
NEAR_LIMITS = [
    (
        "t",
        "logpdf",
        (1.5, 1e9),
        1,
        (-2.043938533314048, 1.09375001265625e-19, -2.18750003796875e-28),
    ),
    ("t", "logpdf", (0.0, 1e8), 1, (-0.9189385357046728, 2.5e-17, -5e-25)),
    (
        "f",
        "logpdf",
        (1.25, 5.0, 1e7),
        2,
        (-0.7842409247536855, 2.1093743723959337e-14, -4.218748117187901e-21),
    ),
    (
        "f",
        "logpdf",
        (0.75, 1e7, 5.0),
        1,
        (-0.3204023010951754, 1.805555320987373e-14, -3.6111104074062826e-21),
    ),
    (
        "f",
        "logpdf",
        (1.0078125, 1e5, 3e5),
        1,
        (3.2023214771745274, -4.7664371655347495e-06, -4.127132098872276e-12),
    ),
    (
        "betaprime",
        "logpdf",
        (0.5, 1e6, 2e6),
        2,
        (6.479231275061105, 8.33333449074074e-08, -1.6666673611112576e-07),
    ),
]
# Where probabilities, squares or slopes underflow or overflow
FAR_OUT = [
    ("gumbel_l", "logcdf", (-1100.0,), 0, (-1100.0, 1.0, 0.0)),
    (
        "maxwell",
        "logsf",
        (60.0,),
        0,
        (-1796.1311691282929, -59.98334258488582, -1.0002773154567377),
    ),
    (
        "f",
        "logsf",
        (1000.0, 400.0, 600.0),
        2,
        (-1619.1576676789193, -2.4990603747041704, 0.0004993945145353488),
    ),
    (
        "betaprime",
        "logcdf",
        (0.001, 300.0, 200.0),
        1,
        (-1740.548342425472, -6.400597427492057, -0.001325768008811383),
    ),
    ("cauchy", "logcdf", (-1e200,), 0, (-461.6617484846586, 1e-200, 0.0)),
    ("nakagami", "logpdf", (1e-10, 0.5), 0, (-0.22579135264472744, -1e-10, -1.0)),
    (
        "t",
        "cdf",
        (-1e96, 0.125),
        1,
        (4.0500143931253075e-13, -8.998754360291018e-11, 1.9996270300052835e-08),
    ),
    ("rayleigh", "logcdf", (1e-152,), 0, (-700.6790154507498, 2e152, -2e304)),
]
CASES = [*AT_ENDS, *NEAR_LIMITS, *FAR_OUT]
ONE = np.ones(())


@pytest.mark.parametrize(
    "name, method, at, i, wanted", CASES, ids=[f"{case[0]}.{case[1]}" for case in CASES]
)
def test_values_and_derivatives(name, method, at, i, wanted):
    one = by_argument(getattr(getattr(pa.stats, name), method), at, i)
    np.testing.assert_allclose(one(pa.tensor(at[i])).item(), wanted[0], rtol=1e-14, atol=1e-300)
    first = in_all_modes(one, at[i], ONE)
    np.testing.assert_allclose(first, wanted[1], rtol=1e-11, atol=1e-300)
    second = in_all_modes(one, at[i], ONE, ONE)
    np.testing.assert_allclose(second, wanted[2], rtol=1e-10, atol=1e-30)
