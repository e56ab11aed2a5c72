"""Timing that survives a noisy machine, and a table that hides nothing.

Systems are timed in turn, round by round, so that a slow moment of the machine meets all of them;
the median over the rounds is reported, with the spread between the quartiles. Everything runs on
one thread, or on as many as the environment variable PYAUTOGRAD_BENCH_THREADS says. Import this
module before NumPy or any peer: it sets their thread counts.
"""

import argparse
import gc
import importlib
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

COUNT = int(os.environ.get("PYAUTOGRAD_BENCH_THREADS", "1"))
THREADS = {
    "OMP_NUM_THREADS": str(COUNT),
    "OPENBLAS_NUM_THREADS": str(COUNT),
    "MKL_NUM_THREADS": str(COUNT),
    "PYAUTOGRAD_NUM_THREADS": str(COUNT),
    "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={str(COUNT > 1).lower()}"
    f" intra_op_parallelism_threads={COUNT}",
    "JAX_ENABLE_X64": "1",
    "JAX_PLATFORMS": "cpu",
}
# Set in some environments to tie OpenBLAS to one processor's kernels; NumPy and we run unpinned.
PIN = "OPENBLAS_CORETYPE"

pinned = os.environ.pop(PIN, None)
os.environ.update(THREADS)
# XLA heeds none of these: it has a thread for every processor that it may use.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-COUNT:])


def load(name):
    """Import a system, or say in one line that it is missing and return None."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        print(f"{name}: not here ({error}); its columns stay empty")
        return None
    if name == "torch":
        module.set_num_threads(COUNT)
    if name == "jax":
        importlib.import_module("jax.numpy")
    if name == "pyautograd" and hasattr(module, "set_num_threads"):
        module.set_num_threads(COUNT)
    return module


def print_environment(systems):
    """Everything that a reader needs in order to distrust the numbers properly."""
    processor = platform.processor() or "unknown"
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    print(f"processor: {processor}, {os.cpu_count()} cores visible, threads used: {COUNT}")
    print(f"python {platform.python_version()}, {platform.platform()}")
    for system in systems:
        if system is not None:
            print(f"{system.__name__} {system.__version__}")
    was = f"was {pinned}, removed for this run" if pinned else "unset"
    print(f"{PIN}: {was}")
    print(", ".join(f"{name}={value}" for name, value in THREADS.items()))
    print(f"load average: {', '.join(f'{value:.2f}' for value in os.getloadavg())}", flush=True)


def _lines(path):
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


@dataclass
class Timing:
    """Seconds a call, one sample a round."""

    samples: list = field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def spread(self):
        """Distance between the quartiles, relative to the median."""
        if len(self.samples) < 4:
            return (max(self.samples) - min(self.samples)) / self.median
        low, _, high = statistics.quantiles(self.samples, n=4)
        return (high - low) / self.median


def compare(calls, rounds=15, round_seconds=0.05, collect=True):
    """Time `{name: callable}` in turn; return `{name: Timing}`.

    Each round repeats a call until it takes about `round_seconds`, or does not repeat it for 0.
    The collector is off meanwhile, and runs before each unless `collect` is false.
    """
    repeats = {name: _calibrate(call, round_seconds) for name, call in calls.items()}
    timings = {name: Timing() for name in calls}
    for turn in range(rounds):
        order = list(calls)
        order = order[turn % len(order) :] + order[: turn % len(order)]
        for name in order:
            call, count = calls[name], repeats[name]
            if collect:
                gc.collect()
            gc.disable()
            try:
                start = time.perf_counter()
                for _ in range(count):
                    call()
                elapsed = time.perf_counter() - start
            finally:
                gc.enable()
            timings[name].samples.append(elapsed / count)
    return timings


def _calibrate(call, round_seconds):
    if round_seconds == 0:
        return 1
    call()  # compilation, caches
    count = 1
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        elapsed = time.perf_counter() - start
        if elapsed >= round_seconds / 4:
            return max(1, round(count * round_seconds / elapsed))
        count *= 4


def least_times(calls, rounds):
    """The least processor time of each of `{name: call}`, after one each to warm up: other programs
    of the machine only add to it."""
    least = dict.fromkeys(calls, float("inf"))
    for turn in range(rounds + 1):
        for name, call in calls.items():
            gc.collect()
            start = time.process_time()
            call()
            if turn > 0:
                least[name] = min(least[name], time.process_time() - start)
    return least


def resident_bytes():
    """Resident memory of this process now."""
    return _status_bytes("VmRSS:")


def peak_resident_bytes():
    """The most that was resident; unlike ru_maxrss without what a parent had before exec."""
    return _status_bytes("VmHWM:")


def _status_bytes(field):
    for line in _lines("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def in_fresh_process(script, *arguments, stack_bytes=None, timeout=600):
    """Run `script --child arguments` in a fresh process; return (numbers of its last line, None).

    Returns (None, reason) if it failed. Memory and import time are measured there, where nothing
    else has touched the heap.
    """
    command = [sys.executable, str(script), "--child", *map(str, arguments)]
    if stack_bytes is not None:
        # The main thread's stack is fixed at exec, so a shell sets the limit.
        command = ["sh", "-c", f'ulimit -s {stack_bytes // 1024} && exec "$@"', "sh", *command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None, f"not finished after {timeout} s"
    if done.returncode != 0:
        errors = done.stderr.strip().splitlines()
        reason = errors[-1] if errors else "no message"
        return None, f"exit status {done.returncode}: {reason}"
    return [float(word) for word in done.stdout.strip().splitlines()[-1].split()], None


@dataclass
class Row:
    """One line of the table. `ours` and `peer` are already formatted; `met` is None if unknown."""

    what: str
    ours: str = "-"
    peer: str = "-"
    ratio: float | None = None
    spread: str = "-"
    bound: str = "-"
    met: bool | None = None
    others: str = ""


def seconds(value):
    """Three digits and a unit that fits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def mebibytes(value):
    return f"{value / 2**20:.1f} MiB"


def timed_row(what, timings, ours, peer, bound, others=()):
    """A row from `compare`: the ratio of the medians against `bound` (at most)."""
    row = Row(what, bound=f"≤ {bound:.3g} × {peer}")
    parts = [
        f"{name} {seconds(timings[name].median)} ±{timings[name].spread:.0%}"
        for name in others
        if name in timings
    ]
    row.others = ", ".join(parts)
    if ours in timings:
        row.ours = seconds(timings[ours].median)
        row.spread = f"{timings[ours].spread:.0%}"
    if peer in timings:
        row.peer = f"{peer} {seconds(timings[peer].median)}"
        row.spread += f" / {timings[peer].spread:.0%}"
    if ours in timings and peer in timings:
        row.ratio = timings[ours].median / timings[peer].median
        row.met = row.ratio <= bound
    return row


def print_table(rows):
    """The table as Markdown; what falls short says so."""
    print(
        "\n| what | ours | peer | ratio | spread (ours / peer) | bound | met | also in this run |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
        met = {True: "yes", False: "NO", None: "not measured"}[row.met]
        cells = [row.what, row.ours, row.peer, ratio, row.spread, row.bound, met, row.others]
        print(f"| {' | '.join(cells)} |")
    short = [row.what for row in rows if row.met is False]
    print(f"\n{len(short)} of {len(rows)} fall short" + (": " + "; ".join(short) if short else ""))
    unknown = [row.what for row in rows if row.met is None]
    if unknown:
        print(f"{len(unknown)} not measured: " + "; ".join(unknown))


def main(doc, benchmarks, children):
    """The command line of a benchmark program: `{name: function}` to measure, and the functions
    that its `--child` processes run."""
    if sys.argv[1:2] == ["--child"]:
        children[sys.argv[2]](*sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(benchmarks)} (all)")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--without", nargs="*", default=[], help="peers to leave out")
    options = parser.parse_args()
    unknown = set(options.names) - set(benchmarks)
    if unknown:
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}")
    options.rounds = 5 if options.quick else 15

    # PyTorch warns that create_graph leaks there; the table shows it.
    warnings.filterwarnings("ignore", message="Using backward.*create_graph")
    np = load("numpy")
    pa = load("pyautograd")
    torch = None if "torch" in options.without else load("torch")
    jax = None if "jax" in options.without else load("jax")
    print_environment([np, pa, torch, jax])

    rows = []
    for name in options.names or benchmarks:
        start = time.perf_counter()
        result = benchmarks[name](np, pa, torch, jax, options)
        rows.extend(result if isinstance(result, list) else [result])
        print(f"measured {name} in {time.perf_counter() - start:.1f} s", file=sys.stderr)
    print_table(rows)
