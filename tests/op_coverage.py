"""Computes the table of ``pa.coverage()`` from the records.

    python tests/op_coverage.py --write [--cuda-library LIBRARY]

writes ``pyautograd/_coverage.json`` and ``docs/coverage.md``, in the checkout that this file is in.
The column for CUDA needs a device, or the library of kernels that run as loops on the host, which
the C++ tests build (tests/native); without one it stays as it was, and an op that is new has "no".
"""

import argparse
import functools
import itertools
import json
import os
import warnings
from pathlib import Path

import numpy as np
from records import CASES, RECORDS
from support.modes import forward, reverse
from support.properties import (
    assert_close,
    central_difference,
    options_on,
    scalars,
    tensors,
)

import pyautograd as pa
from pyautograd._coverage import Coverage

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "pyautograd" / "_coverage.json"
MODES = {"forward": forward, "reverse": reverse}
# Op coverage is about whether a rule is there and right; the property tests run every sample.
SAMPLES = 3


def holds(check):
    """Whether a check runs without an error of any kind."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            check()
    except Exception:
        return False
    return True


def smooth_calls(record):
    return list(itertools.islice(scalars(record), SAMPLES))


def check_value(record):
    for sample in record.calls():
        arrays = sample.arrays
        got = record.call(sample, tensors(arrays))
        for y, want in zip(got, record.reference(sample, arrays), strict=True):
            assert_close(y.numpy(), want, record.tol)


def check_first(record, mode):
    for f in smooth_calls(record):
        got = MODES[mode](f, vs := f.direction())(*map(pa.tensor, f.point)).item()
        expected = central_difference(f.reference, f.point, vs)
        assert np.isclose(got, expected, rtol=1e-9, atol=1e-10)


def check_second(record, outer, inner):
    for f in smooth_calls(record):
        slope = MODES[inner](f, f.direction())
        xs, vs = f.point, f.direction()
        got = MODES[outer](slope, vs)(*map(pa.tensor, xs)).item()
        expected = central_difference(lambda *ys, g=slope: g(*map(pa.tensor, ys)).item(), xs, vs)
        assert np.isclose(got, expected, rtol=1e-8, atol=1e-9)


def check_third(record):
    for f in smooth_calls(record):
        directions = [f.direction() for _ in range(3)]
        values = []
        for modes in itertools.product((forward, reverse), repeat=3):
            g = f
            for mode, vs in zip(modes, directions, strict=True):
                g = mode(g, vs)
            values.append(g(*map(pa.tensor, f.point)).item())
        assert np.allclose(values, values[0], rtol=1e-9, atol=1e-9)


def check_vmap(record):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "(?s).*batching rule")
        for sample in record.calls():
            if not sample.arrays:
                continue
            stacked = [np.stack([a, a]) for a in sample.arrays]
            got = pa.func.vmap(lambda *xs, s=sample: record.call(s, xs))(*stacked)
            for y, want in zip(got, record.reference(sample, sample.arrays), strict=True):
                assert_close(y.numpy(), np.stack([want, want]), record.tol)


def check_checkpoint(record):
    for sample in itertools.islice(record.calls(), 1):
        given = tensors(sample.arrays)
        got = pa.checkpoint(lambda *xs, s=sample: record.call(s, xs), *given)
        for y, want in zip(got, record.call(sample, given), strict=True):
            assert np.array_equal(y, want, equal_nan=y.dtype.kind in "fc")
    for f in smooth_calls(record)[:1] if record.diff else []:
        directions = [f.direction() for _ in range(3)]
        for mode in MODES.values():
            plain, again = f, lambda *xs, f=f: pa.checkpoint(f, *xs)
            for vs in directions:
                plain, again = mode(plain, vs), mode(again, vs)
                values = [g(*map(pa.tensor, f.point)).item() for g in (plain, again)]
                assert np.isclose(*values, rtol=1e-11, atol=1e-11)


def arrays_of(out):
    """The tensors that a call returned, as arrays of the host."""
    return [y.to("cpu") for y in (out if isinstance(out, (list, tuple)) else [out])]


def called_on(device, record, sample, inputs):
    options = options_on(device, sample) | ({} if inputs else {"device": device})
    return arrays_of(record.fn(*sample.with_arrays([x.to(device) for x in inputs]), **options))


def number_on(device, record, sample, *inputs):
    """One that depends on every output, for gradients by inputs of the host."""
    outputs = called_on(device, record, sample, inputs)
    return sum((pa.sum(pa.real(y * y)) for y in outputs if y.dtype.kind in "fc"), pa.zeros(()))


def check_cuda(record, device):
    samples = [s for s in record.calls() if s.arrays]  # an op without any makes numbers
    for sample in samples or record.calls():
        got = called_on(device, record, sample, tensors(sample.arrays))
        for y, want in zip(got, record.reference(sample, sample.arrays), strict=True):
            assert_close(y.numpy(), want, record.tol)
    for f in smooth_calls(record) if record.diff else []:
        inputs, wanted = tensors(f.arrays), tuple(f.chosen)
        calls = [functools.partial(number_on, d, record, f.sample) for d in ("cpu", device)]
        want, got = (pa.func.grad(call, argnums=wanted)(*inputs) for call in calls)
        for y, expected in zip(got, want, strict=True):
            assert np.allclose(y, expected, rtol=1e-9, atol=1e-10)


@functools.cache
def cuda_device(library=None):
    """A device, or None where there is none to try kernels on."""
    if library or (library := os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY")):
        pa._core.set_backend_library(library)
    return pa.device("cuda") if pa.cuda.is_available() else None


def has_cuda(record, library):
    device = cuda_device(library)
    if device is not None:
        return holds(lambda: check_cuda(record, device))
    known = json.loads(TABLE.read_text()).get(record.name, ())
    return len(known) == len(Coverage._fields) and known[-1]


def depends_on_values(record):
    """Whether the shape of the result does, which vmap refuses."""
    sample = next(s for s in record.calls() if s.arrays)
    try:
        pa.func.vmap(lambda *xs: record.call(sample, xs))(*[np.stack([a]) for a in sample.arrays])
    except RuntimeError as error:
        return "depends on" in str(error)
    return False


def derivative_checks(record):
    pairs = itertools.product(("reverse", "forward"), repeat=2)
    yield "vjp", lambda: check_first(record, "reverse")
    yield "jvp", lambda: check_first(record, "forward")
    for inner, outer in pairs:
        yield f"{outer}_over_{inner}", lambda a=outer, b=inner: check_second(record, a, b)
    yield "third_order", lambda: check_third(record)


def row(record, complex_record=None, library=None, holds=holds):
    """The row of one op; `complex_record` is its record with complex samples, if it takes them."""
    found = {"value": holds(lambda: check_value(record)), "complex": None}
    for name, check in derivative_checks(record):
        found[name] = holds(check) if record.diff else None
    mapped = any(s.arrays for s in record.calls()) and not depends_on_values(record)
    found["vmap"] = holds(lambda: check_vmap(record)) if mapped else None
    found["checkpoint"] = holds(lambda: check_checkpoint(record))
    if complex_record is not None:
        found["complex"] = False not in row(complex_record, holds=holds)._replace(cuda=True)
    return Coverage(**found, cuda=has_cuda(record, library))


def rows(library=None):
    with_complex = {r.name: r for r in CASES if r.label != r.name}
    ordered = sorted(RECORDS, key=lambda r: r.name)
    return {r.name: row(r, with_complex.get(r.name), library) for r in ordered}


def as_markdown(table):
    marks = {True: "yes", False: "no", None: "-"}
    heads = [name.replace("_", " ") for name in Coverage._fields]
    lines = [
        "# Which derivatives every op has",
        "",
        "Made by `python tests/op_coverage.py --write` from the records of the test suite;",
        "`pa.coverage()` returns the same table. A dash: there is nothing to hold, since a result",
        "without a derivative has none at any order, and a shape that depends on the values cannot",
        "be batched. An op with a dash for its derivatives returns bools, integers, constants or",
        "elements that cannot move alone (`intersect1d`). In the column for complex numbers a dash",
        "says that the op refuses them: most need an order; some functions of `special` are not",
        "continued to the complex plane yet. The column for CUDA says whether the kernels of the",
        "library for devices give the host's values and first derivatives of real arguments; where",
        "it says no, the op or a rule of it has no kernel, or makes arrays on the host.",
        "",
        "| op | " + " | ".join(heads) + " |",
        "|---" * (len(heads) + 1) + "|",
    ]
    lines += [f"| `{name}` | {' | '.join(marks[x] for x in row)} |" for name, row in table.items()]
    return "\n".join(lines) + "\n"


def as_json(table):
    lines = [f"{json.dumps(name)}: {json.dumps(list(row))}" for name, row in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def files(table):
    return {
        TABLE: as_json(table),
        ROOT / "docs" / "coverage.md": as_markdown(table),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", required=True)
    parser.add_argument("--cuda-library", help="a library of kernels for devices")
    library = parser.parse_args().cuda_library
    with np.errstate(all="ignore"):
        for path, text in files(rows(library)).items():
            path.write_text(text)
