"""The ops of the library and the ops that are tested are the same, without exemptions."""

import inspect
from collections import Counter

from records import RECORDS

import pyautograd as pa
from pyautograd import _core, compositions


def test_every_op_has_exactly_one_record():
    assert Counter(r.name for r in RECORDS) == Counter(
        [*_core.ops, *compositions.HOMES, *compositions.BESIDE]
    )


def test_every_op_is_public_and_documented():
    for name in _core.ops:
        module, _, short = name.rpartition(".")
        function = getattr(getattr(pa, module) if module else pa, short)
        assert function.__name__ == short
        assert not module or function.__module__ == f"pyautograd.{module}"
        assert inspect.signature(function).parameters, name
        assert len(function.__doc__) > 20, name


def test_every_record_has_samples_that_work_and_derivatives_that_are_tested():
    for record in RECORDS:
        assert record.calls(), record.name
        if record.diff:
            assert any(record.differentiable(sample) for sample in record.calls()), record.name
