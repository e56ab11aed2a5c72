"""The tests themselves."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


# What keeps an absolute tolerance, 1e-12 or 1e-8, beside a relative one that it is given, and with
# it passes whatever is small.
KEEPING = {"pytest.approx": ("rel", "abs"), "np.isclose": ("rtol", "atol")}
KEEPING["np.allclose"] = KEEPING["np.isclose"]


def relative_alone(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and (names := KEEPING.get(ast.unparse(node.func))):
            relative, absolute = (any(k.arg == name for k in node.keywords) for name in names)
            if relative and not absolute:
                yield f"{path.relative_to(TESTS)}:{node.lineno}"


def test_relative_tolerances_are_the_only_ones():
    paths = sorted(TESTS.rglob("*.py"))
    assert [place for path in paths for place in relative_alone(path)] == []
