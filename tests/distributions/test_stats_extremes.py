"""Derivatives of families at large and small parameters, against numbers that mpmath found."""

import numpy as np
import pytest

import pyautograd as pa

# Family, method, arguments, the numbers of two of them, and the value with its first derivative by
# the first of these and the second one by both
EXTREMES = [
    (
        "gamma",
        "ppf",
        (0.5, 1000.0),
        (1, 1),
        (999.6666864269652, 0.9999999802324887, 3.9549449311770797e-11),
    ),
    (
        "gamma",
        "ppf",
        (0.5, 10000000.0),
        (1, 1),
        (9999999.666666668, 0.9999999999999998, 3.95061771663728e-23),
    ),
    (
        "gamma",
        "isf",
        (1e-20, 100000.0),
        (1, 1),
        (102957.33658890346, 1.0146447278346409, -7.322047567597239e-08),
    ),
    (
        "gamma",
        "ppf",
        (1e-06, 10000000.0),
        (0, 1),
        (9984975.55019509, 638418923.2397294, 31.95295574311911),
    ),
    (
        "chi2",
        "ppf",
        (0.3, 1000000.0),
        (1, 1),
        (999257.9026238887, 0.9996291927028003, 1.8540378724029333e-10),
    ),
    (
        "chi2",
        "isf",
        (0.01, 100000.0),
        (1, 0),
        (101043.31473677837, 1.0052018766291821, -0.08389781870642055),
    ),
    (
        "invgamma",
        "ppf",
        (0.3, 100000.0),
        (1, 1),
        (9.983468571566982e-06, -9.975228596090443e-11, 1.9938122920637145e-15),
    ),
    (
        "nakagami",
        "ppf",
        (0.3, 10000.0),
        (1, 1),
        (0.9973624848579168, 1.3265097306497645e-07, -1.9975126320234084e-11),
    ),
    (
        "loggamma",
        "isf",
        (0.01, 1000000.0),
        (1, 1),
        (13.81783567119506, 9.988380603701634e-07, -9.98257707204901e-13),
    ),
    (
        "laplace_asymmetric",
        "cdf",
        (1e-08, 1e-08),
        (0, 1),
        (1.9999999999999997e-16, 9.999999999999999e-09, 0.9999999999999994),
    ),
    (
        "laplace_asymmetric",
        "logcdf",
        (3.0, 1e-08),
        (1, 1),
        (-17.322068466950924, 99999998.83333333, -1e16),
    ),
    (
        "laplace_asymmetric",
        "logsf",
        (-1e-08, 100000000.0),
        (1, 1),
        (-36.14821430734479, -1.5e-08, 1.7499999999999993e-16),
    ),
    ("t", "logcdf", (-1e300, 1.0), (0, 1), (-691.9202577840631, 1e-300, 1e-300)),
    (
        "t",
        "logsf",
        (1e300, 60.0),
        (1, 1),
        (-41326.671614314306, -688.2366195156312, 0.008469908049876526),
    ),
    ("t", "logsf", (1e200, 4000.0), (0, 1), (-1825485.0411408858, -4e-197, -1e-200)),
    (
        "burr12",
        "isf",
        (0.3, 100.0, 0.001),
        (0, 2),
        (169350.87808430288, -5645029.269476763, 73609646470.21605),
    ),
    (
        "burr12",
        "ppf",
        (0.5, 100.0, 0.001),
        (2, 2),
        (1023.9999999999999, -7097827.128933839, 63394042883.09149),
    ),
    (
        "burr12",
        "isf",
        (0.01, 100.0, 0.001),
        (1, 1),
        (9.999999999999989e19, -4.605170185988086e19, 2.2128626479111184e19),
    ),
    (
        "exponweib",
        "logpdf",
        (101.0, 100000.0, 0.7),
        (0, 1),
        (-15.522720422203317, -0.17827807236835083, 1.8137132503977915e-12),
    ),
    (
        "exponweib",
        "logpdf",
        (34.0, 100000.0, 0.7),
        (1, 2),
        (-2.453154395803359, 2.526599637095439e-06, 0.00031108697276168346),
    ),
    ("genlogistic", "logpdf", (-1000000000.0, 1e-08), (0, 1), (-28.420680743952367, 1e-08, 1.0)),
    ("genlogistic", "logpdf", (-1e30, 1e-08), (1, 0), (-1e22, -1e30, 1.0)),
    (
        "geom",
        "logcdf",
        (1.0, 0.9999999990686774),
        (1, 1),
        (-9.313225750491594e-10, 1.0000000009313226, -1.0000000018626451),
    ),
    (
        "geom",
        "sf",
        (3.0, 0.9999999990686774),
        (1, 1),
        (8.077935669463161e-28, -2.6020852139652106e-18, 5.587935447692871e-09),
    ),
]


@pytest.mark.parametrize(
    "name, method, at, by, wanted", EXTREMES, ids=[f"{case[0]}.{case[1]}" for case in EXTREMES]
)
def test_values_and_derivatives(name, method, at, by, wanted):
    f, i, j = getattr(getattr(pa.stats, name), method), *by
    points = [pa.tensor(x) for x in at]
    value, first, second = wanted
    assert f(*points).item() == pytest.approx(value, rel=1e-13, abs=0)
    for outer in (pa.func.jacfwd, pa.func.jacrev):
        assert outer(f, argnums=i)(*points).item() == pytest.approx(first, rel=1e-11, abs=0)
        for inner in (pa.func.jacfwd, pa.func.jacrev):
            g = outer(inner(f, argnums=i), argnums=j)
            assert g(*points).item() == pytest.approx(second, rel=1e-10, abs=0)
            mapped = pa.func.vmap(g)(*[pa.stack([p, p]) for p in points])
            np.testing.assert_allclose(mapped.numpy(), second, rtol=1e-10)
