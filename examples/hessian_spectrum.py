"""The spectrum of a small network's Hessian on the digits data, before and after training.

A network of one hidden layer is trained on scikit-learn's digits with L-BFGS from pa.optimize. Its
Hessian is never formed: pa.linop.Hessian multiplies by it, stochastic Lanczos quadrature estimates
the density of all eigenvalues, eigsh finds the largest, and XTrace the trace. The Gauss-Newton
matrix shows where the outliers come from: the training loss leaves about as many large eigenvalues
as there are classes (L. Sagun et al., Empirical analysis of the Hessian of over-parametrized neural
networks, 2018). The exit status is 1 if an estimate disagrees: if the trace is further than four
standard errors plus a percent from the one that the spectral density implies, or if its points
exceed the largest eigenvalue.

    python examples/hessian_spectrum.py [--hidden N] [--samples N] [--steps N] [--output FOLDER]
"""

import argparse
import os
import sys
import time
from pathlib import Path

import matplotlib

if not os.environ.get("DISPLAY") and not os.environ.get("MPLBACKEND"):
    matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.linalg import eigsh
from sklearn.datasets import load_digits

import pyautograd as pa


def network(parameters, images):
    """Logits of shape (images, 10)."""
    hidden = pa.tanh(images @ parameters["w1"] + parameters["b1"])
    return hidden @ parameters["w2"] + parameters["b2"]


def cross_entropy(logits, labels):
    chosen = pa.take_along_axis(logits, labels[:, None], axis=1)
    return pa.mean(pa.logsumexp(logits, axis=1) - chosen[:, 0])


def initial(hidden, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "w1": rng.standard_normal((64, hidden)) / 8,
        "b1": np.zeros(hidden),
        "w2": rng.standard_normal((hidden, 10)) / np.sqrt(hidden),
        "b2": np.zeros(10),
    }


def spectrum(name, loss, model, outer, parameters, steps):
    """Print and return the density and the largest eigenvalues of the Hessian at a point."""
    start = time.perf_counter()
    hessian = pa.linop.Hessian(loss, parameters)
    n = hessian.shape[0]
    density = pa.linop.spectral_density(hessian, steps=steps, samples=6)
    top = np.sort(eigsh(hessian, k=12, which="LA", return_eigenvectors=False))[::-1]
    trace = pa.linop.trace(hessian, products=60)
    gauss_newton = pa.linop.GaussNewton(model, outer, parameters)
    outliers = np.sort(eigsh(gauss_newton, k=12, return_eigenvectors=False))[::-1]
    elapsed = time.perf_counter() - start
    mean = density.mean(lambda x: x)
    negative = density.mean(lambda x: x < -1e-3 * top[0])
    print(f"\n{name}: loss {hessian.value:.4f}, {n} parameters, {elapsed:.1f} s")
    print(f"    largest eigenvalues  {top[:5].round(4).tolist()}")
    print(f"    of Gauss-Newton      {outliers[:5].round(4).tolist()}")
    print(f"    trace                {trace.value:.4f} +- {trace.error:.4f}")
    print(f"    trace by the density {n * mean.value:.4f} +- {n * mean.error:.4f}")
    print(f"    clearly negative     {negative.value:.2%} of the eigenvalues")
    allowed = 4 * (trace.error + n * mean.error) + 0.01 * abs(trace.value)
    agrees = abs(trace.value - n * mean.value) <= allowed
    agrees &= density.points.max() <= top[0] * (1 + 1e-6)
    return density, top, bool(agrees)


def picture(path, results):
    figure, axes = plt.subplots(1, len(results), figsize=(11, 4), layout="constrained")
    for axis, (name, (density, top, _)) in zip(axes, results.items(), strict=True):
        low, high = density.points.min(), top[0]
        margin = 0.05 * (high - low)
        grid = np.linspace(low - margin, high + margin, 2000)
        axis.semilogy(grid, density.curve(grid), label="density of all eigenvalues")
        axis.plot(top, np.full(len(top), 1e-4), "|", color="tab:red", label="12 largest")
        axis.set(title=name, xlabel="eigenvalue", ylim=(3e-5, None))
        axis.legend()
    figure.suptitle("Hessian of the training loss")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="The spectrum of a network's Hessian.")
    parser.add_argument("--hidden", type=int, default=32, help="hidden units")
    parser.add_argument("--samples", type=int, default=1797, help="images used")
    parser.add_argument("--steps", type=int, default=60, help="Lanczos steps")
    parser.add_argument("--iterations", type=int, default=500, help="of L-BFGS")
    parser.add_argument("--output", type=Path, default=Path.cwd(), help="folder for the picture")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    images = pa.asarray(digits.data[: options.samples] / 16)
    labels = pa.asarray(digits.target[: options.samples])

    def model(parameters):
        return network(parameters, images)

    def outer(logits):
        return cross_entropy(logits, labels)

    def loss(parameters):
        decay = sum(pa.sum(w**2) for w in parameters.values())
        return outer(model(parameters)) + 1e-4 * decay

    start = initial(options.hidden)
    fit = pa.optimize.minimize(
        loss, start, method="L-BFGS-B", options={"maxiter": options.iterations}, progress=True
    )
    accuracy = np.mean(model(fit.x).numpy().argmax(axis=1) == labels.numpy())
    print(f"trained in {fit.nit} iterations to accuracy {accuracy:.4f} on the training images")

    results = {
        name: spectrum(name, loss, model, outer, point, options.steps)
        for name, point in (("before training", start), ("after training", fit.x))
    }
    path = options.output / "hessian_spectrum.png"
    picture(path, results)
    print(f"\nwrote {path}")
    agrees = all(result[2] for result in results.values())
    print("the estimates agree" if agrees else "the estimates DO NOT AGREE")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
