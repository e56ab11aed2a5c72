"""Maximum-likelihood logistic regression by Newton's method with an exact Hessian.

Data: the Wisconsin breast-cancer measurements in scikit-learn, 569 tumours, 212 of them
malignant. We model the probability that a tumour is benign from the ten standardised mean features
and an intercept. (All thirty features separate the two classes perfectly, so the likelihood has no
maximum: the coefficients would grow without end. With the ten means it has exactly one.)

Nothing is derived by hand: the log-likelihood is written once, the gradient comes from
pa.func.value_and_grad and the Hessian from pa.hessian. The inverse Hessian at the maximum gives the
standard errors. The result is checked against scikit-learn's unpenalised LogisticRegression; the
exit status is 1 if any coefficient differs by more than 1e-6.

    python examples/logistic_newton.py [--output FOLDER]
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import matplotlib

if not os.environ.get("DISPLAY") and not os.environ.get("MPLBACKEND"):
    matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

import pyautograd as pa

TOLERANCE = 1e-6


def load_data():
    """Return the design matrix (intercept first), the labels (1 = benign) and the column names."""
    data = load_breast_cancer()
    chosen = [i for i, name in enumerate(data.feature_names) if name.startswith("mean ")]
    features = data.data[:, chosen]
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    design = np.column_stack([np.ones(len(features)), features])
    names = ["intercept", *(str(data.feature_names[i]) for i in chosen)]
    return design, data.target.astype(float), names


def negative_log_likelihood(design, labels):
    """Return beta -> -log likelihood of the labels; log(1 + exp(z)) is taken without overflow."""
    design, labels = pa.asarray(design), pa.asarray(labels)

    def loss(beta):
        z = design @ beta
        return pa.sum(pa.softplus(z) - labels * z)

    return loss


def newton(loss, beta, max_steps=50, gradient_tolerance=1e-9):
    """Minimise `loss` from `beta`; return the minimiser, its Hessian and one record per step."""
    value_and_grad = pa.func.value_and_grad(loss)
    history = []
    print(f"{'step':>4}  {'-log likelihood':>18}  {'|gradient|':>11}  {'damping':>8}  {'ms':>7}")
    damping = 1.0
    for step in range(max_steps):
        start = time.perf_counter()
        value, gradient = (np.asarray(t) for t in value_and_grad(pa.asarray(beta)))
        hessian = np.asarray(pa.hessian(loss, pa.asarray(beta)))
        elapsed = 1e3 * (time.perf_counter() - start)
        norm = float(np.linalg.norm(gradient))
        history.append((float(value), norm, beta.copy()))
        print(
            f"{step:4d}  {float(value):18.12f}  {norm:11.3e}  {damping:8.4f}  {elapsed:7.2f}",
            flush=True,
        )
        if norm < gradient_tolerance:
            return beta, hessian, history
        direction = np.linalg.solve(hessian, gradient)
        # Newton's decrement is the slope along the direction; halve until a tenth of it is gained.
        decrement = float(gradient @ direction)
        damping = 1.0
        while damping > 1e-8:
            trial = float(loss(pa.asarray(beta - damping * direction)).item())
            if trial <= value - 0.1 * damping * decrement + 1e-13 * abs(value):
                break
            damping /= 2
        beta = beta - damping * direction
    raise RuntimeError(f"no convergence in {max_steps} steps: gradient norm {norm:.3e}")


def reference_coefficients(design, labels):
    """scikit-learn's own maximum-likelihood fit of the same model."""
    model = LogisticRegression(
        C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )
    with warnings.catch_warnings():
        # Its line search reports that no further decrease is possible: we ask for the last digit.
        warnings.simplefilter("ignore")
        return model.fit(design, labels).coef_[0]


def save_pictures(folder, history, hessian, names):
    """Write the two pictures as PNG files and return their paths."""
    best = history[-1][2]
    steps = range(len(history))
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    axis.semilogy(steps, [norm for _, norm, _ in history], "o-", label="gradient norm")
    axis.semilogy(
        steps[:-1],
        [np.linalg.norm(beta - best) for _, _, beta in history[:-1]],
        "s--",
        label="distance to the final coefficients",
    )
    axis.set(xlabel="Newton step", title="Convergence")
    axis.legend()
    convergence = folder / "logistic_newton_convergence.png"
    figure.savefig(convergence, dpi=120)

    figure, axis = plt.subplots(figsize=(7, 6), layout="constrained")
    limit = np.abs(hessian).max()
    image = axis.imshow(hessian, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_xticks(range(len(names)), names, rotation=90)
    axis.set_yticks(range(len(names)), names)
    axis.set_title("Hessian of the negative log likelihood at its minimum")
    figure.colorbar(image)
    picture = folder / "logistic_newton_hessian.png"
    figure.savefig(picture, dpi=120)
    plt.close("all")
    return convergence, picture


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Logistic regression with an exact Hessian.")
    parser.add_argument(
        "--output", type=Path, default=Path.cwd(), help="folder for the two PNG files"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)

    design, labels, names = load_data()
    print(f"{len(labels)} tumours, {len(names) - 1} features and an intercept")
    loss = negative_log_likelihood(design, labels)
    beta, hessian, history = newton(loss, np.zeros(len(names)))

    errors = np.sqrt(np.diag(np.linalg.inv(hessian)))
    reference = reference_coefficients(design, labels)
    print(f"\n{'':24}{'coefficient':>14}{'std. error':>14}{'z':>8}{'scikit-learn':>16}")
    for name, b, error, other in zip(names, beta, errors, reference, strict=True):
        print(f"{name:24}{b:14.8f}{error:14.8f}{b / error:8.2f}{other:16.8f}")
    accuracy = np.mean((design @ beta > 0) == (labels == 1))
    print(f"\naccuracy on these data: {accuracy:.4f}")

    for path in save_pictures(options.output, history, hessian, names):
        print(f"wrote {path}")

    difference = float(np.abs(beta - reference).max())
    verdict = "agrees" if difference <= TOLERANCE else "DOES NOT AGREE"
    print(f"{verdict} with scikit-learn: largest difference {difference:.1e}, allowed {TOLERANCE}")
    return 0 if difference <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
