"""Every family of ops against NumPy, SciPy, PyTorch and JAX (eager), in one run.

    python bench/ops.py [--quick] [--family NAME ...] [--size SIZE ...] [--op NAME ...] [--all]

Small inputs have 10 elements or are 4 × 4, middle ones 10⁴ or 64 × 64, large ones 10⁷ or
1000 × 1000, less where a peer is hopeless (bench/op_cases.py). All systems use two threads unless
PYAUTOGRAD_BENCH_THREADS says otherwise. Values and gradients of all systems are compared before
they are timed. "forward + backward" is the value and the gradients of all inputs.

--quick takes small inputs and leaves out JAX, which compiles every op for every shape first.

Prints the geometric mean of our time over a peer's for every family, then every op slower than 1.5
times the best peer. NumPy and SciPy have no backward pass.
"""

import argparse
import gc
import math
import os
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial

os.environ.setdefault("PYAUTOGRAD_BENCH_THREADS", "2")  # read by harness

from harness import compare, load, print_environment, seconds

# NumPy asks for its number of threads when it is imported.
import numpy as np  # isort: skip
from op_cases import CASES, FAMILIES, SIZES  # isort: skip

OURS = "pyautograd"
PEERS = ("numpy", "scipy", "torch", "jax")
OUTLIER = 1.5
# Bounds on the geometric mean of a family against PyTorch.
BOUNDS = {"small": 1.0, "large": 1.5}
MODES = ("forward", "forward + backward")
WEIGHTS = (1.0, 0.5, 2.0)


class System:
    """How one system makes arrays, evaluates an expression, and differentiates it: NumPy's way."""

    def __init__(self, name, names, array):
        self.name, self.names, self.array = name, names, array

    def function(self, case):
        """The case's expression as a function of its inputs; None if this system has none."""
        text = case.spelling(self.name)
        return text and eval(f"lambda {', '.join(case.inputs)}: {text}", dict(self.names))

    def inputs(self, values):
        return [v if isinstance(v, int) else self.array(v) for v in values.values()]

    def forward(self, f, inputs):
        return partial(f, *inputs)

    def backward(self, f, inputs):
        return None

    def numpy(self, result):
        return np.asarray(result)

    def cotangents(self, results):
        """Numbers that vary from element to element, one array for every output."""
        weights = []
        for result in _outputs(results):
            like = self.numpy(result)
            weights.append(self.array(np.resize(WEIGHTS, like.shape).astype(like.dtype)))
        return weights


class Taped(System):
    """A system with leaves and a recorded graph: PyTorch and ours."""

    def __init__(self, name, names, array, grad):
        super().__init__(name, names, array)
        self.grad = grad

    def backward(self, f, inputs):
        leaves = [x for x in inputs if _floats(x)]
        for leaf in leaves:
            leaf.requires_grad = True
        grad, cotangents = self.grad, self.cotangents(f(*inputs))
        if len(cotangents) == 1:
            return lambda: grad(f(*inputs), leaves, cotangents[0])
        return lambda: grad(f(*inputs), leaves, cotangents)

    def numpy(self, result):
        if not hasattr(result, "detach"):
            return np.asarray(result)
        result = result.detach()
        return (result.resolve_conj() if hasattr(result, "resolve_conj") else result).numpy()


class Jax(System):
    def forward(self, f, inputs):
        ready = self.names["jax"].block_until_ready
        return lambda: ready(f(*inputs))

    def backward(self, f, inputs):
        jax = self.names["jax"]
        places = [i for i, x in enumerate(inputs) if _floats(x)]
        leaves = [inputs[i] for i in places]

        def of_leaves(*leaves):
            arguments = list(inputs)
            for place, leaf in zip(places, leaves, strict=True):
                arguments[place] = leaf
            return f(*arguments)

        structure = jax.tree.structure(result := f(*inputs))
        cotangents = jax.tree.unflatten(structure, self.cotangents(result))

        def call():
            _, vjp = jax.vjp(of_leaves, *leaves)
            return jax.block_until_ready(vjp(cotangents))

        return call


def _floats(x):
    return any(kind in str(getattr(x, "dtype", "")) for kind in ("float", "complex"))


def _outputs(result):
    return result if isinstance(result, tuple | list) else (result,)


def load_systems(without):
    """`{name: System}` of what is installed, ours first."""
    pa = load("pyautograd")
    scipy = None if "scipy" in without else load("scipy")
    torch = None if "torch" in without else load("torch")
    jax = None if "jax" in without else load("jax")
    print_environment([np, pa, scipy, torch, jax])

    rng = np.random.default_rng(0)
    names = {"xp": pa, "linalg": pa.linalg, "special": pa.special, "rng": pa.random.default_rng(0)}
    systems = {OURS: Taped(OURS, names, pa.tensor, pa.grad)}
    names = {"xp": np, "linalg": np.linalg, "rng": rng}
    if scipy:
        import scipy.linalg
        import scipy.special

        scipys = {"sp": scipy, "special": scipy.special}
        systems["scipy"] = System("scipy", scipys, np.asarray)
    systems["numpy"] = System("numpy", names, np.asarray)
    if torch:
        torch.set_default_dtype(torch.float64)
        names = {"xp": torch, "linalg": torch.linalg, "special": torch.special}
        names["nn"] = torch.nn.functional
        systems["torch"] = Taped("torch", names, torch.tensor, torch.autograd.grad)
    if jax:
        import jax.numpy as jnp
        import jax.scipy as jsp

        names = {"xp": jnp, "linalg": jnp.linalg, "special": jsp.special, "jsp": jsp, "jax": jax}
        names |= {"nn": jax.nn, "lax": jax.lax, "random": jax.random, "key": jax.random.key(0)}
        systems["jax"] = Jax("jax", names, jnp.asarray)
    return systems


@dataclass
class Measured:
    """Medians in seconds by system."""

    case: object
    size: str
    mode: str
    medians: dict

    def ratio(self, peer):
        return self.medians[OURS] / self.medians[peer] if peer in self.medians else None

    @property
    def best_peer(self):
        return min((p for p in PEERS if p in self.medians), key=self.medians.get, default=None)


class Missing:
    """What a peer could not do, to be printed instead of hidden."""

    def __init__(self):
        self.absent, self.failed = {}, {}

    def add(self, system, case, mode, error):
        op = f"{case.name} ({case.family})"
        if isinstance(error, AttributeError):
            self.absent.setdefault(system, {})[op] = None
        else:
            first = (str(error).splitlines() or [""])[0]
            self.failed.setdefault((system, op, mode), f"{type(error).__name__}: {first[:90]}")


def calls_of(case, size, mode, systems, rng, missing):
    """`{system: callable}` for one measurement, after the results have been compared."""
    values = case.make(rng, case.sizes()[size])
    calls, results = {}, {}
    for name, system in systems.items():
        function = system.function(case)
        if function is None:
            continue
        try:
            inputs = system.inputs(values)
            make = system.forward if mode == "forward" else system.backward
            call = make(function, inputs)
            if call is None:
                continue
            results[name] = sample(system, call())
        except Exception as error:
            if name == OURS:
                raise
            missing.add(name, case, mode, error)
            continue
        calls[name] = call
    for name in results:
        agree(case, size, mode, name, results)
    return calls


def sample(system, result):
    """About a thousand elements of every output."""
    arrays = [system.numpy(output) for output in _outputs(result)]
    return [array.ravel()[:: max(1, array.size // 1000)].copy() for array in arrays]


def agree(case, size, mode, name, results):
    if case.check == "no" or (case.check == "abs" and mode != "forward"):
        return
    free = abs if case.check == "abs" else lambda x: x
    single = any(x.dtype.itemsize == 4 for x in results[name])
    for ours, theirs in zip(results[OURS], results[name], strict=True):
        tolerance = 1e-4 if single else 1e-6
        scale = tolerance * np.max(np.abs(ours), initial=1)
        if name == "jax" and mode != "forward":
            theirs = theirs.conj()  # the other convention for gradients by complex inputs
        if not np.allclose(free(ours), free(theirs), tolerance, scale, equal_nan=True):
            what = f"{case.name}, {size}, {mode}: {OURS} and {name} differ"
            raise SystemExit(f"{what}\n{ours[:5]}\n{theirs[:5]}")


def measure(case, size, systems, rng, options, missing):
    """Both modes of one case at one size."""
    found = []
    for mode in MODES if case.gradient else MODES[:1]:
        gc.collect()
        calls = calls_of(case, size, mode, systems, rng, missing)
        rounds, length = (3, 0.0) if size == "large" else (options.rounds, options.round_seconds)
        timings = compare(calls, rounds, length, collect=False)
        found.append(Measured(case, size, mode, {n: t.median for n, t in timings.items()}))
    return found


def geometric_mean(ratios):
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def print_families(measured, sizes):
    """One line per family, size and mode; bounds on PyTorch's column."""
    print("\nOur time over the peer's: geometric means (ops compared). Below 1 we are faster.\n")
    print(f"| family | size | mode | {' | '.join(PEERS)} | bound on torch |")
    print(f"|---|---|---|{'---|' * len(PEERS)}---|")
    over = []
    for family in dict.fromkeys(m.case.family for m in measured):
        for size in sizes:
            for mode in MODES:
                rows = [
                    m for m in measured if (m.case.family, m.size, m.mode) == (family, size, mode)
                ]
                if not rows:
                    continue
                cells = [family_cell(rows, peer) for peer in PEERS]
                met = family_met(rows, size)
                if met == "NO":
                    over.append(f"{family} ({size}, {mode})")
                print(f"| {family} | {size} | {mode} | {' | '.join(cells)} | {met} |")
    print(f"\n{len(over)} over the bound" + (": " + "; ".join(over) if over else ""))


def family_cell(rows, peer):
    ratios = [m.ratio(peer) for m in rows if peer in m.medians]
    return f"{geometric_mean(ratios):.2f} ({len(ratios)})" if ratios else "-"


def family_met(rows, size):
    ratios = [m.ratio("torch") for m in rows if "torch" in m.medians]
    if size not in BOUNDS or not ratios:
        return "-"
    return "yes" if geometric_mean(ratios) <= BOUNDS[size] else "NO"


def print_outliers(measured):
    """Every op slower than the best peer by more than the factor, the worst first."""
    slow = [m for m in measured if m.best_peer and m.ratio(m.best_peer) > OUTLIER]
    slow.sort(key=lambda m: -m.ratio(m.best_peer))
    print(f"\n{len(slow)} of {len(measured)} slower than {OUTLIER} × the best peer\n")
    print("| family | op | size | mode | ours | best peer | ratio |\n|---|---|---|---|---|---|---|")
    for m in slow:
        best = m.best_peer
        print(
            f"| {m.case.family} | {m.case.name} | {m.size} | {m.mode} | {seconds(m.medians[OURS])}"
            f" | {best} {seconds(m.medians[best])} | {m.ratio(best):.2f} |"
        )


def print_everything(measured):
    print(f"\n| family | op | size | mode | {OURS} | {' | '.join(PEERS)} |")
    print(f"|---|---|---|---|---|{'---|' * len(PEERS)}")
    for m in measured:
        times = [seconds(m.medians[s]) if s in m.medians else "-" for s in (OURS, *PEERS)]
        print(f"| {m.case.family} | {m.case.name} | {m.size} | {m.mode} | {' | '.join(times)} |")


def print_missing(missing):
    if missing.absent or missing.failed:
        print("\nNot compared:")
    for system, ops in missing.absent.items():
        print(f"* {system} has no {', '.join(ops)}")
    for (system, op, mode), reason in missing.failed.items():
        print(f"* {system}, {op}, {mode}: {reason}")


def parse(arguments, families, sizes):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, small inputs, no JAX")
    parser.add_argument("--family", nargs="*", default=families, choices=families, metavar="NAME")
    parser.add_argument("--size", nargs="*", choices=sizes)
    parser.add_argument("--op", nargs="*", help="only ops of these names")
    parser.add_argument("--without", nargs="*", default=[], help="peers to leave out")
    parser.add_argument("--all", action="store_true", help="print every median, too")
    options = parser.parse_args(arguments)
    options.size = options.size or (["small"] if options.quick else list(sizes))
    if options.quick:
        options.without.append("jax")
    options.rounds, options.round_seconds = (3, 2e-4) if options.quick else (7, 1e-3)
    return options


def main(arguments=None):
    options = parse(arguments, FAMILIES, SIZES)
    cases = [c for c in CASES if c.family in options.family]
    cases = [c for c in cases if options.op is None or c.name in options.op]
    warnings.simplefilter("ignore")
    systems, missing, measured = load_systems(options.without), Missing(), []
    rng = systems["numpy"].names["rng"]
    gc.freeze()  # the collector runs between rounds, and the peers are large
    for family in options.family:
        start = time.perf_counter()
        for case in (c for c in cases if c.family == family):
            for size in options.size:
                measured += measure(case, size, systems, rng, options, missing)
        print(f"measured {family} in {time.perf_counter() - start:.1f} s", file=sys.stderr)
    if options.all:
        print_everything(measured)
    print_missing(missing)
    print_families(measured, options.size)
    print_outliers(measured)


if __name__ == "__main__":
    main()
