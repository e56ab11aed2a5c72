"""Meta-learning (MAML) written the recorded way: backward, .grad, zero_grad, and nothing else.

For each task the model's loss goes backward with create_graph=True, so that `.grad` is itself a
function of the weights. A sub-model takes `weight - rate * weight.grad` as its weights; the
gradients are then cleared, which leaves the graph behind the sub-model alone; and the sub-model's
loss on new points joins a sum. One backward pass of that sum gives the meta-gradient: through the
sub-models, and through the gradients they were made of.

A task whose sub-model's loss is not finite is reported with its amplitude and phase and joins no
sum. At the end the gradient is compared with the functional version, one vmap of one grad.

    python examples/maml_imperative.py [--iterations N] [--seed N]
"""

import argparse
import sys

import numpy as np

import pyautograd as pa

TASKS = 10
POINTS = 5  # to adapt to, and as many to be judged by
SIZES = (1, 40, 40, 1)
RATE = 0.01
TOLERANCE = 1e-12


class Model:
    """A network that owns its weights, or one whose weights are computed from another's."""

    def __init__(self, params):
        self.params = params

    @classmethod
    def new(cls, rng):
        params = pa.nn.init_mlp(rng, SIZES)
        return cls(pa.tree.map(lambda p: p.requires_grad_(), params))

    def loss(self, x, y):
        return pa.nn.mean_squared_error(pa.nn.mlp(self.params, x), y)

    def stepped(self, rate):
        """The sub-model one step of gradient descent away."""
        return Model(pa.tree.map(lambda weight: weight - rate * weight.grad, self.params))


def sample_tasks(rng, count=TASKS):
    """Sine curves: amplitudes, phases, points to adapt to and points to be judged by."""
    amplitude = rng.uniform(0.1, 5.0, (count, 1, 1))
    phase = rng.uniform(0.0, np.pi, (count, 1, 1))
    x = rng.uniform(-5.0, 5.0, (count, 2 * POINTS, 1))
    y = amplitude * np.sin(x - phase)
    points = (x[:, :POINTS], y[:, :POINTS], x[:, POINTS:], y[:, POINTS:])
    return amplitude.ravel(), phase.ravel(), points


def meta_loss(model, optimizer, tasks):
    """The sum over tasks of the error after one step; the model has no gradients afterwards."""
    amplitudes, phases, points = tasks
    losses = []
    for amplitude, phase, x, y, x_query, y_query in zip(amplitudes, phases, *points, strict=True):
        model.loss(x, y).backward(create_graph=True)
        adapted = model.stepped(RATE)
        optimizer.zero_grad()
        loss = adapted.loss(x_query, y_query)
        if np.isfinite(loss.item()):
            losses.append(loss)
        else:
            print(f"left out: amplitude {amplitude:.6g}, phase {phase:.6g}, error {loss.item()}")
    if not losses:
        raise RuntimeError("every task diverges: lower the inner rate")
    return sum(losses)


def functional_gradient(params, points):
    """The same meta-gradient from transforms of pure functions."""

    def loss(params, x, y):
        return pa.nn.mean_squared_error(pa.nn.mlp(params, x), y)

    def task_loss(params, x, y, x_query, y_query):
        gradient = pa.func.grad(loss)(params, x, y)
        adapted = pa.tree.map(lambda p, g: p - RATE * g, params, gradient)
        return loss(adapted, x_query, y_query)

    in_axes = (None, 0, 0, 0, 0)
    mapped = pa.func.vmap(task_loss, in_axes)
    gradient = pa.func.grad(lambda params: pa.sum(mapped(params, *points)))
    return gradient(pa.tree.map(lambda p: p.detach(), params))


def largest_difference(params, reference):
    """Between the `.grad` of parameters and a tree of gradients, relative to the largest entry."""
    pairs = [
        (np.asarray(p.grad), np.asarray(g))
        for p, g in zip(pa.tree.flatten(params)[0], pa.tree.flatten(reference)[0], strict=True)
    ]
    scale = max(np.abs(g).max() for _, g in pairs)
    return max(np.abs(mine - g).max() for mine, g in pairs) / scale


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(options.seed)
    model = Model.new(rng)
    optimizer = pa.optim.Adam(model.params, lr=1e-3)
    recent = []
    for iteration in range(1, options.iterations + 1):
        loss = meta_loss(model, optimizer, sample_tasks(rng))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        recent.append(loss.item() / TASKS)
        if iteration % max(options.iterations // 10, 1) == 0:
            live = pa.memory.live().bytes
            print(
                f"{iteration:6}  error after one step {np.mean(recent):8.4f}  live bytes {live}",
                flush=True,
            )
            recent = []
        del loss

    tasks = sample_tasks(rng)
    meta_loss(model, optimizer, tasks).backward()
    difference = largest_difference(model.params, functional_gradient(model.params, tasks[-1]))
    verdict = "agrees" if difference <= TOLERANCE else "DOES NOT AGREE"
    print(
        f"the meta-gradient {verdict} with the functional one: largest relative difference "
        f"{difference:.1e}, allowed {TOLERANCE:.0e}"
    )
    return 0 if difference <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
