"""Distribution functions and quantiles far out, at their edges, and in captured calls."""

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa
from pyautograd import special

# Made with mpmath 1.3: name, arguments, the position of one of them, the value and its first and
# second derivatives in that argument
VALUES = [
    (
        "pdtr",
        (100.0, 250.0),
        1,
        (2.953524450691059e-27, -1.7798226802422716e-27, 1.067893608145363e-27),
    ),
    (
        "pdtrc",
        (30.0, 0.5),
        1,
        (3.4892913968869945e-44, 2.1295743841809944e-42, 1.2564488866667867e-40),
    ),
    (
        "bdtr",
        (3.0, 60.0, 0.9),
        2,
        (2.509029099999968e-53, -1.4219436599999823e-50, 7.915486373999904e-48),
    ),
    (
        "bdtrc",
        (19.0, 51.0, 0.0001),
        2,
        (7.730656976993721e-67, 1.5459031366982569e-61, 2.9367366818265216e-56),
    ),
    (
        "nbdtr",
        (36.0, 60.0, 0.001),
        2,
        (3.0922518534787986e-154, 1.8542550828721446e-149, 1.0933422988647015e-144),
    ),
    (
        "nbdtrc",
        (5.0, 4.0, 0.999),
        2,
        (8.378418894400045e-17, -5.024895114960022e-13, 2.510938579968009e-09),
    ),
    (
        "chdtr",
        (20.0, 0.01),
        1,
        (2.678939970347235e-30, 2.6777223165002314e-27, 2.408611223691958e-24),
    ),
    (
        "chdtrc",
        (3.0, 200.0),
        0,
        (4.2185411071920426e-43, 9.657570416541166e-43, 2.112345007702192e-42),
    ),
    (
        "chdtrc",
        (3.0, 200.0),
        1,
        (4.2185411071920426e-43, -2.0988281156772085e-43, 1.0441669875494111e-43),
    ),
    (
        "fdtr",
        (5.0, 7.0, 0.0001),
        0,
        (4.683556872491175e-10, -1.8603228457656599e-09, 7.418636338948769e-09),
    ),
    (
        "fdtr",
        (5.0, 7.0, 0.0001),
        2,
        (4.683556872491175e-10, 1.1707458557985234e-05, 0.17556170713104705),
    ),
    (
        "fdtrc",
        (5.0, 7.0, 1000000.0),
        1,
        (2.519684016335881e-20, -1.532194017227788e-19, 9.330866619212923e-19),
    ),
    (
        "fdtrc",
        (5.0, 7.0, 1000000.0),
        2,
        (2.519684016335881e-20, -8.818877595264454e-26, 3.968487510022195e-31),
    ),
    (
        "gdtr",
        (2.0, 30.0, 0.1),
        2,
        (3.335733174701749e-54, 9.94265003737136e-52, 2.863483210762952e-49),
    ),
    (
        "gdtrc",
        (2.0, 3.0, 80.0),
        0,
        (4.2220308865941684e-66, -3.3356682569805017e-64, 2.6351779230145965e-62),
    ),
    (
        "betainc",
        (20.0, 32.0, 1e-06),
        2,
        (7.753286652676972e-107, 1.5506550414677799e-99, 2.9462397717533463e-92),
    ),
]


@pytest.mark.parametrize(("name", "args", "place", "expected"), VALUES)
def test_values_and_derivatives(name, args, place, expected):
    f = getattr(special, name)
    for want in expected:
        np.testing.assert_allclose(f(*args).item(), want, rtol=2e-13)
        f = pa.func.grad(f, argnums=place)


QUANTILES = [
    ("pdtri", "pdtr", (3.0,), [1e-250, 1e-9, 0.3, 1 - 1e-9]),
    ("chdtri", "chdtrc", (2.5,), [1e-250, 1e-9, 0.3, 1 - 1e-9]),
    ("gdtrix", "gdtr", (0.7, 2.5), [1e-250, 1e-9, 0.3, 1 - 1e-9]),
    ("fdtri", "fdtr", (3.0, 4.5), [1e-100, 1e-9, 0.3, 1 - 1e-9]),
    ("bdtri", "bdtr", (2.0, 7.0), [1e-9, 0.3, 1 - 1e-9]),
]


@pytest.mark.parametrize(("inverse", "function", "shapes", "shares"), QUANTILES)
def test_quantiles(inverse, function, shapes, shares):
    """There and back, and the slope is that of the function upside down."""
    solve, f = getattr(special, inverse), getattr(special, function)
    for p in shares:
        x, slope = solve(*shapes, p).item(), pa.func.grad(solve, argnums=len(shapes))(*shapes, p)
        back = pa.func.grad(f, argnums=len(shapes))(*shapes, x).item()
        np.testing.assert_allclose(f(*shapes, x).item(), p, rtol=1e-12)
        np.testing.assert_allclose(slope.item() * back, 1.0, rtol=1e-12)


def test_derivatives_at_edges_are_not_nan():
    inf = np.inf
    for name, args, place, expected in [
        ("pdtr", (0.0, 0.0), 1, -1.0),
        ("pdtr", (inf, 2.0), 1, 0.0),
        ("pdtrc", (2.0, inf), 1, 0.0),
        ("bdtr", (0.0, 3.0, 0.0), 2, -3.0),
        ("bdtr", (3.0, 3.0, 0.5), 2, 0.0),
        ("bdtrc", (2.0, 3.0, 1.0), 2, 3.0),
        ("nbdtr", (1.0, 2.0, 0.0), 2, 0.0),
        ("chdtr", (2.0, 0.0), 1, 0.5),
        ("chdtrc", (2.0, inf), 0, 0.0),
        ("fdtr", (2.0, 2.0, 0.0), 2, 1.0),
        ("fdtr", (2.0, 1.0, inf), 2, 0.0),
        ("fdtrc", (3.0, 1.0, inf), 0, 0.0),
        ("fdtri", (2.0, 3.0, 0.0), 0, 0.0),
        ("fdtri", (2.0, 3.0, 1.0), 0, 0.0),
        ("gdtr", (2.0, 1.0, 0.0), 2, 2.0),
        ("gdtr", (2.0, 1.0, inf), 1, 0.0),
        ("gdtr", (2.0, inf, 1.0), 2, 0.0),
    ]:
        got = pa.func.grad(getattr(special, name), argnums=place)(*args).item()
        assert got == pytest.approx(expected, abs=1e-300), (name, args)


def test_numbers_of_events_have_no_derivatives():
    for name, args in [("pdtr", (2.5, 1.0)), ("bdtr", (2.5, 4.5, 0.3)), ("nbdtr", (2.0, 3.0, 0.3))]:
        assert pa.func.grad(getattr(special, name))(*args).item() == 0.0


def test_captured_and_through_scipy():
    x = pa.tensor([0.2, 0.7], requires_grad=True)
    for name, shapes in [("pdtr", (2.0,)), ("fdtr", (2.0, 3.0)), ("fdtri", (2.0, 3.0))]:
        f = getattr(special, name)
        slope = pa.captured(pa.func.grad(lambda y, f=f, shapes=shapes: f(*shapes, y).sum()))
        y = getattr(sc, name)(*shapes, x)
        (expected,) = pa.grad(y.sum(), [x])
        for _ in range(2):
            np.testing.assert_allclose(slope(x.detach()).numpy(), expected.numpy(), rtol=1e-14)


def test_numbers_of_python_have_no_dtype():
    single = pa.tensor([0.5], dtype="float32")
    assert special.pdtr(2, single).dtype == special.fdtri(2.0, 3.0, single).dtype == np.float32
    assert special.bdtr(2, 3, pa.tensor([0.5])).dtype == np.float64
    with pytest.raises(TypeError, match=r"\[special.chdtr\] is not defined for dtype complex128"):
        special.chdtr(2.0, 1j)
