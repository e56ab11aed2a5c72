"""Meta-learning: exact gradients of gradients, resumption to the same bits, tasks that diverge."""

import gc
import importlib.util
import signal
from pathlib import Path

import numpy as np
import pytest

import pyautograd as pa

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sinusoid = example("maml_sinusoid")
imperative = example("maml_imperative")


def problem(tasks=4, shots=5, seed=0):
    rng = np.random.default_rng(seed)
    params = pa.nn.init_mlp(rng, sinusoid.SIZES)
    return params, sinusoid.sample_tasks(rng, tasks, shots, shots, np.float64)


def gradient_of(steps, params, points, **options):
    meta_loss = sinusoid.make_meta_loss(steps, 0.01, **options)
    return pa.func.grad(lambda params: meta_loss(params, points)[0])(params)


def flat(tree):
    return np.concatenate([np.asarray(leaf).ravel() for leaf in pa.tree.flatten(tree)[0]])


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_exact_meta_gradients_agree_with_finite_differences_of_everything(steps):
    params, tasks = problem()
    meta_loss = sinusoid.make_meta_loss(steps, 0.01)
    gradient = flat(gradient_of(steps, params, tasks.points))
    leaves, structure = pa.tree.flatten(params)
    rng = np.random.default_rng(1)
    eps = 1e-6
    for _ in range(10):
        direction = [rng.normal(size=leaf.shape) for leaf in leaves]

        def along(t, direction=direction):
            moved = [p + t * d for p, d in zip(leaves, direction, strict=True)]
            return meta_loss(pa.tree.unflatten(structure, moved), tasks.points)[0].item()

        difference = (along(eps) - along(-eps)) / (2 * eps)
        exact = gradient @ np.concatenate([d.ravel() for d in direction])
        np.testing.assert_allclose(exact, difference, rtol=1e-6, atol=1e-7)


def test_every_entry_of_a_small_meta_gradient():
    rng = np.random.default_rng(0)
    tasks = sinusoid.sample_tasks(rng, 2, 3, 3, np.float64)
    params = pa.nn.init_mlp(rng, [1, 3, 1])
    leaves, structure = pa.tree.flatten(params)
    meta_loss = sinusoid.make_meta_loss(2, 0.01)

    def loss(*leaves):
        return meta_loss(pa.tree.unflatten(structure, leaves), tasks.points)[0]

    assert pa.testing.gradcheck(loss, tuple(leaves), atol=1e-7, rtol=1e-6)


def test_first_order_and_exact_gradients_differ():
    params, tasks = problem()
    exact = flat(gradient_of(1, params, tasks.points))
    first = flat(gradient_of(1, params, tasks.points, first_order=True))
    assert np.abs(exact - first).max() > 0.01 * np.abs(exact).max()

    # The first-order gradient is the plain gradient at the adapted parameters.
    expected = 0.0
    for i in range(4):
        points = tasks.chosen([i]).points
        x, y, x_query, y_query = (a[0] for a in points)
        adapted = sinusoid.adapt(params, x, y, 1, 0.01)[-1]
        expected += flat(pa.func.grad(sinusoid.error)(adapted, x_query, y_query)) / 4
    np.testing.assert_allclose(first, expected, rtol=1e-10, atol=1e-12)


def test_the_imperative_gradient_is_the_functional_one():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        model = imperative.Model.new(rng)
        optimizer = pa.optim.Adam(model.params)
        tasks = imperative.sample_tasks(rng)
        imperative.meta_loss(model, optimizer, tasks).backward()
        reference = imperative.functional_gradient(model.params, tasks[-1])
        assert imperative.largest_difference(model.params, reference) < 1e-12

        points = sinusoid.Points(*(pa.asarray(a) for a in tasks[-1]))
        params = pa.tree.map(lambda p: p.detach(), model.params)
        other = gradient_of(1, params, points)
        ten = pa.tree.map(lambda g: imperative.TASKS * g, other)
        assert imperative.largest_difference(model.params, ten) < 1e-12


def test_imperative_meta_steps_keep_live_memory_flat():
    rng = np.random.default_rng(0)
    model = imperative.Model.new(rng)
    optimizer = pa.optim.Adam(model.params)
    gc.collect()
    gc.disable()
    try:
        for i in range(100):
            imperative.meta_loss(model, optimizer, imperative.sample_tasks(rng)).backward()
            optimizer.step()
            optimizer.zero_grad()
            if i == 0:
                before = pa.memory.live()
            assert pa.memory.live() == before
    finally:
        gc.enable()


def with_amplitude(tasks, index, factor):
    """The tasks with one curve made enormous."""
    scale = np.ones((len(tasks.amplitude), 1, 1), np.float32)
    scale[index] = factor
    points = tasks.points._replace(y=tasks.points.y * scale, y_query=tasks.points.y_query * scale)
    return tasks._replace(amplitude=tasks.amplitude * scale.ravel(), points=points)


@pytest.mark.parametrize("factor", [1e3, 1e15, 1e30])
def test_a_diverging_task_is_reported_and_left_out(factor):
    rng = np.random.default_rng(0)
    params = pa.nn.init_mlp(rng, sinusoid.SIZES, dtype=np.float32)
    tasks = sinusoid.sample_tasks(rng, 5, 5, 5)
    meta_loss = sinusoid.make_meta_loss(1, 0.01)
    reports = []
    loss, gradient = sinusoid.meta_gradient(
        meta_loss, params, with_amplitude(tasks, 2, factor), reports.append
    )
    others = tasks.chosen([0, 1, 3, 4])
    expected, expected_gradient = sinusoid.meta_gradient(meta_loss, params, others, pytest.fail)
    assert loss == expected
    assert flat(gradient).tobytes() == flat(expected_gradient).tobytes()
    (report,) = reports
    amplitude = tasks.amplitude[2] * np.float32(factor)
    assert f"task 2 left out: amplitude {amplitude:.6g}, phase {tasks.phase[2]:.6g}" in report


def test_when_every_task_diverges_training_stops():
    rng = np.random.default_rng(0)
    params = pa.nn.init_mlp(rng, sinusoid.SIZES, dtype=np.float32)
    tasks = sinusoid.sample_tasks(rng, 3, 5, 5)
    reports = []
    with pytest.raises(RuntimeError, match="every task of the meta-batch diverges"):
        sinusoid.meta_gradient(sinusoid.make_meta_loss(1, 1e9), params, tasks, reports.append)
    assert len(reports) == 3


def test_a_diverging_test_task_is_reported_and_left_out():
    rng = np.random.default_rng(0)
    params = pa.nn.init_mlp(rng, sinusoid.SIZES, dtype=np.float32)
    tasks = sinusoid.sample_tasks(rng, 5, 5, 20)
    reports = []
    found = sinusoid.evaluate(params, with_amplitude(tasks, 3, 1e4), 0.01, reports.append)
    assert found.shape == (4, 11)
    assert len(reports) == 1 and "test task 3 left out: amplitude" in reports[0]


def test_a_diverging_task_of_the_imperative_version(capsys):
    rng = np.random.default_rng(0)
    model = imperative.Model.new(rng)
    optimizer = pa.optim.Adam(model.params)
    amplitudes, phases, points = imperative.sample_tasks(rng, 3)
    huge = [np.where(np.arange(3)[:, None, None] == 1, 1e200 * a, a) for a in points]
    imperative.meta_loss(model, optimizer, (amplitudes, phases, huge)).backward()
    assert "left out: amplitude" in capsys.readouterr().out
    healthy = [a[[0, 2]] for a in points]
    reference = imperative.functional_gradient(model.params, healthy)
    assert imperative.largest_difference(model.params, reference) < 1e-12


def train(folder, *arguments):
    checkpoint = folder / "maml.npz"
    status = sinusoid.main(
        ["--iterations", "30", "--test-tasks", "5", "--meta-batch", "3", "--save-every", "7",
         "--checkpoint", str(checkpoint), "--output", str(folder), *arguments]
    )  # fmt: skip
    return status, checkpoint


@pytest.mark.parametrize("interruptions", [[12], [1, 29, 30, 31, 45, 60]])
def test_interrupted_training_resumes_to_the_same_bits(tmp_path, monkeypatch, interruptions):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    status, expected = train(whole)
    assert status == 0

    steps = 0
    update = sinusoid.Progress.update

    def interrupting(bar, *arguments):
        nonlocal steps
        steps += 1
        if steps in interruptions:
            signal.raise_signal(signal.SIGINT)
        update(bar, *arguments)

    monkeypatch.setattr(sinusoid.Progress, "update", interrupting)
    runs = 0
    status = None
    while status != 0:
        status, found = train(parts)
        runs += 1
        assert status in (0, 130) and runs < 10
    assert runs == 1 + len(interruptions)
    assert steps == 60
    assert found.read_bytes() == expected.read_bytes()


def test_a_killed_training_resumes_from_the_last_saving(tmp_path, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    _, expected = train(whole)

    class Killed(BaseException):
        pass

    def killed(bar, done, loss):
        if done == 25:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(sinusoid.Progress, "update", killed)
        with pytest.raises(Killed):
            train(parts)
    status, found = train(parts)
    assert status == 0
    assert found.read_bytes() == expected.read_bytes()


def test_a_checkpoint_of_another_training_is_refused(tmp_path, capsys):
    _, checkpoint = train(tmp_path)
    before = checkpoint.read_bytes()
    assert train(tmp_path, "--seed", "5")[0] == 2
    assert "belongs to another training" in capsys.readouterr().err
    assert train(tmp_path, "--iterations", "31")[0] == 2
    assert "belongs to another training" in capsys.readouterr().err
    assert train(tmp_path, "--dtype", "float64")[0] == 2
    assert "expected dtype float64, found float32" in capsys.readouterr().err
    checkpoint.write_bytes(before[:-100])
    assert train(tmp_path)[0] == 2
    assert "damaged, truncated" in capsys.readouterr().err
    assert checkpoint.read_bytes() == before[:-100]


@pytest.mark.parametrize("arguments", [["--shots", "0"], ["--test-tasks", "1"], ["--dtype", "f"]])
def test_options_out_of_range(arguments, capsys):
    with pytest.raises(SystemExit):
        sinusoid.main(arguments)
    assert "error: " in capsys.readouterr().err
