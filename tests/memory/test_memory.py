"""What pa.memory reports: live bytes, their peak, their owners and their course."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.processes import run_code
from support.threads import run_in_threads

import pyautograd as pa


@pytest.fixture(autouse=True)
def settled():
    gc.collect()


def peak_of(program):
    """How far the live bytes rose above where they stood."""
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    program()
    return pa.memory.peak() - before


BIG = 500_000  # elements, so that what other threads have not reported is little
SLACK = 100_000


def test_the_peak_is_what_lived_at_once():
    found = peak_of(lambda: [pa.ones(BIG) for _ in range(5)])
    assert abs(found - 5 * 8 * BIG) < SLACK
    found = peak_of(lambda: [pa.sum(pa.ones(BIG)) for _ in range(5)])
    assert abs(found - 8 * BIG) < SLACK


def test_the_peak_outlives_what_made_it_until_it_is_reset():
    assert abs(peak_of(lambda: pa.ones(BIG)) - 8 * BIG) < SLACK
    assert pa.memory.peak() - pa.memory.live().bytes >= 8 * BIG - SLACK
    pa.memory.reset_peak()
    assert pa.memory.peak() == pa.memory.live().bytes


def test_the_peak_is_never_below_what_is_alive():
    pa.memory.reset_peak()
    held = []
    for i in range(2000):
        held.append(pa.tensor(float(i)))
        assert pa.memory.peak() >= pa.memory.live().bytes


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer keeps freed memory")
def test_released_memory_goes_back_to_the_system():
    """Also what lies on the heap below a block that is in use."""
    result = run_code(
        """
        import resource
        from pathlib import Path
        import pyautograd as pa

        def megabytes():
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            return pages * resource.getpagesize() / 1e6

        def deep(n):
            y = pa.ones(20_000).requires_grad_()
            for _ in range(n):
                y = pa.sin(y)
            return pa.ones(1000)

        kept = [deep(3)]
        before = megabytes()
        kept.append(deep(1000))
        assert megabytes() - before > 150
        assert pa.memory.release_cached() > 150e6
        assert megabytes() - before < 30, megabytes() - before
        """
    )
    assert result.returncode == 0, result.stderr


def test_small_tensors_count_to_within_a_lot():
    found = peak_of(lambda: [pa.ones(8) for _ in range(20_000)])
    assert abs(found - 64 * 20_000) < SLACK


def test_the_peak_adds_up_over_threads():
    all_there = threading.Barrier(4)

    def work(_):
        x = pa.ones(BIG)
        all_there.wait()
        assert x.shape == (BIG,)

    assert abs(peak_of(lambda: run_in_threads(work, 4)) - 4 * 8 * BIG) < SLACK
    assert abs(peak_of(lambda: pa.ones(BIG)) - 8 * BIG) < SLACK


def test_borrowed_memory_is_not_counted():
    array = np.ones(100_000)
    before = pa.memory.live()
    x = pa.from_numpy(array)
    after = pa.memory.live()
    assert after.storages == before.storages + 1 and after.bytes == before.bytes
    del x
    assert pa.memory.live() == before


def test_backward_shows_in_the_peak():
    x = pa.tensor(np.linspace(0, 1, BIG), requires_grad=True)

    def program():
        y = x
        for _ in range(10):
            y = pa.tanh(y)
        pa.sum(y).backward()

    program()
    assert 10 * 8 * BIG - SLACK <= peak_of(program) <= 16 * 8 * BIG


class Holder:
    """An object of the program that holds a tensor."""


def residents():
    return pa.memory.snapshot(10**6).largest


def blocks(bytes):
    return [r for r in residents() if r.bytes == bytes]


SIZE = 12_347  # elements: no other test leaves a block of as many bytes


class TestSnapshot:
    def test_who_made_and_who_keeps(self):
        x = pa.tensor(np.ones(SIZE), requires_grad=True)
        y = pa.exp(x)
        z = pa.sin(y)
        del y
        pa.sum(z)
        found = {r.op: r for r in blocks(8 * SIZE)}
        assert set(found) == {"leaf", "exp", "sin"}
        assert found["leaf"].held and found["leaf"].saved_by == ()
        assert not found["exp"].held and found["exp"].saved_by == ("exp", "sin")
        assert found["sin"].held and found["sin"].saved_by == ()
        assert {r.dtype for r in found.values()} == {np.dtype("f8")}
        assert {r.shape for r in found.values()} == {(SIZE,)}

    def test_a_view_is_named_by_what_it_shows(self):
        x = pa.tensor(np.ones(2 * SIZE), requires_grad=True)
        y = pa.reshape(pa.exp(x), (2, SIZE))[0]
        pa.sum(y * y)
        (found,) = [r for r in blocks(16 * SIZE) if r.op != "leaf"]
        assert found.op == "exp" and found.held

    @pytest.mark.parametrize("where", ["list", "attribute", "closure", "local", "gradient"])
    def test_it_looks_everywhere(self, where):
        x = pa.ones(SIZE)
        if where == "list":
            kept = [x]
        elif where == "attribute":
            kept = Holder()
            kept.x = x
        elif where == "closure":
            kept = lambda: x  # noqa: E731
        elif where == "gradient":
            kept = pa.tensor(2.0, requires_grad=True)
            kept.grad = None
            big = pa.tensor(np.ones(SIZE), requires_grad=True)
            pa.sum(big * 3.0).backward()
            kept = big
            del x, big
        if where not in ("local", "gradient", "closure"):
            del x
        assert blocks(8 * SIZE)

    def test_towers_and_gradients_of_gradients(self):
        sizes = []

        def f(v):
            y = pa.exp(v)
            sizes.append(len([r for r in blocks(3 * 8 * SIZE) if r.op == "exp"]))
            return pa.sum(y)

        pa.func.vmap(pa.func.grad(f))(pa.ones((3, SIZE)))
        assert sizes == [1]

    def test_where_it_was_made(self):
        x = pa.tensor(np.ones(SIZE), requires_grad=True)
        with pa.detect_anomaly(check_nan=False):
            y = pa.tanh(x)  # the line
        (found,) = [r for r in blocks(8 * SIZE) if r.op == "tanh"]
        assert "test_memory.py" in found.made_at and "# the line" in found.made_at
        assert found.made_at in str(pa.memory.snapshot(10**6))
        del y

    def test_it_is_sorted_cut_and_printed(self):
        x = pa.tensor(np.ones(SIZE), requires_grad=True)
        y = pa.exp(x)
        small = pa.ones(3)
        found = pa.memory.snapshot(2)
        assert len(found.largest) == 2 and blocks(small.nbytes)
        sizes = [r.bytes for r in found.largest]
        assert sizes == sorted(sizes, reverse=True)
        assert found.live == pa.memory.live().bytes and 16 * SIZE <= found.found <= found.live
        line = f"float64[{SIZE}] made by exp, kept by a tensor, [exp]"
        assert line in str(pa.memory.snapshot(10**6))
        del y

    @pytest.mark.usefixtures("no_leak")
    def test_it_holds_nothing_itself(self):
        x = pa.tensor(np.ones(SIZE), requires_grad=True)
        found = pa.memory.snapshot(), pa.memory.by_op(), pa.exp(x)
        del x, found

    def test_packed_values_are_elsewhere(self):
        x = pa.tensor(np.ones(SIZE), requires_grad=True)
        with pa.saved_tensors_hooks(lambda t: t.numpy().copy(), pa.asarray):
            y = pa.sum(pa.exp(x))
        assert [r for r in blocks(8 * SIZE) if r.op == "exp"] == []
        del y


def test_by_op():
    def grown(op):
        zero = pa.memory.OpBytes(0, 0)
        return tuple(np.subtract(found.get(op, zero), before.get(op, zero)))

    before = pa.memory.by_op()
    x = pa.tensor(np.ones(SIZE), requires_grad=True)
    y = pa.exp(x)
    z = pa.sum(pa.sin(y) * y)
    found = pa.memory.by_op()
    assert grown("exp") == grown("sin") == (8 * SIZE, 8 * SIZE)
    assert grown("multiply")[1] == 16 * SIZE
    assert grown("leaf")[0] == 8 * SIZE
    totals = [made + saved for made, saved in found.values()]
    assert totals == sorted(totals, reverse=True)
    assert sum(row.made for row in found.values()) == pa.memory.live().bytes
    z.backward()
    found = pa.memory.by_op()
    assert grown("sin") == (0, 0)


class TestProfile:
    def program(self):
        x = pa.tensor(np.ones(SIZE), requires_grad=True)
        y = x
        for _ in range(3):
            y = pa.tanh(y)
        pa.sum(y).backward()
        return "done"

    def test_the_course(self):
        found = pa.memory.profile(self.program)
        assert found.result == "done" and found.final == 0
        assert found.ops[:5] == ["copy", "tanh", "tanh", "tanh", "sum"]
        assert all(op.endswith((" < sum", " < tanh")) for op in found.ops[5:])
        assert found.bytes[:4].tolist() == [8 * SIZE * k for k in (1, 2, 3, 4)]
        assert abs(found.peak - found.bytes.max()) < SLACK
        assert (np.diff(found.seconds) >= 0).all() and len(found.seconds) == len(found.ops)
        assert found.largest_steps(2) == [(0, "copy", 8 * SIZE), (1, "tanh", 8 * SIZE)]
        assert repr(found) == f"Profile({len(found.ops)} operations, peak {found.peak:,} bytes)"

    def test_functional_transforms_too(self):
        found = pa.memory.profile(pa.func.grad(lambda x: pa.sum(pa.exp(x))), np.ones(SIZE))
        assert "exp" in found.ops and any(op.endswith(" < exp") for op in found.ops)
        assert found.result.shape == (SIZE,) and found.final == 8 * SIZE

    def test_it_leaves_the_peak_as_it_would_be(self):
        pa.memory.reset_peak()
        before = pa.memory.live().bytes
        pa.ones(BIG)
        pa.memory.profile(self.program)
        assert abs(pa.memory.peak() - before - 8 * BIG) < SLACK
        pa.memory.profile(lambda: pa.ones(2 * BIG))
        assert abs(pa.memory.peak() - before - 16 * BIG) < SLACK

    def test_errors(self):
        with pytest.raises(TypeError, match=r"\[memory.profile\] expected a function, got int"):
            pa.memory.profile(3)
        with pytest.raises(RuntimeError, match="only one at a time"):
            pa.memory.profile(lambda: pa.memory.profile(self.program))
        with pytest.raises(ZeroDivisionError):
            pa.memory.profile(lambda: 1 / 0)
        assert len(pa.memory.profile(self.program).ops) > 4
        assert pa.memory.profile(lambda: None).ops == []

    def test_nothing_is_noted_afterwards(self):
        pa.memory.profile(self.program)
        self.program()
        assert pa.memory.profile(lambda: None).ops == []

    def test_operations_of_other_threads(self):
        def program():
            run_in_threads(lambda _: pa.sin(pa.ones(3)), 1)

        assert pa.memory.profile(program).ops == ["sin"]

    def test_the_picture(self, tmp_path):
        figure = pa.memory.profile(self.program).plot(tmp_path / "memory.png", title="three layers")
        assert (tmp_path / "memory.png").read_bytes()[:4] == b"\x89PNG"
        (axis,) = figure.axes
        assert axis.get_title() == "three layers"
        labels = [text.get_text() for text in axis.get_legend().get_texts()]
        assert set(labels) == {"peak", "backward"}
        pa.memory.profile(lambda: None).plot(tmp_path / "empty.svg")
        assert (tmp_path / "empty.svg").exists()


def test_a_snapshot_leaves_nothing_behind():
    """Neither what it looked through, which the next one would see, nor locals that go since."""

    def references():
        return len(gc.get_referents(*gc.get_objects()))

    gc.disable()
    try:
        before = references()
        for _ in range(5):
            pa.memory.snapshot()
        assert references() < 1.5 * before
        live = pa.memory.live()
        x = pa.ones(5000)
        assert any(block.shape == (5000,) for block in pa.memory.snapshot(10**6).largest)
        del x
        assert pa.memory.live() == live
    finally:
        gc.enable()


def test_snapshots_of_several_threads():
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: pa.memory.snapshot(1), range(12)))
    assert len(found) == 12
