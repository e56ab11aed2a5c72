"""Curves fitted to data: pa.optimize.least_squares and curve_fit beside SciPy's curve_fit."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

import pyautograd as pa


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares_fit(method):
    t = np.linspace(0, 4, 50)
    y = decay(t, 2.5, 1.3, 0.5) + 0.01 * np.random.default_rng(0).standard_normal(50)

    def residuals(p):
        return decay(t, p["a"], p["b"], p["c"]) - y

    start = {"a": 1.0, "b": 1.0, "c": 0.0}
    result = pa.optimize.least_squares(residuals, start, method=method)
    expected, covariance = curve_fit(decay, t, y, [1.0, 1.0, 0.0])
    np.testing.assert_allclose(result.x_flat, expected, rtol=1e-6)
    # Exact second derivatives of the residuals make the difference.
    np.testing.assert_allclose(result.covariance, covariance, rtol=0.02)
    if method != "lm":
        capped = pa.optimize.least_squares(
            residuals, start, method=method, bounds=(None, {"a": 2.0, "b": None, "c": None})
        )
        assert capped.x["a"].item() <= 2.0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigma": np.linspace(0.1, 0.3, 30)},
        {"sigma": np.linspace(0.1, 0.3, 30), "absolute_sigma": True},
        {"sigma": np.diag(np.linspace(0.1, 0.3, 30)) + 0.01},
        {"bounds": (0.0, [3.0, 2.0])},
        {"p0": [2.0, 1.0], "method": "dogbox"},
    ],
)
def test_curve_fit_is_scipys(options):
    t = np.linspace(0.0, 2.0, 30)
    y = 2.5 * np.exp(-1.3 * t) + 0.05 * np.random.default_rng(0).standard_normal(30)
    expected = curve_fit(lambda t, a, b: a * np.exp(-b * t), t, y, **options)
    found = pa.optimize.curve_fit(lambda t, a, b: a * np.exp(-b * t), t, y, **options)
    np.testing.assert_allclose(found[0].numpy(), expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4)


def test_curve_fit_without_enough_to_go_by():
    line = lambda t, a, b: a * t + b  # noqa: E731
    for t in ([1.0, 2.0], [1.0, 1.0, 1.0]):
        params, covariance = pa.optimize.curve_fit(line, np.array(t), np.array(t))
        assert np.isinf(covariance).all() and params.shape == (2,)
    exact = pa.optimize.curve_fit(
        line, np.array([1.0, 2.0]), [1.0, 3.0], sigma=[1.0, 1.0], absolute_sigma=True
    )
    np.testing.assert_allclose(exact[1], [[2.0, -3.0], [-3.0, 5.0]])
    for call, error, text in (
        (lambda: pa.optimize.curve_fit(lambda *p: p[1], [0.0], [0.0]), TypeError, "give p0"),
        (lambda: pa.optimize.curve_fit(line, np.ones(0), []), ValueError, "ydata is empty"),
        (
            lambda: pa.optimize.curve_fit(line, np.ones(3), np.ones(3), sigma=np.ones(2)),
            ValueError,
            r"sigma has shape \(2,\): expected \(3,\) or \(3, 3\)",
        ),
        (
            lambda: pa.optimize.root_scalar,
            AttributeError,
            "root_scalar': use pa.optimize.root, with a number",
        ),
    ):
        with pytest.raises(error, match=text):
            call()


@pytest.mark.parametrize("sigma", [None, np.linspace(0.1, 0.3, 30), np.diag(np.linspace(1, 2, 30))])
def test_data_that_are_missing(sigma):
    t = np.linspace(0, 4, 30)
    y = decay(t, 2.5, 1.3, 0.5) + 0.01 * np.random.default_rng(0).standard_normal(30)
    y[[3, 20]] = np.nan
    t[7] = np.nan
    given = {"p0": [1.0, 1.0, 0.0], "sigma": sigma, "nan_policy": "omit"}
    expected, covariance = curve_fit(decay, t, y, **given)
    for xdata in (t, list(t), pa.tensor(t)):
        found, ours = pa.optimize.curve_fit(decay, xdata, y, **given)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
        np.testing.assert_allclose(ours, covariance, rtol=1e-4)
    with pytest.raises(ValueError, match="ydata is not finite: nan_policy='omit'"):
        pa.optimize.curve_fit(decay, t, y)
    with pytest.raises(ValueError, match="unknown nan_policy 'drop'"):
        pa.optimize.curve_fit(decay, t, y, nan_policy="drop")


def test_what_scipys_users_ask_of_curve_fit():
    t = np.linspace(0, 4, 30)
    y = decay(t, 2.5, 1.3, 0.5)
    p, covariance, counts, message, status = pa.optimize.curve_fit(decay, t, y, full_output=True)
    np.testing.assert_allclose(p.numpy(), [2.5, 1.3, 0.5], rtol=1e-6)
    assert covariance.shape == (3, 3) and counts["nfev"] > 1 and status > 0 and message
    assert np.abs(counts["fvec"]).max() < 1e-8
    with pytest.raises(RuntimeError, match="no parameters were found"), pytest.warns(UserWarning):
        pa.optimize.curve_fit(decay, t, y, maxfev=1, method="trf")
