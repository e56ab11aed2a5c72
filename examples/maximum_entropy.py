"""Maximum entropy: the least prejudiced distribution, by trust-constr with exact derivatives.

Of all distributions on n points in [0, 1] with given moments E[x^k], find the one with the largest
entropy (E. T. Jaynes, Information theory and statistical mechanics, 1957). The objective and the
constraints are written once; gradients, Jacobians and Hessians are exact, and the Hessian, which is
diagonal, goes to SciPy as a sparse array. The answer must have the form exp(sum_k l_k x^k): the
program fits the multipliers l_k by Newton's method on the dual, which is a problem of two unknowns,
and compares; the exit status is 1 if the two distributions differ by more than 1e-5.

    python examples/maximum_entropy.py [--size N]
"""

import argparse
import sys

import numpy as np

import pyautograd as pa

MOMENTS = np.array([0.6, 0.42])  # E[x] and E[x^2]: mean 0.6, standard deviation 0.245
TOLERANCE = 1e-5


def primal(points):
    """Maximise the entropy over all distributions on the points."""
    features = np.stack([points**k for k in range(1, len(MOMENTS) + 1)])
    targets = np.concatenate([[1.0], MOMENTS])
    rows = pa.asarray(np.concatenate([np.ones((1, points.size)), features]))

    def negative_entropy(p):
        return pa.sum(pa.xlogy(p, p))

    return pa.optimize.minimize(
        negative_entropy,
        pa.ones(points.size) / points.size,
        method="trust-constr",
        bounds=(0.0, 1.0),
        constraints={"type": "eq", "fun": lambda p: rows @ p - targets},
        hessian="sparse",
        options={"gtol": 1e-9, "xtol": 1e-14, "barrier_tol": 1e-10, "maxiter": 500},
        progress=True,
    )


def dual(points):
    """The multipliers: the minimum of log Z(l) - l . moments, smooth, convex and unconstrained."""
    features = pa.asarray(np.stack([points**k for k in range(1, len(MOMENTS) + 1)]))

    def objective(multipliers):
        return pa.logsumexp(multipliers @ features) - pa.sum(multipliers * MOMENTS)

    result = pa.optimize.minimize(objective, pa.zeros(len(MOMENTS)), tol=1e-10)
    return result, pa.softmax(result.x @ features)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Maximum entropy with trust-constr.")
    parser.add_argument("--size", type=int, default=200, help="number of points")
    size = parser.parse_args(arguments).size

    points = np.linspace(0.0, 1.0, size)
    result = primal(points)
    multipliers, expected = dual(points)
    print(f"{size} points, {result.nit} iterations: {result.message}")
    print(f"Hessian                {result.hessian.nnz} of {size**2} entries stored")
    print(f"entropy                {-result.fun:.10f}  (uniform {np.log(size):.10f})")
    print(f"largest violation      {result.constr_violation:.1e}")
    print(f"multipliers            {multipliers.x_flat.round(6).tolist()}")
    spread = np.sqrt(np.diag(multipliers.covariance))
    print(f"their sensitivity      {spread.round(4).tolist()}  (root of the inverse Hessian)")
    difference = float(np.abs(result.x.numpy() - expected.numpy()).max())
    verdict = "agrees" if difference <= TOLERANCE else "DOES NOT AGREE"
    print(f"{verdict} with the dual: largest difference {difference:.1e}, allowed {TOLERANCE}")
    return 0 if difference <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
