"""Regularisation learned by gradient: 30 strengths of a logistic regression, one per feature.

The weights minimise a penalised loss on one part of the data, so they are a function of the
strengths; pa.implicit.argmin is that function, and the implicit function theorem its derivative
(Y. Bengio, Gradient-based optimization of hyperparameters, 2000). First the best common strength
is found by Newton's method on the loss of another part, beside a grid search with scikit-learn;
then 30 by BFGS, which no grid could search; that ends early, since strengths can be fitted too
closely, too. The exit status is 1 if scikit-learn's weights, or the grid's best loss, contradict
the first, or if the second do not improve on it.

    python examples/hyperparameters.py
"""

import sys
import time

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import pyautograd as pa


def three_parts():
    """Features and labels of -1 and 1: to fit, to choose the strengths by, and to judge."""
    features, labels = load_breast_cancer(return_X_y=True)
    features = StandardScaler().fit_transform(features)
    order = np.random.default_rng(0).permutation(len(labels))
    parts = np.split(order, [200, 400])
    return [(features[rows], 2.0 * labels[rows] - 1.0) for rows in parts]


FIT, CHOOSE, JUDGE = three_parts()


def loss(weights, data):
    features, labels = data
    return pa.mean(pa.softplus(-labels * (features @ weights[:-1] + weights[-1])))


def weights(strengths):
    """Of the regression with penalties of these logarithms, as a function of them."""

    def penalised(w, strengths):
        return loss(w, FIT) + 0.5 * pa.sum(pa.exp(strengths) * w[:-1] ** 2)

    return pa.implicit.argmin(penalised, np.zeros(31), strengths)


def chosen_by(strengths):
    return loss(weights(strengths), CHOOSE)


def by_scikit_learn(strength):
    model = LogisticRegression(C=1 / (len(FIT[1]) * np.exp(strength)), tol=1e-10, max_iter=10_000)
    model.fit(*FIT)
    return np.append(model.coef_, model.intercept_)


def report(name, strengths):
    found = weights(strengths)
    right = np.mean((JUDGE[0] @ found[:-1] + found[-1]).numpy() * JUDGE[1] > 0)
    chosen, judged = loss(found, CHOOSE).item(), loss(found, JUDGE).item()
    print(f"{name:20s} chosen by {chosen:.5f}, judged by {judged:.5f}, right {100 * right:.1f}%")
    return chosen


def main():
    common = pa.optimize.minimize(chosen_by, -3.0, tol=1e-8)
    curvature = common.hessian[0, 0]
    print(f"best common strength exp({common.x.item():.4f}), curvature {curvature:.5f} there")
    one = report("one strength", common.x)
    difference = np.abs(by_scikit_learn(common.x.item()) - weights(common.x).numpy()).max()
    grid = min(loss(by_scikit_learn(s), CHOOSE).item() for s in np.linspace(-8, 0, 33))
    print(f"scikit-learn: weights differ by {difference:.1e}, best of a grid of 33 {grid:.5f}")

    began = time.perf_counter()
    start = np.full(30, common.x.item())
    separate = pa.optimize.minimize(chosen_by, start, method="BFGS", tol=1e-3)
    elapsed = time.perf_counter() - began
    many = report("30 strengths", separate.x)
    print(f"{separate.nfev} gradients by 30 strengths in {elapsed:.1f} s")

    agrees = difference < 1e-4 and one <= grid + 1e-9 and many < one
    print("agrees with scikit-learn" if agrees else "DOES NOT AGREE with scikit-learn")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
