"""The example programs run as a user runs them, and print what they promise."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SECOND_ORDER = """\
w = (x^T y)^2
    x = [3.0, 1.0]
    y = [1.0, 2.0]
    z = x^T y = 5.0
    w = z^2 = 25.0
w.backward(create_graph=True)
    x.grad = [10.0, 20.0]
    y.grad = [30.0, 10.0]
    z.grad = None  (z is not a leaf: nothing is kept for it)
clear the gradients, then back-propagate dw/dx1
    x.grad = [2.0, 4.0]
    y.grad = [16.0, 2.0]
the same without clearing: the second gradients are added to the first
    x.grad = [12.0, 24.0]
    y.grad = [46.0, 12.0]
the Hessian with respect to x, in all four pairs of modes
    forward-over-forward [[2.0, 4.0], [4.0, 8.0]]
    forward-over-reverse [[2.0, 4.0], [4.0, 8.0]]
    reverse-over-forward [[2.0, 4.0], [4.0, 8.0]]
    reverse-over-reverse [[2.0, 4.0], [4.0, 8.0]]
"""


def run(name, *arguments):
    """Run an example in a folder-independent way; return what it printed."""
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_second_order():
    assert run("second_order.py") == SECOND_ORDER


def test_logistic_newton(tmp_path):
    printed = run("logistic_newton.py", "--output", str(tmp_path))
    assert "569 tumours" in printed
    assert "agrees with scikit-learn" in printed
    pictures = sorted(tmp_path.glob("*.png"))
    assert [picture.name for picture in pictures] == [
        "logistic_newton_convergence.png",
        "logistic_newton_hessian.png",
    ]
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG\r\n") and picture.stat().st_size > 5000


def test_mixed_poisson():
    lines = run("mixed_poisson.py", "--groups", "12").splitlines()
    rows = [line.split() for line in lines if "95%" in line]
    assert len(rows) == 6
    for row in rows:
        estimate, error, low, high = (float(row[i]) for i in (-7, -5, -3, -1))
        assert low < estimate - error and estimate + error < high
    assert float(lines[-1].split()[-3]) < 0.1


def test_maml_sinusoid(tmp_path):
    arguments = ("--quick", "--iterations", "40", "--output", str(tmp_path))
    printed = run("maml_sinusoid.py", *arguments, "--checkpoint", str(tmp_path / "maml.npz"))
    lines = printed.splitlines()
    (head,) = (line for line in lines if line.startswith("gradient steps"))
    assert head.split()[2:] == ["0", "1", "5", "10", "tasks"]
    for name in ("meta-learned", "pre-trained"):
        (row,) = (line for line in lines if line.startswith(name))
        assert row.count("±") == 4
    assert [line.split()[1:] for line in lines if line.startswith("  published")] == [
        ["-", "0.67", "0.38", "0.35"],
        ["-", "2.41", "2.23", "2.19"],
    ]
    assert (tmp_path / "maml_sinusoid_5shot.png").stat().st_size > 5000
    assert (tmp_path / "maml.npz").exists()


def test_maml_sinusoid_first_order(tmp_path):
    arguments = ("--first-order", "--shots", "10", "--quick", "--output", str(tmp_path))
    printed = run("maml_sinusoid.py", *arguments)
    assert "10 shots, first-order meta-gradients" in printed
    assert (tmp_path / "maml_sinusoid_10shot.png").exists()


def test_maml_imperative():
    printed = run("maml_imperative.py", "--iterations", "60")
    live = {line.split("live bytes ")[1] for line in printed.splitlines() if "live" in line}
    assert len(live) == 1
    assert "the meta-gradient agrees with the functional one" in printed


def test_maximum_entropy():
    printed = run("maximum_entropy.py", "--size", "60")
    assert "60 of 3600 entries stored" in printed
    assert "agrees with the dual" in printed


def test_hessian_spectrum(tmp_path):
    small = ("--hidden", "6", "--samples", "150", "--steps", "25", "--iterations", "300")
    printed = run("hessian_spectrum.py", *small, "--output", str(tmp_path))
    assert "before training: loss" in printed and "the estimates agree" in printed
    assert (tmp_path / "hessian_spectrum.png").stat().st_size > 5000


def test_poisson():
    printed = run("poisson.py", "--hidden", "12", "--points", "100", "--steps", "40")
    assert "solves the equation" in printed


def test_deep_on_a_budget(tmp_path):
    options = ("--layers", "40", "--budget", "4MB", "--steps", "4", "--output", str(tmp_path))
    printed = run("deep_on_a_budget.py", *options)
    assert "the first 3 losses without a budget are the same bits" in printed
    assert (tmp_path / "deep_on_a_budget.png").stat().st_size > 5_000


def test_hyperparameters():
    printed = run("hyperparameters.py")
    assert "30 strengths" in printed and "agrees with scikit-learn" in printed


def test_helium():
    printed = run("helium.py", "--walkers", "400", "--steps", "30")
    assert "exact                   -2.90372" in printed
    assert "agrees with Hylleraas" in printed
