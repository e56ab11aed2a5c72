"""The ops of the library and the ops that are tested are the same, without exemptions."""

import inspect
from collections import Counter

import pytest
from records import CASES, RECORDS
from records.record import arrays_of
from support.properties import scalars

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


@pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)
def test_every_record_has_samples_that_work_and_derivatives_that_are_tested(record):
    assert record.calls()
    moved = set()
    for f in scalars(record):
        owners = [i for i, arg in enumerate(f.sample.args) for _ in arrays_of(arg)]
        moved.update(owners[k] for k in f.chosen if f.arrays[k].size)
    assert moved == set(record.diff)
