"""What all tests share."""

import gc

import hypothesis
import numpy as np
import pytest

import pyautograd as pa

# The same examples on every run: a failure is a fact about the code, not about the day.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def quiet_numpy():
    """References compute infinities and nans on purpose."""
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def no_leak():
    """Fails if nodes, bodies, storages or bytes outlive the test."""
    gc.collect()
    before = pa.memory.live()
    yield
    gc.collect()
    assert pa.memory.live() == before
