"""SciPy takes tensors where it supports the array API, and returns tensors with NumPy's values."""

import json

import pytest
from support.processes import run_python

pytest.importorskip("scipy", minversion="1.17")  # earlier ones know fewer namespaces

from support import scipy_calls


@pytest.fixture(scope="module")
def complaints():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCIPY_ARRAY_API", "1")
        done = run_python(scipy_calls.__file__)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", scipy_calls.NAMES)
def test_function_of_scipy(name, complaints):
    assert complaints[name] == ""
