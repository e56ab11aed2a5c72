"""Trains a network that does not fit its memory budget, within the budget, and shows the memory.

A residual tanh network learns to tell two spirals apart by gradient descent with momentum. Without
a budget it needs several times the bytes that are allowed; with `pa.memory_budget` the activations
that do not fit are dropped and computed again, and the losses are the same bits. The picture shows
the live bytes of one plain step and of one step on the budget, against the budget. The exit status
is 1 if the budget was passed, the losses differ, or the plain step would have fitted.

    python examples/deep_on_a_budget.py [--layers N] [--budget BYTES] [--steps N] [--output DIR]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import pyautograd as pa

WIDTH, POINTS = 32, 400


def spirals(rng):
    """Two arms of points in the plane, and which arm each is on, as -1 or 1."""
    turn = np.sqrt(rng.uniform(0.05, 1, POINTS)) * 3 * np.pi
    arm = np.where(np.arange(POINTS) % 2, 1.0, -1.0)
    points = np.stack([arm * turn * np.cos(turn), arm * turn * np.sin(turn)], axis=1) / 10
    return pa.tensor(points), pa.tensor(arm)


def initial(rng, layers):
    return {
        "enter": pa.tensor(rng.normal(0, 1, (2, WIDTH))),
        "weights": [pa.tensor(rng.normal(0, WIDTH**-0.5, (WIDTH, WIDTH))) for _ in range(layers)],
        "biases": [pa.tensor(rng.normal(0, 0.5, WIDTH)) for _ in range(layers)],
        "leave": pa.tensor(rng.normal(0, 0.1, WIDTH)),
    }


def make_loss(points, arm):
    """The mean logistic loss."""

    def loss(parameters):
        y = points @ parameters["enter"]
        step = len(parameters["weights"]) ** -0.5
        for w, b in zip(parameters["weights"], parameters["biases"], strict=True):
            y = y + step * pa.tanh(y @ w + b)
        return pa.mean(pa.logaddexp(0.0, -arm * (y @ parameters["leave"])))

    return loss


def timeline(parameters, points, arm):
    """Live bytes after each operation of one gradient, forward and then backward."""
    before = pa.memory.live().bytes
    return before + pa.memory.profile(pa.func.grad(make_loss(points, arm)), parameters).bytes


def train(parameters, points, arm, steps):
    """The losses of gradient descent with momentum, and the most bytes alive meanwhile."""
    differentiate = pa.func.value_and_grad(make_loss(points, arm))
    momentum = pa.tree.map(pa.zeros_like, parameters)
    losses = []
    pa.memory.reset_peak()
    for _ in range(steps):
        gradient, loss = reversed(differentiate(parameters))
        momentum = pa.tree.map(lambda m, g: 0.9 * m + g, momentum, gradient)
        parameters = pa.tree.map(lambda p, m: p - 0.1 * m, parameters, momentum)
        losses.append(loss.item())
        del gradient, loss
    return losses, pa.memory.peak()


def draw(plain, limited, budget, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4))
    for samples, label in ((plain, "without a budget"), (limited, "with it")):
        axes.plot(np.linspace(0, 1, len(samples)), samples / 1e6, label=label)
    axes.axhline(budget / 1e6, color="black", linestyle=":", label="the budget")
    axes.set_xlabel("progress of one gradient: forward, then backward")
    axes.set_ylabel("live bytes of tensors, MB")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="A deep network on a memory budget.")
    parser.add_argument("--layers", type=int, default=300)
    parser.add_argument("--budget", default="24MB", help="bytes of tensors, as '24MB'")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the picture")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    points, arm = spirals(rng)
    parameters = initial(rng, options.layers)

    budget = pa.memory_budget(options.budget)
    with budget:
        losses, peak = train(parameters, points, arm, options.steps)
    few = min(3, options.steps)
    plain_losses, plain_peak = train(parameters, points, arm, few)

    print(f"{options.layers} layers, budget {budget.limit / 1e6:.1f} MB")
    print(f"needs without a budget  {plain_peak / 1e6:.1f} MB")
    print(f"used on the budget      {peak / 1e6:.1f} MB")
    print(f"values dropped {budget.dropped}, made again {budget.recomputed}")
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f} in {options.steps} steps")
    same = losses[:few] == plain_losses
    print(f"the first {few} losses without a budget are {'the same bits' if same else 'OTHERS'}")

    plain = timeline(parameters, points, arm)
    with pa.memory_budget(options.budget):
        limited = timeline(parameters, points, arm)
    path = options.output / "deep_on_a_budget.png"
    draw(plain, limited, budget.limit, path)
    print(f"picture: {path}")
    return 0 if same and peak <= budget.limit < plain_peak else 1


if __name__ == "__main__":
    sys.exit(main())
