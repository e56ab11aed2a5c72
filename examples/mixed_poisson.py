"""A Poisson regression with random effects: Laplace's approximation and likelihood intervals.

Counts y of 30 groups have the rate exp(b0 + b1 x + s z), with one standard normal z for each group.
The likelihood integrates the z out. Laplace's approximation replaces the integral by the joint
density at its mode and the curvature there, so its gradient by (b0, b1, log s) goes through a
minimum and through second derivatives, and its Hessian, for the standard errors, through a
derivative more. `pa.implicit.argmin` and `pa.hessian_diagonal` nest, so this takes three lines. The
95% intervals solve "score of the others = 0, log-likelihood = maximum - 1.92" by Newton's method
(D. J. Venzon and S. H. Moolgavkar, Applied Statistics 37, 1988). The result is compared with the
likelihood by Gauss-Hermite quadrature around the mode of every group; the exit status is 1 if the
estimates differ by more than a tenth of their standard errors.

    python examples/mixed_poisson.py [--groups N] [--counts N]
"""

import argparse
import sys
import time

import numpy as np

import pyautograd as pa

NAMES = ("b0", "b1", "log s")
NODES, WEIGHTS = np.polynomial.hermite.hermgauss(15)


def simulated(groups, counts, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((groups, counts))
    z = rng.standard_normal((groups, 1))
    return x, rng.poisson(np.exp(0.2 + 0.5 * x + 0.6 * z))


def joint(z, theta, x, y):
    """Minus the logarithm of the joint density of counts and effects, for every group."""
    b0, b1, log_s = theta
    rate = pa.exp(b0 + b1 * x + pa.exp(log_s) * z[:, None])
    counts = pa.sum(pa.stats.poisson.logpmf(y, rate), axis=1)
    return -(counts + pa.stats.norm.logpdf(z))


def modes(theta, x, y):
    """The most probable effects, and the curvature of the joint density there."""
    total = lambda z, theta: pa.sum(joint(z, theta, x, y))  # noqa: E731
    z = pa.implicit.argmin(total, pa.zeros(len(x)), theta)
    return z, pa.hessian_diagonal(total)(z, theta)


def laplace(theta, x, y):
    z, curvature = modes(theta, x, y)
    constant = 0.5 * len(x) * np.log(2 * np.pi)
    return pa.sum(joint(z, theta, x, y)) + 0.5 * pa.sum(pa.log(curvature)) - constant


def quadrature(theta, x, y):
    """The same with the integral over each effect by a rule around its mode."""
    z, curvature = modes(theta, x, y)
    width = pa.sqrt(2.0 / curvature)
    places = z[:, None] + width[:, None] * NODES
    values = pa.func.vmap(lambda z: -joint(z, theta, x, y), in_axes=1, out_axes=1)(places)
    return -pa.sum(pa.logsumexp(values + np.log(WEIGHTS) + NODES**2, axis=1) + pa.log(width))


def interval(likelihood, fit, error, i):
    """Both ends of the likelihood interval of parameter i."""
    others = [j for j in range(len(fit.x)) if j != i]

    def conditions(theta):
        value, slope = pa.func.value_and_grad(likelihood)(theta)
        return pa.concat([slope[others], pa.reshape(value - fit.fun - 1.920729, (1,))])

    ends = []
    for side in (-1.96, 1.96):
        # Along the ridge of the quadratic approximation
        start = fit.x_flat + side * fit.covariance[i] / error[i]
        ends.append(pa.optimize.root(conditions, start, tol=1e-8).x[i].item())
    return ends


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=30)
    parser.add_argument("--counts", type=int, default=8, help="in each group")
    options = parser.parse_args()
    x, y = simulated(options.groups, options.counts)
    start, estimates = time.perf_counter(), {}
    for approximation in (laplace, quadrature):
        likelihood = lambda theta, f=approximation: f(theta, x, y)  # noqa: E731
        fit = pa.optimize.minimize(likelihood, np.zeros(3))
        error = np.sqrt(np.diag(fit.covariance))
        estimates[approximation.__name__] = fit.x_flat
        print(f"{approximation.__name__}: minus log-likelihood {fit.fun:.4f}")
        for i, name in enumerate(NAMES):
            low, high = interval(likelihood, fit, error, i)
            print(
                f"  {name:<6}{fit.x_flat[i]:8.4f} ± {error[i]:.4f}   95%: {low:.4f} to {high:.4f}"
            )
    print(f"in {time.perf_counter() - start:.1f} s")
    apart = np.max(np.abs(estimates["laplace"] - estimates["quadrature"]) / error)
    print(f"the approximations differ by {apart:.3f} standard errors")
    return int(apart > 0.1)


if __name__ == "__main__":
    sys.exit(main())
