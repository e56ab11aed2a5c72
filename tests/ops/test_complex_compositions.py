"""Fresnel integrals, the reciprocal gamma function and Wright's omega of complex numbers."""

import math

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa
from pyautograd import special

FUNCTIONS = {
    "wrightomega": special.wrightomega,
    "rgamma": special.rgamma,
    "fresnelS": lambda z: special.fresnel(z)[0],
    "fresnelC": lambda z: special.fresnel(z)[1],
}
# Made with mpmath 1.3: name, z, order, the derivative
VALUES = [
    ("wrightomega", 0.3 + 1j, 2, 0.15834996584146463 - 0.024816742992289455j),
    ("wrightomega", -3 + 4j, 1, 1.257726837105219 + 0.07968657984687637j),
    ("wrightomega", -30 - 3j, 0, -9.263976525168598e-14 - 1.3205478287841687e-14j),
    ("wrightomega", -1.5 - 3.5j, 3, -0.003981559175083593 - 1.7386588564774244j),
    ("wrightomega", 300 + 200j, 1, 0.9976736370352771 + 0.0015718208060668806j),
    ("wrightomega", -1 + 3.2j, 0, -1.2409416826512016 + 0.2813977058674134j),
    ("rgamma", -3 + 0j, 1, -6 + 0j),
    ("rgamma", -2.5 + 4.9j, 2, -256567.29752308704 - 901198.3768132242j),
    ("rgamma", -10.3 - 20j, 1, -8.950716766582638e27 - 7.99608530253801e27j),
    ("rgamma", 2.5 + 1j, 3, 0.373064212837732 - 1.4730654521399318j),
    ("fresnelS", 1e-05 + 1e-06j, 0, 5.0789081233035e-16 + 1.5655603390389138e-16j),
    ("fresnelS", 1.5 + 0.3j, 0, 0.934571892216708 - 0.13480142898103237j),
    ("fresnelS", 3 + 1j, 0, -607.2509993296062 + 183.87367604310484j),
    ("fresnelS", -2 + 5j, 1, -22015752930316.016 + 0j),
    ("fresnelS", 0.5j, 0, -0.06473243285999927j),
    ("fresnelC", 0.1 + 0.1j, 0, 0.10000987005537938 + 0.10000987005537938j),
    ("fresnelC", 1 + 1.3j, 0, -0.5639130227504311 + 7.085214089485368j),
    ("fresnelC", 20 - 0.1j, 0, 0.4509800688005908 - 4.2609842814091j),
    ("fresnelC", -2 + 5j, 3, 4414899967955986.5 - 4563022212301200j),
]


@pytest.mark.parametrize(("name", "z", "order", "expected"), VALUES)
def test_values_and_derivatives(name, z, order, expected):
    f, z = FUNCTIONS[name], pa.tensor(complex(z))
    for _ in range(order):

        def f(z, f=f):
            return pa.func.jvp(f, (z,), (pa.ones_like(z),))[1]

    assert abs(f(z).item() - expected) <= 5e-13 * abs(expected)


def test_omega_over_the_plane():
    """Its equation holds, with logarithms on the right branch, and it jumps where it should."""
    x, y = np.meshgrid([-700.0, -9, -2, -1.1, -0.9, 0, 0.5, 2, 50, 1e8], [0.1, 2, 3.1, 3.2, 7, 99])
    z = np.concatenate([(x + 1j * y).ravel(), (x - 1j * y).ravel()])
    np.testing.assert_allclose(special.wrightomega(z), sc.wrightomega(z), rtol=1e-13)
    below, above = special.wrightomega(
        pa.tensor([-3 + 1j * math.pi, -3 + 3.1415926535898j])
    ).numpy()
    assert below.real == pytest.approx(-0.0524690963, abs=1e-6)
    assert above.real < -4
    single = pa.tensor(np.complex64(1 + 1j))
    assert special.wrightomega(single).dtype == np.complex64


def test_the_gradient_is_the_conjugate_derivative():
    z = pa.tensor(0.3 + 1j, requires_grad=True)
    pa.real(special.wrightomega(z)).backward()
    slope = pa.func.jvp(special.wrightomega, (z.detach(),), (pa.tensor(1 + 0j),))[1]
    assert z.grad.item() == pytest.approx(slope.item().conjugate(), rel=1e-14, abs=0)


def test_rgamma_is_smooth_at_the_poles():
    z = pa.tensor([0j, -1 + 0j, -5 + 0j])
    assert special.rgamma(z).tolist() == [0, 0, 0]
    slope = pa.func.jvp(special.rgamma, (z,), (pa.ones_like(z),))[1]
    np.testing.assert_allclose(slope, [1, -1, -120], rtol=1e-13)
