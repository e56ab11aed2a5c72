"""Calls that are captured on a device and replayed.

The emulated device records what is launched, with its arguments, and does that again.
"""

import contextlib
import gc
import io
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import pyautograd as pa


def test_replays_compute_what_calls_do(device):
    calls = []

    @pa.cuda.graph
    def f(x, scale):
        calls.append(1)
        return {"y": pa.sin(x) * scale["s"], "n": 3}

    rng = np.random.default_rng(0)
    for _ in range(5):
        x, s = rng.random((3, 4)), rng.random(4)
        out = f(pa.tensor(x, device=device), scale={"s": pa.tensor(s, device=device)})
        assert out["n"] == 3
        assert out["y"].device == device
        np.testing.assert_allclose(out["y"].to("cpu").numpy(), np.sin(x) * s, rtol=1e-14)
    assert len(calls) == 2  # the warm-up and the capture


def test_results_of_replays_are_the_callers(device):
    f = pa.cuda.graph(lambda x: x + 1, warmup=0)
    results = [f(pa.full(3, float(n), device=device)) for n in range(3)]
    assert [y.tolist() for y in results] == [[1] * 3, [2] * 3, [3] * 3]


def test_derivatives_are_replayed(device):
    def loss(w, x):
        return pa.sum(pa.tanh(x @ w) ** 2)

    rng = np.random.default_rng(0)
    w, x = rng.random((4, 2)), rng.random((5, 4))
    for make in (pa.func.grad, pa.func.hessian):
        captured = pa.cuda.graph(make(loss))
        for step in range(4):
            want = make(loss)(pa.tensor(w + step), pa.tensor(x))
            got = captured(pa.tensor(w + step, device=device), pa.tensor(x, device=device))
            np.testing.assert_allclose(got.to("cpu").numpy(), want.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    "make",
    [
        lambda w: pa.optim.SGD(w, lr=0.05),
        lambda w: pa.optim.SGD(w, lr=0.05, momentum=0.9),
        lambda w: pa.optim.Adam(w, lr=0.05, capturable=True),
    ],
    ids="sgd momentum adam".split(),
)
def test_a_training_step_is_replayed(make, device):
    rng = np.random.default_rng(0)
    batches = [(rng.random((8, 3)), rng.random(8)) for _ in range(7)]
    start = rng.random(3)

    def train(where, wrap):
        w = pa.tensor(start, device=where, requires_grad=True)
        optimizer = make(w)

        def step(x, y):
            optimizer.zero_grad()
            loss = pa.mean((x @ w - y) ** 2)
            loss.backward()
            optimizer.step()
            return loss

        call, losses = wrap(step), []
        for x, y in batches:
            losses.append(call(pa.tensor(x, device=where), pa.tensor(y, device=where)).item())
        return losses, w.detach().to("cpu").numpy()

    want, got = train("cpu", lambda f: f), train(device, pa.cuda.graph)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-11)


def test_adam_counts_its_steps_on_the_host_unless_told_otherwise(device):
    w = pa.tensor([1.0], device=device, requires_grad=True)
    optimizer = pa.optim.Adam(w, lr=0.1)

    def step():
        optimizer.zero_grad()
        pa.sum(w * w).backward()
        optimizer.step()

    call = pa.cuda.graph(step, device=device)
    call()
    with pytest.raises(RuntimeError, match=r"\[Adam.step\] .* capturable=True"):
        call()
    assert pa.ones(1, device=device).tolist() == [1]


def test_other_arguments_than_the_captured_ones(device):
    f = pa.cuda.graph(lambda x, n, **options: x * n, warmup=0)
    x = pa.ones((2, 3), device=device)
    f(x, 2)
    for call, message in (
        (
            lambda: f(pa.ones((2, 4), device=device), 2),
            r"of shape \(2, 3\) and dtype float64 on cuda:0 at args\[0\], this one a tensor of "
            r"shape \(2, 4\)",
        ),
        (lambda: f(x.to("float32"), 2), r"float64 on cuda:0 at args\[0\], this one .* float32"),
        (lambda: f(x.to("cpu"), 2), r"on cuda:0 at args\[0\], this one .* on cpu"),
        (lambda: f(x, 3), r"has the int 2 at args\[1\], this one the int 3"),
        (lambda: f(x, 2.0), r"has the int 2 at args\[1\], this one the float 2.0"),
        (lambda: f(x, 2, y=x), r"structure \(\(\*, \*\), \{\}\), this one \(\(\*, \*\), \{'y': \*"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert f(x, 2).tolist() == [[2] * 3] * 2
    with pytest.raises(ValueError, match=r"args\[0\] lies on cpu, expected cuda:0: move it"):
        pa.cuda.graph(lambda x: x, warmup=0)(np.ones(2))
    f.reset()
    assert f(x, 5).tolist() == [[5] * 3] * 2


def test_arguments_that_cannot_be_captured(device):
    f = pa.cuda.graph(lambda x: x * 2, warmup=0)
    with pytest.raises(ValueError, match=r"args\[0\] lies on cpu, expected a cuda device"):
        f(pa.ones(2))
    with pytest.raises(RuntimeError, match=r"args\[0\] requires grad, but no derivative"):
        f(pa.tensor([1.0], device=device, requires_grad=True))
    with pytest.raises(RuntimeError, match="derivative"):
        pa.func.grad(lambda x: pa.sum(f(x)))(pa.ones(2, device=device))
    with pytest.raises(TypeError, match=r"\[cuda.graph\] expected a function, got a int"):
        pa.cuda.graph(3)
    with pytest.raises(ValueError, match="warmup must not be negative"):
        pa.cuda.graph(f, warmup=-1)


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: x * float(x[0]), "read numbers on the host"),
        (lambda x: print(x), "read numbers on the host"),
        (lambda x: x if x[0] > 0 else -x, "read numbers on the host"),
        (lambda x: x[x > 0], "read numbers on the host"),
        (lambda x: pa.cuda.synchronize(x.device), "wait for the device"),
        (lambda x: pa.cuda.stream(pa.cuda.Stream()).__enter__(), "change the stream"),
        (lambda x: pa.cuda.Event().record(), "record an event"),
        (lambda x: pa.cuda.graph(lambda y: y, warmup=0)(x), "capture another one"),
    ],
    ids="float print branch mask synchronize stream event nested".split(),
)
def test_what_no_captured_call_can_do(f, what, device):
    x = pa.ones(3, device=device)
    gc.collect()
    before = pa.cuda.memory(device)
    with pytest.raises(RuntimeError, match=f"a captured call cannot {what}"):
        pa.cuda.graph(f, warmup=0)(x)
    # Nothing is left of it.
    gc.collect()
    after = pa.cuda.memory(device)
    assert (after["live"], after["captured"]) == (before["live"], before["captured"])
    assert (x + 1).tolist() == [2, 2, 2]
    assert pa.cuda.current_stream(device) == pa.cuda.default_stream(device)


def test_a_captured_call_that_raises(device):
    def f(x):
        y = x * 2
        raise KeyError(y.shape)

    with pytest.raises(KeyError):
        pa.cuda.graph(f, warmup=0)(pa.ones(3, device=device))
    assert pa.cuda.graph(lambda x: x * 2, warmup=0)(pa.ones(1, device=device)).tolist() == [2]


def test_a_graph_keeps_the_memory_that_it_touches(device):
    constant = pa.full(4000, 3.0, device=device)
    holder = [constant]
    f = pa.cuda.graph(lambda x: x * holder[0] + pa.tensor([1.0, 2.0] * 2000, device=device))
    x = pa.ones(4000, device=device)
    f(x), f(x)
    del constant
    holder.clear()
    others = [pa.full(4000, -1.0, device=device) for _ in range(20)]
    pinned = [pa.full(4000, -1.0).pin_memory() for _ in range(5)]
    assert f(x)[:2].tolist() == [4, 5]
    assert pinned[-1][0].item() == -1
    assert others[-1][0].item() == -1
    before = pa.cuda.memory(device)["captured"]
    assert before > 0
    del f
    gc.collect()
    assert pa.cuda.memory(device)["captured"] < before


def test_a_replay_that_writes_what_a_recorded_graph_saved(device):
    w = pa.tensor([1.0] * 3, device=device, requires_grad=True)

    def shrink():
        made = pa.zeros(3, device=device)
        made += 1
        with pa.no_grad():
            w[...] = w * 0.5

    call = pa.cuda.graph(shrink, device=device)
    call(), call()
    assert w.tolist() == [0.25] * 3
    loss = pa.sum(w**3)
    call()
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()
    pa.sum(w**3).backward()
    assert w.grad.tolist() == [3 / 64] * 3


def test_tensors_may_outlive_their_graph(device):
    made = []
    f = pa.cuda.graph(lambda x: made.append(x * 2), warmup=0)
    for value in (1.0, 4.0):
        f(pa.full(100, value, device=device))
    assert made[0][:1].tolist() == [8]  # of the last replay
    del f
    gc.collect()
    others = [pa.full(100, -1.0, device=device) for _ in range(20)]
    assert made[0][:1].tolist() == [8]
    del others


def test_replays_are_ordered_after_other_streams(device):
    side = pa.cuda.Stream(device)
    total = pa.zeros(1000, device=device)

    def f(x):
        total[...] = total + x

    call = pa.cuda.graph(f, warmup=0)
    for step in range(6):
        with pa.cuda.stream(side) if step % 2 else pa.cuda.stream(pa.cuda.default_stream(device)):
            call(pa.full(1000, float(step), device=device))
            total *= 2
    want = 0
    for step in range(6):
        want = (want + step) * 2
    np.testing.assert_array_equal(total.to("cpu").numpy(), want)


def test_indices_in_captured_calls(device):
    table = pa.arange(10.0, device=device)
    f = pa.cuda.graph(lambda i: table[i] + table[[1, 2, -1]], warmup=0)

    def call(*index):
        return f(pa.tensor(index, device=device)).tolist()

    assert call(0, 1, 2) == [1, 3, 11]
    assert call(-1, 3, 9) == [10, 5, 18]
    f.check()
    call(0, 99, 0)
    with pytest.raises(IndexError, match=r"\[cuda.graph\] an index tensor on the device was out"):
        f.check()
    f.check()
    assert call(4, 5, 6) == [5, 7, 15]
    call(0, 0, -11)
    pa.cuda.synchronize(device)
    with pytest.raises(IndexError, match="in an earlier call"):
        call(0, 1, 2)
    assert call(0, 1, 2) == [1, 3, 11]


def test_other_threads_work_while_one_captures(device):
    entered, go_on = threading.Event(), threading.Event()
    seen = []

    def f(x):
        y = x * 2
        entered.set()
        go_on.wait(10)
        return y + 1

    def other():
        entered.wait(10)
        z = pa.full(3, 5.0, device=device)
        seen.append((z * z).tolist())
        go_on.set()

    thread = threading.Thread(target=other)
    thread.start()
    call = pa.cuda.graph(f, warmup=0)
    assert call(pa.ones(3, device=device)).tolist() == [3] * 3
    thread.join()
    assert seen == [[25] * 3]
    assert call(pa.full(3, 2.0, device=device)).tolist() == [5] * 3


def test_a_capture_that_runs_out_of_memory(device):
    live, room = pa.cuda.memory(device)["live"], pa.cuda.memory(device)["total"]
    x = pa.ones(1 << 10, device=device)
    f = pa.cuda.graph(lambda x: pa.exp(pa.broadcast_to(x, (room // 8192, 1 << 10))) * 2, warmup=0)
    with pytest.raises(MemoryError, match="bytes on cuda:0"):
        f(x)
    assert pa.cuda.memory(device)["live"] == live + x.nbytes
    assert (x + 1)[:1].tolist() == [2]


def test_the_examples_of_the_page(device):
    page = (Path(__file__).parents[2] / "docs" / "cuda.md").read_text()
    examples = re.findall(r"^```py\n(.*?)^```\n\n```text\n(.*?)^```$", page, re.M | re.S)
    assert len(examples) == page.count("```py\n") == 3
    for code, expected in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, {"np": np, "pa": pa})
        assert printed.getvalue() == expected


def test_numbers_that_an_op_refuses_are_reported_after_the_replay(device):
    f = pa.cuda.graph(lambda i: pa.unravel_index(i, (2, 3)), warmup=0)
    assert [x.tolist() for x in f(pa.tensor([4, 1], device=device))] == [[1, 0], [1, 1]]
    f.check()
    f(pa.tensor([4, 6], device=device))
    with pytest.raises(ValueError, match="a value that it refuses, .* in an earlier call"):
        f.check()
    f.check()


def test_what_numbers_would_decide_takes_the_way_that_is_always_right(device):
    x = np.array([[1.0, np.nan], [2.0, 5.0]])
    f = pa.cuda.graph(lambda x: pa.nanvar(x, axis=1, ddof=2), warmup=0)
    f(pa.ones((2, 2), device=device))
    f(pa.tensor(x, device=device))
    got = f(pa.tensor([[1.0, np.nan], [2.0, 5.0]], device=device)).to("cpu").numpy()
    assert np.isnan(got).all()


def test_one_flag_serves_any_number_of_indices(device):
    x = pa.arange(5.0, device=device)

    def picked(i):
        return sum(x[i + n % 3] for n in range(5000))

    f = pa.cuda.graph(picked, warmup=0)
    assert f(pa.tensor([0, 1], device=device)).tolist() == picked(pa.tensor([0, 1])).tolist()
