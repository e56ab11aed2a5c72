"""bench/ops.py runs, and times nothing that it has not compared. No time is asserted."""

from pathlib import Path

from support.processes import run_code, run_python

BENCH = Path(__file__).resolve().parents[2] / "bench"


def test_it_prints_the_means_of_a_family():
    arguments = "--quick --family elementwise --without torch jax".split()
    done = run_python(str(BENCH / "ops.py"), *arguments)
    assert done.returncode == 0, done.stderr
    means = [line for line in done.stdout.splitlines() if line.startswith("| elementwise | small")]
    assert len(means) == 2
    assert "(21)" in means[0]  # ops that NumPy has, too


def test_it_stops_where_results_differ():
    done = run_code(f"""
        import sys
        sys.path.insert(0, {str(BENCH)!r})
        import op_cases, ops
        case = op_cases.Case("elementwise", "wrong", "x", "x + 1.0", {{"numpy": "x + 2.0"}})
        ops.CASES[:] = [case]
        ops.main(["--quick", "--family", "elementwise", "--without", "torch", "jax", "scipy"])
    """)
    assert done.returncode != 0
    assert "wrong, small, forward: pyautograd and numpy differ" in done.stderr
