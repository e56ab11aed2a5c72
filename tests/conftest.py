"""What all tests share."""

import gc
import os
import sys
from pathlib import Path

# The references work on a few numbers at a time, in as many processes as there are cores: the
# threads of NumPy's and SciPy's BLAS would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest

# With `python -m pytest` the checkout comes first on the path; its sources hold no compiled core.
CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != CHECKOUT]

import pyautograd as pa  # noqa: E402

LIBRARY = os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY")

# The same examples on every run: a failure is about the code, not about the day.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.load_profile("fixed")


def pytest_addoption(parser):
    help = "how many random programs to compare (tests/transforms/test_random_programs.py)"
    parser.addoption("--programs", type=int, default=200, help=help)


def pytest_configure():
    # Before anything asks for a device, which opens the package's own library.
    if LIBRARY:
        pa._core.set_backend_library(LIBRARY)


def pytest_collection_finish(session):
    """What is collected stays to the end: not worth a look in every test's gc.collect().

    Nor are the reports of tests, of which a worker's reporter would keep all and print none.
    """
    if hasattr(session.config, "workerinput"):
        session.config.pluginmanager.unregister(name="terminalreporter")
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def same_draws(request):
    """What a test draws from its module's RNG does not depend on the tests before it."""
    module = request.module
    if hasattr(module, "RNG"):
        if not hasattr(module, "RNG_AT_FIRST"):
            module.RNG_AT_FIRST = module.RNG.bit_generator.state
        module.RNG.bit_generator.state = module.RNG_AT_FIRST


@pytest.fixture
def program_count(request):
    return request.config.getoption("--programs")


@pytest.fixture(scope="session")
def device():
    """A CUDA device: this machine's, or the one that PYAUTOGRAD_TEST_CUDA_LIBRARY emulates.

    The C++ tests build that library (tests/native): its kernels are the same code, run on the host.
    """
    if not LIBRARY and not pa.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return pa.device("cuda")


@pytest.fixture(autouse=True)
def deferred():
    """With PYAUTOGRAD_TEST_DEFERRED=1 elementwise ops of every size are put off."""
    if not os.environ.get("PYAUTOGRAD_TEST_DEFERRED"):
        yield
        return
    former = pa._core.set_least_deferred(1)
    with pa.fused():
        yield
    pa._core.set_least_deferred(former)


@pytest.fixture(autouse=True)
def quiet_numpy():
    """References compute infinities and nans on purpose."""
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(autouse=True, scope="module")
def released():
    """What a module's large arrays leave in the allocator's cache goes back to the system."""
    yield
    pa.memory.release_cached()


@pytest.fixture
def no_leak():
    """Fails if nodes, bodies, storages or bytes outlive the test."""
    gc.collect()
    gc.freeze()
    before = pa.memory.live()
    yield
    gc.collect()
    assert pa.memory.live() == before
