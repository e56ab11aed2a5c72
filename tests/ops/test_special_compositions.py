"""Functions near 1, of degrees, of errors, inverses and polynomials, against 80 digits."""

import numpy as np
import pytest
import scipy.special as sc

import pyautograd as pa
from pyautograd import special

# Made with mpmath 1.3: name, arguments, the position of one of them, the value and its first and
# second derivatives in that argument
VALUES = [
    ("erfi", (20.5,), 0, (8.962836583078826e180, 3.6703804176094243e182, 1.504855971219864e184)),
    ("erfi", (1e-08,), 0, (1.1283791670955126e-08, 1.1283791670955128, 2.2567583341910256e-08)),
    ("cosm1", (1e-09,), 0, (-5e-19, -1e-09, -1.0)),
    (
        "powm1",
        (1.5, 1e-17),
        0,
        (4.054651081081644e-18, 6.6666666666666674e-18, -4.4444444444444444e-18),
    ),
    ("powm1", (1.5, 1e-17), 1, (4.054651081081644e-18, 0.4054651081081644, 0.16440195389316542)),
    ("powm1", (0.999999999, 3.0), 0, (-2.9999999121542056e-09, 2.9999999940000004, 5.999999994)),
    ("sindg", (-1e-05,), 0, (-1.745329251994321e-07, 0.01745329251994303, 5.316576934207762e-11)),
    (
        "sindg",
        (1000000000007.0,),
        0,
        (-0.9563047559630354, 0.005102848887080411, 0.0002913070872912179),
    ),
    ("tandg", (89.999,), 0, (57295.77950699098, 57295779.518352926, 114591559024.52316)),
    ("ndtri_exp", (-1e-12,), 0, (7.034483825301201, 139442738524.9723, 1.3678045435401022e23)),
    ("ndtri_exp", (-3.0,), 0, (-1.6469217205277147, 0.48437983837444076, 0.09797276017831785)),
    (
        "ndtri_exp",
        (-10000.0,),
        0,
        (-141.37983987312717, 0.007072790427792576, 3.5379415026327945e-07),
    ),
    (
        "wrightomega",
        (-30.0,),
        0,
        (9.357622968839299e-14, 9.357622968838423e-14, 9.357622968836672e-14),
    ),
    ("wrightomega", (0.5,), 0, (0.7662486081617502, 0.4338282870378225, 0.13906383465421962)),
    (
        "wrightomega",
        (1000000.0,),
        0,
        (999986.1845032576, 0.9999989999871843, 1.0000246314477566e-12),
    ),
    (
        "voigt_profile",
        (0.3, 0.7, 0.2),
        1,
        (0.42766652903614444, -0.4090681516392673, 0.6364669842748075),
    ),
    (
        "voigt_profile",
        (20.0, 1.0, 1e-06),
        0,
        (8.018189654832679e-10, -8.079405220170196e-11, 1.2243113067507415e-11),
    ),
    (
        "voigt_profile",
        (-20.0, 1.0, 1e-06),
        2,
        (8.018189654832679e-10, 0.0008018189654832638, -1.2243113067507415e-11),
    ),
    (
        "voigt_profile",
        (100.0, 0.1, 30.0),
        1,
        (0.0008760844013378056, 4.2915874744125536e-08, 4.291648666674271e-07),
    ),
    (
        "voigt_profile",
        (3.0, 0.4, 1e-20),
        0,
        (6.085801336317222e-13, -1.1410877498838511e-11, 2.1015032726568336e-10),
    ),
]


@pytest.mark.parametrize(("name", "args", "place", "expected"), VALUES)
def test_values_and_derivatives(name, args, place, expected):
    f = getattr(special, name)
    for want in expected:
        np.testing.assert_allclose(f(*args).item(), want, rtol=2e-12 if name[0] in "vt" else 2e-13)
        f = pa.func.grad(f, argnums=place)


def test_the_voigt_profile_without_one_of_its_widths():
    """Its derivatives are limits: in sigma 0, and then the curvature of Cauchy's density."""
    f = special.voigt_profile
    slope = pa.func.grad(f, argnums=1)
    assert f(1.5, 0.0, 2.0).item() == pytest.approx(0.10185916357881301, rel=1e-15, abs=0)
    assert slope(1.5, 0.0, 2.0).item() == 0.0
    second = pa.func.grad(slope, argnums=1)(1.5, 0.0, 2.0).item()
    assert second == pytest.approx(0.014341770231896872, rel=1e-14, abs=0)
    along = pa.func.grad(f, argnums=2)(1.5, 1.0, 0.0).item()
    assert along == pytest.approx(0.04080870092546075, rel=1e-14, abs=0)
    assert f([0.0, 1.0, np.inf], 0.0, 0.0).tolist() == [np.inf, 0.0, 0.0]
    assert np.isnan(f(1.0, [-1.0, 1.0], [1.0, -1.0]).numpy()).all()


def test_degrees_are_exact_at_right_angles():
    x = np.arange(-720.0, 721.0, 90.0)
    turns = np.arange(-8, 9)
    np.testing.assert_array_equal(special.sindg(x).numpy(), np.array([0, 1, 0, -1])[turns % 4])
    np.testing.assert_array_equal(special.cosdg(x).numpy(), np.array([1, 0, -1, 0])[turns % 4])
    np.testing.assert_array_equal(special.tandg(x).numpy(), np.array([0, np.inf])[turns % 2])
    np.testing.assert_array_equal(special.cotdg(x).numpy(), np.array([np.inf, 0])[turns % 2])
    for f, at, slope in [(special.tandg, 90.0, np.inf), (special.cotdg, 180.0, -np.inf)]:
        assert pa.func.grad(f)(at).item() == slope


def test_inverses_far_out():
    y = np.array([-1e300, -1e10, -700.0, -1e-300, 0.0])
    np.testing.assert_allclose(special.ndtri_exp(y).numpy(), sc.ndtri_exp(y), rtol=1e-13)
    assert pa.func.grad(special.ndtri_exp)(-np.inf).item() == 0.0
    z = np.array([-np.inf, -700.0, 1e21, 1e300, np.inf])
    np.testing.assert_allclose(special.wrightomega(z).numpy(), sc.wrightomega(z), rtol=1e-14)
    assert pa.func.grad(special.wrightomega)(np.inf).item() == 1.0
    whole = pa.func.vmap(pa.func.grad(special.wrightomega))(pa.tensor([0.5, 2.0]))
    w = special.wrightomega([0.5, 2.0])
    np.testing.assert_allclose(whole.numpy(), (w / (1 + w)).numpy(), rtol=1e-15)


def test_powers_of_negative_numbers():
    f = special.powm1
    close = f(-1.0 - 1e-9, 2.0).item()
    assert close == pytest.approx(2.0000001664807418e-09, rel=1e-14, abs=0)
    assert pa.func.grad(f)(-1.5, 3.0).item() == pytest.approx(6.75, rel=1e-15, abs=0)
    assert pa.func.grad(f)(-1.5, 2.0).item() == pytest.approx(-3.0, rel=1e-15, abs=0)
    assert np.isnan(f(-2.0, 0.5).item())
    for y in (2.0, 3.0):
        assert pa.func.grad(f, argnums=1)(-1.5, y).item() == 0.0


def test_polynomials_between_and_beyond_weights():
    """In the parameters derivatives are those of the polynomials, also where the value is 0."""
    in_alpha = pa.func.grad(special.eval_gegenbauer, argnums=1)
    for n in (1, 2, 5):  # DLMF 18.7.25
        expected = 2 / n * special.eval_chebyt(n, 0.3).item()
        assert in_alpha(n, 0.0, 0.3).item() == pytest.approx(expected, rel=1e-14, abs=0)
    slope = pa.func.grad(special.eval_genlaguerre, argnums=1)(2, 0.5, 1.5).item()
    assert slope == pytest.approx(0.5 * (2 * 0.5 + 3) - 1.5, rel=1e-14, abs=0)
    assert special.eval_jacobi(2, -1.0, -1.0, 0.5).item() == -0.1875
    assert special.eval_gegenbauer(2, -0.25, [np.inf, -np.inf]).tolist() == [-np.inf, -np.inf]
    for name in ("eval_jacobi", "eval_chebyc"):
        with pytest.raises(ValueError, match=rf"\[special.{name}\] n must not be negative"):
            getattr(special, name)(-1, *[0.5] * (3 if name == "eval_jacobi" else 1))
        with pytest.raises(TypeError, match=rf"\[special.{name}\] n must be an int"):
            getattr(special, name)(1.5, *[0.5] * (3 if name == "eval_jacobi" else 1))


def test_captured_and_through_scipy():
    x = pa.tensor([0.2, 0.7], requires_grad=True)
    for name, given in [
        *[(n, ()) for n in ("cosm1", "exp10", "sindg", "tandg", "erfi", "wrightomega")],
        ("powm1", (2.0,)),
        ("radian", (1.0, 2.0)),
        ("voigt_profile", (1.0, 0.5)),
        ("eval_gegenbauer", (3, 0.5)),
        ("eval_chebys", (3,)),
    ]:
        f = getattr(special, name)
        slope = pa.captured(pa.func.grad(lambda y, f=f, given=given: f(*given, y).sum()))
        (expected,) = pa.grad(getattr(sc, name)(*given, x).sum(), [x])
        for _ in range(2):
            np.testing.assert_allclose(slope(x.detach()).numpy(), expected.numpy(), rtol=1e-13)
