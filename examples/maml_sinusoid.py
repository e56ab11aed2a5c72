"""Model-agnostic meta-learning (MAML) of sinusoids, with exact second-order meta-gradients.

A task is a sine curve with its own amplitude and phase, seen at a few points (the shots). MAML
looks for network weights from which one step of gradient descent on these points fits the whole
curve. The quantity to minimise is the error *after* that step, so its gradient goes through the
gradient: a derivative of second order, here exact. As a baseline the same network is pre-trained on
all tasks at once, that is, by the same program with no inner step.

Protocol: Finn, Abbeel, Levine (2017), Model-Agnostic Meta-Learning for Fast Adaptation of Deep
Networks, section 5.1. Amplitude uniform in [0.1, 5], phase in [0, pi], points in [-5, 5], network
1-40-40-1 with relu, inner rate 0.01, one inner step in training, 25 tasks a meta-batch, Adam with
rate 1e-3, 70,000 iterations.

A task diverges if, after inner steps, its error is above 1000 (no curve has a mean square above
12.5) or its error or gradient is not finite. Such a task is left out of the mean over its
meta-batch, or over the test tasks, and is reported with its amplitude and phase.

    python examples/maml_sinusoid.py --shots 5 --checkpoint maml.npz
    python examples/maml_sinusoid.py --quick

With --checkpoint the training may be interrupted at any time (Ctrl-C, or harder); the same command
goes on from the file and ends with the same bits as an uninterrupted run.
"""

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pyautograd as pa

SIZES = (1, 40, 40, 1)
STEPS = (0, 1, 5, 10)
DIVERGED = 1000.0
CLEAR = "\033[K"  # the rest of the terminal's line
# Mean squared error after 1, 5 and 10 steps; Finn et al. (2017), 5 shots.
PUBLISHED = {("meta-learned", 5): (0.67, 0.38, 0.35), ("pre-trained", 5): (2.41, 2.23, 2.19)}


class Points(NamedTuple):
    """What the network sees of many tasks; every array has the shape (tasks, points, 1)."""

    x: Any
    y: Any
    x_query: Any
    y_query: Any


class Tasks(NamedTuple):
    amplitude: Any
    phase: Any
    points: Points

    def chosen(self, index):
        points = Points(*(pa.asarray(np.asarray(a)[index]) for a in self.points))
        return Tasks(self.amplitude[index], self.phase[index], points)


class Run(NamedTuple):
    """The training of one model, as far as it has got."""

    iteration: int
    params: Any
    optimizer: Any


def sample_tasks(rng, count, shots, queries, dtype=np.float32):
    """Draw tasks with `shots` points to adapt to and `queries` points to be judged by."""
    amplitude = rng.uniform(0.1, 5.0, count)
    phase = rng.uniform(0.0, np.pi, count)
    x = rng.uniform(-5.0, 5.0, (count, shots + queries, 1))
    y = amplitude[:, None, None] * np.sin(x - phase[:, None, None])
    parts = (x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:])
    return Tasks(amplitude, phase, Points(*(pa.tensor(part, dtype=dtype) for part in parts)))


def error(params, x, y):
    return pa.nn.mean_squared_error(pa.nn.mlp(params, x), y)


def adapt(params, x, y, steps, rate, first_order=False):
    """The parameters after every one of `steps` inner steps, those before the first included."""
    descent = pa.optim.SGD(lr=rate)
    state = descent.init(params)
    path = [params]
    for _ in range(steps):
        gradient = pa.func.grad(error)(params, x, y)
        if first_order:
            gradient = pa.tree.map(lambda g: g.detach(), gradient)
        params, state = descent.update(params, gradient, state)
        path.append(params)
    return path


def make_meta_loss(steps, rate, first_order=False):
    """The mean over tasks of the error after adaptation; beside it the error of each one."""

    def task_loss(params, points):
        adapted = adapt(params, points.x, points.y, steps, rate, first_order)[-1]
        return error(adapted, points.x_query, points.y_query)

    def meta_loss(params, points):
        losses = pa.func.vmap(task_loss, in_axes=(None, 0))(params, points)
        return pa.mean(losses), losses

    return meta_loss


def is_finite(tree):
    return all(np.isfinite(np.asarray(leaf)).all() for leaf in pa.tree.flatten(tree)[0])


def meta_gradient(meta_loss, params, tasks, report):
    """The mean error of a meta-batch and its gradient, without the tasks that diverge."""
    evaluate = pa.func.value_and_grad(meta_loss, has_aux=True)
    (loss, losses), gradient = evaluate(params, tasks.points)
    if np.all(np.asarray(losses) <= DIVERGED) and is_finite(gradient):
        return loss.item(), gradient
    healthy = []
    for i, (amplitude, phase) in enumerate(zip(tasks.amplitude, tasks.phase, strict=True)):
        (loss, _), gradient = evaluate(params, tasks.chosen([i]).points)
        if loss.item() <= DIVERGED and is_finite(gradient):
            healthy.append(i)
        else:
            kind = "finite" if is_finite(gradient) else "not finite"
            report(
                f"task {i} left out: amplitude {amplitude:.6g}, phase {phase:.6g}, "
                f"error {loss.item():.4g}, gradient {kind}"
            )
    if not healthy:
        raise RuntimeError("every task of the meta-batch diverges: lower the inner rate")
    if len(healthy) == len(tasks.amplitude):
        raise RuntimeError("the sum of finite gradients overflows: use --dtype float64")
    return meta_gradient(meta_loss, params, tasks.chosen(healthy), report)


class Interruption:
    """Notes the first Ctrl-C or SIGTERM, so that an iteration is never cut in two."""

    def __enter__(self):
        self.noted = False
        self._former = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _note(self, *_):
        self.noted = True
        self._restore()

    def _restore(self):
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def __exit__(self, *_):
        self._restore()


class Progress:
    """A bar that is redrawn in a terminal; elsewhere one line every twentieth of the way."""

    def __init__(self, name, start, total):
        self._name, self._start, self._total = name, start, total
        self._began = self._drawn = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._loss = None

    def update(self, done, loss):
        # The losses of single meta-batches jump; this is a mean over about a hundred of them.
        self._loss = loss if self._loss is None else 0.99 * self._loss + 0.01 * loss
        now = time.monotonic()
        if self._terminal:
            due = now - self._drawn > 0.2 or done == self._total
        else:
            due = done * 20 // self._total > (done - 1) * 20 // self._total
        if not due:
            return
        self._drawn = now
        rate = (done - self._start) / max(now - self._began, 1e-9)
        left = int((self._total - done) / rate)
        filled = 30 * done // self._total
        line = (
            f"{self._name} [{'#' * filled}{'.' * (30 - filled)}] {done}/{self._total}  "
            f"error {self._loss:.4f}  {rate:.0f}/s  {left // 60}:{left % 60:02d} left"
        )
        self._write(f"\r{line}{CLEAR}" if self._terminal else f"{line}\n")

    def note(self, text):
        self._write(f"\r{text}{CLEAR}\n" if self._terminal else f"{text}\n")

    def close(self):
        if self._terminal:
            self._write("\n")

    def _write(self, text):
        sys.stderr.write(text)
        sys.stderr.flush()


class Training:
    """Both models in training, and the file they are kept in."""

    def __init__(self, options):
        self.options = options
        self.rng = np.random.Generator(np.random.Philox(options.seed))
        self.adam = pa.optim.Adam(lr=options.meta_rate)
        self.runs = {}
        for name in ("meta-learned", "pre-trained"):
            params = pa.nn.init_mlp(self.rng, SIZES, dtype=options.dtype)
            self.runs[name] = Run(0, params, self.adam.init(params))

    def tree(self):
        """Everything that the rest of the training depends on."""
        names = "shots first_order iterations meta_batch inner_rate meta_rate dtype seed".split()
        protocol = json.dumps({name: getattr(self.options, name) for name in names})
        return {"protocol": protocol, "rng": self.rng.bit_generator.state, "runs": self.runs}

    def save(self):
        if self.options.checkpoint is not None:
            pa.save(self.options.checkpoint, self.tree())

    def resume(self):
        """Go on from the file, if it is there."""
        path = self.options.checkpoint
        if path is None or not path.exists():
            return
        mine = self.tree()
        found = pa.load(path, like=mine)
        if found["protocol"] != mine["protocol"]:
            raise ValueError(
                f"{path} belongs to another training:\n  {found['protocol']}\n  "
                f"{mine['protocol']}\nuse its options, or another file"
            )
        self.runs = found["runs"]
        self.rng.bit_generator.state = found["rng"]
        done = ", ".join(f"{name} {run.iteration}" for name, run in self.runs.items())
        print(f"resumed from {path}; iterations done: {done}")

    def train(self, name, inner_steps):
        """Train one model to the end; False if interrupted."""
        options = self.options
        meta_loss = make_meta_loss(inner_steps, options.inner_rate, options.first_order)
        iteration, params, state = self.runs[name]
        bar = Progress(name, iteration, options.iterations)
        with Interruption() as interruption:
            while iteration < options.iterations and not interruption.noted:
                tasks = sample_tasks(
                    self.rng, options.meta_batch, options.shots, options.shots, options.dtype
                )
                where = f"{name}, seed {options.seed}, iteration {iteration}"
                loss, gradient = meta_gradient(
                    meta_loss, params, tasks, lambda text, where=where: bar.note(f"{where}: {text}")
                )
                params, state = self.adam.update(params, gradient, state)
                iteration += 1
                self.runs[name] = Run(iteration, params, state)
                bar.update(iteration, loss)
                if iteration % options.save_every == 0:
                    self.save()
        bar.close()
        self.save()
        return not interruption.noted


def evaluate(params, tasks, rate, report):
    """The error on each test task after 0, 1, ..., 10 steps, shape (tasks, 11)."""

    def errors(params, points):
        path = adapt(params, points.x, points.y, max(STEPS), rate)
        return pa.stack([error(p, points.x_query, points.y_query) for p in path])

    found = np.asarray(pa.func.vmap(errors, in_axes=(None, 0))(params, tasks.points))
    healthy = (found <= DIVERGED).all(axis=1)
    for i in np.flatnonzero(~healthy):
        errors = ", ".join(f"{value:.4g}" for value in found[i, list(STEPS)])
        report(
            f"test task {i} left out: amplitude {tasks.amplitude[i]:.6g}, "
            f"phase {tasks.phase[i]:.6g}, errors after {STEPS} steps {errors}"
        )
    return found[healthy].astype(np.float64)


def print_table(errors, shots, count):
    print(f"\nmean squared error, {shots} shots, 95% intervals over test tasks")
    print(f"{'gradient steps':30}" + "".join(f"{steps:>16}" for steps in STEPS) + f"{'tasks':>10}")
    for name, found in errors.items():
        mean = found.mean(axis=0)
        half = 1.96 * found.std(axis=0, ddof=1) / np.sqrt(len(found))
        cells = [f"{mean[steps]:.3f} ± {half[steps]:.3f}" for steps in STEPS]
        print(f"{name:30}" + "".join(f"{cell:>16}" for cell in cells) + f"{len(found):>6}/{count}")
        if (name, shots) in PUBLISHED:
            cells = ["-", *(f"{value:.2f}" for value in PUBLISHED[name, shots])]
            print(f"{'  published':30}" + "".join(f"{cell:>16}" for cell in cells))


def plot(models, tasks, rate, path):
    """Draw one test task and both models before and after adaptation."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    grid = np.linspace(-5.0, 5.0, 300)[:, None]
    amplitude, phase = tasks.amplitude[0], tasks.phase[0]
    x, y = (np.asarray(a)[0] for a in tasks.points[:2])
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    for axis, (name, params) in zip(axes, models.items(), strict=True):
        axis.plot(grid, amplitude * np.sin(grid - phase), "k", lw=2, label="task")
        axis.plot(x, y, "k^", label="points seen")
        fits = adapt(params, pa.asarray(x), pa.asarray(y), max(STEPS), rate)
        for steps, style in zip(STEPS, (":", "-.", "--", "-"), strict=True):
            curve = pa.nn.mlp(fits[steps], pa.asarray(grid.astype(x.dtype)))
            label = "before" if steps == 0 else f"after {steps} step{'s' * (steps > 1)}"
            axis.plot(grid, np.asarray(curve), style, label=label)
        axis.set(title=name, xlabel="x")
    axes[0].legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=5, help="points to adapt to, 5 or 10")
    parser.add_argument("--first-order", action="store_true", help="ignore second derivatives")
    parser.add_argument("--iterations", type=int, help="70,000, or 300 with --quick")
    parser.add_argument("--meta-batch", type=int, default=25, help="tasks an iteration")
    parser.add_argument("--inner-rate", type=float, default=0.01)
    parser.add_argument("--meta-rate", type=float, default=1e-3)
    parser.add_argument("--test-tasks", type=int, help="600, or 100 with --quick")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    parser.add_argument("--test-seed", type=int, default=1, help="of the test tasks")
    parser.add_argument("--checkpoint", type=Path, help="resume from this file, and save to it")
    parser.add_argument("--save-every", type=int, default=1000, help="iterations between savings")
    parser.add_argument("--output", type=Path, default=Path.cwd(), help="folder for the picture")
    parser.add_argument("--quick", action="store_true", help="a short run")
    options = parser.parse_args(arguments)
    if options.iterations is None:
        options.iterations = 300 if options.quick else 70_000
    if options.test_tasks is None:
        options.test_tasks = 100 if options.quick else 600
    for name in ("shots", "iterations", "meta_batch", "save_every"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if options.test_tasks < 2:
        parser.error("--test-tasks must be at least 2, for an interval")
    return options


def main(arguments=None):
    options = parse(arguments)
    training = Training(options)
    try:
        training.resume()
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    order = "first-order" if options.first_order else "exact"
    print(f"{options.shots} shots, {order} meta-gradients, {options.dtype}, seed {options.seed}")
    for name, inner_steps in (("meta-learned", 1), ("pre-trained", 0)):
        if not training.train(name, inner_steps):
            kept = f"; run again to go on from {options.checkpoint}" if options.checkpoint else ""
            print(f"interrupted{kept}", file=sys.stderr)
            return 130

    rng = np.random.default_rng(options.test_seed)
    tasks = sample_tasks(rng, options.test_tasks, options.shots, 100, options.dtype)
    models = {name: run.params for name, run in training.runs.items()}
    seeds = f"seed {options.seed}, test seed {options.test_seed}"
    errors = {
        name: evaluate(
            params, tasks, options.inner_rate, lambda text, name=name: print(f"{name}: {text}")
        )
        for name, params in models.items()
    }
    print_table(errors, options.shots, options.test_tasks)
    print(f"{options.iterations} iterations, {seeds}")
    options.output.mkdir(parents=True, exist_ok=True)
    picture = options.output / f"maml_sinusoid_{options.shots}shot.png"
    plot(models, tasks, options.inner_rate, picture)
    print(f"wrote {picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
