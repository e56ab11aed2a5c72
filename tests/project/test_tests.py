"""The tests themselves."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def relative_alone(path):
    """Lines where pytest.approx is given a relative tolerance and keeps its absolute one, 1e-12,
    which passes whatever is small."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("approx"):
            given = {keyword.arg for keyword in node.keywords}
            if "rel" in given and "abs" not in given:
                yield f"{path.relative_to(TESTS)}:{node.lineno}"


def test_relative_tolerances_are_the_only_ones():
    paths = sorted(TESTS.rglob("*.py"))
    assert [place for path in paths for place in relative_alone(path)] == []
