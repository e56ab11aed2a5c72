"""detect_anomaly names the line that recorded the operation whose derivative is nan."""

import inspect
import re

import pytest

import pyautograd as pa


def line_of(function, marker):
    source, start = inspect.getsourcelines(function)
    return start + next(i for i, text in enumerate(source) if marker in text)


def broken(x):
    y = x * 2 - 1
    z = pa.sqrt(y)  # the culprit
    return pa.sum(z * 3)


def test_names_the_line():
    x = pa.tensor([0.0, 1.0], requires_grad=True)
    with pa.detect_anomaly():
        y = broken(x)
        with pytest.raises(RuntimeError) as caught:
            y.backward()
    message = str(caught.value)
    assert message.startswith("[sqrt] backward produced nan in the gradient of input 0")
    assert f"test_anomaly.py:{line_of(broken, '# the culprit')}, in broken" in message
    assert "z = pa.sqrt(y)  # the culprit" in message


def second_order(x):
    y = pa.sin(x)  # fine once
    (g,) = pa.grad(pa.sum(y), x, create_graph=True)
    return g


def test_names_the_line_at_second_order():
    x = pa.tensor([0.0, 1.0], requires_grad=True)
    with pa.detect_anomaly():
        g = second_order(x)
        with pytest.raises(RuntimeError) as caught:
            g.backward(pa.full(2, pa.nan))
    message = str(caught.value)
    assert f"test_anomaly.py:{line_of(second_order, '# fine once')}, in second_order" in message
    assert "derivative of [sin]" in message


def test_frames_of_the_library_are_skipped():
    x = pa.tensor([-1.0], requires_grad=True)
    with pa.detect_anomaly():
        y = pa.func.vmap(pa.sqrt)(x)  # seen from here
        trace = y.grad_fn.metadata["trace"]
    own = line_of(test_frames_of_the_library_are_skipped, "# seen from here")
    assert f"test_anomaly.py:{own}, " in trace


def test_outside_a_recording_the_message_says_what_to_do():
    x = pa.tensor([0.0], requires_grad=True)
    y = broken(x)
    with pa.detect_anomaly(), pytest.raises(RuntimeError, match=re.escape("detect_anomaly()")):
        y.backward()


def test_nan_is_no_error_otherwise():
    x = pa.tensor([0.0], requires_grad=True)
    broken(x).backward()
    y = broken(x)
    assert y.grad_fn.metadata == {}
    with pa.detect_anomaly(check_nan=False):
        y = broken(x)
        assert "test_anomaly.py" in y.grad_fn.metadata["trace"]
        y.backward()


def test_switches_restore():
    x = pa.tensor([0.0], requires_grad=True)
    with pa.detect_anomaly():
        with pa.detect_anomaly(check_nan=False):
            broken(x).backward()
        with pytest.raises(RuntimeError):
            broken(x).backward()
    broken(x).backward()
    pa.set_detect_anomaly(True)
    try:
        with pytest.raises(RuntimeError, match="nan"):
            broken(x).backward()
    finally:
        pa.set_detect_anomaly(False)
    broken(x).backward()
