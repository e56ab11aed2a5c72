"""Streams, events and pinned memory.

The emulated device puts work off until somebody waits for it, one stream after the other: an order
that nobody asked for shows as wrong numbers.
"""

import ctypes
import os
import threading
import time

import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa


def chain(x, count=20):
    for _ in range(count):
        x = x * 1.5 + 1.0
    return x


def chain_of(value, count=20):
    for _ in range(count):
        value = value * 1.5 + 1.0
    return value


# Streams.


def test_streams_have_names_and_an_order(device):
    side = pa.cuda.Stream(device)
    assert side.device == device
    assert side != pa.cuda.current_stream(device)
    assert pa.cuda.current_stream(device) == pa.cuda.default_stream(device)
    assert side.handle != pa.cuda.stream_handle(device)
    with pa.cuda.stream(side) as entered:
        assert entered is side
        assert pa.cuda.current_stream(device) == side
        assert pa.cuda.stream_handle(device) == side.handle
        assert pa.cuda.default_stream(device) != side
    assert pa.cuda.current_stream(device) == pa.cuda.default_stream(device)
    assert len({side, pa.cuda.default_stream(device)}) == 2
    assert repr(side).startswith("Stream(device='cuda:0', number=")
    side.synchronize()
    assert side.query()
    with pytest.raises(ValueError, match=r"\[cuda.Stream\] expected a cuda device, got 'cpu'"):
        pa.cuda.Stream("cpu")
    with pytest.raises(TypeError, match=r"\[cuda.stream\] expected a cuda.Stream, got a int"):
        pa.cuda.stream(3).__enter__()
    with pytest.raises(RuntimeError, match="does not exist"):
        pa.cuda.Stream("cuda:99")


def test_a_stream_is_left_when_its_block_raises(device):
    side = pa.cuda.Stream(device)
    with pytest.raises(KeyError), pa.cuda.stream(side):
        raise KeyError
    assert pa.cuda.current_stream(device) == pa.cuda.default_stream(device)


def test_reading_what_another_stream_makes(device):
    side = pa.cuda.Stream(device)
    x = chain(pa.ones(1000, device=device))
    with pa.cuda.stream(side):
        y = chain(x)
    z = y + x
    want = chain_of(chain_of(1.0)) + chain_of(1.0)
    np.testing.assert_allclose(z.to("cpu").numpy(), want)
    with pa.cuda.stream(side):
        np.testing.assert_allclose(z.to("cpu").numpy(), want)


def test_writing_what_another_stream_reads(device):
    side = pa.cuda.Stream(device)
    x = pa.zeros(1000, device=device)
    read = []
    for step in range(5):
        with pa.cuda.stream(side):
            read.append(chain(x))
        x += step + 1.0
    for y, value in zip(read, (0, 1, 3, 6, 10), strict=True):
        np.testing.assert_allclose(y.to("cpu").numpy(), chain_of(value))


def test_a_second_stream_comes_after_what_the_only_one_did(device):
    library = os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY")
    done = run_code(f"""
        import pyautograd as pa
        if {library!r}:
            pa._core.set_backend_library({library!r})
        x = pa.ones(1000, device="cuda")
        pa.cuda.release_cached()  # waits for all that was asked so far
        for _ in range(20):
            x *= 2.0
        with pa.cuda.stream(pa.cuda.Stream("cuda")):
            y = x + 1.0
            print(y[:2].tolist())
    """)
    assert done.stdout == f"[{2.0**20 + 1}, {2.0**20 + 1}]\n", done.stderr


def test_memory_is_not_reused_while_another_stream_uses_it(device):
    side, third = pa.cuda.Stream(device), pa.cuda.Stream(device)
    kept = []
    for step in range(8):
        x = pa.full(3000, float(step), device=device)
        for stream in (side, third):
            with pa.cuda.stream(stream):
                kept.append((step, chain(x)))
        del x
        y = pa.full(3000, -1.0, device=device)  # would take the place of x
        del y
    for step, y in kept:
        np.testing.assert_allclose(y.to("cpu").numpy(), chain_of(step))


def test_memory_is_not_reused_while_another_library_uses_it(device):
    library = os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY")
    others = library and ctypes.CDLL(library)
    if not hasattr(others, "pyautograd_others_copy"):
        pytest.skip("needs the emulated device")
    for side in (pa.cuda.default_stream(device), pa.cuda.Stream(device)):
        x = pa.full(3000, 1.0, device=device)
        seen = x.__dlpack__(stream=1)
        place, got = x.__cuda_array_interface__["data"][0], np.zeros(3000)
        others.pyautograd_others_copy(
            ctypes.c_void_p(got.ctypes.data), ctypes.c_void_p(place), ctypes.c_size_t(got.nbytes)
        )
        del x, seen
        with pa.cuda.stream(side):
            y = pa.full(3000, -1.0, device=device)
            reused = y.__cuda_array_interface__["data"][0] == place
            assert y[:1].tolist() == [-1]
        others.pyautograd_others_wait()
        np.testing.assert_array_equal(got, 1.0)
        assert reused or side != pa.cuda.default_stream(device)
        del y


def test_freed_memory_comes_back_to_every_stream(device):
    side = pa.cuda.Stream(device)
    pa.cuda.synchronize(device)
    pa.cuda.release_cached(device)
    for _ in range(50):
        x = pa.ones(1 << 18, device=device)
        with pa.cuda.stream(side):
            y = x + 1
        del x
        assert y[:1].tolist() == [2]
        del y
    # Without reuse these were 50 pairs.
    assert pa.cuda.memory(device)["cached"] <= 8 * (8 << 18)


def test_derivatives_across_streams(device):
    side = pa.cuda.Stream(device)
    x = pa.tensor([0.5, 1.0], device=device, requires_grad=True)
    with pa.cuda.stream(side):
        y = pa.sin(x)
    z = pa.sum(y * pa.exp(x))
    with pa.cuda.stream(side):
        z.backward()
    values = np.array([0.5, 1.0])
    np.testing.assert_allclose(
        x.grad.to("cpu").numpy(), np.exp(values) * (np.sin(values) + np.cos(values)), rtol=1e-13
    )


def test_threads_have_streams_of_their_own(device):
    handles, results, barrier = set(), {}, threading.Barrier(4)
    shared = chain(pa.ones(500, device=device))

    def work(number):
        barrier.wait()
        handles.add(pa.cuda.stream_handle(device))
        x = pa.full(500, float(number), device=device)
        for _ in range(20):
            x = x * 0.5 + shared
        results[number] = x
        barrier.wait()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(handles) == 4
    assert pa.cuda.stream_handle(device) not in handles
    for number, x in results.items():
        want = number
        for _ in range(20):
            want = want * 0.5 + chain_of(1.0)
        np.testing.assert_allclose((x + 0).to("cpu").numpy(), want)


def test_streams_of_threads_that_ended_are_used_again(device):
    seen = []
    for _ in range(5):
        thread = threading.Thread(target=lambda: seen.append(pa.cuda.stream_handle(device)))
        thread.start()
        thread.join()
        # join() returns before the system's thread has ended, and given its streams back.
        while os.path.exists(f"/proc/self/task/{thread.native_id}"):
            time.sleep(0.001)
    assert len(set(seen)) == 1


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_over_streams(seed, device):
    rng = np.random.default_rng(seed)
    streams = [pa.cuda.default_stream(device), *(pa.cuda.Stream(device) for _ in range(3))]
    here, there = [np.ones(700)], [pa.ones(700, device=device)]
    for _ in range(400):
        i, j = rng.integers(len(here), size=2)
        with pa.cuda.stream(streams[rng.integers(4)]):
            match rng.integers(5):
                case 0:
                    here.append(here[i] * 0.5 + here[j])
                    there.append(there[i] * 0.5 + there[j])
                case 1:
                    here[i] += 0.25 * here[j]
                    there[i] += 0.25 * there[j]
                case 2:
                    here[i][::2] = here[j][1::2]
                    there[i][::2] = there[j][1::2]
                case 3:
                    value = rng.random(700)
                    here.append(value)
                    there.append(pa.tensor(value).pin_memory().to(device, non_blocking=True))
                case 4 if len(here) > 3:
                    del here[i], there[i]
        if rng.random() < 0.02:
            np.testing.assert_allclose(there[0].to("cpu").numpy(), here[0], rtol=1e-12)
    for x, want in zip(there, here, strict=True):
        np.testing.assert_allclose(x.to("cpu").numpy(), want, rtol=1e-12)


# Events.


def test_events(device):
    side = pa.cuda.Stream(device)
    start, end = (pa.cuda.Event(enable_timing=True, device=device) for _ in range(2))
    assert start.query()  # nothing to wait for
    start.record()
    x = chain(pa.ones(1000, device=device))
    end.record()
    assert 0 <= start.elapsed_time(end) < 60_000
    assert end.query()
    passed = side.record_event()
    pa.cuda.current_stream(device).wait_event(passed)
    passed.wait(side)
    passed.synchronize()
    side.wait_stream(pa.cuda.current_stream(device))
    side.synchronize()
    assert pa.cuda.current_stream(device).query()
    while not end.query():
        pass
    assert x[:1].tolist() == [chain_of(1.0)]


def test_events_that_keep_no_time(device):
    timed, plain = pa.cuda.Event(enable_timing=True), pa.cuda.Event()
    plain.record()
    timed.record()
    for pair in ((timed, plain), (plain, timed)):
        with pytest.raises(RuntimeError, match="make both events with enable_timing=True"):
            pair[0].elapsed_time(pair[1])
    with pytest.raises(RuntimeError, match="must have been recorded"):
        timed.elapsed_time(pa.cuda.Event(enable_timing=True))
    with pytest.raises(ValueError, match=r"\[cuda.Event\] expected a cuda device, got 'cpu'"):
        pa.cuda.Event(device="cpu")


# Pinned memory.


def test_pinned_memory_holds_the_same_numbers(device):
    values = np.arange(24.0).reshape(2, 3, 4)
    x = pa.tensor(values)
    y = x.T.pin_memory()
    assert (x.is_pinned(), y.is_pinned(), y.device) == (False, True, "cpu")
    np.testing.assert_array_equal(y.numpy(), values.T)
    assert y.pin_memory().is_pinned()
    assert pa.cuda.pin_memory(y) is not x
    np.testing.assert_array_equal(y.to(device, non_blocking=True).to("cpu").numpy(), values.T)
    with pytest.raises(ValueError, match=r"\[pin_memory\] the tensor lies on cuda:0"):
        pa.ones(2, device=device).pin_memory()
    with pytest.raises(RuntimeError, match=r"\[pin_memory\] .* use x.detach\(\)"):
        (pa.tensor([1.0], requires_grad=True) * 2).pin_memory()
    assert pa.zeros((0, 3)).pin_memory().to(device, non_blocking=True).shape == (0, 3)


def test_a_copy_in_flight_outlives_its_tensor(device):
    moved = []
    for step in range(6):
        x = pa.full(5000, float(step)).pin_memory()
        moved.append(x.to(device, non_blocking=True))
        del x
        # Would take the place of x, and write it before the copy.
        y = pa.full(5000, -1.0).pin_memory()
        del y
    for step, x in enumerate(moved):
        np.testing.assert_array_equal(x.to("cpu").numpy(), step)


def test_pinned_memory_goes_back_to_the_system(device):
    x = pa.full(5000, 2.0).pin_memory()
    there = x.to(device, non_blocking=True)
    kept = pa.full(5000, 3.0).pin_memory()
    del x
    pa.cuda.release_cached(device)
    pa.cuda.release_cached(device)
    assert there[:1].tolist() == [2]
    assert kept[:1].tolist() == [3]
    assert pa.full(5000, 4.0).pin_memory()[:1].tolist() == [4]


def test_a_copy_is_in_flight_until_somebody_waits(device):
    x = pa.zeros(5000).pin_memory()
    there = x.to(device, non_blocking=True)
    done = pa.cuda.Event(device=device)
    done.record()
    done.synchronize()
    x[...] = 1.0
    np.testing.assert_array_equal(there.to("cpu").numpy(), 0)


def test_copies_that_do_not_wait_are_differentiable(device):
    def f(x):
        return pa.sum(pa.sin(x.to(device, non_blocking=True)).to("cpu"))

    x = pa.tensor([0.5, 1.0]).pin_memory()
    np.testing.assert_allclose(pa.func.grad(f)(x).numpy(), np.cos([0.5, 1.0]), rtol=1e-14)


def test_to_takes_one_target_and_one_option(device):
    x = pa.ones(2)
    assert x.to(device, non_blocking=False).device == device
    assert x.to("float32", non_blocking=True).dtype == np.float32
    for call in (lambda: x.to(), lambda: x.to(device, True), lambda: x.to(device, blocking=1)):
        with pytest.raises(TypeError, match=r"\[to\] expected a device or a dtype"):
            call()


# Several devices, and processes.


@pytest.fixture
def second(device):
    if pa.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    return pa.device("cuda:1")


def test_devices_that_are_not_there(device):
    count = pa.cuda.device_count()
    with pytest.raises(RuntimeError, match=rf"'cuda:{count}' does not exist: this machine has"):
        pa.ones(2, device=f"cuda:{count}")
    for call in (pa.cuda.memory, pa.cuda.synchronize, pa.cuda.name, pa.cuda.current_stream):
        with pytest.raises(RuntimeError, match="does not exist"):
            call("cuda:99")


def test_two_devices(device, second):
    x, y = pa.ones(300, device=device), pa.full(300, 2.0, device=second)
    with pytest.raises(ValueError, match=r"\[add\] inputs lie on cuda:0 and cuda:1: move one"):
        x + y
    assert (x + y.to(device)).tolist() == [3] * 300
    assert (x.to(second) + y).device == second
    assert y.to(device).to(second).tolist() == [2] * 300

    def f(x):
        return pa.sum(pa.sin(x).to(second) ** 2).to("cpu")

    values = pa.tensor([0.5, 1.0], device=device)
    np.testing.assert_allclose(
        pa.func.grad(f)(values).to("cpu").numpy(), np.sin([1.0, 2.0]), rtol=1e-14
    )
    with pytest.raises(ValueError, match="the streams are of cuda:0 and cuda:1"):
        pa.cuda.Stream(device).wait_stream(pa.cuda.Stream(second))
    with pytest.raises(ValueError, match="the event is of"):
        pa.cuda.Event(device=device).record(pa.cuda.Stream(second))
    event = pa.cuda.Stream(device).record_event()
    pa.cuda.Stream(second).wait_event(event)
    with pytest.raises(RuntimeError, match="cannot copy between devices|second device"):
        pa.cuda.graph(lambda x: x.to(second), warmup=0)(x)
    with pytest.raises(ValueError, match=r"kwargs\['y'\] lies on cuda:1, expected cuda:0"):
        pa.cuda.graph(lambda x, y: x, warmup=0)(x, y=y)


def test_a_forked_child_says_what_is_wrong(device):
    done = run_code(
        """
        import os
        import sys
        import pyautograd as pa
        if library := os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY"):
            pa._core.set_backend_library(library)
        x = pa.ones(3, device="cuda")
        event = pa.cuda.Event()
        child = os.fork()
        if child == 0:
            for call in (lambda: x + 1, lambda: pa.zeros(1, device="cuda"), lambda: event.record()):
                try:
                    call()
                except RuntimeError as error:
                    print(error)
            print((pa.ones(2) + 1).tolist())
            del x, event
            sys.stdout.flush()
            os._exit(0)
        print(os.waitpid(child, 0)[1], (x + 1).tolist())
        """
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    for line in lines[:3]:
        assert "forked after its first use: start processes with multiprocessing's 'spawn'" in line
    assert lines[3:] == ["[2.0, 2.0]", "0 [2.0, 2.0, 2.0]"]
