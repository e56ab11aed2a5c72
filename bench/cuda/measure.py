"""Time on a device: events after a warm-up, several systems in turn, one table with bounds."""

import argparse
import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX leaves memory to the others

import numpy as np

import pyautograd as pa


def imported(name):
    """A peer, or None."""
    try:
        return __import__(name)
    except Exception as error:  # whatever keeps a peer from loading must not end the run
        print(f"without {name}: {type(error).__name__}: {error}")
        return None


def on_same_machine(peer, devices):
    """A peer, unless it would compute on the host what we compute on a device."""
    if peer is None or TRIAL or devices(peer):
        return peer
    print(f"without {peer.__name__}: this build of it finds no CUDA device")
    return None


# A trial on the emulated device has the peers on the host.
TRIAL = any(argument.startswith("--emulated") for argument in sys.argv)
torch = on_same_machine(imported("torch"), lambda torch: torch.cuda.is_available())
jax = on_same_machine(imported("jax"), lambda jax: jax.default_backend() == "gpu")
ON_DEVICE = torch is not None and torch.cuda.is_available()
THEIRS = "cuda" if ON_DEVICE else "cpu"
if jax:
    jax.config.update("jax_default_matmul_precision", "highest")  # no TF32, like the others
if torch:
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


@cache
def normals(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def on_host(x):
    """The beginning of a result."""
    while isinstance(x, (tuple, list)):
        x = x[0]
    if isinstance(x, pa.Tensor):
        x = x.detach().flatten()[:1000].to("cpu")
        x = (x.astype("float32") if x.dtype == pa.bfloat16 else x).numpy()
    else:
        x = x.detach().flatten()[:1000].cpu()
        x = (x.float() if x.dtype == torch.bfloat16 else x).numpy()
    return x.astype(np.complex128)


class Ours:
    name = "pyautograd"

    def __init__(self):
        self.begin, self.end = (pa.cuda.Event(enable_timing=True) for _ in range(2))

    def seconds(self, call, repetitions):
        pa.cuda.synchronize()
        self.begin.record()
        for _ in range(repetitions):
            call()
        self.end.record()
        return self.begin.elapsed_time(self.end) / 1e3 / repetitions


class Direct(Ours):
    """A library called directly, on our stream."""

    name = "cuBLAS"


class PyTorch:
    name = "PyTorch"

    def __init__(self):
        if ON_DEVICE:
            self.begin, self.end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def seconds(self, call, repetitions):
        if not ON_DEVICE:
            return wall_seconds(call, repetitions)
        torch.cuda.synchronize()
        self.begin.record()
        for _ in range(repetitions):
            call()
        self.end.record()
        self.end.synchronize()
        return self.begin.elapsed_time(self.end) / 1e3 / repetitions


class Jax:
    """It has no events: the host's clock, from asking until the last result is there."""

    name = "JAX"

    def seconds(self, call, repetitions):
        return wall_seconds(call, repetitions, wait=jax.block_until_ready)


def wall_seconds(call, repetitions, wait=lambda x: x):
    wait(call())
    start = time.perf_counter()
    for _ in range(repetitions):
        out = call()
    wait(out)
    return (time.perf_counter() - start) / repetitions


@dataclass
class Case:
    """One row: what each system does, and at most how much of another's time ours may take.

    `bounds` has pairs of a system's name, or of a time in seconds, and a factor: None where
    nothing is asked for. `part` is what of a result all systems must agree on.
    """

    name: str
    calls: dict
    bounds: list = field(default_factory=list)
    repetitions: int = 1
    bytes: float | None = None
    tolerance: float | None = 1e-4  # of values beside PyTorch's; None: there is nothing to compare
    part: Callable = lambda x: x


def quartiles(times):
    return statistics.quantiles(times, n=4, method="inclusive")


class Table:
    """Rows as they come, also as lines of JSON; what fails is told and does not end the run."""

    def __init__(self, folder, rounds, minutes):
        self.systems = {system.name: system for system in self.open_systems()}
        self.rounds, self.stop = max(rounds, 2), time.monotonic() + 60 * minutes
        self.file = Path(folder) / "rows.jsonl"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.missed, self.failed, self.left_out = [], [], []
        self.peers = [name for name in ("PyTorch", "JAX", "cuBLAS") if name in self.systems]

    @staticmethod
    def open_systems():
        yield Ours()
        yield Direct()
        if torch:
            yield PyTorch()
        if jax:
            yield Jax()

    def head(self):
        print(f"{'':34}{'ours, us':>12}{'spread':>8}", end="")
        print("".join(f"{name:>12}" for name in self.peers), end="")
        print(f"{'GB/s':>8}   ours / bound")

    def run(self, make):
        """The row that make() describes, and the times in it; None where there is none."""
        numbers = (str(x) for x in make.args if isinstance(x, (str, int)))
        name = " ".join((make.func.__name__, *numbers))
        if time.monotonic() > self.stop:
            self.left_out.append(name)
            return None
        try:
            case = make()
            name = case.name
            times = self.measure(case)
            self.print_row(case, times)
            return times
        except Exception as error:
            self.failed.append(name)
            print(f"{name:34}FAILED: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
            return None

    def measure(self, case):
        """The times of every system, and what it says where it fails: ours must not."""
        times, values = {}, {}
        for name, call in case.calls.items():
            try:
                values[name] = call()
                self.systems[name].seconds(call, case.repetitions)
                times[name] = []
            except Exception as error:
                if name == Ours.name:
                    raise
                print(f"  {case.name}: {name} fails: {type(error).__name__}: {error}")
        if case.tolerance is not None and PyTorch.name in values:
            ours, theirs = (on_host(case.part(values[name])) for name in (Ours.name, PyTorch.name))
            difference = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30)
            if not difference <= case.tolerance:
                raise ValueError(f"values differ from PyTorch's by {difference:.1e}")
        values.clear()
        for turn in range(self.rounds + 2):  # the first two warm up
            for name, found in times.items():
                elapsed = self.systems[name].seconds(case.calls[name], case.repetitions)
                if turn >= 2:
                    found.append(elapsed)
        return times

    def print_row(self, case, times):
        ours = statistics.median(times[Ours.name])
        low, _, high = quartiles(times[Ours.name])
        row = f"{case.name:34}{1e6 * ours:12.2f}{100 * (high - low) / ours:7.1f}%"
        for name in self.peers:
            found = times.get(name)
            row += f"{1e6 * statistics.median(found):12.2f}" if found else f"{'':12}"
        row += f"{case.bytes / ours / 1e9:8.0f}" if case.bytes else f"{'':8}"
        results = []
        for reference, factor in case.bounds:
            named = isinstance(reference, str)
            if named and reference not in times:
                results.append((reference, None, factor))
                continue
            seconds = statistics.median(times[reference]) if named else reference
            results.append((reference if named else "bandwidth", ours / seconds, factor))
        for reference, ratio, factor in results:
            if ratio is None:
                row += f"   no {reference}"
                continue
            row += f"   {ratio:.3f} of {reference}"
            if factor is None:
                continue
            row += f" (<= {factor:.3g}) " + ("met" if ratio <= factor else "MISSED")
            if ratio > factor:
                self.missed.append(case.name)
        print(row, flush=True)
        record = {"name": case.name, "times": times, "bytes": case.bytes, "bounds": results}
        with self.file.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def summary(self):
        """What did not go as it should; True if everything did."""
        for what, names in (
            ("missed", dict.fromkeys(self.missed)),
            ("failed", self.failed),
            ("left out for lack of time", self.left_out),
        ):
            if names:
                print(f"{what}: {'; '.join(names)}")
        return not self.failed


def ours(*shape, grad=False):
    return pa.tensor(normals(*shape), device="cuda", requires_grad=grad)


def theirs(*shape, grad=False):
    return torch.tensor(normals(*shape), device=THEIRS, requires_grad=grad)


def of_jax(*shape):
    return jax.numpy.asarray(normals(*shape))


def calls(mine, peer=None, compiled=None):
    """For a case: those that there are. The last two are made when asked for."""
    out = {"pyautograd": mine}
    if peer and torch:
        out["PyTorch"] = peer()
    if compiled and jax:
        out["JAX"] = compiled()
    return out


def same_calls(op, arrays):
    """op(namespace, *arrays) in every system."""

    def in_system(xp, place):
        return partial(op, xp, *(place(*shape) for shape in arrays))

    return calls(
        in_system(pa, ours),
        lambda: in_system(torch, theirs),
        lambda: jax_call(partial(op, jax.numpy), *(of_jax(*shape) for shape in arrays)),
    )


def jax_call(op, *arguments):
    return partial(jax.jit(op), *arguments)


def run(description, makers):
    """The program: rows of makers(table, trial)."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--out", default="build/cuda-results", help="folder for rows.jsonl")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=8, help="no row begins later than this")
    parser.add_argument("--emulated", metavar="LIBRARY", help="a trial without a device")
    options = parser.parse_args()
    if options.emulated:
        pa._core.set_backend_library(options.emulated)
    table = Table(options.out, options.rounds, options.minutes)
    print(f"{pa.cuda.name()} | pyautograd {pa.__version__}", end="")
    print("".join(f" | {peer.__name__} {peer.__version__}" for peer in (torch, jax) if peer))
    print("; ".join(f"{name}: {place}" for name, place in pa.cuda.libraries().items()))
    table.head()
    for make in makers(table, bool(options.emulated)):
        table.run(make)
    raise SystemExit(not table.summary())
