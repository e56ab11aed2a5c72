"""Integrals of samples: SciPy's numbers, derivatives in samples and places, bad input."""

import numpy as np
import pytest
from support.captured import same

import pyautograd as pa

pytest.importorskip("scipy", minversion="1.12")  # earlier ones have no cumulative_simpson
si = pytest.importorskip("scipy.integrate")
RULES = ["simpson", "cumulative_trapezoid", "cumulative_simpson"]
rng = np.random.default_rng(0)


def both(name, y, **options):
    return getattr(pa.integrate, name)(y, **options), getattr(si, name)(y, **options)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("name", RULES)
def test_values(name, n):
    x = np.cumsum(rng.uniform(0.2, 1.0, n))
    for y in (rng.standard_normal(n), rng.standard_normal((3, n, 2)), rng.integers(-5, 5, n)):
        axis = y.ndim - 2 if y.ndim > 1 else -1
        for options in ({}, {"dx": 0.3}, {"x": x}):
            got, want = both(name, y, axis=axis, **options)
            np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-13)
    wide = np.cumsum(rng.uniform(0.2, 1.0, (3, n)), axis=1)
    got, want = both(name, np.sin(wide) + 1j * wide, x=wide)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-13)


def test_what_is_put_in_front():
    y = rng.standard_normal((2, 6))
    for name, initials in (
        ("cumulative_trapezoid", (0,)),
        ("cumulative_simpson", (0, 2.5, rng.standard_normal((2, 1)))),
    ):
        for initial in initials:
            got, want = both(name, y, initial=initial)
            np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-13)


def test_parabolas_are_integrated_exactly():
    for n in (3, 4, 7, 8):
        x = np.cumsum(rng.uniform(0.2, 1.0, n))
        whole = (x**3 - x[0] ** 3) / 3
        np.testing.assert_allclose(pa.integrate.simpson(x**2, x).item(), whole[-1], rtol=1e-13)
        found = pa.integrate.cumulative_simpson(x**2, x=x, initial=0.0)
        np.testing.assert_allclose(found.numpy(), whole, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", RULES)
def test_derivatives_and_transforms(name):
    rule = getattr(pa.integrate, name)

    def f(y, x):
        return rule(y, x=x)

    for n in (5, 6):
        at = (rng.standard_normal((2, n)), np.cumsum(rng.uniform(0.5, 1.0, n)))
        pa.testing.check_grads(f, at, 2)
        rows = pa.tensor(np.cumsum(rng.uniform(0.5, 1.0, (3, n)), axis=1))
        mapped = pa.func.vmap(f, in_axes=(None, 0))(at[0], rows)
        same(mapped, pa.stack([f(at[0], row) for row in rows]), 1e-13)
        same(pa.captured(f)(pa.tensor(at[0]), rows[0]), f(at[0], rows[0]), 1e-13)
        by_step = pa.func.jacfwd(lambda h, y: rule(y, dx=h))(0.3, at[0])
        same(by_step, rule(at[0]), 1e-13)


def test_bad_input():
    for name in RULES:
        rule = getattr(pa.integrate, name)
        with pytest.raises(ValueError, match=rf"\[integrate.{name}\] there are no samples"):
            rule(np.zeros((3, 0)))
        with pytest.raises(ValueError, match=rf"\[integrate.{name}\] x of shape \(4,\)"):
            rule(np.zeros(5), x=np.zeros(4))
        with pytest.raises(np.exceptions.AxisError):
            rule(np.zeros(5), axis=1)
        with pytest.raises(ValueError, match=rf"\[integrate.{name}\]"):
            rule(np.zeros((2, 5)), dx=np.ones(3))
    with pytest.raises(ValueError, match="initial must be None or 0"):
        pa.integrate.cumulative_trapezoid([1.0, 2.0], initial=1.0)
