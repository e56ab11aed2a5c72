"""``pa.coverage()`` says what the records say now, and nothing is missing."""

import dataclasses
import json

import numpy as np
import pytest
from op_coverage import ROOT, as_json, as_markdown, row
from records import CASES, RECORDS

import pyautograd as pa
from pyautograd import _core

COMPLEX = {r.name: r for r in CASES if r.label != r.name}


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_row_is_current(record):
    """tests/ops/test_ops_*.py assert of every record what the checks behind a row do,
    so here they are taken as passed."""
    found = row(record, COMPLEX.get(record.name), holds=lambda check: True)
    assert found == pa.coverage()[record.name]


@pytest.mark.parametrize("record", RECORDS[::20], ids=lambda r: r.name)
def test_row_is_what_the_checks_find(record):
    assert row(record, COMPLEX.get(record.name)) == pa.coverage()[record.name]


def test_table_has_every_op_and_no_hole():
    table = pa.coverage()
    assert set(table) >= set(_core.ops)
    assert [name for name, found in table.items() if False in found._replace(cuda=True)] == []
    assert table["linalg.svd"].cuda and not table["fromfunction"].cuda
    assert table["argmax"].vjp is None and table["argmax"].value


def test_files_are_made_from_the_table():
    table = pa.coverage()
    assert (ROOT / "docs" / "coverage.md").read_text() == as_markdown(table)
    assert json.loads(as_json(table)) == {name: list(found) for name, found in table.items()}


def test_a_wrong_rule_would_show():
    """The checks can fail: a record whose reference is another function has no value, no jvp."""
    sine = next(r for r in RECORDS if r.name == "sin")
    wrong = row(dataclasses.replace(sine, ref=np.cos))
    assert not wrong.value and not wrong.jvp and not wrong.vjp
    assert wrong.reverse_over_reverse
