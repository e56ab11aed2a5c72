"""A physics-informed fit of the 2-D Poisson equation, with its error against the exact solution.

On the unit square -Laplacian(u) = f with u = 0 on the boundary. The ansatz is x (1-x) y (1-y) times
a small tanh network, so it satisfies the boundary conditions; the residuals at random points, with
exact Laplacians from pa.laplacian, are made small by nonlinear least squares with exact Jacobians
(I. Lagaris, A. Likas, D. Fotiadis, Artificial neural networks for solving ordinary and partial
differential equations, 1998). For f = 2 pi^2 sin(pi x) sin(pi y) the solution is
sin(pi x) sin(pi y); the exit status is 1 if the largest error on a grid exceeds 1e-3.

    python examples/poisson.py [--hidden N] [--points N] [--steps N]
"""

import argparse
import sys
import time

import numpy as np

import pyautograd as pa

TOLERANCE = 1e-3


def solution(parameters, p):
    """The ansatz at one point p of shape (2,)."""
    hidden = pa.tanh(p @ parameters["w1"] + parameters["b1"])
    inside = pa.prod(p * (1 - p))
    return inside * (hidden @ parameters["w2"] + parameters["b2"])


def exact(p):
    return np.sin(np.pi * p[:, 0]) * np.sin(np.pi * p[:, 1])


def main(arguments=None):
    parser = argparse.ArgumentParser(description="The Poisson equation by a network.")
    parser.add_argument("--hidden", type=int, default=20, help="hidden units")
    parser.add_argument("--points", type=int, default=200, help="points where the equation holds")
    parser.add_argument("--steps", type=int, default=60, help="evaluations of the residuals")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, (options.points, 2))
    sources = 2 * np.pi**2 * exact(points)
    start = {
        "w1": rng.uniform(-3, 3, (2, options.hidden)),
        "b1": rng.uniform(-3, 3, options.hidden),
        "w2": rng.standard_normal(options.hidden),
        "b2": np.zeros(()),
    }
    laplacians = pa.func.vmap(pa.laplacian(solution, argnums=1), in_axes=(None, 0))

    def residuals(parameters):
        return (laplacians(parameters, points) + sources) / np.sqrt(options.points)

    began = time.perf_counter()
    fit = pa.optimize.least_squares(
        residuals, start, max_nfev=options.steps, xtol=1e-12, ftol=1e-3, gtol=1e-12
    )
    elapsed = time.perf_counter() - began
    print(f"{len(fit.x_flat)} parameters, {options.points} points, {fit.nfev} evaluations")
    print(f"root mean square residual  {np.sqrt(2 * fit.cost):.3e}  ({elapsed:.1f} s)")

    line = np.linspace(0, 1, 41)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    values = pa.func.vmap(solution, in_axes=(None, 0))(fit.x, grid)
    error = float(np.abs(values.numpy() - exact(grid)).max())
    verdict = "solves" if error <= TOLERANCE else "DOES NOT SOLVE"
    print(f"{verdict} the equation: largest error on the grid {error:.1e}, allowed {TOLERANCE}")
    return 0 if error <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
