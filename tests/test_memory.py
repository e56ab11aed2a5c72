"""What pa.memory reports: live bytes and their peak."""

import gc
import threading

import numpy as np
import pytest

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


def test_the_peak_is_what_lived_at_once():
    assert peak_of(lambda: [pa.ones(10_000) for _ in range(5)]) == 5 * 80_000
    assert peak_of(lambda: [pa.sum(pa.ones(10_000)) for _ in range(5)]) <= 80_000 + 5 * 8


def test_the_peak_outlives_what_made_it_until_it_is_reset():
    assert peak_of(lambda: pa.ones(10_000)) == 80_000
    assert pa.memory.peak() - pa.memory.live().bytes >= 80_000
    pa.memory.reset_peak()
    assert pa.memory.peak() == pa.memory.live().bytes


def test_the_peak_is_never_below_what_is_alive():
    pa.memory.reset_peak()
    held = []
    for i in range(2000):
        held.append(pa.tensor(float(i)))
        assert pa.memory.peak() >= pa.memory.live().bytes


def test_small_tensors_count_to_within_a_lot():
    found = peak_of(lambda: [pa.ones(8) for _ in range(1000)])
    assert 64_000 - 4096 <= found <= 64_000


def test_the_peak_adds_up_over_threads():
    barrier = threading.Barrier(4)

    def work():
        x = pa.ones(10_000)
        barrier.wait()
        assert x.shape == (10_000,)

    def program():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert abs(peak_of(program) - 4 * 80_000) <= 4 * 4096
    assert peak_of(lambda: pa.ones(10_000)) == 80_000


def test_borrowed_memory_is_not_counted():
    array = np.ones(100_000)
    before = pa.memory.live()
    x = pa.from_numpy(array)
    after = pa.memory.live()
    assert after.storages == before.storages + 1 and after.bytes == before.bytes
    del x
    assert pa.memory.live() == before


def test_backward_shows_in_the_peak():
    x = pa.tensor(np.linspace(0, 1, 10_000), requires_grad=True)

    def program():
        y = x
        for _ in range(10):
            y = pa.tanh(y)
        pa.sum(y).backward()

    program()
    assert 10 * 80_000 <= peak_of(program) <= 16 * 80_000
