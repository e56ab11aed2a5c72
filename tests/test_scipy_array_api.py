"""SciPy takes tensors where it supports the array API, and returns tensors with NumPy's values."""

import json
from pathlib import Path

import pytest
from processes import run_python

pytest.importorskip("scipy", minversion="1.17")  # earlier ones know fewer namespaces

PROGRAM = Path(__file__).with_name("scipy_calls.py")


def names():
    from scipy_calls import NAMES

    return NAMES


@pytest.fixture(scope="module")
def complaints():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCIPY_ARRAY_API", "1")
        done = run_python(str(PROGRAM))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", names())
def test_function_of_scipy(name, complaints):
    assert complaints[name] == ""
